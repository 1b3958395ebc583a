/* SPDX-License-Identifier: MIT */
/*
 * What: which system call a stopped thread was in, and what for.
 *
 * How: stopping a thread that sleeps in a call makes the call return to the kernel's edge with a number that the
 * program never sees, ERESTART...: "begin again, if no signal handler runs first".  The thread is stopped there, with
 * the call's number still in orig_rax; a thread that was in its own code has -1 there.
 *
 * Some calls were never taught to begin again: they end with EINTR, which the program would see (signal(7) lists
 * them).  A debugger that stops a program has always had this effect; a reader should not.  Where the call has
 * done nothing, which EINTR means for those below, EINTR is replaced by ERESTARTNOHAND, and the kernel begins it
 * again as well.  Its timeout, if it has one, begins anew too: how much was left is not known to anybody.
 *
 * A call with a timeout that was interrupted before goes on as restart_syscall, which hides what it is.  The
 * instruction that loads the number usually stands right in front of the one that enters the kernel.
 */
#include <asm/unistd_64.h>
#include <linux/futex.h>
#include <string.h>

#include "target/calls.h"

#ifndef __NR_futex_waitv
#define __NR_futex_waitv 449
#endif
#define NR_FUTEX_WAIT 455 /* newer than the headers of Debian 12 */
#define OP_LOCK_PI2 13    /* likewise */

/* rax at the stop: what the kernel calls -ERESTARTSYS and so on. */
enum {
	RESTART_SYS = -512,
	RESTART_NOINTR = -513,
	RESTART_NOHAND = -514,
	RESTART_BLOCK = -516,
	INTERRUPTED = -4,
};

/* Calls that end with EINTR when a thread is stopped, having done nothing. */
static bool ends_early(int64_t nr)
{
	switch (nr) {
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
	case __NR_semop:
	case __NR_semtimedop:
	case __NR_rt_sigtimedwait:
	case __NR_io_getevents:
	case __NR_io_pgetevents:
	case __NR_io_uring_enter:
	/* of sockets with a timeout set */
	case __NR_read:
	case __NR_readv:
	case __NR_write:
	case __NR_writev:
	case __NR_accept:
	case __NR_accept4:
	case __NR_recvfrom:
	case __NR_recvmsg:
	case __NR_sendto:
	case __NR_sendmsg:
		return true;
	default:
		return false;
	}
}

/* Of a restart_syscall: mov $nr, %eax; syscall. */
static int original(struct target *t, uint64_t rip)
{
	unsigned char code[7];
	int nr;

	if (t->ops->read(t, rip - sizeof code, code, sizeof code) != sizeof code || code[0] != 0xb8 ||
	    code[5] != 0x0f || code[6] != 0x05)
		return __NR_restart_syscall;
	memcpy(&nr, code + 1, sizeof nr);
	return target_syscall_name(nr) ? nr : __NR_restart_syscall;
}

int call_interrupted(struct target *t, const struct user_regs_struct *r, bool *ret_restart)
{
	int64_t nr = (int64_t)r->orig_rax;

	*ret_restart = false;
	if (nr < 0)
		return -1;
	switch ((int64_t)r->rax) {
	case RESTART_SYS:
	case RESTART_NOINTR:
	case RESTART_NOHAND:
	case RESTART_BLOCK:
		return nr == __NR_restart_syscall ? original(t, r->rip) : (int)nr;
	case INTERRUPTED:
		*ret_restart = ends_early(nr);
		return *ret_restart ? (int)nr : -1;
	default:
		return -1; /* it had just returned */
	}
}

enum thread_state call_state(int nr, uint64_t arg1)
{
	switch (nr) {
	case -1:
		return THREAD_RUNNING;
	case __NR_futex_waitv:
	case NR_FUTEX_WAIT:
		return THREAD_FUTEX;
	case __NR_futex:
		switch (arg1 & FUTEX_CMD_MASK) {
		case FUTEX_WAIT:
		case FUTEX_WAIT_BITSET:
		case FUTEX_WAIT_REQUEUE_PI:
		case FUTEX_LOCK_PI:
		case OP_LOCK_PI2:
			return THREAD_FUTEX;
		}
	}
	return THREAD_SYSCALL;
}

void call_registers(struct target_thread *th, const struct user_regs_struct *r)
{
	const uint64_t values[REG_NGPR] = {
		[REG_RAX] = r->rax, [REG_RDX] = r->rdx, [REG_RCX] = r->rcx, [REG_RBX] = r->rbx,
		[REG_RSI] = r->rsi, [REG_RDI] = r->rdi, [REG_RBP] = r->rbp, [REG_RSP] = r->rsp,
		[REG_R8] = r->r8,   [REG_R9] = r->r9,   [REG_R10] = r->r10, [REG_R11] = r->r11,
		[REG_R12] = r->r12, [REG_R13] = r->r13, [REG_R14] = r->r14, [REG_R15] = r->r15,
		[REG_RIP] = r->rip,
	};

	memcpy(th->regs.gpr, values, sizeof values);
	th->regs.known = REGS_ALL;
	th->fs_base = r->fs_base;
	th->has_regs = true;
}
