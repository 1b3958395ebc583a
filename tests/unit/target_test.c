/* SPDX-License-Identifier: MIT */
/*
 * What: tests of what all targets share, seen through a fake one, and of /proc/PID/maps as text.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps.h"
#include "target/target.h"

#define BASE 0x7f0000001000u

static unsigned char memory[3 * TARGET_PAGE];
static struct target *fake;

/* Two pieces side by side that begin in the middle of a page, and one further up. */
static void setup(void)
{
	struct span spans[] = {
		{.addr = BASE + 0x900, .buf = memory + 0x100, .len = 0x200},
		{.addr = BASE + 0x800, .buf = memory, .len = 0x100},
		{.addr = BASE + 0x10000, .buf = memory, .len = sizeof memory},
	};
	struct target_thread threads[] = {{.tid = 7, .name = "one"}, {.tid = 9, .name = "two"}};

	for (size_t i = 0; i < sizeof memory; i++)
		memory[i] = (unsigned char)(i * 7 % 251 + 1);
	threads[1].xmm.lane[3][1] = 99;
	threads[1].regs.xmm = &threads[1].xmm;
	ck_assert_int_eq(target_open_fake(&fake, spans, 3, threads, 2), 0);
}

static void teardown(void)
{
	target_close(fake);
	fake = NULL;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

START_TEST(reads_go_on_from_one_piece_of_memory_into_the_next)
{
	unsigned char buf[0x300];

	ck_assert_int_eq(target_read(fake, BASE + 0x800, buf, 0x300), 0);
	ck_assert_mem_eq(buf, memory, 0x300);
	ck_assert_int_eq(target_read(fake, BASE + 0x8ff, buf, 2), 0);
	ck_assert_mem_eq(buf, memory + 0xff, 2);
}
END_TEST

START_TEST(memory_that_is_not_there_is_an_error)
{
	unsigned char buf[0x400];
	uint64_t word;

	ck_assert_int_eq(target_read(fake, 0, buf, 1), -EFAULT);
	ck_assert_int_eq(target_read(fake, BASE + 0x7ff, buf, 2), -EFAULT);
	ck_assert_int_eq(target_read(fake, BASE + 0x800, buf, 0x301), -EFAULT);
	ck_assert_int_eq(target_read_u64(fake, UINT64_MAX - 3, &word), -EFAULT);
	ck_assert_int_eq(target_read(fake, 0, buf, 0), 0);
}
END_TEST

START_TEST(read_some_reads_up_to_where_memory_ends)
{
	unsigned char buf[0x400];

	ck_assert_uint_eq(target_read_some(fake, BASE + 0xa00, buf, 0x400), 0x100);
	ck_assert_mem_eq(buf, memory + 0x200, 0x100);
	ck_assert_uint_eq(target_read_some(fake, BASE, buf, 0x400), 0);
}
END_TEST

START_TEST(spans_say_one_by_one_whether_they_were_read)
{
	unsigned char a[16], b[16], c[0x300];
	struct span spans[] = {
		{.addr = BASE + 0x800, .buf = a, .len = 16},
		{.addr = BASE + 0x100, .buf = b, .len = 16},
		{.addr = BASE + 0x800, .buf = c, .len = 0x300},
		{.addr = 0, .buf = NULL, .len = 0},
	};

	target_read_spans(fake, spans, 4);
	ck_assert(spans[0].ok && !spans[1].ok && spans[2].ok && spans[3].ok);
	ck_assert_mem_eq(c, memory, sizeof c);
}
END_TEST

START_TEST(the_window_is_seen_in_place_of_memory)
{
	unsigned char stack[0x100], buf[0x300];

	memset(stack, 0xee, sizeof stack);
	target_set_window(fake, BASE + 0x880, BASE + 0x980, stack);
	ck_assert_int_eq(target_read(fake, BASE + 0x800, buf, 0x300), 0);
	ck_assert_mem_eq(buf, memory, 0x80);
	ck_assert_mem_eq(buf + 0x80, stack, 0x100);
	ck_assert_mem_eq(buf + 0x180, memory + 0x180, 0x180);

	target_set_window(fake, 0x1000, 0x1100, stack);
	ck_assert_int_eq(target_read(fake, 0x1000, buf, 0x100), 0);
	ck_assert_int_eq(target_read(fake, 0x1000, buf, 0x101), -EFAULT);
	ck_assert_int_eq(target_read(fake, 0xfff, buf, 1), -EFAULT);

	target_set_window(fake, 0, 0, NULL);
	ck_assert_int_eq(target_read(fake, 0x1000, buf, 1), -EFAULT);
	ck_assert_int_eq(target_read(fake, BASE + 0x800, buf, 0x300), 0);
	ck_assert_mem_eq(buf, memory, 0x300);
}
END_TEST

/* ---- strings -------------------------------------------------------------------------------------------- */

static char copied[0x80];

/* [BASE + 0x880, BASE + 0x900) as it was. */
static const unsigned char *copy_of(void *arg, uint64_t addr, size_t *ret_n)
{
	if (arg != &fake || addr < BASE + 0x880 || addr >= BASE + 0x900)
		return NULL;
	*ret_n = BASE + 0x900 - addr;
	return (const unsigned char *)copied + (addr - (BASE + 0x880));
}

START_TEST(once_there_is_a_copy_what_could_have_changed_is_read_from_it_only)
{
	struct span span = {BASE + 0x881, (char[4]){0}, 4, false};
	char buf[0x80];

	memset(copied, 7, sizeof copied);
	target_set_copy(fake, copy_of, &fake);
	ck_assert_int_eq(target_read(fake, BASE + 0x880, buf, 0x80), 0);
	ck_assert_mem_eq(buf, copied, 0x80);
	ck_assert_int_eq(target_read(fake, BASE + 0x87f, buf, 1), -EFAULT);
	ck_assert_uint_eq(target_read_some(fake, BASE + 0x8f0, buf, 0x20), 0x10);
	target_read_spans(fake, &span, 1);
	ck_assert(span.ok);
	ck_assert_mem_eq(span.buf, copied, 4);
	ck_assert(!target_is_late(fake));
	target_set_copy(fake, NULL, NULL);
	ck_assert_int_eq(target_read(fake, BASE + 0x87f, buf, 1), 0);
}
END_TEST

START_TEST(a_string_ends_at_its_zero_byte)
{
	char text[] = "x\0abcdefgh", buf[200];
	struct span s = {.addr = 0x1000, .buf = text, .len = sizeof text};
	struct target *t;
	bool truncated;

	target_open_fake(&t, &s, 1, NULL, 0);
	ck_assert_int_eq(target_read_str(t, 0x1002, buf, sizeof buf, &truncated), 8);
	ck_assert(!truncated);
	ck_assert_mem_eq(buf, "abcdefgh", 8);
	ck_assert_int_eq(target_read_str(t, 0x1001, buf, sizeof buf, &truncated), 0);
	ck_assert(!truncated);
	target_close(t);
}
END_TEST

START_TEST(a_string_without_a_zero_byte_is_truncated)
{
	char buf[0x400];
	bool truncated = false;

	/* all of memory is other than zero */
	ck_assert_int_eq(target_read_str(fake, BASE + 0x800, buf, 100, &truncated), 100);
	ck_assert(truncated);
	truncated = false;
	ck_assert_int_eq(target_read_str(fake, BASE + 0x800, buf, sizeof buf, &truncated), 0x300);
	ck_assert(truncated);
	ck_assert_mem_eq(buf, memory, 0x300);
	ck_assert_int_eq(target_read_str(fake, 0x10, buf, sizeof buf, &truncated), -EFAULT);
	ck_assert_int_eq(target_read_str(fake, BASE + 0x800, buf, 0, &truncated), 0);
}
END_TEST

/* ---- the cache ------------------------------------------------------------------------------------------ */

/* A target of two pages, which counts how often it is asked. */
static int nreads;

static size_t counting_read(struct target *t, uint64_t addr, void *buf, size_t n)
{
	(void)t;
	nreads++;
	if (addr < 0x1000 || addr >= 0x3000)
		return 0;
	if (n > 0x3000 - addr)
		n = 0x3000 - addr;
	memset(buf, nreads, n);
	return n;
}

static const struct target_ops counting_ops = {.kind = "counter", .read = counting_read};

START_TEST(a_page_is_read_once)
{
	struct target *t = target_new(&counting_ops, sizeof *t);
	unsigned char buf[0x2000];

	nreads = 0;
	for (uint64_t a = 0x1000; a < 0x2000; a += 8)
		ck_assert_int_eq(target_read(t, a, buf, 8), 0);
	ck_assert_int_eq(nreads, 1);
	ck_assert_int_eq(target_read(t, 0x1000, buf, 0x2000), 0);
	ck_assert_int_eq(nreads, 2);
	ck_assert_int_eq(buf[0xfff], 1);
	ck_assert_int_eq(buf[0x1000], 2);
	target_close(t);
}
END_TEST

START_TEST(a_page_that_cannot_be_read_is_asked_for_once)
{
	struct target *t = target_new(&counting_ops, sizeof *t);
	uint64_t word;

	nreads = 0;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(target_read_u64(t, 0x3000, &word), -EFAULT);
	ck_assert_int_eq(nreads, 1);
	target_close(t);
}
END_TEST

START_TEST(what_was_read_before_the_stop_is_read_again)
{
	struct target *t = target_new(&counting_ops, sizeof *t);
	unsigned char byte;

	nreads = 0;
	target_read(t, 0x1000, &byte, 1);
	ck_assert_int_eq(target_stop(t, NULL), 0);
	target_read(t, 0x1000, &byte, 1);
	ck_assert_int_eq(byte, 2);
	ck_assert_int_eq(target_stop(t, NULL), 0); /* it stands still already */
	target_read(t, 0x1000, &byte, 1);
	ck_assert_int_eq(byte, 2);
	ck_assert(!t->moved_on && t->stopped_at > 0 && t->paused_ns == 0);
	target_resume(t);
	ck_assert(t->moved_on && t->paused_ns > 0);
	target_read(t, 0x1000, &byte, 1); /* as it was when it stood still */
	ck_assert_int_eq(byte, 2);
	target_close(t);
}
END_TEST

/* ---- keeping -------------------------------------------------------------------------------------------- */

/* Three pages, of which the last one cannot be read. */
static struct target *stopped_target(struct mapping *m, bool writable)
{
	struct target *t = target_new(&counting_ops, sizeof *t);

	*m = (struct mapping){.lo = 0x1000, .hi = 0x4000, .path = "", .readable = true, .writable = writable};
	t->mappings = m;
	t->nmappings = 1;
	nreads = 0;
	ck_assert_int_eq(target_stop(t, NULL), 0);
	return t;
}

START_TEST(what_was_kept_is_read_as_it_was)
{
	struct span piece = {.addr = 0x1ff8, .len = 8}, span = {.addr = 0x1800, .len = 8};
	struct mapping m;
	struct target *t = stopped_target(&m, true);
	unsigned char byte, bytes[8];

	span.buf = bytes;
	target_keep(t, &piece, 1);
	target_resume(t);
	ck_assert(!target_is_late(t));
	ck_assert_int_eq(target_read(t, 0x1000, &byte, 1), 0);
	ck_assert_int_eq(byte, 1);
	target_read_spans(t, &span, 1);
	ck_assert(span.ok && bytes[0] == 1);
	ck_assert_int_eq(nreads, 1);
	ck_assert_uint_eq(t->nmissed, 0);
	target_close(t);
}
END_TEST

START_TEST(a_page_that_was_not_kept_is_missed_and_noted)
{
	struct span piece = {.addr = 0x1000, .len = 0x1000};
	struct mapping m;
	struct target *t = stopped_target(&m, true);
	unsigned char byte;

	t->recording = true;
	target_keep(t, &piece, 1);
	target_resume(t);
	ck_assert(target_lacks(t, 0x2000) && !target_lacks(t, 0x1000) && !target_lacks(t, 0x8000));
	ck_assert_int_lt(target_read(t, 0x2000, &byte, 1), 0);
	ck_assert_uint_eq(t->nmissed, 1);
	ck_assert_ptr_nonnull(table_get(&t->recorded, 2));
	ck_assert_int_eq(nreads, 1);
	ck_assert_int_eq(target_stop(t, NULL), 0); /* once more, with all that is needed */
	ck_assert_uint_eq(t->nmissed, 0);
	ck_assert_int_eq(target_read(t, 0x2000, &byte, 1), 0);
	target_close(t);
}
END_TEST

START_TEST(what_nobody_can_write_to_need_not_be_kept)
{
	struct span piece = {.addr = 0x1000, .len = 0x1000};
	struct mapping m;
	struct target *t = stopped_target(&m, false);
	unsigned char byte;

	target_keep(t, &piece, 1);
	target_resume(t);
	ck_assert(!target_lacks(t, 0x2000));
	ck_assert_int_eq(target_read(t, 0x2000, &byte, 1), 0);
	ck_assert_uint_eq(t->nmissed, 0);
	target_close(t);
}
END_TEST

START_TEST(a_page_that_cannot_be_kept_does_not_take_others_with_it)
{
	struct span pieces[] = {{.addr = 0x1000, .len = 0x3000}, {.addr = 0, .len = 0}};
	struct mapping m;
	struct target *t = stopped_target(&m, true);
	unsigned char byte;

	target_keep_room(t, TARGET_PAGE); /* too little: the rest lies elsewhere */
	target_keep(t, pieces, 2);
	target_resume(t);
	ck_assert_int_eq(target_read(t, 0x1000, &byte, 1), 0);
	ck_assert_int_eq(target_read(t, 0x2fff, &byte, 1), 0);
	ck_assert_int_lt(target_read(t, 0x3000, &byte, 1), 0);
	ck_assert_uint_eq(t->nmissed, 0);
	target_close(t);
}
END_TEST

START_TEST(while_pages_are_kept_all_that_is_read_stays)
{
	unsigned char bytes[8], byte;
	struct span span = {.addr = 0x2000, .buf = bytes, .len = 8};
	struct mapping m;
	struct target *t = stopped_target(&m, true);

	target_keep(t, NULL, 0);
	target_read_spans(t, &span, 1);
	target_read(t, 0x1000, &byte, 1);
	target_resume(t);
	ck_assert_int_eq(target_read(t, 0x1000, &byte, 1), 0);
	ck_assert_int_eq(target_read(t, 0x2000, &byte, 1), 0);
	ck_assert_int_eq(byte, bytes[0]);
	target_close(t);
}
END_TEST

/* ---- looking up ----------------------------------------------------------------------------------------- */

START_TEST(mappings_are_found_by_any_address_in_them)
{
	const struct mapping *m = target_mapping(fake, BASE + 0x800);

	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->lo, BASE + 0x800);
	ck_assert_ptr_eq(target_mapping(fake, BASE + 0x8ff), m);
	ck_assert_ptr_eq(target_mapping(fake, BASE + 0x900), m + 1);
	ck_assert_ptr_null(target_mapping(fake, BASE + 0xb00));
	ck_assert_ptr_null(target_mapping(fake, BASE + 0x7ff));
	ck_assert_ptr_null(target_mapping(fake, UINT64_MAX));
}
END_TEST

