/* SPDX-License-Identifier: MIT */
#ifndef RAW_SORT_H
#define RAW_SORT_H
/*
 * What: sorting, without libc's qsort, which may allocate.
 *
 * How: heap sort: in place, no recursion, no bad case.  Context: any.
 */
#include <stddef.h>
#include <stdint.h>

struct raw_pair {
	uint64_t key, value;
};

static inline void raw_sift(struct raw_pair *v, size_t i, size_t n)
{
	struct raw_pair x = v[i];
	size_t child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && v[child + 1].key > v[child].key)
			child++;
		if (v[child].key <= x.key)
			break;
		v[i] = v[child];
	}
	v[i] = x;
}

/* Sorts by key, smallest first.  Context: any. */
static inline void raw_sort(struct raw_pair *v, size_t n)
{
	for (size_t i = n / 2; i > 0; i--)
		raw_sift(v, i - 1, n);
	for (size_t end = n; end > 1; end--) {
		struct raw_pair last = v[end - 1];

		v[end - 1] = v[0];
		v[0] = last;
		raw_sift(v, 0, end - 1);
	}
}

#endif
