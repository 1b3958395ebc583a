/* SPDX-License-Identifier: MIT */
/*
 * What: the published table: found in another process by its section in the file alone, right, and complete.
 *
 * How: a child of this program waits; the parent takes the place of ".gorgon" from the ELF file, the load
 * address from /proc/PID/maps, and the contents from /proc/PID/mem.  Completeness is checked against the
 * debug information of this very program: every member of a listed struct must have an entry.
 */
#define _GNU_SOURCE
#include <check.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <gorgon/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/abi.h"
#include "abi/death.h"
#include "abi/panic_abi.h"
#include "abi/sync_abi.h"
#include "abi/table.h"
#include "abi/types_abi.h"

enum { MAX_SIZE = 1 << 20 };

static union {
	unsigned char bytes[MAX_SIZE];
	struct gori_table_head head;
} table;
static uint64_t table_addr;

static const struct gori_table_entry *entries(void)
{
	return (const struct gori_table_entry *)(table.bytes + sizeof table.head);
}

static const struct gori_table_entry *find(const char *name)
{
	for (uint32_t i = 0; i < table.head.nentries; i++)
		if (!strcmp(entries()[i].name, name))
			return &entries()[i];
	return NULL;
}

static uint64_t value(const char *name)
{
	const struct gori_table_entry *e = find(name);

	ck_assert_msg(e != NULL, "no entry %s", name);
	return e->value;
}

/* Address and size of the section in the file. */
static void find_section(const char *path, uint64_t *ret_addr, uint64_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf_Scn *scn = NULL;
	size_t names;
	Elf *elf;

	ck_assert_int_ge(fd, 0);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	ck_assert_int_eq(elf_getshdrstrndx(elf, &names), 0);
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		gelf_getshdr(scn, &sh);
		if (strcmp(elf_strptr(elf, names, sh.sh_name), ".gorgon") == 0) {
			*ret_addr = sh.sh_addr;
			*ret_size = sh.sh_size;
		}
	}
	elf_end(elf);
	close(fd);
}

/* Where the file's address 0 is in the process. */
static uint64_t load_bias(pid_t pid)
{
	char path[64], line[512], exe[256];
	unsigned long start = 0;
	FILE *f;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof exe - 1);
	exe[n] = '\0';
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	f = fopen(path, "r");
	while (fgets(line, sizeof line, f))
		if (strstr(line, exe) && sscanf(line, "%lx", &start) == 1)
			break;
	fclose(f);
	return start;
}

static void read_table(void)
{
	uint64_t addr = 0, size = 0;
	char path[64];
	int ready[2], fd;
	pid_t pid;

	find_section("/proc/self/exe", &addr, &size);
	ck_assert_msg(size >= sizeof table.head && size <= MAX_SIZE, "section .gorgon: %lu bytes",
		      (unsigned long)size);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/proc/self/exe", "raw_table_test", "wait", (char *)NULL);
		_exit(1);
	}
	for (int i = 0; i < 1000; i++) { /* until it has executed */
		char comm[32] = "";

		snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
		fd = open(path, O_RDONLY);
		if (read(fd, comm, sizeof comm - 1) > 0 && !strcmp(comm + strlen(comm) + 1, "wait")) {
			close(fd);
			break;
		}
		close(fd);
		usleep(1000);
	}
	usleep(20000); /* until its constructors have run */
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	table_addr = load_bias(pid) + addr;
	ck_assert_int_eq(pread(fd, table.bytes, size, (off_t)table_addr), (ssize_t)size);
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_uint_eq(table.head.size, size);
}

