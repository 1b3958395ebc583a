/* SPDX-License-Identifier: MIT */
/*
 * What: gorgon diff A B: what has become of the goroutines of a program between two dumps.
 *
 * How: each may be a process, a core, a snapshot, or text that has a traceback in it; of one text, its first and its
 * last traceback are compared.
 */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyse/diff.h"
#include "bounds.h"
#include "parse/parse.h"
#include "tool.h"

enum { OPT_BY = 3072, BUFFER = 1 << 16 };

enum by { BY_AUTO, BY_ID, BY_STACK };

/* One of the two: what it was read with lives as long as its world. */
struct side {
	const char *what;
	struct session session;
	bool has_session;
	struct world text;
	struct world *world;
};

struct diffing {
	struct report_options report;
	struct side a, b;
	int nargs;
	enum by by;
};

static const struct argp_option options[] = {
	{"by", OPT_BY, "WHAT", 0,
	 "id: goroutines with the same id are the same (of one process); stack: how many there are at each stack "
	 "(of different runs)",
	 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct diffing *d = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &d->report;
		return 0;
	case OPT_BY:
		if (strcmp(arg, "id") != 0 && strcmp(arg, "stack") != 0)
			argp_error(state, "--by is `id` or `stack`, not `%s`", arg);
		d->by = strcmp(arg, "id") == 0 ? BY_ID : BY_STACK;
		return 0;
	case ARGP_KEY_ARG:
		if (d->nargs == 2)
			argp_error(state, "two dumps are compared");
		(d->nargs++ ? &d->b : &d->a)->what = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which two dumps?");
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

struct text {
	struct world *first, *last; /* where they go; the same: only one is wanted */
	size_t n;
};

static void put_other(void *arg, const char *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
}

static void put_dump(void *arg, struct world *w)
{
	struct text *t = arg;
	struct world *to = t->n++ ? t->last : t->first;

	if (t->n > 1 && t->first == t->last) {
		world_deinit(w);
		return;
	}
	world_deinit(to);
	*to = *w;
}

static int read_text(const char *path, struct text *t, struct error *e)
{
	struct parse_client client = {t, put_other, put_dump};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct parser *parser;
	char *buffer;
	ssize_t n;
	bool is_json = false;
	int err = 0;

	if (fd < 0)
		return error_sys(e, -errno, "cannot open %s", path);
	bounds_read(path);
	bounds_doing("reading it");
	parser = parser_new(&client);
	buffer = base_malloc(BUFFER);
	while ((n = read(fd, buffer, BUFFER)) > 0 || (n < 0 && errno == EINTR)) {
		if (n <= 0)
			continue;
		bounds_fed((size_t)n);
		is_json |= memmem(buffer, (size_t)n, "\"gorgon-dump-1\"", 15) != NULL;
		parser_feed(parser, buffer, (size_t)n);
	}
	if (n < 0)
		err = error_sys(e, -errno, "cannot read %s", path);
	parser_end(parser);
	parser_free(parser);
	free(buffer);
	close(fd);
	if (!err && !t->n)
		err = error_set(e, -EINVAL, "%s has no traceback in it%s", path,
				is_json ? ": it is JSON; write the text, or a snapshot" : "");
	return err;
}

/* Neither a process nor a file of memory. */
static bool is_text(const char *what)
{
	char *end, begin[64];
	struct stat st;
	FILE *file;
	size_t n;

	(void)!strtol(what, &end, 10);
	if (end != what && !*end)
		return false;
	if (stat(what, &st) == 0 && !S_ISREG(st.st_mode))
		return true; /* a pipe cannot be looked at twice */
	file = fopen(what, "re");
	if (!file)
		return false;
	n = fread(begin, 1, sizeof begin, file);
	fclose(file);
	if (n >= 4 && (memcmp(begin, "\177ELF", 4) == 0 || memcmp(begin, "\x28\xb5\x2f\xfd", 4) == 0))
		return false;
	return !memchr(begin, 0, n);
}

/* ---- both ------------------------------------------------------------------------------------------------------- */

static int read_side(struct side *s, const struct report_options *o, struct error *e)
{
	struct text t = {&s->text, &s->text, 0};
	int err;

	s->world = &s->text;
	if (is_text(s->what)) {
		err = read_text(s->what, &t, e);
		s->text.origin = s->what;
		return err;
	}
	err = session_open(&s->session, s->what, &o->core, e);
	if (err)
		return err;
	s->has_session = true;
	s->world = &s->session.world;
	return session_collect(&s->session, o, e);
}

static int read_both(struct diffing *d, struct error *e)
{
	struct text t = {&d->a.text, &d->b.text, 0};
	int err;

	if (d->nargs == 2) {
		err = read_side(&d->a, &d->report, e);
		return err ? err : read_side(&d->b, &d->report, e);
	}
	d->a.world = &d->a.text;
	d->b.world = &d->b.text;
	if (!is_text(d->a.what))
		return error_set(e, -EINVAL, "two dumps are compared; only of text, one file may have both");
	err = read_text(d->a.what, &t, e);
	if (!err && t.n < 2)
		err = error_set(e, -EINVAL, "%s has only one traceback in it", d->a.what);
	return err;
}

/* Whether ids mean the same in both. */
static bool same_process(const struct world *a, const struct world *b)
{
	return !a->pid || !b->pid || a->pid == b->pid;
}

static int write_diff(struct diffing *d, struct error *e)
{
	struct world *a = d->a.world, *b = d->b.world;
	bool by_id = d->by == BY_ID || (d->by == BY_AUTO && same_process(a, b));
	struct arena arena = {0};
	struct diff diff;
	struct sink s;
	int err = report_open(&s, &d->report, STDOUT_FILENO, e);

	if (err)
		return err;
	bounds_doing("comparing it");
	analyse_ids(a);
	analyse_ids(b);
	analyse_diff(a, b, &arena, &diff);
	if (by_id)
		emit_diff(a, b, &diff, &d->report.emit, &s);
	else
		emit_diff_stacks(a, b, &diff, &d->report.emit, &s);
	arena_deinit(&arena);
	return report_close(&s, &d->report, 0, e);
}

static void side_close(struct side *s)
{
	if (s->has_session)
		session_close(&s->session);
	world_deinit(&s->text);
}

int cmd_diff(int argc, char **argv)
{
	static const struct argp_child children[] = {{&report_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"A B\nTEXT",
		"Show what has become of goroutines between two dumps: who appeared, vanished, moved, waits on something "
		"else.\v"
		"Each is a process, a core, a snapshot, or text with a traceback in it.  Of one text, its first and its "
		"last traceback are compared.",
		children,
		NULL,
		NULL};
	struct diffing d = {0};
	struct error e = {0};
	int err;

	argv[0] = "gorgon diff";
	argp_parse(&argp, argc, argv, 0, NULL, &d);
	err = read_both(&d, &e);
	if (!err)
		err = report_filter(d.a.world, &d.report, &e);
	if (!err)
		err = report_filter(d.b.world, &d.report, &e);
	if (!err)
		err = write_diff(&d, &e);
	side_close(&d.a);
	side_close(&d.b);
	return err ? tool_fail(&e) : EXIT_SUCCESS;
}
