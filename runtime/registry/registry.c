/* SPDX-License-Identifier: MIT */
/*
 * What, how: registry/registry.h.  Here are what happens rarely, and the published table.
 *
 * Context: any.
 */
#define _GNU_SOURCE
#include "registry/registry.h"

#include <errno.h>
#include <sys/mman.h>

#include "abi/table.h"

_Alignas(4096) unsigned char *gori_registry[GORI_REGISTRY_REGIONS];

/* ---- the published table ------------------------------------------------------------------------------------ */

enum { BYPASSED, NENTRIES = 5 };

struct table {
	struct gori_table_head head;
	struct gori_table_entry entries[NENTRIES];
};

extern struct table gori_registry_table;

/* Not const: its addresses are relocated. */
__attribute__((section(".gorgon"), used, visibility("default"))) struct table gori_registry_table = {
	.head = {.cookie = {'g', 'o', 'r', 'g', 'r', 'e', 'g', 1},
		 .version = GORI_TABLE_VERSION,
		 .size = sizeof(struct table),
		 .nentries = NENTRIES,
		 .entry_size = sizeof(struct gori_table_entry),
		 .self = (uint64_t)(uintptr_t)&gori_registry_table},
	.entries = {[BYPASSED] = {"const.registry_bypassed", 0},
		    {"root.registry", (uint64_t)(uintptr_t)gori_registry},
		    {"const.registry_regions", GORI_REGISTRY_REGIONS},
		    {"const.registry_region", 1 << GORI_REGISTRY_REGION_BITS},
		    {"const.registry_granule", 1 << GORI_REGISTRY_GRANULE_BITS}},
};

void gori_registry_bypass(void)
{
	gori_store(&gori_registry_table.entries[BYPASSED].value, 1);
}

/* ---- regions ------------------------------------------------------------------------------------------------ */

/* Threads may race for it; one wins, and the others give theirs back. */
unsigned char *gori_registry_grow(uintptr_t addr)
{
	uintptr_t region = addr >> GORI_REGISTRY_REGION_BITS;
	unsigned char *marks;
	int saved = errno;

	if (region >= GORI_REGISTRY_REGIONS || addr % (1 << GORI_REGISTRY_GRANULE_BITS) ||
	    gori_load(&gori_registry_table.entries[BYPASSED].value))
		return NULL;
	marks = mmap(NULL, GORI_REGISTRY_MARKS, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (marks != MAP_FAILED) {
		madvise(marks, GORI_REGISTRY_MARKS, MADV_NOHUGEPAGE);
		if (!gori_cas(&gori_registry[region], NULL, marks))
			munmap(marks, GORI_REGISTRY_MARKS);
	}
	errno = saved;
	return gori_registry_mark(addr);
}

/* ---- long blocks ---------------------------------------------------------------------------------------------- */

bool gori_registry_add_long(unsigned char *mark, uintptr_t addr, size_t size)
{
	size_t rest = size, first = (addr >> GORI_REGISTRY_GRANULE_BITS) % GORI_REGISTRY_MARKS;

	if (first + GORI_MARK_DIGITS >= GORI_REGISTRY_MARKS ||
	    size >> (GORI_MARK_DIGITS * GORI_MARK_DIGIT_BITS))
		return false;
	for (int i = 1; i <= GORI_MARK_DIGITS; i++) {
		gori_store(&mark[i], (unsigned char)(GORI_MARK_DIGIT | rest % GORI_MARK_DIGIT));
		rest >>= GORI_MARK_DIGIT_BITS;
	}
	gori_store_rel(mark, GORI_MARK_LONG); /* after its digits, for whoever reads the stopped process */
	return true;
}

intptr_t gori_registry_remove_long(unsigned char *mark)
{
	intptr_t size = 0;

	for (int i = GORI_MARK_DIGITS; i > 0; i--)
		size = size << GORI_MARK_DIGIT_BITS | gori_load(&mark[i]) % GORI_MARK_DIGIT;
	gori_store(mark, GORI_MARK_NONE);
	for (int i = 1; i <= GORI_MARK_DIGITS; i++)
		gori_store_rel(&mark[i], GORI_MARK_NONE); /* after the mark */
	return size;
}
