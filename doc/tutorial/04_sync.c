/* SPDX-License-Identifier: MIT */
/*
 * 04_sync: sharing memory.
 *
 * Where goroutines share a variable a mutex keeps them apart, and a waitgroup waits for all of them.  Both
 * are ready to use when they are zero.  A lock belongs to the goroutine that took it: only that one may
 * unlock it, and a dump says who it is.
 *
 * Prints:
 *	10000 deposits, balance 10000
 *	initialised once
 * Exits with: 0
 */
#include <gorgon.h>
#include <stdio.h>

struct account {
	gor_mutex lock;
	long balance; /* under lock */
	int deposits; /* under lock */
};

static gor_once opened;

static void open_bank(void *arg)
{
	(*(int *)arg)++;
}

static void deposit(struct account *a, int times, int *opened_times, gor_waitgroup *wg)
{
	gor_once_do(&opened, open_bank, opened_times);
	for (int i = 0; i < times; i++) {
		gor_mutex_lock(&a->lock);
		a->balance++;
		a->deposits++;
		gor_mutex_unlock(&a->lock);
	}
	gor_waitgroup_done(wg);
}

int main(void)
{
	struct account account = {0};
	gor_waitgroup wg = {0};
	int opened_times = 0;

	gor_waitgroup_add(&wg, 100);
	for (int i = 0; i < 100; i++)
		go(deposit, &account, 100, &opened_times, &wg);
	gor_waitgroup_wait(&wg);

	printf("%d deposits, balance %ld\n", account.deposits, account.balance);
	puts(opened_times == 1 ? "initialised once" : "initialised more than once");
	return 0;
}
