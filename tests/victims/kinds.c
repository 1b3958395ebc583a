/* SPDX-License-Identifier: MIT */
/*
 * Kinds of arguments that are rare: what is complex, wide, flexible, variable in size; functions and flags inside of
 * structs; what a caller passed in vector registers.
 */
#include "victim.h"
#include <complex.h>

struct operations {
	const char *name;
	int (*open)(const char *);
	void (*close)(int);
};
struct switches {
	bool on[4];
	unsigned char raw[3];
};
struct flexible {
	int n;
	long items[];
};
struct packed {
	unsigned kind : 2;
	int level : 6;
	unsigned long rest : 56;
};
union either {
	const char *text;
	unsigned long number;
};

static int open_it(const char *name)
{
	return name[0];
}

static void close_it(int n)
{
	victim_sink += n;
}

/* expect: functions_inside(o=0x* -> struct operations{name: "file", open: &open_it, close: &close_it}, none=0x* -> struct operations{name: "none", open: NULL, close: NULL}) */
static NOINLINE void functions_inside(struct operations *o, struct operations *none)
{
	hold();
	KEEP(o);
	KEEP(none);
}

/* expect: arrays_inside(s=0x* -> struct switches{on: {true, false, true, false}, raw: {1, 2, 255}}, f=0x* -> struct flexible{n: 2, items: {...}}) */
static NOINLINE void arrays_inside(struct switches *s, struct flexible *f)
{
	hold();
	KEEP(s);
	KEEP(f);
}

/* expect: variable(n=2, a=0x* -> 10, m=0x*...) */
static NOINLINE void variable(int n, int a[n], double m[n][n])
{
	hold();
	KEEP(n);
	KEEP(a);
	KEEP(m);
}

/* expect: complexes(f=(1.5-2i), l=(0.25+3i)) */
static NOINLINE void complexes(float complex f, long double complex l)
{
	hold();
	KEEP_MEMORY(f);
	KEEP_MEMORY(l);
}

/* expect: wide(u=340282366920938463463374607431768211455, s=-170141183460469231731687303715884105728) */
static NOINLINE void wide(unsigned __int128 u, __int128 s)
{
	hold();
	KEEP_MEMORY(u);
	KEEP_MEMORY(s);
}

/* expect: small_parts(p=0x* -> struct packed{kind: 3, level: -32, rest: 72057594037927935}, e=0x* -> union either{text: "either", number: ...}) */
static NOINLINE void small_parts(struct packed *p, union either *e)
{
	hold();
	KEEP(p);
	KEEP(e);
}

/* Not all text is UTF-8. */
/* expect: other_text(latin="\xe9t\xe9", cut="\xe2\x82", p=0x* -> 0x*) */
static NOINLINE void other_text(const char *latin, const char *cut, const char ***p)
{
	hold();
	KEEP(latin);
	KEEP(cut);
	KEEP(p);
}

/* Needed no more when it waits, but by the caller. */
/* expect: in_vectors(a=0.5, b=1.5, n=3) */
/* expect-O2: in_vectors(<a=0.5|a=_|a@entry=0.5>, <b=1.5|b=_|b@entry=1.5>, <n=3|n=_|n@entry=3>) */
static NOINLINE void in_vectors(double a, float b, int n)
{
	victim_sink += (int)(a + (double)b) + n;
	hold();
	victim_sink++;
}

/* expect: passes_vectors(a=0.5, b=1.5) */
/* expect-O2: passes_vectors(<a=0.5|a=_|a@entry=0.5>, <b=1.5|b=_|b@entry=1.5>) */
static NOINLINE void passes_vectors(double a, float b)
{
	in_vectors(a, b, 3);
	KEEP_FLOAT(a);
	KEEP_FLOAT(b);
}

static void run_functions(void)
{
	struct operations o = {"file", open_it, close_it}, none = {"none", NULL, NULL};

	KEEP_MEMORY(o);
	KEEP_MEMORY(none);
	functions_inside(&o, &none);
}

static void run_arrays(void)
{
	struct switches s = {{true, false, true, false}, {1, 2, 255}};
	struct flexible *f = malloc(sizeof *f + 2 * sizeof f->items[0]);

	f->n = 2;
	f->items[0] = f->items[1] = 5;
	KEEP_MEMORY(s);
	arrays_inside(&s, f);
}

static void run_variable(void)
{
	int a[] = {10, 20};
	double m[2][2] = {{1, 2}, {3, 4}};

	KEEP_MEMORY(a);
	KEEP_MEMORY(m);
	variable(number(2), a, m);
}

static void run_complexes(void)
{
	complexes((float)number(3) / 2 - 2.0f * I, (long double)number(1) / 4 + 3.0L * I);
}

static void run_wide(void)
{
	wide((unsigned __int128)0 - (unsigned)number(1), (__int128)((unsigned __int128)number(1) << 127));
}

static void run_small_parts(void)
{
	struct packed p = {3, -32, (1ul << 56) - 1};
	union either e = {"either"};

	KEEP_MEMORY(p);
	KEEP_MEMORY(e);
	small_parts(&p, &e);
}

static void run_other_text(void)
{
	const char *text = "deep", **p = &text;

	KEEP_MEMORY(text);
	KEEP_MEMORY(p);
	other_text("\xe9t\xe9", "\xe2\x82", &p);
}

static void run_vectors(void)
{
	passes_vectors(number(1) / 2.0, (float)number(3) / 2);
}

int main(void)
{
	victim_begin();
	go(run_functions);
	go(run_arrays);
	go(run_variable);
	go(run_complexes);
	go(run_wide);
	go(run_small_parts);
	go(run_other_text);
	go(run_vectors);
	victim_end();
}
