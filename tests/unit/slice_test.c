/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_slice against the Go specification.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon/slice.h>

typedef struct {
	int x, y;
} point;

struct node {
	struct node *next;
};

GOR_SLICE_TYPE(int);
GOR_SLICE_TYPE(point);
GOR_SLICE_TYPE_NAMED(text, char *);
GOR_SLICE_TYPE_NAMED(node, struct node);

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

static gor_slice(int) counting(int len, int cap)
{
	gor_slice(int) s = gor_slice_make(int, len, cap);

	for (int i = 0; i < len; i++)
		s.ptr[i] = i;
	return s;
}

VICTIM(index_past_end, gor_slice_at(counting(3, 4), 5))
VICTIM(index_negative, gor_slice_at(counting(3, 4), -1))
VICTIM(sub_past_cap, gor_slice_sub(counting(3, 4), 0, 9).len)
VICTIM(sub_reversed, gor_slice_sub(counting(3, 4), 3, 2).len)
VICTIM(sub_negative_start, gor_slice_sub(counting(3, 4), -1, 2).len)
VICTIM(sub_negative_end, gor_slice_sub(counting(3, 4), 0, -1).len)
VICTIM(sub3_past_cap, gor_slice_sub3(counting(3, 4), 0, 1, 5).len)
VICTIM(sub3_negative, gor_slice_sub3(counting(3, 4), 0, 1, -1).len)
VICTIM(sub3_end_past_max, gor_slice_sub3(counting(3, 4), 0, 3, 2).len)
VICTIM(sub3_reversed, gor_slice_sub3(counting(3, 4), 2, 1, 3).len)
VICTIM(make_negative_len, gor_slice_make(int, -1, 4).len)
VICTIM(make_huge_len, gor_slice_make(int, INT64_MAX, INT64_MAX).len)
VICTIM(make_small_cap, gor_slice_make(int, 4, 3).len)

START_TEST(make_gives_zeroed_elements)
{
	gor_slice(int) s = gor_slice_make(int, 3, 8);
	gor_slice(int) empty = gor_slice_make(int, 0, 0);

	ck_assert_uint_eq(s.len, 3);
	ck_assert_uint_eq(s.cap, 8);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(s.ptr[i], 0);
	ck_assert_ptr_null(empty.ptr);
	gor_slice_free(&s);
	ck_assert_ptr_null(s.ptr);
	ck_assert_uint_eq(s.cap, 0);
	gor_slice_free(&s);
}
END_TEST

START_TEST(make_refuses_impossible_sizes)
{
	expect_death(make_negative_len, "runtime error: makeslice: len out of range");
	expect_death(make_huge_len, "runtime error: makeslice: len out of range");
	expect_death(make_small_cap, "runtime error: makeslice: cap out of range");
}
END_TEST

START_TEST(push_to_nil_slice_grows_as_go_does)
{
	static const size_t caps[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 832, 1232, 1732};
	gor_slice(int) s = {NULL, 0, 0};
	size_t step = 0;

	for (int i = 0; i < 1500; i++) {
		size_t before = s.cap;

		gor_slice_push(&s, i);
		if (s.cap != before)
			ck_assert_uint_eq(s.cap, caps[step++]);
	}
	ck_assert_uint_eq(step, 13);
	for (int i = 0; i < 1500; i++)
		ck_assert_int_eq(gor_slice_at(s, i), i);
	gor_slice_free(&s);
}
END_TEST

START_TEST(append_within_capacity_shares_the_array)
{
	gor_slice(int) s = counting(2, 4);
	gor_slice(int) t = gor_slice_append(s, 7);

	ck_assert_ptr_eq(t.ptr, s.ptr);
	ck_assert_uint_eq(s.len, 2);
	ck_assert_uint_eq(t.len, 3);
	ck_assert_int_eq(s.ptr[2], 7);
	gor_slice_free(&s);
}
END_TEST

