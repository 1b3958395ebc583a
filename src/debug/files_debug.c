/* SPDX-License-Identifier: MIT */
/*
 * What: separate debug information: where it may be, and whether it is the right one.
 *
 * How: by build id below /usr/lib/debug/.build-id, then by .gnu_debuglink beside the file, in .debug/ there, and
 * below /usr/lib/debug; each in the target's own root first, since a container's files are not ours, and last in
 * the folders that the user has named.  A build id that both files have decides; else the CRC of the debuglink has
 * to fit.  Rejected: libdwfl's search, which wants to own modules, and reads paths of its own root only.
 */
#define _GNU_SOURCE
#include "debug/files.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_DIR "/usr/lib/debug"

/* One search: what must fit, and what was found. */
struct search {
	struct module *m;
	const void *id;
	size_t id_len;
	bool has_crc;
	uint32_t crc;
	const char *seen; /* a file that was there and did not fit */
	Elf *found;
};

/* The CRC-32 of IEEE 802.3, as .gnu_debuglink has it. */
static bool file_crc(int fd, uint32_t *ret)
{
	static uint32_t table[256];
	unsigned char buf[1 << 14];
	uint32_t crc = ~0u;
	off_t at = 0;
	ssize_t n;

	for (unsigned i = 0; !table[255] && i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
		table[i] = c;
	}
	while ((n = pread(fd, buf, sizeof buf, at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = table[(crc ^ buf[i]) & 0xff] ^ crc >> 8;
		at += n;
	}
	*ret = ~crc;
	return n == 0;
}

static bool fits(const struct search *s, Elf *elf, int fd)
{
	const void *id;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);
	uint32_t crc;

	if (len > 0 && s->id_len)
		return (size_t)len == s->id_len && !memcmp(id, s->id, s->id_len);
	return s->has_crc && file_crc(fd, &crc) && crc == s->crc;
}

static bool try_path(struct search *s, const char *path)
{
	struct module_files *f = s->m->files;
	const char *why;
	struct stat st;
	Elf *elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return false;
	}
	elf = files_begin(s->m, path, fd, &why);
	if (elf && (!fits(s, elf, fd) || (!files_has_dwarf(elf) && !files_has_symtab(elf)))) {
		elf_end(elf);
		elf = NULL;
	}
	if (!elf && !s->seen)
		s->seen = arena_str(&s->m->owner->arena, path);
	files_end_fd(elf, fd);
	if (!elf)
		return false;
	s->found = elf;
	f->debug_path = base_strdup(path);
	return true;
}

/* In the target's root, then in ours. */
static bool try_roots(struct search *s, const char *fmt, const char *a, const char *b)
{
	struct target *t = s->m->owner->target;
	const char *root = t->ops->root ? t->ops->root(t) : NULL;
	char path[PATH_MAX], full[PATH_MAX];

	if (snprintf(path, sizeof path, fmt, a, b) >= (int)sizeof path)
		return false;
	if (root && *root && snprintf(full, sizeof full, "%s%s", root, path) < (int)sizeof full &&
	    try_path(s, full))
		return true;
	return try_path(s, path);
}

/* In the folders that the user has named. */
static bool try_folders(struct search *s, const char *below, const char *name)
{
	struct target *t = s->m->owner->target;
	const char *dir = t->ops->search_path ? t->ops->search_path(t) : NULL;
	char path[PATH_MAX];

	while (dir && *dir) {
		size_t n = strcspn(dir, ":");

		if (snprintf(path, sizeof path, "%.*s/%s%s", (int)n, dir, below, name) < (int)sizeof path &&
		    try_path(s, path))
			return true;
		dir += n + (dir[n] == ':');
	}
	return false;
}

static void build_id_name(const struct search *s, char *name, size_t size)
{
	const unsigned char *p = s->id;
	size_t at = 0;

	for (size_t i = 0; i < s->id_len && at + 4 < size; i++) {
		at += (size_t)snprintf(name + at, size - at, "%02x", p[i]);
		if (i == 0)
			name[at++] = '/';
	}
	name[at] = 0;
}

static bool by_build_id(struct search *s)
{
	char name[160 + sizeof ".debug"];

	if (s->id_len < 2)
		return false;
	build_id_name(s, name, 160);
	if (try_roots(s, DEBUG_DIR "/.build-id/%s.debug%s", name, ""))
		return true;
	strcat(name, ".debug");
	return try_folders(s, ".build-id/", name);
}

static bool by_debuglink(struct search *s, Elf *elf)
{
	const char *path = s->m->path, *slash = strrchr(path, '/'), *link;
	GElf_Word crc;
	char *dir;
	bool found;

	link = dwelf_elf_gnu_debuglink(elf, &crc);
	if (!link || !*link || strchr(link, '/') || !slash)
		return false;
	s->has_crc = true;
	s->crc = crc;
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		base_no_memory();
	found = try_roots(s, "%s/%s", dir, link) || try_roots(s, "%s/.debug/%s", dir, link) ||
		try_roots(s, DEBUG_DIR "%s/%s", dir, link) || try_folders(s, "", link) ||
		try_folders(s, ".debug/", link);
	free(dir);
	return found;
}

static void find_debug(struct module *m)
{
	struct search s = {.m = m};
	Elf *elf = files_elf(m);
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &s.id) : -1;

	s.id_len = len > 0 ? (size_t)len : 0;
	if (!s.id_len && m->build_id_len) {
		s.id = m->build_id;
		s.id_len = m->build_id_len;
	}
	if (by_build_id(&s) || (elf && by_debuglink(&s, elf))) {
		m->files->debug = s.found;
		return;
	}
	m->files->why_no_debug =
		s.seen ? arena_printf(&m->owner->arena,
				      "%s has no debug information, and %s does not belong to it", m->path,
				      s.seen)
		       : arena_printf(&m->owner->arena,
				      "%s has no debug information, and there is none in " DEBUG_DIR,
				      m->path);
}

Elf *files_debug(struct module *m)
{
	if (!m->files->tried_debug) {
		m->files->tried_debug = true;
		find_debug(m);
	}
	return m->files->debug;
}

/* ---- what several files share (dwz) ------------------------------------------------------------------------ */

static bool try_alt(struct search *s, Dwarf *dwarf, const char *fmt, const char *a, const char *b)
{
	struct module_files *f = s->m->files;
	char *path = f->debug_path;
	bool found;

	f->debug_path = NULL;
	found = try_roots(s, fmt, a, b);
	free(f->debug_path);
	f->debug_path = path;
	if (!found)
		return false;
	f->alt = s->found;
	f->alt_dwarf = dwarf_begin_elf(f->alt, DWARF_C_READ, NULL);
	if (f->alt_dwarf)
		dwarf_setalt(dwarf, f->alt_dwarf);
	return true;
}

void files_debug_alt(struct module *m, Dwarf *dwarf)
{
	const char *from = m->files->debug_path ? m->files->debug_path : m->path, *slash, *name;
	struct search s = {.m = m};
	char id[160], *dir;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &s.id);

	if (len <= 0 || dwarf_getalt(dwarf))
		return;
	s.id_len = (size_t)len;
	build_id_name(&s, id, sizeof id);
	if (try_alt(&s, dwarf, DEBUG_DIR "/.build-id/%s.debug%s", id, ""))
		return;
	if (name[0] == '/') {
		try_alt(&s, dwarf, "%s%s", name, "");
		return;
	}
	slash = strrchr(from, '/');
	dir = slash ? strndup(from, (size_t)(slash - from)) : NULL;
	if (dir)
		try_alt(&s, dwarf, "%s/%s", dir, name);
	free(dir);
}
