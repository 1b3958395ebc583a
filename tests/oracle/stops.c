/* SPDX-License-Identifier: MIT */
/*
 * What: runs a program and lets a command look at it each time it has stopped:
 *
 *	stops [-m MAX] [-p PRELOAD] COMMAND PROGRAM [ARGS...]
 *
 * runs COMMAND PID N at the program's Nth stop, then lets it go on; after MAX stops (10) it is killed.  What
 * stops it is stop_hook.c (or a raise(SIGSTOP) of its own).  Exits with 0 if it stopped at least once and the
 * command always succeeded.
 *
 * Invariants: leaves nothing behind: the program is killed when it is done, or when this process ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(const char *preload, char **argv)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static int look(const char *command, pid_t pid, unsigned n)
{
	char id[16], number[16];
	pid_t child;
	int status;

	snprintf(id, sizeof id, "%d", (int)pid);
	snprintf(number, sizeof number, "%u", n);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp(command, command, id, number, (char *)NULL);
		perror(command);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int main(int argc, char **argv)
{
	const char *preload = NULL;
	unsigned max = 10, n = 0;
	int opt, status, bad = 0;
	pid_t pid;

	while ((opt = getopt(argc, argv, "+m:p:")) != -1) {
		if (opt == 'm')
			max = (unsigned)atoi(optarg);
		else if (opt == 'p')
			preload = optarg;
		else
			return 64;
	}
	if (argc - optind < 2)
		return 64;
	pid = start(preload, argv + optind + 1);
	while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
		n++;
		bad |= look(argv[optind], pid, n);
		kill(pid, n >= max ? SIGKILL : SIGCONT);
	}
	if (n == 0)
		fprintf(stderr, "%s did not stop (status %#x)\n", argv[optind + 1], (unsigned)status);
	return n == 0 || bad;
}
