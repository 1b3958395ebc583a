/* SPDX-License-Identifier: MIT */
/*
 * What: a program to be read alive and dead: goroutines that wait in several ways, with arguments of several kinds; says
 * "ready", and panics when a line comes.
 */
#include <gorgon.h>
#include <stdio.h>
#include <string.h>

struct job {
	int id;
	const char *name;
};

static struct job jobs[] = {{1, "one"}, {2, "two"}};
static gor_mutex lock;
static volatile int keep;

static void worker(chan(int) c, struct job *j, const char *what, gor_string text)
{
	int v = 0;

	chan_recv(c, &v);
	keep = v + j->id + what[0] + (int)text.len;
}

static void locker(int n)
{
	gor_mutex_lock(&lock);
	keep = n;
}

static void selecter(chan(int) a, chan(int) b)
{
	int v = 0;

	keep = chan_select(recv_case(a, &v), send_case(b, 3)) + v;
}

int main(void)
{
	chan(int) c = chan_make(int, 0);
	char *what = strdup("on the heap"), line[8];

	gor_mutex_lock(&lock);
	for (int i = 0; i < 2; i++)
		go(worker, c, &jobs[i], what, gor_str("a string"));
	go(locker, 7);
	go(selecter, c, chan_make(int, 0));
	gor_settle(10 * GOR_SECOND);
	puts("ready");
	fflush(stdout);
	if (fgets(line, sizeof line, stdin))
		panic("on purpose");
	keep = (int)chan_len(c);
	return 0;
}
