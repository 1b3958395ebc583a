/* SPDX-License-Identifier: MIT */
/*
 * What: words to values: parse/decode.h.
 *
 * How: a value is made of bytes and a mask of what is known of them (model/value.h), so nothing has to be known
 * whole.  In braces each leaf stands for one scalar, in order; plain words are the memory of the arguments, of which
 * each parameter has its part.
 *
 * Invariants: a leaf that does not fit its scalar, or a brace where a scalar is, fits nothing: the frame stays as it
 * was.
 */
#include "parse/decode.h"

#include <dwarf.h>
#include <string.h>

#include "base/vec.h"

enum { MAX_PARAMS = 256, MAX_VALUE = 1 << 16, MAX_WALK = 4096 };

void decoder_init(struct decoder *d)
{
	d->types = types_new(NULL);
}

void decoder_deinit(struct decoder *d)
{
	types_free(d->types);
	table_deinit(&d->go_types);
	table_deinit(&d->all_params);
	arena_deinit(&d->arena);
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

static bool is_result(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	bool yes;

	return dwarf_formflag(dwarf_attr_integrate(die, DW_AT_variable_parameter, &attr), &yes) == 0 && yes;
}

static void read_param(struct decoder *d, Dwarf_Die *die, struct param_type *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Die of;

	ret->name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
	if (!d->is_go)
		ret->type = types_of(d->types, die);
	else if (dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), &of))
		ret->type = go_type(d, &of, 0);
}

struct params *decoder_params(struct decoder *d, Dwarf_Die *function)
{
	void **slot = table_slot(&d->all_params, (uint64_t)(uintptr_t)function->addr);
	VEC(struct param_type) items = {0};
	struct params *p = *slot;
	Dwarf_Die child;

	if (p)
		return p;
	p = arena_new(&d->arena, struct params);
	*slot = p;
	if (dwarf_child(function, &child) == 0)
		do {
			struct param_type item = {0};

			if (dwarf_tag(&child) != DW_TAG_formal_parameter || is_result(&child))
				continue;
			read_param(d, &child, &item);
			if (!item.type || (item.name && !strcmp(item.name, ".dict")))
				continue;
			p->small |= item.type->size < 8;
			*VEC_PUSH(&items) = item;
		} while (items.n < MAX_PARAMS && dwarf_siblingof(&child, &child) == 0);
	p->items = arena_copy(&d->arena, items.items, items.n * sizeof items.items[0]);
	p->n = (unsigned)items.n;
	VEC_FREE(&items);
	return p;
}

bool params_same(const struct params *a, const struct params *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->items[i].type != b->items[i].type &&
		    (a->items[i].type->size != b->items[i].type->size ||
		     a->items[i].type->kind != b->items[i].type->kind))
			return false;
	return true;
}

/* ---- braces ----------------------------------------------------------------------------------------------------- */

/* One value being put together. */
struct filling {
	unsigned char *bytes, *mask;
	int visits;
};

/* What was read: a leaf, or the members of a brace. */
struct given {
	const struct type *type;
	const unsigned char *bytes, *mask; /* mask NULL: `status` */
	uint8_t status;
};

static struct given member_of(const struct given *g, uint32_t i)
{
	const struct type_member *m = &g->type->members[i];
	struct given sub = {m->type, g->bytes ? g->bytes + m->offset : NULL, NULL, g->status};

	if (g->mask)
		sub.mask = g->mask + m->offset;
	return sub;
}

static bool is_more(const struct given *g)
{
	return g->type->kind == TYPE_WRITTEN && !g->type->size;
}

static bool fill_scalar(struct filling *f, uint64_t at, uint64_t size, const struct given *g)
{
	uint8_t status = g->mask ? g->mask[0] : g->status;
	uint64_t x = 0;

	if (g->type->kind == TYPE_STRUCT || size > 8)
		return false;
	if (status == VALUE_UNKNOWN || !g->bytes)
		return true;
	memcpy(&x, g->bytes, 8);
	if (size < 8 && x >> size * 8)
		return false;
	memcpy(f->bytes + at, &x, size);
	memset(f->mask + at, status, size);
	return true;
}

static bool fill(struct filling *f, uint64_t at, const struct type *t, const struct given *g);

/* The i-th part of an aggregate; false: there is none. */
static bool part_of(const struct type *t, uint64_t i, const struct type **ret, uint64_t *ret_offset)
{
	static const struct type word = {.kind = TYPE_UINT, .name = "", .size = 8};
	uint64_t words = t->class == CLASS_SLICE ? 3 : t->class == CLASS_STRING ? 2 : 0;

	if (words) {
		*ret = &word;
		*ret_offset = i * 8;
		return i < words;
	}
	if (t->kind == TYPE_STRUCT) {
		if (i >= t->nmembers)
			return false;
		*ret = t->members[i].type;
		*ret_offset = t->members[i].offset;
		return true;
	}
	*ret = t->elem;
	*ret_offset = t->elem ? i * t->elem->size : 0;
	return t->kind == TYPE_ARRAY && t->elem && i < t->count;
}

static bool fill_aggregate(struct filling *f, uint64_t at, const struct type *t, const struct given *g)
{
	const struct type *part;
	uint64_t offset;

	if (g->type->kind != TYPE_STRUCT)
		return false;
	for (uint32_t i = 0; i < g->type->nmembers; i++) {
		struct given sub = member_of(g, i);

		if (is_more(&sub)) /* the rest is not known */
			return true;
		if (!part_of(t, i, &part, &offset) || !fill(f, at + offset, part, &sub))
			return false;
	}
	return !part_of(t, g->type->nmembers, &part, &offset);
}

