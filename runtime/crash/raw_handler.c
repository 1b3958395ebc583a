/* SPDX-License-Identifier: MIT */
/*
 * What: the handlers of fatal signals: a fault in a goroutine's own code becomes a panic, everything else a
 * message, a dump and the end.
 *
 * How: which it is:
 *
 *	this thread is already dumping            one line, default action, the signal again
 *	SIGQUIT; ILL, ABRT, TRAP, SYS; sent by    "SIGQUIT: quit" and so on, dump
 *	  a process rather than by a fault
 *	fault address below the stack in use      "stack overflow", dump: there is no stack to panic on
 *	fault in user code on a goroutine         gori_sigpanic, as if the instruction had called it
 *	fault in the runtime, or on a thread      "unexpected signal", dump
 *	  that runs no goroutine
 *
 * A program that has these handlers only preloaded has no goroutines to panic: every signal is message, dump,
 * and then the signal again, with its default action and its own siginfo, at the instruction it came from.
 * dump_signal=SIGNAL dumps and returns, leaks_signal=SIGNAL has leaks looked for.
 *
 * Handlers are installed for signals whose action is the default when the library is loaded, so a handler
 * that was there before stays, and one that the program installs later replaces ours; it may call ours,
 * which it gets as the former action, or restore it.  Each M has an alternate stack, unless its thread has
 * one of its own.
 *
 * Rejected: SA_RESETHAND and siglongjmp out of the handler (leaves the signal blocked, loses the registers
 * that tell the arguments), running the panic on the alternate stack (it would run the user's deferred
 * functions there).
 *
 * Invariants: nothing here returns into code that faulted except through gori_sigpanic_entry.
 * Context: SIG, unless a function says otherwise.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "crash/crash.h"
#include "crash/raw_dump.h"
#include "crash/raw_fatal.h"
#include "crash/raw_freeze.h"
#include "crash/raw_helper.h"
#include "crash/raw_report.h"
#include "crash/raw_sys.h"
#include "sys/options.h"
#include "sys/print.h"

#include "crash/safe.h"

enum {
	RED_ZONE = 128,
	NEAR = 64 * 1024, /* stack pointer and fault address of an overflow are this close */
	GAP = 1 << 20,    /* what the kernel keeps free below the main stack */
	SA_RESTORER_ = 0x04000000,
	EFLAGS_TF = 0x100,
	EFLAGS_DF = 0x400,
	EFLAGS_AC = 0x40000,
	MESSAGE_MAX = 1024,
	LAST_WORD_NS = 200 * 1000 * 1000,
};

static const struct handled {
	uint8_t sig;
	bool is_fault; /* becomes a panic where it can */
	char name[8];
	const char *text; /* Go's words */
} handled[] = {
	{SIGSEGV, true, "SIGSEGV", "segmentation violation"},
	{SIGBUS, true, "SIGBUS", "bus error"},
	{SIGFPE, true, "SIGFPE", "floating-point exception"},
	{SIGILL, false, "SIGILL", "illegal instruction"},
	{SIGABRT, false, "SIGABRT", "abort"},
	{SIGTRAP, false, "SIGTRAP", "trace trap"},
	{SIGSYS, false, "SIGSYS", "bad system call"},
	{SIGQUIT, false, "SIGQUIT", "quit"},
};
enum { NHANDLED = sizeof handled / sizeof handled[0] };

/* One signal, as its handler got it. */
struct event {
	const struct handled *sig;
	const siginfo_t *info;
	ucontext_t *uc;
	struct gori_m *m; /* NULL: this thread is no M */
	uint64_t regs[RAW_NREGS];
	uint64_t addr; /* fault address; pc where the kernel gives none */
};

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* Sent by kill, raise and the like.  Context: SIG. */
static bool was_sent(const struct event *e)
{
	return e->info->si_code <= 0;
}

/* "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x401136]".  Context: SIG. */
static void print_signal_line(struct gori_print *out, const struct event *e)
{
	int code = e->info->si_code;

	gori_print_text(out, "[signal ");
	gori_print_text(out, e->sig->name);
	gori_print_text(out, ": ");
	gori_print_text(out, e->sig->text);
	gori_print_text(out, code < 0 ? " code=-" : " code=");
	gori_print_hex(out, (uint64_t)(code < 0 ? -(int64_t)code : code));
	if (was_sent(e)) {
		gori_print_text(out, " from pid ");
		gori_print_dec(out, e->info->si_pid);
	} else {
		gori_print_text(out, " addr=");
		gori_print_hex(out, e->addr);
	}
	gori_print_text(out, " pc=");
	gori_print_hex(out, e->regs[RAW_RIP]);
	gori_print_text(out, "]\n");
}

