/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_SCOPE_H
#define DEBUG_SCOPE_H
/*
 * What: in which namespaces and classes a C++ function or type stands.
 *
 * How: DIEs do not know what they are in, so a unit is walked once, when it is first asked for, and what is in something
 * that has a name is noted with all the names around it.  Units of C are not walked.
 */
#include <elfutils/libdw.h>
#include <stdbool.h>

struct scopes;

struct scopes *scopes_new(void);
void scopes_free(struct scopes *s);

/* "geo::shape::", "(anonymous)::", "main::(lambda)::"; NULL: there is nothing around it.  Lives as long as s. */
const char *scope_of(struct scopes *s, Dwarf_Die *die);

/* The name in DW_AT_name, and those of things that have none but are spoken of: "(lambda)".  NULL: none. */
const char *scope_name(Dwarf_Die *die);

/* Is this DIE's unit one of C++? */
bool scope_is_cxx(Dwarf_Die *die);

#endif
