/* SPDX-License-Identifier: MIT */
/*
 * What: the difference of two dumps as text.
 *
 *	goroutines: 12 before, 15 after; 4 appeared, 1 vanished, 2 moved, ...
 *
 *	-- appeared: 4 --
 *	goroutine 20 [chan receive, 4 goroutines: 20-23]:
 *	...
 *	-- moved: 2, was [running] at work, /src/main.c:12 --
 *	goroutine 7 [select]:
 *	...
 *
 * How: each part is a dump of those goroutines only, in groups, so that a thousand new ones at the same place are one
 * block.
 */
#include <stdlib.h>
#include <string.h>

#include "analyse/diff.h"
#include "emit/block.h"

static void put_text(struct sink *s, const char *text)
{
	sink_clean(s, text, strlen(text), 0);
}

/* These goroutines of w, as a dump of their own. */
static void put_goroutines(const struct world *w, struct goroutine *list, size_t n,
			   const struct emit_options *o, struct sink *s)
{
	struct emit_options how = *o;
	struct world part = {.is_text = w->is_text, .has_runtime = true};

	part.facts = w->facts;
	part.goroutines = list;
	part.ngoroutines = n;
	how.group = true;
	how.similar = o->group ? o->similar : SIMILAR_LINES;
	how.threads = how.culprit_again = false;
	emit_text(&part, &how, s);
	arena_deinit(&part.arena);
}

static void put_part(const struct world *w, const struct diff *d, enum change change, const char *title,
		     const struct emit_options *o, struct sink *s)
{
	struct arena arena = {0};
	struct goroutine *list;
	size_t n = 0;

	if (!d->counts[change])
		return;
	list = arena_array(&arena, struct goroutine, d->counts[change]);
	for (size_t i = 0; i < d->n; i++)
		if (d->goroutines[i].change == change)
			list[n++] = w->goroutines[change == CHANGE_VANISHED ? d->goroutines[i].a
									    : d->goroutines[i].b];
	sink_printf(s, "\n-- %s: %zu --\n", title, n);
	put_goroutines(w, list, n, o, s);
	arena_deinit(&arena);
}

/* The innermost frame that is shown. */
static const struct frame *where(const struct goroutine *g, const struct emit_options *o)
{
	const struct stack *st = &g->stack;

	for (uint32_t i = 0; i < st->nframes; i++)
		if (st->frames[i].place && !(hides_runtime(st, o) && st->frames[i].place->is_runtime))
			return &st->frames[i];
	return NULL;
}

static void put_former(const struct goroutine *g, const struct emit_options *o, struct sink *s)
{
	const struct frame *f = where(g, o);

	sink_str(s, "was [");
	put_text(s, goroutine_state(g));
	sink_char(s, ']');
	if (f) {
		sink_str(s, " at ");
		put_text(s, f->place->function ? f->place->function : "\?\?");
		sink_str(s, ", ");
		put_file(f->place->file, f->place->line, o, s);
	}
	sink_str(s, " --\n");
}

