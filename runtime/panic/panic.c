/* SPDX-License-Identifier: MIT */
/*
 * What: panic, recover, gor_goexit.
 *
 * How: a panic does not unwind.  It stays where it is, deep on the goroutine's stack, and calls the deferred
 * functions of the frames above one after another, as Go does.  So when nobody recovers, the stack is still
 * there to be dumped.  Only when one has recovered are the frames left: gori_unwind_return makes the function
 * that deferred it return to its caller.
 *
 * g->panics is a stack of what is in progress, innermost first; each element lies in the frame of its panic.
 * A deferred function may panic itself: the new panic goes on with the list of deferred calls where the old
 * one was.  When it comes to the call that the old one is running (STARTED), that call will never return, so
 * the old one is *aborted*: it only waits to be printed, or to vanish once somebody recovers the new one.
 * If the new one is recovered inside that call, the old one goes on.  gor_goexit is an element too, which
 * cannot be recovered, and which goes on if the panic that aborted it is recovered.
 *
 *	in progress -> recovered   recover() in a call it runs; it ends when that call returns
 *	in progress -> aborted     a later one comes to the call it runs
 *	in progress -> fatal       nothing is left to call: gori_panic_die
 *
 * Whether recover() was called by the right function: the deferred function's return address is the one in
 * gori_arch_call, its frame lies below the panic's call (argp), and not below a deferred call that was nested
 * in it.  So no matter what was optimised, a function that the deferred one calls does not qualify.
 *
 * Rejected: unwinding first and calling deferred functions from landing pads (needs -fexceptions everywhere,
 * and the dump would come too late); setjmp in each function that defers (cost, volatile).
 *
 * Invariants: while a panic runs a call, its `defer` is the first record whose frame is outside that call.
 * Locking: none; everything belongs to the goroutine.
 * Context: G, outside the runtime.
 */
#define GOR_NO_KEYWORDS
#include <gorgon/defer.h>
#include <gorgon/panic.h>

#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/capture.h"
#include "panic/panic.h"
#include "sys/sanitize.h"

/* ---- texts of recovered panics -------------------------------------------------------------------------- */

enum {
	LOCAL_TEXTS = 3, /* g->locals[]: struct texts; stays with the G when it is used again */
	KEPT = 8,
};

struct texts {
	uint32_t next;
	char *text[KEPT];
};

/* LeakSanitizer does not look where Gs are; exists in its programs only. */
extern void __lsan_ignore_object(const void *p) __attribute__((weak));

static struct texts *texts_of(struct gori_g *g)
{
	struct texts *kept = g->locals[LOCAL_TEXTS];

	if (kept)
		return kept;
	kept = calloc(1, sizeof *kept);
	if (kept && __lsan_ignore_object)
		__lsan_ignore_object(kept);
	g->locals[LOCAL_TEXTS] = kept;
	return kept;
}

/* A copy of the panic's own text that outlives it; the panic's text if there is no memory. */
static char *keep_text(struct gori_g *g, struct gori_panic *p, size_t len)
{
	struct texts *kept = texts_of(g);
	char *copy = p->big;

	if (!copy && kept) {
		copy = malloc(len + 1);
		if (copy)
			memcpy(copy, p->text, len + 1);
	}
	if (copy && __lsan_ignore_object)
		__lsan_ignore_object(copy);
	if (!kept || !copy)
		return copy ? copy : p->text;
	p->big = NULL;
	free(kept->text[kept->next]);
	kept->text[kept->next] = copy;
	kept->next = (kept->next + 1) % KEPT;
	return copy;
}

void gori_panic_g_end(struct gori_g *g)
{
	struct texts *kept = g->locals[LOCAL_TEXTS];

	if (!kept)
		return;
	g->locals[LOCAL_TEXTS] = NULL;
	for (int i = 0; i < KEPT; i++)
		free(kept->text[i]);
	free(kept);
}

/* ---- recover -------------------------------------------------------------------------------------------- */

static __attribute__((no_sanitize_address)) bool is_called_by(const struct gori_panic *p, uintptr_t frame)
{
	return ((const uintptr_t *)frame)[1] == (uintptr_t)gori_arch_call_return && frame < p->argp &&
	       !(p->nested && frame < p->nested->frame);
}

