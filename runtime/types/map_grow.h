/* SPDX-License-Identifier: MIT */
#ifndef GORI_TYPES_MAP_GROW_H
#define GORI_TYPES_MAP_GROW_H
/*
 * What: the tables of a map, and moving entries from one to the next.
 *
 * How: as Go's classic map.  When the load passes 6.5 entries a bucket the table doubles; when
 * there are as many overflow buckets as buckets, it is replaced by one of the same size, which
 * packs the chains.  The old table stays next to the new one, and every write moves two of its
 * chains: the one it is about to touch, and the next in order.  So no write ever pays for the whole
 * table.
 *
 *	settled -> growing   [map_start_growth]      old_buckets is set
 *	growing -> settled   [map_advance]           all old chains have moved
 *
 * Go leaves it to the garbage collector to free an old table when no iteration needs it any more.
 * Here a table carries a count: one for the map, one for each iteration that walks it.  Rejected:
 * keeping all old tables until the map is freed, since growth of the same size can go on for ever.
 *
 * Moving leaves the keys in the old table and marks each slot with where it went; an iteration that
 * started there still walks the old slots in their order, and looks each key up in the new table.
 *
 * Invariants: only chains of the old table that have not moved are searched or written to.  While
 * growing, no other growth starts.
 *
 * Locking: the map is the caller's alone; `refs` is atomic, because iterations end at any time.
 *
 * Context: goroutine.
 */
#include <stdlib.h>

#include "types/map_core.h"
#include "types/panic_decl.h"

/* A key of GENERIC class whose hash is random each time, as NaN's, still needs one place. */
struct map_target {
	unsigned char *bucket;
	unsigned index; /* next free slot */
};

/* ---- tables --------------------------------------------------------------------------------- */

static struct gori_abi_map_table *table_of(const void *buckets)
{
	return (struct gori_abi_map_table *)(uintptr_t)buckets - 1;
}

static void *map_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (GOR_UNLIKELY(p == NULL))
		gor_fatal("runtime: out of memory");
	return p;
}

/* The buckets of a fresh table, with some overflow buckets behind them once they are likely. */
static void *table_new(const struct gor_map_head *m, unsigned log2_buckets)
{
	size_t buckets = (size_t)1 << log2_buckets;
	size_t spares = log2_buckets >= 4 ? buckets >> 4 : 0, bytes;
	struct gori_abi_map_table *table;

	if (GOR_UNLIKELY(__builtin_mul_overflow(buckets + spares, m->bucket_size, &bytes)))
		gor_fatal("runtime: out of memory");
	table = map_alloc(1, sizeof(*table) + bytes);
	table->refs = 1;
	table->log2_buckets = log2_buckets;
	table->spare = bucket_at(m, table + 1, buckets);
	table->spare_end = bucket_at(m, table + 1, buckets + spares);
	return table + 1;
}

static void table_free_chunks(struct gori_abi_map_table *table)
{
	while (table->chunks != NULL) {
		struct gori_abi_map_chunk *chunk = table->chunks;

		table->chunks = chunk->next;
		free(chunk);
	}
}

