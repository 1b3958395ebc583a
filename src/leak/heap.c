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
 * A chunk's user also has the first 8 bytes of the next chunk.  Chunks that are free for certain (free.c) lead nowhere;
 * others count as blocks.
 *
 * Pages that were never touched are not in the image; they are zero, which is no chunk: a walk ends there, and must
 * have reached the top chunk before.
 *
 * Where a mapping cannot be walked, the blocks in it that are registered (registry.c) are its chunks, and what lies
 * between two of them is a chunk that is no block, but a root.
 *
 * Finding the block of an address is what marking spends its time with, on memory that is in no cache.  So what it
 * looks at is small: one bit per place, 16 bytes, says where chunks begin, 8 MiB for 1 GiB; the one before an address is found
 * by looking at the bits of its page, and if there is none, at a table with the last chunk that begins before the page.
 * Marks are bits of the same shape, in the same cache line.
 */
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "leak/heap.h"

/* ---- walking ------------------------------------------------------------------------------------------------------- */

bool heap_word(struct leaker *l, uint64_t addr, uint64_t *ret)
{
	const struct stretch *s = image_find(&l->image, addr);

	if (!s || addr + 8 > s->hi)
		return false;
	memcpy(ret, s->bytes + (addr - s->lo), 8);
	return true;
}

/* Walks chunks from lo; true if one of them ends at `hi` exactly, having all of `flags` and none of `without`.  The
 * last chunk of an arena, top, may end in memory that was never touched.  hs: where to note what free.c looks at. */
static bool walk(struct leaker *l, struct heaps *hs, uint64_t lo, uint64_t hi, uint64_t flags,
		 uint64_t without, starts *ret)
{
	const struct stretch *s = NULL;
	uint64_t at = lo, size, before = 0;

	ret->n = 0;
	if ((hi - lo) / 16 > UINT32_MAX) /* places have 32 bits */
		return false;
	while (at < hi) {
		if (!s || at + HEADER > s->hi)
			s = image_find(&l->image, at + 8);
		if (!s || at + 8 < s->lo || at + HEADER > s->hi)
			return false;
		memcpy(&size, s->bytes + (at + 8 - s->lo), 8);
		if ((size & flags) != flags || size & without)
			return false;
		if (hs && before && !(size & BEFORE_IN_USE))
			*VEC_PUSH(&hs->maybe_free) = before;
		size &= ~(uint64_t)FLAGS;
		if (size < MIN_CHUNK || size % 16 || size > hi - at)
			return false;
		if (hs && size == TCACHE)
			*VEC_PUSH(&hs->maybe_cache) = at;
		*VEC_PUSH(ret) = (uint32_t)((at - lo) / 16);
		before = at;
		at += size;
	}
	return at == hi && ret->n > 0;
}

/* glibc ends a heap that has been left for another with two small chunks; sizes 0x10 then. */
static bool walk_arena(struct leaker *l, struct heaps *hs, uint64_t lo, uint64_t hi, uint64_t without,
		       starts *ret)
{
	size_t nfree = hs->maybe_free.n, ncache = hs->maybe_cache.n;

	if (walk(l, hs, lo, hi, 0, without, ret))
		return true;
	hs->maybe_free.n = nfree;
	hs->maybe_cache.n = ncache;
	if (hi - lo > 2 * HEADER && walk(l, hs, lo, hi - 2 * HEADER, 0, without, ret))
		return true;
	hs->maybe_free.n = nfree;
	hs->maybe_cache.n = ncache;
	return false;
}

enum { PAGE_PLACES = 256, USUAL_BLOCK = 64 };

