/* SPDX-License-Identifier: MIT */
#ifndef GORGON_MAP_H
#define GORGON_MAP_H
/*
 * What: gor_map(K, V), a hash map typed at compile time.  The semantics are those of the Go
 * specification ("Map types", "Index expressions", "Deletion of map elements", "For statements with
 * range clause") and of Go's runtime where it reports misuse.
 *
 *	GOR_MAP_TYPE(int, double);                once per pair, at file scope; one word each
 *	GOR_MAP_TYPE_NAMED(ages, char *, int);    for more words: gor_map_named(ages)
 *
 *	gor_map(int, double) m = gor_map_make(int, double);
 *	gor_map_set(m, 7, 0.5);
 *	double d;
 *	if (gor_map_get(m, 7, &d)) ...
 *	gor_map_each(it, m) printf("%d %g\n", it.key, it.value);
 *	gor_map_free(m);
 *
 * A map is a pointer; NULL is Go's nil map, which reads as empty and panics when written.
 *
 * Keys.  Integers, enums and pointers are equal when their bits are, gor_strings when their texts
 * are, float and double as == says (NaN is never found again, +0 is -0).  Structs are rejected at
 * compile time, because padding bytes would take part: use GOR_MAP_TYPE_HASHED with your own hash
 * and comparison, or GOR_MAP_TYPE_BYTES when the struct has no padding (checked by the compiler in
 * C++, at gor_map_make in C with gcc).  A char * key is a pointer; take gor_string for texts.
 *
 * Memory.  The map owns copies of keys and values, but not what they point to: the text of a
 * gor_string key must live as long as the entry.  Setting an existing entry keeps its old key.
 *
 * Goroutines.  Many may read at once; a write must be alone.  Violations that are noticed are fatal
 * errors: "concurrent map writes", "concurrent map read and map write", "concurrent map iteration
 * and map write".
 *
 * Arguments are evaluated once.  K and V must be copyable by memcpy and aligned to at most 16.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/string.h>

GOR_BEGIN_DECLS

/* How keys are hashed and compared; fixed when the type is declared. */
enum gor_map_class {
	GOR_MAP_GENERIC = 1, /* by the functions in the descriptor */
	GOR_MAP_WORD32 = 2,  /* 4 bytes, compared as an integer */
	GOR_MAP_WORD64 = 3,  /* 8 bytes, compared as an integer */
	GOR_MAP_STRING = 4   /* gor_string */
};

/* Describes one map type.  Constant, in the program's read-only data. */
struct gor_map_type {
	const char *name;       /* "map[K]V" */
	const char *key_name;   /* K as written */
	const char *value_name; /* V as written */
	uint64_t (*hash)(const void *key, size_t size, uint64_t seed);
	bool (*equal)(const void *a, const void *b, size_t size);
	uint32_t key_size;
	uint32_t value_size;
	uint32_t keys_offset; /* offsets in a bucket */
	uint32_t values_offset;
	uint32_t overflow_offset;
	uint32_t bucket_size;
	uint32_t key_class; /* enum gor_map_class */
	uint32_t reserved;
};

/* What a map pointer leads to.  Private: layout for debuggers, not for programs. */
#define GORI_MAP_FIELDS(type_t, bucket_t)                                                          \
	uint64_t count; /* entries */                                                              \
	type_t *type;                                                                              \
	uint64_t seed;                                                                             \
	bucket_t *buckets;     /* 1 << log2_buckets */                                             \
	bucket_t *old_buckets; /* being emptied, or NULL */                                        \
	uint32_t bucket_size;                                                                      \
	uint32_t value_size;                                                                       \
	uint32_t values_offset;                                                                    \
	uint8_t flags;                                                                             \
	uint8_t log2_buckets;                                                                      \
	uint16_t reserved;                                                                         \
	uint64_t moved;                                                                            \
	uint64_t overflows;

struct gor_map_head {
	GORI_MAP_FIELDS(const struct gor_map_type, void)
};

