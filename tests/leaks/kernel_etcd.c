/* SPDX-License-Identifier: MIT */
/*
 * Structures of real bugs, by their public numbers, in our own words: etcd, grpc, hugo, istio.
 */
#include "leaks.h"

/* ---- etcd --------------------------------------------------------------------------------------------- */

/* sync writes under the lock and calls what reads under it. */
struct client {
	gor_rwmutex mu;
};

static NOINLINE void client_endpoints(struct client *c)
{
	gor_rwmutex_rlock(&c->mu);
	gor_rwmutex_runlock(&c->mu);
}

static NOINLINE void client_sync(struct client *c)
{
	gor_rwmutex_lock(&c->mu);
	client_endpoints(c);
	gor_rwmutex_unlock(&c->mu);
}

LEAK_KERNEL(etcd_6708, "1 deadlocked [sync.RWMutex.RLock]", "1 deadlocked [sync.RWMutex.RLock]")
{
	go(client_sync, NEW(struct client));
}

/* Who asks for the status does not know that the loop which would answer has left. */
struct node {
	chan(int) status;
	chan(gor_unit) stop, done;
};

static NOINLINE void node_run(struct node *n)
{
	for (;;) {
		switch (chan_select(recv_case(n->status, NULL), recv_case(n->stop, NULL))) {
		case 0:
			break;
		case 1:
			chan_close(n->done);
			return;
		}
	}
}

static NOINLINE void node_status(struct node *n)
{
	chan_send(n->status, 1);
}

LEAK_KERNEL(etcd_6857, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct node *n = NEW(struct node);

	n->status = chan_make(int, 0);
	n->stop = chan_make(gor_unit, 0);
	n->done = chan_make(gor_unit, 0);
	go(node_run, n);
	chan_send(n->stop, {0});
	chan_recv(n->done, NULL);
	go(node_status, n);
}

/* stop waits, with the lock, for the end of a loop that wants the lock. */
struct watchers {
	gor_mutex mu;
	chan(int) updates, go_on;
	chan(gor_unit) done;
};

static NOINLINE void coalesce(struct watchers *w)
{
	while (chan_recv(w->updates, NULL)) {
		chan_recv(w->go_on, NULL);
		gor_mutex_lock(&w->mu);
		gor_mutex_unlock(&w->mu);
	}
	chan_close(w->done);
}

static NOINLINE void watchers_stop(struct watchers *w)
{
	gor_mutex_lock(&w->mu);
	chan_close(w->updates);
	chan_recv(w->done, NULL);
	gor_mutex_unlock(&w->mu);
}

LEAK_KERNEL(etcd_6873, "1 leaked [chan receive]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan receive, sync.Mutex.Lock]")
{
	struct watchers *w = NEW(struct watchers);

	w->updates = chan_make(int, 0);
	w->go_on = chan_make(int, 0);
	w->done = chan_make(gor_unit, 0);
	go(coalesce, w);
	chan_send(w->updates, 1);
	settle();
	go(watchers_stop, w);
	settle();
	chan_close(w->go_on);
}

/* A follower waits for the leader under the lock that the leader needs; the parent waits for both. */
struct election {
	gor_mutex mu;
	gor_waitgroup wg;
	chan(int) leader;
};

static NOINLINE void follow(struct election *e)
{
	gor_mutex_lock(&e->mu);
	chan_recv(e->leader, NULL);
	gor_mutex_unlock(&e->mu);
	gor_waitgroup_done(&e->wg);
}

static NOINLINE void lead(struct election *e)
{
	gor_mutex_lock(&e->mu);
	chan_close(e->leader);
	gor_mutex_unlock(&e->mu);
	gor_waitgroup_done(&e->wg);
}

static NOINLINE void elect(struct election *e)
{
	gor_waitgroup_wait(&e->wg);
}

LEAK_KERNEL(etcd_7902, "2 leaked [chan receive, sync.WaitGroup.Wait]; 1 proven [sync.Mutex.Lock]",
	    "3 stuck [chan receive, sync.WaitGroup.Wait, sync.Mutex.Lock]")
{
	struct election *e = NEW(struct election);

	e->leader = chan_make(int, 0);
	gor_waitgroup_add(&e->wg, 2);
	go(follow, e);
	settle();
	go(lead, e);
	go(elect, e);
}

