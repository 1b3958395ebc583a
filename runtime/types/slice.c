/* SPDX-License-Identifier: MIT */
/*
 * What: the memory and the panics of gor_slice (see <gorgon/slice.h>); everything else is inline.
 *
 * How: Go's rule for growing: double while small, then by a quarter plus 192, so that the factor
 * falls smoothly from 2 towards 1.25.  Rejected: rounding up to malloc's size classes as Go does to
 * its own; the capacity would depend on the C library.
 *
 * Invariants: len <= cap; ptr is NULL only when cap is 0.
 *
 * Locking: none; a slice shared between goroutines is the user's to guard, as in Go.
 *
 * Context: goroutine, or any thread before main.
 */
#include <stdlib.h>
#include <string.h>

#include <gorgon/slice.h>

#include "abi/types_abi.h"
#include "types/panic_decl.h"

GOR_SLICE_TYPE(char);
_Static_assert(sizeof(gor_slice(char)) == sizeof(struct gori_abi_slice), "abi");
_Static_assert(offsetof(gor_slice(char), len) == offsetof(struct gori_abi_slice, len), "abi");
_Static_assert(offsetof(gor_slice(char), cap) == offsetof(struct gori_abi_slice, cap), "abi");

#define DOUBLING_LIMIT 256

/* The capacity that append gives a slice of capacity `old` that must hold `need` elements. */
static size_t grown_cap(size_t old, size_t need)
{
	size_t cap = old;

	if (need > old && need - old > old)
		return need;
	if (old < DOUBLING_LIMIT)
		return old * 2;
	while (cap < need) {
		size_t step = cap / 4 + 3 * (DOUBLING_LIMIT / 4);

		if (GOR_UNLIKELY(__builtin_add_overflow(cap, step, &cap)))
			return need;
	}
	return cap;
}

/* Bytes for cap elements; no object may be larger than PTRDIFF_MAX. */
static bool array_size(size_t cap, size_t elem_size, size_t *ret_bytes)
{
	size_t bytes;

	if (__builtin_mul_overflow(cap, elem_size, &bytes) || bytes > PTRDIFF_MAX)
		return false;
	*ret_bytes = bytes;
	return true;
}

static void *check_memory(void *p)
{
	if (GOR_UNLIKELY(p == NULL))
		gor_fatal("runtime: out of memory");
	return p;
}

GOR_API void *gor_slice_alloc(int64_t len, int64_t cap, size_t elem_size)
{
	size_t bytes;

	if (GOR_UNLIKELY(len < 0 || !array_size((size_t)len, elem_size, &bytes)))
		gori_panic_runtime_error("makeslice: len out of range");
	if (GOR_UNLIKELY(cap < len || !array_size((size_t)cap, elem_size, &bytes)))
		gori_panic_runtime_error("makeslice: cap out of range");
	return bytes > 0 ? check_memory(calloc(1, bytes)) : NULL;
}

static size_t grown_bytes(size_t cap, size_t need, size_t elem_size, size_t *ret_cap)
{
	size_t want = grown_cap(cap, need), bytes = 0;

	/* need < cap: the sum of two lengths wrapped around */
	if (GOR_UNLIKELY(need < cap || !array_size(want, elem_size, &bytes)))
		gori_panic_runtime_error("growslice: len out of range");
	*ret_cap = want;
	return bytes;
}

GOR_API void *gor_slice_grow(const void *ptr, size_t len, size_t need, size_t elem_size, size_t *io_cap)
{
	size_t bytes = grown_bytes(*io_cap, need, elem_size, io_cap);
	char *grown = check_memory(malloc(bytes));
	size_t used = len * elem_size;

	if (used > 0)
		memcpy(grown, ptr, used);
	/* gor_slice_sub can make the room behind the elements visible, so it is zero as in Go */
	memset(grown + used, 0, bytes - used);
	return grown;
}

GOR_API void gor_slice_reserve_raw(void *slice, size_t more, size_t elem_size)
{
	struct gori_abi_slice *s = slice;
	size_t need, bytes, used = s->len * elem_size;

	if (GOR_UNLIKELY(__builtin_add_overflow(s->len, more, &need)))
		gori_panic_runtime_error("growslice: len out of range");
	if (need <= s->cap)
		return;
	bytes = grown_bytes(s->cap, need, elem_size, &need);
	s->ptr = check_memory(realloc(s->ptr, bytes));
	memset((char *)s->ptr + used, 0, bytes - used);
	s->cap = need;
}

GOR_API void gor_slice_free(void *slice)
{
	struct gori_abi_slice *s = slice;

	free(s->ptr);
	*s = (struct gori_abi_slice){NULL, 0, 0};
}

/* Go's messages leave the limit out when the index is negative. */
_Noreturn GOR_API void gor_slice_panic_index(int64_t i, size_t len)
{
	if (i < 0)
		gori_panic_runtime_error("index out of range [%lld]", (long long)i);
	gori_panic_runtime_error("index out of range [%lld] with length %zu", (long long)i, len);
}

static _Noreturn void panic_sub2(long long i, long long j, size_t cap)
{
	if (j < 0)
		gori_panic_runtime_error("slice bounds out of range [:%lld]", j);
	if ((size_t)j > cap)
		gori_panic_runtime_error("slice bounds out of range [:%lld] with capacity %zu", j, cap);
	if (i < 0)
		gori_panic_runtime_error("slice bounds out of range [%lld:]", i);
	gori_panic_runtime_error("slice bounds out of range [%lld:%lld]", i, j);
}

static _Noreturn void panic_sub3(long long i, long long j, long long end, size_t cap)
{
	if (end < 0)
		gori_panic_runtime_error("slice bounds out of range [::%lld]", end);
	if ((size_t)end > cap)
		gori_panic_runtime_error("slice bounds out of range [::%lld] with capacity %zu", end, cap);
	if (j < 0)
		gori_panic_runtime_error("slice bounds out of range [:%lld:]", j);
	if (j > end)
		gori_panic_runtime_error("slice bounds out of range [:%lld:%lld]", j, end);
	if (i < 0)
		gori_panic_runtime_error("slice bounds out of range [%lld::]", i);
	gori_panic_runtime_error("slice bounds out of range [%lld:%lld:]", i, j);
}

_Noreturn GOR_API void gor_slice_panic_sub(int64_t i, int64_t j, int64_t end, bool three, size_t cap)
{
	if (three)
		panic_sub3(i, j, end, cap);
	panic_sub2(i, j, cap);
}
