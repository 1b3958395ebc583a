/* SPDX-License-Identifier: MIT */
/*
 * What: tests of location descriptions and of the bytes they describe.  Digits are the object's bytes in order; __ is
 * a byte that is not known.
 */
#include "expr_test.h"

/* ---- simple locations ------------------------------------------------------------------------------------ */

START_TEST(an_address_is_memory)
{
	OBJECT("1011121314151617", 8, DW_OP_const4u, U4(MEMORY_AT + 16));
	OBJECT("10", 1, DW_OP_const4u, U4(MEMORY_AT + 16));
	OBJECT("02030001", 4, DW_OP_breg6, 0);
	OBJECT("f0f1f2f3f4f5f6f7", 8, DW_OP_fbreg, 0x70);
	OBJECT("", 0, DW_OP_const4u, U4(MEMORY_AT));
}
END_TEST

START_TEST(what_is_on_top_of_the_stack_is_the_address)
{
	OBJECT("1011", 2, DW_OP_lit5, DW_OP_const4u, U4(MEMORY_AT + 16));
}
END_TEST

START_TEST(memory_may_be_readable_in_part)
{
	frame.hole = true;
	frame.memory[MEMORY_SIZE / 2 - 2] = 0xaa;
	frame.memory[MEMORY_SIZE / 2 - 1] = 0xbb;
	PARTLY(WHY_UNREADABLE, "aabb__", 3, DW_OP_const4u, U4(MEMORY_AT + MEMORY_SIZE / 2 - 2));
	PARTLY(WHY_UNREADABLE, "____", 2, DW_OP_lit0);
	PARTLY(WHY_UNREADABLE, "____", 2, DW_OP_const1s, 0xff);
	PARTLY(WHY_UNREADABLE, "____", 2, DW_OP_const4u, U4(MEMORY_AT + 0x10000));
	frame.env.read = NULL;
	PARTLY(WHY_EXPRESSION, "____", 2, DW_OP_const4u, U4(MEMORY_AT));
}
END_TEST

START_TEST(registers_give_their_low_bytes)
{
	OBJECT("0300665544332211", 8, DW_OP_reg3);
	OBJECT("03006655", 4, DW_OP_reg3);
	OBJECT("0c", 1, DW_OP_regx, 12);
	OBJECT("000102030405060708090a0b0c0d0e0f", 16, DW_OP_reg17);
	OBJECT("00010203", 4, DW_OP_reg17);
	OBJECT("0e0102030405060716090a0b0c0d0e0f", 16, DW_OP_reg31);
}
END_TEST

START_TEST(an_object_wider_than_its_register_is_known_in_part)
{
	PARTLY(WHY_OPTIMIZED_OUT, "0300665544332211________", 12, DW_OP_reg3);
	PARTLY(WHY_REGISTER_LOST, "000102030405060708090a0b0c0d0e0f__", 17, DW_OP_reg17);
}
END_TEST

START_TEST(a_lost_register_is_never_bytes)
{
	PARTLY(WHY_REGISTER_LOST, "________", 4, DW_OP_reg0);
	PARTLY(WHY_REGISTER_LOST, "________", 4, DW_OP_reg18);
	PARTLY(WHY_REGISTER_LOST, "________", 4, DW_OP_regx, 33);
	PARTLY(WHY_REGISTER_LOST, "________", 4, DW_OP_regx, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	       0xff, 1);
	NO_PLACE(WHY_REGISTER_LOST, DW_OP_breg0, 0);
}
END_TEST

