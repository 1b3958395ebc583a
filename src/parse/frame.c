/* SPDX-License-Identifier: MIT */
/*
 * What: the lines of stacks.
 *
 *	main.(*server).serve(0xc000012000, {0x4a1b20, 0x5})
 *		/src/main.go:52 +0x88 fp=0xc00004a7d0 sp=0xc00004a780 pc=0x47e0a8
 *	worker [tail call](jobs=chan int 0xc000012000 len 0 cap 8, name="a)")
 *		??:0 +0x164 (/lib/libc.so.6+0x440b4)
 *	...196 frames elided...
 *	created by main.main in goroutine 1
 *
 * How: the arguments are the last parentheses of a line; from the left, because text between quotes may hold
 * parentheses, and from the right where that leads nowhere.  Positions are taken apart from the right, because file
 * names may hold anything.
 */
#include "parse/inside.h"

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* The index behind a character between quotes; `at` if it is none: an apostrophe. */
static size_t behind_char(struct text t, size_t at)
{
	for (size_t i = at + 2; i < t.n && i < at + 7; i++)
		if (t.p[i] == '\'' && (t.p[i - 1] != '\\' || t.p[i - 2] == '\\'))
			return i + 1;
	return at;
}

/* Where the last group of parentheses begins, which must reach to the end; SIZE_MAX: it does not. */
static size_t args_from_left(struct text t)
{
	size_t start = SIZE_MAX, end = 0, next;
	int depth = 0;

	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (c == '(' && depth++ == 0) {
			start = i;
		} else if (c == ')' && depth > 0 && --depth == 0) {
			end = i + 1;
		} else if (depth && c == '"') {
			next = text_quoted(t, i);
			if (next == SIZE_MAX)
				return SIZE_MAX;
			i = next - 1;
		} else if (depth && c == '\'') {
			next = behind_char(t, i);
			i = next > i ? next - 1 : i;
		}
	}
	return depth == 0 && end == t.n ? start : SIZE_MAX;
}

static size_t args_from_right(struct text t)
{
	int depth = 0;

	for (size_t i = t.n; i-- > 0;) {
		if (t.p[i] == ')')
			depth++;
		else if (t.p[i] == '(' && --depth == 0)
			return i;
	}
	return SIZE_MAX;
}

static bool drop_end(struct text *t, const char *end)
{
	if (!text_ends(*t, end))
		return false;
	t->n -= strlen(end);
	return true;
}

static void parse_function(struct text name, struct call *c)
{
	if (drop_end(&name, " [guessed]"))
		c->guessed = true;
	if (drop_end(&name, " [signal handler called]"))
		c->kind = FRAME_SIGNAL;
	else if (drop_end(&name, " [tail call]"))
		c->kind = FRAME_TAIL;
	c->function = name;
	if (name.n > 2 && name.p[0] == '[' &&
	    name.p[name.n - 1] == ']') { /* [libc.so.6]: code without a name */
		c->function.n = 0;
		c->module = (struct text){name.p + 1, name.n - 2};
		if (text_is(c->module, "\?\?"))
			c->module.n = 0;
	}
}

