/* SPDX-License-Identifier: MIT */
/*
 * What: taking one goroutine for the report: a copy of its G, and its frames.
 *
 * How: where the registers are depends on what the goroutine does:
 *	the reporting one   r->culprit
 *	on a thread         m->crash_regs if that thread stopped, else the stack pointer and pc that the
 *	                    kernel shows of a thread in a system call (/proc/self/task/TID/syscall)
 *	parked, runnable    struct gori_switch_frame at g->sp
 *	fresh               nowhere: it has not run
 * Of a long stack the innermost 50 and the outermost 50 frames are kept, the latter in a ring.  Frames of the
 * runtime are left out while walking, unless asked for or unless nothing else is there.
 *
 * The end of a stack is tidied: what starts main and threads (_start, clone, ...) is nobody's frame.
 *
 * Invariants: g, m, call are copied before they are looked at; none of them is trusted.
 * Context: any.
 */
#include "crash/raw_snap.h"

#include <fcntl.h>

#include "crash/crash.h"
#include "crash/raw_sys.h"
#include "sys/print.h"

#include "crash/safe.h"

enum {
	FRAMES_MAX = 1 << 26,  /* a stack of 1 GiB has no more */
	CHECK_CLOCK = 1 << 14, /* every so many frames */
};

/* Context: any. */
void raw_reader_reset(struct raw_reader *r)
{
	struct raw_module mod;

	raw_unwind_reset(&r->unwind);
	r->symbols.mem = &r->unwind.mem;
	raw_symbols_reset(&r->symbols);
	if (!r->own.end && raw_module_find((uint64_t)(uintptr_t)raw_reader_reset, &mod)) {
		char first = 0;

		r->own = mod;
		r->own_is_main = mod.name && raw_read(&r->unwind.mem, mod.name, &first, 1) && !first;
	}
}

/* ---- whose code -------------------------------------------------------------------------------------------- */

