/* SPDX-License-Identifier: MIT */
/*
 * What: the frames of one stack, with arguments.
 *
 * How: unwinds first, since what a frame was passed is asked of its callers; then every physical frame becomes the
 * frames of the functions inlined there and its own.  Frames of the runtime are left out, and so are those outside
 * of main and thread functions, unless nothing else would remain.  Of a long stack the innermost and outermost
 * frames are kept, and only their arguments are looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "collect/inside.h"

enum { FIRST_FRAMES = 256, MAX_FRAMES = 1 << 18, KEPT = 50 };

/* One frame to be: level `level` of physical frame i, or a tail call before the caller of i. */
struct sketch {
	size_t i;
	unsigned level;
	const struct place *place;
	bool is_tail;
	bool is_first; /* a tail call, of the function that go called */
};

typedef VEC(struct sketch) sketches;

bool collect_is_starter(const struct place *p)
{
	static const char *const names[] = {"_start",
					    "__libc_start_main",
					    "__libc_start_main_impl",
					    "__libc_start_call_main",
					    "start_thread",
					    "clone",
					    "clone3",
					    "__clone",
					    "__clone3",
					    "__GI___clone3",
					    "__GI___clone"};

	for (size_t i = 0; p->function && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(p->function, names[i]) == 0)
			return true;
	/* libc's static functions have no names where it is stripped. */
	return !p->function && p->module && strstr(p->module, "/libc.so") != NULL;
}

/* The function that go called, if it has left the stack by a tail call: what it was given is known all the same. */
static void sketch_first(struct collector *c, const struct ustack *st, bool hide, sketches *ret)
{
	const struct place *outermost, *first;
	unsigned n;

	if (!st->entered || !st->n)
		return;
	outermost = debug_places(c->debug, st->frames[st->n - 1].lookup, &n) + n - 1;
	first = debug_places(c->debug, st->entered->gpr[REG_RIP], &n) + n - 1;
	if (first->entry != st->entered->gpr[REG_RIP] || first->entry == outermost->entry ||
	    (hide && first->is_runtime))
		return;
	*VEC_PUSH(ret) = (struct sketch){st->n - 1, 0, first, true, true};
}

static void sketch_all(struct collector *c, const struct ustack *st, bool hide, sketches *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < st->n; i++) {
		const struct place **tails;
		unsigned n, ntails;
		const struct place *places = debug_places(c->debug, st->frames[i].lookup, &n);

		for (unsigned level = 0; level < n; level++)
			if (!hide || !places[level].is_runtime)
				*VEC_PUSH(ret) = (struct sketch){i, level, &places[level], false, false};
		ntails = debug_tail_calls(c->debug, st, i, &tails);
		for (unsigned k = 0; k < ntails; k++)
			if (!hide || !tails[k]->is_runtime)
				*VEC_PUSH(ret) = (struct sketch){i, 0, tails[k], true, false};
	}
	sketch_first(c, st, hide, ret);
	while (hide && ret->n > 1 && collect_is_starter(ret->items[ret->n - 1].place))
		ret->n--;
}

static void make_frame(struct collector *c, const struct ustack *st, const struct sketch *s, uint32_t index,
		       struct frame *ret)
{
	const struct uframe *f = &st->frames[s->i];
	const struct value *args;
	bool variadic = false;

	memset(ret, 0, sizeof *ret);
	ret->place = s->place;
	ret->index = index;
	ret->kind = s->is_tail ? FRAME_TAIL : f->is_signal ? FRAME_SIGNAL : FRAME_NORMAL;
	if (!s->is_tail) {
		ret->pc = f->pc;
		ret->cfa = f->cfa;
		ret->guessed = f->guessed;
	}
	if (!c->options->args || !s->place->has_debug_info || (s->is_tail && !s->is_first))
		return;
	if (s->is_first)
		ret->nargs = (uint16_t)debug_entry_args(c->debug, s->place->entry, st->entered,
							&c->world->arena, &args, &variadic);
	else
		ret->nargs = (uint16_t)debug_args(c->debug, st, s->i, s->level, &c->world->arena, &args,
						  &variadic);
	ret->args = args;
	ret->is_variadic = variadic;
	collect_facts(c, args, ret->nargs);
}

