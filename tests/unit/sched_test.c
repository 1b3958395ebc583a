/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the scheduler: who gets to run, Ps taken from goroutines that loop or block, bound
 * goroutines, what belongs to a goroutine across threads, gor_settle, labels, counts.
 *
 * How: nothing depends on how long something takes.  "Others run" means that a goroutine which does not come
 * back waits for what only others can do; a scheduler that starves them never ends the test.
 */
#include "sched_test.h"

#include <fenv.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "sys/options.h"

static int progress; /* atomic */
static int stop;     /* atomic */

static void step(void)
{
	increment(&progress);
}

static int this_thread(void)
{
	return (int)syscall(SYS_gettid);
}

/* ---- yield ---------------------------------------------------------------------------------------------------- */

START_TEST(one_yield_lets_all_new_goroutines_run)
{
	static const int ns[] = {1, 2, 10, 100, 250, 256, 257, 1000, FEWER(5000)};

	gor_maxprocs(1);
	for (int k = 0; k < (int)(sizeof ns / sizeof ns[0]); k++) {
		store(&progress, 0);
		for (int i = 0; i < ns[k]; i++)
			go(step);
		gor_yield();
		ck_assert_int_eq(load(&progress), ns[k]);
	}
}
END_TEST

static void step_when_told(chan(gor_unit) c)
{
	chan_recv(c, NULL);
	step();
}

START_TEST(one_yield_lets_all_goroutines_run_that_were_made_ready)
{
	static const int ns[] = {1, 2, 100, 255, 256, 257, 600, FEWER(5000)};

	gor_maxprocs(1);
	for (int k = 0; k < (int)(sizeof ns / sizeof ns[0]); k++) {
		chan(gor_unit) c = chan_make(gor_unit, 0);

		store(&progress, 0);
		for (int i = 0; i < ns[k]; i++)
			go(step_when_told, c);
		settle();
		for (int i = 0; i < ns[k]; i++)
			chan_send(c, {0});
		gor_yield();
		ck_assert_int_eq(load(&progress), ns[k]);
	}
}
END_TEST

static void yield_in_turn(int id, int n, int *last, chan(gor_unit) done)
{
	for (int i = 0; i < n; i++) {
		REQUIRE(*last != id || gori_options.torture); /* which yields at random */
		*last = id;
		gor_yield();
	}
	say_done(done);
}

START_TEST(those_that_yield_take_turns)
{
	chan(gor_unit) done = chan_make(gor_unit, 2);
	int last = 0;

	gor_maxprocs(1);
	go(yield_in_turn, 1, 200, &last, done);
	go(yield_in_turn, 2, 200, &last, done);
	await(done, 2);
}
END_TEST

START_TEST(yield_alone_comes_back)
{
	WITH_PROCS();
	for (int i = 0; i < 10000; i++)
		gor_yield();
}
END_TEST

/* ---- nobody starves ---------------------------------------------------------------------------------------------- */

static void ping_for_ever(chan(gor_unit) out, chan(gor_unit) in)
{
	while (!load(&stop)) {
		chan_send(out, {0});
		chan_recv(in, NULL);
	}
}

static void pong_for_ever(chan(gor_unit) in, chan(gor_unit) out)
{
	for (;;) {
		chan_recv(in, NULL);
		chan_send(out, {0});
	}
}

/* Two that always make each other run next. */
static void ping_pong_for_ever(void)
{
	chan(gor_unit) a = chan_make(gor_unit, 0), b = chan_make(gor_unit, 0);

	go(ping_for_ever, a, b);
	go(pong_for_ever, a, b);
}

static void yield_often(int n, chan(gor_unit) done)
{
	for (int i = 0; i < n; i++)
		gor_yield();
	say_done(done);
}

START_TEST(a_pair_that_hands_over_to_each_other_does_not_starve_a_third)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	ping_pong_for_ever();
	if (_i)
		ping_pong_for_ever();
	go(yield_often, 100, done);
	await(done, 1);
}
END_TEST

static void yield_for_ever(void)
{
	for (;;)
		gor_yield();
}

START_TEST(a_new_goroutine_runs_although_the_ring_is_busy)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 300; i++) /* more than a ring holds */
		go(yield_for_ever);
	go(yield_often, 3, done);
	await(done, 1);
}
END_TEST

