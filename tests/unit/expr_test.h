/* SPDX-License-Identifier: MIT */
#ifndef EXPR_TEST_H
#define EXPR_TEST_H
/*
 * What: what tests of DWARF expressions share: a frame to evaluate in, and checks.
 *
 * How: VALUE(42, DW_OP_lit2, ...) assembles the bytes, lets libdw decode them out of each kind of unit that
 * expr_unit.h makes, and compares.
 */
#include <check.h>
#include <stdio.h>

#include "debug/expr.h"
#include "expr_unit.h"

/* ---- a frame ------------------------------------------------------------------------------------------------ */

enum { MEMORY_AT = 0x10000, MEMORY_SIZE = 8192 };

/* What the callbacks see and note; all of it can be changed by a test before it evaluates. */
static struct frame {
	struct expr_env env;
	struct regs regs;
	struct regs_xmm xmm;
	unsigned char memory[MEMORY_SIZE]; /* at MEMORY_AT; its second page cannot be read if hole */
	bool hole;
	uint64_t at_entry[33];
	enum value_why entry_why;      /* of single registers */
	enum value_why entry_long_why; /* of longer expressions */
	unsigned entries, entry_depth;
	uint64_t entry_long;
	uint64_t parameter; /* the DIE that was asked for */
	Dwarf_Op *list_ops; /* what die_list describes */
	size_t list_n;
	const unsigned char *called;
	size_t ncalled;
	struct arena arena;
} frame;

static inline enum value_why frame_read(void *arg, uint64_t addr, void *buf, size_t n)
{
	struct frame *f = arg;
	uint64_t end = MEMORY_AT + (f->hole ? MEMORY_SIZE / 2 : MEMORY_SIZE);

	ck_assert_uint_le(n, EXPR_MAX_BYTES);
	if (addr < MEMORY_AT || addr > end || n > end - addr)
		return WHY_UNREADABLE;
	memcpy(buf, f->memory + (addr - MEMORY_AT), n);
	return WHY_NONE;
}

static inline enum value_why frame_frame_base(void *arg, unsigned depth, uint64_t *ret)
{
	(void)arg;
	ck_assert_uint_ge(depth, 1);
	*ret = MEMORY_AT + 0x100;
	return WHY_NONE;
}

static inline enum value_why frame_entry_value(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n,
					       uint64_t *ret)
{
	struct frame *f = arg;
	uint64_t reg = ops[0].atom == DW_OP_regx ? ops[0].number : (uint64_t)ops[0].atom - DW_OP_reg0;

	f->entries++;
	f->entry_depth = depth;
	if (n != 1) {
		*ret = f->entry_long;
		return f->entry_long_why;
	}
	ck_assert_uint_lt(reg, 33);
	*ret = f->at_entry[reg];
	return f->entry_why;
}

static inline enum value_why frame_parameter_ref(void *arg, unsigned depth, uint64_t die_offset,
						 uint64_t *ret)
{
	struct frame *f = arg;

	(void)depth;
	f->parameter = die_offset;
	*ret = 77;
	return WHY_NONE;
}

static inline enum value_why frame_callee(void *arg, Dwarf_Attribute *attr, Dwarf_Op **ret_ops, size_t *ret_n)
{
	struct frame *f = arg;

	ck_assert_int_eq(dwarf_whatattr(attr), DW_AT_location);
	*ret_ops = f->list_ops;
	*ret_n = f->list_n;
	return WHY_NONE;
}

static inline enum value_why frame_tls(void *arg, uint64_t offset, uint64_t *ret)
{
	(void)arg;
	*ret = 0x7f0000 + offset;
	return WHY_NONE;
}

/* Every register but rax, rdx and the odd xmm is known. */
static inline void frame_setup(void)
{
	struct frame *f = &frame;
	unsigned i;

	memset(f, 0, sizeof *f);
	unit_layout();
	for (i = 0; i < REG_NGPR; i++)
		if (i != REG_RAX && i != REG_RDX)
			regs_set(&f->regs, i, 0x1122334455660000 + i);
	f->regs.gpr[REG_RBP] = MEMORY_AT + 0x200;
	for (i = 0; i < REG_NXMM; i += 2) {
		f->xmm.lane[i][0] = 0x0706050403020100 + i;
		f->xmm.lane[i][1] = 0x0f0e0d0c0b0a0908 + i;
		f->xmm.known |= 1u << i;
	}
	f->regs.xmm = &f->xmm;
	for (i = 0; i < MEMORY_SIZE; i++)
		f->memory[i] = i ^ (i >> 8);
	for (i = 0; i < 33; i++)
		f->at_entry[i] = 0xe000 + i;
	f->entry_long_why = WHY_NO_CALL_VALUE;
	f->env = (struct expr_env){.regs = &f->regs,
				   .has_cfa = true,
				   .cfa = MEMORY_AT + 0x300,
				   .bias = 0x5000,
				   .arg = f,
				   .read = frame_read,
				   .frame_base = frame_frame_base,
				   .entry_value = frame_entry_value,
				   .parameter_ref = frame_parameter_ref,
				   .callee = frame_callee,
				   .tls = frame_tls};
}

