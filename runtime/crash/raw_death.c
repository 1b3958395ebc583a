/* SPDX-License-Identifier: MIT */
/*
 * What: the last steps of a process: message, freeze, report, end.
 *
 * How: after the message the facts are published (abi/death.h) and the helper gets the first turn, because it can
 * decode.  Where it writes nothing, the raw report is made here, which needs nothing but this process.
 *
 *	gori_crash_begin    claim, mask, deadline, watchdog, file
 *	raw_message         by whoever knows what happened
 *	raw_die             freeze -> publish -> helper -> raw report, if that wrote nothing -> end
 *
 * The end is bounded: the helper must begin within three fifths of the time (dump_timeout, 10 s), report and writes
 * stop at the deadline, and should something hang all the same, a timer's signal ends the process half a
 * second later.
 *
 * Exit status: 2; 4 if nobody could be told anything; with GOTRACEBACK=crash the process ends by SIGABRT.  A
 * program that only has the handlers preloaded (gori_crash_is_plain) ends as it would have without them:
 * raw_die returns, and the handler gives the signal back.
 *
 * Invariants: the output buffer belongs to the thread with the claim.  What the helper has begun to write is
 * never written again to the same descriptor.
 * Context: SIG, G, M.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "crash/crash.h"
#include "crash/raw_fatal.h"
#include "crash/raw_freeze.h"
#include "crash/raw_helper.h"
#include "crash/raw_out.h"
#include "crash/raw_report.h"
#include "crash/raw_sys.h"
#include "sys/atomic.h"
#include "sys/options.h"
#include "sys/print.h"

#include "crash/safe.h"

#define MS ((int64_t)1000000)

enum {
	EXIT_CRASH = 2,
	EXIT_NOTHING_PRINTED = 4,
	FREEZE_MS = 500,    /* for other threads to stop */
	GRACE_MS = 500,     /* from the deadline to the watchdog */
	LAST_WORD_MS = 200, /* for one line after the deadline; a busy machine takes its time */
	OUT_SIZE = 1 << 16,
};

/* What is known of a death when the report begins. */
static struct death {
	struct raw_culprit who;
	bool print_registers;
	int awake; /* threads that did not stop */
} death;

struct gori_death raw_death;
const struct gori_g *raw_dying_g;
bool gori_crash_is_plain;

static uint32_t cause = GORI_DEATH_PANIC; /* raw_death.kind, to be */
static bool reporting;                    /* by the thread with the claim */
static bool helping;                      /* and it is still the helper's turn */
static bool helper_wrote;
static int64_t deadline; /* of this death; 0: not begun */
static char out_buf[OUT_SIZE];
static struct gori_print out;

/* ---- ends --------------------------------------------------------------------------------------------------- */

/* Context: SIG or any. */
static _Noreturn void end_process(void)
{
	bool nothing = !raw_out_has_message() && !helper_wrote && out.written == 0;

	for (;;)
		raw_sys1(SYS_exit_group, nothing ? EXIT_NOTHING_PRINTED : EXIT_CRASH);
}

/* Context: SIG. */
static void on_watchdog(void)
{
	static const char text[] = "\n[dump stopped: it took too long]\n";
	uint64_t written = 0;

	gori_print_write(2, text, sizeof text - 1, gori_print_now() + LAST_WORD_MS * MS, &written);
	end_process();
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
	raw_death.when = gori_print_now();
	deadline = raw_death.when + limit;
	raw_out_begin(deadline);
	raw_watchdog(limit + GRACE_MS * MS, on_watchdog);
}

/* ---- facts -------------------------------------------------------------------------------------------------- */

/* Context: SIG or any. */
void raw_cause(enum gori_death_kind kind, int sig, int code, uint64_t addr, uint64_t pc)
{
	cause = kind;
	raw_death.sig = sig;
	raw_death.code = code;
	raw_death.addr = addr;
	raw_death.pc = pc;
}

/* A deadlock is found by the scheduler or by sysmon: where they are says nothing about it.  Context: SIG or any. */
static bool worth_showing(const struct death *d)
{
	bool is_goroutine = d->who.g && d->who.g->goid && !(d->who.g->flags & GORI_G_SYSTEM);

	return is_goroutine || d->print_registers || gori_options.traceback >= GORI_TB_SYSTEM;
}

/* Context: SIG or any; with a claim. */
void raw_publish(const struct raw_culprit *who, uint32_t level)
{
	raw_death.tid = (int32_t)raw_sys0(SYS_gettid);
	raw_death.m = raw_this_m();
	raw_death.g = who->g == raw_g_of(NULL) ? NULL : who->g;
	for (int i = 0; i < RAW_NREGS; i++)
		raw_death.regs[i] = who->regs[i];
	raw_death.exact = who->exact;
	raw_death.is_plain = gori_crash_is_plain;
	raw_death.traceback = level;
	raw_death.options = &gori_options;
}

/* Context: SIG or any. */
static void publish_death(const struct death *d)
{
	raw_publish(&d->who, gori_options.traceback);
	raw_death.print_registers = d->print_registers;
	raw_death.is_blameless = !worth_showing(d);
	raw_death.message_printed = true;
	raw_death.nawake = (uint32_t)d->awake;
	raw_death.flags = 0;
	gori_store_rel(&raw_death.kind, cause);
}

