/* SPDX-License-Identifier: MIT */
/*
 * A panic in a deferred function, after the first was recovered and another was aborted: all that are still in
 * progress are printed, oldest first, and the stack is that of the last.
 *
 * Prints:
 *	closing
 *	panic: cannot read config [recovered]
 *		panic: cannot even report
 *	...
 *	goroutine 1 [running]:
 *	report...(...)
 *	...
 *	load_config...(...)
 *	...
 *	main(...)
 *	...
 * Exits with: 2
 */
#include <gorgon.h>
#include <stdio.h>

static void report(void)
{
	gor_any why = recover();

	if (why.type)
		panic("cannot even report");
}

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

static void load_config(const char *path)
{
	defer(report);
	defer(say, "closing");
	if (path)
		panic("cannot read %s", path);
}

int main(void)
{
	load_config("config");
	puts("never");
	return 0;
}
