/* SPDX-License-Identifier: MIT */
/*
 * What: gor_string (see <gorgon/string.h>), the hash for long inputs, and the hash secrets.
 *
 * How: a string is two words and never owns its bytes; only the functions that must make new bytes
 * call malloc, and they add a NUL so that a debugger shows a readable text.  Rejected: reference
 * counts or a small-string buffer inside the struct; the struct must stay two words, as in Go, to
 * travel in two registers.
 *
 * Invariants: ptr may be NULL only when len is 0; no function reads ptr when len is 0.
 *
 * Locking: none; strings are immutable.
 *
 * Context: goroutine, or any thread before main; the hash and comparison functions: any.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include <gorgon/string.h>

#include "abi/types_abi.h"
#include "types/hash.h"
#include "types/panic_decl.h"

_Static_assert(sizeof(gor_string) == sizeof(struct gori_abi_string), "abi");
_Static_assert(offsetof(gor_string, len) == offsetof(struct gori_abi_string, len), "abi");

/* ---- hash ----------------------------------------------------------------------------------- */

uint64_t gori_hash_secret[4] = {
	0xa0761d6478bd642fULL,
	0xe7037ed1a0b428dbULL,
	0x8ebc6af09c88c6e3ULL,
	0x589965cc75374cc3ULL,
};

static uint64_t random_counter;

/* Runs before every constructor without a priority, so before the first map of a user. */
__attribute__((constructor(101))) static void hash_init(void)
{
	uint64_t drawn[4];
	size_t i;

	if (getrandom(drawn, sizeof(drawn), GRND_NONBLOCK) != (ssize_t)sizeof(drawn)) {
		/* early boot or a filtered call: the kernel gave every process 16 random bytes */
		const unsigned char *aux = (const unsigned char *)getauxval(AT_RANDOM);

		for (i = 0; i < 4; i++)
			drawn[i] =
				aux ? gori_hash_fold(gori_load64(aux + (i & 1) * 8) + i, gori_hash_secret[i])
				    : (uint64_t)(uintptr_t)&drawn;
	}
	for (i = 0; i < 4; i++)
		gori_hash_secret[i] = (gori_hash_secret[i] ^ drawn[i]) | 1;
}

uint64_t gori_hash_random(void)
{
	/* relaxed: no partner, the counter orders nothing, each caller only needs its own number */
	uint64_t n = __atomic_add_fetch(&random_counter, 0x9e3779b97f4a7c15ULL, __ATOMIC_RELAXED);

	return gori_hash_fold(n ^ gori_hash_secret[3], gori_hash_secret[2] ^ (n >> 32));
}

/* More than 16 bytes: three independent lanes keep the multiplier busy on long texts. */
uint64_t gori_hash_long(const unsigned char *p, size_t n, uint64_t seed)
{
	const uint64_t *secret = gori_hash_secret;
	size_t left = n;

	if (left > 48) {
		uint64_t lane1 = seed, lane2 = seed;

		do {
			seed = gori_hash_fold(gori_load64(p) ^ secret[1], gori_load64(p + 8) ^ seed);
			lane1 = gori_hash_fold(gori_load64(p + 16) ^ secret[2], gori_load64(p + 24) ^ lane1);
			lane2 = gori_hash_fold(gori_load64(p + 32) ^ secret[3], gori_load64(p + 40) ^ lane2);
			p += 48;
			left -= 48;
		} while (left > 48);
		seed ^= lane1 ^ (lane2 << 1 | lane2 >> 63);
	}
	for (; left > 16; left -= 16, p += 16)
		seed = gori_hash_fold(gori_load64(p) ^ secret[1], gori_load64(p + 8) ^ seed);
	/* the last 16 bytes, overlapping what came before */
	return gori_hash_finish(gori_load64(p + left - 16), gori_load64(p + left - 8), n, seed);
}

GOR_API uint64_t gor_hash_bytes(const void *p, size_t n, uint64_t seed)
{
	return gori_hash_mem(p, n, seed);
}

GOR_API uint64_t gor_string_hash(gor_string s, uint64_t seed)
{
	return gori_hash_mem(s.ptr, s.len, seed);
}

/* ---- memory --------------------------------------------------------------------------------- */

static char *string_alloc(size_t len)
{
	char *p = len == SIZE_MAX ? NULL : malloc(len + 1);

	if (GOR_UNLIKELY(p == NULL))
		gor_fatal("runtime: out of memory");
	p[len] = '\0';
	return p;
}

