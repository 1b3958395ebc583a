/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the operators that ask others: calls, entry values, parameter references; and of expressions that
 * are made to do harm.
 */
#include "expr_test.h"

static void call(const unsigned char *p, size_t n)
{
	frame.called = p;
	frame.ncalled = n;
}

#define CALLED(...) call(BYTES(__VA_ARGS__))

/* ---- calls ------------------------------------------------------------------------------------------------ */

START_TEST(a_called_die_computes_on_the_same_stack)
{
	static const unsigned char p[] = {DW_OP_lit3, DW_OP_mul};

	call(p, sizeof p);
	VALUE(22, DW_OP_lit7, DW_OP_call2, U2(die_callee), DW_OP_lit1, DW_OP_plus);
	VALUE(22, DW_OP_lit7, DW_OP_call4, U4(die_callee), DW_OP_lit1, DW_OP_plus);
	VALUE(22, DW_OP_lit7, DW_OP_call_ref, U4(die_callee), DW_OP_lit1, DW_OP_plus);
	VALUE(63, DW_OP_lit7, DW_OP_call2, U2(die_callee), DW_OP_call2, U2(die_callee));
}
END_TEST

START_TEST(a_called_die_has_branches_and_types_of_its_own)
{
	unsigned char p[] = {DW_OP_skip, U2(1), DW_OP_lit9, DW_OP_const_type, TYPE(T_S8), 1, 0xfe};

	call(p, sizeof p);
	VALUE(-2, DW_OP_call2, U2(die_callee));
	VALUE(-1, DW_OP_call4, U4(die_callee), DW_OP_plus_uconst, 1);
}
END_TEST

START_TEST(calling_a_die_without_location_does_nothing)
{
	VALUE(7, DW_OP_lit7, DW_OP_call2, U2(die_empty));
	VALUE(7, DW_OP_lit7, DW_OP_call_ref, U4(die_empty));
	/* An empty one is the same. */
	VALUE(7, DW_OP_lit7, DW_OP_call2, U2(die_callee));
}
END_TEST

START_TEST(a_location_list_is_followed_by_the_caller)
{
	Dwarf_Op ops[] = {{.atom = DW_OP_lit5}, {.atom = DW_OP_plus, .offset = 1}};

	frame.list_ops = ops;
	frame.list_n = 2;
	VALUE(8, DW_OP_lit3, DW_OP_call2, U2(die_list));
	frame.list_n = 0;
	VALUE(3, DW_OP_lit3, DW_OP_call2, U2(die_list));
	frame.env.callee = NULL;
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_call2, U2(die_list));
}
END_TEST

START_TEST(calls_to_nowhere_are_refused)
{
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_call2, U2(0xffff));
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_call4, U4(0x7fffffff));
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_call4, U4(0xffffffff));
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_call_ref, U4(0x7fffffff));
	CALLED(DW_OP_plus);
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_call2, U2(die_callee));
	CALLED(DW_OP_xderef);
	FAILS(WHY_EXPRESSION, DW_OP_lit3, DW_OP_lit1, DW_OP_call2, U2(die_callee));
}
END_TEST

START_TEST(a_called_die_says_no_kind_of_location)
{
	CALLED(DW_OP_reg3);
	NO_PLACE(WHY_EXPRESSION, DW_OP_call2, U2(die_callee));
	CALLED(DW_OP_lit1, DW_OP_stack_value);
	NO_PLACE(WHY_EXPRESSION, DW_OP_call2, U2(die_callee));
	CALLED(DW_OP_lit1, DW_OP_piece, 4);
	NO_PLACE(WHY_EXPRESSION, DW_OP_call2, U2(die_callee));
	CALLED(DW_OP_const4u, U4(MEMORY_AT + 16));
	OBJECT("1011", 2, DW_OP_call2, U2(die_callee));
}
END_TEST

START_TEST(a_lost_register_in_a_called_die_is_one_piece)
{
	CALLED(DW_OP_breg0, 0);
	PARTLY(WHY_REGISTER_LOST, "____0300", 4, DW_OP_call2, U2(die_callee), DW_OP_piece, 2, DW_OP_reg3,
	       DW_OP_piece, 2);
}
END_TEST

