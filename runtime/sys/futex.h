/* SPDX-License-Identifier: MIT */
#ifndef GORI_FUTEX_H
#define GORI_FUTEX_H
/*
 * What: sleeping and waking kernel threads, and the runtime's own small lock.
 *
 * How: the futex system call directly: no pthread primitive is safe in the contexts the runtime runs in, and
 * a reader can say from outside who waits for what.
 *
 * Context: any; gori_lock must not be taken by a signal handler.
 */
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Sleeps while *addr == expected, at most `ns` nanoseconds (negative: no limit).  May wake for no reason. */
void gori_futex_wait(uint32_t *addr, uint32_t expected, int64_t ns);

/* Wakes at most `n` sleepers on addr. */
void gori_futex_wake(uint32_t *addr, int n);

/*
 * A lock for short critical sections among threads.  0 free, 1 held, 2 held and somebody sleeps.
 * Zero value ready; not recursive; never held across a park.
 */
void gori_lock(uint32_t *lock);
void gori_unlock(uint32_t *lock);
int gori_trylock(uint32_t *lock);

/*
 * The same for locks that are free nearly always: unlocking is a plain store, and so cannot wake anybody;
 * whoever finds it held polls, with sleeps.  gori_spin_wait returns when it looks free.
 */
void gori_spin_wait(uint32_t *lock);

static inline void gori_spin_lock(uint32_t *lock)
{
	uint32_t zero = 0;

	while (__builtin_expect(!__atomic_compare_exchange_n(lock, &zero, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED), 0)) {
		gori_spin_wait(lock);
		zero = 0;
	}
}

static inline void gori_spin_unlock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#pragma GCC visibility pop

#endif
