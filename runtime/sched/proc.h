/* SPDX-License-Identifier: MIT */
#ifndef GORI_PROC_H
#define GORI_PROC_H
/*
 * What: the scheduler's inside, shared by the files of sched/ only.
 *
 * How: proc.c explains the whole; each group below names the file that defines it.
 *
 * Locking: gori_sched.lock guards everything in struct gori_sched that is not marked atomic, and all
 * changes of which M owns which P but those an M makes to itself inside the runtime.  Lock order:
 * object locks (gori_plock) -> timer_lock of a P -> gori_sched.lock -> stack_lock.
 */
#include <pthread.h>

#include "sched/sched.h"

#pragma GCC visibility push(hidden)

#define GORI_MAX_PROCS 256

struct gori_gqueue {
	struct gori_g *head, *tail;
	uint32_t size;
};

struct gori_sched {
	uint32_t lock;
	uint32_t nprocs;             /* Ps in use: allp[0..nprocs); changes while the world is stopped */
	struct gori_gqueue runq;     /* the global queue; runq.size is also read without the lock */
	struct gori_gqueue fresh;    /* goroutines that never ran and overflowed a P's deque, newest first;
	                              * size is also read without the lock */
	struct gori_p *idle_p;       /* Ps nobody owns */
	uint32_t nidle_p;            /* atomic */
	struct gori_m *idle_m;       /* Ms that sleep */
	uint32_t nspinning;          /* atomic: Ms that look for work and have none */
	uint32_t nlost;              /* atomic: Ms that run a goroutine without a P, adopted ones not counted */
	uint32_t nforeign_out;       /* atomic: adopted threads that are outside the runtime */
	struct gori_m *allm;         /* every M, newest first; atomic, append only */
	uint32_t nm;
	struct gori_g *gfree;        /* ended goroutines, pages warm, in batches (g.c) */
	uint32_t ngfree;
	int64_t goid;                /* last one given out; atomic */
	struct gori_m *timekeeper;   /* the idle M that sleeps until timekeeper_until */
	int64_t timekeeper_until;    /* atomic; INT64_MAX if there is no timekeeper */
	struct gori_g *settler;      /* parked in gor_settle */
	uint32_t stopping;           /* atomic: a stop of the world is wanted or on */
	uint32_t world;              /* futex: +1 at each start of the world */
	struct gori_g *all_extra;    /* goroutines that are not in a slot: main and adopted */
	uint32_t main_exited;        /* main called gor_goexit */
	uint32_t main_thread_ended;  /* it called pthread_exit; under lock */

	uint32_t sysmon_started;
	int32_t sysmon_tid;          /* atomic; 0: it has not begun, -1: it could not be created */
	uint32_t sysmon_futex;       /* atomic: 1 while sysmon sleeps deeply */
	uint32_t sysmon_wake;        /* futex */
	struct gori_p *allp[GORI_MAX_PROCS];
};

extern struct gori_sched gori_sched;

/* ---- proc.c: choosing and switching ---- */
void gori_schedule(struct gori_m *m);              /* g0's loop; returns only for Ms that end */
void gori_switch_away(struct gori_m *m);           /* from a G that has already been queued or parked */
void gori_switch_dead(struct gori_m *m) __attribute__((noreturn));
void gori_wakep(void);                             /* one more M, if a P is idle and nobody is looking */
void gori_switch_to_g0(struct gori_m *m);          /* from a G that is queued; m may have no P */
void gori_g_main(struct gori_g *g) __attribute__((noreturn));

/* ---- runq.c: queues ---- */
void gori_runq_put(struct gori_p *p, struct gori_g *g);
void gori_runq_put_next(struct gori_p *p, struct gori_g *g);
void gori_runq_put_fresh(struct gori_p *p, struct gori_g *g);
void gori_runq_flush_fresh(struct gori_p *p);      /* fresh goroutines to the FIFO ring, oldest first */
void gori_runq_put_behind_all(struct gori_p *p, struct gori_g *g); /* also behind the global queue; takes the lock */
struct gori_g *gori_runq_get(struct gori_p *p);
struct gori_g *gori_runq_get_fair(struct gori_p *p); /* oldest first, for the turns that keep it fair */
bool gori_runq_empty(struct gori_p *p);
bool gori_runq_half_full(const struct gori_p *p);   /* the ring; p is the caller's */
bool gori_runq_waiting(struct gori_p *p);           /* something besides runnext */
struct gori_g *gori_runq_steal(struct gori_p *p, struct gori_p *victim);
void gori_runq_watch_next(struct gori_p *victim);
struct gori_g *gori_runq_steal_next(struct gori_p *victim); /* if it is what _watch_next saw */
void gori_globq_put(struct gori_g *g);             /* sched.lock held */
void gori_globq_put_all(struct gori_g *head, struct gori_g *tail, uint32_t n); /* sched.lock held */
struct gori_g *gori_globq_get(struct gori_p *p, uint32_t max); /* sched.lock held; moves a share to p */

