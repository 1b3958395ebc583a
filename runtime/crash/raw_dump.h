/* SPDX-License-Identifier: MIT */
#ifndef RAW_DUMP_H
#define RAW_DUMP_H
/*
 * What: a report of a program that goes on.
 *
 * How: raw_dump.c.
 */
#include <gorgon/dump.h>

#include "crash/raw_snap.h"

/* gor_dump, for a goroutine or thread with these registers.  Context: SIG or any. */
int raw_dump(int fd, int flags, const struct raw_culprit *who);

/* gor_leaks, likewise; flags: enum gori_leaks_flags.  Context: SIG or any. */
int raw_leaks(int fd, int flags, const struct raw_culprit *who, uint32_t *ret_count);

/* The same for the calling thread.  Context: any thread, outside the runtime. */
int raw_leaks_asked(int fd, int flags, uint32_t *ret_count);

#endif
