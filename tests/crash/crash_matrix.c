/* SPDX-License-Identifier: MIT */
/*
 * What: runs a victim in every way of dying x place x condition that makes sense, and checks what it leaves:
 * exit status, the lines that the victim's source promises, the time it took, no process and no core.
 *
 *	crash_matrix victim.c BINARY...
 *
 * How: victim.c says what EXPECT, REJECT and STATUS lines mean.  Each run has its own process group, a copy
 * of the binary (some victims delete themselves), a pipe as stderr unless the condition is about stderr,
 * RLIMIT_CORE 0 and at most 20 seconds.  This program is the subreaper: whatever a victim leaves behind
 * becomes its child, and is found.
 *
 * $CRASH_MATRIX_HELPER is the gorgon tool that decodes the reports; without it they are raw.  Raw reports print the
 * arguments of all functions as (...), and that is how the expectations are written; decoded ones may have
 * anything between the parentheses.  EXRAW lines are EXPECT lines for raw reports only.
 *
 * Prints a table of times and as its last line "crash_matrix: N runs, M failed, K skipped".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, LINE = 512, MAX_RULES = 200, MAX_OUTPUT = 1 << 22, LIMIT_MS = 20000, QUICK_MS = 3000 };

struct rule {
	char what; /* E, R or S */
	char kind[160], place[96], condition[160], text[LINE];
};

static struct rule rules[MAX_RULES];
static int nrules;
static int nruns, nfailed, nskipped;
static char output[MAX_OUTPUT];
static size_t output_len;
static char scratch[64] = "/tmp/gorgon-crash-XXXXXX";

/* ---- what to run -------------------------------------------------------------------------------------------- */

static const struct {
	const char *kinds, *places, *conditions;
} plan[] = {
	{"segv-null segv-wild callnull bus fpe ill abrt overflow panic fatal", "main goroutine adopted",
	 "none"},
	{"segv-null segv-wild callnull bus fpe ill abrt", "thread", "none"},
	{"abrt-malloc", "main goroutine thread", "none"},
	{"quit fake", "main goroutine", "none"},
	{"segv-null ill", "main goroutine thread", "heap"},
	{"segv-null panic ill", "main goroutine", "deleted badsp"},
	{"ill", "main goroutine thread", "crash-in-dump loop-in-dump"},
	{"segv-null ill overflow", "main", "smallalt"},
	{"segv-null", "main goroutine thread", "before after chain"},
	{"segv-null ill panic", "parallel", "none"},
	{"segv-null ill panic overflow", "fork", "none"},
	{"segv-null ill panic", "main goroutine", "closed full full-nonblock devfull gone slow"},
	{"segv-null ill panic", "goroutine", "tb-none tb-single tb-system tb-crash"},
};

/* What the conditions that concern stderr and the environment add to the victim's own rules. */
static const char *const extra_rules[] = {
	"STATUS * * closed,devfull,gone,full,full-nonblock: 4",
	"STATUS * * tb-crash: sig6",
	"STATUS * * chain: 2",
	"EXPECT * * slow: ^goroutine 8 ",
	"REJECT * * tb-none: goroutine ",
	"REJECT * * tb-single: ^goroutine [0-9]+ .chan receive",
	"EXPECT * * tb-system,tb-crash: ^goroutine [0-9]+ gp=0x[0-9a-f]+ m=([0-9]+|nil) \\[",
	"EXPECT * * tb-system,tb-crash: ^gori_park\\(\\.\\.\\.\\)$",
	"EXPECT * * tb-system,tb-crash: \\+0x[0-9a-f]+ fp=0x[0-9a-f]+ sp=0x[0-9a-f]+ pc=0x[0-9a-f]+$",
	" EXPECT * * tb-system,tb-crash: ^modules:$",
};

/* ---- rules ---------------------------------------------------------------------------------------------------- */

