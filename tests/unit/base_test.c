/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the floor of the reader: arenas, growing arrays, tables, errors, sinks.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/table.h"
#include "base/vec.h"

/* ---- arena ------------------------------------------------------------------------------------------------ */

START_TEST(arena_memory_is_zeroed_aligned_and_apart)
{
	struct arena a = {0};
	unsigned char *before = NULL;

	for (size_t n = 0; n < 5000; n += 7) {
		unsigned char *p = arena_alloc(&a, n);

		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert(!n || (p[0] == 0 && !memcmp(p, p + 1, n - 1)));
		memset(p, 0xff, n);
		if (before)
			ck_assert_uint_eq(before[0], 0xff);
		before = n ? p : NULL;
	}
	arena_deinit(&a);
	ck_assert_uint_eq(a.used, 0);
}
END_TEST

START_TEST(arena_gives_large_objects_a_block_of_their_own)
{
	struct arena a = {0};
	char *small = arena_take(&a, 8), *large = arena_take(&a, 5 << 20);

	memset(small, 1, 8);
	memset(large, 2, 5 << 20);
	ck_assert_int_eq(small[7], 1);
	ck_assert_ptr_nonnull(arena_alloc(&a, 0));
	arena_deinit(&a);
}
END_TEST

START_TEST(nothing_has_an_address_too)
{
	struct arena a = {0};

	ck_assert_ptr_nonnull(arena_alloc(&a, 0));
	ck_assert_ptr_ne(arena_alloc(&a, 0), arena_alloc(&a, 0));
	arena_deinit(&a);
}
END_TEST

