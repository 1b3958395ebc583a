/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what every benchmark program shares, in C and in C++
 *
 * The counts below are the contract between the implementations of a row: each
 * one does this much work, or says in its "n" that it did less because it is
 * too slow. go/bench.go repeats them; run.sh names every row where "n" differs.
 *
 * A program measures with the monotonic clock around its hot loop, after a warm-up of
 * 1/BENCH_WARMUP of the work, and prints one line of JSON.
 */
#ifndef GORGON_BENCH_H
#define GORGON_BENCH_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_UNUSED __attribute__((unused))

enum bench_counts {
	BENCH_WARMUP = 10, /* the warm-up does 1/10 of the work */

	BENCH_YIELDERS = 8,         /* goroutines yielding to each other */
	BENCH_YIELD_N = 4000000,    /* yields of all of them together */
	BENCH_PINGPONG_N = 1000000, /* round trips */
	BENCH_BUFFERED_N = 4000000, /* items */
	BENCH_BUFFERED_CAP = 128,
	BENCH_SPAWN_N = 1000000, /* goroutines, for both spawn rows */
	BENCH_BATCH = 1000,      /* goroutines started before waiting */
	BENCH_LOCKERS = 8,       /* goroutines fighting for one mutex */
	BENCH_MUTEX_N = 8000000, /* lock and unlock of all of them */
	BENCH_PRIMES = 2000,
	BENCH_LAST_PRIME = 17389, /* the 2,000th */
	BENCH_SELECT_N = 1000000, /* selects */
	BENCH_LEAVES = 1000000,   /* of the skynet tree */
	BENCH_FANOUT = 10,
	BENCH_SLEEPERS = 100000,
	BENCH_SLEEP_MS = 100,    /* each sleeper sleeps this long, once */
	BENCH_PARKED_N = 100000, /* unless argv[1] says otherwise */
	BENCH_DELAY_MS = 2000,   /* how long worst_delay watches */
	BENCH_QSORT_N = 4000000, /* ints: a libc call of about half a second */
};

static BENCH_UNUSED inline uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* One variable tells every implementation its number of threads; 1 by default. */
static BENCH_UNUSED inline int bench_procs(void)
{
	const char *s = getenv("GOMAXPROCS");
	int n = s ? atoi(s) : 1;

	return n > 0 ? n : 1;
}

static BENCH_UNUSED inline void bench_fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

/* The count in argv[1], or the default. */
static BENCH_UNUSED inline long bench_arg(int argc, char **argv, long dflt)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : dflt;

	if (n <= 0)
		bench_fail("the count must be a positive number");
	return n;
}

/* more: further JSON members such as ,"rss":12 — or an empty string. */
static BENCH_UNUSED inline void bench_report_more(const char *row, const char *impl, const char *unit,
						  double value, long n, const char *more)
{
	printf("{\"row\":\"%s\",\"impl\":\"%s\",\"procs\":%d,\"unit\":\"%s\","
	       "\"value\":%.4f,\"n\":%ld%s}\n",
	       row, impl, bench_procs(), unit, value, n, more);
	fflush(stdout);
}

static BENCH_UNUSED inline void bench_report(const char *row, const char *impl, const char *unit,
					     double value, long n)
{
	bench_report_more(row, impl, unit, value, n, "");
}

/* Runs the row at a tenth of its size, then in full, and reports ns for each. */
static BENCH_UNUSED inline void bench_per_op(const char *row, const char *impl, long n,
					     uint64_t (*run)(long n))
{
	run(n / BENCH_WARMUP);
	bench_report(row, impl, "ns", (double)run(n) / (double)n, n);
}

/* For a row this implementation cannot do in reasonable time, or at all. */
static BENCH_UNUSED inline void bench_report_none(const char *row, const char *impl, const char *why)
{
	printf("{\"row\":\"%s\",\"impl\":\"%s\",\"procs\":%d,\"value\":null,"
	       "\"why\":\"%s\"}\n",
	       row, impl, bench_procs(), why);
	fflush(stdout);
}

/* A number of KiB from /proc/self/status, in bytes; key is "VmRSS:" or "VmPTE:". */
static BENCH_UNUSED inline long bench_status(const char *key)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	if (!f)
		bench_fail("cannot open /proc/self/status");
	while (kib < 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtol(line + strlen(key), NULL, 10);
	}
	fclose(f);
	if (kib < 0)
		bench_fail("/proc/self/status lacks a line");
	return kib * 1024;
}

/* Memory at one moment: what is resident, and what maps it. */
struct bench_mem {
	long rss; /* bytes */
	long pte; /* bytes */
};

static BENCH_UNUSED inline struct bench_mem bench_mem_now(void)
{
	struct bench_mem m;

	m.rss = bench_status("VmRSS:");
	m.pte = bench_status("VmPTE:");
	return m;
}

static BENCH_UNUSED inline const char *bench_parked_row(long n)
{
	return n >= 1000000 ? "parked_1m" : "parked_100k";
}

/* The line of the parked rows: bytes for each of n, between two moments. */
static BENCH_UNUSED inline void bench_report_parked(const char *impl, long n, struct bench_mem before,
						    struct bench_mem after, uint64_t create_ns)
{
	double rss = (double)(after.rss - before.rss) / (double)n;
	double pte = (double)(after.pte - before.pte) / (double)n;
	char more[128];

	snprintf(more, sizeof(more), ",\"rss\":%.0f,\"pte\":%.0f,\"create_ns\":%.0f", rss, pte,
		 (double)create_ns / (double)n);
	bench_report_more(bench_parked_row(n), impl, "bytes", rss + pte, n, more);
}

#endif
