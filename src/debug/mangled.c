/* SPDX-License-Identifier: MIT */
/* What, how: debug/mangled.h. */
#include "debug/mangled.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SYMBOL = 2000 };

#ifdef HAVE_CXA_DEMANGLE

/* cxxabi.h is for C++ alone.  The result is from malloc; NULL: not a mangled name. */
char *__cxa_demangle(const char *symbol, char *buf, size_t *n, int *status);

static bool ends_with(const char *text, size_t n, const char *end)
{
	size_t k = strlen(end);

	return n >= k && memcmp(text + n - k, end, k) == 0;
}

/* The length without the last word, if that is a qualifier of a method. */
static size_t without_qualifier(const char *text, size_t n)
{
	static const char *const qualifiers[] = {" const", " volatile", " &", " &&"};

	for (size_t i = 0; i < sizeof qualifiers / sizeof qualifiers[0]; i++)
		if (ends_with(text, n, qualifiers[i]))
			return n - strlen(qualifiers[i]);
	return n;
}

/* Where the list of parameters begins, n if there is none: what is no function. */
static size_t parameters_at(const char *text, size_t n)
{
	size_t end = n, shorter;
	int depth = 0;

	while ((shorter = without_qualifier(text, end)) < end)
		end = shorter;
	if (!end || text[end - 1] != ')')
		return n;
	while (end--) {
		depth += text[end] == ')';
		depth -= text[end] == '(';
		if (!depth)
			return end;
	}
	return n;
}

/* Whether a space belongs to the name of an operator. */
static bool is_operators(const char *text, size_t space)
{
	static const char *const before[] = {"operator", "operator unsigned", "operator signed", "operator<",
					     "operator<<"};

	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
		if (ends_with(text, space, before[i]))
			return true;
	return false;
}

/* Where the name begins, behind the type that is returned: only of templates is that part of the symbol. */
static size_t name_at(const char *text, size_t n)
{
	int depth = 0;

	while (n--) {
		if (strchr(")>}]", text[n]))
			depth++;
		else if (depth && strchr("(<{[", text[n]))
			depth--;
		else if (!depth && text[n] == ' ' && !is_operators(text, n))
			return n + 1;
	}
	return 0;
}

/* As debug information spells it. */
static char *spell(struct arena *a, const char *name, size_t n, const char *suffix)
{
	static const char long_one[] = "(anonymous namespace)";
	char *ret = arena_printf(a, "%.*s%s", (int)n, name, suffix), *at = ret;

	while ((at = strstr(at, long_one))) {
		at += strlen("(anonymous");
		memmove(at, at + strlen(" namespace"), strlen(at) - strlen(" namespace") + 1);
	}
	return ret;
}

static const char *demangle(struct arena *a, const char *symbol, size_t n)
{
	char *front = arena_strn(a, symbol, n), *text;
	size_t end, from;
	int status;

	text = __cxa_demangle(front, NULL, NULL, &status);
	if (!text)
		return symbol;
	end = parameters_at(text, strlen(text));
	from = text[end] ? name_at(text, end) : 0;
	front = spell(a, text + from, end - from, symbol + n);
	free(text);
	return front;
}

#else

static const char *demangle(struct arena *a, const char *symbol, size_t n)
{
	(void)a;
	(void)n;
	return symbol;
}

#endif

const char *mangled_name(struct arena *a, const char *symbol)
{
	if (strncmp(symbol, "_Z", 2) != 0 || strlen(symbol) > MAX_SYMBOL)
		return symbol;
	return demangle(a, symbol, strcspn(symbol, ".@"));
}
