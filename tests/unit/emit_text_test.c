/* SPDX-License-Identifier: MIT */
/*
 * What: tests of whole dumps: the examples of doc/traceback.md to the letter, and that parsers of Go's tracebacks
 * accept them.
 *
 * How: each example is a block of the document behind a line `<!-- golden: NAME -->`; the world it shows is made
 * here.
 */
#include "world_builder.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "analyse/analyse.h"
#include "go_parser.h"

typedef uint64_t words[16];

/* ---- examples --------------------------------------------------------------------------------------------- */

static char *read_document(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	char *text = calloc(1, 200000);
	FILE *file;

	snprintf(path, sizeof path, "%s/doc/traceback.md", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "cannot open %s", path);
	ck_assert_uint_gt(fread(text, 1, 199999, file), 0);
	fclose(file);
	return text;
}

/* The lines between the fences behind the name. */
static char *golden(const char *name)
{
	char *text = read_document(), mark[100], *at, *end;

	snprintf(mark, sizeof mark, "<!-- golden: %s -->\n", name);
	at = strstr(text, mark);
	ck_assert_msg(at != NULL, "doc/traceback.md has no example \"%s\"", name);
	at = strstr(at, "```");
	ck_assert_ptr_nonnull(at);
	at = strchr(at, '\n') + 1;
	end = strstr(at, "```\n");
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	return at;
}

static void assert_golden(const char *name, const char *text)
{
	const char *expected = golden(name);

	if (strcmp(expected, text) != 0)
		printf("---- %s ----\n%s----\n", name, text), fflush(stdout);
	ck_assert_msg(!strcmp(expected, text),
		      "the example \"%s\" of doc/traceback.md is not what is written", name);
}

static void assert_accepted(const char *text, int goroutines)
{
	struct go_parsed r = go_parse(text);

	if (r.why[0] || r.goroutines != goroutines)
		printf("%s", text), fflush(stdout);
	ck_assert_msg(!r.why[0], "%s", r.why);
	ck_assert_int_eq(r.goroutines, goroutines);
}

/* ---- worlds ----------------------------------------------------------------------------------------------- */

STRUCT(t_job, "struct job", 16, MEMBER("id", t_int, 0), MEMBER("name", t_cstring, 8));
POINTER(t_jobp, t_job, "struct job *");

static const struct place *libc_place(void)
{
	struct place *p = (struct place *)(uintptr_t)wb_place("qsort", NULL, 0, 0x7f0000043f50);

	p->module = "/lib/x86_64-linux-gnu/libc.so.6";
	p->module_base = 0x7f0000000000;
	return p;
}

static const struct place *inlined(const char *function, int line)
{
	struct place *p = (struct place *)(uintptr_t)wb_place(function, "/src/sum/list.h", line, 0x401200);

	p->is_inlined = true;
	return p;
}

static const struct place *runtime_place(const char *function)
{
	struct place *p =
		(struct place *)(uintptr_t)wb_place(function, "/src/gorgon/chan.c", 88, 0x7f1000002000);

	p->is_runtime = true;
	return p;
}

static struct goroutine culprit(void)
{
	struct goroutine g = {
		.id = 7, .addr = 0xc000180000, .status = GOROUTINE_RUNNING, .m_id = 3, .tid = 4711};

	g.is_culprit = true;
	g.stack = STACK(
		wb_frame(inlined("list_first", 12), 0x40124a, ARGS(V("l", t_ptr, uint64_t, 0))),
		wb_frame(wb_place("run", "/src/sum/work.c", 31, 0x401200), 0x40124a,
			 ARGS(V("j", t_jobp, uint64_t, 0x4052a0), V("n", t_int, int, -1),
			      UNKNOWN(V("limit", t_int, int, 0)))),
		wb_frame(libc_place(), 0x7f00000440b4, NO_ARGS),
		wb_frame(wb_place("worker", "/src/sum/work.c", 52, 0x401300), 0x401388,
			 ARGS(V("jobs", t_chan, uint64_t, 0xc000012000), STALE(V("id", t_int, int, 3)))));
	g.go_func = "main";
	g.go_file = "/src/sum/main.c";
	g.go_line = 20;
	g.creator = 1;
	return g;
}

static struct goroutine receiver(void)
{
	static const struct label labels[] = {{"user", "ann"}, {"query", "a b"}};
	struct goroutine g = {.id = 1, .addr = 0xc000100000, .status = GOROUTINE_WAITING, .m_id = -1};

