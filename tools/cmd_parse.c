/* SPDX-License-Identifier: MIT */
/*
 * What: gorgon parse [FILE]: tracebacks in a log or a pipe, ours or those of Go programs, are grouped, filtered and
 * written again; other text is passed through.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parse/binary.h"
#include "bounds.h"
#include "parse/parse.h"
#include "tool.h"

enum { OPT_ONLY = 1024, OPT_DUMP, OPT_BINARY, BUFFER = 1 << 16 };

struct parse {
	struct report_options report;
	struct report_formats formats;
	const char *what; /* NULL or "-": standard input */
	const char *path; /* of the program; NULL: none */
	struct binary *binary;
	bool only;
	unsigned long dump; /* the one that is wanted; 0: all, for other forms than text the first */
	size_t nwritten;
	bool cleans; /* other text goes to a terminal */
	struct sink sink;
	struct error e;
	int err;
	size_t ndumps;
};

static const struct argp_option options[] = {
	{"binary", OPT_BINARY, "PROG", 0,
	 "the program that has printed them: its debug information gives words their names and types", 0},
	{"only", OPT_ONLY, NULL, 0, "leave out what is no traceback", 0},
	{"dump", OPT_DUMP, "N", 0, "the N-th traceback only: all goroutines that were printed at once", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &p->report;
		state->child_inputs[1] = &p->formats;
		return 0;
	case OPT_ONLY:
		p->only = true;
		return 0;
	case OPT_BINARY:
		p->path = arg;
		return 0;
	case OPT_DUMP:
		p->dump = strtoul(arg, &end, 10);
		if (*end || end == arg || !p->dump)
			argp_error(state, "--dump is a number from 1 on, not `%s`", arg);
		p->only = true;
		return 0;
	case ARGP_KEY_END:
		if (p->formats.n && !p->dump)
			p->dump = 1;
		p->only |= p->formats.n > 0;
		return 0;
	case ARGP_KEY_ARG:
		if (p->what)
			argp_error(state, "one file at a time");
		p->what = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- other text ------------------------------------------------------------------------------------------------- */

/* The length of a sequence that sets a colour; 0: it is something else. */
static size_t color_length(const char *at, size_t n)
{
	size_t i = 2;

	if (n < 3 || at[0] != '\033' || at[1] != '[')
		return 0;
	while (i < n && (at[i] == ';' || (at[i] >= '0' && at[i] <= '9')))
		i++;
	return i < n && at[i] == 'm' ? i + 1 : 0;
}

/* A terminal gets lines, tabs and colours, and nothing else that is not text. */
static void put_clean(struct sink *s, const char *at, size_t n)
{
	size_t start = 0, skip;

	for (size_t i = 0; i < n; i++) {
		if (at[i] == '\n' || at[i] == '\t' || at[i] == '\r')
			skip = 1;
		else
			skip = at[i] == '\033' ? color_length(at + i, n - i) : 0;
		if (!skip)
			continue;
		sink_clean(s, at + start, i - start, 0);
		sink_put(s, at + i, skip);
		i += skip - 1;
		start = i + 1;
	}
	sink_clean(s, at + start, n - start, 0);
}

static void put_other(void *arg, const char *at, size_t n)
{
	struct parse *p = arg;

	if (p->only)
		return;
	if (p->cleans)
		put_clean(&p->sink, at, n);
	else
		sink_put(&p->sink, at, n);
}

/* ---- dumps ------------------------------------------------------------------------------------------------------ */

static int write_dump(struct parse *p, struct world *w)
{
	int err;

	if (p->binary)
		binary_decode(p->binary, w);
	err = report_filter(w, &p->report, &p->e);
	if (err)
		return err;
	if (p->formats.n)
		return report_forms(w, &p->report, &p->formats, &p->e);
	if (p->nwritten++ && p->only)
		sink_char(&p->sink, '\n');
	analyse_ids(w);
	emit_text(w, &p->report.emit, &p->sink);
	return 0;
}

static void put_dump(void *arg, struct world *w)
{
	struct parse *p = arg;

	w->origin = p->what ? p->what : "standard input";
	p->ndumps++;
	if (!p->err && (!p->dump || p->ndumps == p->dump))
		p->err = write_dump(p, w);
	world_deinit(w);
}

/* What has come so far is written before more is waited for. */
static int read_all(struct parse *p, int fd, struct parser *parser)
{
	char *buffer = base_malloc(BUFFER);
	ssize_t n;

	do {
		n = read(fd, buffer, BUFFER);
		if (n > 0)
			bounds_fed((size_t)n);
		if (n > 0)
			parser_feed(parser, buffer, (size_t)n);
		if (n > 0 && n < BUFFER && !p->formats.n)
			sink_flush(&p->sink);
	} while ((n > 0 || (n < 0 && errno == EINTR)) && !p->err && !p->sink.err);
	if (n < 0)
		p->err = error_sys(&p->e, -errno, "cannot read %s", p->what ? p->what : "standard input");
	free(buffer);
	parser_end(parser);
	if (!p->err && p->dump > p->ndumps)
		p->err = error_set(&p->e, -ENOENT, "%s has %zu tracebacks, not %lu",
				   p->what ? p->what : "standard input", p->ndumps, p->dump);
	else if (!p->err && p->formats.n && p->ndumps > 1)
		fprintf(stderr, "gorgon: this is traceback %lu of %zu; --dump chooses\n", p->dump, p->ndumps);
	return p->err;
}

static int run(struct parse *p)
{
	struct parse_client client = {p, put_other, put_dump};
	bool is_stdin = !p->what || strcmp(p->what, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(p->what, O_RDONLY | O_CLOEXEC);
	struct parser *parser;
	int err;

	if (fd < 0)
		return error_sys(&p->e, -errno, "cannot open %s", p->what);
	if (p->path)
		bounds_read(p->path);
	err = p->path ? binary_open(&p->binary, p->path, &p->e) : 0;
	/* Other forms have files of their own. */
	if (!err && !p->formats.n)
		err = report_open(&p->sink, &p->report, STDOUT_FILENO, &p->e);
	bounds_read(is_stdin ? NULL : p->what);
	bounds_doing("reading it");
	if (!err) {
		p->cleans = isatty(STDOUT_FILENO) && !p->report.output;
		parser = parser_new(&client);
		err = read_all(p, fd, parser);
		parser_free(parser);
		if (!p->formats.n)
			err = report_close(&p->sink, &p->report, err, &p->e);
	}
	binary_close(p->binary);
	if (!is_stdin)
		close(fd);
	return err;
}

int cmd_parse(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&report_argp, 0, NULL, 0},
		{&formats_argp, 0, "Other forms, of the first traceback, or the one that --dump chooses:", 1},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		"[FILE]",
		"Read tracebacks out of text, and write them again.\v"
		"Those of Gorgon and of Go programs are understood, with other text around them and in front of their "
		"lines, which is passed through.",
		children,
		NULL,
		NULL};
	struct parse p = {0};

	argv[0] = "gorgon parse";
	argp_parse(&argp, argc, argv, 0, NULL, &p);
	return run(&p) ? tool_fail(&p.e) : EXIT_SUCCESS;
}
