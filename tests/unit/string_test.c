/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_string, of its hash, and of strings as keys of maps.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon/map.h>
#include <gorgon/string.h>

GOR_MAP_TYPE(gor_string, int);

/* Runs fn in a child, which must die with status 2 and say `text`. */
static void expect_death(void (*fn)(void), const char *text)
{
	char said[4096];
	size_t len = 0;
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	/* after the first 2 KiB: read on, so that the child can write on, and overwrite */
	while ((n = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len = len + (size_t)n < 2048 ? len + (size_t)n : 2048;
	said[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %#x", status);
	ck_assert_msg(strstr(said, text) != NULL, "said: %s", said);
}

/* A function that does one thing, which should be its last. */
#define VICTIM(name, use)                                                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		(void)(use);                                                                                 \
	}

static const gor_string abc = GOR_STRING_INIT("abc");

VICTIM(index_past_end, gor_string_at(abc, 3))
VICTIM(index_negative, gor_string_at(abc, -1))
VICTIM(sub_past_end, gor_string_sub(abc, 1, 4))
VICTIM(sub_reversed, gor_string_sub(abc, 3, 2))
VICTIM(sub_negative_start, gor_string_sub(abc, -2, 2))
VICTIM(sub_negative_end, gor_string_sub(abc, 0, -2))

START_TEST(literals_keep_their_nul_bytes)
{
	ck_assert_uint_eq(gor_str("a\0b").len, 3);
	ck_assert_uint_eq(gor_str("").len, 0);
	ck_assert_uint_eq(abc.len, 3);
	ck_assert(gor_string_equal(gor_str("abc"), abc));
}
END_TEST

START_TEST(compare_orders_bytes_as_unsigned_and_shorter_first)
{
	ck_assert_int_eq(gor_string_compare(gor_str("a"), gor_str("b")), -1);
	ck_assert_int_eq(gor_string_compare(gor_str("b"), gor_str("a")), 1);
	ck_assert_int_eq(gor_string_compare(gor_str("ab"), gor_str("abc")), -1);
	ck_assert_int_eq(gor_string_compare(gor_str("abc"), gor_str("ab")), 1);
	ck_assert_int_eq(gor_string_compare(gor_str("\xff"), gor_str("a")), 1);
	ck_assert_int_eq(gor_string_compare(gor_strn(NULL, 0), gor_str("")), 0);
	ck_assert(!gor_string_equal(gor_str("abc"), gor_str("abd")));
	ck_assert(gor_string_equal(gor_strn(NULL, 0), gor_str("")));
}
END_TEST

START_TEST(concat_and_join_make_new_bytes)
{
	gor_string parts[] = {GOR_STRING_INIT("a"), GOR_STRING_INIT(""), GOR_STRING_INIT("c")};
	gor_string s = gor_string_concat(gor_str("foo"), gor_str("bar"));
	gor_string j = gor_string_join(parts, 3, gor_str(", "));
	gor_string e = gor_string_join(parts, 0, gor_str(", "));

	ck_assert(gor_string_equal(s, gor_str("foobar")));
	ck_assert_str_eq(s.ptr, "foobar");
	ck_assert(gor_string_equal(j, gor_str("a, , c")));
	ck_assert_uint_eq(e.len, 0);
	gor_string_free(s);
	gor_string_free(j);
	gor_string_free(e);
}
END_TEST

START_TEST(sub_shares_bytes_and_checks_bounds_with_the_words_of_go)
{
	gor_string s = gor_string_sub(abc, 1, 3);

	ck_assert_ptr_eq(s.ptr, abc.ptr + 1);
	ck_assert_uint_eq(s.len, 2);
	ck_assert_uint_eq(gor_string_sub(abc, 3, 3).len, 0);
	ck_assert_uint_eq(gor_string_sub(gor_strn(NULL, 0), 0, 0).len, 0);
	expect_death(sub_past_end, "runtime error: slice bounds out of range [:4] with length 3\n");
	expect_death(sub_reversed, "runtime error: slice bounds out of range [3:2]\n");
	expect_death(sub_negative_start, "runtime error: slice bounds out of range [-2:]\n");
	expect_death(sub_negative_end, "runtime error: slice bounds out of range [:-2]\n");
}
END_TEST

START_TEST(index_is_checked_with_the_words_of_go)
{
	ck_assert_int_eq(gor_string_at(abc, 2), 'c');
	expect_death(index_past_end, "runtime error: index out of range [3] with length 3\n");
	expect_death(index_negative, "runtime error: index out of range [-1]\n");
}
END_TEST

START_TEST(c_strings_convert_both_ways)
{
	char *c = gor_string_cstr(gor_string_sub(abc, 0, 2));
	gor_string copy = gor_string_clone(abc);

	ck_assert_str_eq(c, "ab");
	ck_assert(gor_string_equal(gor_string_of("abc"), abc));
	ck_assert_uint_eq(gor_string_of(NULL).len, 0);
	ck_assert_ptr_ne(copy.ptr, abc.ptr);
	ck_assert(gor_string_equal(copy, abc));
	free(c);
	gor_string_free(copy);
}
END_TEST

START_TEST(printf_formats_any_length)
{
	gor_string s = gor_string_printf("%d-%500s", 7, "x");

	ck_assert_uint_eq(s.len, 502);
	ck_assert(gor_string_has_prefix(s, gor_str("7-  ")));
	ck_assert(gor_string_has_suffix(s, gor_str("  x")));
	gor_string_free(s);
}
END_TEST

START_TEST(parts_are_found)
{
	ck_assert_int_eq(gor_string_index(abc, gor_str("bc")), 1);
	ck_assert_int_eq(gor_string_index(abc, gor_str("x")), -1);
	ck_assert_int_eq(gor_string_index(abc, gor_str("")), 0);
	ck_assert_int_eq(gor_string_index(abc, gor_str("abcd")), -1);
	ck_assert(gor_string_has_prefix(abc, gor_str("ab")));
	ck_assert(!gor_string_has_prefix(abc, gor_str("abcd")));
	ck_assert(gor_string_has_suffix(abc, gor_str("bc")));
	ck_assert(!gor_string_has_suffix(abc, gor_str("ab")));
	ck_assert(gor_string_has_suffix(abc, gor_str("")));
}
END_TEST

START_TEST(hash_depends_on_every_byte_the_length_and_the_seed)
{
	unsigned char bytes[200] = {0};

	for (size_t len = 0; len < sizeof(bytes); len++) {
		uint64_t h = gor_hash_bytes(bytes, len, 1);

		ck_assert(h == gor_string_hash(gor_strn((char *)bytes, len), 1));
		ck_assert(h != gor_hash_bytes(bytes, len, 2));
		ck_assert(h != gor_hash_bytes(bytes, len + 1, 1));
		for (size_t i = 0; i < len; i++) {
			bytes[i] = 1;
			if (h == gor_hash_bytes(bytes, len, 1))
				ck_abort_msg("byte %zu of %zu does not matter", i, len);
			bytes[i] = 0;
		}
	}
}
END_TEST

START_TEST(hash_spreads_counters_over_low_bits_and_top_byte)
{
	int low[256] = {0}, top[256] = {0};

	for (uint64_t i = 0; i < 256 * 256; i++) {
		uint64_t key = i << 20, h = gor_hash_bytes(&key, sizeof(key), 0);

		low[h & 255]++;
		top[h >> 56]++;
	}
	/* 256 on average, and a standard deviation of 16 */
	for (int i = 0; i < 256; i++) {
		ck_assert_int_lt(abs(low[i] - 256), 16 * 8);
		ck_assert_int_lt(abs(top[i] - 256), 16 * 8);
	}
}
END_TEST

START_TEST(map_keys_compare_by_text)
{
	gor_map(gor_string, int) m = gor_map_make(gor_string, int);
	char buf[80];

	memset(buf, 'x', sizeof(buf));
	for (size_t len = 0; len <= sizeof(buf); len++)
		gor_map_set(m, gor_string_clone(gor_strn(buf, len)), (int)len);
	for (size_t len = 0; len <= sizeof(buf); len++) {
		ck_assert_int_eq(gor_map_at(m, gor_strn(buf, len)), (int)len);
		if (len > 0) {
			buf[len - 1] = 'y';
			ck_assert(!gor_map_has(m, gor_strn(buf, len)));
			buf[len - 1] = 'x';
		}
	}
	gor_map_each(it, m) gor_string_free(it.key);
	gor_map_free(m);
}
END_TEST

START_TEST(setting_a_map_entry_keeps_its_old_key_text)
{
	gor_map(gor_string, int) m = gor_map_make(gor_string, int);
	char buf[] = "temporary";

	gor_map_set(m, gor_str("temporary"), 1);
	gor_map_set(m, gor_strn(buf, sizeof(buf) - 1), 2);
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(gor_map_at(m, gor_str("temporary")), 2);
	gor_map_free(m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("string");
	TCase *tcase = tcase_create("string");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, literals_keep_their_nul_bytes);
	tcase_add_test(tcase, compare_orders_bytes_as_unsigned_and_shorter_first);
	tcase_add_test(tcase, concat_and_join_make_new_bytes);
	tcase_add_test(tcase, sub_shares_bytes_and_checks_bounds_with_the_words_of_go);
	tcase_add_test(tcase, index_is_checked_with_the_words_of_go);
	tcase_add_test(tcase, c_strings_convert_both_ways);
	tcase_add_test(tcase, printf_formats_any_length);
	tcase_add_test(tcase, parts_are_found);
	tcase_add_test(tcase, hash_depends_on_every_byte_the_length_and_the_seed);
	tcase_add_test(tcase, hash_spreads_counters_over_low_bits_and_top_byte);
	tcase_add_test(tcase, map_keys_compare_by_text);
	tcase_add_test(tcase, setting_a_map_entry_keeps_its_old_key_text);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
