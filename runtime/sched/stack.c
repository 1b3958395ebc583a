/* SPDX-License-Identifier: MIT */
/*
 * What: stacks for goroutines: a small resident start, growth by touching, a guard below each.
 *
 * How: address space is reserved in large arenas and cut into slots of one size (option stack=, a power of
 * two).  A slot, from low to high addresses:
 *
 *	guard | stack, untouched until used ... | captured call | G | skew
 *
 * The G lies in the top page, which the first frames touch anyway, so a parked goroutine costs one page.
 * Slots are a power of two apart, and equal offsets would fight for the same cache sets: the skew moves
 * the top of each slot by a few cache lines.
 *
 * Guards are MADV_GUARD_INSTALL (Linux 6.13): they need no entry in the kernel's map, so a million slots
 * fit under vm.max_map_count.  Where the kernel is older, guards are made by mprotect for as many slots as
 * half of the map entries allow, and after that not at all; gori_stack_guard_kind says so.  Rejected: one
 * mapping per stack (the map limit stops it at 32,000), growing by copying (C code keeps pointers).
 *
 * Slots go: fresh (an arena's bump pointer, handed to Ps in batches) -> live -> warm free lists of a P and
 * of the scheduler (proc.c) -> cold: pages given back, the slot number kept in a table of its own because
 * the G, where a link could live, is gone.
 *
 * Invariants: arenas are appended and never unmapped; `used` only grows, and a slot below it has its guard.
 * Locking: stack_lock guards arenas' growth, `used` and the cold table; readers of arenas need no lock.
 * Context: see stack.h; lookups are async-signal-safe.
 */
#define _GNU_SOURCE
#include "sched/stack.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sched/proc.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/options.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	PAGE = 4096,
	BATCH = 16, /* slots a P takes at a time */
	MAX_ARENAS = 1024,
	MAX_MPROTECT = 14000, /* guards by mprotect: two map entries each, under half of the default limit */
};

static struct gori_arena arenas[MAX_ARENAS];
static uint32_t narenas; /* atomic */
static uint32_t stack_lock;
static size_t slot_size, guard_size;
static enum { GUARD_MADVISE, GUARD_MPROTECT, GUARD_NONE } guard_kind;
static uint32_t nmprotect;

static uintptr_t *cold; /* slots whose pages were given back */
static size_t ncold, cold_cap;

size_t gori_stack_slot_size(void)
{
	return slot_size;
}

size_t gori_stack_guard_size(void)
{
	return guard_size;
}

const char *gori_stack_guard_kind(void)
{
	static const char *const names[] = {"madvise", "mprotect", "none"};

	return names[guard_kind];
}

/* An eighth of the slot, so that a frame larger than a page does not step over it; 64 KiB at most. */
static size_t guard_for(size_t slot)
{
	size_t guard = slot / 8;

	if (guard > 64 * 1024)
		guard = 64 * 1024;
	return guard < PAGE ? PAGE : guard & ~(size_t)(PAGE - 1);
}

static void *map_reserve(size_t size)
{
	void *p =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE); /* a huge page would make the first touch of a stack 2 MiB */
	return p;
}

static bool kernel_has_guards(void)
{
	void *p = map_reserve(2 * PAGE);
	bool ok;

	if (!p)
		return false;
	ok = madvise(p, PAGE, MADV_GUARD_INSTALL) == 0;
	munmap(p, 2 * PAGE);
	return ok;
}

void gori_stack_init(void)
{
	slot_size = gori_options.stack;
	guard_size = guard_for(slot_size);
	gori_table_add("root.arenas", (uintptr_t)arenas);
	gori_table_add("root.narenas", (uintptr_t)&narenas);
	gori_table_add("const.slot_size", slot_size);
	gori_table_add("const.guard_size", guard_size);
	gori_table_add("const.skews", GORI_SKEWS);
	gori_table_add("const.skew_step", GORI_SKEW_STEP);
	guard_kind = gori_options.guard_mprotect || !kernel_has_guards() ? GUARD_MPROTECT : GUARD_MADVISE;
}

static void install_guard(uintptr_t slot)
{
	if (guard_kind == GUARD_MADVISE) {
		if (madvise((void *)slot, guard_size, MADV_GUARD_INSTALL) == 0)
			return;
		guard_kind = GUARD_MPROTECT;
	}
	if (guard_kind == GUARD_MPROTECT) {
		if (nmprotect < MAX_MPROTECT && mprotect((void *)slot, guard_size, PROT_NONE) == 0) {
			nmprotect++;
			return;
		}
		guard_kind = GUARD_NONE;
		gori_warn("gorgon: this kernel has no MADV_GUARD_INSTALL and its map entries are used up: "
			  "further goroutine stacks have no guard page");
	}
}

/* ---- arenas ------------------------------------------------------------------------------------------ */

/* Each arena is twice the former, so that a million slots need a dozen of them. */
static uint32_t arena_slots(uint32_t i)
{
	uint64_t n = (uint64_t)256 << (i < 12 ? i : 12);
	uint64_t limit = ((uint64_t)1 << 40) / slot_size; /* no arena over 1 TiB */

	if (n > limit)
		n = limit;
	return (uint32_t)(n < BATCH ? BATCH : n);
}

