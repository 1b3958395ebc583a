/* SPDX-License-Identifier: MIT */
/*
 * What: finds the dumps in a stream of lines.
 *
 *	OUTSIDE -> MESSAGE   "panic: ..." [hold_message]: what follows may be the message of a dump
 *	MESSAGE -> OUTSIDE   it goes on for too long [flush]
 *	OUTSIDE, MESSAGE -> INSIDE   a header [begin]
 *	INSIDE -> INSIDE     header, call, position, ...: what was held back has interrupted the dump [accept]
 *	INSIDE -> OUTSIDE    too many other lines, a message, an id that was there already, the end [finish]
 *	INSIDE -> AGAIN      "-- again, ...": the block that follows is there already
 *
 * How: lines that may or may not be part of a dump are held back until that is known; the call of a frame is one of
 * them, since only the position behind it says that it is a call.  What stands in front of a header stands in front
 * of all lines of its dump, but for its digits.  When a dump is over, what was held back is looked at once more: another
 * source, with something else in front, may have begun in it.  What collectors of logs wrap lines in is taken off in
 * unwrap.c.
 */
#include <stdlib.h>

#include "parse/inside.h"

enum state { OUTSIDE, MESSAGE, INSIDE, AGAIN };

enum { MAX_PREFIX = 200 };

struct parser {
	struct parse_client client;
	enum state state;
	VEC(char) line;                 /* of which the end has not come yet */
	bool is_long;                   /* its beginning has been told already */
	struct clean plain, plain_held; /* of the line that has come, and of one that was held back */
	VEC(char) held;                 /* lines held back, as they came */
	VEC(size_t) ends;               /* of each of them */
	size_t others;                  /* how many of them are neither blank nor the call */
	size_t call;                    /* which of them is a call without position, plus one; 0: none */
	bool after_created;             /* the position of who created it may follow */
	char prefix[MAX_PREFIX];
	size_t nprefix;
	struct build b;
};

/* ---- what stands in front of lines ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The line without what stands in front; false if something else does.  Digits may differ, and be more or fewer. */
static bool drop_prefix(const struct parser *p, struct text *t)
{
	size_t i = 0, k = 0;

	while (k < p->nprefix) {
		if (is_digit(p->prefix[k])) {
			if (i == t->n || !is_digit(t->p[i]))
				return false;
			while (k < p->nprefix && is_digit(p->prefix[k]))
				k++;
			while (i < t->n && is_digit(t->p[i]))
				i++;
		} else {
			if (i == t->n) /* a blank line may have lost the space at its end */
				break;
			if (t->p[i++] != p->prefix[k++])
				return false;
		}
	}
	if (i == t->n)
		k = p->nprefix;
	*t = text_from(*t, i);
	return k == p->nprefix;
}

/* ---- what is held back ------------------------------------------------------------------------------------------ */

static void hold(struct parser *p, struct text raw)
{
	size_t n = p->held.n;

	VEC_ROOM(&p->held, n + raw.n);
	memcpy(p->held.items + n, raw.p, raw.n);
	p->held.n += raw.n;
	*VEC_PUSH(&p->ends) = p->held.n;
}

static struct text held_line(const struct parser *p, size_t i)
{
	size_t start = i ? p->ends.items[i - 1] : 0;

	return (struct text){p->held.items + start, p->ends.items[i] - start};
}

static void drop_held(struct parser *p)
{
	p->held.n = p->ends.n = p->others = 0;
	p->call = 0;
}

/* Tells of the first n lines that were held back. */
static void tell(struct parser *p, size_t n)
{
	if (n)
		p->client.other(p->client.arg, p->held.items, p->ends.items[n - 1]);
}

