/* SPDX-License-Identifier: MIT */
/*
 * Every scalar type, at both ends of its range.
 */
#include "victim.h"
#include <float.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <uchar.h>
#include <wchar.h>

enum colour { RED, GREEN, BLUE = 40 };
enum flags { FLAG_A = 1, FLAG_B = 2, FLAG_C = 4 };
enum negative { MINUS = -5, PLUS = 5 };
typedef unsigned long id_t_;

/* expect: bools(t=true, f=false) */
static NOINLINE void bools(bool t, _Bool f)
{
	hold();
	KEEP((int)t);
	KEEP((int)f);
}

/* expect: chars(c='x', s=-7, u=200, nl='\n') */
static NOINLINE void chars(char c, signed char s, unsigned char u, char nl)
{
	hold();
	KEEP((int)c);
	KEEP((int)s);
	KEEP((int)u);
	KEEP((int)nl);
}

/* expect: shorts(s=-32768, u=65535) */
static NOINLINE void shorts(short s, unsigned short u)
{
	hold();
	KEEP((int)s);
	KEEP((int)u);
}

/* expect: ints(i=-2147483648, u=4294967295, z=0) */
static NOINLINE void ints(int i, unsigned u, int z)
{
	hold();
	KEEP(i);
	KEEP(u);
	KEEP(z);
}

/* expect: longs(l=-9223372036854775808, u=18446744073709551615, n=-1) */
static NOINLINE void longs(long l, unsigned long u, long long n)
{
	hold();
	KEEP(l);
	KEEP(u);
	KEEP(n);
}

/* expect: fixed(a=-128, b=127, c=-2, d=65534, e=-3, f=4294967293) */
static NOINLINE void fixed(int8_t a, int8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f)
{
	hold();
	KEEP((int)a);
	KEEP((int)b);
	KEEP((int)c);
	KEEP((int)d);
	KEEP(e);
	KEEP(f);
}

/* expect: sizes(s=12345678901, t=-5, i=77) */
static NOINLINE void sizes(size_t s, ptrdiff_t t, id_t_ i)
{
	hold();
	KEEP(s);
	KEEP(t);
	KEEP(i);
}

/* expect: floats(f=1.5, g=-0.25, h=1e+30) */
static NOINLINE void floats(float f, float g, float h)
{
	hold();
	KEEP_FLOAT(f);
	KEEP_FLOAT(g);
	KEEP_FLOAT(h);
}

/* expect: doubles(d=3.25, e=-1e-300, inf=+Inf, zero=-0) */
static NOINLINE void doubles(double d, double e, double inf, double zero)
{
	hold();
	KEEP_FLOAT(d);
	KEEP_FLOAT(e);
	KEEP_FLOAT(inf);
	KEEP_FLOAT(zero);
}

/* expect: long_doubles(a=2.5, b=-7.125) */
static NOINLINE void long_doubles(long double a, long double b)
{
	hold();
	KEEP_MEMORY(a);
	KEEP_MEMORY(b);
}

/* expect: enums(c=BLUE, d=RED, n=MINUS) */
static NOINLINE void enums(enum colour c, enum colour d, enum negative n)
{
	hold();
	KEEP(c);
	KEEP(d);
	KEEP(n);
}

/* expect: odd_enums(f=FLAG_A|FLAG_C, x=(enum colour)99) */
static NOINLINE void odd_enums(enum flags f, enum colour x)
{
	hold();
	KEEP(f);
	KEEP(x);
}

/* expect: wide(w=119, c16=120, c32=128512) */
static NOINLINE void wide(wchar_t w, char16_t c16, char32_t c32)
{
	hold();
	KEEP(w);
	KEEP((int)c16);
	KEEP(c32);
}

/* expect: mixed(a=1, x=0.5, b=2, y=1.5, c=3, z=2.5) */
static NOINLINE void mixed(int a, double x, long b, float y, short c, double z)
{
	hold();
	KEEP(a);
	KEEP_FLOAT(x);
	KEEP(b);
	KEEP_FLOAT(y);
	KEEP((int)c);
	KEEP_FLOAT(z);
}

/* expect: complexes(z=(1+2i)) */
static NOINLINE void complexes(_Complex double z)
{
	hold();
	KEEP_MEMORY(z);
}

/* expect: wide_int(v=5902958103587056517129) */
static NOINLINE void wide_int(__int128 v)
{
	hold();
	KEEP_MEMORY(v);
}

static void run_bools(void)
{
	bools(number(1), number(0));
}

static void run_chars(void)
{
	chars((char)number('x'), (signed char)number(-7), (unsigned char)number(200), (char)number('\n'));
}

static void run_shorts(void)
{
	shorts((short)number(SHRT_MIN), (unsigned short)number(USHRT_MAX));
}

static void run_ints(void)
{
	ints(number(INT_MIN), (unsigned)number(-1), number(0));
}

static void run_longs(void)
{
	longs(LONG_MIN + number(0), ULONG_MAX - (unsigned)number(0), number(-1));
}

static void run_fixed(void)
{
	fixed((int8_t)number(-128), (int8_t)number(127), (int16_t)number(-2), (uint16_t)number(-2),
	      number(-3), (uint32_t)number(-3));
}

static void run_sizes(void)
{
	sizes(12345678901 + (size_t)number(0), number(-5), (id_t_)number(77));
}

static void run_floats(void)
{
	floats((float)number(3) / 2, (float)number(-1) / 4, (float)number(1) * 1e30f);
}

static void run_doubles(void)
{
	doubles(number(13) / 4.0, number(-1) * 1e-300, number(1) * DBL_MAX * 2, number(0) * -1.0);
}

static void run_long_doubles(void)
{
	long_doubles(number(5) / 2.0L, number(-57) / 8.0L);
}

static void run_enums(void)
{
	enums((enum colour)number(BLUE), (enum colour)number(RED), (enum negative)number(MINUS));
}

static void run_odd_enums(void)
{
	odd_enums((enum flags)number(5), (enum colour)number(99));
}

static void run_wide(void)
{
	wide(L'w' + number(0), (char16_t)number(u'x'), (char32_t)number(0x1f600));
}

static void run_mixed(void)
{
	mixed(number(1), number(1) / 2.0, number(2), (float)number(3) / 2, (short)number(3), number(5) / 2.0);
}

static void run_complexes(void)
{
	complexes(number(1) + number(2) * 1.0i);
}

static void run_wide_int(void)
{
	wide_int((__int128)number(5) << 70 | number(9));
}

int main(void)
{
	victim_begin();
	go(run_bools);
	go(run_chars);
	go(run_shorts);
	go(run_ints);
	go(run_longs);
	go(run_fixed);
	go(run_sizes);
	go(run_floats);
	go(run_doubles);
	go(run_long_doubles);
	go(run_enums);
	go(run_odd_enums);
	go(run_wide);
	go(run_mixed);
	go(run_complexes);
	go(run_wide_int);
	victim_end();
}
