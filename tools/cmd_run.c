/* SPDX-License-Identifier: MIT */
/*
 * What: gorgon run PROG: runs a program with the crash handlers and the search for leaks in it, without a rebuild.
 *
 * How: libgorgon-preload.so, and with --registry libgorgon-malloc.so, is put into LD_PRELOAD and what the command line says into GORGON_OPTIONS; then the
 * program is a child that gets our signals and whose end is ours: the same exit status, or the same signal.  With
 * --timeout, a program that takes longer has its stacks shown and is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analyse/leaks.h"
#include "ending.h"
#include "tool.h"

enum {
	EXIT_TIMEOUT = 124, /* as timeout(1) has it; the next two as the shell */
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
	OPT_LEAKS = 512,
	OPT_REPORT,
	OPT_JUNIT,
	OPT_SARIF,
	OPT_JSON,
	OPT_HTML,
	OPT_SUPPRESSIONS,
	OPT_BASELINE,
	OPT_FAIL_ON,
	OPT_TIMEOUT,
	OPT_STUCK,
	OPT_EXITCODE,
	OPT_RUN_ARGS,
	OPT_REGISTRY,
};

struct run {
	char options[8192]; /* GORGON_OPTIONS */
	int64_t timeout_ns; /* 0: none */
	bool registry;      /* blocks are to be registered */
	char **argv;        /* the program's */
	struct ending_files files;
};

static const struct argp_option options[] = {
	{"leaks", OPT_LEAKS, "HOW", 0,
	 "off, warn, or fail: goroutines that are blocked for ever make the status 23 (fail)", 0},
	{"exitcode", OPT_EXITCODE, "N", 0, "the status for leaks (23)", 0},
	{"stuck", OPT_STUCK, "DURATION", 0,
	 "who waits for longer on something reachable is listed as stuck (1m)", 0},
	{"suppressions", OPT_SUPPRESSIONS, "FILE", 0, "leaks that are no news", 0},
	{"baseline", OPT_BASELINE, "FILE", 0, "leaks that were there before are listed, and do not count", 0},
	{"fail-on", OPT_FAIL_ON, "LIST", 0,
	 "what counts: leaked,deadlocked (the default), stuck, lingering; or none", 0},
	{"report", OPT_REPORT, "FILE", 0,
	 "the leak report; in names of files, %p is the number of the process", 0},
	{"junit", OPT_JUNIT, "FILE", 0, "leaks as JUnit XML", 0},
	{"sarif", OPT_SARIF, "FILE", 0, "leaks as SARIF 2.1.0", 0},
	{"json", OPT_JSON, "FILE", 0, "leaks as JSON", 0},
	{"html", OPT_HTML, "FILE", 0, "all goroutines at the end, or at its crash, as a page for a browser",
	 0},
	{"registry", OPT_REGISTRY, NULL, 0,
	 "register the heap's blocks, for programs whose malloc is not glibc's", 0},
	{"args", OPT_RUN_ARGS, "STYLE", 0, "how arguments are shown: typed, go, words, none", 0},
	{"timeout", OPT_TIMEOUT, "DURATION", 0,
	 "show the program's stacks and kill it after this long (10s, 5m)", 0},
	{0},
};

/* ---- options ------------------------------------------------------------------------------------------------------ */

/* KEY="VALUE": a value may hold colons. */
static void add_option(struct argp_state *state, struct run *r, const char *key, const char *value)
{
	size_t n = strlen(r->options);

	if (strchr(value, '"') || n + strlen(key) + strlen(value) + 8 > sizeof r->options)
		argp_error(state, "%s cannot be passed on: `%s`", key, value);
	snprintf(r->options + n, sizeof r->options - n, "%s%s=\"%s\"", n ? ":" : "", key, value);
}

/* The program may change its folder before it ends. */
static void add_path(struct argp_state *state, struct run *r, const char *key, const char *path)
{
	char cwd[PATH_MAX], full[2 * PATH_MAX];

	if (path[0] == '/' || !getcwd(cwd, sizeof cwd)) {
		add_option(state, r, key, path);
		return;
	}
	snprintf(full, sizeof full, "%s/%s", cwd, path);
	add_option(state, r, key, full);
}

/* A file that the program, or else we, shall write. */
static void add_file(struct argp_state *state, struct run *r, int which, const char *key, const char *path)
{
	if (strcmp(path, "-") == 0)
		argp_error(state, "--%s: standard output is the program's; name a file", key);
	r->files.items[which].path = path;
	add_path(state, r, key, path);
}

