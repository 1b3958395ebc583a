/* SPDX-License-Identifier: MIT */
/* What, how: base/sink.h. */
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/utf8.h"

enum { FD_BUFFER = 1 << 18, FIRST_MEMORY = 4096 };

void sink_init_fd(struct sink *s, int fd)
{
	memset(s, 0, sizeof *s);
	s->fd = fd;
	s->cap = FD_BUFFER;
	s->buf = base_malloc(s->cap);
}

void sink_init_memory(struct sink *s)
{
	memset(s, 0, sizeof *s);
	s->fd = -1;
	s->cap = FIRST_MEMORY;
	s->buf = base_malloc(s->cap);
}

void sink_deinit(struct sink *s)
{
	free(s->buf);
	memset(s, 0, sizeof *s);
	s->fd = -1;
}

static void write_all(struct sink *s, const char *p, size_t n)
{
	while (n > 0 && !s->err) {
		ssize_t done = write(s->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			s->err = -errno;
			return;
		}
		p += done;
		n -= (size_t)done;
		s->written += (size_t)done;
	}
}

void sink_flush(struct sink *s)
{
	if (s->fd < 0)
		return;
	write_all(s, s->buf, s->len);
	s->len = 0;
}

int sink_finish(struct sink *s, const char *what, struct error *e)
{
	sink_flush(s);
	return s->err ? error_sys(e, s->err, "cannot write %s", what) : 0;
}

const char *sink_text(struct sink *s)
{
	sink_reserve(s, 1);
	s->buf[s->len] = '\0';
	return s->buf;
}

void sink_reserve(struct sink *s, size_t n)
{
	if (n <= s->cap - s->len)
		return;
	sink_flush(s);
	while (n > s->cap - s->len) {
		s->cap *= 2;
		s->buf = base_realloc(s->buf, s->cap);
	}
}

void sink_udec(struct sink *s, uint64_t n)
{
	char buf[20], *p = buf + sizeof buf;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	sink_put(s, p, (size_t)(buf + sizeof buf - p));
}

void sink_dec(struct sink *s, int64_t n)
{
	if (n < 0)
		sink_char(s, '-');
	sink_udec(s, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void sink_hex(struct sink *s, uint64_t n)
{
	char buf[18], *p = buf + sizeof buf;

	do
		*--p = "0123456789abcdef"[n & 15];
	while ((n >>= 4) != 0);
	*--p = 'x';
	*--p = '0';
	sink_put(s, p, (size_t)(buf + sizeof buf - p));
}

void sink_printf(struct sink *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	sink_reserve(s, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	s->len += (size_t)n;
}

/* ---- text from the target ---------------------------------------------------------------------------------- */

/* Length of the valid UTF-8 sequence of more than one byte at p; 0 if there is none.  C1 controls are none, and
 * neither are the characters that change the direction of text. */
static size_t utf8_len(const char *p, size_t n)
{
	uint32_t c;
	size_t len = utf8_decode(p, n, &c);

	return len < 2 || c < 0xa0 || utf8_is_hidden(c) ? 0 : len;
}

static void put_escaped(struct sink *s, unsigned char c)
{
	static const char from[] = "\n\t\r", to[] = "ntr";
	const char *at = c ? strchr(from, c) : NULL;
	char buf[4] = {'\\', 'x', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};

	if (at) {
		buf[1] = to[at - from];
		sink_put(s, buf, 2);
	} else {
		sink_put(s, buf, 4);
	}
}

static bool is_plain(unsigned char c, unsigned char quote)
{
	return c >= 0x20 && c < 0x7f && !(quote && (c == quote || c == '\\'));
}

/* Whether all eight bytes are plain.  "No" may be wrong. */
static bool are_plain(uint64_t bytes, unsigned char quote)
{
	const uint64_t ones = 0x0101010101010101, highs = ones << 7;
	uint64_t q = bytes ^ ones * quote, b = bytes ^ ones * '\\';
	uint64_t odd = (bytes - ones * 0x20) | (bytes + ones) | bytes;

	if (quote)
		odd |= ((q - ones) & ~q) | ((b - ones) & ~b);
	return !(odd & highs);
}

/* How many bytes may be put as they are. */
static size_t plain_length(const char *p, size_t n, unsigned char quote)
{
	uint64_t bytes;
	size_t i = 0;

	for (; i + sizeof bytes <= n; i += sizeof bytes) {
		memcpy(&bytes, p + i, sizeof bytes);
		if (!are_plain(bytes, quote))
			break;
	}
	while (i < n && is_plain((unsigned char)p[i], quote))
		i++;
	return i;
}

void sink_clean(struct sink *s, const char *text, size_t n, char quote)
{
	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = (unsigned char)text[i];

		if ((len = plain_length(text + i, n - i, (unsigned char)quote)) != 0 ||
		    (len = utf8_len(text + i, n - i)) != 0) {
			sink_put(s, text + i, len);
			continue;
		}
		len = 1;
		if (quote && (c == (unsigned char)quote || c == '\\')) {
			sink_char(s, '\\');
			sink_char(s, (char)c);
		} else {
			put_escaped(s, c);
		}
	}
}
