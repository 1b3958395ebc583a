/* SPDX-License-Identifier: MIT */
/*
 * What: whole stack walks of raw_unwind.c against libunwind and glibc's backtrace(), through the shapes that
 * compilers make: callbacks from libc, alloca, realigned stacks, large frames, calls that do not return,
 * signal frames (on the stack and on an alternate one), calls through bad pointers, threads.
 *
 * How: each shape ends in probe(), which walks with all three and compares the return addresses from its
 * caller on.  Damaged stacks have no oracle: there the walk must just end.
 */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <alloca.h>
#include <check.h>
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "crash/crash.h"
#include "crash/raw_unwind.h"

enum { MAX = 128 };

#define NOINLINE __attribute__((noinline))

static struct raw_unwind unwind;
static volatile int sink;
static int nprobes;

static int walk(uint64_t *ret, const uint64_t *regs, bool exact, enum raw_step *ret_last)
{
	struct raw_cursor c;
	int n = 0;

	raw_unwind_reset(&unwind);
	raw_cursor_init(&c, &unwind, regs, RAW_VALID_ALL, exact);
	do
		ret[n++] = c.r[RAW_RIP];
	while ((*ret_last = raw_cursor_step(&c)) == RAW_STEPPED && n < MAX);
	return n;
}

static int walk_libunwind(uint64_t *ret)
{
	unw_context_t uc;
	unw_cursor_t c;
	int n = 0;

	unw_getcontext(&uc);
	unw_init_local(&c, &uc);
	while (n < MAX && unw_step(&c) > 0) {
		unw_word_t ip;

		unw_get_reg(&c, UNW_REG_IP, &ip);
		if (ip == 0)
			break;
		ret[n++] = ip;
	}
	return n;
}

/* The part of list `b` that starts with a[from]. */
static int find_in(const uint64_t *b, int nb, uint64_t what)
{
	for (int i = 0; i < nb; i++)
		if (b[i] == what)
			return i;
	return -1;
}

static void compare(const char *who, const uint64_t *ours, int nours, const uint64_t *theirs, int ntheirs)
{
	int at = find_in(theirs, ntheirs, ours[1]);

	ck_assert_msg(at >= 0, "%s does not know our caller", who);
	for (int i = 1; i < nours && at + i - 1 < ntheirs; i++)
		ck_assert_msg(ours[i] == theirs[at + i - 1], "%s: frame %d: ours %#lx, theirs %#lx", who, i,
			      (unsigned long)ours[i], (unsigned long)theirs[at + i - 1]);
	ck_assert_msg(nours - 1 == ntheirs - at, "%s: ours has %d frames, theirs %d", who, nours - 1,
		      ntheirs - at);
}

static NOINLINE void probe(void)
{
	uint64_t regs[RAW_NREGS], ours[MAX], theirs[MAX];
	void *bt[MAX];
	enum raw_step last;
	int n, m;

	gori_crash_getregs(regs);
	n = walk(ours, regs, false, &last);
	ck_assert_int_eq(last, RAW_END);
	m = walk_libunwind(theirs);
	compare("libunwind", ours, n, theirs, m);
	m = backtrace(bt, MAX);
	for (int i = 0; i < m; i++)
		theirs[i] = (uint64_t)(uintptr_t)bt[i];
	compare("backtrace", ours, n, theirs, m);
	nprobes++;
	sink = n;
}

/* ---- shapes --------------------------------------------------------------------------------------------- */

static NOINLINE int recurse(int n)
{
	int r = 0;

	if (n == 0)
		probe();
	else
		r = recurse(n - 1);
	sink += r;
	return r + 1;
}

static int by_value(const void *a, const void *b)
{
	static int done;

	if (!done++)
		probe();
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void with_alloca(int n)
{
	char *p = alloca((size_t)n);

	memset(p, n, (size_t)n);
	probe();
	sink = p[n / 2];
}

static NOINLINE void realigned(void)
{
	_Alignas(64) volatile char line[64] = {0};
	volatile char *p = alloca((size_t)sink % 7 + 100);

	p[0] = line[0];
	probe();
	sink = line[1] + p[0];
}

static NOINLINE void large_frame(void)
{
	volatile char big[100000];

	big[0] = big[99999] = 1;
	probe();
	sink = big[0];
}

static NOINLINE int many_registers(int a, int b, int c, int d, int e, int f, int g, int h)
{
	int x = a * b, y = c * d, z = e * f, u = g * h, v = a * h, w = b * g;

	probe();
	return x + y * z - u * v + w + a + b + c + d + e + f + g + h;
}

static jmp_buf out;

static NOINLINE __attribute__((noreturn)) void never_returns(void)
{
	probe();
	longjmp(out, 1);
}

/* The call is the last instruction: its return address lies in the next function. */
static NOINLINE void noreturn_tail(void)
{
	sink = 1;
	never_returns();
}

START_TEST(plain_shapes_agree)
{
	int v[] = {5, 3, 1, 4, 2, 9, 8};

	recurse(20);
	qsort(v, 7, sizeof v[0], by_value);
	with_alloca(1000);
	with_alloca(17);
	realigned();
	large_frame();
	many_registers(1, 2, 3, 4, 5, 6, 7, 8);
	if (!setjmp(out))
		noreturn_tail();
	ck_assert_int_eq(nprobes, 8);
}
END_TEST

/* ---- signals -------------------------------------------------------------------------------------------- */

static void on_signal(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	(void)uc;
	probe();
}

static void install(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};

	ck_assert_int_eq(sigaction(sig, &sa, NULL), 0);
}

static NOINLINE void raise_deep(int n, int sig)
{
	if (n)
		raise_deep(n - 1, sig);
	else
		raise(sig);
	sink++;
}

