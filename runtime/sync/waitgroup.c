/* SPDX-License-Identifier: MIT */
/*
 * What: gor_waitgroup, a number of things to do and those who wait until it is zero.
 *
 * How: one word has both the number and how many wait, so that the done that reaches zero learns from its
 * own compare and swap whether anybody has to be woken.  It then takes all waiters out and resets the word,
 * and the group can be used again.  The checks for misuse are Go's.
 *
 * Invariants: the lower half of the word is the number of records in the queue, as seen under wg->lock,
 * until the last done has taken them.
 *
 * Locking: wg->lock guards the queue, and is held when the lower half grows.
 *
 * Context: public functions: anywhere.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

static inline int32_t left(uint64_t word)
{
	return (int32_t)(word >> GORI_WG_SHIFT);
}

/* Notes who changed the number, for dumps. */
static inline void note(gor_waitgroup *wg, int64_t goid, int n, void *pc)
{
	if (n > 0) {
		gori_store(&wg->last_adder, goid);
		gori_store(&wg->since, gori_coarse_now());
		gori_store(&wg->pc, pc);
	} else {
		gori_store(&wg->last_doner, goid);
	}
}

/* The number is zero and `word` says that somebody waits.  Context: G, inside the runtime; leaves it. */
static __attribute__((noinline)) void wake_all(gor_waitgroup *wg, uint64_t word)
{
	struct gori_waiter *list;

	gori_plock(&wg->lock);
	if (gori_load(&wg->word) != word) {
		gori_punlock(&wg->lock);
		gori_exit_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	}
	gori_store_rel(&wg->word, 0); /* pairs with the load in wait */
	list = gori_sync_take_all(&wg->waiters);
	gori_punlock(&wg->lock);
	gori_sync_wake_list(list, 0);
	gori_exit();
}

static inline void add(gor_waitgroup *wg, int n, void *pc)
{
	struct gori_m *m = gori_enter();
	uint64_t old, now;

	note(wg, m->curg->goid, n, pc);
	do {
		old = gori_load(&wg->word);
		now = old + ((uint64_t)(int64_t)n << GORI_WG_SHIFT);
	} while (!gori_sync_cas(&wg->word, old, now));
	if (left(now) < 0)
		gori_exit_panic("sync: negative WaitGroup counter");
	if ((uint32_t)now && n > 0 && left(now) == n)
		gori_exit_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	if (left(now) == 0 && (uint32_t)now)
		wake_all(wg, now);
	else
		gori_sync_exit(m);
}

void gor_waitgroup_add(gor_waitgroup *wg, int n)
{
	add(wg, n, gori_caller_pc());
}

void gor_waitgroup_done(gor_waitgroup *wg)
{
	add(wg, -1, NULL);
}

/* Waits; false if nothing was left to do.  Context: G, inside the runtime. */
static bool wait_for_zero(gor_waitgroup *wg, struct gori_g *g, void *pc)
{
	struct gori_waiter w = {.g = g, .obj = wg, .elem = pc};
	uint64_t old;

	gori_plock(&wg->lock);
	do {
		old = gori_load_acq(
			&wg->word); /* pairs with the compare and swap in add, if it is the last */
		if (left(old) == 0) {
			gori_punlock(&wg->lock);
			return false;
		}
	} while (!gori_sync_cas(&wg->word, old, old + 1));
	gori_sync_push(&wg->waiters, &w);
	gori_sync_park(g, &w, &wg->lock, GORI_WAIT_WAITGROUP_WAIT);
	return true;
}

void gor_waitgroup_wait(gor_waitgroup *wg)
{
	struct gori_m *m = gori_enter();

	/* Acquire: what was done is seen; pairs with the compare and swap in add. */
	if (left(gori_load_acq(&wg->word)) != 0 && wait_for_zero(wg, m->curg, gori_caller_pc()) &&
	    gori_load(&wg->word) != 0)
		gori_exit_panic("sync: WaitGroup is reused before previous Wait has returned");
	gori_exit();
}
