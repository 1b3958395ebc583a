/* SPDX-License-Identifier: MIT */
/*
 * What: the headers of blocks.
 *
 *	goroutine 7 [chan receive, 3 minutes, locked to thread]:
 *	goroutine 7 gp=0xc000002380 m=0 mp=0x55d0e0 [running (scan)]:
 *	goroutine 7 [select (leaked), 12 goroutines: 7 9-19] {kind: "a b"}:
 *	thread 4711 "worker" [in syscall read]:
 *
 * How: what stands in the brackets is a list; its first item is the state, and what is not known is kept as part
 * of it, so that nothing that a newer program says is lost.
 */
#include "parse/inside.h"

enum { MAX_LABELS = 64, MAX_STATE = 512 };

/* ---- the list in the brackets --------------------------------------------------------------------------------- */

static void put_status(struct build *b, struct goroutine *g, struct text state)
{
	static const struct {
		const char *name;
		enum goroutine_status status;
	} names[] = {
		{"running", GOROUTINE_RUNNING},
		{"runnable", GOROUTINE_RUNNABLE},
		{"syscall", GOROUTINE_SYSCALL},
		{"unreadable", GOROUTINE_UNREADABLE},
	};

	if (text_ends(state, " (scan)")) /* the garbage collector was looking at its stack */
		state.n -= strlen(" (scan)");
	for (int v = VERDICT_LEAKED; v <= VERDICT_LINGERING; v++) {
		size_t n = strlen(verdict_text((enum verdict)v)) + 3;

		if (state.n > n && state.p[state.n - n] == ' ' && state.p[state.n - n + 1] == '(' &&
		    state.p[state.n - 1] == ')' &&
		    !memcmp(state.p + state.n - n + 2, verdict_text((enum verdict)v), n - 3)) {
			g->verdict = (enum verdict)v;
			state.n -= n;
		}
	}
	g->status = GOROUTINE_WAITING;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (text_is(state, names[i].name)) {
			g->status = names[i].status;
			return;
		}
	if (!text_is(state, "waiting"))
		g->reason = build_string(b, state);
}

/* "3 minutes", "3.250 seconds" */
static bool take_waited(struct goroutine *g, struct text item)
{
	uint64_t whole, part = 0, unit = 1000000000;

	if (!text_take_dec(&item, &whole) || whole > 100000000)
		return false;
	if (text_is(item, " minutes")) {
		g->waited_ns = (int64_t)whole * 60000000000;
		return true;
	}
	if (text_take(&item, "."))
		for (; item.n && item.p[0] >= '0' && item.p[0] <= '9'; item = text_from(item, 1)) {
			unit /= 10;
			part += (uint64_t)(item.p[0] - '0') * unit;
		}
	if (!text_is(item, " seconds"))
		return false;
	g->waited_ns = (int64_t)(whole * 1000000000 + part);
	return true;
}

/* "12 goroutines: 7 9-19" */
static bool take_group(struct header *h, struct text item)
{
	uint64_t n;

	if (!text_take_dec(&item, &n) || !text_take(&item, " goroutines: "))
		return false;
	h->count = n;
	h->ranges = item;
	return true;
}

