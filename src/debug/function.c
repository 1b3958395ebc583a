/* SPDX-License-Identifier: MIT */
/* What, how: debug/function.h. */
#include "debug/function.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "base/vec.h"
#include "debug/mangled.h"

enum { MAX_NESTING = 64, MAX_INLINED = 64, MAX_PARAMS = 256 };

struct extent {
	uint64_t lo, hi;
	struct function *function;
};

/* The functions of one compilation unit. */
struct unit {
	struct extent *extents; /* by lo */
	size_t n;
	bool is_runtime;
};

typedef VEC(struct extent) extents;

struct functions {
	struct arena arena;
	struct modules *modules;
	struct types *types;
	struct scopes *scopes;
	struct table units;     /* address of the unit's DIE -> struct unit */
	struct table codes;     /* lookup -> struct code */
	struct table params;    /* address of the scope's DIE -> struct params */
	struct table functions; /* address of the DIE -> struct function */
};

struct functions *functions_new(struct modules *ms, struct types *ts, struct scopes *scopes)
{
	struct functions *fs = base_malloc(sizeof *fs);

	memset(fs, 0, sizeof *fs);
	fs->modules = ms;
	fs->types = ts;
	fs->scopes = scopes;
	return fs;
}

void functions_free(struct functions *fs)
{
	if (!fs)
		return;
	table_deinit(&fs->units);
	table_deinit(&fs->codes);
	table_deinit(&fs->params);
	table_deinit(&fs->functions);
	arena_deinit(&fs->arena);
	free(fs);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static const char *string_attr(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attr));
}

bool die_follow(Dwarf_Die *die, unsigned name, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formref_die(&attr, ret);
}

/* The name with namespaces and classes, which stand at the DIE that was first declared. */
static const char *qualified_name(struct functions *fs, const Dwarf_Die *die)
{
	Dwarf_Die at = *die, next;
	const char *name = string_attr(&at, DW_AT_name), *qualifier;

	for (int i = 0; i < 4; i++) {
		qualifier = scope_of(fs->scopes, &at);
		if (qualifier && name)
			return arena_printf(&fs->arena, "%s%s", qualifier, name);
		if (!die_follow(&at, DW_AT_abstract_origin, &next) &&
		    !die_follow(&at, DW_AT_specification, &next))
			break;
		at = next;
	}
	return name;
}

/* ---- the functions of a unit ----------------------------------------------------------------------------------- */

static struct function *function_of(struct functions *fs, struct module *m, Dwarf_Die *die, Dwarf_Die *cu)
{
	void **slot = table_slot(&fs->functions, (uintptr_t)die->addr);
	struct function *f = *slot;
	Dwarf_Addr low;

	if (f)
		return f;
	f = *slot = arena_new(&fs->arena, struct function);
	f->owner = fs;
	f->module = m;
	f->die = *die;
	f->cu = *cu;
	if (dwarf_entrypc(die, &low) == 0)
		f->entry = low + m->dwarf_bias;
	return f;
}

static void add_extents(struct functions *fs, struct module *m, Dwarf_Die *die, Dwarf_Die *cu, extents *list)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0)
		if (lo < hi)
			*VEC_PUSH(list) = (struct extent){lo + m->dwarf_bias, hi + m->dwarf_bias,
							  function_of(fs, m, die, cu)};
}

/* Is this a function that only the runtime's own sources define?  Inline ones of its headers are everywhere. */
static bool is_of_runtime(Dwarf_Die *die)
{
	const char *name = string_attr(die, DW_AT_name);

	return name && (strncmp(name, "gori_", 5) == 0 || strncmp(name, "gor_", 4) == 0) &&
	       dwarf_hasattr(die, DW_AT_external) && dwarf_hasattr(die, DW_AT_high_pc) &&
	       !dwarf_hasattr(die, DW_AT_inline) && !dwarf_hasattr(die, DW_AT_linkage_name);
}

