/* SPDX-License-Identifier: MIT */
/*
 * What: goroutines whose stacks are the same.
 *
 * How: a hash of what makes a stack what it is, then a comparison within one hash: a wrong hash costs time and no
 * more.  How long a goroutine has waited, its id, and who its creator was are never part of it, or nothing would
 * be alike.  Frames at the same pc are compared by address only; by lines, those at different ones by name.
 *
 * Invariants: every goroutine is in exactly one group; groups stand in the order of their first members.
 */
#include <stdlib.h>
#include <string.h>

#include "analyse/analyse.h"
#include "base/vec.h"

/* A group while it grows: its members are a list through `next`. */
struct build {
	struct build *same_hash; /* another one */
	uint32_t first, last;
	size_t n;
};

struct grouping {
	const struct world *w;
	enum similarity how;
	struct table by_hash;
	uint32_t *next; /* by goroutine: the next of its group */
	VEC(struct build *) builds;
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static uint64_t hash_bytes(const void *p, size_t n)
{
	const unsigned char *at = p;
	uint64_t h = n, x;

	for (; n >= 8; at += 8, n -= 8) {
		memcpy(&x, at, 8);
		h = table_mix(h, x);
	}
	x = 0;
	memcpy(&x, at, n);
	return table_mix(h, x);
}

static uint64_t hash_text(const char *s)
{
	return s ? hash_bytes(s, strlen(s)) : 0;
}

/* ---- values ----------------------------------------------------------------------------------------------- */

static uint64_t hash_value(const struct value *v)
{
	uint64_t h = table_mix(v->status, v->why);

	return v->bytes && v->type ? table_mix(h, hash_bytes(v->bytes, v->type->size)) : h;
}

static bool same_value(const struct value *a, const struct value *b)
{
	size_t n = a->type ? a->type->size : 0;

	if (a->type != b->type || a->status != b->status || a->why != b->why || !a->bytes != !b->bytes ||
	    !a->mask != !b->mask)
		return false;
	return (!a->bytes || !memcmp(a->bytes, b->bytes, n)) && (!a->mask || !memcmp(a->mask, b->mask, n));
}

/* Whether only addresses differ.  visits: broken types can make a tree without end. */
static bool same_but_addresses(const struct type *t, const unsigned char *a, const unsigned char *b,
			       int *visits)
{
	if (t->kind == TYPE_POINTER || (t->kind == TYPE_WRITTEN && t->count))
		return true;
	if (t->kind != TYPE_STRUCT || --*visits < 0)
		return !memcmp(a, b, t->size);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		if (m->offset + m->type->size <= t->size &&
		    !same_but_addresses(m->type, a + m->offset, b + m->offset, visits))
			return false;
	}
	return true;
}

static bool alike(const struct value *a, const struct value *b)
{
	int visits = 1000;

	if (a->type != b->type || !a->type || !a->bytes || !b->bytes || a->status != b->status)
		return same_value(a, b);
	return same_but_addresses(a->type, a->bytes, b->bytes, &visits);
}

/* ---- frames ----------------------------------------------------------------------------------------------- */

static uint64_t hash_frame(const struct frame *f, enum similarity how)
{
	uint64_t h = table_mix(f->kind, (uint64_t)(f->place ? f->place->line : 0));

	if (how == SIMILAR_LINES)
		return h; /* names may be the same at different addresses: they are left to the comparison */
	h = table_mix(h, f->pc);
	if (how == SIMILAR_POINTERS)
		return h;
	for (uint16_t i = 0; i < f->nargs; i++)
		h = table_mix(h, hash_value(&f->args[i]));
	return h;
}

static bool same_place(const struct place *a, const struct place *b)
{
	if (a == b)
		return true;
	return a && b && a->line == b->line && a->is_inlined == b->is_inlined &&
	       same_text(a->function, b->function) && same_text(a->file, b->file) &&
	       same_text(a->module, b->module);
}

