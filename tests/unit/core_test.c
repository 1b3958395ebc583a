/* SPDX-License-Identifier: MIT */
/*
 * What: tests of core files as targets: memory, threads, mappings, and what damaged files do.
 *
 * How: each makes a small core of its own (core_file.h).  Cores of real programs: tests/postmortem.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core_file.h"
#include "target/core_own.h"
#include "target/target.h"

static struct core_file *f;
static struct target *t;
static struct error e;
static unsigned char pattern[0x4000];

static void setup(void)
{
	f = malloc(sizeof *f);
	core_file_init(f);
	memset(&e, 0, sizeof e);
	t = NULL;
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i * 7 % 251 + 1);
}

static void teardown(void)
{
	target_close(t);
	core_file_remove(f);
	free(f);
}

static void must_open(void)
{
	core_file_write(f, 0);
	ck_assert_msg(target_open_core(&t, f->path, NULL, &e) == 0, "%s", e.text);
}

static void must_fail(int code, const char *text)
{
	int r = target_open_core(&t, f->path, NULL, &e);

	ck_assert_int_eq(r, code);
	ck_assert_msg(strstr(e.text, text) != NULL, "%s", e.text);
}

static bool has_note(const char *text)
{
	for (size_t i = 0; i < t->nnotes; i++)
		if (strstr(t->notes[i], text))
			return true;
	return false;
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

START_TEST(memory_is_read_across_segments_that_touch)
{
	unsigned char buf[0x2000];

	core_file_load(f, 0x11000, 0x1000, pattern + 0x1000, 0x1000, PF_R | PF_W);
	core_file_load(f, 0x10000, 0x1000, pattern, 0x1000, PF_R);
	must_open();
	ck_assert_int_eq(target_read(t, 0x10000, buf, sizeof buf), 0);
	ck_assert_mem_eq(buf, pattern, sizeof buf);
	ck_assert_int_eq(target_read(t, 0x10ffc, buf, 8), 0);
	ck_assert_mem_eq(buf, pattern + 0xffc, 8);
	ck_assert_uint_eq(t->nmappings, 2);
	ck_assert(t->mappings[1].writable && !t->mappings[0].writable);
}
END_TEST

START_TEST(what_the_file_leaves_out_of_a_segment_is_not_zero_but_unknown)
{
	unsigned char buf[16];

	core_file_load(f, 0x10000, 0x3000, pattern, 0x1000, PF_R | PF_W);
	must_open();
	ck_assert_int_eq(target_read(t, 0x10ff0, buf, 16), 0);
	ck_assert_int_eq(target_read(t, 0x10ff1, buf, 16), -EFAULT);
	ck_assert_int_eq(target_read(t, 0x11000, buf, 1), -EFAULT);
	ck_assert_uint_eq(target_read_some(t, 0x10ff8, buf, 16), 8);
	ck_assert_ptr_nonnull(target_mapping(t, 0x12fff));
}
END_TEST

START_TEST(gaps_between_segments_are_unknown)
{
	unsigned char buf[16];

	core_file_load(f, 0x10000, 0x1000, pattern, 0x1000, PF_R);
	core_file_load(f, 0x13000, 0x1000, pattern, 0x1000, PF_R);
	must_open();
	ck_assert_int_eq(target_read(t, 0x12000, buf, 1), -EFAULT);
	ck_assert_int_eq(target_read(t, 0x10ffc, buf, 8), -EFAULT);
	ck_assert_ptr_null(target_mapping(t, 0x11000));
	ck_assert_int_eq(target_read(t, UINT64_MAX - 3, buf, 8), -EFAULT);
}
END_TEST

START_TEST(of_overlapping_segments_the_lower_one_counts)
{
	unsigned char buf[0x1800];

	core_file_load(f, 0x10000, 0x1000, pattern, 0x1000, PF_R);
	core_file_load(f, 0x10800, 0x1000, pattern + 0x2000, 0x1000, PF_R);
	must_open();
	ck_assert_int_eq(target_read(t, 0x10000, buf, sizeof buf), 0);
	ck_assert_mem_eq(buf, pattern, 0x1000);
	ck_assert_mem_eq(buf + 0x1000, pattern + 0x2800, 0x800);
}
END_TEST

START_TEST(segments_at_the_end_of_the_address_space_do_not_wrap_around)
{
	unsigned char buf[16];

	core_file_load(f, UINT64_MAX - 0xfff, 0x1000, pattern, 0x1000, PF_R);
	core_file_load(f, UINT64_MAX - 0x1fff, UINT64_MAX, pattern, 0x100, PF_R);
	must_open();
	ck_assert_int_eq(target_read(t, UINT64_MAX - 0x1fff, buf, 16), 0);
	ck_assert_int_eq(target_read(t, 0, buf, 1), -EFAULT);
}
END_TEST

START_TEST(a_cut_file_says_so_and_has_what_is_left)
{
	unsigned char buf[16];

	core_file_load(f, 0x10000, 0x1000, pattern, 0x1000, PF_R | PF_W);
	core_file_load(f, 0x20000, 0x1000, pattern, 0x1000, PF_R | PF_W);
	core_file_write(f, CORE_DATA_AT + 0x1800);
	ck_assert_int_eq(target_open_core(&t, f->path, NULL, &e), 0);
	ck_assert(has_note("is cut off: "));
	ck_assert_ptr_nonnull(t->partial);
	ck_assert_int_eq(target_read(t, 0x10ff0, buf, 16), 0);
	ck_assert_int_eq(target_read(t, 0x207f0, buf, 16), 0);
	ck_assert_int_eq(target_read(t, 0x207f1, buf, 16), -EFAULT);
}
END_TEST

START_TEST(a_file_that_shrinks_while_it_is_read_is_no_crash)
{
	unsigned char buf[0x4000];

	core_file_load(f, 0x10000, sizeof pattern, pattern, sizeof pattern, PF_R | PF_W);
	must_open();
	ck_assert_int_eq(truncate(f->path, (off_t)CORE_DATA_AT), 0);
	ck_assert_int_eq(target_read(t, 0x10000, buf, sizeof buf), -EFAULT);
	ck_assert_int_eq(target_read(t, 0x13000, buf, 8), -EFAULT);
}
END_TEST

/* ---- threads ----------------------------------------------------------------------------------------------- */

