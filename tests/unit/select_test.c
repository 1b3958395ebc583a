/* SPDX-License-Identifier: MIT */
/*
 * What: tests of select: which case is taken, waiting on many channels, timeouts, close, fairness, races.
 *
 * How: selects of a size that is not known when writing are made of arrays of struct gor_case, as the macro
 * makes them.  After each select that waited, no queue may hold a waiter of it.
 */
#include "sched_test.h"

#include <limits.h>
#include <math.h>

#include "sys/options.h"

enum { MANY = 1000 };
static const int sizes[] = {1, 2, 3, 8, 10, 11, 64, MANY}; /* 10 is what fits without the heap */
enum { NSIZES = sizeof sizes / sizeof sizes[0] };

static int progress;           /* atomic */
static int64_t goid_of_waiter; /* atomic */

static void make_channels(chan(int) * c, int n, size_t cap)
{
	for (int i = 0; i < n; i++)
		c[i] = chan_make(int, cap);
}

static bool nobody_waits_on_any(chan(int) * c, int n)
{
	for (int i = 0; i < n; i++)
		if (!nobody_waits(c[i]))
			return false;
	return true;
}

/* ---- which case --------------------------------------------------------------------------------------------- */

START_TEST(the_ready_case_is_taken_before_the_default)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 1), b = chan_make(int, 1);
	int v = 0;

	chan_send(a, 5);
	ck_assert_int_eq(chan_select(default_case(), recv_case(b, &v), recv_case(a, &v)), 2);
	ck_assert_int_eq(v, 5);
	ck_assert_int_eq(chan_select(send_case(a, 6), default_case()), 0);
	ck_assert_int_eq(chan_select(send_case(a, 7), default_case()), 1);
	ck_assert_uint_eq(chan_len(a), 1);
}
END_TEST

START_TEST(the_default_is_taken_when_nothing_is_ready)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 0), full = chan_make(int, 1);
	int v = 3;

	chan_send(full, 1);
	ck_assert_int_eq(chan_select(recv_case(a, &v), send_case(a, 1), send_case(full, 2), default_case()),
			 3);
	ck_assert_int_eq(chan_select(default_case()), 0);
	ck_assert_int_eq(v, 3);
	ck_assert(nobody_waits(a));
}
END_TEST

START_TEST(nil_channels_are_ignored)
{
	WITH_PROCS();
	chan(int) nil = NULL, a = chan_make(int, 1);
	int v = 0;

	ck_assert_int_eq(chan_select(recv_case(nil, &v), send_case(nil, 1), default_case()), 2);
	ck_assert_int_eq(chan_select(recv_case(nil, &v), send_case(a, 1), send_case(nil, 2)), 1);
	ck_assert_int_eq(chan_select(recv_case(nil, &v), timeout_case(GOR_MS)), 1);
	ck_assert_int_eq(chan_select(recv_case(nil, &v), recv_case(a, &v)), 1);
	ck_assert_int_eq(v, 1);
}
END_TEST

static void select_on_nil(void)
{
	chan(int) nil = NULL;

	store(&goid_of_waiter, gor_goid());
	chan_select(recv_case(nil, NULL), send_case(nil, 1));
	increment(&progress);
}

static void select_without_cases(void)
{
	store(&goid_of_waiter, gor_goid());
	chan_select();
	increment(&progress);
}

START_TEST(a_select_of_nil_channels_blocks_for_ever)
{
	WITH_PROCS();
	go(select_on_nil);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	ck_assert(is_parked(load(&goid_of_waiter), GORI_WAIT_SELECT, NULL));
}
END_TEST

START_TEST(a_select_without_cases_blocks_for_ever)
{
	WITH_PROCS();
	go(select_without_cases);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	ck_assert(is_parked(load(&goid_of_waiter), GORI_WAIT_SELECT_NO_CASES, NULL));
}
END_TEST

START_TEST(a_select_of_any_size_finds_the_case_that_is_ready)
{
	WITH_PROCS();
	for (int k = 0; k < NSIZES; k++) {
		static struct gor_case cases[MANY];
		static chan(int) c[MANY];
		int n = sizes[k], v;

		make_channels(c, n, 1);
		for (int i = 0; i < n; i++)
			cases[i] = recv_case(c[i], &v);
		for (int i = 0; i < n; i += 1 + n / 20) {
			chan_send(c[i], i);
			REQUIRE(gor_chan_select(cases, n) == i);
			REQUIRE(v == i);
		}
	}
}
END_TEST

static int evaluated;

static chan(int) evaluate(chan(int) c)
{
	evaluated++;
	return c;
}

