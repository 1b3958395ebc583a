/* SPDX-License-Identifier: MIT */
/*
 * What: the lines before the dump of a panic that nobody has recovered.
 *
 *	panic: VALUE [recovered]
 *		panic: runtime error: VALUE
 *	[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x401136]
 *
 * How: Go's grammar: the oldest panic first, newer ones indented by a tab.  First every value is made into a
 * text, which may run a function of the user's (to_text) or read a bad pointer; only then are other threads
 * stopped and the lines printed.  If a value panics meanwhile, that new panic comes here again: it finds the
 * text of the old one BEGUN, prints its type and address instead, and says so.  After some such
 * failures no more functions of the user's are asked.
 *
 * Invariants: no heap, no locks; each value is asked at most once.
 * Context: G, outside the runtime.
 */
#define GOR_NO_KEYWORDS
#include <gorgon/panic.h>

#include <signal.h>
#include <string.h>

#include "crash/crash.h"
#include "crash/raw_fatal.h"
#include "panic/panic.h"
#include "sys/print.h"

enum {
	FAILURES = 3,          /* values that may panic while they are printed */
	SHOWN_MAX = 64 * 1024, /* bytes of one value */
	PAGE = 4096,
};

/* ---- values to texts ------------------------------------------------------------------------------------- */

/* Faults here, where it is a panic, rather than later, if s cannot be read. */
static void touch(gor_string s)
{
	const volatile char *at = s.ptr;

	for (size_t i = 0; i < s.len; i += PAGE)
		(void)at[i];
	if (s.len)
		(void)at[s.len - 1];
}

static gor_string text_of(struct gori_panic *p)
{
	const gor_type *type = p->value.type;
	gor_string s;

	if (type == &gor_type_runtime_error ||
	    (type->kind == GOR_KIND_STRING && !type->to_text && !type->flags)) {
		s = p->value.data.s;
	} else if (type == &gor_type_cstring && p->value.data.p) {
		s.ptr = p->value.data.p;
		s.len = strnlen(s.ptr, SHOWN_MAX);
	} else {
		s.ptr = p->text;
		s.len = gor_any_format(&p->value, p->text, sizeof p->text);
		if (s.len >= sizeof p->text) {
			s.len = sizeof p->text - 1;
			memcpy(p->text + s.len - 3, "...", 3);
		}
	}
	if (s.len > SHOWN_MAX)
		s.len = SHOWN_MAX;
	touch(s);
	return s;
}

static unsigned failures(const struct gori_panic *p)
{
	unsigned n = 0;

	for (; p; p = p->link)
		n += !p->goexit && p->text_state == GORI_TEXT_BEGUN;
	return n;
}

static void make_texts(struct gori_panic *newest)
{
	if (failures(newest) >= FAILURES)
		return;
	for (struct gori_panic *p = newest; p; p = p->link) {
		if (p->link && !p->goexit && p->link->recovered && p->link->value.type == p->value.type &&
		    memcmp(&p->link->value.data, &p->value.data, sizeof p->value.data) == 0)
			p->link->repanicked = true;
		if (p->goexit || p->text_state != GORI_TEXT_NONE)
			continue;
		p->text_state = GORI_TEXT_BEGUN;
		p->shown = text_of(p);
		p->text_state = GORI_TEXT_DONE;
	}
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

/* Hands on what is full, so that the exit status can tell whether anything got out. */
static int drain(struct gori_print *out)
{
	raw_message(out->buf, out->len);
	out->len = 0;
	return 0;
}

static void print_init(struct gori_print *out, char *buf, size_t size)
{
	gori_print_init(out, -1, buf, size, 0);
	out->drain = drain;
}

/* Further lines of a value are indented, so that nothing in it looks like a message of ours. */
static void print_indented(struct gori_print *out, gor_string s)
{
	for (size_t i = 0; i < s.len; i++) {
		gori_print_char(out, s.ptr[i]);
		if (s.ptr[i] == '\n')
			gori_print_char(out, '\t');
	}
}

static void print_value(struct gori_print *out, const struct gori_panic *p)
{
	if (p->text_state == GORI_TEXT_DONE) {
		print_indented(out, p->shown);
		return;
	}
	gori_print_char(out, '(');
	gori_print_text(out, p->value.type->name);
	gori_print_text(out, ") ");
	gori_print_hex(out, p->value.data.u);
	if (p->text_state == GORI_TEXT_BEGUN)
		gori_print_text(out, " [panicked while it was printed]");
}

/* Oldest first. */
static void print_chain(struct gori_print *out, const struct gori_panic *p)
{
	if (p->link) {
		print_chain(out, p->link);
		if (p->link->repanicked)
			return;
		if (!p->link->goexit && !p->goexit)
			gori_print_char(out, '\t');
	}
	if (p->goexit)
		return;
	gori_print_text(out, "panic: ");
	print_value(out, p);
	gori_print_text(out, p->repanicked ? " [recovered, repanicked]" : p->recovered ? " [recovered]" : "");
	gori_print_char(out, '\n');
}

static const char *signal_text(int sig)
{
	switch (sig) {
	case SIGSEGV:
		return "SIGSEGV: segmentation violation";
	case SIGBUS:
		return "SIGBUS: bus error";
	case SIGFPE:
		return "SIGFPE: floating-point exception";
	}
	return "unknown";
}

static void print_signal(struct gori_print *out, int sig, int code, uint64_t addr, uint64_t pc)
{
	gori_print_text(out, "[signal ");
	gori_print_text(out, signal_text(sig));
	gori_print_text(out, " code=");
	gori_print_hex(out, (uint64_t)(int64_t)code);
	gori_print_text(out, " addr=");
	gori_print_hex(out, addr);
	gori_print_text(out, " pc=");
	gori_print_hex(out, pc);
	gori_print_text(out, "]\n");
}

_Noreturn void gori_panic_die(struct gori_panic *p)
{
	char buf[2048];
	struct gori_print out;

	make_texts(p);
	gori_crash_begin();
	print_init(&out, buf, sizeof buf);
	print_chain(&out, p);
	for (const struct gori_panic *q = p; q; q = q->link) {
		if (!q->goexit && q->sig) {
			raw_cause(GORI_DEATH_PANIC, q->sig, q->code, q->addr, q->pc);
			print_signal(&out, q->sig, q->code, q->addr, q->pc);
			break;
		}
	}
	drain(&out);
	gori_crash_panic();
}

_Noreturn void gori_panic_die_of_fault(int sig, int code, uint64_t addr, uint64_t pc)
{
	char buf[512];
	struct gori_print out;

	gori_crash_begin();
	raw_cause(GORI_DEATH_FATAL, sig, code, addr, pc);
	print_init(&out, buf, sizeof buf);
	gori_print_text(&out, "unexpected fault address ");
	gori_print_hex(&out, addr);
	gori_print_text(&out, "\nfatal error: fault\n");
	print_signal(&out, sig, code, addr, pc);
	drain(&out);
	gori_crash_panic();
}
