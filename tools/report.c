/* SPDX-License-Identifier: MIT */
/* What: from a target to a report, for all commands (tool.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "tool.h"

#define REHEARSAL_NS 50000000ll

/* ---- options ---------------------------------------------------------------------------------------------------- */

enum { OPT_SYSROOT = 1024, OPT_SEARCH, OPT_EXE };

static const struct argp_option core_args[] = {
	{"exe", OPT_EXE, "FILE", 0, "of a core: the program, if it is not where it was", 0},
	{"lib-search-path", OPT_SEARCH, "DIRS", 0,
	 "of a core: folders with its program, libraries and their debug information, separated by colons",
	 0},
	{"sysroot", OPT_SYSROOT, "DIR", 0, "of a core: folder below which its files are", 0},
	{0},
};

static error_t parse_core(int key, char *arg, struct argp_state *state)
{
	struct core_options *o = state->input;

	switch (key) {
	case OPT_SYSROOT:
		return o->sysroot = arg, 0;
	case OPT_SEARCH:
		return o->search_path = arg, 0;
	case OPT_EXE:
		return o->exe = arg, 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp core_argp = {core_args, parse_core, NULL, NULL, NULL, NULL, NULL};

enum {
	OPT_ARGS = 256,
	OPT_GROUP,
	OPT_WHERE,
	OPT_COLOR,
	OPT_LABELS,
	OPT_PRECISE,
	OPT_SYSTEM,
	OPT_NO_THREADS,
	OPT_WHY,
	OPT_MAX_TEXT,
	OPT_MAX_ITEMS,
	OPT_FRAMES,
	OPT_PAUSE,
};

static const struct argp_option options[] = {
	{"args", OPT_ARGS, "STYLE", 0,
	 "typed (names, types, contents: the default), go (what tools for Go's tracebacks "
	 "read), words (raw words, small ones packed), none",
	 0},
	{"group", OPT_GROUP, "HOW", OPTION_ARG_OPTIONAL,
	 "show identical stacks once: exact (arguments too), lines (the default), pointers (arguments but for "
	 "addresses); none: each by itself",
	 0},
	{"where", OPT_WHERE, "EXPR", 0,
	 "only goroutines like this: state=TEXT, func~REGEX, file~REGEX, creator~REGEX, id=N, "
	 "label.K=V, waited>5s, leaked, running, obj=0xADDR; with and, or, not, ()",
	 0},
	{"labels", OPT_LABELS, NULL, 0, "labels in the headers", 0},
	{"precise", OPT_PRECISE, NULL, 0, "waiting times in seconds", 0},
	{"system", OPT_SYSTEM, NULL, 0, "the runtime's frames, goroutines and threads too, with pc and sp",
	 0},
	{"no-threads", OPT_NO_THREADS, NULL, 0, "without threads that run no goroutine", 0},
	{"why", OPT_WHY, NULL, 0, "say why an argument is not known", 0},
	{"max-text", OPT_MAX_TEXT, "N", 0, "bytes of a string that are shown (64)", 0},
	{"max-items", OPT_MAX_ITEMS, "N", 0, "items of a slice or array that are shown (8)", 0},
	{"frames", OPT_FRAMES, "N", 0, "innermost and outermost frames of a long stack that are shown (50)",
	 0},
	{"pause", OPT_PAUSE, "MS", 0,
	 "let the process go on after this long at the latest (50); what is read later is "
	 "marked with a ?; 0: no limit",
	 0},
	{"color", OPT_COLOR, "WHEN", 0, "auto, always, never", 0},
	{"output", 'o', "FILE", 0, "write there; it must not exist", 0},
	{0},
};

static int choose(struct argp_state *state, const char *arg, const char *const *names, const char *what)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(arg, names[i]) == 0)
			return i;
	argp_error(state, "%s cannot be `%s`", what, arg);
	return 0;
}

static uint32_t number(struct argp_state *state, const char *arg, const char *what)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*end || end == arg || *arg == '-' || n > 1 << 30)
		argp_error(state, "%s must be a number, not `%s`", what, arg);
	return (uint32_t)n;
}

/* What is wrong with it is said before a process is stopped for it. */
static error_t check_where(struct argp_state *state, const char *text)
{
	struct filter *f;
	struct error e;

	if (filter_parse(&f, text, &e) != 0)
		argp_error(state, "--where: %s", e.text);
	else
		filter_free(f);
	return 0;
}

