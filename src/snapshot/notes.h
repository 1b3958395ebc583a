/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_NOTES_H
#define SNAPSHOT_NOTES_H
/*
 * What: the notes of a core file in which every goroutine is a thread.
 *
 * How: NT_PRSTATUS for each goroutine of the world, whoever is shown first in a report first, since that is what
 * debuggers make their current thread; then for each kernel thread, also those that run a goroutine: gdb finds them
 * by libthread_db and complains if they have no registers.  A debugger knows goroutines by pr_pid, which is the
 * goroutine's id wherever that is free and small enough.  Our own notes (target/core_own.h) stand in front.
 *
 * Invariants: pr_pid is from 1 to 2^31-2, and different for each: debuggers take two with the same for one, and
 * 0 and -1 for something else.
 */
#include "base/sink.h"
#include "model/world.h"
#include "target/target.h"

struct notes_source {
	const struct world *world; /* collected with keep_regs and system */
	struct target *target;
	uint32_t flags;   /* enum own_flags */
	bool maps;        /* the target's mappings are known better than a core can say */
	const char *rest; /* notes to put behind the first thread: as they are */
	size_t rest_len;
};

/* The bytes of a PT_NOTE segment, to a sink in memory.  Returns how many threads gdb will see. */
size_t notes_build(struct sink *s, const struct notes_source *from);

/* One note. */
void notes_put(struct sink *s, const char *owner, uint32_t type, const void *desc, size_t n);

/* What a process has to say of itself: PRPSINFO, AUXV, FILE. */
void notes_of_process(struct sink *s, struct target *t);

/* /proc/PID/maps out of t->mappings. */
void notes_maps_text(struct sink *s, const struct target *t);

#endif