START_TEST(signal_frames_agree)
{
	static char alt[65536];
	stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt};

	install(SIGUSR1, 0);
	install(SIGUSR2, SA_ONSTACK);
	ck_assert_int_eq(sigaltstack(&ss, NULL), 0);
	raise_deep(3, SIGUSR1);
	raise_deep(3, SIGUSR2);
	ck_assert_int_eq(nprobes, 2);
}
END_TEST

static uint64_t fault_pcs[MAX];
static int fault_depth;
static enum raw_step fault_last;
static sigjmp_buf back;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	static const int greg[RAW_NREGS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					    REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
					    REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	uint64_t regs[RAW_NREGS];
	ucontext_t *uc = ctx;

	(void)sig;
	(void)info;
	for (int i = 0; i < RAW_NREGS; i++)
		regs[i] = (uint64_t)uc->uc_mcontext.gregs[greg[i]];
	fault_depth = walk(fault_pcs, regs, true, &fault_last);
	siglongjmp(back, 1);
}

static void catch_faults(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static bool is_in(uint64_t pc, void (*fn)(void), uint64_t size)
{
	return pc - (uint64_t)(uintptr_t)fn < size;
}

static void (*volatile target)(void);

static NOINLINE void call_target(void)
{
	sink++;
	target();
	sink++;
}

/* A call through a bad pointer has no function: its caller must come out all the same. */
static void check_bad_call(void *where)
{
	target = (void (*)(void))where;
	if (!sigsetjmp(back, 1)) {
		call_target();
		ck_abort_msg("the call through %p came back", where);
	}
	ck_assert_uint_eq(fault_pcs[0], (uint64_t)(uintptr_t)where);
	ck_assert_int_ge(fault_depth, 3);
	ck_assert_msg(is_in(fault_pcs[1], call_target, 200), "caller of %p: %#lx", where,
		      (unsigned long)fault_pcs[1]);
	ck_assert_int_eq(fault_last, RAW_END);
}

START_TEST(call_through_bad_pointer_shows_caller)
{
	static char data[64] = {1};

	catch_faults();
	check_bad_call(NULL);
	check_bad_call((void *)0x123456789000);
	check_bad_call(data); /* mapped, not executable */
}
END_TEST

/* ---- damage --------------------------------------------------------------------------------------------- */

START_TEST(damaged_registers_end_the_walk)
{
	static uint64_t junk[512];
	uint64_t regs[RAW_NREGS], pcs[MAX];
	enum raw_step last;

	gori_crash_getregs(regs);
	for (unsigned seed = 1; seed < 20000; seed++) {
		uint64_t bad[RAW_NREGS];
		unsigned s = seed;

		memcpy(bad, regs, sizeof bad);
		for (size_t i = 0; i < 512; i++)
			junk[i] = rand_r(&s) % 3 ? (uint64_t)(uintptr_t)&junk[(unsigned)rand_r(&s) % 512]
						 : regs[RAW_RIP] + (unsigned)rand_r(&s) % 4096;
		bad[RAW_RSP] = (uint64_t)(uintptr_t)&junk[(unsigned)rand_r(&s) % 512];
		bad[RAW_RBP] = (uint64_t)(uintptr_t)&junk[(unsigned)rand_r(&s) % 512];
		bad[RAW_RIP] += (unsigned)rand_r(&s) % 100000;
		walk(pcs, bad, rand_r(&s) & 1, &last);
	}
	memset(regs, 0, sizeof regs);
	walk(pcs, regs, true, &last);
	memset(regs, 0xff, sizeof regs);
	walk(pcs, regs, true, &last);
	ck_assert_int_ne(last, RAW_STEPPED);
}
END_TEST

/* ---- threads, speed, memory ------------------------------------------------------------------------------- */

static void *thread_main(void *arg)
{
	recurse(5);
	return arg;
}

START_TEST(threads_end_at_their_start)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_main, NULL);
	pthread_join(t, NULL);
	ck_assert_int_eq(nprobes, 1);
}
END_TEST

START_TEST(memory_is_read_or_refused)
{
	static struct raw_mem mem;
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char got[32];

	munmap(two + 4096, 4096);
	strcpy(two + 4096 - 6, "hello");
	for (int fallback = 0; fallback < 2; fallback++) {
		raw_mem_reset(&mem);
		if (fallback)
			raw_mem_use_fallback(&mem);
		ck_assert(raw_read(&mem, (uint64_t)(uintptr_t)two + 4090, got, 6));
		ck_assert_str_eq(got, "hello");
		ck_assert(!raw_read(&mem, (uint64_t)(uintptr_t)two + 4090, got, 7));
		ck_assert(!raw_read(&mem, 0, got, 1));
		ck_assert(!raw_read(&mem, UINT64_MAX - 3, got, 8));
		ck_assert(!raw_read(&mem, 0xdead000000000000, got, 8));
		ck_assert_int_eq(raw_read_text(&mem, (uint64_t)(uintptr_t)two + 4090, got, sizeof got), 5);
		ck_assert_int_eq(raw_read_text(&mem, (uint64_t)(uintptr_t)two + 4090, got, 3), 2);
		two[4095] = 'x'; /* no end before the hole */
		raw_mem_reset(&mem);
		ck_assert_int_eq(raw_read_text(&mem, (uint64_t)(uintptr_t)two + 4090, got, sizeof got), -1);
		two[4095] = 0;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("raw_unwind");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, plain_shapes_agree);
	tcase_add_test(t, signal_frames_agree);
	tcase_add_test(t, call_through_bad_pointer_shows_caller);
	tcase_add_test(t, damaged_registers_end_the_walk);
	tcase_add_test(t, threads_end_at_their_start);
	tcase_add_test(t, memory_is_read_or_refused);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
