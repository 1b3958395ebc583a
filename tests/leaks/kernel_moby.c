/* SPDX-License-Identifier: MIT */
/*
 * Structures of real bugs, by their public numbers, in our own words: moby, serving, syncthing.
 */
#include "leaks.h"

/* ---- moby --------------------------------------------------------------------------------------------- */

/* The set's lock and a member's, in two orders. */
struct device_set {
	gor_mutex set, device;
	chan(int) go_on;
};

static NOINLINE void device_deactivate(struct device_set *d)
{
	gor_mutex_lock(&d->set);
	chan_recv(d->go_on, NULL);
	gor_mutex_lock(&d->device);
}

static NOINLINE void device_delete(struct device_set *d)
{
	gor_mutex_lock(&d->device);
	chan_recv(d->go_on, NULL);
	gor_mutex_lock(&d->set);
}

LEAK_KERNEL(moby_4951, "2 deadlocked [sync.Mutex.Lock]", "2 deadlocked [sync.Mutex.Lock]")
{
	struct device_set *d = NEW(struct device_set);

	d->go_on = chan_make(int, 0);
	go(device_deactivate, d);
	go(device_delete, d);
	settle();
	chan_close(d->go_on);
}

/* An error's early return forgets the unlock; the next one to lock is another goroutine. */
struct pool {
	gor_mutex mu;
	int in_use;
};

static NOINLINE void pool_remove(struct pool *p)
{
	gor_mutex_lock(&p->mu);
	if (p->in_use)
		return;
	gor_mutex_unlock(&p->mu);
}

LEAK_KERNEL(moby_17176, "1 deadlocked [sync.Mutex.Lock]", "1 deadlocked [sync.Mutex.Lock]")
{
	struct pool *p = NEW(struct pool);

	p->in_use = 1;
	go(pool_remove, p);
	settle();
	go(pool_remove, p);
}

/* A transfer's progress: the watcher sends to who has left, the loop selects, main receives. */
struct transfer {
	chan(int) progress, to_watcher, signal;
	chan(gor_unit) running;
};

static NOINLINE void transfer_broadcast(struct transfer *t)
{
	for (;;) {
		if (chan_select(recv_case(t->progress, NULL), recv_case(t->signal, NULL)) == 1)
			return;
	}
}

static NOINLINE void transfer_watch(struct transfer *t)
{
	chan_send(t->to_watcher, 1);
	chan_close(t->progress);
}

static NOINLINE void transfer_main(struct transfer *t)
{
	chan_recv(t->running, NULL);
}

LEAK_KERNEL(moby_21233, "3 leaked [chan send, select, chan receive]",
	    "3 stuck [chan send, select, chan receive]")
{
	struct transfer *t = NEW(struct transfer);

	t->progress = chan_make(int, 0);
	t->to_watcher = chan_make(int, 0);
	t->signal = chan_make(int, 0);
	t->running = chan_make(gor_unit, 0);
	go(transfer_broadcast, t);
	go(transfer_watch, t);
	go(transfer_main, t);
}

/* The wait stands inside the loop that starts what it waits for. */
struct plugins {
	gor_waitgroup wg;
	int n;
};

static NOINLINE void plugin_restore(struct plugins *p)
{
	gor_waitgroup_done(&p->wg);
}

static NOINLINE void plugins_init(struct plugins *p)
{
	gor_waitgroup_add(&p->wg, p->n);
	for (int i = 0; i < p->n; i++) {
		go(plugin_restore, p);
		gor_waitgroup_wait(&p->wg);
	}
}

LEAK_KERNEL(moby_25384, "1 leaked [sync.WaitGroup.Wait]", "1 stuck [sync.WaitGroup.Wait]")
{
	struct plugins *p = NEW(struct plugins);

	p->n = 3;
	go(plugins_init, p);
}

/* The log's reader waits for a condition; the file's watcher is stuck in a select that wants to send to it. */
struct log_file {
	gor_mutex mu;
	gor_cond more;
	chan(int) events;
	chan(gor_unit) closed;
};

static NOINLINE void log_read(struct log_file *l)
{
	gor_mutex_lock(&l->mu);
	gor_cond_wait(&l->more, &l->mu);
	gor_mutex_unlock(&l->mu);
	chan_recv(l->events, NULL);
}

