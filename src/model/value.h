/* SPDX-License-Identifier: MIT */
#ifndef MODEL_VALUE_H
#define MODEL_VALUE_H
/*
 * What: one argument of one frame: its bytes, and how much of them can be believed.
 *
 * How: `bytes` has type->size bytes in the target's order.  A value may be known in part (a struct of which the
 * compiler kept one member in a register): then `mask` has one byte per byte, VALUE_KNOWN and so on, and
 * `status` is the worst of them.  What a pointer leads to is not here but among the world's facts.
 *
 * Invariants: a byte that is UNKNOWN is zero.  Nothing is ever KNOWN that was not read from a place that the
 * debug information names for this very pc, or derived by it, while the program was stopped.
 */
#include <stdint.h>

#include "model/type.h"

enum value_status {
	VALUE_KNOWN = 0,
	VALUE_STALE = 1,   /* may be out of date; printed with a ? */
	VALUE_UNKNOWN = 2, /* printed as _ */
};

/* Why a value, or a part of it, is not known. */
enum value_why {
	WHY_NONE,
	WHY_OPTIMIZED_OUT,  /* the debug information gives no place at this pc */
	WHY_REGISTER_LOST,  /* in a caller-saved register, which a call has overwritten */
	WHY_NO_CALL_SITE,   /* needs the value at entry, and the caller does not describe this call */
	WHY_NO_CALL_VALUE,  /* the caller describes the call, but not this argument */
	WHY_TAIL_CALL,      /* the caller is not the one that passed the argument */
	WHY_CALLER_UNKNOWN, /* the caller's own value is not known, or there is no caller frame */
	WHY_UNREADABLE,     /* memory that cannot be read, or is not in the file */
	WHY_EXPRESSION,     /* the debug information is broken, or needs what we do not have */
	WHY_LIMIT,          /* too large or too deep */
	WHY_NO_TYPE,        /* its type has no size */
	WHY_UNTRACKED,      /* in memory that an optimiser may not have written, see debug/args.c */
	WHY_AS_PASSED,      /* as it was at the function's entry; the rest is known at the pc */
	WHY_MOVED_ON,       /* (of facts) read after the program went on */
};

struct value {
	const char *name; /* NULL: the parameter has none */
	const struct type *type;
	const unsigned char *bytes; /* type->size of them; NULL if nothing is known */
	const unsigned char *mask;  /* NULL: all bytes are as `status` says */
	uint64_t addr;              /* where it lies in the target's memory; 0: not in memory */
	uint8_t status;             /* enum value_status */
	uint8_t why;                /* enum value_why, if status is not KNOWN */
	uint8_t at_entry;           /* the value at the function's entry; it may have been changed since */
};

/* "optimized out" and so on; a static string without spaces at its ends. */
const char *value_why_text(enum value_why why);

#endif
