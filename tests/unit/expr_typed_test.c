/* SPDX-License-Identifier: MIT */
/*
 * What: tests of typed values in DWARF expressions.
 */
#include "expr_test.h"

/* Constants of each type: the operator, the type, the size of the value, the value. */
#define S8(x) DW_OP_const_type, TYPE(T_S8), 1, (unsigned char)(x)
#define UC8(x) DW_OP_const_type, TYPE(T_U8), 1, (unsigned char)(x)
#define S16(x) DW_OP_const_type, TYPE(T_S16), 2, U2(x)
#define S32(x) DW_OP_const_type, TYPE(T_S32), 4, U4(x)
#define U32(x) DW_OP_GNU_const_type, TYPE(T_U32), 4, U4(x)
#define S64(x) DW_OP_const_type, TYPE(T_S64), 8, U8(x)
#define U64(x) DW_OP_const_type, TYPE(T_U64), 8, U8(x)
#define FLOAT(bits) DW_OP_const_type, TYPE(T_FLOAT), 4, U4(bits)
#define DOUBLE(bits) DW_OP_const_type, TYPE(T_DOUBLE), 8, U8(bits)
#define LDOUBLE(hi, lo) DW_OP_const_type, TYPE(T_LDOUBLE), 16, U8(lo), U8(hi)
#define CONVERT(t) DW_OP_convert, TYPE(t)
#define GENERIC DW_OP_convert, 0

START_TEST(integers_are_extended_by_their_own_sign)
{
	VALUE(-1, S8(-1));
	VALUE(0xff, UC8(-1));
	VALUE(-2, S16(-2));
	VALUE(-3, S32(-3));
	VALUE(0xfffffffd, U32(-3));
	VALUE(-4, S64(-4ULL));
	VALUE(-0x800000, DW_OP_const_type, TYPE(T_S24), 3, 0, 0, 0x80);
	VALUE(1, DW_OP_const_type, TYPE(T_BOOL), 1, 1);
}
END_TEST

START_TEST(arithmetic_wraps_at_the_size_of_the_type)
{
	VALUE(-128, S8(127), S8(1), DW_OP_plus);
	VALUE(0, UC8(255), UC8(1), DW_OP_plus);
	VALUE(255, UC8(0), UC8(1), DW_OP_minus);
	VALUE(1, UC8(255), UC8(255), DW_OP_mul);
	VALUE(-2147483648LL, S32(0x7fffffff), S32(1), DW_OP_plus);
	VALUE(0, U32(-1), U32(1), DW_OP_plus);
	VALUE(-128, S8(-128), DW_OP_neg);
	VALUE(-128, S8(-128), DW_OP_abs);
	VALUE(128, UC8(128), DW_OP_abs);
	VALUE(0xfe, UC8(1), DW_OP_not);
	VALUE(-2, S8(1), DW_OP_not);
	VALUE(-126, S8(127), DW_OP_plus_uconst, 3);
	VALUE(-8388608, DW_OP_const_type, TYPE(T_S24), 3, 0xff, 0xff, 0x7f, DW_OP_plus_uconst, 1);
}
END_TEST

START_TEST(division_and_remainder_go_by_the_type)
{
	VALUE(-3, S32(-7), S32(2), DW_OP_div);
	VALUE(-1, S32(-7), S32(2), DW_OP_mod);
	VALUE(1, S32(7), S32(-2), DW_OP_mod);
	VALUE(0x7ffffffc, U32(-7), U32(2), DW_OP_div);
	VALUE(1, U32(-7), U32(2), DW_OP_mod);
	VALUE(-128, S8(-128), S8(-1), DW_OP_div);
	VALUE(0, S8(-128), S8(-1), DW_OP_mod);
	VALUE(0x8000000000000000, S64(0x8000000000000000), S64(-1ULL), DW_OP_div);
	VALUE(0, S64(0x8000000000000000), S64(-1ULL), DW_OP_mod);
	VALUE(0, U64(1), U64(-1ULL), DW_OP_div);
	FAILS(WHY_EXPRESSION, S8(1), S8(0), DW_OP_div);
	FAILS(WHY_EXPRESSION, U64(1), U64(0), DW_OP_mod);
}
END_TEST