/* how: enum similarity, or one more: none. */
static void set_group(struct report_options *o, int how)
{
	o->emit.group = how <= SIMILAR_POINTERS;
	if (o->emit.group)
		o->emit.similar = (enum similarity)how;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const styles[] = {"typed", "go", "words", "none", NULL};
	static const char *const colors[] = {"auto", "always", "never", NULL};
	static const char *const groups[] = {"exact", "lines", "pointers", "none", NULL};
	struct report_options *o = state->input;

	switch (key) {
	case OPT_ARGS:
		o->emit.args = (enum args_style)choose(state, arg, styles, "--args");
		return 0;
	case OPT_GROUP:
		return set_group(o, arg ? choose(state, arg, groups, "--group") : SIMILAR_LINES), 0;
	case OPT_WHERE:
		o->where = arg;
		return check_where(state, arg);
	case OPT_COLOR:
		o->color = (enum color)choose(state, arg, colors, "--color");
		return 0;
	case OPT_LABELS:
		return o->emit.labels = true, 0;
	case OPT_PRECISE:
		return o->emit.precise = true, 0;
	case OPT_SYSTEM:
		return o->emit.system = o->collect.system = true, 0;
	case OPT_NO_THREADS:
		return o->emit.threads = o->collect.threads = false, 0;
	case OPT_WHY:
		return o->emit.why = true, 0;
	case OPT_MAX_TEXT:
		return o->emit.max_text = o->collect.max_text = number(state, arg, "--max-text"), 0;
	case OPT_MAX_ITEMS:
		return o->emit.max_items = o->collect.max_items = number(state, arg, "--max-items"), 0;
	case OPT_FRAMES:
		return o->collect.frames_kept = number(state, arg, "--frames"), 0;
	case OPT_PAUSE:
		return o->collect.pause_ns = number(state, arg, "--pause") * 1000000LL, 0;
	case 'o':
		return o->output = arg, 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->core;
		o->emit.threads = o->collect.threads = o->collect.args = true;
		o->collect.pause_ns = 50000000;
		return 0;
	case ARGP_KEY_END:
		o->collect.args = o->emit.args != ARGS_NONE;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = {{&core_argp, 0, NULL, 0}, {&bounds_argp, 0, NULL, 0}, {0}};

const struct argp report_argp = {options, parse, NULL, NULL, children, NULL, NULL};

/* ---- sessions ----------------------------------------------------------------------------------------------------- */

/* What is written in digits is a process: a core of that name is ./123. */
static int open_target(struct target **ret, const char *what, const struct core_options *o, struct error *e)
{
	char *end;
	long pid = strtol(what, &end, 10);

	if (end == what || *end) {
		bounds_read(what);
		return target_open_core(ret, what, o, e);
	}
	bounds_lift();
	if (pid <= 0 || pid > INT32_MAX)
		return error_set(e, -EINVAL, "%s is not the number of a process", what);
	return target_open_live(ret, (int32_t)pid, e);
}

int session_open(struct session *s, const char *what, const struct core_options *o, struct error *e)
{
	int err;

	memset(s, 0, sizeof *s);
	err = open_target(&s->target, what, o, e);
	if (!err)
		err = debug_open(&s->debug, s->target, e);
	if (err)
		session_close(s);
	return err;
}

void session_close(struct session *s)
{
	world_deinit(&s->world);
	debug_close(s->debug);
	if (s->target)
		target_close(s->target);
	memset(s, 0, sizeof *s);
}

/* A live process stands still twice: for a moment, so that it can be seen what debug information is needed, and then
 * for as long as it takes to read its memory. */
static int collect_live(struct session *s, const struct collect_options *o, struct error *e)
{
	struct world rehearsal = {0};
	int err = collect_rehearsal(&rehearsal, s->target, s->debug, o, REHEARSAL_NS, e);

	if (!err)
		err = target_stop(s->target, e);
	if (!err)
		err = collect(&s->world, s->target, s->debug, o, e);
	target_resume(s->target);
	s->world.paused_ns = rehearsal.paused_ns + s->target->paused_ns;
	world_deinit(&rehearsal);
	return err;
}

int session_collect(struct session *s, const struct report_options *o, struct error *e)
{
	struct collect_options how = o->collect;
	int err;

	bounds_doing("reading its goroutines");
	if (!s->target->ops->is_file)
		return collect_live(s, &how, e);
	how.pause_ns = 0;
	err = target_stop(s->target, e);
	return err ? err : collect(&s->world, s->target, s->debug, &how, e);
}

/* ---- reports ------------------------------------------------------------------------------------------------------- */

int report_filter(struct world *w, const struct report_options *o, struct error *e)
{
	struct filter *f;
	int err = o->where ? filter_parse(&f, o->where, e) : 0;

	if (err || !o->where)
		return err;
	filter_apply(f, w);
	filter_free(f);
	return 0;
}

/* Nobody's file is overwritten, and nobody else reads what a crashed program had in its memory. */
static int open_output(const char *path, struct error *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? error_sys(e, -errno, "cannot create %s", path) : fd;
}

int report_open(struct sink *s, const struct report_options *o, int fd, struct error *e)
{
	int out = o->output ? open_output(o->output, e) : fd;

	if (out < 0)
		return out;
	bounds_output(o->output);
	sink_init_fd(s, out);
	s->color = tool_color(o->color, out);
	return 0;
}

int report_close(struct sink *s, const struct report_options *o, int err, struct error *e)
{
	int fd = s->fd;

	if (!err)
		err = sink_finish(s, o->output ? o->output : "the report", e);
	sink_deinit(s);
	if (o->output && close(fd) != 0 && !err)
		err = error_sys(e, -errno, "cannot write %s", o->output);
	bounds_output(NULL);
	if (err && o->output)
		unlink(o->output);
	return err;
}

int report_write(struct world *w, const struct report_options *o, int fd, struct error *e)
{
	struct sink s;
	int err = report_open(&s, o, fd, e);

	if (err)
		return err;
	analyse_ids(w);
	if (o->separate)
		sink_char(&s, '\n');
	emit_text(w, &o->emit, &s);
	return report_close(&s, o, 0, e);
}
