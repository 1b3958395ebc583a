/* SPDX-License-Identifier: MIT */
/*
 * What: gor_dump, gor_leaks, gor_snapshot and the user's signals: a report of a program that goes on.
 *
 * How: claim and freeze; then the helper reads the process and, as soon as it has told that it has what it needs,
 * threads are thawed and it prints.  Where there is no helper, or it writes nothing, the raw road: freeze,
 * capture into memory, thaw, print.  Either way the printing comes after the thaw, both to keep the pause
 * short and because whoever reads the descriptor may be one of the stopped threads.
 *
 * The calling thread waits until the text is out.  Meanwhile its P can be taken away as in any long call.
 *
 * Invariants: the claim is held until the text is out: the reader's caches, the output buffer and what is published
 * are shared with crash reports.  All signals but those of faults are blocked meanwhile, so that no handler of
 * the program runs while its other threads are stopped.
 * Context: SIG, or G outside the runtime; any thread.
 */
#define _GNU_SOURCE
#include "crash/raw_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "crash/crash.h"
#include "crash/raw_fatal.h"
#include "crash/raw_freeze.h"
#include "crash/raw_helper.h"
#include "crash/raw_report.h"
#include "crash/raw_sys.h"
#include "sys/atomic.h"
#include "sys/options.h"
#include "sys/print.h"

#include "crash/safe.h"

#define MS ((int64_t)1000000)

enum { FREEZE_MS = 200, WALK_MS = 10000, LAST_WORD_MS = 200, LONG_SECONDS = 60, OUT_SIZE = 1 << 16 };

/* Takes back a SIGPIPE that a write of ours has raised.  Context: signals blocked. */
static void swallow_sigpipe(void)
{
	uint64_t set = RAW_SIGBIT(SIGPIPE);
	struct timespec zero = {0, 0};

	raw_sys4(SYS_rt_sigtimedwait, &set, 0, &zero, sizeof set);
}

struct request {
	const char *command; /* of the helper */
	int fd, flags;
	const struct raw_culprit *who;
	enum gori_traceback level;
	bool is_dump;     /* what the process can also make itself, and quickly */
	const char *path; /* @snapshot */
	uint32_t told;    /* the number that the helper tells */
	int err;
};

/* ---- with the helper ---------------------------------------------------------------------------------------- */

/* The blank line and the reason, behind what the helper has written.  Context: with a claim. */
static int add_remark(int fd, const char *why)
{
	char line[128];
	struct gori_print out;

	gori_print_init(&out, fd, line, sizeof line, gori_print_now() + LAST_WORD_MS * MS);
	gori_print_text(&out, "\n[dump stopped: ");
	gori_print_text(&out, why);
	gori_print_text(&out, "]\n");
	return gori_print_flush(&out);
}

/* Context: with a claim; signals blocked. */
static void publish(const struct request *rq, int64_t now, int64_t deadline)
{
	raw_publish(rq->who, rq->level);
	raw_death.sig = raw_death.code = 0;
	raw_death.has_sse = raw_death.print_registers = raw_death.message_printed = raw_death.is_blameless =
		0;
	raw_death.message_len = 0;
	raw_death.flags = (uint32_t)rq->flags;
	raw_death.path = rq->path;
	raw_death.when = now;
	raw_death.deadline = deadline;
	gori_store_rel(&raw_death.kind, GORI_DEATH_DUMP);
}

/* False: nothing was written.  Context: with a claim; signals blocked. */
static bool dump_decoded(struct request *rq)
{
	int64_t now = gori_print_now();
	int64_t limit = (rq->is_dump ? gori_options.dump_seconds : LONG_SECONDS) * 1000 * MS;
	struct raw_helper_job job = {.command = rq->command,
				     .fd = rq->fd,
				     .begin_by = now + limit / 5 * 3,
				     .deadline = now + limit,
				     .ret_number = &rq->told,
				     .on_read = raw_thaw};
	enum raw_helper_end end;
	const char *why;

	if (rq->is_dump && rq->flags & GOR_DUMP_RAW)
		return false;
	raw_death.nawake = (uint32_t)raw_freeze(now + FREEZE_MS * MS);
	publish(rq, now, job.deadline);
	end = raw_helper_run(&job, &why);
	gori_store_rel(&raw_death.kind, GORI_DEATH_NONE);
	raw_death.path = NULL;
	if (raw_freeze_is_on())
		raw_thaw(); /* it never told that it had read */
	if (end == RAW_HELPER_PARTIAL)
		rq->err = add_remark(rq->fd, why) ?: -EIO;
	return end != RAW_HELPER_NOTHING;
}

/* ---- without ------------------------------------------------------------------------------------------------ */

