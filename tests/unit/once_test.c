/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_once: exactly once, everybody waits for it, panics and gor_goexit count as done.
 */
#include "sync_test.h"

static gor_once once;
static gor_waitgroup wg;
static int calls, finished; /* calls: of the function; finished: it has returned */

static void slow_init(void *arg)
{
	calls++;
	ck_assert_ptr_eq(arg, &wg);
	gor_sleep(2 * GOR_MS);
	finished = 1;
}

static void call_it(void)
{
	gor_once_do(&once, slow_init, &wg);
	ck_assert_int_eq(finished, 1);
	gor_waitgroup_done(&wg);
}

START_TEST(everybody_waits_for_the_only_call)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 100);
	for (int i = 0; i < 100; i++)
		go(call_it);
	gor_waitgroup_wait(&wg);
	gor_once_do(&once, slow_init, NULL);
	ck_assert_int_eq(calls, 1);
	ck_assert_uint_eq(once.state, GORI_ONCE_DONE);
	ck_assert_ptr_null(once.waiters.first);
}
END_TEST

static void quick_init(void *arg)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static void call_many(gor_once *all, int *counts, int n)
{
	for (int i = 0; i < n; i++) {
		gor_once_do(&all[i], quick_init, &counts[i]);
		ck_assert_int_eq(__atomic_load_n(&counts[i], __ATOMIC_SEQ_CST), 1);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(racing_callers_make_one_call)
{
	enum { N = 5000 };
	static gor_once all[N];
	static int counts[N];

	WITH_PROCS();
	gor_waitgroup_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go(call_many, all, counts, N);
	gor_waitgroup_wait(&wg);
}
END_TEST

static void leave_goroutine(void *arg)
{
	(void)arg;
	calls++;
	gor_goexit();
}

static void call_leaving(void)
{
	gor_once_do(&once, leave_goroutine, NULL);
	finished = 1;
}

START_TEST(a_function_that_ends_its_goroutine_counts_as_done)
{
	WITH_PROCS();
	go(call_leaving);
	settle();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(finished, 0);
	ck_assert_uint_eq(once.state, GORI_ONCE_DONE);
	gor_once_do(&once, leave_goroutine, NULL);
	ck_assert_int_eq(calls, 1);
}
END_TEST

static void panic_at_once(void *arg)
{
	(void)arg;
	calls++;
	panic("no init");
}

static int recovered;

static void recover_it(void)
{
	gor_any value = recover();

	recovered += value.type != NULL;
}

static void __attribute__((noinline)) call_panicking(void)
{
	defer(recover_it);
	gor_once_do(&once, panic_at_once, NULL);
	finished = 1;
}

START_TEST(a_function_that_panics_counts_as_done)
{
	WITH_PROCS();
	call_panicking();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(recovered, 1);
	ck_assert_int_eq(finished, 0);
	ck_assert_uint_eq(once.state, GORI_ONCE_DONE);
	call_panicking();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(recovered, 1);
	ck_assert_int_eq(finished, 1);
}
END_TEST

static void hold(void *arg)
{
	chan_recv((chan(int))arg, NULL);
}

static void call_with(chan(int) c)
{
	gor_once_do(&once, hold, (void *)c);
}

START_TEST(a_waiter_tells_what_it_waits_for)
{
	chan(int) c = chan_make(int, 0);

	WITH_PROCS();
	go(call_with, c);
	settle();
	ck_assert_int_gt(once.owner, 1);
	ck_assert_ptr_nonnull(once.pc);
	ck_assert_uint_eq(once.state, GORI_ONCE_RUNNING);
	go(call_with, c);
	settle();
	ck_assert_ptr_eq(once.waiters.first->obj, &once);
	ck_assert_int_eq(once.waiters.first->g->wait, GORI_WAIT_ONCE_WAIT);
	chan_close(c);
	settle();
	ck_assert_uint_eq(once.state, GORI_ONCE_DONE);
	chan_free(c);
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, everybody_waits_for_the_only_call);
	ADD(tc, racing_callers_make_one_call);
	ADD(tc, a_function_that_ends_its_goroutine_counts_as_done);
	ADD(tc, a_function_that_panics_counts_as_done);
	ADD(tc, a_waiter_tells_what_it_waits_for);
}

int main(void)
{
	return run_suite("once", add_tests);
}
