/* SPDX-License-Identifier: MIT */
/*
 * What: arguments for people: name=value, each value as its type says.
 *
 * How: one recursion over parts.  Scalars are written here, pointers and what they lead to in typed_pointer.c, the
 * types of <gorgon.h> in typed_runtime.c.  Aggregates are Go's composite literals, whose type stands before the
 * outermost brace only.
 *
 * Three limits keep a frame readable whatever the types are: five levels, pointers are followed twice, and no
 * argument has more than sixty-four leaves.  The last one is needed because the others multiply.
 *
 * Invariants: a part with an unknown byte is never decoded: it is `_`.  A possibly outdated one ends in `?`.
 */
#include <string.h>

#include "emit/style.h"

enum { MAX_DEPTH = 5, MAX_FOLLOW = 2, MAX_LEAVES = 64, MAX_DIMENSIONS = 16 };

void put_stale(struct sink *s, bool stale)
{
	if (stale)
		sink_char(s, '?');
}

static void put_name(struct sink *s, const char *name)
{
	sink_clean(s, name, strlen(name), 0);
}

static void put_slice_name(struct sink *s, const struct type *elem)
{
	sink_str(s, "[]");
	put_name(s, !elem ? "void" : elem->class == CLASS_STRING ? "string" : elem->name);
}

void typed_name(struct sink *s, const struct type *type)
{
	int dimensions = 0;

	for (; type && type->kind == TYPE_ARRAY && dimensions < MAX_DIMENSIONS; dimensions++) {
		sink_char(s, '[');
		sink_udec(s, type->count);
		sink_char(s, ']');
		type = type->elem;
	}
	if (!type) {
		sink_str(s, "void");
	} else if (type->class == CLASS_STRING) {
		sink_str(s, "string");
	} else if (type->class == CLASS_ANY) {
		sink_str(s, "any");
	} else if (type->class == CLASS_SLICE) {
		put_slice_name(s, type->elem);
	} else if (type->class == CLASS_CHAN) {
		sink_str(s, "chan ");
		put_name(s, type->elem ? type->elem->name : "void");
	} else {
		put_name(s, type->name);
	}
}

/* ---- scalars ---------------------------------------------------------------------------------------------- */

/* Whether the enumerators are flags to be combined: single bits and unions of them.  An enumerator 3 speaks for
 * a plain sequence, and so does nothing above 2. */
static bool is_flags(const struct type *t, uint64_t *ret_all)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < t->nenumerators; i++) {
		uint64_t v = (uint64_t)t->enumerators[i].value;

		if (v == 3)
			return false;
		if (!(v & (v - 1)))
			bits |= v;
	}
	for (uint32_t i = 0; i < t->nenumerators; i++)
		if ((uint64_t)t->enumerators[i].value & ~bits)
			return false;
	*ret_all = bits;
	return bits >= 4;
}

static void put_enumerator(struct sink *s, const struct type *t, const char *name)
{
	if (t->is_scoped) {
		put_name(s, t->name);
		sink_str(s, "::");
	}
	put_name(s, name);
}

static bool put_flags(struct sink *s, const struct type *t, uint64_t x)
{
	const char *between = "";
	uint64_t all;

	if (!x || !is_flags(t, &all) || !(x & all))
		return false;
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		uint64_t v = (uint64_t)t->enumerators[i].value;

		if (!v || v & (v - 1) || !(x & v))
			continue;
		sink_str(s, between);
		put_enumerator(s, t, t->enumerators[i].name);
		between = "|";
		x &= ~v;
	}
	if (x) {
		sink_char(s, '|');
		sink_hex(s, x);
	}
	return true;
}

static void put_enum(struct sink *s, const struct part *p)
{
	const struct type *t = p->type;
	int64_t x = part_int(p);
	bool is_signed = t->elem && t->elem->kind == TYPE_INT;

	for (uint32_t i = 0; i < t->nenumerators && !is_signed; i++)
		is_signed = t->enumerators[i].value < 0;
	if (!is_signed)
		x = (int64_t)part_uint(p);
	for (uint32_t i = 0; i < t->nenumerators; i++)
		if (t->enumerators[i].value == x) {
			put_enumerator(s, t, t->enumerators[i].name);
			return;
		}
	if (put_flags(s, t, (uint64_t)x))
		return;
	sink_char(s, '(');
	put_name(s, t->name);
	sink_char(s, ')');
	sink_dec(s, x);
}

static void put_char(struct sink *s, const struct part *p)
{
	const char *name = p->type->name;
	char c = (char)part_uint(p);

	if (type_is_text(p->type)) {
		sink_char(s, '\'');
		if (c)
			sink_clean(s, &c, 1, '\'');
		else
			sink_str(s, "\\0");
		sink_char(s, '\'');
	} else if (!strcmp(name, "signed char") || (strstr(name, "int8") && !strstr(name, "uint8"))) {
		sink_dec(s, part_int(p));
	} else {
		sink_udec(s, part_uint(p));
	}
}

static void put_bool(struct sink *s, const struct part *p)
{
	uint64_t x = part_uint(p);

	if (x > 1) { /* no bool: memory that nobody has set */
		sink_char(s, '(');
		put_name(s, p->type->name);
		sink_char(s, ')');
		sink_udec(s, x);
	} else {
		sink_str(s, x ? "true" : "false");
	}
}

