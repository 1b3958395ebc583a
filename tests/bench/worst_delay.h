/* SPDX-License-Identifier: MIT */
/*
 * worst_delay.h - the three nuisances of the row, and the sum of the sleeper
 *
 * All are plain C that knows nothing of the runtime underneath: that is the
 * point of the row. go/worst_delay.go repeats them.
 */
#ifndef GORGON_BENCH_WORST_DELAY_H
#define GORGON_BENCH_WORST_DELAY_H

#include <unistd.h>

#include "bench.h"

struct delays {
	uint64_t worst; /* ns */
	uint64_t sum;   /* ns */
	long n;         /* sleeps */
};

static volatile uint64_t delay_spins;

static void delay_spin(void)
{
	for (;;)
		delay_spins++;
}

/* Nobody ever writes to this pipe. */
static void delay_read(int fd)
{
	char b;

	if (read(fd, &b, 1) >= 0)
		bench_fail("worst_delay: the pipe was not empty");
}

static int delay_compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void delay_sort(void)
{
	int *v = (int *)malloc(BENCH_QSORT_N * sizeof(*v));

	if (!v)
		bench_fail("worst_delay: out of memory");
	for (;;) {
		unsigned x = 1;

		for (size_t i = 0; i < BENCH_QSORT_N; i++)
			v[i] = (int)(x = x * 1664525u + 1013904223u);
		qsort(v, BENCH_QSORT_N, sizeof(*v), delay_compare);
	}
}

/* Sleeps 1 ms by sleep_ms again and again, for ms milliseconds. */
static struct delays delay_watch(void (*sleep_ms)(void), int ms)
{
	struct delays d = {0, 0, 0};
	uint64_t end = bench_now() + (uint64_t)ms * 1000000u, start, late;

	do {
		start = bench_now();
		sleep_ms();
		late = bench_now() - start;
		late = late > 1000000u ? late - 1000000u : 0;
		d.sum += late;
		d.n++;
		if (late > d.worst)
			d.worst = late;
	} while (start < end);
	return d;
}

static void delay_report(const char *impl, struct delays d)
{
	char more[64];

	snprintf(more, sizeof(more), ",\"mean\":%.2f", (double)d.sum / (double)d.n / 1e3);
	bench_report_more("worst_delay", impl, "us", (double)d.worst / 1e3, d.n, more);
}

#endif
