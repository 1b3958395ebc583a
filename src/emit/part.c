/* SPDX-License-Identifier: MIT */
/* What, how: emit/part.h. */
#include "emit/part.h"

#include <string.h>

enum { MAX_ALIGN = 8, MAX_VISITS = 4096 };

const struct type part_void = {.kind = TYPE_VOID, .name = "void"};
const struct type part_various = {.kind = TYPE_VOID, .name = "*"};
const struct type part_pointer = {.kind = TYPE_POINTER, .name = "void *", .size = 8};
const struct type part_u64 = {.kind = TYPE_UINT, .name = "uint64_t", .size = 8};

struct part part_of_bytes(const struct type *type, const unsigned char *bytes, uint64_t n, uint64_t addr,
			  uint8_t status)
{
	struct part p = {.type = type ? type : &part_void, .addr = addr, .status = status};

	p.bytes = status == VALUE_UNKNOWN ? NULL : bytes;
	p.size = n < p.type->size ? n : p.type->size;
	return p;
}

struct part part_of(const struct value *v)
{
	const struct type *type = v->type ? v->type : &part_void;
	struct part p = part_of_bytes(type, v->bytes, type->size, v->addr, v->status);

	if (v->bytes && v->mask) {
		p.bytes = v->bytes;
		p.mask = v->mask;
	}
	return p;
}

struct part part_at(const struct part *p, uint64_t offset, const struct type *type)
{
	struct part q = part_of_bytes(type, NULL, 0, p->addr ? p->addr + offset : 0, p->status);

	if (!p->bytes || offset > p->size)
		return q;
	q.bytes = p->bytes + offset;
	q.mask = p->mask ? p->mask + offset : NULL;
	q.size = p->size - offset;
	if (q.size > q.type->size)
		q.size = q.type->size;
	return q;
}

struct part part_member(const struct part *p, const struct type_member *m)
{
	struct part q = part_at(p, m->offset, m->type);
	uint64_t bytes;

	if (!m->bit_size)
		return q;
	/* A bit-field may begin in a byte before its storage unit would, and needs no byte more than its bits. */
	q.bit_size = m->bit_size < 64 ? m->bit_size : 64;
	q.bit_offset = m->bit_offset;
	bytes = ((uint64_t)q.bit_offset + q.bit_size + 7) / 8;
	q.size = q.bytes && m->offset + bytes <= p->size ? bytes : 0;
	return q;
}

struct part part_item(const struct part *p, uint64_t i)
{
	const struct type *elem = p->type->elem ? p->type->elem : &part_void;

	return part_at(p, i * elem->size, elem);
}

struct part part_word(const struct part *p, uint64_t n)
{
	struct part q = part_at(p, n * 8, &part_u64);
	uint64_t rest = p->type->size > n * 8 ? p->type->size - n * 8 : 0;

	/* A whole number of bytes below eight is read as if it were a bit-field of all of them. */
	if (rest < 8 && q.bytes) {
		q.bit_size = (uint16_t)(rest * 8);
		q.size = q.size < rest ? q.size : rest;
	}
	return q;
}

static uint64_t bytes_needed(const struct part *p)
{
	return p->bit_size ? ((uint64_t)p->bit_offset + p->bit_size + 7) / 8 : p->type->size;
}

enum value_status part_status(const struct part *p)
{
	uint64_t n = bytes_needed(p), i = 0;
	unsigned char worst = VALUE_KNOWN;

	if (!p->bytes || !n || p->size < n)
		return VALUE_UNKNOWN;
	if (!p->mask)
		return p->status;
	if (p->bit_size)
		i = p->bit_offset / 8;
	for (; i < n; i++)
		if (p->mask[i] > worst)
			worst = p->mask[i];
	return worst >= VALUE_UNKNOWN ? VALUE_UNKNOWN : (enum value_status)worst;
}

bool part_is_unknown(const struct part *p)
{
	if (!p->bytes)
		return p->type->size > 0 || p->status != VALUE_KNOWN;
	if (!p->mask && p->status == VALUE_UNKNOWN)
		return true;
	if (!p->mask)
		return false;
	for (uint64_t i = 0; i < p->size; i++)
		if (p->mask[i] < VALUE_UNKNOWN)
			return false;
	return p->type->size > 0;
}

static uint64_t load(const unsigned char *p, uint64_t n)
{
	uint64_t x = 0;

	memcpy(&x, p, n < 8 ? n : 8); /* the target's order is ours: little endian */
	return x;
}

uint64_t part_uint(const struct part *p)
{
	const unsigned char *at = p->bytes;
	unsigned shift;
	uint64_t x, n;

	if (!p->bit_size)
		return load(at, p->size);
	at += p->bit_offset / 8;
	shift = p->bit_offset % 8;
	n = (shift + p->bit_size + 7u) / 8;
	x = load(at, n) >> shift;
	if (n > 8)
		x |= (uint64_t)at[8] << (64 - shift);
	return p->bit_size < 64 ? x & (((uint64_t)1 << p->bit_size) - 1) : x;
}

int64_t part_int(const struct part *p)
{
	uint64_t bits = p->bit_size ? p->bit_size : p->size * 8;
	uint64_t x = part_uint(p);

	if (bits >= 64 || bits == 0)
		return (int64_t)x;
	return (int64_t)(x << (64 - bits)) >> (64 - bits);
}

/* visits: how many types may still be looked at.  Broken types can be cyclic, or make a tree without end. */
static uint64_t align_within(const struct type *t, int *visits)
{
	uint64_t align = 1;

	if (!t || --*visits < 0)
		return 1;
	if (t->kind == TYPE_ARRAY)
		return align_within(t->elem, visits);
	if (t->kind == TYPE_COMPLEX)
		align = t->size / 2;
	else if (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION)
		align = t->size;
	else
		for (uint32_t i = 0; i < t->nmembers && align<MAX_ALIGN && * visits> 0; i++) {
			uint64_t a = align_within(t->members[i].type, visits);

			align = a > align ? a : align;
		}
	if (align & (align - 1))
		return 1;
	return align > MAX_ALIGN ? MAX_ALIGN : align ? align : 1;
}

uint64_t type_align(const struct type *t)
{
	int visits = MAX_VISITS;

	return align_within(t, &visits);
}

bool type_is_text(const struct type *t)
{
	size_t n;

	if (!t || t->kind != TYPE_CHAR)
		return false;
	n = strlen(t->name);
	return n >= 4 && !strcmp(t->name + n - 4, "char") && !strstr(t->name, "signed") &&
	       !strstr(t->name, "uchar");
}
