/* SPDX-License-Identifier: MIT */
/*
 * What: tests of freezing calls: whatever the psABI does with an argument, the function gets it, by go and by
 * defer.
 *
 * How: a function stores what it got in globals; CALL has it called both ways and looks after each.
 */
#include "sched_test.h"

#include <complex.h>
#include <stdarg.h>

#include "abi/panic_abi.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static int done; /* atomic */

/* Calls fn(...) deferred and as a goroutine; `check` must hold after each. */
#define CALL(check, ...)                                                                                     \
	do {                                                                                                 \
		done = 0;                                                                                    \
		{                                                                                            \
			defer(__VA_ARGS__);                                                                  \
			REQUIRE(done == 0);                                                                  \
		}                                                                                            \
		REQUIRE(done == 1);                                                                          \
		REQUIRE(check);                                                                              \
		memset(&got, 0x5a, sizeof got);                                                              \
		go(__VA_ARGS__);                                                                             \
		WAIT_UNTIL(load(&done) == 2);                                                                \
		REQUIRE(check);                                                                              \
	} while (0)

struct pair {
	double d;
	int i;
};
struct three {
	long a, b, c;
};
struct floats {
	float a, b, c;
};
struct __attribute__((packed)) odd {
	char c;
	int i;
};
struct tiny {
	char c[3];
};
struct big {
	char c[900];
};
struct a32 {
	_Alignas(32) char c[32];
};
struct a64 {
	_Alignas(64) long v[8];
};
union either {
	double d;
	long l[3];
};
struct empty {
};
typedef float vec4 __attribute__((vector_size(16)));
typedef void callback(int);

static struct {
	long i[12];
	double d[12];
	long double ld[4];
	__int128 w[4];
	void *p[4];
	struct three three;
	struct pair pair;
	struct floats floats;
	struct odd odd;
	struct tiny tiny;
	struct big big;
	struct a32 a32;
	struct a64 a64;
	union either either;
	vec4 vec;
	bool b;
	uintptr_t address;
	char text[64];
} got;

static void finish(void)
{
	increment(&done);
}

/* ---- registers -------------------------------------------------------------------------------------------- */

static void take_nothing(void)
{
	finish();
}

static void take_small(char c, signed char s, unsigned short u, bool b, float f)
{
	got.i[0] = c;
	got.i[1] = s;
	got.i[2] = u;
	got.b = b;
	got.d[0] = f;
	finish();
}

static void take_six(int a, long b, unsigned c, size_t d, void *e, const char *f)
{
	got.i[0] = a;
	got.i[1] = b;
	got.i[2] = c;
	got.i[3] = (long)d;
	got.p[0] = e;
	snprintf(got.text, sizeof got.text, "%s", f);
	finish();
}

static void take_floats(double a, float b, double c, float d, double e, float f, double g, float h, double i,
			float j)
{
	double all[] = {a, b, c, d, e, f, g, h, i, j};

	memcpy(got.d, all, sizeof all);
	finish();
}

START_TEST(arguments_in_registers_arrive)
{
	WITH_PROCS();
	char here;

	CALL(true, take_nothing);
	CALL(got.i[0] == 'x' && got.i[1] == -3 && got.i[2] == 65535 && got.b && got.d[0] == 1.5, take_small,
	     'x', -3, 65535, 42, 1.5);
	CALL(got.i[0] == -1 && got.i[1] == 1L << 40 && got.i[2] == 4000000000 && got.i[3] == 7 &&
		     got.p[0] == &here && !strcmp(got.text, "six"),
	     take_six, -1, 1L << 40, 4000000000u, 7, &here, "six");
}
END_TEST

START_TEST(arguments_are_converted_to_the_parameters_types)
{
	WITH_PROCS();
	unsigned char small = 200;
	int wide = 300;
	float minus = -2.9f;

	CALL(got.i[0] == 44 && got.i[1] == -56 && got.i[2] == 200 && !got.b && got.d[0] == 200, take_small,
	     wide, (signed char)small, small, 0.0, small);
	CALL(got.i[0] == 3 && got.i[1] == -2, take_six, wide / 83.0, minus, 1, 2, NULL, "");
}
END_TEST

