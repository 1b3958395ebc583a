/* SPDX-License-Identifier: MIT */
#ifndef TARGET_PROCESS_H
#define TARGET_PROCESS_H
/*
 * What: a target that is a process of this machine: live, frozen, or our own.
 *
 * How: process.c finds it in /proc and says why it cannot be looked at; memory.c reads it; tracees.c stops and
 * resumes it with ptrace; calls.c tells from a thread's registers what it was doing; file.c opens the files behind
 * its mappings.
 *
 * Invariants: everything in /proc is opened below `dir`, which stays with this process: when it is gone and its
 * number belongs to another, that fails.
 */
#include <sys/user.h>

#include "base/vec.h"
#include "target/calls.h"
#include "target/target.h"

/* A thread that we trace, or tried to. */
struct tracee {
	int32_t tid;
	bool stopped;
	bool gone;   /* ended, or ending: nothing is to be had from it */
	bool asleep; /* did not stop in time: uninterruptible */
	int signal;  /* it was about to get this one: detaching delivers it; 0: none */
	char name[32];
};

struct process {
	struct target t;
	int dir;      /* /proc/PID */
	bool is_self; /* never traced */
	char root[32];

	int mem;            /* /proc/PID/task/TID/mem */
	int32_t memory_tid; /* whose memory is read: the main thread's, while it has one */
	bool use_mem;       /* process_vm_readv is not to be had here */

	bool has_seized; /* at least one thread, since the stop began */
	size_t nlisted;  /* threads that the last look at /proc/PID/task has shown */
	VEC(struct tracee) tracees;
	struct table by_tid; /* tid -> index in tracees plus one */
};

/* What /proc/.../stat says of a thread. */
struct task_stat {
	char state; /* R, S, D, T, t, Z, X, I */
	int32_t parent;
	unsigned flags; /* the kernel's PF_ */
};

#define TASK_KTHREAD 0x00200000u /* PF_KTHREAD */

/* ---- process.c ------------------------------------------------------------------------------------------ */

/* Opens it for reading memory; pid 0: our own. */
int process_open(struct process **ret, const struct target_ops *ops, int32_t pid, struct error *e);
void process_close(struct target *t);

/* All of a file below dir as text: its length, at most size - 1, or a negative errno. */
ssize_t process_file(const struct process *p, const char *path, char *buf, size_t size);

/* Sleeps a little more at each call, up to 1.3 ms: first not at all, which lets others run where processors are few. */
void process_nap(int *turn);

/* Of thread tid; negative errno when it is gone. */
int process_stat(const struct process *p, int32_t tid, struct task_stat *ret);

/* The number behind "NAME:" in /proc/PID/status; -1 if there is none. */
int64_t process_status(const struct process *p, const char *name);

/* Sets the sentence for a process that may not be looked at, err being what the kernel said.  Returns the code. */
int process_refused(const struct process *p, int err, struct error *e);

/* Chooses a thread whose memory can be read, other than `but`: -ESRCH if there is none. */
int process_find_memory(struct process *p, int32_t but);

/* The sentence for one that has ended, and its code, -ESRCH. */
int process_ended(struct process *p, struct error *e);

/* Calls fn for each thread until it returns other than 0, which is returned; negative errno. */
int process_each_thread(const struct process *p, int (*fn)(struct process *p, int32_t tid, void *arg),
			void *arg);

/* The name of a thread; "" if it is gone. */
void process_thread_name(const struct process *p, int32_t tid, char *ret, size_t size);

/* t->threads by /proc alone, without registers. */
int process_list_threads(struct process *p, struct error *e);

int process_load_mappings(struct target *t, struct error *e);

/* ---- memory.c ------------------------------------------------------------------------------------------- */

size_t process_read(struct target *t, uint64_t addr, void *buf, size_t n);
void process_read_spans(struct target *t, struct span *spans, size_t n);

/* ---- tracees.c ------------------------------------------------------------------------------------------ */

/* Stops every thread, or none if it fails. */
int process_stop(struct target *t, struct error *e);
void process_resume(struct target *t);

/* ---- file.c --------------------------------------------------------------------------------------------- */

int process_open_file(struct target *t, const struct mapping *m, struct error *e);
const char *process_root(struct target *t);
bool process_resident(struct target *t, uint64_t addr, size_t n, unsigned char *ret_present);

#endif
