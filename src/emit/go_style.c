/* SPDX-License-Identifier: MIT */
/*
 * What: arguments as Go 1.17 and later print them: what parsers of Go's tracebacks read.
 *
 * How: each leaf word in hex, masked to its size; aggregates in braces: a string {ptr, len}, a slice {ptr, len, cap},
 * an interface value {type, data}.  The limits are Go's and count as its compiler counts: ten leaves, an empty
 * aggregate is one; the fifth brace holds only `...`, which is one too; `...` is written in each brace that had
 * more to come, and behind it nothing follows.
 *
 * Ours, since Go has none: a union is a brace with its bytes as words, and so is whatever scalar has more than
 * eight bytes.  The data of our interface value are two words, of which the first is written: it is what Go has.
 */
#include "emit/style.h"

enum { MAX_LEAVES = 10, MAX_DEPTH = 5 };

struct go {
	struct sink *s;
	int leaves;
	int depth;
	bool comma; /* before what comes next */
};

static void put_comma(struct go *g)
{
	if (g->comma)
		sink_str(g->s, ", ");
	g->comma = true;
}

static void put_leaf(struct go *g, const struct part *p)
{
	enum value_status status = part_status(p);

	put_comma(g);
	g->leaves++;
	if (p->type->kind == TYPE_WRITTEN && !p->type->size) { /* "...", where the text had it */
		sink_str(g->s, p->type->name);
		return;
	}
	if (status == VALUE_UNKNOWN) {
		sink_char(g->s, '_');
		return;
	}
	sink_hex(g->s, part_uint(p));
	put_stale(g->s, status == VALUE_STALE);
}

static bool put_part(struct go *g, const struct part *p);

/* The first n words.  False: the limit was reached. */
static bool put_words(struct go *g, const struct part *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct part word = part_word(p, i);

		if (!put_part(g, &word))
			return false;
	}
	return true;
}

static bool put_inside(struct go *g, const struct part *p)
{
	const struct type *t = p->type;
	bool more = true;

	if (t->class == CLASS_STRING || t->class == CLASS_ANY)
		return put_words(g, p, 2);
	if (t->class == CLASS_SLICE)
		return put_words(g, p, 3);
	if (t->kind == TYPE_STRUCT) {
		for (uint32_t i = 0; i < t->nmembers && more; i++) {
			struct part member = part_member(p, &t->members[i]);

			more = put_part(g, &member);
		}
		return more;
	}
	if (t->kind == TYPE_ARRAY) {
		for (uint64_t i = 0; i < t->count && more; i++) {
			struct part item = part_item(p, i);

			more = put_part(g, &item);
		}
		return more;
	}
	if (t->kind == TYPE_COMPLEX && t->size <= 16) {
		struct type half = {.kind = TYPE_FLOAT, .name = "", .size = t->size / 2};
		struct part re = part_at(p, 0, &half), im = part_at(p, half.size, &half);

		return put_part(g, &re) && put_part(g, &im);
	}
	return put_words(g, p, (t->size + 7) / 8);
}

static bool is_leaf(const struct part *p)
{
	switch (p->type->kind) {
	case TYPE_STRUCT:
	case TYPE_UNION:
	case TYPE_ARRAY:
	case TYPE_COMPLEX:
		return false;
	default:
		return p->type->size <= 8 || p->bit_size;
	}
}

/* False: there was no room for it, which has been said. */
static bool put_part(struct go *g, const struct part *p)
{
	int before;

	if (g->leaves >= MAX_LEAVES) {
		put_comma(g);
		sink_str(g->s, "...");
		return false;
	}
	if (is_leaf(p) || (p->type->kind == TYPE_STRUCT && !p->type->size && !p->type->nmembers &&
			   p->status == VALUE_UNKNOWN)) {
		put_leaf(g, p);
		return true;
	}
	put_comma(g);
	sink_char(g->s, '{');
	g->comma = false;
	before = g->leaves;
	if (++g->depth >= MAX_DEPTH) {
		sink_str(g->s, "...");
		g->leaves++;
	} else {
		put_inside(g, p);
		g->leaves += g->leaves == before; /* empty */
	}
	g->depth--;
	sink_char(g->s, '}');
	g->comma = true;
	return true;
}

void go_args(const struct frame *f, struct sink *s)
{
	struct go g = {.s = s};
	uint16_t i;

	for (i = 0; i < f->nargs; i++) {
		struct part p = part_of(&f->args[i]);

		/* What was, when the function was entered, is not what is, as far as one can know. */
		if (is_old(f, &f->args[i]) && p.status == VALUE_KNOWN)
			p.status = VALUE_STALE;
		if (!put_part(&g, &p))
			return;
	}
	if (f->is_variadic) {
		put_comma(&g);
		sink_str(s, "...");
	}
}
