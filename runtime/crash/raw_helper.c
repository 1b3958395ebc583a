/* SPDX-License-Identifier: MIT */
/*
 * What: the helper process, as seen from the process that it decodes; abi/death.h says what both owe each other.
 *
 * How: three processes.
 *
 *	reporter (this process)        keeper (shares our memory)            helper (the tool)
 *	clone ------------------------> waits for `go`
 *	PR_SET_PTRACER, go -----------> closes descriptors, pipe, clone ----> execve
 *	sleeps in `stage` <------------ one bit for each byte and the end <--- bytes, exit
 *	                                kills it when it is late -------------> X
 *	reaps the keeper                reaps the helper
 *
 * The keeper has the clock, because a helper may have stopped the reporter with ptrace; the reporter has one too, a
 * little slower, for a keeper that is lost.  The keeper is there so that nobody else notices: it has no exit signal, so the program gets no SIGCHLD, and
 * a thread of the program's that waits for any child does not get this one; the helper is the keeper's child
 * and not the program's.  It has a descriptor table of its own, so a program that has used up its descriptors
 * can still be decoded.  And it needs no memory but its stack, which was mapped when the library was loaded.
 * It runs none of libc: its thread pointer is the reporter's.
 *
 * If the process ends first, the kernel kills the keeper and with it the helper (PR_SET_PDEATHSIG).
 *
 * Rejected: fork (copies page tables, runs the program's atfork handlers, takes locks), vfork (stops the
 * reporter, which then can keep no deadline), a process that is started in advance (costs every program
 * something, and programs that count their children would see it), a shared memory file instead of the
 * pipe (the pipe also tells of the end).
 *
 * Invariants: `stage` only gains bits.  ENDED is set when the helper has been reaped or never was.
 * Context: raw_helper_run and what it calls: SIG or any, with a claim.  keeper and helper: their own process.
 */
#define _GNU_SOURCE
#include "crash/raw_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "abi/death.h"
#include "crash/crash.h"
#include "crash/raw_fatal.h"
#include "crash/raw_mem.h"
#include "crash/raw_sys.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/options.h"
#include "sys/print.h"
#include "sys/tool.h"

#include "crash/safe.h"

#define MS ((int64_t)1000000)

enum {
	STACK_SIZE = 32 * 1024, /* of keeper and helper each */
	LAST_SIGNAL = 64,
	PATIENCE_MS = 500, /* for a killed helper to be gone */
	LOOK_MS = 100,     /* how often the keeper is looked after */
	SLOWER_MS = 300,   /* the reporter's clock */
	MANY_FDS = 4096,   /* closed one by one where the kernel has no close_range */
	NOT_STARTED = 127,
};

enum stage { STAGE_READ = 1, STAGE_WRITES = 2, STAGE_ENDED = 4 };

/* Shared with the keeper, which runs in the same memory. */
struct run {
	const struct raw_helper_job *job;
	int32_t pid;       /* of this process */
	int32_t keeper;    /* pid; 0: none */
	int32_t helper;    /* pid; 0: not yet; atomic */
	int status_fd;     /* the helper's end of the pipe, in its own table */
	bool was_late;     /* killed for it */
	int32_t not_begun; /* errno of the attempt to execute it that says most */
	int32_t status;    /* as from wait4; valid when ENDED */
	uint32_t go;       /* futex */
	uint32_t stage;    /* futex: enum stage bits */
	char *keeper_stack_top, *helper_stack_top;
};

/* A process may die while another thread's gor_dump is not finished. */
static struct run for_dump, for_death;

/* ---- the helper, until it is another program ---------------------------------------------------------------- */

/* Context: helper. */
static void execute(struct run *r, char *path)
{
	char pid[24], status[24], out_fd[24];
	char *argv[] = {"gorgon", (char *)(uintptr_t)r->job->command, pid, status, out_fd, NULL};
	const int64_t numbers[] = {r->pid, r->status_fd, r->job->fd};
	char *texts[] = {pid, status, out_fd};
	long err;

	for (int i = 0; i < 3; i++) {
		struct gori_print out;

		gori_print_init(&out, -1, texts[i], sizeof pid, 0);
		gori_print_dec(&out, numbers[i]);
		gori_print_char(&out, '\0');
	}
	err = raw_sys3(SYS_execve, path, argv, gori_tool.env);
	if (r->not_begun == 0 || err != -ENOENT)
		r->not_begun = (int32_t)-err;
}

