/* SPDX-License-Identifier: MIT */
/*
 * What: opens a core file, reads its program headers, and memory from its segments.
 *
 * How: a table of segments, sorted, so that the segment of an address is found in as many steps as their number has
 * bits: a snapshot of a million goroutines has a million.  Words are read through a cache of blocks of the file.
 * What p_filesz leaves out of p_memsz was not written to the file: it is not zero, it is unknown, unless it can be
 * read from the file that was mapped there (core_files.c).
 *
 * Rejected: mapping the file, which saves copies and ends in SIGBUS when somebody truncates it; libelf, which
 * believes what it reads of segments, and libdwfl's core reader, which searches them one after the other.
 *
 * Invariants: segments do not overlap: where two claim the same address, the first in the file has it.
 */
#define _GNU_SOURCE
#include "target/core.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/search.h"

/* ---- bytes of the file ------------------------------------------------------------------------------------ */

static size_t pread_all(int fd, uint64_t offset, void *buf, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		r = pread(fd, (char *)buf + got, n - got, (off_t)(offset + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	return got;
}

static const struct core_block *block_at(struct core *c, uint64_t offset)
{
	uint64_t number = offset / CORE_BLOCK + 1;
	struct core_block *b = &c->blocks[number % CORE_NBLOCKS];

	if (b->number == number)
		return b;
	if (!b->bytes)
		b->bytes = base_malloc(CORE_BLOCK);
	b->number = number;
	b->len = pread_all(c->fd, (number - 1) * CORE_BLOCK, b->bytes, CORE_BLOCK);
	return b;
}

size_t core_pread(struct core *c, uint64_t offset, void *buf, size_t n)
{
	size_t got = 0;

	if (offset >= c->size)
		return 0;
	if (n > c->size - offset)
		n = c->size - offset;
	if (n >= CORE_BLOCK)
		return pread_all(c->fd, offset, buf, n);
	while (got < n) {
		const struct core_block *b = block_at(c, offset + got);
		size_t at = (offset + got) % CORE_BLOCK, piece = b->len > at ? b->len - at : 0;

		if (piece > n - got)
			piece = n - got;
		if (!piece)
			break;
		memcpy((char *)buf + got, b->bytes + at, piece);
		got += piece;
	}
	return got;
}

/* ---- memory --------------------------------------------------------------------------------------------- */

/* The first segment that ends above addr; NULL: none does. */
static const struct core_segment *segment_from(const struct core *c, uint64_t addr)
{
	size_t i = SEARCH_UPTO(c->segments, c->nsegments, hi, addr);

	return i < c->nsegments ? &c->segments[i] : NULL;
}

static size_t piece_of_core(struct core *c, uint64_t addr, void *buf, size_t n)
{
	const struct core_segment *s = segment_from(c, addr);

	if (!s || addr < s->lo || addr - s->lo >= s->size)
		return 0;
	if (n > s->size - (addr - s->lo))
		n = s->size - (addr - s->lo);
	return core_pread(c, s->offset + (addr - s->lo), buf, n);
}

size_t core_memory(struct core *c, uint64_t addr, void *buf, size_t n)
{
	size_t got = 0, piece;

	while (got < n && (piece = piece_of_core(c, addr + got, (char *)buf + got, n - got)))
		got += piece;
	return got;
}

/* Up to the next byte that the core has by itself. */
static size_t piece_of_file(struct core *c, uint64_t addr, void *buf, size_t n)
{
	const struct core_segment *s = segment_from(c, addr);

	if (s && s->lo <= addr)
		s = s + 1 < c->segments + c->nsegments ? s + 1 : NULL;
	if (s && s->lo - addr < n)
		n = s->lo - addr;
	return core_file_memory(c, addr, buf, n);
}

static size_t core_read(struct target *t, uint64_t addr, void *buf, size_t n)
{
	struct core *c = (struct core *)t;
	size_t got = 0, piece;

	while (got < n) {
		piece = piece_of_core(c, addr + got, (char *)buf + got, n - got);
		if (!piece)
			piece = piece_of_file(c, addr + got, (char *)buf + got, n - got);
		if (!piece)
			break;
		got += piece;
	}
	return got;
}

static bool core_piece(struct target *t, uint64_t lo, uint64_t hi, uint64_t *ret_lo, uint64_t *ret_hi)
{
	const struct core *c = (const struct core *)t;
	const struct core_segment *s = segment_from(c, lo), *end = c->segments + c->nsegments;

	for (; s && s < end && s->lo < hi; s++) {
		if (lo >= s->lo + s->size)
			continue;
		*ret_lo = lo > s->lo ? lo : s->lo;
		*ret_hi = hi < s->lo + s->size ? hi : s->lo + s->size;
		return *ret_lo < *ret_hi;
	}
	return false;
}

/* ---- program headers ------------------------------------------------------------------------------------ */

static int by_address(const void *a, const void *b)
{
	const struct core_segment *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Cuts off what another segment has already, in memory; and ends where segments have more bytes than there are in the
 * file: a few bytes that are mapped everywhere would be an endless memory. */
static void remove_overlaps(struct core *c)
{
	uint64_t end = 0, left = c->size;
	size_t n = 0;

	qsort(c->segments, c->nsegments, sizeof c->segments[0], by_address);
	for (size_t i = 0; i < c->nsegments; i++) {
		struct core_segment s = c->segments[i];

		if (s.lo < end) {
			uint64_t cut = end - s.lo;

			s.lo = end;
			s.offset += cut < s.size ? cut : s.size;
			s.size -= cut < s.size ? cut : s.size;
		}
		if (s.lo >= s.hi)
			continue;
		end = s.hi;
		s.size = s.size < left ? s.size : left;
		left -= s.size;
		c->segments[n++] = s;
	}
	c->nsegments = n;
}

static void add_segment(struct core *c, const Elf64_Phdr *ph)
{
	uint64_t most = ph->p_memsz > ph->p_filesz ? ph->p_memsz : ph->p_filesz, room = -ph->p_vaddr;
	struct core_segment s = {.lo = ph->p_vaddr, .offset = ph->p_offset, .flags = ph->p_flags};

	if (ph->p_vaddr && most >= room)
		most = room - 1; /* up to the end of the address space */
	if (!most || s.lo + most < s.lo)
		return;
	s.hi = s.lo + most;
	s.size = ph->p_filesz < most ? ph->p_filesz : most;
	if (s.offset > c->size)
		s.size = 0;
	else if (s.size > c->size - s.offset)
		s.size = c->size - s.offset;
	if (s.flags & PF_W && ph->p_filesz < most)
		c->t.partial =
			"memory that was written to was left out of it (see core(5) about coredump_filter)";
	c->segments[c->nsegments++] = s;
}

/* What the headers say that the file has, and it has not. */
static void note_truncation(struct core *c, const Elf64_Phdr *ph, size_t n)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n; i++)
		if ((ph[i].p_type == PT_LOAD || ph[i].p_type == PT_NOTE) && ph[i].p_filesz &&
		    ph[i].p_offset + ph[i].p_filesz > end && ph[i].p_offset < UINT64_MAX - ph[i].p_filesz)
			end = ph[i].p_offset + ph[i].p_filesz;
	if (end <= c->size)
		return;
	c->t.partial = "it is cut off";
	target_note(&c->t,
		    "%s is cut off: %" PRIu64 " of %" PRIu64
		    " bytes are there; memory that was in the rest is missing",
		    c->path, c->size, end);
}

static void take_headers(struct core *c, const Elf64_Phdr *ph, size_t n)
{
	size_t loads = 0, notes = 0;

	for (size_t i = 0; i < n; i++) {
		loads += ph[i].p_type == PT_LOAD;
		notes += ph[i].p_type == PT_NOTE;
	}
	c->segments = arena_array(&c->t.arena, struct core_segment, loads);
	c->notes = arena_array(&c->t.arena, Elf64_Phdr, notes);
	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type == PT_LOAD)
			add_segment(c, &ph[i]);
		else if (ph[i].p_type == PT_NOTE)
			c->notes[c->nnotes++] = ph[i];
	}
	note_truncation(c, ph, n);
	remove_overlaps(c);
}

