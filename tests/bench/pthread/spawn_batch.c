/* SPDX-License-Identifier: MIT */
/* spawn_batch: start 1,000 threads that do nothing, wait for all, again; ns each. */
#include "pt.h"

#define N (BENCH_SPAWN_N / PT_SPAWN_DIV)

static void *worker(void *arg)
{
	return arg;
}

static uint64_t run(long n)
{
	uint64_t start = bench_now();
	pthread_t t[BENCH_BATCH];

	for (long done = 0; done < n; done += BENCH_BATCH) {
		for (int i = 0; i < BENCH_BATCH; i++)
			t[i] = pt_spawn(worker, NULL);
		for (int i = 0; i < BENCH_BATCH; i++)
			pthread_join(t[i], NULL);
	}
	return bench_now() - start;
}

int main(void)
{
	bench_per_op("spawn_batch", "pthread", N, run);
	return 0;
}
