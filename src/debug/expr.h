/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_EXPR_H
#define DEBUG_EXPR_H
/*
 * What: evaluates DWARF expressions and location descriptions (DWARF 5, sections 2.5 and 2.6, and the GNU
 * operators of DWARF 4 that became part of it).
 *
 * How: operations come decoded from libdw (Dwarf_Op).  What an expression may look at comes through struct
 * expr_env, so the evaluator knows neither targets nor frames, and tests give it what they like.  Callbacks that
 * are NULL make the operators that need them fail with WHY_EXPRESSION, where nothing else is said.
 *
 * Typed values (DW_OP_const_type, regval_type, deref_type, convert, reinterpret) are kept with size and encoding
 * on the stack: integers of 1 to 8 bytes, float, double, long double.  Others of up to 16 bytes (__int128,
 * _Float128) are carried, but arithmetic on them is WHY_LIMIT.
 *
 * Invariants: bounded: stack depth, steps (branches included, and shared with all evaluations that callbacks begin
 * meanwhile), recursion through call and entry_value operators, number of pieces.  Hostile input ends in
 * WHY_EXPRESSION or WHY_LIMIT, never in a wrong or endless result: an underflow, an unknown operator, a branch
 * out of the expression, values left over between pieces.
 */
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/regs.h"
#include "model/value.h"

enum {
	EXPR_MAX_STACK = 64,
	EXPR_MAX_STEPS = 10000,
	EXPR_MAX_DEPTH = 8,
	EXPR_MAX_PIECES = 32,
	EXPR_MAX_BYTES = 1 << 16, /* of one location */
};

struct expr_env {
	const struct regs *regs; /* NULL: none is known */
	bool has_cfa;
	uint64_t cfa;
	uint64_t bias; /* added to the operands of DW_OP_addr and addrx */
	/* What the operations were decoded from (its cu gives types, addrx, calls); NULL in a CFI, where such
	 * operators fail. */
	Dwarf_Attribute *attr;
	unsigned depth; /* of recursion so far: what a callback was given, or 0 */
	void *arg;

	/* All n bytes (at most EXPR_MAX_BYTES): 0, or a why. */
	enum value_why (*read)(void *arg, uint64_t addr, void *buf, size_t n);
	/* DW_AT_frame_base of the function, evaluated. */
	enum value_why (*frame_base)(void *arg, unsigned depth, uint64_t *ret);
	/*
	 * The value that an expression over entry registers had when the function was entered: its low 8 bytes.
	 * A single register comes as one DW_OP_reg0..31 or regx (regval_type is taken apart here).  Longer ones
	 * are offered as they are, for call sites that describe memory (DW_AT_call_data_value); if that fails and
	 * they only compute with registers, these are asked for one by one.  rsp is not asked for if the CFA is known.
	 */
	enum value_why (*entry_value)(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n,
				      uint64_t *ret);
	/* DW_OP_GNU_parameter_ref: the value that the caller passed for this parameter DIE (dwarf_dieoffset). */
	enum value_why (*parameter_ref)(void *arg, unsigned depth, uint64_t die_offset, uint64_t *ret);
	/* DW_OP_call2, call4, call_ref of a DIE whose location `attr` is a list: what holds at the frame's pc;
	 * *ret_n = 0 if nothing does. */
	enum value_why (*callee)(void *arg, Dwarf_Attribute *attr, Dwarf_Op **ret_ops, size_t *ret_n);
	/* Address of the thread-local variable at this offset in the module's block. */
	enum value_why (*tls)(void *arg, uint64_t offset, uint64_t *ret);
	/* Type of a base type DIE: size in bytes and DW_ATE_*.  NULL: attr->cu is asked. */
	enum value_why (*base_type)(void *arg, uint64_t cu_offset, unsigned *ret_size,
				    unsigned *ret_encoding);
	/* Address of the object, for DW_OP_push_object_address. */
	bool has_object;
	uint64_t object;
};

/* What a location description describes. */
enum loc_kind {
	LOC_MEMORY,           /* at addr */
	LOC_REGISTER,         /* DWARF register number */
	LOC_VALUE,            /* the value itself (DW_OP_stack_value) */
	LOC_BYTES,            /* DW_OP_implicit_value */
	LOC_IMPLICIT_POINTER, /* a pointer to something that is not in memory */
	LOC_NONE,             /* optimized out */
};

struct loc_piece {
	enum loc_kind kind;
	uint64_t bit_size;   /* 0: the whole object */
	uint64_t bit_offset; /* in what is described */
	uint64_t addr; /* MEMORY: address; REGISTER: number; VALUE: the value; IMPLICIT_POINTER: DIE offset */
	int64_t offset;             /* IMPLICIT_POINTER: bytes */
	const unsigned char *bytes; /* BYTES; VALUE of more than 8 bytes */
	uint32_t nbytes;
	uint8_t value_size; /* VALUE: bytes that are significant, 8 if untyped */
	enum value_why why; /* NONE */
};

struct loc {
	unsigned npieces; /* at least 1 */
	bool stale;       /* DW_OP_GNU_uninit: there is a place, nothing was put there yet */
	struct loc_piece pieces[EXPR_MAX_PIECES];
};

/* A location description.  0, or why it is not known as a whole (single pieces may be LOC_NONE all the same).
 * Memory for bytes comes from a.  n = 0 is LOC_NONE. */
enum value_why expr_locate(const struct expr_env *env, const Dwarf_Op *ops, size_t n, struct arena *a,
			   struct loc *ret);

/* An expression whose result is a value (entry values, call site values, DW_AT_frame_base, CFA): the top of the
 * stack, or the contents of the register it names.  Of floating point values, the bits. */
enum value_why expr_value(const struct expr_env *env, const Dwarf_Op *ops, size_t n, uint64_t *ret);

/*
 * The same with a value on the stack before the first operation: the CFA for DW_CFA_expression and val_expression
 * (DWARF 5, 6.4.2.3), the object's address for DW_AT_data_member_location.  The operations that libdw's
 * dwarf_frame_register gives push the CFA themselves: those are for expr_value.
 */
enum value_why expr_value_with(const struct expr_env *env, uint64_t initial, const Dwarf_Op *ops, size_t n,
			       uint64_t *ret);

/*
 * The bytes that a location describes: fills size bytes and, for each, its status in mask (enum value_status).
 * Returns the reason for the worst of them; *ret_addr is the address if it is all in memory, else 0.
 */
enum value_why expr_fetch(const struct expr_env *env, const struct loc *loc, unsigned char *bytes,
			  unsigned char *mask, size_t size, uint64_t *ret_addr);

#endif
