/* SPDX-License-Identifier: MIT */
/*
 * What: kernel threads: made when first needed, put to sleep without work, reused; threads of the program
 * that call the runtime are adopted.
 *
 * How: a created M runs its scheduler (g0) on its pthread stack.  An adopted thread's stack belongs to the
 * goroutine that stands for it, so its g0 gets a small stack of its own.  The process's first thread is
 * adopted when the library is loaded: M0, with main as goroutine 1, which afterwards may run on any M.
 * Every other adopted thread is bound to its goroutine, and has a P only while it is inside the runtime.
 *
 * An M that sleeps does so in gori_m_stop, and is woken by being given a P (gori_m_give), which it then
 * already owns.  A P is nobody's only under sched.lock, so that stopping the world can count them.
 *
 * Invariants: Ms are never freed, so readers and signal handlers may walk gori_allm() at any time.
 * Locking: gori_sched.lock for the idle list and handing over Ps.
 * Context: as marked in proc.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86_64/arch.h"
#include "sched/proc.h"
#include "sched/stack.h"
#include "sys/barrier.h"
#include "sys/clock.h"
#include "sys/options.h"
#include "sys/sanitize.h"

enum {
	THREAD_STACK = 256 * 1024, /* virtual; g0 and signal handlers of the program */
	G0_STACK = 64 * 1024,      /* g0 of an adopted thread */
};

__thread struct gori_m *gori_tls_m __attribute__((tls_model("initial-exec")));

static pthread_key_t exit_key; /* its destructor tells that an adopted thread ends */
static sigset_t initial_mask;  /* the first thread's at load time; what created Ms run with */

struct gori_m *gori_allm(void)
{
	return gori_load_acq(&gori_sched.allm);
}

/* ---- making Ms ------------------------------------------------------------------------------------------ */

static struct gori_m *m_alloc(void)
{
	struct gori_m *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		gori_throw("out of memory for a thread");
	m->g0.flags = GORI_G_SYSTEM;
	m->g0.m = m;
	m->curg = &m->g0;
	m->in_rt = 1;
	m->claim = gori_claim_base();
	m->slow_exit = m->claim != 0;
	return m;
}

/* Links it where readers find it; an M whose thread has ended is taken instead of a new one.  sched.lock is
 * held. */
static struct gori_m *m_register(void)
{
	struct gori_m *m;

	for (m = gori_sched.allm; m; m = m->all_next)
		if (m->ending == 2)
			break;
	if (m) {
		m->ending = 0;
		m->foreign = 0;
		m->claim = gori_claim_base();
		m->slow_exit = m->claim != 0;
	} else {
		m = m_alloc();
		m->id = gori_sched.nm++;
		m->all_next = gori_sched.allm;
		gori_store_rel(&gori_sched.allm, m);
	}
	return m;
}

static void bounds_of_this_stack(struct gori_g *g)
{
	pthread_attr_t attr;
	void *lo = NULL;
	size_t size = 0;

	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &lo, &size);
		pthread_attr_destroy(&attr);
	}
	g->stack_lo = (uintptr_t)lo;
	g->stack_hi = (uintptr_t)lo + size;
}

/* What has to be done on the thread itself. */
static void m_init_here(struct gori_m *m)
{
	m->errno_loc = &errno;
	m->restart_slot = gori_barrier_restart_slot();
	gori_store(&m->tid, (int32_t)syscall(SYS_gettid)); /* pairs with deadlock.c, which walks all Ms */
	m->pthread = (uint64_t)pthread_self();
	gori_hook_thread(m);
	gori_crash_thread_init(m);
	gori_tls_m = m;
}

static void *m_main(void *arg)
{
	struct gori_m *m = arg;

	bounds_of_this_stack(&m->g0);
	m_init_here(m);
	pthread_setspecific(exit_key, m);
	pthread_sigmask(SIG_SETMASK, &initial_mask, NULL);
	gori_schedule(m);
	return NULL;
}

static void m_create_thread(struct gori_m *m)
{
	pthread_attr_t attr;
	sigset_t all, saved;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all); /* no handler of the program may run before the thread is set up */
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	err = pthread_create(&thread, &attr, m_main, m);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		gori_throw("cannot create a kernel thread (limit on processes or memory reached)");
}

/* ---- sleeping and waking --------------------------------------------------------------------------------- */

