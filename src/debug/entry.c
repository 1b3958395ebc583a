/* SPDX-License-Identifier: MIT */
/*
 * What: what a function was called with, asked of its caller.
 *
 * How: the caller's debug information describes the call that returns to this frame (DW_TAG_call_site), and for
 * some argument registers gives an expression for what they held, to be evaluated in the caller's frame as it
 * is now (DW_AT_call_value).  That may need the caller's own entry values: the question goes up the stack, to a
 * depth of EXPR_MAX_DEPTH.
 *
 * The answer is right only if the function on the stack is the one that was called, with nothing in between.
 * Tail calls leave no frame, so both must be shown:
 *   - the call's target is this function: by the call site's origin, by the target expression, or by the
 *     instruction itself (a direct call, or one through a table entry that holds the address);
 *   - the function cannot have come to itself again by tail calls alone.  The graph of tail calls is searched;
 *     an indirect one, or a function that does not list its tail calls, leaves it open, and open is no.
 *     Functions of other modules without debug information are taken not to tail call back into this one.
 * If the function was not called by the caller, but there is only one chain of tail calls that leads to it from the one
 * that was, the last of the chain is asked, as it was when it jumped.
 *
 * What the description leaves out may be seen in the caller's code (entry_regs).  Such registers are shown as what was
 * passed only, and not taken for what a variable has now: gcc says that of variables whose address was taken.
 *
 * The outermost function of a goroutine has no caller, but what `go` captured.
 */
#include <dwarf.h>
#include <string.h>

#include "debug/args.h"

enum { MAX_TAIL_NODES = 256 };

/* ---- the call's target ------------------------------------------------------------------------------------- */

static const char *link_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));

	return name ? name : dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
}

static bool site_origin(const struct call_site *site, Dwarf_Die *ret)
{
	Dwarf_Die die = site->die;

	return die_follow(&die, DW_AT_call_origin, ret) || die_follow(&die, DW_AT_abstract_origin, ret);
}

/* Is the function that this DIE declares or defines f? */
static bool is_function(Dwarf_Die *origin, struct function *f)
{
	Dwarf_Die of = f->die, base;
	const char *a, *b;
	bool is_abstract = die_follow(&of, DW_AT_abstract_origin, &base);

	if (origin->addr == of.addr || (is_abstract && origin->addr == base.addr))
		return true;
	if (die_follow(&of, DW_AT_specification, &base) && origin->addr == base.addr)
		return true;
	if (!dwarf_hasattr_integrate(origin, DW_AT_external) || !dwarf_hasattr_integrate(&of, DW_AT_external))
		return false;
	a = link_name(origin);
	b = link_name(&of);
	return a && b && strcmp(a, b) == 0;
}

/* The instruction before the return address: a direct call to f, or one through memory that holds its address. */
static bool instruction_calls(struct target *t, uint64_t ret, struct function *f)
{
	unsigned char code[7];
	uint64_t slot;
	int32_t rel;

	if (target_read(t, ret - sizeof code, code, sizeof code) != 0)
		return false;
	memcpy(&rel, code + 3, sizeof rel);
	if (code[2] == 0xe8 && ret + (uint64_t)(int64_t)rel == f->entry)
		return true;
	return code[1] == 0xff && code[2] == 0x15 &&
	       target_read_u64(t, ret + (uint64_t)(int64_t)rel, &slot) == 0 && slot == f->entry;
}

static enum value_why eval(struct frame_view *caller, Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t n,
			   unsigned depth, uint64_t *ret)
{
	struct expr_env env = caller->env;

	env.attr = attr;
	env.depth = depth;
	return expr_value(&env, ops, n, ret);
}

/* The address that an indirect call went to, in the caller's frame as it is now. */
static bool target_of(struct frame_view *caller, const struct call_site *site, unsigned depth, uint64_t *ret)
{
	Dwarf_Die die = site->die;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	return (dwarf_attr(&die, DW_AT_call_target, &attr) ||
		dwarf_attr(&die, DW_AT_GNU_call_site_target, &attr)) &&
	       dwarf_getlocation(&attr, &ops, &n) == 0 && n > 0 &&
	       eval(caller, &attr, ops, n, depth, ret) == WHY_NONE;
}

