/* SPDX-License-Identifier: MIT */
/*
 * What: stopping the other threads of the runtime; raw_freeze.h says when.
 *
 * How: each M gets SIGURG by tgkill.  Its handler leaves the registers in the M and sleeps on a futex until
 * the thaw.  SIGURG, because nobody uses it, its default is to be ignored, gdb passes it on silently, and a
 * second one does not queue up (Go chose it for the same reasons).  The handler is installed for as long as
 * a freeze lasts and what was there is put back, so a program's own SIGURG handler works at all other times
 * and is called for signals that are not ours.
 *
 *	dumper                                  another M
 *	frozen = N, install handler
 *	tgkill --------------------------------> registers -> m->crash_regs; crash_frozen = N (release)
 *	wait until crash_frozen or deadline <--- wake; sleep while frozen == N
 *	read everything
 *	frozen = 0, wake all ------------------> crash_frozen = 0; return
 *
 * N differs from freeze to freeze, so a thread that is still on its way out of the former one does not count
 * as stopped.
 *
 * A thread that blocks SIGURG, or sits in an uninterruptible call, does not answer: the dump goes on.
 * Rejected: SIGSTOP (stops the dumper too), ptrace (needs another process), real-time signals (they kill the
 * process where the handler is missing), membarrier (stops nothing).
 *
 * Invariants: a thread is asked once per freeze.  crash_frozen != 0 implies that crash_regs is complete.
 * Locking: one dumper at a time (raw_fatal.c).  Context: SIG.
 */
#define _GNU_SOURCE
#include "crash/raw_freeze.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "crash/crash.h"
#include "crash/raw_sys.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/print.h"

#include "crash/safe.h"

enum {
	FREEZE_SIGNAL = SIGURG,
	MAX_IDS = 1 << 16,         /* Ms with a larger id are not stopped */
	SA_RESTORER_ = 0x04000000, /* the kernel's; not in libc's headers */
	NOTIFY_THREAD_ID = 4,      /* SIGEV_THREAD_ID, likewise */
	TICK = 1000000,
};

static uint32_t frozen; /* futex: number of the freeze that is on, 0 if none is */
static uint32_t nfreezes;
static uint32_t answers;             /* futex: +1 by each thread that has gone to sleep */
static uint64_t asked[MAX_IDS / 64]; /* Ms that got the signal; the dumper's */
static struct raw_sigaction former;  /* disposition of the signal before the freeze */
static void (*watchdog_fn)(void);

/* Context: any. */
struct gori_m *raw_this_m(void)
{
	int32_t tid;

	if (gori_tls_m)
		return gori_tls_m;
	tid = (int32_t)raw_sys0(SYS_gettid); /* a thread that is just becoming an M */
	for (struct gori_m *m = gori_allm(); m; m = m->all_next)
		if (gori_load(&m->tid) == tid)
			return m;
	return NULL;
}

/* Context: SIG. */
void raw_regs_of(const ucontext_t *uc, uint64_t ret[17])
{
	static const uint8_t greg[17] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					 REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
					 REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (int i = 0; i < 17; i++)
		ret[i] = (uint64_t)uc->uc_mcontext.gregs[greg[i]];
}

/* Context: SIG or any. */
void raw_freeze_self(struct gori_m *m, const uint64_t regs[17])
{
	uint32_t now = gori_load_acq(&frozen);

	if (!now)
		return;
	if (m) {
		for (int i = 0; i < 17; i++)
			m->crash_regs[i] = regs[i];
		gori_store_rel(&m->crash_frozen, now); /* pairs with the dumper's acquire */
	}
	gori_add(&answers, 1);
	gori_futex_wake(&answers, 1);
	while (gori_load_acq(&frozen) == now)
		gori_futex_wait(&frozen, now, -1);
	if (m)
		gori_store(&m->crash_frozen, 0);
}

/* Context: SIG or any. */
void raw_freeze_await(void)
{
	gori_futex_wait(&frozen, 0, 100 * TICK);
}

