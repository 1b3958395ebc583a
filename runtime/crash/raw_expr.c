/* SPDX-License-Identifier: MIT */
/*
 * What: evaluation of the DWARF expressions that occur in unwind tables (DWARF 5, section 2.5), and the
 * reading of the encodings that they and the tables are made of.
 *
 * How: a stack machine with 64-bit words.  Expressions of unwind tables may use arithmetic, registers and
 * memory, nothing of types, pieces or other frames (section 6.4.2), so those operations are refused.  The
 * procedure linkage table, the trampoline of signal handlers and realigned stacks are described this way.
 *
 * Invariants: bounded stack, bounded steps (a branch can go back), no access but through raw_read.
 * Context: any.
 */
#include "crash/raw_cfi.h"

#include "crash/safe.h"

enum {
	STACK_MAX = 32,
	STEPS_MAX = 1000,

	OP_ADDR = 0x03,
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S,
	OP_CONST2U,
	OP_CONST2S,
	OP_CONST4U,
	OP_CONST4S,
	OP_CONST8U,
	OP_CONST8S,
	OP_CONSTU,
	OP_CONSTS,
	OP_DUP,
	OP_DROP,
	OP_OVER,
	OP_PICK,
	OP_SWAP,
	OP_ROT,
	OP_ABS = 0x19,
	OP_AND,
	OP_DIV,
	OP_MINUS,
	OP_MOD,
	OP_MUL,
	OP_NEG,
	OP_NOT,
	OP_OR,
	OP_PLUS,
	OP_PLUS_UCONST,
	OP_SHL,
	OP_SHR,
	OP_SHRA,
	OP_XOR,
	OP_BRA,
	OP_EQ,
	OP_GE,
	OP_GT,
	OP_LE,
	OP_LT,
	OP_NE,
	OP_SKIP,
	OP_LIT0 = 0x30,
	OP_BREG0 = 0x70,
	OP_BREGX = 0x92,
	OP_DEREF_SIZE = 0x94,
	OP_NOP = 0x96,
};

/* ---- bytes --------------------------------------------------------------------------------------------- */

/* Context: any. */
uint64_t raw_bytes_fixed(struct raw_bytes *b, unsigned size)
{
	uint64_t v = 0;

	if (b->bad || b->end - b->at < size || !raw_read(b->mem, b->at, &v, size)) {
		b->bad = true;
		return 0;
	}
	b->at += size;
	return v; /* little endian: the low bytes were filled */
}

/* Context: any. */
int64_t raw_bytes_signed(struct raw_bytes *b, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (int64_t)(raw_bytes_fixed(b, size) << shift) >> shift;
}

/* Context: any. */
uint64_t raw_bytes_uleb(struct raw_bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)raw_bytes_fixed(b, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return v;
}

/* Context: any. */
int64_t raw_bytes_sleb(struct raw_bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)raw_bytes_fixed(b, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && byte & 0x40)
		v |= ~(uint64_t)0 << shift;
	return (int64_t)v;
}

/* ---- the machine --------------------------------------------------------------------------------------- */

struct machine {
	struct raw_bytes code;
	uint64_t start; /* of the expression: no branch goes before it */
	const uint64_t *regs;
	uint32_t valid;
	uint32_t depth;
	uint64_t stack[STACK_MAX];
};

/* Context: any. */
static void push(struct machine *m, uint64_t v)
{
	if (m->depth == STACK_MAX)
		m->code.bad = true;
	else
		m->stack[m->depth++] = v;
}

/* Context: any. */
static uint64_t pop(struct machine *m)
{
	if (m->depth == 0) {
		m->code.bad = true;
		return 0;
	}
	return m->stack[--m->depth];
}

/* The word i below the top.  Context: any. */
static uint64_t pick(struct machine *m, uint64_t i)
{
	if (i >= m->depth) {
		m->code.bad = true;
		return 0;
	}
	return m->stack[m->depth - 1 - i];
}

/* Context: any. */
static void push_reg(struct machine *m, uint64_t reg, int64_t offset)
{
	if (reg >= RAW_NREGS || !(m->valid >> reg & 1))
		m->code.bad = true;
	else
		push(m, m->regs[reg] + (uint64_t)offset);
}

/* Context: any. */
static void deref(struct machine *m, unsigned size)
{
	uint64_t v = 0, addr = pop(m);

	if (size == 0 || size > 8 || !raw_read(m->code.mem, addr, &v, size))
		m->code.bad = true;
	push(m, v);
}

/* Context: any. */
static void branch(struct machine *m, bool taken)
{
	int64_t by = raw_bytes_signed(&m->code, 2);
	uint64_t to = m->code.at + (uint64_t)by;

	if (!taken)
		return;
	if (to < m->start || to > m->code.end)
		m->code.bad = true;
	else
		m->code.at = to;
}

