/* SPDX-License-Identifier: MIT */
#ifndef GORI_SYNC_ABI_H
#define GORI_SYNC_ABI_H
/*
 * What: what a reader of the stopped process has to know about the objects of runtime/sync and about timers
 * that are seen by the user: the meaning of the fields of <gorgon/sync.h>, contexts, timer channels.
 *
 * How: the public structs are the layout; here are the meanings of their words and how to conclude from
 * them.  A waiter (struct gori_waiter) of any of these objects has in `elem` the return address of the
 * waiting call, and in `ticket` what the object's section says.
 *
 * Invariants: a name in one of these objects is never wrong, only missing: a holder is named after it has
 * got the lock (a mutex: by the same store) and unnamed before it lets go.  So whoever is named holds.  The
 * fields `last`, `since`, `pc` are written after that and may for a moment be those of the taking before:
 * they belong to the holder if `last` is its goid.
 *
 * Context: data only.
 */
#include "abi/abi.h"

#include <gorgon/context.h>
#include <gorgon/sync.h>

_Static_assert(sizeof(struct gor_waitq) == sizeof(struct gori_waitq) &&
		       offsetof(struct gor_waitq, first) == offsetof(struct gori_waitq, first) &&
		       offsetof(struct gor_waitq, last) == offsetof(struct gori_waitq, last),
	       "one layout, two names");

/* ---- gor_mutex: word ---------------------------------------------------------------------------------
 *
 * wait reason MUTEX_LOCK, wait_obj the mutex; ticket: monotonic ns when it began to wait. */
enum {
	GORI_MU_LOCKED = 1,   /* held; the goid above is 0 if the lock was disowned */
	GORI_MU_QUEUED = 2,   /* there are waiters */
	GORI_MU_WOKEN = 4,    /* one former waiter is on its way to compete; unlock need not wake another */
	GORI_MU_STARVING = 8, /* unlock hands over to the first waiter; implies LOCKED and QUEUED */
	GORI_MU_BIASED =
		16,         /* changes without locked instructions; if not LOCKED, one more than the number of
	                       * the P that may take it so is above instead of a goid */
	GORI_MU_DRAIN = 32, /* ceases to be BIASED */
	GORI_MU_SHIFT = 6,  /* the goid of the holder is in the bits above */
};

/* ---- gor_rwmutex: word -------------------------------------------------------------------------------
 *
 * wait reasons RWMUTEX_RLOCK (in readq) and RWMUTEX_LOCK (in writeq), wait_obj the rwmutex.
 *
 * Who keeps a waiter from going on: the writer, if WRITER (named by `owner` unless that is 0); each of the
 * readers, who are named in the slots whose bit is set and whose goid is not 0; for those in readq also the
 * first in writeq, if there is one and no WRITER. */
enum {
	GORI_RW_SLOT_MASK = 15, /* slots of readers[] in use; a bit is set before, cleared after its goid */
	GORI_RW_WRITER = 16,    /* held by a writer */
	GORI_RW_QUEUED = 32,    /* there are waiters: newcomers queue up too */
	GORI_RW_SHIFT = 32,     /* the number of readers, those without a slot included, is above */
};

/* ---- gor_waitgroup: word; reason WAITGROUP_WAIT -------------------------------------------------------- */
enum { GORI_WG_SHIFT = 32 }; /* things to do (int32_t) above, waiters (uint32_t) below */

/* ---- gor_once: state; reason ONCE_WAIT: waits for goroutine `owner` ------------------------------------ */
enum {
	GORI_ONCE_NEW = 0,
	GORI_ONCE_RUNNING = 1,
	GORI_ONCE_DONE = 2,
};

/* ---- gor_cond: reason COND_WAIT; ticket: address of the lock it will take again ----------------------- */

/* ---- gor_sem: reason SEMACQUIRE; ticket: units it asks for.  Who asks for more than the size is in no
 * queue and never goes on. ------------------------------------------------------------------------------- */

/* ---- singleflight: reason SINGLEFLIGHT_WAIT, wait_obj the flight --------------------------------------- */

/* One call under way; on the stack of the goroutine that makes it. */
struct gori_flight {
	struct gori_flight *next; /* in its bucket, while linked */
	const char *key;
	uint64_t hash;
	void *value;      /* what fn stored */
	int code;         /* what fn returned */
	uint32_t linked;  /* in its bucket: finished or forgotten flights are not */
	uint32_t shared;  /* how many wait, or waited, for it */
	uint32_t outcome; /* how fn ended; 0 = it has not */
	int64_t owner;    /* goid of who makes the call */
	void *pc;         /* return address of its gor_singleflight_do */
	struct gor_singleflight *group;
	struct gor_waitq waiters;
};

/* ---- contexts ------------------------------------------------------------------------------------------ */

#define GORI_CTX_COOKIE 0x7478636f67ULL /* "goctx" */

enum gori_ctx_kind { GORI_CTX_BACKGROUND = 0, GORI_CTX_CANCEL, GORI_CTX_VALUE };

/*
 * Cancelling reaches from a context to its children, through `children` and their `next`; a context that is
 * cancelled is in no list any more.  Everything but refs, done and err is constant or guarded by the lock of
 * the tree, root->lock.
 */
struct gor_context {
	uint64_t cookie;            /* GORI_CTX_COOKIE; cleared when freed */
	uint32_t kind;              /* enum gori_ctx_kind */
	uint32_t refs;              /* owners: gor_ctx_ref, and children by `parent` */
	struct gor_context *parent; /* a reference; NULL for the background */
	struct gor_context *up;     /* nearest parent that can be cancelled; NULL if there is none */
	int64_t deadline;           /* monotonic ns; INT64_MAX if there is none; never later than up's */
	const void *key;            /* VALUE */
	void *value;                /* VALUE */
	int64_t maker;              /* goid */
	void *pc;                   /* return address of the call that made it */

	/* CANCEL only from here on */
	struct gor_context *root;        /* the topmost one that can be cancelled, or itself */
	struct gor_context *children;    /* those whose `up` this is, unless they were cancelled */
	struct gor_context *next, *prev; /* siblings, while linked */
	uint32_t lock;                   /* of the root: guards the tree */
	uint8_t linked;                  /* is among up's children */
	uint8_t timed;                   /* has a deadline of its own: the timer was started */
	struct gor_chan *done;           /* closed when cancelled */
	const char *err;                 /* why it was cancelled; NULL before */
	int64_t canceller;               /* goid of who did; 0 = its timer */
	int64_t cancelled_at;            /* coarse monotonic ns */
	struct gori_timer *timer;        /* part of this block; NULL if it has none */
};

/* ---- channels of timers ---------------------------------------------------------------------------------- */

/* Flag of struct gor_chan: the channel of a timer.  Its buffer has room for one time, but its block goes on
 * with a struct gori_chan_timer, which chan_free has to stop first. */
#define GORI_CHAN_TIMER (1u << 31)

#define GORI_CHAN_TIMER_COOKIE 0x72656d6974726f67ULL /* "gortimer" */

/* What sends on the channel: at chan->buf + elem_size.  Pending while timer.p is not NULL. */
struct gori_chan_timer {
	struct gori_timer timer;
	uint64_t cookie; /* GORI_CHAN_TIMER_COOKIE */
	void *pc;        /* return address of the call that made it; NULL for gor_after_func */
	int64_t maker;   /* goid */
	struct gori_call
		*call; /* gor_after_func: what to call, behind this struct; the channel is not used */
	uint32_t lock; /* held while it is stopped and started */
	uint32_t reserved;
};

#endif
