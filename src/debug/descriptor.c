/* SPDX-License-Identifier: MIT */
/*
 * What: the type that a descriptor of <gorgon/any.h> describes, so that interface values show their members.
 *
 * How: GOR_TYPE_DEFINE(NAME) makes a static variable gor_type_NAME, and beside it a function gor_any_of_NAME, whose
 * parameter is of the very type.  The variable is found by its address, and the function in its unit.  Rejected:
 * looking for a type with the descriptor's name, since each unit may have another one.
 *
 * Invariants: if the linker has folded descriptors, or a unit has several such functions (in namespaces), their types
 * are one type, or none is given.
 */
#include <dwarf.h>
#include <string.h>

#include "debug/args.h"

#define VARIABLE "gor_type_"
#define FUNCTION "gor_any_of_"

enum { MAX_NESTING = 16 };

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
}

static bool begins(const char *name, const char *with)
{
	return name && strncmp(name, with, strlen(with)) == 0;
}

/* Where a variable is, if it has one place. */
static bool static_address(Dwarf_Die *die, Dwarf_Addr *ret)
{
	Dwarf_Attribute attr, addr;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &n) != 0 || n != 1)
		return false;
	if (ops[0].atom == DW_OP_addr) {
		*ret = ops[0].number;
		return true;
	}
	return (ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index) &&
	       dwarf_getlocation_attr(&attr, &ops[0], &addr) == 0 && dwarf_formaddr(&addr, ret) == 0;
}

/* ---- the function -------------------------------------------------------------------------------------------- */

struct described {
	struct types *types;
	const char *name;        /* NAME */
	const struct type *type; /* NULL: none yet */
	bool ambiguous;
};

static bool same_members(const struct type *a, const struct type *b)
{
	if (a->kind != b->kind || a->size != b->size || a->nmembers != b->nmembers ||
	    strcmp(a->name, b->name) != 0)
		return false;
	for (uint32_t i = 0; i < a->nmembers; i++) {
		const struct type_member *x = &a->members[i], *y = &b->members[i];

		if (!x->name != !y->name || (x->name && strcmp(x->name, y->name) != 0) ||
		    x->offset != y->offset || x->bit_offset != y->bit_offset || x->bit_size != y->bit_size ||
		    x->type->size != y->type->size || strcmp(x->type->name, y->type->name) != 0)
			return false;
	}
	return true;
}

static void take(struct described *d, const struct type *type)
{
	d->ambiguous |= d->type && d->type != type && !same_members(d->type, type);
	d->type = type;
}

/* The functions of this name in a unit. */
static void find_functions(struct described *d, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die child, param;

	for (int r = dwarf_child(parent, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		const char *name;

		if (tag == DW_TAG_namespace && depth < MAX_NESTING)
			find_functions(d, &child, depth + 1);
		if (tag != DW_TAG_subprogram || dwarf_hasattr(&child, DW_AT_abstract_origin))
			continue;
		name = die_name(&child);
		if (begins(name, FUNCTION) && strcmp(name + strlen(FUNCTION), d->name) == 0 &&
		    dwarf_child(&child, &param) == 0 && dwarf_tag(&param) == DW_TAG_formal_parameter)
			take(d, types_of(d->types, &param));
	}
}

/* ---- the variable -------------------------------------------------------------------------------------------- */

struct search {
	struct types *types;
	Dwarf_Addr addr;
	Dwarf_Die unit;
	struct described found;
};

static void find_variables(struct search *s, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die child;
	Dwarf_Addr addr;

	for (int r = dwarf_child(parent, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		struct described d = {.types = s->types};

		if (tag == DW_TAG_namespace && depth < MAX_NESTING)
			find_variables(s, &child, depth + 1);
		if (tag != DW_TAG_variable)
			continue;
		d.name = die_name(&child);
		if (!begins(d.name, VARIABLE) || !static_address(&child, &addr) || addr != s->addr)
			continue;
		d.name += strlen(VARIABLE);
		find_functions(&d, &s->unit, 0);
		if (d.type)
			take(&s->found, d.type);
		s->found.ambiguous |= d.ambiguous || !d.type;
	}
}

const struct type *debug_described(struct debug *d, uint64_t descriptor, uint64_t size)
{
	struct module *m = module_of(d->modules, descriptor);
	Dwarf *dwarf = m ? module_dwarf(m) : NULL;
	struct search s = {.types = d->types};
	Dwarf_CU *cu = NULL;
	uint8_t type;

	if (!dwarf)
		return NULL;
	s.addr = descriptor - m->dwarf_bias;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &s.unit, NULL) == 0)
		if (type == DW_UT_compile)
			find_variables(&s, &s.unit, 0);
	return s.found.type && !s.found.ambiguous && s.found.type->size == size ? s.found.type : NULL;
}
