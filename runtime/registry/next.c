/* SPDX-License-Identifier: MIT */
/*
 * What, how: registry/next.h.
 *
 * Locking: whoever finds `state` untouched looks for the functions; others meanwhile have the small area.
 */
#define _GNU_SOURCE
#include "registry/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { EARLY_SIZE = 64 << 10, EARLY_HEAD = 16 };

struct gori_next gori_next;
static int state; /* 0: nobody has looked yet; 1: somebody looks */

static _Alignas(EARLY_HEAD) unsigned char early[EARLY_SIZE];
static size_t early_used;

/* ---- the small area ------------------------------------------------------------------------------------------- */

void *gori_early_alloc(size_t align, size_t n)
{
	size_t room = align > EARLY_HEAD ? align : EARLY_HEAD, need, at;
	unsigned char *p;

	if (n > EARLY_SIZE || room > EARLY_SIZE) {
		errno = ENOMEM;
		return NULL;
	}
	need = (n + EARLY_HEAD - 1) / EARLY_HEAD * EARLY_HEAD + room + (align > EARLY_HEAD ? EARLY_HEAD : 0);
	at = gori_add(&early_used, need);
	if (at + need > EARLY_SIZE) {
		errno = ENOMEM;
		return NULL;
	}
	p = early + at + EARLY_HEAD;
	p += -(uintptr_t)p & (room - 1);
	memcpy(p - sizeof n, &n, sizeof n);
	return p;
}

bool gori_early_has(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early < EARLY_SIZE;
}

size_t gori_early_size(const void *p)
{
	size_t n;

	memcpy(&n, (const char *)p - sizeof n, sizeof n);
	return n;
}

/* ---- looking -------------------------------------------------------------------------------------------------- */

/* A library that dlopen has loaded for itself is not behind this one; those that define operators are asked by name. */
void *gori_next_symbol(const char *name)
{
	static const char *const others[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
	void *p = dlsym(RTLD_NEXT, name), *lib;

	for (size_t i = 0; !p && i < sizeof others / sizeof others[0]; i++) {
		lib = dlopen(others[i], RTLD_LAZY | RTLD_NOLOAD);
		p = lib ? dlsym(lib, name) : NULL;
	}
	return p;
}

void *gori_library_of(void *function)
{
	Dl_info info;

	return function && dladdr(function, &info) ? info.dli_fbase : NULL;
}

bool gori_next_find(void)
{
	if (!gori_cas(&state, 0, 1))
		return gori_load_acq(&gori_next.malloc) != NULL;
	gori_next.calloc = dlsym(RTLD_NEXT, "calloc");
	gori_next.realloc = dlsym(RTLD_NEXT, "realloc");
	gori_next.free = dlsym(RTLD_NEXT, "free");
	gori_next.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
	gori_next.memalign = dlsym(RTLD_NEXT, "memalign");
	gori_next.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
	gori_next.valloc = dlsym(RTLD_NEXT, "valloc");
	gori_next.pvalloc = dlsym(RTLD_NEXT, "pvalloc");
	gori_next.malloc_usable_size = dlsym(RTLD_NEXT, "malloc_usable_size");
	gori_next.base = gori_library_of(dlsym(RTLD_NEXT, "malloc"));
	gori_next.has_usable = gori_next.base &&
			       gori_next.base == gori_library_of((void *)gori_next.malloc_usable_size);
	gori_next.is_foreign = gori_next.base != gori_library_of(dlsym(RTLD_NEXT, "gnu_get_libc_version"));
	gori_store_rel(&gori_next.malloc, (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc"));
	gori_store_rel(&gori_next.is_plain, !gori_next.is_foreign);
	return true;
}