START_TEST(shifts_stay_in_the_type)
{
	VALUE(0x40, S8(0x81 - 256), S8(1), DW_OP_shr);
	VALUE(-64, S8(-128), S8(1), DW_OP_shra);
	VALUE(0xc0, UC8(0x80), UC8(1), DW_OP_shra);
	VALUE(0x40, UC8(0x80), UC8(1), DW_OP_shr);
	VALUE(-128, S8(1), S8(7), DW_OP_shl);
	VALUE(0, S8(1), S8(8), DW_OP_shl);
	VALUE(-1, S8(-1), S8(8), DW_OP_shra);
	VALUE(4, S8(1), DW_OP_lit2, DW_OP_shl);
	FAILS(WHY_EXPRESSION, S8(1), S8(-1), DW_OP_shl);
	FAILS(WHY_EXPRESSION, S8(1), FLOAT(0), DW_OP_shl);
}
END_TEST

START_TEST(relations_go_by_the_type)
{
	VALUE(1, S8(-1), S8(1), DW_OP_lt);
	VALUE(0, UC8(-1), UC8(1), DW_OP_lt);
	VALUE(1, U64(-1ULL), U64(1), DW_OP_gt);
	VALUE(1, S64(-1ULL), S64(1), DW_OP_le);
	VALUE(1, S32(5), S32(5), DW_OP_eq);
	VALUE(1, S32(5), S32(6), DW_OP_ne);
}
END_TEST

START_TEST(different_types_do_not_mix)
{
	FAILS(WHY_EXPRESSION, S8(1), UC8(1), DW_OP_plus);
	FAILS(WHY_EXPRESSION, S8(1), S16(1), DW_OP_plus);
	FAILS(WHY_EXPRESSION, S32(1), DW_OP_lit1, DW_OP_plus);
	FAILS(WHY_EXPRESSION, DOUBLE(0), FLOAT(0), DW_OP_plus);
	FAILS(WHY_EXPRESSION, DOUBLE(0), S64(0), DW_OP_eq);
	FAILS(WHY_EXPRESSION, DOUBLE(0), DW_OP_lit0, DW_OP_plus);
}
END_TEST

START_TEST(generic_constants_mix_with_words_where_the_sign_is_clear)
{
	VALUE(4, S64(5), DW_OP_lit1, DW_OP_minus);
	VALUE(6, DW_OP_lit1, U64(5), DW_OP_plus);
	VALUE(-2, S64(-4ULL), DW_OP_lit2, DW_OP_div);
	VALUE(1, S64(-4ULL), DW_OP_lit2, DW_OP_lt);
	VALUE(1, U64(4), DW_OP_lit4, DW_OP_eq);
	VALUE(1, S64(7), DW_OP_lit2, DW_OP_mod);
	FAILS(WHY_EXPRESSION, U64(4), DW_OP_lit4, DW_OP_div);
	FAILS(WHY_EXPRESSION, U64(4), DW_OP_lit4, DW_OP_lt);
	FAILS(WHY_EXPRESSION, S64(-7ULL), DW_OP_lit2, DW_OP_mod);
}
END_TEST

START_TEST(integers_convert_by_extending_and_cutting)
{
	VALUE(-1, S8(-1), CONVERT(T_S32));
	VALUE(0xffffffff, S8(-1), CONVERT(T_U32));
	VALUE(0xff, UC8(-1), CONVERT(T_S32));
	VALUE(0x34, S32(0x1234), CONVERT(T_U8));
	VALUE(-128, S32(0x80), CONVERT(T_S8));
	VALUE(-1, S8(-1), GENERIC);
	VALUE(0xff, UC8(-1), DW_OP_GNU_convert, 0);
	VALUE(-1, DW_OP_const1s, 0xff, CONVERT(T_S32));
	VALUE(0xffffffff, DW_OP_const1s, 0xff, CONVERT(T_U32));
	VALUE(1, S32(2), CONVERT(T_BOOL));
	VALUE(0, S32(0), CONVERT(T_BOOL));
	VALUE(6, S8(5), GENERIC, DW_OP_lit1, DW_OP_plus);
}
END_TEST