static void idle_m_remove(struct gori_m *m)
{
	struct gori_m **at = &gori_sched.idle_m;

	while (*at && *at != m)
		at = &(*at)->link;
	if (*at)
		*at = m->link;
}

static void timekeeper_resign(struct gori_m *m)
{
	if (!gori_load(&m->timekeeper))
		return;
	gori_store(&m->timekeeper, 0);
	if (gori_sched.timekeeper == m) {
		gori_store(&gori_sched.timekeeper, NULL);
		gori_store_sc(&gori_sched.timekeeper_until, INT64_MAX);
	}
}

void gori_m_give(struct gori_m *m, struct gori_p *p)
{
	gori_acquirep(m, p);
	gori_store_rel(&m->park_futex, 1);
	gori_futex_wake(&m->park_futex, 1);
}

void gori_m_start(struct gori_p *p, bool spinning)
{
	struct gori_m *m = gori_sched.idle_m, *fresh = NULL;

	if (m) {
		gori_sched.idle_m = m->link;
		timekeeper_resign(m);
		m->spinning = spinning;
		gori_m_give(m, p);
	} else {
		fresh = m_register();
		fresh->spinning = spinning;
		gori_acquirep(fresh, p);
	}
	gori_unlock(&gori_sched.lock);
	if (fresh)
		m_create_thread(fresh);
}

bool gori_m_start_idle(bool spinning)
{
	struct gori_p *p = gori_p_idle_get();

	if (p)
		gori_m_start(p, spinning);
	else
		gori_unlock(&gori_sched.lock);
	return p != NULL;
}

/* A timekeeper's time has come: it takes an idle P, or leaves the timers to the busy ones. */
static bool timekeeper_expired(struct gori_m *m)
{
	struct gori_p *p;

	timekeeper_resign(m);
	p = gori_p_idle_get();
	if (!p)
		return false;
	idle_m_remove(m);
	gori_acquirep(m, p);
	return true;
}

/* Something was queued while this M was on its way to sleep: it stays up.  Releases sched.lock if so. */
static bool queue_is_ours(struct gori_m *m)
{
	struct gori_p *p;

	if (!gori_sched.runq.size || !(p = gori_p_idle_get()))
		return false;
	idle_m_remove(m);
	timekeeper_resign(m);
	gori_acquirep(m, p);
	gori_unlock(&gori_sched.lock);
	return true;
}

/* Context: M, without a P.  On return it has one. */
void gori_m_stop(struct gori_m *m, int64_t ns)
{
	gori_lock(&gori_sched.lock);
	m->queueing = 0;
	m->link = gori_sched.idle_m;
	gori_sched.idle_m = m;
	gori_deadlock_check();
	if (queue_is_ours(m))
		return;
	for (;;) {
		gori_unlock(&gori_sched.lock);
		if (!gori_load_acq(&m->park_futex)) /* pairs with gori_m_give's release */
			gori_futex_wait(&m->park_futex, 0, gori_load(&m->timekeeper) ? ns : -1);
		gori_lock(&gori_sched.lock);
		if (gori_load_acq(&m->park_futex))
			break;
		if (gori_load(&m->timekeeper) && gori_nanotime() >= gori_sched.timekeeper_until &&
		    timekeeper_expired(m))
			break;
		if (gori_load(&m->timekeeper)) {
			ns = gori_sched.timekeeper_until - gori_nanotime();
			ns = ns < 0 ? 0 : ns;
		}
	}
	timekeeper_resign(m);
	gori_store(&m->park_futex, 0);
	gori_unlock(&gori_sched.lock);
}

/* ---- giving Ps away --------------------------------------------------------------------------------------- */

void gori_handoffp(struct gori_p *p)
{
	bool work = !gori_runq_empty(p) || gori_sched.runq.size || gori_sched.fresh.size ||
		    gori_load(&p->timer_next) <= gori_coarse_now();

	if (gori_sched.stopping) {
		gori_unlock(&gori_sched.lock); /* it is the stopper's now */
		return;
	}
	if (work) {
		gori_m_start(p, false);
		return;
	}
	gori_p_idle_put(p);
	if (gori_sched.nidle_p == gori_sched.nprocs)
		gori_deadlock_suspect();
	gori_unlock(&gori_sched.lock);
	gori_timers_rearm();
}

