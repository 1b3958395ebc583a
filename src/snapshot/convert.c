/* SPDX-License-Identifier: MIT */
/*
 * What: a core of a program with goroutines, once more, with goroutines for threads.
 *
 * How: the file is copied as it is, holes too.  Behind it come new notes: ours, a thread for each goroutine and each
 * thread that runs none, and of the old notes those that are not about threads.  Then the first PT_NOTE header is
 * made to lead to them, and others are made PT_NULL.  Nothing else is touched.
 *
 * Invariants: what is patched was checked when the core was opened as a target.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/notes.h"
#include "snapshot/out.h"
#include "snapshot/snapshot.h"
#include "target/core.h"
#include "target/core_own.h"

enum { PIECE = 1 << 20 };

struct conversion {
	struct core *core;
	struct world world;
	struct sink rest, notes;
	Elf64_Phdr *ph;
	size_t nph;
	uint64_t phoff;
};

/* ---- notes --------------------------------------------------------------------------------------------------- */

static bool is_about_process(const char *owner, uint32_t type)
{
	if (strcmp(owner, "CORE"))
		return false;
	return type == NT_PRPSINFO || type == NT_SIGINFO || type == NT_AUXV || type == NT_FILE;
}

/* The old notes that stay: those of the process, and one NT_SIGINFO. */
static void keep_notes(struct conversion *cv, const char *p, size_t n)
{
	bool has_signal = false;

	while (n >= sizeof(Elf64_Nhdr)) {
		uint64_t name, all;
		char owner[8] = "";
		Elf64_Nhdr h;

		memcpy(&h, p, sizeof h);
		name = ((uint64_t)h.n_namesz + 3) & ~3ull;
		all = sizeof h + name + h.n_descsz;
		if (all > n)
			return;
		if (h.n_namesz < sizeof owner)
			memcpy(owner, p + sizeof h, h.n_namesz);
		if (is_about_process(owner, h.n_type) && !(h.n_type == NT_SIGINFO && has_signal)) {
			notes_put(&cv->rest, owner, h.n_type, p + sizeof h + name, h.n_descsz);
			has_signal |= h.n_type == NT_SIGINFO;
		}
		all = (all + 3) & ~3ull;
		if (all > n)
			return;
		p += all;
		n -= all;
	}
}