START_TEST(operands_are_evaluated_once_and_in_every_case)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 1), b = chan_make(int, 0);
	int v[2] = {0, 0}, at = 0, value = 10;

	chan_send(a, 4);
	ck_assert_int_eq(chan_select(recv_case(evaluate(a), &v[at++]), send_case(evaluate(b), value++)), 0);
	ck_assert_int_eq(evaluated, 2);
	ck_assert_int_eq(at, 1);
	ck_assert_int_eq(value, 11);
	ck_assert_int_eq(v[0], 4);
}
END_TEST

struct point {
	int x, y;
	char pad[50];
};

START_TEST(a_send_case_takes_structs_and_converts_scalars)
{
	WITH_PROCS();
	chan(struct point) c = chan_make(struct point, 2);
	chan(double) d = chan_make(double, 1);
	struct point p = {1, 2, "three"}, got;
	double x;

	ck_assert_int_eq(chan_select(send_case(c, p)), 0);
	ck_assert_int_eq(chan_select(send_case(c, {.x = 7})), 0);
	ck_assert_int_eq(chan_select(send_case(d, 3)), 0);
	chan_recv(c, &got);
	ck_assert(got.x == 1 && got.y == 2 && !strcmp(got.pad, "three"));
	chan_recv(c, &got);
	ck_assert(got.x == 7 && got.y == 0 && !got.pad[0]);
	chan_recv(d, &x);
	ck_assert(x == 3.0);
}
END_TEST

static void select_too_many(void)
{
	struct gor_case *cases = calloc(100000, sizeof *cases);

	gor_chan_select(cases, 100000);
}

START_TEST(too_many_cases_panic)
{
	WITH_PROCS();
	expect_panic(select_too_many, "select: too many cases");
}
END_TEST

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static chan(int) channels[MANY];

/* Selects with one receive per channel, and tells which case and value it got. */
static void select_recv(int n, chan(int) which, chan(int) value)
{
	struct gor_case *cases = calloc((size_t)n, sizeof *cases);
	int v = -1, i;

	for (i = 0; i < n; i++)
		cases[i] = recv_case(channels[i], &v);
	store(&goid_of_waiter, gor_goid());
	i = gor_chan_select(cases, n);
	free(cases);
	chan_send(which, i);
	chan_send(value, v);
}

START_TEST(a_waiting_select_of_any_size_is_woken_by_any_of_its_channels)
{
	WITH_PROCS();
	chan(int) which = chan_make(int, 0), value = chan_make(int, 0);

	make_channels(channels, MANY, 0);
	for (int k = 0; k < NSIZES; k++) {
		int n = sizes[k];

		for (int i = 0; i < n; i += 1 + n / 20) {
			int chosen, v;

			go(select_recv, n, which, value);
			settle();
			REQUIRE(find_g(load(&goid_of_waiter))->nwaiters == (uint32_t)n);
			chan_send(channels[i], 1000 + i);
			chan_recv(which, &chosen);
			REQUIRE(chosen == i);
			chan_recv(value, &v);
			REQUIRE(v == 1000 + i);
			REQUIRE(nobody_waits_on_any(channels, n));
		}
	}
}
END_TEST

static void select_send(int n, chan(int) which)
{
	struct gor_case *cases = calloc((size_t)n, sizeof *cases);
	int *v = calloc((size_t)n, sizeof *v), i;

	for (i = 0; i < n; i++) {
		v[i] = i * 3;
		cases[i] = recv_case(channels[i], &v[i]);
		cases[i].kind = GORI_CASE_SEND;
	}
	i = gor_chan_select(cases, n);
	free(cases);
	free(v);
	chan_send(which, i);
}

START_TEST(a_waiting_select_of_sends_gives_the_value_of_its_case)
{
	WITH_PROCS();
	chan(int) which = chan_make(int, 0);

	make_channels(channels, MANY, 0);
	for (int k = 0; k < NSIZES; k++) {
		int n = sizes[k];

		for (int i = 0; i < n; i += 1 + n / 20) {
			int chosen, v;

			go(select_send, n, which);
			settle();
			chan_recv(channels[i], &v);
			REQUIRE(v == i * 3);
			chan_recv(which, &chosen);
			REQUIRE(chosen == i);
			REQUIRE(nobody_waits_on_any(channels, n));
		}
	}
}
END_TEST

static void select_on_duplicates(chan(int) a, chan(int) b, chan(int) which)
{
	int v = 0, w = 0;
	int i = chan_select(recv_case(a, &v), recv_case(b, &w), recv_case(a, &v), recv_case(a, &v),
			    recv_case(b, &w));

	REQUIRE(i == 1 || i == 4 ? w == 8 && v == 0 : v == 7 && w == 0);
	chan_send(which, i);
}

