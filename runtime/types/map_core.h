/* SPDX-License-Identifier: MIT */
#ifndef GORI_TYPES_MAP_CORE_H
#define GORI_TYPES_MAP_CORE_H
/*
 * What: the parts of a map that every operation needs: where the bytes of a bucket are, how a key
 * of each class is hashed, compared and stored, and how a chain of buckets is searched.
 *
 * How: every function takes the key class as an argument and is inlined into callers that pass a
 * constant, so that the compiler makes one copy per class without a switch in it.  The eight hash
 * bytes of a bucket are one 64-bit word and are compared in one go: the bytes of
 * (word ^ top in every byte) that are zero are the candidates.  Rejected: comparing keys one after
 * another, as Go does for small keys (slower here from the second slot on); SSE2 (needs 16 bytes,
 * a bucket has 8); the template by #include (unreadable in a debugger).
 *
 * Invariants: a bucket whose last byte is EMPTY_REST ends its chain's entries, so its overflow
 * pointer, often on another cache line, need not be read.  Values of unused slots are zero.
 *
 * Locking: none here; see map.c for the misuse detection.
 *
 * Context: any, as long as the map is not being written.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <gorgon/map.h>

#include "abi/types_abi.h"
#include "types/hash.h"

#define MAP_INLINE static inline __attribute__((always_inline))
#define MAP_SLOTS GORI_MAP_SLOTS

#define PREFETCH_LOG2 12

#define BYTES_ONE 0x0101010101010101ULL
#define BYTES_HIGH 0x8080808080808080ULL

/* A key in the form its class wants it. */
struct map_key {
	uint64_t word;     /* WORD32, WORD64 */
	gor_string text;   /* STRING */
	const void *bytes; /* GENERIC: the user's object */
};

/* A slot: where it is, and where its key and value are. */
struct map_slot {
	unsigned char *bucket; /* NULL: no such slot */
	unsigned index;
};

/* ---- a bucket ------------------------------------------------------------------------------- */

MAP_INLINE uint64_t bucket_tops(const unsigned char *bucket)
{
	return gori_load64(bucket);
}

MAP_INLINE unsigned char *bucket_next(const struct gor_map_head *m, const unsigned char *bucket)
{
	unsigned char *next;

	memcpy(&next, bucket + m->type->overflow_offset, sizeof(next));
	return next;
}

MAP_INLINE void bucket_set_next(const struct gor_map_head *m, unsigned char *bucket,
				unsigned char *next)
{
	memcpy(bucket + m->type->overflow_offset, &next, sizeof(next));
}

MAP_INLINE unsigned char *bucket_at(const struct gor_map_head *m, const void *buckets, uint64_t i)
{
	return (unsigned char *)(uintptr_t)buckets + i * m->bucket_size;
}

/* Whether the entries of an old bucket have gone to the new table. */
MAP_INLINE bool bucket_moved(const unsigned char *bucket)
{
	return bucket[0] > GORI_MAP_TOP_EMPTY_ONE && bucket[0] < GORI_MAP_TOP_MIN;
}

/* The high bit of each zero byte; bytes above the lowest zero byte may be reported wrongly. */
MAP_INLINE uint64_t zero_bytes(uint64_t word)
{
	return (word - BYTES_ONE) & ~word & BYTES_HIGH;
}

/*
 * Candidates for a hash byte.  One that is reported wrongly differs from it in the lowest bit only,
 * so in a chain that is searched it is a slot in use, whose key will not compare.
 */
MAP_INLINE uint64_t tops_matching(uint64_t tops, uint8_t top)
{
	return zero_bytes(tops ^ top * BYTES_ONE);
}

/* Slots in the state EMPTY_REST or EMPTY_ONE; the lowest bit is right. */
MAP_INLINE uint64_t tops_empty(uint64_t tops)
{
	return zero_bytes(tops & ~BYTES_ONE);
}

MAP_INLINE bool tops_end_chain(uint64_t tops)
{
	return tops >> 56 == GORI_MAP_TOP_EMPTY_REST;
}

MAP_INLINE unsigned lowest_slot(uint64_t bits)
{
	return (unsigned)__builtin_ctzll(bits) / 8;
}

MAP_INLINE uint8_t hash_top(uint64_t hash)
{
	uint8_t top = (uint8_t)(hash >> 56);

	return top < GORI_MAP_TOP_MIN ? (uint8_t)(top + GORI_MAP_TOP_MIN) : top;
}

MAP_INLINE uint64_t map_mask(const struct gor_map_head *m)
{
	return (1ULL << m->log2_buckets) - 1;
}

/* While growing: how many buckets the old table has, less one. */
MAP_INLINE uint64_t map_old_mask(const struct gor_map_head *m)
{
	return m->flags & GORI_MAP_SAME_SIZE ? map_mask(m) : map_mask(m) >> 1;
}

/* ---- keys of each class --------------------------------------------------------------------- */

MAP_INLINE size_t key_size(const struct gor_map_head *m, unsigned cls)
{
	switch (cls) {
	case GOR_MAP_WORD32:
		return 4;
	case GOR_MAP_WORD64:
		return 8;
	case GOR_MAP_STRING:
		return sizeof(gor_string);
	default:
		return m->type->key_size;
	}
}