/* Context: SIG. */
static void on_signal(int sig, siginfo_t *info, void *uc)
{
	uint64_t regs[17];

	if (info->si_code == SI_TIMER && watchdog_fn) {
		watchdog_fn();
	} else if (info->si_code == SI_TKILL && info->si_pid == (pid_t)raw_sys0(SYS_getpid)) {
		raw_regs_of(uc, regs);
		raw_freeze_self(raw_this_m(), regs);
	} else if ((uintptr_t)former.handler > 1) {
		((void (*)(int, siginfo_t *, void *))former.handler)(sig, info, uc);
	}
}

/* Context: any. */
static void install(void)
{
	struct raw_sigaction act = {
		.handler = (void *)on_signal,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_RESTORER_,
		.restorer = gori_crash_restorer,
		.mask = ~(RAW_SIGBIT(SIGSEGV) | RAW_SIGBIT(SIGBUS) | RAW_SIGBIT(SIGILL) | RAW_SIGBIT(SIGFPE)),
	};
	struct raw_sigaction old = {0};

	if (raw_sigaction(FREEZE_SIGNAL, &act, &old) == 0 && old.handler != act.handler)
		former = old;
}

/* Signals Ms that were not asked yet; returns how many are still awake.  Context: any. */
static int ask_and_count(int32_t self)
{
	long pid = raw_sys0(SYS_getpid);
	int awake = 0;

	for (struct gori_m *m = gori_allm(); m; m = m->all_next) {
		int32_t tid = gori_load(&m->tid);

		if (tid == 0 || tid == self || gori_load_acq(&m->crash_frozen) == gori_load(&frozen) ||
		    m->id >= MAX_IDS)
			continue;
		if (!(asked[m->id / 64] >> m->id % 64 & 1)) {
			asked[m->id / 64] |= (uint64_t)1 << m->id % 64;
			if (raw_sys3(SYS_tgkill, pid, tid, FREEZE_SIGNAL) < 0)
				continue; /* it is gone, or its M stems from before a fork */
		}
		awake++;
	}
	return awake;
}

/* Context: any. */
int raw_freeze(int64_t deadline)
{
	int32_t self = (int32_t)raw_sys0(SYS_gettid);
	int awake;

	for (int i = 0; i < MAX_IDS / 64; i++)
		asked[i] = 0;
	if (!gori_load(&frozen))
		gori_store_rel(&frozen, ++nfreezes ? nfreezes : ++nfreezes);
	gori_futex_wake(&frozen, 1 << 30); /* those that wait for this in raw_freeze_await */
	install();
	for (;;) {
		uint32_t seen = gori_load_acq(&answers);

		awake = ask_and_count(self); /* again and again: Ms may have started others meanwhile */
		if (awake == 0 || gori_print_now() > deadline)
			return awake;
		gori_futex_wait(&answers, seen, TICK);
	}
}

/* Context: any. */
void raw_thaw(void)
{
	gori_store_rel(&frozen, 0);
	gori_futex_wake(&frozen, 1 << 30);
	/* A straggler that gets the signal only now: the default ignores it. */
	raw_sigaction(FREEZE_SIGNAL, &former, NULL);
}

/* Context: any. */
void raw_watchdog(int64_t ns, void (*fn)(void))
{
	struct {
		uint64_t value;
		int32_t signo, notify, tid, pad[11];
	} ev = {0, FREEZE_SIGNAL, NOTIFY_THREAD_ID, (int32_t)raw_sys0(SYS_gettid), {0}};
	struct itimerspec when = {{0, 0}, {ns / 1000000000, ns % 1000000000}};
	int timer = 0;

	watchdog_fn = fn;
	install();
	raw_sigprocmask(SIG_UNBLOCK, RAW_SIGBIT(FREEZE_SIGNAL), NULL);
	if (raw_sys3(SYS_timer_create, CLOCK_MONOTONIC, &ev, &timer) == 0)
		raw_sys4(SYS_timer_settime, timer, 0, &when, NULL);
}

/* Context: any. */
bool raw_freeze_is_on(void)
{
	return gori_load(&frozen) != 0;
}

/* Context: any. */
void raw_freeze_reset(void)
{
	gori_store(&frozen, 0);
	gori_store(&answers, 0);
}
