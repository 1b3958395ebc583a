/* SPDX-License-Identifier: MIT */
/*
 * What: the file that is loaded in a module: its headers, its build, and what can be read of it.
 *
 * How: headers and build id come from the target's memory, which is what runs; the file is what the target's
 * mapping leads to, even if its name leads elsewhere by now.  A file of another build is worse than none, so it
 * is not used.  Where there is no file, an image is put together from the loaded segments: it has no section
 * headers, but libdw finds .eh_frame through PT_GNU_EH_FRAME, which is what unwinding needs.
 *
 * Invariants: see files.h.
 */
#define _GNU_SOURCE
#include "debug/files.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- headers ----------------------------------------------------------------------------------------------- */

static bool is_ours(const Elf64_Ehdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_ident[EI_DATA] == ELFDATA2LSB && eh->e_machine == EM_X86_64 &&
	       (eh->e_type == ET_EXEC || eh->e_type == ET_DYN) && eh->e_phentsize == sizeof(Elf64_Phdr) &&
	       eh->e_phnum > 0 && eh->e_phnum <= FILES_MAX_PHDRS;
}

static int headers_from_memory(struct modules *ms, const struct mapping *map, struct elf_headers *ret)
{
	struct elf_headers h = {.in_memory = true};
	uint64_t at;

	if (map->offset || !map->readable || target_read(ms->target, map->lo, &h.eh, sizeof h.eh) < 0)
		return -EFAULT;
	if (!is_ours(&h.eh))
		return -ENOEXEC;
	at = map->lo + h.eh.e_phoff;
	h.nph = h.eh.e_phnum;
	h.ph = arena_array(&ms->arena, Elf64_Phdr, h.nph);
	if (h.eh.e_phoff > map->hi - map->lo || target_read(ms->target, at, h.ph, h.nph * sizeof h.ph[0]) < 0)
		return -EFAULT;
	*ret = h;
	return 0;
}

static int headers_from_file(struct modules *ms, const struct mapping *map, struct elf_headers *ret)
{
	struct elf_headers h = {0};
	int fd = ms->target->ops->open_file ? ms->target->ops->open_file(ms->target, map, NULL) : -ENOENT;
	int r = -EIO;
	size_t n;

	if (fd < 0)
		return fd;
	if (pread(fd, &h.eh, sizeof h.eh, 0) != (ssize_t)sizeof h.eh)
		goto out;
	r = -ENOEXEC;
	if (!is_ours(&h.eh))
		goto out;
	h.nph = h.eh.e_phnum;
	h.ph = arena_array(&ms->arena, Elf64_Phdr, h.nph);
	n = h.nph * sizeof h.ph[0];
	if (pread(fd, h.ph, n, (off_t)h.eh.e_phoff) != (ssize_t)n)
		goto out;
	*ret = h;
	r = 0;
out:
	close(fd);
	return r;
}

int files_headers(struct modules *ms, const struct mapping *map, bool may_open, struct elf_headers *ret)
{
	int r = headers_from_memory(ms, map, ret);

	/* Bytes that are there and no ELF header decide; what is not there may be in the file. */
	if (r == -EFAULT && may_open)
		r = headers_from_file(ms, map, ret);
	return r;
}

/* ---- build ids --------------------------------------------------------------------------------------------- */

/* The first note of this kind in n bytes; what is no chain of notes ends the search. */
static const unsigned char *find_build_id(const unsigned char *p, size_t n, unsigned *ret_len)
{
	while (n >= sizeof(Elf64_Nhdr)) {
		size_t name, desc, all;
		Elf64_Nhdr nh;

		memcpy(&nh, p, sizeof nh);
		name = ((size_t)nh.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)nh.n_descsz + 3) & ~(size_t)3;
		all = sizeof nh + name + desc;
		if (all > n)
			return NULL;
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 && !memcmp(p + sizeof nh, "GNU", 4)) {
			*ret_len = nh.n_descsz;
			return p + sizeof nh + name;
		}
		p += all;
		n -= all;
	}
	return NULL;
}

