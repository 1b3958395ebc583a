/* SPDX-License-Identifier: MIT */
/*
 * What: fork.  The child may exec, or go on: it has one thread and the goroutines that were parked or queued.
 *
 * How: the world is stopped across the fork, so no lock is held and no queue is half changed in the child.
 * There, every other thread is gone, and with it the goroutines that ran on it and those that stand for
 * threads of the program's; they are marked dead, and leave the channels and timers (not yet the locks) that
 * they wait on.  Those bound by gor_lock_thread go on unbound.
 * The child goes on with one P (gor_maxprocs can change that) and starts no thread by itself: between fork
 * and exec nothing runs but the goroutine that forked, until it parks.
 *
 * vfork and posix_spawn do not run these handlers and need not: the child only execs.
 *
 * Context: pthread_atfork handlers, on the thread that forks; user code, outside the runtime.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sched/proc.h"
#include "sched/stack.h"
#include "sys/barrier.h"

/*
 * A goroutine in the global queue whose registers are not saved yet; or a thread of ours that has not begun:
 * until it does it is in libc's or a sanitizer's hands, who take locks of theirs which then stay locked in the
 * child (AddressSanitizer's allocator has no fork handlers).  sched.lock is held.
 */
static bool somebody_is_on_its_way(void)
{
	for (struct gori_m *m = gori_allm(); m; m = m->all_next)
		if (m->queueing || (!gori_load(&m->tid) && !m->ending))
			return true;
	return gori_sysmon_is_starting();
}

static void before_fork(void)
{
	gori_enter();
	gori_world_stop();
	gori_lock(&gori_sched.lock);
	while (somebody_is_on_its_way()) {
		gori_unlock(&gori_sched.lock);
		sched_yield();
		gori_lock(&gori_sched.lock);
	}
	gori_stack_hold(); /* sysmon takes that lock too */
}

static void after_in_parent(void)
{
	gori_stack_let_go();
	gori_unlock(&gori_sched.lock);
	gori_world_start(0, true);
	gori_exit();
}

static void leave_queue(struct gori_waitq *q, struct gori_g *g)
{
	for (struct gori_waiter *w = q->first, *next; w; w = next) {
		next = w->next;
		if (w->g == g)
			gori_waitq_remove(q, w);
	}
}

static void leave_channel(struct gor_chan *c, struct gori_g *g)
{
	leave_queue(&c->recvq, g);
	leave_queue(&c->sendq, g);
}

/*
 * The goroutine of a thread of the program's that was parked.  Its stack is still there, but libc gives it to
 * new threads: nothing on it may be found any more.
 */
static void forget_waits(struct gori_g *g)
{
	if (g->wait == GORI_WAIT_CHAN_RECV || g->wait == GORI_WAIT_CHAN_SEND)
		leave_channel(g->wait_obj, g);
	for (uint32_t i = 0; g->wait == GORI_WAIT_SELECT && i < g->nwaiters; i++)
		if (g->waiters[i].linked)
			leave_channel(g->waiters[i].obj, g);
	gori_timers_forget(g->stack_lo, g->stack_hi);
}

/* A goroutine bound to a thread that is not here. */
static void forget_bound(struct gori_m *m, struct gori_g *g)
{
	if (!m->foreign) { /* by gor_lock_thread: it may go on on any thread */
		g->locked_m = NULL;
		g->lock_depth = 0;
		return;
	}
	if (g->status == GORI_GWAITING)
		forget_waits(g);
	gori_store(&g->status, GORI_GDEAD);
}

/* Threads of the parent's that do not exist here, and the goroutines that ran on them. */
static void forget_thread(struct gori_m *m)
{
	struct gori_p *mine = gori_m()->p;
	struct gori_g *g = m->curg;

	if (m->locked_g)
		forget_bound(m, m->locked_g);
	m->tid = 0;
	m->p = NULL;
	m->lost = 0;
	m->locked_g = NULL;
	m->next_g = NULL;
	m->ending = 1; /* its stack and its g0 are lost */
	if (g == &m->g0 || g->m != m || g->sp)
		return;
	gori_store(&g->status, GORI_GDEAD);
	if (!(g->flags & (GORI_G_MAIN | GORI_G_FOREIGN)))
		gori_store(&mine->nended, mine->nended + 1);
}

static void after_in_child(void)
{
	struct gori_m *self = gori_m();

	self->tid = (int32_t)syscall(SYS_gettid);
	for (struct gori_m *m = gori_allm(); m; m = m->all_next)
		if (m != self)
			forget_thread(m);
	gori_sched.idle_m = NULL;
	gori_sched.timekeeper = NULL;
	gori_sched.timekeeper_until = INT64_MAX;
	gori_sched.nspinning = 0;
	gori_sched.nlost = 0;
	gori_sched.nforeign_out = 0;
	gori_sysmon_reset_after_fork();
	gori_crash_after_fork();
	gori_barrier_init(); /* the registration is not inherited */
	gori_stack_let_go();
	gori_unlock(&gori_sched.lock);
	gori_world_start(1, false);
	gori_exit();
}

void gori_fork_init(void)
{
	pthread_atfork(before_fork, after_in_parent, after_in_child);
}
