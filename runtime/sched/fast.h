/* SPDX-License-Identifier: MIT */
#ifndef GORI_FAST_H
#define GORI_FAST_H
/*
 * What: the common cases of parking, readying and switching, inline, for the files where nanoseconds count:
 * channels, locks and the scheduler itself.
 *
 * How: each falls back to an out-of-line function of proc.c or runq.c in the uncommon case.  proc.c explains
 * the concepts.
 *
 * Context: G, inside the runtime, unless marked.
 */
#include "arch/x86_64/arch.h"
#include "sched/proc.h"
#include "sys/clock.h"
#include "sys/sanitize.h"

#pragma GCC visibility push(hidden)

void gori_ready_slow(struct gori_p *p, struct gori_g *g);

/*
 * Goes on in `to`, whose registers are saved at to->sp.  Returns when somebody switches back to `from`, perhaps
 * on another thread.  errno belongs to the goroutine.
 */
static inline void gori_switch_to(struct gori_m *m, struct gori_g *from, struct gori_g *to)
{
	void *sp;

	to->m = m;
	from->m = NULL; /* nobody resumes it before its sp is saved */
	m->curg = to;
	from->saved_errno = *m->errno_loc;
	*m->errno_loc = to->saved_errno;
	if (gori_unlikely(gori_switch_hooks))
		gori_hook_switch(m, from, to);
	/* Not loaded before the call: it would be saved with `from`'s registers, where the leak detector takes it for a
	 * pointer to a variable of `to`'s for as long as `from` waits. */
	sp = to->sp;
	to->sp = NULL;
	gori_arch_switch(&from->sp, sp);
	if (gori_unlikely(gori_switch_hooks))
		gori_hook_switched(from);
}

/* Somebody wants m's P, or m's goroutine to yield. */
static inline bool gori_is_wanted(struct gori_m *m)
{
	return gori_load(&m->claim) & ~(uint32_t)GORI_CLAIM_ALWAYS;
}

/*
 * g's saved stack pointer, NULL while it is still on a thread.  Acquire: all that g wrote before it was switched
 * away is seen; pairs with the switch's last store, which, being assembly, no sanitizer sees.
 */
static inline void *gori_saved_sp(struct gori_g *g)
{
	void *sp = gori_load_acq(&g->sp);

#ifdef GORI_TSAN
	if (sp)
		gori_hook_enter();
#endif
	return sp;
}

/*
 * The next goroutine if it can be resumed at once; NULL if g0 has to find one: it is time to look at timers
 * and the global queue, somebody wants this P, or the queues are empty.
 */
static inline struct gori_g *gori_pick(struct gori_m *m, struct gori_p *p)
{
	struct gori_g *g;

	if (gori_unlikely(--p->budget < 0) || gori_unlikely(gori_is_wanted(m)) ||
	    gori_unlikely(m->locked_g != NULL))
		return NULL;
	g = p->runnext;
	if (gori_likely(g != NULL))
		gori_store(&p->runnext, NULL);
	else if (!(g = gori_runq_get(p)))
		return NULL;
	if (gori_unlikely(!gori_saved_sp(g) || g->locked_m)) {
		m->next_g = g;
		return NULL;
	}
	return g;
}

static inline void gori_start_running(struct gori_p *p, struct gori_g *g)
{
	gori_store(&p->schedtick, p->schedtick + 1);
	gori_store(&g->status, GORI_GRUNNING);
}

/* Runs something else; self has been parked, queued, or has ended. */
static inline void gori_switch_next(struct gori_m *m, struct gori_g *self)
{
	struct gori_p *p = m->p;
	struct gori_g *next = gori_pick(m, p);

	if (gori_likely(next != NULL))
		gori_start_running(p, next);
	else
		next = &m->g0;
	gori_switch_to(m, self, next);
}

/* From here on a waker may find g; only g->sp keeps it from running before its registers are saved. */
static inline void gori_mark_waiting(struct gori_g *g, enum gori_wait reason, void *obj)
{
	g->wait = (uint8_t)reason;
	g->wait_obj = obj;
	g->since = gori_coarse_now();
	gori_store_rel(&g->status, GORI_GWAITING);
}

/* gori_park of sched.h for callers that have m at hand. */
static inline uint64_t gori_park_fast(struct gori_m *m, uint32_t *unlock, enum gori_wait reason, void *obj)
{
	struct gori_g *g = m->curg;

	gori_mark_waiting(g, reason, obj);
	if (unlock)
		gori_punlock(unlock);
	gori_switch_next(m, g);
	return g->wake;
}

/* gori_ready of sched.h for callers that have p at hand. */
static inline void gori_ready_fast(struct gori_p *p, struct gori_g *g)
{
	gori_store(&g->status, GORI_GRUNNABLE);
	if (gori_likely(!gori_load(&gori_multi) && !p->runnext))
		gori_store(&p->runnext, g);
	else
		gori_ready_slow(p, g);
}

/*
 * The common case of a yield: g goes to the end of the ring, and the head of the ring comes out, if that can be
 * resumed at once.  NULL if there is anything else to look at; nothing has changed then.
 */
static inline struct gori_g *gori_ring_exchange(struct gori_p *p, struct gori_g *g)
{
	uint32_t head = gori_load_acq(&p->runq_head), tail = p->runq_tail;
	struct gori_g *next;

	if (head == tail || tail - head == GORI_RUNQ_SIZE || p->runnext ||
	    p->fresh_bottom != gori_load(&p->fresh_top) || gori_load(&gori_sched.runq.size) ||
	    gori_load(&gori_sched.fresh.size))
		return NULL;
	next = gori_load(&p->runq[head % GORI_RUNQ_SIZE]);
	if (gori_unlikely(gori_load(&gori_multi))) {
		if (!gori_cas(&p->runq_head, head, head + 1)) /* a thief was faster */
			return NULL;
	} else {
		gori_store(&p->runq_head, head + 1);
	}
	gori_store(&g->status, GORI_GRUNNABLE);
	gori_store(&p->runq[tail % GORI_RUNQ_SIZE], g);
	gori_store_rel(&p->runq_tail, tail + 1); /* pairs with thieves' acquire: slot set */
	return next;
}

#pragma GCC visibility pop

#endif
