/* SPDX-License-Identifier: MIT */
#ifndef EMIT_STYLE_H
#define EMIT_STYLE_H
/*
 * What: the three ways to write a frame's arguments, and what they are made of.  Private to emit/.
 *
 * How: text.c and explain.c write whole dumps with these; typed.c, go_style.c and words.c are the styles.
 */
#include "base/sink.h"
#include "emit/emit.h"
#include "emit/part.h"

enum { DEFAULT_TEXT = 64, DEFAULT_ITEMS = 8 };

/* A value of the function's entry which may have been changed since: the function has begun to run. */
static inline bool is_old(const struct frame *f, const struct value *v)
{
	return v->at_entry && !(f->place && f->place->entry && f->pc == f->place->entry);
}

/* ---- typed: typed.c, typed_pointer.c, typed_runtime.c ----------------------------------------------------- */

/* One argument being written. */
struct typed {
	const struct world *w;
	struct sink *s;
	uint32_t max_text, max_items;
	int depth;  /* aggregates and pointees that it is in */
	int follow; /* pointers that may still be followed on this path */
	int left;   /* leaves that may still be written */
};

void typed_args(const struct world *w, const struct frame *f, const struct emit_options *o, struct sink *s);

/* One value or part, without its name, as an argument of its own. */
void typed_value(const struct world *w, const struct part *p, const struct emit_options *o, struct sink *s);

/* The same within another; named: an aggregate begins with its type. */
void typed_part(struct typed *t, const struct part *p, bool named);

/* As Go would spell it: [4]int, []string, else as C does. */
void typed_name(struct sink *s, const struct type *type);

/* A known number, bool, enum, float or character, without marks. */
void typed_scalar(struct sink *s, const struct part *p);

void typed_pointer(struct typed *t, const struct part *p);

/* " #3", if the address has a short id. */
void typed_id(struct typed *t, uint64_t addr);

void typed_string(struct typed *t, const struct part *p); /* gor_string */
void typed_slice(struct typed *t, const struct part *p);

/* The types of <gorgon.h>; false if nothing more is known than the type says. */
bool typed_runtime(struct typed *t, const struct part *p);

/* What is known of an object of such a type (a mutex, what a chan leads to) at addr; NULL. */
const struct fact *runtime_fact(const struct world *w, const struct type *type, uint64_t addr);

/* Text between quotes; more: there is more of it than this. */
void typed_text(struct typed *t, const char *p, uint64_t n, bool more);

/* ?, or nothing */
void put_stale(struct sink *s, bool stale);

void put_float(struct sink *s, const struct part *p);
void put_int128(struct sink *s, const struct part *p, bool is_signed);

/* 1.5s, 12ms: a duration for people. */
void put_duration(struct sink *s, int64_t ns);

/* ---- go, words -------------------------------------------------------------------------------------------- */

void go_args(const struct frame *f, struct sink *s);
void words_args(const struct frame *f, struct sink *s);

/* How to get from an argument to one of its leaves, innermost step first. */
struct step {
	const struct step *up; /* NULL: the argument itself */
	const char *name;      /* of a member; NULL: an item */
	uint64_t index;        /* of an item */
};

/* A leaf of an argument and its place in the words: a scalar, or up to eight bytes of something larger. */
struct span {
	struct part part;
	const struct value *of;  /* the argument */
	const struct step *path; /* NULL: the argument itself */
	uint64_t offset;         /* bytes from the first word on */
};

typedef void span_fn(const struct span *span, void *arg);

/* Calls fn for the leaves that begin in the first `limit` bytes, in order.  Returns the bytes that all arguments
 * take. */
uint64_t words_layout(const struct frame *f, uint64_t limit, span_fn *fn, void *arg);

#endif
