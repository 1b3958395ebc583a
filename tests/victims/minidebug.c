/* SPDX-License-Identifier: MIT */
/*
 * A stripped program whose functions are named in .gnu_debugdata only, as some distributions build theirs.
 *
 * variant: -O0 -g0 minidebug
 * variant: -O2 -g0 minidebug
 */
#include "victim.h"

/* expect: secret(...) */
static NOINLINE void secret(int n, const char *p)
{
	hold();
	KEEP(n);
	KEEP(p);
}

/* expect: begins(...) */
static NOINLINE void begins(int n, const char *text)
{
	secret(n + 1, text);
	victim_sink++;
}

int main(void)
{
	victim_begin();
	go(begins, number(40), "text");
	victim_end();
}