/* What there is between commas: what is not known stays with the state. */
static void parse_state(struct build *b, struct header *h, struct text list)
{
	char state[MAX_STATE];
	size_t n = 0;

	for (bool first = true; list.n; first = false) {
		size_t comma = text_find(list, ", ");
		struct text item = comma == SIZE_MAX ? list : text_until(list, comma);

		list = text_from(list, comma == SIZE_MAX ? list.n : comma + 2);
		if (!first && text_is(item, "locked to thread")) {
			h->g.locked_to_thread = true;
		} else if (first || !(take_waited(&h->g, item) || take_group(h, item))) {
			if (n + item.n + 2 > sizeof state)
				continue;
			if (!first) {
				memcpy(state + n, ", ", 2);
				n += 2;
			}
			memcpy(state + n, item.p, item.n);
			n += item.n;
		}
	}
	put_status(b, &h->g, (struct text){state, n});
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* A word, or text between quotes. */
static bool take_label_text(struct build *b, struct text *t, const char *ends, const char **ret)
{
	size_t n = 0;

	if (t->n && t->p[0] == '"') {
		n = text_quoted(*t, 0);
		if (n == SIZE_MAX)
			return false;
		*ret = build_unquoted(b, (struct text){t->p + 1, n - 2});
	} else {
		while (n < t->n && !strchr(ends, t->p[n]))
			n++;
		if (!n)
			return false;
		*ret = build_string(b, text_until(*t, n));
	}
	*t = text_from(*t, n);
	return true;
}

/* {k: v, k: v} */
static void parse_labels(struct build *b, struct goroutine *g, struct text t)
{
	struct label labels[MAX_LABELS];
	uint32_t n = 0;

	while (n < MAX_LABELS && take_label_text(b, &t, ":", &labels[n].key) && text_take(&t, ":")) {
		text_take(&t, " ");
		if (!take_label_text(b, &t, ",}", &labels[n].value))
			break;
		n++;
		if (!text_take(&t, ", "))
			break;
	}
	if (!n)
		return;
	g->labels = arena_copy(&b->w.arena, labels, n * sizeof labels[0]);
	g->nlabels = n;
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* gp=0xc000002380 m=0 mp=0x55d0e0, in any order. */
static bool take_addresses(struct text *t, struct goroutine *g)
{
	uint64_t x;

	for (;;) {
		if (text_take(t, " gp=0x")) {
			if (!text_take_hex(t, &g->addr))
				return false;
		} else if (text_take(t, " mp=0x")) {
			if (!text_take_hex(t, &x))
				return false;
		} else if (text_take(t, " m=nil")) {
			g->m_id = -1;
		} else if (text_take(t, " m=")) {
			if (!text_take_dec(t, &x) || x > INT32_MAX)
				return false;
			g->m_id = (int32_t)x;
		} else {
			return true;
		}
	}
}

/* The two ends of a header: what stands in the brackets, and the labels. */
static bool take_brackets(struct text t, struct text *ret_state, struct text *ret_labels)
{
	size_t close;

	if (!text_take(&t, " [") || !text_ends(t, ":"))
		return false;
	t.n--;
	*ret_labels = text_from(t, t.n);
	if (text_ends(t, "}")) {
		close = text_find(t, "] {");
		if (close == SIZE_MAX)
			return false;
		*ret_labels = (struct text){t.p + close + 3, t.n - close - 4};
	} else if (text_ends(t, "]")) {
		close = t.n - 1;
	} else {
		return false;
	}
	*ret_state = text_until(t, close);
	return close > 0;
}

bool parse_header(struct build *b, struct text line, struct header *ret)
{
	struct header h = {.g = {.m_id = -1}};
	struct text state, labels;
	uint64_t id;

	if (!text_take(&line, "goroutine ") || !text_take_dec(&line, &id))
		return false;
	h.g.id = (int64_t)id;
	line = text_trim(line);
	if (!line.n)
		return false;
	line = (struct text){line.p - 1, line.n + 1}; /* the space before it, which is there */
	if (line.p[0] != ' ' || !take_addresses(&line, &h.g) || !take_brackets(line, &state, &labels))
		return false;
	if (!b)
		return true;
	parse_state(b, &h, state);
	parse_labels(b, &h.g, labels);
	*ret = h;
	return true;
}

bool parse_thread(struct build *b, struct text line, struct thread *ret)
{
	struct text state, none, name = {line.p, 0};
	struct thread t = {0};
	uint64_t tid;
	size_t end;

	if (!text_take(&line, "thread ") || !text_take_dec(&line, &tid) || tid > INT32_MAX)
		return false;
	t.tid = (int32_t)tid;
	if (text_starts(line, " \"")) {
		end = text_quoted(line, 1);
		if (end == SIZE_MAX)
			return false;
		name = (struct text){line.p + 2, end - 3};
		line = text_from(line, end);
	}
	if (!take_brackets(text_until(line, line.n), &state, &none))
		return false;
	if (!b)
		return true;
	t.name = name.n ? build_unquoted(b, name) : NULL;
	t.state = THREAD_STOPPED;
	if (text_is(state, "running"))
		t.state = THREAD_RUNNING;
	else if (text_is(state, "futex wait"))
		t.state = THREAD_FUTEX;
	else if (text_take(&state, "in syscall"))
		t.state = THREAD_SYSCALL;
	if (t.state == THREAD_SYSCALL && text_take(&state, " "))
		t.syscall = build_string(b, state);
	*ret = t;
	return true;
}
