/* SPDX-License-Identifier: MIT */
/*
 * What: a program that keeps snapshots of itself.
 *
 *	asked call PATH FLAGS	gor_dump to standard output, then gor_snapshot, whose result is the last line
 *	asked panic		dies
 *	asked leak		main returns and loses three goroutines
 *	asked signal		the same while it runs, and SIGUSR2
 */
#include <gorgon.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct order {
	int number;
	const char *name;
};

static void deliver(chan(int) to, struct order o)
{
	chan_send(to, o.number);
}

/* Both on one line, and so with one line number. */
static __attribute__((noinline)) int dump_and_keep(const char *path, int flags)
{
	return gor_dump(STDOUT_FILENO, 0) || (fflush(NULL), 0) ? 1 : gor_snapshot(path, flags);
}

static __attribute__((noinline)) void lose_three(void)
{
	chan(int) to = chan_make(int, 0);

	for (int i = 0; i < 3; i++)
		go(deliver, to, ((struct order){i, "tea"}));
	gor_settle(5 * GOR_SECOND);
}

/* Overwrites what lose_three has left on the stack. */
static __attribute__((noinline)) void forget(void)
{
	volatile char room[4096];

	memset((char *)room, 0, sizeof room);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	lose_three();
	forget();
	if (!strcmp(how, "call") && argc > 3)
		printf("%d\n", dump_and_keep(argv[2], atoi(argv[3])));
	else if (!strcmp(how, "panic"))
		panic("all is lost");
	else if (!strcmp(how, "signal"))
		return raise(SIGUSR2) || puts("went on") < 0;
	return 0;
}
