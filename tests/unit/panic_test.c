/* SPDX-License-Identifier: MIT */
/*
 * What: tests of panic, recover and gor_goexit: who recovers what, in which order deferred calls are made,
 * what goes on afterwards, and what is printed when nobody recovers.
 *
 * How: each call appends to `trace`; what must end the process is run in a child, whose stderr is compared.
 */
#include "sched_test.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "abi/panic_abi.h"

/* Under AddressSanitizer faults are its own, and so is their report. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HAVE_FAULTS 0
#else
#define HAVE_FAULTS 1
#endif

static char trace[4096];

static void note(const char *text)
{
	strcat(trace, text);
}

#define EXPECT_TRACE(want)                                                                                   \
	do {                                                                                                 \
		ck_assert_str_eq(trace, want);                                                               \
		trace[0] = 0;                                                                                \
	} while (0)

static void note_value(gor_any v)
{
	gor_string s = gor_any_string(v);
	char buf[512];

	snprintf(buf, sizeof buf, "<%.*s>", GOR_STRING_ARGS(s));
	note(buf);
	gor_string_free(s);
}

/* Recovers and says what. */
static void catch_it(void)
{
	note_value(recover());
}

/* Fails unless there is nothing to recover. */
static void expect_nothing(void)
{
	REQUIRE(!recover().type);
	note("-");
}

static void rest_must_be_clean(void)
{
	ck_assert_ptr_null(gori_m()->curg->panics);
	ck_assert_ptr_null(gori_m()->curg->defers);
}

static void throw_it(const char *what)
{
	panic("%s", what);
}

/* ---- the basics ------------------------------------------------------------------------------------------------ */

static void recover_simply(void)
{
	defer(note, "z");
	defer(catch_it);
	defer(note, "a");
	panic("p%d", 1);
}

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
}
END_TEST

/* Would never return, seen by a compiler that knows nothing of recover. */
static void panic_always(void)
{
	defer(catch_it);
	panic("always");
}

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
	volatile char vla[n * 8];

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

static void replace(void)
{
	panic("second");
}

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

static void panic_and_recover_inside(void)
{
	{
		defer(note, "x");
	}
	panic_always();
	note("y");
}

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

static void recover_and_panic(void)
{
	note_value(recover());
	panic("again");
}

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

