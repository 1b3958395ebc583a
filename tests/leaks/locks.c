/* SPDX-License-Identifier: MIT */
/*
 * What a lock's ownership proves, and what it does not: cycles, ended holders, disowned locks, readers.
 */
#include "leaks.h"

struct locks {
	gor_mutex a, b, c;
	gor_rwmutex rw;
	gor_once once;
	chan(int) never, go_on;
};

static NOINLINE struct locks *make_locks(void)
{
	struct locks *l = NEW(struct locks);

	l->never = chan_make(int, 0);
	l->go_on = chan_make(int, 0);
	return l;
}

/* Takes one, waits for the word, takes the other. */
static NOINLINE void lock_both(struct locks *l, gor_mutex *first, gor_mutex *second)
{
	gor_mutex_lock(first);
	chan_recv(l->go_on, NULL);
	gor_mutex_lock(second);
	gor_mutex_unlock(second);
	gor_mutex_unlock(first);
}

static NOINLINE void deadlock_two(struct locks *l)
{
	go(lock_both, l, &l->a, &l->b);
	go(lock_both, l, &l->b, &l->a);
	settle();
	chan_close(l->go_on);
	settle();
}

/* ---- cycles ------------------------------------------------------------------------------------------- */

LEAK_KERNEL(two_in_a_cycle, "2 deadlocked [sync.Mutex.Lock]", "2 deadlocked [sync.Mutex.Lock]")
{
	deadlock_two(make_locks());
}

LEAK_KERNEL(three_in_a_cycle, "3 deadlocked [sync.Mutex.Lock]", "3 deadlocked [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	go(lock_both, l, &l->a, &l->b);
	go(lock_both, l, &l->b, &l->c);
	go(lock_both, l, &l->c, &l->a);
	settle();
	chan_close(l->go_on);
}

LEAK_KERNEL(waiters_behind_a_cycle, "5 deadlocked [sync.Mutex.Lock]", "5 deadlocked [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	deadlock_two(l);
	for (int i = 0; i < 3; i++)
		go(locker, i == 1 ? &l->b : &l->a);
}

/* A chain of holders that ends in a cycle. */
LEAK_KERNEL(chain_behind_a_cycle, "4 deadlocked [sync.Mutex.Lock]", "4 deadlocked [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	deadlock_two(l);
	l->go_on = chan_make(int, 0);
	go(lock_both, l, &l->c, &l->a);
	settle();
	chan_close(l->go_on);
	settle();
	go(locker, &l->c);
}

/* The chain of holders ends at a channel; in globals somebody may yet send. */
static NOINLINE void lock_and_receive(struct locks *l)
{
	gor_mutex_lock(&l->a);
	chan_recv(l->never, NULL);
	gor_mutex_unlock(&l->a);
}

LEAK_KERNEL(chain_through_a_channel, "1 leaked [chan receive]; 2 proven [sync.Mutex.Lock]",
	    "3 stuck [chan receive, sync.Mutex.Lock, sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	go(lock_and_receive, l);
	settle();
	go(locker, &l->a);
	go(locker, &l->a);
}

/* The mutex is known, but its holder is lost: nobody else may unlock it. */
static gor_mutex known_mutex;

static NOINLINE void lock_known_and_receive(chan(int) never)
{
	gor_mutex_lock(&known_mutex);
	chan_recv(never, NULL);
	gor_mutex_unlock(&known_mutex);
}

LEAK_CASE(holder_is_leaked, "1 leaked [chan receive]; 1 proven [sync.Mutex.Lock]")
{
	go(lock_known_and_receive, chan_make(int, 0));
	settle();
	go(locker, &known_mutex);
}

LEAK_CASE(holder_is_main, "any stuck")
{
	struct locks *l = make_locks();

	gor_mutex_lock(&l->a);
	go(locker, &l->a);
	leak_done();
	gor_mutex_unlock(&l->a);
}

static NOINLINE void lock_and_sleep(struct locks *l)
{
	gor_mutex_lock(&l->a);
	gor_sleep(FOREVER);
	gor_mutex_unlock(&l->a);
}

LEAK_KERNEL(holder_is_alive, "1 stuck [sync.Mutex.Lock]", "1 stuck [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	go(lock_and_sleep, l);
	settle();
	go(locker, &l->a);
}

/* A cycle that a timeout opens. */
static NOINLINE void lock_and_wait_a_while(struct locks *l)
{
	gor_mutex_lock(&l->a);
	chan_select(recv_case(l->never, NULL), timeout_case(FOREVER));
	gor_mutex_unlock(&l->a);
}

