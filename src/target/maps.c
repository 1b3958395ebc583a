/* SPDX-License-Identifier: MIT */
/*
 * What, how: target/maps.h.
 *
 * A name that ends in " (deleted)" by itself cannot be told from one that the kernel marked; nor can one with a
 * backslash and 012.  Whoever opens the file compares device and inode (file.c), so neither does harm.
 */
#include "target/maps.h"

#include <string.h>
#include <sys/sysmacros.h>

struct cursor {
	const char *p, *end;
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool number(struct cursor *c, unsigned base, uint64_t *ret)
{
	const char *start = c->p;
	uint64_t v = 0;

	while (c->p < c->end && (unsigned)digit(*c->p) < base) {
		if (v > (UINT64_MAX - base) / base)
			return false;
		v = v * base + (unsigned)digit(*c->p++);
	}
	*ret = v;
	return c->p > start;
}

static bool character(struct cursor *c, char wanted)
{
	return c->p < c->end && *c->p++ == wanted;
}

static bool permissions(struct cursor *c, struct mapping *m)
{
	if (c->end - c->p < 4)
		return false;
	m->readable = c->p[0] == 'r';
	m->writable = c->p[1] == 'w';
	m->executable = c->p[2] == 'x';
	m->shared = c->p[3] == 's';
	c->p += 4;
	return true;
}

/* The rest of the line. */
static void path(struct cursor *c, struct arena *a, struct mapping *m)
{
	static const char mark[] = " (deleted)";
	size_t n, out = 0, len = sizeof mark - 1;
	char *name;

	while (c->p < c->end && *c->p == ' ')
		c->p++;
	n = (size_t)(c->end - c->p);
	if (n > len && !memcmp(c->end - len, mark, len)) {
		m->deleted = true;
		n -= len;
	}
	name = arena_strn(a, c->p, n);
	for (size_t i = 0; i < n; i++, out++) {
		name[out] = name[i];
		if (n - i >= 4 && !memcmp(name + i, "\\012", 4)) {
			name[out] = '\n';
			i += 3;
		}
	}
	name[out] = '\0';
	m->path = name;
}

static bool line(struct cursor *c, struct arena *a, struct mapping *m)
{
	uint64_t major, minor;

	memset(m, 0, sizeof *m);
	if (!number(c, 16, &m->lo) || !character(c, '-') || !number(c, 16, &m->hi) || !character(c, ' ') ||
	    !permissions(c, m) || !character(c, ' ') || !number(c, 16, &m->offset) || !character(c, ' ') ||
	    !number(c, 16, &major) || !character(c, ':') || !number(c, 16, &minor) || !character(c, ' ') ||
	    !number(c, 10, &m->inode))
		return false;
	if (m->lo >= m->hi || (c->p < c->end && *c->p != ' '))
		return false;
	m->dev = makedev((unsigned)major, (unsigned)minor);
	path(c, a, m);
	return true;
}

void maps_parse(struct arena *a, const char *text, size_t len, struct mapping **ret, size_t *ret_n)
{
	const char *p = text, *end = text + len;
	size_t lines = 1, n = 0;
	struct mapping *maps;

	for (const char *q = p; (q = memchr(q, '\n', (size_t)(end - q))); q++)
		lines++;
	maps = arena_array(a, struct mapping, lines);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct cursor c = {.p = p, .end = nl ? nl : end};

		if (line(&c, a, &maps[n]) && (!n || maps[n].lo >= maps[n - 1].hi))
			n++;
		p = nl ? nl + 1 : end;
	}
	*ret = maps;
	*ret_n = n;
}
