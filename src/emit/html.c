/* SPDX-License-Identifier: MIT */
/*
 * What: the dump as a page for a browser: one file that needs nothing else, no network, no server.
 *
 * How: the fixed parts (page.c), and between them the data as JSON in tables, since ten thousand goroutines say the
 * same few things: places and arguments are there once and named by their index, goroutines stand in their groups.
 * The script makes elements for what is looked at only.
 *
 * Invariants: nothing of the program is markup.  In the data every < is written as an escape, so that no text can
 * end the element that it stands in; what stands in the body is escaped; the page forbids itself to load anything.
 */
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "emit/block.h"
#include "emit/json.h"
#include "emit/page.h"
#include "emit/style.h"

struct known {
	struct known *next;
	uint64_t id;
	size_t n;
	char text[];
};

struct page {
	struct world *w;
	const struct emit_options *o;
	struct json j;
	struct table places; /* address of the place to its index plus one */
	VEC(const struct place *) place_list;
	struct table texts; /* of arguments, by hash */
	VEC(const struct known *) text_list;
	struct sink scratch;
	uint64_t total;
};

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static uint64_t place_index(struct page *p, const struct place *at)
{
	static const struct place nowhere;
	void **slot;

	at = at ? at : &nowhere;
	slot = table_slot(&p->places, (uint64_t)(uintptr_t)at);
	if (!*slot) {
		*VEC_PUSH(&p->place_list) = at;
		*slot = (void *)p->place_list.n;
	}
	return (uint64_t)(uintptr_t)*slot - 1;
}

static uint64_t hash(const char *p, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3ULL;
	return table_mix(h, n);
}

/* Of the text in p->scratch. */
static uint64_t text_index(struct page *p)
{
	size_t n = p->scratch.len;
	void **slot = table_slot(&p->texts, hash(p->scratch.buf, n));
	struct known *k = *slot;

	while (k && (k->n != n || memcmp(k->text, p->scratch.buf, n) != 0))
		k = k->next;
	if (k)
		return k->id;
	k = arena_alloc(&p->w->arena, sizeof *k + n);
	k->next = *slot;
	k->id = p->text_list.n;
	k->n = n;
	memcpy(k->text, p->scratch.buf, n);
	*slot = k;
	*VEC_PUSH(&p->text_list) = k;
	return k->id;
}

static uint64_t args_index(struct page *p, const struct frame *f)
{
	struct frame placed = *f;
	static const struct place nowhere;

	if (!placed.place)
		placed.place = &nowhere;
	p->scratch.len = 0;
	emit_args(p->w, &placed, p->o, &p->scratch);
	return text_index(p);
}

/* ---- stacks ----------------------------------------------------------------------------------------------------- */

/* [[place, offset], ...], [before which frame, how many are left out], where it ends */
static void put_stack_of(struct page *p, const struct stack *st, bool is_goroutine)
{
	struct json *j = &p->j;

	json_array(j, NULL);
	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct frame *f = &st->frames[i];
		const struct place *at = f->place;
		uint64_t offset = at && at->entry && f->pc > at->entry ? f->pc - at->entry : f->offset;

		json_array(j, NULL);
		json_uint(j, NULL, place_index(p, at));
		json_uint(j, NULL, at && at->is_inlined ? 0 : offset);
		json_end(j);
	}
	json_end(j);
	json_array(j, NULL);
	json_uint(j, NULL, st->elide_at);
	json_uint(j, NULL, st->nelided);
	json_end(j);
	p->scratch.len = 0;
	put_stack_end(st, is_goroutine, p->o, &p->scratch);
	while (p->scratch.len && p->scratch.buf[p->scratch.len - 1] == '\n')
		p->scratch.len--;
	json_strn(j, NULL, p->scratch.buf, p->scratch.len);
}

static void put_args_of(struct page *p, const struct stack *st)
{
	json_array(&p->j, NULL);
	for (uint32_t i = 0; i < st->nframes; i++)
		json_uint(&p->j, NULL, args_index(p, &st->frames[i]));
	json_end(&p->j);
}

/* ---- goroutines ------------------------------------------------------------------------------------------------- */

static void put_labels_of(struct page *p, const struct goroutine *g)
{
	p->scratch.len = 0;
	for (uint32_t i = 0; i < g->nlabels; i++) {
		sink_str(&p->scratch, i ? ", " : "");
		sink_str(&p->scratch, g->labels[i].key ? g->labels[i].key : "");
		sink_str(&p->scratch, ": ");
		sink_str(&p->scratch, g->labels[i].value ? g->labels[i].value : "");
	}
	json_strn(&p->j, NULL, p->scratch.buf, p->scratch.len);
}

