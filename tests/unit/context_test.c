/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_context: cancelling down a tree, deadlines, values, ownership, races.
 */
#include "sync_test.h"

static gor_waitgroup wg;
static int woken; /* atomic */

static bool is_done(gor_context *ctx)
{
	return chan_try_recv(gor_ctx_done(ctx), NULL);
}

/* ---- cancelling ------------------------------------------------------------------------------------------- */

START_TEST(background_is_never_cancelled)
{
	gor_context *bg = gor_ctx_background();

	WITH_PROCS();
	ck_assert_ptr_eq(bg, gor_ctx_background());
	ck_assert_ptr_null((void *)gor_ctx_done(bg));
	ck_assert_ptr_null(gor_ctx_err(bg));
	ck_assert_ptr_null(gor_ctx_value(bg, &woken));
	gor_ctx_free(bg);
	gor_ctx_free(NULL);
}
END_TEST

START_TEST(cancel_reaches_everything_below)
{
	gor_context *root = gor_ctx_with_cancel(gor_ctx_background());
	gor_context *a = gor_ctx_with_cancel(root), *aa = gor_ctx_with_cancel(a);
	gor_context *v = gor_ctx_with_value(a, &woken, root), *va = gor_ctx_with_timeout(v, GOR_MINUTE);
	gor_context *b = gor_ctx_with_cancel(root);

	WITH_PROCS();
	gor_ctx_cancel(a);
	ck_assert(is_done(a) && is_done(aa) && is_done(v) && is_done(va));
	ck_assert(!is_done(root) && !is_done(b));
	ck_assert_str_eq(gor_ctx_err(a), "context canceled");
	ck_assert_ptr_eq(gor_ctx_err(va), gor_ctx_canceled);
	ck_assert_ptr_null(gor_ctx_err(root));
	ck_assert_ptr_null(va->timer->p);
	gor_ctx_cancel(a);
	gor_ctx_cancel(root);
	ck_assert(is_done(b));
	gor_ctx_free(root);
	gor_ctx_free(a);
	gor_ctx_free(aa);
	gor_ctx_free(v);
	gor_ctx_free(va);
	gor_ctx_free(b);
}
END_TEST

START_TEST(a_child_of_a_cancelled_parent_is_cancelled)
{
	gor_context *root = gor_ctx_with_cancel(gor_ctx_background()), *child;

	WITH_PROCS();
	gor_ctx_cancel(root);
	child = gor_ctx_with_timeout(root, GOR_SECOND);
	ck_assert(is_done(child));
	ck_assert_ptr_eq(gor_ctx_err(child), gor_ctx_canceled);
	gor_ctx_free(root);
	gor_ctx_free(child);
}
END_TEST

static void wait_done(gor_context *ctx)
{
	chan_recv(gor_ctx_done(ctx), NULL);
	ck_assert_ptr_eq(gor_ctx_err(ctx), gor_ctx_canceled);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
}

START_TEST(cancel_wakes_all_that_wait)
{
	gor_context *root = gor_ctx_with_cancel(gor_ctx_background()), *child = gor_ctx_with_cancel(root);

	WITH_PROCS();
	for (int i = 0; i < 50; i++)
		go(wait_done, child);
	settle();
	ck_assert_int_eq(woken, 0);
	gor_ctx_cancel(root);
	settle();
	ck_assert_int_eq(woken, 50);
	gor_ctx_free(root);
	gor_ctx_free(child);
}
END_TEST

/* As deep as no recursion on a small stack could go. */
START_TEST(a_very_deep_tree_is_cancelled)
{
	enum { DEPTH = 100000 };
	gor_context **all = calloc(DEPTH, sizeof(gor_context *));

	WITH_PROCS();
	all[0] = gor_ctx_with_cancel(gor_ctx_background());
	for (int i = 1; i < DEPTH; i++)
		all[i] = gor_ctx_with_cancel(all[i - 1]);
	gor_ctx_cancel(all[0]);
	ck_assert(is_done(all[DEPTH - 1]));
	for (int i = 0; i < DEPTH; i++)
		gor_ctx_free(all[i]);
	free(all);
}
END_TEST

