/* SPDX-License-Identifier: MIT */
/*
 * What: where runnable goroutines wait: per P a slot for the next one, a FIFO ring and a deque of those that
 * never ran; and the global queue.
 *
 * How:
 *   runnext  a goroutine that the running one has just readied: it runs next, on the same processor, with
 *            the data in the cache.  The owner's alone, with no atomic operation: a thief borrows the P for
 *            a moment, which it can while the owner is in user code (gori_p_borrow).
 *   runq     ring of 256: goroutines that were readied or yielded, first in first out.
 *   fresh    deque of 256: goroutines that go() made and that never ran.  The owner takes the newest,
 *            thieves the oldest.  Newest first makes spawn trees run depth first: a tree of a million
 *            leaves then needs some dozens of stacks instead of a million.  The oldest is the largest
 *            part of a tree, the best thing to steal.
 *   global   linked list under sched.lock: half of a ring that overflows, goroutines that lost their P, and
 *            those made ready by threads without one.  What overflows a deque has a list of its own, newest
 *            first, for Ps that have nothing else: in the global queue the fair turns would start them
 *            oldest first, each would open a branch, and the branches would overflow again.
 *
 * Fairness: newest first and runnext could starve others; so every 61st turn takes from the global queue or
 * the head of the ring, every 10 ms some of the oldest fresh ones go to the ring, and gor_yield moves all
 * fresh ones there before itself.
 *
 * Rejected: Go's single ring with runnext for new goroutines (runs spawn trees breadth first: 1.3 s against
 * 0.1 s on a tree of a million); LIFO for all (starves those that yield).
 *
 * Invariants: head <= tail as wrapping counters, tail - head <= 256; slots outside [head, tail) are free.
 * The deque is Chase and Lev's ("Dynamic circular work-stealing deque", 2005; orderings as in Le et al.
 * 2013) with a bound.  With one P nobody steals, and no locked instruction is needed (gori_multi == 0).
 * Locking: none for a P's own queues; sched.lock for the global one.
 * Context: G or M, inside the runtime, owner of the P; _steal on any P.
 */
#include "sched/proc.h"
#include "sys/clock.h"

enum {
	MASK = GORI_RUNQ_SIZE - 1,
	HALF = GORI_RUNQ_SIZE / 2,
	FRESH_WAIT = 10000000, /* ns: so often some of the oldest fresh ones go to the ring */
	FRESH_SHARE = 4,
	FEW = 8, /* more than the fair turns of a whole ring */
};

/* ---- the global queue -------------------------------------------------------------------------------- */

void gori_globq_put_all(struct gori_g *head, struct gori_g *tail, uint32_t n)
{
	struct gori_gqueue *q = &gori_sched.runq;

	tail->link = NULL;
	if (q->tail)
		q->tail->link = head;
	else
		q->head = head;
	q->tail = tail;
	gori_store(&q->size, q->size + n);
}

void gori_globq_put(struct gori_g *g)
{
	gori_globq_put_all(g, g, 1);
}

/* Takes one to run, and moves p's fair share (or at most `max` in all) to its ring. */
struct gori_g *gori_globq_get(struct gori_p *p, uint32_t max)
{
	struct gori_gqueue *q = &gori_sched.runq;
	uint32_t n = q->size / gori_sched.nprocs + 1;
	struct gori_g *first = q->head;

	if (!first)
		return NULL;
	if (n > q->size)
		n = q->size;
	if (n > max)
		n = max;
	if (n > HALF)
		n = HALF;
	if (max > HALF && q->size - n < FEW)
		n = q->size; /* fair turns would take the rest before what goes to the ring */
	q->head = first->link;
	gori_store(&q->size, q->size - n);
	for (uint32_t i = 1; i < n; i++) {
		struct gori_g *g = q->head;

		q->head = g->link;
		gori_runq_put(p, g);
	}
	if (!q->head)
		q->tail = NULL;
	return first;
}

static void globq_put_batch(struct gori_g **batch, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n; i++)
		batch[i]->link = batch[i + 1];
	gori_lock(&gori_sched.lock);
	gori_globq_put_all(batch[0], batch[n - 1], n);
	gori_unlock(&gori_sched.lock);
}

