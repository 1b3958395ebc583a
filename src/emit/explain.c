/* SPDX-License-Identifier: MIT */
/*
 * What: the words of a frame's arguments taken apart, bit by bit: gorgon explain.
 *
 * How: the layout of words.c gives the leaves and their places; each becomes a row of a table under its word:
 *
 *	word 1 = 0x19010001
 *	  0-7     0000 0001  01  b1  bool  true
 *
 * Rows are collected before they are written, since the columns are as wide as their widest cell.
 */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "emit/block.h"

enum { MAX_WORDS = 10, MAX_BINARY = 32 };

enum { COL_BITS, COL_BINARY, COL_HEX, COL_NAME, COL_TYPE, COL_VALUE, NCOLS };

struct row {
	uint64_t word;
	char *cell[NCOLS];
	char *note; /* where it comes from, or why it is not known */
};

struct table_of_rows {
	const struct world *w;
	const struct frame *f;
	VEC(struct row) rows;
	size_t width[NCOLS];
};

/* ---- cells ------------------------------------------------------------------------------------------------ */

static char *cell_end(struct sink *s)
{
	char *text = base_strdup(sink_text(s));

	sink_deinit(s);
	return text;
}

static void put_path(struct sink *s, const struct step *step)
{
	if (!step)
		return;
	put_path(s, step->up);
	if (step->name) {
		sink_char(s, '.');
		sink_clean(s, step->name, strlen(step->name), 0);
	} else {
		sink_char(s, '[');
		sink_udec(s, step->index);
		sink_char(s, ']');
	}
}

static char *name_cell(const struct table_of_rows *t, const struct span *span)
{
	struct sink s;

	sink_init_memory(&s);
	if (span->of->name) {
		sink_clean(&s, span->of->name, strlen(span->of->name), 0);
	} else {
		sink_str(&s, "argument ");
		sink_udec(&s, (uint64_t)(span->of - t->f->args) + 1);
	}
	put_path(&s, span->path);
	return cell_end(&s);
}

static char *binary_cell(uint64_t x, unsigned bits)
{
	struct sink s;

	sink_init_memory(&s);
	for (unsigned i = bits; bits <= MAX_BINARY && i-- > 0;) {
		sink_char(&s, (char)('0' + (x >> i & 1)));
		if (i && i % 4 == 0)
			sink_char(&s, ' ');
	}
	return cell_end(&s);
}

/* As many digits as it has bits. */
static char *hex_cell(uint64_t x, unsigned bits)
{
	struct sink s;

	sink_init_memory(&s);
	for (unsigned i = (bits + 3) / 4; i-- > 0;)
		sink_char(&s, "0123456789abcdef"[x >> 4 * i & 15]);
	return cell_end(&s);
}

static char *bits_cell(unsigned first, unsigned bits)
{
	struct sink s;

	sink_init_memory(&s);
	sink_udec(&s, first);
	if (bits > 1) {
		sink_char(&s, '-');
		sink_udec(&s, first + bits - 1);
	}
	return cell_end(&s);
}

static char *type_cell(const struct type *type)
{
	struct sink s;

	sink_init_memory(&s);
	typed_name(&s, type);
	return cell_end(&s);
}

static char *value_cell(const struct table_of_rows *t, const struct part *p)
{
	static const struct emit_options o = {.args = ARGS_TYPED};
	struct sink s;

	sink_init_memory(&s);
	typed_value(t->w, p, &o, &s);
	return cell_end(&s);
}

/* Memory, or the reason. */
static char *note_cell(const struct table_of_rows *t, const struct span *span)
{
	enum value_status status = part_status(&span->part);
	const struct value *v = span->of;
	struct sink s;

	sink_init_memory(&s);
	if (status != VALUE_KNOWN && v->why != WHY_NONE) {
		sink_str(&s, status == VALUE_UNKNOWN ? "unknown: " : "possibly out of date: ");
		sink_str(&s, value_why_text(v->why));
	} else if (status == VALUE_UNKNOWN) {
		sink_str(&s, "unknown");
	} else if (is_old(t->f, v)) {
		sink_str(&s, "as it was when the function was entered");
	} else if (span->part.addr) {
		sink_str(&s, "in memory at ");
		sink_hex(&s, span->part.addr);
	}
	return cell_end(&s);
}

/* ---- rows ------------------------------------------------------------------------------------------------- */

