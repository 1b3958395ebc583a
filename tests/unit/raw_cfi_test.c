/* SPDX-License-Identifier: MIT */
/*
 * What: raw_cfi.c and one step of raw_unwind.c against libunwind, at every address of every function of every
 * loaded module (libc, ld.so, libunwind, this program): PLT entries, signal trampolines, realigned stacks,
 * hand-written assembly.
 *
 * How: a stack of distinct words and registers that point into it; both unwinders make one step from there
 * and must agree on rip, rsp and the callee-saved registers.  What libunwind alone gets by guessing (it
 * falls back to frame pointers where there is no table) is not compared.
 */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <check.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "crash/raw_unwind.h"

enum { WORDS = 1 << 15 };

static uint64_t fake_stack[WORDS];
static struct raw_unwind *unwind;
static unsigned long ncompared, nskipped, nwrong;

static void fill_registers(uint64_t *r, uint64_t pc)
{
	for (int i = 0; i < RAW_NREGS; i++)
		r[i] = (uint64_t)(uintptr_t)&fake_stack[WORDS / 2 + 64 * i];
	r[RAW_RSP] = (uint64_t)(uintptr_t)&fake_stack[WORDS / 4];
	r[RAW_RIP] = pc;
}

static void to_ucontext(const uint64_t *r, ucontext_t *uc)
{
	static const int greg[RAW_NREGS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					    REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
					    REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	memset(uc, 0, sizeof *uc);
	for (int i = 0; i < RAW_NREGS; i++)
		uc->uc_mcontext.gregs[greg[i]] = (greg_t)r[i];
}

/* One step of libunwind; false if it has no table for this pc. */
static bool step_libunwind(const uint64_t *r, uint64_t *ret, int *ret_status)
{
	static const int regs[] = {UNW_X86_64_RBX, UNW_X86_64_RBP, UNW_X86_64_R12, UNW_X86_64_R13,
				   UNW_X86_64_R14, UNW_X86_64_R15, UNW_X86_64_RSP, UNW_X86_64_RIP};
	static const int dwarf[] = {RAW_RBX, RAW_RBP, 12, 13, 14, 15, RAW_RSP, RAW_RIP};
	unw_proc_info_t info;
	unw_cursor_t cursor;
	ucontext_t uc;

	to_ucontext(r, &uc);
	if (unw_init_local2(&cursor, &uc, UNW_INIT_SIGNAL_FRAME) < 0 || unw_get_proc_info(&cursor, &info) < 0)
		return false;
	*ret_status = unw_step(&cursor);
	for (unsigned i = 0; i < sizeof regs / sizeof regs[0]; i++) {
		unw_word_t v = 0;

		unw_get_reg(&cursor, regs[i], &v);
		ret[dwarf[i]] = v;
	}
	return true;
}

static void report(const char *module, uint64_t pc, int reg, uint64_t ours, uint64_t theirs)
{
	if (nwrong++ < 20)
		fprintf(stderr, "%s: pc %#lx: register %d: ours %#lx, libunwind's %#lx\n", module,
			(unsigned long)pc, reg, (unsigned long)ours, (unsigned long)theirs);
}

static void compare_at(const char *module, uint64_t pc)
{
	static const int kept[] = {RAW_RIP, RAW_RSP, RAW_RBX, RAW_RBP, 12, 13, 14, 15};
	uint64_t r[RAW_NREGS], theirs[RAW_NREGS] = {0};
	struct raw_module mod;
	struct raw_cursor c;
	struct raw_row row;
	int status = 0;
	enum raw_step step;

	fill_registers(r, pc);
	if (!raw_module_find(pc, &mod) || !raw_cfi_find(&unwind->mem, &mod, pc, &row) ||
	    !step_libunwind(r, theirs, &status)) {
		nskipped++;
		return;
	}
	raw_cursor_init(&c, unwind, r, RAW_VALID_ALL, true);
	step = raw_cursor_step(&c);
	ncompared++;
	if (step != RAW_STEPPED) {
		if (status > 0 && theirs[RAW_RIP] != 0 && row.reg[RAW_RIP].kind != RAW_RULE_UNDEFINED)
			report(module, pc, -1, (uint64_t)step, (uint64_t)status);
		return;
	}
	for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		if (kept[i] == RAW_RSP && row.reg[RAW_RSP].kind != RAW_RULE_NONE)
			continue; /* longjmp, setcontext: libunwind knows no rsp but the CFA */
		if (!(c.valid >> kept[i] & 1) || c.r[kept[i]] != theirs[kept[i]])
			report(module, pc, kept[i], c.r[kept[i]], theirs[kept[i]]);
	}
}

