/* SPDX-License-Identifier: MIT */
/*
 * What: tests of conclusions from worlds: groups, short ids, filters.
 */
#include "world_builder.h"

#include <errno.h>
#include <stdint.h>

#include "analyse/analyse.h"

/* ---- groups ----------------------------------------------------------------------------------------------- */

static struct goroutine waiting(int64_t id, const struct frame *f)
{
	return (struct goroutine){.id = id,
				  .status = GOROUTINE_WAITING,
				  .reason = "chan receive",
				  .m_id = -1,
				  .stack = wb_stack(f, 1),
				  .go_func = "main",
				  .go_file = "m.c",
				  .go_line = 3,
				  .creator = 1};
}

/* A worker with its argument. */
static struct frame worker(const struct place *at, uint64_t pc, int i)
{
	struct value v = V("i", t_int, int, i);

	return wb_frame(at, pc, &v, 1);
}

static void assert_group(const struct group *g, size_t n, const uint32_t *members)
{
	ck_assert_uint_eq(g->n, n);
	ck_assert_uint_eq(g->first, members[0]);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(g->members[i], members[i]);
}

#define GROUP(g, ...)                                                                                        \
	assert_group((g), sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})

START_TEST(stacks_that_differ_in_arguments_are_alike_by_lines_only)
{
	const struct place *at = wb_place("worker", "w.c", 7, 0x1000);
	struct frame a = worker(at, 0x1004, 1), b = worker(at, 0x1004, 2), c = worker(at, 0x1008, 1);
	struct group *groups;

	GOROUTINES(waiting(5, &a), waiting(6, &b), waiting(7, &a), waiting(8, &c));
	ck_assert_uint_eq(analyse_groups(&W, SIMILAR_EXACT, &groups), 3);
	GROUP(&groups[0], 0, 2);
	GROUP(&groups[1], 1);
	GROUP(&groups[2], 3);
	ck_assert_uint_eq(analyse_groups(&W, SIMILAR_LINES, &groups), 1);
	GROUP(&groups[0], 0, 1, 2, 3);
}
END_TEST

START_TEST(what_a_goroutine_is_sets_it_apart)
{
	const struct place *at = wb_place("worker", "w.c", 7, 0x1000);
	struct frame f = worker(at, 0x1004, 1);
	struct goroutine g = waiting(1, &f), all[9];
	struct group *groups;

	for (int i = 0; i < 9; i++) {
		all[i] = g;
		all[i].id = i + 1;
		all[i].waited_ns = i * 1000; /* and who made it: these are the same */
		all[i].creator = i;
	}
	all[1].reason = "chan send";
	all[2].verdict = VERDICT_LEAKED;
	all[3].locked_to_thread = true;
	all[4].go_line = 4;
	all[5].stack.end = STACK_CORRUPT;
	all[6].is_culprit = true;
	all[7].stack.nframes = 0;
	wb_goroutines(all, 9);
	ck_assert_uint_eq(analyse_groups(&W, SIMILAR_LINES, &groups), 8);
	GROUP(&groups[0], 0, 8);
}
END_TEST

START_TEST(unnamed_code_is_alike_at_the_same_address_only)
{
	const struct place *nowhere = wb_place(NULL, NULL, 0, 0);
	struct frame a = worker(nowhere, 0x1004, 1), b = worker(nowhere, 0x1008, 1);
	struct group *groups;

	GOROUTINES(waiting(5, &a), waiting(6, &b), waiting(7, &a));
	ck_assert_uint_eq(analyse_groups(&W, SIMILAR_LINES, &groups), 2);
	GROUP(&groups[0], 0, 2);
}
END_TEST

START_TEST(no_goroutines_make_no_groups)
{
	struct group *groups;

	ck_assert_uint_eq(analyse_groups(&W, SIMILAR_EXACT, &groups), 0);
}
END_TEST

/* ---- ids -------------------------------------------------------------------------------------------------- */

