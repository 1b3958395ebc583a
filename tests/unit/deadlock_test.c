/* SPDX-License-Identifier: MIT */
/*
 * What: tests of "all goroutines are asleep - deadlock!": found when nothing can ever happen again, also with
 * threads of the program's about, and never when something still can.
 *
 * How: each case is a process of its own.  Those that must not be taken for a deadlock stay still for several
 * of sysmon's rechecks before what they wait for comes, and exit with 7.
 */
#define _GNU_SOURCE
#include "sched_test.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define VERDICT "fatal error: all goroutines are asleep - deadlock!"

enum { FINE = 7, STILL_MS = 350 };

static chan(int) c;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void expect_deadlock(void (*fn)(void))
{
	expect_exit(fn, 2, VERDICT);
}

static void expect_none(void (*fn)(void))
{
	expect_exit(fn, FINE, "");
}

static _Noreturn void fine(void)
{
	_exit(FINE);
}

static void raw_sleep(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) != 0)
		;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg) != 0)
		_exit(3);
	return t;
}

/* ---- goroutines only -------------------------------------------------------------------------------------------- */

static void recv_for_ever(void)
{
	c = chan_make(int, 0);
	chan_recv(c, NULL);
}

static void send_for_ever(void)
{
	c = chan_make(int, 1);
	chan_send(c, 1);
	chan_send(c, 2);
}

static void recv_on_nil(void)
{
	chan_recv(c, NULL);
}

static void send_on_nil(void)
{
	chan_send(c, 1);
}

static void select_nothing(void)
{
	chan_select();
}

static void select_nil(void)
{
	chan_select(recv_case(c, NULL), send_case(c, 1));
}

START_TEST(main_alone_on_a_channel_is_a_deadlock)
{
	WITH_PROCS();
	expect_deadlock(recv_for_ever);
	expect_deadlock(send_for_ever);
}
END_TEST

START_TEST(main_on_a_nil_channel_is_a_deadlock)
{
	WITH_PROCS();
	expect_deadlock(recv_on_nil);
	expect_deadlock(send_on_nil);
}
END_TEST

START_TEST(an_empty_select_is_a_deadlock)
{
	WITH_PROCS();
	expect_deadlock(select_nothing);
	expect_deadlock(select_nil);
}
END_TEST

static void recv_one(chan(int) from)
{
	chan_recv(from, NULL);
}

static void wait_in_a_circle(void)
{
	c = chan_make(int, 0);
	for (int i = 0; i < 100; i++)
		go(recv_one, c);
	for (int i = 0; i < 50; i++)
		chan_send(c, 1);
	chan_recv(c, NULL);
}

START_TEST(many_goroutines_that_wait_for_each_other_are_a_deadlock)
{
	WITH_PROCS();
	expect_deadlock(wait_in_a_circle);
}
END_TEST

static void sleep_then_end(void)
{
	gor_sleep(5 * GOR_MS);
}

static void wait_beyond_the_last_timer(void)
{
	c = chan_make(int, 0);
	for (int i = 0; i < 10; i++)
		go(sleep_then_end);
	chan_select(recv_case(c, NULL), timeout_case(GOR_MS));
	chan_recv(c, NULL);
}

START_TEST(a_deadlock_is_found_when_the_last_timer_has_fired)
{
	WITH_PROCS();
	expect_deadlock(wait_beyond_the_last_timer);
}
END_TEST

static void loop_for_a_while(void)
{
	for (volatile int i = 0; i < 100000000; i++)
		;
}

static void wait_beyond_a_loop(void)
{
	c = chan_make(int, 0);
	for (int i = 0; i < 3; i++)
		go(loop_for_a_while);
	chan_recv(c, NULL);
}

static void wait_beyond_a_blocking_call(void)
{
	c = chan_make(int, 0);
	go(sleep_then_end);
	gor_blocking_begin();
	raw_sleep(30);
	gor_blocking_end();
	chan_recv(c, NULL);
}

