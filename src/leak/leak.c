/* SPDX-License-Identifier: MIT */
/* What, how: leak/leak.h. */
#include "leak/leak.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "leak/inside.h"

enum { MAX_ROUNDS = 100, MAX_MS = 1 << 16 };

static void index_goroutines(struct leaker *l)
{
	for (size_t i = 0; i < l->world->ngoroutines; i++) {
		table_put(&l->gs, l->world->goroutines[i].addr, (void *)(uintptr_t)(i + 1));
		table_put(&l->goids, (uint64_t)l->world->goroutines[i].id, (void *)(uintptr_t)(i + 1));
	}
}

/* Who is proven dead by its locks is no root, which may show others to be leaked, which may hold locks. */
static void decide(struct leaker *l)
{
	size_t n = l->world->ngoroutines;

	l->alive = base_malloc(n);
	l->dead = base_malloc(n);
	memset(l->alive, 1, n);
	memset(l->dead, 0, n);
	locks_find_dead(l);
	if (l->is_blind)
		return;
	do
		mark_all(l);
	while (++l->stats.rounds < MAX_ROUNDS && locks_find_dead(l));
}

static bool is_stuck(const struct leaker *l, const struct goroutine *g)
{
	return l->options->stuck_ns >= 0 && waits_is_candidate(g) && g->waited_ns >= l->options->stuck_ns;
}

/* Was this channel made in main itself, so that its frame, which is gone now, had it? */
static bool is_mains(struct leaker *l, const struct goroutine *g)
{
	const struct fact *f = g->wait_obj ? world_fact(l->world, FACT_CHAN, g->wait_obj) : NULL;

	return f && !f->bad && f->u.chan.maker == 1 && f->u.chan.func && strcmp(f->u.chan.func, "main") == 0;
}

static enum verdict verdict_of(struct leaker *l, size_t i)
{
	const struct goroutine *g = &l->world->goroutines[i];

	if (g->id == l->options->caller || g->leak_ignored || g->is_system || g->is_culprit)
		return VERDICT_NONE;
	if (l->dead[i])
		return VERDICT_DEADLOCKED;
	if (!l->alive[i])
		return l->options->at_exit && is_mains(l, g) ? VERDICT_LINGERING : VERDICT_LEAKED;
	if (g->is_foreign || (l->options->at_exit && g->is_main))
		return VERDICT_NONE;
	if (is_stuck(l, g))
		return VERDICT_STUCK;
	return l->options->at_exit ? VERDICT_LINGERING : VERDICT_NONE;
}

static void set_verdicts(struct leaker *l)
{
	struct world *w = l->world;

	memset(w->nverdicts, 0, sizeof w->nverdicts);
	for (size_t i = 0; i < w->ngoroutines; i++) {
		w->goroutines[i].verdict = verdict_of(l, i);
		w->nverdicts[w->goroutines[i].verdict]++;
	}
	w->leaks_checked = true;
}

static void note_limits(struct leaker *l)
{
	if (l->registry.is_bypassed)
		world_note(
			l->world,
			"the program has a malloc of its own, which libgorgon-malloc.so cannot come before");
	if (!l->stats.has_blocks)
		world_note(
			l->world,
			"the heap's blocks are not known: all of it counts as reachable, so that few leaks can "
			"be proven%s",
			l->registry.is_there ? "" : "; gorgon run --registry makes them known");
}

bool thread_is_idle(const struct leaker *l, const struct target_thread *th)
{
	return th->state == THREAD_FUTEX && table_get(&l->idle, (uint64_t)th->tid) != NULL;
}

static void set_registers(struct leaker *l, int32_t tid, uint64_t words_at)
{
	uint64_t words[REG_NGPR];

	for (size_t i = 0; i < l->target->nthreads; i++) {
		struct target_thread *th = &l->target->threads[i];

		if (th->tid != tid || target_read(l->target, words_at, words, sizeof words) != 0)
			continue;
		memcpy(th->regs.gpr, words, sizeof words);
		th->regs.known = REGS_ALL;
		th->has_regs = true;
	}
}

/* A thread that the runtime has frozen sleeps in a signal handler, and the one that asks on a stack of its own: what
 * counts are the registers that they had before. */
