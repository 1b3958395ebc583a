/* SPDX-License-Identifier: MIT */
/*
 * What: libgorgon-malloc.so: stands in front of the program's malloc, whichever that is, and registers its blocks.
 *
 *	LD_PRELOAD=libgorgon-malloc.so ./prog		or	gorgon run --registry ./prog
 *
 * How: each function calls the one behind it (next.h) and adds or removes the block.  The sizes are those that were
 * asked for.  Who asks malloc_usable_size for more gets it, and the block is registered with what it then is.
 *
 * If the allocator is glibc's, that is all: the reader walks its heap by its own headers, and takes the registry where
 * that fails.  For any other, what is in no block is a root, and two things there would excuse goroutines that
 * are leaked:
 *	- what freed memory held.  So a block is erased before it is freed, if it is not too large.
 *	- the allocator's own notes of blocks that it has given out or will give out (caches, first blocks of pages).  So
 *	  the program gets an address 16 bytes (or the alignment) behind the allocator's: what the allocator
 *	  notes is then the address of no block.  The word in front of the block says how far.  Behind each block
 *	  stay 8 bytes, so that a pointer to its end is not what the allocator notes of the next one.
 * Rejected: leaving out what looks like an allocator's data (how would one know?), taking free memory for blocks that
 * were never freed (it may become something else unnoticed, a mapping say, and would hide what that holds).
 *
 * A library of its own, and not a part of libgorgon-preload.so: names that are exported stand in the way of every
 * program's calls, whether anything is registered or not, and that library promises to export nothing.  So it costs
 * nothing unless it is asked for; and it works beside either form of the runtime, and without.
 *
 * The program's own malloc, if the executable defines it, comes before ours: then the registry hears of nothing, or,
 * worse, of a part.  Once, when the library is loaded, a block is allocated as the program would do it; if that has
 * not come here, the published table says so and nothing is registered.
 *
 * Invariants: a block is added after the allocator has returned it and removed before the allocator gets it back.
 * What is not registered goes to the allocator as it is.  A block that is displaced is registered.
 * Context: any thread, also before constructors.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry/next.h"
#include "registry/registry.h"

#define PUBLIC __attribute__((visibility("default")))

enum { HEAD = 16, TAIL = 8, ERASED = 64 << 10, MOVED = 1024 };

#define HEAD_COOKIE 0x676f7267f3a10000ull

/* Not in every libc's headers. */
PUBLIC void free_sized(void *p, size_t n);
PUBLIC void free_aligned_sized(void *p, size_t align, size_t n);
PUBLIC void cfree(void *p);

/* Some allocators call their own functions by their public names: those calls are not the program's. */
static __thread int inside __attribute__((tls_model("initial-exec")));

#define ALLOCATOR(call)                                                                                      \
	__extension__({                                                                                      \
		inside++;                                                                                    \
		__typeof__(call) result_ = (call);                                                           \
		inside--;                                                                                    \
		result_;                                                                                     \
	})

static inline bool is_nested(void)
{
	return gori_unlikely(inside != 0);
}

static inline void give_back(void *p)
{
	inside++;
	gori_next.free(p);
	inside--;
}

/* ---- displacing ---------------------------------------------------------------------------------------------- */

/* How far blocks with this alignment are displaced. */
static inline size_t shift_for(size_t align)
{
	if (gori_likely(!gori_next.is_foreign) || is_nested())
		return 0;
	return align > HEAD ? align : HEAD;
}

static inline uint64_t *head_of(void *p)
{
	return (uint64_t *)p - 1;
}

/* The block that the allocator has given for n + shift bytes. */
static inline void *given(void *p, size_t shift, size_t n)
{
	void *q = (char *)p + shift;

	if (gori_unlikely(!p) || is_nested())
		return p;
	if (gori_unlikely(!gori_registry_add((uintptr_t)q, n)))
		return p;
	if (shift)
		*head_of(q) = ((uint64_t)(uintptr_t)q ^ HEAD_COOKIE) + shift;
	return q;
}

