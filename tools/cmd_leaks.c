/* SPDX-License-Identifier: MIT */
/* What: gorgon leaks PID: which goroutines of a live process are blocked for ever, and why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

enum { EXIT_LEAKS = 23, OPT_STUCK = 512, OPT_EXIT, OPT_STATS };

struct leaks {
	struct report_options report;
	struct leak_options leak;
	const char *what;
	bool stats;
};

static const struct argp_option options[] = {
	{"stuck", OPT_STUCK, "SECONDS", 0,
	 "who has waited for longer than this on something reachable is stuck (60)", 0},
	{"stats", OPT_STATS, NULL, 0, "say what the search has done", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct leaks *l = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &l->report;
		return 0;
	case OPT_STUCK:
		l->leak.stuck_ns = (int64_t)(strtod(arg, &end) * 1e9);
		if (*end || end == arg || l->leak.stuck_ns < 0)
			argp_error(state, "--stuck is a number of seconds, not `%s`", arg);
		return 0;
	case OPT_STATS:
		l->stats = true;
		return 0;
	case ARGP_KEY_ARG:
		if (l->what)
			argp_error(state, "one process at a time");
		l->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which process?");
	}
	return ARGP_ERR_UNKNOWN;
}

static void put_stats(const struct leak_stats *s, int64_t paused_ns)
{
	fprintf(stderr,
		"gorgon: %llu MiB of roots, %llu KiB of stacks, %llu MiB of heap in %llu blocks; marked %llu blocks, "
		"%llu MiB, %llu goroutines in %u rounds; copied in %.1f ms, marked in %.1f ms; paused for %.1f ms\n",
		(unsigned long long)s->root_bytes >> 20, (unsigned long long)s->stack_bytes >> 10,
		(unsigned long long)s->heap_bytes >> 20, (unsigned long long)s->heap_blocks,
		(unsigned long long)s->marked_blocks, (unsigned long long)s->marked_bytes >> 20,
		(unsigned long long)s->marked_stacks, s->rounds, (double)s->copy_ns / 1e6,
		(double)s->mark_ns / 1e6, (double)paused_ns / 1e6);
}

int report_leaks(struct world *w, const struct report_options *o, int fd, struct error *e)
{
	struct goroutine *all = w->goroutines;
	size_t n = w->ngoroutines, k = 0;
	struct sink s;
	int err = 0;

	w->goroutines = arena_array(&w->arena, struct goroutine, n);
	for (size_t i = 0; i < n; i++)
		if (all[i].verdict)
			w->goroutines[k++] = all[i];
	w->ngoroutines = k;
	w->nthreads = 0;
	if (k)
		err = report_write(w, o, fd, e);
	if (err)
		return err;
	sink_init_fd(&s, fd);
	sink_printf(&s, "%sgorgon: %u leaked, %u deadlocked, %u stuck, %u lingering\n", k ? "\n" : "",
		    w->nverdicts[VERDICT_LEAKED], w->nverdicts[VERDICT_DEADLOCKED],
		    w->nverdicts[VERDICT_STUCK], w->nverdicts[VERDICT_LINGERING]);
	err = sink_finish(&s, "the report", e);
	sink_deinit(&s);
	return err;
}

static void let_go(void *arg)
{
	target_resume(arg);
}

static int check(struct session *s, const struct leaks *l, struct error *e)
{
	struct leak_options leak = l->leak;
	struct report_options o = l->report;
	struct leak_stats stats;
	int err = target_stop(s->target, e);

	o.collect.pause_ns = 0;
	leak.copied = let_go;
	leak.arg = s->target;
	if (!err)
		err = collect(&s->world, s->target, s->debug, &o.collect, e);
	if (!err)
		err = leak_check(&s->world, s->target, s->debug, &leak, &stats, e);
	target_resume(s->target);
	s->world.paused_ns = s->target->paused_ns;
	if (!err && l->stats)
		put_stats(&stats, s->target->paused_ns);
	return err;
}

int cmd_leaks(int argc, char **argv)
{
	static const struct argp_child children[] = {{&report_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "PID",
					 "Prove which goroutines of a process are blocked for ever.\v"
					 "Exit status 23 if there are any.",
					 children,
					 NULL,
					 NULL};
	struct leaks l = {.leak = {.stuck_ns = 60000000000}};
	struct session session;
	struct error e = {0};
	bool found = false;
	int err;

	argv[0] = "gorgon leaks";
	argp_parse(&argp, argc, argv, 0, NULL, &l);
	err = session_open(&session, l.what, &l.report.core, &e);
	if (err)
		return tool_fail(&e);
	err = check(&session, &l, &e);
	if (!err) {
		found = session.world.nverdicts[VERDICT_LEAKED] ||
			session.world.nverdicts[VERDICT_DEADLOCKED];
		err = report_leaks(&session.world, &l.report, STDOUT_FILENO, &e);
	}
	session_close(&session);
	return err ? tool_fail(&e) : found ? EXIT_LEAKS : EXIT_SUCCESS;
}
