/* SPDX-License-Identifier: MIT */
/*
 * What: tests of how leaks are grouped, explained, suppressed and written, with worlds made by hand.
 */
#include "world_builder.h"

#include <errno.h>
#include <stdint.h>

#include "emit/leaks.h"
#include "go_parser.h"

enum { LOCK_A = 0x1000, LOCK_B = 0x2000, LOCK_C = 0x3000, CHAN = 0x4000 };

#define HOSTILE "w<\"&>\n\x1b[31m]]>:,%"

static struct leaks L;

/* A goroutine that waits for obj in `function`. */
static struct goroutine waiting(int64_t id, enum verdict v, const char *reason, uint64_t obj,
				const char *function)
{
	char *file = arena_printf(&W.arena, "/src/%s.c", strcmp(function, HOSTILE) ? function : "h<i>");
	struct frame f = wb_frame(wb_place(function, file, (int)id, 0x401000), 0x401004, NO_ARGS);

	return (struct goroutine){.id = id,
				  .status = GOROUTINE_WAITING,
				  .reason = reason,
				  .wait_obj = obj,
				  .m_id = -1,
				  .verdict = v,
				  .stack = wb_stack(&f, 1),
				  .go_func = "main",
				  .go_file = "/src/main.c",
				  .go_line = 3,
				  .creator = 1};
}

static struct goroutine blocked_by(int64_t id, uint64_t lock, const char *function, int64_t holder,
				   bool ended)
{
	struct goroutine g = waiting(id, VERDICT_DEADLOCKED, "sync.Mutex.Lock", lock, function);
	struct blocker b = {.goid = holder, .ended = ended};
	struct fact *f = wb_fact(FACT_MUTEX, lock);

	f->u.sync.locked = true;
	f->u.sync.holder = holder;
	f->u.sync.where =
		wb_place(function, arena_printf(&W.arena, "/src/taken%lld.c", (long long)holder), 10, 0);
	f->u.sync.held_ns = 2123456789;
	g.blockers = arena_copy(&W.arena, &b, sizeof b);
	g.nblockers = 1;
	return g;
}

static void find(struct rules *rules, const struct baseline *b)
{
	leaks_find(&L, &W, rules, b);
}

static const char *why(size_t i)
{
	struct sink *s = arena_new(&W.arena, struct sink);

	sink_init_memory(s);
	emit_leak_why(&L, &L.items[i], s);
	return sink_text(s);
}

/* ---- deadlocks -------------------------------------------------------------------------------------------------- */

START_TEST(a_circle_is_followed_from_each_of_its_goroutines)
{
	GOROUTINES(blocked_by(6, LOCK_A, "f", 7, false), blocked_by(7, LOCK_B, "g", 8, false),
		   blocked_by(8, LOCK_C, "h", 6, false));
	find(NULL, NULL);
	ck_assert_uint_eq(L.n, 3);
	ck_assert_uint_eq(L.items[1].nsteps, 3);
	ck_assert_uint_eq(L.items[1].cycle, 0);
	ck_assert_str_eq(
		why(0),
		"goroutines 6, 7 and 8 wait for each other in a circle\n"
		"goroutine 6 waits for sync.Mutex 0x1000 at /src/f.c:6, held by goroutine 7 (taken at /src/taken7.c:10 "
		"2.1s ago)\n"
		"goroutine 7 waits for sync.Mutex 0x2000 at /src/g.c:7, held by goroutine 8 (taken at /src/taken8.c:10 "
		"2.1s ago)\n"
		"goroutine 8 waits for sync.Mutex 0x3000 at /src/h.c:8, held by goroutine 6 (taken at /src/taken6.c:10 "
		"2.1s ago)\n");
}
END_TEST

START_TEST(who_waits_behind_a_circle_is_led_to_it)
{
	GOROUTINES(blocked_by(5, LOCK_A, "e", 6, false), blocked_by(6, LOCK_B, "f", 7, false),
		   blocked_by(7, LOCK_C, "g", 6, false));
	find(NULL, NULL);
	ck_assert_uint_eq(L.items[0].nsteps, 3);
	ck_assert_uint_eq(L.items[0].cycle, 1);
	ck_assert(strncmp(why(0), "goroutine 5 waits for a lock, which will never be released\n", 58) == 0);
}
END_TEST

START_TEST(a_goroutine_can_wait_for_itself)
{
	GOROUTINES(blocked_by(5, LOCK_A, "e", 5, false));
	find(NULL, NULL);
	ck_assert(strncmp(why(0), "goroutine 5 waits for a lock that it holds itself\n", 50) == 0);
}
END_TEST

