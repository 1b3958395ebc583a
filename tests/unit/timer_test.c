/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the runtime's timers and of sleep: order, never early, stop and restart, races, many at
 * once, periodic ones, Ps that go away, goroutines that do not come back.
 *
 * How: through struct gori_timer, inside the runtime; a timer's function may not park, so it counts and
 * readies.  That a timer is late is never an error here, that it is early always is.
 */
#include "sched_test.h"

enum { MANY = FEWER(10000) };

static int fired; /* atomic */

static void start(struct gori_timer *t, int64_t ns, void (*fn)(void *, int64_t), void *arg)
{
	gori_enter();
	t->when = gori_deadline(ns);
	t->fn = fn;
	t->arg = arg;
	gori_timer_start(t);
	gori_exit();
}

static bool stop(struct gori_timer *t)
{
	bool stopped;

	gori_enter();
	stopped = gori_timer_stop(t);
	gori_exit();
	return stopped;
}

static void count(void *arg, int64_t now)
{
	(void)now;
	if (arg)
		increment((int *)arg);
	increment(&fired);
}

/* ---- one timer ------------------------------------------------------------------------------------------------ */

static void note_time(void *arg, int64_t now)
{
	*(int64_t *)arg = now;
	increment(&fired);
}

START_TEST(a_timer_fires_once_and_not_early)
{
	WITH_PROCS();
	struct gori_timer t = {0};
	int64_t at = 0, due = gor_now() + 2 * GOR_MS;

	start(&t, 2 * GOR_MS, note_time, &at);
	WAIT_UNTIL(load(&fired));
	ck_assert_int_ge(at, due);
	gor_sleep(2 * GOR_MS);
	ck_assert_int_eq(load(&fired), 1);
	ck_assert(!stop(&t));
}
END_TEST

START_TEST(a_timer_that_is_due_fires_at_once)
{
	WITH_PROCS();
	struct gori_timer t[3] = {{0}};

	start(&t[0], 0, count, NULL);
	start(&t[1], -GOR_SECOND, count, NULL);
	start(&t[2], 1, count, NULL);
	WAIT_UNTIL(load(&fired) == 3);
}
END_TEST

START_TEST(a_stopped_timer_does_not_fire)
{
	WITH_PROCS();
	struct gori_timer t = {0};

	start(&t, 100 * GOR_MS, count, NULL);
	ck_assert(stop(&t));
	ck_assert(!stop(&t));
	gor_sleep(110 * GOR_MS);
	ck_assert_int_eq(load(&fired), 0);
	ck_assert(!gori_timers_any());
}
END_TEST

START_TEST(a_timer_can_be_started_again)
{
	WITH_PROCS();
	struct gori_timer t = {0};

	for (int i = 0; i < 20; i++) {
		start(&t, GOR_MINUTE, count, NULL);
		REQUIRE(stop(&t));
		start(&t, 10 * GOR_US, count, NULL);
		WAIT_UNTIL(load(&fired) == i + 1);
		REQUIRE(!stop(&t));
	}
}
END_TEST

START_TEST(a_periodic_timer_fires_until_it_is_stopped)
{
	WITH_PROCS();
	struct gori_timer t = {0};
	int n;

	t.period = GOR_MS / 2;
	start(&t, GOR_MS / 2, count, NULL);
	WAIT_UNTIL(load(&fired) >= 10);
	ck_assert(stop(&t));
	n = load(&fired);
	gor_sleep(3 * GOR_MS);
	ck_assert_int_eq(load(&fired), n);
	ck_assert(!gori_timers_any());
}
END_TEST

static void fire_slowly(void *arg, int64_t now)
{
	int64_t end = gor_now() + 3 * GOR_MS;

	(void)now;
	store((int *)arg, 1);
	while (gor_now() < end)
		gori_pause();
	store((int *)arg, 0);
	increment(&fired);
}

START_TEST(stop_waits_until_the_last_firing_of_a_periodic_timer_is_over)
{
	WITH_PROCS();
	for (int i = 0; i < 10; i++) {
		struct gori_timer t = {.period = GOR_MINUTE};
		int firing = 0, before = load(&fired);

		start(&t, 0, fire_slowly, &firing);
		while (!load(&firing) && load(&fired) == before)
			;
		REQUIRE(stop(&t));
		REQUIRE(!load(&firing));
		REQUIRE(load(&fired) == before + 1);
	}
}
END_TEST

