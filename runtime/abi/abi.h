/* SPDX-License-Identifier: MIT */
#ifndef GORI_ABI_H
#define GORI_ABI_H
/*
 * What: the memory layout of the runtime that a reader of the stopped process has to know: goroutines (G),
 * kernel threads (M), processors (P), channels, waiters, captured calls.
 *
 * How: plain structs, nothing else.  This folder is the only thing that the runtime and the reader both
 * include.  A reader of another version does not trust these structs: it takes sizes and offsets from the
 * table that the runtime publishes (table.h).
 *
 * Invariants: a G whose memory is all zero is a G that never was (GORI_GDEAD).  `g->sp == NULL` means that
 * the registers of the goroutine are in a thread (`g->m`), anything else that they are in memory at `sp`
 * (struct gori_switch_frame).
 *
 * Context: data only; read from signal handlers and from other processes.
 */
#include <stddef.h>
#include <stdint.h>

#include <gorgon/site.h>

struct gori_g;
struct gori_m;
struct gori_p;
struct gor_chan;
struct gori_timer;
struct gori_defer;
struct gori_panic;

#define GORI_CACHE_LINE 64

/* ---- status of a goroutine; who owns its stack ---------------------------------------------------- */

enum gori_gstatus {
	GORI_GDEAD = 0,     /* never used, or ended; the stack belongs to whoever holds the free list */
	GORI_GRUNNABLE = 1, /* in a run queue; the stack belongs to whoever takes it from there */
	GORI_GRUNNING = 2,  /* on a thread (with a P, or after losing it); owns its stack */
	GORI_GSYSCALL = 3,  /* between gor_blocking_begin and _end; owns its stack */
	GORI_GWAITING = 4,  /* parked; the stack is nobody's until it is made ready */
};

/*
 * Why a goroutine waits.  Each reason is unique to one primitive and spelt as Go spells it, or in its style
 * where Go has no such thing, because existing tools for Go's tracebacks key on these texts.
 */
#define GORI_WAIT_REASONS(X)                                                                                 \
	X(NONE, "")                                                                                          \
	X(CHAN_RECV, "chan receive")                                                                         \
	X(CHAN_SEND, "chan send")                                                                            \
	X(CHAN_RECV_NIL, "chan receive (nil chan)")                                                          \
	X(CHAN_SEND_NIL, "chan send (nil chan)")                                                             \
	X(SELECT, "select")                                                                                  \
	X(SELECT_NO_CASES, "select (no cases)")                                                              \
	X(SLEEP, "sleep")                                                                                    \
	X(IO_WAIT, "IO wait")                                                                                \
	X(MUTEX_LOCK, "sync.Mutex.Lock")                                                                     \
	X(RWMUTEX_RLOCK, "sync.RWMutex.RLock")                                                               \
	X(RWMUTEX_LOCK, "sync.RWMutex.Lock")                                                                 \
	X(WAITGROUP_WAIT, "sync.WaitGroup.Wait")                                                             \
	X(COND_WAIT, "sync.Cond.Wait")                                                                       \
	X(SEMACQUIRE, "semacquire")                                                                          \
	X(ONCE_WAIT, "sync.Once.Do")                                                                         \
	X(SINGLEFLIGHT_WAIT, "singleflight.Do")                                                              \
	X(SETTLE, "settle")

enum gori_wait {
#define X(name, text) GORI_WAIT_##name,
	GORI_WAIT_REASONS(X)
#undef X
	GORI_NWAIT
};

/* ---- captured calls --------------------------------------------------------------------------------- */

/* The argument registers of the psABI at a function's entry. */
struct gori_regs {
	uint64_t gpr[6];    /* rdi rsi rdx rcx r8 r9 */
	uint64_t sse[8][2]; /* xmm0..xmm7 */
};

/* What go() and defer() hand to the capture stub in the static chain register. */
struct gor_call_req {
	void (*fn)(void);            /* the function, whatever its type */
	const struct gor_site *site; /* where the macro stands */
	void *arg;                   /* defer: the record in the caller's frame; go: NULL */
};

