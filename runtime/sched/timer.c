/* SPDX-License-Identifier: MIT */
/*
 * What: timers, and the goroutine's sleep.
 *
 * How: each P has a heap of its own, four children per node, so that 100,000 timers cost nine levels and
 * two cache lines each; the key is stored beside the pointer, so comparing does not touch the timers.
 * The owner of the P runs what is due in its scheduler; idle threads look at the heaps of all Ps; if every
 * thread is idle one of them (the timekeeper) sleeps until the first is due; and sysmon sees to those of a P
 * whose goroutine does not come back to the runtime.
 *
 * Invariants: heap[i].when <= heap[4i+1 .. 4i+4].when; p->timer_next is heap[0].when.
 * Locking: p->timer_lock.  A timer's function is called without it.
 * Context: inside the runtime.
 */
#include <string.h>
#include <sys/mman.h>

#include "sched/proc.h"
#include "sys/clock.h"

enum { ARITY = 4, FIRST_CAP = 256, LOOK_TURNS = 8 };

static void place(struct gori_timer_slot *heap, uint32_t i, struct gori_timer_slot s)
{
	heap[i] = s;
	s.timer->index = i;
}

static void sift_up(struct gori_timer_slot *heap, uint32_t i)
{
	struct gori_timer_slot s = heap[i];

	while (i > 0) {
		uint32_t parent = (i - 1) / ARITY;

		if (heap[parent].when <= s.when)
			break;
		place(heap, i, heap[parent]);
		i = parent;
	}
	place(heap, i, s);
}

static void sift_down(struct gori_timer_slot *heap, uint32_t n, uint32_t i)
{
	struct gori_timer_slot s = heap[i];

	for (;;) {
		uint32_t first = i * ARITY + 1, best = first;

		if (first >= n)
			break;
		for (uint32_t k = first + 1; k < first + ARITY && k < n; k++)
			if (heap[k].when < heap[best].when)
				best = k;
		if (heap[best].when >= s.when)
			break;
		place(heap, i, heap[best]);
		i = best;
	}
	place(heap, i, s);
}

static void publish_next(struct gori_p *p)
{
	gori_store_rel(&p->timer_next, p->ntimers ? p->timers[0].when : INT64_MAX);
}

/* The heap is plain mapped memory: timers run where malloc must not be called. */
static void heap_grow(struct gori_p *p)
{
	uint32_t cap = p->timers_cap ? p->timers_cap * 2 : FIRST_CAP;
	size_t old = p->timers_cap * sizeof *p->timers, size = cap * sizeof *p->timers;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		gori_throw("out of memory for timers");
	if (old) {
		memcpy(mem, p->timers, old);
		munmap(p->timers, old);
	}
	p->timers = mem;
	p->timers_cap = cap;
}

static void heap_insert(struct gori_p *p, struct gori_timer *t)
{
	if (p->ntimers == p->timers_cap)
		heap_grow(p);
	p->timers[p->ntimers] = (struct gori_timer_slot){t->when, t};
	gori_store_rel(&t->p, p);
	sift_up(p->timers, p->ntimers++);
	publish_next(p);
	if (p->budget > LOOK_TURNS)
		p->budget = LOOK_TURNS; /* the scheduler looks at timers that often once there are any */
}

static void heap_remove(struct gori_p *p, uint32_t i)
{
	struct gori_timer *t = p->timers[i].timer;
	struct gori_timer_slot last = p->timers[--p->ntimers];

	if (i < p->ntimers) {
		place(p->timers, i, last);
		if (i > 0 && p->timers[(i - 1) / ARITY].when > last.when)
			sift_up(p->timers, i);
		else
			sift_down(p->timers, p->ntimers, i);
	}
	gori_store_rel(&t->p, NULL);
	publish_next(p);
}

/* An idle thread sleeps until a later moment than this timer's. */
static void wake_timekeeper(int64_t when)
{
	if (gori_load_sc(&gori_sched.timekeeper_until) <= when || !gori_load(&gori_sched.nidle_p))
		return;
	gori_lock(&gori_sched.lock);
	if (gori_sched.timekeeper && gori_sched.timekeeper_until > when)
		gori_m_start_idle(false);
	else
		gori_unlock(&gori_sched.lock);
}

void gori_timer_start(struct gori_timer *t)
{
	struct gori_p *p = gori_m()->p;
	int64_t when = t->when; /* t may have fired, and be gone, once the lock is free */
	bool first;

	gori_plock(&p->timer_lock);
	heap_insert(p, t);
	first = t->index == 0;
	gori_punlock(&p->timer_lock);
	gori_sysmon_start(); /* this goroutine may stay in user code */
	if (first && gori_unlikely(gori_load(&gori_multi)))
		wake_timekeeper(when);
}

