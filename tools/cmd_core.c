/* SPDX-License-Identifier: MIT */
/* What: gorgon core PID|CORE|SNAPSHOT -o FILE: a core in which every goroutine is a thread, for gdb and its like. */
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "snapshot/snapshot.h"
#include "tool.h"

struct options {
	struct core_options where;
	struct writing writing;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = &o->writing;
	state->child_inputs[1] = &o->where;
	return 0;
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

int cmd_core(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&writing_argp, 0, NULL, 0}, {&core_argp, 0, NULL, 0}, {&bounds_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		NULL,
		parse,
		"PID|CORE|SNAPSHOT",
		"Make a core file in which every goroutine is a thread, so that debuggers list them all.\v"
		"A core is copied, with its threads replaced; of a process all memory is written.",
		children,
		NULL,
		NULL};
	struct options o = {.writing.kinds = "process or core"};
	struct snapshot_stats st;
	struct error e = {0};
	int r;

	argv[0] = "gorgon core";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (is_number(o.writing.what)) {
		r = snapshot_of(o.writing.what, o.writing.output, &(struct snapshot_options){.full = true},
				&e);
	} else {
		bounds_read(o.writing.what);
		r = snapshot_convert(o.writing.what, &o.where, o.writing.output, &st, &e);
		if (r == 0)
			snapshot_say(o.writing.output, &st);
	}
	return r < 0 ? tool_fail(&e) : EXIT_SUCCESS;
}
