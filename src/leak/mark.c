/* SPDX-License-Identifier: MIT */
/*
 * What: marks everything that goroutines which may still run can reach.
 *
 * How: a list of stretches of memory that are yet to be looked at, in which any eight bytes are taken for an address, aligned
 * or not: packed structs have pointers, too.
 *	- in a heap: the block it is in is marked and looked at;
 *	- in the stack of a goroutine that is not known to be alive: the frame it is in is marked and looked at.  A
 *	  pointer to a variable leads no further than to its frame; if the frames are not known, to the whole stack;
 *	- the address of a G, found on a thread's stack or in a register: a waker has it in hand; that goroutine is alive.
 * Whenever something has been marked, the goroutines that wait on objects in it come alive, and all of their stacks
 * is looked at.
 *
 * What marking spends its time with is memory that is in no cache.  So addresses in the heap are put on a list of their
 * own, and between that and being marked they pass a short queue: on entering it the block and its mark are asked
 * for, and until they leave it both have come.  Blocks are then looked at at once, while they are at hand, and large
 * pieces slice by slice, so that what one slice leads to is done before the next: the lists stay short.
 *
 * Invariants: each block, frame and stack is looked at once.
 */
#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>

#include "leak/inside.h"

enum { MAX_FRAMES = 4096, AHEAD = 32, SLICE = 4096, MAX_FOUND = 1 << 16, NEAR = 512, NEAR_BITS = 21 };

struct piece {
	uint64_t addr;
	const unsigned char *bytes;
	uint64_t n;
	bool is_thread;
};

/* An address in a heap. */
struct found {
	uint64_t addr; /* 0: an empty place of the queue */
	uint64_t at;   /* where it was found, for the trail */
	const struct stretch *area;
};

/* An interval of addresses that are in this stretch, or, if it is NULL, in none of the image's areas. */
struct near {
	uint64_t lo, hi;
	const struct stretch *stretch;
};

struct marker {
	struct leaker *l;
	struct table frames; /* first byte of a frame that was looked at -> itself */
	VEC(struct piece) todo;
	VEC(struct found) found;
	struct found ahead[AHEAD]; /* the queue: a ring */
	unsigned next, nahead;
	uint64_t lo, span;      /* heaps, stacks and Gs are in [lo, lo + span) */
	unsigned not_zero;      /* 0xff: the sixth byte of their addresses is never zero; else 0 */
	struct near near[NEAR]; /* what was found last, by address */
	struct uframe *frame_buf;
	uint64_t at; /* of the word that is being looked at, for the trail */
};

static void come_alive(void *arg, uint32_t index);

/* [addr, addr + n) is reached, and so is who waits for something in it. */
static void reach(struct marker *m, uint64_t addr, uint64_t n, const char *what)
{
	if (m->l->trail)
		trail_add(m->l->trail, addr, addr + n, m->at, what);
	m->at = addr;
	waits_in(m->l->waits, addr, addr + n, come_alive, m);
}

/* what: for the trail, if this is a root. */
static void look_at(struct marker *m, uint64_t addr, const unsigned char *bytes, uint64_t n, bool is_thread,
		    const char *what)
{
	reach(m, addr, n, what);
	*VEC_PUSH(&m->todo) = (struct piece){addr, bytes, n, is_thread};
}

/* ---- goroutines -------------------------------------------------------------------------------------------------- */

static struct stretch *stack_of(struct marker *m, const struct goroutine *g)
{
	return g->stack_hi ? image_find_stack(&m->l->image, g->stack_hi - 8) : NULL;
}

/* what: why it may run, if not for anything that was found. */
static void make_alive(struct marker *m, uint32_t index, const char *what)
{
	const struct goroutine *g = &m->l->world->goroutines[index];
	const struct extra *call;
	struct stretch *s;

	if (m->l->alive[index] || m->l->dead[index])
		return;
	m->l->alive[index] = 1;
	m->l->stats.marked_stacks++;
	if (m->l->trail)
		trail_alive(m->l->trail, index, m->at, what);
	call = table_get(&m->l->calls, index + 1);
	s = call ? NULL : stack_of(m, g);
	if (call)
		look_at(m, 0, call->bytes, call->n, false, "what go captured");
	else if (s)
		look_at(m, s->lo, s->bytes, s->hi - s->lo, !g->sp, what);
}

