/* SPDX-License-Identifier: MIT */
#ifndef GORI_REGISTRY_ABI_H
#define GORI_REGISTRY_ABI_H
/*
 * What: the allocation registry: which blocks of memory malloc has given out, as a reader of the stopped process
 * finds them.
 *
 * How: libgorgon-malloc.so publishes a second table of the form of abi/table.h, with a cookie and a symbol
 * (gori_registry_table) of its own, so that it is found whether or not the runtime is in the process:
 *
 *	root.registry		address of the directory
 *	const.registry_regions	how many words it has
 *	const.registry_region	bytes of address space for each of them: a power of two
 *	const.registry_granule	bytes of address space for each mark: a power of two
 *	const.registry_bypassed	1: malloc is somebody's who comes before, and the registry knows nothing
 *
 * The word number A / region of the directory is 0, or the address of the marks of that region: one byte for each
 * granule of 8 bytes.  A block is known by the mark of its first granule:
 *
 *	0		no block begins here
 *	0x01..0x3e	a block of so many granules, the last of which it does not fill
 *	0x41..0x7e	a block of (mark & 0x3f) granules, which it fills
 *	0x3f		a long one: its size in bytes stands in the next six marks, seven bits in each, lowest first
 *	0x80..0xff	one of those six: 0x80 | seven bits; means nothing without a 0x3f in front of it
 *
 * Directory and marks begin at pages.  The marks of a block lie in one region: a long block whose six digits would not is not registered.
 *
 * Invariants: a block is added and removed by the store of one byte, so that at any instant it is there or not.  The
 * reader must take memory that is in no block for reachable, and what overlaps for one block.
 * Context: data only.
 */
#include <stdint.h>

#define GORI_REGISTRY_COOKIE "gorgreg\1" /* its 8 bytes, without the zero that ends the literal */

enum {
	GORI_REGISTRY_GRANULE_BITS = 3,
	GORI_REGISTRY_REGION_BITS = 26,
	GORI_REGISTRY_ADDRESS_BITS = 47,
	GORI_REGISTRY_REGIONS = 1 << (GORI_REGISTRY_ADDRESS_BITS - GORI_REGISTRY_REGION_BITS),
	GORI_REGISTRY_MARKS = 1 << (GORI_REGISTRY_REGION_BITS - GORI_REGISTRY_GRANULE_BITS),

	GORI_MARK_NONE = 0,
	GORI_MARK_LONG = 0x3f,
	GORI_MARK_GRANULES = 0x3f, /* mask of the count */
	GORI_MARK_MAX = 0x3e,      /* the largest count */
	GORI_MARK_FULL = 0x40,
	GORI_MARK_DIGIT = 0x80,
	GORI_MARK_DIGITS = 6,
	GORI_MARK_DIGIT_BITS = 7,
};

#endif