/* Each of them makes the next: the newest runs first, so an old one could wait for ever. */
static void spawn_the_next(void)
{
	if (!load(&stop))
		go(spawn_the_next);
}

START_TEST(an_old_goroutine_runs_although_new_ones_keep_coming)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	go(yield_often, 2, done);
	for (int i = 0; i < 4; i++)
		go(spawn_the_next);
	await(done, 1);
	store(&stop, 1);
}
END_TEST

static void enter_without_p(int n, chan(gor_unit) done)
{
	for (int i = 0; i < n; i++) {
		gor_blocking_begin(); /* somebody takes the P: back through the global queue */
		sched_yield();
		gor_blocking_end();
	}
	say_done(done);
}

START_TEST(the_global_queue_is_served_although_all_ps_are_busy)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 8; i++)
		ping_pong_for_ever();
	for (int i = 0; i < 4; i++)
		go(enter_without_p, FEWER(1) ? 50 : 10, done);
	await(done, 4);
}
END_TEST

START_TEST(a_timer_fires_although_all_ps_are_busy)
{
	WITH_PROCS();
	for (int i = 0; i < 4; i++) {
		ping_pong_for_ever();
		go(yield_for_ever);
	}
	for (int i = 0; i < 5; i++)
		gor_sleep(GOR_MS);
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------------------------------ */

static void add_goid(int64_t *at, chan(gor_unit) done)
{
	*at = gor_goid();
	say_done(done);
}

static int compare_goids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(every_goroutine_has_a_number_of_its_own)
{
	enum { N = FEWER(5000) };
	static int64_t goids[2 * N];

	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	ck_assert_int_eq(gor_goid(), 1);
	for (int round = 0; round < 2; round++) { /* the second reuses the stacks of the first */
		for (int i = 0; i < N; i++)
			go(add_goid, &goids[round * N + i], done);
		await(done, N);
	}
	qsort(goids, 2 * N, sizeof goids[0], compare_goids);
	ck_assert_int_gt(goids[0], 1);
	for (int i = 1; i < 2 * N; i++)
		REQUIRE(goids[i] != goids[i - 1]);
	ck_assert_int_eq(gor_goid(), 1);
}
END_TEST

static void wait_for(chan(gor_unit) c)
{
	chan_recv(c, NULL);
}

START_TEST(num_goroutine_counts_those_that_have_not_ended)
{
	WITH_PROCS();
	chan(gor_unit) c = chan_make(gor_unit, 0);

	ck_assert_int_eq(gor_num_goroutine(), 1);
	for (int i = 0; i < 700; i++)
		go(wait_for, c);
	ck_assert_int_eq(gor_num_goroutine(), 701);
	settle();
	for (int i = 0; i < 300; i++)
		chan_send(c, {0});
	settle();
	WAIT_UNTIL(gor_num_goroutine() == 401);
	chan_close(c);
	WAIT_UNTIL(gor_num_goroutine() == 1);
}
END_TEST

START_TEST(all_of_many_that_become_ready_at_once_run_once)
{
	WITH_PROCS();
	chan(gor_unit) c = chan_make(gor_unit, 0);

	for (int i = 0; i < FEWER(10000); i++)
		go(step_when_told, c);
	settle();
	chan_close(c);
	WAIT_UNTIL(gor_num_goroutine() == 1);
	ck_assert_int_eq(load(&progress), FEWER(10000));
}
END_TEST

static void grow_tree(int depth, chan(int64_t) result)
{
	chan(int64_t) below;
	int64_t a, b;

	if (depth == 0) {
		chan_send(result, 1);
		return;
	}
	below = chan_make(int64_t, 0);
	go(grow_tree, depth - 1, below);
	go(grow_tree, depth - 1, below);
	chan_recv(below, &a);
	chan_recv(below, &b);
	chan_free(below);
	chan_send(result, a + b);
}

START_TEST(a_tree_of_goroutines_adds_up)
{
	WITH_PROCS();
	chan(int64_t) result = chan_make(int64_t, 0);
	int depth = FEWER(1) ? 14 : 10;
	int64_t sum;

	go(grow_tree, depth, result);
	chan_recv(result, &sum);
	ck_assert_int_eq(sum, 1 << depth);
}
END_TEST

static void wait_for_each_other(int *mine, int *other, chan(gor_unit) done)
{
	store(mine, 1);
	while (!load(other))
		;
	say_done(done);
}

/* They never enter the runtime: with several Ps each runs on one, with one the P is taken from the first. */
START_TEST(goroutines_run_at_the_same_time_or_are_preempted)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int flags[4] = {0, 0, 0, 0};

	for (int i = 0; i < 4; i++)
		go(wait_for_each_other, &flags[i], &flags[(i + 1) % 4], done);
	await(done, 4);
}
END_TEST