static void come_alive(void *arg, uint32_t index)
{
	make_alive(arg, index, NULL);
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/* Most addresses are near others: what the last one in these parts was in is remembered, nothing included. */
static const struct stretch *area_of(struct marker *m, uint64_t addr)
{
	struct near *n = &m->near[(addr >> NEAR_BITS) % NEAR];

	if (addr < n->lo || addr >= n->hi)
		n->stretch = image_find_gap(&m->l->image, addr, &n->lo, &n->hi);
	return n->stretch;
}

/* Of [lo, hi), what was copied: the rest was never touched. */
static void look_at_copied(struct marker *m, uint64_t lo, uint64_t hi, const char *what)
{
	while (lo < hi) {
		const struct stretch *s = area_of(m, lo);
		uint64_t end;

		if (!s) {
			lo = (lo | (TARGET_PAGE - 1)) + 1;
			continue;
		}
		end = hi < s->hi ? hi : s->hi;
		look_at(m, lo, s->bytes + (lo - s->lo), end - lo, what && s->is_thread, what);
		lo = end;
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

/*
 * The runtime remembers where the registers of a parked goroutine are, and leaves that address behind in registers and
 * on stacks of whoever ran next.  It leads to no object: what lies there is the runtime's, and a program's own variables
 * are further up, behind the frames of what it called to wait.
 */
static bool is_saved_by_switch(const struct marker *m, const struct goroutine *g, uint64_t addr)
{
	return g->sp && addr < g->sp + m->l->rt.sizeof_switch;
}

static void mark_frame(struct marker *m, const struct stretch *s, uint64_t addr)
{
	const struct goroutine *g = &m->l->world->goroutines[s->owner];
	uint64_t lo = s->lo, hi = s->hi;

	if (m->l->alive[s->owner] || is_saved_by_switch(m, g, addr))
		return;
	if (!frame_around(m, g, s, addr, &lo, &hi)) {
		lo = s->lo;
		hi = s->hi;
	}
	if (table_get(&m->frames, lo))
		return;
	table_put(&m->frames, lo, m);
	look_at(m, lo, s->bytes + (lo - s->lo), hi - lo, false, NULL);
}

static void mark_word(struct marker *m, uint64_t addr, uint64_t at, bool is_thread)
{
	const struct stretch *s = area_of(m, addr);
	uintptr_t g;

	if (s && s->kind == STRETCH_HEAP)
		*VEC_PUSH(&m->found) = (struct found){addr, at, s};
	if (is_thread && (g = (uintptr_t)table_get(&m->l->gs, addr)) != 0) {
		m->at = at;
		come_alive(m, (uint32_t)(g - 1));
	}
	if (!s && (s = image_find_stack(&m->l->image, addr)) != NULL) {
		m->at = at;
		mark_frame(m, s, addr);
	}
}

/*
 * Which of the eight words that begin in the first half of these 16 bytes may be addresses: a bit for each.  Addresses of
 * programs end with two zero bytes, and where nothing that is looked for lies in the first 1 << 40 bytes, with one before
 * them that is not zero.
 */
static inline unsigned candidates(const struct marker *m, const unsigned char *bytes)
{
	__m128i zeros =
		_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)bytes), _mm_setzero_si128());
	unsigned z = (unsigned)_mm_movemask_epi8(zeros);

	return z >> 6 & z >> 7 & ~(z >> 5 & m->not_zero) & 0xff;
}

static void mark_at(struct marker *m, const struct piece *p, uint64_t i)
{
	uint64_t word;

	memcpy(&word, p->bytes + i, 8);
	if (word - m->lo < m->span)
		mark_word(m, word, p->addr + i, p->is_thread && (p->addr + i) % 8 == 0);
}

static void scan(struct marker *m, const struct piece *p)
{
	uint64_t i = 0;

	for (; i + 16 <= p->n; i += 8) {
		unsigned found = candidates(m, p->bytes + i);

		for (; found; found &= found - 1)
			mark_at(m, p, i + (unsigned)__builtin_ctz(found));
	}
	for (; i + 8 <= p->n; i++)
		mark_at(m, p, i);
}

/* ---- the lists --------------------------------------------------------------------------------------------------- */

static void mark_block(struct marker *m, const struct found *f)
{
	const struct stretch *s = f->area;
	struct block b;

	if (!heaps_mark(m->l->heaps, s, f->addr, &b))
		return;
	m->l->stats.marked_blocks++;
	m->l->stats.marked_bytes += b.hi - b.lo;
	m->at = f->at;
	if (b.hi > s->hi || b.hi - b.lo > SLICE) {
		look_at_copied(m, b.lo, b.hi, NULL);
		return;
	}
	reach(m, b.lo, b.hi - b.lo, NULL);
	scan(m, &(struct piece){b.lo, s->bytes + (b.lo - s->lo), b.hi - b.lo, false});
}

