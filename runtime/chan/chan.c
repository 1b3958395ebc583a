/* SPDX-License-Identifier: MIT */
/*
 * What: channels: make, send, receive, close.
 *
 * How: a ring of elements with two queues of waiting goroutines.  Data is handed over directly: a sender that
 * finds a receiver waiting copies from its own variable to the receiver's, without the buffer.  That writes
 * to another goroutine's stack, which is parked and cannot move.
 *
 * Invariants (the channel locked):
 *	len > 0            implies recvq is empty
 *	len < cap          implies sendq is empty
 *	cap == 0           implies recvq or sendq is empty, but for one select that waits in both
 *	closed             implies both are empty
 *
 * Locking: c->lock, a plock: with one P it costs nothing.  Lock order among channels: by address (select).
 * Context: user code outside the runtime, unless marked.
 */
#define GOR_NO_KEYWORDS
#include <gorgon/chan.h>

#include <stdlib.h>
#include <string.h>

#include "abi/sync_abi.h"
#include "chan/chan.h"
#include "sched/fast.h"

/* ---- elements --------------------------------------------------------------------------------------------- */

static inline void copy_elem(void *to, const void *from, size_t size)
{
	if (!to)
		return;
	if (gori_likely(size == 8))
		memcpy(to, from, 8);
	else if (size == 4)
		memcpy(to, from, 4);
	else
		memcpy(to, from, size);
}

static inline void zero_elem(void *to, size_t size)
{
	if (!to)
		return;
	if (gori_likely(size == 8))
		memset(to, 0, 8);
	else
		memset(to, 0, size);
}

static inline unsigned char *slot(struct gor_chan *c, size_t i)
{
	return c->buf + i * c->elem_size;
}

static inline size_t after(const struct gor_chan *c, size_t i)
{
	return i + 1 == c->cap ? 0 : i + 1;
}

/* ---- make and free ------------------------------------------------------------------------------------------- */

struct gor_chan *gor_chan_make(size_t elem_size, size_t cap, const struct gor_site *site)
{
	struct gor_chan *c;
	size_t bytes;

	if (elem_size > UINT32_MAX || __builtin_mul_overflow(elem_size, cap, &bytes) || bytes > SIZE_MAX / 4)
		gori_panic_plain("makechan: size out of range");
	c = malloc(sizeof *c + bytes);
	if (!c)
		gori_panic_plain("makechan: out of memory");
	memset(c, 0, sizeof *c);
	c->elem_size = (uint32_t)elem_size;
	c->cap = cap;
	c->buf = (unsigned char *)(c + 1);
	c->cookie = GORI_CHAN_COOKIE;
	c->site = site;
	c->maker = gori_enter()->curg->goid;
	gori_exit();
	return c;
}

void chan_free(void *chan)
{
	struct gor_chan *c = chan;
	bool waiters;

	if (!c)
		return;
	gori_enter();
	gori_plock(&c->lock);
	waiters = c->recvq.first || c->sendq.first;
	if (!waiters)
		c->cookie = 0;
	gori_punlock(&c->lock);
	if (waiters)
		gori_exit_panic("chan_free: goroutines wait on the channel");
	if (gori_unlikely(c->flags & GORI_CHAN_TIMER)) /* gor_after: the timer is part of the block */
		gori_timer_stop(&((struct gori_chan_timer *)(void *)(c->buf + c->elem_size))->timer);
	gori_exit();
	free(c);
}

size_t chan_len(const void *chan)
{
	const struct gor_chan *c = chan;

	return c ? gori_load(&c->len) : 0;
}

size_t chan_cap(const void *chan)
{
	const struct gor_chan *c = chan;

	return c ? c->cap : 0;
}

/* ---- waiters ----------------------------------------------------------------------------------------------------- */

/* For a select that waited: once it is awake its channel may be gone. */
static void note_select(struct gori_waiter *w)
{
	struct gor_chan *c = w->obj;

	if (w->is_send)
		c->last_sender = w->g->goid;
	else
		c->last_receiver = w->g->goid;
}

/* A waiter of a select counts only for whoever wins the select; the losers drop it. */
struct gori_waiter *gori_chan_dequeue(struct gori_waitq *q)
{
	struct gori_waiter *w;

