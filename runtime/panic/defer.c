/* SPDX-License-Identifier: MIT */
/*
 * What: deferred calls: the list of a goroutine, what happens at the end of a block.
 *
 * How: a record lies in the frame of the function that defers.  The capture stub stores the call in it and
 * gori_defer_push links it in front of g->defers; `cleanup` calls gori_defer_leave at the end of the block,
 * which takes it out and calls.  A panic takes records from the list itself; the `check` word tells a later
 * gori_defer_leave (of a C++ landing pad) that nothing is left to do.
 *
 *	unlinked -> PENDING  gori_defer_push       PENDING -> unlinked  gori_defer_leave
 *	PENDING -> STARTED   a panic or goexit     STARTED -> unlinked  the same, when the call has returned
 *
 * longjmp leaves records behind whose frames are gone.  The end of a block never reads them: it sets
 * g->defers to the record's own link.  Walking does: each record is checked, and where the chain has been
 * overwritten the stack is searched upward for the next one.  So a stale record costs nothing as long as
 * nobody panics, and is not called if somebody does.
 *
 * Rejected: records on the heap or a table in the G (cost for every defer, limits); unlinking stale records
 * at each push (has to read memory that may be anything).
 *
 * Invariants: see abi/panic_abi.h.
 * Locking: none; a list belongs to the goroutine that runs.
 * Context: G, outside the runtime.
 */
#define GOR_NO_KEYWORDS
#include <gorgon/defer.h>

#include <alloca.h>
#include <stdlib.h>

#include "arch/x86_64/capture.h"
#include "panic/panic.h"

#define FIELD_AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), "capture.h, " #field)
FIELD_AT(struct gor_call_req, site, GORI_OFF_REQ_SITE);
FIELD_AT(struct gor_call_req, arg, GORI_OFF_REQ_ARG);
FIELD_AT(struct gor_site, nstack, GORI_OFF_SITE_NSTACK);
FIELD_AT(struct gori_call, fn, GORI_OFF_CALL_FN);
FIELD_AT(struct gori_call, stack, GORI_OFF_CALL_STACK);
FIELD_AT(struct gori_call, nstack, GORI_OFF_CALL_NSTACK);
FIELD_AT(struct gori_call, regs, GORI_OFF_CALL_REGS);
FIELD_AT(struct gori_regs, sse, GORI_OFF_REGS_SSE);
FIELD_AT(struct gori_defer, call, GORI_OFF_DEFER_CALL);
FIELD_AT(struct gori_resume, rsp, GORI_OFF_RESUME_RSP);
FIELD_AT(struct gori_resume, rip, GORI_OFF_RESUME_RIP);
_Static_assert(sizeof(struct gori_regs) == GORI_SIZE_REGS, "capture.h");

/* The public names of the same layouts. */
_Static_assert(sizeof(struct gori_request) == sizeof(struct gor_call_req), "call.h");
FIELD_AT(struct gori_request, fn, offsetof(struct gor_call_req, fn));
FIELD_AT(struct gori_request, site, offsetof(struct gor_call_req, site));
FIELD_AT(struct gori_request, arg, offsetof(struct gor_call_req, arg));
_Static_assert(sizeof(struct gor_defer) == sizeof(struct gori_defer), "defer.h");
FIELD_AT(struct gor_defer, check, offsetof(struct gori_defer, check));
FIELD_AT(struct gor_defer, frame, offsetof(struct gori_defer, frame));

__thread struct gor_call_req gori_pending;

/* Addresses of frames are real ones even where AddressSanitizer keeps locals elsewhere. */
#define UNCHECKED __attribute__((no_sanitize_address))

struct gori_g *gori_panic_self(void)
{
	if (gori_unlikely(!gori_m())) {
		gori_enter(); /* adopts the thread */
		gori_exit();
	}
	return gori_m()->curg;
}

/* ---- the capture's C half --------------------------------------------------------------------------------- */

typedef void (*stub)(void);

static void begin(void (*fn)(void), struct gor_site *site, uint32_t nstack, void *arg)
{
	if (gori_unlikely(site->nstack < nstack))
		gori_store(&site->nstack, nstack);
	gori_pending.fn = fn;
	gori_pending.site = site;
	gori_pending.arg = arg;
}

GOR_API stub gori_go_begin(void (*fn)(void), struct gor_site *site, uint32_t nstack);
GOR_API stub gori_defer_begin(void (*fn)(void), struct gor_site *site, uint32_t nstack, void *rec);

stub gori_go_begin(void (*fn)(void), struct gor_site *site, uint32_t nstack)
{
	begin(fn, site, nstack, NULL);
	return gori_go_capture_tls;
}

stub gori_defer_begin(void (*fn)(void), struct gor_site *site, uint32_t nstack, void *rec)
{
	begin(fn, site, nstack, rec);
	return gori_defer_capture_tls;
}

/* Only for its name: see GORI_OWN_FRAME. */
GOR_API void gori_own_frame(void);

void gori_own_frame(void)
{
}

void gori_capture_grow(const struct gor_call_req *req, uint64_t bytes)
{
	if (bytes > GOR_CALL_STACK_MAX)
		gori_panic_plain("too many bytes of arguments: pass a pointer");
	gori_store((uint32_t *)(uintptr_t)&req->site->nstack, (uint32_t)bytes);
}

/* ---- the list ---------------------------------------------------------------------------------------------- */

static UNCHECKED inline uintptr_t return_address(uintptr_t frame)
{
	return ((uintptr_t *)frame)[1];
}

static UNCHECKED inline bool is_linked(const struct gori_defer *d)
{
	return d->check == gori_defer_check(d);
}

