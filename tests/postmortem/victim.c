/* SPDX-License-Identifier: MIT */
/*
 * What: a program to be read in every way: goroutines that wait on a channel and in sleep, with arguments of several
 * kinds, and a plain thread.
 *
 *	victim HOW [N]		N goroutines (4); HOW is what it does when all of them wait:
 *	  wait			says "ready" and waits
 *	  thread		the plain thread crashes
 *	  panic segv abort quit	dies; quit of SIGQUIT with its default action, which is not the runtime's doing
 */
#include <gorgon.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MARK
#define MARK "first build"
#endif

struct job {
	int id;
	const char *name;
	double weight;
};

static struct job jobs[] = {{1, "one", 1.5}, {2, MARK, 2.5}};
static volatile int keep;
static volatile int crash, crash_wanted;

static void worker(chan(int) c, struct job *j, const char *what, gor_string text)
{
	int v = 0;

	chan_recv(c, &v);
	keep = v + j->id + what[0] + (int)text.len;
}

static void sleeper(int n, const char *what)
{
	gor_sleep(1000 * GOR_SECOND);
	keep = n + what[0];
}

/* A thread that has nothing to do with goroutines, and crashes if that is wanted. */
static void *plain(void *arg)
{
	struct job *j = arg;

	while (!crash)
		crash_wanted ? usleep(1000) : pause();
	*(volatile int *)8 = 1;
	keep = j->id;
	return NULL;
}

static void end(const char *how, chan(int) c)
{
	if (strcmp(how, "panic") == 0)
		panic("on purpose");
	if (strcmp(how, "segv") == 0)
		*(volatile int *)8 = 1;
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "quit") == 0) {
		signal(SIGQUIT, SIG_DFL);
		raise(SIGQUIT);
	}
	crash = crash_wanted;
	if (!crash_wanted) {
		puts("ready");
		fflush(stdout);
	}
	chan_recv(c, NULL);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 4;
	chan(int) c = chan_make(int, 2);
	char *what = strdup("on the heap");
	pthread_t thread;

	crash_wanted = argc > 1 && strcmp(argv[1], "thread") == 0;
	pthread_create(&thread, NULL, plain, &jobs[1]);
	for (int i = 0; i < n; i++) {
		if (i % 2)
			go(sleeper, i, what);
		else
			go(worker, c, &jobs[i % 4 / 2], what, gor_str("a string"));
	}
	gor_settle(10 * GOR_SECOND);
	end(argc > 1 ? argv[1] : "wait", c);
	return 0;
}
