/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H
/*
 * What: writes core files: of a process (a snapshot), and of a core, with goroutines for threads.
 *
 * How: a snapshot is made by making a report and keeping what it has read: the target records it, and so a report
 * about the snapshot is the one that the process would have given at that moment.  snapshot.c writes it,
 * convert.c adds notes to a core that is there; notes.c makes the notes of both, ranges.c chooses memory, out.c is
 * the file.
 *
 * Format, of both: an ELF core.
 *
 *	ELF header; program headers: PT_NOTE, then a PT_LOAD for every piece of memory; if there are 65,535 or more,
 *	e_phnum is PN_XNUM, and their number stands in sh_info of the only section header, behind them
 *	notes: ours (target/core_own.h), then those of any core, a thread for each goroutine (snapshot/notes.h)
 *	memory, in the order of the program headers, from the next page on; all pieces are whole pages
 *
 * What was left out of memory has no PT_LOAD.  One that is converted is the core as it was with a new PT_NOTE segment
 * behind it; of what was there before only program headers change.
 */
#include "collect/collect.h"
#include "debug/debug.h"
#include "target/target.h"

struct snapshot_options {
	bool full;   /* all of memory */
	bool packed; /* with zstd */
	/* Called now and then while memory is written; NULL: nobody wants to know. */
	void (*progress)(uint64_t done, uint64_t all, void *arg);
	/* snapshot_write_stopped: called once what is needed of the target is kept, to let it go on; NULL: it waits. */
	void (*copied)(void *arg);
	void *arg; /* of both */
};

struct snapshot_stats {
	size_t goroutines, threads; /* threads of the kernel */
	uint64_t memory;            /* bytes of the program's in it */
	uint64_t size;              /* bytes on the disk */
	int64_t paused_ns;
};

/* Of a live process. */
int snapshot_write(int32_t pid, const char *path, const struct snapshot_options *o,
		   struct snapshot_stats *ret, struct error *e);

/* Of a target that is stopped, stays so, and stays the caller's. */
int snapshot_write_stopped(struct target *t, const char *path, const struct snapshot_options *o,
			   struct snapshot_stats *ret, struct error *e);

/* from: a core or snapshot. */
int snapshot_convert(const char *from, const struct core_options *where, const char *path,
		     struct snapshot_stats *ret, struct error *e);

/* The options with which everything that any report shows is looked at. */
extern const struct collect_options snapshot_collect;

#endif
