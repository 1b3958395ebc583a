/* SPDX-License-Identifier: MIT */
/* buffered: one producer, one consumer, a channel of 128; ns per item. */
#include "fibers.hpp"

using channel = bench::fibers::buffered_channel<int>;

static void produce(channel &c, int n)
{
	for (int i = 0; i < n; i++)
		c.push(i);
}

static std::uint64_t run(long n)
{
	channel c(BENCH_BUFFERED_CAP);
	std::uint64_t start = bench_now(), elapsed;
	auto f = bench::spawn(produce, std::ref(c), static_cast<int>(n));

	for (int i = 0; i < n; i++) {
		if (c.value_pop() != i)
			bench_fail("buffered: wrong value");
	}
	elapsed = bench_now() - start;
	f.join();
	return elapsed;
}

int main()
{
	bench::per_op("buffered", BENCH_BUFFERED_N, run);
}
