/* SPDX-License-Identifier: MIT */
/*
 * What: the public face of the scheduler, <gorgon/sched.h>.
 * Context: user code, outside the runtime.
 */
#define GOR_NO_ERRNO
#define GOR_NO_KEYWORDS
#include <gorgon/sched.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sched/proc.h"
#include "sys/clock.h"

void gor_yield(void)
{
	gori_enter();
	gori_gosched();
	gori_exit();
}

void gor_sleep(int64_t ns)
{
	gori_enter();
	if (ns > 0)
		gori_sleep(ns);
	else
		gori_gosched();
	gori_exit();
}

int64_t gor_now(void)
{
	return gori_nanotime();
}

/* The goroutine of this thread, without a P: only its own fields may be touched. */
static struct gori_g *self(void)
{
	if (gori_unlikely(!gori_m())) {
		gori_enter(); /* adopts the thread */
		gori_exit();
	}
	return gori_m()->curg;
}

int64_t gor_goid(void)
{
	return self()->goid;
}

int gor_num_goroutine(void)
{
	return (int)gori_g_count();
}

int gor_maxprocs(int n)
{
	int old = (int)gori_load(&gori_sched.nprocs);

	if (n > GORI_MAX_PROCS)
		n = GORI_MAX_PROCS;
	if (n <= 0 || n == old)
		return old;
	gori_enter();
	gori_world_stop();
	old = (int)gori_sched.nprocs;
	gori_world_start((uint32_t)n, true);
	gori_exit();
	return old;
}

void gor_lock_thread(void)
{
	struct gori_m *m = gori_enter();
	struct gori_g *g = m->curg;

	if (g->lock_depth++ == 0 && !g->locked_m) {
		g->locked_m = m;
		m->locked_g = g;
	}
	gori_exit();
}

void gor_unlock_thread(void)
{
	struct gori_m *m = gori_enter();
	struct gori_g *g = m->curg;

	if (g->lock_depth && --g->lock_depth == 0 && !m->foreign) {
		g->locked_m = NULL;
		m->locked_g = NULL;
	}
	gori_exit();
}

void gor_blocking_begin(void)
{
	struct gori_m *m = gori_enter();

	gori_store(&m->curg->status, GORI_GSYSCALL);
	gori_exit_release(m);
}

void gor_blocking_end(void)
{
	struct gori_m *m = gori_enter();

	gori_store(&m->curg->status, GORI_GRUNNING);
	gori_exit();
}

/* ---- labels ----------------------------------------------------------------------------------------------- */

static struct gori_label *label_new(const char *key, const char *value)
{
	size_t klen = strlen(key) + 1, vlen = strlen(value) + 1;
	struct gori_label *l = malloc(sizeof *l + klen + vlen);

	if (!l)
		gori_throw("out of memory for a label");
	l->key = memcpy(l + 1, key, klen);
	l->value = memcpy((char *)(l + 1) + klen, value, vlen);
	return l;
}

void gor_label(const char *key, const char *value)
{
	struct gori_label *fresh = value ? label_new(key, value) : NULL, *old;
	struct gori_label **at;

	gori_enter();
	for (at = &gori_g()->labels; *at && strcmp((*at)->key, key) != 0; at = &(*at)->next)
		;
	old = *at;
	if (fresh) {
		fresh->next = old ? old->next : NULL;
		*at = fresh;
	} else if (old) {
		*at = old->next;
	}
	gori_exit();
	free(old);
}

/* ---- settle ------------------------------------------------------------------------------------------------- */

static void settle_timeout(void *arg, int64_t now)
{
	struct gori_g *g = arg;
	bool mine;

	(void)now;
	gori_lock(&gori_sched.lock);
	mine = gori_sched.settler == g;
	if (mine)
		gori_sched.settler = NULL;
	gori_unlock(&gori_sched.lock);
	if (mine) {
		g->wake = 0;
		gori_ready_tail(g);
	}
}

bool gor_settle(int64_t ns)
{
	struct gori_g *g = gori_enter()->curg;
	struct gori_timer t;
	uint64_t settled;

	memset(&t, 0, sizeof t);
	t.when = gori_deadline(ns);
	t.fn = settle_timeout;
	t.arg = g;
	gori_lock(&gori_sched.lock);
	if (gori_sched.settler) {
		gori_unlock(&gori_sched.lock);
		gori_exit_panic("gor_settle: another goroutine is in it");
	}
	gori_sched.settler = g;
	gori_unlock(&gori_sched.lock);
	gori_timer_start(&t);
	gori_lock(&gori_sched.lock);
	settled = gori_park_sched(GORI_WAIT_SETTLE, NULL);
	gori_timer_stop(&t);
	gori_exit();
	return settled;
}

/* ---- errno ---------------------------------------------------------------------------------------------------- */

int *gor_errno_location(void)
{
	return &errno;
}
