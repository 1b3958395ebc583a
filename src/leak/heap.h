/* SPDX-License-Identifier: MIT */
#ifndef LEAK_HEAP_H
#define LEAK_HEAP_H
/*
 * What: what heap.c, which finds blocks, and free.c, which finds those that are free, know of heaps.
 */
#include "leak/inside.h"

typedef VEC(uint32_t) starts;

enum {
	HEADER = 16,
	MIN_CHUNK = 32,
	FLAGS = 7,
	BEFORE_IN_USE = 1, /* the chunk before is not free, or not in a list of the arena's */
	MAPPED = 2,
	NON_MAIN = 4,
	HEAP_ALIGN = 64 << 20,
	HEAP_INFO = 0x30,
	GRANULE = 8,
	/* As glibc has them: the chunk of a thread's cache, in struct malloc_state the pointer to the last chunk, and its size. */
	TCACHE = 0x290,
	TOP = 96,
	STATE = 0x898,
};

struct bits {
	uint64_t starts; /* bit i: a chunk begins at place i */
	uint64_t marks;  /* and its block was marked */
};

/* A range that is divided into chunks. */
struct heap {
	uint64_t lo, hi;   /* first chunk, end of the last one */
	uint64_t head;     /* of an arena: where its mapping begins, with malloc's notes; 0: another one */
	unsigned unit;     /* bytes of a place: 16 between headers, 8 if registered */
	unsigned header;   /* bytes between the beginning of a chunk and of its block */
	bool is_main;      /* the main arena's */
	struct bits *bits; /* of each 64 places from lo */
	uint64_t *free;    /* bit i: the block of the chunk at place i is free; NULL: none is */
	uint64_t *gaps;    /* bit i: the chunk that begins at place i is no block; NULL: all are */
	uint32_t *page;    /* for each PAGE_PLACES from lo: the place of the last chunk before them */
};

struct heaps {
	VEC(struct heap) heaps; /* by lo */
	uint64_t nblocks;
	/* Found on the way: chunks that may be free, and those that may be malloc's cache of a thread. */
	VEC(uint64_t) maybe_free, maybe_cache;
};

/* A word of the copy; false if that is not there. */
bool heap_word(struct leaker *l, uint64_t addr, uint64_t *ret);

struct heap *heap_of(const struct heaps *hs, uint64_t addr);

/* Where the chunk begins that addr is in, and the last one of all. */
uint64_t heap_chunk_of(const struct heap *h, uint64_t addr);
uint64_t heap_last_chunk(const struct heap *h);

/* Where malloc keeps the lists of the arena that this heap belongs to: struct malloc_state; 0: not known. */
uint64_t heap_state(struct leaker *l, const struct heap *h);

/* ---- free.c --------------------------------------------------------------------------------------------------- */

/* Finds the blocks that the program has given back; before malloc's own data are blanked. */
void free_blocks_find(struct leaker *l, struct heaps *hs);

#endif