START_TEST(calls_do_not_recur_for_ever)
{
	unsigned char self[] = {DW_OP_call2, U2(die_callee)};
	unsigned char twice[] = {DW_OP_call2, U2(die_callee), DW_OP_call2, U2(die_callee)};

	call(self, sizeof self);
	FAILS(WHY_LIMIT, DW_OP_lit3, DW_OP_call2, U2(die_callee));
	call(twice, sizeof twice);
	FAILS(WHY_LIMIT, DW_OP_lit3, DW_OP_call2, U2(die_callee));
}
END_TEST

/* ---- entry values -------------------------------------------------------------------------------------------- */

#define ENTRY(n) DW_OP_entry_value, n
#define GNU_ENTRY(n) DW_OP_GNU_entry_value, n

START_TEST(a_register_at_entry_is_asked_for)
{
	VALUE(0xe005, ENTRY(1), DW_OP_reg5);
	VALUE(0xe006, GNU_ENTRY(1), DW_OP_reg5, DW_OP_lit1, DW_OP_plus);
	VALUE(0xe005, ENTRY(2), DW_OP_regx, 5);
	VALUE(0xe011, ENTRY(1), DW_OP_reg17);
	VALUE(0xe020, ENTRY(2), DW_OP_regx, 32);
	/* Of registers that are lost by now, too. */
	VALUE(0xe000, ENTRY(1), DW_OP_reg0);
	ck_assert_uint_eq(frame.entry_depth, 1);
	OBJECT("05e00000", 4, ENTRY(1), DW_OP_reg5, DW_OP_stack_value);
	PARTLY(WHY_OPTIMIZED_OUT, "11e0000000000000____", 10, ENTRY(1), DW_OP_reg17, DW_OP_stack_value);
}
END_TEST

START_TEST(the_reason_of_a_missing_entry_value_is_passed_on)
{
	frame.entry_why = WHY_NO_CALL_SITE;
	FAILS(WHY_NO_CALL_SITE, ENTRY(1), DW_OP_reg5);
	NO_PLACE(WHY_NO_CALL_SITE, ENTRY(1), DW_OP_reg5, DW_OP_stack_value);
	PARTLY(WHY_NO_CALL_SITE, "____0300", 4, ENTRY(1), DW_OP_reg5, DW_OP_stack_value, DW_OP_piece, 2,
	       DW_OP_reg3, DW_OP_piece, 2);
	frame.entry_why = WHY_TAIL_CALL;
	FAILS(WHY_TAIL_CALL, ENTRY(2), DW_OP_breg5, 0);
	frame.env.entry_value = NULL;
	FAILS(WHY_EXPRESSION, ENTRY(1), DW_OP_reg5);
	FAILS(WHY_EXPRESSION, ENTRY(3), DW_OP_breg5, 0, DW_OP_deref);
}
END_TEST

START_TEST(a_typed_register_at_entry_has_its_type)
{
	frame.at_entry[17] = 0x40080000c0300000;
	VALUE(0xc0300000, ENTRY(4), DW_OP_regval_type, 17, TYPE(T_FLOAT));
	VALUE(-2, GNU_ENTRY(4), DW_OP_GNU_regval_type, 17, TYPE(T_FLOAT), DW_OP_convert, TYPE(T_S32));
	VALUE(3, ENTRY(4), DW_OP_regval_type, 17, TYPE(T_DOUBLE), DW_OP_convert, TYPE(T_S32));
	VALUE(5, ENTRY(4), DW_OP_regval_type, 5, TYPE(T_U8));
	FAILS(WHY_LIMIT, ENTRY(4), DW_OP_regval_type, 17, TYPE(T_LDOUBLE));
}
END_TEST

START_TEST(an_expression_at_entry_computes_with_registers_at_entry)
{
	VALUE(0xe005 + 16, ENTRY(2), DW_OP_breg5, 16);
	VALUE(0xe005 + 0xe004, ENTRY(5), DW_OP_breg5, 0, DW_OP_breg4, 0, DW_OP_plus);
	VALUE(MEMORY_AT + 0x300 - 8, ENTRY(1), DW_OP_reg7);
	VALUE(MEMORY_AT + 0x300, ENTRY(2), DW_OP_breg7, 8);
	VALUE(MEMORY_AT + 0x300, ENTRY(1), DW_OP_call_frame_cfa);
	/* Types are those of the unit, wherever the expression is from. */
	VALUE(-1, ENTRY(6), DW_OP_const_type, TYPE(T_S8), 1, 0xff, DW_OP_nop);
	frame.env.has_cfa = false;
	VALUE(0xe007, ENTRY(1), DW_OP_reg7);
}
END_TEST

