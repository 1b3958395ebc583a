/* SPDX-License-Identifier: MIT */
#ifndef GORI_TYPES_HASH_H
#define GORI_TYPES_HASH_H
/*
 * What: the hash behind maps and gor_hash_bytes, and the random numbers that maps need.
 *
 * How: 64 x 64 -> 128 bit multiplication with both halves folded together, as in the wyhash family:
 * one multiplication lets every input bit reach every output bit, a second one evens out what the
 * first left of the regularity in the keys (measured: with one, evenly spaced keys crowd into a few
 * buckets for some seeds).  Inputs are combined with secrets drawn at process start and with the
 * seed of the map, so nobody outside can prepare keys that collide.  Rejected: FNV (weak, byte by
 * byte), SipHash (four times the time per key), the AES instructions (need a CPU check and another
 * answer without them).
 *
 * Invariants: the secrets are final before any constructor of a user runs (priority 101), because a
 * map made before a change would not find its keys again.
 *
 * Locking: none; the secrets are read only, the random state is one atomic counter.
 *
 * Context: any.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded in memory order");

/* Drawn by the constructor in string.c. */
extern uint64_t gori_hash_secret[4];

/* A fresh 64-bit number that an outsider cannot predict from keys; not for cryptography. */
uint64_t gori_hash_random(void);

uint64_t gori_hash_long(const unsigned char *p, size_t n, uint64_t seed);

__extension__ typedef unsigned __int128 gori_u128;

static inline uint64_t gori_hash_fold(uint64_t a, uint64_t b)
{
	gori_u128 product = (gori_u128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t gori_load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t gori_load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Ends every hash: a and b are the last words of the input, n its size. */
static inline uint64_t gori_hash_finish(uint64_t a, uint64_t b, uint64_t n, uint64_t seed)
{
	uint64_t inner = gori_hash_fold(a ^ gori_hash_secret[1], b ^ seed);

	return gori_hash_fold(gori_hash_secret[0] ^ n, inner ^ gori_hash_secret[2]);
}

static inline uint64_t gori_hash_word(uint64_t word, uint64_t seed)
{
	return gori_hash_finish(word, word ^ gori_hash_secret[3], 8, seed);
}

static inline uint64_t gori_hash_mem(const void *data, size_t n, uint64_t seed)
{
	const unsigned char *p = data;

	if (n > 16)
		return gori_hash_long(p, n, seed);
	if (n >= 8)
		return gori_hash_finish(gori_load64(p), gori_load64(p + n - 8), n, seed);
	if (n >= 4)
		return gori_hash_finish(gori_load32(p), gori_load32(p + n - 4), n, seed);
	if (n > 0)
		return gori_hash_finish((uint64_t)p[0] << 16 | (uint64_t)p[n >> 1] << 8 | p[n - 1],
					0, n, seed);
	return gori_hash_finish(0, 0, 0, seed);
}

#endif