static bool calls(struct frame_view *caller, struct call_site *site, struct function *f, unsigned depth)
{
	Dwarf_Die origin;
	uint64_t target;

	if (site->calls == f)
		return true;
	if (instruction_calls(caller->d->target, site->ret, f) ||
	    (site_origin(site, &origin) && is_function(&origin, f))) {
		site->calls = f;
		return true;
	}
	return !site_origin(site, &origin) && target_of(caller, site, depth, &target) && target == f->entry;
}

/* ---- tail calls ---------------------------------------------------------------------------------------------- */

/* The function with code that a tail call goes to.  False: cannot be told.  *ret NULL: one without debug
 * information. */
static bool tail_target(struct debug *d, struct function *from, const struct call_site *site,
			struct function **ret)
{
	Dwarf_Die origin;
	Dwarf_Addr low;
	const char *name;
	uint64_t addr;

	*ret = NULL;
	if (!site_origin(site, &origin))
		return false;
	if (dwarf_entrypc(&origin, &low) == 0) {
		*ret = function_at(d->functions, low + from->module->dwarf_bias);
		return true;
	}
	name = link_name(&origin);
	if (!name)
		return false;
	addr = modules_lookup(d->modules, name);
	if (addr)
		*ret = function_at(d->functions, addr);
	return addr || dwarf_hasattr_integrate(&origin, DW_AT_external);
}

/* Can tail calls alone lead from `from` to `to`?  True also if that cannot be excluded. */
static bool may_tail(struct debug *d, struct function *from, struct function *to, struct table *seen)
{
	if (seen->n > MAX_TAIL_NODES)
		return true;
	table_put(seen, (uintptr_t)from, from);
	function_load_sites(from);
	if (!from->sites_complete)
		return true;
	for (size_t i = 0; i < from->nsites; i++) {
		struct function *next;

		if (!from->sites[i].is_tail)
			continue;
		if (!tail_target(d, from, &from->sites[i], &next) || next == to)
			return true;
		if (next && !table_get(seen, (uintptr_t)next) && may_tail(d, next, to, seen))
			return true;
	}
	return false;
}

static bool never_tails_to_itself(struct debug *d, struct function *f)
{
	struct table seen = {0};

	if (f->self_tail == TAIL_UNKNOWN) {
		f->self_tail = may_tail(d, f, f, &seen) ? TAIL_MAYBE : TAIL_NEVER;
		table_deinit(&seen);
	}
	return f->self_tail == TAIL_NEVER;
}

/* ---- functions that have left ------------------------------------------------------------------------------------ */

enum { MAX_TAIL_CHAIN = 8 };

struct tail_search {
	struct debug *d;
	struct function *to;
	struct call_site *path[MAX_TAIL_CHAIN], *found[MAX_TAIL_CHAIN];
	unsigned nfound, npaths, nodes;
	bool open; /* something could not be told */
};

static void search(struct tail_search *s, struct function *from, unsigned depth)
{
	function_load_sites(from);
	if (!from->sites_complete || depth == MAX_TAIL_CHAIN || ++s->nodes > MAX_TAIL_NODES)
		s->open = true;
	for (size_t i = 0; i < from->nsites && !s->open && s->npaths < 2; i++) {
		struct function *next;

		if (!from->sites[i].is_tail)
			continue;
		if (!tail_target(s->d, from, &from->sites[i], &next)) {
			s->open = true;
			return;
		}
		s->path[depth] = &from->sites[i];
		if (next == s->to) {
			s->npaths++;
			s->nfound = depth + 1;
			memcpy(s->found, s->path, sizeof s->found);
		}
		if (next)
			search(s, next, depth + 1);
	}
}

/* The functions between a frame and its caller, innermost first, and the calls by which they left. */
struct tails {
	unsigned n;
	const struct place **places;
	struct call_site **sites;
};

/* The function that the instruction before a return address calls directly; NULL. */
static struct function *direct_target(struct debug *d, uint64_t ret)
{
	struct function *f;
	unsigned char code[5];
	int32_t rel;

