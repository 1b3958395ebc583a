/* SPDX-License-Identifier: MIT */
/*
 * What: modules against what binutils say of the same files, and against files that are missing, wrong or broken.
 *
 * How: the victim of unwind_test, compiled, stripped, moved away, damaged.  What a target hands out as the file of
 * a mapping is replaced by a file of the test's choice, and so is the root of its file system, since
 * /usr/lib/debug is not ours to write to.  Random damage has fixed seeds.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug/module.h"
#include "debug/unwind.h"
#include "target/target.h"
#include "unwind_victim.h"

enum { MAX_FRAMES = 400 };

/* _GNU_SOURCE would give the registers of <ucontext.h> the names of ours. */
void *dlmopen(long ns, const char *file, int mode);

static char dir[64];
static pid_t victim;
static struct target *target;
static struct target_ops ops;
static struct modules *modules;
static struct module *program;

/* ---- surroundings -------------------------------------------------------------------------------------------- */

/* A command in the test's directory. */
__attribute__((format(printf, 1, 2))) static bool run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;
	int n = snprintf(command, sizeof command, "cd %s && exec 2>>log && ", dir);

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof command - (size_t)n, fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

static const char *source(void)
{
	static char path[4096];
	const char *srcdir = getenv("srcdir");
	char real[4096];

	ck_assert_ptr_nonnull(realpath(srcdir ? srcdir : ".", real));
	snprintf(path, sizeof path, "%.4000s/tests/unit/unwind_victim.c", real);
	return path;
}

static bool compile(const char *cc, const char *flags)
{
	return run("%s -w -std=gnu11 -pthread %s %s -o victim -ldl", cc, flags, source()) &&
	       run("%s -w -O2 -shared -fPIC -DPLUGIN %s -o plugin.so", cc, source());
}

static void open_target(void)
{
	struct error e = {0};
	int r = target_open_live(&target, victim, &e);

	ck_assert_msg(r == 0, "%s", e.text);
	r = target_stop(target, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	ops = *target->ops;
	target->ops = &ops;
}

/* The module whose path ends like this. */
static struct module *named(const char *end)
{
	struct module *m;
	size_t n = modules_all(modules, &m);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(m[i].path);

		if (len >= strlen(end) && !strcmp(m[i].path + len - strlen(end), end))
			return &m[i];
	}
	return NULL;
}

static void open_modules(void)
{
	struct error e = {0};
	int r = modules_open(&modules, target, &e);

	ck_assert_msg(r == 0, "%s", e.text);
	program = named("/victim");
}

static void close_modules(void)
{
	modules_close(modules);
	modules = NULL;
}

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/module-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	modules_close(modules);
	target_close(target);
	if (victim > 0) {
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
	}
	ck_assert(run("cd / && rm -rf %s", dir));
}

static void begin(const char *cc, const char *flags)
{
	ck_assert(compile(cc, flags));
	victim = unwind_victim_start(dir, "victim");
	open_target();
	open_modules();
	ck_assert_ptr_nonnull(program);
}

/* ---- other files than the real ones -------------------------------------------------------------------------- */

static int (*real_open)(struct target *t, const struct mapping *m, struct error *e);
static char other[128]; /* what the program's file is taken for; "": no file can be opened */