START_TEST(more_than_eight_floating_arguments_arrive)
{
	WITH_PROCS();

	CALL(got.d[0] == 1 && got.d[1] == 2 && got.d[7] == 8 && got.d[8] == 9 && got.d[9] == 10, take_floats,
	     1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
}
END_TEST

/* ---- stack --------------------------------------------------------------------------------------------------- */

static void take_twelve(int a, long b, int c, long d, int e, long f, short g, char h, int i, long j, bool k,
			long l)
{
	long all[] = {a, b, c, d, e, f, g, h, i, j, k, l};

	memcpy(got.i, all, sizeof all);
	finish();
}

static void take_wide(long double a, __int128 b, int c, __int128 d, long double complex e, long f, __int128 g)
{
	got.ld[0] = a;
	got.w[0] = b;
	got.i[0] = c;
	got.w[1] = d;
	got.ld[1] = creall(e);
	got.ld[2] = cimagl(e);
	got.i[1] = f;
	got.w[2] = g;
	finish();
}

START_TEST(arguments_on_the_stack_arrive)
{
	WITH_PROCS();

	CALL(got.i[5] == 6 && got.i[6] == -7 && got.i[7] == 8 && got.i[8] == 9 && got.i[9] == -10 &&
		     got.i[10] == 1 && got.i[11] == 12,
	     take_twelve, 1, 2, 3, 4, 5, 6, -7, 8, 9, -10, 11, 12);
}
END_TEST

START_TEST(an_int_may_become_a_long_double_or_an_int128)
{
	WITH_PROCS();
	long double complex z = 3 - 4 * I;

	CALL(got.ld[0] == 1 && got.w[0] == -2 && got.i[0] == 3 && got.w[1] == 4 && got.ld[1] == 5 &&
		     got.ld[2] == 0 && got.i[1] == 6 && got.w[2] == -7,
	     take_wide, 1, -2, 3, 4, 5, 6, -7);
	CALL(got.ld[0] == 0.5L && got.ld[1] == 3 && got.ld[2] == -4 && got.w[2] == (__int128)1 << 100,
	     take_wide, 0.5, 2, 3, 4, z, 6, (__int128)1 << 100);
}
END_TEST

static void take_structs(struct three a, struct pair b, struct floats c, struct odd d, struct tiny e,
			 struct empty f, union either g)
{
	(void)f;
	got.three = a;
	got.pair = b;
	got.floats = c;
	got.odd = d;
	got.tiny = e;
	got.either = g;
	finish();
}

static void take_big(int a, struct big b, int c)
{
	got.i[0] = a;
	got.big = b;
	got.i[1] = c;
	finish();
}

START_TEST(structs_arrive_and_compound_literals_may_have_commas)
{
	WITH_PROCS();
	const struct three three = {1, 2, 3};
	struct big big;

	memset(&big, 'b', sizeof big);
	CALL(got.three.a == 1 && got.three.c == 3 && got.pair.d == 2.5 && got.pair.i == -9 &&
		     got.floats.c == 6 && got.odd.c == 'o' && got.odd.i == 77 &&
		     !memcmp(got.tiny.c, "ti", 3) && got.either.l[0] == 8,
	     take_structs, three, (struct pair){2.5, -9}, (struct floats){4, 5, 6}, (struct odd){'o', 77},
	     (struct tiny){{'t', 'i', 0}}, (struct empty){}, (union either){.l = {8, 9, 10}});
	CALL(got.i[0] == 1 && got.i[1] == 2 && !memcmp(&got.big, &big, sizeof big), take_big, 1, big, 2);
}
END_TEST

static void take_aligned(int a, struct a32 b, long c, struct a64 d, int e, vec4 f)
{
	got.i[0] = a;
	got.a32 = b;
	got.i[1] = c;
	got.a64 = d;
	got.i[2] = e;
	got.vec = f;
	got.address = (uintptr_t)&d;
	finish();
}

START_TEST(overaligned_structs_arrive_aligned)
{
	WITH_PROCS();
	struct a32 a = {"a32"};
	struct a64 b = {{1, 2, 3, 4, 5, 6, 7, 8}};
	vec4 v = {1, 2, 3, 4};

	CALL(got.i[0] == 1 && !strcmp(got.a32.c, "a32") && got.i[1] == 2 && got.a64.v[7] == 8 &&
		     got.i[2] == 3 && got.vec[3] == 4 && got.address % 64 == 0,
	     take_aligned, 1, a, 2, b, 3, v);
}
END_TEST

static void take_many(int n, ...)
{
	va_list ap;

	va_start(ap, n);
	got.i[0] = va_arg(ap, int);
	got.d[0] = va_arg(ap, double);
	for (int i = 1; i < 8; i++)
		got.i[i] = va_arg(ap, long);
	got.d[1] = va_arg(ap, double);
	va_end(ap);
	finish();
}

START_TEST(variadic_functions_work_too)
{
	WITH_PROCS();

	CALL(got.i[0] == 1 && got.d[0] == 2.5 && got.i[1] == 3 && got.i[7] == 9 && got.d[1] == 10, take_many,
	     9, 1, 2.5, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10.0);
}
END_TEST

static void take_too_much(struct big a, struct big b)
{
	(void)a;
	(void)b;
}

static void go_too_much(void)
{
	struct big big = {{0}};

	go(take_too_much, big, big);
}

START_TEST(too_many_bytes_of_arguments_panic)
{
	expect_panic(go_too_much,
		     "panic: too many bytes of arguments: pass a pointer\n\ngoroutine 1 [running]:\n");
}
END_TEST

/* ---- the macros ---------------------------------------------------------------------------------------------- */

static void take_callback(callback *f, int v)
{
	f(v);
}

static void store_i0(int v)
{
	got.i[0] = v;
	finish();
}

static void (*choose(int *calls))(int)
{
	++*calls;
	return store_i0;
}

START_TEST(fn_may_be_any_expression_and_is_evaluated_once)
{
	WITH_PROCS();
	int calls = 0;
	struct {
		void (*f)(int);
	} table = {store_i0};

	CALL(got.i[0] == 5, choose(&calls), 5);
	ck_assert_int_eq(calls, 2);
	CALL(got.i[0] == 6, table.f, 6);
	CALL(got.i[0] == 7, *store_i0, 7);
	CALL(got.i[0] == 8, &store_i0, 8);
	CALL(got.i[0] == 9, take_callback, store_i0, 9);
}
END_TEST

START_TEST(arguments_are_evaluated_once)
{
	WITH_PROCS();
	int i = 5;

	go(store_i0, i++);
	WAIT_UNTIL(load(&done) == 1);
	ck_assert_int_eq(i, 6);
	ck_assert_int_eq(got.i[0], 5);
	{
		defer(store_i0, ++i);
		i = 100;
	}
	ck_assert_int_eq(got.i[0], 7);
}
END_TEST

static int sum; /* atomic */

static void add(int a, long double b, struct three c)
{
	__atomic_add_fetch(&sum, a + (int)b + (int)c.c, __ATOMIC_SEQ_CST);
	finish();
}

static int go_and_return(int v)
{
	go(add, 1000, 2000, (struct three){0, 0, 3000});
	return v;
}

START_TEST(arguments_may_contain_go)
{
	WITH_PROCS();

	sum = done = 0;
	go(add, ({
		   go(add, 10, 20, (struct three){1, 2, 30});
		   1;
	   }),
	   go_and_return(2), (struct three){1, 2, ({
						    go(add, 100, 200, (struct three){1, 2, 300});
						    3;
					    })});
	WAIT_UNTIL(load(&done) == 4);
	ck_assert_int_eq(load(&sum), 6 + 60 + 600 + 6000);
}
END_TEST

static void count(int *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST);
}

