/* SPDX-License-Identifier: MIT */
/*
 * What: tests of the JSON writer.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "emit/json.h"

static struct sink out;

static struct json begin(bool compact)
{
	struct json j;

	sink_init_memory(&out);
	j = json_begin(&out);
	j.compact = compact;
	return j;
}

static const char *text_of(const char *p, size_t n)
{
	struct json j = begin(true);

	json_strn(&j, NULL, p, n);
	return sink_text(&out);
}

START_TEST(objects_and_arrays_nest)
{
	struct json j = begin(true);

	json_object(&j, NULL);
	json_str(&j, "a", "x");
	json_array(&j, "b");
	json_int(&j, NULL, -1);
	json_uint(&j, NULL, UINT64_MAX);
	json_object(&j, NULL);
	json_end(&j);
	json_array(&j, NULL);
	json_end(&j);
	json_end(&j);
	json_bool(&j, "c", false);
	json_null(&j, "d");
	json_str(&j, "e", NULL);
	json_hex(&j, "f", 0x1f);
	json_end(&j);
	ck_assert_str_eq(sink_text(&out), "{\"a\":\"x\",\"b\":[-1,18446744073709551615,{},[]],\"c\":false,"
					  "\"d\":null,\"e\":null,\"f\":\"0x1f\"}\n");
}
END_TEST

START_TEST(people_get_a_line_for_each_thing)
{
	struct json j = begin(false);

	json_object(&j, NULL);
	json_array(&j, "a");
	json_int(&j, NULL, 1);
	json_int(&j, NULL, 2);
	json_end(&j);
	json_object(&j, "b");
	json_end(&j);
	json_end(&j);
	ck_assert_str_eq(sink_text(&out), "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t],\n\t\"b\": {}\n}\n");
}
END_TEST

#define TEXT(literal, expected) ck_assert_str_eq(text_of((literal), sizeof(literal) - 1), (expected))

START_TEST(text_is_escaped)
{
	TEXT("plain /", "\"plain /\"");
	TEXT("\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	TEXT("a\0b\x1b\x7f", "\"a\\u0000b\\u001b\\u007f\"");
	TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	TEXT("\xc2\x9b", "\"\\u009b\"");
	TEXT("\xe2\x80\xae", "\"\\u202e\"");
}
END_TEST

START_TEST(what_is_no_utf8_is_replaced)
{
	TEXT("\xff", "\"\\ufffd\"");
	TEXT("\xc3", "\"\\ufffd\"");
	TEXT("\xc0\xaf", "\"\\ufffd\\ufffd\"");
	TEXT("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	TEXT("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}
END_TEST

START_TEST(numbers_are_json)
{
	struct json j = begin(true);

	json_array(&j, NULL);
	json_double(&j, NULL, 0.5);
	json_double(&j, NULL, INFINITY);
	json_double(&j, NULL, NAN);
	json_int(&j, NULL, INT64_MIN);
	json_end(&j);
	ck_assert_str_eq(sink_text(&out), "[0.5,null,null,-9223372036854775808]\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("json");
	SRunner *r;
	int failed;

	tcase_add_test(tc, objects_and_arrays_nest);
	tcase_add_test(tc, people_get_a_line_for_each_thing);
	tcase_add_test(tc, text_is_escaped);
	tcase_add_test(tc, what_is_no_utf8_is_replaced);
	tcase_add_test(tc, numbers_are_json);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
