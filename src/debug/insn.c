/* SPDX-License-Identifier: MIT */
/* What, how: debug/insn.h. */
#include "debug/insn.h"

#include <string.h>

#include "model/regs.h"

/* Numbers of the instruction set. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R11 = 11 };

static const uint8_t dwarf_number[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
					 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
					 REG_R12, REG_R13, REG_R14, REG_R15};

enum map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A };

struct decoder {
	const unsigned char *at, *end;
	bool bad; /* the bytes have ended, or it is not understood */
	bool wide, rex, operand16, address32, vector, vector512; /* vector: VEX or EVEX */
	uint8_t r, b, v; /* upper bits of register numbers; the register of VEX.vvvv */
	enum map map;
	uint8_t op;
	uint8_t mod, reg, rm; /* of ModRM: reg and rm with their upper bits */
	uint16_t writes;      /* by the numbers of the instruction set */
};

static uint8_t byte(struct decoder *d)
{
	if (d->at < d->end)
		return *d->at++;
	d->bad = true;
	return 0;
}

static void skip(struct decoder *d, size_t n)
{
	if ((size_t)(d->end - d->at) < n)
		d->bad = true;
	else
		d->at += n;
}

static int64_t relative(struct decoder *d, unsigned size)
{
	int32_t far = 0;

	if (size == 1)
		return (int8_t)byte(d);
	if (d->end - d->at >= 4)
		memcpy(&far, d->at, 4);
	skip(d, 4);
	return far;
}

/* ---- prefixes and opcode -------------------------------------------------------------------------------------- */

static void vex(struct decoder *d, uint8_t first)
{
	uint8_t a = byte(d), b;

	d->vector = true;
	d->r = a & 0x80 ? 0 : 8;
	d->map = MAP_0F;
	if (first == 0xc5) {
		d->v = (uint8_t)(~a >> 3 & 15);
	} else {
		b = byte(d);
		d->b = a & 0x20 ? 0 : 8;
		d->map = (enum map)(a & 31);
		d->v = (uint8_t)(~b >> 3 & 15);
	}
	if (first == 0x62) {
		byte(d);
		d->vector512 = true;
		d->map = (enum map)(a & 7);
	}
	d->bad |= d->map < MAP_0F || d->map > MAP_0F3A;
	d->op = byte(d);
}

static void opcode(struct decoder *d)
{
	uint8_t c;

	for (c = byte(d); !d->bad; c = byte(d)) {
		if (c == 0x66)
			d->operand16 = true;
		else if (c == 0x67)
			d->address32 = true;
		else if (c != 0xf2 && c != 0xf3 && c != 0x2e && c != 0x36 && c != 0x3e && c != 0x26 &&
			 c != 0x64 && c != 0x65 && c != 0xf0)
			break;
	}
	if (c == 0xc4 || c == 0xc5 || c == 0x62)
		return vex(d, c);
	if ((c & 0xf0) == 0x40) {
		d->rex = true;
		d->wide = c & 8;
		d->r = c & 4 ? 8 : 0;
		d->b = c & 1 ? 8 : 0;
		c = byte(d);
	}
	if (c == 0x0f) {
		d->map = MAP_0F;
		c = byte(d);
		if (c == 0x38 || c == 0x3a) {
			d->map = c == 0x38 ? MAP_0F38 : MAP_0F3A;
			c = byte(d);
		}
	}
	d->op = c;
}

/* ---- operands --------------------------------------------------------------------------------------------------- */

static bool one_has_modrm(uint8_t op)
{
	if (op < 0x40)
		return (op & 7) < 4;
	switch (op) {
	case 0x63:
	case 0x69:
	case 0x6b:
	case 0x80 ... 0x8f:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
	case 0xd0 ... 0xd3:
	case 0xd8 ... 0xdf:
	case 0xf6:
	case 0xf7:
	case 0xfe:
	case 0xff:
		return true;
	}
	return false;
}

static bool two_has_modrm(uint8_t op)
{
	switch (op) {
	case 0x05 ... 0x09:
	case 0x0b:
	case 0x30 ... 0x37:
	case 0x77:
	case 0x80 ... 0x8f:
	case 0xa0 ... 0xa2:
	case 0xa8 ... 0xaa:
	case 0xc8 ... 0xcf:
		return false;
	}
	return true;
}

