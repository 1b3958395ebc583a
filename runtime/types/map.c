/* SPDX-License-Identifier: MIT */
/*
 * What: the operations of gor_map (see <gorgon/map.h>): make, find, assign, delete, clear, free,
 * and iteration.
 *
 * How: Go's classic hash map; map_core.h searches, map_grow.h grows.  Each operation is written
 * once for all classes of key and inlined into one exported function per class.  Rejected: Go's
 * newer open-addressing map; its groups move at once when they split, and iterating needs a copy of
 * the directory, which without a collector would need counting all the same.
 *
 * A string key keeps the pointer that the entry was made with; Go takes the newest one, to let the
 * collector free the older.  Here the newest one is often a buffer about to be reused.
 *
 * Invariants: see types_abi.h for the layout.  `seed` changes whenever the map becomes empty: by
 * then no entry is placed by it, an attacker has to start over, and an iteration that sees another
 * seed knows that everything it still had to show is gone.
 *
 * Locking: none.  The WRITING flag is a trap for the user's races: set at the start of a write,
 * checked by everybody else.  It is atomic only to be well defined; relaxed and not exclusive,
 * because a lock would cost more than the rest of the operation, so not every race is seen.
 *
 * Context: goroutine.  The find functions: any, as long as no write was interrupted.
 */
#include "types/map_grow.h"

_Static_assert(sizeof(struct gor_map_head) == sizeof(struct gori_abi_map), "abi");
_Static_assert(sizeof(struct gor_map_type) == sizeof(struct gori_abi_map_type), "abi");
#define SAME_PLACE(field)                                                                                    \
	_Static_assert(offsetof(struct gor_map_head, field) == offsetof(struct gori_abi_map, field), "abi")
SAME_PLACE(count);
SAME_PLACE(type);
SAME_PLACE(seed);
SAME_PLACE(buckets);
SAME_PLACE(old_buckets);
SAME_PLACE(bucket_size);
SAME_PLACE(value_size);
SAME_PLACE(values_offset);
SAME_PLACE(flags);
SAME_PLACE(log2_buckets);
SAME_PLACE(moved);
SAME_PLACE(overflows);
_Static_assert(offsetof(struct gor_map_type, key_size) == offsetof(struct gori_abi_map_type, key_size),
	       "abi");
_Static_assert(offsetof(struct gor_map_type, key_class) == offsetof(struct gori_abi_map_type, key_class),
	       "abi");

/* ---- misuse --------------------------------------------------------------------------------- */

MAP_INLINE void map_check_idle(const struct gor_map_head *m, const char *error)
{
	/* relaxed, partner: map_begin_write; a hint, see Locking */
	if (GOR_UNLIKELY(__atomic_load_n(&m->flags, __ATOMIC_RELAXED) & GORI_MAP_WRITING))
		gor_fatal(error);
}

/* relaxed, partner: map_check_idle of other goroutines; a hint, see Locking */
MAP_INLINE void map_begin_write(struct gor_map_head *m)
{
	__atomic_store_n(&m->flags, m->flags ^ GORI_MAP_WRITING, __ATOMIC_RELAXED);
}

MAP_INLINE void map_end_write(struct gor_map_head *m)
{
	uint8_t flags = __atomic_load_n(&m->flags, __ATOMIC_RELAXED);

	if (GOR_UNLIKELY(!(flags & GORI_MAP_WRITING)))
		gor_fatal("concurrent map writes");
	__atomic_store_n(&m->flags, flags & (uint8_t)~GORI_MAP_WRITING, __ATOMIC_RELAXED);
}

/* ---- make, clear, free ---------------------------------------------------------------------- */

GOR_API struct gor_map_head *gor_map_raw_make(const struct gor_map_type *type, size_t hint)
{
	struct gor_map_head *m = map_alloc(1, sizeof(*m));

	m->type = type;
	m->bucket_size = type->bucket_size;
	m->value_size = type->value_size;
	m->values_offset = type->values_offset;
	m->seed = gori_hash_random();
	/* a hint no memory could hold is ignored, as in Go */
	if (hint > PTRDIFF_MAX / type->bucket_size)
		hint = 0;
	while (map_overloaded(hint, m->log2_buckets))
		m->log2_buckets++;
	/* small maps get their bucket with the first write */
	if (m->log2_buckets > 0)
		m->buckets = table_new(m, m->log2_buckets);
	return m;
}

