/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the queues of a P, and of the global ones: order, overflow, stealing, and that a goroutine
 * is never lost or taken twice while thieves are about.
 *
 * How: Ps and Gs of the test's own, which no scheduler knows; thieves are plain threads.  Only the global
 * queues are the real ones: no other thread runs the scheduler here, and each test empties them.
 */
#include "sched_test.h"

#include <pthread.h>

enum { N = 20000, HALF = GORI_RUNQ_SIZE / 2 };

static struct gori_p owner, thief;
static struct gori_g gs[N];
static unsigned char taken[N]; /* atomic */

static int number(struct gori_g *g)
{
	return g ? (int)(g - gs) : -1;
}

/* As if there were several Ps: thieves are possible. */
static void set_up(void)
{
	memset(&owner, 0, sizeof owner);
	memset(&thief, 0, sizeof thief);
	memset(taken, 0, sizeof taken);
	owner.rand = thief.rand = 1;
	store(&gori_multi, 1);
}

static struct gori_g *get_global(struct gori_p *p, uint32_t max)
{
	struct gori_g *g;

	gori_lock(&gori_sched.lock);
	g = gori_globq_get(p, max);
	gori_unlock(&gori_sched.lock);
	return g;
}

/* ---- order -------------------------------------------------------------------------------------------------------- */

START_TEST(the_ring_is_first_in_first_out)
{
	set_up();
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 200; i++)
			gori_runq_put(&owner, &gs[i]);
		for (int i = 0; i < 200; i++)
			ck_assert_int_eq(number(gori_runq_get(&owner)), i);
		ck_assert(gori_runq_empty(&owner));
	}
	ck_assert_ptr_null(gori_runq_get(&owner));
}
END_TEST

START_TEST(what_was_readied_last_runs_next_and_the_one_before_goes_to_the_ring)
{
	set_up();
	gori_runq_put(&owner, &gs[0]);
	gori_runq_put_next(&owner, &gs[1]);
	gori_runq_put_next(&owner, &gs[2]);
	ck_assert_int_eq(number(gori_runq_get(&owner)), 2);
	ck_assert_int_eq(number(gori_runq_get(&owner)), 0);
	ck_assert_int_eq(number(gori_runq_get(&owner)), 1);
	ck_assert(gori_runq_empty(&owner));
}
END_TEST

START_TEST(new_goroutines_run_newest_first_and_after_the_ring)
{
	set_up();
	for (int i = 0; i < 10; i++)
		gori_runq_put_fresh(&owner, &gs[i]);
	gori_runq_put(&owner, &gs[100]);
	ck_assert_int_eq(number(gori_runq_get(&owner)), 100);
	for (int i = 9; i >= 0; i--)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert(gori_runq_empty(&owner));
}
END_TEST

START_TEST(a_flush_puts_new_goroutines_into_the_ring_oldest_first)
{
	set_up();
	gori_runq_put(&owner, &gs[100]);
	for (int i = 0; i < 10; i++)
		gori_runq_put_fresh(&owner, &gs[i]);
	gori_runq_flush_fresh(&owner);
	gori_runq_put(&owner, &gs[101]);
	ck_assert_int_eq(number(gori_runq_get(&owner)), 100);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert_int_eq(number(gori_runq_get(&owner)), 101);
}
END_TEST

START_TEST(a_fair_turn_takes_the_ring_before_what_was_readied_last)
{
	set_up();
	owner.fresh_since = INT64_MAX / 2; /* no new ones yet */
	gori_runq_put(&owner, &gs[0]);
	gori_runq_put_next(&owner, &gs[1]);
	gori_runq_put_fresh(&owner, &gs[2]);
	ck_assert_int_eq(number(gori_runq_get_fair(&owner)), 0);
	ck_assert_int_eq(number(gori_runq_get_fair(&owner)), 1);
	ck_assert_int_eq(number(gori_runq_get_fair(&owner)), 2);
}
END_TEST

START_TEST(a_fair_turn_brings_the_oldest_new_ones_forward_from_time_to_time)
{
	set_up();
	gor_now(); /* the coarse clock is set */
	for (int i = 0; i < 10; i++)
		gori_runq_put_fresh(&owner, &gs[i]);
	gori_runq_put_next(&owner, &gs[100]);
	ck_assert_int_eq(number(gori_runq_get_fair(&owner)), 0);
	ck_assert_int_eq(number(gori_runq_get_fair(&owner)), 1);
}
END_TEST