/* Of those that are none, or that nobody needs. */
static bool is_strange(const struct decoder *d)
{
	if (d->map == MAP_0F)
		switch (d->op) {
		case 0x04:
		case 0x0a:
		case 0x0c:
		case 0x0e:
		case 0x0f:
		case 0x20 ... 0x27:
		case 0x36 ... 0x3f:
		case 0x7a:
		case 0x7b:
		case 0xa6:
		case 0xa7:
		case 0x78:
			return !d->vector512;
		}
	if (d->map != MAP_ONE)
		return false;
	switch (d->op) {
	case 0x06:
	case 0x07:
	case 0x0e:
	case 0x16:
	case 0x17:
	case 0x1e:
	case 0x1f:
	case 0x26 ... 0x27:
	case 0x2e ... 0x2f:
	case 0x36 ... 0x37:
	case 0x3e ... 0x4f:
	case 0x60 ... 0x62:
	case 0x64 ... 0x67: /* prefixes behind REX */
	case 0x6c ... 0x6f:
	case 0x82:
	case 0x9a:
	case 0xce:
	case 0xd4 ... 0xd6:
	case 0xea:
	case 0xf1:
		return true;
	case 0xa0 ... 0xa3:
		return d->address32;
	}
	return false;
}

static void modrm(struct decoder *d)
{
	uint8_t c = byte(d), sib;

	d->mod = c >> 6;
	d->reg = (c >> 3 & 7) | d->r;
	d->rm = (c & 7) | d->b;
	if (d->mod == 3)
		return;
	if ((c & 7) == 4) {
		sib = byte(d);
		if (d->mod == 0 && (sib & 7) == 5)
			skip(d, 4);
	} else if (d->mod == 0 && (c & 7) == 5) {
		skip(d, 4);
	}
	skip(d, d->mod == 1 ? 1 : d->mod == 2 ? 4 : 0);
}

static size_t immediate_of_one(const struct decoder *d)
{
	size_t full = d->operand16 && !d->wide ? 2 : 4;

	if (d->op < 0x40)
		return (d->op & 7) == 4 ? 1 : (d->op & 7) == 5 ? full : 0;
	switch (d->op) {
	case 0x6a:
	case 0x6b:
	case 0x80:
	case 0x83:
	case 0xa8:
	case 0xb0 ... 0xb7:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xcd:
	case 0xe4 ... 0xe7:
		return 1;
	case 0xc2:
	case 0xca:
		return 2;
	case 0xc8:
		return 3;
	case 0x68:
	case 0x69:
	case 0x81:
	case 0xa9:
	case 0xc7:
		return full;
	case 0xa0 ... 0xa3:
		return 8;
	case 0xb8 ... 0xbf:
		return d->wide ? 8 : full;
	case 0xf6:
		return (d->reg & 7) < 2 ? 1 : 0;
	case 0xf7:
		return (d->reg & 7) < 2 ? full : 0;
	}
	return 0;
}

static size_t immediate(const struct decoder *d)
{
	if (d->map == MAP_ONE)
		return immediate_of_one(d);
	if (d->map == MAP_0F38)
		return 0;
	if (d->map == MAP_0F3A)
		return 1;
	switch (d->op) {
	case 0x70 ... 0x73:
	case 0xa4:
	case 0xac:
	case 0xba:
	case 0xc2:
	case 0xc4 ... 0xc6:
		return 1;
	}
	return 0;
}

/* ---- where it goes ---------------------------------------------------------------------------------------------- */

static void flow(struct decoder *d, struct insn *ret)
{
	uint8_t sub = d->reg & 7;

	if (d->map == MAP_0F && d->op >= 0x80 && d->op <= 0x8f && !d->vector) {
		ret->flow = FLOW_BRANCH;
		ret->target = relative(d, 4);
	} else if (d->map == MAP_0F && d->op == 0x0b) {
		ret->flow = FLOW_END;
	}
	if (d->map != MAP_ONE)
		return;
	switch (d->op) {
	case 0x70 ... 0x7f:
	case 0xe0 ... 0xe3:
		ret->flow = FLOW_BRANCH;
		ret->target = relative(d, 1);
		return;
	case 0xe8:
		ret->flow = FLOW_CALL;
		relative(d, 4);
		return;
	case 0xe9:
	case 0xeb:
		ret->flow = FLOW_JUMP;
		ret->target = relative(d, d->op == 0xe9 ? 4 : 1);
		return;
	case 0xc2:
	case 0xc3:
	case 0xca:
	case 0xcb:
	case 0xcc:
	case 0xcf:
	case 0xf4:
		ret->flow = FLOW_END;
		return;
	case 0xff:
		if (sub == 2 || sub == 3)
			ret->flow = FLOW_CALL;
		if (sub == 4 || sub == 5)
			ret->flow = FLOW_JUMP_FAR;
		d->bad |= sub == 7;
		return;
	case 0xc7: /* xbegin, which has a target, is one of these */
		d->bad |= sub != 0;
		return;
	}
}

