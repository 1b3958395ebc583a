/* SPDX-License-Identifier: MIT */
/*
 * What: finds a process in /proc, lists its threads and mappings, and says why it cannot be looked at.
 *
 * How: that a process may be read is tried when it is opened, by opening its memory; the kernel's answer is one
 * number for many reasons, so the reason is looked for only then, in the order of how often it is the case.
 *
 * The main thread may have ended while others live on (pthread_exit in main).  The process then shows no memory,
 * mappings or program under its own number, but its other threads do: they are asked instead.
 */
#define _GNU_SOURCE
#include "target/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "target/maps.h"

enum { OPEN_TRIES = 20 };

#define US 1000L

void process_nap(int *turn)
{
	long ns = *turn < 10 ? 0 : (20 * US) << (*turn < 16 ? *turn - 10 : 6);
	struct timespec ts = {0, ns};

	if (ns)
		nanosleep(&ts, NULL);
	else
		sched_yield();
	++*turn;
}

/* ---- files in /proc ------------------------------------------------------------------------------------- */

ssize_t process_file(const struct process *p, const char *path, char *buf, size_t size)
{
	int fd = openat(p->dir, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) != 0) {
		if (n < 0) {
			n = -errno;
			close(fd);
			return n;
		}
		len += (size_t)n;
	}
	close(fd);
	buf[len] = '\0';
	return (ssize_t)len;
}

int process_stat(const struct process *p, int32_t tid, struct task_stat *ret)
{
	char path[64], text[1024];
	const char *end;
	ssize_t n;

	snprintf(path, sizeof path, "task/%d/stat", tid);
	n = process_file(p, path, text, sizeof text);
	if (n < 0)
		return (int)n;
	end = strrchr(text, ')'); /* the name in front of it may have parentheses and spaces */
	if (!end ||
	    sscanf(end, ") %c %" SCNd32 " %*d %*d %*d %*d %u", &ret->state, &ret->parent, &ret->flags) != 3)
		return -ESRCH;
	return 0;
}

int64_t process_status(const struct process *p, const char *name)
{
	char text[4096];
	size_t len = strlen(name);

	if (process_file(p, "status", text, sizeof text) < 0)
		return -1;
	/* the first line is the program's name, in which the kernel escapes newlines */
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == ':')
			return strtoll(line + len + 1, NULL, 10);
	}
	return -1;
}

void process_thread_name(const struct process *p, int32_t tid, char *ret, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "task/%d/comm", tid);
	n = process_file(p, path, ret, size);
	if (n > 0 && ret[n - 1] == '\n')
		n--;
	ret[n > 0 ? n : 0] = '\0';
}

int process_each_thread(const struct process *p, int (*fn)(struct process *p, int32_t tid, void *arg),
			void *arg)
{
	int fd = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!r && (d = readdir(dir)))
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9')
			r = fn((struct process *)p, (int32_t)strtol(d->d_name, NULL, 10), arg);
	closedir(dir);
	return r;
}

/* ---- why not -------------------------------------------------------------------------------------------- */

