/* SPDX-License-Identifier: MIT */
/*
 * What: the whole dump as text, in the grammar of Go's tracebacks: doc/traceback.md.
 *
 * How: what the process said; the signal; a blank line; one block per goroutine, blank lines between; threads; after
 * a fatal signal the registers; notes.  Parsers of Go's tracebacks end at the first line between blocks that is
 * no header, so everything that is not Go's comes after the last goroutine, or into the brackets of a header,
 * where they skip what they do not know.  That is where a group says how many it is and who.
 *
 * Rejected: a line of its own before a group's block: the reader used most stops there.
 */
#include <signal.h>
#include <string.h>

#include "emit/block.h"

enum { MAX_RANGES = 12 };

static void put_text(struct sink *s, const char *text)
{
	sink_clean(s, text, strlen(text), 0);
}

/* Text of several lines; the last one is ended. */
static void put_lines(struct sink *s, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n"), tabs = strspn(text, "\t");

		tabs = tabs < n ? tabs : n; /* nested panics are indented */
		sink_put(s, text, tabs);
		sink_clean(s, text + tabs, n - tabs, 0);
		sink_char(s, '\n');
		text += n + (text[n] == '\n');
	}
}

/* ---- headers ---------------------------------------------------------------------------------------------- */

/* Several goroutines whose blocks are the same. */
struct crowd {
	const struct group *group; /* NULL: a goroutine by itself */
	const struct stack *stack;
	int64_t waited_ns; /* the longest */
};

static void put_waited(int64_t ns, const struct emit_options *o, struct sink *s)
{
	if (o->precise && ns > 0) {
		int64_t ms = ns / 1000000;

		sink_str(s, ", ");
		sink_dec(s, ms / 1000);
		sink_char(s, '.');
		for (int64_t unit = 100; unit; unit /= 10)
			sink_char(s, (char)('0' + ms / unit % 10));
		sink_str(s, " seconds");
	} else if (ns >= 60000000000) {
		sink_str(s, ", ");
		sink_dec(s, ns / 60000000000);
		sink_str(s, " minutes");
	}
}

/* 3-7 9, in order of appearance, which is by id but for those that run. */
static void put_ranges(const struct world *w, const struct group *gr, struct sink *s)
{
	size_t i = 0;

	for (int ranges = 0; i < gr->n; ranges++) {
		int64_t first = w->goroutines[gr->members[i]].id, last = first;

		sink_char(s, ' ');
		if (ranges == MAX_RANGES) {
			sink_str(s, "...");
			return;
		}
		while (++i < gr->n && w->goroutines[gr->members[i]].id == last + 1)
			last++;
		sink_dec(s, first);
		if (last > first) {
			sink_char(s, '-');
			sink_dec(s, last);
		}
	}
}

/* Words are written plainly, everything else between quotes. */
static void put_label(struct sink *s, const char *text)
{
	size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/")
			: 0;

	if (n && !text[n]) {
		sink_put(s, text, n);
		return;
	}
	sink_char(s, '"');
	if (text)
		sink_clean(s, text, strlen(text), '"');
	sink_char(s, '"');
}

static void put_labels(const struct goroutine *g, struct sink *s)
{
	for (uint32_t i = 0; i < g->nlabels; i++) {
		sink_str(s, i ? ", " : " {");
		put_label(s, g->labels[i].key);
		sink_str(s, ": ");
		put_label(s, g->labels[i].value);
	}
	if (g->nlabels)
		sink_char(s, '}');
}

static void put_header(const struct world *w, const struct goroutine *g, const struct crowd *c,
		       const struct emit_options *o, struct sink *s)
{
	sink_str(s, paint(s, g->is_culprit ? COLOR_RED : g->verdict ? COLOR_YELLOW : COLOR_BOLD));
	sink_str(s, "goroutine ");
	sink_dec(s, g->id);
	if (o->system && (g->addr || !w->is_text)) {
		sink_str(s, " gp=");
		sink_hex(s, g->addr);
		sink_str(s, " m=");
		if (g->m_id >= 0)
			sink_dec(s, g->m_id);
		else
			sink_str(s, "nil");
	}
	sink_str(s, " [");
	put_text(s, goroutine_state(g));
	if (g->verdict) {
		sink_str(s, " (");
		sink_str(s, verdict_text(g->verdict));
		sink_char(s, ')');
	}
	put_waited(c->waited_ns, o, s);
	if (g->locked_to_thread)
		sink_str(s, ", locked to thread");
	if (c->group && c->group->n > 1) {
		sink_str(s, ", ");
		sink_udec(s, c->group->n);
		sink_str(s, " goroutines:");
		put_ranges(w, c->group, s);
	}
	sink_char(s, ']');
	if (o->labels)
		put_labels(g, s);
	sink_char(s, ':');
	sink_str(s, paint(s, COLOR_OFF));
	sink_char(s, '\n');
}

