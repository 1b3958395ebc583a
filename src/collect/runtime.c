/* SPDX-License-Identifier: MIT */
/* What, how: collect/runtime.h. */
#include "collect/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/table.h"

enum {
	MAX_ENTRIES = 4096,
	MAX_SCAN = 64 << 20,
	MAX_STRING = 256,
	MAX_WAITS = 256,
	MAX_SIZE = 1 << 20, /* of a struct */
};

static uint64_t hash_name(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ULL;
	return h ? h : 1;
}

uint64_t rt_number(const struct rt *rt, const char *name)
{
	const uint64_t *v = table_get(&rt->entries, hash_name(name));

	return v ? *v : 0;
}

static uint32_t number_below(const struct rt *rt, const char *name, uint32_t limit)
{
	const uint64_t *v = table_get(&rt->entries, hash_name(name));

	return v && *v < limit ? (uint32_t)*v : RT_NO_FIELD;
}

static uint32_t size_of(const struct rt *rt, const char *name)
{
	return number_below(rt, name, MAX_SIZE);
}

/* One that is not within its struct is none. */
static uint32_t field_of(const struct rt *rt, const char *name, uint32_t size)
{
	return number_below(rt, name, size == RT_NO_FIELD ? 0 : size);
}

uint64_t rt_read_u64(struct rt *rt, uint64_t addr, uint32_t field)
{
	uint64_t v = 0;

	if (!addr || field == RT_NO_FIELD || target_read_u64(rt->target, addr + field, &v) != 0)
		return 0;
	return v;
}

uint32_t rt_read_u32(struct rt *rt, uint64_t addr, uint32_t field)
{
	uint32_t v = 0;

	if (!addr || field == RT_NO_FIELD || target_read(rt->target, addr + field, &v, sizeof v) != 0)
		return 0;
	return v;
}

const char *rt_string(struct target *t, uint64_t addr, struct arena *a)
{
	char buf[MAX_STRING];
	bool cut;
	ssize_t n = addr ? target_read_str(t, addr, buf, sizeof buf, &cut) : -1;

	return n >= 0 ? arena_strn(a, buf, (size_t)n) : NULL;
}

/* ---- finding the table ------------------------------------------------------------------------------------------ */

static bool is_table(struct target *t, uint64_t addr, const char *cookie, struct gori_table_head *ret)
{
	return target_read(t, addr, ret, sizeof *ret) == 0 &&
	       memcmp(ret->cookie, cookie, sizeof ret->cookie) == 0 && ret->self == addr;
}

static uint64_t scan_mapping(struct target *t, const struct mapping *m, const char *cookie,
			     struct gori_table_head *ret)
{
	unsigned char page[TARGET_PAGE];

	if (m->hi - m->lo > MAX_SCAN)
		return 0;
	for (uint64_t at = m->lo; at < m->hi; at += sizeof page) {
		if (target_read_some(t, at, page, sizeof page) < sizeof page)
			continue;
		for (size_t i = 0; i + 8 <= sizeof page; i += 8)
			if (memcmp(page + i, cookie, 8) == 0 && is_table(t, at + i, cookie, ret))
				return at + i;
	}
	return 0;
}

/* A program that was stripped of all names: the table is in some file's writable data. */
static uint64_t scan(struct target *t, const char *path, const char *cookie, struct gori_table_head *ret)
{
	uint64_t found = 0;

	for (size_t i = 0; i < t->nmappings && !found; i++) {
		const struct mapping *m = &t->mappings[i];

		if (m->readable && m->writable && m->path[0] == '/' && !m->shared && strstr(m->path, path))
			found = scan_mapping(t, m, cookie, ret);
	}
	return found;
}

static uint64_t find_table(struct target *t, struct debug *d, struct gori_table_head *ret)
{
	uint64_t addr = modules_lookup(debug_modules(d), "gori_table");

	return addr && is_table(t, addr, GORI_TABLE_COOKIE, ret) ? addr : scan(t, "", GORI_TABLE_COOKIE, ret);
}

/* ---- reading it -------------------------------------------------------------------------------------------------- */

