/* SPDX-License-Identifier: MIT */
/*
 * 02_channels: values that go from one goroutine to another.
 *
 * chan(T) is a type, and two channels of different T are different types.  A send on an unbuffered channel
 * waits for its receiver; one on a buffered channel waits only while the buffer is full.  A closed channel
 * still gives out what is buffered; after that chan_recv returns false and a zero value, at once.  Only the
 * sender closes, and only when receivers have to know that nothing more will come.
 *
 * Below, a pipeline: numbers -> squares -> main.
 *
 * Prints:
 *	1 4 9 16 25
 *	sum 55
 *	closed: ok 0 value 0
 *	buffer: 2 of 3
 * Exits with: 0
 */
#include <gorgon.h>
#include <stdio.h>

static void count(chan(int) out, int limit)
{
	for (int i = 1; i <= limit; i++)
		chan_send(out, i);
	chan_close(out);
}

static void square(chan(int) in, chan(int) out)
{
	int n;

	while (chan_recv(in, &n))
		chan_send(out, n * n);
	chan_close(out);
}

int main(void)
{
	chan(int) numbers = chan_make(int, 0);
	chan(int) squares = chan_make(int, 4);
	chan(double) buffer = chan_make(double, 3);
	int n, sum = 0;

	go(count, numbers, 5);
	go(square, numbers, squares);
	while (chan_recv(squares, &n)) {
		printf("%s%d", sum ? " " : "", n);
		sum += n;
	}
	printf("\nsum %d\n", sum);

	n = 7;
	bool ok = chan_recv(squares, &n);
	printf("closed: ok %d value %d\n", ok, n);

	chan_send(buffer, 1.5);
	chan_send(buffer, 2.5);
	printf("buffer: %zu of %zu\n", chan_len(buffer), chan_cap(buffer));

	/* A channel that nobody will use any more may be given back. */
	chan_free(buffer);
	chan_free(squares);
	chan_free(numbers);
	return 0;
}
