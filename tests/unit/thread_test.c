/* SPDX-License-Identifier: MIT */
/*
 * What: tests of threads that the program makes itself: they use channels, wait, make goroutines, end; main
 * joins them.
 *
 * How: a thread that calls the runtime is adopted as a goroutine bound to it; the counts of goroutines and
 * of threads in struct gori_sched tell whether it is forgotten in the end.
 */
#include "sched_test.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

enum { MANY = 40 };

static int progress; /* atomic */
static chan(int) numbers;
static chan(int) echoes;
static chan(gor_unit) done;

static void set_up(void)
{
	numbers = chan_make(int, 0);
	echoes = chan_make(int, 0);
	done = chan_make(gor_unit, 0);
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg) != 0)
		ck_abort_msg("no thread");
	return t;
}

static void join(pthread_t t)
{
	if (pthread_join(t, NULL) != 0)
		ck_abort_msg("no join");
}

/* ---- talking -------------------------------------------------------------------------------------------------- */

static void *echo_once(void *arg)
{
	int v;

	(void)arg;
	chan_recv(numbers, &v);
	chan_send(echoes, v + 1);
	return NULL;
}

START_TEST(a_thread_receives_and_sends)
{
	WITH_PROCS();
	set_up();
	pthread_t t = start(echo_once, NULL);
	int v;

	chan_send(numbers, 41);
	chan_recv(echoes, &v);
	ck_assert_int_eq(v, 42);
	join(t);
	ck_assert_int_eq(gor_num_goroutine(), 1);
}
END_TEST

static void *echo_all(void *arg)
{
	int v;

	(void)arg;
	while (chan_recv(numbers, &v))
		chan_send(echoes, v);
	return NULL;
}

START_TEST(many_threads_share_a_channel)
{
	WITH_PROCS();
	set_up();
	pthread_t t[MANY];
	long sum = 0;
	int v, sent = 0, received = 0;

	for (int i = 0; i < MANY; i++)
		t[i] = start(echo_all, NULL);
	while (received < 4000) {
		if (sent < 4000) {
			if (chan_select(send_case(numbers, sent), recv_case(echoes, &v)) == 0) {
				sent++;
				continue;
			}
		} else {
			chan_recv(echoes, &v);
		}
		sum += v;
		received++;
	}
	ck_assert_int_eq(sum, 4000L * 3999 / 2);
	chan_close(numbers);
	for (int i = 0; i < MANY; i++)
		join(t[i]);
	ck_assert_int_eq(gor_num_goroutine(), 1);
	ck_assert(nobody_waits(numbers) && nobody_waits(echoes));
}
END_TEST

static void *count_to(void *arg)
{
	int n = *(int *)arg;

	for (int i = 0; i < n; i++)
		chan_send(numbers, i);
	chan_close(numbers);
	return NULL;
}

static void *expect_count_to(void *arg)
{
	int v, n = 0;

	while (chan_recv(numbers, &v))
		REQUIRE(v == n++);
	*(int *)arg = n;
	return NULL;
}

START_TEST(two_threads_talk_while_main_joins_them)
{
	WITH_PROCS();
	set_up();
	int n = 1000, got = 0;
	pthread_t a = start(count_to, &n), b = start(expect_count_to, &got);

	join(a);
	join(b);
	ck_assert_int_eq(got, 1000);
}
END_TEST

static void echo_goroutine(void)
{
	echo_all(NULL);
	say_done(done);
}

static void *talk_to_goroutines(void *arg)
{
	int v;

	(void)arg;
	for (int i = 0; i < 500; i++) {
		chan_send(numbers, i);
		chan_recv(echoes, &v);
		REQUIRE(v == i);
	}
	return NULL;
}

START_TEST(goroutines_run_while_main_is_in_pthread_join)
{
	WITH_PROCS();
	set_up();
	go(echo_goroutine);
	join(start(talk_to_goroutines, NULL));
	chan_close(numbers);
	await(done, 1);
}
END_TEST

static void join_in_goroutine(pthread_t t)
{
	join(t);
	say_done(done);
}

START_TEST(a_goroutine_may_join_a_thread)
{
	WITH_PROCS();
	set_up();
	go(join_in_goroutine, start(echo_once, NULL));
	chan_send(numbers, 1);
	chan_recv(echoes, NULL);
	await(done, 1);
}
END_TEST

/* ---- everything else a thread may call -------------------------------------------------------------------------- */

static void *use_everything(void *arg)
{
	int64_t id = gor_goid(), before = gor_now();
	int v = 0;

	(void)arg;
	REQUIRE(id > 1);
	REQUIRE(gor_num_goroutine() >= 2);
	gor_yield();
	gor_sleep(GOR_MS);
	REQUIRE(gor_now() - before >= GOR_MS);
	gor_label("thread", "mine");
	REQUIRE(chan_select(recv_case(numbers, &v), timeout_case(GOR_MS)) == 1);
	REQUIRE(chan_select(recv_case(numbers, &v), default_case()) == 1);
	REQUIRE(!chan_try_recv(numbers, &v));
	gor_lock_thread();
	gor_unlock_thread();
	gor_blocking_begin();
	gor_blocking_end();
	errno = 77;
	gor_yield();
	REQUIRE(errno == 77);
	REQUIRE(gor_maxprocs(0) >= 1);
	REQUIRE(gor_goid() == id);
	increment(&progress);
	return NULL;
}

