/* SPDX-License-Identifier: MIT */
/* pingpong: a value goes to and fro over two rendezvous channels; ns per round trip. */
#include "pt.h"

#define N (BENCH_PINGPONG_N / PT_PINGPONG_DIV)

static struct pt_chan ping, pong;

static void *echo(void *arg)
{
	for (long n = *(long *)arg; n > 0; n--)
		pt_chan_send(&pong, pt_chan_recv(&ping));
	return NULL;
}

static uint64_t run(long n)
{
	uint64_t start, elapsed;
	pthread_t t;

	pt_chan_init(&ping, 0);
	pt_chan_init(&pong, 0);
	t = pt_spawn(echo, &n);
	start = bench_now();
	for (int i = 0; i < n; i++) {
		pt_chan_send(&ping, i);
		if (pt_chan_recv(&pong) != i)
			bench_fail("pingpong: wrong value");
	}
	elapsed = bench_now() - start;
	pthread_join(t, NULL);
	return elapsed;
}

int main(void)
{
	bench_per_op("pingpong", "pthread", N, run);
	return 0;
}
