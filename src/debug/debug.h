/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_H
#define DEBUG_H
/*
 * What: debug information as the layers above see it: places, frames, arguments, types, in plain data.
 *
 * How: debug/module.h finds files, debug/unwind.h steps, debug/expr.h evaluates; function.c knows functions and
 * their parameters, type.c types, value.c puts an argument's bytes together.  Everything that depends on a pc
 * only is found once and kept: a dump's cost grows with distinct frames.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "debug/unwind.h"
#include "model/world.h"
#include "target/target.h"

struct debug;

int debug_open(struct debug **ret, struct target *t, struct error *e);
void debug_close(struct debug *d);

struct modules *debug_modules(struct debug *d);
struct unwinder *debug_unwinder(struct debug *d);

/* The places at a pc, innermost first: the functions inlined there, then the physical one; at least one.  The
 * array lives as long as d. */
const struct place *debug_places(struct debug *d, uint64_t lookup, unsigned *ret_n);

/* The physical frames of one stack, and what else is known of it. */
struct ustack {
	const struct uframe *frames; /* innermost first */
	size_t n;
	/* If not NULL: the registers at the beginning of the stack, when the function at their rip was entered,
	 * because `go` captured them.  If that is the function of frames[n - 1] still, what it was called with
	 * is known from these, whatever has become of it since. */
	const struct regs *entered;
	uint64_t fs_base; /* of the thread, for thread-local variables; 0: unknown */
};

/*
 * The arguments of place `level` (an index into debug_places) of frame i.  Callers are asked for what was passed.
 * Memory for the values comes from a.  Returns how many; *ret_variadic: there were more.
 */
unsigned debug_args(struct debug *d, const struct ustack *st, size_t i, unsigned level, struct arena *a,
		    const struct value **ret, bool *ret_variadic);

/* Functions that left by tail calls between frame i and its caller, if that can be told for certain: their
 * places, innermost first. */
unsigned debug_tail_calls(struct debug *d, const struct ustack *st, size_t i, const struct place ***ret);

/*
 * The arguments that a call captured at its entry was given: the parameters of the function at `entry`, with these
 * registers there (rsp included: the word at it stands for the return address, arguments follow).
 */
unsigned debug_entry_args(struct debug *d, uint64_t entry, const struct regs *regs, struct arena *a,
			  const struct value **ret, bool *ret_variadic);

/* What a descriptor of <gorgon/any.h> describes (GOR_TYPE_DEFINE), of this size; NULL: unknown, or not certain. */
const struct type *debug_described(struct debug *d, uint64_t descriptor, uint64_t size);

/* Function or variable at addr: its name and the offset in it; false if addr is in none. */
bool debug_symbol(struct debug *d, uint64_t addr, const char **ret_name, uint64_t *ret_offset,
		  bool *ret_function);

#endif
