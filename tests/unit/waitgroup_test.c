/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_waitgroup: counting, waking, reuse, misuse, what a dump can read.
 */
#include "sync_test.h"

static gor_waitgroup wg;
static int finished; /* atomic */
static int returned; /* waits that have returned; atomic */

static void work(void)
{
	gor_yield();
	__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
	gor_waitgroup_done(&wg);
}

static void wait_for_it(void)
{
	gor_waitgroup_wait(&wg);
	__atomic_add_fetch(&returned, 1, __ATOMIC_SEQ_CST);
}

START_TEST(wait_returns_when_all_are_done)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 1000);
	for (int i = 0; i < 1000; i++)
		go(work);
	gor_waitgroup_wait(&wg);
	ck_assert_int_eq(finished, 1000);
	ck_assert_uint_eq(wg.word, 0);
}
END_TEST

START_TEST(wait_on_the_zero_value_returns_at_once)
{
	WITH_PROCS();
	gor_waitgroup_wait(&wg);
	gor_waitgroup_add(&wg, 0);
	gor_waitgroup_wait(&wg);
}
END_TEST

START_TEST(all_waiters_are_woken)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 2);
	for (int i = 0; i < 50; i++)
		go(wait_for_it);
	settle();
	ck_assert_uint_eq((uint32_t)wg.word, 50);
	gor_waitgroup_done(&wg);
	settle();
	ck_assert_int_eq(returned, 0);
	gor_waitgroup_done(&wg);
	settle();
	ck_assert_int_eq(returned, 50);
	ck_assert_uint_eq(wg.word, 0);
}
END_TEST

START_TEST(may_be_used_again_after_wait)
{
	WITH_PROCS();
	for (int i = 1; i <= 300; i++) {
		gor_waitgroup_add(&wg, 3);
		for (int k = 0; k < 3; k++)
			go(work);
		gor_waitgroup_wait(&wg);
		ck_assert_int_eq(finished, 3 * i);
	}
}
END_TEST

static void done_on_stack(gor_waitgroup *on_stack)
{
	gor_waitgroup_done(on_stack);
}

static void __attribute__((noinline)) one_round(void)
{
	gor_waitgroup on_stack = {0};

	gor_waitgroup_add(&on_stack, 2);
	go(done_on_stack, &on_stack);
	go(done_on_stack, &on_stack);
	gor_waitgroup_wait(&on_stack);
	memset(&on_stack, 0xa5, sizeof on_stack);
	__asm__ volatile("" : : "r"(&on_stack) : "memory");
}

START_TEST(nobody_touches_it_after_wait_has_returned)
{
	WITH_PROCS();
	for (int i = 0; i < 20000; i++)
		one_round();
}
END_TEST

START_TEST(a_dump_can_read_who_counted_and_who_waits)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 2);
	ck_assert_int_eq(wg.last_adder, gor_goid());
	ck_assert_ptr_nonnull(wg.pc);
	gor_waitgroup_done(&wg);
	ck_assert_int_eq(wg.last_doner, gor_goid());
	go(wait_for_it);
	settle();
	ck_assert_int_eq((int32_t)(wg.word >> GORI_WG_SHIFT), 1);
	ck_assert_ptr_eq(wg.waiters.first->obj, &wg);
	ck_assert_int_eq(wg.waiters.first->g->wait, GORI_WAIT_WAITGROUP_WAIT);
	gor_waitgroup_done(&wg);
	settle();
	ck_assert_int_eq(returned, 1);
}
END_TEST

static void die_below_zero(void)
{
	gor_waitgroup_add(&wg, 1);
	gor_waitgroup_done(&wg);
	gor_waitgroup_done(&wg);
}

static void wait_and_add(void)
{
	gor_waitgroup_wait(&wg);
	gor_waitgroup_add(&wg, 1);
}

/* The first that returns from wait uses the group again while the others are on their way. */
static void die_reusing_too_early(void)
{
	gor_maxprocs(1);
	gor_waitgroup_add(&wg, 1);
	for (int i = 0; i < 50; i++)
		go(wait_and_add);
	settle();
	gor_waitgroup_done(&wg);
	settle();
}

START_TEST(misuse_panics)
{
	WITH_PROCS();
	expect_death(die_below_zero, "panic: sync: negative WaitGroup counter");
	expect_death(die_reusing_too_early,
		     "panic: sync: WaitGroup is reused before previous Wait has returned");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, wait_returns_when_all_are_done);
	ADD(tc, wait_on_the_zero_value_returns_at_once);
	ADD(tc, all_waiters_are_woken);
	ADD(tc, may_be_used_again_after_wait);
	ADD(tc, nobody_touches_it_after_wait_has_returned);
	ADD(tc, a_dump_can_read_who_counted_and_who_waits);
	ADD(tc, misuse_panics);
}

int main(void)
{
	return run_suite("waitgroup", add_tests);
}
