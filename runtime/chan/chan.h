/* SPDX-License-Identifier: MIT */
#ifndef GORI_CHAN_H
#define GORI_CHAN_H
/*
 * What: channels as the rest of the runtime uses them.
 * Context: inside the runtime, on a goroutine or g0; none of these parks.
 */
#include <stdbool.h>

#include "abi/abi.h"

#pragma GCC visibility push(hidden)

/* Sends if that is possible at once; false if the channel is full or closed.  For timers. */
bool gori_chan_offer(struct gor_chan *c, const void *elem);

/* Closes the channel; nothing happens if it is closed already. */
void gori_chan_close_inside(struct gor_chan *c);

/* ---- chan.c for select.c ---- */


/* Performs the operation if it can go on at once; the channel is locked, and is unlocked if it could.
 * Returns whether it could; *ret_ok: received an element.  gori_chan_send_now panics on a closed one. */
bool gori_chan_send_now(struct gor_chan *c, const void *elem);
bool gori_chan_recv_now(struct gor_chan *c, void *ret_elem, bool *ret_ok);

/* The first waiter that can still be woken (a select's may have been won by another case). */
struct gori_waiter *gori_chan_dequeue(struct gori_waitq *q);

_Noreturn void gori_chan_send_on_closed(void); /* inside the runtime; leaves it */

#pragma GCC visibility pop

#endif
