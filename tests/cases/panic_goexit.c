/* SPDX-License-Identifier: MIT */
/*
 * main ends itself: its deferred calls are made, the others go on, and when none is left that is a deadlock.
 *
 * Prints:
 *	deferred by main
 *	worker ends
 *	fatal error: no goroutines (main called runtime.Goexit) - deadlock!
 *	...
 * Exits with: 2
 */
#include <gorgon.h>
#include <stdio.h>

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

static void worker(void)
{
	gor_sleep(10 * GOR_MS);
	say("worker ends");
}

int main(void)
{
	defer(say, "deferred by main");
	go(worker);
	gor_goexit();
}
