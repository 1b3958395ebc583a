/* SPDX-License-Identifier: MIT */
#ifndef EMIT_PART_H
#define EMIT_PART_H
/*
 * What: a value or a part of one: a member, an item, a bit-field, with what is known of it.
 *
 * How: points into the value's bytes and mask; taking a part apart costs nothing.  Every emitter reads bytes
 * through these functions only.
 *
 * Invariants: a part never reaches outside the bytes it was made from, whatever the debug information says: what
 * lies outside is unknown.  part_uint is asked only when part_status is not VALUE_UNKNOWN.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/value.h"

struct part {
	const struct type *type;    /* never NULL; what is not known has the type `void` */
	const unsigned char *bytes; /* NULL: nothing is known */
	const unsigned char *mask;  /* enum value_status per byte; NULL: all as `status` says */
	uint64_t size;              /* bytes there are, at most type->size */
	uint64_t addr;              /* in the target's memory; 0: not there */
	uint16_t bit_offset;        /* of a bit-field, from the lowest bit of the first byte */
	uint16_t bit_size;          /* 0: no bit-field */
	uint8_t status;             /* enum value_status, where mask is NULL */
};

struct part part_of(const struct value *v);

/* Something of another type at an offset. */
struct part part_at(const struct part *p, uint64_t offset, const struct type *type);

/* The same for plain bytes of the target, all of the same status. */
struct part part_of_bytes(const struct type *type, const unsigned char *bytes, uint64_t n, uint64_t addr,
			  uint8_t status);

struct part part_member(const struct part *p, const struct type_member *m);
struct part part_item(const struct part *p, uint64_t i);

/* The n-th eight bytes; of the last word, what there is. */
struct part part_word(const struct part *p, uint64_t n);

/* The worst status of any of its bytes. */
enum value_status part_status(const struct part *p);

/* Not one byte is known, not even as possibly out of date. */
bool part_is_unknown(const struct part *p);

/* Up to eight bytes as a number; bit-fields are cut out. */
uint64_t part_uint(const struct part *p);
int64_t part_int(const struct part *p);

/* void, an unsigned integer of eight bytes, void *: for what has no type of its own. */
extern const struct type part_void, part_u64, part_pointer;

/* Of a value that is not the same in all that are shown as one. */
extern const struct type part_various;

/* Its alignment as C has it, at most 8. */
uint64_t type_align(const struct type *t);

/* char as text, by its name: `char`, not `uint8_t` or `signed char`. */
bool type_is_text(const struct type *t);

#endif