START_TEST(a_channel_may_stand_in_several_cases)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0), which = chan_make(int, 0);
	int i;

	for (int round = 0; round < 100; round++) {
		go(select_on_duplicates, a, b, which);
		if (round % 3)
			settle();
		if (round % 2)
			chan_send(a, 7);
		else
			chan_send(b, 8);
		chan_recv(which, &i);
		REQUIRE(round % 2 ? i == 0 || i == 2 || i == 3 : i == 1 || i == 4);
		REQUIRE(nobody_waits(a) && nobody_waits(b));
	}
}
END_TEST

static void select_send_and_recv(chan(int) c, chan(int) which)
{
	int v = -1;
	int i = chan_select(send_case(c, 5), recv_case(c, &v));

	REQUIRE(i == 0 || v == 6);
	chan_send(which, i);
}

START_TEST(a_select_does_not_meet_itself)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0), which = chan_make(int, 0);
	int i, v;

	go(select_send_and_recv, c, which);
	settle();
	ck_assert_uint_eq(chan_len(which), 0);
	ck_assert_ptr_nonnull(inside(c)->recvq.first);
	ck_assert_ptr_nonnull(inside(c)->sendq.first);
	chan_recv(c, &v);
	ck_assert_int_eq(v, 5);
	chan_recv(which, &i);
	ck_assert_int_eq(i, 0);
	ck_assert(nobody_waits(c));

	go(select_send_and_recv, c, which);
	settle();
	chan_send(c, 6);
	chan_recv(which, &i);
	ck_assert_int_eq(i, 1);
	ck_assert(nobody_waits(c));
}
END_TEST

START_TEST(send_and_recv_on_one_buffered_channel_take_turns)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 1);
	int v = 0;

	for (int i = 0; i < 100; i++) {
		int chosen = chan_select(recv_case(c, &v), send_case(c, i));

		REQUIRE(chosen == (i % 2 ? 0 : 1));
		REQUIRE(!(i % 2) || v == i - 1);
	}
}
END_TEST

static void meet(chan(int) c, int mine, int other, chan(int) which)
{
	int v = -1;
	int i = chan_select(recv_case(c, &v), send_case(c, mine));

	REQUIRE(v == (i == 0 ? other : -1));
	chan_send(which, i);
}

START_TEST(two_selects_that_could_meet_both_ways_meet_once)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0), which = chan_make(int, 0);

	for (int round = 0; round < 1000; round++) {
		int first, second;

		go(meet, c, 1, 2, which);
		go(meet, c, 2, 1, which);
		chan_recv(which, &first);
		chan_recv(which, &second);
		REQUIRE(first + second == 1); /* one sent, the other received */
		REQUIRE(nobody_waits(c));
	}
}
END_TEST

static void recv_one_by_select(chan(int) c, chan(int) never, int *ret, chan(gor_unit) done)
{
	REQUIRE(chan_select(recv_case(never, NULL), recv_case(c, ret)) == 1);
	say_done(done);
}

static void recv_one(chan(int) c, int *ret, chan(gor_unit) done)
{
	chan_recv(c, ret);
	say_done(done);
}

START_TEST(waiting_selects_and_receivers_are_served_in_the_order_of_their_coming)
{
	enum { N = 30 };

	WITH_PROCS();
	chan(int) c = chan_make(int, 0), never = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, N);
	int got[N];

	for (int i = 0; i < N; i++) {
		if (i % 3)
			go(recv_one_by_select, c, never, &got[i], done);
		else
			go(recv_one, c, &got[i], done);
		settle();
	}
	for (int i = 0; i < N; i++)
		chan_send(c, i);
	await(done, N);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(got[i], i);
	ck_assert(nobody_waits(never) && nobody_waits(c));
}
END_TEST

/* ---- timeouts ---------------------------------------------------------------------------------------------------- */

START_TEST(the_shortest_timeout_wins)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	int64_t start = gor_now();

	ck_assert_int_eq(chan_select(timeout_case(GOR_MINUTE), recv_case(c, NULL), timeout_case(2 * GOR_MS),
				     timeout_case(GOR_SECOND)),
			 2);
	ck_assert_int_ge(gor_now() - start, 2 * GOR_MS);
	ck_assert(nobody_waits(c));
}
END_TEST