START_TEST(a_holder_that_has_ended_is_told)
{
	struct ended gone = {7, "main", "/src/main.c", 20, 90 * 1000000000LL};

	GOROUTINES(blocked_by(6, LOCK_A, "f", 7, true));
	wb_symbol(LOCK_A, "the_lock", 0);
	W.ended = arena_copy(&W.arena, &gone, sizeof gone);
	W.nended = 1;
	find(NULL, NULL);
	ck_assert_uint_eq(L.items[0].cycle, L.items[0].nsteps);
	ck_assert_str_eq(
		why(0),
		"goroutine 6 waits for a lock, which will never be released\n"
		"goroutine 6 waits for sync.Mutex &the_lock at /src/f.c:6, held by goroutine 7 (taken at "
		"/src/taken7.c:10 2.1s ago), started by main at /src/main.c:20, which ended 90s ago\n");
}
END_TEST

START_TEST(long_circles_are_cut)
{
	struct goroutine *all = arena_array(&W.arena, struct goroutine, 100);

	for (int i = 0; i < 100; i++)
		all[i] = blocked_by(10 + i, 0x10000u + 16u * (unsigned)i, "f", 10 + (i + 1) % 100, false);
	wb_goroutines(all, 100);
	find(NULL, NULL);
	ck_assert_uint_eq(L.items[0].nsteps, 100);
	ck_assert_ptr_nonnull(strstr(why(0), "\n...88 more...\n"));
}
END_TEST

/* ---- channels ------------------------------------------------------------------------------------------------------ */

static void make_chan(void)
{
	struct fact *f = wb_fact(FACT_CHAN, CHAN);

	f->u.chan.elem = "int";
	f->u.chan.path = "/src/main.c";
	f->u.chan.line = 2;
	f->u.chan.maker = 1;
	f->u.chan.last_receiver = 9;
	f->u.chan.last_sender = 5;
}

/* Two that are the same, one that is suspected, one with a name that breaks things. */
static void leaky(void)
{
	struct goroutine a = waiting(5, VERDICT_LEAKED, "chan send", CHAN, "send"), b = a;
	struct goroutine main = {.id = 1, .status = GOROUTINE_RUNNING, .is_main = true, .m_id = 0};

	b.id = 6;
	make_chan();
	GOROUTINES(main, a, b, waiting(7, VERDICT_STUCK, "chan receive", CHAN, "receive"),
		   waiting(8, VERDICT_LEAKED, "chan send (nil chan)", 0, HOSTILE));
	W.exe = "/bin/prog";
	W.origin = "process 1";
}

START_TEST(partners_are_told_with_what_became_of_them)
{
	leaky();
	find(NULL, NULL);
	ck_assert_uint_eq(L.n, 3);
	ck_assert_str_eq(why(0),
			 "2 goroutines wait to send on a channel, which nobody who can still run can reach\n"
			 "chan int 0x4000 len 0 cap 0, made at /src/main.c:2 by goroutine 1\n"
			 "received from last by goroutine 9, which has ended\n");
	ck_assert_str_eq(
		why(2), "goroutine 7 waits to receive from a channel, which can still be reached: this is no "
			"proof\n"
			"chan int 0x4000 len 0 cap 0, made at /src/main.c:2 by goroutine 1\n"
			"sent on last by goroutine 5, now in chan send at /src/send.c:5, leaked too\n");
	W.incomplete = true;
	ck_assert_ptr_nonnull(strstr(why(0), "received from last by goroutine 9\n"));
}
END_TEST

START_TEST(counts_are_without_what_is_suppressed_or_known)
{
	struct baseline b;
	struct rules r;
	struct error e;
	struct sink s;

	leaky();
	find(NULL, NULL);
	ck_assert_uint_eq(leaks_failing(&L), 3);
	sink_init_memory(&s);
	leaks_put_baseline(&L, &s);
	ck_assert_int_eq(baseline_parse(&b, "base", sink_text(&s), &e), 0);
	ck_assert_uint_eq(b.n, 3);
	ck_assert_int_eq(
		rules_parse(&r, "rules", "# no\nnil: state~nil\n\tand creator=main\nnone: id=77\n", &e), 0);
	find(&r, &b);
	ck_assert_uint_eq(leaks_failing(&L), 0);
	ck_assert_uint_eq(L.suppressed, 1);
	ck_assert_uint_eq(L.known, 3);
	ck_assert_uint_eq(W.nnotes, 2);
	ck_assert_str_eq(W.notes[0], "1 goroutine suppressed by nil (rules:2)");
	ck_assert_str_eq(W.notes[1], "suppression none (rules:4) matched nothing");
}
END_TEST

