/* SPDX-License-Identifier: MIT */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H
/*
 * What: binary search in an array of structs that is sorted by a field of 64 unsigned bits: an address, mostly.
 *
 * How: two questions, by the name of the field:
 *
 *	SEARCH_BELOW(items, n, lo, addr)    how many have a lo below addr: the index of the first that has not
 *	SEARCH_UPTO(items, n, lo, addr)     how many have one of at most addr: one more than the index of the last
 *
 * Inline, so that the place and the distance of the field are constants, as in a loop written out.
 */
#include <stddef.h>
#include <stdint.h>

static inline uint64_t search_key(const void *items, size_t i, size_t size, size_t offset)
{
	uint64_t key;

	__builtin_memcpy(&key, (const char *)items + i * size + offset, sizeof key);
	return key;
}

static inline size_t search_below(const void *items, size_t n, size_t size, size_t offset, uint64_t key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (search_key(items, mid, size, offset) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

#define SEARCH_BELOW(items, n, field, key)                                                                   \
	(search_below((items), (n), sizeof *(items), SEARCH_OFFSET(items, field), (key)))
#define SEARCH_UPTO(items, n, field, key)                                                                    \
	((uint64_t)(key) == UINT64_MAX ? (size_t)(n) : SEARCH_BELOW(items, n, field, (uint64_t)(key) + 1))

#define SEARCH_OFFSET(items, field)                                                                          \
	(offsetof(__typeof__(*(items)), field) + 0 * sizeof(struct {                                         \
							 _Static_assert(sizeof((items)->field) == 8,         \
									"64 bits");                          \
							 int unused;                                         \
						 }))

#endif
