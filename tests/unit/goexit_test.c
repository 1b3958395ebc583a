/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_goexit: deferred calls, and panics among them.
 *
 * How: see panic_test.h.
 */
#include "panic_test.h"

static void leave(void)
{
	gor_goexit();
}

static void goexit_plainly(chan(int) c)
{
	defer(say, c);
	defer(note, "2");
	defer(expect_nothing);
	defer(note, "1");
	leave();
	note("never");
}

START_TEST(goexit_makes_deferred_calls_and_cannot_be_recovered)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	go(goexit_plainly, c);
	chan_recv(c, NULL);
	settle();
	EXPECT_TRACE("1-2");
	ck_assert_int_eq(gor_num_goroutine(), 1);
}
END_TEST

static void goexit_in_a_panic(chan(int) c)
{
	defer(say, c);
	defer(expect_nothing);
	defer(leave);
	panic("lost");
}

START_TEST(goexit_in_a_deferred_function_ends_the_panic)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	go(goexit_in_a_panic, c);
	chan_recv(c, NULL);
	settle();
	EXPECT_TRACE("-");
}
END_TEST

static void panic_in_goexit(chan(int) c)
{
	defer(say, c);
	defer(note, "z");
	defer(catch_it);
	defer(throw_it, "in goexit");
	defer(note, "a");
	leave();
	note("never");
}

START_TEST(a_recovered_panic_does_not_stop_goexit)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	go(panic_in_goexit, c);
	chan_recv(c, NULL);
	settle();
	EXPECT_TRACE("a<in goexit>z");
}
END_TEST

static void two_panics_in_goexit(chan(int) c)
{
	defer(say, c);
	defer(catch_it);
	defer(throw_it, "fourth");
	defer(catch_it);
	defer(replace);
	defer(throw_it, "first");
	leave();
	note("never");
}

START_TEST(goexit_goes_on_after_each_recovered_panic)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	go(two_panics_in_goexit, c);
	chan_recv(c, NULL);
	settle();
	EXPECT_TRACE("<second><fourth>");
}
END_TEST

static void panic_inside_goexits_call(chan(int) c)
{
	defer(say, c);
	defer(note, "z");
	defer(panic_and_recover_inside);
	leave();
}

START_TEST(a_panic_recovered_inside_goexits_call_changes_nothing)
{
	chan(int) c = chan_make(int, 0);

	go(panic_inside_goexits_call, c);
	chan_recv(c, NULL);
	settle();
	EXPECT_TRACE("x<always>yz");
}
END_TEST

static void goexit_in_goexit(chan(int) c)
{
	defer(say, c);
	defer(note, "z");
	defer(leave);
	defer(note, "a");
	leave();
}

START_TEST(goexit_in_goexit_goes_on_with_the_rest)
{
	chan(int) c = chan_make(int, 0);

	go(goexit_in_goexit, c);
	chan_recv(c, NULL);
	settle();
	EXPECT_TRACE("az");
}
END_TEST

static void finish_main_like(void)
{
	fprintf(stderr, "other goroutine\n");
}

static void goexit_in_main(void)
{
	go(finish_main_like);
	leave();
}

START_TEST(goexit_in_main_lets_others_go_on_and_then_is_a_deadlock)
{
	expect_exit(goexit_in_main, 2,
		    "other goroutine\nfatal error: no goroutines (main called runtime.Goexit) - deadlock!\n");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, goexit_makes_deferred_calls_and_cannot_be_recovered);
	ADD(tc, goexit_in_a_deferred_function_ends_the_panic);
	ADD(tc, a_recovered_panic_does_not_stop_goexit);
	ADD(tc, goexit_goes_on_after_each_recovered_panic);
	ADD_ONCE(tc, a_panic_recovered_inside_goexits_call_changes_nothing);
	ADD_ONCE(tc, goexit_in_goexit_goes_on_with_the_rest);
	ADD_ONCE(tc, goexit_in_main_lets_others_go_on_and_then_is_a_deadlock);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "goexit", add_tests, NULL);
}
