/* SPDX-License-Identifier: MIT */
#ifndef SCHED_TEST_H
#define SCHED_TEST_H
/*
 * What: what the tests of the scheduler, of channels and of select share: running a test with several
 * numbers of Ps, waiting for conditions, expecting a program to end in a certain way, and finding a
 * goroutine's G.
 *
 * How: a test is registered with ADD and runs once for each number of Ps.  What must end the process runs in
 * a process of its own, a fork whose stderr is read back; what depends on the environment is a "program", a
 * function that the test's own executable runs when its name is the first argument.
 *
 * ck_assert writes to a file each time, so loops use REQUIRE.  Both work on any goroutine and thread.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon.h>

#include "abi/abi.h"
#include "sched/proc.h"
#include "sys/sanitize.h"

#define UNUSED __attribute__((unused))

/* ThreadSanitizer has room for 8,128 goroutines, and takes its time with each. */
#ifdef GORI_TSAN
#define FEWER(n) ((n) / 20)
#else
#define FEWER(n) (n)
#endif

static const int proc_counts[] UNUSED = {1, 2, 4};

/* Registers a test to be run with each number of Ps. */
#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, (int)(sizeof proc_counts / sizeof proc_counts[0]))
#define ADD_ONCE(tc, test) tcase_add_test(tc, test)

/* The first line of a test registered with ADD. */
#define WITH_PROCS() gor_maxprocs(proc_counts[_i])

static bool is_program UNUSED; /* this process is a program: it has no test to fail */

static UNUSED _Noreturn void fail_test(const char *file, int line, const char *why)
{
	if (!is_program)
		_ck_assert_failed(file, line, "", "%s", why);
	fprintf(stderr, "%s:%d: %s\n", file, line, why);
	_exit(3);
}

#define REQUIRE(cond)                                                                                        \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			fail_test(__FILE__, __LINE__, "not true: " #cond);                                   \
	} while (0)

/* For conditions that other threads or goroutines make true; generous, because machines are slow. */
#define WAIT_UNTIL(cond)                                                                                     \
	do {                                                                                                 \
		int64_t end_ = gor_now() + 30 * GOR_SECOND;                                                  \
		while (!(cond)) {                                                                            \
			if (gor_now() > end_)                                                                \
				fail_test(__FILE__, __LINE__, "did not become true: " #cond);                \
			gor_sleep(GOR_MS / 5);                                                               \
		}                                                                                            \
	} while (0)

#define load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define increment(p) __atomic_add_fetch((p), 1, __ATOMIC_SEQ_CST)

/* Waits until every other goroutine is parked. */
static UNUSED void settle(void)
{
	if (!gor_settle(30 * GOR_SECOND))
		fail_test(__FILE__, __LINE__, "the other goroutines did not come to rest");
}

/* Goroutines say on such a channel that they are done. */
static UNUSED void await(chan(gor_unit) done, int n)
{
	for (int i = 0; i < n; i++)
		chan_recv(done, NULL);
}

static UNUSED void say_done(chan(gor_unit) done)
{
	chan_send(done, {0});
}

/* What the runtime knows of a channel. */
static UNUSED struct gor_chan *inside(void *chan)
{
	return chan;
}

static UNUSED bool nobody_waits(void *chan)
{
	struct gor_chan *c = chan;

	return !c->recvq.first && !c->recvq.last && !c->sendq.first && !c->sendq.last && !c->lock;
}

struct search {
	int64_t goid;
	struct gori_g *found;
};

static UNUSED bool has_goid(struct gori_g *g, void *arg)
{
	struct search *s = arg;

	if (g->goid == s->goid)
		s->found = g;
	return !s->found;
}

/* The goroutine with that number, NULL if it has ended. */
static UNUSED struct gori_g *find_g(int64_t goid)
{
	struct search s = {goid, NULL};

	gori_foreach_g(has_goid, &s);
	return s.found;
}

static UNUSED bool is_parked(int64_t goid, enum gori_wait reason, void *obj)
{
	struct gori_g *g = find_g(goid);

	return g && g->status == GORI_GWAITING && g->wait == reason && g->wait_obj == obj;
}

/* ---- how a process ends ------------------------------------------------------------------------------------ */

/* Reads what pid says on fd, waits for it, and compares. */
static UNUSED void expect_end(pid_t pid, int fd, int want, const char *text)
{
	static char said[65536];
	size_t n = 0;
	ssize_t got;
	int status;

	while (n < sizeof said - 1 && (got = read(fd, said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == want, "wait status %#x, said: %s",
		      (unsigned)status, said);
	ck_assert_msg(strstr(said, text) != NULL, "expected \"%s\", got: %s", text, said);
}

/* In the child: stderr goes to the pipe, and it does not live for ever. */
static UNUSED void be_child(const int fd[2])
{
	dup2(fd[1], STDERR_FILENO);
	close(fd[0]);
	close(fd[1]);
	alarm(15);
}

/* Runs fn in a process of its own, with as many Ps; it must end with that status after saying `text` on
 * stderr. */
static UNUSED void expect_exit(void (*fn)(void), int want, const char *text)
{
	int fd[2], procs = gor_maxprocs(0);
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		be_child(fd);
		gor_maxprocs(procs); /* a child begins with one */
		fn();
		_exit(0);
	}
	close(fd[1]);
	expect_end(pid, fd[0], want, text);
}

static UNUSED void expect_panic(void (*fn)(void), const char *text)
{
	expect_exit(fn, 2, text);
}

/* ---- programs: what depends on the environment ----------------------------------------------------------------- */

struct program {
	const char *name;
	int (*run)(void); /* returns the exit status */
};

/* Runs the program of that name in this executable with these options and Ps (NULL: unset). */
static UNUSED void expect_program(const char *name, const char *options, const char *procs, int want,
				  const char *text)
{
	int fd[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		be_child(fd);
		if (options)
			setenv("GORGON_OPTIONS", options, 1);
		if (procs)
			setenv("GOMAXPROCS", procs, 1);
		execl("/proc/self/exe", name, name, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	expect_end(pid, fd[0], want, text);
}

/* Runs the suite, or the program that argv[1] names; programs ends with a NULL name, or is NULL. */
static UNUSED int run_suite(int argc, char **argv, const char *name, void (*add_tests)(TCase *),
			    const struct program *programs)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	int failed;

	for (; argc > 1 && programs && programs->name; programs++)
		if (!strcmp(argv[1], programs->name)) {
			is_program = true;
			return programs->run();
		}
	tcase_set_timeout(tc, 20);
	add_tests(tc);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