static void say(chan(int) c)
{
	chan_send(c, 1);
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

/* ---- values -------------------------------------------------------------------------------------------------------- */

static gor_any caught;

static void keep(void)
{
	caught = recover();
}

static void keep_panic(const char *text)
{
	defer(keep);
	panic("%s", text);
}

static void keep_any(gor_any v)
{
	defer(keep);
	panic_any(v);
}

START_TEST(the_text_of_a_panic_outlives_it)
{
	char expected[2000];
	gor_any kept[4];
	gor_string s;

	memset(expected, 'x', sizeof expected);
	for (int i = 0; i < 4; i++) {
		expected[0] = (char)('0' + i);
		expected[i == 3 ? 1999 : 10 * (i + 1)] = 0;
		keep_panic(expected);
		kept[i] = caught;
		expected[10 * (i + 1)] = 'x';
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_ptr_eq(kept[i].type, &gor_type_string);
		ck_assert(gor_any_as(kept[i], gor_string, &s));
		ck_assert_uint_eq(s.len, i == 3 ? 1999 : 10 * (i + 1));
		ck_assert_int_eq(s.ptr[0], '0' + i);
		ck_assert_int_eq(s.ptr[s.len - 1], 'x');
	}
}
END_TEST

typedef struct {
	int x, y;
	char name[40];
} shape;
GOR_TYPE_DEFINE(shape);

START_TEST(any_value_can_be_thrown)
{
	shape in = {3, 4, "square"}, out;
	int i;

	keep_any(gor_any_of(42));
	ck_assert(gor_any_as(caught, int, &i));
	ck_assert_int_eq(i, 42);
	keep_any(gor_any_make(shape, in));
	ck_assert(gor_any_as_named(caught, shape, &out));
	ck_assert(out.x == 3 && out.y == 4 && !strcmp(out.name, "square"));
	gor_any_free(&caught);
}
END_TEST

START_TEST(a_nil_panic_is_a_runtime_error)
{
	gor_string s;

	keep_any((gor_any){0});
	ck_assert_ptr_eq(caught.type, &gor_type_runtime_error);
	s = gor_any_string(caught);
	ck_assert(gor_string_equal(s, gor_str("panic called with nil argument (use GODEBUG=panicnil=1 to disable)")));
	gor_string_free(s);
}
END_TEST

/* ---- faults ---------------------------------------------------------------------------------------------------------- */

static volatile int zero;
static int *volatile null_int;
static void (*volatile null_function)(int);

static __attribute__((noinline)) int divide(volatile int a, volatile int b)
{
	return a / b;
}

static void fault(int which)
{
	defer(catch_it);
	switch (which) {
	case 0: *null_int = 1; break;
	case 1: zero = divide(1, zero); break;
	case 2: null_function(5); break;
	case 3: note(null_int == NULL ? "" : "?"), zero = null_int[100]; break;
	}
}

START_TEST(faults_become_panics)
{
	WITH_PROCS();
	for (int turn = 0; turn < 2; turn++) {
		fault(0);
		EXPECT_TRACE("<runtime error: invalid memory address or nil pointer dereference>");
		fault(1);
		EXPECT_TRACE("<runtime error: integer divide by zero>");
		fault(2);
		EXPECT_TRACE("<runtime error: invalid memory address or nil pointer dereference>");
		fault(3);
		EXPECT_TRACE("<runtime error: invalid memory address or nil pointer dereference>");
	}
	rest_must_be_clean();
}
END_TEST

static void fault_in_goroutine(chan(int) c)
{
	defer(say, c);
	fault(0);
	fault(1);
}

START_TEST(faults_in_goroutines_become_panics)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	go(fault_in_goroutine, c);
	chan_recv(c, NULL);
	EXPECT_TRACE("<runtime error: invalid memory address or nil pointer dereference>"
		     "<runtime error: integer divide by zero>");
}
END_TEST

static void defer_null(void)
{
	void (*f)(void) = NULL;

	defer(catch_it);
	{
		defer(f);
		note("d");
	}
}

START_TEST(a_null_function_panics_when_it_is_called)
{
	defer_null();
	EXPECT_TRACE("d<runtime error: invalid memory address or nil pointer dereference>");
}
END_TEST

static void recover_channel(chan(int) c)
{
	defer(catch_it);
	chan_close(c);
	chan_close(c);
}

START_TEST(panics_of_the_runtime_can_be_recovered)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	recover_channel(c);
	recover_channel(NULL);
	chan_free(c);
	EXPECT_TRACE("<close of closed channel><close of nil channel>");
}
END_TEST

/* ---- goexit -------------------------------------------------------------------------------------------------------- */

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

/* ---- what is printed --------------------------------------------------------------------------------------------------- */

