/* SPDX-License-Identifier: MIT */
/*
 * What: marks everything that goroutines which may still run can reach.
 *
 * How: a list of stretches of memory that are yet to be looked at, in which every aligned word is taken for an address.
 *	- in a heap: the block it is in is marked and looked at;
 *	- in the stack of a goroutine that is not known to be alive: the frame it is in is marked and looked at.  A
 *	  pointer to a variable leads no further than to its frame; if the frames are not known, to the whole stack;
 *	- the address of a G, found on a thread's stack or in a register: a waker has it in hand; that goroutine is alive.
 * Whenever something has been marked, the goroutines that wait on objects in it come alive, and all of their stacks
 * is looked at.
 *
 * Words at odd addresses are not looked at: packed structs with pointers in them are rare, and are documented.
 *
 * Invariants: each block, frame and stack is put on the list once.
 */
#include <stdlib.h>
#include <string.h>

#include "leak/inside.h"

enum { MAX_FRAMES = 4096, MAX_TIMERS = 1 << 24 };

struct piece {
	uint64_t addr;
	const unsigned char *bytes;
	uint64_t n;
	bool is_thread;
};

struct marker {
	struct leaker *l;
	unsigned char *blocks; /* bit per block */
	struct table frames;   /* first byte of a frame that was looked at -> itself */
	VEC(struct piece) todo;
	struct stretch *last; /* area of the last address found: mostly that of the next too */
	struct uframe *frame_buf;
};

static void come_alive(void *arg, uint32_t goroutine);

static void look_at(struct marker *m, uint64_t addr, const unsigned char *bytes, uint64_t n, bool is_thread)
{
	*VEC_PUSH(&m->todo) = (struct piece){addr, bytes, n, is_thread};
	waits_in(m->l->waits, addr, addr + n, come_alive, m);
}

/* ---- goroutines -------------------------------------------------------------------------------------------------- */

static struct stretch *stack_of(struct marker *m, const struct goroutine *g)
{
	struct stretch *s = g->stack_hi ? image_find_stack(&m->l->image, g->stack_hi - 8) : NULL;

	return s;
}

/* The arguments that go captured: its roots as long as it has not begun. */
static void look_at_call(struct marker *m, const struct goroutine *g)
{
	struct leaker *l = m->l;
	unsigned char *copy = arena_alloc(&l->rt.arena, l->rt.sizeof_call);
	uint64_t stack, n;

	if (target_read(l->target, g->call, copy, l->rt.sizeof_call) != 0)
		return;
	look_at(m, 0, copy, l->rt.sizeof_call & ~7u, false);
	stack = rt_u64(copy, l->rt.call_stack);
	n = rt_u32(copy, l->rt.call_nstack) * 8ull;
	if (!stack || !n || n > TARGET_PAGE)
		return;
	copy = arena_alloc(&l->rt.arena, n);
	if (target_read(l->target, stack, copy, n) == 0)
		look_at(m, 0, copy, n, false);
}

static void come_alive(void *arg, uint32_t index)
{
	struct marker *m = arg;
	const struct goroutine *g = &m->l->world->goroutines[index];
	struct stretch *s;

	if (m->l->alive[index] || m->l->dead[index])
		return;
	m->l->alive[index] = 1;
	m->l->stats->marked_stacks++;
	if (g->is_fresh && g->call) {
		look_at_call(m, g);
		return;
	}
	s = stack_of(m, g);
	if (s)
		look_at(m, s->lo, s->bytes, s->hi - s->lo, !g->sp);
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

static void mark_block(struct marker *m, const struct stretch *s, uint64_t addr)
{
	uint64_t number, hi;
	struct block b;

	if (!heaps_block(m->l->heaps, s, addr, &b, &number) || m->blocks[number / 8] >> number % 8 & 1)
		return;
	m->blocks[number / 8] |= (unsigned char)(1 << number % 8);
	m->l->stats->marked_blocks++;
	m->l->stats->marked_bytes += b.hi - b.lo;
	/* Only what was copied: the rest of a large block was never touched. */
	while (b.lo < b.hi) {
		s = image_find(&m->l->image, b.lo);
		if (!s) {
			b.lo = (b.lo | (TARGET_PAGE - 1)) + 1;
			continue;
		}
		hi = b.hi < s->hi ? b.hi : s->hi;
		look_at(m, b.lo, s->bytes + (b.lo - s->lo), hi - b.lo, false);
		b.lo = hi;
	}
}

/* The frame of a parked goroutine that addr is in; false if its frames are not known. */
static bool frame_around(struct marker *m, const struct goroutine *g, const struct stretch *s, uint64_t addr,
			 uint64_t *ret_lo, uint64_t *ret_hi)
{
	enum stack_end end;
	struct regs regs;
	uint64_t lo = s->lo;
	size_t n;

	if (!image_parked_regs(m->l, g, &regs))
		return false;
	if (!m->frame_buf)
		m->frame_buf = base_malloc(MAX_FRAMES * sizeof m->frame_buf[0]);
	target_set_window(m->l->target, s->lo, s->hi, s->bytes);
	n = unwind(debug_unwinder(m->l->debug), &regs, false, m->frame_buf, MAX_FRAMES, &end);
	target_set_window(m->l->target, 0, 0, NULL);
	if (end != STACK_COMPLETE)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t hi = m->frame_buf[i].cfa;

		if (m->frame_buf[i].guessed || hi <= lo || hi > s->hi)
			return false;
		if (addr < hi) {
			*ret_lo = lo;
			*ret_hi = hi;
			return true;
		}
		lo = hi;
	}
	*ret_lo = lo;
	*ret_hi = s->hi;
	return true;
}