/* ---- the number of Ps ---------------------------------------------------------------------------------------------------- */

START_TEST(maxprocs_returns_the_former_number)
{
	int first = gor_maxprocs(0);

	ck_assert_int_ge(first, 1);
	ck_assert_int_eq(gor_maxprocs(3), first);
	ck_assert_int_eq(gor_maxprocs(0), 3);
	ck_assert_int_eq(gor_maxprocs(-1), 3);
	ck_assert_int_eq(gor_maxprocs(1000), 3);
	ck_assert_int_eq(gor_maxprocs(1), 256);
	ck_assert_int_eq(gor_maxprocs(0), 1);
}
END_TEST

static void stay_busy(chan(int) in, chan(int) out, int *errors)
{
	int v, n = 0;

	while (chan_recv(in, &v)) {
		if (v != n++)
			increment(errors);
		if (n % 16 == 0)
			gor_yield();
		if (n % 256 == 0)
			gor_sleep(GOR_US);
		chan_send(out, v);
	}
	chan_close(out);
}

static void feed(chan(int) out)
{
	for (int i = 0; !load(&stop); i++)
		chan_send(out, i);
	chan_close(out);
}

static void drain(chan(int) in, chan(gor_unit) done)
{
	while (chan_recv(in, NULL))
		;
	say_done(done);
}

START_TEST(maxprocs_goes_up_and_down_under_load)
{
	enum { CHAINS = 6 };
	static const int ns[] = {2, 1, 4, 3, 1, 8, 2, 5};
	chan(gor_unit) done = chan_make(gor_unit, CHAINS);
	int errors = 0;

	for (int i = 0; i < CHAINS; i++) {
		chan(int) a = chan_make(int, i), b = chan_make(int, 0), c = chan_make(int, 0);

		go(feed, a);
		go(stay_busy, a, b, &errors);
		go(stay_busy, b, c, &errors);
		go(drain, c, done);
	}
	for (int i = 0; i < 150; i++) {
		gor_maxprocs(ns[i % 8]);
		for (int k = 0; k < i % 5; k++)
			gor_yield();
		if (i % 10 == 0)
			gor_sleep(GOR_MS);
	}
	store(&stop, 1);
	await(done, CHAINS);
	ck_assert_int_eq(errors, 0);
	WAIT_UNTIL(gor_num_goroutine() == 1);
}
END_TEST

static void change_maxprocs(int n, chan(gor_unit) done)
{
	for (int i = 0; i < n; i++) {
		gor_maxprocs(1 + i % 4);
		gor_yield();
	}
	say_done(done);
}

START_TEST(several_goroutines_change_maxprocs_at_once)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 4; i++)
		go(change_maxprocs, 50, done);
	await(done, 4);
	ck_assert_int_ge(gor_maxprocs(0), 1);
}
END_TEST

/* ---- goroutines that do not come back -------------------------------------------------------------------------------------- */

static void loop_until_stopped(chan(gor_unit) done)
{
	while (!load(&stop))
		;
	say_done(done);
}

START_TEST(an_endless_loop_lets_others_run)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 6; i++)
		go(loop_until_stopped, done);
	go(yield_often, 200, done);
	await(done, 1);
	store(&stop, 1);
	await(done, 6);
}
END_TEST

static void stop_later(void)
{
	for (int i = 0; i < 20; i++)
		gor_yield();
	store(&stop, 1);
}

START_TEST(main_in_an_endless_loop_lets_others_run)
{
	WITH_PROCS();
	go(stop_later);
	while (!load(&stop))
		;
}
END_TEST

