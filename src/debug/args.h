/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_ARGS_H
#define DEBUG_ARGS_H
/*
 * What: the inside of debug/: what args.c, entry.c, passing.c and debug.c know of each other.
 */
#include "debug/debug.h"
#include "debug/expr.h"
#include "debug/function.h"

struct debug {
	struct target *target;
	struct modules *modules;
	struct unwinder *unwinder;
	struct types *types;
	struct scopes *scopes;
	struct functions *functions;
	struct arena arena;
	struct table tails;  /* frame and caller -> struct tails: debug_tail_calls */
	struct table copies; /* lookup -> struct call_copies */
};

/* One frame while expressions are evaluated for it. */
struct frame_view {
	struct debug *d;
	const struct ustack *stack;
	size_t i;
	const struct code *code;
	struct arena *arena;
	struct expr_env env;
	bool tried_copies;   /* at_call is as copies.c has found it out */
	struct regs at_call; /* if it was worth it, env.regs leads here */
	/* Of a function that has left by a tail call: the chain between frames i and i + 1, and which of it. */
	const struct tails *left;
	unsigned which;
};

/* env is ready for expressions that belong to frame i; attr is set by whoever has one. */
void frame_view_init(struct frame_view *v, struct debug *d, const struct ustack *st, size_t i,
		     struct arena *a);

/* ---- args.c: values --------------------------------------------------------------------------------------------- */

void value_unknown(struct value *val, enum value_why why);

/* What a location describes; unknown if it cannot be had. */
void value_from_ops(struct frame_view *v, struct expr_env *env, const Dwarf_Op *ops, size_t n,
		    struct value *val);

/* Status and mask from the status of each byte; `why` is the reason for the worst. */
void value_settle(struct value *val, const unsigned char *mask, enum value_why why, struct arena *a);

/* ---- passed.c: what was passed for parameters --------------------------------------------------------------------- */

/* Adds what was passed to the values of the frame's physical function, where they are not known. */
void add_passed(struct frame_view *v, const struct params *ps, struct value *vals);

/* ---- entry.c: what the caller passed ------------------------------------------------------------------------ */

/* The contents of a register when the function of this frame was entered. */
enum value_why entry_value_of(struct frame_view *v, unsigned reg, unsigned depth, uint64_t *ret);

/* All that is known, from the caller's code, of the registers when the function of this frame was entered. */
bool entry_regs(struct frame_view *v, struct regs *ret);

/* What the caller would have passed for a parameter that gcc has removed: the offset of its DIE. */
enum value_why entry_parameter_of(struct frame_view *v, Dwarf_Off die, unsigned depth, uint64_t *ret);

/* Is what `go` captured what the function of this frame was called with? */
enum captured {
	CAPTURED_NOT,   /* no, or it cannot be told */
	CAPTURED_FIRST, /* when it was called first: it may have come to itself again by tail calls */
	CAPTURED_THIS,
};
enum captured entry_captured(struct frame_view *v);

/* ---- copies.c: registers that a call has overwritten, but not before they were copied --------------------------- */

/* Of each register at one call: the callee-saved ones that hold the same there, and whose lower half does. */
struct call_copies {
	uint16_t all[16], low[16];
	uint16_t constant; /* bit i: it held value[i] */
	uint64_t value[16];
};

struct code_range {
	uint64_t lo;
	unsigned char *bytes; /* n of them */
	size_t n;
};

/* Of a function with this code and entry, at the call that returns to ret_addr.  False: nothing can be told. */
bool copies_before(const struct code_range *ranges, size_t n, uint64_t entry, uint64_t ret_addr,
		   struct call_copies *ret);

/* The registers when the frame's function made the call that it is in: those of the frame, and those that are copies
 * of them.  False: there are no more than those of the frame. */
bool regs_at_call(struct frame_view *v, struct regs *ret);

/* ---- passing.c: how arguments are passed (psABI) -------------------------------------------------------------- */

enum passed_in { PASSED_NOWHERE, PASSED_GPR, PASSED_SSE, PASSED_STACK };

/* One eightbyte of an argument. */
struct passed_word {
	enum passed_in in;
	unsigned index; /* register: 0 = rdi or xmm0; stack: offset from the first argument word, in bytes */
};

struct passing {
	unsigned ngpr, nsse;
	uint64_t nstack; /* bytes */
};

enum { PASSING_WORDS = 2 };

/* The result takes the first register if it is returned in memory. */
void passing_begin(struct passing *p, const struct type *result);

/* The next argument: fills words for arguments in registers and returns how many; 0: it is all on the stack,
 * at *ret_offset.  False in *ret_known if the type is not understood: then nothing more is known. */
unsigned passing_next(struct passing *p, const struct type *t, struct passed_word words[PASSING_WORDS],
		      uint64_t *ret_offset, bool *ret_known);

#endif
