/* SPDX-License-Identifier: MIT */
/*
 * What: leaks as SARIF 2.1.0, which services that show findings beside the source read.
 *
 * How: a rule per verdict, a result per group.  A result stands where the goroutine waits; where it was created, and
 * where what it waits for was made or taken, are related locations; the whole stack is there too.  Fingerprints are
 * those of baselines (analyse/leaks.h), so a service knows a leak again after edits.
 *
 * A program that crashed or failed is a result of its own, `failed`.
 *
 * Files below the source folder are relative to SRCROOT; others are file: URIs.
 */
#include <string.h>

#include "emit/leaks.h"

struct sarif {
	struct json json;
	const struct leaks *leaks;
	const char *root;
	int nrelated;
	const char *last_file; /* of the related location before */
	int last_line;
};

enum { FAILED_RULE = VERDICT_LINGERING - VERDICT_LEAKED + 1 }; /* stands behind those of verdicts */

static const struct {
	const char *name, *text;
} rules[] = {
	[VERDICT_LEAKED] =
		{"LeakedGoroutine",
		 "The goroutine is blocked for ever: nothing that can still run reaches what it waits for."},
	[VERDICT_DEADLOCKED] = {"DeadlockedGoroutine",
				"The goroutine waits for a lock that will never be released."},
	[VERDICT_STUCK] =
		{"StuckGoroutine",
		 "The goroutine has been waiting for long.  What it waits for can still be reached."},
	[VERDICT_LINGERING] = {"LingeringGoroutine", "The goroutine was still there when the program ended."},
};

/* ---- places ---------------------------------------------------------------------------------------------------- */

/* Percent-encoded. */
static void put_uri(struct sarif *sf, const char *path)
{
	struct sink s;

	sink_init_memory(&s);
	if (*path == '/')
		sink_str(&s, "file://");
	for (; *path; path++) {
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/+@", *path))
			sink_char(&s, *path);
		else
			sink_printf(&s, "%%%02X", (unsigned char)*path);
	}
	json_str(&sf->json, "uri", sink_text(&s));
	sink_deinit(&s);
}

/* An open location; the caller ends it. */
static void begin_location(struct sarif *sf, const char *key, const char *file, int line)
{
	struct json *j = &sf->json;
	const char *below;

	json_object(j, key);
	if (!file || !*file)
		return;
	file = leak_normal(&sf->leaks->world->arena, file);
	below = leak_below(sf->root, file);
	json_object(j, "physicalLocation");
	json_object(j, "artifactLocation");
	put_uri(sf, below ? below : file);
	if (below || *file != '/')
		json_str(j, "uriBaseId", "SRCROOT");
	json_end(j);
	if (line > 0) {
		json_object(j, "region");
		json_int(j, "startLine", line);
		json_end(j);
	}
	json_end(j);
}

static void put_logical(struct json *j, const char *function)
{
	if (!function)
		return;
	json_array(j, "logicalLocations");
	json_object(j, NULL);
	json_str(j, "fullyQualifiedName", function);
	json_str(j, "kind", "function");
	json_end(j);
	json_end(j);
}

static void put_message(struct json *j, const char *text)
{
	json_object(j, "message");
	json_str(j, "text", text);
	json_end(j);
}

