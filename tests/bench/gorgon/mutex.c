/* SPDX-License-Identifier: MIT */
/* mutex: eight goroutines add to one counter under one mutex; ns per lock and unlock. */
#include <gorgon.h>

#include "../bench.h"

static gor_mutex mu;
static long counter; /* under mu */

static void locker(gor_waitgroup *wg, long n)
{
	for (long i = 0; i < n; i++) {
		gor_mutex_lock(&mu);
		counter++;
		gor_mutex_unlock(&mu);
	}
	gor_waitgroup_done(wg);
}

static uint64_t run(long n)
{
	gor_waitgroup wg = {0};
	uint64_t start = bench_now(), elapsed;

	counter = 0;
	gor_waitgroup_add(&wg, BENCH_LOCKERS);
	for (int i = 0; i < BENCH_LOCKERS; i++)
		go(locker, &wg, n / BENCH_LOCKERS);
	gor_waitgroup_wait(&wg);
	elapsed = bench_now() - start;
	if (counter != n)
		bench_fail("mutex: lost an update");
	return elapsed;
}

int main(void)
{
	gor_maxprocs(bench_procs());
	bench_per_op("mutex", "gorgon", BENCH_MUTEX_N, run);
	return 0;
}
