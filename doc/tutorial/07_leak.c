/* SPDX-License-Identifier: MIT */
/*
 * 07_leak: goroutines that nobody will ever wake.
 *
 * fetch gives up after a while, as it should; but the goroutine that it has asked still wants to send its answer
 * to a channel that only fetch knew.  It is blocked for ever, and so is its memory.  A deadlock it is not: the rest
 * of the program runs on.  gor_leaks proves such goroutines to be leaked: nothing that can still run reaches what
 * they wait on.  With a channel of capacity 1 nothing would leak.
 *
 * `gorgon run ./07_leak` says the same at the end of the program, without the call.
 *
 * Prints:
 *	no answer in time
 *	goroutine 2 [chan send (leaked)]:
 *	answer(question=42, to=chan int 0x...
 *	...
 *	gorgon: 1 leaked, 0 deadlocked, 0 stuck, 0 lingering
 * Exits with: 1
 */
#include <gorgon.h>
#include <stdio.h>
#include <unistd.h>

static void answer(int question, chan(int) to)
{
	gor_sleep(20 * GOR_MS); /* it takes some thought */
	chan_send(to, question + 1);
}

__attribute__((noinline)) static bool fetch(int question, int *ret)
{
	chan(int) reply = chan_make(int, 0);

	go(answer, question, reply);
	return chan_select(recv_case(reply, ret), timeout_case(GOR_MS)) == 0;
}

int main(void)
{
	int n;

	if (!fetch(42, &n))
		printf("no answer in time\n");
	gor_sleep(50 * GOR_MS);
	fflush(stdout);
	return gor_leaks(STDERR_FILENO, 0);
}
