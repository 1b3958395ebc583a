/* SPDX-License-Identifier: MIT */
/* What, how: debug/shape.h. */
#include "debug/shape.h"

#include <dwarf.h>

#include "debug/args.h"

static bool is_register(const Dwarf_Op *op)
{
	return op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg15;
}

/* The one register that an entry value is of. */
static bool entry_register(Dwarf_Attribute *attr, const Dwarf_Op *op, unsigned *ret)
{
	Dwarf_Attribute inner;
	Dwarf_Op *ops;
	size_t n;

	if (op->number == 0 || dwarf_getlocation_attr(attr, op, &inner) != 0 ||
	    dwarf_getlocation(&inner, &ops, &n) != 0 || n != 1 || !is_register(&ops[0]))
		return false;
	*ret = ops[0].atom - DW_OP_reg0;
	return *ret != REG_RSP; /* which is known otherwise */
}

static bool parameter(Dwarf_Attribute *attr, const Dwarf_Op *op, uint64_t *ret)
{
	Dwarf_Die die;

	if (dwarf_getlocation_die(attr, op, &die) != 0)
		return false;
	*ret = dwarf_dieoffset(&die);
	return true;
}

/* What one operation pushes. */
static struct shape shape_of_op(Dwarf_Attribute *attr, const Dwarf_Op *op, uint64_t bias)
{
	static const struct shape none = {.kind = SHAPE_ANY};
	struct shape s = none;

	switch (op->atom) {
	case DW_OP_breg0 ... DW_OP_breg15:
		return (struct shape){SHAPE_REGISTER, op->atom - DW_OP_breg0, op->number, 0};
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		s.kind = SHAPE_ENTRY;
		return entry_register(attr, op, &s.reg) ? s : none;
	case DW_OP_GNU_parameter_ref:
		s.kind = SHAPE_PARAMETER;
		return parameter(attr, op, &s.die) ? s : none;
	case DW_OP_lit0 ... DW_OP_lit31:
		return (struct shape){SHAPE_CONSTANT, 0, op->atom - DW_OP_lit0, 0};
	case DW_OP_const1u ... DW_OP_consts:
		return (struct shape){SHAPE_CONSTANT, 0, op->number, 0};
	case DW_OP_addr:
		return (struct shape){SHAPE_CONSTANT, 0, op->number + bias, 0};
	default:
		return none;
	}
}

struct shape shape_of_value(Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t n, uint64_t bias)
{
	struct shape s = {.kind = SHAPE_ANY};

	if (n == 1 && is_register(&ops[0]))
		return (struct shape){SHAPE_REGISTER, ops[0].atom - DW_OP_reg0, 0, 0};
	if (n == 1 || (n == 2 && ops[1].atom == DW_OP_plus_uconst))
		s = shape_of_op(attr, &ops[0], bias);
	if (s.kind != SHAPE_ANY && n == 2)
		s.offset += ops[1].number;
	return s;
}

struct shape shape_of_location(Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t n, bool base_is_cfa,
			       uint64_t bias)
{
	struct shape s = {.kind = SHAPE_ANY};

	if (n == 1 && is_register(&ops[0]))
		return shape_of_value(attr, ops, n, bias);
	if (n == 1 && ops[0].atom == DW_OP_fbreg && base_is_cfa)
		return (struct shape){SHAPE_FRAME, 0, ops[0].number, 0};
	/* A register that is named, and not what is in it, is no operand of stack_value. */
	if (n > 1 && ops[n - 1].atom == DW_OP_stack_value && !is_register(&ops[0]))
		return shape_of_value(attr, ops, n - 1, bias);
	return s;
}

enum value_why shape_word(struct frame_view *v, const struct shape *shape, unsigned depth, uint64_t *ret)
{
	enum value_why why = WHY_NONE;
	uint64_t word = 0;

	switch (shape->kind) {
	case SHAPE_REGISTER:
		word = v->env.regs->gpr[shape->reg];
		why = regs_knows(v->env.regs, shape->reg) ? WHY_NONE : WHY_REGISTER_LOST;
		break;
	case SHAPE_ENTRY:
		why = depth > EXPR_MAX_DEPTH ? WHY_LIMIT : entry_value_of(v, shape->reg, depth, &word);
		break;
	case SHAPE_PARAMETER:
		why = depth > EXPR_MAX_DEPTH ? WHY_LIMIT : entry_parameter_of(v, shape->die, depth, &word);
		break;
	case SHAPE_CONSTANT:
		break;
	default:
		return WHY_EXPRESSION;
	}
	if (why == WHY_NONE)
		*ret = word + shape->offset;
	return why;
}
