/* SPDX-License-Identifier: MIT */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H
/*
 * What: everything that is known of a stopped program: its goroutines, threads, frames, arguments, and facts
 * about addresses.  Plain data: no handle of a library, no process, no file.
 *
 * How: collect/ makes it, analyse/ looks at it and adds groups and ids, emit/ prints it.  All memory is in
 * world->arena, except types and places, which belong to the debug information and live as long as it does.
 *
 * Facts: what is at an address is kept once, however many arguments lead there: the text a char * points to,
 * the elements of a slice, the state of a channel.  They are found by address and kind (world_fact).
 *
 * Invariants: goroutines[0] is the one that the dump is about (culprit or caller) if there is one; then those
 * that run, then by id.  Strings are the target's: an emitter passes them through sink_clean.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/table.h"
#include "model/regs.h"
#include "model/type.h"
#include "model/value.h"

/* ---- places and frames -------------------------------------------------------------------------------- */

/* One function, perhaps inlined into the next outer place, at one pc. */
struct place {
	const char *function; /* as in the debug information, else the symbol; NULL: unknown */
	const char *file;     /* NULL: unknown */
	int line;             /* 0: unknown */
	const char *module;   /* path of the file the code is in; NULL: none (JIT) */
	uint64_t module_base; /* pc - module_base is an offset that addr2line understands */
	uint64_t entry;       /* address of the (physical) function's first instruction; 0: unknown */
	bool is_inlined;
	bool has_debug_info; /* parameters are known to the debug information */
	bool is_runtime;     /* of libgorgon: hidden unless asked for */
};

enum frame_kind {
	FRAME_NORMAL,
	FRAME_SIGNAL, /* the frame that the kernel put there for a signal handler */
	FRAME_TAIL, /* a function that left by a tail call: it is not on the stack any more, but was called */
};

struct frame {
	const struct place *place;
	uint64_t pc;     /* as it stands in the register or on the stack; 0 for FRAME_TAIL */
	uint64_t cfa;    /* 0: unknown */
	uint64_t offset; /* from the function's entry, where the addresses themselves are not known */
	const struct value *args;
	uint16_t nargs;
	uint8_t kind;            /* enum frame_kind */
	uint8_t is_variadic : 1; /* more arguments than args were passed */
	uint8_t guessed : 1;     /* found by frame pointer or scanning, not by call frame information */
	uint32_t index;          /* in the stack, elided and hidden ones counted */
};

enum stack_end {
	STACK_COMPLETE,
	STACK_FRESH,      /* never ran: one frame, its entry */
	STACK_NO_CFI,     /* code without call frame information that led nowhere */
	STACK_UNREADABLE, /* memory missing */
	STACK_CORRUPT,    /* the chain does not go up */
	STACK_RUNNING,    /* on a thread that could not be stopped */
	STACK_LIMIT,      /* too many frames */
};

struct stack {
	struct frame *frames; /* innermost first; inlined ones are frames of their own */
	uint32_t nframes;
	uint32_t elide_at; /* before frames[elide_at], nelided frames are left out, if nelided > 0 */
	uint64_t nelided;
	uint64_t sp; /* the stack pointer in the innermost frame, if a text says it; 0: unknown */
	enum stack_end end;
	const struct regs
		*regs; /* of its innermost frame, if collect was asked to keep them; NULL: unknown */
};

/* ---- who runs ----------------------------------------------------------------------------------------- */

struct label {
	const char *key, *value;
};

enum goroutine_status {
	GOROUTINE_DEAD,
	GOROUTINE_RUNNABLE,
	GOROUTINE_RUNNING,
	GOROUTINE_SYSCALL,
	GOROUTINE_WAITING,
	GOROUTINE_UNREADABLE,
};

/* What the search for leaks has found out (src/leak/leak.h). */
enum verdict {
	VERDICT_NONE,
	VERDICT_LEAKED,     /* proven: nothing that can still run reaches what it waits on */
	VERDICT_DEADLOCKED, /* proven: the lock it waits for will never be released */
	VERDICT_STUCK,      /* has been waiting for long on something that is still reachable */
	VERDICT_LINGERING,  /* still there at the end */
};

/* Who keeps a goroutine from getting its lock. */
struct blocker {
	int64_t goid;
	bool ended; /* it is no more, and held the lock when it ended */
	bool waits; /* it does not hold the lock, but is first in line for writing */
};

