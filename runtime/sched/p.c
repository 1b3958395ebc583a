/* SPDX-License-Identifier: MIT */
/*
 * What: Ps: giving them to Ms, taking them from Ms that are in user code, stopping the world.
 *
 * How: a P that an M owns outside the runtime can be claimed: see "The one hard race" in proc.c.  Stopping
 * the world claims every P; the M that is inside the runtime at that moment leaves it within microseconds,
 * or reaches the scheduler, which sees `stopping`.
 *
 * A P, its owners and how it changes hands:
 *	idle -> owned      gori_p_idle_get, gori_acquirep
 *	owned -> idle      gori_releasep, gori_p_idle_put
 *	owned -> claimed   gori_p_claim (then handed off, or kept by the stopper of the world)
 *
 * Locking: gori_sched.lock.
 * Context: inside the runtime, or sysmon.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>

#include "sched/proc.h"
#include "sys/barrier.h"
#include "sys/clock.h"
#include "sys/options.h"

static void p_new(uint32_t id)
{
	struct gori_p *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		gori_throw("out of memory for a P");
	p->id = id;
	p->rand = 0x9e3779b9u * (id + 1);
	p->torture = (uint32_t)(gori_options.torture * 2654435761u + id * 40503u) | 1;
	p->timer_next = INT64_MAX;
	gori_store_rel(&gori_sched.allp[id], p);
}

void gori_p_init(uint32_t n)
{
	if (n > GORI_MAX_PROCS)
		n = GORI_MAX_PROCS;
	for (uint32_t i = gori_sched.nprocs; i < n; i++)
		if (!gori_sched.allp[i])
			p_new(i);
	gori_store_rel(&gori_sched.nprocs, n); /* pairs with readers that have no P: sysmon, idle threads */
}

void gori_p_idle_put(struct gori_p *p)
{
	p->link = gori_sched.idle_p;
	gori_sched.idle_p = p;
	gori_store_sc(&gori_sched.nidle_p, gori_sched.nidle_p + 1);
}

struct gori_p *gori_p_idle_get(void)
{
	struct gori_p *p = gori_sched.idle_p;

	if (!p || gori_load(&gori_sched.stopping))
		return NULL;
	gori_sched.idle_p = p->link;
	gori_store_sc(&gori_sched.nidle_p, gori_sched.nidle_p - 1);
	gori_sysmon_kick(); /* something runs again; pairs with deep_sleep's store and look */
	return p;
}

void gori_acquirep(struct gori_m *m, struct gori_p *p)
{
	gori_store(&m->p, p);
	gori_store(&p->seen_when, 0);
	gori_store_rel(&p->m, m);
}

struct gori_p *gori_releasep(struct gori_m *m)
{
	struct gori_p *p = m->p;

	gori_store_rel(&p->m, NULL);
	gori_store(&m->p, NULL);
	return p;
}

/*
 * Closes the way into the runtime for the M that owns p, if it is outside: until the claim is taken back it
 * waits for sched.lock, which is held here.  NULL if it is inside, and p its own.
 */
static struct gori_m *shut_out(struct gori_p *p)
{
	struct gori_m *m = gori_load_acq(&p->m);

	if (!m)
		return NULL;
	gori_or(&m->claim, GORI_CLAIM_TAKEN);
	gori_barrier_all_threads(); /* pairs with the entering thread's compiler barrier */
	if (!gori_load_acq(&m->in_rt) && gori_load(&m->p) == p)
		return m;
	gori_and(&m->claim, ~(uint32_t)GORI_CLAIM_TAKEN);
	return NULL;
}

/*
 * Tries to take p from the M that owns it; sched.lock is held.  On success p is nobody's and its M runs its
 * goroutine on without a P.  On failure the M is inside the runtime: it is asked to reschedule soon.
 */
bool gori_p_claim(struct gori_p *p)
{
	struct gori_m *owner = gori_load_acq(&p->m), *m = shut_out(p);

	if (!m) {
		if (owner)
			gori_or(&owner->claim, GORI_CLAIM_PREEMPT);
		return false;
	}
	gori_releasep(m);
	gori_store(&m->lost, 1);
	gori_add(&gori_sched.nlost, 1);
	return true;
}

/* For looking into queues that only the owner touches.  On success sched.lock is held until _return. */
bool gori_p_borrow(struct gori_p *p)
{
	gori_lock(&gori_sched.lock);
	if (shut_out(p))
		return true;
	gori_unlock(&gori_sched.lock);
	return false;
}

