/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_errgroup: first error, context, limit, misuse.
 */
#include <errno.h>

#include "sync_test.h"

static gor_errgroup eg;
static int ran, active, most; /* atomic */

static int succeed(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int fail_after(void *arg)
{
	gor_sleep((int64_t)(intptr_t)arg * GOR_MS);
	return (int)(intptr_t)arg;
}

START_TEST(wait_returns_zero_if_nothing_failed)
{
	WITH_PROCS();
	for (int i = 0; i < 100; i++)
		gor_errgroup_go(&eg, succeed, NULL);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 0);
	ck_assert_int_eq(ran, 100);
	ck_assert_ptr_null(gor_errgroup_text(&eg));
}
END_TEST

START_TEST(wait_returns_the_first_error)
{
	WITH_PROCS();
	gor_errgroup_go(&eg, fail_after, (void *)60);
	gor_errgroup_go(&eg, succeed, NULL);
	gor_errgroup_go(&eg, fail_after, (void *)3);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 3);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 3);
}
END_TEST

static int fail_with_text(void *arg)
{
	return gor_errgroup_fail(arg, EIO, "disk gone");
}

START_TEST(an_error_may_have_a_text)
{
	WITH_PROCS();
	ck_assert_int_eq(gor_errgroup_fail(&eg, 0, "fine"), 0);
	gor_errgroup_go(&eg, fail_with_text, &eg);
	ck_assert_int_eq(gor_errgroup_wait(&eg), EIO);
	ck_assert_str_eq(gor_errgroup_text(&eg), "disk gone");
}
END_TEST

static int wait_for_cancel(void *arg)
{
	chan_recv(gor_ctx_done(arg), NULL);
	return ECANCELED;
}

START_TEST(the_first_error_cancels_the_context)
{
	gor_context *ctx = gor_errgroup_with_context(&eg, gor_ctx_background());

	WITH_PROCS();
	for (int i = 0; i < 10; i++)
		gor_errgroup_go(&eg, wait_for_cancel, ctx);
	gor_errgroup_go(&eg, fail_after, (void *)2);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 2);
	ck_assert_ptr_eq(gor_ctx_err(ctx), gor_ctx_canceled);
	gor_ctx_free(ctx);
}
END_TEST

START_TEST(wait_cancels_the_context)
{
	gor_context *ctx = gor_errgroup_with_context(&eg, gor_ctx_background());

	WITH_PROCS();
	gor_errgroup_go(&eg, succeed, NULL);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 0);
	ck_assert_ptr_eq(gor_ctx_err(ctx), gor_ctx_canceled);
	gor_ctx_free(ctx);
}
END_TEST

static int count_active(void *arg)
{
	int now = __atomic_add_fetch(&active, 1, __ATOMIC_SEQ_CST);

	(void)arg;
	if (now > __atomic_load_n(&most, __ATOMIC_SEQ_CST))
		__atomic_store_n(&most, now, __ATOMIC_SEQ_CST);
	gor_yield();
	__atomic_sub_fetch(&active, 1, __ATOMIC_SEQ_CST);
	return 0;
}

START_TEST(the_limit_holds)
{
	WITH_PROCS();
	gor_errgroup_set_limit(&eg, 3);
	for (int i = 0; i < 200; i++)
		gor_errgroup_go(&eg, count_active, NULL);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 0);
	ck_assert_int_le(most, 3);
	gor_errgroup_set_limit(&eg, -1);
	gor_errgroup_go(&eg, succeed, NULL);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 0);
}
END_TEST

START_TEST(try_go_does_not_wait)
{
	WITH_PROCS();
	gor_errgroup_set_limit(&eg, 1);
	ck_assert(gor_errgroup_try_go(&eg, fail_after, (void *)5));
	ck_assert(!gor_errgroup_try_go(&eg, succeed, NULL));
	ck_assert_int_eq(gor_errgroup_wait(&eg), 5);
	ck_assert(gor_errgroup_try_go(&eg, succeed, NULL));
	ck_assert_int_eq(gor_errgroup_wait(&eg), 5);
}
END_TEST

static int end_goroutine(void *arg)
{
	(void)arg;
	gor_goexit();
}

START_TEST(a_function_that_ends_its_goroutine_is_done)
{
	WITH_PROCS();
	gor_errgroup_set_limit(&eg, 1);
	gor_errgroup_go(&eg, end_goroutine, NULL);
	gor_errgroup_go(&eg, succeed, NULL);
	ck_assert_int_eq(gor_errgroup_wait(&eg), 0);
	ck_assert_int_eq(ran, 1);
}
END_TEST

static void die_changing_the_limit(void)
{
	gor_errgroup_set_limit(&eg, 2);
	gor_errgroup_go(&eg, fail_after, (void *)100);
	gor_errgroup_set_limit(&eg, 3);
}

START_TEST(misuse_panics)
{
	WITH_PROCS();
	expect_death(die_changing_the_limit,
		     "panic: errgroup: modify limit while goroutines in the group are still active");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, wait_returns_zero_if_nothing_failed);
	ADD(tc, wait_returns_the_first_error);
	ADD(tc, an_error_may_have_a_text);
	ADD(tc, the_first_error_cancels_the_context);
	ADD(tc, wait_cancels_the_context);
	ADD(tc, the_limit_holds);
	ADD(tc, try_go_does_not_wait);
	ADD(tc, a_function_that_ends_its_goroutine_is_done);
	ADD(tc, misuse_panics);
}

int main(void)
{
	return run_suite("errgroup", add_tests);
}
