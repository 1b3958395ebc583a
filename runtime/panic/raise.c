/* SPDX-License-Identifier: MIT */
/*
 * What: how panics and fatal errors arise: by the user, by the runtime's checks, by faults.
 *
 * How: each builds a struct gori_panic in its own frame and hands it to gori_panic_run.  Texts are formatted
 * into that struct, so that a panic that is not recovered needs no heap.
 *
 * Invariants: a struct gori_panic is filled but for what gori_panic_run sets.
 * Context: G, outside the runtime; gori_throw, gori_fatal, gor_fatal: any.
 */
#define GOR_NO_KEYWORDS
#include <gorgon/panic.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/crash.h"
#include "panic/panic.h"

/* ---- values ---------------------------------------------------------------------------------------------- */

static size_t runtime_error_text(const void *value, char *ret_buf, size_t size)
{
	const gor_string *s = value;
	size_t n = s->len < size ? s->len : size ? size - 1 : 0;

	if (size) {
		memcpy(ret_buf, s->ptr, n);
		ret_buf[n] = 0;
	}
	return s->len;
}

const gor_type gor_type_runtime_error = {
	"runtime.Error", GOR_KIND_STRUCT, 0, sizeof(gor_string), runtime_error_text,
};

gor_any gori_runtime_error(gor_string text)
{
	gor_any v = {.type = &gor_type_runtime_error, .data.s = text};

	return v;
}

gor_string gori_panic_format(struct gori_panic *p, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(p->text, sizeof p->text, fmt, ap);
	if (n < 0) {
		strcpy(p->text, "(bad format)");
		n = (int)strlen(p->text);
	}
	if ((size_t)n >= sizeof p->text) {
		p->big = malloc((size_t)n + 1);
		if (p->big)
			vsnprintf(p->big, (size_t)n + 1, fmt, again);
		else
			n = sizeof p->text - 1;
	}
	va_end(again);
	return gor_strn(p->big ? p->big : p->text, (size_t)n);
}

/* base: frame address of the function that was called to panic. */
static void init(struct gori_panic *p, void *base)
{
	p->base = (uintptr_t)base;
	p->sig = 0;
	p->big = NULL;
}

/* ---- the user's ------------------------------------------------------------------------------------------- */

static gor_any nil_error(void)
{
	return gori_runtime_error(
		gor_str("panic called with nil argument (use GODEBUG=panicnil=1 to disable)"));
}

_Noreturn void gor_panic(const char *fmt, ...)
{
	struct gori_panic p;
	va_list ap;

	init(&p, __builtin_frame_address(0));
	va_start(ap, fmt);
	if (fmt) {
		p.value.type = &gor_type_string;
		p.value.data.s = gori_panic_format(&p, fmt, ap);
	} else {
		p.value = nil_error();
	}
	va_end(ap);
	gori_panic_run(&p);
}

_Noreturn void gor_panic_any(gor_any value)
{
	struct gori_panic p;

	init(&p, __builtin_frame_address(0));
	p.value = value.type ? value : nil_error();
	gori_panic_run(&p);
}

/* ---- the runtime's ------------------------------------------------------------------------------------------ */

_Noreturn void gori_panic_runtime_error(const char *fmt, ...)
{
	static const char prefix[] = "runtime error: ";
	struct gori_panic p;
	char with_prefix[256];
	va_list ap;

	init(&p, __builtin_frame_address(0));
	snprintf(with_prefix, sizeof with_prefix, "%s%s", prefix, fmt);
	va_start(ap, fmt);
	p.value = gori_runtime_error(gori_panic_format(&p, with_prefix, ap));
	va_end(ap);
	gori_panic_run(&p);
}

_Noreturn void gori_panic_plain(const char *constant)
{
	struct gori_panic p;

	init(&p, __builtin_frame_address(0));
	p.value = gori_runtime_error(gor_strn(constant, strlen(constant)));
	gori_panic_run(&p);
}

_Noreturn void gori_throw(const char *constant)
{
	gori_crash_fatal(constant);
}

_Noreturn void gori_fatal(const char *msg)
{
	gori_crash_fatal(msg);
}

_Noreturn void gor_fatal(const char *msg)
{
	gori_crash_fatal(msg ? msg : "(null)");
}

/* ---- faults --------------------------------------------------------------------------------------------------- */

/* The text of a fault that can be recovered, or NULL. */
static const char *fault_text(int sig, int code, uint64_t addr)
{
	enum { NIL_PAGE = 4096 };
	bool at_address = sig == SIGSEGV ? code == SEGV_MAPERR || code == SEGV_ACCERR : code == BUS_ADRERR;

	if (sig == SIGFPE) {
		if (code == FPE_INTDIV)
			return "runtime error: integer divide by zero";
		return code == FPE_INTOVF ? "runtime error: integer overflow"
					  : "runtime error: floating point error";
	}
	if ((sig == SIGSEGV || sig == SIGBUS) && at_address && addr < NIL_PAGE)
		return "runtime error: invalid memory address or nil pointer dereference";
	return NULL;
}

/*
 * A call or jump to where no code is: there are no unwind tables either, so its caller takes the place of the
 * faulting instruction.  regs are those that gori_sigpanic_entry has for the unwinder, in DWARF order.
 */
static void step_out_of_nowhere(uint64_t *regs, uint64_t addr)
{
	enum { RSP = 7, RIP = 16 };

	if (regs[RIP] != addr)
		return;
	regs[RIP] = *(const uint64_t *)(uintptr_t)regs[RSP];
	regs[RSP] += sizeof(uint64_t);
}

/* Called by gori_sigpanic_entry, on the stack of the goroutine, as if by the faulting instruction. */
void gori_sigpanic(int sig, int code, uint64_t addr, uint64_t pc)
{
	const char *text = fault_text(sig, code, addr);
	struct gori_panic p;

	if (sig != SIGFPE) /* there addr is always the instruction */
		step_out_of_nowhere((uint64_t *)__builtin_frame_address(0) + 2, addr);
	if (!text)
		gori_panic_die_of_fault(sig, code, addr, pc);
	init(&p, __builtin_frame_address(0));
	p.value = gori_runtime_error(gor_strn(text, strlen(text)));
	p.sig = sig;
	p.code = code;
	p.addr = addr;
	p.pc = pc;
	gori_panic_run(&p);
}