START_TEST(addresses_of_several_goroutines_get_ids_in_order)
{
	const struct place *at = wb_place("f", "f.c", 1, 0x1000);
	struct frame a = wb_frame(at, 0x1004,
				  ARGS(V("p", t_intp, uint64_t, 0x9000), V("c", t_chan, uint64_t, 0xc000),
				       V("p", t_intp, uint64_t, 0x9000)));
	struct frame b = wb_frame(at, 0x1004,
				  ARGS(V("c", t_chan, uint64_t, 0xc000), V("q", t_ptr, uint64_t, 0x8000),
				       V("f", t_fnp, uint64_t, 0x1000)));
	struct frame c =
		wb_frame(at, 0x1004,
			 ARGS(V("q", t_ptr, uint64_t, 0x8000), V("f", t_fnp, uint64_t, 0x1000),
			      V("s", t_cstring, uint64_t, 0x7000), STALE(V("p", t_intp, uint64_t, 0x9000))));

	wb_fact(FACT_CHAN, 0xc000);
	GOROUTINES(waiting(1, &a), waiting(2, &b), waiting(3, &c));
	analyse_ids(&W);
	ck_assert_uint_eq(W.nids, 2);
	ck_assert_uint_eq(world_fact(&W, FACT_CHAN, 0xc000)->id, 1);
	ck_assert_uint_eq(world_fact(&W, FACT_CHAN, 0xc000)->nuses, 2);
	ck_assert_uint_eq(world_fact(&W, FACT_BYTES, 0xc000)->id, 1);
	ck_assert_uint_eq(world_fact(&W, FACT_BYTES, 0x8000)->id, 2);
	ck_assert(world_fact(&W, FACT_BYTES, 0x8000)->bad);
	ck_assert_ptr_null(world_fact(&W, FACT_BYTES, 0x9000));
	ck_assert_ptr_null(world_fact(&W, FACT_BYTES, 0x1000));
	analyse_ids(&W);
	ck_assert_uint_eq(W.nids, 2);
}
END_TEST

/* ---- filters ---------------------------------------------------------------------------------------------- */

static struct goroutine subject(void)
{
	static const struct label labels[] = {{"user", "ann"}, {"path", "/a b"}};
	struct frame f = worker(wb_place("read_all", "/src/io.c", 9, 0x1000), 0x1004, 1),
		     q = wb_frame(wb_place("main", "/src/main.c", 9, 0x2000), 0x2004,
				  ARGS(V("p", t_intp, uint64_t, 0xbeef)));
	struct goroutine g = waiting(42, &f);

	g.stack = STACK(f, q);
	g.labels = labels;
	g.nlabels = 2;
	g.waited_ns = 90000000000;
	g.wait_obj = 0xc000;
	g.go_func = "accept_loop";
	return g;
}

static bool matches(const char *text)
{
	struct goroutine g = subject();
	struct filter *f;
	struct error e;
	bool yes;

	ck_assert_msg(filter_parse(&f, text, &e) == 0, "%s", e.text);
	yes = filter_match(f, &W, &g);
	filter_free(f);
	return yes;
}

