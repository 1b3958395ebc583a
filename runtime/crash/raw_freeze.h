/* SPDX-License-Identifier: MIT */
#ifndef RAW_FREEZE_H
#define RAW_FREEZE_H
/*
 * What: stopping the other threads of the runtime while one of them reports.
 *
 * How: raw_freeze.c.  Context: as each says.
 */
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "abi/abi.h"

/*
 * Stops every M but that of the calling thread, and waits until each has left its registers in
 * m->crash_regs (m->crash_frozen != 0) or the deadline has passed; returns how many did not answer.
 * Context: any; all signals but those of faults blocked.
 */
int raw_freeze(int64_t deadline);

/* Between both.  Context: any. */
bool raw_freeze_is_on(void);

/* Lets them go on.  Context: the thread that froze. */
void raw_thaw(void);

/* Stops the calling thread, which shows these registers, until the current freeze ends; returns at once if
 * there is none.  Context: SIG or any. */
void raw_freeze_self(struct gori_m *m, const uint64_t regs[17]);

/* Sleeps until a freeze begins, 100 ms at most.  Context: SIG or any. */
void raw_freeze_await(void);

/* Registers of an interrupted context in DWARF order.  Context: SIG. */
void raw_regs_of(const ucontext_t *uc, uint64_t ret[17]);

/* The M of the calling thread, NULL if it is none.  Context: any. */
struct gori_m *raw_this_m(void);

/* A timer that calls fn on the calling thread after ns, whatever it is doing then, until the process ends;
 * fn must not return.  Context: a thread that is dying. */
void raw_watchdog(int64_t ns, void (*fn)(void));

/* In a child of fork.  Context: any. */
void raw_freeze_reset(void);

#endif