static void add_rule(const char *line)
{
	static const char *const words[] = {"EXPECT ", "EXRAW ", "REJECT ", "STATUS "};
	const char *p = NULL, *end;
	struct rule *r = &rules[nrules];
	int n = 0;

	for (int i = 0; i < 4 && !p; i++)
		p = strstr(line, words[i]);
	if (p && !strncmp(p, "EXRAW ", 6)) {
		if (getenv("CRASH_MATRIX_HELPER"))
			return;
		p--; /* as long as the others */
	}
	if (!p || sscanf(p + 7, "%159s %95s %159[^:]: %n", r->kind, r->place, r->condition, &n) != 3 || !n ||
	    nrules == MAX_RULES - 1)
		return;
	r->what = *p == ' ' ? 'E' : *p;
	p += 7 + n;
	end = strstr(p, " */");
	snprintf(r->text, sizeof r->text, "%.*s", end ? (int)(end - p) : (int)strcspn(p, "\n"), p);
	nrules++;
}

static void read_rules(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[LINE];

	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof line, f))
		if (strstr(line, "/* EXPECT ") || strstr(line, "/* EXRAW ") || strstr(line, "/* REJECT ") ||
		    strstr(line, "/* STATUS "))
			add_rule(line);
	fclose(f);
	for (size_t i = 0; i < sizeof extra_rules / sizeof extra_rules[0]; i++)
		add_rule(extra_rules[i]);
}

/* Is `word` in a list with commas, or the list *? */
static bool in_list(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (!strcmp(list, "*"))
		return true;
	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

static bool matches(const char *pattern)
{
	const char *raw_args = getenv("CRASH_MATRIX_HELPER") ? strstr(pattern, "\\(\\.\\.\\.\\)$") : NULL;
	char decoded[512];
	regex_t re;
	bool found;

	snprintf(decoded, sizeof decoded, "%.*s( \\[guessed\\])?\\(.*\\)$",
		 raw_args ? (int)(raw_args - pattern) : 0, pattern);
	if (raw_args)
		pattern = decoded;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) != 0) {
		printf("bad expression: %s\n", pattern);
		return false;
	}
	found = regexec(&re, output, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

/* ---- one run ---------------------------------------------------------------------------------------------------- */

struct run {
	const char *binary, *kind, *place, *condition;
	pid_t pid;
	int err_fd, out_fd; /* our ends; -1: none */
	int status;
	double ms;
	bool timed_out;
	char complaint[LINE * 2];
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static bool is(const struct run *r, const char *condition)
{
	return !strcmp(r->condition, condition);
}

static void fill_pipe(int fd)
{
	char junk[4096];
	int flags = fcntl(fd, F_GETFL);

	memset(junk, '.', sizeof junk);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, junk, sizeof junk) > 0)
		continue;
	while (write(fd, junk, 1) > 0)
		continue;
	fcntl(fd, F_SETFL, flags);
}

/* In the child: stderr as the condition wants it. */
static void make_stderr(const struct run *r, int fds[2])
{
	if (is(r, "closed")) {
		close(STDERR_FILENO);
	} else if (is(r, "devfull")) {
		int fd = open("/dev/full", O_WRONLY);

		dup2(fd, STDERR_FILENO);
		close(fd);
	} else {
		dup2(fds[1], STDERR_FILENO);
	}
	close(fds[1]);
	if (is(r, "full-nonblock"))
		fcntl(STDERR_FILENO, F_SETFL, O_WRONLY | O_NONBLOCK);
}

static void set_environment(const struct run *r)
{
	struct rlimit no_core = {0, 0}, stack = {8 << 20, RLIM_INFINITY};
	const char *helper = getenv("CRASH_MATRIX_HELPER");
	bool short_time = is(r, "full") || is(r, "full-nonblock") || is(r, "loop-in-dump");
	char options[600];

	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_STACK, &stack);
	unsetenv("GOTRACEBACK");
	snprintf(options, sizeof options, "helper=%s%s", helper ? helper : "off",
		 short_time ? ":dump_timeout=1" : "");
	setenv("GORGON_OPTIONS", options, 1);
	if (!strncmp(r->condition, "tb-", 3))
		setenv("GOTRACEBACK", r->condition + 3, 1);
	if (is(r, "before"))
		setenv("VICTIM_HANDLER_BEFORE", "1", 1);
}

