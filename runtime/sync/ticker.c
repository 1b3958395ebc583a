/* SPDX-License-Identifier: MIT */
/*
 * What: the timers that the user sees: gor_after, gor_timer, gor_ticker (and see after_func.c).
 *
 * How: a timer and its channel are one block: the channel is made with a larger buffer than it is told of,
 * and the timer is in the rest.  So a channel of gor_after needs no owner but whoever has the channel, and
 * chan_free, which knows this by the flag GORI_CHAN_TIMER and stops the timer first, gives back everything
 * even before the time has come.  A gor_timer and a gor_ticker are that
 * channel too, seen through another type.
 *
 * stop and reset empty the channel after they have stopped the timer (which waits for its function), as Go
 * does from 1.23 on: nobody can mistake an old time for a new one.
 *
 * Invariants: the timer is the only sender, and never waits.  timer.when, .period change only while the
 * timer is not active.
 *
 * Locking: gori_chan_timer.lock makes stop and start one step; then the channel's.  The timer's function
 * takes only the latter.
 *
 * Context: public functions: anywhere.  send_time: M.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

#include "chan/chan.h"

#include "sync/ticker.h"

#include <gorgon/timer.h>

enum { TIME_SIZE = sizeof(int64_t) };

static const struct gor_site site = {__FILE__, "gor_timer_new", "int64_t", __LINE__, 0};

/* The moment `ns` from now; a very long time is for ever, a negative one now. */
static int64_t deadline_after(int64_t ns)
{
	int64_t now = gori_nanotime();

	if (ns <= 0)
		return now;
	return ns < INT64_MAX - 1 - now ? now + ns : INT64_MAX - 1;
}

/* Context: M, inside the runtime. */
static void send_time(void *arg, int64_t now)
{
	gori_chan_offer(arg, &now);
}

struct gor_chan *gori_chan_timer_new(size_t extra, void (*fn)(void *chan, int64_t now),
				     const struct gor_site *at)
{
	size_t tail = sizeof(struct gori_chan_timer) + extra;
	struct gor_chan *c = gor_chan_make(TIME_SIZE, 1 + (tail + TIME_SIZE - 1) / TIME_SIZE, at);

	c->cap = 1;
	c->flags |= GORI_CHAN_TIMER;
	*gori_chan_timer_of(c) = (struct gori_chan_timer){
		.timer = {.fn = fn, .arg = c},
		.cookie = GORI_CHAN_TIMER_COOKIE,
		.maker = c->maker,
	};
	return c;
}

void gori_chan_timer_start(struct gor_chan *c, int64_t first, int64_t period)
{
	struct gori_timer *t = &gori_chan_timer_of(c)->timer;

	t->when = deadline_after(first);
	t->period = period;
	gori_enter();
	gori_timer_start(t);
	gori_exit();
}

static struct gor_chan *make(int64_t first, int64_t period, void *pc)
{
	struct gor_chan *c = gori_chan_timer_new(0, send_time, &site);

	gori_chan_timer_of(c)->pc = pc;
	gori_chan_timer_start(c, first, period);
	return c;
}

/* Stops the timer and takes back what it has sent; true if that makes a difference.  Locking: ct->lock. */
static bool halt(struct gor_chan *c, struct gori_chan_timer *ct)
{
	bool pending = gori_timer_stop(&ct->timer);

	gori_plock(&c->lock);
	if (c->len) {
		c->len = 0;
		c->sendx = c->recvx = 0;
		pending = true;
	}
	gori_punlock(&c->lock);
	return pending;
}

/* Starts it anew to fire after `first` ns and then every `period`; first < 0: leaves it stopped. */
static bool restart(struct gor_chan *c, int64_t first, int64_t period)
{
	struct gori_chan_timer *ct = gori_chan_timer_of(c);
	bool pending;

	gori_enter();
	gori_plock(&ct->lock);
	pending = halt(c, ct);
	if (first >= 0) {
		ct->timer.when = deadline_after(first);
		ct->timer.period = period;
		gori_timer_start(&ct->timer);
	}
	gori_punlock(&ct->lock);
	gori_exit();
	return pending;
}

GORI_CHAN_TYPE(int64_t) gor_after(int64_t ns)
{
	return (GORI_CHAN_TYPE(int64_t))(void *)make(ns, 0, gori_caller_pc());
}

/* ---- timer -------------------------------------------------------------------------------------------- */

gor_timer *gor_timer_new(int64_t ns)
{
	return (gor_timer *)make(ns, 0, gori_caller_pc());
}

GORI_CHAN_TYPE(int64_t) gor_timer_chan(gor_timer *t)
{
	struct gor_chan *c = (struct gor_chan *)t;

	return gori_chan_timer_of(c)->call ? NULL : (GORI_CHAN_TYPE(int64_t))(void *)c;
}

bool gor_timer_stop(gor_timer *t)
{
	return restart((struct gor_chan *)t, -1, 0);
}

bool gor_timer_reset(gor_timer *t, int64_t ns)
{
	return restart((struct gor_chan *)t, ns > 0 ? ns : 0, 0);
}

void gor_timer_free(gor_timer *t)
{
	if (t)
		gor_timer_stop(t);
	chan_free(t);
}

/* ---- ticker ------------------------------------------------------------------------------------------- */

gor_ticker *gor_ticker_new(int64_t ns)
{
	if (ns <= 0)
		gori_panic_plain("non-positive interval for NewTicker");
	return (gor_ticker *)make(ns, ns, gori_caller_pc());
}

GORI_CHAN_TYPE(int64_t) gor_ticker_chan(gor_ticker *t)
{
	return (GORI_CHAN_TYPE(int64_t))(void *)t;
}

void gor_ticker_stop(gor_ticker *t)
{
	restart((struct gor_chan *)t, -1, 0);
}

void gor_ticker_reset(gor_ticker *t, int64_t ns)
{
	if (ns <= 0)
		gori_panic_plain("non-positive interval for Ticker.Reset");
	restart((struct gor_chan *)t, ns, ns);
}

void gor_ticker_free(gor_ticker *t)
{
	if (t)
		gor_ticker_stop(t);
	chan_free(t);
}
