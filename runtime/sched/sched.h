/* SPDX-License-Identifier: MIT */
#ifndef GORI_SCHED_H
#define GORI_SCHED_H
/*
 * What: the scheduler as the rest of the runtime sees it: entering and leaving the runtime, parking,
 * readying, and the state that all Ms share.
 *
 * How: see proc.c for the concepts and the one hard race.
 *
 * Every public function that touches runtime state has this shape:
 *
 *	struct gori_m *m = gori_enter();    now inside: this thread has a P and keeps it
 *	... gori_park(...) ...              may come back on another thread: m is stale
 *	gori_exit();                        outside again: sysmon may take the P away
 *
 * Inside the runtime nothing may block the thread for long, and no user code may be called.  Regions do not
 * nest: internal functions assume they run inside and say so by being named gori_*.
 *
 * Contexts: G = on a goroutine's stack, inside the runtime; M = on g0; any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "abi/abi.h"
#include "sys/atomic.h"
#include "sys/futex.h"

#pragma GCC visibility push(hidden)

/* ---- the current thread -------------------------------------------------------------------------- */

extern __thread struct gori_m *gori_tls_m __attribute__((tls_model("initial-exec")));

/*
 * The M of this thread, NULL on a thread that never called the runtime.  Written in assembly because a
 * compiler may keep the address of a thread-local across a switch, and a goroutine that parks can go on
 * on another thread.
 */
static inline struct gori_m *gori_m(void)
{
	struct gori_m *m;
	__asm__ volatile("movq gori_tls_m@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(m)::"memory");
	return m;
}

/* The current goroutine.  Context: inside the runtime. */
static inline struct gori_g *gori_g(void)
{
	return gori_m()->curg;
}

struct gori_m *gori_enter_slow(struct gori_m *m);

/* leaks/: what the search for leaks needs of the program; while the library is loaded. */
void gori_leak_init(void);

/*
 * Enters the runtime: on return this thread owns a P that nobody can take until gori_exit.  A thread that
 * never called before is adopted.  The plain store and load are ordered by membarrier on sysmon's side.  Acquire:
 * who had borrowed the P and cleared the claim (gori_p_return) was in its queues.
 */
static inline struct gori_m *gori_enter(void)
{
	struct gori_m *m = gori_m();

	if (gori_unlikely(!m))
		return gori_enter_slow(m);
	gori_store(&m->in_rt, 1);
	gori_compiler_barrier();
	if (gori_unlikely(gori_load_acq(&m->claim)))
		return gori_enter_slow(m);
	return m;
}

void gori_exit_slow(struct gori_m *m);

/* Leaves the runtime.  Release: sysmon, seeing in_rt == 0, must see all that was done inside. */
static inline void gori_exit(void)
{
	struct gori_m *m = gori_m();

	if (gori_unlikely(m->slow_exit))
		gori_exit_slow(m);
	else
		gori_store_rel(&m->in_rt, 0);
}

/* ---- parking and readying --------------------------------------------------------------------------- */

/*
 * Parks the current goroutine: sets its status, wait reason and object, releases `unlock` (may be NULL) and
 * runs something else.  Returns when somebody has called gori_ready on it.  Whoever will ready it must be
 * able to find it before `unlock` is released; it may be readied before its registers are saved.
 * Returns g->wake, which the waker set.  Context: G, inside the runtime; still inside on return.
 */
uint64_t gori_park(uint32_t *unlock, enum gori_wait reason, void *obj);

/*
 * The two halves of gori_park, for callers with more than one lock to release in between: after the first
 * the goroutine may be readied, after the second it has been.
 */
void gori_park_mark(enum gori_wait reason, void *obj);
uint64_t gori_park_switch(void);

/* The same for objects guarded by sched.lock, which is released. */
uint64_t gori_park_sched(enum gori_wait reason, void *obj);

/* Makes a parked goroutine runnable; it runs next on this P.  Context: G or M, inside the runtime. */
void gori_ready(struct gori_g *g);

/* The same, but at the end of the queue. */
void gori_ready_tail(struct gori_g *g);

/* Lets others run first.  Context: G, inside the runtime. */
void gori_gosched(void);

/* Ends the current goroutine without running anything more of it.  Context: G, inside. */
_Noreturn void gori_goexit0(void);

/* ---- locks that only owners of a P take ---------------------------------------------------------------
 *
 * With a single P, owning it is owning every object that is touched only inside the runtime with a P:
 * these locks then cost a predictable branch.  The number of Ps changes only while the world is stopped,
 * when nobody is inside.  Not for data that sysmon or threads without a P touch: those use gori_lock. */

extern uint32_t gori_multi; /* more than one P exists (or a sanitizer wants to see every lock) */

static inline void gori_plock(uint32_t *lock)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		gori_spin_lock(lock);
}