static void read_a_byte(int fd, chan(gor_unit) done)
{
	char byte = 0;

	REQUIRE(read(fd, &byte, 1) == 1);
	REQUIRE(byte == 'x');
	say_done(done);
}

START_TEST(a_raw_blocking_read_lets_others_run)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	for (int i = 0; i < 10; i++)
		go(read_a_byte, fd[0], done);
	go(yield_often, 100, done);
	await(done, 1);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(write(fd[1], "x", 1), 1);
	await(done, 10);
}
END_TEST

static void read_declared(int fd, chan(gor_unit) done)
{
	char byte = 0;

	gor_blocking_begin();
	if (read(fd, &byte, 1) != 1)
		abort();
	gor_blocking_end();
	REQUIRE(byte == 'x');
	say_done(done);
}

START_TEST(a_declared_blocking_call_lets_others_run)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	for (int i = 0; i < 10; i++)
		go(read_declared, fd[0], done);
	go(yield_often, 100, done);
	await(done, 1);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(write(fd[1], "x", 1), 1);
	await(done, 10);
	for (int i = 0; i < 1000; i++) { /* and where nobody else wants the P */
		gor_blocking_begin();
		gor_blocking_end();
	}
}
END_TEST

static int compare_slowly(const void *a, const void *b)
{
	while (!load(&stop))
		;
	return compare_goids(a, b);
}

static void sort_something(chan(gor_unit) done)
{
	int64_t v[] = {3, 1, 2};

	qsort(v, 3, sizeof v[0], compare_slowly);
	REQUIRE(v[0] == 1 && v[2] == 3);
	say_done(done);
}

START_TEST(a_long_libc_call_lets_others_run)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 5; i++)
		go(sort_something, done);
	go(yield_often, 50, done);
	await(done, 1);
	store(&stop, 1);
	await(done, 5);
}
END_TEST

static void allocate_for_ever(chan(gor_unit) done)
{
	while (!load(&stop)) {
		free(malloc(100));
		free(realloc(malloc(5000), 50000));
	}
	say_done(done);
}

/* A goroutine that loses its P goes on inside malloc: the lock there is never held by one that does not run. */
START_TEST(a_goroutine_that_lives_in_malloc_blocks_nobody)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 4; i++)
		go(allocate_for_ever, done);
	for (int i = 0; i < 100; i++) {
		free(malloc(1000));
		gor_yield();
	}
	store(&stop, 1);
	await(done, 4);
}
END_TEST

/* ---- bound to a thread --------------------------------------------------------------------------------------------------- */

static void move_about(int i)
{
	if (i % 3 == 0)
		gor_sleep(10 * GOR_US);
	else
		gor_yield();
}

static void stay_on_thread(chan(int) c, int n, chan(gor_unit) done)
{
	int tid;

	gor_lock_thread();
	tid = this_thread();
	for (int i = 0; i < n; i++) {
		move_about(i);
		REQUIRE(this_thread() == tid);
		chan_send(c, i);
		REQUIRE(this_thread() == tid);
		if (i % 10 == 0) {
			gor_lock_thread(); /* they nest */
			gor_unlock_thread();
		}
	}
	gor_unlock_thread();
	gor_unlock_thread(); /* one too many does nothing */
	gor_yield();
	say_done(done);
}

START_TEST(a_locked_goroutine_stays_on_its_thread)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 5);

	for (int i = 0; i < 5; i++)
		go(stay_on_thread, c, 200, done);
	for (int i = 0; i < 5 * 200; i++)
		chan_recv(c, NULL);
	await(done, 5);
}
END_TEST

static int locked_tid; /* atomic */

static void avoid_the_locked_thread(int n, chan(gor_unit) done)
{
	for (int i = 0; i < n; i++) {
		REQUIRE(this_thread() != load(&locked_tid));
		move_about(i);
	}
	say_done(done);
}

START_TEST(nobody_else_runs_on_a_locked_thread)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	gor_lock_thread();
	store(&locked_tid, this_thread());
	for (int i = 0; i < 6; i++)
		go(avoid_the_locked_thread, 100, done);
	await(done, 6);
	ck_assert_int_eq(this_thread(), load(&locked_tid));
	gor_unlock_thread();
}
END_TEST

