/* SPDX-License-Identifier: MIT */
/*
 * What: the operators of DWARF expressions that go elsewhere: branches, calls of other DIEs, and what only the
 * caller of the function knows (DWARF 5, 2.5.1.5 and 2.5.1.7).
 *
 * How: a called DIE runs on the same stack, an entry value on one of its own.  libdw decodes blocks inside of an
 * expression when it is given the attribute that the expression is from (m->code); the DIEs that operands refer
 * to are looked up in the unit (m->attr), which for a block out of a location list is another attribute.
 *
 * Invariants: what recurs costs steps, and no more than EXPR_MAX_DEPTH of it are inside each other.
 */
#include "debug/expr_machine.h"

#include "base/search.h"

/* What a recursive operator costs, in steps: finding a call site is not cheap. */
enum { COST_RECURSION = 50 };

/* ---- control (2.5.1.5) ------------------------------------------------------------------------------------ */

/* Bytes that an operation takes; 0 if that is not to be seen from the decoded operands (LEB128). */
static unsigned encoded_size(unsigned atom)
{
	switch (atom) {
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_pick:
	case DW_OP_deref_size:
	case DW_OP_xderef_size:
		return 2;
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_skip:
	case DW_OP_bra:
	case DW_OP_call2:
		return 3;
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_call4:
	case DW_OP_GNU_parameter_ref:
		return 5;
	case DW_OP_addr:
	case DW_OP_const8u:
	case DW_OP_const8s:
		return 9;
	case DW_OP_constu:
	case DW_OP_consts:
	case DW_OP_plus_uconst:
	case DW_OP_breg0 ... DW_OP_breg31:
	case DW_OP_regx ... DW_OP_piece:
	case DW_OP_bit_piece:
	case DW_OP_call_ref:
	case DW_OP_implicit_value:
	case DW_OP_implicit_pointer ... DW_OP_reinterpret:
	case DW_OP_GNU_implicit_pointer ... DW_OP_GNU_reinterpret:
	case DW_OP_GNU_addr_index ... DW_OP_GNU_variable_value:
		return 0;
	default:
		return 1;
	}
}

uint64_t end_offset(const struct machine *m)
{
	const Dwarf_Op *last = &m->ops[m->n - 1];
	unsigned size = encoded_size(last->atom);
	Dwarf_Block block;

	if (size)
		return last->offset + size;
	if (m->code && dwarf_formblock(m->code, &block) == 0 && block.length > last->offset)
		return block.length;
	return 0;
}

/* Branches go to the beginning of an operation, or to the end. */
static enum value_why jump(struct machine *m, uint64_t offset)
{
	size_t first = m->ops[0].offset == (Dwarf_Word)-1 ? 1 : 0;
	size_t lo = first + SEARCH_BELOW(m->ops + first, m->n - first, offset, offset);

	if (lo == m->n ? offset != end_offset(m) : offset != m->ops[lo].offset)
		return WHY_EXPRESSION;
	m->pc = lo;
	return WHY_NONE;
}

enum value_why op_skip(struct machine *m, const Dwarf_Op *op)
{
	return jump(m, op->offset + 3 + op->number);
}

enum value_why op_bra(struct machine *m, const Dwarf_Op *op)
{
	uint64_t n;
	enum value_why why = pop_integer(m, &n);

	if (why || n == 0)
		return why;
	return op_skip(m, op);
}

/* The operations of a DIE's DW_AT_location; none if it has none, which is no error (2.5.1.5). */
static enum value_why callee(struct machine *m, Dwarf_Attribute *attr, Dwarf_Op **ret_ops, size_t *ret_n)
{
	Dwarf_Block block;

	if (dwarf_formblock(attr, &block) == 0) {
		*ret_n = 0;
		if (block.length == 0)
			return WHY_NONE;
		return dwarf_getlocation(attr, ret_ops, ret_n) == 0 ? WHY_NONE : WHY_EXPRESSION;
	}
	return m->env->callee ? m->env->callee(m->env->arg, attr, ret_ops, ret_n) : WHY_EXPRESSION;
}

