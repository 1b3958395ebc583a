/* SPDX-License-Identifier: MIT */
#ifndef GORI_TYPES_PANIC_DECL_H
#define GORI_TYPES_PANIC_DECL_H
/*
 * What: the three ways in which a value operation can fail, as the panic module implements them.
 *
 * How: declared here a second time so that the values, a low layer, include nothing of the panic
 * module.  Rejected: a table of function pointers, which would have to be filled before the first
 * failure can happen.
 *
 * Context: goroutine; none of them returns.
 */

/* "panic: runtime error: ...": an index, a bound, a hash that cannot be. */
_Noreturn void gori_panic_runtime_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "panic: ...": the user's mistake, where Go's text has no "runtime error" in it. */
_Noreturn void gor_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "fatal error: ...": dumps everything and exits; cannot be recovered. */
_Noreturn void gor_fatal(const char *msg);

#endif
