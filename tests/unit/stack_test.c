/* SPDX-License-Identifier: MIT */
/*
 * What: tests of goroutine stacks: deep recursion, many at once, reuse, memory given back, overflow, the
 * options stack= and guard=.
 *
 * How: resident memory is read from /proc/self/statm; slots are counted through sched/stack.h.  What depends
 * on options is a program that this executable runs again.
 */
#include "sched_test.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "sched/stack.h"

enum { PAGE = 4096 };

static size_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		abort();
	fclose(f);
	return pages * PAGE;
}

static bool count_slot(struct gori_g *g, void *arg)
{
	(void)g;
	++*(long *)arg;
	return true;
}

static long slots_used(void)
{
	long n = 0;

	gori_stack_foreach(count_slot, &n);
	return n;
}

/* ---- depth ------------------------------------------------------------------------------------------------------ */

/* Uses about `bytes` of stack, and checks on the way back that nobody has written there. */
static __attribute__((noinline)) unsigned dive(size_t bytes, unsigned seed)
{
	volatile unsigned char here[960];
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof here; i += 8)
		here[i] = (unsigned char)(seed + i);
	if (bytes > 1024)
		sum = dive(bytes - 1024, seed + 1);
	for (size_t i = 0; i < sizeof here; i += 8)
		REQUIRE(here[i] == (unsigned char)(seed + i));
	return sum + seed;
}

static size_t usable(void)
{
	return gori_stack_slot_size() - gori_stack_guard_size();
}

static void dive_and_tell(size_t bytes, chan(gor_unit) done)
{
	dive(bytes, 1);
	say_done(done);
}

START_TEST(a_goroutine_may_use_nearly_all_of_its_stack)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 20; i++)
		go(dive_and_tell, usable() * 3 / 4, done);
	await(done, 20);
}
END_TEST

static void dive_and_switch(size_t bytes, chan(gor_unit) done)
{
	volatile unsigned char here[2048];

	for (size_t i = 0; i < sizeof here; i++)
		here[i] = (unsigned char)(bytes + i);
	gor_yield();
	if (bytes > 4096)
		dive_and_switch(bytes - 4096, NULL);
	else
		gor_sleep(10 * GOR_US);
	for (size_t i = 0; i < sizeof here; i++)
		REQUIRE(here[i] == (unsigned char)(bytes + i));
	if (done)
		say_done(done);
}

START_TEST(stacks_keep_their_contents_across_switches_at_any_depth)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 20; i++)
		go(dive_and_switch, usable() / 2 + (size_t)i * 100, done);
	await(done, 20);
}
END_TEST

static void look_around(chan(gor_unit) done)
{
	struct gori_g *g = find_g(gor_goid());
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	REQUIRE(g != NULL);
	REQUIRE(here >= g->stack_lo && here < g->stack_hi);
	REQUIRE(gori_stack_owner(here) == g);
	REQUIRE(gori_stack_owner((uintptr_t)g) == g);
	REQUIRE((uintptr_t)g - g->stack_lo <
		gori_stack_slot_size()); /* the G is in the slot, above the stack */
	REQUIRE(here % 16 == 0);
	say_done(done);
}

START_TEST(a_goroutine_knows_where_its_stack_is)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);
	struct gori_g *g;
	int local = 0;

	for (int i = 0; i < 100; i++)
		go(look_around, done);
	await(done, 100);
	g = find_g(1);
	ck_assert((uintptr_t)&local >= g->stack_lo && (uintptr_t)&local < g->stack_hi);
	ck_assert_ptr_null(gori_stack_owner((uintptr_t)&local));
}
END_TEST

static void check_guard(chan(gor_unit) done)
{
	struct gori_g *g = find_g(gor_goid()), *owner = NULL;

	REQUIRE(gori_stack_is_guard(g->stack_lo - 1, &owner) && owner == g);
	REQUIRE(gori_stack_is_guard(g->stack_lo - gori_stack_guard_size(), &owner) && owner == g);
	REQUIRE(!gori_stack_is_guard(g->stack_lo, &owner));
	say_done(done);
}

START_TEST(the_guard_lies_below_the_stack)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 40; i++)
		go(check_guard, done);
	await(done, 40);
}
END_TEST

