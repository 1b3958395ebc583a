/* SPDX-License-Identifier: MIT */
#ifndef ANALYSE_H
#define ANALYSE_H
/*
 * What: conclusions from a world that are no part of the program itself: groups of goroutines with the same
 * stack, short ids of shared addresses, which goroutines a user asked for.
 */
#include "base/error.h"
#include "model/world.h"

/* Goroutines whose state and stacks are the same but for what their arguments are. */
struct group {
	size_t first; /* index of its first goroutine: the one that is shown */
	size_t n;
	const uint32_t *members; /* indexes, ascending */
};

enum similarity {
	SIMILAR_EXACT,    /* the same arguments too */
	SIMILAR_LINES,    /* the same functions and lines */
	SIMILAR_POINTERS, /* the same arguments too, but for addresses */
};

/* Memory from w->arena; groups by first member. */
size_t analyse_groups(struct world *w, enum similarity how, struct group **ret);

/* Gives a short id to every address that is an argument of more than one goroutine (fact->id), in order of
 * appearance. */
void analyse_ids(struct world *w);

/* Who waits for whom: of the locks whose holders are known. */
struct wait_edge {
	uint32_t from, to; /* indexes of goroutines */
	uint64_t obj;
	enum fact_kind kind; /* FACT_MUTEX, FACT_RWMUTEX, FACT_ONCE */
};

struct wait_cycle {
	const uint32_t *members; /* indexes of goroutines: each waits for the next, the last for the first */
	size_t n;
};

struct wait_graph {
	const struct wait_edge *edges; /* by `from` */
	size_t nedges;
	const struct wait_cycle *cycles; /* one of each knot of them */
	size_t ncycles;
};

/* Memory from w->arena. */
void analyse_waits(struct world *w, struct wait_graph *ret);

/*
 * A filter, as in --where: terms joined by `and`, `or`, `not`, parentheses:
 *	state=TEXT  func~REGEX  file~REGEX  creator~REGEX  label.K=V   (each with = or ~)
 *	id=N  id<N  id>N  waited>DURATION  waited<DURATION  obj=0xADDR (waits for it, or was given it)
 *	leaked  deadlocked  stuck  lingering  running  runnable  waiting  syscall  main  system  culprit  locked
 * The whole grammar stands in filter.c.  filter_parse says at which character what was expected.
 */
struct filter;
int filter_parse(struct filter **ret, const char *text, struct error *e);
bool filter_match(const struct filter *f, const struct world *w, const struct goroutine *g);
void filter_free(struct filter *f);

/* Keeps the goroutines that match, in their order, and notes how many there were. */
void filter_apply(const struct filter *f, struct world *w);

#endif
