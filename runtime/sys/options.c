/* SPDX-License-Identifier: MIT */
/* What: parsing of the environment; see options.h. */
#define _GNU_SOURCE
#include "sys/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

struct gori_options gori_options;

/* A word of the environment that is not ended by a zero byte. */
struct word {
	const char *ptr;
	size_t len;
};

static bool word_is(struct word w, const char *text)
{
	return strlen(text) == w.len && memcmp(w.ptr, text, w.len) == 0;
}

static void complain(const char *what, struct word w)
{
	static const char head[] = "gorgon: GORGON_OPTIONS: ";
	char line[200];
	size_t n = 0;
	const struct word parts[] = {
		{head, sizeof head - 1}, {what, strlen(what)}, {" '", 2}, {w.ptr, w.len}, {"'; see gorgon(7)\n", 17}};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		size_t len = parts[i].len;

		if (len > sizeof line - n)
			len = sizeof line - n;
		memcpy(line + n, parts[i].ptr, len);
		n += len;
	}
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody to tell */
}

/* Digits with an optional k, m or g; the value is unchanged where the text is bad. */
static bool parse_number(struct word w, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < w.len && w.ptr[i] >= '0' && w.ptr[i] <= '9'; i++) {
		if (v > max / 10)
			return false;
		v = v * 10 + (uint64_t)(w.ptr[i] - '0');
	}
	if (i == 0)
		return false;
	if (i + 1 == w.len) {
		uint64_t unit = w.ptr[i] == 'k' ? KIB : w.ptr[i] == 'm' ? MIB : w.ptr[i] == 'g' ? GIB : 0;

		if (unit == 0 || v > max / unit)
			return false;
		v *= unit;
		i++;
	}
	if (i != w.len || v > max)
		return false;
	*ret = v;
	return true;
}

static bool set_stack(uint64_t v)
{
	size_t size = 16 * KIB;

	if (v < size || v > GIB)
		return false;
	while (size < v)
		size *= 2;
	gori_options.stack = size;
	return true;
}

static bool set_number(struct word key, uint64_t v)
{
	if (word_is(key, "stack"))
		return set_stack(v);
	if (word_is(key, "stack_keep"))
		gori_options.stack_dead_max = v;
	else if (word_is(key, "torture"))
		gori_options.torture = v;
	else if (word_is(key, "handle_signals") && v <= 1)
		gori_options.handle_signals = v;
	else if (word_is(key, "dump_timeout") && v >= 1 && v <= 3600)
		gori_options.dump_seconds = (int32_t)v;
	else
		return false;
	return true;
}

static void set(struct word key, struct word value, struct word whole)
{
	uint64_t v;

	if (word_is(key, "guard") && (word_is(value, "mprotect") || word_is(value, "auto")))
		gori_options.guard_mprotect = value.ptr[0] == 'm';
	else if (!parse_number(value, UINT64_MAX / 2, &v) || !set_number(key, v))
		complain("unknown key or bad value", whole);
}

static void parse(const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, ':');
		const char *eq = memchr(text, '=', (size_t)(end - text));
		struct word whole = {text, (size_t)(end - text)};

		if (eq)
			set((struct word){text, (size_t)(eq - text)},
			    (struct word){eq + 1, (size_t)(end - eq - 1)}, whole);
		else if (whole.len)
			complain("no '=' in", whole);
		text = *end ? end + 1 : end;
	}
}

static enum gori_traceback parse_traceback(const char *text)
{
	static const char *const names[] = {"none", "single", "all", "system", "crash"};

	for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(text, names[i]) || (text[0] == '0' + (char)i && !text[1] && i < 3))
			return (enum gori_traceback)i;
	return GORI_TB_ALL;
}

void gori_options_init(void)
{
	uint64_t procs = 0;
	const char *text;

	gori_options.traceback = GORI_TB_ALL;
	gori_options.stack = 256 * KIB;
	gori_options.stack_dead_max = 1024;
	gori_options.handle_signals = true;
	gori_options.dump_seconds = 10;
	if (getauxval(AT_SECURE))
		return;
	text = getenv("GOMAXPROCS");
	if (text && parse_number((struct word){text, strlen(text)}, INT32_MAX, &procs))
		gori_options.maxprocs = (int32_t)procs;
	gori_options.traceback = parse_traceback(getenv("GOTRACEBACK"));
	text = getenv("GORGON_OPTIONS");
	if (text)
		parse(text);
}