	g.reason = "chan receive";
	g.is_main = true;
	g.locked_to_thread = true;
	g.waited_ns = 185250000000;
	g.labels = labels;
	g.nlabels = 2;
	g.stack =
		STACK(wb_frame(runtime_place("chan_recv"), 0x7f1000002044, NO_ARGS),
		      wb_frame(wb_place("collect", "/src/sum/main.c", 33, 0x401500), 0x401555,
			       ARGS(V("numbers", t_ints, words, 0xc000014000, 2, 4),
				    V("title", t_string, words, 0x402010, 5), V("mode", t_char, char, 'a'))),
		      wb_frame(wb_place("main", "/src/sum/main.c", 24, 0x401600), 0x401666, NO_ARGS));
	return g;
}

static struct goroutine fresh(int64_t id)
{
	struct goroutine g = {.id = id, .addr = 0xc000200000, .status = GOROUTINE_RUNNABLE, .m_id = -1};

	g.stack = STACK(wb_frame(wb_place("worker", "/src/sum/work.c", 49, 0x401300), 0x401300,
				 ARGS(V("jobs", t_chan, uint64_t, 0xc000012000), V("id", t_int, int, 4))));
	g.stack.end = STACK_FRESH;
	g.go_func = "main";
	g.go_file = "/src/sum/main.c";
	g.go_line = 20;
	g.creator = 1;
	return g;
}

static struct goroutine deep(void)
{
	struct frame f[4];
	struct goroutine g = {.id = 12, .addr = 0xc000300000, .status = GOROUTINE_WAITING, .m_id = -1};

	for (int i = 0; i < 4; i++)
		f[i] = wb_frame(wb_place("walk", "/src/sum/tree.cc", 8, 0x401700),
				0x401720 + 0x10u * (i == 3),
				ARGS(V("depth", t_int, int, i < 2 ? 200 - i : 3 - i)));
	g.stack = wb_stack(f, 4);
	g.stack.elide_at = 2;
	g.stack.nelided = 196;
	g.stack.end = STACK_NO_CFI;
	g.reason = "sync.Mutex.Lock";
	g.verdict = VERDICT_LEAKED;
	return g;
}

static void facts(void)
{
	struct {
		int id;
		uint64_t name;
	} job = {3, 0x402000};
	struct fact *c = wb_fact(FACT_CHAN, 0xc000012000);

	wb_text(0x402000, "3o");
	wb_text(0x402010, "total");
	wb_bytes(0x4052a0, &job, sizeof job);
	wb_bytes(0xc000014000, &(int[2]){12, 30}, 8);
	c->u.chan.elem = "struct job *";
	c->u.chan.cap = 8;
	c->u.chan.file = "/src/sum/main.c";
	c->u.chan.line = 17;
}

