/* SPDX-License-Identifier: MIT */
/*
 * What: the blocks that the program has given back to malloc, and that malloc has not given out again.
 *
 * How: what such a block held is still in it, and somebody may still have its address; but the program can make nothing
 * of either.  malloc keeps free chunks in four places, and a chunk counts as free only if it is found in one of them, with
 * all that belongs to it (glibc 2.26 to 2.4x, malloc/malloc.c):
 *
 *	bins		the next chunk says that this one is free, and repeats its size; it is in a doubly linked list, whose
 *			neighbours point back at it
 *	top		the last chunk of an arena, which the arena points at
 *	fastbins	singly linked lists in the arena, one for each size
 *	caches		the same in a block for each thread: 64 counts, 64 lists of chunks of one size, as long as is counted
 *
 * From 2.32 on a link in a singly linked list is XORed with the page number of where it stands.
 *
 * Why this cannot accuse: the target may have been stopped in the middle of malloc.  A block that is being given out is in no
 * list any more, or still in one, and nobody has used it.  One that is being given back will not be used again.  A block that
 * realloc makes larger in place swallows a free chunk behind it: for an instruction or two it has its new size and the
 * chunk behind it does not know that it is in use; but the size repeated there is still the one of what was swallowed, and the
 * program's data in front are no links of such a list.  A list that is not whole, because it is just being changed or is no
 * list at all, is not believed in any part.
 *
 * An object in a free block for which somebody waits is a bug of the program's, but may still be used: such a block counts as
 * if it were in use.
 */
#include <stdlib.h>
#include <string.h>

#include "leak/heap.h"

enum {
	NEXT = 16, /* in a free chunk, links of its list */
	PREVIOUS = 24,
	FASTBINS = 16, /* in struct malloc_state */
	NFASTBINS = 10,
	NLISTS = 64, /* of a cache */
	LISTS = 2 * NLISTS,
	MAX_LENGTH = 1 << 20,
	MAX_COUNT = 1 << 16,
};

static uint64_t *word_of(struct heap *h, uint64_t chunk, uint64_t *ret_bit)
{
	uint64_t place = (chunk - h->lo) / h->unit;

	*ret_bit = (uint64_t)1 << place % 64;
	return &h->free[place / 64];
}

static void set_free(const struct heaps *hs, uint64_t chunk)
{
	struct heap *h = heap_of(hs, chunk);
	size_t words = (h->hi - h->lo) / h->unit / 64 + 1;
	uint64_t bit, *word;

	if (!h->free) {
		h->free = calloc(words, sizeof h->free[0]);
		if (!h->free)
			return;
	}
	word = word_of(h, chunk, &bit);
	*word |= bit;
}

/* The size of the chunk that begins exactly here; 0: none does. */
static uint64_t size_of(struct leaker *l, const struct heaps *hs, uint64_t chunk)
{
	const struct heap *h = heap_of(hs, chunk);
	uint64_t place, size;

	if (!h || h->header != HEADER || (chunk - h->lo) % 16)
		return 0;
	place = (chunk - h->lo) / 16;
	if (!(h->bits[place / 64].starts >> place % 64 & 1) || !heap_word(l, chunk + 8, &size))
		return 0;
	return size & ~(uint64_t)FLAGS;
}

/* ---- bins ------------------------------------------------------------------------------------------------------------ */

static bool is_in_bin(struct leaker *l, uint64_t chunk)
{
	uint64_t size, again, next, previous, back, forth;

	if (!heap_word(l, chunk + 8, &size) || !heap_word(l, chunk + NEXT, &next) ||
	    !heap_word(l, chunk + PREVIOUS, &previous))
		return false;
	size &= ~(uint64_t)FLAGS;
	return heap_word(l, chunk + size, &again) && again == size && heap_word(l, next + PREVIOUS, &back) &&
	       back == chunk && heap_word(l, previous + NEXT, &forth) && forth == chunk;
}

/* ---- singly linked lists ----------------------------------------------------------------------------------------------- */

typedef VEC(uint64_t) chunks;

