/* SPDX-License-Identifier: MIT */
/*
 * What: a copy of all memory of the target that can hold pointers.
 *
 * How: every mapping that can be written, but for
 *	- the arenas of goroutine stacks, of which only the live part of each stack is taken;
 *	- pages that were never touched, where the kernel tells (/proc/PID/pagemap);
 *	- device memory and the like, which cannot be read.
 * Of the stacks of threads, what lies below the stack pointer is dead and left out; what lies above the frames,
 * thread-local variables, is taken.  Shared writable mappings are taken too: pointers may hide there.
 *
 * Then what belongs to the runtime is blanked: Gs, Ms, Ps and their timer heaps.  Pending timers are roots for
 * what they will touch (mark.c).
 *
 * Invariants: memory that could not be copied is noted in the world: something there might reach anything.
 */
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "leak/inside.h"

enum { CHUNK = 1 << 20, MAX_THREADS = 1 << 16, RED_ZONE = 128 };

/* ---- stretches ------------------------------------------------------------------------------------------------- */

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static struct stretch *find(const stretches *list, uint64_t addr)
{
	size_t n = SEARCH_UPTO(list->items, list->n, lo, addr);

	return n > 0 && addr < list->items[n - 1].hi ? &list->items[n - 1] : NULL;
}

struct stretch *image_find(struct image *im, uint64_t addr)
{
	return find(&im->areas, addr);
}

struct stretch *image_find_gap(struct image *im, uint64_t addr, uint64_t *ret_lo, uint64_t *ret_hi)
{
	struct stretch *list = im->areas.items;
	size_t n = SEARCH_UPTO(list, im->areas.n, lo, addr);

	if (n > 0 && addr < list[n - 1].hi) {
		*ret_lo = list[n - 1].lo;
		*ret_hi = list[n - 1].hi;
		return &list[n - 1];
	}
	*ret_lo = n > 0 ? list[n - 1].hi : 0;
	*ret_hi = n < im->areas.n ? list[n].lo : UINT64_MAX;
	return NULL;
}

struct stretch *image_find_stack(struct image *im, uint64_t addr)
{
	return addr >= im->stacks_lo && addr < im->stacks_hi ? find(&im->stacks, addr) : NULL;
}

void image_sort(struct image *im)
{
	VEC_SORT(&im->areas, compare_stretches);
}

static void blank_in(const stretches *list, uint64_t lo, uint64_t hi)
{
	for (size_t i = SEARCH_UPTO(list->items, list->n, hi, lo); i < list->n && list->items[i].lo < hi;
	     i++) {
		const struct stretch *s = &list->items[i];
		uint64_t from = lo > s->lo ? lo : s->lo, to = hi < s->hi ? hi : s->hi;

		if (from < to) /* stacks of a damaged file may overlap */
			memset(s->bytes + (from - s->lo), 0, to - from);
	}
}

void image_blank(struct image *im, uint64_t lo, uint64_t hi)
{
	if (lo >= hi)
		return;
	blank_in(&im->areas, lo, hi);
	blank_in(&im->stacks, lo, hi);
}

void image_free(struct image *im)
{
	for (size_t i = 0; i < im->memory.n; i++)
		free(im->memory.items[i]);
	VEC_FREE(&im->memory);
	VEC_FREE(&im->areas);
	VEC_FREE(&im->stacks);
}

static struct stretch *add(struct leaker *l, uint64_t lo, uint64_t hi, unsigned char *bytes,
			   enum stretch_kind kind)
{
	struct stretch *s = kind == STRETCH_STACK ? VEC_PUSH(&l->image.stacks) : VEC_PUSH(&l->image.areas);

	*s = (struct stretch){.lo = lo, .hi = hi, .bytes = bytes, .kind = kind};
	return s;
}

static unsigned char *keep(struct leaker *l, size_t n)
{
	return *VEC_PUSH(&l->image.memory) = base_malloc_large(n);
}

/* ---- mappings -------------------------------------------------------------------------------------------------- */