START_TEST(threads_are_found_by_their_number)
{
	const struct target_thread *th = target_thread(fake, 9);

	ck_assert_ptr_nonnull(th);
	ck_assert_str_eq(th->name, "two");
	ck_assert_ptr_eq(th->regs.xmm, &th->xmm);
	ck_assert_uint_eq(th->regs.xmm->lane[3][1], 99);
	ck_assert_ptr_null(target_thread(fake, 8));
}
END_TEST

START_TEST(system_calls_have_names)
{
	ck_assert_str_eq(target_syscall_name(0), "read");
	ck_assert_str_eq(target_syscall_name(202), "futex");
	ck_assert_ptr_null(target_syscall_name(-1));
	ck_assert_ptr_null(target_syscall_name(400)); /* of another architecture */
	ck_assert_ptr_null(target_syscall_name(100000));
}
END_TEST

START_TEST(the_table_of_system_calls_is_that_of_the_system)
{
	static const char path[] = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
	FILE *f = fopen(path, "re");
	char line[200], name[100];
	int nr, n = 0;

	if (!f)
		return; /* no headers of the kernel here, or elsewhere */
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "#define __NR_%99s %d", name, &nr) != 2)
			continue;
		n++;
		ck_assert_msg(target_syscall_name(nr) != NULL, "%s, %d, is missing", name, nr);
		ck_assert_str_eq(target_syscall_name(nr), name);
	}
	fclose(f);
	ck_assert_int_gt(n, 300);
}
END_TEST

