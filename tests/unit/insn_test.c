/* SPDX-License-Identifier: MIT */
/* debug/insn.c: what instructions do with registers; their lengths are compared with objdump's in tests/oracle.
 * debug/copies.c: which of them hold the same at a call. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "debug/args.h"
#include "debug/insn.h"
#include "model/regs.h"

#define CODE(...) ((const unsigned char[15]){__VA_ARGS__})
#define BIT(reg) (1u << (reg))

static struct insn decode(const unsigned char *code)
{
	struct insn in;

	insn_decode(code, 15, &in);
	return in;
}

START_TEST(mov_between_registers_is_a_copy)
{
	struct insn in = decode(CODE(0x49, 0x89, 0xf6)); /* mov %rsi,%r14 */

	ck_assert_uint_eq(in.length, 3);
	ck_assert(in.is_copy && !in.is_low);
	ck_assert_uint_eq(in.from, REG_RSI);
	ck_assert_uint_eq(in.to, REG_R14);
	ck_assert_uint_eq(in.writes, BIT(REG_R14));
	in = decode(CODE(0x8b, 0xdf)); /* mov %edi,%ebx, the other way to write it */
	ck_assert(in.is_copy && in.is_low);
	ck_assert_uint_eq(in.from, REG_RDI);
	ck_assert_uint_eq(in.to, REG_RBX);
	in = decode(CODE(0x48, 0x63, 0xdf)); /* movslq %edi,%rbx */
	ck_assert(in.is_copy && in.is_low);
}
END_TEST

START_TEST(mov_of_parts_or_memory_is_no_copy)
{
	ck_assert(!decode(CODE(0x66, 0x89, 0xfb)).is_copy);       /* mov %di,%bx */
	ck_assert(!decode(CODE(0x88, 0xfb)).is_copy);             /* mov %bh,%bl */
	ck_assert(!decode(CODE(0x48, 0x89, 0x3c, 0x24)).is_copy); /* mov %rdi,(%rsp) */
	ck_assert_uint_eq(decode(CODE(0x48, 0x89, 0x3c, 0x24)).writes, 0);
	ck_assert_uint_eq(decode(CODE(0x48, 0x8b, 0x3c, 0x24)).writes, BIT(REG_RDI));
	ck_assert_uint_eq(decode(CODE(0x66, 0x89, 0xfb)).writes, BIT(REG_RBX));
}
END_TEST

START_TEST(high_bytes_belong_to_the_first_four_registers)
{
	/* mov $1,%bh and mov $1,%dil differ by REX. */
	ck_assert(decode(CODE(0xb7, 0x01)).writes & BIT(REG_RBX));
	ck_assert_uint_eq(decode(CODE(0x40, 0xb7, 0x01)).writes, BIT(REG_RDI));
}
END_TEST

START_TEST(constants_have_their_value)
{
	struct insn in = decode(CODE(0xbf, 0xff, 0xff, 0xff, 0xff)); /* mov $-1,%edi */

	ck_assert(in.is_constant && in.to == REG_RDI);
	ck_assert_uint_eq(in.value, 0xffffffff);
	in = decode(CODE(0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff)); /* mov $-1,%rdi */
	ck_assert(in.is_constant && in.to == REG_RDI);
	ck_assert_uint_eq(in.value, UINT64_MAX);
	in = decode(CODE(0x49, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8)); /* movabs $...,%r8 */
	ck_assert(in.is_constant && in.to == REG_R8);
	ck_assert_uint_eq(in.value, 0x0807060504030201);
	in = decode(CODE(0x31, 0xf6)); /* xor %esi,%esi */
	ck_assert(in.is_constant && in.to == REG_RSI && in.value == 0);
	ck_assert(!decode(CODE(0x31, 0xfe)).is_constant);   /* xor %edi,%esi */
	in = decode(CODE(0x48, 0x8d, 0x3d, 0x10, 0, 0, 0)); /* lea 16(%rip),%rdi */
	ck_assert(in.is_constant && in.is_relative && in.value == 16);
	ck_assert(!decode(CODE(0x48, 0x8d, 0x7f, 0x10)).is_constant); /* lea 16(%rdi),%rdi */
}
END_TEST

START_TEST(what_only_compares_writes_nothing)
{
	ck_assert_uint_eq(decode(CODE(0x48, 0x85, 0xff)).writes, 0);                  /* test %rdi,%rdi */
	ck_assert_uint_eq(decode(CODE(0x48, 0x39, 0xf7)).writes, 0);                  /* cmp %rsi,%rdi */
	ck_assert_uint_eq(decode(CODE(0x48, 0x83, 0xff, 0x01)).writes, 0);            /* cmp $1,%rdi */
	ck_assert_uint_eq(decode(CODE(0xf3, 0x0f, 0x1e, 0xfa)).writes, 0);            /* endbr64 */
	ck_assert_uint_eq(decode(CODE(0x48, 0x83, 0xc7, 0x01)).writes, BIT(REG_RDI)); /* add $1,%rdi */
}
END_TEST

