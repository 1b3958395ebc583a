/* SPDX-License-Identifier: MIT */
#ifndef RAW_MODULE_H
#define RAW_MODULE_H
/*
 * What: which loaded file a code address belongs to.
 *
 * How: glibc's _dl_find_object (2.35 and later), which takes no lock.  Rejected: dl_iterate_phdr (locks, and
 * programs replace it), /proc/self/maps (a descriptor, slow; says nothing of unwind tables).
 *
 * Context: any.
 */
#include <stdbool.h>
#include <stdint.h>

struct raw_module {
	uint64_t start, end; /* addresses it occupies */
	uint64_t bias;       /* address in memory minus address in the file */
	uint64_t eh_hdr;     /* PT_GNU_EH_FRAME, 0 if it has none */
	uint64_t name;       /* address of its path; "" for the main program */
};

/* The module that contains addr; false if there is none. */
bool raw_module_find(uint64_t addr, struct raw_module *ret);

#endif