/* Functions below a DIE: those of namespaces and classes too, and in C++ those of classes that are in functions. */
static void walk(struct functions *fs, struct module *m, Dwarf_Die *parent, Dwarf_Die *cu, unsigned depth,
		 extents *list, bool *ret_runtime)
{
	Dwarf_Die child;

	if (depth > MAX_NESTING)
		return;
	for (int r = dwarf_child(parent, &child); r == 0; r = dwarf_siblingof(&child, &child))
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			add_extents(fs, m, &child, cu, list);
			*ret_runtime |= is_of_runtime(&child);
			if (!scope_is_cxx(cu))
				break;
			/* fallthrough */
		case DW_TAG_lexical_block:
		case DW_TAG_namespace:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
			if (dwarf_haschildren(&child))
				walk(fs, m, &child, cu, depth + 1, list, ret_runtime);
			break;
		}
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static struct unit *unit_of(struct functions *fs, struct module *m, Dwarf_Die *cu)
{
	struct unit *u = table_get(&fs->units, (uintptr_t)cu->addr);
	extents list = {0};

	if (u)
		return u;
	u = arena_new(&fs->arena, struct unit);
	walk(fs, m, cu, cu, 0, &list, &u->is_runtime);
	u->n = list.n;
	u->extents = arena_copy(&fs->arena, list.items, list.n * sizeof list.items[0]);
	qsort(u->extents, u->n, sizeof u->extents[0], compare_extents);
	VEC_FREE(&list);
	for (size_t i = 0; i < u->n; i++) {
		struct function *f = u->extents[i].function;

		if (!f->name)
			f->name = qualified_name(fs, &f->die);
		f->is_runtime = u->is_runtime || m->is_runtime;
	}
	table_put(&fs->units, (uintptr_t)cu->addr, u);
	return u;
}

static struct function *find_in_unit(const struct unit *u, uint64_t addr)
{
	size_t n = SEARCH_UPTO(u->extents, u->n, lo, addr);

	return n > 0 && addr < u->extents[n - 1].hi ? u->extents[n - 1].function : NULL;
}

static struct function *function_in(struct functions *fs, struct module *m, uint64_t addr)
{
	Dwarf_Die cu;

	return m && module_cu(m, addr, &cu) ? find_in_unit(unit_of(fs, m, &cu), addr) : NULL;
}

struct function *function_at(struct functions *fs, uint64_t addr)
{
	return function_in(fs, module_of(fs->modules, addr), addr);
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

typedef VEC(struct param) param_list;

static void collect_params(struct functions *fs, Dwarf_Die *scope, param_list *list, bool *ret_variadic)
{
	Dwarf_Die child;

	for (int r = dwarf_child(scope, &child); r == 0 && list->n < MAX_PARAMS;
	     r = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_unspecified_parameters)
			*ret_variadic = true;
		else if (tag == DW_TAG_GNU_formal_parameter_pack)
			collect_params(fs, &child, list, ret_variadic);
		else if (tag == DW_TAG_formal_parameter)
			*VEC_PUSH(list) = (struct param){.name = string_attr(&child, DW_AT_name),
							 .type = types_of(fs->types, &child),
							 .die = child};
	}
}

static bool is_artificial(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_artificial);
}

/* Puts the parameters of an instance into the order of the function that it is an instance of, and notes those
 * that the instance does not have any more. */
static void order_params(param_list *mine, param_list *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		all->items[i].gone = true;
		for (size_t j = 0; j < mine->n; j++) {
			Dwarf_Die origin;

			if (die_follow(&mine->items[j].die, DW_AT_abstract_origin, &origin) &&
			    origin.addr == all->items[i].die.addr) {
				all->items[i] = mine->items[j];
				break;
			}
		}
		/* What only some instances take, and nobody has written, as that of g++ for destructors. */
		if (!all->items[i].gone || !is_artificial(&all->items[i].die))
			all->items[n++] = all->items[i];
	}
	/* Parameters that belong to none: the debug information mixes two functions.  What is there counts. */
	if (all->n == 0)
		for (size_t j = 0; j < mine->n; j++)
			*VEC_PUSH(all) = mine->items[j];
	else
		all->n = n;
}

const struct params *params_of(struct functions *fs, Dwarf_Die *scope)
{
	struct params *ps = table_get(&fs->params, (uintptr_t)scope->addr);
	param_list mine = {0}, all = {0};
	Dwarf_Die origin;

	if (ps)
		return ps;
	ps = arena_new(&fs->arena, struct params);
	ps->result = types_of(fs->types, scope);
	collect_params(fs, scope, &mine, &ps->variadic);
	if (die_follow(scope, DW_AT_abstract_origin, &origin)) {
		collect_params(fs, &origin, &all, &ps->variadic);
		order_params(&mine, &all);
	} else {
		all = mine;
		memset(&mine, 0, sizeof mine);
	}
	ps->n = (unsigned)all.n;
	ps->items = arena_copy(&fs->arena, all.items, all.n * sizeof all.items[0]);
	VEC_FREE(&mine);
	VEC_FREE(&all);
	table_put(&fs->params, (uintptr_t)scope->addr, ps);
	return ps;
}

