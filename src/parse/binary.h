/* SPDX-License-Identifier: MIT */
#ifndef PARSE_BINARY_H
#define PARSE_BINARY_H
/*
 * What: gives the words of a traceback that was read as text their names and types, out of the program's debug
 * information.
 *
 *	main.Example(0x2080c3f50, 0x2, 0x4, 0x425c0, 0x5, 0xa)
 *	main.Example(slice=[]string{0x2080c3f50 len 2 cap 4}, str=string{0x425c0 len 5}, i=10)
 *
 * How: functions are found by name.  Words in braces are matched to parameters one by one, plain words are laid over
 * them as Go before 1.17 had them on its stack.
 *
 * Invariants: where words and parameters do not fit together, the words stay as they are.
 */
#include "base/error.h"
#include "model/world.h"

struct binary;

int binary_open(struct binary **ret, const char *path, struct error *e);
void binary_close(struct binary *b);

/* The values of w point into b afterwards: it lives longer than w. */
void binary_decode(struct binary *b, struct world *w);

#endif