/* Every address that an FDE of this module covers; in large modules every seventh. */
static int compare_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *name = info->dlpi_name[0] ? info->dlpi_name : "main program";

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + ph->p_vaddr, end = start + ph->p_memsz;
		unsigned stride = ph->p_memsz > 1 << 18 ? 7 : 1;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		for (uint64_t pc = start; pc < end; pc += stride)
			compare_at(name, pc);
	}
	return 0;
}

START_TEST(every_row_of_every_module_agrees_with_libunwind)
{
	unwind = calloc(1, sizeof *unwind);
	for (size_t i = 0; i < WORDS; i++) /* plausible, distinct, readable addresses */
		fake_stack[i] = (uint64_t)(uintptr_t)&fake_stack[(i * 7919 + 13) % WORDS];
	dl_iterate_phdr(compare_module, NULL);
	fprintf(stderr, "raw_cfi: %lu addresses compared, %lu without tables, %lu differ\n", ncompared,
		nskipped, nwrong);
	ck_assert_uint_gt(ncompared, 100000);
	ck_assert_uint_eq(nwrong, 0);
	free(unwind);
}
END_TEST

/* ---- expressions --------------------------------------------------------------------------------------- */

static bool eval(const unsigned char *code, uint32_t len, uint64_t *ret)
{
	static struct raw_mem mem;
	uint64_t regs[RAW_NREGS] = {0}, initial = 1000;

	regs[RAW_RSP] = 5000;
	raw_mem_reset(&mem);
	return raw_expr_eval(&mem, (uint64_t)(uintptr_t)code, len, regs, 1 << RAW_RSP, &initial, ret);
}

START_TEST(expressions_compute)
{
	static const struct {
		unsigned char code[16];
		uint32_t len;
		uint64_t want;
	} cases[] = {
		{{0x23, 8}, 2, 1008},                                /* plus_uconst */
		{{0x77, 0x78}, 2, 4992},                             /* breg7 -8 */
		{{0x30 + 7, 0x30 + 2, 0x1b}, 3, 3},                  /* 7 div 2 */
		{{0x30 + 7, 0x30 + 4, 0x1d}, 3, 3},                  /* 7 mod 4 */
		{{0x09, 0xff, 0x19}, 3, 1},                          /* abs of -1 */
		{{0x08, 200, 0x30 + 3, 0x24}, 4, 1600},              /* shl */
		{{0x30 + 1, 0x30 + 2, 0x30 + 3, 0x17}, 4, 2},        /* rot: 3 1 2 -> top is 2 */
		{{0x30, 0x28, 2, 0, 0x30 + 9, 0x2f, 0, 0}, 4, 1000}, /* bra not taken, then the end */
		{{0x31, 0x28, 1, 0, 0x12, 0x12}, 6, 1000},           /* bra taken over one dup */
		{{0x12, 0x12, 0x13, 0x16}, 4, 1000},                 /* dup dup drop swap */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t v = 0;

		ck_assert_msg(eval(cases[i].code, cases[i].len, &v), "case %zu failed", i);
		ck_assert_msg(v == cases[i].want, "case %zu gives %lu", i, (unsigned long)v);
	}
}
END_TEST

START_TEST(bad_expressions_end)
{
	static const struct {
		unsigned char code[8];
		uint32_t len;
	} cases[] = {
		{{0x2f, 0xfd, 0xff}, 3},       /* skip -3: for ever */
		{{0x2f, 0x00, 0x10}, 3},       /* skip past the end */
		{{0x13, 0x13}, 2},             /* drop from an empty stack */
		{{0x70, 0}, 2},                /* unknown register */
		{{0x06}, 1},                   /* address 1000 is not readable */
		{{0x12, 0x2f, 0xfc, 0xff}, 4}, /* dup for ever: the stack is bounded */
		{{0x9c}, 1},                   /* call_frame_cfa has no place here */
		{{0x30, 0x30, 0x1b}, 3},       /* 0 / 0 */
		{{0x0c, 1, 2}, 3},             /* truncated constant */
	};
	uint64_t v;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(!eval(cases[i].code, cases[i].len, &v), "case %zu was accepted", i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("raw_cfi");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, every_row_of_every_module_agrees_with_libunwind);
	tcase_add_test(t, expressions_compute);
	tcase_add_test(t, bad_expressions_end);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
