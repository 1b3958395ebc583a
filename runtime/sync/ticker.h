/* SPDX-License-Identifier: MIT */
#ifndef GORI_TICKER_H
#define GORI_TICKER_H
/*
 * What: the block of a timer that the user sees, for ticker.c and after_func.c.
 *
 * How: see ticker.c.
 */
#include "abi/sync_abi.h"

/*
 * A channel with its timer, not started, and `extra` bytes behind the latter (gori_chan_timer_of(c) + 1).
 * Context: G, outside the runtime; may panic.
 */
struct gor_chan *gori_chan_timer_new(size_t extra, void (*fn)(void *chan, int64_t now),
				     const struct gor_site *site);

static inline struct gori_chan_timer *gori_chan_timer_of(struct gor_chan *c)
{
	return (struct gori_chan_timer *)(void *)(c->buf + c->elem_size);
}

/* Starts it to fire after `first` ns and then every `period`, 0 for once.  Context: G, outside the runtime. */
void gori_chan_timer_start(struct gor_chan *c, int64_t first, int64_t period);

#endif
