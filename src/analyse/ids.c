/* SPDX-License-Identifier: MIT */
/*
 * What: short ids of addresses that several goroutines were given: the same #3 in two stacks is the same object.
 *
 * How: one pass over all arguments that are pointers to objects counts the goroutines of each address; whoever has
 * more than one gets the next id.  Functions and text are no objects in this sense: they are written by name and
 * contents.
 *
 * Invariants: every fact about an address has its id, and there is a fact of kind FACT_BYTES for each address that
 * has one: a `bad` one where the memory was not read.
 */
#include <stdlib.h>
#include <string.h>

#include "analyse/analyse.h"
#include "base/vec.h"

struct use {
	uint64_t addr;
	uint32_t ngoroutines;
	size_t last; /* the goroutine that used it last, plus one */
};

struct uses {
	struct table by_addr;
	VEC(struct use) all;
};

/* The address of an object; 0: it is none, or not known. */
static uint64_t address_of(const struct world *w, const struct value *v)
{
	const struct type *t = v->type;
	const struct fact *symbol;
	uint64_t addr;

	if (v->status != VALUE_KNOWN || !v->bytes || !t || t->size != 8)
		return 0;
	if (t->kind != TYPE_POINTER && !(t->kind == TYPE_WRITTEN && t->count))
		return 0;
	if (t->elem && (t->elem->kind == TYPE_FUNCTION || t->elem->kind == TYPE_CHAR))
		return 0;
	memcpy(&addr, v->bytes, sizeof addr);
	symbol = addr ? world_fact(w, FACT_SYMBOL, addr) : NULL;
	return symbol && !symbol->bad ? 0 : addr;
}

static void count(struct uses *u, uint64_t addr, size_t goroutine)
{
	void **slot = table_slot(&u->by_addr, addr);
	struct use *use;

	if (!*slot) {
		use = VEC_PUSH(&u->all);
		*use = (struct use){addr, 0, 0};
		*slot = (void *)u->all.n; /* items move: a place in the array plus one */
	}
	use = &u->all.items[(size_t)*slot - 1];
	if (use->last != goroutine + 1) {
		use->last = goroutine + 1;
		use->ngoroutines++;
	}
}

/* Of text there are no types: any address in braces may be that of an object. */
static void count_members(struct uses *u, const struct value *v, size_t goroutine)
{
	for (uint32_t i = 0; i < v->type->nmembers; i++) {
		const struct type_member *m = &v->type->members[i];
		struct value part = {.type = m->type, .bytes = v->bytes + m->offset, .status = v->status};
		uint64_t addr;

		if (v->mask) {
			part.mask = v->mask + m->offset;
			part.status = part.mask[0];
		}
		if (m->type->kind == TYPE_STRUCT)
			count_members(u, &part, goroutine);
		if (m->type->kind != TYPE_POINTER || part.status != VALUE_KNOWN)
			continue;
		memcpy(&addr, part.bytes, sizeof addr);
		count(u, addr, goroutine);
	}
}

static void count_goroutine(struct uses *u, const struct world *w, size_t i)
{
	const struct stack *st = &w->goroutines[i].stack;

	for (uint32_t k = 0; k < st->nframes; k++)
		for (uint16_t a = 0; a < st->frames[k].nargs; a++) {
			const struct value *v = &st->frames[k].args[a];
			uint64_t addr = address_of(w, v);

			if (addr)
				count(u, addr, i);
			else if (w->is_text && v->bytes && v->type->kind == TYPE_STRUCT && !v->type->name[0])
				count_members(u, v, i);
		}
}

static void name(struct world *w, const struct use *use)
{
	bool is_new;
	struct fact *f = world_fact_add(w, FACT_BYTES, use->addr, &is_new);

	if (is_new)
		f->bad = true;
	w->nids++;
	for (int kind = FACT_TEXT; kind <= FACT_LIST; kind++) {
		f = (struct fact *)(uintptr_t)world_fact(w, (enum fact_kind)kind, use->addr);
		if (f) {
			f->nuses = use->ngoroutines;
			f->id = w->nids;
		}
	}
}

void analyse_ids(struct world *w)
{
	struct uses u = {0};

	w->nids = 0;
	for (size_t i = 0; i < w->ngoroutines; i++)
		count_goroutine(&u, w, i);
	for (size_t i = 0; i < u.all.n; i++)
		if (u.all.items[i].ngoroutines > 1)
			name(w, &u.all.items[i]);
	VEC_FREE(&u.all);
	table_deinit(&u.by_addr);
}
