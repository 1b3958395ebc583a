/* SPDX-License-Identifier: MIT */
/*
 * What: select over sends, receives, timeouts and a default.
 *
 * How: first a look without locks: among the cases that seem ready one is drawn with equal chances, and only
 * its channel is locked.  If none is ready and there is no default, all channels are locked in the order of
 * their addresses, looked at again, and the goroutine is queued on each; the first waker wins
 * g->select_done by compare-and-swap, and the others pass over it.  Afterwards all channels are locked once
 * more to leave the other queues.
 *
 * Drawing with equal chances takes one pass and no permutation: the k-th ready case replaces the choice with
 * probability 1/k.
 *
 * Rejected: queueing on one channel after the other without holding all locks: two selects that meet would
 * each have to win itself and the other at once.
 *
 * Invariants: while parked, every waiter of the array is in the queue of its channel or was taken from it.
 * Locking: channel locks in address order, each once although it may stand in several cases.
 * Context: user code outside the runtime.
 */
#define GOR_NO_KEYWORDS
#include <gorgon/chan.h>

#include <stdlib.h>
#include <string.h>

#include "chan/chan.h"
#include "sched/sched.h"
#include "sys/clock.h"

enum { INLINE_CASES = 10, MAX_CASES = 65536 };

struct select {
	struct gor_case *cases;
	int ncases;
	int nlocks;       /* distinct channels */
	int fallback;     /* the default case, or the first timeout that is due at once; -1 */
	int timeout_case; /* the case with the earliest timeout; -1 */
	int64_t timeout;
	struct gori_waiter *waiters; /* one per case; g == NULL where the case is not queued */
	struct gor_chan **locks;     /* the channels in the order of their addresses */
	void *heap;                  /* what waiters and locks are in, if not on the stack */
};

static inline struct gor_chan *chan_of(const struct gor_case *k)
{
	return k->kind <= GORI_CASE_SEND ? k->chan : NULL;
}

/* Whether the case might go on: exact under the lock, but for waiters that another case has won already. */
static inline bool seems_ready(const struct gor_case *k)
{
	struct gor_chan *c = k->chan;

	if (k->kind == GORI_CASE_RECV)
		return c && (gori_load(&c->len) || gori_load(&c->sendq.first) || gori_load(&c->closed));
	if (k->kind == GORI_CASE_SEND)
		return c &&
		       (gori_load(&c->len) < c->cap || gori_load(&c->recvq.first) || gori_load(&c->closed));
	return false;
}

/* A ready case, each with the same chance; -1 if there is none. */
static int draw(struct select *s, uint32_t *rand)
{
	int chosen = -1;
	uint32_t nready = 0;

	for (int i = 0; i < s->ncases; i++) {
		if (gori_likely(!seems_ready(&s->cases[i])))
			continue;
		if (++nready == 1 || gori_fastrand(rand) % nready == 0)
			chosen = i;
	}
	return chosen;
}

/* Deferred functions may run for long, and nobody comes back to free. */
static _Noreturn void send_on_closed(struct select *s)
{
	free(s->heap);
	gori_chan_send_on_closed();
}

/* Performs a case whose channel is locked; unlocks it if it could. */
static bool perform(struct select *s, struct gor_case *k)
{
	struct gor_chan *c = k->chan;
	bool ok;

	if (k->kind == GORI_CASE_SEND) {
		if (gori_unlikely(c->closed)) {
			gori_punlock(&c->lock);
			send_on_closed(s);
		}
		return gori_chan_send_now(c, k->elem);
	}
	if (!gori_chan_recv_now(c, k->elem, &ok))
		return false;
	if (k->ok)
		*k->ok = ok;
	return true;
}

/* One of the ready cases, locking only its channel; -1 if none could be performed. */
static int try_ready(struct select *s, uint32_t *rand)
{
	int i;

	while ((i = draw(s, rand)) >= 0) {
		struct gor_chan *c = s->cases[i].chan;

		gori_plock(&c->lock);
		if (perform(s, &s->cases[i]))
			return i;
		gori_punlock(&c->lock); /* what made it seem ready has been dropped: look again */
	}
	return -1;
}

/* ---- waiting ------------------------------------------------------------------------------------------------- */

static void sift(struct gor_chan **heap, int n, int i)
{
	struct gor_chan *c = heap[i];
	int child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= c)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = c;
}

/* Heap sort by address, then without duplicates. */
static void order_locks(struct select *s)
{
	struct gor_chan **l = s->locks;
	int n = 0, out = 0;

	for (int i = 0; i < s->ncases; i++)
		if (chan_of(&s->cases[i]))
			l[n++] = s->cases[i].chan;
	for (int i = n / 2; i-- > 0;)
		sift(l, n, i);
	for (int i = n - 1; i > 0; i--) {
		struct gor_chan *max = l[0];

		l[0] = l[i];
		l[i] = max;
		sift(l, i, 0);
	}
	for (int i = 0; i < n; i++)
		if (i == 0 || l[i] != l[i - 1])
			l[out++] = l[i];
	s->nlocks = out;
}

static inline void lock_all(struct select *s)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		for (int i = 0; i < s->nlocks; i++)
			gori_spin_lock(&s->locks[i]->lock);
}

/* From the highest down: once the lowest is free nobody else can be in between. */
static inline void unlock_all(struct select *s)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		for (int i = s->nlocks; i-- > 0;)
			gori_spin_unlock(&s->locks[i]->lock);
}

static struct gori_waitq *queue_of(struct gor_case *k)
{
	struct gor_chan *c = k->chan;

	return k->kind == GORI_CASE_SEND ? &c->sendq : &c->recvq;
}