static void put_related(struct sarif *sf, const char *what, const char *file, int line)
{
	if (!file || !*file || (sf->last_file && !strcmp(file, sf->last_file) && line == sf->last_line))
		return;
	sf->last_file = file;
	sf->last_line = line;
	begin_location(sf, NULL, file, line);
	json_int(&sf->json, "id", sf->nrelated++);
	put_message(&sf->json, what);
	json_end(&sf->json);
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

static void put_related_all(struct sarif *sf, const struct leak *leak)
{
	const struct world *w = sf->leaks->world;
	struct leak_object list[LEAK_OBJECTS];
	size_t n = leak_objects(w, leak, list);

	json_array(&sf->json, "relatedLocations");
	sf->nrelated = 1;
	sf->last_file = NULL;
	put_related(sf, "the goroutine was created here", leak_file(leak, leak->g->go_file),
		    leak->g->go_line);
	for (size_t i = 0; i < n && i < LEAK_OBJECTS; i++)
		if (list[i].fact && list[i].fact->kind == FACT_CHAN)
			put_related(sf, "the channel was made here",
				    leak_file(leak, list[i].fact->u.chan.path), list[i].fact->u.chan.line);
		else if (list[i].fact && list[i].fact->u.sync.where)
			put_related(sf, "the lock was taken here", list[i].fact->u.sync.where->file,
				    list[i].fact->u.sync.where->line);
	for (uint32_t i = 1; i < leak->nsteps && i < 10; i++) {
		const struct place *p = leak_place(&leak->steps[i].waiter->stack);

		if (p)
			put_related(sf,
				    arena_printf(&sf->leaks->world->arena, "goroutine %lld waits here",
						 (long long)leak->steps[i].waiter->id),
				    p->file, p->line);
	}
	json_end(&sf->json);
}

static void put_stack(struct sarif *sf, const struct stack *st, const char *whose)
{
	struct json *j = &sf->json;

	json_array(j, "stacks");
	json_object(j, NULL);
	put_message(j, whose);
	json_array(j, "frames");
	for (uint32_t i = 0; i < st->nframes; i++) {
		const struct place *p = st->frames[i].place;

		json_object(j, NULL);
		begin_location(sf, "location", p ? p->file : NULL, p ? p->line : 0);
		put_logical(j, p ? p->function : NULL);
		json_end(j);
		json_end(j);
	}
	json_end(j);
	json_end(j);
	json_end(j);
}

static void put_text(struct sarif *sf, const struct leak *leak)
{
	struct sink why;

	sink_init_memory(&why);
	emit_leak_why(sf->leaks, leak, &why);
	if (why.len)
		why.len--; /* the last newline */
	put_message(&sf->json, sink_text(&why));
	sink_deinit(&why);
}

static void put_state(struct sarif *sf, const struct leak *leak)
{
	struct json *j = &sf->json;

	json_object(j, "partialFingerprints");
	json_str(j, "gorgonStack/v1", leak->fingerprint);
	json_end(j);
	json_uint(j, "occurrenceCount", leak->group.n);
	if (sf->leaks->has_baseline)
		json_str(j, "baselineState", leak->known ? "unchanged" : "new");
	json_array(j, "suppressions");
	if (leak->rule) {
		json_object(j, NULL);
		json_str(j, "kind", "external");
		json_str(j, "justification", leak->rule->name);
		json_end(j);
	}
	json_end(j);
}

static void put_place(struct sarif *sf, const struct place *at)
{
	begin_location(sf, NULL, at->file, at->line);
	put_logical(&sf->json, at->function);
	json_end(&sf->json);
}

static void put_result(struct sarif *sf, const struct leak *leak)
{
	const struct place *at = leak_place(&leak->g->stack);
	struct json *j = &sf->json;
	bool is_error = sf->leaks->fail_on & 1u << leak->g->verdict;

	json_object(j, NULL);
	json_str(j, "ruleId", verdict_text(leak->g->verdict));
	json_int(j, "ruleIndex", leak->g->verdict - VERDICT_LEAKED);
	json_str(j, "level", is_error ? "error" : "warning");
	put_text(sf, leak);
	json_array(j, "locations");
	if (at && at->file) {
		put_place(sf, at);
	} else if (leak->g->go_file) {
		begin_location(sf, NULL, leak_file(leak, leak->g->go_file), leak->g->go_line);
		json_end(j);
	}
	json_end(j);
	put_related_all(sf, leak);
	put_stack(sf, &leak->g->stack,
		  arena_printf(&sf->leaks->world->arena, "goroutine %lld", (long long)leak->g->id));
	put_state(sf, leak);
	json_end(j);
}

/* Services insist on a place: what has none is told with the run only. */
static void put_ending(struct sarif *sf)
{
	const struct stack *st = ending_stack(sf->leaks);
	const struct place *at = st ? leak_place(st) : NULL;
	struct json *j = &sf->json;

	if (!at || !at->file)
		return;
	json_object(j, NULL);
	json_str(j, "ruleId", "failed");
	json_int(j, "ruleIndex", FAILED_RULE);
	json_str(j, "level", "error");
	put_message(j, sf->leaks->ending.text);
	json_array(j, "locations");
	put_place(sf, at);
	json_end(j);
	put_stack(sf, st, "who crashed");
	json_end(j);
}

/* Whether the program itself has run as it should; of a process that goes on nothing is said. */
static void put_invocation(struct sarif *sf)
{
	struct json *j = &sf->json;

	if (sf->leaks->ending.kind == ENDING_UNTOLD)
		return;
	json_array(j, "invocations");
	json_object(j, NULL);
	json_bool(j, "executionSuccessful", !ending_fails(&sf->leaks->ending));
	if (ending_fails(&sf->leaks->ending)) {
		json_array(j, "toolExecutionNotifications");
		json_object(j, NULL);
		json_str(j, "level", "error");
		put_message(j, sf->leaks->ending.text);
		json_end(j);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

/* ---- the run ------------------------------------------------------------------------------------------------------- */

static void put_rule(struct sarif *sf, const char *id, const char *name, const char *text, bool is_error)
{
	struct json *j = &sf->json;

	json_object(j, NULL);
	json_str(j, "id", id);
	json_str(j, "name", name);
	json_object(j, "shortDescription");
	json_str(j, "text", text);
	json_end(j);
	json_object(j, "defaultConfiguration");
	json_str(j, "level", is_error ? "error" : "warning");
	json_end(j);
	json_end(j);
}

static void put_tool(struct sarif *sf)
{
	struct json *j = &sf->json;

	json_object(j, "tool");
	json_object(j, "driver");
	json_str(j, "name", "gorgon");
	json_str(j, "version", PACKAGE_VERSION);
	json_array(j, "rules");
	for (int v = VERDICT_LEAKED; v <= VERDICT_LINGERING; v++)
		put_rule(sf, verdict_text((enum verdict)v), rules[v].name, rules[v].text,
			 FAIL_ON_DEFAULT & 1u << v);
	put_rule(sf, "failed", "FailedProgram", "The program crashed, failed, or took too long.", true);
	json_end(j);
	json_end(j);
	json_end(j);
}

static void put_root(struct sarif *sf)
{
	struct json *j = &sf->json;

	if (!sf->root || *sf->root != '/')
		return;
	json_object(j, "originalUriBaseIds");
	json_object(j, "SRCROOT");
	put_uri(sf, arena_printf(&sf->leaks->world->arena, "%s/", sf->root));
	json_end(j);
	json_end(j);
}

void emit_leaks_sarif(const struct leaks *l, const char *root, struct sink *s)
{
	struct sarif sf = {.json = json_begin(s), .leaks = l, .root = root};
	struct json *j = &sf.json;

	json_object(j, NULL);
	json_str(j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_str(j, "version", "2.1.0");
	json_array(j, "runs");
	json_object(j, NULL);
	put_tool(&sf);
	put_root(&sf);
	put_invocation(&sf);
	json_str(j, "columnKind", "utf16CodeUnits");
	json_array(j, "results");
	put_ending(&sf);
	for (size_t i = 0; i < l->n; i++)
		put_result(&sf, &l->items[i]);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}