/* The name of another process, fit for a sentence. */
static void name_of(int64_t pid, char *buf, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%" PRId64 "/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(buf, (int)size, f))
		snprintf(buf, size, "?");
	if (f)
		fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
	for (char *c = buf; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static int yama_scope(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%d", &scope) != 1)
		scope = 0;
	fclose(f);
	return scope;
}

int process_refused(const struct process *p, int err, struct error *e)
{
	int64_t tracer = process_status(p, "TracerPid"), user = process_status(p, "Uid");
	const char *name = p->t.name;
	char who[32];

	if (err != -EPERM && err != -EACCES)
		return error_sys(e, err, "%s cannot be looked at", name);
	if (tracer > 0 && tracer == getpid())
		return error_set(e, -EBUSY, "%s is being traced by this process already", name);
	if (tracer > 0) {
		name_of(tracer, who, sizeof who);
		return error_set(e, -EBUSY,
				 "%s is being traced by process %" PRId64
				 " (%s): only one can; end that first",
				 name, tracer, who);
	}
	if (geteuid() != 0 && user >= 0 && user != geteuid())
		return error_set(e, -EPERM, "%s belongs to user %" PRId64 ": be that user, or root", name,
				 user);
	if (yama_scope() > 0)
		return error_set(
			e, -EPERM,
			"%s may not be looked at: kernel.yama.ptrace_scope is %d: be root, or set it "
			"to 0 (sysctl kernel.yama.ptrace_scope=0)",
			name, yama_scope());
	return error_set(e, -EPERM,
			 "%s may not be looked at: it has more rights than we have, or our container forbids "
			 "ptrace: be root with CAP_SYS_PTRACE",
			 name);
}

int process_ended(struct process *p, struct error *e)
{
	p->t.gone = true;
	return error_set(e, -ESRCH, "%s ended while it was being looked at", p->t.name);
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static bool is_living(const struct process *p, int32_t tid)
{
	struct task_stat s;

	return process_stat(p, tid, &s) == 0 && s.state != 'Z' && s.state != 'X';
}

struct search {
	int32_t but, found;
};

static int find_living(struct process *p, int32_t tid, void *arg)
{
	struct search *s = arg;

	if (tid != s->but && is_living(p, tid))
		s->found = tid;
	return s->found != 0;
}

int process_find_memory(struct process *p, int32_t but)
{
	struct search s = {.but = but};
	char path[64];
	int fd;

	process_each_thread(p, find_living, &s);
	if (!s.found)
		return -ESRCH;
	snprintf(path, sizeof path, "task/%d/mem", s.found);
	fd = openat(p->dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (p->mem >= 0)
		close(p->mem);
	p->mem = fd;
	p->memory_tid = s.found;
	return 0;
}

/* Whether it is a process with memory of its own. */
static int check(struct process *p, struct error *e)
{
	int64_t group = process_status(p, "Tgid");
	int32_t pid = p->t.pid;
	struct task_stat s;
	int r;

	if (group > 0 && group != pid)
		return error_set(e, -EINVAL, "%d is a thread of process %" PRId64 ": name that one", pid,
				 group);
	if (process_stat(p, pid, &s) < 0)
		return error_set(e, -ESRCH, "there is no process %d", pid);
	if (s.flags & TASK_KTHREAD)
		return error_set(e, -EINVAL, "process %d is a thread of the kernel", pid);
	r = process_find_memory(p, 0);
	if (r == -ESRCH && s.state == 'Z')
		return error_set(e, r, "process %d has ended: it is a zombie that process %d has to wait for",
				 pid, s.parent);
	if (r == -ESRCH)
		return process_ended(p, e);
	return r < 0 ? process_refused(p, r, e) : 0;
}

static void find_program(struct process *p)
{
	char path[64], exe[4096];
	ssize_t n;

	snprintf(path, sizeof path, "task/%d/exe", p->memory_tid);
	n = readlinkat(p->dir, path, exe, sizeof exe);
	if (n > 0 && (size_t)n < sizeof exe) {
		static const char mark[] = " (deleted)";
		size_t len = sizeof mark - 1;

		if ((size_t)n > len && !memcmp(exe + n - len, mark, len))
			n -= (ssize_t)len;
		p->t.exe = arena_strn(&p->t.arena, exe, (size_t)n);
	}
}

/* A process that executes a program is for a moment one without threads, memory or mappings. */
static bool is_in_between(const struct process *p)
{
	return is_living(p, p->t.pid) || process_status(p, "Threads") > 1;
}

static int open_contents(struct process *p, struct error *e)
{
	int r = check(p, e);

	if (r == 0)
		r = process_load_mappings(&p->t, e);
	for (int turn = 0; r == -ESRCH && turn < OPEN_TRIES && is_in_between(p);) {
		process_nap(&turn);
		p->t.gone = false;
		r = check(p, e);
		if (r == 0)
			r = process_load_mappings(&p->t, e);
	}
	return r;
}

int process_open(struct process **ret, const struct target_ops *ops, int32_t pid, struct error *e)
{
	struct process *p;
	int r;

	if (pid < 0 || pid == getpid())
		return error_set(e, -EINVAL,
				 pid < 0 ? "%d is not the number of a process"
					 : "process %d is the one that reads: it cannot stop itself",
				 pid);
	p = target_new(ops, sizeof *p);
	p->is_self = pid == 0;
	p->t.pid = pid ? pid : getpid();
	p->t.name = arena_printf(&p->t.arena, "process %d", p->t.pid);
	p->mem = -1;
	if (p->is_self)
		snprintf(p->root, sizeof p->root, "/proc/self");
	else
		snprintf(p->root, sizeof p->root, "/proc/%d", pid);
	p->dir = open(p->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	strcat(p->root, "/root");
	r = p->dir < 0 ? error_set(e, -ESRCH, "there is no process %d", p->t.pid) : open_contents(p, e);
	if (r < 0) {
		target_close(&p->t);
		return r;
	}
	*ret = p;
	return 0;
}

void process_close(struct target *t)
{
	struct process *p = (struct process *)t;

	VEC_FREE(&p->tracees);
	table_deinit(&p->by_tid);
	if (p->mem >= 0)
		close(p->mem);
	if (p->dir >= 0)
		close(p->dir);
}

/* ---- what is in it -------------------------------------------------------------------------------------- */

/* The text of maps as the thread that we read shows it; *ret is malloc'ed. */
static ssize_t read_maps(const struct process *p, char **ret)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "task/%d/maps", p->memory_tid);
	for (size_t size = 1 << 16;; size *= 4) {
		*ret = base_malloc(size);
		n = process_file(p, path, *ret, size);
		if (n < 0 || (size_t)n < size - 1)
			return n;
		free(*ret);
	}
}

static bool has_ended(ssize_t n)
{
	return n == 0 || n == -ENOENT || n == -ESRCH;
}

int process_load_mappings(struct target *t, struct error *e)
{
	struct process *p = (struct process *)t;
	char *text;
	ssize_t n = read_maps(p, &text);

	if (has_ended(n) && process_find_memory(p, p->memory_tid) == 0) {
		free(text);
		n = read_maps(p, &text);
	}
	if (n > 0) {
		maps_parse(&t->arena, text, (size_t)n, &t->mappings, &t->nmappings);
		find_program(p);
	}
	free(text);
	if (has_ended(n))
		return process_ended(p, e);
	return n < 0 ? process_refused(p, (int)n, e) : 0;
}

/* What a thread does that is not stopped: "running", or the call's number and arguments. */
static void state_by_proc(struct process *p, struct target_thread *th)
{
	char path[64], text[256];
	struct task_stat s;
	uint64_t arg1 = 0;

	th->state = THREAD_RUNNING;
	th->syscall = -1;
	snprintf(path, sizeof path, "task/%d/syscall", th->tid);
	if (process_file(p, path, text, sizeof text) > 0) {
		if (sscanf(text, "%d %*x %" SCNx64, &th->syscall, &arg1) < 1)
			th->syscall = -1;
		th->state = call_state(th->syscall, arg1);
	} else if (process_stat(p, th->tid, &s) < 0 || s.state == 'Z' || s.state == 'X') {
		th->state = THREAD_STOPPED;
	} else if (s.state == 'S' || s.state == 'D') {
		th->state = THREAD_SYSCALL;
	}
}

struct tids {
	VEC(int32_t) tids;
};

static int add_tid(struct process *p, int32_t tid, void *arg)
{
	struct tids *l = arg;

	(void)p;
	*VEC_PUSH(&l->tids) = tid;
	return 0;
}

int process_list_threads(struct process *p, struct error *e)
{
	struct target *t = &p->t;
	struct tids l = {0};
	int r = process_each_thread(p, add_tid, &l);

	if (r < 0) {
		VEC_FREE(&l.tids);
		return r == -ESRCH ? process_ended(p, e) : error_sys(e, r, "threads of %s", t->name);
	}
	t->threads = arena_array(&t->arena, struct target_thread, l.tids.n);
	t->nthreads = l.tids.n;
	for (size_t i = 0; i < t->nthreads; i++) {
		t->threads[i].tid = l.tids.items[i];
		process_thread_name(p, t->threads[i].tid, t->threads[i].name, sizeof t->threads[i].name);
		state_by_proc(p, &t->threads[i]);
	}
	VEC_FREE(&l.tids);
	return 0;
}
