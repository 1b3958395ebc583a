/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_EXPR_H
#define DEBUG_EXPR_H
/*
 * What: evaluates DWARF expressions and location descriptions (DWARF 5, sections 2.5 and 2.6, and the GNU
 * operators of DWARF 4 that became part of it).
 *
 * How: operations come decoded from libdw (Dwarf_Op).  What an expression may look at comes through struct
 * expr_env, so the evaluator knows neither targets nor frames, and tests give it what they like.  Callbacks that
 * are NULL make the operators that need them fail with WHY_EXPRESSION.
 *
 * Typed values (DW_OP_const_type, regval_type, deref_type, convert, reinterpret) are kept with size and encoding
 * on the stack: integers of 1 to 8 bytes, float, double, long double; __int128 is WHY_LIMIT.
 *
 * Invariants: bounded: stack depth, steps (branches included), recursion through call and entry_value operators,
 * number of pieces.  Hostile input ends in WHY_EXPRESSION or WHY_LIMIT, never in a wrong or endless result: an
 * underflow, an unknown operator, a branch out of the expression, bytes left over.
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
	const struct regs *regs;
	bool has_cfa;
	uint64_t cfa;
	uint64_t bias; /* added to the operands of DW_OP_addr and addrx */
	Dwarf_Attribute
		*attr;  /* the attribute that the operations are from: for addrx, implicit_value, call */
	unsigned depth; /* of recursion so far */
	void *arg;

	/* 0, or a why. */
	enum value_why (*read)(void *arg, uint64_t addr, void *buf, size_t n);
	/* DW_AT_frame_base of the function, evaluated. */
	enum value_why (*frame_base)(void *arg, unsigned depth, uint64_t *ret);
	/* The value that an expression over entry registers had when the function was entered. */
	enum value_why (*entry_value)(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n,
				      uint64_t *ret);
	/* DW_OP_GNU_parameter_ref: the value that the caller passed for this parameter DIE. */
	enum value_why (*parameter_ref)(void *arg, unsigned depth, uint64_t die_offset, uint64_t *ret);
	/* The location expression of another DIE (DW_OP_call2, call4, call_ref). */
	enum value_why (*callee)(void *arg, const Dwarf_Op *op, Dwarf_Attribute *ret_attr, Dwarf_Op **ret_ops,
				 size_t *ret_n);
	/* A DIE that an implicit pointer points to: what it points to as bytes (n of them from offset). */
	enum value_why (*tls)(void *arg, uint64_t offset, uint64_t *ret);
	/* Type of a base type DIE: size in bytes and DW_ATE_*. */
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
	struct loc_piece pieces[EXPR_MAX_PIECES];
	unsigned npieces;
};

/* A location description.  0, or why it is not known as a whole (single pieces may be LOC_NONE all the same).
 * Memory for bytes comes from a. */
enum value_why expr_locate(const struct expr_env *env, const Dwarf_Op *ops, size_t n, struct arena *a,
			   struct loc *ret);

/* An expression whose result is a value (entry values, call site values, DW_AT_frame_base, CFA): the top of the
 * stack, or the contents of the register it names. */
enum value_why expr_value(const struct expr_env *env, const Dwarf_Op *ops, size_t n, uint64_t *ret);

/*
 * The bytes that a location describes: fills size bytes and, for each, its status in mask (enum value_status).
 * Returns the reason for the worst of them; *ret_addr is the address if it is all in memory, else 0.
 */
enum value_why expr_fetch(const struct expr_env *env, const struct loc *loc, unsigned char *bytes,
			  unsigned char *mask, size_t size, uint64_t *ret_addr);

#endif
