/* SPDX-License-Identifier: MIT */
#ifndef GORI_SYNC_H
#define GORI_SYNC_H
/*
 * What: what the synchronisation objects share: their compare-and-swap, parking on one object, waking.
 *
 * How: with one P a goroutine inside the runtime is alone, and a lock word changes by plain loads and
 * stores; with several by compare and swap.  Whoever has to wait puts a struct gori_waiter, on its own
 * stack, into the object's queue under the object's lock.
 *
 * Invariants: a waiter that was taken out of the queue is touched by its waker only until gori_ready.
 *
 * Locking: cond.lock before mutex.lock, rwmutex.lock.  No other object's lock is taken under another's.
 *
 * Context: G, inside the runtime, unless said.
 */
#include "abi/abi.h"
#include "abi/sync_abi.h"
#include "sched/sched.h"
#include "sys/clock.h"

/* The place of the call into this public function. */
#define gori_caller_pc() __builtin_return_address(0)

/*
 * As gori_enter, but NULL where that would take its slow way.  The hottest functions then go on in a cold twin,
 * which calls gori_enter: a tail call, so that the fast way needs no stack frame.
 */
static inline struct gori_m *gori_sync_try_enter(void)
{
	struct gori_m *m = gori_m();

	if (gori_unlikely(!m))
		return NULL;
	gori_store(&m->in_rt, 1); /* pairs with the membarrier of whoever sets claim */
	gori_compiler_barrier();
	return gori_unlikely(gori_load_acq(&m->claim)) ? NULL : m;
}

/* As gori_exit, for a goroutine that did not park since it got m from gori_enter. */
static inline void gori_sync_exit(struct gori_m *m)
{
	if (gori_unlikely(m->slow_exit))
		gori_exit_slow(m);
	else
		gori_store_rel(&m->in_rt, 0); /* pairs with sysmon's look at in_rt */
}

/* Replaces `old` by `new_` in a lock word; false if somebody was quicker. */
static inline bool gori_sync_cas(uint64_t *word, uint64_t old, uint64_t new_)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		return gori_cas(word, old, new_);
	if (gori_load(word) != old)
		return false;
	gori_store(word, new_); /* one P: no other goroutine is inside */
	return true;
}

/*
 * Parks g, which has already put w into the queue of `obj`, and releases the object's lock.  Returns what the
 * waker said.  The record is wiped afterwards: a stale pointer to obj on a live stack would hide leaks.
 */
static inline uint64_t gori_sync_park(struct gori_g *g, struct gori_waiter *w, uint32_t *lock,
				      enum gori_wait reason)
{
	uint64_t told;

	g->waiters = w;
	g->nwaiters = 1;
	told = gori_park(lock, reason, w->obj);
	g->waiters = NULL;
	g->nwaiters = 0;
	*w = (struct gori_waiter){0};
	__asm__ volatile("" : : "r"(w) : "memory"); /* keeps the wiping */
	return told;
}

/* ---- queues (struct gor_waitq: the public twin of gori_waitq).  Locking: their object's. ---- */

static inline void gori_sync_push(struct gor_waitq *q, struct gori_waiter *w)
{
	w->next = NULL;
	w->prev = q->last;
	w->linked = 1;
	*(q->last ? &q->last->next : &q->first) = w;
	q->last = w;
}

static inline void gori_sync_push_front(struct gor_waitq *q, struct gori_waiter *w)
{
	w->prev = NULL;
	w->next = q->first;
	w->linked = 1;
	*(q->first ? &q->first->prev : &q->last) = w;
	q->first = w;
}

/* Takes out the first waiter; NULL if there is none. */
static inline struct gori_waiter *gori_sync_pop(struct gor_waitq *q)
{
	struct gori_waiter *w = q->first;

	if (!w)
		return NULL;
	q->first = w->next;
	*(q->first ? &q->first->prev : &q->last) = NULL;
	w->next = NULL;
	w->linked = 0;
	return w;
}

/* Takes out all waiters, as a list by `next`. */
static inline struct gori_waiter *gori_sync_take_all(struct gor_waitq *q)
{
	struct gori_waiter *list = q->first;

	for (struct gori_waiter *w = list; w; w = w->next)
		w->linked = 0;
	q->first = q->last = NULL;
	return list;
}

/* Wakes one waiter that is in no queue any more. */
static inline void gori_sync_wake(struct gori_waiter *w, uint64_t tell)
{
	struct gori_g *g = w->g;

	g->wake = tell;
	gori_ready(g);
}

void gori_sync_wake_list(struct gori_waiter *list, uint64_t tell);

/* "prefixN" as a fatal error. */
_Noreturn void gori_sync_fatal_held(const char *prefix, int64_t goid);

/* The locks as a cond sees them: inside the runtime, without giving way to a waiter they wake. */
void gori_mutex_lock(gor_mutex *mu, void *pc);
void gori_mutex_unlock(gor_mutex *mu, bool may_yield);
void gori_rwmutex_lock(gor_rwmutex *rw, void *pc);
void gori_rwmutex_unlock(gor_rwmutex *rw);
void gori_rwmutex_rlock(gor_rwmutex *rw, void *pc);
void gori_rwmutex_runlock(gor_rwmutex *rw);

#endif
