/* SPDX-License-Identifier: MIT */
/*
 * What: tests of panic and recover: who recovers what, in which order deferred calls are made, and what goes on
 * afterwards.
 *
 * How: see panic_test.h.
 */
#include "panic_test.h"

#include <pthread.h>
#include <setjmp.h>

/* ---- the basics ------------------------------------------------------------------------------------------------ */

START_TEST(a_deferred_function_recovers)
{
	WITH_PROCS();
	recover_simply();
	note("!");
	EXPECT_TRACE("a<p1>z!");
	rest_must_be_clean();
}
END_TEST

static int go_deep(int n)
{
	volatile char frame[100];

	frame[0] = (char)n;
	if (n == 0)
		throw_it("deep");
	return n < 0 ? 0 : go_deep(n - 1) + frame[0];
}

static int recover_deep(int n)
{
	defer(catch_it);
	return go_deep(n) + 1;
}

START_TEST(many_frames_may_be_left_at_once)
{
	WITH_PROCS();
	recover_deep(500);
	EXPECT_TRACE("<deep>");
	rest_must_be_clean();
}
END_TEST

START_TEST(recover_without_a_panic_returns_nil)
{
	ck_assert_ptr_null(recover().type);
	{
		defer(expect_nothing);
	}
	EXPECT_TRACE("-");
}
END_TEST

GOR_RECOVERS static int return_int(bool bad)
{
	defer(catch_it);
	if (bad)
		throw_it("int");
	return 7;
}

GOR_RECOVERS static double return_double(bool bad)
{
	defer(catch_it);
	if (bad)
		throw_it("double");
	return 2.5;
}

GOR_RECOVERS static const char *return_pointer(bool bad)
{
	defer(catch_it);
	if (bad)
		throw_it("pointer");
	return "text";
}

GOR_RECOVERS static gor_string return_two_words(bool bad)
{
	defer(catch_it);
	if (bad)
		throw_it("two");
	return gor_str("words");
}

struct in_memory {
	long v[5];
};

GOR_RECOVERS static struct in_memory return_in_memory(bool bad)
{
	defer(catch_it);
	if (bad)
		throw_it("memory");
	return (struct in_memory){{1, 2, 3, 4, 5}};
}

GOR_RECOVERS static long double return_long_double(bool bad)
{
	defer(catch_it);
	if (bad)
		throw_it("long double");
	return 1;
}

START_TEST(the_function_that_deferred_returns_zero)
{
	WITH_PROCS();
	for (int bad = 0; bad < 2; bad++) {
		struct in_memory m;

		ck_assert_int_eq(return_int(bad), bad ? 0 : 7);
		ck_assert(return_double(bad) == (bad ? 0 : 2.5));
		ck_assert_ptr_eq(return_pointer(bad), bad ? NULL : return_pointer(false));
		ck_assert_uint_eq(return_two_words(bad).len, bad ? 0 : 5);
		m = return_in_memory(bad);
		ck_assert(bad || m.v[4] == 5);
		ck_assert(bad || return_long_double(bad) == 1);
		if (bad)
			(void)return_long_double(true);
	}
	trace[0] = 0;
}
END_TEST

/* The caller's own values in registers and memory, across a recovered panic. */
static __attribute__((noinline)) long mix(long a, long b, long c, long d, long e, long f, double x)
{
	long local[16];
	double y = x * 3;

	for (int i = 0; i < 16; i++)
		local[i] = a * i + b;
	for (int i = 0; i < 50; i++) {
		return_int(true);
		a += c ^ i;
		b += d;
		y += x;
		local[i & 15] += e;
	}
	for (int i = 0; i < 16; i++)
		a += local[i];
	return a + b + c + d + e + f + (long)(y * 8);
}

static __attribute__((noinline)) long mix_quietly(long a, long b, long c, long d, long e, long f, double x)
{
	long local[16];
	double y = x * 3;

	for (int i = 0; i < 16; i++)
		local[i] = a * i + b;
	for (int i = 0; i < 50; i++) {
		return_int(false);
		a += c ^ i;
		b += d;
		y += x;
		local[i & 15] += e;
	}
	for (int i = 0; i < 16; i++)
		a += local[i];
	return a + b + c + d + e + f + (long)(y * 8);
}

