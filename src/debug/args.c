/* SPDX-License-Identifier: MIT */
/*
 * What: the arguments of a frame.
 *
 * How: for each parameter, in this order, until one knows:
 *
 *	1. the constant that the compiler left instead of it (DW_AT_const_value);
 *	2. its location at this very pc, evaluated with the registers of the frame;
 *	3. what was passed for it (passed.c).
 *
 * A single location for the whole function (-O0) is no truth before the prologue has stored the parameter
 * there: in a frame that was interrupted that early, it is not used.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "debug/args.h"

/* ---- what expressions may look at ------------------------------------------------------------------------------ */

static enum value_why read_memory(void *arg, uint64_t addr, void *buf, size_t n)
{
	struct frame_view *v = arg;

	return target_read(v->d->target, addr, buf, n) == 0 ? WHY_NONE : WHY_UNREADABLE;
}

static enum value_why frame_base(void *arg, unsigned depth, uint64_t *ret)
{
	struct frame_view *v = arg;
	struct function *f = v->code->function;
	struct expr_env env = v->env;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr_integrate(&f->die, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, v->code->lookup - f->module->dwarf_bias, &ops, &n, 1) != 1)
		return WHY_EXPRESSION;
	if (n == 1 && ops[0].atom == DW_OP_call_frame_cfa) {
		*ret = v->env.cfa;
		return v->env.has_cfa ? WHY_NONE : WHY_REGISTER_LOST;
	}
	env.attr = &attr;
	env.depth = depth;
	return expr_value(&env, ops, n, ret);
}

static enum value_why entry_value(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	if (n != 1)
		return WHY_EXPRESSION;
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		return entry_value_of(arg, ops[0].atom - DW_OP_reg0, depth, ret);
	if (ops[0].atom == DW_OP_regx)
		return entry_value_of(arg, (unsigned)ops[0].number, depth, ret);
	return WHY_EXPRESSION;
}

static enum value_why parameter_ref(void *arg, unsigned depth, uint64_t die, uint64_t *ret)
{
	return entry_parameter_of(arg, die, depth, ret);
}

static enum value_why tls(void *arg, uint64_t offset, uint64_t *ret)
{
	struct frame_view *v = arg;
	uint64_t base;

	if (!v->stack->fs_base || !module_tls(v->code->module, v->stack->fs_base, &base))
		return WHY_EXPRESSION;
	*ret = base + offset;
	return WHY_NONE;
}

void frame_view_init(struct frame_view *v, struct debug *d, const struct ustack *st, size_t i,
		     struct arena *a)
{
	const struct uframe *f = &st->frames[i];

	/* Field by field: at_call is large, seldom needed, and not read before it has been filled. */
	v->d = d;
	v->stack = st;
	v->i = i;
	v->arena = a;
	v->code = code_at(d->functions, f->lookup);
	v->tried_copies = false;
	v->left = NULL;
	v->which = 0;
	v->env = (struct expr_env){
		.regs = &f->regs,
		.has_cfa = f->cfa != 0,
		.cfa = f->cfa,
		.bias = v->code->module ? v->code->module->dwarf_bias : 0,
		.arg = v,
		.read = read_memory,
		.frame_base = frame_base,
		.entry_value = entry_value,
		.parameter_ref = parameter_ref,
		.tls = tls,
	};
}

/* ---- one argument -------------------------------------------------------------------------------------------------- */

void value_unknown(struct value *val, enum value_why why)
{
	val->status = VALUE_UNKNOWN;
	val->why = (uint8_t)why;
	val->bytes = val->mask = NULL;
	val->addr = 0;
}

/* One status for all bytes, or a mask. */
void value_settle(struct value *val, const unsigned char *mask, enum value_why why, struct arena *a)
{
	bool same = true;

	val->status = VALUE_KNOWN;
	for (uint64_t i = 0; i < val->type->size; i++) {
		same &= mask[i] == mask[0];
		if (mask[i] > val->status)
			val->status = mask[i];
	}
	val->why = val->status == VALUE_KNOWN ? WHY_NONE : (uint8_t)why;
	val->mask = same ? NULL : arena_copy(a, mask, val->type->size);
	if (same && val->status == VALUE_UNKNOWN)
		value_unknown(val, why ? why : WHY_OPTIMIZED_OUT);
}

/* Was this memory read after the program had gone on? */
static bool is_late(const struct target *t, uint64_t addr)
{
	return target_is_late(t) && (addr < t->window_lo || addr >= t->window_hi);
}

