/* SPDX-License-Identifier: MIT */
/*
 * What: `all goroutines are asleep - deadlock!`
 *
 * How: when the last thread in the runtime goes to sleep with no timer pending, no goroutine can be made
 * ready from inside.  What is left are threads outside: a goroutine in user code whose P was taken (main in
 * pthread_join), an adopted thread, a thread of the program's that never called the runtime.  Any of them
 * could still send something.  But a thread that sleeps in a futex without a timeout can be woken only by
 * another thread of the process (not so futexes shared between processes, which are given the benefit of
 * the doubt); so if every thread of the process is either an idle M, sysmon, or asleep in such a
 * futex, then nothing can ever happen again, and that is a proof.  /proc/self/task/TID/syscall tells; if
 * anything else is seen, the check says nothing and sysmon repeats it from time to time.  A thread asleep in
 * user code may still have its P: once no P has moved for a while sysmon takes them all.
 *
 * Two readings that saw the same threads with unchanged voluntary context switch counts make sure that none ran in
 * between.
 *
 * Locking: sched.lock is held while deciding.
 * Context: M, or sysmon.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sched/proc.h"
#include "sys/sanitize.h"

static uint32_t suspected; /* atomic: no P is in use, and the last check could not tell or was not made */

bool gori_deadlock_suspected(void)
{
	return gori_load_sc(&suspected);
}

/* ---- what other threads do -------------------------------------------------------------------------------- */

