/* SPDX-License-Identifier: MIT */
/*
 * What, how: debug/cfi.h.
 *
 * libdw's own defaults for x86-64 are not used where they differ from the psABI: elfutils 0.188 has rax
 * for rbx among the registers that survive a call.  A rule of `undefined` for rbx therefore mostly means that the
 * entry does not mention it.
 */
#include "debug/cfi.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "debug/files.h"

const struct cfi_row cfi_none;

static const Dwarf_Op *copy_ops(struct cfi *c, const Dwarf_Op *ops, size_t n)
{
	return arena_copy(&c->arena, ops, n * sizeof *ops);
}

/* reg + offset, if that is all ops say. */
static bool is_simple(const Dwarf_Op *op, size_t n, uint8_t *ret_reg, int64_t *ret_offset)
{
	if (n != 1)
		return false;
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg0 + REG_R15) {
		*ret_reg = op->atom - DW_OP_breg0;
		*ret_offset = (int64_t)op->number;
		return true;
	}
	if (op->atom != DW_OP_bregx || op->number >= REG_NGPR)
		return false;
	*ret_reg = (uint8_t)op->number;
	*ret_offset = (int64_t)op->number2;
	return true;
}

static bool add_cfa(struct cfi *c, struct cfi_row *row, Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || n == 0)
		return false;
	if (is_simple(ops, n, &row->cfa_reg, &row->cfa_offset))
		return true;
	row->cfa_ops = copy_ops(c, ops, n);
	row->ncfa_ops = n;
	return true;
}

/* The rule that libdw's operations say.  They push the CFA first, unless they name a register. */
static void fill_rule(struct cfi *c, struct cfi_rule *r, const Dwarf_Op *ops, size_t n)
{
	bool value = ops[n - 1].atom == DW_OP_stack_value;
	size_t all = n - value;

	if (n == 1 &&
	    (ops[0].atom == DW_OP_regx || (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31))) {
		r->kind = CFI_REGISTER;
		r->from = ops[0].atom == DW_OP_regx
				  ? (uint8_t)(ops[0].number < REG_NGPR ? ops[0].number : REG_NGPR)
				  : (uint8_t)(ops[0].atom - DW_OP_reg0);
		return;
	}
	if (ops[0].atom == DW_OP_call_frame_cfa && all <= 2 &&
	    (all == 1 || ops[1].atom == DW_OP_plus_uconst)) {
		r->kind = value ? CFI_VALUE : CFI_AT;
		r->offset = all == 2 ? (int64_t)ops[1].number : 0;
		return;
	}
	r->kind = value ? CFI_VALUE_EXPR : CFI_AT_EXPR;
	r->ops = copy_ops(c, ops, all);
	r->nops = all;
}

static bool add_rule(struct cfi *c, struct cfi_row *row, Dwarf_Frame *frame, unsigned reg)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, (int)reg, mem, &ops, &n))
		return false;
	if (n) {
		struct cfi_rule *r = &row->rules[row->nrules++];

		r->reg = (uint8_t)reg;
		fill_rule(c, r, ops, n);
	} else if ((!ops || reg == REG_RBX) && (REGS_CALLEE_SAVED >> reg & 1)) {
		row->same |= 1u << reg;
	} else if (reg == REG_RIP) {
		row->is_end = true;
	}
	return true;
}

static struct cfi_row *compile(struct cfi *c, Dwarf_Frame *frame, uint64_t bias)
{
	struct cfi_row *row = arena_new(&c->arena, struct cfi_row);
	uint32_t has_rule = 0;

	row->bias = bias;
	if (dwarf_frame_info(frame, NULL, NULL, &row->is_signal) < 0 || !add_cfa(c, row, frame))
		return NULL;
	for (unsigned reg = 0; reg < REG_NGPR; reg++)
		if (!add_rule(c, row, frame, reg))
			return NULL;
	for (unsigned i = 0; i < row->nrules; i++)
		has_rule |= 1u << row->rules[i].reg;
	/* Code that gives other callee-saved registers up (a function that never returns) has not kept rbx. */
	if (~row->same & ~has_rule & REGS_CALLEE_SAVED)
		row->same &= ~(1u << REG_RBX);
	/* Above the CFA, unless an entry has said otherwise: what the caller had on its stack. */
	if (row->same >> REG_RSP & 1) {
		row->same &= ~(1u << REG_RSP);
		row->rules[row->nrules++] = (struct cfi_rule){.kind = CFI_VALUE, .reg = REG_RSP};
	}
	return row;
}

static struct cfi_row *row_of(struct cfi *c, Dwarf_CFI *table, uint64_t bias, uint64_t lookup)
{
	Dwarf_Frame *frame = NULL;
	struct cfi_row *row;

	if (!table || dwarf_cfi_addrframe(table, lookup - bias, &frame))
		return NULL;
	row = compile(c, frame, bias);
	free(frame);
	return row;
}

bool cfi_is_sigreturn(struct target *t, uint64_t pc)
{
	static const unsigned char code[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05};
	unsigned char here[sizeof code];

	return target_read(t, pc, here, sizeof here) == 0 && !memcmp(here, code, sizeof code);
}

const struct cfi_row *cfi_row_slow(struct cfi *c, uint64_t lookup)
{
	struct module *m = module_of(c->modules, lookup);
	struct cfi_row *row = NULL;
	Dwarf_Addr bias;

	if (m) {
		Dwarf_CFI *table = module_eh_cfi(m, &bias);

		row = row_of(c, table, bias, lookup);
		if (!row) {
			table = module_debug_cfi(m, &bias);
			row = row_of(c, table, bias, lookup);
		}
	}
	if (row)
		row->before_sigreturn = !row->is_signal && cfi_is_sigreturn(c->modules->target, lookup + 1);
	table_put(&c->rows, lookup, row ? (void *)row : (void *)&cfi_none);
	return row;
}

void cfi_deinit(struct cfi *c)
{
	table_deinit(&c->rows);
	arena_deinit(&c->arena);
}