/* 1.5 is 0x3fc00000 and 0x3ff8000000000000; -2.75 is 0xc0300000 and 0xc006000000000000. */
START_TEST(floating_point_computes)
{
	VALUE(0xbfa00000, FLOAT(0x3fc00000), FLOAT(0xc0300000), DW_OP_plus);
	VALUE(0xbff4000000000000, DOUBLE(0x3ff8000000000000), DOUBLE(0xc006000000000000), DW_OP_plus);
	VALUE(0x4011000000000000, DOUBLE(0x3ff8000000000000), DOUBLE(0xc006000000000000), DW_OP_minus);
	VALUE(0xc010800000000000, DOUBLE(0x3ff8000000000000), DOUBLE(0xc006000000000000), DW_OP_mul);
	/* 1 / 3 */
	VALUE(0x3fd5555555555555, DOUBLE(0x3ff0000000000000), DOUBLE(0x4008000000000000), DW_OP_div);
	VALUE(0x3eaaaaab, FLOAT(0x3f800000), FLOAT(0x40400000), DW_OP_div);
	VALUE(0x4006000000000000, DOUBLE(0xc006000000000000), DW_OP_neg);
	VALUE(0x4006000000000000, DOUBLE(0xc006000000000000), DW_OP_abs);
	VALUE(0x40300000, FLOAT(0xc0300000), DW_OP_abs);
	VALUE(0xc0300000, FLOAT(0x40300000), DW_OP_neg);
}
END_TEST

START_TEST(floating_point_compares)
{
	VALUE(1, DOUBLE(0xc006000000000000), DOUBLE(0x3ff8000000000000), DW_OP_lt);
	VALUE(0, FLOAT(0xc0300000), FLOAT(0x3fc00000), DW_OP_ge);
	VALUE(1, FLOAT(0x80000000), FLOAT(0), DW_OP_eq);
	/* Not a number is not ordered. */
	VALUE(0, FLOAT(0x7fc00000), FLOAT(0x7fc00000), DW_OP_eq);
	VALUE(1, FLOAT(0x7fc00000), FLOAT(0x7fc00000), DW_OP_ne);
	VALUE(0, FLOAT(0x7fc00000), FLOAT(0), DW_OP_le);
	VALUE(0, FLOAT(0x7fc00000), FLOAT(0), DW_OP_ge);
}
END_TEST

/* One unit above 1 in double is lost by rounding to long double first only if the long double is rounded again. */
START_TEST(doubles_are_rounded_once)
{
	/* 1 + 2^-53 + 2^-106: to nearest even after one rounding is 1 + 2^-52. */
	VALUE(0x3ff0000000000001, DOUBLE(0x3ff0000000000000), DOUBLE(0x3ca0000000000001), DW_OP_plus);
}
END_TEST

START_TEST(floating_point_has_no_bits)
{
	FAILS(WHY_EXPRESSION, FLOAT(0), FLOAT(0), DW_OP_and);
	FAILS(WHY_EXPRESSION, FLOAT(0), FLOAT(0), DW_OP_mod);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_not);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_lit1, DW_OP_shl);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_plus_uconst, 1);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_deref);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_bra, U2(0));
}
END_TEST

START_TEST(floating_point_converts)
{
	VALUE(0x3ff8000000000000, FLOAT(0x3fc00000), CONVERT(T_DOUBLE));
	VALUE(0x3fc00000, DOUBLE(0x3ff8000000000000), CONVERT(T_FLOAT));
	VALUE(-2, DOUBLE(0xc006000000000000), CONVERT(T_S32));
	VALUE(1, FLOAT(0x3fc00000), CONVERT(T_U8));
	VALUE(-2, FLOAT(0xc0300000), GENERIC);
	VALUE(0x4045000000000000, S8(42), CONVERT(T_DOUBLE));
	VALUE(0xc045000000000000, S8(-42), CONVERT(T_DOUBLE));
	VALUE(0x406ac00000000000, UC8(-42), CONVERT(T_DOUBLE));
	VALUE(0x5f800000, U64(-1ULL), CONVERT(T_FLOAT));
	VALUE(0x40400000, DW_OP_lit3, CONVERT(T_FLOAT));
	VALUE(0x8000000000000000, DOUBLE(0x43e0000000000000), CONVERT(T_U64));
	VALUE(1, DOUBLE(0x3fe0000000000000), CONVERT(T_BOOL));
}
END_TEST

START_TEST(conversions_that_c_leaves_open_are_refused)
{
	FAILS(WHY_EXPRESSION, DOUBLE(0x43e0000000000000), CONVERT(T_S64));
	FAILS(WHY_EXPRESSION, DOUBLE(0xc006000000000000), CONVERT(T_U32));
	FAILS(WHY_EXPRESSION, DOUBLE(0x4070000000000000), CONVERT(T_U8));
	FAILS(WHY_EXPRESSION, DOUBLE(0x7ff8000000000000), CONVERT(T_S32));
	FAILS(WHY_EXPRESSION, DOUBLE(0x7ff0000000000000), GENERIC);
	FAILS(WHY_EXPRESSION, DW_OP_const1s, 0xff, CONVERT(T_DOUBLE));
}
END_TEST

