/* SPDX-License-Identifier: MIT */
/*
 * parked: 100,000 goroutines (or argv[1]) wait on one channel; bytes of
 * resident memory and page tables for each.
 */
#include <gorgon.h>

#include "../bench.h"

static long arrived; /* atomic */

static void park(chan(int) c)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	chan_recv(c, NULL);
}

static void park_many(chan(int) c, long n)
{
	long want = __atomic_load_n(&arrived, __ATOMIC_SEQ_CST) + n;

	for (long i = 0; i < n; i++)
		go(park, c);
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < want)
		gor_sleep(GOR_MS);
}

int main(int argc, char **argv)
{
	long n = bench_arg(argc, argv, BENCH_PARKED_N);
	chan(int) c = chan_make(int, 0);
	struct bench_mem before;
	uint64_t start, elapsed;

	gor_maxprocs(bench_procs());
	park_many(c, 100);
	before = bench_mem_now();
	start = bench_now();
	park_many(c, n);
	elapsed = bench_now() - start;
	gor_sleep(50 * GOR_MS); /* the last ones are on their way into the channel */
	bench_report_parked("gorgon", n, before, bench_mem_now(), elapsed);
	return 0;
}