static void end_locked(void)
{
	gor_lock_thread();
	gor_lock_thread();
	gor_yield();
	step();
}

START_TEST(a_goroutine_that_ends_locked_gives_the_thread_back)
{
	WITH_PROCS();
	for (int i = 0; i < 300; i++) {
		go(end_locked);
		if (i % 20 == 0)
			settle();
	}
	WAIT_UNTIL(gor_num_goroutine() == 1);
	ck_assert_int_eq(load(&progress), 300);
	ck_assert_int_le((int)gori_sched.nm, 60);
}
END_TEST

static void locked_echo(chan(int) in, chan(int) out)
{
	int v;

	gor_lock_thread();
	while (chan_recv(in, &v))
		chan_send(out, v);
	chan_close(out);
}

START_TEST(two_locked_goroutines_talk_to_each_other)
{
	WITH_PROCS();
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0);
	int v;

	gor_lock_thread();
	go(locked_echo, a, b);
	for (int i = 0; i < 500; i++) {
		chan_send(a, i);
		chan_recv(b, &v);
		REQUIRE(v == i);
	}
	chan_close(a);
	ck_assert(!chan_recv(b, NULL));
	gor_unlock_thread();
}
END_TEST

/* ---- what belongs to a goroutine --------------------------------------------------------------------------------------- */

static void keep_errno(int mine, int n, chan(gor_unit) done)
{
	REQUIRE(errno == 0);
	errno = mine;
	for (int i = 0; i < n; i++) {
		move_about(i);
		REQUIRE(errno == mine);
		if (i % 50 == 0) {
			gor_blocking_begin();
			gor_blocking_end();
			REQUIRE(errno == mine);
		}
	}
	say_done(done);
	REQUIRE(errno == mine);
}

START_TEST(errno_goes_with_the_goroutine)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	errno = 1234;
	for (int i = 0; i < 10; i++)
		go(keep_errno, i + 1, 300, done);
	await(done, 10);
	ck_assert_int_eq(errno, 1234);
}
END_TEST

static volatile double one = 1.0, three = 3.0;

static void keep_rounding(int mode, int n, chan(gor_unit) done)
{
	double up_or_down;

	REQUIRE(fegetround() == FE_TONEAREST); /* whatever the creator has */
	fesetround(mode);
	up_or_down = one / three;
	for (int i = 0; i < n; i++) {
		move_about(i);
		REQUIRE(fegetround() == mode);
		REQUIRE(one / three == up_or_down);
	}
	say_done(done);
}

START_TEST(the_rounding_mode_goes_with_the_goroutine)
{
	static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	fesetround(FE_UPWARD);
	for (int i = 0; i < 8; i++)
		go(keep_rounding, modes[i % 4], 300, done);
	await(done, 8);
	ck_assert_int_eq(fegetround(), FE_UPWARD);
}
END_TEST

static void keep_variables(int seed, int n, chan(gor_unit) done)
{
	unsigned long a = (unsigned)seed, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13;
	double x = seed / 8.0, y = seed / 16.0;

	for (int i = 0; i < n; i++) {
		move_about(i);
		a += b ^ c;
		b += c ^ d;
		c += d ^ e;
		d += e ^ f;
		e += f ^ a;
		f += a ^ b;
		x = y + 1 / (1 + x);
		y = x / (1 + y);
	}
	for (int round = 0; round < 1; round++) { /* the same without switches */
		unsigned long A = (unsigned)seed, B = A * 3, C = A * 5, D = A * 7, E = A * 11, F = A * 13;
		double X = seed / 8.0, Y = seed / 16.0;

		for (int i = 0; i < n; i++) {
			A += B ^ C;
			B += C ^ D;
			C += D ^ E;
			D += E ^ F;
			E += F ^ A;
			F += A ^ B;
			X = Y + 1 / (1 + X);
			Y = X / (1 + Y);
		}
		REQUIRE(a == A && b == B && c == C && d == D && e == E && f == F);
		REQUIRE(x == X && y == Y);
	}
	say_done(done);
}

START_TEST(registers_and_variables_survive_switches)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 20; i++)
		go(keep_variables, i, 300, done);
	await(done, 20);
}
END_TEST

