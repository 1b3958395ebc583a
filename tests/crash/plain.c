/* SPDX-License-Identifier: MIT */
/*
 * What: a program that knows nothing of the runtime, and dies as its argument says; two threads of it just wait.
 * Also valid C++.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int zero;
static int *volatile nowhere;

static void *wait_for_ever(void *arg)
{
	pause();
	return arg;
}

static void *write_to(void *arg)
{
	*(volatile int *)arg = 1;
	return arg;
}

static void on_signal(int sig)
{
	(void)sig;
	_exit(7);
}

static struct sigaction former;

/* As libraries do it that know faults of their own: any other is for who was there before. */
static void on_others_signal(int sig, siginfo_t *info, void *context)
{
	if (former.sa_flags & SA_SIGINFO) {
		former.sa_sigaction(sig, info, context);
		return;
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

static void pass_on_and_die(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof act);
	act.sa_sigaction = on_others_signal;
	act.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &act, &former);
	write_to(nowhere);
}

static int overflow(int n)
{
	volatile char frame[256];

	frame[n % 256] = (char)n;
	return overflow(n + 1) + frame[3];
}

static int in_child(void)
{
	int status = 0;

	if (fork() == 0)
		write_to(nowhere);
	wait(&status);
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : 99;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t t;

	for (int i = 0; i < 2; i++)
		pthread_create(&t, NULL, wait_for_ever, NULL);
	if (!strcmp(how, "segv"))
		write_to(nowhere);
	else if (!strcmp(how, "thread"))
		pthread_create(&t, NULL, write_to, nowhere), pause();
	else if (!strcmp(how, "abort"))
		abort();
	else if (!strcmp(how, "fpe"))
		return argc / zero;
	else if (!strcmp(how, "overflow"))
		return overflow(0);
	else if (!strcmp(how, "quit"))
		raise(SIGQUIT);
	else if (!strcmp(how, "sent"))
		kill(getpid(), SIGSEGV), pause();
	else if (!strcmp(how, "handler"))
		signal(SIGSEGV, on_signal), write_to(nowhere);
	else if (!strcmp(how, "passed-on"))
		pass_on_and_die();
	else if (!strcmp(how, "child"))
		return in_child();
	else if (!strcmp(how, "exit"))
		return 5;
	return 0;
}
