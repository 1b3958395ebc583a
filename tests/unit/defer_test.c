/* SPDX-License-Identifier: MIT */
/*
 * What: tests of defer without panics: when deferred calls are made, in which order, with which arguments,
 * and what longjmp leaves behind.
 *
 * How: each call appends a letter to `trace`.
 */
#include "sched_test.h"

#include <pthread.h>
#include <setjmp.h>

#include "abi/panic_abi.h"

static char trace[4096];

static void note(const char *text)
{
	strcat(trace, text);
}

static void note_char(char c)
{
	char text[2] = {c, 0};

	note(text);
}

#define EXPECT_TRACE(want)                                                                                   \
	do {                                                                                                 \
		ck_assert_str_eq(trace, want);                                                               \
		trace[0] = 0;                                                                                \
	} while (0)

/* ---- blocks -------------------------------------------------------------------------------------------------- */

START_TEST(deferred_calls_are_made_at_the_end_of_the_block_last_first)
{
	note("1");
	{
		defer(note, "c");
		defer(note, "b");
		defer(note, "a");
		note("2");
	}
	note("3");
	EXPECT_TRACE("12abc3");
}
END_TEST

static int leave_by_return(int which)
{
	defer(note, "z");
	for (;;) {
		defer(note, "y");
		if (which == 1)
			return which * 10;
		if (which == 2)
			break;
		goto out;
	}
	note("b");
	return 20;
out:
	note("g");
	return 30;
}

START_TEST(return_break_and_goto_make_deferred_calls)
{
	ck_assert_int_eq(leave_by_return(1), 10);
	EXPECT_TRACE("yz");
	ck_assert_int_eq(leave_by_return(2), 20);
	EXPECT_TRACE("ybz");
	ck_assert_int_eq(leave_by_return(3), 30);
	EXPECT_TRACE("ygz");
}
END_TEST

START_TEST(each_turn_of_a_loop_makes_its_own_calls)
{
	for (int i = 0; i < 4; i++) {
		defer(note_char, (char)('0' + i));
		if (i == 1)
			continue;
		note("-");
	}
	EXPECT_TRACE("-01-2-3");
}
END_TEST

static void add_to(int *to, int v)
{
	*to += v;
}

static int read_then_defer(int *v)
{
	defer(add_to, v, 100);
	return *v;
}

START_TEST(the_result_is_computed_before_deferred_calls)
{
	int v = 1;

	ck_assert_int_eq(read_then_defer(&v), 1);
	ck_assert_int_eq(v, 101);
}
END_TEST

static void check_int(int got, int want)
{
	REQUIRE(got == want);
	note("ok");
}

START_TEST(arguments_are_fixed_where_the_defer_stands)
{
	int v = 7;

	{
		defer(check_int, v, 7);
		v = 8;
		defer(check_int, v, 8);
		v = 9;
	}
	EXPECT_TRACE("okok");
}
END_TEST

struct large {
	int v[60];
};

static void check_large(struct large a, int x, struct large b)
{
	for (int i = 0; i < 60; i++)
		REQUIRE(a.v[i] == i && b.v[i] == 2 * i);
	REQUIRE(x == 5);
	note("L");
}

START_TEST(large_arguments_are_kept)
{
	struct large a, b;

	for (int i = 0; i < 60; i++) {
		a.v[i] = i;
		b.v[i] = 2 * i;
	}
	{
		defer(check_large, a, 5, b);
		memset(&a, 0, sizeof a);
		defer(note, "-");
	}
	EXPECT_TRACE("-L");
}
END_TEST

/* ---- functions ---------------------------------------------------------------------------------------------------- */

static void defer_more(int n)
{
	note_char((char)('0' + n));
	if (n == 0)
		return;
	defer(defer_more, n - 1);
	note("-");
}

START_TEST(a_deferred_function_may_defer)
{
	{
		defer(defer_more, 3);
	}
	EXPECT_TRACE("3-2-1-0");
}
END_TEST

static int depth, deepest;

static void leave_depth(int want)
{
	REQUIRE(depth == want);
	depth--;
}

static void recurse(int n)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	defer(leave_depth, depth);
	if (n > 1)
		recurse(n - 1);
}

START_TEST(recursion_keeps_every_call)
{
	recurse(1000);
	ck_assert_int_eq(depth, 0);
	ck_assert_int_eq(deepest, 1000);
}
END_TEST

static inline int tiny(int v)
{
	defer(note, "t");
	return v + 1;
}

START_TEST(an_inline_function_keeps_its_own_end)
{
	int v = tiny(1);

	note("-");
	v += tiny(v);
	ck_assert_int_eq(v, 5);
	EXPECT_TRACE("t-t");
}
END_TEST

START_TEST(the_list_is_empty_afterwards)
{
	ck_assert_ptr_null(gori_m()->curg->defers);
	{
		defer(note, "a");
		ck_assert_ptr_nonnull(gori_m()->curg->defers);
	}
	ck_assert_ptr_null(gori_m()->curg->defers);
	EXPECT_TRACE("a");
}
END_TEST