/* 7443: closing the connection takes the client's lock; the balancer, with that lock, waits for the connection. */
struct conn {
	gor_rwmutex mu;
	chan(gor_unit) closed;
};

static NOINLINE void conn_close(struct conn *c)
{
	gor_rwmutex_lock(&c->mu);
	chan_close(c->closed);
	gor_rwmutex_unlock(&c->mu);
}

static NOINLINE void conn_watch(struct conn *c)
{
	gor_rwmutex_rlock(&c->mu);
	chan_recv(c->closed, NULL);
	gor_rwmutex_runlock(&c->mu);
}

LEAK_KERNEL(etcd_7443, "1 leaked [chan receive]; 1 proven [sync.RWMutex.Lock]",
	    "2 stuck [chan receive, sync.RWMutex.Lock]")
{
	struct conn *c = NEW(struct conn);

	c->closed = chan_make(gor_unit, 0);
	go(conn_watch, c);
	settle();
	go(conn_close, c);
}

/* 7492: sends of tokens fill the buffer of a keeper that wants the lock which the last sender holds. */
struct tokens {
	gor_rwmutex mu;
	chan(int) add;
};

static NOINLINE void tokens_assign(struct tokens *t)
{
	gor_rwmutex_lock(&t->mu);
	chan_send(t->add, 1);
	gor_rwmutex_unlock(&t->mu);
}

static NOINLINE void tokens_keep(struct tokens *t)
{
	gor_rwmutex_lock(&t->mu);
	chan_recv(t->add, NULL);
	gor_rwmutex_unlock(&t->mu);
}

LEAK_KERNEL(etcd_7492, "1 leaked [chan send]; 2 proven [sync.RWMutex.Lock]",
	    "3 stuck [chan send, sync.RWMutex.Lock, sync.RWMutex.Lock]")
{
	struct tokens *t = NEW(struct tokens);

	t->add = chan_make(int, 1);
	chan_send(t->add, 1);
	go(tokens_assign, t);
	settle();
	go(tokens_keep, t);
	go(tokens_assign, t);
}

/* 10492: a lessor renews under the lock that its checkpointer takes in the call back. */
struct lessor {
	gor_rwmutex mu;
	void (*checkpoint)(struct lessor *);
};

static NOINLINE void checkpoint(struct lessor *l)
{
	gor_rwmutex_lock(&l->mu);
	gor_rwmutex_unlock(&l->mu);
}

static NOINLINE void renew(struct lessor *l)
{
	gor_rwmutex_rlock(&l->mu);
	l->checkpoint(l);
	gor_rwmutex_runlock(&l->mu);
}

LEAK_KERNEL(etcd_10492, "1 deadlocked [sync.RWMutex.Lock]", "1 deadlocked [sync.RWMutex.Lock]")
{
	struct lessor *l = NEW(struct lessor);

	l->checkpoint = checkpoint;
	go(renew, l);
}

/* ---- grpc --------------------------------------------------------------------------------------------- */

/* The benchmark returns early; the worker reports to nobody. */
struct bench {
	chan(int) done;
};

static NOINLINE void bench_worker(struct bench *b)
{
	chan_send(b->done, 1);
}

LEAK_KERNEL(grpc_660, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct bench *b = NEW(struct bench);

	b->done = chan_make(int, 0);
	go(bench_worker, b);
}

/* One path forgets the unlock; the same goroutine, and another, lock again. */
struct rpc_server {
	gor_mutex mu;
	bool stopped;
};

static NOINLINE void graceful_stop(struct rpc_server *s)
{
	gor_mutex_lock(&s->mu);
	if (s->stopped)
		return;
	s->stopped = true;
	gor_mutex_unlock(&s->mu);
}

static NOINLINE void stop_twice(struct rpc_server *s)
{
	graceful_stop(s);
	graceful_stop(s);
	graceful_stop(s);
}

