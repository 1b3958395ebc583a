/* SPDX-License-Identifier: MIT */
/*
 * What, how: debug/unwind.h.
 *
 * A step with a row reads what the row names and nothing else.  Steps without a row are in unwind_guess.c: they
 * look at the code around the pc, and mark what they find.
 */
#include "debug/unwind.h"

#include <stdlib.h>
#include <string.h>

#include "debug/expr.h"
#include "debug/unwind_guess.h"

struct unwinder *unwinder_new(struct modules *ms, struct target *t)
{
	struct unwinder *u = base_malloc(sizeof *u);

	memset(u, 0, sizeof *u);
	u->target = t;
	u->cfi.modules = ms;
	return u;
}

void unwinder_free(struct unwinder *u)
{
	if (!u)
		return;
	cfi_deinit(&u->cfi);
	free(u);
}

/* Places frame f: its registers are known, f->is_exact is set. */
static void locate(struct unwinder *u, struct uframe *f)
{
	f->pc = f->regs.gpr[REG_RIP];
	f->lookup = f->pc - !f->is_exact;
	f->row = cfi_row(&u->cfi, f->lookup);
	f->is_signal = f->row && f->row->is_signal;
	if (f->is_exact || !f->row || !(f->is_signal || f->row->before_sigreturn))
		return;
	/* Nobody called the kernel's trampoline: the address that a handler returns to is its first one. */
	f->lookup = f->pc;
	if (!f->is_signal)
		f->row = cfi_row(&u->cfi, f->pc);
}

/* ---- expressions ------------------------------------------------------------------------------------------- */

static enum value_why read_memory(void *arg, uint64_t addr, void *buf, size_t n)
{
	struct unwinder *u = arg;

	return target_read(u->target, addr, buf, n) < 0 ? WHY_UNREADABLE : WHY_NONE;
}

/* has_cfa: false while the CFA itself is looked for. */
static bool evaluate(struct unwinder *u, const struct uframe *f, const Dwarf_Op *ops, size_t n, bool has_cfa,
		     uint64_t *ret)
{
	struct expr_env env = {
		.regs = &f->regs,
		.has_cfa = has_cfa,
		.cfa = f->cfa,
		.bias = f->row->bias,
		.arg = u,
		.read = read_memory,
	};

	return expr_value(&env, ops, n, ret) == WHY_NONE;
}

/* ---- a step with a row ------------------------------------------------------------------------------------- */

/* The canonical frame address of f; false if it depends on what is lost. */
static bool find_cfa(struct unwinder *u, struct uframe *f)
{
	const struct cfi_row *row = f->row;

	if (row->cfa_ops)
		return evaluate(u, f, row->cfa_ops, row->ncfa_ops, false, &f->cfa);
	if (!regs_knows(&f->regs, row->cfa_reg))
		return false;
	f->cfa = f->regs.gpr[row->cfa_reg] + (uint64_t)row->cfa_offset;
	return true;
}

/* The value that a rule gives; *ret_unreadable: it is in memory that is not there. */
static bool apply(struct unwinder *u, const struct uframe *f, const struct cfi_rule *r, uint64_t *ret,
		  bool *ret_unreadable)
{
	uint64_t at;

	switch (r->kind) {
	case CFI_AT:
		at = f->cfa + (uint64_t)r->offset;
		break;
	case CFI_VALUE:
		*ret = f->cfa + (uint64_t)r->offset;
		return true;
	case CFI_REGISTER:
		*ret = r->from < REG_NGPR ? f->regs.gpr[r->from] : 0;
		return regs_knows(&f->regs, r->from);
	case CFI_AT_EXPR:
		if (!evaluate(u, f, r->ops, r->nops, true, &at))
			return false;
		break;
	default:
		return evaluate(u, f, r->ops, r->nops, true, ret);
	}
	if (unwind_word(u, at, ret))
		return true;
	*ret_unreadable = true;
	return false;
}

/* ret->regs from f and its row. */
static bool step_row(struct unwinder *u, const struct uframe *f, struct uframe *ret, enum stack_end *ret_end)
{
	const struct cfi_row *row = f->row;
	uint32_t same = row->same & f->regs.known;
	bool unreadable = false;

	ret->regs.known = same;
	ret->regs.known_low = 0;
	ret->regs.xmm = NULL;
	for (unsigned i = 0; i < REG_NGPR; i++)
		ret->regs.gpr[i] = same >> i & 1 ? f->regs.gpr[i] : 0;
	for (unsigned i = 0; i < row->nrules; i++) {
		uint64_t value;

		if (apply(u, f, &row->rules[i], &value, &unreadable))
			regs_set(&ret->regs, row->rules[i].reg, value);
	}
	if (regs_knows(&ret->regs, REG_RIP) && regs_knows(&ret->regs, REG_RSP))
		return true;
	*ret_end = unreadable ? STACK_UNREADABLE : STACK_CORRUPT;
	return false;
}

/* The chain must go up, or it may never end.  A signal's frame may be on another stack. */
static bool goes_up(const struct uframe *f, const struct uframe *ret)
{
	if (f->is_signal)
		return ret->regs.gpr[REG_RSP] != f->regs.gpr[REG_RSP];
	return ret->regs.gpr[REG_RSP] > f->regs.gpr[REG_RSP];
}

/* unwind_step on a frame that is not const: its CFA is found on the way. */
static bool step(struct unwinder *u, struct uframe *f, struct uframe *ret, enum stack_end *ret_end)
{
	ret->guessed = false;
	if (!f->row) {
		if (!unwind_guess(u, f, ret, ret_end))
			return false;
	} else {
		if (f->row->is_end) {
			find_cfa(u, f);
			*ret_end = STACK_COMPLETE;
			return false;
		}
		if (!find_cfa(u, f)) {
			*ret_end = STACK_NO_CFI;
			return false;
		}
		if (!step_row(u, f, ret, ret_end))
			return false;
	}
	if (!f->is_signal && !ret->regs.gpr[REG_RIP]) {
		*ret_end = STACK_COMPLETE;
		return false;
	}
	if (!goes_up(f, ret)) {
		*ret_end = STACK_CORRUPT;
		return false;
	}
	ret->is_exact = f->is_signal;
	ret->cfa = 0;
	locate(u, ret);
	return true;
}

bool unwind_step(struct unwinder *u, const struct uframe *f, struct uframe *ret, enum stack_end *ret_end)
{
	struct uframe copy = *f;

	locate(u, &copy);
	return step(u, &copy, ret, ret_end);
}

size_t unwind(struct unwinder *u, const struct regs *regs, bool exact, struct uframe *ret, size_t max,
	      enum stack_end *ret_end)
{
	struct uframe beyond;
	size_t n = 1;

	if (max == 0 || !regs_knows(regs, REG_RIP) || !regs_knows(regs, REG_RSP)) {
		*ret_end = max ? STACK_UNREADABLE : STACK_LIMIT;
		return 0;
	}
	memset(&ret[0], 0, sizeof ret[0]);
	ret[0].regs = *regs;
	ret[0].is_exact = exact;
	locate(u, &ret[0]);
	while (n < max) {
		if (!step(u, &ret[n - 1], &ret[n], ret_end))
			return n;
		n++;
	}
	/* Whether there would have been more. */
	if (step(u, &ret[n - 1], &beyond, ret_end))
		*ret_end = STACK_LIMIT;
	return n;
}