START_TEST(threads_come_with_registers_and_names)
{
	struct user_fpregs_struct fp = {0};
	struct elf_prpsinfo ps = {.pr_pid = 70, .pr_fname = "prog"};

	fp.xmm_space[4 * 3] = 99;
	core_file_thread(f, 71, SIGSEGV, 0x10010, 0x7000);
	core_file_note(f, "CORE", NT_PRPSINFO, &ps, sizeof ps);
	core_file_note(f, "CORE", NT_FPREGSET, &fp, sizeof fp);
	core_file_thread(f, 70, 0, 0x10020, 0x8000);
	must_open();
	ck_assert_int_eq(t->pid, 70);
	ck_assert_str_eq(t->exe, "prog");
	ck_assert_uint_eq(t->nthreads, 2);
	ck_assert_int_eq(t->threads[1].tid, 71);
	ck_assert_uint_eq(t->threads[1].regs.gpr[REG_RIP], 0x10010);
	ck_assert_uint_eq(t->threads[1].regs.gpr[REG_RSP], 0x7000);
	ck_assert_uint_eq(t->threads[1].fs_base, 0x1234);
	ck_assert_ptr_nonnull(t->threads[1].regs.xmm);
	ck_assert_uint_eq(t->threads[1].regs.xmm->lane[3][0], 99);
	ck_assert_ptr_null(t->threads[0].regs.xmm);
	ck_assert_str_eq(t->threads[0].name, "prog");
	ck_assert_int_eq(t->threads[0].syscall, -1);
}
END_TEST

