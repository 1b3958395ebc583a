/* SPDX-License-Identifier: MIT */
/* pingpong: a value goes to and fro over two unbuffered channels; ns per round trip. */
#include <gorgon.h>

#include "../bench.h"

static void echo(chan(int) ping, chan(int) pong)
{
	int v;

	while (chan_recv(ping, &v))
		chan_send(pong, v);
}

static uint64_t run(long n)
{
	chan(int) ping = chan_make(int, 0);
	chan(int) pong = chan_make(int, 0);
	uint64_t start, elapsed;

	go(echo, ping, pong);
	start = bench_now();
	for (int i = 0; i < n; i++) {
		int v = -1;

		chan_send(ping, i);
		chan_recv(pong, &v);
		if (v != i)
			bench_fail("pingpong: wrong value");
	}
	elapsed = bench_now() - start;
	chan_close(ping);
	return elapsed;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("pingpong", "gorgon", BENCH_PINGPONG_N, run);
	return 0;
}