static void make_panic(void)
{
	facts();
	W.message = "panic: not a number: 3o\n";
	GOROUTINES(culprit(), receiver(), fresh(9), deep());
	analyse_ids(&W);
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

START_TEST(a_panic_for_people)
{
	struct emit_options o = {.args = ARGS_TYPED};

	make_panic();
	assert_golden("typed", wb_text_of(&o));
}
END_TEST

START_TEST(a_panic_for_parsers)
{
	struct emit_options o = {.args = ARGS_GO};

	make_panic();
	assert_golden("go", wb_text_of(&o));
	assert_accepted(wb_text_of(&o), 4);
	o.args = ARGS_WORDS;
	assert_golden("words", wb_text_of(&o));
	assert_accepted(wb_text_of(&o), 4);
}
END_TEST

START_TEST(everything_that_can_be_asked_for)
{
	struct emit_options o = {
		.args = ARGS_TYPED, .system = true, .labels = true, .precise = true, .why = true};

	make_panic();
	W.goroutines[1].stack.frames[0].cfa = 0x7ffc10;
	W.goroutines[1].stack.frames[1].cfa = 0x7ffc50;
	assert_golden("system", wb_text_of(&o));
	o.args = ARGS_GO;
	o.labels = false;
	assert_accepted(wb_text_of(&o), 4);
}
END_TEST

START_TEST(a_fault_has_its_signal_and_registers)
{
	struct emit_options o = {.args = ARGS_TYPED};
	struct goroutine g = culprit();
	struct frame handler = wb_frame(libc_place(), 0x7f00000440b4, NO_ARGS),
		     signal = wb_frame(libc_place(), 0x7f0000043f50, NO_ARGS),
		     tail = wb_frame(wb_place("finish", "/src/sum/work.c", 0, 0x401900), 0, NO_ARGS),
		     guessed =
			     wb_frame(wb_place("worker", "/src/sum/work.c", 52, 0x401300), 0x401388, NO_ARGS),
		     lost = {.pc = 0xdeadbeef};

	W.signal = 11;
	W.signal_code = 1;
	W.signal_pc = 0x40124a;
	W.has_registers = true;
	for (uint64_t i = 0; i < 17; i++)
		W.registers[i] = i == 16 ? 0x40124a : i * 0x1111;
	W.message = "panic: runtime error: invalid memory address or nil pointer dereference\n";
	signal.kind = FRAME_SIGNAL;
	tail.kind = FRAME_TAIL;
	guessed.guessed = 1;
	g.stack = STACK(handler, signal, tail, guessed, lost);
	g.stack.end = STACK_UNREADABLE;
	wb_goroutines(&g, 1);
	world_note(&W, "%s: no debug information", "/lib/x86_64-linux-gnu/libc.so.6");
	assert_golden("fault", wb_text_of(&o));
	o.args = ARGS_GO;
	assert_accepted(wb_text_of(&o), 1);
}
END_TEST

START_TEST(groups_say_how_many_and_who)
{
	struct emit_options o = {.args = ARGS_TYPED, .group = true, .similar = SIMILAR_LINES};
	struct goroutine all[8] = {culprit(), fresh(2), fresh(3), deep(),
				   fresh(5),  fresh(6), fresh(7), fresh(9)};

	facts();
	all[5].stack =
		STACK(wb_frame(all[5].stack.frames[0].place, 0x401300,
			       ARGS(V("jobs", t_chan, uint64_t, 0xc000012000), V("id", t_int, int, 5))));
	all[5].stack.end = STACK_FRESH;
	all[0].id = 4;
	all[3].id = 8;
	all[3].waited_ns = 60000000000;
	wb_goroutines(all, 8);
	assert_golden("group", wb_text_of(&o));
	o.args = ARGS_GO;
	assert_accepted(wb_text_of(&o), 3);
}
END_TEST

START_TEST(the_ids_of_a_large_group_are_cut)
{
	struct emit_options o = {.args = ARGS_NONE, .group = true, .similar = SIMILAR_LINES};
	struct goroutine all[40];

	for (int i = 0; i < 40; i++)
		all[i] = fresh(i * 2 + 1);
	wb_goroutines(all, 40);
	ck_assert_ptr_nonnull(
		strstr(wb_text_of(&o), "[runnable, 40 goroutines: 1 3 5 7 9 11 13 15 17 19 21 23 ...]:\n"));
}
END_TEST

START_TEST(threads_stand_behind_the_goroutines)
{
	struct emit_options o = {.args = ARGS_TYPED, .threads = true};
	struct thread t[] = {
		{.tid = 4711, .name = "main", .state = THREAD_RUNNING},
		{.tid = 4712, .name = "pool \"1\"", .state = THREAD_FUTEX},
		{.tid = 4713, .state = THREAD_SYSCALL, .syscall = "read"},
		{.tid = 4714, .name = "stuck", .state = THREAD_STOPPED},
		{.tid = 4715, .name = "sysmon", .is_runtime = true},
	};
	struct goroutine g = fresh(1);

	t[1].stack = STACK(wb_frame(libc_place(), 0x7f00000440b4, NO_ARGS),
			   wb_frame(wb_place("pool_run", "/src/pool.c", 40, 0x402000), 0x402010,
				    ARGS(V("n", t_int, int, 3))));
	t[3].stack.end = STACK_RUNNING;
	facts();
	wb_goroutines(&g, 1);
	W.threads = t;
	W.nthreads = 5;
	assert_golden("threads", wb_text_of(&o));
	o.threads = false;
	ck_assert_ptr_null(strstr(wb_text_of(&o), "thread "));
	W.has_runtime = false;
	ck_assert_ptr_nonnull(strstr(wb_text_of(&o), "thread 4713 [in syscall read]:\n"));
	ck_assert_ptr_null(strstr(wb_text_of(&o), "sysmon"));
}
END_TEST

START_TEST(the_culprit_can_be_repeated)
{
	struct emit_options o = {.args = ARGS_NONE, .culprit_again = true};
	const char *text, *again;

	make_panic();
	text = wb_text_of(&o);
	again = strstr(
		text,
		"\n-- again, the goroutine that this is about --\ngoroutine 7 [running]:\nlist_first(...)\n");
	ck_assert_ptr_nonnull(again);
	ck_assert_ptr_null(strstr(again, "goroutine 1 ["));
}
END_TEST

START_TEST(colours_only_where_they_are_wanted)
{
	struct emit_options o = {.args = ARGS_TYPED, .system = true};
	struct sink s;

	make_panic();
	ck_assert_ptr_null(strchr(wb_text_of(&o), '\033'));
	sink_init_memory(&s);
	s.color = true;
	emit_text(&W, &o, &s);
	ck_assert_ptr_nonnull(strstr(sink_text(&s), "\033[1;31mgoroutine 7 "));
	ck_assert_ptr_nonnull(strstr(sink_text(&s), "\033[2mchan_recv("));
	sink_deinit(&s);
}
END_TEST

START_TEST(hidden_frames_are_shown_where_there_are_no_others)
{
	struct emit_options o = {.args = ARGS_GO};
	struct goroutine g = receiver();

	g.stack.nframes = 1;
	wb_goroutines(&g, 1);
	ck_assert_ptr_nonnull(strstr(wb_text_of(&o), "chan_recv()\n"));
	g.stack.nframes = 3;
	wb_goroutines(&g, 1);
	ck_assert_ptr_null(strstr(wb_text_of(&o), "chan_recv"));
}
END_TEST

START_TEST(dead_and_system_goroutines_are_hidden)
{
	struct emit_options o = {.args = ARGS_GO};
	struct goroutine dead = fresh(2), system = fresh(3);

	dead.status = GOROUTINE_DEAD;
	system.is_system = true;
	GOROUTINES(fresh(1), dead, system);
	assert_accepted(wb_text_of(&o), 1);
	o.system = true;
	assert_accepted(wb_text_of(&o), 2);
	W.goroutines[1].is_culprit = true;
	assert_accepted(wb_text_of(&o), 3);
}
END_TEST

START_TEST(stacks_that_are_missing_say_so)
{
	struct emit_options o = {.args = ARGS_GO};
	struct goroutine g = fresh(1), h = fresh(2);

	g.stack = (struct stack){.end = STACK_RUNNING};
	h.stack.end = STACK_CORRUPT;
	GOROUTINES(g, h);
	ck_assert_ptr_nonnull(strstr(wb_text_of(&o),
				     "\tgoroutine running on other thread; stack unavailable: on a "
				     "thread that could not be stopped\ncreated by main"));
	ck_assert_ptr_nonnull(strstr(wb_text_of(&o), "...additional frames elided...\n"));
	assert_accepted(wb_text_of(&o), 2);
}
END_TEST

START_TEST(hostile_and_missing_names_do_no_harm)
{
	static const char evil[] = "e\033]0;owned\a\nvil";
	struct label label = {evil, evil};
	struct emit_options o = {.args = ARGS_TYPED, .labels = true, .system = true, .threads = true};
	struct thread t = {.tid = 1, .name = evil, .state = THREAD_SYSCALL, .syscall = evil};
	struct value v = V(evil, t_int, int, 1);
	struct goroutine g = fresh(1), none = {.id = 2, .status = GOROUTINE_WAITING};
	struct frame f = wb_frame(wb_place(evil, evil, 1, 0x1000), 0x1004, &v, 1);

	g.labels = &label;
	g.nlabels = 1;
	g.go_func = g.go_file = evil;
	g.stack = wb_stack(&f, 1);
	none.stack = STACK(wb_frame(NULL, 0, NO_ARGS), wb_frame(wb_place(NULL, NULL, 0, 0), 1, NO_ARGS),
			   wb_frame(wb_place("", "", -5, 0), 1, NO_ARGS));
	none.go_func = "";
	GOROUTINES(g, none);
	W.threads = &t;
	W.nthreads = 1;
	W.message = evil;
	world_note(&W, "%s", evil);
	for (o.args = ARGS_TYPED; o.args <= ARGS_NONE; o.args++) {
		const char *text = wb_text_of(&o);

		ck_assert_ptr_null(strchr(text, '\033'));
		ck_assert_ptr_null(strchr(text, '\a'));
		ck_assert_ptr_null(strstr(text, "\nvil("));
	}
	o.labels = false;
	o.args = ARGS_GO;
	assert_accepted(wb_text_of(&o), 2);
}
END_TEST

START_TEST(an_empty_world_is_an_empty_dump)
{
	struct emit_options o = {.args = ARGS_TYPED,
				 .group = true,
				 .similar = SIMILAR_LINES,
				 .culprit_again = true,
				 .threads = true};

	ck_assert_str_eq(wb_text_of(&o), "");
}
END_TEST

/* ---- explain ---------------------------------------------------------------------------------------------- */

static const char *explained(const struct frame *f)
{
	struct sink *s = arena_new(&W.arena, struct sink);

	sink_init_memory(s);
	emit_explain(&W, f, s);
	return sink_text(s);
}

START_TEST(words_are_explained_bit_by_bit)
{
	struct frame f = wb_frame(wb_place("Example", "/src/example.c", 7, 0x401000), 0x401024,
				  ARGS(V("b1", t_bool, char, 1), V("b2", t_bool, char, 0),
				       V("b3", t_bool, char, 1), V("i", t_u8, char, 25)));
	struct value job = V("job", t_job, words, 3, 0x402000), any = V("v", t_any, words, 0x5000, 7);

	assert_golden("explain-small", explained(&f));
	job.addr = 0x7ffc00;
	facts();
	f = wb_frame(f.place, f.pc,
		     ARGS(V("s", t_string, words, 0x402010, 5), job, STALE(V("n", t_int, int, 7)),
			  UNKNOWN(V("m", t_short, short, 0)), any));
	f.is_variadic = 1;
	assert_golden("explain", explained(&f));
	f = wb_frame(f.place, f.pc, NO_ARGS);
	ck_assert_ptr_nonnull(strstr(explained(&f), "\nno arguments\n"));
}
END_TEST

/* ---- size ------------------------------------------------------------------------------------------------- */

/* Many goroutines: five frames, two arguments each. */
static void make_many(size_t n)
{
	struct goroutine *all = arena_array(&W.arena, struct goroutine, n);
	struct frame f[5];

	for (int i = 0; i < 5; i++)
		f[i] = wb_frame(
			wb_place("some_function", "/home/someone/src/project/file.c", 10 + i, 0x401000),
			0x401044,
			ARGS(V("request", t_ptr, uint64_t, 0xc000012000), V("count", t_int, int, 7)));
	for (size_t i = 0; i < n; i++) {
		all[i] = fresh((int64_t)i + 1);
		all[i].stack = (struct stack){.frames = arena_copy(&W.arena, f, sizeof f), .nframes = 5};
	}
	W.goroutines = all;
	W.ngoroutines = n;
	W.has_runtime = true;
}

START_TEST(a_hundred_thousand_goroutines_are_written_at_once)
{
	static const char *const names[] = {"typed", "go", "words", "none", "grouped"};
	struct emit_options o = {.args = ARGS_TYPED};

	make_many(100000);
	for (int i = 0; i < 5; i++) {
		struct timespec from, to;
		struct sink s;
		double seconds;

		o.args = i < 4 ? (enum args_style)i : ARGS_TYPED;
		o.group = i == 4;
		o.similar = SIMILAR_EXACT;
		sink_init_fd(&s, open("/dev/null", O_WRONLY));
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		emit_text(&W, &o, &s);
		sink_flush(&s);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
		printf("# 100,000 goroutines, %s: %.0f MB in %.3f s\n", names[i], (double)s.written / 1e6,
		       seconds);
		ck_assert_double_lt(seconds, 5);
		sink_deinit(&s);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("emit: text");
	TCase *tc = tcase_create("text");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_panic_for_people);
	tcase_add_test(tc, a_panic_for_parsers);
	tcase_add_test(tc, everything_that_can_be_asked_for);
	tcase_add_test(tc, a_fault_has_its_signal_and_registers);
	tcase_add_test(tc, groups_say_how_many_and_who);
	tcase_add_test(tc, the_ids_of_a_large_group_are_cut);
	tcase_add_test(tc, threads_stand_behind_the_goroutines);
	tcase_add_test(tc, the_culprit_can_be_repeated);
	tcase_add_test(tc, colours_only_where_they_are_wanted);
	tcase_add_test(tc, hidden_frames_are_shown_where_there_are_no_others);
	tcase_add_test(tc, dead_and_system_goroutines_are_hidden);
	tcase_add_test(tc, stacks_that_are_missing_say_so);
	tcase_add_test(tc, hostile_and_missing_names_do_no_harm);
	tcase_add_test(tc, an_empty_world_is_an_empty_dump);
	tcase_add_test(tc, words_are_explained_bit_by_bit);
	tcase_add_test(tc, a_hundred_thousand_goroutines_are_written_at_once);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
