/* SPDX-License-Identifier: MIT */
/*
 * What: goroutines that have ended, as far as the runtime remembers: the last ones of each P (struct gori_ended).
 *
 * How: all rings in bulk, then sorted by id.  They are of use to whoever explains a leak: the partner of a goroutine
 * that waits for ever is usually one that went away.
 */
#include <stdlib.h>
#include <string.h>

#include "collect/inside.h"

enum { MAX_PS = 4096, MAX_RING = 1 << 16 };

typedef VEC(struct ended) ended_list;

static void add(struct collector *c, const unsigned char *entry, ended_list *list)
{
	const struct rt *rt = &c->rt;
	int64_t when = (int64_t)rt_u64(entry, rt->ended_when);
	struct ended e = {.id = (int64_t)rt_u64(entry, rt->ended_goid)};
	const struct site *site;

	if (e.id <= 0)
		return;
	site = collect_site(c, rt_u64(entry, rt->ended_site));
	if (site) {
		e.go_func = site->func;
		e.go_file = site->file;
		e.go_line = site->line;
	}
	if (when > 0 && c->world->now > when)
		e.ago_ns = c->world->now - when;
	*VEC_PUSH(list) = e;
}

static void read_ring(struct collector *c, uint64_t p, uint64_t n, ended_list *list)
{
	uint32_t size = c->rt.sizeof_ended;
	uint64_t used = rt_read_u64(&c->rt, p, c->rt.p_nended);
	unsigned char *copy;

	if (used < n)
		n = used;
	copy = base_malloc(n * size + RT_SLACK);
	if (n && target_read(c->target, p + c->rt.p_ended, copy, n * size) == 0)
		for (uint64_t i = 0; i < n; i++)
			add(c, copy + i * size, list);
	free(copy);
}

static int compare(const void *a, const void *b)
{
	const struct ended *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

void collect_ended(struct collector *c)
{
	struct rt *rt = &c->rt;
	uint64_t allp = rt_number(rt, "root.allp"), n = rt_number(rt, "const.ENDED");
	ended_list list = {0};

	if (!allp || rt->p_ended == RT_NO_FIELD || rt->sizeof_ended == RT_NO_FIELD || n > MAX_RING)
		return;
	for (unsigned i = 0; i < MAX_PS; i++) {
		uint64_t p = rt_read_u64(rt, allp + i * 8ULL, 0);

		if (!p)
			break;
		read_ring(c, p, n, &list);
	}
	VEC_SORT(&list, compare);
	c->world->ended = arena_copy(&c->world->arena, list.items, list.n * sizeof(struct ended));
	c->world->nended = list.n;
	VEC_FREE(&list);
}