/* Where an iteration stands.  Private. */
struct gor_map_cursor {
	const struct gor_map_head *map; /* NULL once it has ended */
	const void *key;                /* of the current entry */
	const void *value;
	uint64_t seed;        /* of the map at the start; another one means it was emptied since */
	void *table;          /* the table at the start, kept alive by this cursor */
	void *old_table;      /* the old table last walked, likewise; NULL if none */
	unsigned char *chain; /* bucket being walked; NULL between buckets */
	uint64_t next_bucket;
	uint64_t start_bucket;
	uint64_t only_bucket; /* skip entries that will not move there; UINT64_MAX: skip none */
	uint8_t slot;         /* turns taken in this bucket */
	uint8_t offset;       /* slot that each bucket starts with */
	uint8_t log2_buckets; /* of table */
	uint8_t wrapped;      /* went past the last bucket */
};

/* The functions under the macros.  A value's address is valid until the next write. */
GOR_API struct gor_map_head *gor_map_raw_make(const struct gor_map_type *type, size_t hint);
GOR_API void *gor_map_raw_find(const struct gor_map_head *m, const void *key);
GOR_API void *gor_map_raw_find32(const struct gor_map_head *m, uint32_t key);
GOR_API void *gor_map_raw_find64(const struct gor_map_head *m, uint64_t key);
GOR_API void *gor_map_raw_find_string(const struct gor_map_head *m, gor_string key);
GOR_API void *gor_map_raw_assign(struct gor_map_head *m, const void *key);
GOR_API void *gor_map_raw_assign32(struct gor_map_head *m, uint32_t key);
GOR_API void *gor_map_raw_assign64(struct gor_map_head *m, uint64_t key);
GOR_API void *gor_map_raw_assign_string(struct gor_map_head *m, gor_string key);
GOR_API bool gor_map_raw_delete(struct gor_map_head *m, const void *key);
GOR_API void gor_map_cursor_begin(struct gor_map_cursor *cursor, const struct gor_map_head *m);
GOR_API bool gor_map_cursor_next(struct gor_map_cursor *cursor);
GOR_NORETURN GOR_API void gor_map_panic_padding(const char *key_name);

/* Ready-made hashes for descriptors. */
GOR_API uint64_t gor_map_hash_bytes(const void *key, size_t size, uint64_t seed);
GOR_API uint64_t gor_map_hash_float(const void *key, size_t size, uint64_t seed);
GOR_API bool gor_map_equal_bytes(const void *a, const void *b, size_t size);
GOR_API bool gor_map_equal_float(const void *a, const void *b, size_t size);

/* Removes all entries, as Go's clear does; NULL is ignored.  Keeps the room they had. */
GOR_API void gor_map_clear(void *map);

/* Gives the map's memory back; NULL is ignored. */
GOR_API void gor_map_free(void *map);

/* Ends an iteration early, takes the address of any gor_map_iter; can be deferred. */
GOR_API void gor_map_iter_end(void *iter);

GOR_END_DECLS

/* Entries of any map; 0 for NULL. */
static inline size_t gor_map_len(const void *map)
{
	return map != NULL ? (size_t)((const struct gor_map_head *)map)->count : 0;
}

/* cls is a constant wherever this is used, so one call remains. */
__attribute__((always_inline)) static inline void *gori_map_find(const struct gor_map_head *m,
								 const void *key, size_t cls)
{
	uint32_t word32;
	uint64_t word64;
	gor_string text;

	switch (cls) {
	case GOR_MAP_WORD32:
		__builtin_memcpy(&word32, key, sizeof(word32));
		return gor_map_raw_find32(m, word32);
	case GOR_MAP_WORD64:
		__builtin_memcpy(&word64, key, sizeof(word64));
		return gor_map_raw_find64(m, word64);
	case GOR_MAP_STRING:
		__builtin_memcpy(&text, key, sizeof(text));
		return gor_map_raw_find_string(m, text);
	default:
		return gor_map_raw_find(m, key);
	}
}

__attribute__((always_inline)) static inline void *gori_map_assign(struct gor_map_head *m,
								   const void *key, size_t cls)
{
	uint32_t word32;
	uint64_t word64;
	gor_string text;

	switch (cls) {
	case GOR_MAP_WORD32:
		__builtin_memcpy(&word32, key, sizeof(word32));
		return gor_map_raw_assign32(m, word32);
	case GOR_MAP_WORD64:
		__builtin_memcpy(&word64, key, sizeof(word64));
		return gor_map_raw_assign64(m, word64);
	case GOR_MAP_STRING:
		__builtin_memcpy(&text, key, sizeof(text));
		return gor_map_raw_assign_string(m, text);
	default:
		return gor_map_raw_assign(m, key);
	}
}