static void make_stack(struct collector *c, const struct ustack *st, const sketches *list, struct stack *ret)
{
	size_t kept = or_default(c->options->frames_kept, KEPT), n = list->n,
	       skip = n > 2 * kept ? n - 2 * kept : 0;

	ret->nframes = (uint32_t)(n - skip);
	ret->nelided = skip;
	ret->elide_at = (uint32_t)kept;
	ret->frames = arena_take(&c->world->arena, ret->nframes * sizeof ret->frames[0]);
	for (size_t k = 0; k < ret->nframes; k++) {
		size_t from = k < kept || !skip ? k : k + skip;

		make_frame(c, st, &list->items[from], (uint32_t)from, &ret->frames[k]);
	}
}

static size_t unwind_all(struct collector *c, const struct regs *regs, bool exact, enum stack_end *ret_end)
{
	struct unwinder *u = debug_unwinder(c->debug);
	size_t max = FIRST_FRAMES, n;

	for (;; max *= 8) {
		VEC_ROOM(&c->frames, max);
		n = unwind(u, regs, exact, c->frames.items, max, ret_end);
		if (*ret_end != STACK_LIMIT || max >= MAX_FRAMES)
			return n;
	}
}

/* Above the function that go called there is only the runtime's own entry.  False if the stack does not reach up to
 * there: then its outermost frame is any function. */
static bool strip_entry(struct collector *c, struct ustack *st, enum stack_end end)
{
	size_t all = st->n;

	while (st->n > 1) {
		unsigned n;
		const struct place *places = debug_places(c->debug, st->frames[st->n - 1].lookup, &n);

		if (!places[n - 1].is_runtime)
			break;
		st->n--;
	}
	return st->n < all && end == STACK_COMPLETE;
}

static void keep_regs(struct collector *c, const struct regs *from, struct stack *ret)
{
	struct arena *a = &c->world->arena;
	struct regs *r;

	if (!c->options->keep_regs)
		return;
	r = arena_copy(a, from, sizeof *from);
	if (from->xmm)
		r->xmm = arena_copy(a, from->xmm, sizeof *from->xmm);
	ret->regs = r;
}

void collect_stack(struct collector *c, const struct regs *regs, bool exact, const struct regs *entered,
		   uint64_t fs_base, struct stack *ret)
{
	struct ustack st = {.fs_base = fs_base};
	bool hide = !c->options->system;
	sketches list = {0};

	keep_regs(c, regs, ret);
	st.n = unwind_all(c, regs, exact, &ret->end);
	st.frames = c->frames.items;
	st.entered = entered && strip_entry(c, &st, ret->end) ? entered : NULL;
	sketch_all(c, &st, hide, &list);
	if (list.n == 0)
		sketch_all(c, &st, false, &list);
	make_stack(c, &st, &list, ret);
	VEC_FREE(&list);
}

void collect_fresh(struct collector *c, uint64_t fn, const struct regs *entered, struct stack *ret)
{
	struct frame *f = arena_new(&c->world->arena, struct frame);
	struct regs begin = *entered;
	const struct value *args;
	bool variadic = false;
	unsigned n;

	regs_set(&begin, REG_RIP, fn);
	keep_regs(c, &begin, ret);
	ret->end = STACK_FRESH;
	ret->frames = f;
	ret->nframes = 1;
	f->place = debug_places(c->debug, fn, &n) + n - 1;
	f->pc = fn;
	if (!c->options->args)
		return;
	f->nargs = (uint16_t)debug_entry_args(c->debug, fn, entered, &c->world->arena, &args, &variadic);
	f->args = args;
	f->is_variadic = variadic;
	collect_facts(c, args, f->nargs);
}
