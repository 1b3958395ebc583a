/* SPDX-License-Identifier: MIT */
#ifndef RAW_REPORT_H
#define RAW_REPORT_H
/*
 * What: the text of a dump: every goroutine, in the grammar of Go's tracebacks.
 *
 * How: raw_report.c.  Context: any.
 */
#include "crash/raw_snap.h"
#include "sys/options.h"
#include "sys/print.h"

extern const char *const gori_wait_texts[]; /* of GORI_WAIT_REASONS, GORI_NWAIT of them */

struct raw_report {
	struct raw_reader *reader;
	struct gori_print *out;
	enum gori_traceback level;
	int64_t now; /* monotonic ns, for waiting times */
	uint64_t shown, total;
};

/*
 * Prints the culprit, then (as level says) the other goroutines, each after a blank line.  Stops with a line
 * that says so when out->deadline has passed.
 */
void raw_report_all(struct raw_report *rep);

/* The same in two halves: while the threads are stopped, into memory; and afterwards.  _capture returns
 * false where memory was short: the rest is missing then. */
bool raw_report_capture(struct raw_report *rep);
void raw_report_print_captured(struct raw_report *rep);

/* "rax    0x0" and so on, after a blank line. */
void raw_report_registers(struct gori_print *out, const uint64_t regs[RAW_NREGS]);

/* The modules that the frames were in, with their places: for decoding pcs later. */
void raw_report_modules(struct raw_report *rep);

#endif