START_TEST(what_needs_the_past_of_memory_is_for_the_caller)
{
	FAILS(WHY_NO_CALL_VALUE, ENTRY(3), DW_OP_breg7, 8, DW_OP_deref);
	FAILS(WHY_NO_CALL_VALUE, ENTRY(2), DW_OP_fbreg, 0);
	frame.entry_long_why = WHY_NONE;
	frame.entry_long = 4711;
	VALUE(4711, ENTRY(3), DW_OP_breg7, 8, DW_OP_deref);
	VALUE(0xe005, ENTRY(2), DW_OP_breg5, 0);
}
END_TEST

START_TEST(at_entry_there_are_no_places)
{
	FAILS(WHY_EXPRESSION, ENTRY(0));
	FAILS(WHY_EXPRESSION, ENTRY(2), DW_OP_reg5, DW_OP_reg5);
	FAILS(WHY_EXPRESSION, ENTRY(2), DW_OP_lit5, DW_OP_stack_value);
	FAILS(WHY_EXPRESSION, ENTRY(3), DW_OP_reg5, DW_OP_piece, 4);
	FAILS(WHY_EXPRESSION, ENTRY(1), DW_OP_nop);
	FAILS(WHY_EXPRESSION, ENTRY(2), DW_OP_breg17, 0);
	FAILS(WHY_EXPRESSION, ENTRY(2), DW_OP_reg5);
	FAILS(WHY_EXPRESSION, ENTRY(1), DW_OP_xderef);
}
END_TEST

/* Every entry value asks the caller's frame for the same, as main calling itself would. */
static enum value_why recur(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	struct expr_env env = frame.env;
	Dwarf_Op *inner = arg;

	(void)ops, (void)n;
	frame.entries++;
	env.depth = depth;
	return expr_value(&env, inner, frame.list_n, ret);
}

static void check_recursion(const unsigned char *p, size_t n)
{
	struct unit u;
	uint64_t value;

	open_in_frame(&u, EXPRLOC_5, p, n);
	ck_assert_ptr_nonnull(u.ops);
	frame.env.arg = u.ops;
	frame.list_n = u.n;
	frame.env.entry_value = recur;
	frame.env.depth = 0;
	frame.entries = 0;
	ck_assert_int_eq(expr_value(&frame.env, u.ops, u.n, &value), WHY_LIMIT);
	ck_assert_uint_le(frame.entries, EXPR_MAX_STEPS / 10);
	unit_close(&u);
}

START_TEST(entry_values_do_not_recur_for_ever)
{
	check_recursion(BYTES(ENTRY(1), DW_OP_reg5));
	check_recursion(BYTES(ENTRY(2), DW_OP_breg5, 0));
	check_recursion(BYTES(ENTRY(3), ENTRY(1), DW_OP_reg5));
	/* Breadth and depth: steps are shared. */
	check_recursion(BYTES(ENTRY(1), DW_OP_reg5, DW_OP_drop, DW_OP_skip, U2(-7)));
}
END_TEST

static enum value_why forgetful(void *arg, unsigned depth, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	(void)depth;
	return recur(arg, 0, ops, n, ret);
}

START_TEST(callers_that_forget_the_depth_end_too)
{
	struct unit u;
	uint64_t value;

	open_in_frame(&u, EXPRLOC_5, BYTES(ENTRY(1), DW_OP_reg5));
	frame.env.arg = u.ops;
	frame.list_n = u.n;
	frame.env.entry_value = forgetful;
	ck_assert_int_eq(expr_value(&frame.env, u.ops, u.n, &value), WHY_LIMIT);
	unit_close(&u);
	/* And nothing is left behind. */
	frame_setup();
	VALUE(5, DW_OP_lit5);
}
END_TEST

