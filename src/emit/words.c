/* SPDX-License-Identifier: MIT */
/*
 * What: arguments as Go before 1.17 printed them: the raw words of the argument area of the stack.
 *
 * How: C passes arguments in registers, so there is no such area: it is laid out as Go's stack ABI would, one
 * argument after the other, each at a multiple of its alignment, with the bytes that are known.  Bytes between
 * leaves are zero, whatever the memory holds there.  An interface value is two words, its type and the first of
 * its data, as it is in Go.
 *
 * Invariants: a word with an unknown byte is `_`, with a possibly outdated one it ends in `?`.
 */
#include <string.h>

#include "emit/style.h"

enum { MAX_WORDS = 10, MAX_BYTES = MAX_WORDS * 8, MAX_VISITS = 4096 };

/* ---- the layout ------------------------------------------------------------------------------------------- */

struct layout {
	uint64_t limit;
	span_fn *fn;
	void *arg;
	const struct value *of;
	int visits; /* parts that may still be looked at: broken types can be cyclic, or make a tree without end */
};

static void walk(struct layout *l, const struct part *p, uint64_t offset, const struct step *path);

static const char *const any_names[] = {"type", "data"};

/* Eight bytes after the other.  names: what they are called; NULL: they are numbered. */
static void walk_words(struct layout *l, const struct part *p, uint64_t offset, const struct step *path,
		       uint64_t size, const char *const *names)
{
	for (uint64_t i = 0; i * 8 < size && offset + i * 8 < l->limit; i++) {
		struct span span = {part_word(p, i), l->of, path, offset + i * 8};
		struct step step = {path, names ? names[i] : NULL, i};

		if (names && (i == 0 || names == any_names))
			span.part.type = &part_pointer; /* the others are numbers */

		if (size > 8)
			span.path = &step;
		l->fn(&span, l->arg);
	}
}

/* The types of the runtime that are headers; false if it is none of them. */
static bool walk_header(struct layout *l, const struct part *p, uint64_t offset, const struct step *path)
{
	static const char *const names[] = {"ptr", "len", "cap"};
	bool is_slice = p->type->class == CLASS_SLICE;

	if (!is_slice && p->type->class != CLASS_STRING)
		return false;
	walk_words(l, p, offset, path, is_slice ? 24 : 16, names);
	return true;
}

static void walk_members(struct layout *l, const struct part *p, uint64_t offset, const struct step *path)
{
	for (uint32_t i = 0; i < p->type->nmembers && l->visits > 0; i++) {
		const struct type_member *m = &p->type->members[i];
		struct step step = {path, m->name, 0};
		struct part member = part_member(p, m);

		/* Anonymous members are no step: C finds what is in them without one. */
		if (offset + m->offset < l->limit)
			walk(l, &member, offset + m->offset, m->name ? &step : path);
	}
}

static void walk(struct layout *l, const struct part *p, uint64_t offset, const struct step *path)
{
	const struct type *t = p->type;
	struct span span = {*p, l->of, path, offset};

	if (l->visits-- <= 0 || walk_header(l, p, offset, path))
		return;
	if (t->kind == TYPE_STRUCT) {
		walk_members(l, p, offset, path);
	} else if (t->kind == TYPE_ARRAY && t->elem && t->elem->size) {
		for (uint64_t i = 0; i < t->count && offset + i * t->elem->size < l->limit && l->visits > 0;
		     i++) {
			struct step step = {path, NULL, i};
			struct part item = part_item(p, i);

			walk(l, &item, offset + i * t->elem->size, &step);
		}
	} else if (t->size > 8 || t->kind == TYPE_UNION) {
		walk_words(l, p, offset, path, t->size, NULL);
	} else {
		l->fn(&span, l->arg);
	}
}

/* Where not all leaves were visited, none of the words can be believed. */
static void walk_unknown(struct layout *l, uint64_t size)
{
	struct part unknown = part_of_bytes(&part_u64, NULL, 0, 0, VALUE_UNKNOWN);

	for (uint64_t at = 0; at < size && at < l->limit; at += 8)
		l->fn(&(struct span){unknown, l->of, NULL, at}, l->arg);
}

uint64_t words_layout(const struct frame *f, uint64_t limit, span_fn *fn, void *arg)
{
	struct layout l = {limit, fn, arg, NULL, MAX_VISITS};
	uint64_t offset = 0;

	for (uint16_t i = 0; i < f->nargs; i++) {
		struct part p = part_of(&f->args[i]);
		bool is_any = p.type->class == CLASS_ANY;
		uint64_t size = is_any ? 16 : p.type->size;
		uint64_t align = is_any || (p.type->kind == TYPE_VOID && !size) ? 8 : type_align(p.type);

		if (p.type->kind == TYPE_VOID && !size)
			size = 8; /* of a type that is not known there is one word, which is not known either */
		l.of = &f->args[i];
		offset = (offset + align - 1) & -align;
		if (is_any && offset < limit)
			walk_words(&l, &p, offset, NULL, size, any_names);
		else if (offset < limit)
			walk(&l, &p, offset, NULL);
		offset += size;
	}
	if (l.visits <= 0)
		walk_unknown(&l, offset);
	return offset;
}

/* ---- the words -------------------------------------------------------------------------------------------- */

struct image {
	const struct frame *frame;
	unsigned char bytes[MAX_BYTES + 16]; /* the last leaf may reach over the end */
	unsigned char status[MAX_WORDS];     /* enum value_status */
};

static void put_span(const struct span *span, void *arg)
{
	struct image *im = arg;
	const struct part *p = &span->part;
	enum value_status status = part_status(p);
	uint64_t at = span->offset + p->bit_offset / 8, n = p->type->size, x;

	/* What was, when the function was entered, is not what is, as far as one can know. */
	if (status == VALUE_KNOWN && is_old(im->frame, span->of))
		status = VALUE_STALE;
	if (p->bit_size)
		n = (p->bit_offset % 8 + p->bit_size + 7u) / 8;
	for (uint64_t word = at / 8; word < MAX_WORDS && word * 8 < at + (n ? n : 1); word++)
		if (im->status[word] < status)
			im->status[word] = (unsigned char)status;
	if (status == VALUE_UNKNOWN || at >= MAX_BYTES)
		return;
	x = part_uint(p);
	if (p->bit_size) /* its neighbours may share its first byte and its last */
		x <<= p->bit_offset % 8;
	for (uint64_t i = 0; i < n && i < 8; i++)
		im->bytes[at + i] |= (unsigned char)(x >> 8 * i);
	if (n > 8)
		im->bytes[at + 8] |= (unsigned char)(part_uint(p) >> (64 - p->bit_offset % 8));
}

void words_args(const struct frame *f, struct sink *s)
{
	struct image im = {.frame = f};
	uint64_t size = words_layout(f, MAX_BYTES, put_span, &im);

	for (uint64_t i = 0; i < MAX_WORDS && i * 8 < size; i++) {
		uint64_t x;

		if (i)
			sink_str(s, ", ");
		memcpy(&x, im.bytes + i * 8, sizeof x);
		if (im.status[i] == VALUE_UNKNOWN)
			sink_char(s, '_');
		else
			sink_hex(s, x);
		put_stale(s, im.status[i] == VALUE_STALE);
	}
	if (size > MAX_BYTES || f->is_variadic)
		sink_str(s, size ? ", ..." : "...");
}