static void use_true_registers(struct leaker *l)
{
	struct rt *rt = &l->rt;
	uint64_t m = rt_read_u64(rt, rt_number(rt, "root.allm"), 0), death = rt_number(rt, "root.death");

	for (unsigned n = 0; m && n < MAX_MS; n++) {
		int32_t tid = (int32_t)rt_read_u32(rt, m, rt->m_tid);

		uint64_t g = rt_read_u64(rt, m, rt->m_curg);

		if (tid && !rt_read_u64(rt, m, rt->m_p) && (!g || rt_read_u64(rt, g, rt->g_goid) == 0))
			table_put(&l->idle, (uint64_t)tid, l);
		if (tid && rt_read_u32(rt, m, rt->m_crash_frozen) && rt->m_crash_regs != RT_NO_FIELD)
			set_registers(l, tid, m + rt->m_crash_regs);
		m = rt_read_u64(rt, m, rt->m_all_next);
	}
	if (rt_read_u32(rt, death, rt->death_kind) && rt->death_regs != RT_NO_FIELD) {
		int32_t tid = (int32_t)rt_read_u32(rt, death, rt->death_tid);

		set_registers(l, tid, death + rt->death_regs);
		if (!(rt_read_u32(rt, death, rt->death_exact) & 0xff))
			l->inexact_tid = tid;
	}
}

/* What cannot be seen may hold the pointer that clears somebody. */
static int check_whole(const struct target *t, struct error *e)
{
	return t->partial ? error_set(e, -ENODATA, "%s: leaks cannot be proven without all of its memory: %s",
				      t->name, t->partial)
			  : 0;
}

int leak_new(struct leaker **ret, struct target *t, struct debug *d, struct error *e)
{
	struct leaker *l = base_malloc(sizeof *l);
	int err;

	memset(l, 0, sizeof *l);
	l->target = t;
	l->debug = d;
	err = rt_open(&l->rt, t, d, e);
	if (!err && !l->rt.addr)
		err = error_set(e, -ENOENT, "%s has no goroutines: it does not use the runtime", t->name);
	if (err) {
		leak_free(l);
		return err;
	}
	if (!t->ops->is_file && !t->stopped_at)
		image_reserve(l);
	*ret = l;
	return 0;
}

int leak_copy(struct leaker *l, struct error *e)
{
	int64_t begin = target_now();
	int err = check_whole(l->target, e);

	if (err)
		return err;
	use_true_registers(l);
	registry_read(l);
	image_copy(l);
	l->stats.copy_ns = target_now() - begin;
	return 0;
}

static void search(struct leaker *l)
{
	int64_t begin = target_now();

	index_goroutines(l);
	stacks_find(l);
	roots_read(l);
	locks_read(l);
	l->waits = waits_find(l);
	image_blank_runtime(l);
	l->heaps = heaps_find(l);
	note_limits(l);
	l->trail = l->options->why_alive ? trail_new() : NULL;
	decide(l);
	if (l->trail)
		trail_tell(l, l->options->why_alive);
	l->stats.mark_ns = target_now() - begin;
	set_verdicts(l);
}

int leak_check(struct leaker *l, struct world *w, const struct leak_options *o, struct leak_stats *ret,
	       struct error *e)
{
	int err = check_whole(l->target, e);

	if (!err && w->incomplete)
		err = error_set(e, -ENODATA,
				"%s: not all goroutines could be read, so nothing can be proven of any",
				l->target->name);
	if (err)
		return err;
	l->world = w;
	l->options = o;
	search(l);
	*ret = l->stats;
	return 0;
}

void leak_free(struct leaker *l)
{
	if (!l)
		return;
	target_set_copy(l->target, NULL, NULL);
	image_free(&l->image);
	heaps_free(l->heaps);
	registry_free(&l->registry);
	waits_free(l->waits);
	trail_free(l->trail);
	table_deinit(&l->gs);
	table_deinit(&l->goids);
	table_deinit(&l->calls);
	table_deinit(&l->idle);
	VEC_FREE(&l->locks);
	VEC_FREE(&l->timers);
	VEC_FREE(&l->extras);
	free(l->alive);
	free(l->dead);
	rt_close(&l->rt);
	free(l);
}
