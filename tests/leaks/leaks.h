/* SPDX-License-Identifier: MIT */
#ifndef LEAKS_H
#define LEAKS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/*
 * What: what the programs of the leak detector's corpus share.  Each is a family of cases; `PROGRAM CASE` runs one,
 * PROGRAM alone lists them.  leaks-test compiles, runs and judges them, and explains the families.
 *
 * How: a case is a function that main calls.  It starts goroutines, brings them into their final state and
 * returns; leak_done then asks the detector and compares the number of proven goroutines with the expectation.
 *
 *	LEAK_CASE(name, "EXPECTATION")			a case of its own
 *	LEAK_KERNEL(name, "EXPECTATION", "EXPECTATION")	two cases, name.heap and name.global, of one body: the objects
 *							that NEW makes are on the heap, or in static memory
 *	LEAK_LIMIT(name, "EXPECTATION")			what a detector may get wrong: not a failure
 *	LEAK_EXIT(name, "EXPECTATION")			main returns, and the detector is asked then
 *
 * An EXPECTATION is a list of clauses with a ; between them:
 *
 *	2 leaked [chan send]			two goroutines, both in this state, have this verdict
 *	2 leaked [chan send, select]		the same with a state for each
 *	1 deadlocked [...]   1 stuck [...]
 *	1 proven [...]				leaked or deadlocked: both words would be right
 *	any stuck				how many are stuck says nothing
 *	says TEXT				the report has this text
 *
 * Of a verdict that is not mentioned there must be none, except lingering ones.
 *
 * Truth, not luck: nothing that goes on may hold by accident a pointer that the case has lost.  So functions
 * are not inlined, the stack below main is cleared, and a goroutine that lives on is given only what it is meant
 * to hold.  And what keeps something is volatile, or the compiler would see that nobody reads it.
 */
#include <gorgon.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, unused))
#define KEEP(x) __asm__ volatile("" : : "r"(x) : "memory")
#define FOREVER (10 * 60 * GOR_MINUTE)
enum { LEAK_FOUND = 23, LEAK_MAX_CASES = 80 };

struct leak_case {
	const char *name, *variant, *expect;
	void (*body)(void);
	bool global;
	enum { LEAK_MUST, LEAK_MAY, LEAK_AT_EXIT } duty;
};

static struct leak_case leak_cases[LEAK_MAX_CASES];
static int leak_ncases;
static const struct leak_case *leak_running;
static bool leak_busy; /* a goroutine will not park: do not wait for that */

