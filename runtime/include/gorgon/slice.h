/* SPDX-License-Identifier: MIT */
#ifndef GORGON_SLICE_H
#define GORGON_SLICE_H
/*
 * What: gor_slice(T), a window on an array, passed by value.  The semantics are those of the Go
 * specification ("Slice types", "Slice expressions", "Appending to and copying slices").
 *
 *	GOR_SLICE_TYPE(int);                      once per T, at file scope; T is one word
 *	GOR_SLICE_TYPE_NAMED(lines, char *);      for a T of several words: gor_slice(lines)
 *
 *	gor_slice(int) s = gor_slice_make(int, 0, 8);
 *	s = gor_slice_append(s, 5);
 *	gor_slice_at(s, 0) = 6;
 *	gor_slice_free(&s);
 *
 * An all-zero slice is Go's nil slice: empty, and ready to append to.
 *
 * Memory: gor_slice_make and appends take arrays from malloc.  As in Go, gor_slice_append leaves
 * the old array alone when it has to move to a larger one, because other slices may still share it;
 * the caller, having no garbage collector, frees it.  Where one variable owns the array,
 * gor_slice_push is the better word: it frees the old array itself.  gor_slice_free must be given a
 * slice that starts where the array starts.
 *
 * Arguments are evaluated once.  Indices are int64_t.  T must be copyable by memcpy.
 *
 * Errors: indices out of range panic with Go's words.  Lack of memory is a fatal error.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/string.h>

GOR_BEGIN_DECLS

/* The functions under the macros; they know the element by its size only. */
GOR_API void *gor_slice_alloc(int64_t len, int64_t cap, size_t elem_size);
GOR_API void *gor_slice_grow(const void *ptr, size_t len, size_t need, size_t elem_size,
			     size_t *io_cap);
GOR_API void gor_slice_reserve_raw(void *slice, size_t more, size_t elem_size);
GOR_NORETURN GOR_API void gor_slice_panic_index(int64_t i, size_t len);
GOR_NORETURN GOR_API void gor_slice_panic_sub(int64_t i, int64_t j, int64_t end, bool three,
					      size_t cap);

/* Frees the array and zeroes the slice; takes the address of any slice. */
GOR_API void gor_slice_free(void *slice);

GOR_END_DECLS

/* i, when it is an index of len elements; panics when not. */
static inline size_t gor_slice_index(int64_t i, size_t len)
{
	if (GOR_UNLIKELY((uint64_t)i >= len))
		gor_slice_panic_index(i, len);
	return (size_t)i;
}

/* Panics unless 0 <= i <= j <= end <= cap; three tells s[i:j:end] from s[i:j]. */
static inline void gor_slice_check_sub(int64_t i, int64_t j, int64_t end, bool three, size_t cap)
{
	uint64_t limit = three ? (uint64_t)end : cap;

	if (GOR_UNLIKELY(limit > cap || (uint64_t)j > limit || (uint64_t)i > (uint64_t)j))
		gor_slice_panic_sub(i, j, end, three, cap);
}

#define GOR_SLICE_TYPE(T) GOR_SLICE_TYPE_NAMED(T, T)
#define GOR_SLICE_TYPE_NAMED(name, T)                                                              \
	struct GORI_VALUE_CAT(gor_slice_, name) {                                                  \
		__typeof__(T) *ptr; /* first element */                                            \
		size_t len;         /* elements in use */                                          \
		size_t cap;         /* elements there is room for */                               \
	}

#define gor_slice(name) struct GORI_VALUE_CAT(gor_slice_, name)

/* make([]T, len, cap): zeroed elements. */
#define gor_slice_make(name, len, cap)                                                             \
	GORI_SLICE_MAKE(__COUNTER__, GORI_VALUE_CAT(gor_slice_, name), len, cap)
#define GORI_SLICE_MAKE(id, tag, len_, cap_) GORI_SLICE_MAKE_(id, tag, len_, cap_)
#define GORI_SLICE_MAKE_(id, tag, len_, cap_)                                                      \
	(__extension__({                                                                           \
		int64_t gori_l##id = (int64_t)(len_);                                              \
		int64_t gori_c##id = (int64_t)(cap_);                                              \
		struct tag gori_s##id;                                                             \
		gori_s##id.ptr = (__typeof__(gori_s##id.ptr))gor_slice_alloc(                      \
			gori_l##id, gori_c##id, sizeof(*gori_s##id.ptr));                          \
		gori_s##id.len = (size_t)gori_l##id;                                               \
		gori_s##id.cap = (size_t)gori_c##id;                                               \
		gori_s##id;                                                                        \
	}))