/* More than fit into e_phnum: their number stands in the first section header. */
static int count_headers(struct core *c, const Elf64_Ehdr *eh, uint64_t *ret, struct error *e)
{
	Elf64_Shdr sh;

	*ret = eh->e_phnum;
	if (eh->e_phnum != PN_XNUM)
		return 0;
	if (!eh->e_shoff || core_pread(c, eh->e_shoff, &sh, sizeof sh) != sizeof sh)
		return error_set(e, -EILSEQ,
				 "%s: the number of its segments should stand at offset %" PRIu64
				 ", and the file has %" PRIu64 " bytes",
				 c->path, (uint64_t)eh->e_shoff, c->size);
	*ret = sh.sh_info;
	return 0;
}

static int read_headers(struct core *c, const Elf64_Ehdr *eh, struct error *e)
{
	Elf64_Phdr *ph;
	uint64_t n;
	size_t got;
	int r = count_headers(c, eh, &n, e);

	if (r < 0)
		return r;
	if (!n || n > CORE_MAX_SEGMENTS || eh->e_phentsize != sizeof *ph)
		return error_set(e, -EILSEQ, "%s is damaged: %" PRIu64 " program headers of %u bytes",
				 c->path, n, eh->e_phentsize);
	if (eh->e_phoff >= c->size)
		return error_set(e, -EILSEQ,
				 "%s is damaged: its program headers should be at offset %" PRIu64
				 ", and it has %" PRIu64 " bytes",
				 c->path, (uint64_t)eh->e_phoff, c->size);
	if (n > (c->size - eh->e_phoff) / sizeof *ph) {
		target_note(&c->t, "%s ends within its program headers", c->path);
		n = (c->size - eh->e_phoff) / sizeof *ph;
	}
	ph = base_malloc(n * sizeof *ph + 1);
	got = pread_all(c->fd, eh->e_phoff, ph, n * sizeof *ph) / sizeof *ph;
	take_headers(c, ph, got);
	free(ph);
	return 0;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static int check_header(const struct core *c, const Elf64_Ehdr *eh, size_t n, struct error *e)
{
	static const char *const kinds[] = {"nothing", "an object file", "a program", "a program or library"};

	if (!n)
		return error_set(e, -ENOEXEC, "%s is empty", c->path);
	if (n < SELFMAG || memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return error_set(e, -ENOEXEC, "%s is no core file", c->path);
	if (n < sizeof *eh)
		return error_set(e, -EILSEQ, "%s ends within its header, after %zu bytes", c->path, n);
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != EM_X86_64)
		return error_set(e, -ENOEXEC, "%s is of another machine: cores of x86-64 can be read",
				 c->path);
	if (eh->e_type != ET_CORE)
		return error_set(e, -ENOEXEC, "%s is no core file but %s", c->path,
				 eh->e_type < 4 ? kinds[eh->e_type] : "another kind of ELF file");
	return 0;
}

static int open_core(struct core *c, struct error *e)
{
	struct stat st;
	Elf64_Ehdr eh;
	size_t n;
	int r;

	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->fd < 0)
		return error_sys(e, -errno, "%s", c->path);
	if (fstat(c->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(e, -EINVAL, "%s is no file", c->path);
	r = core_unpack(c->fd, c->path, e);
	if (r < 0)
		return r;
	c->fd = r;
	if (fstat(c->fd, &st) < 0)
		return error_sys(e, -errno, "%s", c->path);
	c->size = (uint64_t)st.st_size;
	n = core_pread(c, 0, &eh, sizeof eh);
	r = check_header(c, &eh, n, e);
	if (r == 0)
		r = read_headers(c, &eh, e);
	return r;
}

static const char *core_root(struct target *t)
{
	const struct core *c = (const struct core *)t;

	return c->options.sysroot ? c->options.sysroot : "";
}

static const char *core_search_path(struct target *t)
{
	return ((const struct core *)t)->options.search_path;
}

static void core_close(struct target *t)
{
	struct core *c = (struct core *)t;

	for (size_t i = 0; i < CORE_NBLOCKS; i++)
		free(c->blocks[i].bytes);
	core_close_files(c);
	VEC_FREE(&c->ranges);
	VEC_FREE(&c->threads);
	VEC_FREE(&c->own_threads);
	if (c->fd >= 0)
		close(c->fd);
}

static const struct target_ops core_ops = {
	.kind = "core file",
	.uncached = true,
	.is_file = true,
	.read = core_read,
	.piece = core_piece,
	.open_file = core_open_file,
	.root = core_root,
	.search_path = core_search_path,
	.close = core_close,
};

static int by_number(const void *a, const void *b)
{
	const struct target_thread *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* Threads as a process would show them, which is in the order in which they began. */
static void take_threads(struct core *c)
{
	struct target *t = &c->t;
	size_t n = c->has_own ? c->own_threads.n : c->threads.n;

	t->threads = c->has_own ? c->own_threads.items : c->threads.items;
	t->nthreads = n;
	if (n && !c->has_own)
		qsort(t->threads, n, sizeof t->threads[0], by_number);
	for (size_t i = 0; i < n; i++)
		if (t->threads[i].xmm.known)
			t->threads[i].regs.xmm = &t->threads[i].xmm;
	if (c->signal.signo)
		t->signal = &c->signal;
}

int target_open_core(struct target **ret, const char *path, const struct core_options *o, struct error *e)
{
	struct core *c = target_new(&core_ops, sizeof *c);
	int r;

	c->fd = -1;
	c->path = arena_str(&c->t.arena, path);
	c->t.name = arena_printf(&c->t.arena, "core file %s", path);
	if (o)
		c->options = *o;
	r = open_core(c, e);
	if (r == 0)
		r = core_read_notes(c, e);
	if (r < 0) {
		target_close(&c->t);
		return r;
	}
	core_make_mappings(c);
	take_threads(c);
	*ret = &c->t;
	return 0;
}