START_TEST(a_label_can_be_set_replaced_and_removed)
{
	char key[] = "user", value[] = "anna";
	struct gori_g *g;

	gor_label(key, value);
	value[0] = key[0] = 'x'; /* both are copied */
	gor_label("request", "17");
	g = find_g(1);
	ck_assert_ptr_nonnull(g->labels);
	gor_label("user", "berta");
	for (struct gori_label *l = g->labels; l; l = l->next)
		ck_assert_str_eq(l->value, strcmp(l->key, "user") ? "17" : "berta");
	ck_assert_ptr_nonnull(g->labels->next);
	ck_assert_ptr_null(g->labels->next->next);
	gor_label("request", NULL);
	gor_label("nothing", NULL);
	ck_assert_str_eq(g->labels->key, "user");
	ck_assert_ptr_null(g->labels->next);
	gor_label("user", NULL);
	ck_assert_ptr_null(g->labels);
}
END_TEST

static void end_with_label(void)
{
	gor_label("a", "b");
}

static void begin_without_label(chan(gor_unit) done)
{
	REQUIRE(!find_g(gor_goid())->labels);
	say_done(done);
}

START_TEST(a_label_ends_with_its_goroutine)
{
	chan(gor_unit) done = chan_make(gor_unit, 0);

	gor_maxprocs(1);
	for (int i = 0; i < 10; i++) {
		go(end_with_label);
		gor_yield();
		go(begin_without_label, done);
		await(done, 1);
	}
}
END_TEST

static void sleep_long(void)
{
	gor_sleep(GOR_MINUTE);
}

START_TEST(a_parked_goroutine_tells_why)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	int64_t asleep = 0;

	go(sleep_long);
	settle();
	for (int64_t id = 2; !asleep && id < 2000; id++)
		if (find_g(id))
			asleep = id;
	ck_assert(is_parked(asleep, GORI_WAIT_SLEEP, NULL));
	ck_assert_int_eq(find_g(asleep)->parent_goid, 1);
	ck_assert_int_eq(find_g(1)->status, GORI_GRUNNING);
	ck_assert_ptr_nonnull(find_g(asleep)->sp);
	chan_free(c);
}
END_TEST

/* ---- settle --------------------------------------------------------------------------------------------------------------- */

START_TEST(settle_returns_true_when_all_others_are_parked)
{
	WITH_PROCS();
	chan(gor_unit) c = chan_make(gor_unit, 0);

	ck_assert(gor_settle(GOR_SECOND)); /* alone */
	go(sleep_long);
	for (int i = 0; i < 100; i++)
		go(step_when_told, c);
	ck_assert(gor_settle(30 * GOR_SECOND));
	ck_assert_int_eq(load(&progress), 0);
	chan_close(c);
	ck_assert(gor_settle(30 * GOR_SECOND));
	ck_assert_int_eq(load(&progress), 100);
}
END_TEST

static void work_and_step(void)
{
	for (int i = 0; i < 100; i++)
		gor_yield();
	step();
}

START_TEST(settle_waits_for_those_that_still_work)
{
	WITH_PROCS();
	for (int round = 0; round < 50; round++) {
		store(&progress, 0);
		for (int i = 0; i < 20; i++)
			go(work_and_step);
		REQUIRE(gor_settle(30 * GOR_SECOND));
		REQUIRE(load(&progress) == 20);
	}
}
END_TEST

START_TEST(settle_returns_false_when_somebody_keeps_running)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);

	go(loop_until_stopped, done);
	ck_assert(!gor_settle(30 * GOR_MS));
	store(&stop, 1);
	await(done, 1);
	store(&stop, 0);
	ping_pong_for_ever();
	ck_assert(!gor_settle(30 * GOR_MS));
	store(&stop, 1);
	ck_assert(gor_settle(30 * GOR_SECOND));
}
END_TEST

START_TEST(settle_waits_for_a_goroutine_in_a_blocking_call)
{
	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 1);
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	go(read_declared, fd[0], done);
	ck_assert(!gor_settle(20 * GOR_MS));
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	ck_assert(gor_settle(30 * GOR_SECOND));
	ck_assert_uint_eq(chan_len(done), 1);
}
END_TEST