START_TEST(a_thread_may_call_everything)
{
	WITH_PROCS();
	set_up();
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		t[i] = start(use_everything, NULL);
	for (int i = 0; i < 8; i++)
		join(t[i]);
	ck_assert_int_eq(load(&progress), 8);
	ck_assert(!gori_timers_any());
}
END_TEST

static void *stay_on_one_thread(void *arg)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	(void)arg;
	for (int i = 0; i < 300; i++) {
		if (i % 3)
			gor_yield();
		else
			chan_send(numbers, i);
		REQUIRE(tid == (pid_t)syscall(SYS_gettid));
	}
	return NULL;
}

START_TEST(a_threads_goroutine_runs_on_that_thread_only)
{
	WITH_PROCS();
	set_up();
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		t[i] = start(stay_on_one_thread, NULL);
	for (int i = 0; i < 4 * 100; i++)
		chan_recv(numbers, NULL);
	for (int i = 0; i < 4; i++)
		join(t[i]);
}
END_TEST

static void *settle_here(void *arg)
{
	(void)arg;
	REQUIRE(gor_settle(30 * GOR_SECOND));
	chan_send(numbers, 1);
	return NULL;
}

START_TEST(a_thread_may_settle)
{
	WITH_PROCS();
	set_up();
	pthread_t t = start(settle_here, NULL);

	chan_recv(numbers, NULL);
	join(t);
}
END_TEST

static void *change_maxprocs(void *arg)
{
	(void)arg;
	for (int i = 0; i < 40; i++) {
		gor_maxprocs(1 + i % 4);
		gor_yield();
	}
	return NULL;
}

START_TEST(threads_may_change_maxprocs)
{
	WITH_PROCS();
	set_up();
	int n = 3000, got = 0;
	pthread_t a = start(change_maxprocs, NULL), b = start(change_maxprocs, NULL);
	pthread_t c = start(count_to, &n), d = start(expect_count_to, &got);

	join(a);
	join(b);
	join(c);
	join(d);
	ck_assert_int_eq(got, 3000);
}
END_TEST

static void *run_timers(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		gor_sleep(100 * GOR_US);
		chan_select(timeout_case(100 * GOR_US));
	}
	increment(&progress);
	return NULL;
}

START_TEST(threads_may_sleep_all_at_once)
{
	WITH_PROCS();
	pthread_t t[20];

	for (int i = 0; i < 20; i++)
		t[i] = start(run_timers, NULL);
	for (int i = 0; i < 20; i++)
		join(t[i]);
	ck_assert_int_eq(load(&progress), 20);
}
END_TEST

/* ---- threads and goroutines outlive each other --------------------------------------------------------------------- */

static void send_numbers(int n)
{
	for (int i = 0; i < n; i++)
		chan_send(numbers, i);
	chan_close(numbers);
}

static void *start_goroutine(void *arg)
{
	go(send_numbers, *(int *)arg);
	return NULL;
}

START_TEST(a_goroutine_outlives_the_thread_that_made_it)
{
	WITH_PROCS();
	set_up();
	int n = 100, v, got = 0;

	join(start(start_goroutine, &n));
	while (chan_recv(numbers, &v))
		ck_assert_int_eq(v, got++);
	ck_assert_int_eq(got, n);
	WAIT_UNTIL(gor_num_goroutine() == 1);
}
END_TEST

START_TEST(threads_that_end_leave_nothing_behind)
{
	WITH_PROCS();
	set_up();
	for (int i = 0; i < 60; i++) {
		pthread_t t = start(echo_once, NULL);
		int v;

		chan_send(numbers, i);
		chan_recv(echoes, &v);
		REQUIRE(v == i + 1);
		join(t);
	}
	ck_assert_int_eq(gor_num_goroutine(), 1);
	ck_assert_uint_eq(gori_sched.nforeign_out, 0);
	ck_assert_uint_lt(gori_sched.nm, 30); /* their Ms are used again */
}
END_TEST

START_TEST(many_threads_come_and_go_at_once)
{
	WITH_PROCS();
	set_up();
	for (int round = 0; round < 5; round++) {
		pthread_t t[MANY];

		for (int i = 0; i < MANY; i++)
			t[i] = start(echo_once, NULL);
		for (int i = 0; i < MANY; i++) {
			chan_send(numbers, i);
			chan_recv(echoes, NULL);
		}
		for (int i = 0; i < MANY; i++)
			join(t[i]);
	}
	ck_assert_int_eq(gor_num_goroutine(), 1);
	ck_assert_uint_lt(gori_sched.nm, 2 * MANY + 20);
}
END_TEST

static void *end_detached(void *arg)
{
	(void)arg;
	pthread_detach(pthread_self());
	chan_send(numbers, 1);
	pthread_exit(NULL);
}

