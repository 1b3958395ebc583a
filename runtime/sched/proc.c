/* SPDX-License-Identifier: MIT */
/*
 * What: the scheduler: which goroutine runs next on this thread, and the switch to it.
 *
 * How, the concepts:
 *   G  a goroutine: a stack, saved registers, a status.
 *   M  a kernel thread.  Each has a g0, the context in which it looks for work when there is none at hand.
 *   P  the right to run in the runtime, with the queues and caches that go with it.  There are GOMAXPROCS
 *      of them.  Only the owner of a P touches channels, timers, queues.
 *
 * Entering and losing a P.  A thread inside a public function has m->in_rt set, and then its P is its own.
 * Outside it runs user code, which may loop for ever or block in a system call without telling anybody.
 * So sysmon may take the P of a thread that is *outside*, at any instruction: the thread goes on without
 * noticing, the P goes to another thread, and the first one finds out at its next entry and queues itself.
 * Nothing of the user's is ever interrupted halfway, so no libc lock is held by a goroutine that does not
 * run, and the endless loop, the long libc call and the undeclared blocking call are one case.
 *
 * The one hard race is an entry against a claim:
 *
 *	entering thread                     sysmon (gori_p_claim, under sched.lock)
 *	  m->in_rt = 1                        m->claim = TAKEN
 *	  compiler barrier                    membarrier: a full fence on every running thread
 *	  if (m->claim) slow path             if (m->in_rt) give up, else the P is taken
 *
 * With a full fence on both sides one of the two must see the other.  The membarrier is that fence for both,
 * so the entering thread pays for a store, a load and a branch.  The slow path takes sched.lock, and so sees
 * the claim either finished or given up.
 *
 * Switching.  A goroutine that parks looks for the next one in its P's own queues and switches to it directly;
 * only when there is none, or it is time to look at timers and the global queue, does it switch to g0.  A
 * parked goroutine may be readied and picked up by another thread before its registers are saved: g->sp is
 * NULL until the switch has saved them, and whoever wants to resume it waits for that.  A thread waits
 * only on its g0, when its own former goroutine is saved: two threads that want each other's would
 * otherwise wait for ever.
 *
 * Rejected: Go's signal-driven preemption (C code holds libc locks); a switch through g0 each time (twice
 * the cost); locking the channel across the switch (every waker would have to wait).
 *
 * Invariants: on a thread with m->in_rt == 0, m->curg is not g0.  m->p != NULL inside the runtime, but for
 * g0 between release and stop.  A G is in at most one queue.  g->sp == NULL exactly while it is on a thread.
 * Locking: see proc.h.
 * Context: as marked.
 */
#include "sched/fast.h"

#include <sched.h>

#include "sys/barrier.h"
#include "sys/clock.h"
#include "sys/options.h"
#include "sys/sanitize.h"

struct gori_sched gori_sched;
uint32_t gori_multi;

enum {
	FAIR_TURNS = 61,  /* every so many switches, look at the global queue first */
	TIMER_TURNS = 8,  /* the same where the P has timers */
	SPIN_ROUNDS = 12, /* how often a spinning M looks at all Ps before it sleeps */
	SCORE_MAX = 8,    /* handoff_score from which a wake is left out */
};

/* ---- switching (the common cases are in fast.h) ---------------------------------------------------------- */

/* From a goroutine that is queued. */
void gori_switch_to_g0(struct gori_m *m)
{
	gori_switch_to(m, m->curg, &m->g0);
}

/* From a goroutine that has ended: nobody comes back. */
GORI_NO_TSAN _Noreturn void gori_switch_dead(struct gori_m *m)
{
	gori_switch_next(m, m->curg);
	__builtin_unreachable();
}

/* ---- parking and readying ----------------------------------------------------------------------------- */

void gori_switch_away(struct gori_m *m)
{
	gori_switch_next(m, m->curg);
}

uint64_t gori_park(uint32_t *unlock, enum gori_wait reason, void *obj)
{
	return gori_park_fast(gori_m(), unlock, reason, obj);
}

void gori_park_mark(enum gori_wait reason, void *obj)
{
	gori_mark_waiting(gori_g(), reason, obj);
}

uint64_t gori_park_switch(void)
{
	struct gori_m *m = gori_m();
	struct gori_g *g = m->curg;

	gori_switch_next(m, g);
	return g->wake;
}

