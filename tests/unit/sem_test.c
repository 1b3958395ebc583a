/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_sem: units, order, misuse.
 */
#include "sync_test.h"

static gor_sem sem = GOR_SEM_INIT(10);
static gor_waitgroup wg;
static int64_t lent;           /* atomic */
static int served[8], nserved; /* written by one goroutine at a time */

static void borrow_many(int64_t n)
{
	for (int i = 0; i < 1000; i++) {
		gor_sem_acquire(&sem, n);
		ck_assert_int_le(__atomic_add_fetch(&lent, n, __ATOMIC_SEQ_CST), 10);
		if (i % 3 == 0)
			gor_yield();
		__atomic_sub_fetch(&lent, n, __ATOMIC_SEQ_CST);
		gor_sem_release(&sem, n);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(never_lends_more_than_there_is)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 30);
	for (int i = 0; i < 30; i++)
		go(borrow_many, i % 10 + 1);
	gor_waitgroup_wait(&wg);
	ck_assert_int_eq(sem.held, 0);
	ck_assert_ptr_null(sem.waiters.first);
}
END_TEST

static void borrow(int64_t n)
{
	gor_sem_acquire(&sem, n);
	served[nserved++] = (int)n;
}

START_TEST(who_asks_for_many_is_not_overtaken)
{
	WITH_PROCS();
	gor_sem_acquire(&sem, 5);
	go(borrow, 8);
	settle();
	go(borrow, 1);
	settle();
	ck_assert_int_eq(nserved, 0);
	ck_assert(!gor_sem_try_acquire(&sem, 1));
	gor_sem_release(&sem, 5);
	settle();
	ck_assert_int_eq(nserved, 2);
	ck_assert_int_eq(sem.held, 9);
}
END_TEST

START_TEST(try_acquire_takes_only_what_is_there)
{
	WITH_PROCS();
	ck_assert(gor_sem_try_acquire(&sem, 10));
	ck_assert(!gor_sem_try_acquire(&sem, 1));
	ck_assert(gor_sem_try_acquire(&sem, 0));
	gor_sem_release(&sem, 3);
	ck_assert(!gor_sem_try_acquire(&sem, 4));
	ck_assert(gor_sem_try_acquire(&sem, 3));
}
END_TEST

START_TEST(asking_for_more_than_the_size_keeps_nobody_else_waiting)
{
	WITH_PROCS();
	go(borrow, 11);
	settle();
	go(borrow, 4);
	settle();
	ck_assert_int_eq(nserved, 1);
	ck_assert_int_eq(served[0], 4);
	ck_assert_ptr_null(sem.waiters.first);
}
END_TEST

START_TEST(a_waiter_tells_what_it_waits_for)
{
	WITH_PROCS();
	gor_sem_acquire(&sem, 10);
	ck_assert_int_eq(sem.last_acquirer, gor_goid());
	go(borrow, 3);
	settle();
	ck_assert_ptr_eq(sem.waiters.first->obj, &sem);
	ck_assert_uint_eq(sem.waiters.first->ticket, 3);
	ck_assert_int_eq(sem.waiters.first->g->wait, GORI_WAIT_SEMACQUIRE);
	gor_sem_release(&sem, 10);
	settle();
	ck_assert_int_eq(nserved, 1);
}
END_TEST

START_TEST(new_and_init_make_a_full_one)
{
	gor_sem *s = gor_sem_new(2), t;

	WITH_PROCS();
	gor_sem_acquire(s, 2);
	ck_assert(!gor_sem_try_acquire(s, 1));
	gor_sem_free(s);
	gor_sem_free(NULL);
	gor_sem_init(&t, 1);
	ck_assert(gor_sem_try_acquire(&t, 1));
	ck_assert(!gor_sem_try_acquire(&t, 1));
}
END_TEST

static void die_releasing_too_much(void)
{
	gor_sem_acquire(&sem, 2);
	gor_sem_release(&sem, 3);
}

static void die_acquiring_less_than_nothing(void)
{
	gor_sem_acquire(&sem, -1);
}

static void borrow_from(gor_sem *s)
{
	gor_sem_acquire(s, 1);
}

static void die_freeing_with_waiters(void)
{
	gor_sem *s = gor_sem_new(1);

	gor_sem_acquire(s, 1);
	go(borrow_from, s);
	settle();
	gor_sem_free(s);
}

START_TEST(misuse_panics)
{
	WITH_PROCS();
	expect_death(die_releasing_too_much, "panic: semaphore: released more than held");
	expect_death(die_acquiring_less_than_nothing, "panic: semaphore: negative count");
}
END_TEST

START_TEST(freeing_with_waiters_panics)
{
	WITH_PROCS();
	expect_death(die_freeing_with_waiters, "panic: semaphore: freed while goroutines wait on it");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, never_lends_more_than_there_is);
	ADD(tc, who_asks_for_many_is_not_overtaken);
	ADD(tc, try_acquire_takes_only_what_is_there);
	ADD(tc, asking_for_more_than_the_size_keeps_nobody_else_waiting);
	ADD(tc, a_waiter_tells_what_it_waits_for);
	ADD(tc, new_and_init_make_a_full_one);
	ADD(tc, misuse_panics);
	ADD(tc, freeing_with_waiters_panics);
}

int main(void)
{
	return run_suite("sem", add_tests);
}
