/* SPDX-License-Identifier: MIT */
/*
 * What: who may report.
 *
 * How: one word says it:
 *
 *	free --[gor_dump]--> LIVE of thread T --[end of gor_dump]--> free
 *	free --[first death]--> CRASH of thread T                    (never left)
 *	LIVE of T --[T itself dies]--> CRASH of T
 *	LIVE of T --[U dies, after T is done or 2 s]--> CRASH of U
 *
 * It names the process too, so that a child of fork starts with a free one.  Threads that come second wait
 * for ever, stopped like all others, so that two messages do not mix.
 *
 * Invariants: raw_the_reader, raw_death and the output buffers belong to the thread with the claim.
 * Context: SIG, G, M.
 */
#define _GNU_SOURCE
#include "crash/raw_fatal.h"

#include <signal.h>
#include <sys/mman.h>

#include "crash/crash.h"
#include "crash/raw_freeze.h"
#include "crash/raw_sys.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/print.h"

#include "crash/safe.h"

#define MS ((int64_t)1000000)

enum {
	LIVE_MS = 2000, /* for another thread's gor_dump to end */
	LARGE_STACK = 128 * 1024,
};

struct raw_reader raw_the_reader;

static uint64_t claim; /* enum raw_claim << 62 | pid << 32 | tid; atomic */
static char *large_stack_top;

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

	if (gori_likely(now == 0) || !same_process(now, claim_word(RAW_CLAIM_NONE)))
		return false;
	return now >> 62 == RAW_CLAIM_CRASH || raw_freeze_is_on();
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
bool raw_is_mine(void)
{
	uint64_t now = gori_load_acq(&claim);

	return now >> 62 == RAW_CLAIM_CRASH && same_thread(now, claim_word(RAW_CLAIM_CRASH));
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

/* ---- small things ---------------------------------------------------------------------------------------------- */

/* Context: SIG or any. */
const struct gori_g *raw_g_of(const struct gori_m *m)
{
	static const struct gori_g stranger = {.status = GORI_GRUNNING};

	return m && m->curg ? m->curg : &stranger;
}

/* Context: SIG or any. */
void raw_raise_default(int sig)
{
	struct raw_sigaction dfl = {0};

	raw_sigaction(sig, &dfl, NULL);
	raw_sigprocmask(SIG_UNBLOCK, RAW_SIGBIT(sig), NULL);
	raw_sys3(SYS_tgkill, raw_sys0(SYS_getpid), raw_sys0(SYS_gettid), sig);
}

/* ---- a stack ------------------------------------------------------------------------------------------------------ */

/* Context: the library constructor. */
void raw_large_stack_init(void)
{
	char *base = raw_map(RAW_PAGE + LARGE_STACK);

	if (!base || raw_sys3(SYS_mprotect, base, RAW_PAGE, PROT_NONE) != 0)
		return;
	large_stack_top = base + RAW_PAGE + LARGE_STACK;
	gori_table_add("root.crash_stack", (uintptr_t)base + RAW_PAGE);
	gori_table_add("const.crash_stack", LARGE_STACK);
}

/* Context: with a claim. */
void raw_with_large_stack(void (*fn)(void *), void *arg)
{
	if (large_stack_top)
		gori_crash_on_stack(large_stack_top, fn, arg);
	else
		fn(arg);
}