/* 1.5L is 0x3fff, 0xc000000000000000. */
START_TEST(long_doubles_compute)
{
	VALUE(3, LDOUBLE(0x3fff, 0xc000000000000000), LDOUBLE(0x3fff, 0xc000000000000000), DW_OP_plus,
	      CONVERT(T_S32));
	VALUE(0x3ff8000000000000, LDOUBLE(0x3fff, 0xc000000000000000), CONVERT(T_DOUBLE));
	VALUE(-1, LDOUBLE(0x3fff, 0xc000000000000000), DW_OP_neg, CONVERT(T_S8));
	VALUE(1, LDOUBLE(0xbfff, 0xc000000000000000), DW_OP_abs, CONVERT(T_S8));
	VALUE(1, LDOUBLE(0xbfff, 0xc000000000000000), LDOUBLE(0x3fff, 0xc000000000000000), DW_OP_lt);
	VALUE(0xffffffffffffffff, U64(-1ULL), CONVERT(T_LDOUBLE), CONVERT(T_U64));
	FAILS(WHY_LIMIT, LDOUBLE(0x3fff, 0xc000000000000000));
	OBJECT("00000000000000c0ff3f000000000000", 16, LDOUBLE(0x3fff, 0xc000000000000000),
	       DW_OP_stack_value);
}
END_TEST

START_TEST(what_is_too_wide_is_carried_and_not_computed)
{
#define WIDE(t) DW_OP_const_type, TYPE(t), 16, U8(0x0706050403020100), U8(0x0f0e0d0c0b0a0908)
	OBJECT("000102030405060708090a0b0c0d0e0f", 16, WIDE(T_S128), DW_OP_stack_value);
	OBJECT("000102030405060708090a0b0c0d0e0f", 16, WIDE(T_F128), DW_OP_stack_value);
	OBJECT("000102030405060708090a0b0c0d0e0f", 16, WIDE(T_S128), DW_OP_reinterpret, TYPE(T_F128),
	       DW_OP_stack_value);
	FAILS(WHY_LIMIT, WIDE(T_S128), WIDE(T_S128), DW_OP_plus);
	FAILS(WHY_LIMIT, WIDE(T_F128), DW_OP_neg);
	FAILS(WHY_LIMIT, WIDE(T_F128), CONVERT(T_DOUBLE));
	FAILS(WHY_LIMIT, DW_OP_lit1, CONVERT(T_S128));
	FAILS(WHY_LIMIT, WIDE(T_S128), DW_OP_plus_uconst, 1);
	FAILS(WHY_LIMIT, WIDE(T_S128), DW_OP_lit1, DW_OP_shl);
	FAILS(WHY_LIMIT, DW_OP_lit1, CONVERT(T_WIDE));
	FAILS(WHY_LIMIT, DW_OP_const_type, TYPE(T_COMPLEX), 8, U8(0), DW_OP_neg);
	VALUE(5, DW_OP_const_type, TYPE(T_COMPLEX), 8, U8(5));
}
END_TEST

START_TEST(reinterpretation_keeps_the_bits)
{
	VALUE(0x3fc00000, U32(0x3fc00000), DW_OP_reinterpret, TYPE(T_FLOAT));
	VALUE(-0x3fd00000, FLOAT(0xc0300000), DW_OP_GNU_reinterpret, TYPE(T_S32));
	VALUE(0xff, S8(-1), DW_OP_reinterpret, TYPE(T_U8));
	VALUE(0x3ff8000000000000, DOUBLE(0x3ff8000000000000), DW_OP_reinterpret, 0);
	VALUE(0x4000000000000000, DOUBLE(0x3ff8000000000000), DW_OP_reinterpret, 0, DW_OP_const8u,
	      U8(0x0008000000000000), DW_OP_plus);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_reinterpret, 0);
	FAILS(WHY_EXPRESSION, FLOAT(0), DW_OP_reinterpret, TYPE(T_DOUBLE));
}
END_TEST

