/* SPDX-License-Identifier: MIT */
/*
 * What: gor_mutex, a lock that knows its holder.
 *
 * How: one word has the goid of the holder and four flags, so that taking the lock and saying who has it is
 * one store, and checking who releases it is part of the compare and swap that releases it.  Go's two modes:
 *
 *	normal    unlock wakes the first waiter, which competes with whoever is running and mostly loses; the
 *	          one that runs keeps the lock and the caches hot.  At most one waiter is on its way (WOKEN).
 *	starving  a waiter that lost for 1 ms switches to this: unlock hands the lock to the first waiter,
 *	          newcomers queue up.  Ends when the queue is empty or a waiter got it within 1 ms.
 *
 *	free -> held                  [try_take, compare and swap]
 *	held -> held, QUEUED          [wait_once: queues up under lock]
 *	held, QUEUED -> free, WOKEN   [unlock_slow: wakes the first]
 *	... WOKEN -> not              [wait_once: the woken one takes the lock, or queues up in front]
 *	held -> held, STARVING        [wait_once: a woken one that is starving lost again]
 *	held, STARVING -> held        [unlock_slow: the next holder is written by the last]
 *
 * Rejected: an owner field beside a lock bit (between the two stores a dump sees the lock with its former
 * holder, and a leak check would accuse the innocent).  Rejected: handing over always (each critical section
 * then costs a switch).  Rejected: waking on unlock without WOKEN (a herd of losers).
 *
 * Invariants: STARVING implies LOCKED and QUEUED.  QUEUED if and only if the queue is not empty, as seen
 * under mu->lock.  While LOCKED only the holder changes the goid.
 *
 * Locking: mu->lock guards the queue and QUEUED, WOKEN, STARVING; the compare and swap of the fast paths
 * keeps their values.
 *
 * Context: public functions: anywhere.  gori_*: G, inside the runtime.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

#define STARVING_NS 1000000

enum { SPIN_FIRST = 32, SPIN_LAST = 256 }; /* pauses of some 10 to 40 ns */

enum { TOLD_COMPETE = 0, TOLD_YOURS = 1 };

static const char text_unlocked[] = "sync: unlock of unlocked mutex";

/* The word of a mutex that g holds and nobody waits for. */
static inline uint64_t held_by(const struct gori_g *g)
{
	return (uint64_t)g->goid << GORI_MU_SHIFT | GORI_MU_LOCKED;
}

static inline int64_t holder(uint64_t word)
{
	return (int64_t)(word >> GORI_MU_SHIFT);
}

static inline uint64_t flags(uint64_t word)
{
	return word & ((1u << GORI_MU_SHIFT) - 1);
}

/* Notes who took it, for dumps. */
static inline void note_taking(gor_mutex *mu, int64_t goid, void *pc)
{
	gori_store(&mu->last, goid);
	gori_store(&mu->since, gori_coarse_now());
	gori_store(&mu->pc, pc);
}

/* Takes the lock if it is free; clears `clear` on the way. */
static bool try_take(gor_mutex *mu, struct gori_g *g, uint64_t clear)
{
	uint64_t old = gori_load(&mu->word);

	while (!(old & GORI_MU_LOCKED)) {
		if (gori_sync_cas(&mu->word, old, (old & ~clear) | held_by(g)))
			return true;
		old = gori_load(&mu->word);
	}
	return false;
}

/* Says that there is a waiter; false if the lock has become free meanwhile.  Locking: mu->lock. */
static bool announce(gor_mutex *mu, uint64_t set, uint64_t clear)
{
	uint64_t old = gori_load(&mu->word);

	while (old & GORI_MU_LOCKED) {
		if (gori_sync_cas(&mu->word, old, (old & ~clear) | set))
			return true;
		old = gori_load(&mu->word);
	}
	return false;
}

/*
 * With several Ps the holder is mostly running on another one and soon done.  Looking at the word takes its
 * cache line away from the holder, so each look comes after a longer pause than the one before: 1 to 12 us in
 * all.  Not if something else could run here.
 */
