/* SPDX-License-Identifier: MIT */
/*
 * What: rules for leaks that are no news.
 *
 * How: a rule is a name and a filter of the language that --where has, so there is one grammar to learn and one
 * parser.  Rejected: patterns for whole stacks, as memory checkers have them, which break with every inlining.
 *
 *	# a comment
 *	logger: func=log_flush and state="chan receive"
 *	third-party: file~"/third_party/"
 *		and (lingering or stuck)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/leaks.h"
#include "base/file.h"
#include "base/vec.h"

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";

typedef VEC(struct rule) rule_list;

struct reader {
	const char *path;
	rule_list rules;
	int line;
	struct sink filter; /* text of the rule that is being read */
	struct error *e;
};

static int finish_rule(struct reader *r)
{
	struct rule *rule = r->rules.n ? &r->rules.items[r->rules.n - 1] : NULL;
	int err;

	if (!rule || rule->filter)
		return 0;
	err = filter_parse(&rule->filter, sink_text(&r->filter), r->e);
	if (err)
		error_prefix(r->e, "%s:%d: rule %s", r->path, rule->line, rule->name);
	return err;
}

static int begin_rule(struct reader *r, const char *line, size_t n)
{
	size_t name = strspn(line, name_chars);
	struct rule *rule;
	int err = finish_rule(r);

	if (err)
		return err;
	if (!name || name >= n || line[name] != ':')
		return error_set(
			r->e, -EINVAL,
			"%s:%d: expected NAME: FILTER (the name of letters, digits, _ . - /), found \"%.*s\"",
			r->path, r->line, n > 40 ? 40 : (int)n, line);
	for (size_t i = 0; i < r->rules.n; i++)
		if (strlen(r->rules.items[i].name) == name && !memcmp(r->rules.items[i].name, line, name))
			return error_set(r->e, -EINVAL, "%s:%d: there is a rule %s already, at line %d",
					 r->path, r->line, r->rules.items[i].name, r->rules.items[i].line);
	rule = VEC_PUSH(&r->rules);
	memset(rule, 0, sizeof *rule);
	rule->name = base_malloc(name + 1);
	memcpy(rule->name, line, name);
	rule->name[name] = '\0';
	rule->line = r->line;
	r->filter.len = 0;
	sink_put(&r->filter, line + name + 1, n - name - 1);
	return 0;
}

static int read_line(struct reader *r, const char *line, size_t n)
{
	while (n && strchr(" \t\r", line[n - 1]))
		n--;
	if (!n || line[strspn(line, " \t")] == '#')
		return 0;
	if (line[0] != ' ' && line[0] != '\t')
		return begin_rule(r, line, n);
	if (!r->rules.n)
		return error_set(r->e, -EINVAL, "%s:%d: this continues no rule", r->path, r->line);
	sink_char(&r->filter, ' ');
	sink_put(&r->filter, line, n);
	return 0;
}

int rules_parse(struct rules *ret, const char *path, const char *text, struct error *e)
{
	struct reader r = {.path = path, .e = e};
	int err = 0;

	sink_init_memory(&r.filter);
	while (*text && !err) {
		size_t n = strcspn(text, "\n");

		r.line++;
		err = read_line(&r, text, n);
		text += n + (text[n] == '\n');
	}
	if (!err)
		err = finish_rule(&r);
	sink_deinit(&r.filter);
	*ret = (struct rules){base_strdup(path), r.rules.items, r.rules.n};
	if (err)
		rules_deinit(ret);
	return err;
}

int rules_read(struct rules *ret, const char *path, struct error *e)
{
	char *text;
	int err = file_read(path, &text, e);

	if (err)
		return err;
	err = rules_parse(ret, path, text, e);
	free(text);
	return err;
}

void rules_deinit(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->items[i].name);
		filter_free(r->items[i].filter);
	}
	free(r->items);
	free(r->path);
	memset(r, 0, sizeof *r);
}

uint32_t rules_match(const struct rules *r, const struct world *w, const struct goroutine *g)
{
	for (size_t i = 0; i < r->n; i++)
		if (filter_match(r->items[i].filter, w, g))
			return (uint32_t)i + 1;
	return 0;
}

/* ---- making them ---------------------------------------------------------------------------------------------- */

enum { MAX_FUNCTIONS = 4 };

static void put_value(const char *key, const char *text, struct sink *s)
{
	sink_str(s, " and ");
	sink_str(s, key);
	sink_str(s, "=\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			sink_char(s, '\\');
		sink_char(s, (unsigned char)*text < ' ' ? '?' : *text);
	}
	sink_char(s, '"');
}

/* Letters that a name may have. */
static void put_name(const char *text, struct sink *s)
{
	for (; *text; text++)
		sink_char(s, strchr(name_chars, *text) ? *text : '-');
}

static void put_rule(const struct leak *l, struct sink *s)
{
	const struct place *at = leak_place(&l->g->stack);
	const char *last = NULL;
	int n = 0;

	sink_str(s, "\n# ");
	sink_udec(s, l->group.n);
	sink_str(s, l->group.n == 1 ? " goroutine " : " goroutines ");
	sink_str(s, verdict_text(l->g->verdict));
	sink_char(s, '\n');
	put_name(at && at->function ? at->function : "unknown", s);
	sink_printf(s, "-%.8s: state=\"%s\"", l->fingerprint, goroutine_state(l->g));
	for (uint32_t i = 0; i < l->g->stack.nframes && n < MAX_FUNCTIONS; i++) {
		const struct place *p = l->g->stack.frames[i].place;

		if (!p || !p->function || p->is_runtime || (last && !strcmp(last, p->function)))
			continue;
		put_value("func", last = p->function, s);
		n++;
	}
	if (l->g->go_func)
		put_value("creator", l->g->go_func, s);
	sink_char(s, '\n');
}

void leaks_put_rules(const struct leaks *l, struct sink *s)
{
	sink_str(s, "# Suppressions for `gorgon leaks --suppressions`; say of each why it is no bug.\n");
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].rule)
			put_rule(&l->items[i], s);
}
