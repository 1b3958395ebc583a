/* SPDX-License-Identifier: MIT */
/*
 * What: the kernel threads that run no goroutine: all of an ordinary program's, and of a program on goroutines
 * those that have nothing to do with them.
 *
 * How: the target's threads but those that run one; the runtime's own only if asked for.
 */
#include <string.h>

#include "collect/inside.h"

static void make_thread(struct collector *c, const struct target_thread *from, struct thread *th)
{
	bool is_culprit = c->culprit.tid == from->tid && !c->culprit.g && !c->culprit.is_blameless;

	th->tid = from->tid;
	th->name = *from->name ? arena_str(&c->world->arena, from->name) : NULL;
	th->state = from->state;
	th->syscall = from->syscall >= 0 ? target_syscall_name(from->syscall) : NULL;
	th->is_culprit = is_culprit;
	th->is_runtime = table_get(&c->tids, (uint64_t)from->tid) != NULL;
	if (is_culprit) {
		th->state = THREAD_RUNNING;
		collect_stack(c, &c->culprit.regs, c->culprit.is_exact, NULL, from->fs_base, &th->stack);
	} else if (from->has_regs) {
		collect_stack(c, &from->regs, true, NULL, from->fs_base, &th->stack);
	} else {
		th->stack.end = STACK_RUNNING;
	}
}

static bool is_shown(const struct collector *c, const struct target_thread *th)
{
	uintptr_t use = (uintptr_t)table_get(&c->tids, (uint64_t)th->tid);

	if (c->culprit.tid == th->tid && !c->culprit.g && !c->culprit.is_blameless)
		return true;
	if (!c->options->threads || c->options->only_culprit || use == TID_GOROUTINE)
		return false;
	return use != TID_RUNTIME || c->options->system;
}

/* A thread that has only just been made, or is about to end: most likely one of the runtime's that it does not know
 * yet, or no more. */
static bool is_between(const struct stack *s)
{
	for (uint32_t i = 0; i < s->nframes; i++)
		if (!collect_is_starter(s->frames[i].place))
			return false;
	return s->nframes > 0;
}

void collect_threads(struct collector *c)
{
	struct target *t = c->target;
	struct world *w = c->world;
	size_t first = 0;

	w->threads = arena_array(&w->arena, struct thread, t->nthreads);
	for (size_t i = 0; i < t->nthreads && !c->out_of_time; i++) {
		struct thread *th = &w->threads[w->nthreads];

		if (!is_shown(c, &t->threads[i]))
			continue;
		make_thread(c, &t->threads[i], th);
		if (w->has_runtime && !c->options->system && !th->is_culprit && is_between(&th->stack)) {
			memset(th, 0, sizeof *th);
			continue;
		}
		first = th->is_culprit ? w->nthreads : first;
		w->nthreads++;
	}
	if (first) { /* the culprit comes first */
		struct thread culprit = w->threads[first];

		memmove(&w->threads[1], &w->threads[0], first * sizeof w->threads[0]);
		w->threads[0] = culprit;
	}
}
