/* SPDX-License-Identifier: MIT */
/*
 * Structures of real bugs, by their public numbers, in our own words: kubernetes.
 */
#include "leaks.h"

/* The request has timed out when its worker sends the result. */
struct response {
	chan(int) result;
	chan(int) go_on;
};

static NOINLINE void do_request(struct response *r)
{
	chan_recv(r->go_on, NULL);
	chan_send(r->result, 1);
}

static NOINLINE void finish_request(struct response *r)
{
	if (chan_select(recv_case(r->result, NULL), timeout_case(GOR_MS)) == 1)
		chan_close(r->go_on);
}

LEAK_KERNEL(kubernetes_5316, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct response *r = NEW(struct response);

	r->result = chan_make(int, 0);
	r->go_on = chan_make(int, 0);
	go(do_request, r);
	go(finish_request, r);
	while (gor_num_goroutine() > 2)
		gor_sleep(GOR_MS);
}

/* A status is sent with the lock that the reader takes between two receives. */
struct statuses {
	gor_mutex mu;
	chan(int) updates;
};

static NOINLINE void set_status(struct statuses *s)
{
	gor_mutex_lock(&s->mu);
	chan_send(s->updates, 1);
	gor_mutex_unlock(&s->mu);
}

static NOINLINE void sync_statuses(struct statuses *s)
{
	for (;;) {
		gor_mutex_lock(&s->mu);
		gor_mutex_unlock(&s->mu);
		chan_recv(s->updates, NULL);
	}
}

LEAK_KERNEL(kubernetes_10182, "1 leaked [chan send]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan send, sync.Mutex.Lock]")
{
	struct statuses *s = NEW(struct statuses);

	s->updates = chan_make(int, 0);
	go(set_status, s);
	settle();
	go(sync_statuses, s);
}

/* The signal comes before the wait; a chain of forwarders receives from it. */
struct notifier {
	gor_mutex mu;
	gor_cond cond;
	chan(int) nodes;
};

static NOINLINE void notifier_signal(struct notifier *n)
{
	gor_cond_signal(&n->cond);
}

static NOINLINE void notifier_loop(struct notifier *n)
{
	gor_mutex_lock(&n->mu);
	gor_cond_wait(&n->cond, &n->mu);
	gor_mutex_unlock(&n->mu);
	chan_send(n->nodes, 1);
}

static NOINLINE void forward(struct notifier *n)
{
	chan_recv(n->nodes, NULL);
}

LEAK_KERNEL(kubernetes_11298, "2 leaked [chan receive, sync.Cond.Wait]",
	    "2 stuck [chan receive, sync.Cond.Wait]")
{
	struct notifier *n = NEW(struct notifier);

	n->nodes = chan_make(int, 0);
	go(notifier_signal, n);
	settle();
	go(notifier_loop, n);
	go(forward, n);
}

/* A read lock is held across a wait for a condition; a writer waits for the reader, other readers for the writer. */
struct quota {
	gor_rwmutex workers;
	gor_mutex mu;
	gor_cond cond;
};

static NOINLINE void quota_work(struct quota *q)
{
	gor_rwmutex_rlock(&q->workers);
	gor_mutex_lock(&q->mu);
	gor_cond_wait(&q->cond, &q->mu);
	gor_mutex_unlock(&q->mu);
	gor_rwmutex_runlock(&q->workers);
}

static NOINLINE void quota_sync(struct quota *q)
{
	gor_rwmutex_lock(&q->workers);
	gor_rwmutex_unlock(&q->workers);
}

LEAK_KERNEL(kubernetes_58107, "1 leaked [sync.Cond.Wait]; 2 proven [sync.RWMutex.Lock, sync.RWMutex.RLock]",
	    "3 stuck [sync.Cond.Wait, sync.RWMutex.Lock, sync.RWMutex.RLock]")
{
	struct quota *q = NEW(struct quota);

	go(quota_work, q);
	settle();
	go(quota_sync, q);
	settle();
	go(quota_work, q);
}

/* ---- not in the table --------------------------------------------------------------------------------- */

/* 1321: a watcher sends its last result with the lock that who stops it takes first. */
struct mux {
	gor_mutex mu;
	chan(int) result;
};

static NOINLINE void mux_distribute(struct mux *m)
{
	gor_mutex_lock(&m->mu);
	chan_send(m->result, 1);
	gor_mutex_unlock(&m->mu);
}

static NOINLINE void mux_stop(struct mux *m)
{
	gor_mutex_lock(&m->mu);
	chan_close(m->result);
	gor_mutex_unlock(&m->mu);
}

LEAK_KERNEL(kubernetes_1321, "1 leaked [chan send]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan send, sync.Mutex.Lock]")
{
	struct mux *m = NEW(struct mux);

	m->result = chan_make(int, 0);
	go(mux_distribute, m);
	settle();
	go(mux_stop, m);
}

/* 6632: the writer resets a connection, with the lock, through a channel that the idle loop reads under it. */
struct spdy {
	gor_mutex mu;
	chan(int) reset;
	chan(gor_unit) closed;
};

static NOINLINE void write_frame(struct spdy *s)
{
	gor_mutex_lock(&s->mu);
	chan_send(s->reset, 1);
	gor_mutex_unlock(&s->mu);
}

static NOINLINE void monitor_idle(struct spdy *s)
{
	chan_recv(s->closed, NULL);
	gor_mutex_lock(&s->mu);
	chan_recv(s->reset, NULL);
	gor_mutex_unlock(&s->mu);
}

