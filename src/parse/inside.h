/* SPDX-License-Identifier: MIT */
#ifndef PARSE_INSIDE_H
#define PARSE_INSIDE_H
/*
 * What: what the files of parse/ share: pieces of text, and the world that is being put together.
 */
#include <stdbool.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"
#include "parse/parse.h"

/* ---- pieces of text: text.c ------------------------------------------------------------------------------------- */

/* A piece of a line; the bytes are somebody else's. */
struct text {
	const char *p;
	size_t n;
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

static inline struct text text_from(struct text t, size_t at)
{
	return (struct text){t.p + at, t.n - at};
}

static inline struct text text_until(struct text t, size_t at)
{
	return (struct text){t.p, at};
}

bool text_is(struct text t, const char *literal);
bool text_starts(struct text t, const char *literal);
bool text_ends(struct text t, const char *literal);
struct text text_trim(struct text t); /* without white space at its ends */

/* If t begins with it: skips it. */
bool text_take(struct text *t, const char *literal);
bool text_take_dec(struct text *t, uint64_t *ret);
bool text_take_hex(struct text *t, uint64_t *ret); /* without 0x; up to 16 digits */

/* The same with capitals too. */
bool text_take_hex_any(struct text *t, uint64_t *ret);

/* The character that the escape at the beginning stands for: \n, \x1b; skips it. */
char text_take_escape(struct text *t);

/* Where it stands first or last; SIZE_MAX: nowhere. */
size_t text_find(struct text t, const char *literal);
size_t text_rfind(struct text t, const char *literal);

/* The index behind what stands between quotes and begins at `at`; SIZE_MAX: it does not end. */
size_t text_quoted(struct text t, size_t at);

/* ---- lines out of logs: unwrap.c -------------------------------------------------------------------------------- */

struct buffer {
	char *items;
	size_t cap;
};

/* Memory for what is no part of the line itself. */
struct clean {
	struct buffer plain, objects[2];
};

/* The line that the program wrote: without line end, colours, and the JSON that it is kept in. */
struct text line_clean(struct clean *c, struct text raw);
void clean_deinit(struct clean *c);

/* A line that holds several, in one text. */
struct embedded {
	struct text before, after; /* of the line */
	struct text text;
	char *memory; /* of the text; free() */
};

/* If it seems to hold a traceback. */
bool line_embedded(struct text line, struct embedded *ret);

/* ---- the world that is being put together: build.c ------------------------------------------------------------- */

enum {
	MAX_ARGS = 128,        /* of one frame */
	MAX_LEAVES = 256,      /* of one argument */
	MAX_BRACES = 16,       /* of them in one another */
	MAX_CROWD = 200000,    /* goroutines of one dump that a header only names */
	MAX_LINE = 1 << 24,    /* bytes of a line that may be part of a dump */
	MAX_HELD = 1 << 16,    /* bytes of a message */
	MAX_HELD_LINES = 200,  /* lines of a message */
	MAX_INTERRUPTIONS = 5, /* lines that may stand in the middle of a dump */
};

/* What the header of a block says. */
struct header {
	struct goroutine g;
	struct text ranges; /* ids of a group, as written; empty: none */
	uint64_t count;     /* of the group */
};

enum block { BLOCK_NONE, BLOCK_GOROUTINE, BLOCK_THREAD };

struct build {
	struct world w;
	struct table strings, places, types; /* by hash: lists of what is there once */
	struct table ids;                    /* goroutines there are */
	VEC(struct goroutine) goroutines;
	VEC(struct thread) threads;
	/* the block that is being read */
	enum block block;
	struct header header;
	struct thread thread;
	struct stack stack;
	VEC(struct frame) frames;
	size_t crowd;   /* goroutines that were only named */
	size_t unnamed; /* and those that were not even that */
};

void build_deinit(struct build *b);

/* The same pointer for the same text; NULL for none. */
const char *build_string(struct build *b, struct text t);

/* What stood between quotes: the text that it was written for. */
const char *build_unquoted(struct build *b, struct text t);

/* The same pointer for the same place; its strings are interned. */
const struct place *build_place(struct build *b, const struct place *at);

/* The type of that name, made by the caller if *ret_new. */
struct type *build_type(struct build *b, struct text name, bool *ret_new);

/* The block is over: its goroutines or its thread are added. */
void build_end_block(struct build *b);

/* Everything into b->w. */
void build_world(struct build *b);

/* ---- lines: header.c, frame.c, args.c ---------------------------------------------------------------------------- */

/* "goroutine 7 [chan receive, 3 minutes]:"; false if it is no header.  b: NULL only asks that. */
bool parse_header(struct build *b, struct text line, struct header *ret);

/* `thread 12 "name" [futex wait]:` */
bool parse_thread(struct build *b, struct text line, struct thread *ret);

/* "main.worker(0x1, 0x2)": false if it cannot be one.  What is between the parentheses is read by parse_args. */
struct call {
	struct text function; /* empty: unknown */
	struct text module;   /* empty: unknown */
	struct text args;     /* between the parentheses */
	enum frame_kind kind;
	bool guessed;
	bool no_args; /* no parentheses */
};

bool parse_call(struct text line, struct call *ret);

/* What stands behind the tab. */
struct position {
	struct text file; /* empty: unknown */
	int line;
	uint64_t offset, fp, sp, pc;
	struct text module;
	uint64_t module_offset;
};

bool parse_position(struct text line, struct position *ret);

/* "created by F in goroutine 7" */
bool parse_created(struct text line, struct text *ret_function, int64_t *ret_creator);

/* "...12 frames elided..." and the like; false if it is none. */
bool parse_gap(struct text line, uint64_t *ret_elided, enum stack_end *ret_end);

void parse_args(struct build *b, struct text args, struct frame *f);

#endif
