/* SPDX-License-Identifier: MIT */
/*
 * What: where a thread has its copy of a module's thread-local variables.
 *
 * How: glibc describes its own structures for debuggers in symbols (_thread_db_*: size in bits, count, offset):
 * from them come the module's number in its link_map and the thread's vector of blocks (DTV), which has the
 * address.  The program itself needs none of this: its block ends at the thread pointer (variant II of the
 * psABI's TLS), and what the vector says must agree.  Rejected: libthread_db, which wants to control the process.
 *
 * Invariants: every word is checked against another; what does not fit is `unknown`, never a guess.
 */
#include <string.h>

#include "debug/files.h"

enum { MAX_LINK_MAPS = 1 << 16, MAX_TLS_MODULES = 1 << 16, LINK_MAP_L_LD = 16, LINK_MAP_L_NEXT = 24 };

static const Elf64_Phdr *phdr_of(const struct module *m, unsigned type)
{
	const struct elf_headers *h = &m->files->headers;

	for (unsigned i = 0; i < h->nph; i++)
		if (h->ph[i].p_type == type)
			return &h->ph[i];
	return NULL;
}

/* The offset of a field that glibc describes under this name; false if it does not. */
static bool field(struct modules *ms, const char *name, uint32_t *ret)
{
	uint64_t at = modules_lookup(ms, name);
	uint32_t desc[3];

	if (!at || target_read(ms->target, at, desc, sizeof desc) < 0 || desc[0] > 64 * 8 ||
	    desc[2] > 1 << 16)
		return false;
	*ret = desc[2];
	return true;
}

/* The link_map of m in the list that begins at `map`; 0 if it is not in it. */
static uint64_t link_map_in(struct module *m, uint64_t map, uint64_t dynamic)
{
	struct target *t = m->owner->target;

	for (unsigned i = 0; map && i < MAX_LINK_MAPS; i++) {
		uint64_t ld;

		if (target_read_u64(t, map + LINK_MAP_L_LD, &ld) < 0)
			return 0;
		if (ld == dynamic)
			return map;
		if (target_read_u64(t, map + LINK_MAP_L_NEXT, &map) < 0)
			return 0;
	}
	return 0;
}

/* *ret_program: it is the first of the first namespace, which is the program. */
static uint64_t link_map_of(struct module *m, bool *ret_program)
{
	const Elf64_Phdr *dynamic = phdr_of(m, PT_DYNAMIC);
	uint64_t debug = modules_lookup(m->owner, "_r_debug"), map = 0;
	struct target *t = m->owner->target;
	int32_t version = 0;

	/* From version 2 on a pointer to the next namespace's list (dlmopen) stands behind the rest. */
	for (unsigned i = 0; dynamic && debug && !map && i < 16; i++) {
		uint64_t first;

		if (target_read(t, debug, &version, sizeof version) < 0 ||
		    target_read_u64(t, debug + 8, &first) < 0)
			return 0;
		map = link_map_in(m, first, m->bias + dynamic->p_vaddr);
		*ret_program = map && map == first && i == 0;
		if (version < 2 || target_read_u64(t, debug + 40, &debug) < 0)
			break;
	}
	return map;
}

/* Through the thread's vector.  map: the module's link_map. */
static bool block_in_dtv(struct module *m, uint64_t map, uint64_t fs_base, uint64_t *ret)
{
	struct target *t = m->owner->target;
	uint32_t modid_at, dtvp, val;
	uint64_t modid, dtv, n, block;

	if (!map || !field(m->owner, "_thread_db_link_map_l_tls_modid", &modid_at) ||
	    !field(m->owner, "_thread_db_pthread_dtvp", &dtvp) ||
	    !field(m->owner, "_thread_db_dtv_t_pointer_val", &val))
		return false;
	if (target_read_u64(t, map + modid_at, &modid) < 0 || !modid || modid > MAX_TLS_MODULES)
		return false;
	/* dtv[-1] is how many there is room for, dtv[0] a generation, dtv[modid] the block; 16 bytes each. */
	if (target_read_u64(t, fs_base + dtvp, &dtv) < 0 || target_read_u64(t, dtv - 16, &n) < 0 ||
	    modid > n || target_read_u64(t, dtv + 16 * modid + val, &block) < 0)
		return false;
	if (!block || block == ~0ull) /* this thread has not used it yet */
		return false;
	*ret = block;
	return true;
}

static bool is_static_program(const struct module *m)
{
	const char *exe = m->owner->target->exe;

	return !phdr_of(m, PT_INTERP) && exe && !strcmp(exe, m->path);
}

/* The program's own block: the first below the thread pointer. */
static uint64_t first_block(const Elf64_Phdr *tls, uint64_t fs_base)
{
	uint64_t align = tls->p_align ? tls->p_align : 1;
	uint64_t first = -tls->p_vaddr & (align - 1);

	return fs_base - (((tls->p_memsz - first + align - 1) & -align) + first);
}

bool module_tls(struct module *m, uint64_t fs_base, uint64_t *ret)
{
	const Elf64_Phdr *tls = phdr_of(m, PT_TLS);
	uint64_t self, map, block = 0;
	bool known, program = false;

	/* The word at the thread pointer is its own address. */
	if (!tls || !fs_base || target_read_u64(m->owner->target, fs_base, &self) < 0 || self != fs_base ||
	    (tls->p_align & (tls->p_align - 1)))
		return false;
	map = link_map_of(m, &program);
	known = block_in_dtv(m, map, fs_base, &block);
	if (program || (!map && is_static_program(m))) {
		uint64_t first = first_block(tls, fs_base);

		if (known && block != first)
			return false;
		block = first;
		known = true;
	}
	if (known)
		*ret = block;
	return known;
}
