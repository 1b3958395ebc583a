/* SPDX-License-Identifier: MIT */
#ifndef BASE_FILE_H
#define BASE_FILE_H
/*
 * What: whole files: settings that are read, reports that are written.
 */
#include "base/error.h"
#include "base/sink.h"

/* All of a text file, ended by a zero byte; the caller frees it.  Fails if it is larger than 16 MiB or holds a zero
 * byte. */
int file_read(const char *path, char **ret, struct error *e);

/*
 * A file that is there whole or not at all: it is written under another name, and takes the place of what was there
 * when it is finished.  Nobody else may read it: reports hold what was in a program's memory.  A path that is there and
 * is no regular file (a pipe, /dev/stdout) is written directly; `-` is standard output.
 */
struct file {
	struct sink sink;
	char *path, *temporary; /* NULL: written directly */
	int fd;
};

int file_begin(struct file *f, const char *path, struct error *e);
int file_end(struct file *f, struct error *e);
void file_abandon(struct file *f); /* instead of file_end: nothing has happened */

#endif
