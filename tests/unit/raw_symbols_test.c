/* SPDX-License-Identifier: MIT */
/*
 * What: raw_symbols.c against dladdr, and where files are missing, replaced or stripped.
 *
 * How: libraries for the cases are copies of a small one, which the test builds with the compiler that built
 * it (CC, or cc), because what matters is what happens to a file after it was loaded.
 */
#define _GNU_SOURCE
#include <check.h>
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "crash/raw_symbols.h"

static struct raw_mem mem;
static struct raw_symbols symbols;
static char dir[] = "/tmp/gorgon-symbols-XXXXXX";

static void reset(void)
{
	raw_mem_reset(&mem);
	symbols.mem = &mem;
	raw_symbols_reset(&symbols);
}

static const char *name_at(const void *pc)
{
	static char name[256];
	const struct raw_symbol *s = raw_symbols_find(&symbols, (uint64_t)(uintptr_t)pc);

	if (!s->name)
		return NULL;
	snprintf(name, sizeof name, "%.*s", (int)s->name_len, s->name);
	return name;
}

static __attribute__((noinline)) int a_static_function(int x)
{
	return x * 3;
}

__attribute__((noinline)) int a_global_function(int x);
__attribute__((noinline)) int a_global_function(int x)
{
	return x * 5 + a_static_function(x);
}

START_TEST(functions_of_the_program_have_names)
{
	reset();
	ck_assert_str_eq(name_at((char *)a_static_function + 1), "a_static_function");
	ck_assert_str_eq(name_at((void *)a_global_function), "a_global_function");
	ck_assert_uint_eq(raw_symbols_find(&symbols, (uintptr_t)a_global_function + 3)->start,
			  (uintptr_t)a_global_function);
	ck_assert(raw_symbols_find(&symbols, (uintptr_t)a_global_function)->tab->is_main);
}
END_TEST

START_TEST(exported_functions_of_libc_agree_with_dladdr)
{
	static const char *const some[] = {"printf",    "malloc",         "qsort",  "getpid",
					   "strtol",    "pthread_create", "fwrite", "getenv",
					   "nanosleep", "dl_iterate_phdr"};
	int agreed = 0;

	reset();
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		char *p = dlsym(RTLD_DEFAULT, some[i]);
		const struct raw_symbol *s = raw_symbols_find(&symbols, (uintptr_t)p + 1);
		Dl_info info;

		ck_assert_msg(s->name != NULL, "%s has no name", some[i]);
		ck_assert(dladdr(p, &info));
		ck_assert_msg(s->start == (uintptr_t)info.dli_saddr, "%s starts elsewhere", some[i]);
		agreed += !strcmp(name_at(p + 1), some[i]) || !strcmp(name_at(p + 1), info.dli_sname);
	}
	ck_assert_int_ge(agreed, 8); /* the rest has several names */
}
END_TEST

START_TEST(vdso_has_names)
{
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	int found = 0;

	reset();
	for (int off = 0; off < 8192; off += 16) {
		const char *name = name_at(vdso + off);

		if (name && strstr(name, "clock_gettime"))
			found++;
	}
	ck_assert_int_gt(found, 0);
}
END_TEST

START_TEST(addresses_outside_modules_have_none)
{
	static char data;
	const struct raw_symbol *s;

	reset();
	ck_assert_ptr_null(raw_symbols_find(&symbols, 0)->tab);
	ck_assert_ptr_null(raw_symbols_find(&symbols, 0x1000)->tab);
	ck_assert_ptr_null(raw_symbols_find(&symbols, UINT64_MAX)->tab);
	s = raw_symbols_find(&symbols, (uintptr_t)&data); /* in the module, in no function */
	ck_assert_ptr_nonnull(s->tab);
	ck_assert_ptr_null(s->name);
}
END_TEST

/* ---- libraries that change after they were loaded ------------------------------------------------------------- */

static void sh(const char *fmt, const char *a, const char *b)
{
	char command[1024];

	snprintf(command, sizeof command, fmt, a, b);
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

/* Builds DIR/NAME.so with the functions `exported` and `hidden_one`, and loads it. */
static void *load_library(const char *name, const char *extra, char *ret_path)
{
	char src[256], command[1024];
	const char *cc = getenv("CC") && *getenv("CC") ? getenv("CC") : "cc";
	FILE *f;
	void *h;

	snprintf(src, sizeof src, "%s/%s.c", dir, name);
	snprintf(ret_path, 256, "%s/%s.so", dir, name);
	f = fopen(src, "w");
	fputs("static int hidden_one(int x) __attribute__((noinline));\n"
	      "static int hidden_one(int x) { __asm__(\"\"); return x + 1; }\n"
	      "int exported(int x) { return hidden_one(x) * 2; }\n"
	      "void *where(void) { return (void *)hidden_one; }\n",
	      f);
	fclose(f);
	snprintf(command, sizeof command, "%s -shared -fPIC -O1 %s -o %s %s", cc, extra, ret_path, src);
	ck_assert_int_eq(system(command), 0);
	h = dlopen(ret_path, RTLD_NOW);
	ck_assert_msg(h != NULL, "%s", dlerror());
	return h;
}

static void *static_function_of(void *h)
{
	void *(*where)(void) = (void *(*)(void))dlsym(h, "where");

	return where();
}

static void check_library(const char *name, const char *flags, const char *change, const char *hidden)
{
	char path[256];
	void *h = load_library(name, flags, path);

	sh(change, path, path);
	reset();
	ck_assert_str_eq(name_at(dlsym(h, "exported")), "exported");
	if (hidden) {
		ck_assert_ptr_nonnull(name_at(static_function_of(h)));
		ck_assert_str_eq(name_at(static_function_of(h)), hidden);
	} else {
		ck_assert_ptr_null(name_at(static_function_of(h)));
	}
	ck_assert_str_eq(raw_basename(raw_symbols_find(&symbols, (uintptr_t)dlsym(h, "exported"))->tab->path),
			 raw_basename(path));
	dlclose(h);
}

START_TEST(changed_files_give_no_wrong_names)
{
	/* Another library, with other functions at the same addresses, takes the place of the loaded one. */
	static const char *const replace = "cp /bin/true %s.new && mv %s.new ";
	char change[600];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	check_library("plain", "", "true %s %s", "hidden_one");
	check_library("no_id", "-Wl,--build-id=none", "true %s %s", "hidden_one");
	check_library("deleted", "", "rm %s; true %s", NULL);
	snprintf(change, sizeof change, "%s%s/replaced.so", replace, dir);
	check_library("replaced", "", change, NULL);
	snprintf(change, sizeof change, "%s%s/replaced_no_id.so", replace, dir);
	check_library("replaced_no_id", "-Wl,--build-id=none", change, NULL);
	snprintf(change, sizeof change, "truncate -s 100 %%s.t; mv %%s.t %s/truncated.so", dir);
	check_library("truncated", "", change, NULL);
	check_library("sysv_hash", "-Wl,--hash-style=sysv", "rm %s; true %s", NULL);
	check_library("stripped", "-s", "true %s %s", NULL);
	sh("rm -rf %s; true %s", dir, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("raw_symbols");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, functions_of_the_program_have_names);
	tcase_add_test(t, exported_functions_of_libc_agree_with_dladdr);
	tcase_add_test(t, vdso_has_names);
	tcase_add_test(t, addresses_outside_modules_have_none);
	tcase_add_test(t, changed_files_give_no_wrong_names);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