GOR_API void gor_map_clear(void *map)
{
	struct gor_map_head *m = map;
	struct gori_abi_map_table *table;

	if (m == NULL || m->count == 0)
		return;
	map_check_idle(m, "concurrent map writes");
	map_begin_write(m);
	table_put(m->old_buckets);
	m->old_buckets = NULL;
	table = table_of(m->buckets);
	/* acquire, partner: table_put; an iteration that ended has read its last of the table */
	if (__atomic_load_n(&table->refs, __ATOMIC_ACQUIRE) == 1) {
		size_t buckets = (size_t)1 << m->log2_buckets;
		size_t spares = m->log2_buckets >= 4 ? buckets >> 4 : 0;

		table_free_chunks(table);
		memset(m->buckets, 0, (buckets + spares) * m->bucket_size);
		table->spare = bucket_at(m, m->buckets, buckets);
		table->spare_end = bucket_at(m, m->buckets, buckets + spares);
	} else {
		table_put(m->buckets);
		m->buckets = table_new(m, m->log2_buckets);
	}
	m->count = 0;
	m->moved = 0;
	m->overflows = 0;
	m->seed = gori_hash_random();
	/* relaxed: as in map_begin_write; no growth is left to be of the same size */
	__atomic_store_n(&m->flags, m->flags & GORI_MAP_WRITING, __ATOMIC_RELAXED);
	map_end_write(m);
}

GOR_API void gor_map_free(void *map)
{
	struct gor_map_head *m = map;

	if (m == NULL)
		return;
	map_check_idle(m, "concurrent map writes");
	table_put(m->old_buckets);
	table_put(m->buckets);
	free(m);
}

_Noreturn GOR_API void gor_map_panic_padding(const char *key_name)
{
	gori_panic_runtime_error("hash of unhashable type %s", key_name);
}

/* ---- hashes for descriptors ----------------------------------------------------------------- */

GOR_API uint64_t gor_map_hash_bytes(const void *key, size_t size, uint64_t seed)
{
	return gori_hash_mem(key, size, seed);
}

