/* SPDX-License-Identifier: MIT */
/*
 * What: leaks that were there before: they are listed, and do not fail.
 *
 * How: a file with a line per group: verdict, fingerprint, how many goroutines it was, and where, for people.  It is
 * sorted, so that two of them can be compared and merged as text.
 *
 * The fingerprint is made of the reason and the names of functions, not of lines, addresses or numbers of goroutines:
 * edits elsewhere in a file do not make an old leak a new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/leaks.h"
#include "base/file.h"
#include "base/vec.h"

enum { DIGITS = 16 };

static bool parse_line(const char *line, size_t n, struct known *ret)
{
	for (int v = VERDICT_LEAKED; v <= VERDICT_LINGERING; v++) {
		size_t k = strlen(verdict_text((enum verdict)v));

		if (n < k + 1 + DIGITS || memcmp(line, verdict_text((enum verdict)v), k) != 0 ||
		    line[k] != ' ' || strspn(line + k + 1, "0123456789abcdef") != DIGITS)
			continue;
		memcpy(ret->fingerprint, line + k + 1, DIGITS);
		ret->fingerprint[DIGITS] = '\0';
		ret->verdict = (enum verdict)v;
		return true;
	}
	return false;
}

int baseline_parse(struct baseline *ret, const char *path, const char *text, struct error *e)
{
	VEC(struct known) list = {0};

	for (int line = 1; *text; line++) {
		size_t n = strcspn(text, "\n");

		if (n && *text != '#' && !parse_line(text, n, VEC_PUSH(&list))) {
			VEC_FREE(&list);
			return error_set(
				e, -EINVAL,
				"%s:%d: expected a verdict and a fingerprint of %d digits, found \"%.*s\": "
				"this is no file of --write-baseline",
				path, line, DIGITS, n > 40 ? 40 : (int)n, text);
		}
		text += n + (text[n] == '\n');
	}
	*ret = (struct baseline){list.items, list.n};
	return 0;
}

int baseline_read(struct baseline *ret, const char *path, struct error *e)
{
	char *text;
	int err = file_read(path, &text, e);

	if (err)
		return err;
	err = baseline_parse(ret, path, text, e);
	free(text);
	return err;
}

void baseline_deinit(struct baseline *b)
{
	free(b->items);
	memset(b, 0, sizeof *b);
}

static bool is_proof(enum verdict v)
{
	return v == VERDICT_LEAKED || v == VERDICT_DEADLOCKED;
}

bool baseline_has(const struct baseline *b, const char *fingerprint, enum verdict v)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->items[i].fingerprint, fingerprint) &&
		    (is_proof(b->items[i].verdict) || !is_proof(v)))
			return true;
	return false;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct leak *const *x = a, *const *y = b;
	int c = strcmp((*x)->fingerprint, (*y)->fingerprint);

	return c ? c : (int)(*x)->g->verdict - (int)(*y)->g->verdict;
}

static void put_line(const struct leak *l, struct sink *s)
{
	const struct place *at = leak_place(&l->g->stack);

	sink_printf(s, "%s %s %zu ", verdict_text(l->g->verdict), l->fingerprint, l->group.n);
	sink_clean(s, goroutine_state(l->g), strlen(goroutine_state(l->g)), 0);
	if (at && at->function) {
		sink_str(s, " in ");
		sink_clean(s, at->function, strlen(at->function), 0);
	}
	if (l->g->go_func) {
		sink_str(s, ", created by ");
		sink_clean(s, l->g->go_func, strlen(l->g->go_func), 0);
	}
	sink_char(s, '\n');
}

void leaks_put_baseline(const struct leaks *l, struct sink *s)
{
	VEC(const struct leak *) list = {0};

	sink_str(
		s,
		"# Leaks that were there: gorgon leaks --baseline; verdict, fingerprint, goroutines, where.\n");
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].rule)
			*VEC_PUSH(&list) = &l->items[i];
	VEC_SORT(&list, compare);
	for (size_t i = 0; i < list.n; i++)
		if (!i || compare(&list.items[i - 1], &list.items[i]) != 0)
			put_line(list.items[i], s);
	VEC_FREE(&list);
}