static void sleeper(chan(int) c, int n)
{
	gor_sleep(GOR_MS * (n % 3));
	chan_send(c, n);
}

static void with_defers(chan(int) c, int n)
{
	defer(sleeper, c, n);
	defer(sleeper, c, n + 1);
	gor_yield();
}

START_TEST(deferred_functions_may_park_and_move_between_threads)
{
	WITH_PROCS();
	enum { N = 100 };
	chan(int) c = chan_make(int, 0);
	long sum = 0;

	for (int i = 0; i < N; i++)
		go(with_defers, c, i);
	for (int i = 0; i < 2 * N; i++) {
		int v;

		chan_recv(c, &v);
		sum += v;
	}
	ck_assert_int_eq(sum, N * (N - 1) + N);
	chan_free(c);
}
END_TEST

static void *thread_with_defers(void *arg)
{
	defer(add_to, (int *)arg, 1);
	{
		defer(add_to, (int *)arg, 10);
	}
	return arg;
}

START_TEST(a_thread_that_never_called_the_runtime_may_defer)
{
	pthread_t t;
	int v = 0;

	ck_assert_int_eq(pthread_create(&t, NULL, thread_with_defers, &v), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_int_eq(v, 11);
}
END_TEST

/* ---- longjmp -------------------------------------------------------------------------------------------------------- */

static jmp_buf env;

static __attribute__((noinline)) void jump_over_defer(int n)
{
	defer(note, "never");
	if (n > 0)
		jump_over_defer(n - 1);
	longjmp(env, 1);
}

static __attribute__((noinline)) void overwrite_stack(char fill)
{
	volatile char dirt[8192];

	for (size_t i = 0; i < sizeof dirt; i++)
		dirt[i] = fill;
}

/* Jumps over records `times` times; with fill they are overwritten each time. */
static __attribute__((noinline)) void jump_and_go_on(int times, int fill)
{
	volatile int i = 0;

	defer(note, "b");
	while (i++ < times) {
		defer(note, "a");
		if (!setjmp(env))
			jump_over_defer(3);
		if (fill >= 0)
			overwrite_stack((char)fill);
		defer(note, "c");
	}
}

START_TEST(calls_that_longjmp_skips_are_dropped)
{
	jump_and_go_on(2, -1);
	EXPECT_TRACE("cacab");
	jump_and_go_on(2, 0);
	EXPECT_TRACE("cacab");
	jump_and_go_on(1, 0xff);
	EXPECT_TRACE("cab");
	ck_assert_ptr_null(gori_m()->curg->defers);
}
END_TEST

/* The same block is left by longjmp and entered again: its record is linked twice. */
static __attribute__((noinline)) void jump_within(void)
{
	volatile int turns = 0;

	defer(note, "o");
	setjmp(env);
	if (turns++ < 3) {
		defer(note, "i");
		defer(note, "j");
		if (turns < 3)
			longjmp(env, 1);
	}
}

START_TEST(a_block_may_be_left_by_longjmp_and_entered_again)
{
	jump_within();
	EXPECT_TRACE("jio");
	ck_assert_ptr_null(gori_m()->curg->defers);
}
END_TEST

static void recover_it(void)
{
	note(recover().type ? "r" : "?");
}

static __attribute__((noinline)) void panic_after_jump(int fill)
{
	defer(note, "x");
	defer(recover_it);
	defer(note, "y");
	if (!setjmp(env))
		jump_over_defer(2);
	if (fill >= 0)
		overwrite_stack((char)fill);
	{
		defer(note, "z");
		panic("after longjmp");
	}
}

START_TEST(a_panic_after_longjmp_finds_the_calls_that_are_left)
{
	panic_after_jump(-1);
	EXPECT_TRACE("zyrx");
	panic_after_jump(0);
	EXPECT_TRACE("zyrx");
	panic_after_jump(0x5a);
	EXPECT_TRACE("zyrx");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD_ONCE(tc, deferred_calls_are_made_at_the_end_of_the_block_last_first);
	ADD_ONCE(tc, return_break_and_goto_make_deferred_calls);
	ADD_ONCE(tc, each_turn_of_a_loop_makes_its_own_calls);
	ADD_ONCE(tc, the_result_is_computed_before_deferred_calls);
	ADD_ONCE(tc, arguments_are_fixed_where_the_defer_stands);
	ADD_ONCE(tc, large_arguments_are_kept);
	ADD_ONCE(tc, a_deferred_function_may_defer);
	ADD_ONCE(tc, recursion_keeps_every_call);
	ADD_ONCE(tc, an_inline_function_keeps_its_own_end);
	ADD_ONCE(tc, the_list_is_empty_afterwards);
	ADD(tc, deferred_functions_may_park_and_move_between_threads);
	ADD_ONCE(tc, a_thread_that_never_called_the_runtime_may_defer);
	ADD_ONCE(tc, calls_that_longjmp_skips_are_dropped);
	ADD_ONCE(tc, a_block_may_be_left_by_longjmp_and_entered_again);
	ADD_ONCE(tc, a_panic_after_longjmp_finds_the_calls_that_are_left);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "defer", add_tests, NULL);
}
