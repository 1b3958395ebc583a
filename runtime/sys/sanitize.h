/* SPDX-License-Identifier: MIT */
#ifndef GORI_SANITIZE_H
#define GORI_SANITIZE_H
/*
 * What: what has to be told, or carried along, at a switch when the program runs under AddressSanitizer,
 * ThreadSanitizer or valgrind, or has C++ exceptions.
 *
 * How: the sanitizers' interfaces are weak symbols: they exist exactly when the program was built with the
 * sanitizer, so one build of the library serves all.  With none of them the cost is one predictable branch.
 *
 * Context: inside the runtime.
 */
#include <stdint.h>

#include "abi/abi.h"

#if defined(__SANITIZE_THREAD__)
#define GORI_TSAN /* the runtime itself is watched */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GORI_TSAN
#endif
#endif

/*
 * ThreadSanitizer keeps a call stack per fiber, 65,536 deep and without a check: a function that is entered on
 * one fiber and left on another, or never left though its fiber is used again, must not tell it of either.
 */
#if defined(__clang__)
#define GORI_NO_TSAN __attribute__((disable_sanitizer_instrumentation))
#else
#define GORI_NO_TSAN __attribute__((no_sanitize_thread))
#endif

#pragma GCC visibility push(hidden)

enum gori_hooks {
	GORI_HOOK_ASAN = 1,
	GORI_HOOK_TSAN = 2,
	GORI_HOOK_CXX = 4,
	GORI_HOOK_VALGRIND = 8,
};

extern uint32_t gori_switch_hooks;  /* enum gori_hooks: those that a switch must call */
extern uint32_t gori_company;       /* enum gori_hooks: all that are there */

void gori_sanitize_init(void);                  /* once, while the library is loaded */
void gori_hook_thread(struct gori_m *m);        /* a thread has become an M */
void gori_hook_g_new(struct gori_g *g);         /* g got a stack; before its first switch */
void gori_hook_g_release(struct gori_g *g);     /* the pages of a dead g are about to be given back */
void gori_hook_g_abandon(struct gori_g *g);     /* the running g ends in the middle of its frames */
void gori_hook_g_reuse(struct gori_g *g);       /* a dead g with a used stack is about to start again */
void gori_hook_switch(struct gori_m *m, struct gori_g *from, struct gori_g *to); /* just before */
void gori_hook_switched(struct gori_g *g);      /* just after, on g's stack */

void gori_hook_adopt(struct gori_g *g);         /* g stands for this thread, which runs it now */

/*
 * For ThreadSanitizer the whole runtime is one big lock: what happened before a thread left it happens before
 * whoever enters it later.  That hides some races of the program's, and never invents one.
 */
void gori_hook_enter(void);
void gori_hook_exit(void);

#pragma GCC visibility pop

#endif