START_TEST(another_process_reads_it)
{
	read_table();
	ck_assert_int_eq(memcmp(table.head.cookie, GORI_TABLE_COOKIE, 8), 0);
	ck_assert_uint_eq(table.head.version, GORI_TABLE_VERSION);
	ck_assert_uint_eq(table.head.entry_size, sizeof(struct gori_table_entry));
	ck_assert_uint_eq(table.head.self, table_addr);
	ck_assert_uint_le(table.head.nentries * sizeof(struct gori_table_entry) + sizeof table.head,
			  table.head.size);
	ck_assert_uint_eq(value("sizeof.g"), sizeof(struct gori_g));
	ck_assert_uint_eq(value("g.goid"), offsetof(struct gori_g, goid));
	ck_assert_uint_eq(value("m.crash_regs"), offsetof(struct gori_m, crash_regs));
	ck_assert_uint_eq(value("chan.recvq"), offsetof(struct gor_chan, recvq));
	ck_assert_uint_eq(value("switch.rip"), offsetof(struct gori_switch_frame, rip));
	ck_assert_uint_eq(value("wait.SELECT"), GORI_WAIT_SELECT);
	ck_assert_uint_eq(value("status.WAITING"), GORI_GWAITING);
	ck_assert_uint_ne(value("root.wait_texts"), 0);
}
END_TEST

START_TEST(names_are_unique_and_end)
{
	read_table();
	for (uint32_t i = 0; i < table.head.nentries; i++) {
		ck_assert_int_eq(entries()[i].name[GORI_TABLE_NAME - 1], 0);
		ck_assert_int_ne(entries()[i].name[0], 0);
		for (uint32_t k = 0; k < i; k++)
			ck_assert_str_ne(entries()[i].name, entries()[k].name);
	}
}
END_TEST

/* ---- against the debug information -------------------------------------------------------------------------------- */

static const struct {
	const char *name, *tag;
} structs[] = {
#define X(s, t, ...) {#s, #t},
	GORI_TABLE_STRUCTS(X)
#undef X
};

static bool seen[sizeof structs / sizeof structs[0]];

static void check_members(Dwarf_Die *die, const char *name)
{
	Dwarf_Die member;

	if (dwarf_child(die, &member) != 0)
		return;
	do {
		const char *field = dwarf_diename(&member);
		char entry[64];

		if (dwarf_tag(&member) != DW_TAG_member || !field || !strcmp(field, "reserved") ||
		    !strcmp(field, "unused"))
			continue;
		snprintf(entry, sizeof entry, "%s.%s", name, field);
		ck_assert_msg(find(entry) != NULL, "abi/table.h lacks %s", entry);
	} while (dwarf_siblingof(&member, &member) == 0);
}

static void check_unit(Dwarf_Die *unit)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die) != 0)
		return;
	do {
		const char *tag = dwarf_diename(&die);

		if (dwarf_tag(&die) != DW_TAG_structure_type || !tag || !dwarf_haschildren(&die))
			continue;
		for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++)
			if (!strcmp(structs[i].tag, tag)) {
				check_members(&die, structs[i].name);
				seen[i] = true;
			}
	} while (dwarf_siblingof(&die, &die) == 0);
}

START_TEST(every_field_has_an_entry)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	Dwarf *dw = dwarf_begin(fd, DWARF_C_READ);
	Dwarf_Off off = 0, next;
	size_t header;
	int nseen = 0;

	read_table();
	ck_assert_msg(dw != NULL, "this test has to be compiled with -g");
	for (; dwarf_nextcu(dw, off, &next, &header, NULL, NULL, NULL) == 0; off = next) {
		Dwarf_Die unit;

		if (dwarf_offdie(dw, off + header, &unit))
			check_unit(&unit);
	}
	for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++)
		nseen += seen[i];
	ck_assert_int_gt(nseen, 20);
	dwarf_end(dw);
	close(fd);
}
END_TEST

/* So that each struct is in the debug information of this file, whatever the library was built with. */
#define X(s, t, ...) struct t *keep_##s;
extern struct keep {
	GORI_TABLE_STRUCTS(X)
} keep_types;
#undef X
struct keep keep_types;

int main(int argc, char **argv)
{
	Suite *s = suite_create("raw_table");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	if (argc > 1 && !strcmp(argv[1], "wait"))
		for (;;)
			pause();
	if (gor_goid() != 1) /* also: makes the linker take the runtime */
		return EXIT_FAILURE;
	r = srunner_create(s);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, another_process_reads_it);
	tcase_add_test(t, names_are_unique_and_end);
	tcase_add_test(t, every_field_has_an_entry);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