void value_from_ops(struct frame_view *v, struct expr_env *env, const Dwarf_Op *ops, size_t n,
		    struct value *val)
{
	uint64_t size = val->type->size;
	unsigned char *bytes, *mask, small[16];
	enum value_why why;
	struct loc loc;

	if (size > EXPR_MAX_BYTES)
		return value_unknown(val, WHY_LIMIT);
	why = expr_locate(env, ops, n, v->arena, &loc);
	if (why != WHY_NONE)
		return value_unknown(val, why);
	bytes = arena_take(v->arena, size);
	mask = size <= sizeof small ? small : base_malloc(size);
	val->bytes = bytes;
	why = expr_fetch(env, &loc, bytes, mask, size, &val->addr);
	value_settle(val, mask, why, v->arena);
	if (mask != small)
		free(mask);
	if (val->status == VALUE_KNOWN && val->addr && is_late(v->d->target, val->addr)) {
		val->status = VALUE_STALE;
		val->why = WHY_MOVED_ON;
	}
}

/* A number that is the value. */
static void from_word(struct frame_view *v, enum value_why why, uint64_t word, struct value *val)
{
	unsigned char *bytes;

	if (why != WHY_NONE)
		return value_unknown(val, why);
	bytes = arena_take(v->arena, sizeof word);
	memcpy(bytes, &word, sizeof word);
	val->bytes = bytes;
	val->status = VALUE_KNOWN;
}

static void from_memory(struct frame_view *v, uint64_t addr, struct value *val)
{
	unsigned char *bytes = arena_take(v->arena, val->type->size);

	if (target_read(v->d->target, addr, bytes, val->type->size) != 0)
		return value_unknown(val, WHY_UNREADABLE);
	val->bytes = bytes;
	val->addr = addr;
	val->status = is_late(v->d->target, addr) ? VALUE_STALE : VALUE_KNOWN;
	val->why = val->status == VALUE_STALE ? WHY_MOVED_ON : WHY_NONE;
}

/* The common cases; false: this is none. */
static bool from_shape(struct frame_view *v, const struct shape *shape, struct value *val)
{
	uint64_t size = val->type->size, word = 0;
	enum value_why why = WHY_NONE;

	if (shape->kind == SHAPE_FRAME && v->env.has_cfa && size <= TARGET_PAGE) {
		from_memory(v, v->env.cfa + shape->offset, val);
		return true;
	}
	if (shape->kind == SHAPE_ANY || shape->kind == SHAPE_FRAME || size > sizeof word)
		return false;
	if (shape->kind == SHAPE_REGISTER && size <= 4 && regs_knows_low(v->env.regs, shape->reg))
		word = v->env.regs->gpr[shape->reg] + shape->offset;
	else
		why = shape_word(v, shape, 0, &word);
	from_word(v, why, word, val);
	return true;
}

static void from_constant(struct frame_view *v, Dwarf_Attribute *attr, struct value *val)
{
	uint64_t size = val->type->size;
	unsigned char *bytes;
	Dwarf_Block block;
	Dwarf_Word word;
	Dwarf_Sword sword;

	if (size > EXPR_MAX_BYTES)
		return value_unknown(val, WHY_LIMIT);
	bytes = arena_alloc(v->arena, size > 8 ? size : 8);
	if (dwarf_formsdata(attr, &sword) == 0 && dwarf_whatform(attr) == DW_FORM_sdata)
		memcpy(bytes, &sword, 8);
	else if (dwarf_formudata(attr, &word) == 0)
		memcpy(bytes, &word, 8);
	else if (dwarf_formblock(attr, &block) == 0 && block.length >= size)
		memcpy(bytes, block.data, size);
	else
		return value_unknown(val, WHY_EXPRESSION);
	if (size > 8 && dwarf_formblock(attr, &block) != 0)
		return value_unknown(val, WHY_EXPRESSION);
	val->bytes = bytes;
	val->status = VALUE_KNOWN;
}

/* The location holds for the whole function, but the prologue has yet to put the value there. */
static bool is_too_early(struct frame_view *v, const struct param_place *place)
{
	const struct uframe *f = &v->stack->frames[v->i];
	uint64_t end;

	if (place->is_list || !f->is_exact)
		return false;
	end = function_prologue_end(v->code->function);
	return end && f->pc >= v->code->function->entry && f->pc < end;
}

