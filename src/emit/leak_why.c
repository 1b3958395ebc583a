/* SPDX-License-Identifier: MIT */
/*
 * What: why a goroutine is blocked for ever, in words: what it waits for, where that was made, who used it last and
 * what became of them; of a deadlock, who waits for whom.
 *
 * Invariants: nothing is said that is not known.  A goroutine that is not in the list has ended only if the list is
 * complete.
 */
#include <string.h>

#include "emit/leaks.h"
#include "emit/style.h"

enum { MAX_STEPS = 12 };

void put_clean(struct sink *s, const char *text)
{
	sink_clean(s, text, strlen(text), 0);
}

static void put_place(struct sink *s, const char *file, int line)
{
	put_clean(s, file);
	if (line > 0) {
		sink_char(s, ':');
		sink_dec(s, line);
	}
}

/* " at f.c:12", or " in f" where there are no lines, or nothing. */
static void put_at(struct sink *s, const struct place *p)
{
	if (p && p->file && p->line) {
		sink_str(s, " at ");
		put_place(s, p->file, p->line);
	} else if (p && p->function) {
		sink_str(s, " in ");
		put_clean(s, p->function);
	}
}

static void put_goroutine(struct sink *s, int64_t goid)
{
	sink_str(s, "goroutine ");
	sink_dec(s, goid);
}

/* Not more exactly than it helps. */
static void put_ago(struct sink *s, int64_t ns)
{
	int64_t unit = ns >= 60000000000 ? 1000000000 : ns >= 1000000000 ? 100000000 : 1000000;

	if (ns >= unit)
		ns -= ns % unit;
	sink_char(s, ' ');
	put_duration(s, ns);
	sink_str(s, " ago");
}

static void put_started(struct sink *s, const char *func, const char *file, int line)
{
	if (!file)
		return;
	sink_str(s, ", started");
	if (func && *func) {
		sink_str(s, " by ");
		put_clean(s, func);
	}
	sink_str(s, " at ");
	put_place(s, file, line);
}

static void put_gone(const struct world *w, int64_t goid, struct sink *s)
{
	const struct ended *e = world_ended(w, goid);

	if (!e) {
		sink_str(s, w->incomplete ? "" : ", which has ended");
		return;
	}
	put_started(s, e->go_func, e->go_file, e->go_line);
	sink_str(s, ", which ended");
	if (e->ago_ns)
		put_ago(s, e->ago_ns);
}

/* "goroutine 9, started by main at f.c:31, which ended 2.1s ago" */
static void put_partner(const struct world *w, int64_t goid, struct sink *s)
{
	const struct goroutine *g = world_goroutine(w, goid);

	put_goroutine(s, goid);
	if (!g) {
		put_gone(w, goid, s);
		return;
	}
	sink_str(s, g->status == GOROUTINE_WAITING ? ", now in " : ", now ");
	put_clean(s, goroutine_state(g));
	put_at(s, leak_place(&g->stack));
	if (g->verdict == VERDICT_LEAKED || g->verdict == VERDICT_DEADLOCKED) {
		sink_str(s, g->verdict == VERDICT_LEAKED ? ", leaked" : ", deadlocked");
		sink_str(s, " too");
	}
}

/* ---- objects -------------------------------------------------------------------------------------------------- */

static enum fact_kind kind_of(const struct goroutine *g)
{
	static const struct {
		const char *reason;
		enum fact_kind kind;
	} kinds[] = {
		{"sync.Mutex.Lock", FACT_MUTEX},
		{"sync.RWMutex.RLock", FACT_RWMUTEX},
		{"sync.RWMutex.Lock", FACT_RWMUTEX},
		{"sync.Once.Do", FACT_ONCE},
		{"sync.WaitGroup.Wait", FACT_WAITGROUP},
		{"sync.Cond.Wait", FACT_COND},
		{"semacquire", FACT_SEM},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(goroutine_state(g), kinds[i].reason))
			return kinds[i].kind;
	return FACT_CHAN;
}

static bool is_new(const struct leak_object *list, size_t n, uint64_t addr)
{
	for (size_t i = 0; i < n && i < LEAK_OBJECTS; i++)
		if (list[i].addr == addr)
			return false;
	return addr != 0;
}

static void add_object(const struct world *w, const struct goroutine *g, const struct select_case *c,
		       struct leak_object *ret, size_t *n)
{
	uint64_t addr = c ? c->obj : g->wait_obj;
	struct leak_object o = {.addr = addr, .fact = world_fact(w, kind_of(g), addr)};

	if (!is_new(ret, *n, addr))
		return;
	o.is_select = c != NULL;
	o.is_send = c ? c->is_send : !strcmp(goroutine_state(g), "chan send");
	if (o.fact && o.fact->bad)
		o.fact = NULL;
	if (*n < LEAK_OBJECTS)
		ret[*n] = o;
	++*n;
}

