/* SPDX-License-Identifier: MIT */
/* What: pieces of text: inside.h. */
#define _GNU_SOURCE
#include "parse/inside.h"

bool text_is(struct text t, const char *literal)
{
	return t.n == strlen(literal) && !memcmp(t.p, literal, t.n);
}

bool text_starts(struct text t, const char *literal)
{
	size_t n = strlen(literal);

	return t.n >= n && !memcmp(t.p, literal, n);
}

bool text_ends(struct text t, const char *literal)
{
	size_t n = strlen(literal);

	return t.n >= n && !memcmp(t.p + t.n - n, literal, n);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct text text_trim(struct text t)
{
	while (t.n && is_space(t.p[t.n - 1]))
		t.n--;
	while (t.n && is_space(t.p[0]))
		t = text_from(t, 1);
	return t;
}

bool text_take(struct text *t, const char *literal)
{
	if (!text_starts(*t, literal))
		return false;
	*t = text_from(*t, strlen(literal));
	return true;
}

bool text_take_dec(struct text *t, uint64_t *ret)
{
	uint64_t x = 0;
	size_t i = 0;

	while (i < t->n && i < 18 && t->p[i] >= '0' && t->p[i] <= '9')
		x = x * 10 + (uint64_t)(t->p[i++] - '0');
	if (!i)
		return false;
	*ret = x;
	*t = text_from(*t, i);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct text *t, uint64_t *ret, char fold)
{
	uint64_t x = 0;
	size_t i = 0;
	int digit;

	while (i < t->n && i < 16 && (digit = hex_digit(t->p[i] | fold)) >= 0) {
		x = x << 4 | (uint64_t)digit;
		i++;
	}
	if (!i)
		return false;
	*ret = x;
	*t = text_from(*t, i);
	return true;
}

bool text_take_hex(struct text *t, uint64_t *ret)
{
	return take_hex(t, ret, 0);
}

bool text_take_hex_any(struct text *t, uint64_t *ret)
{
	return take_hex(t, ret, 0x20); /* which digits have anyway */
}

char text_take_escape(struct text *t)
{
	static const char names[] = "nrtabfv0", values[] = "\n\r\t\a\b\f\v\0";
	const char *at;
	struct text hex = t->n >= 4 ? (struct text){t->p + 2, 2} : (struct text){t->p, 0};
	uint64_t x;

	if (t->n > 1 && t->p[1] == 'x' && text_take_hex_any(&hex, &x) && !hex.n) {
		*t = text_from(*t, 4);
		return (char)x;
	}
	if (t->n < 2) {
		*t = text_from(*t, t->n);
		return '\\';
	}
	at = memchr(names, t->p[1], sizeof names - 1);
	x = (unsigned char)t->p[1];
	*t = text_from(*t, 2);
	return at ? values[at - names] : (char)x;
}

size_t text_find(struct text t, const char *literal)
{
	const char *at = t.n ? memmem(t.p, t.n, literal, strlen(literal)) : NULL;

	return at ? (size_t)(at - t.p) : SIZE_MAX;
}

size_t text_rfind(struct text t, const char *literal)
{
	size_t n = strlen(literal);

	for (size_t at = t.n; at-- > 0;)
		if (t.n - at >= n && t.p[at] == literal[0] && !memcmp(t.p + at, literal, n))
			return at;
	return SIZE_MAX;
}

size_t text_quoted(struct text t, size_t at)
{
	char quote = t.p[at++];

	for (; at < t.n; at++) {
		if (t.p[at] == '\\')
			at++;
		else if (t.p[at] == quote)
			return at + 1;
	}
	return SIZE_MAX;
}