/* ---- blocks ----------------------------------------------------------------------------------------------- */

static void put_creator(const struct goroutine *g, const struct emit_options *o, struct sink *s)
{
	if (!g->go_func || !g->go_func[0])
		return;
	sink_str(s, "created by ");
	put_text(s, g->go_func);
	if (g->creator) {
		sink_str(s, " in goroutine ");
		sink_dec(s, g->creator);
	}
	sink_str(s, "\n\t");
	put_file(g->go_file, g->go_line, o, s);
	if (g->go_offset) {
		sink_str(s, " +");
		sink_hex(s, g->go_offset);
	}
	sink_char(s, '\n');
}

static void put_block(const struct world *w, const struct goroutine *g, const struct crowd *c,
		      const struct emit_options *o, struct sink *s)
{
	put_header(w, g, c, o, s);
	put_stack(w, c->stack, true, o, s);
	put_creator(g, o, s);
}

void emit_goroutine(const struct world *w, const struct goroutine *g, const struct emit_options *o,
		    struct sink *s)
{
	struct crowd alone = {NULL, &g->stack, g->waited_ns};

	put_block(w, g, &alone, o, s);
}

static void put_thread_state(const struct thread *t, struct sink *s)
{
	switch (t->state) {
	case THREAD_RUNNING:
		sink_str(s, "running");
		return;
	case THREAD_FUTEX:
		sink_str(s, "futex wait");
		return;
	case THREAD_SYSCALL:
		sink_str(s, "in syscall");
		if (t->syscall) {
			sink_char(s, ' ');
			put_text(s, t->syscall);
		}
		return;
	case THREAD_STOPPED:
		sink_str(s, "did not stop");
		return;
	}
}