static bool copy_binary(const char *from, const char *to)
{
	char command[600];

	snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
	return system(command) == 0;
}

static void start(struct run *r)
{
	char copy[128];
	int err[2], out[2];

	snprintf(copy, sizeof copy, "%s/victim", scratch);
	if (pipe2(err, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || !copy_binary(r->binary, copy)) {
		perror("start");
		exit(1);
	}
	if (is(r, "full") || is(r, "full-nonblock"))
		fill_pipe(err[1]);
	r->pid = fork();
	if (r->pid == 0) {
		const char *condition = r->condition;

		setpgid(0, 0);
		dup2(out[1], STDOUT_FILENO);
		make_stderr(r, err);
		set_environment(r);
		if (is(r, "gone")) /* nobody has the other end */
			close(err[0]);
		execl(copy, copy, r->kind, r->place, condition, (char *)NULL);
		_exit(127);
	}
	close(err[1]);
	close(out[1]);
	r->err_fd = err[0];
	r->out_fd = out[0];
	if (is(r, "gone") || is(r, "closed") || is(r, "devfull")) {
		close(err[0]);
		r->err_fd = -1;
	}
}

/* Victims that die by a signal from outside say on stdout when they are ready for it. */
static void send_signal(struct run *r)
{
	char text[16];

	if (strcmp(r->kind, "quit") && strcmp(r->kind, "fake"))
		return;
	if (read(r->out_fd, text, sizeof text) > 0)
		kill(r->pid, r->kind[0] == 'q' ? SIGQUIT : SIGSEGV);
}

/* Reads stderr until it ends or the time is over.  A full pipe is never read. */
static void collect(struct run *r, double start_ms)
{
	bool read_it = r->err_fd >= 0 && !is(r, "full") && !is(r, "full-nonblock");

	output_len = 0;
	while (read_it && now_ms() - start_ms < LIMIT_MS) {
		struct pollfd p = {r->err_fd, POLLIN, 0};
		ssize_t n;

		if (is(r, "slow"))
			usleep(20000);
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = read(r->err_fd, output + output_len, is(r, "slow") ? 100 : MAX_OUTPUT - 1 - output_len);
		if (n <= 0)
			break;
		output_len += (size_t)n;
	}
	output[output_len] = '\0';
	for (size_t i = 0; i < output_len; i++)
		if (!output[i])
			output[i] = '?';
}

static void wait_for_end(struct run *r, double start_ms)
{
	while (waitpid(r->pid, &r->status, WNOHANG) == 0) {
		if (now_ms() - start_ms > LIMIT_MS) {
			r->timed_out = true;
			kill(-r->pid, SIGKILL);
			waitpid(r->pid, &r->status, 0);
			break;
		}
		usleep(200);
	}
	r->ms = now_ms() - start_ms;
}

/* Whatever the victim left became our child. */
static bool left_processes(void)
{
	bool left = false;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid == 0) {
			left = true;
			break;
		}
	}
	return left;
}

/* ---- judging -------------------------------------------------------------------------------------------------------- */

static void complain(struct run *r, const char *what, const char *detail)
{
	size_t n = strlen(r->complaint);

	snprintf(r->complaint + n, sizeof r->complaint - n, "\n    %s%s", what, detail);
}

static bool applies(const struct rule *rule, const struct run *r)
{
	return in_list(rule->kind, r->kind) && in_list(rule->place, r->place) &&
	       in_list(rule->condition, r->condition);
}

