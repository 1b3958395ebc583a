/* SPDX-License-Identifier: MIT */
/* What, how: struct collect_request in collect/collect.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "abi/death.h"
#include "collect/inside.h"

/* GORI_UNSET is -1 in a byte. */
static int setting(const unsigned char *copy, uint32_t field)
{
	return field == RT_NO_FIELD ? GORI_UNSET : (int8_t)copy[field];
}

/* A path or list, which ends with a zero byte; NULL: none. */
static const char *text(const unsigned char *copy, uint64_t size, uint32_t field, struct arena *a)
{
	size_t max = field < size && size - field < GORI_PATH_SIZE ? size - field : GORI_PATH_SIZE;

	if (field >= size || !copy[field])
		return NULL;
	return arena_strn(a, (const char *)copy + field, strnlen((const char *)copy + field, max));
}

static void read_settings(struct rt *rt, struct collect_request *ret)
{
	uint64_t at = rt_number(rt, "root.options");
	uint64_t size = rt_number(rt, "sizeof.options");
	unsigned char *copy;

	if (!at || !size || size > (1 << 20))
		return;
	copy = base_malloc(size + RT_SLACK);
	if (target_read(rt->target, at, copy, size) == 0) {
		ret->args = setting(copy, rt->options_args);
		ret->color = setting(copy, rt->options_color);
		ret->group = setting(copy, rt->options_group);
		ret->why = setting(copy, rt->options_why);
		ret->threads = setting(copy, rt->options_threads);
		ret->stuck_ns = (int64_t)rt_u64(copy, rt->options_stuck_ns);
		ret->suppressions = text(copy, size, rt->options_suppressions, &ret->arena);
		ret->baseline = text(copy, size, rt->options_baseline, &ret->arena);
		ret->fail_on = text(copy, size, rt->options_fail_on, &ret->arena);
		ret->report = text(copy, size, rt->options_report, &ret->arena);
		ret->junit = text(copy, size, rt->options_junit, &ret->arena);
		ret->sarif = text(copy, size, rt->options_sarif, &ret->arena);
		ret->json = text(copy, size, rt->options_json, &ret->arena);
		ret->html = text(copy, size, rt->options_html, &ret->arena);
		ret->snapshot = text(copy, size, rt->options_snapshot, &ret->arena);
	}
	free(copy);
}

static const char *message(struct rt *rt, uint64_t death, struct arena *a)
{
	uint32_t n = rt_read_u32(rt, death, rt->death_message_len);
	char text[GORI_DEATH_MESSAGE];

	if (!n || n > sizeof text || rt->death_message == RT_NO_FIELD ||
	    target_read(rt->target, death + rt->death_message, text, n) != 0)
		return NULL;
	return arena_strn(a, text, n);
}

/* NULL: there is none, or it is too long to be one. */
static const char *path(struct target *t, uint64_t at, struct arena *a)
{
	char buf[PATH_MAX];
	bool cut;
	ssize_t n = at ? target_read_str(t, at, buf, sizeof buf, &cut) : -1;

	return n >= 0 && !cut ? arena_strn(a, buf, (size_t)n) : NULL;
}

int collect_request(struct target *t, struct debug *d, struct collect_request *ret, struct error *e)
{
	struct rt rt;
	int err = rt_open(&rt, t, d, e);
	uint64_t at;

	memset(ret, 0, sizeof *ret);
	ret->args = ret->color = ret->group = ret->why = ret->threads = GORI_UNSET;
	at = err ? 0 : rt_number(&rt, "root.death");
	if (at) {
		read_settings(&rt, ret);
		ret->found = rt_read_u32(&rt, at, rt.death_kind) != GORI_DEATH_NONE;
		ret->traceback = rt_read_u32(&rt, at, rt.death_traceback);
		ret->flags = rt_read_u32(&rt, at, rt.death_flags);
		ret->deadline = (int64_t)rt_read_u64(&rt, at, rt.death_deadline);
		ret->message = message(&rt, at, &ret->arena);
		ret->path = path(t, rt_read_u64(&rt, at, rt.death_path), &ret->arena);
	}
	rt_close(&rt);
	return err;
}
