/* SPDX-License-Identifier: MIT */
#ifndef MODEL_REGS_H
#define MODEL_REGS_H
/*
 * What: the registers of one frame, numbered as in the x86-64 psABI's table for DWARF (figure 3.36).
 *
 * Invariants: a register whose bit is set neither in `known` nor in `known_low` has no meaning: it is zero.
 */
#include <stdbool.h>
#include <stdint.h>

enum {
	REG_RAX,
	REG_RDX,
	REG_RCX,
	REG_RBX,
	REG_RSI,
	REG_RDI,
	REG_RBP,
	REG_RSP,
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	REG_RIP, /* DWARF's return address column */
	REG_NGPR,
	REG_XMM0 = 17, /* to 32 */
	REG_NXMM = 16,
};

/* rbx, rbp, rsp, r12..r15: a callee gives them back as they were. */
#define REGS_CALLEE_SAVED (1u << REG_RBX | 1u << REG_RBP | 1u << REG_RSP | 0xfu << REG_R12)
#define REGS_ALL ((1u << REG_NGPR) - 1)

struct regs_xmm {
	uint64_t lane[REG_NXMM][2];
	uint32_t known;     /* bit i: xmm i */
	uint32_t known_low; /* bit i: of xmm i, the lower 64 bits only */
};

struct regs {
	uint64_t gpr[REG_NGPR];
	uint32_t known;             /* bit i: gpr[i] */
	uint32_t known_low;         /* bit i: of gpr[i], the lower 32 bits only; the others are zero */
	const struct regs_xmm *xmm; /* NULL: none is known, as in every frame but an innermost one */
};

static inline bool regs_knows(const struct regs *r, unsigned reg)
{
	return reg < REG_NGPR && r->known >> reg & 1;
}

static inline void regs_set(struct regs *r, unsigned reg, uint64_t value)
{
	r->gpr[reg] = value;
	r->known |= 1u << reg;
}

static inline bool regs_knows_low(const struct regs *r, unsigned reg)
{
	return reg < REG_NGPR && (r->known | r->known_low) >> reg & 1;
}

static inline void regs_set_low(struct regs *r, unsigned reg, uint64_t value)
{
	r->gpr[reg] = (uint32_t)value;
	r->known_low |= 1u << reg;
}

#endif
