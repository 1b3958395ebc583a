/* SPDX-License-Identifier: MIT */
/*
 * What, how: snapshot/snapshot.h.
 *
 * How: stop, copy, go on, make the world from the copy, write.  What a report reads is known only once it has been
 * made: so it is made first while the process runs, which also loads debug information, and the pages that this
 * has read are copied (target_keep), with all stacks as they are by then.  If making the world from the copy misses
 * a page after all, that one is added, and the process stopped again.
 *
 * A process that always has something new is stopped for as long as its world takes in the end, and so is one of
 * which there is too much to copy; that is written while it is stopped.
 *
 * Rejected: doing without the pages that were missed.  A snapshot gives the report that the process would have given.
 */
#include "snapshot/snapshot.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/notes.h"
#include "snapshot/out.h"
#include "snapshot/ranges.h"
#include "target/core_own.h"

enum { PIECE = 1 << 20, TRIES = 3 };

#define REHEARSAL_NS 2000000000ll
#define MAX_COPY (512ull << 20)

struct snapshot {
	const struct snapshot_options *options;
	struct target *target;
	struct debug *debug;
	struct world world;
	range_list ranges;
	struct sink notes;
	uint64_t memory; /* bytes in ranges */
	struct out *out;
	uint64_t done;
	int64_t paused_ns;
	bool is_ours; /* the target: opened and stopped here */
};

const struct collect_options snapshot_collect = {
	.args = true,
	.system = true,
	.threads = true,
	.keep_regs = true,
	.max_text = 4096,
	.max_items = 256,
	.frames_kept = 100,
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Page by page: what cannot be read is zero, and does not take its neighbours with it. */
static void read_memory(struct target *t, uint64_t lo, char *buf, size_t n)
{
	struct span s = {lo, buf, n, false};

	target_read_spans(t, &s, 1);
	if (s.ok)
		return;
	memset(buf, 0, n);
	for (size_t at = 0; at < n;) {
		size_t piece = TARGET_PAGE - (lo + at) % TARGET_PAGE;

		s = (struct span){lo + at, buf + at, piece < n - at ? piece : n - at, false};
		target_read_spans(t, &s, 1);
		at += s.len;
	}
}

static uint64_t bytes_in(const range_list *list)
{
	uint64_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->items[i].hi - list->items[i].lo;
	return n;
}

static void keep(struct target *t, const range_list *list)
{
	struct span *pieces = base_malloc(list->n * sizeof pieces[0]);

	for (size_t i = 0; i < list->n; i++)
		pieces[i] = (struct span){.addr = list->items[i].lo,
					  .len = list->items[i].hi - list->items[i].lo};
	target_keep(t, pieces, list->n);
	free(pieces);
}

/* Is there something in these that was not kept?  It is next time. */
static bool lacks(struct target *t, const range_list *list)
{
	bool found = false;

	for (size_t i = 0; i < list->n; i++)
		for (uint64_t at = list->items[i].lo; at < list->items[i].hi; at += TARGET_PAGE)
			if (target_lacks(t, at)) {
				table_put(&t->recorded, at / TARGET_PAGE, t);
				found = true;
			}
	return found;
}

static void build_notes(struct snapshot *sn)
{
	struct notes_source from = {.world = &sn->world,
				    .target = sn->target,
				    .flags = sn->options->full ? 0 : OWN_MINIMAL,
				    .maps = true};
	struct sink rest;

	sink_init_memory(&rest);
	notes_of_process(&rest, sn->target);
	from.rest = rest.buf;
	from.rest_len = rest.len;
	notes_build(&sn->notes, &from);
	sink_deinit(&rest);
}

static bool may_go_on(const struct snapshot *sn)
{
	return !sn->target->moved_on && (sn->is_ours || sn->options->copied);
}

static void go_on(struct snapshot *sn)
{
	if (sn->is_ours)
		target_resume(sn->target);
	else
		sn->options->copied(sn->options->arg);
	sn->paused_ns += sn->target->paused_ns;
}

static void choose(struct snapshot *sn, const struct world *w, range_list *ret)
{
	ranges_touch(sn->target, sn->debug);
	ret->n = 0;
	if (sn->options->full)
		ranges_full(ret, sn->target);
	else
		ranges_minimal(ret, w, sn->target, sn->debug);
}

/* Decodes once while the process runs on: what comes out of this is no more than which memory it needs. */
static int rehearse(struct snapshot *sn, range_list *ret, struct error *e)
{
	struct world w = {0};
	int r = collect_rehearsal(&w, sn->target, sn->debug, &snapshot_collect, REHEARSAL_NS, e);

	sn->paused_ns += w.paused_ns;
	if (r == 0)
		choose(sn, &w, ret);
	world_deinit(&w);
	return r;
}

static int make_world(struct snapshot *sn, const struct collect_options *o, struct error *e)
{
	int r = collect(&sn->world, sn->target, sn->debug, o, e);

	if (r < 0)
		return r;
	choose(sn, &sn->world, &sn->ranges);
	sn->memory = bytes_in(&sn->ranges);
	return 0;
}

/* One try.  wanted: what to keep; empty: the process stands still until its world has been made. */
static int look_once(struct snapshot *sn, const range_list *wanted, struct error *e)
{
	struct collect_options o = snapshot_collect;
	struct target *t = sn->target;
	range_list stacks = {0};
	int r;

	o.keep = wanted->n > 0;
	if (o.keep)
		target_keep_room(t, bytes_in(wanted) + bytes_in(wanted) / 16);
	r = target_stop(t, e);
	if (r == 0 && o.keep) {
		ranges_threads(&stacks, t);
		keep(t, &stacks);
		keep(t, wanted);
	}
	VEC_FREE(&stacks);
	if (r == 0)
		r = make_world(sn, &o, e);
	if (t->moved_on)
		sn->paused_ns += t->paused_ns;
	return r;
}

static int look_at_running(struct snapshot *sn, struct error *e)
{
	range_list wanted = {0};
	int r = rehearse(sn, &wanted, e);

	for (int i = 0; r == 0; i++) {
		if (sn->options->full || i == TRIES || bytes_in(&wanted) > MAX_COPY)
			wanted.n = 0;
		r = look_once(sn, &wanted, e);
		if (r < 0 || !sn->target->moved_on)
			break;
		if (!sn->target->nmissed && !lacks(sn->target, &sn->ranges))
			break;
		choose(sn, &sn->world, &wanted);
		world_deinit(&sn->world);
	}
	VEC_FREE(&wanted);
	return r;
}

static int look(struct snapshot *sn, struct error *e)
{
	struct target *t = sn->target;
	int r;

	target_forget(t); /* what was read before was not recorded */
	t->recording = true;
	r = debug_open(&sn->debug, t, e);
	if (r == 0)
		r = sn->is_ours ? look_at_running(sn, e) : make_world(sn, &snapshot_collect, e);
	t->recording = false;
	if (r == 0 && may_go_on(sn) && sn->memory <= MAX_COPY) {
		keep(t, &sn->ranges);
		go_on(sn);
	}
	if (r == 0)
		build_notes(sn);
	return r;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static uint64_t page_up(uint64_t at)
{
	return (at + TARGET_PAGE - 1) / TARGET_PAGE * TARGET_PAGE;
}

/* ELF header, program headers, and the section header that counts them. */
static void put_headers(struct snapshot *sn)
{
	size_t n = sn->ranges.n + 1;
	bool many = n >= PN_XNUM;
	Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof eh,
		.e_shoff = many ? sizeof eh + n * sizeof(Elf64_Phdr) : 0,
		.e_ehsize = sizeof eh,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = many ? PN_XNUM : (Elf64_Half)n,
		.e_shentsize = many ? sizeof(Elf64_Shdr) : 0,
		.e_shnum = many,
	};
	Elf64_Shdr count = {.sh_size = 1, .sh_info = (Elf64_Word)n};
	uint64_t at = sizeof eh + n * sizeof(Elf64_Phdr) + (many ? sizeof count : 0);
	Elf64_Phdr ph = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = sn->notes.len, .p_align = 4};

	out_put(sn->out, &eh, sizeof eh);
	out_put(sn->out, &ph, sizeof ph);
	at = page_up(at + sn->notes.len);
	for (size_t i = 0; i < sn->ranges.n; i++) {
		const struct range *r = &sn->ranges.items[i];

		ph = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_flags = r->flags,
				  .p_offset = at,
				  .p_vaddr = r->lo,
				  .p_filesz = r->hi - r->lo,
				  .p_memsz = r->hi - r->lo,
				  .p_align = TARGET_PAGE};
		out_put(sn->out, &ph, sizeof ph);
		at += ph.p_filesz;
	}
	if (many)
		out_put(sn->out, &count, sizeof count);
}

