/* SPDX-License-Identifier: MIT */
/*
 * What: one step of a stack walk: from the registers in a function to those in its caller.
 *
 * How: by the row of the unwind tables for the pc (raw_cfi.c), kept in a small cache: a hundred thousand
 * goroutines stop at a handful of places.  For a return address the row is looked up at pc - 1, because a
 * call that never returns may be the last instruction of its function; frames that were interrupted by a
 * signal are looked up at pc itself.
 *
 * Where there is no row:
 *   - the pc was interrupted and the top of the stack is a return address (the bytes before it are a call):
 *     somebody called through a bad pointer, or a function in assembly; pop it;
 *   - otherwise, the chain of frame pointers, if rbp looks like one;
 *   - otherwise the walk is lost.
 *
 * Invariants: a step that does not come from a signal frame moves the stack pointer up, so a walk cannot
 * loop; the caller bounds the number of steps.  No register is invented: those that a call does not keep
 * become unknown, and a rule that needs an unknown one ends the walk.
 * Context: any.
 */
#include "crash/raw_unwind.h"

#include "crash/safe.h"

enum {
	FRAME_MAX = 64 << 20, /* a frame pointer further up than this is none */
	CALLEE_SAVED = 1 << RAW_RBX | 1 << RAW_RBP | 0xf000, /* r12..r15 */
};

/* Context: any. */
void raw_unwind_reset(struct raw_unwind *u)
{
	raw_mem_reset(&u->mem);
	for (int i = 0; i < RAW_NROWS; i++)
		u->rows[i].pc = 0;
}

/* Context: any. */
void raw_cursor_init(struct raw_cursor *c, struct raw_unwind *u, const uint64_t regs[RAW_NREGS],
		     uint32_t valid, bool exact)
{
	c->u = u;
	for (int i = 0; i < RAW_NREGS; i++)
		c->r[i] = regs[i];
	c->valid = valid;
	c->exact = exact;
	c->guessed = false;
}

/* The row for pc, or NULL.  Context: any. */
static const struct raw_row *get_row(struct raw_unwind *u, uint64_t pc)
{
	uint32_t i = (uint32_t)(pc * 0x9e3779b97f4a7c15ULL >> 56) % RAW_NROWS;
	struct raw_module mod;

	if (u->rows[i].pc != pc || pc == 0) {
		u->rows[i].pc = pc;
		u->rows[i].known = raw_module_find(pc, &mod) &&
				   raw_cfi_find(&u->mem, &mod, pc, &u->rows[i].row);
	}
	return u->rows[i].known ? &u->rows[i].row : NULL;
}

/* ---- by the tables ------------------------------------------------------------------------------------- */

/* Context: any. */
static bool find_cfa(struct raw_cursor *c, const struct raw_rule *rule, uint64_t *ret)
{
	if (rule->kind == RAW_RULE_VAL_EXPR)
		return raw_expr_eval(&c->u->mem, (uint64_t)rule->n, rule->len, c->r, c->valid, NULL, ret);
	if (rule->len >= RAW_NREGS || !(c->valid >> rule->len & 1))
		return false;
	*ret = c->r[rule->len] + (uint64_t)rule->n;
	return true;
}

/* The value of register i in the caller; false if it is not known.  Context: any. */
static bool find_register(struct raw_cursor *c, const struct raw_rule *rule, unsigned i, uint64_t cfa,
			  uint64_t *ret)
{
	uint64_t v = (uint64_t)rule->n;
	struct raw_mem *mem = &c->u->mem;

	switch (rule->kind) {
	case RAW_RULE_NONE:
		if (i == RAW_RSP) {
			*ret = cfa;
			return true;
		}
		if (!(CALLEE_SAVED >> i & 1))
			return false;
		/* fall through */
	case RAW_RULE_SAME:
		*ret = c->r[i];
		return c->valid >> i & 1;
	case RAW_RULE_OFFSET:
		return raw_read_u64(mem, cfa + v, ret);
	case RAW_RULE_VAL_OFFSET:
		*ret = cfa + v;
		return true;
	case RAW_RULE_REGISTER:
		if (v >= RAW_NREGS)
			return false;
		*ret = c->r[v];
		return c->valid >> v & 1;
	case RAW_RULE_EXPR:
		return raw_expr_eval(mem, v, rule->len, c->r, c->valid, &cfa, &v) &&
		       raw_read_u64(mem, v, ret);
	case RAW_RULE_VAL_EXPR:
		return raw_expr_eval(mem, v, rule->len, c->r, c->valid, &cfa, ret);
	}
	return false;
}