START_TEST(append_past_capacity_copies_and_leaves_the_old_array)
{
	gor_slice(int) s = counting(2, 2);
	gor_slice(int) t = gor_slice_append(s, 7);
	gor_slice(int) u = gor_slice_append(s, 8);

	t.ptr[0] = 100;
	ck_assert_int_eq(s.ptr[0], 0);
	ck_assert_int_eq(u.ptr[0], 0);
	ck_assert_int_eq(t.ptr[2], 7);
	ck_assert_int_eq(u.ptr[2], 8);
	ck_assert_uint_eq(t.cap, 4);
	ck_assert_int_eq(t.ptr[3], 0);
	gor_slice_free(&s);
	gor_slice_free(&t);
	gor_slice_free(&u);
}
END_TEST

START_TEST(append_to_sub_slice_past_its_limit_does_not_touch_the_rest)
{
	gor_slice(int) s = counting(4, 4);
	gor_slice(int) t = gor_slice_append(gor_slice_sub3(s, 1, 2, 2), 9);

	ck_assert_int_eq(s.ptr[2], 2);
	ck_assert_int_eq(t.ptr[0], 1);
	ck_assert_int_eq(t.ptr[1], 9);
	gor_slice_free(&s);
	gor_slice_free(&t);
}
END_TEST

START_TEST(append_slice_takes_all_even_from_itself)
{
	gor_slice(int) s = counting(3, 3);
	gor_slice(int) t = gor_slice_append_slice(s, s);
	gor_slice(int) many = counting(100, 100);
	gor_slice(int) u = gor_slice_append_slice(s, many);
	gor_slice(int) none = {NULL, 0, 0};

	ck_assert_uint_eq(t.len, 6);
	ck_assert_int_eq(t.ptr[5], 2);
	ck_assert_uint_eq(u.cap, 103);
	ck_assert_int_eq(u.ptr[102], 99);
	ck_assert_ptr_null(gor_slice_append_slice(none, none).ptr);
	gor_slice_free(&s);
	gor_slice_free(&t);
	gor_slice_free(&u);
	gor_slice_free(&many);
}
END_TEST

START_TEST(index_reads_assigns_and_is_checked_with_the_words_of_go)
{
	gor_slice(int) s = counting(3, 4);

	gor_slice_at(s, 1) = 5;
	gor_slice_at(s, 1)++;
	ck_assert_int_eq(gor_slice_at(s, gor_slice_at(s, 2)), 2);
	ck_assert_int_eq(s.ptr[1], 6);
	gor_slice_free(&s);
	expect_death(index_past_end, "runtime error: index out of range [5] with length 3\n");
	expect_death(index_negative, "runtime error: index out of range [-1]\n");
}
END_TEST

START_TEST(sub_shares_the_array_and_its_capacity)
{
	const gor_slice(int) s = counting(3, 8);
	gor_slice(int) t = gor_slice_sub(s, 1, 5);
	gor_slice(int) end = gor_slice_sub(s, 8, 8);
	gor_slice(int) limited = gor_slice_sub3(s, 1, 2, 4), owner = s;

	ck_assert_ptr_eq(t.ptr, s.ptr + 1);
	ck_assert_uint_eq(t.len, 4);
	ck_assert_uint_eq(t.cap, 7);
	ck_assert_uint_eq(end.len + end.cap, 0);
	ck_assert_uint_eq(limited.len, 1);
	ck_assert_uint_eq(limited.cap, 3);
	gor_slice_free(&owner);
}
END_TEST

