/* SPDX-License-Identifier: MIT */
/*
 * What: which files of code a target has loaded, and the questions of debug/module.h.
 *
 * How: a mapping whose first bytes are an ELF header, and whose program headers fit what is mapped, begins a
 * module; the program headers say how far it reaches, so that pages which are not the file's any more (.bss,
 * code moved to huge pages) belong to it all the same.  A file that is only read (mapped flat) has no executable
 * mapping where its code should be, and is none.  Rejected: grouping by path alone, which takes two loads of one
 * file for one, and a data file for a module.
 */
#include "debug/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "base/vec.h"
#include "debug/files.h"

#define PAGE_DOWN(x) ((x) & ~(uint64_t)(TARGET_PAGE - 1))

static bool same_file(const struct mapping *a, const struct mapping *b)
{
	return a->inode == b->inode && a->dev == b->dev && !strcmp(a->path, b->path);
}

/* Code of this file is mapped somewhere in the run that begins at map. */
static bool has_code(const struct target *t, const struct mapping *map)
{
	const struct mapping *end = t->mappings + t->nmappings;

	for (const struct mapping *p = map; p < end; p++) {
		if (*p->path && !same_file(p, map))
			return false;
		if (p->executable && *p->path)
			return true;
	}
	return false;
}

/* The segment that the bytes at map's offset belong to; NULL: the file was not loaded, only mapped. */
static const Elf64_Phdr *segment_of(const struct elf_headers *h, const struct mapping *map)
{
	for (unsigned i = 0; i < h->nph; i++)
		if (h->ph[i].p_type == PT_LOAD && PAGE_DOWN(h->ph[i].p_offset) == map->offset)
			return &h->ph[i];
	return NULL;
}

/* The code that begins at addr is mapped from this place of map's file, or was moved to memory without a file. */
static bool is_code_at(const struct target *t, const struct mapping *map, uint64_t addr, uint64_t offset)
{
	const struct mapping *at = target_mapping(t, addr);

	if (!at || !at->executable)
		return false;
	return !*at->path || (same_file(at, map) && at->offset + (addr - at->lo) == offset);
}

/* What the program headers call code is mapped as code: the file was loaded there. */
static bool is_loaded(const struct target *t, const struct mapping *map, const struct elf_headers *h,
		      uint64_t bias)
{
	for (unsigned i = 0; i < h->nph; i++) {
		const Elf64_Phdr *ph = &h->ph[i];

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X) && ph->p_memsz &&
		    !is_code_at(t, map, bias + ph->p_vaddr, ph->p_offset))
			return false;
	}
	return true;
}

static uint64_t end_of(const struct elf_headers *h, uint64_t bias, uint64_t lo)
{
	uint64_t end = lo + TARGET_PAGE;

	for (unsigned i = 0; i < h->nph; i++) {
		uint64_t e = bias + h->ph[i].p_vaddr + h->ph[i].p_memsz;

		if (h->ph[i].p_type == PT_LOAD && e > end && h->ph[i].p_memsz < 1ull << 47)
			end = e;
	}
	return end;
}

/* Another file begins before `end`: headers that lie, or a hole that was given to somebody else. */
static uint64_t clamp_end(const struct target *t, const struct mapping *map, uint64_t end)
{
	const struct mapping *stop = t->mappings + t->nmappings;

	for (const struct mapping *p = map + 1; p < stop && p->lo < end; p++)
		if (*p->path && !same_file(p, map))
			return p->lo;
	return end;
}

/* The end of the run of mappings of one file. */
static uint64_t run_end(const struct target *t, const struct mapping *map)
{
	const struct mapping *stop = t->mappings + t->nmappings;
	uint64_t end = map->hi;

	for (const struct mapping *p = map + 1; p < stop && same_file(p, map); p++)
		end = p->hi;
	return end;
}

static bool is_runtime_path(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return !strncmp(base, "libgorgon.so", strlen("libgorgon.so"));
}

static void module_init(struct modules *ms, struct module *m, const struct mapping *map)
{
	memset(m, 0, sizeof *m);
	m->owner = ms;
	m->path = arena_str(&ms->arena, map->path);
	m->lo = map->lo;
	m->hi = map->hi;
	m->bias = map->lo - map->offset;
	m->is_runtime = is_runtime_path(m->path);
	m->files = arena_new(&ms->arena, struct module_files);
	m->files->map = *map;
}

/* Fills m from the mapping if a module begins there. */
static bool module_begin(struct modules *ms, struct module *m, const struct mapping *map)
{
	bool code = has_code(ms->target, map);
	const Elf64_Phdr *first;
	struct elf_headers h;
	uint64_t bias;
	int r;

	module_init(ms, m, map);
	r = files_headers(ms, map, code, &h);
	if (r < 0) {
		/* Its frames can be named at least. */
		m->hi = run_end(ms->target, map);
		return r != -ENOEXEC && code;
	}
	first = segment_of(&h, map);
	if (!first)
		return false;
	bias = map->lo - PAGE_DOWN(first->p_vaddr);
	if (!is_loaded(ms->target, map, &h, bias))
		return false;
	m->bias = bias;
	m->hi = clamp_end(ms->target, map, end_of(&h, bias, map->lo));
	m->files->headers = h;
	files_build_id(m);
	return true;
}

