/* SPDX-License-Identifier: MIT */
/*
 * One goroutine (or a thousand) waits for ever on one thing, for every kind of thing there is.
 */
#include "leaks.h"

/* ---- channels ----------------------------------------------------------------------------------------- */

LEAK_CASE(nil_receive, "1 leaked [chan receive (nil chan)]")
{
	go(receiver, (chan(int))NULL);
}

LEAK_CASE(nil_send, "1 leaked [chan send (nil chan)]")
{
	go(sender, (chan(int))NULL);
}

static NOINLINE void select_nothing(void)
{
	chan_select();
}

LEAK_CASE(empty_select, "1 leaked [select (no cases)]")
{
	go(select_nothing);
}

static NOINLINE void select_two(chan(int) a, chan(int) b)
{
	chan_select(recv_case(a, NULL), send_case(b, 1));
}

LEAK_CASE(select_of_nil_channels, "1 leaked [select]")
{
	go(select_two, (chan(int))NULL, (chan(int))NULL);
}

LEAK_KERNEL(receive, "1 leaked [chan receive]", "1 stuck [chan receive]")
{
	chan(int) *c = NEW(chan(int));

	*c = chan_make(int, 0);
	go(receiver, *c);
}

LEAK_KERNEL(send, "1 leaked [chan send]", "1 stuck [chan send]")
{
	chan(int) *c = NEW(chan(int));

	*c = chan_make(int, 0);
	go(sender, *c);
}

LEAK_CASE(send_to_full_buffer, "2 leaked [chan send]")
{
	chan(int) c = chan_make(int, 3);

	for (int i = 0; i < 5; i++)
		go(sender, c);
}

LEAK_KERNEL(select_send_and_receive, "1 leaked [select]", "1 stuck [select]")
{
	chan(int) *two = NEW_ARRAY(chan(int), 2);

	two[0] = chan_make(int, 0);
	two[1] = chan_make(int, 0);
	go(select_two, two[0], two[1]);
}

LEAK_CASE(select_of_nil_and_unreachable, "1 leaked [select]")
{
	go(select_two, chan_make(int, 0), (chan(int))NULL);
}

static chan(int) volatile reachable;

/* One case of the two can still become ready. */
LEAK_CASE(select_of_reachable_and_unreachable, "1 stuck [select]")
{
	reachable = chan_make(int, 0);
	go(select_two, chan_make(int, 0), reachable);
}

static NOINLINE void select_many(chan(int) * all)
{
	chan_select(recv_case(all[0], NULL), recv_case(all[1], NULL), recv_case(all[2], NULL),
		    recv_case(all[3], NULL), send_case(all[4], 4), send_case(all[5], 5), send_case(all[6], 6),
		    send_case(all[7], 7));
}

LEAK_KERNEL(select_of_eight, "1 leaked [select]", "1 stuck [select]")
{
	chan(int) *all = NEW_ARRAY(chan(int), 8);

	for (int i = 0; i < 8; i++)
		all[i] = chan_make(int, 0);
	go(select_many, all);
}

/* ---- locks -------------------------------------------------------------------------------------------- */

static NOINLINE void lock_twice(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_mutex_lock(mu);
}

static NOINLINE void lock_own_twice(void)
{
	gor_mutex mu = {0};

	lock_twice(&mu);
	KEEP(&mu);
}

LEAK_CASE(mutex_on_stack, "1000 deadlocked [sync.Mutex.Lock]")
{
	for (int i = 0; i < 1000; i++)
		go(lock_own_twice);
}

LEAK_CASE(mutex_on_heap, "1000 deadlocked [sync.Mutex.Lock]")
{
	for (int i = 0; i < 1000; i++)
		go(lock_twice, NEW(gor_mutex));
}

static NOINLINE void read_inside_write(gor_rwmutex *rw)
{
	gor_rwmutex_lock(rw);
	gor_rwmutex_rlock(rw);
}

LEAK_KERNEL(rwmutex_read, "1 deadlocked [sync.RWMutex.RLock]", "1 deadlocked [sync.RWMutex.RLock]")
{
	go(read_inside_write, NEW(gor_rwmutex));
}

static NOINLINE void write_inside_read(gor_rwmutex *rw)
{
	gor_rwmutex_rlock(rw);
	gor_rwmutex_lock(rw);
}

LEAK_KERNEL(rwmutex_write, "1 deadlocked [sync.RWMutex.Lock]", "1 deadlocked [sync.RWMutex.Lock]")
{
	go(write_inside_read, NEW(gor_rwmutex));
}

/* ---- counters and conditions -------------------------------------------------------------------------- */

static NOINLINE void wait_for_nobody(gor_waitgroup *wg)
{
	gor_waitgroup_add(wg, 1);
	gor_waitgroup_wait(wg);
}

static NOINLINE void wait_on_own(void)
{
	gor_waitgroup wg = {0};

	wait_for_nobody(&wg);
	KEEP(&wg);
}

LEAK_CASE(waitgroup_on_stack, "1000 leaked [sync.WaitGroup.Wait]")
{
	for (int i = 0; i < 1000; i++)
		go(wait_on_own);
}

