/* SPDX-License-Identifier: MIT */
/*
 * What: tests of arguments in the styles that parsers of Go's tracebacks read: go and words.
 *
 * How: the cases of Go's own test of argument lists, and the classic ones that explain the words.
 */
#include "go_parser.h"
#include "world_builder.h"

#include <stdint.h>
#include <stdio.h>

typedef uint64_t words[16];
typedef unsigned char bytes[16];

/* n integers from 1 on, then what is given. */
static const char *ints(enum args_style style, size_t n)
{
	struct value args[16];

	for (size_t i = 0; i < n; i++)
		args[i] = V("i", t_long, uint64_t, i + 1);
	return wb_args(style, args, n);
}

ARRAY(t_no_ints, t_long, 0, "long [0]");
ARRAY(t_two, t_long, 2, "long [2]");
ARRAY(t_three, t_long, 3, "long [3]");
ARRAY(t_ten, t_long, 10, "long [10]");
ARRAY(t_eleven, t_long, 11, "long [11]");
ARRAY(t_three_bytes, t_u8, 3, "uint8_t [3]");
ARRAY(t_two_empty, t_no_ints, 2, "long [2][0]");

/* ---- go --------------------------------------------------------------------------------------------------- */

START_TEST(up_to_ten_integers_are_written_and_an_eleventh_is_not)
{
	char text[128] = "";

	for (unsigned n = 1; n <= 10; n++) {
		snprintf(text + strlen(text), 16, "%s0x%x", n > 1 ? ", " : "", n);
		ck_assert_str_eq(ints(ARGS_GO, n), text);
		ck_assert_str_eq(ints(ARGS_WORDS, n), text);
	}
	strcat(text, ", ...");
	ck_assert_str_eq(ints(ARGS_GO, 11), text);
	ck_assert_str_eq(ints(ARGS_WORDS, 11), text);
	ck_assert_str_eq(ints(ARGS_GO, 13), text);
}
END_TEST

STRUCT(t_ag2, "struct a", 40, MEMBER("a", t_long, 0), MEMBER("b", t_long, 8), MEMBER("c", t_long, 16),
       MEMBER("x", t_two, 24));

START_TEST(aggregates_stand_in_braces)
{
	GO("0x0, {0x1, 0x2, 0x3, {0x4, 0x5}}, {}, {0x6, 0x7, 0x8}", V("b", t_bool, char, 0),
	   V("s", t_ag2, words, 1, 2, 3, 4, 5), V("e", t_no_ints, char, 0),
	   V("bytes", t_three_bytes, bytes, 6, 7, 8));
	GO("{0x1, 0x2, 0x3}, 0x4, 0x5, 0x6, {0x7, 0x8, 0x9}", V("a", t_three_bytes, bytes, 1, 2, 3),
	   V("x", t_long, uint64_t, 4), V("y", t_long, uint64_t, 5), V("z", t_long, uint64_t, 6),
	   V("b", t_three_bytes, bytes, 7, 8, 9));
}
END_TEST

ARRAY(t_n1, t_long, 1, "");
ARRAY(t_n2, t_n1, 1, "");
ARRAY(t_n3, t_n2, 1, "");
ARRAY(t_n4, t_n3, 1, "");
ARRAY(t_n5, t_n4, 1, "");
ARRAY(t_n6, t_n5, 1, "");

START_TEST(the_fifth_brace_is_not_opened)
{
	GO("0x0, {{{{{...}}}}}", V("b", t_bool, char, 0), V("n", t_n6, uint64_t, 7));
	GO("{{{{{...}}}}}", V("n", t_n5, uint64_t, 7));
	GO("{{{{0x7}}}}", V("n", t_n4, uint64_t, 7));
}
END_TEST

STRUCT(t_ag5, "struct e", 8, MEMBER("x", t_long, 0), MEMBER("y", t_no_ints, 8), MEMBER("z", t_two_empty, 8));

