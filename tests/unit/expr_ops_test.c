/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the operators that compute with the generic type, look at registers and memory, and branch.
 */
#include "expr_test.h"

/* ---- literals ------------------------------------------------------------------------------------------- */

START_TEST(literals_are_pushed)
{
	VALUE(0, DW_OP_lit0);
	VALUE(17, DW_OP_lit17);
	VALUE(31, DW_OP_lit31);
	VALUE(0xff, DW_OP_const1u, 0xff);
	VALUE(-1, DW_OP_const1s, 0xff);
	VALUE(0x8000, DW_OP_const2u, U2(0x8000));
	VALUE(-0x8000, DW_OP_const2s, U2(0x8000));
	VALUE(0x80000000, DW_OP_const4u, U4(0x80000000));
	VALUE(-0x80000000LL, DW_OP_const4s, U4(0x80000000));
	VALUE(0x8000000000000001, DW_OP_const8u, U8(0x8000000000000001));
	VALUE(-2, DW_OP_const8s, U8(-2ULL));
	VALUE(624485, DW_OP_constu, 0xe5, 0x8e, 0x26);
	VALUE(-123456, DW_OP_consts, 0xc0, 0xbb, 0x78);
	VALUE(UINT64_MAX, DW_OP_constu, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
}
END_TEST

START_TEST(addresses_move_with_the_module)
{
	VALUE(0x5000 + 0x401000, DW_OP_addr, U8(0x401000));
	VALUE(0x4fff, DW_OP_addr, U8(-1ULL));
	VALUE(0x5000 + 0x2222, DW_OP_addrx, 1);
	VALUE(0x5000 + 0x1111, DW_OP_GNU_addr_index, 0);
	VALUE(0x4ff0, DW_OP_addrx, 2);
}
END_TEST

START_TEST(indexed_constants_do_not)
{
	VALUE(0x1111, DW_OP_constx, 0);
	VALUE(0xfffffffffffffff0, DW_OP_GNU_const_index, 2);
}
END_TEST

START_TEST(an_index_behind_debug_addr_is_refused)
{
	FAILS(WHY_EXPRESSION, DW_OP_addrx, 3);
	FAILS(WHY_EXPRESSION, DW_OP_constx, 3);
	FAILS(WHY_EXPRESSION, DW_OP_GNU_const_index, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
	/* -2 words wrap to before the section. */
	FAILS(WHY_EXPRESSION, DW_OP_constx, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f);
	FAILS(WHY_EXPRESSION, DW_OP_addrx, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f);
}
END_TEST

/* ---- registers ------------------------------------------------------------------------------------------ */

START_TEST(based_registers_add_a_signed_offset)
{
	VALUE(0x1122334455660005, DW_OP_breg5, 0);
	VALUE(0x1122334455660004, DW_OP_breg5, 0x7f);
	VALUE(0x1122334455660005 + 64, DW_OP_breg5, 0xc0, 0);
	VALUE(0x1122334455660000 + 16 + 1, DW_OP_breg16, 1);
	VALUE(0x1122334455660009, DW_OP_bregx, 8, 1);
	VALUE(0x1122334455660006, DW_OP_bregx, 8, 0x7e);
}
END_TEST

START_TEST(a_register_may_be_the_value)
{
	VALUE(0x1122334455660003, DW_OP_reg3);
	VALUE(0x1122334455660010, DW_OP_reg16);
	VALUE(0x1122334455660003, DW_OP_regx, 3);
	VALUE(0x0706050403020100, DW_OP_reg17);
	VALUE(0x070605040302010e, DW_OP_reg31);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_reg3);
	FAILS(WHY_EXPRESSION, DW_OP_reg3, DW_OP_lit1);
	FAILS(WHY_EXPRESSION, DW_OP_reg3, DW_OP_nop);
}
END_TEST

START_TEST(a_lost_register_is_never_a_value)
{
	FAILS(WHY_REGISTER_LOST, DW_OP_breg0, 0);
	FAILS(WHY_REGISTER_LOST, DW_OP_breg1, 0, DW_OP_lit0, DW_OP_mul);
	FAILS(WHY_REGISTER_LOST, DW_OP_reg0);
	FAILS(WHY_REGISTER_LOST, DW_OP_reg18);
	FAILS(WHY_REGISTER_LOST, DW_OP_regx, 32);
	FAILS(WHY_REGISTER_LOST, DW_OP_regx, 33);
	FAILS(WHY_REGISTER_LOST, DW_OP_bregx, 58, 0);
	FAILS(WHY_REGISTER_LOST, DW_OP_bregx, 0x80, 0x80, 0x80, 0x80, 0x10, 0);
	FAILS(WHY_EXPRESSION, DW_OP_breg17, 0);
	frame.regs.xmm = NULL;
	FAILS(WHY_REGISTER_LOST, DW_OP_reg17);
	frame.env.regs = NULL;
	FAILS(WHY_REGISTER_LOST, DW_OP_reg3);
	FAILS(WHY_REGISTER_LOST, DW_OP_breg3, 0);
}
END_TEST

START_TEST(the_frame_base_and_the_cfa_are_asked_for)
{
	VALUE(MEMORY_AT + 0x100 - 16, DW_OP_fbreg, 0x70);
	VALUE(MEMORY_AT + 0x300, DW_OP_call_frame_cfa);
	frame.env.has_cfa = false;
	FAILS(WHY_EXPRESSION, DW_OP_call_frame_cfa);
	frame.env.frame_base = NULL;
	FAILS(WHY_EXPRESSION, DW_OP_fbreg, 0);
}
END_TEST

/* ---- the stack ------------------------------------------------------------------------------------------- */

START_TEST(the_stack_is_shuffled)
{
	VALUE(8, DW_OP_lit4, DW_OP_dup, DW_OP_plus);
	VALUE(1, DW_OP_lit1, DW_OP_lit2, DW_OP_drop);
	VALUE(1, DW_OP_lit1, DW_OP_lit2, DW_OP_over);
	VALUE(3, DW_OP_lit3, DW_OP_lit4, DW_OP_lit5, DW_OP_pick, 2);
	VALUE(5, DW_OP_lit3, DW_OP_lit4, DW_OP_lit5, DW_OP_pick, 0);
	VALUE(6, DW_OP_lit2, DW_OP_lit8, DW_OP_swap, DW_OP_minus);
	VALUE(2, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot);
	/* 1 2 3 becomes 3 1 2: 3 - (1 - 2) */
	VALUE(4, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_minus, DW_OP_minus);
	VALUE(9, DW_OP_nop, DW_OP_lit9, DW_OP_nop);
}
END_TEST

START_TEST(too_few_values_are_an_error)
{
	FAILS(WHY_EXPRESSION, DW_OP_dup);
	FAILS(WHY_EXPRESSION, DW_OP_drop);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_over);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_pick, 1);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_swap);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_lit1, DW_OP_rot);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_plus);
	FAILS(WHY_EXPRESSION, DW_OP_neg);
	FAILS(WHY_EXPRESSION, DW_OP_plus_uconst, 1);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_eq);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_shl);
	FAILS(WHY_EXPRESSION, DW_OP_deref);
	FAILS(WHY_EXPRESSION, DW_OP_deref_size, 1);
	FAILS(WHY_EXPRESSION, DW_OP_bra, U2(0));
	FAILS(WHY_EXPRESSION, DW_OP_stack_value);
	FAILS(WHY_EXPRESSION, DW_OP_form_tls_address);
	FAILS(WHY_EXPRESSION, DW_OP_convert, 0);
	FAILS(WHY_EXPRESSION, DW_OP_nop);
	FAILS(WHY_EXPRESSION, DW_OP_lit0, DW_OP_drop);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------------------- */

