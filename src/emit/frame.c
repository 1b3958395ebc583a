/* SPDX-License-Identifier: MIT */
/*
 * What: a stack as text: two lines per frame, and a line for what is missing.
 *
 *	function(arguments)
 *		/path/file.c:LINE +0xOFFSET
 *
 * How: doc/traceback.md has the grammar.  Two kinds of readers want different things of it where the debug
 * information has no file: parsers of Go's tracebacks accept only what Go prints (`??:0`, or a name that ends in
 * .c, .go or .s), people want the module and the offset in it.  The styles `go` and `words` are for the former,
 * `typed` and `none` for the latter.
 *
 * Invariants: names come from the target and go through sink_clean.
 */
#include <string.h>

#include "emit/block.h"

static bool is_for_parsers(const struct emit_options *o)
{
	return o->args == ARGS_GO || o->args == ARGS_WORDS;
}

static void put_text(struct sink *s, const char *text)
{
	sink_clean(s, text, strlen(text), 0);
}

const char *paint(const struct sink *s, const char *color)
{
	return s->color ? color : "";
}

/* ---- places ----------------------------------------------------------------------------------------------- */

static bool is_accepted(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot && (!strcmp(dot, ".c") || !strcmp(dot, ".go") || !strcmp(dot, ".s"));
}

void put_file(const char *file, int line, const struct emit_options *o, struct sink *s)
{
	if (!file || !file[0]) {
		sink_str(s, "\?\?:0");
		return;
	}
	put_text(s, file);
	if (is_for_parsers(o) && !is_accepted(file))
		sink_str(s, "?.c");
	sink_char(s, ':');
	sink_dec(s, line > 0 ? line : 0);
}

static void put_function(const struct place *at, struct sink *s)
{
	const char *slash;

	if (at->function && at->function[0]) {
		put_text(s, at->function);
		return;
	}
	slash = at->module ? strrchr(at->module, '/') : NULL;
	sink_char(s, '[');
	put_text(s, slash ? slash + 1 : at->module ? at->module : "\?\?");
	sink_char(s, ']');
}

/* fp= sp= pc=: either all or, for people, pc alone. */
static void put_pointers(const struct frame *f, uint64_t sp, const struct emit_options *o, struct sink *s)
{
	if (f->cfa && sp) {
		sink_str(s, " fp=");
		sink_hex(s, f->cfa);
		sink_str(s, " sp=");
		sink_hex(s, sp);
	} else if (is_for_parsers(o)) {
		return;
	}
	sink_str(s, " pc=");
	sink_hex(s, f->pc);
}

static void put_place(const struct frame *f, uint64_t sp, const struct emit_options *o, struct sink *s)
{
	const struct place *at = f->place;
	uint64_t from = at->function || !at->module ? at->entry : at->module_base;
	bool physical = !at->is_inlined && f->kind != FRAME_TAIL;
	uint64_t offset = from && f->pc > from ? f->pc - from : f->offset;

	put_file(at->file, at->line, o, s);
	if (physical && offset) {
		sink_str(s, " +");
		sink_hex(s, offset);
	}
	if (physical && (o->system || !at->module) && f->pc)
		put_pointers(f, sp, o, s);
	if (!at->file && at->module && f->pc && !is_for_parsers(o)) {
		sink_str(s, " (");
		put_text(s, at->module);
		sink_char(s, '+');
		sink_hex(s, f->pc - at->module_base);
		sink_char(s, ')');
	}
}

/* ---- frames ----------------------------------------------------------------------------------------------- */

void emit_args(const struct world *w, const struct frame *f, const struct emit_options *o, struct sink *s)
{
	bool unknown = !f->nargs && (!f->place || !f->place->has_debug_info || f->kind != FRAME_NORMAL);

	if (unknown || o->args == ARGS_NONE ||
	    (is_for_parsers(o) && (f->kind != FRAME_NORMAL || f->place->is_inlined)))
		sink_str(s, "...");
	else if (o->args == ARGS_GO)
		go_args(f, s);
	else if (o->args == ARGS_WORDS)
		words_args(f, s);
	else
		typed_args(w, f, o, s);
}

void put_frame(const struct world *w, const struct frame *f, uint64_t sp, const struct emit_options *o,
	       struct sink *s)
{
	static const struct place nowhere;
	struct frame placed = *f;
	const char *dim = f->place && f->place->is_runtime ? paint(s, COLOR_DIM) : "";

	if (!placed.place)
		placed.place = &nowhere;
	sink_str(s, dim);
	put_function(placed.place, s);
	if (f->kind == FRAME_SIGNAL)
		sink_str(s, " [signal handler called]");
	else if (f->kind == FRAME_TAIL)
		sink_str(s, " [tail call]");
	if (f->guessed)
		sink_str(s, " [guessed]");
	sink_char(s, '(');
	emit_args(w, &placed, o, s);
	sink_str(s, ")\n\t");
	put_place(&placed, sp, o, s);
	sink_str(s, *dim ? COLOR_OFF "\n" : "\n");
}

/* ---- stacks ----------------------------------------------------------------------------------------------- */

static const char *end_text(enum stack_end end)
{
	static const char *const texts[] = {
		[STACK_NO_CFI] = "code without call frame information",
		[STACK_UNREADABLE] = "unreadable memory",
		[STACK_CORRUPT] = "the chain of frames is damaged",
		[STACK_RUNNING] = "on a thread that could not be stopped",
		[STACK_LIMIT] = "too many frames",
	};

	return (size_t)end < sizeof texts / sizeof texts[0] ? texts[end] : NULL;
}

void put_stack_end(const struct stack *st, bool is_goroutine, const struct emit_options *o, struct sink *s)
{
	const char *why = end_text(st->end);

	if (!st->nframes) {
		sink_str(s, is_goroutine ? "\tgoroutine running on other thread; stack unavailable"
					 : "\tstack unavailable");
		if (why) {
			sink_str(s, ": ");
			sink_str(s, why);
		}
		sink_char(s, '\n');
	} else if (why && is_for_parsers(o)) {
		sink_str(s, "...additional frames elided...\n");
	} else if (why) {
		sink_str(s, "...stack ends here: ");
		sink_str(s, why);
		sink_str(s, "...\n");
	}
}

bool hides_runtime(const struct stack *st, const struct emit_options *o)
{
	for (uint32_t i = 0; i < st->nframes && !o->system; i++)
		if (!st->frames[i].place || !st->frames[i].place->is_runtime)
			return true;
	return false;
}

static void put_elided(struct sink *s, uint64_t n)
{
	sink_str(s, "...");
	sink_udec(s, n);
	sink_str(s, " frames elided...\n");
}

void put_stack(const struct world *w, const struct stack *st, bool is_goroutine, const struct emit_options *o,
	       struct sink *s)
{
	bool hides = hides_runtime(st, o);
	uint64_t sp = st->sp, elided = st->nelided;

	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct frame *f = &st->frames[i];

		if (elided && i >= st->elide_at) {
			put_elided(s, elided);
			elided = 0;
			sp = 0;
		}
		if (!hides || !f->place || !f->place->is_runtime)
			put_frame(w, f, sp, o, s);
		if (f->cfa && f->kind != FRAME_TAIL)
			sp = f->cfa;
	}
	if (elided)
		put_elided(s, elided);
	put_stack_end(st, is_goroutine, o, s);
}
