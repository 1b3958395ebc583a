/* SPDX-License-Identifier: MIT */
/*
 * What: who may report, and how a process ends.
 *
 * How: one word says who reports:
 *
 *	free --[gor_dump]--> LIVE of thread T --[end of gor_dump]--> free
 *	free --[first death]--> CRASH of thread T                    (never left)
 *	LIVE of T --[T itself dies]--> CRASH of T
 *	LIVE of T --[U dies, after T is done or 2 s]--> CRASH of U
 *
 * It names the process too, so that a child of fork starts with a free one.  Threads that come second wait
 * for ever, stopped like all others, so that two messages do not mix.
 *
 * The end is bounded: report and writes stop at a deadline (dump_timeout, 10 s), and should something hang
 * all the same, a timer's signal ends the process half a second later.
 *
 * Exit status: 2; 4 if stderr took nothing at all; with GOTRACEBACK=crash the process ends by SIGABRT.
 *
 * Invariants: raw_the_reader and the output buffer belong to the thread with the claim.
 * Context: SIG, G, M.
 */
#define _GNU_SOURCE
#include "crash/raw_fatal.h"

#include <signal.h>
#include <sys/mman.h>

#include "crash/crash.h"
#include "crash/raw_freeze.h"
#include "crash/raw_report.h"
#include "crash/raw_sys.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/options.h"
#include "sys/print.h"

#include "crash/safe.h"

#define MS ((int64_t)1000000)

enum {
	EXIT_CRASH = 2,
	EXIT_NOTHING_PRINTED = 4,
	FREEZE_MS = 500, /* for other threads to stop */
	LIVE_MS = 2000,  /* for another thread's gor_dump to end */
	GRACE_MS = 500,  /* from the deadline to the watchdog */
	OUT_SIZE = 1 << 16,
	LARGE_STACK = 128 * 1024,
};

/* What is known of a death when the report begins. */
struct death {
	struct raw_culprit who;
	bool print_registers;
};

struct gori_death raw_death;
struct raw_reader raw_the_reader;
const struct gori_g *raw_dying_g;

static uint64_t claim;      /* enum raw_claim << 62 | pid << 32 | tid; atomic */
static bool reporting;      /* by the thread with the claim */
static bool message_failed; /* stderr took nothing of a message */
static bool message_out;    /* stderr took a message */
static int64_t deadline;    /* of this death; 0: not begun */
static char *large_stack_top;
static char out_buf[OUT_SIZE];
static struct gori_print out;

/* ---- the claim ------------------------------------------------------------------------------------------------ */

/* Context: any. */
static uint64_t claim_word(enum raw_claim what)
{
	return (uint64_t)what << 62 | (uint64_t)raw_sys0(SYS_getpid) << 32 | (uint64_t)raw_sys0(SYS_gettid);
}

/* Context: any. */
static bool same_process(uint64_t a, uint64_t b)
{
	return (a << 2) >> 34 == (b << 2) >> 34;
}

/* Context: any. */
static bool same_thread(uint64_t a, uint64_t b)
{
	return a << 2 == b << 2;
}

/* Context: SIG or any. */
bool gori_crash_is_on(void)
{
	uint64_t now = gori_load(&claim);

	return gori_unlikely(now != 0) && same_process(now, claim_word(RAW_CLAIM_NONE));
}

/* Waits a little, stopped if a freeze is on.  Context: SIG or any. */
static void nap(const uint64_t regs[RAW_NREGS])
{
	static uint32_t never;

	raw_freeze_self(raw_this_m(), regs);
	gori_futex_wait(&never, 0, MS);
}

/* Context: SIG or any. */
bool raw_claim(enum raw_claim what, const uint64_t regs[RAW_NREGS])
{
	uint64_t mine = claim_word(what);
	int64_t patience = gori_print_now() + LIVE_MS * MS;

	for (;;) {
		uint64_t now = gori_load_acq(&claim);
		bool crash = now >> 62 == RAW_CLAIM_CRASH;

		if (now == 0 || !same_process(now, mine)) {
			if (!gori_cas(&claim, now, mine))
				continue;
			if (now)
				raw_freeze_reset(); /* stems from before a fork */
			return true;
		} else if (same_thread(now, mine)) {
			if (crash || what == RAW_CLAIM_LIVE)
				return false;
			gori_store_rel(&claim, mine); /* gor_dump itself went wrong */
			return true;
		} else if (crash && what == RAW_CLAIM_LIVE) {
			return false;
		} else if (!crash && what == RAW_CLAIM_CRASH && gori_print_now() > patience) {
			if (gori_cas(&claim, now, mine))
				return true;
		} else if (crash) {
			raw_freeze_self(raw_this_m(), regs); /* second: stays here for ever */
			raw_freeze_await();
		} else {
			nap(regs);
		}
	}
}