START_TEST(arena_copies_strings)
{
	struct arena a = {0};

	ck_assert_str_eq(arena_str(&a, "text"), "text");
	ck_assert_ptr_null(arena_str(&a, NULL));
	ck_assert_str_eq(arena_strn(&a, "text", 2), "te");
	ck_assert_str_eq(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	ck_assert_mem_eq(arena_copy(&a, "ab\0c", 4), "ab\0c", 4);
	arena_deinit(&a);
}
END_TEST

START_TEST(vectors_grow)
{
	VEC(int) v = {0};

	for (int i = 0; i < 1000; i++)
		*VEC_PUSH(&v) = i;
	ck_assert_uint_eq(v.n, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(v.items[i], i);
	VEC_FREE(&v);
	ck_assert_ptr_null(v.items);
}
END_TEST

/* ---- table ------------------------------------------------------------------------------------------------ */

START_TEST(tables_find_what_was_put)
{
	struct table t = {0};

	ck_assert_ptr_null(table_get(&t, 0));
	for (uint64_t i = 0; i < 10000; i++)
		table_put(&t, i * 4096, (void *)(uintptr_t)(i + 1));
	ck_assert_uint_eq(t.n, 10000);
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert_uint_eq((uintptr_t)table_get(&t, i * 4096), i + 1);
	ck_assert_ptr_null(table_get(&t, 1));
	table_put(&t, 4096, &t);
	ck_assert_ptr_eq(table_get(&t, 4096), &t);
	ck_assert_uint_eq(t.n, 10000);
	table_deinit(&t);
}
END_TEST

START_TEST(a_slot_is_made_once)
{
	struct table t = {0};
	void **slot = table_slot(&t, UINT64_MAX);

	ck_assert_ptr_null(*slot);
	*slot = &t;
	ck_assert_ptr_eq(*table_slot(&t, UINT64_MAX), &t);
	ck_assert_uint_eq(t.n, 1);
	table_deinit(&t);
}
END_TEST

/* ---- errors ----------------------------------------------------------------------------------------------- */

START_TEST(errors_say_what_and_why)
{
	struct error e;

	ck_assert_int_eq(error_set(&e, -EINVAL, "bad %s", "thing"), -EINVAL);
	ck_assert_str_eq(e.text, "bad thing");
	ck_assert_int_eq(error_prefix(&e, "core.%d", 7), -EINVAL);
	ck_assert_str_eq(e.text, "core.7: bad thing");
	ck_assert_int_eq(error_sys(&e, -ENOENT, "cannot open %s", "x"), -ENOENT);
	ck_assert_str_eq(e.text, "cannot open x: No such file or directory");
	ck_assert_int_eq(error_set(NULL, -EIO, "ignored"), -EIO);
	ck_assert_int_eq(error_sys(NULL, -EIO, "ignored"), -EIO);
}
END_TEST

START_TEST(errors_longer_than_their_room_are_cut)
{
	struct error e;
	char text[1000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	error_set(&e, -EIO, "%s", text);
	ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
	error_prefix(&e, "p");
	ck_assert_int_eq(strncmp(e.text, "p: xxx", 6), 0);
}
END_TEST

/* ---- sinks ------------------------------------------------------------------------------------------------ */

#define WRITES(expected, call)                                                                               \
	do {                                                                                                 \
		struct sink s;                                                                               \
                                                                                                             \
		sink_init_memory(&s);                                                                        \
		call;                                                                                        \
		ck_assert_str_eq(sink_text(&s), (expected));                                                 \
		sink_deinit(&s);                                                                             \
	} while (0)

START_TEST(numbers_are_put_without_printf)
{
	WRITES("0", sink_dec(&s, 0));
	WRITES("-9223372036854775808", sink_dec(&s, INT64_MIN));
	WRITES("9223372036854775807", sink_dec(&s, INT64_MAX));
	WRITES("18446744073709551615", sink_udec(&s, UINT64_MAX));
	WRITES("0x0", sink_hex(&s, 0));
	WRITES("0xffffffffffffffff", sink_hex(&s, UINT64_MAX));
	WRITES("0x2080c3f50", sink_hex(&s, 0x2080c3f50));
	WRITES("7-x", sink_printf(&s, "%d-%s", 7, "x"));
}
END_TEST

#define CLEAN(expected, text, quote) WRITES(expected, sink_clean(&s, text, sizeof(text) - 1, quote))

START_TEST(text_of_the_target_is_cleaned)
{
	CLEAN("plain text", "plain text", 0);
	CLEAN("\\x1b[2J\\x07\\x00\\x7f", "\033[2J\a\0\x7f", 0);
	CLEAN("a\\nb\\tc\\rd", "a\nb\tc\rd", 0);
	CLEAN("say \\\"hi\\\" \\\\", "say \"hi\" \\", '"');
	CLEAN("say \"hi\" \\", "say \"hi\" \\", 0);
	CLEAN("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 0);
}
END_TEST

START_TEST(cleaning_does_not_depend_on_where_a_byte_stands)
{
	static const char around[] = "0123456789abcdefghij";

	for (unsigned quote = 0; quote <= '"'; quote += '"')
		for (unsigned byte = 0; byte < 256; byte++)
			for (size_t at = 0; at < sizeof around - 1; at++) {
				char text[sizeof around];
				struct sink whole, parts;

				memcpy(text, around, sizeof text);
				text[at] = (char)byte;
				sink_init_memory(&whole);
				sink_init_memory(&parts);
				sink_clean(&whole, text, sizeof text - 1, (char)quote);
				for (size_t i = 0; i < sizeof text - 1; i++)
					sink_clean(&parts, text + i, 1, (char)quote);
				ck_assert_str_eq(sink_text(&whole), sink_text(&parts));
				sink_deinit(&whole);
				sink_deinit(&parts);
			}
}
END_TEST

START_TEST(what_only_looks_like_utf_8_is_cleaned_too)
{
	CLEAN("\\xc2\\x9b", "\xc2\x9b", 0);                   /* a C1 control: CSI */
	CLEAN("\\x9b", "\x9b", 0);                            /* the same in Latin-1 */
	CLEAN("\\xc0\\x80", "\xc0\x80", 0);                   /* overlong */
	CLEAN("\\xe0\\x80\\x80", "\xe0\x80\x80", 0);          /* overlong */
	CLEAN("\\xed\\xa0\\x80", "\xed\xa0\x80", 0);          /* a surrogate */
	CLEAN("\\xf4\\x90\\x80\\x80", "\xf4\x90\x80\x80", 0); /* beyond Unicode */
	CLEAN("\\xe2\\x80\\xae", "\xe2\x80\xae", 0);          /* right to left */
	CLEAN("\\xe2\\x82", "\xe2\x82", 0);                   /* cut off */
}
END_TEST

START_TEST(memory_sinks_grow)
{
	struct sink s;

	sink_init_memory(&s);
	for (int i = 0; i < 100000; i++)
		sink_put(&s, "0123456789", 10);
	ck_assert_uint_eq(s.len, 1000000);
	ck_assert_uint_eq(strlen(sink_text(&s)), 1000000);
	sink_deinit(&s);
}
END_TEST

START_TEST(a_descriptor_gets_everything_in_order)
{
	char name[] = "/tmp/base_test.XXXXXX", *back;
	int fd = mkstemp(name);
	struct error e;
	struct sink s;

	ck_assert_int_ge(fd, 0);
	unlink(name);
	sink_init_fd(&s, fd);
	for (int i = 0; i < 100000; i++)
		sink_put(&s, "0123456789", 10);
	ck_assert_int_eq(sink_finish(&s, "the file", &e), 0);
	ck_assert_uint_eq(s.written, 1000000);
	sink_deinit(&s);
	back = base_malloc(1000000);
	ck_assert_int_eq(pread(fd, back, 1000000, 0), 1000000);
	ck_assert_int_eq(memcmp(back, "0123456789", 10), 0);
	ck_assert_int_eq(memcmp(back, back + 10, 1000000 - 10), 0);
	free(back);
	close(fd);
}
END_TEST

START_TEST(the_first_error_of_a_descriptor_sticks)
{
	struct error e;
	struct sink s;
	int fd = open("/dev/full", O_WRONLY);

	ck_assert_int_ge(fd, 0);
	sink_init_fd(&s, fd);
	sink_str(&s, "text");
	sink_flush(&s);
	s.fd = -1; /* would be another error */
	sink_str(&s, "more");
	ck_assert_int_eq(sink_finish(&s, "/dev/full", &e), -ENOSPC);
	ck_assert_str_eq(e.text, "cannot write /dev/full: No space left on device");
	sink_deinit(&s);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base");
	TCase *tc = tcase_create("base");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, arena_memory_is_zeroed_aligned_and_apart);
	tcase_add_test(tc, arena_gives_large_objects_a_block_of_their_own);
	tcase_add_test(tc, nothing_has_an_address_too);
	tcase_add_test(tc, arena_copies_strings);
	tcase_add_test(tc, vectors_grow);
	tcase_add_test(tc, tables_find_what_was_put);
	tcase_add_test(tc, a_slot_is_made_once);
	tcase_add_test(tc, errors_say_what_and_why);
	tcase_add_test(tc, errors_longer_than_their_room_are_cut);
	tcase_add_test(tc, numbers_are_put_without_printf);
	tcase_add_test(tc, text_of_the_target_is_cleaned);
	tcase_add_test(tc, cleaning_does_not_depend_on_where_a_byte_stands);
	tcase_add_test(tc, what_only_looks_like_utf_8_is_cleaned_too);
	tcase_add_test(tc, memory_sinks_grow);
	tcase_add_test(tc, a_descriptor_gets_everything_in_order);
	tcase_add_test(tc, the_first_error_of_a_descriptor_sticks);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