static void spin(const gor_mutex *mu)
{
	const struct gori_p *p = gori_m()->p;

	for (int pauses = SPIN_FIRST; pauses <= SPIN_LAST; pauses *= 2) {
		if (gori_load(&p->runnext) || gori_load(&p->runq_head) != gori_load(&p->runq_tail))
			return;
		for (int i = 0; i < pauses; i++)
			gori_pause();
		if ((gori_load(&mu->word) & (GORI_MU_LOCKED | GORI_MU_STARVING)) != GORI_MU_LOCKED)
			return;
	}
}

/*
 * Takes the lock or waits once for it; true if g has it now.  *start is when g began to wait, 0 if it has
 * not waited yet.
 */
static bool wait_once(gor_mutex *mu, struct gori_g *g, void *pc, int64_t *start)
{
	uint64_t clear = *start ? GORI_MU_WOKEN : 0, set = GORI_MU_QUEUED;
	struct gori_waiter w = {.g = g, .obj = mu, .elem = pc};
	int64_t now;

	if (gori_load(&gori_multi))
		spin(mu);
	if (try_take(mu, g, clear))
		return true;
	now = gori_nanotime();
	if (*start && now - *start > STARVING_NS)
		set |= GORI_MU_STARVING;
	gori_plock(&mu->lock);
	while (!announce(mu, set, clear)) {
		if (try_take(mu, g, clear)) {
			gori_punlock(&mu->lock);
			return true;
		}
	}
	if (*start)
		gori_sync_push_front(&mu->waiters, &w);
	else
		gori_sync_push(&mu->waiters, &w);
	*start = *start ? *start : now;
	w.ticket = (uint64_t)*start;
	return gori_sync_park(g, &w, &mu->lock, GORI_WAIT_MUTEX_LOCK) == TOLD_YOURS;
}

static __attribute__((noinline)) void lock_slow(gor_mutex *mu, struct gori_g *g, void *pc)
{
	int64_t start = 0;

	while (!wait_once(mu, g, pc, &start))
		;
	note_taking(mu, g->goid, pc);
	g->nlocks_held++;
}

static inline bool lock_fast(gor_mutex *mu, struct gori_g *g, void *pc)
{
	uint64_t old = gori_load(&mu->word);

	if ((old & GORI_MU_LOCKED) || !gori_sync_cas(&mu->word, old, old | held_by(g)))
		return false;
	note_taking(mu, g->goid, pc);
	g->nlocks_held++;
	return true;
}

void gori_mutex_lock(gor_mutex *mu, void *pc)
{
	struct gori_g *g = gori_g();

	if (!lock_fast(mu, g, pc))
		lock_slow(mu, g, pc);
}

/* Fatal unless g may release the lock. */
static void check_holder(uint64_t word, const struct gori_g *g)
{
	if (!(word & GORI_MU_LOCKED))
		gori_fatal(text_unlocked);
	if (holder(word) && holder(word) != g->goid)
		gori_sync_fatal_held("sync: unlock of mutex held by goroutine ", holder(word));
}

/* Makes the first waiter the holder.  Locking: mu->lock; only the holder calls this. */
static struct gori_waiter *hand_over(gor_mutex *mu, uint64_t word)
{
	struct gori_waiter *w = gori_sync_pop(&mu->waiters);
	bool waited_long = gori_nanotime() - (int64_t)w->ticket > STARVING_NS;
	uint64_t keep = flags(word);

	if (!mu->waiters.first)
		keep &= ~(uint64_t)(GORI_MU_QUEUED | GORI_MU_STARVING);
	else if (!waited_long)
		keep &= ~(uint64_t)GORI_MU_STARVING;
	gori_store_rel(&mu->word, held_by(w->g) | keep); /* pairs with the loads of the compare and swaps */
	return w;
}

/* Frees the lock and sends the first waiter to compete for it.  Locking: mu->lock; only the holder calls
 * this, while QUEUED and not WOKEN. */
static struct gori_waiter *let_compete(gor_mutex *mu)
{
	struct gori_waiter *w = gori_sync_pop(&mu->waiters);

	/* Pairs with the loads of the compare and swaps. */
	gori_store_rel(&mu->word, (mu->waiters.first ? GORI_MU_QUEUED : 0) | GORI_MU_WOKEN);
	return w;
}

