/* SPDX-License-Identifier: MIT */
/*
 * What: raw printing; print.h says what for.
 *
 * How: system calls are made directly, because libc's wrappers set errno and are cancellation points, and
 * a dump must do neither.  Rejected: O_NONBLOCK on the descriptor (it belongs to every process that shares
 * the file), a helper thread (may not be created in a handler).
 *
 * Invariants: nothing here allocates, locks or touches errno.
 * Context: any.
 */
#include "sys/print.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static long sys3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return ret;
}

int64_t gori_print_now(void)
{
	struct timespec ts = {0, 0};

	sys3(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&ts, 0);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* Waits until fd takes PIPE_BUF bytes without blocking. */
static int wait_writable(int fd, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {fd, POLLOUT, 0};
		int64_t left = deadline ? deadline - gori_print_now() : 0;
		long n;

		if (deadline && left <= 0)
			return -ETIMEDOUT;
		n = sys3(SYS_poll, (long)&p, 1, deadline ? (long)(left / 1000000 + 1) : -1);
		if (n > 0)
			return 0; /* or an error that the write will tell */
		if (n < 0 && n != -EINTR && n != -EAGAIN)
			return (int)n;
	}
}

/* Regular files never wait for a reader, and gain from large writes. */
static bool is_plain_file(int fd)
{
	struct stat st;

	return sys3(SYS_fstat, fd, (long)&st, 0) == 0 && S_ISREG(st.st_mode);
}

int gori_print_write(int fd, const void *p, size_t n, int64_t deadline, uint64_t *ret_written)
{
	const char *from = p;
	bool plain = is_plain_file(fd);

	while (n) {
		size_t piece = plain || n < PIPE_BUF ? n : PIPE_BUF;
		long done;
		int err = plain ? 0 : wait_writable(fd, deadline);

		if (err)
			return err;
		done = sys3(SYS_write, fd, (long)from, (long)piece);
		if (done == -EINTR || done == -EAGAIN) {
			if (deadline && gori_print_now() > deadline)
				return -ETIMEDOUT;
			continue;
		}
		if (done <= 0)
			return done ? (int)done : -ENOSPC;
		*ret_written += (uint64_t)done;
		from += done;
		n -= (size_t)done;
	}
	return 0;
}

void gori_print_stderr(const char *text)
{
	uint64_t written = 0;
	size_t n = 0;

	while (text[n])
		n++;
	gori_print_write(2, text, n, gori_print_now() + 1000000000, &written);
}

/* ---- buffered output ---------------------------------------------------------------------------------- */

void gori_print_init(struct gori_print *out, int fd, char *buf, size_t cap, int64_t deadline)
{
	*out = (struct gori_print){.buf = buf, .cap = cap, .fd = fd, .deadline = deadline};
}

int gori_print_flush(struct gori_print *out)
{
	if (!out->err && out->len && out->fd >= 0 && !out->drain)
		out->err = gori_print_write(out->fd, out->buf, out->len, out->deadline, &out->written);
	if (!out->drain || out->err)
		out->len = 0;
	return out->err;
}

/* Room for at least one byte; false if the text has to be dropped. */
static bool make_room(struct gori_print *out)
{
	if (out->drain) {
		if (!out->err)
			out->err = out->drain(out);
		return !out->err && out->len < out->cap;
	}
	return gori_print_flush(out) == 0;
}

void gori_print_char(struct gori_print *out, char c)
{
	if (out->len == out->cap && !make_room(out))
		return;
	out->buf[out->len++] = c;
}

void gori_print_bytes(struct gori_print *out, const void *p, size_t n)
{
	const char *from = p;

	while (n) {
		size_t piece;

		if (out->len == out->cap && !make_room(out))
			return;
		piece = out->cap - out->len < n ? out->cap - out->len : n;
		for (size_t i = 0; i < piece; i++)
			out->buf[out->len + i] = from[i];
		out->len += piece;
		from += piece;
		n -= piece;
	}
}

void gori_print_text(struct gori_print *out, const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	gori_print_bytes(out, text, n);
}

void gori_print_foreign(struct gori_print *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		gori_print_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
}

void gori_print_udec(struct gori_print *out, uint64_t v)
{
	char text[20];
	size_t i = sizeof text;

	do
		text[--i] = (char)('0' + v % 10);
	while (v /= 10);
	gori_print_bytes(out, text + i, sizeof text - i);
}

void gori_print_dec(struct gori_print *out, int64_t v)
{
	if (v < 0)
		gori_print_char(out, '-');
	gori_print_udec(out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void gori_print_hex(struct gori_print *out, uint64_t v)
{
	char text[18];
	size_t i = sizeof text;

	do
		text[--i] = "0123456789abcdef"[v & 15];
	while (v >>= 4);
	text[--i] = 'x';
	text[--i] = '0';
	gori_print_bytes(out, text + i, sizeof text - i);
}
