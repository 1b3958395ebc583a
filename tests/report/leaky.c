/* SPDX-License-Identifier: MIT */
/*
 * What: leaks of every kind, and what is none, with the words that reports have to say of them (report-test).
 *
 *	leaky exit	main returns
 *	leaky clean	the same without leaks
 *	leaky wait	prints its process id and waits until its standard input ends
 */
#include <gorgon.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static gor_mutex first, second, lost;
static chan(int) known;
static gor_waitgroup ready;

/* Nobody sends here any more once its only sender has ended. */
static void read_one(chan(int) numbers)
{
	chan_recv(numbers, NULL);
}

static void send_one(chan(int) numbers, int n)
{
	chan_send(numbers, n);
}

/* Two sends, one receive. */
__attribute__((noinline)) static void leak_senders(int n)
{
	for (int i = 0; i < n; i++) {
		chan(int) numbers = chan_make(int, 0);

		go(read_one, numbers);
		go(send_one, numbers, 1);
		go(send_one, numbers, 2);
	}
}

static void lock_forward(void)
{
	gor_mutex_lock(&first);
	gor_waitgroup_done(&ready);
	gor_waitgroup_wait(&ready);
	gor_mutex_lock(&second);
}

static void lock_backward(void)
{
	gor_mutex_lock(&second);
	gor_waitgroup_done(&ready);
	gor_waitgroup_wait(&ready);
	gor_mutex_lock(&first);
}

static void forget_to_unlock(void)
{
	gor_mutex_lock(&lost);
}

static void want_lost(void)
{
	gor_mutex_lock(&lost);
}

static void send_nowhere(void)
{
	chan(int) none = NULL;

	gor_label("user<\"&>", "a\nb\x1b[31m%,:");
	chan_send(none, 1);
}

static void wait_for_known(void)
{
	chan_recv(known, NULL);
}

static void leak(void)
{
	go(leak_senders, 3);
	gor_waitgroup_add(&ready, 2);
	go(lock_forward);
	go(lock_backward);
	go(forget_to_unlock);
	gor_settle(GOR_SECOND);
	go(want_lost);
	go(send_nowhere);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char c;

	known = chan_make(int, 0);
	go(wait_for_known);
	if (strcmp(what, "clean") != 0)
		leak();
	gor_settle(GOR_SECOND);
	if (strcmp(what, "clean") == 0)
		chan_close(known);
	gor_settle(GOR_SECOND);
	if (strcmp(what, "wait") != 0)
		return 0;
	printf("%d\n", getpid());
	fflush(stdout);
	return read(STDIN_FILENO, &c, 1) != 0;
}