static void settle_again(void)
{
	gor_settle(30 * GOR_SECOND);
}

static void settle_twice_at_once(void)
{
	gor_maxprocs(1);
	go(settle_again);
	go(loop_until_stopped, NULL);
	gor_settle(30 * GOR_SECOND);
}

START_TEST(two_that_settle_at_once_panic)
{
	expect_panic(settle_twice_at_once, "gor_settle: another goroutine is in it");
}
END_TEST

/* ---- idle ------------------------------------------------------------------------------------------------------------------ */

static int64_t processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * GOR_SECOND + ts.tv_nsec;
}

START_TEST(a_process_whose_goroutines_sleep_uses_hardly_any_processor_time)
{
	WITH_PROCS();
	chan(gor_unit) c = chan_make(gor_unit, 0);
	int64_t before;

	for (int i = 0; i < 50; i++)
		go(wait_for, c);
	go(sleep_long);
	settle();
	before = processor_time();
	gor_sleep(300 * GOR_MS);
	ck_assert_int_lt(processor_time() - before, 60 * GOR_MS);
	chan_close(c);
}
END_TEST

/* ---- the suite -------------------------------------------------------------------------------------------------------------- */

static void add_tests(TCase *tc)
{
	ADD_ONCE(tc, one_yield_lets_all_new_goroutines_run);
	ADD_ONCE(tc, one_yield_lets_all_goroutines_run_that_were_made_ready);
	ADD_ONCE(tc, those_that_yield_take_turns);
	ADD(tc, yield_alone_comes_back);
	ADD(tc, a_pair_that_hands_over_to_each_other_does_not_starve_a_third);
	ADD(tc, a_new_goroutine_runs_although_the_ring_is_busy);
	ADD(tc, an_old_goroutine_runs_although_new_ones_keep_coming);
	ADD(tc, the_global_queue_is_served_although_all_ps_are_busy);
	ADD(tc, a_timer_fires_although_all_ps_are_busy);
	ADD(tc, every_goroutine_has_a_number_of_its_own);
	ADD(tc, num_goroutine_counts_those_that_have_not_ended);
	ADD(tc, all_of_many_that_become_ready_at_once_run_once);
	ADD(tc, a_tree_of_goroutines_adds_up);
	ADD(tc, goroutines_run_at_the_same_time_or_are_preempted);
	ADD_ONCE(tc, maxprocs_returns_the_former_number);
	ADD_ONCE(tc, maxprocs_goes_up_and_down_under_load);
	ADD(tc, several_goroutines_change_maxprocs_at_once);
	ADD(tc, an_endless_loop_lets_others_run);
	ADD(tc, main_in_an_endless_loop_lets_others_run);
	ADD(tc, a_raw_blocking_read_lets_others_run);
	ADD(tc, a_declared_blocking_call_lets_others_run);
	ADD(tc, a_long_libc_call_lets_others_run);
	ADD(tc, a_goroutine_that_lives_in_malloc_blocks_nobody);
	ADD(tc, a_locked_goroutine_stays_on_its_thread);
	ADD(tc, nobody_else_runs_on_a_locked_thread);
	ADD(tc, a_goroutine_that_ends_locked_gives_the_thread_back);
	ADD(tc, two_locked_goroutines_talk_to_each_other);
	ADD(tc, errno_goes_with_the_goroutine);
	ADD(tc, the_rounding_mode_goes_with_the_goroutine);
	ADD(tc, registers_and_variables_survive_switches);
	ADD_ONCE(tc, a_label_can_be_set_replaced_and_removed);
	ADD_ONCE(tc, a_label_ends_with_its_goroutine);
	ADD(tc, a_parked_goroutine_tells_why);
	ADD(tc, settle_returns_true_when_all_others_are_parked);
	ADD(tc, settle_waits_for_those_that_still_work);
	ADD(tc, settle_returns_false_when_somebody_keeps_running);
	ADD(tc, settle_waits_for_a_goroutine_in_a_blocking_call);
	ADD_ONCE(tc, two_that_settle_at_once_panic);
	ADD(tc, a_process_whose_goroutines_sleep_uses_hardly_any_processor_time);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "sched", add_tests, NULL);
}
