/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_MODULE_H
#define DEBUG_MODULE_H
/*
 * What: the files of code that a target has loaded, with their symbols, call frame information and DWARF.
 *
 * How: one struct module per file, found through the target's mappings.  Everything in a module is opened when it
 * is first asked for: a dump touches a few of them.  Separate debug information is looked for by build id
 * (/usr/lib/debug/.build-id/xx/yyyy.debug), then by .gnu_debuglink beside the file, in .debug/ and in
 * /usr/lib/debug; a dwz file is followed.  Symbols may be in .gnu_debugdata, too.  A file that was deleted or replaced is read through
 * /proc/PID/map_files; its build id is compared with the one in memory, and a file of another build is not used.
 *
 * The handles of libdw and libelf stay in this folder: nothing outside debug/ sees them.
 */
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/table.h"
#include "target/target.h"

struct modules;

struct symbol {
	uint64_t addr;    /* in the target */
	uint64_t size;    /* up to the next one if the file does not say; 0: a mere label */
	const char *name; /* as the file has it: debug/mangled.h */
	bool is_function;
};

struct module {
	const char *path; /* as the target names it */
	uint64_t lo, hi;  /* from lo to below hi */
	uint64_t bias;    /* address in the target minus address in the file */
	const char *
		missing; /* why there is no DWARF: a sentence; NULL: there is, or it was not looked for yet */
	uint8_t build_id[64];
	unsigned build_id_len;
	bool is_runtime; /* libgorgon.so */

	/* private to debug/ */
	struct modules *owner;
	struct module_files *files;
	struct symbol *symbols; /* sorted by address; all of them: .symtab, .dynsym, and of the debug file */
	size_t nsymbols;
	bool tried_symbols, tried_dwarf, tried_cfi;
	Dwarf *dwarf;          /* NULL: none */
	Dwarf_Addr dwarf_bias; /* target's address minus DWARF's */
	Dwarf_CFI *eh_cfi, *debug_cfi;
	Dwarf_Addr eh_bias, debug_bias;
	struct cu_index *cus; /* by address; made at the first question */
};

int modules_open(struct modules **ret, struct target *t, struct error *e);
void modules_close(struct modules *ms);

/* NULL if addr is in none. */
struct module *module_of(struct modules *ms, uint64_t addr);

/* All of them, by address. */
size_t modules_all(struct modules *ms, struct module **ret_first);

/* The DWARF of a module, opened at the first call; NULL if there is none (m->missing says why). */
Dwarf *module_dwarf(struct module *m);

/* Call frame information; either may be NULL.  Biases: target's address minus the one the table is made for. */
Dwarf_CFI *module_eh_cfi(struct module *m, Dwarf_Addr *ret_bias);
Dwarf_CFI *module_debug_cfi(struct module *m, Dwarf_Addr *ret_bias);

/* The compilation unit that has code at addr (of the target); false if none.  Uses DW_AT_ranges of every unit,
 * since clang writes no .debug_aranges. */
bool module_cu(struct module *m, uint64_t addr, Dwarf_Die *ret);

/* The symbol that addr is in; NULL.  functions_only: others are passed over. */
const struct symbol *module_symbol(struct module *m, uint64_t addr, bool functions_only);

/* A symbol by name over all modules: its address, 0 if there is none. */
uint64_t modules_lookup(struct modules *ms, const char *name);

/* File and line of the instruction at addr; false if unknown.  The strings live as long as the modules. */
bool module_line(struct module *m, uint64_t addr, const char **ret_file, int *ret_line);

/* Where the source is that the compiler was given as `name` (what __FILE__ is in it); NULL: no such unit, or several
 * in different directories.  Lives as long as the modules. */
const char *module_source(struct module *m, const char *name);

/* Address of this module's thread-local block for a thread with this fs base; false if it cannot be known. */
bool module_tls(struct module *m, uint64_t fs_base, uint64_t *ret);

#endif