/* append(s, value): returns the longer slice, s itself keeps its length.  A value may be {1, 2}. */
#define gor_slice_append(s, ...) GORI_SLICE_APPEND(__COUNTER__, s, __VA_ARGS__)
#define GORI_SLICE_APPEND(id, s, ...) GORI_SLICE_APPEND_(id, s, __VA_ARGS__)
#define GORI_SLICE_APPEND_(id, s, ...)                                                             \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_s##id = (s);                                                  \
		__typeof__(gori_s##id.ptr[0]) gori_v##id = __VA_ARGS__;                            \
		if (GOR_UNLIKELY(gori_s##id.len == gori_s##id.cap))                                \
			gori_s##id.ptr = (__typeof__(gori_s##id.ptr))gor_slice_grow(               \
				gori_s##id.ptr, gori_s##id.len, gori_s##id.len + 1,                \
				sizeof(*gori_s##id.ptr), &gori_s##id.cap);                         \
		gori_s##id.ptr[gori_s##id.len++] = gori_v##id;                                     \
		gori_s##id;                                                                        \
	}))

/* append(s, t...), where t has the same element type. */
#define gor_slice_append_slice(s, t) GORI_SLICE_EXTEND(__COUNTER__, s, t)
#define GORI_SLICE_EXTEND(id, s, t) GORI_SLICE_EXTEND_(id, s, t)
#define GORI_SLICE_EXTEND_(id, s, t)                                                               \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_s##id = (s);                                                  \
		__typeof__(gori_s##id) gori_t##id = (t);                                           \
		size_t gori_n##id = gori_s##id.len + gori_t##id.len;                               \
		if (gori_n##id > gori_s##id.cap)                                                   \
			gori_s##id.ptr = (__typeof__(gori_s##id.ptr))gor_slice_grow(               \
				gori_s##id.ptr, gori_s##id.len, gori_n##id,                        \
				sizeof(*gori_s##id.ptr), &gori_s##id.cap);                         \
		if (gori_t##id.len > 0)                                                            \
			__builtin_memmove((void *)(gori_s##id.ptr + gori_s##id.len),               \
					  (const void *)gori_t##id.ptr,                            \
					  gori_t##id.len * sizeof(*gori_t##id.ptr));               \
		gori_s##id.len = gori_n##id;                                                       \
		gori_s##id;                                                                        \
	}))

/*
 * Appends in place to the slice at `slice`, which owns its array: a larger array replaces the old
 * one, which is freed, and slices that shared it are dead.
 */
#define gor_slice_push(slice, ...) GORI_SLICE_PUSH(__COUNTER__, slice, __VA_ARGS__)
#define GORI_SLICE_PUSH(id, slice, ...) GORI_SLICE_PUSH_(id, slice, __VA_ARGS__)
#define GORI_SLICE_PUSH_(id, slice, ...)                                                           \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_s##id = (slice);                                              \
		__typeof__(gori_s##id->ptr[0]) gori_v##id = __VA_ARGS__;                           \
		if (GOR_UNLIKELY(gori_s##id->len == gori_s##id->cap))                              \
			gor_slice_reserve_raw(gori_s##id, 1, sizeof(*gori_s##id->ptr));            \
		gori_s##id->ptr[gori_s##id->len++] = gori_v##id;                                   \
		(void)0;                                                                           \
	}))

/* Makes room for `more` further elements in the slice at `slice`, which owns its array. */
#define gor_slice_reserve(slice, more) gor_slice_reserve_raw((slice), (more), sizeof(*(slice)->ptr))

/* s[i], to read and to assign. */
#define gor_slice_at(s, i) GORI_SLICE_AT(__COUNTER__, s, i)
#define GORI_SLICE_AT(id, s, i) GORI_SLICE_AT_(id, s, i)
#define GORI_SLICE_AT_(id, s, i)                                                                   \
	(*__extension__({                                                                          \
		GORI_VALUE_AUTO gori_s##id = (s);                                                  \
		&gori_s##id.ptr[gor_slice_index((int64_t)(i), gori_s##id.len)];                    \
	}))

/* s[i:j] and s[i:j:max]: share the array of s. */
#define gor_slice_sub(s, i, j) GORI_SLICE_SUB(__COUNTER__, s, i, j, 0, false)
#define gor_slice_sub3(s, i, j, max) GORI_SLICE_SUB(__COUNTER__, s, i, j, max, true)
#define GORI_SLICE_SUB(id, s, i, j, max, three) GORI_SLICE_SUB_(id, s, i, j, max, three)
#define GORI_SLICE_SUB_(id, s, i, j, max, three)                                                   \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_s##id = (s);                                                  \
		int64_t gori_i##id = (int64_t)(i), gori_j##id = (int64_t)(j);                      \
		int64_t gori_m##id = (three) ? (int64_t)(max) : (int64_t)gori_s##id.cap;           \
		gor_slice_check_sub(gori_i##id, gori_j##id, gori_m##id, (three), gori_s##id.cap);  \
		gori_s##id.len = (size_t)(gori_j##id - gori_i##id);                                \
		gori_s##id.cap = (size_t)(gori_m##id - gori_i##id);                                \
		if (gori_i##id > 0)                                                                \
			gori_s##id.ptr += gori_i##id;                                              \
		gori_s##id;                                                                        \
	}))

/* copy(dst, src): copies what fits, overlapping or not, and returns the number of elements. */
#define gor_slice_copy(dst, src) GORI_SLICE_COPY(__COUNTER__, dst, src)
#define GORI_SLICE_COPY(id, dst, src) GORI_SLICE_COPY_(id, dst, src)
#define GORI_SLICE_COPY_(id, dst, src)                                                             \
	(__extension__({                                                                           \
		GORI_VALUE_AUTO gori_s##id = (dst);                                                \
		__typeof__(gori_s##id) gori_t##id = (src);                                         \
		size_t gori_n##id = gori_s##id.len < gori_t##id.len ? gori_s##id.len               \
								    : gori_t##id.len;              \
		if (gori_n##id > 0)                                                                \
			__builtin_memmove((void *)gori_s##id.ptr, (const void *)gori_t##id.ptr,    \
					  gori_n##id * sizeof(*gori_s##id.ptr));                   \
		gori_n##id;                                                                        \
	}))

/*
 * A loop over the addresses of the elements: gor_slice_each(int, p, s) sum += *p;
 * Here s is evaluated more than once, and only before the first turn.
 */
#define gor_slice_each(T, p, s)                                                                    \
	for (__typeof__(T) *p = (s).ptr, *p##_end = (s).len > 0 ? (s).ptr + (s).len : p;           \
	     p != p##_end; p++)

#endif