void gori_globfresh_put(struct gori_g **batch, uint32_t n)
{
	struct gori_gqueue *q = &gori_sched.fresh;

	gori_lock(&gori_sched.lock);
	for (uint32_t i = 0; i < n; i++) {
		batch[i]->link = q->head;
		q->head = batch[i];
	}
	gori_store(&q->size, q->size + n);
	gori_unlock(&gori_sched.lock);
}

struct gori_g *gori_globfresh_get(struct gori_p *p, uint32_t max)
{
	struct gori_gqueue *q = &gori_sched.fresh;
	struct gori_g *taken[HALF], *g = NULL;
	uint32_t n = 0;

	if (!gori_load(&q->size))
		return NULL;
	gori_lock(&gori_sched.lock);
	for (; n < max && n < HALF && q->head; n++) {
		taken[n] = q->head;
		q->head = q->head->link;
	}
	gori_store(&q->size, q->size - n);
	gori_unlock(&gori_sched.lock);
	if (n)
		g = taken[0];
	while (n > 1) /* the newest again on top */
		gori_runq_put_fresh(p, taken[--n]);
	return g;
}

/* ---- the ring ---------------------------------------------------------------------------------------- */

/* Moves the head of the ring on by n; false if a thief was faster. */
static inline bool ring_advance(struct gori_p *p, uint32_t head, uint32_t n)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		return gori_cas(&p->runq_head, head, head + n);
	gori_store(&p->runq_head, head + n);
	return true;
}

/* The ring is full: half of it and g go to the global queue.  False if thieves made room meanwhile. */
static __attribute__((noinline)) bool ring_overflow(struct gori_p *p, struct gori_g *g, uint32_t head)
{
	struct gori_g *batch[HALF + 1];

	for (uint32_t i = 0; i < HALF; i++)
		batch[i] = gori_load(&p->runq[(head + i) & MASK]);
	if (!ring_advance(p, head, HALF))
		return false;
	batch[HALF] = g;
	globq_put_batch(batch, HALF + 1);
	return true;
}

void gori_runq_put(struct gori_p *p, struct gori_g *g)
{
	for (;;) {
		uint32_t head = gori_load_acq(&p->runq_head); /* pairs with thieves' CAS: slots are free */
		uint32_t tail = p->runq_tail;

		if (gori_likely(tail - head < GORI_RUNQ_SIZE)) {
			gori_store(&p->runq[tail & MASK], g);
			gori_store_rel(&p->runq_tail, tail + 1); /* pairs with thieves' acquire: slot set */
			return;
		}
		if (ring_overflow(p, g, head))
			return;
	}
}

static inline struct gori_g *ring_get(struct gori_p *p)
{
	for (;;) {
		uint32_t head = gori_load_acq(&p->runq_head);
		struct gori_g *g;

		if (head == p->runq_tail)
			return NULL;
		g = gori_load(&p->runq[head & MASK]);
		if (gori_likely(ring_advance(p, head, 1)))
			return g;
	}
}

/* ---- runnext ----------------------------------------------------------------------------------------- */

static inline struct gori_g *next_get(struct gori_p *p)
{
	struct gori_g *g = p->runnext;

	if (g)
		gori_store(&p->runnext, NULL);
	return g;
}

void gori_runq_put_next(struct gori_p *p, struct gori_g *g)
{
	struct gori_g *old = p->runnext;

	gori_store(&p->runnext, g);
	if (old)
		gori_runq_put(p, old);
}

/* ---- the deque of fresh goroutines ------------------------------------------------------------------- */

/* Moves the top on by n; false if somebody was faster. */
static inline bool fresh_advance(struct gori_p *p, uint32_t top, uint32_t n)
{
	if (gori_unlikely(gori_load(&gori_multi)))
		return gori_cas(&p->fresh_top, top, top + n);
	gori_store(&p->fresh_top, top + n);
	return true;
}

/* Takes the oldest; also the thieves' way. */
static struct gori_g *fresh_take_oldest(struct gori_p *p)
{
	for (;;) {
		uint32_t top = gori_load_acq(&p->fresh_top);
		struct gori_g *g;

		if (gori_unlikely(gori_load(&gori_multi)))
			gori_fence(); /* top before bottom: pairs with the owner's fence in fresh_get */
		if ((int32_t)(gori_load_acq(&p->fresh_bottom) - top) <= 0)
			return NULL;
		g = gori_load(&p->fresh[top & MASK]);
		if (fresh_advance(p, top, 1))
			return g;
	}
}

