/* SPDX-License-Identifier: MIT */
#ifndef PARSE_H
#define PARSE_H
/*
 * What: reads tracebacks that stand somewhere in a stream of text: ours, and what Go programs of any version print.
 *
 * How: lines are fed in as they come; the client is told of each line that belongs to no dump, and of each dump as a
 * world.  The grammar is doc/traceback.md; older and stranger forms are in header.c, frame.c and args.c.  Lines may
 * have something in front (a time, the name of a container), end in CRLF, be coloured, stand in JSON, and be interrupted
 * by others; a whole dump may be one text between quotes.
 *
 * A dump is a run of blocks, with the message before them.  It ends when other text goes on for some lines, when a
 * new message begins, or when an id comes again.
 *
 * Invariants: memory is bounded by the size of a dump, whatever the text says: a header that speaks of a million
 * goroutines makes no million goroutines.  Order is kept: what stood before a dump is told before it, but for lines
 * that interrupted it.  Every line that was fed is either told or part of a dump; of one that has a whole dump in it, the
 * dump is replaced by `...`.
 */
#include <stddef.h>
#include <stdint.h>

#include "model/world.h"

struct parse_client {
	void *arg;
	/* Bytes that belong to no dump: a line with its end, or a part of a very long one. */
	void (*other)(void *arg, const char *p, size_t n);
	/* A dump.  It belongs to the client from now on: world_deinit. */
	void (*dump)(void *arg, struct world *w);
};

struct parser;

struct parser *parser_new(const struct parse_client *client);
void parser_feed(struct parser *p, const char *bytes, size_t n);
void parser_end(struct parser *p); /* the text is over */
void parser_free(struct parser *p);

/* The types of what is read.  A word is a number or an address as it was printed. */
extern const struct type parse_word, parse_pointer;

#endif
