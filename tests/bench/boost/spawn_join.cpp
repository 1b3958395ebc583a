/* SPDX-License-Identifier: MIT */
/* spawn_join: start one fiber, wait for it, again; ns each. */
#include "fibers.hpp"

static void worker()
{
}

static std::uint64_t run(long n)
{
	std::uint64_t start = bench_now();

	for (long i = 0; i < n; i++)
		bench::spawn(worker).join();
	return bench_now() - start;
}

int main()
{
	bench::per_op("spawn_join", BENCH_SPAWN_N, run);
}
