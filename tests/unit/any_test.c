/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_any: types, ownership, and the texts that a panic prints.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon/any.h>
#include <gorgon/map.h>

typedef struct {
	int x, y;
} point;

struct wide {
	int64_t words[8];
};

typedef enum { RED, GREEN } colour;
typedef int my_id;
typedef gor_string my_text;
typedef struct {
	const char *what;
} failure;

static size_t failure_text(const failure *f, char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "failed: %s", f->what);
}

GOR_TYPE_DEFINE(point);
GOR_TYPE_DEFINE_NAMED(wide, struct wide);
GOR_TYPE_DEFINE(colour);
GOR_TYPE_DEFINE(my_id);
GOR_TYPE_DEFINE(my_text);
GOR_TYPE_DEFINE_TEXT(failure, failure_text);
GOR_MAP_TYPE_HASHED(by_any, gor_any, int, gor_any_key_hash, gor_any_key_equal);

#undef GOR_ANY_TYPES
#define GOR_ANY_TYPES(X) X(point) X(failure)

/* Runs fn in a child, which must die with status 2 and say `text`. */
static void expect_death(void (*fn)(void), const char *text)
{
	char said[4096];
	size_t len = 0;
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	/* after the first 2 KiB: read on, so that the child can write on, and overwrite */
	while ((n = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len = len + (size_t)n < 2048 ? len + (size_t)n : 2048;
	said[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %#x", status);
	ck_assert_msg(strstr(said, text) != NULL, "said: %s", said);
}

/* A function that does one thing, which should be its last. */
#define VICTIM(name, use)                                                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		(void)(use);                                                                                 \
	}

static void expect_text(gor_any a, const char *text)
{
	gor_string s = gor_any_string(a);
	char small[4];

	ck_assert_str_eq(s.ptr, text);
	ck_assert_uint_eq(s.len, strlen(text));
	ck_assert_uint_eq(gor_any_format(&a, small, sizeof(small)), strlen(text));
	ck_assert_int_eq(strncmp(small, text, 3), 0);
	gor_string_free(s);
}

static gor_any a_point(void)
{
	return gor_any_make(point, ((point){1, 2}));
}

VICTIM(compare_structs, gor_any_equal(a_point(), a_point()))
VICTIM(hash_struct, gor_any_key_hash(&(gor_any){&gor_type_point, {.i = 0}}, 0))

START_TEST(zero_any_is_nil)
{
	gor_any a = {NULL, {.i = 0}};
	int n = 5;

	ck_assert(gor_any_is_nil(a));
	ck_assert(!gor_any_as(a, int, &n));
	ck_assert_int_eq(n, 5);
	ck_assert_ptr_null(gor_any_data(&a));
	expect_text(a, "nil");
	gor_any_free(&a);
}
END_TEST

START_TEST(value_comes_back_only_as_its_own_type)
{
	gor_any a = gor_any_of(42), copy = gor_any_of(a);
	long l = 7;
	unsigned u = 7;
	int i = 0;

	ck_assert(gor_any_as(a, int, &i));
	ck_assert_int_eq(i, 42);
	ck_assert(!gor_any_as(a, long, &l));
	ck_assert(!gor_any_as(a, unsigned, &u));
	ck_assert(l == 7 && u == 7);
	ck_assert(gor_any_as(copy, int, &i));
	ck_assert(gor_any_as(gor_any_of(1UL), unsigned long, &(unsigned long){0}));
}
END_TEST

START_TEST(basic_kinds_print_as_in_a_panic_of_go)
{
	expect_text(gor_any_of(-42), "-42");
	expect_text(gor_any_of((signed char)-1), "-1");
	expect_text(gor_any_of((unsigned char)200), "200");
	expect_text(gor_any_of((short)-300), "-300");
	expect_text(gor_any_of(INT64_MIN), "-9223372036854775808");
	expect_text(gor_any_of(UINT64_MAX), "18446744073709551615");
	expect_text(gor_any_of((bool)true), "true");
	expect_text(gor_any_of((bool)false), "false");
	expect_text(gor_any_of(gor_str("text")), "text");
	expect_text(gor_any_of("c text"), "c text");
	expect_text(gor_any_of((char *)NULL), "");
	expect_text(gor_any_of((void *)0xabc), "0xabc");
	expect_text(gor_any_of((int *)NULL), "0x0");
}
END_TEST

START_TEST(floats_print_as_in_a_panic_of_go)
{
	expect_text(gor_any_of(1.5), "+1.500000e+000");
	expect_text(gor_any_of(-0.001), "-1.000000e-003");
	expect_text(gor_any_of(0.0), "+0.000000e+000");
	expect_text(gor_any_of(-0.0), "-0.000000e+000");
	expect_text(gor_any_of(9.9999999), "+1.000000e+001");
	expect_text(gor_any_of(1e300), "+1.000000e+300");
	expect_text(gor_any_of(3.14f), "+3.140000e+000");
	expect_text(gor_any_of(2.5L), "+2.500000e+000");
	expect_text(gor_any_of(__builtin_inf()), "+Inf");
	expect_text(gor_any_of(-__builtin_inf()), "-Inf");
	expect_text(gor_any_of(__builtin_nan("")), "NaN");
}
END_TEST

START_TEST(user_types_print_with_their_name)
{
	gor_any a = a_point();
	gor_string s = gor_any_string(a);

	ck_assert(gor_string_has_prefix(s, gor_str("(point) 0x")));
	gor_string_free(s);
	expect_text(gor_any_make(my_id, 5), "my_id(5)");
	expect_text(gor_any_make(my_text, gor_str("hi")), "my_text(\"hi\")");
	expect_text(gor_any_make(colour, GREEN), "colour(1)");
}
END_TEST

START_TEST(type_with_a_text_of_its_own_prints_it)
{
	expect_text(gor_any_make(failure, ((failure){"disk"})), "failed: disk");
}
END_TEST

START_TEST(user_types_are_kept_apart)
{
	point p = {0, 0};
	failure f = {"x"};
	my_id id = 0;
	int i = 0;

	ck_assert(gor_any_as(a_point(), point, &p));
	ck_assert_int_eq(p.y, 2);
	ck_assert(gor_any_as(gor_any_of(p), point, &p));
	ck_assert(!gor_any_as(gor_any_of(f), point, &p));
	ck_assert(!gor_any_as(gor_any_make(my_id, 5), int, &i));
	ck_assert(gor_any_as_named(gor_any_make(my_id, 5), my_id, &id));
	ck_assert_int_eq(id, 5);
	ck_assert(!gor_any_as_named(gor_any_of(5), my_id, &id));
}
END_TEST

START_TEST(types_are_the_same_wherever_they_are_defined)
{
	char name[] = "point";
	gor_type elsewhere = {name, GOR_KIND_STRUCT, 1, sizeof(point), NULL};
	point p = {0, 0};

	ck_assert(gor_type_same(&elsewhere, &gor_type_point));
	ck_assert(gor_any_load(a_point(), &elsewhere, &p));
	ck_assert_int_eq(p.x, 1);
	elsewhere.size++;
	ck_assert(!gor_type_same(&elsewhere, &gor_type_point));
	ck_assert(!gor_type_same(&elsewhere, NULL));
}
END_TEST

START_TEST(large_values_live_on_the_heap_until_freed)
{
	struct wide w = {{1, 2, 3, 4, 5, 6, 7, 8}}, back;
	gor_any a = gor_any_make(wide, w), copy = gor_any_clone(a);

	w.words[7] = 0;
	ck_assert(gor_any_as(a, struct wide, &back));
	ck_assert_int_eq(back.words[7], 8);
	ck_assert_ptr_ne(gor_any_data(&a), gor_any_data(&copy));
	gor_any_free(&a);
	ck_assert(gor_any_is_nil(a));
	gor_any_free(&a);
	ck_assert(gor_any_as(copy, struct wide, &back));
	ck_assert_int_eq(back.words[0], 1);
	gor_any_free(&copy);
}
END_TEST

START_TEST(equal_compares_type_and_value)
{
	char text[] = "text";

	ck_assert(gor_any_equal(gor_any_of(1), gor_any_of(1)));
	ck_assert(!gor_any_equal(gor_any_of(1), gor_any_of(1L)));
	ck_assert(gor_any_equal(gor_any_of("text"), gor_any_of(text)));
	ck_assert(gor_any_equal(gor_any_of(0.0), gor_any_of(-0.0)));
	ck_assert(!gor_any_equal(gor_any_of(__builtin_nan("")), gor_any_of(__builtin_nan(""))));
	ck_assert(gor_any_equal((gor_any){NULL, {.i = 0}}, (gor_any){NULL, {.i = 0}}));
	expect_death(compare_structs, "runtime error: comparing uncomparable type point");
	expect_death(hash_struct, "runtime error: hash of unhashable type point");
}
END_TEST

START_TEST(any_values_are_keys_of_maps)
{
	gor_map_named(by_any) m = gor_map_make_named(by_any);

	gor_map_set(m, gor_any_of("text"), 7);
	gor_map_set(m, gor_any_of(7), 8);
	gor_map_set(m, gor_any_of(0.0), 9);
	ck_assert_int_eq(gor_map_at(m, gor_any_of("text")), 7);
	ck_assert_int_eq(gor_map_at(m, gor_any_of(7)), 8);
	ck_assert_int_eq(gor_map_at(m, gor_any_of(-0.0)), 9);
	ck_assert(!gor_map_has(m, gor_any_of(7L)));
	gor_map_free(m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("any");
	TCase *tcase = tcase_create("any");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, zero_any_is_nil);
	tcase_add_test(tcase, value_comes_back_only_as_its_own_type);
	tcase_add_test(tcase, basic_kinds_print_as_in_a_panic_of_go);
	tcase_add_test(tcase, floats_print_as_in_a_panic_of_go);
	tcase_add_test(tcase, user_types_print_with_their_name);
	tcase_add_test(tcase, type_with_a_text_of_its_own_prints_it);
	tcase_add_test(tcase, user_types_are_kept_apart);
	tcase_add_test(tcase, types_are_the_same_wherever_they_are_defined);
	tcase_add_test(tcase, large_values_live_on_the_heap_until_freed);
	tcase_add_test(tcase, equal_compares_type_and_value);
	tcase_add_test(tcase, any_values_are_keys_of_maps);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