/* Context: any. */
static enum raw_step step_by_row(struct raw_cursor *c, const struct raw_row *row)
{
	uint64_t next[RAW_NREGS] = {0}, cfa = 0;
	uint32_t valid = 0;

	if (row->reg[RAW_RIP].kind == RAW_RULE_UNDEFINED || row->reg[RAW_RIP].kind == RAW_RULE_NONE)
		return RAW_END;
	if (!find_cfa(c, &row->cfa, &cfa))
		return RAW_LOST;
	/* Equal only where an interrupted function keeps its return address in a register. */
	if (!row->signal && (cfa < c->r[RAW_RSP] || (cfa == c->r[RAW_RSP] && !c->exact)))
		return RAW_LOST;
	for (unsigned i = 0; i < RAW_NREGS; i++)
		if (find_register(c, &row->reg[i], i, cfa, &next[i]))
			valid |= 1u << i;
	if (!(valid >> RAW_RIP & 1) || !(valid >> RAW_RSP & 1))
		return RAW_LOST;
	if (next[RAW_RIP] == 0)
		return RAW_END;
	for (unsigned i = 0; i < RAW_NREGS; i++)
		c->r[i] = next[i];
	c->valid = valid;
	c->exact = row->signal;
	return RAW_STEPPED;
}

/* ---- without tables ------------------------------------------------------------------------------------ */

/* Is this an address that a call would push: inside a module, after a call instruction?  Context: any. */
static bool is_return_address(struct raw_cursor *c, uint64_t addr)
{
	enum { BEFORE = 7 };
	struct raw_module mod;
	uint8_t b[BEFORE];

	if (!raw_module_find(addr - 1, &mod) || !raw_read(&c->u->mem, addr - BEFORE, b, sizeof b))
		return false;
	if (b[BEFORE - 5] == 0xe8)
		return true;                         /* call rel32 */
	for (unsigned len = 2; len <= BEFORE; len++) /* ff /2 with any addressing mode */
		if (b[BEFORE - len] == 0xff && (b[BEFORE - len + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

/* Goes on at a return address at `slot`, keeping the registers that calls keep.  Context: any. */
static enum raw_step pop_to(struct raw_cursor *c, uint64_t slot, uint64_t rip)
{
	c->r[RAW_RIP] = rip;
	c->r[RAW_RSP] = slot + 8;
	c->valid &= RAW_VALID_CALLEE;
	c->exact = false;
	c->guessed = true;
	return RAW_STEPPED;
}

/* Context: any. */
static enum raw_step step_by_guess(struct raw_cursor *c)
{
	uint64_t rsp = c->r[RAW_RSP], rbp = c->r[RAW_RBP], frame[2], ret;

	if (c->exact && raw_read_u64(&c->u->mem, rsp, &ret) && is_return_address(c, ret))
		return pop_to(c, rsp, ret);
	if (!(c->valid >> RAW_RBP & 1) || rbp & 7 || rbp < rsp || rbp - rsp > FRAME_MAX ||
	    !raw_read(&c->u->mem, rbp, frame, sizeof frame))
		return RAW_LOST;
	if (frame[1] == 0)
		return RAW_END;
	if (!is_return_address(c, frame[1]) && frame[0] <= rbp)
		return RAW_LOST;
	c->r[RAW_RBP] = frame[0];
	return pop_to(c, rbp + 8, frame[1]);
}

/* Context: any. */
enum raw_step raw_cursor_step(struct raw_cursor *c)
{
	const struct raw_row *row = get_row(c->u, raw_cursor_lookup_pc(c));

	return row ? step_by_row(c, row) : step_by_guess(c);
}