/* How far the registered block at p is displaced; 0 also if it is not really one: it was freed unnoticed. */
static inline size_t shift_of(void *p)
{
	size_t shift;

	if (gori_likely(!gori_next.is_foreign))
		return 0;
	shift = *head_of(p) - ((uint64_t)(uintptr_t)p ^ HEAD_COOKIE);
	return shift & (shift - 1) ? 0 : shift;
}

/* What to ask the allocator for. */
static inline size_t plus(size_t n, size_t shift)
{
	size_t more = shift ? shift + TAIL : 0;

	return n + more < n ? n : n + more; /* too much anyway */
}

/* ---- freeing -------------------------------------------------------------------------------------------------- */

/* A registered block of this size, which is no more registered. */
static void free_foreign(void *p, intptr_t size)
{
	size_t shift = shift_of(p);

	if (shift && size <= ERASED)
		memset(p, 0, (size_t)size & ~(size_t)7);
	if (shift)
		*head_of(p) = 0;
	give_back((char *)p - shift);
}

PUBLIC void free(void *p)
{
	intptr_t size;

	if (!p)
		return;
	size = is_nested() ? GORI_NOT_REGISTERED : gori_registry_remove((uintptr_t)p);
	if (gori_likely(size != GORI_NOT_REGISTERED)) {
		if (gori_likely(gori_next.is_plain))
			gori_next.free(p);
		else
			free_foreign(p, size);
	} else if (!gori_early_has(p) && gori_next_is_ready()) {
		give_back(p);
	}
}

/* ---- allocating ------------------------------------------------------------------------------------------------ */

PUBLIC void *malloc(size_t n)
{
	size_t shift;
	void *p;

	if (gori_likely(gori_next.is_plain)) {
		p = gori_next.malloc(n);
		if (gori_likely(p != NULL))
			gori_registry_add((uintptr_t)p, n);
		return p;
	}
	if (gori_unlikely(!gori_next_is_ready()))
		return gori_early_alloc(0, n);
	shift = shift_for(0);
	return given(ALLOCATOR(gori_next.malloc(plus(n, shift))), shift, n);
}

PUBLIC void *calloc(size_t count, size_t n)
{
	size_t size, shift;

	if (gori_unlikely(__builtin_mul_overflow(count, n, &size))) {
		errno = ENOMEM;
		return NULL;
	}
	if (gori_unlikely(!gori_next_is_ready()))
		return gori_early_alloc(0, size); /* never used before, so zero */
	shift = shift_for(0);
	return given(ALLOCATOR(gori_next.calloc(1, plus(size, shift))), shift, size);
}

PUBLIC void *aligned_alloc(size_t align, size_t n)
{
	size_t shift;

	if (gori_unlikely(!gori_next_is_ready()))
		return gori_early_alloc(align, n);
	shift = shift_for(align);
	return given(ALLOCATOR(gori_next.aligned_alloc(align, plus(n, shift))), shift, n);
}

PUBLIC void *memalign(size_t align, size_t n)
{
	size_t shift;

	if (gori_unlikely(!gori_next_is_ready()))
		return gori_early_alloc(align, n);
	shift = shift_for(align);
	return given(ALLOCATOR(gori_next.memalign(align, plus(n, shift))), shift, n);
}

PUBLIC int posix_memalign(void **ret, size_t align, size_t n)
{
	size_t shift;
	void *p = NULL;
	int err;

	if (gori_unlikely(!gori_next_is_ready())) {
		p = gori_early_alloc(align, n);
		err = p ? 0 : ENOMEM;
	} else {
		shift = shift_for(align);
		err = ALLOCATOR(gori_next.posix_memalign(&p, align, plus(n, shift)));
		p = err ? NULL : given(p, shift, n);
	}
	if (!err)
		*ret = p;
	return err;
}

PUBLIC void *valloc(size_t n)
{
	size_t page = (size_t)getpagesize(), shift;

	if (gori_unlikely(!gori_next_is_ready()))
		return gori_early_alloc(page, n);
	shift = shift_for(page);
	return given(ALLOCATOR(gori_next.valloc(plus(n, shift))), shift, n);
}

