/* SPDX-License-Identifier: MIT */
/* What: gorgon explain PID [GOID [FRAME]]: each argument word of a frame, its bits and what they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bounds.h"
#include "tool.h"

struct explain {
	struct report_options report;
	const char *what;
	long goid, frame;
	int nargs;
};

static long number(struct argp_state *state, const char *arg, const char *what)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (*end || end == arg || n < 0)
		argp_error(state, "%s must be a number, not `%s`", what, arg);
	return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explain *x = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &x->report;
		return 0;
	case ARGP_KEY_ARG:
		switch (x->nargs++) {
		case 0:
			x->what = arg;
			return 0;
		case 1:
			x->goid = number(state, arg, "GOID");
			return 0;
		case 2:
			x->frame = number(state, arg, "FRAME");
			return 0;
		}
		argp_error(state, "too many arguments");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which process?");
	}
	return ARGP_ERR_UNKNOWN;
}

static void put_frame(const struct world *w, const struct frame *f, uint32_t i, struct sink *s)
{
	sink_printf(s, "frame %u: ", i);
	emit_explain(w, f, s);
	sink_char(s, '\n');
}

/* GOID 0: all of them.  FRAME -1: all of them. */
static int explain(const struct world *w, const struct explain *x, struct sink *s, struct error *e)
{
	size_t shown = 0;

	for (size_t i = 0; i < w->ngoroutines; i++) {
		const struct goroutine *g = &w->goroutines[i];

		if (x->goid && g->id != x->goid)
			continue;
		shown++;
		if (x->frame >= (long)g->stack.nframes)
			return error_set(e, -EINVAL, "goroutine %lld has %u frames, numbered from 0",
					 (long long)g->id, g->stack.nframes);
		sink_printf(s, "goroutine %lld [%s]:\n", (long long)g->id, goroutine_state(g));
		for (uint32_t k = 0; k < g->stack.nframes; k++)
			if (x->frame < 0 || x->frame == (long)k)
				put_frame(w, &g->stack.frames[k], k, s);
	}
	for (size_t i = 0; i < w->nthreads; i++) {
		const struct thread *t = &w->threads[i];

		if (x->goid && t->tid != x->goid)
			continue;
		shown++;
		sink_printf(s, "thread %d \"%s\":\n", t->tid, t->name ? t->name : "");
		for (uint32_t k = 0; k < t->stack.nframes; k++)
			if (x->frame < 0 || x->frame == (long)k)
				put_frame(w, &t->stack.frames[k], k, s);
	}
	return shown ? 0 : error_set(e, -ESRCH, "%s has no goroutine or thread %ld", w->origin, x->goid);
}

int cmd_explain(int argc, char **argv)
{
	static const struct argp_child children[] = {{&report_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		NULL,
		parse,
		"PID|CORE|SNAPSHOT [GOID [FRAME]]",
		"Show each argument word of a frame, its bits, and which argument they are.\v"
		"GOID is a goroutine, or a thread that runs none; frames count from 0, the innermost.",
		children,
		NULL,
		NULL};
	struct explain x = {.frame = -1};
	struct session session;
	struct error e = {0};
	struct sink s;
	int err;

	argv[0] = "gorgon explain";
	argp_parse(&argp, argc, argv, 0, NULL, &x);
	err = session_open(&session, x.what, &x.report.core, &e);
	if (err)
		return tool_fail(&e);
	err = session_collect(&session, &x.report, &e);
	bounds_doing("writing the report");
	if (!err) {
		sink_init_fd(&s, STDOUT_FILENO);
		s.color = tool_color(x.report.color, STDOUT_FILENO);
		analyse_ids(&session.world);
		err = explain(&session.world, &x, &s, &e);
		if (!err)
			err = sink_finish(&s, "the report", &e);
		sink_deinit(&s);
	}
	session_close(&session);
	return err ? tool_fail(&e) : EXIT_SUCCESS;
}
