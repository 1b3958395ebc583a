/* SPDX-License-Identifier: MIT */
#ifndef GORI_CLOCK_H
#define GORI_CLOCK_H
/*
 * What: monotonic time in nanoseconds.
 *
 * How: clock_gettime costs 24 ns, too much for a switch; so waiting times use gori_coarse_now, which sysmon
 * and every look at the clock refresh (good to about 10 ms).
 */
#include <stdint.h>

#pragma GCC visibility push(hidden)

extern int64_t gori_coarse_ns; /* atomic; last time anybody looked */

int64_t gori_nanotime(void); /* exact; refreshes gori_coarse_ns */

static inline int64_t gori_coarse_now(void)
{
	return __atomic_load_n(&gori_coarse_ns, __ATOMIC_RELAXED);
}

#pragma GCC visibility pop

#endif