static int open_other(struct target *t, const struct mapping *m, struct error *e)
{
	int fd;

	if (!*other)
		return error_set(e, -ENOENT, "%s: no such file", m->path);
	if (strcmp(m->path + strlen(m->path) - strlen("/victim"), "/victim"))
		return real_open(t, m, e);
	fd = open(other, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(e, -errno, "%s", other) : fd;
}

static void use_other(const char *name)
{
	if (ops.open_file != open_other)
		real_open = ops.open_file;
	ops.open_file = open_other;
	*other = 0;
	if (*name)
		snprintf(other, sizeof other, "%s/%s", dir, name);
	close_modules();
	open_modules();
}

static char root[128];

static const char *other_root(struct target *t)
{
	(void)t;
	return root;
}

/* ---- symbols --------------------------------------------------------------------------------------------------- */

/* What nm says of a file of ours, or of another: each symbol's address must have one of the names nm has there. */
static void compare_symbols(struct module *m, const char *command)
{
	char line[600], name[512], full[700];
	unsigned long addr, nfound = 0, nmissing = 0;
	char type;
	FILE *p;

	snprintf(full, sizeof full, "cd %s; %s", dir, command);
	p = popen(full, "r");
	while (fgets(line, sizeof line, p)) {
		const struct symbol *s;

		if (sscanf(line, "%lx %c %511s", &addr, &type, name) != 3 || !strchr("tTwWi", type))
			continue;
		name[strcspn(name, "@")] = 0;
		s = module_symbol(m, addr + m->bias, true);
		nfound++;
		/* Others may stand at the same address, but none further up. */
		if (!s || s->addr > addr + m->bias || (s->addr != addr + m->bias && s->size == 0)) {
			fprintf(stderr, "%s: nm has %s at %#lx, we have %s\n", m->path, name, addr,
				s ? s->name : "nothing");
			nmissing++;
		}
		ck_assert_msg(*name == '.' || modules_lookup(modules, name) != 0, "%s is not found by name",
			      name);
	}
	pclose(p);
	ck_assert_uint_gt(nfound, 20);
	ck_assert_uint_eq(nmissing, 0);
}

START_TEST(symbols_are_those_of_nm)
{
	const struct symbol *s;

	begin("cc", "-O1 -fno-pic -no-pie");
	compare_symbols(program, "nm victim | grep -v ' [a-zA-Z] \\(_init\\|_fini\\|data_start\\)$'");
	compare_symbols(named("/libc.so.6"),
			"nm -D --defined-only `ldd victim | sed -n 's/.*=> \\(.*libc.so.6\\) .*/\\1/p'`");
	s = module_symbol(program, modules_lookup(modules, "deep") + 5, true);
	ck_assert_str_eq(s->name, "deep");
	ck_assert_ptr_null(module_symbol(program, program->lo, true));
}
END_TEST

START_TEST(entries_of_the_plt_have_names)
{
	const struct symbol *s = NULL;
	struct module *m;

	begin("cc", "-O1");
	m = program;
	for (uint64_t a = m->lo; a < m->hi && (!s || strcmp(s->name, "qsort@plt")); a += 16)
		s = module_symbol(m, a, true);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(s->name, "qsort@plt");
	ck_assert_ptr_null(module_symbol(m, m->lo, false));
}
END_TEST

/* ---- lines ----------------------------------------------------------------------------------------------------- */

static void compare_lines(struct module *m)
{
	const struct mapping *code = target_mapping(target, modules_lookup(modules, "main"));
	uint64_t lo = code->lo, hi = code->hi;
	unsigned long nwrong = 0, n = 0;
	char command[200], want[4096];
	FILE *in, *p;

	snprintf(command, sizeof command, "%s/addresses", dir);
	in = fopen(command, "w");
	for (uint64_t a = lo; a < hi; a++)
		fprintf(in, "%#lx\n", (unsigned long)(a - m->bias));
	fclose(in);
	snprintf(command, sizeof command, "cd %s; addr2line -e victim <addresses", dir);
	p = popen(command, "r");
	for (uint64_t a = lo; a < hi; a++) {
		char ours[4200] = "??:0";
		const char *file;
		int line;

		ck_assert_ptr_nonnull(fgets(want, sizeof want, p));
		want[strcspn(want, " \n")] = 0;
		if (module_line(m, a, &file, &line))
			snprintf(ours, sizeof ours, "%s:%d", file, line);
		/* Where there is no line, addr2line may name the file of a symbol. */
		if (strstr(want, ":?") || !strcmp(want + strlen(want) - 2, ":0"))
			continue;
		n++;
		if (strcmp(ours, want) && nwrong++ < 10)
			fprintf(stderr, "%#lx: ours %s, addr2line's %s\n", (unsigned long)(a - m->bias), ours,
				want);
	}
	pclose(p);
	fprintf(stderr, "module: %lu lines, %lu differ\n", n, nwrong);
	ck_assert_uint_gt(n, 200);
	ck_assert_uint_eq(nwrong, 0);
}

static const char *const line_options[] = {"-g -O0", "-g -O2", "-gdwarf-4 -O2", "-g -O2 -ffunction-sections"};

START_TEST(lines_are_those_of_addr2line)
{
	const char *cc = _i % 2 ? "clang" : "gcc";

	if (!run("command -v %s >/dev/null", cc))
		return;
	begin(cc, line_options[_i / 2]);
	compare_lines(program);
	ck_assert_ptr_null(program->missing);
}
END_TEST

START_TEST(relative_names_of_sources_are_completed_where_they_are_unique)
{
	char want[160];

	ck_assert(run("mkdir a b && cp %s a/one.c && echo 'int a;' >a/two.c && echo 'int b;' >b/two.c",
		      source()));
	for (const char *d = "ab"; *d; d++)
		ck_assert(run("cd %c && cc -g -c two.c -o ../%c.o", *d, *d));
	ck_assert(run("cd a && cc -w -g -std=gnu11 -pthread one.c ../a.o ../b.o -o ../victim -ldl"));
	ck_assert(run("cc -w -shared -fPIC -DPLUGIN a/one.c -o plugin.so"));
	victim = unwind_victim_start(dir, "victim");
	open_target();
	open_modules();
	snprintf(want, sizeof want, "%s/a/one.c", dir);
	ck_assert_pstr_eq(module_source(program, "one.c"), want);
	ck_assert_ptr_null(module_source(program, "two.c"));
	ck_assert_ptr_null(module_source(program, "three.c"));
}
END_TEST

/* ---- separate debug information ---------------------------------------------------------------------------------- */

/* Whether the function `deep` is found by name, with its line. */
static bool knows_deep(void)
{
	uint64_t deep = modules_lookup(modules, "deep");
	const char *file;
	int line;

	return deep && module_line(program, deep, &file, &line) && !strcmp(file, source()) && line > 10;
}

START_TEST(debug_information_is_found_by_debuglink)
{
	begin("cc", "-g -O1 -Wl,--build-id=none");
	ck_assert(knows_deep());
	ck_assert(run("objcopy --only-keep-debug victim victim.debug && objcopy --strip-all "
		      "--add-gnu-debuglink=victim.debug victim stripped"));
	use_other("stripped");
	ck_assert(knows_deep());
	ck_assert(run("mkdir .debug && mv victim.debug .debug"));
	use_other("stripped");
	ck_assert(knows_deep());
	ck_assert_ptr_null(program->missing);

	ck_assert(run("echo >>.debug/victim.debug"));
	use_other("stripped");
	ck_assert_uint_eq(modules_lookup(modules, "deep"), 0);
	ck_assert_ptr_null(module_dwarf(program));
	ck_assert_ptr_nonnull(strstr(program->missing, "does not belong to it"));
	ck_assert(run("rm .debug/victim.debug"));
	use_other("stripped");
	ck_assert_ptr_null(module_dwarf(program));
	ck_assert_ptr_nonnull(strstr(program->missing, "no debug information"));
}
END_TEST

START_TEST(debug_information_is_found_by_build_id)
{
	begin("cc", "-g -O1 -Wl,--build-id=0xabcdef0123456789");
	ck_assert_uint_eq(program->build_id_len, 8);
	ck_assert_uint_eq(program->build_id[7], 0x89);
	ck_assert(
		run("objcopy --strip-all victim stripped && mkdir -p root/usr/lib/debug/.build-id/ab && "
		    "objcopy --only-keep-debug victim root/usr/lib/debug/.build-id/ab/cdef0123456789.debug"));
	snprintf(root, sizeof root, "%s/root", dir);
	ops.root = other_root;
	use_other("stripped");
	ck_assert(knows_deep());
	ck_assert_ptr_null(program->missing);
}
END_TEST

START_TEST(compressed_debug_information_is_read)
{
	begin("cc", "-g -O1 -gz");
	ck_assert(knows_deep());
}
END_TEST

START_TEST(split_debug_information_is_read)
{
	Dwarf_Die cu, die;

	begin("cc", "-g -O1 -gsplit-dwarf");
	ck_assert(knows_deep());
	ck_assert(module_cu(program, modules_lookup(modules, "deep"), &cu));
	ck_assert_int_eq(dwarf_child(&cu, &die), 0);
}
END_TEST

/* ---- files that are not there ------------------------------------------------------------------------------------- */

static size_t all_pcs(uint64_t *ret, size_t max)
{
	struct unwinder *u = unwinder_new(modules, target);
	static struct uframe frames[MAX_FRAMES];
	enum stack_end end;
	size_t n = 0;

	for (size_t t = 0; t < target->nthreads; t++) {
		size_t k = unwind(u, &target->threads[t].regs, true, frames, MAX_FRAMES, &end);

		for (size_t i = 0; i < k && n < max; i++)
			ret[n++] = frames[i].pc;
	}
	unwinder_free(u);
	return n;
}

START_TEST(a_deleted_program_is_read_all_the_same)
{
	ck_assert(compile("cc", "-g -O1"));
	victim = unwind_victim_start(dir, "victim");
	ck_assert(run("cp victim copy && rm victim && mv copy victim"));
	open_target();
	open_modules();
	ck_assert(knows_deep());
}
END_TEST

START_TEST(memory_alone_is_enough_to_unwind)
{
	static uint64_t with[5000], without[5000];
	size_t nwith, nwithout;

	begin("cc", "-O2");
	nwith = all_pcs(with, 5000);
	ck_assert_uint_gt(nwith, 200);
	use_other("");
	nwithout = all_pcs(without, 5000);
	ck_assert_uint_eq(nwith, nwithout);
	ck_assert_mem_eq(with, without, nwith * sizeof with[0]);
	ck_assert_ptr_null(module_dwarf(program));
	ck_assert_ptr_nonnull(strstr(program->missing, "no such file"));
	/* Dynamic symbols are in memory, too. */
	ck_assert_uint_ne(modules_lookup(modules, "pause"), 0);
	ck_assert_str_eq(module_symbol(named("/libc.so.6"), modules_lookup(modules, "qsort") + 3, true)->name,
			 "qsort");
}
END_TEST

START_TEST(a_file_of_another_build_is_not_used)
{
	begin("cc", "-g -O1");
	ck_assert(run("cc -w -g -O2 %s -o another -ldl -pthread", source()));
	use_other("another");
	ck_assert_ptr_null(module_dwarf(program));
	ck_assert_ptr_nonnull(strstr(program->missing, "another build"));
	ck_assert_uint_eq(modules_lookup(modules, "deep"), 0);
}
END_TEST

START_TEST(the_vdso_has_symbols_and_tables)
{
	struct module *vdso;
	Dwarf_Addr bias;

	begin("cc", "-O1");
	vdso = named("[vdso]");
	ck_assert_ptr_nonnull(vdso);
	ck_assert_ptr_nonnull(module_eh_cfi(vdso, &bias));
	ck_assert_uint_eq(bias, vdso->lo);
	ck_assert_uint_ne(modules_lookup(modules, "__vdso_clock_gettime"), 0);
}
END_TEST

/* ---- damaged files ------------------------------------------------------------------------------------------------- */

/* Asks everything there is to ask. */
static void ask(void)
{
	static uint64_t pcs[2000];
	size_t n = all_pcs(pcs, 2000);
	uint64_t found = 0;

	for (size_t i = 0; i < n; i++) {
		struct module *m = module_of(modules, pcs[i]);
		Dwarf_Die cu;
		const char *file;
		int line;

		if (m != program)
			continue;
		found += module_symbol(m, pcs[i], true) != NULL;
		found += module_line(m, pcs[i], &file, &line) && strlen(file);
		found += module_cu(m, pcs[i], &cu);
		found += module_tls(m, target->threads[0].fs_base, &found);
	}
	for (uint64_t a = program->lo; a < program->hi; a += 64)
		found += module_symbol(program, a, false) != NULL;
	(void)found;
}

static unsigned char *slurp(const char *name, size_t *ret_n)
{
	char path[128];
	struct stat st;
	unsigned char *p;
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size);
	ck_assert_int_eq(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_n = (size_t)st.st_size;
	return p;
}

static void spit(const char *name, const unsigned char *p, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

START_TEST(truncated_files_are_survived)
{
	size_t n;
	unsigned char *p;

	begin(_i ? "clang" : "cc", "-g -O1");
	p = slurp("victim", &n);
	for (size_t len = 0; len < n; len += len < 1200 ? 37 : n / 97) {
		spit("broken", p, len);
		use_other("broken");
		ask();
	}
	free(p);
}
END_TEST

START_TEST(files_with_random_damage_are_survived)
{
	size_t n;
	unsigned char *p;

	begin("cc", _i & 1 ? "-g -O1 -gdwarf-4" : "-g -O2");
	p = slurp("victim", &n);
	srand((unsigned)_i);
	for (int k = 0; k < 60; k++) {
		unsigned char *q = malloc(n);
		/* A few bytes anywhere, or in the headers of sections, which stand at the end. */
		size_t from = k % 3 ? 0 : n - 2500, flips = 1 + (size_t)rand() % (k % 2 ? 300 : 8);

		memcpy(q, p, n);
		for (size_t i = 0; i < flips; i++)
			q[from + (size_t)rand() % (n - from)] ^= (unsigned char)(1 + rand() % 255);
		memcpy(q, p, k % 5 ? 0x400 : 0); /* mostly with headers that can be read */
		spit("broken", q, n);
		free(q);
		use_other("broken");
		ask();
	}
	free(p);
}
END_TEST

/* ---- our own process --------------------------------------------------------------------------------------------- */

static __thread long own_tls = 5;

static void open_self(void)
{
	struct error e = {0};
	int r = target_open_self(&target, &e);

	ck_assert_msg(r == 0, "%s", e.text);
	ck_assert_int_eq(target_stop(target, &e), 0);
	open_modules();
}

START_TEST(files_that_are_only_read_are_no_modules)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	void *flat = mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE, fd, 0);

	ck_assert(flat != MAP_FAILED);
	open_self();
	ck_assert_ptr_null(module_of(modules, (uint64_t)(uintptr_t)flat));
	ck_assert_ptr_nonnull(module_of(modules, (uint64_t)(uintptr_t)open_self));
	ck_assert_ptr_null(module_of(modules, 16));
}
END_TEST