/* Context: any. */
static bool has_prefix(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

/* Context: any. */
static bool is_one_of(const char *s, uint32_t len, const char *const *names)
{
	for (; *names; names++)
		if (raw_strlen(*names) == len && has_prefix(s, *names))
			return true;
	return false;
}

/* Context: any. */
bool raw_is_runtime(struct raw_reader *r, uint64_t pc)
{
	struct raw_symtab *tab;

	if (pc - r->own.start >= r->own.end - r->own.start)
		return false;
	if (!r->own_is_main)
		return true;
	tab = raw_symbols_table(&r->symbols, pc);
	if (tab && !tab->marked)
		raw_own_mark(tab);
	return raw_symbols_find(&r->symbols, pc)->runtime;
}

/* Functions that stand outside main and thread functions.  Context: any. */
static bool is_starter(struct raw_reader *r, const struct raw_frame *f)
{
	static const char *const starters[] = {"_start",
					       "__libc_start_main",
					       "__libc_start_main_impl",
					       "__libc_start_call_main",
					       "start_thread",
					       "clone",
					       "clone3",
					       "__clone",
					       "__clone3",
					       NULL};
	const struct raw_symbol *sym = raw_symbols_find(&r->symbols, f->pc);

	if (!sym->tab)
		return false;
	if (sym->name)
		return is_one_of(sym->name, sym->name_len, starters);
	return has_prefix(raw_basename(sym->tab->path), "libc.so"); /* its static functions, stripped */
}

/* ---- frames ------------------------------------------------------------------------------------------------- */

/* Context: any. */
static void add_frame(struct raw_snap *s, const struct raw_frame *f, uint64_t *count)
{
	uint64_t n = (*count)++;

	if (n < RAW_INNER)
		s->frames[s->ninner++] = *f;
	else
		s->frames[RAW_INNER + (n - RAW_INNER) % RAW_RING] = *f;
}

/* Turns the ring of outer frames so that the innermost of them comes first.  Context: any. */
static void turn_ring(struct raw_frame *ring, uint64_t first)
{
	struct raw_frame tmp[RAW_RING];

	for (uint64_t i = 0; i < RAW_RING; i++)
		tmp[i] = ring[(first + i) % RAW_RING];
	for (uint64_t i = 0; i < RAW_RING; i++)
		ring[i] = tmp[i];
}

/* count frames were added: drops the outermost ones that are nobody's, and then the middle.  Context: any. */
static void close_frames(struct raw_reader *r, struct raw_snap *s, uint64_t count, bool show_runtime)
{
	uint64_t outer = count - s->ninner, kept = outer < RAW_RING ? outer : RAW_RING, skip;

	if (outer > RAW_RING)
		turn_ring(s->frames + RAW_INNER, outer % RAW_RING);
	s->nframes = s->ninner + (uint32_t)kept;
	for (int i = 0; i < RAW_STARTERS && !show_runtime && s->nframes > 1; i++)
		if (is_starter(r, &s->frames[s->nframes - 1]))
			s->nframes--;
	if (s->ninner > s->nframes)
		s->ninner = s->nframes;
	kept = s->nframes - s->ninner;
	skip = kept > RAW_OUTER ? kept - RAW_OUTER : 0;
	for (uint64_t i = 0; skip && i < RAW_OUTER; i++)
		s->frames[RAW_INNER + i] = s->frames[RAW_INNER + skip + i];
	s->nframes -= (uint32_t)skip;
	s->nelided = (outer > RAW_RING ? outer - RAW_RING : 0) + skip;
}

/* Walks from c; returns how many frames there were, hidden ones not counted.  Context: any. */
static uint64_t walk(struct raw_reader *r, struct raw_cursor *c, struct raw_snap *s, bool show_runtime)
{
	uint64_t count = 0;
	enum raw_step step;

	s->ninner = 0;
	s->state = RAW_STACK_OK;
	for (uint32_t n = 0;; n++) {
		struct raw_frame f = {
			.pc = raw_cursor_lookup_pc(c), .rip = c->r[RAW_RIP], .sp = c->r[RAW_RSP]};
		bool hidden = !show_runtime && raw_is_runtime(r, f.pc);

		step = raw_cursor_step(c);
		f.fp = step == RAW_STEPPED ? c->r[RAW_RSP] : f.sp;
		if (!hidden)
			add_frame(s, &f, &count);
		if (step != RAW_STEPPED)
			break;
		if (n == FRAMES_MAX ||
		    (n % CHECK_CLOCK == CHECK_CLOCK - 1 && gori_print_now() > r->deadline)) {
			step = RAW_LOST;
			break;
		}
	}
	if (step == RAW_LOST)
		s->state = RAW_STACK_CUT;
	close_frames(r, s, count, show_runtime);
	return count;
}

/* Context: any. */
static void take_frames(struct raw_reader *r, struct raw_snap *s, const uint64_t *regs, uint32_t valid,
			bool exact)
{
	struct raw_cursor c;

	raw_cursor_init(&c, &r->unwind, regs, valid, exact);
	if (walk(r, &c, s, r->show_runtime) == 0) {
		raw_cursor_init(&c, &r->unwind, regs, valid, exact);
		walk(r, &c, s, true);
	}
}

/* ---- registers ------------------------------------------------------------------------------------------------ */

/* The last two words of /proc/self/task/TID/syscall are stack pointer and pc, unless it runs.  Context: any. */
static bool read_syscall_file(int32_t tid, uint64_t *ret_sp, uint64_t *ret_pc)
{
	char path[64], text[256], *p = path;
	struct gori_print out;
	uint64_t words[2] = {0, 0};
	long fd, n;

	gori_print_init(&out, -1, p, sizeof path, 0);
	gori_print_text(&out, "/proc/self/task/");
	gori_print_udec(&out, (uint64_t)tid);
	gori_print_bytes(&out, "/syscall", 9);
	fd = raw_sys4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	n = raw_sys3(SYS_read, fd, text, sizeof text);
	raw_sys1(SYS_close, fd);
	if (n <= 0 || text[0] == 'r') /* "running" */
		return false;
	for (long i = 0; i < n; i++) {
		char c = text[i];

		if (c == ' ') {
			words[0] = words[1];
			words[1] = 0;
		} else if (c != 'x' && c != '\n') {
			words[1] = words[1] << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
	}
	*ret_sp = words[0];
	*ret_pc = words[1];
	return words[0] && words[1];
}

/* On a thread.  Context: any. */
static void take_running(struct raw_reader *r, struct raw_snap *s)
{
	struct gori_m m;
	uint64_t regs[RAW_NREGS] = {0};

	s->state = RAW_STACK_NONE;
	if (!s->g.m || !raw_read(&r->unwind.mem, (uint64_t)(uintptr_t)s->g.m, &m, sizeof m))
		return;
	s->m_id = (int32_t)m.id;
	if (m.curg != (const void *)(uintptr_t)s->addr)
		return;
	if (m.crash_frozen)
		take_frames(r, s, m.crash_regs, RAW_VALID_ALL, true);
	else if (m.tid && read_syscall_file(m.tid, &regs[RAW_RSP], &regs[RAW_RIP]))
		take_frames(r, s, regs, 1u << RAW_RSP | 1u << RAW_RIP, true);
}

/* In memory.  Context: any. */
static void take_parked(struct raw_reader *r, struct raw_snap *s)
{
	struct gori_switch_frame f;
	uint64_t regs[RAW_NREGS] = {0}, sp = (uint64_t)(uintptr_t)s->g.sp;

	s->state = RAW_STACK_BAD;
	if (sp < s->g.stack_lo || sp >= s->g.stack_hi || sp & 7 ||
	    !raw_read(&r->unwind.mem, sp, &f, sizeof f))
		return;
	regs[RAW_RBX] = f.rbx;
	regs[RAW_RBP] = f.rbp;
	regs[12] = f.r12;
	regs[13] = f.r13;
	regs[14] = f.r14;
	regs[15] = f.r15;
	regs[RAW_RIP] = f.rip;
	regs[RAW_RSP] = sp + sizeof f;
	take_frames(r, s, regs, RAW_VALID_CALLEE, false);
}

/* Has not run: its entry is its stack.  Context: any. */
static void take_fresh(struct raw_snap *s)
{
	uint64_t pc = (uint64_t)(uintptr_t)s->call.fn;

	s->state = RAW_STACK_FRESH;
	s->frames[0] = (struct raw_frame){pc, pc, s->g.stack_hi, s->g.stack_hi};
	s->ninner = s->nframes = s->has_call;
}

/* Context: any. */
void raw_snap_take(struct raw_reader *r, const struct gori_g *g, bool in_slot, struct raw_snap *s)
{
	s->addr = (uint64_t)(uintptr_t)g;
	s->m_id = -1;
	s->is_culprit = r->culprit && r->culprit->g == g;
	s->nelided = s->ninner = s->nframes = 0;
	s->state = RAW_STACK_BAD;
	s->has_call = false;
	r->unwind.mem.trusted = in_slot ? s->addr & ~(uint64_t)(RAW_PAGE - 1) : 1;
	s->readable = raw_read(&r->unwind.mem, s->addr, &s->g, sizeof s->g);
	if (!s->readable) {
		s->g = (struct gori_g){.goid = 0};
		return;
	}
	if (s->g.call)
		s->has_call =
			raw_read(&r->unwind.mem, (uint64_t)(uintptr_t)s->g.call, &s->call, sizeof s->call);
	if (s->is_culprit) {
		struct gori_m m;

		if (s->g.m && raw_read(&r->unwind.mem, (uint64_t)(uintptr_t)s->g.m, &m, sizeof m))
			s->m_id = (int32_t)m.id;
		take_frames(r, s, r->culprit->regs, RAW_VALID_ALL, r->culprit->exact);
	} else if (s->g.fresh) {
		take_fresh(s);
	} else if (s->g.sp) {
		take_parked(r, s);
	} else {
		take_running(r, s);
	}
}