/* ---- maps ----------------------------------------------------------------------------------------------- */

static struct arena arena;

static struct mapping *parse(const char *text, size_t wanted)
{
	struct mapping *maps;
	size_t n;

	maps_parse(&arena, text, strlen(text), &maps, &n);
	ck_assert_uint_eq(n, wanted);
	return maps;
}

START_TEST(a_line_of_maps_has_all_its_fields)
{
	struct mapping *m = parse("55d0c5a3e000-55d0c5a40000 r-xs 00002000 fe:01 1311      /bin/true\n", 1);

	ck_assert_uint_eq(m->lo, 0x55d0c5a3e000);
	ck_assert_uint_eq(m->hi, 0x55d0c5a40000);
	ck_assert(m->readable && !m->writable && m->executable && m->shared && !m->deleted);
	ck_assert_uint_eq(m->offset, 0x2000);
	ck_assert_uint_eq(m->dev, 0xfe01);
	ck_assert_uint_eq(m->inode, 1311);
	ck_assert_str_eq(m->path, "/bin/true");
}
END_TEST

START_TEST(names_may_have_spaces_newlines_and_marks)
{
	struct mapping *m = parse("1000-2000 rw-p 00000000 00:00 0 \n"
				  "2000-3000 rw-p 00000000 00:00 0                          [stack]\n"
				  "3000-4000 rw-p 00000000 00:01 5    /a b/c\\012d (deleted)\n"
				  "4000-5000 rw-p 00000000 00:01 5    /x (deleted) y\n"
				  "5000-6000 rw-p 00000000 00:01 5    /tail\\01\n"
				  "6000-7000 rw-p 00000000 00:00 0",
				  6);

	ck_assert_str_eq(m[0].path, "");
	ck_assert_str_eq(m[1].path, "[stack]");
	ck_assert_str_eq(m[2].path, "/a b/c\nd");
	ck_assert(m[2].deleted);
	ck_assert_str_eq(m[3].path, "/x (deleted) y");
	ck_assert(!m[3].deleted);
	ck_assert_str_eq(m[4].path, "/tail\\01");
	ck_assert_str_eq(m[5].path, "");
}
END_TEST

