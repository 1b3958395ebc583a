/* SPDX-License-Identifier: MIT */
/* mutex: eight threads add to one counter under one mutex; ns per lock and unlock. */
#include "pt.h"

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static long counter; /* under mu */

static void *locker(void *arg)
{
	for (long n = *(long *)arg; n > 0; n--) {
		pthread_mutex_lock(&mu);
		counter++;
		pthread_mutex_unlock(&mu);
	}
	return NULL;
}

static uint64_t run(long n)
{
	uint64_t start = bench_now(), elapsed;
	pthread_t t[BENCH_LOCKERS];
	long each = n / BENCH_LOCKERS;

	counter = 0;
	for (int i = 0; i < BENCH_LOCKERS; i++)
		t[i] = pt_spawn(locker, &each);
	for (int i = 0; i < BENCH_LOCKERS; i++)
		pthread_join(t[i], NULL);
	elapsed = bench_now() - start;
	if (counter != n)
		bench_fail("mutex: lost an update");
	return elapsed;
}

int main(void)
{
	bench_per_op("mutex", "pthread", BENCH_MUTEX_N, run);
	return 0;
}