START_TEST(a_depth_beyond_the_limit_is_refused)
{
	frame.env.depth = EXPR_MAX_DEPTH;
	VALUE(5, DW_OP_lit5);
	FAILS(WHY_LIMIT, ENTRY(1), DW_OP_reg5);
	FAILS(WHY_LIMIT, DW_OP_fbreg, 0);
	FAILS(WHY_LIMIT, DW_OP_call2, U2(die_empty));
	FAILS(WHY_LIMIT, DW_OP_GNU_parameter_ref, U4(die_callee));
	frame.env.depth = EXPR_MAX_DEPTH + 1;
	FAILS(WHY_LIMIT, DW_OP_lit5);
	NO_PLACE(WHY_LIMIT, DW_OP_reg5);
}
END_TEST

START_TEST(a_parameter_is_named_by_its_die)
{
	VALUE(77, DW_OP_GNU_parameter_ref, U4(die_callee));
	ck_assert_uint_eq(frame.parameter, die_callee);
	FAILS(WHY_EXPRESSION, DW_OP_GNU_parameter_ref, U4(0x7fffffff));
	frame.env.parameter_ref = NULL;
	FAILS(WHY_EXPRESSION, DW_OP_GNU_parameter_ref, U4(die_callee));
}
END_TEST

START_TEST(without_an_attribute_what_needs_one_is_refused)
{
	static const unsigned char atoms[] = {DW_OP_addrx,
					      DW_OP_constx,
					      DW_OP_const_type,
					      DW_OP_GNU_const_type,
					      DW_OP_regval_type,
					      DW_OP_entry_value,
					      DW_OP_call2,
					      DW_OP_call4,
					      DW_OP_call_ref,
					      DW_OP_implicit_value,
					      DW_OP_GNU_parameter_ref};

	for (size_t i = 0; i < sizeof atoms; i++) {
		Dwarf_Op op = {.atom = atoms[i], .number = 3, .number2 = 0x40};
		uint64_t n;

		frame.env.attr = NULL;
		ck_assert_int_eq(expr_value(&frame.env, &op, 1, &n), WHY_EXPRESSION);
	}
}
END_TEST

/* ---- harm ---------------------------------------------------------------------------------------------------- */

START_TEST(loops_without_end_end)
{
	FAILS(WHY_LIMIT, DW_OP_skip, U2(-3));
	FAILS(WHY_LIMIT, DW_OP_lit1, DW_OP_bra, U2(-4));
	FAILS(WHY_LIMIT, DW_OP_nop, DW_OP_nop, DW_OP_skip, U2(-5));
}
END_TEST

START_TEST(the_stack_does_not_overflow)
{
	unsigned char p[EXPR_MAX_STACK + 1];

	memset(p, DW_OP_lit7, sizeof p);
	check_value(WHY_NONE, 7, __LINE__, p, EXPR_MAX_STACK);
	check_value(WHY_LIMIT, 0, __LINE__, p, EXPR_MAX_STACK + 1);
	FAILS(WHY_LIMIT, DW_OP_lit1, DW_OP_dup, DW_OP_skip, U2(-4));
}
END_TEST

START_TEST(unknown_operators_are_refused)
{
	static const unsigned char atoms[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x07, 0xaa, 0xdf,
					      0xe1, 0xed, 0xef, 0xf1, 0xf8, 0xfe, 0xff};

	for (size_t i = 0; i < sizeof atoms; i++) {
		Dwarf_Op ops[] = {{.atom = DW_OP_lit1}, {.atom = atoms[i], .offset = 1}};
		uint64_t n;

		FAILS(WHY_EXPRESSION, DW_OP_lit1, atoms[i]);
		ck_assert_int_eq(expr_value(&frame.env, ops, 2, &n), WHY_EXPRESSION);
	}
	FAILS(WHY_EXPRESSION, DW_OP_GNU_variable_value, U4(die_callee));
}
END_TEST

START_TEST(truncated_operands_are_refused)
{
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_const1u);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_const2u, 1);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_bregx, 1);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_skip, 1);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_implicit_value, 5, 1);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_entry_value, 9, DW_OP_reg5);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_const_type, TYPE(T_S64), 8, 1, 2);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_deref_type, 1);
}
END_TEST

