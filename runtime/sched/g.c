/* SPDX-License-Identifier: MIT */
/*
 * What: the life of a goroutine: made by go(), run, ended, reused.
 *
 *	DEAD -> RUNNABLE     gori_newproc
 *	RUNNABLE -> RUNNING  the scheduler
 *	RUNNING -> WAITING   gori_park            WAITING -> RUNNABLE  gori_ready
 *	RUNNING -> SYSCALL   gor_blocking_begin   SYSCALL -> RUNNING   gor_blocking_end
 *	RUNNING -> DEAD      gori_goexit0
 *
 * How: the call that go() captured is stored right below the G in its slot, so making a goroutine touches
 * one page and no heap.  Ended ones are kept by their P with warm stacks, hottest first; what is too many
 * goes to a shared list, in batches, and what is too many there is given back to the system by sysmon.
 *
 * Invariants: a G on a free list is DEAD and keeps its goid until it is reused, so that a dump can say
 * which goroutine ended there.
 * Locking: a P's list belongs to its owner; the shared list to sched.lock.
 * Context: inside the runtime, unless marked.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/arch.h"
#include "sched/proc.h"
#include "sched/stack.h"
#include "sys/clock.h"
#include "sys/options.h"
#include "sys/sanitize.h"

enum {
	FREE_BATCH = 128,      /* moved to and from the shared list; a P keeps two at most */
	SCAVENGE = 1000000000, /* ns: what nobody has wanted for so long is given back */
	SCAVENGE_BATCHES = 4,  /* at each tick of sysmon */
};

/* ---- free lists ------------------------------------------------------------------------------------------ */

/*
 * A batch is a list by `link`.  In the shared list its first one has the next batch in `all_next`, which no
 * goroutine in a slot uses otherwise, and its length in `nwaiters`; so batches move without a look at the rest.
 * Locking: sched.lock.
 */
static void batch_put(struct gori_g *first, uint32_t n)
{
	first->nwaiters = n;
	first->all_next = gori_sched.gfree;
	gori_sched.gfree = first;
	gori_store(&gori_sched.ngfree, gori_sched.ngfree + n);
}

static struct gori_g *batch_get(uint32_t *ret_n)
{
	struct gori_g *first = gori_sched.gfree;

	*ret_n = first ? first->nwaiters : 0;
	if (first)
		gori_sched.gfree = first->all_next;
	gori_store(&gori_sched.ngfree, gori_sched.ngfree - *ret_n);
	return first;
}

/* One of the shared list, which is not empty. */
static struct gori_g *shared_pop(void)
{
	struct gori_g *g = gori_sched.gfree, *next = g->link;

	if (next) {
		next->nwaiters = g->nwaiters - 1;
		next->all_next = g->all_next;
	}
	gori_sched.gfree = next ? next : g->all_next;
	gori_store(&gori_sched.ngfree, gori_sched.ngfree - 1);
	return g;
}

/* p's free goroutines to the shared list.  The world is stopped; sched.lock is held. */
void gori_g_retire_free(struct gori_p *p)
{
	if (p->gfree)
		batch_put(p->gfree, p->ngfree);
	if (p->gspare)
		batch_put(p->gspare, FREE_BATCH);
	p->gfree = p->gspare = NULL;
	p->ngfree = 0;
}

/* p's list is empty: the spare batch, or one of the shared list. */
static void refill(struct gori_p *p)
{
	if (p->gspare) {
		p->gfree = p->gspare;
		p->gspare = NULL;
		p->ngfree = FREE_BATCH;
	} else if (gori_load(&gori_sched.ngfree)) {
		gori_lock(&gori_sched.lock);
		p->gfree = batch_get(&p->ngfree);
		gori_unlock(&gori_sched.lock);
	}
}

