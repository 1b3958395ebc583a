/* SPDX-License-Identifier: MIT */
/*
 * What: the one thread without a P, which looks after those that have one: takes the P from a goroutine that
 * has not come back to the runtime for about 10 ms, keeps the coarse clock, sees to late timers, gives
 * memory back.
 *
 * How: wakes every few milliseconds while something runs, and sleeps deeply once nothing has run for a while;
 * then gori_sysmon_kick wakes it.
 *
 * Locking: sched.lock for claims.
 * Context: a thread of its own; never inside the runtime.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sched/proc.h"
#include "sys/clock.h"

enum {
	MS = 1000000,
	TICK_BUSY = 2 * MS, /* somebody waits for a P */
	TICK = 5 * MS,
	SLICE = 7 * MS,     /* running longer than this while others wait: the P is taken; with the tick
				 * this makes about 10 ms */
	IDLE_TICKS = 10,    /* then deep sleep */
	QUIET = 100 * MS,   /* when no P has moved for so long all are taken: see deadlock.c */
	RECHECK = 100 * MS, /* deep sleep while a deadlock is suspected */
};

/* Whether anybody would gain if p were taken from its M. */
static bool wanted(struct gori_p *p, int64_t now)
{
	return !gori_runq_empty(p) || gori_load(&gori_sched.runq.size) || gori_load(&gori_sched.fresh.size) ||
	       gori_load(&p->timer_next) <= now;
}

static bool take(struct gori_p *p)
{
	bool ok;

	gori_lock(&gori_sched.lock);
	ok = !gori_load(&gori_sched.stopping) && gori_p_claim(p);
	if (ok)
		gori_handoffp(p);
	else
		gori_unlock(&gori_sched.lock);
	return ok;
}

/* One P; returns whether somebody waits behind it. */
static bool look_at(struct gori_p *p, int64_t now)
{
	uint32_t tick = gori_load(&p->schedtick);

	if (!gori_load_acq(&p->m))
		return false;
	if (gori_load(&gori_sched.nidle_p) &&
	    (gori_runq_waiting(p) || (gori_load(&p->runnext) && tick == p->seen_tick))) {
		gori_store(&p->handoff_score, 0); /* a goroutine was left waiting although a P was idle */
		gori_wakep();
	}
	if (tick != p->seen_tick || gori_load(&p->seen_when) == 0) {
		p->seen_tick = tick;
		gori_store(&p->seen_when, now);
		return wanted(p, now);
	}
	if (!wanted(p, now))
		return false;
	if (now - gori_load(&p->seen_when) >= SLICE && take(p))
		return false;
	return true;
}

static bool all_idle(void)
{
	return gori_load(&gori_sched.nidle_p) == gori_load(&gori_sched.nprocs);
}

/* It is idle, or has been with the same goroutine for long. */
static bool is_quiet(struct gori_p *p, int64_t now)
{
	int64_t since = gori_load(&p->seen_when);

	return !gori_load(&p->m) ||
	       (since && now - since >= QUIET && gori_load(&p->schedtick) == p->seen_tick);
}

/* They may be computing: then they get a P back when they ask.  If they are asleep this may be a deadlock. */
static void take_quiet(int64_t now)
{
	uint32_t n = gori_load_acq(&gori_sched.nprocs);

	for (uint32_t i = 0; i < n; i++)
		if (!is_quiet(gori_sched.allp[i], now))
			return;
	for (uint32_t i = 0; i < n; i++)
		if (gori_load(&gori_sched.allp[i]->m))
			take(gori_sched.allp[i]);
}

/* Timers of Ps that nobody owns, when no idle thread keeps the time. */
static void start_late_timers(int64_t now)
{
	if (!gori_load(&gori_sched.nidle_p) || gori_timers_next() > now - MS)
		return;
	gori_lock(&gori_sched.lock);
	gori_m_start_idle(false);
}

static void deep_sleep(void)
{
	int64_t ns;

	gori_store_sc(&gori_sched.sysmon_futex, 1);
	ns = gori_deadlock_suspected() ? RECHECK : -1;
	if (gori_load_sc(&gori_sched.nidle_p) == gori_load(&gori_sched.nprocs) || ns > 0)
		gori_futex_wait(&gori_sched.sysmon_futex, 1, ns);
	gori_store_sc(&gori_sched.sysmon_futex, 0);
	gori_nanotime();
}

void gori_sysmon_kick(void)
{
	if (gori_unlikely(gori_load(&gori_sched.sysmon_futex))) {
		gori_store_sc(&gori_sched.sysmon_futex, 0);
		gori_futex_wake(&gori_sched.sysmon_futex, 1);
	}
}

/* Sleeps until the next tick, or until a timer that no idle thread will see to. */
static void nap(int64_t tick, int64_t now)
{
	int64_t next = gori_timers_next();

	if (next < now + tick && gori_load(&gori_sched.nidle_p) && !gori_load(&gori_sched.timekeeper))
		tick = next > now + MS / 10 ? next - now : MS / 10;
	gori_futex_wait(&gori_sched.sysmon_wake, 0, tick);
}

static void *sysmon(void *arg)
{
	int idle_ticks = 0;
	int64_t tick = TICK;
	bool surplus;

	(void)arg;
	gori_store(&gori_sched.sysmon_tid, (int32_t)syscall(SYS_gettid));
	for (;;) {
		int64_t now = gori_nanotime();

		nap(tick, now);
		now = gori_nanotime();
		if (gori_crash_is_on()) {
			tick = TICK;
			continue;
		}
		tick = TICK;
		for (uint32_t i = 0; i < gori_load_acq(&gori_sched.nprocs); i++)
			if (look_at(gori_sched.allp[i], now))
				tick = TICK_BUSY;
		if (!all_idle())
			take_quiet(now);
		start_late_timers(now);
		if ((gori_load(&gori_sched.runq.size) || gori_load(&gori_sched.fresh.size)) &&
		    gori_load(&gori_sched.nidle_p))
			gori_wakep();
		surplus = gori_g_scavenge(now);
		idle_ticks = all_idle() ? idle_ticks + 1 : 0;
		if (gori_deadlock_suspected() && all_idle())
			gori_deadlock_recheck();
		if (idle_ticks >= IDLE_TICKS && !surplus &&
		    (gori_load(&gori_sched.timekeeper) || !gori_timers_any()))
			deep_sleep();
	}
	return NULL;
}

void gori_sysmon_start(void)
{
	pthread_attr_t attr;
	sigset_t all, saved;
	pthread_t thread;
	int err;

	if (gori_likely(gori_load(&gori_sched.sysmon_started)) || !gori_cas(&gori_sched.sysmon_started, 0, 1))
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	sigfillset(&all); /* signals of the program are for its own threads */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	err = pthread_create(&thread, &attr, sysmon, NULL);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		return;
	gori_store(&gori_sched.sysmon_tid, -1);
	gori_warn(
		"gorgon: cannot create the monitor thread: goroutines that loop or block keep the rest from running");
}

/* Its thread is there or about to be, and is not yet in its first function. */
bool gori_sysmon_is_starting(void)
{
	return gori_load(&gori_sched.sysmon_started) && !gori_load(&gori_sched.sysmon_tid);
}

void gori_sysmon_reset_after_fork(void)
{
	gori_store(&gori_sched.sysmon_started, 0);
	gori_store(&gori_sched.sysmon_tid, 0);
	gori_store(&gori_sched.sysmon_futex, 0);
}
