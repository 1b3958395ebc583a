/* SPDX-License-Identifier: MIT */
/*
 * What: the goroutines of the target.
 *
 * How: in two steps, so that 100,000 of them cost two reads each and no seek.  First all Gs: the slots of the
 * arenas in bulk, then the list of those that lie elsewhere (main, adopted threads).  They are sorted: culprit,
 * running ones, the rest by id.  Then, in batches, what lies between a goroutine's stack pointer and the end of
 * its G: its frames, the call that go captured, and the G itself; and each is unwound and decoded with this piece
 * as the target's window.
 *
 * A live target that has been stopped for long enough goes on after all the stacks that are left have been copied:
 * what they lead to is then read late, and marked so.
 *
 * Invariants: a G is believed only if its numbers make sense: a status that exists, a stack pointer within its
 * own stack.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"
#include "collect/inside.h"

enum {
	MAX_SLOTS = 1 << 24, /* of all arenas */
	MAX_EXTRA = 1 << 20,
	MAX_MS = 1 << 16,
	MAX_PS = 256,
	MAX_LABELS = 32,
	MAX_CASES = 16,
	BATCH = 512,
	MAX_WINDOW = 64 << 10, /* deeper stacks are read page by page */
	MAX_KEPT = 8 << 20,    /* of one stack */
	RED_ZONE = 128,
	MAX_COPY = 512, /* of a small struct */
};

/* What is kept of a G until its turn comes. */
struct raw_g {
	uint64_t addr, sp, m, call, labels, wait_obj, stack_lo, stack_hi;
	uint64_t waiters;
	int64_t id, parent, since;
	uint32_t nlocks, nwaiters;
	uint8_t status, wait, flags, fresh;
	bool locked, in_slot, is_culprit;
	unsigned char *window; /* copy of [window_lo, window_hi) of the target */
	uint64_t window_lo, window_hi;
};

typedef VEC(struct raw_g) raw_gs;

/* ---- Gs ------------------------------------------------------------------------------------------------------------ */

static void count_waiter(struct collector *c, uint64_t obj)
{
	void **slot = table_slot(&c->waiting, obj);

	*slot = (void *)((uintptr_t)*slot + 1);
}

static void add_g(struct collector *c, raw_gs *list, uint64_t addr, const unsigned char *copy, bool in_slot)
{
	const struct rt *rt = &c->rt;
	struct raw_g g = {.addr = addr, .in_slot = in_slot};

	g.status = rt_u8(copy, rt->g_status);
	g.id = (int64_t)rt_u64(copy, rt->g_goid);
	g.is_culprit = addr == c->culprit.g;
	c->nfound += in_slot && g.status != GORI_GDEAD && g.id != 0;
	if (g.status == GORI_GDEAD || g.id == 0 || (c->options->only_culprit && !g.is_culprit))
		return;
	g.flags = rt_u8(copy, rt->g_flags);
	if (g.flags & GORI_G_SYSTEM && !c->options->system && !g.is_culprit)
		return;
	g.sp = rt_u64(copy, rt->g_sp);
	g.m = rt_u64(copy, rt->g_m);
	g.call = rt_u64(copy, rt->g_call);
	g.labels = rt_u64(copy, rt->g_labels);
	g.wait_obj = rt_u64(copy, rt->g_wait_obj);
	g.stack_lo = rt_u64(copy, rt->g_stack_lo);
	g.stack_hi = rt_u64(copy, rt->g_stack_hi);
	g.parent = (int64_t)rt_u64(copy, rt->g_parent_goid);
	g.since = (int64_t)rt_u64(copy, rt->g_since);
	g.nlocks = rt_u32(copy, rt->g_nlocks_held);
	g.waiters = rt_u64(copy, rt->g_waiters);
	g.nwaiters = rt_u32(copy, rt->g_nwaiters);
	g.wait = rt_u8(copy, rt->g_wait);
	g.fresh = rt_u8(copy, rt->g_fresh);
	g.locked = rt_u64(copy, rt->g_locked_m) != 0;
	if (g.status == GORI_GWAITING && g.wait_obj)
		count_waiter(c, g.wait_obj);
	*VEC_PUSH(list) = g;
}

