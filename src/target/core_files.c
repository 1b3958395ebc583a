/* SPDX-License-Identifier: MIT */
/*
 * What: the files that a core's program had mapped, as far as they are on this machine, and memory from them.
 *
 * How: a file is looked for where the user said (--exe; the folders of --lib-search-path, by its last name), then
 * by its path below --sysroot, or as it is.  It counts if its build id is the one that stands in the core's memory;
 * what is of another build is passed over, and named in a note.  A core that does not have that page (cut off, or
 * the kernel was told not to write it) leaves us no choice but to believe in the name, which a note says too.
 *
 * Memory is taken from a file only if its program headers say that nobody writes there: not .data, and not what
 * the dynamic linker writes before it makes it read-only (RELRO), which lie in a writable segment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/core.h"

enum { MAX_PHDRS = 4096, MAX_NOTES = 1 << 14, MAX_ID = 64 };

#define PAGE_DOWN(x) ((x) & ~(uint64_t)(TARGET_PAGE - 1))
#define PAGE_UP(x) PAGE_DOWN((x) + TARGET_PAGE - 1)

struct build_id {
	unsigned char bytes[MAX_ID];
	unsigned n;
};

/* ---- ELF headers and build ids ------------------------------------------------------------------------------ */

static bool is_code(const Elf64_Ehdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_machine == EM_X86_64 && eh->e_phentsize == sizeof(Elf64_Phdr) && eh->e_phnum &&
	       eh->e_phnum <= MAX_PHDRS;
}

unsigned core_file_headers(struct core *c, int fd, Elf64_Phdr **ret)
{
	Elf64_Ehdr eh;
	size_t size;

	if (pread(fd, &eh, sizeof eh, 0) != (ssize_t)sizeof eh || !is_code(&eh))
		return 0;
	size = eh.e_phnum * sizeof **ret;
	*ret = arena_alloc(&c->t.arena, size);
	return pread(fd, *ret, size, (off_t)eh.e_phoff) == (ssize_t)size ? eh.e_phnum : 0;
}

static bool find_build_id(const unsigned char *p, size_t n, struct build_id *ret)
{
	while (n >= sizeof(Elf64_Nhdr)) {
		size_t name, all;
		Elf64_Nhdr h;

		memcpy(&h, p, sizeof h);
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		all = sizeof h + name + (((size_t)h.n_descsz + 3) & ~(size_t)3);
		if (all > n)
			return false;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(p + sizeof h, "GNU", 4) &&
		    h.n_descsz && h.n_descsz <= MAX_ID) {
			memcpy(ret->bytes, p + sizeof h + name, h.n_descsz);
			ret->n = h.n_descsz;
			return true;
		}
		p += all;
		n -= all;
	}
	return false;
}

static void id_of_file(const struct core_file *f, struct build_id *ret)
{
	unsigned char buf[MAX_NOTES];

	ret->n = 0;
	for (unsigned i = 0; i < f->nph && !ret->n; i++) {
		size_t n = f->ph[i].p_filesz < sizeof buf ? f->ph[i].p_filesz : sizeof buf;
		ssize_t got = f->ph[i].p_type == PT_NOTE ? pread(f->fd, buf, n, (off_t)f->ph[i].p_offset) : 0;

		if (got > 0)
			find_build_id(buf, (size_t)got, ret);
	}
}

/* Where the file's first page was mapped; 0: nowhere. */
static uint64_t base_of(const struct core *c, const char *path)
{
	for (size_t i = 0; i < c->t.nmappings; i++)
		if (!c->t.mappings[i].offset && !strcmp(c->t.mappings[i].path, path))
			return c->t.mappings[i].lo;
	return 0;
}

