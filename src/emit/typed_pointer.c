/* SPDX-License-Identifier: MIT */
/*
 * What: pointers and what they lead to: functions, globals, text, pointees; strings and slices.
 *
 * How: what an address leads to is looked up among the world's facts; without one the address is all there is.
 *
 *	NULL    &handler    handler+0x12    "text"    "text"...    0x55d0    0x55d0 #3    0x55d0 -> struct job{id: 3}
 *
 * Rejected: Go's &{...} for a pointee, since the address has to stand beside it: it says which object it is.
 *
 * Invariants: what a possibly outdated address leads to is shown for text only, and marked.
 */
#include <string.h>

#include "emit/style.h"

void typed_text(struct typed *t, const char *p, uint64_t n, bool more)
{
	sink_char(t->s, '"');
	sink_clean(t->s, p, n, '"');
	sink_str(t->s, more ? "\"..." : "\"");
}

/* ---- addresses -------------------------------------------------------------------------------------------- */

/* &name or name+0x10; false if it has no name. */
static bool put_symbol(struct typed *t, uint64_t addr)
{
	const struct fact *f = world_fact(t->w, FACT_SYMBOL, addr);

	if (!f || f->bad || !f->u.symbol.name)
		return false;
	if (!f->u.symbol.offset)
		sink_char(t->s, '&');
	sink_clean(t->s, f->u.symbol.name, strlen(f->u.symbol.name), 0);
	if (f->u.symbol.offset) {
		sink_char(t->s, '+');
		sink_hex(t->s, f->u.symbol.offset);
	}
	return true;
}

void typed_id(struct typed *t, uint64_t addr)
{
	const struct fact *f = world_fact(t->w, FACT_BYTES, addr);

	if (f && f->id) {
		sink_str(t->s, " #");
		sink_udec(t->s, f->id);
	}
}

static void put_address(struct typed *t, uint64_t addr)
{
	if (put_symbol(t, addr))
		return;
	sink_hex(t->s, addr);
	typed_id(t, addr);
}

/* The text that a char * leads to; false if there is none to show. */
static bool put_text_at(struct typed *t, uint64_t addr, bool stale)
{
	const struct fact *f = world_fact(t->w, FACT_TEXT, addr);
	uint64_t n;

	if (!f || f->bad)
		return false;
	n = f->u.text.len < t->max_text ? f->u.text.len : t->max_text;
	typed_text(t, f->u.text.p, n, f->u.text.truncated || n < f->u.text.len);
	put_stale(t->s, stale || f->stale);
	return true;
}

/* The object at addr as far as it was read; false if it was not. */
static bool pointee_at(struct typed *t, uint64_t addr, const struct type *type, struct part *ret)
{
	const struct fact *f = world_fact(t->w, FACT_BYTES, addr);

	if (!type || type->kind == TYPE_FUNCTION || type->kind == TYPE_VOID || !type->size)
		return false;
	*ret = part_of_bytes(type, NULL, 0, addr, VALUE_KNOWN);
	if (f && !f->bad && f->u.bytes.len)
		*ret = part_of_bytes(type, f->u.bytes.p, f->u.bytes.len, addr,
				     f->stale ? VALUE_STALE : VALUE_KNOWN);
	return t->follow > 0 && t->left > 0 && (ret->bytes || runtime_fact(t->w, type, addr));
}

static void put_pointee(struct typed *t, const struct part *pointee, const char *before)
{
	t->follow--;
	t->depth++;
	sink_str(t->s, before);
	if (pointee->bytes)
		typed_part(t, pointee, true);
	else
		typed_runtime(t, pointee);
	t->depth--;
	t->follow++;
}

void typed_pointer(struct typed *t, const struct part *p)
{
	const struct type *elem = p->type->elem;
	uint64_t addr = part_uint(p);
	bool stale = part_status(p) == VALUE_STALE;
	struct part pointee;

	if (!addr) {
		sink_str(t->s, stale ? "NULL?" : "NULL");
	} else if (elem && elem->kind == TYPE_CHAR && put_text_at(t, addr, stale)) {
		return;
	} else if (stale) {
		if (!put_symbol(t, addr))
			sink_hex(t->s, addr);
		sink_char(t->s, '?');
	} else if (!pointee_at(t, addr, elem, &pointee)) {
		put_address(t, addr);
	} else if (p->type->is_reference && pointee.bytes) {
		put_pointee(t, &pointee, "&");
	} else {
		put_address(t, addr);
		put_pointee(t, &pointee, " -> ");
	}
}

