/* SPDX-License-Identifier: MIT */
/*
 * What: the mappings that a core's program had.
 *
 * How: our own cores have them as the kernel printed them.  In others, a segment is a mapping, and NT_FILE tells
 * which file it was of; gdb may leave out segments that the file has, so NT_FILE alone makes mappings too.  Where
 * there is no NT_FILE, the dynamic linker's list of what it has loaded (link_map), which is in memory, says which
 * files were loaded where, and the files' own headers how far each reaches.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/core.h"
#include "target/maps.h"

enum { MAX_LINK_MAPS = 1 << 14, MAX_DYNAMIC = 1024, MAX_PATH = 4096 };

#define PAGE_DOWN(x) ((x) & ~(uint64_t)(TARGET_PAGE - 1))
#define PAGE_UP(x) PAGE_DOWN((x) + TARGET_PAGE - 1)

typedef VEC(struct mapping) mapping_list;

/* ---- the dynamic linker's list ---------------------------------------------------------------------------- */

static uint64_t word(struct core *c, uint64_t addr)
{
	uint64_t v = 0;

	return core_memory(c, addr, &v, sizeof v) == sizeof v ? v : 0;
}

static const char *text(struct core *c, uint64_t addr)
{
	char buf[MAX_PATH];
	size_t n = addr ? core_memory(c, addr, buf, sizeof buf) : 0;

	return memchr(buf, 0, n) ? arena_str(&c->t.arena, buf) : "";
}

/* The segments of a file that was loaded with this bias. */
static void add_file(struct core *c, const char *path, uint64_t bias)
{
	int fd = core_find_file(c, path);
	Elf64_Phdr *ph;
	unsigned n = fd < 0 ? 0 : core_file_headers(c, fd, &ph);

	for (unsigned i = 0; i < n; i++) {
		struct core_range r = {.path = path};

		if (ph[i].p_type != PT_LOAD || ph[i].p_filesz > 1ull << 40)
			continue;
		r.lo = PAGE_DOWN(bias + ph[i].p_vaddr);
		r.hi = PAGE_UP(bias + ph[i].p_vaddr + ph[i].p_filesz);
		r.offset = PAGE_DOWN(ph[i].p_offset);
		if (r.lo < r.hi)
			*VEC_PUSH(&c->ranges) = r;
	}
	if (fd >= 0)
		close(fd);
}

/* Where the program's own headers and its dynamic section are. */
static bool find_program(struct core *c, const char *path, uint64_t *ret_bias, uint64_t *ret_dynamic)
{
	uint64_t at = core_aux(c, AT_PHDR);
	int fd = core_find_file(c, path);
	Elf64_Phdr *ph;
	unsigned n = fd < 0 ? 0 : core_file_headers(c, fd, &ph);

	*ret_bias = *ret_dynamic = 0;
	if (fd >= 0)
		close(fd);
	for (unsigned i = 0; i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			*ret_bias = at - ph[i].p_vaddr;
	for (unsigned i = 0; i < n; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			*ret_dynamic = *ret_bias + ph[i].p_vaddr;
	return n != 0;
}

static uint64_t first_link_map(struct core *c, uint64_t dynamic)
{
	for (unsigned i = 0; dynamic && i < MAX_DYNAMIC; i++, dynamic += 16) {
		uint64_t tag = word(c, dynamic);

		if (tag == DT_NULL)
			break;
		if (tag == DT_DEBUG)
			return word(c, word(c, dynamic + 8) + 8);
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct core_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void drop_overlaps(struct core *c)
{
	size_t n = 0;

	VEC_SORT(&c->ranges, by_address);
	for (size_t i = 0; i < c->ranges.n; i++)
		if (!n || c->ranges.items[i].lo >= c->ranges.items[n - 1].hi)
			c->ranges.items[n++] = c->ranges.items[i];
	c->ranges.n = n;
}

static void ranges_from_link_map(struct core *c)
{
	const char *path = c->options.exe ? c->options.exe : text(c, core_aux(c, AT_EXECFN));
	uint64_t bias, dynamic, map;

	if (!*path || !find_program(c, path, &bias, &dynamic)) {
		target_note(&c->t,
			    "%s does not say which files were mapped: name the program with --exe FILE",
			    c->path);
		return;
	}
	c->t.exe = path;
	c->has_program = true;
	add_file(c, path, bias);
	map = first_link_map(c, dynamic);
	for (unsigned i = 0; map && i < MAX_LINK_MAPS; i++, map = word(c, map + 24)) {
		const char *name = text(c, word(c, map + 8));

		if (i && *name == '/')
			add_file(c, name, word(c, map));
	}
	drop_overlaps(c);
}

/* ---- segments and files ------------------------------------------------------------------------------------ */

static void add(struct core *c, mapping_list *list, uint64_t lo, uint64_t hi, const struct core_segment *s,
		const struct core_range *r)
{
	uint64_t vdso = core_aux(c, AT_SYSINFO_EHDR);
	struct mapping m = {.lo = lo, .hi = hi, .path = ""};

	/* gdb leaves out what was mapped for reading only. */
	m.readable = !s || s->flags & PF_R;
	m.writable = s && s->flags & PF_W;
	m.executable = !s || s->flags & PF_X;
	if (r) {
		m.path = r->path;
		m.offset = r->offset + (lo - r->lo);
		m.inode = 1; /* a file's, whichever */
	} else if (vdso >= lo && vdso < hi) {
		m.path = "[vdso]";
	}
	*VEC_PUSH(list) = m;
}

/* Both lists are sorted; each piece between two borders becomes a mapping. */
static void merge(struct core *c, mapping_list *list)
{
	const struct core_segment *s = c->segments, *send = s + c->nsegments;
	const struct core_range *r = c->ranges.items, *rend = r ? r + c->ranges.n : r;
	uint64_t at = 0;

	while (s < send || r < rend) {
		bool in_s, in_r;
		uint64_t next = UINT64_MAX;

		if (s < send && s->hi <= at) {
			s++;
			continue;
		}
		if (r < rend && r->hi <= at) {
			r++;
			continue;
		}
		in_s = s < send && s->lo <= at;
		in_r = r < rend && r->lo <= at;
		if (s < send)
			next = in_s ? s->hi : s->lo;
		if (r < rend && (in_r ? r->hi : r->lo) < next)
			next = in_r ? r->hi : r->lo;
		if (in_s || in_r)
			add(c, list, at, next, in_s ? s : NULL, in_r ? r : NULL);
		at = next;
	}
}

/* The program is the file whose headers the kernel has told the program of. */
static void set_program(struct core *c)
{
	uint64_t at = core_aux(c, AT_PHDR);
	const struct mapping *m = at ? target_mapping(&c->t, at) : NULL;

	if (!m || !*m->path)
		m = (at = core_aux(c, AT_ENTRY)) ? target_mapping(&c->t, at) : NULL;
	if (c->has_program)
		return;
	if (m && m->path[0] == '/') {
		c->t.exe = m->path;
		c->has_program = true;
	} else {
		c->t.exe = c->command;
	}
}

void core_make_mappings(struct core *c)
{
	mapping_list list = {0};

	if (c->maps) {
		maps_parse(&c->t.arena, c->maps, c->maps_len, &c->t.mappings, &c->t.nmappings);
		set_program(c);
		return;
	}
	if (!c->ranges.n)
		ranges_from_link_map(c);
	merge(c, &list);
	c->t.mappings = arena_copy(&c->t.arena, list.items, list.n * sizeof list.items[0]);
	c->t.nmappings = list.n;
	VEC_FREE(&list);
	set_program(c);
}