static __attribute__((noinline)) struct gori_g *g_get_slow(struct gori_p *p)
{
	struct gori_g *g;

	gori_sysmon_start();
	refill(p);
	g = p->gfree;
	if (g) {
		p->gfree = g->link;
		p->ngfree--;
		return g;
	}
	g = gori_stack_alloc(p);
	if (!g)
		gori_throw("out of memory: no room for another goroutine's stack");
	gori_hook_g_new(g);
	return g;
}

static inline struct gori_g *g_get(struct gori_p *p)
{
	struct gori_g *g = p->gfree;

	if (gori_unlikely(!g))
		return g_get_slow(p);
	p->gfree = g->link;
	p->ngfree--;
	return g;
}

/* p's list is a whole batch: it becomes the spare one, and the one before it, which is colder, is shared. */
static __attribute__((noinline)) void spill(struct gori_p *p)
{
	if (p->gspare) {
		gori_lock(&gori_sched.lock);
		batch_put(p->gspare, FREE_BATCH);
		gori_unlock(&gori_sched.lock);
	}
	p->gspare = p->gfree;
	p->gfree = NULL;
	p->ngfree = 0;
}

static inline void g_put(struct gori_p *p, struct gori_g *g)
{
	if (gori_unlikely(p->ngfree >= FREE_BATCH))
		spill(p);
	g->link = p->gfree;
	p->gfree = g;
	p->ngfree++;
}

/* In batches, so that sched.lock is not held over system calls.  Returns how many it was. */
static uint32_t give_back(uint32_t most)
{
	struct gori_g *batch = NULL;
	uint32_t n = 0;

	gori_lock(&gori_sched.lock);
	while (gori_sched.ngfree > gori_options.stack_dead_max && n < most) {
		struct gori_g *g = shared_pop();

		g->link = batch;
		batch = g;
		n++;
	}
	gori_unlock(&gori_sched.lock);
	while (batch) {
		struct gori_g *g = batch;

		batch = g->link;
		gori_hook_g_release(g);
		gori_stack_release(g);
	}
	return n;
}

/*
 * Gives back the pages of ended goroutines that nobody has wanted for a second, some at each call.  Returns
 * whether there are more.  Context: sysmon, once a tick.
 */
bool gori_g_scavenge(int64_t now)
{
	static uint32_t least, todo;
	static int64_t since;
	uint32_t n = gori_load(&gori_sched.ngfree);
	size_t keep = gori_options.stack_dead_max;

	if (n < least)
		least = n;
	if (now - since >= SCAVENGE) {
		todo = least > keep ? least - (uint32_t)keep : 0;
		least = n;
		since = now;
	}
	for (int i = 0; todo && i < SCAVENGE_BATCHES; i++) {
		uint32_t given = give_back(todo < FREE_BATCH ? todo : FREE_BATCH);

		todo = given ? todo - given : 0;
	}
	return n > keep;
}

/* ---- making ------------------------------------------------------------------------------------------------ */

static inline int64_t next_goid(struct gori_p *p)
{
	if (gori_unlikely(p->goid_next == p->goid_end)) {
		p->goid_next = gori_add(&gori_sched.goid, GORI_GOID_BATCH) + 1;
		p->goid_end = p->goid_next + GORI_GOID_BATCH;
	}
	return p->goid_next++;
}

/* Copies a captured call to the top of the slot, below the G; returns where frames may start. */
static inline uintptr_t store_call(struct gori_g *g, const struct gori_regs *regs, const uint64_t *stack,
				   uint32_t nwords, const struct gor_call_req *req, uint32_t align)
{
	struct gori_call *call = (struct gori_call *)((uintptr_t)g - sizeof *call);
	uintptr_t top = (uintptr_t)call;

	call->fn = req->fn;
	call->site = req->site;
	call->nstack = nwords;
	call->stack = NULL;
	call->align = align;
	call->regs = *regs;
	g->call = call;
	if (gori_unlikely(nwords)) {
		call->stack = (uint64_t *)call - nwords;
		gori_copy_words(call->stack, stack, nwords);
		top = (uintptr_t)call->stack;
	}
	return top & ~(uintptr_t)15;
}

