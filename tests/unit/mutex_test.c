/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_mutex: exclusion, ownership, misuse, both modes, bias, what a dump can read.
 */
#include "sync_test.h"

#include "sys/barrier.h"

enum { MANY = 200, TURNS = 500 };

static gor_mutex mu;
static gor_waitgroup wg;
static long counter; /* under mu */
static int inside;   /* goroutines that hold mu */
static int64_t waiter_goid;
static int order[MANY], norder; /* under mu */

/* Nobody holds it or waits for it. */
static bool is_free(const gor_mutex *m)
{
	return !(m->word & ~(uint64_t)GORI_MU_BIASED & ((1u << GORI_MU_SHIFT) - 1));
}

/* ---- exclusion ------------------------------------------------------------------------------------------ */

static void add_many(int n)
{
	for (int i = 0; i < n; i++) {
		gor_mutex_lock(&mu);
		ck_assert_int_eq(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST), 1);
		counter++;
		if (i % 7 == 0)
			gor_yield();
		__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		gor_mutex_unlock(&mu);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(only_one_goroutine_at_a_time_holds_it)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, MANY);
	for (int i = 0; i < MANY; i++)
		go(add_many, TURNS);
	gor_waitgroup_wait(&wg);
	ck_assert_int_eq(counter, MANY * TURNS);
	ck_assert(is_free(&mu));
	ck_assert_ptr_null(mu.waiters.first);
}
END_TEST

static void hammer_some(int n)
{
	for (int i = 0; i < n; i++) {
		gor_mutex_lock(&mu);
		counter++;
		gor_mutex_unlock(&mu);
	}
}

static void hammer(int n)
{
	hammer_some(n);
	gor_waitgroup_done(&wg);
}

START_TEST(short_sections_lose_no_update)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go(hammer, 200000);
	gor_waitgroup_wait(&wg);
	ck_assert_int_eq(counter, 8 * 200000);
	ck_assert(is_free(&mu));
}
END_TEST

/* Each mutex is freed by whoever is the last to use it, right after its unlock. */
struct shared {
	gor_mutex mu;
	int users; /* under mu */
};

