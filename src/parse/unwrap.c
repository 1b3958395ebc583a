/* SPDX-License-Identifier: MIT */
/*
 * What: lines as a program wrote them, of lines as logs keep them: inside.h.
 *
 *	web_1 | \e[31mgoroutine 7 [running]:\e[0m\r\n		line ends and colours
 *	{"log":"goroutine 7 [running]:\n","stream":"stderr"}	a line of the program is a member of a JSON object
 *	level=error stack="goroutine 7 [running]:\nmain.f()..."	a whole traceback is one text between quotes
 *	panic: boom#012#012goroutine 7 [running]:#012main.f()	the same, as system logs write it
 *
 * How: JSON is not parsed: of a line that looks like an object, the first member is taken whose name says that it holds
 * what was logged.  What stands before the object stays, since it tells sources of text apart.  A text that holds a
 * traceback is found by its header, behind which a line end has been escaped, however often.
 */
#include <stdlib.h>

#include "parse/inside.h"

enum { MAX_NESTED = 4, MAX_HEADER = 400 };

/* ---- escapes ----------------------------------------------------------------------------------------------------- */

static size_t put_utf8(char *to, uint64_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* \u1234: skips it; false: it is none. */
static bool take_u(struct text *t, uint64_t *ret)
{
	struct text digits = t->n >= 6 ? (struct text){t->p + 2, 4} : (struct text){t->p, 0};

	if (!text_starts(*t, "\\u") || !text_take_hex_any(&digits, ret) || digits.n)
		return false;
	*t = text_from(*t, 6);
	return true;
}

static size_t put_escape(char *to, struct text *t)
{
	uint64_t c, low;
	struct text next;

	if (!take_u(t, &c)) {
		to[0] = text_take_escape(t);
		return 1;
	}
	next = *t;
	if (c >= 0xd800 && c < 0xdc00 && take_u(&next, &low) && low >= 0xdc00 && low < 0xe000) {
		*t = next;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_utf8(to, c);
}

/* What it stands for, which is not longer.  octal: #012 is an escape too. */
static size_t unescape(char *to, struct text t, bool octal)
{
	size_t n = 0;

	while (t.n) {
		if (t.p[0] == '\\') {
			n += put_escape(to + n, &t);
		} else if (octal && (text_take(&t, "#012"))) {
			to[n++] = '\n';
		} else if (octal && (text_take(&t, "#011"))) {
			to[n++] = '\t';
		} else {
			to[n++] = t.p[0];
			t = text_from(t, 1);
		}
	}
	return n;
}

/* ---- one line in an object ----------------------------------------------------------------------------------------- */

static bool is_line_key(struct text key)
{
	static const char *const keys[] = {"log",           "msg",  "message",     "MESSAGE",
					   "line",          "text", "textPayload", "_raw",
					   "short_message", "body", "content"};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (text_is(key, keys[i]))
			return true;
	return false;
}

static size_t skip_spaces(struct text t, size_t at)
{
	while (at < t.n && t.p[at] == ' ')
		at++;
	return at;
}

/* What is between the quotes of the member that has the line; begins where the object does. */
static bool find_member(struct text t, struct text *ret)
{
	size_t at = 0, end, value;

	while (at < t.n) {
		if (t.p[at] != '"') {
			at++;
			continue;
		}
		end = text_quoted(t, at);
		if (end == SIZE_MAX)
			return false;
		value = skip_spaces(t, end);
		if (value < t.n && t.p[value] == ':' &&
		    is_line_key((struct text){t.p + at + 1, end - at - 2})) {
			value = skip_spaces(t, value + 1);
			end = value < t.n && t.p[value] == '"' ? text_quoted(t, value) : SIZE_MAX;
			if (end == SIZE_MAX)
				return false;
			*ret = (struct text){t.p + value + 1, end - value - 2};
			return true;
		}
		at = end;
	}
	return false;
}

static struct text without_end(struct text t)
{
	while (t.n && (t.p[t.n - 1] == '\n' || t.p[t.n - 1] == '\r' || t.p[t.n - 1] == ' '))
		t.n--;
	return t;
}

static char *room(struct buffer *b, size_t n)
{
	VEC_ROOM(b, n);
	return b->items;
}

/* The line that is in an object, if it is one line. */
static bool take_object(struct buffer *b, struct text *t)
{
	size_t at = text_ends(*t, "}") ? text_find(*t, "{\"") : SIZE_MAX, n;
	struct text member, line;
	char *to;

	if (at == SIZE_MAX || !find_member(text_from(*t, at), &member))
		return false;
	to = room(b, at + member.n + 1);
	memcpy(to, t->p, at);
	n = at + unescape(to + at, member, false);
	line = without_end((struct text){to, n});
	if (line.n && memchr(line.p, '\n', line.n))
		return false;
	*t = line;
	return true;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static struct text without_colors(struct buffer *b, struct text t)
{
	char *to = room(b, t.n);
	size_t i = 0, n = 0;

	while (i < t.n) {
		if (t.p[i] == '\033' && i + 1 < t.n && t.p[i + 1] == '[') {
			for (i += 2; i < t.n && (t.p[i] < '@' || t.p[i] > '~');)
				i++;
			i++;
		} else {
			to[n++] = t.p[i++];
		}
	}
	return (struct text){to, n};
}

struct text line_clean(struct clean *c, struct text raw)
{
	struct text t = without_end(raw);

	for (int i = 0; i < MAX_NESTED && take_object(&c->objects[i % 2], &t); i++)
		;
	return t.n && memchr(t.p, '\033', t.n) ? without_end(without_colors(&c->plain, t)) : t;
}

void clean_deinit(struct clean *c)
{
	free(c->objects[0].items);
	free(c->objects[1].items);
	free(c->plain.items);
}

/* ---- a traceback in one text --------------------------------------------------------------------------------------- */

/* Where a header ends behind which a line end is escaped; SIZE_MAX: nowhere. */
static size_t find_escaped(struct text t)
{
	size_t at = 0, next, end;

	while ((next = text_find(text_from(t, at), "goroutine ")) != SIZE_MAX) {
		struct text rest = text_from(t, at + next);

		end = text_find(text_until(rest, rest.n < MAX_HEADER ? rest.n : MAX_HEADER), "]:");
		if (end != SIZE_MAX && (text_starts(text_from(rest, end + 2), "\\") ||
					text_starts(text_from(rest, end + 2), "#012")))
			return at + next + end;
		at += next + 1;
	}
	return SIZE_MAX;
}

/* The text between quotes around `at`; false: there are none. */
static bool find_quotes(struct text t, size_t at, size_t *ret_start, size_t *ret_end)
{
	size_t i = 0, end;

	while (i < at) {
		if (t.p[i] != '"') {
			i++;
			continue;
		}
		end = text_quoted(t, i);
		if (end == SIZE_MAX)
			return false;
		if (end > at) {
			*ret_start = i;
			*ret_end = end;
			return true;
		}
		i = end;
	}
	return false;
}

bool line_embedded(struct text line, struct embedded *ret)
{
	size_t at = find_escaped(line), start = 0, end = line.n;
	struct buffer buffers[2] = {{0}, {0}};
	struct text t = line;
	bool is_first = true;

	for (int i = 0; i < MAX_NESTED && at != SIZE_MAX; i++, is_first = false) {
		size_t from = 0, to = t.n;
		bool quoted = find_quotes(t, at, &from, &to);
		struct text inner = quoted ? (struct text){t.p + from + 1, to - from - 2} : without_end(t);
		char *copy = room(&buffers[i % 2], inner.n + 2);

		if (is_first && quoted) {
			start = from;
			end = to;
		}
		t = (struct text){copy, unescape(copy, inner, !quoted)};
		at = find_escaped(t);
	}
	if (is_first || at != SIZE_MAX || !memchr(t.p, '\n', t.n)) {
		free(buffers[0].items);
		free(buffers[1].items);
		return false;
	}
	if (t.p[t.n - 1] != '\n')
		((char *)(uintptr_t)t.p)[t.n++] = '\n'; /* there is room for it */
	ret->before = text_until(line, start);
	ret->after = text_from(line, end);
	ret->text = t;
	ret->memory = t.p == buffers[0].items ? buffers[0].items : buffers[1].items;
	free(t.p == buffers[0].items ? buffers[1].items : buffers[0].items);
	return true;
}
