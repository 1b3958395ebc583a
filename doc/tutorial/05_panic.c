/* SPDX-License-Identifier: MIT */
/*
 * 05_panic: defer, panic, recover.
 *
 * defer(fn, args...) calls fn when the block it stands in is left, however that happens; the arguments are
 * fixed where it is written.  The last one deferred runs first.  panic() leaves function after function,
 * running what they deferred, until a deferred function calls recover(): then the function that deferred it
 * returns to its caller as usual.
 *
 * A panic that nobody recovers dumps every goroutine, the one that panicked first, and ends the process
 * with status 2.
 *
 * Prints:
 *	first out: 2
 *	last out: 1
 *	recovered: too hot: 95 degrees
 *	panic: too hot: 120 degrees
 *
 *	goroutine 1 [running]:
 *	...
 *	goroutine 2 [chan receive]:
 *	...
 * Exits with: 2
 */
#include <gorgon.h>
#include <stdio.h>

static void report(const char *what, int number)
{
	printf("%s: %d\n", what, number);
}

static void measure(int degrees)
{
	defer(report, "last out", 1);
	defer(report, "first out", 2);
	if (degrees > 90)
		panic("too hot: %d degrees", degrees);
	puts("never printed");
}

static void catch_it(void)
{
	gor_any value = recover();

	if (value.type) {
		gor_string text = gor_any_string(value);

		printf("recovered: %.*s\n", (int)text.len, text.ptr);
		gor_string_free(text);
	}
}

static void careful(int degrees)
{
	defer(catch_it);
	measure(degrees);
}

static void wait_for_work(chan(int) work)
{
	chan_recv(work, NULL);
}

int main(void)
{
	go(wait_for_work, chan_make(int, 0));
	gor_settle(GOR_SECOND);

	careful(95);
	fflush(stdout); /* whoever ends by a panic does not get to flush */
	panic("too hot: %d degrees", 120);
}