/*
 * Hands m's P to the thread that g is bound to.  That thread may be on its way to sleep with a P of its own,
 * so this one waits in nextp; it counts as owned meanwhile.
 * Context: M.  Afterwards m has no P.
 */
void gori_startlocked(struct gori_m *m, struct gori_g *g)
{
	struct gori_m *owner = g->locked_m;
	struct gori_p *p;

	if (m->spinning) {
		m->spinning = 0;
		gori_add(&gori_sched.nspinning, -1u);
	}
	gori_lock(&gori_sched.lock);
	p = gori_releasep(m);
	owner->nextp = p;
	gori_store_rel(&p->m, owner);
	gori_store_rel(&owner->park_futex, 1);
	gori_unlock(&gori_sched.lock);
	gori_futex_wake(&owner->park_futex, 1);
}

/* Context: M, bound to a goroutine that is parked or queued.  On return it may run it. */
void gori_stoplocked(struct gori_m *m)
{
	gori_lock(&gori_sched.lock);
	m->queueing = 0;
	if (m->next_g) { /* what the last switch took from the queue is not for this thread */
		gori_globq_put(m->next_g);
		m->next_g = NULL;
	}
	if (m->p) {
		gori_handoffp(gori_releasep(m));
		gori_lock(&gori_sched.lock);
	}
	if (!gori_load_acq(&m->park_futex))
		gori_deadlock_check();
	if (gori_sched.runq.size)
		gori_m_start_idle(false);
	else
		gori_unlock(&gori_sched.lock);
	while (!gori_load_acq(&m->park_futex)) /* set by gori_startlocked on some other M */
		gori_futex_wait(&m->park_futex, 0, -1);
	gori_store(&m->park_futex, 0);
	gori_lock(&gori_sched.lock);
	gori_acquirep(m, m->nextp);
	m->nextp = NULL;
	gori_unlock(&gori_sched.lock);
}

/* ---- entering without a P --------------------------------------------------------------------------------- */

static struct gori_m *adopt_here(void)
{
	gori_init_once();
	if (gori_m())
		return gori_m();
	return gori_m_adopt(false);
}

/* The thread is back in the runtime: it does not count as running without a P any more. */
static void found_again(struct gori_m *m)
{
	if (m->lost) {
		gori_store(&m->lost, 0);
		gori_add(m->foreign ? &gori_sched.nforeign_out : &gori_sched.nlost, -1u);
	}
}

/* Takes an idle P, or queues the current goroutine and sleeps until it is its turn. */
static void acquire_or_queue(struct gori_m *m)
{
	struct gori_g *g = m->curg;
	struct gori_p *p = gori_p_idle_get();

	found_again(m);
	if (p) {
		gori_acquirep(m, p);
		gori_unlock(&gori_sched.lock);
		return;
	}
	gori_store(&g->status, GORI_GRUNNABLE);
	gori_globq_put(g);
	m->queueing = 1;
	gori_unlock(&gori_sched.lock);
	gori_sysmon_start();  /* who has the P may be in user code and stay there */
	gori_switch_to_g0(m); /* without a P: g0 sleeps */
}

/* Sanitizers and torture see every entry. */
static void entered(struct gori_m *m)
{
	gori_hook_enter();
	if (gori_options.torture && gori_fastrand(&m->p->torture) % 5 == 0)
		gori_gosched();
}

/*
 * The rare ways in: a thread that was never here, a thread whose P was taken, one that is asked to yield.
 * Context: G; on return inside, with a P.
 */
struct gori_m *gori_enter_slow(struct gori_m *m)
{
	uint32_t claim;

	if (!m) {
		m = adopt_here();
		gori_store(&m->in_rt, 1);
	}
	if (gori_load_acq(&m->claim) == GORI_CLAIM_ALWAYS) { /* nobody wants the P: as in gori_enter */
		entered(m);
		return gori_m();
	}
	gori_lock(&gori_sched.lock);
	claim = gori_xchg(&m->claim, gori_claim_base());
	if (m->p) {
		gori_unlock(&gori_sched.lock);
		if (claim & GORI_CLAIM_PREEMPT)
			gori_gosched();
	} else {
		acquire_or_queue(m);
	}
	m = gori_m();
	if (gori_claim_base())
		entered(m);
	return gori_m();
}