void gori_globfresh_put(struct gori_g **batch, uint32_t n); /* takes the lock; oldest first */
struct gori_g *gori_globfresh_get(struct gori_p *p, uint32_t max); /* takes the lock; moves a share to p */

/* ---- m.c: kernel threads ---- */
void gori_m_start(struct gori_p *p, bool spinning); /* gives p, nobody's, to an M; releases sched.lock */
bool gori_m_start_idle(bool spinning);              /* the same with an idle P if there is one */
void gori_m_stop(struct gori_m *m, int64_t ns);     /* sleeps until it is given a P; ns: timekeeper */
void gori_m_give(struct gori_m *m, struct gori_p *p); /* m sleeps in gori_m_stop, not in the idle list */
struct gori_m *gori_m_adopt(bool is_main);
void gori_m_init(void);
void gori_exit_release(struct gori_m *m);           /* leaves the runtime without the P */
void gori_acquirep(struct gori_m *m, struct gori_p *p);
struct gori_p *gori_releasep(struct gori_m *m);
void gori_handoffp(struct gori_p *p);               /* p is nobody's: to an M or idle; releases sched.lock */
void gori_startlocked(struct gori_m *m, struct gori_g *g); /* hands m's P to g's own thread */
void gori_stoplocked(struct gori_m *m);             /* waits until m's own goroutine may run */

/* ---- p.c: Ps, claims, stopping the world ---- */
void gori_p_init(uint32_t n);
void gori_p_idle_put(struct gori_p *p);             /* sched.lock held */
struct gori_p *gori_p_idle_get(void);               /* sched.lock held */
bool gori_p_claim(struct gori_p *p);                /* takes p from an M outside the runtime; lock held */
bool gori_p_borrow(struct gori_p *p);               /* exclusive use of p for a moment, if its M is outside */
void gori_p_return(struct gori_p *p);
void gori_world_stop(void);                         /* caller is inside the runtime with a P, keeps it */
void gori_world_start(uint32_t nprocs, bool wake);  /* wake: look for work with the other Ps at once */
void gori_world_wait(struct gori_m *m);             /* m has no P: sleeps while the world is stopped */

/* ---- g.c: goroutines ---- */
void gori_g_run(struct gori_g *g) __attribute__((noreturn)); /* first frame of a goroutine */
void gori_g_init_extra(struct gori_g *g, uint8_t flags);
void gori_g_drop_extra(struct gori_g *g);
int64_t gori_g_count(void);
void gori_g_retire_free(struct gori_p *p);          /* its ended goroutines are everybody's */
bool gori_g_scavenge(int64_t now);                  /* gives back pages of ended goroutines; true: more to do */

/* ---- timer.c ---- */
int64_t gori_timers_run(struct gori_p *p, int64_t now); /* runs what is due, some at a time; returns when the next is */
int64_t gori_timers_next(void);                     /* over all Ps */
bool gori_timers_any(void);
void gori_timers_rearm(void);                      /* a P with timers has become idle */
void gori_timers_forget(uintptr_t lo, uintptr_t hi); /* those in that memory; the world is stopped */
void gori_timers_move(struct gori_p *from, struct gori_p *to); /* the world is stopped */

/* ---- sysmon.c ---- */
void gori_sysmon_start(void);
bool gori_sysmon_is_starting(void);
void gori_sysmon_kick(void);                        /* something runs again */
void gori_sysmon_reset_after_fork(void);

/* ---- deadlock.c ---- */
void gori_deadlock_check(void);                     /* sched.lock held; an M is about to sleep */
void gori_deadlock_suspect(void);                   /* sched.lock held: no P is in use, and nobody has checked */
bool gori_deadlock_suspected(void);
void gori_deadlock_recheck(void);                   /* from sysmon, after a check that could not tell */

/* ---- init.c ---- */
void gori_init_once(void);
int gori_ncpu(void);
uint32_t gori_claim_base(void);                     /* what m->claim is when nobody claims */
extern uint32_t gori_force_multi; /* a sanitizer or torture wants every lock to be real */
void gori_warn(const char *text);

void gori_fork_init(void);                          /* fork.c */

/* All goroutines but those that ended; safe in signal handlers. */
void gori_foreach_g(bool (*fn)(struct gori_g *, void *), void *arg);
struct gori_m *gori_allm(void);

#pragma GCC visibility pop

#endif
