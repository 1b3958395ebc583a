/* SPDX-License-Identifier: MIT */
/*
 * What: the unwinder against libunwind, on the stacks of unwind_victim.c and on every row of every table that a
 * process has loaded.
 *
 * How: the victim is compiled with each compiler and option there is, and stopped again and again where it
 * happens to be; at each frame rip, rsp and the callee-saved registers must be libunwind's.  Both read through the
 * same stopped target.  For rows that no stack leads to, both make one step from made-up registers over a made-up
 * stack.  Where there is no call frame information, the functions of the chain are compared by name.
 */
#include <libunwind-ptrace.h>

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "debug/module.h"
#include "debug/unwind.h"
#include "target/target.h"
#include "unwind_victim.h"

enum { MAX_FRAMES = 1000, STOPS = 12, WORDS = 1 << 15 };

#define FAKE_BASE 0x100000000000ull

static char dir[64];
static struct target *target;
static struct modules *modules;
static struct unwinder *unwinder;
static struct uframe frames[MAX_FRAMES];
static unsigned long ncompared, nstacks, nwrong;

/* ---- victims ----------------------------------------------------------------------------------------------- */

static bool compile(const char *cc, const char *flags, const char *out)
{
	const char *srcdir = getenv("srcdir");
	char command[1024];

	snprintf(command, sizeof command,
		 "%s -w -std=gnu11 -pthread %s %s/tests/unit/unwind_victim.c -o %s/%s -ldl 2>%s/log", cc,
		 flags, srcdir ? srcdir : ".", dir, out, dir);
	return system(command) == 0;
}

