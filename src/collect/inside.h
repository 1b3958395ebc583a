/* SPDX-License-Identifier: MIT */
#ifndef COLLECT_INSIDE_H
#define COLLECT_INSIDE_H
/*
 * What: what the parts of collect/ know of each other.
 */
#include "base/vec.h"
#include "collect/collect.h"
#include "collect/runtime.h"

/* Somebody whose registers are known better than its G or thread tells. */
struct culprit {
	uint64_t g;  /* 0: it is the thread */
	int32_t tid; /* 0: none */
	bool is_exact;
	bool is_blameless; /* the finder of a deadlock: shown as what it is, not as the culprit */
	struct regs regs;
	struct regs_xmm xmm;
};

struct collector {
	struct world *world;
	struct target *target;
	struct debug *debug;
	const struct collect_options *options;
	struct rt rt;
	struct culprit culprit;
	struct table sites;   /* address of a struct gor_site -> struct site */
	struct table waiting; /* object -> how many goroutines wait on it alone */
	struct table tids;    /* threads that run a goroutine or belong to the runtime -> enum tid_use + 1 */
	VEC(struct uframe) frames;
	VEC(unsigned char *) copies; /* of stacks, taken before the target went on */
	int64_t nfound;              /* goroutines in slots, shown or not */
	int64_t copy_ns;             /* that reading stacks took so far */
	bool out_of_time;
};

enum tid_use { TID_GOROUTINE = 1, TID_RUNTIME = 2 };

/* A place in the target's source, read once. */
struct site {
	const char *file; /* as the compiler was given it */
	const char *path; /* the same, in full where that is known */
	const char *func, *what;
	int line;
};

const struct site *collect_site(struct collector *c, uint64_t addr);

/* goroutines.c */
void collect_goroutines(struct collector *c);

/* ended.c */
void collect_ended(struct collector *c);

/* threads.c */
void collect_threads(struct collector *c);

/* stacks.c: unwinds from regs and fills *ret.  entered: see struct ustack. */
void collect_stack(struct collector *c, const struct regs *regs, bool exact, const struct regs *entered,
		   uint64_t fs_base, struct stack *ret);

/* Is this a function that stands outside main and the functions of threads? */
bool collect_is_starter(const struct place *p);

/* A goroutine that has not run yet: the call it will begin with. */
void collect_fresh(struct collector *c, uint64_t fn, const struct regs *entered, struct stack *ret);

/* facts.c: what these values lead to. */
void collect_facts(struct collector *c, const struct value *args, unsigned n);

/* facts.c: what a goroutine waits on. */
void collect_object(struct collector *c, uint64_t addr, const char *reason);

static inline uint32_t or_default(uint32_t n, uint32_t otherwise)
{
	return n ? n : otherwise;
}

#endif