START_TEST(hidden_operands_are_written)
{
	ck_assert(decode(CODE(0x48, 0xf7, 0xe1)).writes & BIT(REG_RDX));                   /* mul %rcx */
	ck_assert(decode(CODE(0x48, 0xf7, 0xf9)).writes & BIT(REG_RAX));                   /* idiv %rcx */
	ck_assert(decode(CODE(0xf3, 0x48, 0xab)).writes & BIT(REG_RDI));                   /* rep stos */
	ck_assert(decode(CODE(0x0f, 0xa2)).writes & BIT(REG_RBX));                         /* cpuid */
	ck_assert(decode(CODE(0x0f, 0x05)).writes & BIT(REG_R11));                         /* syscall */
	ck_assert(decode(CODE(0xf0, 0x48, 0x0f, 0xb1, 0x37)).writes & BIT(REG_RAX));       /* lock cmpxchg */
	ck_assert(decode(CODE(0x48, 0x87, 0xfe)).writes == (BIT(REG_RDI) | BIT(REG_RSI))); /* xchg */
	ck_assert(decode(CODE(0xc4, 0xe2, 0xfb, 0xf6, 0xc9)).writes & BIT(REG_RAX));       /* mulx */
	ck_assert(decode(CODE(0xc4, 0xe2, 0xc0, 0xf3, 0xce)).writes & BIT(REG_RDI)); /* blsr %rsi,%rdi */
	ck_assert(decode(CODE(0xf2, 0x48, 0x0f, 0x2c, 0xf8)).writes & BIT(REG_RDI)); /* cvttsd2si */
	ck_assert(decode(CODE(0x66, 0x48, 0x0f, 0x7e, 0xc7)).writes & BIT(REG_RDI)); /* movq %xmm0,%rdi */
}
END_TEST

START_TEST(jumps_say_where_they_go)
{
	struct insn in = decode(CODE(0x74, 0xfe)); /* je itself */

	ck_assert_uint_eq(in.flow, FLOW_BRANCH);
	ck_assert_int_eq(in.target, -2);
	in = decode(CODE(0xe9, 0x10, 0, 0, 0));
	ck_assert_uint_eq(in.flow, FLOW_JUMP);
	ck_assert_int_eq(in.target, 16);
	ck_assert_uint_eq(decode(CODE(0xff, 0xe0)).flow, FLOW_JUMP_FAR);
	ck_assert_uint_eq(decode(CODE(0xff, 0xd0)).flow, FLOW_CALL);
	ck_assert_uint_eq(decode(CODE(0xe8, 0, 0, 0, 0)).flow, FLOW_CALL);
	ck_assert_uint_eq(decode(CODE(0xc3)).flow, FLOW_END);
	ck_assert_uint_eq(decode(CODE(0x0f, 0x0b)).flow, FLOW_END);
}
END_TEST

START_TEST(what_is_cut_off_or_no_instruction_has_no_length)
{
	struct insn in;

	insn_decode(CODE(0xe8, 0, 0, 0, 0), 4, &in);
	ck_assert_uint_eq(in.length, 0);
	insn_decode(CODE(0), 0, &in);
	ck_assert_uint_eq(in.length, 0);
	ck_assert_uint_eq(decode(CODE(0x06)).length, 0);
	ck_assert_uint_eq(decode(CODE(0xc7, 0xf8, 0, 0, 0, 0)).length, 0); /* xbegin */
	ck_assert_uint_eq(decode(CODE(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
				      0x66, 0x66, 0x66))
				  .length,
			  0);
}
END_TEST

/* ---- copies -------------------------------------------------------------------------------------------------- */

enum { BASE = 0x1000 };

/* At the call that ends at byte `ret` of the code. */
static bool copies(const void *code, size_t n, size_t ret, struct call_copies *out)
{
	struct code_range range = {BASE, (unsigned char *)(uintptr_t)code, n};

	memset(out, 0, sizeof *out);
	return copies_before(&range, 1, BASE, BASE + ret, out);
}

START_TEST(a_copy_in_a_callee_saved_register_is_found)
{
	static const unsigned char code[] = {
		0x53, 0x48, 0x89, 0xfb, 0x89, 0xf5, /* push %rbx; mov %rdi,%rbx; mov %esi,%ebp */
		0xba, 5,    0,    0,    0,          /* mov $5,%edx */
		0xe8, 0,    0,    0,    0,          /* call */
		0xe8, 0,    0,    0,    0,    0xc3,
	};
	struct call_copies c;

	ck_assert(copies(code, sizeof code, 16, &c));
	ck_assert_uint_eq(c.all[REG_RDI], BIT(REG_RBX));
	ck_assert_uint_eq(c.all[REG_RSI], 0);
	ck_assert_uint_eq(c.low[REG_RSI], BIT(REG_RBP));
	ck_assert_uint_eq(c.constant, BIT(REG_RDX));
	ck_assert_uint_eq(c.value[REG_RDX], 5);
	/* Behind a call nothing is the same. */
	ck_assert(copies(code, sizeof code, 21, &c));
	ck_assert_uint_eq(c.all[REG_RDI] | c.low[REG_RSI] | c.constant, 0);
	/* And what is no call is none. */
	ck_assert(!copies(code, sizeof code, 11, &c));
	ck_assert(!copies(code, sizeof code, 14, &c));
}
END_TEST

