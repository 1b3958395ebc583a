/* SPDX-License-Identifier: MIT */
/*
 * What: runs DWARF expressions and puts location descriptions together (DWARF 5, 2.5 and 2.6).
 *
 * How: one loop over a table of operators.  A simple location is what is on top of the stack (memory), or what an
 * operator placed (register, value, bytes, implicit pointer); DW_OP_piece moves it into the result.  If the
 * expression ends without one, the simple location is the result.
 *
 * A piece that cannot be known, because its register is lost, does not spoil its neighbours: the loop goes on behind
 * the DW_OP_piece that would have ended it.  That is only sound in straight code, so not if there is a branch.
 *
 * Invariants: one budget of steps for the outermost evaluation of a thread and all that callbacks begin inside of
 * it.  Counting each by itself was rejected: an expression of 1,000 entry values, each evaluated in the caller by
 * an expression of the same kind, ends after 1,000^8 steps.
 */
#include "debug/expr_machine.h"

/* Of the outermost evaluation on this thread; those inside share it. */
static _Thread_local struct {
	unsigned depth; /* evaluations inside each other */
	unsigned steps; /* left */
} budget;

bool machine_spend(unsigned n)
{
	if (budget.steps < n) {
		budget.steps = 0;
		return false;
	}
	budget.steps -= n;
	return true;
}

/* Everything but the stack, which is written before it is read. */
static void machine_init(struct machine *m, const struct expr_env *env, const Dwarf_Op *ops, size_t n)
{
	memset(m, 0, offsetof(struct machine, stack));
	m->env = env;
	m->ops = ops;
	m->n = n;
	m->attr = m->code = env->attr;
}

/* What may stand behind a register, a value or an implicit pointer (DWARF 5, 2.6.1.1). */
static bool may_follow_place(unsigned atom)
{
	return atom == DW_OP_piece || atom == DW_OP_bit_piece || atom == DW_OP_GNU_uninit;
}

enum value_why machine_run(struct machine *m)
{
	while (m->pc < m->n) {
		const Dwarf_Op *op = &m->ops[m->pc++];
		expr_handler handler = expr_handlers[op->atom];
		enum value_why why;

		if (!handler || (m->placed && !may_follow_place(op->atom)))
			return WHY_EXPRESSION;
		if (!machine_spend(1))
			return WHY_LIMIT;
		why = handler(m, op);
		if (why)
			return why;
	}
	return WHY_NONE;
}

/* ---- values -------------------------------------------------------------------------------------------- */

static enum value_why place_value(const struct machine *m, struct val *ret)
{
	const struct loc_piece *p = &m->place;
	unsigned char buf[16] = {0};
	enum value_why why;
	unsigned width;

	switch (p->kind) {
	case LOC_REGISTER:
		why = register_bytes(m->env, p->addr, buf, &width);
		if (why || width < 8)
			return why ? why : WHY_REGISTER_LOST;
		break;
	case LOC_VALUE:
		*ret = (struct val){.lo = p->addr, .type = {VAL_GENERIC, 8}};
		return p->value_size > 8 ? WHY_LIMIT : WHY_NONE;
	case LOC_BYTES:
		if (p->nbytes > 8)
			return WHY_LIMIT;
		memcpy(buf, p->bytes, p->nbytes);
		break;
	case LOC_IMPLICIT_POINTER:
		return WHY_OPTIMIZED_OUT;
	default:
		return WHY_EXPRESSION;
	}
	*ret = val_load((struct val_type){VAL_GENERIC, 8}, buf);
	return WHY_NONE;
}

/* The value that an expression came to. */
static enum value_why machine_value(struct machine *m, struct val *ret)
{
	const struct val *v;

	if (m->stale)
		return WHY_OPTIMIZED_OUT;
	if (m->placed)
		return place_value(m, ret);
	v = pop(m);
	if (!v)
		return m->n ? WHY_EXPRESSION : WHY_OPTIMIZED_OUT;
	*ret = *v;
	return WHY_NONE;
}

/* Opens an evaluation; each is closed again. */
static bool budget_enter(const struct expr_env *env)
{
	/* A level of recursion may be two evaluations: the block of an entry value, and the caller's answer. */
	if (env->depth > EXPR_MAX_DEPTH || budget.depth > 2 * EXPR_MAX_DEPTH)
		return false;
	if (budget.depth++ == 0)
		budget.steps = EXPR_MAX_STEPS;
	return true;
}

static void budget_leave(void)
{
	budget.depth--;
}

enum value_why machine_at_entry(struct machine *m, Dwarf_Attribute *code, const Dwarf_Op *ops, size_t n,
				struct val *ret)
{
	struct machine inner;
	enum value_why why;

