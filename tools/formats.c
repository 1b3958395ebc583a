/* SPDX-License-Identifier: MIT */
/*
 * What: --json, --html, --folded, --pprof: the other forms of a report.
 *
 * How: each names a file, which must not exist; several may be asked for at once.  Without any, the report is text.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

enum { OPT_JSON = 2048, OPT_JSON_LINE, OPT_HTML, OPT_FOLDED, OPT_PPROF, OPT_PPROF_TEXT };

static const struct argp_option options[] = {
	{"json", OPT_JSON, "FILE", OPTION_ARG_OPTIONAL, "JSON (doc/schema/dump-1.json)", 1},
	{"json-line", OPT_JSON_LINE, "FILE", OPTION_ARG_OPTIONAL, "the same on one line", 1},
	{"html", OPT_HTML, "FILE", 0, "a page for a browser, with search and the graph of who waits for whom",
	 1},
	{"folded", OPT_FOLDED, "FILE", 0, "folded stacks, for flame graphs", 1},
	{"pprof", OPT_PPROF, "FILE", 0, "a goroutine profile for pprof", 1},
	{"pprof-text", OPT_PPROF_TEXT, "FILE", 0, "the same as text, as Go writes it with debug=1", 1},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_formats *f = state->input;

	if (key < OPT_JSON || key > OPT_PPROF_TEXT)
		return ARGP_ERR_UNKNOWN;
	if (f->n == MAX_FORMATS)
		argp_error(state, "too many forms at once");
	f->items[f->n].form = (enum form)(key - OPT_JSON);
	f->items[f->n++].path = arg && strcmp(arg, "-") != 0 ? arg : NULL;
	return 0;
}

const struct argp formats_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

static void put_form(struct world *w, const struct emit_options *o, enum form form, struct sink *s)
{
	switch (form) {
	case FORM_JSON:
	case FORM_JSON_LINE:
		emit_json(w, o, form == FORM_JSON_LINE, s);
		return;
	case FORM_HTML:
		emit_html(w, o, s);
		return;
	case FORM_FOLDED:
		emit_folded(w, o, s);
		return;
	case FORM_PPROF:
		emit_pprof(w, o, s);
		return;
	case FORM_PPROF_TEXT:
		emit_pprof_text(w, o, s);
		return;
	}
}

int report_forms(struct world *w, const struct report_options *o, const struct report_formats *f,
		 struct error *e)
{
	int err = 0;

	if (!f->n)
		return report_write(w, o, STDOUT_FILENO, e);
	analyse_ids(w);
	for (unsigned i = 0; i < f->n && !err; i++) {
		struct report_options one = *o;
		struct sink s;

		one.output = f->items[i].path ? f->items[i].path : o->output;
		err = report_open(&s, &one, STDOUT_FILENO, e);
		if (err)
			break;
		s.color = false;
		put_form(w, &o->emit, f->items[i].form, &s);
		err = report_close(&s, &one, 0, e);
	}
	return err;
}