	while ((w = q->first)) {
		gori_store(&q->first, w->next);
		if (w->next)
			w->next->prev = NULL;
		else
			q->last = NULL;
		w->linked = 0;
		if (gori_likely(!w->is_select))
			return w;
		if (gori_cas(&w->g->select_done, 0, 1)) {
			note_select(w);
			return w;
		}
	}
	return NULL;
}

static inline void wake(struct gori_waiter *w, bool success)
{
	w->success = success;
	w->g->wake = (uintptr_t)w;
	gori_ready_fast(gori_m()->p, w->g);
}

/* Parks on c, which is locked.  Returns whether the waker transferred an element (false: closed). */
static inline bool wait_on(struct gori_m *m, struct gor_chan *c, void *elem, bool is_send)
{
	struct gori_waiter w;

	w.g = m->curg;
	w.obj = c;
	w.elem = elem;
	w.is_send = is_send;
	w.is_select = 0;
	gori_waitq_push(is_send ? &c->sendq : &c->recvq, &w);
	gori_park_fast(m, &c->lock, is_send ? GORI_WAIT_CHAN_SEND : GORI_WAIT_CHAN_RECV, c);
	return w.success;
}

static _Noreturn void wait_on_nil(enum gori_wait reason)
{
	gori_park(NULL, reason, NULL);
	gori_throw("a goroutine came back from a nil channel");
}

/* ---- send ----------------------------------------------------------------------------------------------------------- */

_Noreturn void gori_chan_send_on_closed(void)
{
	gori_exit_panic("send on closed channel");
}

/* c is locked and open; unlocked if this returns true. */
static inline bool send_open(struct gor_chan *c, const void *elem)
{
	struct gori_waiter *w;

	if (c->recvq.first && (w = gori_chan_dequeue(&c->recvq))) {
		copy_elem(w->elem, elem, c->elem_size);
		gori_punlock(&c->lock);
		wake(w, true);
		return true;
	}
	if (c->len < c->cap) {
		copy_elem(slot(c, c->sendx), elem, c->elem_size);
		c->sendx = after(c, c->sendx);
		gori_store(&c->len, c->len + 1);
		gori_punlock(&c->lock);
		return true;
	}
	return false;
}

bool gori_chan_send_now(struct gor_chan *c, const void *elem)
{
	int64_t before = c->last_sender;

	if (gori_unlikely(c->closed)) {
		gori_punlock(&c->lock);
		gori_chan_send_on_closed();
	}
	c->last_sender = gori_g()->goid;
	if (send_open(c, elem))
		return true;
	c->last_sender = before;
	return false;
}

void gor_chan_send(void *chan, const void *elem)
{
	struct gor_chan *c = chan;
	struct gori_m *m = gori_enter();

	if (gori_unlikely(!c))
		wait_on_nil(GORI_WAIT_CHAN_SEND_NIL);
	gori_plock(&c->lock);
	if (gori_unlikely(c->closed)) {
		gori_punlock(&c->lock);
		gori_chan_send_on_closed();
	}
	c->last_sender = m->curg->goid;
	if (!send_open(c, elem) && !wait_on(m, c, (void *)elem, true))
		gori_chan_send_on_closed();
	gori_exit();
}

bool gor_chan_try_send(void *chan, const void *elem)
{
	struct gor_chan *c = chan;
	bool done;

	if (!c)
		return false;
	gori_enter();
	gori_plock(&c->lock);
	done = gori_chan_send_now(c, elem);
	if (!done)
		gori_punlock(&c->lock);
	gori_exit();
	return done;
}

bool gori_chan_offer(struct gor_chan *c, const void *elem)
{
	bool done;

	gori_plock(&c->lock);
	done = !c->closed && send_open(c, elem);
	if (!done)
		gori_punlock(&c->lock);
	return done;
}

/* ---- receive --------------------------------------------------------------------------------------------------------- */

/* The buffer is full and somebody waits to send: the oldest element out, the sender's in. */
static inline void rotate(struct gor_chan *c, struct gori_waiter *w, void *ret_elem)
{
	unsigned char *at = slot(c, c->recvx);

	copy_elem(ret_elem, at, c->elem_size);
	copy_elem(at, w->elem, c->elem_size);
	c->recvx = after(c, c->recvx);
	c->sendx = c->recvx;
}