LEAK_KERNEL(grpc_795, "2 deadlocked [sync.Mutex.Lock]", "2 deadlocked [sync.Mutex.Lock]")
{
	struct rpc_server *s = NEW(struct rpc_server);

	go(stop_twice, s);
	settle();
	go(graceful_stop, s);
}

/* keepalive sleeps, with the lock, until somebody wakes it who needs the lock for that. */
struct transport {
	gor_mutex mu;
	chan(gor_unit) awake;
};

static NOINLINE void keepalive(struct transport *t)
{
	gor_mutex_lock(&t->mu);
	chan_recv(t->awake, NULL);
	gor_mutex_unlock(&t->mu);
}

static NOINLINE void new_stream(struct transport *t)
{
	gor_mutex_lock(&t->mu);
	chan_send(t->awake, {0});
	gor_mutex_unlock(&t->mu);
}

LEAK_KERNEL(grpc_1460, "1 leaked [chan receive]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan receive, sync.Mutex.Lock]")
{
	struct transport *t = NEW(struct transport);

	t->awake = chan_make(gor_unit, 0);
	go(keepalive, t);
	settle();
	go(new_stream, t);
}

/* 862: a dial's watcher waits for a context that the failing dial does not cancel. */
struct dial {
	gor_context *ctx;
	chan(int) retry;
};

static NOINLINE void reset_transport(struct dial *d)
{
	chan_select(recv_case(gor_ctx_done(d->ctx), NULL), recv_case(d->retry, NULL));
}

LEAK_KERNEL(grpc_862, "1 leaked [select]", "1 stuck [select]")
{
	struct dial *d = NEW(struct dial);

	d->ctx = gor_ctx_with_cancel(gor_ctx_background());
	d->retry = chan_make(int, 0);
	go(reset_transport, d);
}

/* 1275: the reader waits for data or an end; closing the stream's owner gives neither. */
struct stream {
	chan(int) data;
	chan(gor_unit) done;
};

static NOINLINE void stream_read(struct stream *s)
{
	chan_select(recv_case(s->data, NULL));
	chan_close(s->done);
}

static NOINLINE void stream_close(struct stream *s)
{
	chan_recv(s->done, NULL);
}

LEAK_KERNEL(grpc_1275, "2 leaked [select, chan receive]", "2 stuck [select, chan receive]")
{
	struct stream *s = NEW(struct stream);

	s->data = chan_make(int, 0);
	s->done = chan_make(gor_unit, 0);
	go(stream_read, s);
	go(stream_close, s);
}

/* 3017: a resolver's subconnection is removed by a timer's function that forgets the unlock. */
struct sub_conns {
	gor_mutex mu;
	int n;
};

static NOINLINE void sub_conn_remove(struct sub_conns *s)
{
	gor_mutex_lock(&s->mu);
	__atomic_store_n(&s->n, s->n + 1, __ATOMIC_RELEASE);
	if (s->n == 1)
		return;
	gor_mutex_unlock(&s->mu);
}

LEAK_KERNEL(grpc_3017, "1 deadlocked [sync.Mutex.Lock]", "1 deadlocked [sync.Mutex.Lock]")
{
	struct sub_conns *s = NEW(struct sub_conns);
	gor_timer *t = gor_after_func(0, sub_conn_remove, s);

	while (__atomic_load_n(&s->n, __ATOMIC_ACQUIRE) == 0)
		gor_sleep(GOR_MS);
	settle();
	gor_timer_free(t);
	go(sub_conn_remove, s);
}

/* ---- hugo and istio ----------------------------------------------------------------------------------- */

/* Rendering a page, under its lock and its once, renders what is nested in it: the same page. */
struct page {
	gor_mutex mu;
	gor_once content, plain;
	gor_waitgroup wg;
};

static NOINLINE void plain_init(void *arg)
{
	struct page *p = arg;

	gor_mutex_lock(&p->mu);
	gor_mutex_unlock(&p->mu);
}

static NOINLINE void content_init(void *arg)
{
	struct page *p = arg;

	gor_mutex_lock(&p->mu);
	gor_once_do(&p->plain, plain_init, p);
	gor_mutex_unlock(&p->mu);
}

