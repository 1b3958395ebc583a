/* SPDX-License-Identifier: MIT */
/*
 * What: GORGON_OPTIONS, GOTRACEBACK, GOMAXPROCS and NO_COLOR: every key, every kind of bad value.
 *
 * How: each test sets the environment and has it parsed again; what is complained about goes to a file in the
 * place of stderr.
 */
#define _GNU_SOURCE
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/options.h"

static char complaints[8192];

static void parse(const char *text)
{
	int fd = memfd_create("stderr", 0), saved = dup(2);
	ssize_t n;

	setenv("GORGON_OPTIONS", text, 1);
	dup2(fd, 2);
	gori_options_init();
	dup2(saved, 2);
	close(saved);
	n = pread(fd, complaints, sizeof complaints - 1, 0);
	complaints[n > 0 ? n : 0] = 0;
	close(fd);
}

START_TEST(nothing_said_is_unset)
{
	unsetenv("NO_COLOR");
	unsetenv("GOTRACEBACK");
	parse("");
	ck_assert_str_eq(complaints, "");
	ck_assert_int_eq(gori_options.args, GORI_UNSET);
	ck_assert_int_eq(gori_options.color, GORI_UNSET);
	ck_assert_int_eq(gori_options.group, GORI_UNSET);
	ck_assert_int_eq(gori_options.why, GORI_UNSET);
	ck_assert_int_eq(gori_options.threads, GORI_UNSET);
	ck_assert_int_eq(gori_options.traceback, GORI_TB_ALL);
	ck_assert_int_eq(gori_options.dump_seconds, 10);
	ck_assert_int_eq(gori_options.dump_signal, 0);
	ck_assert(gori_options.handle_signals);
	ck_assert(!gori_options.helper_off);
	ck_assert_str_eq(gori_options.helper, "");
	ck_assert_str_eq(gori_options.log_path, "");
}
END_TEST

START_TEST(every_key_is_taken)
{
	parse("args=words:color=always:group=1:why=0:threads=1:log_path=/a/b:dump_timeout=77:helper=/x/gorgon:"
	      "dump_signal=USR2:leaks_signal=12:snapshot=/c/d:handle_signals=0:guard=mprotect:stack=20k:stack_keep=5:torture=9:registry=1");
	ck_assert_str_eq(complaints, "");
	ck_assert_int_eq(gori_options.args, GORI_ARGS_WORDS);
	ck_assert_int_eq(gori_options.color, GORI_COLOR_ALWAYS);
	ck_assert_int_eq(gori_options.group, 1);
	ck_assert_int_eq(gori_options.why, 0);
	ck_assert_int_eq(gori_options.threads, 1);
	ck_assert_str_eq(gori_options.log_path, "/a/b");
	ck_assert_int_eq(gori_options.dump_seconds, 77);
	ck_assert_str_eq(gori_options.helper, "/x/gorgon");
	ck_assert_int_eq(gori_options.dump_signal, SIGUSR2);
	ck_assert_int_eq(gori_options.leaks_signal, 12);
	ck_assert_str_eq(gori_options.snapshot, "/c/d");
	ck_assert(!gori_options.handle_signals);
	ck_assert(gori_options.guard_mprotect);
	ck_assert_uint_eq(gori_options.stack, 32 * 1024);
	ck_assert_uint_eq(gori_options.stack_dead_max, 5);
	ck_assert_uint_eq(gori_options.torture, 9);
	ck_assert_int_eq(gori_options.registry, 1);
}
END_TEST

START_TEST(words_are_those_of_the_command_line)
{
	static const char *const args[] = {"typed", "go", "words", "none"};
	char text[32] = "args=";

	for (int i = 0; i < 4; i++) {
		strcpy(text + 5, args[i]);
		parse(text);
		ck_assert_int_eq(gori_options.args, i);
	}
	parse("helper=off");
	ck_assert(gori_options.helper_off);
}
END_TEST

START_TEST(the_last_one_counts)
{
	parse("helper=off:args=go:args=none:helper=/a");
	ck_assert_int_eq(gori_options.args, GORI_ARGS_NONE);
	ck_assert(!gori_options.helper_off);
	ck_assert_str_eq(gori_options.helper, "/a");
}
END_TEST

START_TEST(a_value_in_quotes_may_have_colons)
{
	parse("log_path='/a:b=c':args=go");
	ck_assert_str_eq(gori_options.log_path, "/a:b=c");
	ck_assert_int_eq(gori_options.args, GORI_ARGS_GO);
	parse("log_path='/a:args=go"); /* no end: not a quote */
	ck_assert_str_eq(gori_options.log_path, "'/a");
}
END_TEST

