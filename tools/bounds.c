/* SPDX-License-Identifier: MIT */
/* What, how: bounds.h. */
#include "bounds.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

enum { OPT_MEMORY = 4096, OPT_CPU, TICK_US = 20000, LINE = 1024 };

#define MEMORY_FLOOR (4ull << 30)
#define MEMORY_PER_BYTE 8
#define CPU_FLOOR 120000000000ull
#define CPU_PER_GIB 600000000000ull

static struct {
	bool has_memory, has_cpu; /* the user said so */
	uint64_t memory, cpu;     /* bytes, ns; 0: no limit */
	bool is_on, is_lifted;
	uint64_t size; /* of what is read */
	const char *path, *doing;
	const char *output;  /* to be taken away; NULL: nothing */
	int statm;           /* /proc/self/statm */
	uint64_t cpu_before; /* ns that had been used when limits began */
	uint64_t page;
	char no_memory[LINE], too_much_memory[LINE], too_much_cpu[LINE];
} bounds = {.statm = -1};

/* ---- options ------------------------------------------------------------------------------------------------ */

static const struct argp_option options[] = {
	{"max-memory", OPT_MEMORY, "SIZE", 0,
	 "of files: end if reading takes more memory than this, such as 512M or 8G (4G, and more for large files); "
	 "0: no limit",
	 0},
	{"max-cpu", OPT_CPU, "DURATION", 0,
	 "of files: end if reading takes more processor time than this (2m, and more for large files); 0: no limit",
	 0},
	{0},
};

static bool parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	unsigned shift = 0;

	if (end == text || *text == '-')
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	*ret = n << shift;
	return !*end && *ret >> shift == n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int64_t ns;

	switch (key) {
	case OPT_MEMORY:
		bounds.has_memory = true;
		if (!parse_size(arg, &bounds.memory))
			argp_error(state, "--max-memory: `%s` is no size; 512M and 8G are", arg);
		return 0;
	case OPT_CPU:
		bounds.has_cpu = true;
		if (tool_duration(arg, &ns) != 0)
			argp_error(state, "--max-cpu: `%s` is no duration; 30s, 5m and 1h are", arg);
		else
			bounds.cpu = (uint64_t)ns;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp bounds_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

/* ---- the end ------------------------------------------------------------------------------------------------ */

static _Noreturn void end(const char *line)
{
	if (bounds.output)
		unlink(bounds.output);
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		_exit(EXIT_BAD_INPUT);
	_exit(EXIT_BAD_INPUT);
}

static void say_no_memory(void)
{
	if (bounds.is_on)
		end(bounds.no_memory);
}

/* ---- looking ------------------------------------------------------------------------------------------------ */

static uint64_t cpu_used(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t number(const char **p)
{
	uint64_t v = 0;

	while (**p == ' ')
		++*p;
	while (**p >= '0' && **p <= '9')
		v = v * 10 + (uint64_t)(*(*p)++ - '0');
	return v;
}

/* Size, resident, shared, ... in pages: what is resident and not shared was written to. */
static uint64_t memory_used(void)
{
	char text[256];
	ssize_t n = pread(bounds.statm, text, sizeof text - 1, 0);
	const char *p = text;
	uint64_t resident, shared;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	number(&p);
	resident = number(&p);
	shared = number(&p);
	return resident > shared ? (resident - shared) * bounds.page : 0;
}

static void look(int sig)
{
	(void)sig;
	if (bounds.memory && memory_used() > bounds.memory)
		end(bounds.too_much_memory);
	if (bounds.cpu && cpu_used() - bounds.cpu_before > bounds.cpu)
		end(bounds.too_much_cpu);
}

/* ---- settings ----------------------------------------------------------------------------------------------- */

static void set_limits(void)
{
	uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * bounds.page / 4 * 3;

	if (!bounds.has_memory) {
		bounds.memory = MEMORY_FLOOR + (bounds.size < machine ? bounds.size * MEMORY_PER_BYTE : 0);
		if (bounds.memory > machine || bounds.size >= machine)
			bounds.memory = machine;
	}
	if (!bounds.has_cpu)
		bounds.cpu = CPU_FLOOR + (bounds.size >> 20) * (CPU_PER_GIB >> 10);
}

/* Limits and words belong together: no look in between. */
static void update(void)
{
	const char *path = bounds.path ? bounds.path : "standard input";
	sigset_t prof, old;

	if (!bounds.is_on)
		return;
	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	sigprocmask(SIG_BLOCK, &prof, &old);
	set_limits();
	snprintf(bounds.no_memory, LINE, "gorgon: %.700s: there is no memory left for %s\n", path,
		 bounds.doing);
	snprintf(bounds.too_much_memory, LINE,
		 "gorgon: %.700s: %s takes more than %" PRIu64
		 " MiB of memory; it is damaged, or --max-memory must allow more\n",
		 path, bounds.doing, bounds.memory >> 20);
	snprintf(
		bounds.too_much_cpu, LINE,
		"gorgon: %.700s: %s takes more than %.1f s of processor time; it is damaged, or --max-cpu must "
		"allow more\n",
		path, bounds.doing, (double)bounds.cpu / 1e9);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void begin(void)
{
	struct sigaction sa = {.sa_handler = look, .sa_flags = SA_RESTART};
	struct itimerval timer = {{0, TICK_US}, {0, TICK_US}};

	bounds.is_on = true;
	bounds.page = (uint64_t)sysconf(_SC_PAGESIZE);
	bounds.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	bounds.cpu_before = cpu_used();
	base_no_memory_hook = say_no_memory;
	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &timer, NULL);
}

void bounds_read(const char *path)
{
	struct stat st;

	if (bounds.is_lifted)
		return;
	bounds.path = path;
	bounds.doing = "opening it";
	/* On the disk: a hole costs whoever makes the file nothing. */
	if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		bounds.size += (uint64_t)st.st_blocks * 512;
	if (!bounds.is_on)
		begin();
	update();
}

void bounds_fed(size_t n)
{
	bounds.size += n;
	update();
}

void bounds_lift(void)
{
	static const struct itimerval never;

	bounds.is_lifted = true;
	if (bounds.is_on)
		setitimer(ITIMER_PROF, &never, NULL);
	bounds.is_on = false;
}

void bounds_doing(const char *what)
{
	bounds.doing = what;
	update();
}

void bounds_output(const char *path)
{
	bounds.output = path;
}
