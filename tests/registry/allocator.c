/* SPDX-License-Identifier: MIT */
/*
 * An allocator that is not glibc's: preloaded, it takes the place of malloc.  Memory comes from mmap, 4 MiB at a time;
 * sizes are powers of two and what lies halfway; each has a list of free blocks.  In front of a block stands its class.
 * Large ones are mapped one by one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { HEAD = 16, ARENA = 4 << 20, NCLASSES = 40, LARGE = 1 << 20, PAGE = 4096 };

struct head {
	uint64_t
		size; /* of the block; bit 0: mapped by itself, `before` bytes behind the beginning of its mapping */
	uint64_t before;
};

static int lock;
static char *arena, *arena_end;
static void *lists[NCLASSES];

static void enter(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static void leave(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static struct head *head_of(void *p)
{
	return (struct head *)((char *)p - HEAD);
}

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* 16, 24 (32), 32, 48, 64, 96, ... */
static int class_of(size_t n, size_t *ret_size)
{
	size_t size = 16;
	int class = 0;

	while (size < n) {
		class ++;
		size = class % 2 ? size + size / 2 : size / 3 * 4;
	}
	*ret_size = (size + 15) & ~(size_t)15;
	return class;
}

static void *map_large(size_t align, size_t n)
{
	size_t room = (n + HEAD + align + PAGE - 1) & ~(size_t)(PAGE - 1);
	char *base, *p;

	if (n > SIZE_MAX / 4 || !(base = map(room))) {
		errno = ENOMEM;
		return NULL;
	}
	p = base + HEAD;
	p += -(uintptr_t)p & (align - 1);
	*head_of(p) = (struct head){(uint64_t)(base + room - p) << 1 | 1, (uint64_t)(p - base)};
	return p;
}

void *memalign(size_t align, size_t n)
{
	size_t size;
	int class;
	char *p;

	if (n > LARGE || align > 16)
		return map_large(align > 16 ? align : 16, n);
	class = class_of(n, &size);
	enter();
	p = lists[class];
	if (p) {
		memcpy(&lists[class], p, sizeof(void *));
	} else {
		if (arena_end - arena < (ptrdiff_t)(size + HEAD)) {
			arena = map(ARENA);
			arena_end = arena ? arena + ARENA : NULL;
		}
		p = arena ? arena + HEAD : NULL;
		if (p)
			arena += size + HEAD;
	}
	leave();
	if (p)
		*head_of(p) = (struct head){(uint64_t)size << 1, (uint64_t) class};
	else
		errno = ENOMEM;
	return p;
}

void free(void *p)
{
	struct head h;

	if (!p)
		return;
	h = *head_of(p);
	if (h.size & 1) {
		munmap((char *)p - h.before, (h.size >> 1) + h.before);
		return;
	}
	enter();
	memcpy(p, &lists[h.before], sizeof(void *));
	lists[h.before] = p;
	leave();
}

size_t malloc_usable_size(void *p)
{
	return p ? head_of(p)->size >> 1 : 0;
}

void *malloc(size_t n)
{
	return memalign(16, n);
}

void *calloc(size_t count, size_t n)
{
	size_t size;
	void *p;

	if (__builtin_mul_overflow(count, n, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	p = memalign(16, size);
	return p ? memset(p, 0, size) : NULL;
}

void *realloc(void *p, size_t n)
{
	size_t old = malloc_usable_size(p);
	void *q;

	if (p && n && n <= old)
		return p;
	q = n || !p ? malloc(n) : NULL;
	if (q && p)
		memcpy(q, p, old);
	if (q || !n)
		free(p);
	return q;
}

void *aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

int posix_memalign(void **ret, size_t align, size_t n)
{
	void *p = memalign(align, n);

	if (p)
		*ret = p;
	return p ? 0 : ENOMEM;
}

void *valloc(size_t n)
{
	return memalign(PAGE, n);
}

void *pvalloc(size_t n)
{
	return memalign(PAGE, (n + PAGE - 1) & ~(size_t)(PAGE - 1));
}