/* Reads [lo, hi) in pieces.  Pages in it that cannot be read split it. */
static void copy_range(struct leaker *l, uint64_t lo, uint64_t hi, bool is_thread)
{
	unsigned char *bytes;
	uint64_t at = lo, from;

	if (lo >= hi)
		return;
	bytes = keep(l, hi - lo);
	while (at < hi) {
		size_t n;

		for (from = at; at < hi; at += n) {
			struct span s = {at, bytes + (at - lo), hi - at < CHUNK ? hi - at : CHUNK, false};

			n = s.len;
			target_read_spans(l->target, &s, 1);
			if (s.ok)
				continue;
			n = 0;
			break;
		}
		if (at >= hi) {
			add(l, from, hi, bytes + (from - lo), STRETCH_ROOT)->is_thread = is_thread;
			l->stats->root_bytes += hi - from;
			return;
		}
		/* Page by page across the bad one. */
		for (; at < hi; at += TARGET_PAGE) {
			uint64_t end = (at | (TARGET_PAGE - 1)) + 1;
			struct span s = {at, bytes + (at - lo), (end < hi ? end : hi) - at, false};

			target_read_spans(l->target, &s, 1);
			if (!s.ok)
				break;
		}
		if (at > from) {
			add(l, from, at < hi ? at : hi, bytes + (from - lo), STRETCH_ROOT)->is_thread =
				is_thread;
			l->stats->root_bytes += at - from;
		}
		at = (at | (TARGET_PAGE - 1)) + 1;
	}
}

/* Copies what has been touched of a range, or, of a file that is only read, what is not the file's any more. */
static void copy_resident(struct leaker *l, uint64_t lo, uint64_t hi, unsigned char least)
{
	unsigned char present[4096];

	while (lo < hi) {
		size_t pages = (hi - lo + TARGET_PAGE - 1) / TARGET_PAGE, n, i = 0;

		n = pages < sizeof present ? pages : sizeof present;
		if (!target_resident(l->target, lo, n, present)) {
			copy_range(l, lo, hi, false);
			return;
		}
		for (size_t k = 0; k < n; k++)
			present[k] = present[k] >= least;
		while (i < n) {
			size_t j = i;

			while (j < n && present[j] == present[i])
				j++;
			if (present[i]) {
				uint64_t end = lo + j * TARGET_PAGE;

				copy_range(l, lo + i * TARGET_PAGE, end < hi ? end : hi, false);
			}
			i = j;
		}
		lo += n * TARGET_PAGE;
	}
}

/* The first piece of [lo, hi) that can be there; false: there is none. */
static bool next_piece(struct target *t, uint64_t lo, uint64_t hi, uint64_t *ret_lo, uint64_t *ret_hi)
{
	if (t->ops->piece)
		return t->ops->piece(t, lo, hi, ret_lo, ret_hi);
	*ret_lo = lo;
	*ret_hi = hi;
	return lo < hi;
}

/* A file may claim to have had more memory than anybody can copy: only what is in it is. */
static void copy_pieces(struct leaker *l, uint64_t lo, uint64_t hi, unsigned char least)
{
	uint64_t from, to;

	for (; next_piece(l->target, lo, hi, &from, &to); lo = to)
		copy_resident(l, from, to, least);
}

struct range {
	uint64_t lo, hi;
};

typedef VEC(struct range) ranges;

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* The parts of a mapping that are none of these. */
static void copy_mapping(struct leaker *l, const struct mapping *m, const ranges *without)
{
	unsigned char least = m->writable || !m->path[0] ? 1 : 2;
	uint64_t at = m->lo;

	for (size_t i = 0; i < without->n && at < m->hi; i++) {
		const struct range *r = &without->items[i];

		if (r->hi <= at || r->lo >= m->hi)
			continue;
		if (r->lo > at)
			copy_pieces(l, at, r->lo, least);
		at = r->hi;
	}
	if (at < m->hi)
		copy_pieces(l, at, m->hi, least);
}

