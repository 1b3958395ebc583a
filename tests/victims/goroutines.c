/* SPDX-License-Identifier: MIT */
/*
 * What go() was given is known for as long as the goroutine lives, whatever became of the registers; and where it
 * was started.
 *
 * variant: -O1
 * variant: -O3
 * variant: -O2 -flto
 * variant: -O2 -gdwarf-4
 */
#include "victim.h"
#include <string.h>

struct job {
	long id;
	double weight;
	char tag[16];
};

/* Nothing of these is used after the wait. */
/* expect: forgetful(<id|id@entry>=7, <name|name@entry>="seven", <weight|weight@entry>=0.25) */
static void forgetful(int id, const char *name, double weight)
{
	victim_sink += id + (int)strlen(name) + (int)weight;
	hold();
	victim_sink++;
}

/* expect: ignorant(<a|a@entry>=1, <b|b@entry>=2, <c|c@entry>=3) */
static void ignorant(int a, long b, unsigned char c)
{
	(void)a;
	(void)b;
	(void)c;
	hold();
	victim_sink++;
}

/* Eight words: two are on the stack. */
/* expect: many(<a|a@entry>=1, <b|b@entry>=2, <c|c@entry>=3, <d|d@entry>=4, <e|e@entry>=5, <f|f@entry>=6, <g|g@entry>=7, <h|h@entry>=8, <x|x@entry>=1.5) */
static void many(long a, long b, long c, long d, long e, long f, long g, long h, double x)
{
	victim_sink += (int)(a + b + c + d + e + f + g + h + (long)x);
	hold();
	victim_sink++;
}

/* expect: by_value(<j|j@entry>=struct job{id: 9, weight: 4.5, tag: "tagged"}, <k|k@entry>=3) */
static void by_value(struct job j, int k)
{
	victim_sink += (int)j.id + k;
	hold();
	victim_sink++;
}

/* The parameter has changed: it is 3 now, or it is not known; 100 is what it was at the start. */
/* expect: counts_down(n=3) */
/* expect-O2: counts_down(<n=3|n=_|n@entry=100>) */
static void counts_down(int n)
{
	while (n > 3) {
		n--;
		KEEP(n);
	}
	hold();
	KEEP(n);
}

/* expect: child(<depth|depth@entry>=2, <from|from@entry>="parent") */
static void child(int depth, const char *from)
{
	victim_sink += depth + from[0];
	hold();
	victim_sink++;
}

/* expect: parent(<depth|depth@entry>=1) */
/* expect: created by parent in goroutine ... */
static void parent(int depth)
{
	go(child, depth + 1, "parent");
	hold();
	victim_sink++;
}

/* An argument that is itself the result of a function which starts a goroutine. */
/* expect: inner(<x|x@entry>=5) */
static void inner(int x)
{
	victim_sink += x;
	hold();
	victim_sink++;
}

static int start_inner(int x)
{
	go(inner, x);
	return x * 2;
}

/* expect: takes_result(<x|x@entry>=10, <y|y@entry>=11) */
static void takes_result(int x, int y)
{
	victim_sink += x + y;
	hold();
	victim_sink++;
}

/* Through a pointer, from a table. */
static void (*const table[])(int, const char *, double) = {forgetful};

/* expect: small(<a|a@entry>=-1, <b|b@entry>=true, <c|c@entry>='c', <d|d@entry>=-2) */
static void small(signed char a, bool b, char c, short d)
{
	victim_sink += a + b + c + d;
	hold();
	victim_sink++;
}

/* Has not run yet when the dump is made: its arguments are known all the same. */
/* expect: created by main in goroutine 1 */
int main(void)
{
	victim_begin();
	go(table[0], number(7), "seven", number(1) / 4.0);
	go(ignorant, number(1), 2, 3);
	go(many, 1, 2, 3, 4, number(5), 6, 7, 8, number(3) / 2.0);
	go(by_value, (struct job){9, 4.5, "tagged"}, number(3));
	go(counts_down, number(100));
	go(parent, number(1));
	go(takes_result, start_inner(number(5)), number(11));
	go(small, (signed char)number(-1), true, 'c', (short)number(-2));
	victim_end();
}
