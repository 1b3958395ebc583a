/* SPDX-License-Identifier: MIT */
/* What, how: snapshot/ranges.h. */
#define _GNU_SOURCE
#include "snapshot/ranges.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug/module.h"
#include "target/process.h"

enum {
	RED_ZONE = 128,
	MAX_SLOT = 8 << 20,    /* of one goroutine's stack */
	MAX_STACK = 256 << 10, /* of one thread's */
	MAX_DATA = 64 << 20,   /* of one module's */
	AROUND_FS = 4096,
	MAX_LINK_MAPS = 1 << 14,
	PAGEMAP_BATCH = 1 << 13,
};

#define PAGE_DOWN(x) ((x) & ~(uint64_t)(TARGET_PAGE - 1))
#define PAGE_UP(x) PAGE_DOWN((x) + TARGET_PAGE - 1)

/* Bits of an entry of /proc/PID/pagemap. */
#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)
#define PM_FILE (1ull << 61) /* a page of a file, or shared */

/* ---- touching ------------------------------------------------------------------------------------------------ */

static void touch(struct target *t, uint64_t addr, size_t n)
{
	char buf[1024];

	target_read_some(t, addr, buf, n < sizeof buf ? n : sizeof buf);
}

static void touch_name(struct target *t, uint64_t addr)
{
	char buf[4096];
	bool cut;

	if (addr)
		target_read_str(t, addr, buf, sizeof buf, &cut);
}

static void touch_link_maps(struct target *t, uint64_t debug)
{
	uint64_t map = 0, words[4];

	if (!debug || target_read_u64(t, debug + 8, &map) < 0)
		return;
	for (unsigned i = 0; map && i < MAX_LINK_MAPS; i++) {
		if (target_read(t, map, words, sizeof words) < 0)
			return;
		touch_name(t, words[1]);
		touch(t, words[2], 512);
		map = words[3];
	}
}

static void touch_aux(struct target *t)
{
	uint64_t auxv[512];
	ssize_t n = process_file((struct process *)t, "auxv", (char *)auxv, sizeof auxv);

	for (ssize_t i = 0; i + 1 < n / 8 && auxv[i]; i += 2) {
		if (auxv[i] == AT_EXECFN || auxv[i] == AT_PLATFORM)
			touch_name(t, auxv[i + 1]);
		if (auxv[i] == AT_PHDR)
			touch(t, auxv[i + 1], 1024);
	}
}

void ranges_touch(struct target *t, struct debug *d)
{
	touch_link_maps(t, modules_lookup(debug_modules(d), "_r_debug"));
	touch_aux(t);
}

/* ---- lists ---------------------------------------------------------------------------------------------------- */

static uint32_t flags_of(const struct mapping *m)
{
	return (m->readable ? PF_R : 0) | (m->writable ? PF_W : 0) | (m->executable ? PF_X : 0);
}

/* Whole pages, cut to the mappings that they lie in. */
static void add(range_list *list, const struct target *t, uint64_t lo, uint64_t hi)
{
	lo = PAGE_DOWN(lo);
	hi = PAGE_UP(hi);
	while (lo < hi) {
		const struct mapping *m = target_mapping(t, lo);
		uint64_t end;

		if (!m)
			return;
		end = hi < m->hi ? hi : m->hi;
		if (m->readable)
			*VEC_PUSH(list) = (struct range){lo, end, flags_of(m)};
		lo = end;
	}
}