static inline void g_reset(struct gori_g *g, int64_t goid, int64_t parent)
{
	g->wait = GORI_WAIT_NONE;
	g->flags = 0;
	g->fresh = 1;
	g->saved_errno = 0;
	g->wait_obj = NULL;
	g->goid = goid;
	g->parent_goid = parent;
	g->locked_m = NULL;
	g->lock_depth = 0;
	g->nlocks_held = 0;
	g->defers = NULL;
	g->panics = NULL;
	g->nwaiters = 0;
	g->m = NULL;
}

/* A goroutine that will call what was captured, in p's queue.  The caller still has to wake somebody. */
static inline void g_make(struct gori_p *p, int64_t parent, const struct gori_regs *regs,
			  const uint64_t *stack, uint32_t nwords, const struct gor_call_req *req,
			  uint32_t align)
{
	struct gori_g *g = g_get(p);

	if (gori_unlikely(gori_switch_hooks))
		gori_hook_g_reuse(g);
	g_reset(g, next_goid(p), parent);
	g->stack_hi = store_call(g, regs, stack, nwords, req, align);
	g->sp = gori_arch_prepare(g->stack_hi, g);
	gori_store_rel(&g->status, GORI_GRUNNABLE);
	gori_store(&p->nspawned, p->nspawned + 1);
	gori_runq_put_fresh(p, g);
}

/*
 * Called by the capture stub of go(), on the parent's stack: regs and stack are the arguments as the
 * psABI placed them for req->fn.  Context: G, outside the runtime.
 */
void gori_newproc(const struct gori_regs *regs, const uint64_t *stack, const struct gor_call_req *req)
{
	struct gori_m *m = gori_enter();
	struct gori_p *p = m->p;

	if (gori_unlikely(!req->fn))
		gori_fatal("go of nil func value");
	g_make(p, m->curg->goid, regs, stack, (req->site->nstack + 7) / 8, req,
	       (uint32_t)((uintptr_t)stack & 63));
	if (gori_unlikely(gori_options.torture && (gori_fastrand(&p->torture) & 7) == 0))
		gori_gosched();
	else
		gori_wakep();
	gori_exit();
}

void gori_newproc_inside(const struct gori_call *call, int64_t parent)
{
	struct gor_call_req req = {call->fn, call->site, NULL};
	struct gori_p *p = gori_m()->p;

	g_make(p, parent, &call->regs, call->stack, call->nstack, &req, call->align);
	gori_wakep();
}

/* ---- running and ending ------------------------------------------------------------------------------------ */

static _Noreturn void g_end(void);

/* The first C frame of a goroutine.  Context: G, inside the runtime, just switched to. */
GORI_NO_TSAN void gori_g_run(struct gori_g *g)
{
	g->fresh = 0;
	if (gori_unlikely(gori_switch_hooks))
		gori_hook_switched(g);
	gori_exit();
	gori_arch_call(g->call);
	gori_enter();
	g_end();
}

static void free_labels(struct gori_g *g)
{
	struct gori_label *l = g->labels;

	g->labels = NULL;
	while (l) {
		struct gori_label *next = l->next;

		free(l);
		l = next;
	}
}

/* main has called gor_goexit: the others go on, the process ends when they deadlock or exit. */
static void main_ends(void)
{
	gori_lock(&gori_sched.lock);
	gori_sched.main_exited = 1;
	gori_unlock(&gori_sched.lock);
	gori_park(NULL, GORI_WAIT_SELECT_NO_CASES, NULL);
	gori_throw("a dead goroutine was run");
}