	if (!budget_enter(m->env))
		return WHY_LIMIT;
	machine_init(&inner, m->env, ops, n);
	inner.attr = m->attr;
	inner.code = code;
	inner.calls = m->calls;
	inner.at_entry = true;
	why = machine_run(&inner);
	if (!why)
		why = inner.placed ? WHY_EXPRESSION : machine_value(&inner, ret);
	budget_leave();
	return why;
}

static enum value_why evaluate(const struct expr_env *env, const uint64_t *initial, const Dwarf_Op *ops,
			       size_t n, uint64_t *ret)
{
	struct val v;
	struct machine m;
	enum value_why why;

	if (!budget_enter(env))
		return WHY_LIMIT;
	machine_init(&m, env, ops, n);
	if (initial)
		m.stack[m.top++] = val_generic(*initial);
	why = machine_run(&m);
	if (!why)
		why = machine_value(&m, &v);
	budget_leave();
	if (why)
		return why;
	if (v.type.size > 8)
		return WHY_LIMIT;
	*ret = v.lo;
	return WHY_NONE;
}

enum value_why expr_value(const struct expr_env *env, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	return evaluate(env, NULL, ops, n, ret);
}

enum value_why expr_value_with(const struct expr_env *env, uint64_t initial, const Dwarf_Op *ops, size_t n,
			       uint64_t *ret)
{
	return evaluate(env, &initial, ops, n, ret);
}

/* ---- locations ----------------------------------------------------------------------------------------- */

/* Moves the simple location at hand into *ret, and makes ready for the next. */
static enum value_why take_place(struct machine *m, struct loc_piece *ret)
{
	if (m->placed) {
		*ret = m->place;
		if (ret->nbytes)
			ret->bytes = arena_copy(m->arena, ret->bytes, ret->nbytes);
	} else if (m->top == 0) {
		/* An empty location description: the object is there in the source only (2.6.1.1.4). */
		*ret = (struct loc_piece){.kind = LOC_NONE, .why = WHY_OPTIMIZED_OUT};
	} else if (val_is_integer(&m->stack[m->top - 1])) {
		*ret = (struct loc_piece){.kind = LOC_MEMORY, .addr = m->stack[m->top - 1].lo};
	} else {
		return WHY_EXPRESSION;
	}
	m->placed = false;
	m->top = 0;
	return WHY_NONE;
}

enum value_why machine_piece(struct machine *m, uint64_t bit_size, uint64_t bit_offset)
{
	struct loc_piece p;
	enum value_why why;

	if (!m->loc || m->calls)
		return WHY_EXPRESSION;
	why = take_place(m, &p);
	if (why)
		return why;
	m->pieced = true;
	if (bit_size == 0)
		return WHY_NONE;
	if (bit_size > EXPR_MAX_BYTES * 8 - m->bits || bit_offset > EXPR_MAX_BYTES * 8)
		return WHY_LIMIT;
	if (m->loc->npieces == EXPR_MAX_PIECES)
		return WHY_LIMIT;
	m->bits += bit_size;
	p.bit_size = bit_size;
	p.bit_offset = bit_offset;
	m->loc->pieces[m->loc->npieces++] = p;
	return WHY_NONE;
}

/* Whether a failure says something about this value only, rather than that the expression is no good. */
static bool concerns_one_piece(enum value_why why)
{
	return why != WHY_EXPRESSION && why != WHY_LIMIT;
}

/* The piece that a failed simple location belongs to becomes the next operation; false if there is none. */
static bool skip_to_piece(struct machine *m, enum value_why why)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->ops[i].atom == DW_OP_bra || m->ops[i].atom == DW_OP_skip)
			return false;
	for (i = m->pc; i < m->n; i++) {
		if (m->ops[i].atom != DW_OP_piece && m->ops[i].atom != DW_OP_bit_piece)
			continue;
		m->pc = i;
		m->placed = true;
		m->place = (struct loc_piece){.kind = LOC_NONE, .why = why};
		return true;
	}
	return false;
}

static enum value_why locate(struct machine *m)
{
	struct loc *loc = m->loc;
	enum value_why why;

	do
		why = machine_run(m);
	while (why && concerns_one_piece(why) && skip_to_piece(m, why));
	if (why)
		return why;
	loc->stale = m->stale;
	/* Something that no piece took is not a composite location (2.6.1.2). */
	if (m->pieced && (m->placed || m->top))
		return WHY_EXPRESSION;
	if (loc->npieces)
		return WHY_NONE;
	loc->npieces = 1;
	return take_place(m, &loc->pieces[0]);
}

enum value_why expr_locate(const struct expr_env *env, const Dwarf_Op *ops, size_t n, struct arena *a,
			   struct loc *ret)
{
	struct machine m;
	enum value_why why;

	ret->npieces = 0;
	ret->stale = false;
	if (!budget_enter(env))
		return WHY_LIMIT;
	machine_init(&m, env, ops, n);
	m.loc = ret;
	m.arena = a;
	why = locate(&m);
	budget_leave();
	return why;
}