/* One of the things that a select waits for. */
struct select_case {
	uint64_t obj; /* the channel */
	bool is_send;
};

struct goroutine {
	int64_t id;
	uint64_t addr; /* of its G */
	enum goroutine_status status;
	const char *reason; /* WAITING: "chan receive"; else NULL */
	uint64_t wait_obj;  /* what it waits on; 0: nothing */
	uint64_t waiters;   /* its places in queues: nwaiters structs, in its stack */
	uint32_t nwaiters;
	const struct select_case *cases; /* of a select: the first ncases of nwaiters */
	uint32_t ncases;
	int64_t waited_ns;           /* how long it has been waiting; 0: not waiting, or unknown */
	int32_t tid;                 /* kernel thread it is on; 0: none */
	int32_t m_id;                /* -1: none */
	uint64_t sp;                 /* where its registers are saved; 0: it is on a thread */
	uint64_t stack_lo, stack_hi; /* 0: not known */
	uint64_t call;               /* what go captured; 0: nothing */
	bool is_fresh;               /* has never run */
	bool in_slot;                /* of a stack arena */
	bool leak_ignored;           /* gor_leak_ignore */
	bool is_main;
	bool is_system;  /* the runtime's own */
	bool is_culprit; /* panicked, crashed, or asked for the dump */
	bool is_foreign; /* stands for a thread that the runtime did not start */
	bool locked_to_thread;
	enum verdict verdict;
	const struct blocker *blockers; /* DEADLOCKED: those that will never let go */
	uint32_t nblockers;
	uint32_t rule;   /* number of the suppression that covers it (analyse/suppress.h); 0: none */
	uint32_t nlocks; /* mutexes it holds */
	const struct label *labels;
	uint32_t nlabels;
	struct stack stack;

	int64_t creator;     /* goid; 0: none */
	const char *go_func; /* function that did the go; NULL: main, foreign */
	const char *go_file;
	int go_line;
	uint64_t go_offset; /* of the call in that function; 0: unknown */
	const char *entry;  /* the function it began with, as written in the go statement; NULL: unknown */
};

/* A goroutine that is no more, as far as the runtime remembers. */
struct ended {
	int64_t id;
	const char *go_func, *go_file; /* where it was started; NULL: unknown */
	int go_line;
	int64_t ago_ns; /* how long ago it ended; 0: unknown */
};

enum thread_state {
	THREAD_RUNNING,
	THREAD_FUTEX,   /* waits in a futex */
	THREAD_SYSCALL, /* in another system call */
	THREAD_STOPPED, /* did not answer, or ended while we looked */
};

/* A kernel thread that runs no goroutine of its own. */
struct thread {
	int32_t tid;
	const char *name;
	enum thread_state state;
	const char *syscall; /* name of the system call; NULL: none or unknown */
	bool is_culprit;
	bool is_runtime; /* the scheduler's: hidden unless asked for */
	struct stack stack;
};

/* ---- facts about addresses ----------------------------------------------------------------------------- */

enum fact_kind {
	FACT_TEXT,   /* what a char * leads to */
	FACT_BYTES,  /* memory: elements of a slice, a pointee */
	FACT_SYMBOL, /* the address is that of a function or variable */
	FACT_CHAN,
	FACT_MUTEX,
	FACT_RWMUTEX,
	FACT_WAITGROUP,
	FACT_ONCE,
	FACT_COND,
	FACT_SEM,
	FACT_MAP,
	FACT_TYPE, /* a struct gor_type: the dynamic type of an interface value */
	FACT_CONTEXT,
	FACT_LIST,
};

struct fact_holder {
	int64_t goid;
	bool is_writer;
};

