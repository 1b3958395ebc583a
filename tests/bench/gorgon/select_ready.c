/* SPDX-License-Identifier: MIT */
/*
 * select_ready: one goroutine fills one of eight channels of one place, then a
 * select of eight receives finds it; ns per send and select.
 */
#include <gorgon.h>

#include "../bench.h"

#define WAYS 8

static uint64_t run(long n)
{
	chan(int) c[WAYS];
	uint64_t start, elapsed;
	int64_t sum = 0;

	for (int i = 0; i < WAYS; i++)
		c[i] = chan_make(int, 1);
	start = bench_now();
	for (int i = 0; i < n; i++) {
		int v = -1;

		chan_send(c[i % WAYS], i);
		chan_select(recv_case(c[0], &v), recv_case(c[1], &v), recv_case(c[2], &v),
			    recv_case(c[3], &v), recv_case(c[4], &v), recv_case(c[5], &v),
			    recv_case(c[6], &v), recv_case(c[7], &v));
		sum += v;
	}
	elapsed = bench_now() - start;
	if (sum != (int64_t)n * (n - 1) / 2)
		bench_fail("select_ready: wrong sum");
	return elapsed;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("select_ready", "gorgon", BENCH_SELECT_N, run);
	return 0;
}
