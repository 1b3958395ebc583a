/* SPDX-License-Identifier: MIT */
#ifndef GORGON_LEAK_H
#define GORGON_LEAK_H
/*
 * What: the search for goroutines that are blocked for ever, asked for by the program itself.
 *
 * A goroutine is leaked if nothing that can still run reaches what it waits on, and deadlocked if the lock it waits
 * for belongs to goroutines that will never release it.  Both are proofs: what cannot be seen counts as reachable.
 * Semantics: gorgon(7), "Leaks".
 */
#include <stddef.h>

#include <gorgon/base.h>

GOR_BEGIN_DECLS

/*
 * Counts the goroutines that are leaked or deadlocked, the caller never among them, and reports them, and those that
 * are merely stuck, to fd; fd -1: no report.  flags: 0.
 *
 * The gorgon tool does the work, from outside: the process is paused while its memory is copied, and goes on while
 * that is looked at; the calling thread waits.  Any thread may call it, but not a signal handler.
 * Returns the number; -ENOENT if there is no gorgon tool or it failed, -EBUSY if the program is dying, or the negative
 * errno of the first write to fd that failed.
 */
GOR_API int gor_leaks(int fd, int flags);

/*
 * The n bytes at p hold pointers that the search would not see otherwise (it sees globals, thread-local variables,
 * stacks, malloc's blocks and mapped memory).  What they lead to at the time of a search is reachable.  n 0: these
 * bytes are a root no more.  The memory stays the caller's, and readable while it is a root.
 * Panics if there is no memory to remember it.
 */
GOR_API void gor_leak_root(const void *p, size_t n);

/* The calling goroutine is never a leak, however long it waits: a daemon. */
GOR_API void gor_leak_ignore(void);

GOR_END_DECLS
#endif