static bool may_begin(const struct mapping *map)
{
	return map->path[0] == '/' || !strcmp(map->path, "[vdso]");
}

int modules_open(struct modules **ret, struct target *t, struct error *e)
{
	VEC(struct module) found = {0};
	struct modules *ms;
	uint64_t end = 0;
	int r = 0;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return error_set(e, -ENOSYS, "libelf is older than the program that uses it");
	if (!t->nmappings && t->ops->load_mappings)
		r = t->ops->load_mappings(t, e);
	if (r < 0)
		return r;
	ms = base_malloc(sizeof *ms);
	memset(ms, 0, sizeof *ms);
	ms->target = t;
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *map = &t->mappings[i];
		struct module m;

		if (map->lo < end || !may_begin(map) || !module_begin(ms, &m, map))
			continue;
		*VEC_PUSH(&found) = m;
		end = m.hi;
	}
	ms->items = found.items;
	ms->n = found.n;
	*ret = ms;
	return 0;
}

void modules_close(struct modules *ms)
{
	if (!ms)
		return;
	for (size_t i = 0; i < ms->n; i++)
		files_deinit(&ms->items[i]);
	free(ms->items);
	arena_deinit(&ms->arena);
	free(ms);
}

struct module *module_of(struct modules *ms, uint64_t addr)
{
	size_t i = SEARCH_UPTO(ms->items, ms->n, hi, addr);

	return i < ms->n && ms->items[i].lo <= addr ? &ms->items[i] : NULL;
}

size_t modules_all(struct modules *ms, struct module **ret_first)
{
	*ret_first = ms->items;
	return ms->n;
}

/* ---- DWARF and call frame information ---------------------------------------------------------------------- */

static Dwarf *begin_dwarf(struct module *m, Elf *elf, const char **ret_why)
{
	Dwarf *dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;

	if (!dwarf && elf)
		*ret_why = arena_printf(&m->owner->arena, "the debug information of %s is damaged: %s",
					m->path, dwarf_errmsg(-1));
	return dwarf;
}

/* The loaded file itself as a source of DWARF. */
static Elf *main_with_dwarf(struct module *m, int *ret_fd, const char **ret_why)
{
	struct module_files *f = m->files;
	Elf *elf = files_elf(m);
	int fd;

	*ret_fd = -1;
	if (!elf || f->is_image || !files_has_dwarf(elf))
		return NULL;
	fd = files_open_main(m, NULL);
	if (fd < 0)
		return NULL;
	f->main = files_begin(m, m->path, fd, ret_why);
	*ret_fd = fd;
	return f->main;
}

static void open_dwarf(struct module *m)
{
	const char *why = NULL;
	int fd;
	Elf *elf = main_with_dwarf(m, &fd, &why);

	if (!elf && !why)
		elf = files_debug(m);
	if (elf && !files_has_dwarf(elf))
		elf = NULL;
	m->dwarf = begin_dwarf(m, elf, &why);
	if (m->dwarf) {
		files_debug_alt(m, m->dwarf);
		m->dwarf_bias = files_bias(m, elf);
	}
	if (fd >= 0)
		files_end_fd(elf, fd);
	if (m->dwarf)
		return;
	if (!why)
		why = m->files->why_no_elf ? m->files->why_no_elf : m->files->why_no_debug;
	m->missing = why ? why : arena_printf(&m->owner->arena, "%s has no debug information", m->path);
}

Dwarf *module_dwarf(struct module *m)
{
	if (!m->tried_dwarf) {
		m->tried_dwarf = true;
		open_dwarf(m);
	}
	return m->dwarf;
}

Dwarf_CFI *module_eh_cfi(struct module *m, Dwarf_Addr *ret_bias)
{
	if (!m->tried_cfi) {
		Elf *elf = files_elf(m);

		m->tried_cfi = true;
		m->eh_cfi = elf ? dwarf_getcfi_elf(elf) : NULL;
		m->eh_bias = elf ? files_bias(m, elf) : 0;
	}
	*ret_bias = m->eh_bias;
	return m->eh_cfi;
}

Dwarf_CFI *module_debug_cfi(struct module *m, Dwarf_Addr *ret_bias)
{
	Dwarf *dwarf = module_dwarf(m);

	if (dwarf && !m->debug_cfi) {
		m->debug_cfi = dwarf_getcfi(dwarf);
		m->debug_bias = m->dwarf_bias;
	}
	*ret_bias = m->debug_bias;
	return m->debug_cfi;
}
