/* SPDX-License-Identifier: MIT */
/*
 * What: the blocks of the heap: where each begins and ends.
 *
 * How: glibc's malloc keeps the size of each chunk in front of it, so a heap can be walked from its first chunk to
 * its last; and it is believed only if this comes out even, which a mapping that is something else does not.
 * Three kinds (glibc 2.26 to 2.4x, malloc/malloc.c and arena.c):
 *
 *	[heap]          the main arena: chunks from the beginning, the last one (top) reaches the end
 *	64 MiB aligned  another arena's heap: struct heap_info, in the first one also struct malloc_state, chunks
 *	others          mapped chunks: size with the mapped bit, a multiple of the page size, one after the other
 *
 *	chunk at p:  p+0 size of the chunk before, if that is free   p+8 size | flags   p+16 what the program has
 *
 * A chunk's user also has the first 8 bytes of the next chunk.  Free chunks count as blocks too: nobody points at
 * them but the allocator, and if somebody does, that is a reason to be careful.
 *
 * Pages that were never touched are not in the image; they are zero, which is no chunk: a walk ends there, and must
 * have reached the top chunk before.
 *
 * Finding the block of an address: the numbers of the first blocks in each page of a heap, then a few steps.
 */
#include <stdlib.h>
#include <string.h>

#include "leak/inside.h"

enum {
	HEADER = 16,
	MIN_CHUNK = 32,
	FLAGS = 7,
	MAPPED = 2,
	NON_MAIN = 4,
	HEAP_ALIGN = 64 << 20,
	HEAP_INFO = 0x30,
};

/* A walked range. */
struct heap {
	uint64_t lo, hi;  /* first chunk, end of the last one */
	uint64_t first;   /* number of its first block */
	uint32_t *starts; /* chunk offsets from lo, in units of 16 bytes, ascending */
	size_t n;
	uint32_t *page; /* for each page from lo: the last chunk that begins at or before its beginning */
};

struct heaps {
	VEC(struct heap) heaps; /* by lo */
	uint64_t nblocks;
};

/* ---- walking ------------------------------------------------------------------------------------------------------- */

static bool read_word(struct leaker *l, uint64_t addr, uint64_t *ret)
{
	const struct stretch *s = image_find(&l->image, addr);

	if (!s || addr + 8 > s->hi)
		return false;
	memcpy(ret, s->bytes + (addr - s->lo), 8);
	return true;
}

typedef VEC(uint32_t) starts;

/* Walks chunks from lo; true if one of them ends at `hi` exactly, having all of `flags` and none of `without`.  The
 * last chunk of an arena, top, may end in memory that was never touched. */
static bool walk(struct leaker *l, uint64_t lo, uint64_t hi, uint64_t flags, uint64_t without, starts *ret)
{
	uint64_t at = lo, size;

	ret->n = 0;
	while (at < hi) {
		if (!read_word(l, at + 8, &size) || (size & flags) != flags || size & without)
			return false;
		size &= ~(uint64_t)FLAGS;
		if (size < MIN_CHUNK || size % 16 || size > hi - at)
			return false;
		*VEC_PUSH(ret) = (uint32_t)((at - lo) / 16);
		at += size;
	}
	return at == hi && ret->n > 0;
}

/* glibc ends a heap that has been left for another with two small chunks; sizes 0x10 then. */
static bool walk_arena(struct leaker *l, uint64_t lo, uint64_t hi, uint64_t without, starts *ret)
{
	if (walk(l, lo, hi, 0, without, ret))
		return true;
	return hi - lo > 2 * HEADER && walk(l, lo, hi - 2 * HEADER, 0, without, ret);
}

static void index_pages(struct heap *h)
{
	size_t pages = (h->hi - h->lo) / TARGET_PAGE + 1, k = 0;

	h->page = base_malloc(pages * sizeof h->page[0]);
	for (size_t i = 0; i < pages; i++) {
		while (k + 1 < h->n && (uint64_t)h->starts[k + 1] * 16 <= i * TARGET_PAGE)
			k++;
		h->page[i] = (uint32_t)k;
	}
}

static void keep(struct leaker *l, struct heaps *hs, uint64_t lo, uint64_t hi, starts *list)
{
	struct heap h = {.lo = lo, .hi = hi, .first = hs->nblocks, .starts = list->items, .n = list->n};

	index_pages(&h);
	hs->nblocks += h.n;
	*VEC_PUSH(&hs->heaps) = h;
	l->stats->heap_bytes += hi - lo;
	memset(list, 0, sizeof *list);
}

/* ---- the three kinds ------------------------------------------------------------------------------------------------- */

static bool try_main(struct leaker *l, struct heaps *hs, const struct mapping *m)
{
	starts list = {0};

	if (strcmp(m->path, "[heap]") == 0 && walk_arena(l, m->lo, m->hi, NON_MAIN | MAPPED, &list)) {
		keep(l, hs, m->lo, m->hi, &list);
		return true;
	}
	VEC_FREE(&list);
	return false;
}

