/* SPDX-License-Identifier: MIT */
/*
 * What: tests of fork: the child goes on with the goroutines that were parked or queued, or executes another
 * program; the parent does not notice.
 *
 * How: the child says how it went by its exit status, FINE.  An alarm ends one that hangs.
 */
#define _GNU_SOURCE
#include "sched_test.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <time.h>

extern char **environ;

enum { FINE = 7 };

static chan(int) numbers;
static chan(int) echoes;
static chan(gor_unit) done;
static int stop; /* atomic */

static void set_up(void)
{
	numbers = chan_make(int, 0);
	echoes = chan_make(int, 0);
	done = chan_make(gor_unit, 0);
}

static void expect_fine(pid_t pid)
{
	int status;

	REQUIRE(pid > 0);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "wait status %#x", (unsigned)status);
}

/* Forks; in the child fn runs and FINE follows. */
static pid_t fork_and(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(10);
		fn();
		_exit(FINE);
	}
	return pid;
}

static void require(bool cond, int status)
{
	if (!cond)
		_exit(status);
}

/* ---- the child goes on ------------------------------------------------------------------------------------------ */

static void echo(void)
{
	int v;

	while (chan_recv(numbers, &v))
		chan_send(echoes, v + 1);
	say_done(done);
}

static void talk_to_echo(void)
{
	int v;

	for (int i = 0; i < 500; i++) {
		chan_send(numbers, i);
		chan_recv(echoes, &v);
		require(v == i + 1, 1);
	}
	chan_close(numbers);
	await(done, 1);
}

START_TEST(a_parked_goroutine_goes_on_in_child_and_parent)
{
	WITH_PROCS();
	set_up();
	go(echo);
	settle();
	expect_fine(fork_and(talk_to_echo));
	talk_to_echo();
}
END_TEST

static int counter; /* atomic */

static void step(void)
{
	increment(&counter);
}

static void run_what_was_queued(void)
{
	require(gor_settle(5 * GOR_SECOND), 1);
	require(load(&counter) == 600, 2);
}

START_TEST(queued_goroutines_run_in_child_and_parent)
{
	pid_t pid;

	gor_maxprocs(1); /* so that none runs before the fork */
	for (int i = 0; i < 600; i++)
		go(step);
	pid = fork_and(run_what_was_queued);
	settle();
	ck_assert_int_eq(load(&counter), 600);
	expect_fine(pid);
}
END_TEST

static void make_new_ones(void)
{
	set_up();
	for (int i = 0; i < 300; i++)
		go(step);
	go(echo);
	talk_to_echo();
	require(gor_settle(5 * GOR_SECOND), 2);
	require(load(&counter) == 300, 3);
}

START_TEST(the_child_makes_goroutines_of_its_own)
{
	WITH_PROCS();
	expect_fine(fork_and(make_new_ones));
	ck_assert_int_eq(load(&counter), 0);
}
END_TEST

static void work_with_several_ps(void)
{
	for (int n = 1; n < 5; n++) {
		gor_maxprocs(n);
		store(&counter, 0);
		make_new_ones();
	}
}

START_TEST(the_child_may_have_several_ps)
{
	WITH_PROCS();
	expect_fine(fork_and(work_with_several_ps));
}
END_TEST

static void sleep_and_step(int64_t ns)
{
	gor_sleep(ns);
	increment(&counter);
}

static void wait_for_sleepers(void)
{
	while (load(&counter) < 50)
		gor_sleep(GOR_MS);
}

START_TEST(sleepers_wake_in_child_and_parent)
{
	WITH_PROCS();
	pid_t pid;

	for (int i = 0; i < 50; i++)
		go(sleep_and_step, (20 + i) * GOR_MS);
	settle();
	pid = fork_and(wait_for_sleepers);
	wait_for_sleepers();
	expect_fine(pid);
}
END_TEST

static void count_goroutines(void)
{
	require(gor_goid() == 1, 1);
	require(gor_num_goroutine() == 11, 2);
	chan_close(numbers);
	await(done, 10);
	require(gor_settle(5 * GOR_SECOND), 3);
	require(gor_num_goroutine() == 1, 4);
}

START_TEST(the_child_counts_the_goroutines_it_has)
{
	WITH_PROCS();
	set_up();
	for (int i = 0; i < 10; i++)
		go(echo);
	settle();
	expect_fine(fork_and(count_goroutines));
	ck_assert_int_eq(gor_num_goroutine(), 11);
}
END_TEST

