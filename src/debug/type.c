/* SPDX-License-Identifier: MIT */
/*
 * What: types as plain data, made from DWARF.
 *
 * How: a DIE is entered into the table before its parts are looked at, because types are cyclic through pointers.
 * Typedefs and qualifiers are copies of what they name under another name.  A copy of a type that is still being
 * made would lack its members, so such copies wait until the outermost type is finished, in the order in which
 * they were met: inner ones first.
 *
 * Names are put together the C way: what stands left of the name that a declaration would have, and right of it:
 * "int (*" and ")(int)", "char" and "[3]".
 *
 * Invariants: depth is bounded: DWARF that nests types without end is broken, and gets TYPE_OTHER.
 */
#include "debug/type.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "debug/type_class.h"

enum { MAX_DEPTH = 64, MAX_MEMBERS = 4096, MAX_NAME = 256 };

struct draft {
	struct type type;
	bool done;
	const char *left, *right; /* of a declared name; left ends with the type's words */
	struct draft *copy_of;    /* waits for this one to be done */
};

struct types {
	struct arena arena;
	struct scopes *scopes;
	struct table by_die; /* address of the DIE's first byte -> struct draft */
	struct draft *void_type;
	unsigned depth;
	VEC(struct draft *) waiting;
};

static struct draft *draft_of(struct types *ts, Dwarf_Die *die);

struct types *types_new(struct scopes *scopes)
{
	struct types *ts = base_malloc(sizeof *ts);

	memset(ts, 0, sizeof *ts);
	ts->scopes = scopes;
	ts->void_type = arena_new(&ts->arena, struct draft);
	ts->void_type->type.name = ts->void_type->left = "void";
	ts->void_type->right = "";
	ts->void_type->done = true;
	return ts;
}

void types_free(struct types *ts)
{
	if (!ts)
		return;
	table_deinit(&ts->by_die);
	arena_deinit(&ts->arena);
	VEC_FREE(&ts->waiting);
	free(ts);
}

/* ---- names ------------------------------------------------------------------------------------------------ */

static void set_name(struct types *ts, struct draft *d, const char *left, const char *right)
{
	d->left = left;
	d->right = right;
	d->type.name = *right ? arena_printf(&ts->arena, "%.*s%.*s", MAX_NAME, left, MAX_NAME, right) : left;
}

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
}

static const char *tag_word(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return "struct";
	case DW_TAG_union_type:
		return "union";
	case DW_TAG_enumeration_type:
		return "enum";
	}
	return NULL;
}

static const char *qualifier_word(int tag)
{
	switch (tag) {
	case DW_TAG_const_type:
		return "const";
	case DW_TAG_volatile_type:
		return "volatile";
	case DW_TAG_restrict_type:
		return "restrict";
	case DW_TAG_atomic_type:
		return "_Atomic";
	}
	return NULL;
}

/* The name of a type that is said by its own DIE, or by that of what it qualifies: types are referred to while they
 * are being made, and have to have a name then.  NULL: it has to be put together from others. */
static const char *own_name(struct types *ts, Dwarf_Die *die, unsigned depth)
{
	int tag = dwarf_tag(die);
	const char *word = tag_word(tag), *name = scope_name(die), *inner, *around;
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (word && (!name || strcmp(name, "(anonymous)") == 0))
		return arena_printf(&ts->arena, "%s {...}", word);
	if (word && !scope_is_cxx(die))
		return arena_printf(&ts->arena, "%s %.*s", word, MAX_NAME, name);
	if (name) {
		around = ts->scopes ? scope_of(ts->scopes, die) : NULL;
		return arena_printf(&ts->arena, "%.*s%.*s", MAX_NAME, around ? around : "", MAX_NAME, name);
	}
	word = qualifier_word(tag);
	if (!word || depth > MAX_DEPTH || !dwarf_attr_integrate(die, DW_AT_type, &attr) ||
	    !dwarf_formref_die(&attr, &type))
		return NULL;
	inner = own_name(ts, &type, depth + 1);
	return inner ? arena_printf(&ts->arena, "%s %s", word, inner) : NULL;
}

/* ---- parts ------------------------------------------------------------------------------------------------ */

static uint64_t die_size(Dwarf_Die *die)
{
	int n = dwarf_bytesize(die);

	return n > 0 ? (uint64_t)n : 0;
}

