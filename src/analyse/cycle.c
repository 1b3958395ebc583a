/* SPDX-License-Identifier: MIT */
/*
 * What: of a deadlock, who waits for whom.
 *
 * How: each deadlocked goroutine has those that will never let it go (goroutine->blockers).  They are edges; the
 * shortest way back to where it began is the cycle.  A goroutine that is not on one waits behind one, or behind a
 * holder that has ended or waits for something else for ever: then the shortest way to any such end.
 *
 * Breadth first, with a limit: a reader of a report does not follow a hundred steps.
 */
#include <stdlib.h>
#include <string.h>

#include "analyse/leaks.h"
#include "base/vec.h"

enum { MAX_VISITS = 10000 };

/* How a goroutine was reached. */
struct visit {
	const struct goroutine *g;
	const struct blocker *by; /* the edge that led here, of visits[from].g; NULL: where it began */
	uint32_t from;
};

struct search {
	const struct world *w;
	VEC(struct visit) visits;
	struct table seen; /* goid -> number of its visit + 1 */
	int64_t target;    /* a way to this one; 0: to any end */
};

/* Nobody keeps it from going on but itself, or it is gone. */
static bool is_end(const struct search *s, const struct goroutine *g, const struct blocker *b)
{
	if (s->target)
		return b->goid == s->target;
	return !g || !g->nblockers || table_get(&s->seen, (uint64_t)g->id);
}

static bool expand(struct search *s, uint32_t at, struct visit *ret)
{
	const struct goroutine *g = s->visits.items[at].g;

	for (uint32_t i = 0; i < g->nblockers; i++) {
		const struct blocker *b = &g->blockers[i];
		const struct goroutine *next = b->ended ? NULL : world_goroutine(s->w, b->goid);
		struct visit v = {next, b, at};

		if (is_end(s, next, b)) {
			*ret = v;
			return true;
		}
		if (!next || !next->nblockers || table_get(&s->seen, (uint64_t)next->id))
			continue;
		table_put(&s->seen, (uint64_t)next->id, (void *)(uintptr_t)(s->visits.n + 1));
		*VEC_PUSH(&s->visits) = v;
	}
	return false;
}

static bool find(struct search *s, const struct goroutine *g, int64_t target, struct visit *ret)
{
	s->target = target;
	s->visits.n = 0;
	table_deinit(&s->seen);
	memset(&s->seen, 0, sizeof s->seen);
	*VEC_PUSH(&s->visits) = (struct visit){g, NULL, 0};
	table_put(&s->seen, (uint64_t)g->id, (void *)(uintptr_t)1);
	for (uint32_t at = 0; at < s->visits.n && at < MAX_VISITS; at++)
		if (expand(s, at, ret))
			return true;
	return false;
}

static void set_steps(struct world *w, const struct search *s, const struct visit *last, struct leak *leak)
{
	const struct visit *v = last;
	struct leak_step *steps;
	uint32_t n = 1;

	for (uint32_t at = last->from; s->visits.items[at].by; at = s->visits.items[at].from)
		n++;
	steps = arena_array(&w->arena, struct leak_step, n);
	leak->steps = steps;
	leak->nsteps = leak->cycle = n;
	for (uint32_t i = n; i-- > 0; v = &s->visits.items[v->from])
		steps[i] = (struct leak_step){s->visits.items[v->from].g, v->by, v->g};
	for (uint32_t i = 0; i < n; i++)
		if (steps[i].waiter == last->g)
			leak->cycle = i;
}

void leak_follow(struct world *w, struct leak *leak)
{
	struct search s = {.w = w};
	struct visit last;

	if (leak->g->nblockers && (find(&s, leak->g, leak->g->id, &last) || find(&s, leak->g, 0, &last)))
		set_steps(w, &s, &last, leak);
	VEC_FREE(&s.visits);
	table_deinit(&s.seen);
}
