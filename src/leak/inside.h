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

struct range {
	uint64_t lo, hi;
};

typedef VEC(struct range) ranges;

enum { RED_ZONE = 128, MAX_THREADS = 1 << 16 };

/* Room that was made in advance; it is taken from the end. */
struct pool {
	unsigned char *bytes;
	size_t n;
};

struct image {
	struct pool pool;
	stretches areas;  /* roots and heaps, by lo */
	stretches slots;  /* of the arenas: live parts of stacks, with their Gs, by lo */
	stretches stacks; /* of goroutines, by lo; their bytes are those of slots */
	ranges without;   /* what areas leave out: arenas, the registry; by lo */
	uint64_t stacks_lo, stacks_hi;
	VEC(unsigned char *) memory; /* to be freed */
};

/* Bytes that are roots beside the image, copied. */
struct extra {
	uint64_t addr; /* 0: of no interest */
	const unsigned char *bytes;
	uint64_t n;
};

/* The allocation registry in the target (registry.c). */
struct registry_region {
	uint64_t lo;       /* of the memory */
	uint64_t marks_at; /* in the target */
	unsigned char *marks;
};

struct registry {
	bool is_there, is_bypassed;
	uint64_t region, granule;            /* bytes of memory for one region, for one mark */
	VEC(struct registry_region) regions; /* by lo */
};

enum { MAX_NEEDS = 16 };

/* One goroutine that waits for a lock, and whom it needs for that (locks.c). */
struct lock_wait {
	uint32_t index;
	uint32_t nneeds;
	struct blocker needs[MAX_NEEDS];
};

struct leaker {
	struct world *world; /* from leak_check on, as options */
	struct target *target;
	struct debug *debug;
	const struct leak_options *options;
	struct leak_stats stats;
	struct rt rt;
	struct image image;
	struct registry registry;
	struct heaps *heaps;
	struct table gs;    /* address of a G -> index + 1 */
	struct table goids; /* goid -> index + 1 */
	struct waits *waits;
	VEC(struct lock_wait) locks;
	VEC(uint64_t) timers;     /* addresses of pending timers and of what they will touch */
	VEC(struct extra) extras; /* gor_leak_root */
	int32_t inexact_tid;      /* this thread's registers are those of a call, not of an instruction */
	struct table idle;        /* threads of Ms that run nothing -> themselves */
	struct table calls;   /* index + 1 of a goroutine that never ran -> struct extra: what go captured */
	bool is_blind;        /* a root could not be read: anything may be reachable */
	struct trail *trail;  /* NULL: nobody asks how a goroutine was reached */
	unsigned char *alive; /* one per goroutine: may still run */
	unsigned char *dead;  /* one per goroutine: proven never to run again by its locks */
};

/* leak.c: a thread of the scheduler's that has nothing to do: what its registers held last, and what it wrote below its
 * stack pointer, is of no use to it any more. */
bool thread_is_idle(const struct leaker *l, const struct target_thread *th);

/* While the target still runs: makes room for about as much as image_copy will copy. */
void image_reserve(struct leaker *l);

/* Copies all that can hold pointers.  After this the target may go on, and is read from the copy. */
void image_copy(struct leaker *l);
void image_free(struct image *im);

/* Can all of [lo, hi) be in the target?  Asked before room is made for what a G says of its stack, or a root of
 * itself. */
bool image_can_be(struct target *t, uint64_t lo, uint64_t hi);

/* The root or heap that addr is in, the stack that it is in; NULL. */
struct stretch *image_find(struct image *im, uint64_t addr);
struct stretch *image_find_stack(struct image *im, uint64_t addr);

/* The area that addr is in, or NULL, and the interval around it for which this is the answer. */
struct stretch *image_find_gap(struct image *im, uint64_t addr, uint64_t *ret_lo, uint64_t *ret_hi);

/* The live part of a slot that addr is in; NULL. */
struct stretch *image_find_slot(struct image *im, uint64_t addr);

/* Memory that is kept as long as the image. */
unsigned char *image_keep(struct leaker *l, size_t n);