/* ---- overflow ----------------------------------------------------------------------------------------------------- */

static void overflow_goroutine(chan(gor_unit) done)
{
	dive(2 * gori_stack_slot_size(), 1);
	say_done(done);
}

static void overflow_here(void)
{
	chan(gor_unit) done = chan_make(gor_unit, 0);

	go(overflow_goroutine, done);
	await(done, 1);
}

START_TEST(an_overflow_is_told_as_such)
{
	WITH_PROCS();
	expect_exit(overflow_here, 2, "stack overflow");
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------------------------------ */

static void park(chan(gor_unit) c)
{
	chan_recv(c, NULL);
}

/* Bytes for each of n goroutines that are parked. */
static size_t park_many(int n)
{
	chan(gor_unit) c = chan_make(gor_unit, 0);
	size_t before = resident(), each;

	for (int i = 0; i < n; i++) {
		go(park, c);
		if (i % 100 == 0)
			gor_yield();
	}
	settle();
	REQUIRE(gor_num_goroutine() == n + 1);
	each = (resident() - before) / (size_t)n;
	chan_close(c);
	WAIT_UNTIL(gor_num_goroutine() == 1);
	return each;
}

START_TEST(a_hundred_thousand_parked_goroutines_cost_a_page_each)
{
	gor_maxprocs(_i ? 4 : 1);
	ck_assert_uint_le(park_many(100000), PAGE + PAGE / 8);
}
END_TEST

static void nothing(void)
{
}

START_TEST(stacks_are_used_again)
{
	WITH_PROCS();
	long used;

	for (int i = 0; i < 100; i++)
		go(nothing);
	settle();
	used = slots_used();
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 50; i++)
			go(nothing);
		settle();
	}
	ck_assert_int_le(slots_used(), used + 200 * proc_counts[_i]);
}
END_TEST

static void park_on(chan(gor_unit) c)
{
	chan_recv(c, NULL);
}

/* More than the Ps keep: batches go to the shared list and come back, from Ps that disappear too. */
START_TEST(many_stacks_are_used_again)
{
	long used = 0;

	for (int round = 0; round < 20; round++) {
		chan(gor_unit) c = chan_make(gor_unit, 0);

		gor_maxprocs(1 + round % proc_counts[_i]);
		for (int i = 0; i < 1500; i++)
			go(park_on, c);
		settle();
		ck_assert_int_eq(gor_num_goroutine(), 1501);
		chan_close(c);
		settle();
		ck_assert_int_eq(gor_num_goroutine(), 1);
		if (round == 0)
			used = slots_used();
	}
	ck_assert_int_le(slots_used(), used + 300 * proc_counts[_i]);
}
END_TEST

static void dive_and_park(size_t bytes, chan(gor_unit) c)
{
	dive(bytes, 1);
	chan_recv(c, NULL);
}

START_TEST(stacks_of_ended_goroutines_are_given_back_to_the_system)
{
	enum { N = 4000, DEEP = 48 * 1024 };

	WITH_PROCS();
	chan(gor_unit) c = chan_make(gor_unit, 0);
	size_t before = resident();

	for (int i = 0; i < N; i++)
		go(dive_and_park, DEEP, c);
	settle();
	ck_assert_uint_ge(resident() - before, (size_t)N * DEEP);
	chan_close(c);
	WAIT_UNTIL(gor_num_goroutine() == 1);
	/* What is kept warm: option stack_keep, and the lists of the Ps. */
	WAIT_UNTIL(resident() - before < (size_t)(1024 + 256 * proc_counts[_i] + 256) * (DEEP + 2 * PAGE));
}
END_TEST

/* ---- options: programs --------------------------------------------------------------------------------------------------- */

static void dive_into(size_t bytes)
{
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 3; i++)
		go(dive_and_tell, bytes, done);
	await(done, 3);
}

static int dive_700k(void)
{
	dive_into(700 * 1024);
	return 7;
}

static int dive_8k(void)
{
	dive_into(8 * 1024);
	return 7;
}

static int dive_500m(void)
{
	dive_into((size_t)500 << 20);
	return 7;
}

