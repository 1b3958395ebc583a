/* SPDX-License-Identifier: MIT */
#ifndef GORGON_SYNC_H
#define GORGON_SYNC_H
/*
 * What: what goroutines use to wait for each other without a channel: mutex, rwmutex, waitgroup, once, cond,
 * semaphore, errgroup, singleflight.
 *
 * How: visible structs whose zero value is ready to use (only a semaphore has to be told its size).  Each
 * keeps what a dump wants to know: who holds it, since when, taken where, and who waits.  None may be copied
 * or moved once it has been used; none needs to be destroyed.  The fields belong to the runtime.
 *
 * Semantics: those of Go's packages sync, x/sync/semaphore, x/sync/errgroup and x/sync/singleflight, in one
 * point stricter: a lock belongs to the goroutine that took it, and an unlock by another one is a fatal
 * error, unless the holder has disowned the lock before.  So a cycle of holders and waiters is a proof.  A
 * goroutine that ends while it holds a lock leaves it locked for ever.
 *
 * Blocking: a call that has to wait blocks the calling goroutine only.  What a goroutine wrote before it
 * unlocked (called done, finished a once, released) is seen by whoever goes on because of it (the Go memory
 * model, "Locks", "Once"; package sync for the others).
 *
 * Errors: misuse that may have corrupted what a lock protects is a fatal error, which no recover can stop,
 * other misuse is a panic; both with Go's words.  Every function may be called by any thread, may be
 * deferred, and has an address.  A NULL object is a nil pointer dereference.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/base.h>

GOR_BEGIN_DECLS

struct gori_waiter;

/* Goroutines that wait on one object, the longest waiting first. */
struct gor_waitq {
	struct gori_waiter *first, *last;
};

/* ---- mutex ------------------------------------------------------------------------------------------ */

/*
 * A mutual exclusion lock.  Not recursive.  Normally a goroutine that is woken competes with those that are
 * running; one that got nothing for 1 ms is served first, in order of arrival (Go's starvation mode).
 */
typedef struct gor_mutex {
	uint64_t word; /* goid of the holder, and GORI_MU_* */
	int64_t last;  /* goid of who took it last; `since` and `pc` are of that taking */
	int64_t since; /* coarse monotonic ns */
	void *pc;      /* return address of the call that took it */
	struct gor_waitq waiters;
	uint32_t lock;   /* guards waiters and the flags about them */
	uint32_t streak; /* who took it last, and how often in a row */
} gor_mutex;

/* Takes the lock; blocks while another goroutine (or this one) holds it. */
GOR_API void gor_mutex_lock(gor_mutex *mu);
/* Takes the lock if that needs no waiting; false if it does. */
GOR_API bool gor_mutex_try_lock(gor_mutex *mu);
/* Releases the lock.  Fatal errors: "sync: unlock of unlocked mutex", "sync: unlock of mutex held by
 * goroutine N". */
GOR_API void gor_mutex_unlock(gor_mutex *mu);
/* Gives up the ownership of the lock, not the lock: any goroutine may unlock it now, and the leak detector
 * concludes nothing from it.  Only for the holder: fatal error otherwise. */
GOR_API void gor_mutex_disown(gor_mutex *mu);

/* ---- rwmutex ---------------------------------------------------------------------------------------- */

enum { GORI_RW_SLOTS = 4 };

/* One goroutine that has a read lock. */
struct gori_reader {
	int64_t goid;  /* 0: unknown, or disowned */
	int64_t since; /* coarse monotonic ns */
	void *pc;      /* return address of the call that took it */
};

/*
 * A lock held by any number of readers or one writer.  Once a writer waits no new reader gets in before it:
 * a goroutine must not take a read lock twice.  When a writer unlocks, the readers that wait go first.
 *
 * Up to GORI_RW_SLOTS readers at a time are known by name; more are only counted, and for as long as there
 * are nameless ones an runlock by a stranger goes unnoticed and dumps cannot name all holders.
 */