START_TEST(memory_is_read_and_extended_with_zeros)
{
	frame.memory[0x10] = 0xf1;
	frame.memory[0x11] = 0xf2;
	frame.memory[0x12] = 0xf3;
	VALUE(0x1716151413f3f2f1, DW_OP_const4u, U4(MEMORY_AT + 0x10), DW_OP_deref);
	VALUE(0xf1, DW_OP_const4u, U4(MEMORY_AT + 0x10), DW_OP_deref_size, 1);
	VALUE(0xf2f1, DW_OP_const4u, U4(MEMORY_AT + 0x10), DW_OP_deref_size, 2);
	VALUE(0xf3f2f1, DW_OP_const4u, U4(MEMORY_AT + 0x10), DW_OP_deref_size, 3);
	VALUE(0x1716151413f3f2f1, DW_OP_const4u, U4(MEMORY_AT + 0x10), DW_OP_deref_size, 8);
	FAILS(WHY_EXPRESSION, DW_OP_const4u, U4(MEMORY_AT), DW_OP_deref_size, 0);
	FAILS(WHY_EXPRESSION, DW_OP_const4u, U4(MEMORY_AT), DW_OP_deref_size, 9);
}
END_TEST

START_TEST(memory_that_cannot_be_read_is_no_value)
{
	FAILS(WHY_UNREADABLE, DW_OP_lit0, DW_OP_deref);
	FAILS(WHY_UNREADABLE, DW_OP_const1s, 0xff, DW_OP_deref);
	FAILS(WHY_UNREADABLE, DW_OP_const4u, U4(MEMORY_AT + MEMORY_SIZE - 7), DW_OP_deref);
	frame.env.read = NULL;
	FAILS(WHY_EXPRESSION, DW_OP_const4u, U4(MEMORY_AT), DW_OP_deref);
}
END_TEST