static inline void gori_punlock(uint32_t *lock)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		gori_spin_unlock(lock);
}

/* ---- waiter queues (FIFO), guarded by their object's lock ---------------------------------------------
 *
 * Only `first` is also looked at without the lock, by a select that wants to know whether it is worth taking. */

static inline void gori_waitq_push(struct gori_waitq *q, struct gori_waiter *w)
{
	w->next = NULL;
	w->prev = q->last;
	w->linked = 1;
	if (q->last)
		q->last->next = w;
	else
		gori_store(&q->first, w);
	q->last = w;
}

static inline void gori_waitq_push_front(struct gori_waitq *q, struct gori_waiter *w)
{
	w->prev = NULL;
	w->next = q->first;
	w->linked = 1;
	if (q->first)
		q->first->prev = w;
	else
		q->last = w;
	gori_store(&q->first, w);
}

/* Takes w out; nothing happens if it is not in the queue any more. */
static inline void gori_waitq_remove(struct gori_waitq *q, struct gori_waiter *w)
{
	if (!w->linked)
		return;
	w->linked = 0;
	if (w->prev)
		w->prev->next = w->next;
	else
		gori_store(&q->first, w->next);
	if (w->next)
		w->next->prev = w->prev;
	else
		q->last = w->prev;
}

static inline uint32_t gori_fastrand(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* ---- timers (timer.c) ------------------------------------------------------------------------------- */

/*
 * A timer calls fn(arg, now) once it is due, inside the runtime, on some M's g0: fn must be short, may
 * ready goroutines and restart this timer, may not park.  The caller owns the memory and must have stopped
 * the timer before it is freed (struct gori_timer: abi/abi.h).
 */
void gori_timer_start(struct gori_timer *t); /* t->when and fn set; t must not be active */
bool gori_timer_stop(struct gori_timer *t);  /* true if this call kept it from firing; waits out a running fn,
					      * so not from fn itself */
void gori_sleep(int64_t ns);                 /* parks the current goroutine for that long */
int64_t gori_deadline(int64_t ns);           /* that long from now; never so late that it overflows */

/* ---- what crash/ provides (a later layer, so declared here) ------------------------------------------- */

void gori_crash_init(void);                      /* signal handlers; once, while the library is loaded */
void gori_crash_thread_init(struct gori_m *m);   /* on the thread itself: alternate signal stack */
void gori_crash_thread_deinit(struct gori_m *m);
void gori_crash_after_fork(void);                /* in the child */
void gori_table_add(const char *name, uint64_t value); /* an entry of the published table; while loading */
bool gori_crash_is_on(void);                     /* a dump is going on: threads are being frozen */

/* ---- what panic/ and arch/ provide for goroutines ------------------------------------------------------ */

void gori_arch_call(const struct gori_call *call); /* calls call->fn with the captured arguments */
void gori_copy_words(uint64_t *to, const uint64_t *from, uint32_t n); /* uninstrumented copy of stack words */
void gori_newproc(const struct gori_regs *regs, const uint64_t *stack, const struct gor_call_req *req);
void gori_newproc_inside(const struct gori_call *call, int64_t parent); /* the same from a timer; copies call */

/* ---- errors ------------------------------------------------------------------------------------------ */

/* The runtime's own invariant is broken: prints "fatal error: MSG", dumps, exits 2.  Context: any. */
_Noreturn void gori_throw(const char *constant);

/* The user's mistake: panics with a runtime error.  Context: G, *outside* the runtime (call gori_exit
 * first: deferred functions are user code). */
_Noreturn void gori_panic_runtime_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void gori_panic_plain(const char *constant); /* "panic: CONSTANT", as Go's plainError */

/* Leaves the runtime, then panics with this constant text. */
#define gori_exit_panic(constant)                                                                            \
	do {                                                                                                 \
		gori_exit();                                                                                 \
		gori_panic_plain(constant);                                                                  \
	} while (0)

/* A misuse that cannot be recovered: "fatal error: MSG", all goroutines, exit 2.  Context: any. */
_Noreturn void gori_fatal(const char *msg);

#pragma GCC visibility pop

#endif
