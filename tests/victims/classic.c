/* SPDX-License-Identifier: MIT */
/*
 * The classic cases: the arguments that explanations of Go's tracebacks are made of, in all three styles and in
 * every way of compiling.
 *
 * variant: -O1
 * variant: -Og
 * variant: -O3
 * variant: -Os
 * variant: -O2 -flto
 * variant: -O2 -no-pie -fno-pie
 * variant: -O0 -no-pie -fno-pie
 * variant: -O2 -gdwarf-4
 * variant: -O0 -gdwarf-4
 * variant: -O2 -gdwarf-5
 * variant: -O2 -fomit-frame-pointer
 * variant: -O2 -fno-omit-frame-pointer
 * variant: -O2 -gz
 * variant: -O2 buildid
 * variant: -O2 debuglink
 */
#include "victim.h"

GOR_SLICE_TYPE_NAMED(string, gor_string);

struct trace {
	int id;
};

/* expect: Example(slice=[]string{0x* len 2 cap 4...}, str="hello", i=10) */
/* expect-O2: Example(<slice|slice@entry>=<[]string{0x* len 2 cap 4...}|[]string{<0x*|_> len <2|_> cap <4|_>}|_>, <str|str@entry>=<"hello"|string{<0x*|_> len <5|_>}|_>, <i=10|i=_|i@entry=10>) */
/* expect-words: Example(0x*, 0x2, 0x4, 0x*, 0x5, 0xa) */
/* expect-go: Example({<0x*|_>, <0x2|_>, <0x4|_>}, {<0x*|_>, <0x5|_>}, 0xa) */
static NOINLINE void Example(gor_slice(string) slice, gor_string str, int i)
{
	hold();
	KEEP(slice.ptr);
	KEEP(slice.len);
	KEEP(slice.cap);
	KEEP(str.ptr);
	KEEP(str.len);
	KEEP(i);
}

/* expect: trace_Example(t=0x*..., slice=[]string{0x* len 2 cap 4...}, str="hello", i=10) */
/* expect-O2: trace_Example(<t|t@entry>=<0x*...|_>, <slice|slice@entry>=<[]string{0x* len 2 cap 4...}|[]string{<0x*|_> len <2|_> cap <4|_>}|_>, <str|str@entry>=<"hello"|string{<0x*|_> len <5|_>}|_>, <i=10|i=_|i@entry=10>) */
/* expect-words: trace_Example(0x*, 0x*, 0x2, 0x4, 0x*, 0x5, 0xa) */
/* expect-go: trace_Example(0x*, {<0x*|_>, <0x2|_>, <0x4|_>}, {<0x*|_>, <0x5|_>}, 0xa) */
static NOINLINE void trace_Example(struct trace *t, gor_slice(string) slice, gor_string str, int i)
{
	hold();
	KEEP(t);
	KEEP(slice.ptr);
	KEEP(slice.len);
	KEEP(slice.cap);
	KEEP(str.ptr);
	KEEP(str.len);
	KEEP(i);
}

/* expect: packed_bools(b1=true, b2=false, b3=true, i=25) */
/* expect-words: packed_bools(0x19010001) */
/* expect-go: packed_bools(0x1, 0x0, 0x1, 0x19) */
static NOINLINE void packed_bools(bool b1, bool b2, bool b3, uint8_t i)
{
	hold();
	KEEP((int)b1);
	KEEP((int)b2);
	KEEP((int)b3);
	KEEP((int)i);
}

/* expect: packed_words(a=1, b=1, c=1) */
/* expect-words: packed_words(0x100000001, 0x1) */
/* expect-go: packed_words(0x1, 0x1, 0x1) */
static NOINLINE void packed_words(uint32_t a, uint32_t b, uint32_t c)
{
	hold();
	KEEP(a);
	KEEP(b);
	KEEP(c);
}

/* expect: one(a=1) */
/* expect-words: one(0x1) */
static NOINLINE void one(int a)
{
	hold();
	KEEP(a);
}

/* expect: ten(a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8, i=9, j=10) */
/* expect-words: ten(0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa) */
/* expect-go: ten(0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa) */
static NOINLINE void ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	hold();
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(f);
	KEEP(g);
	KEEP(h);
	KEEP(i);
	KEEP(j);
}

/* expect: eleven(a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8, i=9, j=10, k=11) */
/* expect-words: eleven(0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, ...) */
/* expect-go: eleven(0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, ...) */
static NOINLINE void eleven(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j,
			    long k)
{
	hold();
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(f);
	KEEP(g);
	KEEP(h);
	KEEP(i);
	KEEP(j);
	KEEP(k);
}

/* expect: none() */
/* expect-words: none() */
/* expect-go: none() */
static NOINLINE void none(void)
{
	hold();
	victim_sink++;
}

static void run_slices(void)
{
	gor_slice(string) s = gor_slice_make(string, 2, 4);

	s.ptr[0] = gor_str("alpha");
	s.ptr[1] = gor_str("beta");
	Example(s, gor_str("hello"), number(10));
}

static void run_method(void)
{
	struct trace t = {number(7)};
	gor_slice(string) s = gor_slice_make(string, 2, 4);

	trace_Example(&t, s, gor_str("hello"), number(10));
}

static void run_bools(void)
{
	packed_bools(number(1), number(0), number(1), (uint8_t)number(25));
}

static void run_three(void)
{
	packed_words((uint32_t)number(1), (uint32_t)number(1), (uint32_t)number(1));
}

static void run_one(void)
{
	one(number(1));
}

static void run_ten(void)
{
	ten(1, number(2), number(3), 4, 5, 6, 7, number(8), 9, number(10));
}

static void run_eleven(void)
{
	eleven(1, number(2), number(3), 4, 5, 6, 7, number(8), 9, number(10), number(11));
}

static void run_none(void)
{
	none();
}

int main(void)
{
	victim_begin();
	go(run_slices);
	go(run_method);
	go(run_bools);
	go(run_three);
	go(run_one);
	go(run_ten);
	go(run_eleven);
	go(run_none);
	victim_end();
}