static void use_and_free(struct shared *s)
{
	bool last;

	gor_mutex_lock(&s->mu);
	last = --s->users == 0;
	gor_mutex_unlock(&s->mu);
	if (last) {
		memset(s, 0xa5, sizeof *s);
		free(s);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(may_be_freed_by_its_last_user)
{
	WITH_PROCS();
	for (int i = 0; i < 3000; i++) {
		struct shared *s = calloc(1, sizeof *s);

		s->users = 4;
		gor_waitgroup_add(&wg, s->users);
		for (int k = 0; k < 4; k++)
			go(use_and_free, s);
		if (i % 16 == 0)
			gor_waitgroup_wait(&wg);
	}
	gor_waitgroup_wait(&wg);
}
END_TEST

/* ---- waiting ---------------------------------------------------------------------------------------------- */

static void lock_note_unlock(int id)
{
	waiter_goid = gor_goid();
	gor_mutex_lock(&mu);
	order[norder++] = id;
	gor_mutex_unlock(&mu);
}

START_TEST(unlock_lets_a_waiter_in)
{
	WITH_PROCS();
	gor_mutex_lock(&mu);
	go(lock_note_unlock, 7);
	settle();
	ck_assert_int_eq(norder, 0);
	gor_mutex_unlock(&mu);
	settle();
	ck_assert_int_eq(norder, 1);
	ck_assert_int_eq(order[0], 7);
}
END_TEST

START_TEST(waiters_are_served_in_order)
{
	gor_maxprocs(1);
	gor_mutex_lock(&mu);
	for (int i = 0; i < 20; i++) {
		go(lock_note_unlock, i);
		settle();
	}
	gor_mutex_unlock(&mu);
	settle();
	ck_assert_int_eq(norder, 20);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(try_lock_takes_a_free_lock_only)
{
	WITH_PROCS();
	ck_assert(gor_mutex_try_lock(&mu));
	ck_assert(!gor_mutex_try_lock(&mu));
	go(lock_note_unlock, 1);
	settle();
	ck_assert(!gor_mutex_try_lock(&mu));
	gor_mutex_unlock(&mu);
	settle();
	ck_assert(gor_mutex_try_lock(&mu));
	gor_mutex_unlock(&mu);
}
END_TEST

static bool stop;

/* Holds the lock nearly always, and never gives way while it does not. */
static void hog(void)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		int64_t until = gor_now() + 300 * GOR_US;

		gor_mutex_lock(&mu);
		while (gor_now() < until)
			gor_yield();
		gor_mutex_unlock(&mu);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(a_starving_waiter_gets_the_lock)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 2);
	go(hog);
	go(hog);
	for (int i = 0; i < 20; i++) {
		gor_mutex_lock(&mu);
		gor_mutex_unlock(&mu);
		gor_sleep(100 * GOR_US);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	gor_waitgroup_wait(&wg);
	ck_assert_uint_eq(mu.word, 0);
}
END_TEST

/* ---- bias -------------------------------------------------------------------------------------------------- */

extern uint32_t gori_multi;

/* Takes it until it is biased to this P, where that can be. */
static void bias_it(gor_mutex *m)
{
	bool can = gori_multi && gori_barrier_restart_slot();

	for (int i = 0; i < 1000000 && !(m->word & GORI_MU_BIASED) && (can || i < 2000); i++) {
		gor_mutex_lock(m);
		gor_mutex_unlock(m);
	}
	ck_assert_int_eq((m->word & GORI_MU_BIASED) != 0, can);
	ck_assert(is_free(m));
}

/* While this goroutine keeps its P busy, fn runs on another one. */
static void run_elsewhere(void (*fn)(void))
{
	norder = 0;
	go(fn);
	while (!__atomic_load_n(&norder, __ATOMIC_ACQUIRE))
		;
	settle();
}

static void lock_and_unlock(void)
{
	gor_mutex_lock(&mu);
	ck_assert_int_eq((int64_t)(mu.word >> GORI_MU_SHIFT), gor_goid());
	__atomic_store_n(&norder, 1, __ATOMIC_RELEASE);
	gor_mutex_unlock(&mu);
}

static void try_lock_and_unlock(void)
{
	ck_assert(gor_mutex_try_lock(&mu));
	__atomic_store_n(&norder, 1, __ATOMIC_RELEASE);
	gor_mutex_unlock(&mu);
}

START_TEST(a_biased_lock_can_be_taken_anywhere)
{
	WITH_PROCS();
	for (int i = 0; i < 20; i++) {
		bias_it(&mu);
		run_elsewhere(i & 1 ? lock_and_unlock : try_lock_and_unlock);
		ck_assert(is_free(&mu));
	}
	gor_maxprocs(_i);
	bias_it(&mu);
	gor_maxprocs(1);
	run_elsewhere(lock_and_unlock);
}
END_TEST

START_TEST(a_biased_lock_excludes_and_queues)
{
	WITH_PROCS();
	bias_it(&mu);
	gor_mutex_lock(&mu);
	ck_assert_int_eq((int64_t)(mu.word >> GORI_MU_SHIFT), gor_goid());
	ck_assert(!gor_mutex_try_lock(&mu));
	go(lock_note_unlock, 7);
	settle();
	ck_assert_int_eq(norder, 0);
	ck_assert_uint_eq(mu.word, (uint64_t)gor_goid() << GORI_MU_SHIFT | GORI_MU_QUEUED | GORI_MU_LOCKED);
	gor_mutex_unlock(&mu);
	settle();
	ck_assert_int_eq(norder, 1);
}
END_TEST

/* The holder of a biased lock goes on on another P, and takes the bias with it. */
START_TEST(bias_follows_the_holder)
{
	WITH_PROCS();
	for (int i = 0; i < 20; i++) {
		bias_it(&mu);
		gor_mutex_lock(&mu);
		gor_sleep(100 * GOR_US);
		gor_mutex_unlock(&mu);
		ck_assert(is_free(&mu));
		gor_mutex_lock(&mu);
		gor_mutex_unlock(&mu);
	}
}
END_TEST

START_TEST(a_biased_lock_may_be_freed_by_its_last_user)
{
	WITH_PROCS();
	for (int i = 0; i < 300; i++) {
		struct shared *s = calloc(1, sizeof *s);

		bias_it(&s->mu);
		s->users = 4;
		gor_waitgroup_add(&wg, s->users);
		for (int k = 0; k < 4; k++)
			go(use_and_free, s);
		gor_waitgroup_wait(&wg);
	}
}
END_TEST

static void hammer_in_turns(int n)
{
	for (int i = 0; i < n; i++) {
		hammer_some(1500);
		gor_yield();
	}
	gor_waitgroup_done(&wg);
}

START_TEST(bias_comes_and_goes_without_a_lost_update)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 3);
	for (int i = 0; i < 3; i++)
		go(hammer_in_turns, 200);
	gor_waitgroup_wait(&wg);
	ck_assert_int_eq(counter, 3 * 200 * 1500);
	ck_assert(is_free(&mu));
}
END_TEST