/* The child's stderr must begin with `text`. */
static void expect_message(void (*fn)(void), const char *text)
{
	char said[8192];
	int fd[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		be_child(fd);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (n < sizeof said - 1 && (got = read(fd[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	while (read(fd[0], &status, 1) > 0)
		;
	close(fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "wait status %#x, said: %s", (unsigned)status,
		      said);
	ck_assert_msg(strncmp(said, text, strlen(text)) == 0, "expected:\n%s\ngot:\n%s", text, said);
}

#define TRACE "\ngoroutine 1 [running]:\n"

static void say_string(void)
{
	panic("temperature %d", 451);
}

static void say_lines(void)
{
	panic("one\ntwo\npanic: fake");
}

static void say_int(void)
{
	panic_any(gor_any_of(-42));
}

static void say_c_string(void)
{
	panic_any(gor_any_of("c string"));
}

static void say_double(void)
{
	panic_any(gor_any_of(1.5));
}

static void say_nil(void)
{
	panic_any((gor_any){0});
}

static void say_closed(void)
{
	chan(int) c = chan_make(int, 1);

	chan_close(c);
	chan_send(c, 1);
}

START_TEST(values_are_printed_as_go_prints_them)
{
	expect_message(say_string, "panic: temperature 451\n" TRACE);
	expect_message(say_lines, "panic: one\n\ttwo\n\tpanic: fake\n" TRACE);
	expect_message(say_int, "panic: -42\n" TRACE);
	expect_message(say_c_string, "panic: c string\n" TRACE);
	expect_message(say_double, "panic: +1.500000e+000\n" TRACE);
	expect_message(say_nil, "panic: panic called with nil argument (use GODEBUG=panicnil=1 to disable)\n" TRACE);
	expect_message(say_closed, "panic: send on closed channel\n" TRACE);
}
END_TEST

static void say_chain(void)
{
	defer(throw_it, "third");
	{
		defer(recover_and_panic); /* "again" */
		panic("first");
	}
}

static void repanic(void)
{
	panic_any(recover());
}

static void say_repanicked(void)
{
	defer(repanic);
	panic("same");
}

static void say_repanicked_int(void)
{
	defer(repanic);
	panic_any(gor_any_of(17));
}

static void say_aborted_and_recovered(void)
{
	defer(throw_it, "last");
	defer(catch_it);
	defer(replace);
	panic("first");
}

static void say_goexit(void)
{
	defer(throw_it, "in goexit");
	gor_goexit();
}

START_TEST(panics_in_progress_are_printed_oldest_first)
{
	expect_message(say_chain, "panic: first [recovered]\n\tpanic: again\n\tpanic: third\n" TRACE);
	expect_message(say_repanicked, "panic: same [recovered, repanicked]\n" TRACE);
	expect_message(say_repanicked_int, "panic: 17 [recovered, repanicked]\n" TRACE);
	expect_message(say_aborted_and_recovered, "panic: last\n" TRACE);
	expect_message(say_goexit, "panic: in goexit\n" TRACE);
}
END_TEST

static void say_null(void)
{
	*null_int = 1;
}

static void say_division(void)
{
	zero = divide(1, zero);
}

static void say_wild(void)
{
	*(volatile int *)0x123456789000 = 1;
}

static void say_bus(void)
{
	FILE *f = tmpfile();
	volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);

	*p = 1;
}

static void say_fault_in_chain(void)
{
	defer(say_null);
	panic("before");
}

START_TEST(faults_are_printed_with_their_signal)
{
	expect_message(say_null, "panic: runtime error: invalid memory address or nil pointer dereference\n"
				 "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x");
	expect_message(say_division, "panic: runtime error: integer divide by zero\n"
				     "[signal SIGFPE: floating-point exception code=0x1 addr=0x");
	expect_message(say_wild, "unexpected fault address 0x123456789000\nfatal error: fault\n"
				 "[signal SIGSEGV: segmentation violation code=0x1 addr=0x123456789000 pc=0x");
	expect_message(say_bus, "unexpected fault address 0x");
	expect_message(say_fault_in_chain, "panic: before\n"
					   "\tpanic: runtime error: invalid memory address or nil pointer dereference\n"
					   "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x");
}
END_TEST

static void say_fatal(void)
{
	defer(note, "never");
	defer(catch_it);
	gor_fatal("the end");
}

START_TEST(a_fatal_error_calls_nothing)
{
	expect_message(say_fatal, "fatal error: the end\n" TRACE);
}
END_TEST

typedef struct {
	int how;
} rude;

static size_t rude_text(const rude *r, char *ret_buf, size_t size)
{
	if (r->how == 1)
		panic("while printing");
	if (r->how == 2)
		*null_int = 1;
	if (r->how == 3)
		panic_any(gor_any_box(caught.type, r)); /* the same again */
	if (r->how == 4)
		return_int(true);
	return (size_t)snprintf(ret_buf, size, "rude %d", r->how);
}
GOR_TYPE_DEFINE_TEXT(rude, rude_text);

static void say_rude(int how)
{
	caught.type = &gor_type_rude;
	panic_any(gor_any_make(rude, (rude){how}));
}

static void say_rude_0(void)
{
	say_rude(0);
}

static void say_rude_1(void)
{
	say_rude(1);
}

static void say_rude_2(void)
{
	say_rude(2);
}

static void say_rude_3(void)
{
	say_rude(3);
}

static void say_rude_4(void)
{
	say_rude(4);
}

static void say_bad_string(void)
{
	panic_any(gor_any_of(gor_strn((const char *)16, 100)));
}

START_TEST(a_value_that_panics_while_it_is_printed_is_printed_raw)
{
	expect_message(say_rude_0, "panic: rude 0\n" TRACE);
	expect_message(say_rude_1, "panic: (rude) 0x1 [panicked while it was printed]\n\tpanic: while printing\n" TRACE);
	if (HAVE_FAULTS)
		expect_message(say_rude_2, "panic: (rude) 0x2 [panicked while it was printed]\n\tpanic: runtime error: ");
	expect_message(say_rude_3, "panic: (rude) 0x3 [panicked while it was printed]\n"
				   "\tpanic: (rude) 0x3 [panicked while it was printed]\n"
				   "\tpanic: (rude) 0x3 [panicked while it was printed]\n"
				   "\tpanic: (rude) 0x3\n" TRACE);
	expect_message(say_rude_4, "panic: rude 4\n" TRACE);
	if (HAVE_FAULTS)
		expect_message(say_bad_string, "panic: (gor_string) 0x10 [panicked while it was printed]\n\tpanic: runtime");
}
END_TEST

static void panic_at_once(int *gate, int n)
{
	increment(gate);
	while (load(gate) < 4)
		;
	panic("goroutine %d says this", n);
}

static void panic_together(void)
{
	int gate = 0;

	gor_maxprocs(4);
	for (int i = 0; i < 3; i++)
		go(panic_at_once, &gate, i);
	panic_at_once(&gate, 3);
}

START_TEST(two_that_panic_at_once_do_not_mix)
{
	for (int i = 0; i < 5; i++) {
		expect_message(panic_together, "panic: goroutine ");
		expect_exit(panic_together, 2, " says this\n\ngoroutine ");
	}
}
END_TEST

static void say_in_goroutine(void)
{
	go(throw_it, "in a goroutine");
	gor_sleep(10 * GOR_SECOND);
}

START_TEST(a_panic_in_a_goroutine_ends_the_program)
{
	expect_message(say_in_goroutine, "panic: in a goroutine\n\ngoroutine ");
	expect_exit(say_in_goroutine, 2, "goroutine 1 [sleep]:\n");
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
	ADD_ONCE(tc, the_text_of_a_panic_outlives_it);
	ADD_ONCE(tc, any_value_can_be_thrown);
	ADD_ONCE(tc, a_nil_panic_is_a_runtime_error);
	if (HAVE_FAULTS)
		ADD(tc, faults_become_panics);
	if (HAVE_FAULTS)
		ADD(tc, faults_in_goroutines_become_panics);
	ADD_ONCE(tc, a_null_function_panics_when_it_is_called);
	ADD(tc, panics_of_the_runtime_can_be_recovered);
	ADD(tc, goexit_makes_deferred_calls_and_cannot_be_recovered);
	ADD(tc, goexit_in_a_deferred_function_ends_the_panic);
	ADD(tc, a_recovered_panic_does_not_stop_goexit);
	ADD(tc, goexit_goes_on_after_each_recovered_panic);
	ADD_ONCE(tc, a_panic_recovered_inside_goexits_call_changes_nothing);
	ADD_ONCE(tc, goexit_in_goexit_goes_on_with_the_rest);
	ADD_ONCE(tc, goexit_in_main_lets_others_go_on_and_then_is_a_deadlock);
	ADD_ONCE(tc, a_deferred_function_of_a_returning_block_may_longjmp);
	ADD_ONCE(tc, values_are_printed_as_go_prints_them);
	ADD_ONCE(tc, panics_in_progress_are_printed_oldest_first);
	if (HAVE_FAULTS)
		ADD_ONCE(tc, faults_are_printed_with_their_signal);
	ADD_ONCE(tc, a_fatal_error_calls_nothing);
	ADD_ONCE(tc, a_value_that_panics_while_it_is_printed_is_printed_raw);
	ADD_ONCE(tc, two_that_panic_at_once_do_not_mix);
	ADD_ONCE(tc, a_panic_in_a_goroutine_ends_the_program);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "panic", add_tests, NULL);
}
