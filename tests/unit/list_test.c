/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_list, with nodes inside structs and with values.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon/list.h>

struct item {
	int number;
	gor_list_node link;
};

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

static struct item items[10];

/* Items 0 to n - 1, in order. */
static void fill(gor_list *l, int n)
{
	for (int i = 0; i < n; i++) {
		items[i].number = i;
		gor_list_push_back(l, &items[i].link);
	}
}

/* The list must hold the items whose digits are in `order`, read from either end. */
static void expect_order(gor_list *l, const char *order)
{
	size_t n = strlen(order), i = 0;

	ck_assert_uint_eq(gor_list_len(l), n);
	gor_list_each(node, l)
		ck_assert_int_eq(gor_list_entry(node, struct item, link)->number, order[i++] - '0');
	ck_assert_uint_eq(i, n);
	for (gor_list_node *node = gor_list_back(l); node != NULL; node = gor_list_prev(node))
		ck_assert_int_eq(gor_list_entry(node, struct item, link)->number, order[--i] - '0');
	ck_assert_uint_eq(i, 0);
}

static void push_twice(void)
{
	gor_list l = {{NULL, NULL, NULL}, 0};

	gor_list_push_back(&l, &items[0].link);
	gor_list_push_back(&l, &items[0].link);
}

START_TEST(zero_list_is_empty)
{
	gor_list l = {{NULL, NULL, NULL}, 0};

	expect_order(&l, "");
	ck_assert_ptr_null(gor_list_front(&l));
	ck_assert_ptr_null(gor_list_back(&l));
	ck_assert_ptr_null(gor_list_pop_front(&l));
	ck_assert_ptr_null(gor_list_pop_back(&l));
	gor_list_free_values(&l);
	gor_list_init(&l);
	expect_order(&l, "");
}
END_TEST

START_TEST(nodes_are_pushed_and_inserted_where_told)
{
	gor_list l = {{NULL, NULL, NULL}, 0};

	fill(&l, 3);
	expect_order(&l, "012");
	items[3].number = 3;
	gor_list_push_front(&l, &items[3].link);
	expect_order(&l, "3012");
	items[4].number = 4;
	ck_assert(gor_list_insert_before(&l, &items[4].link, &items[1].link));
	items[5].number = 5;
	ck_assert(gor_list_insert_after(&l, &items[5].link, &items[2].link));
	expect_order(&l, "304125");
}
END_TEST

START_TEST(removed_node_can_be_pushed_again)
{
	gor_list l = {{NULL, NULL, NULL}, 0};

	fill(&l, 3);
	ck_assert(gor_list_remove(&l, &items[1].link));
	ck_assert(!gor_list_remove(&l, &items[1].link));
	expect_order(&l, "02");
	ck_assert_ptr_null(gor_list_next(&items[1].link));
	gor_list_push_back(&l, &items[1].link);
	expect_order(&l, "021");
	ck_assert_ptr_eq(gor_list_pop_front(&l), &items[0].link);
	ck_assert_ptr_eq(gor_list_pop_back(&l), &items[1].link);
	expect_order(&l, "2");
}
END_TEST

START_TEST(nodes_move_to_any_place)
{
	gor_list l = {{NULL, NULL, NULL}, 0};

	fill(&l, 4);
	ck_assert(gor_list_move_to_front(&l, &items[2].link));
	expect_order(&l, "2013");
	ck_assert(gor_list_move_to_back(&l, &items[2].link));
	expect_order(&l, "0132");
	ck_assert(gor_list_move_to_back(&l, &items[2].link));
	ck_assert(gor_list_move_to_front(&l, &items[0].link));
	expect_order(&l, "0132");
	ck_assert(gor_list_move_before(&l, &items[2].link, &items[1].link));
	expect_order(&l, "0213");
	ck_assert(gor_list_move_after(&l, &items[0].link, &items[3].link));
	expect_order(&l, "2130");
	ck_assert(gor_list_move_before(&l, &items[1].link, &items[1].link));
	ck_assert(gor_list_move_after(&l, &items[1].link, &items[1].link));
	ck_assert(gor_list_move_before(&l, &items[2].link, &items[1].link));
	ck_assert(gor_list_move_after(&l, &items[1].link, &items[2].link));
	expect_order(&l, "2130");
}
END_TEST