/* What the processor could not make sense of.  Context: SIG. */
static void print_instruction(struct gori_print *out, const struct event *e)
{
	enum { BYTES = 16 };
	uint8_t byte;

	gori_print_text(out, "instruction bytes:");
	for (uint64_t i = 0; i < BYTES; i++) {
		if (!raw_read(&raw_the_reader.unwind.mem, e->regs[RAW_RIP] + i, &byte, 1))
			break;
		gori_print_char(out, ' ');
		gori_print_hex(out, byte);
	}
	gori_print_char(out, '\n');
}

/* What is published: the facts, and the registers that only the kernel's frame has.  Context: SIG. */
static void publish_signal(const struct event *e, enum gori_death_kind kind)
{
	const struct _libc_fpstate *fp = e->uc->uc_mcontext.fpregs;

	raw_cause(kind, e->sig->sig, e->info->si_code, e->addr, e->regs[RAW_RIP]);
	raw_death.sender_pid = was_sent(e) ? e->info->si_pid : 0;
	raw_death.sender_uid = was_sent(e) ? e->info->si_uid : 0;
	raw_death.has_sse = fp != NULL;
	if (fp)
		raw_copy(raw_death.sse, fp->_xmm, sizeof raw_death.sse);
}

/* The same signal, pending until this handler has returned, so that a core shows the program as it was and with
 * the kernel's own words.  Context: SIG. */
static void raise_again(const struct event *e)
{
	struct raw_sigaction dfl = {0};
	int sig = e->sig->sig;

	raw_sigprocmask(SIG_SETMASK, ~(uint64_t)0, NULL);
	raw_sigaction(sig, &dfl, NULL);
	if (raw_sys4(SYS_rt_tgsigqueueinfo, raw_sys0(SYS_getpid), raw_sys0(SYS_gettid), sig, e->info) < 0)
		raw_raise_default(sig);
}

/* Returns only if gori_crash_is_plain.  Context: SIG. */
static void die_with(const struct event *e, const struct gori_g *g)
{
	struct raw_culprit who = {.g = g, .exact = true};

	for (int i = 0; i < RAW_NREGS; i++)
		who.regs[i] = e->regs[i];
	raw_die(&who, true);
	raise_again(e);
}

/* Context: SIG. */
static bool is_near(uint64_t a, uint64_t b)
{
	return a - b + NEAR < 2 * (uint64_t)NEAR;
}

/* Of a thread whose stack's bounds nobody here knows: in mapped memory, a fault is never this close to the stack
 * pointer.  Context: SIG. */
static bool looks_like_overflow(const struct event *e)
{
	return gori_crash_is_plain && e->sig->sig == SIGSEGV && !was_sent(e) &&
	       is_near(e->addr, e->regs[RAW_RSP]);
}

/* `first` is the message's first line, NULL: the signal's name and text.  Context: SIG. */
static void die(const struct event *e, const char *first)
{
	char buf[MESSAGE_MAX];
	struct gori_print out;

	gori_crash_begin();
	publish_signal(e, e->sig->sig == SIGQUIT ? GORI_DEATH_QUIT : GORI_DEATH_SIGNAL);
	gori_print_init(&out, -1, buf, sizeof buf, 0);
	gori_print_text(&out, first ? first : e->sig->name);
	if (!first) {
		gori_print_text(&out, ": ");
		gori_print_text(&out, e->sig->text);
		if (looks_like_overflow(e))
			gori_print_text(&out, ": stack overflow");
	}
	gori_print_char(&out, '\n');
	print_signal_line(&out, e);
	if (e->sig->sig == SIGILL)
		print_instruction(&out, e);
	raw_message(buf, out.len);
	die_with(e, raw_g_of(e->m));
}

/* Context: SIG. */
static void die_of_overflow(const struct event *e, const struct gori_g *g)
{
	char buf[MESSAGE_MAX];
	struct gori_print out;

	gori_crash_begin();
	publish_signal(e, GORI_DEATH_FATAL);
	gori_print_init(&out, -1, buf, sizeof buf, 0);
	gori_print_text(&out, "runtime: goroutine stack exceeds ");
	gori_print_udec(&out, g->stack_hi - g->stack_lo);
	gori_print_text(&out, "-byte limit\nfatal error: stack overflow\n");
	print_signal_line(&out, e);
	raw_message(buf, out.len);
	die_with(e, g);
}

/* ---- what kind of fault ------------------------------------------------------------------------------------------ */

