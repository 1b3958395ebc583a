/* SPDX-License-Identifier: MIT */
#ifndef RAW_CFI_H
#define RAW_CFI_H
/*
 * What: from a code address to the rule that finds the caller's registers there: a row of the table that
 * .eh_frame describes (DWARF 5, section 6.4; LSB Core, "Exception Frames"; x86-64 psABI, section 3.6).
 *
 * How: raw_cfi.c.  Context: any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "crash/raw_mem.h"
#include "crash/raw_module.h"

/* Registers by their DWARF numbers: rax rdx rcx rbx rsi rdi rbp rsp r8..r15, return address. */
enum { RAW_RAX, RAW_RDX, RAW_RCX, RAW_RBX, RAW_RSI, RAW_RDI, RAW_RBP, RAW_RSP, RAW_RIP = 16, RAW_NREGS = 17 };

enum raw_rule_kind {
	RAW_RULE_NONE,       /* no rule was given: unchanged if callee-saved, else lost */
	RAW_RULE_SAME,       /* unchanged */
	RAW_RULE_UNDEFINED,  /* lost; for rip: there is no caller */
	RAW_RULE_OFFSET,     /* saved at CFA + n */
	RAW_RULE_VAL_OFFSET, /* is CFA + n */
	RAW_RULE_REGISTER,   /* is in register n */
	RAW_RULE_EXPR,       /* saved at the address that the expression at n gives */
	RAW_RULE_VAL_EXPR,   /* is what the expression at n gives */
};

struct raw_rule {
	uint8_t kind; /* enum raw_rule_kind */
	uint32_t len; /* bytes of the expression */
	int64_t n;
};

struct raw_row {
	struct raw_rule cfa; /* REGISTER: register `len` plus n; VAL_EXPR: the expression */
	struct raw_rule reg[RAW_NREGS];
	bool signal; /* frame of a signal handler's return: the caller was interrupted, not calling */
};

/*
 * The row that holds at pc, an address inside the module.  False where nothing is known of this address, or
 * where the tables make no sense.
 */
bool raw_cfi_find(struct raw_mem *mem, const struct raw_module *mod, uint64_t pc, struct raw_row *ret);

/*
 * Evaluates a DWARF expression over registers `regs`, of which bit i of valid says that i is known.  With
 * `initial` the CFA is pushed first.  False on anything unknown, unreadable or endless.
 */
bool raw_expr_eval(struct raw_mem *mem, uint64_t at, uint32_t len, const uint64_t *regs, uint32_t valid,
		   const uint64_t *initial, uint64_t *ret);

/* ---- a cursor over untrusted bytes in memory, shared by the two files ---------------------------------- */

struct raw_bytes {
	struct raw_mem *mem;
	uint64_t at, end;
	bool bad; /* read past the end, or memory that is not there; values are 0 since */
};

uint64_t raw_bytes_fixed(struct raw_bytes *b, unsigned size); /* 1, 2, 4 or 8 bytes, zero-extended */
int64_t raw_bytes_signed(struct raw_bytes *b, unsigned size);
uint64_t raw_bytes_uleb(struct raw_bytes *b);
int64_t raw_bytes_sleb(struct raw_bytes *b);

#endif
