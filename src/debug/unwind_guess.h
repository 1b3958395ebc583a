/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_UNWIND_GUESS_H
#define DEBUG_UNWIND_GUESS_H
/*
 * What: the unwinder's inside, and steps out of code that has no call frame information.
 *
 * How: a word of the stack is taken for a return address only if it stands behind a call instruction in
 * executable memory.  In order: the kernel's signal frame, known by the code that returns from it; the word at
 * rsp, where the return address must be (a wild call, a function's first instruction, a leaf whose caller
 * calls it by name); the frame pointer; the word at rsp once more, for leaves called through pointers.
 */
#include "debug/cfi.h"
#include "debug/unwind.h"

#include <string.h>

struct unwinder {
	struct target *target;
	struct cfi cfi;
};

/* A word of the target: of the window, if it is there. */
static inline bool unwind_word(struct unwinder *u, uint64_t addr, uint64_t *ret)
{
	const struct target *t = u->target;

	if (addr >= t->window_lo && t->window_hi >= sizeof *ret && addr <= t->window_hi - sizeof *ret) {
		memcpy(ret, t->window + (addr - t->window_lo), sizeof *ret);
		return true;
	}
	return target_read_u64(u->target, addr, ret) == 0;
}

/* The caller of f, which has no row: ret->regs and ret->guessed.  May find that f is the kernel's frame. */
bool unwind_guess(struct unwinder *u, struct uframe *f, struct uframe *ret, enum stack_end *ret_end);

#endif