START_TEST(values_and_bytes_are_there_without_a_place)
{
	OBJECT("2a00000000000000", 8, DW_OP_const1u, 42, DW_OP_stack_value);
	OBJECT("feffffff", 4, DW_OP_const1s, 0xfe, DW_OP_stack_value);
	PARTLY(WHY_OPTIMIZED_OUT, "2a00000000000000__", 9, DW_OP_const1u, 42, DW_OP_stack_value);
	OBJECT("feff", 2, DW_OP_const_type, TYPE(T_S16), 2, U2(-2), DW_OP_stack_value);
	PARTLY(WHY_OPTIMIZED_OUT, "feff____", 4, DW_OP_const_type, TYPE(T_S16), 2, U2(-2), DW_OP_stack_value);
	OBJECT("010203", 3, DW_OP_implicit_value, 3, 1, 2, 3);
	OBJECT("0102", 2, DW_OP_implicit_value, 3, 1, 2, 3);
	PARTLY(WHY_OPTIMIZED_OUT, "010203__", 4, DW_OP_implicit_value, 3, 1, 2, 3);
	PARTLY(WHY_OPTIMIZED_OUT, "__", 1, DW_OP_implicit_value, 0);
	OBJECT("0500665544332211", 8, DW_OP_breg5, 0, DW_OP_stack_value);
}
END_TEST

START_TEST(nothing_is_optimized_out)
{
	check_bytes(WHY_OPTIMIZED_OUT, "________", 4, __LINE__, NULL, 0);
	PARTLY(WHY_OPTIMIZED_OUT, "________", 4, DW_OP_nop);
}
END_TEST

/* ---- composite locations ------------------------------------------------------------------------------------ */

START_TEST(pieces_follow_each_other)
{
	OBJECT("0300665544332211"
	       "0500665544332211",
	       16, DW_OP_reg3, DW_OP_piece, 8, DW_OP_reg5, DW_OP_piece, 8);
	OBJECT("03001011"
	       "0700",
	       6, DW_OP_reg3, DW_OP_piece, 2, DW_OP_const4u, U4(MEMORY_AT + 16), DW_OP_piece, 2, DW_OP_lit7,
	       DW_OP_stack_value, DW_OP_piece, 2);
	OBJECT("01020304", 4, DW_OP_implicit_value, 3, 1, 2, 9, DW_OP_piece, 2, DW_OP_implicit_value, 2, 3, 4,
	       DW_OP_piece, 2);
	OBJECT("0001020302010203", 8, DW_OP_reg17, DW_OP_piece, 4, DW_OP_reg19, DW_OP_piece, 4);
}
END_TEST

START_TEST(a_piece_of_nothing_is_optimized_out)
{
	PARTLY(WHY_OPTIMIZED_OUT, "0300____0500", 6, DW_OP_reg3, DW_OP_piece, 2, DW_OP_piece, 2, DW_OP_reg5,
	       DW_OP_piece, 2);
	PARTLY(WHY_OPTIMIZED_OUT, "____", 2, DW_OP_piece, 2);
	PARTLY(WHY_OPTIMIZED_OUT, "____0300", 4, DW_OP_piece, 2, DW_OP_reg3, DW_OP_piece, 2);
}
END_TEST

START_TEST(a_piece_of_size_0_takes_no_room)
{
	OBJECT("05000300", 4, DW_OP_reg5, DW_OP_piece, 2, DW_OP_reg0, DW_OP_piece, 0, DW_OP_reg3, DW_OP_piece,
	       2);
	PARTLY(WHY_OPTIMIZED_OUT, "____", 2, DW_OP_reg5, DW_OP_piece, 0);
	PARTLY(WHY_OPTIMIZED_OUT, "____", 2, DW_OP_reg5, DW_OP_bit_piece, 0, 0);
}
END_TEST

START_TEST(pieces_that_do_not_fill_the_object_leave_the_rest_unknown)
{
	PARTLY(WHY_OPTIMIZED_OUT, "0300____", 4, DW_OP_reg3, DW_OP_piece, 2);
	OBJECT("0300", 2, DW_OP_reg3, DW_OP_piece, 4, DW_OP_reg0, DW_OP_piece, 4);
	PARTLY(WHY_OPTIMIZED_OUT, "0300665544332211____", 10, DW_OP_reg3, DW_OP_piece, 10);
}
END_TEST