START_TEST(the_signal_and_who_sent_it)
{
	siginfo_t si = {.si_signo = SIGTERM, .si_code = SI_USER};

	si.si_pid = 4711;
	si.si_uid = 1000;
	core_file_thread(f, 71, SIGTERM, 0x10010, 0x7000);
	core_file_note(f, "CORE", NT_SIGINFO, &si, sizeof si);
	must_open();
	ck_assert_ptr_nonnull(t->signal);
	ck_assert_int_eq(t->signal->tid, 71);
	ck_assert_int_eq(t->signal->signo, SIGTERM);
	ck_assert_int_eq(t->signal->sender_pid, 4711);
	ck_assert_uint_eq(t->signal->sender_uid, 1000);
	ck_assert_uint_eq(t->signal->addr, 0);
}
END_TEST

START_TEST(a_fault_has_an_address)
{
	siginfo_t si = {.si_signo = SIGSEGV, .si_code = SEGV_MAPERR};

	si.si_addr = (void *)0x1000;
	core_file_thread(f, 71, SIGSEGV, 0x10010, 0x7000);
	core_file_note(f, "CORE", NT_SIGINFO, &si, sizeof si);
	must_open();
	ck_assert_uint_eq(t->signal->addr, 0x1000);
	ck_assert_uint_eq(t->signal->pc, 0x10010);
	ck_assert_int_eq(t->signal->sender_pid, 0);
}
END_TEST

START_TEST(being_stopped_is_no_reason_to_die)
{
	core_file_thread(f, 71, SIGSTOP, 0x10010, 0x7000);
	must_open();
	ck_assert_ptr_null(t->signal);
}
END_TEST

/* ---- mappings ---------------------------------------------------------------------------------------------- */

START_TEST(names_of_mappings_come_from_the_list_of_files)
{
	struct {
		uint64_t n, page, entry[3][3];
		char names[32];
	} files = {3,
		   4096,
		   {{0x10000, 0x11000, 0}, {0x11000, 0x12000, 1}, {0x30000, 0x31000, 2}},
		   "/a\0/a\0/b c (deleted)"};

	core_file_load(f, 0x10000, 0x2000, pattern, 0x1000, PF_R | PF_X);
	core_file_note(f, "CORE", NT_FILE, &files, sizeof files);
	must_open();
	ck_assert_uint_eq(t->nmappings, 3);
	ck_assert_str_eq(t->mappings[1].path, "/a");
	ck_assert_uint_eq(t->mappings[1].offset, 4096);
	ck_assert_str_eq(target_mapping(t, 0x30fff)->path, "/b c");
	ck_assert_uint_eq(target_mapping(t, 0x30fff)->offset, 2 * 4096);
}
END_TEST

START_TEST(a_list_of_files_that_lies_about_its_length_is_cut)
{
	uint64_t lies[][2] = {{UINT64_MAX, 4096}, {1ull << 60, 4096}, {5, 4096}, {1, UINT64_MAX}};

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		uint64_t note[6] = {lies[i][0], lies[i][1], 0x10000, 0x11000, UINT64_MAX, 0x612f};

		core_file_init(f);
		core_file_load(f, 0x10000, 0x1000, pattern, 0x1000, PF_R);
		core_file_note(f, "CORE", NT_FILE, note, sizeof note);
		must_open();
		ck_assert_uint_eq(t->nmappings, 1);
		ck_assert_str_eq(t->mappings[0].path, "");
		target_close(t);
		core_file_remove(f);
	}
	t = NULL;
}
END_TEST

/* ---- ours -------------------------------------------------------------------------------------------------- */

