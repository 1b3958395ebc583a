/* SPDX-License-Identifier: MIT */
/*
 * What: futex waits and the runtime's lock.
 *
 * How: the three-state lock (free, held, held with sleepers): an uncontended lock is one compare-and-swap,
 * an uncontended unlock one exchange.  Spins a little first, because critical sections are tens of
 * nanoseconds; then yields, because on few processors the holder may be off; then sleeps.
 */
#define _GNU_SOURCE
#include "sys/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sys/atomic.h"

enum { FREE = 0, HELD = 1, CONTENDED = 2 };
enum { SPINS = 60, YIELDS = 3, POLL = 50000 /* ns */ };

void gori_futex_wait(uint32_t *addr, uint32_t expected, int64_t ns)
{
	struct timespec ts, *timeout = NULL;
	int saved = errno;

	if (ns >= 0) {
		ts.tv_sec = ns / 1000000000;
		ts.tv_nsec = ns % 1000000000;
		timeout = &ts;
	}
	syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
	errno = saved;
}

void gori_futex_wake(uint32_t *addr, int n)
{
	int saved = errno;

	syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
	errno = saved;
}

int gori_trylock(uint32_t *lock)
{
	return gori_load(lock) == FREE && gori_cas(lock, FREE, HELD);
}

static __attribute__((noinline)) void lock_slow(uint32_t *lock)
{
	for (int i = 0; i < SPINS; i++) {
		if (gori_trylock(lock))
			return;
		gori_pause();
	}
	for (int i = 0; i < YIELDS; i++) {
		sched_yield();
		if (gori_trylock(lock))
			return;
	}
	while (gori_xchg(lock, CONTENDED) != FREE)
		gori_futex_wait(lock, CONTENDED, -1);
}

void gori_lock(uint32_t *lock)
{
	if (gori_unlikely(!gori_cas(lock, FREE, HELD)))
		lock_slow(lock);
}

void gori_unlock(uint32_t *lock)
{
	if (gori_unlikely(gori_xchg(lock, FREE) == CONTENDED))
		gori_futex_wake(lock, 1);
}

void gori_spin_wait(uint32_t *lock)
{
	for (int i = 0; gori_load(lock); i++) {
		if (i < SPINS)
			gori_pause();
		else if (i < SPINS + YIELDS)
			sched_yield();
		else
			gori_futex_wait(lock, HELD, POLL); /* the holder is off its processor */
	}
}
