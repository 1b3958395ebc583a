/* SPDX-License-Identifier: MIT */
#ifndef GORI_PRINT_H
#define GORI_PRINT_H
/*
 * What: text output for code that may not use stdio: crash reports, fatal errors, warnings.
 *
 * How: a struct gori_print collects text in a buffer that the caller owns and hands it on, when the buffer is
 * full or at a flush, in as few writes as the descriptor allows.  A reader that has gone, a full disk, a
 * full pipe, a non-blocking descriptor and interrupted or short writes are dealt with below, once.
 *
 * Context: any, signal handlers too; errno is left alone.  A struct gori_print belongs to one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gori_print {
	char *buf;        /* the caller's */
	size_t len, cap;  /* bytes in use, and size */
	int fd;           /* where it goes; -1: nowhere */
	int err;          /* negative errno of the first write that failed; later text is dropped */
	int64_t deadline; /* monotonic ns after which writing is given up; 0: never */
	uint64_t written; /* bytes that the descriptor took */
	/* Instead of writing: makes room (len < cap) or returns a negative errno.  NULL: write to fd. */
	int (*drain)(struct gori_print *out);
};

/* Starts output to fd through buf; deadline as above. */
void gori_print_init(struct gori_print *out, int fd, char *buf, size_t cap, int64_t deadline);

void gori_print_char(struct gori_print *out, char c);
void gori_print_text(struct gori_print *out, const char *text);
void gori_print_bytes(struct gori_print *out, const void *p, size_t n);
void gori_print_dec(struct gori_print *out, int64_t v);
void gori_print_udec(struct gori_print *out, uint64_t v);
void gori_print_hex(struct gori_print *out, uint64_t v); /* 0x1f */

/* Text from outside (names in files, memory of the program): control characters become '?', so that no
 * escape sequence reaches a terminal.  Bytes of UTF-8 pass. */
void gori_print_foreign(struct gori_print *out, const char *p, size_t n);

/* Hands on what is buffered.  0, or the negative errno of the first failure. */
int gori_print_flush(struct gori_print *out);

/*
 * Writes all n bytes.  Pipes, sockets and terminals get pieces of at most PIPE_BUF bytes, each only after
 * poll has said that it fits: so a reader that sleeps cannot hold the writer past the deadline.  A text of up
 * to PIPE_BUF bytes is one write.  0, or a negative errno (-ETIMEDOUT at the deadline); *ret_written counts
 * what got out, also on failure.  SIGPIPE is the caller's affair: block it.
 */
int gori_print_write(int fd, const void *p, size_t n, int64_t deadline, uint64_t *ret_written);

/* One line or so to stderr, in one write where possible; failure is ignored. */
void gori_print_stderr(const char *text);

/* Monotonic ns, without libc. */
int64_t gori_print_now(void);

#endif
