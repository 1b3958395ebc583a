/* SPDX-License-Identifier: MIT */
#ifndef EMIT_LEAKS_H
#define EMIT_LEAKS_H
/*
 * What: the forms in which leaks are reported.  doc/leaks.md says how to read them.
 *
 * How: leak_why.c finds the words, which all forms share; leak_text.c is for people, leak_json.c for programs
 * (doc/schema/leaks-1.json), leak_junit.c, leak_sarif.c and leak_github.c for machines that run tests.
 */
#include "analyse/leaks.h"
#include "emit/emit.h"
#include "emit/json.h"

/* Blocks, explanations, notes, and the line that counts them. */
void emit_leaks(const struct leaks *l, const struct emit_options *o, struct sink *s);

/* gorgon: 2 leaked, 1 deadlocked, 0 stuck, 3 lingering */
void emit_leaks_summary(const struct leaks *l, struct sink *s);

/* Why this is a leak, a line each: a sentence, and then facts. */
void emit_leak_why(const struct leaks *l, const struct leak *leak, struct sink *s);

void emit_leaks_json(const struct leaks *l, const struct emit_options *o, struct sink *s);

/* root: the folder with the sources: files in it are named from there on; NULL: none. */
void emit_leaks_junit(const struct leaks *l, const struct emit_options *o, struct sink *s);
void emit_leaks_sarif(const struct leaks *l, const char *root, struct sink *s);
void emit_leaks_github(const struct leaks *l, const char *root, struct sink *s);

/* ---- how the program ended: leak_ending.c --------------------------------------------------------------------------- */

const char *ending_name(enum ending_kind kind);
bool ending_fails(const struct ending *e);
const char *ending_line(const struct leaks *l);          /* a summary */
const struct stack *ending_stack(const struct leaks *l); /* of whoever crashed; NULL: nobody did */

/* What has happened, and the block of who crashed. */
void emit_ending(const struct leaks *l, const struct emit_options *o, struct sink *s);

/* ---- private to emit/ --------------------------------------------------------------------------------------------- */

enum { LEAK_OBJECTS = 3 };

/* Something that goroutines of a leak wait for. */
struct leak_object {
	uint64_t addr;
	const struct fact *fact; /* NULL: nothing is known of it */
	bool is_send, is_select; /* channels: how */
};

/* The first ones, each once; returns how many there are in all. */
size_t leak_objects(const struct world *w, const struct leak *leak, struct leak_object ret[LEAK_OBJECTS]);

/* "chan int 0xc000 len 0 cap 1, made by goroutine 1 at f.c:7"; "sync.Mutex &lock". */
void put_leak_object(const struct world *w, const struct leak_object *o, struct sink *s);

/* Text from the target. */
void put_clean(struct sink *s, const char *text);

/* Without . and .. in it, as far as that can be. */
const char *leak_normal(struct arena *a, const char *path);

/* FILE as it is named from root on; NULL: it is not below it. */
const char *leak_below(const char *root, const char *file);

/* A place of a go or chan_make may be relative to the folder of the build: the same file as frames name it, if one
 * does. */
const char *leak_file(const struct leak *leak, const char *file);

#endif
