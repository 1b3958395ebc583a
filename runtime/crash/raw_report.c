/* SPDX-License-Identifier: MIT */
/*
 * What: the text of a dump.
 *
 * How: Go's grammar, because people and tools read it already:
 *
 *	goroutine N [STATE, K minutes, locked to thread]:
 *	function(arguments)
 *		file:line +0xOFFSET
 *	...N frames elided...
 *	created by FUNCTION in goroutine M
 *		file:line
 *
 * This is the report of last resort, made inside the dying process, and it knows symbols but no line tables.
 * So the file of a frame is printed as Go prints it for C functions without line information, `??:0`: parsers
 * of Go's tracebacks accept that and nothing else that is not a .go, .c or .s file.  The offset from the
 * function's entry is exact and is what a decoder needs.  Where the function is not known its place is taken
 * by the module, in brackets, and the offset counts from the module's start.  GOTRACEBACK=system adds fp, sp
 * and pc to each frame (again Go's form) and a list of the modules at the end.
 *
 * Arguments are `...`, except in the function that `go` was given: there the registers of the call are known,
 * but not how many of them are arguments, so each word carries Go's mark for "may be wrong", `?`.
 *
 * A program without goroutines has one block, `thread TID "NAME" [running]:`; threads that this library has not made
 * cannot be asked for their stacks from here.
 *
 * Order: the culprit, the others that run, the rest by id: one pass collects (key, G) pairs, which are sorted.
 *
 * Invariants: each goroutine is either shown or counted in the line that says how many were not.
 * Context: any.
 */
#include "crash/raw_report.h"

#include <sys/prctl.h>

#include "crash/crash.h"
#include "crash/raw_sys.h"

#include "crash/safe.h"

enum {
	TEXT_MAX = 256,
	ARENA_STEP = 1 << 20, /* captured goroutines go into pieces of this size */
};

const char *const gori_wait_texts[] = {
#define X(name, text) text,
	GORI_WAIT_REASONS(X)
#undef X
};

/* ---- one goroutine ------------------------------------------------------------------------------------------ */

/* Context: any. */
static const char *state_text(const struct raw_snap *s)
{
	const struct gori_g *g = &s->g;

	if (!s->readable)
		return "unreadable";
	if (s->is_culprit)
		return "running"; /* whatever it was about to become */
	switch (g->status) {
	case GORI_GDEAD:
		return "dead";
	case GORI_GRUNNABLE:
		return "runnable";
	case GORI_GRUNNING:
		return "running";
	case GORI_GSYSCALL:
		return "syscall";
	case GORI_GWAITING:
		return g->wait && g->wait < GORI_NWAIT ? gori_wait_texts[g->wait] : "waiting";
	}
	return "???";
}

/* Of a program without goroutines: the thread that dies, which is this one.  Context: any. */
static void print_thread_header(struct gori_print *out)
{
	char name[16] = "?";

	raw_sys2(SYS_prctl, PR_GET_NAME, name);
	gori_print_text(out, "thread ");
	gori_print_dec(out, raw_sys0(SYS_gettid));
	gori_print_text(out, " \"");
	for (int i = 0; i < (int)sizeof name && name[i]; i++)
		gori_print_char(out, name[i] < ' ' || name[i] == '"' || name[i] == 127 ? '?' : name[i]);
	gori_print_text(out, "\" [running]:\n");
}

/* Context: any. */
static void print_header(struct raw_report *rep, const struct raw_snap *s)
{
	struct gori_print *out = rep->out;
	int64_t minutes = s->g.status == GORI_GWAITING ? (rep->now - s->g.since) / 60000000000 : 0;

	if (gori_crash_is_plain) {
		print_thread_header(out);
		return;
	}
	gori_print_text(out, "goroutine ");
	gori_print_dec(out, s->g.goid);
	if (rep->level >= GORI_TB_SYSTEM) {
		gori_print_text(out, " gp=");
		gori_print_hex(out, s->addr);
		gori_print_text(out, " m=");
		if (s->m_id < 0)
			gori_print_text(out, "nil");
		else
			gori_print_dec(out, s->m_id);
	}
	gori_print_text(out, " [");
	gori_print_text(out, state_text(s));
	if (minutes > 0 && s->g.since > 0) {
		gori_print_text(out, ", ");
		gori_print_dec(out, minutes);
		gori_print_text(out, " minutes");
	}
	gori_print_text(out, s->g.locked_m ? ", locked to thread]:\n" : "]:\n");
}