/*
 * What the new record d is to be linked to, when the newest one is of the same frame or of one further in.
 * Further in: longjmp has left that function.  And d itself may be linked: longjmp has left its block, which
 * was entered again; then what is newer is stale.
 */
static UNCHECKED struct gori_defer *without_stale(struct gori_defer *head, const struct gori_defer *d)
{
	for (struct gori_defer *at = head; at && is_linked(at) && at->frame <= d->frame; at = at->link) {
		if (at == d)
			return at->link;
		if (at->frame < d->frame)
			head = at->link;
	}
	return head;
}

/* defer(NULL): panics when it is called, as in Go, and with frames that can be walked. */
static void call_nil(void)
{
	gori_panic_runtime_error("invalid memory address or nil pointer dereference");
}

static void copy_stack(struct gori_defer *d, const uint64_t *stack, uint32_t nbytes)
{
	struct gori_call *call = &d->call;

	call->nstack = (nbytes + 7) / 8;
	call->align = (uint32_t)((uintptr_t)stack & 63);
	call->stack = d->words;
	if (call->nstack > GORI_DEFER_WORDS) {
		d->heap = malloc(call->nstack * sizeof(uint64_t));
		if (!d->heap)
			gori_throw("out of memory for the arguments of defer");
		call->stack = d->heap;
	}
	gori_copy_words(call->stack, stack, call->nstack);
}

/*
 * Called by the capture stub of defer(), with d->frame and the registers set.  d->link may have been used
 * before: without_stale needs it as it was.
 */
void gori_defer_push(struct gori_defer *d, const uint64_t *stack, const struct gor_call_req *req)
{
	struct gori_g *g = gori_panic_self();
	struct gori_defer *head = g->defers;

	if (head && head->frame <= d->frame)
		head = without_stale(head, d);
	d->link = head;
	d->ret = return_address(d->frame);
	d->panic = NULL;
	d->heap = NULL;
	d->state = GORI_DEFER_PENDING;
	d->call.fn = gori_likely(req->fn != NULL) ? req->fn : call_nil;
	d->call.site = req->site;
	d->call.nstack = 0;
	d->call.stack = NULL;
	if (gori_unlikely(req->site->nstack))
		copy_stack(d, stack, req->site->nstack);
	d->check = d->tail = gori_defer_check(d);
	g->defers = d;
}

static UNCHECKED bool is_intact(const struct gori_defer *d)
{
	return is_linked(d) && d->tail == d->check;
}

/* Is there a record at d, of a frame above base that still exists? */
static UNCHECKED bool is_live(const struct gori_defer *d, uintptr_t base)
{
	return is_intact(d) && d->frame > base && return_address(d->frame) == d->ret;
}

/* Both are of the same frame. */
static UNCHECKED bool is_newer(const struct gori_defer *d, const struct gori_defer *than)
{
	for (const struct gori_defer *at = d->link; at && is_linked(at) && at->frame == d->frame;
	     at = at->link)
		if (at == than)
			return true;
	return false;
}

/* The newest record of the innermost frame above base that has any. */
static UNCHECKED struct gori_defer *search(const struct gori_g *g, uintptr_t base)
{
	struct gori_defer *best = NULL;

	for (uintptr_t at = base; at + sizeof *best <= g->stack_hi; at += sizeof(uint64_t)) {
		struct gori_defer *d = (struct gori_defer *)at;

		if (best && at > best->frame)
			break;
		if (d->check && is_live(d, base) && (!best || (d->frame == best->frame && is_newer(d, best))))
			best = d;
	}
	return best;
}

UNCHECKED struct gori_defer *gori_defer_first(struct gori_g *g, uintptr_t base)
{
	struct gori_defer *d = g->defers;

	while (d && !is_live(d, base))
		d = is_intact(d) ? d->link : search(g, base);
	g->defers = d;
	return d;
}

void gori_defer_unlink(struct gori_g *g, struct gori_defer *d)
{
	g->defers = d->link;
	d->check = 0;
}

/* ---- calling ------------------------------------------------------------------------------------------------ */

/* Arguments on the heap move to this frame, because the call may never come back. */
static __attribute__((noinline)) void run_from_heap(struct gori_defer *d)
{
	uint64_t *words = alloca(d->call.nstack * sizeof *words);

	gori_copy_words(words, d->heap, d->call.nstack);
	free(d->heap);
	d->call.stack = words;
	gori_arch_call(&d->call);
}

static inline void run(struct gori_defer *d)
{
	if (gori_unlikely(d->heap != NULL))
		run_from_heap(d);
	else
		gori_arch_call(&d->call);
}

/* In a call that a panic is running: recover() in what is called now is not meant for that panic. */
static __attribute__((noinline)) void run_nested(struct gori_panic *p, struct gori_defer *d)
{
	struct gori_nested nested = {p->nested, (uintptr_t)__builtin_frame_address(0)};

	p->nested = &nested;
	run(d);
	p->nested = nested.link;
}

void gori_defer_run(struct gori_g *g, struct gori_defer *d)
{
	struct gori_panic *p = g->panics;

	if (gori_unlikely(p != NULL))
		run_nested(p, d);
	else
		run(d);
}

/* An exception of C++ leaves the call that a panic was running: that panic and all inside it are over. */
static void abandon(struct gori_g *g, struct gori_defer *d)
{
	g->panics = d->outer;
	gori_defer_unlink(g, d);
}

void gori_defer_leave(void *record)
{
	struct gori_defer *d = record;
	struct gori_g *g;

	if (gori_unlikely(!is_linked(d)))
		return;
	g = gori_m()->curg;
	if (gori_unlikely(d->state == GORI_DEFER_STARTED)) {
		abandon(g, d);
		return;
	}
	gori_defer_unlink(g, d);
	gori_defer_run(g, d);
}
