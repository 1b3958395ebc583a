/* SPDX-License-Identifier: MIT */
/*
 * What: goroutine profiles: how many goroutines there are at each stack, in the format of pprof and as the text that
 * Go's /debug/pprof/goroutine?debug=1 gives; and folded stacks for flame graphs.
 *
 * How: groups of the same functions, lines and labels are one sample each.  The state and the labels of the
 * goroutines are labels of the sample, so that `pprof -tagfocus` finds them; how long they have waited is a second
 * value.  Threads that run no goroutine are samples too if they are shown.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "emit/block.h"
#include "emit/profile.h"

enum { MAX_LABELS = 64 };

/* The frames that a profile shows: those that the text shows. */
static bool hides(const struct stack *st, const struct frame *f, const struct emit_options *o)
{
	return hides_runtime(st, o) && f->place && f->place->is_runtime;
}

static const char *name_of(const struct frame *f, char *buf, size_t n)
{
	const struct place *at = f->place;
	const char *slash;
	struct sink s;

	if (at && at->function && at->function[0])
		return at->function;
	slash = at && at->module ? strrchr(at->module, '/') : NULL;
	sink_init_memory(&s);
	sink_char(&s, '[');
	sink_str(&s, slash ? slash + 1 : at && at->module ? at->module : "\?\?");
	sink_char(&s, ']');
	strncpy(buf, sink_text(&s), n - 1);
	buf[n - 1] = '\0';
	sink_deinit(&s);
	return buf;
}

/* ---- pprof ------------------------------------------------------------------------------------------------------- */

typedef VEC(uint64_t) ids;

static void locate(struct profile *p, const struct stack *st, const struct emit_options *o, ids *ret)
{
	char buf[256];

	ret->n = 0;
	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct frame *f = &st->frames[i];
		struct profile_place at = {.function = name_of(f, buf, sizeof buf), .addr = f->pc};

		if (hides(st, f, o))
			continue;
		if (f->place) {
			at.file = f->place->file;
			at.line = f->place->line;
			at.module = f->place->module;
		}
		*VEC_PUSH(ret) = profile_location(p, &at);
	}
}

static void put_goroutines(struct world *w, const struct emit_options *o, struct profile *p)
{
	struct group *groups;
	size_t n = analyse_groups(w, SIMILAR_LINES, &groups);
	struct profile_label labels[MAX_LABELS + 2];
	ids where = {0};

	for (size_t i = 0; i < n; i++) {
		const struct goroutine *g = &w->goroutines[groups[i].first];
		int64_t values[2] = {(int64_t)groups[i].n, 0};
		size_t nlabels = 0;

		if (!shows_goroutine(g, o))
			continue;
		for (size_t k = 0; k < groups[i].n; k++)
			values[1] += w->goroutines[groups[i].members[k]].waited_ns;
		labels[nlabels++] = (struct profile_label){.key = "state", .text = goroutine_state(g)};
		if (g->verdict)
			labels[nlabels++] =
				(struct profile_label){.key = "verdict", .text = verdict_text(g->verdict)};
		/* Of several, the first one's would be said of all. */
		for (uint32_t k = 0; k < g->nlabels && k < MAX_LABELS && groups[i].n == 1; k++)
			labels[nlabels++] =
				(struct profile_label){.key = g->labels[k].key, .text = g->labels[k].value};
		locate(p, &g->stack, o, &where);
		profile_sample(p, where.items, where.n, values, labels, nlabels);
	}
	VEC_FREE(&where);
}

static void put_threads(const struct world *w, const struct emit_options *o, struct profile *p)
{
	int64_t values[2] = {1, 0};
	ids where = {0};

	for (size_t i = 0; i < w->nthreads; i++) {
		const struct thread *t = &w->threads[i];
		struct profile_label label = {.key = "thread", .text = t->name ? t->name : ""};

		if (!shows_thread(w, t, o))
			continue;
		locate(p, &t->stack, o, &where);
		profile_sample(p, where.items, where.n, values, &label, 1);
	}
	VEC_FREE(&where);
}

void emit_pprof(struct world *w, const struct emit_options *o, struct sink *s)
{
	static const struct profile_type types[] = {{"goroutine", "count"}, {"waited", "nanoseconds"}};
	struct profile p;

	profile_init(&p, types, 2);
	p.time_ns = (int64_t)time(NULL) * 1000000000;
	put_goroutines(w, o, &p);
	put_threads(w, o, &p);
	profile_write(&p, s);
	profile_deinit(&p);
}

