/* SPDX-License-Identifier: MIT */
/*
 * What: tests of arguments by type, for people.
 */
#include "world_builder.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Of a string, a slice, an interface value. */
typedef uint64_t header[3];

STRUCT(t_point, "struct point", 8, MEMBER("x", t_int, 0), MEMBER("y", t_int, 4));
STRUCT(t_job, "struct job", 24, MEMBER("id", t_int, 0), MEMBER("name", t_cstring, 8),
       MEMBER("at", t_point, 16));
POINTER(t_jobp, t_job, "struct job *");
ARRAY(t_int4, t_int, 4, "int [4]");
ARRAY(t_int20, t_int, 20, "int [20]");
ARRAY(t_char8, t_char, 8, "char [8]");
ARRAY(t_bytes3, t_u8, 3, "uint8_t [3]");

struct job {
	int id;
	uint64_t name;
	int x, y;
};

START_TEST(integers_have_their_sign_and_width)
{
	TYPED("i=10", V("i", t_int, int, 10));
	TYPED("i=-10, u=4294967286", V("i", t_int, int, -10), V("u", t_uint, int, -10));
	TYPED("a=-32768, b=18446744073709551615, c=-9223372036854775808", V("a", t_short, short, -32768),
	      V("b", t_ulong, uint64_t, UINT64_MAX), V("c", t_long, int64_t, INT64_MIN));
	TYPED("u=25, i=-1", V("u", t_u8, unsigned char, 25), V("i", t_i8, signed char, -1));
	TYPED("a=-170141183460469231731687303715884105728",
	      V("a", t_i128, __int128, (__int128)((unsigned __int128)1 << 127)));
	TYPED("a=340282366920938463463374607431768211455", V("a", t_u128, __int128, -1));
	TYPED("7, _", V(NULL, t_int, int, 7), UNKNOWN(V(NULL, t_int, int, 7)));
}
END_TEST

START_TEST(characters_and_bools_are_written_as_in_c)
{
	TYPED("c='a', d='\\n', e='\\'', f='\\0', g='\\xff'", V("c", t_char, char, 'a'),
	      V("d", t_char, char, '\n'), V("e", t_char, char, '\''), V("f", t_char, char, 0),
	      V("g", t_char, char, (char)0xff));
	TYPED("t=true, f=false, odd=(bool)77", V("t", t_bool, char, 1), V("f", t_bool, char, 0),
	      V("odd", t_bool, char, 77));
}
END_TEST

START_TEST(floats_have_the_fewest_digits_that_read_back)
{
	TYPED("0.1, 3, -0, 1.5", V(NULL, t_double, double, 0.1), V(NULL, t_double, double, 3),
	      V(NULL, t_double, double, -0.0), V(NULL, t_float, float, 1.5f));
	TYPED("0.1, 16777216, 3.4028235e+38", V(NULL, t_float, float, 0.1f),
	      V(NULL, t_float, float, 16777216.0f), V(NULL, t_float, float, FLT_MAX));
	TYPED("0.30000000000000004, 1e+21, 100000000000000000000, 5e-324",
	      V(NULL, t_double, double, 0.1 + 0.2), V(NULL, t_double, double, 1e21),
	      V(NULL, t_double, double, 1e20), V(NULL, t_double, double, 5e-324));
	TYPED("0.0001, 0.00012345, 1.2e-05", V(NULL, t_double, double, 1e-4),
	      V(NULL, t_double, double, 0.00012345), V(NULL, t_double, double, 1.2e-5));
	TYPED("NaN, +Inf, -Inf", V(NULL, t_double, double, NAN), V(NULL, t_double, double, INFINITY),
	      V(NULL, t_float, float, -INFINITY));
	TYPED("0.1, 1.7976931348623157e+308", V(NULL, t_ldouble, long double, 0.1L),
	      V(NULL, t_double, double, DBL_MAX));
	TYPED("z=(1.5-2i)", V("z", t_complex, _Complex double, 1.5 - 2.0 * 1.0i));
}
END_TEST

