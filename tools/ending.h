/* SPDX-License-Identifier: MIT */
#ifndef ENDING_H
#define ENDING_H
/*
 * What: the files that `gorgon run` was asked for are there at the end, whatever has become of the program.
 *
 * How: a program that dies, or is searched for leaks, has them written by its helper.  One that was killed, has not the
 * runtime in it, or cannot be run at all writes none; what was there before it began tells which are missing, and
 * those say how it ended, and nothing of leaks.
 */
#include <sys/types.h>
#include <time.h>

#include "leak_report.h"

enum { ENDING_REPORT, ENDING_JUNIT, ENDING_SARIF, ENDING_JSON, ENDING_HTML, ENDING_FILES };

struct ending_file {
	const char *path; /* as the user has it; NULL: none */
	bool was_there;   /* before the program, with this: */
	ino_t inode;
	struct timespec changed;
};

struct ending_files {
	struct ending_file items[ENDING_FILES];
	struct arena arena;
};

/* Before the program begins.  Names with %p in them are those of no file yet. */
void ending_watch(struct ending_files *f);

/* What waitpid has told, in words. */
struct ending ending_of(struct ending_files *f, int status);

/* Writes what is missing.  Ends the use of f. */
int ending_write(struct ending_files *f, int32_t pid, const char *program, struct ending ending,
		 struct error *e);

#endif
