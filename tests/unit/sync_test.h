/* SPDX-License-Identifier: MIT */
#ifndef SYNC_TEST_H
#define SYNC_TEST_H
/*
 * What: what the tests of runtime/sync share: running a test with one and with several Ps, waiting until
 * all goroutines wait, and expecting a call to end the process.
 *
 * How: a test is registered with ADD and gets the number of Ps as _i.  A deadly call is made in a process of
 * its own whose stderr is read back.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon.h>

#include "abi/abi.h"
#include "abi/sync_abi.h"

#define UNUSED __attribute__((unused))

/* Registers a test to be run with one, two and three Ps. */
#define ADD(tc, test) tcase_add_loop_test(tc, test, 1, 4)

/* The first line of a test registered with ADD. */
#define WITH_PROCS() gor_maxprocs(_i)

/* Waits until every other goroutine is parked. */
static UNUSED void settle(void)
{
	ck_assert_msg(gor_settle(20 * GOR_SECOND), "the other goroutines did not come to rest");
}

/* Runs fn in a process of its own; it must end with status 2 after saying `text` on stderr. */
static UNUSED void expect_death(void (*fn)(void), const char *text)
{
	char said[65536];
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		alarm(30);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (n < sizeof said - 1 && (got = read(fd[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	close(fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "wait status %#x, said: %s",
		      (unsigned)status, said);
	ck_assert_msg(strstr(said, text) != NULL, "expected \"%s\", got: %s", text, said);
}

/* Runs the suite; the tests are run in processes of their own unless CK_FORK=no. */
static UNUSED int run_suite(const char *name, void (*add_tests)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