static void count_all(int *n, struct three unused)
{
	(void)unused;
	__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST);
}

START_TEST(go_in_a_loop_takes_no_stack)
{
	enum { N = FEWER(300000) };
	WITH_PROCS();
	int n = 0;

	for (int i = 0; i < N; i++) {
		go(count_all, &n, (struct three){i, i, i});
		if (i % 1000 == 0)
			gor_yield();
	}
	WAIT_UNTIL(load(&n) == N);
	for (int i = 0; i < 3000; i++) { /* as a branch without braces */
		if (i & 1)
			go(count, &n);
		else
			go(count_all, &n, (struct three){0, 0, 0});
	}
	WAIT_UNTIL(load(&n) == N + 3000);
}
END_TEST

/* ---- what a dump finds ------------------------------------------------------------------------------------------ */

static void wait_for(chan(int) c, int unused, struct three three)
{
	(void)unused;
	(void)three;
	chan_recv(c, NULL);
}

static struct gori_g *found;

static bool find_wait_for(struct gori_g *g, void *arg)
{
	(void)arg;
	if (g->call && g->call->fn == (void (*)(void))wait_for)
		found = g;
	return !found;
}

START_TEST(the_captured_call_can_be_read_while_the_goroutine_lives)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	int line = __LINE__ + 2;

	go(wait_for, c, -42, (struct three){7, 8, 9});
	settle();
	gori_foreach_g(find_wait_for, NULL);
	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->call->regs.gpr[0], (uintptr_t)c);
	ck_assert_int_eq((int)found->call->regs.gpr[1], -42);
	ck_assert_uint_ge(found->call->nstack, 3);
	ck_assert_uint_eq(found->call->stack[0], 7);
	ck_assert_uint_eq(found->call->stack[2], 9);
	ck_assert_str_eq(found->call->site->what, "wait_for");
	ck_assert_int_eq((int)found->call->site->line, line);
	ck_assert_ptr_nonnull(strstr(found->call->site->func, "the_captured_call"));
	chan_close(c);
	found = NULL;
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
START_TEST(nothing_is_copied_when_all_is_in_registers)
{
	static const char *const none = "take_six";

	CALL(true, take_six, 1, 2, 3, 4, NULL, none);
	{
		defer(take_six, 1, 2, 3, 4, NULL, none);
		struct gori_call *call = &((struct gori_defer *)gori_m()->curg->defers)->call;

		ck_assert_uint_eq(call->nstack, 0);
		ck_assert_ptr_null(call->stack);
	}
}
END_TEST
#endif

static void add_tests(TCase *tc)
{
	ADD(tc, arguments_in_registers_arrive);
	ADD(tc, arguments_are_converted_to_the_parameters_types);
	ADD(tc, more_than_eight_floating_arguments_arrive);
	ADD(tc, arguments_on_the_stack_arrive);
	ADD(tc, an_int_may_become_a_long_double_or_an_int128);
	ADD(tc, structs_arrive_and_compound_literals_may_have_commas);
	ADD(tc, overaligned_structs_arrive_aligned);
	ADD(tc, variadic_functions_work_too);
	ADD_ONCE(tc, too_many_bytes_of_arguments_panic);
	ADD(tc, fn_may_be_any_expression_and_is_evaluated_once);
	ADD(tc, arguments_are_evaluated_once);
	ADD(tc, arguments_may_contain_go);
	ADD(tc, go_in_a_loop_takes_no_stack);
	ADD(tc, the_captured_call_can_be_read_while_the_goroutine_lives);
#ifndef __SANITIZE_ADDRESS__
	ADD_ONCE(tc, nothing_is_copied_when_all_is_in_registers);
#endif
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "capture", add_tests, NULL);
}
