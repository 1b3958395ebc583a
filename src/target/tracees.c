/* SPDX-License-Identifier: MIT */
/*
 * What: stops every thread of a process with ptrace, reads registers, and lets it go on unharmed.
 *
 * How: PTRACE_SEIZE, which disturbs nothing, on all threads; then PTRACE_INTERRUPT on all; then waiting for all; and
 * again, for threads that were made meanwhile, until a look at a process that stands still shows none that is new,
 * and as many as the kernel counts.  So the pause is as long as the slowest thread takes, not as all of them
 * together.  Names are read before, while they still run.
 *
 * What can come in place of the stop that was asked for:
 *   - a signal that the thread was about to get: it is stopped all the same, and detaching hands it the signal;
 *   - a group stop (SIGSTOP): a stop like ours; detaching leaves the process stopped as it was;
 *   - its end: it is not there any more;
 *   - nothing, because it sleeps uninterruptibly (a vfork, a dead disk): given up after a while, shown without
 *     registers.
 *
 * If the reader dies, the kernel detaches, and the process runs on: PTRACE_O_EXITKILL is not asked for.  PTRACE_ATTACH
 * was rejected: it sends a SIGSTOP that the program can see.
 *
 * Known limit: a process of several threads that executes another program at the very moment of being seized.  The
 * kernel makes our next PTRACE_SEIZE wait for the exec, and the exec wait for us to reap a thread: a signal to us
 * ends it.  Shorter overlaps are told from ends by was_replaced.
 *
 * A tracer has to reap threads that end, or nobody can.  Only the end of a child of our own process is left to who
 * waits for it.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/process.h"

#define MS 1000000LL

enum { TRIES = 10, MAX_LOOKS = 1000 };

static const int64_t SHORT_WAIT = 20 * MS;  /* for threads that sleep uninterruptibly, and for ends */
static const int64_t LONG_WAIT = 5000 * MS; /* for threads that only have to be scheduled */

static int request(enum __ptrace_request what, int32_t tid, uint64_t data)
{
	return ptrace(what, tid, NULL, (void *)(uintptr_t)data) < 0 ? -errno : 0;
}

/* ---- waiting -------------------------------------------------------------------------------------------- */

/* Sees whether it has stopped or ended. */
static void look(struct process *p, struct tracee *tr, bool is_our_child)
{
	int leave = tr->tid == p->t.pid && is_our_child ? WNOWAIT : 0;
	siginfo_t si;

	memset(&si, 0, sizeof si);
	if (waitid(P_PID, (id_t)tr->tid, &si, WEXITED | WSTOPPED | WNOHANG | __WALL | leave) < 0) {
		tr->gone = errno == ECHILD;
		return;
	}
	if (si.si_pid == 0)
		return;
	if (si.si_code != CLD_TRAPPED && si.si_code != CLD_STOPPED) {
		tr->gone = true;
		return;
	}
	tr->stopped = true;
	/* an event is in the upper bits: then this is a stop of ours, or of the group; otherwise a signal */
	tr->signal = si.si_status >> 8 ? 0 : si.si_status & 0x7f;
}

static bool is_our_child(const struct process *p)
{
	return process_status(p, "PPid") == getpid();
}

/* One look at all that have not stopped: how many are left. */
static size_t look_at_all(struct process *p, bool our_child)
{
	size_t left = 0;

	for (size_t i = 0; i < p->tracees.n; i++) {
		struct tracee *tr = &p->tracees.items[i];

		if (!tr->stopped && !tr->gone && !tr->asleep) {
			look(p, tr, our_child);
			left += !tr->stopped && !tr->gone;
		}
	}
	return left;
}

/* Gives up on those that cannot stop, or all if `all`: how many are left. */
static size_t give_up(struct process *p, bool all)
{
	size_t left = 0;

	for (size_t i = 0; i < p->tracees.n; i++) {
		struct tracee *tr = &p->tracees.items[i];
		struct task_stat s;

		if (tr->stopped || tr->gone || tr->asleep)
			continue;
		if (process_stat(p, tr->tid, &s) < 0 || s.state == 'Z' || s.state == 'X')
			tr->gone = true; /* the main thread has ended and the others live on */
		else if (all || s.state == 'D')
			tr->asleep = true;
		else
			left++;
	}
	return left;
}

static void await_all(struct process *p)
{
	bool our_child = is_our_child(p);
	int64_t since = target_now();
	size_t left, before = 0;
	int turn = 0;

	while ((left = look_at_all(p, our_child)) > 0) {
		if (left != before) {
			since = target_now();
			turn = 0;
		}
		before = left;
		if (target_now() - since > SHORT_WAIT && !give_up(p, target_now() - since > LONG_WAIT))
			break;
		process_nap(&turn);
	}
}

