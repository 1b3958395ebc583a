/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_after, gor_timer, gor_ticker and gor_after_func.
 *
 * How: times are compared with the clock, from below only: a busy machine may always be late.
 */
#include "sync_test.h"

static gor_waitgroup wg;

/* ---- once ------------------------------------------------------------------------------------------------- */

START_TEST(after_sends_the_time_once)
{
	int64_t start, now = 0;
	chan(int64_t) c;

	WITH_PROCS();
	start = gor_now();
	c = gor_after(5 * GOR_MS);
	ck_assert(chan_recv(c, &now));
	ck_assert_int_ge(now, start + 5 * GOR_MS);
	ck_assert_int_le(now, gor_now());
	ck_assert(!chan_try_recv(c, &now));
	chan_free(c);
}
END_TEST

START_TEST(a_channel_of_after_may_be_freed_before_its_time)
{
	WITH_PROCS();
	for (int i = 0; i < 2000; i++)
		chan_free(gor_after(i % 20 * 10 * GOR_US));
	gor_sleep(5 * GOR_MS);
}
END_TEST

START_TEST(a_negative_duration_fires_now)
{
	int64_t now;
	gor_timer *t;

	WITH_PROCS();
	t = gor_timer_new(-5);
	ck_assert(chan_recv(gor_timer_chan(t), &now));
	gor_timer_reset(t, INT64_MIN);
	ck_assert(chan_recv(gor_timer_chan(t), &now));
	gor_timer_reset(t, INT64_MAX);
	ck_assert(!chan_try_recv(gor_timer_chan(t), &now));
	gor_timer_free(t);
	gor_timer_free(NULL);
}
END_TEST

START_TEST(stop_keeps_it_from_firing)
{
	gor_timer *t;

	WITH_PROCS();
	t = gor_timer_new(2 * GOR_MS);
	ck_assert(gor_timer_stop(t));
	ck_assert(!gor_timer_stop(t));
	gor_sleep(6 * GOR_MS);
	ck_assert(!chan_try_recv(gor_timer_chan(t), NULL));
	gor_timer_free(t);
}
END_TEST

START_TEST(stop_after_the_time_was_received_returns_false)
{
	gor_timer *t;

	WITH_PROCS();
	t = gor_timer_new(GOR_US);
	chan_recv(gor_timer_chan(t), NULL);
	ck_assert(!gor_timer_stop(t));
	gor_timer_free(t);
}
END_TEST

START_TEST(no_old_time_is_received_after_stop_or_reset)
{
	int64_t now, start;
	gor_timer *t;

	WITH_PROCS();
	t = gor_timer_new(GOR_US);
	gor_sleep(3 * GOR_MS);
	ck_assert_uint_eq(chan_len(gor_timer_chan(t)), 1);
	ck_assert(gor_timer_stop(t));
	ck_assert(!chan_try_recv(gor_timer_chan(t), NULL));
	gor_timer_reset(t, GOR_US);
	gor_sleep(3 * GOR_MS);
	start = gor_now();
	ck_assert(gor_timer_reset(t, 4 * GOR_MS));
	ck_assert(chan_recv(gor_timer_chan(t), &now));
	ck_assert_int_ge(now, start + 4 * GOR_MS);
	gor_timer_free(t);
}
END_TEST

START_TEST(its_channel_works_in_a_select)
{
	chan(int) never = chan_make(int, 0);
	gor_timer *t;

	WITH_PROCS();
	t = gor_timer_new(2 * GOR_MS);
	ck_assert_int_eq(chan_select(recv_case(never, NULL), recv_case(gor_timer_chan(t), NULL)), 1);
	gor_timer_free(t);
	chan_free(never);
}
END_TEST

/* ---- a function ------------------------------------------------------------------------------------------------- */

static int called; /* atomic */
static long sum;
static int64_t caller_goid;

static void add_up(int a, double b, const char *c, long d, long e, long f, long g, long h, long i)
{
	caller_goid = gor_goid();
	sum = a + (long)b + (long)strlen(c) + d + e + f + g + h + i;
	__atomic_add_fetch(&called, 1, __ATOMIC_SEQ_CST);
}

static void count_call(void)
{
	__atomic_add_fetch(&called, 1, __ATOMIC_SEQ_CST);
}

static int calls(void)
{
	return __atomic_load_n(&called, __ATOMIC_SEQ_CST);
}

static void await_calls(int n)
{
	while (calls() < n)
		gor_sleep(GOR_MS / 5);
	ck_assert_int_eq(calls(), n);
}

START_TEST(after_func_calls_with_the_arguments_given_then)
{
	long d = 4;
	gor_timer *t;

	WITH_PROCS();
	t = gor_after_func(100 * GOR_MS, add_up, 1, 2, "333", d, 5, 6, 7, 8, 9);
	d = 1000;
	ck_assert_ptr_null((void *)gor_timer_chan(t));
	ck_assert_int_eq(calls(), 0);
	await_calls(1);
	settle();
	ck_assert_int_eq(called, 1);
	ck_assert_int_eq(sum, 45);
	ck_assert_int_ne(caller_goid, gor_goid());
	ck_assert(!gor_timer_stop(t));
	sum = 0;
	ck_assert(!gor_timer_reset(t, GOR_MS));
	await_calls(2);
	settle();
	ck_assert_int_eq(sum, 45);
	gor_timer_free(t);
}
END_TEST

START_TEST(after_func_is_kept_from_its_call_by_stop)
{
	gor_timer *t;

	WITH_PROCS();
	t = gor_after_func(100 * GOR_MS, count_call);
	ck_assert(gor_timer_stop(t));
	gor_sleep(110 * GOR_MS);
	ck_assert_int_eq(calls(), 0);
	ck_assert(!gor_timer_reset(t, 100 * GOR_MS));
	gor_timer_free(t);
	gor_sleep(110 * GOR_MS);
	ck_assert_int_eq(calls(), 0);
}
END_TEST