/* The registers at the entry of fn; which of them are arguments is not known.  Context: any. */
static void print_captured_args(struct gori_print *out, const struct gori_call *call)
{
	for (int i = 0; i < 6; i++) {
		gori_print_hex(out, call->regs.gpr[i]);
		gori_print_text(out, "?, ");
	}
	gori_print_text(out, "...");
}

/* Context: any. */
static void print_frame(struct raw_report *rep, const struct raw_snap *s, const struct raw_frame *f)
{
	struct gori_print *out = rep->out;
	const struct raw_symbol *sym = raw_symbols_find(&rep->reader->symbols, f->pc);
	const char *module = sym->tab ? raw_basename(sym->tab->path) : "";

	if (sym->name) {
		gori_print_foreign(out, sym->name, sym->name_len);
	} else {
		gori_print_char(out, '[');
		gori_print_foreign(out, *module ? module : "??", *module ? raw_strlen(module) : 2);
		gori_print_char(out, ']');
	}
	gori_print_char(out, '(');
	if (s->has_call && sym->name && sym->start == (uint64_t)(uintptr_t)s->call.fn &&
	    f == &s->frames[s->nframes - 1])
		print_captured_args(out, &s->call);
	else
		gori_print_text(out, "...");
	gori_print_text(out, ")\n\t\?\?:0");
	if (sym->tab && f->rip != sym->start) {
		gori_print_text(out, " +");
		gori_print_hex(out, f->rip - sym->start);
	}
	if (rep->level >= GORI_TB_SYSTEM || !sym->tab) {
		gori_print_text(out, " fp=");
		gori_print_hex(out, f->fp);
		gori_print_text(out, " sp=");
		gori_print_hex(out, f->sp);
		gori_print_text(out, " pc=");
		gori_print_hex(out, f->rip);
	}
	gori_print_char(out, '\n');
}

/* A string of the program; what cannot be read becomes `??`.  Context: any. */
static void print_string(struct raw_report *rep, const char *addr)
{
	char text[TEXT_MAX];
	int n = raw_read_text(&rep->reader->unwind.mem, (uint64_t)(uintptr_t)addr, text, sizeof text);

	if (n < 0)
		gori_print_text(rep->out, "\?\?");
	else
		gori_print_foreign(rep->out, text, (size_t)n);
}

/* Context: any. */
static void print_created_by(struct raw_report *rep, const struct raw_snap *s)
{
	struct gor_site site;

	if (!s->has_call ||
	    !raw_read(&rep->reader->unwind.mem, (uint64_t)(uintptr_t)s->call.site, &site, sizeof site))
		return;
	gori_print_text(rep->out, "created by ");
	print_string(rep, site.func);
	gori_print_text(rep->out, " in goroutine ");
	gori_print_dec(rep->out, s->g.parent_goid);
	gori_print_text(rep->out, "\n\t");
	print_string(rep, site.file);
	gori_print_char(rep->out, ':');
	gori_print_udec(rep->out, site.line);
	gori_print_char(rep->out, '\n');
}

/* Context: any. */
static void print_goroutine(struct raw_report *rep, const struct raw_snap *s)
{
	static const char *const why_not[] = {
		[RAW_STACK_OK] = NULL,
		[RAW_STACK_CUT] = "\tstack ends here: it is damaged, or has no unwind information\n",
		[RAW_STACK_NONE] = "\tgoroutine running on other thread; stack unavailable\n",
		[RAW_STACK_BAD] =
			"\tgoroutine running on other thread; stack unavailable: bad stack pointer\n",
		[RAW_STACK_FRESH] = NULL,
	};

	if (rep->shown++)
		gori_print_char(rep->out, '\n');
	print_header(rep, s);
	for (uint32_t i = 0; i < s->nframes; i++) {
		if (i == s->ninner && s->nelided) {
			gori_print_text(rep->out, "...");
			gori_print_udec(rep->out, s->nelided);
			gori_print_text(rep->out, " frames elided...\n");
		}
		print_frame(rep, s, &s->frames[i]);
	}
	if (why_not[s->state] && !(s->state == RAW_STACK_CUT && s->nframes))
		gori_print_text(rep->out, why_not[s->state]);
	else if (s->state == RAW_STACK_CUT)
		gori_print_text(rep->out, "...additional frames elided...\n");
	print_created_by(rep, s);
}

