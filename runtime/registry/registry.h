/* SPDX-License-Identifier: MIT */
#ifndef GORI_REGISTRY_H
#define GORI_REGISTRY_H
/*
 * What: the allocation registry: adding and removing blocks.
 *
 * How: a map beside memory, one byte for 8; abi/registry_abi.h describes it.  A block is one byte, stored by the thread
 * that allocates or frees it; nobody else's block shares that byte, so there are no locks, no atomic operations
 * but plain stores, nothing that a thread, a signal or a fork could leave half done.  A region's marks (8 MiB of
 * address space, of which pages are used that have blocks) come with its first block and stay.
 *
 * Memory: an eighth of what the heap uses: 4 bytes for a block of 32, 128 for one of 1 KiB.
 *
 * Rejected: a hash table of (address, size) (24 to 32 bytes for every block, a cache miss for each operation, and growing
 * it needs all threads to stand still); logs of each thread (grow with time, not with blocks); two bits for 8
 * bytes, first and last (a quarter of the memory, but words are shared: two locked operations to add and to
 * remove); all of it in words in front of the blocks (nobody finds them from outside).
 *
 * Why no instant is wrong: the reader takes memory that is in no block for reachable.  So a block may be missing, but
 * none may be there that is not one, since it would divide what lies there.  Therefore a block is added after the
 * allocator has returned it and removed before the allocator gets it back; for realloc it is missing meanwhile.
 * Long blocks: digits are stored before the mark, and cleared after it; alone they mean nothing.
 *
 * Invariants: a mark changes only on behalf of the owner of the block that begins there.
 * Context: any; also before constructors have run, in signal handlers, after fork.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/registry_abi.h"
#include "sys/atomic.h"

#pragma GCC visibility push(hidden)

enum { GORI_NOT_REGISTERED = -1 };

extern unsigned char *gori_registry[GORI_REGISTRY_REGIONS];

/* Makes the marks of the region that addr is in.  NULL: no memory.  errno is kept. */
unsigned char *gori_registry_grow(uintptr_t addr);

/* The same for blocks of more than GORI_MARK_MAX granules; `mark` is that of addr. */
bool gori_registry_add_long(unsigned char *mark, uintptr_t addr, size_t size);
intptr_t gori_registry_remove_long(unsigned char *mark);

/* Malloc is somebody else's: from now on nothing is added. */
void gori_registry_bypass(void);

/* The mark of addr; NULL if its region has none, or no block can begin there. */
static inline unsigned char *gori_registry_mark(uintptr_t addr)
{
	uintptr_t region = addr >> GORI_REGISTRY_REGION_BITS;
	unsigned char *marks;

	if (gori_unlikely(region >= GORI_REGISTRY_REGIONS || addr % (1 << GORI_REGISTRY_GRANULE_BITS)))
		return NULL;
	marks = gori_load_acq(&gori_registry[region]); /* with the exchange in grow */
	return marks ? marks + (addr >> GORI_REGISTRY_GRANULE_BITS) % GORI_REGISTRY_MARKS : NULL;
}

/* The block at addr is the caller's, and nobody else knows it yet.  False: it cannot be registered. */
static inline bool gori_registry_add(uintptr_t addr, size_t size)
{
	unsigned char *mark = gori_registry_mark(addr);

	if (gori_unlikely(!mark)) {
		mark = gori_registry_grow(addr);
		if (!mark)
			return false;
	}
	if (gori_likely(size <= GORI_MARK_MAX << GORI_REGISTRY_GRANULE_BITS)) {
		size_t full = size >> GORI_REGISTRY_GRANULE_BITS;
		bool is_full = size && size == full << GORI_REGISTRY_GRANULE_BITS;

		gori_store_rel(mark, (unsigned char)(is_full ? full | GORI_MARK_FULL : full + 1));
		return true;
	}
	return gori_registry_add_long(mark, addr, size);
}

/*
 * Removes the block at addr, which the caller still owns.  Its size, rounded up to one less than a multiple of 8 if
 * it is not one: added again with it, it is the same.  GORI_NOT_REGISTERED: there is none.
 */
static inline intptr_t gori_registry_remove(uintptr_t addr)
{
	unsigned char *at = gori_registry_mark(addr);
	unsigned mark = at ? gori_load(at) : GORI_MARK_NONE;

	if (gori_unlikely(mark == GORI_MARK_NONE || mark >= GORI_MARK_DIGIT))
		return GORI_NOT_REGISTERED;
	if (gori_unlikely(mark == GORI_MARK_LONG))
		return gori_registry_remove_long(at);
	gori_store(at, GORI_MARK_NONE);
	return (intptr_t)((mark & GORI_MARK_GRANULES) << GORI_REGISTRY_GRANULE_BITS) -
	       !(mark & GORI_MARK_FULL);
}

#pragma GCC visibility pop

#endif