/* Context: SIG or any. */
bool raw_is_dying(const uint64_t regs[RAW_NREGS])
{
	uint64_t now = gori_load_acq(&claim), mine = claim_word(RAW_CLAIM_CRASH);

	if (now >> 62 != RAW_CLAIM_CRASH || !same_process(now, mine))
		return false;
	return same_thread(now, mine) || !raw_claim(RAW_CLAIM_CRASH, regs);
}

/* Context: any. */
void raw_unclaim(void)
{
	gori_store_rel(&claim, 0);
}

/* Context: any; the only thread of a child. */
void gori_crash_after_fork(void)
{
	gori_store(&claim, 0);
	raw_freeze_reset();
}

/* ---- ends ------------------------------------------------------------------------------------------------------- */

/* Context: SIG or any. */
static _Noreturn void end_process(void)
{
	bool nothing = (out.err || message_failed) && out.written == 0 && !message_out;

	for (;;)
		raw_sys1(SYS_exit_group, nothing ? EXIT_NOTHING_PRINTED : EXIT_CRASH);
}

/* Context: SIG. */
static void on_watchdog(void)
{
	static const char text[] = "\n[dump stopped: it took too long]\n";
	uint64_t written = 0;

	gori_print_write(2, text, sizeof text - 1, gori_print_now() + 10 * MS, &written);
	end_process();
}

/* Context: SIG or any. */
void raw_raise_default(int sig)
{
	struct raw_sigaction dfl = {0};

	raw_sigaction(sig, &dfl, NULL);
	raw_sigprocmask(SIG_UNBLOCK, RAW_SIGBIT(sig), NULL);
	raw_sys3(SYS_tgkill, raw_sys0(SYS_getpid), raw_sys0(SYS_gettid), sig);
}

/* Nothing but faults interrupts a dying thread from here on, and it ends in time.  Context: SIG or any. */
static void begin_dying(void)
{
	uint64_t faults = RAW_SIGBIT(SIGSEGV) | RAW_SIGBIT(SIGBUS) | RAW_SIGBIT(SIGILL) | RAW_SIGBIT(SIGFPE) |
			  RAW_SIGBIT(SIGTRAP) | RAW_SIGBIT(SIGABRT) | RAW_SIGBIT(SIGSYS);
	int64_t limit = (gori_options.dump_seconds > 0 ? gori_options.dump_seconds : 10) * 1000 * MS;
	struct gori_m *m = raw_this_m();

	raw_sigprocmask(SIG_SETMASK, ~faults, NULL);
	if (m)
		m->in_crash = 1;
	deadline = gori_print_now() + limit;
	raw_watchdog(limit + GRACE_MS * MS, on_watchdog);
}

/* Context: SIG or any. */
void raw_message(const char *text, size_t n)
{
	uint64_t written = 0;
	int err = gori_print_write(2, text, n, deadline, &written);

	if (err && !written)
		message_failed = true;
	else
		message_out = true;
}

/* ---- a stack ------------------------------------------------------------------------------------------------------ */

/* Context: the library constructor. */
void raw_large_stack_init(void)
{
	char *base = raw_map(RAW_PAGE + LARGE_STACK);

	if (!base || raw_sys3(SYS_mprotect, base, RAW_PAGE, PROT_NONE) != 0)
		return;
	large_stack_top = base + RAW_PAGE + LARGE_STACK;
}

/* Context: with a claim. */
void raw_with_large_stack(void (*fn)(void *), void *arg)
{
	if (large_stack_top)
		gori_crash_on_stack(large_stack_top, fn, arg);
	else
		fn(arg);
}

/* ---- the report --------------------------------------------------------------------------------------------------- */