static void index_chunks(struct heap *h, const starts *list)
{
	uint64_t places = (h->hi - h->lo) / h->unit, pages = places / PAGE_PLACES + 1;
	size_t k = 0;

	h->bits = base_malloc_large((places / 64 + 2) * sizeof h->bits[0]);
	memset(h->bits, 0, (places / 64 + 2) * sizeof h->bits[0]);
	h->page = base_malloc(pages * sizeof h->page[0]);
	for (uint64_t i = 0; i < pages; i++) {
		h->page[i] = k ? list->items[k - 1] : 0;
		for (; k < list->n && list->items[k] < (i + 1) * PAGE_PLACES; k++)
			h->bits[list->items[k] / 64].starts |= (uint64_t)1 << list->items[k] % 64;
	}
	h->bits[places / 64].starts |= (uint64_t)1
				       << places % 64; /* the end, for whoever looks for the next one */
}

static void keep(struct leaker *l, struct heaps *hs, uint64_t lo, uint64_t hi, starts *list)
{
	struct heap h = {.lo = lo, .hi = hi, .unit = 16, .header = HEADER};

	index_chunks(&h, list);
	hs->nblocks += list->n;
	*VEC_PUSH(&hs->heaps) = h;
	l->stats.heap_bytes += hi - lo;
	VEC_FREE(list);
}

/* The last chunk that begins at or before a place, and the first one behind it. */
static uint64_t chunk_at(const struct heap *h, uint64_t place)
{
	uint64_t page = place / PAGE_PLACES, word = place / 64, bits;

	bits = h->bits[word].starts & ~(uint64_t)0 >> (63 - place % 64);
	while (!bits && word > page * (PAGE_PLACES / 64))
		bits = h->bits[--word].starts;
	return bits ? word * 64 + 63 - (uint64_t)__builtin_clzll(bits) : h->page[page];
}

static uint64_t chunk_after(const struct heap *h, uint64_t place)
{
	uint64_t word = (place + 1) / 64, bits = h->bits[word].starts & ~(uint64_t)0 << (place + 1) % 64;

	while (!bits)
		bits = h->bits[++word].starts;
	return word * 64 + (uint64_t)__builtin_ctzll(bits);
}

/* ---- the three kinds ------------------------------------------------------------------------------------------------- */

/* In a core it has no name, but begins with the first thing that malloc makes: struct tcache_perthread_struct. */
static bool is_main(struct leaker *l, const struct mapping *m)
{
	uint64_t size;

	if (strcmp(m->path, "[heap]") == 0)
		return true;
	return !m->path[0] && !m->shared && heap_word(l, m->lo + 8, &size) &&
	       (size == 0x291 || size == 0x251);
}

