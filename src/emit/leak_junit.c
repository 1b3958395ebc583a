/* SPDX-License-Identifier: MIT */
/*
 * What: leaks as JUnit XML, which test runners collect: a test case for each group of goroutines.
 *
 * How: what makes the run fail is a failure; suppressed ones are skipped; all others pass and have their report as
 * output.  Without any leak there is one case that passes, so that it can be seen that somebody looked.  A program
 * that crashed or failed is one case more, and one that was not searched for leaks is a case without a word of them.
 *
 * Invariants: characters that XML 1.0 does not allow are replaced, so that a hostile name cannot break the file.
 */
#include <string.h>

#include "base/utf8.h"
#include "emit/leaks.h"

static bool is_allowed(uint32_t c)
{
	return c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f && c != 0xfffe && c != 0xffff);
}

/* The same for contents and values of attributes. */
static void put_xml(struct sink *s, const char *text, bool is_value)
{
	size_t n = strlen(text);

	while (n) {
		uint32_t c = 0;
		size_t len = utf8_decode(text, n, &c);

		if (c == '&')
			sink_str(s, "&amp;");
		else if (c == '<')
			sink_str(s, "&lt;");
		else if (c == '>')
			sink_str(s, "&gt;");
		else if (c == '"')
			sink_str(s, "&quot;");
		else if (is_value && (c == '\n' || c == '\t'))
			sink_str(s, c == '\n' ? "&#10;" : "&#9;");
		else if (!len || !is_allowed(c))
			sink_str(s, "\xef\xbf\xbd");
		else
			sink_put(s, text, len);
		text += len ? len : 1;
		n -= len ? len : 1;
	}
}

static void put_attribute(struct sink *s, const char *key, const char *value)
{
	sink_char(s, ' ');
	sink_str(s, key);
	sink_str(s, "=\"");
	put_xml(s, value, true);
	sink_char(s, '"');
}

static bool fails(const struct leaks *l, const struct leak *leak)
{
	return !leak->rule && !leak->known && l->fail_on & 1u << leak->g->verdict;
}

/* The block and the explanation. */
static void put_report(const struct leaks *l, const struct leak *leak, const struct emit_options *o,
		       struct sink *s)
{
	struct sink text;

	sink_init_memory(&text);
	emit_group(l->world, &leak->group, o, &text);
	sink_char(&text, '\n');
	emit_leak_why(l, leak, &text);
	put_xml(s, sink_text(&text), false);
	sink_deinit(&text);
}

static char *first_line(const struct leaks *l, const struct leak *leak)
{
	struct sink why;
	char *line;

	sink_init_memory(&why);
	emit_leak_why(l, leak, &why);
	line = arena_strn(&l->world->arena, sink_text(&why), strcspn(sink_text(&why), "\n"));
	sink_deinit(&why);
	return line;
}

/* The same from run to run, so that a history can be kept. */
static const char *case_name(const struct leaks *l, const struct leak *leak)
{
	const struct place *at = leak_place(&leak->g->stack);
	struct arena *a = &l->world->arena;
	const char *name = arena_printf(a, "%s in %s", goroutine_state(leak->g),
					at && at->function ? at->function : "unknown code");

	if (leak->g->go_func)
		name = arena_printf(a, "%s, created by %s", name, leak->g->go_func);
	return arena_printf(a, "%s [%.8s]", name, leak->fingerprint);
}

static void put_case(const struct leaks *l, const struct leak *leak, const struct emit_options *o,
		     struct sink *s)
{
	const char *verdict = verdict_text(leak->g->verdict);

	sink_str(s, "\t\t<testcase");
	put_attribute(s, "classname", arena_printf(&l->world->arena, "leaks.%s", verdict));
	put_attribute(s, "name", case_name(l, leak));
	sink_str(s, " time=\"0\">\n");
	if (leak->rule) {
		sink_str(s, "\t\t\t<skipped");
		put_attribute(s, "message",
			      arena_printf(&l->world->arena, "suppressed by %s", leak->rule->name));
		sink_str(s, "/>\n");
	} else if (fails(l, leak)) {
		sink_str(s, "\t\t\t<failure");
		put_attribute(s, "type", verdict);
		put_attribute(s, "message", first_line(l, leak));
		sink_char(s, '>');
		put_report(l, leak, o, s);
		sink_str(s, "</failure>\n");
	} else {
		sink_str(s, "\t\t\t<system-out>");
		put_report(l, leak, o, s);
		sink_str(s, "</system-out>\n");
	}
	sink_str(s, "\t\t</testcase>\n");
}

/* How the program ended, where there is something to say of that. */
static void put_ending(const struct leaks *l, const struct emit_options *o, struct sink *s)
{
	struct sink text;

	sink_str(s, "\t\t<testcase classname=\"run\" name=\"the program ends well\" time=\"0\"");
	if (!ending_fails(&l->ending)) {
		sink_str(s, "/>\n");
		return;
	}
	sink_str(s, ">\n\t\t\t<failure");
	put_attribute(s, "type", ending_name(l->ending.kind));
	put_attribute(s, "message", ending_line(l));
	sink_char(s, '>');
	sink_init_memory(&text);
	emit_ending(l, o, &text);
	put_xml(s, sink_text(&text), false);
	sink_deinit(&text);
	sink_str(s, "</failure>\n\t\t</testcase>\n");
}

void emit_leaks_junit(const struct leaks *l, const struct emit_options *o, struct sink *s)
{
	const char *exe = l->world->exe ? l->world->exe : l->world->origin ? l->world->origin : "program";
	const char *slash = strrchr(exe, '/');
	size_t failed = ending_fails(&l->ending), skipped = 0, n = l->n + (l->ending.kind != ENDING_UNTOLD);

	for (size_t i = 0; i < l->n; i++) {
		failed += fails(l, &l->items[i]);
		skipped += l->items[i].rule != NULL;
	}
	sink_str(s, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\t<testsuite");
	put_attribute(s, "name", arena_printf(&l->world->arena, "leaks of %s", slash ? slash + 1 : exe));
	sink_printf(s, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"0\">\n",
		    n ? n : 1, failed, skipped);
	if (l->ending.kind != ENDING_UNTOLD)
		put_ending(l, o, s);
	for (size_t i = 0; i < l->n; i++)
		put_case(l, &l->items[i], o, s);
	if (!n)
		sink_str(s, "\t\t<testcase classname=\"leaks\" name=\"no goroutine is blocked for ever\" "
			    "time=\"0\"/>\n");
	sink_str(s, "\t</testsuite>\n</testsuites>\n");
}