/* libdw 0.188 holds addresses and references against the end of the section, not of the expression. */
START_TEST(truncated_addresses_do_not_leave_the_section)
{
	unsigned char p[][4] = {{DW_OP_lit1, DW_OP_addr, 1, 2},
				{DW_OP_lit1, DW_OP_implicit_pointer, 1, 2},
				{DW_OP_lit1, DW_OP_call_ref, 1, 2}};

	for (size_t i = 0; i < 3; i++) {
		struct unit u;

		open_in_frame(&u, EXPRLOC_4, p[i], sizeof p[i]);
		ck_assert_ptr_null(u.ops);
		unit_close(&u);
		open_in_frame(&u, EXPRLOC_5, p[i], sizeof p[i]);
		ck_assert_ptr_null(u.ops);
		unit_close(&u);
	}
}
END_TEST

/* Whatever an operator is given, it says why, or gives something: no crash, no assertion. */
START_TEST(operations_that_no_decoder_made_do_no_harm)
{
	static const uint64_t numbers[] = {0,         1, 8, 63, 64, 0x7fffffffffffffff, 0x8000000000000000,
					   UINT64_MAX};
	static const unsigned char blocks[] = {DW_OP_implicit_value, DW_OP_entry_value, DW_OP_GNU_entry_value,
					       DW_OP_const_type, DW_OP_GNU_const_type};
	struct unit u;

	open_in_frame(&u, EXPRLOC_5, BYTES(DW_OP_lit1));
	for (unsigned atom = 0; atom < 256; atom++) {
		/* number2 of these is a pointer that libdw has checked. */
		if (memchr(blocks, (int)atom, sizeof blocks))
			continue;
		for (size_t i = 0; i < 64; i++) {
			Dwarf_Op ops[] = {{.atom = DW_OP_lit1},
					  {.atom = DW_OP_lit2, .offset = 1},
					  {.atom = atom,
					   .number = numbers[i / 8],
					   .number2 = numbers[i % 8],
					   .offset = 2}};
			struct loc loc;
			uint64_t n;

			expr_value(&frame.env, ops, 3, &n);
			expr_locate(&frame.env, ops, 3, &frame.arena, &loc);
			expr_locate(&frame.env, ops + 2, 1, &frame.arena, &loc);
		}
	}
	unit_close(&u);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_control");
	TCase *tc = tcase_create("control");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, frame_setup, frame_teardown);
	tcase_add_test(tc, a_called_die_computes_on_the_same_stack);
	tcase_add_test(tc, a_called_die_has_branches_and_types_of_its_own);
	tcase_add_test(tc, calling_a_die_without_location_does_nothing);
	tcase_add_test(tc, a_location_list_is_followed_by_the_caller);
	tcase_add_test(tc, calls_to_nowhere_are_refused);
	tcase_add_test(tc, a_called_die_says_no_kind_of_location);
	tcase_add_test(tc, a_lost_register_in_a_called_die_is_one_piece);
	tcase_add_test(tc, calls_do_not_recur_for_ever);
	tcase_add_test(tc, a_register_at_entry_is_asked_for);
	tcase_add_test(tc, the_reason_of_a_missing_entry_value_is_passed_on);
	tcase_add_test(tc, a_typed_register_at_entry_has_its_type);
	tcase_add_test(tc, an_expression_at_entry_computes_with_registers_at_entry);
	tcase_add_test(tc, what_needs_the_past_of_memory_is_for_the_caller);
	tcase_add_test(tc, at_entry_there_are_no_places);
	tcase_add_test(tc, entry_values_do_not_recur_for_ever);
	tcase_add_test(tc, callers_that_forget_the_depth_end_too);
	tcase_add_test(tc, a_depth_beyond_the_limit_is_refused);
	tcase_add_test(tc, a_parameter_is_named_by_its_die);
	tcase_add_test(tc, without_an_attribute_what_needs_one_is_refused);
	tcase_add_test(tc, loops_without_end_end);
	tcase_add_test(tc, the_stack_does_not_overflow);
	tcase_add_test(tc, unknown_operators_are_refused);
	tcase_add_test(tc, truncated_operands_are_refused);
	tcase_add_test(tc, truncated_addresses_do_not_leave_the_section);
	tcase_add_test(tc, operations_that_no_decoder_made_do_no_harm);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
