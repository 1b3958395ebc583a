/* SPDX-License-Identifier: MIT */
/*
 * What: whose stacks are where in the copy of memory, and which parts of them are dead.
 *
 * How: of the stacks of threads, what lies below the stack pointer is dead and cut out; what lies above the frames,
 * thread-local variables, is left.  The live part of a goroutine's stack is no root, but that goroutine's.
 *
 * Invariants: only what is certain to be a stack is cut, and only below frames that are known for certain.
 */
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "leak/inside.h"

enum { MAX_STACK_FRAMES = 4096, PTHREAD_WORDS = 0x900 / 8 };

/*
 * Did pthread_create make this mapping as the stack of this thread?  It notes in the thread's control block where the
 * block that it has made begins, how large it is, and how much of it is the guard: three words that fit a mapping
 * exactly.  A stack that the program has made itself may have anything below it.
 */
static bool made_by_libc(struct leaker *l, const struct target_thread *th, const struct mapping *m)
{
	uint64_t w[PTHREAD_WORDS];
	size_t n = target_read_some(l->target, th->fs_base, w, sizeof w) / 8;

	for (size_t i = 0; i + 2 < n; i++)
		if (w[i + 2] && w[i + 2] < w[i + 1] && w[i] + w[i + 2] == m->lo &&
		    w[i] + w[i + 1] > th->fs_base && w[i] + w[i + 1] <= m->hi)
			return true;
	return false;
}

/*
 * Where the live part of a thread's stack begins: at the lowest stack pointer of all frames, since a signal handler may
 * run on a stack that lies within an outer frame, above those that it has interrupted; and below it what a leaf function
 * may use, but if the thread has nothing to do.  0: the frames are not known for certain.
 */
static uint64_t lowest_live(struct leaker *l, const struct target_thread *th)
{
	struct uframe *frames = base_malloc(MAX_STACK_FRAMES * sizeof *frames);
	uint64_t lowest = th->regs.gpr[REG_RSP], leaf = thread_is_idle(l, th) ? 0 : RED_ZONE;
	enum stack_end end;
	size_t n = unwind(debug_unwinder(l->debug), &th->regs, th->tid != l->inexact_tid, frames,
			  MAX_STACK_FRAMES, &end);

	for (size_t i = 0; i < n; i++) {
		if (frames[i].guessed || !regs_knows(&frames[i].regs, REG_RSP))
			end = STACK_CORRUPT;
		else if (frames[i].regs.gpr[REG_RSP] < lowest)
			lowest = frames[i].regs.gpr[REG_RSP];
	}
	free(frames);
	return end == STACK_COMPLETE && lowest > leaf ? lowest - leaf : 0;
}

/*
 * Of a thread's stack, what lies below `sp` is dead.  It must be certain that this mapping is that stack
 * and nothing else: neighbours may have been joined by the kernel.  So: the main thread's, or one that pthread_create
 * has made.  All others are taken whole.
 */
static void dead_below(struct leaker *l, const struct target_thread *th, uint64_t sp, ranges *ret)
{
	const struct mapping *m = sp ? target_mapping(l->target, sp) : NULL;
	bool is_main = m && strcmp(m->path, "[stack]") == 0;

	if (!m)
		return;
	if (!is_main && !(th->fs_base > sp && th->fs_base < m->hi && made_by_libc(l, th, m)))
		return;
	if (sp > m->lo)
		*VEC_PUSH(ret) = (struct range){m->lo, sp & ~(uint64_t)7};
}

static void dead_parts(struct leaker *l, ranges *ret)
{
	struct target *t = l->target;

	for (size_t i = 0; i < t->nthreads; i++)
		if (t->threads[i].has_regs)
			dead_below(l, &t->threads[i], lowest_live(l, &t->threads[i]), ret);
}

/*
 * The stack that the runtime has made for the scheduler of an adopted thread, main's included: nothing else is in it,
 * and nobody but the scheduler runs there.  What lies below where it stands is dead.
 */
static void dead_below_scheduler(struct leaker *l, const struct target_thread *th, uint64_t m, uint64_t sp,
				 ranges *ret)
{
	struct rt *rt = &l->rt;
	uint64_t lo = rt_read_u64(rt, m + rt->m_g0, rt->g_stack_lo);
	uint64_t hi = rt_read_u64(rt, m + rt->m_g0, rt->g_stack_hi);

	if (!lo || lo >= hi || (th->fs_base >= lo && th->fs_base <= hi))
		return;
	if (th->has_regs && th->regs.gpr[REG_RSP] >= lo && th->regs.gpr[REG_RSP] <= hi)
		sp = lowest_live(l, th);
	if (sp > lo && sp < hi)
		*VEC_PUSH(ret) = (struct range){lo, sp & ~(uint64_t)7};
}

/* Ms whose thread runs a goroutine, elsewhere: their own stack is live from where the scheduler left it.  The switch has
 * saved its registers there, so there is no leaf that uses more. */
