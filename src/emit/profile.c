/* SPDX-License-Identifier: MIT */
/*
 * What: the format of pprof: emit/profile.h.
 *
 * How: a protobuf message is a row of fields, each a key (number and wire type) and a varint, or a length and bytes.
 * The numbers are those of profile.proto.
 *
 * Invariants: string 0 is empty; every other number begins with 1.
 */
#include "emit/profile.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/arena.h"

/* ---- protobuf ---------------------------------------------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static void put_varint(struct sink *s, uint64_t x)
{
	for (; x >= 0x80; x >>= 7)
		sink_char(s, (char)(x | 0x80));
	sink_char(s, (char)x);
}

static void put_uint(struct sink *s, unsigned field, uint64_t x)
{
	if (!x)
		return;
	put_varint(s, field << 3 | WIRE_VARINT);
	put_varint(s, x);
}

static void put_bytes(struct sink *s, unsigned field, const char *p, size_t n)
{
	put_varint(s, field << 3 | WIRE_BYTES);
	put_varint(s, n);
	sink_put(s, p, n);
}

/* What was put into `inner` as one field; `inner` is over then. */
static void put_message(struct sink *s, unsigned field, struct sink *inner)
{
	put_bytes(s, field, inner->buf, inner->len);
	sink_deinit(inner);
}

/* ---- what is there once ------------------------------------------------------------------------------------------ */

struct known {
	struct known *next;
	uint64_t id;
	size_t n;
	char key[];
};

/* The number of what has this key; *ret_new: it has just been given. */
static uint64_t number_of(struct profile *p, struct table *in, uint64_t *count, const void *key, size_t n,
			  bool *ret_new)
{
	const unsigned char *bytes = key;
	uint64_t h = n;
	struct known *k;
	void **slot;

	for (size_t i = 0; i < n; i++)
		h = (h ^ bytes[i]) * 0x100000001b3ULL;
	slot = table_slot(in, table_mix(h, n));
	for (k = *slot; k && (k->n != n || memcmp(k->key, key, n) != 0); k = k->next)
		;
	*ret_new = !k;
	if (k)
		return k->id;
	k = arena_alloc(&p->arena, sizeof *k + n);
	k->next = *slot;
	k->id = ++*count;
	k->n = n;
	memcpy(k->key, key, n);
	*slot = k;
	return k->id;
}

static uint64_t string_id(struct profile *p, const char *text)
{
	bool is_new;
	uint64_t id;

	if (!text || !text[0])
		return 0;
	id = number_of(p, &p->string_ids, &p->nstrings, text, strlen(text), &is_new);
	if (is_new)
		put_bytes(&p->strings, 6, text, strlen(text));
	return id;
}

static uint64_t function_id(struct profile *p, const struct profile_place *at)
{
	uint64_t key[2] = {string_id(p, at->function), string_id(p, at->file)}, id;
	struct sink inner;
	bool is_new;

	id = number_of(p, &p->function_ids, &p->nfunctions, key, sizeof key, &is_new);
	if (!is_new)
		return id;
	sink_init_memory(&inner);
	put_uint(&inner, 1, id);
	put_uint(&inner, 2, key[0]);
	put_uint(&inner, 3, key[0]);
	put_uint(&inner, 4, key[1]);
	put_message(&p->functions, 5, &inner);
	return id;
}

static uint64_t mapping_id(struct profile *p, const char *module)
{
	uint64_t key = string_id(p, module), id;
	struct sink inner;
	bool is_new;

	if (!key)
		return 0;
	id = number_of(p, &p->mapping_ids, &p->nmappings, &key, sizeof key, &is_new);
	if (!is_new)
		return id;
	sink_init_memory(&inner);
	put_uint(&inner, 1, id);
	put_uint(&inner, 5, key);
	for (unsigned has = 7; has <= 10;
	     has++) /* functions, files, lines, inlined ones: nobody need look again */
		put_uint(&inner, has, 1);
	put_message(&p->mappings, 3, &inner);
	return id;
}

