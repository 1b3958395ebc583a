/* SPDX-License-Identifier: MIT */
/* spawn_join: start one thread, wait for it, again; ns each. */
#include "pt.h"

#define N (BENCH_SPAWN_N / PT_SPAWN_DIV)

static void *worker(void *arg)
{
	return arg;
}

static uint64_t run(long n)
{
	uint64_t start = bench_now();

	for (long i = 0; i < n; i++)
		pthread_join(pt_spawn(worker, NULL), NULL);
	return bench_now() - start;
}

int main(void)
{
	bench_per_op("spawn_join", "pthread", N, run);
	return 0;
}