static int by_address(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void normalise(range_list *list)
{
	size_t n = 0;

	VEC_SORT(list, by_address);
	for (size_t i = 0; i < list->n; i++) {
		const struct range *r = &list->items[i];
		struct range *last = n ? &list->items[n - 1] : NULL;

		if (last && r->lo <= last->hi && r->flags == last->flags) {
			if (r->hi > last->hi)
				last->hi = r->hi;
		} else {
			list->items[n++] = *r;
		}
	}
	list->n = n;
}

/* ---- pages ---------------------------------------------------------------------------------------------------- */

struct pagemap {
	int fd;
	uint64_t first; /* number of the page of entries[0] */
	size_t n;
	uint64_t entries[PAGEMAP_BATCH];
};

static bool open_pagemap(struct pagemap *pm, const struct target *t)
{
	memset(pm, 0, sizeof *pm);
	pm->fd = openat(((const struct process *)t)->dir, "pagemap", O_RDONLY | O_CLOEXEC);
	return pm->fd >= 0;
}

/* All bits set if it cannot be known. */
static uint64_t page_bits(struct pagemap *pm, uint64_t number)
{
	ssize_t r;

	if (number - pm->first >= pm->n) {
		pm->first = number;
		r = pread(pm->fd, pm->entries, sizeof pm->entries, (off_t)(number * 8));
		pm->n = r > 0 ? (size_t)r / 8 : 0;
		if (!pm->n)
			return ~0ull;
	}
	return pm->entries[number - pm->first];
}

/* Pages of a mapping that were touched; of a file only those that were written to. */
static void add_touched(range_list *list, const struct target *t, struct pagemap *pm, const struct mapping *m)
{
	bool is_file = m->path[0] == '/' && !m->shared;
	uint64_t start = 0;

	for (uint64_t at = m->lo; at <= m->hi; at += TARGET_PAGE) {
		uint64_t bits = at < m->hi ? page_bits(pm, at / TARGET_PAGE) : 0;
		bool wanted = bits & (PM_PRESENT | PM_SWAPPED) && !(is_file && bits & PM_FILE);

		if (wanted && !start)
			start = at;
		if (!wanted && start) {
			add(list, t, start, at);
			start = 0;
		}
	}
}

/* ---- minimal -------------------------------------------------------------------------------------------------- */

/* The live part of a goroutine's stack, up to the end of its G if that lies on top of it. */
static void add_stack(range_list *list, const struct target *t, uint64_t sp, uint64_t g)
{
	const struct mapping *m = sp ? target_mapping(t, sp) : NULL;
	uint64_t lo, hi;

	if (!m)
		return;
	lo = sp - RED_ZONE > m->lo ? sp - RED_ZONE : m->lo;
	if (g >= sp && g < m->hi && g - sp < MAX_SLOT)
		hi = g + 1;
	else
		hi = m->hi - sp < MAX_STACK ? m->hi : sp + MAX_STACK;
	add(list, t, lo, hi);
}

static void add_stacks(range_list *list, const struct world *w, const struct target *t)
{
	for (size_t i = 0; i < w->ngoroutines; i++) {
		const struct goroutine *g = &w->goroutines[i];

		if (g->stack.regs)
			add_stack(list, t, g->stack.regs->gpr[REG_RSP], g->addr);
	}
	ranges_threads(list, t);
}

void ranges_threads(range_list *list, const struct target *t)
{
	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];

		if (th->has_regs)
			add_stack(list, t, th->regs.gpr[REG_RSP], 0);
		if (th->fs_base > AROUND_FS)
			add(list, t, th->fs_base - AROUND_FS, th->fs_base + AROUND_FS);
	}
}

static void add_recorded(range_list *list, const struct target *t)
{
	const struct table *rec = &t->recorded;

	for (size_t i = 0; rec->entries && i <= rec->mask; i++)
		if (rec->entries[i].value)
			add(list, t, rec->entries[i].key * TARGET_PAGE,
			    (rec->entries[i].key + 1) * TARGET_PAGE);
}

static void add_data(range_list *list, struct target *t, struct pagemap *pm, const struct module *m)
{
	uint64_t budget = MAX_DATA;

	add(list, t, m->lo, m->path[0] == '[' ? m->hi : m->lo + TARGET_PAGE);
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *map = &t->mappings[i];

		if (map->hi <= m->lo || map->lo >= m->hi || map->shared || map->hi - map->lo > budget)
			continue;
		if (map->writable)
			add(list, t, map->lo, map->hi);
		else if (pm && !map->executable)
			add_touched(list, t, pm, map);
		else
			continue;
		budget -= map->hi - map->lo;
	}
}

void ranges_minimal(range_list *ret, const struct world *w, struct target *t, struct debug *d)
{
	struct pagemap *pm = base_malloc(sizeof *pm);
	bool has_pagemap = open_pagemap(pm, t);
	struct module *m;
	size_t n = modules_all(debug_modules(d), &m);

	add_stacks(ret, w, t);
	add_recorded(ret, t);
	for (size_t i = 0; i < n; i++)
		add_data(ret, t, has_pagemap ? pm : NULL, &m[i]);
	normalise(ret);
	if (has_pagemap)
		close(pm->fd);
	free(pm);
}

/* ---- full ----------------------------------------------------------------------------------------------------- */

static bool is_device(const struct mapping *m)
{
	return !strncmp(m->path, "/dev/", 5) && strncmp(m->path, "/dev/shm/", 9) &&
	       strcmp(m->path, "/dev/zero");
}

void ranges_full(range_list *ret, struct target *t)
{
	struct pagemap *pm = base_malloc(sizeof *pm);
	bool has_pagemap = open_pagemap(pm, t);

	/* RELRO that nobody had to relocate is as it was in the file, and is not believed to be. */
	add_recorded(ret, t);
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *m = &t->mappings[i];
		bool is_file = m->path[0] == '/';

		if (!m->readable || is_device(m) || !strcmp(m->path, "[vvar]") ||
		    !strcmp(m->path, "[vsyscall]"))
			continue;
		if (is_file && !m->offset) /* the ELF header, with the build id */
			add(ret, t, m->lo, m->lo + TARGET_PAGE);
		if (!has_pagemap || !strcmp(m->path, "[vdso]") || (is_file && m->writable && !m->shared))
			add(ret, t, m->lo, m->hi);
		else if (!is_file || !m->shared)
			add_touched(ret, t, pm, m);
	}
	normalise(ret);
	if (has_pagemap)
		close(pm->fd);
	free(pm);
}
