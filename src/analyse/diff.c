/* SPDX-License-Identifier: MIT */
/*
 * What: two dumps compared: analyse/diff.h.
 *
 * How: the goroutines of both in one row are put into groups as those of one dump are: goroutines of the same group
 * have the same stack by functions and lines, whichever dump they are from, and wherever the program was loaded.
 */
#include "analyse/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct both {
	struct world all; /* goroutines of the first, then of the second */
	size_t na;
	struct group *groups;
	size_t ngroups;
	uint32_t *group_of;
	struct table by_id; /* of the first: id to index plus one */
};

/*
 * What text says of a stack: functions and lines of those frames that are not the runtime's.  Where one of the dumps is
 * text, the other is reduced to that.
 */
static void reduce(struct arena *a, struct goroutine *g)
{
	struct stack *st = &g->stack;
	struct frame *frames = arena_array(a, struct frame, st->nframes);
	uint32_t n = 0;

	for (int pass = 0; pass < 2 && !n; pass++) /* if there is nothing but the runtime, text has that */
		for (uint32_t i = 0; i < st->nframes; i++) {
			struct place *at = arena_new(a, struct place);

			if (!st->frames[i].place || (!pass && st->frames[i].place->is_runtime))
				continue;
			at->function = st->frames[i].place->function;
			at->line = st->frames[i].place->line;
			frames[n] = (struct frame){.place = at, .kind = st->frames[i].kind};
			n++;
		}
	st->frames = frames;
	st->nframes = n;
	st->end = STACK_COMPLETE;
	g->is_system = false;
	g->go_file = NULL;
	if (g->status == GOROUTINE_WAITING && !strcmp(goroutine_state(g), "waiting"))
		g->reason = NULL;
}

static void join(struct both *x, const struct world *a, const struct world *b)
{
	size_t na = a->ngoroutines, nb = b->ngoroutines;

	x->na = na;
	x->all.ngoroutines = na + nb;
	x->all.goroutines = arena_array(&x->all.arena, struct goroutine, na + nb);
	if (na)
		memcpy(x->all.goroutines, a->goroutines, na * sizeof a->goroutines[0]);
	if (nb)
		memcpy(x->all.goroutines + na, b->goroutines, nb * sizeof b->goroutines[0]);
	/* Who asked for a dump is no difference of the program. */
	for (size_t i = 0; i < na + nb; i++)
		x->all.goroutines[i].is_culprit = false;
	for (size_t i = 0; (a->is_text || b->is_text) && i < na + nb; i++)
		reduce(&x->all.arena, &x->all.goroutines[i]);
	x->group_of = arena_array(&x->all.arena, uint32_t, na + nb);
	x->ngroups = analyse_groups(&x->all, SIMILAR_LINES, &x->groups);
	for (size_t i = 0; i < x->ngroups; i++)
		for (size_t k = 0; k < x->groups[i].n; k++)
			x->group_of[x->groups[i].members[k]] = (uint32_t)i;
	for (size_t i = 0; i < na; i++)
		if (a->goroutines[i].id)
			table_put(&x->by_id, (uint64_t)a->goroutines[i].id, (void *)(i + 1));
}

static enum change compare(const struct both *x, size_t a, size_t b)
{
	const struct goroutine *from = &x->all.goroutines[a], *to = &x->all.goroutines[x->na + b];

	if (x->group_of[a] != x->group_of[x->na + b])
		return CHANGE_MOVED;
	if (from->wait_obj != to->wait_obj && from->wait_obj && to->wait_obj)
		return CHANGE_OBJECT;
	/* It can only wait for longer, if it has not run. */
	if (from->waited_ns && to->waited_ns && to->waited_ns < from->waited_ns)
		return CHANGE_RAN;
	return CHANGE_NONE;
}

static void add(struct diff *d, enum change change, size_t a, size_t b, uint32_t from)
{
	d->goroutines[d->n++] = (struct change_of){change, a, b, from};
	d->counts[change]++;
}

static void compare_goroutines(struct both *x, struct arena *arena, struct diff *d)
{
	size_t nb = x->all.ngoroutines - x->na;
	bool *seen = arena_array(&x->all.arena, bool, x->na + 1);

	d->goroutines = arena_array(arena, struct change_of, x->all.ngoroutines);
	for (size_t b = 0; b < nb; b++) {
		int64_t id = x->all.goroutines[x->na + b].id;
		size_t a = id ? (size_t)table_get(&x->by_id, (uint64_t)id) : 0;

		if (a && !seen[a - 1]) {
			seen[a - 1] = true;
			add(d, compare(x, a - 1, b), a - 1, b, x->group_of[a - 1]);
		} else {
			add(d, CHANGE_APPEARED, SIZE_MAX, b, 0);
		}
	}
	for (size_t a = 0; a < x->na; a++)
		if (!seen[a])
			add(d, CHANGE_VANISHED, a, SIZE_MAX, 0);
}

static size_t distance(const struct stack_change *s)
{
	return s->na > s->nb ? s->na - s->nb : s->nb - s->na;
}

static int by_distance(const void *p, const void *q)
{
	const struct stack_change *a = p, *b = q;

	if (distance(a) != distance(b))
		return distance(a) < distance(b) ? 1 : -1;
	if (a->b != b->b)
		return a->b < b->b ? -1 : 1;
	return a->a < b->a ? -1 : a->a > b->a;
}

static void compare_stacks(const struct both *x, struct arena *arena, struct diff *d)
{
	d->stacks = arena_array(arena, struct stack_change, x->ngroups);
	for (size_t i = 0; i < x->ngroups; i++) {
		struct stack_change s = {SIZE_MAX, SIZE_MAX, 0, 0};

		for (size_t k = 0; k < x->groups[i].n; k++) {
			size_t m = x->groups[i].members[k];

			if (m < x->na && !s.na++)
				s.a = m;
			else if (m >= x->na && !s.nb++)
				s.b = m - x->na;
		}
		if (s.na != s.nb)
			d->stacks[d->nstacks++] = s;
		else
			d->same_stacks++;
	}
	if (d->nstacks)
		qsort(d->stacks, d->nstacks, sizeof d->stacks[0], by_distance);
}

void analyse_diff(const struct world *a, const struct world *b, struct arena *arena, struct diff *ret)
{
	struct both x = {0};

	memset(ret, 0, sizeof *ret);
	join(&x, a, b);
	compare_goroutines(&x, arena, ret);
	compare_stacks(&x, arena, ret);
	table_deinit(&x.by_id);
	world_deinit(&x.all);
}
