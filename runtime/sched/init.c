/* SPDX-License-Identifier: MIT */
/*
 * What: the beginning: the library constructor makes main goroutine 1, without starting a thread.
 *
 * How: also called by the first use from another constructor or thread.  The number of Ps comes from
 * GOMAXPROCS, else from the processors this process may use: its affinity mask, and the cgroup's quota
 * rounded up.
 *
 * Context: before any other thread uses the runtime, guarded by pthread_once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sched/proc.h"
#include "sched/stack.h"
#include "sys/barrier.h"
#include "sys/clock.h"
#include "sys/options.h"
#include "sys/sanitize.h"
#include "sys/tool.h"

uint32_t gori_force_multi;

uint32_t gori_claim_base(void)
{
	return gori_options.torture || gori_company & GORI_HOOK_TSAN ? GORI_CLAIM_ALWAYS : 0;
}

void gori_warn(const char *text)
{
	size_t len = strlen(text);

	if (write(STDERR_FILENO, text, len) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		return; /* nobody to tell */
}

/* ---- processors ---------------------------------------------------------------------------------------------- */

static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	return true;
}

/* Processors' worth of time in "QUOTA PERIOD", rounded up; 0 if there is no limit. */
static int quota_of(const char *text)
{
	char *end;
	long quota = strtol(text, &end, 10), period;

	if (end == text || quota <= 0)
		return 0; /* "max" */
	period = strtol(end, NULL, 10);
	return period > 0 ? (int)((quota + period - 1) / period) : 0;
}

/* cgroup version 2: this group's own limit, and the root's as a container sees it. */
static int cgroup_limit(void)
{
	char buf[1024], path[1200], *group, *end;
	int limit = 0;

	if (read_file("/sys/fs/cgroup/cpu.max", buf, sizeof buf))
		limit = quota_of(buf);
	if (!read_file("/proc/self/cgroup", buf, sizeof buf) || !(group = strstr(buf, "0::/")))
		return limit;
	group += 3;
	end = strchrnul(group, '\n');
	*end = 0;
	strcpy(path, "/sys/fs/cgroup");
	strcat(path, group);
	strcat(path, "/cpu.max");
	if (read_file(path, buf, sizeof buf)) {
		int own = quota_of(buf);

		if (own && (!limit || own < limit))
			limit = own;
	}
	return limit;
}

int gori_ncpu(void)
{
	cpu_set_t set;
	int n = 1, limit = cgroup_limit();

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
	if (limit && limit < n)
		n = limit;
	return n < 1 ? 1 : n;
}

/* ---- the order of things ---------------------------------------------------------------------------------------- */

static void make_ps(void)
{
	int n = gori_options.maxprocs > 0 ? gori_options.maxprocs : gori_ncpu();

	gori_p_init((uint32_t)n);
	gori_force_multi = gori_claim_base() != 0;
	gori_multi = gori_sched.nprocs > 1 || gori_force_multi;
	for (uint32_t i = gori_sched.nprocs; i-- > 0;)
		gori_p_idle_put(gori_sched.allp[i]);
}

static void adopt_main(void)
{
	struct gori_m *m = gori_m_adopt(true);

	gori_acquirep(m, gori_p_idle_get());
}

/* Where a reader of the stopped process starts. */
static void publish_roots(void)
{
	gori_table_add("root.allm", (uintptr_t)&gori_sched.allm);
	gori_table_add("root.all_extra", (uintptr_t)&gori_sched.all_extra);
	gori_table_add("root.sysmon_tid", (uintptr_t)&gori_sched.sysmon_tid);
	gori_table_add("root.allp", (uintptr_t)gori_sched.allp);
	gori_table_add("root.nprocs", (uintptr_t)&gori_sched.nprocs);
}

static void init(void)
{
	gori_options_init();
	gori_sanitize_init();
	gori_tool_init();
	gori_nanotime();
	gori_barrier_init();
	gori_stack_init();
	gori_m_init();
	make_ps();
	if (getpid() == (pid_t)syscall(SYS_gettid))
		adopt_main();
	gori_crash_init();
	gori_fork_init();
	publish_roots();
	gori_leak_init();
}

void gori_init_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
}

/* Early, so that constructors of the program may use the runtime. */
static __attribute__((constructor(101))) void on_load(void)
{
	gori_init_once();
}