/* ---- all of them, in order ------------------------------------------------------------------------------------ */

struct collection {
	struct raw_report *rep;
	struct raw_pair *pairs;
	uint64_t n, cap;
};

/* Does the report show it, apart from being the culprit?  Context: any. */
static bool is_shown(const struct raw_report *rep, const struct gori_g *g)
{
	if (rep->reader->culprit && rep->reader->culprit->g == g)
		return false;
	return g->status != GORI_GDEAD && (!(g->flags & GORI_G_SYSTEM) || rep->level >= GORI_TB_SYSTEM);
}

/* Not main, not an adopted thread, not a scheduler: in a slot of its own.  g was dereferenced before.
 * Context: any. */
static bool is_in_slot(const struct gori_g *g)
{
	return !(g->flags & (GORI_G_MAIN | GORI_G_FOREIGN | GORI_G_SYSTEM));
}

/* Context: any. */
static bool count_one(struct gori_g *g, void *arg)
{
	struct collection *c = arg;

	c->cap += is_shown(c->rep, g);
	return true;
}

/* Context: any. */
static bool collect_one(struct gori_g *g, void *arg)
{
	struct collection *c = arg;
	bool runs = g->status == GORI_GRUNNING;

	if (is_shown(c->rep, g) && c->n < c->cap)
		c->pairs[c->n++] = (struct raw_pair){(runs ? 0 : (uint64_t)1 << 63) | (uint64_t)g->goid,
						     (uint64_t)(uintptr_t)g};
	return true;
}

/* Context: any. */
static void collect(struct collection *c)
{
	gori_foreach_g(count_one, c);
	c->cap += 64; /* threads that did not stop may make more */
	c->pairs = raw_map(c->cap * sizeof c->pairs[0]);
	if (!c->pairs) {
		c->cap = 0;
		return;
	}
	gori_foreach_g(collect_one, c);
	raw_sort(c->pairs, c->n);
}

/* Shows one goroutine at a time, unsorted, where there is no memory for more.  Context: any. */
static bool show_one(struct gori_g *g, void *arg)
{
	static struct raw_snap snap;
	struct raw_report *rep = arg;

	if (!is_shown(rep, g))
		return true;
	raw_snap_take(rep->reader, g, is_in_slot(g), &snap);
	print_goroutine(rep, &snap);
	return true;
}

/* Context: any. */
static bool too_late(const struct raw_report *rep, uint64_t i)
{
	enum { CHECK_CLOCK = 64 };

	if (rep->out->err)
		return true;
	return i % CHECK_CLOCK == 0 && rep->out->deadline && gori_print_now() > rep->out->deadline;
}

/* Context: any. */
static void print_missing(struct raw_report *rep, uint64_t n)
{
	if (n == 0)
		return;
	gori_print_text(rep->out, "\n[");
	gori_print_udec(rep->out, n);
	gori_print_text(rep->out, " more goroutines not shown]\n");
}

/* Context: any. */
void raw_report_all(struct raw_report *rep)
{
	static struct raw_snap snap;
	struct collection c = {.rep = rep};
	uint64_t i;

	if (rep->level == GORI_TB_NONE)
		return;
	if (rep->reader->culprit) {
		raw_snap_take(rep->reader, rep->reader->culprit->g, false, &snap);
		print_goroutine(rep, &snap);
		gori_print_flush(rep->out); /* the most important one, whatever comes */
	}
	if (rep->level == GORI_TB_SINGLE)
		return;
	collect(&c);
	if (!c.pairs) {
		gori_foreach_g(show_one, rep);
		return;
	}
	for (i = 0; i < c.n && !too_late(rep, i); i++) {
		const struct gori_g *g = (const void *)(uintptr_t)c.pairs[i].value;

		raw_snap_take(rep->reader, g, is_in_slot(g), &snap);
		print_goroutine(rep, &snap);
	}
	print_missing(rep, c.n - i);
}