/* The build that was loaded, out of the core's own bytes.  False: the core does not have the file's first page. */
static bool id_of_memory(struct core *c, const char *path, struct build_id *ret)
{
	uint64_t base = base_of(c, path), vaddr = 0;
	unsigned char buf[MAX_NOTES];
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	ret->n = 0;
	if (!base || core_memory(c, base, &eh, sizeof eh) != sizeof eh || !is_code(&eh))
		return false;
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < eh.e_phnum && !ret->n; i++) {
			uint64_t at = base + eh.e_phoff + i * sizeof ph;
			size_t n;

			if (core_memory(c, at, &ph, sizeof ph) != sizeof ph)
				return false;
			if (pass == 0 && ph.p_type == PT_LOAD && PAGE_DOWN(ph.p_offset) == 0)
				vaddr = PAGE_DOWN(ph.p_vaddr);
			if (pass == 0 || ph.p_type != PT_NOTE)
				continue;
			n = ph.p_filesz < sizeof buf ? ph.p_filesz : sizeof buf;
			n = core_memory(c, base + (ph.p_vaddr - vaddr), buf, n);
			find_build_id(buf, n, ret);
		}
	return true;
}

static const char *id_text(struct core *c, const struct build_id *id)
{
	char buf[2 * MAX_ID + 1] = "";

	for (unsigned i = 0; i < id->n; i++)
		snprintf(buf + 2 * i, 3, "%02x", id->bytes[i]);
	return arena_str(&c->t.arena, buf);
}

/* ---- finding ------------------------------------------------------------------------------------------------ */

/* A regular file, and nothing that opening could do something to. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

/* The i-th place where path may be; false: there are no more.  "": pass it over. */
static bool candidate(const struct core *c, const char *path, unsigned i, char *ret, size_t size)
{
	const struct core_options *o = &c->options;
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	*ret = '\0';
	if (i-- == 0) {
		if (o->exe && (!strcmp(path, o->exe) || (c->t.exe && !strcmp(path, c->t.exe))))
			snprintf(ret, size, "%s", o->exe);
		return true;
	}
	for (const char *dir = o->search_path; dir && *dir;) {
		size_t n = strcspn(dir, ":");

		if (i-- == 0) {
			snprintf(ret, size, "%.*s/%s", (int)n, dir, name);
			return true;
		}
		dir += n + (dir[n] == ':');
	}
	if (i)
		return false;
	snprintf(ret, size, "%s%s", o->sysroot ? o->sysroot : "", path);
	return true;
}

