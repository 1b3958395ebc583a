/* SPDX-License-Identifier: MIT */
#ifndef RAW_UNWIND_H
#define RAW_UNWIND_H
/*
 * What: walking a stack, from any set of registers, in a process that may be damaged.
 *
 * How: raw_unwind.c.
 *
 *	raw_cursor_init(&c, u, regs, valid);
 *	do
 *		... c.r[RAW_RIP], c.exact ...
 *	while (raw_cursor_step(&c) == RAW_STEPPED && ++depth < limit);
 *
 * Context: any.  A struct raw_unwind belongs to one thread at a time.
 */
#include "crash/raw_cfi.h"

enum { RAW_NROWS = 256 };

/* What walks share: memory and rows that were already looked up. */
struct raw_unwind {
	struct raw_mem mem;
	struct {
		uint64_t pc; /* 0: empty */
		bool known;  /* false: there is no row for this pc */
		struct raw_row row;
	} rows[RAW_NROWS];
};

/* Every register known. */
#define RAW_VALID_ALL ((1u << RAW_NREGS) - 1)
/* Those that a call keeps, and where it is: what a parked goroutine has. */
#define RAW_VALID_CALLEE (1u << RAW_RBX | 1u << RAW_RBP | 0xf000u | 1u << RAW_RSP | 1u << RAW_RIP)

struct raw_cursor {
	struct raw_unwind *u;
	uint64_t r[RAW_NREGS];
	uint32_t valid; /* bit i: r[i] is known */
	bool exact;     /* rip is an instruction that was interrupted; otherwise a return address */
	bool guessed;   /* there were no unwind tables for a frame below this one */
};

enum raw_step {
	RAW_LOST = -1,   /* the stack makes no sense, or cannot be read */
	RAW_END = 0,     /* this was the outermost frame */
	RAW_STEPPED = 1, /* the cursor is at the caller */
};

/* Forgets memory, and rows too, since a dlclose may have come in between. */
void raw_unwind_reset(struct raw_unwind *u);

/* Starts at a frame whose rip is an interrupted instruction (`exact`) or a return address. */
void raw_cursor_init(struct raw_cursor *c, struct raw_unwind *u, const uint64_t regs[RAW_NREGS],
		     uint32_t valid, bool exact);

enum raw_step raw_cursor_step(struct raw_cursor *c);

/* The address to look names and lines up with: within the call for a return address. */
static inline uint64_t raw_cursor_lookup_pc(const struct raw_cursor *c)
{
	return c->r[RAW_RIP] - !c->exact;
}

#endif
