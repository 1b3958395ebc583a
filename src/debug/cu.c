/* SPDX-License-Identifier: MIT */
/*
 * What: which compilation unit has the code at an address.
 *
 * How: the ranges of every unit, sorted, made at the first question.  .debug_aranges would be faster to read, but
 * clang writes none and hand-written tools write some: half a table is worse than none.  A unit that does not
 * say what it covers is asked through its functions.  Ranges that start before the first loaded byte belong to
 * functions that the linker has dropped.
 *
 * Invariants: at most MAX_RANGES ranges, so that a damaged file cannot eat the reader's memory.
 */
#include <stdlib.h>
#include <string.h>

#include <dwarf.h>

#include "base/search.h"
#include "base/vec.h"
#include "debug/files.h"

enum { MAX_RANGES = 1 << 24, MAX_RANGES_OF_UNIT = 1 << 20 };

struct cu {
	Dwarf_Die die;
	struct cu_lines lines;
};

struct cu_range {
	Dwarf_Addr lo, hi;
	Dwarf_Addr reach; /* greatest hi up to here: ranges may overlap */
	size_t cu;
};

struct cu_index {
	Dwarf_Addr min; /* of loaded code */
	VEC(struct cu) cus;
	VEC(struct cu_range) ranges;
};

static void add_range(struct cu_index *ix, Dwarf_Addr lo, Dwarf_Addr hi)
{
	if (lo < ix->min || lo >= hi || ix->ranges.n >= MAX_RANGES)
		return;
	*VEC_PUSH(&ix->ranges) = (struct cu_range){lo, hi, 0, ix->cus.n};
}

/* The ranges of a DIE; false if it has none. */
static bool add_ranges_of(struct cu_index *ix, Dwarf_Die *die)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;
	unsigned n = 0;

	while (n < MAX_RANGES_OF_UNIT && (at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0) {
		add_range(ix, lo, hi);
		n++;
	}
	return n > 0;
}

static void add_functions(struct cu_index *ix, Dwarf_Die *cu)
{
	Dwarf_Die die, next;
	unsigned n = 0;

	if (dwarf_child(cu, &die))
		return;
	for (; n < MAX_RANGES_OF_UNIT; n++) {
		if (dwarf_tag(&die) == DW_TAG_subprogram)
			add_ranges_of(ix, &die);
		if (dwarf_siblingof(&die, &next))
			return;
		die = next;
	}
}

static int compare(const void *pa, const void *pb)
{
	const struct cu_range *a = pa, *b = pb;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? 1 : a->hi > b->hi ? -1 : 0; /* the smaller one last: it is found first */
}

static Dwarf_Addr min_address(struct module *m)
{
	return m->dwarf_bias <= m->lo ? m->lo - m->dwarf_bias : 0;
}

static struct cu_index *index_new(struct module *m, Dwarf *dwarf)
{
	struct cu_index *ix = base_malloc(sizeof *ix);
	Dwarf_CU *cu = NULL;
	Dwarf_Addr reach = 0;
	struct cu unit = {0};
	uint8_t type;

	memset(ix, 0, sizeof *ix);
	/* A file at address 0 begins with its headers, which are no code: what is there was dropped. */
	ix->min = min_address(m) ? min_address(m) : 1;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &unit.die, NULL) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (!add_ranges_of(ix, &unit.die) && type == DW_UT_compile)
			add_functions(ix, &unit.die);
		*VEC_PUSH(&ix->cus) = unit;
	}
	if (ix->ranges.n)
		qsort(ix->ranges.items, ix->ranges.n, sizeof ix->ranges.items[0], compare);
	for (size_t i = 0; i < ix->ranges.n; i++) {
		if (ix->ranges.items[i].hi > reach)
			reach = ix->ranges.items[i].hi;
		ix->ranges.items[i].reach = reach;
	}
	return ix;
}

void cu_index_free(struct cu_index *ix)
{
	if (!ix)
		return;
	for (size_t i = 0; i < ix->cus.n; i++)
		table_deinit(&ix->cus.items[i].lines.joined);
	VEC_FREE(&ix->cus);
	VEC_FREE(&ix->ranges);
	free(ix);
}

static struct cu *find(struct cu_index *ix, Dwarf_Addr addr)
{
	size_t i = SEARCH_UPTO(ix->ranges.items, ix->ranges.n, lo, addr);

	while (i-- > 0 && ix->ranges.items[i].reach > addr)
		if (addr < ix->ranges.items[i].hi)
			return &ix->cus.items[ix->ranges.items[i].cu];
	return NULL;
}

/* NULL: there is no debug information. */
static struct cu_index *index_of(struct module *m)
{
	Dwarf *dwarf = module_dwarf(m);

	if (dwarf && !m->cus)
		m->cus = index_new(m, dwarf);
	return m->cus;
}

static struct cu *cu_at(struct module *m, uint64_t addr)
{
	struct cu_index *ix = index_of(m);

	return ix ? find(ix, addr - m->dwarf_bias) : NULL;
}

bool module_cu(struct module *m, uint64_t addr, Dwarf_Die *ret)
{
	struct cu *cu = cu_at(m, addr);
	Dwarf_Die split = {0};
	uint8_t type;

	if (!cu)
		return false;
	*ret = cu->die;
	/* A skeleton's functions are in its .dwo file. */
	if (dwarf_cu_info(cu->die.cu, NULL, &type, NULL, &split, NULL, NULL, NULL) == 0 &&
	    type == DW_UT_skeleton && split.addr)
		*ret = split;
	return true;
}

bool module_line(struct module *m, uint64_t addr, const char **ret_file, int *ret_line)
{
	struct cu *cu = cu_at(m, addr);

	return cu && cu_lines_find(&cu->lines, &cu->die, &m->owner->arena, addr - m->dwarf_bias, ret_file,
				   ret_line);
}

const char *module_source(struct module *m, const char *name)
{
	struct cu_index *ix = index_of(m);
	const char *path = NULL;

	for (size_t i = 0; ix && i < ix->cus.n; i++) {
		struct cu *cu = &ix->cus.items[i];
		const char *its = dwarf_diename(&cu->die), *full;

		if (!its || strcmp(its, name) != 0)
			continue;
		full = cu_lines_path(&cu->lines, &cu->die, &m->owner->arena, its);
		if (path && strcmp(path, full) != 0)
			return NULL;
		path = full;
	}
	return path;
}