void gori_p_return(struct gori_p *p)
{
	gori_and(&p->m->claim, ~(uint32_t)GORI_CLAIM_TAKEN);
	gori_unlock(&gori_sched.lock);
}

/* ---- stopping the world -------------------------------------------------------------------------------- */

/* One attempt at every P; returns how many others still run.  sched.lock is held. */
static uint32_t claim_all(struct gori_p *mine)
{
	uint32_t left = 0;
	struct gori_p *p;

	gori_sched.idle_p = NULL; /* they are the stopper's now */
	gori_store_sc(&gori_sched.nidle_p, 0);
	for (uint32_t i = 0; i < gori_sched.nprocs; i++) {
		p = gori_sched.allp[i];
		if (p != mine && gori_load_acq(&p->m) && !gori_p_claim(p))
			left++;
	}
	return left;
}

/*
 * On return no other thread is inside the runtime, and none can enter before gori_world_start.  A P in the
 * hands of a thread that has been woken with it and does not yet run counts as running: its M comes by.
 */
void gori_world_stop(void)
{
	struct gori_m *m = gori_m();

	for (;;) {
		gori_lock(&gori_sched.lock);
		if (!gori_sched.stopping)
			break;
		gori_unlock(&gori_sched.lock); /* another stopper: step aside, as the scheduler does */
		gori_gosched();
		m = gori_m();
	}
	gori_store_sc(&gori_sched.stopping, 1);
	while (claim_all(m->p)) {
		gori_unlock(&gori_sched.lock);
		sched_yield();
		gori_lock(&gori_sched.lock);
	}
	gori_unlock(&gori_sched.lock);
}

/* Nobody looks into the queues of a P without an owner: what waits there must go where it is seen. */
static void p_drain(struct gori_p *p)
{
	struct gori_g *g;

	while ((g = gori_runq_get(p)))
		gori_globq_put(g);
}

/* Moves everything that hangs on a P that is about to disappear. */
static void p_retire(struct gori_p *p, struct gori_p *heir)
{
	p_drain(p);
	gori_timers_move(p, heir);
	gori_g_retire_free(p);
}

/* Lets the others run again with `nprocs` Ps (0: as many as before).  The caller keeps its P. */
void gori_world_start(uint32_t nprocs, bool wake)
{
	struct gori_m *m = gori_m();
	uint32_t old = gori_sched.nprocs, n = nprocs ? nprocs : old;

	gori_lock(&gori_sched.lock);
	gori_p_init(n > old ? n : old);
	if (m->p->id >= n) { /* our own is one of those that go: take the first */
		struct gori_p *p = gori_releasep(m);

		gori_acquirep(m, gori_sched.allp[0]);
		p_retire(p, m->p);
	}
	for (uint32_t i = n; i < old; i++)
		if (gori_sched.allp[i] != m->p)
			p_retire(gori_sched.allp[i], m->p);
	gori_store(&gori_sched.nprocs, n);
	gori_store(&gori_multi, n > 1 || gori_options.torture || gori_force_multi);
	gori_sched.idle_p = NULL;
	gori_store(&gori_sched.nidle_p, 0);
	for (uint32_t i = n; i-- > 0;)
		if (gori_sched.allp[i] != m->p) {
			p_drain(gori_sched.allp[i]);
			gori_p_idle_put(gori_sched.allp[i]);
		}
	gori_store_sc(&gori_sched.stopping, 0);
	gori_add(&gori_sched.world, 1);
	gori_unlock(&gori_sched.lock);
	gori_futex_wake(&gori_sched.world, INT32_MAX);
	for (uint32_t i = 1; wake && i < n; i++)
		gori_wakep();
}

/* An M in its scheduler while the world is being stopped: gives its P up and sleeps until the start. */
void gori_world_wait(struct gori_m *m)
{
	uint32_t seen;

	gori_lock(&gori_sched.lock);
	if (!gori_sched.stopping) {
		gori_unlock(&gori_sched.lock);
		return;
	}
	if (m->spinning) {
		m->spinning = 0;
		gori_add(&gori_sched.nspinning, -1u);
	}
	seen = gori_load(&gori_sched.world);
	if (m->p)
		gori_releasep(m); /* the stopper counts it as stopped: nobody owns it */
	gori_unlock(&gori_sched.lock);
	gori_futex_wait(&gori_sched.world, seen, -1);
	gori_lock(&gori_sched.lock);
	if (!gori_sched.stopping) {
		struct gori_p *p = gori_p_idle_get();

		if (p)
			gori_acquirep(m, p);
	}
	gori_unlock(&gori_sched.lock);
}
