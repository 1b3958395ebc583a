/* SPDX-License-Identifier: MIT */
/*
 * What: a program that dies in the way, at the place and under the condition that its arguments say:
 *
 *	victim KIND PLACE CONDITION
 *
 * How: crash_matrix.c runs it over the table below and compares its output with the EXPECT and REJECT lines,
 * which stand where the thing they are about is done.  A line applies if its three words match the arguments
 * (words may be lists with commas, * is any); the regular expression (POSIX extended, ^ and $ at lines) must
 * then match, or must not.  EXRAW lines are EXPECT lines that hold where no helper decodes.  STATUS lines give
 * the exit status; the last one that applies counts.
 */
#define _GNU_SOURCE
#include <gorgon.h>
#include <gorgon/dump.h>

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/abi.h"

/* Only in libgorgon.a: a shared library hides it, and conditions that need it cannot be had. */
__attribute__((weak)) void gori_foreach_g(bool (*fn)(struct gori_g *, void *), void *arg);

/* STATUS * * *: 2 */
/* EXPECT * * *: ^goroutine [0-9]+( gp=0x[0-9a-f]+ m=([0-9]+|nil))? \[running(, locked to thread)?\]:$ */

static const char *kind, *place, *condition;
static volatile int zero;
static volatile uintptr_t address;
static chan(int) never, ready;

#define NOINLINE __attribute__((noinline))

/* ---- how --------------------------------------------------------------------------------------------------- */

/* EXPECT segv-null main,goroutine,adopted *: ^panic: runtime error: invalid memory address or nil pointer dereference$ */
/* EXPECT segv-null main,goroutine,adopted *: ^\[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x[0-9a-f]+\]$ */
/* EXPECT segv-null,segv-wild,bus,fpe thread *: ^fatal error: unexpected signal on a thread that runs no goroutine$ */
/* EXPECT segv-null,segv-wild * none,heap,deleted,badsp,badptr: ^touch\(\.\.\.\)$ */
static NOINLINE void touch(void)
{
	*(volatile int *)address = 1;
	zero++;
}

/* EXPECT callnull main,goroutine,adopted *: ^panic: runtime error: invalid memory address or nil pointer dereference$ */
/* EXPECT callnull * *: ^call_nowhere\(\.\.\.\)$ */
static NOINLINE void call_nowhere(void)
{
	void (*volatile nowhere)(void) = NULL;

	nowhere();
	zero++;
}

/* EXPECT bus main,goroutine,adopted *: ^\[signal SIGBUS: bus error code=0x2 addr=0x[0-9a-f]+ pc=0x[0-9a-f]+\]$ */
/* EXPECT bus * *: ^touch_past_end_of_file\(\.\.\.\)$ */
static NOINLINE void touch_past_end_of_file(void)
{
	int fd = memfd_create("victim", MFD_CLOEXEC);
	volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	zero += *p;
}

/* EXPECT fpe main,goroutine,adopted *: ^panic: runtime error: integer divide by zero$ */
/* EXPECT fpe main,goroutine,adopted *: ^\[signal SIGFPE: floating-point exception code=0x1 addr=0x[0-9a-f]+ pc=0x[0-9a-f]+\]$ */
/* EXPECT fpe * *: ^divide\(\.\.\.\)$ */
static NOINLINE int divide(int a)
{
	int quotient = 0;

	__asm__ volatile("cltd; idivl %2" : "=a"(quotient) : "0"(a), "r"(zero) : "edx", "cc");
	return quotient;
}

/* EXPECT ill * *: ^SIGILL: illegal instruction$ */
/* EXPECT ill * *: ^instruction bytes: 0xf 0xb */
/* EXPECT ill * *: ^undefined_instruction\(\.\.\.\)$ */
/* EXPECT ill * none,heap,deleted,badsp: ^rip    0x[0-9a-f]+$ */
static NOINLINE void undefined_instruction(void)
{
	__asm__ volatile("ud2");
	zero++;
}

/* EXPECT overflow * none: ^runtime: goroutine stack exceeds [0-9]+-byte limit$ */
/* EXPECT overflow * none: ^fatal error: stack overflow$ */
/* EXPECT overflow * none: ^\.\.\.[0-9]+ frames elided\.\.\.$ */
/* EXPECT overflow * none: ^recurse\(\.\.\.\)$ */
static NOINLINE int recurse(int n)
{
	volatile char frame[64];

	if (n < 0)
		return n;
	frame[n % 64] = (char)n;
	n = recurse(n + 1) + frame[3];
	return n;
}

/* EXPECT abrt * none: ^SIGABRT: abort$ */
/* EXPECT abrt * none: ^give_up\(\.\.\.\)$ */
static NOINLINE void give_up(void)
{
	abort();
}

