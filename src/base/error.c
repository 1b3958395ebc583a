/* SPDX-License-Identifier: MIT */
/* What, how: base/error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct error *e, int code, const char *fmt, va_list ap)
{
	e->code = code;
	vsnprintf(e->text, sizeof e->text, fmt, ap);
}

/* Behind what is there, as far as there is room. */
static void append(struct error *e, const char *text)
{
	size_t n = strlen(e->text);

	snprintf(e->text + n, sizeof e->text - n, ": %s", text);
}

int error_set(struct error *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int error_sys(struct error *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	append(e, strerror(-code));
	return code;
}

int error_prefix(struct error *e, const char *fmt, ...)
{
	char old[sizeof e->text];
	va_list ap;

	if (!e)
		return 0;
	memcpy(old, e->text, sizeof old);
	va_start(ap, fmt);
	set(e, e->code, fmt, ap);
	va_end(ap);
	append(e, old);
	return e->code;
}
