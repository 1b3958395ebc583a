/* SPDX-License-Identifier: MIT */
#ifndef TOOL_H
#define TOOL_H
/*
 * What: what the commands of gorgon share: options, and the way from a target to a report.
 *
 * How: each command is a function of its own file, named in the table of gorgon.c.  It parses its arguments with
 * argp and returns the exit status: 0, 1 for bad input (one line on stderr), 64 for wrong usage.
 */
#include <argp.h>
#include <stdbool.h>

#include "analyse/analyse.h"
#include "base/error.h"
#include "collect/collect.h"
#include "debug/debug.h"
#include "emit/emit.h"
#include "leak/leak.h"
#include "model/world.h"
#include "target/target.h"

enum { EXIT_BAD_INPUT = 1 }; /* usage: EX_USAGE of <sysexits.h> */

int cmd_stacks(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_core(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_parse(int argc, char **argv);
int cmd_leaks(int argc, char **argv);
int cmd_death(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_leaks_asked(int argc, char **argv);
int cmd_snapshot_asked(int argc, char **argv);

/* Prints "gorgon: TEXT" to stderr; returns EXIT_BAD_INPUT. */
int tool_fail(const struct error *e);

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Should output to fd be coloured? */
bool tool_color(enum color how, int fd);

/* 500ms, 10s, 5m, 1h, or a number of seconds; -EINVAL. */
int tool_duration(const char *text, int64_t *ret);

/* ---- from a target to a report ------------------------------------------------------------------------------- */

/* Options that several commands have: --args, --group, --where, ... */
struct report_options {
	struct emit_options emit;
	struct collect_options collect;
	struct core_options core;
	enum color color;
	const char *where;  /* NULL: all */
	const char *output; /* file; NULL: standard output */
	bool separate;      /* an empty line first: a message stands before it */
};

extern const struct argp core_argp;   /* a child parser; its input is a struct core_options */
extern const struct argp report_argp; /* a child parser; its input is a struct report_options */

/* Other forms than text: --json, --html, ... */
enum { MAX_FORMATS = 8 };

enum form { FORM_JSON, FORM_JSON_LINE, FORM_HTML, FORM_FOLDED, FORM_PPROF, FORM_PPROF_TEXT };

struct report_formats {
	struct {
		enum form form;
		const char *path; /* NULL: standard output */
	} items[MAX_FORMATS];
	unsigned n;
};

extern const struct argp formats_argp; /* a child parser; its input is a struct report_formats */

/* A target with all that hangs on it. */
struct session {
	struct target *target;
	struct debug *debug;
	struct world world;
};

/* By what the user wrote: the number of a process, or the name of a core or snapshot. */
int session_open(struct session *s, const char *what, const struct core_options *o, struct error *e);
/* Stops it, looks, lets it go on. */
int session_collect(struct session *s, const struct report_options *o, struct error *e);
void session_close(struct session *s);

/* cmd_snapshot.c: writes one of the process that `what` is the number of, and says so on stderr. */
struct snapshot_options;
struct snapshot_stats;
int snapshot_of(const char *what, const char *path, const struct snapshot_options *how, struct error *e);
void snapshot_say(const char *path, const struct snapshot_stats *st);

/* What commands that write a core are told: from what, and where to. */
struct writing {
	const char *kinds; /* of things that it can be made from: "process" */
	const char *what, *output;
};

extern const struct argp writing_argp; /* a child parser; its input is a struct writing */

/* Keeps the goroutines that --where asks for. */
int report_filter(struct world *w, const struct report_options *o, struct error *e);

/* Where reports go: fd, or o->output.  report_close writes what is left, and takes the file away again if err is
 * not 0; it returns err or what went wrong then. */
int report_open(struct sink *s, const struct report_options *o, int fd, struct error *e);
int report_close(struct sink *s, const struct report_options *o, int err, struct error *e);

/* Writes the report to fd, or to o->output. */
int report_write(struct world *w, const struct report_options *o, int fd, struct error *e);

/* Writes the forms that were asked for; text if none was. */
int report_forms(struct world *w, const struct report_options *o, const struct report_formats *f,
		 struct error *e);

#endif