typedef struct gor_rwmutex {
	uint64_t word; /* readers << 32, and GORI_RW_* */
	int64_t owner; /* goid of the writer that holds it; 0 = none, unknown, or disowned */
	int64_t last;  /* goid of who wrote last; `since` and `pc` are of that taking */
	int64_t since; /* coarse monotonic ns */
	void *pc;      /* return address of the call that took it */
	struct gor_waitq readq, writeq;
	uint32_t lock; /* guards the queues and GORI_RW_QUEUED */
	uint32_t reserved;
	struct gori_reader readers[GORI_RW_SLOTS]; /* slot i is in use if bit i of the word is set */
} gor_rwmutex;

/* Takes a read lock; blocks while a writer holds the lock or waits for it. */
GOR_API void gor_rwmutex_rlock(gor_rwmutex *rw);
GOR_API bool gor_rwmutex_try_rlock(gor_rwmutex *rw);
/* Releases a read lock of this goroutine.  Fatal errors: "sync: RUnlock of unlocked RWMutex", "sync: RUnlock
 * of RWMutex not held by goroutine N". */
GOR_API void gor_rwmutex_runlock(gor_rwmutex *rw);
/* Takes the lock for writing; blocks until all readers and writers before it have left. */
GOR_API void gor_rwmutex_lock(gor_rwmutex *rw);
GOR_API bool gor_rwmutex_try_lock(gor_rwmutex *rw);
/* Releases the write lock.  Fatal errors: "sync: Unlock of unlocked RWMutex", "sync: Unlock of RWMutex held
 * by goroutine N". */
GOR_API void gor_rwmutex_unlock(gor_rwmutex *rw);
/* As gor_mutex_disown, for the write lock or one read lock of this goroutine, whichever it has. */
GOR_API void gor_rwmutex_disown(gor_rwmutex *rw);

/* ---- waitgroup -------------------------------------------------------------------------------------- */

/* Waits for a number of things to be done.  add() for the first thing comes before wait(). */
typedef struct gor_waitgroup {
	uint64_t word;      /* things to do << 32, and the number of waiters */
	int64_t last_adder; /* goid of who last called add with a positive number */
	int64_t last_doner; /* goid of who last called done, or add with a negative one */
	int64_t since;      /* coarse monotonic ns of the last add */
	void *pc;           /* return address of the last add */
	struct gor_waitq waiters;
	uint32_t lock; /* guards waiters */
	uint32_t reserved;
} gor_waitgroup;

/* Adds n, which may be negative, to the number of things to do; at zero wakes all that wait.  Panics: "sync:
 * negative WaitGroup counter", "sync: WaitGroup misuse: Add called concurrently with Wait". */
GOR_API void gor_waitgroup_add(gor_waitgroup *wg, int n);
/* add(-1). */
GOR_API void gor_waitgroup_done(gor_waitgroup *wg);
/* Blocks until nothing is left to do.  Panics: "sync: WaitGroup is reused before previous Wait has
 * returned". */
GOR_API void gor_waitgroup_wait(gor_waitgroup *wg);

/* ---- once ------------------------------------------------------------------------------------------- */

/* Does something exactly once. */
typedef struct gor_once {
	uint32_t state; /* GORI_ONCE_* */
	uint32_t lock;  /* guards state and waiters */
	int64_t owner;  /* goid of who runs the function, or ran it */
	int64_t since;  /* coarse monotonic ns of the start */
	void *pc;       /* return address of that call */
	struct gor_waitq waiters;
} gor_once;

/*
 * Calls fn(arg) if this is the first call for `o`; otherwise waits until that first call has finished.  If fn
 * panics or ends its goroutine, it counts as done all the same.  A call from within fn waits for ever.
 */
GOR_API void gor_once_do(gor_once *o, void (*fn)(void *arg), void *arg);

/* ---- cond ------------------------------------------------------------------------------------------- */

GOR_END_DECLS

enum { GORI_LOCKER_MUTEX = 1, GORI_LOCKER_RWMUTEX, GORI_LOCKER_RLOCK };