static void child_with_a_biased_lock(void)
{
	gor_mutex_lock(&mu);
	gor_mutex_unlock(&mu);
	gor_maxprocs(2);
	run_elsewhere(lock_and_unlock);
	bias_it(&mu);
	run_elsewhere(lock_and_unlock);
	fprintf(stderr, "as before\n");
	_exit(2);
}

START_TEST(a_biased_lock_survives_fork)
{
	WITH_PROCS();
	bias_it(&mu);
	expect_death(child_with_a_biased_lock, "as before");
	run_elsewhere(lock_and_unlock);
}
END_TEST

/* ---- what a dump reads --------------------------------------------------------------------------------------- */

START_TEST(the_word_names_the_holder)
{
	WITH_PROCS();
	ck_assert_int_eq(gor_goid(), 1);
	gor_mutex_lock(&mu);
	ck_assert_uint_eq(mu.word, (uint64_t)gor_goid() << GORI_MU_SHIFT | GORI_MU_LOCKED);
	ck_assert_int_eq(mu.last, gor_goid());
	ck_assert_ptr_nonnull(mu.pc);
	gor_mutex_unlock(&mu);
	ck_assert_uint_eq(mu.word, 0);
	ck_assert_int_eq(mu.last, gor_goid());
}
END_TEST

START_TEST(a_waiter_tells_what_it_waits_for)
{
	struct gori_waiter *w;

	WITH_PROCS();
	gor_mutex_lock(&mu);
	go(lock_note_unlock, 1);
	settle();
	w = mu.waiters.first;
	ck_assert_ptr_nonnull(w);
	ck_assert_ptr_eq(w->obj, &mu);
	ck_assert_ptr_nonnull(w->elem);
	ck_assert_int_eq(w->g->goid, waiter_goid);
	ck_assert_int_eq(w->g->wait, GORI_WAIT_MUTEX_LOCK);
	ck_assert_ptr_eq(w->g->wait_obj, &mu);
	ck_assert_ptr_eq(w->g->waiters, w);
	ck_assert_uint_eq(w->g->nwaiters, 1);
	ck_assert_uint_eq(mu.word & GORI_MU_QUEUED, GORI_MU_QUEUED);
	gor_mutex_unlock(&mu);
	settle();
	ck_assert_ptr_null(mu.waiters.first);
	ck_assert_uint_eq(mu.word, 0);
}
END_TEST

static void lock_and_end(void)
{
	waiter_goid = gor_goid();
	gor_mutex_lock(&mu);
}

START_TEST(a_holder_that_ended_stays_on_record)
{
	WITH_PROCS();
	go(lock_and_end);
	settle();
	ck_assert_int_eq((int64_t)(mu.word >> GORI_MU_SHIFT), waiter_goid);
	ck_assert_int_eq(mu.last, waiter_goid);
	ck_assert(!gor_mutex_try_lock(&mu));
}
END_TEST

/* ---- ownership and misuse -------------------------------------------------------------------------------------- */

static void unlock_it(void)
{
	gor_mutex_unlock(&mu);
}

START_TEST(a_disowned_lock_may_be_unlocked_by_anyone)
{
	WITH_PROCS();
	gor_mutex_lock(&mu);
	gor_mutex_disown(&mu);
	ck_assert_uint_eq(mu.word, GORI_MU_LOCKED);
	ck_assert(!gor_mutex_try_lock(&mu));
	go(unlock_it);
	gor_mutex_lock(&mu);
	gor_mutex_unlock(&mu);
	ck_assert_uint_eq(mu.word, 0);
}
END_TEST