START_TEST(an_empty_aggregate_counts_as_one)
{
	struct value args[14] = {V("b", t_bool, char, 0), V("s", t_ag5, uint64_t, 1)};

	for (size_t i = 2; i < 14; i++)
		args[i] = V("z", t_no_ints, char, 0);
	ck_assert_str_eq(wb_args(ARGS_GO, args, 14), "0x0, {0x1, {}, {{}, {}}}, {}, {}, {}, {}, {}, ...");
}
END_TEST

STRUCT(t_8a, "struct", 80, MEMBER("a", t_long, 0), MEMBER("b", t_long, 8), MEMBER("c", t_long, 16),
       MEMBER("d", t_long, 24), MEMBER("e", t_long, 32), MEMBER("f", t_long, 40), MEMBER("g", t_long, 48),
       MEMBER("h", t_long, 56), MEMBER("i", t_two, 64));
STRUCT(t_8b, "struct", 88, MEMBER("a", t_long, 0), MEMBER("b", t_long, 8), MEMBER("c", t_long, 16),
       MEMBER("d", t_long, 24), MEMBER("e", t_long, 32), MEMBER("f", t_long, 40), MEMBER("g", t_long, 48),
       MEMBER("h", t_long, 56), MEMBER("i", t_three, 64));
STRUCT(t_8c, "struct", 88, MEMBER("a", t_long, 0), MEMBER("b", t_long, 8), MEMBER("c", t_long, 16),
       MEMBER("d", t_long, 24), MEMBER("e", t_long, 32), MEMBER("f", t_long, 40), MEMBER("g", t_long, 48),
       MEMBER("h", t_long, 56), MEMBER("i", t_two, 64), MEMBER("j", t_long, 80));
STRUCT(t_8d, "struct", 96, MEMBER("a", t_long, 0), MEMBER("b", t_long, 8), MEMBER("c", t_long, 16),
       MEMBER("d", t_long, 24), MEMBER("e", t_long, 32), MEMBER("f", t_long, 40), MEMBER("g", t_long, 48),
       MEMBER("h", t_long, 56), MEMBER("i", t_three, 64), MEMBER("j", t_long, 88));

#define ONE_TO_TEN "0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa"
#define ONE_TO_EIGHT "0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8"

START_TEST(the_limit_is_said_in_each_brace_that_had_more)
{
	static const words n = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	struct value ten = wb_value("a", &t_ten, n, 80), eleven = wb_value("a", &t_eleven, n, 88);

	GO("{" ONE_TO_TEN "}", ten);
	GO("{" ONE_TO_TEN ", ...}", eleven);
	GO("{" ONE_TO_TEN "}, ...", ten, V("i", t_long, uint64_t, 11));
	GO("{" ONE_TO_TEN ", ...}, ...", eleven, V("i", t_long, uint64_t, 12));
	GO("{" ONE_TO_EIGHT ", {0x9, 0xa}}", wb_value("a", &t_8a, n, 80));
	GO("{" ONE_TO_EIGHT ", {0x9, 0xa, ...}}", wb_value("a", &t_8b, n, 88));
	GO("{" ONE_TO_EIGHT ", {0x9, 0xa}, ...}", wb_value("a", &t_8c, n, 88));
	GO("{" ONE_TO_EIGHT ", {0x9, 0xa, ...}, ...}", wb_value("a", &t_8d, n, 96));
}
END_TEST

START_TEST(words_are_masked_to_their_size)
{
	GO("0xff, 0xffff, 0xffffffff, 0xffffffffffffffff, 0x1", V("c", t_char, char, -1),
	   V("s", t_short, short, -1), V("i", t_int, int, -1), V("l", t_long, long, -1),
	   V("b", t_bool, char, 1));
	GO("0x3f800000, 0x3ff0000000000000, {0x3ff0000000000000, 0x4000000000000000}",
	   V("f", t_float, float, 1.0f), V("d", t_double, double, 1.0),
	   V("z", t_complex, _Complex double, 1.0 + 2.0 * 1.0i));
	GO("{0x1, 0x0}, {0x8000000000000000, 0x3fff}", V("x", t_i128, __int128, 1),
	   V("l", t_ldouble, long double, 1.0L));
}
END_TEST

