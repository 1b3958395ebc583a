/* SPDX-License-Identifier: MIT */
/*
 * What: leaks as annotations of GitHub's workflow commands: ::error file=F,line=N,title=T::TEXT
 *
 * How: what would end a command or a property early is percent-encoded; commands are one per line.  The service shows
 * ten of each kind for a step, so proofs come first, which is their order anyway.
 */
#include <string.h>

#include "emit/leaks.h"

static void put_encoded(struct sink *s, const char *text, bool is_property)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '%' || c < 0x20 || c == 0x7f || (is_property && (c == ':' || c == ',')))
			sink_printf(s, "%%%02X", c);
		else
			sink_char(s, *text);
	}
}

static void put_command(const struct leaks *l, const struct leak *leak, const char *root, struct sink *s)
{
	const struct place *at = leak_place(&leak->g->stack);
	const char *file = at && at->file ? at->file : leak_file(leak, leak->g->go_file);
	int line = at && at->file ? at->line : leak->g->go_line;
	const char *normal = file ? leak_normal(&l->world->arena, file) : NULL;
	const char *below = file ? leak_below(root, normal) : NULL;
	bool is_error = !leak->known && l->fail_on & 1u << leak->g->verdict;
	struct sink why;

	sink_str(s, is_error ? "::error " : "::warning ");
	if (file) {
		sink_str(s, "file=");
		put_encoded(s, below ? below : normal, true);
		sink_printf(s, ",line=%d,", line);
	}
	sink_printf(s, "title=%s goroutine::", verdict_text(leak->g->verdict));
	sink_init_memory(&why);
	emit_leak_why(l, leak, &why);
	if (why.len)
		why.len--; /* the last newline */
	put_encoded(s, sink_text(&why), false);
	sink_deinit(&why);
	sink_char(s, '\n');
}

void emit_leaks_github(const struct leaks *l, const char *root, struct sink *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].rule)
			put_command(l, &l->items[i], root, s);
}