struct again {
	struct gori_timer t;
	int left;
};

static void fire_again(void *arg, int64_t now)
{
	struct again *a = arg;

	increment(&fired);
	if (--a->left > 0) {
		a->t.when = now + 50 * GOR_US;
		gori_timer_start(&a->t);
	}
}

START_TEST(a_timer_may_start_itself_again)
{
	WITH_PROCS();
	struct again a = {.left = 30};

	start(&a.t, 1, fire_again, &a);
	WAIT_UNTIL(load(&fired) == 30);
	ck_assert(!stop(&a.t));
	ck_assert_int_eq(a.left, 0);
}
END_TEST

/* ---- order ------------------------------------------------------------------------------------------------------ */

static int order[MANY], norder;

static void note_order(void *arg, int64_t now)
{
	(void)now;
	order[norder++] = (int)(intptr_t)arg;
}

START_TEST(timers_of_one_p_fire_in_the_order_of_their_times)
{
	static struct gori_timer t[500];
	int64_t now;

	gor_maxprocs(1);
	gori_enter(); /* all before any can fire */
	now = gori_deadline(5 * GOR_MS);
	for (int i = 0; i < 500; i++) {
		int rank = i * 211 % 500; /* 211 and 500 have no common factor */

		t[i].when = now + rank * GOR_US;
		t[i].fn = note_order;
		t[i].arg = (void *)(intptr_t)rank;
		gori_timer_start(&t[i]);
	}
	gori_exit();
	WAIT_UNTIL(norder == 500);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(order[i], i);
}
END_TEST

static void sleep_and_note(int64_t until, int rank, chan(int) woken)
{
	gor_sleep(until - gor_now());
	REQUIRE(gor_now() >= until);
	chan_send(woken, rank);
}

/* Whether they did.  A thread that loses its processor between reading the clock and sleeping sleeps longer. */
static bool sleepers_wake_in_order(int n)
{
	chan(int) woken = chan_make(int, (size_t)n);
	int64_t first = gor_now() + 10 * GOR_MS;
	bool in_order = true;
	int rank;

	for (int i = 0; i < n; i++)
		go(sleep_and_note, first + i * 37 % n * GOR_MS, i * 37 % n, woken);
	for (int i = 0; i < n; i++) {
		chan_recv(woken, &rank);
		in_order &= rank == i;
	}
	chan_free(woken);
	return in_order;
}

START_TEST(sleepers_wake_in_the_order_of_their_times)
{
	bool in_order = false;

	gor_maxprocs(1);
	for (int i = 0; i < 20 && !in_order; i++)
		in_order = sleepers_wake_in_order(20);
	ck_assert(in_order);
}
END_TEST

static void sleep_for_an_hour(void)
{
	gor_sleep(3600 * GOR_SECOND);
	increment(&fired);
}

/* So that no sleeper takes the way through the global queue, however many are due. */
START_TEST(no_more_sleepers_are_woken_at_a_time_than_the_ring_takes)
{
	enum { N = 2 * GORI_RUNQ_SIZE };
	struct gori_p *p;

	gor_maxprocs(1);
	for (int i = 0; i < N; i++)
		go(sleep_for_an_hour);
	p = gori_sched.allp[0];
	while (p->ntimers < N)
		gor_yield();
	while (p->ntimers) {
		gori_enter();
		gori_timers_run(p, INT64_MAX - 1);
		ck_assert_uint_le(p->runq_tail - p->runq_head, GORI_RUNQ_SIZE / 2);
		ck_assert_uint_eq(gori_sched.runq.size, 0);
		gori_exit();
		gor_yield();
	}
	WAIT_UNTIL(fired == N);
}
END_TEST

/* Parent before child, whatever is inserted and removed. */
static void check_heaps(void)
{
	gori_enter();
	for (uint32_t i = 0; i < gori_sched.nprocs; i++) {
		struct gori_p *p = gori_sched.allp[i];

		gori_plock(&p->timer_lock);
		for (uint32_t k = 0; k < p->ntimers; k++) {
			if (p->timers[k].timer->index != k || p->timers[k].timer->p != p ||
			    p->timers[k].when != p->timers[k].timer->when ||
			    (k && p->timers[(k - 1) / 4].when > p->timers[k].when))
				abort();
		}
		if (p->timer_next != (p->ntimers ? p->timers[0].when : INT64_MAX))
			abort();
		gori_punlock(&p->timer_lock);
	}
	gori_exit();
}