static void read_arena(struct collector *c, const struct rt_slots *s, raw_gs *list)
{
	static struct span spans[BATCH];
	unsigned char *buf = base_malloc((size_t)BATCH * c->rt.sizeof_g + RT_SLACK);

	for (uint64_t at = 0; at < s->used; at += BATCH) {
		size_t n = s->used - at < BATCH ? s->used - at : BATCH;

		for (size_t i = 0; i < n; i++)
			spans[i] = (struct span){rt_slot_g(&c->rt, s, at + i), buf + i * c->rt.sizeof_g,
						 c->rt.sizeof_g, false};
		target_read_spans(c->target, spans, n);
		for (size_t i = 0; i < n; i++)
			if (spans[i].ok)
				add_g(c, list, spans[i].addr, spans[i].buf, true);
	}
	free(buf);
}

static void read_arenas(struct collector *c, raw_gs *list)
{
	uint64_t left = MAX_SLOTS;
	struct rt_slots s;

	for (uint32_t i = 0; rt_slots(&c->rt, i, &s); i++) {
		if (s.used > left)
			continue;
		left -= s.used;
		read_arena(c, &s, list);
	}
}

static void list_is_damaged(struct collector *c, uint64_t g, const char *how)
{
	world_note(c->world, "the list of goroutines %s at 0x%llx: some may be missing", how,
		   (unsigned long long)g);
	c->world->incomplete = true;
}

static void read_extra(struct collector *c, raw_gs *list)
{
	struct rt *rt = &c->rt;
	uint64_t g = rt_read_u64(rt, rt_number(rt, "root.all_extra"), 0);
	unsigned char copy[TARGET_PAGE + RT_SLACK];
	struct table seen = {0};

	for (unsigned n = 0; g && n < MAX_EXTRA; n++) {
		if (table_get(&seen, g)) {
			list_is_damaged(c, g, "goes in a circle");
			break;
		}
		table_put(&seen, g, c);
		if (target_read(c->target, g, copy, rt->sizeof_g) != 0) {
			list_is_damaged(c, g, "is damaged");
			break;
		}
		add_g(c, list, g, copy, false);
		g = rt_u64(copy, rt->g_all_next);
	}
	table_deinit(&seen);
}

/* Which kernel threads are the runtime's, and which of them run a goroutine. */
static void read_ms(struct collector *c)
{
	struct rt *rt = &c->rt;
	uint64_t m = rt_read_u64(rt, rt_number(rt, "root.allm"), 0);
	uint32_t sysmon = rt_read_u32(rt, rt_number(rt, "root.sysmon_tid"), 0);

	if (sysmon)
		table_put(&c->tids, sysmon, (void *)(uintptr_t)TID_RUNTIME);
	for (unsigned n = 0; m && n < MAX_MS; n++) {
		uint32_t tid = rt_read_u32(rt, m, rt->m_tid);
		uint64_t g = rt_read_u64(rt, m, rt->m_curg);
		bool runs = g && rt_read_u64(rt, g, rt->g_goid) != 0;

		if (tid && (int32_t)tid == c->culprit.tid && !c->culprit.g && runs)
			c->culprit.g = g;
		if (tid)
			table_put(&c->tids, tid, (void *)(uintptr_t)(runs ? TID_GOROUTINE : TID_RUNTIME));
		m = rt_read_u64(rt, m, rt->m_all_next);
	}
}

static int rank(const struct raw_g *g)
{
	return g->is_culprit ? 0 : g->status == GORI_GRUNNING ? 1 : 2;
}