static bool fill_complex(struct filling *f, uint64_t at, const struct type *t, const struct given *g)
{
	if (g->type->kind != TYPE_STRUCT || g->type->nmembers != 2)
		return false;
	for (uint32_t i = 0; i < 2; i++) {
		struct given sub = member_of(g, i);

		if (!fill_scalar(f, at + i * t->size / 2, t->size / 2, &sub))
			return false;
	}
	return true;
}

static bool fill(struct filling *f, uint64_t at, const struct type *t, const struct given *g)
{
	if (--f->visits < 0)
		return false;
	if (g->type->kind != TYPE_STRUCT && !g->bytes && (g->status == VALUE_UNKNOWN || g->mask))
		return true; /* whatever it is, nothing is known of it */
	if (t->kind == TYPE_COMPLEX)
		return fill_complex(f, at, t, g);
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_ARRAY)
		return fill_aggregate(f, at, t, g);
	return fill_scalar(f, at, t->size, g);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static void init_filling(struct filling *f, struct arena *a, uint64_t size)
{
	f->bytes = arena_alloc(a, size + 1);
	f->mask = arena_alloc(a, size + 1);
	f->visits = MAX_WALK;
	memset(f->mask, VALUE_UNKNOWN, size + 1);
}

/* The value of what was filled in: without a mask where all bytes are known in the same way. */
static struct value finish(const struct filling *f, const struct param_type *p)
{
	struct value v = {.name = p->name, .type = p->type, .bytes = f->bytes, .mask = f->mask};
	uint64_t size = p->type->size;
	bool mixed = false;

	for (uint64_t i = 0; i < size; i++) {
		mixed |= f->mask[i] != f->mask[0];
		if (f->mask[i] > v.status)
			v.status = f->mask[i];
	}
	if (!mixed)
		v.mask = NULL;
	if (!mixed && v.status == VALUE_UNKNOWN)
		v.bytes = NULL;
	return v;
}

static void replace(struct frame *f, struct arena *a, const struct value *values, unsigned n)
{
	f->args = arena_copy(a, values, n * sizeof values[0]);
	f->nargs = (uint16_t)n;
	f->is_variadic = false;
}

bool decode_braces(struct decoder *d, struct arena *a, const struct params *params, struct frame *f)
{
	struct value values[MAX_PARAMS];

	(void)d;
	if (f->is_variadic ? params->n < f->nargs : params->n != f->nargs)
		return false;
	for (unsigned i = 0; i < params->n; i++) {
		const struct type *t = params->items[i].type;
		struct filling filling;

		if (t->size > MAX_VALUE)
			return false;
		init_filling(&filling, a, t->size);
		if (i < f->nargs) {
			const struct value *v = &f->args[i];
			struct given g = {v->type, v->bytes, v->mask, v->status};

			if (!fill(&filling, 0, t, &g))
				return false;
		}
		values[i] = finish(&filling, &params->items[i]);
	}
	replace(f, a, values, params->n);
	return true;
}

/* ---- plain words ------------------------------------------------------------------------------------------------ */

static uint64_t align_of(const struct type *t, int *visits)
{
	uint64_t align = 1;

	if (--*visits < 0)
		return 1;
	if (t->class == CLASS_STRING || t->class == CLASS_SLICE)
		return 8;
	if (t->kind == TYPE_ARRAY)
		return t->elem ? align_of(t->elem, visits) : 1;
	if (t->kind == TYPE_STRUCT) {
		for (uint32_t i = 0; i < t->nmembers; i++) {
			uint64_t of = align_of(t->members[i].type, visits);

			align = of > align ? of : align;
		}
		return align;
	}
	align = t->kind == TYPE_COMPLEX ? t->size / 2 : t->size;
	return align >= 8 ? 8 : align && !(align & (align - 1)) ? align : 1;
}

/* The part of the words from `at` on: those that were not printed are not known. */
static void lay_over(struct filling *filling, const struct frame *f, uint64_t at, uint64_t size)
{
	for (uint64_t i = 0; i < size && (at + i) / 8 < f->nargs; i++) {
		const struct value *v = &f->args[(at + i) / 8];

		if (v->status == VALUE_UNKNOWN || !v->bytes)
			continue;
		filling->bytes[i] = v->bytes[(at + i) % 8];
		filling->mask[i] = v->status;
	}
}

bool decode_words(struct decoder *d, struct arena *a, const struct params *params, struct frame *f)
{
	struct value values[MAX_PARAMS];
	uint64_t at = 0;

	(void)d;
	for (unsigned i = 0; i < params->n; i++) {
		const struct type *t = params->items[i].type;
		struct filling filling;
		int visits = MAX_WALK;
		uint64_t align = align_of(t, &visits);

		if (t->size > MAX_VALUE)
			return false;
		at = (at + align - 1) & -align;
		init_filling(&filling, a, t->size);
		lay_over(&filling, f, at, t->size);
		values[i] = finish(&filling, &params->items[i]);
		at += t->size;
	}
	/* Results follow the arguments, so there may be more words than these, but not fewer. */
	if ((at + 7) / 8 > f->nargs && !f->is_variadic)
		return false;
	replace(f, a, values, params->n);
	return true;
}