/* ---- the report --------------------------------------------------------------------------------------------- */

/* Context: SIG or any. */
bool raw_is_reporting(void)
{
	return reporting && raw_is_mine();
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

/* A line in brackets after a blank one.  Context: SIG or any. */
static void add_remark(const char *what, const char *why)
{
	gori_print_text(&out, "\n[");
	gori_print_text(&out, what);
	gori_print_text(&out, why);
	gori_print_text(&out, "]\n");
}

/* What this process can say without help; false: fd did not take it.  Context: SIG or any. */
static bool report_raw(const struct death *d, int fd, const char *why)
{
	struct raw_report rep = {.reader = &raw_the_reader, .out = &out, .level = gori_options.traceback};
	uint64_t written = out.written;

	gori_print_init(&out, fd, out_buf, sizeof out_buf, deadline);
	out.written = written;
	raw_reader_reset(&raw_the_reader);
	raw_the_reader.culprit = worth_showing(d) ? &d->who : NULL;
	raw_the_reader.deadline = gori_print_now() + (deadline - gori_print_now()) / 2;
	raw_the_reader.show_runtime = rep.level >= GORI_TB_SYSTEM;
	rep.now = gori_print_now();
	gori_print_char(&out, '\n');
	raw_report_all(&rep);
	if (d->awake) {
		gori_print_text(&out, "\n[threads that did not stop: ");
		gori_print_dec(&out, d->awake);
		gori_print_text(&out, "]\n");
	}
	if (gori_crash_is_plain)
		add_remark("the stacks of other threads are not known", "");
	if (d->print_registers)
		raw_report_registers(&out, d->who.regs);
	if (rep.level >= GORI_TB_SYSTEM)
		raw_report_modules(&rep);
	if (why)
		add_remark("arguments are not decoded: ", why);
	return gori_print_flush(&out) == 0;
}

/* The helper's turn, then ours; false: fd did not take it.  Context: SIG or any. */
static bool report_to(const struct death *d, int fd)
{
	int64_t now = gori_print_now();
	struct raw_helper_job job = {.command = "@death",
				     .is_death = true,
				     .fd = fd,
				     .begin_by = now + (deadline - now) / 5 * 3,
				     .deadline = deadline};
	const char *why;
	enum raw_helper_end end;

	raw_death.deadline = deadline;
	helping = true;
	end = raw_helper_run(&job, &why);
	helping = false;
	if (end == RAW_HELPER_NOTHING)
		return report_raw(d, fd, why);
	helper_wrote = end == RAW_HELPER_COMPLETE; /* otherwise: if fd takes what follows */
	if (helper_wrote)
		return true;
	gori_print_init(&out, fd, out_buf, sizeof out_buf, gori_print_now() + LAST_WORD_MS * MS);
	add_remark("dump stopped: ", why);
	gori_print_flush(&out);
	return fd == 2;
}

/* Context: SIG or any. */
static void report_everywhere(const struct death *d)
{
	int log = raw_out_log();

	if (log >= 0) {
		raw_out_tell();
		if (report_to(d, log))
			return;
	}
	report_to(d, 2);
}

/* On the large stack.  Context: SIG or any. */
static void report(void *unused)
{
	(void)unused;
	reporting = true;
	if (gori_options.traceback > GORI_TB_NONE)
		death.awake = raw_freeze(gori_print_now() + FREEZE_MS * MS);
	publish_death(&death);
	if (gori_options.traceback > GORI_TB_NONE)
		report_everywhere(&death);
}

/* Context: SIG or any. */
static _Noreturn void end(void)
{
	if (gori_options.traceback == GORI_TB_CRASH)
		raw_raise_default(SIGABRT);
	end_process();
}

/* Context: SIG or any. */
void raw_die(const struct raw_culprit *who, bool print_registers)
{
	/* Not on the alternate stack, which another signal would start again from its top. */
	death.who = *who;
	death.print_registers = print_registers;
	raw_dying_g = who->g;
	raw_with_large_stack(report, NULL);
	if (!gori_crash_is_plain)
		end();
}

/* On the large stack, from its top: what was there before is not gone back to.  Context: SIG. */
static void report_after_all(void *sig)
{
	report_raw(&death, raw_out_log() >= 0 ? raw_out_log() : 2, "the gorgon tool cannot be started");
	if (gori_crash_is_plain)
		raw_raise_default((int)(intptr_t)sig);
	end();
}

/* Context: SIG. */
void raw_die_without_help(int sig)
{
	if (!helping)
		return;
	helping = false;
	helper_wrote = raw_helper_abandon();
	if (helper_wrote)
		return;
	raw_with_large_stack(report_after_all, (void *)(intptr_t)sig);
	end_process();
}

/* ---- what the rest of the runtime calls --------------------------------------------------------------------- */

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
	end_process();
}

/* Context: G, M. */
_Noreturn void gori_crash_fatal(const char *msg)
{
	char buf[1024];
	struct gori_print line;

	gori_crash_begin();
	raw_cause(GORI_DEATH_FATAL, 0, 0, 0, 0);
	gori_print_init(&line, -1, buf, sizeof buf, 0);
	gori_print_text(&line, "fatal error: ");
	gori_print_text(&line, msg);
	gori_print_char(&line, '\n');
	raw_message(buf, line.len);
	gori_crash_panic();
}