/* ---- choosing the class of a key at compile time -------------------------------------------- */

#ifdef __cplusplus
#define GORI_MAP_IS_STRING(K) __is_same(__typeof__(K), gor_string)
#define GORI_MAP_COPYABLE(T) __is_trivially_copyable(__typeof__(T))
#else
#define GORI_MAP_IS_STRING(K) __builtin_types_compatible_p(__typeof__(K), gor_string)
#define GORI_MAP_COPYABLE(T) 1
#endif

/* gcc's type classes: 1 to 5 are integer, character, enum, bool and pointer, 8 is floating. */
#define GORI_MAP_KIND(K) __builtin_classify_type(*(__typeof__(K) *)0)
#define GORI_MAP_IS_WORD(K) (GORI_MAP_KIND(K) >= 1 && GORI_MAP_KIND(K) <= 5)
#define GORI_MAP_IS_FLOAT(K) (GORI_MAP_KIND(K) == 8 && sizeof(__typeof__(K)) <= 8)
#define GORI_MAP_HAS_SIZE(K, n) (GORI_MAP_IS_WORD(K) && sizeof(__typeof__(K)) == (n))
#define GORI_MAP_CLASS(K)                                                                          \
	(GORI_MAP_IS_STRING(K)     ? GOR_MAP_STRING                                                \
	 : GORI_MAP_HAS_SIZE(K, 8) ? GOR_MAP_WORD64                                                \
	 : GORI_MAP_HAS_SIZE(K, 4) ? GOR_MAP_WORD32                                                \
				   : GOR_MAP_GENERIC)

/* ---- declaring a map type ------------------------------------------------------------------- */

#define GORI_MAP_NAME(K, V) GORI_MAP_NAME_(K, V)
#define GORI_MAP_NAME_(K, V) K##_##V

#define GOR_MAP_TYPE(K, V) GORI_MAP_CHECKED(GORI_MAP_NAME(K, V), K, V, #K, #V)
#define GOR_MAP_TYPE_NAMED(name, K, V) GORI_MAP_CHECKED(name, K, V, #K, #V)
#define GORI_MAP_CHECKED(name, K, V, kname, vname)                                                 \
	GORI_MAP_DECLARE(name, K, V, kname, vname, GORI_MAP_CLASS(K),                              \
			 GORI_MAP_IS_FLOAT(K) ? gor_map_hash_float : gor_map_hash_bytes,           \
			 GORI_MAP_IS_FLOAT(K) ? gor_map_equal_float : gor_map_equal_bytes, );      \
	GORI_VALUE_ASSERT(GORI_MAP_IS_STRING(K) || GORI_MAP_IS_WORD(K) || GORI_MAP_IS_FLOAT(K),    \
			  "use GOR_MAP_TYPE_HASHED or GOR_MAP_TYPE_BYTES for keys of this type")

/*
 * Keys of any type, with the user's functions
 *	uint64_t hash(const K *key, uint64_t seed);   may ignore the seed, and may be a weak hash
 *	bool equal(const K *a, const K *b);
 * Keys that are equal must have the same hash.
 */
#define GOR_MAP_TYPE_HASHED(name, K, V, hash_fn, equal_fn)                                         \
	__attribute__((unused)) static inline uint64_t GORI_VALUE_CAT(gor_map_hash_, name)(        \
		const void *k, size_t n, uint64_t seed)                                            \
	{                                                                                          \
		(void)n;                                                                           \
		return hash_fn((const __typeof__(K) *)k, seed);                                    \
	}                                                                                          \
	__attribute__((unused)) static inline bool GORI_VALUE_CAT(gor_map_equal_, name)(           \
		const void *a, const void *b, size_t n)                                            \
	{                                                                                          \
		(void)n;                                                                           \
		return equal_fn((const __typeof__(K) *)a, (const __typeof__(K) *)b);               \
	}                                                                                          \
	GORI_MAP_DECLARE(name, K, V, #K, #V, GOR_MAP_GENERIC, GORI_VALUE_CAT(gor_map_hash_, name), \
			 GORI_VALUE_CAT(gor_map_equal_, name), )