static int load_entries(struct rt *rt, uint64_t at, const struct gori_table_head *head, struct error *e)
{
	if (head->version != GORI_TABLE_VERSION)
		return error_set(e, -ENOTSUP,
				 "%s has a runtime whose table is of version %u; this tool reads version %d",
				 rt->target->name, head->version, GORI_TABLE_VERSION);
	if (head->entry_size != sizeof(struct gori_table_entry) || head->nentries > MAX_ENTRIES)
		return error_set(e, -EILSEQ, "%s: the runtime's table at 0x%llx is damaged", rt->target->name,
				 (unsigned long long)at);
	for (uint32_t i = 0; i < head->nentries; i++) {
		struct gori_table_entry entry;
		uint64_t *v;

		if (target_read(rt->target, at + sizeof *head + i * sizeof entry, &entry, sizeof entry) != 0)
			return error_set(e, -EFAULT, "%s: the runtime's table at 0x%llx cannot be read",
					 rt->target->name, (unsigned long long)at);
		entry.name[sizeof entry.name - 1] = '\0';
		v = arena_new(&rt->arena, uint64_t);
		*v = entry.value;
		table_put(&rt->entries, hash_name(entry.name), v);
	}
	return 0;
}

static void load_wait_texts(struct rt *rt)
{
	uint64_t at = rt_number(rt, "root.wait_texts"), n = rt_number(rt, "const.NWAIT");

	if (!at || n > MAX_WAITS)
		return;
	rt->wait_texts = arena_array(&rt->arena, const char *, n);
	rt->nwaits = (uint32_t)n;
	for (uint32_t i = 0; i < rt->nwaits; i++)
		rt->wait_texts[i] = rt_string(rt->target, rt_read_u64(rt, at, i * 8), &rt->arena);
}

int rt_open(struct rt *rt, struct target *t, struct debug *d, struct error *e)
{
	struct gori_table_head head;
	int err;

	memset(rt, 0, sizeof *rt);
	rt->target = t;
	rt->addr = find_table(t, d, &head);
	if (!rt->addr)
		return 0;
	err = load_entries(rt, rt->addr, &head, e);
	if (err)
		return err;
#define X(s, f) rt->s##_##f = field_of(rt, #s "." #f, size_of(rt, "sizeof." #s));
	RT_FIELDS(X)
#undef X
	rt->sizeof_g = size_of(rt, "sizeof.g");
	rt->sizeof_m = size_of(rt, "sizeof.m");
	rt->sizeof_call = size_of(rt, "sizeof.call");
	rt->sizeof_switch = size_of(rt, "sizeof.switch");
	rt->sizeof_arena = size_of(rt, "sizeof.arena");
	rt->sizeof_chan = size_of(rt, "sizeof.chan");
	rt->sizeof_death = size_of(rt, "sizeof.death");
	rt->sizeof_site = size_of(rt, "sizeof.site");
	rt->sizeof_p = size_of(rt, "sizeof.p");
	rt->sizeof_timer_slot = size_of(rt, "sizeof.timer_slot");
	rt->sizeof_ended = size_of(rt, "sizeof.ended");
	if (rt->sizeof_g == RT_NO_FIELD || rt->sizeof_g > TARGET_PAGE || rt->g_goid == RT_NO_FIELD ||
	    rt->g_status == RT_NO_FIELD || rt->g_sp == RT_NO_FIELD)
		return error_set(e, -EILSEQ, "%s: the runtime's table at 0x%llx does not describe goroutines",
				 t->name, (unsigned long long)rt->addr);
	load_wait_texts(rt);
	return 0;
}

bool rt_add_table(struct rt *rt, const char *path, const char cookie[8])
{
	struct gori_table_head head;
	struct error e = {0};
	uint64_t at = scan(rt->target, path, cookie, &head);

	return at && load_entries(rt, at, &head, &e) == 0;
}

void rt_close(struct rt *rt)
{
	table_deinit(&rt->entries);
	arena_deinit(&rt->arena);
}

/* ---- slots ------------------------------------------------------------------------------------------------------ */

enum { MAX_ARENAS = 4096, MAX_SLOTS = 1 << 24 };

bool rt_slots(struct rt *rt, uint32_t arena, struct rt_slots *ret)
{
	uint64_t at = rt_number(rt, "root.arenas"), n = rt_read_u32(rt, rt_number(rt, "root.narenas"), 0);

	*ret = (struct rt_slots){.size = rt_number(rt, "const.slot_size"),
				 .skews = rt_number(rt, "const.skews"),
				 .step = rt_number(rt, "const.skew_step")};
	if (!at || !ret->skews || ret->size < TARGET_PAGE || n > MAX_ARENAS || arena >= n)
		return false;
	at += arena * (uint64_t)rt->sizeof_arena;
	ret->base = rt_read_u64(rt, at, rt->arena_base);
	ret->n = rt_read_u32(rt, at, rt->arena_nslots);
	ret->used = rt_read_u32(rt, at, rt->arena_used);
	if (!ret->base || ret->used > MAX_SLOTS)
		ret->n = ret->used = 0;
	return true;
}