START_TEST(x86_64_has_no_other_address_spaces)
{
	FAILS(WHY_EXPRESSION, DW_OP_lit0, DW_OP_const4u, U4(MEMORY_AT), DW_OP_xderef);
	FAILS(WHY_EXPRESSION, DW_OP_lit0, DW_OP_const4u, U4(MEMORY_AT), DW_OP_xderef_size, 4);
	FAILS(WHY_EXPRESSION, DW_OP_lit0, DW_OP_const4u, U4(MEMORY_AT), DW_OP_xderef_type, 4, TYPE(T_S32));
}
END_TEST

START_TEST(thread_local_and_member_addresses_come_from_outside)
{
	VALUE(0x7f0010, DW_OP_lit16, DW_OP_form_tls_address);
	VALUE(0x7f0020, DW_OP_const1u, 32, DW_OP_GNU_push_tls_address);
	FAILS(WHY_EXPRESSION, DW_OP_push_object_address);
	frame.env.has_object = true;
	frame.env.object = 0x4711;
	VALUE(0x4719, DW_OP_push_object_address, DW_OP_plus_uconst, 8);
	frame.env.tls = NULL;
	FAILS(WHY_EXPRESSION, DW_OP_lit16, DW_OP_form_tls_address);
}
END_TEST

/* ---- arithmetic ------------------------------------------------------------------------------------------ */

#define MIN DW_OP_const8u, U8(0x8000000000000000)
#define MINUS1 DW_OP_const1s, 0xff

START_TEST(addition_and_multiplication_wrap)
{
	VALUE(0, MINUS1, DW_OP_lit1, DW_OP_plus);
	VALUE(-1, DW_OP_lit0, DW_OP_lit1, DW_OP_minus);
	VALUE(1, MINUS1, MINUS1, DW_OP_mul);
	VALUE(0, MIN, DW_OP_lit2, DW_OP_mul);
	VALUE(0xfffffffe00000001, DW_OP_const4u, U4(0xffffffff), DW_OP_dup, DW_OP_mul);
	VALUE(299, MINUS1, DW_OP_plus_uconst, 0xac, 2);
	VALUE(0, DW_OP_lit1, DW_OP_plus_uconst, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
}
END_TEST

START_TEST(division_is_signed_and_remainder_unsigned)
{
	VALUE(3, DW_OP_lit7, DW_OP_lit2, DW_OP_div);
	VALUE(-3, DW_OP_const1s, 0xf9, DW_OP_lit2, DW_OP_div);
	VALUE(0x8000000000000000, MIN, MINUS1, DW_OP_div);
	VALUE(1, DW_OP_lit7, DW_OP_lit2, DW_OP_mod);
	/* 2^64 - 7 */
	VALUE(9, DW_OP_const1s, 0xf9, DW_OP_lit10, DW_OP_mod);
	VALUE(0x8000000000000000, MIN, MINUS1, DW_OP_mod);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_lit0, DW_OP_div);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_lit0, DW_OP_mod);
}
END_TEST

START_TEST(bits_are_combined_and_shifted)
{
	VALUE(0x0c, DW_OP_const1u, 0x0e, DW_OP_const1u, 0xfc, DW_OP_and);
	VALUE(0xfe, DW_OP_const1u, 0x0e, DW_OP_const1u, 0xfc, DW_OP_or);
	VALUE(0xf2, DW_OP_const1u, 0x0e, DW_OP_const1u, 0xfc, DW_OP_xor);
	VALUE(-1, DW_OP_lit0, DW_OP_not);
	VALUE(-5, DW_OP_lit5, DW_OP_neg);
	VALUE(5, DW_OP_const1s, 0xfb, DW_OP_abs);
	VALUE(5, DW_OP_lit5, DW_OP_abs);
	VALUE(0x8000000000000000, MIN, DW_OP_abs);
	VALUE(0x8000000000000000, DW_OP_lit1, DW_OP_const1u, 63, DW_OP_shl);
	VALUE(1, MIN, DW_OP_const1u, 63, DW_OP_shr);
	VALUE(-1, MIN, DW_OP_const1u, 63, DW_OP_shra);
	VALUE(0xf000000000000000, MIN, DW_OP_lit3, DW_OP_shra);
}
END_TEST

