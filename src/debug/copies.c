/* SPDX-License-Identifier: MIT */
/*
 * What: which registers held the same when a function made a call.
 *
 * How: clang's location lists name the register that a parameter came in until the call that overwrites it, though a
 * copy was made long before in a register that calls give back.  So the function's code is looked at: each
 * instruction is decoded (debug/insn.h), and along every path the registers that are copies of each other, or hold a
 * constant, are followed until the call.  What holds on all paths is true at the call, whatever the debug information says.
 *
 * Rejected: the location that the list gives behind the call.  There the variable may have been assigned to.
 *
 * Invariants: nothing is concluded from code that is not understood as a whole, or has a jump to where cannot be
 * seen.  Behind a call nothing is taken to be the same any more, and so is behind what does not go on: a landing pad
 * for exceptions may be there, which is reached from elsewhere.
 */
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "base/vec.h"
#include "debug/args.h"
#include "debug/insn.h"

enum { MAX_CODE = 1 << 16, MAX_ROUNDS = 64, NREGS = 16 };

/* Bit j of all[i]: registers i and j hold the same; of low[i]: their lower halves do.  Bit i of constant: register i
 * holds value[i], whenever it is here. */
struct same {
	uint16_t all[NREGS], low[NREGS], constant;
	uint64_t value[NREGS];
};

struct step {
	uint64_t at;
	struct insn insn;
	size_t leader; /* one more than the index of its struct leader; 0: it is reached from the one before only */
};

/* An instruction that is reached from elsewhere, too. */
struct leader {
	bool reached;
	struct same same; /* on all paths that have been followed so far */
};

struct flow {
	VEC(struct step) steps;
	VEC(struct leader) leaders;
	bool changed;
};

/* ---- equality ------------------------------------------------------------------------------------------------- */

static void same_nothing(struct same *s)
{
	for (unsigned i = 0; i < NREGS; i++)
		s->all[i] = s->low[i] = (uint16_t)(1u << i);
	s->constant = 0;
}

static void forget(uint16_t m[NREGS], unsigned reg)
{
	for (unsigned i = 0; i < NREGS; i++)
		m[i] &= (uint16_t) ~(1u << reg);
	m[reg] = (uint16_t)(1u << reg);
}

static void equate(uint16_t m[NREGS], unsigned to, unsigned from)
{
	for (unsigned i = 0; i < NREGS; i++)
		if (m[from] >> i & 1)
			m[i] |= (uint16_t)(1u << to);
	m[to] = m[from];
}

static void set_constant(struct same *s, unsigned reg, uint64_t value)
{
	s->constant |= (uint16_t)(1u << reg);
	s->value[reg] = value;
}

static void apply(struct same *s, const struct step *step)
{
	const struct insn *in = &step->insn;
	uint64_t value = s->value[in->from];
	/* Of lower halves only those that are the same with and without sign. */
	bool is_constant = in->is_copy && s->constant >> in->from & 1 &&
			   (!in->is_low || (uint32_t)value <= INT32_MAX);

	for (unsigned i = 0; i < NREGS; i++) {
		/* A copy to itself leaves the lower half as it was. */
		if (!(in->writes >> i & 1) || (in->is_copy && in->from == in->to && !in->is_low))
			continue;
		forget(s->all, i);
		if (!in->is_copy || in->from != in->to)
			forget(s->low, i);
	}
	s->constant &= (uint16_t)~in->writes;
	if (in->is_constant)
		set_constant(s, in->to, in->value + (in->is_relative ? step->at + in->length : 0));
	if (is_constant)
		set_constant(s, in->to, in->is_low ? (uint32_t)value : value);
	if (!in->is_copy || in->from == in->to || in->from == REG_RSP || in->to == REG_RSP)
		return;
	if (!in->is_low)
		equate(s->all, in->to, in->from);
	equate(s->low, in->to, in->from);
}

/* ---- code ------------------------------------------------------------------------------------------------------ */

