/* SPDX-License-Identifier: MIT */
/*
 * What: prints every argument of every frame of a process as the reader sees it, one a line:
 *
 *	A TID SP PC FUNCTION#N NAME STATUS SIZE VALUE MASK ENTRY WHY
 *
 * and before them "P TID SP PC" for each physical frame.  gdb_args.py prints the same from gdb's side and explains
 * the fields.  ENTRY is 1 for a value that is only known to have been given at the function's entry.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/debug.h"
#include "debug/unwind.h"
#include "target/target.h"

enum { LIMIT = 64, MAX_FRAMES = 500 };

static const char *const statuses[] = {"known", "stale", "unknown"};

static void put_bytes(const struct value *v, bool mask)
{
	uint64_t i, n = v->type->size < LIMIT ? v->type->size : LIMIT;

	putchar(' ');
	for (i = 0; i < n; i++) {
		unsigned status = v->mask ? v->mask[i] : v->status;
		unsigned byte = v->bytes ? v->bytes[i] : 0;

		printf("%02x", mask ? (v->bytes && status != VALUE_UNKNOWN ? 0xff : 0) : byte);
	}
	if (n == 0)
		putchar('-');
}

static void put_args(const char *where, const struct value *args, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct value *v = &args[i];

		if (!v->name)
			continue;
		printf("A%s %s %s %" PRIu64, where, v->name, statuses[v->status], v->type->size);
		put_bytes(v, false);
		put_bytes(v, true);
		printf(" %d %s\n", v->at_entry, v->status == VALUE_KNOWN ? "-" : value_why_text(v->why));
	}
}

/* How many of the places before this one are of the same function. */
static unsigned number_of(const struct place *places, unsigned level)
{
	unsigned n = 0;

	for (unsigned i = 0; i < level; i++)
		n += places[i].function && places[level].function &&
		     strcmp(places[i].function, places[level].function) == 0;
	return n;
}

/* " TID SP PC FUNCTION#N": the function as the source names it, without a C++ function's parameters. */
static void name_place(char where[512], int tid, const struct uframe *f, const struct place *places,
		       unsigned level)
{
	size_t at = (size_t)snprintf(where, 512, " %d %#" PRIx64 " %#" PRIx64 " ", tid, f->regs.gpr[REG_RSP],
				     f->pc);

	for (const char *c = places[level].function; *c && *c != '(' && at < 480; c++)
		if (*c != ' ')
			where[at++] = *c;
	snprintf(where + at, 512 - at, "#%u", number_of(places, level));
}

static void put_frame(struct debug *d, int tid, const struct ustack *st, size_t i)
{
	unsigned nplaces;
	const struct place *places = debug_places(d, st->frames[i].lookup, &nplaces);

	for (unsigned level = 0; level < nplaces; level++) {
		struct arena a = {0};
		const struct value *args;
		char where[512];
		bool variadic;
		unsigned nargs;

		if (!places[level].function)
			continue;
		name_place(where, tid, &st->frames[i], places, level);
		nargs = debug_args(d, st, i, level, &a, &args, &variadic);
		put_args(where, args, nargs);
		arena_deinit(&a);
	}
}

static void put_threads(struct target *t, struct debug *d)
{
	static struct uframe frames[MAX_FRAMES];

	for (size_t k = 0; k < t->nthreads; k++) {
		const struct target_thread *thread = &t->threads[k];
		struct ustack st = {.frames = frames, .fs_base = thread->fs_base};
		enum stack_end end;

		if (!thread->has_regs)
			continue;
		st.n = unwind(debug_unwinder(d), &thread->regs, true, frames, MAX_FRAMES, &end);
		for (size_t i = 0; i < st.n; i++) {
			printf("P %d %#" PRIx64 " %#" PRIx64 "\n", thread->tid, frames[i].regs.gpr[REG_RSP],
			       frames[i].pc);
			put_frame(d, thread->tid, &st, i);
		}
	}
	puts("END");
}

int main(int argc, char **argv)
{
	struct error e = {0};
	struct target *t;
	struct debug *d;

	if (argc != 2) {
		fputs("usage: args_dump PID\n", stderr);
		return 64;
	}
	if (target_open_live(&t, atoi(argv[1]), &e) < 0 || target_stop(t, &e) < 0 ||
	    debug_open(&d, t, &e) < 0) {
		fprintf(stderr, "args_dump: %s\n", e.text);
		return 1;
	}
	put_threads(t, d);
	debug_close(d);
	target_close(t);
	return 0;
}
