/* SPDX-License-Identifier: MIT */
#ifndef TARGET_CALLS_H
#define TARGET_CALLS_H
/* What: from a thread's registers to what it was doing, for processes and cores. */
#include <sys/user.h>

#include "target/target.h"

/* The number of the system call that the stop has interrupted; -1: none.  *restart: a call that would report
 * the interruption to the program, and must be restarted: rax has to become CALL_RESTART. */
int call_interrupted(struct target *t, const struct user_regs_struct *r, bool *ret_restart);

#define CALL_RESTART (-514) /* ERESTARTNOHAND: again, unless a signal handler runs */

/* What a thread in system call nr, whose second argument is arg1, waits for; nr -1: in none. */
enum thread_state call_state(int nr, uint64_t arg1);

/* The registers of a thread as the kernel lays them out: into th->regs and th->fs_base. */
void call_registers(struct target_thread *th, const struct user_regs_struct *r);

#endif
