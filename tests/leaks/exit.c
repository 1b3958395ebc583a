/* SPDX-License-Identifier: MIT */
/*
 * The end of the program: what is lost is still a leak, and what is merely there is lingering.
 */
#include "leaks.h"

static chan(int) volatile known;

LEAK_EXIT(nothing_is_left, "0 leaked; 0 lingering")
{
	chan(int) c = chan_make(int, 0);

	go(receiver, c);
	chan_send(c, 1);
}

LEAK_EXIT(lost_at_exit, "1 leaked [chan receive]; 0 lingering")
{
	KEEP(blocked());
}

LEAK_EXIT(known_at_exit, "0 leaked; 1 lingering [chan receive]")
{
	known = blocked();
}

LEAK_EXIT(asleep_at_exit, "0 leaked; 1 lingering [sleep]")
{
	go(sleep_for_ever);
}

/* main could have closed it, had it not returned. */
LEAK_EXIT(held_by_main_at_exit, "0 leaked; 1 lingering [chan receive]")
{
	*leak_slot = (void *)blocked();
}

/* main has not even returned. */
static NOINLINE void leave(chan(int) c)
{
	settle();
	leak_scrub();
	exit(0);
	KEEP(c);
}

LEAK_EXIT(held_by_who_calls_exit, "0 leaked; 1 lingering [chan receive]")
{
	chan(int) volatile c = blocked();

	leave(c);
	KEEP(&c);
}

static NOINLINE void lock_twice(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_mutex_lock(mu);
}

LEAK_EXIT(deadlocked_at_exit, "1 deadlocked [sync.Mutex.Lock]; 1 lingering [chan receive]")
{
	static gor_mutex mu;

	known = blocked();
	go(lock_twice, &mu);
}
