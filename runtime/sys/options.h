/* SPDX-License-Identifier: MIT */
#ifndef GORI_OPTIONS_H
#define GORI_OPTIONS_H
/*
 * What: the settings of a process, from GORGON_OPTIONS=key=value:key=value, GOMAXPROCS and GOTRACEBACK.
 *
 * How: parsed once while the library is loaded, without heap; unknown keys and bad values get one line on
 * stderr each and are otherwise ignored, because a test program must not fail over a typing error in the
 * environment.  help=1 prints them all, and the program goes on.  Under AT_SECURE the environment is not
 * read.  The struct is in abi/, because the tool that decodes a report reads it from the stopped process.
 *
 * Context: written by the library constructor only, read by any.
 */
#include "abi/options_abi.h"

#pragma GCC visibility push(hidden)

extern struct gori_options gori_options;

void gori_options_init(void);

#pragma GCC visibility pop

#endif
