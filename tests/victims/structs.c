/* SPDX-License-Identifier: MIT */
/*
 * Structs and unions by value: of every size, in registers, split between registers, in memory; bit-fields; arrays
 * inside.
 */
#include "victim.h"

struct s1 {
	char a;
};
struct s2 {
	short a;
};
struct s3 {
	char a, b, c;
};
struct s4 {
	int a;
};
struct s5 {
	int a;
	char b;
};
struct s7 {
	char a[7];
};
struct s8 {
	int a, b;
};
struct s12 {
	int a, b, c;
};
struct s16 {
	long a, b;
};
struct s17 {
	long a, b;
	char c;
};
struct s24 {
	long a, b, c;
};
struct s40 {
	int n;
	double d[4];
};
struct two_floats {
	float x, y;
};
struct int_double {
	int i;
	double d;
};
struct double_int {
	double d;
	int i;
};
struct ldouble {
	long double l;
};
struct inner {
	short a, b;
};
struct outer {
	struct inner first;
	struct {
		char c;
		unsigned char u;
	};
	const char *name;
};
struct bitfields {
	unsigned a : 3;
	int b : 5;
	bool c : 1;
	unsigned long d : 40;
	unsigned char e : 7;
};
struct empty {
};
union number {
	long l;
	double d;
};
struct tagged {
	int tag;
	union {
		int i;
		float f;
	};
};

/* expect: small(a=struct s1{a: 'p'}, b=struct s2{a: -2}, c=struct s3{a: 'x', b: 'y', c: 'z'}, d=struct s4{a: 4}) */
/* expect-O2: small(a=<struct s1{a: 'p'}|_>, b=<struct s2{a: -2}|_>, c=<struct s3{a: <'x'|_>, b: <'y'|_>, c: <'z'|_>}|_>, d=<struct s4{a: 4}|_>) */
static NOINLINE void small(struct s1 a, struct s2 b, struct s3 c, struct s4 d)
{
	hold();
	KEEP((int)a.a);
	KEEP((int)b.a);
	KEEP((int)c.a);
	KEEP((int)c.c);
	KEEP(d.a);
}

/* expect: medium(a=struct s5{a: 5, b: 'b'}, b=struct s7{a: "seven77"}, c=struct s8{a: 8, b: -8}) */
/* expect-O2: medium(a=<struct s5{a: <5|_>, b: <'b'|_>}|_>, b=<struct s7{a: "seven77"}|struct s7{a: [7]char{...}}|_>, c=<struct s8{a: <8|_>, b: <-8|_>}|_>) */
static NOINLINE void medium(struct s5 a, struct s7 b, struct s8 c)
{
	hold();
	KEEP(a.a);
	KEEP((int)a.b);
	KEEP((int)b.a[6]);
	KEEP(c.a);
	KEEP(c.b);
}

/* expect: two_registers(a=struct s12{a: 1, b: 2, c: 3}, b=struct s16{a: 16, b: -16}) */
/* expect-O2: two_registers(a=<struct s12{a: <1|_>, b: <2|_>, c: <3|_>}|_>, b=<struct s16{a: <16|_>, b: <-16|_>}|_>) */
static NOINLINE void two_registers(struct s12 a, struct s16 b)
{
	hold();
	KEEP(a.a);
	KEEP(a.b);
	KEEP(a.c);
	KEEP(b.a);
	KEEP(b.b);
}

/* expect-O2: in_memory(a=struct s17{a: <1|_>, b: <2|_>, c: <'c'|_>}, b=struct s24{a: <24|_>, b: <25|_>, c: <26|_>}, c=struct s40{n: <40|_>, d: {<0.5|_>, <1.5|_>, <2.5|_>, <3.5|_>}}) */
/* expect: in_memory(a=struct s17{a: 1, b: 2, c: 'c'}, b=struct s24{a: 24, b: 25, c: 26}, c=struct s40{n: 40, d: {0.5, 1.5, 2.5, 3.5}}) */
static NOINLINE void in_memory(struct s17 a, struct s24 b, struct s40 c)
{
	hold();
	KEEP_MEMORY(a);
	KEEP_MEMORY(b);
	KEEP_MEMORY(c);
}

/* expect: split(a=struct two_floats{x: 1.5, y: -2.5}, b=struct int_double{i: 3, d: 0.25}, c=struct double_int{d: -0.125, i: 4}) */
/* expect-O2: split(a=<struct two_floats{x: <1.5|_>, y: <-2.5|_>}|_>, b=<struct int_double{i: <3|_>, d: <0.25|_>}|_>, c=<struct double_int{d: <-0.125|_>, i: <4|_>}|_>) */
static NOINLINE void split(struct two_floats a, struct int_double b, struct double_int c)
{
	hold();
	KEEP_FLOAT(a.x);
	KEEP_FLOAT(a.y);
	KEEP(b.i);
	KEEP_FLOAT(b.d);
	KEEP_FLOAT(c.d);
	KEEP(c.i);
}

