/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_CFI_H
#define DEBUG_CFI_H
/*
 * What: how to get from a frame to its caller's registers, at one pc.
 *
 * How: libdw finds the entry and runs its program; the outcome is turned into a row of rules that can be applied
 * without libdw, and kept by pc.  That there is none is kept as well.
 *
 * Register rule (psABI): a callee-saved register that the entry does not mention is as it was; any other register
 * is lost, unless the entry says where it is.
 */
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/table.h"
#include "debug/module.h"
#include "model/regs.h"

enum cfi_kind {
	CFI_AT,         /* in memory at CFA + offset */
	CFI_VALUE,      /* CFA + offset itself */
	CFI_REGISTER,   /* in another register */
	CFI_AT_EXPR,    /* in memory at the result of ops */
	CFI_VALUE_EXPR, /* the result of ops */
};

struct cfi_rule {
	uint8_t kind; /* enum cfi_kind */
	uint8_t reg;  /* whose value it is */
	uint8_t from; /* REGISTER */
	int64_t offset;
	const Dwarf_Op *ops; /* begin by pushing the CFA, as DW_OP_call_frame_cfa */
	size_t nops;
};

struct cfi_row {
	bool is_signal;        /* the caller was interrupted, it did not call */
	bool is_end;           /* the return address is undefined: nobody called */
	bool before_sigreturn; /* the next byte begins the kernel's trampoline, so no call can return there */
	uint8_t cfa_reg;       /* CFA = this register + cfa_offset, if there are no cfa_ops */
	uint8_t nrules;
	uint32_t same; /* bit i: register i is as it was */
	int64_t cfa_offset;
	const Dwarf_Op *cfa_ops;
	size_t ncfa_ops;
	uint64_t bias;                   /* for the addresses in ops */
	struct cfi_rule rules[REG_NGPR]; /* registers that are neither the same nor lost */
};

/* All zero but modules: no row is known yet. */
struct cfi {
	struct modules *modules;
	struct table rows; /* pc -> row, or the mark of none */
	struct arena arena;
};

/* The row that holds at lookup; NULL if there is none. */
const struct cfi_row *cfi_row_slow(struct cfi *c, uint64_t lookup);

extern const struct cfi_row cfi_none;

static inline const struct cfi_row *cfi_row(struct cfi *c, uint64_t lookup)
{
	const struct cfi_row *row = table_get(&c->rows, lookup);

	if (!row)
		return cfi_row_slow(c, lookup);
	return row == &cfi_none ? NULL : row;
}

/* mov $15,%rax; syscall: rt_sigreturn, to which a handler returns. */
bool cfi_is_sigreturn(struct target *t, uint64_t pc);

void cfi_deinit(struct cfi *c);

#endif
