/* SPDX-License-Identifier: MIT */
/*
 * 06_deadlock: when everybody waits.
 *
 * If no goroutine can ever run again the runtime says so, shows what each of them waits for and where it
 * was started, and ends the process with status 2.  Here two goroutines take two locks in opposite order,
 * and main waits for both.
 *
 * Prints:
 *	fatal error: all goroutines are asleep - deadlock!
 *
 *	goroutine 1 [sync.WaitGroup.Wait]:
 *	...
 *	goroutine 2 [sync.Mutex.Lock]:
 *	...
 *	goroutine 3 [sync.Mutex.Lock]:
 *	...
 * Exits with: 2
 */
#include <gorgon.h>

static gor_mutex left, right;

/* Both hold their first fork before either asks for the second. */
static void dine(gor_mutex *first, gor_mutex *second, gor_waitgroup *seated, gor_waitgroup *fed)
{
	gor_mutex_lock(first);
	gor_waitgroup_done(seated);
	gor_waitgroup_wait(seated);
	gor_mutex_lock(second);
	gor_mutex_unlock(second);
	gor_mutex_unlock(first);
	gor_waitgroup_done(fed);
}

int main(void)
{
	static gor_waitgroup seated, fed;

	gor_waitgroup_add(&seated, 2);
	gor_waitgroup_add(&fed, 2);
	go(dine, &left, &right, &seated, &fed);
	go(dine, &right, &left, &seated, &fed);
	gor_waitgroup_wait(&fed);
	return 0;
}
