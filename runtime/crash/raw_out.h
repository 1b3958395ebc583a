/* SPDX-License-Identifier: MIT */
#ifndef RAW_OUT_H
#define RAW_OUT_H
/*
 * What: where the message and the report of a death go: stderr, and a file if log_path is set.
 *
 * How: raw_out.c.  Context: SIG or any, on the thread that dies.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts anew: opens PATH.PID.  deadline: monotonic ns, of all writes. */
void raw_out_begin(int64_t deadline);

/* Part of the message: to stderr in one write, to the file, and into raw_death.  Failure is remembered. */
void raw_message(const char *text, size_t n);

/* The file, or -1. */
int raw_out_log(void);

/* Says on stderr where the report is. */
void raw_out_tell(void);

/* Has anybody been told anything? */
bool raw_out_has_message(void);

#endif