START_TEST(a_select_of_timeouts_only_waits_for_the_shortest)
{
	WITH_PROCS();
	int64_t start = gor_now();

	ck_assert_int_eq(chan_select(timeout_case(GOR_MINUTE), timeout_case(3 * GOR_MS)), 1);
	ck_assert_int_ge(gor_now() - start, 3 * GOR_MS);
}
END_TEST

START_TEST(a_timeout_that_is_over_is_taken_at_once_but_after_ready_cases)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 1);

	ck_assert_int_eq(chan_select(recv_case(c, NULL), timeout_case(0)), 1);
	ck_assert_int_eq(chan_select(recv_case(c, NULL), timeout_case(-5)), 1);
	ck_assert_int_eq(chan_select(recv_case(c, NULL), timeout_case(INT64_MIN)), 1);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(chan_select(timeout_case(-1), send_case(c, 1)), 1);
		ck_assert_int_eq(chan_select(timeout_case(0), recv_case(c, NULL)), 1);
	}
}
END_TEST

static void step(void)
{
	increment(&progress);
}

START_TEST(a_timeout_that_is_over_lets_nobody_else_run)
{
	gor_maxprocs(1);
	chan(int) c = chan_make(int, 0);

	go(step);
	for (int i = 0; i < 10 && !gori_options.torture; i++) {
		chan_select(recv_case(c, NULL), timeout_case(0));
		ck_assert_int_eq(load(&progress), 0);
	}
	settle();
	ck_assert_int_eq(load(&progress), 1);
}
END_TEST

START_TEST(a_timeout_is_not_taken_when_a_case_gets_ready_before)
{
	WITH_PROCS();
	chan(int) which = chan_make(int, 0), value = chan_make(int, 0);
	int v;

	make_channels(channels, 1, 0);
	go(select_recv, 1, which, value);
	ck_assert_int_eq(chan_select(send_case(channels[0], 4), timeout_case(GOR_MINUTE)), 0);
	chan_recv(which, NULL);
	chan_recv(value, &v);
	ck_assert_int_eq(v, 4);
	ck_assert(!gori_timers_any());
}
END_TEST

static void wait_with_timeout(chan(int) c, int64_t ns, chan(int) which)
{
	int i = chan_select(recv_case(c, NULL), timeout_case(ns));

	chan_send(which, i);
}

START_TEST(the_longest_timeouts_do_not_overflow)
{
	static const int64_t longest[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX - GOR_SECOND, INT64_MAX / 2};

	WITH_PROCS();
	chan(int) c = chan_make(int, 0), which = chan_make(int, 0);
	int i;

	for (int k = 0; k < 4; k++) {
		go(wait_with_timeout, c, longest[k], which);
		settle();
		ck_assert_ptr_nonnull(inside(c)->recvq.first);
		chan_send(c, 1);
		chan_recv(which, &i);
		ck_assert_int_eq(i, 0);
	}
}
END_TEST

START_TEST(a_thousand_timeouts_run_at_once)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0), which = chan_make(int, 0);
	int i;

	for (int k = 0; k < 1000; k++)
		go(wait_with_timeout, c, (1 + k % 50) * GOR_MS / 5, which);
	for (int k = 0; k < 1000; k++) {
		chan_recv(which, &i);
		REQUIRE(i == 1);
	}
	ck_assert(nobody_waits(c));
}
END_TEST

/* Counts what was received and what timed out; the sender counts what it got rid of. */
static void recv_or_time_out(chan(int) c, int n, int *ret_got, chan(gor_unit) done)
{
	int got = 0;

	for (int i = 0; i < n; i++)
		got += chan_select(recv_case(c, NULL), timeout_case(i % 40 * GOR_US)) == 0;
	*ret_got = got;
	say_done(done);
}

static void send_or_time_out(chan(int) c, int n, int *ret_sent, chan(gor_unit) done)
{
	int sent = 0;

	for (int i = 0; i < n; i++)
		sent += chan_select(timeout_case(i % 30 * GOR_US), send_case(c, i)) == 1;
	*ret_sent = sent;
	say_done(done);
}

START_TEST(timeouts_race_with_the_other_side_and_lose_no_value)
{
	enum { PAIRS = 4, TURNS = 2000 };

	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int got[PAIRS], sent[PAIRS], balance = 0;

	for (int i = 0; i < PAIRS; i++) {
		go(recv_or_time_out, c, TURNS, &got[i], done);
		go(send_or_time_out, c, TURNS, &sent[i], done);
	}
	await(done, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++)
		balance += got[i] - sent[i];
	ck_assert_int_eq(balance, 0);
	ck_assert(nobody_waits(c));
	ck_assert(!gori_timers_any());
}
END_TEST