START_TEST(the_option_stack_sets_the_size)
{
	expect_program("dive_700k", "stack=1m", "1", 7, "");
	expect_program("dive_700k", "stack=600k", "2", 7, ""); /* rounded up to a power of two */
	expect_program("dive_8k", "stack=16k", "2", 7, "");
	expect_program("dive_8k", NULL, "2", 7, "");
}
END_TEST

START_TEST(a_stack_may_be_as_large_as_a_gibibyte)
{
	expect_program("dive_500m", "stack=1g", "1", 7, "");
}
END_TEST

START_TEST(a_bad_size_is_told_and_ignored)
{
	expect_program("dive_8k", "stack=12", "1", 7, "gorgon: GORGON_OPTIONS: bad value in 'stack=12'");
	expect_program("dive_8k", "stack=2g", "1", 7, "bad value in 'stack=2g'");
	expect_program("dive_8k", "stack=", "1", 7, "bad value in 'stack='");
}
END_TEST

static int guard_by_mprotect(void)
{
	chan(gor_unit) c = chan_make(gor_unit, 0);

	for (int i = 0; i < 2000; i++)
		go(park, c);
	gor_yield();
	if (strcmp(gori_stack_guard_kind(), "mprotect"))
		return 3;
	chan_close(c);
	dive_into(100 * 1024);
	return 7;
}

static int overflow_program(void)
{
	overflow_here();
	return 3;
}

static int run_out_of_guards(void)
{
	chan(gor_unit) c = chan_make(gor_unit, 0);

	for (int i = 0; i < 20000; i++)
		go(park, c);
	gor_yield();
	chan_close(c);
	return strcmp(gori_stack_guard_kind(), "none") ? 3 : 7;
}

START_TEST(guards_can_be_made_by_mprotect)
{
	expect_program("guard_by_mprotect", "guard=mprotect", "1", 7, "");
	expect_program("guard_by_mprotect", "guard=mprotect", "4", 7, "");
	expect_program("overflow", "guard=mprotect", "1", 2, "stack overflow");
	expect_program("overflow", "guard=mprotect:stack=16k", "2", 2, "stack overflow");
}
END_TEST

START_TEST(goroutines_go_on_without_guards_when_the_map_is_full)
{
	expect_program("run_out_of_guards", "guard=mprotect", "1", 7, "have no guard page");
}
END_TEST

static int little_address_space(void)
{
	struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};

	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 3;
	return park_many(2000) <= 3 * PAGE ? 7 : 3;
}

START_TEST(arenas_get_smaller_where_address_space_is_short)
{
	expect_program("little_address_space", NULL, "1", 7, "");
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------------------------------------ */

static const struct program programs[] = {
	{"dive_700k", dive_700k},
	{"dive_8k", dive_8k},
	{"dive_500m", dive_500m},
	{"guard_by_mprotect", guard_by_mprotect},
	{"overflow", overflow_program},
	{"run_out_of_guards", run_out_of_guards},
	{"little_address_space", little_address_space},
	{NULL, NULL},
};

static void add_tests(TCase *tc)
{
	ADD(tc, a_goroutine_may_use_nearly_all_of_its_stack);
	ADD(tc, stacks_keep_their_contents_across_switches_at_any_depth);
	ADD(tc, a_goroutine_knows_where_its_stack_is);
	ADD(tc, the_guard_lies_below_the_stack);
	ADD(tc, an_overflow_is_told_as_such);
	tcase_add_loop_test(tc, a_hundred_thousand_parked_goroutines_cost_a_page_each, 0, 2);
	ADD(tc, stacks_are_used_again);
	ADD(tc, many_stacks_are_used_again);
	ADD(tc, stacks_of_ended_goroutines_are_given_back_to_the_system);
	ADD_ONCE(tc, the_option_stack_sets_the_size);
	ADD_ONCE(tc, a_stack_may_be_as_large_as_a_gibibyte);
	ADD_ONCE(tc, a_bad_size_is_told_and_ignored);
	ADD_ONCE(tc, guards_can_be_made_by_mprotect);
	ADD_ONCE(tc, goroutines_go_on_without_guards_when_the_map_is_full);
	ADD_ONCE(tc, arenas_get_smaller_where_address_space_is_short);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "stack", add_tests, programs);
}
