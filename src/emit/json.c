/* SPDX-License-Identifier: MIT */
/* What, how: emit/json.h. */
#include "emit/json.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

struct json json_begin(struct sink *s)
{
	return (struct json){.sink = s};
}

/* ---- text ------------------------------------------------------------------------------------------------- */

static void put_u(struct sink *s, uint32_t c)
{
	static const char digits[] = "0123456789abcdef";
	char buf[6] = {'\\',          'u', digits[c >> 12 & 15], digits[c >> 8 & 15], digits[c >> 4 & 15],
		       digits[c & 15]};

	sink_put(s, buf, sizeof buf);
}

static void put_char(struct sink *s, uint32_t c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c && c < 0x80 ? strchr(from, (int)c) : NULL;

	if (at) {
		sink_char(s, '\\');
		sink_char(s, to[at - from]);
	} else {
		put_u(s, c);
	}
}

static bool is_plain(uint32_t c)
{
	return c >= 0x20 && c != '"' && c != '\\' && (c < 0x7f || c >= 0xa0) && !utf8_is_hidden(c);
}

static void put_text(struct sink *s, const char *text, size_t n)
{
	size_t plain = 0; /* bytes at text that can be written as they are */

	sink_char(s, '"');
	while (plain < n) {
		uint32_t c = 0xfffd;
		size_t len = utf8_decode(text + plain, n - plain, &c);

		if (len && is_plain(c)) {
			plain += len;
			continue;
		}
		sink_put(s, text, plain);
		put_char(s, c);
		text += plain + (len ? len : 1);
		n -= plain + (len ? len : 1);
		plain = 0;
	}
	sink_put(s, text, plain);
	sink_char(s, '"');
}

/* ---- structure --------------------------------------------------------------------------------------------- */

static void put_line(struct json *j)
{
	if (j->compact)
		return;
	sink_char(j->sink, '\n');
	for (int i = 0; i < j->depth; i++)
		sink_char(j->sink, '\t');
}

static uint64_t level(const struct json *j)
{
	return 1ULL << (j->depth < JSON_DEPTH ? j->depth : JSON_DEPTH - 1);
}

/* What stands before a value. */
static void put_key(struct json *j, const char *key)
{
	if (j->started & level(j))
		sink_char(j->sink, ',');
	j->started |= level(j);
	if (j->depth)
		put_line(j);
	if (!key || j->arrays & level(j))
		return;
	put_text(j->sink, key, strlen(key));
	sink_str(j->sink, j->compact ? ":" : ": ");
}

static void open_level(struct json *j, const char *key, bool is_array)
{
	put_key(j, key);
	sink_char(j->sink, is_array ? '[' : '{');
	j->depth++;
	j->started &= ~level(j);
	j->arrays = is_array ? j->arrays | level(j) : j->arrays & ~level(j);
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, true);
}

void json_end(struct json *j)
{
	bool is_array = j->arrays & level(j), started = j->started & level(j);

	j->depth--;
	if (started)
		put_line(j);
	sink_char(j->sink, is_array ? ']' : '}');
	if (!j->depth)
		sink_char(j->sink, '\n');
}

/* ---- values -------------------------------------------------------------------------------------------------- */

void json_strn(struct json *j, const char *key, const char *text, size_t n)
{
	put_key(j, key);
	put_text(j->sink, text, n);
}

void json_str(struct json *j, const char *key, const char *text)
{
	if (text)
		json_strn(j, key, text, strlen(text));
	else
		json_null(j, key);
}

void json_int(struct json *j, const char *key, int64_t n)
{
	put_key(j, key);
	sink_dec(j->sink, n);
}

void json_uint(struct json *j, const char *key, uint64_t n)
{
	put_key(j, key);
	sink_udec(j->sink, n);
}

void json_hex(struct json *j, const char *key, uint64_t n)
{
	put_key(j, key);
	sink_char(j->sink, '"');
	sink_hex(j->sink, n);
	sink_char(j->sink, '"');
}

void json_bool(struct json *j, const char *key, bool yes)
{
	put_key(j, key);
	sink_str(j->sink, yes ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	put_key(j, key);
	sink_str(j->sink, "null");
}

void json_double(struct json *j, const char *key, double x)
{
	if (!isfinite(x)) {
		json_null(j, key);
		return;
	}
	put_key(j, key);
	sink_printf(j->sink, "%.6g", x);
}
