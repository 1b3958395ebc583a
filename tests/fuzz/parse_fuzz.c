/* SPDX-License-Identifier: MIT */
/*
 * What: a fuzzer of tracebacks as text: whatever stands in it, every form of a dump can be made of it.
 *
 * How: the text is read twice, in one piece and in small ones.  What must hold, beyond not crashing: both give the
 * same; text that is told is a part of the input, and all of it where there is no dump.
 */
#include <string.h>

#include "analyse/analyse.h"
#include "emit/emit.h"
#include "fuzz.h"
#include "parse/parse.h"

const uint8_t fuzz_words[] = {'\n', '\t', ' ', '(',  ')', '[', ']', '{', '}',  ',', ':',  '.', '0',  'x', '9',
			      '+',  '=',  '"', '\\', '?', '_', '#', '-', '\r', 27,  '\'', 'g', 0x80, 0xff};
const size_t fuzz_nwords = sizeof fuzz_words;
const unsigned long fuzz_runs = 3000;

struct seen {
	struct sink text; /* other text and dumps, in order */
	size_t nother, ndumps, ngoroutines;
};

static void put_other(void *arg, const char *p, size_t n)
{
	struct seen *seen = arg;

	seen->nother += n;
	sink_put(&seen->text, p, n);
}

static void put_forms(struct world *w)
{
	struct emit_options o = {.threads = true, .labels = true, .why = true, .group = true};
	struct sink s;

	sink_init_memory(&s);
	for (int style = ARGS_TYPED; style <= ARGS_NONE; style++) {
		o.args = (enum args_style)style;
		o.similar = (enum similarity)(style % 3);
		o.system = style & 1;
		emit_text(w, &o, &s);
	}
	o.args = ARGS_TYPED;
	emit_json(w, &o, true, &s);
	emit_html(w, &o, &s);
	emit_folded(w, &o, &s);
	emit_pprof(w, &o, &s);
	emit_pprof_text(w, &o, &s);
	sink_deinit(&s);
}

static void put_dump(void *arg, struct world *w)
{
	struct seen *seen = arg;
	struct emit_options o = {.args = ARGS_GO, .labels = true, .threads = true};

	MUST(w->ngoroutines + w->nthreads > 0);
	seen->ndumps++;
	seen->ngoroutines += w->ngoroutines;
	analyse_ids(w);
	emit_text(w, &o, &seen->text);
	if (w->ngoroutines < 1000)
		put_forms(w);
	world_deinit(w);
}

static void read_text(struct seen *seen, const char *p, size_t n, size_t step)
{
	struct parse_client client = {seen, put_other, put_dump};
	struct parser *parser = parser_new(&client);

	memset(seen, 0, sizeof *seen);
	sink_init_memory(&seen->text);
	for (size_t at = 0; at < n; at += step)
		parser_feed(parser, p + at, step < n - at ? step : n - at);
	parser_end(parser);
	parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	read_text(&whole, (const char *)data, size, size ? size : 1);
	read_text(&pieces, (const char *)data, size, 7);
	MUST(whole.nother <= size);
	MUST(whole.ndumps == pieces.ndumps && whole.ngoroutines == pieces.ngoroutines);
	MUST(whole.text.len == pieces.text.len);
	MUST(!whole.text.len || !memcmp(whole.text.buf, pieces.text.buf, whole.text.len));
	if (!whole.ndumps)
		MUST(whole.nother == size);
	sink_deinit(&whole.text);
	sink_deinit(&pieces.text);
	return 0;
}