START_TEST(a_lost_piece_leaves_its_neighbours)
{
	PARTLY(WHY_REGISTER_LOST, "____0300", 4, DW_OP_reg0, DW_OP_piece, 2, DW_OP_reg3, DW_OP_piece, 2);
	PARTLY(WHY_REGISTER_LOST, "____0300", 4, DW_OP_breg0, 0, DW_OP_stack_value, DW_OP_piece, 2,
	       DW_OP_reg3, DW_OP_piece, 2);
	PARTLY(WHY_UNREADABLE, "0300____", 4, DW_OP_reg3, DW_OP_piece, 2, DW_OP_lit0, DW_OP_deref,
	       DW_OP_bit_piece, 16, 0);
	/* Where the piece ends cannot be told if there are branches. */
	NO_PLACE(WHY_REGISTER_LOST, DW_OP_breg0, 0, DW_OP_skip, U2(0), DW_OP_piece, 2, DW_OP_reg3,
		 DW_OP_piece, 2);
	NO_PLACE(WHY_REGISTER_LOST, DW_OP_reg3, DW_OP_piece, 2, DW_OP_breg0, 0);
}
END_TEST

START_TEST(bits_go_from_the_lowest_up)
{
	/* 5 of 0x03 (00011), 3 of 0x05 (101) */
	OBJECT("a3", 1, DW_OP_reg3, DW_OP_bit_piece, 5, 0, DW_OP_reg5, DW_OP_bit_piece, 3, 0);
	/* of r11: 0x5566000b >> 13 is 0x2ab30 */
	OBJECT("30ab", 2, DW_OP_reg11, DW_OP_bit_piece, 16, 13);
	/* whole bytes out of the middle */
	OBJECT("5544", 2, DW_OP_reg11, DW_OP_bit_piece, 16, 24);
	/* 0x1110 >> 4 */
	OBJECT("11", 1, DW_OP_const4u, U4(MEMORY_AT + 16), DW_OP_bit_piece, 8, 4);
	OBJECT("35", 1, DW_OP_implicit_value, 2, 0x53, 0x02, DW_OP_bit_piece, 4, 4, DW_OP_lit3,
	       DW_OP_stack_value, DW_OP_bit_piece, 4, 0);
}
END_TEST

START_TEST(a_byte_with_a_missing_bit_is_unknown)
{
	PARTLY(WHY_OPTIMIZED_OUT, "__00", 2, DW_OP_reg3, DW_OP_bit_piece, 7, 0, DW_OP_bit_piece, 1, 0,
	       DW_OP_lit0, DW_OP_stack_value, DW_OP_bit_piece, 8, 0);
	PARTLY(WHY_OPTIMIZED_OUT, "__", 1, DW_OP_reg3, DW_OP_bit_piece, 7, 0);
	PARTLY(WHY_OPTIMIZED_OUT, "11__", 2, DW_OP_reg3, DW_OP_bit_piece, 16, 56);
}
END_TEST

START_TEST(many_bits_cross_the_buffer)
{
	unsigned char bytes[2048], mask[2048];
	struct loc loc = {
		.npieces = 2,
		.pieces = {{.kind = LOC_VALUE, .addr = 5, .value_size = 8, .bit_size = 4},
			   {.kind = LOC_MEMORY, .addr = MEMORY_AT, .bit_offset = 3, .bit_size = 16380}}};
	uint64_t addr;

	ck_assert_int_eq(expr_fetch(&frame.env, &loc, bytes, mask, sizeof bytes, &addr), WHY_NONE);
	for (unsigned i = 0; i < sizeof bytes * 8; i++) {
		unsigned from = i - 4 + 3, want;

		want = i < 4 ? 5 >> i & 1 : frame.memory[from / 8] >> from % 8 & 1;
		ck_assert_uint_eq(bytes[i / 8] >> i % 8 & 1, want);
	}
	ck_assert_uint_eq(addr, 0);
}
END_TEST

