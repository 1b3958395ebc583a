/* SPDX-License-Identifier: MIT */
#ifndef EMIT_H
#define EMIT_H
/*
 * What: the forms a world can be written in.
 *
 * How: each takes the same world and a sink; nothing here reads the target or decides what is in the world.
 * What the text looks like is specified in doc/traceback.md.
 */
#include "analyse/analyse.h"
#include "analyse/diff.h"
#include "base/sink.h"
#include "model/world.h"

enum args_style {
	ARGS_TYPED, /* name=value by type */
	ARGS_GO,    /* leaf words in hex, aggregates in braces: what parsers of Go's tracebacks read today */
	ARGS_WORDS, /* the classic form: raw words in Go's stack layout, small arguments packed */
	ARGS_NONE,  /* (...) */
};

struct emit_options {
	enum args_style args;
	bool group; /* identical stacks once, with the ids that have them (analyse_groups) */
	enum similarity similar;
	bool labels;        /* {k: v} in headers */
	bool precise;       /* seconds instead of minutes */
	bool system;        /* runtime frames and goroutines, gp=, m=, fp= sp= pc= */
	bool threads;       /* kernel threads that run no goroutine */
	bool why;           /* typed: say why an argument is unknown */
	bool culprit_again; /* repeat the first goroutine at the end: for people at a terminal */
	uint32_t max_text;  /* bytes of a string that are shown; 0: the default, 64 */
	uint32_t max_items; /* elements of a slice or array; 0: the default, 8 */
};

/* The whole dump. */
void emit_text(const struct world *w, const struct emit_options *o, struct sink *s);

/* JSON: doc/schema/dump-1.json.  one_line: without line breaks, for logs. */
void emit_json(struct world *w, const struct emit_options *o, bool one_line, struct sink *s);

/* A page that needs nothing else. */
void emit_html(struct world *w, const struct emit_options *o, struct sink *s);

/* "main;worker;read;[IO wait] 12": outermost frame first, for flame graphs.  Begins with who created it. */
void emit_folded(struct world *w, const struct emit_options *o, struct sink *s);

/* A goroutine profile: profile.proto, compressed; the text that Go writes with debug=1. */
void emit_pprof(struct world *w, const struct emit_options *o, struct sink *s);
void emit_pprof_text(struct world *w, const struct emit_options *o, struct sink *s);

/* What has become of goroutines: by id; by stack, how many there are at each. */
void emit_diff(const struct world *a, const struct world *b, const struct diff *d,
	       const struct emit_options *o, struct sink *s);
void emit_diff_stacks(const struct world *a, const struct world *b, const struct diff *d,
		      const struct emit_options *o, struct sink *s);

/* One goroutine's or thread's block, without the blank line before it. */
void emit_goroutine(const struct world *w, const struct goroutine *g, const struct emit_options *o,
		    struct sink *s);
void emit_thread(const struct world *w, const struct thread *t, const struct emit_options *o, struct sink *s);

/* A block that stands for all goroutines of a group. */
void emit_group(struct world *w, const struct group *gr, const struct emit_options *o, struct sink *s);

/* A blank line and the notes; nothing if there are none. */
void emit_notes(const struct world *w, struct sink *s);

/* What stands between the parentheses of a frame. */
void emit_args(const struct world *w, const struct frame *f, const struct emit_options *o, struct sink *s);

/* `gorgon explain`: each argument word of a frame, its bits, and which argument and field they are. */
void emit_explain(const struct world *w, const struct frame *f, struct sink *s);

#endif