static bool try_main(struct leaker *l, struct heaps *hs, const struct mapping *m)
{
	starts list = {0};

	if (is_main(l, m) && walk_arena(l, hs, m->lo, m->hi, NON_MAIN | MAPPED, &list)) {
		keep(l, hs, m->lo, m->hi, &list);
		hs->heaps.items[hs->heaps.n - 1].is_main = true;
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

	if (m->lo % HEAP_ALIGN || !heap_word(l, m->lo, &arena) || !heap_word(l, m->lo + 16, &size) ||
	    size > m->hi - m->lo || size % TARGET_PAGE || !size)
		return false;
	for (size_t i = 0; i < sizeof state_sizes / sizeof state_sizes[0]; i++) {
		uint64_t lo = (m->lo + HEAP_INFO + state_sizes[i] + 15) & ~(uint64_t)15;

		if ((state_sizes[i] != 0) != (arena == m->lo + HEAP_INFO))
			continue;
		if (walk_arena(l, hs, lo, m->lo + size, MAPPED, &list)) {
			keep(l, hs, lo, m->lo + size, &list);
			hs->heaps.items[hs->heaps.n - 1].head = m->lo;
			return true;
		}
	}
	VEC_FREE(&list);
	return false;
}

struct heap *heap_of(const struct heaps *hs, uint64_t addr)
{
	size_t n = SEARCH_UPTO(hs->heaps.items, hs->heaps.n, lo, addr);

	return n > 0 && addr < hs->heaps.items[n - 1].hi ? &hs->heaps.items[n - 1] : NULL;
}

static bool try_mapped(struct leaker *l, const struct mapping *m, starts *ret)
{
	uint64_t size, before;

	return !m->path[0] && m->writable && !m->shared && heap_word(l, m->lo, &before) && before == 0 &&
	       heap_word(l, m->lo + 8, &size) && (size & FLAGS) == MAPPED &&
	       (size & ~(uint64_t)FLAGS) % TARGET_PAGE == 0 &&
	       walk(l, NULL, m->lo, m->hi, MAPPED, NON_MAIN | BEFORE_IN_USE, ret);
}

/*
 * A mapping of the program's own may look like a mapped chunk by accident or malice.  malloc keeps count of its
 * chunks and of their bytes (mp_.n_mmaps and mmapped_mem, where libc's symbols are to be had): if both agree with what was
 * found, all are what they seem.  If not, all are roots.
 */
static bool books_agree(struct leaker *l, uint64_t chunks, uint64_t bytes)
{
	enum { N_MMAPS = 60, MMAPPED_MEM = 80 }; /* struct malloc_par of glibc 2.35 to 2.4x */
	uint64_t mp = modules_lookup(debug_modules(l->debug), "mp_"), n, mem;

	return mp && heap_word(l, mp + N_MMAPS - 4, &n) && heap_word(l, mp + MMAPPED_MEM, &mem) &&
	       n >> 32 == chunks && mem == bytes;
}

static void find_mapped(struct leaker *l, struct heaps *hs)
{
	struct target *t = l->target;
	uint64_t chunks = 0, bytes = 0;
	starts list = {0};

	for (size_t i = 0; i < t->nmappings; i++)
		if (!heap_of(hs, t->mappings[i].lo + HEADER) && try_mapped(l, &t->mappings[i], &list)) {
			chunks += list.n;
			bytes += t->mappings[i].hi - t->mappings[i].lo;
		}
	for (size_t i = 0; i < t->nmappings && chunks && books_agree(l, chunks, bytes); i++)
		if (!heap_of(hs, t->mappings[i].lo + HEADER) && try_mapped(l, &t->mappings[i], &list))
			keep(l, hs, t->mappings[i].lo, t->mappings[i].hi, &list);
	VEC_FREE(&list);
}

/* ---- registered ------------------------------------------------------------------------------------------------------ */

/* The chunks of registered blocks, and of the gaps between them. */
static void chunks_of(const blocks *list, starts *ret_chunks, starts *ret_gaps)
{
	uint64_t lo = list->items[0].lo;

	for (size_t i = 0; i < list->n; i++) {
		*VEC_PUSH(ret_chunks) = (uint32_t)((list->items[i].lo - lo) / GRANULE);
		if (i + 1 == list->n || list->items[i].hi == list->items[i + 1].lo)
			continue;
		*VEC_PUSH(ret_chunks) = (uint32_t)((list->items[i].hi - lo) / GRANULE);
		*VEC_PUSH(ret_gaps) = (uint32_t)((list->items[i].hi - lo) / GRANULE);
	}
}

static void keep_registered(struct leaker *l, struct heaps *hs, const blocks *list)
{
	struct heap h = {.lo = list->items[0].lo, .hi = list->items[list->n - 1].hi, .unit = GRANULE};
	size_t words = (h.hi - h.lo) / GRANULE / 64 + 1;
	starts chunks = {0}, gaps = {0};

	chunks_of(list, &chunks, &gaps);
	index_chunks(&h, &chunks);
	h.gaps = base_malloc_large(words * sizeof h.gaps[0]);
	memset(h.gaps, 0, words * sizeof h.gaps[0]);
	for (size_t i = 0; i < gaps.n; i++)
		h.gaps[gaps.items[i] / 64] |= (uint64_t)1 << gaps.items[i] % 64;
	hs->nblocks += list->n;
	*VEC_PUSH(&hs->heaps) = h;
	for (size_t i = 0; i < list->n; i++)
		l->stats.heap_bytes += list->items[i].hi - list->items[i].lo;
	VEC_FREE(&chunks);
	VEC_FREE(&gaps);
}

/* Of a mapping that has more places than can be counted, what is too far stays a root. */
static void divide_registered(struct leaker *l, struct heaps *hs, const struct mapping *m)
{
	blocks list = {0};

	registry_blocks(&l->registry, m, &list);
	while (list.n && (list.items[list.n - 1].hi - list.items[0].lo) / GRANULE >= UINT32_MAX)
		list.n--;
	if (list.n)
		keep_registered(l, hs, &list);
	VEC_FREE(&list);
}

/* In the mappings that could not be walked. */
static void find_registered(struct leaker *l, struct heaps *hs)
{
	struct target *t = l->target;
	size_t walked = hs->heaps.n;

	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *m = &t->mappings[i];
		bool is_walked = false;

		for (size_t k = 0; k < walked && !is_walked; k++)
			is_walked = hs->heaps.items[k].lo >= m->lo && hs->heaps.items[k].lo < m->hi;
		if (m->readable && m->writable && !is_walked)
			divide_registered(l, hs, m);
	}
}