/* ---- close ---------------------------------------------------------------------------------------------------------- */

START_TEST(ok_tells_whether_an_element_was_received)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 1), b = chan_make(int, 0);
	bool ok = false;
	int v = 1;

	chan_send(a, 9);
	ck_assert_int_eq(chan_select(recv_case(a, &v, &ok), recv_case(b, NULL)), 0);
	ck_assert(ok);
	ck_assert_int_eq(v, 9);
	chan_close(a);
	ck_assert_int_eq(chan_select(recv_case(a, &v, &ok), recv_case(b, NULL)), 0);
	ck_assert(!ok);
	ck_assert_int_eq(v, 0);
	ok = true;
	ck_assert_int_eq(chan_select(recv_case(a, NULL, &ok)), 0);
	ck_assert(!ok);
}
END_TEST

static void select_until_closed(chan(int) a, chan(int) b, chan(gor_unit) done)
{
	int v = 5;
	bool ok = true, other = true;
	int i = chan_select(recv_case(a, &v, &ok), recv_case(b, NULL, &other));

	REQUIRE(i == 0 && v == 0 && !ok && other);
	say_done(done);
}

START_TEST(close_wakes_all_selects_that_receive)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 500; i++)
		go(select_until_closed, a, b, done);
	settle();
	chan_close(a);
	await(done, 500);
	settle();
	ck_assert(nobody_waits(a) && nobody_waits(b));
}
END_TEST

static void select_send_on_closed(void)
{
	chan(int) a = chan_make(int, 1), b = chan_make(int, 0);

	chan_close(a);
	chan_select(recv_case(b, NULL), send_case(a, 1), default_case());
}

static void send_by_select(chan(int) a)
{
	chan(int) b = chan_make(int, 0);

	chan_select(recv_case(b, NULL), send_case(a, 1));
}

static void send_by_large_select(chan(int) a)
{
	struct gor_case cases[100];
	int v = 0;

	for (int i = 0; i < 100; i++)
		cases[i] = recv_case((chan(int))NULL, NULL);
	cases[50] = send_case(a, v);
	gor_chan_select(cases, 100);
}

static void close_under_a_select(void)
{
	chan(int) a = chan_make(int, 0);

	go(send_by_select, a);
	settle();
	chan_close(a);
	gor_sleep(30 * GOR_SECOND);
}

static void close_under_a_large_select(void)
{
	chan(int) a = chan_make(int, 0);

	go(send_by_large_select, a);
	settle();
	chan_close(a);
	gor_sleep(30 * GOR_SECOND);
}

START_TEST(a_send_case_on_a_closed_channel_panics)
{
	WITH_PROCS();
	expect_panic(select_send_on_closed, "send on closed channel");
	expect_panic(close_under_a_select, "send on closed channel");
	expect_panic(close_under_a_large_select, "send on closed channel");
}
END_TEST

START_TEST(a_closed_channel_is_always_ready_to_receive)
{
	WITH_PROCS();
	chan(int) closed = chan_make(int, 0), open = chan_make(int, 0);

	chan_close(closed);
	for (int i = 0; i < 100; i++) {
		REQUIRE(chan_select(recv_case(open, NULL), recv_case(closed, NULL), default_case()) == 1);
		REQUIRE(chan_select(recv_case(closed, NULL), timeout_case(0)) == 0);
	}
}
END_TEST

/* ---- fairness ------------------------------------------------------------------------------------------------------- */

/*
 * Chi square of draws among k equal cases.  Its mean is k - 1 and its deviation sqrt(2 (k - 1)); eight
 * deviations above are beyond chance, and far below what a biased draw gives.
 */
static void check_even(const int *count, int k, int draws)
{
	double expected = (double)draws / k, chi2 = 0;

	for (int i = 0; i < k; i++)
		chi2 += (count[i] - expected) * (count[i] - expected) / expected;
	ck_assert_msg(chi2 < k - 1 + 8 * sqrt(2.0 * (k - 1)), "chi square is %g for %d cases", chi2, k);
}

START_TEST(ready_cases_are_drawn_evenly)
{
	enum { DRAWS = 20000 };
	static const int ks[] = {2, 3, 8, 11, 64};

	WITH_PROCS();
	for (int round = 0; round < 5; round++) {
		struct gor_case cases[64];
		chan(int) c[64];
		int count[64] = {0}, k = ks[round];

		make_channels(c, k, 1);
		for (int i = 0; i < k; i++) {
			cases[i] = recv_case(c[i], NULL);
			if (i % 2)
				chan_send(c[i], 1);
			else
				chan_close(c[i]);
		}
		for (int n = 0; n < DRAWS; n++) {
			int i = gor_chan_select(cases, k);

			count[i]++;
			if (i % 2)
				chan_send(c[i], 1);
		}
		check_even(count, k, DRAWS);
	}
}
END_TEST

