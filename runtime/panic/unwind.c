/* SPDX-License-Identifier: MIT */
/*
 * What: leaving frames that are not at their end: after a recovered panic up to the function that deferred,
 * after gor_goexit all of them.
 *
 * How: the compiler's unwinder (libgcc_s, _Unwind_ForcedUnwind: Itanium C++ ABI, "Exception Handling", level
 * I) walks up by .eh_frame, runs destructors of C++ and `cleanup` of C code with -fexceptions, and asks our
 * stop function before each frame.  At the first frame whose stack pointer is above the frame address of the
 * function that is to return, that frame is its caller: its callee-saved registers are taken from the
 * unwinder, and gori_arch_resume goes on there.
 *
 * The exception object may not lie on the stack: landing pads run in their own frames, above, and calls made
 * there overwrite what is below.  It comes from a small static pool, then from the heap.
 *
 * The personality routine of C++ ends the program at a place that is not in its function's table of calls,
 * because the compiler was sure that nothing is thrown there: an instruction that faults, the call of a
 * function that only could fault, a noexcept function.  Such a frame is stepped over: its destructors do not
 * run, and the walk starts again from its caller (gori_arch_call_from).
 *
 * Rejected: restoring registers that defer() has saved, as longjmp does: a caller's callee-saved registers
 * may have been saved by any frame in between, and destructors would not run.
 *
 * Invariants: an object of the pool is used by one goroutine.
 * Context: G, outside the runtime.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "arch/x86_64/capture.h"
#include "crash/crash.h"
#include "panic/panic.h"
#include "sys/print.h"

/* The unwinder's object and what our stop function has to know. */
struct unwinding {
	struct _Unwind_Exception exception;
	uintptr_t frame; /* frame address of the function that returns; UINTPTR_MAX: all end */
	uint32_t used;   /* atomic; pool only */
};

enum { POOL = 32 };

static struct unwinding pool[POOL];

static struct unwinding *get(void)
{
	struct unwinding *u;

	for (u = pool; u < pool + POOL; u++)
		if (!gori_load(&u->used) && gori_cas(&u->used, 0, 1))
			return u;
	u = malloc(sizeof *u);
	if (!u)
		gori_throw("out of memory for leaving frames");
	return u;
}

static void put(struct unwinding *u)
{
	if (u >= pool && u < pool + POOL)
		gori_store_rel(&u->used, 0);
	else
		free(u);
}

/* AddressSanitizer marks frames as left only when they return or throw; exists in its programs only. */
extern void __asan_handle_no_return(void) __attribute__((weak));

/* What the function of ctx gets back when what it has called returns. */
static void read_context(struct _Unwind_Context *ctx, struct gori_resume *ret)
{
	enum { RBX = 3, RBP = 6, R12 = 12, R13, R14, R15 }; /* DWARF numbers */

	ret->rbx = _Unwind_GetGR(ctx, RBX);
	ret->rbp = _Unwind_GetGR(ctx, RBP);
	ret->r12 = _Unwind_GetGR(ctx, R12);
	ret->r13 = _Unwind_GetGR(ctx, R13);
	ret->r14 = _Unwind_GetGR(ctx, R14);
	ret->r15 = _Unwind_GetGR(ctx, R15);
	ret->rsp = _Unwind_GetCFA(ctx);
	ret->rip = _Unwind_GetIP(ctx);
	if (__asan_handle_no_return)
		__asan_handle_no_return();
}

/* The walk has ended before it came to the frame. */
static _Noreturn void die_of_no_tables(struct _Unwind_Context *ctx)
{
	char buf[512];
	struct gori_print out;
	uintptr_t pc = _Unwind_GetIP(ctx);
	Dl_info info = {0};

	gori_print_init(&out, -1, buf, sizeof buf - 1, 0);
	gori_print_text(&out, "recover: no unwind tables for ");
	if (dladdr((void *)pc, &info) && info.dli_sname) {
		gori_print_text(&out, info.dli_sname);
		gori_print_text(&out, " at ");
	} else if (info.dli_fname) {
		gori_print_text(&out, info.dli_fname);
		gori_print_text(&out, " at ");
	}
	gori_print_hex(&out, pc);
	gori_print_text(&out, " (compile it with -fasynchronous-unwind-tables)");
	buf[out.len] = 0;
	gori_crash_fatal(buf);
}

static _Noreturn void end_goroutine(struct unwinding *u)
{
	put(u);
	gori_enter();
	gori_goexit0();
}

