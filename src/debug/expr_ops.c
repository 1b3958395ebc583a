/* SPDX-License-Identifier: MIT */
/*
 * What: the operators of DWARF expressions, one function for each family, and the table of them.
 *
 * How: in the order of DWARF 5, 2.5.1 and 2.6.1.  What libdw 0.188 does with operands, and must be known here:
 * branch offsets and const*s come extended by sign; blocks come as a pointer in number2; the offset of an implicit
 * pointer comes as if it had no sign; an operation that it puts in front of an expression of call frame information
 * has the offset -1.
 *
 * Invariants: an operator either does all it should, or fails; after a failure nothing but the reason and the place
 * of the operation is used.
 */
#include "debug/expr_machine.h"

/* ---- literals (2.5.1.1) --------------------------------------------------------------------------------- */

static enum value_why op_nop(struct machine *m, const Dwarf_Op *op)
{
	(void)m, (void)op;
	return WHY_NONE;
}

static enum value_why op_lit(struct machine *m, const Dwarf_Op *op)
{
	return push_generic(m, op->atom - DW_OP_lit0);
}

static enum value_why op_const(struct machine *m, const Dwarf_Op *op)
{
	return push_generic(m, op->number);
}

static enum value_why op_addr(struct machine *m, const Dwarf_Op *op)
{
	return push_generic(m, op->number + m->env->bias);
}

/*
 * A word of .debug_addr.  Constants are asked for as addresses too: libdw checks those against the section, and
 * an index of a constant at its upper end only.
 */
static enum value_why indexed(struct machine *m, const Dwarf_Op *op, uint64_t *ret)
{
	Dwarf_Op addr = {.atom = DW_OP_addrx, .number = op->number};
	Dwarf_Attribute attr;
	Dwarf_Addr value;

	if (op->number > UINT32_MAX || dwarf_getlocation_attr(m->attr, &addr, &attr) != 0 ||
	    dwarf_formaddr(&attr, &value) != 0)
		return WHY_EXPRESSION;
	*ret = value;
	return WHY_NONE;
}

static enum value_why op_addrx(struct machine *m, const Dwarf_Op *op)
{
	uint64_t addr;

	if (indexed(m, op, &addr))
		return WHY_EXPRESSION;
	return push_generic(m, addr + m->env->bias);
}

static enum value_why op_constx(struct machine *m, const Dwarf_Op *op)
{
	uint64_t n;

	if (indexed(m, op, &n))
		return WHY_EXPRESSION;
	return push_generic(m, n);
}

static enum value_why op_const_type(struct machine *m, const Dwarf_Op *op)
{
	struct val_type type;
	Dwarf_Block block;
	enum value_why why = type_of(m, op, op->number, false, &type);

	if (why)
		return why;
	why = const_type_bytes(m, op, &block);
	if (why)
		return why;
	if (block.length != type.size)
		return WHY_EXPRESSION;
	return push(m, val_load(type, block.data));
}

/* ---- registers (2.5.1.2) -------------------------------------------------------------------------------- */

static enum value_why general_register(struct machine *m, uint64_t reg, uint64_t *ret)
{
	const struct regs *regs = m->env->regs;

	/* An address is not computed from half a vector register. */
	if (reg >= REG_XMM0 && reg < REG_XMM0 + REG_NXMM)
		return WHY_EXPRESSION;
	if (m->at_entry)
		return register_at_entry(m, reg, ret);
	if (reg >= REG_NGPR || !regs || !regs_knows(regs, reg))
		return WHY_REGISTER_LOST;
	*ret = regs->gpr[reg];
	return WHY_NONE;
}

static enum value_why push_based(struct machine *m, uint64_t reg, uint64_t offset)
{
	uint64_t n;
	enum value_why why = general_register(m, reg, &n);

	return why ? why : push_generic(m, n + offset);
}

static enum value_why op_breg(struct machine *m, const Dwarf_Op *op)
{
	return push_based(m, op->atom - DW_OP_breg0, op->number);
}

static enum value_why op_bregx(struct machine *m, const Dwarf_Op *op)
{
	return push_based(m, op->number, op->number2);
}

static enum value_why op_fbreg(struct machine *m, const Dwarf_Op *op)
{
	const struct expr_env *env = m->env;
	enum value_why why;
	uint64_t base;

	if (!env->frame_base)
		return WHY_EXPRESSION;
	/* The frame base is computed from registers as they are now. */
	if (m->at_entry)
		return WHY_NO_CALL_VALUE;
	if (machine_depth(m) > EXPR_MAX_DEPTH)
		return WHY_LIMIT;
	why = env->frame_base(env->arg, machine_depth(m), &base);
	return why ? why : push_generic(m, base + op->number);
}