uint64_t gori_park_sched(enum gori_wait reason, void *obj)
{
	struct gori_m *m = gori_m();
	struct gori_g *g = m->curg;

	gori_mark_waiting(g, reason, obj);
	gori_unlock(&gori_sched.lock);
	gori_switch_next(m, g);
	return g->wake;
}

/*
 * Whether to wake another thread for a goroutine that was put into runnext.  If the readier parks at once,
 * as in ping-pong, the goroutine runs here sooner than a sleeping thread would be awake, and the wake, the
 * most expensive thing there is, was for nothing.  handoff_score counts how often it was taken for granted;
 * sysmon resets it when it finds a goroutine left waiting, and so does whoever readies two in a row.
 */
static inline void wake_for_next(struct gori_p *p)
{
	uint32_t score = gori_load(&p->handoff_score);

	if (gori_load(&gori_sched.nidle_p) && score < SCORE_MAX) {
		gori_store(&p->handoff_score, score + 1); /* pairs with sysmon's reset, which may get lost */
		gori_wakep();
	}
}

/* The uncommon ways of gori_ready_fast: several Ps, a second goroutine readied in a row. */
void gori_ready_slow(struct gori_p *p, struct gori_g *g)
{
	if (gori_unlikely(gori_options.torture && (gori_fastrand(&p->torture) & 3) == 0)) {
		gori_runq_put(p, g);
		gori_wakep();
		return;
	}
	if (gori_load(&p->runnext))
		gori_store(&p->handoff_score, 0);
	gori_runq_put_next(p, g);
	wake_for_next(p);
}

void gori_ready(struct gori_g *g)
{
	gori_ready_fast(gori_m()->p, g);
}

void gori_ready_tail(struct gori_g *g)
{
	struct gori_p *p = gori_m()->p;

	gori_store(&g->status, GORI_GRUNNABLE);
	gori_runq_put(p, g);
	gori_wakep();
}

/* The rest of gori_gosched: new goroutines, the global queue, timers, nobody else. */
static __attribute__((noinline)) void gosched_slow(struct gori_m *m, struct gori_p *p)
{
	struct gori_g *g = m->curg, *next;

	gori_runq_flush_fresh(p);
	if (gori_unlikely(gori_load(&gori_sched.runq.size))) {
		gori_store(&g->status, GORI_GRUNNABLE);
		gori_runq_put_behind_all(p, g);
		gori_switch_next(m, g);
		return;
	}
	next = gori_pick(m, p);
	if (!next && !m->next_g && p->budget >= 0 && !gori_is_wanted(m) && !m->locked_g)
		return; /* nobody else is here */
	gori_store(&g->status, GORI_GRUNNABLE);
	gori_runq_put(p, g);
	if (next) {
		gori_start_running(p, next);
		gori_switch_to(m, g, next);
	} else {
		gori_switch_to(m, g, &m->g0);
	}
}

void gori_gosched(void)
{
	struct gori_m *m = gori_m();
	struct gori_p *p = m->p;
	struct gori_g *g = m->curg, *next;

	if (p->budget <= 0 || gori_unlikely(gori_is_wanted(m)) || gori_unlikely(m->locked_g != NULL) ||
	    !(next = gori_ring_exchange(p, g))) {
		gosched_slow(m, p);
		return;
	}
	p->budget--;
	if (gori_likely(gori_saved_sp(next) && !next->locked_m)) {
		gori_start_running(p, next);
		gori_switch_to(m, g, next);
	} else {
		m->next_g = next; /* for g0, when this goroutine's registers are saved */
		gori_switch_to(m, g, &m->g0);
	}
}

/* ---- g0: looking for work ------------------------------------------------------------------------------ */

void gori_wakep(void)
{
	if (gori_likely(!gori_load(&gori_sched.nidle_p)) || gori_load(&gori_sched.nspinning))
		return;
	if (!gori_cas(&gori_sched.nspinning, 0, 1))
		return;
	gori_lock(&gori_sched.lock);
	if (!gori_m_start_idle(true))
		gori_add(&gori_sched.nspinning, -1u);
}

static void stop_spinning(struct gori_m *m)
{
	if (!m->spinning)
		return;
	m->spinning = 0;
	/* The last one to stop looking because it found something: there may be more. */
	if (gori_add(&gori_sched.nspinning, -1u) == 1)
		gori_wakep();
}

