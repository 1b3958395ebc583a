/* SPDX-License-Identifier: MIT */
/* What: a program that panics, for readers of Go's tracebacks. */
#include <gorgon.h>

struct point {
	int x, y;
};

static void take(struct point at, const char *name, chan(int) from)
{
	(void)at;
	(void)name;
	chan_recv(from, NULL);
}

static void offer(chan(int) to)
{
	chan_send(to, 1);
}

static void fall(int depth, bool loudly)
{
	if (depth)
		fall(depth - 1, loudly);
	else
		panic("at the %s", "bottom");
}

int main(void)
{
	chan(int) in = chan_make(int, 0), out = chan_make(int, 0);

	go(take, ((struct point){1, 2}), "tea", in);
	for (int i = 0; i < 3; i++)
		go(offer, out);
	gor_settle(5 * GOR_SECOND);
	fall(2, true);
	return 0;
}