START_TEST(the_callers_registers_and_variables_survive)
{
	WITH_PROCS();
	ck_assert_int_eq(mix(1, 2, 3, 4, 5, 6, 1.25), mix_quietly(1, 2, 3, 4, 5, 6, 1.25));
	trace[0] = 0;
}
END_TEST

/* Like panic_always: would never return, seen by a compiler that knows nothing of recover. */
static void loop_for_ever(int *turns)
{
	defer(catch_it);
	for (;;)
		if (++*turns % 10 == 0)
			throw_it("loop");
}

static int exit_or_recover(void)
{
	defer(catch_it);
	throw_it("exit");
	exit(77);
}

START_TEST(a_function_that_never_returns_otherwise_does_when_it_recovers)
{
	int turns = 0;

	panic_always();
	note("1");
	loop_for_ever(&turns);
	note("2");
	loop_for_ever(&turns);
	note("3");
	exit_or_recover();
	note("4");
	EXPECT_TRACE("<always>1<loop>2<loop>3<exit>4");
	ck_assert_int_eq(turns, 20);
}
END_TEST

static inline __attribute__((always_inline)) void helper_that_panics(void)
{
	panic("inlined");
}

static inline int small_inline(int v)
{
	defer(catch_it);
	if (v)
		helper_that_panics();
	return v + 1;
}

START_TEST(an_inline_function_recovers_for_itself_only)
{
	note("1");
	small_inline(1);
	note("2");
	small_inline(0);
	note("3");
	EXPECT_TRACE("1<inlined>2<nil>3");
}
END_TEST

static void loop_with_blocks(void)
{
	defer(note, "f");
	for (int i = 0; i < 3; i++) {
		defer(note, "b");
		{
			defer(catch_it);
			defer(note, "c");
			if (i == 1)
				panic("second turn");
		}
	}
	note("never");
}

START_TEST(a_recover_leaves_the_function_not_the_block)
{
	loop_with_blocks();
	EXPECT_TRACE("c<nil>bc<second turn>bf");
	rest_must_be_clean();
}
END_TEST

/* ---- who may recover ------------------------------------------------------------------------------------------------ */

static __attribute__((noinline)) void call_recover(void)
{
	expect_nothing();
	note("h");
}

static void indirectly(int depth)
{
	if (depth > 0)
		indirectly(depth - 1);
	else
		call_recover();
	note("i");
}

static void defer_a_recover(void)
{
	{
		defer(expect_nothing); /* called by a function that returns, within a panic */
	}
	note("d");
}

static void two_deep(void)
{
	defer(defer_a_recover);
	note("t");
}

static void only_direct_calls_count(void)
{
	defer(expect_nothing);
	defer(catch_it);
	defer(two_deep);
	defer(defer_a_recover);
	defer(indirectly, 2);
	defer(call_recover);
	panic("direct");
}

START_TEST(only_what_was_deferred_itself_can_recover)
{
	WITH_PROCS();
	only_direct_calls_count();
	EXPECT_TRACE("-h-hiii-dt-d<direct>-");
	rest_must_be_clean();
}
END_TEST

static inline gor_any inlined_helper(void)
{
	return recover();
}

static void use_inlined_helper(void)
{
	note(inlined_helper().type ? "wrong" : "ok");
	note(".");
}

static void try_inlined_helper(void)
{
	defer(catch_it);
	defer(use_inlined_helper);
	panic("helper");
}

START_TEST(an_inline_helper_that_recovers_does_not_count_either)
{
	try_inlined_helper();
	EXPECT_TRACE("ok.<helper>");
}
END_TEST

static void recover_twice(void)
{
	note_value(recover());
	note_value(recover());
}

static void try_recover_twice(void)
{
	defer(recover_twice);
	panic("once");
}

START_TEST(a_panic_is_recovered_once)
{
	try_recover_twice();
	EXPECT_TRACE("<once><nil>");
}
END_TEST

static void take_arguments(int a, double d, struct in_memory m, const char *s)
{
	REQUIRE(a == 1 && d == 2.5 && m.v[4] == 5 && !strcmp(s, "four"));
	note_value(recover());
}

static void try_arguments(void)
{
	defer(take_arguments, 1, 2.5, (struct in_memory){{1, 2, 3, 4, 5}}, "four");
	panic("arguments");
}

