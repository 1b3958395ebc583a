/* SPDX-License-Identifier: MIT */
#ifndef TARGET_MAPS_H
#define TARGET_MAPS_H
/*
 * What: the text of /proc/PID/maps as an array of mappings.
 *
 * Format, one line for each mapping, by address:
 *
 *	LO-HI PERM OFFSET MAJOR:MINOR INODE      PATH
 *	7f8c0a000000-7f8c0a021000 rw-p 00000000 00:00 0
 *	55d0c5a3e000-55d0c5a40000 r-xp 00002000 fe:01 1311      /tmp/a b (deleted)
 *
 * All numbers but INODE are hexadecimal.  PATH is the rest of the line: it may have spaces, may be missing, and
 * has \012 for a newline, the only character that the kernel replaces.
 */
#include "base/arena.h"
#include "target/target.h"

/* Sorted, without overlaps; a line that would break that, or has another form, is passed over. */
void maps_parse(struct arena *a, const char *text, size_t len, struct mapping **ret, size_t *ret_n);

#endif
