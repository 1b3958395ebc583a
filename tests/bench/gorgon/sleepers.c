/* SPDX-License-Identifier: MIT */
/*
 * sleepers: 100,000 goroutines each sleep 100 ms once; ms from the first start
 * to the last end.
 */
#include <gorgon.h>

#include "../bench.h"

static void sleeper(gor_waitgroup *wg)
{
	gor_sleep(BENCH_SLEEP_MS * GOR_MS);
	gor_waitgroup_done(wg);
}

static uint64_t run(int n)
{
	gor_waitgroup wg = {0};
	uint64_t start = bench_now();

	gor_waitgroup_add(&wg, n);
	for (int i = 0; i < n; i++)
		go(sleeper, &wg);
	gor_waitgroup_wait(&wg);
	return bench_now() - start;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	run(BENCH_SLEEPERS / 100);
	bench_report("sleepers", "gorgon", "ms", (double)run(BENCH_SLEEPERS) / 1e6, BENCH_SLEEPERS);
	return 0;
}
