/* SPDX-License-Identifier: MIT */
/* What, how: text_world.h. */
#include "text_world.h"

#include "parse/parse.h"

struct first {
	struct world *world;
	bool found;
};

static void put_other(void *arg, const char *p, size_t n)
{
	(void)arg, (void)p, (void)n;
}

static void put_dump(void *arg, struct world *w)
{
	struct first *f = arg;

	if (f->found)
		world_deinit(w);
	else
		*f->world = *w;
	f->found = true;
}

bool text_world(const void *text, size_t n, struct world *ret)
{
	struct first f = {.world = ret};
	struct parse_client client = {&f, put_other, put_dump};
	struct parser *p = parser_new(&client);

	parser_feed(p, text, n);
	parser_end(p);
	parser_free(p);
	return f.found;
}
