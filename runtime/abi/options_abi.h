/* SPDX-License-Identifier: MIT */
#ifndef GORI_OPTIONS_ABI_H
#define GORI_OPTIONS_ABI_H
/*
 * What: the settings of a process as a reader of the stopped process finds them, at root.options of the
 * published table.
 *
 * How: plain data; sys/options.h says where the settings come from, gorgon(7) what each of them means.
 * GORI_UNSET stands where nothing was said: the reader then does what its own command line would do.
 *
 * Invariants: texts end with a zero byte; an empty one is unset.
 * Context: data only; written while the library is loaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GORI_UNSET = -1, GORI_PATH_SIZE = 1024 };

enum gori_traceback { GORI_TB_NONE, GORI_TB_SINGLE, GORI_TB_ALL, GORI_TB_SYSTEM, GORI_TB_CRASH };

enum gori_args { GORI_ARGS_TYPED, GORI_ARGS_GO, GORI_ARGS_WORDS, GORI_ARGS_NONE };

enum gori_leaks { GORI_LEAKS_OFF, GORI_LEAKS_WARN, GORI_LEAKS_FAIL };

enum gori_color { GORI_COLOR_AUTO, GORI_COLOR_ALWAYS, GORI_COLOR_NEVER };

struct gori_options {
	int32_t maxprocs;              /* GOMAXPROCS; 0: as many as processors */
	enum gori_traceback traceback; /* GOTRACEBACK; all unless set */
	size_t stack;                  /* stack=SIZE: of one goroutine's stack, guard included */
	size_t stack_dead_max;         /* stack_keep=N: ended stacks kept warm, the rest is given back */
	uint64_t torture;              /* torture=SEED: random yields and steal orders; 0 off */
	bool handle_signals;           /* handle_signals=0|1: crash handlers are installed */
	bool guard_mprotect;           /* guard=mprotect: use the fallback even where the kernel has better */
	bool helper_off;               /* helper=off: reports are made in the process, undecoded */
	int8_t args;                   /* args=...: enum gori_args or GORI_UNSET */
	int8_t color;                  /* color=..., NO_COLOR: enum gori_color or GORI_UNSET */
	int8_t group;                  /* group=0|1: identical stacks are shown once; or GORI_UNSET */
	int8_t why;           /* why=0|1: what each goroutine waits for is explained; or GORI_UNSET */
	int8_t threads;       /* threads=0|1: threads that run no goroutine are shown; or GORI_UNSET */
	int32_t dump_seconds; /* dump_timeout=SECONDS: longest time a crash dump may take */
	int32_t dump_signal;  /* dump_signal=N: this one dumps, and the program goes on; 0: none */
	int32_t leaks_signal; /* leaks_signal=N: this one has leaks looked for; 0: none */
	int8_t leaks;         /* leaks=off|warn|fail: enum gori_leaks; at the end of the program */
	int8_t registry;      /* registry=0|1: gorgon run has the blocks of the heap registered; or GORI_UNSET */
	uint8_t exitcode;     /* exitcode=N: the status of a program that fails for leaks */
	int64_t stuck_ns;     /* stuck=DURATION: who waits for longer is listed as stuck */
	char suppressions[GORI_PATH_SIZE]; /* suppressions=PATH: leaks that are no news */
	char report[GORI_PATH_SIZE];       /* report=PATH: the leak report goes there, not to stderr */
	char junit[GORI_PATH_SIZE];        /* junit=PATH, sarif=PATH, json=PATH: the same for machines */
	char sarif[GORI_PATH_SIZE];
	char json[GORI_PATH_SIZE];
	char html[GORI_PATH_SIZE]; /* html=PATH: all goroutines, as a page */
	char baseline[GORI_PATH_SIZE]; /* baseline=PATH: leaks that were there before */
	char fail_on[64];              /* fail_on=LIST: verdicts that count, with commas between them */
	char helper[GORI_PATH_SIZE];   /* helper=PATH: the gorgon tool */
	char log_path[GORI_PATH_SIZE]; /* log_path=PATH: crash reports go to PATH.PID */
	char snapshot[GORI_PATH_SIZE]; /* snapshot=PATH: at a death and for leaks a core is written to PATH.PID */
};

#endif