static struct draft *type_of_attr(struct types *ts, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
		return ts->void_type;
	return draft_of(ts, &type);
}

static bool attr_number(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &word) != 0)
		return false;
	*ret = word;
	return true;
}

/* Bit-fields: DWARF 4 and 5 count from the beginning of the struct, DWARF 2 and 3 from the high end of a unit. */
static void set_bits(struct type_member *m, Dwarf_Die *die)
{
	uint64_t bits, at, size;

	if (!attr_number(die, DW_AT_bit_size, &bits) || bits > 64)
		return;
	m->bit_size = (uint16_t)bits;
	if (attr_number(die, DW_AT_data_bit_offset, &at)) {
		m->offset = at / 8;
		m->bit_offset = at % 8;
	} else if (attr_number(die, DW_AT_bit_offset, &at)) {
		if (!attr_number(die, DW_AT_byte_size, &size))
			size = m->type->size;
		if (size <= 16 && at + bits <= size * 8) {
			at = size * 8 - at - bits;
			m->offset += at / 8;
			m->bit_offset = at % 8;
		}
	}
}

static bool set_member(struct types *ts, struct type_member *m, Dwarf_Die *die)
{
	int tag = dwarf_tag(die);
	const char *name = die_name(die);

	if (tag != DW_TAG_member && tag != DW_TAG_inheritance)
		return false;
	if (dwarf_hasattr(die, DW_AT_external) || dwarf_hasattr(die, DW_AT_declaration))
		return false; /* static */
	m->name = name ? arena_str(&ts->arena, name) : NULL;
	m->type = &type_of_attr(ts, die)->type;
	m->is_base = tag == DW_TAG_inheritance;
	if (!attr_number(die, DW_AT_data_member_location, &m->offset) &&
	    dwarf_hasattr(die, DW_AT_data_member_location))
		return false; /* virtual base: its place depends on the object */
	set_bits(m, die);
	return true;
}

static void set_members(struct types *ts, struct type *t, Dwarf_Die *die)
{
	VEC(struct type_member) list = {0};
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0 && list.n < MAX_MEMBERS;
	     r = dwarf_siblingof(&child, &child)) {
		struct type_member m = {0};

		if (set_member(ts, &m, &child))
			*VEC_PUSH(&list) = m;
	}
	t->members = arena_copy(&ts->arena, list.items, list.n * sizeof list.items[0]);
	t->nmembers = (uint32_t)list.n;
	VEC_FREE(&list);
}

static void set_enumerators(struct types *ts, struct type *t, Dwarf_Die *die)
{
	VEC(struct type_enumerator) list = {0};
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0 && list.n < MAX_MEMBERS;
	     r = dwarf_siblingof(&child, &child)) {
		const char *name = die_name(&child);
		Dwarf_Attribute attr;
		Dwarf_Sword value;

		if (dwarf_tag(&child) != DW_TAG_enumerator || !name ||
		    dwarf_formsdata(dwarf_attr(&child, DW_AT_const_value, &attr), &value) != 0)
			continue;
		*VEC_PUSH(&list) = (struct type_enumerator){arena_str(&ts->arena, name), value};
	}
	t->enumerators = arena_copy(&ts->arena, list.items, list.n * sizeof list.items[0]);
	t->nenumerators = (uint32_t)list.n;
	VEC_FREE(&list);
}

/* ---- kinds ------------------------------------------------------------------------------------------------ */

static enum type_kind kind_of_encoding(uint64_t encoding, uint64_t size)
{
	switch (encoding) {
	case DW_ATE_boolean:
		return TYPE_BOOL;
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
		return size == 1 ? TYPE_CHAR : TYPE_UINT;
	case DW_ATE_signed:
		return TYPE_INT;
	case DW_ATE_unsigned:
	case DW_ATE_address:
	case DW_ATE_UTF:
		return TYPE_UINT;
	case DW_ATE_float:
		return TYPE_FLOAT;
	case DW_ATE_complex_float:
		return TYPE_COMPLEX;
	}
	return TYPE_OTHER;
}

