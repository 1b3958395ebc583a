/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_INSN_H
#define DEBUG_INSN_H
/*
 * What: as much of an x86-64 instruction as it takes to see what becomes of general registers: its length, where
 * it goes, which it may write, and whether it copies one to another.
 *
 * How: by the opcode maps of Intel's manual (volume 2, appendix A).  An instruction counts as writing every register
 * that some form of it could write; only those that compilers use all the time are told apart.  Rejected: a
 * disassembler's library, for five questions.
 *
 * Invariants: what is not understood has length 0, and is never taken for something else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_flow {
	FLOW_ON,       /* to the next one */
	FLOW_BRANCH,   /* there, or to the next one */
	FLOW_JUMP,     /* there */
	FLOW_JUMP_FAR, /* where cannot be seen */
	FLOW_CALL,
	FLOW_END, /* returns, or traps */
};

struct insn {
	uint8_t length;  /* bytes; 0: not understood */
	uint8_t flow;    /* enum insn_flow */
	int64_t target;  /* BRANCH, JUMP: from the end of the instruction */
	uint16_t writes; /* bit i: register i, as DWARF numbers them; flags and vectors are not of interest */
	bool is_copy;    /* the register `to`, which is in writes, gets what `from` holds */
	bool is_low;     /* the copy is one of the lower 32 bits */
	bool is_constant; /* `to`, which is in writes, gets `value` */
	bool is_relative; /* and value counts from the end of the instruction */
	uint8_t from, to;
	uint64_t value;
};

/* The instruction at code, of which n bytes may be looked at. */
void insn_decode(const unsigned char *code, size_t n, struct insn *ret);

#endif