static void add_verdicts(struct argp_state *state, struct run *r, const char *arg)
{
	struct error e;
	unsigned bits;

	if (leaks_parse_verdicts(arg, &bits, &e) != 0)
		argp_error(state, "--fail-on: %s", e.text);
	add_option(state, r, "fail_on", arg);
}

static int64_t duration(struct argp_state *state, const char *arg)
{
	int64_t ns;

	if (tool_duration(arg, &ns) != 0 || ns == 0)
		argp_error(state, "`%s` is no duration; 500ms, 10s, 5m and 1h are", arg);
	return ns;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run *r = state->input;

	switch (key) {
	case OPT_LEAKS:
		if (strcmp(arg, "off") != 0 && strcmp(arg, "warn") != 0 && strcmp(arg, "fail") != 0)
			argp_error(state, "--leaks is off, warn or fail, not `%s`", arg);
		return add_option(state, r, "leaks", arg), 0;
	case OPT_EXITCODE:
		return add_option(state, r, "exitcode", arg), 0;
	case OPT_STUCK:
		duration(state, arg);
		return add_option(state, r, "stuck", arg), 0;
	case OPT_RUN_ARGS:
		return add_option(state, r, "args", arg), 0;
	case OPT_REGISTRY:
		return r->registry = true, 0;
	case OPT_SUPPRESSIONS:
		return add_path(state, r, "suppressions", arg), 0;
	case OPT_BASELINE:
		return add_path(state, r, "baseline", arg), 0;
	case OPT_FAIL_ON:
		return add_verdicts(state, r, arg), 0;
	case OPT_REPORT:
		return add_file(state, r, ENDING_REPORT, "report", arg), 0;
	case OPT_JUNIT:
		return add_file(state, r, ENDING_JUNIT, "junit", arg), 0;
	case OPT_SARIF:
		return add_file(state, r, ENDING_SARIF, "sarif", arg), 0;
	case OPT_JSON:
		return add_file(state, r, ENDING_JSON, "json", arg), 0;
	case OPT_HTML:
		return add_file(state, r, ENDING_HTML, "html", arg), 0;
	case OPT_TIMEOUT:
		return r->timeout_ns = duration(state, arg), 0;
	case ARGP_KEY_INIT:
		return add_option(state, r, "leaks", "fail"), 0;
	case ARGP_KEY_ARG:
		r->argv = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program?");
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- the environment ------------------------------------------------------------------------------------------------ */

static bool is_readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* Installed: where configure said.  In a build folder: beside the tool.  Moved: ../lib of the tool. */
static int find_library(const char *name, char *ret, size_t n, struct error *e)
{
	static const char *const beside[] = {"/.libs", "/../.libs", "", "/../lib",
					     "/../lib/x86_64-linux-gnu"};
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
			snprintf(ret, n, "%s%s/%s", self, beside[i], name);
			if (is_readable(ret))
				return 0;
		}
	}
	snprintf(ret, n, "%s/%s", GORGON_LIBDIR, name);
	if (is_readable(ret))
		return 0;
	return error_set(e, -ENOENT,
			 "%s was not found, neither beside this tool nor in " GORGON_LIBDIR
			 ": install Gorgon, or set LD_PRELOAD yourself",
			 name);
}

/* GORGON_OPTIONS has registry=1 or registry=0, which counts more than the command line; -1: neither. */
static int registry_of(const char *text)
{
	int found = -1;

	for (; text && *text; text = strchr(text, ':') ? strchr(text, ':') + 1 : "")
		if (strncmp(text, "registry=", 9) == 0 && (text[9] == '0' || text[9] == '1'))
			found = text[9] - '0';
	return found;
}

/* What the user has set comes last, and so counts. */
static int set_environment(const struct run *r, struct error *e)
{
	const char *old_preload = getenv("LD_PRELOAD"), *old_options = getenv("GORGON_OPTIONS");
	char preload[PATH_MAX + 64], registry[PATH_MAX + 64] = "", self[PATH_MAX], *text;
	bool registers = registry_of(old_options) < 0 ? r->registry : registry_of(old_options);
	int err = find_library("libgorgon-preload.so", preload, sizeof preload, e);
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	struct arena a = {0};

	if (!err && registers)
		err = find_library("libgorgon-malloc.so", registry, sizeof registry, e);
	if (!err && strpbrk(preload, " :"))
		err = error_set(e, -EINVAL,
				"%s cannot be preloaded, since a blank or a colon ends a name in LD_PRELOAD: "
				"install Gorgon in another folder",
				preload);
	if (err)
		return err;
	self[len > 0 ? len : 0] = '\0';
	text = arena_printf(&a, "%s%s%s%s%s", preload, registers ? ":" : "", registry,
			    old_preload && *old_preload ? ":" : "", old_preload ? old_preload : "");
	setenv("LD_PRELOAD", text, 1);
	text = arena_printf(&a, "helper=\"%s\":%s%s%s", self, r->options, old_options ? ":" : "",
			    old_options ? old_options : "");
	setenv("GORGON_OPTIONS", text, 1);
	arena_deinit(&a);
	return 0;
}

