/* SPDX-License-Identifier: MIT */
/*
 * What: a fuzzer of DWARF expressions: bytes that libdw decodes, evaluated against registers, memory and callers
 * that come out of the same input.
 *
 * How: the first bytes say what kind of unit the expression is in (see expr_unit.h), which registers are known, how
 * many bytes the object has, and where the expression of a DIE that can be called begins.
 *
 * What must hold, beyond not crashing: results do not depend on what stands in registers that are not known nor
 * in memory that cannot be read; unknown bytes are zero; work is bounded.
 */
#include <string.h>

#include "../unit/expr_unit.h"
#include "debug/expr.h"
#include "fuzz.h"

const uint8_t fuzz_words[] = {
	DW_OP_addr,
	DW_OP_deref,
	DW_OP_const1u,
	DW_OP_const2s,
	DW_OP_const8u,
	DW_OP_constu,
	DW_OP_consts,
	DW_OP_dup,
	DW_OP_drop,
	DW_OP_pick,
	DW_OP_swap,
	DW_OP_rot,
	DW_OP_abs,
	DW_OP_div,
	DW_OP_minus,
	DW_OP_mod,
	DW_OP_mul,
	DW_OP_neg,
	DW_OP_plus,
	DW_OP_plus_uconst,
	DW_OP_shl,
	DW_OP_shra,
	DW_OP_bra,
	DW_OP_lt,
	DW_OP_skip,
	DW_OP_lit0,
	DW_OP_lit1,
	DW_OP_lit31,
	DW_OP_reg0,
	DW_OP_reg5,
	DW_OP_reg17,
	DW_OP_breg0,
	DW_OP_breg5,
	DW_OP_breg7,
	DW_OP_regx,
	DW_OP_fbreg,
	DW_OP_bregx,
	DW_OP_piece,
	DW_OP_deref_size,
	DW_OP_nop,
	DW_OP_call2,
	DW_OP_call4,
	DW_OP_call_ref,
	DW_OP_form_tls_address,
	DW_OP_call_frame_cfa,
	DW_OP_bit_piece,
	DW_OP_implicit_value,
	DW_OP_stack_value,
	DW_OP_implicit_pointer,
	DW_OP_addrx,
	DW_OP_constx,
	DW_OP_entry_value,
	DW_OP_const_type,
	DW_OP_regval_type,
	DW_OP_deref_type,
	DW_OP_convert,
	DW_OP_reinterpret,
	DW_OP_GNU_parameter_ref,
	DW_OP_GNU_convert,
	0,
	1,
	4,
	8,
	0x7f,
	0x80,
	0xff,
	0xfd,
};
const size_t fuzz_nwords = sizeof fuzz_words;
const unsigned long fuzz_runs = 50000;

enum { MEMORY_AT = 0x1000, MEMORY_SIZE = 6000, MAX_OBJECT = 80, MAX_WORK = EXPR_MAX_STEPS * 2 };

/* One frame; `self` is the expression that callers are made of. */
static struct {
	struct expr_env env;
	struct regs regs;
	struct regs_xmm xmm;
	unsigned char memory[MEMORY_SIZE];
	const Dwarf_Op *self;
	size_t nself;
	unsigned work;
} frame;

static enum value_why read_memory(void *arg, uint64_t addr, void *buf, size_t n)
{
	(void)arg;
	MUST(++frame.work <= MAX_WORK);
	MUST(n > 0 && n <= EXPR_MAX_BYTES);
	if (addr < MEMORY_AT || addr - MEMORY_AT > MEMORY_SIZE || n > MEMORY_SIZE - (addr - MEMORY_AT))
		return WHY_UNREADABLE;
	memcpy(buf, frame.memory + (addr - MEMORY_AT), n);
	return WHY_NONE;
}

static enum value_why frame_base(void *arg, unsigned depth, uint64_t *ret)
{
	(void)arg;
	MUST(depth > 0 && depth <= EXPR_MAX_DEPTH);
	*ret = MEMORY_AT + 64;
	return WHY_NONE;
}

/* The caller's expression is the same one: as bad as it can be. */
static enum value_why entry_value(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	struct expr_env env = frame.env;

	(void)arg;
	MUST(n > 0 && ops[0].offset <= UINT32_MAX);
	MUST(depth > 0 && depth <= EXPR_MAX_DEPTH);
	MUST(++frame.work <= MAX_WORK);
	env.depth = depth;
	return expr_value(&env, frame.self, frame.nself, ret);
}

static enum value_why parameter_ref(void *arg, unsigned depth, uint64_t die_offset, uint64_t *ret)
{
	(void)arg, (void)depth;
	*ret = die_offset;
	return WHY_NONE;
}