/* Remembered for a while: who reads of a leak wants to know what became of the others. */
static inline void remember(struct gori_p *p, const struct gori_g *g)
{
	struct gori_ended *e = &p->ended[(uint64_t)p->nended % GORI_ENDED];

	e->goid = g->goid;
	e->site = ((const struct gori_call *)g - 1)->site; /* as store_call has it */
	e->when = gori_coarse_now();
}

/* Context: G, inside the runtime. */
static GORI_NO_TSAN _Noreturn void g_end(void)
{
	struct gori_m *m = gori_m();
	struct gori_g *g = m->curg;
	struct gori_p *p = m->p;

	if (gori_unlikely(g->flags & (GORI_G_MAIN | GORI_G_FOREIGN))) {
		gori_store(&g->status, GORI_GDEAD);
		main_ends();
	}
	if (gori_unlikely(g->labels != NULL))
		free_labels(g);
	if (gori_unlikely(g->locked_m != NULL)) {
		g->locked_m = NULL;
		m->locked_g = NULL;
	}
	gori_store(&g->status, GORI_GDEAD);
	remember(p, g);
	gori_store(&p->nended, p->nended + 1);
	g_put(p, g);
	gori_switch_dead(m);
}

GORI_NO_TSAN _Noreturn void gori_goexit0(void)
{
	if (gori_unlikely(gori_switch_hooks))
		gori_hook_g_abandon(gori_g());
	g_end();
}

/* ---- all of them ---------------------------------------------------------------------------------------------- */

/* A goroutine that is not in a slot: main, an adopted thread.  Context: any. */
void gori_g_init_extra(struct gori_g *g, uint8_t flags)
{
	gori_lock(&gori_sched.lock);
	g_reset(g, flags & GORI_G_MAIN ? 1 : gori_add(&gori_sched.goid, 1) + 1, 0);
	if (flags & GORI_G_MAIN)
		gori_store_sc(&gori_sched.goid, 1);
	g->flags = flags;
	g->fresh = 0;
	g->call = NULL;
	g->all_prev = NULL;
	g->all_next = gori_sched.all_extra;
	if (g->all_next)
		g->all_next->all_prev = g;
	gori_store_rel(&gori_sched.all_extra, g);
	gori_unlock(&gori_sched.lock);
}

void gori_g_drop_extra(struct gori_g *g)
{
	if (g->labels)
		free_labels(g);
	gori_lock(&gori_sched.lock);
	gori_store(&g->status, GORI_GDEAD);
	if (g->all_prev)
		gori_store_rel(&g->all_prev->all_next, g->all_next);
	else
		gori_store_rel(&gori_sched.all_extra, g->all_next);
	if (g->all_next)
		g->all_next->all_prev = g->all_prev;
	gori_unlock(&gori_sched.lock);
}

/* Goroutines that have not ended: exact when the caller is alone, otherwise a moment's view. */
int64_t gori_g_count(void)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < GORI_MAX_PROCS && gori_load(&gori_sched.allp[i]); i++) {
		struct gori_p *p = gori_sched.allp[i];

		n += gori_load(&p->nspawned) - gori_load(&p->nended);
	}
	for (struct gori_g *g = gori_load_acq(&gori_sched.all_extra); g; g = gori_load_acq(&g->all_next))
		n += gori_load(&g->status) != GORI_GDEAD;
	return n;
}

struct visit {
	bool (*fn)(struct gori_g *, void *);
	void *arg;
};

static bool visit_slot(struct gori_g *g, void *arg)
{
	struct visit *v = arg;

	return gori_load(&g->status) == GORI_GDEAD || v->fn(g, v->arg);
}

/* Context: any, signal handlers too. */
void gori_foreach_g(bool (*fn)(struct gori_g *, void *), void *arg)
{
	struct visit v = {fn, arg};

	for (struct gori_g *g = gori_load_acq(&gori_sched.all_extra); g; g = gori_load_acq(&g->all_next))
		if (!visit_slot(g, &v))
			return;
	gori_stack_foreach(visit_slot, &v);
}
