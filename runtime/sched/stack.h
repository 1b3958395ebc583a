/* SPDX-License-Identifier: MIT */
#ifndef GORI_STACK_H
#define GORI_STACK_H
/*
 * What: memory for goroutines: one slot holds a stack and, in its top page, the G.
 *
 * How, invariants: stack.c.
 * Context: gori_stack_alloc on an owner of a P inside the runtime; lookups anywhere, signal handlers too.
 */
#include <stdbool.h>

#include "abi/abi.h"

#pragma GCC visibility push(hidden)

/* Called once while the library is loaded; reads gori_options.stack. */
void gori_stack_init(void);

/* A dead G with an empty stack; NULL when memory or address space has run out. */
struct gori_g *gori_stack_alloc(struct gori_p *p);

/* Gives the pages of a dead, unlinked G back to the system; its slot can be had again by _alloc. */
void gori_stack_release(struct gori_g *g);

/* The slot whose guard, or whose memory below the stack, contains addr.  *ret_g may be dead. */
bool gori_stack_is_guard(uintptr_t addr, struct gori_g **ret_g);

/* The G whose slot contains addr, or NULL. */
struct gori_g *gori_stack_owner(uintptr_t addr);

/* Calls fn for the G of every slot that was ever used, until it returns false. */
bool gori_stack_foreach(bool (*fn)(struct gori_g *, void *), void *arg);

/* Around fork: no other thread is in the middle of the above. */
void gori_stack_hold(void);
void gori_stack_let_go(void);

/* Bytes of a slot, and of its guard. */
size_t gori_stack_slot_size(void);
size_t gori_stack_guard_size(void);

/* How guards are made: "madvise", "mprotect" (few) or "none". */
const char *gori_stack_guard_kind(void);

/* A stack of its own for the scheduler of an adopted thread, guarded; NULL on failure. */
uintptr_t gori_stack_map_system(size_t size);

#pragma GCC visibility pop

#endif