/* Any lock that a cond can release and take again; in C++ made from a pointer to it where one is needed. */
typedef struct gor_locker {
	void *obj;
	uint32_t kind; /* GORI_LOCKER_* */
	uint32_t reserved;
#ifdef __cplusplus
	gor_locker() = default;
	gor_locker(void *o, uint32_t k, uint32_t r) : obj(o), kind(k), reserved(r)
	{
	}
	gor_locker(gor_mutex *mu) : obj(mu), kind(GORI_LOCKER_MUTEX), reserved(0)
	{
	}
	gor_locker(gor_rwmutex *rw) : obj(rw), kind(GORI_LOCKER_RWMUTEX), reserved(0)
	{
	}
#endif
} gor_locker;

/* Views of a lock as a locker; nothing is locked.  gor_rlocker: its read lock. */
static inline gor_locker gor_mutex_locker(gor_mutex *mu)
{
	gor_locker l = {mu, GORI_LOCKER_MUTEX, 0};
	return l;
}
static inline gor_locker gor_rwmutex_locker(gor_rwmutex *rw)
{
	gor_locker l = {rw, GORI_LOCKER_RWMUTEX, 0};
	return l;
}
static inline gor_locker gor_rlocker(gor_rwmutex *rw)
{
	gor_locker l = {rw, GORI_LOCKER_RLOCK, 0};
	return l;
}
static inline gor_locker gori_locker_itself(gor_locker l)
{
	return l;
}

GOR_BEGIN_DECLS

/* A place to wait for a change of what a lock protects. */
typedef struct gor_cond {
	struct gor_waitq waiters;
	uint32_t lock; /* guards waiters */
	uint32_t reserved;
	struct gor_cond *self; /* set when first used: finds copies */
	int64_t last_waker;    /* goid of who last called signal or broadcast */
	int64_t last_wake;     /* coarse monotonic ns of that */
} gor_cond;

/*
 * Releases the lock, blocks until a signal or broadcast, and takes the lock again.  There are no wake-ups
 * without a signal, but another goroutine may have been quicker: call it in a loop that tests the condition.
 * l is a gor_mutex *, a gor_rwmutex * (its write lock) or a gor_locker; the function itself takes the last.
 * Fatal errors: those of the unlock.  Panics: "sync.Cond is copied".
 */
GOR_API void gor_cond_wait(gor_cond *c, gor_locker l);
/* Wakes the one that waits longest, if any; the lock need not be held. */
GOR_API void gor_cond_signal(gor_cond *c);
/* Wakes all that wait. */
GOR_API void gor_cond_broadcast(gor_cond *c);

/* ---- semaphore -------------------------------------------------------------------------------------- */

/* A number of units that goroutines borrow.  First come first served: who asks for many is not overtaken by
 * those who ask for few. */
typedef struct gor_sem {
	int64_t size;          /* units in all */
	int64_t held;          /* units lent out; under lock */
	int64_t last_acquirer; /* goid */
	int64_t last_releaser; /* goid */
	void *pc;              /* return address of the last acquire */
	struct gor_waitq waiters;
	uint32_t lock; /* guards all but size */
	uint32_t reserved;
} gor_sem;

/* A semaphore of n units, for a static or automatic variable: gor_sem s = GOR_SEM_INIT(3); */
#define GOR_SEM_INIT(n)                                                                                      \
	{                                                                                                    \
		(n), 0, 0, 0, NULL, {NULL, NULL}, 0, 0                                                       \
	}
/* Makes *s a semaphore of n units, none of them lent out. */
GOR_API void gor_sem_init(gor_sem *s, int64_t n);
/* The same in memory that gor_sem_free gives back.  Panics when there is no memory. */
GOR_API gor_sem *gor_sem_new(int64_t n);
/* Gives it back; NULL is ignored.  Panics if goroutines wait on it. */
GOR_API void gor_sem_free(gor_sem *s);
/* Borrows n units; blocks until there are as many.  Asking for more than the size blocks for ever, without
 * standing in the way of others.  Panics: "semaphore: negative count". */
GOR_API void gor_sem_acquire(gor_sem *s, int64_t n);
/* Borrows n units if that needs no waiting. */
GOR_API bool gor_sem_try_acquire(gor_sem *s, int64_t n);
/* Gives n units back; any goroutine may.  Panics: "semaphore: released more than held". */
GOR_API void gor_sem_release(gor_sem *s, int64_t n);