MAP_INLINE unsigned char *slot_key(const struct gor_map_head *m, unsigned cls,
				   const unsigned char *bucket, unsigned i)
{
	/* with alignments up to 8 the keys follow the hash bytes immediately */
	size_t start = cls == GOR_MAP_GENERIC ? m->type->keys_offset : MAP_SLOTS;

	return (unsigned char *)(uintptr_t)bucket + start + i * key_size(m, cls);
}

MAP_INLINE unsigned char *slot_value(const struct gor_map_head *m, const unsigned char *bucket,
				     unsigned i)
{
	return (unsigned char *)(uintptr_t)bucket + m->values_offset + (size_t)i * m->value_size;
}

MAP_INLINE struct map_key key_load(unsigned cls, const void *at)
{
	struct map_key key = {0, {NULL, 0}, at};

	if (cls == GOR_MAP_WORD32)
		key.word = gori_load32(at);
	else if (cls == GOR_MAP_WORD64)
		key.word = gori_load64(at);
	else if (cls == GOR_MAP_STRING)
		memcpy(&key.text, at, sizeof(key.text));
	return key;
}

MAP_INLINE uint64_t key_hash(const struct gor_map_head *m, unsigned cls, struct map_key key)
{
	switch (cls) {
	case GOR_MAP_WORD32:
	case GOR_MAP_WORD64:
		return gori_hash_word(key.word, m->seed);
	case GOR_MAP_STRING:
		return gori_hash_mem(key.text.ptr, key.text.len, m->seed);
	default:
		/* once more through the mixer: a user's hash may be the identity */
		return gori_hash_word(m->type->hash(key.bytes, m->type->key_size, m->seed),
				      m->seed);
	}
}

/* n equal bytes; short texts without a call. */
MAP_INLINE bool text_equal(const char *a, const char *b, size_t n)
{
	if (n > 16)
		return memcmp(a, b, n) == 0;
	if (n >= 8)
		return ((gori_load64(a) ^ gori_load64(b)) |
			(gori_load64(a + n - 8) ^ gori_load64(b + n - 8))) == 0;
	if (n >= 4)
		return ((gori_load32(a) ^ gori_load32(b)) |
			(gori_load32(a + n - 4) ^ gori_load32(b + n - 4))) == 0;
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

MAP_INLINE bool key_equals(const struct gor_map_head *m, unsigned cls, struct map_key key,
			   const unsigned char *at)
{
	gor_string text;

	switch (cls) {
	case GOR_MAP_WORD32:
		return gori_load32(at) == (uint32_t)key.word;
	case GOR_MAP_WORD64:
		return gori_load64(at) == key.word;
	case GOR_MAP_STRING:
		memcpy(&text, at, sizeof(text));
		return text.len == key.text.len && text_equal(text.ptr, key.text.ptr, text.len);
	default:
		return m->type->equal(key.bytes, at, m->type->key_size);
	}
}

MAP_INLINE void key_store(const struct gor_map_head *m, unsigned cls, struct map_key key,
			  unsigned char *at)
{
	uint32_t word = (uint32_t)key.word;

	switch (cls) {
	case GOR_MAP_WORD32:
		memcpy(at, &word, sizeof(word));
		break;
	case GOR_MAP_WORD64:
		memcpy(at, &key.word, sizeof(key.word));
		break;
	case GOR_MAP_STRING:
		memcpy(at, &key.text, sizeof(key.text));
		break;
	default:
		memcpy(at, key.bytes, m->type->key_size);
	}
}

/* Whether the key equals itself: not so for NaN, which can never be found again. */
MAP_INLINE bool key_reflexive(const struct gor_map_head *m, unsigned cls, const unsigned char *at)
{
	return cls != GOR_MAP_GENERIC || m->type->equal(at, at, m->type->key_size);
}

/*
 * A large table is not in the cache: fetch all lines of the bucket at once, rather than one after
 * the other as hash byte, key and value ask for them.
 */
MAP_INLINE void bucket_prefetch(const struct gor_map_head *m, const unsigned char *bucket)
{
	if (m->log2_buckets < PREFETCH_LOG2)
		return;
	__builtin_prefetch(bucket + 64);
	__builtin_prefetch(bucket + 128);
}

/* ---- searching ------------------------------------------------------------------------------ */

/* The first bucket of the chain where a key of this hash is now. */
MAP_INLINE unsigned char *map_chain(const struct gor_map_head *m, uint64_t hash)
{
	if (GOR_UNLIKELY(m->old_buckets != NULL)) {
		unsigned char *old = bucket_at(m, m->old_buckets, hash & map_old_mask(m));

		if (!bucket_moved(old))
			return old;
	}
	return bucket_at(m, m->buckets, hash & map_mask(m));
}

MAP_INLINE struct map_slot chain_find(const struct gor_map_head *m, unsigned cls,
				      struct map_key key, uint8_t top, unsigned char *bucket)
{
	for (; bucket != NULL; bucket = bucket_next(m, bucket)) {
		uint64_t tops = bucket_tops(bucket);
		uint64_t bits;

		for (bits = tops_matching(tops, top); bits != 0; bits &= bits - 1) {
			unsigned i = lowest_slot(bits);

			if (GOR_LIKELY(key_equals(m, cls, key, slot_key(m, cls, bucket, i))))
				return (struct map_slot){bucket, i};
		}
		if (GOR_LIKELY(tops_end_chain(tops)))
			break;
	}
	return (struct map_slot){NULL, 0};
}

#endif