static const struct type_enumerator colors[] = {{"RED", 0}, {"GREEN", 1}, {"BLUE", 2}};
static const struct type_enumerator modes[] = {{"R", 1}, {"W", 2}, {"X", 4}, {"ALL", 7}};
static const struct type_enumerator errors[] = {{"BAD", -1}, {"GOOD", 0}};

static struct type enumeration(const char *name, const struct type_enumerator *e, uint32_t n)
{
	return (struct type){.kind = TYPE_ENUM, .name = name, .size = 4, .enumerators = e, .nenumerators = n};
}

START_TEST(enumerators_have_names_and_flags_are_combined)
{
	struct type color = enumeration("enum color", colors, 3), mode = enumeration("enum mode", modes, 4),
		    error = enumeration("enum error", errors, 2), scoped = enumeration("Color", colors, 3);

	scoped.is_scoped = true;
	TYPED("c=BLUE, d=(enum color)3", V("c", color, int, 2), V("d", color, int, 3));
	TYPED("R|X, ALL, W|0x10, (enum mode)8, (enum mode)0", V(NULL, mode, int, 5), V(NULL, mode, int, 7),
	      V(NULL, mode, int, 18), V(NULL, mode, int, 8), V(NULL, mode, int, 0));
	TYPED("BAD, (enum error)-2", V(NULL, error, int, -1), V(NULL, error, int, -2));
	TYPED("Color::GREEN", V(NULL, scoped, int, 1));
}
END_TEST

START_TEST(pointers_lead_to_names_text_and_objects)
{
	struct job j = {3, 0x6000, 1, 2};

	wb_symbol(0x1000, "handler", 0);
	wb_symbol(0x1012, "handler", 0x12);
	wb_symbol(0x5000, "table", 0x40);
	wb_text(0x6000, "x");
	wb_bytes(0x7000, &j, sizeof j);
	wb_bytes(0x7100, &(int){42}, sizeof(int));
	TYPED("NULL, 0xdead", V(NULL, t_ptr, uint64_t, 0), V(NULL, t_ptr, uint64_t, 0xdead));
	TYPED("f=&handler, g=handler+0x12, t=table+0x40", V("f", t_fnp, uint64_t, 0x1000),
	      V("g", t_fnp, uint64_t, 0x1012), V("t", t_ptr, uint64_t, 0x5000));
	TYPED("s=\"x\", n=NULL, q=0x6001", V("s", t_cstring, uint64_t, 0x6000),
	      V("n", t_cstring, uint64_t, 0), V("q", t_cstring, uint64_t, 0x6001));
	TYPED("j=0x7000 -> struct job{id: 3, name: \"x\", at: {x: 1, y: 2}}",
	      V("j", t_jobp, uint64_t, 0x7000));
	TYPED("n=0x7100 -> 42", V("n", t_intp, uint64_t, 0x7100));
	wb_fact(FACT_BYTES, 0x7100)->id = 3;
	TYPED("n=0x7100 #3 -> 42", V("n", t_intp, uint64_t, 0x7100));
	wb_fact(FACT_BYTES, 0x7100)->stale = true;
	TYPED("n=0x7100 #3 -> 42?", V("n", t_intp, uint64_t, 0x7100));
}
END_TEST

START_TEST(references_are_written_as_what_they_refer_to)
{
	struct type ref = t_intp;

	ref.is_reference = true;
	wb_bytes(0x7100, &(int){42}, sizeof(int));
	TYPED("r=&42, s=0x7200", V("r", ref, uint64_t, 0x7100), V("s", ref, uint64_t, 0x7200));
}
END_TEST

START_TEST(a_possibly_outdated_pointer_is_not_followed)
{
	wb_text(0x6000, "x");
	wb_bytes(0x7100, &(int){42}, sizeof(int));
	wb_symbol(0x1000, "handler", 0);
	TYPED("n=0x7100?, s=\"x\"?, f=&handler?, z=NULL?", STALE(V("n", t_intp, uint64_t, 0x7100)),
	      STALE(V("s", t_cstring, uint64_t, 0x6000)), STALE(V("f", t_fnp, uint64_t, 0x1000)),
	      STALE(V("z", t_intp, uint64_t, 0)));
}
END_TEST