static enum value_why op_regval_type(struct machine *m, const Dwarf_Op *op)
{
	unsigned char buf[16] = {0};
	struct val_type type;
	unsigned width = 8;
	uint64_t n = 0;
	enum value_why why = type_of(m, op, op->number2, false, &type);

	if (why)
		return why;
	if (m->at_entry) {
		why = register_at_entry(m, op->number, &n);
		memcpy(buf, &n, sizeof n);
	} else {
		why = register_bytes(m->env, op->number, buf, &width);
	}
	if (why)
		return why;
	if (type.size > width)
		return width < 8 ? WHY_REGISTER_LOST : WHY_LIMIT;
	return push(m, val_load(type, buf));
}

/* ---- stack operations (2.5.1.3) ------------------------------------------------------------------------- */

static enum value_why pick(struct machine *m, uint64_t depth)
{
	if (depth >= m->top)
		return WHY_EXPRESSION;
	return push(m, m->stack[m->top - 1 - depth]);
}

static enum value_why op_dup(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return pick(m, 0);
}

static enum value_why op_over(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return pick(m, 1);
}

static enum value_why op_pick(struct machine *m, const Dwarf_Op *op)
{
	return pick(m, op->number);
}

static enum value_why op_drop(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return pop(m) ? WHY_NONE : WHY_EXPRESSION;
}

/* The top goes below the n - 1 values under it. */
static enum value_why sink_top(struct machine *m, unsigned n)
{
	struct val *base, top;

	if (m->top < n)
		return WHY_EXPRESSION;
	base = &m->stack[m->top - n];
	top = base[n - 1];
	memmove(base + 1, base, (n - 1) * sizeof *base);
	base[0] = top;
	return WHY_NONE;
}

static enum value_why op_swap(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return sink_top(m, 2);
}

static enum value_why op_rot(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return sink_top(m, 3);
}

static enum value_why read_memory(struct machine *m, uint64_t addr, void *buf, size_t n)
{
	if (!m->env->read)
		return WHY_EXPRESSION;
	/* What stood there when the function was entered is gone. */
	if (m->at_entry)
		return WHY_NO_CALL_VALUE;
	if (addr > UINT64_MAX - n)
		return WHY_UNREADABLE;
	return m->env->read(m->env->arg, addr, buf, n);
}

static enum value_why deref(struct machine *m, struct val_type type, unsigned size)
{
	unsigned char buf[16] = {0};
	enum value_why why;
	uint64_t addr;

	why = pop_integer(m, &addr);
	if (!why)
		why = read_memory(m, addr, buf, size);
	return why ? why : push(m, val_load(type, buf));
}

static enum value_why op_deref(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return deref(m, (struct val_type){VAL_GENERIC, 8}, 8);
}

static enum value_why op_deref_size(struct machine *m, const Dwarf_Op *op)
{
	if (op->number == 0 || op->number > 8)
		return WHY_EXPRESSION;
	return deref(m, (struct val_type){VAL_GENERIC, 8}, op->number);
}

static enum value_why op_deref_type(struct machine *m, const Dwarf_Op *op)
{
	struct val_type type;
	enum value_why why = type_of(m, op, op->number2, false, &type);

	if (why)
		return why;
	return op->number == type.size ? deref(m, type, type.size) : WHY_EXPRESSION;
}

static enum value_why op_push_object_address(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return m->env->has_object ? push_generic(m, m->env->object) : WHY_EXPRESSION;
}

static enum value_why op_call_frame_cfa(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	return m->env->has_cfa ? push_generic(m, m->env->cfa) : WHY_EXPRESSION;
}

static enum value_why op_tls_address(struct machine *m, const Dwarf_Op *op)
{
	enum value_why why;
	uint64_t n;

	(void)op;
	why = pop_integer(m, &n);
	if (why)
		return why;
	if (!m->env->tls)
		return WHY_EXPRESSION;
	why = m->env->tls(m->env->arg, n, &n);
	return why ? why : push_generic(m, n);
}

/* ---- arithmetic, logic, relations (2.5.1.4, 2.5.1.5) ------------------------------------------------------ */

static struct val *top(struct machine *m)
{
	return m->top ? &m->stack[m->top - 1] : NULL;
}

static enum value_why op_unary(struct machine *m, const Dwarf_Op *op)
{
	struct val *v = top(m);

	return v ? val_unary(op->atom, v, v) : WHY_EXPRESSION;
}

static enum value_why op_plus_uconst(struct machine *m, const Dwarf_Op *op)
{
	struct val *v = top(m);

