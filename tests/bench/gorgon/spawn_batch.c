/* SPDX-License-Identifier: MIT */
/* spawn_batch: start 1,000 goroutines that do nothing, wait for all, again; ns each. */
#include <gorgon.h>

#include "../bench.h"

static void worker(gor_waitgroup *wg)
{
	gor_waitgroup_done(wg);
}

static uint64_t run(long n)
{
	gor_waitgroup wg = {0};
	uint64_t start = bench_now();

	for (long done = 0; done < n; done += BENCH_BATCH) {
		gor_waitgroup_add(&wg, BENCH_BATCH);
		for (int i = 0; i < BENCH_BATCH; i++)
			go(worker, &wg);
		gor_waitgroup_wait(&wg);
	}
	return bench_now() - start;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("spawn_batch", "gorgon", BENCH_SPAWN_N, run);
	return 0;
}