size_t leak_objects(const struct world *w, const struct leak *leak, struct leak_object ret[LEAK_OBJECTS])
{
	uint64_t last = 0;
	size_t n = 0;

	for (size_t i = 0; i < leak->group.n; i++) {
		const struct goroutine *g = &w->goroutines[leak->group.members[i]];

		/* After the first few, those that are the same one after the other count once. */
		if (g->wait_obj && (g->wait_obj != last || n < LEAK_OBJECTS))
			add_object(w, g, NULL, ret, &n);
		last = g->wait_obj;
		for (uint32_t k = 0; k < g->ncases; k++)
			add_object(w, g, &g->cases[k], ret, &n);
	}
	return n;
}

/* &lock, or 0xc000 and whose stack that is on. */
static void put_address(const struct world *w, uint64_t addr, struct sink *s)
{
	const struct fact *f = world_fact(w, FACT_SYMBOL, addr);

	if (f && !f->bad) {
		sink_char(s, '&');
		put_clean(s, f->u.symbol.name);
		if (f->u.symbol.offset) {
			sink_char(s, '+');
			sink_hex(s, f->u.symbol.offset);
		}
		return;
	}
	sink_hex(s, addr);
	for (size_t i = 0; i < w->ngoroutines; i++)
		if (addr >= w->goroutines[i].stack_lo && addr < w->goroutines[i].stack_hi) {
			sink_str(s, " on the stack of ");
			put_goroutine(s, w->goroutines[i].id);
			return;
		}
}

static void put_chan(const struct world *w, const struct fact *f, struct sink *s)
{
	if (f->u.chan.elem) {
		put_clean(s, f->u.chan.elem);
		sink_char(s, ' ');
	}
	sink_hex(s, f->addr);
	sink_printf(s, " len %llu cap %llu%s", (unsigned long long)f->u.chan.len,
		    (unsigned long long)f->u.chan.cap, f->u.chan.closed ? " closed" : "");
	if (!f->u.chan.path)
		return;
	sink_str(s, ", made at ");
	put_place(s, f->u.chan.path, f->u.chan.line);
	if (f->u.chan.maker <= 0)
		return;
	sink_str(s, " by ");
	put_goroutine(s, f->u.chan.maker);
	if (!world_goroutine(w, f->u.chan.maker))
		put_gone(w, f->u.chan.maker, s);
}

static void put_sync(const struct world *w, const struct leak_object *o, struct sink *s)
{
	static const char *const names[] = {
		[FACT_MUTEX] = "sync.Mutex",         [FACT_RWMUTEX] = "sync.RWMutex",
		[FACT_WAITGROUP] = "sync.WaitGroup", [FACT_ONCE] = "sync.Once",
		[FACT_COND] = "sync.Cond",           [FACT_SEM] = "sync.Semaphore",
	};
	const struct fact *f = o->fact;

	sink_str(s, names[f->kind]);
	sink_char(s, ' ');
	put_address(w, o->addr, s);
	if (f->kind == FACT_WAITGROUP)
		sink_printf(s, ", counter %lld", (long long)f->u.sync.count);
	if (f->kind == FACT_SEM)
		sink_printf(s, ", %lld of %lld taken", (long long)f->u.sync.count, (long long)f->u.sync.size);
}

void put_leak_object(const struct world *w, const struct leak_object *o, struct sink *s)
{
	if (!o->fact) {
		put_address(w, o->addr, s);
	} else if (o->fact->kind == FACT_CHAN) {
		sink_str(s, "chan ");
		put_chan(w, o->fact, s);
	} else {
		put_sync(w, o, s);
	}
}

/* ---- who used it ------------------------------------------------------------------------------------------------ */

static void put_use(const struct world *w, const char *what, int64_t goid, struct sink *s)
{
	sink_str(s, what);
	put_partner(w, goid, s);
	sink_char(s, '\n');
}

static void put_chan_uses(const struct world *w, const struct leak_object *o, struct sink *s)
{
	const struct fact *f = o->fact;
	int64_t partner = o->is_send ? f->u.chan.last_receiver : f->u.chan.last_sender;

	if (f->u.chan.closed && f->u.chan.closer > 0)
		put_use(w, "closed by ", f->u.chan.closer, s);
	if (partner > 0)
		put_use(w, o->is_send ? "received from last by " : "sent on last by ", partner, s);
	else if (!partner)
		sink_str(s,
			 o->is_send ? "nobody has ever received from it\n" : "nobody has ever sent on it\n");
}