static NOINLINE void log_watch(struct log_file *l)
{
	chan_select(send_case(l->events, 1), recv_case(l->closed, NULL));
	gor_cond_broadcast(&l->more);
}

LEAK_KERNEL(moby_27782, "2 leaked [sync.Cond.Wait, select]", "2 stuck [sync.Cond.Wait, select]")
{
	struct log_file *l = NEW(struct log_file);

	l->events = chan_make(int, 0);
	l->closed = chan_make(gor_unit, 0);
	go(log_read, l);
	go(log_watch, l);
}

/* A plugin's activation fails without a signal; who waits for the activated one waits for done, too. */
struct plugin {
	gor_mutex mu;
	gor_cond activated;
	chan(gor_unit) done;
};

static NOINLINE void plugin_wait(struct plugin *p)
{
	gor_mutex_lock(&p->mu);
	gor_cond_wait(&p->activated, &p->mu);
	gor_mutex_unlock(&p->mu);
	chan_close(p->done);
}

static NOINLINE void plugin_test(struct plugin *p)
{
	chan_recv(p->done, NULL);
}

LEAK_KERNEL(moby_30408, "2 leaked [sync.Cond.Wait, chan receive]", "2 stuck [sync.Cond.Wait, chan receive]")
{
	struct plugin *p = NEW(struct plugin);

	p->done = chan_make(gor_unit, 0);
	go(plugin_wait, p);
	go(plugin_test, p);
}

/* 4395: a fetch reports its error to who has stopped waiting for it. */
static NOINLINE void fetch(chan(int) err)
{
	chan_send(err, -1);
}

LEAK_KERNEL(moby_4395, "1 leaked [chan send]", "1 stuck [chan send]")
{
	chan(int) *err = NEW(chan(int));

	*err = chan_make(int, 0);
	go(fetch, *err);
}

/* 7559: a continue forgets the unlock of the loop's body. */
struct ports {
	gor_mutex mu;
	int clients;
};

static NOINLINE void proxy_run(struct ports *p)
{
	for (int i = 0; i < 3; i++) {
		gor_mutex_lock(&p->mu);
		if (++p->clients == 2)
			continue;
		gor_mutex_unlock(&p->mu);
	}
}

LEAK_KERNEL(moby_7559, "1 deadlocked [sync.Mutex.Lock]", "1 deadlocked [sync.Mutex.Lock]")
{
	go(proxy_run, NEW(struct ports));
}

/* 28462: the health monitor is stopped with the container's lock, which its last probe wants. */
struct container {
	gor_mutex mu;
	chan(gor_unit) stop;
	chan(int) go_on;
};

static NOINLINE void monitor(struct container *c)
{
	chan_recv(c->go_on, NULL);
	gor_mutex_lock(&c->mu);
	gor_mutex_unlock(&c->mu);
	chan_recv(c->stop, NULL);
}

static NOINLINE void container_stop(struct container *c)
{
	gor_mutex_lock(&c->mu);
	chan_send(c->stop, {0});
	gor_mutex_unlock(&c->mu);
}

LEAK_KERNEL(moby_28462, "1 leaked [chan send]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [chan send, sync.Mutex.Lock]")
{
	struct container *c = NEW(struct container);

	c->stop = chan_make(gor_unit, 0);
	c->go_on = chan_make(int, 0);
	go(monitor, c);
	go(container_stop, c);
	settle();
	chan_close(c->go_on);
}

/* 29733: an early return before the broadcast. */
LEAK_KERNEL(moby_29733, "3 leaked [sync.Cond.Wait, sync.Cond.Wait, chan receive]",
	    "3 stuck [sync.Cond.Wait, sync.Cond.Wait, chan receive]")
{
	struct plugin *p = NEW(struct plugin);

	p->done = chan_make(gor_unit, 0);
	go(plugin_wait, p);
	go(plugin_wait, p);
	go(plugin_test, p);
}

/* 33293: a stats collector's error has no reader. */
struct daemon {
	chan(int) wait, err;
};

static NOINLINE void daemon_wait(struct daemon *d)
{
	chan_send(d->err, 1);
	chan_send(d->wait, 1);
}

static NOINLINE void daemon_main(struct daemon *d)
{
	chan_recv(d->wait, NULL);
}