/*
 * Releases the lock if nobody has to be woken, whatever the flags; false if somebody has to be.  Not under
 * mu->lock, because who takes the mutex next may be its last user and free it: the compare and swap must be
 * the last access.  (In unlock_slow there is a waiter, who keeps the mutex alive until it is woken.)
 */
static bool unlock_flagged(gor_mutex *mu, struct gori_g *g)
{
	for (;;) {
		uint64_t word = gori_load(&mu->word), mask = GORI_MU_QUEUED | GORI_MU_WOKEN;

		check_holder(word, g);
		if ((word & GORI_MU_STARVING) || (word & mask) == GORI_MU_QUEUED)
			return false;
		if (gori_sync_cas(&mu->word, word, flags(word) & ~(uint64_t)GORI_MU_LOCKED)) {
			g->nlocks_held -= holder(word) != 0;
			return true;
		}
	}
}

static __attribute__((noinline)) void unlock_slow(gor_mutex *mu, struct gori_g *g, bool may_yield)
{
	struct gori_waiter *w;
	uint64_t word;
	bool starving;

	if (unlock_flagged(mu, g))
		return;
	gori_plock(&mu->lock);
	word = gori_load(&mu->word);
	check_holder(word, g);
	if (!mu->waiters.first)
		gori_throw("mutex: queued without a waiter");
	g->nlocks_held -= holder(word) != 0;
	starving = word & GORI_MU_STARVING;
	w = starving ? hand_over(mu, word) : let_compete(mu);
	gori_punlock(&mu->lock);
	gori_sync_wake(w, starving ? TOLD_YOURS : TOLD_COMPETE);
	/* The new holder runs at once on this P, as in Go: others wait for it. */
	if (starving && may_yield)
		gori_gosched();
}

/* Releases the lock if g holds it and nobody has to be woken. */
static inline bool unlock_fast(gor_mutex *mu, struct gori_g *g)
{
	uint64_t old = gori_load(&mu->word), rest = old ^ held_by(g);

	if (rest && rest != GORI_MU_WOKEN && rest != (GORI_MU_WOKEN | GORI_MU_QUEUED))
		return false;
	if (!gori_sync_cas(&mu->word, old, rest))
		return false;
	g->nlocks_held--;
	return true;
}

/* may_yield: a starving waiter that gets the lock may run before this returns. */
void gori_mutex_unlock(gor_mutex *mu, bool may_yield)
{
	struct gori_g *g = gori_g();

	if (!unlock_fast(mu, g))
		unlock_slow(mu, g, may_yield);
}

/* ---- public ------------------------------------------------------------------------------------------ */

static __attribute__((noinline)) void lock_cold(gor_mutex *mu, void *pc)
{
	gori_enter();
	gori_mutex_lock(mu, pc);
	gori_exit();
}

void gor_mutex_lock(gor_mutex *mu)
{
	struct gori_m *m = gori_sync_try_enter();

	if (gori_likely(m && lock_fast(mu, m->curg, gori_caller_pc())))
		gori_sync_exit(m);
	else
		lock_cold(mu, gori_caller_pc());
}

bool gor_mutex_try_lock(gor_mutex *mu)
{
	struct gori_m *m = gori_enter();
	struct gori_g *g = m->curg;
	bool taken = try_take(mu, g, 0);

	if (taken) {
		note_taking(mu, g->goid, gori_caller_pc());
		g->nlocks_held++;
	}
	gori_sync_exit(m);
	return taken;
}

static __attribute__((noinline)) void unlock_cold(gor_mutex *mu)
{
	gori_enter();
	gori_mutex_unlock(mu, true);
	gori_exit();
}

void gor_mutex_unlock(gor_mutex *mu)
{
	struct gori_m *m = gori_sync_try_enter();

	if (gori_likely(m && unlock_fast(mu, m->curg)))
		gori_sync_exit(m);
	else
		unlock_cold(mu);
}

void gor_mutex_disown(gor_mutex *mu)
{
	struct gori_m *m = gori_enter();
	uint64_t old;

	do {
		old = gori_load(&mu->word);
		if (!(old & GORI_MU_LOCKED) || holder(old) != m->curg->goid)
			gori_fatal("sync: disown of mutex not held by this goroutine");
	} while (!gori_sync_cas(&mu->word, old, flags(old)));
	m->curg->nlocks_held--;
	gori_sync_exit(m);
}