/* The goroutine whose stack has run out, or NULL.  Context: SIG. */
static const struct gori_g *overflowed(const struct event *e)
{
	struct gori_g *g = NULL, *cur = e->m ? e->m->curg : NULL;
	uint64_t rsp = e->regs[RAW_RSP];

	if ((e->sig->sig != SIGSEGV && e->sig->sig != SIGBUS) || !cur || e->addr + NEAR < rsp)
		return NULL; /* far below the stack pointer: a wild pointer */
	if (gori_stack_is_guard(e->addr, &g))
		return g == cur || &e->m->g0 == cur ? g : NULL;
	if (cur->flags & (GORI_G_MAIN | GORI_G_FOREIGN) && is_near(e->addr, rsp) && cur->stack_lo &&
	    e->addr - (cur->stack_lo - GAP) < GAP + (uint64_t)NEAR)
		return cur;
	return NULL;
}

/*
 * May this fault become a panic of the goroutine that runs here?  in_rt is what counts, not whose code the pc
 * is in: outside the runtime no lock of ours is held, and a bad pointer given to a function of the runtime
 * that has not entered yet is the user's mistake, as it is in memcpy.  Context: SIG.
 */
static bool is_users(const struct event *e)
{
	const struct gori_g *g;
	uint64_t rsp = e->regs[RAW_RSP];

	if (!e->sig->is_fault || !e->m || e->m->in_rt || e->m->in_crash)
		return false;
	g = e->m->curg;
	return g && g != &e->m->g0 && (!g->stack_lo || rsp - g->stack_lo < g->stack_hi - g->stack_lo);
}

/* Writes to this process's memory without faulting.  Context: SIG. */
static bool write_memory(uint64_t addr, const void *from, size_t n)
{
	struct iovec local = {(void *)(uintptr_t)from, n}, remote = {(void *)(uintptr_t)addr, n};
	long done =
		raw_sys6(SYS_process_vm_writev, raw_sys0(SYS_getpid), (long)&local, 1, (long)&remote, 1, 0);

	if (done == -EPERM || done == -ENOSYS) {
		raw_copy((void *)(uintptr_t)addr, from, n);
		return true;
	}
	return done == (long)n;
}

/* Makes the return from this handler a call of gori_sigpanic; sigpanic.S says how.  Context: SIG. */
static bool inject_sigpanic(const struct event *e)
{
	greg_t *r = e->uc->uc_mcontext.gregs;
	uint64_t frame = (e->regs[RAW_RSP] - RED_ZONE - sizeof e->regs) & ~(uint64_t)15;

	if (!write_memory(frame, e->regs, sizeof e->regs))
		return false;
	r[REG_RSP] = (greg_t)frame;
	r[REG_RIP] = (greg_t)(uintptr_t)gori_sigpanic_entry;
	r[REG_RDI] = e->sig->sig;
	r[REG_RSI] = e->info->si_code;
	r[REG_RDX] = (greg_t)e->addr;
	r[REG_RCX] = (greg_t)e->regs[RAW_RIP];
	r[REG_EFL] &= ~(greg_t)(EFLAGS_TF | EFLAGS_DF | EFLAGS_AC); /* as the psABI wants at a call */
	if (e->uc->uc_mcontext.fpregs) {
		e->uc->uc_mcontext.fpregs->mxcsr &= ~0x3fu; /* exception flags */
		e->uc->uc_mcontext.fpregs->swd = 0;
		e->uc->uc_mcontext.fpregs->ftw = 0; /* x87 stack empty */
	}
	return true;
}

/* ---- the handler ---------------------------------------------------------------------------------------------------- */

/* Context: SIG. */
static const struct handled *find_handled(int sig)
{
	for (int i = 0; i < NHANDLED; i++)
		if (handled[i].sig == sig)
			return &handled[i];
	return &handled[0];
}

/* While printing for a crash: no second try, unless it was the helper that was tried.  Context: SIG. */
static void die_again(const struct event *e)
{
	raw_die_without_help(e->sig->sig);
	raw_report_failed(e->sig->name, e->addr, e->regs[RAW_RIP]);
	raw_raise_default(e->sig->sig);
}

