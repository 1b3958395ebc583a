/* SPDX-License-Identifier: MIT */
/*
 * What: a fuzzer of what is said of two tracebacks: `gorgon diff` of two texts, and --where.
 *
 * How: an input is two texts with a byte of 1 between them, or one that is compared with itself; a filter may stand
 * in front of them, ended by a byte of 2.  What must hold: a traceback does not differ from itself, and numbers add
 * up.
 */
#include <string.h>

#include "emit/emit.h"
#include "fuzz.h"
#include "text_world.h"

const uint8_t fuzz_words[] = {1,   2,   '\n', '\t', ' ', '(', ')', '[', ']', '{', '}', ',', ':',
			      '.', '0', 'x',  '9',  '+', '=', '~', '>', '"', '?', '_', '#', 'g'};
const size_t fuzz_nwords = sizeof fuzz_words;
const unsigned long fuzz_runs = 3000;

static void check(const struct world *a, const struct world *b, const struct diff *d, bool same)
{
	size_t all = 0;

	for (unsigned i = 0; i < NCHANGES; i++)
		all += d->counts[i];
	MUST(all == d->n && d->n >= a->ngoroutines && d->n >= b->ngoroutines);
	MUST(d->n <= a->ngoroutines + b->ngoroutines);
	for (size_t i = 0; i < d->n; i++) {
		MUST(d->goroutines[i].a < a->ngoroutines || d->goroutines[i].a == SIZE_MAX);
		MUST(d->goroutines[i].b < b->ngoroutines || d->goroutines[i].b == SIZE_MAX);
	}
	if (same)
		MUST(d->nstacks == 0);
}

static void compare(struct world *a, struct world *b, bool same)
{
	struct emit_options o = {.labels = true, .threads = true};
	struct arena arena = {0};
	struct diff diff;
	struct sink s;

	sink_init_memory(&s);
	analyse_ids(a);
	analyse_ids(b);
	analyse_diff(a, b, &arena, &diff);
	check(a, b, &diff, same);
	emit_diff(a, b, &diff, &o, &s);
	emit_diff_stacks(a, b, &diff, &o, &s);
	sink_deinit(&s);
	arena_deinit(&arena);
}

/* text: ended by a zero byte. */
static void filter(struct world *w, const char *text)
{
	struct filter *f;
	struct error e = {0};

	if (filter_parse(&f, text, &e) != 0) {
		MUST(*e.text);
		return;
	}
	filter_apply(f, w);
	filter_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *front = size ? memchr(data, 2, size) : NULL, *text = front ? front + 1 : data;
	size_t n = size - (size_t)(text - data);
	const uint8_t *second = n ? memchr(text, 1, n) : NULL;
	size_t na = second ? (size_t)(second - text) : n;
	struct world a = {0}, b = {0};
	struct arena arena = {0};

	if (text_world(text, na, &a) &
	    (second ? text_world(second + 1, n - na - 1, &b) : text_world(text, n, &b))) {
		compare(&a, &b, !second);
		if (front)
			filter(&a, arena_strn(&arena, (const char *)data, (size_t)(front - data)));
	}
	arena_deinit(&arena);
	world_deinit(&a);
	world_deinit(&b);
	return 0;
}
