/* SPDX-License-Identifier: MIT */
/*
 * What: what was passed for the parameters of a function, where their values at a pc are not known.
 *
 * How: the location of a parameter at the function's first instruction, with the registers that the caller's
 * description of the call gives.  For a goroutine's first function, what `go` captured, by the rules of the psABI
 * (passing.c).
 *
 * Invariants: the variable may have been changed since, so a value that comes from here as a whole is marked at_entry;
 * if only some bytes do, these are VALUE_STALE beside those that are known at the pc.
 */
#include <dwarf.h>
#include <string.h>

#include "debug/args.h"

/* ---- by the caller's description of the call -------------------------------------------------------------------- */

/* The registers that a location is made of, as they were at entry.  False if it is made of anything else: memory may
 * have been changed since. */
static bool entry_registers(struct frame_view *v, const Dwarf_Op *ops, size_t n, struct regs *ret,
			    struct regs_xmm *ret_xmm)
{
	struct regs seen;
	bool has_seen = false, tried = false;

	memset(ret, 0, sizeof *ret);
	memset(ret_xmm, 0, sizeof *ret_xmm);
	ret->xmm = ret_xmm;
	for (size_t i = 0; i < n; i++) {
		unsigned reg = (unsigned)(ops[i].atom == DW_OP_regx ? ops[i].number
								    : (Dwarf_Word)ops[i].atom - DW_OP_reg0);
		uint64_t value;

		if (ops[i].atom == DW_OP_piece)
			continue;
		if (ops[i].atom != DW_OP_regx && (ops[i].atom < DW_OP_reg0 || ops[i].atom > DW_OP_reg31))
			return false;
		if (entry_value_of(v, reg, 0, &value) != WHY_NONE) {
			has_seen = tried ? has_seen : entry_regs(v, &seen);
			tried = true;
			if (has_seen && regs_knows(&seen, reg))
				regs_set(ret, reg, seen.gpr[reg]);
			else if (has_seen && regs_knows_low(&seen, reg))
				regs_set_low(ret, reg, seen.gpr[reg]);
		} else if (reg < REG_NGPR) {
			regs_set(ret, reg, value);
		} else if (reg >= REG_XMM0 && reg < REG_XMM0 + REG_NXMM) {
			ret_xmm->lane[reg - REG_XMM0][0] = value;
			ret_xmm->known_low |= 1u << (reg - REG_XMM0);
		}
	}
	return n > 0;
}

static void from_entry(struct frame_view *v, const struct param_place *place, struct value *ret)
{
	struct expr_env env = v->env;
	Dwarf_Attribute attr = place->attr;
	struct regs_xmm xmm;
	struct regs regs;

	if (place->why != WHY_NONE || place->is_constant || !place->is_list ||
	    !entry_registers(v, place->ops, place->nops, &regs, &xmm))
		return;
	env.regs = &regs;
	env.attr = &attr;
	value_from_ops(v, &env, place->ops, place->nops, ret);
}

/* ---- by the rules of a call --------------------------------------------------------------------------------------- */

/* Registers of the caller in the order of the psABI. */
static const unsigned gpr_order[] = {REG_RDI, REG_RSI, REG_RDX, REG_RCX, REG_R8, REG_R9};

static bool passed_word(const struct regs *r, const struct passed_word *w, uint64_t *ret)
{
	*ret = 0;
	switch (w->in) {
	case PASSED_NOWHERE:
		return true;
	case PASSED_GPR:
		*ret = r->gpr[gpr_order[w->index]];
		return regs_knows(r, gpr_order[w->index]);
	case PASSED_SSE:
		if (r->xmm)
			*ret = r->xmm->lane[w->index][0];
		return r->xmm && r->xmm->known >> w->index & 1;
	default:
		return false;
	}
}

/* The next argument in order.  One that is known already only takes its place. */
static void from_passing(struct debug *d, const struct regs *r, struct passing *pass, struct arena *a,
			 struct value *val, bool *lost)
{
	struct passed_word words[PASSING_WORDS];
	uint64_t size = val->type->size, offset = 0, at[PASSING_WORDS];
	unsigned char *bytes;
	unsigned n = 0;
	bool known = false;

