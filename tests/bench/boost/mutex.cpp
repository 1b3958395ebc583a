/* SPDX-License-Identifier: MIT */
/* mutex: eight fibers add to one counter under one mutex; ns per lock and unlock. */
#include "fibers.hpp"

static bench::fibers::mutex mu;
static long counter; /* under mu */

static void locker(long n)
{
	for (long i = 0; i < n; i++) {
		mu.lock();
		counter++;
		mu.unlock();
	}
}

static std::uint64_t run(long n)
{
	std::uint64_t start = bench_now(), elapsed;
	std::vector<bench::fibers::fiber> f;

	counter = 0;
	for (int i = 0; i < BENCH_LOCKERS; i++)
		f.push_back(bench::spawn(locker, n / BENCH_LOCKERS));
	for (auto &one : f)
		one.join();
	elapsed = bench_now() - start;
	if (counter != n)
		bench_fail("mutex: lost an update");
	return elapsed;
}

int main()
{
	bench::per_op("mutex", BENCH_MUTEX_N, run);
}
