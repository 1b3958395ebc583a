/* SPDX-License-Identifier: MIT */
#ifndef GORI_NEXT_H
#define GORI_NEXT_H
/*
 * What: the program's allocator, behind ours.
 *
 * How: what dlsym finds behind this library, at the first call.  Until then, and while dlsym itself allocates, there is
 * a small static area, whose blocks are never reused and never registered: it is part of this library's data,
 * which is a root anyway.
 *
 * Invariants: gori_next.malloc is set last: whoever sees it sees all.
 * Context: any.
 */
#include <stdbool.h>
#include <stddef.h>

#include "sys/atomic.h"

#pragma GCC visibility push(hidden)

struct gori_next {
	void *(*malloc)(size_t n); /* NULL: not known yet; atomic */
	void *(*calloc)(size_t count, size_t n);
	void *(*realloc)(void *p, size_t n);
	void (*free)(void *p);
	void *(*aligned_alloc)(size_t align, size_t n);
	void *(*memalign)(size_t align, size_t n);
	int (*posix_memalign)(void **ret, size_t align, size_t n);
	void *(*valloc)(size_t n);
	void *(*pvalloc)(size_t n);
	size_t (*malloc_usable_size)(void *p);
	void *base;      /* of the library that malloc is in */
	bool is_foreign; /* not glibc's: see malloc.c */
	bool is_plain;   /* glibc's, and all is known */
	bool has_usable; /* malloc_usable_size is of the same library as malloc */
};

extern struct gori_next gori_next;

/* False: it is being found out at this moment; only the small area is there. */
bool gori_next_find(void);

static inline bool gori_next_is_ready(void)
{
	return gori_likely(gori_load_acq(&gori_next.malloc) != NULL) || gori_next_find();
}

/* The small area.  NULL: it is used up. */
void *gori_early_alloc(size_t align, size_t n);
bool gori_early_has(const void *p);
size_t gori_early_size(const void *p);

/* The function of this name behind this library, wherever it was loaded; NULL. */
void *gori_next_symbol(const char *name);

/* Where the library begins that a function is in; NULL. */
void *gori_library_of(void *function);

#pragma GCC visibility pop

#endif