/* A call frozen at its entry: evaluating fn's parameter locations at its low_pc gives the arguments. */
struct gori_call {
	void (*fn)(void);
	const struct gor_site *site;
	uint64_t *stack;  /* copy of the stack argument words, or NULL */
	uint32_t nstack;  /* how many words */
	uint32_t align;   /* address of the first word in the caller, modulo 64 */
	struct gori_regs regs;
};

/* ---- what a parked goroutine looks like ------------------------------------------------------------- */

/* What gori_arch_switch leaves at g->sp, lowest address first. */
struct gori_switch_frame {
	uint32_t mxcsr;  /* SSE control word; callee-saved by the psABI */
	uint32_t x87cw;  /* x87 control word, in the low half */
	uint64_t r15, r14, r13, r12, rbx, rbp;
	uint64_t rip;    /* where it goes on */
};

/* One goroutine waiting on one object.  Lives on the stack of the goroutine while it is parked. */
struct gori_waiter {
	struct gori_g *g;
	struct gori_waiter *next, *prev; /* in the queue of `obj`, guarded by its lock */
	void *obj;                       /* the channel, mutex, ... */
	void *elem;                      /* channel: where to copy from or to; may be NULL */
	uint32_t kase;                   /* select: index of the case, in order of writing */
	uint8_t is_send;
	uint8_t is_select;               /* must win g->select_done before it is woken */
	uint8_t success;                 /* set by the waker: false if it woke because of a close */
	uint8_t linked;                  /* is in a queue */
	uint64_t ticket;                 /* sync: meaning is the primitive's */
};

struct gori_waitq {
	struct gori_waiter *first, *last;
};

/* ---- G ---------------------------------------------------------------------------------------------- */

enum gori_gflags {
	GORI_G_SYSTEM = 1,      /* the runtime's own; hidden from dumps and counts */
	GORI_G_FOREIGN = 2,     /* an adopted thread; runs only there */
	GORI_G_MAIN = 4,
	GORI_G_LEAK_IGNORE = 8, /* gor_leak_ignore() */
	GORI_G_ENDING = 16,     /* in gor_goexit */
};

struct gori_label {
	struct gori_label *next;
	const char *key, *value; /* copies, freed with the goroutine */
};

struct gori_g {
	/* first line: all that a switch touches */
	void *sp;                       /* saved stack pointer; NULL while on a thread */
	struct gori_g *link;            /* next in the queue or free list it is in */
	struct gori_m *m;               /* thread it is on; NULL otherwise */
	uint8_t status;                 /* enum gori_gstatus */
	uint8_t wait;                   /* enum gori_wait, valid while GORI_GWAITING */
	uint8_t flags;                  /* enum gori_gflags */
	uint8_t fresh;                  /* has never run */
	int32_t saved_errno;
	void *wait_obj;                 /* what it waits on: by reason; NULL if nothing */
	int64_t since;                  /* coarse monotonic ns when the status was last set to waiting */
	uint64_t wake;                  /* what the waker tells: by reason */

	/* second line: select, cold identity */
	struct gori_waiter *waiters;    /* what it is queued on; nwaiters of them, an array */
	uint32_t nwaiters;
	uint32_t select_done;           /* select: 0 until one waker has won */
	int64_t goid;
	int64_t parent_goid;            /* who created it */
	struct gori_m *locked_m;        /* gor_lock_thread: the only thread that may run it */
	uint32_t lock_depth;
	uint32_t nlocks_held;           /* mutexes it holds, for tests and dumps */
	struct gori_defer *defers;      /* innermost first */
	struct gori_panic *panics;      /* innermost first */

	uintptr_t stack_lo;             /* lowest usable byte, above the guard */
	uintptr_t stack_hi;             /* one past the highest byte of frames */
	struct gori_label *labels;
	struct gori_call *call;         /* what go() captured; NULL for main and adopted threads */
	struct gori_g *all_next;        /* list of goroutines that are not in a stack slot (main, adopted) */
	struct gori_g *all_prev;
	void *locals[4];                /* goroutine-local values of runtime modules (see sched/sched.h) */

	/* sanitizers and C++ */
	void *tsan_fiber;
	void *asan_fake_stack;
	size_t asan_root_size;          /* of the stack as LeakSanitizer knows it */
	void *cxx_caught;               /* __cxa_eh_globals: moves with the goroutine */
	uint32_t cxx_uncaught;
	uint32_t valgrind_stack_id;