/* memcpy must not see NULL, even for no bytes. */
static char *put(char *dst, gor_string s)
{
	if (s.len > 0)
		memcpy(dst, s.ptr, s.len);
	return dst + s.len;
}

static size_t add_len(size_t a, size_t b)
{
	size_t sum;

	if (GOR_UNLIKELY(__builtin_add_overflow(a, b, &sum)))
		gori_panic_runtime_error("string concatenation too long");
	return sum;
}

GOR_API gor_string gor_string_of(const char *cstr)
{
	return gor_strn(cstr, cstr != NULL ? strlen(cstr) : 0);
}

GOR_API char *gor_string_cstr(gor_string s)
{
	char *p = string_alloc(s.len);

	put(p, s);
	return p;
}

GOR_API gor_string gor_string_clone(gor_string s)
{
	return gor_strn(gor_string_cstr(s), s.len);
}

GOR_API gor_string gor_string_concat(gor_string a, gor_string b)
{
	size_t len = add_len(a.len, b.len);
	char *p = string_alloc(len);

	put(put(p, a), b);
	return gor_strn(p, len);
}

GOR_API gor_string gor_string_join(const gor_string *parts, size_t n, gor_string sep)
{
	size_t len = 0, i;
	char *p, *at;

	for (i = 0; i < n; i++)
		len = add_len(add_len(len, parts[i].len), i > 0 ? sep.len : 0);
	at = p = string_alloc(len);
	for (i = 0; i < n; i++) {
		if (i > 0)
			at = put(at, sep);
		at = put(at, parts[i]);
	}
	return gor_strn(p, len);
}

GOR_API gor_string gor_string_printf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		gori_panic_runtime_error("gor_string_printf: bad format");
	p = string_alloc((size_t)len);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return gor_strn(p, (size_t)len);
}

GOR_API void gor_string_free(gor_string s)
{
	free((void *)(uintptr_t)s.ptr);
}

/* ---- looking at strings --------------------------------------------------------------------- */

GOR_API bool gor_string_equal(gor_string a, gor_string b)
{
	return a.len == b.len && (a.len == 0 || a.ptr == b.ptr || memcmp(a.ptr, b.ptr, a.len) == 0);
}

GOR_API int gor_string_compare(gor_string a, gor_string b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order != 0)
		return order < 0 ? -1 : 1;
	return (a.len > b.len) - (a.len < b.len);
}

/* Go's messages leave the length out when the index is negative. */
GOR_API gor_string gor_string_sub(gor_string s, int64_t i, int64_t j)
{
	if (GOR_UNLIKELY(j < 0))
		gori_panic_runtime_error("slice bounds out of range [:%lld]", (long long)j);
	if (GOR_UNLIKELY((uint64_t)j > s.len))
		gori_panic_runtime_error("slice bounds out of range [:%lld] with length %zu", (long long)j,
					 s.len);
	if (GOR_UNLIKELY(i < 0))
		gori_panic_runtime_error("slice bounds out of range [%lld:]", (long long)i);
	if (GOR_UNLIKELY(i > j))
		gori_panic_runtime_error("slice bounds out of range [%lld:%lld]", (long long)i, (long long)j);
	return gor_strn(i > 0 ? s.ptr + i : s.ptr, (size_t)(j - i));
}

GOR_API unsigned char gor_string_at(gor_string s, int64_t i)
{
	if (GOR_UNLIKELY(i < 0))
		gori_panic_runtime_error("index out of range [%lld]", (long long)i);
	if (GOR_UNLIKELY((uint64_t)i >= s.len))
		gori_panic_runtime_error("index out of range [%lld] with length %zu", (long long)i, s.len);
	return (unsigned char)s.ptr[i];
}

GOR_API int64_t gor_string_index(gor_string s, gor_string sub)
{
	const char *found;

	if (sub.len == 0)
		return 0;
	if (sub.len > s.len)
		return -1;
	found = memmem(s.ptr, s.len, sub.ptr, sub.len);
	return found != NULL ? found - s.ptr : -1;
}

GOR_API bool gor_string_has_prefix(gor_string s, gor_string prefix)
{
	return s.len >= prefix.len && gor_string_equal(gor_strn(s.ptr, prefix.len), prefix);
}

GOR_API bool gor_string_has_suffix(gor_string s, gor_string suffix)
{
	return s.len >= suffix.len &&
	       gor_string_equal(
		       gor_strn(s.len > suffix.len ? s.ptr + (s.len - suffix.len) : s.ptr, suffix.len),
		       suffix);
}