START_TEST(text_is_cut_and_never_reaches_the_terminal_raw)
{
	static char longer[200];

	memset(longer, 'a', sizeof longer - 1);
	wb_text(0x6000, "\033[31m\"quoted\"\\ \n\x9b"
			"1m \xc3\xa9");
	TYPED("s=\"\\x1b[31m\\\"quoted\\\"\\\\ \\n\\x9b1m \xc3\xa9\"", V("s", t_cstring, uint64_t, 0x6000));
	wb_text(0x6100, longer);
	ck_assert_uint_eq(strlen(wb_args(ARGS_TYPED, ARGS(V("s", t_cstring, uint64_t, 0x6100)))),
			  strlen("s=\"\"...") + 64);
	wb_text(0x6200, "cut")->u.text.truncated = true;
	TYPED("s=\"cut\"...", V("s", t_cstring, uint64_t, 0x6200));
	wb_fact(FACT_TEXT, 0x6300)->bad = true;
	TYPED("s=0x6300", V("s", t_cstring, uint64_t, 0x6300));
}
END_TEST

START_TEST(the_classic_example_has_headers_and_contents)
{
	uint64_t two[4] = {0x5000, 1, 0x5010, 1};

	TYPED("slice=[]string{0x2080c3f50 len 2 cap 4}, str=string{0x425c0 len 5}, i=10",
	      V("slice", t_strings, header, 0x2080c3f50, 2, 4), V("str", t_string, header, 0x425c0, 5),
	      V("i", t_int, int, 10));
	wb_text(0x425c0, "hello");
	wb_bytes(0x2080c3f50, two, sizeof two);
	wb_text(0x5000, "a");
	wb_text(0x5010, "b");
	TYPED("slice=[]string{0x2080c3f50 len 2 cap 4 [\"a\" \"b\"]}, str=\"hello\", i=10",
	      V("slice", t_strings, header, 0x2080c3f50, 2, 4), V("str", t_string, header, 0x425c0, 5),
	      V("i", t_int, int, 10));
}
END_TEST