static void loop(void)
{
	while (!load(&stop))
		;
}

static void only_main_is_left(void)
{
	require(gor_num_goroutine() == 1, 1);
	make_new_ones();
}

START_TEST(goroutines_that_ran_elsewhere_are_gone_in_the_child)
{
	WITH_PROCS();
	for (int i = 0; i < 3; i++)
		go(loop);
	for (int i = 0; i < 3; i++)
		gor_sleep(GOR_MS); /* all three are on threads, with or without a P */
	WAIT_UNTIL(!gori_sched.runq.size);
	expect_fine(fork_and(only_main_is_left));
	store(&stop, 1);
	WAIT_UNTIL(gor_num_goroutine() == 1);
}
END_TEST

/* ---- forking under load --------------------------------------------------------------------------------------------- */

static void stay_busy(void)
{
	chan(int) c = chan_make(int, 2);
	int v;

	for (int i = 0; !load(&stop); i++) {
		if (chan_select(send_case(c, i), recv_case(c, &v)) == 1)
			REQUIRE(v >= 0);
		if (i % 8 == 0)
			gor_yield();
		if (i % 1000 == 0)
			gor_sleep(10 * GOR_US);
	}
	chan_free(c);
	say_done(done);
}

static void keep_working(void)
{
	for (int i = 0; i < 20; i++)
		gor_sleep(GOR_MS / 4);
	gor_maxprocs(2);
	for (int i = 0; i < 20; i++)
		gor_sleep(GOR_MS / 4);
}

static void do_nothing(void)
{
}

START_TEST(fork_under_load_disturbs_nobody)
{
	WITH_PROCS();
	set_up();
	for (int i = 0; i < 8; i++)
		go(stay_busy);
	for (int i = 0; i < 30; i++)
		expect_fine(fork_and(i % 3 ? do_nothing : keep_working));
	store(&stop, 1);
	await(done, 8);
}
END_TEST

static void fork_here(void)
{
	for (int i = 0; i < 5; i++)
		expect_fine(fork_and(keep_working));
	say_done(done);
}

START_TEST(several_goroutines_fork_at_once)
{
	WITH_PROCS();
	set_up();
	for (int i = 0; i < 3; i++)
		go(fork_here);
	for (int i = 0; i < 3; i++)
		go(stay_busy);
	await(done, 3);
	store(&stop, 1);
	await(done, 3);
}
END_TEST

static void fork_again(void)
{
	int status;
	pid_t pid = fork_and(make_new_ones);

	require(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == FINE, 1);
	make_new_ones();
}

