/* SPDX-License-Identifier: MIT */
/*
 * What: puts a world together from what lines have said.
 *
 * How: a dump says the same names over and over, so strings, places and types are there once and compared by
 * address: that is what makes grouping cheap.  Tables are keyed by a hash; what has the same hash is a list.
 *
 * Invariants: everything that the world points to is in its arena.
 */
#include <stdlib.h>

#include "parse/inside.h"

struct interned {
	struct interned *next;
	size_t n;
	union {
		struct place place;
		struct type type;
	} u;
	char text[]; /* ended by a zero byte */
};

static uint64_t hash(struct text t)
{
	uint64_t h = t.n, x;

	for (; t.n >= 8; t = text_from(t, 8)) {
		memcpy(&x, t.p, 8);
		h = table_mix(h, x);
	}
	x = 0;
	memcpy(&x, t.p, t.n);
	return table_mix(h, x);
}

static struct interned *intern(struct arena *a, struct table *in, struct text t, bool *ret_new)
{
	void **slot = table_slot(in, hash(t));
	struct interned *it = *slot;

	while (it && (it->n != t.n || memcmp(it->text, t.p, t.n) != 0))
		it = it->next;
	*ret_new = !it;
	if (it)
		return it;
	it = arena_alloc(a, sizeof *it + t.n + 1);
	it->next = *slot;
	it->n = t.n;
	memcpy(it->text, t.p, t.n);
	*slot = it;
	return it;
}

const char *build_string(struct build *b, struct text t)
{
	bool is_new;

	return t.n ? intern(&b->w.arena, &b->strings, t, &is_new)->text : NULL;
}

const char *build_unquoted(struct build *b, struct text t)
{
	char *copy = base_malloc(t.n + 1);
	const char *ret;
	size_t n = 0;

	while (t.n) {
		if (t.p[0] == '\\') {
			copy[n++] = text_take_escape(&t);
		} else {
			copy[n++] = t.p[0];
			t = text_from(t, 1);
		}
	}
	ret = n ? build_string(b, (struct text){copy, n}) : "";
	free(copy);
	return ret;
}

const struct place *build_place(struct build *b, const struct place *at)
{
	struct {
		const char *function, *file, *module;
		uint64_t base, flags;
	} key = {at->function, at->file, at->module, at->module_base,
		 (uint64_t)(uint32_t)at->line << 2 | (uint64_t)at->is_inlined << 1 |
			 (uint64_t)at->has_debug_info};
	bool is_new;
	struct interned *it =
		intern(&b->w.arena, &b->places, (struct text){(const char *)&key, sizeof key}, &is_new);

	if (is_new)
		it->u.place = *at;
	return &it->u.place;
}

struct type *build_type(struct build *b, struct text name, bool *ret_new)
{
	struct interned *it = intern(&b->w.arena, &b->types, name, ret_new);

	if (*ret_new)
		it->u.type.name = it->text;
	return &it->u.type;
}

static void add_goroutine(struct build *b, int64_t id)
{
	b->header.g.id = id;
	*VEC_PUSH(&b->goroutines) = b->header.g;
	table_put(&b->ids, (uint64_t)id, b);
}

/* "7 9-19 ...": all but the one that the header is about. */
static void add_crowd(struct build *b)
{
	struct text t = b->header.ranges;
	int64_t shown = b->header.g.id;
	uint64_t left = b->header.count ? b->header.count - 1 : 0, first, last;

	while (left && text_take_dec(&t, &first)) {
		last = first;
		if (text_take(&t, "-") && !text_take_dec(&t, &last))
			break;
		for (; first <= last && left && b->crowd < MAX_CROWD; first++) {
			if ((int64_t)first == shown)
				continue;
			add_goroutine(b, (int64_t)first);
			b->crowd++;
			left--;
		}
		text_take(&t, " ");
	}
	b->unnamed += left;
}

void build_end_block(struct build *b)
{
	struct stack *st = &b->stack;

	st->frames = arena_copy(&b->w.arena, b->frames.items, b->frames.n * sizeof b->frames.items[0]);
	st->nframes = (uint32_t)b->frames.n;
	if (b->block == BLOCK_GOROUTINE) {
		b->header.g.stack = *st;
		add_goroutine(b, b->header.g.id);
		add_crowd(b);
	} else if (b->block == BLOCK_THREAD) {
		b->thread.stack = *st;
		*VEC_PUSH(&b->threads) = b->thread;
	}
	b->frames.n = 0;
	b->block = BLOCK_NONE;
	memset(st, 0, sizeof *st);
}

void build_world(struct build *b)
{
	struct world *w = &b->w;

	build_end_block(b);
	w->ngoroutines = b->goroutines.n;
	w->goroutines = arena_copy(&w->arena, b->goroutines.items, w->ngoroutines * sizeof w->goroutines[0]);
	w->nthreads = b->threads.n;
	w->threads = arena_copy(&w->arena, b->threads.items, w->nthreads * sizeof w->threads[0]);
	w->has_runtime = w->ngoroutines > 0;
	w->is_text = true;
	if (w->ngoroutines && w->message && w->goroutines[0].status == GOROUTINE_RUNNING)
		w->goroutines[0].is_culprit = true;
	for (size_t i = 0; i < w->ngoroutines; i++)
		w->leaks_checked |= w->goroutines[i].verdict != VERDICT_NONE;
	if (b->unnamed)
		world_note(w, "%zu goroutines of groups are not here: the text does not name them",
			   b->unnamed);
}

void build_deinit(struct build *b)
{
	table_deinit(&b->strings);
	table_deinit(&b->places);
	table_deinit(&b->types);
	table_deinit(&b->ids);
	VEC_FREE(&b->goroutines);
	VEC_FREE(&b->threads);
	VEC_FREE(&b->frames);
	world_deinit(&b->w);
}