START_TEST(the_heap_stays_a_heap_under_starts_and_stops)
{
	enum { N = 700 };
	static struct gori_timer t[N];
	static bool active[N];
	uint32_t rand = 12345;

	WITH_PROCS();
	for (int i = 0; i < 20000; i++) {
		uint32_t k = gori_fastrand(&rand) % N;

		if (active[k])
			REQUIRE(stop(&t[k]));
		else
			start(&t[k], GOR_MINUTE + gori_fastrand(&rand) % 1000, count, NULL);
		active[k] = !active[k];
		if (i % 500 == 0)
			check_heaps();
		if (i % 100 == 0)
			gor_yield(); /* perhaps on another P afterwards */
	}
	for (int k = 0; k < N; k++)
		REQUIRE(stop(&t[k]) == active[k]);
	check_heaps();
	ck_assert(!gori_timers_any());
	ck_assert_int_eq(load(&fired), 0);
}
END_TEST

/* ---- many ---------------------------------------------------------------------------------------------------------- */

static struct gori_timer timers[MANY];
static int shots[MANY]; /* atomic */

START_TEST(ten_thousand_timers_fire_once_each)
{
	WITH_PROCS();
	for (int i = 0; i < MANY; i++) {
		start(&timers[i], i * 7919 % 20000 * GOR_US, count, &shots[i]);
		if (i % 64 == 0)
			gor_yield();
	}
	WAIT_UNTIL(load(&fired) == MANY);
	gor_sleep(GOR_MS);
	for (int i = 0; i < MANY; i++)
		REQUIRE(load(&shots[i]) == 1);
	ck_assert(!gori_timers_any());
}
END_TEST

START_TEST(of_ten_thousand_timers_those_stopped_do_not_fire)
{
	int stopped = 0;

	WITH_PROCS();
	for (int i = 0; i < MANY; i++)
		start(&timers[i], (2000 + i * 7919 % 20000) * GOR_US, count, &shots[i]);
	for (int i = 0; i < MANY; i += 2) {
		if (stop(&timers[i])) {
			stopped++;
			REQUIRE(load(&shots[i]) == 0);
		} else {
			REQUIRE(load(&shots[i]) == 1);
		}
	}
	WAIT_UNTIL(load(&fired) == MANY - stopped);
	gor_sleep(GOR_MS);
	ck_assert_int_eq(load(&fired), MANY - stopped);
	for (int i = 1; i < MANY; i += 2)
		REQUIRE(load(&shots[i]) == 1);
	ck_assert(!gori_timers_any());
}
END_TEST

static void sleep_once(int64_t ns, chan(gor_unit) done)
{
	int64_t before = gor_now();

	gor_sleep(ns);
	REQUIRE(gor_now() - before >= ns);
	say_done(done);
}

START_TEST(ten_thousand_goroutines_sleep_at_once)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < MANY; i++)
		go(sleep_once, i * 7919 % 30000 * GOR_US, done);
	await(done, MANY);
	ck_assert(!gori_timers_any());
}
END_TEST

/* ---- races ------------------------------------------------------------------------------------------------------------- */

/* Either stop kept it from firing, or it has fired and is over: never both, never neither. */
static void start_and_stop(int n, int seed, chan(gor_unit) done)
{
	struct gori_timer t;
	uint32_t rand = (uint32_t)seed * 2654435761u | 1;
	int mine = 0, expected = 0;

	memset(&t, 0, sizeof t);
	for (int i = 0; i < n; i++) {
		start(&t, gori_fastrand(&rand) % 30 * GOR_US, count, &mine);
		switch (gori_fastrand(&rand) % 4) {
		case 0:
			gor_yield();
			break;
		case 1:
			gor_sleep(gori_fastrand(&rand) % 30 * GOR_US);
			break;
		}
		if (!stop(&t))
			expected++;
		REQUIRE(load(&mine) == expected);
		REQUIRE(!load(&t.firing));
	}
	say_done(done);
}

START_TEST(stop_races_with_firing_and_one_of_them_wins)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 6; i++)
		go(start_and_stop, 3000, i + 1, done);
	await(done, 6);
	ck_assert(!gori_timers_any());
}
END_TEST

/* ---- Ps come, go and are busy ------------------------------------------------------------------------------------------- */