/* ctx is the frame that would be left next; its "CFA" is its stack pointer at its call. */
static _Unwind_Reason_Code stop(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
				struct _Unwind_Exception *exception, struct _Unwind_Context *ctx, void *arg)
{
	struct unwinding *u = arg;

	(void)version;
	(void)class;
	(void)exception;
	if (_Unwind_GetCFA(ctx) > u->frame) {
		struct gori_resume to;

		put(u);
		read_context(ctx, &to);
		gori_arch_resume(&to);
	}
	if (actions & _UA_END_OF_STACK) {
		if (u->frame == UINTPTR_MAX)
			end_goroutine(u);
		die_of_no_tables(ctx);
	}
	return _URC_NO_REASON;
}

/* A catch (...) has swallowed what is no exception of C++. */
static void on_caught(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception)
{
	(void)reason;
	(void)exception;
	gori_crash_fatal("a catch (...) has stopped a recovered panic or gor_goexit: it must rethrow");
}

/* ---- places where nothing is thrown ------------------------------------------------------------------------ */

enum { DW_EH_PE_uleb128 = 1, DW_EH_PE_udata4 = 3, DW_EH_PE_omit = 0xff };

static uint64_t read_uleb(const uint8_t **at)
{
	uint64_t v = 0;
	int shift = 0;

	uint8_t byte;

	do {
		byte = *(*at)++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return v;
}

/* A field of the call-site table: gcc and clang use two encodings. */
static uint64_t read_field(const uint8_t **at, uint8_t encoding)
{
	uint32_t v;

	if (encoding == DW_EH_PE_uleb128)
		return read_uleb(at);
	memcpy(&v, *at, sizeof v);
	*at += sizeof v;
	return v;
}

/*
 * Is the place, counted from the function's start, in the table of calls?  The layout of a language-specific
 * data area: landing pad base, type table (both left out or encoded), then the table of
 * (start, length, landing pad, action).  True for what is not understood.
 */
static bool is_call_site(const uint8_t *lsda, uint64_t place)
{
	const uint8_t *at = lsda, *end;
	uint8_t encoding;
	uint64_t size;

	if (*at++ != DW_EH_PE_omit)
		return true;
	if (*at++ != DW_EH_PE_omit)
		read_uleb(&at);
	encoding = *at++;
	if (encoding != DW_EH_PE_uleb128 && encoding != DW_EH_PE_udata4)
		return true;
	size = read_uleb(&at);
	for (end = at + size; at < end;) {
		uint64_t start = read_field(&at, encoding);

		size = read_field(&at, encoding);
		read_field(&at, encoding);
		read_uleb(&at);
		if (place >= start && place - start < size)
			return true;
	}
	return false;
}

static bool is_quiet_place(struct _Unwind_Context *ctx)
{
	const uint8_t *lsda = (const uint8_t *)_Unwind_GetLanguageSpecificData(ctx);
	int exact = 0;
	uintptr_t ip = _Unwind_GetIPInfo(ctx, &exact);

	return lsda && !is_call_site(lsda, ip - !exact - _Unwind_GetRegionStart(ctx));
}

struct quiet_search {
	uintptr_t frame; /* where the walk ends anyway */
	bool found;      /* the frame before has to be stepped over */
	bool complete;   /* caller is set */
	struct gori_resume caller;
};

static _Unwind_Reason_Code look_for_quiet(struct _Unwind_Context *ctx, void *arg)
{
	struct quiet_search *s = arg;

	if (s->found) {
		read_context(ctx, &s->caller);
		s->complete = true;
		return _URC_END_OF_STACK;
	}
	if (_Unwind_GetCFA(ctx) > s->frame)
		return _URC_END_OF_STACK;
	s->found = is_quiet_place(ctx);
	return _URC_NO_REASON;
}

static void leave_frames(void *arg)
{
	struct unwinding *u = arg;
	struct quiet_search s = {.frame = u->frame};

	_Unwind_Backtrace(look_for_quiet, &s);
	if (s.complete)
		gori_arch_call_from(&s.caller, leave_frames, u);
	_Unwind_ForcedUnwind(&u->exception, stop, u);
	gori_throw("the unwinder has given up");
}

static _Noreturn void begin(uintptr_t frame)
{
	struct unwinding *u = get();

	u->exception.exception_class = 0x4e4f4752474f5247; /* "GRGORGON" */
	u->exception.exception_cleanup = on_caught;
	u->frame = frame;
	leave_frames(u);
	__builtin_unreachable();
}

_Noreturn void gori_unwind_return(uintptr_t frame)
{
	begin(frame);
}

_Noreturn void gori_unwind_exit(void)
{
	begin(UINTPTR_MAX);
}