START_TEST(a_deadlock_is_found_when_the_last_goroutine_that_worked_has_ended)
{
	WITH_PROCS();
	expect_deadlock(wait_beyond_a_loop);
	expect_deadlock(wait_beyond_a_blocking_call);
}
END_TEST

static void lock_thread_and_recv(void)
{
	gor_lock_thread();
	c = chan_make(int, 0);
	go(recv_one, c);
	chan_recv(c, NULL);
}

START_TEST(a_locked_goroutine_that_waits_is_asleep_too)
{
	WITH_PROCS();
	expect_deadlock(lock_thread_and_recv);
}
END_TEST

static void leave_main(void)
{
	go(sleep_then_end);
	gor_goexit();
}

static void leave_main_and_wait(void)
{
	c = chan_make(int, 0);
	go(recv_one, c);
	gor_goexit();
}

START_TEST(when_main_has_left_and_all_others_end_or_sleep_it_is_told)
{
	WITH_PROCS();
	expect_exit(leave_main, 2, "no goroutines (main called runtime.Goexit) - deadlock!");
	expect_exit(leave_main_and_wait, 2, "deadlock!");
}
END_TEST

/* ---- with threads of the program's --------------------------------------------------------------------------------- */

static void *lock_mutex(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	return NULL;
}

static void *wait_on_cond(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	pthread_cond_wait(&cond, &mutex);
	return NULL;
}

static void *call_then_wait_on_cond(void *arg)
{
	gor_goid(); /* adopted from here on */
	gor_yield();
	return wait_on_cond(arg);
}

static void recv_beside_a_mutex(void)
{
	pthread_mutex_lock(&mutex);
	start(lock_mutex, NULL);
	recv_for_ever();
}

static void recv_beside_a_cond(void)
{
	start(wait_on_cond, NULL);
	recv_for_ever();
}

static void recv_beside_adopted_threads(void)
{
	for (int i = 0; i < 5; i++)
		start(call_then_wait_on_cond, NULL);
	raw_sleep(20);
	recv_for_ever();
}

START_TEST(threads_that_only_wait_for_each_other_do_not_hide_a_deadlock)
{
	WITH_PROCS();
	expect_deadlock(recv_beside_a_mutex);
	expect_deadlock(recv_beside_a_cond);
	expect_deadlock(recv_beside_adopted_threads);
}
END_TEST

static void *recv_in_thread(void *arg)
{
	chan_recv(*(chan(int) *)arg, NULL);
	return NULL;
}

static void join_a_thread_that_receives(void)
{
	c = chan_make(int, 0);
	pthread_join(start(recv_in_thread, &c), NULL);
}

static void join_declared(void)
{
	pthread_t t;

	c = chan_make(int, 0);
	t = start(recv_in_thread, &c);
	gor_blocking_begin();
	pthread_join(t, NULL);
	gor_blocking_end();
}

static void join_late(void)
{
	pthread_t t;

	c = chan_make(int, 0);
	t = start(recv_in_thread, &c);
	raw_sleep(50); /* it sleeps already, and main still has its P */
	pthread_join(t, NULL);
}

static void join_late_declared(void)
{
	pthread_t t;

	c = chan_make(int, 0);
	t = start(recv_in_thread, &c);
	raw_sleep(50);
	gor_blocking_begin();
	pthread_join(t, NULL);
	gor_blocking_end();
}

START_TEST(main_that_joins_a_thread_which_waits_for_ever_is_a_deadlock)
{
	WITH_PROCS();
	expect_deadlock(join_a_thread_that_receives);
	expect_deadlock(join_declared);
	expect_deadlock(join_late);
	expect_deadlock(join_late_declared);
}
END_TEST

static void lock_for_ever(void)
{
	pthread_mutex_lock(&mutex);
}

static void goroutines_in_a_mutex(void)
{
	c = chan_make(int, 0);
	pthread_mutex_lock(&mutex);
	go(lock_for_ever);
	go(lock_for_ever);
	chan_recv(c, NULL);
}

START_TEST(goroutines_that_wait_for_a_mutex_of_the_program_are_asleep_too)
{
	WITH_PROCS();
	expect_deadlock(goroutines_in_a_mutex);
}
END_TEST

