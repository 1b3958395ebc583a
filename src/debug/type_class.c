/* SPDX-License-Identifier: MIT */
/* What, how: debug/type_class.h. */
#include "debug/type_class.h"

#include <string.h>

static const struct type_member *member(const struct type *t, const char *name)
{
	for (uint32_t i = 0; i < t->nmembers; i++)
		if (t->members[i].name && strcmp(t->members[i].name, name) == 0)
			return &t->members[i];
	return NULL;
}

static bool has(const struct type *t, const char *name, uint64_t offset)
{
	const struct type_member *m = member(t, name);

	return m && m->offset == offset;
}

static bool is_tag(const struct type *t, const char *tag)
{
	const char *name = t->name;

	if (strncmp(name, "struct ", 7) == 0)
		name += 7;
	return strcmp(name, tag) == 0;
}

static void classify_slice(struct type *t)
{
	const struct type_member *ptr = member(t, "ptr");

	if (t->size == 24 && has(t, "ptr", 0) && has(t, "len", 8) && has(t, "cap", 16) &&
	    ptr->type->kind == TYPE_POINTER) {
		t->class = CLASS_SLICE;
		t->elem = ptr->type->elem;
	}
}

void types_classify_struct(struct type *t, const char *tag)
{
	static const struct {
		const char *tag;
		enum type_class class;
		const char *member; /* that it must have */
	} known[] = {
		{"gor_mutex", CLASS_MUTEX, "word"},         {"gor_rwmutex", CLASS_RWMUTEX, "readers"},
		{"gor_waitgroup", CLASS_WAITGROUP, "word"}, {"gor_once", CLASS_ONCE, "state"},
		{"gor_cond", CLASS_COND, "waiters"},        {"gor_sem", CLASS_SEM, "held"},
		{"gor_list", CLASS_LIST, "root"},           {"gor_any", CLASS_ANY, "type"},
	};

	if (!tag || strncmp(tag, "gor_", 4) != 0)
		return;
	if (strncmp(tag, "gor_slice_", 10) == 0)
		return classify_slice(t);
	if (strcmp(tag, "gor_string") == 0 && t->size == 16 && has(t, "ptr", 0) && has(t, "len", 8))
		t->class = CLASS_STRING;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(tag, known[i].tag) == 0 && member(t, known[i].member))
			t->class = known[i].class;
}

/* chan(T) is T (**)(struct gor_chan *): a type of its own for each T. */
static const struct type *chan_elem(const struct type *t)
{
	const struct type *fn = t->elem && t->elem->kind == TYPE_POINTER ? t->elem->elem : NULL;
	const struct type *arg = fn && fn->kind == TYPE_FUNCTION ? fn->key : NULL;

	return arg && arg->class == CLASS_CHAN && !arg->elem ? fn->elem : NULL;
}

/* struct gor_map_NAME has pointers to its buckets, and these hold keys and values. */
static void classify_map(struct type *t)
{
	const struct type_member *buckets = member(t->elem, "buckets");
	const struct type *bucket = buckets && buckets->type->kind == TYPE_POINTER ? buckets->type->elem
										   : NULL;
	const struct type_member *keys = bucket ? member(bucket, "keys") : NULL;
	const struct type_member *values = bucket ? member(bucket, "values") : NULL;

	if (!keys || !values || keys->type->kind != TYPE_ARRAY || values->type->kind != TYPE_ARRAY)
		return;
	t->class = CLASS_MAP;
	t->key = keys->type->elem;
	t->elem = values->type->elem;
}

void types_classify_pointer(struct type *t)
{
	const struct type *elem = chan_elem(t);

	if (t->is_reference || !t->elem)
		return;
	if (elem) {
		t->class = CLASS_CHAN;
		t->elem = elem;
	} else if (is_tag(t->elem, "gor_chan")) {
		t->class = CLASS_CHAN;
		t->elem = NULL;
	} else if (is_tag(t->elem, "gor_context")) {
		t->class = CLASS_CONTEXT;
	} else if (strncmp(t->elem->name, "struct gor_map_", 15) == 0 ||
		   strncmp(t->elem->name, "gor_map_", 8) == 0) {
		classify_map(t);
	}
}
