/* SPDX-License-Identifier: MIT */
/*
 * What: the little language of --where: which goroutines a user wants to see.
 *
 *	filter  = conj { "or" conj } .
 *	conj    = factor { "and" factor } .
 *	factor  = "not" factor | "(" filter ")" | term .
 *	term    = flag | key op value .
 *	flag    = "leaked" | "deadlocked" | "stuck" | "lingering" |
 *		   "running" | "runnable" | "waiting" | "syscall" | "main" | "system" | "culprit" | "locked" .
 *	key     = "state" | "func" | "file" | "creator" | "label." NAME | "id" | "waited" | "obj" .
 *	op      = "=" | "~" | "<" | ">" .
 *	value   = quoted text | everything up to a space or a ) that it has not opened itself .
 *
 * `not` binds closest, then `and`.  ~ is a POSIX extended regular expression.  A state may be written without
 * quotes: it goes on until `and`, `or`, ) or the end.
 *
 * How: recursive descent into a tree.  Every error says at which character, what was expected, what was found.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/analyse.h"
#include "base/arena.h"

enum node { NODE_AND, NODE_OR, NODE_NOT, NODE_FLAG, NODE_TERM };
enum key { KEY_STATE, KEY_FUNC, KEY_FILE, KEY_CREATOR, KEY_LABEL, KEY_ID, KEY_WAITED, KEY_OBJ };
enum flag {
	LEAKED,
	DEADLOCKED,
	STUCK,
	LINGERING,
	RUNNING,
	RUNNABLE,
	WAITING,
	SYSCALL,
	MAIN,
	SYSTEM,
	CULPRIT,
	LOCKED,
	NFLAGS
};

enum { MAX_DEPTH = 100 };

struct filter {
	enum node node;
	struct filter *left, *right; /* right: of AND and OR */
	enum flag flag;
	enum key key;
	char op;     /* = ~ < > */
	char *label; /* LABEL: its key */
	char *text;  /* of = on text */
	int64_t number;
	regex_t regex; /* of ~ */
	bool has_regex;
};

struct parser {
	const char *text, *at;
	struct error *e;
	int depth;
};

static const char *const flags[NFLAGS] = {
	[LEAKED] = "leaked",   [DEADLOCKED] = "deadlocked", [STUCK] = "stuck",     [LINGERING] = "lingering",
	[RUNNING] = "running", [RUNNABLE] = "runnable",     [WAITING] = "waiting", [SYSCALL] = "syscall",
	[MAIN] = "main",       [SYSTEM] = "system",         [CULPRIT] = "culprit", [LOCKED] = "locked",
};

static const struct {
	const char *name;
	enum key key;
	const char *ops;
} keys[] = {
	{"state", KEY_STATE, "=~"},   {"reason", KEY_STATE, "=~"},    {"func", KEY_FUNC, "=~"},
	{"file", KEY_FILE, "=~"},     {"creator", KEY_CREATOR, "=~"}, {"id", KEY_ID, "=<>"},
	{"waited", KEY_WAITED, "<>"}, {"obj", KEY_OBJ, "="},
};

/* ---- errors and words -------------------------------------------------------------------------------------- */

static int expected(struct parser *p, const char *at, const char *what)
{
	size_t n = strcspn(at, " \t");

	if (n > 30)
		n = 30;
	if (!*at)
		return error_set(p->e, -EINVAL, "filter \"%s\": at its end: expected %s", p->text, what);
	return error_set(p->e, -EINVAL, "filter \"%s\": character %zu: expected %s, found \"%.*s\"", p->text,
			 (size_t)(at - p->text) + 1, what, (int)n, at);
}

static void skip_space(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static size_t word_length(const char *at)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_')
		n++;
	return n;
}

static bool is_word(const char *at, const char *word)
{
	size_t n = strlen(word);

	return word_length(at) == n && !strncmp(at, word, n);
}

static bool take_word(struct parser *p, const char *word)
{
	skip_space(p);
	if (!is_word(p->at, word))
		return false;
	p->at += strlen(word);
	return true;
}

/* ---- values ----------------------------------------------------------------------------------------------- */