static void keep_segments(struct conversion *cv)
{
	struct core *c = cv->core;

	for (size_t i = 0; i < c->nnotes; i++) {
		const Elf64_Phdr *ph = &c->notes[i];
		char *bytes;

		if (ph->p_offset >= c->size || ph->p_filesz > c->size - ph->p_offset)
			continue;
		bytes = base_malloc(ph->p_filesz + 1);
		keep_notes(cv, bytes, core_pread(c, ph->p_offset, bytes, ph->p_filesz));
		free(bytes);
	}
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

/* As opening the target has done, and checked. */
static void read_headers(struct conversion *cv)
{
	struct core *c = cv->core;
	Elf64_Ehdr eh = {0};
	Elf64_Shdr sh = {0};

	core_pread(c, 0, &eh, sizeof eh);
	if (eh.e_phnum == PN_XNUM)
		core_pread(c, eh.e_shoff, &sh, sizeof sh);
	cv->phoff = eh.e_phoff;
	cv->nph = eh.e_phnum == PN_XNUM ? sh.sh_info : eh.e_phnum;
	cv->ph = base_malloc(cv->nph * sizeof *cv->ph + 1);
	cv->nph = core_pread(c, cv->phoff, cv->ph, cv->nph * sizeof *cv->ph) / sizeof *cv->ph;
}

static int patch_headers(struct conversion *cv, uint64_t offset, struct error *e)
{
	bool done = false;

	for (size_t i = 0; i < cv->nph; i++) {
		if (cv->ph[i].p_type != PT_NOTE)
			continue;
		if (done)
			cv->ph[i].p_type = PT_NULL;
		else
			cv->ph[i] = (Elf64_Phdr){.p_type = PT_NOTE,
						 .p_offset = offset,
						 .p_filesz = cv->notes.len,
						 .p_align = 4};
		done = true;
	}
	return done ? 0 : error_set(e, -EILSEQ, "%s has no notes, and so no threads", cv->core->path);
}

/* Bytes from `at` to `end` of the core, with the program headers replaced. */
static void put_piece(struct conversion *cv, struct out *out, uint64_t at, char *buf, size_t n)
{
	uint64_t lo = cv->phoff, hi = lo + cv->nph * sizeof *cv->ph;

	n = core_pread(cv->core, at, buf, n);
	for (uint64_t i = at > lo ? at : lo; i < hi && i < at + n; i++)
		buf[i - at] = ((const char *)cv->ph)[i - lo];
	out_put(out, buf, n);
}

static void put_all(struct conversion *cv, struct out *out)
{
	uint64_t size = cv->core->size, next;
	char *buf = base_malloc(PIECE);
	off_t data;

	for (uint64_t at = 0; at < size && !out_error(out); at = next) {
		next = size - at < PIECE ? size : at + PIECE;
		data = lseek(cv->core->fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			data = (off_t)size;
		if (data > (off_t)at && (uint64_t)data / TARGET_PAGE > at / TARGET_PAGE &&
		    at >= cv->phoff + cv->nph * sizeof *cv->ph) {
			next = (uint64_t)data;
			out_zeros(out, next - at);
		} else {
			put_piece(cv, out, at, buf, next - at);
		}
	}
	out_zeros(out, -size & 3);
	out_put(out, cv->notes.buf, cv->notes.len);
	free(buf);
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

static int look(struct conversion *cv, struct error *e)
{
	struct target *t = &cv->core->t;
	struct debug *debug;
	int r = debug_open(&debug, t, e);

	if (r < 0)
		return r;
	r = collect(&cv->world, t, debug, &snapshot_collect, e);
	debug_close(debug);
	if (r == 0 && !cv->world.ngoroutines)
		r = error_set(e, -ENOENT, "%s has no goroutines: debuggers see all there is already",
			      cv->core->path);
	return r;
}

static int convert(struct conversion *cv, const char *path, struct snapshot_stats *ret, struct error *e)
{
	struct notes_source from = {.world = &cv->world,
				    .target = &cv->core->t,
				    .flags = cv->core->own_flags | OWN_CONVERTED,
				    .maps = cv->core->maps != NULL};
	struct out *out;
	int r = out_open(&out, path, false, e);

	if (r < 0)
		return r;
	keep_segments(cv);
	from.rest = cv->rest.buf;
	from.rest_len = cv->rest.len;
	notes_build(&cv->notes, &from);
	read_headers(cv);
	r = patch_headers(cv, (cv->core->size + 3) & ~3ull, e);
	if (r < 0) {
		out_abandon(out);
		return r;
	}
	put_all(cv, out);
	ret->goroutines = cv->world.ngoroutines;
	ret->threads = cv->core->t.nthreads;
	return out_finish(out, &ret->size, e);
}

int snapshot_convert(const char *from, const struct core_options *where, const char *path,
		     struct snapshot_stats *ret, struct error *e)
{
	struct conversion cv = {0};
	struct target *t;
	int r = target_open_core(&t, from, where, e);

	memset(ret, 0, sizeof *ret);
	if (r < 0)
		return r;
	cv.core = (struct core *)t;
	sink_init_memory(&cv.rest);
	sink_init_memory(&cv.notes);
	r = look(&cv, e);
	if (r == 0)
		r = convert(&cv, path, ret, e);
	free(cv.ph);
	sink_deinit(&cv.rest);
	sink_deinit(&cv.notes);
	world_deinit(&cv.world);
	target_close(t);
	return r;
}