/* Context: SIG. */
static void on_fatal_signal(int sig, siginfo_t *info, void *ctx)
{
	struct event e = {.sig = find_handled(sig), .info = info, .uc = ctx, .m = raw_this_m()};
	const struct gori_g *g;

	raw_regs_of(ctx, e.regs);
	e.addr = (uint64_t)(uintptr_t)info->si_addr;
	if (raw_is_reporting()) {
		die_again(&e);
		return;
	}
	g = overflowed(&e);
	if (raw_is_dying(e.regs))
		die(&e, "fatal error: unexpected signal while printing a message");
	else if (gori_crash_is_plain || !e.sig->is_fault || was_sent(&e))
		die(&e, NULL);
	else if (g)
		die_of_overflow(&e, g);
	else if (!is_users(&e) || !inject_sigpanic(&e))
		die(&e, e.m ? "fatal error: unexpected signal during runtime execution"
			    : "fatal error: unexpected signal on a thread that runs no goroutine");
}

/* Context: SIG. */
static void tell_no_leaks(void)
{
	static const char text[] =
		"gorgon: leaks were not looked for: the gorgon tool is missing or has failed\n";
	uint64_t written = 0;

	gori_print_write(2, text, sizeof text - 1, gori_print_now() + LAST_WORD_NS, &written);
}

/* The user's: a look at everything, or for leaks, and back.  Context: SIG. */
static void on_users_signal(int sig, siginfo_t *info, void *ctx)
{
	struct raw_culprit who = {.g = raw_g_of(raw_this_m()), .exact = true};
	uint32_t count;

	(void)info;
	raw_regs_of(ctx, who.regs);
	if (sig == gori_options.dump_signal)
		raw_dump(2, GOR_DUMP_ALL, &who);
	else if (raw_leaks(2, 0, &who, &count) == -ENOENT)
		tell_no_leaks();
}

/* ---- set-up ----------------------------------------------------------------------------------------------------------- */

/* Unless somebody else has something there.  Context: the library constructor. */
static void handle(int sig, const struct raw_sigaction *act)
{
	struct raw_sigaction old = {0};

	if (raw_sigaction(sig, NULL, &old) == 0 && !old.handler)
		raw_sigaction(sig, act, NULL);
}

/* Context: the library constructor. */
static void install_handlers(void)
{
	struct raw_sigaction fatal = {
		.handler = (void *)on_fatal_signal,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER_,
		.restorer = gori_crash_restorer,
	};
	struct raw_sigaction users = {
		.handler = (void *)on_users_signal,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_RESTORER_,
		.restorer = gori_crash_restorer,
	};
	uint64_t faults = 0;

	for (int i = 0; i < NHANDLED; i++)
		faults |= RAW_SIGBIT(handled[i].sig);
	fatal.mask = users.mask = ~(faults & ~RAW_SIGBIT(SIGQUIT));
	for (int i = 0; i < NHANDLED && gori_options.handle_signals; i++)
		handle(handled[i].sig, &fatal);
	if (gori_options.dump_signal)
		handle(gori_options.dump_signal, &users);
	if (gori_options.leaks_signal)
		handle(gori_options.leaks_signal, &users);
}

/* Context: the library constructor. */
void gori_crash_init(void)
{
	raw_large_stack_init();
	raw_helper_init();
	gori_table_add("root.dying_g", (uintptr_t)&raw_dying_g);
	raw_reader_reset(&raw_the_reader); /* also binds what the dynamic linker binds at first use */
	install_handlers();
}

/* Context: the thread itself, not in a handler. */
void gori_crash_thread_init(struct gori_m *m)
{
	stack_t old = {0}, ss = {0};
	char *base;

	if (raw_sys2(SYS_sigaltstack, 0, &old) != 0 || !(old.ss_flags & SS_DISABLE))
		return; /* the thread's own: large enough, we hope, and not ours to replace */
	base = m->altstack ? (char *)m->altstack - RAW_PAGE : raw_map(RAW_PAGE + GORI_ALTSTACK_SIZE);
	if (!base)
		return;
	raw_sys3(SYS_mprotect, base, RAW_PAGE, PROT_NONE);
	m->altstack = base + RAW_PAGE;
	ss.ss_sp = m->altstack;
	ss.ss_size = GORI_ALTSTACK_SIZE;
	raw_sys2(SYS_sigaltstack, &ss, 0);
}

/* Context: the thread itself, not in a handler. */
void gori_crash_thread_deinit(struct gori_m *m)
{
	stack_t now = {0}, off = {.ss_flags = SS_DISABLE};

	if (!m->altstack)
		return;
	if (raw_sys2(SYS_sigaltstack, 0, &now) == 0 && now.ss_sp == m->altstack)
		raw_sys2(SYS_sigaltstack, &off, 0);
	raw_unmap((char *)m->altstack - RAW_PAGE, RAW_PAGE + GORI_ALTSTACK_SIZE);
	m->altstack = NULL;
}