START_TEST(something_outside_of_the_pieces_is_no_location)
{
	NO_PLACE(WHY_EXPRESSION, DW_OP_reg3, DW_OP_piece, 4, DW_OP_reg5);
	NO_PLACE(WHY_EXPRESSION, DW_OP_reg3, DW_OP_piece, 4, DW_OP_lit1);
	NO_PLACE(WHY_EXPRESSION, DW_OP_reg3, DW_OP_piece, 0, DW_OP_lit1);
	NO_PLACE(WHY_EXPRESSION, DW_OP_reg3, DW_OP_reg5);
	NO_PLACE(WHY_EXPRESSION, DW_OP_lit1, DW_OP_reg5);
	NO_PLACE(WHY_EXPRESSION, DW_OP_lit1, DW_OP_stack_value, DW_OP_lit1);
	NO_PLACE(WHY_EXPRESSION, DW_OP_implicit_value, 1, 1, DW_OP_stack_value);
	NO_PLACE(WHY_EXPRESSION, DW_OP_const_type, TYPE(T_FLOAT), 4, U4(0));
	NO_PLACE(WHY_EXPRESSION, DW_OP_const_type, TYPE(T_FLOAT), 4, U4(0), DW_OP_piece, 4);
	FAILS(WHY_EXPRESSION, DW_OP_reg3, DW_OP_piece, 8);
}
END_TEST