PUBLIC void *pvalloc(size_t n)
{
	size_t page = (size_t)getpagesize(), whole = n > -2 * page ? n : (n + page - 1) & -page;
	size_t shift;

	if (gori_unlikely(!gori_next_is_ready()))
		return gori_early_alloc(page, whole);
	shift = shift_for(page);
	return given(ALLOCATOR(gori_next.pvalloc(plus(whole, shift))), shift, whole);
}

/* ---- realloc -------------------------------------------------------------------------------------------------- */

static void *copy_early(void *p, size_t n)
{
	size_t old = gori_early_size(p);
	void *q = malloc(n);

	if (q)
		memcpy(q, p, old < n ? old : n);
	return q;
}

/* Into a new block, so that the old one is erased, or stays aligned until it is freed. */
static void *move(void *p, size_t old, size_t n)
{
	void *q = malloc(n);

	if (!q) {
		gori_registry_add((uintptr_t)p, old);
		return NULL;
	}
	memcpy(q, p, old < n ? old : n);
	free_foreign(p, (intptr_t)old);
	return q;
}

/* A registered block of `old` bytes, which is no more registered. */
static void *realloc_registered(void *p, size_t old, size_t n)
{
	size_t shift = shift_of(p);
	char *q;

	if (shift && n && (shift != HEAD || (old <= MOVED && n > old)))
		return move(p, old, n);
	if (shift && !n) {
		free_foreign(p, (intptr_t)old);
		return NULL;
	}
	q = ALLOCATOR(gori_next.realloc((char *)p - shift, plus(n, shift)));
	if (q)
		return given(q, shift, n);
	if (n)
		gori_registry_add((uintptr_t)p, old);
	return NULL;
}

PUBLIC void *realloc(void *p, size_t n)
{
	intptr_t old;

	if (!p)
		return malloc(n);
	old = is_nested() ? GORI_NOT_REGISTERED : gori_registry_remove((uintptr_t)p);
	if (gori_likely(old != GORI_NOT_REGISTERED))
		return realloc_registered(p, (size_t)old, n);
	if (gori_early_has(p))
		return copy_early(p, n);
	return gori_next_is_ready() ? ALLOCATOR(gori_next.realloc(p, n)) : NULL;
}

PUBLIC void *reallocarray(void *p, size_t count, size_t n)
{
	size_t size;

	if (__builtin_mul_overflow(count, n, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, size);
}

/* ---- the rest ------------------------------------------------------------------------------------------------- */

PUBLIC void free_sized(void *p, size_t n)
{
	(void)n;
	free(p);
}

PUBLIC void free_aligned_sized(void *p, size_t align, size_t n)
{
	(void)align;
	(void)n;
	free(p);
}

PUBLIC void cfree(void *p)
{
	free(p);
}

/* All of it is the program's from now on. */
static size_t usable_registered(void *p, size_t old)
{
	size_t shift = shift_of(p), n = old;

	if (gori_next.has_usable)
		n = ALLOCATOR(gori_next.malloc_usable_size((char *)p - shift)) - plus(0, shift);
	gori_registry_add((uintptr_t)p, n > old ? n : old);
	return n;
}

PUBLIC size_t malloc_usable_size(void *p)
{
	intptr_t old;

	if (!p)
		return 0;
	if (gori_early_has(p))
		return gori_early_size(p);
	old = is_nested() ? GORI_NOT_REGISTERED : gori_registry_remove((uintptr_t)p);
	if (old != GORI_NOT_REGISTERED)
		return usable_registered(p, (size_t)old);
	if (!gori_next_is_ready() || !gori_next.malloc_usable_size)
		return 0;
	return ALLOCATOR(gori_next.malloc_usable_size(p));
}

/* ---- are we asked at all? ------------------------------------------------------------------------------------- */

static __attribute__((constructor(101))) void on_load(void)
{
	void *(*their_malloc)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");
	void (*their_free)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "free");
	void *p = their_malloc ? their_malloc(1) : NULL;
	unsigned char *mark = gori_registry_mark((uintptr_t)p);
	bool added = mark && gori_load(mark) != GORI_MARK_NONE;

	if (their_free)
		their_free(p);
	if (!added || gori_load(mark) != GORI_MARK_NONE)
		gori_registry_bypass();
}
