/* SPDX-License-Identifier: MIT */
/*
 * What, how: base/arena.h.
 *
 * Blocks double from 4 KiB to 4 MiB; what is larger gets one of its own.
 *
 * Rejected: huge pages.  They save half of the page faults' time where they are at hand; but in a virtual machine
 * that gives free memory back to its host, which it does with large pieces of it only, each has to be fetched from
 * there again, and 200 MB take 0.4 s instead of 0.08.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/vec.h"

enum { FIRST_BLOCK = 4096, MAX_BLOCK = 4 << 20, HUGE = 2 << 20 };

struct arena_block {
	struct arena_block *older;
	size_t size;
};

#define HEADER ((sizeof(struct arena_block) + 15) & ~(size_t)15)

void (*base_no_memory_hook)(void);

_Noreturn void base_no_memory(void)
{
	static const char text[] = "gorgon: out of memory\n";

	if (base_no_memory_hook)
		base_no_memory_hook();
	if (write(2, text, sizeof text - 1) < 0)
		_exit(1);
	_exit(1);
}

void *base_malloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		base_no_memory();
	return p;
}

void *base_realloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		base_no_memory();
	return p;
}

char *base_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(base_malloc(n), s, n);
}

void *vec_room(void *items, size_t *cap, size_t n, size_t size)
{
	if (n < *cap * 2)
		n = *cap * 2;
	if (n > SIZE_MAX / size)
		base_no_memory();
	*cap = n;
	return base_realloc(items, n * size);
}

void *vec_grow(void *items, size_t *cap, size_t size)
{
	return vec_room(items, cap, 8, size);
}

void *base_malloc_large(size_t n)
{
	void *p = NULL;

	if (n < HUGE)
		return base_malloc(n);
	if (posix_memalign(&p, HUGE, n) != 0)
		base_no_memory();
	madvise(p, n & ~(size_t)(HUGE - 1), MADV_HUGEPAGE); /* if it does not, nothing is lost */
	return p;
}

void *arena_alloc_slow(struct arena *a, size_t n)
{
	size_t size = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK;
	struct arena_block *b;

	if (n > SIZE_MAX / 2)
		base_no_memory();
	if (size > MAX_BLOCK)
		size = MAX_BLOCK;
	if (size < n + HEADER)
		size = n + HEADER;
	b = base_malloc(size);
	b->size = size < MAX_BLOCK ? size : MAX_BLOCK;
	b->older = a->blocks;
	a->blocks = b;
	a->used += n;
	/* A large object may leave less room in its block than the one before still has: it is not gone back to. */
	a->next = (char *)b + HEADER + n;
	a->end = (char *)b + size;
	return (char *)b + HEADER;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t pad = -(uintptr_t)a->next & 15;
	void *p;

	n += n == 0; /* so that there is an address to give */
	if (pad < (size_t)(a->end - a->next))
		a->next += pad;
	p = arena_take(a, (n + 15) & ~(size_t)15);
	return memset(p, 0, n);
}

void arena_deinit(struct arena *a)
{
	for (struct arena_block *b = a->blocks, *older; b; b = older) {
		older = b->older;
		free(b);
	}
	memset(a, 0, sizeof *a);
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	void *q = arena_take(a, n);

	return n ? memcpy(q, p, n) : q;
}

char *arena_strn(struct arena *a, const char *s, size_t n)
{
	char *q = arena_take(a, n + 1);

	memcpy(q, s, n);
	q[n] = '\0';
	return q;
}

char *arena_str(struct arena *a, const char *s)
{
	return s ? arena_strn(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *q;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	q = arena_take(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(q, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return q;
}
