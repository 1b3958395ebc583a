/* SPDX-License-Identifier: MIT */
/*
 * More arguments than there are registers, of mixed kinds; variadic functions.
 */
#include "victim.h"
#include <stdarg.h>

/* expect: nine(a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8, i=9) */
static NOINLINE void nine(int a, int b, int c, int d, int e, int f, int g, int h, int i)
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
}

/* Small arguments on the stack take a word each. */
/* expect: small_ones(a='\x01', b=2, c=3, d=4, e='\x05', f=6, g='g', h=-8, i=true, j=10) */
static NOINLINE void small_ones(char a, short b, int c, long d, char e, short f, char g, short h, bool i,
				uint8_t j)
{
	hold();
	KEEP((int)a);
	KEEP((int)b);
	KEEP(c);
	KEEP(d);
	KEEP((int)e);
	KEEP((int)f);
	KEEP((int)g);
	KEEP((int)h);
	KEEP((int)i);
	KEEP((int)j);
}

/* expect: ten_doubles(a=0.5, b=1.5, c=2.5, d=3.5, e=4.5, f=5.5, g=6.5, h=7.5, i=8.5, j=9.5) */
static NOINLINE void ten_doubles(double a, double b, double c, double d, double e, double f, double g,
				 double h, double i, double j)
{
	hold();
	KEEP_FLOAT(a);
	KEEP_FLOAT(b);
	KEEP_FLOAT(c);
	KEEP_FLOAT(d);
	KEEP_FLOAT(e);
	KEEP_FLOAT(f);
	KEEP_FLOAT(g);
	KEEP_FLOAT(h);
	KEEP_FLOAT(i);
	KEEP_FLOAT(j);
}

/* expect: interleaved(a=1, x=0.5, b=2, y=1.5, c=3, z=2.5, d=4, e=5, f=6, g=7, w=3.5, h=8) */
static NOINLINE void interleaved(int a, double x, long b, float y, short c, double z, int d, int e, int f,
				 int g, double w, long h)
{
	hold();
	KEEP(a);
	KEEP_FLOAT(x);
	KEEP(b);
	KEEP_FLOAT(y);
	KEEP((int)c);
	KEEP_FLOAT(z);
	KEEP(d);
	KEEP(e);
	KEEP(f);
	KEEP(g);
	KEEP_FLOAT(w);
	KEEP(h);
}

/* What is behind the named ones cannot be known from the outside. */
/* expect: variadic(n=3, fmt="%d %s", ...) */
static NOINLINE void variadic(int n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	victim_sink += va_arg(ap, int);
	hold();
	va_end(ap);
	KEEP(n);
	KEEP(fmt);
}

/* expect: takes_va_list(fmt="%d", ap=...) */
static NOINLINE void takes_va_list(const char *fmt, va_list ap)
{
	hold();
	KEEP(fmt);
	KEEP(ap);
}

static NOINLINE void passes_va_list(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	takes_va_list(fmt, ap);
	va_end(ap);
}

static void run_nine(void)
{
	nine(1, 2, number(3), 4, 5, 6, 7, number(8), 9);
}

static void run_small(void)
{
	small_ones((char)number(1), (short)number(2), number(3), number(4), (char)number(5), (short)number(6),
		   (char)number('g'), (short)number(-8), number(1), (uint8_t)number(10));
}

static void run_doubles(void)
{
	ten_doubles(number(1) / 2.0, number(3) / 2.0, number(5) / 2.0, number(7) / 2.0, number(9) / 2.0,
		    number(11) / 2.0, number(13) / 2.0, number(15) / 2.0, number(17) / 2.0, number(19) / 2.0);
}

static void run_interleaved(void)
{
	interleaved(number(1), number(1) / 2.0, 2, 1.5f, 3, number(5) / 2.0, 4, number(5), 6, 7,
		    number(7) / 2.0, number(8));
}

static void run_variadic(void)
{
	variadic(number(3), "%d %s", number(5), "tail");
}

static void run_va_list(void)
{
	passes_va_list("%d", number(5));
}

int main(void)
{
	victim_begin();
	go(run_nine);
	go(run_small);
	go(run_doubles);
	go(run_interleaved);
	go(run_variadic);
	go(run_va_list);
	victim_end();
}
