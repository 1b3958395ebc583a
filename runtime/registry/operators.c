/* SPDX-License-Identifier: MIT */
/*
 * What: C++'s operators new and delete in front of those that the program has.
 *
 * How: libstdc++'s call malloc, which is ours, so they are left alone, as any others are that a library of the
 * program's defines.  Those of other allocators (jemalloc, tcmalloc, mimalloc) call their own insides, past our
 * malloc; in their place, malloc and free are called, and the operator itself only if there is no memory: it knows
 * how to say so.
 *
 * Each operator is looked for when it is first called.  If none is found (nothing of C++ is behind us that we could
 * name), malloc and free do, and a lack of memory is the end.
 *
 * Context: any thread, outside of signal handlers.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>

#include "registry/next.h"

#define PUBLIC __attribute__((visibility("default")))

/* size_t is `m` in these names; std::nothrow_t is an empty object passed by reference. */
#define FOR_ALL_NEW(X)                                                                                       \
	X(_Znwm, (size_t n), (n), 0, true)                                                                   \
	X(_Znam, (size_t n), (n), 0, true)                                                                   \
	X(_ZnwmRKSt9nothrow_t, (size_t n, const void *tag), (n, tag), 0, false)                              \
	X(_ZnamRKSt9nothrow_t, (size_t n, const void *tag), (n, tag), 0, false)                              \
	X(_ZnwmSt11align_val_t, (size_t n, size_t align), (n, align), align, true)                           \
	X(_ZnamSt11align_val_t, (size_t n, size_t align), (n, align), align, true)                           \
	X(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t n, size_t align, const void *tag), (n, align, tag),    \
	  align, false)                                                                                      \
	X(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t n, size_t align, const void *tag), (n, align, tag),    \
	  align, false)

#define FOR_ALL_DELETE(X)                                                                                    \
	X(_ZdlPv, (void *p), (p))                                                                            \
	X(_ZdaPv, (void *p), (p))                                                                            \
	X(_ZdlPvm, (void *p, size_t n), (p, n))                                                              \
	X(_ZdaPvm, (void *p, size_t n), (p, n))                                                              \
	X(_ZdlPvRKSt9nothrow_t, (void *p, const void *tag), (p, tag))                                        \
	X(_ZdaPvRKSt9nothrow_t, (void *p, const void *tag), (p, tag))                                        \
	X(_ZdlPvSt11align_val_t, (void *p, size_t align), (p, align))                                        \
	X(_ZdaPvSt11align_val_t, (void *p, size_t align), (p, align))                                        \
	X(_ZdlPvmSt11align_val_t, (void *p, size_t n, size_t align), (p, n, align))                          \
	X(_ZdaPvmSt11align_val_t, (void *p, size_t n, size_t align), (p, n, align))                          \
	X(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *p, size_t align, const void *tag), (p, align, tag))    \
	X(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *p, size_t align, const void *tag), (p, align, tag))

enum whose { UNKNOWN, NOBODYS, ALLOCATORS, OTHERS };

struct operator
{
	void *function;
	int whose; /* stored last; whoever comes first finds what all find */
};

static int look_up(struct operator* o, const char *name)
{
	int whose = NOBODYS;

	o->function = gori_next_symbol(name);
	if (o->function && gori_next_is_ready())
		whose = gori_library_of(o->function) == gori_next.base ? ALLOCATORS : OTHERS;
	gori_store_rel(&o->whose, whose);
	return whose;
}

static inline int whose(struct operator* o, const char *name)
{
	int known = gori_load_acq(&o->whose);

	return gori_likely(known != UNKNOWN) ? known : look_up(o, name);
}

static void *allocate(size_t n, size_t align)
{
	return align ? memalign(align, n) : malloc(n);
}

static void *nothing_left(bool must)
{
	if (must)
		abort();
	return NULL;
}

#define DEFINE_NEW(name, params, args, align, must)                                                          \
	PUBLIC void *name params;                                                                            \
	PUBLIC void *name params                                                                             \
	{                                                                                                    \
		static struct operator o;                                                                    \
		int is = whose(&o, #name);                                                                   \
		void *p = is == OTHERS ? NULL : allocate(n, align);                                          \
                                                                                                             \
		if (p)                                                                                       \
			return p;                                                                            \
		return is == NOBODYS ? nothing_left(must) : ((void *(*)params)o.function)args;               \
	}
FOR_ALL_NEW(DEFINE_NEW)

#define DEFINE_DELETE(name, params, args)                                                                    \
	PUBLIC void name params;                                                                             \
	PUBLIC void name params                                                                              \
	{                                                                                                    \
		static struct operator o;                                                                    \
                                                                                                             \
		if (whose(&o, #name) == OTHERS)                                                              \
			((void(*) params)o.function) args;                                                   \
		else                                                                                         \
			free(p);                                                                             \
	}
FOR_ALL_DELETE(DEFINE_DELETE)
