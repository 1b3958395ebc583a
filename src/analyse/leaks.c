/* SPDX-License-Identifier: MIT */
/* What, how: analyse/leaks.h. */
#include "analyse/leaks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct place *leak_place(const struct stack *st)
{
	const struct place *named = NULL;

	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct place *p = st->frames[i].place;

		if (!p || p->is_runtime)
			continue;
		if (p->file && p->line)
			return p;
		if (!named && p->function)
			named = p;
	}
	return named;
}

int leaks_parse_verdicts(const char *text, unsigned *ret, struct error *e)
{
	unsigned bits = 0;

	if (!strcmp(text, "none"))
		return *ret = 0, 0;
	while (*text) {
		size_t n = strcspn(text, ",");
		int v = VERDICT_LEAKED;

		while (v <= VERDICT_LINGERING && (strlen(verdict_text((enum verdict)v)) != n ||
						  memcmp(verdict_text((enum verdict)v), text, n) != 0))
			v++;
		if (v > VERDICT_LINGERING)
			return error_set(e, -EINVAL,
					 "`%.*s` is no verdict; leaked, deadlocked, stuck and lingering are",
					 (int)n, text);
		bits |= 1u << v;
		text += n + (text[n] == ',');
	}
	*ret = bits;
	return 0;
}

/* ---- fingerprints -------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (h ^ 0xff) * 0x100000001b3ULL;
}

/* Recursion of any depth counts as one call. */
static const char *fingerprint(struct world *w, const struct goroutine *g)
{
	uint64_t h = mix(0xcbf29ce484222325ULL, goroutine_state(g));
	const char *last = NULL;

	for (uint32_t i = 0; i < g->stack.nframes; i++) {
		const struct place *p = g->stack.frames[i].place;

		if (!p || !p->function || p->is_runtime || (last && !strcmp(last, p->function)))
			continue;
		h = mix(h, last = p->function);
	}
	h = mix(h, g->go_func);
	return arena_printf(&w->arena, "%016llx", (unsigned long long)h);
}

/* ---- suppressions --------------------------------------------------------------------------------------------- */

static void apply_rules(struct world *w, struct rules *r)
{
	for (size_t i = 0; i < w->ngoroutines; i++) {
		struct goroutine *g = &w->goroutines[i];

		g->rule = g->verdict ? rules_match(r, w, g) : 0;
		if (g->rule)
			r->items[g->rule - 1].matched++;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct rule *rule = &r->items[i];

		if (rule->matched)
			world_note(w, "%llu %s suppressed by %s (%s:%d)", (unsigned long long)rule->matched,
				   rule->matched == 1 ? "goroutine" : "goroutines", rule->name, r->path,
				   rule->line);
		else
			world_note(w, "suppression %s (%s:%d) matched nothing", rule->name, r->path,
				   rule->line);
	}
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	if (x->g->verdict != y->g->verdict)
		return x->g->verdict < y->g->verdict ? -1 : 1;
	return x->group.first < y->group.first ? -1 : x->group.first > y->group.first;
}

static void count(struct leaks *l, const struct leak *leak)
{
	uint32_t n = (uint32_t)leak->group.n;

	if (leak->rule)
		l->suppressed += n;
	else if (leak->known)
		l->known += n;
	else
		l->counts[leak->g->verdict] += n;
}

void leaks_find(struct leaks *ret, struct world *w, struct rules *rules, const struct baseline *b)
{
	struct group *groups;
	size_t n;

	memset(ret, 0, sizeof *ret);
	ret->world = w;
	ret->rules = rules;
	ret->fail_on = FAIL_ON_DEFAULT;
	ret->has_baseline = b != NULL;
	if (rules)
		apply_rules(w, rules);
	n = analyse_groups(w, SIMILAR_LINES, &groups);
	ret->items = arena_array(&w->arena, struct leak, n);
	for (size_t i = 0; i < n; i++) {
		const struct goroutine *g = &w->goroutines[groups[i].first];
		struct leak *leak = &ret->items[ret->n];

		if (!g->verdict)
			continue;
		*leak = (struct leak){.group = groups[i], .g = g, .fingerprint = fingerprint(w, g)};
		leak->rule = g->rule ? &rules->items[g->rule - 1] : NULL;
		leak->known = b && baseline_has(b, leak->fingerprint, g->verdict);
		leak_follow(w, leak);
		count(ret, leak);
		ret->n++;
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof ret->items[0], compare);
}

uint32_t leaks_failing(const struct leaks *l)
{
	uint32_t n = 0;

	for (int v = VERDICT_LEAKED; v <= VERDICT_LINGERING; v++)
		if (l->fail_on & 1u << v)
			n += l->counts[v];
	return n;
}
