/* SPDX-License-Identifier: MIT */
#ifndef GORGON_SITE_H
#define GORGON_SITE_H
/*
 * What: a place in the user's source, and a call that was captured there.
 *
 * How: every macro that creates something worth naming in a dump (a goroutine, a channel, a deferred
 * call, a lock) leaves one constant of this type in the program's read-only data and hands its address to
 * the runtime.  A dump can so name the place without debug information.
 */
#include <stddef.h>
#include <stdint.h>

#include <gorgon/base.h>

GOR_BEGIN_DECLS

/* A place in the user's source.  All strings are literals of the program and live as long as it does. */
struct gor_site {
	const char *file; /* as given to the compiler */
	const char *func; /* the function it is in */
	const char *what; /* the expression: the function of a go, the element type of a channel */
	uint32_t line;
	uint32_t nstack; /* go and defer: bytes of stack arguments that may have to be copied, at most */
};

/* A constant that describes the place of the macro that uses it; `what` is a string literal. */
#define GORI_SITE(what_, nstack_)                                                                            \
	{                                                                                                    \
		__FILE__, __func__, what_, (uint32_t)__LINE__, (uint32_t)(nstack_)                           \
	}

GOR_END_DECLS
#endif
