/* SPDX-License-Identifier: MIT */
/*
 * What: the whole dump as JSON: doc/schema/dump-1.json says what each member is.
 *
 * How: one object with all goroutines and threads, each with all its frames: readers need no tables.  What is not
 * known is left out; text that is written for people is in `text`, what programs compare has members of its own.
 * Groups, who waits for whom and cycles are there too, so that no reader has to find them again.
 *
 * Invariants: addresses are text, since readers that keep numbers as doubles would change them.  The version is
 * raised when a member changes its meaning or goes; readers skip members that they do not know.
 */
#include <string.h>

#include "emit/block.h"
#include "emit/json.h"
#include "emit/style.h"

struct doc {
	const struct world *w;
	const struct emit_options *o;
	struct json j;
	struct sink text; /* for values, over and over */
};

static void put_address(struct json *j, const char *key, uint64_t x)
{
	if (x)
		json_hex(j, key, x);
}

static void put_string(struct json *j, const char *key, const char *text)
{
	if (text && text[0])
		json_str(j, key, text);
}

static void put_flag(struct json *j, const char *key, bool yes)
{
	if (yes)
		json_bool(j, key, true);
}

/* ---- arguments -------------------------------------------------------------------------------------------------- */

/* What a number, truth value or address is, for programs. */
static void put_value(struct json *j, const struct part *p)
{
	if (part_status(p) == VALUE_UNKNOWN || p->type->size > 8)
		return;
	switch (p->type->kind) {
	case TYPE_BOOL:
		json_bool(j, "value", part_uint(p) != 0);
		return;
	case TYPE_CHAR:
	case TYPE_UINT:
		json_uint(j, "value", part_uint(p));
		return;
	case TYPE_INT:
	case TYPE_ENUM:
		json_int(j, "value", part_int(p));
		return;
	case TYPE_POINTER:
	case TYPE_OTHER:
	case TYPE_WRITTEN:
		json_hex(j, "value", part_uint(p));
		return;
	default:
		return;
	}
}

static void put_arg(struct doc *d, const struct frame *f, const struct value *v)
{
	static const char *const statuses[] = {"known", "stale", "unknown"};
	struct part p = part_of(v);
	struct json *j = &d->j;

	json_object(j, NULL);
	put_string(j, "name", v->name);
	if (p.type->kind != TYPE_WRITTEN && v->type) {
		d->text.len = 0;
		typed_name(&d->text, p.type);
		if (d->text.len)
			json_strn(j, "type", d->text.buf, d->text.len);
	}
	d->text.len = 0;
	typed_value(d->w, &p, d->o, &d->text);
	json_strn(j, "text", d->text.buf, d->text.len);
	put_value(j, &p);
	if (v->status != VALUE_KNOWN && v->status <= VALUE_UNKNOWN) {
		json_str(j, "status", statuses[v->status]);
		if (v->why != WHY_NONE)
			json_str(j, "why", value_why_text((enum value_why)v->why));
	}
	put_flag(j, "at_entry", is_old(f, v));
	json_end(j);
}

static void put_args(struct doc *d, const struct frame *f)
{
	if (!f->nargs && !(f->place && f->place->has_debug_info))
		return; /* nothing is known of them */
	json_array(&d->j, "args");
	for (uint16_t i = 0; i < f->nargs && d->o->args != ARGS_NONE; i++)
		put_arg(d, f, &f->args[i]);
	json_end(&d->j);
	put_flag(&d->j, "more_args", f->is_variadic);
}

/* ---- stacks ----------------------------------------------------------------------------------------------------- */

static void put_frame_place(struct doc *d, const struct frame *f)
{
	const struct place *at = f->place;
	uint64_t offset = at->entry && f->pc > at->entry ? f->pc - at->entry : f->offset;
	struct json *j = &d->j;

	put_string(j, "function", at->function);
	put_string(j, "file", at->file);
	if (at->line > 0)
		json_int(j, "line", at->line);
	if (!at->is_inlined && offset)
		json_uint(j, "offset", offset);
	put_string(j, "module", at->module);
	if (at->module && f->pc)
		json_hex(j, "module_offset", f->pc - at->module_base);
	if (!(d->w->is_text && at->module))
		put_address(j, "pc", f->pc);
	put_address(j, "entry", at->entry);
	put_flag(j, "inlined", at->is_inlined);
	put_flag(j, "runtime", at->is_runtime);
}

