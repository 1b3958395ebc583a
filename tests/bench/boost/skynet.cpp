/* SPDX-License-Identifier: MIT */
/* skynet: a tree of fibers with a million leaves adds up their numbers; seconds. */
#include "fibers.hpp"

using channel = bench::fibers::unbuffered_channel<std::int64_t>;

/* Shared: the last child may still be inside push() when its parent has the value. */
using channel_ptr = std::shared_ptr<channel>;

static void node(channel_ptr up, std::int64_t num, std::int64_t size)
{
	std::int64_t sum = 0;

	if (size == 1) {
		up->push(num);
		return;
	}
	auto c = std::make_shared<channel>();
	for (int i = 0; i < BENCH_FANOUT; i++) {
		bench::spawn(node, c, num + i * (size / BENCH_FANOUT), size / BENCH_FANOUT).detach();
	}
	for (int i = 0; i < BENCH_FANOUT; i++)
		sum += c->value_pop();
	up->push(sum);
}

static std::uint64_t run(std::int64_t n)
{
	auto c = std::make_shared<channel>();
	std::uint64_t start = bench_now(), elapsed;
	std::int64_t sum;

	bench::spawn(node, c, 0, n).detach();
	sum = c->value_pop();
	elapsed = bench_now() - start;
	if (sum != n * (n - 1) / 2)
		bench_fail("skynet: wrong sum");
	return elapsed;
}

int main()
{
	bench::with_procs([] {
		run(BENCH_LEAVES / BENCH_WARMUP);
		bench_report("skynet", "boost", "s", static_cast<double>(run(BENCH_LEAVES)) / 1e9,
			     BENCH_LEAVES);
		_Exit(0); /* freeing a million stacks is no part of the row */
	});
}
