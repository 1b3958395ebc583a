/* SPDX-License-Identifier: MIT */
#ifndef EMIT_JSON_H
#define EMIT_JSON_H
/*
 * What: writes JSON (RFC 8259), piece by piece, to a sink.
 *
 * How: the writer knows how deep it is and whether a comma is due; the caller says what comes.  Within an object each
 * piece has a key; within an array, and at the top, key is NULL.
 *
 *	struct json j = json_begin(s);
 *	json_object(&j, NULL);
 *	json_str(&j, "name", name);
 *	json_array(&j, "ids");
 *	json_int(&j, NULL, 7);
 *	json_end(&j);
 *	json_end(&j);
 *
 * Text may come from a hostile program and hold any bytes: quotes and controls are escaped, and so are characters
 * that nobody sees; what is no UTF-8 becomes U+FFFD.
 *
 * Invariants: integers are exact; readers that keep numbers as doubles lose those beyond 2^53, so addresses are
 * written as text (json_hex).
 */
#include "base/sink.h"

enum { JSON_DEPTH = 64 };

struct json {
	struct sink *sink;
	uint64_t arrays;  /* bit n: level n is an array, not an object */
	uint64_t started; /* bit n: something stands in level n */
	int depth;
	bool compact; /* everything on one line */
};

struct json json_begin(struct sink *s);

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j); /* of the innermost object or array; of the outermost: and of the line */

void json_str(struct json *j, const char *key, const char *text); /* NULL: null */
void json_strn(struct json *j, const char *key, const char *text, size_t n);
void json_int(struct json *j, const char *key, int64_t n);
void json_uint(struct json *j, const char *key, uint64_t n);
void json_hex(struct json *j, const char *key, uint64_t n); /* "0x1f" */
void json_bool(struct json *j, const char *key, bool yes);
void json_null(struct json *j, const char *key);

/* A finite number with six digits at most. */
void json_double(struct json *j, const char *key, double x);

#endif