START_TEST(terms_match_what_they_name)
{
	static const char *const yes[] = {
		"state=chan receive",
		"state=\"chan receive\"",
		"reason = chan receive",
		"state~^chan",
		"func~^read_",
		"func=main",
		"file~io\\.c$",
		"creator~loop",
		"id=42",
		"id>41",
		"id < 43",
		"label.user=ann",
		"label.path=\"/a b\"",
		"label.user~^a",
		"waited>1m",
		"waited>1m29.5s",
		"waited<2h",
		"waiting",
		"obj=0xc000",
		"obj=c000",
		"obj=0xbeef",
		"func~(read|write)_all",
	};
	static const char *const no[] = {
		"state=chan", "state~send",     "func=mai",       "file~\\.h$", "creator=main", "id=4",
		"id<42",      "label.user=bob", "label.none=ann", "waited>90s", "waited<90s",   "leaked",
		"running",    "obj=0xdead",     "obj=0",          "main",       "system",       "culprit",
		"locked",     "runnable",       "syscall",
	};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		ck_assert_msg(matches(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		ck_assert_msg(!matches(no[i]), "%s", no[i]);
}
END_TEST

START_TEST(not_binds_closest_then_and_then_or)
{
	ck_assert(matches("leaked or waiting and id=42"));
	ck_assert(matches("waiting or leaked and id=1"));
	ck_assert(!matches("(waiting or leaked) and id=1"));
	ck_assert(matches("not leaked and waiting"));
	ck_assert(!matches("not (leaked or waiting)"));
	ck_assert(matches("not not waiting"));
	ck_assert(matches("state=chan receive and id=42"));
	ck_assert(matches("(state=chan receive or leaked)"));
	ck_assert(matches("  (  func~^(a|read_) and waiting  )  "));
}
END_TEST

START_TEST(a_filtered_world_says_how_many_there_were)
{
	struct goroutine a = subject(), b = subject(), c = subject();
	struct filter *f;

	b.id = 43;
	c.id = 44;
	GOROUTINES(a, b, c);
	ck_assert_int_eq(filter_parse(&f, "not id=43", NULL), 0);
	filter_apply(f, &W);
	ck_assert_uint_eq(W.ngoroutines, 2);
	ck_assert_int_eq(W.goroutines[1].id, 44);
	ck_assert_str_eq(W.notes[0], "2 of 3 goroutines shown");
	filter_free(f);
}
END_TEST

static void assert_refused(const char *text, const char *why)
{
	struct filter *f = NULL;
	struct error e;

	ck_assert_int_eq(filter_parse(&f, text, &e), -EINVAL);
	ck_assert_str_eq(e.text, why);
	ck_assert_ptr_null(f);
}

START_TEST(errors_say_where_and_what_was_expected)
{
	static char deep[1000];

	assert_refused("id", "filter \"id\": at its end: expected =, < or >");
	assert_refused("id=x",
		       "filter \"id=x\": character 4: expected the number of a goroutine, found \"x\"");
	assert_refused("leaked or func", "filter \"leaked or func\": at its end: expected = or ~");
	assert_refused(
		"waited>soon",
		"filter \"waited>soon\": character 8: expected a duration such as 500ms, 10s or 1h30m, "
		"found \"soon\"");
	assert_refused(
		"obj=here",
		"filter \"obj=here\": character 5: expected an address in hexadecimal, found \"here\"");
	assert_refused("(leaked", "filter \"(leaked\": at its end: expected and, or, or )");
	assert_refused(
		"leaked leaked",
		"filter \"leaked leaked\": character 8: expected and, or, or the end, found \"leaked\"");
	assert_refused("label.=x",
		       "filter \"label.=x\": character 7: expected the key of a label, found \"=x\"");
	assert_refused("state=\"open", "filter \"state=\"open\": at its end: expected a closing quote");
	assert_refused("func=", "filter \"func=\": at its end: expected a value");
	assert_refused(
		"size=3",
		"filter \"size=3\": character 1: expected a term: state= func~ file~ creator~ id= "
		"label.KEY= waited> obj=, or leaked, deadlocked, stuck, lingering, running, runnable, waiting, syscall, main, "
		"system, culprit, locked, found \"size=3\"");
	assert_refused("func~(",
		       "filter \"func~(\": character 6: bad regular expression \"(\": Unmatched ( or \\(");
	memset(deep, '(', sizeof deep - 1);
	assert_refused(deep, "filter: more than 100 levels");
	ck_assert_int_eq(filter_parse(&(struct filter *){NULL}, "", NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("analyse");
	TCase *tc = tcase_create("analyse");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, stacks_that_differ_in_arguments_are_alike_by_lines_only);
	tcase_add_test(tc, what_a_goroutine_is_sets_it_apart);
	tcase_add_test(tc, unnamed_code_is_alike_at_the_same_address_only);
	tcase_add_test(tc, no_goroutines_make_no_groups);
	tcase_add_test(tc, addresses_of_several_goroutines_get_ids_in_order);
	tcase_add_test(tc, terms_match_what_they_name);
	tcase_add_test(tc, not_binds_closest_then_and_then_or);
	tcase_add_test(tc, a_filtered_world_says_how_many_there_were);
	tcase_add_test(tc, errors_say_where_and_what_was_expected);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