static bool base_is_cfa(struct function *f)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!f->tried_base) {
		f->tried_base = true;
		f->base_is_cfa = dwarf_attr_integrate(&f->die, DW_AT_frame_base, &attr) &&
				 dwarf_whatform(&attr) == DW_FORM_exprloc &&
				 dwarf_getlocation(&attr, &ops, &n) == 0 && n == 1 &&
				 ops[0].atom == DW_OP_call_frame_cfa;
	}
	return f->base_is_cfa;
}

static void param_place_at(struct function *f, const struct param *p, uint64_t pc, struct param_place *ret)
{
	Dwarf_Die die = p->die;

	memset(ret, 0, sizeof *ret);
	ret->why = WHY_OPTIMIZED_OUT;
	if (p->gone)
		return;
	if (dwarf_attr(&die, DW_AT_const_value, &ret->attr)) {
		ret->is_constant = true;
		ret->why = WHY_NONE;
		return;
	}
	if (!dwarf_attr(&die, DW_AT_location, &ret->attr))
		return;
	ret->is_list = dwarf_whatform(&ret->attr) != DW_FORM_exprloc &&
		       dwarf_whatform(&ret->attr) != DW_FORM_block1 &&
		       dwarf_whatform(&ret->attr) != DW_FORM_block;
	switch (dwarf_getlocation_addr(&ret->attr, pc - f->module->dwarf_bias, &ret->ops, &ret->nops, 1)) {
	case 1:
		ret->why = ret->nops ? WHY_NONE : WHY_OPTIMIZED_OUT;
		ret->shape = shape_of_location(&ret->attr, ret->ops, ret->nops, base_is_cfa(f),
					       f->module->dwarf_bias);
		return;
	case -1:
		ret->why = WHY_EXPRESSION;
	}
}

const struct param_place *param_places_at_entry(struct function *f)
{
	const struct params *ps = params_of(f->owner, &f->die);

	if (f->at_entry)
		return f->at_entry;
	f->at_entry = arena_array(&f->owner->arena, struct param_place, ps->n);
	for (unsigned i = 0; i < ps->n; i++)
		param_place_at(f, &ps->items[i], f->entry, &f->at_entry[i]);
	return f->at_entry;
}

const struct param_place *param_places(struct functions *fs, const struct code *code, unsigned level)
{
	struct scope *s = &code->scopes[level];

	if (s->places)
		return s->places;
	s->places = arena_array(&fs->arena, struct param_place, s->params->n);
	for (unsigned i = 0; i < s->params->n; i++)
		param_place_at(code->function, &s->params->items[i], code->lookup, &s->places[i]);
	return s->places;
}

/* ---- one pc --------------------------------------------------------------------------------------------------------- */

/* Inlined subroutines at pc below this DIE, outermost first. */
static unsigned inlined_at(Dwarf_Die *parent, Dwarf_Addr pc, Dwarf_Die *ret, unsigned n, unsigned depth)
{
	Dwarf_Die child;

	if (depth > MAX_NESTING || n >= MAX_INLINED)
		return n;
	for (int r = dwarf_child(parent, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);

		if ((tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block &&
		     tag != DW_TAG_try_block && tag != DW_TAG_catch_block) ||
		    dwarf_haspc(&child, pc) <= 0)
			continue;
		if (tag == DW_TAG_inlined_subroutine)
			ret[n++] = child;
		return inlined_at(&child, pc, ret, n, depth + 1);
	}
	return n;
}

static const char *call_file(struct functions *fs, Dwarf_Die *cu, uint64_t index)
{
	Dwarf_Files *files;
	const char *name, *const *dirs;
	size_t n, ndirs;

	if (dwarf_getsrcfiles(cu, &files, &n) != 0 || index >= n)
		return NULL;
	name = dwarf_filesrc(files, index, NULL, NULL);
	if (!name || name[0] == '/' || dwarf_getsrcdirs(files, &dirs, &ndirs) != 0 || ndirs == 0 || !dirs[0])
		return name;
	return arena_printf(&fs->arena, "%s/%s", dirs[0], name);
}

/* The line that an inlined call stands in belongs to the next outer place. */
static void place_of_call(struct functions *fs, struct function *f, Dwarf_Die *inlined, struct place *outer)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &word) == 0)
		outer->line = (int)word;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &word) == 0)
		outer->file = call_file(fs, &f->cu, word);
}

