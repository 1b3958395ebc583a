/* SPDX-License-Identifier: MIT */
/*
 * What: gor_singleflight: one goroutine does the work that several ask for at the same time.
 *
 * How: the call under way (the flight) is a record on the stack of the goroutine that makes it, listed by
 * the hash of its key; those who wait for it have their results written into records on their own stacks
 * before they are woken.  So nothing is allocated, and nobody looks at a flight that has landed.
 *
 *	not there -> flying              [take_off]
 *	flying -> forgotten              [gor_singleflight_forget: out of the list, still flying]
 *	flying, forgotten -> landed      [land, deferred: also after a panic or gor_goexit]
 *
 * Invariants: a flight in a list is flying.
 *
 * Locking: sf->lock guards the lists and all flights, forgotten ones included.
 *
 * Context: public functions: anywhere.
 */
#define GOR_NO_KEYWORDS
#include <string.h>

#include "sync/sync.h"

#include <gorgon/defer.h>
#include <gorgon/panic.h>

enum outcome { FLYING = 0, RETURNED, PANICKED, GOEXITED };

struct result {
	void *value;
	int code;
	enum outcome outcome;
};

/* Somebody who waits for a flight. */
struct passenger {
	struct gori_waiter waiter; /* first: the queue leads here */
	struct result result;
};

static uint64_t hash_of(const char *key)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3;
	return h;
}

static struct gori_flight **bucket_of(gor_singleflight *sf, uint64_t hash)
{
	return &sf->flights[(hash >> 32) % GORI_SINGLEFLIGHT_BUCKETS];
}

/* Where the link to the flight with this key is, or would be.  Locking: sf->lock. */
static struct gori_flight **find(gor_singleflight *sf, const char *key, uint64_t hash)
{
	struct gori_flight **at = bucket_of(sf, hash);

	while (*at && ((*at)->hash != hash || strcmp((*at)->key, key) != 0))
		at = &(*at)->next;
	return at;
}

/* Locking: sf->lock. */
static void unlist(gor_singleflight *sf, struct gori_flight *f)
{
	struct gori_flight **at = bucket_of(sf, f->hash);

	if (!f->linked)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->linked = 0;
}

/* Ends the flight and lets everybody off.  Context: G, outside the runtime; deferred. */
static void land(struct gori_flight *f)
{
	gor_singleflight *sf = f->group;
	struct gori_waiter *list;
	struct gori_m *m = gori_enter();

	if (f->outcome == FLYING)
		f->outcome = m->curg->flags & GORI_G_ENDING ? GOEXITED : PANICKED;
	gori_plock(&sf->lock);
	unlist(sf, f);
	list = gori_sync_take_all(&f->waiters);
	gori_punlock(&sf->lock);
	for (struct gori_waiter *w = list; w; w = w->next)
		((struct passenger *)w)->result = (struct result){f->value, f->code, f->outcome};
	gori_sync_wake_list(list, 0);
	gori_exit();
}

static void fly(struct gori_flight *f, int (*fn)(void *arg, void **ret_value), void *arg)
{
	GORI_DEFER(land, f);
	f->code = fn(arg, &f->value);
	f->outcome = RETURNED;
}

/* Waits for a flight of another goroutine.  Context: G, inside the runtime; sf->lock, which is released. */
static struct result board(gor_singleflight *sf, struct gori_flight *f, struct gori_g *g, void *pc)
{
	struct passenger p = {.waiter = {.g = g, .obj = f, .elem = pc}};

	f->shared++;
	gori_sync_push(&f->waiters, &p.waiter);
	gori_sync_park(g, &p.waiter, &sf->lock, GORI_WAIT_SINGLEFLIGHT_WAIT);
	return p.result;
}

/* Lists the flight and returns true, unless there is one with its key: then waits for that one. */
static bool take_off(gor_singleflight *sf, struct gori_flight *f, struct result *ret_result)
{
	struct gori_g *g = gori_enter()->curg;
	struct gori_flight **at;

	gori_plock(&sf->lock);
	at = find(sf, f->key, f->hash);
	if (*at) {
		*ret_result = board(sf, *at, g, f->pc);
		gori_exit();
		return false;
	}
	f->owner = g->goid;
	f->linked = 1;
	*at = f;
	gori_punlock(&sf->lock);
	gori_exit();
	return true;
}

int gor_singleflight_do(gor_singleflight *sf, const char *key, int (*fn)(void *arg, void **ret_value),
			void *arg, void **ret_value, bool *ret_shared)
{
	struct gori_flight f = {.key = key, .hash = hash_of(key), .group = sf, .pc = gori_caller_pc()};
	struct result r;
	bool shared = true;

	if (take_off(sf, &f, &r)) {
		fly(&f, fn, arg);
		r = (struct result){f.value, f.code, f.outcome};
		shared = f.shared > 0;
	}
	if (r.outcome == PANICKED)
		gori_panic_plain("singleflight: the shared call panicked");
	if (r.outcome == GOEXITED)
		gor_goexit();
	if (ret_value)
		*ret_value = r.value;
	if (ret_shared)
		*ret_shared = shared;
	return r.code;
}

void gor_singleflight_forget(gor_singleflight *sf, const char *key)
{
	uint64_t hash = hash_of(key);
	struct gori_flight *f;

	gori_enter();
	gori_plock(&sf->lock);
	f = *find(sf, key, hash);
	if (f)
		unlist(sf, f);
	gori_punlock(&sf->lock);
	gori_exit();
}
