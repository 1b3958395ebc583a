/* SPDX-License-Identifier: MIT */
/*
 * What: the bytes that a location describes, each with whether it is known.
 *
 * How: piece after piece into the object, from its lowest bit up (DWARF 5, 2.6.1.2, for little-endian machines).
 * Pieces of whole bytes are copied; others go bit by bit, and a byte of which a bit is missing is unknown.  An
 * object that is larger than what describes it is unknown beyond.
 *
 * Invariants: a byte that is not VALUE_KNOWN or VALUE_STALE is zero.
 */
#include "debug/expr_machine.h"

enum { PAGE = 4096 };

/* The bits of the object that were found so far. */
struct object {
	unsigned char *bytes, *mask; /* of mask, here: which bits of the byte are known */
	uint64_t bits;               /* of the object */
	enum value_why why;          /* the first thing that was missing */
};

static void missing(struct object *o, enum value_why why)
{
	if (!o->why)
		o->why = why;
}

enum value_why register_bytes(const struct expr_env *env, uint64_t reg, unsigned char *buf,
			      unsigned *ret_width)
{
	const struct regs *regs = env->regs;

	if (reg < REG_NGPR && regs && regs_knows_low(regs, (unsigned)reg)) {
		memcpy(buf, &regs->gpr[reg], 8);
		*ret_width = regs_knows(regs, (unsigned)reg) ? 8 : 4;
		return WHY_NONE;
	}
	if (reg >= REG_XMM0 && reg < REG_XMM0 + REG_NXMM && regs && regs->xmm &&
	    (regs->xmm->known | regs->xmm->known_low) >> (reg - REG_XMM0) & 1) {
		memcpy(buf, regs->xmm->lane[reg - REG_XMM0], 16);
		*ret_width = regs->xmm->known >> (reg - REG_XMM0) & 1 ? 16 : 8;
		return WHY_NONE;
	}
	return WHY_REGISTER_LOST;
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

/* Reads n bytes; those that cannot be read are left as they are, with a zero in known. */
static enum value_why read_pages(const struct expr_env *env, uint64_t addr, unsigned char *buf,
				 unsigned char *known, size_t n)
{
	enum value_why worst = WHY_NONE, why;
	size_t done, step;

	for (done = 0; done < n; done += step) {
		step = PAGE - (addr + done) % PAGE;
		if (step > n - done)
			step = n - done;
		why = env->read(env->arg, addr + done, buf + done, step);
		memset(known + done, why ? 0 : 0xff, step);
		if (why) {
			memset(buf + done, 0, step);
			worst = why;
		}
	}
	return worst;
}

static enum value_why read_bytes(const struct expr_env *env, uint64_t addr, unsigned char *buf,
				 unsigned char *known, size_t n)
{
	enum value_why why = WHY_UNREADABLE;

	if (n == 0)
		return WHY_NONE;
	if (!env->read)
		return WHY_EXPRESSION;
	if (addr > UINT64_MAX - n)
		return why;
	why = env->read(env->arg, addr, buf, n);
	if (!why)
		memset(known, 0xff, n);
	else
		why = read_pages(env, addr, buf, known, n);
	return why;
}

/* ---- one piece -------------------------------------------------------------------------------------------- */

/* n bytes from byte `from` of a source that has `have` of them. */
static enum value_why copy_part(const unsigned char *source, uint64_t have, uint64_t from, unsigned char *buf,
				unsigned char *known, size_t n)
{
	size_t part = from >= have ? 0 : have - from < n ? have - from : n;

	memcpy(buf, source + (part ? from : 0), part);
	memset(known, 0xff, part);
	return part == n ? WHY_NONE : WHY_OPTIMIZED_OUT;
}

/* n bytes from byte `from` of what a piece describes: buf and known come zeroed. */
static enum value_why source_bytes(const struct expr_env *env, const struct loc_piece *p, uint64_t from,
				   unsigned char *buf, unsigned char *known, size_t n)
{
	unsigned char reg[16];
	enum value_why why;
	unsigned width;

	switch (p->kind) {
	case LOC_MEMORY:
		if (p->addr > UINT64_MAX - from)
			return WHY_UNREADABLE;
		return read_bytes(env, p->addr + from, buf, known, n);
	case LOC_REGISTER:
		why = register_bytes(env, p->addr, reg, &width);
		if (why)
			return why;
		why = copy_part(reg, width, from, buf, known, n);
		/* What is above that of a vector, or of a copy, is not known to us. */
		return why && (width != 8 || p->addr >= REG_XMM0) ? WHY_REGISTER_LOST : why;
	case LOC_VALUE:
		if (p->value_size > 8)
			return copy_part(p->bytes, p->nbytes, from, buf, known, n);
		return copy_part((const unsigned char *)&p->addr, p->value_size, from, buf, known, n);
	case LOC_BYTES:
		return copy_part(p->bytes, p->nbytes, from, buf, known, n);
	case LOC_IMPLICIT_POINTER:
		return WHY_OPTIMIZED_OUT;
	case LOC_NONE:
		break;
	}
	return p->why ? p->why : WHY_OPTIMIZED_OUT;
}

/* Bits first..first + n of the object, from bit `skip` of buf on. */
static void put_bits(struct object *o, uint64_t first, uint64_t n, const unsigned char *buf,
		     const unsigned char *known, unsigned skip)
{
	uint64_t i;

	for (i = 0; i < n; i++) {
		uint64_t to = first + i, from = skip + i;

		if (!(known[from / 8] >> (from % 8) & 1))
			continue;
		o->bytes[to / 8] |= (buf[from / 8] >> (from % 8) & 1) << (to % 8);
		o->mask[to / 8] |= 1u << (to % 8);
	}
}

/* Whole bytes go straight to where they belong, bits through a buffer. */
static void fetch_piece(const struct expr_env *env, struct object *o, const struct loc_piece *p,
			uint64_t first, uint64_t nbits)
{
	unsigned char buf[512], known[512];
	unsigned skip = p->bit_offset % 8;
	uint64_t from = p->bit_offset / 8;
	enum value_why why;

	if (skip == 0 && first % 8 == 0 && nbits % 8 == 0) {
		why = source_bytes(env, p, from, o->bytes + first / 8, o->mask + first / 8, nbits / 8);
		if (why)
			missing(o, why);
		return;
	}
	while (nbits) {
		uint64_t part = nbits < 8 * sizeof buf - 8 ? nbits : 8 * sizeof buf - 8;

		memset(buf, 0, sizeof buf);
		memset(known, 0, sizeof known);
		why = source_bytes(env, p, from, buf, known, (skip + part + 7) / 8);
		if (why)
			missing(o, why);
		put_bits(o, first, part, buf, known, skip);
		first += part;
		nbits -= part;
		from += part / 8; /* all but the last part are whole bytes */
	}
}

/* ---- the object ------------------------------------------------------------------------------------------- */

/* Where the object begins if all its pieces are memory, one behind the other; else 0. */
static uint64_t memory_address(const struct loc *loc, size_t size)
{
	uint64_t addr = loc->pieces[0].addr, next = addr;
	unsigned i;

	for (i = 0; i < loc->npieces; i++) {
		const struct loc_piece *p = &loc->pieces[i];

		if (p->kind != LOC_MEMORY || p->bit_offset || p->bit_size % 8 || p->addr != next)
			return 0;
		next += p->bit_size / 8;
	}
	return loc->npieces && (loc->pieces[0].bit_size == 0 || next - addr >= size) ? addr : 0;
}

/* From bits known to a status for each byte. */
static void settle(struct object *o, enum value_status found)
{
	uint64_t i;

	for (i = 0; i < o->bits / 8; i++) {
		if (o->mask[i] == 0xff) {
			o->mask[i] = found;
		} else {
			o->mask[i] = VALUE_UNKNOWN;
			o->bytes[i] = 0;
		}
	}
}

enum value_why expr_fetch(const struct expr_env *env, const struct loc *loc, unsigned char *bytes,
			  unsigned char *mask, size_t size, uint64_t *ret_addr)
{
	struct object o = {.bytes = bytes, .mask = mask, .bits = (uint64_t)size * 8};
	uint64_t done = 0;
	unsigned i;

	*ret_addr = memory_address(loc, size);
	memset(bytes, 0, size);
	if (size > EXPR_MAX_BYTES) {
		memset(mask, VALUE_UNKNOWN, size);
		return WHY_LIMIT;
	}
	memset(mask, 0, size);
	for (i = 0; i < loc->npieces && done < o.bits; i++) {
		uint64_t n = loc->pieces[i].bit_size ? loc->pieces[i].bit_size : o.bits;

		if (n > o.bits - done)
			n = o.bits - done;
		fetch_piece(env, &o, &loc->pieces[i], done, n);
		done += n;
	}
	if (done < o.bits)
		missing(&o, WHY_OPTIMIZED_OUT);
	settle(&o, loc->stale ? VALUE_STALE : VALUE_KNOWN);
	return o.why || !loc->stale ? o.why : WHY_OPTIMIZED_OUT;
}
