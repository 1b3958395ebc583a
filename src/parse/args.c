/* SPDX-License-Identifier: MIT */
/*
 * What: the arguments of a frame, in any of the three styles.
 *
 *	0x2080c3f50, 0x2, 0x4, ...          words: Go before 1.17
 *	{0xc000014000, 0x2, 0x4}, 0x61?, _  go: Go since then
 *	l=NULL, id=3?, name="a, b"          typed: ours
 *
 * How: words become values of eight bytes, braces structs without names; which is which is kept in a type that is
 * made once for each shape.  What stands in our own style is text that only we could have written: numbers and
 * addresses are read back, everything else is kept as it is written, in a type of kind TYPE_WRITTEN.
 *
 * Whether a word is an address cannot be known.  What is large enough is taken for one, as all such tools do: it
 * gets a short id if several goroutines have it.
 *
 * Invariants: nothing recurses deeper than MAX_BRACES.
 */
#include "parse/inside.h"

const struct type parse_word = {.kind = TYPE_OTHER, .name = "word", .size = 8};
const struct type parse_pointer = {.kind = TYPE_POINTER, .name = "void *", .size = 8};
static const struct type parse_int = {.kind = TYPE_INT, .name = "long", .size = 8};
static const struct type more = {.kind = TYPE_WRITTEN, .name = "..."};

enum { ADDRESS_MIN = 1 << 19, MAX_SHAPE = 2 * (MAX_LEAVES + MAX_BRACES) + 2 };

/* ---- words and braces ------------------------------------------------------------------------------------------- */

/* One argument, as it is read: its leaves, and how they stand in braces: {wp{ww}.} */
struct item {
	uint64_t leaves[MAX_LEAVES];
	unsigned char status[MAX_LEAVES];
	char shape[MAX_SHAPE];
	unsigned nleaves, nshape;
};

static bool is_address(uint64_t x)
{
	return x >= ADDRESS_MIN && x < (uint64_t)1 << 63;
}

static bool put_leaf(struct item *it, uint64_t x, enum value_status status)
{
	if (it->nleaves == MAX_LEAVES || it->nshape == MAX_SHAPE)
		return false;
	it->leaves[it->nleaves] = x;
	it->status[it->nleaves++] = (unsigned char)status;
	it->shape[it->nshape++] = status != VALUE_UNKNOWN && is_address(x) ? 'p' : 'w';
	return true;
}

static bool put_shape(struct item *it, char c)
{
	if (it->nshape == MAX_SHAPE)
		return false;
	it->shape[it->nshape++] = c;
	return true;
}

static bool take_item(struct text *t, struct item *it, int depth);

static bool take_braces(struct text *t, struct item *it, int depth)
{
	if (depth == MAX_BRACES || !put_shape(it, '{'))
		return false;
	if (!text_take(t, "}"))
		do
			if (!take_item(t, it, depth + 1))
				return false;
		while (text_take(t, ", "));
	else
		return put_shape(it, '}');
	return text_take(t, "}") && put_shape(it, '}');
}

static bool take_item(struct text *t, struct item *it, int depth)
{
	uint64_t x;

	if (text_take(t, "{"))
		return take_braces(t, it, depth);
	if (text_take(t, "..."))
		return put_shape(it, '.');
	if (text_take(t, "_"))
		return put_leaf(it, 0, VALUE_UNKNOWN);
	if (!text_take(t, "0x") || !text_take_hex(t, &x))
		return false;
	return put_leaf(it, x, text_take(t, "?") ? VALUE_STALE : VALUE_KNOWN);
}

/* ---- types of shapes -------------------------------------------------------------------------------------------- */

static const struct type *type_of_shape(struct build *b, const char *shape, unsigned *at);