START_TEST(a_biased_lock_can_be_disowned)
{
	WITH_PROCS();
	bias_it(&mu);
	gor_mutex_lock(&mu);
	gor_mutex_disown(&mu);
	ck_assert_uint_eq(mu.word, GORI_MU_LOCKED);
	go(unlock_it);
	settle();
	ck_assert_uint_eq(mu.word, 0);
}
END_TEST

START_TEST(disowning_with_waiters_keeps_them_queued)
{
	WITH_PROCS();
	gor_mutex_lock(&mu);
	go(lock_note_unlock, 1);
	settle();
	gor_mutex_disown(&mu);
	ck_assert_int_eq(norder, 0);
	go(unlock_it);
	settle();
	ck_assert_int_eq(norder, 1);
	ck_assert_uint_eq(mu.word, 0);
}
END_TEST

static void die_unlocking_unlocked(void)
{
	gor_mutex_unlock(&mu);
}

static void die_unlocking_biased_twice(void)
{
	bias_it(&mu);
	gor_mutex_lock(&mu);
	gor_mutex_unlock(&mu);
	gor_mutex_unlock(&mu);
}

static void die_unlocking_biased_anothers(void)
{
	bias_it(&mu);
	gor_mutex_lock(&mu);
	go(unlock_it);
	gor_sleep(10 * GOR_SECOND);
}

static void die_unlocking_twice(void)
{
	gor_mutex_lock(&mu);
	gor_mutex_unlock(&mu);
	gor_mutex_unlock(&mu);
}

static void die_unlocking_anothers(void)
{
	gor_mutex_lock(&mu);
	go(unlock_it);
	gor_sleep(10 * GOR_SECOND);
}

static void die_disowning_anothers(void)
{
	gor_mutex_disown(&mu);
}

static void die_unlocking_disowned_twice(void)
{
	gor_mutex_lock(&mu);
	gor_mutex_disown(&mu);
	gor_mutex_unlock(&mu);
	gor_mutex_unlock(&mu);
}

START_TEST(misuse_is_a_fatal_error)
{
	WITH_PROCS();
	expect_death(die_unlocking_unlocked, "fatal error: sync: unlock of unlocked mutex");
	expect_death(die_unlocking_twice, "fatal error: sync: unlock of unlocked mutex");
	expect_death(die_unlocking_anothers, "fatal error: sync: unlock of mutex held by goroutine 1");
	expect_death(die_unlocking_biased_twice, "fatal error: sync: unlock of unlocked mutex");
	expect_death(die_unlocking_biased_anothers, "fatal error: sync: unlock of mutex held by goroutine 1");
	expect_death(die_disowning_anothers, "fatal error: sync: disown of mutex not held by this goroutine");
	expect_death(die_unlocking_disowned_twice, "fatal error: sync: unlock of unlocked mutex");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, only_one_goroutine_at_a_time_holds_it);
	ADD(tc, short_sections_lose_no_update);
	ADD(tc, may_be_freed_by_its_last_user);
	ADD(tc, unlock_lets_a_waiter_in);
	tcase_add_test(tc, waiters_are_served_in_order);
	ADD(tc, try_lock_takes_a_free_lock_only);
	ADD(tc, a_starving_waiter_gets_the_lock);
	ADD(tc, a_biased_lock_can_be_taken_anywhere);
	ADD(tc, a_biased_lock_excludes_and_queues);
	ADD(tc, bias_follows_the_holder);
	ADD(tc, a_biased_lock_may_be_freed_by_its_last_user);
	ADD(tc, bias_comes_and_goes_without_a_lost_update);
	ADD(tc, a_biased_lock_survives_fork);
	ADD(tc, the_word_names_the_holder);
	ADD(tc, a_waiter_tells_what_it_waits_for);
	ADD(tc, a_holder_that_ended_stays_on_record);
	ADD(tc, a_disowned_lock_may_be_unlocked_by_anyone);
	ADD(tc, a_biased_lock_can_be_disowned);
	ADD(tc, disowning_with_waiters_keeps_them_queued);
	ADD(tc, misuse_is_a_fatal_error);
}

int main(void)
{
	return run_suite("mutex", add_tests);
}
