/* SPDX-License-Identifier: MIT */
/*
 * What: gor_after_func: a timer that starts a goroutine.
 *
 * How: the macro captures the call as defer does, into a record in the caller's frame; here it is taken out
 * of the goroutine's list and copied behind the timer, in the timer's block.  When the time comes a goroutine
 * is made for it, which costs nothing before.
 *
 * Rejected: making the goroutine at once and parking it (a stack for each pending timer, and it would count
 * as one); a stub of its own (the record has all that is needed).
 *
 * Invariants: the captured call is constant from the start of the timer on, so reset may start it again.
 *
 * Locking: none; see ticker.c.
 *
 * Context: gor_after_captured: anywhere.  start_call: M.
 */
#define GOR_NO_KEYWORDS
#include <stdlib.h>
#include <string.h>

#include "abi/panic_abi.h"
#include "sync/sync.h"
#include "sync/ticker.h"

#include <gorgon/timer.h>

/* Context: M, inside the runtime. */
static void start_call(void *arg, int64_t now)
{
	const struct gori_chan_timer *ct = gori_chan_timer_of(arg);

	(void)now;
	gori_newproc_inside(ct->call, ct->maker);
}

/* Takes the record, the last that was linked, out of the goroutine's list. */
static void take(struct gori_defer *d)
{
	gori_m()->curg->defers = d->link;
	d->check = 0;
}

/* Copies the call behind the timer; its arguments on the stack, if any, follow. */
static void keep(struct gori_chan_timer *ct, const struct gori_call *call)
{
	struct gori_call *copy = (struct gori_call *)(ct + 1);

	*copy = *call;
	if (call->nstack) {
		copy->stack = (uint64_t *)(copy + 1);
		memcpy(copy->stack, call->stack, call->nstack * sizeof(uint64_t));
	}
	ct->call = copy;
}

gor_timer *gor_after_captured(int64_t ns, void *record)
{
	struct gori_defer *d = record;
	struct gor_chan *c;

	take(d);
	c = gori_chan_timer_new(sizeof(struct gori_call) + d->call.nstack * sizeof(uint64_t), start_call,
				d->call.site);
	keep(gori_chan_timer_of(c), &d->call);
	free(d->heap);
	gori_chan_timer_start(c, ns, 0);
	return (gor_timer *)c;
}
