/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_FILES_H
#define DEBUG_FILES_H
/*
 * What: the files behind a module, private to debug/: the one that is loaded, and the one that has its debug
 * information.
 *
 * How: files.c opens the loaded one, makes sure that it is the build that is in memory, and puts an ELF image
 * together from memory where there is no such file (the vdso, a file that is gone).  files_debug.c looks for
 * separate debug information.  symbols.c and cu.c make the tables that module.h asks.
 *
 * Invariants: nothing that stands in a file or in the target's memory is believed: sizes and counts are bounded
 * before they are used.  No descriptor stays open: a program may have a thousand modules.
 */
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "debug/module.h"

enum {
	FILES_MAX_PHDRS = 4096,
	FILES_MAX_IMAGE = 256 << 20, /* bytes of one image put together from memory */
};

struct modules {
	struct target *target;
	struct module *items; /* by address; their ranges are disjoint */
	size_t n;
	struct arena arena;
};

/* The headers of an ELF file: as they are in memory, or in the file if memory does not have them. */
struct elf_headers {
	Elf64_Ehdr eh;
	Elf64_Phdr *ph; /* in the arena of the modules */
	unsigned nph;
	bool in_memory;
};

struct module_files {
	struct mapping map; /* the first of the file */
	struct elf_headers headers;

	bool tried_elf;
	bool is_image;          /* elf was put together from memory */
	Elf *elf;               /* what is loaded; NULL: neither file nor memory */
	unsigned char *image;   /* its bytes, if it is an image */
	char *debug_path;       /* what debug was opened as, for files it refers to */
	const char *why_no_elf; /* a sentence, if the file could not be used */
	const char *why_no_debug;

	bool tried_debug;
	Elf *debug; /* separate debug information; NULL: none */
	Elf *main;  /* the loaded file once more, while it is the one with the DWARF */
	Elf *alt;   /* what both share (dwz) */
	Dwarf *alt_dwarf;

	uint64_t *reach;    /* of symbols[0] to symbols[i]: where the last one ends */
	struct table names; /* hash of a name -> struct symbol */
	bool named;
};

/* ---- files.c -------------------------------------------------------------------------------------------- */

/* Reads the headers at a mapping's start, or of its file if may_open: 0; -ENOEXEC: no ELF file of this machine;
 * another errno: not readable. */
int files_headers(struct modules *ms, const struct mapping *map, bool may_open, struct elf_headers *ret);

/* The build id of the notes in memory, if they are there. */
void files_build_id(struct module *m);

/* The file that is loaded; NULL if there is nothing to read (files->why_no_elf). */
Elf *files_elf(struct module *m);

/* An Elf of an open file; NULL with a sentence.  The descriptor belongs to the caller, who calls files_end_fd. */
Elf *files_begin(struct module *m, const char *name, int fd, const char **ret_why);

/* Closes fd, after which elf is used without it.  libdw wants it in dwarf_begin_elf: it finds other files beside
 * this one. */
void files_end_fd(Elf *elf, int fd);

/* The mapped file, open for reading, or negative errno. */
int files_open_main(struct module *m, struct error *e);

bool files_has_dwarf(Elf *elf);
bool files_has_symtab(Elf *elf);

/* Address in the target minus address in elf, which may be linked elsewhere than what is loaded. */
uint64_t files_bias(struct module *m, Elf *elf);

void files_deinit(struct module *m);

/* ---- files_debug.c -------------------------------------------------------------------------------------- */

/* Separate debug information, found at the first call; NULL.  Its symbols are often more, too. */
Elf *files_debug(struct module *m);

/* Shared debug information that dwarf refers to and libdw did not find by itself. */
void files_debug_alt(struct module *m, Dwarf *dwarf);

/* ---- symbols.c ------------------------------------------------------------------------------------------ */

void symbols_load(struct module *m);

struct symbol_list;
/* One symbol more, from a table of any kind.  limit: end of the section that it is in. */
/* The dynamic symbols of an image, by way of its dynamic section. */
void symbols_dynamic(struct symbol_list *l, struct module *m);

void symbols_add(struct symbol_list *l, const struct symbol *s, unsigned rank, uint64_t limit);

/* ---- symbols_mini.c ------------------------------------------------------------------------------------- */

/* What .gnu_debugdata has, if anything. */
void symbols_mini(struct symbol_list *l, struct module *m, Elf *elf);

/* ---- symbols_plt.c -------------------------------------------------------------------------------------- */

/* name@plt for the entries of the procedure linkage table. */
void symbols_plt(struct symbol_list *l, struct module *m, Elf *elf);

/* ---- cu.c ------------------------------------------------------------------------------------------------ */

void cu_index_free(struct cu_index *ix);

/* ---- lines.c --------------------------------------------------------------------------------------------- */

/* The line table of a unit as cu.c keeps it; all zero: not looked at yet. */
struct cu_lines {
	bool tried;
	Dwarf_Lines *lines;
	size_t n;
	struct table joined; /* address of a name -> the name behind DW_AT_comp_dir */
};

/* A file's name, behind the directory of the compilation if it is relative. */
const char *cu_lines_path(struct cu_lines *l, Dwarf_Die *cu, struct arena *a, const char *name);

/* addr is the file's. */
bool cu_lines_find(struct cu_lines *l, Dwarf_Die *cu, struct arena *a, Dwarf_Addr addr, const char **ret_file,
		   int *ret_line);

#endif