/* EXPECT abrt-malloc * *: corrupted top size */
/* EXPECT abrt-malloc * *: ^SIGABRT: abort$ */
/* EXPECT abrt-malloc * *: ^allocate_from_smashed_heap\(\.\.\.\)$ */
static NOINLINE void allocate_from_smashed_heap(void)
{
	void *(*volatile allocate)(size_t) = malloc; /* so that no compiler knows better */
	char *p = allocate(100000);

	memset(p, 0x5a, malloc_usable_size(p) + 16); /* the size of the top chunk lies behind */
	zero += allocate(10000) != NULL;             /* aborts, and holds the lock of the arena */
}

/* EXPECT panic * *: ^panic: all is lost: 42$ */
/* EXPECT panic * none: ^complain\(\.\.\.\)$ */
static NOINLINE void complain(void)
{
	panic("all is lost: %d", 42);
}

/* EXPECT fatal * *: ^fatal error: nothing helps$ */
/* EXPECT quit * *: ^SIGQUIT: quit$ */
/* EXPECT fake * *: ^SIGSEGV: segmentation violation$ */
/* EXPECT fake * *: ^\[signal SIGSEGV: segmentation violation code=0x0 from pid [0-9]+ pc=0x[0-9a-f]+\]$ */
static NOINLINE void wait_for_signal(void)
{
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		_exit(99);
	for (;;)
		pause();
}

static NOINLINE void die(void)
{
	address = 8;
	if (!strcmp(kind, "segv-null"))
		touch();
	else if (!strcmp(kind, "segv-wild"))
		address = 0x123456789000, touch();
	else if (!strcmp(kind, "callnull"))
		call_nowhere();
	else if (!strcmp(kind, "bus"))
		touch_past_end_of_file();
	else if (!strcmp(kind, "fpe"))
		zero += divide((int)address);
	else if (!strcmp(kind, "ill"))
		undefined_instruction();
	else if (!strcmp(kind, "abrt"))
		give_up();
	else if (!strcmp(kind, "abrt-malloc"))
		allocate_from_smashed_heap();
	else if (!strcmp(kind, "overflow"))
		zero += recurse(zero);
	else if (!strcmp(kind, "panic"))
		complain();
	else if (!strcmp(kind, "fatal"))
		gor_fatal("nothing helps");
	else if (!strcmp(kind, "quit") || !strcmp(kind, "fake"))
		wait_for_signal();
	_exit(98); /* it did not die */
}

/* ---- under which condition ------------------------------------------------------------------------------------ */

