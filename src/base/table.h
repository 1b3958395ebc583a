/* SPDX-License-Identifier: MIT */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H
/*
 * What: a hash table from 64-bit keys (addresses, mostly) to pointers.
 *
 * How: open addressing with linear probing, at most half full.  Values are never NULL, which marks a free
 * place; keys cannot be taken out.
 */
#include <stddef.h>
#include <stdint.h>

struct table_entry {
	uint64_t key;
	void *value;
};

/* All zero is an empty table. */
struct table {
	struct table_entry *entries;
	size_t mask; /* places minus one; 0 before the first put */
	size_t n;
};

/* NULL if it is not there. */
void *table_get(const struct table *t, uint64_t key);

/* Adds or replaces; value is not NULL. */
void table_put(struct table *t, uint64_t key, void *value);

/* The place of key, added with NULL if it was not there: the caller stores a value before the next call. */
void **table_slot(struct table *t, uint64_t key);

void table_deinit(struct table *t);

/* Mixes two keys into one. */
static inline uint64_t table_mix(uint64_t a, uint64_t b)
{
	a ^= b * 0x9e3779b97f4a7c15ULL;
	a ^= a >> 29;
	return a * 0xbf58476d1ce4e5b9ULL;
}

#endif