/* acq_rel: whoever frees sees what the others did before they let go [table_get, table_put]. */
static void table_put(void *buckets)
{
	struct gori_abi_map_table *table;

	if (buckets == NULL)
		return;
	table = table_of(buckets);
	if (__atomic_sub_fetch(&table->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	table_free_chunks(table);
	free(table);
}

/* relaxed: the caller can only get here while the map's own count keeps the table. */
static void *table_get(void *buckets)
{
	__atomic_fetch_add(&table_of(buckets)->refs, 1, __ATOMIC_RELAXED);
	return buckets;
}

/* Appends an overflow bucket to the chain that ends in `last`. */
static unsigned char *map_add_overflow(struct gor_map_head *m, unsigned char *last)
{
	struct gori_abi_map_table *table = table_of(m->buckets);
	unsigned char *bucket;

	if (table->spare == table->spare_end) {
		size_t n = (size_t)1 << (table->log2_buckets < 8 ? table->log2_buckets / 2 : 4);
		struct gori_abi_map_chunk *chunk =
			map_alloc(1, sizeof(*chunk) + n * m->bucket_size);

		chunk->next = table->chunks;
		table->chunks = chunk;
		table->spare = (unsigned char *)(chunk + 1);
		table->spare_end = bucket_at(m, chunk + 1, n);
	}
	bucket = table->spare;
	table->spare += m->bucket_size;
	bucket_set_next(m, last, bucket);
	m->overflows++;
	return bucket;
}

/* ---- when to grow --------------------------------------------------------------------------- */

/* More than 6.5 entries a bucket; one bucket may be full. */
static bool map_overloaded(uint64_t count, unsigned log2_buckets)
{
	return count > MAP_SLOTS && count > 13 * ((1ULL << log2_buckets) / 2);
}

/* As many overflow buckets as buckets: the table was larger once, and deletions left holes. */
static bool map_sparse(const struct gor_map_head *m)
{
	return m->overflows >= 1ULL << m->log2_buckets;
}

static void map_start_growth(struct gor_map_head *m)
{
	unsigned log2_buckets = m->log2_buckets;
	uint8_t same = GORI_MAP_SAME_SIZE;
	void *fresh;

	if (map_overloaded(m->count + 1, log2_buckets)) {
		log2_buckets++;
		same = 0;
	}
	fresh = table_new(m, log2_buckets);
	m->old_buckets = m->buckets;
	m->buckets = fresh;
	m->log2_buckets = (uint8_t)log2_buckets;
	/* relaxed: misuse detection only, see map.c */
	__atomic_store_n(&m->flags, m->flags | same, __ATOMIC_RELAXED);
	m->moved = 0;
	m->overflows = 0;
}

/* ---- moving --------------------------------------------------------------------------------- */

MAP_INLINE void value_copy(unsigned char *dst, const unsigned char *src, size_t n)
{
	switch (n) {
	case 4:
		memcpy(dst, src, 4);
		break;
	case 8:
		memcpy(dst, src, 8);
		break;
	case 16:
		memcpy(dst, src, 16);
		break;
	default:
		memcpy(dst, src, n);
	}
}

/*
 * Which half of the doubled table an entry goes to, and its hash byte there.  The hash of a NaN is
 * random, so a second one says nothing about where the first one put it; the choice then falls on a
 * bit of the old hash byte, which an iteration can read in the old slot's place and repeat.
 */
MAP_INLINE bool move_choose(const struct gor_map_head *m, unsigned cls, const unsigned char *key,
			    uint64_t new_bit, uint8_t *io_top)
{
	uint64_t hash = key_hash(m, cls, key_load(cls, key));

	if (GOR_UNLIKELY(!key_reflexive(m, cls, key))) {
		bool high = *io_top & 1;

		*io_top = hash_top(hash);
		return high;
	}
	return (hash & new_bit) != 0;
}

MAP_INLINE void move_slot(struct gor_map_head *m, unsigned cls, struct map_target *to,
			  unsigned char *from, unsigned i, uint8_t top)
{
	if (to->index == MAP_SLOTS) {
		to->bucket = map_add_overflow(m, to->bucket);
		to->index = 0;
	}
	to->bucket[to->index] = top;
	memcpy(slot_key(m, cls, to->bucket, to->index), slot_key(m, cls, from, i),
	       key_size(m, cls));
	value_copy(slot_value(m, to->bucket, to->index), slot_value(m, from, i), m->value_size);
	to->index++;
}

/* Notes that the chain `index` has moved, and ends the growth with the last one. */
static void map_advance(struct gor_map_head *m, uint64_t index, uint64_t old_count)
{
	uint64_t limit;

	if (index != m->moved)
		return;
	/* chains moved out of order by writes; bounded, so that no single write scans the table */
	limit = index + 1024 < old_count ? index + 1024 : old_count;
	do {
		index++;
	} while (index < limit && bucket_moved(bucket_at(m, m->old_buckets, index)));
	m->moved = index;
	if (index < old_count)
		return;
	table_put(m->old_buckets);
	m->old_buckets = NULL;
	/* relaxed: misuse detection only, see map.c */
	__atomic_store_n(&m->flags, m->flags & (uint8_t)~GORI_MAP_SAME_SIZE, __ATOMIC_RELAXED);
}

MAP_INLINE void map_move_chain(struct gor_map_head *m, unsigned cls, uint64_t index)
{
	uint64_t old_count = map_old_mask(m) + 1;
	bool same = m->flags & GORI_MAP_SAME_SIZE;
	unsigned char *bucket = bucket_at(m, m->old_buckets, index);
	struct map_target to[2] = {{bucket_at(m, m->buckets, index), 0}, {NULL, 0}};

	if (bucket_moved(bucket))
		goto out;
	if (!same)
		to[1].bucket = bucket_at(m, m->buckets, index + old_count);
	for (; bucket != NULL; bucket = bucket_next(m, bucket)) {
		for (unsigned i = 0; i < MAP_SLOTS; i++) {
			uint8_t top = bucket[i];
			bool high = false;

			if (top < GORI_MAP_TOP_MIN) {
				bucket[i] = GORI_MAP_TOP_MOVED_EMPTY;
				continue;
			}
			if (!same)
				high = move_choose(m, cls, slot_key(m, cls, bucket, i), old_count,
						   &top);
			bucket[i] = high ? GORI_MAP_TOP_MOVED_HIGH : GORI_MAP_TOP_MOVED_LOW;
			move_slot(m, cls, &to[high], bucket, i, top);
		}
	}
out:
	map_advance(m, index, old_count);
}

/* The share of a write in a growth: the chain it will touch, and the next one in order. */
MAP_INLINE void map_grow_work(struct gor_map_head *m, unsigned cls, uint64_t hash)
{
	map_move_chain(m, cls, hash & map_old_mask(m));
	if (m->old_buckets != NULL)
		map_move_chain(m, cls, m->moved);
}

#endif