void files_build_id(struct module *m)
{
	const struct elf_headers *h = &m->files->headers;
	unsigned char buf[1024];

	for (unsigned i = 0; i < h->nph && !m->build_id_len; i++) {
		const Elf64_Phdr *ph = &h->ph[i];
		size_t n = ph->p_filesz < sizeof buf ? ph->p_filesz : sizeof buf;
		const unsigned char *id;
		unsigned len;

		if (ph->p_type != PT_NOTE || target_read(m->owner->target, m->bias + ph->p_vaddr, buf, n) < 0)
			continue;
		id = find_build_id(buf, n, &len);
		if (!id || !len || len > sizeof m->build_id)
			continue;
		memcpy(m->build_id, id, len);
		m->build_id_len = len;
	}
}

/* The build in elf is the one in memory, as far as can be told. */
static bool same_build(struct module *m, Elf *elf)
{
	const struct elf_headers *h = &m->files->headers;
	const void *id;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);
	size_t nph;

	if (len > 0 && m->build_id_len)
		return (unsigned)len == m->build_id_len && !memcmp(id, m->build_id, (size_t)len);
	if (!h->in_memory)
		return true;
	if (elf_getphdrnum(elf, &nph) || nph != h->nph)
		return false;
	for (unsigned i = 0; i < h->nph; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph) || memcmp(&ph, &h->ph[i], sizeof ph))
			return false;
	}
	return true;
}

/* ---- files ------------------------------------------------------------------------------------------------- */

int files_open_main(struct module *m, struct error *e)
{
	struct target *t = m->owner->target;

	if (!t->ops->open_file || m->path[0] != '/')
		return error_set(e, -ENOENT, "%s is in memory only", m->path);
	return t->ops->open_file(t, &m->files->map, e);
}

static const char *damaged(struct module *m, const char *name)
{
	return arena_printf(&m->owner->arena, "%s is no ELF file that can be read: %s", name, elf_errmsg(-1));
}

Elf *files_begin(struct module *m, const char *name, int fd, const char **ret_why)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	GElf_Ehdr eh;

	if (!elf) {
		*ret_why = damaged(m, name);
		return NULL;
	}
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) || gelf_getclass(elf) != ELFCLASS64 ||
	    eh.e_machine != EM_X86_64 || eh.e_ident[EI_DATA] != ELFDATA2LSB) {
		*ret_why = arena_printf(&m->owner->arena, "%s is no ELF file for x86-64", name);
		elf_end(elf);
		return NULL;
	}
	return elf;
}

void files_end_fd(Elf *elf, int fd)
{
	if (elf)
		elf_cntl(elf, ELF_C_FDREAD);
	close(fd);
}

/* The size of the file that the loaded segments are part of; 0: none, or too large to be true. */
static size_t image_size(const struct elf_headers *h)
{
	size_t size = sizeof(Elf64_Ehdr);

	for (unsigned i = 0; i < h->nph; i++) {
		const Elf64_Phdr *ph = &h->ph[i];

		if (ph->p_type != PT_LOAD)
			continue;
		if (ph->p_offset > FILES_MAX_IMAGE || ph->p_filesz > FILES_MAX_IMAGE)
			return 0;
		if (ph->p_offset + ph->p_filesz > size)
			size = ph->p_offset + ph->p_filesz;
	}
	return size <= FILES_MAX_IMAGE ? size : 0;
}

static void fill_image(struct module *m, unsigned char *image)
{
	const struct elf_headers *h = &m->files->headers;
	struct target *t = m->owner->target;

	for (unsigned i = 0; i < h->nph; i++) {
		const Elf64_Phdr *ph = &h->ph[i];

		/* Page by page: what is missing stays zero, and does not take its neighbours with it. */
		for (uint64_t done = 0; ph->p_type == PT_LOAD && done < ph->p_filesz;) {
			size_t n = ph->p_filesz - done < TARGET_PAGE ? ph->p_filesz - done : TARGET_PAGE;
			struct span s = {m->bias + ph->p_vaddr + done, image + ph->p_offset + done, n, false};

			target_read_spans(t, &s, 1);
			done += n;
		}
	}
}

