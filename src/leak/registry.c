/* SPDX-License-Identifier: MIT */
/*
 * What: the blocks that the allocation registry knows, where libgorgon-malloc.so is in the target.
 *
 * How: abi/registry_abi.h describes it: one byte of marks for 8 of memory.  The marks are copied with the memory, and
 * turned into blocks afterwards.
 *
 * Whose blocks count, the registry's or those that heap.c finds between glibc's chunk headers?  The headers', where a
 * mapping can be walked: they also tell what is free.  The registry's where it cannot: another allocator, or a heap that
 * is damaged.
 *
 * Why this cannot accuse: all of a mapping that is in no registered block stays a root, free memory, the allocator's own
 * and blocks that were being added or removed included.  A pointer to anywhere in a block leads to all of it; one
 * just behind it, too, unless another block begins there.  A block that leaves its mapping is not believed, and
 * what overlaps is one block.
 *
 * Limits: what the allocator's other functions give out (mallocx, mi_malloc) is not registered, so it is a root.  A
 * registered block that is given back by such a function stays registered; who mixes them must not use the registry.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/registry_abi.h"
#include "abi/table.h"
#include "leak/inside.h"

enum { MAX_REGIONS = 1 << 24, BATCH_BYTES = 1 << 20 };

/* ---- copying ------------------------------------------------------------------------------------------------------ */

/* Reads what was touched of [addr, addr + n) into zeroed memory. */
static void read_touched(struct target *t, uint64_t addr, unsigned char *ret, uint64_t n)
{
	unsigned char present[BATCH_BYTES / TARGET_PAGE];

	for (uint64_t at = 0; at < n; at += BATCH_BYTES) {
		size_t pages = (n - at < BATCH_BYTES ? n - at : BATCH_BYTES) / TARGET_PAGE;
		bool told = addr % TARGET_PAGE == 0 && target_resident(t, addr + at, pages, present);

		for (size_t i = 0, j; i < pages; i = j) {
			struct span s = {addr + at + i * TARGET_PAGE, ret + at + i * TARGET_PAGE, 0, false};

			for (j = i + 1; j < pages && (!told || present[j] == present[i]);)
				j++;
			s.len = (j - i) * TARGET_PAGE;
			if (told && !present[i])
				continue;
			target_read_spans(t, &s, 1);
			if (!s.ok)
				memset(s.buf, 0, s.len);
		}
	}
}

static unsigned char *zeroed(size_t n)
{
	unsigned char *p = calloc(1, n);

	return p ? p : memset(base_malloc(n), 0, n);
}

static void read_region(struct leaker *l, uint64_t number, uint64_t marks_at)
{
	struct registry *r = &l->registry;
	struct registry_region *region = VEC_PUSH(&r->regions);

	region->lo = number * r->region;
	region->marks_at = marks_at;
	region->marks = zeroed(r->region / r->granule);
	read_touched(l->target, marks_at, region->marks, r->region / r->granule);
}

void registry_read(struct leaker *l)
{
	struct registry *r = &l->registry;
	struct rt *rt = &l->rt;
	uint64_t n, *directory;

	if (!rt_add_table(rt, "/libgorgon-malloc", GORI_REGISTRY_COOKIE))
		return;
	n = rt_number(rt, "const.registry_regions");
	r->region = rt_number(rt, "const.registry_region");
	r->granule = rt_number(rt, "const.registry_granule");
	r->is_bypassed = rt_number(rt, "const.registry_bypassed") != 0;
	r->is_there = n && n <= MAX_REGIONS && n * 8 % TARGET_PAGE == 0 && r->granule == 8 &&
		      r->region % (r->granule * TARGET_PAGE) == 0 && r->region && r->region <= 1 << 30;
	if (!r->is_there || r->is_bypassed)
		return;
	directory = (uint64_t *)(void *)zeroed(n * 8);
	read_touched(l->target, rt_number(rt, "root.registry"), (unsigned char *)directory, n * 8);
	for (uint64_t i = 0; i < n; i++)
		if (directory[i])
			read_region(l, i, directory[i]);
	free(directory);
}

void registry_free(struct registry *r)
{
	for (size_t i = 0; i < r->regions.n; i++)
		free(r->regions.items[i].marks);
	VEC_FREE(&r->regions);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

/* The size of the block whose mark is marks[0]; `left` marks are there.  0: no block. */
static uint64_t size_at(const unsigned char *marks, uint64_t left)
{
	uint64_t size = 0;

	if (marks[0] == GORI_MARK_NONE || marks[0] >= GORI_MARK_DIGIT)
		return 0;
	if (marks[0] != GORI_MARK_LONG)
		return (uint64_t)(marks[0] & GORI_MARK_GRANULES) << GORI_REGISTRY_GRANULE_BITS;
	if (left <= GORI_MARK_DIGITS)
		return 0;
	for (int i = GORI_MARK_DIGITS; i > 0; i--) {
		if (marks[i] < GORI_MARK_DIGIT)
			return 0;
		size = size << GORI_MARK_DIGIT_BITS | marks[i] % GORI_MARK_DIGIT;
	}
	return (size + 7) & ~(uint64_t)7;
}

static void add_block(blocks *list, uint64_t lo, uint64_t size, const struct mapping *m)
{
	struct block *last = list->n ? &list->items[list->n - 1] : NULL;

	if (!size || size > m->hi - lo)
		return;
	if (last && lo < last->hi)
		last->hi = lo + size > last->hi ? lo + size : last->hi;
	else
		*VEC_PUSH(list) = (struct block){lo, lo + size};
}

static void blocks_of_region(const struct registry *r, const struct registry_region *region,
			     const struct mapping *m, blocks *ret)
{
	uint64_t n = r->region / r->granule, i = 0, word;

	if (m->lo > region->lo)
		i = (m->lo - region->lo) / r->granule;
	if (m->hi < region->lo + r->region)
		n = (m->hi - region->lo) / r->granule;
	while (i < n) {
		memcpy(&word, region->marks + (i & ~(uint64_t)7), 8);
		if (!word) {
			i = (i | 7) + 1;
			continue;
		}
		add_block(ret, region->lo + i * r->granule, size_at(region->marks + i, n - i), m);
		i++;
	}
}

void registry_blocks(const struct registry *r, const struct mapping *m, blocks *ret)
{
	for (size_t i = 0; i < r->regions.n; i++) {
		const struct registry_region *region = &r->regions.items[i];

		if (region->lo < m->hi && region->lo + r->region > m->lo)
			blocks_of_region(r, region, m, ret);
	}
}