	if (target_read(d->target, ret - sizeof code, code, sizeof code) != 0 || code[0] != 0xe8)
		return NULL;
	memcpy(&rel, code + 1, sizeof rel);
	f = function_at(d->functions, ret + (uint64_t)(int64_t)rel);
	return f && f->entry == ret + (uint64_t)(int64_t)rel ? f : NULL;
}

/* The functions between frame i and its caller. */
static void find_tails(struct debug *d, const struct ustack *st, size_t i, struct tails *ret)
{
	struct tail_search s = {.d = d};
	struct call_site *site;
	struct frame_view v, caller;
	struct function *g;

	frame_view_init(&v, d, st, i, &d->arena);
	s.to = v.code->function;
	if (!s.to)
		return;
	frame_view_init(&caller, d, st, i + 1, &d->arena);
	site = caller.code->function ? function_call_site(caller.code->function, st->frames[i + 1].pc) : NULL;
	if (!site)
		return;
	g = direct_target(d, site->ret);
	if ((!g && !tail_target(d, caller.code->function, site, &g)) || !g || g == s.to)
		return;
	search(&s, g, 0);
	if (s.open || s.npaths != 1)
		return;
	ret->n = s.nfound;
	ret->places = arena_array(&d->arena, const struct place *, s.nfound);
	ret->sites = arena_array(&d->arena, struct call_site *, s.nfound);
	for (unsigned k = 0; k < s.nfound; k++) {
		const struct code *code;

		ret->sites[k] = s.found[s.nfound - 1 - k];
		code = code_at(d->functions, ret->sites[k]->ret - 1);
		ret->places[k] = &code->places[code->n - 1];
	}
}

static const struct tails *tails_of(struct debug *d, const struct ustack *st, size_t i)
{
	static const struct tails none;
	struct tails *t;
	uint64_t key;

	if (i + 1 >= st->n || st->frames[i].is_signal || st->frames[i + 1].is_exact)
		return &none;
	key = table_mix(st->frames[i].lookup, st->frames[i + 1].pc);
	t = table_get(&d->tails, key);
	if (!t) {
		t = arena_new(&d->arena, struct tails);
		find_tails(d, st, i, t);
		table_put(&d->tails, key, t);
	}
	return t;
}

unsigned debug_tail_calls(struct debug *d, const struct ustack *st, size_t i, const struct place ***ret)
{
	const struct tails *t = tails_of(d, st, i);

	*ret = t->places;
	return t->n;
}

/* ---- entry values ----------------------------------------------------------------------------------------------- */

/*
 * A function that has left, as it was when it jumped: what callees give back is what its caller has, the stack pointer
 * is at the return address.  Memory is not looked at: the function that is there now may use it for itself.
 */
static void left_view(const struct frame_view *v, const struct tails *left, unsigned which,
		      struct frame_view *ret)
{
	const struct uframe *f = &v->stack->frames[v->i];
	struct regs *regs = arena_new(v->arena, struct regs);

	frame_view_init(ret, v->d, v->stack, v->i, v->arena);
	ret->left = left;
	ret->which = which;
	ret->code = code_at(v->d->functions, left->sites[which]->ret - 1);
	for (unsigned reg = 0; reg < REG_NGPR; reg++)
		if (REGS_CALLEE_SAVED >> reg & 1 && regs_knows(&v->stack->frames[v->i + 1].regs, reg))
			regs_set(regs, reg, v->stack->frames[v->i + 1].regs.gpr[reg]);
	regs->known &= ~(1u << REG_RSP);
	if (f->cfa)
		regs_set(regs, REG_RSP, f->cfa - 8);
	ret->env.regs = regs;
	ret->env.bias = ret->code->module ? ret->code->module->dwarf_bias : 0;
	ret->env.read = NULL;
}

/* The call that made frame i, and its caller's view; 0 if it is certain that it called this very function. */
static enum value_why find_call(struct frame_view *v, unsigned depth, struct frame_view *ret_caller,
				struct call_site **ret)
{
	const struct ustack *st = v->stack;
	struct function *f = v->code->function;
	const struct tails *left = v->left;
	unsigned which = left ? v->which + 1 : 0;