/* " (taken at f.c:10 2.1s ago)" */
static void put_taken(const struct fact *f, struct sink *s)
{
	if (!f || !f->u.sync.where)
		return;
	sink_str(s, " (taken");
	put_at(s, f->u.sync.where);
	if (f->u.sync.held_ns)
		put_ago(s, f->u.sync.held_ns);
	sink_char(s, ')');
}

static void put_holders(const struct world *w, const struct fact *f, struct sink *s)
{
	if (f->u.sync.holder > 0) {
		sink_str(s, f->kind == FACT_ONCE ? "running in " : "held by ");
		put_partner(w, f->u.sync.holder, s);
		put_taken(f, s);
		sink_char(s, '\n');
	} else if (f->kind == FACT_MUTEX && f->u.sync.locked) {
		sink_str(s, "held by nobody in particular: it was disowned\n");
	}
	for (uint32_t i = 0; i < f->u.sync.nholders; i++)
		if (!f->u.sync.holders[i].is_writer)
			put_use(w, "held for reading by ", f->u.sync.holders[i].goid, s);
}

static void put_uses(const struct world *w, const struct leak_object *o, struct sink *s)
{
	const struct fact *f = o->fact;

	if (!f)
		return;
	switch (f->kind) {
	case FACT_CHAN:
		put_chan_uses(w, o, s);
		return;
	case FACT_MUTEX:
	case FACT_RWMUTEX:
	case FACT_ONCE:
		put_holders(w, f, s);
		return;
	case FACT_WAITGROUP:
		if (f->u.sync.last_taker > 0)
			put_use(w, "added to last by ", f->u.sync.last_taker, s);
		if (f->u.sync.last_giver > 0)
			put_use(w, "done last by ", f->u.sync.last_giver, s);
		else
			sink_str(s, "nobody has ever been done\n");
		return;
	case FACT_SEM:
		if (f->u.sync.last_taker > 0)
			put_use(w, "acquired last by ", f->u.sync.last_taker, s);
		if (f->u.sync.last_giver > 0)
			put_use(w, "released last by ", f->u.sync.last_giver, s);
		return;
	case FACT_COND:
		if (f->u.sync.last_giver > 0)
			put_use(w, "signalled last by ", f->u.sync.last_giver, s);
		else
			sink_str(s, "nobody has ever signalled it\n");
		return;
	default:
		return;
	}
}

static void put_objects(const struct world *w, const struct leak *leak, struct sink *s)
{
	struct leak_object list[LEAK_OBJECTS];
	size_t n = leak_objects(w, leak, list);

	for (size_t i = 0; i < n && i < LEAK_OBJECTS; i++) {
		if (list[i].is_select)
			sink_str(s, list[i].is_send ? "case send: " : "case receive: ");
		put_leak_object(w, &list[i], s);
		sink_char(s, '\n');
		put_uses(w, &list[i], s);
	}
	if (n > LEAK_OBJECTS)
		sink_printf(s, "and %zu more\n", n - LEAK_OBJECTS);
}

/* ---- deadlocks ----------------------------------------------------------------------------------------------------- */

static void put_step(const struct world *w, const struct leak_step *st, struct sink *s)
{
	struct leak_object o = {.addr = st->waiter->wait_obj};

	o.fact = world_fact(w, kind_of(st->waiter), o.addr);
	if (o.fact && o.fact->bad)
		o.fact = NULL;
	put_goroutine(s, st->waiter->id);
	sink_str(s, " waits for ");
	put_leak_object(w, &o, s);
	put_at(s, leak_place(&st->waiter->stack));
	sink_str(s, st->blocker->waits                    ? ", behind "
		    : o.fact && o.fact->kind == FACT_ONCE ? ", run by "
							  : ", held by ");
	put_goroutine(s, st->blocker->goid);
	if (st->blocker->waits)
		sink_str(s, ", which is first in line for writing");
	else if (o.fact && o.fact->u.sync.holder == st->blocker->goid)
		put_taken(o.fact, s);
	if (st->blocker->ended)
		put_gone(w, st->blocker->goid, s);
	sink_char(s, '\n');
}

static void put_steps(const struct world *w, const struct leak *leak, struct sink *s)
{
	const struct leak_step *last = &leak->steps[leak->nsteps - 1];

	for (uint32_t i = 0; i < leak->nsteps; i++) {
		if (leak->nsteps > MAX_STEPS && i == MAX_STEPS / 2) {
			sink_printf(s, "...%u more...\n", leak->nsteps - MAX_STEPS);
			i = leak->nsteps - MAX_STEPS / 2;
		}
		put_step(w, &leak->steps[i], s);
	}
	if (leak->cycle < leak->nsteps || !last->holder || last->holder->nblockers)
		return;
	put_goroutine(s, last->holder->id);
	sink_str(s, " is blocked for ever in ");
	put_clean(s, goroutine_state(last->holder));
	put_at(s, leak_place(&last->holder->stack));
	sink_char(s, '\n');
}

