/* SPDX-License-Identifier: MIT */
/*
 * What optimisers do to arguments: inlining, tail calls, recursion, parameters that change or die.  Where a value is
 * gone it is printed as unknown; a value that was true once and is not now is a failure.
 *
 * variant: -O1
 * variant: -Og
 * variant: -O3
 * variant: -O2 -flto
 * variant: -O2 -gdwarf-4
 * variant: -O2 -fno-omit-frame-pointer
 */
#include "victim.h"
#include <string.h>

/* ---- inlined --------------------------------------------------------------------------------------------------- */

/* expect: innermost(x=43, text="inlined") */
static inline __attribute__((always_inline)) void innermost(int x, const char *text)
{
	hold();
	KEEP(x);
	KEEP(text);
}

/* expect: middle(x=42, scale=2) */
static inline __attribute__((always_inline)) void middle(int x, long scale)
{
	innermost(x + 1, "inlined");
	KEEP(x);
	KEEP(scale);
}

/* expect: physical(x=42) */
static NOINLINE void physical(int x)
{
	middle(x, 2);
	KEEP(x);
}

/* Twice in one frame: only one of them waits. */
/* expect: twice(n=2) */
static inline __attribute__((always_inline)) void twice(int n)
{
	if (n == 2)
		hold();
	KEEP(n);
}

/* expect: both_times(n=2) */
static NOINLINE void both_times(int n)
{
	twice(n - 1);
	twice(n);
	KEEP(n);
}

/* ---- dead ---------------------------------------------------------------------------------------------------- */

/* Used before the wait only. */
/* expect: dead(a=5, b="dead", c=0.5) */
/* expect-O2: dead(<a=5|a=_|a@entry=5>, <b="dead"|b=_|b@entry="dead">, <c=0.5|c=_|c@entry=0.5>) */
static NOINLINE void dead(int a, const char *b, double c)
{
	victim_sink += a + (int)strlen(b) + (int)c;
	hold();
}

/* Never used at all. */
/* expect: unused(a=7, b="unused") */
/* expect-O2: unused(<a=7|a=_|a@entry=7>, <b="unused"|b=_|b@entry="unused">) */
static NOINLINE void unused(int a, const char *b)
{
	(void)a;
	(void)b;
	hold();
}

/* ---- changed --------------------------------------------------------------------------------------------------- */

/* It waits when n has become 3 and s is 97. */
/* expect: changed(n=3, s=97) */
/* expect-O2: changed(<n=3|n=_|n@entry=100>, <s=97|s=_|s@entry=0>) */
static NOINLINE void changed(int n, int s)
{
	while (n > 3) {
		s++;
		n--;
		KEEP(n);
	}
	hold();
	KEEP(n);
	KEEP(s);
}

/* The parameter is overwritten while it waits in a callee. */
/* expect: overwritten(p="second") */
/* expect-O2: overwritten(<p="second"|p=_|p@entry="first">) */
static NOINLINE void overwritten(const char *p)
{
	victim_sink += (int)strlen(p);
	p = "second";
	hold();
	KEEP(p);
}

/* expect: through_address(n=8) */
/* expect-O2: through_address(<n=8|n=_|n@entry=5>) */
static NOINLINE void through_address(int n)
{
	int *volatile p = &n;

	*p += 3;
	hold();
	KEEP(*p);
}

/* ---- entry values ---------------------------------------------------------------------------------------------- */

/* Each passes what it was given, changed a little, and needs it no more: the value at the top has to be found through
 * the calls of all of them. */
/* expect: entry3(a=16, b=105) */
/* expect-O2: entry3(<a=16|a=_|a@entry=16>, <b=105|b=_|b@entry=105>) */
static NOINLINE void entry3(int a, long b)
{
	victim_sink += a + (int)b;
	hold();
	victim_sink++;
}

/* expect: entry2(a=15, b=104) */
/* expect-O2: entry2(<a=15|a=_|a@entry=15>, <b=104|b=_|b@entry=104>) */
static NOINLINE void entry2(int a, long b)
{
	entry3(a + 1, b + 1);
	victim_sink++;
}

/* expect: entry1(a=14, b=103) */
/* expect-O2: entry1(<a=14|a=_|a@entry=14>, <b=103|b=_|b@entry=103>) */
static NOINLINE void entry1(int a, long b)
{
	entry2(a + 1, b + 1);
	victim_sink++;
}

/* It was given what a variable held; the variable holds something else now. */
static int variable = 30;
/* expect: from_variable(n=30, p=&variable -> 31) */
/* expect-O2: from_variable(<n=30|n=_|n@entry=30>, <p|p@entry>=...) */
static NOINLINE void from_variable(int n, int *p)
{
	victim_sink += n;
	++*p;
	hold();
	victim_sink++;
}