START_TEST(empty_and_waiting_tell_the_queues_apart)
{
	set_up();
	ck_assert(gori_runq_empty(&owner) && !gori_runq_waiting(&owner));
	gori_runq_put_next(&owner, &gs[0]);
	ck_assert(!gori_runq_empty(&owner) && !gori_runq_waiting(&owner));
	gori_runq_get(&owner);
	gori_runq_put(&owner, &gs[0]);
	ck_assert(!gori_runq_empty(&owner) && gori_runq_waiting(&owner));
	gori_runq_get(&owner);
	gori_runq_put_fresh(&owner, &gs[0]);
	ck_assert(!gori_runq_empty(&owner) && gori_runq_waiting(&owner));
	gori_runq_get(&owner);
	ck_assert(gori_runq_empty(&owner));
}
END_TEST

/* ---- overflow and the global queues ---------------------------------------------------------------------------------- */

START_TEST(half_of_a_full_ring_and_the_newcomer_go_to_the_global_queue)
{
	set_up();
	for (int i = 0; i <= GORI_RUNQ_SIZE; i++)
		gori_runq_put(&owner, &gs[i]);
	ck_assert_uint_eq(gori_sched.runq.size, HALF + 1);
	for (int i = HALF; i < GORI_RUNQ_SIZE; i++)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert(gori_runq_empty(&owner));
	for (int i = 0; i < HALF; i++)
		ck_assert_int_eq(number(get_global(&thief, 1)), i);
	ck_assert_int_eq(number(get_global(&thief, 1)), GORI_RUNQ_SIZE);
	ck_assert_uint_eq(gori_sched.runq.size, 0);
	ck_assert_ptr_null(gori_sched.runq.tail);
}
END_TEST

START_TEST(a_p_takes_its_share_of_the_global_queue)
{
	set_up();
	gori_sched.nprocs = 2;
	gori_lock(&gori_sched.lock);
	for (int i = 0; i < 1000; i++)
		gori_globq_put(&gs[i]);
	gori_unlock(&gori_sched.lock);
	ck_assert_int_eq(number(get_global(&owner, GORI_RUNQ_SIZE)), 0);
	ck_assert_uint_eq(1000 - gori_sched.runq.size, HALF);
	for (int i = 1; i < (int)(1000 - gori_sched.runq.size); i++)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert(gori_runq_empty(&owner));
	while (get_global(&owner, GORI_RUNQ_SIZE))
		while (gori_runq_get(&owner))
			;
	ck_assert_uint_eq(gori_sched.runq.size, 0);
}
END_TEST

START_TEST(new_goroutines_that_overflow_come_back_newest_first)
{
	set_up();
	for (int i = 0; i <= GORI_RUNQ_SIZE; i++)
		gori_runq_put_fresh(&owner, &gs[i]);
	ck_assert_uint_eq(gori_sched.fresh.size, HALF); /* the oldest */
	for (int i = GORI_RUNQ_SIZE; i >= HALF; i--)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert(gori_runq_empty(&owner));
	ck_assert_int_eq(number(gori_globfresh_get(&owner, 10)), HALF - 1);
	for (int i = HALF - 2; i > HALF - 11; i--)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert(gori_runq_empty(&owner));
	while (gori_globfresh_get(&owner, 1))
		;
	ck_assert_uint_eq(gori_sched.fresh.size, 0);
}
END_TEST

