/* SPDX-License-Identifier: MIT */
/* buffered: one producer, one consumer, a channel of 128; ns per item. */
#include <gorgon.h>

#include "../bench.h"

static void produce(chan(int) c, int n)
{
	for (int i = 0; i < n; i++)
		chan_send(c, i);
}

static uint64_t run(long n)
{
	chan(int) c = chan_make(int, BENCH_BUFFERED_CAP);
	uint64_t start = bench_now();

	go(produce, c, n);
	for (int i = 0; i < n; i++) {
		int v = -1;

		chan_recv(c, &v);
		if (v != i)
			bench_fail("buffered: wrong value");
	}
	return bench_now() - start;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("buffered", "gorgon", BENCH_BUFFERED_N, run);
	return 0;
}
