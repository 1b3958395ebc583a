/* SPDX-License-Identifier: MIT */
#ifndef GORGON_DUMP_H
#define GORGON_DUMP_H
/*
 * What: a look at all goroutines of the running program, as text or kept in a file.
 */
#include <gorgon/base.h>

GOR_BEGIN_DECLS

enum gor_dump_flags {
	GOR_DUMP_ALL = 0,
	GOR_DUMP_SELF = 1,   /* only the calling goroutine */
	GOR_DUMP_SYSTEM = 2, /* frames and goroutines of the runtime too, with pc, sp and fp */
	GOR_DUMP_RAW = 4,    /* without the gorgon tool: quick, but arguments are not decoded */
};

/*
 * Writes the state and stack of every goroutine to fd, the caller's first, in the form of a Go traceback; the
 * program then goes on.  As runtime.Stack(buf, true).
 *
 * The gorgon tool reads the process and writes the text, with decoded arguments; where it cannot be started, and
 * with GOR_DUMP_RAW, the text is made here.  The environment variable GORGON_OPTIONS (gorgon(7)) says where
 * the tool is, and how long it may take.
 *
 * The threads of the runtime are stopped while the stacks are read, not while the text is made and written,
 * so a reader of fd may be a goroutine of the same program.  Threads that never used the runtime are stopped and
 * shown by the tool only.  A system call that one of the stopped threads was in may fail with EINTR, as after
 * any signal handler.
 *
 * Any thread may call it, but not a signal handler.  The call blocks the thread, not only the goroutine.
 * flags: enum gor_dump_flags.  Returns 0, or a negative errno of the first write that failed (-EPIPE raises no
 * signal), -EIO if the tool failed when it had begun to write, -ENOMEM if goroutines are missing for lack of
 * memory, -EBUSY if the program is dying already.
 */
GOR_API int gor_dump(int fd, int flags);

enum gor_snapshot_flags {
	GOR_SNAPSHOT_FULL = 1, /* all of memory, not only what reports and debuggers ask for */
	GOR_SNAPSHOT_ZSTD = 2, /* compressed; gdb has to be given the file unpacked */
};

/*
 * Keeps the state of the program in a new file, for later; the program then goes on.  The file is an ELF core in which
 * every goroutine is a thread, the caller the first: `gorgon stacks path` and the tool's other commands give the
 * report that the program would have given now, and debuggers list the goroutines.
 *
 * path must not exist; the file gets mode 0600, and its name when it is complete.  The gorgon tool writes it
 * (GORGON_OPTIONS, gorgon(7)).  The program is stopped until its memory is copied.
 *
 * Any thread may call it, but not a signal handler.  The call blocks the thread, not only the goroutine.
 * flags: enum gor_snapshot_flags.  Returns 0, or a negative errno: -EEXIST, -ENOSPC and the like as from creating and
 * writing a file, -ENOTSUP if the tool was built without zstd, -ENOSYS if there is no gorgon tool or it failed, -EBUSY if the program is
 * dying already.
 */
GOR_API int gor_snapshot(const char *path, int flags);

GOR_END_DECLS
#endif