int core_find_file(struct core *c, const char *path)
{
	char name[PATH_MAX];

	for (unsigned i = 0; candidate(c, path, i, name, sizeof name); i++) {
		int fd = *name ? open_regular(name) : -ENOENT;

		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

/* Is the file at `name` what was mapped?  If so, f has it open. */
static bool fits(struct core *c, struct core_file *f, const char *name, const struct build_id *want,
		 struct build_id *ret_other)
{
	struct build_id id;

	f->fd = open_regular(name);
	if (f->fd < 0)
		return false;
	f->nph = core_file_headers(c, f->fd, &f->ph);
	id_of_file(f, &id);
	if (f->nph && (!want->n || (id.n == want->n && !memcmp(id.bytes, want->bytes, id.n)))) {
		f->found = arena_str(&c->t.arena, name);
		return true;
	}
	if (f->nph && !f->found) {
		f->found = arena_str(&c->t.arena, name);
		*ret_other = id;
	}
	close(f->fd);
	f->fd = -1;
	return false;
}

/* Once: it is usually so for all of them. */
static void note_unknown(struct core *c, const struct core_file *f)
{
	if (!c->has_unknown)
		target_note(
			&c->t,
			"%s does not say of which build %s was: it is believed to be the one that is here",
			c->path, f->path);
	c->has_unknown = true;
}

static void look_for(struct core *c, struct core_file *f)
{
	struct build_id want, other = {.n = 0};
	char name[PATH_MAX];
	bool known;

	known = id_of_memory(c, f->path, &want);
	for (unsigned i = 0; candidate(c, f->path, i, name, sizeof name); i++)
		if (*name && fits(c, f, name, &want, &other)) {
			*VEC_PUSH(&c->open) = f;
			if (!known)
				note_unknown(c, f);
			return;
		}
	f->err = -ENOENT;
	f->why = arena_printf(
		&c->t.arena,
		"%s, which was mapped, is not here: --lib-search-path or --sysroot may say where it is",
		f->path);
	if (!f->found)
		return;
	f->err = -ESTALE;
	f->why = want.n && other.n
			 ? arena_printf(&c->t.arena,
					"%s was changed since: the core is of build %s, this is %s", f->found,
					id_text(c, &want), id_text(c, &other))
			 : arena_printf(&c->t.arena, "%s is not the file that was mapped", f->found);
	f->found = NULL;
}

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h;
}

/* Closes one when there are too many. */
static void limit_open(struct core *c)
{
	if (c->open.n < CORE_MAX_OPEN)
		return;
	close(c->open.items[0]->fd);
	c->open.items[0]->fd = -1;
	memmove(c->open.items, c->open.items + 1, --c->open.n * sizeof c->open.items[0]);
}

static struct core_file *file_of(struct core *c, const char *path)
{
	uint64_t key = hash(path);
	struct core_file *first = table_get(&c->files, key), *f;

	for (f = first; f; f = f->next)
		if (!strcmp(f->path, path))
			break;
	if (!f) {
		limit_open(c);
		f = arena_new(&c->t.arena, struct core_file);
		f->path = path;
		f->fd = -1;
		f->next = first;
		table_put(&c->files, key, f);
		look_for(c, f);
		if (f->err == -ESTALE)
			target_note(&c->t, "%s", f->why);
	} else if (f->fd < 0 && !f->err) {
		limit_open(c);
		f->fd = open_regular(f->found);
		if (f->fd >= 0)
			*VEC_PUSH(&c->open) = f;
	}
	return f;
}

/* ---- what others ask ------------------------------------------------------------------------------------------ */

int core_open_file(struct target *t, const struct mapping *m, struct error *e)
{
	struct core *c = (struct core *)t;
	struct core_file *f;
	int fd;

	if (m->path[0] != '/')
		return error_set(e, -ENOENT, "no file is behind %s", *m->path ? m->path : "this memory");
	f = file_of(c, m->path);
	if (f->err)
		return error_set(e, f->err, "%s", f->why);
	fd = f->fd < 0 ? -1 : fcntl(f->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? error_sys(e, -errno, "%s", f->found) : fd;
}

static const Elf64_Phdr *constant_segment(const struct core_file *f, uint64_t offset)
{
	for (unsigned i = 0; i < f->nph; i++) {
		const Elf64_Phdr *ph = &f->ph[i];

		if (ph->p_type == PT_LOAD && !(ph->p_flags & PF_W) && offset >= PAGE_DOWN(ph->p_offset) &&
		    offset < PAGE_UP(ph->p_offset + ph->p_filesz))
			return ph;
	}
	return NULL;
}

size_t core_file_memory(struct core *c, uint64_t addr, void *buf, size_t n)
{
	const struct mapping *m = target_mapping(&c->t, addr);
	const struct core_file *f;
	const Elf64_Phdr *ph;
	uint64_t offset, end;
	ssize_t got;

	if (!m || m->path[0] != '/' || m->writable)
		return 0;
	f = file_of(c, m->path);
	offset = m->offset + (addr - m->lo);
	ph = f->fd >= 0 ? constant_segment(f, offset) : NULL;
	if (!ph)
		return 0;
	end = PAGE_UP(ph->p_offset + ph->p_filesz);
	if (n > m->hi - addr)
		n = m->hi - addr;
	if (n > end - offset)
		n = end - offset;
	got = pread(f->fd, buf, n, (off_t)offset);
	return got > 0 ? (size_t)got : 0;
}

void core_close_files(struct core *c)
{
	for (size_t i = 0; i < c->open.n; i++)
		close(c->open.items[i]->fd);
	VEC_FREE(&c->open);
	table_deinit(&c->files);
}
