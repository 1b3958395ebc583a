/* SPDX-License-Identifier: MIT */
/*
 * What: one stack for a group of goroutines.
 *
 * How: that of the first member, in which every argument that is not the same in all of them is replaced by one of
 * type part_various, which the styles write as `*` or `_`: a block that stands for many may not claim of all what
 * is true of one.
 */
#include <string.h>

#include "emit/block.h"

static bool same_value(const struct value *a, const struct value *b)
{
	size_t n = a->type ? a->type->size : 0;

	if (a->type != b->type || a->status != b->status || a->at_entry != b->at_entry ||
	    !a->bytes != !b->bytes || !a->mask != !b->mask)
		return false;
	return (!a->bytes || !memcmp(a->bytes, b->bytes, n)) && (!a->mask || !memcmp(a->mask, b->mask, n));
}

static void merge_args(struct frame *into, struct value *args, const struct frame *f)
{
	for (uint16_t i = 0; i < into->nargs; i++)
		if (args[i].type != &part_various && (i >= f->nargs || !same_value(&args[i], &f->args[i])))
			args[i] = (struct value){.name = args[i].name, .type = &part_various};
}

struct stack crowd_stack(struct world *w, const struct group *gr)
{
	struct stack st = w->goroutines[gr->first].stack;

	st.frames = arena_copy(&w->arena, st.frames, st.nframes * sizeof st.frames[0]);
	for (uint32_t i = 0; i < st.nframes; i++) {
		struct frame *f = &st.frames[i];
		struct value *args = arena_copy(&w->arena, f->args, f->nargs * sizeof args[0]);

		f->args = args;
		for (size_t k = 1; k < gr->n; k++)
			merge_args(f, args, &w->goroutines[gr->members[k]].stack.frames[i]);
	}
	return st;
}
