/* SPDX-License-Identifier: MIT */
/*
 * A recover across a function without unwind tables cannot work, and says so.
 *
 * Compile with: -fno-asynchronous-unwind-tables -fno-unwind-tables
 * Prints:
 *	caught
 *	fatal error: recover: no unwind tables for ... (compile it with -fasynchronous-unwind-tables)
 *	...
 * Exits with: 2
 */
#include <gorgon.h>
#include <stdio.h>

static void catch_it(void)
{
	recover();
	puts("caught");
	fflush(stdout);
}

static void careful(void)
{
	defer(catch_it);
	panic("no way back");
}

int main(void)
{
	careful();
	puts("never");
	return 0;
}