static inline void frame_teardown(void)
{
	arena_deinit(&frame.arena);
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

/* Operands: little-endian words, and ULEB128 of two bytes whatever the number. */
#define U2(x) (unsigned char)(x), (unsigned char)((x) >> 8)
#define U4(x) U2(x), U2((uint32_t)(x) >> 16)
#define U8(x) U4(x), U4((uint64_t)(x) >> 32)
#define LEB2(x) (unsigned char)((x) | 0x80), (unsigned char)((x) >> 7 & 0x7f)
#define TYPE(t) LEB2(type_die[t])

#define BYTES(...) (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})

static inline void open_in_frame(struct unit *u, enum unit_form form, const unsigned char *p, size_t n)
{
	unit_open(u, form, p, n, frame.called, frame.ncalled);
	frame.env.attr = &u->attr;
}

/* What expr_value makes of it, in each form; WHY_EXPRESSION if libdw refuses to decode it. */
static inline void check_value(enum value_why want_why, uint64_t want, int line, const unsigned char *p,
			       size_t n)
{
	for (int form = 0; form < UNIT_FORMS; form++) {
		uint64_t got = 0xdeadbeef;
		enum value_why why = WHY_EXPRESSION;
		struct unit u;

		open_in_frame(&u, form, p, n);
		if (u.ops)
			why = expr_value(&frame.env, u.ops, u.n, &got);
		unit_close(&u);
		ck_assert_msg(why == want_why, "line %d, form %d: why is %d, not %d", line, form, (int)why,
			      (int)want_why);
		if (!why)
			ck_assert_msg(got == want, "line %d, form %d: 0x%llx, not 0x%llx", line, form,
				      (unsigned long long)got, (unsigned long long)want);
		else
			ck_assert_msg(got == 0xdeadbeef, "line %d: a failure touched the result", line);
	}
}

#define VALUE(want, ...) check_value(WHY_NONE, (uint64_t)(want), __LINE__, BYTES(__VA_ARGS__))
#define FAILS(why, ...) check_value(why, 0, __LINE__, BYTES(__VA_ARGS__))

/* The location of `size` bytes: what is known as hexadecimal digits, __ for a byte that is not known, with a ? after
 * a stale one. */
static inline void check_bytes(enum value_why want_why, const char *want, size_t size, int line,
			       const unsigned char *p, size_t n)
{
	for (int form = 0; form < UNIT_FORMS; form++) {
		unsigned char bytes[64], mask[64];
		enum value_why why = WHY_EXPRESSION;
		char text[256] = "", *at = text;
		struct loc loc;
		uint64_t addr;
		struct unit u;

		open_in_frame(&u, form, p, n);
		if (u.ops || n == 0)
			why = expr_locate(&frame.env, u.ops, u.n, &frame.arena, &loc);
		unit_close(&u); /* bytes of the location do not depend on it */
		if (!why) {
			why = expr_fetch(&frame.env, &loc, bytes, mask, size, &addr);
			for (size_t i = 0; i < size; i++) {
				if (mask[i] == VALUE_UNKNOWN)
					ck_assert_uint_eq(bytes[i], 0);
				at += mask[i] == VALUE_UNKNOWN ? sprintf(at, "__")
							       : sprintf(at, "%02x", bytes[i]);
				at += mask[i] == VALUE_STALE ? sprintf(at, "?") : 0;
			}
		}
		ck_assert_msg(why == want_why, "line %d, form %d: why is %d, not %d: %s", line, form,
			      (int)why, (int)want_why, text);
		if (want)
			ck_assert_msg(strcmp(text, want) == 0, "line %d, form %d: %s, not %s", line, form,
				      text, want);
	}
}

#define OBJECT(want, size, ...) check_bytes(WHY_NONE, want, size, __LINE__, BYTES(__VA_ARGS__))
#define PARTLY(why, want, size, ...) check_bytes(why, want, size, __LINE__, BYTES(__VA_ARGS__))
#define NO_PLACE(why, ...) check_bytes(why, "", 8, __LINE__, BYTES(__VA_ARGS__))

#endif