/* ---- deadlines ---------------------------------------------------------------------------------------------- */

START_TEST(a_deadline_cancels_everything_below)
{
	int64_t when = gor_now() + 20 * GOR_MS;
	gor_context *root, *child, *later;
	bool early;

	WITH_PROCS();
	root = gor_ctx_with_deadline(gor_ctx_background(), when);
	child = gor_ctx_with_cancel(root);
	later = gor_ctx_with_timeout(child, GOR_MINUTE);
	early = gor_ctx_err(later) != NULL;
	ck_assert(!early || gor_now() >= when); /* a busy machine may have taken that long */
	chan_recv(gor_ctx_done(later), NULL);
	ck_assert_int_ge(gor_now(), when);
	ck_assert_ptr_eq(gor_ctx_err(root), gor_ctx_deadline_exceeded);
	ck_assert_str_eq(gor_ctx_err(child), "context deadline exceeded");
	ck_assert_ptr_eq(gor_ctx_err(later), gor_ctx_deadline_exceeded);
	gor_ctx_cancel(root);
	ck_assert_ptr_eq(gor_ctx_err(root), gor_ctx_deadline_exceeded);
	gor_ctx_free(root);
	gor_ctx_free(child);
	gor_ctx_free(later);
}
END_TEST

START_TEST(the_earlier_deadline_counts)
{
	gor_context *a = gor_ctx_with_timeout(gor_ctx_background(), GOR_SECOND);
	gor_context *b = gor_ctx_with_timeout(a, GOR_MINUTE), *c = gor_ctx_with_timeout(a, GOR_MS);
	int64_t ta = 0, tb = 0, tc = 0;

	WITH_PROCS();
	ck_assert(gor_ctx_deadline(a, &ta));
	ck_assert(gor_ctx_deadline(b, &tb));
	ck_assert(gor_ctx_deadline(c, &tc));
	ck_assert_int_eq(ta, tb);
	ck_assert_int_lt(tc, ta);
	ck_assert_ptr_null(b->timer);
	ck_assert(!gor_ctx_deadline(gor_ctx_background(), &ta));
	ck_assert_int_eq(ta, tb);
	gor_ctx_free(a);
	gor_ctx_free(b);
	gor_ctx_free(c);
}
END_TEST

START_TEST(a_deadline_in_the_past_cancels_at_once)
{
	gor_context *a, *b;

	WITH_PROCS();
	a = gor_ctx_with_deadline(gor_ctx_background(), gor_now() - 1);
	b = gor_ctx_with_timeout(gor_ctx_background(), INT64_MIN);
	ck_assert(is_done(a) && is_done(b));
	ck_assert_ptr_eq(gor_ctx_err(a), gor_ctx_deadline_exceeded);
	gor_ctx_free(a);
	gor_ctx_free(b);
	a = gor_ctx_with_timeout(gor_ctx_background(), INT64_MAX);
	ck_assert(!is_done(a));
	gor_ctx_cancel(a);
	ck_assert_ptr_eq(gor_ctx_err(a), gor_ctx_canceled);
	gor_ctx_free(a);
}
END_TEST

START_TEST(freeing_drops_the_timer)
{
	WITH_PROCS();
	for (int i = 0; i < 1000; i++) {
		gor_context *ctx = gor_ctx_with_timeout(gor_ctx_background(), i % 50 * GOR_US);

		gor_ctx_free(ctx);
	}
	gor_sleep(5 * GOR_MS);
}
END_TEST

/* ---- values and ownership -------------------------------------------------------------------------------------- */

START_TEST(the_nearest_value_counts)
{
	static int key_a, key_b, key_c;
	gor_context *a = gor_ctx_with_value(gor_ctx_background(), &key_a, "one");
	gor_context *b = gor_ctx_with_cancel(a), *c = gor_ctx_with_value(b, &key_b, "two");
	gor_context *d = gor_ctx_with_value(c, &key_a, "three");

	WITH_PROCS();
	ck_assert_str_eq(gor_ctx_value(d, &key_a), "three");
	ck_assert_str_eq(gor_ctx_value(d, &key_b), "two");
	ck_assert_str_eq(gor_ctx_value(c, &key_a), "one");
	ck_assert_ptr_null(gor_ctx_value(d, &key_c));
	ck_assert_ptr_null((void *)gor_ctx_done(a));
	gor_ctx_cancel(b);
	ck_assert(is_done(d));
	gor_ctx_free(a);
	gor_ctx_free(b);
	gor_ctx_free(c);
	ck_assert_str_eq(gor_ctx_value(d, &key_b), "two");
	gor_ctx_free(d);
}
END_TEST

