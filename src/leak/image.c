/* SPDX-License-Identifier: MIT */
/*
 * What: a copy of all memory of the target that can hold pointers.
 *
 * How: every mapping that can be written, but for
 *	- the arenas of goroutine stacks, of which only the live part of each stack is taken;
 *	- pages that were never touched, where the kernel tells (/proc/PID/pagemap);
 *	- device memory and the like, which cannot be read.
 * Shared writable mappings are taken too: pointers may hide there.  What of it is dead is found later (stacks.c), so that
 * nothing but copying is done while the target is stopped; from then on the target's memory is read here.
 *
 * In the end, what belongs to the runtime is blanked: Gs, Ms, Ps and their timer heaps.  Pending timers are roots for
 * what they will touch (mark.c).
 *
 * Invariants: memory that could not be copied is noted in the world: something there might reach anything.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"
#include "base/search.h"
#include "leak/inside.h"

enum { CHUNK = 1 << 20, LIVE_BYTES = 1024 /* of a usual parked goroutine */ };

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

struct stretch *image_find_slot(struct image *im, uint64_t addr)
{
	return find(&im->slots, addr);
}

void image_sort(struct image *im)
{
	VEC_SORT(&im->areas, compare_stretches);
}

void image_cut(struct image *im, uint64_t lo, uint64_t hi)
{
	size_t n = im->areas.n;

	for (size_t i = 0; i < n; i++) {
		struct stretch *s = &im->areas.items[i], rest = *s;

		if (hi <= s->lo || lo >= s->hi)
			continue;
		s->hi = lo > s->lo ? lo : s->lo;
		if (hi >= rest.hi)
			continue;
		rest.bytes += hi - rest.lo;
		rest.lo = hi;
		*VEC_PUSH(&im->areas) = rest;
	}
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
	VEC_FREE(&im->slots);
	VEC_FREE(&im->without);
}

static void add(struct leaker *l, uint64_t lo, uint64_t hi, unsigned char *bytes)
{
	*VEC_PUSH(&l->image.areas) =
		(struct stretch){.lo = lo, .hi = hi, .bytes = bytes, .kind = STRETCH_ROOT};
	l->stats.root_bytes += hi - lo;
}

unsigned char *image_keep(struct leaker *l, size_t n)
{
	struct pool *p = &l->image.pool;

	if (n <= p->n) {
		p->n -= n;
		return p->bytes + p->n;
	}
	return *VEC_PUSH(&l->image.memory) = base_malloc_large(n);
}

/* ---- mappings -------------------------------------------------------------------------------------------------- */