static NOINLINE void lock_and_wait_for_first(struct locks *l)
{
	gor_mutex_lock(&l->b);
	gor_mutex_lock(&l->a);
	chan_send(l->never, 1);
}

LEAK_KERNEL(cycle_with_a_timeout, "any stuck", "any stuck")
{
	struct locks *l = make_locks();

	go(lock_and_wait_a_while, l);
	settle();
	go(lock_and_wait_for_first, l);
}

/* Others run meanwhile. */
static NOINLINE void lock_twice(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_mutex_lock(mu);
}

LEAK_KERNEL(self_deadlock_while_others_run, "1 deadlocked [sync.Mutex.Lock]",
	    "1 deadlocked [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	go(lock_twice, &l->a);
	for (int i = 0; i < 8; i++)
		go(sleep_for_ever);
	settle();
}

/* ---- holders that have ended -------------------------------------------------------------------------- */

static NOINLINE void lock_and_end(gor_mutex *mu)
{
	gor_mutex_lock(mu);
}

LEAK_KERNEL(holder_has_ended, "2 deadlocked [sync.Mutex.Lock]; says taken at; says which ended",
	    "2 deadlocked [sync.Mutex.Lock]; says taken at; says which ended")
{
	struct locks *l = make_locks();

	go(lock_and_end, &l->a);
	settle();
	go(locker, &l->a);
	go(locker, &l->a);
}

static NOINLINE void write_and_end(gor_rwmutex *rw)
{
	gor_rwmutex_lock(rw);
}

static NOINLINE void reader(gor_rwmutex *rw)
{
	gor_rwmutex_rlock(rw);
	gor_rwmutex_runlock(rw);
}

static NOINLINE void writer(gor_rwmutex *rw)
{
	gor_rwmutex_lock(rw);
	gor_rwmutex_unlock(rw);
}

LEAK_KERNEL(writer_has_ended, "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]",
	    "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(write_and_end, &l->rw);
	settle();
	go(reader, &l->rw);
	go(writer, &l->rw);
}

static NOINLINE void read_and_end(gor_rwmutex *rw)
{
	gor_rwmutex_rlock(rw);
}

LEAK_KERNEL(reader_has_ended, "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]",
	    "2 deadlocked [sync.RWMutex.RLock, sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(read_and_end, &l->rw);
	settle();
	go(writer, &l->rw);
	settle();
	go(reader, &l->rw);
}

static NOINLINE void read_and_sleep(gor_rwmutex *rw)
{
	gor_rwmutex_rlock(rw);
	gor_sleep(FOREVER);
	gor_rwmutex_runlock(rw);
}

/* One reader of many is enough to keep the writer out for ever. */
LEAK_KERNEL(one_of_many_readers_has_ended, "1 deadlocked [sync.RWMutex.Lock]",
	    "1 deadlocked [sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(read_and_end, &l->rw);
	settle();
	for (int i = 0; i < 6; i++)
		go(read_and_sleep, &l->rw);
	settle();
	go(writer, &l->rw);
}

/* Readers beyond the four that the lock knows by name. */
LEAK_KERNEL(many_readers_sleep, "any stuck", "any stuck")
{
	struct locks *l = make_locks();

	for (int i = 0; i < 9; i++)
		go(read_and_sleep, &l->rw);
	settle();
	go(writer, &l->rw);
	settle();
	go(reader, &l->rw);
}

static NOINLINE void wait_in_once(void *arg)
{
	(void)arg;
	chan_recv((chan(int))NULL, NULL);
}

static NOINLINE void call_once(struct locks *l)
{
	gor_once_do(&l->once, wait_in_once, l);
}

LEAK_KERNEL(once_whose_leader_is_lost, "1 leaked [chan receive (nil chan)]; 2 proven [sync.Once.Do]",
	    "1 leaked [chan receive (nil chan)]; 2 proven [sync.Once.Do]")
{
	struct locks *l = make_locks();

	for (int i = 0; i < 3; i++)
		go(call_once, l);
}

/* ---- disowned ----------------------------------------------------------------------------------------- */

static NOINLINE void disown_and_end(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_mutex_disown(mu);
}

LEAK_KERNEL(disowned_and_ended, "1 leaked [sync.Mutex.Lock]", "1 stuck [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	go(disown_and_end, &l->a);
	settle();
	go(locker, &l->a);
}

static NOINLINE void disown_and_lock(struct locks *l, gor_mutex *first, gor_mutex *second)
{
	gor_mutex_lock(first);
	gor_mutex_disown(first);
	chan_recv(l->go_on, NULL);
	gor_mutex_lock(second);
}