/* Context: SIG or any. */
const struct gori_g *raw_g_of(const struct gori_m *m)
{
	static const struct gori_g stranger = {.status = GORI_GRUNNING};

	return m && m->curg ? m->curg : &stranger;
}

/* Context: SIG or any. */
bool raw_is_reporting(void)
{
	uint64_t now = gori_load_acq(&claim);

	return reporting && now >> 62 == RAW_CLAIM_CRASH && same_thread(now, claim_word(RAW_CLAIM_CRASH));
}

/* Context: SIG. */
void raw_report_failed(const char *name, uint64_t addr, uint64_t pc)
{
	reporting = false;
	gori_print_text(&out, "\n[");
	gori_print_text(&out, name);
	gori_print_text(&out, " while dumping: addr=");
	gori_print_hex(&out, addr);
	gori_print_text(&out, " pc=");
	gori_print_hex(&out, pc);
	gori_print_text(&out, "]\n");
	gori_print_flush(&out);
}

/* A deadlock is found by the scheduler or by sysmon: where they are says nothing about it. */
static bool worth_showing(const struct death *d)
{
	bool is_goroutine = d->who.g && d->who.g->goid && !(d->who.g->flags & GORI_G_SYSTEM);

	return is_goroutine || d->print_registers || gori_options.traceback >= GORI_TB_SYSTEM;
}

/* The rest of a life, on the large stack.  Context: SIG or any. */
static void report_and_end(void *arg)
{
	const struct death *d = arg;
	struct raw_report rep = {.reader = &raw_the_reader, .out = &out, .level = gori_options.traceback};
	int awake = 0;

	gori_print_init(&out, 2, out_buf, sizeof out_buf, deadline);
	reporting = true;
	if (rep.level > GORI_TB_NONE) {
		awake = raw_freeze(gori_print_now() + FREEZE_MS * MS);
		raw_reader_reset(&raw_the_reader);
		raw_the_reader.culprit = worth_showing(d) ? &d->who : NULL;
		raw_the_reader.deadline = gori_print_now() + (deadline - gori_print_now()) / 2;
		raw_the_reader.show_runtime = rep.level >= GORI_TB_SYSTEM;
		rep.now = gori_print_now();
		gori_print_char(&out, '\n');
		raw_report_all(&rep);
		if (awake) {
			gori_print_text(&out, "\n[threads that did not stop: ");
			gori_print_dec(&out, awake);
			gori_print_text(&out, "]\n");
		}
		if (d->print_registers)
			raw_report_registers(&out, d->who.regs);
	}
	if (rep.level >= GORI_TB_SYSTEM)
		raw_report_modules(&rep);
	gori_print_flush(&out);
	if (rep.level == GORI_TB_CRASH)
		raw_raise_default(SIGABRT);
	end_process();
}

/* Context: SIG or any. */
_Noreturn void raw_die(const struct raw_culprit *who, bool print_registers)
{
	/* Not on the alternate stack, which another signal would start again from its top. */
	static struct death d;

	d.who = *who;
	d.print_registers = print_registers;
	raw_dying_g = who->g;
	raw_with_large_stack(report_and_end, &d);
	end_process();
}

/* ---- what the rest of the runtime calls ---------------------------------------------------------------------------- */

/* Context: G, M. */
void gori_crash_begin(void)
{
	uint64_t regs[RAW_NREGS];

	gori_crash_getregs(regs);
	if (raw_claim(RAW_CLAIM_CRASH, regs))
		begin_dying();
}

/* Context: G, M. */
_Noreturn void gori_crash_panic(void)
{
	struct raw_culprit who = {.exact = false};

	gori_crash_begin();
	gori_crash_getregs(who.regs);
	who.g = raw_g_of(raw_this_m());
	raw_die(&who, false);
}

/* Context: G, M. */
_Noreturn void gori_crash_fatal(const char *msg)
{
	char buf[1024];
	struct gori_print line;

	gori_crash_begin();
	gori_print_init(&line, -1, buf, sizeof buf, 0);
	gori_print_text(&line, "fatal error: ");
	gori_print_text(&line, msg);
	gori_print_char(&line, '\n');
	raw_message(buf, line.len);
	gori_crash_panic();
}
