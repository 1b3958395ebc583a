/* SPDX-License-Identifier: MIT */
#ifndef GORGON_STRING_H
#define GORGON_STRING_H
/*
 * What: gor_string, a length and a pointer to bytes, passed by value.  The semantics are those of
 * the Go specification ("String types"): immutable, any bytes, compared byte by byte.
 *
 * Memory: a gor_string does not own its bytes.  gor_str, gor_strn, gor_string_of and gor_string_sub
 * only point into memory of the caller, who keeps it alive.  The functions that say "new" return
 * bytes from malloc, which the caller gives back with gor_string_free.
 *
 * Blocking: nothing here blocks.
 *
 * Errors: indices out of range panic with Go's words.  Lack of memory is a fatal error.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/base.h>

#ifdef __cplusplus
#define GORI_VALUE_ASSERT(cond, text) static_assert(cond, text)
#define GORI_VALUE_AUTO auto
#else
#define GORI_VALUE_ASSERT(cond, text) _Static_assert(cond, text)
#define GORI_VALUE_AUTO __auto_type
#endif
#define GORI_VALUE_CAT(a, b) GORI_VALUE_CAT_(a, b)
#define GORI_VALUE_CAT_(a, b) a##b

GOR_BEGIN_DECLS

typedef struct gor_string {
	const char *ptr; /* not NUL-terminated; may be NULL when len is 0 */
	size_t len;      /* bytes */
} gor_string;

/* The n bytes at p, not copied. */
static inline gor_string gor_strn(const char *p, size_t n)
{
	gor_string s;

	s.ptr = p;
	s.len = n;
	return s;
}

/* A string literal; bytes after a NUL in it belong to the string. */
#define gor_str(literal) gor_strn("" literal, sizeof("" literal) - 1)

/* The same as an initialiser of a static object. */
#define GOR_STRING_INIT(literal)                                                                   \
	{                                                                                          \
		"" literal, sizeof("" literal) - 1                                                 \
	}

/* For printf("%.*s", GOR_STRING_ARGS(s)). */
#define GOR_STRING_ARGS(s) (int)(s).len, (s).ptr

/* The bytes of a C string up to its NUL, not copied; the empty string for NULL. */
GOR_API gor_string gor_string_of(const char *cstr);

/* New: the bytes followed by a NUL, for free().  A NUL inside s ends the C string early. */
GOR_API char *gor_string_cstr(gor_string s);

/* New: a copy. */
GOR_API gor_string gor_string_clone(gor_string s);

/* New: a followed by b. */
GOR_API gor_string gor_string_concat(gor_string a, gor_string b);

/* New: the n parts at `parts`, with sep between them. */
GOR_API gor_string gor_string_join(const gor_string *parts, size_t n, gor_string sep);

/* New: formatted as printf does. */
GOR_API gor_string gor_string_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Gives back what a "new" function returned. */
GOR_API void gor_string_free(gor_string s);

/* Like Go's == and strings.Compare: -1, 0 or 1. */
GOR_API bool gor_string_equal(gor_string a, gor_string b);
GOR_API int gor_string_compare(gor_string a, gor_string b);

/* s[i:j], sharing the bytes of s; panics unless 0 <= i <= j <= s.len. */
GOR_API gor_string gor_string_sub(gor_string s, int64_t i, int64_t j);

/* s[i]; panics unless 0 <= i < s.len. */
GOR_API unsigned char gor_string_at(gor_string s, int64_t i);

/* Offset of the first sub in s, or -1; 0 for an empty sub. */
GOR_API int64_t gor_string_index(gor_string s, gor_string sub);
GOR_API bool gor_string_has_prefix(gor_string s, gor_string prefix);
GOR_API bool gor_string_has_suffix(gor_string s, gor_string suffix);

/*
 * Hashes for keys of maps and for the user's own tables.  They are seeded twice: by `seed`, and by
 * secrets drawn when the process starts, so a value means nothing outside this process.
 */
GOR_API uint64_t gor_string_hash(gor_string s, uint64_t seed);
GOR_API uint64_t gor_hash_bytes(const void *p, size_t n, uint64_t seed);

GOR_END_DECLS
#endif