/* Headers for the image: no sections, unless they were loaded too, as the vdso's are. */
static void fix_image(const struct elf_headers *h, unsigned char *image, size_t size)
{
	Elf64_Ehdr eh = h->eh;
	uint64_t phs = h->nph * sizeof(Elf64_Phdr);

	if (eh.e_shoff > size || (uint64_t)eh.e_shnum * sizeof(Elf64_Shdr) > size - eh.e_shoff) {
		eh.e_shoff = 0;
		eh.e_shnum = eh.e_shstrndx = 0;
	}
	if (eh.e_phoff <= size && phs <= size - eh.e_phoff)
		memcpy(image + eh.e_phoff, h->ph, phs);
	memcpy(image, &eh, sizeof eh);
}

static Elf *make_image(struct module *m)
{
	struct module_files *f = m->files;
	size_t size = f->headers.nph ? image_size(&f->headers) : 0;

	if (!size)
		return NULL;
	if (m->path[0] == '[' && size < f->map.hi - f->map.lo && f->map.hi - f->map.lo < 1 << 20) {
		/* The vdso is loaded as it is, sections included; not all of them belong to a segment. */
		size = f->map.hi - f->map.lo;
	}
	f->image = calloc(1, size);
	if (!f->image)
		return NULL;
	if (m->path[0] == '[')
		target_read_some(m->owner->target, f->map.lo, f->image, size);
	else
		fill_image(m, f->image);
	fix_image(&f->headers, f->image, size);
	f->is_image = true;
	return elf_memory((char *)f->image, size);
}

static void open_elf(struct module *m)
{
	struct module_files *f = m->files;
	const char *why = NULL;
	struct error e = {0};
	int fd = files_open_main(m, &e);

	if (fd < 0) {
		f->why_no_elf = arena_str(&m->owner->arena, *e.text ? e.text : "its file cannot be opened");
	} else {
		f->elf = files_begin(m, m->path, fd, &why);
		files_end_fd(f->elf, fd);
		f->why_no_elf = why;
	}
	if (f->elf && !same_build(m, f->elf)) {
		elf_end(f->elf);
		f->elf = NULL;
		f->why_no_elf = arena_printf(&m->owner->arena,
					     "%s is another build than the one that is running", m->path);
	}
	if (!f->elf)
		f->elf = make_image(m);
}

Elf *files_elf(struct module *m)
{
	if (!m->files->tried_elf) {
		m->files->tried_elf = true;
		open_elf(m);
	}
	return m->files->elf;
}

static bool has_section(Elf *elf, const char *want, unsigned type)
{
	Elf_Scn *scn = NULL;
	size_t strndx;

	if (elf_getshdrstrndx(elf, &strndx))
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, strndx, sh.sh_name) : NULL;

		if (name && sh.sh_type == type && !strcmp(name, want))
			return true;
	}
	return false;
}

bool files_has_dwarf(Elf *elf)
{
	return has_section(elf, ".debug_info", SHT_PROGBITS) ||
	       has_section(elf, ".zdebug_info", SHT_PROGBITS);
}

bool files_has_symtab(Elf *elf)
{
	return has_section(elf, ".symtab", SHT_SYMTAB);
}

static bool first_vaddr(Elf *elf, uint64_t *ret)
{
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return false;
		if (ph.p_type == PT_LOAD) {
			*ret = ph.p_vaddr;
			return true;
		}
	}
	return false;
}

uint64_t files_bias(struct module *m, Elf *elf)
{
	const struct elf_headers *h = &m->files->headers;
	uint64_t vaddr;

	for (unsigned i = 0; i < h->nph; i++)
		if (h->ph[i].p_type == PT_LOAD)
			return first_vaddr(elf, &vaddr) ? m->bias + h->ph[i].p_vaddr - vaddr : m->bias;
	return m->bias;
}

void files_deinit(struct module *m)
{
	struct module_files *f = m->files;

	cu_index_free(m->cus);
	free(m->symbols);
	free(f->reach);
	table_deinit(&f->names);
	dwarf_cfi_end(m->eh_cfi);
	dwarf_end(m->dwarf);
	dwarf_end(f->alt_dwarf);
	elf_end(f->alt);
	elf_end(f->main);
	elf_end(f->debug);
	elf_end(f->elf);
	free(f->image);
	free(f->debug_path);
}
