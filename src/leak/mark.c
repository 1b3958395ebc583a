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

enum { MAX_FRAMES = 4096, AHEAD = 64 };

struct piece {
	uint64_t addr;
	const unsigned char *bytes;
	uint64_t n;
	bool is_thread;
};

struct marker {
	struct leaker *l;
	struct table frames; /* first byte of a frame that was looked at -> itself */
	VEC(struct piece) todo;
	struct stretch *last; /* area of the last address found: mostly that of the next too */
	struct uframe *frame_buf;
	/* Addresses in the heap wait here until what they lead to has come into the cache. */
	uint64_t ahead[AHEAD];
	unsigned next;
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
	return g->stack_hi ? image_find_stack(&m->l->image, g->stack_hi - 8) : NULL;
}

static void come_alive(void *arg, uint32_t index)
{
	struct marker *m = arg;
	const struct goroutine *g = &m->l->world->goroutines[index];
	const struct extra *call;
	struct stretch *s;

	if (m->l->alive[index] || m->l->dead[index])
		return;
	m->l->alive[index] = 1;
	m->l->stats->marked_stacks++;
	call = table_get(&m->l->calls, index + 1);
	if (call) {
		look_at(m, 0, call->bytes, call->n, false);
		return;
	}
	s = stack_of(m, g);
	if (s)
		look_at(m, s->lo, s->bytes, s->hi - s->lo, !g->sp);
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/* Of [lo, hi), what was copied: the rest was never touched.  s is where lo may be, or NULL. */
static void look_at_copied(struct marker *m, const struct stretch *s, uint64_t lo, uint64_t hi, bool is_root)
{
	while (lo < hi) {
		uint64_t end;

		if (!s || lo < s->lo || lo >= s->hi)
			s = image_find(&m->l->image, lo);
		if (!s) {
			lo = (lo | (TARGET_PAGE - 1)) + 1;
			continue;
		}
		end = hi < s->hi ? hi : s->hi;
		look_at(m, lo, s->bytes + (lo - s->lo), end - lo, is_root && s->is_thread);
		lo = end;
	}
}

static void mark_block(struct marker *m, uint64_t addr)
{
	const struct stretch *s = m->last && addr >= m->last->lo && addr < m->last->hi
					  ? m->last
					  : image_find(&m->l->image, addr);
	struct block b;

	if (!s || !heaps_mark(m->l->heaps, s, addr, &b))
		return;
	m->l->stats->marked_blocks++;
	m->l->stats->marked_bytes += b.hi - b.lo;
	look_at_copied(m, s, b.lo, b.hi, false);
}

/* An address in a heap: asks for the memory, and marks one that was asked for some time ago. */
static void mark_soon(struct marker *m, const struct stretch *s, uint64_t addr)
{
	uint64_t *slot = &m->ahead[m->next++ % AHEAD], former = *slot;

	heaps_prefetch(m->l->heaps, s, addr);
	*slot = addr;
	if (former)
		mark_block(m, former);
}

/* The frame of a parked goroutine that addr is in; false if its frames are not known. */
static bool frame_around(struct marker *m, const struct goroutine *g, const struct stretch *s, uint64_t addr,
			 uint64_t *ret_lo, uint64_t *ret_hi)
{
	enum stack_end end;
	struct regs regs;
	uint64_t lo = s->lo;
	size_t n;

	if (!m->frame_buf)
		m->frame_buf = base_malloc(MAX_FRAMES * sizeof m->frame_buf[0]);
	target_set_window(m->l->target, s->lo, s->hi, s->bytes);
	if (!collect_parked_regs(m->l->target, &m->l->rt, g, &regs)) {
		target_set_window(m->l->target, 0, 0, NULL);
		return false;
	}
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
		mark_soon(m, s, addr);
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
		mark_soon(m, s, addr);
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
	unsigned idle = 0; /* consecutive places of the queue that were empty */

	while (m->todo.n || idle < AHEAD) {
		uint64_t *slot = &m->ahead[m->next % AHEAD], former = *slot;

		if (m->todo.n) {
			struct piece p = m->todo.items[--m->todo.n];

			mark_piece(m, &p);
			idle = 0;
			continue;
		}
		m->next++;
		*slot = 0;
		idle = former ? 0 : idle + 1;
		if (former)
			mark_block(m, former);
	}
}

/* ---- roots --------------------------------------------------------------------------------------------------------- */

/* A thread of the scheduler's that has nothing to do: what its registers held last is of no use to it any more. */
static bool is_idle(struct leaker *l, const struct target_thread *th)
{
	return th->state == THREAD_FUTEX && table_get(&l->idle, (uint64_t)th->tid) != NULL;
}

static void registers(struct marker *m)
{
	struct target *t = m->l->target;

	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];

		if (is_idle(m->l, th))
			continue;
		look_at(m, 0, (const unsigned char *)th->regs.gpr, sizeof th->regs.gpr, true);
		if (th->xstate)
			look_at(m, 0, th->xstate, th->xstate_size & ~(size_t)7, true);
		else if (th->regs.xmm)
			look_at(m, 0, (const unsigned char *)th->xmm.lane, sizeof th->xmm.lane, true);
	}
}

/* What is in a heap, but in no block. */
static void look_at_gap(void *arg, uint64_t lo, uint64_t hi)
{
	struct marker *m = arg;

	if (!m->last || lo < m->last->lo || lo >= m->last->hi)
		m->last = image_find(&m->l->image, lo);
	look_at_copied(m, m->last, lo, hi, true);
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
	heaps_gaps(l->heaps, look_at_gap, m);
	registers(m);
	for (size_t i = 0; i < l->timers.n; i++)
		mark_word(m, l->timers.items[i], true);
	for (size_t i = 0; i < l->extras.n; i++)
		look_at(m, l->extras.items[i].addr, l->extras.items[i].bytes, l->extras.items[i].n, false);
}

void mark_all(struct leaker *l)
{
	struct marker m = {.l = l};

	heaps_unmark(l->heaps);
	memset(l->alive, 0, l->world->ngoroutines);
	l->stats->marked_blocks = l->stats->marked_bytes = l->stats->marked_stacks = 0;
	roots(&m);
	drain(&m);
	free(m.frame_buf);
	table_deinit(&m.frames);
	VEC_FREE(&m.todo);
}
