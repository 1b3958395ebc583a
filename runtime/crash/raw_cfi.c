/* SPDX-License-Identifier: MIT */
/*
 * What: unwind tables: finds the frame description (FDE) of an address and runs its program up to there.
 *
 * How: PT_GNU_EH_FRAME holds a table of (function, FDE) sorted by address, which is searched by halves; where
 * a linker left the table out, .eh_frame is read from its start.  An FDE names its common part (CIE); the
 * program of the CIE and then that of the FDE are interpreted until they pass the address.  Rows are small
 * structs, copied for remember and restore.
 *
 * Rejected: libunwind.a (Debian's is not position independent and cannot go into a shared library),
 * libunwind.so (exports backtrace and _Unwind_* and so replaces those of the whole program; three system
 * calls a frame), libgcc's unwinder (takes locks for registered frames, aborts on a damaged CIE), frame
 * pointers alone (absent at -O2).
 *
 * Invariants: every byte is read through raw_bytes, which notes overruns; all loops are bounded by bytes
 * that get used up, or by a count.
 * Context: any.
 */
#include "crash/raw_cfi.h"

#include "crash/safe.h"

enum {
	REMEMBER_MAX = 8,     /* nesting of remember_state; compilers use one */
	LINEAR_MAX = 1 << 20, /* records read where there is no search table */

	/* pointer encodings: low four bits the format, then the base, then indirect */
	PE_UDATA2 = 2,
	PE_UDATA4 = 3,
	PE_UDATA8 = 4,
	PE_ULEB = 1,
	PE_SLEB = 9,
	PE_SDATA2 = 10,
	PE_SDATA4 = 11,
	PE_SDATA8 = 12,
	PE_PCREL = 0x10,
	PE_DATAREL = 0x30,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,

	CFA_ADVANCE_LOC = 1,
	CFA_OFFSET = 2,
	CFA_RESTORE = 3, /* in the two highest bits */
	CFA_NOP = 0x00,
	CFA_SET_LOC,
	CFA_ADVANCE_LOC1,
	CFA_ADVANCE_LOC2,
	CFA_ADVANCE_LOC4,
	CFA_OFFSET_EXTENDED,
	CFA_RESTORE_EXTENDED,
	CFA_UNDEFINED,
	CFA_SAME_VALUE,
	CFA_REGISTER,
	CFA_REMEMBER_STATE,
	CFA_RESTORE_STATE,
	CFA_DEF_CFA,
	CFA_DEF_CFA_REGISTER,
	CFA_DEF_CFA_OFFSET,
	CFA_DEF_CFA_EXPRESSION,
	CFA_EXPRESSION,
	CFA_OFFSET_EXTENDED_SF,
	CFA_DEF_CFA_SF,
	CFA_DEF_CFA_OFFSET_SF,
	CFA_VAL_OFFSET,
	CFA_VAL_OFFSET_SF,
	CFA_VAL_EXPRESSION,
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

/* A CIE and an FDE, as far as unwinding needs them. */
struct frame_info {
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_reg;
	uint8_t pointer_enc;      /* of addresses in the FDE */
	bool has_aug_len;         /* 'z' */
	bool signal;              /* 'S' */
	uint64_t pc, pc_end;      /* what the FDE covers */
	struct raw_bytes initial; /* program of the CIE */
	struct raw_bytes program; /* program of the FDE */
};

/* ---- encodings ----------------------------------------------------------------------------------------- */

/* Reads a pointer; `data` is the base of datarel.  Context: any. */
static uint64_t read_encoded(struct raw_bytes *b, uint8_t enc, uint64_t data)
{
	uint64_t base = 0, v;

	switch (enc & 0x70) {
	case 0:
		break;
	case PE_PCREL:
		base = b->at;
		break;
	case PE_DATAREL:
		base = data;
		break;
	default:
		b->bad = true; /* textrel, funcrel, aligned: never on x86-64 */
	}
	switch (enc & 0x0f) {
	case PE_ULEB:
		v = raw_bytes_uleb(b);
		break;
	case PE_SLEB:
		v = (uint64_t)raw_bytes_sleb(b);
		break;
	case PE_UDATA2:
		v = raw_bytes_fixed(b, 2);
		break;
	case PE_UDATA4:
		v = raw_bytes_fixed(b, 4);
		break;
	case PE_SDATA2:
		v = (uint64_t)raw_bytes_signed(b, 2);
		break;
	case PE_SDATA4:
		v = (uint64_t)raw_bytes_signed(b, 4);
		break;
	case 0:
	case 8:
	case PE_UDATA8:
	case PE_SDATA8:
		v = raw_bytes_fixed(b, 8);
		break;
	default:
		b->bad = true;
		v = 0;
	}
	if (v)
		v += base;
	if (enc & PE_INDIRECT && v && !raw_read_u64(b->mem, v, &v))
		b->bad = true;
	return v;
}

/* Opens the record at `at`: bytes after its length field.  An empty one is the end.  Context: any. */
static struct raw_bytes open_record(struct raw_mem *mem, uint64_t at)
{
	struct raw_bytes b = {mem, at, at + 12, false};
	uint64_t len = raw_bytes_fixed(&b, 4);

