/* SPDX-License-Identifier: MIT */
#ifndef LEAK_INSIDE_H
#define LEAK_INSIDE_H
/*
 * What: what the parts of leak/ know of each other.
 *
 * How: the image is a copy of memory: stretches (struct stretch) sorted by address.  Runtime's own edges (queues of
 * waiters, Gs, Ms, Ps, timers) are blanked in the copy, so that marking need not know of them.
 */
#include "base/vec.h"
#include "collect/runtime.h"
#include "leak/leak.h"

/* ---- image.c ------------------------------------------------------------------------------------------------- */

enum stretch_kind {
	STRETCH_ROOT,  /* always reachable */
	STRETCH_HEAP,  /* reachable block by block */
	STRETCH_STACK, /* of a goroutine: reachable when it may run, or frame by frame */
};

/* Consecutive bytes of the target. */
struct stretch {
	uint64_t lo, hi;
	unsigned char *bytes;
	enum stretch_kind kind;
	uint32_t owner; /* STACK: index of the goroutine; HEAP: index of the heap */
	bool is_thread; /* ROOT: a thread's stack or registers: may hold pointers to Gs */
};

typedef VEC(struct stretch) stretches;

struct image {
	stretches areas;  /* roots and heaps, by lo */
	stretches stacks; /* of goroutines, by lo */
	uint64_t stacks_lo, stacks_hi;
	VEC(unsigned char *) memory; /* to be freed */
};

struct leaker {
	struct world *world;
	struct target *target;
	struct debug *debug;
	const struct leak_options *options;
	struct leak_stats *stats;
	struct rt rt;
	struct image image;
	struct heaps *heaps;
	struct table gs;    /* address of a G -> index + 1 */
	struct table goids; /* goid -> index + 1 */
	struct waits *waits;
	unsigned char *alive; /* one per goroutine: may still run */
	unsigned char *dead;  /* one per goroutine: proven never to run again by its locks */
};

/* Copies all that can hold pointers. */
void image_copy(struct leaker *l);
void image_free(struct image *im);

/* The root or heap that addr is in, the stack that it is in; NULL. */
struct stretch *image_find(struct image *im, uint64_t addr);
struct stretch *image_find_stack(struct image *im, uint64_t addr);

/* Sorts areas again after they have changed. */
void image_sort(struct image *im);

/* Zeroes [lo, hi) in the copy, as far as it was copied. */
void image_blank(struct image *im, uint64_t lo, uint64_t hi);

/* Registers of a parked goroutine. */
bool image_parked_regs(struct leaker *l, const struct goroutine *g, struct regs *ret);

/* ---- heap.c --------------------------------------------------------------------------------------------------- */

struct block {
	uint64_t lo, hi; /* what the program may use of it */
};

/*
 * Finds the blocks in writable mappings: glibc's arenas and mapped chunks are walked, from one end to the other; a
 * mapping in which this does not come out even is no heap, but a root.
 */
struct heaps *heaps_find(struct leaker *l);
void heaps_free(struct heaps *h);

/* The block that addr is in, by number; false if in none. */
bool heaps_block(const struct heaps *h, const struct stretch *s, uint64_t addr, struct block *ret,
		 uint64_t *ret_number);
uint64_t heaps_count(const struct heaps *h);

/* ---- waits.c -------------------------------------------------------------------------------------------------- */

/* Who waits on what.  An object is an address in the target. */
struct waits;

struct waits *waits_find(struct leaker *l);
void waits_free(struct waits *w);

/* Can this goroutine go on only if somebody does something to an object?  Others are roots. */
bool waits_is_candidate(const struct goroutine *g);

/* Calls fn for every goroutine that waits on an object in [lo, hi). */
void waits_in(const struct waits *w, uint64_t lo, uint64_t hi, void (*fn)(void *arg, uint32_t goroutine),
	      void *arg);

/* ---- locks.c -------------------------------------------------------------------------------------------------- */

/* Sets l->dead and the goroutines' blockers; returns how many are new. */
unsigned locks_find_dead(struct leaker *l);

/* ---- mark.c --------------------------------------------------------------------------------------------------- */

/* Sets l->alive. */
void mark_all(struct leaker *l);

#endif