/* ---- strings and slices ------------------------------------------------------------------------------------ */

enum { PTR = 0, LEN = 8, CAP = 16 }; /* as abi/types_abi.h has it */

/* A word of a header: a number, or an address; _ and ? as needed. */
static void put_word(struct typed *t, const struct part *p, bool is_address)
{
	enum value_status status = part_status(p);

	if (status == VALUE_UNKNOWN) {
		sink_char(t->s, '_');
		return;
	}
	if (!is_address)
		sink_udec(t->s, part_uint(p));
	else if (!part_uint(p))
		sink_str(t->s, "NULL");
	else
		put_address(t, part_uint(p));
	put_stale(t->s, status == VALUE_STALE);
}

/* The bytes of a string: as text, or as memory, whichever has more of them. */
static const char *string_bytes(struct typed *t, uint64_t addr, uint64_t len, uint64_t *ret_n,
				bool *ret_stale)
{
	const struct fact *text = world_fact(t->w, FACT_TEXT, addr);
	const struct fact *bytes = world_fact(t->w, FACT_BYTES, addr);
	uint64_t ntext = text && !text->bad ? text->u.text.len : 0;
	uint64_t nbytes = bytes && !bytes->bad ? bytes->u.bytes.len : 0;
	const struct fact *f = nbytes >= ntext ? bytes : text;
	uint64_t n = nbytes >= ntext ? nbytes : ntext;

	n = n < len ? n : len;
	*ret_n = n < t->max_text ? n : t->max_text;
	*ret_stale = f && f->stale;
	if (!n)
		return NULL;
	return nbytes >= ntext ? (const char *)bytes->u.bytes.p : text->u.text.p;
}

void typed_string(struct typed *t, const struct part *p)
{
	struct part ptr = part_at(p, PTR, &part_u64), len = part_at(p, LEN, &part_u64);
	enum value_status status = part_status(&ptr), of_len = part_status(&len);
	const char *text = NULL;
	uint64_t n = 0;
	bool stale = false;

	if (of_len > status)
		status = of_len;
	if (status != VALUE_UNKNOWN && !part_uint(&len))
		text = "";
	else if (status != VALUE_UNKNOWN)
		text = string_bytes(t, part_uint(&ptr), part_uint(&len), &n, &stale);
	if (text) {
		typed_text(t, text, n, n < part_uint(&len));
		put_stale(t->s, stale || status == VALUE_STALE);
		return;
	}
	sink_str(t->s, "string{");
	put_word(t, &ptr, true);
	sink_str(t->s, " len ");
	put_word(t, &len, false);
	sink_char(t->s, '}');
}

/* [a b ...], of the items that were read. */
static void put_slice_items(struct typed *t, const struct type *elem, uint64_t addr, uint64_t len)
{
	const struct fact *f = world_fact(t->w, FACT_BYTES, addr);
	uint64_t n = f && !f->bad && elem && elem->size ? f->u.bytes.len / elem->size : 0;
	struct part item;

	n = n < len ? n : len;
	if (!n || t->follow <= 0)
		return;
	t->follow--;
	sink_str(t->s, " [");
	for (uint64_t i = 0; i < len; i++) {
		if (i)
			sink_char(t->s, ' ');
		if (i >= n || i >= t->max_items || t->left <= 0) {
			sink_str(t->s, "...");
			break;
		}
		item = part_of_bytes(elem, f->u.bytes.p + i * elem->size, elem->size, addr + i * elem->size,
				     VALUE_KNOWN);
		typed_part(t, &item, false);
	}
	sink_char(t->s, ']');
	put_stale(t->s, f->stale);
	t->follow++;
}

void typed_slice(struct typed *t, const struct part *p)
{
	struct part ptr = part_at(p, PTR, &part_u64), len = part_at(p, LEN, &part_u64),
		    cap = part_at(p, CAP, &part_u64);

	typed_name(t->s, p->type);
	sink_char(t->s, '{');
	put_word(t, &ptr, true);
	sink_str(t->s, " len ");
	put_word(t, &len, false);
	sink_str(t->s, " cap ");
	put_word(t, &cap, false);
	t->depth++;
	if (part_status(&ptr) == VALUE_KNOWN && part_status(&len) == VALUE_KNOWN)
		put_slice_items(t, p->type->elem, part_uint(&ptr), part_uint(&len));
	t->depth--;
	sink_char(t->s, '}');
}