START_TEST(strings_slices_and_interface_values_are_their_headers)
{
	GO("{0x2080c3f50, 0x2, 0x4}, {0x425c0, 0x5}, 0xa", V("slice", t_strings, words, 0x2080c3f50, 2, 4),
	   V("str", t_string, words, 0x425c0, 5), V("i", t_int, int, 10));
	GO("{0x5000, 0x7}, {0x0, 0x0}, 0xc000", V("a", t_any, words, 0x5000, 7, 8), V("n", t_any, words, 0),
	   V("c", t_chan, uint64_t, 0xc000));
}
END_TEST

MEMBERS(t_union, TYPE_UNION, "union u", 12, MEMBER("i", t_int, 0), MEMBER("f", t_n1, 0));
STRUCT(t_bits, "struct bits", 4, BITS("a", t_uint, 0, 0, 3), BITS("b", t_int, 0, 3, 3),
       BITS("c", t_uint, 0, 6, 4));

START_TEST(unions_are_words_and_bit_fields_leaves)
{
	GO("{0x200000001, 0x3}, {0x5, 0x6, 0x9}", V("u", t_union, uint32_t[3], 1, 2, 3),
	   V("b", t_bits, uint32_t, 5 | 6 << 3 | 9 << 6));
	WORDS("0x200000001, 0x27500000003", V("u", t_union, uint32_t[3], 1, 2, 3),
	      V("b", t_bits, uint32_t, 0x275));
	WORDS("0x275", V("b", t_bits, uint32_t, 5 | 6 << 3 | 9 << 6 | 0xf << 10));
}
END_TEST

START_TEST(marks_stand_behind_what_may_be_outdated_and_for_what_is_not_known)
{
	struct value mixed = wb_masked(V("s", t_three, words, 1, 2, 3), "........????????________");

	GO("0x7?, _, 0x1, {0x1, 0x2?, _}", STALE(V("a", t_int, int, 7)), UNKNOWN(V("b", t_int, int, 7)),
	   V("c", t_int, int, 1), mixed);
	GO("{_, _}, _", UNKNOWN(V("s", t_two, words, 1, 2)), UNKNOWN(V("p", t_ptr, uint64_t, 7)));
	WORDS("_, 0x1, 0x2?, _", UNKNOWN(V("b", t_int, int, 7)), mixed);
	WORDS("0x200000001?, _", V("a", t_int, int, 1), STALE(V("b", t_int, int, 2)), V("c", t_int, int, 3),
	      UNKNOWN(V("d", t_int, int, 4)));
}
END_TEST

/* ---- words ------------------------------------------------------------------------------------------------ */

START_TEST(the_classic_example)
{
	struct value slice = V("slice", t_strings, words, 0x2080c3f50, 2, 4),
		     str = V("str", t_string, words, 0x425c0, 5), i = V("i", t_long, long, 10);

	WORDS("0x2080c3f50, 0x2, 0x4, 0x425c0, 0x5, 0xa", slice, str, i);
	WORDS("0x2080c4000, 0x2080c3f50, 0x2, 0x4, 0x425c0, 0x5, 0xa", V("t", t_ptr, uint64_t, 0x2080c4000),
	      slice, str, i);
}
END_TEST

START_TEST(small_arguments_share_a_word)
{
	WORDS("0x19010001", V("b1", t_bool, char, 1), V("b2", t_bool, char, 0), V("b3", t_bool, char, 1),
	      V("i", t_u8, char, 25));
	WORDS("0x100000001, 0x1", V("a", t_uint, int, 1), V("b", t_uint, int, 1), V("c", t_uint, int, 1));
	WORDS("0x200000001, 0x3", V("b", t_bool, char, 1), V("i", t_int, int, 2), V("p", t_ptr, uint64_t, 3));
	WORDS("0x30001, 0x4", V("c", t_char, char, 1), V("s", t_short, short, 3), V("l", t_long, long, 4));
}
END_TEST

STRUCT(t_padded, "struct padded", 16, MEMBER("c", t_char, 0), MEMBER("l", t_long, 8));

