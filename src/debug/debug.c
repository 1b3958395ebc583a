/* SPDX-License-Identifier: MIT */
/* What, how: debug/debug.h. */
#include "debug/debug.h"

#include <stdlib.h>
#include <string.h>

#include "debug/args.h"
#include "debug/mangled.h"

int debug_open(struct debug **ret, struct target *t, struct error *e)
{
	struct debug *d = base_malloc(sizeof *d);
	int err;

	memset(d, 0, sizeof *d);
	d->target = t;
	err = modules_open(&d->modules, t, e);
	if (err) {
		free(d);
		return err;
	}
	d->unwinder = unwinder_new(d->modules, t);
	d->scopes = scopes_new();
	d->types = types_new(d->scopes);
	d->functions = functions_new(d->modules, d->types, d->scopes);
	*ret = d;
	return 0;
}

void debug_close(struct debug *d)
{
	if (!d)
		return;
	functions_free(d->functions);
	types_free(d->types);
	scopes_free(d->scopes);
	unwinder_free(d->unwinder);
	modules_close(d->modules);
	table_deinit(&d->tails);
	table_deinit(&d->copies);
	arena_deinit(&d->arena);
	free(d);
}

struct modules *debug_modules(struct debug *d)
{
	return d->modules;
}

struct unwinder *debug_unwinder(struct debug *d)
{
	return d->unwinder;
}

const struct place *debug_places(struct debug *d, uint64_t lookup, unsigned *ret_n)
{
	const struct code *c = code_at(d->functions, lookup);

	*ret_n = c->n;
	return c->places;
}

bool debug_symbol(struct debug *d, uint64_t addr, const char **ret_name, uint64_t *ret_offset,
		  bool *ret_function)
{
	struct module *m = module_of(d->modules, addr);
	const struct symbol *sym = m ? module_symbol(m, addr, false) : NULL;

	if (!sym || (sym->size && addr - sym->addr >= sym->size))
		return false;
	*ret_name = mangled_name(&d->arena, sym->name);
	*ret_offset = addr - sym->addr;
	*ret_function = sym->is_function;
	return true;
}