static bool decode_range(struct flow *f, const struct code_range *range)
{
	uint64_t at = 0;

	while (at < range->n) {
		struct step *s = VEC_PUSH(&f->steps);

		*s = (struct step){.at = range->lo + at};
		insn_decode(range->bytes + at, range->n - at, &s->insn);
		if (s->insn.length == 0 || s->insn.flow == FLOW_JUMP_FAR)
			return false;
		at += s->insn.length;
	}
	return true;
}

static int compare_steps(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* The instruction at this address; NULL: it is not the function's.  *ret_bad: it is, but in the middle of one. */
static struct step *step_at(struct flow *f, uint64_t addr, bool *ret_bad)
{
	size_t n = SEARCH_UPTO(f->steps.items, f->steps.n, at, addr);
	struct step *s = n ? &f->steps.items[n - 1] : NULL;

	if (!s || addr >= s->at + s->insn.length)
		return NULL;
	*ret_bad |= s->at != addr;
	return s->at == addr ? s : NULL;
}

static struct leader *leader_of(struct flow *f, struct step *s)
{
	struct leader *l;

	if (!s->leader) {
		l = VEC_PUSH(&f->leaders);
		*l = (struct leader){0};
		s->leader = f->leaders.n;
	}
	return &f->leaders.items[s->leader - 1];
}

static uint64_t target_of(const struct step *s)
{
	return s->at + s->insn.length + (uint64_t)s->insn.target;
}

static bool goes_on(const struct step *s)
{
	return s->insn.flow == FLOW_ON || s->insn.flow == FLOW_BRANCH || s->insn.flow == FLOW_CALL;
}

/* Where jumps go to; and where nothing is known: at the entry, and where nobody seems to come to. */
static bool find_leaders(struct flow *f, uint64_t entry)
{
	bool bad = false;

	for (size_t i = 0; i < f->steps.n; i++) {
		struct step *s = &f->steps.items[i], *to;

		if (s->insn.flow != FLOW_JUMP && s->insn.flow != FLOW_BRANCH)
			continue;
		to = step_at(f, target_of(s), &bad);
		if (to)
			leader_of(f, to);
	}
	for (size_t i = 0; i < f->steps.n; i++) {
		struct step *s = &f->steps.items[i], *before = i ? s - 1 : NULL;
		bool is_begin = !before || before->at + before->insn.length != s->at || s->at == entry;
		struct leader *l;

		if (!is_begin && (s->leader || goes_on(before)))
			continue;
		l = leader_of(f, s);
		l->reached = true;
		same_nothing(&l->same);
	}
	return !bad;
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static void arrive(struct flow *f, struct leader *l, const struct same *with)
{
	struct same before = l->same;

	if (!l->reached)
		l->same = *with;
	for (unsigned i = 0; l->reached && i < NREGS; i++) {
		l->same.all[i] &= with->all[i];
		l->same.low[i] &= with->low[i];
	}
	for (unsigned i = 0; l->reached && i < NREGS; i++)
		if (!(with->constant >> i & 1) || with->value[i] != l->same.value[i])
			l->same.constant &= (uint16_t) ~(1u << i);
	f->changed |= !l->reached || memcmp(&before, &l->same, sizeof before) != 0;
	l->reached = true;
}

/* Through all instructions once; what is the same before the call that returns to `ret` is in *ret_same. */
static bool follow(struct flow *f, uint64_t ret, struct same *ret_same)
{
	struct same now;
	bool alive = false, found = false, bad = false;

	for (size_t i = 0; i < f->steps.n; i++) {
		struct step *s = &f->steps.items[i];
		struct leader *l = s->leader ? leader_of(f, s) : NULL;

		if (l && alive)
			arrive(f, l, &now);
		if (l && l->reached)
			now = l->same;
		alive = l ? l->reached : alive;
		if (!alive)
			continue;
		if (s->insn.flow == FLOW_CALL && s->at + s->insn.length == ret) {
			*ret_same = now;
			found = true;
		}
		apply(&now, s);
		if (s->insn.flow == FLOW_CALL)
			same_nothing(&now);
		if (s->insn.flow == FLOW_JUMP || s->insn.flow == FLOW_BRANCH) {
			struct step *to = step_at(f, target_of(s), &bad);

			if (to)
				arrive(f, leader_of(f, to), &now);
		}
		alive = goes_on(s);
	}
	return found;
}

static bool solve(struct flow *f, uint64_t ret, struct same *ret_same)
{
	unsigned rounds = 0;
	bool found;

	do {
		f->changed = false;
		found = follow(f, ret, ret_same);
	} while (f->changed && ++rounds < MAX_ROUNDS);
	return found && !f->changed;
}

/* ---- one call ----------------------------------------------------------------------------------------------------- */

bool copies_before(const struct code_range *ranges, size_t n, uint64_t entry, uint64_t ret_addr,
		   struct call_copies *ret)
{
	struct flow f = {0};
	struct same same;
	bool fine = n > 0;

	for (size_t i = 0; fine && i < n; i++)
		fine = decode_range(&f, &ranges[i]);
	if (fine) {
		VEC_SORT(&f.steps, compare_steps);
		fine = find_leaders(&f, entry) && solve(&f, ret_addr, &same);
	}
	for (unsigned i = 0; fine && i < NREGS; i++) {
		ret->all[i] = same.all[i] & REGS_CALLEE_SAVED & ~(1u << REG_RSP);
		ret->low[i] = same.low[i] & REGS_CALLEE_SAVED & ~(1u << REG_RSP);
		ret->value[i] = same.value[i];
		ret->constant = same.constant;
	}
	VEC_FREE(&f.steps);
	VEC_FREE(&f.leaders);
	return fine;
}

/* ---- one frame ---------------------------------------------------------------------------------------------------- */

enum { MAX_RANGES = 8 };

/* The code of a function; false: it cannot be had as a whole. */
static bool read_code(struct debug *d, struct function *f, struct code_range ranges[MAX_RANGES],
		      size_t *ret_n)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;

	for (*ret_n = 0; (at = dwarf_ranges(&f->die, at, &base, &lo, &hi)) > 0; (*ret_n)++) {
		struct code_range *r = &ranges[*ret_n];

		if (*ret_n == MAX_RANGES || lo > hi || hi - lo > MAX_CODE)
			return false;
		r->lo = lo + f->module->dwarf_bias;
		r->n = hi - lo;
		r->bytes = base_malloc(r->n + 1);
		if (target_read(d->target, r->lo, r->bytes, r->n) != 0) {
			(*ret_n)++;
			return false;
		}
	}
	return at == 0;
}

static void find_copies(struct debug *d, const struct code *code, struct call_copies *ret)
{
	struct code_range ranges[MAX_RANGES];
	size_t n;

	if (read_code(d, code->function, ranges, &n))
		copies_before(ranges, n, code->function->entry, code->lookup + 1, ret);
	for (size_t i = 0; i < n; i++)
		free(ranges[i].bytes);
}

static const struct call_copies *copies_at(struct debug *d, const struct code *code)
{
	struct call_copies *c = table_get(&d->copies, code->lookup);

	if (!c) {
		c = arena_new(&d->arena, struct call_copies);
		find_copies(d, code, c);
		table_put(&d->copies, code->lookup, c);
	}
	return c;
}

/* The first register of the mask that is known. */
static bool known_of(const struct regs *r, unsigned mask, uint64_t *ret)
{
	for (unsigned i = 0; i < NREGS; i++)
		if (mask >> i & 1 && regs_knows(r, i)) {
			*ret = r->gpr[i];
			return true;
		}
	return false;
}

bool regs_at_call(struct frame_view *v, struct regs *ret)
{
	const struct uframe *f = &v->stack->frames[v->i];
	const struct call_copies *c;
	bool more = false;

	if (f->is_exact || f->is_signal || v->left || !v->code->function)
		return false;
	c = copies_at(v->d, v->code);
	*ret = f->regs;
	for (unsigned i = 0; i < NREGS; i++) {
		uint64_t value;

		if (regs_knows(&f->regs, i))
			continue;
		if (c->constant >> i & 1)
			regs_set(ret, i, c->value[i]);
		else if (known_of(&f->regs, c->all[i], &value))
			regs_set(ret, i, value);
		else if (known_of(&f->regs, c->low[i], &value))
			regs_set_low(ret, i, value);
		else
			continue;
		more = true;
	}
	return more;
}