gor_any gori_recover(void *frame)
{
	struct gori_m *m = gori_m();
	struct gori_panic *p = m ? m->curg->panics : NULL;
	gor_any nil = {0};

	if (gori_likely(!p) || p->goexit || p->recovered || !is_called_by(p, (uintptr_t)frame))
		return nil;
	if (p->value.data.s.ptr == p->text || (p->big && p->value.data.s.ptr == p->big))
		p->value.data.s.ptr = keep_text(m->curg, p, p->value.data.s.len);
	p->recovered = true;
	return p->value;
}

/* The rest of the frame's deferred calls, as the function would make them on its way out. */
static void run_rest_of_frame(struct gori_g *g, uintptr_t frame)
{
	struct gori_defer *d;

	while ((d = gori_defer_first(g, frame - 1)) && d->frame == frame && d->state == GORI_DEFER_PENDING) {
		gori_defer_unlink(g, d);
		gori_defer_run(g, d);
	}
}

/* p's call has recovered it and has returned: p is over, and `frame` returns. */
static _Noreturn void end_recovered(struct gori_g *g, struct gori_panic *p, uintptr_t frame)
{
	struct gori_panic *q = p->link;

	for (; q && q->aborted && !q->goexit; q = q->link)
		free(q->big);
	g->panics = q;
	if (q && q->aborted) { /* goexit */
		q->aborted = false;
		q->nested = NULL;
		gori_unwind_return(q->frame);
	}
	run_rest_of_frame(g, frame);
	while (q && q->nested && q->nested->frame < frame)
		q->nested = q->nested->link;
	gori_unwind_return(frame);
}

/* ---- panic and goexit ------------------------------------------------------------------------------------- */

static void push(struct gori_g *g, struct gori_panic *p)
{
	/* One from a frame below this was left by a longjmp out of a deferred function. */
	p->link = g->panics && g->panics->base > p->base ? g->panics : NULL;
	p->defer = NULL;
	p->argp = 0;
	p->nested = NULL;
	p->goexit = p->recovered = p->aborted = p->repanicked = false;
	p->text_state = GORI_TEXT_NONE;
	g->panics = p;
}

/* The call that an earlier panic is running will not return. */
static void take_over(struct gori_g *g, struct gori_defer *d)
{
	if (d->panic)
		d->panic->aborted = true;
	gori_defer_unlink(g, d);
}

/* Calls d on behalf of p. */
static void call_one(struct gori_g *g, struct gori_panic *p, struct gori_defer *d)
{
	d->state = GORI_DEFER_STARTED;
	d->panic = p;
	d->outer = p->link;
	p->defer = d;
	gori_arch_call_mark(&d->call, &p->argp);
	p->argp = 0;
	p->defer = NULL;
	free(d->heap);
	gori_defer_unlink(g, d);
}

/* Calls what is deferred.  Returns when nothing is left, or p was recovered: *ret_frame is whose. */
static bool call_deferred(struct gori_g *g, struct gori_panic *p, uintptr_t *ret_frame)
{
	struct gori_defer *d;

	while ((d = gori_defer_first(g, p->base))) {
		if (d->state == GORI_DEFER_STARTED) {
			take_over(g, d);
			continue;
		}
		*ret_frame = d->frame;
		call_one(g, p, d);
		if (p->recovered)
			return true;
	}
	return false;
}

_Noreturn void gori_panic_run(struct gori_panic *p)
{
	struct gori_g *g = gori_panic_self();
	uintptr_t frame;

	push(g, p);
	if (call_deferred(g, p, &frame))
		end_recovered(g, p, frame);
	gori_panic_die(p);
}

/* A recovered panic that had aborted the goexit comes back here, as if this had returned. */
static __attribute__((noinline)) void goexit_step(struct gori_g *g, struct gori_panic *p)
{
	uintptr_t unused;

	p->frame = (uintptr_t)__builtin_frame_address(0);
	call_deferred(g, p, &unused);
	__asm__ volatile(""); /* no tail call: the frame has to be its own */
}

_Noreturn void gor_goexit(void)
{
	struct gori_g *g = gori_panic_self();
	struct gori_panic p;

	p.base = (uintptr_t)__builtin_frame_address(0);
	push(g, &p);
	p.goexit = true;
	p.big = NULL;
	g->flags |= GORI_G_ENDING;
	do
		goexit_step(g, &p);
	while (gori_defer_first(g, p.base));
	if (gori_company & GORI_HOOK_CXX)
		gori_unwind_exit();
	gori_enter();
	gori_goexit0();
}