LEAK_KERNEL(moby_33293, "2 leaked [chan send, chan receive]", "2 stuck [chan send, chan receive]")
{
	struct daemon *d = NEW(struct daemon);

	d->wait = chan_make(int, 0);
	d->err = chan_make(int, 0);
	go(daemon_wait, d);
	go(daemon_main, d);
}

/* 36114: the service's lock is taken again in what is called with it. */
struct service {
	gor_mutex mu;
};

static NOINLINE void hot_add(struct service *s)
{
	gor_mutex_lock(&s->mu);
	gor_mutex_unlock(&s->mu);
}

static NOINLINE void start_service(struct service *s)
{
	gor_mutex_lock(&s->mu);
	hot_add(s);
	gor_mutex_unlock(&s->mu);
}

LEAK_KERNEL(moby_36114, "1 deadlocked [sync.Mutex.Lock]", "1 deadlocked [sync.Mutex.Lock]")
{
	go(start_service, NEW(struct service));
}

/* ---- serving ------------------------------------------------------------------------------------------ */

/* A breaker lets one request in, which needs its lock; the next is stuck at the door; who holds the first one's
 * lock waits for the second one's answer. */
struct request {
	gor_mutex mu;
	chan(int) accepted;
};
struct breaker {
	chan(int) active;
	struct request requests[2];
	chan(int) go_on;
};

static NOINLINE void perform(struct breaker *b, int i)
{
	chan_send(b->active, 1);
	gor_mutex_lock(&b->requests[i].mu);
	gor_mutex_unlock(&b->requests[i].mu);
	chan_recv(b->active, NULL);
	chan_send(b->requests[i].accepted, 1);
}

static NOINLINE void drive(struct breaker *b)
{
	gor_mutex_lock(&b->requests[0].mu);
	chan_recv(b->go_on, NULL);
	chan_recv(b->requests[1].accepted, NULL);
	gor_mutex_unlock(&b->requests[0].mu);
}

LEAK_KERNEL(serving_2137, "2 leaked [chan send, chan receive]; 1 proven [sync.Mutex.Lock]",
	    "3 stuck [chan send, chan receive, sync.Mutex.Lock]")
{
	struct breaker *b = NEW(struct breaker);

	b->active = chan_make(int, 1);
	b->go_on = chan_make(int, 0);
	b->requests[0].accepted = chan_make(int, 0);
	b->requests[1].accepted = chan_make(int, 0);
	go(drive, b);
	settle();
	go(perform, b, 0);
	settle();
	go(perform, b, 1);
	settle();
	chan_close(b->go_on);
}

/* ---- syncthing ---------------------------------------------------------------------------------------- */

/* A callback of what runs with the write lock reads. */
struct nat {
	gor_rwmutex mu;
	void (*notify)(struct nat *);
};

static NOINLINE void address_map(struct nat *n)
{
	gor_rwmutex_rlock(&n->mu);
	gor_rwmutex_runlock(&n->mu);
}

static NOINLINE void clear_addresses(struct nat *n)
{
	gor_rwmutex_lock(&n->mu);
	n->notify(n);
	gor_rwmutex_unlock(&n->mu);
}

LEAK_KERNEL(syncthing_4829, "1 deadlocked [sync.RWMutex.RLock]", "1 deadlocked [sync.RWMutex.RLock]")
{
	struct nat *n = NEW(struct nat);

	n->notify = address_map;
	go(clear_addresses, n);
}

/* The dispatcher closes the connection, which waits for the dispatcher's end. */
struct connection {
	chan(int) inbox;
	chan(gor_unit) loop_stopped;
};

static NOINLINE void connection_close(struct connection *c)
{
	chan_recv(c->loop_stopped, NULL);
}

static NOINLINE void dispatch(struct connection *c)
{
	chan_recv(c->inbox, NULL);
	connection_close(c);
	chan_close(c->loop_stopped);
}

LEAK_KERNEL(syncthing_5795, "2 leaked [chan receive]", "2 stuck [chan receive]")
{
	struct connection *c = NEW(struct connection);

	c->inbox = chan_make(int, 0);
	c->loop_stopped = chan_make(gor_unit, 0);
	go(dispatch, c);
	chan_send(c->inbox, 1);
	go(connection_close, c);
}
