/* SPDX-License-Identifier: MIT */
/*
 * What: gor_cond, a place to wait for a change of what a lock protects.
 *
 * How: a waiter is in the queue before it releases the lock, so that no signal between the two is lost.  It
 * holds c->lock from queueing up until it is parked, across the release of the user's lock.
 *
 * Rejected: Go's tickets, which let signal and wait meet without a lock: with one P the lock costs nothing.
 *
 * Invariants: who is in the queue is parked or about to be, with c->lock held.
 *
 * Locking: c->lock guards the queue; it is taken before the internal lock of the mutex or rwmutex.
 *
 * Context: public functions: anywhere.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

#undef gor_cond_wait

/* Releases the user's lock.  It must not give way: the caller is in a queue without being parked. */
static void locker_unlock(gor_locker l)
{
	if (l.kind == GORI_LOCKER_MUTEX)
		gori_mutex_unlock(l.obj, false);
	else if (l.kind == GORI_LOCKER_RWMUTEX)
		gori_rwmutex_unlock(l.obj);
	else
		gori_rwmutex_runlock(l.obj);
}

static void locker_lock(gor_locker l, void *pc)
{
	if (l.kind == GORI_LOCKER_MUTEX)
		gori_mutex_lock(l.obj, pc);
	else if (l.kind == GORI_LOCKER_RWMUTEX)
		gori_rwmutex_lock(l.obj, pc);
	else
		gori_rwmutex_rlock(l.obj, pc);
}

/* Enters the runtime; panics if *c is a copy of a cond that was in use. */
static struct gori_m *enter(gor_cond *c)
{
	struct gori_m *m = gori_enter();

	if (!gori_load(&c->self))
		gori_store(&c->self, c);
	else if (gori_load(&c->self) != c)
		gori_exit_panic("sync.Cond is copied");
	return m;
}

void gor_cond_wait(gor_cond *c, gor_locker l)
{
	struct gori_g *g = enter(c)->curg;
	void *pc = gori_caller_pc();
	struct gori_waiter w = {.g = g, .obj = c, .elem = pc, .ticket = (uintptr_t)l.obj};

	gori_plock(&c->lock);
	gori_sync_push(&c->waiters, &w);
	locker_unlock(l);
	gori_sync_park(g, &w, &c->lock, GORI_WAIT_COND_WAIT);
	locker_lock(l, pc);
	gori_exit();
}

/* Notes who woke others, for dumps.  Locking: c->lock. */
static void note_wake(gor_cond *c, int64_t goid)
{
	gori_store(&c->last_waker, goid);
	gori_store(&c->last_wake, gori_coarse_now());
}

void gor_cond_signal(gor_cond *c)
{
	struct gori_m *m = enter(c);
	struct gori_waiter *w;

	gori_plock(&c->lock);
	note_wake(c, m->curg->goid);
	w = gori_sync_pop(&c->waiters);
	gori_punlock(&c->lock);
	if (w)
		gori_sync_wake(w, 0);
	gori_exit();
}

void gor_cond_broadcast(gor_cond *c)
{
	struct gori_m *m = enter(c);
	struct gori_waiter *list;

	gori_plock(&c->lock);
	note_wake(c, m->curg->goid);
	list = gori_sync_take_all(&c->waiters);
	gori_punlock(&c->lock);
	gori_sync_wake_list(list, 0);
	gori_exit();
}