/* "..." with \" and \\ in it. */
static int take_quoted(struct parser *p, char **ret)
{
	const char *start = p->at++;
	char *text = base_malloc(strlen(start)), *to = text;

	while (*p->at && *p->at != '"') {
		if (*p->at == '\\' && (p->at[1] == '"' || p->at[1] == '\\'))
			p->at++;
		*to++ = *p->at++;
	}
	*to = '\0';
	if (!*p->at) {
		free(text);
		return expected(p, p->at, "a closing quote");
	}
	p->at++;
	*ret = text;
	return 0;
}

/* Where a value without quotes ends. */
static const char *value_end(const char *at, bool has_spaces)
{
	int open = 0;

	for (; *at; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '(')
			open++;
		else if (*at == ')' && open-- == 0)
			break;
		else if (isspace((unsigned char)*at) && !open) {
			const char *next = at + strspn(at, " \t\n");

			if (!has_spaces || !*next || is_word(next, "and") || is_word(next, "or"))
				break;
		}
	}
	return at;
}

static int take_value(struct parser *p, bool has_spaces, char **ret)
{
	const char *end;

	skip_space(p);
	if (*p->at == '"')
		return take_quoted(p, ret);
	end = value_end(p->at, has_spaces);
	if (end == p->at)
		return expected(p, p->at, "a value");
	*ret = base_malloc((size_t)(end - p->at) + 1);
	memcpy(*ret, p->at, (size_t)(end - p->at));
	(*ret)[end - p->at] = '\0';
	p->at = end;
	return 0;
}

/* 10s, 1h30m, 1.5ms; false if it is none. */
static bool parse_duration(const char *text, int64_t *ret)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	double sum = 0;

	do {
		double x = 0, digit = 1;
		size_t u = sizeof units / sizeof units[0], n;

		if (!isdigit((unsigned char)*text))
			return false;
		for (; isdigit((unsigned char)*text); text++)
			x = x * 10 + (*text - '0');
		if (*text == '.')
			for (text++; isdigit((unsigned char)*text); text++)
				x += (*text - '0') * (digit /= 10);
		for (n = 0; isalpha((unsigned char)text[n]);)
			n++;
		while (u-- > 0)
			if (strlen(units[u].name) == n && !strncmp(units[u].name, text, n))
				break;
		if (u >= sizeof units / sizeof units[0])
			return false;
		sum += x * units[u].ns;
		text += n;
	} while (*text);
	*ret = sum < 9e18 ? (int64_t)sum : INT64_MAX;
	return true;
}

static bool parse_number(const char *text, int base, int64_t *ret)
{
	char *end;

	errno = 0;
	if (!isalnum((unsigned char)*text))
		return false;
	*ret = base == 10 ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, base);
	return !errno && !*end;
}

/* ---- terms ------------------------------------------------------------------------------------------------ */

static struct filter *filter_new(enum node node)
{
	struct filter *f = base_malloc(sizeof *f);

	memset(f, 0, sizeof *f);
	f->node = node;
	return f;
}

static int set_regex(struct parser *p, struct filter *f, const char *at)
{
	char why[128];
	int err = regcomp(&f->regex, f->text, REG_EXTENDED | REG_NOSUB);

	f->has_regex = !err;
	if (!err)
		return 0;
	regerror(err, &f->regex, why, sizeof why);
	return error_set(p->e, -EINVAL, "filter \"%s\": character %zu: bad regular expression \"%s\": %s",
			 p->text, (size_t)(at - p->text) + 1, f->text, why);
}

static int parse_term_value(struct parser *p, struct filter *f)
{
	const char *at;
	int err;

	skip_space(p);
	at = p->at;
	err = take_value(p, f->key == KEY_STATE && f->op == '=', &f->text);
	if (err)
		return err;
	if (f->op == '~')
		return set_regex(p, f, at);
	if (f->key == KEY_ID && !parse_number(f->text, 10, &f->number))
		return expected(p, at, "the number of a goroutine");
	if (f->key == KEY_OBJ && !parse_number(f->text, 16, &f->number))
		return expected(p, at, "an address in hexadecimal");
	if (f->key == KEY_WAITED && !parse_duration(f->text, &f->number))
		return expected(p, at, "a duration such as 500ms, 10s or 1h30m");
	return 0;
}