START_TEST(a_child_keeps_its_parent)
{
	gor_context *a = gor_ctx_with_cancel(gor_ctx_background()), *b = gor_ctx_with_cancel(a), *c;

	WITH_PROCS();
	c = gor_ctx_with_cancel(b);
	gor_ctx_free(b);
	ck_assert(!is_done(c));
	gor_ctx_cancel(a);
	ck_assert(is_done(c));
	gor_ctx_free(a);
	gor_ctx_free(gor_ctx_ref(c));
	ck_assert_ptr_eq(gor_ctx_err(c), gor_ctx_canceled);
	gor_ctx_free(c);
}
END_TEST

/* ---- races -------------------------------------------------------------------------------------------------------- */

/* Children come and go, with deadlines about to pass, while the parent is being cancelled. */
static void make_and_drop(gor_context *parent, int seed)
{
	for (int i = 0; i < 40; i++) {
		gor_context *a = gor_ctx_with_timeout(parent, (seed * 7 + i) % 60 * GOR_US);
		gor_context *b = gor_ctx_with_timeout(a, 20 * GOR_US), *c = gor_ctx_with_cancel(b);

		if (i % 3 == 0)
			gor_ctx_cancel(a);
		if (i % 5 == 0)
			gor_yield();
		gor_ctx_free(a);
		if (i % 4 == 0)
			chan_recv(gor_ctx_done(c), NULL);
		gor_ctx_free(c);
		gor_ctx_free(b);
	}
	gor_ctx_free(parent);
	gor_waitgroup_done(&wg);
}

START_TEST(cancel_deadline_and_free_may_race)
{
	WITH_PROCS();
	for (int round = 0; round < 60; round++) {
		gor_context *root = gor_ctx_with_timeout(gor_ctx_background(), round * 10 * GOR_US);

		gor_waitgroup_add(&wg, 12);
		for (int i = 0; i < 12; i++)
			go(make_and_drop, gor_ctx_ref(root), i + round);
		gor_sleep(round % 7 * 20 * GOR_US);
		gor_ctx_cancel(root);
		gor_ctx_free(root);
		gor_waitgroup_wait(&wg);
	}
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------------------------------- */

static void die_without_parent(void)
{
	gor_ctx_with_cancel(NULL);
}

static void die_without_key(void)
{
	gor_ctx_with_value(gor_ctx_background(), NULL, &woken);
}

static void die_cancelling_background(void)
{
	gor_ctx_cancel(gor_ctx_background());
}

START_TEST(misuse_panics)
{
	WITH_PROCS();
	expect_death(die_without_parent, "panic: cannot create context from nil parent");
	expect_death(die_without_key, "panic: nil key");
	expect_death(die_cancelling_background, "panic: context cannot be canceled");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, background_is_never_cancelled);
	ADD(tc, cancel_reaches_everything_below);
	ADD(tc, a_child_of_a_cancelled_parent_is_cancelled);
	ADD(tc, cancel_wakes_all_that_wait);
	ADD(tc, a_very_deep_tree_is_cancelled);
	ADD(tc, a_deadline_cancels_everything_below);
	ADD(tc, the_earlier_deadline_counts);
	ADD(tc, a_deadline_in_the_past_cancels_at_once);
	ADD(tc, freeing_drops_the_timer);
	ADD(tc, the_nearest_value_counts);
	ADD(tc, a_child_keeps_its_parent);
	ADD(tc, cancel_deadline_and_free_may_race);
	ADD(tc, misuse_panics);
}

int main(void)
{
	return run_suite("context", add_tests);
}
