/* SPDX-License-Identifier: MIT */
#ifndef BASE_VEC_H
#define BASE_VEC_H
/*
 * What: growing arrays.
 *
 * How: struct { T *items; size_t n, cap; } under the name of the field that holds it:
 *
 *	VEC(struct frame) frames = {0};
 *	*VEC_PUSH(&frames) = f;
 *	VEC_FREE(&frames);
 */
#include <stdlib.h>

#include "base/arena.h"

#define VEC(T)                                                                                               \
	struct {                                                                                             \
		T *items;                                                                                    \
		size_t n, cap;                                                                               \
	}

/* Room for one more item at the end, uninitialised; its address. */
#define VEC_PUSH(v)                                                                                          \
	((v)->n < (v)->cap ? &(v)->items[(v)->n++]                                                           \
			   : ((v)->items = vec_grow((v)->items, &(v)->cap, sizeof *(v)->items),              \
			      &(v)->items[(v)->n++]))

/* In place; with nothing there, qsort may not be called. */
#define VEC_SORT(v, compare) ((v)->n > 1 ? qsort((v)->items, (v)->n, sizeof *(v)->items, (compare)) : (void)0)

#define VEC_FREE(v) (free((v)->items), (v)->items = NULL, (v)->n = (v)->cap = 0)

/* Makes room for n items in all. */
#define VEC_ROOM(v, n_)                                                                                      \
	((v)->cap < (n_) ? (void)((v)->items = vec_room((v)->items, &(v)->cap, (n_), sizeof *(v)->items))    \
			 : (void)0)

/* Doubles the capacity. */
void *vec_grow(void *items, size_t *cap, size_t size);

/* Makes the capacity n at least, and twice what it was, so that growing by little costs little. */
void *vec_room(void *items, size_t *cap, size_t n, size_t size);

#endif
