/* SPDX-License-Identifier: MIT */
/*
 * What: functions and their parameters by name: parse/binary.h.
 *
 * How: one walk over all compilation units makes an index of subprograms by name; parameters are read when a function
 * is first asked for.  Go writes `F[...]` for all instances of a generic function, whose parameters have one shape
 * each: they are decoded only where all instances agree.
 *
 * A traceback of another build decodes to nonsense, so the line that the debug information has for a frame's offset is
 * compared with the one that was printed; that they differ is noted, not hidden.
 */
#include "parse/binary.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "parse/decode.h"

struct candidate {
	struct candidate *next; /* with the same hash */
	const char *name;
	Dwarf_Die die, cu;
};

struct known_function {
	bool tried;
	struct params *params; /* NULL: unknown or ambiguous */
	Dwarf_Die cu;
	uint64_t entry; /* 0: unknown */
};

struct binary {
	const char *path;
	int fd;
	Dwarf *dwarf;
	struct decoder decoder;
	struct arena arena;
	struct table by_name;  /* hash of the name: struct candidate */
	struct table by_place; /* function name's address: struct known_function */
};

/* ---- the index -------------------------------------------------------------------------------------------------- */

/* main.F[go.shape.int_0].func1 is printed as main.F[...].func1. */
static size_t printed_name(const char *name, char *buf, size_t size)
{
	size_t n = 0;
	int depth = 0;

	for (; *name && n + 5 < size; name++) {
		if (*name == '[' && depth++ == 0) {
			memcpy(buf + n, "[...]", 5);
			n += 5;
		}
		if (!depth)
			buf[n++] = *name;
		if (*name == ']' && depth > 0)
			depth--;
	}
	buf[n] = '\0';
	return n;
}

static uint64_t hash(const char *text, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ULL;
	return table_mix(h, n);
}

static void add_function(struct binary *b, Dwarf_Die *die, Dwarf_Die *cu)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
	struct candidate *c;
	char buf[1024];
	void **slot;
	size_t n;

	if (!name || (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_inline)))
		return;
	n = printed_name(name, buf, sizeof buf);
	c = arena_new(&b->arena, struct candidate);
	slot = table_slot(&b->by_name, hash(buf, n));
	c->name = arena_strn(&b->arena, buf, n);
	c->die = *die;
	c->cu = *cu;
	c->next = *slot;
	*slot = c;
}

static void index_functions(struct binary *b)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, child;
	Dwarf_Half version;
	uint8_t type;

	while (dwarf_get_units(b->dwarf, cu, &cu, &version, &type, &unit, NULL) == 0) {
		b->decoder.is_go |= dwarf_srclang(&unit) == DW_LANG_Go;
		if (dwarf_child(&unit, &child) != 0)
			continue;
		do
			if (dwarf_tag(&child) == DW_TAG_subprogram)
				add_function(b, &child, &unit);
		while (dwarf_siblingof(&child, &child) == 0);
	}
}

int binary_open(struct binary **ret, const char *path, struct error *e)
{
	struct binary *b = base_malloc(sizeof *b);

	memset(b, 0, sizeof *b);
	b->path = path;
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (b->fd < 0) {
		free(b);
		return error_sys(e, -errno, "cannot open %s", path);
	}
	b->dwarf = dwarf_begin(b->fd, DWARF_C_READ);
	if (!b->dwarf) {
		binary_close(b);
		return error_set(e, -ENOEXEC, "%s has no debug information: %s", path, dwarf_errmsg(-1));
	}
	decoder_init(&b->decoder);
	index_functions(b);
	*ret = b;
	return 0;
}

void binary_close(struct binary *b)
{
	if (!b)
		return;
	if (b->dwarf)
		dwarf_end(b->dwarf);
	decoder_deinit(&b->decoder);
	close(b->fd);
	table_deinit(&b->by_name);
	table_deinit(&b->by_place);
	arena_deinit(&b->arena);
	free(b);
}

/* ---- functions -------------------------------------------------------------------------------------------------- */

/* Of all with this name; NULL if they do not agree. */
static struct params *params_of_all(struct binary *b, const char *name, struct known_function *f)
{
	size_t n = strlen(name);
	struct params *params = NULL;
	Dwarf_Addr entry;

