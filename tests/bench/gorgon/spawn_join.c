/* SPDX-License-Identifier: MIT */
/* spawn_join: start one goroutine, wait for it, again; ns each. */
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

	for (long i = 0; i < n; i++) {
		gor_waitgroup_add(&wg, 1);
		go(worker, &wg);
		gor_waitgroup_wait(&wg);
	}
	return bench_now() - start;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("spawn_join", "gorgon", BENCH_SPAWN_N, run);
	return 0;
}