	if (!*lost)
		n = passing_next(pass, val->type, words, &offset, &known);
	*lost = !known;
	if (val->bytes)
		return;
	if (!known)
		return value_unknown(val, WHY_NO_TYPE);
	if (size > EXPR_MAX_BYTES)
		return value_unknown(val, WHY_LIMIT);
	for (unsigned i = 0; i < n; i++)
		if (!passed_word(r, &words[i], &at[i]))
			return value_unknown(val, WHY_REGISTER_LOST);
	bytes = arena_take(a, size);
	if (n)
		memcpy(bytes, at, size);
	else if (!regs_knows(r, REG_RSP) ||
		 target_read(d->target, r->gpr[REG_RSP] + 8 + offset, bytes, size) != 0)
		return value_unknown(val, WHY_UNREADABLE);
	val->bytes = bytes;
	val->status = VALUE_KNOWN;
	val->why = WHY_NONE;
	val->at_entry = true;
}

/* All of a function's arguments by what its registers were at entry. */
static void all_from_passing(struct debug *d, const struct params *ps, const struct regs *r, struct arena *a,
			     struct value *vals)
{
	struct passing pass;
	bool lost = false;

	passing_begin(&pass, ps->result);
	for (unsigned i = 0; i < ps->n; i++) {
		vals[i] = (struct value){.name = ps->items[i].name, .type = ps->items[i].type};
		from_passing(d, r, &pass, a, &vals[i], &lost);
	}
}

/* ---- beside what is known at the pc -------------------------------------------------------------------------------- */

static bool has_unknown(const struct value *val)
{
	return val->type->size > 0 && val->status == VALUE_UNKNOWN;
}

/* Bytes that are not known otherwise. */
static void add(struct frame_view *v, const struct value *passed, bool stale, struct value *val)
{
	uint64_t size = val->type->size;
	unsigned char *bytes, *mask;

	if (!passed->bytes)
		return;
	if (!val->bytes) {
		*val = *passed;
		val->at_entry = true;
		if (stale && val->status == VALUE_KNOWN)
			val->status = VALUE_STALE;
		return;
	}
	bytes = arena_copy(v->arena, val->bytes, size);
	mask = arena_copy(v->arena, val->mask, size);
	for (uint64_t i = 0; i < size; i++) {
		if (mask[i] != VALUE_UNKNOWN ||
		    (passed->mask ? passed->mask[i] : passed->status) == VALUE_UNKNOWN)
			continue;
		bytes[i] = passed->bytes[i];
		mask[i] = VALUE_STALE;
	}
	val->bytes = bytes;
	value_settle(val, mask, val->why, v->arena);
	if (val->status == VALUE_STALE)
		val->why = WHY_AS_PASSED;
}

static struct value nothing_of(const struct value *val)
{
	return (struct value){.name = val->name, .type = val->type, .status = VALUE_UNKNOWN};
}

static void add_captured(struct frame_view *v, const struct params *ps, struct value *vals)
{
	enum captured captured = entry_captured(v);
	struct passing pass;
	bool lost = false;

	if (captured == CAPTURED_NOT)
		return;
	passing_begin(&pass, ps->result);
	for (unsigned i = 0; i < ps->n; i++) {
		bool wanted = has_unknown(&vals[i]);
		struct value passed = wanted ? nothing_of(&vals[i]) : vals[i];

		from_passing(v->d, v->stack->entered, &pass, v->arena, &passed, &lost);
		if (wanted && passed.status == VALUE_KNOWN)
			add(v, &passed, captured == CAPTURED_FIRST, &vals[i]);
	}
}

void add_passed(struct frame_view *v, const struct params *ps, struct value *vals)
{
	for (unsigned i = 0; i < ps->n; i++) {
		struct value passed = nothing_of(&vals[i]);

		if (!has_unknown(&vals[i]))
			continue;
		from_entry(v, &param_places_at_entry(v->code->function)[i], &passed);
		add(v, &passed, false, &vals[i]);
	}
	add_captured(v, ps, vals);
}

unsigned debug_entry_args(struct debug *d, uint64_t entry, const struct regs *regs, struct arena *a,
			  const struct value **ret, bool *ret_variadic)
{
	struct function *f = function_at(d->functions, entry);
	const struct params *ps;
	struct value *vals;

	if (!f || f->entry != entry)
		return 0;
	ps = params_of(d->functions, &f->die);
	vals = arena_array(a, struct value, ps->n);
	all_from_passing(d, ps, regs, a, vals);
	for (unsigned i = 0; i < ps->n; i++)
		vals[i].at_entry = false; /* that is where it is */
	*ret = vals;
	*ret_variadic = ps->variadic;
	return ps->n;
}