void typed_scalar(struct sink *s, const struct part *p)
{
	bool wide = p->type->size == 16 && !p->bit_size;

	switch (p->type->kind) {
	case TYPE_BOOL:
		put_bool(s, p);
		return;
	case TYPE_CHAR:
		put_char(s, p);
		return;
	case TYPE_INT:
		if (wide)
			put_int128(s, p, true);
		else
			sink_dec(s, part_int(p));
		return;
	case TYPE_UINT:
		if (wide)
			put_int128(s, p, false);
		else
			sink_udec(s, part_uint(p));
		return;
	case TYPE_ENUM:
		put_enum(s, p);
		return;
	case TYPE_FLOAT:
	case TYPE_COMPLEX:
		put_float(s, p);
		return;
	default:
		sink_hex(s, part_uint(p));
		return;
	}
}

/* ---- aggregates ------------------------------------------------------------------------------------------- */

/* `...` where nothing more may be written. */
static bool is_full(struct typed *t)
{
	if (t->left > 0)
		return false;
	sink_str(t->s, "...");
	return true;
}

static void put_members(struct typed *t, const struct part *p)
{
	for (uint32_t i = 0; i < p->type->nmembers; i++) {
		const struct type_member *m = &p->type->members[i];
		struct part member = part_member(p, m);

		if (i)
			sink_str(t->s, ", ");
		if (is_full(t))
			break;
		if (m->name) {
			put_name(t->s, m->name);
			sink_str(t->s, ": ");
		}
		typed_part(t, &member, !m->name && m->is_base);
	}
}

static void put_items(struct typed *t, const struct part *p)
{
	for (uint64_t i = 0; i < p->type->count; i++) {
		struct part item = part_item(p, i);

		if (i)
			sink_str(t->s, ", ");
		if (i >= t->max_items) {
			sink_str(t->s, "...");
			break;
		}
		if (is_full(t))
			break;
		typed_part(t, &item, false);
	}
}

/* An array of characters up to its last one that is not NUL; false if it is not text. */
static bool put_char_array(struct typed *t, const struct part *p)
{
	enum value_status status = part_status(p);
	uint64_t n = p->size, shown;

	if (!type_is_text(p->type->elem) || status == VALUE_UNKNOWN || !n)
		return false;
	if (memchr(p->bytes, 0, n))
		n = (uint64_t)((const unsigned char *)memchr(p->bytes, 0, n) - p->bytes);
	shown = n < t->max_text ? n : t->max_text;
	typed_text(t, (const char *)p->bytes, shown, shown < n);
	put_stale(t->s, status == VALUE_STALE);
	return true;
}

static void put_aggregate(struct typed *t, const struct part *p, bool named)
{
	if (p->type->kind == TYPE_ARRAY && put_char_array(t, p)) {
		t->left--;
		return;
	}
	if (named)
		typed_name(t->s, p->type);
	sink_char(t->s, '{');
	/* An array without a number of items has some, behind the object. */
	if (++t->depth >= MAX_DEPTH || (p->type->kind == TYPE_ARRAY && !p->type->count))
		sink_str(t->s, "...");
	else if (p->type->kind == TYPE_ARRAY)
		put_items(t, p);
	else
		put_members(t, p);
	t->depth--;
	t->left--;
	sink_char(t->s, '}');
}

/* What was read as text, as it stood there; the short id of its address may be another one now. */
static void put_written(struct typed *t, const struct part *p)
{
	const struct type *type = p->type;
	size_t n = strlen(type->name), behind = type->count < n ? type->count : n;

	sink_clean(t->s, type->name, behind, 0);
	if (behind && part_status(p) != VALUE_UNKNOWN)
		typed_id(t, part_uint(p));
	sink_clean(t->s, type->name + behind, n - behind, 0);
	put_stale(t->s, p->status == VALUE_STALE);
}

void typed_part(struct typed *t, const struct part *p, bool named)
{
	enum value_status status;

	if (p->type->kind == TYPE_WRITTEN) {
		put_written(t, p);
		t->left--;
		return;
	}
	if (part_is_unknown(p) || p->type == &part_various) {
		sink_char(t->s, p->type == &part_various ? '*' : '_');
		t->left--;
		return;
	}
	if (p->type->class != CLASS_NONE && typed_runtime(t, p)) {
		t->left--;
		return;
	}
	if (p->type->kind == TYPE_STRUCT || p->type->kind == TYPE_UNION || p->type->kind == TYPE_ARRAY) {
		put_aggregate(t, p, named);
		return;
	}
	t->left--;
	status = part_status(p);
	if (status == VALUE_UNKNOWN) {
		sink_char(t->s, '_');
		return;
	}
	if (p->type->kind == TYPE_POINTER) {
		typed_pointer(t, p);
		return;
	}
	typed_scalar(t->s, p);
	put_stale(t->s, status == VALUE_STALE);
}

/* ---- a frame ---------------------------------------------------------------------------------------------- */

void typed_value(const struct world *w, const struct part *p, const struct emit_options *o, struct sink *s)
{
	struct typed t = {.w = w, .s = s, .follow = MAX_FOLLOW, .left = MAX_LEAVES};

	t.max_text = o->max_text ? o->max_text : DEFAULT_TEXT;
	t.max_items = o->max_items ? o->max_items : DEFAULT_ITEMS;
	typed_part(&t, p, true);
}

void typed_args(const struct world *w, const struct frame *f, const struct emit_options *o, struct sink *s)
{
	for (uint16_t i = 0; i < f->nargs; i++) {
		const struct value *v = &f->args[i];
		struct part p = part_of(v);

		if (i)
			sink_str(s, ", ");
		if (v->name) {
			put_name(s, v->name);
			sink_str(s, is_old(f, v) ? "@entry=" : "=");
		}
		typed_value(w, &p, o, s);
		if (o->why && v->status != VALUE_KNOWN && v->why != WHY_NONE) {
			sink_str(s, " (");
			sink_str(s, value_why_text(v->why));
			sink_char(s, ')');
		}
	}
	if (f->is_variadic)
		sink_str(s, f->nargs ? ", ..." : "...");
}