/* It looks like a cycle, but anybody may unlock. */
LEAK_KERNEL(disowned_cycle, "2 leaked [sync.Mutex.Lock]", "2 stuck [sync.Mutex.Lock]")
{
	struct locks *l = make_locks();

	go(disown_and_lock, l, &l->a, &l->b);
	go(disown_and_lock, l, &l->b, &l->a);
	settle();
	chan_close(l->go_on);
}

static NOINLINE void disown_read_and_end(gor_rwmutex *rw)
{
	gor_rwmutex_rlock(rw);
	gor_rwmutex_disown(rw);
}

LEAK_KERNEL(disowned_read_lock, "1 leaked [sync.RWMutex.Lock]", "1 stuck [sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(disown_read_and_end, &l->rw);
	settle();
	go(writer, &l->rw);
}

/* One that was disowned beside one that was not: the latter never ends. */
LEAK_KERNEL(one_reader_disowned_one_ended, "1 deadlocked [sync.RWMutex.Lock]",
	    "1 deadlocked [sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(disown_read_and_end, &l->rw);
	go(read_and_end, &l->rw);
	settle();
	go(writer, &l->rw);
}

/* ---- readers and writers ------------------------------------------------------------------------------ */

static NOINLINE void read_twice(struct locks *l)
{
	gor_rwmutex_rlock(&l->rw);
	chan_recv(l->go_on, NULL);
	gor_rwmutex_rlock(&l->rw);
	gor_rwmutex_runlock(&l->rw);
	gor_rwmutex_runlock(&l->rw);
}

LEAK_KERNEL(recursive_read_with_a_writer,
	    "4 deadlocked [sync.RWMutex.RLock, sync.RWMutex.RLock, sync.RWMutex.Lock, sync.RWMutex.Lock]",
	    "4 deadlocked [sync.RWMutex.RLock, sync.RWMutex.RLock, sync.RWMutex.Lock, sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(read_twice, l);
	settle();
	go(writer, &l->rw);
	settle();
	chan_close(l->go_on);
	settle();
	go(reader, &l->rw);
	go(writer, &l->rw);
}

LEAK_KERNEL(recursive_read_without_a_writer, "0 leaked", "0 leaked")
{
	struct locks *l = make_locks();

	go(read_twice, l);
	settle();
	chan_close(l->go_on);
}

/* A mutex and a read lock, in two orders, with the writer that makes the reader wait. */
static NOINLINE void read_then_mutex(struct locks *l)
{
	gor_rwmutex_rlock(&l->rw);
	chan_recv(l->go_on, NULL);
	gor_mutex_lock(&l->a);
}

static NOINLINE void mutex_then_read(struct locks *l)
{
	gor_mutex_lock(&l->a);
	chan_recv(l->go_on, NULL);
	gor_rwmutex_rlock(&l->rw);
}

LEAK_KERNEL(cycle_through_a_pending_writer,
	    "3 deadlocked [sync.Mutex.Lock, sync.RWMutex.RLock, sync.RWMutex.Lock]",
	    "3 deadlocked [sync.Mutex.Lock, sync.RWMutex.RLock, sync.RWMutex.Lock]")
{
	struct locks *l = make_locks();

	go(read_then_mutex, l);
	go(mutex_then_read, l);
	settle();
	go(writer, &l->rw);
	settle();
	chan_close(l->go_on);
}

/* Wait for a condition releases one lock, but not the other. */
struct two_locks {
	gor_mutex outer, inner;
	gor_cond cond;
};

static NOINLINE void wait_with_outer(struct two_locks *t)
{
	gor_mutex_lock(&t->outer);
	gor_mutex_lock(&t->inner);
	gor_cond_wait(&t->cond, &t->inner);
}

static NOINLINE void signal_under_outer(struct two_locks *t)
{
	gor_mutex_lock(&t->outer);
	gor_cond_signal(&t->cond);
	gor_mutex_unlock(&t->outer);
}

LEAK_KERNEL(cond_under_an_outer_lock, "1 leaked [sync.Cond.Wait]; 1 proven [sync.Mutex.Lock]",
	    "2 stuck [sync.Cond.Wait, sync.Mutex.Lock]")
{
	struct two_locks *t = NEW(struct two_locks);

	go(wait_with_outer, t);
	settle();
	go(signal_under_outer, t);
}

/* The condition's own lock is not held during the wait. */
LEAK_KERNEL(cond_does_not_hold_its_lock, "1 leaked [sync.Cond.Wait]", "1 stuck [sync.Cond.Wait]")
{
	struct two_locks *t = NEW(struct two_locks);

	go(wait_with_outer, t);
	settle();
	go(locker, &t->inner);
}
