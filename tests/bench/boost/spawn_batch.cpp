/* SPDX-License-Identifier: MIT */
/* spawn_batch: start 1,000 fibers that do nothing, wait for all, again; ns each. */
#include "fibers.hpp"

static void worker()
{
}

static std::uint64_t run(long n)
{
	std::uint64_t start = bench_now();
	std::vector<bench::fibers::fiber> f(BENCH_BATCH);

	for (long done = 0; done < n; done += BENCH_BATCH) {
		for (auto &one : f)
			one = bench::spawn(worker);
		for (auto &one : f)
			one.join();
	}
	return bench_now() - start;
}

int main()
{
	bench::per_op("spawn_batch", BENCH_SPAWN_N, run);
}
