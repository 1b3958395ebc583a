/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_RANGES_H
#define SNAPSHOT_RANGES_H
/*
 * What: which memory goes into a snapshot.
 *
 * How: minimal is what a report needs, and what debuggers need to find their way:
 *	- everything that was read while the report was made (target->recorded)
 *	- the live part of every stack, with the red zone below it
 *	- what is around each thread's thread pointer
 *	- of every module the data, what was relocated, and the first page, which has its build id
 *	- the vdso; the dynamic linker's list of modules, and the program's name on the stack
 * Full is all memory that a process has to itself: pages that were never touched, and pages of files that were never
 * written to, are left out in both: the kernel tells which (/proc/PID/pagemap).
 *
 * All by whole pages: libdwfl takes it for granted that segments begin with a page.
 *
 * Invariants: ranges are sorted, disjoint, not adjacent unless their rights differ, and each lies in one mapping.
 */
#include "base/vec.h"
#include "debug/debug.h"
#include "model/world.h"
#include "target/target.h"

struct range {
	uint64_t lo, hi;
	uint32_t flags; /* PF_R, PF_W, PF_X */
};

typedef VEC(struct range) range_list;

/* Reads what a debugger will read: while target->recording. */
void ranges_touch(struct target *t, struct debug *d);

/* Stacks of the threads as they stand now. */
void ranges_threads(range_list *ret, const struct target *t);

void ranges_minimal(range_list *ret, const struct world *w, struct target *t, struct debug *d);
void ranges_full(range_list *ret, struct target *t);

#endif