static long read_task_file(const char *tid, const char *name, char *buf, size_t size)
{
	char path[64] = "/proc/self/task/";
	int fd;
	long n;

	strcat(path, tid);
	strcat(path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

static bool is_thread_of_ours(unsigned long tid)
{
	return tid && tid <= INT32_MAX && syscall(SYS_tgkill, getpid(), (pid_t)tid, 0) == 0;
}

static struct gori_m *m_of(int32_t tid)
{
	struct gori_m *m = gori_allm();

	while (m && gori_load(&m->tid) != tid)
		m = m->all_next;
	return m;
}

/*
 * ThreadSanitizer has a thread that sleeps, looks, and sleeps.  It does so in nanosleep(2), which glibc has not
 * used since 2.31: all of its own sleeps are clock_nanosleep(2).
 */
static bool is_sanitizers_own(int32_t tid, unsigned long nr)
{
	return nr == SYS_nanosleep && gori_company & GORI_HOOK_TSAN && tid != getpid() && !m_of(tid);
}

/*
 * "202 0xADDR 0xOP 0xVAL 0xTIMEOUT ...": a futex wait without a timeout that another process cannot end.
 * pthread_join waits on a shared futex too, for the thread's number to be cleared: only that is believed.
 */
static bool waits_for_ever(int32_t tid, const char *line)
{
	unsigned long nr, addr, op, val, timeout;
	char *end;

	nr = strtoul(line, &end, 10);
	if (end == line)
		return false; /* "running" */
	if (nr != SYS_futex)
		return is_sanitizers_own(tid, nr);
	addr = strtoul(end, &end, 16);
	if (addr == (uintptr_t)&gori_sched.lock)
		return false; /* on its way in: it waits for this check to be over */
	op = strtoul(end, &end, 16);
	val = strtoul(end, &end, 16);
	timeout = strtoul(end, &end, 16);
	if (!(op & FUTEX_PRIVATE_FLAG) && !is_thread_of_ours(val))
		return false;
	op &= (unsigned long)FUTEX_CMD_MASK;
	return timeout == 0 && (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET || op == FUTEX_LOCK_PI);
}

static bool is_ours_and_idle(int32_t tid)
{
	struct gori_m *m;

	if (tid == gori_load(&gori_sched.sysmon_tid) || tid == (int32_t)syscall(SYS_gettid))
		return true;
	m = m_of(tid);
	return m && !gori_load(&m->lost);
}

/* A number in a file of "Name:\tNUMBER" lines; -1 if it is not there. */
static int64_t number_in(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? atoll(p + strlen(name)) : -1;
}

/* How often this thread has slept; -1 if it may still do something. */
static int64_t sleeps_of(const char *tid)
{
	char buf[2048];
	bool waits = read_task_file(tid, "/syscall", buf, sizeof buf) > 0 && waits_for_ever(atoi(tid), buf);

	/* In this order: who sleeps again between two looks has slept once more. */
	if (read_task_file(tid, "/status", buf, sizeof buf) <= 0)
		return -1;
	/* A zombie: the first thread, which stays until all have ended. */
	if (!waits && !strstr(buf, "\nState:\tZ"))
		return -1;
	return number_in(buf, "\nvoluntary_ctxt_switches:");
}

/* What a look at all threads has seen. */
struct look {
	int64_t nthreads;
	uint64_t digest; /* of those outside: who they are and how often each has slept */
};

/* False: this one may still do something. */
static bool look_at(const char *name, struct look *l)
{
	int32_t tid = atoi(name);
	int64_t sleeps;

	l->nthreads++;
	if (is_ours_and_idle(tid))
		return true;
	sleeps = sleeps_of(name);
	l->digest =
		((l->digest ^ (uint64_t)tid) * 0x9e3779b97f4a7c15 ^ (uint64_t)sleeps) * 0x9e3779b97f4a7c15;
	return sleeps >= 0;
}

/* No heap: the lock is held. */
static bool look_at_all(int fd, struct look *l)
{
	char buf[4096] __attribute__((aligned(8)));
	long n;

	while ((n = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *e = (struct dirent64 *)(buf + at);

			at += e->d_reclen;
			if (e->d_name[0] != '.' && !look_at(e->d_name, l))
				return false;
		}
	return n == 0;
}

/* A list that is read while the thread at hand ends may end there too, so the kernel's count has to agree. */
static bool is_complete(const struct look *l)
{
	char buf[2048];

	return read_task_file("", "../status", buf, sizeof buf) > 0 &&
	       number_in(buf, "\nThreads:") == l->nthreads;
}

static bool outside_threads_sleep(struct look *ret)
{
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool all_sleep;

	*ret = (struct look){0};
	if (fd < 0)
		return false;
	all_sleep = look_at_all(fd, ret);
	close(fd);
	return all_sleep && is_complete(ret);
}

static bool nobody_outside_can_act(void)
{
	struct look first, second;

	return outside_threads_sleep(&first) && outside_threads_sleep(&second) &&
	       first.nthreads == second.nthreads && first.digest == second.digest;
}

/* ---- the verdict ------------------------------------------------------------------------------------------- */

/* No goroutine runs inside the runtime or is queued.  sched.lock is held. */
static bool inside_is_still(void)
{
	return !gori_load(&gori_sched.stopping) && gori_sched.nidle_p == gori_sched.nprocs &&
	       !gori_sched.runq.size && !gori_sched.fresh.size && !gori_load(&gori_sched.nspinning);
}

/* The first thread has ended by itself, and so has everybody else: a process without the runtime would be gone. */
static bool is_over(void)
{
	return gori_sched.main_thread_ended && gori_g_count() == 0;
}

static void report(void)
{
	gori_unlock(&gori_sched.lock);
	if (is_over())
		exit(EXIT_SUCCESS);
	if (gori_sched.main_exited)
		gori_fatal("no goroutines (main called runtime.Goexit) - deadlock!");
	gori_fatal("all goroutines are asleep - deadlock!");
}

/* A goroutine in gor_settle waits for just this moment. */
static bool wake_settler(void)
{
	struct gori_g *g = gori_sched.settler;

	if (!g || gori_load(&gori_sched.nlost))
		return false;
	gori_sched.settler = NULL;
	g->wake = 1;
	gori_store(&g->status, GORI_GRUNNABLE);
	gori_globq_put(g);
	return true;
}

/*
 * An M is about to sleep.  The caller looks at the global queue afterwards: a settler may be in it.
 */
void gori_deadlock_check(void)
{
	gori_store(&suspected, 0);
	if (!inside_is_still()) {
		gori_sysmon_start(); /* who has the last P may be asleep outside: sysmon takes it */
		return;
	}
	if (wake_settler() || gori_timers_any())
		return;
	if (!is_over() &&
	    nobody_outside_can_act()) /* else for sysmon: here is no place for exit's handlers */
		report();
	gori_deadlock_suspect();
}

/* The last P has become idle without a check, or a check could not tell.  sched.lock is held. */
void gori_deadlock_suspect(void)
{
	gori_store_sc(&suspected, 1);
	gori_sysmon_start();
	gori_sysmon_kick(); /* pairs with deep_sleep's store and look */
}

/* Context: sysmon. */
void gori_deadlock_recheck(void)
{
	gori_lock(&gori_sched.lock);
	if (inside_is_still() && !gori_timers_any() && nobody_outside_can_act())
		report();
	gori_unlock(&gori_sched.lock);
}