/* expect: from_local(n=40) */
/* expect-O2: from_local(<n=40|n=_|n@entry=40>) */
static NOINLINE void from_local(int n)
{
	victim_sink += n;
	hold();
	victim_sink++;
}

/* expect: changes_local(p=0x* -> 45) */
/* expect-O2: changes_local(<p|p@entry>=...) */
static NOINLINE void changes_local(int *p)
{
	int old = *p;

	*p += 5;
	from_local(old);
}

/* ---- tail calls and recursion ------------------------------------------------------------------------------------ */

/* expect: tail_target(a=21, b="tail") */
/* expect-O2: tail_target(<a=21|a=_|a@entry=21>, <b="tail"|b=_|b@entry="tail">) */
static NOINLINE void tail_target(int a, const char *b)
{
	victim_sink += a + b[0];
	hold();
}

/* Optimised, it is not on the stack any more. */
/* expect-O2: jumper(<a=20|a=_|a@entry=20>) */
/* expect: jumper(a=20) */
static NOINLINE void jumper(int a)
{
	tail_target(a + 1, "tail");
}

/* Mutual tail calls: any number of them may have been. */
/* expect: ping(<n=0|n=1|n=2|n=3|n=4|n=_>) */
/* expect-O2: ping(<n=0|n=_|n@entry=0>) */
/* expect-O1: ping(<n=0|n=2|n=4|n=_|n@entry=0|n@entry=2|n@entry=4>) */
static NOINLINE void ping(int n);
/* expect: pong(<n=1|n=3>) */
/* expect-O2: pong(<n=1|n=3|n=_|n@entry=1|n@entry=3>) */
static NOINLINE void pong(int n)
{
	ping(n - 1);
}

static NOINLINE void ping(int n)
{
	if (n == 0)
		hold();
	else
		pong(n - 1);
}

/* expect: recursive(depth=0, path="ooo") */
/* expect: recursive(depth=1, path="oo") */
/* expect: recursive(depth=2, path="o") */
static NOINLINE int recursive(int depth, const char *path)
{
	int r;

	if (depth == 0)
		hold();
	r = depth ? recursive(depth - 1, path - 1) : 0;
	KEEP(depth);
	KEEP(path);
	return r + 1;
}

/* ---- clones ---------------------------------------------------------------------------------------------------- */

/* Called with one constant always: compilers make a clone without the parameter. */
/* expect: constant(a=77, b=5, flag=true) */
/* expect-O2: constant(<a=77|a=_>, <b|b@entry>=<5|_>, <flag=true|flag=_>) */
static NOINLINE void constant(int a, int b, bool flag)
{
	hold();
	if (flag)
		KEEP(a);
	KEEP(b);
}

struct config {
	int depth, width;
	const char *name;
};

/* Only one member is used: compilers pass the member. */
/* expect: scalarised(c=0x* -> const struct config{depth: 1, width: 2, name: "c"}) */
/* expect-O2: scalarised(<c|c@entry>=<0x*...|_>) */
static NOINLINE int scalarised(const struct config *c)
{
	int width = c->width;

	hold();
	return width;
}

static void run_inlined(void)
{
	physical(number(42));
}

static void run_twice(void)
{
	both_times(number(2));
}

static void run_dead(void)
{
	dead(number(5), "dead", number(1) / 2.0);
}

static void run_unused(void)
{
	unused(number(7), "unused");
}

static void run_changed(void)
{
	changed(number(100), number(0));
}

static void run_overwritten(void)
{
	overwritten("first");
}

static void run_address(void)
{
	through_address(number(5));
}

static void run_entry(void)
{
	int n = number(14);

	entry1(n, 103);
	KEEP(n);
}

static void run_variable(void)
{
	from_variable(variable, &variable);
}

static void run_local(void)
{
	int local = number(40);

	changes_local(&local);
	KEEP_MEMORY(local);
}

static void run_tail(void)
{
	int n = number(20);

	jumper(n);
	KEEP(n);
}

static void run_ping(void)
{
	ping(number(4));
	victim_sink++;
}

static void run_recursive(void)
{
	recursive(number(2), &"ooo"[2]);
}

static void run_clones(void)
{
	constant(77, number(5), true);
}

static void run_scalarised(void)
{
	struct config c = {1, number(2), "c"};

	victim_sink += scalarised(&c);
}

int main(void)
{
	victim_begin();
	go(run_inlined);
	go(run_twice);
	go(run_dead);
	go(run_unused);
	go(run_changed);
	go(run_overwritten);
	go(run_address);
	go(run_entry);
	go(run_variable);
	go(run_local);
	go(run_tail);
	go(run_ping);
	go(run_recursive);
	go(run_clones);
	go(run_scalarised);
	victim_end();
}
