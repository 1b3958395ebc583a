/* SPDX-License-Identifier: MIT */
/*
 * A library that was loaded with dlopen calls back into the program: frames of both, each with the debug
 * information of its own file.  The library is this file, compiled with LIBRARY defined.
 *
 * variant: -O0 library
 * variant: -O2 library
 * variant: -O2 library buildid
 * variant: -O2 -gdwarf-4 library dwz
 */
#ifdef LIBRARY

void library_work(void (*callback)(const char *, long), const char *text, long n);

/* expect: library_inner(callback=&called_back, n=12) */
static __attribute__((noinline)) void library_inner(void (*callback)(const char *, long), long n)
{
	callback("from the library", n * 2);
	__asm__ volatile("" : : "r"(callback), "r"(n));
}

/* expect: library_work(callback=&called_back, text="library", n=11) */
void library_work(void (*callback)(const char *, long), const char *text, long n)
{
	library_inner(callback, n + 1);
	__asm__ volatile("" : : "r"(callback), "r"(n), "r"(text));
}

#else

#include "victim.h"
#include <dlfcn.h>

static void (*library_work)(void (*)(const char *, long), const char *, long);

/* expect: called_back(text="from the library", n=24) */
static NOINLINE void called_back(const char *text, long n)
{
	hold();
	KEEP(text);
	KEEP(n);
}

static void run_library(void)
{
	library_work(called_back, "library", number(11));
	victim_sink++;
}

int main(int argc, char **argv)
{
	void *handle = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);

	if (!handle)
		panic("%s", dlerror());
	*(void **)&library_work = dlsym(handle, "library_work");
	victim_begin();
	go(run_library);
	victim_end();
}

#endif
