/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_MANGLED_H
#define DEBUG_MANGLED_H
/*
 * What: names of C++ variables and functions out of their linker symbols (Itanium C++ ABI, 5.1), for want of debug
 * information, which has them as they were written.
 *
 * How: names alone, in namespaces and classes: `_ZN3geo5shapeC1Ev` is geo::shape::shape.  What has template
 * arguments, substitutions or a function around it stays as it is: half a demangler would say things that are not so.
 */
#include "base/arena.h"

/* The name; the symbol itself if it is none of these. */
const char *mangled_name(struct arena *a, const char *symbol);

#endif