static enum value_why callee(void *arg, Dwarf_Attribute *attr, Dwarf_Op **ret_ops, size_t *ret_n)
{
	(void)arg, (void)attr;
	*ret_ops = (Dwarf_Op *)frame.self;
	*ret_n = frame.nself;
	return WHY_NONE;
}

static enum value_why tls(void *arg, uint64_t offset, uint64_t *ret)
{
	(void)arg;
	*ret = MEMORY_AT + offset;
	return WHY_NONE;
}

static void make_frame(unsigned flags, uint32_t known)
{
	frame.env = (struct expr_env){.regs = &frame.regs,
				      .has_cfa = flags & 1,
				      .cfa = flags & 1 ? MEMORY_AT + 128 : 0,
				      .bias = MEMORY_AT,
				      .has_object = flags & 2,
				      .object = MEMORY_AT + 256,
				      .read = flags & 4 ? NULL : read_memory,
				      .frame_base = flags & 8 ? NULL : frame_base,
				      .entry_value = flags & 16 ? NULL : entry_value,
				      .parameter_ref = parameter_ref,
				      .callee = flags & 32 ? NULL : callee,
				      .tls = tls};
	frame.regs.known = known & REGS_ALL;
	frame.regs.xmm = flags & 64 ? NULL : &frame.xmm;
	frame.xmm.known = known >> 16 & 0xffff;
	for (size_t i = 0; i < MEMORY_SIZE; i++)
		frame.memory[i] = i * 7;
}

/* Registers that are not known hold what `noise` says. */
static void fill_registers(uint64_t noise)
{
	for (unsigned i = 0; i < REG_NGPR; i++)
		frame.regs.gpr[i] = frame.regs.known >> i & 1 ? MEMORY_AT + 32 * i : noise;
	for (unsigned i = 0; i < REG_NXMM; i++)
		for (unsigned lane = 0; lane < 2; lane++)
			frame.xmm.lane[i][lane] = frame.xmm.known >> i & 1 ? 0x3ff8000000000000u + i
									   : noise * 3;
}

struct result {
	enum value_why value_why, locate_why, fetch_why;
	uint64_t value, with, addr;
	unsigned char bytes[MAX_OBJECT], mask[MAX_OBJECT];
};

static void evaluate(const struct unit *u, size_t size, struct result *r)
{
	struct arena arena = {0};
	struct loc loc;

	memset(r, 0, sizeof *r);
	frame.work = 0;
	r->value_why = expr_value(&frame.env, u->ops, u->n, &r->value);
	frame.work = 0;
	expr_value_with(&frame.env, MEMORY_AT, u->ops, u->n, &r->with);
	frame.work = 0;
	r->locate_why = expr_locate(&frame.env, u->ops, u->n, &arena, &loc);
	if (!r->locate_why) {
		MUST(loc.npieces > 0 && loc.npieces <= EXPR_MAX_PIECES);
		r->fetch_why = expr_fetch(&frame.env, &loc, r->bytes, r->mask, size, &r->addr);
	}
	arena_deinit(&arena);
}

static void check_result(const struct result *r, size_t size)
{
	bool unknown = false;

	for (size_t i = 0; i < size; i++) {
		MUST(r->mask[i] == VALUE_KNOWN || r->mask[i] == VALUE_UNKNOWN);
		MUST(r->mask[i] == VALUE_KNOWN || r->bytes[i] == 0);
		unknown |= r->mask[i] == VALUE_UNKNOWN;
	}
	if (!r->locate_why)
		MUST(unknown == (r->fetch_why != WHY_NONE) || size == 0);
	if (r->value_why)
		MUST(r->value == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	unsigned form = fuzz_take(&in, 1) % UNIT_FORMS, flags = fuzz_take(&in, 1);
	uint32_t known = fuzz_take(&in, 4);
	size_t object = fuzz_take(&in, 1) % MAX_OBJECT, split = fuzz_take(&in, 1);
	struct result one, two;
	struct unit u;

	if (in.n > 4096)
		return 0;
	split = split < in.n ? split : 0;
	unit_open(&u, form, in.p + split, in.n - split, in.p, split);
	if (u.ops) {
		make_frame(flags, known);
		frame.env.attr = &u.attr;
		frame.self = u.ops;
		frame.nself = u.n;
		fill_registers(0);
		evaluate(&u, object, &one);
		fill_registers(0x4141414141414141);
		evaluate(&u, object, &two);
		check_result(&one, object);
		MUST(memcmp(&one, &two, sizeof one) == 0);
	}
	unit_close(&u);
	return 0;
}
