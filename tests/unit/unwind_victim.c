/* SPDX-License-Identifier: MIT */
/*
 * What: the program whose stacks unwind_test reads: one thread for each way to make stacks hard to read.
 *
 * How: compiled by the test, with every compiler and several options; the same file with -DPLUGIN makes the shared
 * object that one of the threads loads.  Every thread announces itself and stays where it is, or turns in a small
 * circle; when all have, the program says so.  The test knows by the name of a thread's first function what to
 * expect.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>
#include <unistd.h>

#define KEEP __attribute__((noinline))
/* Behind a call, so that it is no tail call. */
#define STAY __asm__ volatile("" ::: "memory")

#ifdef PLUGIN
__thread long plugin_tls[5] = {1, 2, 3, 4, 5};

int plugin_run(int (*f)(int), int n);
KEEP int plugin_run(int (*f)(int), int n)
{
	volatile int sum = n;

	plugin_tls[0] = n;
	sum += f(n + 1);
	STAY;
	return sum;
}
#else

static atomic_int ready;

static KEEP void stay(void)
{
	atomic_fetch_add(&ready, 1);
	for (;;)
		pause();
}

static _Noreturn KEEP void stay_for_ever(void)
{
	stay();
	for (;;)
		STAY;
}

/* ---- calls ------------------------------------------------------------------------------------------------- */

static KEEP long deep(long n, long a, long b, long c, long d)
{
	long r;

	if (n == 0)
		stay();
	r = deep(n - 1, a + n, b ^ a, c + b, d - c);
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d)); /* all needed again: in saved registers */
	return r + a + b + c + d;
}

static void *t_deep(void *p)
{
	deep(200, 1, 2, 3, 4);
	STAY;
	return p;
}

static KEEP int compare(const void *a, const void *b)
{
	stay();
	return *(const int *)a - *(const int *)b;
}

static KEEP void sort(int *v, size_t n)
{
	qsort(v, n, sizeof v[0], compare);
	STAY;
}

static void *t_sort(void *p)
{
	int v[5] = {5, 3, 4, 1, 2};

	sort(v, 5);
	STAY;
	return p;
}

static KEEP long on_stack(size_t n)
{
	char *s = alloca(n);

	memset(s, 1, n);
	__asm__ volatile("" ::"r"(s) : "memory");
	stay();
	return s[n / 2];
}

static void *t_alloca(void *p)
{
	volatile long r = on_stack(3000 + (size_t)rand() % 5);

	(void)r;
	return p;
}

static KEEP void leave(int n)
{
	if (n)
		stay_for_ever();
}

static void *t_noreturn(void *p)
{
	leave(1);
	STAY;
	return p;
}

static KEEP int called_back(int n)
{
	stay();
	return n;
}

static void *t_plugin(void *p)
{
	void *so = dlopen(getenv("UNWIND_PLUGIN"), RTLD_NOW);
	int (*run)(int (*)(int), int) = so ? (int (*)(int (*)(int), int))dlsym(so, "plugin_run") : NULL;

	if (run)
		run(called_back, 7);
	STAY;
	return p;
}

/* ---- signals ----------------------------------------------------------------------------------------------- */

static KEEP void handle(int sig)
{
	(void)sig;
	stay();
}

static KEEP void interrupted(int sig)
{
	raise(sig);
	STAY;
}

static void *t_signal(void *p)
{
	interrupted(SIGUSR1);
	STAY;
	return p;
}

static void *t_altstack(void *p)
{
	stack_t ss = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};

	sigaltstack(&ss, NULL);
	interrupted(SIGUSR2);
	STAY;
	return p;
}

/* A call through a pointer that leads nowhere: the handler's caller is no code. */
static KEEP void call_wild(void (*f)(void))
{
	f();
	STAY;
}

static void *t_wild(void *p)
{
	call_wild((void (*)(void))(uintptr_t)(0x10 + (uintptr_t)p));
	STAY;
	return p;
}

/* ---- threads that run: they are caught anywhere --------------------------------------------------------------- */

static KEEP long leaf(long a)
{
	return a * 3 + 1;
}

static KEEP long mix(long a, long b, long c)
{
	long t[8];

	for (int i = 0; i < 8; i++)
		t[i] = leaf(a + i) ^ b;
	return t[a & 7] + t[b & 7] + leaf(c);
}

static void *t_busy(void *p)
{
	volatile long x = 1;

	atomic_fetch_add(&ready, 1);
	for (;;)
		x = mix(x, x + 1, x + 2);
	return p;
}

static void *t_clock(void *p)
{
	struct timespec ts;
	volatile long x = 0;

	atomic_fetch_add(&ready, 1);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		x += ts.tv_nsec;
	}
	return p;
}

static void *t_libc(void *p)
{
	char buf[200];
	volatile size_t n = 0;

	atomic_fetch_add(&ready, 1);
	for (;;) {
		n += (size_t)snprintf(buf, sizeof buf, "%ld %s %g", (long)n, "text", (double)n);
		n += strlen(buf);
	}
	return p;
}

int main(void)
{
	void *(*const all[])(void *) = {t_deep,     t_sort, t_alloca, t_noreturn, t_plugin, t_signal,
					t_altstack, t_wild, t_busy,   t_clock,    t_libc};
	enum { N = sizeof all / sizeof all[0] };
	struct sigaction sa = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	for (int i = 0; i < N; i++)
		pthread_create(&t, NULL, all[i], NULL);
	while (atomic_load(&ready) < N)
		sched_yield();
	if (write(1, "r", 1) == 1)
		pause();
	return 0;
}
#endif