	/* crash: filled by the handler of the thread that ran it */
	uint64_t crash_pc, crash_sp;
};

/* ---- timers ------------------------------------------------------------------------------------------ */

struct gori_timer {
	int64_t when;                   /* monotonic ns */
	int64_t period;                 /* > 0: again every so often */
	void (*fn)(void *arg, int64_t now);
	void *arg;
	struct gori_p *p;               /* whose heap it is in, NULL if none; guarded by that P's timer_lock */
	uint32_t index;                 /* in the heap */
	uint32_t firing;                /* fn is running now: the owner waits before it frees the timer */
	uint8_t detached;               /* fn may free the timer: `firing` is not kept */
};

struct gori_timer_slot {
	int64_t when;                   /* copy of timer->when, so that comparing stays in the heap */
	struct gori_timer *timer;
};

/* ---- P ---------------------------------------------------------------------------------------------- */

#define GORI_RUNQ_SIZE 256
#define GORI_GOID_BATCH 64

/* A goroutine that has ended: for the explanation of leaks, where a partner that is no more is the usual reason. */
struct gori_ended {
	int64_t goid;
	const struct gor_site *site;    /* of its go */
	int64_t when;                   /* coarse monotonic ns when it ended */
};

#define GORI_ENDED 256

struct gori_p {
	/* owner's line */
	struct gori_m *m;               /* the thread that owns it; NULL when idle.  Changed under sched.lock
	                                 * or by the owner inside the runtime */
	struct gori_g *runnext;         /* readied by the running G, runs next; atomic, thieves may take it */
	uint32_t schedtick;             /* +1 per goroutine switch; read by sysmon */
	uint32_t id;
	uint32_t handoff_score;         /* how reliably a readied G was picked up by its readier's parking */
	int64_t fresh_since;            /* coarse ns when some of the oldest fresh ones were last moved on */
	struct gori_g *gfree;           /* ended goroutines with warm stacks, the last first */
	struct gori_g *gspare;          /* a whole batch of the same, colder; or NULL */
	uint32_t ngfree;                /* in gfree; at most a batch (sched/g.c) */
	uint32_t rand;                  /* xorshift state */
	int64_t goid_next, goid_end;    /* ids reserved for this P */
	int32_t budget;                 /* switches until the owner must look at timers and the global queue */
	uint32_t torture;               /* torture mode: xorshift state of its own */
	uintptr_t slot_next, slot_end;  /* stack slots reserved for this P that were never used */
	int64_t nspawned, nended;       /* goroutines created and ended here; the sum of differences is what lives */

	/* FIFO ring of runnable goroutines: owner pushes at tail, owner and thieves take at head */
	_Alignas(GORI_CACHE_LINE) uint32_t runq_head;
	_Alignas(GORI_CACHE_LINE) uint32_t runq_tail;
	struct gori_g *runq[GORI_RUNQ_SIZE];

	/* deque of goroutines that never ran: owner pushes and pops at bottom, thieves take at top */
	_Alignas(GORI_CACHE_LINE) uint32_t fresh_top;
	_Alignas(GORI_CACHE_LINE) uint32_t fresh_bottom;
	struct gori_g *fresh[GORI_RUNQ_SIZE];

	/* the last GORI_ENDED goroutines that ended here: number n is at ended[n % GORI_ENDED] */
	struct gori_ended ended[GORI_ENDED];

	/* timers: a heap, under timer_lock */
	_Alignas(GORI_CACHE_LINE) uint32_t timer_lock;
	uint32_t ntimers, timers_cap;
	int64_t timer_next;             /* when the first one is due, INT64_MAX if none; atomic */
	struct gori_timer_slot *timers;

	/* sysmon's line */
	_Alignas(GORI_CACHE_LINE) uint32_t seen_tick;
	int64_t seen_when;
	struct gori_p *link;            /* idle list */
	struct gori_g *next_seen;       /* thieves: what was in runnext some microseconds ago; atomic */
	uint32_t next_seen_tick;        /* and schedtick then */
};

