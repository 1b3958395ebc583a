/* SPDX-License-Identifier: MIT */
/* What: gorgon snapshot PID -o FILE: an ELF core in which every goroutine is a thread; the process goes on. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot.h"
#include "tool.h"

enum { OPT_FULL = 256, OPT_ZSTD };

struct options {
	struct snapshot_options how;
	struct writing writing;
};

/* ---- what gorgon core is told too -------------------------------------------------------------------------------- */

static const struct argp_option writing_args[] = {
	{"output", 'o', "FILE", 0, "write there; it must not exist", 0},
	{0},
};

static error_t parse_writing(int key, char *arg, struct argp_state *state)
{
	struct writing *w = state->input;

	switch (key) {
	case 'o':
		return w->output = arg, 0;
	case ARGP_KEY_ARG:
		if (w->what)
			argp_error(state, "one %s at a time", w->kinds);
		w->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which %s?", w->kinds);
		return 0;
	case ARGP_KEY_END:
		if (!w->output)
			argp_error(state, "where to?  -o FILE");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp writing_argp = {writing_args, parse_writing, NULL, NULL, NULL, NULL, NULL};

/* ---- gorgon snapshot ----------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
	{"full", OPT_FULL, NULL, 0, "all of its memory, not only what reports and debuggers need", 0},
	{"zstd", OPT_ZSTD, NULL, 0, "pack it; gorgon reads it so, debuggers need it unpacked (zstd -d)", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->writing;
		return 0;
	case OPT_FULL:
		return o->how.full = true, 0;
	case OPT_ZSTD:
		return o->how.packed = true, 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* On a terminal, ten times a second. */
static void show_progress(uint64_t done, uint64_t all, void *arg)
{
	static int64_t shown;
	int64_t now = target_now();

	(void)arg;
	if (done == all) {
		fputs("\r\033[K", stderr);
	} else if (now - shown > 100000000) {
		fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " MB", done >> 20, all >> 20);
		shown = now;
	}
}

/* Numbers that people read. */
static const char *size_text(uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double v = (double)n;
	unsigned i = 0;

	for (; v >= 10000 && i < 4; i++)
		v /= 1000;
	snprintf(buf, size, "%.0f %s", v, units[i]);
	return buf;
}

void snapshot_say(const char *path, const struct snapshot_stats *st)
{
	char size[32];

	fprintf(stderr, "%s: %zu goroutines, %zu threads, %s", path, st->goroutines, st->threads,
		size_text(st->size, size, sizeof size));
	if (st->paused_ns)
		fprintf(stderr, "; the process was stopped for %.1f ms", (double)st->paused_ns / 1e6);
	fputc('\n', stderr);
}

int snapshot_of(const char *what, const char *path, const struct snapshot_options *how, struct error *e)
{
	struct snapshot_options o = *how;
	struct snapshot_stats st;
	char *end;
	long pid = strtol(what, &end, 10);
	int r;

	if (*end || end == what || pid <= 0 || pid > INT32_MAX)
		return error_set(e, -EINVAL, "`%s` is not the number of a process", what);
	if (isatty(STDERR_FILENO))
		o.progress = show_progress;
	r = snapshot_write((int32_t)pid, path, &o, &st, e);
	if (r == 0)
		snapshot_say(path, &st);
	return r;
}

int cmd_snapshot(int argc, char **argv)
{
	static const struct argp_child children[] = {{&writing_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"PID",
		"Write what all goroutines and threads of a process are doing to a file.\v"
		"The file is an ELF core in which every goroutine is a thread: gorgon, gdb and eu-stack read it.  The "
		"process is paused while its memory is read and then goes on.",
		children,
		NULL,
		NULL};
	struct options o = {.writing.kinds = "process"};
	struct error e = {0};

	argv[0] = "gorgon snapshot";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	return snapshot_of(o.writing.what, o.writing.output, &o.how, &e) < 0 ? tool_fail(&e) : EXIT_SUCCESS;
}