static void tell(const struct snapshot *sn)
{
	if (sn->options->progress)
		sn->options->progress(sn->done, sn->memory, sn->options->arg);
}

static void put_range(struct snapshot *sn, const struct range *r, char *buf)
{
	uint64_t n;

	for (uint64_t at = r->lo; at < r->hi && !out_error(sn->out); at += n) {
		n = r->hi - at < PIECE ? r->hi - at : PIECE;
		read_memory(sn->target, at, buf, n);
		out_put(sn->out, buf, n);
		sn->done += n;
		tell(sn);
	}
}

static void put_all(struct snapshot *sn)
{
	char *buf = base_malloc(PIECE);

	put_headers(sn);
	out_put(sn->out, sn->notes.buf, sn->notes.len);
	out_zeros(sn->out, page_up(out_offset(sn->out)) - out_offset(sn->out));
	for (size_t i = 0; i < sn->ranges.n && !out_error(sn->out); i++)
		put_range(sn, &sn->ranges.items[i], buf);
	free(buf);
}

static void take_stats(const struct snapshot *sn, struct snapshot_stats *ret)
{
	ret->goroutines = sn->world.ngoroutines;
	ret->threads = sn->target ? sn->target->nthreads : 0;
	ret->memory = sn->memory;
	ret->paused_ns = sn->paused_ns;
}

static int write_file(struct snapshot *sn, const char *path, struct snapshot_stats *ret, struct error *e)
{
	int r = out_open(&sn->out, path, sn->options->packed, e);

	if (r < 0)
		return r;
	sink_init_memory(&sn->notes);
	r = look(sn, e);
	if (r == 0)
		put_all(sn);
	if (may_go_on(sn))
		go_on(sn);
	take_stats(sn, ret);
	if (r == 0)
		r = out_finish(sn->out, &ret->size, e);
	else
		out_abandon(sn->out);
	sink_deinit(&sn->notes);
	VEC_FREE(&sn->ranges);
	world_deinit(&sn->world);
	debug_close(sn->debug);
	return r;
}

int snapshot_write(int32_t pid, const char *path, const struct snapshot_options *o,
		   struct snapshot_stats *ret, struct error *e)
{
	struct snapshot sn = {.options = o, .is_ours = true};
	int r = target_open_live(&sn.target, pid, e);

	if (r == 0)
		r = write_file(&sn, path, ret, e);
	target_close(sn.target);
	return r;
}

int snapshot_write_stopped(struct target *t, const char *path, const struct snapshot_options *o,
			   struct snapshot_stats *ret, struct error *e)
{
	struct snapshot sn = {.options = o, .target = t};

	return write_file(&sn, path, ret, e);
}
