/* SPDX-License-Identifier: MIT */
#ifndef GORI_ARCH_H
#define GORI_ARCH_H
/*
 * What: what every architecture provides: the switch, the first frame of a goroutine.
 * Context: G or M, inside the runtime.
 */
#include <stdint.h>

#include "abi/abi.h"

#pragma GCC visibility push(hidden)

/* Saves the current context at *ret_sp and goes on in the context saved at to_sp. */
void gori_arch_switch(void **ret_sp, void *to_sp);

/* Where a prepared context starts; calls gori_g_main(g), which never returns. */
void gori_arch_entry(void);

/* Puts a first frame at the top of a stack, so that switching to the result calls gori_g_main(g). */
static inline void *gori_arch_prepare(uintptr_t stack_top, struct gori_g *g)
{
	/* The entry is reached by a jump with the stack 16-aligned; its call then aligns as the psABI wants. */
	struct gori_switch_frame *f = (struct gori_switch_frame *)((stack_top & ~(uintptr_t)15) - 16) - 1;

	f->mxcsr = 0x1f80; /* the psABI's values at process start */
	f->x87cw = 0x037f;
	f->rbp = 0;
	f->rbx = (uint64_t)(uintptr_t)g;
	f->rip = (uint64_t)(uintptr_t)gori_arch_entry;
	return f;
}

#pragma GCC visibility pop

#endif
