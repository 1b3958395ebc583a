/* SPDX-License-Identifier: MIT */
/*
 * sleepers: 100,000 fibers each sleep 100 ms once; ms from the first start to
 * the last end.
 */
#include "fibers.hpp"

static void sleeper()
{
	boost::this_fiber::sleep_for(std::chrono::milliseconds(BENCH_SLEEP_MS));
}

static std::uint64_t run(int n)
{
	std::uint64_t start = bench_now();
	std::vector<bench::fibers::fiber> f(static_cast<std::size_t>(n));

	for (auto &one : f)
		one = bench::spawn(sleeper);
	for (auto &one : f)
		one.join();
	return bench_now() - start;
}

int main()
{
	bench::with_procs([] {
		run(BENCH_SLEEPERS / 100);
		bench_report("sleepers", "boost", "ms", static_cast<double>(run(BENCH_SLEEPERS)) / 1e6,
			     BENCH_SLEEPERS);
		_Exit(0);
	});
}
