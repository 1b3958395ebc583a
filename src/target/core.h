/* SPDX-License-Identifier: MIT */
#ifndef TARGET_CORE_H
#define TARGET_CORE_H
/*
 * What: a target that is a file: a core of the kernel's or of gdb's, a snapshot, or what is left of one of these.
 *
 * How: core.c opens the file and reads memory from its segments; core_notes.c reads threads, signal, mappings'
 * names and our own metadata from its notes; core_maps.c makes mappings of all that; core_files.c finds the files
 * that were mapped, which have the memory that cores leave out; core_zstd.c unpacks.
 *
 * Invariants: nothing in the file is believed: every offset, size and count is compared with the size of the file
 * before it is used, and every address may be anything.  The file is read, never mapped, so that somebody who cuts
 * it off while we look causes short reads and no signal.
 */
#include <elf.h>

#include "base/vec.h"
#include "target/target.h"

enum {
	CORE_MAX_SEGMENTS = 1 << 21,
	CORE_MAX_THREADS = 1 << 22,
	CORE_MAX_RANGES = 1 << 21,
	CORE_MAX_NOTE = 256 << 20, /* bytes of one note */
	CORE_BLOCK = 1 << 14,
	CORE_NBLOCKS = 512,
	CORE_MAX_OPEN = 64, /* files of code open at a time */
};

/* A piece of memory: from lo to below hi; the first `size` bytes of it are in the file. */
struct core_segment {
	uint64_t lo, hi;
	uint64_t offset, size;
	uint32_t flags; /* PF_R, PF_W, PF_X */
};

/* A file was mapped here. */
struct core_range {
	uint64_t lo, hi, offset;
	const char *path;
};

/* A file of code on this machine, for one path of the core's. */
struct core_file {
	struct core_file *next; /* with the same hash */
	const char *path;       /* as the core has it */
	const char *found;      /* where it was found; NULL: nowhere */
	const char *why;        /* a sentence, if it cannot be used */
	int err;                /* negative errno to go with it */
	int fd;                 /* -1: closed, for the time being */
	Elf64_Phdr *ph;
	unsigned nph;
};

/* A piece of the core file, for words. */
struct core_block {
	uint64_t number; /* plus one; 0: none */
	size_t len;
	unsigned char *bytes;
};

struct core {
	struct target t;
	const char *path;
	struct core_options options;
	int fd;
	uint64_t size; /* of the file */

	struct core_segment *segments; /* by address, without overlaps */
	size_t nsegments;
	Elf64_Phdr *notes; /* PT_NOTE segments */
	size_t nnotes;

	VEC(struct core_range) ranges; /* by address, without overlaps */
	VEC(struct target_thread) threads;
	VEC(struct target_thread) own_threads; /* from our metadata: they replace the others */
	uint64_t (*auxv)[2];
	size_t nauxv;
	const char *command; /* name of the program in NT_PRPSINFO */
	const char *maps;    /* our metadata: /proc/PID/maps */
	size_t maps_len;
	uint32_t own_flags;          /* enum own_flags */
	bool has_own;                /* there is metadata of ours */
	bool has_program;            /* t.exe is the file that was mapped */
	struct target_signal signal; /* signo 0: none */

	struct core_block blocks[CORE_NBLOCKS];
	bool has_unknown;   /* a file was taken by its name alone */
	struct table files; /* hash of a path -> struct core_file */
	VEC(struct core_file *) open;
};

/* ---- core.c --------------------------------------------------------------------------------------------- */

/* Bytes of the file: as many as there are from the front. */
size_t core_pread(struct core *c, uint64_t offset, void *buf, size_t n);

/* Memory that the core itself has: as many bytes as there are from the front. */
size_t core_memory(struct core *c, uint64_t addr, void *buf, size_t n);

/* ---- core_notes.c --------------------------------------------------------------------------------------- */

int core_read_notes(struct core *c, struct error *e);

/* From the auxiliary vector; 0: it is not there. */
uint64_t core_aux(const struct core *c, uint64_t type);

/* ---- core_maps.c ---------------------------------------------------------------------------------------- */

void core_make_mappings(struct core *c);

/* ---- core_files.c --------------------------------------------------------------------------------------- */

int core_open_file(struct target *t, const struct mapping *m, struct error *e);

/* Memory that was never written to, from the file that was mapped. */
size_t core_file_memory(struct core *c, uint64_t addr, void *buf, size_t n);

/* Opens what the core calls path, without looking whether it is the right build: for lists of what was loaded. */
int core_find_file(struct core *c, const char *path);

/* ELF header and program headers of an open file of code: how many; 0: it is none.  *ret in t.arena. */
unsigned core_file_headers(struct core *c, int fd, Elf64_Phdr **ret);

void core_close_files(struct core *c);

/* ---- core_zstd.c ---------------------------------------------------------------------------------------- */

/* Replaces fd by a file without a name that has its bytes unpacked, if it is packed: the new one, or as it was.
 * Negative errno with a sentence. */
int core_unpack(int fd, const char *path, struct error *e);

#endif