/* ---- stopping ------------------------------------------------------------------------------------------- */

static int add_new(struct process *p, int32_t tid, void *arg)
{
	void **slot = table_slot(&p->by_tid, (uint64_t)tid);
	struct tracee *tr;

	(void)arg;
	p->nlisted++;
	if (*slot)
		return 0;
	tr = VEC_PUSH(&p->tracees);
	*tr = (struct tracee){.tid = tid};
	*slot = (void *)(uintptr_t)p->tracees.n;
	process_thread_name(p, tid, tr->name, sizeof tr->name);
	return 0;
}

/* Whether the main thread is one that we have seized under the number that it had before it executed a program. */
static bool is_held_already(const struct process *p, int32_t tid)
{
	return p->has_seized && tid == p->t.pid && process_status(p, "TracerPid") == getpid();
}

static int seize(struct process *p, struct tracee *tr, struct error *e)
{
	struct task_stat s;
	int r = 0, turn = 0;

	/* The kernel refuses a thread that is just ending, and what is seen a moment later under its number may be
	 * another one; so a refusal counts only if it stays. */
	for (int i = 0; i < TRIES; i++) {
		r = request(PTRACE_SEIZE, tr->tid, 0);
		if (r == 0 || is_held_already(p, tr->tid)) {
			p->has_seized = true;
			return 0;
		}
		if (r == -ESRCH || process_stat(p, tr->tid, &s) < 0 || s.state == 'Z' || s.state == 'X') {
			tr->gone = true;
			return 0;
		}
		process_nap(&turn);
	}
	tr->gone = true; /* for us: there is nothing to detach from */
	return process_refused(p, r, e);
}

/* Stops the threads that are not traced yet: how many there were. */
static int stop_new(struct process *p, struct error *e)
{
	size_t known = p->tracees.n;
	int r;

	p->nlisted = 0;
	r = process_each_thread(p, add_new, NULL);
	if (r == -ESRCH)
		return process_ended(p, e);
	if (r < 0)
		return error_sys(e, r, "threads of %s", p->t.name);
	for (size_t i = known; i < p->tracees.n; i++)
		if ((r = seize(p, &p->tracees.items[i], e)) < 0) {
			/* those behind it were never reached */
			p->tracees.n = i;
			return r;
		}
	if (known == 0)
		p->t.stopping_at = target_now();
	for (size_t i = known; i < p->tracees.n; i++)
		if (!p->tracees.items[i].gone)
			request(PTRACE_INTERRUPT, p->tracees.items[i].tid, 0);
	await_all(p);
	return (int)(p->tracees.n - known);
}

/* ---- registers ------------------------------------------------------------------------------------------ */

static int get_set(int32_t tid, unsigned type, void *buf, size_t size)
{
	struct iovec io = {buf, size};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)type, &io) < 0)
		return -errno;
	return io.iov_len == size ? 0 : -ENOTSUP; /* a 32-bit process has a smaller set */
}

static void take_xmm(struct target_thread *th)
{
	struct user_fpregs_struct fp;

	if (get_set(th->tid, NT_PRFPREG, &fp, sizeof fp) < 0)
		return;
	memcpy(th->xmm.lane, fp.xmm_space, sizeof th->xmm.lane);
	th->xmm.known = (1u << REG_NXMM) - 1;
	th->regs.xmm = &th->xmm;
}

/* Pointers may be in the upper halves of vector registers too.  Of a size that the processor decides. */
static void take_xstate(struct target *t, struct target_thread *th)
{
	static unsigned char buf[16 << 10];
	struct iovec io = {buf, sizeof buf};

	if (ptrace(PTRACE_GETREGSET, th->tid, (void *)(uintptr_t)NT_X86_XSTATE, &io) < 0)
		return;
	th->xstate = arena_copy(&t->arena, buf, io.iov_len);
	th->xstate_size = io.iov_len;
}

/* A call that would end with EINTR is made to begin again: now, so that it does even if we die. */
static void restart(struct tracee *tr, struct user_regs_struct *r)
{
	struct iovec io = {r, sizeof *r};

	r->rax = (unsigned long long)CALL_RESTART;
	ptrace(PTRACE_SETREGSET, tr->tid, (void *)NT_PRSTATUS, &io);
}