/* fn may be running on another thread: soon over. */
static void await_fired(struct gori_timer *t)
{
	while (gori_load_acq(&t->firing)) /* pairs with gori_timers_run */
		gori_pause();
}

bool gori_timer_stop(struct gori_timer *t)
{
	for (;;) {
		struct gori_p *p = gori_load_acq(&t->p);

		if (!p) {
			await_fired(t);
			if (!gori_load_acq(&t->p))
				return false;
			continue; /* it has started itself again */
		}
		gori_plock(&p->timer_lock);
		if (t->p == p) {
			heap_remove(p, t->index);
			gori_punlock(&p->timer_lock);
			await_fired(t); /* a periodic one's last time */
			return true;
		}
		gori_punlock(&p->timer_lock);
	}
}

/* Takes the first timer if it is due; a periodic one goes back into the heap at once. */
static struct gori_timer *take_due(struct gori_p *p, int64_t now)
{
	struct gori_timer *t = NULL;

	gori_plock(&p->timer_lock);
	if (p->ntimers && p->timers[0].when <= now) {
		t = p->timers[0].timer;
		if (!t->detached)
			gori_add(&t->firing, 1); /* a periodic one may still run on another thread */
		if (t->period > 0) {
			t->when += t->period * (1 + (now - t->when) / t->period);
			p->timers[0].when = t->when;
			sift_down(p->timers, p->ntimers, 0);
			publish_next(p);
		} else {
			heap_remove(p, 0);
		}
	}
	gori_punlock(&p->timer_lock);
	return t;
}

/*
 * Not more at a time than the ring takes: 100,000 sleepers that are due at once would go to the global queue,
 * and each be out of the cache again when it is its turn.
 */
int64_t gori_timers_run(struct gori_p *p, int64_t now)
{
	const struct gori_p *mine = gori_m()->p;
	struct gori_timer *t;

	while (gori_load_acq(&p->timer_next) <= now && !gori_runq_half_full(mine) && (t = take_due(p, now))) {
		if (t->detached) {
			t->fn(t->arg, now); /* t may be gone now */
			continue;
		}
		t->fn(t->arg, now);
		gori_add(&t->firing, -1u);
	}
	return gori_load(&p->timer_next);
}

int64_t gori_timers_next(void)
{
	int64_t next = INT64_MAX;

	for (uint32_t i = 0; i < gori_load_acq(&gori_sched.nprocs); i++) {
		int64_t when = gori_load_acq(&gori_sched.allp[i]->timer_next);

		if (when < next)
			next = when;
	}
	return next;
}

bool gori_timers_any(void)
{
	return gori_timers_next() != INT64_MAX;
}

void gori_timers_rearm(void)
{
	if (gori_timers_any())
		gori_sysmon_kick();
}

void gori_timers_move(struct gori_p *from, struct gori_p *to)
{
	while (from->ntimers) {
		struct gori_timer *t = from->timers[from->ntimers - 1].timer;

		heap_remove(from, from->ntimers - 1);
		heap_insert(to, t);
	}
}

int64_t gori_deadline(int64_t ns)
{
	int64_t now = gori_nanotime();

	return ns < INT64_MAX - 1 - now ? now + ns : INT64_MAX - 1; /* INT64_MAX: no timer */
}

void gori_timers_forget(uintptr_t lo, uintptr_t hi)
{
	for (uint32_t i = 0; i < gori_sched.nprocs; i++) {
		struct gori_p *p = gori_sched.allp[i];

		for (uint32_t k = p->ntimers; k-- > 0;)
			if ((uintptr_t)p->timers[k].timer - lo < hi - lo) {
				heap_remove(p, k);
				k = p->ntimers; /* others have moved */
			}
	}
}

/* ---- sleep --------------------------------------------------------------------------------------------------- */

static void wake_sleeper(void *arg, int64_t now)
{
	(void)now;
	gori_ready_tail(arg);
}

/*
 * The timer lock is held until the goroutine's status says that it waits: another thread may run the timer
 * at once.
 */
void gori_sleep(int64_t ns)
{
	struct gori_p *p = gori_m()->p;
	struct gori_timer t;

	memset(&t, 0, sizeof t);
	t.when = gori_deadline(ns);
	t.fn = wake_sleeper;
	t.arg = gori_g();
	t.detached = 1;
	gori_plock(&p->timer_lock);
	heap_insert(p, &t);
	if (gori_unlikely(gori_load(&gori_multi)) && t.index == 0)
		wake_timekeeper(t.when);
	gori_park(&p->timer_lock, GORI_WAIT_SLEEP, NULL);
}
