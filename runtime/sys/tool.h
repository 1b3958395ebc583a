/* SPDX-License-Identifier: MIT */
#ifndef GORI_TOOL_H
#define GORI_TOOL_H
/*
 * What: where the gorgon tool may be, and the environment it gets: what a dying process needs to start it.
 *
 * How: all strings are put together while the library is loaded, because a dying process can ask nobody.  The
 * order: helper=PATH, and then nothing else; where the tool is installed; beside the library; in PATH.
 * Whether it is there is found out when it is started: asking at every start of every program would cost
 * more than it saves.
 *
 * Invariants: every path is absolute, except one that helper= gives.  Under AT_SECURE there is none, so that
 * no environment can choose what a privileged process executes.
 * Context: written by the library constructor, then read by any.
 */
#include <stdbool.h>

#include "abi/options_abi.h"

#pragma GCC visibility push(hidden)

struct gori_tool {
	char paths[4][GORI_PATH_SIZE]; /* in the order of trying; the first empty one ends them */
	char search[4096];             /* PATH, as it was */
	char **env;                    /* ends with NULL; NULL: there was no memory for it */
};

extern struct gori_tool gori_tool;

/* gori_options is set. */
void gori_tool_init(void);

#pragma GCC visibility pop

#endif