START_TEST(a_function_with_arguments_on_the_stack_may_recover)
{
	WITH_PROCS();
	try_arguments();
	EXPECT_TRACE("<arguments>");
}
END_TEST

static void with_overaligned_frame(void)
{
	_Alignas(64) volatile char room[128];

	room[0] = 1;
	REQUIRE((uintptr_t)room % 64 == 0);
	note_value(recover());
}

static int defer_in_overaligned_frame(int n)
{
	_Alignas(64) volatile char room[128];
	volatile char *vla = __builtin_alloca((size_t)n * 8); /* as a variable-length array would be */

	defer(with_overaligned_frame);
	room[1] = vla[0] = 1;
	REQUIRE((uintptr_t)room % 64 == 0);
	throw_it("aligned");
	return room[1];
}

START_TEST(overaligned_frames_and_arrays_of_variable_length_do_not_matter)
{
	for (int n = 1; n < 12; n++) {
		defer_in_overaligned_frame(n);
		EXPECT_TRACE("<aligned>");
	}
	rest_must_be_clean();
}
END_TEST

/* ---- panics in deferred functions ----------------------------------------------------------------------------------- */

static void panic_is_replaced(void)
{
	defer(catch_it);
	defer(replace);
	panic("first");
}

START_TEST(a_panic_in_a_deferred_function_replaces_the_first)
{
	WITH_PROCS();
	panic_is_replaced();
	EXPECT_TRACE("<second>");
	rest_must_be_clean();
}
END_TEST

static void inner_panic_is_recovered_inside(void)
{
	defer(catch_it);
	defer(panic_and_recover_inside);
	panic("outer");
}

START_TEST(a_panic_recovered_inside_a_deferred_function_leaves_the_first_alone)
{
	WITH_PROCS();
	inner_panic_is_recovered_inside();
	EXPECT_TRACE("x<always>y<outer>");
	rest_must_be_clean();
}
END_TEST

static void chain(int n)
{
	note(".");
	if (n == 0)
		throw_it("last of the chain");
	defer(chain, n - 1);
	panic("chain %d", n);
}

static void chain_of_panics(void)
{
	defer(catch_it);
	chain(5);
}

START_TEST(a_chain_of_panics_ends_with_the_last)
{
	chain_of_panics();
	EXPECT_TRACE("......<last of the chain>");
	rest_must_be_clean();
}
END_TEST

static void panic_again(void)
{
	defer(catch_it);
	defer(recover_and_panic);
	panic("once");
}

START_TEST(a_deferred_function_may_recover_and_panic_anew)
{
	panic_again();
	EXPECT_TRACE("<once><again>");
	rest_must_be_clean();
}
END_TEST

static void panic_on_normal_exit(void)
{
	defer(catch_it);
	{
		defer(throw_it, "at the end");
		note("e");
	}
	note("never");
}

START_TEST(a_panic_in_a_call_deferred_by_a_returning_function_can_be_recovered)
{
	panic_on_normal_exit();
	EXPECT_TRACE("e<at the end>");
	rest_must_be_clean();
}
END_TEST

static void rest_panics(void)
{
	defer(catch_it);
	{
		defer(throw_it, "in the rest");
		defer(catch_it);
		panic("first");
	}
}

static void rest_is_called(void)
{
	defer(note, "1");
	defer(note, "2");
	defer(catch_it);
	defer(note, "3");
	panic("x");
}

START_TEST(the_rest_of_the_functions_calls_are_made_after_a_recover)
{
	rest_is_called();
	EXPECT_TRACE("3<x>21");
	rest_panics();
	EXPECT_TRACE("<first><in the rest>");
	rest_must_be_clean();
}
END_TEST

static void nested_leave(int depth)
{
	defer(expect_nothing);
	if (depth > 0)
		nested_leave(depth - 1);
	else
		recover_simply();
}

static void nested_then_recover(void)
{
	nested_leave(3);
	note_value(recover());
}

static void nested_in_a_panic(void)
{
	defer(nested_then_recover);
	panic("nested");
}

START_TEST(calls_nested_in_a_deferred_call_keep_apart)
{
	WITH_PROCS();
	nested_in_a_panic();
	EXPECT_TRACE("a<p1>z----<nested>");
	rest_must_be_clean();
}
END_TEST