/* Five integer registers are taken, so that the struct of two words goes to the stack as a whole. */
/* expect-O2: no_room(<a|a@entry>=<1|_>, <b|b@entry>=<2|_>, <c|c@entry>=<3|_>, <d|d@entry>=<4|_>, <e|e@entry>=<5|_>, s=<struct s16{a: <6|_>, b: <7|_>}|_>, <f|f@entry>=<8|_>) */
/* expect: no_room(a=1, b=2, c=3, d=4, e=5, s=struct s16{a: 6, b: 7}, f=8) */
static NOINLINE void no_room(long a, long b, long c, long d, long e, struct s16 s, long f)
{
	hold();
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(s.a);
	KEEP(s.b);
	KEEP(f);
}

/* expect-O2: x87(l=struct ldouble{l: <6.5|_>}) */
/* expect: x87(l=struct ldouble{l: 6.5}) */
static NOINLINE void x87(struct ldouble l)
{
	hold();
	KEEP_MEMORY(l);
}

/* expect: nested(o=struct outer{first: {a: 1, b: 2}, {c: 'c', u: 200}, name: "outer"}) */
/* expect-O2: nested(o=<struct outer{first: <{a: <1|_>, b: <2|_>}|_>, <{c: <'c'|_>, u: <200|_>}|_>, name: <"outer"|_>}|_>) */
static NOINLINE void nested(struct outer o)
{
	hold();
	KEEP((int)o.first.a);
	KEEP((int)o.first.b);
	KEEP((int)o.c);
	KEEP(o.name);
}

/* expect: bits(b=struct bitfields{a: 5, b: -3, c: true, d: 1099511627775, e: 100}) */
/* expect-O2: bits(b=<struct bitfields{a: <5|_>, b: <-3|_>, c: <true|_>, d: <1099511627775|_>, e: <100|_>}|_>) */
static NOINLINE void bits(struct bitfields b)
{
	hold();
	KEEP((int)b.a);
	KEEP((int)b.b);
	KEEP((long)b.d);
	KEEP((int)b.e);
}

/* expect: nothing(e=struct empty{}, i=5) */
/* expect-O2: nothing(e=<struct empty{}|_>, <i|i@entry>=<5|_>) */
static NOINLINE void nothing(struct empty e, int i)
{
	hold();
	(void)e;
	KEEP(i);
}

/* expect: unions(u=union number{l: 4611686018427387904, d: 2}, t=struct tagged{tag: 1, {i: 7, f: 1e-44}}) */
/* expect-O2: unions(u=<union number{l: <4611686018427387904|_>, d: <2|_>}|_>, t=<struct tagged{tag: <1|_>, <{i: <7|_>, f: <1e-44|_>}|_>}|_>) */
static NOINLINE void unions(union number u, struct tagged t)
{
	hold();
	KEEP(u.l);
	KEEP(t.tag);
	KEEP(t.i);
}

static void run_small(void)
{
	small((struct s1){(char)number('p')}, (struct s2){(short)number(-2)},
	      (struct s3){'x', (char)number('y'), 'z'}, (struct s4){number(4)});
}

static void run_medium(void)
{
	medium((struct s5){number(5), 'b'}, (struct s7){"seven77"}, (struct s8){8, number(-8)});
}

static void run_two(void)
{
	two_registers((struct s12){1, number(2), 3}, (struct s16){number(16), -16});
}

static void run_memory(void)
{
	in_memory((struct s17){1, number(2), 'c'}, (struct s24){24, 25, number(26)},
		  (struct s40){number(40), {0.5, 1.5, 2.5, 3.5}});
}

static void run_split(void)
{
	split((struct two_floats){1.5f, (float)number(-5) / 2}, (struct int_double){number(3), 0.25},
	      (struct double_int){number(-1) / 8.0, 4});
}

static void run_no_room(void)
{
	no_room(1, number(2), 3, 4, number(5), (struct s16){6, number(7)}, 8);
}

static void run_x87(void)
{
	x87((struct ldouble){number(13) / 2.0L});
}

static void run_nested(void)
{
	nested((struct outer){{1, (short)number(2)}, {'c', 200}, "outer"});
}

static void run_bits(void)
{
	struct bitfields b = {5, -3, true, 0, 100};

	b.d = (1ul << 40) - (unsigned)number(1);
	bits(b);
}

static void run_nothing(void)
{
	nothing((struct empty){}, number(5));
}

static void run_unions(void)
{
	union number u = {.d = number(2)};

	unions(u, (struct tagged){1, {number(7)}});
}

int main(void)
{
	victim_begin();
	go(run_small);
	go(run_medium);
	go(run_two);
	go(run_memory);
	go(run_split);
	go(run_no_room);
	go(run_x87);
	go(run_nested);
	go(run_bits);
	go(run_nothing);
	go(run_unions);
	victim_end();
}
