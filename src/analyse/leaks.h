/* SPDX-License-Identifier: MIT */
#ifndef ANALYSE_LEAKS_H
#define ANALYSE_LEAKS_H
/*
 * What: what a search for leaks has found, as a report tells it: in groups, without what the user does not want to
 * hear of, and with the chain of owners and waiters of each deadlock.
 *
 * How: leaks.c puts goroutines with the same stack, verdict and place of their go into one group, and gives it a
 * fingerprint; suppress.c reads and applies rules, baseline.c knows what was there before, cycle.c follows locks.
 * emit/ writes all of that in the forms there are.
 *
 * Invariants: memory is the world's arena, but for rules and baselines, which the caller frees after the leaks.
 */
#include "analyse/analyse.h"
#include "base/sink.h"

/* ---- suppressions: suppress.c ------------------------------------------------------------------------------------ */

struct rule {
	char *name;
	int line;
	struct filter *filter;
	uint64_t matched; /* goroutines */
};

struct rules {
	char *path; /* for messages */
	struct rule *items;
	size_t n;
};

/*
 * The format is specified in doc/leaks.md: NAME: FILTER, on one line or continued on lines that begin with a space.
 * Errors name the file and the line.
 */
int rules_read(struct rules *ret, const char *path, struct error *e);
int rules_parse(struct rules *ret, const char *path, const char *text, struct error *e);
void rules_deinit(struct rules *r);

/* Number of the first rule that covers it, from 1; 0: none. */
uint32_t rules_match(const struct rules *r, const struct world *w, const struct goroutine *g);

/* ---- baselines: baseline.c --------------------------------------------------------------------------------------- */

struct known {
	char fingerprint[17];
	enum verdict verdict;
};

struct baseline {
	struct known *items;
	size_t n;
};

int baseline_read(struct baseline *ret, const char *path, struct error *e);
int baseline_parse(struct baseline *ret, const char *path, const char *text, struct error *e);
void baseline_deinit(struct baseline *b);

/* A proof is no news only if it was one before; a suspicion also if it has been proven. */
bool baseline_has(const struct baseline *b, const char *fingerprint, enum verdict v);

/* ---- leaks: leaks.c, cycle.c ---------------------------------------------------------------------------------------- */

/* One step of: A waits for a lock that B holds. */
struct leak_step {
	const struct goroutine *waiter;
	const struct blocker *blocker;
	const struct goroutine *holder; /* NULL: it is no more */
};

struct leak {
	struct group group;
	const struct goroutine *g;     /* the one that is shown */
	const struct leak_step *steps; /* DEADLOCKED: from g on */
	uint32_t nsteps;
	uint32_t cycle; /* the last step leads back to the waiter of this one; nsteps: there is no cycle */
	const char *fingerprint; /* 16 hexadecimal digits: the same for the same leak in another run */
	const struct rule *rule; /* that suppresses it; NULL: none */
	bool known;              /* in the baseline */
};

/* How the program ended, as far as that is for a report of leaks to say. */
enum ending_kind {
	ENDING_UNTOLD,     /* it goes on; or it ended well, and leaks were looked for */
	ENDING_WELL,       /* with status 0, but leaks were not looked for */
	ENDING_CRASHED,    /* in a panic, of a signal */
	ENDING_FAILED,     /* with another status than 0 */
	ENDING_TIMEOUT,    /* it took too long */
	ENDING_NOT_STARTED /* it cannot be run */
};

struct ending {
	enum ending_kind kind;
	const char *text; /* what has happened: lines, of which the first one is a summary */
};

struct leaks {
	struct world *world;
	struct ending ending;
	struct leak *items; /* by verdict, then in the world's order; suppressed ones too */
	size_t n;
	const struct rules *rules;
	uint32_t counts[VERDICT_LINGERING + 1]; /* goroutines, without suppressed and known ones */
	uint32_t suppressed, known;             /* goroutines */
	bool has_baseline;
	unsigned fail_on; /* bits 1 << verdict */
};

enum { FAIL_ON_DEFAULT = 1 << VERDICT_LEAKED | 1 << VERDICT_DEADLOCKED };

/* "leaked,stuck" or "none" as bits. */
int leaks_parse_verdicts(const char *text, unsigned *ret, struct error *e);

/* rules, b: NULL for none.  Notes in the world which rules matched, and which did not. */
void leaks_find(struct leaks *ret, struct world *w, struct rules *rules, const struct baseline *b);

/* Goroutines that make it fail. */
uint32_t leaks_failing(const struct leaks *l);

/* The innermost frame of the program's own: where it waits.  NULL: none is known. */
const struct place *leak_place(const struct stack *st);

/* Rules that would suppress what was found; a file for --baseline. */
void leaks_put_rules(const struct leaks *l, struct sink *s);
void leaks_put_baseline(const struct leaks *l, struct sink *s);

/* cycle.c: sets steps, nsteps, cycle. */
void leak_follow(struct world *w, struct leak *leak);

#endif
