/* SPDX-License-Identifier: MIT */
#ifndef GORI_PANIC_ABI_H
#define GORI_PANIC_ABI_H
/*
 * What: deferred calls and panics of a goroutine, as a reader of the stopped process finds them: lists from
 * g->defers and g->panics, innermost first.
 *
 * How: both lie on the goroutine's stack, in the frame of the function that defers and in that of the one
 * that panics.  A record of a frame that longjmp has left may still be linked; gori_defer_check tells.
 *
 * Invariants: d->check == gori_defer_check(d) exactly while d is linked.  A STARTED record is being run by
 * d->panic, whose `defer` is d, until that panic is aborted.  g->panics == NULL: nothing is going on.
 *
 * Context: data only.
 */
#include <gorgon/any.h>

#include "abi/abi.h"

#define GORI_DEFER_COOKIE 0x7265666564726f67ULL /* "gordefer" */
#define GORI_DEFER_WORDS 8

enum gori_defer_state {
	GORI_DEFER_PENDING = 1, /* will be called */
	GORI_DEFER_STARTED = 2, /* is being called by a panic or goexit */
};

struct gori_defer {
	struct gori_defer *link;        /* next outer one; may be a stale one */
	uint64_t check;                 /* gori_defer_check while linked, 0 after, anything before */
	uintptr_t frame;                /* frame address of the deferring function */
	uintptr_t ret;                  /* return address of that frame: tells stale records */
	struct gori_panic *panic;       /* STARTED: who runs it; NULL once that has been aborted */
	struct gori_panic *outer;       /* STARTED: g->panics below that one */
	uint64_t *heap;                 /* call.stack if it did not fit into words, else NULL */
	uint32_t state;                 /* enum gori_defer_state */
	uint32_t unused;
	struct gori_call call;
	uint64_t tail;                  /* copy of check: a record that was overwritten in part is found out */
	uint64_t words[GORI_DEFER_WORDS];
};

static inline uint64_t gori_defer_check(const struct gori_defer *d)
{
	uint64_t x = (uintptr_t)d + 3 * (uint64_t)(uintptr_t)d->link + 5 * (uint64_t)d->frame + 7 * (uint64_t)d->ret;

	return (x * 0x9e3779b97f4a7c15ULL) ^ GORI_DEFER_COOKIE;
}

/* A deferred call of a function that returns as usual, while a panic runs another further out. */
struct gori_nested {
	struct gori_nested *link;
	uintptr_t frame;                /* of the runtime's function that makes it: the call's frames are below */
};

enum gori_panic_text {
	GORI_TEXT_NONE = 0,
	GORI_TEXT_BEGUN = 1, /* found so by a later panic: the value could not be made into a text */
	GORI_TEXT_DONE = 2,
};

/* A panic, a fault or a gor_goexit in progress. */
struct gori_panic {
	struct gori_panic *link;        /* the one that was in progress when this began; innermost first */
	struct gori_defer *defer;       /* whose call it runs now, NULL between calls */
	uintptr_t argp;                 /* stack pointer right before that call; 0 between calls */
	struct gori_nested *nested;     /* inside that call, innermost first */
	uintptr_t base;                 /* frame address of the function that was called to panic */
	uintptr_t frame;                /* goexit: the frame that a recovered panic above it goes back to */
	struct gor_any value;
	uint8_t goexit;                 /* not a panic but gor_goexit */
	uint8_t recovered;              /* ends when the deferred function returns */
	uint8_t aborted;                /* a later one has taken over the deferred call that it ran */
	uint8_t repanicked;             /* recovered, and the next one has the same value */
	uint8_t text_state;             /* enum gori_panic_text */
	int32_t sig, code;              /* a fault: what, and si_code; sig 0 otherwise */
	uint64_t addr, pc;
	char *big;                      /* the formatted text if it did not fit into `text` */
	struct gor_string shown;        /* what is printed for the value, once text_state is DONE */
	char text[512];                 /* the formatted text of the value, or of how it prints itself */
};

#endif
