/* SPDX-License-Identifier: MIT */
/* What, how: base/table.h. */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { FIRST_SIZE = 64 };

static struct table_entry *place_of(const struct table *t, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15ULL;
	size_t i = (size_t)(h >> 32 ^ h) & t->mask;

	while (t->entries[i].value && t->entries[i].key != key)
		i = (i + 1) & t->mask;
	return &t->entries[i];
}

static void grow(struct table *t)
{
	struct table old = *t;
	size_t size = old.entries ? (old.mask + 1) * 2 : FIRST_SIZE;

	t->entries = base_malloc(size * sizeof t->entries[0]);
	memset(t->entries, 0, size * sizeof t->entries[0]);
	t->mask = size - 1;
	for (size_t i = 0; old.entries && i <= old.mask; i++)
		if (old.entries[i].value)
			*place_of(t, old.entries[i].key) = old.entries[i];
	free(old.entries);
}

void *table_get(const struct table *t, uint64_t key)
{
	return t->entries ? place_of(t, key)->value : NULL;
}

void **table_slot(struct table *t, uint64_t key)
{
	struct table_entry *e;

	if (!t->entries || (t->n + 1) * 2 > t->mask + 1)
		grow(t);
	e = place_of(t, key);
	if (!e->value) {
		e->key = key;
		t->n++;
	}
	return &e->value;
}

void table_put(struct table *t, uint64_t key, void *value)
{
	*table_slot(t, key) = value;
}

void table_deinit(struct table *t)
{
	free(t->entries);
	memset(t, 0, sizeof *t);
}
