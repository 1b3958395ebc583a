/* SPDX-License-Identifier: MIT */
/*
 * What: gor_dump: a report of a program that goes on.
 *
 * How: claim, freeze, capture into memory, thaw, print, give back.  The printing comes after the thaw, both to
 * keep the pause short and because whoever reads the descriptor may be one of the stopped threads.
 *
 * Invariants: the claim is held until the text is out: the reader's caches and the output buffer are shared
 * with crash reports.  All signals but those of faults are blocked meanwhile, so that no handler of the
 * program runs while its other threads are stopped.
 * Context: G, outside the runtime; any thread.
 */
#define _GNU_SOURCE
#include <gorgon/dump.h>

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "crash/crash.h"
#include "crash/raw_fatal.h"
#include "crash/raw_freeze.h"
#include "crash/raw_report.h"
#include "crash/raw_sys.h"
#include "sys/print.h"

#include "crash/safe.h"

#define MS ((int64_t)1000000)

enum { FREEZE_MS = 200, WALK_MS = 10000, OUT_SIZE = 1 << 16 };

/* Takes back a SIGPIPE that a write of ours has raised.  Context: signals blocked. */
static void swallow_sigpipe(void)
{
	uint64_t set = RAW_SIGBIT(SIGPIPE);
	struct timespec zero = {0, 0};

	raw_sys4(SYS_rt_sigtimedwait, &set, 0, &zero, sizeof set);
}

struct request {
	int fd, flags;
	struct raw_culprit who;
	int err;
};

/* Context: any; signals blocked, claimed. */
static void dump(void *arg)
{
	static char buf[OUT_SIZE];
	struct request *rq = arg;
	int fd = rq->fd, flags = rq->flags;
	struct gori_print out;
	struct raw_report rep = {.reader = &raw_the_reader, .out = &out, .level = GORI_TB_ALL};
	bool complete;

	gori_print_init(&out, fd, buf, sizeof buf, 0);
	if (flags & GOR_DUMP_SELF)
		rep.level = GORI_TB_SINGLE;
	else if (flags & GOR_DUMP_SYSTEM)
		rep.level = GORI_TB_SYSTEM;
	raw_reader_reset(&raw_the_reader);
	raw_the_reader.culprit = &rq->who;
	raw_the_reader.show_runtime = flags & GOR_DUMP_SYSTEM;
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

/* Context: G or any thread, outside the runtime. */
GOR_API int gor_dump(int fd, int flags)
{
	uint64_t faults = RAW_SIGBIT(SIGSEGV) | RAW_SIGBIT(SIGBUS) | RAW_SIGBIT(SIGILL) | RAW_SIGBIT(SIGFPE);
	struct gori_m *m = raw_this_m();
	struct request rq = {.fd = fd, .flags = flags, .who = {.g = raw_g_of(m), .exact = false}};
	uint64_t mask = 0, pending = 0;

	gori_crash_getregs(rq.who.regs);
	raw_sigprocmask(SIG_BLOCK, ~faults, &mask);
	if (!raw_claim(RAW_CLAIM_LIVE, rq.who.regs)) {
		raw_sigprocmask(SIG_SETMASK, mask, NULL);
		return -EBUSY;
	}
	if (m)
		m->in_crash = 1;
	raw_sys2(SYS_rt_sigpending, &pending, sizeof pending);
	raw_with_large_stack(dump, &rq);
	if (rq.err == -EPIPE && !(pending & RAW_SIGBIT(SIGPIPE)))
		swallow_sigpipe();
	if (m)
		m->in_crash = 0;
	raw_unclaim();
	raw_sigprocmask(SIG_SETMASK, mask, NULL);
	return rq.err;
}