static void check_rules(struct run *r)
{
	bool silent = r->err_fd < 0 || is(r, "full") || is(r, "full-nonblock");
	bool brief = is(r, "tb-none") || is(r, "tb-single");
	const char *want = "2";
	char got[32];

	for (int i = 0; i < nrules; i++) {
		const struct rule *rule = &rules[i];

		if (!applies(rule, r))
			continue;
		if (rule->what == 'S')
			want = rule->text;
		else if (silent || is(r, "before") || is(r, "after"))
			continue;
		else if (rule->what == 'E' && !(brief && strstr(rule->text, "\\(\\.")) &&
			 !(is(r, "tb-none") && !strncmp(rule->text, "^goroutine", 10)) &&
			 !(is(r, "tb-none") && strstr(rule->text, "^rip")) && !matches(rule->text))
			complain(r, "missing: ", rule->text);
		else if (rule->what == 'R' && matches(rule->text))
			complain(r, "unwanted: ", rule->text);
	}
	if (WIFSIGNALED(r->status))
		snprintf(got, sizeof got, "sig%d", WTERMSIG(r->status));
	else
		snprintf(got, sizeof got, "%d", WEXITSTATUS(r->status));
	if (strcmp(got, want)) {
		complain(r, "exit status ", got);
		complain(r, "instead of  ", want);
	}
}

static void run_one(const char *binary, const char *kind, const char *place, const char *condition)
{
	struct run r = {.binary = binary, .kind = kind, .place = place, .condition = condition};
	double begin = now_ms();
	bool slow;

	start(&r);
	send_signal(&r);
	collect(&r, begin);
	wait_for_end(&r, begin);
	if (r.err_fd >= 0)
		close(r.err_fd);
	close(r.out_fd);
	if (WIFEXITED(r.status) && WEXITSTATUS(r.status) == SKIPPED) {
		nskipped++;
		printf("%-12s %-10s %-14s              skipped\n", kind, place, condition);
		return;
	}
	slow = is(&r, "slow");
	if (r.timed_out)
		complain(&r, "did not end", "");
	else if (r.ms > QUICK_MS && !slow)
		complain(&r, "took too long", "");
	if (left_processes())
		complain(&r, "left a process", "");
	check_rules(&r);
	nruns++;
	nfailed += r.complaint[0] != '\0';
	printf("%-12s %-10s %-14s %8.1f ms  %s%s\n", kind, place, condition, r.ms,
	       r.complaint[0] ? "FAIL" : "ok", r.complaint);
	if (r.complaint[0] && getenv("CRASH_MATRIX_VERBOSE"))
		printf("----\n%.6000s\n----\n", output);
	fflush(stdout);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

/* The next word of *p, copied; false at the end. */
static bool next_word(const char **p, char *ret)
{
	int n = 0;

	if (sscanf(*p, "%31s%n", ret, &n) != 1)
		return false;
	*p += n;
	return true;
}

static bool wanted(const char *kind, const char *place, const char *condition)
{
	const char *only = getenv("CRASH_MATRIX_ONLY"); /* "kind place condition", lists and * as in rules */
	char k[160], p[96], c[160];

	/* Trouble for a reader that sits in the process itself. */
	if (getenv("CRASH_MATRIX_HELPER") && !strcmp(condition, "crash-in-dump"))
		return false;
	return !only || sscanf(only, "%159s %95s %159s", k, p, c) != 3 ||
	       (in_list(k, kind) && in_list(p, place) && in_list(c, condition));
}

static void run_all(const char *binary)
{
	char kind[32], place[32], condition[32];

	printf("%s\n", binary);
	for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++)
		for (const char *c = plan[i].conditions; next_word(&c, condition);)
			for (const char *k = plan[i].kinds; next_word(&k, kind);)
				for (const char *p = plan[i].places; next_word(&p, place);)
					if (wanted(kind, place, condition))
						run_one(binary, kind, place, condition);
}

int main(int argc, char **argv)
{
	char command[128];

	if (argc < 3) {
		fprintf(stderr, "usage: crash_matrix victim.c BINARY...\n");
		return 64;
	}
	if (!mkdtemp(scratch)) {
		perror(scratch);
		return 1;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_DFL);
	read_rules(argv[1]);
	for (int i = 2; i < argc; i++)
		run_all(argv[i]);
	snprintf(command, sizeof command, "rm -rf '%s'", scratch);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", scratch);
	printf("crash_matrix: %d runs, %d failed, %d skipped\n", nruns, nfailed, nskipped);
	return nfailed ? EXIT_FAILURE : EXIT_SUCCESS;
}
