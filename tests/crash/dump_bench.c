/* SPDX-License-Identifier: MIT */
/*
 * What: how long a dump of many goroutines takes, and how long the program stands still for it.
 *
 *	dump_bench [GOROUTINES [FILE [panic]]]
 *
 * How: N goroutines park five frames deep; one counts time stamps all the while, so the largest gap between two
 * of them is the pause that the program felt.  Prints one line of JSON.  With `panic` it dies instead, after it has
 * printed the time, in ns since 1970: who waits for it knows when it was over (tests/bench/dump).
 */
#define _GNU_SOURCE
#include <gorgon.h>
#include <gorgon/dump.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static chan(int) never, ready;
static volatile int stop, depth_sum;
static volatile int64_t worst_gap;

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static __attribute__((noinline)) void deep(int depth, int n)
{
	if (depth > 1) {
		deep(depth - 1, n);
	} else {
		chan_send(ready, n);
		chan_recv(never, NULL);
	}
	depth_sum += depth;
}

static void park(int n)
{
	deep(4, n);
	depth_sum++;
}

static void watch(int unused)
{
	int64_t last = now();

	(void)unused;
	while (!stop) {
		int64_t t = now();

		if (t - last > worst_gap)
			worst_gap = t - last;
		last = t;
	}
	chan_send(ready, 0);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 100000;
	const char *path = argc > 2 ? argv[2] : "/dev/null";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct timespec begin;
	struct stat st;
	int64_t start, took;
	int err;

	never = chan_make(int, 0);
	ready = chan_make(int, 0);
	for (int i = 0; i < n; i++)
		go(park, i);
	for (int i = 0; i < n; i++)
		chan_recv(ready, NULL);
	gor_settle(GOR_SECOND);
	if (argc > 3) {
		dup2(fd, STDERR_FILENO);
		clock_gettime(CLOCK_REALTIME, &begin);
		printf("%lld%09ld\n", (long long)begin.tv_sec, begin.tv_nsec);
		fflush(stdout);
		gor_fatal("measured from outside");
	}
	go(watch, 0);
	gor_sleep(50 * GOR_MS);
	worst_gap = 0;
	start = now();
	err = gor_dump(fd, 0);
	took = now() - start;
	stop = 1;
	chan_recv(ready, NULL);
	fstat(fd, &st);
	printf("{\"goroutines\":%d,\"frames\":5,\"dump_ms\":%.1f,\"pause_ms\":%.1f,\"bytes\":%lld,\"err\":%d}\n",
	       n, (double)took / 1e6, (double)worst_gap / 1e6, (long long)st.st_size, err);
	return 0;
}