void emit_thread(const struct world *w, const struct thread *t, const struct emit_options *o, struct sink *s)
{
	sink_str(s, paint(s, t->is_culprit ? COLOR_RED : COLOR_BOLD));
	sink_str(s, "thread ");
	sink_dec(s, t->tid);
	if (t->name) {
		sink_str(s, " \"");
		sink_clean(s, t->name, strlen(t->name), '"');
		sink_char(s, '"');
	}
	sink_str(s, " [");
	put_thread_state(t, s);
	sink_str(s, "]:");
	sink_str(s, paint(s, COLOR_OFF));
	sink_char(s, '\n');
	put_stack(w, &t->stack, false, o, s);
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

bool shows_goroutine(const struct goroutine *g, const struct emit_options *o)
{
	return g->is_culprit || (g->status != GOROUTINE_DEAD && (!g->is_system || o->system));
}

/* Where no goroutine stands for it, a thread is the only thing there is to show. */
bool shows_thread(const struct world *w, const struct thread *t, const struct emit_options *o)
{
	if (t->is_culprit)
		return true;
	return (o->threads || o->system || !w->has_runtime) && (!t->is_runtime || o->system);
}

void emit_group(struct world *w, const struct group *gr, const struct emit_options *o, struct sink *s)
{
	const struct goroutine *g = &w->goroutines[gr->first];
	struct crowd c = {gr, &g->stack, 0};
	struct stack merged;

	for (size_t k = 0; k < gr->n; k++)
		if (w->goroutines[gr->members[k]].waited_ns > c.waited_ns)
			c.waited_ns = w->goroutines[gr->members[k]].waited_ns;
	if (gr->n > 1) {
		merged = crowd_stack(w, gr);
		c.stack = &merged;
	}
	put_block(w, g, &c, o, s);
}

static void put_groups(struct world *w, const struct emit_options *o, struct sink *s, const char **between)
{
	struct group *groups;
	size_t n = analyse_groups(w, o->similar, &groups);

	for (size_t i = 0; i < n; i++) {
		if (!shows_goroutine(&w->goroutines[groups[i].first], o))
			continue;
		sink_str(s, *between);
		*between = "\n";
		emit_group(w, &groups[i], o, s);
	}
}

static void put_blocks(const struct world *w, const struct emit_options *o, struct sink *s)
{
	const char *between = "";

	if (o->group) {
		/* Groups live in the world's arena: what the world says stays as it is. */
		put_groups((struct world *)(uintptr_t)w, o, s, &between);
	} else {
		for (size_t i = 0; i < w->ngoroutines; i++) {
			if (!shows_goroutine(&w->goroutines[i], o))
				continue;
			sink_str(s, between);
			between = "\n";
			emit_goroutine(w, &w->goroutines[i], o, s);
		}
	}
	for (size_t i = 0; i < w->nthreads; i++) {
		if (!shows_thread(w, &w->threads[i], o))
			continue;
		sink_str(s, between);
		between = "\n";
		emit_thread(w, &w->threads[i], o, s);
	}
}

/* ---- before and after ------------------------------------------------------------------------------------- */

/* Who has sent it, if somebody has. */
static void put_sender(const struct world *w, struct sink *s)
{
	if (w->signal_code > 0 || !w->signal_sender)
		return;
	if (w->signal_sender == w->pid)
		sink_str(s, "[sent by the process itself]\n");
	else
		sink_printf(s, "[sent by process %d of user %u]\n", w->signal_sender, w->signal_uid);
}

static void put_signal(const struct world *w, struct sink *s)
{
	static const struct {
		int number;
		const char *text;
	} names[] = {
		{SIGSEGV, "SIGSEGV: segmentation violation"},
		{SIGBUS, "SIGBUS: bus error"},
		{SIGFPE, "SIGFPE: floating-point exception"},
		{SIGILL, "SIGILL: illegal instruction"},
		{SIGABRT, "SIGABRT: abort"},
		{SIGTRAP, "SIGTRAP: trace trap"},
		{SIGSYS, "SIGSYS: bad system call"},
		{SIGQUIT, "SIGQUIT: quit"},
		{SIGTERM, "SIGTERM: termination"},
		{SIGINT, "SIGINT: interrupt"},
	};
	size_t i = 0, n = sizeof names / sizeof names[0];

	while (i < n && names[i].number != w->signal)
		i++;
	sink_str(s, "[signal ");
	if (i < n)
		sink_str(s, names[i].text);
	else
		sink_dec(s, w->signal);
	sink_str(s, " code=");
	sink_hex(s, (uint32_t)w->signal_code);
	sink_str(s, " addr=");
	sink_hex(s, w->signal_addr);
	sink_str(s, " pc=");
	sink_hex(s, w->signal_pc);
	sink_str(s, "]\n");
	put_sender(w, s);
}

static void put_message(const struct world *w, struct sink *s)
{
	if (w->message)
		put_lines(s, w->message);
	if (w->signal && !(w->message && strstr(w->message, "[signal ")))
		put_signal(w, s);
	if (w->message || w->signal)
		sink_char(s, '\n');
}

static void put_registers(const struct world *w, struct sink *s)
{
	static const struct {
		const char *name;
		int number; /* as in model/regs.h */
	} regs[] = {
		{"rax    ", 0},  {"rbx    ", 3},  {"rcx    ", 2},  {"rdx    ", 1},  {"rdi    ", 5},
		{"rsi    ", 4},  {"rbp    ", 6},  {"rsp    ", 7},  {"r8     ", 8},  {"r9     ", 9},
		{"r10    ", 10}, {"r11    ", 11}, {"r12    ", 12}, {"r13    ", 13}, {"r14    ", 14},
		{"r15    ", 15}, {"rip    ", 16},
	};

	sink_char(s, '\n');
	for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
		sink_str(s, regs[i].name);
		sink_hex(s, w->registers[regs[i].number]);
		sink_char(s, '\n');
	}
}

static void put_culprit_again(const struct world *w, const struct emit_options *o, struct sink *s)
{
	const struct goroutine *g = w->goroutines;

	if (w->ngoroutines < 2 || !g->is_culprit)
		return;
	sink_str(s, "\n-- again, the goroutine that this is about --\n");
	emit_goroutine(w, g, o, s);
}

void emit_notes(const struct world *w, struct sink *s)
{
	if (w->nnotes)
		sink_char(s, '\n');
	for (size_t i = 0; i < w->nnotes; i++) {
		sink_str(s, "note: ");
		put_text(s, w->notes[i]);
		sink_char(s, '\n');
	}
}

static void put_modules(const struct world *w, struct sink *s)
{
	sink_str(s, "\nmodules:\n");
	for (size_t i = 0; i < w->nmodules; i++) {
		sink_hex(s, w->modules[i].lo);
		sink_char(s, '-');
		sink_hex(s, w->modules[i].hi);
		sink_char(s, ' ');
		put_text(s, w->modules[i].path ? w->modules[i].path : "?");
		sink_char(s, '\n');
	}
}

void emit_text(const struct world *w, const struct emit_options *o, struct sink *s)
{
	put_message(w, s);
	put_blocks(w, o, s);
	if (w->has_registers)
		put_registers(w, s);
	if (o->system && w->nmodules)
		put_modules(w, s);
	emit_notes(w, s);
	if (o->culprit_again)
		put_culprit_again(w, o, s);
}
