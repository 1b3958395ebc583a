/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_SHAPE_H
#define DEBUG_SHAPE_H
/*
 * What: locations and values that are so common that they have names, and need no machine to evaluate them.
 *
 * How: an expression is looked at once, when it is loaded.  Nearly all arguments of a dump are of one of these, and
 * then cost a few instructions each.
 *
 * Invariants: a shape gives what the machine of expr.h would give for the same operations.
 */
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

enum shape_kind {
	SHAPE_ANY,       /* none of these */
	SHAPE_FRAME,     /* memory at the CFA plus `offset` */
	SHAPE_REGISTER,  /* a word: what `reg` holds, plus `offset` */
	SHAPE_ENTRY,     /* a word: what `reg` held at entry, plus `offset` */
	SHAPE_PARAMETER, /* a word: what the caller would have passed for the parameter `die`, plus `offset` */
	SHAPE_CONSTANT,  /* a word: `offset` */
};

struct shape {
	enum shape_kind kind;
	unsigned reg; /* less than REG_NGPR */
	uint64_t offset, die;
};

struct frame_view;

/* Of the location of a variable.  base_is_cfa: DW_AT_frame_base is the CFA.  bias: of addresses. */
struct shape shape_of_location(Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t n, bool base_is_cfa,
			       uint64_t bias);

/* Of an expression whose result is a value. */
struct shape shape_of_value(Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t n, uint64_t bias);

/* Of one that is a word.  depth: of recursion. */
enum value_why shape_word(struct frame_view *v, const struct shape *shape, unsigned depth, uint64_t *ret);

#endif