static inline bool recv_now(struct gor_chan *c, void *ret_elem, bool *ret_ok)
{
	struct gori_waiter *w;

	if (c->sendq.first && (w = gori_chan_dequeue(&c->sendq))) {
		if (c->cap)
			rotate(c, w, ret_elem);
		else
			copy_elem(ret_elem, w->elem, c->elem_size);
		gori_punlock(&c->lock);
		wake(w, true);
		*ret_ok = true;
		return true;
	}
	if (c->len) {
		copy_elem(ret_elem, slot(c, c->recvx), c->elem_size);
		zero_elem(slot(c, c->recvx), c->elem_size); /* a search for leaks should not find it there */
		c->recvx = after(c, c->recvx);
		gori_store(&c->len, c->len - 1);
		gori_punlock(&c->lock);
		*ret_ok = true;
		return true;
	}
	if (c->closed) {
		zero_elem(ret_elem, c->elem_size);
		gori_punlock(&c->lock);
		*ret_ok = false;
		return true;
	}
	return false;
}

bool gori_chan_recv_now(struct gor_chan *c, void *ret_elem, bool *ret_ok)
{
	int64_t before = c->last_receiver;

	c->last_receiver = gori_g()->goid; /* not afterwards: the sender may free the channel */
	if (recv_now(c, ret_elem, ret_ok))
		return true;
	c->last_receiver = before;
	return false;
}

bool gor_chan_recv(void *chan, void *ret_elem)
{
	struct gor_chan *c = chan;
	struct gori_m *m = gori_enter();
	bool ok;

	if (gori_unlikely(!c))
		wait_on_nil(GORI_WAIT_CHAN_RECV_NIL);
	gori_plock(&c->lock);
	c->last_receiver = m->curg->goid;
	if (!recv_now(c, ret_elem, &ok))
		ok = wait_on(m, c, ret_elem, false);
	gori_exit();
	return ok;
}

bool gor_chan_try_recv(void *chan, void *ret_elem, bool *ret_ok)
{
	struct gor_chan *c = chan;
	bool ok = false, done;

	if (ret_ok)
		*ret_ok = false;
	if (!c)
		return false;
	gori_enter();
	gori_plock(&c->lock);
	done = gori_chan_recv_now(c, ret_elem, &ok);
	if (!done)
		gori_punlock(&c->lock);
	gori_exit();
	if (ret_ok)
		*ret_ok = ok;
	return done;
}

/* ---- close ------------------------------------------------------------------------------------------------------------ */

/*
 * c is locked and open; unlocks it.  The waiters are collected first, so that none runs under the lock.  They get
 * their zero values here: when they run the channel may have been freed.
 */
static void close_open(struct gor_chan *c)
{
	struct gori_waiter *w, *woken = NULL, **end = &woken;

	gori_store(&c->closed, 1); /* pairs with a select's look without the lock */
	c->closer = gori_g()->goid;
	while ((w = gori_chan_dequeue(&c->recvq)) || (w = gori_chan_dequeue(&c->sendq))) {
		if (!w->is_send)
			zero_elem(w->elem, c->elem_size);
		w->next = NULL;
		*end = w;
		end = &w->next;
	}
	gori_punlock(&c->lock);
	while ((w = woken)) {
		woken = w->next; /* w is gone once its goroutine runs */
		w->success = false;
		w->g->wake = (uintptr_t)w;
		gori_ready_tail(w->g);
	}
}

void chan_close(void *chan)
{
	struct gor_chan *c = chan;

	if (!c)
		gori_panic_plain("close of nil channel");
	gori_enter();
	gori_plock(&c->lock);
	if (c->closed) {
		gori_punlock(&c->lock);
		gori_exit_panic("close of closed channel");
	}
	close_open(c);
	gori_exit();
}

void gori_chan_close_inside(struct gor_chan *c)
{
	gori_plock(&c->lock);
	if (c->closed)
		gori_punlock(&c->lock);
	else
		close_open(c);
}
