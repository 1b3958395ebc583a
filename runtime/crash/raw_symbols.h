/* SPDX-License-Identifier: MIT */
#ifndef RAW_SYMBOLS_H
#define RAW_SYMBOLS_H
/*
 * What: the name of the function that a code address is in.
 *
 * How: raw_symbols.c.  Context: any; one struct raw_symbols belongs to one thread at a time.
 */
#include "crash/raw_mem.h"
#include "crash/raw_module.h"
#include "crash/raw_sort.h"

enum { RAW_NSYMTABS = 64, RAW_NNAMES = 1024, RAW_PATH = 256 };

/* The function symbols of one module, sorted by address. */
struct raw_symtab {
	struct raw_module mod;
	char path[RAW_PATH];    /* for people; "" if not known */
	unsigned char *syms;    /* Elf64_Sym; pages of our own */
	char *names;            /* string table, ends with a zero byte; pages of our own */
	struct raw_pair *order; /* function symbols: address - mod.start, index in syms */
	size_t syms_size, names_size, order_size;
	uint32_t norder;
	bool is_main;
	bool marked; /* raw_own_mark has been here */
};

struct raw_symbol {
	const char *name; /* NULL: not known; valid until raw_symbols_reset */
	uint32_t name_len;
	uint64_t start;               /* of the function, or of the module if the name is not known */
	bool runtime;                 /* after raw_own_mark: the runtime's */
	const struct raw_symtab *tab; /* NULL: in no module */
};

struct raw_symbols {
	struct raw_mem *mem;
	uint32_t ntabs;
	struct raw_symtab tabs[RAW_NSYMTABS];
	struct {
		uint64_t pc;
		struct raw_symbol sym;
	} cache[RAW_NNAMES];
};

/* Gives back all memory, forgets everything. */
void raw_symbols_reset(struct raw_symbols *s);

/* The function at pc.  The reference stays good until another call that finds something. */
const struct raw_symbol *raw_symbols_find(struct raw_symbols *s, uint64_t pc);

/* Set in order[].value by raw_own_mark. */
#define RAW_SYM_RUNTIME ((uint64_t)1 << 63)

/* The table of the module at pc, loaded now if it is new; NULL if there is none, or there are too many. */
struct raw_symtab *raw_symbols_table(struct raw_symbols *s, uint64_t pc);

/*
 * Finds out which functions of a program are the runtime's, if it was linked statically: raw_own.c.  To be
 * called before names of this table are looked up.
 */
void raw_own_mark(struct raw_symtab *tab);

/* Last component of a path. */
const char *raw_basename(const char *path);

#endif
