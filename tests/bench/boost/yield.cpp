/* SPDX-License-Identifier: MIT */
/* yield: eight fibers give way to each other; ns per switch. */
#include "fibers.hpp"

static void yielder(long n)
{
	for (long i = 0; i < n; i++)
		boost::this_fiber::yield();
}

static std::uint64_t run(long n)
{
	std::uint64_t start = bench_now();
	std::vector<bench::fibers::fiber> f;

	for (int i = 0; i < BENCH_YIELDERS; i++)
		f.push_back(bench::spawn(yielder, n / BENCH_YIELDERS));
	for (auto &one : f)
		one.join();
	return bench_now() - start;
}

int main()
{
	bench::per_op("yield", BENCH_YIELD_N, run);
}
