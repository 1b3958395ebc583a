/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_FUNCTION_H
#define DEBUG_FUNCTION_H
/*
 * What: functions, what is inlined into them, their parameters and call sites, found by address.
 *
 * How: two indexes, made when first needed: the functions of a compilation unit sorted by address
 * (dwarf_getscopes would walk the whole unit for each pc), and everything about one pc (struct code), so that
 * the second goroutine at the same place costs one hash lookup.
 *
 * Invariants: all addresses here are the target's, module bias included.
 */
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "debug/module.h"
#include "debug/shape.h"
#include "debug/type.h"
#include "model/world.h"

struct functions;

struct param {
	const char *name; /* NULL: none */
	const struct type *type;
	Dwarf_Die die;
	bool gone; /* the compiler has removed it from this instance: `die` is that of the abstract one */
};

struct params {
	struct param *items;
	unsigned n;
	bool variadic;
	const struct type *result; /* of the function */
};

/* What the caller says that an argument register held. */
struct site_param {
	unsigned reg;  /* NO_REG: none */
	Dwarf_Off die; /* of the parameter, where the argument is not passed at all; 0: none */
	Dwarf_Attribute attr;
	Dwarf_Op *ops; /* the value, in the caller's frame; NULL: not given */
	size_t nops;
	struct shape shape; /* of ops */
};

struct call_site {
	uint64_t ret; /* return address; of a tail call: address behind the jump */
	Dwarf_Die die;
	bool is_tail, tried_params;
	struct function *calls; /* what it was shown to call, whatever the frame; NULL: nothing yet */
	struct site_param *params;
	unsigned nparams;
};

enum { NO_REG = ~0u };

enum tail_state { TAIL_UNKNOWN, TAIL_NEVER, TAIL_MAYBE };

struct param_place;

/* A function that has code of its own. */
struct function {
	struct functions *owner;
	struct module *module;
	Dwarf_Die die, cu;
	const char *name;      /* with namespace and class; NULL */
	uint64_t entry;        /* its first instruction */
	uint64_t prologue_end; /* first instruction behind the prologue; 0: unknown */
	bool tried_prologue, tried_sites;
	bool sites_complete;          /* every tail call in it is among the sites */
	bool is_runtime;              /* of libgorgon */
	bool tried_base, base_is_cfa; /* DW_AT_frame_base is the CFA, and so costs nothing */
	struct call_site *sites;      /* by ret */
	size_t nsites;
	enum tail_state self_tail; /* may it come to itself again by tail calls only? */
	struct param_place
		*at_entry; /* of each parameter, where it is at the first instruction; NULL until asked for */
};

/* Where a parameter is at one pc. */
struct param_place {
	struct shape shape;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t nops;
	enum value_why why; /* WHY_NONE: ops say it */
	bool is_constant;   /* DW_AT_const_value, in attr */
	bool is_list;       /* from a location list: says so for this pc */
};

struct scope {
	Dwarf_Die die; /* subprogram or inlined_subroutine */
	const struct params *params;
	struct param_place *places; /* one per parameter; NULL until asked for */
};

/* All that is known of one pc. */
struct code {
	uint64_t lookup;
	struct module *module;     /* NULL: none */
	struct function *function; /* NULL: no debug information */
	unsigned n;                /* at least 1 */
	struct place *places;      /* innermost first */
	struct scope *scopes;      /* NULL without debug information */
};

/* The DIE that an attribute of this one refers to; false: it has none. */
bool die_follow(Dwarf_Die *die, unsigned name, Dwarf_Die *ret);

struct functions *functions_new(struct modules *ms, struct types *ts, struct scopes *scopes);
void functions_free(struct functions *fs);

const struct code *code_at(struct functions *fs, uint64_t lookup);

/* The function with debug information that has code at addr; NULL. */
struct function *function_at(struct functions *fs, uint64_t addr);

const struct params *params_of(struct functions *fs, Dwarf_Die *scope);

/* Where the parameters of code->scopes[level] are, at code->lookup. */
const struct param_place *param_places(struct functions *fs, const struct code *code, unsigned level);

/* Where the parameters are at the function's first instruction. */
const struct param_place *param_places_at_entry(struct function *f);

/* 0 if it cannot be told where the prologue ends. */
uint64_t function_prologue_end(struct function *f);

/* The call that returns to ret; NULL if f does not describe one. */
struct call_site *function_call_site(struct function *f, uint64_t ret);

/* What the caller says of a register at a call; NULL: nothing. */
const struct site_param *site_param(struct function *caller, struct call_site *site, unsigned reg);

/* The same of a parameter that gcc has removed from the function (DW_OP_GNU_parameter_ref). */
const struct site_param *site_param_of(struct function *caller, struct call_site *site, Dwarf_Off die);

/* Reads f->sites. */
void function_load_sites(struct function *f);

#endif