START_TEST(a_proof_is_news_where_there_was_a_suspicion)
{
	struct baseline b;

	ck_assert_int_eq(
		baseline_parse(&b, "b", "# x\nstuck 0123456789abcdef 1 a\nleaked 1123456789abcdef 1\n", NULL),
		0);
	ck_assert(baseline_has(&b, "0123456789abcdef", VERDICT_LINGERING));
	ck_assert(!baseline_has(&b, "0123456789abcdef", VERDICT_LEAKED));
	ck_assert(baseline_has(&b, "1123456789abcdef", VERDICT_DEADLOCKED));
	ck_assert(!baseline_has(&b, "2123456789abcdef", VERDICT_STUCK));
}
END_TEST

START_TEST(fingerprints_know_no_lines_and_no_depth)
{
	struct goroutine a = waiting(5, VERDICT_LEAKED, "chan send", CHAN, "f");
	struct goroutine b = waiting(6, VERDICT_LEAKED, "chan send", 0x5000, "f");
	struct frame twice[2] = {b.stack.frames[0], b.stack.frames[0]};

	b.stack = wb_stack(twice, 2);
	b.go_line = 99;
	GOROUTINES(a, b, waiting(7, VERDICT_LEAKED, "chan receive", CHAN, "f"));
	find(NULL, NULL);
	ck_assert_uint_eq(L.n, 3);
	ck_assert_str_eq(L.items[0].fingerprint, L.items[1].fingerprint);
	ck_assert_str_ne(L.items[0].fingerprint, L.items[2].fingerprint);
}
END_TEST

static void assert_bad_rules(const char *text, const char *message)
{
	struct rules r;
	struct error e;

	ck_assert_int_eq(rules_parse(&r, "f", text, &e), -EINVAL);
	ck_assert_str_eq(e.text, message);
}

START_TEST(errors_in_rules_name_the_line)
{
	assert_bad_rules("\n\nx y: leaked",
			 "f:3: expected NAME: FILTER (the name of letters, digits, _ . - /), found "
			 "\"x y: leaked\"");
	assert_bad_rules("  leaked", "f:1: this continues no rule");
	assert_bad_rules("a: leaked\nb: stuck\na: main", "f:3: there is a rule a already, at line 1");
	assert_bad_rules(
		"a: leaked and\n\n#\nb: stuck",
		"f:1: rule a: filter \" leaked and\": at its end: expected a term: state= func~ file~ creator~ "
		"id= label.KEY= waited> obj=, or leaked, deadlocked, stuck, lingering, running, runnable, "
		"waiting, syscall, main, system, culprit, locked");
}
END_TEST

START_TEST(errors_in_baselines_name_the_line)
{
	struct baseline b;
	struct error e;

	ck_assert_int_eq(baseline_parse(&b, "f", "leaked 0123456789abcdef 1\nleaked 12 1\n", &e), -EINVAL);
	ck_assert_str_eq(
		e.text,
		"f:2: expected a verdict and a fingerprint of 16 digits, found \"leaked 12 1\": this is "
		"no file of --write-baseline");
}
END_TEST

START_TEST(generated_rules_match_what_they_were_made_of)
{
	struct rules r;
	struct error e = {0};
	struct sink s;

	leaky();
	W.goroutines[4].stack.frames[0].place = wb_place("ns::f<char, \"x\\\">", "/src/f.cc", 3, 0);
	find(NULL, NULL);
	sink_init_memory(&s);
	leaks_put_rules(&L, &s);
	ck_assert_msg(rules_parse(&r, "rules", sink_text(&s), &e) == 0, "%s\n%s", e.text, sink_text(&s));
	find(&r, NULL);
	ck_assert_uint_eq(L.suppressed, 4);
}
END_TEST

/* ---- forms --------------------------------------------------------------------------------------------------------- */

START_TEST(parsers_of_tracebacks_read_the_go_style)
{
	struct emit_options o = {.args = ARGS_GO, .group = true, .similar = SIMILAR_LINES};
	struct go_parsed parsed;
	struct sink s;

	leaky();
	find(NULL, NULL);
	sink_init_memory(&s);
	emit_leaks(&L, &o, &s);
	parsed = go_parse(sink_text(&s));
	ck_assert_msg(!parsed.why[0], "%s", parsed.why);
	ck_assert_int_eq(parsed.goroutines, 3);
}
END_TEST

START_TEST(junit_survives_hostile_names)
{
	struct emit_options o = {.args = ARGS_TYPED};
	struct sink s;

	leaky();
	find(NULL, NULL);
	sink_init_memory(&s);
	emit_leaks_junit(&L, &o, &s);
	ck_assert_ptr_nonnull(strstr(sink_text(&s), "tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\""));
	ck_assert_ptr_nonnull(
		strstr(sink_text(&s), "in w&lt;&quot;&amp;&gt;&#10;\xef\xbf\xbd[31m]]&gt;:,%, created by"));
	ck_assert_ptr_null(strstr(sink_text(&s), "]]>"));
	ck_assert_ptr_null(strchr(sink_text(&s), '\x1b'));
}
END_TEST

