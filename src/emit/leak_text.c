/* SPDX-License-Identifier: MIT */
/*
 * What: leaks for people: the goroutines as a dump has them, why each is there, and how many there are.
 *
 * How: for people, an explanation follows its block after a blank line.  Parsers of Go's tracebacks end at the first
 * line between two blocks that is no header, so in the styles that are theirs all explanations come after the last.
 */
#include <string.h>

#include "emit/leaks.h"

void emit_leaks_summary(const struct leaks *l, struct sink *s)
{
	sink_printf(s, "gorgon: %u leaked, %u deadlocked, %u stuck, %u lingering", l->counts[VERDICT_LEAKED],
		    l->counts[VERDICT_DEADLOCKED], l->counts[VERDICT_STUCK], l->counts[VERDICT_LINGERING]);
	if (l->known)
		sink_printf(s, ", %u known", l->known);
	if (l->suppressed)
		sink_printf(s, ", %u suppressed", l->suppressed);
	sink_char(s, '\n');
}

/* The first line after "why: ", the others behind a tab. */
static void put_why(const struct leaks *l, const struct leak *leak, struct sink *s)
{
	struct sink lines;
	const char *at;

	sink_init_memory(&lines);
	emit_leak_why(l, leak, &lines);
	sink_str(s, "\nwhy: ");
	for (at = sink_text(&lines); *at; at += strcspn(at, "\n") + 1) {
		if (at != lines.buf)
			sink_char(s, '\t');
		sink_put(s, at, strcspn(at, "\n") + 1);
	}
	sink_deinit(&lines);
}

static void put_alone(const struct leaks *l, const struct leak *leak, const struct emit_options *o,
		      struct sink *s)
{
	for (size_t i = 0; i < leak->group.n; i++) {
		if (i)
			sink_char(s, '\n');
		emit_goroutine(l->world, &l->world->goroutines[leak->group.members[i]], o, s);
	}
}

void emit_leaks(const struct leaks *l, const struct emit_options *o, struct sink *s)
{
	bool for_parsers = o->args == ARGS_GO || o->args == ARGS_WORDS;
	const char *between = "";

	for (size_t i = 0; i < l->n; i++) {
		const struct leak *leak = &l->items[i];

		if (leak->rule)
			continue;
		sink_str(s, between);
		between = "\n";
		if (o->group)
			emit_group(l->world, &leak->group, o, s);
		else
			put_alone(l, leak, o, s);
		if (!for_parsers)
			put_why(l, leak, s);
	}
	for (size_t i = 0; for_parsers && i < l->n; i++)
		if (!l->items[i].rule)
			put_why(l, &l->items[i], s);
	emit_notes(l->world, s);
	if (*between || l->world->nnotes)
		sink_char(s, '\n');
	emit_leaks_summary(l, s);
}