static void park_then_recover(chan(int) c)
{
	int v;

	chan_recv(c, &v);
	gor_sleep(GOR_MS);
	note_value(recover());
}

static void panic_with_parks(chan(int) c)
{
	defer(park_then_recover, c);
	panic("parked");
}

START_TEST(deferred_functions_may_park_while_panicking)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	go(say, c);
	panic_with_parks(c);
	EXPECT_TRACE("<parked>");
	rest_must_be_clean();
}
END_TEST

static void quiet(void)
{
	recover();
}

GOR_RECOVERS static int quietly(int i)
{
	defer(quiet);
	if (i & 1)
		panic("number %d", i);
	return 1;
}

static void many_quiet_panics(chan(int) c, int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		sum += quietly(i);
		if (i % 7 == 0)
			gor_yield();
	}
	chan_send(c, sum);
}

START_TEST(goroutines_panic_and_recover_at_the_same_time)
{
	enum { N = 50, TURNS = 100 };
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	int sum = 0, v;

	for (int i = 0; i < N; i++)
		go(many_quiet_panics, c, TURNS);
	for (int i = 0; i < N; i++) {
		chan_recv(c, &v);
		sum += v;
	}
	ck_assert_int_eq(sum, N * TURNS / 2);
}
END_TEST

static void *panic_in_thread(void *arg)
{
	recover_simply();
	return arg;
}

START_TEST(a_foreign_thread_may_panic_and_recover)
{
	pthread_t t;

	ck_assert_int_eq(pthread_create(&t, NULL, panic_in_thread, NULL), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	EXPECT_TRACE("a<p1>z");
}
END_TEST

/* ---- longjmp ---------------------------------------------------------------------------------------------------------- */

static jmp_buf env;

static void jump_out(void)
{
	longjmp(env, 1);
}

static void jump_out_of_a_deferred_call(void)
{
	if (!setjmp(env)) {
		defer(jump_out);
		note("j");
	}
	note("k");
}

START_TEST(a_deferred_function_of_a_returning_block_may_longjmp)
{
	jump_out_of_a_deferred_call();
	EXPECT_TRACE("jk");
	recover_simply();
	EXPECT_TRACE("a<p1>z");
	rest_must_be_clean();
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, a_deferred_function_recovers);
	ADD(tc, many_frames_may_be_left_at_once);
	ADD_ONCE(tc, recover_without_a_panic_returns_nil);
	ADD(tc, the_function_that_deferred_returns_zero);
	ADD(tc, the_callers_registers_and_variables_survive);
	ADD_ONCE(tc, a_function_that_never_returns_otherwise_does_when_it_recovers);
	ADD_ONCE(tc, an_inline_function_recovers_for_itself_only);
	ADD_ONCE(tc, a_recover_leaves_the_function_not_the_block);
	ADD(tc, only_what_was_deferred_itself_can_recover);
	ADD_ONCE(tc, an_inline_helper_that_recovers_does_not_count_either);
	ADD_ONCE(tc, a_panic_is_recovered_once);
	ADD(tc, a_function_with_arguments_on_the_stack_may_recover);
	ADD_ONCE(tc, overaligned_frames_and_arrays_of_variable_length_do_not_matter);
	ADD(tc, a_panic_in_a_deferred_function_replaces_the_first);
	ADD(tc, a_panic_recovered_inside_a_deferred_function_leaves_the_first_alone);
	ADD_ONCE(tc, a_chain_of_panics_ends_with_the_last);
	ADD_ONCE(tc, a_deferred_function_may_recover_and_panic_anew);
	ADD_ONCE(tc, a_panic_in_a_call_deferred_by_a_returning_function_can_be_recovered);
	ADD_ONCE(tc, the_rest_of_the_functions_calls_are_made_after_a_recover);
	ADD(tc, calls_nested_in_a_deferred_call_keep_apart);
	ADD(tc, deferred_functions_may_park_while_panicking);
	ADD(tc, goroutines_panic_and_recover_at_the_same_time);
	ADD_ONCE(tc, a_foreign_thread_may_panic_and_recover);
	ADD_ONCE(tc, a_deferred_function_of_a_returning_block_may_longjmp);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "panic", add_tests, NULL);
}