/* The chunk that the link at `at` leads to; 0: it is the last one.  False: to no chunk of this size. */
static bool follow(struct leaker *l, const struct heaps *hs, uint64_t at, uint64_t to_link, uint64_t size,
		   uint64_t *ret)
{
	uint64_t word, plain[2];

	if (!heap_word(l, at, &word))
		return false;
	plain[0] = word ^ at >> 12;
	plain[1] = word;
	for (unsigned i = 0; i < 2; i++) {
		*ret = plain[i] ? plain[i] - to_link : 0;
		if (!plain[i] || size_of(l, hs, *ret) == size)
			return true;
	}
	return false;
}

/* A list of chunks of this size; links point to_link bytes into them.  False: it is none, or longer than `max`. */
static bool walk_list(struct leaker *l, const struct heaps *hs, uint64_t head, uint64_t to_link,
		      uint64_t size, uint64_t max, chunks *ret)
{
	uint64_t chunk = head ? head - to_link : 0, n = 0;

	if (chunk && size_of(l, hs, chunk) != size)
		return false;
	for (; chunk; n++) {
		if (n == max)
			return false;
		*VEC_PUSH(ret) = chunk;
		if (!follow(l, hs, chunk + NEXT, to_link, size, &chunk))
			return false;
	}
	return true;
}

static void set_all(const struct heaps *hs, const chunks *list)
{
	for (size_t i = 0; i < list->n; i++)
		set_free(hs, list->items[i]);
}

static void find_fast(struct leaker *l, const struct heaps *hs, uint64_t state)
{
	chunks list = {0};
	uint64_t head;

	for (uint64_t i = 0; i < NFASTBINS; i++) {
		list.n = 0;
		if (heap_word(l, state + FASTBINS + 8 * i, &head) &&
		    walk_list(l, hs, head, 0, MIN_CHUNK + 16 * i, MAX_LENGTH, &list))
			set_all(hs, &list);
	}
	VEC_FREE(&list);
}

/* A thread's cache: all of its lists are as long as it has counted, or it is none. */
static bool walk_cache(struct leaker *l, const struct heaps *hs, uint64_t chunk, chunks *ret)
{
	uint64_t at = chunk + HEADER, counts, head;

	for (uint64_t i = 0; i < NLISTS; i++) {
		uint64_t count, before = ret->n;

		if (!heap_word(l, at + i / 4 * 8, &counts) || !heap_word(l, at + LISTS + 8 * i, &head))
			return false;
		count = counts >> i % 4 * 16 & (MAX_COUNT - 1);
		if (!walk_list(l, hs, head, HEADER, MIN_CHUNK + 16 * i, count, ret) ||
		    ret->n - before != count)
			return false;
	}
	return ret->n > 0;
}

static void find_cached(struct leaker *l, const struct heaps *hs, uint64_t cache)
{
	chunks list = {0};

	if (walk_cache(l, hs, cache, &list)) {
		set_all(hs, &list);
		image_blank(&l->image, cache + HEADER, cache + TCACHE);
	}
	VEC_FREE(&list);
}

/* ---- all --------------------------------------------------------------------------------------------------------------- */

static void keep_object(void *arg, uint64_t obj)
{
	struct heap *h = heap_of(arg, obj);
	uint64_t bit, *word;

	if (!h || !h->free)
		return;
	word = word_of(h, heap_chunk_of(h, obj), &bit);
	*word &= ~bit;
}

void free_blocks_find(struct leaker *l, struct heaps *hs)
{
	for (size_t i = 0; i < hs->maybe_free.n; i++)
		if (is_in_bin(l, hs->maybe_free.items[i]))
			set_free(hs, hs->maybe_free.items[i]);
	for (size_t i = 0; i < hs->heaps.n; i++) {
		const struct heap *h = &hs->heaps.items[i];
		uint64_t state = heap_state(l, h), top;

		if (state)
			find_fast(l, hs, state);
		if (state && heap_word(l, state + TOP, &top) && top == heap_last_chunk(h))
			set_free(hs, top);
	}
	for (size_t i = 0; i < hs->maybe_cache.n; i++)
		find_cached(l, hs, hs->maybe_cache.items[i]);
	waits_objects(l->waits, keep_object, hs);
}
