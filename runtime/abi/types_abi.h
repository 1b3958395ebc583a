/* SPDX-License-Identifier: MIT */
#ifndef GORI_TYPES_ABI_H
#define GORI_TYPES_ABI_H
/*
 * What: the memory layout of strings, slices, maps, interface values and lists, for a reader that
 * looks at a stopped process from outside.
 *
 * How: plain structs that repeat what the public headers pass by value; the runtime's sources check
 * at compile time that both agree.  All integers are little endian, all pointers 8 bytes.
 *
 * A map is a pointer to struct gori_abi_map, NULL for the nil map.  Its buckets follow each other
 * in one block that begins with struct gori_abi_map_table.  A bucket is
 *
 *	offset 0                uint8_t tops[8]     one state or hash byte per slot
 *	type->keys_offset       K keys[8]
 *	type->values_offset     V values[8]
 *	type->overflow_offset   next bucket of the same chain, or NULL
 *
 * and slot i is in use iff tops[i] >= GORI_MAP_TOP_MIN.  To see every entry exactly once: walk all
 * chains of `buckets`; then, if old_buckets is not NULL, all chains of `old_buckets`, where slots
 * that have moved carry a state below GORI_MAP_TOP_MIN and so skip themselves.
 *
 * Invariants: count is the number of slots in use over both tables.  A slot marked
 * GORI_MAP_TOP_EMPTY_REST has only slots so marked after it in its chain.
 *
 * Context: data only; read from signal handlers and from other processes.
 */
#include <stddef.h>
#include <stdint.h>

#define GORI_ABI_CHECK(cond) _Static_assert(cond, #cond)

/* ---- strings and slices --------------------------------------------------------------------- */

struct gori_abi_string {
	const char *ptr; /* bytes, not NUL-terminated; may be NULL when len is 0 */
	uint64_t len;    /* bytes */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_string) == 16);

struct gori_abi_slice {
	void *ptr;    /* first element */
	uint64_t len; /* elements in use */
	uint64_t cap; /* elements there is room for, from ptr on */
} __attribute__((may_alias));
GORI_ABI_CHECK(sizeof(struct gori_abi_slice) == 24);

/* ---- type descriptors and interface values -------------------------------------------------- */

struct gori_abi_type {
	const char *name;      /* as written in C, NUL-terminated */
	uint32_t kind;         /* enum gor_kind of <gorgon/any.h> */
	uint32_t flags;        /* GORI_TYPE_* */
	uint64_t size;         /* bytes of a value */
	void (*to_text)(void); /* how a value prints itself, or NULL; see struct gor_type */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_type) == 32);
GORI_ABI_CHECK(offsetof(struct gori_abi_type, size) == 16);

enum {
	GORI_TYPE_NAMED = 1, /* declared by the user: prints as NAME(value) */
};

#define GORI_ANY_INLINE 16 /* values up to this size are in the gor_any itself */

struct gori_abi_any {
	const struct gori_abi_type *type; /* dynamic type; NULL for nil */
	union {
		unsigned char bytes[GORI_ANY_INLINE]; /* the value, if type->size fits */
		void *heap;                           /* otherwise: block with the value */
	} data;
};
GORI_ABI_CHECK(sizeof(struct gori_abi_any) == 24);
GORI_ABI_CHECK(offsetof(struct gori_abi_any, data) == 8);

/* ---- maps ----------------------------------------------------------------------------------- */

#define GORI_MAP_SLOTS 8 /* per bucket */

/* What a byte of tops[] says. */
enum {
	GORI_MAP_TOP_EMPTY_REST = 0,  /* empty, and so is all that follows in the chain */
	GORI_MAP_TOP_EMPTY_ONE = 1,   /* empty */
	GORI_MAP_TOP_MOVED_LOW = 2,   /* moved to the bucket of the same index in the new table */
	GORI_MAP_TOP_MOVED_HIGH = 3,  /* moved to the other half of the new table */
	GORI_MAP_TOP_MOVED_EMPTY = 4, /* was empty when its bucket moved */
	GORI_MAP_TOP_MIN = 5,         /* in use; the top byte of the hash, kept out of the states */
};