START_TEST(cases_that_are_not_ready_do_not_bias_the_draw)
{
	enum { DRAWS = 20000 };

	WITH_PROCS();
	chan(int) idle = chan_make(int, 0), a = chan_make(int, 0), b = chan_make(int, 0);
	int count[2] = {0, 0};

	chan_close(a);
	chan_close(b);
	for (int n = 0; n < DRAWS; n++) {
		int i = chan_select(recv_case(idle, NULL), recv_case(idle, NULL), recv_case(a, NULL),
				    recv_case(idle, NULL), recv_case(b, NULL), timeout_case(GOR_SECOND));

		REQUIRE(i == 2 || i == 4);
		count[i / 4]++;
	}
	check_even(count, 2, DRAWS);
}
END_TEST

/* ---- races ------------------------------------------------------------------------------------------------------------ */

enum { NCHAN = 5, NSIDE = 6, EACH = 4000 };

static unsigned char seen[NSIDE * EACH]; /* atomic */

static void scatter(chan(int) * c, int from, chan(gor_unit) done)
{
	for (int i = 0; i < EACH; i++) {
		int v = from + i;

		chan_select(send_case(c[0], v), send_case(c[1], v), send_case(c[2], v), send_case(c[3], v),
			    send_case(c[4], v));
	}
	say_done(done);
}

static void gather(chan(int) * c, chan(gor_unit) stop, chan(gor_unit) done)
{
	int v;

	while (chan_select(recv_case(c[4], &v), recv_case(c[3], &v), recv_case(c[2], &v), recv_case(c[1], &v),
			   recv_case(c[0], &v), recv_case(stop, NULL)) != 5) {
		REQUIRE(v >= 0 && v < NSIDE * EACH);
		REQUIRE(__atomic_fetch_add(&seen[v], 1, __ATOMIC_SEQ_CST) == 0);
	}
	say_done(done);
}

START_TEST(selects_meet_selects_and_every_value_arrives_once)
{
	WITH_PROCS();
	for (int round = 0; round < 2; round++) {
		chan(gor_unit) sent = chan_make(gor_unit, 0), stop = chan_make(gor_unit, 0);
		chan(gor_unit) done = chan_make(gor_unit, 0);
		chan(int) c[NCHAN];

		for (int i = 0; i < NCHAN; i++) /* rendezvous only, then mixed */
			c[i] = chan_make(int, round *i);
		memset(seen, 0, sizeof seen);
		for (int i = 0; i < NSIDE; i++) {
			go(scatter, c, i * EACH, sent);
			go(gather, c, stop, done);
		}
		await(sent, NSIDE);
		settle(); /* the buffers are drained */
		chan_close(stop);
		await(done, NSIDE);
		for (int i = 0; i < NSIDE * EACH; i++)
			REQUIRE(seen[i] == 1);
		ck_assert(nobody_waits_on_any(c, NCHAN));
	}
}
END_TEST

/* Both directions on both channels at once, locked in opposite orders if order were that of writing. */
static void swap_values(chan(int) a, chan(int) b, int n, long *ret_sum, int *ret_sent, chan(gor_unit) done)
{
	long sum = 0;
	int sent = 0, v;

	for (int i = 0; i < n; i++) {
		switch (chan_select(send_case(a, i), recv_case(b, &v), send_case(b, i), recv_case(a, &v))) {
		case 0:
		case 2:
			sum += i;
			sent++;
			break;
		default:
			sum -= v;
		}
	}
	*ret_sum = sum;
	*ret_sent = sent;
	say_done(done);
}

START_TEST(selects_that_send_and_receive_balance)
{
	enum { N = 8, TURNS = 2000 };

	WITH_PROCS();
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, N);
	long sums[N], sum = 0;
	int sent[N], total = 0;

	for (int i = 0; i < N; i++) {
		if (i % 2)
			go(swap_values, a, b, TURNS, &sums[i], &sent[i], done);
		else
			go(swap_values, b, a, TURNS, &sums[i], &sent[i], done);
	}
	/* At the end some may wait for a partner that has finished: this one meets them. */
	for (int left = N; left > 0;) {
		int v;

		switch (chan_select(recv_case(done, NULL), recv_case(a, &v), recv_case(b, &v))) {
		case 0:
			left--;
			break;
		default:
			sum -= v;
			total--;
		}
	}
	for (int i = 0; i < N; i++) {
		sum += sums[i];
		total += 2 * sent[i] - TURNS;
	}
	ck_assert_int_eq(sum, 0);
	ck_assert_int_eq(total, 0);
	ck_assert(nobody_waits(a) && nobody_waits(b));
}
END_TEST