/* gcc notes its options; clang says of optimised functions only that it lists their calls. */
static bool is_optimised(struct function *f, bool *ret_gcc)
{
	Dwarf_Attribute attr;
	const char *producer = dwarf_formstring(dwarf_attr(&f->cu, DW_AT_producer, &attr));
	const char *last = NULL;

	*ret_gcc = producer && strncmp(producer, "GNU ", 4) == 0;
	if (*ret_gcc) {
		for (const char *p = producer; (p = strstr(p, " -O")) != NULL; p++)
			last = p;
		return last && last[3] != '0';
	}
	function_load_sites(f);
	return f->sites_complete;
}

/*
 * One place in memory for all of an optimised function: the compiler does not follow what becomes of it there.  For
 * scalars that has not been seen to matter, but of structs gcc leaves out the stores of members that
 * nobody reads, into the function's own frame; and clang those of a caller whose callee does not look, into what is
 * passed on the stack, unless the caller is of another unit and cannot know.
 */
static bool is_untracked(struct frame_view *v, const struct param_place *place, unsigned level,
			 const struct value *val)
{
	const struct type *t = val->type;
	struct function *f = v->code->function;
	const struct code *caller;
	bool is_gcc;

	if (place->is_list || place->is_constant || !val->addr)
		return false;
	if (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION && t->kind != TYPE_ARRAY)
		return false;
	if (!is_optimised(f, &is_gcc))
		return false;
	if (level + 1 < v->code->n || !v->env.has_cfa || val->addr < v->env.cfa)
		return true;
	if (is_gcc || v->i + 1 >= v->stack->n)
		return false;
	caller = code_at(v->d->functions, v->stack->frames[v->i + 1].lookup);
	return caller->function && caller->function->cu.addr == f->cu.addr;
}

static void from_location(struct frame_view *v, const struct param_place *place, struct value *val)
{
	struct expr_env env = v->env;
	Dwarf_Attribute attr = place->attr;

	env.attr = &attr;
	if (!from_shape(v, &place->shape, val))
		value_from_ops(v, &env, place->ops, place->nops, val);
}

/* A register that the frame has lost, but had when it made its call. */
static bool needs_lost_register(const struct regs *r, const struct param_place *place)
{
	for (size_t i = 0; i < place->nops; i++) {
		unsigned atom = place->ops[i].atom, reg = atom - DW_OP_reg0;

		if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
			reg = atom - DW_OP_breg0;
		if (reg < REG_RIP && !regs_knows(r, reg))
			return true;
	}
	return false;
}

static void from_place(struct frame_view *v, const struct param_place *place, unsigned level,
		       struct value *val)
{
	Dwarf_Attribute attr = place->attr;

	if (place->why != WHY_NONE)
		return value_unknown(val, place->why);
	if (place->is_constant)
		return from_constant(v, &attr, val);
	if (is_too_early(v, place))
		return value_unknown(val, WHY_OPTIMIZED_OUT);
	if (!v->tried_copies && needs_lost_register(v->env.regs, place)) {
		v->tried_copies = true;
		if (regs_at_call(v, &v->at_call))
			v->env.regs = &v->at_call;
	}
	from_location(v, place, val);
	if (val->status == VALUE_KNOWN && is_untracked(v, place, level, val)) {
		val->status = VALUE_STALE;
		val->why = WHY_UNTRACKED;
	}
}

/* ---- all of them ---------------------------------------------------------------------------------------------------------- */

unsigned debug_args(struct debug *d, const struct ustack *st, size_t i, unsigned level, struct arena *a,
		    const struct value **ret, bool *ret_variadic)
{
	const struct param_place *places;
	const struct params *ps;
	struct frame_view v;
	struct value *vals;
	bool is_physical;

	frame_view_init(&v, d, st, i, a);
	if (!v.code->scopes || level >= v.code->n)
		return 0;
	ps = v.code->scopes[level].params;
	places = param_places(d->functions, v.code, level);
	is_physical = level + 1 == v.code->n;
	vals = arena_array(a, struct value, ps->n);
	for (unsigned k = 0; k < ps->n; k++) {
		vals[k].name = ps->items[k].name;
		vals[k].type = ps->items[k].type;
		if (!vals[k].type->size && vals[k].type->kind != TYPE_STRUCT)
			value_unknown(&vals[k], WHY_NO_TYPE);
		else if (vals[k].type->size) /* an empty struct is known: nothing */
			from_place(&v, &places[k], level, &vals[k]);
	}
	if (is_physical)
		add_passed(&v, ps, vals);
	*ret = vals;
	*ret_variadic = ps->variadic;
	return ps->n;
}
