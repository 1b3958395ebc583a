/* SPDX-License-Identifier: MIT */
#ifndef GORI_OPTIONS_H
#define GORI_OPTIONS_H
/*
 * What: the settings of a process, from GORGON_OPTIONS=key=value:key=value, GOMAXPROCS and GOTRACEBACK.
 *
 * How: parsed once while the library is loaded, without heap; unknown keys and bad values get one line on
 * stderr each and are otherwise ignored, because a test program must not fail over a typing error in the
 * environment.  Under AT_SECURE the environment is not read.
 *
 * Context: written by the library constructor only, read by any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum gori_traceback { GORI_TB_NONE, GORI_TB_SINGLE, GORI_TB_ALL, GORI_TB_SYSTEM, GORI_TB_CRASH };

struct gori_options {
	int32_t maxprocs;          /* GOMAXPROCS; 0: as many as processors */
	enum gori_traceback traceback; /* GOTRACEBACK; all unless set */
	size_t stack;              /* stack=SIZE: of one goroutine's stack, guard included */
	size_t stack_dead_max;     /* stack_keep=N: ended stacks kept warm, the rest is given back */
	uint64_t torture;          /* torture=SEED: random yields and steal orders; 0 off */
	bool handle_signals;       /* handle_signals=0|1: crash handlers are installed */
	bool guard_mprotect;       /* guard=mprotect: use the fallback even where the kernel has better */
	int32_t dump_seconds;      /* dump_timeout=SECONDS: longest time a crash dump may take */
};

extern struct gori_options gori_options;

void gori_options_init(void);

#pragma GCC visibility pop

#endif