static void *end_soon(void *arg)
{
	(void)arg;
	gor_yield();
	raw_sleep(150);
	return NULL;
}

static void wait_beyond_a_thread(void)
{
	start(end_soon, NULL);
	recv_for_ever();
}

START_TEST(a_deadlock_is_found_when_the_last_thread_that_could_act_has_ended)
{
	WITH_PROCS();
	expect_deadlock(wait_beyond_a_thread);
}
END_TEST

static void deadlock_in_a_child_process(void)
{
	pid_t pid;
	int status;

	c = chan_make(int, 0);
	for (int i = 0; i < 4; i++)
		go(recv_one, c);
	gor_yield();
	pid = fork();
	if (pid == 0)
		chan_recv(c, NULL);
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

START_TEST(a_deadlock_is_found_in_a_child_process)
{
	WITH_PROCS();
	expect_deadlock(deadlock_in_a_child_process);
}
END_TEST

static void *speak_later(void *arg)
{
	usleep(100000);
	fputs("the thread has spoken\n", stderr);
	return arg;
}

static void sleep_and_speak(void)
{
	gor_sleep(150 * GOR_MS);
	fputs("the goroutine has spoken\n", stderr);
}

static void leave_them_alone(void)
{
	pthread_t t;

	pthread_create(&t, NULL, speak_later, NULL);
	pthread_detach(t);
	go(sleep_and_speak);
	pthread_exit(NULL);
}

START_TEST(a_process_ends_with_its_last_thread_when_main_has_ended_by_pthread_exit)
{
	WITH_PROCS();
	expect_exit(leave_them_alone, 0, "the thread has spoken\nthe goroutine has spoken\n");
}
END_TEST

static void leave_somebody_waiting(void)
{
	go(recv_one, chan_make(int, 0));
	pthread_exit(NULL);
}

START_TEST(who_waits_when_main_has_ended_by_pthread_exit_is_told)
{
	WITH_PROCS();
	expect_deadlock(leave_somebody_waiting);
}
END_TEST

/* ---- not a deadlock ---------------------------------------------------------------------------------------------------- */

static void *sleep_and_send(void *arg)
{
	(void)arg;
	raw_sleep(STILL_MS);
	chan_send(c, 1);
	return NULL;
}

static void *call_sleep_and_send(void *arg)
{
	gor_yield();
	return sleep_and_send(arg);
}

static void *timed_wait_and_send(void *arg)
{
	struct timespec ts;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += STILL_MS * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&cond, &mutex, &ts);
	pthread_mutex_unlock(&mutex);
	chan_send(c, 1);
	return NULL;
}

static void *poll_and_send(void *arg)
{
	(void)arg;
	poll(NULL, 0, STILL_MS);
	chan_send(c, 1);
	return NULL;
}

static void recv_from_thread(void *(*fn)(void *))
{
	c = chan_make(int, 0);
	start(fn, NULL);
	chan_recv(c, NULL);
	fine();
}

static void recv_from_a_sleeping_thread(void)
{
	recv_from_thread(sleep_and_send);
}

static void recv_from_a_sleeping_adopted_thread(void)
{
	recv_from_thread(call_sleep_and_send);
}

static void recv_from_a_thread_in_a_timed_wait(void)
{
	recv_from_thread(timed_wait_and_send);
}

static void recv_from_a_thread_in_poll(void)
{
	recv_from_thread(poll_and_send);
}

START_TEST(a_thread_that_sleeps_for_a_time_may_still_send)
{
	WITH_PROCS();
	expect_none(recv_from_a_sleeping_thread);
	expect_none(recv_from_a_sleeping_adopted_thread);
	expect_none(recv_from_a_thread_in_a_timed_wait);
	expect_none(recv_from_a_thread_in_poll);
}
END_TEST

static int pipe_fd[2];

static void *read_and_send(void *arg)
{
	char byte;

	(void)arg;
	if (read(pipe_fd[0], &byte, 1) == 1)
		chan_send(c, 1);
	return NULL;
}

