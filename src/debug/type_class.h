/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_TYPE_CLASS_H
#define DEBUG_TYPE_CLASS_H
/*
 * What: finds out which types are those of <gorgon.h>.
 *
 * How: by tag name and shape; a program that has a struct gor_mutex of its own and another shape is left alone.
 */
#include "model/type.h"

/* t is complete; tag is its name without `struct`, or NULL. */
void types_classify_struct(struct type *t, const char *tag);

/* t->elem is set. */
void types_classify_pointer(struct type *t);

#endif
