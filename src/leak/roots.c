/* SPDX-License-Identifier: MIT */
/*
 * What: roots that are not simply memory: pending timers, what gor_leak_root was given, and the arguments of
 * goroutines that have not begun.
 *
 * How: read while the target is stopped, before the runtime's own structures are blanked in the image.  A pending timer
 * will touch its argument, and is itself part of something: of a channel's block, of a context, of the stack of a
 * goroutine in a select with a timeout.
 */
#include <string.h>

#include "leak/inside.h"

enum { MAX_PS = 4096, MAX_TIMERS = 1 << 24, MAX_ROOTS = 1 << 20, MAX_ROOT = 1 << 30, SMALL_ROOT = 1 << 20 };

/* The heap of one P ends where it cannot be read, whatever is said of its length. */
static void read_heap(struct leaker *l, uint64_t at, uint64_t n)
{
	struct rt *rt = &l->rt;
	uint64_t timer;

	for (; n && l->timers.n < 2 * MAX_TIMERS; n--, at += rt->sizeof_timer_slot) {
		if (target_read_u64(rt->target, at + rt->timer_slot_timer, &timer) != 0)
			return;
		*VEC_PUSH(&l->timers) = timer;
		*VEC_PUSH(&l->timers) = rt_read_u64(rt, timer, rt->timer_arg);
	}
}

static void read_timers(struct leaker *l)
{
	struct rt *rt = &l->rt;
	uint64_t allp = rt_number(rt, "root.allp"), np = rt_read_u32(rt, rt_number(rt, "root.nprocs"), 0);

	for (uint64_t i = 0; allp && i < np && i < MAX_PS; i++) {
		uint64_t p = rt_read_u64(rt, allp + 8 * i, 0), at = rt_read_u64(rt, p, rt->p_timers);

		if (at && rt->timer_slot_timer != RT_NO_FIELD)
			read_heap(l, at, rt_read_u32(rt, p, rt->p_ntimers));
	}
}

/* Pairs of address and length, an array that ends with an address of 0. */
static void read_extra_roots(struct leaker *l)
{
	struct rt *rt = &l->rt;
	uint64_t at = rt_read_u64(rt, rt_number(rt, "root.leak_roots"), 0);

	for (unsigned n = 0; at && n < MAX_ROOTS; n++, at += 16) {
		uint64_t addr = rt_read_u64(rt, at, 0), len = rt_read_u64(rt, at, 8);
		bool can_be = len <= SMALL_ROOT ||
			      (len <= MAX_ROOT && image_can_be(l->target, addr, addr + len));
		unsigned char *copy;

		if (!addr)
			return;
		copy = can_be ? arena_take(&rt->arena, len) : NULL;
		if (copy && target_read(l->target, addr, copy, len) == 0) {
			*VEC_PUSH(&l->extras) = (struct extra){addr, copy, len & ~(uint64_t)7};
			continue;
		}
		l->is_blind = true;
		world_note(
			l->world,
			"a root of %llu bytes at 0x%llx (gor_leak_root) cannot be read: no leak can be proven",
			(unsigned long long)len, (unsigned long long)addr);
		return;
	}
}

/* The registers that go captured, and the words that did not fit into them. */
static void read_call(struct leaker *l, uint32_t index, uint64_t call)
{
	struct rt *rt = &l->rt;
	unsigned char *copy = arena_alloc(&rt->arena, rt->sizeof_call + TARGET_PAGE);
	struct extra *e = arena_new(&rt->arena, struct extra);
	uint64_t stack, n;

	if (target_read(l->target, call, copy, rt->sizeof_call) != 0)
		return;
	stack = rt_u64(copy, rt->call_stack);
	n = rt_u32(copy, rt->call_nstack) * 8ull;
	e->bytes = copy;
	e->n = rt->sizeof_call & ~7u;
	if (stack && n <= TARGET_PAGE && target_read(l->target, stack, copy + e->n, n) == 0)
		e->n += n;
	table_put(&l->calls, index + 1, e);
}

void roots_read(struct leaker *l)
{
	read_timers(l);
	read_extra_roots(l);
	for (size_t i = 0; i < l->world->ngoroutines; i++)
		if (l->world->goroutines[i].is_fresh && l->world->goroutines[i].call)
			read_call(l, (uint32_t)i, l->world->goroutines[i].call);
}