static void put_frame_json(struct doc *d, const struct frame *f)
{
	static const char *const kinds[] = {NULL, "signal", "tail call"};
	struct json *j = &d->j;

	json_object(j, NULL);
	if (f->place)
		put_frame_place(d, f);
	else
		put_address(j, "pc", f->pc);
	put_address(j, "cfa", f->cfa);
	if (f->kind > FRAME_NORMAL && f->kind <= FRAME_TAIL)
		json_str(j, "kind", kinds[f->kind]);
	put_flag(j, "guessed", f->guessed);
	put_args(d, f);
	json_end(j);
}

static void put_stack_json(struct doc *d, const struct stack *st)
{
	static const char *const ends[] = {"complete", "fresh",   "no unwind tables", "unreadable memory",
					   "damaged",  "running", "too many frames"};
	struct json *j = &d->j;

	json_array(j, "frames");
	for (uint32_t i = 0; i < st->nframes; i++)
		put_frame_json(d, &st->frames[i]);
	json_end(j);
	if (st->nelided) {
		json_object(j, "elided");
		json_uint(j, "before_frame", st->elide_at);
		json_uint(j, "frames", st->nelided);
		json_end(j);
	}
	if ((size_t)st->end < sizeof ends / sizeof ends[0])
		json_str(j, "stack_end", ends[st->end]);
}

/* ---- who runs --------------------------------------------------------------------------------------------------- */

static void put_labels(struct json *j, const struct goroutine *g)
{
	if (!g->nlabels)
		return;
	json_array(j, "labels");
	for (uint32_t i = 0; i < g->nlabels; i++) {
		json_object(j, NULL);
		json_str(j, "key", g->labels[i].key ? g->labels[i].key : "");
		json_str(j, "value", g->labels[i].value ? g->labels[i].value : "");
		json_end(j);
	}
	json_end(j);
}

static void put_creator(struct json *j, const struct goroutine *g)
{
	if (!g->go_func && !g->creator && !g->go_file)
		return;
	json_object(j, "created_by");
	put_string(j, "function", g->go_func);
	if (g->creator)
		json_int(j, "goroutine", g->creator);
	put_string(j, "file", g->go_file);
	if (g->go_line > 0)
		json_int(j, "line", g->go_line);
	json_end(j);
}

static void put_verdict(struct json *j, const struct goroutine *g)
{
	put_string(j, "verdict", verdict_text(g->verdict));
	if (!g->nblockers)
		return;
	json_array(j, "blocked_by");
	for (uint32_t i = 0; i < g->nblockers; i++) {
		json_object(j, NULL);
		json_int(j, "goroutine", g->blockers[i].goid);
		put_flag(j, "ended", g->blockers[i].ended);
		put_flag(j, "first_in_line", g->blockers[i].waits);
		json_end(j);
	}
	json_end(j);
}

static void put_goroutine(struct doc *d, const struct goroutine *g)
{
	static const char *const statuses[] = {"dead",    "runnable", "running",
					       "syscall", "waiting",  "unreadable"};
	struct json *j = &d->j;

	json_object(j, NULL);
	json_int(j, "id", g->id);
	json_str(j, "status",
		 (size_t)g->status < sizeof statuses / sizeof statuses[0] ? statuses[g->status] : "dead");
	json_str(j, "state", goroutine_state(g));
	if (g->waited_ns > 0)
		json_int(j, "waited_ns", g->waited_ns);
	put_address(j, "waits_on", g->wait_obj);
	put_verdict(j, g);
	put_flag(j, "culprit", g->is_culprit);
	put_flag(j, "main", g->is_main);
	put_flag(j, "system", g->is_system);
	put_flag(j, "foreign", g->is_foreign);
	put_flag(j, "locked_to_thread", g->locked_to_thread);
	put_address(j, "addr", g->addr);
	if (g->m_id >= 0)
		json_int(j, "m", g->m_id);
	if (g->tid)
		json_int(j, "tid", g->tid);
	put_labels(j, g);
	put_string(j, "entry", g->entry);
	put_stack_json(d, &g->stack);
	put_creator(j, g);
	json_end(j);
}

static void put_thread(struct doc *d, const struct thread *t)
{
	static const char *const states[] = {"running", "futex wait", "syscall", "did not stop"};
	struct json *j = &d->j;

	json_object(j, NULL);
	json_int(j, "tid", t->tid);
	put_string(j, "name", t->name);
	json_str(j, "state", states[t->state & 3]);
	put_string(j, "syscall", t->syscall);
	put_flag(j, "culprit", t->is_culprit);
	put_flag(j, "runtime", t->is_runtime);
	put_stack_json(d, &t->stack);
	json_end(j);
}