/* An arena's heap: its size stands in its head.  The first chunk is behind the head, or behind the arena itself. */
static bool try_arena(struct leaker *l, struct heaps *hs, const struct mapping *m)
{
	static const uint64_t state_sizes[] = {0, 0x898, 0x890, 0x8a0};
	uint64_t arena, size;
	starts list = {0};

	if (m->lo % HEAP_ALIGN || !read_word(l, m->lo, &arena) || !read_word(l, m->lo + 16, &size) ||
	    size > m->hi - m->lo || size % TARGET_PAGE || !size)
		return false;
	for (size_t i = 0; i < sizeof state_sizes / sizeof state_sizes[0]; i++) {
		uint64_t lo = (m->lo + HEAP_INFO + state_sizes[i] + 15) & ~(uint64_t)15;

		if ((state_sizes[i] != 0) != (arena == m->lo + HEAP_INFO))
			continue;
		if (walk_arena(l, lo, m->lo + size, MAPPED, &list)) {
			keep(l, hs, lo, m->lo + size, &list);
			return true;
		}
	}
	VEC_FREE(&list);
	return false;
}

static bool try_mapped(struct leaker *l, struct heaps *hs, const struct mapping *m)
{
	starts list = {0};
	uint64_t size, before;

	if (m->path[0] || m->shared || !read_word(l, m->lo, &before) || before != 0 ||
	    !read_word(l, m->lo + 8, &size) || (size & FLAGS) != MAPPED ||
	    (size & ~(uint64_t)FLAGS) % TARGET_PAGE)
		return false;
	if (walk(l, m->lo, m->hi, MAPPED, NON_MAIN | 1, &list)) {
		keep(l, hs, m->lo, m->hi, &list);
		return true;
	}
	VEC_FREE(&list);
	return false;
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

static struct heap *heap_of(const struct heaps *hs, uint64_t addr)
{
	size_t lo = 0, hi = hs->heaps.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (hs->heaps.items[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr < hs->heaps.items[lo - 1].hi ? &hs->heaps.items[lo - 1] : NULL;
}

/* Stretches are cut where heaps begin and end, and those inside are marked as such. */
static void cut_stretches(struct leaker *l, struct heaps *hs)
{
	struct image *im = &l->image;
	size_t n = im->areas.n;

	for (size_t i = 0; i < n; i++) {
		struct stretch *s = &im->areas.items[i];

		for (size_t k = 0; s->kind == STRETCH_ROOT && k < hs->heaps.n; k++) {
			const struct heap *h = &hs->heaps.items[k];
			struct stretch rest;

			if (h->hi <= s->lo || h->lo >= s->hi)
				continue;
			rest = *s;
			if (s->lo < h->lo) { /* what stands in front of the first chunk stays a root */
				s->hi = h->lo;
				rest.bytes += h->lo - rest.lo;
				rest.lo = h->lo;
				*VEC_PUSH(&im->areas) = rest;
				n = im->areas.n;
				break;
			}
			if (rest.hi > h->hi) {
				s->hi = h->hi;
				rest.bytes += h->hi - rest.lo;
				rest.lo = h->hi;
				*VEC_PUSH(&im->areas) = rest;
				n = im->areas.n;
				s = &im->areas.items[i];
			}
			s->kind = STRETCH_HEAP;
			s->owner = (uint32_t)k;
		}
	}
}

struct heaps *heaps_find(struct leaker *l)
{
	struct heaps *hs = base_malloc(sizeof *hs);
	struct target *t = l->target;

	memset(hs, 0, sizeof *hs);
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *m = &t->mappings[i];

		if (m->readable && m->writable && !try_main(l, hs, m) && !try_arena(l, hs, m))
			try_mapped(l, hs, m);
	}
	cut_stretches(l, hs);
	image_sort(&l->image);
	l->stats->heap_blocks = hs->nblocks;
	l->stats->has_blocks = hs->nblocks > 0;
	return hs;
}

void heaps_free(struct heaps *hs)
{
	for (size_t i = 0; hs && i < hs->heaps.n; i++) {
		free(hs->heaps.items[i].starts);
		free(hs->heaps.items[i].page);
	}
	if (hs)
		VEC_FREE(&hs->heaps);
	free(hs);
}

uint64_t heaps_count(const struct heaps *hs)
{
	return hs->nblocks;
}

bool heaps_block(const struct heaps *hs, const struct stretch *s, uint64_t addr, struct block *ret,
		 uint64_t *ret_number)
{
	const struct heap *h = s->owner < hs->heaps.n ? &hs->heaps.items[s->owner] : NULL;
	uint64_t offset;
	size_t k;

	if (!h || addr < h->lo || addr >= h->hi)
		h = heap_of(hs, addr);
	if (!h)
		return false;
	offset = addr - h->lo;
	k = h->page[offset / TARGET_PAGE];
	while (k + 1 < h->n && (uint64_t)h->starts[k + 1] * 16 <= offset)
		k++;
	/* The first 8 bytes of a chunk belong to the block before it, and a pointer behind these to its end. */
	if (offset - (uint64_t)h->starts[k] * 16 <= 8 && k > 0)
		k--;
	ret->lo = h->lo + (uint64_t)h->starts[k] * 16 + HEADER;
	ret->hi = k + 1 < h->n ? h->lo + (uint64_t)h->starts[k + 1] * 16 + 8 : h->hi;
	*ret_number = h->first + k;
	return true;
}