/* ---- into memory first ------------------------------------------------------------------------------------------ */

/* Pieces of captured snaps, one after the other; each starts with a struct piece. */
struct piece {
	struct piece *next;
	size_t used;
};

static struct piece *first_piece, *last_piece;
static uint64_t not_captured;

/* Context: any. */
static struct raw_snap *reserve(void)
{
	struct piece *p = last_piece;

	if (!p || ARENA_STEP - p->used < sizeof(struct raw_snap)) {
		p = raw_map(ARENA_STEP);
		if (!p)
			return NULL;
		p->used = sizeof *p;
		if (last_piece)
			last_piece->next = p;
		else
			first_piece = p;
		last_piece = p;
	}
	return (struct raw_snap *)((char *)p + p->used);
}

/* Context: any. */
static bool capture_one(struct raw_report *rep, const struct gori_g *g, bool in_slot)
{
	struct raw_snap *s = reserve();

	if (!s)
		return false;
	raw_snap_take(rep->reader, g, in_slot, s);
	last_piece->used += (raw_snap_size(s) + 15) & ~(size_t)15;
	return true;
}

/* Context: any; the threads are stopped. */
bool raw_report_capture(struct raw_report *rep)
{
	struct collection c = {.rep = rep};
	uint64_t i = 0;

	if (rep->reader->culprit)
		capture_one(rep, rep->reader->culprit->g, false);
	if (rep->level <= GORI_TB_SINGLE)
		return true;
	collect(&c);
	while (i < c.n && !too_late(rep, i)) {
		const struct gori_g *g = (const void *)(uintptr_t)c.pairs[i].value;

		if (!capture_one(rep, g, is_in_slot(g)))
			break;
		i++;
	}
	if (c.pairs)
		raw_unmap(c.pairs, c.cap * sizeof c.pairs[0]);
	not_captured = c.n - i;
	return c.pairs && i == c.n;
}

/* Context: any. */
void raw_report_print_captured(struct raw_report *rep)
{
	while (first_piece) {
		struct piece *p = first_piece;

		for (size_t at = sizeof *p; at < p->used;) {
			const struct raw_snap *s = (const void *)((char *)p + at);

			print_goroutine(rep, s);
			at += (raw_snap_size(s) + 15) & ~(size_t)15;
		}
		first_piece = p->next;
		raw_unmap(p, ARENA_STEP);
	}
	last_piece = NULL;
	print_missing(rep, not_captured);
	not_captured = 0;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

/* Context: any. */
void raw_report_registers(struct gori_print *out, const uint64_t regs[RAW_NREGS])
{
	static const struct {
		char name[8];
		uint8_t i;
	} order[RAW_NREGS] = {{"rax    ", 0},  {"rbx    ", 3},  {"rcx    ", 2},  {"rdx    ", 1},
			      {"rdi    ", 5},  {"rsi    ", 4},  {"rbp    ", 6},  {"rsp    ", 7},
			      {"r8     ", 8},  {"r9     ", 9},  {"r10    ", 10}, {"r11    ", 11},
			      {"r12    ", 12}, {"r13    ", 13}, {"r14    ", 14}, {"r15    ", 15},
			      {"rip    ", 16}};

	gori_print_char(out, '\n');
	for (int i = 0; i < RAW_NREGS; i++) {
		gori_print_text(out, order[i].name);
		gori_print_hex(out, regs[order[i].i]);
		gori_print_char(out, '\n');
	}
}

/* Context: any. */
void raw_report_modules(struct raw_report *rep)
{
	const struct raw_symbols *s = &rep->reader->symbols;

	gori_print_text(rep->out, "\nmodules:\n");
	for (uint32_t i = 0; i < s->ntabs; i++) {
		gori_print_hex(rep->out, s->tabs[i].mod.start);
		gori_print_char(rep->out, '-');
		gori_print_hex(rep->out, s->tabs[i].mod.end);
		gori_print_char(rep->out, ' ');
		gori_print_foreign(rep->out, s->tabs[i].path, raw_strlen(s->tabs[i].path));
		gori_print_char(rep->out, '\n');
	}
}