/* ---- errgroup --------------------------------------------------------------------------------------- */

struct gor_context;

/* Goroutines that work on parts of one task.  The first error is the error of the group. */
typedef struct gor_errgroup {
	gor_waitgroup wg;
	gor_sem sem;             /* valid if limited */
	struct gor_context *ctx; /* cancelled by the first error and by wait; NULL if none; a reference */
	const char *text;        /* of the first error; the caller's */
	int code;                /* of the first error; 0 = none */
	uint32_t lock;           /* guards code and text */
	uint32_t limited;        /* set_limit was called with n >= 0 */
	uint32_t reserved;
} gor_errgroup;

/* Starts fn(arg) in a new goroutine, after blocking while the group is at its limit.  fn returns 0, or an
 * error code of the program's choice: errno values, say. */
GOR_API void gor_errgroup_go(gor_errgroup *eg, int (*fn)(void *arg), void *arg);
/* The same if the group is below its limit; false if it is not. */
GOR_API bool gor_errgroup_try_go(gor_errgroup *eg, int (*fn)(void *arg), void *arg);
/* Blocks until all functions have returned; returns the first code that was not 0, or 0.  Cancels the
 * context of the group, if it has one, and lets go of it. */
GOR_API int gor_errgroup_wait(gor_errgroup *eg);
/* At most n goroutines at a time; no limit if negative.  Panics: "errgroup: modify limit while goroutines in
 * the group are still active". */
GOR_API void gor_errgroup_set_limit(gor_errgroup *eg, int64_t n);
/* Gives a group that was not used yet a context under `parent`, which the first error cancels, and so does
 * wait.  The caller owns what is returned: gor_ctx_free. */
GOR_API struct gor_context *gor_errgroup_with_context(gor_errgroup *eg, struct gor_context *parent);
/* For use in fn: `return gor_errgroup_fail(eg, EIO, "disk gone");` is `return EIO;` with a text that must
 * live as long as the group.  Takes effect at once.  Returns code. */
GOR_API int gor_errgroup_fail(gor_errgroup *eg, int code, const char *text);
/* The text of the first error; NULL if there was no error, or no text. */
GOR_API const char *gor_errgroup_text(gor_errgroup *eg);

/* ---- singleflight ----------------------------------------------------------------------------------- */

enum { GORI_SINGLEFLIGHT_BUCKETS = 8 };
struct gori_flight;

/* Lets one goroutine do the work that several ask for at the same time. */
typedef struct gor_singleflight {
	struct gori_flight *flights[GORI_SINGLEFLIGHT_BUCKETS]; /* calls under way, by hash of the key */
	uint32_t lock;                                          /* guards the lists */
	uint32_t reserved;
} gor_singleflight;

/*
 * Calls fn(arg, &value) unless a call with an equal key is under way: then waits for that one.  Stores the
 * value (NULL if fn stored none) in *ret_value and in *ret_shared whether several callers got it; both may
 * be NULL.  Returns what fn returned: 0 or an error code.  The key is compared as a string and must live
 * until the call returns.  If fn panics, those who waited panic as well: "singleflight: the shared call
 * panicked"; if it ends its goroutine, theirs end too.
 */
GOR_API int gor_singleflight_do(gor_singleflight *sf, const char *key, int (*fn)(void *arg, void **ret_value),
				void *arg, void **ret_value, bool *ret_shared);
/* Lets the next call with this key start anew, whatever is under way. */
GOR_API void gor_singleflight_forget(gor_singleflight *sf, const char *key);

GOR_END_DECLS

#ifndef __cplusplus
#define gor_cond_wait(c, l)                                                                                  \
	(gor_cond_wait)((c), _Generic((l), gor_mutex *                                                       \
				      : gor_mutex_locker, gor_rwmutex *                                      \
				      : gor_rwmutex_locker, gor_locker                                       \
				      : gori_locker_itself)(l))
#endif

#endif