START_TEST(lines_of_another_form_are_passed_over)
{
	struct mapping *m = parse("\n-\nnonsense\n"
				  "1000-1000 rw-p 00000000 00:00 0 /empty\n"
				  "3000-2000 rw-p 00000000 00:00 0 /backwards\n"
				  "ffffffffffffffffff-2000 rw-p 00000000 00:00 0 /huge\n"
				  "5000-6000 rw-p 00000000 00:00 0 /good\n"
				  "5800-7000 rw-p 00000000 00:00 0 /overlaps\n"
				  "1000-2000 rw-p 00000000 00:00 0 /not sorted\n"
				  "7000-8000 rw-p 00000000 00:00 0x /inode\n"
				  "7000-8000 rw\n"
				  "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n"
				  "ffffffffff601000-",
				  2);

	ck_assert_str_eq(m[0].path, "/good");
	ck_assert_str_eq(m[1].path, "[vsyscall]");
	parse("", 0);
}
END_TEST

static void free_arena(void)
{
	arena_deinit(&arena);
}

int main(void)
{
	Suite *s = suite_create("target");
	TCase *tc = tcase_create("common");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reads_go_on_from_one_piece_of_memory_into_the_next);
	tcase_add_test(tc, memory_that_is_not_there_is_an_error);
	tcase_add_test(tc, read_some_reads_up_to_where_memory_ends);
	tcase_add_test(tc, spans_say_one_by_one_whether_they_were_read);
	tcase_add_test(tc, the_window_is_seen_in_place_of_memory);
	tcase_add_test(tc, once_there_is_a_copy_what_could_have_changed_is_read_from_it_only);
	tcase_add_test(tc, a_string_ends_at_its_zero_byte);
	tcase_add_test(tc, a_string_without_a_zero_byte_is_truncated);
	tcase_add_test(tc, a_page_is_read_once);
	tcase_add_test(tc, a_page_that_cannot_be_read_is_asked_for_once);
	tcase_add_test(tc, what_was_read_before_the_stop_is_read_again);
	tcase_add_test(tc, what_was_kept_is_read_as_it_was);
	tcase_add_test(tc, a_page_that_was_not_kept_is_missed_and_noted);
	tcase_add_test(tc, what_nobody_can_write_to_need_not_be_kept);
	tcase_add_test(tc, a_page_that_cannot_be_kept_does_not_take_others_with_it);
	tcase_add_test(tc, while_pages_are_kept_all_that_is_read_stays);
	tcase_add_test(tc, mappings_are_found_by_any_address_in_them);
	tcase_add_test(tc, threads_are_found_by_their_number);
	tcase_add_test(tc, system_calls_have_names);
	tcase_add_test(tc, the_table_of_system_calls_is_that_of_the_system);
	suite_add_tcase(s, tc);
	tc = tcase_create("maps");
	tcase_add_checked_fixture(tc, NULL, free_arena);
	tcase_add_test(tc, a_line_of_maps_has_all_its_fields);
	tcase_add_test(tc, names_may_have_spaces_newlines_and_marks);
	tcase_add_test(tc, lines_of_another_form_are_passed_over);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