START_TEST(signals_have_names_and_numbers)
{
	parse("dump_signal=SIGUSR1");
	ck_assert_int_eq(gori_options.dump_signal, SIGUSR1);
	parse("dump_signal=12");
	ck_assert_int_eq(gori_options.dump_signal, SIGUSR2);
	parse("dump_signal=40");
	ck_assert_int_eq(gori_options.dump_signal, 40);
	ck_assert_str_eq(complaints, "");
}
END_TEST

START_TEST(bad_values_are_told_and_change_nothing)
{
	static const char *const bad[] = {"args=bytes",      "args=",         "args=typed|go",
					  "color=1",         "group=2",       "dump_timeout=0",
					  "stack=1",         "stack=2g",      "stack=9999999999999999999999",
					  "dump_signal=9",   "dump_signal=0", "dump_signal=11",
					  "dump_signal=X",   "log_path=",     "helper=",
					  "torture=x",       "stack_keep=1x", "guard=none",
					  "handle_signals=2"};
	struct gori_options before;

	parse("");
	before = gori_options;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		parse(bad[i]);
		ck_assert_msg(strstr(complaints, "bad value in") && strstr(complaints, bad[i]), "%s: %s",
			      bad[i], complaints);
		ck_assert_msg(memcmp(&before, &gori_options, sizeof before) == 0, "%s changed something",
			      bad[i]);
	}
	parse("nonsense=1:x::=:args=go");
	ck_assert_ptr_nonnull(strstr(complaints, "unknown key in 'nonsense=1'"));
	ck_assert_ptr_nonnull(strstr(complaints, "no '=' in 'x'"));
	ck_assert_int_eq(gori_options.args, GORI_ARGS_GO);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	static char text[GORI_PATH_SIZE + 32] = "log_path=";

	memset(text + 9, 'x', GORI_PATH_SIZE - 1);
	parse(text);
	ck_assert_uint_eq(strlen(gori_options.log_path), GORI_PATH_SIZE - 1);
	memset(text + 9, 'x', GORI_PATH_SIZE);
	parse(text);
	ck_assert_str_eq(gori_options.log_path, "");
	ck_assert_ptr_nonnull(strstr(complaints, "bad value in"));
}
END_TEST

START_TEST(what_is_complained_about_cannot_reach_the_terminal_raw)
{
	parse("\033[31m=1");
	ck_assert_ptr_null(strchr(complaints, '\033'));
}
END_TEST

START_TEST(help_names_every_key_and_its_value)
{
	parse("help=1:args=go:dump_signal=USR1:helper=off");
	ck_assert_ptr_nonnull(strstr(complaints, "args=typed|go|words|none"));
	ck_assert_ptr_nonnull(strstr(complaints, "[go]"));
	ck_assert_ptr_nonnull(strstr(complaints, "[10]"));
	ck_assert_ptr_nonnull(strstr(complaints, "[off]"));
	ck_assert_ptr_nonnull(strstr(complaints, "[262144]"));
}
END_TEST

START_TEST(no_color_counts_unless_color_is_set)
{
	setenv("NO_COLOR", "1", 1);
	parse("");
	ck_assert_int_eq(gori_options.color, GORI_COLOR_NEVER);
	parse("color=auto");
	ck_assert_int_eq(gori_options.color, GORI_COLOR_AUTO);
	setenv("NO_COLOR", "", 1);
	parse("");
	ck_assert_int_eq(gori_options.color, GORI_UNSET);
}
END_TEST

START_TEST(traceback_has_names_and_numbers)
{
	static const struct {
		const char *text;
		enum gori_traceback level;
	} is[] = {{"none", GORI_TB_NONE},     {"single", GORI_TB_SINGLE}, {"all", GORI_TB_ALL},
		  {"system", GORI_TB_SYSTEM}, {"crash", GORI_TB_CRASH},   {"0", GORI_TB_NONE},
		  {"1", GORI_TB_SINGLE},      {"2", GORI_TB_ALL},         {"nonsense", GORI_TB_ALL}};

	for (size_t i = 0; i < sizeof is / sizeof is[0]; i++) {
		setenv("GOTRACEBACK", is[i].text, 1);
		parse("");
		ck_assert_int_eq(gori_options.traceback, is[i].level);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(t, nothing_said_is_unset);
	tcase_add_test(t, every_key_is_taken);
	tcase_add_test(t, words_are_those_of_the_command_line);
	tcase_add_test(t, the_last_one_counts);
	tcase_add_test(t, a_value_in_quotes_may_have_colons);
	tcase_add_test(t, signals_have_names_and_numbers);
	tcase_add_test(t, bad_values_are_told_and_change_nothing);
	tcase_add_test(t, a_path_that_is_too_long_is_refused);
	tcase_add_test(t, what_is_complained_about_cannot_reach_the_terminal_raw);
	tcase_add_test(t, help_names_every_key_and_its_value);
	tcase_add_test(t, no_color_counts_unless_color_is_set);
	tcase_add_test(t, traceback_has_names_and_numbers);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
