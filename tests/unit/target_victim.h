/* SPDX-License-Identifier: MIT */
#ifndef TARGET_VICTIM_H
#define TARGET_VICTIM_H
/*
 * What: processes to be read: this test program itself, started again in a role.
 *
 * How: victim_start makes a page of memory that both see, forks, and executes the program with the name of the
 * role; main hands that over to victim_main.  Both sides wait for conditions in the shared page.  A victim dies
 * with the test that has started it.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct shared {
	_Atomic int ready, done, go;
	_Atomic int ret, err; /* of the call that a role is about */
	_Atomic int word;     /* a futex */
	_Atomic long counter; /* what the victim does, as long as it runs */
	_Atomic long handled; /* signals */
	_Atomic int tid;      /* of the thread that a role is about */
	_Atomic uint64_t addr, self;
	int pipe[2], socket[2], semaphore, file;
};

struct role {
	const char *name;
	void (*fn)(void);
};

extern struct shared *shared;

/* Ten seconds, then the test fails. */
#define AWAIT(cond)                                                                                          \
	do {                                                                                                 \
		int turns_ = 0;                                                                              \
		while (!(cond)) {                                                                            \
			ck_assert_msg(turns_++ < 100000, "waited in vain for " #cond);                       \
			usleep(100);                                                                         \
		}                                                                                            \
	} while (0)

/* Starts a victim and waits until it is ready. */
pid_t victim_start(const char *role);

/* Ends it and waits for it. */
void victim_end(pid_t pid);

/* After its end: what it shared with us. */
void victim_forget(void);

/* Runs a role if that is what the program was started for; does not return then. */
void victim_main(int argc, char **argv, const struct role *roles);

/* The state of a thread in /proc; 0 if it is gone. */
char victim_state(pid_t pid, pid_t tid);

/* Whether a thread sleeps in system call nr. */
bool victim_is_in(pid_t pid, pid_t tid, int nr);

#endif
