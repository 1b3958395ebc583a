/* SPDX-License-Identifier: MIT */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
/*
 * What: memory that is given back all at once.
 *
 * How: pieces cut from blocks that grow.  A world with 100,000 goroutines is a few million small objects of
 * one lifetime: giving each back by itself would cost more than decoding it.
 *
 * Lack of memory ends the process with one line and status 1: the reader is a tool of its own process, and has
 * nothing better to do.
 */
#include <stddef.h>
#include <stdint.h>

struct arena_block;

/* All zero is an empty arena. */
struct arena {
	struct arena_block *blocks; /* newest first */
	char *next, *end;           /* free part of the newest */
	size_t used;                /* bytes handed out */
};

void *arena_alloc_slow(struct arena *a, size_t n);
void arena_deinit(struct arena *a);

/* Zeroed, aligned to 16; n may be 0. */
void *arena_alloc(struct arena *a, size_t n);

/* The same, not zeroed, aligned to 8. */
static inline void *arena_take(struct arena *a, size_t n)
{
	char *p = a->next;

	n = (n + 7) & ~(size_t)7;
	if (__builtin_expect(n >= (size_t)(a->end - p), 0))
		return arena_alloc_slow(a, n);
	a->next = p + n;
	a->used += n;
	return p;
}

#define arena_new(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (size_t)(n)))

/* Copies. */
void *arena_copy(struct arena *a, const void *p, size_t n);
char *arena_str(struct arena *a, const char *s); /* NULL stays NULL */
char *arena_strn(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* malloc, realloc that do not fail. */
void *base_malloc(size_t n);
void *base_realloc(void *p, size_t n);
char *base_strdup(const char *s);

/* For large things that live for a while: in huge pages where the kernel has them.  free() gives it back. */
void *base_malloc_large(size_t n);

/* The end, in one line.  Returns never. */
_Noreturn void base_no_memory(void);

/* Called first then: who can say what the memory was for.  NULL: nobody. */
extern void (*base_no_memory_hook)(void);

#endif