static void make_base(struct draft *d, Dwarf_Die *die)
{
	uint64_t encoding = 0;

	attr_number(die, DW_AT_encoding, &encoding);
	d->type.size = die_size(die);
	d->type.kind = kind_of_encoding(encoding, d->type.size);
}

static void make_pointer(struct types *ts, struct draft *d, Dwarf_Die *die, bool is_reference)
{
	struct draft *to;
	const char *mark = is_reference ? "&" : "*";
	bool wrap, space;
	char last;

	d->type.kind = TYPE_POINTER;
	d->type.is_reference = is_reference;
	d->type.size = die_size(die) ? die_size(die) : 8;
	to = type_of_attr(ts, die);
	d->type.elem = &to->type;
	wrap = to->right[0] && (to->type.kind == TYPE_FUNCTION || to->type.kind == TYPE_ARRAY);
	last = to->left[0] ? to->left[strlen(to->left) - 1] : ' ';
	space = last != '*' && last != ' ';
	set_name(ts, d,
		 arena_printf(&ts->arena, "%.*s%s%s%s", MAX_NAME, to->left, space ? " " : "", wrap ? "(" : "",
			      mark),
		 wrap ? arena_printf(&ts->arena, ")%.*s", MAX_NAME, to->right) : to->right);
	types_classify_pointer(&d->type);
}

static void make_function(struct types *ts, struct draft *d, Dwarf_Die *die)
{
	struct draft *result = type_of_attr(ts, die);
	char params[MAX_NAME] = "(";
	size_t n = 1;
	Dwarf_Die child;

	d->type.kind = TYPE_FUNCTION;
	d->type.elem = &result->type;
	for (int r = dwarf_child(die, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		const char *sep = n > 1 ? ", " : "", *name = "...";

		if (dwarf_tag(&child) == DW_TAG_formal_parameter) {
			name = type_of_attr(ts, &child)->type.name;
			d->type.key = d->type.key ? d->type.key : &type_of_attr(ts, &child)->type;
		} else if (dwarf_tag(&child) != DW_TAG_unspecified_parameters) {
			continue;
		}
		if (n < sizeof params - 8)
			n += (size_t)snprintf(params + n, sizeof params - n, "%s%.100s", sep,
					      name ? name : "?");
		if (n >= sizeof params)
			n = sizeof params - 1;
	}
	if (n > sizeof params - 2)
		n = sizeof params - 2;
	params[n] = ')';
	params[n + 1] = '\0';
	set_name(ts, d, result->left, arena_printf(&ts->arena, "%s%s", params, result->right));
}

enum { MAX_DIMS = 8 };

static unsigned read_dims(Dwarf_Die *die, uint64_t counts[MAX_DIMS])
{
	unsigned n = 0;
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0 && n < MAX_DIMS; r = dwarf_siblingof(&child, &child)) {
		uint64_t upper;

		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		counts[n] = 0;
		if (!attr_number(&child, DW_AT_count, &counts[n]) &&
		    attr_number(&child, DW_AT_upper_bound, &upper) && upper < INT64_MAX)
			counts[n] = upper + 1;
		n++;
	}
	return n;
}

static void make_dim(struct types *ts, struct draft *a, const struct draft *inner, uint64_t count,
		     const char *left)
{
	a->type.kind = TYPE_ARRAY;
	a->type.elem = &inner->type;
	a->type.count = count;
	if (__builtin_mul_overflow(inner->type.size, count, &a->type.size) || a->type.size > INT64_MAX)
		a->type.size = 0;
	set_name(ts, a, left,
		 count ? arena_printf(&ts->arena, "[%llu]%.*s", (unsigned long long)count, MAX_NAME,
				      inner->right)
		       : arena_printf(&ts->arena, "[]%.*s", MAX_NAME, inner->right));
	a->done = true;
}

/* Each subrange is one dimension, the outermost first. */
static void make_array(struct types *ts, struct draft *d, Dwarf_Die *die)
{
	struct draft *inner = type_of_attr(ts, die);
	const char *left = inner->left;
	uint64_t counts[MAX_DIMS];
	unsigned n = read_dims(die, counts);

	if (!inner->right[0])
		left = arena_printf(&ts->arena, "%.*s ", MAX_NAME, left);
	while (n-- > 0) {
		struct draft *a = n == 0 ? d : arena_new(&ts->arena, struct draft);

		make_dim(ts, a, inner, counts[n], left);
		inner = a;
	}
	if (dwarf_hasattr(die, DW_AT_GNU_vector) && die_size(die))
		d->type.size = die_size(die);
}