/* After the key. */
static int parse_op(struct parser *p, struct filter *f, const char *ops)
{
	static const struct {
		const char *ops, *what;
	} all[] = {{"=~", "= or ~"}, {"=<>", "=, < or >"}, {"<>", "< or >"}, {"=", "="}};
	size_t i = 0;

	skip_space(p);
	if (*p->at && strchr(ops, *p->at)) {
		f->op = *p->at++;
		return parse_term_value(p, f);
	}
	while (strcmp(all[i].ops, ops) != 0)
		i++;
	return expected(p, p->at, all[i].what);
}

static int parse_label(struct parser *p, struct filter *f)
{
	size_t n;

	p->at += strlen("label.");
	n = strcspn(p->at, "=~ \t");
	if (!n)
		return expected(p, p->at, "the key of a label");
	f->key = KEY_LABEL;
	f->label = base_malloc(n + 1);
	memcpy(f->label, p->at, n);
	f->label[n] = '\0';
	p->at += n;
	return parse_op(p, f, "=~");
}

static int parse_term(struct parser *p, struct filter *f)
{
	skip_space(p);
	f->node = NODE_TERM;
	if (!strncmp(p->at, "label.", 6))
		return parse_label(p, f);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (take_word(p, keys[i].name)) {
			f->key = keys[i].key;
			return parse_op(p, f, keys[i].ops);
		}
	f->node = NODE_FLAG;
	for (int i = 0; i < NFLAGS; i++)
		if (take_word(p, flags[i])) {
			f->flag = (enum flag)i;
			return 0;
		}
	return expected(
		p, p->at,
		"a term: state= func~ file~ creator~ id= label.KEY= waited> obj=, or leaked, deadlocked, stuck, lingering, running, "
		"runnable, waiting, syscall, main, system, culprit, locked");
}

/* ---- the tree --------------------------------------------------------------------------------------------- */

static int parse_or(struct parser *p, struct filter **ret);

static int parse_parenthesis(struct parser *p, struct filter **ret)
{
	int err;

	p->at++;
	err = parse_or(p, ret);
	if (err)
		return err;
	skip_space(p);
	if (*p->at == ')') {
		p->at++;
		return 0;
	}
	filter_free(*ret);
	return expected(p, p->at, "and, or, or )");
}

static int parse_factor(struct parser *p, struct filter **ret)
{
	struct filter *f;
	int err;

	skip_space(p);
	if (p->depth++ > MAX_DEPTH)
		return error_set(p->e, -EINVAL, "filter: more than %d levels", MAX_DEPTH);
	if (*p->at == '(') {
		err = parse_parenthesis(p, ret);
		p->depth--;
		return err;
	}
	f = filter_new(NODE_NOT);
	err = take_word(p, "not") ? parse_factor(p, &f->left) : parse_term(p, f);
	p->depth--;
	if (err)
		filter_free(f);
	else
		*ret = f;
	return err;
}

static int parse_chain(struct parser *p, enum node node, struct filter **ret)
{
	const char *word = node == NODE_AND ? "and" : "or";
	struct filter *left, *right, *f;
	int err = node == NODE_AND ? parse_factor(p, &left) : parse_chain(p, NODE_AND, &left);

	while (!err && take_word(p, word)) {
		err = node == NODE_AND ? parse_factor(p, &right) : parse_chain(p, NODE_AND, &right);
		if (err) {
			filter_free(left);
			return err;
		}
		f = filter_new(node);
		f->left = left;
		f->right = right;
		left = f;
	}
	if (!err)
		*ret = left;
	return err;
}

static int parse_or(struct parser *p, struct filter **ret)
{
	return parse_chain(p, NODE_OR, ret);
}

int filter_parse(struct filter **ret, const char *text, struct error *e)
{
	struct parser p = {text, text, e, 0};
	struct filter *f;
	int err = parse_or(&p, &f);

	if (err)
		return err;
	skip_space(&p);
	if (*p.at) {
		filter_free(f);
		return expected(&p, p.at, "and, or, or the end");
	}
	*ret = f;
	return 0;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	filter_free(f->left);
	filter_free(f->right);
	if (f->has_regex)
		regfree(&f->regex);
	free(f->label);
	free(f->text);
	free(f);
}

