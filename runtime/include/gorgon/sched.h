/* SPDX-License-Identifier: MIT */
#ifndef GORGON_SCHED_H
#define GORGON_SCHED_H
/*
 * What: what a program may ask of the scheduler.  The semantics are those of Go's package runtime where it
 * has the function; the rest says its own.
 *
 * Any thread may call any of this: one that the runtime did not create is adopted as a goroutine bound to
 * it.  Not to be called from signal handlers.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gorgon/base.h>

GOR_BEGIN_DECLS

/* Durations are nanoseconds. */
#define GOR_NS ((int64_t)1)
#define GOR_US (1000 * GOR_NS)
#define GOR_MS (1000 * GOR_US)
#define GOR_SECOND (1000 * GOR_MS)
#define GOR_MINUTE (60 * GOR_SECOND)

/*
 * Lets others run: this goroutine goes behind those that are runnable now, and with one P all of them have run
 * when it returns.  As runtime.Gosched.
 */
GOR_API void gor_yield(void);

/* Blocks the goroutine for at least ns nanoseconds; ns <= 0 only yields.  As time.Sleep. */
GOR_API void gor_sleep(int64_t ns);

/* Monotonic time in nanoseconds. */
GOR_API int64_t gor_now(void);

/* The number of this goroutine: unique in the process, never reused; main is 1. */
GOR_API int64_t gor_goid(void);

/* Goroutines that have not ended, adopted threads included.  As runtime.NumGoroutine. */
GOR_API int gor_num_goroutine(void);

/*
 * Sets how many goroutines run at the same time, and returns the former number; n <= 0 only asks.  Stops the
 * world for a moment.  At first it is the environment's GOMAXPROCS, or the number of processors this
 * process may use (affinity, cgroup quota).  As runtime.GOMAXPROCS; at most 256.
 */
GOR_API int gor_maxprocs(int n);

/*
 * Binds the goroutine to its present thread until as many unlocks: for libraries that keep state in
 * thread-local variables across calls.  Nothing else runs on that thread meanwhile, so a switch costs a
 * hand-over between threads.  As runtime.LockOSThread, but a goroutine that ends locked gives the thread
 * back.  unlock without a lock does nothing.
 */
GOR_API void gor_lock_thread(void);
GOR_API void gor_unlock_thread(void);

/*
 * Around a call that may block for long in the kernel.  Optional: a goroutine that blocks without saying so
 * keeps others from running for about 10 ms.  Between the two the goroutine may not call anything else of
 * the runtime but gor_blocking_end.
 */
GOR_API void gor_blocking_begin(void);
GOR_API void gor_blocking_end(void);

/* Attaches text to the goroutine, shown in dumps and profiles; value NULL removes the key.  Both are copied. */
GOR_API void gor_label(const char *key, const char *value);

/*
 * For tests: waits until every other goroutine is parked (sleeping counts, adopted threads do not), at most
 * ns nanoseconds; false if the time was not enough.  One goroutine at a time; panics otherwise.
 */
GOR_API bool gor_settle(int64_t ns);

/* This thread's errno, which moves with the goroutine.  See errno below. */
GOR_API int *gor_errno_location(void);

GOR_END_DECLS

/*
 * errno belongs to the goroutine.  A goroutine may go on on another thread after it has blocked, and libc's
 * errno is declared so that a compiler may keep its address across the call; this one is not.
 */
#ifndef GOR_NO_ERRNO
#include <errno.h>
#undef errno
#define errno (*gor_errno_location())
#endif

#endif
