/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_EXPR_MACHINE_H
#define DEBUG_EXPR_MACHINE_H
/*
 * What: the stack machine that runs DWARF expressions, as the expr_*.c files share it.
 *
 * How: expr.c runs operations and puts locations together from pieces; expr_ops.c has the operators, one function
 * for each, in a table; expr_typed.c computes; expr_fetch.c reads what a location describes.
 *
 * Invariants: a slot of the stack is written before it is read.  An integer in a slot is extended to 64 bits by
 * its own signedness: code that wants the number takes `lo`.
 */
#include <dwarf.h>
#include <string.h>

#include "debug/expr.h"

/* What a value is, so far as arithmetic cares (DWARF 5, 2.5.1 and 7.8 for the encodings). */
enum val_kind {
	VAL_GENERIC, /* the generic type: 8 bytes of unspecified signedness */
	VAL_SIGNED,
	VAL_UNSIGNED,
	VAL_BOOL,
	VAL_FLOAT, /* float, double */
	VAL_X87,   /* long double: 10 bytes and 6 of padding */
	VAL_OPAQUE /* can be carried, not computed with */
};

struct val_type {
	uint8_t kind; /* enum val_kind */
	uint8_t size; /* bytes, 1 to 16 */
};

struct val {
	uint64_t lo, hi; /* an integer, or the bits */
	struct val_type type;
};

struct machine {
	const struct expr_env *env;
	const Dwarf_Op *ops;
	size_t n, pc;          /* pc: the operation after the one that runs */
	Dwarf_Attribute *attr; /* whose cu knows types and DIEs; NULL: none */
	Dwarf_Attribute *code; /* what `ops` were decoded from; NULL: unknown */
	unsigned calls;        /* DW_OP_call* that the machine is in */
	bool at_entry;         /* registers are those at the function's entry (DW_OP_entry_value) */
	bool placed;           /* `place` is the simple location: only a piece may follow */
	bool stale;            /* DW_OP_GNU_uninit */
	struct loc_piece place;
	unsigned char wide[16]; /* what place.bytes may point to */
	struct loc *loc;        /* where pieces go; NULL: only a value is wanted */
	struct arena *arena;    /* of loc */
	uint64_t bits;          /* of all pieces */
	bool pieced;            /* there was a piece, if only an empty one */
	unsigned top;
	struct val stack[EXPR_MAX_STACK];
};

typedef enum value_why (*expr_handler)(struct machine *m, const Dwarf_Op *op);

/* By operation; NULL: unknown.  expr_ops.c */
extern const expr_handler expr_handlers[256];

/* ---- expr.c ---- */

/* Runs from m->pc to the end of m->ops. */
enum value_why machine_run(struct machine *m);

/* Runs an expression of its own: what entry_value's block is, over the registers at entry. */
enum value_why machine_at_entry(struct machine *m, Dwarf_Attribute *code, const Dwarf_Op *ops, size_t n,
				struct val *ret);

/* Takes n from the steps that are left; false if there are fewer. */
bool machine_spend(unsigned n);

/* Ends a piece of this many bits. */
enum value_why machine_piece(struct machine *m, uint64_t bit_size, uint64_t bit_offset);

/* ---- expr_control.c ---- */

enum value_why op_skip(struct machine *m, const Dwarf_Op *op);
enum value_why op_bra(struct machine *m, const Dwarf_Op *op);
enum value_why op_call(struct machine *m, const Dwarf_Op *op);
enum value_why op_entry_value(struct machine *m, const Dwarf_Op *op);
enum value_why op_parameter_ref(struct machine *m, const Dwarf_Op *op);

/* The offset behind the last operation; 0 if it is not known, as in a location list that ends in a LEB128. */
uint64_t end_offset(const struct machine *m);

/* The value of one register when the function was entered. */
enum value_why register_at_entry(struct machine *m, uint64_t reg, uint64_t *ret);

/* ---- expr_typed.c ---- */

/* The type at a DIE of the attribute's unit.  die: the operand; zero is the generic type where it may be. */
enum value_why type_of(struct machine *m, const Dwarf_Op *op, uint64_t die, bool may_be_generic,
		       struct val_type *ret);

/* A value of this type from type.size bytes. */
struct val val_load(struct val_type type, const void *bytes);

enum value_why val_convert(const struct val *a, struct val_type to, struct val *ret);
enum value_why val_reinterpret(const struct val *a, struct val_type to, struct val *ret);
enum value_why val_unary(unsigned atom, const struct val *a, struct val *ret);
enum value_why val_binary(unsigned atom, const struct val *a, const struct val *b, struct val *ret);
enum value_why val_shift(unsigned atom, const struct val *a, const struct val *b, struct val *ret);
enum value_why val_compare(unsigned atom, const struct val *a, const struct val *b, struct val *ret);

/* a + n, in a's type. */
enum value_why val_add(const struct val *a, uint64_t n, struct val *ret);

/* The operands of type operators that name a block of bytes: it was checked by libdw when it was decoded. */
enum value_why const_type_bytes(struct machine *m, const Dwarf_Op *op, Dwarf_Block *ret);

/* ---- expr_fetch.c ---- */

/* The bytes of a register, 16 at most, and how wide it is. */
enum value_why register_bytes(const struct expr_env *env, uint64_t reg, unsigned char *buf,
			      unsigned *ret_width);

/* ---- what all of them do ---- */

static inline struct val val_generic(uint64_t n)
{
	return (struct val){.lo = n, .type = {VAL_GENERIC, 8}};
}

static inline bool val_is_integer(const struct val *v)
{
	return v->type.kind <= VAL_BOOL;
}

static inline enum value_why push(struct machine *m, struct val v)
{
	if (m->top == EXPR_MAX_STACK)
		return WHY_LIMIT;
	m->stack[m->top++] = v;
	return WHY_NONE;
}

static inline enum value_why push_generic(struct machine *m, uint64_t n)
{
	return push(m, val_generic(n));
}

/* NULL if there is none. */
static inline const struct val *pop(struct machine *m)
{
	return m->top ? &m->stack[--m->top] : NULL;
}

static inline enum value_why pop_integer(struct machine *m, uint64_t *ret)
{
	const struct val *v = pop(m);

	if (!v || !val_is_integer(v))
		return WHY_EXPRESSION;
	*ret = v->lo;
	return WHY_NONE;
}

/* From outside of the expression, `depth` for callbacks. */
static inline unsigned machine_depth(const struct machine *m)
{
	return m->env->depth + m->calls + 1;
}

#endif
