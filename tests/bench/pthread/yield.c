/* SPDX-License-Identifier: MIT */
/* yield: eight threads give way to each other; ns per sched_yield(2). */
#include <sched.h>

#include "pt.h"

#define N (BENCH_YIELD_N / PT_YIELD_DIV)

static void *yielder(void *arg)
{
	for (long n = *(long *)arg; n > 0; n--)
		sched_yield();
	return NULL;
}

static uint64_t run(long n)
{
	uint64_t start = bench_now();
	pthread_t t[BENCH_YIELDERS];
	long each = n / BENCH_YIELDERS;

	for (int i = 0; i < BENCH_YIELDERS; i++)
		t[i] = pt_spawn(yielder, &each);
	for (int i = 0; i < BENCH_YIELDERS; i++)
		pthread_join(t[i], NULL);
	return bench_now() - start;
}

int main(void)
{
	bench_per_op("yield", "pthread", N, run);
	return 0;
}
