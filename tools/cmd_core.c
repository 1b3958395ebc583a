/* SPDX-License-Identifier: MIT */
/* What: gorgon core PID|CORE|SNAPSHOT -o FILE: a core in which every goroutine is a thread, for gdb and its like. */
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot.h"
#include "tool.h"

enum { OPT_SYSROOT = 256, OPT_SEARCH, OPT_EXE };

struct options {
	struct core_options where;
	const char *what, *output;
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "write there; it must not exist", 0},
	{"exe", OPT_EXE, "FILE", 0, "the program, if it is not where it was", 0},
	{"lib-search-path", OPT_SEARCH, "DIRS", 0,
	 "folders with its program and libraries, separated by colons", 0},
	{"sysroot", OPT_SYSROOT, "DIR", 0, "folder below which its files are", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'o':
		return o->output = arg, 0;
	case OPT_SYSROOT:
		return o->where.sysroot = arg, 0;
	case OPT_SEARCH:
		return o->where.search_path = arg, 0;
	case OPT_EXE:
		return o->where.exe = arg, 0;
	case ARGP_KEY_ARG:
		if (o->what)
			argp_error(state, "one process or core at a time");
		o->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which process or core?");
		return 0;
	case ARGP_KEY_END:
		if (!o->output)
			argp_error(state, "where to?  -o FILE");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

int cmd_core(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"PID|CORE|SNAPSHOT",
		"Make a core file in which every goroutine is a thread, so that debuggers list them all.\v"
		"A core is copied, with its threads replaced; of a process all memory is written.",
		NULL,
		NULL,
		NULL};
	struct options o = {0};
	struct snapshot_stats st;
	struct error e = {0};
	int r;

	argv[0] = "gorgon core";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (is_number(o.what)) {
		r = snapshot_of(o.what, o.output, &(struct snapshot_options){.full = true}, &e);
	} else {
		r = snapshot_convert(o.what, &o.where, o.output, &st, &e);
		if (r == 0)
			snapshot_say(o.output, &st);
	}
	return r < 0 ? tool_fail(&e) : EXIT_SUCCESS;
}