LEAK_CASE(waitgroup_on_heap, "1000 leaked [sync.WaitGroup.Wait]")
{
	for (int i = 0; i < 1000; i++)
		go(wait_for_nobody, NEW(gor_waitgroup));
}

LEAK_KERNEL(waitgroup, "1 leaked [sync.WaitGroup.Wait]", "1 stuck [sync.WaitGroup.Wait]")
{
	go(wait_for_nobody, NEW(gor_waitgroup));
}

struct condition {
	gor_mutex mu;
	gor_cond cond;
};

static NOINLINE void wait_for_signal(struct condition *c)
{
	gor_mutex_lock(&c->mu);
	gor_cond_wait(&c->cond, &c->mu);
	gor_mutex_unlock(&c->mu);
}

LEAK_KERNEL(cond, "1 leaked [sync.Cond.Wait]", "1 stuck [sync.Cond.Wait]")
{
	go(wait_for_signal, NEW(struct condition));
}

LEAK_KERNEL(cond_of_many, "5 leaked [sync.Cond.Wait]", "5 stuck [sync.Cond.Wait]")
{
	struct condition *c = NEW(struct condition);

	for (int i = 0; i < 5; i++)
		go(wait_for_signal, c);
}

static NOINLINE void acquire_too_much(gor_sem *s)
{
	gor_sem_acquire(s, 2);
	gor_sem_acquire(s, 2);
}

LEAK_KERNEL(semaphore, "1 leaked [semacquire]", "1 stuck [semacquire]")
{
	gor_sem *s = NEW(gor_sem);

	gor_sem_init(s, 3);
	go(acquire_too_much, s);
}

static NOINLINE void once_again(void *o)
{
	gor_once_do(o, once_again, o);
}

/* The function waits for itself. */
LEAK_KERNEL(once_within_itself, "1 proven [sync.Once.Do]", "1 deadlocked [sync.Once.Do]")
{
	gor_once *o = NEW(gor_once);

	go(once_again, (void *)o);
}

static int fly_for_ever(void *arg, void **ret_value)
{
	*ret_value = NULL;
	chan_recv((chan(int))arg, NULL);
	return 0;
}

struct flight {
	gor_singleflight sf;
	chan(int) never;
};

static NOINLINE void fly(struct flight *f)
{
	gor_singleflight_do(&f->sf, "key", fly_for_ever, (void *)f->never, NULL, NULL);
}

LEAK_KERNEL(singleflight, "1 leaked [chan receive]; 2 proven [singleflight.Do]",
	    "1 stuck [chan receive]; 2 stuck [singleflight.Do]")
{
	struct flight *f = NEW(struct flight);

	f->never = chan_make(int, 0);
	for (int i = 0; i < 3; i++)
		go(fly, f);
}

static int work_for_ever(void *arg)
{
	chan_recv((chan(int))arg, NULL);
	return 0;
}

static NOINLINE void group_wait(gor_errgroup *eg)
{
	gor_errgroup_go(eg, work_for_ever, (void *)chan_make(int, 0));
	gor_errgroup_wait(eg);
}

LEAK_CASE(errgroup, "2 leaked [chan receive, sync.WaitGroup.Wait]")
{
	go(group_wait, NEW(gor_errgroup));
}

/* ---- several at a time -------------------------------------------------------------------------------- */

LEAK_CASE(mixed, "7 leaked [chan receive (nil chan), chan send, chan receive, select, sync.Cond.Wait, "
		 "sync.WaitGroup.Wait, semacquire]; 1 deadlocked [sync.Mutex.Lock]")
{
	gor_sem *s = gor_sem_new(3);

	go(receiver, (chan(int))NULL);
	go(sender, chan_make(int, 0));
	go(receiver, chan_make(int, 0));
	go(select_two, chan_make(int, 0), chan_make(int, 0));
	go(wait_for_signal, NEW(struct condition));
	go(wait_for_nobody, NEW(gor_waitgroup));
	go(acquire_too_much, s);
	go(lock_twice, NEW(gor_mutex));
}

LEAK_CASE(nobody_waits, "0 leaked")
{
	chan(int) c = chan_make(int, 0);

	go(receiver, c);
	chan_send(c, 1);
}

/* They wait for each other only, so nobody outside can help them. */
static NOINLINE void receive_then_send(chan(int) in, chan(int) out)
{
	chan_recv(in, NULL);
	chan_send(out, 1);
}

LEAK_CASE(ring_of_receivers, "3 leaked [chan receive]")
{
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0), c = chan_make(int, 0);

	go(receive_then_send, a, b);
	go(receive_then_send, b, c);
	go(receive_then_send, c, a);
}

/* The same, but a part of the ring is known to somebody who lives. */
LEAK_CASE(ring_with_a_door, "3 stuck [chan receive]")
{
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0), c = chan_make(int, 0);

	go(receive_then_send, a, b);
	go(receive_then_send, b, c);
	go(receive_then_send, c, a);
	go(sleeper, (void *)b);
}