enum value_why op_call(struct machine *m, const Dwarf_Op *op)
{
	struct {
		const Dwarf_Op *ops;
		size_t n, pc;
		Dwarf_Attribute *attr, *code;
	} back = {m->ops, m->n, m->pc, m->attr, m->code};
	Dwarf_Attribute attr;
	Dwarf_Op *ops = NULL;
	enum value_why why;
	size_t n = 0;

	if (!machine_spend(COST_RECURSION) || machine_depth(m) > EXPR_MAX_DEPTH)
		return WHY_LIMIT;
	if (dwarf_getlocation_attr(m->attr, op, &attr) != 0)
		return WHY_EXPRESSION;
	why = callee(m, &attr, &ops, &n);
	if (why || n == 0)
		return why;
	m->ops = ops;
	m->n = n;
	m->pc = 0;
	m->attr = m->code = &attr;
	m->calls++;
	why = machine_run(m);
	m->calls--;
	m->ops = back.ops;
	m->n = back.n;
	m->pc = back.pc;
	m->attr = back.attr;
	m->code = back.code;
	return why;
}

/* ---- what the caller knows (2.5.1.7) ------------------------------------------------------------------------ */

enum value_why register_at_entry(struct machine *m, uint64_t reg, uint64_t *ret)
{
	const struct expr_env *env = m->env;
	Dwarf_Op op = {.atom = DW_OP_regx, .number = reg};

	/* The CFA is the stack pointer before the call, which pushed a word (psABI, 3.2.2). */
	if (reg == REG_RSP && env->has_cfa) {
		*ret = env->cfa - 8;
		return WHY_NONE;
	}
	if (!env->entry_value)
		return WHY_EXPRESSION;
	if (!machine_spend(COST_RECURSION) || machine_depth(m) > EXPR_MAX_DEPTH)
		return WHY_LIMIT;
	if (reg < 32)
		op = (Dwarf_Op){.atom = DW_OP_reg0 + reg};
	return env->entry_value(env->arg, machine_depth(m), &op, 1, ret);
}

static bool names_register(const Dwarf_Op *op, uint64_t *ret_reg)
{
	switch (op->atom) {
	case DW_OP_reg0 ... DW_OP_reg31:
		*ret_reg = op->atom - DW_OP_reg0;
		return true;
	case DW_OP_regx:
		*ret_reg = op->number;
		return true;
	default:
		return false;
	}
}

static enum value_why entry_of_expression(struct machine *m, Dwarf_Attribute *code, const Dwarf_Op *ops,
					  size_t n)
{
	const struct expr_env *env = m->env;
	enum value_why why = WHY_EXPRESSION;
	struct val v;
	uint64_t value;

	if (!machine_spend(COST_RECURSION) || machine_depth(m) > EXPR_MAX_DEPTH)
		return WHY_LIMIT;
	if (n > 1 && env->entry_value) {
		why = env->entry_value(env->arg, machine_depth(m), ops, n, &value);
		if (!why)
			return push_generic(m, value);
	}
	why = machine_at_entry(m, code, ops, n, &v);
	return why ? why : push(m, v);
}

enum value_why op_entry_value(struct machine *m, const Dwarf_Op *op)
{
	Dwarf_Attribute block;
	Dwarf_Op *ops;
	uint64_t reg, value;
	enum value_why why;
	size_t n;

	if (op->number == 0 || dwarf_getlocation_attr(m->code, op, &block) != 0 ||
	    dwarf_getlocation(&block, &ops, &n) != 0 || n == 0)
		return WHY_EXPRESSION;
	if (n > 1 || !names_register(&ops[0], &reg))
		return entry_of_expression(m, &block, ops, n);
	why = register_at_entry(m, reg, &value);
	return why ? why : push_generic(m, value);
}

enum value_why op_parameter_ref(struct machine *m, const Dwarf_Op *op)
{
	const struct expr_env *env = m->env;
	enum value_why why;
	Dwarf_Die die;
	uint64_t n;

	if (!env->parameter_ref || dwarf_getlocation_die(m->attr, op, &die) != 0)
		return WHY_EXPRESSION;
	if (!machine_spend(COST_RECURSION) || machine_depth(m) > EXPR_MAX_DEPTH)
		return WHY_LIMIT;
	why = env->parameter_ref(env->arg, machine_depth(m), dwarf_dieoffset(&die), &n);
	return why ? why : push_generic(m, n);
}