/*
 * Memory that is only read now may have been written before, and hold pointers since: private pages of the process's own
 * count wherever they are.  What a device maps cannot be read, and so is left out by itself.
 */
static bool is_memory(const struct mapping *m)
{
	return m->readable && strncmp(m->path, "[vv", 3) != 0 && strcmp(m->path, "[vdso]") != 0 &&
	       strcmp(m->path, "[vsyscall]") != 0;
}

/* ---- stacks ------------------------------------------------------------------------------------------------------ */

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

static void arenas(struct leaker *l, ranges *ret)
{
	struct rt *rt = &l->rt;
	uint64_t at = rt_number(rt, "root.arenas"), n = rt_read_u32(rt, rt_number(rt, "root.narenas"), 0);
	uint64_t size = rt_number(rt, "const.slot_size");

	for (uint64_t i = 0; at && i < n && i < 4096; i++) {
		uint64_t base = rt_read_u64(rt, at + i * rt->sizeof_arena, rt->arena_base);
		uint64_t slots = rt_read_u32(rt, at + i * rt->sizeof_arena, rt->arena_nslots);

		if (base)
			*VEC_PUSH(ret) = (struct range){base, base + slots * size};
	}
}

/* The registry's marks are read apart. */
static void registered(struct leaker *l, ranges *ret)
{
	const struct registry *r = &l->registry;

	for (size_t i = 0; i < r->regions.n; i++)
		*VEC_PUSH(ret) = (struct range){r->regions.items[i].marks_at,
						r->regions.items[i].marks_at + r->region / r->granule};
}

/* Neighbours are joined, so that what is left out is left out once. */
static void join(ranges *r)
{
	size_t n = 0;

	VEC_SORT(r, compare_ranges);
	for (size_t i = 0; i < r->n; i++) {
		if (n && r->items[i].lo <= r->items[n - 1].hi) {
			if (r->items[i].hi > r->items[n - 1].hi)
				r->items[n - 1].hi = r->items[i].hi;
		} else {
			r->items[n++] = r->items[i];
		}
	}
	r->n = n;
}

/* Where the live part of a goroutine's stack begins. */
static uint64_t live_from(struct leaker *l, const struct goroutine *g)
{
	const struct target_thread *th;

	if (g->sp)
		return g->sp;
	th = g->tid ? target_thread(l->target, g->tid) : NULL;
	if (th && th->has_regs && th->regs.gpr[REG_RSP] > g->stack_lo && th->regs.gpr[REG_RSP] < g->stack_hi)
		return th->regs.gpr[REG_RSP] - RED_ZONE;
	return g->stack_lo;
}

enum { BATCH = 512 };

static void read_stacks(struct leaker *l, struct span *spans, const uint32_t *owners, size_t n)
{
	target_read_spans(l->target, spans, n);
	for (size_t i = 0; i < n; i++) {
		struct stretch *s;

		if (!spans[i].ok)
			continue;
		s = add(l, spans[i].addr, spans[i].addr + spans[i].len, spans[i].buf, STRETCH_STACK);
		s->owner = owners[i];
		l->stats->stack_bytes += spans[i].len;
	}
}

bool image_can_be(struct target *t, uint64_t lo, uint64_t hi)
{
	const struct mapping *m;
	uint64_t from, to;

	for (; lo < hi; lo = to < m->hi ? to : m->hi) {
		m = target_mapping(t, lo);
		if (!m || !m->readable || !next_piece(t, lo, hi, &from, &to) || from > lo)
			return false;
	}
	return true;
}

static void copy_stacks(struct leaker *l)
{
	struct span spans[BATCH];
	uint32_t owners[BATCH];
	size_t n = 0;

	for (size_t i = 0; i < l->world->ngoroutines; i++) {
		const struct goroutine *g = &l->world->goroutines[i];
		uint64_t lo = live_from(l, g) & ~(uint64_t)7;

		if ((!g->in_slot && !g->sp) || g->is_fresh || lo >= g->stack_hi || lo < g->stack_lo ||
		    !image_can_be(l->target, lo, g->stack_hi))
			continue;
		spans[n] = (struct span){lo, keep(l, g->stack_hi - lo), g->stack_hi - lo, false};
		owners[n++] = (uint32_t)i;
		if (n == BATCH) {
			read_stacks(l, spans, owners, n);
			n = 0;
		}
	}
	read_stacks(l, spans, owners, n);
}

