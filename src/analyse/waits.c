/* SPDX-License-Identifier: MIT */
/*
 * What: who waits for whom.
 *
 * How: a goroutine that waits for a lock waits for those that hold it.  Channels have no such direction: who could
 * send is for the search for leaks to say.  A cycle is found by walking on until a goroutine comes again: a
 * depth-first search with colours, iterative because a chain may be as long as there are goroutines.
 *
 * Invariants: each goroutine is a member of one cycle at most, so that a knot of many is shown by one of its loops.
 */
#include <stdlib.h>

#include "analyse/analyse.h"
#include "base/vec.h"

enum { MAX_HOLDERS = 16 }; /* of one lock: more readers than this say no more */

enum color { WHITE, GREY, BLACK };

struct search {
	const struct wait_edge *edges;
	uint32_t *first; /* of each goroutine: its first edge; one more at the end */
	unsigned char *color;
	VEC(uint32_t) path;
	uint32_t *next; /* of each on the path: the edge to go on with */
	VEC(struct wait_cycle) cycles;
};

/* ---- edges ------------------------------------------------------------------------------------------------------ */

typedef VEC(struct wait_edge) edge_vec;

struct collecting {
	const struct world *w;
	struct table by_id; /* goid to index plus one */
	edge_vec edges;
};

static void add_edge(struct collecting *c, size_t from, int64_t goid, uint64_t obj, enum fact_kind kind)
{
	size_t to = goid ? (size_t)table_get(&c->by_id, (uint64_t)goid) : 0;

	if (to)
		*VEC_PUSH(&c->edges) = (struct wait_edge){(uint32_t)from, (uint32_t)to - 1, obj, kind};
}

static void add_holders(struct collecting *c, size_t from)
{
	const struct goroutine *g = &c->w->goroutines[from];
	static const enum fact_kind kinds[] = {FACT_MUTEX, FACT_RWMUTEX, FACT_ONCE};
	size_t before = c->edges.n;

	if (g->status != GOROUTINE_WAITING)
		return;
	for (size_t i = 0; g->wait_obj && i < sizeof kinds / sizeof kinds[0]; i++) {
		const struct fact *f = world_fact(c->w, kinds[i], g->wait_obj);

		if (!f || f->bad)
			continue;
		for (uint32_t k = 0; k < f->u.sync.nholders && k < MAX_HOLDERS; k++)
			add_edge(c, from, f->u.sync.holders[k].goid, g->wait_obj, kinds[i]);
		if (c->edges.n == before)
			add_edge(c, from, f->u.sync.holder, g->wait_obj, kinds[i]);
		if (c->edges.n > before)
			return;
	}
	for (uint32_t k = 0; k < g->nblockers && k < MAX_HOLDERS; k++)
		if (!g->blockers[k].ended)
			add_edge(c, from, g->blockers[k].goid, g->wait_obj, FACT_MUTEX);
}

static void collect_edges(struct collecting *c)
{
	for (size_t i = 0; i < c->w->ngoroutines; i++)
		if (c->w->goroutines[i].id)
			table_put(&c->by_id, (uint64_t)c->w->goroutines[i].id, (void *)(i + 1));
	for (size_t i = 0; i < c->w->ngoroutines; i++)
		add_holders(c, i);
	table_deinit(&c->by_id);
}

/* ---- cycles ----------------------------------------------------------------------------------------------------- */

static void found(struct search *s, struct world *w, uint32_t at)
{
	size_t start = s->path.n;
	struct wait_cycle *c;

	while (start && s->path.items[start - 1] != at)
		start--;
	start--;
	for (size_t i = start; i < s->path.n; i++)
		if (s->color[s->path.items[i]] == BLACK) /* of another cycle already */
			return;
	c = VEC_PUSH(&s->cycles);
	c->n = s->path.n - start;
	c->members = arena_copy(&w->arena, s->path.items + start, c->n * sizeof c->members[0]);
	for (size_t i = start; i < s->path.n; i++)
		s->color[s->path.items[i]] = BLACK;
}

static void enter(struct search *s, uint32_t at)
{
	s->color[at] = GREY;
	s->next[at] = s->first[at];
	*VEC_PUSH(&s->path) = at;
}

static void search_from(struct search *s, struct world *w, uint32_t root)
{
	enter(s, root);
	while (s->path.n) {
		uint32_t at = s->path.items[s->path.n - 1], to;

		if (s->next[at] == s->first[at + 1]) {
			s->color[at] = BLACK;
			s->path.n--;
			continue;
		}
		to = s->edges[s->next[at]++].to;
		if (s->color[to] == WHITE)
			enter(s, to);
		else if (s->color[to] == GREY)
			found(s, w, to);
	}
}

void analyse_waits(struct world *w, struct wait_graph *ret)
{
	struct collecting c = {.w = w};
	struct search s = {0};
	size_t n = w->ngoroutines, e = 0;

	collect_edges(&c);
	s.edges = c.edges.items;
	s.first = base_malloc((n + 1) * sizeof s.first[0]);
	s.next = base_malloc((n + 1) * sizeof s.next[0]);
	s.color = base_malloc(n + 1);
	for (size_t i = 0; i <= n; i++) {
		while (e < c.edges.n && c.edges.items[e].from < i)
			e++;
		s.first[i] = (uint32_t)e;
		s.color[i] = WHITE;
	}
	for (size_t i = 0; i < n; i++)
		if (s.color[i] == WHITE)
			search_from(&s, w, (uint32_t)i);
	ret->nedges = c.edges.n;
	ret->edges = arena_copy(&w->arena, c.edges.items, c.edges.n * sizeof c.edges.items[0]);
	ret->ncycles = s.cycles.n;
	ret->cycles = arena_copy(&w->arena, s.cycles.items, s.cycles.n * sizeof s.cycles.items[0]);
	VEC_FREE(&c.edges);
	VEC_FREE(&s.path);
	VEC_FREE(&s.cycles);
	free(s.first);
	free(s.next);
	free(s.color);
}