/* 1: it is not there any more. */
static int describe(struct process *p, struct tracee *tr, struct target_thread *th, struct error *e)
{
	struct user_regs_struct r;
	bool again;
	int err;

	*th = (struct target_thread){.tid = tr->tid, .syscall = -1, .state = THREAD_STOPPED};
	memcpy(th->name, tr->name, sizeof th->name);
	if (!tr->stopped)
		return 0;
	err = get_set(tr->tid, NT_PRSTATUS, &r, sizeof r);
	if (err == -ENOTSUP)
		return error_set(e, err, "%s is a 32-bit program: only 64-bit ones can be read", p->t.name);
	if (err < 0)
		return 1; /* killed since */
	th->syscall = call_interrupted(&p->t, &r, &again);
	if (again)
		restart(tr, &r);
	th->state = call_state(th->syscall, r.rsi);
	call_registers(th, &r);
	take_xmm(th);
	take_xstate(&p->t, th);
	return 0;
}

static int describe_all(struct process *p, struct error *e)
{
	struct target *t = &p->t;
	int r = 0;

	t->threads = arena_array(&t->arena, struct target_thread, p->tracees.n);
	t->nthreads = 0;
	for (size_t i = 0; i < p->tracees.n && r >= 0; i++) {
		if (p->tracees.items[i].gone)
			continue;
		r = describe(p, &p->tracees.items[i], &t->threads[t->nthreads], e);
		t->nthreads += r == 0;
	}
	return r < 0 ? r : 0;
}

/* If a thread that we had not reached yet executes another program, those that we hold end, and that one goes on
 * under the number of the main thread, which we believe to know: once more, then, from the beginning. */
static bool was_replaced(const struct process *p)
{
	struct task_stat s;

	return p->t.nthreads == 0 && process_stat(p, p->t.pid, &s) == 0 && s.state != 'Z' && s.state != 'X';
}

/* Whether the last look has shown all that there are.  A list that is read while its entry at hand ends can
 * end there too, without those behind it; so the kernel's count has to agree. */
static bool is_complete(const struct process *p)
{
	return process_status(p, "Threads") == (int64_t)p->nlisted;
}

static int stop_all(struct process *p, struct error *e)
{
	int r, turn = 0;

	while ((r = stop_new(p, e)) > 0 || (r == 0 && !is_complete(p) && turn < MAX_LOOKS))
		if (r == 0)
			process_nap(&turn);
	p->t.stopped_at = target_now();
	return r < 0 ? r : describe_all(p, e);
}

int process_stop(struct target *t, struct error *e)
{
	struct process *p = (struct process *)t;
	int r;

	p->has_seized = false;
	r = stop_all(p, e);

	for (int i = 0; i < TRIES && r == 0 && was_replaced(p); i++) {
		process_resume(t); /* reaps what the kernel has killed, for which the exec waits */
		r = stop_all(p, e);
	}
	if (r == 0 && t->nthreads == 0)
		r = process_ended(p, e);
	if (r < 0)
		process_resume(t);
	return r;
}

/* ---- going on ------------------------------------------------------------------------------------------- */

/*
 * It was killed while we held it: then its end is certain, and only has to be scheduled.  Or it never stopped: then
 * it may or may not now, which is given a moment to be decided.
 */
static void await_end(struct process *p, struct tracee *tr, bool our_child)
{
	int64_t patience = tr->stopped ? LONG_WAIT : SHORT_WAIT, since = target_now();
	int turn = 0;

	while (!tr->gone && target_now() - since < patience) {
		tr->stopped = false;
		look(p, tr, our_child);
		if (tr->stopped && request(PTRACE_DETACH, tr->tid, (uint64_t)tr->signal) == 0)
			return;
		process_nap(&turn);
	}
}

static void let_go(struct process *p, struct tracee *tr, bool our_child)
{
	if (tr->gone)
		return;
	if (tr->stopped && request(PTRACE_DETACH, tr->tid, (uint64_t)tr->signal) == 0)
		return;
	await_end(p, tr, our_child);
}

/* The main thread last: its end is only reported when all others are reaped. */
void process_resume(struct target *t)
{
	struct process *p = (struct process *)t;
	bool our_child = is_our_child(p);

	for (size_t i = 0; i < p->tracees.n; i++)
		if (p->tracees.items[i].tid != t->pid)
			let_go(p, &p->tracees.items[i], our_child);
	for (size_t i = 0; i < p->tracees.n; i++)
		if (p->tracees.items[i].tid == t->pid)
			let_go(p, &p->tracees.items[i], our_child);
	p->tracees.n = 0;
	table_deinit(&p->by_tid);
}
