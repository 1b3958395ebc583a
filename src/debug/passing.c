/* SPDX-License-Identifier: MIT */
/*
 * What: where the x86-64 psABI puts the arguments of a call (section 3.2.3).
 *
 * How: classifies each eightbyte of a type as INTEGER, SSE or MEMORY and deals out registers in order.  Used for
 * calls that were captured at their entry: at -O0 the debug information describes parameters only once the
 * prologue has stored them, so registers have to be matched to parameters by the rules of the call itself.
 * These hold for every function whose address was taken, whatever the optimiser does with its other callers.
 *
 * Limits: __int128 and vectors wider than 16 bytes count as not understood.
 */
#include "debug/args.h"

enum word_class { NO_CLASS, INTEGER, SSE, MEMORY };

enum { GPRS = 6, SSES = 8, MAX_DEPTH = 16 };

static enum word_class merge(enum word_class a, enum word_class b)
{
	if (a == b || b == NO_CLASS)
		return a;
	if (a == NO_CLASS)
		return b;
	if (a == MEMORY || b == MEMORY)
		return MEMORY;
	return a == INTEGER || b == INTEGER ? INTEGER : SSE;
}

static void classify(const struct type *t, uint64_t offset, enum word_class c[2], unsigned depth);

static void put(enum word_class c[2], uint64_t offset, uint64_t size, enum word_class class)
{
	if (!size || offset + size > 16) {
		c[0] = c[1] = MEMORY;
		return;
	}
	for (uint64_t w = offset / 8; w <= (offset + size - 1) / 8; w++)
		c[w] = merge(c[w], class);
}

static void classify_members(const struct type *t, uint64_t offset, enum word_class c[2], unsigned depth)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		if (m->bit_size)
			put(c, offset + m->offset + m->bit_offset / 8,
			    (m->bit_offset % 8 + m->bit_size + 7) / 8, INTEGER);
		else if (m->type->size || m->type->kind != TYPE_ARRAY) /* a flexible array takes no room */
			classify(m->type, offset + m->offset, c, depth + 1);
	}
}

static void classify(const struct type *t, uint64_t offset, enum word_class c[2], unsigned depth)
{
	if (depth > MAX_DEPTH) {
		c[0] = c[1] = MEMORY;
		return;
	}
	switch (t->kind) {
	case TYPE_FLOAT:
		if (t->size == 16) /* x87, or __float128: tell them apart by nothing we have */
			c[0] = c[1] = MEMORY;
		else
			put(c, offset, t->size, SSE);
		return;
	case TYPE_COMPLEX:
		if (t->size > 16)
			c[0] = c[1] = MEMORY;
		else
			put(c, offset, t->size, SSE);
		return;
	case TYPE_ARRAY:
		for (uint64_t i = 0; i < t->count && i < 16; i++)
			classify(t->elem, offset + i * t->elem->size, c, depth + 1);
		return;
	case TYPE_STRUCT:
	case TYPE_UNION:
		classify_members(t, offset, c, depth);
		return;
	default:
		put(c, offset, t->size, INTEGER);
	}
}

static bool is_in_memory(const struct type *t, enum word_class c[2])
{
	c[0] = c[1] = NO_CLASS;
	if (t->size > 16)
		return true;
	classify(t, 0, c, 0);
	return c[0] == MEMORY || c[1] == MEMORY;
}

void passing_begin(struct passing *p, const struct type *result)
{
	enum word_class c[2];

	*p = (struct passing){0};
	if (result &&
	    (result->kind == TYPE_STRUCT || result->kind == TYPE_UNION || result->kind == TYPE_ARRAY) &&
	    is_in_memory(result, c))
		p->ngpr = 1;
}

/* Alignment of an argument on the stack: 16 for long double and what contains it. */
static uint64_t stack_alignment(const struct type *t, unsigned depth)
{
	uint64_t align = 8;

	if (t->kind == TYPE_FLOAT && t->size == 16)
		return 16;
	if (depth > MAX_DEPTH)
		return align;
	if (t->kind == TYPE_ARRAY)
		return stack_alignment(t->elem, depth + 1);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		uint64_t a = stack_alignment(t->members[i].type, depth + 1);

		align = a > align ? a : align;
	}
	return align;
}

static unsigned to_stack(struct passing *p, const struct type *t, uint64_t *ret_offset)
{
	uint64_t align = stack_alignment(t, 0);

	p->nstack = (p->nstack + align - 1) & -align;
	*ret_offset = p->nstack;
	p->nstack += (t->size + 7) & ~(uint64_t)7;
	return 0;
}

unsigned passing_next(struct passing *p, const struct type *t, struct passed_word words[PASSING_WORDS],
		      uint64_t *ret_offset, bool *ret_known)
{
	enum word_class c[2];
	unsigned n = t->size > 8 ? 2 : 1, gprs = 0, sses = 0;

	*ret_known = (t->size > 0 || t->kind == TYPE_STRUCT) && t->kind != TYPE_OTHER &&
		     !((t->kind == TYPE_INT || t->kind == TYPE_UINT) && t->size > 8);
	if (!*ret_known)
		return 0;
	if (is_in_memory(t, c))
		return to_stack(p, t, ret_offset);
	for (unsigned i = 0; i < n; i++)
		*(c[i] == SSE ? &sses : &gprs) += c[i] != NO_CLASS;
	if (p->ngpr + gprs > GPRS || p->nsse + sses > SSES)
		return to_stack(p, t, ret_offset);
	for (unsigned i = 0; i < n; i++) {
		words[i].in = c[i] == SSE ? PASSED_SSE : c[i] == INTEGER ? PASSED_GPR : PASSED_NOWHERE;
		words[i].index = c[i] == SSE ? p->nsse++ : c[i] == INTEGER ? p->ngpr++ : 0;
	}
	return n;
}