START_TEST(a_file_that_is_loaded_twice_is_two_modules)
{
	void *a = dlopen("libm.so.6", RTLD_NOW), *b = dlmopen(-1, "libm.so.6", RTLD_NOW);
	struct module *ma, *mb;
	uint64_t cos_a, cos_b;

	ck_assert_ptr_nonnull(a);
	if (!b)
		return; /* a sanitizer's runtime cannot be loaded twice */
	open_self();
	cos_a = (uint64_t)(uintptr_t)dlsym(a, "lgamma");
	cos_b = (uint64_t)(uintptr_t)dlsym(b, "lgamma");
	ma = module_of(modules, cos_a);
	mb = module_of(modules, cos_b);
	ck_assert_ptr_nonnull(ma);
	ck_assert_ptr_nonnull(mb);
	ck_assert_ptr_ne(ma, mb);
	ck_assert_str_eq(ma->path, mb->path);
	ck_assert_uint_eq(cos_a - ma->bias, cos_b - mb->bias);
	ck_assert_uint_eq(module_symbol(mb, cos_b, true)->addr, cos_b);
}
END_TEST

START_TEST(thread_local_blocks_are_found)
{
	char path[100];
	void *so;
	uint64_t block, lo = (uint64_t)(uintptr_t)&own_tls, var;
	uint64_t fs = (uint64_t)(uintptr_t)__builtin_thread_pointer();

	ck_assert(compile("cc", "-O1"));
	snprintf(path, sizeof path, "%s/plugin.so", dir);
	so = dlopen(path, RTLD_NOW);
	ck_assert_ptr_nonnull(so);
	open_self();
	program = module_of(modules, (uint64_t)(uintptr_t)open_self);
	ck_assert(module_tls(program, fs, &block));
	ck_assert_uint_le(block, lo);
	ck_assert_uint_gt(block + 4096, lo);

	/* Not used by this thread yet: unknown, rather than wrong. */
	ck_assert(!module_tls(named("/plugin.so"), fs, &block));
	var = (uint64_t)(uintptr_t)dlsym(so, "plugin_tls");
	*(volatile long *)(uintptr_t)var = 3;
	target_forget(target);
	ck_assert(module_tls(named("/plugin.so"), fs, &block));
	ck_assert_uint_eq(block, var); /* its only variable */
	ck_assert(!module_tls(program, fs + 8, &block));
}
END_TEST