/* Operations on the two topmost words: b was on top.  Context: any. */
static uint64_t binary(struct machine *m, uint8_t op, uint64_t a, uint64_t b)
{
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	switch (op) {
	case OP_AND:
		return a & b;
	case OP_OR:
		return a | b;
	case OP_XOR:
		return a ^ b;
	case OP_PLUS:
		return a + b;
	case OP_MINUS:
		return a - b;
	case OP_MUL:
		return a * b;
	case OP_SHL:
		return b < 64 ? a << b : 0;
	case OP_SHR:
		return b < 64 ? a >> b : 0;
	case OP_SHRA:
		return (uint64_t)(sa >> (b < 64 ? b : 63));
	case OP_EQ:
		return sa == sb;
	case OP_NE:
		return sa != sb;
	case OP_GE:
		return sa >= sb;
	case OP_GT:
		return sa > sb;
	case OP_LE:
		return sa <= sb;
	case OP_LT:
		return sa < sb;
	case OP_DIV:
	case OP_MOD:
		if (b == 0 || (op == OP_DIV && sb == -1)) {
			m->code.bad |= b == 0;
			return -a;
		}
		return op == OP_DIV ? (uint64_t)(sa / sb) : a % b;
	}
	m->code.bad = true;
	return 0;
}

/* Constants, registers and memory; false if op is none of these.  Context: any. */
static bool step_value(struct machine *m, uint8_t op)
{
	struct raw_bytes *c = &m->code;

	if (op >= OP_LIT0 && op < OP_LIT0 + 32)
		push(m, op - OP_LIT0);
	else if (op >= OP_BREG0 && op < OP_BREG0 + 32)
		push_reg(m, op - OP_BREG0, raw_bytes_sleb(c));
	else if (op >= OP_CONST1U && op <= OP_CONST8S)
		push(m, (op - OP_CONST1U) & 1 ? (uint64_t)raw_bytes_signed(c, 1u << (op - OP_CONST1U) / 2)
					      : raw_bytes_fixed(c, 1u << (op - OP_CONST1U) / 2));
	else if (op == OP_CONSTU)
		push(m, raw_bytes_uleb(c));
	else if (op == OP_CONSTS)
		push(m, (uint64_t)raw_bytes_sleb(c));
	else if (op == OP_ADDR)
		push(m, raw_bytes_fixed(c, 8));
	else if (op == OP_DEREF)
		deref(m, 8);
	else if (op == OP_DEREF_SIZE)
		deref(m, (unsigned)raw_bytes_fixed(c, 1));
	else if (op == OP_BREGX) {
		uint64_t reg = raw_bytes_uleb(c);

		push_reg(m, reg, raw_bytes_sleb(c));
	} else
		return false;
	return true;
}

/* Everything else.  Context: any. */
static void step_stack(struct machine *m, uint8_t op)
{
	uint64_t a, b;

	switch (op) {
	case OP_NOP:
		break;
	case OP_DUP:
		push(m, pick(m, 0));
		break;
	case OP_DROP:
		pop(m);
		break;
	case OP_OVER:
		push(m, pick(m, 1));
		break;
	case OP_PICK:
		push(m, pick(m, raw_bytes_fixed(&m->code, 1)));
		break;
	case OP_SWAP:
		b = pop(m), a = pop(m);
		push(m, b), push(m, a);
		break;
	case OP_ROT: /* the top goes below the next two */
		if (pick(m, 2), m->code.bad)
			break;
		a = m->stack[m->depth - 1];
		m->stack[m->depth - 1] = m->stack[m->depth - 2];
		m->stack[m->depth - 2] = m->stack[m->depth - 3];
		m->stack[m->depth - 3] = a;
		break;
	case OP_ABS:
		a = pop(m);
		push(m, (int64_t)a < 0 ? -a : a);
		break;
	case OP_NEG:
		push(m, -pop(m));
		break;
	case OP_NOT:
		push(m, ~pop(m));
		break;
	case OP_PLUS_UCONST:
		push(m, pop(m) + raw_bytes_uleb(&m->code));
		break;
	case OP_SKIP:
		branch(m, true);
		break;
	case OP_BRA:
		branch(m, pop(m) != 0);
		break;
	default:
		b = pop(m), a = pop(m);
		push(m, binary(m, op, a, b));
	}
}

/* Context: any. */
bool raw_expr_eval(struct raw_mem *mem, uint64_t at, uint32_t len, const uint64_t *regs, uint32_t valid,
		   const uint64_t *initial, uint64_t *ret)
{
	struct machine m = {.code = {mem, at, at + len, false}, .start = at, .regs = regs, .valid = valid};

	if (initial)
		push(&m, *initial);
	for (int steps = 0; m.code.at < m.code.end && !m.code.bad; steps++) {
		uint8_t op = (uint8_t)raw_bytes_fixed(&m.code, 1);

		if (steps == STEPS_MAX)
			return false;
		if (!step_value(&m, op))
			step_stack(&m, op);
	}
	if (m.code.bad || m.depth == 0)
		return false;
	*ret = m.stack[m.depth - 1];
	return true;
}
