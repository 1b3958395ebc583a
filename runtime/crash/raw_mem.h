/* SPDX-License-Identifier: MIT */
#ifndef RAW_MEM_H
#define RAW_MEM_H
/*
 * What: reading memory of this process that may not be there.
 *
 * How: see raw_mem.c.  All addresses that come from a stack, a register, a G or an ELF structure in memory
 * are read through a struct raw_mem and never dereferenced.
 *
 * Context: any.  One struct raw_mem belongs to one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAW_PAGE = 4096, RAW_NPAGES = 64 };

struct raw_mem {
	uint64_t tag[RAW_NPAGES]; /* page address + 1 (readable) or + 2 (not); 0: empty */
	int how;                  /* enum in raw_mem.c; 0: not known yet */
	uint64_t trusted;         /* this page is there: read it in place; 1: none is */
	_Alignas(64) unsigned char data[RAW_NPAGES][RAW_PAGE];
};

/* Forgets what was read: the program has run since. */
void raw_mem_reset(struct raw_mem *mem);

/* Forces the way that does without process_vm_readv, for tests. */
void raw_mem_use_fallback(struct raw_mem *mem);

/* Copies n bytes; false if any of them cannot be read (ret is then undefined). */
bool raw_read(struct raw_mem *mem, uint64_t addr, void *ret, size_t n);

/* Copies a string and ends it with a zero byte; its length, or -1 if it cannot be read.  Longer strings are
 * cut at cap - 1. */
int raw_read_text(struct raw_mem *mem, uint64_t addr, char *ret, size_t cap);

static inline bool raw_read_u64(struct raw_mem *mem, uint64_t addr, uint64_t *ret)
{
	return raw_read(mem, addr, ret, sizeof *ret);
}

#endif
