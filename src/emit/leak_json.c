/* SPDX-License-Identifier: MIT */
/* What: leaks for programs: doc/schema/leaks-1.json.  Fields are only ever added within a version. */
#include <string.h>

#include "emit/leaks.h"

static void put_goroutines(const struct leaks *l, const struct leak *leak, struct json *j)
{
	json_array(j, "goroutines");
	for (size_t i = 0; i < leak->group.n; i++) {
		const struct goroutine *g = &l->world->goroutines[leak->group.members[i]];

		json_object(j, NULL);
		json_int(j, "id", g->id);
		json_int(j, "waited_ns", g->waited_ns);
		if (g->wait_obj)
			json_hex(j, "waits_for", g->wait_obj);
		json_object(j, "labels");
		for (uint32_t k = 0; k < g->nlabels; k++)
			json_str(j, g->labels[k].key, g->labels[k].value);
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void put_place(const char *key, const char *func, const char *file, int line, struct json *j)
{
	json_object(j, key);
	json_str(j, "function", func);
	json_str(j, "file", file);
	json_int(j, "line", line);
}

static void put_frame(const struct world *w, const struct frame *f, const struct emit_options *o,
		      struct json *j)
{
	const struct place *p = f->place;
	struct sink args;

	put_place(NULL, p ? p->function : NULL, p ? p->file : NULL, p ? p->line : 0, j);
	json_str(j, "module", p ? p->module : NULL);
	if (f->pc)
		json_hex(j, "pc", f->pc);
	json_bool(j, "inlined", p && p->is_inlined);
	json_bool(j, "runtime", p && p->is_runtime);
	sink_init_memory(&args);
	emit_args(w, f, o, &args);
	json_str(j, "arguments", sink_text(&args));
	sink_deinit(&args);
	json_end(j);
}

static void put_stack(const struct leaks *l, const struct leak *leak, const struct emit_options *o,
		      struct json *j)
{
	json_array(j, "stack");
	for (uint32_t i = 0; i < leak->g->stack.nframes; i++)
		put_frame(l->world, &leak->g->stack.frames[i], o, j);
	json_end(j);
	if (!leak->g->go_func)
		return;
	put_place("created_by", leak->g->go_func, leak_file(leak, leak->g->go_file), leak->g->go_line, j);
	json_int(j, "goroutine", leak->g->creator);
	json_end(j);
}

/* A goroutine that did something, and what has become of it. */
static void put_user(const struct world *w, const char *key, int64_t goid, struct json *j)
{
	const struct goroutine *g = goid > 0 ? world_goroutine(w, goid) : NULL;
	const struct ended *e = goid > 0 && !g ? world_ended(w, goid) : NULL;

	if (goid <= 0)
		return;
	json_object(j, key);
	json_int(j, "id", goid);
	json_str(j, "state", g ? goroutine_state(g) : e || !w->incomplete ? "ended" : "unknown");
	if (e) {
		put_place("started", e->go_func, e->go_file, e->go_line, j);
		json_end(j);
		json_int(j, "ended_ago_ns", e->ago_ns);
	}
	json_end(j);
}

static void put_chan(const struct world *w, const struct fact *f, struct json *j)
{
	json_str(j, "type", f->u.chan.elem);
	json_uint(j, "len", f->u.chan.len);
	json_uint(j, "cap", f->u.chan.cap);
	json_bool(j, "closed", f->u.chan.closed);
	if (f->u.chan.path) {
		put_place("made", f->u.chan.func, f->u.chan.path, f->u.chan.line, j);
		json_int(j, "goroutine", f->u.chan.maker);
		json_end(j);
	}
	put_user(w, "last_sender", f->u.chan.last_sender, j);
	put_user(w, "last_receiver", f->u.chan.last_receiver, j);
	put_user(w, "closer", f->u.chan.closer, j);
}

static void put_sync(const struct world *w, const struct fact *f, struct json *j)
{
	put_user(w, "holder", f->u.sync.holder, j);
	if (f->u.sync.where) {
		put_place("taken", f->u.sync.where->function, f->u.sync.where->file, f->u.sync.where->line,
			  j);
		json_end(j);
		json_int(j, "held_ns", f->u.sync.held_ns);
	}
	if (f->u.sync.nholders) {
		json_array(j, "holders");
		for (uint32_t i = 0; i < f->u.sync.nholders; i++)
			put_user(w, NULL, f->u.sync.holders[i].goid, j);
		json_end(j);
	}
	if (f->kind == FACT_WAITGROUP || f->kind == FACT_SEM)
		json_int(j, "count", f->u.sync.count);
	put_user(w, "last_taker", f->u.sync.last_taker, j);
	put_user(w, "last_giver", f->u.sync.last_giver, j);
}

static const char *kind_name(const struct fact *f)
{
	static const char *const names[] = {
		[FACT_CHAN] = "chan",           [FACT_MUTEX] = "mutex", [FACT_RWMUTEX] = "rwmutex",
		[FACT_WAITGROUP] = "waitgroup", [FACT_ONCE] = "once",   [FACT_COND] = "cond",
		[FACT_SEM] = "semaphore",
	};

	return f && f->kind < sizeof names / sizeof names[0] && names[f->kind] ? names[f->kind] : "unknown";
}

static void put_objects(const struct world *w, const struct leak *leak, struct json *j)
{
	struct leak_object list[LEAK_OBJECTS];
	size_t n = leak_objects(w, leak, list);

	json_array(j, "objects");
	for (size_t i = 0; i < n && i < LEAK_OBJECTS; i++) {
		const struct fact *f = list[i].fact, *symbol = world_fact(w, FACT_SYMBOL, list[i].addr);

		json_object(j, NULL);
		json_str(j, "kind", kind_name(f));
		json_hex(j, "address", list[i].addr);
		if (symbol && !symbol->bad)
			json_str(j, "symbol", symbol->u.symbol.name);
		if (f && f->kind == FACT_CHAN)
			put_chan(w, f, j);
		else if (f)
			put_sync(w, f, j);
		json_end(j);
	}
	json_end(j);
	json_uint(j, "objects_total", n);
}

static void put_chain(const struct leak *leak, struct json *j)
{
	if (!leak->nsteps)
		return;
	json_array(j, "chain");
	for (uint32_t i = 0; i < leak->nsteps; i++) {
		const struct leak_step *st = &leak->steps[i];

		json_object(j, NULL);
		json_int(j, "waiter", st->waiter->id);
		json_hex(j, "waits_for", st->waiter->wait_obj);
		json_int(j, "holder", st->blocker->goid);
		json_bool(j, "holder_ended", st->blocker->ended);
		json_bool(j, "holder_waits_to_write", st->blocker->waits);
		json_end(j);
	}
	json_end(j);
	if (leak->cycle < leak->nsteps)
		json_uint(j, "cycle_begins", leak->cycle);
}

static void put_why(const struct leaks *l, const struct leak *leak, struct json *j)
{
	struct sink lines;

	sink_init_memory(&lines);
	emit_leak_why(l, leak, &lines);
	json_array(j, "why");
	for (const char *at = sink_text(&lines); *at; at += strcspn(at, "\n") + 1)
		json_strn(j, NULL, at, strcspn(at, "\n"));
	json_end(j);
	sink_deinit(&lines);
}

static void put_leak(const struct leaks *l, const struct leak *leak, const struct emit_options *o,
		     struct json *j)
{
	json_object(j, NULL);
	json_str(j, "verdict", verdict_text(leak->g->verdict));
	json_str(j, "reason", goroutine_state(leak->g));
	json_str(j, "fingerprint", leak->fingerprint);
	json_str(j, "status", leak->rule ? "suppressed" : leak->known ? "known" : "new");
	if (leak->rule)
		json_str(j, "suppressed_by", leak->rule->name);
	json_bool(j, "fails", !leak->rule && !leak->known && l->fail_on & 1u << leak->g->verdict);
	json_uint(j, "count", leak->group.n);
	put_why(l, leak, j);
	put_stack(l, leak, o, j);
	put_objects(l->world, leak, j);
	put_chain(leak, j);
	put_goroutines(l, leak, j);
	json_end(j);
}

static void put_counts(const struct leaks *l, struct json *j)
{
	json_object(j, "counts");
	for (int v = VERDICT_LEAKED; v <= VERDICT_LINGERING; v++)
		json_uint(j, verdict_text((enum verdict)v), l->counts[v]);
	json_uint(j, "known", l->known);
	json_uint(j, "suppressed", l->suppressed);
	json_uint(j, "failing", leaks_failing(l));
	json_end(j);
}

static void put_rules(const struct rules *r, struct json *j)
{
	json_array(j, "suppressions");
	for (size_t i = 0; r && i < r->n; i++) {
		json_object(j, NULL);
		json_str(j, "name", r->items[i].name);
		json_str(j, "file", r->path);
		json_int(j, "line", r->items[i].line);
		json_uint(j, "matched", r->items[i].matched);
		json_end(j);
	}
	json_end(j);
}

static void put_ending(const struct leaks *l, const struct emit_options *o, struct json *j)
{
	const struct stack *st = ending_stack(l);

	if (l->ending.kind == ENDING_UNTOLD)
		return;
	json_object(j, "ending");
	json_str(j, "kind", ending_name(l->ending.kind));
	json_bool(j, "fails", ending_fails(&l->ending));
	json_str(j, "text", l->ending.text);
	json_array(j, "stack");
	for (uint32_t i = 0; st && i < st->nframes; i++)
		put_frame(l->world, &st->frames[i], o, j);
	json_end(j);
	json_end(j);
}

void emit_leaks_json(const struct leaks *l, const struct emit_options *o, struct sink *s)
{
	struct json j = json_begin(s);

	json_object(&j, NULL);
	json_str(&j, "schema", "gorgon-leaks-1");
	json_str(&j, "gorgon", PACKAGE_VERSION);
	json_str(&j, "origin", l->world->origin);
	json_str(&j, "program", l->world->exe);
	json_int(&j, "pid", l->world->pid);
	json_uint(&j, "goroutines", l->world->ngoroutines);
	put_ending(l, o, &j);
	put_counts(l, &j);
	json_array(&j, "leaks");
	for (size_t i = 0; i < l->n; i++)
		put_leak(l, &l->items[i], o, &j);
	json_end(&j);
	put_rules(l->rules, &j);
	json_array(&j, "notes");
	for (size_t i = 0; i < l->world->nnotes; i++)
		json_str(&j, NULL, l->world->notes[i]);
	json_end(&j);
	json_end(&j);
}
