/* SPDX-License-Identifier: MIT */
/*
 * Read from outside with `gorgon stacks PID`, while it runs: some goroutines wait, one sleeps, one computes.  It
 * goes on afterwards.
 *
 * run: stacks
 */
#include "victim.h"
#include <stdio.h>
#include <unistd.h>

/* expect: goroutine ... [chan receive...]: */
/* expect: waits(id=1, name="first") */
/* expect: waits(id=2, name="second") */
static void waits(int id, const char *name)
{
	hold();
	KEEP(id);
	KEEP(name);
}

/* expect: goroutine ... [sleep...]: */
/* expect: sleeps(seconds=1000) */
static void sleeps(long seconds)
{
	gor_sleep(seconds * GOR_SECOND);
	KEEP(seconds);
}

/* Stopped at an instruction of its own: every register is as it is. */
/* expect: computes(n=77, step=3) */
/* expect-O2: computes(<n=77|n=_|n@entry=77>, <step=3|step=_|step@entry=3>) */
static void computes(long n, int step)
{
	for (;;) {
		victim_sink += (int)n % step;
		KEEP(n);
		KEEP(step);
	}
}

int main(void)
{
	victim_begin();
	go(waits, number(1), "first");
	go(waits, number(2), "second");
	go(sleeps, 1000);
	gor_yield();
	gor_settle(10 * GOR_MS);
	go(computes, number(77), number(3));
	gor_sleep(50 * GOR_MS);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
