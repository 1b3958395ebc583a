/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_UNWIND_H
#define DEBUG_UNWIND_H
/*
 * What: from the registers of a frame to those of its caller.
 *
 * How: the row of the call frame information that covers a pc is looked up once, turned into a struct cfi_row and
 * kept (table by pc), so that a step costs a hash lookup and a few reads.  Rows come from .eh_frame, else
 * .debug_frame.  Rejected: dwfl_thread_getframes, whose x86-64 table in elfutils 0.188 loses rbx, the
 * register compilers like best for a parameter that survives a call.
 *
 * Register rule (psABI): what the row does not mention is unchanged if callee-saved, and lost otherwise.  Lost
 * registers have no bit in regs.known: nobody can print them by mistake.
 *
 * Where there is no row: at a function's first instruction (a call through a wild pointer) the return address is
 * at rsp; else the frame pointer is followed if it leads up the stack to a return address that stands
 * behind a call instruction.  Such frames are `guessed`.
 */
#include <stdbool.h>
#include <stdint.h>

#include "debug/module.h"
#include "model/regs.h"
#include "model/world.h"

struct cfi_row;
struct unwinder;

/* One physical frame. */
struct uframe {
	struct regs regs; /* of the frame: at the instruction it is at, or that it returns to */
	uint64_t pc;      /* regs rip */
	uint64_t lookup;  /* pc, or pc - 1 if pc is a return address */
	uint64_t cfa;     /* 0: unknown */
	bool is_exact;    /* pc is the next instruction to run, not a return address */
	bool is_signal;   /* the kernel's frame of a signal handler */
	bool guessed;

	const struct cfi_row *row; /* private to unwind.c: how to leave this frame; NULL: no CFI */
};

struct unwinder *unwinder_new(struct modules *ms, struct target *t);
void unwinder_free(struct unwinder *u);

/*
 * Frames from the innermost on: at most max; returns how many, *ret_end why it stopped there.  `exact`: regs are
 * those of an interrupted or running thread, not of one that called to park.  Memory is read through the target's
 * window.  A frame is kept only if its stack pointer is above the last one's (signal frames excepted).
 */
size_t unwind(struct unwinder *u, const struct regs *regs, bool exact, struct uframe *ret, size_t max,
	      enum stack_end *ret_end);

/* The caller of f; false at the end (*ret_end says which). */
bool unwind_step(struct unwinder *u, const struct uframe *f, struct uframe *ret, enum stack_end *ret_end);

#endif
