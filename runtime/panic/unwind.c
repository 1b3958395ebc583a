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
 * Rejected: restoring registers that defer() has saved, as longjmp does: a caller's callee-saved registers
 * may have been saved by any frame in between, and destructors would not run.
 *
 * Invariants: an object of the pool is used by one goroutine.
 * Context: G, outside the runtime.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
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

static _Noreturn void resume(struct _Unwind_Context *ctx)
{
	enum { RBX = 3, RBP = 6, R12 = 12, R13, R14, R15 }; /* DWARF numbers */
	struct gori_resume to;

	to.rbx = _Unwind_GetGR(ctx, RBX);
	to.rbp = _Unwind_GetGR(ctx, RBP);
	to.r12 = _Unwind_GetGR(ctx, R12);
	to.r13 = _Unwind_GetGR(ctx, R13);
	to.r14 = _Unwind_GetGR(ctx, R14);
	to.r15 = _Unwind_GetGR(ctx, R15);
	to.rsp = _Unwind_GetCFA(ctx);
	to.rip = _Unwind_GetIP(ctx);
	if (__asan_handle_no_return)
		__asan_handle_no_return();
	gori_arch_resume(&to);
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
		put(u);
		resume(ctx);
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

static _Noreturn void leave_frames(uintptr_t frame)
{
	struct unwinding *u = get();

	u->exception.exception_class = 0x4e4f4752474f5247; /* "GRGORGON" */
	u->exception.exception_cleanup = on_caught;
	u->frame = frame;
	_Unwind_ForcedUnwind(&u->exception, stop, u);
	gori_throw("the unwinder has given up");
}

_Noreturn void gori_unwind_return(uintptr_t frame)
{
	leave_frames(frame);
}

_Noreturn void gori_unwind_exit(void)
{
	leave_frames(UINTPTR_MAX);
}
