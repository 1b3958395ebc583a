/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_rwmutex: readers together, writers alone, turns, names of holders, misuse.
 */
#include "sync_test.h"

static gor_rwmutex rw;
static gor_waitgroup wg;
static int readers, writers; /* that are inside */
static int max_readers;
static char trace[64]; /* who got in, in order; by atomic index */
static int ntrace;

static void note(char c)
{
	trace[__atomic_fetch_add(&ntrace, 1, __ATOMIC_SEQ_CST)] = c;
}

static uint32_t reader_count(void)
{
	return (uint32_t)(rw.word >> GORI_RW_SHIFT);
}

/* ---- exclusion ------------------------------------------------------------------------------------------ */

static void read_many(int n)
{
	for (int i = 0; i < n; i++) {
		int now;

		gor_rwmutex_rlock(&rw);
		now = __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		if (now > __atomic_load_n(&max_readers, __ATOMIC_RELAXED))
			__atomic_store_n(&max_readers, now, __ATOMIC_RELAXED);
		ck_assert_int_eq(__atomic_load_n(&writers, __ATOMIC_SEQ_CST), 0);
		if (i % 5 == 0)
			gor_yield();
		__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		gor_rwmutex_runlock(&rw);
	}
	gor_waitgroup_done(&wg);
}

static void write_many(int n)
{
	for (int i = 0; i < n; i++) {
		gor_rwmutex_lock(&rw);
		ck_assert_int_eq(__atomic_add_fetch(&writers, 1, __ATOMIC_SEQ_CST), 1);
		ck_assert_int_eq(__atomic_load_n(&readers, __ATOMIC_SEQ_CST), 0);
		if (i % 3 == 0)
			gor_yield();
		__atomic_sub_fetch(&writers, 1, __ATOMIC_SEQ_CST);
		gor_rwmutex_unlock(&rw);
	}
	gor_waitgroup_done(&wg);
}

START_TEST(writers_are_alone_and_readers_are_not)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 60);
	for (int i = 0; i < 50; i++)
		go(read_many, 500);
	for (int i = 0; i < 10; i++)
		go(write_many, 500);
	gor_waitgroup_wait(&wg);
	ck_assert_int_gt(max_readers, 1);
	ck_assert_uint_eq(rw.word, 0);
	ck_assert_ptr_null(rw.readq.first);
	ck_assert_ptr_null(rw.writeq.first);
	for (int i = 0; i < GORI_RW_SLOTS; i++)
		ck_assert_int_eq(rw.readers[i].goid, 0);
}
END_TEST

/* ---- turns ------------------------------------------------------------------------------------------------ */

static void reader(void)
{
	gor_rwmutex_rlock(&rw);
	note('r');
	gor_yield();
	gor_rwmutex_runlock(&rw);
}

static void writer(void)
{
	gor_rwmutex_lock(&rw);
	note('w');
	gor_rwmutex_unlock(&rw);
}

START_TEST(a_pending_writer_keeps_new_readers_out)
{
	WITH_PROCS();
	gor_rwmutex_rlock(&rw);
	go(writer);
	settle();
	ck_assert(!gor_rwmutex_try_rlock(&rw));
	go(reader);
	settle();
	ck_assert_int_eq(ntrace, 0);
	gor_rwmutex_runlock(&rw);
	settle();
	ck_assert_str_eq(trace, "wr");
}
END_TEST

START_TEST(an_unlocking_writer_lets_readers_in_before_the_next_writer)
{
	WITH_PROCS();
	gor_rwmutex_lock(&rw);
	go(writer);
	settle();
	for (int i = 0; i < 6; i++)
		go(reader);
	settle();
	gor_rwmutex_unlock(&rw);
	settle();
	ck_assert_str_eq(trace, "rrrrrrw");
	ck_assert_uint_eq(rw.word, 0);
}
END_TEST

START_TEST(a_writer_waits_for_all_readers)
{
	WITH_PROCS();
	gor_rwmutex_rlock(&rw);
	gor_rwmutex_rlock(&rw);
	go(writer);
	settle();
	gor_rwmutex_runlock(&rw);
	settle();
	ck_assert_int_eq(ntrace, 0);
	gor_rwmutex_runlock(&rw);
	settle();
	ck_assert_str_eq(trace, "w");
}
END_TEST

START_TEST(try_takes_only_what_needs_no_waiting)
{
	WITH_PROCS();
	ck_assert(gor_rwmutex_try_rlock(&rw));
	ck_assert(gor_rwmutex_try_rlock(&rw));
	ck_assert(!gor_rwmutex_try_lock(&rw));
	gor_rwmutex_runlock(&rw);
	gor_rwmutex_runlock(&rw);
	ck_assert(gor_rwmutex_try_lock(&rw));
	ck_assert(!gor_rwmutex_try_lock(&rw));
	ck_assert(!gor_rwmutex_try_rlock(&rw));
	gor_rwmutex_unlock(&rw);
	ck_assert_uint_eq(rw.word, 0);
}
END_TEST

/* ---- what a dump reads --------------------------------------------------------------------------------------- */

static int64_t goids[8];

static void hold_read(int i)
{
	goids[i] = gor_goid();
	gor_rwmutex_rlock(&rw);
	gor_sleep(GOR_SECOND);
	gor_rwmutex_runlock(&rw);
	gor_waitgroup_done(&wg);
}