static const struct type *struct_of_shape(struct build *b, const char *shape, unsigned *at)
{
	struct type_member members[MAX_SHAPE];
	struct type *t;
	unsigned start = *at, n = 0;
	uint64_t size = 0;
	bool is_new;

	for ((*at)++; shape[*at] != '}'; n++) {
		members[n] = (struct type_member){.type = type_of_shape(b, shape, at), .offset = size};
		size += members[n].type->size;
	}
	(*at)++;
	t = build_type(b, (struct text){shape + start, *at - start}, &is_new);
	if (is_new) {
		t->kind = TYPE_STRUCT;
		t->name = "";
		t->size = size;
		t->nmembers = n;
		t->members = arena_copy(&b->w.arena, members, n * sizeof members[0]);
	}
	return t;
}

static const struct type *type_of_shape(struct build *b, const char *shape, unsigned *at)
{
	if (shape[*at] == '{')
		return struct_of_shape(b, shape, at);
	switch (shape[(*at)++]) {
	case 'p':
		return &parse_pointer;
	case '.':
		return &more;
	default:
		return &parse_word;
	}
}

/* A byte of mask for each byte, where not all leaves are known the same way. */
static void put_mask(struct build *b, const struct item *it, struct value *v)
{
	unsigned char *mask;
	bool mixed = false;

	for (unsigned i = 0; i < it->nleaves; i++) {
		mixed |= it->status[i] != it->status[0];
		if (it->status[i] > v->status)
			v->status = it->status[i];
	}
	if (!mixed)
		return;
	mask = arena_take(&b->w.arena, it->nleaves * 8);
	for (unsigned i = 0; i < it->nleaves; i++)
		memset(mask + i * 8, it->status[i], 8);
	v->mask = mask;
}

static void put_item(struct build *b, const struct item *it, struct value *v)
{
	unsigned at = 0;

	v->type = type_of_shape(b, it->shape, &at);
	v->bytes = arena_copy(&b->w.arena, it->leaves, it->nleaves * 8);
	put_mask(b, it, v);
	if (v->status == VALUE_UNKNOWN && !v->mask)
		v->bytes = NULL;
}

/* ---- our own style ---------------------------------------------------------------------------------------------- */

static bool is_name(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
	       (!first && c >= '0' && c <= '9');
}

/* NAME= or NAME@entry= */
static bool take_name(struct text *t, struct text *ret_name, bool *ret_entry)
{
	struct text rest;
	size_t n = 0;

	while (n < t->n && is_name(t->p[n], n == 0))
		n++;
	rest = text_from(*t, n);
	*ret_entry = text_take(&rest, "@entry");
	if (!n || !text_take(&rest, "="))
		return false;
	*ret_name = text_until(*t, n);
	*t = rest;
	return true;
}

static void put_number(struct build *b, struct value *v, const struct type *type, uint64_t x)
{
	v->type = type;
	v->bytes = arena_copy(&b->w.arena, &x, sizeof x);
}

/* " #3" at the beginning: the short id of what stands before it.  They are given out anew. */
static bool take_id(struct text *t)
{
	struct text rest = *t;
	uint64_t id;

	if (!text_take(&rest, " #") || !text_take_dec(&rest, &id))
		return false;
	*t = rest;
	return true;
}

/* 12, -1, 0x4052a0, 0x4052a0 #2, NULL; false if it is none of these. */
static bool put_plain(struct build *b, struct value *v, struct text t)
{
	bool negative = text_starts(t, "-");
	const struct type *type = &parse_int;
	uint64_t x = 0;

	if (text_is(t, "_")) {
		v->type = &parse_word;
		v->status = VALUE_UNKNOWN;
		return true;
	}
	if (text_take(&t, "0x")) {
		if (!text_take_hex(&t, &x))
			return false;
		type = &parse_pointer;
		take_id(&t);
	} else if (text_take(&t, "NULL")) {
		type = &parse_pointer;
	} else {
		text_take(&t, "-");
		if (!text_take_dec(&t, &x))
			return false;
	}
	if (t.n)
		return false;
	put_number(b, v, type, negative ? -x : x);
	return true;
}

