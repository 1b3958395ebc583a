/* SPDX-License-Identifier: MIT */
/*
 * 03_select: waiting for the first of several things.
 *
 * chan_select waits until one of its cases can go on, does it, and returns its index in order of writing.
 * If several can go on, one of them is picked at random, so that none starves.  default_case() makes it a
 * question: it is taken when nothing else can go on at once.
 *
 * Prints:
 *	nothing yet
 *	word: gorgon
 *	number: 42
 *	timeout
 *	stopped
 * Exits with: 0
 */
#include <gorgon.h>
#include <stdio.h>

/* Takes what comes until it is told to stop. */
static void listen_to(chan(const char *) words, chan(int) numbers, chan(gor_unit) stop, chan(gor_unit) heard)
{
	const char *word;
	int number;

	for (;;) {
		switch (chan_select(recv_case(words, &word), recv_case(numbers, &number),
				    recv_case(stop, NULL), timeout_case(20 * GOR_MS))) {
		case 0:
			printf("word: %s\n", word);
			break;
		case 1:
			printf("number: %d\n", number);
			break;
		case 2:
			puts("stopped");
			chan_close(heard);
			return;
		case 3:
			puts("timeout");
			break;
		}
		chan_send(heard, (gor_unit){0});
	}
}

int main(void)
{
	chan(const char *) words = chan_make(const char *, 0);
	chan(int) numbers = chan_make(int, 0);
	chan(gor_unit) stop = chan_make(gor_unit, 0), heard = chan_make(gor_unit, 0);

	if (chan_select(recv_case(heard, NULL), default_case()) == 1)
		puts("nothing yet");

	go(listen_to, words, numbers, stop, heard);
	chan_send(words, "gorgon");
	chan_recv(heard, NULL);
	chan_send(numbers, 42);
	chan_recv(heard, NULL);
	chan_recv(heard, NULL); /* the timeout */
	chan_close(stop);
	while (chan_recv(heard, NULL))
		;
	return 0;
}
