/* SPDX-License-Identifier: MIT */
/* What: gorgon leaks PID|CORE: which goroutines are blocked for ever, and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leak_report.h"
#include "bounds.h"

enum {
	EXIT_LEAKS = 23,
	OPT_STUCK = 512,
	OPT_STATS,
	OPT_LINGERING,
	OPT_REPORT,
	OPT_JUNIT,
	OPT_SARIF,
	OPT_JSON,
	OPT_HTML,
	OPT_SUPPRESSIONS,
	OPT_GENERATE,
	OPT_BASELINE,
	OPT_WRITE_BASELINE,
	OPT_FAIL_ON,
	OPT_GITHUB,
	OPT_WHY_ALIVE,
};

struct options {
	struct report_options report;
	struct leak_options leak;
	struct leak_settings settings;
	const char *what;
	bool stats;
};

static const struct argp_option options[] = {
	{"stuck", OPT_STUCK, "DURATION", 0,
	 "who has waited for longer than this on something reachable is stuck (1m)", 0},
	{"lingering", OPT_LINGERING, NULL, 0, "list all other goroutines too, as at the end of a test", 0},
	{"fail-on", OPT_FAIL_ON, "LIST", 0,
	 "verdicts that make the exit status 23: leaked,deadlocked (the default), stuck, lingering; or none",
	 0},
	{"suppressions", OPT_SUPPRESSIONS, "FILE", 0, "rules for leaks that are no news", 0},
	{"generate-suppressions", OPT_GENERATE, NULL, 0, "write such rules for what is found, and no report",
	 0},
	{"baseline", OPT_BASELINE, "FILE", 0, "leaks that were there before are listed, and do not count", 0},
	{"write-baseline", OPT_WRITE_BASELINE, "FILE", 0, "write what is found as such a file", 0},
	{"report", OPT_REPORT, "FILE", 0, "the report goes there; %p in a name is the number of the process",
	 0},
	{"junit", OPT_JUNIT, "FILE", 0, "leaks as JUnit XML", 0},
	{"sarif", OPT_SARIF, "FILE", 0, "leaks as SARIF 2.1.0", 0},
	{"json", OPT_JSON, "FILE", 0, "leaks as JSON", 0},
	{"html", OPT_HTML, "FILE", 0, "all goroutines as a page for a browser, leaks first", 0},
	{"github", OPT_GITHUB, NULL, 0, "annotations for GitHub, as if GITHUB_ACTIONS were set", 0},
	{"stats", OPT_STATS, NULL, 0, "say what the search has done", 0},
	{"why-alive", OPT_WHY_ALIVE, "ID", 0, "say how this goroutine can be reached, if it can", 0},
	{0},
};

static error_t set_stuck(struct argp_state *state, const char *arg, int64_t *ret)
{
	if (tool_duration(arg, ret) != 0)
		argp_error(state, "--stuck: `%s` is no duration; 500ms, 10s, 5m and 1h are", arg);
	return 0;
}

static error_t set_fail_on(struct argp_state *state, const char *arg, struct options *l)
{
	struct error e;

	if (leaks_parse_verdicts(arg, &l->settings.fail_on, &e) != 0)
		argp_error(state, "--fail-on: %s", e.text);
	if (l->settings.fail_on & 1u << VERDICT_LINGERING)
		l->leak.at_exit = true;
	return 0;
}

static error_t set_why_alive(struct argp_state *state, const char *arg, int64_t *ret)
{
	char *end;

	*ret = strtoll(arg, &end, 10);
	if (*ret <= 0 || *end)
		argp_error(state, "--why-alive: `%s` is no number of a goroutine", arg);
	return 0;
}

static error_t set_what(struct argp_state *state, const char *arg, struct options *l)
{
	if (l->what)
		argp_error(state, "one process or core at a time");
	l->what = arg;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *l = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &l->report;
		return 0;
	case OPT_STUCK:
		return set_stuck(state, arg, &l->leak.stuck_ns);
	case OPT_LINGERING:
		return l->leak.at_exit = true, 0;
	case OPT_FAIL_ON:
		return set_fail_on(state, arg, l);
	case OPT_SUPPRESSIONS:
		return l->settings.suppressions = arg, 0;
	case OPT_GENERATE:
		return l->settings.generate = true, 0;
	case OPT_BASELINE:
		return l->settings.baseline = arg, 0;
	case OPT_WRITE_BASELINE:
		return l->settings.write_baseline = arg, 0;
	case OPT_REPORT:
		return l->settings.report = arg, 0;
	case OPT_JUNIT:
		return l->settings.junit = arg, 0;
	case OPT_SARIF:
		return l->settings.sarif = arg, 0;
	case OPT_JSON:
		return l->settings.json = arg, 0;
	case OPT_HTML:
		return l->settings.html = arg, 0;
	case OPT_GITHUB:
		return l->settings.github = true, 0;
	case OPT_STATS:
		return l->stats = true, 0;
	case OPT_WHY_ALIVE:
		return set_why_alive(state, arg, &l->leak.why_alive);
	case ARGP_KEY_ARG:
		return set_what(state, arg, l);
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which process or core?");
	}
	return ARGP_ERR_UNKNOWN;
}

static void put_stats(const struct leak_stats *s, const struct target *t)
{
	fprintf(stderr,
		"gorgon: %llu MiB of roots, %llu KiB of stacks, %llu MiB of heap in %llu blocks; marked %llu blocks, "
		"%llu MiB, %llu goroutines in %u rounds; copied in %.1f ms, marked in %.1f ms",
		(unsigned long long)s->root_bytes >> 20, (unsigned long long)s->stack_bytes >> 10,
		(unsigned long long)s->heap_bytes >> 20, (unsigned long long)s->heap_blocks,
		(unsigned long long)s->marked_blocks, (unsigned long long)s->marked_bytes >> 20,
		(unsigned long long)s->marked_stacks, s->rounds, (double)s->copy_ns / 1e6,
		(double)s->mark_ns / 1e6);
	if (!t->ops->is_file)
		fprintf(stderr, "; paused for %.1f ms", (double)t->paused_ns / 1e6);
	fputc('\n', stderr);
}

/* Who does not match has no verdict, but remains: others may have to do with it. */
static int filter(struct world *w, const char *where, struct error *e)
{
	struct filter *f;
	int err = where ? filter_parse(&f, where, e) : 0;

	if (err || !where)
		return err;
	for (size_t i = 0; i < w->ngoroutines; i++)
		if (w->goroutines[i].verdict && !filter_match(f, w, &w->goroutines[i]))
			w->goroutines[i].verdict = VERDICT_NONE;
	filter_free(f);
	return 0;
}