START_TEST(padding_is_zero_and_always_known)
{
	WORDS("0xff, 0x1", V("p", t_padded, words, UINT64_MAX, 1));
	WORDS("0xff, 0x1", wb_masked(V("p", t_padded, words, UINT64_MAX, 1), "._______........"));
	WORDS("_, 0x1", wb_masked(V("p", t_padded, words, UINT64_MAX, 1), "_..............."));
}
END_TEST

START_TEST(interface_values_are_two_words)
{
	WORDS("0x5000, 0x7, 0x1", V("a", t_any, words, 0x5000, 7, 8), V("i", t_int, int, 1));
}
END_TEST

START_TEST(large_arguments_end_after_ten_words)
{
	static const words n = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

	WORDS(ONE_TO_TEN, wb_value("a", &t_ten, n, 80));
	WORDS(ONE_TO_TEN ", ...", wb_value("a", &t_eleven, n, 88));
	WORDS("0x1, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, ...", V("i", t_int, int, 1),
	      wb_value("a", &t_ten, n, 80));
}
END_TEST

STRUCT(t_wide_bits, "struct wide", 16, BITS("a", t_ulong, 0, 4, 64));

/* A struct that has itself as its members. */
static const struct type t_endless;
static const struct type_member endless_members[] = {MEMBER("a", t_endless, 0), MEMBER("b", t_endless, 0),
						     MEMBER("c", t_endless, 0), MEMBER("d", t_endless, 0)};
static const struct type t_endless = {
	.kind = TYPE_STRUCT, .name = "", .size = 100, .members = endless_members, .nmembers = 4};

START_TEST(broken_types_write_nothing_outside)
{
	static const struct type_member m[] = {MEMBER("far", t_int, 6), MEMBER("past", t_int, 1000),
					       BITS("bits", t_int, 7, 4, 200)};
	struct type t = {.kind = TYPE_STRUCT, .name = "bad", .size = 8, .members = m, .nmembers = 3};
	struct type huge = {.kind = TYPE_ARRAY, .name = "", .size = 8, .elem = &t_int, .count = UINT64_MAX};

	GO("{_, _, _}", V("x", t, uint64_t, 7));
	WORDS("_, _", V("x", t, uint64_t, 7), V("y", t_long, long, 1));
	GO("{0x7, 0x0, _, _, _, _, _, _, _, _, ...}", V("h", huge, uint64_t, 7));
	ck_assert_ptr_nonnull(wb_args(ARGS_WORDS, ARGS(V("h", huge, uint64_t, 7))));
	WORDS("_, _, _, _, _, _, _, _, _, _, ...", V("x", t_endless, words, 1));
	GO("{{{{{...}, {...}, {...}, {...}}, {{...}, {...}, {...}, {...}}, {{...}, {...}, ...}, ...}, ...}, ...}",
	   V("x", t_endless, words, 1));
	WORDS("0xba98765432100000, 0xc", V("w", t_wide_bits, words, 0xba9876543210000f, 0xfffffffffffffedc));
}
END_TEST

/* ---- random types ------------------------------------------------------------------------------------------ */

static uint64_t seed = 88172645463325252;

static uint64_t below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* Of any kind and class; sizes, offsets and counts fit each other or do not. */
static const struct type *random_type(int depth)
{
	static const uint64_t sizes[] = {0, 1, 2, 3, 4, 8, 16, 24, 100};
	struct type *t = arena_new(&W.arena, struct type);
	struct type_member *m = arena_array(&W.arena, struct type_member, 4);

	t->kind = (enum type_kind)below(TYPE_OTHER + 1);
	t->class = below(4) ? CLASS_NONE : (enum type_class)below(CLASS_LIST + 1);
	t->name = "t";
	t->size = sizes[below(9)];
	t->elem = depth < 4 && below(8) ? random_type(depth + 1) : NULL;
	t->key = t->elem;
	t->count = below(50) ? below(6) : UINT64_MAX;
	t->members = m;
	t->nmembers = depth < 4 ? (uint32_t)below(5) : 0;
	for (uint32_t i = 0; i < t->nmembers; i++) {
		m[i] = (struct type_member){.type = random_type(depth + 1), .offset = below(t->size + 4)};
		m[i].name = below(5) ? "m" : NULL;
		m[i].bit_size = below(4) ? 0 : (uint16_t)below(70);
		m[i].bit_offset = (uint16_t)below(70);
	}
	return t;
}