/* The absolute ones of PATH's folders.  Context: helper. */
static void execute_from_search(struct run *r)
{
	static const char name[] = "/gorgon";
	char path[GORI_PATH_SIZE];

	for (const char *from = gori_tool.search; *from;) {
		size_t n = 0;

		while (from[n] && from[n] != ':')
			n++;
		if (from[0] == '/' && n + sizeof name <= sizeof path) {
			raw_copy(path, from, n);
			raw_copy(path + n, name, sizeof name);
			execute(r, path);
		}
		from += n + (from[n] == ':');
	}
}

/* Context: helper. */
static void helper(void *arg)
{
	struct run *r = arg;

	raw_sys2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	gori_store(&r->helper, (int32_t)raw_sys0(SYS_getpid));
	raw_sigprocmask(SIG_SETMASK, 0, NULL);
	for (int i = 0; i < 4 && gori_tool.paths[i][0]; i++)
		execute(r, gori_tool.paths[i]);
	execute_from_search(r);
	for (;;)
		raw_sys1(SYS_exit_group, NOT_STARTED);
}

/* ---- the keeper --------------------------------------------------------------------------------------------- */

/* Context: keeper. */
static _Noreturn void keeper_ends(struct run *r)
{
	__atomic_fetch_or(&r->stage, STAGE_ENDED, __ATOMIC_RELEASE); /* pairs with await's acquire */
	gori_futex_wake(&r->stage, 1);
	for (;;)
		raw_sys1(SYS_exit, 0);
}

/* It could not be started.  Context: keeper. */
static _Noreturn void keeper_fails(struct run *r, long err)
{
	r->not_begun = (int32_t)-err;
	r->status = NOT_STARTED << 8;
	keeper_ends(r);
}

/* Handlers would run in a process that is not theirs.  Context: keeper. */
static void default_signals(void)
{
	struct raw_sigaction dfl = {0};

	for (int sig = 1; sig <= LAST_SIGNAL; sig++)
		raw_sigaction(sig, &dfl, NULL);
}

/* Who ends a program with its process group sends the signal to those who report it, too; timeout(1) does so right
 * after it has sent it to the program.  An ignored signal stays ignored in the tool.  Context: keeper. */
static void ignore_causes(const struct run *r)
{
	const int causes[] = {r->job->is_death ? raw_death.sig : 0, gori_options.dump_signal,
			      gori_options.leaks_signal};
	struct raw_sigaction ign = {.handler = (void *)SIG_IGN};

	for (int i = 0; i < 3; i++)
		if (causes[i])
			raw_sigaction(causes[i], &ign, NULL);
}

/* Context: keeper. */
static void close_from(unsigned from, unsigned to)
{
	if (from > to || raw_sys3(SYS_close_range, from, to, 0) == 0)
		return;
	for (unsigned fd = from; fd <= to && fd < MANY_FDS; fd++)
		raw_sys1(SYS_close, fd);
}

/* All but standard ones and that of the report; those of 0 to 2 that are closed get something harmless, so that
 * the pipe does not become anybody's stderr.  Context: keeper. */
static void arrange_descriptors(int keep)
{
	for (int fd = 0; fd <= 2; fd++)
		if (raw_sys2(SYS_fcntl, fd, F_GETFD) < 0)
			raw_sys4(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
	for (int fd = 0; fd <= 2; fd++)
		raw_sys3(SYS_fcntl, fd, F_SETFD, 0);
	if (keep <= 2) {
		close_from(3, ~0u);
		return;
	}
	close_from(3, (unsigned)keep - 1);
	close_from((unsigned)keep + 1, ~0u);
	raw_sys3(SYS_fcntl, keep, F_SETFD, 0);
}

/* Eight hexadecimal digits.  Context: keeper. */
static uint32_t parse_number(const char *p)
{
	uint32_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);
	return n;
}

/* What the helper has told.  False: nothing more will come.  Context: keeper. */
static bool pass_on(struct run *r, int fd)
{
	char bytes[64];
	long n = raw_sys3(SYS_read, fd, bytes, sizeof bytes);
	uint32_t bits = 0;

	for (long i = 0; i < n; i++) {
		if (bytes[i] == GORI_HELPER_READ) {
			bits |= STAGE_READ;
		} else if (bytes[i] == GORI_HELPER_WRITES) {
			bits |= STAGE_WRITES;
		} else if (bytes[i] == GORI_HELPER_COUNT && i + 8 < n) {
			if (r->job->ret_number)
				*r->job->ret_number = parse_number(bytes + i + 1);
			i += 8;
		}
	}
	if (bits) {
		__atomic_fetch_or(&r->stage, bits, __ATOMIC_RELEASE); /* pairs with await's acquire */
		gori_futex_wake(&r->stage, 1);
	}
	return n > 0 || n == -EINTR || n == -EAGAIN;
}

