/* SPDX-License-Identifier: MIT */
/*
 * What: goroutines that will never get the lock they wait for.
 *
 * How: a lock belongs to the goroutine that took it and can be released by nobody else.  So who waits for a mutex needs
 * its holder to run again; for the write lock of an rwmutex, each of those that hold it; for a read lock, the writer
 * that holds it or, because writers go first, the one that is first in line.  If any of those it needs will never
 * run again, neither will it.
 *
 * Taken the other way round: begin with all that wait for locks whose holders are known, and take out whoever needs
 * nobody but goroutines that may still run.  Those that are left wait for each other in cycles, or behind one, or
 * behind a holder that has ended or leaked.
 *
 * A lock that was disowned, and a reader that has no slot in the lock, are nobody: they prove nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/sync_abi.h"
#include "leak/inside.h"

static bool is_known(struct leaker *l, int64_t goid, uint32_t *ret)
{
	uintptr_t v = (uintptr_t)table_get(&l->goids, (uint64_t)goid);

	if (v)
		*ret = (uint32_t)(v - 1);
	return v != 0;
}

static void need(struct leaker *l, struct lock_wait *w, int64_t goid, bool waits)
{
	uint32_t index;

	if (goid <= 0 || w->nneeds == MAX_NEEDS)
		return;
	w->needs[w->nneeds++] =
		(struct blocker){.goid = goid, .ended = !is_known(l, goid, &index), .waits = waits};
}

static void need_mutex(struct leaker *l, struct lock_wait *w, uint64_t addr)
{
	uint64_t word = rt_read_u64(&l->rt, addr, l->rt.mutex_word);

	if (word & GORI_MU_LOCKED)
		need(l, w, (int64_t)(word >> GORI_MU_SHIFT), false);
}

static void need_readers(struct leaker *l, struct lock_wait *w, uint64_t addr, uint64_t word)
{
	uint64_t stride = rt_number(&l->rt, "sizeof.reader");

	for (unsigned i = 0; stride && i < 4; i++)
		if (word >> i & 1)
			need(l, w, (int64_t)rt_read_u64(&l->rt, addr + i * stride, l->rt.rwmutex_readers),
			     false);
}

/* The goroutine that is first in a queue of waiters. */
static int64_t first_in(struct leaker *l, uint64_t queue)
{
	uint64_t waiter = rt_read_u64(&l->rt, queue, 0);

	return (int64_t)rt_read_u64(&l->rt, rt_read_u64(&l->rt, waiter, l->rt.waiter_g), l->rt.g_goid);
}

static void need_rwmutex(struct leaker *l, struct lock_wait *w, uint64_t addr, bool for_reading)
{
	uint64_t word = rt_read_u64(&l->rt, addr, l->rt.rwmutex_word);

	if (word & GORI_RW_WRITER)
		need(l, w, (int64_t)rt_read_u64(&l->rt, addr, l->rt.rwmutex_owner), false);
	else if (for_reading)
		need(l, w, first_in(l, addr + l->rt.rwmutex_writeq), true);
	else
		need_readers(l, w, addr, word);
}

static bool find_needs(struct leaker *l, uint32_t index, struct lock_wait *ret)
{
	const struct goroutine *g = &l->world->goroutines[index];

	memset(ret, 0, sizeof *ret);
	ret->index = index;
	if (!waits_is_candidate(g) || !g->wait_obj)
		return false;
	if (strcmp(g->reason, "sync.Mutex.Lock") == 0)
		need_mutex(l, ret, g->wait_obj);
	else if (strcmp(g->reason, "sync.RWMutex.Lock") == 0)
		need_rwmutex(l, ret, g->wait_obj, false);
	else if (strcmp(g->reason, "sync.RWMutex.RLock") == 0)
		need_rwmutex(l, ret, g->wait_obj, true);
	else if (strcmp(g->reason, "sync.Once.Do") == 0)
		need(l, ret, (int64_t)rt_read_u64(&l->rt, g->wait_obj, l->rt.once_owner), false);
	return ret->nneeds > 0;
}

/* Is this one of those that w needs, and will never run again? */
static bool is_lost(struct leaker *l, const struct blocker *b, const unsigned char *waiting)
{
	uint32_t index;

	if (b->ended)
		return true;
	if (!is_known(l, b->goid, &index))
		return false;
	return waiting[index] || l->dead[index] || (l->alive && !l->alive[index]);
}

static bool is_hopeless(struct leaker *l, const struct lock_wait *w, const unsigned char *waiting)
{
	for (uint32_t i = 0; i < w->nneeds; i++)
		if (is_lost(l, &w->needs[i], waiting))
			return true;
	return false;
}

static void set_blockers(struct leaker *l, const struct lock_wait *w, const unsigned char *waiting)
{
	struct goroutine *g = &l->world->goroutines[w->index];
	struct blocker lost[MAX_NEEDS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->nneeds; i++)
		if (is_lost(l, &w->needs[i], waiting))
			lost[n++] = w->needs[i];
	g->blockers = arena_copy(&l->world->arena, lost, n * sizeof lost[0]);
	g->nblockers = n;
}

void locks_read(struct leaker *l)
{
	for (size_t i = 0; i < l->world->ngoroutines; i++) {
		struct lock_wait w;

		if (find_needs(l, (uint32_t)i, &w))
			*VEC_PUSH(&l->locks) = w;
	}
}

unsigned locks_find_dead(struct leaker *l)
{
	size_t n = l->world->ngoroutines;
	unsigned char *waiting = base_malloc(n);
	unsigned found = 0;
	bool changed;

	memset(waiting, 0, n);
	for (size_t i = 0; i < l->locks.n; i++)
		waiting[l->locks.items[i].index] = 1;
	do {
		changed = false;
		for (size_t i = 0; i < l->locks.n; i++)
			if (waiting[l->locks.items[i].index] &&
			    !is_hopeless(l, &l->locks.items[i], waiting)) {
				waiting[l->locks.items[i].index] = 0;
				changed = true;
			}
	} while (changed);
	for (size_t i = 0; i < l->locks.n; i++) {
		uint32_t index = l->locks.items[i].index;

		if (!waiting[index] || l->dead[index])
			continue;
		set_blockers(l, &l->locks.items[i], waiting);
		l->dead[index] = 1;
		found++;
	}
	free(waiting);
	return found;
}