static void flush(struct parser *p)
{
	tell(p, p->ends.n);
	drop_held(p);
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

/* Whether a message begins at the beginning of t. */
static bool is_message(struct text t)
{
	static const char *const starts[] = {"panic: ",
					     "fatal error: ",
					     "runtime: goroutine stack exceeds",
					     "runtime: out of memory",
					     "fatal: ",
					     "unexpected fault address "};

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (text_starts(t, starts[i]))
			return true;
	if (!text_take(&t, "SIG"))
		return false;
	while (t.n && t.p[0] >= 'A' && t.p[0] <= 'Z')
		t = text_from(t, 1);
	return text_starts(t, ": ");
}

/* Whether one begins anywhere in it: what stands in front is not known before the header comes. */
static bool may_be_message(struct text t)
{
	size_t end = t.n < MAX_PREFIX + 40 ? t.n : MAX_PREFIX + 40;
	const char *at = t.p, *colon;

	if (text_starts(t, "unexpected fault address "))
		return true;
	while (end > (size_t)(at - t.p) && (colon = memchr(at, ':', end - (size_t)(at - t.p)))) {
		size_t word = (size_t)(colon - t.p);

		while (word > 0 && ((t.p[word - 1] >= 'a' && t.p[word - 1] <= 'z') ||
				    (t.p[word - 1] >= 'A' && t.p[word - 1] <= 'Z')))
			word--;
		if (word >= 6 && !memcmp(t.p + word - 6, "fatal ", 6))
			word -= 6;
		if (is_message(text_from(t, word)))
			return true;
		at = colon + 1;
	}
	return false;
}

/* What was held back before a header: its message, and other text before that. */
static void take_message(struct parser *p)
{
	char *text = base_malloc(p->held.n + p->ends.n + 1);
	size_t n = 0, first = p->ends.n;

	for (size_t i = 0; i < p->ends.n; i++) {
		struct text t = line_clean(&p->plain_held, held_line(p, i));

		if (!drop_prefix(p, &t)) {
			first = p->ends.n; /* not in front of the others: another source of text */
			n = 0;
			continue;
		}
		if (first == p->ends.n && !is_message(t))
			continue;
		if (first == p->ends.n)
			first = i;
		memcpy(text + n, t.p, t.n);
		n += t.n;
		text[n++] = '\n';
	}
	while (n && text[n - 1] == '\n')
		n--;
	tell(p, first);
	drop_held(p);
	if (n)
		p->b.w.message = arena_strn(&p->b.w.arena, text, n);
	free(text);
}

/* ---- dumps ------------------------------------------------------------------------------------------------------ */

static void add_frame(struct parser *p, const struct call *c, const struct position *at)
{
	struct frame *f = VEC_PUSH(&p->b.frames);
	struct place place = {.line = at->line};

	memset(f, 0, sizeof *f);
	place.function = build_string(&p->b, c->no_args ? TEXT("non-Go function") : c->function);
	place.file = build_string(&p->b, at->file);
	place.module = build_string(&p->b, at->module.n ? at->module : c->module);
	place.has_debug_info = !text_is(c->args, "...");
	/* Without an offset nor arguments it was inlined, as far as Go says so. */
	place.is_inlined = !at->offset && !place.has_debug_info && at->file.n && !at->pc;
	f->pc = at->pc;
	f->offset = at->offset;
	if (at->module.n && at->pc >= at->module_offset)
		place.module_base = at->pc - at->module_offset;
	else if (at->module.n) /* what is known is not the pc but where in the module it is */
		f->pc = at->module_offset;
	if (at->pc && at->pc >= at->offset && !at->module.n)
		place.entry = at->pc - at->offset;
	f->cfa = at->fp;
	if (p->b.frames.n == 1)
		p->b.stack.sp = at->sp;
	else if (!f[-1].cfa) /* where its caller's frame ends, its own begins */
		f[-1].cfa = at->sp;
	f->kind = (uint8_t)c->kind;
	f->guessed = c->guessed;
	f->index = (uint32_t)p->b.frames.n - 1;
	if (place.has_debug_info)
		parse_args(&p->b, c->args, f);
	f->place = build_place(&p->b, &place);
}

/* A line is part of the dump: those that were held back are not. */
static void accept(struct parser *p)
{
	size_t n = p->ends.n, first = 0;

	p->after_created = false;
	while (p->others && n && (n == p->call || !line_clean(&p->plain_held, held_line(p, n - 1)).n))
		n--;
	while (first < n && (first + 1 == p->call || !line_clean(&p->plain_held, held_line(p, first)).n))
		first++;
	for (; first < n && p->others; first++) {
		struct text t = held_line(p, first);

		if (first + 1 != p->call)
			p->client.other(p->client.arg, t.p, t.n);
	}
	drop_held(p);
}

/* What looked like a call has no position: it was none. */
static void reject_call(struct parser *p)
{
	p->others += p->call > 0;
	p->call = 0;
}

/* The next line of a text, with its end. */
static struct text take_whole_line(struct text *t)
{
	const char *end = memchr(t->p, '\n', t->n);
	struct text line = text_until(*t, end ? (size_t)(end - t->p) + 1 : t->n);

	*t = text_from(*t, line.n);
	return line;
}

static void on_clean_line(struct parser *p, struct text raw);

/* What was held back may be the dump of another source, which began before this one was over. */
static void replay(struct parser *p)
{
	char *copy = base_malloc(p->held.n + 1);
	struct text t = {copy, p->held.n};

	if (t.n)
		memcpy(copy, p->held.items, t.n);
	drop_held(p);
	while (t.n)
		on_clean_line(p, take_whole_line(&t));
	free(copy);
}

/* The dump is over.  What was held back stands behind it. */
static void finish(struct parser *p)
{
	struct world *w = &p->b.w;

	build_world(&p->b);
	p->client.dump(p->client.arg, w);
	memset(w, 0, sizeof *w);
	build_deinit(&p->b);
	memset(&p->b, 0, sizeof p->b);
	p->state = OUTSIDE;
	p->after_created = false;
	replay(p);
}

static bool begin_goroutine(struct parser *p, struct text t)
{
	build_end_block(&p->b);
	if (!parse_header(&p->b, t, &p->b.header))
		return false;
	p->b.header.ranges.p = arena_copy(&p->b.w.arena, p->b.header.ranges.p, p->b.header.ranges.n);
	p->b.block = BLOCK_GOROUTINE;
	return true;
}

static void begin_thread(struct parser *p, struct text t)
{
	build_end_block(&p->b);
	if (parse_thread(&p->b, t, &p->b.thread))
		p->b.block = BLOCK_THREAD;
}

/* Where a header stands in the line; SIZE_MAX: nowhere. */
static size_t find_header(struct text t)
{
	size_t at = 0, next;
	struct header h;

	if (!text_ends(t, "]:") && !text_ends(t, "}:"))
		return SIZE_MAX;
	while ((next = text_find(text_from(t, at), "goroutine ")) != SIZE_MAX && at + next <= MAX_PREFIX) {
		at += next;
		if (parse_header(NULL, text_from(t, at), &h))
			return at;
		at++;
	}
	return SIZE_MAX;
}

static bool is_thread(struct text t)
{
	return text_starts(t, "thread ") && text_ends(t, "]:") && parse_thread(NULL, t, NULL);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static void line_outside(struct parser *p, struct text raw, struct text t)
{
	size_t at = find_header(t);

	if (at != SIZE_MAX || is_thread(t)) {
		p->nprefix = at == SIZE_MAX ? 0 : at;
		memcpy(p->prefix, t.p, p->nprefix);
		t = text_from(t, p->nprefix);
		if (at == SIZE_MAX)
			begin_thread(p, t);
		else
			begin_goroutine(p, t);
		take_message(p);
		p->state = INSIDE;
	} else if (p->state == MESSAGE || may_be_message(t)) {
		p->state = MESSAGE;
		hold(p, raw);
		if (p->held.n > MAX_HELD || p->ends.n > MAX_HELD_LINES) {
			flush(p);
			p->state = OUTSIDE;
		}
	} else {
		p->client.other(p->client.arg, raw.p, raw.n);
	}
}

/* A line that is the position of what stands before it; false if it is not. */
static bool take_position(struct parser *p, struct text t)
{
	struct position at;
	struct call c;
	struct text line;

	if (!(p->call || p->after_created) || !parse_position(t, &at))
		return false;
	if (p->call) {
		line = line_clean(&p->plain_held, held_line(p, p->call - 1));
		drop_prefix(p, &line);
		parse_call(line, &c);
		add_frame(p, &c, &at);
	} else {
		p->b.header.g.go_file = build_string(&p->b, at.file);
		p->b.header.g.go_line = at.line;
		p->b.header.g.go_offset = at.offset;
	}
	accept(p);
	return true;
}

static bool take_unavailable(struct parser *p, struct text t)
{
	static const char text[] = "\tgoroutine running on other thread; stack unavailable";

	if (!text_starts(t, text) && !text_starts(t, "\tstack unavailable"))
		return false;
	if (text_ends(t, "on a thread that could not be stopped"))
		p->b.stack.end = STACK_RUNNING;
	else if (text_ends(t, "unreadable memory"))
		p->b.stack.end = STACK_UNREADABLE;
	return true;
}

/* Lines that are what they are without the next one. */
static bool take_line(struct parser *p, struct text t)
{
	struct stack *st = &p->b.stack;
	struct text function;
	uint64_t elided = 0;
	int64_t creator;

	if (parse_gap(t, &elided, &st->end)) {
		if (elided) {
			st->elide_at = (uint32_t)p->b.frames.n;
			st->nelided += elided;
		}
		return true;
	}
	if (parse_created(t, &function, &creator)) {
		p->b.header.g.go_func = build_string(&p->b, function);
		p->b.header.g.creator = creator;
		return true;
	}
	return take_unavailable(p, t) || text_starts(t, "[originating from goroutine ");
}

/* Whether the dump is over before this line, which is a header. */
static bool is_repeated(const struct parser *p, struct text t)
{
	uint64_t id = 0;

	text_take(&t, "goroutine ");
	text_take_dec(&t, &id);
	/* The goroutines of the scheduler all have 0. */
	return id && (table_get(&p->b.ids, id) ||
		      (p->b.block == BLOCK_GOROUTINE && (uint64_t)p->b.header.g.id == id));
}

static void interrupt(struct parser *p, struct text raw, struct text t)
{
	if (is_message(t)) {
		finish(p);
		on_clean_line(p, raw);
		return;
	}
	hold(p, raw);
	p->others++;
	if (p->others > MAX_INTERRUPTIONS || p->held.n > MAX_HELD)
		finish(p);
}

static void line_inside(struct parser *p, struct text raw, struct text all)
{
	struct text t = all;
	struct call c;

	if (!drop_prefix(p, &t)) {
		interrupt(p, raw, all);
		return;
	}
	if (!t.n) {
		hold(p, raw);
		return;
	}
	if (take_position(p, t))
		return;
	if (find_header(t) == 0) {
		if (is_repeated(p, t)) {
			finish(p);
			on_clean_line(p, raw);
			return;
		}
		reject_call(p);
		accept(p);
		begin_goroutine(p, t);
	} else if (is_thread(t)) {
		reject_call(p);
		accept(p);
		begin_thread(p, t);
	} else if (text_starts(t, "-- again, the goroutine that this is about --")) {
		drop_held(p);
		finish(p);
		p->state = AGAIN;
	} else if (take_line(p, t)) {
		reject_call(p);
		accept(p);
		p->after_created = text_starts(t, "created by ");
	} else if (parse_call(t, &c)) {
		p->others += p->call > 0; /* the former one was none */
		hold(p, raw);
		p->call = p->ends.n;
		if (p->held.n > MAX_HELD)
			finish(p);
	} else {
		interrupt(p, raw, t);
	}
}

/* The lines of a block that has been read before; false: it is over. */
static bool line_again(struct text t)
{
	struct position at;
	struct call c;
	uint64_t elided;
	enum stack_end end;

	return t.n && (text_starts(t, "goroutine ") || text_starts(t, "created by ") || parse_call(t, &c) ||
		       parse_position(t, &at) || parse_gap(t, &elided, &end));
}

static void on_clean_line(struct parser *p, struct text raw)
{
	struct text t = line_clean(&p->plain, raw);

	if (p->state == AGAIN && line_again(t))
		return;
	if (p->state == AGAIN)
		p->state = OUTSIDE;
	if (p->state == INSIDE)
		line_inside(p, raw, t);
	else
		line_outside(p, raw, t);
}

/* A call at the very end of the text: its position was cut off. */
static void end_inside(struct parser *p)
{
	struct position nowhere = {0};
	struct call c;
	struct text line;

	if (p->call && !p->others) {
		line = line_clean(&p->plain_held, held_line(p, p->call - 1));
		drop_prefix(p, &line);
		parse_call(line, &c);
		add_frame(p, &c, &nowhere);
		accept(p);
	}
	finish(p);
}

/* Nothing that comes belongs to what has come. */
static void end_all(struct parser *p)
{
	while (p->state == INSIDE)
		end_inside(p);
	flush(p);
	p->state = OUTSIDE;
}

/* One with something behind it: a header alone is a line like others. */
static bool has_header(struct text t)
{
	while (t.n) {
		struct text line = take_whole_line(&t);

		line = text_trim(line);
		if (find_header(line) != SIZE_MAX)
			return t.n > 0 && t.p[0] != '\n' && t.p[0] != '\r';
	}
	return false;
}

/* A line with a whole traceback in it, which stands behind what is left of the line: `msg=... stack=...`. */
static bool take_embedded(struct parser *p, struct text raw)
{
	struct embedded em;
	struct call c;

	/* An argument's value may be such a text. */
	if ((p->state == INSIDE && parse_call(line_clean(&p->plain, raw), &c)) || !line_embedded(raw, &em))
		return false;
	if (!has_header(em.text)) {
		free(em.memory);
		return false;
	}
	end_all(p);
	if (em.before.n || text_trim(em.after).n) {
		p->client.other(p->client.arg, em.before.p, em.before.n);
		p->client.other(p->client.arg, "...", 3);
		p->client.other(p->client.arg, em.after.p, em.after.n);
	}
	while (em.text.n)
		on_clean_line(p, take_whole_line(&em.text));
	end_all(p);
	free(em.memory);
	return true;
}

static void on_line(struct parser *p, struct text raw)
{
	if (!take_embedded(p, raw))
		on_clean_line(p, raw);
}

/* ---- the stream ------------------------------------------------------------------------------------------------- */

struct parser *parser_new(const struct parse_client *client)
{
	struct parser *p = base_malloc(sizeof *p);

	memset(p, 0, sizeof *p);
	p->client = *client;
	return p;
}

/* A line too long to be part of anything. */
static void long_line(struct parser *p, struct text t, bool is_end)
{
	if (!p->is_long) {
		while (p->state == INSIDE)
			finish(p);
		flush(p);
		p->state = OUTSIDE;
	}
	p->client.other(p->client.arg, t.p, t.n);
	p->is_long = !is_end;
}

/* A line, or a piece of one at the end of what there is. */
static void on_piece(struct parser *p, struct text t, bool is_end)
{
	if (p->line.n || !is_end) {
		size_t old = p->line.n;

		VEC_ROOM(&p->line, old + t.n);
		memcpy(p->line.items + old, t.p, t.n);
		p->line.n += t.n;
		t = (struct text){p->line.items, p->line.n};
	}
	if (p->is_long || t.n > MAX_LINE)
		long_line(p, t, is_end);
	else if (is_end)
		on_line(p, t);
	else
		return;
	p->line.n = 0;
}

void parser_feed(struct parser *p, const char *bytes, size_t n)
{
	while (n) {
		const char *end = memchr(bytes, '\n', n);
		size_t len = end ? (size_t)(end - bytes) + 1 : n;

		on_piece(p, (struct text){bytes, len}, end != NULL);
		bytes += len;
		n -= len;
	}
}

void parser_end(struct parser *p)
{
	if (p->line.n)
		on_piece(p, (struct text){"", 0}, true);
	end_all(p);
}

void parser_free(struct parser *p)
{
	if (!p)
		return;
	build_deinit(&p->b);
	VEC_FREE(&p->line);
	clean_deinit(&p->plain);
	clean_deinit(&p->plain_held);
	VEC_FREE(&p->held);
	VEC_FREE(&p->ends);
	free(p);
}