static void dead_parts_of_ms(struct leaker *l, ranges *ret)
{
	struct rt *rt = &l->rt;
	uint64_t m = rt_read_u64(rt, rt_number(rt, "root.allm"), 0);

	for (unsigned n = 0; m && rt->m_g0 != RT_NO_FIELD && n < MAX_THREADS; n++) {
		const struct target_thread *th =
			target_thread(l->target, (int32_t)rt_read_u32(rt, m, rt->m_tid));
		uint64_t sp = rt_read_u64(rt, m + rt->m_g0, rt->g_sp);

		if (th && sp)
			dead_below(l, th, sp, ret);
		if (th)
			dead_below_scheduler(l, th, m, sp, ret);
		m = rt_read_u64(rt, m, rt->m_all_next);
	}
}

/* Goroutines on the stack of a thread, main or adopted, while they wait: what is theirs is no root, and what is below
 * is dead. */
static void parked_on_threads(struct leaker *l, ranges *ret)
{
	for (size_t i = 0; i < l->world->ngoroutines; i++) {
		const struct goroutine *g = &l->world->goroutines[i];
		const struct mapping *m = g->in_slot || !g->sp ? NULL : target_mapping(l->target, g->sp);

		if (!m || g->stack_hi <= g->sp || g->stack_hi > m->hi)
			continue;
		*VEC_PUSH(ret) = (struct range){g->sp & ~(uint64_t)7, g->stack_hi};
		if (strcmp(m->path, "[stack]") == 0)
			*VEC_PUSH(ret) = (struct range){m->lo, g->sp & ~(uint64_t)7};
	}
}

/* Where the live part of a goroutine's stack begins. */
uint64_t stack_live_from(struct leaker *l, uint64_t sp, int32_t tid, uint64_t lo, uint64_t hi)
{
	const struct target_thread *th;

	if (sp)
		return sp;
	th = tid ? target_thread(l->target, tid) : NULL;
	if (th && th->has_regs && th->regs.gpr[REG_RSP] > lo && th->regs.gpr[REG_RSP] < hi)
		return th->regs.gpr[REG_RSP] - RED_ZONE;
	return lo;
}

static void add_stack(struct leaker *l, uint32_t owner, uint64_t lo, uint64_t hi, unsigned char *bytes)
{
	*VEC_PUSH(&l->image.stacks) =
		(struct stretch){.lo = lo, .hi = hi, .bytes = bytes, .kind = STRETCH_STACK, .owner = owner};
	l->stats.stack_bytes += hi - lo;
}

/* In a slot, it was copied with the G; elsewhere it is part of some mapping, from which it is to be cut. */
static void find_stack(struct leaker *l, uint32_t index)
{
	const struct goroutine *g = &l->world->goroutines[index];
	uint64_t lo = stack_live_from(l, g->sp, g->tid, g->stack_lo, g->stack_hi) & ~(uint64_t)7;
	const struct stretch *s;
	unsigned char *bytes;

	if ((!g->in_slot && !g->sp) || g->is_fresh || lo >= g->stack_hi || lo < g->stack_lo)
		return;
	s = g->in_slot ? image_find_slot(&l->image, lo) : NULL;
	if (s && g->stack_hi <= s->hi)
		return add_stack(l, index, lo, g->stack_hi, s->bytes + (lo - s->lo));
	if (!image_can_be(l->target, lo, g->stack_hi))
		return;
	bytes = image_keep(l, g->stack_hi - lo);
	if (target_read(l->target, lo, bytes, g->stack_hi - lo) == 0)
		add_stack(l, index, lo, g->stack_hi, bytes);
}

/*
 * Where threads are, Gs that are about to be woken may be in hand; but not where a thread of the scheduler's has nothing to do.
 * It has given its P away, and with it all that it could wake: what it is to run next, its waker will tell.
 */
static void mark_threads(struct leaker *l)
{
	struct target *t = l->target;

	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];
		struct stretch *s = th->has_regs ? image_find(&l->image, th->regs.gpr[REG_RSP]) : NULL;

		if (s && s->kind == STRETCH_ROOT && !thread_is_idle(l, th))
			s->is_thread = true;
	}
}

static int compare(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void stacks_find(struct leaker *l)
{
	struct image *im = &l->image;
	ranges dead = {0};
	struct range below_main;

	dead_parts(l, &dead);
	if (main_frame_dead_below(l, &below_main))
		*VEC_PUSH(&dead) = below_main;
	dead_parts_of_ms(l, &dead);
	parked_on_threads(l, &dead);
	for (size_t i = 0; i < l->world->ngoroutines; i++)
		find_stack(l, (uint32_t)i);
	for (size_t i = 0; i < dead.n; i++)
		image_cut(im, dead.items[i].lo, dead.items[i].hi);
	image_sort(im);
	VEC_SORT(&im->stacks, compare);
	if (im->stacks.n) {
		im->stacks_lo = im->stacks.items[0].lo;
		im->stacks_hi = im->stacks.items[im->stacks.n - 1].hi;
	}
	mark_threads(l);
	VEC_FREE(&dead);
}