/* Context: with a claim; signals blocked. */
static void dump_raw(struct request *rq)
{
	static char buf[OUT_SIZE];
	struct gori_print out;
	struct raw_report rep = {.reader = &raw_the_reader, .out = &out, .level = rq->level};
	bool complete;

	gori_print_init(&out, rq->fd, buf, sizeof buf, 0);
	raw_reader_reset(&raw_the_reader);
	raw_the_reader.culprit = rq->who;
	raw_the_reader.show_runtime = rq->flags & GOR_DUMP_SYSTEM;
	if (rep.level > GORI_TB_SINGLE)
		raw_freeze(gori_print_now() + FREEZE_MS * MS);
	raw_the_reader.deadline = gori_print_now() + WALK_MS * MS;
	rep.now = gori_print_now();
	complete = raw_report_capture(&rep);
	if (rep.level > GORI_TB_SINGLE)
		raw_thaw();
	raw_report_print_captured(&rep);
	gori_print_flush(&out);
	raw_reader_reset(&raw_the_reader); /* gives the symbol tables back */
	rq->err = out.err ? out.err : complete ? 0 : -ENOMEM;
}

/* Context: on the large stack; with a claim, signals blocked. */
static void dump(void *arg)
{
	struct request *rq = arg;

	if (dump_decoded(rq))
		return;
	if (rq->is_dump)
		dump_raw(rq);
	else
		rq->err = -ENOENT;
}

/* With the claim, on the large stack, and without a trace in the signals.  Context: SIG or any. */
static int answer(struct request *rq)
{
	uint64_t faults = RAW_SIGBIT(SIGSEGV) | RAW_SIGBIT(SIGBUS) | RAW_SIGBIT(SIGILL) | RAW_SIGBIT(SIGFPE);
	struct gori_m *m = raw_this_m();
	uint64_t mask = 0, pending = 0;
	uint8_t was_in_crash = m ? m->in_crash : 0;

	raw_sigprocmask(SIG_BLOCK, ~faults, &mask);
	if (!raw_claim(RAW_CLAIM_LIVE, rq->who->regs)) {
		raw_sigprocmask(SIG_SETMASK, mask, NULL);
		return -EBUSY;
	}
	if (m)
		m->in_crash = 1;
	raw_sys2(SYS_rt_sigpending, &pending, sizeof pending);
	raw_with_large_stack(dump, rq);
	if (rq->err == -EPIPE && !(pending & RAW_SIGBIT(SIGPIPE)))
		swallow_sigpipe();
	if (m)
		m->in_crash = was_in_crash;
	raw_unclaim();
	raw_sigprocmask(SIG_SETMASK, mask, NULL);
	return rq->err;
}

/* Context: SIG or any. */
int raw_dump(int fd, int flags, const struct raw_culprit *who)
{
	struct request rq = {.command = "@dump",
			     .is_dump = true,
			     .fd = fd,
			     .flags = flags,
			     .who = who,
			     .level = GORI_TB_ALL};

	if (flags & GOR_DUMP_SELF)
		rq.level = GORI_TB_SINGLE;
	else if (flags & GOR_DUMP_SYSTEM)
		rq.level = GORI_TB_SYSTEM;
	return answer(&rq);
}

/* Context: SIG or any. */
int raw_leaks(int fd, int flags, const struct raw_culprit *who, uint32_t *ret_count)
{
	struct request rq = {.command = "@leaks", .fd = fd, .flags = flags, .who = who, .level = GORI_TB_ALL};
	int err = answer(&rq);

	*ret_count = rq.told;
	return err;
}

/* The calling goroutine or thread, as of now. */
#define CALLER                                                                                               \
	{                                                                                                    \
		.g = raw_g_of(raw_this_m()), .exact = false                                                  \
	}

/* Context: any thread, outside the runtime. */
int raw_leaks_asked(int fd, int flags, uint32_t *ret_count)
{
	struct raw_culprit who = CALLER;

	gori_crash_getregs(who.regs);
	return raw_leaks(fd, flags, &who, ret_count);
}

/* Context: G or any thread, outside the runtime. */
GOR_API int gor_snapshot(const char *path, int flags)
{
	struct raw_culprit who = CALLER;
	struct request rq = {
		.command = "@snapshot", .path = path, .flags = flags, .who = &who, .level = GORI_TB_ALL};

	gori_crash_getregs(who.regs);
	rq.fd = (int)raw_sys4(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0);
	if (rq.fd < 0)
		return rq.fd;
	answer(&rq);
	raw_sys1(SYS_close, rq.fd);
	return rq.err == -ENOENT ? -ENOSYS : rq.err ? rq.err : -(int)rq.told;
}

/* Context: G or any thread, outside the runtime. */
GOR_API int gor_dump(int fd, int flags)
{
	struct raw_culprit who = CALLER;

	gori_crash_getregs(who.regs);
	return raw_dump(fd, flags, &who);
}