	if (v->i + 1 >= st->n)
		return WHY_CALLER_UNKNOWN;
	if (st->frames[v->i].is_signal || st->frames[v->i + 1].is_signal || st->frames[v->i + 1].is_exact)
		return WHY_CALLER_UNKNOWN;
	if (depth >= EXPR_MAX_DEPTH)
		return WHY_LIMIT;
	frame_view_init(ret_caller, v->d, st, v->i + 1, v->arena);
	if (!ret_caller->code->function)
		return WHY_NO_CALL_SITE;
	*ret = function_call_site(ret_caller->code->function, st->frames[v->i + 1].pc);
	if (!*ret)
		return WHY_NO_CALL_SITE;
	if (!left && calls(ret_caller, *ret, f, depth + 1))
		return never_tails_to_itself(v->d, f) ? WHY_NONE : WHY_TAIL_CALL;
	if (!left)
		left = tails_of(v->d, st, v->i);
	if (left->n == 0)
		return WHY_TAIL_CALL;
	if (which < left->n) { /* else the caller called the first of the chain */
		*ret = left->sites[which];
		left_view(v, left, which, ret_caller);
	}
	return ret_caller->code->function ? WHY_NONE : WHY_NO_CALL_SITE;
}

enum captured entry_captured(struct frame_view *v)
{
	const struct regs *entered = v->stack->entered;
	struct function *f = v->code->function;

	/* Another function is there if the one that go called has left by a tail call. */
	if (!entered || v->i + 1 != v->stack->n || !f || entered->gpr[REG_RIP] != f->entry)
		return CAPTURED_NOT;
	return never_tails_to_itself(v->d, f) ? CAPTURED_THIS : CAPTURED_FIRST;
}

static enum value_why param_value(struct frame_view *caller, const struct site_param *param, unsigned depth,
				  uint64_t *ret)
{
	Dwarf_Attribute attr;

	if (!param || !param->ops)
		return WHY_NO_CALL_VALUE;
	if (param->shape.kind != SHAPE_ANY) /* as deep as the machine's callbacks would be */
		return shape_word(caller, &param->shape, depth + 2, ret) == WHY_NONE ? WHY_NONE
										     : WHY_CALLER_UNKNOWN;
	attr = param->attr;
	return eval(caller, &attr, param->ops, param->nops, depth + 1, ret) == WHY_NONE ? WHY_NONE
											: WHY_CALLER_UNKNOWN;
}

enum value_why entry_parameter_of(struct frame_view *v, Dwarf_Off die, unsigned depth, uint64_t *ret)
{
	struct frame_view caller;
	struct call_site *site;
	enum value_why why = v->code->function ? find_call(v, depth, &caller, &site) : WHY_NO_CALL_SITE;

	if (why != WHY_NONE)
		return why;
	return param_value(&caller, site_param_of(caller.code->function, site, die), depth, ret);
}

bool entry_regs(struct frame_view *v, struct regs *ret)
{
	struct frame_view caller;
	struct call_site *site;

	return v->code->function && find_call(v, 0, &caller, &site) == WHY_NONE && regs_at_call(&caller, ret);
}

static bool captured_register(const struct regs *r, unsigned reg, uint64_t *ret)
{
	if (regs_knows(r, reg)) {
		*ret = r->gpr[reg];
		return true;
	}
	if (reg < REG_XMM0 || reg >= REG_XMM0 + REG_NXMM || !r->xmm ||
	    !(r->xmm->known >> (reg - REG_XMM0) & 1))
		return false;
	*ret = r->xmm->lane[reg - REG_XMM0][0];
	return true;
}

enum value_why entry_value_of(struct frame_view *v, unsigned reg, unsigned depth, uint64_t *ret)
{
	struct frame_view caller;
	struct call_site *site;
	enum value_why why;

	if (!v->code->function)
		return WHY_NO_CALL_SITE;
	if (entry_captured(v) == CAPTURED_THIS && captured_register(v->stack->entered, reg, ret))
		return WHY_NONE;
	why = find_call(v, depth, &caller, &site);
	if (why != WHY_NONE)
		return why;
	return param_value(&caller, site_param(caller.code->function, site, reg), depth, ret);
}