static void enqueue_all(struct select *s, struct gori_g *g)
{
	g->select_done = 0;
	for (int i = 0; i < s->ncases; i++) {
		struct gor_case *k = &s->cases[i];
		struct gori_waiter *w = &s->waiters[i];

		w->g = NULL;
		w->linked = 0;
		if (!chan_of(k))
			continue;
		w->g = g;
		w->obj = k->chan;
		w->elem = k->elem;
		w->kase = (uint32_t)i;
		w->is_send = k->kind == GORI_CASE_SEND;
		w->is_select = 1;
		gori_waitq_push(queue_of(k), w);
	}
	g->waiters = s->waiters;
	g->nwaiters = (uint32_t)s->ncases;
}

/*
 * The channel of the case that won is not to be touched: whoever closed it, or knows what came through it, may
 * have freed it.  Not so if another case still waits there; then it cannot be freed.
 */
static void forget_won(struct select *s, struct gori_waiter *won)
{
	struct gor_chan *c = won->obj;
	int out = 0;

	for (int i = 0; won->success && i < s->ncases; i++)
		if (&s->waiters[i] != won && chan_of(&s->cases[i]) == c)
			return;
	for (int i = 0; i < s->nlocks; i++)
		if (s->locks[i] != c)
			s->locks[out++] = s->locks[i];
	s->nlocks = out;
}

static void dequeue_all(struct select *s, struct gori_g *g, struct gori_waiter *won)
{
	g->nwaiters = 0;
	if (won)
		forget_won(s, won);
	lock_all(s);
	for (int i = 0; i < s->ncases; i++)
		if (s->waiters[i].linked)
			gori_waitq_remove(queue_of(&s->cases[i]), &s->waiters[i]);
	unlock_all(s);
}

static void time_is_over(void *arg, int64_t now)
{
	struct gori_g *g = arg;

	(void)now;
	if (!gori_cas(&g->select_done, 0, 1))
		return;
	g->wake = 0;
	gori_ready_tail(g);
}

/*
 * All channels are locked and no case is ready.  The timer is started after the goroutine's status says
 * that it waits: it may fire at once on another thread.
 */
static struct gori_waiter *wait(struct select *s)
{
	struct gori_g *g = gori_g();
	struct gori_timer timer;
	struct gori_waiter *won;

	enqueue_all(s, g);
	gori_park_mark(GORI_WAIT_SELECT, NULL);
	unlock_all(s);
	if (s->timeout_case >= 0) {
		memset(&timer, 0, sizeof timer);
		timer.when = gori_deadline(s->timeout);
		timer.fn = time_is_over;
		timer.arg = g;
		gori_timer_start(&timer);
	}
	won = (struct gori_waiter *)(uintptr_t)gori_park_switch();
	if (s->timeout_case >= 0)
		gori_timer_stop(&timer);
	dequeue_all(s, g, won);
	return won;
}

/* What the waker left, who may have freed the channel since: an element, a closed channel, or the end of the time. */
static int finish(struct select *s, struct gori_waiter *won)
{
	struct gor_case *k;

	if (!won)
		return s->timeout_case;
	k = &s->cases[won->kase];
	if (!won->success && k->kind == GORI_CASE_SEND)
		send_on_closed(s);
	if (k->ok)
		*k->ok = won->success;
	return (int)won->kase;
}

/* Waits with room for the waiters; exact second look under all locks first. */
static int block(struct select *s, uint32_t *rand)
{
	int i;

	order_locks(s);
	for (;;) {
		lock_all(s);
		i = draw(s, rand);
		if (i < 0)
			break;
		unlock_all(s);
		i = try_ready(s, rand);
		if (i >= 0)
			return i;
	}
	return finish(s, wait(s));
}

static int block_with_room(struct select *s, uint32_t *rand)
{
	struct gori_waiter waiters[INLINE_CASES];
	struct gor_chan *locks[INLINE_CASES];
	int chosen;

	if (gori_likely(s->ncases <= INLINE_CASES)) {
		s->waiters = waiters;
		s->locks = locks;
		return block(s, rand);
	}
	s->waiters = s->heap = malloc((size_t)s->ncases * (sizeof *s->waiters + sizeof(struct gor_chan *)));
	if (!s->heap)
		gori_throw("out of memory for a select");
	s->locks = (struct gor_chan **)(s->waiters + s->ncases);
	chosen = block(s, rand);
	free(s->heap);
	return chosen;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

/* Sorts out the cases that are not channel operations. */
static void survey(struct select *s)
{
	s->fallback = -1;
	s->timeout_case = -1;
	s->timeout = INT64_MAX;
	for (int i = 0; i < s->ncases; i++) {
		struct gor_case *k = &s->cases[i];

		if (gori_likely(k->kind <= GORI_CASE_SEND))
			continue;
		if (k->kind == GORI_CASE_DEFAULT || k->timeout <= 0) {
			if (s->fallback < 0 || k->kind == GORI_CASE_DEFAULT)
				s->fallback = i;
		} else if (k->timeout < s->timeout) {
			s->timeout = k->timeout;
			s->timeout_case = i;
		}
	}
}

int gor_chan_select(struct gor_case *cases, int ncases)
{
	struct select s = {.cases = cases, .ncases = ncases};
	struct gori_m *m = gori_enter();
	int chosen;

	if (gori_unlikely(ncases == 0)) {
		gori_park(NULL, GORI_WAIT_SELECT_NO_CASES, NULL);
		gori_throw("a goroutine came back from a select without cases");
	}
	if (gori_unlikely(ncases < 0 || ncases > MAX_CASES))
		gori_exit_panic("select: too many cases");
	chosen = try_ready(&s, &m->p->rand);
	if (chosen < 0) {
		survey(&s);
		chosen = s.fallback >= 0 ? s.fallback : block_with_room(&s, &m->p->rand);
	}
	gori_exit();
	return chosen;
}