/* Reads [lo, hi) in pieces.  Pages in it that cannot be read split it. */
static void copy_range(struct leaker *l, uint64_t lo, uint64_t hi)
{
	unsigned char *bytes;
	uint64_t at = lo, from;

	if (lo >= hi)
		return;
	bytes = image_keep(l, hi - lo);
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
			add(l, from, hi, bytes + (from - lo));
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
		if (at > from)
			add(l, from, at < hi ? at : hi, bytes + (from - lo));
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
			copy_range(l, lo, hi);
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

				copy_range(l, lo + i * TARGET_PAGE, end < hi ? end : hi);
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

/* ---- what is read apart ------------------------------------------------------------------------------------------ */

static void arenas(struct leaker *l, ranges *ret)
{
	struct rt *rt = &l->rt;
	struct rt_slots s;

	for (uint32_t i = 0; rt_slots(rt, i, &s); i++)
		*VEC_PUSH(ret) = (struct range){s.base, s.base + s.n * s.size};
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

/* ---- stacks in slots --------------------------------------------------------------------------------------------- */

enum { BATCH = 512, MAX_SLOTS = 1 << 24 /* of all arenas */ };

/* Room for consecutive spans; add_slots makes stretches of those that could be read. */
static void add_slots(struct leaker *l, struct span *spans, size_t n)
{
	unsigned char *bytes;
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += spans[i].len;
	bytes = image_keep(l, size);
	for (size_t i = 0; i < n; i++) {
		spans[i].buf = bytes;
		bytes += spans[i].len;
	}
	target_read_spans(l->target, spans, n);
	for (size_t i = 0; i < n; i++)
		if (spans[i].ok)
			*VEC_PUSH(&l->image.slots) = (struct stretch){.lo = spans[i].addr,
								      .hi = spans[i].addr + spans[i].len,
								      .bytes = spans[i].buf,
								      .kind = STRETCH_STACK};
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

/* From the live part of its stack, and what a leaf may use below it, to the end of the G: what go captured included. */
static bool span_of(struct leaker *l, uint64_t g, const unsigned char *copy, struct span *ret)
{
	struct rt *rt = &l->rt;
	uint64_t lo = rt_u64(copy, rt->g_stack_lo), m = rt_u64(copy, rt->g_m), from;

	if (rt_u8(copy, rt->g_status) == GORI_GDEAD || rt_u64(copy, rt->g_goid) == 0)
		return false;
	from = stack_live_from(l, rt_u64(copy, rt->g_sp), m ? (int32_t)rt_read_u32(rt, m, rt->m_tid) : 0, lo,
			       rt_u64(copy, rt->g_stack_hi));
	from = from > lo + RED_ZONE && from < g ? (from - RED_ZONE) & ~(uint64_t)7 : lo;
	*ret = (struct span){from, NULL, g + rt->sizeof_g - from, false};
	return from < g && image_can_be(l->target, from, g + rt->sizeof_g);
}

static void copy_slots(struct leaker *l, const struct rt_slots *s)
{
	unsigned char *gs = base_malloc((size_t)BATCH * l->rt.sizeof_g + RT_SLACK);
	struct span spans[BATCH];

	for (uint64_t at = 0; at < s->used; at += BATCH) {
		size_t n = s->used - at < BATCH ? s->used - at : BATCH, live = 0;

		for (size_t i = 0; i < n; i++)
			spans[i] = (struct span){rt_slot_g(&l->rt, s, at + i), gs + i * l->rt.sizeof_g,
						 l->rt.sizeof_g, false};
		target_read_spans(l->target, spans, n);
		for (size_t i = 0; i < n; i++)
			if (spans[i].ok && span_of(l, spans[i].addr, spans[i].buf, &spans[live]))
				live++;
		add_slots(l, spans, live);
	}
	free(gs);
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

/* ---- in advance -------------------------------------------------------------------------------------------------- */

/* Bytes of a mapping that have been written, as far as can be told. */
static uint64_t written(struct leaker *l, const struct mapping *m)
{
	unsigned char present[4096];
	uint64_t pages = 0;

	for (uint64_t lo = m->lo; lo < m->hi; lo += sizeof present * TARGET_PAGE) {
		uint64_t left = (m->hi - lo) / TARGET_PAGE, n = left < sizeof present ? left : sizeof present;

		if (!target_resident(l->target, lo, n, present))
			return 0;
		for (uint64_t i = 0; i < n; i++)
			pages += present[i] == 2;
	}
	return pages * TARGET_PAGE;
}

static bool is_apart(const struct leaker *l, const struct mapping *m)
{
	size_t i = SEARCH_UPTO(l->image.without.items, l->image.without.n, hi, m->lo);

	return i < l->image.without.n && l->image.without.items[i].lo < m->hi;
}

void image_reserve(struct leaker *l)
{
	const struct target *t = l->target;
	struct rt_slots s;
	uint64_t n = 0;

	arenas(l, &l->image.without);
	join(&l->image.without);
	for (size_t i = 0; i < t->nmappings; i++)
		if (is_memory(&t->mappings[i]) && t->mappings[i].writable && !is_apart(l, &t->mappings[i]))
			n += written(l, &t->mappings[i]);
	for (uint32_t i = 0; rt_slots(&l->rt, i, &s); i++)
		n += s.used * LIVE_BYTES;
	l->image.without.n = 0;
	if (!n)
		return;
	n += n / 16;
	*VEC_PUSH(&l->image.memory) = l->image.pool.bytes = base_malloc_large(n);
	l->image.pool.n = n;
	for (uint64_t i = 0; i < n; i += TARGET_PAGE)
		l->image.pool.bytes[i] = 0;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

/* What was never touched reads as zeros. */
static const unsigned char *untouched(struct leaker *l, uint64_t addr, size_t *ret_n)
{
	static const unsigned char zeros[TARGET_PAGE];
	const struct mapping *m = target_mapping(l->target, addr);
	size_t i = SEARCH_UPTO(l->image.without.items, l->image.without.n, hi, addr);

	if (!m || !m->writable || m->shared || (m->path[0] && m->path[0] != '['))
		return NULL;
	if (i < l->image.without.n && l->image.without.items[i].lo <= addr)
		return NULL;
	*ret_n = TARGET_PAGE - addr % TARGET_PAGE;
	return zeros;
}

static const unsigned char *bytes_at(void *arg, uint64_t addr, size_t *ret_n)
{
	struct leaker *l = arg;
	const struct stretch *s = image_find(&l->image, addr);

	s = s ? s : find(&l->image.slots, addr);
	s = s ? s : find(&l->image.stacks, addr);
	if (!s)
		return untouched(l, addr, ret_n);
	*ret_n = s->hi - addr;
	return s->bytes + (addr - s->lo);
}

void image_copy(struct leaker *l)
{
	struct target *t = l->target;
	uint64_t left = MAX_SLOTS;
	struct rt_slots s;

	arenas(l, &l->image.without);
	registered(l, &l->image.without);
	join(&l->image.without);
	for (size_t i = 0; i < t->nmappings; i++)
		if (is_memory(&t->mappings[i]))
			copy_mapping(l, &t->mappings[i], &l->image.without);
	for (uint32_t i = 0; rt_slots(&l->rt, i, &s) && s.used <= left; i++, left -= s.used)
		copy_slots(l, &s);
	image_sort(&l->image);
	VEC_SORT(&l->image.slots, compare_stretches);
	if (!t->ops->is_file)
		target_set_copy(t, bytes_at, l);
}