/* ---- what it writes --------------------------------------------------------------------------------------------- */

static void writes(struct decoder *d, unsigned reg)
{
	d->writes |= (uint16_t)(1u << reg);
	/* Without REX, 4 to 7 may be ah, ch, dh, bh. */
	if (!d->rex && reg >= 4 && reg < 8)
		d->writes |= (uint16_t)(1u << (reg - 4));
}

static void writes_rm(struct decoder *d)
{
	if (d->mod == 3)
		writes(d, d->rm);
}

static void writes_group3(struct decoder *d)
{
	if ((d->reg & 7) >= 4)
		d->writes |= 1u << RAX | 1u << RDX;
	else if ((d->reg & 7) >= 2)
		writes_rm(d);
}

/* add, or, adc, sbb, and, sub, xor, cmp */
static void writes_arithmetic(struct decoder *d)
{
	if (d->op >= 0x38)
		return;
	if ((d->op & 7) >= 4)
		writes(d, RAX);
	else if (d->op & 2)
		writes(d, d->reg);
	else
		writes_rm(d);
}

static void writes_of_one(struct decoder *d)
{
	switch (d->op) {
	case 0x00 ... 0x3f:
		return writes_arithmetic(d);
	case 0x80 ... 0x83:
		if ((d->reg & 7) == 7)
			return;
		return writes_rm(d);
	case 0x50 ... 0x57: /* push */
	case 0x68:
	case 0x6a:
	case 0x70 ... 0x7f:
	case 0x84: /* test */
	case 0x85:
	case 0xa8:
	case 0xa9:
	case 0xc2: /* ret */
	case 0xc3:
	case 0xe8 ... 0xeb:
		return;
	case 0x63:
	case 0x69:
	case 0x6b:
	case 0x8a ... 0x8b:
	case 0x8d:
		return writes(d, d->reg);
	case 0x88 ... 0x89:
	case 0x8c:
	case 0x8f:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
	case 0xd0 ... 0xd3:
	case 0xfe:
		return writes_rm(d);
	case 0xff:
		if ((d->reg & 7) < 2)
			writes_rm(d);
		return;
	case 0xf6:
	case 0xf7:
		return writes_group3(d);
	case 0x58 ... 0x5f: /* pop */
	case 0xb0 ... 0xbf:
		return writes(d, (d->op & 7) | d->b);
	case 0x90 ... 0x97: /* xchg; nop */
		if (d->op == 0x90 && !d->b)
			return;
		writes(d, RAX);
		return writes(d, (d->op & 7) | d->b);
	case 0xc8: /* enter, leave */
	case 0xc9:
		return writes(d, RBP);
	case 0xd8 ... 0xdf: /* fstsw */
		return writes(d, RAX);
	case 0x86 ... 0x87: /* xchg */
		writes(d, d->reg);
		return writes_rm(d);
	}
	/* The rest works on rax, rdx, rcx and the registers of string instructions. */
	d->writes |= 1u << RAX | 1u << RDX | 1u << RCX | 1u << RSI | 1u << RDI;
}

/* Those of vectors, which write a general register in few cases: cvttsd2si, movmskps, movd, pextrw, pmovmskb. */
static bool is_vector_only(const struct decoder *d)
{
	if (d->vector512)
		return false;
	switch (d->op) {
	case 0x10 ... 0x17:
	case 0x28 ... 0x2b:
	case 0x2e ... 0x2f:
	case 0x51 ... 0x7d:
	case 0x7f:
	case 0xc2:
	case 0xc4:
	case 0xc6:
	case 0xd0 ... 0xd6:
	case 0xd8 ... 0xff:
		return true;
	}
	return false;
}

static void writes_of_two(struct decoder *d)
{
	if (is_vector_only(d))
		return;
	switch (d->op) {
	case 0x0b: /* ud2 */
	case 0x0d: /* prefetch */
	case 0x18:
	case 0x19:
	case 0x1f: /* nop */
	case 0x80 ... 0x8f:
	case 0xa3: /* bt */
		return;
	case 0x1e: /* endbr64; rdssp */
		if ((d->reg & 7) == 1)
			writes_rm(d);
		return;
	case 0x40 ... 0x4f:
	case 0xaf:
	case 0xb6 ... 0xb8:
	case 0xbc ... 0xbf:
		return writes(d, d->reg);
	case 0x90 ... 0x9f:
		if (!d->vector)
			return writes_rm(d);
		break;
	case 0xc8 ... 0xcf:
		return writes(d, (d->op & 7) | d->b);
	}
	writes(d, d->reg);
	writes_rm(d);
	d->writes |= 1u << RAX | 1u << RDX;
	/* syscall, cpuid, xgetbv, rdmsr and their like */
	if (!two_has_modrm(d->op) || d->op == 0x01)
		d->writes |= 1u << RCX | 1u << R11 | 1u << RBX;
}