START_TEST(put_behind_all_is_behind_the_ring_and_both_global_queues)
{
	static const int overflows[] = {0,   1,   7,   8,   9,   100, 118,  119, 120,
					126, 127, 128, 129, 135, 136, 1000, 1007};

	set_up();
	gori_sched.nprocs = 1; /* with several, others take their share */
	for (int k = 0; k < (int)(sizeof overflows / sizeof overflows[0]); k++) {
		struct gori_g *batch[1] = {&gs[2000]};
		int n = overflows[k], seen = 0;

		gori_lock(&gori_sched.lock);
		for (int i = 0; i < n; i++)
			gori_globq_put(&gs[i]);
		gori_unlock(&gori_sched.lock);
		gori_globfresh_put(batch, 1);
		for (int i = 0; i < 200; i++)
			gori_runq_put(&owner, &gs[2001 + i]);
		gori_runq_flush_fresh(&owner);
		gori_runq_put_behind_all(&owner, &gs[3000]);
		for (int turn = 1;; turn++) { /* as find_here does: the global queue first at every 61st */
			struct gori_g *g = turn % 61 ? NULL : get_global(&owner, 1);

			if (!g)
				g = gori_runq_get(&owner);
			if (!g)
				g = get_global(&owner, GORI_RUNQ_SIZE);
			if (g == &gs[3000])
				break;
			seen++;
		}
		ck_assert_int_eq(seen, n + 1 + 200);
		ck_assert(gori_runq_empty(&owner) && !gori_sched.runq.size && !gori_sched.fresh.size);
	}
}
END_TEST

/* ---- stealing ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_thief_takes_the_older_half_of_the_ring)
{
	set_up();
	for (int i = 0; i < 101; i++)
		gori_runq_put(&owner, &gs[i]);
	ck_assert_int_eq(number(gori_runq_steal(&thief, &owner)), 50); /* runs the last of what it took */
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(number(gori_runq_get(&thief)), i);
	ck_assert(gori_runq_empty(&thief));
	for (int i = 51; i < 101; i++)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	ck_assert_ptr_null(gori_runq_steal(&thief, &owner));
}
END_TEST

START_TEST(a_thief_takes_the_older_half_of_the_new_ones)
{
	set_up();
	for (int i = 0; i < 100; i++)
		gori_runq_put_fresh(&owner, &gs[i]);
	ck_assert_int_eq(number(gori_runq_steal(&thief, &owner)), 0);
	for (int i = 49; i > 0; i--)
		ck_assert_int_eq(number(gori_runq_get(&thief)), i);
	ck_assert(gori_runq_empty(&thief));
	for (int i = 99; i >= 50; i--)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
}
END_TEST

START_TEST(a_thief_takes_the_only_one)
{
	set_up();
	gori_runq_put(&owner, &gs[1]);
	ck_assert_int_eq(number(gori_runq_steal(&thief, &owner)), 1);
	gori_runq_put_fresh(&owner, &gs[2]);
	ck_assert_int_eq(number(gori_runq_steal(&thief, &owner)), 2);
	ck_assert(gori_runq_empty(&owner) && gori_runq_empty(&thief));
}
END_TEST

START_TEST(the_counters_of_the_rings_may_wrap)
{
	set_up();
	owner.runq_head = owner.runq_tail = UINT32_MAX - 100;
	owner.fresh_top = owner.fresh_bottom = UINT32_MAX - 50;
	thief.runq_head = thief.runq_tail = UINT32_MAX - 10;
	for (int i = 0; i < 200; i++)
		gori_runq_put(&owner, &gs[i]);
	for (int i = 0; i < 200; i++)
		gori_runq_put_fresh(&owner, &gs[1000 + i]);
	ck_assert_int_eq(number(gori_runq_steal(&thief, &owner)), 99);
	for (int i = 0; i < 99; i++)
		ck_assert_int_eq(number(gori_runq_get(&thief)), i);
	for (int i = 100; i < 200; i++)
		ck_assert_int_eq(number(gori_runq_get(&owner)), i);
	for (int i = 199; i >= 0; i--)
		ck_assert_int_eq(number(gori_runq_get(&owner)), 1000 + i);
	ck_assert(gori_runq_empty(&owner));
}
END_TEST

/* ---- thieves at work ------------------------------------------------------------------------------------------------------- */

static int ntaken, over; /* atomic */

static void take(struct gori_g *g)
{
	REQUIRE(__atomic_fetch_add(&taken[number(g)], 1, __ATOMIC_SEQ_CST) == 0);
	increment(&ntaken);
}

static void *steal_all(void *arg)
{
	struct gori_p *mine = calloc(1, sizeof *mine + 64);

	(void)arg;
	mine = (struct gori_p *)(((uintptr_t)mine + 63) & ~(uintptr_t)63); /* it is aligned to a cache line */
	while (!load(&over)) {
		struct gori_g *g = gori_runq_steal(mine, &owner);

		if (!g)
			g = get_global(mine, 5);
		if (!g)
			g = gori_globfresh_get(mine, 5);
		while (g) {
			take(g);
			g = gori_runq_get(mine);
		}
	}
	return NULL;
}