/* ---- matching --------------------------------------------------------------------------------------------- */

static bool match_text(const struct filter *f, const char *text)
{
	if (!text)
		return false;
	return f->op == '~' ? !regexec(&f->regex, text, 0, NULL, 0) : !strcmp(f->text, text);
}

static bool match_frames(const struct filter *f, const struct stack *st)
{
	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct place *at = st->frames[i].place;

		if (at && match_text(f, f->key == KEY_FUNC ? at->function : at->file))
			return true;
	}
	return false;
}

static bool match_label(const struct filter *f, const struct goroutine *g)
{
	for (uint32_t i = 0; i < g->nlabels; i++)
		if (!strcmp(g->labels[i].key, f->label) && match_text(f, g->labels[i].value))
			return true;
	return false;
}

/* It waits for the object, or was given its address. */
static bool match_object(uint64_t addr, const struct goroutine *g)
{
	if (g->wait_obj == addr)
		return true;
	for (uint32_t i = 0; i < g->stack.nframes; i++)
		for (uint16_t a = 0; a < g->stack.frames[i].nargs; a++) {
			const struct value *v = &g->stack.frames[i].args[a];

			if (v->status != VALUE_UNKNOWN && v->bytes && v->type && v->type->size == 8 &&
			    v->type->kind == TYPE_POINTER && !memcmp(v->bytes, &addr, sizeof addr))
				return true;
		}
	return false;
}

static bool match_number(const struct filter *f, int64_t x)
{
	return f->op == '<' ? x < f->number : f->op == '>' ? x > f->number : x == f->number;
}

static bool match_term(const struct filter *f, const struct goroutine *g)
{
	switch (f->key) {
	case KEY_STATE:
		return match_text(f, goroutine_state(g));
	case KEY_FUNC:
	case KEY_FILE:
		return match_frames(f, &g->stack);
	case KEY_CREATOR:
		return match_text(f, g->go_func);
	case KEY_LABEL:
		return match_label(f, g);
	case KEY_ID:
		return match_number(f, g->id);
	case KEY_WAITED:
		return g->waited_ns > 0 && match_number(f, g->waited_ns);
	case KEY_OBJ:
		return f->number && match_object((uint64_t)f->number, g);
	}
	return false;
}

static bool match_flag(enum flag flag, const struct goroutine *g)
{
	switch (flag) {
	case LEAKED:
		return g->verdict == VERDICT_LEAKED;
	case DEADLOCKED:
		return g->verdict == VERDICT_DEADLOCKED;
	case STUCK:
		return g->verdict == VERDICT_STUCK;
	case LINGERING:
		return g->verdict == VERDICT_LINGERING;
	case RUNNING:
		return g->status == GOROUTINE_RUNNING || g->is_culprit;
	case RUNNABLE:
		return g->status == GOROUTINE_RUNNABLE;
	case WAITING:
		return g->status == GOROUTINE_WAITING;
	case SYSCALL:
		return g->status == GOROUTINE_SYSCALL;
	case MAIN:
		return g->is_main;
	case SYSTEM:
		return g->is_system;
	case CULPRIT:
		return g->is_culprit;
	case LOCKED:
		return g->locked_to_thread;
	case NFLAGS:
		break;
	}
	return false;
}

bool filter_match(const struct filter *f, const struct world *w, const struct goroutine *g)
{
	switch (f->node) {
	case NODE_AND:
		return filter_match(f->left, w, g) && filter_match(f->right, w, g);
	case NODE_OR:
		return filter_match(f->left, w, g) || filter_match(f->right, w, g);
	case NODE_NOT:
		return !filter_match(f->left, w, g);
	case NODE_FLAG:
		return match_flag(f->flag, g);
	case NODE_TERM:
		return match_term(f, g);
	}
	return false;
}

void filter_apply(const struct filter *f, struct world *w)
{
	size_t n = 0, all = w->ngoroutines;

	for (size_t i = 0; i < all; i++)
		if (filter_match(f, w, &w->goroutines[i]))
			w->goroutines[n++] = w->goroutines[i];
	w->ngoroutines = n;
	world_note(w, "%zu of %zu goroutines shown", n, all);
}
