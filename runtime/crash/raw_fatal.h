/* SPDX-License-Identifier: MIT */
#ifndef RAW_FATAL_H
#define RAW_FATAL_H
/*
 * What: who may report (raw_fatal.c), and how a process ends (raw_death.c).
 *
 * Context: as each says.
 */
#include <stdbool.h>
#include <stdint.h>

#include "abi/death.h"
#include "crash/raw_out.h"
#include "crash/raw_snap.h"

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

/* The calling thread has the claim to a crash.  Context: any. */
bool raw_is_mine(void);

/* Runs fn(arg) on a stack of 128 KiB that belongs to whoever has the claim: that of a goroutine may be almost
 * used up, and an alternate stack of the program's own may have 8 KiB.  Context: with a claim. */
void raw_with_large_stack(void (*fn)(void *), void *arg);
void raw_large_stack_init(void);

/* Gives sig its default action, unblocks it and sends it to this thread.  Context: SIG or any. */
void raw_raise_default(int sig);

/* The G that a thread runs, or a stand-in for one that runs none.  Context: SIG or any. */
const struct gori_g *raw_g_of(const struct gori_m *m);

extern struct raw_reader raw_the_reader; /* of whoever has the claim */

/* ---- raw_death.c ------------------------------------------------------------------------------------------- */

extern struct gori_death raw_death;      /* published; of whoever has the claim */
extern const struct gori_g *raw_dying_g; /* the culprit of a crash, for readers of cores; NULL: none */

/* Why this process dies; without it, it is a panic that was no fault.  Context: SIG or any, dying. */
void raw_cause(enum gori_death_kind kind, int sig, int code, uint64_t addr, uint64_t pc);

/* Fills in what deaths and dumps have in common.  Context: SIG or any, with a claim. */
void raw_publish(const struct raw_culprit *who, uint32_t level);

/* This thread is in the midst of printing goroutines for a crash.  Context: SIG or any. */
bool raw_is_reporting(void);

/* Prints "\n[NAME while dumping ...]" behind what is buffered.  Context: SIG, on the reporting thread. */
void raw_report_failed(const char *name, uint64_t addr, uint64_t pc);

/* After claim and message: freeze, report, end.  Returns only if gori_crash_is_plain: then the signal has to
 * be raised again.  Context: SIG or any. */
void raw_die(const struct raw_culprit *who, bool print_registers);

/* A signal hit the reporting thread: if it was about to start the helper, goes on without one and does not return.
 * Context: SIG. */
void raw_die_without_help(int sig);

#endif