/* The deque is full: its older half is shared, unless a thief makes room first. */
static __attribute__((noinline)) void fresh_overflow(struct gori_p *p)
{
	struct gori_g *batch[HALF];
	uint32_t top = gori_load_acq(&p->fresh_top);

	for (uint32_t i = 0; i < HALF; i++)
		batch[i] = gori_load(&p->fresh[(top + i) & MASK]);
	if (p->fresh_bottom - top == GORI_RUNQ_SIZE && fresh_advance(p, top, HALF))
		gori_globfresh_put(batch, HALF);
}

void gori_runq_put_fresh(struct gori_p *p, struct gori_g *g)
{
	uint32_t bottom = p->fresh_bottom;

	if (gori_unlikely(bottom - gori_load_acq(&p->fresh_top) >= GORI_RUNQ_SIZE))
		fresh_overflow(p);
	gori_store(&p->fresh[bottom & MASK], g);
	gori_store_rel(&p->fresh_bottom, bottom + 1); /* pairs with thieves' acquire: slot set */
}

/* Takes the newest. */
static inline struct gori_g *fresh_get(struct gori_p *p)
{
	uint32_t bottom = p->fresh_bottom, top = gori_load(&p->fresh_top);
	struct gori_g *g;

	if ((int32_t)(bottom - top) <= 0)
		return NULL;
	bottom--;
	if (gori_likely(!gori_load(&gori_multi))) {
		gori_store(&p->fresh_bottom, bottom);
		return gori_load(&p->fresh[bottom & MASK]);
	}
	gori_store(&p->fresh_bottom, bottom);
	gori_fence(); /* bottom before top: a thief that did not see it is seen here */
	top = gori_load(&p->fresh_top);
	g = gori_load(&p->fresh[bottom & MASK]);
	if ((int32_t)(bottom - top) > 0)
		return g;
	if ((int32_t)(bottom - top) < 0 || !gori_cas(&p->fresh_top, top, top + 1))
		g = NULL; /* the last one went to a thief */
	gori_store(&p->fresh_bottom, bottom + 1);
	return g;
}

/* The shared list of fresh ones to the global queue, oldest first. */
static __attribute__((noinline)) void globfresh_flush(void)
{
	struct gori_g *list = NULL, *tail, *g;
	uint32_t n;

	gori_lock(&gori_sched.lock);
	n = gori_sched.fresh.size;
	tail = gori_sched.fresh.head;
	while ((g = gori_sched.fresh.head)) {
		gori_sched.fresh.head = g->link;
		g->link = list;
		list = g;
	}
	gori_store(&gori_sched.fresh.size, 0);
	if (list)
		gori_globq_put_all(list, tail, n);
	gori_unlock(&gori_sched.lock);
}

void gori_runq_flush_fresh(struct gori_p *p)
{
	struct gori_g *g;

	if (gori_unlikely(gori_load(&gori_sched.fresh.size)))
		globfresh_flush();
	if (gori_likely(p->fresh_bottom == gori_load(&p->fresh_top)))
		return;
	while ((g = fresh_take_oldest(p)))
		gori_runq_put(p, g);
}

/*
 * All that waits here and in the global queue runs before g.  Behind a long global queue that is so: before the
 * fair turns of a whole ring have emptied it the ring is empty.  A short one joins the ring.
 */
void gori_runq_put_behind_all(struct gori_p *p, struct gori_g *g)
{
	struct gori_gqueue *q = &gori_sched.runq;
	struct gori_g *few[FEW];
	uint32_t n = 0;

	gori_lock(&gori_sched.lock);
	if (q->size > FEW) {
		gori_globq_put(g);
		gori_unlock(&gori_sched.lock);
		return;
	}
	for (; q->head; q->head = q->head->link)
		few[n++] = q->head;
	q->tail = NULL;
	gori_store(&q->size, 0);
	gori_unlock(&gori_sched.lock);
	for (uint32_t i = 0; i < n; i++)
		gori_runq_put(p, few[i]);
	gori_runq_put(p, g);
}

/* ---- all of a P's queues ------------------------------------------------------------------------------ */

