/* SPDX-License-Identifier: MIT */
/*
 * What: who waits on what.
 *
 * How: pairs (object, goroutine), sorted by object: everything that lies in a block or frame that has been reached is
 * found with one search.  A select waits on several objects, and is reached through any of them.
 *
 * The queues in these objects lead to the waiters, which lie on the stacks of those that wait: an edge of the
 * runtime's, which nobody can follow but a waker that holds the object anyway.  It is blanked in the copy of memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "leak/inside.h"

enum { MAX_SELECT = 1 << 16 };

struct pair {
	uint64_t obj;
	uint32_t goroutine;
};

enum { FILTER_BITS = 1 << 16 };

struct waits {
	VEC(struct pair) pairs; /* by obj */
	/* Most of what is marked holds no object: a bit for each page that does, hashed. */
	uint64_t filter[FILTER_BITS / 64];
};

static uint64_t filter_bit(uint64_t page)
{
	return (page * 0x9e3779b97f4a7c15ULL) >> 48;
}

static bool may_hold(const struct waits *w, uint64_t lo, uint64_t hi)
{
	uint64_t first = lo / TARGET_PAGE, last = (hi - 1) / TARGET_PAGE;

	if (last - first > 64)
		return true;
	for (uint64_t page = first; page <= last; page++)
		if (w->filter[filter_bit(page) / 64] >> filter_bit(page) % 64 & 1)
			return true;
	return false;
}

/* Where the queues are in each kind of object, by the reason for waiting on it. */
struct shape {
	const char *reason;
	uint32_t queues[2]; /* offsets of struct gori_waitq; RT_NO_FIELD: none */
};

static unsigned shapes(const struct rt *rt, struct shape ret[16])
{
	const struct shape all[] = {
		{"chan receive", {rt->chan_recvq, rt->chan_sendq}},
		{"chan send", {rt->chan_recvq, rt->chan_sendq}},
		{"chan receive (nil chan)", {RT_NO_FIELD, RT_NO_FIELD}},
		{"chan send (nil chan)", {RT_NO_FIELD, RT_NO_FIELD}},
		{"select", {rt->chan_recvq, rt->chan_sendq}},
		{"select (no cases)", {RT_NO_FIELD, RT_NO_FIELD}},
		{"sync.Mutex.Lock", {rt->mutex_waiters, RT_NO_FIELD}},
		{"sync.RWMutex.RLock", {rt->rwmutex_readq, rt->rwmutex_writeq}},
		{"sync.RWMutex.Lock", {rt->rwmutex_readq, rt->rwmutex_writeq}},
		{"sync.WaitGroup.Wait", {rt->wg_waiters, RT_NO_FIELD}},
		{"sync.Cond.Wait", {rt->cond_waiters, RT_NO_FIELD}},
		{"semacquire", {rt->sem_waiters, RT_NO_FIELD}},
		{"sync.Once.Do", {rt->once_waiters, RT_NO_FIELD}},
		{"singleflight.Do", {rt->flight_waiters, RT_NO_FIELD}},
	};

	memcpy(ret, all, sizeof all);
	return sizeof all / sizeof all[0];
}

/* The reasons above and no others: sleeping and what is waiting for the outside are no candidates. */
static const struct shape *shape_of(const struct shape *list, unsigned n, const char *reason)
{
	for (unsigned i = 0; reason && i < n; i++)
		if (strcmp(list[i].reason, reason) == 0)
			return &list[i];
	return NULL;
}

bool waits_is_candidate(const struct goroutine *g)
{
	static const struct rt none;
	struct shape list[16];

	/* One that is still on its way to sleep has no saved registers, and may yet decide otherwise. */
	return g->status == GOROUTINE_WAITING && g->sp && !g->tid && !g->is_system && !g->is_culprit &&
	       shape_of(list, shapes(&none, list), g->reason) != NULL;
}

static void add(struct leaker *l, struct waits *w, const struct shape *shape, uint64_t obj,
		uint32_t goroutine)
{
	if (!obj)
		return;
	*VEC_PUSH(&w->pairs) = (struct pair){obj, goroutine};
	for (unsigned i = 0; i < 2; i++)
		if (shape->queues[i] != RT_NO_FIELD)
			image_blank(&l->image, obj + shape->queues[i], obj + shape->queues[i] + 16);
}

/* The waiters are in an array on the goroutine's stack. */
static void add_select(struct leaker *l, struct waits *w, const struct shape *shape,
		       const struct goroutine *g, uint32_t index)
{
	uint32_t size = (uint32_t)rt_number(&l->rt, "sizeof.waiter");

	for (uint32_t i = 0; size && i < g->nwaiters && i < MAX_SELECT; i++)
		add(l, w, shape, rt_read_u64(&l->rt, g->waiters + (uint64_t)i * size, l->rt.waiter_obj),
		    index);
}

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->obj != y->obj)
		return x->obj < y->obj ? -1 : 1;
	return x->goroutine < y->goroutine ? -1 : x->goroutine > y->goroutine;
}

struct waits *waits_find(struct leaker *l)
{
	struct waits *w = base_malloc(sizeof *w);
	struct shape list[16];
	unsigned n = shapes(&l->rt, list);

	memset(w, 0, sizeof *w);
	for (size_t i = 0; i < l->world->ngoroutines; i++) {
		const struct goroutine *g = &l->world->goroutines[i];
		const struct shape *shape = shape_of(list, n, g->reason);

		if (g->status != GOROUTINE_WAITING || !shape)
			continue;
		add(l, w, shape, g->wait_obj, (uint32_t)i);
		if (g->waiters)
			add_select(l, w, shape, g, (uint32_t)i);
	}
	for (size_t i = 0; i < w->pairs.n; i++) {
		uint64_t bit = filter_bit(w->pairs.items[i].obj / TARGET_PAGE);

		w->filter[bit / 64] |= (uint64_t)1 << bit % 64;
	}
	VEC_SORT(&w->pairs, compare);
	return w;
}

void waits_free(struct waits *w)
{
	if (w)
		VEC_FREE(&w->pairs);
	free(w);
}

void waits_in(const struct waits *w, uint64_t lo, uint64_t hi, void (*fn)(void *arg, uint32_t goroutine),
	      void *arg)
{
	if (lo >= hi || !may_hold(w, lo, hi))
		return;
	for (size_t i = SEARCH_BELOW(w->pairs.items, w->pairs.n, obj, lo);
	     i < w->pairs.n && w->pairs.items[i].obj < hi; i++)
		fn(arg, w->pairs.items[i].goroutine);
}

void waits_objects(const struct waits *w, void (*fn)(void *arg, uint64_t obj), void *arg)
{
	for (size_t i = 0; i < w->pairs.n; i++)
		fn(arg, w->pairs.items[i].obj);
}
