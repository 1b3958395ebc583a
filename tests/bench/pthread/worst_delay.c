/* SPDX-License-Identifier: MIT */
/*
 * worst_delay: one thread loops for ever, one sits in a raw read(2) of an empty
 * pipe, one in qsort(3) of four million ints; the greatest lateness, in us, of
 * a fourth that sleeps 1 ms again and again: what the kernel alone achieves.
 */
#include "pt.h"
#include "../worst_delay.h"

static void *spin(void *arg)
{
	delay_spin();
	return arg;
}

static void *read_pipe(void *arg)
{
	delay_read(*(int *)arg);
	return arg;
}

static void *sort_forever(void *arg)
{
	delay_sort();
	return arg;
}

static void sleep_ms(void)
{
	struct timespec ts = {0, 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

int main(void)
{
	int p[2];

	if (pipe(p) != 0)
		bench_fail("worst_delay: no pipe");
	delay_watch(sleep_ms, 20);
	pt_spawn(spin, NULL);
	pt_spawn(read_pipe, &p[0]);
	pt_spawn(sort_forever, NULL);
	delay_report("pthread", delay_watch(sleep_ms, BENCH_DELAY_MS));
	return 0;
}