/* ---- the child -------------------------------------------------------------------------------------------------------- */

static volatile pid_t child;

static void pass_on(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static void watch_signals(void)
{
	static const int sent[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT};
	struct sigaction act = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
		sigaction(sent[i], &act, NULL);
	/* The terminal sends these to both of us; the child decides. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

/* errno goes through the pipe, which closes by itself if the program begins. */
static _Noreturn void begin(const struct run *r, int fd)
{
	int err;

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	execvp(r->argv[0], r->argv);
	err = errno;
	if (write(fd, &err, sizeof err) != sizeof err)
		_exit(EXIT_CANNOT_RUN);
	_exit(EXIT_NOT_FOUND);
}

static int start(const struct run *r, struct error *e)
{
	int ends[2], err = 0;
	ssize_t n;

	if (pipe(ends) != 0)
		return error_sys(e, -errno, "no pipe");
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	child = fork();
	if (child == 0)
		begin(r, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_sys(e, -errno, "no process can be started");
	}
	do
		n = read(ends[0], &err, sizeof err);
	while (n < 0 && errno == EINTR);
	close(ends[0]);
	if (n != sizeof err)
		return 0;
	waitpid(child, NULL, 0);
	return error_sys(e, -err, "cannot run %s", r->argv[0]);
}

static void show_stacks(pid_t pid)
{
	struct report_options o = {.emit = {.threads = true}, .collect = {.threads = true, .args = true}};
	char what[24];
	struct session s;
	struct error e = {0};
	int err;

	snprintf(what, sizeof what, "%d", pid);
	err = session_open(&s, what, &o.core, &e);
	if (!err) {
		err = session_collect(&s, &o, &e);
		if (!err)
			err = report_write(&s.world, &o, STDERR_FILENO, &e);
		session_close(&s);
	}
	if (err)
		tool_fail(&e);
}

/* Waits; false: the time is up. */
static bool await(int64_t timeout_ns, int *ret_status)
{
	struct timespec left = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	sigset_t set, old;
	int64_t end = target_now() + timeout_ns;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (;;) {
		int64_t ns = end - target_now();

		if (waitpid(child, ret_status, timeout_ns ? WNOHANG : 0) == child)
			break;
		if (timeout_ns && ns <= 0)
			break;
		left = (struct timespec){ns / 1000000000, ns % 1000000000};
		if (timeout_ns)
			sigtimedwait(&set, NULL, &left);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return !timeout_ns || target_now() < end || waitpid(child, ret_status, WNOHANG) < 0;
}

/* Ends as the child did; its core, if any, is enough. */
static int end_like(int status)
{
	struct rlimit none = {0, 0};

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int write_files(struct run *r, struct ending ending)
{
	struct error e = {0};

	return ending_write(&r->files, child, r->argv[0], ending, &e) ? tool_fail(&e) : 0;
}

static int time_out(struct run *r)
{
	struct ending ending = {ENDING_TIMEOUT,
				arena_printf(&r->files.arena, "%s has taken longer than %.3g s", r->argv[0],
					     (double)r->timeout_ns / 1e9)};
	int status;

	fprintf(stderr, "gorgon: %s:\n\n", ending.text);
	show_stacks(child);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	write_files(r, ending);
	return EXIT_TIMEOUT;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[--] PROGRAM [ARGUMENTS]",
		"Run a program so that a crash shows all its goroutines and threads, and goroutines that "
		"are blocked for ever at its end are reported.\v"
		"The exit status is the program's; 23 if it is 0 and there are leaks; 124 after a "
		"timeout; 126 or 127 if it cannot be run.",
		NULL,
		NULL,
		NULL};
	struct run r = {0};
	struct error e = {0};
	int status, err;

	argv[0] = "gorgon run";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &r);
	err = set_environment(&r, &e);
	if (err)
		return tool_fail(&e);
	watch_signals();
	ending_watch(&r.files);
	err = start(&r, &e);
	if (err) {
		tool_fail(&e);
		write_files(&r, (struct ending){ENDING_NOT_STARTED, e.text});
		return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	if (!await(r.timeout_ns, &status))
		return time_out(&r);
	err = write_files(&r, ending_of(&r.files, status));
	return err && WIFEXITED(status) && !WEXITSTATUS(status) ? EXIT_BAD_INPUT : end_like(status);
}
