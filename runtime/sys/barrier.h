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
 * gori_barrier_restart_all is a barrier too, and ends the restartable sequences (rseq(2)) that threads are in,
 * those that are preempted included.  There is no substitute: without it no thread has a slot.
 *
 * Context: any thread, not a signal handler.
 */
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

void gori_barrier_init(void);
void gori_barrier_all_threads(void);
bool gori_barrier_is_fallback(void);

/* Where the calling thread announces a restartable sequence; NULL where the kernel or libc has none. */
uint64_t *gori_barrier_restart_slot(void);
void gori_barrier_restart_all(void); /* only after some thread has got a slot */

#pragma GCC visibility pop

#endif