START_TEST(our_own_notes_replace_what_debuggers_see)
{
	struct {
		struct own_info info;
		char exe[16];
	} info = {{.version = OWN_VERSION,
		   .size = sizeof info.info,
		   .thread_size = sizeof(struct own_thread),
		   .flags = OWN_MINIMAL,
		   .pid = 5,
		   .now = 77},
		  "/bin/prog"};
	struct own_thread th = {.tid = 6, .syscall = 35, .state = THREAD_SYSCALL, .name = "me", .known = ~0u};
	static const char maps[] = "10000-11000 rw-p 0 00:00 0 \n20000-21000 r-xp 1000 08:01 12 /bin/prog\n";

	th.gpr[REG_RIP] = 0x20000;
	core_file_note(f, OWN_NOTE, OWN_INFO, &info, sizeof info);
	core_file_note(f, OWN_NOTE, OWN_THREADS, &th, sizeof th);
	core_file_note(f, OWN_NOTE, OWN_MAPS, maps, sizeof maps - 1);
	core_file_thread(f, 1, 0, 0x10010, 0x7000);
	must_open();
	ck_assert_uint_eq(t->nthreads, 1);
	ck_assert_int_eq(t->threads[0].tid, 6);
	ck_assert_int_eq(t->threads[0].syscall, 35);
	ck_assert_str_eq(t->threads[0].name, "me");
	ck_assert_uint_eq(t->threads[0].regs.known, REGS_ALL);
	ck_assert_int_eq(t->now, 77);
	ck_assert_int_eq(t->pid, 5);
	ck_assert_str_eq(t->exe, "/bin/prog");
	ck_assert_uint_eq(t->nmappings, 2);
	ck_assert(t->mappings[1].executable);
	ck_assert_ptr_nonnull(t->partial);
}
END_TEST

START_TEST(a_snapshot_of_the_future_is_refused)
{
	struct own_info info = {.version = OWN_VERSION + 1, .size = sizeof info};

	core_file_note(f, OWN_NOTE, OWN_INFO, &info, sizeof info);
	core_file_write(f, 0);
	must_fail(-ENOTSUP, "version 2");
}
END_TEST

/* ---- damage ------------------------------------------------------------------------------------------------ */

START_TEST(what_is_no_core_is_named)
{
	core_file_write(f, 0);
	ck_assert_int_eq(truncate(f->path, 0), 0);
	must_fail(-ENOEXEC, "is empty");
	ck_assert_int_eq(target_open_core(&t, "/dev/null", NULL, &e), -EINVAL);
	ck_assert_int_eq(target_open_core(&t, "/tmp", NULL, &e), -EINVAL);
	ck_assert_int_eq(target_open_core(&t, "/nowhere/at/all", NULL, &e), -ENOENT);
	ck_assert_int_eq(target_open_core(&t, "/proc/self/exe", NULL, &e), -ENOEXEC);
	ck_assert_msg(strstr(e.text, "no core file but") != NULL, "%s", e.text);
}
END_TEST

START_TEST(headers_that_promise_too_much_are_refused)
{
	f->eh.e_phoff = UINT64_MAX - 8;
	core_file_write(f, 0);
	must_fail(-EILSEQ, "program headers should be at");
	core_file_remove(f);
	core_file_init(f);
	f->eh.e_phentsize = 1;
	core_file_write(f, 0);
	must_fail(-EILSEQ, "program headers of 1 bytes");
	core_file_remove(f);
	core_file_init(f);
	f->eh.e_phnum = PN_XNUM;
	core_file_write(f, 0);
	must_fail(-EILSEQ, "number of its segments");
}
END_TEST

START_TEST(more_segments_than_the_header_can_count)
{
	Elf64_Shdr *count = (Elf64_Shdr *)f->data;

	count->sh_info = 2;
	f->data_len = 0x1000;
	f->eh.e_phnum = PN_XNUM;
	f->eh.e_shoff = CORE_DATA_AT;
	core_file_load(f, 0x10000, 0x1000, pattern, 0x1000, PF_R);
	must_open();
	ck_assert_uint_eq(t->nmappings, 1);
	target_close(t);
	core_file_remove(f);
	count->sh_info = UINT32_MAX;
	core_file_write(f, 0);
	t = NULL;
	must_fail(-EILSEQ, "damaged");
}
END_TEST

/* A pseudo-random sequence that is the same everywhere. */
static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

static void flip(const char *path, uint32_t seed, unsigned n)
{
	int fd = open(path, O_RDWR);
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	for (unsigned i = 0; i < n; i++) {
		/* half of them where there is structure */
		uint32_t at = next(&seed) % (i & 1 ? 0x3000 : (uint32_t)st.st_size);
		unsigned char c = (unsigned char)next(&seed);

		ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	}
	close(fd);
}