/* Another process writes into the pipe later. */
static void write_later(void)
{
	if (pipe(pipe_fd) != 0)
		_exit(3);
	if (fork() == 0) {
		raw_sleep(STILL_MS);
		_exit(write(pipe_fd[1], "x", 1) == 1 ? 0 : 1);
	}
}

static void recv_from_a_thread_that_reads(void)
{
	write_later();
	recv_from_thread(read_and_send);
}

static void read_in_goroutine(void)
{
	read_and_send(NULL);
}

static void recv_from_a_goroutine_that_reads(void)
{
	write_later();
	c = chan_make(int, 0);
	go(read_in_goroutine);
	chan_recv(c, NULL);
	fine();
}

static void main_reads_while_a_goroutine_waits(void)
{
	char byte;

	write_later();
	c = chan_make(int, 0);
	go(recv_one, c);
	gor_yield();
	if (read(pipe_fd[0], &byte, 1) != 1)
		_exit(3);
	chan_send(c, 1);
	fine();
}

START_TEST(a_thread_in_read_may_still_send)
{
	WITH_PROCS();
	expect_none(recv_from_a_thread_that_reads);
	expect_none(recv_from_a_goroutine_that_reads);
	expect_none(main_reads_while_a_goroutine_waits);
}
END_TEST

static void wait_for_a_timer(void)
{
	c = chan_make(int, 0);
	if (chan_select(recv_case(c, NULL), timeout_case(STILL_MS * GOR_MS)) == 1)
		fine();
}

static void sleep_and_send_goroutine(void)
{
	gor_sleep(STILL_MS * GOR_MS);
	chan_send(c, 1);
}

static void wait_for_a_sleeper(void)
{
	c = chan_make(int, 0);
	go(sleep_and_send_goroutine);
	chan_recv(c, NULL);
	fine();
}

START_TEST(a_pending_timer_is_not_a_deadlock)
{
	WITH_PROCS();
	expect_none(wait_for_a_timer);
	expect_none(wait_for_a_sleeper);
}
END_TEST

static void loop_and_send(void)
{
	int64_t end = gor_now() + STILL_MS * GOR_MS;

	while (gor_now() < end)
		;
	chan_send(c, 1);
}

static void *loop_in_thread(void *arg)
{
	(void)arg;
	loop_and_send();
	return NULL;
}

static void recv_from_a_goroutine_that_loops(void)
{
	c = chan_make(int, 0);
	go(loop_and_send);
	chan_recv(c, NULL);
	fine();
}

static void recv_from_a_thread_that_loops(void)
{
	recv_from_thread(loop_in_thread);
}

START_TEST(somebody_who_computes_may_still_send)
{
	WITH_PROCS();
	expect_none(recv_from_a_goroutine_that_loops);
	expect_none(recv_from_a_thread_that_loops);
}
END_TEST

static void wait_for_a_shared_semaphore(void)
{
	sem_t *sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	sem_init(sem, 1, 0);
	c = chan_make(int, 0);
	if (fork() == 0) {
		raw_sleep(STILL_MS);
		_exit(sem_post(sem));
	}
	go(recv_one, c);
	gor_yield();
	gor_blocking_begin();
	sem_wait(sem);
	gor_blocking_end();
	chan_send(c, 1);
	fine();
}

START_TEST(a_wait_that_another_process_can_end_is_not_a_deadlock)
{
	WITH_PROCS();
	expect_none(wait_for_a_shared_semaphore);
}
END_TEST

static pid_t *waiting_thread; /* shared with the child */

static void *wait_for_a_signal(void *arg)
{
	sigset_t set;
	int sig;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	store(waiting_thread, gettid());
	sigwait(&set, &sig);
	chan_send(c, sig);
	return NULL;
}

static void recv_from_a_thread_in_sigwait(void)
{
	waiting_thread = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	c = chan_make(int, 0);
	start(wait_for_a_signal, NULL);
	if (fork() == 0) {
		while (!load(waiting_thread))
			raw_sleep(1);
		raw_sleep(STILL_MS);
		_exit(tgkill(getppid(), load(waiting_thread), SIGUSR1));
	}
	chan_recv(c, NULL);
	fine();
}

