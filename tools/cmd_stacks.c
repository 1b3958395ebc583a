/* SPDX-License-Identifier: MIT */
/* What: gorgon stacks PID|FILE: what all goroutines and threads of a process, core or snapshot are doing. */
#include <stdlib.h>
#include <unistd.h>

#include "bounds.h"
#include "tool.h"

struct stacks {
	struct report_options report;
	struct report_formats formats;
	const char *what;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stacks *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &s->report;
		state->child_inputs[1] = &s->formats;
		return 0;
	case ARGP_KEY_ARG:
		if (s->what)
			argp_error(state, "one process or core at a time");
		s->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which process or core?");
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_stacks(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&report_argp, 0, NULL, 0}, {&formats_argp, 0, "Other forms:", 1}, {0}};
	static const struct argp argp = {
		NULL,
		parse,
		"PID|CORE|SNAPSHOT",
		"Show what all goroutines and threads of a process, core or snapshot are doing.\v"
		"A process is paused while its stacks are read and then goes on.",
		children,
		NULL,
		NULL};
	struct stacks s = {0};
	struct session session;
	struct error e = {0};
	int err;

	argv[0] = "gorgon stacks";
	argp_parse(&argp, argc, argv, 0, NULL, &s);
	err = session_open(&session, s.what, &s.report.core, &e);
	if (err)
		return tool_fail(&e);
	err = session_collect(&session, &s.report, &e);
	if (!err)
		err = report_filter(&session.world, &s.report, &e);
	bounds_doing("writing the report");
	if (!err)
		err = report_forms(&session.world, &s.report, &s.formats, &e);
	session_close(&session);
	return err ? tool_fail(&e) : EXIT_SUCCESS;
}
