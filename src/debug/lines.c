/* SPDX-License-Identifier: MIT */
/*
 * What: file and line of an address, in the line table of one compilation unit.
 *
 * How: libdw reads a table once and keeps it sorted by address, ends of sequences before what begins at the same
 * address.  The row that holds is the last one at or before the address; an end of sequence holds for nothing.
 * Names that are relative are put behind the directory of the compilation, once each.
 */
#include <string.h>

#include <dwarf.h>

#include "debug/files.h"

static void load(struct cu_lines *l, Dwarf_Die *cu)
{
	l->tried = true;
	if (dwarf_getsrclines(cu, &l->lines, &l->n)) {
		l->lines = NULL;
		l->n = 0;
	}
}

/* The first row behind addr. */
static size_t row_behind(const struct cu_lines *l, Dwarf_Addr addr)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		Dwarf_Addr at;

		if (dwarf_lineaddr(dwarf_onesrcline(l->lines, mid), &at))
			return 0;
		if (at <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const char *cu_lines_path(struct cu_lines *l, Dwarf_Die *cu, struct arena *a, const char *name)
{
	Dwarf_Attribute attr;
	const char *dir;
	void **slot;

	if (*name == '/')
		return name;
	slot = table_slot(&l->joined, (uint64_t)(uintptr_t)name);
	if (*slot)
		return *slot;
	dir = dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &attr));
	*slot = dir && *dir ? arena_printf(a, "%s/%s", dir, name) : arena_str(a, name);
	return *slot;
}

bool cu_lines_find(struct cu_lines *l, Dwarf_Die *cu, struct arena *a, Dwarf_Addr addr, const char **ret_file,
		   int *ret_line)
{
	Dwarf_Line *row;
	const char *file;
	size_t i;
	bool end;

	if (!l->tried)
		load(l, cu);
	i = row_behind(l, addr);
	row = i > 0 ? dwarf_onesrcline(l->lines, i - 1) : NULL;
	if (!row || dwarf_lineendsequence(row, &end) || end)
		return false;
	file = dwarf_linesrc(row, NULL, NULL);
	if (!file || dwarf_lineno(row, ret_line))
		return false;
	*ret_file = cu_lines_path(l, cu, a, file);
	return true;
}