static int by_from(const void *p, const void *q)
{
	const struct change_of *a = p, *b = q;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

/* Those that have come from the same stack together. */
static void put_moved(const struct world *a, const struct world *b, const struct diff *d,
		      const struct emit_options *o, struct sink *s)
{
	struct arena arena = {0};
	size_t n = d->counts[CHANGE_MOVED], k = 0;
	struct change_of *moved = arena_array(&arena, struct change_of, n);
	struct goroutine *list = arena_array(&arena, struct goroutine, n);

	for (size_t i = 0; i < d->n; i++)
		if (d->goroutines[i].change == CHANGE_MOVED)
			moved[k++] = d->goroutines[i];
	if (n)
		qsort(moved, n, sizeof moved[0], by_from);
	for (size_t i = 0; i < n; i += k) {
		for (k = 0; i + k < n && moved[i + k].from == moved[i].from; k++)
			list[k] = b->goroutines[moved[i + k].b];
		sink_printf(s, "\n-- moved: %zu, ", k);
		put_former(&a->goroutines[moved[i].a], o, s);
		put_goroutines(b, list, k, o, s);
	}
	arena_deinit(&arena);
}

/* Each by itself. */
static void put_objects(const struct world *a, const struct world *b, const struct diff *d,
			const struct emit_options *o, struct sink *s)
{
	if (!d->counts[CHANGE_OBJECT])
		return;
	sink_printf(s, "\n-- wait on something else: %zu --\n", d->counts[CHANGE_OBJECT]);
	for (size_t i = 0, n = 0; i < d->n; i++) {
		if (d->goroutines[i].change != CHANGE_OBJECT)
			continue;
		sink_str(s, n++ ? "\n" : "");
		emit_goroutine(b, &b->goroutines[d->goroutines[i].b], o, s);
		sink_str(s, "waits on ");
		sink_hex(s, b->goroutines[d->goroutines[i].b].wait_obj);
		sink_str(s, ", waited on ");
		sink_hex(s, a->goroutines[d->goroutines[i].a].wait_obj);
		sink_char(s, '\n');
	}
}

/* What was missing from either: what it says of goroutines that are in one only. */
static void put_notes(const struct world *w, const char *which, struct sink *s)
{
	for (size_t i = 0; i < w->nnotes; i++) {
		sink_printf(s, "note: %s: ", which);
		put_text(s, w->notes[i]);
		sink_char(s, '\n');
	}
}

static void put_all_notes(const struct world *a, const struct world *b, struct sink *s)
{
	bool threads = !a->ngoroutines && !b->ngoroutines && (a->nthreads || b->nthreads);

	if (a->nnotes || b->nnotes || threads)
		sink_char(s, '\n');
	put_notes(a, "before", s);
	put_notes(b, "after", s);
	if (threads)
		sink_str(s, "note: only goroutines are compared, not threads\n");
}

/* Whether there may have been goroutines that are not listed. */
static bool misses_some(const struct world *w)
{
	return w->incomplete || (!w->ngoroutines && w->nnotes);
}

static bool is_same(const struct diff *d)
{
	for (int i = 0; i < NCHANGES; i++)
		if (i != CHANGE_NONE && d->counts[i])
			return false;
	return true;
}

void emit_diff(const struct world *a, const struct world *b, const struct diff *d,
	       const struct emit_options *o, struct sink *s)
{
	static const struct {
		enum change change;
		const char *text;
	} parts[] = {
		{CHANGE_APPEARED, "appeared"},
		{CHANGE_VANISHED, "vanished"},
		{CHANGE_MOVED, "moved"},
		{CHANGE_OBJECT, "wait on something else"},
		{CHANGE_RAN, "ran and wait again"},
		{CHANGE_NONE, "as before"},
	};
	const char *between = "; ";

	sink_printf(s, "goroutines: %zu before, %zu after", a->ngoroutines, b->ngoroutines);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (!d->counts[parts[i].change])
			continue;
		sink_printf(s, "%s%zu %s", between, d->counts[parts[i].change], parts[i].text);
		between = ", ";
	}
	sink_str(s, is_same(d) ? ": no difference\n" : "\n");
	put_part(b, d, CHANGE_APPEARED, misses_some(a) ? "appeared, or not to be seen before" : "appeared", o,
		 s);
	put_part(a, d, CHANGE_VANISHED, misses_some(b) ? "vanished, or not to be seen after" : "vanished", o,
		 s);
	put_moved(a, b, d, o, s);
	put_objects(a, b, d, o, s);
	put_part(b, d, CHANGE_RAN, "ran and wait again", o, s);
	put_all_notes(a, b, s);
}

/* ---- by stacks -------------------------------------------------------------------------------------------------- */

void emit_diff_stacks(const struct world *a, const struct world *b, const struct diff *d,
		      const struct emit_options *o, struct sink *s)
{
	struct emit_options how = *o;

	how.args = ARGS_NONE; /* of many with the same lines */
	sink_printf(s, "goroutines: %zu before, %zu after; %zu stacks with other numbers, %zu as before%s\n",
		    a->ngoroutines, b->ngoroutines, d->nstacks, d->same_stacks,
		    d->nstacks ? "" : ": no difference");
	for (size_t i = 0; i < d->nstacks; i++) {
		const struct stack_change *c = &d->stacks[i];
		const struct world *w = c->nb ? b : a;
		const struct goroutine *g = &w->goroutines[c->nb ? c->b : c->a];

		sink_printf(s, "\n%s%zu (%zu before, %zu after)\n", c->nb > c->na ? "+" : "-",
			    c->nb > c->na ? c->nb - c->na : c->na - c->nb, c->na, c->nb);
		emit_goroutine(w, g, &how, s);
	}
	put_all_notes(a, b, s);
}
