/* SPDX-License-Identifier: MIT */
/*
 * What: what is dead below the frame of a main that has returned.
 *
 * How: the runtime has kept everything below where main was called from (runtime/leaks/main_frame.c).  The upper part
 * of it was main's frame, the rest was that of functions which main had called.  How large main's was is in its code: what
 * it pushes, and what it subtracts from the stack pointer, all added up, which may be more than it has used at a time.
 *
 * Invariants: where main's code does anything else to the stack pointer, or cannot be seen, all counts as its frame.
 */
#include <string.h>

#include "debug/debug.h"
#include "debug/insn.h"
#include "debug/module.h"
#include "leak/inside.h"

enum { MAX_CODE = 1 << 16, INSN_MAX = 16, ALIGNMENT = 64, UNKNOWN = -1 };

static bool is_push(const unsigned char *op)
{
	return (*op >= 0x50 && *op < 0x58) || *op == 0x68 || *op == 0x6a ||
	       (*op == 0xff && (op[1] >> 3 & 7) == 6);
}

/* What `add`, negative for `sub`, takes from the stack. */
static int64_t taken_by_adding(int64_t n)
{
	return n < 0 ? -n : 0;
}

/* What an instruction with REX.W that writes the stack pointer takes from the stack; UNKNOWN. */
static int64_t taken_by_write(const unsigned char *code)
{
	bool is_add = code[2] == 0xc4, is_sub = code[2] == 0xec;
	int32_t n;

	if (code[0] != 0x48)
		return UNKNOWN;
	if (code[1] == 0x83 && (is_add || is_sub))
		return taken_by_adding(is_add ? (int8_t)code[3] : -(int8_t)code[3]);
	if (code[1] == 0x81 && (is_add || is_sub)) {
		memcpy(&n, code + 3, sizeof n);
		return taken_by_adding(is_add ? n : -(int64_t)n);
	}
	if (code[1] == 0x83 && code[2] == 0xe4)
		return ALIGNMENT; /* and */
	if (code[1] == 0x8d && code[2] == 0x65)
		return 0; /* lea -8(%rbp), %rsp: back to what was pushed */
	return UNKNOWN;
}

static int64_t frame_size(const unsigned char *code, size_t n)
{
	int64_t size = 0, more;
	struct insn in;

	for (size_t at = 0; at < n; at += in.length) {
		const unsigned char *op = code + at + ((code[at] & 0xf0) == 0x40);

		insn_decode(code + at, n - at, &in);
		if (!in.length)
			return UNKNOWN;
		more = is_push(op) ? 8 : in.writes >> REG_RSP & 1 ? taken_by_write(code + at) : 0;
		if (more < 0)
			return UNKNOWN;
		size += more;
	}
	return size;
}

static int64_t frame_size_of(struct leaker *l, uint64_t function)
{
	struct module *m = module_of(debug_modules(l->debug), function);
	const struct symbol *s = m ? module_symbol(m, function, true) : NULL;
	unsigned char *code;

	if (!s || s->addr != function || !s->size || s->size > MAX_CODE)
		return UNKNOWN;
	code = arena_alloc(&l->rt.arena, s->size + INSN_MAX);
	return target_read(l->target, function, code, s->size) == 0 ? frame_size(code, s->size) : UNKNOWN;
}

bool main_frame_dead_below(struct leaker *l, struct range *ret)
{
	uint64_t at = rt_number(&l->rt, "root.main_left"), function = rt_read_u64(&l->rt, at, 0);
	uint64_t lo = rt_read_u64(&l->rt, at, 8), hi = rt_read_u64(&l->rt, at, 16);
	int64_t size = at && function && lo < hi ? frame_size_of(l, function) : UNKNOWN;

	/* The call has pushed the return address, too. */
	if (size < 0 || (uint64_t)size + 8 >= hi - lo)
		return false;
	*ret = (struct range){lo & ~(uint64_t)7, (hi - 8 - (uint64_t)size) & ~(uint64_t)7};
	return true;
}
