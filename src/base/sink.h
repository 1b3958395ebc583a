/* SPDX-License-Identifier: MIT */
#ifndef BASE_SINK_H
#define BASE_SINK_H
/*
 * What: where output goes: a descriptor, or memory.
 *
 * How: a buffer that is flushed when it is full.  The first error sticks: everything after it is dropped, and
 * sink_finish reports it.  Numbers and text are put without printf, because a dump of 100,000 goroutines is
 * mostly this.
 *
 * Invariants: nothing read from the target reaches the sink but through sink_clean: no escape sequence of a
 * crashed program may reach a terminal.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

struct sink {
	char *buf;
	size_t len, cap;
	int fd;           /* -1: memory, which grows */
	int err;          /* first error: negative errno */
	uint64_t written; /* bytes that left the buffer */
	bool color;       /* emitters may use colours */
};

void sink_init_fd(struct sink *s, int fd);
void sink_init_memory(struct sink *s);

/* Flushes; the first error there was, with a sentence.  `what` names the output in it. */
int sink_finish(struct sink *s, const char *what, struct error *e);
void sink_deinit(struct sink *s);

/* The bytes so far of a memory sink, ended by a zero byte that is not counted. */
const char *sink_text(struct sink *s);

void sink_flush(struct sink *s);
void sink_reserve(struct sink *s, size_t n); /* room for n bytes */

static inline void sink_put(struct sink *s, const char *p, size_t n)
{
	if (__builtin_expect(n > s->cap - s->len, 0))
		sink_reserve(s, n);
	memcpy(s->buf + s->len, p, n);
	s->len += n;
}

static inline void sink_str(struct sink *s, const char *text)
{
	sink_put(s, text, strlen(text));
}

static inline void sink_char(struct sink *s, char c)
{
	sink_put(s, &c, 1);
}

void sink_dec(struct sink *s, int64_t n);
void sink_udec(struct sink *s, uint64_t n);
void sink_hex(struct sink *s, uint64_t n); /* with 0x */
void sink_printf(struct sink *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Text from the target: what is not printable comes out as \n \t \x1b and so on; bytes of valid UTF-8 stay.
 * quote: this character and the backslash are escaped too; 0: none. */
void sink_clean(struct sink *s, const char *p, size_t n, char quote);

#endif