static void add_row(const struct span *span, void *arg)
{
	struct table_of_rows *t = arg;
	const struct part *p = &span->part;
	bool known = part_status(p) != VALUE_UNKNOWN;
	uint64_t at = span->offset * 8 + p->bit_offset, x = known ? part_uint(p) : 0;
	unsigned bits = p->bit_size ? p->bit_size : (unsigned)(p->type->size ? p->type->size * 8 : 64);
	struct row *r = VEC_PUSH(&t->rows);

	r->word = at / 64;
	r->cell[COL_BITS] = bits_cell(at % 64, bits);
	r->cell[COL_BINARY] = known ? binary_cell(x, bits) : base_strdup("");
	r->cell[COL_HEX] = known ? hex_cell(x, bits) : base_strdup("_");
	r->cell[COL_NAME] = name_cell(t, span);
	r->cell[COL_TYPE] = type_cell(p->type);
	r->cell[COL_VALUE] = value_cell(t, p);
	r->note = note_cell(t, span);
	for (int c = 0; c < NCOLS; c++)
		if (strlen(r->cell[c]) > t->width[c])
			t->width[c] = strlen(r->cell[c]);
}

static void put_padded(struct sink *s, const char *text, size_t width)
{
	size_t n = strlen(text);

	sink_put(s, text, n);
	for (; n < width; n++)
		sink_char(s, ' ');
}

static void put_row(const struct table_of_rows *t, const struct row *r, struct sink *s)
{
	int last = COL_VALUE;

	sink_str(s, "  ");
	for (int c = 0; c <= last; c++) {
		if (!t->width[c])
			continue;
		put_padded(s, r->cell[c], c == last && !r->note[0] ? 0 : t->width[c]);
		if (c < last || r->note[0])
			sink_str(s, "  ");
	}
	sink_str(s, r->note);
	sink_char(s, '\n');
}

/* The words as words_args writes them, each with its rows.  Commas stand between words and nowhere else. */
static void put_table(const struct table_of_rows *t, const char *words, struct sink *s)
{
	for (uint64_t word = 0; word < MAX_WORDS && *words && *words != '.'; word++) {
		size_t n = strcspn(words, ",");

		sink_str(s, "\nword ");
		sink_udec(s, word + 1);
		sink_str(s, " = ");
		sink_put(s, words, n);
		sink_char(s, '\n');
		words += n + strspn(words + n, ", ");
		/* Members need not stand in the order of their places. */
		for (size_t i = 0; i < t->rows.n; i++)
			if (t->rows.items[i].word == word)
				put_row(t, &t->rows.items[i], s);
	}
}

static void put_rest(const struct frame *f, uint64_t bytes, struct sink *s)
{
	bool said = false;

	if (bytes > MAX_WORDS * 8) {
		sink_str(s, "\n");
		sink_udec(s, (bytes + 7) / 8 - MAX_WORDS);
		sink_str(s, " more words are not shown\n");
	}
	for (uint16_t i = 0; i < f->nargs && !said; i++)
		if (f->args[i].type && f->args[i].type->class == CLASS_ANY) {
			sink_str(s,
				 "\nof the data of an interface value the first word is shown, as in Go\n");
			said = true;
		}
	if (f->is_variadic)
		sink_str(s, "\nmore arguments follow: the function is variadic\n");
}

void emit_explain(const struct world *w, const struct frame *f, struct sink *s)
{
	static const struct emit_options o = {.args = ARGS_WORDS};
	struct table_of_rows t = {.w = w, .f = f};
	struct sink words;
	uint64_t bytes;

	put_frame(w, f, 0, &o, s);
	if (!f->nargs) {
		sink_str(s, f->place && f->place->has_debug_info
				    ? "\nno arguments\n"
				    : "\nno debug information: arguments are not known\n");
		return;
	}
	sink_init_memory(&words);
	words_args(f, &words);
	bytes = words_layout(f, MAX_WORDS * 8, add_row, &t);
	put_table(&t, sink_text(&words), s);
	put_rest(f, bytes, s);
	sink_deinit(&words);
	for (size_t i = 0; i < t.rows.n; i++) {
		for (int c = 0; c < NCOLS; c++)
			free(t.rows.items[i].cell[c]);
		free(t.rows.items[i].note);
	}
	VEC_FREE(&t.rows);
}
