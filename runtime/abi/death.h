/* SPDX-License-Identifier: MIT */
#ifndef GORI_DEATH_H
#define GORI_DEATH_H
/*
 * What: why a process is being reported on, and the agreement between it and its helper: the gorgon tool, which
 * reads the process while it waits, and prints the report with decoded arguments.
 *
 * How: the process publishes one struct gori_death (root.death in abi/table.h), freezes the threads of the
 * runtime, and starts
 *
 *	gorgon @death PID STATUSFD OUTFD	it is dying, and will end when the helper has
 *	gorgon @dump PID STATUSFD OUTFD		gor_dump or the user's dump signal: it will go on
 *	gorgon @leaks PID STATUSFD OUTFD	gor_leaks, the user's leaks signal, or the end of the program: as @dump,
 *						but a report of leaks
 *	gorgon @snapshot PID STATUSFD OUTFD	gor_snapshot: a file is written; OUTFD is not used
 *
 * PID is the process to read; everything else is found in its memory, starting from the published table.  The
 * helper writes single bytes to STATUSFD, a pipe:
 *
 *	GORI_HELPER_READ    I have read all that I need.  Not from @death, and required of the others: the process
 *	                    thaws its threads.  No byte is written to OUTFD before: its reader may be a frozen thread
 *	GORI_HELPER_COUNT   @leaks and @snapshot, before WRITES: eight hexadecimal digits follow in the same write, the
 *	                    number of goroutines that are leaked or deadlocked; the errno for which there is no file, or 0
 *	GORI_HELPER_WRITES  the next thing I do is to write the report to OUTFD
 *
 * and exits, with 0 if the whole report was written.  What the process makes of it:
 *
 *	cannot be started, or ends in any way without WRITES       it prints the raw report itself
 *	no WRITES within three fifths of the time to the deadline  killed; raw report
 *	WRITES, then exit status 0                                 the report is complete; nothing is added
 *	WRITES, then any other end                                 one line: [dump stopped: ...]
 *	WRITES, and not finished at the deadline                   killed; one line: [dump stopped: ...]
 *
 * So a helper that has doubts decodes first, and writes WRITES when nothing can fail any more but writing.  After
 * that it streams.  A report that lacks something says so in its text, and the status is 0.
 *
 * What the helper finds when it starts:
 *
 *	descriptors   0, 1, 2 as in the process (/dev/null where one is closed), STATUSFD, OUTFD, no others
 *	signals       default dispositions, none blocked
 *	environment   the process's at the time it was loaded, without LD_PRELOAD, LD_AUDIT and GORGON_OPTIONS: the
 *	              options that count are those in the process (root.options)
 *	death         if the process ends, it is killed (PR_SET_PDEATHSIG)
 *	permission    to read memory and to ptrace, also where Yama restricts both to ancestors.  If the process
 *	              is being traced already, ptrace fails and reading still works
 *	its parent    is not PID but a process in between, which shares PID's memory, has its name, and keeps
 *	              the time: it is to be left alone
 *
 * What it finds in the process: the reporting thread (tid) waits in the runtime; its registers are those in struct
 * gori_death, not those that ptrace or /proc shows.  Threads of the runtime that stopped have m->crash_frozen,
 * and their registers in m->crash_regs; they sleep in a signal handler, whose frames are not theirs.
 * nawake of them did not answer.  Threads that never used the runtime run on: the helper may stop them
 * with ptrace, and detaches before READ or its end.  Stopping those that wait anyway is not needed, but does no
 * harm: the limits hold even if the reporting thread is stopped.
 *
 * What it prints for @death: message_printed tells that the lines "panic: ..." or "SIGSEGV: ..." have
 * been written to OUTFD.  The report begins with an empty line then, or with `message`; goroutines as `traceback`
 * says (NONE does not start a helper); registers if print_registers; modules from SYSTEM on.  For @dump it
 * begins with the first goroutine.
 *
 * Invariants: kind is not 0 exactly while a report is being made, or the process is dead: then all else is valid.
 *
 * Context: data only; written by the thread that reports.
 */
#include <stdint.h>

#include "abi/abi.h"
#include "abi/options_abi.h"

enum {
	GORI_HELPER_READ = 'R',
	GORI_HELPER_WRITES = 'W',
	GORI_HELPER_COUNT = 'C',
	GORI_DEATH_MESSAGE = 2048, /* bytes kept of the message */
};

enum gori_death_kind {
	GORI_DEATH_NONE = 0,
	GORI_DEATH_PANIC = 1,  /* a panic that nobody recovered */
	GORI_DEATH_FATAL = 2,  /* fatal error: of the runtime's or of gor_fatal */
	GORI_DEATH_SIGNAL = 3, /* a signal that kills; SIGABRT too */
	GORI_DEATH_QUIT = 4,   /* SIGQUIT: somebody wants to know */
	GORI_DEATH_DUMP = 5,   /* @dump, @leaks, @snapshot: no death at all */
};

/* In `flags` for @leaks. */
enum gori_leaks_flags {
	GORI_LEAKS_AT_EXIT = 1, /* main has returned, or exit was called: who is still there is lingering */
	GORI_LEAKS_STATUS_SHIFT = 8, /* AT_EXIT: the exit status is in the eight bits from here on */
};

/*
 * exact: regs are those of an interrupted instruction: all are valid and rip is not a return address.  Otherwise
 * regs are those of a call into the runtime: rip is a return address, and only what a callee saves counts.
 */
struct gori_death {
	uint32_t kind;           /* enum gori_death_kind; written last */
	int32_t tid;             /* of the thread that reports */
	const struct gori_g *g;  /* shown first; NULL: the thread tid is, unless is_blameless */
	const struct gori_m *m;  /* the reporting thread's; NULL: it has none */
	uint64_t regs[17];       /* of g, or of the thread: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip */
	uint64_t sse[32];        /* xmm0 to xmm15 if has_sse */
	uint8_t has_sse;         /* 0: unknown */
	uint8_t exact;           /* see above */
	uint8_t message_printed; /* on OUTFD */
	uint8_t print_registers; /* at the end */
	uint8_t is_plain;        /* the program does not use the runtime, only its crash handlers */
	uint8_t is_blameless;    /* a deadlock, found by whoever happened to look */
	uint8_t reserved[2];
	int32_t sig, code;    /* SIGNAL, QUIT, or a PANIC that was a fault: signal and si_code; else 0 */
	uint64_t addr, pc;    /* of the fault, and of the instruction */
	int32_t sender_pid;   /* code <= 0: who sent it */
	uint32_t sender_uid;  /* likewise */
	uint32_t traceback;   /* enum gori_traceback that counts for this report */
	uint32_t nawake;      /* threads of the runtime that did not stop */
	uint32_t flags;       /* DUMP: enum gor_dump_flags, gori_leaks_flags or gor_snapshot_flags */
	uint32_t message_len; /* bytes in message */
	int64_t when;         /* monotonic ns when it began to die, or was asked */
	int64_t deadline;     /* monotonic ns when the report is cut off */
	const struct gori_options *options;
	const char *path;     /* @snapshot: the file; else NULL */
	char message[GORI_DEATH_MESSAGE]; /* "panic: ...\n": what stands before the report; cut if longer */
};

#endif
