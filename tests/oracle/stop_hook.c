/* SPDX-License-Identifier: MIT */
/*
 * What: preloaded into a program, stops it (SIGSTOP) at moments that ORACLE_STOP names:
 *
 *	NAME:FIRST:EVERY	in the FIRSTth call of a function of libc, and in every EVERYth after it
 *	cpu:FIRST:EVERY		after so many microseconds of processor time, at whatever instruction it is
 *	signal:FIRST:EVERY	the same, but in the handler of a signal
 *
 * How: the functions are those that programs call from deep inside: by pointer equality with the real one's
 * address nothing changes for them.  malloc is not among them: dlsym may call it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static char hooked[32];
static long first, every, calls;

static void count(const char *name)
{
	if (hooked[0] != name[0] || strcmp(hooked, name) != 0)
		return;
	calls++;
	if (calls == first || (calls > first && every > 0 && (calls - first) % every == 0))
		raise(SIGSTOP);
}

static void on_signal(int sig)
{
	(void)sig;
	raise(SIGSTOP);
}

static void start_timer(int sig)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
	struct itimerspec when = {
		.it_value = {first / 1000000, first % 1000000 * 1000},
		.it_interval = {every / 1000000, every % 1000000 * 1000},
	};
	timer_t timer;

	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) || timer_settime(timer, 0, &when, NULL))
		perror("stop_hook: timer");
}

__attribute__((constructor)) static void begin(void)
{
	const char *spec = getenv("ORACLE_STOP");

	if (!spec || sscanf(spec, "%31[^:]:%ld:%ld", hooked, &first, &every) != 3) {
		hooked[0] = 0;
	} else if (strcmp(hooked, "cpu") == 0) {
		start_timer(SIGSTOP);
	} else if (strcmp(hooked, "signal") == 0) {
		signal(SIGPROF, on_signal);
		start_timer(SIGPROF);
	}
}

#define HOOK(type, name, params, args)                                                                       \
	__attribute__((visibility("default"))) type name params                                              \
	{                                                                                                    \
		static __typeof__(name) *real;                                                               \
                                                                                                             \
		if (!real)                                                                                   \
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                                  \
		count(#name);                                                                                \
		return real args;                                                                            \
	}

HOOK(void *, realloc, (void *p, size_t n), (p, n))
HOOK(int, strcoll, (const char *a, const char *b), (a, b))
HOOK(double, strtod, (const char *s, char **end), (s, end))
HOOK(double, pow, (double x, double y), (x, y))
HOOK(double, floor, (double x), (x))
HOOK(size_t, fwrite, (const void *p, size_t size, size_t n, FILE *f), (p, size, n, f))
HOOK(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
HOOK(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
HOOK(ssize_t, pread64, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at))
HOOK(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
HOOK(void, qsort, (void *p, size_t n, size_t size, int (*order)(const void *, const void *)),
     (p, n, size, order))
HOOK(int, memcmp, (const void *a, const void *b, size_t n), (a, b, n))