static void fill_places(struct functions *fs, struct code *c, Dwarf_Die *inlined, unsigned ninlined)
{
	struct function *f = c->function;

	c->n = ninlined + 1;
	c->places = arena_array(&fs->arena, struct place, c->n);
	c->scopes = arena_array(&fs->arena, struct scope, c->n);
	for (unsigned i = 0; i < c->n; i++) {
		struct place *p = &c->places[i];
		struct scope *s = &c->scopes[i];

		p->is_inlined = i < ninlined;
		s->die = p->is_inlined ? inlined[ninlined - 1 - i] : f->die;
		s->params = params_of(fs, &s->die);
		p->function = p->is_inlined ? qualified_name(fs, &s->die) : f->name;
		p->has_debug_info = true;
		p->is_runtime = f->is_runtime;
		p->entry = f->entry;
		p->module = f->module->path;
		p->module_base = f->module->bias;
	}
	module_line(f->module, c->lookup, &c->places[0].file, &c->places[0].line);
	for (unsigned i = 0; i < ninlined; i++)
		place_of_call(fs, f, &c->scopes[i].die, &c->places[i + 1]);
}

static bool is_public_runtime_name(const char *name)
{
	static const char *const others[] = {"chan_close", "chan_free", "chan_len", "chan_cap"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(name, others[i]) == 0)
			return true;
	return strncmp(name, "gor_", 4) == 0 || strncmp(name, "gori_", 5) == 0;
}

/* Code without debug information: a symbol is all there is. */
static void fill_bare(struct functions *fs, struct code *c)
{
	struct place *p = c->places = arena_new(&fs->arena, struct place);
	const struct symbol *sym = c->module ? module_symbol(c->module, c->lookup, true) : NULL;

	c->n = 1;
	if (!c->module)
		return;
	p->module = c->module->path;
	p->module_base = c->module->bias;
	p->is_runtime = c->module->is_runtime;
	if (sym) {
		p->function = mangled_name(&fs->arena, sym->name);
		p->entry = sym->addr;
		p->is_runtime |= is_public_runtime_name(sym->name);
	}
	module_line(c->module, c->lookup, &p->file, &p->line);
}

const struct code *code_at(struct functions *fs, uint64_t lookup)
{
	struct code *c = table_get(&fs->codes, lookup);
	Dwarf_Die inlined[MAX_INLINED];

	if (c)
		return c;
	c = arena_new(&fs->arena, struct code);
	c->lookup = lookup;
	c->module = module_of(fs->modules, lookup);
	c->function = function_in(fs, c->module, lookup);
	if (c->function)
		fill_places(fs, c, inlined,
			    inlined_at(&c->function->die, lookup - c->module->dwarf_bias, inlined, 0, 0));
	else
		fill_bare(fs, c);
	table_put(&fs->codes, lookup, c);
	return c;
}

/* ---- prologues and call sites ------------------------------------------------------------------------------------------ */

uint64_t function_prologue_end(struct function *f)
{
	Dwarf_Addr *points;
	int n;

	if (f->tried_prologue)
		return f->prologue_end;
	f->tried_prologue = true;
	n = dwarf_entry_breakpoints(&f->die, &points);
	if (n <= 0)
		return 0;
	f->prologue_end = points[0] + f->module->dwarf_bias;
	free(points);
	return f->prologue_end;
}

static bool flag(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	bool yes = false;

	return dwarf_attr_integrate(die, name, &attr) && dwarf_formflag(&attr, &yes) == 0 && yes;
}

typedef VEC(struct call_site) site_list;

static void collect_sites(struct function *f, Dwarf_Die *parent, site_list *list, unsigned depth)
{
	Dwarf_Die child;

	if (depth > MAX_NESTING)
		return;
	for (int r = dwarf_child(parent, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		Dwarf_Attribute attr;
		Dwarf_Addr ret;

		if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
		    tag == DW_TAG_try_block || tag == DW_TAG_catch_block)
			collect_sites(f, &child, list, depth + 1);
		if (tag != DW_TAG_call_site && tag != DW_TAG_GNU_call_site)
			continue;
		if (dwarf_formaddr(dwarf_attr(&child, DW_AT_call_return_pc, &attr), &ret) != 0 &&
		    dwarf_formaddr(dwarf_attr(&child, DW_AT_low_pc, &attr), &ret) != 0 &&
		    dwarf_formaddr(dwarf_attr(&child, DW_AT_call_pc, &attr), &ret) != 0)
			continue;
		*VEC_PUSH(list) = (struct call_site){.ret = ret + f->module->dwarf_bias,
						     .die = child,
						     .is_tail = flag(&child, DW_AT_call_tail_call) ||
								flag(&child, DW_AT_GNU_tail_call)};
	}
}

