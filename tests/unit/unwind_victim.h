/* SPDX-License-Identifier: MIT */
#ifndef UNWIND_VICTIM_H
#define UNWIND_VICTIM_H
/*
 * What: starts unwind_victim.c, as several tests compile it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Starts DIR/NAME with DIR/plugin.so, and waits until all its threads are where they shall be. */
static inline pid_t unwind_victim_start(const char *dir, const char *name)
{
	char path[128], plugin[128], byte;
	int fds[2];
	pid_t pid;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(plugin, sizeof plugin, "%s/plugin.so", dir);
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		setenv("UNWIND_PLUGIN", plugin, 1);
		dup2(fds[1], 1);
		close(fds[0]);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

#endif
