/* SPDX-License-Identifier: MIT */
#ifndef EMIT_PROFILE_H
#define EMIT_PROFILE_H
/*
 * What: writes profiles in the format of pprof (profile.proto, compressed by gzip).
 *
 * How: strings, functions and locations are given numbers as they come and are there once; the message is put
 * together in memory, field by field, since that needs twenty lines and no library.
 *
 *	struct profile p;
 *	profile_init(&p, types, 2);
 *	ids[0] = profile_location(&p, &(struct profile_place){"main", "main.c", 12, 0x401000, NULL});
 *	profile_sample(&p, ids, 1, values, labels, 1);
 *	profile_write(&p, s);
 *	profile_deinit(&p);
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/sink.h"
#include "base/table.h"

struct profile_type {
	const char *type, *unit; /* "goroutine", "count" */
};

struct profile_place {
	const char *function; /* never NULL */
	const char *file;     /* NULL: unknown */
	int line;
	uint64_t addr;
	const char *module; /* NULL: unknown */
};

struct profile_label {
	const char *key, *text; /* text NULL: the number */
	int64_t number;
	const char *unit; /* of the number; NULL: none */
};

struct profile {
	struct sink samples, locations, functions, mappings, strings; /* fields of the message */
	struct table string_ids, function_ids, location_ids, mapping_ids;
	struct arena arena;
	struct sink types;
	unsigned ntypes;
	uint64_t nstrings, nfunctions, nlocations, nmappings;
	int64_t time_ns; /* since 1970; 0: not said */
};

void profile_init(struct profile *p, const struct profile_type *types, unsigned n);
void profile_deinit(struct profile *p);

/* The number of a location: the same for the same place. */
uint64_t profile_location(struct profile *p, const struct profile_place *at);

/* A stack, innermost location first, and one value for each type. */
void profile_sample(struct profile *p, const uint64_t *locations, size_t nlocations, const int64_t *values,
		    const struct profile_label *labels, size_t nlabels);

/* Everything, compressed. */
void profile_write(struct profile *p, struct sink *s);

#endif
