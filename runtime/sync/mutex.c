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
 * Bias.  A mutex that was taken from one P a thousand times in a row is BIASED to it: there lock and unlock
 * are a comparison and a store, with no locked instruction, which are most of their cost.  They are restartable
 * sequences (arch/x86_64/restart.h).  Whoever else wants to change a BIASED word ends the bias first: DRAIN,
 * which no sequence accepts, a barrier that ends sequences under way, and if DRAIN is still there nobody
 * else writes.  That costs some microseconds, hence the thousand.  The holder may move to another P: the
 * bias goes with it, because only the holder's word says LOCKED.
 *
 *	held -> free, BIASED          [unlock_fast: after STREAK takings in a row]
 *	free, BIASED <-> held, BIASED [lock_fast on that P; unlock_fast anywhere]
 *	BIASED -> BIASED, DRAIN -> not [unbias]
 *
 * Rejected: an owner field beside a lock bit (between the two stores a dump sees the lock with its former
 * holder, and a leak check would accuse the innocent).  Rejected: a plain store to unlock and a look at the
 * waiters after it, as the asymmetric barrier would allow (the next holder may have freed the mutex).  Rejected: handing over always (each critical section
 * then costs a switch).  Rejected: waking on unlock without WOKEN (a herd of losers).
 *
 * Invariants: STARVING implies LOCKED and QUEUED.  QUEUED if and only if the queue is not empty, as seen
 * under mu->lock.  While LOCKED only the holder changes the goid.  A BIASED word is written by sequences and by
 * unbias, and never by compare and swap otherwise.
 *
 * Locking: mu->lock guards the queue and QUEUED, WOKEN, STARVING, DRAIN; what the fast paths write keeps
 * their values.
 *
 * Context: public functions: anywhere.  gori_*: G, inside the runtime.
 */
#define GOR_NO_KEYWORDS
#include "arch/x86_64/restart.h"
#include "sync/sync.h"
#include "sys/barrier.h"

#define STARVING_NS 1000000

enum { SPIN_FIRST = 32, SPIN_LAST = 256 }; /* pauses of some 10 to 40 ns */

enum {
	STREAK = 1000,     /* takings from one P before the mutex is biased to it */
	STREAK_SHIFT = 16, /* of mu->streak: the P above, the number below */
};

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

/* The word of a free mutex that is biased to p, without waiters. */
static inline uint64_t free_biased(const struct gori_p *p)
{
	return (uint64_t)(p->id + 1) << GORI_MU_SHIFT | GORI_MU_BIASED;
}

/* Notes who took it, for dumps. */
static inline void note_taking(gor_mutex *mu, int64_t goid, void *pc)
{
	gori_store(&mu->last, goid);
	gori_store(&mu->since, gori_coarse_now());
	gori_store(&mu->pc, pc);
}

/*
 * Ends the bias.  A sequence that compared the word before DRAIN came may overwrite it, once.  Locking:
 * mu->lock, and the caller keeps the mutex alive: it holds it, or will have its turn.
 */
static void unbias(gor_mutex *mu)
{
	uint64_t old;

	while ((old = gori_load(&mu->word)) & GORI_MU_BIASED) {
		if (!gori_sync_cas(&mu->word, old, old | GORI_MU_DRAIN))
			continue;
		gori_barrier_restart_all();
		old = gori_load(&mu->word);
		if (!(old & GORI_MU_DRAIN))
			continue;
		old &= ~(uint64_t)(GORI_MU_BIASED | GORI_MU_DRAIN);
		gori_store(&mu->streak, 0);
		gori_store_rel(&mu->word,
			       old & GORI_MU_LOCKED ? old : flags(old)); /* nobody else writes now */
	}
}

static void unbias_unlocked(gor_mutex *mu)
{
	gori_plock(&mu->lock);
	unbias(mu);
	gori_punlock(&mu->lock);
}

/* Takes the lock if it is free and not biased; clears `clear` on the way. */
static bool try_take(gor_mutex *mu, struct gori_g *g, uint64_t clear)
{
	uint64_t old = gori_load(&mu->word);

	while (!(old & (GORI_MU_LOCKED | GORI_MU_BIASED))) {
		if (gori_sync_cas(&mu->word, old, (old & ~clear) | held_by(g)))
			return true;
		old = gori_load(&mu->word);
	}
	return false;
}

