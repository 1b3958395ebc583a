/* SPDX-License-Identifier: MIT */
#ifndef GORGON_CONTEXT_H
#define GORGON_CONTEXT_H
/*
 * What: contexts: a way to tell all goroutines that work on one thing to stop, when somebody wants that or
 * at a deadline, and to carry values along.
 *
 * How: a tree.  Cancelling a context cancels everything under it.  A context is counted: it lives until it
 * has been freed by whoever made it, and so have all that were made under it.
 *
 * Semantics: Go's package context.  Times are CLOCK_MONOTONIC nanoseconds, as gor_now counts.
 *
 * Blocking: nothing here blocks.  Errors: panics with "cannot create context from nil parent", and with
 * "out of memory".  Any thread may call this; every function may be deferred, as in
 *
 *	gor_context *ctx = gor_ctx_with_timeout(parent, 5 * GOR_SECOND);
 *	defer(gor_ctx_free, ctx);
 *	defer(gor_ctx_cancel, ctx);
 */
#include <stdbool.h>
#include <stdint.h>

#include <gorgon/base.h>
#include <gorgon/chan.h>

GOR_BEGIN_DECLS

typedef struct gor_context gor_context;

/* The root of all trees: never cancelled, without values.  Always the same; freeing it does nothing. */
GOR_API gor_context *gor_ctx_background(void);

/* A child that can be cancelled.  The caller owns it (gor_ctx_free); it keeps its parent alive. */
GOR_API gor_context *gor_ctx_with_cancel(gor_context *parent);
/* The same, cancelled at the latest after `ns`, or at the moment `when`. */
GOR_API gor_context *gor_ctx_with_timeout(gor_context *parent, int64_t ns);
GOR_API gor_context *gor_ctx_with_deadline(gor_context *parent, int64_t when);
/* A child that answers `value` to `key`; keys are compared as pointers.  What they point to is the caller's
 * and must outlive the context.  Panics: "nil key". */
GOR_API gor_context *gor_ctx_with_value(gor_context *parent, const void *key, void *value);

/* Cancels the context and all under it, and drops their timers.  Any number of times.  A context that
 * gor_ctx_background or gor_ctx_with_value returned cannot be cancelled: panics with "context cannot be
 * canceled". */
GOR_API void gor_ctx_cancel(gor_context *ctx);

/* A channel that is closed when the context is cancelled; NULL if it never can be.  It is the context's: the
 * caller never closes or frees it, and whoever waits on it keeps the context alive until it has gone on
 * (gor_ctx_ref, or because who frees the context waits for it first). */
GOR_API GORI_CHAN_TYPE(gor_unit) gor_ctx_done(gor_context *ctx);
/* NULL, "context canceled" or "context deadline exceeded": the addresses gor_ctx_canceled and
 * gor_ctx_deadline_exceeded. */
GOR_API const char *gor_ctx_err(gor_context *ctx);
GOR_API extern const char gor_ctx_canceled[], gor_ctx_deadline_exceeded[];
/* The moment it will be cancelled at the latest in *ret_when; false if there is none. */
GOR_API bool gor_ctx_deadline(gor_context *ctx, int64_t *ret_when);
/* The value of the nearest context with this key, from here to the root; NULL if there is none. */
GOR_API void *gor_ctx_value(gor_context *ctx, const void *key);

/* One more owner, who will call gor_ctx_free.  Returns ctx. */
GOR_API gor_context *gor_ctx_ref(gor_context *ctx);
/* One owner less; NULL is ignored.  The last one gives the memory back, without cancelling: panics if
 * goroutines still wait on the channel. */
GOR_API void gor_ctx_free(gor_context *ctx);

GOR_END_DECLS
#endif