START_TEST(a_child_forks_again)
{
	WITH_PROCS();
	expect_fine(fork_and(fork_again));
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

static void *fork_in_thread(void *arg)
{
	(void)arg;
	gor_yield();
	expect_fine(fork_and(make_new_ones));
	return NULL;
}

START_TEST(a_thread_forks)
{
	WITH_PROCS();
	pthread_t t;

	set_up();
	go(stay_busy);
	ck_assert_int_eq(pthread_create(&t, NULL, fork_in_thread, NULL), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	store(&stop, 1);
	await(done, 1);
}
END_TEST

static void *recv_in_thread(void *arg)
{
	chan_recv(*(chan(int) *)arg, NULL);
	return NULL;
}

static void *sleep_in_thread(void *arg)
{
	(void)arg;
	gor_sleep(30 * GOR_MS);
	increment(&counter);
	return NULL;
}

/* The threads are not in the child; nothing that they waited for may find them. */
static void meet_no_ghosts(void)
{
	require(gor_num_goroutine() == 1, 1);
	require(!chan_try_send(numbers, 1), 2);
	for (int i = 0; i < 10; i++)
		gor_sleep(10 * GOR_MS);
	require(load(&counter) == 0, 3);
	chan_free(numbers);
	make_new_ones();
}

START_TEST(threads_that_waited_are_gone_in_the_child)
{
	WITH_PROCS();
	pthread_t t[2];

	set_up();
	ck_assert_int_eq(pthread_create(&t[0], NULL, recv_in_thread, &numbers), 0);
	ck_assert_int_eq(pthread_create(&t[1], NULL, sleep_in_thread, NULL), 0);
	WAIT_UNTIL(load(&inside(numbers)->recvq.first));
	WAIT_UNTIL(gor_num_goroutine() == 3);
	expect_fine(fork_and(meet_no_ghosts));
	chan_send(numbers, 1);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	ck_assert_int_eq(load(&counter), 1);
}
END_TEST

static void locked_echo(void)
{
	gor_lock_thread();
	echo();
}

/* Its thread is gone, its stack is not: it goes on on any. */
START_TEST(a_goroutine_locked_to_another_thread_goes_on_unlocked_in_the_child)
{
	WITH_PROCS();
	set_up();
	go(locked_echo);
	settle();
	expect_fine(fork_and(talk_to_echo));
	talk_to_echo();
}
END_TEST

static void *thread_echo(void *arg)
{
	(void)arg;
	echo();
	return NULL;
}

static void talk_to_thread(void)
{
	pthread_t t;

	set_up();
	require(pthread_create(&t, NULL, thread_echo, NULL) == 0, 1);
	for (int i = 0; i < 100; i++) {
		chan_send(numbers, i);
		chan_recv(echoes, NULL);
	}
	chan_close(numbers);
	await(done, 1);
	pthread_join(t, NULL);
}

START_TEST(the_child_makes_threads_of_its_own)
{
	WITH_PROCS();
	set_up();
	go(stay_busy);
	expect_fine(fork_and(talk_to_thread));
	store(&stop, 1);
	await(done, 1);
}
END_TEST

static void run_on_several_ps(void)
{
	gor_maxprocs(4);
	for (int i = 0; i < 4; i++)
		go(step);
	require(gor_settle(5 * GOR_SECOND), 1);
}

static void fork_while_threads_begin(void)
{
	int status;

	gor_maxprocs(4);
	for (int i = 0; i < 4; i++)
		go(step);
	require(waitpid(fork_and(run_on_several_ps), &status, 0) > 0 && status == FINE << 8, 2);
}

/* A thread that begins holds locks of libc's or a sanitizer's; the more often, the likelier to meet one. */
START_TEST(a_fork_waits_for_threads_that_begin)
{
	for (int i = 0; i < 100; i++)
		expect_fine(fork_and(fork_while_threads_begin));
}
END_TEST

/* ---- other programs -------------------------------------------------------------------------------------------------------- */

static void exec_shell(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(1);
}

static void exec_in_goroutine(void)
{
	expect_fine(fork_and(exec_shell));
	say_done(done);
}

START_TEST(the_child_executes_another_program)
{
	WITH_PROCS();
	set_up();
	go(stay_busy);
	expect_fine(fork_and(exec_shell));
	go(exec_in_goroutine);
	await(done, 1);
	store(&stop, 1);
	await(done, 1);
}
END_TEST

static void spawn_programs(void)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 7", NULL};

	for (int i = 0; i < 5; i++) {
		pid_t pid;

		REQUIRE(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
		expect_fine(pid);
		REQUIRE(WEXITSTATUS(system("exit 7")) == FINE);
	}
	say_done(done);
}

START_TEST(posix_spawn_and_system_work_under_load)
{
	WITH_PROCS();
	set_up();
	for (int i = 0; i < 3; i++)
		go(stay_busy);
	go(spawn_programs);
	await(done, 1);
	store(&stop, 1);
	await(done, 3);
}
END_TEST

/* ---- the suite -------------------------------------------------------------------------------------------------------------- */

static void add_tests(TCase *tc)
{
	ADD(tc, a_parked_goroutine_goes_on_in_child_and_parent);
	ADD_ONCE(tc, queued_goroutines_run_in_child_and_parent);
	ADD(tc, the_child_makes_goroutines_of_its_own);
	ADD(tc, the_child_may_have_several_ps);
	ADD(tc, sleepers_wake_in_child_and_parent);
	ADD(tc, the_child_counts_the_goroutines_it_has);
	ADD(tc, goroutines_that_ran_elsewhere_are_gone_in_the_child);
	ADD(tc, fork_under_load_disturbs_nobody);
	ADD(tc, several_goroutines_fork_at_once);
	ADD(tc, a_child_forks_again);
	ADD(tc, a_thread_forks);
	ADD(tc, threads_that_waited_are_gone_in_the_child);
	ADD(tc, a_goroutine_locked_to_another_thread_goes_on_unlocked_in_the_child);
	ADD(tc, the_child_makes_threads_of_its_own);
	ADD_ONCE(tc, a_fork_waits_for_threads_that_begin);
	ADD(tc, the_child_executes_another_program);
	ADD(tc, posix_spawn_and_system_work_under_load);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "fork", add_tests, NULL);
}