GOR_API bool gor_map_equal_bytes(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

static double float_load(const void *p, size_t size)
{
	double d;
	float f;

	if (size == sizeof(f)) {
		memcpy(&f, p, sizeof(f));
		return (double)f;
	}
	memcpy(&d, p, sizeof(d));
	return d;
}

/* +0 and -0 are one key; every NaN is a key of its own, so it goes anywhere. */
GOR_API uint64_t gor_map_hash_float(const void *key, size_t size, uint64_t seed)
{
	double d = float_load(key, size);

	if (d == 0)
		d = 0;
	if (__builtin_isnan(d))
		return gori_hash_random();
	return gori_hash_mem(&d, sizeof(d), seed);
}

GOR_API bool gor_map_equal_float(const void *a, const void *b, size_t size)
{
	return float_load(a, size) == float_load(b, size);
}

/* ---- find ----------------------------------------------------------------------------------- */

MAP_INLINE struct map_slot map_find_slot(const struct gor_map_head *m, unsigned cls, struct map_key key)
{
	uint64_t hash = key_hash(m, cls, key);
	unsigned char *chain = map_chain(m, hash);

	bucket_prefetch(m, chain);
	return chain_find(m, cls, key, hash_top(hash), chain);
}

MAP_INLINE void *map_find(const struct gor_map_head *m, unsigned cls, struct map_key key)
{
	struct map_slot slot;

	if (m == NULL || m->count == 0)
		return NULL;
	map_check_idle(m, "concurrent map read and map write");
	slot = map_find_slot(m, cls, key);
	return slot.bucket != NULL ? slot_value(m, slot.bucket, slot.index) : NULL;
}

GOR_API void *gor_map_raw_find(const struct gor_map_head *m, const void *key)
{
	return map_find(m, GOR_MAP_GENERIC, (struct map_key){.bytes = key});
}

GOR_API void *gor_map_raw_find32(const struct gor_map_head *m, uint32_t key)
{
	return map_find(m, GOR_MAP_WORD32, (struct map_key){.word = key});
}

GOR_API void *gor_map_raw_find64(const struct gor_map_head *m, uint64_t key)
{
	return map_find(m, GOR_MAP_WORD64, (struct map_key){.word = key});
}

GOR_API void *gor_map_raw_find_string(const struct gor_map_head *m, gor_string key)
{
	return map_find(m, GOR_MAP_STRING, (struct map_key){.text = key});
}

/* ---- assign --------------------------------------------------------------------------------- */

/* What a search for writing comes back with. */
struct map_place {
	struct map_slot slot; /* the entry, or the first empty slot; bucket NULL if none */
	unsigned char *last;  /* last bucket of the chain, when there is no slot */
	bool found;           /* slot is the entry */
};

MAP_INLINE struct map_place chain_place(const struct gor_map_head *m, unsigned cls, struct map_key key,
					uint8_t top, unsigned char *bucket)
{
	struct map_place place = {{NULL, 0}, bucket, false};

	for (;;) {
		uint64_t tops = bucket_tops(bucket);
		uint64_t bits;

		for (bits = tops_matching(tops, top); bits != 0; bits &= bits - 1) {
			unsigned i = lowest_slot(bits);

			if (!key_equals(m, cls, key, slot_key(m, cls, bucket, i)))
				continue;
			place.slot = (struct map_slot){bucket, i};
			place.found = true;
			return place;
		}
		bits = tops_empty(tops);
		if (bits != 0 && place.slot.bucket == NULL)
			place.slot = (struct map_slot){bucket, lowest_slot(bits)};
		place.last = bucket;
		if (tops_end_chain(tops))
			return place;
		bucket = bucket_next(m, bucket);
		if (bucket == NULL)
			return place;
	}
}

MAP_INLINE struct map_place map_place(struct gor_map_head *m, unsigned cls, struct map_key key, uint64_t hash)
{
	for (;;) {
		struct map_place place;
		unsigned char *chain;

		if (GOR_UNLIKELY(m->old_buckets != NULL))
			map_grow_work(m, cls, hash);
		chain = bucket_at(m, m->buckets, hash & map_mask(m));
		bucket_prefetch(m, chain);
		place = chain_place(m, cls, key, hash_top(hash), chain);
		if (place.found || m->old_buckets != NULL)
			return place;
		if (GOR_LIKELY(!map_overloaded(m->count + 1, m->log2_buckets) && !map_sparse(m)))
			return place;
		map_start_growth(m);
	}
}

MAP_INLINE void *map_assign(struct gor_map_head *m, unsigned cls, struct map_key key)
{
	struct map_place place;
	uint64_t hash;

	if (GOR_UNLIKELY(m == NULL))
		gor_panic("assignment to entry in nil map");
	map_check_idle(m, "concurrent map writes");
	/* before the flag is set: a user's hash may panic, and the map must then be usable */
	hash = key_hash(m, cls, key);
	map_begin_write(m);
	if (GOR_UNLIKELY(m->buckets == NULL))
		m->buckets = table_new(m, 0);
	place = map_place(m, cls, key, hash);
	if (!place.found) {
		if (GOR_UNLIKELY(place.slot.bucket == NULL))
			place.slot.bucket = map_add_overflow(m, place.last);
		place.slot.bucket[place.slot.index] = hash_top(hash);
		key_store(m, cls, key, slot_key(m, cls, place.slot.bucket, place.slot.index));
		m->count++;
	}
	map_end_write(m);
	return slot_value(m, place.slot.bucket, place.slot.index);
}

GOR_API void *gor_map_raw_assign(struct gor_map_head *m, const void *key)
{
	return map_assign(m, GOR_MAP_GENERIC, (struct map_key){.bytes = key});
}

GOR_API void *gor_map_raw_assign32(struct gor_map_head *m, uint32_t key)
{
	return map_assign(m, GOR_MAP_WORD32, (struct map_key){.word = key});
}

GOR_API void *gor_map_raw_assign64(struct gor_map_head *m, uint64_t key)
{
	return map_assign(m, GOR_MAP_WORD64, (struct map_key){.word = key});
}

GOR_API void *gor_map_raw_assign_string(struct gor_map_head *m, gor_string key)
{
	return map_assign(m, GOR_MAP_STRING, (struct map_key){.text = key});
}

/* ---- delete --------------------------------------------------------------------------------- */

/* Whether nothing follows slot i in its chain. */
MAP_INLINE bool slot_is_last(const struct gor_map_head *m, const unsigned char *bucket, unsigned i)
{
	const unsigned char *next;

	if (i < MAP_SLOTS - 1)
		return bucket[i + 1] == GORI_MAP_TOP_EMPTY_REST;
	next = bucket_next(m, bucket);
	return next == NULL || next[0] == GORI_MAP_TOP_EMPTY_REST;
}

/* Turns the run of empty slots that ends in `slot`, the chain's last, into EMPTY_REST. */
static void chain_trim(const struct gor_map_head *m, unsigned char *first, struct map_slot slot)
{
	for (;;) {
		slot.bucket[slot.index] = GORI_MAP_TOP_EMPTY_REST;
		if (slot.index > 0) {
			slot.index--;
		} else {
			unsigned char *prev = first;

			if (slot.bucket == first)
				return;
			while (bucket_next(m, prev) != slot.bucket)
				prev = bucket_next(m, prev);
			slot = (struct map_slot){prev, MAP_SLOTS - 1};
		}
		if (slot.bucket[slot.index] != GORI_MAP_TOP_EMPTY_ONE)
			return;
	}
}

MAP_INLINE bool map_delete(struct gor_map_head *m, unsigned cls, struct map_key key)
{
	unsigned char *first;
	struct map_slot slot;
	uint64_t hash = key_hash(m, cls, key);

	map_begin_write(m);
	if (GOR_UNLIKELY(m->old_buckets != NULL))
		map_grow_work(m, cls, hash);
	first = bucket_at(m, m->buckets, hash & map_mask(m));
	bucket_prefetch(m, first);
	slot = chain_find(m, cls, key, hash_top(hash), first);
	if (slot.bucket != NULL) {
		/* the key too: a leak analysis should not take it for a reference */
		memset(slot_key(m, cls, slot.bucket, slot.index), 0, key_size(m, cls));
		memset(slot_value(m, slot.bucket, slot.index), 0, m->value_size);
		slot.bucket[slot.index] = GORI_MAP_TOP_EMPTY_ONE;
		if (slot_is_last(m, slot.bucket, slot.index))
			chain_trim(m, first, slot);
		if (--m->count == 0)
			m->seed = gori_hash_random();
	}
	map_end_write(m);
	return slot.bucket != NULL;
}

GOR_API bool gor_map_raw_delete(struct gor_map_head *m, const void *key)
{
	if (m == NULL || m->count == 0)
		return false;
	map_check_idle(m, "concurrent map writes");
	switch (m->type->key_class) {
	case GOR_MAP_WORD32:
		return map_delete(m, GOR_MAP_WORD32, key_load(GOR_MAP_WORD32, key));
	case GOR_MAP_WORD64:
		return map_delete(m, GOR_MAP_WORD64, key_load(GOR_MAP_WORD64, key));
	case GOR_MAP_STRING:
		return map_delete(m, GOR_MAP_STRING, key_load(GOR_MAP_STRING, key));
	default:
		return map_delete(m, GOR_MAP_GENERIC, key_load(GOR_MAP_GENERIC, key));
	}
}

/* ---- iterate -------------------------------------------------------------------------------- */

#define ANY_BUCKET UINT64_MAX

/* The class is a variable here: iterations look keys up only after the map has grown. */
static struct map_slot map_relookup(const struct gor_map_head *m, const unsigned char *at)
{
	switch (m->type->key_class) {
	case GOR_MAP_WORD32:
		return map_find_slot(m, GOR_MAP_WORD32, key_load(GOR_MAP_WORD32, at));
	case GOR_MAP_WORD64:
		return map_find_slot(m, GOR_MAP_WORD64, key_load(GOR_MAP_WORD64, at));
	case GOR_MAP_STRING:
		return map_find_slot(m, GOR_MAP_STRING, key_load(GOR_MAP_STRING, at));
	default:
		return map_find_slot(m, GOR_MAP_GENERIC, key_load(GOR_MAP_GENERIC, at));
	}
}

GOR_API void gor_map_cursor_begin(struct gor_map_cursor *cursor, const struct gor_map_head *m)
{
	uint64_t random;

	*cursor = (struct gor_map_cursor){.only_bucket = ANY_BUCKET};
	if (m == NULL || m->count == 0)
		return;
	map_check_idle(m, "concurrent map iteration and map write");
	random = gori_hash_random();
	cursor->map = m;
	cursor->seed = m->seed;
	cursor->table = table_get(m->buckets);
	cursor->log2_buckets = m->log2_buckets;
	cursor->start_bucket = cursor->next_bucket = random & map_mask(m);
	cursor->offset = (uint8_t)(random >> 61);
}

GOR_API void gor_map_iter_end(void *iter)
{
	struct gor_map_cursor *cursor = iter;

	table_put(cursor->table);
	table_put(cursor->old_table);
	cursor->map = NULL;
	cursor->table = cursor->old_table = NULL;
	cursor->chain = NULL;
}

/*
 * Enters the next chain.  While the table of the iteration is still being filled from an older one,
 * what belongs in this chain may be in the old chain that has yet to move: walk that instead, and
 * take from it only what will move here.
 */
static bool cursor_next_chain(struct gor_map_cursor *cursor)
{
	const struct gor_map_head *m = cursor->map;
	uint64_t index = cursor->next_bucket;
	unsigned char *chain = bucket_at(m, cursor->table, index);

	if (cursor->wrapped && index == cursor->start_bucket)
		return false;
	cursor->only_bucket = ANY_BUCKET;
	if (m->old_buckets != NULL && cursor->log2_buckets == m->log2_buckets) {
		unsigned char *old = bucket_at(m, m->old_buckets, index & map_old_mask(m));

		if (!bucket_moved(old)) {
			if (cursor->old_table != m->old_buckets) {
				table_put(cursor->old_table);
				cursor->old_table = table_get(m->old_buckets);
			}
			chain = old;
			/* decided now: by the next turn another growth may be under way */
			if (!(m->flags & GORI_MAP_SAME_SIZE))
				cursor->only_bucket = index;
		}
	}
	cursor->chain = chain;
	cursor->slot = 0;
	cursor->next_bucket = index + 1;
	if (cursor->next_bucket == 1ULL << cursor->log2_buckets) {
		cursor->next_bucket = 0;
		cursor->wrapped = 1;
	}
	return true;
}

/* Whether the entry in an old slot belongs in the chain that the iteration is at. */
static bool cursor_wants(const struct gor_map_cursor *cursor, const unsigned char *key, uint8_t top)
{
	const struct gor_map_head *m = cursor->map;
	unsigned cls = m->type->key_class;
	uint64_t mask = (1ULL << cursor->log2_buckets) - 1;

	if (cursor->only_bucket == ANY_BUCKET)
		return true;
	/* repeats move_choose */
	if (!key_reflexive(m, cls, key))
		return cursor->only_bucket >> (cursor->log2_buckets - 1) == (top & 1);
	return (key_hash(m, cls, key_load(cls, key)) & mask) == cursor->only_bucket;
}

/* Makes slot i the current entry, if there is one and it is still in the map. */
static bool cursor_take(struct gor_map_cursor *cursor, unsigned i)
{
	const struct gor_map_head *m = cursor->map;
	unsigned cls = m->type->key_class;
	uint8_t top = cursor->chain[i];
	const unsigned char *key = slot_key(m, cls, cursor->chain, i);
	struct map_slot slot = {cursor->chain, i};

	if (top <= GORI_MAP_TOP_EMPTY_ONE || top == GORI_MAP_TOP_MOVED_EMPTY)
		return false;
	if (!cursor_wants(cursor, key, top))
		return false;
	/* it moved, and may have been changed or deleted since; but nothing can do that to a NaN */
	if (top < GORI_MAP_TOP_MIN && key_reflexive(m, cls, key)) {
		slot = map_relookup(m, key);
		if (slot.bucket == NULL)
			return false;
	}
	cursor->key = slot_key(m, cls, slot.bucket, slot.index);
	cursor->value = slot_value(m, slot.bucket, slot.index);
	return true;
}

GOR_API bool gor_map_cursor_next(struct gor_map_cursor *cursor)
{
	const struct gor_map_head *m = cursor->map;

	if (m == NULL)
		return false;
	map_check_idle(m, "concurrent map iteration and map write");
	while (cursor->seed == m->seed) {
		if (cursor->chain == NULL && !cursor_next_chain(cursor))
			break;
		while (cursor->slot < MAP_SLOTS) {
			unsigned i = (cursor->slot++ + cursor->offset) % MAP_SLOTS;

			if (cursor_take(cursor, i))
				return true;
		}
		cursor->chain = bucket_next(m, cursor->chain);
		cursor->slot = 0;
	}
	gor_map_iter_end(cursor);
	return false;
}