/* ------------------------------------------------------------------------------------------------------------------ */

static Suite *suite(void)
{
	Suite *s = suite_create("module");
	TCase *tc = tcase_create("files");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, symbols_are_those_of_nm);
	tcase_add_test(tc, entries_of_the_plt_have_names);
	tcase_add_loop_test(tc, lines_are_those_of_addr2line, 0,
			    2 * sizeof line_options / sizeof line_options[0]);
	tcase_add_test(tc, relative_names_of_sources_are_completed_where_they_are_unique);
	tcase_add_test(tc, debug_information_is_found_by_debuglink);
	tcase_add_test(tc, debug_information_is_found_by_build_id);
	tcase_add_test(tc, compressed_debug_information_is_read);
	tcase_add_test(tc, split_debug_information_is_read);
	tcase_add_test(tc, a_deleted_program_is_read_all_the_same);
	tcase_add_test(tc, memory_alone_is_enough_to_unwind);
	tcase_add_test(tc, a_file_of_another_build_is_not_used);
	tcase_add_test(tc, the_vdso_has_symbols_and_tables);
	tcase_add_loop_test(tc, truncated_files_are_survived, 0, 2);
	tcase_add_loop_test(tc, files_with_random_damage_are_survived, 0, 6);
	tcase_add_test(tc, files_that_are_only_read_are_no_modules);
	tcase_add_test(tc, a_file_that_is_loaded_twice_is_two_modules);
	tcase_add_test(tc, thread_local_blocks_are_found);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
