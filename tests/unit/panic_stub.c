/* SPDX-License-Identifier: MIT */
/*
 * What: stands in for the panic module until there is one: prints as it does, and exits with 2.
 *
 * Context: unit tests of the values only; dropped when the real module exists.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/panic_decl.h"

static _Noreturn void die(const char *intro, const char *fmt, va_list ap)
{
	fputs(intro, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	_Exit(2);
}

_Noreturn void gori_panic_runtime_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die("panic: runtime error: ", fmt, ap);
}

_Noreturn void gor_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die("panic: ", fmt, ap);
}

_Noreturn void gor_fatal(const char *msg)
{
	fprintf(stderr, "fatal error: %s\n", msg);
	_Exit(2);
}
