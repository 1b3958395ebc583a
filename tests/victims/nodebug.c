/* SPDX-License-Identifier: MIT */
/*
 * Code without any debug information: names from the symbol table, what go() gave as words, nothing invented.
 *
 * variant: -O0 -g0
 * variant: -O2 -g0
 * variant: -O2 -g0 stripped
 */
#include "victim.h"

/* never: secret(...p=... */
/* never: secret(...n=... */
static NOINLINE void secret(int n, const char *p)
{
	hold();
	KEEP(n);
	KEEP(p);
}

static void begins(int n, const char *text)
{
	secret(n + 1, text);
	victim_sink++;
}

/* expect: goroutine 2 [chan receive...]: */
/* expect: created by main in goroutine 1 */
int main(void)
{
	victim_begin();
	go(begins, number(40), "text");
	victim_end();
}
