/* SPDX-License-Identifier: MIT */
/*
 * What: gor_once: something is done exactly once, and everybody waits until it has been done.
 *
 * How: a state that only grows, NEW -> RUNNING -> DONE.  The function is user code and is called outside the
 * runtime; the step to DONE is a deferred call, so that a panic or gor_goexit counts as done too.
 *
 *	NEW -> RUNNING   [gor_once_do, the first caller, who becomes the owner]
 *	RUNNING -> DONE  [finish, deferred by the owner]
 *
 * Invariants: the queue is empty unless RUNNING.  DONE is stored after all that the function did.
 *
 * Locking: o->lock guards the state and the queue; DONE may be read without it.
 *
 * Context: public functions: anywhere.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

#include <gorgon/defer.h>

/* Context: G, outside the runtime. */
static void finish(gor_once *o)
{
	struct gori_waiter *list;

	gori_enter();
	gori_plock(&o->lock);
	gori_store_rel(&o->state, GORI_ONCE_DONE); /* pairs with the acquire in gor_once_do */
	list = gori_sync_take_all(&o->waiters);
	gori_punlock(&o->lock);
	gori_sync_wake_list(list, 0);
	gori_exit();
}

static void run(gor_once *o, void (*fn)(void *arg), void *arg)
{
	GORI_DEFER(finish, o);
	fn(arg);
}

/* True if g is the first, who has to run the function; otherwise it has been run on return.
 * Context: G, inside the runtime. */
static bool begin(gor_once *o, struct gori_g *g, void *pc)
{
	struct gori_waiter w = {.g = g, .obj = o, .elem = pc};

	gori_plock(&o->lock);
	if (o->state == GORI_ONCE_NEW) {
		o->owner = g->goid;
		o->since = gori_coarse_now();
		o->pc = pc;
		gori_store(&o->state, GORI_ONCE_RUNNING);
		gori_punlock(&o->lock);
		return true;
	}
	if (o->state == GORI_ONCE_DONE) {
		gori_punlock(&o->lock);
		return false;
	}
	gori_sync_push(&o->waiters, &w);
	gori_sync_park(g, &w, &o->lock, GORI_WAIT_ONCE_WAIT);
	return false;
}

void gor_once_do(gor_once *o, void (*fn)(void *arg), void *arg)
{
	bool first;

	/* No need to be inside the runtime for this; pairs with the release in finish. */
	if (gori_likely(gori_load_acq(&o->state) == GORI_ONCE_DONE))
		return;
	first = begin(o, gori_enter()->curg, gori_caller_pc());
	gori_exit();
	if (first)
		run(o, fn, arg);
}