START_TEST(a_copy_that_was_overwritten_is_none)
{
	static const unsigned char original[] = {0x48, 0x89, 0xfb, 0x48, 0xff, 0xc7, 0xe8, 0, 0, 0, 0, 0xc3};
	static const unsigned char copy[] = {0x48, 0x89, 0xfb, 0x48, 0xff, 0xc3, 0xe8, 0, 0, 0, 0, 0xc3};
	struct call_copies c;

	ck_assert(copies(original, sizeof original, 11, &c)); /* inc %rdi */
	ck_assert_uint_eq(c.all[REG_RDI] | c.low[REG_RDI], 0);
	ck_assert(copies(copy, sizeof copy, 11, &c)); /* inc %rbx */
	ck_assert_uint_eq(c.all[REG_RDI] | c.low[REG_RDI], 0);
}
END_TEST

START_TEST(what_holds_on_one_path_only_does_not_hold)
{
	static const unsigned char code[] = {
		0x48, 0x89, 0xfb, 0x48, 0x89, 0xf5, /* mov %rdi,%rbx; mov %rsi,%rbp */
		0x85, 0xc0, 0x74, 3,                /* test %eax,%eax; je over */
		0x48, 0x31, 0xc3,                   /* xor %rax,%rbx */
		0xe8, 0,    0,    0,    0,    0xc3, /* over: call */
	};
	struct call_copies c;

	ck_assert(copies(code, sizeof code, 18, &c));
	ck_assert_uint_eq(c.all[REG_RDI], 0);
	ck_assert_uint_eq(c.all[REG_RSI], BIT(REG_RBP));
}
END_TEST

START_TEST(a_loop_back_to_the_copy_counts)
{
	static const unsigned char code[] = {
		0x48, 0x89, 0xfb, 0x48, 0x89, 0xf5, /* mov %rdi,%rbx; mov %rsi,%rbp */
		0x90,                               /* again: nop */
		0xe8, 0,    0,    0,    0,          /* call */
		0x48, 0x89, 0xc3,                   /* mov %rax,%rbx */
		0xeb, 0xf5,                         /* jmp again */
	};
	static const unsigned char entry[] = {
		0xe8, 0,    0, 0, 0, /* call */
		0xbf, 1,    0, 0, 0, /* mov $1,%edi */
		0xeb, 0xf4,          /* jmp to the beginning */
	};
	struct call_copies c;

	ck_assert(copies(code, sizeof code, 12, &c));
	ck_assert_uint_eq(c.all[REG_RDI] | c.all[REG_RSI], 0);
	/* It is entered from outside, too. */
	ck_assert(copies(entry, sizeof entry, 5, &c));
	ck_assert_uint_eq(c.constant, 0);
}
END_TEST

START_TEST(code_that_is_not_understood_says_nothing)
{
	static const unsigned char far[] = {0x48, 0x89, 0xfb, 0xe8, 0, 0, 0, 0, 0xff, 0xe0};
	static const unsigned char strange[] = {0x48, 0x89, 0xfb, 0xe8, 0, 0, 0, 0, 0x06, 0xc3};
	static const unsigned char middle[] = {0x48, 0x89, 0xfb, 0xe8, 0, 0, 0, 0, 0xeb, 0xf7};
	struct call_copies c;

	ck_assert(!copies(far, sizeof far, 8, &c)); /* jmp *%rax */
	ck_assert(!copies(strange, sizeof strange, 8, &c));
	ck_assert(!copies(middle, sizeof middle, 8, &c)); /* into an instruction */
	ck_assert(!copies(middle, 0, 8, &c));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("insn");
	TCase *tc = tcase_create("insn");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, mov_between_registers_is_a_copy);
	tcase_add_test(tc, mov_of_parts_or_memory_is_no_copy);
	tcase_add_test(tc, high_bytes_belong_to_the_first_four_registers);
	tcase_add_test(tc, constants_have_their_value);
	tcase_add_test(tc, what_only_compares_writes_nothing);
	tcase_add_test(tc, hidden_operands_are_written);
	tcase_add_test(tc, jumps_say_where_they_go);
	tcase_add_test(tc, what_is_cut_off_or_no_instruction_has_no_length);
	tcase_add_test(tc, a_copy_in_a_callee_saved_register_is_found);
	tcase_add_test(tc, a_copy_that_was_overwritten_is_none);
	tcase_add_test(tc, what_holds_on_one_path_only_does_not_hold);
	tcase_add_test(tc, a_loop_back_to_the_copy_counts);
	tcase_add_test(tc, code_that_is_not_understood_says_nothing);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