START_TEST(readers_are_named_while_there_are_slots)
{
	WITH_PROCS();
	gor_waitgroup_add(&wg, 6);
	for (int i = 0; i < 6; i++) {
		go(hold_read, i);
		settle();
	}
	ck_assert_uint_eq(reader_count(), 6);
	ck_assert_uint_eq(rw.word & GORI_RW_SLOT_MASK, GORI_RW_SLOT_MASK);
	for (int i = 0; i < GORI_RW_SLOTS; i++) {
		ck_assert_int_eq(rw.readers[i].goid, goids[i]);
		ck_assert_ptr_nonnull(rw.readers[i].pc);
	}
	gor_waitgroup_wait(&wg);
	ck_assert_uint_eq(rw.word, 0);
}
END_TEST

static void hold_until_written(int i)
{
	goids[i] = gor_goid();
	gor_rwmutex_rlock(&rw);
	gor_sleep(GOR_SECOND);
	gor_rwmutex_runlock(&rw);
}

START_TEST(readers_let_in_by_a_writer_are_named_too)
{
	int found = 0;

	WITH_PROCS();
	gor_rwmutex_lock(&rw);
	ck_assert_int_eq(rw.owner, gor_goid());
	for (int i = 0; i < 3; i++)
		go(hold_until_written, i);
	settle();
	gor_rwmutex_unlock(&rw);
	ck_assert_int_eq(rw.owner, 0);
	ck_assert_int_eq(rw.last, gor_goid());
	settle();
	for (int i = 0; i < GORI_RW_SLOTS; i++) {
		for (int k = 0; k < 3; k++)
			found += rw.readers[i].goid == goids[k];
	}
	ck_assert_int_eq(found, 3);
	ck_assert_uint_eq(reader_count(), 3);
}
END_TEST

START_TEST(waiters_tell_what_they_wait_for)
{
	WITH_PROCS();
	gor_rwmutex_lock(&rw);
	go(reader);
	go(writer);
	settle();
	ck_assert_ptr_eq(rw.readq.first->obj, &rw);
	ck_assert_int_eq(rw.readq.first->g->wait, GORI_WAIT_RWMUTEX_RLOCK);
	ck_assert_ptr_eq(rw.writeq.first->obj, &rw);
	ck_assert_int_eq(rw.writeq.first->g->wait, GORI_WAIT_RWMUTEX_LOCK);
	gor_rwmutex_unlock(&rw);
	settle();
	ck_assert_str_eq(trace, "rw");
}
END_TEST

/* ---- ownership and misuse -------------------------------------------------------------------------------------- */

static void unlock_it(void)
{
	gor_rwmutex_unlock(&rw);
}

static void runlock_it(void)
{
	gor_rwmutex_runlock(&rw);
}

START_TEST(disowned_locks_may_be_released_by_anyone)
{
	WITH_PROCS();
	gor_rwmutex_lock(&rw);
	gor_rwmutex_disown(&rw);
	go(unlock_it);
	gor_rwmutex_rlock(&rw);
	gor_rwmutex_disown(&rw);
	ck_assert_uint_eq(rw.word, (uint64_t)1 << GORI_RW_SHIFT);
	go(runlock_it);
	settle();
	ck_assert_uint_eq(rw.word, 0);
}
END_TEST

static void die_unlocking_unlocked(void)
{
	gor_rwmutex_unlock(&rw);
}

static void die_runlocking_unlocked(void)
{
	gor_rwmutex_runlock(&rw);
}

static void die_unlocking_read_locked(void)
{
	gor_rwmutex_rlock(&rw);
	gor_rwmutex_unlock(&rw);
}

static void die_runlocking_write_locked(void)
{
	gor_rwmutex_lock(&rw);
	gor_rwmutex_runlock(&rw);
}

static void die_unlocking_anothers(void)
{
	gor_rwmutex_lock(&rw);
	go(unlock_it);
	gor_sleep(10 * GOR_SECOND);
}

static void die_runlocking_anothers(void)
{
	gor_rwmutex_rlock(&rw);
	go(runlock_it);
	gor_sleep(10 * GOR_SECOND);
}

START_TEST(misuse_is_a_fatal_error)
{
	WITH_PROCS();
	expect_death(die_unlocking_unlocked, "fatal error: sync: Unlock of unlocked RWMutex");
	expect_death(die_runlocking_unlocked, "fatal error: sync: RUnlock of unlocked RWMutex");
	expect_death(die_unlocking_read_locked, "fatal error: sync: Unlock of unlocked RWMutex");
	expect_death(die_runlocking_write_locked, "fatal error: sync: RUnlock of unlocked RWMutex");
	expect_death(die_unlocking_anothers, "fatal error: sync: Unlock of RWMutex held by goroutine 1");
	expect_death(die_runlocking_anothers, "fatal error: sync: RUnlock of RWMutex not held by goroutine ");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD(tc, writers_are_alone_and_readers_are_not);
	ADD(tc, a_pending_writer_keeps_new_readers_out);
	ADD(tc, an_unlocking_writer_lets_readers_in_before_the_next_writer);
	ADD(tc, a_writer_waits_for_all_readers);
	ADD(tc, try_takes_only_what_needs_no_waiting);
	ADD(tc, readers_are_named_while_there_are_slots);
	ADD(tc, readers_let_in_by_a_writer_are_named_too);
	ADD(tc, waiters_tell_what_they_wait_for);
	ADD(tc, disowned_locks_may_be_released_by_anyone);
	ADD(tc, misuse_is_a_fatal_error);
}

int main(void)
{
	return run_suite("rwmutex", add_tests);
}
