/* SPDX-License-Identifier: MIT */
#ifndef GORI_PANIC_H
#define GORI_PANIC_H
/*
 * What: the inside of panic/, shared by its files only: deferred calls (defer.c), panics and goexit
 * (panic.c), leaving frames (unwind.c), the last words (message.c), how panics arise (raise.c).
 *
 * How: panic.c explains the whole.
 *
 * Context: G, outside the runtime, unless marked.
 */
#include <stdarg.h>
#include <stdbool.h>

#include "abi/panic_abi.h"
#include "sched/sched.h"

#pragma GCC visibility push(hidden)

/* The goroutine of this thread, which is adopted if it is new. */
struct gori_g *gori_panic_self(void);

/* ---- defer.c ---- */

/*
 * The innermost record of the frames above `base`, or NULL.  All functions that can have deferred something
 * that is still to be called are there; what is found below, or not intact, longjmp has left.
 */
struct gori_defer *gori_defer_first(struct gori_g *g, uintptr_t base);

/* Takes d, the first, out of the list. */
void gori_defer_unlink(struct gori_g *g, struct gori_defer *d);

/* Calls what d has kept and is not linked any more, as at the end of its block. */
void gori_defer_run(struct gori_g *g, struct gori_defer *d);

/* ---- panic.c ---- */

/* Starts the panic p, whose value is set: calls what was deferred, until one recovers. */
_Noreturn void gori_panic_run(struct gori_panic *p);

/* A value of type gor_type_runtime_error; text is not copied. */
struct gor_any gori_runtime_error(struct gor_string text);

/* A goroutine has ended: gives back what its panics have kept.  Context: any. */
void gori_panic_g_end(struct gori_g *g);

/* ---- raise.c ---- */

/* Formats into p->text, or p->big if that is too small; the result lives as long as p. */
struct gor_string gori_panic_format(struct gori_panic *p, const char *fmt, va_list ap);

/* ---- unwind.c ---- */

/*
 * Leaves all frames up to the one with this frame address, that one included, as if it had returned zero.
 * Destructors of C++ run on the way.
 */
_Noreturn void gori_unwind_return(uintptr_t frame);

/* Leaves all frames of the goroutine and ends it. */
_Noreturn void gori_unwind_exit(void);

/* ---- message.c ---- */

/* Nobody has recovered p: prints the panics in progress, dumps, exits. */
_Noreturn void gori_panic_die(struct gori_panic *p);

/* Prints "unexpected fault address", "fatal error: fault" and the signal, dumps, exits. */
_Noreturn void gori_panic_die_of_fault(int sig, int code, uint64_t addr, uint64_t pc);

#pragma GCC visibility pop

#endif
