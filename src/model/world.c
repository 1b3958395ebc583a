/* SPDX-License-Identifier: MIT */
/* What, how: model/world.h. */
#include "model/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fact_key(enum fact_kind kind, uint64_t addr)
{
	return addr ^ (uint64_t)kind << 57; /* user addresses have 47 bits */
}

const struct fact *world_fact(const struct world *w, enum fact_kind kind, uint64_t addr)
{
	return table_get(&w->facts, fact_key(kind, addr));
}

struct fact *world_fact_add(struct world *w, enum fact_kind kind, uint64_t addr, bool *ret_new)
{
	void **slot = table_slot(&w->facts, fact_key(kind, addr));
	struct fact *f = *slot;

	*ret_new = !f;
	if (!f) {
		f = arena_new(&w->arena, struct fact);
		f->kind = kind;
		f->addr = addr;
		*slot = f;
	}
	return f;
}

const unsigned char *world_bytes(const struct world *w, uint64_t addr, uint64_t n)
{
	const struct fact *f = world_fact(w, FACT_BYTES, addr);

	return f && !f->bad && n <= f->u.bytes.len ? f->u.bytes.p : NULL;
}

void world_note(struct world *w, const char *fmt, ...)
{
	const char **notes = arena_array(&w->arena, const char *, w->nnotes + 1);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (w->nnotes)
		memcpy(notes, w->notes, w->nnotes * sizeof notes[0]);
	notes[w->nnotes++] = arena_str(&w->arena, text);
	w->notes = notes;
}

const char *goroutine_state(const struct goroutine *g)
{
	if (g->is_culprit)
		return "running"; /* whatever it was about to become */
	switch (g->status) {
	case GOROUTINE_DEAD:
		return "dead";
	case GOROUTINE_RUNNABLE:
		return "runnable";
	case GOROUTINE_RUNNING:
		return "running";
	case GOROUTINE_SYSCALL:
		return "syscall";
	case GOROUTINE_WAITING:
		return g->reason && g->reason[0] ? g->reason : "waiting";
	case GOROUTINE_UNREADABLE:
		return "unreadable";
	}
	return "???";
}

const char *verdict_text(enum verdict v)
{
	static const char *const texts[] = {NULL, "leaked", "deadlocked", "stuck", "lingering"};

	return (size_t)v < sizeof texts / sizeof texts[0] ? texts[v] : NULL;
}

const char *value_why_text(enum value_why why)
{
	switch (why) {
	case WHY_NONE:
		return "known";
	case WHY_OPTIMIZED_OUT:
		return "optimized out";
	case WHY_REGISTER_LOST:
		return "its register was overwritten";
	case WHY_NO_CALL_SITE:
		return "the caller does not describe the call";
	case WHY_NO_CALL_VALUE:
		return "the caller does not describe this argument";
	case WHY_TAIL_CALL:
		return "passed by a function that has left by a tail call";
	case WHY_CALLER_UNKNOWN:
		return "the caller's own value is not known";
	case WHY_UNREADABLE:
		return "unreadable memory";
	case WHY_EXPRESSION:
		return "bad debug information";
	case WHY_LIMIT:
		return "too large";
	case WHY_NO_TYPE:
		return "incomplete type";
	case WHY_UNTRACKED:
		return "the optimiser may not have stored it";
	case WHY_AS_PASSED:
		return "partly as it was passed";
	case WHY_MOVED_ON:
		return "read after the program went on";
	}
	return "???";
}

const struct goroutine *world_goroutine(const struct world *w, int64_t goid)
{
	size_t lo = w->ngoroutines > 0, hi = w->ngoroutines;

	/* Sorted but for those that are first. */
	if (hi && w->goroutines[0].id == goid)
		return w->goroutines;
	while (lo < hi && (w->goroutines[lo].is_culprit || w->goroutines[lo].status == GOROUTINE_RUNNING)) {
		if (w->goroutines[lo].id == goid)
			return &w->goroutines[lo];
		lo++;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->goroutines[mid].id < goid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->ngoroutines && w->goroutines[lo].id == goid ? &w->goroutines[lo] : NULL;
}

const struct ended *world_ended(const struct world *w, int64_t goid)
{
	size_t lo = 0, hi = w->nended;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->ended[mid].id < goid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->nended && w->ended[lo].id == goid ? &w->ended[lo] : NULL;
}

void world_deinit(struct world *w)
{
	table_deinit(&w->facts);
	arena_deinit(&w->arena);
	memset(w, 0, sizeof *w);
}
