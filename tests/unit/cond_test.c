/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_cond with each kind of lock: signal, broadcast, no lost wake-up, misuse.
 */
#include "sync_test.h"

static gor_mutex mu;
static gor_rwmutex rw;
static gor_cond cond;
static gor_waitgroup wg;
static int ready, woken; /* under mu */
static int order[64];

static void wait_one(int id)
{
	gor_mutex_lock(&mu);
	while (!ready)
		gor_cond_wait(&cond, &mu);
	ready--;
	order[woken++] = id;
	gor_mutex_unlock(&mu);
}

START_TEST(signal_wakes_the_one_that_waits_longest)
{
	WITH_PROCS();
	for (int i = 0; i < 10; i++) {
		go(wait_one, i);
		settle();
	}
	for (int i = 0; i < 10; i++) {
		gor_mutex_lock(&mu);
		ready++;
		gor_mutex_unlock(&mu);
		gor_cond_signal(&cond);
		settle();
		ck_assert_int_eq(woken, i + 1);
		ck_assert_int_eq(order[i], i);
	}
	ck_assert_uint_eq(mu.word, 0);
}
END_TEST

START_TEST(broadcast_wakes_all)
{
	WITH_PROCS();
	for (int i = 0; i < 50; i++)
		go(wait_one, i);
	settle();
	gor_mutex_lock(&mu);
	ready = 50;
	gor_cond_broadcast(&cond);
	gor_mutex_unlock(&mu);
	settle();
	ck_assert_int_eq(woken, 50);
	ck_assert_ptr_null(cond.waiters.first);
}
END_TEST

START_TEST(a_signal_without_waiters_is_lost)
{
	WITH_PROCS();
	gor_cond_signal(&cond);
	gor_cond_broadcast(&cond);
	go(wait_one, 0);
	settle();
	ck_assert_int_eq(woken, 0);
	ck_assert_ptr_nonnull(cond.waiters.first);
}
END_TEST

/* A bounded buffer of one, which stalls for ever if a wake-up is lost. */
static int slot;

static void produce(int n)
{
	for (int i = 1; i <= n; i++) {
		gor_mutex_lock(&mu);
		while (slot)
			gor_cond_wait(&cond, &mu);
		slot = i;
		gor_cond_broadcast(&cond);
		gor_mutex_unlock(&mu);
	}
	gor_waitgroup_done(&wg);
}

static void consume(int n)
{
	for (int i = 1; i <= n; i++) {
		gor_mutex_lock(&mu);
		while (!slot)
			gor_cond_wait(&cond, &mu);
		slot = 0;
		gor_cond_broadcast(&cond);
		gor_mutex_unlock(&mu);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(no_wakeup_is_lost)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 8);
	for (int i = 0; i < 4; i++) {
		go(produce, 5000);
		go(consume, 5000);
	}
	gor_waitgroup_wait(&wg);
	ck_assert_int_eq(slot, 0);
	ck_assert(gor_mutex_try_lock(&mu));
}
END_TEST

static void wait_write_locked(void)
{
	gor_rwmutex_lock(&rw);
	gor_cond_wait(&cond, &rw);
	ck_assert_int_eq(rw.owner, gor_goid());
	woken++;
	gor_rwmutex_unlock(&rw);
}

static void wait_read_locked(void)
{
	gor_rwmutex_rlock(&rw);
	gor_cond_wait(&cond, gor_rlocker(&rw));
	ck_assert(!gor_rwmutex_try_lock(&rw));
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	gor_rwmutex_runlock(&rw);
}

START_TEST(an_rwmutex_is_a_locker)
{
	WITH_PROCS();
	go(wait_write_locked);
	settle();
	ck_assert_uint_eq(rw.word, 0);
	gor_cond_signal(&cond);
	settle();
	ck_assert_int_eq(woken, 1);
	ck_assert_uint_eq(rw.word, 0);
}
END_TEST

START_TEST(an_rlocker_is_a_locker)
{
	WITH_PROCS();
	for (int i = 0; i < 6; i++)
		go(wait_read_locked);
	settle();
	ck_assert_uint_eq(rw.word, 0);
	gor_cond_broadcast(&cond);
	settle();
	ck_assert_int_eq(woken, 6);
	ck_assert_uint_eq(rw.word, 0);
}
END_TEST

static void wait_by_address(void (*wait)(gor_cond *, gor_locker))
{
	gor_mutex_lock(&mu);
	wait(&cond, gor_mutex_locker(&mu));
	woken++;
	gor_mutex_unlock(&mu);
}

START_TEST(wait_is_a_function_too)
{
	WITH_PROCS();
	go(wait_by_address, gor_cond_wait);
	settle();
	gor_cond_signal(&cond);
	settle();
	ck_assert_int_eq(woken, 1);
}
END_TEST

START_TEST(a_waiter_tells_what_it_waits_for)
{
	struct gori_waiter *w;

	WITH_PROCS();
	go(wait_one, 0);
	settle();
	w = cond.waiters.first;
	ck_assert_ptr_eq(w->obj, &cond);
	ck_assert_int_eq(w->g->wait, GORI_WAIT_COND_WAIT);
	ck_assert_ptr_eq((void *)(uintptr_t)w->ticket, &mu);
	gor_mutex_lock(&mu);
	ready = 1;
	gor_mutex_unlock(&mu);
	gor_cond_signal(&cond);
	ck_assert_int_eq(cond.last_waker, gor_goid());
	settle();
	ck_assert_int_eq(woken, 1);
}
END_TEST

static void die_waiting_unlocked(void)
{
	gor_cond_wait(&cond, &mu);
}

static void die_using_a_copy(void)
{
	gor_cond copy;

	gor_cond_signal(&cond);
	copy = cond;
	gor_cond_signal(&copy);
}

START_TEST(misuse_ends_the_program)
{
	WITH_PROCS();
	expect_death(die_waiting_unlocked, "fatal error: sync: unlock of unlocked mutex");
	expect_death(die_using_a_copy, "panic: sync.Cond is copied");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, signal_wakes_the_one_that_waits_longest);
	ADD(tc, broadcast_wakes_all);
	ADD(tc, a_signal_without_waiters_is_lost);
	ADD(tc, no_wakeup_is_lost);
	ADD(tc, an_rwmutex_is_a_locker);
	ADD(tc, an_rlocker_is_a_locker);
	ADD(tc, wait_is_a_function_too);
	ADD(tc, a_waiter_tells_what_it_waits_for);
	ADD(tc, misuse_ends_the_program);
}

int main(void)
{
	return run_suite("cond", add_tests);
}