START_TEST(node_of_another_list_is_left_alone)
{
	gor_list l = {{NULL, NULL, NULL}, 0};
	gor_list other = {{NULL, NULL, NULL}, 0};
	struct item stray = {7, {NULL, NULL, NULL}};

	fill(&l, 2);
	items[5].number = 5;
	gor_list_push_back(&other, &items[5].link);
	ck_assert(!gor_list_remove(&l, &items[5].link));
	ck_assert(!gor_list_insert_before(&l, &stray.link, &items[5].link));
	ck_assert(!gor_list_insert_after(&l, &stray.link, &items[5].link));
	ck_assert(!gor_list_move_to_front(&l, &items[5].link));
	ck_assert(!gor_list_move_to_back(&l, &items[5].link));
	ck_assert(!gor_list_move_before(&l, &items[0].link, &items[5].link));
	ck_assert(!gor_list_move_after(&l, &items[5].link, &items[0].link));
	expect_order(&l, "01");
	expect_order(&other, "5");
}
END_TEST

START_TEST(pushing_a_node_twice_panics)
{
	expect_death(push_twice, "panic: gor_list: the node is already in a list");
}
END_TEST

START_TEST(splice_moves_all_nodes_in_order)
{
	gor_list l = {{NULL, NULL, NULL}, 0};
	gor_list other = {{NULL, NULL, NULL}, 0}, third = {{NULL, NULL, NULL}, 0};

	fill(&l, 5);
	for (int i = 3; i < 5; i++) {
		gor_list_remove(&l, &items[i].link);
		gor_list_push_back(&other, &items[i].link);
	}
	gor_list_splice_front(&l, &other);
	expect_order(&l, "34012");
	expect_order(&other, "");
	gor_list_splice_back(&l, &other);
	gor_list_splice_back(&l, &l);
	expect_order(&l, "34012");
	gor_list_splice_back(&third, &l);
	expect_order(&third, "34012");
	ck_assert(gor_list_remove(&third, &items[0].link));
	gor_list_push_back(&l, &items[0].link);
	gor_list_splice_back(&l, &third);
	expect_order(&l, "03412");
}
END_TEST

START_TEST(safe_loop_allows_removal)
{
	gor_list l = {{NULL, NULL, NULL}, 0};

	fill(&l, 6);
	gor_list_each_safe(node, &l)
	{
		if (gor_list_entry(node, struct item, link)->number % 2 == 0)
			gor_list_remove(&l, node);
	}
	expect_order(&l, "135");
}
END_TEST

START_TEST(values_are_held_and_given_back)
{
	gor_list l = {{NULL, NULL, NULL}, 0};
	gor_list_elem *two = gor_list_push_back_value(&l, gor_any_of(2));
	gor_list other = {{NULL, NULL, NULL}, 0};
	int expected = 1, n;

	gor_list_push_front_value(&l, gor_any_of(0));
	gor_list_insert_before_value(&l, gor_any_of(1), two);
	gor_list_insert_after_value(&l, gor_any_of(3), two);
	ck_assert_ptr_null(gor_list_insert_after_value(&other, gor_any_of(3), two));
	ck_assert_ptr_null(gor_list_insert_before_value(&other, gor_any_of(3), two));
	ck_assert(gor_any_is_nil(gor_list_remove_value(&other, two)));
	ck_assert(gor_any_as(gor_list_remove_value(&l, two), int, &n));
	ck_assert_int_eq(n, 2);
	gor_any_free(&gor_list_entry(gor_list_front(&l), gor_list_elem, node)->value);
	gor_list_remove_value(&l, gor_list_entry(gor_list_front(&l), gor_list_elem, node));
	gor_list_each(node, &l)
	{
		ck_assert(gor_any_as(gor_list_entry(node, gor_list_elem, node)->value, int, &n));
		ck_assert_int_eq(n, expected);
		expected += 2;
	}
	gor_list_free_values(&l);
	ck_assert_uint_eq(gor_list_len(&l), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("list");
	TCase *tcase = tcase_create("list");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, zero_list_is_empty);
	tcase_add_test(tcase, nodes_are_pushed_and_inserted_where_told);
	tcase_add_test(tcase, removed_node_can_be_pushed_again);
	tcase_add_test(tcase, nodes_move_to_any_place);
	tcase_add_test(tcase, node_of_another_list_is_left_alone);
	tcase_add_test(tcase, pushing_a_node_twice_panics);
	tcase_add_test(tcase, splice_moves_all_nodes_in_order);
	tcase_add_test(tcase, safe_loop_allows_removal);
	tcase_add_test(tcase, values_are_held_and_given_back);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
