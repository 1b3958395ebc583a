/* SPDX-License-Identifier: MIT */
/*
 * Structures of real bugs, by their public numbers, in our own words: cockroach.
 */
#include "leaks.h"

/* A buffer of one is full already; the consumer would be started after the second send. */
struct compactor {
	chan(int) suggestions;
};

static NOINLINE void compactor_consume(struct compactor *c)
{
	while (chan_recv(c->suggestions, NULL))
		;
}

static NOINLINE void compactor_start(struct compactor *c)
{
	chan_send(c->suggestions, 1);
	chan_send(c->suggestions, 2);
	go(compactor_consume, c);
}

LEAK_KERNEL(cockroach_24808, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct compactor *c = NEW(struct compactor);

	c->suggestions = chan_make(int, 1);
	go(compactor_start, c);
}

/* The stopper is told to quiesce through a channel that nobody closes. */
struct stopper {
	chan(gor_unit) quiesce;
};

static NOINLINE void check_consistency(struct stopper *s)
{
	chan_recv(s->quiesce, NULL);
}

LEAK_KERNEL(cockroach_25456, "1 leaked [chan receive]", "1 stuck [chan receive]")
{
	struct stopper *s = NEW(struct stopper);

	s->quiesce = chan_make(gor_unit, 0);
	go(check_consistency, s);
}

/* The sender fills input one, while the consumer has what it wants from input two and leaves. */
struct flow {
	chan(int) inputs[2];
};

static NOINLINE void flow_send(struct flow *f)
{
	chan_send(f->inputs[1], 1);
	for (int i = 0; i < 3; i++)
		chan_send(f->inputs[0], i);
}

static NOINLINE void flow_consume(struct flow *f)
{
	chan_recv(f->inputs[1], NULL);
}

LEAK_KERNEL(cockroach_35931, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct flow *f = NEW(struct flow);

	f->inputs[0] = chan_make(int, 2);
	f->inputs[1] = chan_make(int, 0);
	go(flow_consume, f);
	go(flow_send, f);
}

/* A transaction's watcher waits for a context that nobody cancels. */
struct transaction {
	gor_context *ctx;
};

static NOINLINE void await_done(struct transaction *t)
{
	chan_recv(gor_ctx_done(t->ctx), NULL);
}

LEAK_KERNEL(cockroach_13197, "1 leaked [chan receive]", "1 stuck [chan receive]")
{
	struct transaction *t = NEW(struct transaction);

	t->ctx = gor_ctx_with_cancel(gor_ctx_background());
	go(await_done, t);
}

/* The reader leaves because its context is cancelled; the producer does not look at the context. */
struct restore {
	gor_context *ctx;
	chan(int) ready;
};

static NOINLINE void split_and_scatter(struct restore *r)
{
	for (int i = 0; i < 4; i++)
		chan_send(r->ready, i);
	chan_close(r->ready);
}

static NOINLINE void import(struct restore *r)
{
	for (;;) {
		switch (chan_select(recv_case(r->ready, NULL), recv_case(gor_ctx_done(r->ctx), NULL))) {
		case 0:
			gor_ctx_cancel(r->ctx);
			chan_recv(gor_ctx_done(r->ctx), NULL);
			return;
		case 1:
			return;
		}
	}
}

LEAK_KERNEL(cockroach_18101, "1 leaked [chan send]", "1 stuck [chan send]")
{
	struct restore *r = NEW(struct restore);

	r->ctx = gor_ctx_with_cancel(gor_ctx_background());
	r->ready = chan_make(int, 0);
	go(import, r);
	go(split_and_scatter, r);
}

/* Two actors, each in select{send to the other, stop}: none receives. */
struct actors {
	chan(int) events, callbacks;
	chan(gor_unit) stop;
};

static NOINLINE void offer(struct actors *a, chan(int) to)
{
	chan_select(send_case(to, 1), recv_case(a->stop, NULL));
}