/* Takes [lo, hi) out of areas; image_sort is to follow. */
void image_cut(struct image *im, uint64_t lo, uint64_t hi);

/* Sorts areas again after they have changed. */
void image_sort(struct image *im);

/* Zeroes what is the runtime's in the copy: Gs, Ms, Ps, timer heaps. */
void image_blank_runtime(struct leaker *l);

/* Zeroes [lo, hi) in the copy, as far as it was copied. */
void image_blank(struct image *im, uint64_t lo, uint64_t hi);

/* ---- stacks.c -------------------------------------------------------------------------------------------------- */

/* main_frame.c: what lies between the frame that main has left and what runs now; false: nothing is known to be dead. */
bool main_frame_dead_below(struct leaker *l, struct range *ret);

/* Cuts out of the image what is dead, and finds the goroutines' stacks in it. */
void stacks_find(struct leaker *l);

/* Where the live part of a goroutine's stack [lo, hi) begins: sp, or where its thread is. */
uint64_t stack_live_from(struct leaker *l, uint64_t sp, int32_t tid, uint64_t lo, uint64_t hi);

/* ---- heap.c --------------------------------------------------------------------------------------------------- */

struct block {
	uint64_t lo, hi; /* what the program may use of it */
};

typedef VEC(struct block) blocks;

/*
 * Finds the blocks in writable mappings: glibc's arenas and mapped chunks are walked, from one end to the other; in a
 * mapping in which this does not come out even, blocks are those that are registered, and the rest is a root.
 */
struct heaps *heaps_find(struct leaker *l);
void heaps_free(struct heaps *h);

/* Marks the block that addr is in; false if it was marked already, or addr is in none. */
bool heaps_mark(struct heaps *hs, const struct stretch *s, uint64_t addr, struct block *ret);
void heaps_unmark(struct heaps *hs);

/* Calls fn for each part of a heap that is in no block, and so always reachable. */
void heaps_gaps(const struct heaps *hs, void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg);

/* heaps_mark will be called for this address soon. */
void heaps_prefetch(const struct heaps *hs, const struct stretch *s, uint64_t addr);

/* ---- registry.c ----------------------------------------------------------------------------------------------- */

/* Copies the registry, if there is one; before image_copy. */
void registry_read(struct leaker *l);
void registry_free(struct registry *r);

/* The registered blocks that lie in a mapping, by address, without overlaps. */
void registry_blocks(const struct registry *r, const struct mapping *m, blocks *ret);

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

/* Calls fn for every object that somebody waits on. */
void waits_objects(const struct waits *w, void (*fn)(void *arg, uint64_t obj), void *arg);

/* ---- locks.c -------------------------------------------------------------------------------------------------- */

/* Reads who waits for whom. */
void locks_read(struct leaker *l);

/* Sets l->dead and the goroutines' blockers; returns how many are new. */
unsigned locks_find_dead(struct leaker *l);

/* ---- roots.c -------------------------------------------------------------------------------------------------- */

/* Reads the roots that are not simply memory: pending timers, gor_leak_root, arguments of calls that have not begun. */
void roots_read(struct leaker *l);

/* ---- trail.c -------------------------------------------------------------------------------------------------- */

/* How marking has come to what it has reached. */
struct trail;

struct trail *trail_new(void);
void trail_free(struct trail *t);
void trail_clear(struct trail *t);

/* [lo, hi) is looked at, because of a word at `from`, or for the reason `what`. */
void trail_add(struct trail *t, uint64_t lo, uint64_t hi, uint64_t from, const char *what);

/* A goroutine may run, because of something at `from`, or for the reason `what`. */
void trail_alive(struct trail *t, uint32_t index, uint64_t from, const char *what);

/* Notes in the world how a goroutine was reached. */
void trail_tell(struct leaker *l, int64_t goid);

/* ---- mark.c --------------------------------------------------------------------------------------------------- */

/* Sets l->alive. */
void mark_all(struct leaker *l);

#endif
