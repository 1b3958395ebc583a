/* SPDX-License-Identifier: MIT */
#ifndef GORI_CRASH_H
#define GORI_CRASH_H
/*
 * What: crash handling as the rest of the runtime sees it, and what it needs from the rest.
 *
 * How: raw_handler.c (signals), raw_freeze.c (stopping threads), raw_death.c (the end), raw_helper.c (the tool
 * that decodes), raw_report.c (the dump without it).
 *
 * The road of every death:
 *
 *	panic, throw, fatal      gori_crash_begin -> message -> gori_crash_panic --+
 *	fatal signal             raw_handler.c: message ---------------------------+-> freeze -> helper, or raw report -> exit 2
 *	fault in a goroutine     raw_handler.c -> gori_sigpanic -> panic -> as above, unless recovered
 *	gor_dump                 freeze -> helper reads, or capture -> thaw -> report -> goes on
 */
#include <stdbool.h>
#include <stdint.h>

#include "abi/abi.h"

#define GORI_ALTSTACK_SIZE (64 * 1024) /* of m->altstack, above one guard page */

/* Installs the handlers; gori_options is set.  Once, while the library is loaded. */
void gori_crash_init(void);

/* This thread is, or is no more, an M.  Context: the thread itself, not in a handler. */
void gori_crash_thread_init(struct gori_m *m);
void gori_crash_thread_deinit(struct gori_m *m);

/* In a child of fork, on its only thread: a dump that another thread had begun is none of ours. */
void gori_crash_after_fork(void);

/* A dump or a crash is being handled: sysmon leaves everything as it is.  Context: any. */
bool gori_crash_is_on(void);

/*
 * To be called before a fatal message is printed: the first thread that dies goes on, every other one that
 * calls this stops for ever, so that two messages do not mix.  Calling it again is fine.  Context: any.
 */
void gori_crash_begin(void);

/* The message is out: dumps goroutines as GOTRACEBACK says, and exits with 2.  Context: any. */
_Noreturn void gori_crash_panic(void);

/* The same, with "fatal error: MSG" as the message, in one write.  Context: any. */
_Noreturn void gori_crash_fatal(const char *msg);

/* The program does not use the runtime, these handlers were preloaded: faults are no panics, and after the report
 * the signal has its usual effect.  Set before gori_crash_init. */
extern bool gori_crash_is_plain;

/* Adds an entry to the published table (abi/table.h): a root of a module above this one.  The name has at
 * most 23 characters.  Context: while the library is loaded. */
void gori_table_add(const char *name, uint64_t value);

/* Another copy of the runtime is the one that counts.  Context: while the library is loaded. */
void gori_table_withdraw(void);

/* ---- imports: all that crash/ uses of other folders, beside abi, sys and arch --------------------------- */

extern __thread struct gori_m *gori_tls_m __attribute__((tls_model("initial-exec")));

/* sched/: every M that ever was, linked by all_next; and every goroutine that has not ended. */
struct gori_m *gori_allm(void);
void gori_foreach_g(bool (*fn)(struct gori_g *, void *), void *arg);
bool gori_stack_is_guard(uintptr_t addr, struct gori_g **ret_g);

/* panic/: turns a fault into a panic of the goroutine it came from; called by gori_sigpanic_entry. */
void gori_sigpanic(int sig, int code, uint64_t addr, uint64_t pc);

/* arch/x86_64/sigpanic.S */
void gori_sigpanic_entry(void);
void gori_crash_restorer(void);
void gori_crash_getregs(uint64_t regs[17]);
void gori_crash_on_stack(void *top, void (*fn)(void *), void *arg);
long gori_crash_clone(long flags, void *top, void (*fn)(void *), void *arg);

#endif
