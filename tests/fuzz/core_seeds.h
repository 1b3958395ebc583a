/* SPDX-License-Identifier: MIT */
#ifndef CORE_SEEDS_H
#define CORE_SEEDS_H
/*
 * What: whole cores for core_fuzz to damage, and where in them is what: of one program (core_victim.c), as a full
 * snapshot, as a minimal one, and as a core with the notes that a kernel writes and none of ours.
 *
 * How: the program is started, and a snapshot is taken of it.  A part is a piece of the file that has a meaning: a
 * header, a note, the published table, a goroutine, an object that somebody waits on.  No two snapshots are alike to
 * the last byte: so that an input does the same again, they are kept in the folder FUZZ_SEEDS, if that is set.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seed_kind { SEED_FULL, SEED_MINIMAL, SEED_KERNEL, NSEEDS };

struct seed_part {
	size_t offset, size; /* in the file */
	uint64_t addr;       /* in memory; 0: not of memory */
};

enum { SEED_MAX_PARTS = 1024 };

struct seed {
	unsigned char *bytes;
	size_t size;
	struct seed_part parts[SEED_MAX_PARTS]; /* headers and notes first, then memory */
	size_t nparts;
};

/* False, with a sentence on stderr: processes may not be read here. */
bool seeds_make(struct seed seeds[NSEEDS]);

#endif