/* ---- what follows from it --------------------------------------------------------------------------------------- */

static void put_groups(struct doc *d, struct world *w)
{
	struct group *groups;
	size_t n = analyse_groups(w, d->o->group ? d->o->similar : SIMILAR_LINES, &groups);
	struct json *j = &d->j;

	json_array(j, "groups");
	for (size_t i = 0; i < n; i++) {
		json_array(j, NULL);
		for (size_t k = 0; k < groups[i].n; k++)
			json_int(j, NULL, w->goroutines[groups[i].members[k]].id);
		json_end(j);
	}
	json_end(j);
}

static void put_waits(struct doc *d, struct world *w)
{
	struct wait_graph g;
	struct json *j = &d->j;

	analyse_waits(w, &g);
	json_array(j, "waits");
	for (size_t i = 0; i < g.nedges; i++) {
		json_object(j, NULL);
		json_int(j, "goroutine", w->goroutines[g.edges[i].from].id);
		json_int(j, "for", w->goroutines[g.edges[i].to].id);
		json_str(j, "kind",
			 g.edges[i].kind == FACT_RWMUTEX ? "rwmutex"
			 : g.edges[i].kind == FACT_ONCE  ? "once"
							 : "mutex");
		put_address(j, "object", g.edges[i].obj);
		json_end(j);
	}
	json_end(j);
	json_array(j, "cycles");
	for (size_t i = 0; i < g.ncycles; i++) {
		json_array(j, NULL);
		for (size_t k = 0; k < g.cycles[i].n; k++)
			json_int(j, NULL, w->goroutines[g.cycles[i].members[k]].id);
		json_end(j);
	}
	json_end(j);
}

/* ---- the document ----------------------------------------------------------------------------------------------- */

static void put_signal(struct json *j, const struct world *w)
{
	if (!w->signal)
		return;
	json_object(j, "signal");
	json_int(j, "number", w->signal);
	json_int(j, "code", w->signal_code);
	json_hex(j, "addr", w->signal_addr);
	json_hex(j, "pc", w->signal_pc);
	if (w->signal_sender) {
		json_int(j, "sender_pid", w->signal_sender);
		json_uint(j, "sender_uid", w->signal_uid);
	}
	json_end(j);
}

static void put_registers(struct json *j, const struct world *w)
{
	static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
					    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip"};

	if (!w->has_registers)
		return;
	json_object(j, "registers");
	for (int i = 0; i < 17; i++)
		json_hex(j, names[i], w->registers[i]);
	json_end(j);
}

static void put_about(struct json *j, const struct world *w)
{
	json_str(j, "schema", "gorgon-dump-1");
	put_string(j, "origin", w->origin);
	if (w->pid)
		json_int(j, "pid", w->pid);
	put_string(j, "program", w->exe);
	json_bool(j, "has_runtime", w->has_runtime);
	put_flag(j, "from_text", w->is_text);
	put_flag(j, "leaks_checked", w->leaks_checked);
	if (w->paused_ns)
		json_int(j, "paused_ns", w->paused_ns);
	put_string(j, "message", w->message);
	put_signal(j, w);
	put_registers(j, w);
}

void emit_json(struct world *w, const struct emit_options *o, bool one_line, struct sink *s)
{
	struct doc d = {.w = w, .o = o};
	struct json *j = &d.j;

	*j = json_begin(s);
	j->compact = one_line;
	sink_init_memory(&d.text);
	json_object(j, NULL);
	put_about(j, w);
	json_array(j, "goroutines");
	for (size_t i = 0; i < w->ngoroutines; i++)
		if (shows_goroutine(&w->goroutines[i], o))
			put_goroutine(&d, &w->goroutines[i]);
	json_end(j);
	json_array(j, "threads");
	for (size_t i = 0; i < w->nthreads; i++)
		if (shows_thread(w, &w->threads[i], o))
			put_thread(&d, &w->threads[i]);
	json_end(j);
	put_groups(&d, w);
	put_waits(&d, w);
	json_array(j, "notes");
	for (size_t i = 0; i < w->nnotes; i++)
		json_str(j, NULL, w->notes[i]);
	json_end(j);
	json_end(j);
	sink_deinit(&d.text);
}
