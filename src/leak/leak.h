/* SPDX-License-Identifier: MIT */
#ifndef LEAK_H
#define LEAK_H
/*
 * What: proves which goroutines are blocked for ever.
 *
 * How: as a garbage collector would.  A goroutine that waits on a channel or a lock can go on only if somebody who
 * can still run touches that object.  So: mark from everything that can run (globals, thread-local variables,
 * registers and stacks of running, runnable and sleeping goroutines and of all other threads, pending timers)
 * through the heap.  When an object is marked on which a goroutine waits, that goroutine may run again: its stack
 * is marked from too.  Who is left at the end is leaked.  One pass: each word is looked at once, so a chain of
 * 1,000 goroutines each of which is reached through the next costs what one does.
 *
 * Beside it, owners: a lock belongs to the goroutine that took it, so a cycle of owners and waiters is proof even
 * where the locks are global, and so is a lock whose holder has ended.  Goroutines that are proven deadlocked can
 * run no more, so the marking is done again without them, until nothing changes.
 *
 * Everything doubtful counts as reachable.  Conservative marking can miss a leak, it cannot accuse.
 *
 * What is not seen: see doc/leaks.md.
 *
 * Order of files: image.c copies memory, stacks.c finds stacks in it, roots.c what is not plain memory, heap.c and registry.c find
 * blocks, free.c those that are free, waits.c who waits on what, locks.c who holds what, mark.c marks, trail.c remembers how it came there, leak.c
 * puts it together.
 */
#include "collect/collect.h"
#include "debug/debug.h"
#include "model/world.h"
#include "target/target.h"

struct leak_options {
	int64_t why_alive; /* note how this goroutine was reached; 0: none */
	int64_t caller;    /* this goroutine asked, and is never a leak; 0: nobody did */
	bool at_exit;      /* goroutines that merely are there are lingering */
	int64_t stuck_ns; /* who has waited for longer than this on something reachable is stuck; < 0: nobody is */
};

/* What the search did, for the curious and for benchmarks. */
struct leak_stats {
	uint64_t root_bytes, stack_bytes, heap_bytes, heap_blocks; /* copied; of which blocks */
	uint64_t marked_blocks, marked_bytes, marked_stacks;
	unsigned rounds;
	int64_t copy_ns, mark_ns;
	bool has_blocks; /* the heap's blocks are known; if not it is one root */
};

struct leaker;

/*
 * Begins a search.  A target that still runs is best stopped after this, which does what takes time and can be done before.
 * Fails only without a runtime in the target.
 */
int leak_new(struct leaker **ret, struct target *t, struct debug *d, struct error *e);

/*
 * Copies all memory of the target, which is stopped, or is a file.  A stopped one may go on after this: what is read of it,
 * by collect() too, comes from the copy until leak_free.  Fails without all of its memory.
 */
int leak_copy(struct leaker *l, struct error *e);

/* Sets the verdicts of w's goroutines, which collect() has made from this target since.  What cannot be seen is noted in
 * the world. */
int leak_check(struct leaker *l, struct world *w, const struct leak_options *o, struct leak_stats *ret,
	       struct error *e);

void leak_free(struct leaker *l); /* NULL: nothing */

#endif
