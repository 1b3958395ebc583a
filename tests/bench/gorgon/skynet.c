/* SPDX-License-Identifier: MIT */
/* skynet: a tree of goroutines with a million leaves adds up their numbers; seconds. */
#include <gorgon.h>

#include "../bench.h"

static void node(chan(int64_t) up, int64_t num, int64_t size)
{
	chan(int64_t) c;
	int64_t sum = 0, v = 0;

	if (size == 1) {
		chan_send(up, num);
		return;
	}
	c = chan_make(int64_t, 0);
	for (int i = 0; i < BENCH_FANOUT; i++)
		go(node, c, num + i * (size / BENCH_FANOUT), size / BENCH_FANOUT);
	for (int i = 0; i < BENCH_FANOUT; i++) {
		chan_recv(c, &v);
		sum += v;
	}
	chan_free(c);
	chan_send(up, sum);
}

static uint64_t run(int64_t n)
{
	chan(int64_t) c = chan_make(int64_t, 0);
	uint64_t start = bench_now(), elapsed;
	int64_t sum = -1;

	go(node, c, 0, n);
	chan_recv(c, &sum);
	elapsed = bench_now() - start;
	chan_free(c);
	if (sum != n * (n - 1) / 2)
		bench_fail("skynet: wrong sum");
	return elapsed;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	run(BENCH_LEAVES / BENCH_WARMUP);
	bench_report("skynet", "gorgon", "s", (double)run(BENCH_LEAVES) / 1e9, BENCH_LEAVES);
	return 0;
}