START_TEST(slices_show_what_was_read_of_them)
{
	int items[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

	wb_bytes(0x5000, items, sizeof items);
	TYPED("[]int{0x5000 len 10 cap 16 [1 2 3 4 5 6 7 8 ...]}", V(NULL, t_ints, header, 0x5000, 10, 16));
	TYPED("[]int{0x5000 len 2 cap 16 [1 2]}", V(NULL, t_ints, header, 0x5000, 2, 16));
	wb_bytes(0x6000, items, 2 * sizeof(int));
	TYPED("[]int{0x6000 len 18446744073709551615 cap 0 [1 2 ...]}",
	      V(NULL, t_ints, header, 0x6000, UINT64_MAX, 0));
	TYPED("[]int{NULL len 0 cap 0}", V(NULL, t_ints, header, 0, 0, 0));
	TYPED("[]int{_ len 2 cap 4?}",
	      wb_masked(V(NULL, t_ints, header, 0x5000, 2, 4), "________........????????"));
}
END_TEST

START_TEST(strings_come_from_text_or_memory)
{
	wb_bytes(0x5000, "ab\0cd", 5);
	TYPED("\"ab\\x00cd\", \"\", \"ab\\x00cd\"...", V(NULL, t_string, header, 0x5000, 5),
	      V(NULL, t_string, header, 0, 0), V(NULL, t_string, header, 0x5000, 9));
	TYPED("string{NULL len 3}, string{0x5000 len _}", V(NULL, t_string, header, 0, 3),
	      wb_masked(V(NULL, t_string, header, 0x5000, 5), "........________"));
	TYPED("\"ab\"?", STALE(V(NULL, t_string, header, 0x5000, 2)));
}
END_TEST

START_TEST(aggregates_are_composite_literals)
{
	struct job j = {3, 0, -1, 2};

	TYPED("j=struct job{id: 3, name: NULL, at: {x: -1, y: 2}}", wb_value("j", &t_job, &j, sizeof j));
	TYPED("a=[4]int{1, 2, 3, 4}", V("a", t_int4, struct { int i[4]; }, {1, 2, 3, 4}));
	TYPED("a=[20]int{1, 0, 0, 0, 0, 0, 0, 0, ...}", V("a", t_int20, struct { int i[20]; }, {1}));
	TYPED("s=\"ab\", full=\"abcdefgh\"",
	      V(
		      "s", t_char8, struct { char c[8]; }, "ab"),
	      V(
		      "full", t_char8, struct { char c[8]; }, "abcdefgh"));
	TYPED("b=[3]uint8_t{1, 2, 3}", V("b", t_bytes3, struct { char c[3]; }, {1, 2, 3}));
}
END_TEST

MEMBERS(t_union, TYPE_UNION, "union u", 4, MEMBER("i", t_int, 0), MEMBER("f", t_float, 0));
STRUCT(t_bits, "struct bits", 4, BITS("a", t_uint, 0, 0, 3), BITS("b", t_int, 0, 3, 3),
       BITS("c", t_uint, 0, 6, 4));
STRUCT(t_anonymous, "struct outer", 12, MEMBER("id", t_int, 0), MEMBER(NULL, t_point, 4));
STRUCT(t_derived, "Derived", 12, {.name = NULL, .type = &t_point, .offset = 0, .is_base = true},
       MEMBER("z", t_int, 8));
STRUCT(t_wide, "struct wide", 16, BITS("a", t_ulong, 0, 4, 64));

START_TEST(unions_bit_fields_anonymous_members_and_bases)
{
	TYPED("u=union u{i: 1065353216, f: 1}", V("u", t_union, float, 1.0f));
	TYPED("b=struct bits{a: 5, b: -2, c: 9}", V("b", t_bits, uint32_t, 5 | 6 << 3 | 9 << 6));
	TYPED("o=struct outer{id: 1, {x: 2, y: 3}}", V("o", t_anonymous, struct { int i[3]; }, {1, 2, 3}));
	TYPED("d=Derived{struct point{x: 1, y: 2}, z: 3}",
	      V("d", t_derived, struct { int i[3]; }, {1, 2, 3}));
	TYPED("w=struct wide{a: 18364758544493064720}",
	      V("w", t_wide, struct { uint64_t i[2]; }, {0xedcba98765432100, 0xf}));
}
END_TEST

START_TEST(values_known_in_part_say_which)
{
	struct job j = {3, 0, -1, 2};

	TYPED("j=struct job{id: 3, name: _, at: {x: -1?, y: _}}",
	      wb_masked(wb_value("j", &t_job, &j, sizeof j), "....____________????____"));
	TYPED("i=_", wb_masked(V("i", t_int, int, 7), "..._"));
	TYPED("i=7?", wb_masked(V("i", t_int, int, 7), "...?"));
	TYPED("j=_, k=_", UNKNOWN(V("j", t_job, int, 0)),
	      wb_masked(V("k", t_int4, int, 0), "________________"));
}
END_TEST

START_TEST(reasons_are_given_when_asked_for)
{
	struct emit_options o = {.args = ARGS_TYPED, .why = true};
	struct value v = UNKNOWN(V("n", t_int, int, 0));
	struct frame f = wb_frame(wb_place("f", "f.c", 1, 0x1000), 0x1004, &v, 1);
	struct sink s;

	sink_init_memory(&s);
	emit_args(&W, &f, &o, &s);
	ck_assert_str_eq(sink_text(&s), "n=_ (optimized out)");
	sink_deinit(&s);
}
END_TEST

START_TEST(a_value_of_the_entry_says_so_once_the_function_runs)
{
	struct value v = V("n", t_int, int, 7);

	v.at_entry = 1;
	TYPED("n@entry=7", v);
	GO("0x7?", v);
	WORDS("0x7?", v);
}
END_TEST

/* struct list { struct list *next; }, which leads to itself */
static const struct type t_cyclic;
static const struct type t_cyclicp = {
	.kind = TYPE_POINTER, .name = "struct list *", .size = 8, .elem = &t_cyclic};
static const struct type_member cyclic_members[] = {MEMBER("next", t_cyclicp, 0),
						    MEMBER("prev", t_cyclicp, 8)};
static const struct type t_cyclic = {
	.kind = TYPE_STRUCT, .name = "struct list", .size = 16, .members = cyclic_members, .nmembers = 2};

START_TEST(cyclic_structures_end)
{
	uint64_t self[2] = {0x7000, 0x7000};

	wb_bytes(0x7000, self, sizeof self);
	TYPED("0x7000 -> struct list{next: 0x7000 -> struct list{next: 0x7000, prev: 0x7000}, prev: 0x7000 -> "
	      "struct list{next: 0x7000, prev: 0x7000}}",
	      V(NULL, t_cyclicp, uint64_t, 0x7000));
}
END_TEST

ARRAY(t_n1, t_int, 1, "int [1]");
ARRAY(t_n2, t_n1, 1, "int [1][1]");
ARRAY(t_n3, t_n2, 1, "");
ARRAY(t_n4, t_n3, 1, "");
ARRAY(t_n5, t_n4, 1, "");
ARRAY(t_n6, t_n5, 1, "");
ARRAY(t_8x4, t_int4, 8, "");
ARRAY(t_8x8x4, t_8x4, 8, "");

START_TEST(depth_and_size_have_limits)
{
	TYPED("[1][1][1][1]int{{{{7}}}}", V(NULL, t_n4, int, 7));
	TYPED("[1][1][1][1][1][1]int{{{{{...}}}}}", V(NULL, t_n6, int, 7));
	ck_assert_ptr_nonnull(strstr(wb_args(ARGS_TYPED, ARGS(V(NULL, t_8x8x4, int, 7))), "..."));
	ck_assert_uint_lt(strlen(wb_args(ARGS_TYPED, ARGS(V(NULL, t_8x8x4, int, 7)))), 400);
}
END_TEST

START_TEST(broken_debug_information_reads_nothing_it_should_not)
{
	static const struct type_member m[] = {MEMBER("far", t_int, 6), MEMBER("past", t_int, 1000)};
	struct type t = {.kind = TYPE_STRUCT, .name = "bad", .size = 8, .members = m, .nmembers = 2};
	struct type huge = {
		.kind = TYPE_ARRAY, .name = "huge", .size = 8, .elem = &t_int, .count = UINT64_MAX};
	struct value no_type = {.name = "x"};

	TYPED("bad{far: _, past: _}", V(NULL, t, uint64_t, 7));
	TYPED("[18446744073709551615]int{7, 0, _, _, _, _, _, _, ...}", V(NULL, huge, uint64_t, 7));
	TYPED("x=_", UNKNOWN(no_type));
	GO("_", UNKNOWN(no_type));
	WORDS("_", UNKNOWN(no_type));
}
END_TEST

/* ---- types of the runtime --------------------------------------------------------------------------------- */

START_TEST(channels_say_what_they_hold_and_where_they_come_from)
{
	struct fact *f = wb_fact(FACT_CHAN, 0xc000);

	f->u.chan.elem = "job_t";
	f->u.chan.len = 3;
	f->u.chan.cap = 8;
	f->u.chan.file = "f.c";
	f->u.chan.line = 12;
	TYPED("c=chan job_t 0xc000 len 3 cap 8, made at f.c:12", V("c", t_chan, uint64_t, 0xc000));
	f->u.chan.closed = true;
	f->id = 2;
	wb_fact(FACT_BYTES, 0xc000)->id = 2;
	TYPED("c=chan job_t 0xc000 #2 len 3 cap 8 closed, made at f.c:12", V("c", t_chan, uint64_t, 0xc000));
	TYPED("n=NULL, unread=chan int 0xd000, u=_, s=chan job_t 0xc000?", V("n", t_chan, uint64_t, 0),
	      V("unread", t_chan, uint64_t, 0xd000), UNKNOWN(V("u", t_chan, uint64_t, 0)),
	      STALE(V("s", t_chan, uint64_t, 0xc000)));
}
END_TEST

START_TEST(locks_say_who_holds_them)
{
	struct place at = {.file = "m.c", .line = 9};
	struct fact_holder readers[] = {{3, false}, {5, false}};
	struct fact *mu = wb_fact(FACT_MUTEX, 0xa000), *rw = wb_fact(FACT_RWMUTEX, 0xb000);
	struct value in_memory = V("rw", t_rwmutex, uint64_t, 0);

	in_memory.addr = 0xb000;
	TYPED("mu=0xa000 -> sync.Mutex{unlocked}", V("mu", t_mutexp, uint64_t, 0xa000));
	mu->u.sync.locked = true;
	TYPED("mu=0xa000 -> sync.Mutex{locked, holder unknown}", V("mu", t_mutexp, uint64_t, 0xa000));
	mu->u.sync.holder = 7;
	TYPED("mu=0xa000 -> sync.Mutex{held by goroutine 7}", V("mu", t_mutexp, uint64_t, 0xa000));
	mu->u.sync.where = &at;
	mu->u.sync.nwaiters = 2;
	TYPED("mu=0xa000 -> sync.Mutex{held by goroutine 7 since m.c:9, 2 waiting}",
	      V("mu", t_mutexp, uint64_t, 0xa000));
	rw->u.sync.nreaders = 2;
	rw->u.sync.nwriters_waiting = 1;
	rw->u.sync.holders = readers;
	rw->u.sync.nholders = 2;
	TYPED("rw=sync.RWMutex{read by 2: goroutines 3 5, 1 waiting to write}", in_memory);
	rw->u.sync.nreaders = 3;
	TYPED("rw=sync.RWMutex{read by 3: goroutines 3 5 ..., 1 waiting to write}", in_memory);
	wb_symbol(0xa000, "lock", 0);
	mu->stale = true;
	TYPED("mu=&lock -> sync.Mutex{held by goroutine 7 since m.c:9, 2 waiting}?",
	      V("mu", t_mutexp, uint64_t, 0xa000));
}
END_TEST

static struct value object(const struct type *t, uint64_t addr)
{
	struct value v = wb_value("o", t, "", 0);

	v.addr = addr;
	return v;
}

START_TEST(the_other_objects_of_sync)
{
	struct fact *f = wb_fact(FACT_WAITGROUP, 0x10);

	f->u.sync.count = 2;
	f->u.sync.nwaiters = 1;
	TYPED("o=sync.WaitGroup{counter 2, 1 waiting}", object(&t_waitgroup, 0x10));
	f = wb_fact(FACT_ONCE, 0x20);
	TYPED("o=sync.Once{new}", object(&t_once, 0x20));
	f->u.sync.state = 1;
	f->u.sync.holder = 4;
	TYPED("o=sync.Once{running in goroutine 4}", object(&t_once, 0x20));
	f->u.sync.state = 99;
	TYPED("o=sync.Once{?}", object(&t_once, 0x20));
	f = wb_fact(FACT_COND, 0x30);
	TYPED("o=sync.Cond{nobody waiting}", object(&t_cond, 0x30));
	f->u.sync.nwaiters = 3;
	TYPED("o=sync.Cond{3 waiting}", object(&t_cond, 0x30));
	f = wb_fact(FACT_SEM, 0x40);
	f->u.sync.count = 3;
	f->u.sync.size = 8;
	TYPED("o=sync.Semaphore{3 of 8 taken}", object(&t_sem, 0x40));
	wb_fact(FACT_LIST, 0x50)->u.map.count = 4;
	TYPED("o=list{len 4}", object(&t_list, 0x50));
	TYPED("o=gor_once{}", object(&t_once, 0x60));
}
END_TEST

START_TEST(maps_and_contexts)
{
	struct fact *f = wb_fact(FACT_MAP, 0xe000);

	f->u.map.count = 3;
	TYPED("m=map[int]long 0xe000 len 3", V("m", t_map, uint64_t, 0xe000));
	f->u.map.name = "map[key]value";
	f->u.map.growing = true;
	TYPED("m=map[key]value 0xe000 len 3 (growing)", V("m", t_map, uint64_t, 0xe000));
	f = wb_fact(FACT_CONTEXT, 0xf000);
	f->u.context.deadline_in = INT64_MAX;
	TYPED("c=context 0xf000", V("c", t_context, uint64_t, 0xf000));
	f->u.context.deadline_in = 1500000000;
	TYPED("c=context 0xf000 (deadline in 1.5s)", V("c", t_context, uint64_t, 0xf000));
	f->u.context.err = "context canceled";
	TYPED("c=context 0xf000 (cancelled: context canceled)", V("c", t_context, uint64_t, 0xf000));
}
END_TEST

static void dynamic(uint64_t addr, const char *name, uint32_t kind, uint64_t size, bool named)
{
	struct fact *f = wb_fact(FACT_TYPE, addr);

	f->u.type.name = name;
	f->u.type.kind = kind;
	f->u.type.size = size;
	f->u.type.named = named;
}

START_TEST(interface_values_have_their_dynamic_type)
{
	dynamic(0x100, "int", 2, 4, false);
	dynamic(0x200, "gor_string", 7, 16, false);
	dynamic(0x300, "char *", 6, 8, false);
	dynamic(0x400, "struct point", 0, 8, true);
	dynamic(0x500, "double", 4, 8, false);
	wb_text(0x6000, "text");
	TYPED("nil, any(int -7), any(\"text\"), any(\"text\"), any(struct point{...})",
	      V(NULL, t_any, header, 0), V(NULL, t_any, header, 0x100, (uint64_t)-7),
	      V(NULL, t_any, header, 0x200, 0x6000, 4), V(NULL, t_any, header, 0x300, 0x6000),
	      V(NULL, t_any, header, 0x400, 1));
	TYPED("any(double 1), any(5 of unknown type)", V(NULL, t_any, header, 0x500, 0x3ff0000000000000),
	      V(NULL, t_any, header, 0x999, 5));
	TYPED("any(int _)", wb_masked(V(NULL, t_any, header, 0x100, 7), "........________________"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("emit: typed");
	TCase *tc = tcase_create("typed");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, integers_have_their_sign_and_width);
	tcase_add_test(tc, characters_and_bools_are_written_as_in_c);
	tcase_add_test(tc, floats_have_the_fewest_digits_that_read_back);
	tcase_add_test(tc, enumerators_have_names_and_flags_are_combined);
	tcase_add_test(tc, pointers_lead_to_names_text_and_objects);
	tcase_add_test(tc, references_are_written_as_what_they_refer_to);
	tcase_add_test(tc, a_possibly_outdated_pointer_is_not_followed);
	tcase_add_test(tc, text_is_cut_and_never_reaches_the_terminal_raw);
	tcase_add_test(tc, the_classic_example_has_headers_and_contents);
	tcase_add_test(tc, slices_show_what_was_read_of_them);
	tcase_add_test(tc, strings_come_from_text_or_memory);
	tcase_add_test(tc, aggregates_are_composite_literals);
	tcase_add_test(tc, unions_bit_fields_anonymous_members_and_bases);
	tcase_add_test(tc, values_known_in_part_say_which);
	tcase_add_test(tc, reasons_are_given_when_asked_for);
	tcase_add_test(tc, a_value_of_the_entry_says_so_once_the_function_runs);
	tcase_add_test(tc, cyclic_structures_end);
	tcase_add_test(tc, depth_and_size_have_limits);
	tcase_add_test(tc, broken_debug_information_reads_nothing_it_should_not);
	tcase_add_test(tc, channels_say_what_they_hold_and_where_they_come_from);
	tcase_add_test(tc, locks_say_who_holds_them);
	tcase_add_test(tc, the_other_objects_of_sync);
	tcase_add_test(tc, maps_and_contexts);
	tcase_add_test(tc, interface_values_have_their_dynamic_type);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