static NOINLINE void render(struct page *p)
{
	gor_once_do(&p->content, content_init, p);
	gor_waitgroup_done(&p->wg);
}

static NOINLINE void render_all(struct page *p)
{
	gor_waitgroup_wait(&p->wg);
}

LEAK_KERNEL(hugo_5379, "1 deadlocked [sync.Mutex.Lock]; 1 leaked [sync.WaitGroup.Wait]",
	    "1 deadlocked [sync.Mutex.Lock]; 1 stuck [sync.WaitGroup.Wait]")
{
	struct page *p = NEW(struct page);

	gor_waitgroup_add(&p->wg, 1);
	go(render, p);
	go(render_all, p);
}

/* The same with more workers than one: they wait in the once, behind the one that waits for itself. */
LEAK_KERNEL(hugo_5379_workers,
	    "1 deadlocked [sync.Mutex.Lock]; 1 leaked [sync.WaitGroup.Wait]; 3 proven [sync.Once.Do]",
	    "1 deadlocked [sync.Mutex.Lock]; 1 stuck [sync.WaitGroup.Wait]; 3 deadlocked [sync.Once.Do]")
{
	struct page *p = NEW(struct page);

	gor_waitgroup_add(&p->wg, 4);
	for (int i = 0; i < 4; i++)
		go(render, p);
	go(render_all, p);
}

/* The handler sends with the lock; main wants the lock before it drains. */
struct controller {
	gor_mutex mu;
	chan(int) stop;
};

static NOINLINE void handle(struct controller *c)
{
	gor_mutex_lock(&c->mu);
	chan_send(c->stop, 1);
	gor_mutex_unlock(&c->mu);
}

static NOINLINE void drain(struct controller *c)
{
	gor_mutex_lock(&c->mu);
	gor_mutex_unlock(&c->mu);
	chan_recv(c->stop, NULL);
}

LEAK_KERNEL(istio_16224, "1 leaked [chan send]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan send, sync.Mutex.Lock]")
{
	struct controller *c = NEW(struct controller);

	c->stop = chan_make(int, 0);
	go(handle, c);
	settle();
	go(drain, c);
}

/* 17860: the agent restarts its proxy; the old one reports its exit to a loop that has left. */
struct agent {
	chan(int) status, abort;
	gor_context *ctx;
};

static NOINLINE void agent_run(struct agent *a)
{
	while (chan_select(recv_case(a->status, NULL), recv_case(gor_ctx_done(a->ctx), NULL)) == 0)
		;
}

static NOINLINE void proxy(struct agent *a)
{
	chan_recv(a->abort, NULL);
	chan_send(a->status, 1);
}

LEAK_KERNEL(istio_17860, "2 leaked [chan send]", "2 stuck [chan send]")
{
	struct agent *a = NEW(struct agent);

	a->status = chan_make(int, 0);
	a->abort = chan_make(int, 0);
	a->ctx = gor_ctx_with_cancel(gor_ctx_background());
	go(agent_run, a);
	go(proxy, a);
	go(proxy, a);
	settle();
	gor_ctx_cancel(a->ctx);
	settle();
	chan_close(a->abort);
}

/* 18454: a worker is in select{debounce, stop} for ever, because stop goes to another one's channel. */
struct debounce {
	chan(int) push;
	chan(gor_unit) stop, other;
};

static NOINLINE void debounce_run(struct debounce *d)
{
	chan_select(recv_case(d->push, NULL), recv_case(d->stop, NULL));
}

static NOINLINE void debounce_stop(struct debounce *d)
{
	chan_send(d->other, {0});
}

LEAK_KERNEL(istio_18454, "2 leaked [select, chan send]", "2 stuck [select, chan send]")
{
	struct debounce *d = NEW(struct debounce);

	d->push = chan_make(int, 0);
	d->stop = chan_make(gor_unit, 0);
	d->other = chan_make(gor_unit, 0);
	go(debounce_run, d);
	go(debounce_stop, d);
}
