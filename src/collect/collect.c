/* SPDX-License-Identifier: MIT */
/* What, how: collect/collect.h. */
#include "collect/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/death.h"
#include "collect/inside.h"

/* ---- why it died ----------------------------------------------------------------------------------------------- */

static void set_culprit(struct collector *c, const unsigned char *copy)
{
	const struct rt *rt = &c->rt;
	struct culprit *cu = &c->culprit;

	cu->g = rt_u64(copy, rt->death_g);
	cu->tid = (int32_t)rt_u32(copy, rt->death_tid);
	cu->is_exact = rt_u8(copy, rt->death_exact);
	cu->is_blameless = rt_u8(copy, rt->death_is_blameless);
	memcpy(cu->regs.gpr, copy + rt->death_regs, sizeof cu->regs.gpr);
	cu->regs.known = cu->is_exact ? REGS_ALL : REGS_CALLEE_SAVED | 1u << REG_RIP;
	if (!rt_u8(copy, rt->death_has_sse) || !cu->is_exact ||
	    !rt_fits(rt->death_sse, sizeof cu->xmm.lane, rt->sizeof_death))
		return;
	memcpy(cu->xmm.lane, copy + rt->death_sse, sizeof cu->xmm.lane);
	cu->xmm.known = 0xffff;
	cu->regs.xmm = &cu->xmm;
}

static void set_death(struct collector *c, const unsigned char *copy)
{
	const struct rt *rt = &c->rt;
	struct world *w = c->world;
	uint32_t len = rt_u32(copy, rt->death_message_len);

	set_culprit(c, copy);
	if (rt_u32(copy, rt->death_nawake))
		world_note(w, "%u threads of the runtime did not stop", rt_u32(copy, rt->death_nawake));
	w->has_registers = rt_u8(copy, rt->death_print_registers);
	memcpy(w->registers, c->culprit.regs.gpr, sizeof w->registers);
	if (!w->now)
		w->now = (int64_t)rt_u64(copy, rt->death_when);
	if (rt_u8(copy, rt->death_message_printed) && !c->target->ops->is_file)
		return; /* and so is the line about the signal */
	w->signal = (int)rt_u32(copy, rt->death_sig);
	w->signal_code = (int)rt_u32(copy, rt->death_code);
	w->signal_addr = rt_u64(copy, rt->death_addr);
	w->signal_pc = rt_u64(copy, rt->death_pc);
	w->signal_sender = (int32_t)rt_u32(copy, rt->death_sender_pid);
	w->signal_uid = rt_u32(copy, rt->death_sender_uid);
	if (len <= GORI_DEATH_MESSAGE && rt_fits(rt->death_message, len, rt->sizeof_death))
		w->message = arena_strn(&w->arena, (const char *)copy + rt->death_message, len);
}

static void read_death(struct collector *c)
{
	struct rt *rt = &c->rt;
	uint64_t at = rt_number(rt, "root.death");
	unsigned char *copy;

	if (!at || !rt_fits(rt->death_regs, sizeof c->culprit.regs.gpr, rt->sizeof_death) ||
	    rt_read_u32(rt, at, rt->death_kind) == GORI_DEATH_NONE)
		return;
	copy = base_malloc(rt->sizeof_death + RT_SLACK);
	if (target_read(c->target, at, copy, rt->sizeof_death) == 0)
		set_death(c, copy);
	free(copy);
}

/* Without a record of ours: what the core says. */
static void set_signal(struct collector *c)
{
	const struct target_signal *s = c->target->signal;
	const struct target_thread *th = s ? target_thread(c->target, s->tid) : NULL;
	struct world *w = c->world;

	if (!s || c->culprit.tid || c->culprit.g)
		return;
	w->signal = s->signo;
	w->signal_code = s->code;
	w->signal_addr = s->addr;
	w->signal_pc = s->pc;
	w->signal_sender = s->sender_pid;
	w->signal_uid = s->sender_uid;
	if (!th)
		return;
	c->culprit.tid = s->tid;
	c->culprit.is_exact = true;
	c->culprit.regs = th->regs;
	w->has_registers = th->has_regs;
	memcpy(w->registers, th->regs.gpr, sizeof w->registers);
}

/* What the target has had to say since. */
static void take_notes(struct collector *c, size_t *taken)
{
	for (; *taken < c->target->nnotes; ++*taken)
		world_note(c->world, "%s", c->target->notes[*taken]);
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

static void set_modules(struct world *w, struct debug *d)
{
	struct module *m;

	w->nmodules = modules_all(debug_modules(d), &m);
	w->modules = arena_array(&w->arena, struct world_module, w->nmodules);
	for (size_t i = 0; i < w->nmodules; i++)
		w->modules[i] = (struct world_module){arena_str(&w->arena, m[i].path), m[i].lo, m[i].hi};
}

int collect(struct world *w, struct target *t, struct debug *d, const struct collect_options *o,
	    struct error *e)
{
	struct collector c = {.world = w, .target = t, .debug = d, .options = o};
	size_t taken = 0;
	int err;

	w->pid = t->pid;
	w->exe = arena_str(&w->arena, t->exe);
	w->origin = arena_str(&w->arena, t->name);
	w->now = t->ops->is_file ? t->now : target_now();
	take_notes(&c, &taken);
	err = rt_open(&c.rt, t, d, e);
	if (!err) {
		w->has_runtime = c.rt.addr != 0;
		for (uint32_t i = 0; i < c.rt.nwaits;
		     i++) /* the world outlives what was read of the runtime */
			c.rt.wait_texts[i] = arena_str(&w->arena, c.rt.wait_texts[i]);
		if (w->has_runtime)
			read_death(&c);
		set_signal(&c);
		if (w->has_runtime)
			collect_goroutines(&c);
		if (w->has_runtime && !o->only_culprit)
			collect_ended(&c);
		collect_threads(&c);
		set_modules(w, d);
		take_notes(&c, &taken);
		if (!w->ngoroutines && !w->nthreads)
			err = error_set(e, -ESRCH, "%s has no goroutine and no thread that can be shown%s%s",
					t->name, t->nnotes ? ": " : "", t->nnotes ? t->notes[0] : "");
	}
	rt_close(&c.rt);
	table_deinit(&c.sites);
	table_deinit(&c.tids);
	table_deinit(&c.waiting);
	VEC_FREE(&c.frames);
	for (size_t i = 0; i < c.copies.n; i++)
		free(c.copies.items[i]);
	VEC_FREE(&c.copies);
	return err;
}

int collect_rehearsal(struct world *w, struct target *t, struct debug *d, const struct collect_options *o,
		      int64_t ns, struct error *e)
{
	struct collect_options how = *o;
	int err = target_stop(t, e);

	if (err)
		return err;
	target_resume(t);
	how.deadline_ns = target_now() + ns;
	how.pause_ns = 0;
	collect(w, t, d, &how, NULL); /* what is wrong is said by the real one */
	w->paused_ns = t->paused_ns;
	return 0;
}
