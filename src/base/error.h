/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
/*
 * What: why something did not work: a number for the program, a sentence for the person.
 *
 * How: functions that can fail return 0 or a negative errno and fill the struct error they were given, which
 * may be NULL.  The sentence says which file or process, what is wrong, and what to do about it, without a
 * trailing newline.  The library prints nothing itself.
 */

struct error {
	int code; /* negative errno; 0: none */
	char text[512];
};

/* Returns code. */
int error_set(struct error *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with strerror of the code behind ": ". */
int error_sys(struct error *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "TEXT: " in front of what is there. */
int error_prefix(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