static void recv_until_all_closed(chan(int) a, chan(int) b, int *ret_n, chan(gor_unit) done)
{
	chan(int) nil = NULL;
	int n = 0;

	while (a || b) {
		bool ok;
		int i = chan_select(recv_case(a, NULL, &ok), recv_case(b, NULL, &ok));

		if (ok)
			n++;
		else if (i == 0)
			a = nil; /* the usual idiom: a nil channel is never ready */
		else
			b = nil;
	}
	*ret_n = n;
	say_done(done);
}

START_TEST(close_races_with_selects_and_loses_nothing)
{
	WITH_PROCS();
	for (int round = 0; round < 200; round++) {
		chan(int) a = chan_make(int, round % 3), b = chan_make(int, 0);
		chan(gor_unit) done = chan_make(gor_unit, 0);
		int n[3], total = 0;

		for (int i = 0; i < 3; i++)
			go(recv_until_all_closed, a, b, &n[i], done);
		for (int i = 0; i < 20; i++)
			chan_select(send_case(a, i), send_case(b, i));
		chan_close(b);
		chan_close(a);
		await(done, 3);
		for (int i = 0; i < 3; i++)
			total += n[i];
		REQUIRE(total == 20);
		REQUIRE(nobody_waits(a) && nobody_waits(b));
		settle();
		chan_free(a);
		chan_free(b);
		chan_free(done);
	}
}
END_TEST

static void wait_for_either(chan(int) a, chan(int) b, int *ret_got, chan(gor_unit) done)
{
	int v = 7;

	chan_select(recv_case(a, &v), recv_case(b, &v));
	*ret_got = v;
	say_done(done);
}

START_TEST(a_channel_that_has_woken_a_select_may_be_freed_at_once)
{
	WITH_PROCS();
	for (int round = 0; round < 50; round++) {
		chan(int) a = chan_make(int, 0), b = chan_make(int, 0), next;
		chan(gor_unit) done = chan_make(gor_unit, 0);
		int got = 0;

		go(wait_for_either, a, b, &got, done);
		settle();
		if (round & 1)
			chan_close(a);
		else
			chan_send(a, 5);
		chan_free(a);
		next = chan_make(int, 0); /* most probably where a was */
		await(done, 1);
		REQUIRE(got == (round & 1 ? 0 : 5));
		REQUIRE(inside(next)->last_receiver == 0);
		chan_free(next);
		chan_free(b);
		chan_free(done);
	}
}
END_TEST

static void win_or_lose(chan(int) a, chan(int) b, chan(int) which)
{
	int i = chan_select(recv_case(a, NULL), recv_case(b, NULL));

	chan_send(which, i);
}

static void close_one(chan(int) c)
{
	chan_close(c);
}

START_TEST(a_select_is_won_once_when_two_channels_close_at_the_same_time)
{
	WITH_PROCS();
	chan(int) which = chan_make(int, 0);
	int i;

	for (int round = 0; round < 300; round++) {
		chan(int) a = chan_make(int, 0), b = chan_make(int, 0);

		go(win_or_lose, a, b, which);
		go(win_or_lose, b, a, which);
		if (round % 2)
			settle();
		go(close_one, a);
		go(close_one, b);
		chan_recv(which, &i);
		chan_recv(which, &i);
		settle();
		REQUIRE(nobody_waits(a) && nobody_waits(b));
		REQUIRE(!chan_try_recv(which, &i));
		chan_free(a);
		chan_free(b);
	}
}
END_TEST

static void lose_often(chan(int) busy, chan(int) idle, int n, chan(gor_unit) done)
{
	for (int i = 0; i < n; i++)
		REQUIRE(chan_select(recv_case(busy, NULL), recv_case(idle, NULL), send_case(idle, 1)) == 0);
	say_done(done);
}

START_TEST(losing_cases_leave_no_waiter_behind)
{
	enum { N = 4, TURNS = 3000 };

	WITH_PROCS();
	chan(int) busy = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, N);

	/* Each has an idle channel of its own: they would meet on a common one. */
	make_channels(channels, N, 0);
	for (int i = 0; i < N; i++)
		go(lose_often, busy, channels[i], TURNS, done);
	for (int i = 0; i < N * TURNS; i++)
		chan_send(busy, i);
	await(done, N);
	settle();
	ck_assert(nobody_waits(busy) && nobody_waits_on_any(channels, N));
	for (int i = 0; i < N; i++)
		chan_free(channels[i]);
	chan_free(busy);
}
END_TEST

