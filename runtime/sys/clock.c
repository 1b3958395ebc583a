/* SPDX-License-Identifier: MIT */
/* What: the monotonic clock; see clock.h. */
#include "sys/clock.h"

#include <time.h>

int64_t gori_coarse_ns;

int64_t gori_nanotime(void)
{
	struct timespec ts;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	__atomic_store_n(&gori_coarse_ns, now, __ATOMIC_RELAXED);
	return now;
}
