/* SPDX-License-Identifier: MIT */
#ifndef BOUNDS_H
#define BOUNDS_H
/*
 * What: what reading files may cost: a file that is damaged, or made to do harm, ends the tool with a line and
 * status 1 before it takes all memory, or for ever.
 *
 * How: memory and processor time are looked at every 20 ms of the latter, in a signal handler, so that it does not
 * matter who takes them: this program, libdw, or the packer.  What is allowed grows with the size of what is read.
 *
 *		at least	more for each byte	at most
 *	memory	4 GiB		8 bytes			3/4 of the machine's
 *	time	2 min		0.6 us (10 min per GiB)
 *
 * --max-memory and --max-cpu set them; 0: no limit.  Memory is what the process has written to: files that libelf maps
 * do not count, nor do address ranges that a sanitizer keeps for itself.
 *
 * Rejected: RLIMIT_AS and RLIMIT_DATA, which make an allocation fail somewhere in a library that goes on with less and
 * says nothing of it; and RLIMIT_CPU, which counts seconds and kills.  A process for the work, which would
 * have to be told of terminals, signals and half-written files, and would be no safer.
 *
 * Not for processes: while one is stopped, or when it dies, there is a deadline for that already, and the report about a
 * large one is worth any memory.  Nor for time spent waiting, on a pipe or a disk.
 *
 * Invariants: the handler calls nothing that is not async-signal-safe; what it says was put into words before.
 */
#include <argp.h>
#include <stddef.h>

extern const struct argp bounds_argp; /* a child parser; it has no input, for limits are the process's */

/* This file is about to be read: limits begin with the first one.  NULL: standard input. */
void bounds_read(const char *path);

/* So many bytes of a stream were read. */
void bounds_fed(size_t n);

/* A process is read from here on: no limits any more, also for files that are read with it. */
void bounds_lift(void);

/* What goes on, for the line: "looking for leaks". */
void bounds_doing(const char *what);

/* A file that is being written, and taken away if this ends here; NULL: no more. */
void bounds_output(const char *path);

#endif