static void relay(chan(int) in, chan(int) out, chan(gor_unit) stop)
{
	for (;;) {
		int v;

		if (chan_select(recv_case(in, &v), recv_case(stop, NULL)) == 1)
			return;
		if (chan_select(send_case(out, v + 1), recv_case(stop, NULL)) == 1)
			return;
	}
}

START_TEST(a_ring_of_selects_passes_tokens_until_it_is_stopped)
{
	enum { NODES = 64, TOKENS = 8 };

	WITH_PROCS();
	chan(gor_unit) stop = chan_make(gor_unit, 0);
	int before = gor_num_goroutine(), v = 0, most = 0;

	make_channels(channels, NODES, 0);
	for (int i = 0; i < NODES; i++)
		go(relay, channels[i], channels[(i + 1) % NODES], stop);
	for (int i = 0; i < TOKENS; i++)
		chan_send(channels[i * NODES / TOKENS], 0);
	for (int i = 0; i < 2000; i++) { /* takes a token from anywhere and puts it back elsewhere */
		chan_recv(channels[i % NODES], &v);
		most = v > most ? v : most;
		chan_send(channels[i * 7 % NODES], v);
	}
	chan_close(stop);
	WAIT_UNTIL(gor_num_goroutine() == before);
	ck_assert_int_gt(most, 0);
	ck_assert(nobody_waits_on_any(channels, NODES) && nobody_waits(stop));
}
END_TEST

/* ---- the suite ---------------------------------------------------------------------------------------------------------- */

static void add_tests(TCase *tc)
{
	ADD(tc, the_ready_case_is_taken_before_the_default);
	ADD(tc, the_default_is_taken_when_nothing_is_ready);
	ADD(tc, nil_channels_are_ignored);
	ADD(tc, a_select_of_nil_channels_blocks_for_ever);
	ADD(tc, a_select_without_cases_blocks_for_ever);
	ADD(tc, a_select_of_any_size_finds_the_case_that_is_ready);
	ADD(tc, operands_are_evaluated_once_and_in_every_case);
	ADD(tc, a_send_case_takes_structs_and_converts_scalars);
	ADD(tc, too_many_cases_panic);
	ADD(tc, a_waiting_select_of_any_size_is_woken_by_any_of_its_channels);
	ADD(tc, a_waiting_select_of_sends_gives_the_value_of_its_case);
	ADD(tc, a_channel_may_stand_in_several_cases);
	ADD(tc, a_select_does_not_meet_itself);
	ADD(tc, send_and_recv_on_one_buffered_channel_take_turns);
	ADD(tc, two_selects_that_could_meet_both_ways_meet_once);
	ADD(tc, waiting_selects_and_receivers_are_served_in_the_order_of_their_coming);
	ADD(tc, the_shortest_timeout_wins);
	ADD(tc, a_select_of_timeouts_only_waits_for_the_shortest);
	ADD(tc, a_timeout_that_is_over_is_taken_at_once_but_after_ready_cases);
	ADD_ONCE(tc, a_timeout_that_is_over_lets_nobody_else_run);
	ADD(tc, a_timeout_is_not_taken_when_a_case_gets_ready_before);
	ADD(tc, the_longest_timeouts_do_not_overflow);
	ADD(tc, a_thousand_timeouts_run_at_once);
	ADD(tc, timeouts_race_with_the_other_side_and_lose_no_value);
	ADD(tc, ok_tells_whether_an_element_was_received);
	ADD(tc, close_wakes_all_selects_that_receive);
	ADD(tc, a_send_case_on_a_closed_channel_panics);
	ADD(tc, a_closed_channel_is_always_ready_to_receive);
	ADD(tc, ready_cases_are_drawn_evenly);
	ADD(tc, cases_that_are_not_ready_do_not_bias_the_draw);
	ADD(tc, selects_meet_selects_and_every_value_arrives_once);
	ADD(tc, selects_that_send_and_receive_balance);
	ADD(tc, close_races_with_selects_and_loses_nothing);
	ADD(tc, a_channel_that_has_woken_a_select_may_be_freed_at_once);
	ADD(tc, a_select_is_won_once_when_two_channels_close_at_the_same_time);
	ADD(tc, losing_cases_leave_no_waiter_behind);
	ADD(tc, a_ring_of_selects_passes_tokens_until_it_is_stopped);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "select", add_tests, NULL);
}
