/* SPDX-License-Identifier: MIT */
/*
 * 01_hello: goroutines.
 *
 * go(fn, args...) calls fn in a new goroutine and goes on at once.  The compiler checks the arguments
 * against fn's prototype, and they are copied, so the loop below may change `i` right away.  A goroutine
 * costs a page of memory: start as many as the problem has parts.
 *
 * main is goroutine 1.  When it returns the process ends, whoever else is still at work; here main waits
 * until three goroutines have reported on a channel.
 *
 * Build and run:
 *	cc -g 01_hello.c -o hello $(pkg-config --cflags --libs gorgon) && ./hello
 *
 * Prints, with the numbers 0, 1 and 2 in any order:
 *	hello number ...
 *	hello number ...
 *	hello number ...
 *	all said
 * Exits with: 0
 */
#include <gorgon.h>
#include <stdio.h>

static void say(const char *word, int number, chan(int) done)
{
	printf("%s number %d\n", word, number);
	chan_send(done, number);
}

int main(void)
{
	chan(int) done = chan_make(int, 0);

	for (int i = 0; i < 3; i++)
		go(say, "hello", i, done);
	for (int i = 0; i < 3; i++)
		chan_recv(done, NULL);
	puts("all said");
	return 0;
}
