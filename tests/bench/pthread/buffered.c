/* SPDX-License-Identifier: MIT */
/* buffered: one producer, one consumer, a channel of 128; ns per item. */
#include "pt.h"

#define N (BENCH_BUFFERED_N / PT_BUFFERED_DIV)

static struct pt_chan c;

static void *produce(void *arg)
{
	long n = *(long *)arg;

	for (int i = 0; i < n; i++)
		pt_chan_send(&c, i);
	return NULL;
}

static uint64_t run(long n)
{
	uint64_t start = bench_now(), elapsed;
	pthread_t t;

	pt_chan_init(&c, BENCH_BUFFERED_CAP);
	t = pt_spawn(produce, &n);
	for (int i = 0; i < n; i++) {
		if (pt_chan_recv(&c) != i)
			bench_fail("buffered: wrong value");
	}
	elapsed = bench_now() - start;
	pthread_join(t, NULL);
	return elapsed;
}

int main(void)
{
	bench_per_op("buffered", "pthread", N, run);
	return 0;
}
