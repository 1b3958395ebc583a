/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_singleflight: one call for many askers, keys, forget, how calls may end.
 */
#include "sync_test.h"

static gor_singleflight sf;
static gor_waitgroup wg;
static int calls, got, shared_answers, panics; /* atomic */
static chan(int) gate;

static int answer(void *arg, void **ret_value)
{
	__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
	if (gate)
		chan_recv(gate, NULL);
	*ret_value = arg;
	return 42;
}

static void ask(const char *key, char *arg)
{
	void *value = NULL;
	bool shared = false;

	ck_assert_int_eq(gor_singleflight_do(&sf, key, answer, arg, &value, &shared), 42);
	ck_assert_str_eq(value, key);
	__atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&shared_answers, shared, __ATOMIC_SEQ_CST);
}

START_TEST(many_askers_make_one_call)
{
	WITH_PROCS();
	gate = chan_make(int, 0);
	for (int i = 0; i < 50; i++)
		go(ask, "a", "a");
	settle();
	ck_assert_int_eq(calls, 1);
	chan_close(gate);
	settle();
	ck_assert_int_eq(got, 50);
	ck_assert_int_eq(shared_answers, 50);
	ask("a", "a");
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(shared_answers, 50);
}
END_TEST

START_TEST(each_key_has_its_own_call)
{
	static char keys[40][8];

	WITH_PROCS();
	gate = chan_make(int, 0);
	for (int i = 0; i < 40; i++) {
		snprintf(keys[i], sizeof keys[i], "k%d", i);
		go(ask, keys[i], keys[i]);
		go(ask, keys[i], keys[i]);
	}
	settle();
	ck_assert_int_eq(calls, 40);
	chan_close(gate);
	settle();
	ck_assert_int_eq(got, 80);
	for (int i = 0; i < GORI_SINGLEFLIGHT_BUCKETS; i++)
		ck_assert_ptr_null(sf.flights[i]);
}
END_TEST

START_TEST(after_forget_the_next_call_starts_anew)
{
	WITH_PROCS();
	gate = chan_make(int, 0);
	go(ask, "a", "a");
	settle();
	gor_singleflight_forget(&sf, "a");
	gor_singleflight_forget(&sf, "b");
	go(ask, "a", "a");
	settle();
	ck_assert_int_eq(calls, 2);
	chan_close(gate);
	settle();
	ck_assert_int_eq(got, 2);
	ck_assert_int_eq(shared_answers, 0);
}
END_TEST

static void ask_often(int n)
{
	for (int i = 0; i < n; i++)
		ask(i % 2 ? "x" : "y", i % 2 ? "x" : "y");
	gor_waitgroup_done(&wg);
}

static int answer_slowly(void *arg, void **ret_value)
{
	gor_yield();
	*ret_value = arg;
	return 0;
}

static void ask_slowly(int n)
{
	for (int i = 0; i < n; i++) {
		char *key = i % 3 ? "p" : "q";
		void *value;

		gor_singleflight_do(&sf, key, answer_slowly, key, &value, NULL);
		ck_assert_str_eq(value, key);
		if (i % 50 == 0)
			gor_singleflight_forget(&sf, key);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(answers_are_never_mixed_up)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 16);
	for (int i = 0; i < 8; i++) {
		go(ask_often, 2000);
		go(ask_slowly, 2000);
	}
	gor_waitgroup_wait(&wg);
}
END_TEST

static int panic_then(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	chan_recv(gate, NULL);
	panic("no answer");
}

static void count_panic(void)
{
	if (recover().type)
		__atomic_add_fetch(&panics, 1, __ATOMIC_SEQ_CST);
}

static void ask_in_vain(void)
{
	defer(count_panic);
	gor_singleflight_do(&sf, "a", panic_then, NULL, NULL, NULL);
	__atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
}

START_TEST(a_panic_reaches_all_askers)
{
	WITH_PROCS();
	gate = chan_make(int, 0);
	for (int i = 0; i < 10; i++)
		go(ask_in_vain);
	settle();
	chan_close(gate);
	settle();
	ck_assert_int_eq(panics, 10);
	ck_assert_int_eq(got, 0);
}
END_TEST

static int exit_then(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	chan_recv(gate, NULL);
	gor_goexit();
}

static void count_end(void)
{
	__atomic_add_fetch(&panics, 1, __ATOMIC_SEQ_CST);
}

static void ask_and_end(void)
{
	defer(count_end);
	gor_singleflight_do(&sf, "a", exit_then, NULL, NULL, NULL);
	__atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
}

START_TEST(gor_goexit_ends_all_askers)
{
	WITH_PROCS();
	gate = chan_make(int, 0);
	for (int i = 0; i < 10; i++)
		go(ask_and_end);
	settle();
	chan_close(gate);
	settle();
	ck_assert_int_eq(panics, 10);
	ck_assert_int_eq(got, 0);
}
END_TEST

static int64_t asker;

static void ask_noting(void)
{
	asker = gor_goid();
	ask("a", "a");
}

START_TEST(a_waiter_tells_what_it_waits_for)
{
	struct gori_flight *f = NULL;
	int64_t flyer;

	WITH_PROCS();
	gate = chan_make(int, 0);
	go(ask_noting);
	settle();
	flyer = asker;
	go(ask_noting);
	settle();
	for (int i = 0; i < GORI_SINGLEFLIGHT_BUCKETS; i++)
		f = sf.flights[i] ? sf.flights[i] : f;
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(f->owner, flyer);
	ck_assert_str_eq(f->key, "a");
	ck_assert_int_eq(f->waiters.first->g->goid, asker);
	ck_assert_int_eq(f->waiters.first->g->wait, GORI_WAIT_SINGLEFLIGHT_WAIT);
	ck_assert_ptr_eq(f->waiters.first->g->wait_obj, f);
	chan_close(gate);
	settle();
	ck_assert_int_eq(got, 2);
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, many_askers_make_one_call);
	ADD(tc, each_key_has_its_own_call);
	ADD(tc, after_forget_the_next_call_starts_anew);
	ADD(tc, answers_are_never_mixed_up);
	ADD(tc, a_panic_reaches_all_askers);
	ADD(tc, gor_goexit_ends_all_askers);
	ADD(tc, a_waiter_tells_what_it_waits_for);
}

int main(void)
{
	return run_suite("singleflight", add_tests);
}