START_TEST(sizes_have_limits)
{
	NO_PLACE(WHY_LIMIT, DW_OP_reg3, DW_OP_piece, 0x81, 0x80, 0x04);
	NO_PLACE(WHY_LIMIT, DW_OP_reg3, DW_OP_piece, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
	NO_PLACE(WHY_LIMIT, DW_OP_reg3, DW_OP_bit_piece, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 1);
	NO_PLACE(WHY_LIMIT, DW_OP_reg3, DW_OP_piece, 0xff, 0xff, 0x03, DW_OP_reg3, DW_OP_piece, 2);
	PARTLY(WHY_OPTIMIZED_OUT, "0300665544332211____", 10, DW_OP_reg3, DW_OP_piece, 0x80, 0x80, 0x04);
}
END_TEST

START_TEST(there_are_so_many_pieces_and_no_more)
{
	unsigned char p[3 * EXPR_MAX_PIECES + 3];
	unsigned char bytes[64], mask[64];
	struct unit u;
	struct loc loc;
	uint64_t addr;

	for (size_t i = 0; i < sizeof p; i += 3)
		memcpy(p + i, (const unsigned char[]){DW_OP_reg3, DW_OP_piece, 1}, 3);
	open_in_frame(&u, EXPRLOC_5, p, sizeof p - 3);
	ck_assert_int_eq(expr_locate(&frame.env, u.ops, u.n, &frame.arena, &loc), WHY_NONE);
	ck_assert_uint_eq(loc.npieces, EXPR_MAX_PIECES);
	ck_assert_int_eq(expr_fetch(&frame.env, &loc, bytes, mask, EXPR_MAX_PIECES, &addr), WHY_NONE);
	ck_assert_uint_eq(bytes[EXPR_MAX_PIECES - 1], 3);
	unit_close(&u);
	open_in_frame(&u, EXPRLOC_5, p, sizeof p);
	ck_assert_int_eq(expr_locate(&frame.env, u.ops, u.n, &frame.arena, &loc), WHY_LIMIT);
	unit_close(&u);
}
END_TEST

/* ---- the rest ---------------------------------------------------------------------------------------------- */

static uint64_t address_of(const unsigned char *p, size_t n, size_t size)
{
	unsigned char bytes[64], mask[64];
	uint64_t addr = 1;
	struct loc loc;
	struct unit u;

	open_in_frame(&u, EXPRLOC_5, p, n);
	ck_assert_int_eq(expr_locate(&frame.env, u.ops, u.n, &frame.arena, &loc), WHY_NONE);
	expr_fetch(&frame.env, &loc, bytes, mask, size, &addr);
	unit_close(&u);
	return addr;
}

START_TEST(an_address_is_known_if_all_is_in_memory)
{
	ck_assert_uint_eq(address_of(BYTES(DW_OP_const4u, U4(MEMORY_AT)), 8), MEMORY_AT);
	ck_assert_uint_eq(address_of(BYTES(DW_OP_lit5), 8), 5);
	ck_assert_uint_eq(address_of(BYTES(DW_OP_const4u, U4(MEMORY_AT), DW_OP_piece, 4, DW_OP_const4u,
					   U4(MEMORY_AT + 4), DW_OP_piece, 4),
				     8),
			  MEMORY_AT);
	ck_assert_uint_eq(address_of(BYTES(DW_OP_const4u, U4(MEMORY_AT), DW_OP_piece, 4, DW_OP_const4u,
					   U4(MEMORY_AT + 8), DW_OP_piece, 4),
				     8),
			  0);
	ck_assert_uint_eq(address_of(BYTES(DW_OP_const4u, U4(MEMORY_AT), DW_OP_piece, 4), 8), 0);
	ck_assert_uint_eq(address_of(BYTES(DW_OP_reg3), 8), 0);
	ck_assert_uint_eq(address_of(BYTES(DW_OP_lit3, DW_OP_stack_value), 8), 0);
}
END_TEST

START_TEST(an_object_may_be_too_large)
{
	static unsigned char bytes[EXPR_MAX_BYTES + 1], mask[EXPR_MAX_BYTES + 1];
	struct loc loc = {.npieces = 1, .pieces = {{.kind = LOC_MEMORY, .addr = MEMORY_AT}}};
	uint64_t addr;

	ck_assert_int_eq(expr_fetch(&frame.env, &loc, bytes, mask, sizeof bytes, &addr), WHY_LIMIT);
	ck_assert_uint_eq(mask[EXPR_MAX_BYTES], VALUE_UNKNOWN);
	ck_assert_int_eq(expr_fetch(&frame.env, &loc, bytes, mask, EXPR_MAX_BYTES, &addr), WHY_UNREADABLE);
	ck_assert_uint_eq(mask[MEMORY_SIZE - 1], VALUE_KNOWN);
	ck_assert_uint_eq(bytes[MEMORY_SIZE - 1], frame.memory[MEMORY_SIZE - 1]);
	ck_assert_uint_eq(mask[MEMORY_SIZE], VALUE_UNKNOWN);
	ck_assert_uint_eq(addr, MEMORY_AT);
}
END_TEST

static struct loc_piece implicit(enum unit_form form, const unsigned char *p, size_t n)
{
	struct loc loc;
	struct unit u;

	open_in_frame(&u, form, p, n);
	ck_assert_ptr_nonnull(u.ops);
	ck_assert_int_eq(expr_locate(&frame.env, u.ops, u.n, &frame.arena, &loc), WHY_NONE);
	unit_close(&u);
	return loc.pieces[0];
}

#define POINTER DW_OP_implicit_pointer, U4(die_empty)

START_TEST(an_implicit_pointer_is_a_die_and_an_offset)
{
	struct loc_piece p;

	for (int form = 0; form < UNIT_FORMS; form++) {
		p = implicit(form, BYTES(POINTER, 4));
		ck_assert_int_eq(p.kind, LOC_IMPLICIT_POINTER);
		ck_assert_uint_eq(p.addr, die_empty);
		ck_assert_int_eq(p.offset, 4);
		p = implicit(form, BYTES(DW_OP_GNU_implicit_pointer, U4(die_empty), 0));
		ck_assert_int_eq(p.kind, LOC_IMPLICIT_POINTER);
		ck_assert_int_eq(p.offset, 0);
		p = implicit(form, BYTES(POINTER, 0xc0, 0, DW_OP_piece, 8));
		ck_assert_int_eq(p.offset, 64);
		p = implicit(form, BYTES(POINTER, 0x7f, DW_OP_piece, 8));
		ck_assert_int_eq(p.offset, -1);
		p = implicit(form, BYTES(POINTER, 0x80, 0x7f, DW_OP_piece, 8));
		ck_assert_int_eq(p.offset, -128);
	}
	PARTLY(WHY_OPTIMIZED_OUT, "________________", 8, POINTER, 0);
	FAILS(WHY_OPTIMIZED_OUT, POINTER, 0);
}
END_TEST

/* libdw reads the offset without its sign: in a list nothing tells 64 from -64. */
START_TEST(an_offset_of_unclear_sign_is_not_guessed)
{
	struct loc_piece p = implicit(EXPRLOC_5, BYTES(POINTER, 0x40));

	ck_assert_int_eq(p.kind, LOC_IMPLICIT_POINTER);
	ck_assert_int_eq(p.offset, -64);
	p = implicit(EXPRLOC_4, BYTES(POINTER, 0xc0, 0));
	ck_assert_int_eq(p.offset, 64);
	ck_assert_int_eq(implicit(LIST_5, BYTES(POINTER, 0x40)).kind, LOC_NONE);
	ck_assert_int_eq(implicit(LIST_4, BYTES(POINTER, 0x40)).kind, LOC_NONE);
	ck_assert_int_eq(implicit(LIST_5, BYTES(POINTER, 0x3f)).offset, 0x3f);
}
END_TEST

/* libdw 0.188 does not decode DW_OP_GNU_uninit. */
START_TEST(what_is_not_initialised_is_stale)
{
	Dwarf_Op ops[] = {{.atom = DW_OP_reg3}, {.atom = DW_OP_GNU_uninit, .offset = 1}};
	unsigned char bytes[4], mask[4];
	uint64_t addr, n;
	struct loc loc;

	ck_assert_int_eq(expr_locate(&frame.env, ops, 2, &frame.arena, &loc), WHY_NONE);
	ck_assert_int_eq(expr_fetch(&frame.env, &loc, bytes, mask, 4, &addr), WHY_OPTIMIZED_OUT);
	ck_assert_uint_eq(mask[3], VALUE_STALE);
	ck_assert_uint_eq(bytes[0], 3);
	ck_assert_int_eq(expr_value(&frame.env, ops, 2, &n), WHY_OPTIMIZED_OUT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expr_locate");
	TCase *tc = tcase_create("locations");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, frame_setup, frame_teardown);
	tcase_add_test(tc, an_address_is_memory);
	tcase_add_test(tc, what_is_on_top_of_the_stack_is_the_address);
	tcase_add_test(tc, memory_may_be_readable_in_part);
	tcase_add_test(tc, registers_give_their_low_bytes);
	tcase_add_test(tc, an_object_wider_than_its_register_is_known_in_part);
	tcase_add_test(tc, a_lost_register_is_never_bytes);
	tcase_add_test(tc, values_and_bytes_are_there_without_a_place);
	tcase_add_test(tc, nothing_is_optimized_out);
	tcase_add_test(tc, pieces_follow_each_other);
	tcase_add_test(tc, a_piece_of_nothing_is_optimized_out);
	tcase_add_test(tc, a_piece_of_size_0_takes_no_room);
	tcase_add_test(tc, pieces_that_do_not_fill_the_object_leave_the_rest_unknown);
	tcase_add_test(tc, a_lost_piece_leaves_its_neighbours);
	tcase_add_test(tc, bits_go_from_the_lowest_up);
	tcase_add_test(tc, a_byte_with_a_missing_bit_is_unknown);
	tcase_add_test(tc, many_bits_cross_the_buffer);
	tcase_add_test(tc, something_outside_of_the_pieces_is_no_location);
	tcase_add_test(tc, sizes_have_limits);
	tcase_add_test(tc, there_are_so_many_pieces_and_no_more);
	tcase_add_test(tc, an_address_is_known_if_all_is_in_memory);
	tcase_add_test(tc, an_object_may_be_too_large);
	tcase_add_test(tc, an_implicit_pointer_is_a_die_and_an_offset);
	tcase_add_test(tc, an_offset_of_unclear_sign_is_not_guessed);
	tcase_add_test(tc, what_is_not_initialised_is_stale);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