static bool same_args(const struct stack *a, const struct stack *b)
{
	for (uint32_t i = 0; i < a->nframes; i++)
		if (a->frames[i].args != b->frames[i].args)
			return false;
	return true;
}

/* [id, ms waited, creator, labels, flags, arguments or 0] */
static void put_member(struct page *p, const struct goroutine *g, const struct goroutine *first)
{
	struct json *j = &p->j;

	json_array(j, NULL);
	json_int(j, NULL, g->id);
	json_int(j, NULL, g->waited_ns / 1000000);
	json_int(j, NULL, g->creator);
	put_labels_of(p, g);
	json_str(j, NULL,
		 g->is_main            ? "main"
		 : g->locked_to_thread ? "locked to thread"
		 : g->is_system        ? "system"
		 : g->is_foreign       ? "foreign thread"
				       : "");
	if (g != first && (g->stack.nframes != first->stack.nframes || same_args(&g->stack, &first->stack)))
		json_int(j, NULL, 0);
	else
		put_args_of(p, &g->stack);
	json_end(j);
}

static void put_creator_of(struct page *p, const struct goroutine *g)
{
	if (!g->go_func) {
		json_int(&p->j, NULL, 0);
		return;
	}
	json_array(&p->j, NULL);
	json_str(&p->j, NULL, g->go_func);
	p->scratch.len = 0;
	put_file(g->go_file, g->go_line, p->o, &p->scratch);
	json_strn(&p->j, NULL, p->scratch.buf, p->scratch.len);
	json_end(&p->j);
}

static void put_group(struct page *p, const struct group *gr)
{
	const struct goroutine *g = &p->w->goroutines[gr->first];
	struct json *j = &p->j;
	struct stack merged;

	json_array(j, NULL);
	json_str(j, NULL, goroutine_state(g));
	json_str(j, NULL, g->status == GOROUTINE_RUNNING || g->is_culprit ? "running" : "");
	json_str(j, NULL, g->verdict ? verdict_text(g->verdict) : "");
	json_int(j, NULL, g->is_culprit);
	put_stack_of(p, &g->stack, true);
	put_creator_of(p, g);
	json_array(j, NULL);
	for (size_t k = 0; k < gr->n; k++)
		put_member(p, &p->w->goroutines[gr->members[k]], g);
	json_end(j);
	if (gr->n > 1) {
		merged = crowd_stack(p->w, gr);
		put_args_of(p, &merged);
	}
	json_end(j);
	p->total += gr->n;
}

static void put_groups(struct page *p)
{
	struct group *groups;
	size_t n = analyse_groups(p->w, SIMILAR_LINES, &groups);

	json_array(&p->j, "groups");
	for (size_t i = 0; i < n; i++)
		if (shows_goroutine(&p->w->goroutines[groups[i].first], p->o))
			put_group(p, &groups[i]);
	json_end(&p->j);
	json_uint(&p->j, "total", p->total);
}

/* [tid, name, state, frames, gap, end, arguments] */
static void put_threads(struct page *p)
{
	static const char *const states[] = {"running", "futex wait", "in syscall", "did not stop"};
	struct json *j = &p->j;

	json_array(j, "threads");
	for (size_t i = 0; i < p->w->nthreads; i++) {
		const struct thread *t = &p->w->threads[i];

		if (!shows_thread(p->w, t, p->o))
			continue;
		json_array(j, NULL);
		json_int(j, NULL, t->tid);
		json_str(j, NULL, t->name ? t->name : "");
		json_str(j, NULL,
			 t->state == THREAD_SYSCALL && t->syscall ? t->syscall : states[t->state & 3]);
		put_stack_of(p, &t->stack, false);
		put_args_of(p, &t->stack);
		json_end(j);
	}
	json_end(j);
}

/* &lock, or its address; empty: it is not known. */
static void put_object(struct page *p, uint64_t addr)
{
	const struct fact *f = world_fact(p->w, FACT_SYMBOL, addr);
	struct sink *s = &p->scratch;

	s->len = 0;
	if (f && !f->bad && f->u.symbol.name) {
		sink_str(s, f->u.symbol.offset ? "" : "&");
		sink_str(s, f->u.symbol.name);
	}
	if (s->len && f->u.symbol.offset)
		sink_printf(s, "+0x%llx", (unsigned long long)f->u.symbol.offset);
	else if (!s->len && addr)
		sink_hex(s, addr);
	json_strn(&p->j, NULL, sink_text(s), s->len);
}

