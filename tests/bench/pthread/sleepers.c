/* SPDX-License-Identifier: MIT */
/*
 * sleepers: 100,000 threads each sleep 100 ms once; ms from the first start to
 * the last end. They are started one after another, so that far fewer than
 * 100,000 are alive at a time; where the machine has no room, we wait for it.
 */
#include <errno.h>
#include <semaphore.h>

#include "pt.h"

static sem_t ended;

static void sleep_ns(long ns)
{
	struct timespec ts = {0, ns};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void *sleeper(void *arg)
{
	sleep_ns(BENCH_SLEEP_MS * 1000000L);
	sem_post(&ended);
	return arg;
}

static void start_one(void)
{
	pthread_t t;
	int err;

	while ((err = pt_try_spawn(&t, sleeper, NULL)) == EAGAIN)
		sleep_ns(1000000);
	if (err)
		bench_fail("pthread_create failed");
	pthread_detach(t);
}

static uint64_t run(int n)
{
	uint64_t start = bench_now();

	for (int i = 0; i < n; i++)
		start_one();
	for (int i = 0; i < n; i++)
		sem_wait(&ended);
	return bench_now() - start;
}

int main(void)
{
	sem_init(&ended, 0, 0);
	run(BENCH_SLEEPERS / 100);
	bench_report("sleepers", "pthread", "ms", (double)run(BENCH_SLEEPERS) / 1e6, BENCH_SLEEPERS);
	return 0;
}