START_TEST(any_damage_ends_in_a_target_or_a_sentence)
{
	uint64_t files[] = {1, 4096, 0x10000, 0x12000, 0, 0x612f};
	char buf[0x3000];

	core_file_load(f, 0x10000, 0x2000, pattern, 0x2000, PF_R | PF_X);
	core_file_load(f, 0x20000, 0x2000, pattern, 0x1000, PF_R | PF_W);
	core_file_thread(f, 71, SIGSEGV, 0x10010, 0x20800);
	core_file_note(f, "CORE", NT_FILE, files, sizeof files);
	core_file_thread(f, 72, 0, 0x10010, 0x20800);
	for (uint32_t seed = 1; seed <= 1000; seed++) {
		core_file_write(f, 0);
		flip(f->path, seed * 2654435761u, 1 + seed % 64);
		if (target_open_core(&t, f->path, NULL, &e) == 0) {
			target_read_some(t, 0x10000, buf, sizeof buf);
			target_read_some(t, 0x20000, buf, sizeof buf);
			target_close(t);
		} else {
			ck_assert_uint_gt(strlen(e.text), 0);
		}
		core_file_remove(f);
	}
	t = NULL;
}
END_TEST

START_TEST(any_length_ends_in_a_target_or_a_sentence)
{
	core_file_load(f, 0x10000, 0x2000, pattern, 0x2000, PF_R | PF_X);
	core_file_thread(f, 71, SIGSEGV, 0x10010, 0x20800);
	for (size_t size = 1; size < CORE_DATA_AT + 0x2000; size += size < 0x3000 ? 61 : 4093) {
		core_file_write(f, size);
		if (target_open_core(&t, f->path, NULL, &e) == 0) {
			ck_assert(t->nnotes > 0);
			target_close(t);
		}
		core_file_remove(f);
	}
	t = NULL;
}
END_TEST

START_TEST(claims_of_endless_size_cost_nothing)
{
	int64_t start = target_now();

	for (unsigned i = 0; i < 20; i++) {
		Elf64_Phdr *ph = core_file_load(f, 0x10000 + i * (1ull << 40), 1ull << 40, pattern, 16, PF_R);

		ph->p_filesz = 1ull << 62;
	}
	core_file_note(f, "CORE", NT_AUXV, pattern, 64);
	((Elf64_Nhdr *)f->notes)->n_descsz = UINT32_MAX;
	must_open();
	ck_assert_int_lt(target_now() - start, 2000000000);
	ck_assert(has_note("is cut off"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core");
	TCase *c = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, memory_is_read_across_segments_that_touch);
	tcase_add_test(c, what_the_file_leaves_out_of_a_segment_is_not_zero_but_unknown);
	tcase_add_test(c, gaps_between_segments_are_unknown);
	tcase_add_test(c, of_overlapping_segments_the_lower_one_counts);
	tcase_add_test(c, segments_at_the_end_of_the_address_space_do_not_wrap_around);
	tcase_add_test(c, a_cut_file_says_so_and_has_what_is_left);
	tcase_add_test(c, a_file_that_shrinks_while_it_is_read_is_no_crash);
	tcase_add_test(c, threads_come_with_registers_and_names);
	tcase_add_test(c, the_signal_and_who_sent_it);
	tcase_add_test(c, a_fault_has_an_address);
	tcase_add_test(c, being_stopped_is_no_reason_to_die);
	tcase_add_test(c, names_of_mappings_come_from_the_list_of_files);
	tcase_add_test(c, a_list_of_files_that_lies_about_its_length_is_cut);
	tcase_add_test(c, our_own_notes_replace_what_debuggers_see);
	tcase_add_test(c, a_snapshot_of_the_future_is_refused);
	tcase_add_test(c, what_is_no_core_is_named);
	tcase_add_test(c, headers_that_promise_too_much_are_refused);
	tcase_add_test(c, more_segments_than_the_header_can_count);
	tcase_add_test(c, any_damage_ends_in_a_target_or_a_sentence);
	tcase_add_test(c, any_length_ends_in_a_target_or_a_sentence);
	tcase_add_test(c, claims_of_endless_size_cost_nothing);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