START_TEST(a_thread_that_waits_for_a_signal_may_still_send)
{
	WITH_PROCS();
	expect_none(recv_from_a_thread_in_sigwait);
}
END_TEST

/* ---- threads come and go all the time: no verdict in between ------------------------------------------------------------ */

static void *send_once(void *arg)
{
	(void)arg;
	chan_send(c, 1);
	return NULL;
}

static void *make_a_thread_that_sends(void *arg)
{
	(void)arg;
	pthread_detach(start(send_once, NULL));
	return NULL;
}

static void recv_from_new_threads(void)
{
	c = chan_make(int, 0);
	for (int i = 0; i < 300; i++) {
		pthread_detach(start(make_a_thread_that_sends, NULL));
		chan_recv(c, NULL);
	}
	fine();
}

static void *lock_and_send(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		pthread_mutex_lock(&mutex);
		chan_send(c, 1);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void recv_from_threads_that_lock(void)
{
	int n = 300;

	c = chan_make(int, 0);
	for (int i = 0; i < 4; i++)
		start(lock_and_send, &n);
	for (int i = 0; i < 4 * n; i++)
		chan_recv(c, NULL);
	fine();
}

static void block_and_send(int n)
{
	for (int i = 0; i < n; i++) {
		gor_blocking_begin();
		gor_blocking_end();
		chan_send(c, 1);
	}
}

static void recv_from_goroutines_that_block(void)
{
	int n = 1000;

	c = chan_make(int, 0);
	for (int i = 0; i < 4; i++)
		go(block_and_send, n);
	for (int i = 0; i < 4 * n; i++)
		chan_recv(c, NULL);
	fine();
}

START_TEST(goroutines_and_threads_on_their_way_are_not_taken_for_asleep)
{
	WITH_PROCS();
	expect_none(recv_from_new_threads);
	expect_none(recv_from_threads_that_lock);
	expect_none(recv_from_goroutines_that_block);
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------------------------------------ */

static void add_tests(TCase *tc)
{
	ADD(tc, main_alone_on_a_channel_is_a_deadlock);
	ADD(tc, main_on_a_nil_channel_is_a_deadlock);
	ADD(tc, an_empty_select_is_a_deadlock);
	ADD(tc, many_goroutines_that_wait_for_each_other_are_a_deadlock);
	ADD(tc, a_deadlock_is_found_when_the_last_timer_has_fired);
	ADD(tc, a_deadlock_is_found_when_the_last_goroutine_that_worked_has_ended);
	ADD(tc, a_locked_goroutine_that_waits_is_asleep_too);
	ADD(tc, when_main_has_left_and_all_others_end_or_sleep_it_is_told);
	ADD(tc, threads_that_only_wait_for_each_other_do_not_hide_a_deadlock);
	ADD(tc, main_that_joins_a_thread_which_waits_for_ever_is_a_deadlock);
	ADD(tc, goroutines_that_wait_for_a_mutex_of_the_program_are_asleep_too);
	ADD(tc, a_deadlock_is_found_when_the_last_thread_that_could_act_has_ended);
	ADD(tc, a_deadlock_is_found_in_a_child_process);
	ADD(tc, a_process_ends_with_its_last_thread_when_main_has_ended_by_pthread_exit);
	ADD(tc, who_waits_when_main_has_ended_by_pthread_exit_is_told);
	ADD(tc, a_thread_that_sleeps_for_a_time_may_still_send);
	ADD(tc, a_thread_in_read_may_still_send);
	ADD(tc, a_pending_timer_is_not_a_deadlock);
	ADD(tc, somebody_who_computes_may_still_send);
	ADD(tc, a_wait_that_another_process_can_end_is_not_a_deadlock);
	ADD(tc, a_thread_that_waits_for_a_signal_may_still_send);
	ADD(tc, goroutines_and_threads_on_their_way_are_not_taken_for_asleep);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "deadlock", add_tests, NULL);
}