/* Leaves the runtime and gives the P up: what follows may take long.  Context: G, inside -> outside. */
void gori_exit_release(struct gori_m *m)
{
	struct gori_p *p;

	gori_lock(&gori_sched.lock);
	p = gori_releasep(m);
	gori_store(&m->lost, 1);
	gori_add(m->foreign ? &gori_sched.nforeign_out : &gori_sched.nlost, 1);
	gori_or(&m->claim, GORI_CLAIM_TAKEN);
	gori_store_rel(&m->in_rt, 0);
	gori_handoffp(p);
}

/* A bound thread of the program's own keeps no P while it does other things. */
void gori_exit_slow(struct gori_m *m)
{
	if (gori_claim_base())
		gori_hook_exit();
	if (m->foreign)
		gori_exit_release(m);
	else
		gori_store_rel(&m->in_rt, 0);
}

/* ---- adopted threads --------------------------------------------------------------------------------------- */

/* Where the g0 of an adopted thread starts. */
void gori_g_main(struct gori_g *g)
{
	if (g == &g->m->g0) {
		if (gori_switch_hooks)
			gori_hook_switched(g);
		gori_schedule(g->m);
	}
	gori_g_run(g);
}

static void m_give_g0(struct gori_m *m)
{
	struct gori_g *g0 = &m->g0;

	if (!g0->stack_lo) {
		g0->stack_lo = gori_stack_map_system(G0_STACK);
		if (!g0->stack_lo)
			gori_throw("out of memory for a thread's scheduler stack");
		g0->stack_hi = g0->stack_lo + G0_STACK;
	}
	gori_hook_g_new(g0);
	g0->sp = gori_arch_prepare(g0->stack_hi, g0);
}

static struct gori_g *own_g_new(void)
{
	struct gori_g *g = mmap(NULL, sizeof *g, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (g == MAP_FAILED)
		gori_throw("out of memory for a goroutine");
	return g;
}

struct gori_m *gori_m_adopt(bool is_main)
{
	struct gori_m *m;
	struct gori_g *g;

	gori_lock(&gori_sched.lock);
	m = m_register();
	gori_unlock(&gori_sched.lock);
	g = m->own_g;
	if (!g)
		g = m->own_g = own_g_new();
	m->is_main = is_main;
	m->foreign = !is_main;
	m->claim = gori_claim_base() | (is_main ? 0 : GORI_CLAIM_TAKEN);
	m->slow_exit = m->foreign || gori_claim_base();
	if (!is_main) {
		gori_store(&m->lost,
			   1); /* before it has a tid: a thread of ours that is not lost counts as idle */
		gori_add(&gori_sched.nforeign_out, 1);
	}
	bounds_of_this_stack(g);
	m_init_here(m);
	m_give_g0(m);
	gori_g_init_extra(g, is_main ? GORI_G_MAIN : GORI_G_FOREIGN);
	g->m = m;
	gori_store(&g->status, GORI_GRUNNING); /* pairs with gori_g_count */
	m->curg = g;
	if (!is_main) {
		g->locked_m = m;
		m->locked_g = g;
	}
	gori_hook_adopt(g);
	gori_store(&m->in_rt, 0);
	pthread_setspecific(exit_key, m);
	return m;
}

/* An adopted thread ends, and its goroutine with it. */
static void on_thread_exit(void *arg)
{
	struct gori_m *m = arg;
	struct gori_g *g;
	struct gori_p *p;

	if (m->curg != m->own_g)
		gori_fatal("pthread_exit called in a goroutine; gor_goexit ends a goroutine");
	gori_enter();
	g = m->curg;
	g->locked_m = NULL;
	m->locked_g = NULL;
	gori_g_drop_extra(g);
	gori_crash_thread_deinit(m);
	gori_lock(&gori_sched.lock);
	p = gori_releasep(m);
	m->curg = &m->g0;
	gori_store(&m->tid, 0);
	m->ending = 2;
	gori_sched.main_thread_ended |= m->is_main;
	gori_tls_m = NULL;
	gori_handoffp(p);
}

void gori_m_init(void)
{
	pthread_sigmask(SIG_SETMASK, NULL, &initial_mask);
	if (pthread_key_create(&exit_key, on_thread_exit) != 0)
		gori_throw("no thread-specific key left");
	gori_sched.timekeeper_until = INT64_MAX;
}
