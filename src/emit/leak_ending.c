/* SPDX-License-Identifier: MIT */
/*
 * What: how a program ended that did not live to be searched for leaks, or failed besides: what machines that run
 * tests are told of it, in all their forms.
 */
#include <string.h>

#include "emit/leaks.h"

const char *ending_name(enum ending_kind kind)
{
	static const char *const names[] = {
		[ENDING_UNTOLD] = "untold",   [ENDING_WELL] = "well",
		[ENDING_CRASHED] = "crashed", [ENDING_FAILED] = "failed",
		[ENDING_TIMEOUT] = "timeout", [ENDING_NOT_STARTED] = "not started",
	};

	return names[kind];
}

bool ending_fails(const struct ending *e)
{
	return e->kind > ENDING_WELL;
}

const char *ending_line(const struct leaks *l)
{
	const char *text = l->ending.text ? l->ending.text : "";

	return arena_strn(&l->world->arena, text, strcspn(text, "\n"));
}

static const struct thread *culprit_thread(const struct world *w)
{
	for (size_t i = 0; i < w->nthreads; i++)
		if (w->threads[i].is_culprit)
			return &w->threads[i];
	return NULL;
}

static const struct goroutine *culprit_goroutine(const struct world *w)
{
	for (size_t i = 0; i < w->ngoroutines; i++)
		if (w->goroutines[i].is_culprit)
			return &w->goroutines[i];
	return NULL;
}

const struct stack *ending_stack(const struct leaks *l)
{
	const struct goroutine *g = culprit_goroutine(l->world);
	const struct thread *t = g ? NULL : culprit_thread(l->world);

	if (l->ending.kind != ENDING_CRASHED)
		return NULL;
	return g ? &g->stack : t ? &t->stack : NULL;
}

static void emit_all(const struct world *w, const struct emit_options *o, struct sink *s)
{
	struct emit_options grouped = *o;

	grouped.group = true;
	emit_text(w, &grouped, s);
}

/* What has happened, and who did it, or all of them if nobody did: the whole dump is where it was written then. */
void emit_ending(const struct leaks *l, const struct emit_options *o, struct sink *s)
{
	const struct goroutine *g = culprit_goroutine(l->world);
	const struct thread *t = g ? NULL : culprit_thread(l->world);

	for (const char *at = l->ending.text; at && *at;
	     at += strcspn(at, "\n") + (strchr(at, '\n') != NULL)) {
		sink_put(s, at, strcspn(at, "\n"));
		sink_char(s, '\n');
	}
	if (l->ending.kind != ENDING_CRASHED)
		return;
	sink_char(s, '\n');
	if (g)
		emit_goroutine(l->world, g, o, s);
	else if (t)
		emit_thread(l->world, t, o, s);
	else
		emit_all(l->world, o, s);
}
