/* SPDX-License-Identifier: MIT */
/* What, how: debug/scope.h. */
#include "debug/scope.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "debug/function.h"

enum { MAX_NESTING = 64 };

struct scopes {
	struct arena arena;
	struct table around; /* address of the DIE -> what is around it */
	struct table units;  /* address of the unit's DIE, if it was walked */
};

struct scopes *scopes_new(void)
{
	struct scopes *s = base_malloc(sizeof *s);

	memset(s, 0, sizeof *s);
	return s;
}

void scopes_free(struct scopes *s)
{
	if (!s)
		return;
	table_deinit(&s->around);
	table_deinit(&s->units);
	arena_deinit(&s->arena);
	free(s);
}

bool scope_is_cxx(Dwarf_Die *die)
{
	Dwarf_Die cu;

	if (!dwarf_diecu(die, &cu, NULL, NULL))
		return false;
	switch (dwarf_srclang(&cu)) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case 0x2a: /* C++17 and C++20, of DWARF 6 */
	case 0x2b:
		return true;
	}
	return false;
}

/* A class without a name that can be called is what a lambda makes. */
static bool is_called(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		const char *name = dwarf_formstring(dwarf_attr(&child, DW_AT_name, &attr));

		if (dwarf_tag(&child) == DW_TAG_subprogram && name && strcmp(name, "operator()") == 0)
			return true;
	}
	return false;
}

const char *scope_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
	int tag = dwarf_tag(die);

	bool is_class = tag == DW_TAG_class_type || tag == DW_TAG_structure_type;

	/* <lambda(int)>, as some compilers say, is nothing that readers of tracebacks would take for a name. */
	if (is_class && (!name || strncmp(name, "<lambda", 7) == 0) && is_called(die))
		return "(lambda)";
	return !name && (is_class || tag == DW_TAG_namespace || tag == DW_TAG_union_type) ? "(anonymous)"
											  : name;
}

static void walk(struct scopes *s, Dwarf_Die *parent, const char *around, unsigned depth);

/* What is in something that has a name. */
static void walk_inside(struct scopes *s, Dwarf_Die *die, const char *around, unsigned depth)
{
	const char *name = scope_name(die);
	Dwarf_Die declared;

	/* A member function that is defined elsewhere. */
	if (!around && die_follow(die, DW_AT_specification, &declared))
		around = table_get(&s->around, (uintptr_t)declared.addr);
	if (name && dwarf_haschildren(die))
		walk(s, die, arena_printf(&s->arena, "%s%s::", around ? around : "", name), depth + 1);
}

static void walk(struct scopes *s, Dwarf_Die *parent, const char *around, unsigned depth)
{
	Dwarf_Die child;

	if (depth > MAX_NESTING)
		return;
	for (int r = dwarf_child(parent, &child); r == 0; r = dwarf_siblingof(&child, &child))
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_typedef:
			if (around)
				table_put(&s->around, (uintptr_t)child.addr, (void *)(uintptr_t)around);
			walk_inside(s, &child, around, depth);
			break;
		case DW_TAG_namespace:
			walk_inside(s, &child, around, depth);
			break;
		case DW_TAG_lexical_block:
			walk(s, &child, around, depth + 1);
			break;
		}
}

/* The units that dwz has made of parts of others do not say their language. */
static bool may_have_scopes(Dwarf_Die *unit)
{
	return dwarf_tag(unit) == DW_TAG_partial_unit ? dwarf_srclang(unit) < 0 : scope_is_cxx(unit);
}

const char *scope_of(struct scopes *s, Dwarf_Die *die)
{
	Dwarf_Die unit;

	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return NULL;
	if (!table_get(&s->units, (uintptr_t)unit.addr)) {
		table_put(&s->units, (uintptr_t)unit.addr, s);
		if (may_have_scopes(&unit))
			walk(s, &unit, NULL, 0);
	}
	return table_get(&s->around, (uintptr_t)die->addr);
}