/* Bits of gori_abi_map.flags. */
enum {
	GORI_MAP_WRITING = 1,   /* a goroutine is inside a write */
	GORI_MAP_SAME_SIZE = 2, /* the growth in progress sheds overflow buckets, no doubling */
};

struct gori_abi_map_type {
	const char *name;                                              /* "map[K]V" */
	const char *key_name;                                          /* K as written in C */
	const char *value_name;                                        /* V as written in C */
	uint64_t (*hash)(const void *key, size_t size, uint64_t seed); /* GENERIC only */
	_Bool (*equal)(const void *a, const void *b, size_t size);     /* GENERIC only */
	uint32_t key_size;                                             /* bytes */
	uint32_t value_size;                                           /* bytes */
	uint32_t keys_offset;                                          /* in a bucket */
	uint32_t values_offset;                                        /* in a bucket */
	uint32_t overflow_offset;                                      /* in a bucket */
	uint32_t bucket_size;                                          /* bytes */
	uint32_t key_class; /* enum gor_map_class of <gorgon/map.h> */
	uint32_t reserved;  /* 0 */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_map_type) == 72);
GORI_ABI_CHECK(offsetof(struct gori_abi_map_type, key_size) == 40);
GORI_ABI_CHECK(offsetof(struct gori_abi_map_type, key_class) == 64);

struct gori_abi_map {
	uint64_t count;                       /* entries */
	const struct gori_abi_map_type *type; /* never NULL */
	uint64_t seed;                        /* of the hash; new whenever the map becomes empty */
	void *buckets;          /* 1 << log2_buckets of them; NULL before the first write */
	void *old_buckets;      /* table being emptied; NULL when not growing */
	uint32_t bucket_size;   /* copy of type->bucket_size */
	uint32_t value_size;    /* copy of type->value_size */
	uint32_t values_offset; /* copy of type->values_offset */
	uint8_t flags;          /* GORI_MAP_*; atomic */
	uint8_t log2_buckets;   /* of `buckets` */
	uint16_t reserved;      /* 0 */
	uint64_t moved;         /* old buckets below this index have all moved */
	uint64_t overflows;     /* overflow buckets in use in `buckets` */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_map) == 72);
GORI_ABI_CHECK(offsetof(struct gori_abi_map, buckets) == 24);
GORI_ABI_CHECK(offsetof(struct gori_abi_map, old_buckets) == 32);
GORI_ABI_CHECK(offsetof(struct gori_abi_map, flags) == 52);
GORI_ABI_CHECK(offsetof(struct gori_abi_map, log2_buckets) == 53);

/* Stands in front of the first bucket of a table. */
struct gori_abi_map_table {
	uint64_t refs; /* the map itself, and every iteration over this table; atomic */
	struct gori_abi_map_chunk *chunks; /* further overflow buckets, newest first */
	unsigned char *spare;              /* next free overflow bucket */
	unsigned char *spare_end;          /* one past the last one */
	uint64_t log2_buckets;             /* buckets in this table, without overflow ones */
	uint64_t reserved[3];              /* keeps the buckets behind it aligned to 16 */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_map_table) == 64);

/* A block of overflow buckets that the table's own block had no room for. */
struct gori_abi_map_chunk {
	struct gori_abi_map_chunk *next; /* older chunk */
	uint64_t reserved;               /* keeps the buckets behind it aligned to 16 */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_map_chunk) == 16);

/* ---- lists ---------------------------------------------------------------------------------- */

struct gori_abi_list_node {
	struct gori_abi_list_node *next; /* the last one's is the root */
	struct gori_abi_list_node *prev; /* the first one's is the root */
	struct gori_abi_list *list;      /* NULL while not in one */
};

struct gori_abi_list {
	struct gori_abi_list_node
		root; /* next = first, prev = last; both NULL before the first use */
	uint64_t len; /* nodes, without the root */
};
GORI_ABI_CHECK(sizeof(struct gori_abi_list_node) == 24);
GORI_ABI_CHECK(sizeof(struct gori_abi_list) == 32);

#endif