/* The target goes on as soon as its memory has been copied; the world is made from the copy. */
static int check(struct session *s, const struct options *l, struct error *e)
{
	struct report_options o = l->report;
	struct leaker *leaker = NULL;
	struct leak_stats stats;
	int err = leak_new(&leaker, s->target, s->debug, e);

	o.collect.pause_ns = 0;
	if (!err)
		err = target_stop(s->target, e);
	if (!err)
		err = leak_copy(leaker, e);
	if (!s->target->ops->is_file)
		target_resume(s->target);
	bounds_doing("reading its goroutines");
	if (!err)
		err = collect(&s->world, s->target, s->debug, &o.collect, e);
	bounds_doing("looking for leaks");
	if (!err)
		err = leak_check(leaker, &s->world, &l->leak, &stats, e);
	leak_free(leaker);
	s->world.paused_ns = s->target->paused_ns;
	if (!err && l->stats)
		put_stats(&stats, s->target);
	return err ? err : filter(&s->world, o.where, e);
}

static int run(const struct options *l, bool *ret_failed, struct error *e)
{
	struct session session;
	struct findings f;
	int err = findings_load(&f, &l->settings, e);

	if (err)
		return err;
	err = session_open(&session, l->what, &l->report.core, e);
	if (err) {
		findings_free(&f);
		return err;
	}
	err = check(&session, l, e);
	bounds_doing("writing the report");
	if (!err) {
		findings_judge(&f, &session.world);
		*ret_failed = leaks_failing(&f.leaks) > 0;
		err = findings_write(&f, &l->report, STDOUT_FILENO, e);
	}
	findings_free(&f);
	session_close(&session);
	return err;
}

int cmd_leaks(int argc, char **argv)
{
	static const struct argp_child children[] = {{&report_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"PID|CORE|SNAPSHOT",
		"Prove which goroutines are blocked for ever, and say why.\v"
		"The exit status is 23 if there are any, 1 if nothing could be found out.",
		children,
		NULL,
		NULL};
	struct options l = {.leak = {.stuck_ns = 60000000000}};
	struct error e = {0};
	bool failed = false;

	argv[0] = "gorgon leaks";
	leak_settings_init(&l.settings);
	l.report.emit.group = true;
	l.report.emit.similar = SIMILAR_LINES;
	argp_parse(&argp, argc, argv, 0, NULL, &l);
	if (!l.settings.report)
		l.settings.report = l.report.output;
	if (l.report.output && access(l.report.output, F_OK) == 0) {
		error_sys(&e, -EEXIST, "cannot create %s", l.report.output);
		return tool_fail(&e);
	}
	if (run(&l, &failed, &e) != 0)
		return tool_fail(&e);
	return failed ? EXIT_LEAKS : EXIT_SUCCESS;
}