/* Into the queue, and out of it what entered some time ago. */
static void through_queue(struct marker *m, struct found f)
{
	struct found *slot = &m->ahead[m->next++ % AHEAD], former = *slot;

	*slot = f;
	if (f.addr)
		heaps_prefetch(m->l->heaps, f.area, f.addr);
	else
		m->nahead--;
	if (former.addr)
		mark_block(m, &former);
	else
		m->nahead++;
}

/* What begins in one slice may end in the next. */
static void scan_slice(struct marker *m)
{
	struct piece *last = &m->todo.items[m->todo.n - 1], slice = *last;

	if (last->n <= SLICE + 7) {
		m->todo.n--;
	} else {
		slice.n = SLICE + 7;
		last->addr += SLICE;
		last->bytes += SLICE;
		last->n -= SLICE;
	}
	scan(m, &slice);
}

static void drain(struct marker *m)
{
	for (;;) {
		bool is_small = m->todo.n && m->todo.items[m->todo.n - 1].n <= SLICE;

		if ((is_small && m->found.n < MAX_FOUND) || (m->todo.n && !m->found.n))
			scan_slice(m);
		else if (m->found.n)
			through_queue(m, m->found.items[--m->found.n]);
		else if (m->nahead)
			through_queue(m, (struct found){0});
		else
			break;
	}
}

/* ---- roots --------------------------------------------------------------------------------------------------------- */

static void registers(struct marker *m)
{
	struct target *t = m->l->target;

	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];

		if (thread_is_idle(m->l, th))
			continue;
		look_at(m, 0, (const unsigned char *)th->regs.gpr, sizeof th->regs.gpr, true, "a register");
		if (th->xstate)
			look_at(m, 0, th->xstate, th->xstate_size & ~(size_t)7, true, "a vector register");
		else if (th->regs.xmm)
			look_at(m, 0, (const unsigned char *)th->xmm.lane, sizeof th->xmm.lane, true,
				"a vector register");
	}
}

/* What is in a heap, but in no block. */
static void look_at_gap(void *arg, uint64_t lo, uint64_t hi)
{
	look_at_copied(arg, lo, hi, "between the blocks of a heap");
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
			make_alive(m, (uint32_t)i, "it may run whatever the others do");
	for (size_t i = 0; i < l->image.areas.n; i++) {
		const struct stretch *s = &l->image.areas.items[i];

		if (s->kind == STRETCH_ROOT)
			look_at(m, s->lo, s->bytes, s->hi - s->lo, s->is_thread, "memory that is a root");
	}
	heaps_gaps(l->heaps, look_at_gap, m);
	registers(m);
	for (size_t i = 0; i < l->timers.n; i++)
		mark_word(m, l->timers.items[i], 0, true);
	for (size_t i = 0; i < l->extras.n; i++)
		look_at(m, l->extras.items[i].addr, l->extras.items[i].bytes, l->extras.items[i].n, false,
			"what gor_leak_root was given");
}

static void include(uint64_t *lo, uint64_t *hi, uint64_t from, uint64_t to)
{
	*lo = from < *lo ? from : *lo;
	*hi = to > *hi ? to : *hi;
}

/* Most words are numbers, and no address of anything that is looked for. */
static void find_range(struct marker *m)
{
	const struct image *im = &m->l->image;
	uint64_t lo = UINT64_MAX, hi = 0;

	include(&lo, &hi, im->stacks_lo, im->stacks_hi);
	for (size_t i = 0; i < im->areas.n; i++)
		if (im->areas.items[i].kind == STRETCH_HEAP)
			include(&lo, &hi, im->areas.items[i].lo, im->areas.items[i].hi);
	for (size_t i = 0; i < m->l->world->ngoroutines; i++)
		include(&lo, &hi, m->l->world->goroutines[i].addr, m->l->world->goroutines[i].addr + 1);
	m->lo = lo;
	m->span = hi - lo;
	m->not_zero = lo >> 40 ? 0xff : 0;
}

void mark_all(struct leaker *l)
{
	struct marker m = {.l = l};

	heaps_unmark(l->heaps);
	memset(l->alive, 0, l->world->ngoroutines);
	l->stats.marked_blocks = l->stats.marked_bytes = l->stats.marked_stacks = 0;
	if (l->trail)
		trail_clear(l->trail);
	find_range(&m);
	roots(&m);
	drain(&m);
	free(m.frame_buf);
	table_deinit(&m.frames);
	VEC_FREE(&m.todo);
	VEC_FREE(&m.found);
}