#define LEAK_CASE(id, text) LEAK_DEFINE(id, {#id, "", text, id, false, LEAK_MUST})
#define LEAK_LIMIT(id, text) LEAK_DEFINE(id, {#id, "", text, id, false, LEAK_MAY})
#define LEAK_KERNEL(id, heap, in_globals)                                                                    \
	LEAK_DEFINE(id, {#id, ".heap", heap, id, false, LEAK_MUST},                                          \
		    {#id, ".global", in_globals, id, true, LEAK_MUST})
#define LEAK_EXIT(id, text) LEAK_DEFINE(id, {#id, "", text, id, false, LEAK_AT_EXIT})
#define LEAK_DEFINE(id, ...)                                                                                 \
	static NOINLINE void id(void);                                                                       \
	__attribute__((constructor)) static void leak_add_##id(void)                                         \
	{                                                                                                    \
		const struct leak_case two[] = {__VA_ARGS__};                                                \
		for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)                                    \
			leak_cases[leak_ncases++] = two[i];                                                  \
	}                                                                                                    \
	static NOINLINE void id(void)

/* ---- where a case's objects are ----------------------------------------------------------------------- */

#define NEW(T) NEW_ARRAY(T, 1)
#define NEW_ARRAY(T, n) ((__typeof__(T) *)leak_place((n) * sizeof(T)))
static NOINLINE void *leak_place(size_t size)
{
	static _Alignas(64) char room[64 << 10];
	static size_t used;

	if (leak_running == NULL || !leak_running->global)
		return calloc(1, size);
	used += (size + 63) & ~(size_t)63;
	if (used > sizeof(room))
		abort();
	return room + used - ((size + 63) & ~(size_t)63);
}

/* Clears what returned functions have left below the caller's frame, and in registers. */
static NOINLINE void leak_scrub(void)
{
	char room[48 << 10];

	memset(room, 0, sizeof(room));
	KEEP(room);
	__asm__ volatile(
		"xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi;"
		"xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d;"
		"pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2; pxor %%xmm3, %%xmm3;"
		"pxor %%xmm4, %%xmm4; pxor %%xmm5, %%xmm5; pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7;"
		"pxor %%xmm8, %%xmm8; pxor %%xmm9, %%xmm9; pxor %%xmm10, %%xmm10; pxor %%xmm11, %%xmm11;"
		"pxor %%xmm12, %%xmm12; pxor %%xmm13, %%xmm13; pxor %%xmm14, %%xmm14; pxor %%xmm15, %%xmm15"
		:
		:
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
		  "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
		  "xmm15", "memory");
}

/* ---- bringing goroutines into a state ----------------------------------------------------------------- */

/* All other goroutines wait or sleep when this returns. */
static NOINLINE void settle(void)
{
	if (!gor_settle(20 * GOR_SECOND)) {
		fprintf(stderr, "%s: not settled\n", leak_running->name);
		_exit(3);
	}
}

/* Goroutines that wait once.  None keeps anything but its argument. */
static NOINLINE void receiver(chan(int) c)
{
	chan_recv(c, NULL);
}

static NOINLINE void sender(chan(int) c)
{
	chan_send(c, 1);
}

static NOINLINE void locker(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_mutex_unlock(mu);
}

static NOINLINE void waiter(gor_waitgroup *wg)
{
	gor_waitgroup_wait(wg);
}

/* Lives on, and could still use what p points to. */
static NOINLINE void sleeper(void *p)
{
	gor_sleep(FOREVER);
	KEEP(p);
}

/* Something for the goroutine's own frame to keep, behind the compiler's back. */
static NOINLINE void sleep_for_ever(void)
{
	gor_sleep(FOREVER);
}

/* A channel in which a goroutine waits for ever, unless the caller keeps what it gets.  The block behind it in the heap
 * belongs to nobody: the allocator points to where the last block ends. */
static NOINLINE chan(int) blocked(void)
{
	chan(int) c = chan_make(int, 0);

	KEEP(malloc(200));
	go(receiver, c);
	return c;
}

/* ---- judging ------------------------------------------------------------------------------------------ */

/* How many goroutines the expectation calls leaked, deadlocked or proven. */
static NOINLINE int leak_expected(const char *text)
{
	int sum = 0;

	while (text != NULL) {
		char verdict[16] = "";
		int n = 0;

		if (sscanf(text, " %d %15s", &n, verdict) == 2 && strcmp(verdict, "stuck") != 0)
			sum += n;
		text = strchr(text, ';');
		text = text != NULL ? text + 1 : NULL;
	}
	return sum;
}

/* Has this process examined from outside; -1 if that went well. */
static NOINLINE int leak_ask_tool(const char *tool)
{
	char pid[16], name[] = "gorgon", verb[] = "leaks", all[] = "--stuck=0";
	char *argv[] = {name, verb, all, pid, NULL};
	int status = 0;
	pid_t child;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (posix_spawn(&child, tool, NULL, NULL, argv, environ) != 0)
		return -2;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == LEAK_FOUND) ? -1 : -2;
}

/* Asks the detector; returns the number found, or -1 if only the report says. */
static NOINLINE int leak_count(void)
{
	const char *tool = getenv("LEAKS_TOOL");

	leak_scrub();
	if (!leak_busy)
		settle();
	leak_scrub();
	return tool != NULL ? leak_ask_tool(tool) : gor_leaks(STDERR_FILENO, 0);
}

/* The end of the program.  Called by main; by a case itself if its frame is to be there. */
static NOINLINE void leak_done(void)
{
	int expected = leak_expected(leak_running->expect);
	int found = leak_count();

	if (found != expected && found != -1)
		fprintf(stderr, "# %d found, not %d\n", found, expected);
	_exit(found != expected && found != -1);
}

static NOINLINE int leak_list(void)
{
	static const char *const duties[] = {"must", "limit", "exit"};

	for (int i = 0; i < leak_ncases; i++) {
		const struct leak_case *c = &leak_cases[i];
		printf("%s%s\t%s\t%s\n", c->name, c->variant, duties[c->duty], c->expect);
	}
	return 0;
}

static NOINLINE const struct leak_case *leak_find(const char *name)
{
	for (int i = 0; i < leak_ncases; i++) {
		const struct leak_case *c = &leak_cases[i];
		size_t n = strlen(c->name);
		if (strncmp(name, c->name, n) == 0 && strcmp(name + n, c->variant) == 0)
			return c;
	}
	fprintf(stderr, "no case %s\n", name);
	_exit(64);
}

/* A variable of main's, as long as a case runs that wants it. */
static void *volatile *leak_slot;

int main(int argc, char **argv)
{
	void *volatile slot = NULL;

	if (argc < 2)
		return leak_list();
	leak_running = leak_find(argv[1]);
	leak_slot = &slot;
	leak_running->body();
	leak_slot = NULL;
	leak_scrub();
	if (leak_running->duty == LEAK_AT_EXIT) {
		settle();
		leak_scrub();
		return 0;
	}
	leak_done();
}

#endif