	return v ? val_add(v, op->number, v) : WHY_EXPRESSION;
}

typedef enum value_why (*binary)(unsigned atom, const struct val *a, const struct val *b, struct val *ret);

/* The former second entry is the left operand. */
static enum value_why apply(struct machine *m, const Dwarf_Op *op, binary function)
{
	struct val *left;

	if (m->top < 2)
		return WHY_EXPRESSION;
	left = &m->stack[--m->top - 1];
	return function(op->atom, left, left + 1, left);
}

static enum value_why op_binary(struct machine *m, const Dwarf_Op *op)
{
	return apply(m, op, val_binary);
}

static enum value_why op_shift(struct machine *m, const Dwarf_Op *op)
{
	return apply(m, op, val_shift);
}

static enum value_why op_compare(struct machine *m, const Dwarf_Op *op)
{
	return apply(m, op, val_compare);
}

static enum value_why op_convert(struct machine *m, const Dwarf_Op *op)
{
	bool bits = op->atom == DW_OP_reinterpret || op->atom == DW_OP_GNU_reinterpret;
	struct val *v = top(m);
	struct val_type type;
	enum value_why why;

	if (!v)
		return WHY_EXPRESSION;
	why = type_of(m, op, op->number, true, &type);
	if (why)
		return why;
	return bits ? val_reinterpret(v, type, v) : val_convert(v, type, v);
}

/* ---- locations (2.6.1) --------------------------------------------------------------------------------------- */

/* A called DIE computes on the stack; what kind of location comes out is for the caller to say. */
static enum value_why place(struct machine *m, const struct loc_piece *p)
{
	if (m->calls || m->at_entry || m->top)
		return WHY_EXPRESSION;
	m->place = *p;
	m->placed = true;
	return WHY_NONE;
}

static enum value_why op_reg(struct machine *m, const Dwarf_Op *op)
{
	return place(m, &(struct loc_piece){.kind = LOC_REGISTER, .addr = op->atom - DW_OP_reg0});
}

static enum value_why op_regx(struct machine *m, const Dwarf_Op *op)
{
	return place(m, &(struct loc_piece){.kind = LOC_REGISTER, .addr = op->number});
}

static enum value_why op_stack_value(struct machine *m, const Dwarf_Op *op)
{
	struct loc_piece p = {.kind = LOC_VALUE};
	const struct val *v = pop(m);

	(void)op;
	if (!v)
		return WHY_EXPRESSION;
	p.addr = v->lo;
	p.value_size = v->type.size;
	if (p.value_size > 8) {
		memcpy(m->wide, &v->lo, 8);
		memcpy(m->wide + 8, &v->hi, 8);
		p.bytes = m->wide;
		p.nbytes = p.value_size;
	}
	m->top = 0;
	return place(m, &p);
}

static enum value_why op_implicit_value(struct machine *m, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;

	if (op->number > EXPR_MAX_BYTES)
		return WHY_LIMIT;
	if (dwarf_getlocation_attr(m->code, op, &attr) != 0 || dwarf_formblock(&attr, &block) != 0)
		return WHY_EXPRESSION;
	return place(m, &(struct loc_piece){.kind = LOC_BYTES, .bytes = block.data, .nbytes = block.length});
}

/* Bytes of the operand that refers to a DIE (7.5.5, DW_FORM_ref_addr); 0 if the unit is not known. */
static unsigned reference_size(const struct machine *m)
{
	uint8_t address_size, offset_size;
	Dwarf_Half version;

	if (!m->attr ||
	    dwarf_cu_info(m->attr->cu, &version, NULL, NULL, NULL, NULL, &address_size, &offset_size) != 0)
		return 0;
	return version == 2 ? address_size : offset_size;
}

/*
 * The offset is a SLEB128 (2.6.1.1.4), which libdw 0.188 decodes as ULEB128: where the sign is depends on how many
 * bytes there were.  If that cannot be told, only what would be the same in either reading is taken.
 */
static bool implicit_offset(const struct machine *m, const Dwarf_Op *op, int64_t *ret)
{
	uint64_t raw = op->number2, end = m->pc < m->n ? m->ops[m->pc].offset : end_offset(m);
	unsigned ref = reference_size(m), bits = 7;

	if (end && ref && end > op->offset + 1 + ref) {
		uint64_t length = end - op->offset - 1 - ref;

		bits = length > 9 ? 64 : 7 * length;
		*ret = bits < 64 ? (int64_t)(raw << (64 - bits)) >> (64 - bits) : (int64_t)raw;
		return true;
	}
	while (bits < 63 && raw >> bits)
		bits += 7;
	*ret = raw;
	return !(raw >> (bits - 1) & 1);
}