static int compare_sites(const void *a, const void *b)
{
	const struct call_site *x = a, *y = b;

	return x->ret < y->ret ? -1 : x->ret > y->ret;
}

void function_load_sites(struct function *f)
{
	site_list list = {0};

	if (f->tried_sites)
		return;
	f->tried_sites = true;
	collect_sites(f, &f->die, &list, 0);
	VEC_SORT(&list, compare_sites);
	f->sites = arena_copy(&f->owner->arena, list.items, list.n * sizeof list.items[0]);
	f->nsites = list.n;
	f->sites_complete = flag(&f->die, DW_AT_call_all_calls) || flag(&f->die, DW_AT_call_all_tail_calls) ||
			    flag(&f->die, DW_AT_call_all_source_calls) ||
			    flag(&f->die, DW_AT_GNU_all_call_sites) ||
			    flag(&f->die, DW_AT_GNU_all_tail_call_sites) ||
			    flag(&f->die, DW_AT_GNU_all_source_call_sites);
	VEC_FREE(&list);
}

struct call_site *function_call_site(struct function *f, uint64_t ret)
{
	size_t i;

	function_load_sites(f);
	i = SEARCH_BELOW(f->sites, f->nsites, ret, ret);
	return i < f->nsites && f->sites[i].ret == ret && !f->sites[i].is_tail ? &f->sites[i] : NULL;
}

/* The register that a call site's parameter is passed in; false: in memory, or not said. */
static bool param_register(Dwarf_Die *param, unsigned *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(param, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &n) != 0 || n != 1)
		return false;
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		*ret = ops[0].atom - DW_OP_reg0;
	else if (ops[0].atom == DW_OP_regx)
		*ret = (unsigned)ops[0].number;
	else
		return false;
	return true;
}

/* The parameter that a call site describes though it is not passed; 0: none. */
static Dwarf_Off param_die(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die of;

	if ((dwarf_attr(die, DW_AT_call_parameter, &attr) || dwarf_attr(die, DW_AT_abstract_origin, &attr)) &&
	    dwarf_formref_die(&attr, &of))
		return dwarf_dieoffset(&of);
	return 0;
}

static void load_site_params(struct function *f, struct call_site *site)
{
	VEC(struct site_param) list = {0};
	Dwarf_Die child;

	for (int r = dwarf_child(&site->die, &child); r == 0; r = dwarf_siblingof(&child, &child)) {
		struct site_param p = {0};

		if ((dwarf_tag(&child) != DW_TAG_call_site_parameter &&
		     dwarf_tag(&child) != DW_TAG_GNU_call_site_parameter))
			continue;
		if (!param_register(&child, &p.reg)) {
			p.reg = NO_REG;
			p.die = param_die(&child);
			if (!p.die)
				continue;
		}
		if ((dwarf_attr(&child, DW_AT_call_value, &p.attr) ||
		     dwarf_attr(&child, DW_AT_GNU_call_site_value, &p.attr)) &&
		    dwarf_getlocation(&p.attr, &p.ops, &p.nops) != 0)
			p.ops = NULL;
		if (p.ops)
			p.shape = shape_of_value(&p.attr, p.ops, p.nops, f->module->dwarf_bias);
		*VEC_PUSH(&list) = p;
	}
	site->params = arena_copy(&f->owner->arena, list.items, list.n * sizeof list.items[0]);
	site->nparams = (unsigned)list.n;
	site->tried_params = true;
	VEC_FREE(&list);
}

const struct site_param *site_param(struct function *caller, struct call_site *site, unsigned reg)
{
	if (!site->tried_params)
		load_site_params(caller, site);
	for (unsigned i = 0; i < site->nparams; i++)
		if (site->params[i].reg == reg)
			return &site->params[i];
	return NULL;
}

const struct site_param *site_param_of(struct function *caller, struct call_site *site, Dwarf_Off die)
{
	if (!site->tried_params)
		load_site_params(caller, site);
	for (unsigned i = 0; i < site->nparams; i++)
		if (site->params[i].reg == NO_REG && site->params[i].die == die)
			return &site->params[i];
	return NULL;
}
