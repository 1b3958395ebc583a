/* SPDX-License-Identifier: MIT */
#ifndef COLLECT_H
#define COLLECT_H
/*
 * What: makes a world from a target and its debug information.
 *
 * How: runtime.c reads the runtime's published table (abi/table.h) and goroutines.c its Gs, ended.c those that are no more; stacks.c unwinds and
 * asks for arguments; facts.c looks at what arguments lead to; threads.c adds the kernel threads.
 */
#include "debug/debug.h"
#include "model/world.h"
#include "target/target.h"

struct collect_options {
	bool args;            /* decode arguments */
	bool system;          /* keep frames and goroutines of the runtime */
	bool threads;         /* kernel threads too */
	uint32_t max_text;    /* bytes of a string to keep; 0: 64 */
	uint32_t max_items;   /* elements of a slice to keep; 0: 8 */
	uint32_t frames_kept; /* inner and outer frames each; 0: 50 */
	int64_t pause_ns;     /* let a live target go on after this; 0: no limit */
	bool keep; /* let it go on once all stacks are kept (target_keep), and read what has been kept */
	int64_t deadline_ns; /* monotonic: stop decoding then, and say so; 0: none */
	bool only_culprit;   /* nobody else */
	bool keep_regs;      /* struct stack has its registers */
	bool every;          /* after the deadline, the rest of the goroutines without stacks */
};

/* What a process asks of the helper that it has started (abi/death.h).  Settings are GORI_UNSET where the user has
 * said nothing. */
struct collect_request {
	bool found;
	int args;  /* enum gori_args */
	int color; /* enum gori_color */
	int group, why, threads;
	const char *suppressions, *baseline, *report, *junit, *sarif, *json,
		*html;        /* @leaks: files; NULL: none */
	const char *snapshot; /* @death, @leaks: its process's number is to be added; NULL: none is wanted */
	const char *path;     /* @snapshot: the file */
	const char *fail_on;  /* @leaks: list of verdicts; NULL */
	const char *message;  /* @death: what stands before the report; NULL: nothing */
	struct arena arena;   /* of these texts */
	uint32_t traceback;   /* enum gori_traceback */
	uint32_t flags;   /* enum gor_dump_flags, @leaks: gori_leaks_flags, @snapshot: gor_snapshot_flags */
	int64_t stuck_ns; /* @leaks: see struct leak_options */
	int64_t deadline; /* monotonic ns */
};

/* The caller gives back ret->arena. */
int collect_request(struct target *t, struct debug *d, struct collect_request *ret, struct error *e);

/* The target is stopped.  w is all zero.  What cannot be read is noted in the world; fails only if there is nothing
 * at all to show. */
int collect(struct world *w, struct target *t, struct debug *d, const struct collect_options *o,
	    struct error *e);

/*
 * The same of a target that goes on at once, for so many ns or little more: whoever stops it next finds debug information
 * loaded, and stops it for the shorter.  What is in the world has never been so.
 */
int collect_rehearsal(struct world *w, struct target *t, struct debug *d, const struct collect_options *o,
		      int64_t ns, struct error *e);

#endif