LEAK_KERNEL(kubernetes_6632, "1 leaked [chan send]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan send, sync.Mutex.Lock]")
{
	struct spdy *s = NEW(struct spdy);

	s->reset = chan_make(int, 0);
	s->closed = chan_make(gor_unit, 0);
	go(monitor_idle, s);
	go(write_frame, s);
	settle();
	chan_close(s->closed);
}

/* 25331: a watch reports an error, with its context cancelled, to who has stopped reading. */
struct watch {
	gor_context *ctx;
	chan(int) results, errors;
};

static NOINLINE void watch_run(struct watch *w)
{
	if (chan_select(recv_case(w->errors, NULL), recv_case(gor_ctx_done(w->ctx), NULL)) == 0) {
		chan_send(w->results, 1);
		gor_ctx_cancel(w->ctx);
	}
}

LEAK_KERNEL(kubernetes_25331, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct watch *w = NEW(struct watch);

	w->ctx = gor_ctx_with_cancel(gor_ctx_background());
	w->results = chan_make(int, 0);
	w->errors = chan_make(int, 0);
	go(watch_run, w);
	chan_send(w->errors, 1);
}

/* 26980: a notification is added with the lock to a full channel; the one who empties it stops. */
struct listener {
	gor_mutex mu;
	gor_cond cond;
	chan(int) next;
};

static NOINLINE void listener_pop(struct listener *l)
{
	gor_mutex_lock(&l->mu);
	defer(gor_mutex_unlock, &l->mu);
	chan_select(send_case(l->next, 1));
}

static NOINLINE void listener_add(struct listener *l)
{
	gor_mutex_lock(&l->mu);
	gor_cond_broadcast(&l->cond);
	gor_mutex_unlock(&l->mu);
}

LEAK_KERNEL(kubernetes_26980, "1 leaked [select]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [select, sync.Mutex.Lock]")
{
	struct listener *l = NEW(struct listener);

	l->next = chan_make(int, 0);
	go(listener_pop, l);
	settle();
	go(listener_add, l);
}

/* 30872: three locks of a federated informer's two stores and its update, in a circle of three. */
struct informer {
	gor_mutex locks[3];
	chan(int) go_on;
};

static NOINLINE void informer_step(struct informer *f, int i)
{
	gor_mutex_lock(&f->locks[i]);
	chan_recv(f->go_on, NULL);
	gor_mutex_lock(&f->locks[(i + 1) % 3]);
}

LEAK_KERNEL(kubernetes_30872, "3 deadlocked [sync.Mutex.Lock]", "3 deadlocked [sync.Mutex.Lock]")
{
	struct informer *f = NEW(struct informer);

	f->go_on = chan_make(int, 0);
	for (int i = 0; i < 3; i++)
		go(informer_step, f, i);
	settle();
	chan_close(f->go_on);
}

/* 38669: a cacher's events go to a full channel while it is not ready. */
struct cacher {
	chan(int) incoming, result;
};

static NOINLINE void cacher_process(struct cacher *c)
{
	int event;

	while (chan_recv(c->incoming, &event))
		chan_send(c->result, event);
}

static NOINLINE void cacher_add(struct cacher *c)
{
	for (int i = 0; i < 3; i++)
		chan_send(c->incoming, i);
}

LEAK_KERNEL(kubernetes_38669, "2 leaked [chan send]", "2 stuck [chan send]")
{
	struct cacher *c = NEW(struct cacher);

	c->incoming = chan_make(int, 0);
	c->result = chan_make(int, 1);
	go(cacher_process, c);
	go(cacher_add, c);
}

/* 62464: a state's read lock is taken twice, with a writer in between. */
struct cpus {
	gor_rwmutex mu;
	chan(int) go_on;
};

static NOINLINE void cpus_get(struct cpus *c)
{
	gor_rwmutex_rlock(&c->mu);
	chan_recv(c->go_on, NULL);
	gor_rwmutex_rlock(&c->mu);
	gor_rwmutex_runlock(&c->mu);
	gor_rwmutex_runlock(&c->mu);
}

static NOINLINE void cpus_set(struct cpus *c)
{
	gor_rwmutex_lock(&c->mu);
	gor_rwmutex_unlock(&c->mu);
}

LEAK_KERNEL(kubernetes_62464, "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]",
	    "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]")
{
	struct cpus *c = NEW(struct cpus);

	c->go_on = chan_make(int, 0);
	go(cpus_get, c);
	settle();
	go(cpus_set, c);
	settle();
	chan_close(c->go_on);
}

/* 70277: a poll's producer is never told that the consumer is done. */
struct poll {
	chan(gor_unit) done;
	chan(int) ticks;
};

static NOINLINE void poll_produce(struct poll *p)
{
	while (chan_select(send_case(p->ticks, 1), recv_case(p->done, NULL)) == 0)
		;
}

static NOINLINE void poll_consume(struct poll *p)
{
	for (int i = 0; i < 3; i++)
		chan_recv(p->ticks, NULL);
}

LEAK_KERNEL(kubernetes_70277, "1 leaked [select]", "1 stuck [select]")
{
	struct poll *p = NEW(struct poll);

	p->done = chan_make(gor_unit, 0);
	p->ticks = chan_make(int, 0);
	go(poll_produce, p);
	go(poll_consume, p);
}