/* Appends an arena; tries smaller ones where address space is short (RLIMIT_AS, overcommit 2). */
static bool arena_add(void)
{
	uint32_t i = narenas;

	if (i == MAX_ARENAS)
		return false;
	for (uint32_t n = arena_slots(i); n >= BATCH; n /= 2) {
		uintptr_t p = (uintptr_t)map_reserve((n + 1) * slot_size);

		if (!p)
			continue;
		arenas[i].base = (p + slot_size - 1) & ~(slot_size - 1);
		arenas[i].nslots = n;
		gori_store_rel(&narenas, i + 1); /* pairs with readers' acquire: base is set */
		return true;
	}
	return false;
}

/* Reserves up to BATCH fresh slots for p.  stack_lock is held. */
static bool take_batch(struct gori_p *p)
{
	struct gori_arena *a;
	uint32_t n;

	if (narenas == 0 || arenas[narenas - 1].used == arenas[narenas - 1].nslots)
		if (!arena_add())
			return false;
	a = &arenas[narenas - 1];
	n = a->nslots - a->used < BATCH ? a->nslots - a->used : BATCH;
	p->slot_next = a->base + a->used * slot_size;
	p->slot_end = p->slot_next + n * slot_size;
	for (uintptr_t slot = p->slot_next; slot < p->slot_end; slot += slot_size)
		install_guard(slot);
	gori_store_rel(&a->used, a->used + n); /* readers see only guarded slots */
	return true;
}

/* ---- slots ------------------------------------------------------------------------------------------- */

static struct gori_g *slot_g(uintptr_t slot)
{
	size_t skew = GORI_SKEW_STEP * (1 + slot / slot_size % GORI_SKEWS);

	return (struct gori_g *)(slot + slot_size - skew - sizeof(struct gori_g));
}

static struct gori_g *slot_init(uintptr_t slot)
{
	struct gori_g *g = slot_g(slot);

	g->stack_lo = slot + guard_size;
	g->stack_hi = (uintptr_t)g & ~(uintptr_t)63;
	return g;
}

static uintptr_t take_cold(struct gori_p *p)
{
	uintptr_t slot = 0;

	gori_lock(&stack_lock);
	if (ncold)
		slot = cold[--ncold];
	else if (take_batch(p)) {
		slot = p->slot_next;
		p->slot_next += slot_size;
	}
	gori_unlock(&stack_lock);
	return slot;
}

struct gori_g *gori_stack_alloc(struct gori_p *p)
{
	uintptr_t slot = p->slot_next;

	if (slot < p->slot_end)
		p->slot_next += slot_size;
	else if (!(slot = take_cold(p)))
		return NULL;
	return slot_init(slot);
}

/* Room for one more number; stack_lock is held.  A table that cannot grow just keeps slots warm. */
static bool cold_reserve(void)
{
	size_t cap = cold_cap ? cold_cap * 2 : 4096;
	uintptr_t *more;

	if (ncold < cold_cap)
		return true;
	more = mremap(cold, cold_cap * sizeof *cold, cap * sizeof *cold, MREMAP_MAYMOVE);
	if (!cold)
		more = mmap(NULL, cap * sizeof *cold, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	if (more == MAP_FAILED)
		return false;
	cold = more;
	cold_cap = cap;
	return true;
}

void gori_stack_release(struct gori_g *g)
{
	uintptr_t slot = g->stack_lo - guard_size;

	madvise((void *)g->stack_lo, slot_size - guard_size, MADV_DONTNEED); /* the G is zero now: dead */
	gori_lock(&stack_lock);
	if (cold_reserve())
		cold[ncold++] = slot;
	gori_unlock(&stack_lock);
}

void gori_stack_hold(void)
{
	gori_lock(&stack_lock);
}

void gori_stack_let_go(void)
{
	gori_unlock(&stack_lock);
}

/* ---- lookups ----------------------------------------------------------------------------------------- */

static uintptr_t find_slot(uintptr_t addr)
{
	uint32_t n = gori_load_acq(&narenas);

	for (uint32_t i = 0; i < n; i++)
		if (addr - arenas[i].base < (uintptr_t)gori_load_acq(&arenas[i].used) * slot_size)
			return addr & ~(slot_size - 1);
	return 0;
}

struct gori_g *gori_stack_owner(uintptr_t addr)
{
	uintptr_t slot = find_slot(addr);

	return slot ? slot_g(slot) : NULL;
}

bool gori_stack_is_guard(uintptr_t addr, struct gori_g **ret_g)
{
	uintptr_t slot = find_slot(addr);

	if (!slot || addr >= slot + guard_size)
		return false;
	*ret_g = slot_g(slot);
	return true;
}

bool gori_stack_foreach(bool (*fn)(struct gori_g *, void *), void *arg)
{
	uint32_t n = gori_load_acq(&narenas);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t used = gori_load_acq(&arenas[i].used);

		for (uint32_t k = 0; k < used; k++)
			if (!fn(slot_g(arenas[i].base + k * slot_size), arg))
				return false;
	}
	return true;
}

uintptr_t gori_stack_map_system(size_t size)
{
	uintptr_t p = (uintptr_t)map_reserve(size + PAGE);

	if (!p)
		return 0;
	if (mprotect((void *)p, PAGE, PROT_NONE) != 0)
		return 0;
	return p + PAGE;
}