/* ---- what is the runtime's --------------------------------------------------------------------------------------- */

static void blank_list(struct leaker *l, const char *root, uint32_t next, uint32_t size)
{
	uint64_t at = rt_read_u64(&l->rt, rt_number(&l->rt, root), 0);

	for (unsigned n = 0; at && size != RT_NO_FIELD && n < MAX_THREADS; n++) {
		uint64_t after = rt_read_u64(&l->rt, at, next);

		image_blank(&l->image, at, at + size);
		at = after;
	}
}

static void blank_ps(struct leaker *l)
{
	struct rt *rt = &l->rt;
	uint64_t allp = rt_number(rt, "root.allp"), n = rt_read_u32(rt, rt_number(rt, "root.nprocs"), 0);

	for (uint64_t i = 0; allp && i < n && i < 4096; i++) {
		uint64_t p = rt_read_u64(rt, allp + 8 * i, 0), timers = rt_read_u64(rt, p, rt->p_timers);
		uint64_t cap = rt_read_u32(rt, p, rt->p_timers_cap);

		if (timers && cap < (1 << 28) && rt->sizeof_timer_slot != RT_NO_FIELD)
			image_blank(&l->image, timers, timers + cap * rt->sizeof_timer_slot);
		if (p && rt->sizeof_p != RT_NO_FIELD)
			image_blank(&l->image, p, p + rt->sizeof_p);
	}
}

/* What crash code notes down of others: their registers, and copies of their Gs. */
static void blank_crash(struct leaker *l)
{
	uint64_t death = rt_number(&l->rt, "root.death"), stack = rt_number(&l->rt, "root.crash_stack");

	if (death && l->rt.sizeof_death != RT_NO_FIELD)
		image_blank(&l->image, death, death + l->rt.sizeof_death);
	if (stack)
		image_blank(&l->image, stack, stack + rt_number(&l->rt, "const.crash_stack"));
}

void image_blank_runtime(struct leaker *l)
{
	for (size_t i = 0; i < l->world->ngoroutines; i++) {
		const struct goroutine *g = &l->world->goroutines[i];

		if (!g->in_slot)
			image_blank(&l->image, g->addr, g->addr + l->rt.sizeof_g);
	}
	blank_crash(l);
	blank_list(l, "root.allm", l->rt.m_all_next, l->rt.sizeof_m);
	blank_ps(l);
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static void mark_thread_stacks(struct leaker *l)
{
	struct target *t = l->target;

	for (size_t i = 0; i < t->nthreads; i++) {
		struct stretch *s = t->threads[i].has_regs
					    ? image_find(&l->image, t->threads[i].regs.gpr[REG_RSP])
					    : NULL;

		if (s && s->kind == STRETCH_ROOT)
			s->is_thread = true;
	}
}

void image_copy(struct leaker *l)
{
	struct target *t = l->target;
	ranges without = {0};

	arenas(l, &without);
	registered(l, &without);
	dead_parts(l, &without);
	dead_parts_of_ms(l, &without);
	parked_on_threads(l, &without);
	join(&without);
	for (size_t i = 0; i < t->nmappings; i++)
		if (is_memory(&t->mappings[i]))
			copy_mapping(l, &t->mappings[i], &without);
	copy_stacks(l);
	image_sort(&l->image);
	VEC_SORT(&l->image.stacks, compare_stretches);
	if (l->image.stacks.n) {
		l->image.stacks_lo = l->image.stacks.items[0].lo;
		l->image.stacks_hi = l->image.stacks.items[l->image.stacks.n - 1].hi;
	}
	mark_thread_stacks(l);
	VEC_FREE(&without);
}