	if (len == 0xffffffff)
		len = raw_bytes_fixed(&b, 8);
	if (len >= (uint64_t)1 << 32)
		b.bad = true;
	b.end = b.bad ? b.at : b.at + len;
	return b;
}

/* ---- CIE and FDE --------------------------------------------------------------------------------------- */

/* The letters after 'z' and their data, which end where the CIE's program starts.  Context: any. */
static void parse_augmentation(struct raw_bytes *b, const char *letters, struct frame_info *info)
{
	uint64_t len, end;

	if (letters[0] == '\0')
		return;
	if (letters[0] != 'z') { /* "eh" of gcc 2 and others: sizes unknown */
		b->bad = true;
		return;
	}
	info->has_aug_len = true;
	len = raw_bytes_uleb(b);
	end = b->at + len;
	if (len > b->end - b->at) {
		b->bad = true;
		return;
	}
	for (const char *c = letters + 1; *c; c++) {
		if (*c == 'R')
			info->pointer_enc = (uint8_t)raw_bytes_fixed(b, 1);
		else if (*c == 'P')
			read_encoded(b, (uint8_t)raw_bytes_fixed(b, 1) & 0x7f, 0);
		else if (*c == 'L')
			raw_bytes_fixed(b, 1);
		else if (*c == 'S')
			info->signal = true;
		else if (*c != 'B' && *c != 'G')
			break; /* unknown: its data is skipped with the rest */
	}
	b->at = end;
}

/* Context: any. */
static bool parse_cie(struct raw_mem *mem, uint64_t at, struct frame_info *info)
{
	struct raw_bytes b = open_record(mem, at);
	char letters[8];
	uint8_t version;
	unsigned n = 0;

	if (raw_bytes_fixed(&b, 4) != 0)
		return false;
	version = (uint8_t)raw_bytes_fixed(&b, 1);
	if (version != 1 && version != 3 && version != 4)
		return false;
	do {
		letters[n] = (char)raw_bytes_fixed(&b, 1);
	} while (letters[n++] && n < sizeof letters);
	if (letters[n - 1])
		return false;
	if (version == 4)
		raw_bytes_fixed(&b, 2); /* sizes of address and segment */
	info->code_align = raw_bytes_uleb(&b);
	info->data_align = raw_bytes_sleb(&b);
	info->return_reg = version == 1 ? raw_bytes_fixed(&b, 1) : raw_bytes_uleb(&b);
	info->pointer_enc = 0;
	info->has_aug_len = info->signal = false;
	parse_augmentation(&b, letters, info);
	info->initial = b;
	return !b.bad && info->return_reg == RAW_RIP;
}

/* False if there is no FDE at this place.  Context: any. */
static bool parse_fde(struct raw_mem *mem, uint64_t at, uint64_t data, struct frame_info *info)
{
	struct raw_bytes b = open_record(mem, at);
	uint64_t here = b.at;
	uint64_t back = raw_bytes_fixed(&b, 4);

	if (b.bad || back == 0 || !parse_cie(mem, here - back, info))
		return false;
	info->pc = read_encoded(&b, info->pointer_enc, data);
	info->pc_end = info->pc + read_encoded(&b, info->pointer_enc & 0x0f, 0);
	if (info->has_aug_len) {
		uint64_t len = raw_bytes_uleb(&b);

		if (len > b.end - b.at)
			b.bad = true;
		b.at += len;
	}
	info->program = b;
	return !b.bad;
}

/* ---- finding the FDE ----------------------------------------------------------------------------------- */

/* Without a search table: one record after the other.  Context: any. */
static bool find_linear(struct raw_mem *mem, uint64_t at, uint64_t data, uint64_t pc, struct frame_info *info)
{
	for (int i = 0; i < LINEAR_MAX; i++) {
		struct raw_bytes b = open_record(mem, at);

		if (b.bad || b.at == b.end)
			return false;
		if (parse_fde(mem, at, data, info) && pc - info->pc < info->pc_end - info->pc)
			return true;
		at = b.end;
	}
	return false;
}

/* Entries are two signed 32-bit numbers relative to the header.  Context: any. */
static uint64_t find_sorted(struct raw_mem *mem, uint64_t table, uint64_t n, uint64_t hdr, uint64_t pc)
{
	uint64_t lo = 0, hi = n; /* entry lo starts at or before pc, entry hi after it */
	int32_t entry[2];

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (!raw_read(mem, table + mid * sizeof entry, entry, sizeof entry))
			return 0;
		if (hdr + (uint64_t)(int64_t)entry[0] <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || !raw_read(mem, table + (lo - 1) * sizeof entry, entry, sizeof entry))
		return 0;
	return hdr + (uint64_t)(int64_t)entry[1];
}

/* Context: any. */
static bool find_fde(struct raw_mem *mem, const struct raw_module *mod, uint64_t pc, struct frame_info *ret)
{
	struct raw_bytes b = {mem, mod->eh_hdr, mod->eh_hdr + 64, false};
	uint64_t hdr = mod->eh_hdr, frames, n;
	uint8_t frames_enc, count_enc, table_enc;
	uint64_t fde;

	if (!hdr || raw_bytes_fixed(&b, 1) != 1)
		return false;
	frames_enc = (uint8_t)raw_bytes_fixed(&b, 1);
	count_enc = (uint8_t)raw_bytes_fixed(&b, 1);
	table_enc = (uint8_t)raw_bytes_fixed(&b, 1);
	frames = read_encoded(&b, frames_enc, hdr);
	if (b.bad)
		return false;
	if (count_enc == PE_OMIT || table_enc != (PE_DATAREL | PE_SDATA4))
		return find_linear(mem, frames, hdr, pc, ret);
	n = read_encoded(&b, count_enc, hdr);
	if (b.bad || n > (uint64_t)1 << 28)
		return false;
	fde = find_sorted(mem, b.at, n, hdr, pc);
	return fde && parse_fde(mem, fde, hdr, ret) && pc - ret->pc < ret->pc_end - ret->pc;
}

/* ---- the program --------------------------------------------------------------------------------------- */

struct interpreter {
	const struct frame_info *info;
	struct raw_bytes code;
	uint64_t loc; /* address that the current row starts at */
	struct raw_row *row;
	struct raw_row *initial; /* what `restore` goes back to; NULL while the CIE's program runs */
	struct raw_row saved[REMEMBER_MAX];
	int nsaved;
};

/* Rules of registers that are not followed (vectors) are dropped.  Context: any. */
static void set_rule(struct interpreter *in, uint64_t reg, uint8_t kind, int64_t n, uint32_t len)
{
	if (reg < RAW_NREGS)
		in->row->reg[reg] = (struct raw_rule){kind, len, n};
}

/* A block: its length, then its bytes, which are skipped.  Context: any. */
static struct raw_rule read_block(struct interpreter *in, uint8_t kind)
{
	uint64_t len = raw_bytes_uleb(&in->code);
	struct raw_rule rule = {kind, (uint32_t)len, (int64_t)in->code.at};

