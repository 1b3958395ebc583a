/* SPDX-License-Identifier: MIT */
/*
 * What: gor_dump of a program that goes on: everybody is in it once, nobody is the worse for it.
 */
#define _GNU_SOURCE
#include <gorgon.h>
#include <gorgon/dump.h>

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/abi.h"

void gori_foreach_g(bool (*fn)(struct gori_g *, void *), void *arg);

enum { PARKED = 50, TEXT_MAX = 1 << 22 };

static chan(int) never, ready;
static volatile int stop;
static volatile long turns[64];
static char text[TEXT_MAX];

/* The dump as a string. */
static const char *dump(int flags)
{
	int fd = memfd_create("dump", MFD_CLOEXEC);
	ssize_t n;

	ck_assert_int_eq(gor_dump(fd, flags), 0);
	n = pread(fd, text, sizeof text - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static int count(const char *where, const char *what)
{
	int n = 0;

	for (const char *p = where; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void park(int n)
{
	chan_send(ready, n);
	chan_recv(never, NULL);
	turns[0]++;
}

static __attribute__((noinline)) void spin_here(int n)
{
	while (!stop)
		turns[n]++;
}

static void spinner(int n)
{
	spin_here(n);
	chan_send(ready, n);
}

static void chatter(int n)
{
	while (!stop) {
		turns[n]++;
		gor_yield();
	}
	chan_send(ready, n);
}

static void setup(void)
{
	never = chan_make(int, 0);
	ready = chan_make(int, 0);
	for (int i = 0; i < PARKED; i++)
		go(park, i);
	for (int i = 0; i < PARKED; i++)
		chan_recv(ready, NULL);
	gor_settle(GOR_SECOND);
}

START_TEST(everybody_is_shown_once)
{
	const char *t;

	setup();
	t = dump(0);
	ck_assert_int_eq(count(t, "goroutine 1 ["), 1);
	ck_assert_int_eq(strncmp(t, "goroutine 1 [running", 20), 0);
	ck_assert_int_eq(count(t, " [chan receive]:\n"), PARKED);
	ck_assert_int_eq(count(t, "\npark("), PARKED);
	ck_assert_int_eq(count(t, "created by setup in goroutine 1\n"), PARKED);
	ck_assert_int_eq(count(t, "gori_"), 0);
	ck_assert_int_eq(count(dump(GOR_DUMP_SELF), "goroutine "), 1);
	t = dump(GOR_DUMP_SYSTEM);
	ck_assert_int_ge(count(t, "\ngor_chan_recv("), PARKED);
	ck_assert_int_ge(count(t, " pc=0x"), PARKED);
}
END_TEST

static bool make_older(struct gori_g *g, void *arg)
{
	int *n = arg;

	if (g->status == GORI_GWAITING)
		g->since -= (59 + 60 * (*n)++ % 180) * GOR_SECOND;
	return true;
}

START_TEST(waiting_times_are_minutes_from_one_on)
{
	int n = 0;

	setup();
	gori_foreach_g(make_older, &n);
	dump(0);
	ck_assert_int_eq(n, PARKED);
	ck_assert_int_ge(count(text, " [chan receive]:\n"), PARKED / 3); /* 59 s */
	ck_assert_int_ge(count(text, " [chan receive, 1 minutes]:\n"), PARKED / 3);
	ck_assert_int_ge(count(text, " [chan receive, 2 minutes]:\n"), PARKED / 3);
}
END_TEST

START_TEST(running_goroutines_show_their_stacks)
{
	setup();
	gor_maxprocs(3);
	go(spinner, 1);
	go(spinner, 2);
	while (!turns[1] || !turns[2])
		gor_yield();
	for (int i = 0; i < 20; i++) {
		const char *t = dump(0);

		ck_assert_int_eq(count(t, "stack unavailable"), 0);
		ck_assert_int_eq(count(t, "\nspinner("), 2);
	}
	stop = 1;
	chan_recv(ready, NULL);
	chan_recv(ready, NULL);
}
END_TEST

START_TEST(the_program_goes_on)
{
	long before;

	setup();
	gor_maxprocs(2);
	for (int i = 1; i <= 8; i++)
		go(chatter, i);
	for (int i = 0; i < 300; i++) {
		before = turns[1 + i % 8];
		dump(i % 3 ? 0 : GOR_DUMP_SYSTEM);
		while (turns[1 + i % 8] == before)
			gor_yield();
	}
	stop = 1;
	for (int i = 1; i <= 8; i++)
		chan_recv(ready, NULL);
}
END_TEST

static void *dump_often(void *arg)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (int i = 0; i < 200; i++)
		if (gor_dump(fd, 0) != 0)
			abort();
	close(fd);
	return arg;
}

START_TEST(several_threads_dump_at_once)
{
	pthread_t t[4];

	setup();
	go(chatter, 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, dump_often, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	stop = 1;
	chan_recv(ready, NULL);
}
END_TEST

static void reader(int fd)
{
	char buf[512];
	long got = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		got += n;
	chan_send(ready, (int)got);
}

/* The pipe is smaller than the dump, and whoever empties it is stopped during the dump. */
START_TEST(the_reader_may_be_a_goroutine_of_the_same_program)
{
	int fd[2], got;

	setup();
	gor_maxprocs(2);
	ck_assert_int_eq(pipe(fd), 0);
	fcntl(fd[1], F_SETPIPE_SZ, 4096);
	go(reader, fd[0]);
	ck_assert_int_eq(gor_dump(fd[1], GOR_DUMP_SYSTEM), 0);
	close(fd[1]);
	chan_recv(ready, &got);
	ck_assert_int_gt(got, 10000);
}
END_TEST

START_TEST(a_closed_pipe_is_an_error_and_no_signal)
{
	int fd[2];

	setup();
	ck_assert_int_eq(pipe(fd), 0);
	close(fd[0]);
	ck_assert_int_eq(gor_dump(fd[1], 0), -EPIPE);
	ck_assert_int_eq(gor_dump(-1, 0), 0); /* nowhere is fine */
	ck_assert_int_eq(gor_dump(999, 0), -EBADF);
}
END_TEST

static volatile int nurgent;

static void on_urgent(int sig)
{
	(void)sig;
	nurgent++;
}

START_TEST(the_programs_own_sigurg_works)
{
	struct sigaction sa = {.sa_handler = on_urgent}, now;

	setup();
	sigaction(SIGURG, &sa, NULL);
	gor_maxprocs(2);
	go(chatter, 1);
	for (int i = 0; i < 50; i++) {
		dump(0);
		gor_yield();
	}
	sigaction(SIGURG, NULL, &now);
	ck_assert(now.sa_handler == on_urgent);
	ck_assert_int_eq(nurgent, 0);
	raise(SIGURG);
	ck_assert_int_eq(nurgent, 1);
	stop = 1;
	chan_recv(ready, NULL);
}
END_TEST

static void deaf(int n)
{
	sigset_t all;

	gor_lock_thread();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	spin_here(n);
	chan_send(ready, n);
}

START_TEST(a_thread_that_blocks_all_signals_does_not_stop_the_dump)
{
	const char *t;

	setup();
	gor_maxprocs(2);
	go(deaf, 1);
	while (!turns[1])
		gor_yield();
	t = dump(0);
	ck_assert_int_eq(count(t, "\npark("), PARKED);
	ck_assert_int_eq(count(t, "stack unavailable"), 1);
	stop = 1;
	chan_recv(ready, NULL);
}
END_TEST

int recurse(int n);
static int (*volatile again)(int) = recurse; /* no inlining, no clones */

int recurse(int n)
{
	volatile char frame[32];

	frame[n % 32] = 1;
	if (n == 0) {
		dump(GOR_DUMP_SELF);
		return 1;
	}
	return again(n - 1) + frame[0];
}

START_TEST(long_stacks_are_cut_in_the_middle)
{
	char newline = 0, *p;
	int elided = 0;

	setup();
	again(1000);
	ck_assert_int_eq(count(text, "\t\?\?:0"), 100);
	ck_assert_int_ge(count(text, "\nrecurse("), 80); /* the others: those of the test library, and dump */
	p = strstr(text, "\n...");
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sscanf(p, "\n...%d frames elided...%c", &elided, &newline), 2);
	ck_assert_int_eq(elided + count(text, "\nrecurse("), 1001);
	ck_assert_ptr_nonnull(strstr(text, "\nmain("));
	again(60);
	ck_assert_int_eq(count(text, "\nrecurse("), 61);
	ck_assert_int_eq(count(text, "elided"), 0);
}
END_TEST

static void *foreign(void *arg)
{
	ck_assert_int_eq(count(dump(0), "\npark("), PARKED);
	ck_assert_ptr_nonnull(strstr(text, "goroutine 0 [running]:"));
	gor_yield();
	ck_assert_ptr_nonnull(strstr(dump(0), "locked to thread]:\n"));
	return arg;
}

START_TEST(foreign_threads_may_dump)
{
	pthread_t t;

	setup();
	pthread_create(&t, NULL, foreign, NULL);
	pthread_join(t, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("raw_dump");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, everybody_is_shown_once);
	tcase_add_test(t, waiting_times_are_minutes_from_one_on);
	tcase_add_test(t, running_goroutines_show_their_stacks);
	tcase_add_test(t, the_program_goes_on);
	tcase_add_test(t, several_threads_dump_at_once);
	tcase_add_test(t, the_reader_may_be_a_goroutine_of_the_same_program);
	tcase_add_test(t, a_closed_pipe_is_an_error_and_no_signal);
	tcase_add_test(t, the_programs_own_sigurg_works);
	tcase_add_test(t, a_thread_that_blocks_all_signals_does_not_stop_the_dump);
	tcase_add_test(t, long_stacks_are_cut_in_the_middle);
	tcase_add_test(t, foreign_threads_may_dump);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
