/* SPDX-License-Identifier: MIT */
#ifndef RAW_FATAL_H
#define RAW_FATAL_H
/*
 * What: who may report, and how a process ends.
 *
 * How: raw_fatal.c.  Context: as each says.
 */
#include <stdbool.h>
#include <stdint.h>

#include "abi/death.h"
#include "crash/raw_snap.h"

/* What is published of a death; belongs to whoever has the claim. */
extern struct gori_death raw_death;

enum raw_claim {
	RAW_CLAIM_NONE = 0,
	RAW_CLAIM_LIVE = 1,  /* gor_dump */
	RAW_CLAIM_CRASH = 2, /* the process is dying */
};

/*
 * Makes the calling thread the one that reports.  For CRASH: does not return if another thread is dying
 * already; returns false if this thread is.  For LIVE: false if somebody is dying.  regs: what the thread
 * shows of itself while it waits.  Context: SIG or any.
 */
bool raw_claim(enum raw_claim what, const uint64_t regs[RAW_NREGS]);

/* Ends a LIVE claim. */
void raw_unclaim(void);

/* This thread has begun to die.  Does not return if another one has.  Context: SIG or any. */
bool raw_is_dying(const uint64_t regs[RAW_NREGS]);

/* This thread is in the midst of printing goroutines for a crash.  Context: SIG or any. */
bool raw_is_reporting(void);

/* Prints "\n[NAME while dumping ...]" behind what is buffered.  Context: SIG, on the reporting thread. */
void raw_report_failed(const char *name, uint64_t addr, uint64_t pc);

/* After claim and message: freeze, report, end.  Context: SIG or any. */
_Noreturn void raw_die(const struct raw_culprit *who, bool print_registers);

/* Runs fn(arg) on a stack of 128 KiB that belongs to whoever has the claim: that of a goroutine may be almost
 * used up, and an alternate stack of the program's own may have 8 KiB.  Context: with a claim. */
void raw_with_large_stack(void (*fn)(void *), void *arg);
void raw_large_stack_init(void);

/* Gives sig its default action, unblocks it and sends it to this thread.  Context: SIG or any. */
void raw_raise_default(int sig);

/* Sends a message to stderr in one write; failure is remembered for the exit status. */
void raw_message(const char *text, size_t n);

/* The G that a thread runs, or a stand-in for one that runs none.  Context: SIG or any. */
const struct gori_g *raw_g_of(const struct gori_m *m);

extern const struct gori_g *raw_dying_g; /* the culprit of a crash, for readers of cores; NULL: none */
extern struct raw_reader raw_the_reader; /* of whoever has the claim */

#endif