LEAK_KERNEL(cockroach_2448, "2 leaked [select]", "2 stuck [select]")
{
	struct actors *a = NEW(struct actors);

	a->events = chan_make(int, 0);
	a->callbacks = chan_make(int, 0);
	a->stop = chan_make(gor_unit, 0);
	go(offer, a, a->events);
	go(offer, a, a->callbacks);
}

/* A break leaves the loop's body without the unlock; what follows locks again. */
struct gossip {
	gor_mutex mu;
	bool closed;
};

static NOINLINE void bootstrap(struct gossip *g)
{
	for (;;) {
		gor_mutex_lock(&g->mu);
		if (g->closed)
			break;
		gor_mutex_unlock(&g->mu);
	}
}

static NOINLINE void gossip_start(struct gossip *g)
{
	bootstrap(g);
	gor_mutex_lock(&g->mu);
	gor_mutex_unlock(&g->mu);
}

LEAK_KERNEL(cockroach_584, "1 deadlocked [sync.Mutex.Lock]", "1 deadlocked [sync.Mutex.Lock]")
{
	struct gossip *g = NEW(struct gossip);

	g->closed = true;
	go(gossip_start, g);
}

/* Three mutexes, in two orders. */
struct replica {
	gor_mutex raft, state, coalesced;
	chan(int) go_on;
};

static NOINLINE void send_heartbeats(struct replica *r)
{
	gor_mutex_lock(&r->coalesced);
	chan_recv(r->go_on, NULL);
	gor_mutex_lock(&r->raft);
}

static NOINLINE void tick(struct replica *r)
{
	gor_mutex_lock(&r->raft);
	gor_mutex_lock(&r->state);
	chan_recv(r->go_on, NULL);
	gor_mutex_lock(&r->coalesced);
}

LEAK_KERNEL(cockroach_10214, "2 deadlocked [sync.Mutex.Lock]", "2 deadlocked [sync.Mutex.Lock]")
{
	struct replica *r = NEW(struct replica);

	r->go_on = chan_make(int, 0);
	go(send_heartbeats, r);
	go(tick, r);
	settle();
	chan_close(r->go_on);
}

/* A reader reads again while a writer waits in between. */
struct store {
	gor_rwmutex mu;
	chan(int) go_on;
};

static NOINLINE void force_log_scan(struct store *s)
{
	gor_rwmutex_rlock(&s->mu);
	chan_recv(s->go_on, NULL);
	gor_rwmutex_rlock(&s->mu);
}

static NOINLINE void process_raft(struct store *s)
{
	gor_rwmutex_lock(&s->mu);
	gor_rwmutex_unlock(&s->mu);
}

LEAK_KERNEL(cockroach_3710, "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]",
	    "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]")
{
	struct store *s = NEW(struct store);

	s->go_on = chan_make(int, 0);
	go(force_log_scan, s);
	settle();
	go(process_raft, s);
	settle();
	chan_close(s->go_on);
}

/* The worker sends events that nobody reads any more; stop waits for the worker. */
struct server {
	gor_waitgroup drain;
	chan(int) events;
};

static NOINLINE void publish(struct server *s)
{
	chan_send(s->events, 1);
	gor_waitgroup_done(&s->drain);
}

static NOINLINE void stop_server(struct server *s)
{
	gor_waitgroup_wait(&s->drain);
}

LEAK_KERNEL(cockroach_1462, "2 leaked [chan send, sync.WaitGroup.Wait]",
	    "2 stuck [chan send, sync.WaitGroup.Wait]")
{
	struct server *s = NEW(struct server);

	s->events = chan_make(int, 0);
	gor_waitgroup_add(&s->drain, 1);
	go(publish, s);
	go(stop_server, s);
}

/* ---- not in the table --------------------------------------------------------------------------------- */

/* 1055: several stoppers stop one another: each waits for its drained tasks, whose last one waits for it. */
struct tasks {
	gor_mutex mu;
	gor_waitgroup running;
	chan(gor_unit) stopped;
};

static NOINLINE void run_task(struct tasks *t)
{
	chan_recv(t->stopped, NULL);
	gor_waitgroup_done(&t->running);
}

