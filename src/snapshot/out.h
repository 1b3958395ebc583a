/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_OUT_H
#define SNAPSHOT_OUT_H
/*
 * What: the file that a snapshot is written to.
 *
 * How: it has no name while it is written (O_TMPFILE), and gets one by linkat at the end, which fails if somebody
 * else has taken it: so nothing is overwritten, and nothing half is left behind whatever happens to us.  On file
 * systems that cannot do this it has a name of its own beside the final one, which is taken away again.  Pages of
 * zeros become holes.  Writing is from front to end only, so that it can be packed on the way.
 *
 * Invariants: the first error sticks; nobody but its owner may read the file: it has what the program had in memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct out;

/* packed: with zstd; fails where it was built without. */
int out_open(struct out **ret, const char *path, bool packed, struct error *e);

void out_put(struct out *o, const void *p, size_t n);
void out_zeros(struct out *o, uint64_t n);
uint64_t out_offset(const struct out *o); /* bytes put so far */

/* What has gone wrong so far; 0: nothing. */
int out_error(const struct out *o);

/* Gives it its name, or takes everything back if something went wrong; frees o either way.  *ret_size: bytes on
 * the disk, holes not counted. */
int out_finish(struct out *o, uint64_t *ret_size, struct error *e);
void out_abandon(struct out *o);

#endif
