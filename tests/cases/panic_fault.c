/* SPDX-License-Identifier: MIT */
/*
 * A fault in a goroutine: one is recovered, which prints nothing, the other ends the program with its signal.
 *
 * Prints:
 *	recovered: runtime error: integer divide by zero
 *	and returned 0
 *	deferred
 *	panic: runtime error: invalid memory address or nil pointer dereference
 *	[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x...]
 *
 *	goroutine 2 [running]:
 *	store...(...)
 *	...
 *	worker(...)
 *	...
 *	created by main in goroutine 1
 *	...
 *	goroutine 1 [chan receive]:
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

static void catch_it(void)
{
	gor_string why = gor_any_string(recover());

	printf("recovered: %.*s\n", GOR_STRING_ARGS(why));
	gor_string_free(why);
}

static __attribute__((noinline)) GOR_RECOVERS int divide(volatile int a, volatile int b)
{
	defer(catch_it);
	return a / b;
}

static __attribute__((noinline)) void store(volatile long *p, int v)
{
	p[1] = v;
	__asm__ volatile("");
}

static void worker(volatile long *p)
{
	printf("and returned %d\n", divide(1, 0));
	defer(say, "deferred");
	gor_settle(GOR_MINUTE);
	store(p, 5);
}

int main(void)
{
	chan(int) c = chan_make(int, 0);

	go(worker, (long *)NULL);
	chan_recv(c, NULL);
	return 0;
}