static int compare_gs(const void *a, const void *b)
{
	const struct raw_g *x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- one goroutine ------------------------------------------------------------------------------------------------- */

/* __FILE__ is what the compiler was given, which may depend on where it ran. */
static const char *full_path(struct collector *c, uint64_t site, const char *file)
{
	struct module *m = file && *file != '/' ? module_of(debug_modules(c->debug), site) : NULL;
	const char *path = m ? module_source(m, file) : NULL;

	return path ? arena_str(&c->world->arena, path) : file;
}

const struct site *collect_site(struct collector *c, uint64_t addr)
{
	struct site *s = addr ? table_get(&c->sites, addr) : NULL;
	struct rt *rt = &c->rt;

	if (s || !addr)
		return s;
	s = arena_new(&c->world->arena, struct site);
	s->file = rt_string(c->target, rt_read_u64(rt, addr, rt->site_file), &c->world->arena);
	s->path = full_path(c, addr, s->file);
	s->func = rt_string(c->target, rt_read_u64(rt, addr, rt->site_func), &c->world->arena);
	s->what = rt_string(c->target, rt_read_u64(rt, addr, rt->site_what), &c->world->arena);
	s->line = (int)rt_read_u32(rt, addr, rt->site_line);
	table_put(&c->sites, addr, s);
	return s;
}

static void set_labels(struct collector *c, const struct raw_g *raw, struct goroutine *g)
{
	struct label labels[MAX_LABELS];
	uint64_t at = raw->labels;
	uint32_t n = 0;

	for (; at && n < MAX_LABELS; at = rt_read_u64(&c->rt, at, c->rt.label_next), n++) {
		labels[n].key =
			rt_string(c->target, rt_read_u64(&c->rt, at, c->rt.label_key), &c->world->arena);
		labels[n].value =
			rt_string(c->target, rt_read_u64(&c->rt, at, c->rt.label_value), &c->world->arena);
		if (!labels[n].key || !labels[n].value)
			break;
	}
	g->labels = arena_copy(&c->world->arena, labels, n * sizeof labels[0]);
	g->nlabels = n;
}

/* The waiters of a select are an array on its stack. */
static void set_cases(struct collector *c, struct goroutine *g)
{
	uint64_t size = rt_number(&c->rt, "sizeof.waiter");
	struct select_case cases[MAX_CASES];
	unsigned char copy[MAX_COPY + RT_SLACK];
	uint32_t n = 0;

	for (; size && size <= MAX_COPY && n < g->nwaiters && n < MAX_CASES; n++) {
		if (target_read(c->target, g->waiters + n * size, copy, size) != 0)
			break;
		cases[n].obj = rt_u64(copy, c->rt.waiter_obj);
		cases[n].is_send = rt_u8(copy, c->rt.waiter_is_send);
		if (cases[n].obj)
			collect_object(c, cases[n].obj, "chan receive");
	}
	g->cases = arena_copy(&c->world->arena, cases, n * sizeof cases[0]);
	g->ncases = n;
}

static void set_header(struct collector *c, const struct raw_g *raw, struct goroutine *g)
{
	static const enum goroutine_status status[] = {GOROUTINE_DEAD, GOROUTINE_RUNNABLE, GOROUTINE_RUNNING,
						       GOROUTINE_SYSCALL, GOROUTINE_WAITING};

	g->id = raw->id;
	g->addr = raw->addr;
	g->status = raw->status < sizeof status / sizeof status[0] ? status[raw->status]
								   : GOROUTINE_UNREADABLE;
	g->is_main = raw->flags & GORI_G_MAIN;
	g->is_foreign = raw->flags & GORI_G_FOREIGN;
	g->is_system = raw->flags & GORI_G_SYSTEM;
	g->is_culprit = raw->is_culprit && !c->culprit.is_blameless;
	g->locked_to_thread = raw->locked;
	g->nlocks = raw->nlocks;
	g->creator = raw->parent;
	g->sp = raw->sp;
	g->stack_lo = raw->stack_lo;
	g->stack_hi = raw->stack_hi;
	g->call = raw->call;
	g->is_fresh = raw->fresh;
	g->in_slot = raw->in_slot;
	g->leak_ignored = raw->flags & GORI_G_LEAK_IGNORE;
	g->waiters = raw->waiters;
	g->nwaiters = raw->nwaiters;
	g->m_id = -1;
	if (raw->labels)
		set_labels(c, raw, g);
	if (raw->m) {
		g->m_id = (int32_t)rt_read_u32(&c->rt, raw->m, c->rt.m_id);
		g->tid = (int32_t)rt_read_u32(&c->rt, raw->m, c->rt.m_tid);
	}
	if (g->status != GOROUTINE_WAITING)
		return;
	g->reason = raw->wait < c->rt.nwaits ? c->rt.wait_texts[raw->wait] : NULL;
	g->wait_obj = raw->wait_obj;
	if (raw->since > 0 && c->world->now > raw->since)
		g->waited_ns = c->world->now - raw->since;
	if (raw->wait_obj && g->reason)
		collect_object(c, raw->wait_obj, g->reason);
	if (g->nwaiters && g->reason && strcmp(g->reason, "select") == 0)
		set_cases(c, g);
}

/* The registers at the entry of the function that go was given.  False: main, or an adopted thread. */
static bool set_call(struct collector *c, const struct raw_g *raw, struct goroutine *g, uint64_t *ret_fn,
		     struct regs *ret, struct regs_xmm *ret_xmm)
{
	static const unsigned order[] = {REG_RDI, REG_RSI, REG_RDX, REG_RCX, REG_R8, REG_R9};
	const struct rt *rt = &c->rt;
	unsigned char copy[MAX_COPY + RT_SLACK];
	const struct site *site;

	if (!raw->call || rt->sizeof_call > MAX_COPY ||
	    !rt_fits(rt->call_regs, rt->regs_gpr, rt->sizeof_call) ||
	    !rt_fits(rt->call_regs + rt->regs_gpr, sizeof order / sizeof order[0] * 8, rt->sizeof_call) ||
	    !rt_fits(rt->call_regs, rt->regs_sse, rt->sizeof_call) ||
	    !rt_fits(rt->call_regs + rt->regs_sse, 8 * sizeof ret_xmm->lane[0], rt->sizeof_call) ||
	    target_read(c->target, raw->call, copy, rt->sizeof_call) != 0)
		return false;
	site = collect_site(c, rt_u64(copy, rt->call_site));
	if (site) {
		g->go_func = site->func;
		g->go_file = site->path;
		g->go_line = site->line;
		g->entry = site->what;
	}
	*ret_fn = rt_u64(copy, rt->call_fn);
	memset(ret, 0, sizeof *ret);
	regs_set(ret, REG_RIP, *ret_fn);
	for (unsigned i = 0; i < 6; i++)
		regs_set(ret, order[i], rt_u64(copy, rt->call_regs + rt->regs_gpr + 8 * i));
	ret_xmm->known = 0xff;
	memcpy(ret_xmm->lane, copy + rt->call_regs + rt->regs_sse, 8 * sizeof ret_xmm->lane[0]);
	ret->xmm = ret_xmm;
	if (rt_u32(copy, rt->call_nstack))
		regs_set(ret, REG_RSP, rt_u64(copy, rt->call_stack) - 8);
	return true;
}

bool collect_parked_regs(struct target *t, const struct rt *rt, const struct goroutine *g, struct regs *ret)
{
	unsigned char f[MAX_COPY + RT_SLACK];

	memset(ret, 0, sizeof *ret);
	if (g->sp < g->stack_lo || g->sp >= g->stack_hi || g->sp % 8 || rt->sizeof_switch > MAX_COPY ||
	    target_read(t, g->sp, f, rt->sizeof_switch) != 0)
		return false;
	regs_set(ret, REG_RBX, rt_u64(f, rt->switch_rbx));
	regs_set(ret, REG_RBP, rt_u64(f, rt->switch_rbp));
	regs_set(ret, REG_R12, rt_u64(f, rt->switch_r12));
	regs_set(ret, REG_R13, rt_u64(f, rt->switch_r13));
	regs_set(ret, REG_R14, rt_u64(f, rt->switch_r14));
	regs_set(ret, REG_R15, rt_u64(f, rt->switch_r15));
	regs_set(ret, REG_RIP, rt_u64(f, rt->switch_rip));
	regs_set(ret, REG_RSP, g->sp + rt->sizeof_switch);
	return true;
}

/* On a thread: what it left when it was frozen, or what the target has of it. */
static bool running_regs(struct collector *c, const struct raw_g *raw, struct regs *ret, uint64_t *ret_fs)
{
	const struct rt *rt = &c->rt;
	const struct target_thread *th;
	uint64_t words[17];

	if (rt_read_u64(&c->rt, raw->m, rt->m_curg) != raw->addr)
		return false;
	th = target_thread(c->target, (int32_t)rt_read_u32(&c->rt, raw->m, rt->m_tid));
	*ret_fs = th ? th->fs_base : 0;
	if (rt_read_u32(&c->rt, raw->m, rt->m_crash_frozen) && rt->m_crash_regs != RT_NO_FIELD &&
	    target_read(c->target, raw->m + rt->m_crash_regs, words, sizeof words) == 0) {
		memset(ret, 0, sizeof *ret);
		memcpy(ret->gpr, words, sizeof words);
		ret->known = REGS_ALL;
		return true;
	}
	if (!th || !th->has_regs)
		return false;
	*ret = th->regs;
	return true;
}

static void make_goroutine(struct collector *c, const struct raw_g *raw, struct goroutine *g)
{
	struct regs_xmm xmm;
	struct regs regs, entered;
	bool has_call, exact = false;
	uint64_t fn = 0, fs = 0;

	if (raw->window)
		target_set_window(c->target, raw->window_lo, raw->window_hi, raw->window);
	set_header(c, raw, g);
	has_call = set_call(c, raw, g, &fn, &entered, &xmm);
	if (raw->is_culprit) {
		collect_stack(c, &c->culprit.regs, c->culprit.is_exact, has_call ? &entered : NULL, fs,
			      &g->stack);
	} else if (raw->fresh && has_call) {
		collect_fresh(c, fn, &entered, &g->stack);
	} else if (raw->sp) {
		if (collect_parked_regs(c->target, &c->rt, g, &regs))
			collect_stack(c, &regs, false, has_call ? &entered : NULL, 0, &g->stack);
		else
			g->stack.end = STACK_CORRUPT;
	} else if (running_regs(c, raw, &regs, &fs)) {
		exact = true;
		collect_stack(c, &regs, exact, has_call ? &entered : NULL, fs, &g->stack);
	} else {
		g->stack.end = STACK_RUNNING;
	}
	target_set_window(c->target, 0, 0, NULL);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

static void set_window(const struct collector *c, struct raw_g *g)
{
	uint64_t end = g->addr + c->rt.sizeof_g;

	if (!g->in_slot || !g->sp || g->sp < g->stack_lo || g->sp >= end || end - g->sp > MAX_WINDOW)
		return;
	g->window_lo = g->sp - RED_ZONE < g->stack_lo ? g->sp : g->sp - RED_ZONE;
	g->window_hi = end;
}

/* Copies the stacks of up to BATCH goroutines into buf, which grows. */
static void read_windows(struct collector *c, struct raw_g *gs, size_t n, unsigned char **buf, size_t *cap)
{
	static struct span spans[BATCH];
	size_t size = 0, used = 0, k = 0;
	int64_t begun = target_now();

	for (size_t i = 0; i < n; i++) {
		set_window(c, &gs[i]);
		size += gs[i].window_hi - gs[i].window_lo;
	}
	if (size > *cap) {
		*buf = base_realloc(*buf, size);
		*cap = size;
	}
	for (size_t i = 0; i < n; i++) {
		if (!gs[i].window_hi)
			continue;
		gs[i].window = *buf + used;
		used += gs[i].window_hi - gs[i].window_lo;
		spans[k++] = (struct span){gs[i].window_lo, gs[i].window, gs[i].window_hi - gs[i].window_lo,
					   false};
	}
	target_read_spans(c->target, spans, k);
	for (size_t i = 0, j = 0; i < n; i++)
		if (gs[i].window && !spans[j++].ok)
			gs[i].window = NULL;
	c->copy_ns += target_now() - begun;
}

/* The used part of a stack, with the G if that lies on top of it; of length 0: unknown. */
static struct span used_stack(const struct collector *c, const struct raw_g *g)
{
	uint64_t lo = g->sp - RED_ZONE, end = g->in_slot ? g->addr + c->rt.sizeof_g : g->stack_hi;
	size_t n = end - lo < MAX_KEPT ? end - lo : MAX_KEPT;

	if (g->sp < RED_ZONE || g->sp < g->stack_lo || g->sp >= end)
		return (struct span){0};
	return (struct span){.addr = lo, .len = n};
}

static void keep_stacks(struct collector *c, const struct raw_g *gs, size_t n)
{
	struct span *used = base_malloc(n * sizeof used[0]);

	for (size_t i = 0; i < n; i++)
		used[i] = used_stack(c, &gs[i]);
	target_keep(c->target, used, n);
	free(used);
}

static void copy_stacks(struct collector *c, struct raw_g *gs, size_t n)
{
	for (size_t at = 0; at < n; at += BATCH) {
		unsigned char *buf = NULL;
		size_t cap = 0;

		read_windows(c, gs + at, n - at < BATCH ? n - at : BATCH, &buf, &cap);
		if (buf)
			*VEC_PUSH(&c->copies) = buf;
	}
}

/* Copies what is left of the stacks and lets a live target go on. */
static void let_go(struct collector *c, struct raw_g *gs, size_t n)
{
	if (c->options->keep)
		keep_stacks(c, gs, n);
	else
		copy_stacks(c, gs, n);
	target_resume(c->target);
	c->world->paused_ns = c->target->paused_ns;
}

/* Before goroutine `done` of n.  The pause ends when the stacks that are left have been copied: that is reckoned with. */
static bool must_let_go(const struct collector *c, size_t done, size_t n)
{
	int64_t paused, copying = done ? c->copy_ns / (int64_t)done * (int64_t)(n - done) : 0;

	if (c->target->moved_on || !c->target->stopped_at)
		return false;
	paused = target_now() - c->target->stopped_at;
	return c->options->keep || (c->options->pause_ns && paused + copying > c->options->pause_ns);
}

static bool is_late(struct collector *c, size_t done, size_t n)
{
	if (!c->options->deadline_ns || target_now() < c->options->deadline_ns)
		return false;
	c->out_of_time = true;
	if (c->options->every) {
		world_note(c->world, "out of time: %zu of %zu goroutines have stacks", done, n);
		return true;
	}
	c->world->ngoroutines = done;
	c->world->incomplete = true;
	world_note(c->world, "out of time: %zu of %zu goroutines are shown", done, n);
	return true;
}

static void make_all(struct collector *c, struct raw_g *gs, size_t n)
{
	struct world *w = c->world;
	unsigned char *buf = NULL;
	size_t cap = 0;
	struct regs_xmm xmm;
	struct regs regs;
	bool gone = false;
	uint64_t fn;
	size_t at;

	w->goroutines = arena_array(&w->arena, struct goroutine, n);
	w->ngoroutines = n;
	for (at = 0; at < n && !is_late(c, at, n); at += BATCH) {
		size_t k = n - at < BATCH ? n - at : BATCH;

		if (!gone && must_let_go(c, at, n)) {
			let_go(c, gs + at, n - at);
			gone = true;
		}
		if (!gone || c->options->keep)
			read_windows(c, gs + at, k, &buf, &cap);
		for (size_t i = 0; i < k; i++)
			make_goroutine(c, &gs[at + i], &w->goroutines[at + i]);
	}
	for (; at < w->ngoroutines; at++) {
		set_header(c, &gs[at], &w->goroutines[at]);
		set_call(c, &gs[at], &w->goroutines[at], &fn, &regs, &xmm);
		w->goroutines[at].stack.end = STACK_LIMIT;
	}
	free(buf);
}

/* Files may lack stacks: gdb's gcore stops writing a mapping at the first guard page. */
static void check_count(struct collector *c)
{
	struct rt *rt = &c->rt;
	uint64_t allp = rt_number(rt, "root.allp"), p;
	uint64_t n = 0; /* ends with the right sum, whatever goes over the edge in between */

	if (!c->target->ops->is_file || rt->p_nended == RT_NO_FIELD || rt->p_nspawned == RT_NO_FIELD)
		return;
	for (unsigned i = 0; allp && i < MAX_PS && (p = rt_read_u64(rt, allp, 8 * i)); i++)
		n += rt_read_u64(rt, p, rt->p_nspawned) - rt_read_u64(rt, p, rt->p_nended);
	if ((int64_t)n <= c->nfound)
		return;
	world_note(c->world, "%lld goroutines are missing: %s does not have the memory of their stacks%s",
		   (long long)((int64_t)n - c->nfound), c->target->name,
		   c->target->partial ? "" : " (gcore cannot write them; gorgon snapshot can)");
	if (!c->target->partial)
		c->target->partial = "stacks of goroutines are not in it (gcore cannot write them)";
}

void collect_goroutines(struct collector *c)
{
	raw_gs list = {0};

	read_ms(c);
	read_arenas(c, &list);
	read_extra(c, &list);
	check_count(c);
	VEC_SORT(&list, compare_gs);
	make_all(c, list.items, list.n);
	VEC_FREE(&list);
}
