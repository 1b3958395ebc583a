/* SPDX-License-Identifier: MIT */
/*
 * What: gor_context: trees of things that can be cancelled.
 *
 * How: all contexts under one that has no cancellable parent make up a tree with a single lock, in that
 * root.  Cancelling walks the subtree with a work list through the contexts' own links, closes each channel,
 * and so needs neither recursion nor memory.  Contexts are counted; a child counts as an owner of its
 * parent, so a parent outlives the registration of its children.
 *
 *	made -> linked under `up`    [adopt; at once cancelled if `up` is]
 *	linked -> cancelled          [cancel_subtree, by gor_ctx_cancel or the timer of this one or a parent]
 *	any -> freed                 [destroy, when the last owner is gone]
 *
 * Rejected: a lock for each context, as Go has (parent before child all the way down: recursion as deep as
 * the tree, on small stacks).  Rejected: one lock for all (unrelated requests of a server would meet there).
 * Rejected: a goroutine for each deadline.
 *
 * Invariants: err != NULL if and only if done is closed, as seen under the lock.  A linked context is not
 * cancelled and neither is its `up`.  No deadline is later than that of `up`; so when a timer fires, those
 * of the contexts below have fired or are about to, and need not be stopped.
 *
 * Locking: root->lock, before the locks of channels and timer heaps.  A timer is stopped, which waits for its
 * function, only after the lock is released, which its function wants.
 *
 * Context: public functions: anywhere.  fire: M.
 */
#define GOR_NO_KEYWORDS
#include <stdlib.h>

#include "sync/sync.h"

#include "chan/chan.h"

#define NO_DEADLINE INT64_MAX

/* A context with a deadline of its own. */
struct timed_context {
	struct gor_context ctx;
	struct gori_timer timer;
};

static const struct gor_site done_site = {__FILE__, "gor_ctx_done", "gor_unit", __LINE__, 0};

const char gor_ctx_canceled[] = "context canceled";
const char gor_ctx_deadline_exceeded[] = "context deadline exceeded";

static struct gor_context background = {
	.cookie = GORI_CTX_COOKIE,
	.kind = GORI_CTX_BACKGROUND,
	.refs = 1,
	.deadline = NO_DEADLINE,
};

/* The context whose fate this one shares; NULL if it is never cancelled. */
static inline struct gor_context *cancellable(struct gor_context *ctx)
{
	return ctx->kind == GORI_CTX_CANCEL ? ctx : ctx->up;
}

/* ---- cancelling ------------------------------------------------------------------------------------------ */

/* Locking: the tree's. */
static void unlink_from_parent(struct gor_context *ctx)
{
	if (!ctx->linked)
		return;
	ctx->linked = 0;
	if (ctx->prev)
		ctx->prev->next = ctx->next;
	else
		ctx->up->children = ctx->next;
	if (ctx->next)
		ctx->next->prev = ctx->prev;
	ctx->next = ctx->prev = NULL;
}

/* Locking: the tree's. */
static void link_to_parent(struct gor_context *ctx)
{
	ctx->linked = 1;
	ctx->prev = NULL;
	ctx->next = ctx->up->children;
	if (ctx->next)
		ctx->next->prev = ctx;
	ctx->up->children = ctx;
}

/* Locking: the tree's. */
static void mark_cancelled(struct gor_context *ctx, const char *err, int64_t goid)
{
	ctx->canceller = goid;
	ctx->cancelled_at = gori_coarse_now();
	gori_store_rel(&ctx->err, err); /* pairs with the acquire in gor_ctx_err */
	gori_chan_close_inside(ctx->done);
}

/* One owner more, unless the last one has left already and waits for the lock to take ctx out. */
static bool ref_unless_dying(struct gor_context *ctx)
{
	uint32_t refs;

	do {
		refs = gori_load(&ctx->refs);
		if (!refs)
			return false;
	} while (!gori_cas(&ctx->refs, refs, refs + 1));
	return true;
}

/*
 * Cancels ctx, which is not cancelled and in no list, and all that is registered under it.  If ret_timed is
 * not NULL it gets those with a timer to stop, as a list by `prev`, each with one owner more.
 * Locking: the tree's, which keeps who is linked from being freed.
 */