static void make_struct(struct types *ts, struct draft *d, Dwarf_Die *die, enum type_kind kind)
{
	d->type.kind = kind;
	if (dwarf_hasattr(die, DW_AT_declaration))
		return;
	d->type.size = die_size(die);
	set_members(ts, &d->type, die);
	types_classify_struct(&d->type, die_name(die));
}

static void make_enum(struct types *ts, struct draft *d, Dwarf_Die *die)
{
	d->type.kind = TYPE_ENUM;
	d->type.size = die_size(die);
	d->type.is_scoped = dwarf_hasattr(die, DW_AT_enum_class);
	if (dwarf_hasattr(die, DW_AT_type))
		d->type.elem = &type_of_attr(ts, die)->type;
	set_enumerators(ts, &d->type, die);
}

static void copy_under_name(struct types *ts, struct draft *d, const struct draft *from, const char *left,
			    const char *right)
{
	d->type = from->type;
	set_name(ts, d, left, right);
}

/* A typedef, or a qualifier. */
static void make_alias(struct types *ts, struct draft *d, Dwarf_Die *die)
{
	const char *word = qualifier_word(dwarf_tag(die)), *left, *right = "";
	struct draft *of = type_of_attr(ts, die);

	if (!word) {
		left = d->left;
	} else {
		left = of->type.kind == TYPE_POINTER
			       ? arena_printf(&ts->arena, "%.*s %s", MAX_NAME, of->left, word)
			       : arena_printf(&ts->arena, "%s %.*s", word, MAX_NAME, of->left);
		right = of->right;
	}
	copy_under_name(ts, d, of, left, right);
	if (!of->done) {
		d->copy_of = of;
		*VEC_PUSH(&ts->waiting) = d;
	}
}

static void make_other(struct draft *d, Dwarf_Die *die)
{
	d->type.kind = TYPE_OTHER;
	d->type.size = die_size(die);
}

static void make(struct types *ts, struct draft *d, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_base_type:
		return make_base(d, die);
	case DW_TAG_pointer_type:
		return make_pointer(ts, d, die, false);
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return make_pointer(ts, d, die, true);
	case DW_TAG_subroutine_type:
		return make_function(ts, d, die);
	case DW_TAG_array_type:
		return make_array(ts, d, die);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return make_struct(ts, d, die, TYPE_STRUCT);
	case DW_TAG_union_type:
		return make_struct(ts, d, die, TYPE_UNION);
	case DW_TAG_enumeration_type:
		return make_enum(ts, d, die);
	case DW_TAG_typedef:
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
		return make_alias(ts, d, die);
	}
	make_other(d, die);
}

/* The outermost type is finished: so are all those that copies wait for. */
static void finish_waiting(struct types *ts)
{
	for (size_t i = 0; i < ts->waiting.n; i++) {
		struct draft *d = ts->waiting.items[i];

		copy_under_name(ts, d, d->copy_of, d->left, d->right);
		d->done = true;
	}
	ts->waiting.n = 0;
}

static struct draft *draft_of(struct types *ts, Dwarf_Die *die)
{
	struct draft *d = table_get(&ts->by_die, (uintptr_t)die->addr);
	const char *name;

	if (d)
		return d;
	if (ts->depth >= MAX_DEPTH)
		return ts->void_type;
	d = arena_new(&ts->arena, struct draft);
	name = own_name(ts, die, 0);
	set_name(ts, d, name ? name : "?", "");
	table_put(&ts->by_die, (uintptr_t)die->addr, d);
	ts->depth++;
	make(ts, d, die);
	ts->depth--;
	d->done = !d->copy_of;
	if (ts->depth == 0)
		finish_waiting(ts);
	return d;
}

const struct type *types_of_die(struct types *ts, Dwarf_Die *die)
{
	return die ? &draft_of(ts, die)->type : &ts->void_type->type;
}

const struct type *types_of(struct types *ts, Dwarf_Die *die)
{
	return &type_of_attr(ts, die)->type;
}

const struct type *types_void(struct types *ts)
{
	return &ts->void_type->type;
}