static struct gori_g *get_global(struct gori_p *p, uint32_t max)
{
	struct gori_g *g;

	if (!gori_load(&gori_sched.runq.size))
		return NULL;
	gori_lock(&gori_sched.lock);
	g = gori_globq_get(p, max);
	gori_unlock(&gori_sched.lock);
	return g;
}

enum look { FIRST_LOOK, LOOK, LAST_LOOK };

/* Looks at all other Ps, starting anywhere.  The last look also takes what was to run next somewhere. */
static struct gori_g *steal(struct gori_p *p, enum look look)
{
	uint32_t n = gori_sched.nprocs, start = gori_fastrand(&p->rand);

	for (uint32_t i = 0; i < n; i++) {
		struct gori_p *victim = gori_sched.allp[(start + i) % n];
		struct gori_g *g;

		if (victim == p || !gori_load(&victim->m))
			continue;
		if (look == FIRST_LOOK)
			gori_runq_watch_next(victim);
		g = gori_runq_steal(p, victim);
		if (!g && look == LAST_LOOK)
			g = gori_runq_steal_next(victim);
		if (g)
			return g;
	}
	return NULL;
}

/* A bounded search with breaks.  Spinning Ms are at most half of the busy ones. */
static struct gori_g *spin(struct gori_m *m, struct gori_p *p)
{
	uint32_t busy = gori_sched.nprocs - gori_load(&gori_sched.nidle_p);

	if (gori_sched.nprocs == 1)
		return NULL;
	if (!m->spinning) {
		if (2 * gori_load(&gori_sched.nspinning) >= busy)
			return NULL;
		m->spinning = 1;
		gori_add(&gori_sched.nspinning, 1);
	}
	for (int i = 0; i < SPIN_ROUNDS && !gori_load(&gori_sched.stopping); i++) {
		struct gori_g *g = steal(p, i == 0 ? FIRST_LOOK : i == SPIN_ROUNDS - 1 ? LAST_LOOK : LOOK);

		if (!g)
			g = get_global(p, GORI_RUNQ_SIZE);
		if (!g)
			g = gori_globfresh_get(p, GORI_RUNQ_SIZE);
		if (g)
			return g;
		for (int k = 0; k < 20; k++)
			gori_pause();
	}
	return NULL;
}

/* Runs timers that are due; says how many turns until the next look. */
static void look_at_timers(struct gori_p *p)
{
	p->budget = FAIR_TURNS;
	if (gori_load(&p->timer_next) != INT64_MAX) {
		gori_timers_run(p, gori_nanotime());
		p->budget = TIMER_TURNS;
	}
	if (gori_unlikely(gori_options.torture))
		p->budget = (int32_t)(gori_fastrand(&p->torture) & 15);
}

/* Timers of Ps that nobody owns, or whose owner is late; true if some ran. */
static bool run_other_timers(struct gori_p *p)
{
	bool ran = false;
	int64_t now = 0;

	for (uint32_t i = 0; i < gori_sched.nprocs; i++) {
		struct gori_p *other = gori_sched.allp[i];
		int64_t next = gori_load(&other->timer_next);

		if (other == p || next == INT64_MAX)
			continue;
		if (!now)
			now = gori_nanotime();
		if (next <= now) {
			gori_timers_run(other, now);
			ran = true;
		}
	}
	return ran;
}

/* What this P has, or the global queue.  Fair turns ask the global queue and the oldest first. */
static struct gori_g *find_here(struct gori_p *p)
{
	bool fair = p->budget < 0;
	struct gori_g *g = NULL;

	look_at_timers(p);
	if (fair) {
		g = get_global(p, 1);
		if (!g)
			g = gori_runq_get_fair(p);
	}
	if (!g)
		g = gori_runq_get(p);
	if (!g)
		g = get_global(p, GORI_RUNQ_SIZE);
	return g ? g : gori_globfresh_get(p, GORI_RUNQ_SIZE);
}

