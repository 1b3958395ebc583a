/* SPDX-License-Identifier: MIT */
/* sieve: the chain of filters up to the 2,000th prime; seconds for the whole. */
#include <gorgon.h>

#include "../bench.h"

static void generate(chan(int) out)
{
	for (int i = 2;; i++)
		chan_send(out, i);
}

static void filter(chan(int) in, chan(int) out, int prime)
{
	for (;;) {
		int i;

		chan_recv(in, &i);
		if (i % prime != 0)
			chan_send(out, i);
	}
}

/* The chain is left parked: a second run is not disturbed by it. */
static uint64_t run(int n, int *ret_prime)
{
	uint64_t start = bench_now();
	chan(int) in = chan_make(int, 0);

	go(generate, in);
	for (int i = 0; i < n; i++) {
		chan(int) out;

		chan_recv(in, ret_prime);
		out = chan_make(int, 0);
		go(filter, in, out, *ret_prime);
		in = out;
	}
	return bench_now() - start;
}

int main(void)
{
	uint64_t elapsed;
	int prime;

	gor_maxprocs(bench_procs());
	run(BENCH_PRIMES / BENCH_WARMUP, &prime);
	elapsed = run(BENCH_PRIMES, &prime);
	if (prime != BENCH_LAST_PRIME)
		bench_fail("sieve: wrong prime");
	bench_report("sieve", "gorgon", "s", (double)elapsed / 1e9, BENCH_PRIMES);
	return 0;
}
