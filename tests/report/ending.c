/* SPDX-License-Identifier: MIT */
/*
 * What: a program that ends as it is told, with the runtime (WITH_RUNTIME) or without it.
 *
 *	ending well|fail|segv|kill|wait		and with the runtime: panic|deadlock|leak
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifdef WITH_RUNTIME
#include <gorgon.h>

static void wait_for_ever(chan(int) c)
{
	chan_recv(c, NULL);
}

static __attribute__((noinline)) void leak(void)
{
	go(wait_for_ever, chan_make(int, 0));
	gor_settle(10 * GOR_SECOND);
}

/* What has held the channel is no more. */
static __attribute__((noinline)) void forget(void)
{
	volatile char nothing[4096];

	memset((void *)nothing, 0, sizeof nothing);
}

static void with_runtime(const char *how)
{
	if (strcmp(how, "panic") == 0)
		panic("on <purpose>");
	if (strcmp(how, "deadlock") == 0)
		chan_recv(chan_make(int, 0), NULL);
	if (strcmp(how, "leak") == 0) {
		leak();
		forget();
	}
}
#else
static void with_runtime(const char *how)
{
	(void)how;
}
#endif

static __attribute__((noinline)) void crash_here(const char *how)
{
	*(volatile char *)8 = how[0];
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "well";

	with_runtime(how);
	if (strcmp(how, "segv") == 0)
		crash_here(how);
	if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(how, "wait") == 0)
		pause();
	return strcmp(how, "fail") == 0 ? 3 : 0;
}