static void writes_of_three(struct decoder *d)
{
	/* crc32, movbe, adcx, and the BMI instructions; rorx; pextr. */
	if (!d->vector512 && d->op < 0xf0 && !(d->map == MAP_0F3A && d->op >= 0x14 && d->op <= 0x17) &&
	    !(d->map == MAP_0F3A && d->op >= 0x60 && d->op <= 0x63))
		return;
	writes(d, d->reg);
	writes_rm(d);
	writes(d, d->v);
	d->writes |= 1u << RCX; /* pcmpestri */
}

static uint16_t in_dwarf_numbers(uint16_t mask)
{
	uint16_t out = 0;

	for (unsigned i = 0; i < 16; i++)
		if (mask >> i & 1)
			out |= (uint16_t)(1u << dwarf_number[i]);
	return out;
}

/* mov and movsxd between registers. */
static void copies(const struct decoder *d, struct insn *ret)
{
	if (d->map != MAP_ONE || d->mod != 3 || (d->operand16 && !d->wide))
		return;
	if (d->op != 0x89 && d->op != 0x8b && d->op != 0x63)
		return;
	ret->is_copy = true;
	ret->is_low = !d->wide || d->op == 0x63;
	ret->from = dwarf_number[d->op == 0x89 ? d->reg : d->rm];
	ret->to = dwarf_number[d->op == 0x89 ? d->rm : d->reg];
	/* No high byte in these. */
	ret->writes = (uint16_t)(1u << ret->to);
}

static uint64_t immediate_value(const unsigned char *at, size_t n)
{
	uint64_t value = 0;

	memcpy(&value, at, n);
	return n == 4 ? (uint64_t)(int64_t)(int32_t)value : value;
}

/* mov of an immediate, xor with itself, and lea of an address relative to the instruction. */
static void constants(const struct decoder *d, struct insn *ret)
{
	unsigned to = d->rm;

	if (d->map != MAP_ONE || d->operand16)
		return;
	if (d->op >= 0xb8 && d->op <= 0xbf) {
		to = (d->op & 7) | d->b;
		ret->value = immediate_value(d->at - (d->wide ? 8 : 4), d->wide ? 8 : 4);
	} else if (d->op == 0xc7 && d->mod == 3) {
		ret->value = immediate_value(d->at - 4, 4);
	} else if (d->op == 0x8d && d->mod == 0 && (d->rm & 7) == 5 && d->wide && !d->address32) {
		to = d->reg;
		ret->value = immediate_value(d->at - 4, 4);
		ret->is_relative = true;
	} else if ((d->op != 0x31 && d->op != 0x33) || d->mod != 3 || d->reg != d->rm) {
		return;
	}
	if (!d->wide)
		ret->value = (uint32_t)ret->value;
	ret->is_constant = true;
	ret->to = dwarf_number[to];
	ret->writes = (uint16_t)(1u << ret->to);
}

void insn_decode(const unsigned char *code, size_t n, struct insn *ret)
{
	struct decoder d = {.at = code, .end = code + (n < 15 ? n : 15)};
	bool has_modrm;

	*ret = (struct insn){.flow = FLOW_ON};
	opcode(&d);
	if (d.bad || is_strange(&d))
		return;
	has_modrm = d.map == MAP_ONE ? one_has_modrm(d.op) : d.map != MAP_0F || two_has_modrm(d.op);
	if (has_modrm)
		modrm(&d);
	d.bad |= d.map == MAP_ONE && d.op == 0x8f && d.reg & 7; /* XOP */
	skip(&d, immediate(&d));
	flow(&d, ret);
	if (d.bad)
		return;
	if (d.map == MAP_ONE)
		writes_of_one(&d);
	else if (d.map == MAP_0F)
		writes_of_two(&d);
	else
		writes_of_three(&d);
	ret->writes = in_dwarf_numbers(d.writes);
	copies(&d, ret);
	constants(&d, ret);
	ret->length = (uint8_t)(d.at - code);
}