/* Says that there is a waiter; false if the lock has become free, or biased, meanwhile.  Locking: mu->lock. */
static bool announce(gor_mutex *mu, uint64_t set, uint64_t clear)
{
	uint64_t old = gori_load(&mu->word);

	while ((old & (GORI_MU_LOCKED | GORI_MU_BIASED)) == GORI_MU_LOCKED) {
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
		unbias(mu);
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

/* Counts how often in a row the lock was taken from p.  The holder's; unbias may set it to 0 meanwhile. */
static inline void count_streak(gor_mutex *mu, const struct gori_p *p)
{
	uint32_t streak = gori_load(&mu->streak);

	if (streak >> STREAK_SHIFT != p->id)
		gori_store(&mu->streak, p->id << STREAK_SHIFT);
	else if ((uint16_t)streak < STREAK)
		gori_store(&mu->streak, streak + 1);
}

/* With several Ps: takes the lock if `old` says that it is free, and not biased to another one. */
static inline bool take_shared(gor_mutex *mu, struct gori_m *m, uint64_t old)
{
	uint64_t taken = (old & (GORI_MU_BIASED | GORI_MU_QUEUED | GORI_MU_WOKEN)) | held_by(m->curg);

	if (gori_likely(((old ^ free_biased(m->p)) & ~(uint64_t)(GORI_MU_QUEUED | GORI_MU_WOKEN)) == 0))
		return m->restart_slot && gori_restart_replace(m->restart_slot, &mu->word, old, taken);
	if ((old & (GORI_MU_LOCKED | GORI_MU_BIASED)) || !gori_cas(&mu->word, old, taken))
		return false;
	count_streak(mu, m->p);
	return true;
}

static inline __attribute__((always_inline)) bool lock_shared(gor_mutex *mu, struct gori_m *m, void *pc)
{
	if (!take_shared(mu, m, gori_load(&mu->word)))
		return false;
	note_taking(mu, m->curg->goid, pc);
	m->curg->nlocks_held++;
	return true;
}

/* The same with one P: no other goroutine is inside. */
static inline bool lock_alone(gor_mutex *mu, struct gori_m *m, void *pc)
{
	uint64_t old = gori_load(&mu->word);
	struct gori_g *g = m->curg;

	if (old & (GORI_MU_LOCKED | GORI_MU_BIASED))
		return false;
	gori_store(&mu->word, old | held_by(g));
	note_taking(mu, g->goid, pc);
	g->nlocks_held++;
	return true;
}

static bool lock_fast(gor_mutex *mu, struct gori_m *m, void *pc)
{
	return gori_load(&gori_multi) ? lock_shared(mu, m, pc) : lock_alone(mu, m, pc);
}

void gori_mutex_lock(gor_mutex *mu, void *pc)
{
	struct gori_m *m = gori_m();

	if (!lock_fast(mu, m, pc))
		lock_slow(mu, m->curg, pc);
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

	if (gori_load(&mu->word) & GORI_MU_BIASED)
		unbias_unlocked(mu); /* and it stays so: only the holder biases it */
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

/* The streak is long enough for a bias to this P. */
static inline bool deserves_bias(const gor_mutex *mu, const struct gori_m *m)
{
	return gori_load(&mu->streak) == (m->p->id << STREAK_SHIFT | STREAK) && m->restart_slot;
}

/* With several Ps: replaces `old` by `rest`, the flags besides LOCKED, if nobody has to be woken. */
static inline bool release_shared(gor_mutex *mu, struct gori_m *m, uint64_t old, uint64_t rest)
{
	uint64_t queue = rest & (GORI_MU_QUEUED | GORI_MU_WOKEN);

	if ((rest & ~queue & ~(uint64_t)GORI_MU_BIASED) || queue == GORI_MU_QUEUED)
		return false;
	if (gori_likely(rest & GORI_MU_BIASED))
		return m->restart_slot &&
		       gori_restart_replace(m->restart_slot, &mu->word, old, queue | free_biased(m->p));
	return gori_cas(&mu->word, old, deserves_bias(mu, m) ? queue | free_biased(m->p) : queue);
}

/* With several Ps: releases the lock if m's goroutine holds it and nobody has to be woken. */
static inline __attribute__((always_inline)) bool unlock_shared(gor_mutex *mu, struct gori_m *m)
{
	struct gori_g *g = m->curg;
	uint64_t old = gori_load(&mu->word);

	if (!release_shared(mu, m, old, old ^ held_by(g)))
		return false;
	g->nlocks_held--;
	return true;
}

/* The same with one P. */
static inline bool unlock_alone(gor_mutex *mu, struct gori_m *m)
{
	struct gori_g *g = m->curg;
	uint64_t rest = gori_load(&mu->word) ^ held_by(g);

	if (rest && rest != GORI_MU_WOKEN && rest != (GORI_MU_WOKEN | GORI_MU_QUEUED))
		return false;
	gori_store(&mu->word, rest);
	g->nlocks_held--;
	return true;
}

static bool unlock_fast(gor_mutex *mu, struct gori_m *m)
{
	return gori_load(&gori_multi) ? unlock_shared(mu, m) : unlock_alone(mu, m);
}

/* may_yield: a starving waiter that gets the lock may run before this returns. */
void gori_mutex_unlock(gor_mutex *mu, bool may_yield)
{
	struct gori_m *m = gori_m();

	if (!unlock_fast(mu, m))
		unlock_slow(mu, m->curg, may_yield);
}

/* ---- public ------------------------------------------------------------------------------------------ */

static __attribute__((noinline)) void lock_cold(gor_mutex *mu, void *pc)
{
	gori_enter();
	gori_mutex_lock(mu, pc);
	gori_exit();
}

static __attribute__((noinline)) void lock_multi(gor_mutex *mu, struct gori_m *m, void *pc)
{
	if (gori_likely(lock_shared(mu, m, pc)))
		gori_sync_exit(m);
	else
		lock_cold(mu, pc);
}

void gor_mutex_lock(gor_mutex *mu)
{
	struct gori_m *m = gori_sync_try_enter();
	void *pc = gori_caller_pc();

	if (gori_unlikely(!m))
		lock_cold(mu, pc);
	else if (gori_unlikely(gori_load(&gori_multi)))
		lock_multi(mu, m, pc);
	else if (gori_likely(lock_alone(mu, m, pc)))
		gori_sync_exit(m);
	else
		lock_cold(mu, pc);
}

bool gor_mutex_try_lock(gor_mutex *mu)
{
	struct gori_m *m = gori_enter();
	void *pc = gori_caller_pc();
	bool taken;

	while (!(taken = lock_fast(mu, m, pc)) && !(gori_load(&mu->word) & GORI_MU_LOCKED))
		unbias_unlocked(mu); /* it is free, and another P's */
	gori_sync_exit(m);
	return taken;
}

static __attribute__((noinline)) void unlock_cold(gor_mutex *mu)
{
	gori_enter();
	gori_mutex_unlock(mu, true);
	gori_exit();
}

static __attribute__((noinline)) void unlock_multi(gor_mutex *mu, struct gori_m *m)
{
	if (gori_likely(unlock_shared(mu, m)))
		gori_sync_exit(m);
	else
		unlock_cold(mu);
}

void gor_mutex_unlock(gor_mutex *mu)
{
	struct gori_m *m = gori_sync_try_enter();

	if (gori_unlikely(!m))
		unlock_cold(mu);
	else if (gori_unlikely(gori_load(&gori_multi)))
		unlock_multi(mu, m);
	else if (gori_likely(unlock_alone(mu, m)))
		gori_sync_exit(m);
	else
		unlock_cold(mu);
}

void gor_mutex_disown(gor_mutex *mu)
{
	struct gori_m *m = gori_enter();
	uint64_t old;

	unbias_unlocked(mu);
	do {
		old = gori_load(&mu->word);
		if (!(old & GORI_MU_LOCKED) || holder(old) != m->curg->goid)
			gori_fatal("sync: disown of mutex not held by this goroutine");
	} while (!gori_sync_cas(&mu->word, old, flags(old)));
	m->curg->nlocks_held--;
	gori_sync_exit(m);
}
