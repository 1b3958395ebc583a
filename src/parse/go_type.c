/* SPDX-License-Identifier: MIT */
/*
 * What: the types of Go programs, out of their DWARF.
 *
 * How: names are Go's own and stand in the debug information as they are: `[]string`, `map[string]int`,
 * `*main.server`.  What strings, slices, channels and maps are is told by them.  What pointers lead to is never asked.
 */
#include <dwarf.h>
#include <string.h>

#include "base/vec.h"
#include "parse/decode.h"

enum { MAX_MEMBERS = 1024, MAX_DEPTH = 24, MAX_SIZE = 1 << 20 };

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr(die, DW_AT_name, &attr));

	return name ? name : "";
}

/* .param0: what the parameter of a generic type is in this instance. */
static bool is_placeholder(const char *name)
{
	return !strncmp(name, ".param", 6);
}

static bool attr_type(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), ret) != NULL;
}

static uint64_t attr_uint(Dwarf_Die *die, unsigned name, uint64_t otherwise)
{
	Dwarf_Attribute attr;
	Dwarf_Word x;

	return dwarf_formudata(dwarf_attr(die, name, &attr), &x) == 0 ? x : otherwise;
}

static void make_base(struct type *t, Dwarf_Die *die)
{
	switch (attr_uint(die, DW_AT_encoding, 0)) {
	case DW_ATE_boolean:
		t->kind = TYPE_BOOL;
		return;
	case DW_ATE_float:
		t->kind = TYPE_FLOAT;
		return;
	case DW_ATE_complex_float:
		t->kind = TYPE_COMPLEX;
		return;
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		t->kind = TYPE_INT;
		return;
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
		t->kind = TYPE_UINT;
		return;
	}
}

/* A type of which the name is all that is wanted. */
static const struct type *named(struct decoder *d, const char *name, size_t n)
{
	struct type *t = arena_new(&d->arena, struct type);

	t->kind = TYPE_OTHER;
	t->name = arena_strn(&d->arena, name, n);
	return t;
}

/* chan T, map[K]V, by name. */
static void classify_pointer(struct decoder *d, struct type *t)
{
	const char *name = t->name, *at = name;
	int depth = 1;

	t->kind = TYPE_POINTER;
	t->size = 8;
	if (!strncmp(name, "chan ", 5)) {
		t->class = CLASS_CHAN;
		t->elem = named(d, name + 5, strlen(name + 5));
	} else if (!strncmp(name, "map[", 4)) {
		for (at = name + 4; *at && depth; at++)
			depth += *at == '[' ? 1 : *at == ']' ? -1 : 0;
		if (depth)
			return;
		t->class = CLASS_MAP;
		t->key = named(d, name + 4, (size_t)(at - name) - 5);
		t->elem = named(d, at, strlen(at));
	}
}

static bool has_members(const struct type *t, uint32_t n, const char *const *names)
{
	for (uint32_t i = 0; i < n && t->nmembers == n; i++)
		if (strcmp(t->members[i].name, names[i]) != 0)
			return false;
	return t->nmembers == n;
}

/* Strings and slices, whatever they are called. */
static void classify_struct(struct decoder *d, struct type *t)
{
	static const char *const string[] = {"str", "len"}, *const slice[] = {"array", "len", "cap"};
	const char *elem;

	if (t->size == 16 && has_members(t, 2, string)) {
		t->class = CLASS_STRING;
	} else if (t->size == 24 && has_members(t, 3, slice)) {
		elem = t->members[0].type->name;
		elem += *elem == '*';
		t->class = CLASS_SLICE;
		t->elem = named(d, elem, strlen(elem));
	}
}

static void make_struct(struct decoder *d, struct type *t, Dwarf_Die *die, int depth)
{
	VEC(struct type_member) members = {0};
	Dwarf_Die child, of;

	t->kind = TYPE_STRUCT;
	if (dwarf_child(die, &child) == 0)
		do {
			struct type_member m = {0};

			if (dwarf_tag(&child) != DW_TAG_member || !attr_type(&child, &of))
				continue;
			m.name = name_of(&child);
			m.type = go_type(d, &of, depth + 1);
			m.offset = attr_uint(&child, DW_AT_data_member_location, 0);
			if (m.offset > t->size || m.type->size > t->size - m.offset)
				continue;
			*VEC_PUSH(&members) = m;
		} while (members.n < MAX_MEMBERS && dwarf_siblingof(&child, &child) == 0);
	t->members = arena_copy(&d->arena, members.items, members.n * sizeof members.items[0]);
	t->nmembers = (uint32_t)members.n;
	VEC_FREE(&members);
	classify_struct(d, t);
}

static void make_array(struct decoder *d, struct type *t, Dwarf_Die *die, int depth)
{
	Dwarf_Die child, of;

	if (!attr_type(die, &of))
		return;
	t->kind = TYPE_ARRAY;
	t->elem = go_type(d, &of, depth + 1);
	if (dwarf_child(die, &child) == 0)
		t->count = attr_uint(&child, DW_AT_count,
				     attr_uint(&child, DW_AT_upper_bound, (uint64_t)-1) + 1);
	if (t->elem->size && t->count > MAX_SIZE / t->elem->size)
		t->count = 0;
	t->size = t->elem->size * t->count;
}

static void make(struct decoder *d, struct type *t, Dwarf_Die *die, int depth)
{
	Dwarf_Die of;

	t->kind = TYPE_OTHER;
	t->name = name_of(die);
	t->size = attr_uint(die, DW_AT_byte_size, 0);
	if (t->size > MAX_SIZE || depth > MAX_DEPTH)
		t->size = 0;
	else if (dwarf_tag(die) == DW_TAG_base_type)
		make_base(t, die);
	else if (dwarf_tag(die) == DW_TAG_pointer_type || dwarf_tag(die) == DW_TAG_subroutine_type)
		classify_pointer(d, t);
	else if (dwarf_tag(die) == DW_TAG_structure_type)
		make_struct(d, t, die, depth);
	else if (dwarf_tag(die) == DW_TAG_array_type)
		make_array(d, t, die, depth);
	else if (dwarf_tag(die) == DW_TAG_typedef && attr_type(die, &of)) {
		*t = *go_type(d, &of, depth + 1);
		if (!is_placeholder(name_of(die)))
			t->name = name_of(die);
		if (t->kind == TYPE_POINTER)
			classify_pointer(d, t);
	}
}

const struct type *go_type(struct decoder *d, Dwarf_Die *die, int depth)
{
	uint64_t key = (uint64_t)(uintptr_t)die->addr;
	struct type *t = table_get(&d->go_types, key);

	if (t)
		return t;
	t = arena_new(&d->arena, struct type);
	t->kind = TYPE_OTHER; /* for who meets it while it is being made: broken types only */
	t->name = "";
	table_put(&d->go_types, key, t);
	make(d, t, die, depth);
	return t;
}