struct gori_g *gori_runq_get(struct gori_p *p)
{
	struct gori_g *g = next_get(p);

	if (gori_likely(g != NULL))
		return g;
	g = ring_get(p);
	return g ? g : fresh_get(p);
}

/*
 * By turns the ring goes before runnext.  Fresh ones wait for the clock instead: each that is started out of
 * order opens another branch of a spawn tree, and with it stacks.
 */
struct gori_g *gori_runq_get_fair(struct gori_p *p)
{
	int64_t now = gori_coarse_now();
	struct gori_g *g;

	if (now - p->fresh_since >= FRESH_WAIT) {
		p->fresh_since = now;
		for (int i = 0; i < FRESH_SHARE && (g = fresh_take_oldest(p)); i++)
			gori_runq_put(p, g);
		if ((g = gori_globfresh_get(p, 1)))
			gori_runq_put(p, g);
	}
	g = ring_get(p);
	return g ? g : gori_runq_get(p);
}

bool gori_runq_waiting(struct gori_p *p)
{
	return gori_load_acq(&p->runq_head) != gori_load_acq(&p->runq_tail) ||
	       (int32_t)(gori_load_acq(&p->fresh_bottom) - gori_load_acq(&p->fresh_top)) > 0;
}

bool gori_runq_half_full(const struct gori_p *p)
{
	return p->runq_tail - gori_load(&p->runq_head) >= HALF;
}

bool gori_runq_empty(struct gori_p *p)
{
	return !gori_load_acq(&p->runnext) && !gori_runq_waiting(p);
}

/* Half of victim's ring to p's ring; returns one more to run. */
static struct gori_g *steal_ring(struct gori_p *p, struct gori_p *victim)
{
	for (;;) {
		uint32_t head = gori_load_acq(&victim->runq_head);
		uint32_t tail = gori_load_acq(&victim->runq_tail);
		uint32_t n = tail - head, mine = p->runq_tail;

		n -= n / 2;
		if (n == 0)
			return NULL;
		if (n > HALF) /* head and tail were read at different times */
			continue;
		for (uint32_t i = 0; i < n; i++)
			gori_store(&p->runq[(mine + i) & MASK], gori_load(&victim->runq[(head + i) & MASK]));
		if (!gori_cas(&victim->runq_head, head, head + n))
			continue;
		gori_store_rel(&p->runq_tail, mine + n - 1);
		return gori_load(&p->runq[(mine + n - 1) & MASK]);
	}
}

/* Half of victim's fresh ones, oldest first, to p's deque; returns the oldest to run. */
static struct gori_g *steal_fresh(struct gori_p *p, struct gori_p *victim)
{
	uint32_t n = (gori_load_acq(&victim->fresh_bottom) - gori_load_acq(&victim->fresh_top) + 1) / 2;
	struct gori_g *first = fresh_take_oldest(victim);

	for (uint32_t i = 1; first && i < n && i < HALF; i++) {
		struct gori_g *g = fresh_take_oldest(victim);

		if (!g)
			break;
		gori_runq_put_fresh(p, g);
	}
	return first;
}

struct gori_g *gori_runq_steal(struct gori_p *p, struct gori_p *victim)
{
	struct gori_g *g = steal_ring(p, victim);

	return g ? g : steal_fresh(p, victim);
}

/*
 * What was readied to run next there is stolen only if nothing has moved since the last look: two goroutines
 * that hand over to each other would otherwise be torn apart at every hand-over.
 */
void gori_runq_watch_next(struct gori_p *victim)
{
	gori_store(&victim->next_seen_tick, gori_load(&victim->schedtick));
	gori_store(&victim->next_seen, gori_load(&victim->runnext));
}

static struct gori_g *next_get_and_return(struct gori_p *victim)
{
	struct gori_g *g = next_get(victim);

	gori_p_return(victim);
	return g;
}

struct gori_g *gori_runq_steal_next(struct gori_p *victim)
{
	struct gori_g *g = gori_load(&victim->runnext);

	if (!g || g != gori_load(&victim->next_seen) ||
	    gori_load(&victim->schedtick) != gori_load(&victim->next_seen_tick))
		return NULL;
	return gori_p_borrow(victim) ? next_get_and_return(victim) : NULL;
}