static bool has(const char *cc)
{
	char command[100];

	snprintf(command, sizeof command, "command -v %s >%s/log 2>&1", cc, dir);
	return system(command) == 0;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void open_all(pid_t pid)
{
	struct error e = {0};
	int r = target_open_live(&target, pid, &e);

	ck_assert_msg(r == 0, "%s", e.text);
	r = target_stop(target, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	r = modules_open(&modules, target, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	unwinder = unwinder_new(modules, target);
}

static void close_all(void)
{
	unwinder_free(unwinder);
	modules_close(modules);
	target_close(target);
}

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/unwind-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert(compile("cc", "-O2 -shared -fPIC -DPLUGIN", "plugin.so"));
}

static void teardown(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- libunwind ----------------------------------------------------------------------------------------------- */

static const struct {
	int dwarf, unw;
} compared[] = {
	{REG_RIP, UNW_X86_64_RIP}, {REG_RSP, UNW_X86_64_RSP}, {REG_RBX, UNW_X86_64_RBX},
	{REG_RBP, UNW_X86_64_RBP}, {REG_R12, UNW_X86_64_R12}, {REG_R13, UNW_X86_64_R13},
	{REG_R14, UNW_X86_64_R14}, {REG_R15, UNW_X86_64_R15},
};

enum { NCOMPARED = sizeof compared / sizeof compared[0] };

/* Registers of the frame that libunwind starts from. */
static const struct regs *first_regs;

static int read_register(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *v, int write, void *arg)
{
	(void)as;
	(void)arg;
	if (write || reg < 0 || reg >= REG_NGPR)
		return -UNW_EBADREG;
	*v = first_regs->gpr[reg]; /* libunwind's numbers are DWARF's */
	return 0;
}

static int read_memory(unw_addr_space_t as, unw_word_t addr, unw_word_t *v, int write, void *arg)
{
	(void)as;
	(void)arg;
	return !write && target_read_u64(target, addr, v) == 0 ? 0 : -UNW_EINVAL;
}

static unw_addr_space_t new_space(void)
{
	static unw_accessors_t accessors;
	unw_addr_space_t as;

	accessors = _UPT_accessors;
	accessors.access_reg = read_register;
	accessors.access_mem = read_memory;
	as = unw_create_addr_space(&accessors, 0);
	unw_set_caching_policy(as, UNW_CACHE_GLOBAL);
	return as;
}

static void report(const char *what, size_t frame, uint64_t pc, int reg, uint64_t ours, uint64_t theirs)
{
	struct module *m = module_of(modules, pc);
	const struct symbol *s = m ? module_symbol(m, pc, true) : NULL;

	if (nwrong++ < 20)
		fprintf(stderr,
			"%s: frame %zu at %#lx (%s+%#lx of %s): register %d: ours %#lx, libunwind's %#lx\n",
			what, frame, (unsigned long)pc, s ? s->name : "?",
			s ? (unsigned long)(pc - s->addr) : 0ul, m ? m->path : "?", reg, (unsigned long)ours,
			(unsigned long)theirs);
}

/* The cursor's registers are those of f. */
static void compare_frame(const char *what, size_t i, unw_cursor_t *c, const struct uframe *f)
{
	ncompared++;
	for (unsigned k = 0; k < NCOMPARED; k++) {
		unw_word_t v = 0;

		if (!regs_knows(&f->regs, (unsigned)compared[k].dwarf))
			continue; /* not known: nothing wrong can come of it */
		unw_get_reg(c, compared[k].unw, &v);
		if (v != f->regs.gpr[compared[k].dwarf])
			report(what, i, f->pc, compared[k].dwarf, f->regs.gpr[compared[k].dwarf], v);
	}
}

/* libunwind does not read tables that are in no file. */
static bool is_vdso(uint64_t pc)
{
	struct module *m = module_of(modules, pc);

	return m && !strcmp(m->path, "[vdso]");
}

/* One thread's stack as both see it.  Guessed frames and what is beyond them are not compared. */
static void compare_stack(const char *what, unw_addr_space_t as, const struct target_thread *th)
{
	enum stack_end end;
	size_t n = unwind(unwinder, &th->regs, true, frames, MAX_FRAMES, &end), i = 0;
	void *upt = _UPT_create(th->tid);
	unw_cursor_t c;

	nstacks++;
	first_regs = &th->regs;
	ck_assert_int_eq(unw_init_remote(&c, as, upt), 0);
	for (;;) {
		int r;

		compare_frame(what, i, &c, &frames[i]);
		r = unw_step(&c);
		i++;
		if (i == n || frames[i].guessed || is_vdso(frames[i - 1].lookup))
			break;
		if (r <= 0) {
			report(what, i, frames[i - 1].pc, -1, frames[i].pc, 0);
			break;
		}
	}
	if (end != STACK_COMPLETE)
		report(what, n, frames[n - 1].pc, -2, end, 0);
	_UPT_destroy(upt);
}

/* ---- chains by name -------------------------------------------------------------------------------------------- */

/* From the outside in, behind the thread's start; "..." stands for any number of frames. */
static const char *const chains[] = {
	"t_deep deep ... deep stay pause",
	"t_sort sort qsort ... compare stay pause",
	"t_alloca on_stack stay pause",
	"t_noreturn leave stay_for_ever stay pause",
	"t_signal interrupted ... ! handle stay pause",
	"t_altstack interrupted ... ! handle stay pause",
	"t_wild call_wild ? ! handle stay pause",
	"t_plugin plugin_run called_back stay pause", /* the last: a static program loads none */
};

enum { NCHAINS = sizeof chains / sizeof chains[0] };

/* The function of frame i: "!" for a signal's, "?" for no code; without what compilers append. */
static const char *function_of(size_t i, char *buf, size_t size)
{
	struct module *m = module_of(modules, frames[i].lookup);
	const struct symbol *s = m ? module_symbol(m, frames[i].lookup, true) : NULL;

	if (frames[i].is_signal)
		return "!";
	snprintf(buf, size, "%s", s ? s->name : "?");
	if (!strncmp(buf, "__libc_pause", 12))
		return "pause";
	if (!strncmp(buf, "qsort", 5))
		return "qsort";
	buf[strcspn(buf, ".")] = 0;
	return buf;
}

/* Whether the frames from i inwards are those of the chain. */
static bool matches(const char *chain, size_t i)
{
	size_t len = strcspn(chain, " ");
	char buf[100];

	if (!strncmp(chain, "...", len)) {
		for (size_t k = i + 1; k-- > 0;)
			if (matches(chain + len + 1, k))
				return true;
		return false;
	}
	if (strncmp(function_of(i, buf, sizeof buf), chain, len) || function_of(i, buf, sizeof buf)[len])
		return false;
	if (!chain[len] || i == 0)
		return !chain[len] && i == 0;
	return matches(chain + len + 1, i - 1);
}

/* How many of the chains are among the threads' stacks; what does not match is reported. */
static unsigned count_chains(const char *what, unsigned nchains)
{
	unsigned found = 0;

	for (size_t t = 0; t < target->nthreads; t++) {
		enum stack_end end;
		size_t n = unwind(unwinder, &target->threads[t].regs, true, frames, MAX_FRAMES, &end);
		char buf[100];

		for (size_t i = n; i-- > 0;)
			for (size_t k = 0; k < NCHAINS; k++) {
				const char *name = function_of(i, buf, sizeof buf);

				if (strncmp(name, chains[k], strcspn(chains[k], " ")) ||
				    name[strcspn(chains[k], " ")])
					continue;
				if (matches(chains[k], i))
					found++;
				else if (k < nchains)
					fprintf(stderr, "%s: not as it should be: %s\n", what, chains[k]);
			}
	}
	return found;
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static const char *const compilers[] = {"gcc", "clang"};
static const struct {
	const char *flags;
	unsigned nchains;
	bool oracle; /* libunwind understands it */
} options[] = {
	{"-O0", NCHAINS, true},
	{"-O2", NCHAINS, true},
	{"-O2 -fcf-protection=none -fno-plt -g", NCHAINS, true},
	{"-O3 -fno-omit-frame-pointer", NCHAINS, true},
	{"-O1 -static-pie", NCHAINS - 1, true},
	/* .debug_frame only */
	{"-O2 -g -fno-asynchronous-unwind-tables -fno-unwind-tables", NCHAINS, false},
	/* nothing but frame pointers */
	{"-O1 -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-omit-frame-pointer "
	 "-fno-optimize-sibling-calls",
	 NCHAINS, false},
};

static void compare_victim(const char *what, pid_t pid, unsigned nchains, bool oracle)
{
	unw_addr_space_t as = new_space();

	open_all(pid);
	for (int k = 0; k < STOPS; k++) {
		struct timespec ts = {0, 1000000 + 70000 * k}; /* anything: threads are caught anywhere */
		struct error e = {0};

		for (size_t i = 0; i < target->nthreads && oracle; i++)
			compare_stack(what, as, &target->threads[i]);
		ck_assert_uint_eq(count_chains(what, nchains), nchains);
		target_resume(target);
		nanosleep(&ts, NULL);
		ck_assert_msg(target_stop(target, &e) == 0, "%s", e.text);
	}
	unw_destroy_addr_space(as);
	close_all();
}

START_TEST(every_frame_has_the_registers_that_libunwind_finds)
{
	const char *cc = compilers[_i % 2], *flags = options[_i / 2].flags;
	char what[200];
	pid_t pid;

	snprintf(what, sizeof what, "%s %s", cc, flags);
	if (!has(cc) || !compile(cc, flags, "victim"))
		return;
	pid = unwind_victim_start(dir, "victim");
	compare_victim(what, pid, options[_i / 2].nchains, options[_i / 2].oracle);
	stop(pid);
	fprintf(stderr, "unwind: %s: %lu stacks, %lu frames, %lu differ\n", what, nstacks, ncompared, nwrong);
	if (options[_i / 2].oracle)
		ck_assert_uint_gt(ncompared, 2000);
	ck_assert_uint_eq(nwrong, 0);
}
END_TEST

/* ---- every row --------------------------------------------------------------------------------------------- */

static uint64_t words[WORDS];

/* Registers that point into the made-up stack, each at words of its own. */
static void fake_regs(struct regs *r, uint64_t pc)
{
	r->xmm = NULL;
	r->known = REGS_ALL;
	for (unsigned i = 0; i < REG_NGPR; i++)
		r->gpr[i] = FAKE_BASE + 8 * (WORDS / 2 + 64 * i);
	r->gpr[REG_RSP] = FAKE_BASE + 8 * (WORDS / 4);
	r->gpr[REG_RIP] = pc;
}

static void compare_step(unw_addr_space_t as, void *upt, uint64_t pc)
{
	struct uframe f = {.is_exact = true}, caller;
	unw_proc_info_t info;
	enum stack_end end;
	unw_cursor_t c;

	fake_regs(&f.regs, pc);
	f.pc = f.lookup = pc;
	first_regs = &f.regs;
	if (unw_init_remote(&c, as, upt) || unw_get_proc_info(&c, &info) || info.start_ip > pc ||
	    info.end_ip <= pc)
		return; /* it has no table for this */
	if (!unwind_step(unwinder, &f, &caller, &end)) {
		if (unw_step(&c) > 0 && end != STACK_COMPLETE && end != STACK_CORRUPT)
			report("made up", 0, pc, -1, end, 0);
		return;
	}
	unw_step(&c);
	caller.regs.known &= ~(1u << REG_RSP); /* libunwind knows no rsp but the CFA; longjmp has others */
	compare_frame("made up", 0, &c, &caller);
}

START_TEST(every_row_of_every_module_agrees_with_libunwind)
{
	pid_t pid;
	struct module *m;
	unw_addr_space_t as = new_space();
	void *upt;

	ck_assert(compile("cc", "-O2", "victim"));
	pid = unwind_victim_start(dir, "victim");
	open_all(pid);
	for (size_t i = 0; i < WORDS; i++) /* distinct, readable addresses */
		words[i] = FAKE_BASE + 8 * ((i * 7919 + 13) % WORDS);
	target_set_window(target, FAKE_BASE, FAKE_BASE + sizeof words, words);
	upt = _UPT_create(pid);
	for (size_t i = 0, n = modules_all(modules, &m); i < n; i++)
		for (size_t k = 0; k < target->nmappings; k++) {
			const struct mapping *map = &target->mappings[k];
			unsigned stride = map->hi - map->lo > 1 << 17 ? 13 : 1;

			if (!map->executable || map->lo < m[i].lo || map->lo >= m[i].hi || is_vdso(map->lo))
				continue;
			for (uint64_t pc = map->lo; pc < map->hi; pc += stride)
				compare_step(as, upt, pc);
		}
	fprintf(stderr, "unwind: %lu made-up steps, %lu differ\n", ncompared, nwrong);
	_UPT_destroy(upt);
	unw_destroy_addr_space(as);
	close_all();
	stop(pid);
	ck_assert_uint_gt(ncompared, 50000);
	ck_assert_uint_eq(nwrong, 0);
}
END_TEST

/* ---- ends ------------------------------------------------------------------------------------------------------ */

/* From the body of a function whose CFA is rbp + 16: frames whose rbp, saved rbp and return address are given. */
static size_t unwind_chain(uint64_t pc, const uint64_t (*chain)[3], size_t n, size_t max,
			   enum stack_end *ret_end)
{
	struct regs r = {.known = REGS_ALL};

	memset(words, 0, sizeof words);
	for (size_t i = 0; i < n; i++) {
		words[chain[i][0]] = FAKE_BASE + 8 * chain[i][1];
		words[chain[i][0] + 1] = chain[i][2];
	}
	r.gpr[REG_RIP] = pc;
	r.gpr[REG_RSP] = FAKE_BASE;
	r.gpr[REG_RBP] = FAKE_BASE + 8 * chain[0][0];
	return unwind(unwinder, &r, true, frames, max, ret_end);
}

START_TEST(a_chain_ends_where_it_leads_nowhere)
{
	enum stack_end end;
	uint64_t pc;
	pid_t pid;

	ck_assert(compile("gcc", "-O0", "victim"));
	pid = unwind_victim_start(dir, "victim");
	open_all(pid);
	target_set_window(target, FAKE_BASE, FAKE_BASE + sizeof words, words);
	pc = modules_lookup(modules, "deep") + 20;

	ck_assert_uint_eq(
		unwind_chain(pc, (uint64_t[][3]){{10, 20, pc}, {20, 30, pc}, {30, 0, 0}}, 3, 9, &end), 3);
	ck_assert_int_eq(end, STACK_COMPLETE);
	ck_assert_uint_eq(frames[0].cfa, FAKE_BASE + 8 * 12);
	ck_assert_uint_eq(frames[2].regs.gpr[REG_RSP], FAKE_BASE + 8 * 22);
	ck_assert(frames[0].is_exact && !frames[1].is_exact && frames[1].lookup == pc - 1);
	ck_assert(!regs_knows(&frames[1].regs, REG_RAX) && frames[1].regs.gpr[REG_RAX] == 0);
	/* As many as fit, and one more. */
	ck_assert_uint_eq(unwind_chain(pc, (uint64_t[][3]){{10, 20, pc}, {20, 0, 0}}, 2, 2, &end), 2);
	ck_assert_int_eq(end, STACK_COMPLETE);
	ck_assert_uint_eq(unwind_chain(pc, (uint64_t[][3]){{10, 20, pc}, {20, 30, pc}}, 2, 2, &end), 2);
	ck_assert_int_eq(end, STACK_LIMIT);
	/* In a circle, and down. */
	ck_assert_uint_eq(unwind_chain(pc, (uint64_t[][3]){{10, 10, pc}}, 1, 9, &end), 2);
	ck_assert_int_eq(end, STACK_CORRUPT);
	ck_assert_uint_eq(unwind_chain(pc, (uint64_t[][3]){{10, 4, pc}, {4, 20, pc}}, 2, 9, &end), 2);
	ck_assert_int_eq(end, STACK_CORRUPT);
	/* To what is not there: memory, code. */
	ck_assert_uint_eq(unwind_chain(pc, (uint64_t[][3]){{10, 2 * WORDS, pc}}, 1, 9, &end), 2);
	ck_assert_int_eq(end, STACK_UNREADABLE);
	ck_assert_uint_eq(unwind_chain(pc, (uint64_t[][3]){{10, 20, 0x4141414141414141}}, 1, 9, &end), 2);
	ck_assert_int_eq(end, STACK_CORRUPT);
	close_all();
	stop(pid);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unwind");
	TCase *tc = tcase_create("victims");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, every_frame_has_the_registers_that_libunwind_finds, 0,
			    2 * sizeof options / sizeof options[0]);
	tcase_add_test(tc, every_row_of_every_module_agrees_with_libunwind);
	tcase_add_test(tc, a_chain_ends_where_it_leads_nowhere);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