/* Keys that are equal when all their bytes are: structs without padding. */
#define GOR_MAP_TYPE_BYTES(name, K, V)                                                             \
	GORI_MAP_DECLARE(name, K, V, #K, #V, GOR_MAP_GENERIC, gor_map_hash_bytes,                  \
			 gor_map_equal_bytes, GORI_MAP_PROBE(K, #K));                              \
	GORI_VALUE_ASSERT(GORI_MAP_UNPADDED(K), "a key with padding needs GOR_MAP_TYPE_HASHED")

#ifdef __cplusplus
#define GORI_MAP_UNPADDED(K) __has_unique_object_representations(__typeof__(K))
#define GORI_MAP_PROBE(K, kname)
#else
#define GORI_MAP_UNPADDED(K) 1
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
/* Sets every byte, has the compiler clear the padding, and looks for what it cleared. */
#define GORI_MAP_PROBE(K, kname)                                                                   \
	{                                                                                          \
		__typeof__(K) probe;                                                               \
		size_t i;                                                                          \
		__builtin_memset(&probe, 0xff, sizeof(probe));                                     \
		__builtin_clear_padding(&probe);                                                   \
		for (i = 0; i < sizeof(probe); i++)                                                \
			if (((const unsigned char *)&probe)[i] != 0xff)                            \
				gor_map_panic_padding(kname);                                      \
	}
#endif
#endif
#ifndef GORI_MAP_PROBE
#define GORI_MAP_PROBE(K, kname)
#endif
#endif

/*
 * The types of one map.  The tag carries two facts that macros read back from a map expression, and
 * that no code loads: the class of the key, as a size, and the type of the iterator.
 */
#define GORI_MAP_DECLARE(name, K, V, kname, vname, cls, hash_fn, equal_fn, probe)                  \
	GORI_MAP_DECLARE_(name, K, V, kname, vname, cls, hash_fn, equal_fn, probe)
#define GORI_MAP_DECLARE_(name, K, V, kname, vname, cls, hash_fn, equal_fn, probe)                 \
	struct gor_map_bucket_##name {                                                             \
		uint8_t tops[8];                                                                   \
		__typeof__(K) keys[8];                                                             \
		__typeof__(V) values[8];                                                           \
		struct gor_map_bucket_##name *overflow;                                            \
	};                                                                                         \
	struct gor_map_iter_##name {                                                               \
		struct gor_map_cursor cursor; /* private */                                        \
		__typeof__(K) key;            /* copies of the current entry */                    \
		__typeof__(V) value;                                                               \
	};                                                                                         \
	struct gor_map_type_##name {                                                               \
		struct gor_map_type common;                                                        \
		union {                                                                            \
			unsigned char key_class[cls];                                              \
			struct gor_map_iter_##name *iter;                                          \
		} tag;                                                                             \
	};                                                                                         \
	struct gor_map_##name {                                                                    \
		GORI_MAP_FIELDS(const struct gor_map_type_##name, struct gor_map_bucket_##name)    \
	};                                                                                         \
	__attribute__((unused)) static const struct gor_map_type_##name gor_map_type_of_##name = { \
		{"map[" kname "]" vname, kname, vname, hash_fn, equal_fn,                          \
		 (uint32_t)sizeof(__typeof__(K)), (uint32_t)sizeof(__typeof__(V)),                 \
		 (uint32_t)offsetof(struct gor_map_bucket_##name, keys),                           \
		 (uint32_t)offsetof(struct gor_map_bucket_##name, values),                         \
		 (uint32_t)offsetof(struct gor_map_bucket_##name, overflow),                       \
		 (uint32_t)sizeof(struct gor_map_bucket_##name), (cls), 0},                        \
		{{0}}};                                                                            \
	__attribute__((unused)) static inline struct gor_map_##name *gor_map_make_##name(          \
		size_t hint)                                                                       \
	{                                                                                          \
		probe;                                                                             \
		return (struct gor_map_##name *)(void *)gor_map_raw_make(                          \
			&gor_map_type_of_##name.common, hint);                                     \
	}                                                                                          \
	GORI_VALUE_ASSERT(GORI_MAP_COPYABLE(K) && GORI_MAP_COPYABLE(V) &&                          \
				  __alignof__(struct gor_map_bucket_##name) <= 16,                 \
			  "keys and values must be copyable by memcpy and aligned to at most 16")

/* ---- using a map ---------------------------------------------------------------------------- */

#define gor_map(K, V) struct GORI_VALUE_CAT(gor_map_, GORI_MAP_NAME(K, V)) *
#define gor_map_named(name) struct GORI_VALUE_CAT(gor_map_, name) *

/* An empty map; the hint is for how many entries to make room at once. */
#define gor_map_make(K, V) GORI_VALUE_CAT(gor_map_make_, GORI_MAP_NAME(K, V))(0)
#define gor_map_make_hint(K, V, hint) GORI_VALUE_CAT(gor_map_make_, GORI_MAP_NAME(K, V))(hint)
#define gor_map_make_named(name) GORI_VALUE_CAT(gor_map_make_, name)(0)
#define gor_map_make_named_hint(name, hint) GORI_VALUE_CAT(gor_map_make_, name)(hint)

#define GORI_MAP_KEY(m) __typeof__((m)->buckets->keys[0])
#define GORI_MAP_VALUE(m) __typeof__((m)->buckets->values[0])
#define GORI_MAP_FIND(m, key)                                                                      \
	((GORI_MAP_VALUE(m) *)gori_map_find((const struct gor_map_head *)(const void *)(m), (key), \
					    sizeof((m)->type->tag.key_class)))
#define GORI_MAP_ASSIGN(m, key)                                                                    \
	((GORI_MAP_VALUE(m) *)gori_map_assign((struct gor_map_head *)(void *)(m), (key),           \
					      sizeof((m)->type->tag.key_class)))

/* value, ok := m[k]: copies the value to *ret_value, or a zero value; ret_value may be NULL. */
#define gor_map_get(m, k, ret_value) GORI_MAP_GET(__COUNTER__, m, k, ret_value)
#define GORI_MAP_GET(id, m, k, ret) GORI_MAP_GET_(id, m, k, ret)
#define GORI_MAP_GET_(id, m, k, ret)                                                               \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_m##id = (m);                                                  \
		GORI_MAP_KEY(gori_m##id) gori_k##id = (k);                                         \
		GORI_MAP_VALUE(gori_m##id) *gori_r##id = (ret);                                    \
		GORI_MAP_VALUE(gori_m##id) *gori_v##id = GORI_MAP_FIND(gori_m##id, &gori_k##id);   \
		if (gori_r##id != NULL && gori_v##id != NULL)                                      \
			*gori_r##id = *gori_v##id;                                                 \
		else if (gori_r##id != NULL)                                                       \
			__builtin_memset((void *)gori_r##id, 0, sizeof(*gori_r##id));              \
		gori_v##id != NULL;                                                                \
	}))

/* m[k]: the value, or a zero value. */
#define gor_map_at(m, k) GORI_MAP_AT(__COUNTER__, m, k)
#define GORI_MAP_AT(id, m, k) GORI_MAP_AT_(id, m, k)
#define GORI_MAP_AT_(id, m, k)                                                                     \
	(__extension__({                                                                           \
		GORI_MAP_VALUE(m) gori_a##id;                                                      \
		(void)gor_map_get(m, k, &gori_a##id);                                              \
		gori_a##id;                                                                        \
	}))

/* Whether there is an entry. */
#define gor_map_has(m, k) (gor_map_find(m, k) != NULL)

/* Address of the value in the map, or NULL; dead after the next write. */
#define gor_map_find(m, k) GORI_MAP_LOOK(__COUNTER__, m, k)
#define GORI_MAP_LOOK(id, m, k) GORI_MAP_LOOK_(id, m, k)
#define GORI_MAP_LOOK_(id, m, k)                                                                   \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_m##id = (m);                                                  \
		GORI_MAP_KEY(gori_m##id) gori_k##id = (k);                                         \
		GORI_MAP_FIND(gori_m##id, &gori_k##id);                                            \
	}))

/* m[k] = value; the value may be {1, 2}.  Panics when m is NULL. */
#define gor_map_set(m, k, ...) GORI_MAP_SET(__COUNTER__, m, k, __VA_ARGS__)
#define GORI_MAP_SET(id, m, k, ...) GORI_MAP_SET_(id, m, k, __VA_ARGS__)
#define GORI_MAP_SET_(id, m, k, ...)                                                               \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_m##id = (m);                                                  \
		GORI_MAP_KEY(gori_m##id) gori_k##id = (k);                                         \
		GORI_MAP_VALUE(gori_m##id) gori_v##id = __VA_ARGS__;                               \
		*GORI_MAP_ASSIGN(gori_m##id, &gori_k##id) = gori_v##id;                            \
	}))

/* Address of the value, added as zero if there was none: (*gor_map_ref(m, word))++. */
#define gor_map_ref(m, k) GORI_MAP_REF(__COUNTER__, m, k)
#define GORI_MAP_REF(id, m, k) GORI_MAP_REF_(id, m, k)
#define GORI_MAP_REF_(id, m, k)                                                                    \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_m##id = (m);                                                  \
		GORI_MAP_KEY(gori_m##id) gori_k##id = (k);                                         \
		GORI_MAP_ASSIGN(gori_m##id, &gori_k##id);                                          \
	}))

/* delete(m, k); true if there was an entry.  Does nothing when m is NULL. */
#define gor_map_delete(m, k) GORI_MAP_DELETE(__COUNTER__, m, k)
#define GORI_MAP_DELETE(id, m, k) GORI_MAP_DELETE_(id, m, k)
#define GORI_MAP_DELETE_(id, m, k)                                                                 \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_m##id = (m);                                                  \
		GORI_MAP_KEY(gori_m##id) gori_k##id = (k);                                         \
		gor_map_raw_delete((struct gor_map_head *)(void *)gori_m##id, &gori_k##id);        \
	}))

/* ---- iterating ------------------------------------------------------------------------------ */

/*
 * for it.key, it.value := range m, in random order.  The body may write to the map, as in Go: an
 * entry deleted before it is reached is not seen, an entry added may be seen or not, no entry is
 * seen twice.  it.key and it.value are copies.  Leaving the loop by any means but longjmp, or a
 * panic recovered further out, ends the iteration; in these two cases memory of the map may be
 * lost.
 */
#define gor_map_each(it, m)                                                                        \
	for (__typeof__(*(m)->type->tag.iter) it                                                   \
	     __attribute__((cleanup(gor_map_iter_end))) = gor_map_iter_begin(m);                   \
	     gor_map_iter_next(&it);)

/*
 * The same by hand:
 *	gor_map_iter(K, V) it = gor_map_iter_begin(m);
 *	while (gor_map_iter_next(&it)) ...
 *	gor_map_iter_end(&it);                    needed only when left before the last entry
 */
#define gor_map_iter(K, V) struct GORI_VALUE_CAT(gor_map_iter_, GORI_MAP_NAME(K, V))
#define gor_map_iter_named(name) struct GORI_VALUE_CAT(gor_map_iter_, name)

#define gor_map_iter_begin(m) GORI_MAP_BEGIN(__COUNTER__, m)
#define GORI_MAP_BEGIN(id, m) GORI_MAP_BEGIN_(id, m)
#define GORI_MAP_BEGIN_(id, m)                                                                     \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_m##id = (m);                                                  \
		__typeof__(*gori_m##id->type->tag.iter) gori_i##id;                                \
		__builtin_memset((void *)&gori_i##id, 0, sizeof(gori_i##id));                      \
		gor_map_cursor_begin(&gori_i##id.cursor,                                           \
				     (const struct gor_map_head *)(const void *)gori_m##id);       \
		gori_i##id;                                                                        \
	}))

#define gor_map_iter_next(it) GORI_MAP_NEXT(__COUNTER__, it)
#define GORI_MAP_NEXT(id, it) GORI_MAP_NEXT_(id, it)
#define GORI_MAP_NEXT_(id, it)                                                                     \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_i##id = (it);                                                 \
		bool gori_more##id = gor_map_cursor_next(&gori_i##id->cursor);                     \
		if (gori_more##id) {                                                               \
			__builtin_memcpy((void *)&gori_i##id->key, gori_i##id->cursor.key,         \
					 sizeof(gori_i##id->key));                                 \
			__builtin_memcpy((void *)&gori_i##id->value, gori_i##id->cursor.value,     \
					 sizeof(gori_i##id->value));                               \
		}                                                                                  \
		gori_more##id;                                                                     \
	}))

#endif