static NOINLINE void stop_tasks(struct tasks *t)
{
	gor_mutex_lock(&t->mu);
	gor_waitgroup_wait(&t->running);
	chan_close(t->stopped);
	gor_mutex_unlock(&t->mu);
}

LEAK_KERNEL(cockroach_1055,
	    "3 leaked [chan receive, chan receive, sync.WaitGroup.Wait]; 1 proven [sync.Mutex.Lock]",
	    "4 stuck [chan receive, chan receive, sync.WaitGroup.Wait, sync.Mutex.Lock]")
{
	struct tasks *t = NEW(struct tasks);

	t->stopped = chan_make(gor_unit, 0);
	gor_waitgroup_add(&t->running, 2);
	go(run_task, t);
	go(run_task, t);
	go(stop_tasks, t);
	settle();
	go(stop_tasks, t);
}

/* 7504: two read-write locks of leases and names, in two orders. */
struct lease {
	gor_mutex names, table;
	chan(int) go_on;
};

static NOINLINE void lease_release(struct lease *l)
{
	gor_mutex_lock(&l->table);
	chan_recv(l->go_on, NULL);
	gor_mutex_lock(&l->names);
}

static NOINLINE void lease_acquire(struct lease *l)
{
	gor_mutex_lock(&l->names);
	chan_recv(l->go_on, NULL);
	gor_mutex_lock(&l->table);
}

LEAK_KERNEL(cockroach_7504, "2 deadlocked [sync.Mutex.Lock]", "2 deadlocked [sync.Mutex.Lock]")
{
	struct lease *l = NEW(struct lease);

	l->go_on = chan_make(int, 0);
	go(lease_release, l);
	go(lease_acquire, l);
	settle();
	chan_close(l->go_on);
}

/* 9935: a mutex is taken again inside the panic path's deferred function. */
struct log {
	gor_mutex mu;
};

static NOINLINE void log_exit(struct log *l)
{
	gor_mutex_lock(&l->mu);
	gor_mutex_unlock(&l->mu);
}

static NOINLINE void log_flush(struct log *l)
{
	defer(log_exit, l);
	gor_mutex_lock(&l->mu);
}

LEAK_KERNEL(cockroach_9935, "1 deadlocked [sync.Mutex.Lock]", "1 deadlocked [sync.Mutex.Lock]")
{
	go(log_flush, NEW(struct log));
}

/* 13755: a query's rows are never closed, so their watcher waits for a cancellation. */
struct rows {
	gor_context *ctx;
};

static NOINLINE void rows_await(struct rows *r)
{
	chan_select(recv_case(gor_ctx_done(r->ctx), NULL));
}

LEAK_KERNEL(cockroach_13755, "1 leaked [select]", "1 stuck [select]")
{
	struct rows *r = NEW(struct rows);

	r->ctx = gor_ctx_with_cancel(gor_ctx_background());
	go(rows_await, r);
}

/* 16167: a reader that already reads waits for a condition that only the blocked writer could bring about. */
struct executor {
	gor_rwmutex config;
	chan(int) go_on;
};

static NOINLINE void execute(struct executor *e)
{
	gor_rwmutex_rlock(&e->config);
	chan_recv(e->go_on, NULL);
	gor_rwmutex_rlock(&e->config);
	gor_rwmutex_runlock(&e->config);
	gor_rwmutex_runlock(&e->config);
}

static NOINLINE void update_config(struct executor *e)
{
	gor_rwmutex_lock(&e->config);
	gor_rwmutex_unlock(&e->config);
}

LEAK_KERNEL(cockroach_16167, "3 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock, sync.RWMutex.Lock]",
	    "3 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock, sync.RWMutex.Lock]")
{
	struct executor *e = NEW(struct executor);

	e->go_on = chan_make(int, 0);
	go(execute, e);
	settle();
	go(update_config, e);
	go(update_config, e);
	settle();
	chan_close(e->go_on);
}