	for (struct candidate *c = table_get(&b->by_name, hash(name, n)); c; c = c->next) {
		struct params *these;

		if (strcmp(c->name, name) != 0)
			continue;
		these = decoder_params(&b->decoder, &c->die);
		if (params && !params_same(params, these))
			return NULL;
		if (dwarf_lowpc(&c->die, &entry) == 0 && !f->entry) {
			f->entry = entry;
			f->cu = c->cu;
		}
		/* That of an abstract instance has them in the order of the source. */
		if (!params || dwarf_hasattr(&c->die, DW_AT_inline))
			params = these;
	}
	return params;
}

static struct known_function *function_of(struct binary *b, const char *name)
{
	void **slot = table_slot(&b->by_place, hash(name, strlen(name)));
	struct known_function *f = *slot;

	if (!f) {
		f = arena_new(&b->arena, struct known_function);
		*slot = f;
	}
	if (!f->tried) {
		f->tried = true;
		f->params = params_of_all(b, name, f);
	}
	return f;
}

/* Whether the line that was printed is the one at this offset.  Of a function into which another was inlined there,
 * it is a line of that one. */
static bool is_same_build(struct known_function *f, const struct frame *frame, const struct frame *inner)
{
	Dwarf_Line *line;
	int number;

	if (!f->entry || !frame->offset || frame->place->line <= 0)
		return true;
	if (inner && inner->place && inner->place->is_inlined)
		return true;
	line = dwarf_getsrc_die(&f->cu, f->entry + frame->offset - 1);
	return line && dwarf_lineno(line, &number) == 0 && number == frame->place->line;
}

/* ---- worlds ----------------------------------------------------------------------------------------------------- */

struct decoding {
	struct binary *b;
	struct world *w;
	bool plain; /* words without braces: Go before 1.17 */
	size_t nfunctions, nunknown, nunfit, nother;
};

static bool has_braces(const struct frame *f)
{
	for (uint16_t i = 0; i < f->nargs; i++)
		if (f->args[i].status == VALUE_STALE || f->args[i].type->kind == TYPE_STRUCT)
			return true;
	return false;
}

/* Words and nothing else, as Go prints them. */
static bool is_raw(const struct frame *f)
{
	for (uint16_t i = 0; i < f->nargs; i++)
		if (f->args[i].name || f->args[i].type->kind == TYPE_WRITTEN ||
		    f->args[i].type->kind == TYPE_INT)
			return false;
	return f->nargs > 0;
}

static void decode_frame(struct decoding *d, struct frame *f, const struct frame *inner)
{
	struct known_function *known;
	bool fits;

	if (!f->place || !f->place->function || !is_raw(f))
		return;
	known = function_of(d->b, f->place->function);
	if (!known->params) {
		d->nunknown++;
		return;
	}
	d->nfunctions++;
	d->nother += !is_same_build(known, f, inner);
	fits = (!d->plain || !known->params->small) &&
	       decode_braces(&d->b->decoder, &d->w->arena, known->params, f);
	if (!fits && d->plain)
		fits = decode_words(&d->b->decoder, &d->w->arena, known->params, f);
	d->nunfit += !fits;
}

typedef void frame_fn(struct decoding *d, struct frame *f, const struct frame *inner);

static void each_of(struct decoding *d, struct stack *st, frame_fn *fn)
{
	for (uint32_t i = 0; i < st->nframes; i++)
		fn(d, &st->frames[i], i ? &st->frames[i - 1] : NULL);
}

static void each_frame(struct decoding *d, frame_fn *fn)
{
	for (size_t i = 0; i < d->w->ngoroutines; i++)
		each_of(d, &d->w->goroutines[i].stack, fn);
	for (size_t i = 0; i < d->w->nthreads; i++)
		each_of(d, &d->w->threads[i].stack, fn);
}

static void look_at_frame(struct decoding *d, struct frame *f, const struct frame *inner)
{
	(void)inner;
	d->plain &= !has_braces(f);
}

void binary_decode(struct binary *b, struct world *w)
{
	struct decoding d = {.b = b, .w = w, .plain = true};

	each_frame(&d, look_at_frame);
	each_frame(&d, decode_frame);
	if (d.nother)
		world_note(w, "%s may be another build: %zu of %zu frames are at other lines in it", b->path,
			   d.nother, d.nfunctions);
	if (d.nunfit)
		world_note(w, "the words of %zu frames do not fit the parameters that %s has for them",
			   d.nunfit, b->path);
}