START_TEST(annotations_survive_hostile_names)
{
	struct sink s;

	leaky();
	W.goroutines[4].stack.frames[0].place = wb_place("f", "/src/a,b:c%\n.c", 3, 0);
	find(NULL, NULL);
	sink_init_memory(&s);
	emit_leaks_github(&L, "/src/", &s);
	ck_assert_ptr_nonnull(strstr(
		sink_text(&s), "::error file=a%2Cb%3Ac%25%0A.c,line=3,title=leaked goroutine::goroutine 8 "
			       "sends on a nil channel, which never ends\n"));
	ck_assert_ptr_nonnull(strstr(sink_text(&s), "::warning file=receive.c,line=7,"));
}
END_TEST

START_TEST(sarif_encodes_names_of_files)
{
	struct sink s;

	leaky();
	W.goroutines[4].stack.frames[0].place = wb_place("f", "/src/a b#\xc3\xa4.c", 3, 0);
	find(NULL, NULL);
	sink_init_memory(&s);
	emit_leaks_sarif(&L, "/src", &s);
	ck_assert_ptr_nonnull(strstr(sink_text(&s), "\"uri\": \"a%20b%23%C3%A4.c\""));
	sink_init_memory(&s);
	emit_leaks_sarif(&L, "/other", &s);
	ck_assert_ptr_nonnull(strstr(sink_text(&s), "\"uri\": \"file:///src/a%20b%23%C3%A4.c\""));
}
END_TEST

START_TEST(places_of_a_build_folder_are_found_in_frames)
{
	struct goroutine g = waiting(5, VERDICT_LEAKED, "chan send", CHAN, "f");
	struct leak l = {.g = &g};

	ck_assert_str_eq(leak_file(&l, "../other/f.c"), "../other/f.c");
	ck_assert_str_eq(leak_file(&l, "../../src/f.c"), "/src/f.c");
	ck_assert_str_eq(leak_file(&l, "../f.c"), "/src/f.c");
	ck_assert_str_eq(leak_file(&l, "./f.c"), "/src/f.c");
	ck_assert_str_eq(leak_file(&l, "/x/f.c"), "/x/f.c");
	ck_assert_ptr_null(leak_below("/sr", "/src/f.c"));
	ck_assert_str_eq(leak_below("/src/", "/src/f.c"), "f.c");
}
END_TEST

static void assert_normal(const char *path, const char *expected)
{
	ck_assert_str_eq(leak_normal(&W.arena, path), expected);
}

START_TEST(paths_lose_their_detours)
{
	assert_normal("/src/build/../f.c", "/src/f.c");
	assert_normal("/src/./a//f.c", "/src/a/f.c");
	assert_normal("/../../f.c", "/f.c");
	assert_normal("../../f.c", "../../f.c");
	assert_normal("a/../../f.c", "../f.c");
	assert_normal("./f.c", "f.c");
	assert_normal("/", "/");
	assert_normal("..", "..");
	assert_normal("a/..", "");
}
END_TEST

static TCase *explanations(void)
{
	TCase *tc = tcase_create("why");

	tcase_add_test(tc, a_circle_is_followed_from_each_of_its_goroutines);
	tcase_add_test(tc, who_waits_behind_a_circle_is_led_to_it);
	tcase_add_test(tc, a_goroutine_can_wait_for_itself);
	tcase_add_test(tc, a_holder_that_has_ended_is_told);
	tcase_add_test(tc, long_circles_are_cut);
	tcase_add_test(tc, partners_are_told_with_what_became_of_them);
	return tc;
}

static TCase *quiet(void)
{
	TCase *tc = tcase_create("quiet");

	tcase_add_test(tc, counts_are_without_what_is_suppressed_or_known);
	tcase_add_test(tc, a_proof_is_news_where_there_was_a_suspicion);
	tcase_add_test(tc, fingerprints_know_no_lines_and_no_depth);
	tcase_add_test(tc, errors_in_rules_name_the_line);
	tcase_add_test(tc, errors_in_baselines_name_the_line);
	tcase_add_test(tc, generated_rules_match_what_they_were_made_of);
	return tc;
}

static TCase *forms(void)
{
	TCase *tc = tcase_create("forms");

	tcase_add_test(tc, parsers_of_tracebacks_read_the_go_style);
	tcase_add_test(tc, junit_survives_hostile_names);
	tcase_add_test(tc, annotations_survive_hostile_names);
	tcase_add_test(tc, sarif_encodes_names_of_files);
	tcase_add_test(tc, paths_lose_their_detours);
	tcase_add_test(tc, places_of_a_build_folder_are_found_in_frames);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("leaks report");
	SRunner *r;
	int failed;

	suite_add_tcase(s, explanations());
	suite_add_tcase(s, quiet());
	suite_add_tcase(s, forms());
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