/* The whole heap, malloc's own records included, and the neighbours of a few blocks in this thread's arena. */
static void smash_heap(void)
{
	char *blocks[8], line[256];
	uintptr_t start = 0, end = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	for (int i = 0; i < 8; i++)
		blocks[i] = malloc(100);
	while (f && fgets(line, sizeof line, f))
		if (strstr(line, "[heap]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
	memset((char *)start, 0xa5, end - start); /* f too */
	for (int i = 0; i < 8; i++)
		memset(blocks[i] - 16, 0xa5, 128);
}

static bool corrupt_parked(struct gori_g *g, void *arg)
{
	static const uintptr_t bad[] = {0x10, 0xdead000000000000, 0x7fffdeadb000};
	int *n = arg;

	if (g->status != GORI_GWAITING)
		return true;
	if (*n < 3)
		g->sp = (void *)bad[*n];
	else if (*n == 3)
		g->sp = (void *)(g->stack_lo - 64); /* in the guard */
	else if (*n == 4)
		memset(g->sp, 0xff, g->stack_hi - (uintptr_t)g->sp); /* all of its stack */
	else
		g->wait_obj = g->waiters = (void *)0x5a5a5a5a5a5a5a5a;
	++*n;
	return true;
}

/* EXRAW * * badsp: stack unavailable: bad stack pointer$ */
static void corrupt_stack_pointers(void)
{
	int n = 0;

	if (!gori_foreach_g)
		_exit(77);
	gori_foreach_g(corrupt_parked, &n);
}

static bool corrupt_list(struct gori_g *g, void *arg)
{
	if (g->flags & GORI_G_MAIN)
		g->all_next = arg ? g : (void *)0x5a5a5a5a5a5a5a5a;
	return false;
}

/* The dump itself faults: one line about it, and the signal's own end. */
/* STATUS * * crash-in-dump: sig11 */
/* EXPECT * * crash-in-dump: ^\[SIGSEGV while dumping: addr=0x[0-9a-f]+ pc=0x[0-9a-f]+\]$ */
/* The dump does not end: the watchdog ends it. */
/* EXRAW * * loop-in-dump: ^\[dump stopped: it took too long\]$ */
static void prepare_trouble_in_dump(bool loop)
{
	if (!gori_foreach_g)
		_exit(77);
	gori_foreach_g(corrupt_list, loop ? &loop : NULL);
}

static struct sigaction former;

static void on_users_signal(int sig, siginfo_t *info, void *uc)
{
	static const char text[] = "the program's own handler\n";

	if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
		_exit(97);
	if (strcmp(condition, "chain") != 0)
		_exit(42);
	former.sa_sigaction(sig, info, uc);
}

/* STATUS * * before,after: 42 */
/* EXPECT * * before,after,chain: ^the program's own handler$ */
/* REJECT * * before,after: goroutine */
static void install_users_handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_users_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(SIGSEGV, &sa, &former);
}

/* Runs before the library's constructor, which has 101. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wprio-ctor-dtor"
static __attribute__((constructor(100))) void before_the_library(void)
{
	if (getenv("VICTIM_HANDLER_BEFORE"))
		install_users_handler();
}
#pragma GCC diagnostic pop

/* A program with an alternate stack of its own, as small as the manual says, keeps it. */
/* EXPECT * * smallalt: ^die\(\.\.\.\)$ */
static void use_small_signal_stack(void)
{
	static char small[8192];
	stack_t ss = {.ss_sp = small, .ss_size = sizeof small};

	sigaltstack(&ss, NULL);
}

static void apply_condition(void)
{
	if (!strcmp(condition, "heap"))
		smash_heap();
	else if (!strcmp(condition, "badsp"))
		corrupt_stack_pointers();
	else if (!strcmp(condition, "crash-in-dump"))
		prepare_trouble_in_dump(false);
	else if (!strcmp(condition, "loop-in-dump"))
		prepare_trouble_in_dump(true);
	else if (!strcmp(condition, "smallalt"))
		use_small_signal_stack();
	else if (!strcmp(condition, "after") || !strcmp(condition, "chain"))
		install_users_handler();
}

/* ---- where ------------------------------------------------------------------------------------------------------ */

static void *thread_main(void *arg)
{
	if (arg)
		gor_yield(); /* becomes a goroutine */
	die();
	return NULL;
}

static void goroutine_main(int n)
{
	(void)n;
	die();
}

static void wait_for_thread(pthread_t t)
{
	pthread_join(t, NULL);
	_exit(96);
}

static void die_at_place(void)
{
	pthread_t t;

	if (!strcmp(place, "main")) {
		die();
	} else if (!strcmp(place, "goroutine")) {
		go(goroutine_main, 1);
		chan_recv(never, NULL);
	} else {
		pthread_create(&t, NULL, thread_main, !strcmp(place, "adopted") ? (void *)1 : NULL);
		wait_for_thread(t);
	}
}

/* All at once: one message, one report. */
/* EXPECT * parallel *: ^(panic|fatal error|SIGILL): */
/* REJECT * parallel *: (panic|fatal error|SIGILL):.*(panic|fatal error|SIGILL): */
static void die_in_parallel(void)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, thread_main, i & 1 ? (void *)1 : NULL);
	for (int i = 0; i < 8; i++)
		go(goroutine_main, i);
	wait_for_thread(t);
}

/* The parent goes on after the child has crashed, and its own dump works. */
/* EXPECT * fork *: ^child: status 2$ */
static void die_in_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		die();
	waitpid(pid, &status, 0);
	fprintf(stderr, "child: status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	gor_dump(STDERR_FILENO, 0);
	_exit(2);
}

/* ---- company ------------------------------------------------------------------------------------------------------ */

/* EXPECT *  main,goroutine,adopted,thread none,deleted,heap: ^goroutine [0-9]+ \[chan receive\]:$ */
/* EXPECT * main,goroutine,adopted,thread none,deleted,heap: ^wait_for_ever\(.*\)$ */
/* EXPECT * main,goroutine,adopted,thread none,deleted,heap: ^created by main in goroutine 1$ */
/* EXPECT * main,goroutine,adopted,thread none,deleted,heap: ^	.*victim\.c:[0-9]+$ */
static void wait_for_ever(int n)
{
	chan_send(ready, n);
	chan_recv(never, NULL);
	zero++; /* not a tail call */
}

/* EXPECT * main,goroutine,adopted,thread none,deleted,heap: ^goroutine [0-9]+ \[sleep\]:$ */
static void sleep_for_ever(int n)
{
	chan_send(ready, n);
	gor_sleep(1000 * GOR_SECOND);
	zero++;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: victim KIND PLACE CONDITION\n");
		return 64;
	}
	kind = argv[1];
	place = argv[2];
	condition = argv[3];
	never = chan_make(int, 0);
	ready = chan_make(int, 0);
	for (int i = 0; i < 6; i++)
		go(wait_for_ever, i);
	go(sleep_for_ever, 6);
	for (int i = 0; i < 7; i++)
		chan_recv(ready, NULL);
	gor_settle(GOR_SECOND);
	if (!strcmp(condition, "deleted"))
		unlink(argv[0]);
	apply_condition();
	if (!strcmp(place, "parallel"))
		die_in_parallel();
	else if (!strcmp(place, "fork"))
		die_in_child();
	else
		die_at_place();
	return 95;
}