/* Work that appeared after the P was given up: takes an idle P for it. */
static bool recheck(struct gori_m *m)
{
	struct gori_p *p;
	bool found = gori_load(&gori_sched.runq.size) || gori_load(&gori_sched.fresh.size);
	uint32_t n = gori_load_acq(&gori_sched.nprocs); /* pairs with gori_p_init; there is no P to keep it */

	for (uint32_t i = 0; !found && i < n; i++)
		found = !gori_runq_empty(gori_sched.allp[i]);
	if (!found)
		return false;
	gori_lock(&gori_sched.lock);
	p = gori_p_idle_get();
	if (p)
		gori_acquirep(m, p);
	gori_unlock(&gori_sched.lock);
	return p != NULL;
}

/* One idle M sleeps until the first timer is due; true if it is this one. */
static bool become_timekeeper(struct gori_m *m, int64_t until)
{
	bool mine = false;

	gori_lock(&gori_sched.lock);
	if (!gori_sched.timekeeper || until < gori_sched.timekeeper_until) {
		if (gori_sched.timekeeper)
			gori_store(&gori_sched.timekeeper->timekeeper, 0); /* sleeps on until it is needed */
		gori_store(&gori_sched.timekeeper, m);
		gori_store_sc(&gori_sched.timekeeper_until, until);
		gori_store(&m->timekeeper, 1);
		mine = true;
	}
	gori_unlock(&gori_sched.lock);
	return mine;
}

/*
 * Gives the P up and sleeps until there is work.  The order matters: first the P is idle, then no spinner is
 * counted, and only then a last look at the queues.  Whoever queues a goroutine does it before it looks for
 * idle Ps and spinners; so one of the two sees the other.
 */
static void idle(struct gori_m *m)
{
	int64_t until;

	gori_lock(&gori_sched.lock);
	if ((gori_sched.runq.size || gori_sched.fresh.size) && !gori_load(&gori_sched.stopping)) {
		gori_unlock(&gori_sched.lock);
		return;
	}
	gori_p_idle_put(gori_releasep(m));
	gori_unlock(&gori_sched.lock);
	if (m->spinning) {
		m->spinning = 0;
		gori_add(&gori_sched.nspinning, -1u);
	}
	gori_barrier_all_threads(); /* so that those who queue work need no fence of their own */
	if (recheck(m))
		return;
	until = gori_timers_next();
	if (until != INT64_MAX && become_timekeeper(m, until)) {
		int64_t ns = until - gori_nanotime();

		gori_m_stop(m, ns > 0 ? ns : 0);
		return;
	}
	gori_m_stop(m, -1);
}

/* Context: M.  Returns with a P. */
static struct gori_g *find_runnable(struct gori_m *m)
{
	for (;;) {
		struct gori_p *p;
		struct gori_g *g;

		if (!m->p) {
			gori_m_stop(m, -1);
			continue;
		}
		if (m->next_g) {
			g = m->next_g;
			m->next_g = NULL;
			return g;
		}
		if (gori_unlikely(gori_load(&gori_sched.stopping))) {
			gori_world_wait(m);
			continue;
		}
		p = m->p;
		g = find_here(p);
		if (!g && run_other_timers(p))
			g = gori_runq_get(p);
		if (!g)
			g = spin(m, p);
		if (g)
			return g;
		idle(m);
	}
}

/* Its registers may be about to be saved by another thread, for some instructions; or for a time slice. */
static void await_saved(struct gori_g *g)
{
	for (int i = 0; !gori_saved_sp(g); i++) {
		if (i < 1000)
			gori_pause();
		else
			sched_yield();
	}
}

static void execute(struct gori_m *m, struct gori_g *g)
{
	stop_spinning(m);
	gori_sysmon_start(); /* from the second goroutine on somebody has to watch */
	if (gori_unlikely(gori_load(&m->claim) & GORI_CLAIM_PREEMPT))
		gori_and(&m->claim, ~(uint32_t)GORI_CLAIM_PREEMPT);
	gori_start_running(m->p, g);
	await_saved(g);
	gori_switch_to(m, &m->g0, g);
}

void gori_schedule(struct gori_m *m)
{
	for (;;) {
		struct gori_g *g;

		if (m->locked_g) {
			gori_stoplocked(m);
			execute(m, m->locked_g);
			continue;
		}
		g = find_runnable(m);
		if (g->locked_m && g->locked_m->ending)
			gori_store(&g->status,
				   GORI_GDEAD); /* after fork: its thread is not in this process */
		else if (g->locked_m && g->locked_m != m)
			gori_startlocked(m, g);
		else
			execute(m, g);
	}
}