/* ---- the sentence -------------------------------------------------------------------------------------------------- */

struct phrase {
	const char *reason, *one, *many;
};

static const struct phrase phrases[] = {
	{"chan receive", "waits to receive from a channel", "wait to receive from a channel"},
	{"chan send", "waits to send on a channel", "wait to send on a channel"},
	{"chan receive (nil chan)", "receives from a nil channel", "receive from a nil channel"},
	{"chan send (nil chan)", "sends on a nil channel", "send on a nil channel"},
	{"select", "waits in a select", "wait in a select"},
	{"select (no cases)", "waits in a select without cases", "wait in a select without cases"},
	{"sync.Mutex.Lock", "waits for a lock", "wait for a lock"},
	{"sync.RWMutex.RLock", "waits to lock for reading", "wait to lock for reading"},
	{"sync.RWMutex.Lock", "waits to lock for writing", "wait to lock for writing"},
	{"sync.WaitGroup.Wait", "waits for a wait group", "wait for a wait group"},
	{"sync.Cond.Wait", "waits for a condition", "wait for a condition"},
	{"semacquire", "waits for a semaphore", "wait for a semaphore"},
	{"sync.Once.Do", "waits for a once", "wait for a once"},
	{"singleflight.Do", "waits for a call of singleflight", "wait for a call of singleflight"},
};

/* A wait for nothing at all. */
static bool is_for_nothing(const struct goroutine *g)
{
	const char *state = goroutine_state(g);

	return strstr(state, "(nil chan)") || strstr(state, "(no cases)");
}

/* on_several: they do not all wait for the same thing. */
static void put_subject(const struct leak *leak, bool on_several, struct sink *s)
{
	const char *state = goroutine_state(leak->g);

	if (leak->group.n > 1)
		sink_printf(s, "%zu goroutines ", leak->group.n);
	else
		sink_printf(s, "goroutine %lld ", (long long)leak->g->id);
	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (!strcmp(state, phrases[i].reason)) {
			sink_str(s, leak->group.n > 1 ? phrases[i].many : phrases[i].one);
			sink_str(s, on_several ? " each" : "");
			return;
		}
	sink_str(s, leak->group.n > 1 ? "are in " : "is in ");
	put_clean(s, state);
}

/* Who is on a circle, if that is all there is. */
static bool put_circle(const struct leak *leak, struct sink *s)
{
	if (!leak->nsteps || leak->cycle || leak->nsteps > MAX_STEPS)
		return false;
	if (leak->nsteps == 1) {
		put_goroutine(s, leak->g->id);
		sink_str(s, " waits for a lock that it holds itself\n");
		return true;
	}
	sink_str(s, "goroutines ");
	for (uint32_t i = 0; i < leak->nsteps; i++) {
		sink_str(s, !i ? "" : i + 1 < leak->nsteps ? ", " : " and ");
		sink_dec(s, leak->steps[i].waiter->id);
	}
	sink_str(s, " wait for each other in a circle\n");
	return true;
}

static void put_sentence(const struct world *w, const struct leak *leak, struct sink *s)
{
	struct leak_object list[LEAK_OBJECTS];
	bool is_select = leak->g->ncases > 0, is_many = leak->group.n > 1;

	if (leak->g->verdict == VERDICT_DEADLOCKED && put_circle(leak, s))
		return;
	put_subject(leak, is_many && !is_select && leak_objects(w, leak, list) > 1, s);
	switch (leak->g->verdict) {
	case VERDICT_LEAKED:
		sink_str(s, is_for_nothing(leak->g) ? ", which never ends"
			    : is_select ? ", and nobody who can still run can reach any of its channels"
					: ", which nobody who can still run can reach");
		break;
	case VERDICT_DEADLOCKED:
		sink_str(s, ", which will never be released");
		break;
	case VERDICT_STUCK:
		sink_str(s, ", which can still be reached: this is no proof");
		break;
	case VERDICT_LINGERING:
		sink_str(s,
			 is_many ? "; they were still there at the end" : "; it was still there at the end");
		break;
	case VERDICT_NONE:
		break;
	}
	sink_char(s, '\n');
}

void emit_leak_why(const struct leaks *l, const struct leak *leak, struct sink *s)
{
	const struct world *w = l->world;

	put_sentence(w, leak, s);
	if (leak->nsteps)
		put_steps(w, leak, s);
	else
		put_objects(w, leak, s);
	if (leak->known)
		sink_str(s, "it was there before: it is in the baseline\n");
}
