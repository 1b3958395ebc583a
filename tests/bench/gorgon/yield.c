/* SPDX-License-Identifier: MIT */
/* yield: eight goroutines give way to each other; ns per switch. */
#include <gorgon.h>

#include "../bench.h"

static void yielder(gor_waitgroup *wg, long n)
{
	for (long i = 0; i < n; i++)
		gor_yield();
	gor_waitgroup_done(wg);
}

static uint64_t run(long n)
{
	gor_waitgroup wg = {0};
	uint64_t start = bench_now();

	gor_waitgroup_add(&wg, BENCH_YIELDERS);
	for (int i = 0; i < BENCH_YIELDERS; i++)
		go(yielder, &wg, n / BENCH_YIELDERS);
	gor_waitgroup_wait(&wg);
	return bench_now() - start;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("yield", "gorgon", BENCH_YIELD_N, run);
	return 0;
}