static enum value_why op_implicit_pointer(struct machine *m, const Dwarf_Op *op)
{
	struct loc_piece p = {.kind = LOC_IMPLICIT_POINTER, .addr = op->number};

	if (!implicit_offset(m, op, &p.offset))
		p = (struct loc_piece){.kind = LOC_NONE, .why = WHY_OPTIMIZED_OUT};
	return place(m, &p);
}

static enum value_why op_piece(struct machine *m, const Dwarf_Op *op)
{
	if (op->number > EXPR_MAX_BYTES)
		return WHY_LIMIT;
	return machine_piece(m, op->number * 8, 0);
}

static enum value_why op_bit_piece(struct machine *m, const Dwarf_Op *op)
{
	return machine_piece(m, op->number, op->number2);
}

static enum value_why op_uninit(struct machine *m, const Dwarf_Op *op)
{
	(void)op;
	m->stale = true;
	return WHY_NONE;
}

/* ---- the table -------------------------------------------------------------------------------------------- */

/*
 * Not there, and so WHY_EXPRESSION: xderef*, since x86-64 has no address spaces; DW_OP_GNU_variable_value, which
 * stands in types only; DW_OP_GNU_encoded_addr, which no compiler writes.
 */
const expr_handler expr_handlers[256] = {
	[DW_OP_addr] = op_addr,
	[DW_OP_deref] = op_deref,
	[DW_OP_const1u... DW_OP_consts] = op_const,
	[DW_OP_dup] = op_dup,
	[DW_OP_drop] = op_drop,
	[DW_OP_over] = op_over,
	[DW_OP_pick] = op_pick,
	[DW_OP_swap] = op_swap,
	[DW_OP_rot] = op_rot,
	[DW_OP_abs] = op_unary,
	[DW_OP_and... DW_OP_mul] = op_binary,
	[DW_OP_neg... DW_OP_not] = op_unary,
	[DW_OP_or... DW_OP_plus] = op_binary,
	[DW_OP_plus_uconst] = op_plus_uconst,
	[DW_OP_shl... DW_OP_shra] = op_shift,
	[DW_OP_xor] = op_binary,
	[DW_OP_bra] = op_bra,
	[DW_OP_eq... DW_OP_ne] = op_compare,
	[DW_OP_skip] = op_skip,
	[DW_OP_lit0... DW_OP_lit31] = op_lit,
	[DW_OP_reg0... DW_OP_reg31] = op_reg,
	[DW_OP_breg0... DW_OP_breg31] = op_breg,
	[DW_OP_regx] = op_regx,
	[DW_OP_fbreg] = op_fbreg,
	[DW_OP_bregx] = op_bregx,
	[DW_OP_piece] = op_piece,
	[DW_OP_deref_size] = op_deref_size,
	[DW_OP_nop] = op_nop,
	[DW_OP_push_object_address] = op_push_object_address,
	[DW_OP_call2... DW_OP_call_ref] = op_call,
	[DW_OP_form_tls_address] = op_tls_address,
	[DW_OP_call_frame_cfa] = op_call_frame_cfa,
	[DW_OP_bit_piece] = op_bit_piece,
	[DW_OP_implicit_value] = op_implicit_value,
	[DW_OP_stack_value] = op_stack_value,
	[DW_OP_implicit_pointer] = op_implicit_pointer,
	[DW_OP_addrx] = op_addrx,
	[DW_OP_constx] = op_constx,
	[DW_OP_entry_value] = op_entry_value,
	[DW_OP_const_type] = op_const_type,
	[DW_OP_regval_type] = op_regval_type,
	[DW_OP_deref_type] = op_deref_type,
	[DW_OP_convert... DW_OP_reinterpret] = op_convert,
	[DW_OP_GNU_push_tls_address] = op_tls_address,
	[DW_OP_GNU_uninit] = op_uninit,
	[DW_OP_GNU_implicit_pointer] = op_implicit_pointer,
	[DW_OP_GNU_entry_value] = op_entry_value,
	[DW_OP_GNU_const_type] = op_const_type,
	[DW_OP_GNU_regval_type] = op_regval_type,
	[DW_OP_GNU_deref_type] = op_deref_type,
	[DW_OP_GNU_convert] = op_convert,
	[DW_OP_GNU_reinterpret] = op_convert,
	[DW_OP_GNU_parameter_ref] = op_parameter_ref,
	[DW_OP_GNU_addr_index] = op_addrx,
	[DW_OP_GNU_const_index] = op_constx,
};
