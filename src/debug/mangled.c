/* SPDX-License-Identifier: MIT */
/* What, how: debug/mangled.h. */
#include "debug/mangled.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 512 };

struct reader {
	const char *at;
	char name[MAX_NAME];
	size_t n;
	const char *
		last; /* the part of the source that named what was read last: a constructor is called so, too */
	size_t last_n;
};

static bool put(struct reader *r, const char *text, size_t n)
{
	int k;

	if (n >= MAX_NAME)
		return false;
	k = snprintf(r->name + r->n, MAX_NAME - r->n, "%s%.*s", r->n ? "::" : "", (int)n, text);
	r->n += (size_t)k;
	return r->n < MAX_NAME;
}

/* <source-name>: its length, then itself. */
static bool source_name(struct reader *r)
{
	char *end;
	unsigned long n = strtoul(r->at, &end, 10);

	if (*r->at < '1' || *r->at > '9' || n > strlen(end))
		return false;
	r->at = end + n;
	r->last = end;
	r->last_n = n;
	if (n > 8 && strncmp(end, "_GLOBAL_", 8) == 0)
		return put(r, "(anonymous)", strlen("(anonymous)"));
	return put(r, end, n);
}

/* C1, C2, D0 and so on. */
static bool structor(struct reader *r)
{
	bool is_destructor = *r->at == 'D';
	char text[MAX_NAME];

	if ((*r->at != 'C' && !is_destructor) || r->at[1] < '0' || r->at[1] > '5' || !r->last)
		return false;
	r->at += 2;
	snprintf(text, sizeof text, "%s%.*s", is_destructor ? "~" : "", (int)r->last_n, r->last);
	return put(r, text, strlen(text));
}

static bool nested_name(struct reader *r)
{
	r->at += strspn(r->at, "rVK");
	if (*r->at == 'R' || *r->at == 'O')
		r->at++;
	while (*r->at != 'E') {
		if (strncmp(r->at, "St", 2) == 0 && r->n == 0) {
			r->at += 2;
			if (!put(r, "std", 3))
				return false;
			continue;
		}
		r->at += *r->at == 'L';
		if (!source_name(r) && !structor(r))
			return false;
	}
	r->at++;
	return r->last != NULL;
}

const char *mangled_name(struct arena *a, const char *symbol)
{
	struct reader r = {.at = symbol + 2};
	bool fine;

	if (strncmp(symbol, "_Z", 2) != 0)
		return symbol;
	if (*r.at == 'N') {
		r.at++;
		fine = nested_name(&r);
	} else {
		r.at += *r.at == 'L';
		fine = source_name(&r);
	}
	/* Template arguments, or the ABI's own suffixes. */
	if (!fine || *r.at == 'I' || *r.at == 'B' || strchr(r.at, '.'))
		return symbol;
	return arena_str(a, r.name);
}
