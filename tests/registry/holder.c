/* SPDX-License-Identifier: MIT */
/*
 * A program that leaks: `holder lost` loses the only pointer to a channel in which a goroutine waits; `holder kept` has it
 * in a block that another block points to; `holder end` has only a pointer to the end of such a block; `holder freed`
 * had it in a block that is free now.
 */
#include <gorgon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object {
	char before[40];
	chan(int) c;
	char more[16];
};

static void *volatile kept;

static __attribute__((noinline)) void receiver(chan(int) c)
{
	chan_recv(c, NULL);
}

static __attribute__((noinline)) void make(const char *how)
{
	struct object *o = calloc(1, sizeof *o);
	struct object **way = malloc(sizeof *way);

	o->c = chan_make(int, 0);
	go(receiver, o->c);
	*way = o;
	if (strcmp(how, "kept") == 0)
		kept = way;
	else if (strcmp(how, "end") == 0)
		kept = o + 1;
	else if (strcmp(how, "freed") == 0)
		free(o);
}

static __attribute__((noinline)) void scrub(void)
{
	volatile char room[32768];

	for (size_t i = 0; i < sizeof room; i++)
		room[i] = 0;
}

int main(int argc, char **argv)
{
	make(argc > 1 ? argv[1] : "lost");
	gor_settle(20 * GOR_SECOND);
	scrub();
	return 0;
}