static bool is_gap(const struct heap *h, uint64_t chunk)
{
	return h->gaps && h->gaps[chunk / 64] >> chunk % 64 & 1;
}

void heaps_gaps(const struct heaps *hs, void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg)
{
	for (size_t i = 0; i < hs->heaps.n; i++) {
		const struct heap *h = &hs->heaps.items[i];

		for (uint64_t word = 0; h->gaps && word <= (h->hi - h->lo) / h->unit / 64; word++)
			for (uint64_t bits = h->gaps[word]; bits; bits &= bits - 1) {
				uint64_t chunk = word * 64 + (uint64_t)__builtin_ctzll(bits);

				fn(arg, h->lo + chunk * h->unit, h->lo + chunk_after(h, chunk) * h->unit);
			}
	}
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

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

static int compare_heaps(const void *a, const void *b)
{
	const struct heap *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void sort_heaps(struct heaps *hs)
{
	if (hs->heaps.n)
		qsort(hs->heaps.items, hs->heaps.n, sizeof(struct heap), compare_heaps);
}

/* The main arena's state is in libc's data, where it is known by its pointer to the last chunk. */
static uint64_t main_state(struct leaker *l, uint64_t top)
{
	const struct image *im = &l->image;
	uint64_t word, found = 0;

	for (size_t k = 0; k < im->areas.n; k++) {
		const struct stretch *s = &im->areas.items[k];
		const struct mapping *m = target_mapping(l->target, s->lo);

		if (!m || !strstr(m->path, "/libc.so"))
			continue;
		for (uint64_t at = (s->lo + 7) & ~(uint64_t)7; at + 8 <= s->hi; at += 8) {
			memcpy(&word, s->bytes + (at - s->lo), 8);
			if (word == top && found)
				return 0; /* there are others that look the same */
			if (word == top)
				found = at - TOP;
		}
	}
	return found;
}

uint64_t heap_chunk_of(const struct heap *h, uint64_t addr)
{
	return h->lo + chunk_at(h, (addr - h->lo) / h->unit) * h->unit;
}

uint64_t heap_last_chunk(const struct heap *h)
{
	return heap_chunk_of(h, h->hi - 1);
}

uint64_t heap_state(struct leaker *l, const struct heap *h)
{
	uint64_t state;

	if (h->is_main)
		return main_state(l, heap_last_chunk(h));
	return h->head && heap_word(l, h->head, &state) ? state : 0;
}

/*
 * What malloc itself points with: its lists of free chunks, per thread in the first block of an arena (struct
 * tcache_perthread_struct; free.c knows others), for all in its struct malloc_state, which lies in front of the first
 * chunk or, of the main arena, in libc's data.
 */
static void hide_allocator(struct leaker *l, struct heaps *hs)
{
	for (size_t i = 0; i < hs->heaps.n; i++) {
		const struct heap *h = &hs->heaps.items[i];
		uint64_t size, state = h->is_main ? heap_state(l, h) : 0;

		if (heap_word(l, h->lo + 8, &size) && (size & ~(uint64_t)FLAGS) == TCACHE)
			image_blank(&l->image, h->lo + HEADER, h->lo + TCACHE);
		if (h->head)
			image_blank(&l->image, h->head, h->lo);
		if (state)
			image_blank(&l->image, state, state + STATE);
	}
}

struct heaps *heaps_find(struct leaker *l)
{
	struct heaps *hs = base_malloc(sizeof *hs);
	struct target *t = l->target;

	memset(hs, 0, sizeof *hs);
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *m = &t->mappings[i];

		if (m->readable && m->writable && !try_main(l, hs, m))
			try_arena(l, hs, m);
	}
	sort_heaps(hs);
	find_mapped(l, hs);
	sort_heaps(hs);
	free_blocks_find(l, hs);
	hide_allocator(l, hs);
	find_registered(l, hs);
	sort_heaps(hs);
	cut_stretches(l, hs);
	image_sort(&l->image);
	l->stats.heap_blocks = hs->nblocks;
	l->stats.has_blocks = hs->nblocks > 0;
	return hs;
}

void heaps_free(struct heaps *hs)
{
	for (size_t i = 0; hs && i < hs->heaps.n; i++) {
		free(hs->heaps.items[i].bits);
		free(hs->heaps.items[i].page);
		free(hs->heaps.items[i].gaps);
		free(hs->heaps.items[i].free);
	}
	if (hs) {
		VEC_FREE(&hs->heaps);
		VEC_FREE(&hs->maybe_free);
		VEC_FREE(&hs->maybe_cache);
	}
	free(hs);
}

void heaps_unmark(struct heaps *hs)
{
	for (size_t i = 0; i < hs->heaps.n; i++) {
		struct heap *h = &hs->heaps.items[i];

		for (uint64_t k = 0; k <= (h->hi - h->lo) / h->unit / 64; k++)
			h->bits[k].marks = h->free ? h->free[k] : 0; /* nothing leads on from these */
	}
}

void heaps_prefetch(const struct heaps *hs, const struct stretch *s, uint64_t addr)
{
	const struct heap *h = &hs->heaps.items[s->owner];

	__builtin_prefetch(s->bytes + (addr - s->lo));
	__builtin_prefetch(s->bytes + (addr - s->lo) + USUAL_BLOCK - 1); /* most lie across two lines */
	if (addr >= h->lo && addr < h->hi)
		__builtin_prefetch(&h->bits[(addr - h->lo) / h->unit / 64]);
}

bool heaps_mark(struct heaps *hs, const struct stretch *s, uint64_t addr, struct block *ret)
{
	struct heap *h = s->owner < hs->heaps.n ? &hs->heaps.items[s->owner] : NULL;
	uint64_t offset, chunk, bit;

	if (!h || addr < h->lo || addr >= h->hi)
		h = heap_of(hs, addr);
	if (!h)
		return false;
	offset = addr - h->lo;
	chunk = chunk_at(h, offset / h->unit);
	/* The first 8 bytes of a chunk belong to the block before it, and a pointer behind these to its end.  So does one to
	 * the beginning of a gap. */
	if (offset - chunk * h->unit <= h->header / 2 && chunk > 0 && (!h->gaps || is_gap(h, chunk)))
		chunk = chunk_at(h, chunk - 1);
	bit = (uint64_t)1 << chunk % 64;
	if (h->bits[chunk / 64].marks & bit || is_gap(h, chunk))
		return false;
	h->bits[chunk / 64].marks |= bit;
	ret->lo = h->lo + chunk * h->unit + h->header;
	ret->hi = h->lo + chunk_after(h, chunk) * h->unit + h->header / 2;
	if (ret->hi > h->hi)
		ret->hi = h->hi;
	return true;
}