/* Puts each in once, in all ways, and takes some itself. */
static void put_all(uint32_t rand)
{
	for (int next = 0; next < N;) {
		struct gori_g *g;

		switch (gori_fastrand(&rand) % 8) {
		case 0:
		case 1:
			gori_runq_put(&owner, &gs[next++]);
			break;
		case 2:
		case 3:
		case 4:
			gori_runq_put_fresh(&owner, &gs[next++]);
			break;
		case 5:
			gori_runq_put_next(&owner, &gs[next++]);
			break;
		case 6:
			if (gori_fastrand(&rand) % 16 == 0)
				gori_runq_flush_fresh(&owner);
			else if ((g = gori_runq_get_fair(&owner)))
				take(g);
			break;
		default:
			for (uint32_t k = gori_fastrand(&rand) % 6; k > 0 && (g = gori_runq_get(&owner)); k--)
				take(g);
		}
	}
}

START_TEST(no_goroutine_is_lost_or_taken_twice)
{
	pthread_t t[3];

	for (int round = 0; round < 10; round++) {
		struct gori_g *g;

		set_up();
		store(&ntaken, 0);
		store(&over, 0);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(pthread_create(&t[i], NULL, steal_all, NULL), 0);
		put_all(2654435761u * (uint32_t)(round + 1));
		while (load(&ntaken) < N)
			if ((g = gori_runq_get(&owner)))
				take(g);
		store(&over, 1);
		for (int i = 0; i < 3; i++)
			pthread_join(t[i], NULL);
		for (int i = 0; i < N; i++)
			REQUIRE(taken[i] == 1);
		ck_assert(gori_runq_empty(&owner) && !gori_sched.runq.size && !gori_sched.fresh.size);
	}
}
END_TEST

/* The deque's hard case: owner and thieves meet at the last element, again and again. */
START_TEST(the_last_new_goroutine_goes_to_the_owner_or_to_one_thief)
{
	pthread_t t[3];

	set_up();
	store(&ntaken, 0);
	store(&over, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, steal_all, NULL), 0);
	for (int i = 0; i < N; i++) {
		struct gori_g *g;

		gori_runq_put_fresh(&owner, &gs[i]);
		if (i % 3 == 0)
			gori_pause();
		if ((g = gori_runq_get(&owner)))
			take(g);
	}
	while (load(&ntaken) < N)
		;
	store(&over, 1);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < N; i++)
		REQUIRE(taken[i] == 1);
}
END_TEST

/* ---- the suite ---------------------------------------------------------------------------------------------------------------- */

static void add_tests(TCase *tc)
{
	ADD_ONCE(tc, the_ring_is_first_in_first_out);
	ADD_ONCE(tc, what_was_readied_last_runs_next_and_the_one_before_goes_to_the_ring);
	ADD_ONCE(tc, new_goroutines_run_newest_first_and_after_the_ring);
	ADD_ONCE(tc, a_flush_puts_new_goroutines_into_the_ring_oldest_first);
	ADD_ONCE(tc, a_fair_turn_takes_the_ring_before_what_was_readied_last);
	ADD_ONCE(tc, a_fair_turn_brings_the_oldest_new_ones_forward_from_time_to_time);
	ADD_ONCE(tc, empty_and_waiting_tell_the_queues_apart);
	ADD_ONCE(tc, half_of_a_full_ring_and_the_newcomer_go_to_the_global_queue);
	ADD_ONCE(tc, a_p_takes_its_share_of_the_global_queue);
	ADD_ONCE(tc, new_goroutines_that_overflow_come_back_newest_first);
	ADD_ONCE(tc, put_behind_all_is_behind_the_ring_and_both_global_queues);
	ADD_ONCE(tc, a_thief_takes_the_older_half_of_the_ring);
	ADD_ONCE(tc, a_thief_takes_the_older_half_of_the_new_ones);
	ADD_ONCE(tc, a_thief_takes_the_only_one);
	ADD_ONCE(tc, the_counters_of_the_rings_may_wrap);
	ADD_ONCE(tc, no_goroutine_is_lost_or_taken_twice);
	ADD_ONCE(tc, the_last_new_goroutine_goes_to_the_owner_or_to_one_thief);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "runq", add_tests, NULL);
}