static void cancel_subtree(struct gor_context *ctx, const char *err, int64_t goid,
			   struct gor_context **ret_timed)
{
	struct gor_context *todo = ctx;

	while ((ctx = todo)) {
		struct gor_context *last = ctx->children;

		todo = ctx->next;
		mark_cancelled(ctx, err, goid);
		while (last && last->next)
			last = last->next;
		if (last) {
			last->next = todo;
			todo = ctx->children;
		}
		ctx->children = ctx->next = ctx->prev = NULL;
		ctx->linked = 0;
		if (ret_timed && ctx->timed && ref_unless_dying(ctx)) {
			ctx->prev = *ret_timed;
			*ret_timed = ctx;
		}
	}
}

/* Returns the contexts that got one owner more.  Context: G, inside the runtime. */
static struct gor_context *cancel(struct gor_context *ctx, const char *err)
{
	struct gor_context *timed = NULL;

	gori_plock(&ctx->root->lock);
	if (!ctx->err) {
		unlink_from_parent(ctx);
		cancel_subtree(ctx, err, gori_g()->goid, &timed);
	}
	gori_punlock(&ctx->root->lock);
	for (struct gor_context *c = timed; c; c = c->prev)
		gori_timer_stop(c->timer);
	return timed;
}

/* Drops the owners that cancel added.  Context: G, outside the runtime. */
static void release(struct gor_context *timed)
{
	while (timed) {
		struct gor_context *next = timed->prev;

		gor_ctx_free(timed);
		timed = next;
	}
}

void gor_ctx_cancel(gor_context *ctx)
{
	struct gor_context *timed;

	if (ctx->kind != GORI_CTX_CANCEL)
		gori_panic_plain("context cannot be canceled");
	gori_enter();
	timed = cancel(ctx, gor_ctx_canceled);
	gori_exit();
	release(timed);
}

/* The deadline of a context has come.  Timers below are left to fire in vain: whoever frees a context stops
 * its timer.  Context: M, inside the runtime. */
static void fire(void *arg, int64_t now)
{
	struct gor_context *ctx = arg;

	(void)now;
	gori_plock(&ctx->root->lock);
	if (!ctx->err) {
		unlink_from_parent(ctx);
		cancel_subtree(ctx, gor_ctx_deadline_exceeded, 0, NULL);
	}
	gori_punlock(&ctx->root->lock);
}

/* ---- making ---------------------------------------------------------------------------------------------- */

/* Memory for a context, outside the runtime. */
static struct gor_context *make(struct gor_context *parent, enum gori_ctx_kind kind, int64_t deadline,
				void *pc)
{
	bool timed = deadline < (parent ? parent->deadline : NO_DEADLINE);
	struct gor_context *ctx;

	if (!parent)
		gori_panic_plain("cannot create context from nil parent");
	ctx = calloc(1, timed ? sizeof(struct timed_context) : sizeof *ctx);
	if (!ctx)
		gori_panic_plain("out of memory");
	ctx->cookie = GORI_CTX_COOKIE;
	ctx->kind = kind;
	ctx->refs = 1;
	ctx->parent = gor_ctx_ref(parent);
	ctx->up = cancellable(parent);
	ctx->deadline = timed ? deadline : parent->deadline;
	ctx->pc = pc;
	ctx->timed = timed;
	if (timed)
		ctx->timer = &((struct timed_context *)ctx)->timer;
	return ctx;
}

/* Puts a new context into its tree.  Context: G, inside the runtime. */
static void adopt(struct gor_context *ctx)
{
	int64_t now = ctx->timed ? gori_nanotime() : 0;
	struct gor_context *up = ctx->up;
	const char *err;

	ctx->maker = gori_g()->goid;
	ctx->root = up ? up->root : ctx;
	gori_plock(&ctx->root->lock);
	err = up ? up->err : NULL;
	if (!err && ctx->timed && ctx->deadline <= now)
		err = gor_ctx_deadline_exceeded;
	if (err) {
		ctx->timed = 0;
		mark_cancelled(ctx, err, up ? up->canceller : 0);
	} else {
		if (up)
			link_to_parent(ctx);
		if (ctx->timed) {
			*ctx->timer = (struct gori_timer){.when = ctx->deadline, .fn = fire, .arg = ctx};
			gori_timer_start(ctx->timer);
		}
	}
	gori_punlock(&ctx->root->lock);
}

