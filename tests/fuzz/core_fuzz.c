/* SPDX-License-Identifier: MIT */
/*
 * What: a fuzzer of all that is read from cores: headers, notes, our metadata, packed ones, and the runtime in their
 * memory: the published table, goroutines, queues, channels, locks, maps, and what the search for leaks follows.
 *
 * How: an input is a list of changes to a whole core (core_seeds.h): which part, what becomes of it.  The file is
 * opened as the tool does it, and every report is made of it.  Inputs that are files themselves would spend their
 * time on being a core at all.
 *
 *	byte 0		which seed
 *	then		a change, its arguments, the next change, ... (enum deed)
 *
 * What must hold: it ends, soon, with memory to spare, and each step ends well or with a sentence.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "core_seeds.h"
#include "emit/leaks.h"
#include "fuzz.h"
#include "leak/leak.h"
#include "snapshot/snapshot.h"

const uint8_t fuzz_words[] = {0,  1,  2,  3,  4,  5,  6,  7,   8,   16,  24,  31, 32,
			      40, 47, 56, 63, 64, 80, 96, 127, 128, 192, 254, 255};
const size_t fuzz_nwords = sizeof fuzz_words;
const unsigned long fuzz_runs = 400;

enum deed {
	DO_BYTES, /* part (2), offset (2), how many (1), bytes */
	DO_WORD,  /* part (2), number of the word (2), to what (see word()) */
	DO_HALF,  /* the same of 4 bytes */
	DO_COPY,  /* one part (2) over another (2) */
	DO_CUT,   /* the file ends here: sixteenths of it (1), or an offset (4) */
	DO_GROW,  /* the file ends far behind its bytes: bits of its size (1) */
	DO_PACK,  /* it is packed; what follows damages what came out */
	NDEEDS,
};

static struct seed seeds[NSEEDS];

/* The core that is being damaged. */
static struct {
	const struct seed *seed;
	unsigned char *bytes;
	size_t size;
	uint64_t grown; /* > size: where the file ends */
	bool packed;
} image;

/* ---- damage ------------------------------------------------------------------------------------------------ */

/* Of the packed one there is one part. */
static struct seed_part take_part(struct fuzz_input *in)
{
	const struct seed *s = image.seed;
	uint64_t number = fuzz_take(in, 2);

	return image.packed ? (struct seed_part){0, image.size, 0} : s->parts[number % s->nparts];
}

static uint64_t get(size_t at, size_t n)
{
	uint64_t v = 0;

	if (at < image.size)
		memcpy(&v, image.bytes + at, n < image.size - at ? n : image.size - at);
	return v;
}

static void put(size_t at, uint64_t v, size_t n)
{
	if (at < image.size)
		memcpy(image.bytes + at, &v, n < image.size - at ? n : image.size - at);
}

/* Pointers to other parts make circles; sums of sizes overflow; counts are a little or far too large. */
static uint64_t word(struct fuzz_input *in, uint64_t old)
{
	struct seed_part p;

	switch (fuzz_take(in, 1) % 8) {
	case 0:
		return fuzz_take(in, 8);
	case 1:
		p = take_part(in);
		return p.addr + fuzz_take(in, 1);
	case 2:
		return old + (uint64_t)(int8_t)fuzz_take(in, 1);
	case 3:
		return fuzz_take(in, 1);
	case 4:
		return UINT64_MAX >> (fuzz_take(in, 1) & 63);
	case 5:
		return 1ull << (fuzz_take(in, 1) & 63);
	case 6:
		return -fuzz_take(in, 1);
	default:
		p = take_part(in);
		return get(p.offset + fuzz_take(in, 2) % p.size, 8);
	}
}

static void change_bytes(struct fuzz_input *in)
{
	struct seed_part p = take_part(in);
	size_t at = fuzz_take(in, 2) % p.size, n = 1 + fuzz_take(in, 1) % 16;

	for (; n && in->n; n--)
		put(p.offset + at++, fuzz_take(in, 1), 1);
}

static void change_word(struct fuzz_input *in, size_t size)
{
	struct seed_part p = take_part(in);
	size_t at = p.offset + fuzz_take(in, 2) * size % p.size;

	put(at, word(in, get(at, size)), size);
}

static void copy_part(struct fuzz_input *in)
{
	struct seed_part from = take_part(in), to = take_part(in);
	size_t n = from.size < to.size ? from.size : to.size;

	if (from.offset + n <= image.size && to.offset + n <= image.size)
		memmove(image.bytes + to.offset, image.bytes + from.offset, n);
}

static void cut(struct fuzz_input *in)
{
	uint64_t where = fuzz_take(in, 1);

	image.size = where < 16 ? image.size / 16 * where : fuzz_take(in, 4) % (image.size + 1);
}

static void pack(void)
{
#ifdef HAVE_ZSTD
	size_t room = ZSTD_compressBound(image.size), n;
	unsigned char *to = malloc(room);

	MUST(to);
	n = ZSTD_compress(to, room, image.bytes, image.size, 1);
	MUST(!ZSTD_isError(n));
	free(image.bytes);
	image.bytes = to;
	image.size = n;
	image.packed = true;
#endif
}

