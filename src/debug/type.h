/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_TYPE_H
#define DEBUG_TYPE_H
/*
 * What: types as plain data (model/type.h), made from DWARF.
 *
 * How: one struct type per type DIE, made when it is first asked for and kept for ever.
 */
#include <elfutils/libdw.h>

#include "base/arena.h"
#include "base/table.h"
#include "debug/scope.h"
#include "model/type.h"

struct types;

/* scopes NULL: names are those of the DIEs alone. */
struct types *types_new(struct scopes *scopes);
void types_free(struct types *ts);

/* The type of this DIE; NULL stands for void. */
const struct type *types_of_die(struct types *ts, Dwarf_Die *die);

/* What DW_AT_type of this DIE (a variable, parameter, member) refers to. */
const struct type *types_of(struct types *ts, Dwarf_Die *die);

/* A type of 64 unsigned bits called NAME, for things that have no type of their own. */
const struct type *types_void(struct types *ts);

#endif
