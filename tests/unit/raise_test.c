/* SPDX-License-Identifier: MIT */
/*
 * What: tests of how panics arise and of their values: any value, formatted texts, faults, the runtime's own.
 *
 * How: see panic_test.h.
 */
#include "panic_test.h"

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
	ck_assert(gor_string_equal(
		s, gor_str("panic called with nil argument (use GODEBUG=panicnil=1 to disable)")));
	gor_string_free(s);
}
END_TEST

/* ---- faults ---------------------------------------------------------------------------------------------------------- */

static void (*volatile null_function)(int);

static void fault(int which)
{
	defer(catch_it);
	switch (which) {
	case 0:
		*null_int = 1;
		break;
	case 1:
		zero = divide(1, zero);
		break;
	case 2:
		null_function(5);
		break;
	case 3:
		note(null_int == NULL ? "" : "?"), zero = null_int[100];
		break;
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

static void add_tests(TCase *tc)
{
	ADD_ONCE(tc, the_text_of_a_panic_outlives_it);
	ADD_ONCE(tc, any_value_can_be_thrown);
	ADD_ONCE(tc, a_nil_panic_is_a_runtime_error);
	if (HAVE_FAULTS)
		ADD(tc, faults_become_panics);
	if (HAVE_FAULTS)
		ADD(tc, faults_in_goroutines_become_panics);
	ADD_ONCE(tc, a_null_function_panics_when_it_is_called);
	ADD(tc, panics_of_the_runtime_can_be_recovered);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "raise", add_tests, NULL);
}