START_TEST(bounds_of_sub_are_checked_with_the_words_of_go)
{
	expect_death(sub_past_cap, "runtime error: slice bounds out of range [:9] with capacity 4\n");
	expect_death(sub_reversed, "runtime error: slice bounds out of range [3:2]\n");
	expect_death(sub_negative_start, "runtime error: slice bounds out of range [-1:]\n");
	expect_death(sub_negative_end, "runtime error: slice bounds out of range [:-1]\n");
	expect_death(sub3_past_cap, "runtime error: slice bounds out of range [::5] with capacity 4\n");
	expect_death(sub3_negative, "runtime error: slice bounds out of range [::-1]\n");
	expect_death(sub3_end_past_max, "runtime error: slice bounds out of range [:3:2]\n");
	expect_death(sub3_reversed, "runtime error: slice bounds out of range [2:1:]\n");
}
END_TEST

START_TEST(copy_takes_what_fits_and_may_overlap)
{
	gor_slice(int) s = counting(5, 5), t = gor_slice_make(int, 2, 2);

	ck_assert_uint_eq(gor_slice_copy(t, s), 2);
	ck_assert_int_eq(t.ptr[1], 1);
	ck_assert_uint_eq(gor_slice_copy(gor_slice_sub(s, 1, 5), s), 4);
	ck_assert_int_eq(s.ptr[0], 0);
	ck_assert_int_eq(s.ptr[4], 3);
	gor_slice_free(&s);
	gor_slice_free(&t);
}
END_TEST

START_TEST(structs_and_named_types_work)
{
	gor_slice(point) p = gor_slice_make(point, 0, 1);
	gor_slice(text) t = {NULL, 0, 0};
	gor_slice(node) n = gor_slice_make(node, 1, 1);
	char *words[] = {(char *)"a", (char *)"b"};

	gor_slice_push(&p, {1, 2});
	gor_slice_push(&p, {.y = 4});
	ck_assert_int_eq(gor_slice_at(p, 1).y, 4);
	gor_slice_push(&t, words[0]);
	gor_slice_push(&t, words[1]);
	ck_assert_str_eq(gor_slice_at(t, 1), "b");
	gor_slice_at(n, 0).next = &n.ptr[0];
	gor_slice_free(&p);
	gor_slice_free(&t);
	gor_slice_free(&n);
}
END_TEST

START_TEST(each_visits_the_elements_in_order)
{
	gor_slice(int) s = counting(4, 9), none = {NULL, 0, 0};
	int sum = 0;

	gor_slice_each(int, p, s) sum = sum * 10 + *p;
	gor_slice_each(int, p, none) sum = -*p;
	ck_assert_int_eq(sum, 123);
	gor_slice_free(&s);
}
END_TEST

START_TEST(reserve_makes_room_at_once)
{
	gor_slice(int) s = counting(2, 2);
	int *ptr;

	gor_slice_reserve(&s, 100);
	ck_assert_uint_ge(s.cap, 102);
	ptr = s.ptr;
	for (int i = 0; i < 100; i++)
		gor_slice_push(&s, i);
	ck_assert_ptr_eq(s.ptr, ptr);
	gor_slice_free(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slice");
	TCase *tcase = tcase_create("slice");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, make_gives_zeroed_elements);
	tcase_add_test(tcase, make_refuses_impossible_sizes);
	tcase_add_test(tcase, push_to_nil_slice_grows_as_go_does);
	tcase_add_test(tcase, append_within_capacity_shares_the_array);
	tcase_add_test(tcase, append_past_capacity_copies_and_leaves_the_old_array);
	tcase_add_test(tcase, append_to_sub_slice_past_its_limit_does_not_touch_the_rest);
	tcase_add_test(tcase, append_slice_takes_all_even_from_itself);
	tcase_add_test(tcase, index_reads_assigns_and_is_checked_with_the_words_of_go);
	tcase_add_test(tcase, sub_shares_the_array_and_its_capacity);
	tcase_add_test(tcase, bounds_of_sub_are_checked_with_the_words_of_go);
	tcase_add_test(tcase, copy_takes_what_fits_and_may_overlap);
	tcase_add_test(tcase, structs_and_named_types_work);
	tcase_add_test(tcase, each_visits_the_elements_in_order);
	tcase_add_test(tcase, reserve_makes_room_at_once);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
