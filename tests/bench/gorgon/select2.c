/* SPDX-License-Identifier: MIT */
/*
 * select2: a producer sends to two unbuffered channels in turn, a select of
 * two receives; ns per select.
 */
#include <gorgon.h>

#include "../bench.h"

#define WAYS 2

static void produce(chan(int) * c, int n)
{
	for (int i = 0; i < n; i++)
		chan_send(c[i % WAYS], i);
}

static uint64_t run(long n)
{
	chan(int) c[WAYS];
	uint64_t start, elapsed;
	int64_t sum = 0;

	for (int i = 0; i < WAYS; i++)
		c[i] = chan_make(int, 0);
	start = bench_now();
	go(produce, c, n);
	for (int i = 0; i < n; i++) {
		int v = -1;

		chan_select(recv_case(c[0], &v), recv_case(c[1], &v));
		sum += v;
	}
	elapsed = bench_now() - start;
	if (sum != (int64_t)n * (n - 1) / 2)
		bench_fail("select2: wrong sum");
	return elapsed;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("select2", "gorgon", BENCH_SELECT_N, run);
	return 0;
}
