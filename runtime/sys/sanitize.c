/* SPDX-License-Identifier: MIT */
/* What: company of sanitizers, valgrind and C++; see sanitize.h. */
#define _GNU_SOURCE
#include "sys/sanitize.h"

#include <stdbool.h>
#include <stddef.h>

#include "sys/atomic.h"
#include "sys/options.h"

#ifdef GORI_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_STACK_REGISTER(lo, hi) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

/* As the sanitizers declare them in <sanitizer/common_interface_defs.h>, tsan_interface.h, lsan_interface.h,
 * and the Itanium C++ ABI, 2.2.2. */
#define WEAK extern __attribute__((weak, visibility("default")))
WEAK void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
WEAK void __sanitizer_finish_switch_fiber(void *fake_stack, const void **ret_bottom, size_t *ret_size);
WEAK void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
WEAK void __lsan_register_root_region(const void *p, size_t size);
WEAK void __lsan_unregister_root_region(const void *p, size_t size);
WEAK void *__tsan_get_current_fiber(void);
WEAK void *__tsan_create_fiber(unsigned flags);
WEAK void __tsan_destroy_fiber(void *fiber);
WEAK void __tsan_switch_to_fiber(void *fiber, unsigned flags);
WEAK void __tsan_acquire(void *addr);
WEAK void __tsan_release(void *addr);
WEAK void *__cxa_get_globals(void);

struct cxx_globals {
	void *caught;
	uint32_t uncaught;
};

uint32_t gori_switch_hooks;
uint32_t gori_company;
static char race_anchor; /* stands for the whole runtime */

void gori_sanitize_init(void)
{
	if (__sanitizer_start_switch_fiber && __asan_unpoison_memory_region)
		gori_company |= GORI_HOOK_ASAN;
	if (__tsan_switch_to_fiber)
		gori_company |= GORI_HOOK_TSAN;
	if (__cxa_get_globals)
		gori_company |= GORI_HOOK_CXX;
	if (RUNNING_ON_VALGRIND) {
		gori_company |= GORI_HOOK_VALGRIND;
		gori_options.helper_off = true; /* it does not know clone() as the helper needs it */
	}
	gori_switch_hooks = gori_company & ~(uint32_t)GORI_HOOK_VALGRIND;
}

void gori_hook_thread(struct gori_m *m)
{
	if (gori_company & GORI_HOOK_CXX)
		m->cxx_globals = __cxa_get_globals();
	if (gori_company & GORI_HOOK_TSAN && !m->foreign && !m->is_main)
		m->g0.tsan_fiber = __tsan_get_current_fiber(); /* an adopted thread is its goroutine's */
}

void gori_hook_adopt(struct gori_g *g)
{
	if (gori_company & GORI_HOOK_TSAN)
		g->tsan_fiber = __tsan_get_current_fiber();
}

void gori_hook_g_new(struct gori_g *g)
{
	size_t size = g->stack_hi - g->stack_lo;

	if (gori_company & GORI_HOOK_ASAN && __lsan_register_root_region)
		__lsan_register_root_region((void *)g->stack_lo, g->asan_root_size = size);
	if (gori_company & GORI_HOOK_VALGRIND)
		g->valgrind_stack_id = VALGRIND_STACK_REGISTER(g->stack_lo, g->stack_hi);
}

void gori_hook_g_release(struct gori_g *g)
{
	if (gori_company & GORI_HOOK_TSAN && g->tsan_fiber) {
		__tsan_destroy_fiber(g->tsan_fiber);
		g->tsan_fiber = NULL;
	}
	if (gori_company & GORI_HOOK_ASAN && __lsan_unregister_root_region)
		__lsan_unregister_root_region((void *)g->stack_lo, g->asan_root_size);
	if (gori_company & GORI_HOOK_VALGRIND)
		VALGRIND_STACK_DEREGISTER(g->valgrind_stack_id);
}

void gori_hook_g_reuse(struct gori_g *g)
{
	if (gori_company & GORI_HOOK_ASAN) /* frames that never returned left their red zones behind */
		__asan_unpoison_memory_region((void *)g->stack_lo, g->stack_hi - g->stack_lo);
}

GORI_NO_TSAN void gori_hook_g_abandon(struct gori_g *g)
{
	void *old = g->tsan_fiber;

	if (!(gori_company & GORI_HOOK_TSAN) || g->flags & (GORI_G_MAIN | GORI_G_FOREIGN))
		return;
	g->tsan_fiber = __tsan_create_fiber(0);
	__tsan_switch_to_fiber(g->tsan_fiber, 0);
	__tsan_destroy_fiber(old);
}

GORI_NO_TSAN void gori_hook_switch(struct gori_m *m, struct gori_g *from, struct gori_g *to)
{
	struct cxx_globals *cxx = m->cxx_globals;

	if (cxx) {
		from->cxx_caught = cxx->caught;
		from->cxx_uncaught = cxx->uncaught;
		cxx->caught = to->cxx_caught;
		cxx->uncaught = to->cxx_uncaught;
	}
	if (gori_company & GORI_HOOK_ASAN)
		__sanitizer_start_switch_fiber(
			from->status == GORI_GDEAD && from != &m->g0 ? NULL : &from->asan_fake_stack,
			(void *)to->stack_lo, to->stack_hi - to->stack_lo);
	if (gori_company & GORI_HOOK_TSAN) {
		if (!to->tsan_fiber) /* not earlier: the sanitizer treats a process with fibers as threaded, and
				      * its forks as forks of threads, after which it believes nothing */
			to->tsan_fiber = __tsan_create_fiber(0);
		__tsan_release(&race_anchor);
		__tsan_switch_to_fiber(to->tsan_fiber, 0);
	}
}

void gori_hook_switched(struct gori_g *g)
{
	if (gori_company & GORI_HOOK_ASAN)
		__sanitizer_finish_switch_fiber(g->asan_fake_stack, NULL, NULL);
	if (gori_company & GORI_HOOK_TSAN)
		__tsan_acquire(&race_anchor);
}

void gori_hook_enter(void)
{
	if (gori_company & GORI_HOOK_TSAN)
		__tsan_acquire(&race_anchor);
}

void gori_hook_exit(void)
{
	if (gori_company & GORI_HOOK_TSAN)
		__tsan_release(&race_anchor);
}
