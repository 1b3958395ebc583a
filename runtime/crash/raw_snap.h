/* SPDX-License-Identifier: MIT */
#ifndef RAW_SNAP_H
#define RAW_SNAP_H
/*
 * What: one goroutine as the report shows it: plain data, taken while its thread is stopped.
 *
 * How: raw_snap.c.  Taking and printing are apart so that gor_dump can let the program go on in between.
 * Context: any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "abi/abi.h"
#include "crash/raw_symbols.h"
#include "crash/raw_unwind.h"

enum {
	RAW_INNER = 50,   /* innermost frames that are shown of a long stack */
	RAW_OUTER = 50,   /* and outermost ones */
	RAW_STARTERS = 4, /* frames outside main that are not shown, at most */
	RAW_RING = RAW_OUTER + RAW_STARTERS,
};

struct raw_frame {
	uint64_t pc;     /* to look up: within the call, not after it */
	uint64_t rip;    /* as it stands in the stack or register */
	uint64_t sp, fp; /* at this pc; and the CFA, where the caller's frame begins */
};

enum raw_stack_state {
	RAW_STACK_OK,
	RAW_STACK_CUT,   /* ends with something that is no frame, or memory that cannot be read */
	RAW_STACK_NONE,  /* running on a thread that did not stop */
	RAW_STACK_BAD,   /* the saved stack pointer leads nowhere */
	RAW_STACK_FRESH, /* has never run: only its entry */
};

struct raw_snap {
	struct gori_g g; /* a copy */
	uint64_t addr;   /* of the G */
	int32_t m_id;    /* thread it is on, -1: none */
	bool readable;   /* false: the G itself could not be read; g is zero */
	bool is_culprit;
	bool has_call;
	uint8_t state;            /* enum raw_stack_state */
	struct gori_call call;    /* a copy */
	uint64_t nelided;         /* frames left out between inner and outer ones */
	uint32_t ninner, nframes; /* frames[0..ninner) inner, then outer ones */
	struct raw_frame frames[RAW_INNER + RAW_RING];
};

/* Bytes of a snap that are in use. */
static inline size_t raw_snap_size(const struct raw_snap *s)
{
	return offsetof(struct raw_snap, frames) + s->nframes * sizeof s->frames[0];
}

/* A goroutine whose registers are known better than its G or M tells: that of the reporting thread. */
struct raw_culprit {
	const struct gori_g *g;
	uint64_t regs[RAW_NREGS];
	bool exact; /* regs are those of an interrupted instruction */
};

struct raw_reader {
	struct raw_unwind unwind;
	struct raw_symbols symbols;
	struct raw_module own;             /* where the runtime's code is */
	bool own_is_main;                  /* linked statically: by name, not by address */
	bool show_runtime;                 /* frames of the runtime count too */
	int64_t deadline;                  /* walks of endless stacks stop there */
	const struct raw_culprit *culprit; /* may be NULL */
};

/* Forgets what earlier reports have read.  The first call is made while the library is loaded. */
void raw_reader_reset(struct raw_reader *r);

/* Takes the goroutine at this address; in_slot: it lies in a stack slot, as the scheduler says, so that its
 * page is sure to be there. */
void raw_snap_take(struct raw_reader *r, const struct gori_g *g, bool in_slot, struct raw_snap *ret);

/* Is this code of the runtime, which reports hide? */
bool raw_is_runtime(struct raw_reader *r, uint64_t pc);

#endif