static void mark_frame(struct marker *m, const struct stretch *s, uint64_t addr)
{
	const struct goroutine *g = &m->l->world->goroutines[s->owner];
	uint64_t lo = s->lo, hi = s->hi;

	if (m->l->alive[s->owner])
		return;
	if (!frame_around(m, g, s, addr, &lo, &hi)) {
		lo = s->lo;
		hi = s->hi;
	}
	if (table_get(&m->frames, lo))
		return;
	table_put(&m->frames, lo, m);
	look_at(m, lo, s->bytes + (lo - s->lo), hi - lo, false);
}

static void mark_word(struct marker *m, uint64_t addr, bool is_thread)
{
	struct image *im = &m->l->image;
	struct stretch *s = m->last;

	if (s && addr >= s->lo && addr < s->hi) {
		mark_block(m, s, addr);
		return;
	}
	if (addr >= im->stacks_lo && addr < im->stacks_hi) {
		s = image_find_stack(im, addr);
		if (s)
			return mark_frame(m, s, addr);
	}
	if (is_thread) {
		uintptr_t g = (uintptr_t)table_get(&m->l->gs, addr);

		if (g)
			return come_alive(m, (uint32_t)(g - 1));
	}
	s = image_find(im, addr);
	if (s && s->kind == STRETCH_HEAP) {
		m->last = s;
		mark_block(m, s, addr);
	}
}

static void mark_piece(struct marker *m, const struct piece *p)
{
	uint64_t skip = -p->addr & 7;
	uint64_t lo = m->l->image.areas.n ? m->l->image.areas.items[0].lo : 0;
	uint64_t word;

	if (m->l->image.stacks.n && m->l->image.stacks_lo < lo)
		lo = m->l->image.stacks_lo;
	for (uint64_t i = skip; i + 8 <= p->n; i += 8) {
		memcpy(&word, p->bytes + i, 8);
		/* Most words are small numbers; user addresses have 47 bits. */
		if (word >= lo && word < (uint64_t)1 << 47)
			mark_word(m, word, p->is_thread);
	}
}

static void drain(struct marker *m)
{
	while (m->todo.n) {
		struct piece p = m->todo.items[--m->todo.n];

		mark_piece(m, &p);
	}
}

/* ---- roots --------------------------------------------------------------------------------------------------------- */

static void registers(struct marker *m)
{
	struct target *t = m->l->target;

	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];

		look_at(m, 0, (const unsigned char *)th->regs.gpr, sizeof th->regs.gpr, true);
		if (th->regs.xmm)
			look_at(m, 0, (const unsigned char *)th->xmm.lane, sizeof th->xmm.lane, true);
	}
}

/* A pending timer will touch its argument, and is itself part of something. */
static void timers(struct marker *m)
{
	struct leaker *l = m->l;
	struct rt *rt = &l->rt;
	uint64_t allp = rt_number(rt, "root.allp"), np = rt_read_u32(rt, rt_number(rt, "root.nprocs"), 0);

	for (uint64_t i = 0; allp && i < np && i < 4096; i++) {
		uint64_t p = rt_read_u64(rt, allp + 8 * i, 0), at = rt_read_u64(rt, p, rt->p_timers);
		uint64_t n = rt_read_u32(rt, p, rt->p_ntimers);

		for (uint64_t k = 0; at && k < n && k < MAX_TIMERS; k++) {
			uint64_t timer =
				rt_read_u64(rt, at + k * rt->sizeof_timer_slot, rt->timer_slot_timer);

			mark_word(m, timer, true);
			mark_word(m, rt_read_u64(rt, timer, rt->timer_arg), true);
		}
	}
}

/* gor_leak_root: pairs of address and length, an array that ends with an address of 0. */
static void extra_roots(struct marker *m)
{
	struct rt *rt = &m->l->rt;
	uint64_t at = rt_read_u64(rt, rt_number(rt, "root.leak_roots"), 0);

	for (unsigned n = 0; at && n < (1 << 20); n++, at += 16) {
		uint64_t addr = rt_read_u64(rt, at, 0), len = rt_read_u64(rt, at, 8);
		unsigned char *copy;

		if (!addr)
			return;
		if (len > (1u << 30))
			continue;
		copy = arena_alloc(&rt->arena, len);
		if (target_read(m->l->target, addr, copy, len) == 0)
			look_at(m, addr, copy, len & ~(uint64_t)7, false);
	}
}

static bool is_root(const struct leaker *l, const struct goroutine *g)
{
	return !waits_is_candidate(g) || g->id == l->options->caller || g->leak_ignored ||
	       (l->options->at_exit && g->is_main);
}

static void roots(struct marker *m)
{
	struct leaker *l = m->l;

	for (size_t i = 0; i < l->world->ngoroutines; i++)
		if (is_root(l, &l->world->goroutines[i]))
			come_alive(m, (uint32_t)i);
	for (size_t i = 0; i < l->image.areas.n; i++) {
		const struct stretch *s = &l->image.areas.items[i];

		if (s->kind == STRETCH_ROOT)
			look_at(m, s->lo, s->bytes, s->hi - s->lo, s->is_thread);
	}
	registers(m);
	timers(m);
	extra_roots(m);
}

void mark_all(struct leaker *l)
{
	uint64_t n = heaps_count(l->heaps) / 8 + 1;
	struct marker m = {.l = l};

	m.blocks = base_malloc(n);
	memset(m.blocks, 0, n);
	memset(l->alive, 0, l->world->ngoroutines);
	l->stats->marked_blocks = l->stats->marked_bytes = l->stats->marked_stacks = 0;
	roots(&m);
	drain(&m);
	free(m.blocks);
	free(m.frame_buf);
	table_deinit(&m.frames);
	VEC_FREE(&m.todo);
}