bool parse_call(struct text line, struct call *ret)
{
	struct call c = {.kind = FRAME_NORMAL};
	size_t start;

	if (text_is(line, "non-Go function")) {
		c.no_args = true;
		c.args = TEXT("...");
		*ret = c;
		return true;
	}
	if (line.n < 3 || line.p[line.n - 1] != ')' || line.p[0] == ' ' || line.p[0] == '\t')
		return false;
	start = args_from_left(line);
	if (start == SIZE_MAX)
		start = args_from_right(line);
	if (start == SIZE_MAX || start == 0)
		return false;
	parse_function(text_until(line, start), &c);
	c.args = (struct text){line.p + start + 1, line.n - start - 2};
	*ret = c;
	return true;
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* KEY0xHEX at the end, behind a space or alone. */
static bool drop_hex(struct text *t, const char *key, uint64_t *ret)
{
	size_t at = text_rfind(*t, " ");
	struct text word = text_from(*t, at == SIZE_MAX ? 0 : at + 1);

	if (!text_take(&word, key) || !text_take(&word, "0x") || !text_take_hex(&word, ret) || word.n)
		return false;
	t->n = at == SIZE_MAX ? 0 : at;
	return true;
}

/* " (MODULE+0xHEX)" at the end. */
static void drop_module(struct text *t, struct position *at)
{
	size_t open = text_rfind(*t, " ("), plus;
	struct text module, offset;

	if (open == SIZE_MAX || !text_ends(*t, ")"))
		return;
	module = (struct text){t->p + open + 2, t->n - open - 3};
	plus = text_rfind(module, "+0x");
	if (plus == SIZE_MAX || plus == 0)
		return;
	offset = text_from(module, plus + 3);
	if (!text_take_hex(&offset, &at->module_offset) || offset.n)
		return;
	at->module = text_until(module, plus);
	t->n = open;
}

static bool is_indented(struct text *line)
{
	struct text t = *line;

	if (!text_take(&t, "#011")) { /* a tab, as system logs write it */
		if (!t.n || (t.p[0] != '\t' && t.p[0] != ' '))
			return false;
		while (t.n && (t.p[0] == '\t' || t.p[0] == ' '))
			t = text_from(t, 1);
	}
	*line = t;
	return true;
}

bool parse_position(struct text line, struct position *ret)
{
	struct position at = {0};
	uint64_t number;
	struct text digits;
	size_t colon;

	if (!is_indented(&line))
		return false;
	drop_module(&line, &at);
	drop_hex(&line, "pc=", &at.pc);
	drop_hex(&line, "sp=", &at.sp);
	drop_hex(&line, "fp=", &at.fp);
	drop_hex(&line, "+", &at.offset);
	if (!line.n && at.pc) {
		*ret = at;
		return true;
	}
	colon = text_rfind(line, ":");
	if (colon == SIZE_MAX)
		return false;
	digits = text_from(line, colon + 1);
	if (!text_take_dec(&digits, &number) || digits.n || number > INT32_MAX)
		return false;
	at.line = (int)number;
	at.file = text_until(line, colon);
	if (text_ends(at.file, "?.c")) /* a name that parsers would have refused */
		at.file.n -= 3;
	if (text_is(at.file, "\?\?") || text_is(at.file, "?"))
		at.file.n = 0;
	*ret = at;
	return true;
}

/* ---- other lines ------------------------------------------------------------------------------------------------ */

bool parse_created(struct text line, struct text *ret_function, int64_t *ret_creator)
{
	size_t in;
	struct text number;
	uint64_t id;

	if (!text_take(&line, "created by ") || !line.n)
		return false;
	*ret_creator = 0;
	*ret_function = line;
	in = text_rfind(line, " in goroutine ");
	if (in == SIZE_MAX)
		return true;
	number = text_from(line, in + strlen(" in goroutine "));
	if (text_take_dec(&number, &id) && !number.n) {
		*ret_function = text_until(line, in);
		*ret_creator = (int64_t)id;
	}
	return true;
}

bool parse_gap(struct text line, uint64_t *ret_elided, enum stack_end *ret_end)
{
	static const struct {
		const char *reason;
		enum stack_end end;
	} ends[] = {
		{"code without call frame information...", STACK_NO_CFI},
		{"unreadable memory...", STACK_UNREADABLE},
		{"the chain of frames is damaged...", STACK_CORRUPT},
		{"on a thread that could not be stopped...", STACK_RUNNING},
		{"too many frames...", STACK_LIMIT},
	};

	if (!text_take(&line, "..."))
		return false;
	if (text_is(line, "additional frames elided...")) {
		*ret_end = STACK_LIMIT;
		return true;
	}
	if (!text_take(&line, "stack ends here: "))
		return text_take_dec(&line, ret_elided) && text_is(line, " frames elided...");
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (text_is(line, ends[i].reason)) {
			*ret_end = ends[i].end;
			return true;
		}
	return false;
}
