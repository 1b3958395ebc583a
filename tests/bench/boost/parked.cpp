/* SPDX-License-Identifier: MIT */
/*
 * parked: 100,000 fibers (or argv[1]) wait on one channel; bytes of resident
 * memory and page tables for each.
 */
#include <atomic>

#include "fibers.hpp"

using channel = bench::fibers::unbuffered_channel<int>;

static std::atomic<long> arrived;

static void park(channel &c)
{
	int v;

	arrived++;
	c.pop(v);
}

static void park_many(channel &c, long n)
{
	long want = arrived + n;

	for (long i = 0; i < n; i++)
		bench::spawn(park, std::ref(c)).detach();
	while (arrived < want)
		boost::this_fiber::sleep_for(std::chrono::milliseconds(1));
}

int main(int argc, char **argv)
{
	long n = bench_arg(argc, argv, BENCH_PARKED_N);

	bench::with_procs([n] {
		static channel c;
		struct bench_mem before;
		std::uint64_t start, elapsed;

		park_many(c, 100);
		before = bench_mem_now();
		start = bench_now();
		park_many(c, n);
		elapsed = bench_now() - start;
		/* the last ones are on their way into the channel */
		boost::this_fiber::sleep_for(std::chrono::milliseconds(50));
		bench_report_parked("boost", n, before, bench_mem_now(), elapsed);
		_Exit(0); /* the destructors would wait for the parked fibers */
	});
}