START_TEST(shifts_by_more_than_there_are_bits_shift_all_out)
{
	VALUE(0, DW_OP_lit1, DW_OP_const1u, 64, DW_OP_shl);
	VALUE(0, MIN, DW_OP_const1u, 64, DW_OP_shr);
	VALUE(-1, MIN, DW_OP_const1u, 64, DW_OP_shra);
	VALUE(0, DW_OP_lit1, DW_OP_const1u, 200, DW_OP_shra);
	VALUE(0, DW_OP_lit1, MINUS1, DW_OP_shl);
}
END_TEST

START_TEST(relations_are_signed)
{
	VALUE(1, MINUS1, DW_OP_lit1, DW_OP_lt);
	VALUE(0, MINUS1, DW_OP_lit1, DW_OP_gt);
	VALUE(1, MINUS1, MINUS1, DW_OP_le);
	VALUE(1, MINUS1, MINUS1, DW_OP_ge);
	VALUE(0, MINUS1, DW_OP_lit0, DW_OP_ge);
	VALUE(1, MINUS1, DW_OP_lit0, DW_OP_le);
	VALUE(1, DW_OP_lit4, DW_OP_lit3, DW_OP_gt);
	VALUE(0, DW_OP_lit4, DW_OP_lit4, DW_OP_lt);
	VALUE(1, DW_OP_lit4, DW_OP_lit4, DW_OP_eq);
	VALUE(0, DW_OP_lit4, DW_OP_lit4, DW_OP_ne);
	VALUE(1, DW_OP_lit4, DW_OP_lit5, DW_OP_ne);
}
END_TEST

/* ---- branches -------------------------------------------------------------------------------------------- */

START_TEST(branches_count_from_the_next_operation)
{
	VALUE(1, DW_OP_lit1, DW_OP_skip, U2(1), DW_OP_lit2);
	VALUE(2, DW_OP_lit1, DW_OP_skip, U2(0), DW_OP_lit2);
	VALUE(7, DW_OP_lit7, DW_OP_lit1, DW_OP_bra, U2(1), DW_OP_lit2);
	VALUE(2, DW_OP_lit7, DW_OP_lit0, DW_OP_bra, U2(1), DW_OP_lit2);
	/* max(3, 9), as gcc writes it */
	VALUE(9, DW_OP_lit3, DW_OP_lit9, DW_OP_over, DW_OP_over, DW_OP_gt, DW_OP_bra, U2(1), DW_OP_swap,
	      DW_OP_drop);
	VALUE(9, DW_OP_lit9, DW_OP_lit3, DW_OP_over, DW_OP_over, DW_OP_gt, DW_OP_bra, U2(1), DW_OP_swap,
	      DW_OP_drop);
}
END_TEST

START_TEST(loops_end_when_their_condition_does)
{
	/* 10 9 ... 0, multiplied by 2 for each: n p -> p = 2^10 */
	VALUE(1024, DW_OP_lit1, DW_OP_lit10, /* p n */
	      DW_OP_swap, DW_OP_lit2, DW_OP_mul, DW_OP_swap, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra,
	      U2(-10), DW_OP_drop);
}
END_TEST

START_TEST(a_branch_goes_to_an_operation_or_to_the_end)
{
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_skip, U2(1), DW_OP_const1u, 5);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_skip, U2(2), DW_OP_lit5);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_skip, U2(-5));
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_skip, U2(0x7fff));
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_skip, U2(-2));
	VALUE(1, DW_OP_lit1, DW_OP_skip, U2(0));
	VALUE(1, DW_OP_lit1, DW_OP_skip, U2(2), DW_OP_const1u, 2);
	VALUE(1, DW_OP_lit1, DW_OP_skip, U2(9), DW_OP_addr, U8(2));
}
END_TEST