START_TEST(timers_move_when_their_p_goes_away)
{
	static const int ns[] = {4, 1, 3, 2, 1, 8, 1};
	chan(gor_unit) done = chan_make(gor_unit, 0);

	gor_maxprocs(4);
	for (int i = 0; i < 1000; i++)
		go(sleep_once, (1 + i % 40) * GOR_MS / 2, done);
	for (int i = 0; i < 7; i++) {
		gor_maxprocs(ns[i]);
		gor_sleep(GOR_MS);
		check_heaps();
	}
	await(done, 1000);
}
END_TEST

static int stop_looping; /* atomic */

static void loop(chan(gor_unit) done)
{
	while (!load(&stop_looping))
		;
	say_done(done);
}

START_TEST(timers_fire_although_goroutines_loop)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 5; i++)
		go(loop, done);
	for (int i = 0; i < 5; i++)
		gor_sleep(100 * GOR_US);
	ck_assert_int_eq(chan_select(recv_case(done, NULL), timeout_case(GOR_MS)), 1);
	store(&stop_looping, 1);
	await(done, 5);
}
END_TEST

START_TEST(a_timer_set_by_a_goroutine_that_then_loops_fires)
{
	WITH_PROCS();
	struct gori_timer t = {0};

	start(&t, GOR_MS, count, NULL);
	while (!load(&fired)) /* only sysmon and other threads can run it */
		;
}
END_TEST

/* ---- sleep --------------------------------------------------------------------------------------------------------------- */

START_TEST(sleep_of_nothing_only_yields)
{
	WITH_PROCS();
	gor_sleep(0);
	gor_sleep(-1);
	gor_sleep(INT64_MIN);
}
END_TEST

static void sleep_for_ever(int64_t ns)
{
	gor_sleep(ns);
	increment(&fired);
}

START_TEST(the_longest_sleep_does_not_overflow)
{
	WITH_PROCS();
	go(sleep_for_ever, INT64_MAX);
	go(sleep_for_ever, INT64_MAX - 1);
	go(sleep_for_ever, INT64_MAX / 2);
	settle();
	gor_sleep(GOR_MS);
	ck_assert_int_eq(load(&fired), 0);
}
END_TEST

START_TEST(sleep_lasts_at_least_as_long_as_asked)
{
	static const int64_t ns[] = {1, GOR_US, 50 * GOR_US, GOR_MS, 5 * GOR_MS, 20 * GOR_MS};

	WITH_PROCS();
	for (int i = 0; i < 6; i++) {
		int64_t before = gor_now();

		gor_sleep(ns[i]);
		ck_assert_int_ge(gor_now() - before, ns[i]);
	}
}
END_TEST

/* ---- the suite -------------------------------------------------------------------------------------------------------------- */

static void add_tests(TCase *tc)
{
	ADD(tc, a_timer_fires_once_and_not_early);
	ADD(tc, a_timer_that_is_due_fires_at_once);
	ADD(tc, a_stopped_timer_does_not_fire);
	ADD(tc, a_timer_can_be_started_again);
	ADD(tc, a_periodic_timer_fires_until_it_is_stopped);
	ADD(tc, stop_waits_until_the_last_firing_of_a_periodic_timer_is_over);
	ADD(tc, a_timer_may_start_itself_again);
	ADD_ONCE(tc, timers_of_one_p_fire_in_the_order_of_their_times);
	ADD_ONCE(tc, sleepers_wake_in_the_order_of_their_times);
	ADD(tc, the_heap_stays_a_heap_under_starts_and_stops);
	ADD(tc, ten_thousand_timers_fire_once_each);
	ADD(tc, of_ten_thousand_timers_those_stopped_do_not_fire);
	ADD(tc, ten_thousand_goroutines_sleep_at_once);
	ADD(tc, stop_races_with_firing_and_one_of_them_wins);
	ADD_ONCE(tc, timers_move_when_their_p_goes_away);
	ADD(tc, timers_fire_although_goroutines_loop);
	ADD(tc, a_timer_set_by_a_goroutine_that_then_loops_fires);
	tcase_add_test(tc, no_more_sleepers_are_woken_at_a_time_than_the_ring_takes);
	ADD(tc, sleep_of_nothing_only_yields);
	ADD(tc, the_longest_sleep_does_not_overflow);
	ADD(tc, sleep_lasts_at_least_as_long_as_asked);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "timer", add_tests, NULL);
}