START_TEST(a_detached_thread_may_end_by_pthread_exit)
{
	WITH_PROCS();
	set_up();
	for (int i = 0; i < 20; i++) {
		start(end_detached, NULL);
		chan_recv(numbers, NULL);
	}
	WAIT_UNTIL(gor_num_goroutine() == 1);
}
END_TEST

static pthread_key_t key;

static void send_at_the_end(void *value)
{
	(void)value;
	chan_send(numbers, 7);
}

static void *set_key(void *arg)
{
	(void)arg;
	pthread_setspecific(key, &key);
	chan_send(numbers, 6);
	return NULL;
}

START_TEST(a_destructor_of_a_thread_may_use_channels)
{
	WITH_PROCS();
	set_up();
	ck_assert_int_eq(pthread_key_create(&key, send_at_the_end), 0);
	for (int i = 0; i < 20; i++) {
		pthread_t t = start(set_key, NULL);
		int v;

		chan_recv(numbers, &v);
		ck_assert_int_eq(v, 6);
		chan_recv(numbers, &v);
		ck_assert_int_eq(v, 7);
		join(t);
	}
	WAIT_UNTIL(gor_num_goroutine() == 1);
}
END_TEST

static void *never_calls(void *arg)
{
	sem_wait(arg);
	return NULL;
}

START_TEST(a_thread_that_never_calls_the_runtime_does_not_count)
{
	WITH_PROCS();
	sem_t sem;

	sem_init(&sem, 0, 0);
	pthread_t t = start(never_calls, &sem);

	gor_yield();
	ck_assert_int_eq(gor_num_goroutine(), 1);
	sem_post(&sem);
	join(t);
}
END_TEST

/* ---- Ps ---------------------------------------------------------------------------------------------------------------- */

static void *touch_and_block(void *arg)
{
	gor_goid();
	gor_yield();
	increment(&progress);
	sem_wait(arg);
	gor_yield();
	return NULL;
}

START_TEST(threads_outside_the_runtime_keep_no_p)
{
	WITH_PROCS();
	set_up();
	pthread_t t[8];
	sem_t sem;

	sem_init(&sem, 0, 0);
	for (int i = 0; i < 8; i++)
		t[i] = start(touch_and_block, &sem);
	WAIT_UNTIL(load(&progress) == 8);
	go(echo_goroutine);
	for (int i = 0; i < 1000; i++) {
		chan_send(numbers, i);
		chan_recv(echoes, NULL);
	}
	chan_close(numbers);
	await(done, 1);
	for (int i = 0; i < 8; i++)
		sem_post(&sem);
	for (int i = 0; i < 8; i++)
		join(t[i]);
}
END_TEST

static void *wait_on_mutex(void *arg)
{
	pthread_mutex_lock(arg);
	chan_send(numbers, 1);
	pthread_mutex_unlock(arg);
	return NULL;
}

START_TEST(a_mutex_of_the_program_may_be_held_across_a_channel_operation)
{
	WITH_PROCS();
	set_up();
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_t t[6];

	for (int i = 0; i < 6; i++)
		t[i] = start(wait_on_mutex, &mutex);
	for (int i = 0; i < 6; i++)
		chan_recv(numbers, NULL);
	for (int i = 0; i < 6; i++)
		join(t[i]);
}
END_TEST

static void *send_on_closed(void *arg)
{
	chan(int) c = chan_make(int, 0);

	(void)arg;
	chan_close(c);
	chan_send(c, 1);
	return NULL;
}

static void panic_in_a_thread(void)
{
	join(start(send_on_closed, NULL));
}

START_TEST(a_panic_in_a_thread_ends_the_process)
{
	WITH_PROCS();
	expect_panic(panic_in_a_thread, "send on closed channel");
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------------------------------------ */

static void add_tests(TCase *tc)
{
	ADD(tc, a_thread_receives_and_sends);
	ADD(tc, many_threads_share_a_channel);
	ADD(tc, two_threads_talk_while_main_joins_them);
	ADD(tc, goroutines_run_while_main_is_in_pthread_join);
	ADD(tc, a_goroutine_may_join_a_thread);
	ADD(tc, a_thread_may_call_everything);
	ADD(tc, a_threads_goroutine_runs_on_that_thread_only);
	ADD(tc, a_thread_may_settle);
	ADD(tc, threads_may_change_maxprocs);
	ADD(tc, threads_may_sleep_all_at_once);
	ADD(tc, a_goroutine_outlives_the_thread_that_made_it);
	ADD(tc, threads_that_end_leave_nothing_behind);
	ADD(tc, many_threads_come_and_go_at_once);
	ADD(tc, a_detached_thread_may_end_by_pthread_exit);
	ADD(tc, a_destructor_of_a_thread_may_use_channels);
	ADD(tc, a_thread_that_never_calls_the_runtime_does_not_count);
	ADD(tc, threads_outside_the_runtime_keep_no_p);
	ADD(tc, a_mutex_of_the_program_may_be_held_across_a_channel_operation);
	ADD(tc, a_panic_in_a_thread_ends_the_process);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "thread", add_tests, NULL);
}