struct fact {
	enum fact_kind kind;
	bool stale; /* read after the program went on */
	bool bad;   /* there is nothing of this kind there: unreadable, or not initialised */
	uint64_t addr;
	union {
		struct {
			const char *p;
			uint32_t len;
			bool truncated; /* there is more */
		} text;
		struct {
			const unsigned char *p;
			uint64_t len;
		} bytes;
		struct {
			const char *name;
			uint64_t offset;
			bool is_function;
		} symbol;
		struct {
			uint64_t len, cap;
			uint32_t elem_size;
			bool closed;
			const char *elem, *func, *file; /* element type; where it was made: file name alone */
			const char *path;               /* and as the program has it */
			int line;
			int64_t maker, last_sender, last_receiver, closer; /* goids; 0: none */
			uint32_t nsenders, nreceivers;                     /* waiting */
			bool queues_unreadable;
		} chan;
		struct {
			bool locked, starving;
			int64_t holder; /* goid; 0: none, or disowned */
			uint32_t nreaders, nwaiters, nwriters_waiting;
			const struct fact_holder *holders; /* RWMUTEX: those that are known */
			uint32_t nholders;
			const struct place *where; /* where the holder took it; NULL: unknown */
			int64_t held_ns;           /* for how long it has held it; 0: unknown */
			int64_t last_taker;        /* goid; WAITGROUP: who added, SEM: acquired; 0: none */
			int64_t last_giver;        /* WAITGROUP: who was done, SEM: released, COND: woke */
			int64_t count;             /* WAITGROUP: counter; SEM: units held, of `size` */
			int64_t size;
			uint32_t state; /* ONCE: 0 new, 1 running, 2 done */
		} sync;
		struct {
			uint64_t count;
			const char *name; /* "map[K]V" */
			bool growing, writing;
		} map;
		struct {
			const char *name;
			uint32_t kind; /* enum gor_kind */
			uint64_t size;
			bool named;
			const struct type *layout; /* with its members; NULL: unknown */
		} type;
		struct {
			const char *err;     /* why cancelled; NULL: it is not */
			int64_t deadline_in; /* ns from the time of the dump; INT64_MAX: none */
			uint64_t done;
		} context;
	} u;
	/* analyse/ */
	uint32_t nuses; /* goroutines that have this address among their arguments */
	uint32_t id;    /* short id if nuses > 1; 0: none */
};

/* A file with code. */
struct world_module {
	const char *path;
	uint64_t lo, hi; /* hi: one behind its last byte */
};

/* ---- the world ----------------------------------------------------------------------------------------- */

struct world {
	struct arena arena;

	int32_t pid;
	const char *exe;    /* path of the program; NULL: unknown */
	const char *origin; /* "process 123", "core file core.123" */
	bool has_runtime;   /* libgorgon is in it */
	bool is_text;       /* was read as text (parse/): it is known what is written there, and no more */
	int64_t now;        /* monotonic ns when it was stopped; 0: unknown */
	int64_t paused_ns;  /* how long it was stopped; 0: it did not go on */

	const char *message; /* "panic: ..." lines of a dying process; NULL: none, or printed already */
	int signal, signal_code;
	uint64_t signal_addr, signal_pc;
	int32_t signal_sender; /* process that sent it, if signal_code <= 0; 0: unknown */
	uint32_t signal_uid;   /* and its user */
	bool has_registers;    /* of the culprit, for the lines at the end */
	uint64_t registers[17];

	struct goroutine *goroutines;
	size_t ngoroutines;
	struct thread *threads;
	size_t nthreads;

	struct world_module *modules; /* by address */
	size_t nmodules;
	struct ended *ended; /* by id */
	size_t nended;
	bool incomplete; /* there may be goroutines that are not listed */

	const char **notes; /* one line each: what is missing and why */
	size_t nnotes;

	struct table facts; /* by world_fact_key */
	uint32_t nids;

	bool leaks_checked; /* verdicts are set */
	uint32_t nverdicts[VERDICT_LINGERING + 1];
};

/* NULL if nothing is known. */
const struct fact *world_fact(const struct world *w, enum fact_kind kind, uint64_t addr);

/* The fact, made if it was not there (*ret_new). */
struct fact *world_fact_add(struct world *w, enum fact_kind kind, uint64_t addr, bool *ret_new);

/* n bytes at addr out of FACT_BYTES that begins there; NULL if not all are there. */
const unsigned char *world_bytes(const struct world *w, uint64_t addr, uint64_t n);

/* NULL: there is no such goroutine, or it is not remembered. */
const struct goroutine *world_goroutine(const struct world *w, int64_t goid);
const struct ended *world_ended(const struct world *w, int64_t goid);

void world_note(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "chan receive", "running", ...: what stands in the brackets. */
const char *goroutine_state(const struct goroutine *g);

/* "leaked", "deadlocked", ...; NULL for none. */
const char *verdict_text(enum verdict v);

void world_deinit(struct world *w);

#endif