/* [who, for whom, what it is, which one]; the members of cycles */
static void put_waits(struct page *p)
{
	struct wait_graph g;
	struct json *j = &p->j;

	analyse_waits(p->w, &g);
	json_array(j, "waits");
	for (size_t i = 0; i < g.nedges; i++) {
		const struct wait_edge *e = &g.edges[i];

		json_array(j, NULL);
		json_int(j, NULL, p->w->goroutines[e->from].id);
		json_int(j, NULL, p->w->goroutines[e->to].id);
		json_str(j, NULL,
			 e->kind == FACT_RWMUTEX ? "sync.RWMutex"
			 : e->kind == FACT_ONCE  ? "sync.Once"
						 : "sync.Mutex");
		put_object(p, e->obj);
		json_end(j);
	}
	json_end(j);
	json_array(j, "cycles");
	for (size_t i = 0; i < g.ncycles; i++) {
		json_array(j, NULL);
		for (size_t k = 0; k < g.cycles[i].n; k++)
			json_int(j, NULL, p->w->goroutines[g.cycles[i].members[k]].id);
		json_end(j);
	}
	json_end(j);
}

static void put_tables(struct page *p)
{
	struct json *j = &p->j;

	json_array(j, "places");
	for (size_t i = 0; i < p->place_list.n; i++) {
		const struct place *at = p->place_list.items[i];

		json_array(j, NULL);
		json_str(j, NULL, at->function ? at->function : "");
		json_str(j, NULL, at->file ? at->file : "");
		json_int(j, NULL, at->line);
		json_str(j, NULL, at->module ? at->module : "");
		json_int(j, NULL, at->is_runtime);
		json_end(j);
	}
	json_end(j);
	json_array(j, "args");
	for (size_t i = 0; i < p->text_list.n; i++)
		json_strn(j, NULL, p->text_list.items[i]->text, p->text_list.items[i]->n);
	json_end(j);
}

/* ---- the page --------------------------------------------------------------------------------------------------- */

static void put_data(struct page *p, struct sink *s)
{
	struct sink data;
	const char *at, *end;

	sink_init_memory(&data);
	sink_init_memory(&p->scratch);
	p->j = json_begin(&data);
	p->j.compact = true;
	json_object(&p->j, NULL);
	json_str(&p->j, "message", p->w->message ? p->w->message : "");
	put_groups(p);
	put_threads(p);
	put_waits(p);
	put_tables(p);
	json_array(&p->j, "notes");
	for (size_t i = 0; i < p->w->nnotes; i++)
		json_str(&p->j, NULL, p->w->notes[i]);
	json_end(&p->j);
	json_end(&p->j);
	/* < occurs in texts only, where its escape means the same. */
	at = data.buf;
	end = data.buf + data.len;
	while (at < end) {
		const char *less = memchr(at, '<', (size_t)(end - at));

		sink_put(s, at, (size_t)((less ? less : end) - at));
		if (less)
			sink_str(s, "\\u003c");
		at = less ? less + 1 : end;
	}
	sink_deinit(&data);
	sink_deinit(&p->scratch);
}

static void put_escaped(struct sink *s, const char *text)
{
	struct sink clean;

	sink_init_memory(&clean);
	sink_clean(&clean, text, strlen(text), 0);
	for (size_t i = 0; i < clean.len; i++) {
		char c = clean.buf[i];

		if (c == '<')
			sink_str(s, "&lt;");
		else if (c == '&')
			sink_str(s, "&amp;");
		else
			sink_char(s, c);
	}
	sink_deinit(&clean);
}

static void put_title(const struct world *w, struct sink *s)
{
	const char *slash = w->exe ? strrchr(w->exe, '/') : NULL;

	put_escaped(s, slash ? slash + 1 : w->exe ? w->exe : w->origin ? w->origin : "goroutines");
}

static void put_head(const struct world *w, struct sink *s)
{
	sink_str(s, "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
		    "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
		    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
		    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
		    "<meta name='generator' content='gorgon'>\n<title>");
	put_title(w, s);
	sink_str(s, "</title>\n<style>\n");
	sink_str(s, page_style);
	sink_str(s, "</style>\n</head>\n<body>\n");
}

void emit_html(struct world *w, const struct emit_options *o, struct sink *s)
{
	struct page p = {.w = w, .o = o};

	put_head(w, s);
	sink_str(s, page_before_title);
	put_title(w, s);
	sink_str(s, page_before_about);
	put_escaped(s, w->exe && w->origin ? w->origin : "");
	sink_str(s, page_after_about);
	sink_str(s, "<script type='application/json' id='data'>");
	put_data(&p, s);
	sink_str(s, "</script>\n<script>\n");
	sink_str(s, page_script);
	sink_str(s, "</script>\n</body>\n</html>\n");
	table_deinit(&p.places);
	table_deinit(&p.texts);
	VEC_FREE(&p.place_list);
	VEC_FREE(&p.text_list);
}
