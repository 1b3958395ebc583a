/* SPDX-License-Identifier: MIT */
/*
 * What: numbers that sink.h cannot put: floating point, 128 bits, durations.
 *
 * How: of a float, the fewest digits that read back as the same number, laid out as Go's %v does: an exponent only
 * below 1e-4 and from 1e21 on.  Digits come from printf's %e, tried with growing precision; small integers,
 * which most floats are, take a short cut.  Nothing here depends on the decimal point of the locale.
 */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit/style.h"

enum { MAX_DIGITS = 40, EXP_LOW = -4, EXP_HIGH = 21 };

struct decimal {
	char digits[MAX_DIGITS + 1];
	int n;   /* digits, no trailing zeros, at least one */
	int exp; /* value = d.ddd * 10^exp */
};

/* Takes "d.ddde+xx" apart. */
static void decimal_parse(struct decimal *d, const char *text)
{
	const char *e = strchr(text, 'e');

	d->n = 0;
	for (const char *p = text; *p && p != e && d->n < MAX_DIGITS; p++)
		if (isdigit((unsigned char)*p))
			d->digits[d->n++] = *p;
	while (d->n > 1 && d->digits[d->n - 1] == '0')
		d->n--;
	d->digits[d->n] = '\0';
	d->exp = e ? atoi(e + 1) : 0;
}

static void put_zeros(struct sink *s, int n)
{
	while (n-- > 0)
		sink_char(s, '0');
}

static void put_decimal(struct sink *s, const struct decimal *d)
{
	if (d->exp < EXP_LOW || d->exp >= EXP_HIGH) {
		sink_put(s, d->digits, 1);
		if (d->n > 1) {
			sink_char(s, '.');
			sink_put(s, d->digits + 1, (size_t)d->n - 1);
		}
		sink_str(s, d->exp < 0 ? "e-" : "e+");
		put_zeros(s, abs(d->exp) < 10);
		sink_dec(s, abs(d->exp));
	} else if (d->exp < 0) {
		sink_str(s, "0.");
		put_zeros(s, -d->exp - 1);
		sink_put(s, d->digits, (size_t)d->n);
	} else {
		int whole = d->exp + 1 < d->n ? d->exp + 1 : d->n;

		sink_put(s, d->digits, (size_t)whole);
		put_zeros(s, d->exp + 1 - whole);
		if (whole < d->n) {
			sink_char(s, '.');
			sink_put(s, d->digits + whole, (size_t)(d->n - whole));
		}
	}
}

/* x is finite and not negative; size tells its precision. */
static void put_shortest(struct sink *s, long double x, uint64_t size)
{
	static const int most[] = {[4] = 9, [8] = 17, [16] = 21};
	char text[64];
	struct decimal d;
	int digits = size == 4 ? 6 : 15;

	if (x < (size == 4 ? FLT_MIN : size == 8 ? DBL_MIN : LDBL_MIN))
		digits = 1; /* denormal: has fewer */
	for (; digits <= most[size]; digits++) {
		snprintf(text, sizeof text, "%.*Le", digits - 1, x);
		if (size == 4   ? strtof(text, NULL) == (float)x
		    : size == 8 ? strtod(text, NULL) == (double)x
				: strtold(text, NULL) == x)
			break;
	}
	decimal_parse(&d, text);
	put_decimal(s, &d);
}

static void put_real(struct sink *s, const unsigned char *p, uint64_t size)
{
	long double x = 0;
	float f;
	double d;

	if (size == 4)
		memcpy(&f, p, sizeof f), x = f;
	else if (size == 8)
		memcpy(&d, p, sizeof d), x = d;
	else
		memcpy(&x, p, 10); /* 80 bits; the rest is padding */
	if (isnan(x)) {
		sink_str(s, "NaN");
	} else if (isinf(x)) {
		sink_str(s, signbit(x) ? "-Inf" : "+Inf");
	} else {
		if (signbit(x))
			sink_char(s, '-');
		x = fabsl(x);
		if (x < 1e15L && (long double)(uint64_t)x == x)
			sink_udec(s, (uint64_t)x);
		else
			put_shortest(s, x, size);
	}
}

static bool is_real(uint64_t size)
{
	return size == 4 || size == 8 || size == 16;
}

/* Also complex numbers: two of half the size. */
void put_float(struct sink *s, const struct part *p)
{
	uint64_t size = p->type->size;

	if (p->type->kind == TYPE_COMPLEX && is_real(size / 2)) {
		const unsigned char *im = p->bytes + size / 2;

		sink_char(s, '(');
		put_real(s, p->bytes, size / 2);
		if (!(im[size / 2 == 16 ? 9 : size / 2 - 1] & 0x80))
			sink_char(s, '+');
		put_real(s, im, size / 2);
		sink_str(s, "i)");
	} else if (p->type->kind == TYPE_FLOAT && is_real(size)) {
		put_real(s, p->bytes, size);
	} else {
		sink_hex(s, part_uint(p));
	}
}

void put_int128(struct sink *s, const struct part *p, bool is_signed)
{
	char buf[40], *at = buf + sizeof buf;
	unsigned __int128 x;

	memcpy(&x, p->bytes, sizeof x);
	if (is_signed && (__int128)x < 0) {
		sink_char(s, '-');
		x = -x;
	}
	do
		*--at = (char)('0' + (int)(x % 10));
	while ((x /= 10) != 0);
	sink_put(s, at, (size_t)(buf + sizeof buf - at));
}

void put_duration(struct sink *s, int64_t ns)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "µs"}, {1, "ns"}};
	size_t u = 0;
	int64_t thousandths;

	if (ns < 0)
		sink_char(s, '-');
	ns = ns < 0 ? -(ns + 1) + 1 : ns;
	while (u < 3 && ns < units[u].ns)
		u++;
	sink_dec(s, ns / units[u].ns);
	thousandths = u == 3 ? 0 : ns % units[u].ns / (units[u].ns / 1000);
	if (thousandths) {
		char text[4] = {'.', (char)('0' + thousandths / 100), (char)('0' + thousandths / 10 % 10),
				(char)('0' + thousandths % 10)};
		size_t n = 4;

		while (text[n - 1] == '0')
			n--;
		sink_put(s, text, n);
	}
	sink_str(s, units[u].name);
}