static void change(struct fuzz_input *in)
{
	switch ((enum deed)(fuzz_take(in, 1) % NDEEDS)) {
	case DO_BYTES:
		return change_bytes(in);
	case DO_WORD:
		return change_word(in, 8);
	case DO_HALF:
		return change_word(in, 4);
	case DO_COPY:
		return copy_part(in);
	case DO_CUT:
		return cut(in);
	case DO_GROW:
		image.grown = image.packed ? 0 : 1ull << fuzz_take(in, 1) % 44;
		return;
	case DO_PACK:
		image.grown = 0;
		if (!image.packed && image.size)
			pack();
		return;
	default:
		return;
	}
}

/* The damaged file, open. */
static int damage(struct fuzz_input *in)
{
	int fd = memfd_create("core", MFD_CLOEXEC);

	memset(&image, 0, sizeof image);
	image.seed = &seeds[fuzz_take(in, 1) % NSEEDS];
	image.size = image.seed->size;
	image.bytes = malloc(image.size);
	MUST(image.bytes && fd >= 0);
	memcpy(image.bytes, image.seed->bytes, image.size);
	while (in->n && image.size)
		change(in);
	MUST(write(fd, image.bytes, image.size) == (ssize_t)image.size);
	if (image.grown > image.size)
		MUST(ftruncate(fd, (off_t)image.grown) == 0);
	free(image.bytes);
	return fd;
}

/* ---- reports ----------------------------------------------------------------------------------------------- */

static void put_forms(struct world *w, struct sink *s)
{
	struct emit_options o = {.threads = true, .labels = true, .why = true};

	analyse_ids(w);
	for (int style = ARGS_TYPED; style <= ARGS_NONE; style++) {
		o.args = (enum args_style)style;
		o.group = o.system = style & 1;
		emit_text(w, &o, s);
	}
	o.args = ARGS_TYPED;
	emit_json(w, &o, false, s);
	emit_html(w, &o, s);
	emit_folded(w, &o, s);
	emit_pprof(w, &o, s);
	for (size_t i = 0; i < w->ngoroutines; i++)
		for (uint32_t k = 0; k < w->goroutines[i].stack.nframes; k++)
			emit_explain(w, &w->goroutines[i].stack.frames[k], s);
}

static uint32_t put_leaks(struct world *w, struct sink *s)
{
	struct emit_options o = {.group = true};
	struct leaks leaks;

	leaks_find(&leaks, w, NULL, NULL);
	emit_leaks(&leaks, &o, s);
	emit_leaks_json(&leaks, &o, s);
	emit_leaks_junit(&leaks, &o, s);
	emit_leaks_sarif(&leaks, "/", s);
	return leaks.counts[VERDICT_LEAKED] + leaks.counts[VERDICT_DEADLOCKED];
}

static int find_leaks(struct world *w, struct target *t, struct debug *d, struct error *e)
{
	struct leak_options o = {.at_exit = true};
	struct leaker *leaker = NULL;
	struct leak_stats stats;
	int err = leak_new(&leaker, t, d, e);

	if (!err)
		err = leak_copy(leaker, e);
	if (!err)
		err = leak_check(leaker, w, &o, &stats, e);
	leak_free(leaker);
	return err;
}

/* Returns how many leaks there are. */
static uint32_t report(struct world *w, struct target *t, struct debug *d)
{
	struct collect_options o = {.args = true, .threads = true, .system = true};
	struct error e = {0};
	struct sink s;
	uint32_t n = 0;

	sink_init_memory(&s);
	if (collect(w, t, d, &o, &e) != 0) {
		MUST(*e.text);
	} else {
		put_forms(w, &s);
		if (find_leaks(w, t, d, &e) == 0)
			n = put_leaks(w, &s);
		else
			MUST(*e.text);
	}
	sink_deinit(&s);
	return n;
}

/* Of the whole file much is known. */
static void check_whole(const struct world *w, uint32_t nleaks)
{
	size_t nreasons = 0;

	for (size_t i = 0; i < w->ngoroutines; i++)
		nreasons += w->goroutines[i].reason != NULL;
	MUST(w->ngoroutines > 14 && nreasons > 12 && w->nended > 0);
	MUST(image.seed == &seeds[SEED_MINIMAL] || nleaks > 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct world w = {0};
	struct error e = {0};
	struct target *t;
	struct debug *d;
	uint32_t nleaks;
	char path[64];
	int fd;

	base_no_memory_hook = abort;
	if (!seeds[0].bytes && !seeds_make(seeds)) {
		printf("ok core_fuzz # SKIP no process can be read here\n");
		exit(77);
	}
	fd = damage(&in);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (target_open_core(&t, path, NULL, &e) != 0) {
		MUST(*e.text);
	} else {
		MUST(debug_open(&d, t, &e) == 0);
		nleaks = report(&w, t, d);
		if (size < 2)
			check_whole(&w, nleaks);
		world_deinit(&w);
		debug_close(d);
		target_close(t);
	}
	close(fd);
	return 0;
}
