/* SPDX-License-Identifier: MIT */
/*
 * What: gor_sem, a weighted semaphore.
 *
 * How: a number under a lock and a queue served strictly in order: a release gives units to the first
 * waiters for as long as there are enough, and stops at the first that asks for more than there is.
 *
 * Invariants: 0 <= held <= size.  While somebody waits nobody else gets units.
 *
 * Locking: s->lock guards everything but size.
 *
 * Context: public functions: anywhere.
 */
#define GOR_NO_KEYWORDS
#include <stdlib.h>

#include "sync/sync.h"

void gor_sem_init(gor_sem *s, int64_t n)
{
	*s = (gor_sem)GOR_SEM_INIT(n);
}

gor_sem *gor_sem_new(int64_t n)
{
	gor_sem *s = malloc(sizeof *s);

	if (!s)
		gori_panic_plain("out of memory");
	gor_sem_init(s, n);
	return s;
}

void gor_sem_free(gor_sem *s)
{
	bool waited_for;

	if (!s)
		return;
	gori_enter();
	gori_plock(&s->lock);
	waited_for = s->waiters.first != NULL;
	gori_punlock(&s->lock);
	gori_exit();
	if (waited_for)
		gori_panic_plain("semaphore: freed while goroutines wait on it");
	free(s);
}

/* Lends n units to g if that needs no waiting.  Locking: s->lock. */
static bool lend(gor_sem *s, struct gori_g *g, int64_t n, void *pc)
{
	if (s->waiters.first || n > s->size - s->held)
		return false;
	s->held += n;
	s->last_acquirer = g->goid;
	s->pc = pc;
	return true;
}

/* Locking: s->lock; released. */
static __attribute__((noinline)) void wait_for_units(gor_sem *s, struct gori_g *g, int64_t n, void *pc)
{
	struct gori_waiter w = {.g = g, .obj = s, .elem = pc, .ticket = (uint64_t)n};

	if (n <= s->size)
		gori_sync_push(&s->waiters, &w);
	gori_sync_park(g, &w, &s->lock, GORI_WAIT_SEMACQUIRE);
}

void gor_sem_acquire(gor_sem *s, int64_t n)
{
	struct gori_m *m = gori_enter();

	if (n < 0)
		gori_exit_panic("semaphore: negative count");
	gori_plock(&s->lock);
	if (lend(s, m->curg, n, gori_caller_pc()))
		gori_punlock(&s->lock);
	else
		wait_for_units(s, m->curg, n, gori_caller_pc());
	gori_exit();
}

bool gor_sem_try_acquire(gor_sem *s, int64_t n)
{
	struct gori_m *m = gori_enter();
	bool lent;

	if (n < 0)
		gori_exit_panic("semaphore: negative count");
	gori_plock(&s->lock);
	lent = lend(s, m->curg, n, gori_caller_pc());
	gori_punlock(&s->lock);
	gori_sync_exit(m);
	return lent;
}

/* Takes out those whose turn it is, as a list by `next`; they have their units.  Locking: s->lock. */
static struct gori_waiter *serve(gor_sem *s)
{
	struct gori_waiter *list = NULL, **end = &list, *w;

	while ((w = s->waiters.first) && (int64_t)w->ticket <= s->size - s->held) {
		gori_sync_pop(&s->waiters);
		s->held += (int64_t)w->ticket;
		s->last_acquirer = w->g->goid;
		s->pc = w->elem;
		w->next = NULL;
		*end = w;
		end = &w->next;
	}
	return list;
}

void gor_sem_release(gor_sem *s, int64_t n)
{
	struct gori_m *m = gori_enter();
	struct gori_waiter *list;

	if (n < 0)
		gori_exit_panic("semaphore: negative count");
	gori_plock(&s->lock);
	if (n > s->held) {
		gori_punlock(&s->lock);
		gori_exit_panic("semaphore: released more than held");
	}
	s->held -= n;
	s->last_releaser = m->curg->goid;
	list = serve(s);
	gori_punlock(&s->lock);
	gori_sync_wake_list(list, 0);
	gori_exit();
}
