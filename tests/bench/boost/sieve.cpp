/* SPDX-License-Identifier: MIT */
/* sieve: the chain of filters up to the 2,000th prime; seconds for the whole. */
#include "fibers.hpp"

using channel = bench::fibers::unbuffered_channel<int>;

static void generate(channel *out)
{
	for (int i = 2;; i++)
		out->push(i);
}

static void filter(channel *in, channel *out, int prime)
{
	for (;;) {
		int i = in->value_pop();

		if (i % prime != 0)
			out->push(i);
	}
}

/* The chain is left parked: a second run is not disturbed by it. */
static std::uint64_t run(int n, int *ret_prime)
{
	std::uint64_t start = bench_now();
	channel *in = new channel;

	bench::spawn(generate, in).detach();
	for (int i = 0; i < n; i++) {
		channel *out = new channel;

		*ret_prime = in->value_pop();
		bench::spawn(filter, in, out, *ret_prime).detach();
		in = out;
	}
	return bench_now() - start;
}

int main()
{
	bench::with_procs([] {
		std::uint64_t elapsed;
		int prime;

		run(BENCH_PRIMES / BENCH_WARMUP, &prime);
		elapsed = run(BENCH_PRIMES, &prime);
		if (prime != BENCH_LAST_PRIME)
			bench_fail("sieve: wrong prime");
		bench_report("sieve", "boost", "s", static_cast<double>(elapsed) / 1e9, BENCH_PRIMES);
		_Exit(0); /* the destructors would wait for the parked fibers */
	});
}
