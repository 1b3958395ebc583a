/* SPDX-License-Identifier: MIT */
#ifndef PARSE_DECODE_H
#define PARSE_DECODE_H
/*
 * What: words to values of types.  Private to parse/; binary.c finds the functions.
 */
#include <elfutils/libdw.h>

#include "base/table.h"
#include "debug/type.h"
#include "model/world.h"

struct decoder {
	struct arena arena;
	struct types *types;     /* of C */
	struct table go_types;   /* by DIE */
	struct table all_params; /* by DIE */
	bool is_go;
};

struct param_type {
	const char *name; /* NULL: none */
	const struct type *type;
};

struct params {
	struct param_type *items;
	unsigned n;
	bool small; /* one is smaller than a word: as plain words they would be packed */
};

void decoder_init(struct decoder *d);
void decoder_deinit(struct decoder *d);

/* Of a subprogram; results and what the compiler has added are left out. */
struct params *decoder_params(struct decoder *d, Dwarf_Die *function);
bool params_same(const struct params *a, const struct params *b);

/* The type of a DIE of a Go program. */
const struct type *go_type(struct decoder *d, Dwarf_Die *die, int depth);

/* The frame's values become those of the parameters; false if they do not fit, and nothing is changed. */
bool decode_braces(struct decoder *d, struct arena *a, const struct params *params, struct frame *f);
bool decode_words(struct decoder *d, struct arena *a, const struct params *params, struct frame *f);

#endif