/* How long the helper may go on doing what it does: milliseconds for poll.  Context: any. */
static int64_t time_left(const struct run *r)
{
	uint32_t stage = gori_load_acq(&r->stage);
	int64_t left = (stage & STAGE_WRITES ? r->job->deadline : r->job->begin_by) - gori_print_now();

	return left > 0 ? left / MS + 1 : 0;
}

/* Until the helper has ended; its own children may hold the pipe open for longer.  Context: keeper. */
static void listen_to(struct run *r, int fd, long pid)
{
	struct pollfd p[] = {{fd, POLLIN, 0}, {(int)raw_sys2(SYS_pidfd_open, pid, 0), POLLIN, 0}};

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		long n = raw_sys3(SYS_poll, p, 2, r->was_late ? -1 : time_left(r));

		if (n < 0 && n != -EINTR) {
			return;
		} else if (n == 0) {
			r->was_late = true;
			raw_sys2(SYS_kill, pid, SIGKILL);
		} else if (n > 0 && p[0].revents) {
			if (!pass_on(r, fd))
				p[0].fd = -1;
		} else if (n > 0) {
			return;
		}
	}
}

/* Context: keeper. */
static void keeper(void *arg)
{
	struct run *r = arg;
	int ends[2];
	long pid, err;

	raw_sys2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	default_signals();
	while (!gori_load_acq(&r->go)) { /* pairs with the reporter's release */
		if (raw_sys0(SYS_getppid) != r->pid)
			keeper_ends(r);
		gori_futex_wait(&r->go, 0, LOOK_MS * MS);
	}
	ignore_causes(r);
	arrange_descriptors(r->job->fd);
	err = raw_sys2(SYS_pipe2, ends, O_CLOEXEC);
	if (err < 0)
		keeper_fails(r, err);
	r->status_fd = ends[1];
	raw_sys3(SYS_fcntl, ends[1], F_SETFD, 0);
	raw_sys3(SYS_fcntl, ends[0], F_SETFL, O_NONBLOCK);
	pid = gori_crash_clone(CLONE_VM | CLONE_VFORK | CLONE_UNTRACED | SIGCHLD, r->helper_stack_top, helper,
			       r);
	raw_sys1(SYS_close, ends[1]);
	if (pid < 0)
		keeper_fails(r, pid);
	listen_to(r, ends[0], pid);
	while (raw_sys4(SYS_wait4, pid, &r->status, __WALL, 0) == -EINTR)
		;
	keeper_ends(r);
}

/* ---- the reporter ------------------------------------------------------------------------------------------- */

/* Sleeps until `stage` is not `seen` any more, or the limit, or the keeper is gone.  Context: reporter. */
static uint32_t await(struct run *r, uint32_t seen, int64_t limit, bool *ret_keeper_gone)
{
	*ret_keeper_gone = false;
	for (;;) {
		uint32_t now = gori_load_acq(&r->stage); /* pairs with the keeper's release */
		int64_t left = limit - gori_print_now();

		if (now != seen || left <= 0)
			return now;
		if (!r->keeper || raw_sys4(SYS_wait4, r->keeper, 0, WNOHANG | __WALL, 0) != 0) {
			r->keeper = 0;
			*ret_keeper_gone = true;
			return gori_load_acq(&r->stage);
		}
		gori_futex_wait(&r->stage, seen, left < LOOK_MS * MS ? left : LOOK_MS * MS);
	}
}

/* Context: reporter. */
static void kill_helper(struct run *r)
{
	int32_t pid = gori_load(&r->helper);

	if (pid > 0 && !(gori_load_acq(&r->stage) & STAGE_ENDED))
		raw_sys2(SYS_kill, pid, SIGKILL);
}

/* It has said ENDED and is about to exit, or is not worth waiting for.  Context: reporter. */
static void reap_keeper(struct run *r)
{
	int64_t limit = gori_print_now() + PATIENCE_MS * MS;
	static uint32_t never;

	if (r->keeper && !(gori_load_acq(&r->stage) & STAGE_ENDED))
		raw_sys2(SYS_kill, r->keeper, SIGKILL);
	while (r->keeper && raw_sys4(SYS_wait4, r->keeper, 0, WNOHANG | __WALL, 0) == 0 &&
	       gori_print_now() < limit)
		gori_futex_wait(&never, 0, MS / 4);
	r->keeper = 0;
}