/* ---- M ---------------------------------------------------------------------------------------------- */

enum gori_claim {
	GORI_CLAIM_TAKEN = 1,   /* the P is being or has been taken away */
	GORI_CLAIM_PREEMPT = 2, /* yield at the next entry into the runtime */
	GORI_CLAIM_ALWAYS = 4,  /* never cleared: a sanitizer or torture wants to see every entry */
};

struct gori_m {
	/* first line: entry into and exit from the runtime, and the switch.  arch code knows in_rt's and
	 * curg's offsets */
	uint32_t in_rt;                 /* 1 inside the runtime: nobody may take the P away */
	uint32_t claim;                 /* enum gori_claim bits; pairs with in_rt through membarrier */
	struct gori_g *curg;            /* the goroutine it runs; &g0 while scheduling */
	struct gori_p *p;               /* NULL while it has none */
	int *errno_loc;                 /* &errno of this thread */
	struct gori_g *locked_g;        /* the only goroutine this thread may run */
	struct gori_p *nextp;           /* bound threads: the P that came with locked_g's turn */
	uint32_t park_futex;            /* 0 sleeping, 1 woken */
	uint8_t spinning;
	uint8_t foreign;                /* an adopted thread other than main */
	uint8_t slow_exit;              /* leaving the runtime takes the slow way */
	uint8_t ending;                 /* its thread ends; nothing more may run on it */
	uint8_t in_crash;               /* running crash code */
	uint8_t queueing;               /* has queued its goroutine and is on its way to g0, without a P */
	struct gori_g *own_g;           /* adopted: the goroutine that stands for the thread */
	struct gori_g *next_g;          /* taken from a queue by a switch that could not finish: run it next */
	uint32_t lost;                  /* runs curg without a P: it was taken away, or never had one */
	uint32_t timekeeper;            /* idle, and wakes when the first timer is due */
	uint64_t *restart_slot;         /* its rseq_cs; NULL if it can have no restartable sequence */

	struct gori_m *link;            /* idle list */
	struct gori_m *all_next;        /* every M that ever was; Ms are never freed, only reused */
	int32_t tid;                    /* kernel thread id; 0 when the thread is gone */
	uint32_t id;
	uint64_t pthread;
	uint8_t is_main;                /* the process's first thread */
	void *altstack;                 /* signal stack: base, of GORI_ALTSTACK_SIZE bytes above a guard page */
	void *cxx_globals;              /* __cxa_get_globals() of this thread, NULL without C++ */

	/* crash: the frozen state of this thread, valid when crash_frozen */
	uint32_t crash_frozen;
	uint64_t crash_regs[17];        /* DWARF order: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip */

	struct gori_g g0;               /* the scheduler's own context on this thread */
};

/* ---- stacks ------------------------------------------------------------------------------------------ */

/*
 * Slots of one size, the first at base.  The G of a slot lies at
 *	slot + slot_size - sizeof(struct gori_g) - GORI_SKEW_STEP * (1 + slot / slot_size % GORI_SKEWS)
 * (slot being an address, a multiple of slot_size); see sched/stack.c for the rest.
 */
struct gori_arena {
	uintptr_t base;
	uint32_t nslots;
	uint32_t used;                  /* atomic; slots below it were handed out at least once */
};

#define GORI_SKEWS 16
#define GORI_SKEW_STEP 64

/* ---- channels --------------------------------------------------------------------------------------- */

#define GORI_CHAN_COOKIE 0x6e616863726f67ULL /* "gorchan" */

struct gor_chan {
	uint32_t lock;
	uint32_t elem_size;
	size_t len, cap;                /* items in the buffer; size of the buffer in items */
	size_t sendx, recvx;            /* where the next send and receive take place */
	struct gori_waitq recvq, sendq;
	uint32_t closed;
	uint32_t flags;
	unsigned char *buf;             /* cap * elem_size bytes; part of this block */
	uint64_t cookie;                /* GORI_CHAN_COOKIE; cleared by chan_free */
	const struct gor_site *site;    /* where it was made; what = the element type */
	int64_t maker;                  /* goid */
	int64_t last_sender, last_receiver, closer; /* goids; 0 = none yet */
};

#endif