static gor_context *with_deadline(gor_context *parent, int64_t deadline, void *pc)
{
	struct gor_context *ctx = make(parent, GORI_CTX_CANCEL, deadline, pc);

	ctx->done = gor_chan_make(sizeof(gor_unit), 0, &done_site);
	gori_enter();
	adopt(ctx);
	gori_exit();
	return ctx;
}

gor_context *gor_ctx_background(void)
{
	return &background;
}

gor_context *gor_ctx_with_cancel(gor_context *parent)
{
	return with_deadline(parent, NO_DEADLINE, gori_caller_pc());
}

gor_context *gor_ctx_with_deadline(gor_context *parent, int64_t when)
{
	return with_deadline(parent, when, gori_caller_pc());
}

gor_context *gor_ctx_with_timeout(gor_context *parent, int64_t ns)
{
	int64_t now = gori_nanotime(), when;

	if (__builtin_add_overflow(now, ns, &when))
		when = ns < 0 ? now : NO_DEADLINE;
	return with_deadline(parent, when, gori_caller_pc());
}

gor_context *gor_ctx_with_value(gor_context *parent, const void *key, void *value)
{
	struct gor_context *ctx = make(parent, GORI_CTX_VALUE, NO_DEADLINE, gori_caller_pc());

	if (!key) {
		gor_ctx_free(ctx);
		gori_panic_plain("nil key");
	}
	ctx->key = key;
	ctx->value = value;
	ctx->maker = gori_enter()->curg->goid;
	gori_exit();
	return ctx;
}

/* ---- asking: constant fields, no need to be inside the runtime ---------------------------------------------- */

GORI_CHAN_TYPE(gor_unit) gor_ctx_done(gor_context *ctx)
{
	struct gor_context *c = cancellable(ctx);

	return c ? (GORI_CHAN_TYPE(gor_unit))(void *)c->done : NULL;
}

const char *gor_ctx_err(gor_context *ctx)
{
	struct gor_context *c = cancellable(ctx);

	return c ? gori_load_acq(&c->err) : NULL; /* pairs with the release in mark_cancelled */
}

bool gor_ctx_deadline(gor_context *ctx, int64_t *ret_when)
{
	if (ctx->deadline == NO_DEADLINE)
		return false;
	*ret_when = ctx->deadline;
	return true;
}

void *gor_ctx_value(gor_context *ctx, const void *key)
{
	for (; ctx; ctx = ctx->parent) {
		if (ctx->kind == GORI_CTX_VALUE && ctx->key == key)
			return ctx->value;
	}
	return NULL;
}

/* ---- owning ------------------------------------------------------------------------------------------------ */

gor_context *gor_ctx_ref(gor_context *ctx)
{
	if (ctx->kind != GORI_CTX_BACKGROUND)
		gori_add(&ctx->refs, 1);
	return ctx;
}

/* Nobody owns it any more, so it has no children. */
static void destroy(struct gor_context *ctx)
{
	if (ctx->kind == GORI_CTX_CANCEL) {
		gori_enter();
		gori_plock(&ctx->root->lock);
		unlink_from_parent(ctx);
		gori_punlock(&ctx->root->lock);
		if (ctx->timed)
			gori_timer_stop(ctx->timer);
		gori_exit();
		chan_free(ctx->done);
	}
	ctx->cookie = 0;
	free(ctx);
}

void gor_ctx_free(gor_context *ctx)
{
	while (ctx && ctx->kind != GORI_CTX_BACKGROUND) {
		struct gor_context *parent = ctx->parent;

		if (gori_add(&ctx->refs, -1u) != 1)
			return;
		destroy(ctx);
		ctx = parent;
	}
}