/* Until the helper has ended, or its time is long up: false.  Context: reporter. */
static bool look_after(struct run *r)
{
	uint32_t seen = 0;
	bool told = false, gone = false;

	for (;;) {
		int64_t limit = gori_print_now() + (time_left(r) + SLOWER_MS) * MS;

		seen = await(r, seen, limit, &gone);
		if (seen & STAGE_READ && !told) {
			told = true;
			if (r->job->on_read)
				r->job->on_read();
		}
		if (seen & STAGE_ENDED || gone)
			return true;
		if (gori_print_now() >= limit)
			return false;
	}
}

/* Context: reporter. */
static enum raw_helper_end judge(const struct run *r, const char **ret_why)
{
	uint32_t stage = gori_load_acq(&r->stage);

	if (stage & STAGE_ENDED && stage & STAGE_WRITES && r->status == 0)
		return RAW_HELPER_COMPLETE;
	if (r->was_late)
		*ret_why = "it took too long";
	else if (!(stage & STAGE_ENDED))
		*ret_why = "the gorgon tool was lost";
	else if (WIFSIGNALED(r->status))
		*ret_why = "the gorgon tool was killed";
	else if (WEXITSTATUS(r->status) != NOT_STARTED)
		*ret_why = "the gorgon tool failed";
	else
		*ret_why = r->not_begun == ENOENT ? "there is no gorgon tool"
						  : "the gorgon tool cannot be started";
	return stage & STAGE_WRITES ? RAW_HELPER_PARTIAL : RAW_HELPER_NOTHING;
}

/* Context: reporter. */
enum raw_helper_end raw_helper_run(const struct raw_helper_job *job, const char **ret_why)
{
	struct run *r = job->is_death ? &for_death : &for_dump;
	bool gone;
	long pid;

	*ret_why = NULL;
	if (!gori_tool.env || !r->helper_stack_top || raw_sys2(SYS_fcntl, job->fd, F_GETFD) < 0)
		return RAW_HELPER_NOTHING;
	r->job = job;
	r->pid = (int32_t)raw_sys0(SYS_getpid);
	r->helper = r->not_begun = r->status = 0;
	r->stage = r->go = 0;
	r->was_late = false;
	pid = gori_crash_clone(CLONE_VM | CLONE_UNTRACED, r->keeper_stack_top, keeper, r);
	if (pid < 0) {
		*ret_why = "no process can be started";
		return RAW_HELPER_NOTHING;
	}
	r->keeper = (int32_t)pid;
	raw_sys2(SYS_prctl, PR_SET_PTRACER, pid); /* it and its children may read us; EINVAL without Yama */
	gori_store_rel(&r->go, 1);
	gori_futex_wake(&r->go, 1);
	if (!look_after(r)) {
		r->was_late = true;
		kill_helper(r);
		await(r, gori_load_acq(&r->stage) & ~(uint32_t)STAGE_ENDED,
		      gori_print_now() + PATIENCE_MS * MS, &gone);
	}
	reap_keeper(r);
	raw_sys2(SYS_prctl, PR_SET_PTRACER, 0);
	return judge(r, ret_why);
}

/* Context: SIG; reporter. */
bool raw_helper_abandon(void)
{
	struct run *r = &for_death;

	if (r->keeper > 0) {
		kill_helper(r);
		raw_sys2(SYS_kill, r->keeper, SIGKILL);
		reap_keeper(r);
	}
	return gori_load_acq(&r->stage) & STAGE_WRITES;
}

/* Context: the library constructor. */
void raw_helper_init(void)
{
	struct run *const runs[] = {&for_dump, &for_death};
	char *base, *at;

	if (!gori_tool.env)
		return;
	base = raw_map(RAW_PAGE + 4 * STACK_SIZE);
	if (!base || raw_sys3(SYS_mprotect, base, RAW_PAGE, PROT_NONE) != 0)
		return;
	at = base + RAW_PAGE;
	for (int i = 0; i < 2; i++) {
		runs[i]->keeper_stack_top = at += STACK_SIZE;
		runs[i]->helper_stack_top = at += STACK_SIZE;
	}
}
