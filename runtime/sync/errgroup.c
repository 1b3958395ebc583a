/* SPDX-License-Identifier: MIT */
/*
 * What: gor_errgroup: goroutines that work on parts of one task and fail together.
 *
 * How: a waitgroup counts them, a semaphore limits them, a context tells the others that one has failed.
 * Nothing here parks by itself; dumps show the waitgroup and the semaphore.
 *
 * Rejected: gor_any as the error: fn would need a value type for the common case, in which errno is enough.
 *
 * Invariants: code and text are set once, together, to those of the first error.
 *
 * Locking: eg->lock guards code and text; nothing is called under it.
 *
 * Context: public functions: anywhere.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

#include <gorgon/defer.h>
#include <gorgon/go.h>

typedef int task(void *arg);

int gor_errgroup_fail(gor_errgroup *eg, int code, const char *text)
{
	bool first;

	if (!code)
		return 0;
	gori_enter();
	gori_plock(&eg->lock);
	first = !eg->code;
	if (first) {
		eg->code = code;
		eg->text = text;
	}
	gori_punlock(&eg->lock);
	gori_exit();
	if (first && eg->ctx)
		gor_ctx_cancel(eg->ctx);
	return code;
}

/* The group may be gone as soon as the last one is done. */
static void leave(gor_errgroup *eg)
{
	if (eg->limited)
		gor_sem_release(&eg->sem, 1);
	gor_waitgroup_done(&eg->wg);
}

/* The goroutine of one task; ends in leave even if fn panics or ends its goroutine. */
static void work(gor_errgroup *eg, task *fn, void *arg)
{
	GORI_DEFER(leave, eg);
	gor_errgroup_fail(eg, fn(arg), NULL);
}

void gor_errgroup_go(gor_errgroup *eg, int (*fn)(void *arg), void *arg)
{
	if (eg->limited)
		gor_sem_acquire(&eg->sem, 1);
	gor_waitgroup_add(&eg->wg, 1);
	GORI_GO(work, eg, fn, arg);
}

bool gor_errgroup_try_go(gor_errgroup *eg, int (*fn)(void *arg), void *arg)
{
	if (eg->limited && !gor_sem_try_acquire(&eg->sem, 1))
		return false;
	gor_waitgroup_add(&eg->wg, 1);
	GORI_GO(work, eg, fn, arg);
	return true;
}

int gor_errgroup_wait(gor_errgroup *eg)
{
	struct gor_context *ctx;

	gor_waitgroup_wait(&eg->wg);
	ctx = eg->ctx;
	eg->ctx = NULL;
	if (ctx)
		gor_ctx_cancel(ctx);
	gor_ctx_free(ctx);
	return eg->code;
}

void gor_errgroup_set_limit(gor_errgroup *eg, int64_t n)
{
	if (gori_load(&eg->wg.word) >> GORI_WG_SHIFT)
		gori_panic_plain("errgroup: modify limit while goroutines in the group are still active");
	eg->limited = n >= 0;
	gor_sem_init(&eg->sem, n >= 0 ? n : 0);
}

struct gor_context *gor_errgroup_with_context(gor_errgroup *eg, struct gor_context *parent)
{
	eg->ctx = gor_ctx_with_cancel(parent);
	return gor_ctx_ref(eg->ctx);
}

const char *gor_errgroup_text(gor_errgroup *eg)
{
	const char *text;

	gori_enter();
	gori_plock(&eg->lock);
	text = eg->text;
	gori_punlock(&eg->lock);
	gori_exit();
	return text;
}
