/* SPDX-License-Identifier: MIT */
/*
 * What: how marking has come to what it has reached: for whoever wonders why a goroutine is not called leaked.
 *
 * How: kept only if asked for: of every piece of memory that was looked at, where the word lies that led to it.  So the
 * way from a goroutine back to a root is followed once, at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leak/inside.h"

enum { MAX_STEPS = 100, MAX_TEXT = 4096 };

struct step {
	uint64_t lo, hi, from;
	const char *what; /* a root: why; NULL: the word at `from` leads here */
};

struct trail {
	VEC(struct step) steps;
	struct table alive; /* index of a goroutine + 1 -> struct step, in arena */
	struct arena arena;
};

struct trail *trail_new(void)
{
	struct trail *t = base_malloc(sizeof *t);

	memset(t, 0, sizeof *t);
	return t;
}

void trail_clear(struct trail *t)
{
	VEC_FREE(&t->steps);
	table_deinit(&t->alive);
	arena_deinit(&t->arena);
}

void trail_free(struct trail *t)
{
	if (t)
		trail_clear(t);
	free(t);
}

void trail_add(struct trail *t, uint64_t lo, uint64_t hi, uint64_t from, const char *what)
{
	*VEC_PUSH(&t->steps) = (struct step){lo, hi, from, what};
}

void trail_alive(struct trail *t, uint32_t index, uint64_t from, const char *what)
{
	struct step *s = arena_new(&t->arena, struct step);

	s->from = from;
	s->what = what;
	table_put(&t->alive, index + 1, s);
}

static const struct step *step_of(const struct trail *t, uint64_t addr)
{
	for (size_t i = 0; i < t->steps.n; i++)
		if (addr >= t->steps.items[i].lo && addr < t->steps.items[i].hi)
			return &t->steps.items[i];
	return NULL;
}

static void put_place(struct leaker *l, const struct step *s, uint64_t addr, FILE *out)
{
	const struct mapping *m = target_mapping(l->target, addr);
	const struct stretch *stack = image_find_stack(&l->image, addr), *area = image_find(&l->image, addr);

	fprintf(out, " <- 0x%llx", (unsigned long long)addr);
	if (stack)
		fprintf(out, " on the stack of goroutine %lld",
			(long long)l->world->goroutines[stack->owner].id);
	else if (area && area->kind == STRETCH_HEAP)
		fprintf(out, " in a block of %llu bytes", (unsigned long long)(s->hi - s->lo));
	else if (m)
		fprintf(out, " in %s", m->path[0] ? m->path : "memory of its own");
}

void trail_tell(struct leaker *l, int64_t goid)
{
	uintptr_t index = (uintptr_t)table_get(&l->goids, (uint64_t)goid);
	const struct step *s = index ? table_get(&l->trail->alive, index) : NULL;
	char text[MAX_TEXT] = "";
	FILE *out = fmemopen(text, sizeof text, "w");

	for (unsigned n = 0; out && s && !s->what && n < MAX_STEPS; n++) {
		uint64_t at = s->from;

		s = at ? step_of(l->trail, at) : NULL;
		if (s)
			put_place(l, s, at, out);
	}
	if (out && s && s->what)
		fprintf(out, ": %s", s->what);
	if (out)
		fclose(out);
	if (index && l->alive[index - 1])
		world_note(l->world, "goroutine %lld can be reached%s", (long long)goid, text);
	else
		world_note(l->world, "goroutine %lld %s", (long long)goid,
			   index ? "cannot be reached" : "is not there");
}
