/* SPDX-License-Identifier: MIT */
/*
 * worst_delay: one goroutine loops for ever, one sits in a raw read(2) of an
 * empty pipe, one in qsort(3) of four million ints; the greatest lateness, in
 * us, of a fourth that sleeps 1 ms again and again.
 */
#include <gorgon.h>

#include "../worst_delay.h"

static void sleep_ms(void)
{
	gor_sleep(GOR_MS);
}

int main(void)
{
	int p[2];

	gor_maxprocs(bench_procs());
	if (pipe(p) != 0)
		bench_fail("worst_delay: no pipe");
	delay_watch(sleep_ms, 20);
	go(delay_spin);
	go(delay_read, p[0]);
	go(delay_sort);
	delay_report("gorgon", delay_watch(sleep_ms, BENCH_DELAY_MS));
	return 0;
}