static bool same_frame(const struct frame *a, const struct frame *b, enum similarity how)
{
	if (a->kind != b->kind || !same_place(a->place, b->place))
		return false;
	if (how == SIMILAR_LINES)
		return a->pc == b->pc || (a->place && a->place->function);
	if (a->pc != b->pc || a->offset != b->offset || a->nargs != b->nargs)
		return false;
	for (uint16_t i = 0; i < a->nargs; i++)
		if (how == SIMILAR_POINTERS ? !alike(&a->args[i], &b->args[i])
					    : !same_value(&a->args[i], &b->args[i]))
			return false;
	return true;
}

/* ---- goroutines ------------------------------------------------------------------------------------------- */

static uint64_t hash_goroutine(const struct goroutine *g, enum similarity how)
{
	uint64_t h = hash_text(goroutine_state(g));

	h = table_mix(h, g->stack.nframes);
	for (uint32_t i = 0; i < g->stack.nframes; i++)
		h = table_mix(h, hash_frame(&g->stack.frames[i], how));
	return h;
}

static bool same_labels(const struct goroutine *a, const struct goroutine *b)
{
	if (a->nlabels != b->nlabels)
		return false;
	for (uint32_t i = 0; i < a->nlabels; i++)
		if (!same_text(a->labels[i].key, b->labels[i].key) ||
		    !same_text(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

static bool same_goroutine(const struct goroutine *a, const struct goroutine *b, enum similarity how)
{
	if (!same_text(goroutine_state(a), goroutine_state(b)) || a->is_culprit != b->is_culprit ||
	    a->is_system != b->is_system || a->verdict != b->verdict || a->rule != b->rule ||
	    a->status != b->status || a->locked_to_thread != b->locked_to_thread ||
	    a->stack.nframes != b->stack.nframes || a->stack.end != b->stack.end ||
	    a->go_line != b->go_line || !same_text(a->go_func, b->go_func) ||
	    !same_text(a->go_file, b->go_file))
		return false;
	if (how == SIMILAR_EXACT && (a->stack.nelided != b->stack.nelided || !same_labels(a, b)))
		return false;
	for (uint32_t i = 0; i < a->stack.nframes; i++)
		if (!same_frame(&a->stack.frames[i], &b->stack.frames[i], how))
			return false;
	return true;
}

/* ---- groups ----------------------------------------------------------------------------------------------- */

static void add(struct grouping *gr, uint32_t i)
{
	const struct goroutine *all = gr->w->goroutines;
	void **slot = table_slot(&gr->by_hash, hash_goroutine(&all[i], gr->how));
	struct build *b = *slot;

	while (b && !same_goroutine(&all[b->first], &all[i], gr->how))
		b = b->same_hash;
	if (b) {
		gr->next[b->last] = i;
	} else {
		b = base_malloc(sizeof *b);
		b->same_hash = *slot;
		b->first = i;
		b->n = 0;
		*slot = b;
		*VEC_PUSH(&gr->builds) = b;
	}
	b->last = i;
	b->n++;
}

static const uint32_t *members_of(struct world *w, const struct grouping *gr, const struct build *b)
{
	uint32_t *members = arena_take(&w->arena, b->n * sizeof members[0]);
	uint32_t at = b->first;

	for (size_t i = 0; i < b->n; i++) {
		members[i] = at;
		at = gr->next[at];
	}
	return members;
}

size_t analyse_groups(struct world *w, enum similarity how, struct group **ret)
{
	struct grouping gr = {.w = w, .how = how};
	struct group *groups;
	size_t n;

	gr.next = base_malloc((w->ngoroutines + 1) * sizeof gr.next[0]);
	for (size_t i = 0; i < w->ngoroutines; i++)
		add(&gr, (uint32_t)i);
	n = gr.builds.n;
	groups = arena_array(&w->arena, struct group, n);
	for (size_t i = 0; i < n; i++) {
		const struct build *b = gr.builds.items[i];

		groups[i] = (struct group){b->first, b->n, members_of(w, &gr, b)};
		free(gr.builds.items[i]);
	}
	VEC_FREE(&gr.builds);
	table_deinit(&gr.by_hash);
	free(gr.next);
	*ret = groups;
	return n;
}