	if (len > in->code.end - in->code.at)
		in->code.bad = true;
	else
		in->code.at += len;
	return rule;
}

/* Context: any. */
static void restore_rule(struct interpreter *in, uint64_t reg)
{
	if (reg < RAW_NREGS && in->initial)
		in->row->reg[reg] = in->initial->reg[reg];
}

/* CFA = register + offset.  Context: any. */
static void set_cfa(struct interpreter *in, uint64_t reg, int64_t offset)
{
	in->row->cfa = (struct raw_rule){RAW_RULE_REGISTER, (uint32_t)reg, offset};
}

/* The operations that define the CFA; false if op is none of them.  Context: any. */
static bool run_cfa_op(struct interpreter *in, uint8_t op)
{
	struct raw_rule *cfa = &in->row->cfa;
	uint64_t reg;

	switch (op) {
	case CFA_DEF_CFA:
		reg = raw_bytes_uleb(&in->code);
		set_cfa(in, reg, (int64_t)raw_bytes_uleb(&in->code));
		break;
	case CFA_DEF_CFA_SF:
		reg = raw_bytes_uleb(&in->code);
		set_cfa(in, reg, raw_bytes_sleb(&in->code) * in->info->data_align);
		break;
	case CFA_DEF_CFA_REGISTER:
		set_cfa(in, raw_bytes_uleb(&in->code), cfa->n);
		break;
	case CFA_DEF_CFA_OFFSET:
		cfa->n = (int64_t)raw_bytes_uleb(&in->code);
		break;
	case CFA_DEF_CFA_OFFSET_SF:
		cfa->n = raw_bytes_sleb(&in->code) * in->info->data_align;
		break;
	case CFA_DEF_CFA_EXPRESSION:
		*cfa = read_block(in, RAW_RULE_VAL_EXPR);
		break;
	default:
		return false;
	}
	return true;
}

/* The operations that say where one register is; false if op is none of them.  Context: any. */
static bool run_register_op(struct interpreter *in, uint8_t op)
{
	struct raw_bytes *c = &in->code;
	int64_t data = in->info->data_align;
	uint64_t reg;

	if (op < CFA_OFFSET_EXTENDED || op == CFA_REMEMBER_STATE || op == CFA_RESTORE_STATE)
		return false;
	reg = raw_bytes_uleb(c);
	switch (op) {
	case CFA_OFFSET_EXTENDED:
		set_rule(in, reg, RAW_RULE_OFFSET, (int64_t)raw_bytes_uleb(c) * data, 0);
		break;
	case CFA_OFFSET_EXTENDED_SF:
		set_rule(in, reg, RAW_RULE_OFFSET, raw_bytes_sleb(c) * data, 0);
		break;
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		set_rule(in, reg, RAW_RULE_OFFSET, -(int64_t)raw_bytes_uleb(c) * data, 0);
		break;
	case CFA_VAL_OFFSET:
		set_rule(in, reg, RAW_RULE_VAL_OFFSET, (int64_t)raw_bytes_uleb(c) * data, 0);
		break;
	case CFA_VAL_OFFSET_SF:
		set_rule(in, reg, RAW_RULE_VAL_OFFSET, raw_bytes_sleb(c) * data, 0);
		break;
	case CFA_RESTORE_EXTENDED:
		restore_rule(in, reg);
		break;
	case CFA_UNDEFINED:
		set_rule(in, reg, RAW_RULE_UNDEFINED, 0, 0);
		break;
	case CFA_SAME_VALUE:
		set_rule(in, reg, RAW_RULE_SAME, 0, 0);
		break;
	case CFA_REGISTER:
		set_rule(in, reg, RAW_RULE_REGISTER, (int64_t)raw_bytes_uleb(c), 0);
		break;
	case CFA_EXPRESSION:
	case CFA_VAL_EXPRESSION: {
		struct raw_rule r = read_block(in, op == CFA_EXPRESSION ? RAW_RULE_EXPR : RAW_RULE_VAL_EXPR);

		set_rule(in, reg, r.kind, r.n, r.len);
		break;
	}
	case CFA_GNU_ARGS_SIZE:
		break; /* only the number, already read */
	default:
		c->bad = true; /* unknown: its operands cannot be skipped */
	}
	return true;
}

/* Operations that move on to the next row; the new start of it, or the old.  Context: any. */
static bool run_advance_op(struct interpreter *in, uint8_t op)
{
	struct raw_bytes *c = &in->code;

	switch (op) {
	case CFA_SET_LOC:
		in->loc = read_encoded(c, in->info->pointer_enc, 0);
		break;
	case CFA_ADVANCE_LOC1:
		in->loc += raw_bytes_fixed(c, 1) * in->info->code_align;
		break;
	case CFA_ADVANCE_LOC2:
		in->loc += raw_bytes_fixed(c, 2) * in->info->code_align;
		break;
	case CFA_ADVANCE_LOC4:
		in->loc += raw_bytes_fixed(c, 4) * in->info->code_align;
		break;
	default:
		return false;
	}
	return true;
}

/* Context: any. */
static void run_state_op(struct interpreter *in, uint8_t op)
{
	if (op == CFA_REMEMBER_STATE && in->nsaved < REMEMBER_MAX)
		in->saved[in->nsaved++] = *in->row;
	else if (op == CFA_RESTORE_STATE && in->nsaved > 0)
		*in->row = in->saved[--in->nsaved];
	else if (op != CFA_NOP)
		in->code.bad = true;
}

/* Runs one program until it ends or passes pc.  Context: any. */
static bool run_program(struct interpreter *in, struct raw_bytes code, uint64_t pc)
{
	in->code = code;
	while (in->code.at < in->code.end && !in->code.bad) {
		uint8_t op = (uint8_t)raw_bytes_fixed(&in->code, 1), low = op & 0x3f;

		if (op >> 6 == CFA_ADVANCE_LOC)
			in->loc += low * in->info->code_align;
		else if (op >> 6 == CFA_OFFSET)
			set_rule(in, low, RAW_RULE_OFFSET,
				 (int64_t)raw_bytes_uleb(&in->code) * in->info->data_align, 0);
		else if (op >> 6 == CFA_RESTORE)
			restore_rule(in, low);
		else if (!run_advance_op(in, op) && !run_cfa_op(in, op) && !run_register_op(in, op))
			run_state_op(in, op);
		if (in->loc > pc)
			break;
	}
	return !in->code.bad;
}

/* Context: any. */
bool raw_cfi_find(struct raw_mem *mem, const struct raw_module *mod, uint64_t pc, struct raw_row *ret)
{
	struct frame_info info;
	struct interpreter in;
	struct raw_row initial;

	if (!find_fde(mem, mod, pc, &info))
		return false;
	*ret = (struct raw_row){.signal = info.signal};
	in.info = &info;
	in.row = ret;
	in.initial = NULL;
	in.nsaved = 0;
	in.loc = info.pc;
	if (!run_program(&in, info.initial, pc))
		return false;
	initial = *ret;
	in.initial = &initial;
	return run_program(&in, info.program, pc) && ret->cfa.kind != RAW_RULE_NONE;
}