/* ---- the text of debug=1 ------------------------------------------------------------------------------------------ */

static void put_clean(struct sink *s, const char *text)
{
	sink_clean(s, text, strlen(text), 0);
}

static void put_addresses(const struct stack *st, const struct emit_options *o, struct sink *s)
{
	sink_str(s, " @");
	for (uint32_t i = 0; i < st->nframes; i++)
		if (!hides(st, &st->frames[i], o) && st->frames[i].pc) {
			sink_char(s, ' ');
			sink_hex(s, st->frames[i].pc);
		}
	sink_char(s, '\n');
}

static void put_lines(const struct stack *st, const struct emit_options *o, struct sink *s)
{
	char buf[256];

	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct frame *f = &st->frames[i];
		const struct place *at = f->place;
		uint64_t offset = at && at->entry && f->pc > at->entry ? f->pc - at->entry : f->offset;

		if (hides(st, f, o))
			continue;
		sink_str(s, "#\t");
		sink_hex(s, f->pc);
		sink_char(s, '\t');
		put_clean(s, name_of(f, buf, sizeof buf));
		sink_char(s, '+');
		sink_hex(s, offset);
		sink_char(s, '\t');
		put_clean(s, at && at->file ? at->file : "\?\?");
		sink_char(s, ':');
		sink_dec(s, at && at->line > 0 ? at->line : 0);
		sink_char(s, '\n');
	}
}

static int by_size(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return x->first < y->first ? -1 : x->first > y->first;
}

void emit_pprof_text(struct world *w, const struct emit_options *o, struct sink *s)
{
	struct group *groups;
	size_t n = analyse_groups(w, SIMILAR_LINES, &groups), total = 0;

	for (size_t i = 0; i < n; i++)
		total += shows_goroutine(&w->goroutines[groups[i].first], o) ? groups[i].n : 0;
	if (n)
		qsort(groups, n, sizeof groups[0], by_size);
	sink_str(s, "goroutine profile: total ");
	sink_udec(s, total);
	sink_char(s, '\n');
	for (size_t i = 0; i < n; i++) {
		const struct goroutine *g = &w->goroutines[groups[i].first];

		if (!shows_goroutine(g, o))
			continue;
		sink_udec(s, groups[i].n);
		put_addresses(&g->stack, o, s);
		put_lines(&g->stack, o, s);
		sink_char(s, '\n');
	}
}

/* ---- folded ------------------------------------------------------------------------------------------------------- */

/* Frames are separated by semicolons, and the number by the last space of the line. */
static void put_folded_name(struct sink *s, const char *text)
{
	for (size_t n; *text; text += n) {
		n = strcspn(text, ";\n");
		sink_clean(s, text, n, 0);
		if (text[n]) {
			sink_char(s, ',');
			n++;
		}
	}
}

static void put_folded_stack(const struct stack *st, const struct emit_options *o, struct sink *s)
{
	char buf[256];

	for (uint32_t i = st->nframes; i-- > 0;) {
		const struct frame *f = &st->frames[i];

		if (st->nelided && i + 1 == st->elide_at)
			sink_str(s, ";...");
		if (hides(st, f, o))
			continue;
		sink_char(s, ';');
		put_folded_name(s, name_of(f, buf, sizeof buf));
	}
}

void emit_folded(struct world *w, const struct emit_options *o, struct sink *s)
{
	struct group *groups;
	size_t n = analyse_groups(w, SIMILAR_LINES, &groups);

	for (size_t i = 0; i < n; i++) {
		const struct goroutine *g = &w->goroutines[groups[i].first];

		if (!shows_goroutine(g, o))
			continue;
		put_folded_name(s, g->go_func ? g->go_func : g->id ? "main" : "threads");
		put_folded_stack(&g->stack, o, s);
		sink_char(s, ';');
		sink_char(s, '[');
		put_folded_name(s, goroutine_state(g));
		sink_str(s, "] ");
		sink_udec(s, groups[i].n);
		sink_char(s, '\n');
	}
	for (size_t i = 0; i < w->nthreads; i++) {
		if (!shows_thread(w, &w->threads[i], o))
			continue;
		sink_str(s, "thread ");
		put_folded_name(s, w->threads[i].name ? w->threads[i].name : "\?\?");
		put_folded_stack(&w->threads[i].stack, o, s);
		sink_str(s, " 1\n");
	}
}
