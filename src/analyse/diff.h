/* SPDX-License-Identifier: MIT */
#ifndef ANALYSE_DIFF_H
#define ANALYSE_DIFF_H
/*
 * What: what has become of the goroutines of a program between two dumps of it.
 *
 * How: a goroutine is the same if its id is: ids are given out once.  Dumps of different runs have the same ids by
 * chance, so these are compared by stacks: how many goroutines there are at each.
 */
#include "analyse/analyse.h"

enum change {
	CHANGE_NONE,     /* the same stack, and it has not run, as far as is known */
	CHANGE_APPEARED, /* only in the second */
	CHANGE_VANISHED, /* only in the first */
	CHANGE_MOVED,    /* another stack or state */
	CHANGE_OBJECT,   /* the same stack, but it waits on something else */
	CHANGE_RAN,      /* the same stack, but it has not been waiting for as long as it had been */
	NCHANGES,
};

/* One goroutine, by index; of APPEARED and VANISHED, the one that is not there is SIZE_MAX. */
struct change_of {
	enum change change;
	size_t a, b;
	uint32_t from; /* which stack it had: the same number, the same stack */
};

/* A stack, and how many goroutines have it. */
struct stack_change {
	size_t a, b;   /* one of them: an index; SIZE_MAX: there is none */
	size_t na, nb; /* how many */
};

struct diff {
	struct change_of *goroutines; /* in the order of the second dump, those that vanished at the end */
	size_t n;
	size_t counts[NCHANGES];
	struct stack_change *stacks; /* those of which the numbers differ, by how much */
	size_t nstacks, same_stacks;
};

/* Memory from arena.  Neither world is changed. */
void analyse_diff(const struct world *a, const struct world *b, struct arena *arena, struct diff *ret);

#endif