/* In a list the length of the last operation is not known if it ends in a LEB128. */
START_TEST(the_end_behind_a_leb128_is_known_in_an_attribute)
{
	static const unsigned char p[] = {DW_OP_lit1, DW_OP_skip, U2(3), DW_OP_constu, 0x85, 0};

	for (int form = 0; form < UNIT_FORMS; form++) {
		enum value_why why;
		uint64_t got = 0;
		struct unit u;

		open_in_frame(&u, form, p, sizeof p);
		ck_assert_ptr_nonnull(u.ops);
		why = expr_value(&frame.env, u.ops, u.n, &got);
		ck_assert_int_eq(why, form >= LIST_4 ? WHY_EXPRESSION : WHY_NONE);
		ck_assert_uint_eq(got, form >= LIST_4 ? 0 : 1);
		unit_close(&u);
	}
}
END_TEST

/* ---- call frame information -------------------------------------------------------------------------------- */

START_TEST(an_expression_may_begin_with_a_value)
{
	Dwarf_Op ops[] = {{.atom = DW_OP_lit8}, {.atom = DW_OP_minus, .offset = 1}};
	uint64_t n;

	ck_assert_int_eq(expr_value_with(&frame.env, 0x100, ops, 2, &n), WHY_NONE);
	ck_assert_uint_eq(n, 0xf8);
	ck_assert_int_eq(expr_value_with(&frame.env, 0x100, NULL, 0, &n), WHY_NONE);
	ck_assert_uint_eq(n, 0x100);
	ck_assert_int_eq(expr_value(&frame.env, ops, 2, &n), WHY_EXPRESSION);
}
END_TEST

/* What dwarf_frame_register gives for DW_CFA_val_expression (DW_OP_breg5 0; skip 0; plus). */
START_TEST(what_libdw_puts_around_an_expression_is_understood)
{
	Dwarf_Op ops[] = {{.atom = DW_OP_call_frame_cfa, .offset = -1},
			  {.atom = DW_OP_breg5, .offset = 0},
			  {.atom = DW_OP_skip, .number = 0, .offset = 2},
			  {.atom = DW_OP_plus, .offset = 5},
			  {.atom = DW_OP_stack_value, .offset = 6}};
	uint64_t n;

	ck_assert_int_eq(expr_value(&frame.env, ops, 5, &n), WHY_NONE);
	ck_assert_uint_eq(n, MEMORY_AT + 0x300 + 0x1122334455660005);
	/* To the synthetic operation: out of the expression. */
	ops[2].number = -6;
	ck_assert_int_eq(expr_value(&frame.env, ops, 5, &n), WHY_EXPRESSION);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_ops");
	TCase *tc = tcase_create("operators");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, frame_setup, frame_teardown);
	tcase_add_test(tc, literals_are_pushed);
	tcase_add_test(tc, addresses_move_with_the_module);
	tcase_add_test(tc, indexed_constants_do_not);
	tcase_add_test(tc, an_index_behind_debug_addr_is_refused);
	tcase_add_test(tc, based_registers_add_a_signed_offset);
	tcase_add_test(tc, a_register_may_be_the_value);
	tcase_add_test(tc, a_lost_register_is_never_a_value);
	tcase_add_test(tc, the_frame_base_and_the_cfa_are_asked_for);
	tcase_add_test(tc, the_stack_is_shuffled);
	tcase_add_test(tc, too_few_values_are_an_error);
	tcase_add_test(tc, memory_is_read_and_extended_with_zeros);
	tcase_add_test(tc, memory_that_cannot_be_read_is_no_value);
	tcase_add_test(tc, x86_64_has_no_other_address_spaces);
	tcase_add_test(tc, thread_local_and_member_addresses_come_from_outside);
	tcase_add_test(tc, addition_and_multiplication_wrap);
	tcase_add_test(tc, division_is_signed_and_remainder_unsigned);
	tcase_add_test(tc, bits_are_combined_and_shifted);
	tcase_add_test(tc, shifts_by_more_than_there_are_bits_shift_all_out);
	tcase_add_test(tc, relations_are_signed);
	tcase_add_test(tc, branches_count_from_the_next_operation);
	tcase_add_test(tc, loops_end_when_their_condition_does);
	tcase_add_test(tc, a_branch_goes_to_an_operation_or_to_the_end);
	tcase_add_test(tc, the_end_behind_a_leb128_is_known_in_an_attribute);
	tcase_add_test(tc, an_expression_may_begin_with_a_value);
	tcase_add_test(tc, what_libdw_puts_around_an_expression_is_understood);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