START_TEST(many_after_funcs_are_called)
{
	static gor_timer *all[2000];

	WITH_PROCS();
	for (int i = 0; i < 2000; i++)
		all[i] = gor_after_func(i % 30 * 100 * GOR_US, count_call);
	while (__atomic_load_n(&called, __ATOMIC_SEQ_CST) < 2000)
		gor_sleep(GOR_MS);
	for (int i = 0; i < 2000; i++)
		gor_timer_free(all[i]);
	ck_assert_int_eq(called, 2000);
}
END_TEST

static void say_deferred(void)
{
	__atomic_add_fetch(&called, 100, __ATOMIC_SEQ_CST);
}

static void __attribute__((noinline)) defer_and_start(gor_timer **ret_timer)
{
	defer(say_deferred);
	*ret_timer = gor_after_func(GOR_MINUTE, count_call);
}

START_TEST(after_func_leaves_deferred_calls_alone)
{
	gor_timer *t;

	WITH_PROCS();
	defer_and_start(&t);
	ck_assert_int_eq(called, 100);
	gor_timer_free(t);
}
END_TEST

/* ---- again and again ------------------------------------------------------------------------------------------ */

START_TEST(a_ticker_ticks_until_it_is_stopped)
{
	int64_t last = 0, now;
	gor_ticker *t;

	WITH_PROCS();
	last = gor_now();
	t = gor_ticker_new(2 * GOR_MS);
	for (int i = 0; i < 5; i++) {
		ck_assert(chan_recv(gor_ticker_chan(t), &now));
		ck_assert_int_gt(now, last);
		last = now;
	}
	gor_ticker_stop(t);
	gor_sleep(8 * GOR_MS);
	ck_assert(!chan_try_recv(gor_ticker_chan(t), &now));
	gor_ticker_free(t);
	gor_ticker_free(NULL);
}
END_TEST

START_TEST(a_slow_reader_misses_ticks)
{
	gor_ticker *t;

	WITH_PROCS();
	t = gor_ticker_new(GOR_MS);
	gor_sleep(20 * GOR_MS);
	ck_assert_uint_eq(chan_len(gor_ticker_chan(t)), 1);
	gor_ticker_free(t);
}
END_TEST

START_TEST(reset_changes_the_period)
{
	int64_t start, now;
	gor_ticker *t;

	WITH_PROCS();
	t = gor_ticker_new(GOR_MINUTE);
	start = gor_now();
	gor_ticker_reset(t, 3 * GOR_MS);
	ck_assert(chan_recv(gor_ticker_chan(t), &now));
	ck_assert_int_ge(now, start + 3 * GOR_MS);
	ck_assert(chan_recv(gor_ticker_chan(t), &now));
	ck_assert_int_ge(now, start + 6 * GOR_MS);
	gor_ticker_free(t);
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------------------------ */

static void reset_and_stop(gor_timer *t, int seed)
{
	for (int i = 0; i < 300; i++) {
		if ((i + seed) % 3)
			gor_timer_reset(t, (i * 13 + seed) % 40 * GOR_US);
		else
			gor_timer_stop(t);
		if (i % 8 == 0)
			gor_sleep(20 * GOR_US);
		chan_try_recv(gor_timer_chan(t), NULL);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(stop_and_reset_may_race_with_firing)
{
	gor_timer *t;

	WITH_PROCS();
	t = gor_timer_new(10 * GOR_US);
	gor_waitgroup_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go(reset_and_stop, t, i);
	gor_waitgroup_wait(&wg);
	gor_timer_free(t);
}
END_TEST

static void wait_for_time(int ms)
{
	gor_timer *t = gor_timer_new(ms * GOR_MS);

	chan_recv(gor_timer_chan(t), NULL);
	gor_timer_free(t);
	gor_waitgroup_done(&wg);
}

START_TEST(ten_thousand_timers_fire)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 10000);
	for (int i = 0; i < 10000; i++)
		go(wait_for_time, i % 50);
	gor_waitgroup_wait(&wg);
}
END_TEST

static void die_with_zero_period(void)
{
	gor_ticker_new(0);
}

static void die_resetting_to_nothing(void)
{
	gor_ticker_reset(gor_ticker_new(1), -1);
}

START_TEST(misuse_panics)
{
	WITH_PROCS();
	expect_death(die_with_zero_period, "panic: non-positive interval for NewTicker");
	expect_death(die_resetting_to_nothing, "panic: non-positive interval for Ticker.Reset");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, after_sends_the_time_once);
	ADD(tc, a_channel_of_after_may_be_freed_before_its_time);
	ADD(tc, a_negative_duration_fires_now);
	ADD(tc, stop_keeps_it_from_firing);
	ADD(tc, stop_after_the_time_was_received_returns_false);
	ADD(tc, no_old_time_is_received_after_stop_or_reset);
	ADD(tc, its_channel_works_in_a_select);
	ADD(tc, after_func_calls_with_the_arguments_given_then);
	ADD(tc, after_func_is_kept_from_its_call_by_stop);
	ADD(tc, many_after_funcs_are_called);
	ADD(tc, after_func_leaves_deferred_calls_alone);
	ADD(tc, a_ticker_ticks_until_it_is_stopped);
	ADD(tc, a_slow_reader_misses_ticks);
	ADD(tc, reset_changes_the_period);
	ADD(tc, stop_and_reset_may_race_with_firing);
	ADD(tc, ten_thousand_timers_fire);
	ADD(tc, misuse_panics);
}

int main(void)
{
	return run_suite("ticker", add_tests);
}
