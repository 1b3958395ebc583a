/* SPDX-License-Identifier: MIT */
/*
 * What: the program's side of the search for leaks: asking for one, at any time or at the end, and telling it more.
 *
 * How: the search itself is the gorgon tool's (src/leak); it is started like the helper of a dump, and tells the
 * number that it has found through the status pipe.
 *
 * At the end of the program: the check is made by the exit handler that was registered first, so that it runs last,
 * when all others have cleaned up.
 *
 * The roots are an array that the tool finds through root.leak_roots: pairs of address and length, ended by an
 * address of 0.  It is replaced, never changed in place, so a reader of the stopped process sees one or the other.
 *
 * Context: G, outside the runtime; any thread.
 */
#include <gorgon/leak.h>
#include <gorgon/panic.h>
#include <gorgon/sched.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/death.h"
#include "crash/crash.h"
#include "crash/raw_dump.h"
#include "leaks/main_frame.h"
#include "sched/sched.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/options.h"

struct root {
	const void *p;
	size_t n;
};

static struct root *roots; /* NULL: none; atomic */
static uint32_t roots_lock;
static pid_t owner; /* the process that is to be checked at its end */

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static int check(int fd, int flags)
{
	uint32_t count = 0;
	int err, null = fd;

	if (fd < 0)
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return -errno;
	err = raw_leaks_asked(null, flags, &count);
	if (fd < 0)
		close(null);
	return err ? err : (int)count;
}

int gor_leaks(int fd, int flags)
{
	(void)flags;
	return check(fd, 0);
}

/* ---- telling ------------------------------------------------------------------------------------------------------ */

static size_t count_roots(const struct root *list)
{
	size_t n = 0;

	while (list && list[n].p)
		n++;
	return n;
}

/* The list with p taken out and, if n is not 0, put in; NULL: no memory. */
static struct root *changed(const struct root *old, const void *p, size_t n)
{
	size_t count = count_roots(old), k = 0;
	struct root *list = calloc(count + 2, sizeof *list);

	for (size_t i = 0; list && i < count; i++)
		if (old[i].p != p)
			list[k++] = old[i];
	if (list && n)
		list[k] = (struct root){p, n};
	return list;
}

void gor_leak_root(const void *p, size_t n)
{
	struct root *old, *list;

	if (!p)
		return;
	gori_lock(&roots_lock);
	old = roots;
	list = changed(old, p, n);
	if (list)
		gori_store_rel(&roots, list);
	gori_unlock(&roots_lock);
	if (!list)
		gor_panic("gor_leak_root: out of memory");
	free(old);
}

void gor_leak_ignore(void)
{
	struct gori_m *m = gori_enter();

	m->curg->flags |= GORI_G_LEAK_IGNORE;
	gori_exit();
}

/* ---- at the end ---------------------------------------------------------------------------------------------------- */

/* Somebody collects the files, and takes it for an error if they are not there.  The tool writes them. */
static bool wants_files(void)
{
	return gori_options.report[0] || gori_options.junit[0] || gori_options.sarif[0] ||
	       gori_options.json[0] || gori_options.html[0];
}

static void at_exit(int status, void *arg)
{
	int n;

	(void)arg;
	if (getpid() != owner || (gor_num_goroutine() < 2 && !wants_files()))
		return;
	fflush(NULL);
	n = check(STDERR_FILENO, GORI_LEAKS_AT_EXIT | (status & 0xff) << GORI_LEAKS_STATUS_SHIFT);
	if (n < 0)
		fprintf(stderr, "gorgon: leaks were not looked for: %s\n",
			n == -ENOENT ? "the gorgon tool is missing or has failed" : strerror(-n));
	if (n != 0 && status == 0 && gori_options.leaks == GORI_LEAKS_FAIL)
		_exit(gori_options.exitcode);
}

/* Context: while the library is loaded. */
void gori_leak_init(void)
{
	gori_table_add("root.leak_roots", (uintptr_t)&roots);
	owner = getpid();
	if (gori_options.leaks == GORI_LEAKS_OFF)
		return;
	on_exit(at_exit, NULL);
	gori_leak_keep_main_frame();
}
