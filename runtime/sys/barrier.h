/* SPDX-License-Identifier: MIT */
#ifndef GORI_BARRIER_H
#define GORI_BARRIER_H
/*
 * What: an asymmetric memory barrier: a full barrier on every thread of the process that runs right now,
 * paid for by the caller alone.
 *
 * How: membarrier(PRIVATE_EXPEDITED), or on kernels without it (before 4.14, or filtered) a page whose
 * protection is changed back and forth: the kernel must then interrupt every processor that runs the
 * process to flush its TLB.
 *
 * Context: any thread, not a signal handler.
 */
#include <stdbool.h>

#pragma GCC visibility push(hidden)

void gori_barrier_init(void);
void gori_barrier_all_threads(void);
bool gori_barrier_is_fallback(void);

#pragma GCC visibility pop

#endif