uint64_t profile_location(struct profile *p, const struct profile_place *at)
{
	uint64_t key[4] = {function_id(p, at), (uint64_t)(uint32_t)at->line, at->addr,
			   mapping_id(p, at->module)};
	struct sink inner, line;
	uint64_t id;
	bool is_new;

	id = number_of(p, &p->location_ids, &p->nlocations, key, sizeof key, &is_new);
	if (!is_new)
		return id;
	sink_init_memory(&line);
	put_uint(&line, 1, key[0]);
	put_uint(&line, 2, key[1]);
	sink_init_memory(&inner);
	put_uint(&inner, 1, id);
	put_uint(&inner, 2, key[3]);
	put_uint(&inner, 3, at->addr);
	put_message(&inner, 4, &line);
	put_message(&p->locations, 4, &inner);
	return id;
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

void profile_init(struct profile *p, const struct profile_type *types, unsigned n)
{
	struct sink inner;

	memset(p, 0, sizeof *p);
	sink_init_memory(&p->samples);
	sink_init_memory(&p->locations);
	sink_init_memory(&p->functions);
	sink_init_memory(&p->mappings);
	sink_init_memory(&p->strings);
	sink_init_memory(&p->types);
	put_bytes(&p->strings, 6, "", 0);
	p->ntypes = n;
	for (unsigned i = 0; i < n; i++) {
		sink_init_memory(&inner);
		put_uint(&inner, 1, string_id(p, types[i].type));
		put_uint(&inner, 2, string_id(p, types[i].unit));
		put_message(&p->types, 1, &inner);
	}
	put_uint(&p->types, 14, string_id(p, types[0].type)); /* which one is shown first */
}

void profile_deinit(struct profile *p)
{
	sink_deinit(&p->samples);
	sink_deinit(&p->locations);
	sink_deinit(&p->functions);
	sink_deinit(&p->mappings);
	sink_deinit(&p->strings);
	sink_deinit(&p->types);
	table_deinit(&p->string_ids);
	table_deinit(&p->function_ids);
	table_deinit(&p->location_ids);
	table_deinit(&p->mapping_ids);
	arena_deinit(&p->arena);
}

static void put_label(struct profile *p, struct sink *s, const struct profile_label *l)
{
	struct sink inner;

	sink_init_memory(&inner);
	put_uint(&inner, 1, string_id(p, l->key));
	if (l->text)
		put_uint(&inner, 2, string_id(p, l->text));
	else
		put_uint(&inner, 3, (uint64_t)l->number);
	put_uint(&inner, 4, string_id(p, l->unit));
	put_message(s, 3, &inner);
}

void profile_sample(struct profile *p, const uint64_t *locations, size_t nlocations, const int64_t *values,
		    const struct profile_label *labels, size_t nlabels)
{
	struct sink sample, packed;

	sink_init_memory(&sample);
	sink_init_memory(&packed);
	for (size_t i = 0; i < nlocations; i++)
		put_varint(&packed, locations[i]);
	put_message(&sample, 1, &packed);
	sink_init_memory(&packed);
	for (unsigned i = 0; i < p->ntypes; i++)
		put_varint(&packed, (uint64_t)values[i]);
	put_message(&sample, 2, &packed);
	for (size_t i = 0; i < nlabels; i++)
		put_label(p, &sample, &labels[i]);
	put_message(&p->samples, 2, &sample);
}

/* ---- gzip -------------------------------------------------------------------------------------------------------- */

static void deflate_into(z_stream *z, struct sink *s, const char *p, size_t n, int flush)
{
	unsigned char out[1 << 14];

	do {
		uInt some = n > 1 << 30 ? 1 << 30 : (uInt)n;

		z->next_in = (unsigned char *)(uintptr_t)p;
		z->avail_in = some;
		do {
			z->next_out = out;
			z->avail_out = sizeof out;
			deflate(z, flush);
			sink_put(s, (const char *)out, sizeof out - z->avail_out);
		} while (!z->avail_out);
		p += some;
		n -= some;
	} while (n);
}

void profile_write(struct profile *p, struct sink *s)
{
	const struct sink *parts[] = {&p->types,     &p->mappings, &p->functions,
				      &p->locations, &p->samples,  &p->strings};
	struct sink rest;
	z_stream z = {0};

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		base_no_memory();
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		deflate_into(&z, s, parts[i]->buf, parts[i]->len, Z_NO_FLUSH);
	sink_init_memory(&rest);
	put_uint(&rest, 9, (uint64_t)p->time_ns);
	deflate_into(&z, s, rest.buf, rest.len, Z_FINISH);
	sink_deinit(&rest);
	deflateEnd(&z);
}