/*
 * Text that stays as it is, but for ids: the first address in it is that of the object, whose id is put behind it
 * again when it is written.
 */
static void put_written(struct build *b, struct value *v, struct text t)
{
	char *copy = base_malloc(t.n + 1);
	uint64_t addr = 0;
	size_t n = 0, behind = 0;
	struct type *type;
	bool is_new;

	while (t.n) {
		struct text rest = t;
		size_t len = 1;
		uint64_t x;

		if (t.p[0] == '"' && (len = text_quoted(t, 0)) == SIZE_MAX)
			len = t.n;
		if (text_take(&rest, "0x") && text_take_hex(&rest, &x)) {
			len = t.n - rest.n;
			memcpy(copy + n, t.p, len);
			n += len;
			if (!behind) {
				behind = n;
				addr = x;
			}
			take_id(&rest);
			t = rest;
			continue;
		}
		memcpy(copy + n, t.p, len);
		n += len;
		t = text_from(t, len);
	}
	type = build_type(b, (struct text){copy, n}, &is_new);
	type->kind = TYPE_WRITTEN;
	type->size = 8;
	type->count = behind;
	free(copy);
	v->type = type;
	if (behind)
		v->bytes = arena_copy(&b->w.arena, &addr, sizeof addr);
	else
		v->status = VALUE_UNKNOWN;
}

static void put_typed(struct build *b, struct value *v, struct text t)
{
	struct text name = {0};
	bool at_entry = false;

	if (take_name(&t, &name, &at_entry)) {
		v->name = build_string(b, name);
		v->at_entry = at_entry;
	}
	if (t.n > 1 && t.p[t.n - 1] == '?') {
		t.n--;
		v->status = VALUE_STALE;
	}
	if (!put_plain(b, v, t))
		put_written(b, v, t);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

/* The piece up to the next comma that stands outside all brackets and quotes; skips it. */
static struct text take_piece(struct text *t)
{
	struct text piece;
	int depth = 0;
	size_t i = 0, next;

	for (; i < t->n; i++) {
		char c = t->p[i];

		if (c == '(' || c == '[' || c == '{') {
			depth++;
		} else if (c == ')' || c == ']' || c == '}') {
			depth--;
		} else if (c == '"') {
			next = text_quoted(*t, i);
			i = next == SIZE_MAX ? t->n - 1 : next - 1;
		} else if (c == '\'' && i + 2 < t->n && (t->p[i + 2] == '\'' || t->p[i + 1] == '\\')) {
			next = text_quoted(*t, i);
			i = next == SIZE_MAX ? i : next - 1;
		} else if (c == ',' && depth <= 0 && i + 1 < t->n && t->p[i + 1] == ' ' &&
			   !text_starts(text_from(*t, i), ", made at ")) {
			break;
		}
	}
	piece = text_until(*t, i);
	*t = text_from(*t, i < t->n ? i + 2 : i);
	return piece;
}

static void put_piece(struct build *b, struct value *v, struct text piece)
{
	struct text rest = piece;
	struct item it;

	it.nleaves = it.nshape = 0;
	if (take_item(&rest, &it, 0) && !rest.n)
		put_item(b, &it, v);
	else
		put_typed(b, v, piece);
}

void parse_args(struct build *b, struct text args, struct frame *f)
{
	struct value values[MAX_ARGS];
	uint16_t n = 0;

	while (args.n) {
		struct text piece = take_piece(&args);

		if (n == MAX_ARGS || (text_is(piece, "...") && !args.n)) {
			f->is_variadic = n > 0;
			break;
		}
		memset(&values[n], 0, sizeof values[n]);
		put_piece(b, &values[n++], piece);
	}
	f->args = arena_copy(&b->w.arena, values, n * sizeof values[0]);
	f->nargs = n;
}