static struct value random_value(void)
{
	struct value v = {.name = "v", .type = random_type(0), .status = (uint8_t)below(3)};
	unsigned char *data = malloc(v.type->size + 1), *mask = malloc(v.type->size + 1);

	for (uint64_t i = 0; i < v.type->size; i++) {
		data[i] = (unsigned char)(below(3) ? below(256) : 0);
		mask[i] = (unsigned char)(below(8) ? 0 : below(3));
	}
	v.bytes = realloc(data, v.type->size ? v.type->size : 1); /* exactly as long as it says */
	v.mask = below(2) ? realloc(mask, v.type->size ? v.type->size : 1) : NULL;
	if (v.status == VALUE_UNKNOWN && !v.mask)
		v.bytes = NULL;
	return v;
}

START_TEST(random_types_make_lists_that_parsers_accept)
{
	struct emit_options o = {0};
	struct sink s;

	sink_init_memory(&s);
	for (int i = 0; i < 2000; i++) {
		struct value v[2] = {random_value(), random_value()};
		struct frame f = {.place = wb_place("f", "f.c", 1, 1), .pc = 9, .args = v, .nargs = 2};

		for (o.args = ARGS_TYPED; o.args <= ARGS_WORDS; o.args++) {
			const char *end;

			s.len = 0;
			emit_args(&W, &f, &o, &s);
			ck_assert_uint_lt(s.len, 5000);
			sink_char(&s, ')');
			end = o.args == ARGS_TYPED ? ")" : go_args_end(sink_text(&s));
			ck_assert_msg(end && !strcmp(end, ")"), "%s", sink_text(&s));
		}
		s.len = 0;
		emit_explain(&W, &f, &s);
		if (i % 256 == 0)
			arena_deinit(&W.arena);
	}
	sink_deinit(&s);
}
END_TEST

START_TEST(variadic_functions_have_more)
{
	struct emit_options o = {.args = ARGS_GO};
	struct value v = V("fmt", t_ptr, uint64_t, 0x5000);
	struct frame f = wb_frame(wb_place("printf", "p.c", 1, 0x1000), 0x1004, &v, 1);
	struct sink s;

	f.is_variadic = 1;
	sink_init_memory(&s);
	for (o.args = ARGS_TYPED; o.args <= ARGS_NONE; o.args++) {
		emit_args(&W, &f, &o, &s);
		sink_char(&s, '\n');
	}
	ck_assert_str_eq(sink_text(&s), "fmt=0x5000, ...\n0x5000, ...\n0x5000, ...\n...\n");
	sink_deinit(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("emit: go and words");
	TCase *tc = tcase_create("go and words");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, up_to_ten_integers_are_written_and_an_eleventh_is_not);
	tcase_add_test(tc, aggregates_stand_in_braces);
	tcase_add_test(tc, the_fifth_brace_is_not_opened);
	tcase_add_test(tc, an_empty_aggregate_counts_as_one);
	tcase_add_test(tc, the_limit_is_said_in_each_brace_that_had_more);
	tcase_add_test(tc, words_are_masked_to_their_size);
	tcase_add_test(tc, strings_slices_and_interface_values_are_their_headers);
	tcase_add_test(tc, unions_are_words_and_bit_fields_leaves);
	tcase_add_test(tc, marks_stand_behind_what_may_be_outdated_and_for_what_is_not_known);
	tcase_add_test(tc, the_classic_example);
	tcase_add_test(tc, small_arguments_share_a_word);
	tcase_add_test(tc, padding_is_zero_and_always_known);
	tcase_add_test(tc, interface_values_are_two_words);
	tcase_add_test(tc, large_arguments_end_after_ten_words);
	tcase_add_test(tc, broken_types_write_nothing_outside);
	tcase_add_test(tc, random_types_make_lists_that_parsers_accept);
	tcase_add_test(tc, variadic_functions_have_more);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