START_TEST(registers_and_memory_have_types)
{
	frame.memory[0] = 0xfe;
	VALUE(0x66000b - 0x1000000 + 0x1000000, DW_OP_regval_type, 11, TYPE(T_S24));
	VALUE(0xb, DW_OP_GNU_regval_type, 11, TYPE(T_S8));
	VALUE(0x03020100, DW_OP_regval_type, 17, TYPE(T_FLOAT));
	VALUE(0x0706050403020102, DW_OP_regval_type, 19, TYPE(T_DOUBLE));
	OBJECT("000102030405060708090a0b0c0d0e0f", 16, DW_OP_regval_type, 17, TYPE(T_S128),
	       DW_OP_stack_value);
	VALUE(-2, DW_OP_const4u, U4(MEMORY_AT), DW_OP_deref_type, 1, TYPE(T_S8));
	VALUE(0xfe, DW_OP_const4u, U4(MEMORY_AT), DW_OP_GNU_deref_type, 1, TYPE(T_U8));
	OBJECT("101112131415161718191a1b1c1d1e1f", 16, DW_OP_const4u, U4(MEMORY_AT + 16), DW_OP_deref_type,
	       16, TYPE(T_LDOUBLE), DW_OP_stack_value);
	FAILS(WHY_REGISTER_LOST, DW_OP_regval_type, 0, TYPE(T_S32));
	FAILS(WHY_REGISTER_LOST, DW_OP_regval_type, 18, TYPE(T_DOUBLE));
	FAILS(WHY_LIMIT, DW_OP_regval_type, 11, TYPE(T_S128));
	FAILS(WHY_UNREADABLE, DW_OP_lit0, DW_OP_deref_type, 1, TYPE(T_S8));
	FAILS(WHY_EXPRESSION, DW_OP_const4u, U4(MEMORY_AT), DW_OP_deref_type, 2, TYPE(T_S8));
}
END_TEST

START_TEST(a_type_must_be_a_base_type_of_the_unit)
{
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_convert, LEB2(die_struct));
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_convert, LEB2(type_die[T_S8] + 1));
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_convert, 0xff, 0xff, 0x7f);
	FAILS(WHY_EXPRESSION, DW_OP_lit1, DW_OP_convert, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	      1);
	FAILS(WHY_EXPRESSION, DW_OP_regval_type, 3, 0);
	FAILS(WHY_EXPRESSION, DW_OP_const_type, 0, 1, 1);
	FAILS(WHY_EXPRESSION, DW_OP_const_type, TYPE(T_S16), 1, 1);
	FAILS(WHY_EXPRESSION, DW_OP_const_type, TYPE(T_S8), 0);
}
END_TEST

static enum value_why bool_type(void *arg, uint64_t cu_offset, unsigned *ret_size, unsigned *ret_encoding)
{
	(void)arg;
	ck_assert_uint_eq(cu_offset, 5);
	*ret_size = 2;
	*ret_encoding = DW_ATE_unsigned;
	return WHY_NONE;
}

START_TEST(types_can_come_from_a_callback)
{
	frame.env.base_type = bool_type;
	VALUE(0xffff, DW_OP_const1s, 0xff, DW_OP_convert, 5);
	VALUE(0x000b, DW_OP_regval_type, 11, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_typed");
	TCase *tc = tcase_create("typed values");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, frame_setup, frame_teardown);
	tcase_add_test(tc, integers_are_extended_by_their_own_sign);
	tcase_add_test(tc, arithmetic_wraps_at_the_size_of_the_type);
	tcase_add_test(tc, division_and_remainder_go_by_the_type);
	tcase_add_test(tc, shifts_stay_in_the_type);
	tcase_add_test(tc, relations_go_by_the_type);
	tcase_add_test(tc, different_types_do_not_mix);
	tcase_add_test(tc, generic_constants_mix_with_words_where_the_sign_is_clear);
	tcase_add_test(tc, integers_convert_by_extending_and_cutting);
	tcase_add_test(tc, floating_point_computes);
	tcase_add_test(tc, floating_point_compares);
	tcase_add_test(tc, doubles_are_rounded_once);
	tcase_add_test(tc, floating_point_has_no_bits);
	tcase_add_test(tc, floating_point_converts);
	tcase_add_test(tc, conversions_that_c_leaves_open_are_refused);
	tcase_add_test(tc, long_doubles_compute);
	tcase_add_test(tc, what_is_too_wide_is_carried_and_not_computed);
	tcase_add_test(tc, reinterpretation_keeps_the_bits);
	tcase_add_test(tc, registers_and_memory_have_types);
	tcase_add_test(tc, a_type_must_be_a_base_type_of_the_unit);
	tcase_add_test(tc, types_can_come_from_a_callback);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
