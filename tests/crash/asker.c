/* SPDX-License-Identifier: MIT */
/*
 * What: a program that has itself dumped by a helper, and looks whether it notices:
 *
 *	asker dump      gor_dump: no child, no SIGCHLD, and the others go on while the helper writes
 *	asker signal    the same by SIGUSR1
 *	asker both      panics while gor_dump is going on
 *	asker fds       panics when it has no descriptor left
 *	asker secure    panics; says first whether the kernel takes it for privileged
 *
 * Prints one line for each thing found; exits with 0 unless it panics.
 */
#define _GNU_SOURCE
#include <gorgon.h>
#include <gorgon/dump.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int nsigchld;
static atomic_long longest_gap; /* ns between two steps of the other goroutine */

static void on_sigchld(int sig)
{
	(void)sig;
	nsigchld++;
}

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * GOR_SECOND + ts.tv_nsec;
}

/* On a thread of its own: that one is frozen, but not for long. */
static void step(void)
{
	gor_lock_thread();
	for (long last = now();;) {
		long t = now();

		if (t - last > longest_gap)
			longest_gap = t - last;
		last = t;
		gor_sleep(GOR_MS);
	}
}

static void ask(const char *how)
{
	long begin;

	signal(SIGCHLD, on_sigchld);
	go(step);
	gor_sleep(20 * GOR_MS);
	longest_gap = 0;
	begin = now();
	if (!strcmp(how, "signal"))
		raise(SIGUSR1);
	else
		printf("gor_dump: %d\n", gor_dump(STDOUT_FILENO, 0));
	begin = now() - begin;
	gor_sleep(20 * GOR_MS);
	printf("children: %s\n", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? "none" : "some");
	printf("SIGCHLD: %d\n", nsigchld);
	printf("the others: %s\n", longest_gap < begin / 2 + 100 * GOR_MS ? "went on" : "waited");
}

static void die_soon(void)
{
	gor_lock_thread();
	gor_sleep(300 * GOR_MS);
	panic("in the middle");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "dump";

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(how, "fds"))
		while (dup(0) >= 0)
			;
	if (!strcmp(how, "secure"))
		printf("privileged: %lu\n", getauxval(AT_SECURE));
	if (!strcmp(how, "secure") || !strcmp(how, "fds"))
		panic("as told");
	if (!strcmp(how, "both"))
		go(die_soon);
	ask(how);
	if (!strcmp(how, "both"))
		gor_sleep(5 * GOR_SECOND);
	return 0;
}
