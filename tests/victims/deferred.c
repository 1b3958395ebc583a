/* SPDX-License-Identifier: MIT */
/*
 * A panic in a function that was deferred, while another panic is on its way: every frame of both is there, with
 * arguments.
 *
 * variant: -O1
 * variant: -O3
 */
#include "victim.h"

/* expect: panic: cannot read config */
/* expect: 	panic: cannot close 7 */

/* expect: close_file(fd=7, why="deferred") */
static NOINLINE void close_file(int fd, const char *why)
{
	panic("cannot close %d", fd);
	KEEP(fd);
	KEEP(why);
}

/* expect: read_config(path="config", fd=7) */
static NOINLINE void read_config(const char *path, int fd)
{
	defer(close_file, fd, "deferred");
	if (path)
		panic("cannot read %s", path);
	KEEP(path);
	KEEP(fd);
}

/* expect: load(name="config", retries=3) */
static NOINLINE void load(const char *name, long retries)
{
	read_config(name, number(7));
	KEEP(name);
	KEEP(retries);
}

int main(void)
{
	load("config", number(3));
}
