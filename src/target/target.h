/* SPDX-License-Identifier: MIT */
#ifndef TARGET_H
#define TARGET_H
/*
 * What: the program being read: its memory, its mappings, its threads.
 *
 * How: one table of callbacks for each kind of source (a live process, our own, a core, a fake for tests), and in
 * front of it what all share: a cache of pages, so that reading a word costs no system call, and one window,
 * the stack of the goroutine that is being decoded.
 *
 * States of a target:
 *
 *	open --target_stop--> stopped --target_resume--> running again (memory read from here on is stale)
 *	 |                      |                          |
 *	 +----------------------+--------target_close------+   (a process is always left running)
 *
 * Whoever wants to read for longer than the target may stand still keeps what it will need (target_keep): from then on
 * everything goes through the cache, and once the target goes on, nothing else is read.
 *
 * target.c is that common part; process.h is what live.c and self.c share.
 *
 * Invariants: what the cache holds was read while the target was stopped, or is marked stale with the whole
 * target (`moved_on`).  Addresses are the target's; nothing here dereferences them.
 *
 * Context: a target belongs to one thread, because the kernel's tracer is a thread: the one that called
 * target_stop calls target_resume and target_close too.  If it ends before, the kernel lets the target go on.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/table.h"
#include "model/regs.h"
#include "model/world.h"

struct target;

struct mapping {
	uint64_t lo, hi;
	uint64_t offset; /* in the file */
	uint64_t inode, dev;
	const char *path; /* "" for anonymous memory, "[stack]", "[vdso]", ...; without " (deleted)" */
	bool readable, writable, executable, shared, deleted;
};

/* One kernel thread as the target found it. */
struct target_thread {
	int32_t tid;
	char name[32];
	enum thread_state state;
	int syscall; /* number; -1: in none, or unknown */
	bool has_regs;
	struct regs regs; /* regs.xmm points to xmm, or is NULL */
	struct regs_xmm xmm;
	uint64_t fs_base;            /* thread pointer, for thread-local variables; 0: unknown */
	const unsigned char *xstate; /* all vector registers as XSAVE lays them out; NULL: unknown */
	size_t xstate_size;
};

/* A piece of memory to read into the reader's. */
struct span {
	uint64_t addr;
	void *buf;
	size_t len;
	bool ok; /* result: all of it was read */
};

/* Why a program ended, as its core tells. */
struct target_signal {
	int32_t tid; /* of the thread that got it */
	int signo, code;
	uint64_t addr, pc;
	int32_t sender_pid; /* if code <= 0 */
	uint32_t sender_uid;
};

struct target_ops {
	const char *kind;
	/* It stands still for ever: there is nothing to stop, and `now` is when it stopped. */
	bool is_file;
	/* Reading costs nothing, or memory may begin and end in the middle of a page: no page is cached. */
	bool uncached;
	/* Reads what it can from the front: bytes read; 0 if there is nothing at addr. */
	size_t (*read)(struct target *t, uint64_t addr, void *buf, size_t n);
	/* Many at once; NULL: one by one. */
	void (*read_spans)(struct target *t, struct span *spans, size_t n);
	/* Fills t->mappings, sorted by address.  Called once the target is open, and again when it is stopped. */
	int (*load_mappings)(struct target *t, struct error *e);
	/* Stops every thread and fills t->threads.  NULL: there is nothing to stop. */
	int (*stop)(struct target *t, struct error *e);
	void (*resume)(struct target *t);
	/* The file behind a mapping, open for reading; negative errno with a sentence. */
	int (*open_file)(struct target *t, const struct mapping *m, struct error *e);
	/* The first piece of [lo, hi) that is there, as far as is known without reading; false: there is none.  NULL: all
	 * may be. */
	bool (*piece)(struct target *t, uint64_t lo, uint64_t hi, uint64_t *ret_lo, uint64_t *ret_hi);
	/* Which of n pages from a page's address on have anything in them; false: cannot be told.  NULL: never. */
	bool (*resident)(struct target *t, uint64_t addr, size_t n, unsigned char *ret_present);
	/* "/proc/PID/root", where the target's paths can be found; NULL: "" */
	const char *(*root)(struct target *t);
	/* Folders in which to look for files by their last name, separated by colons.  NULL: none. */
	const char *(*search_path)(struct target *t);
	/* Frees what the kind has beside the struct target; NULL: nothing. */
	void (*close)(struct target *t);
};

#define TARGET_PAGE 4096u

struct target {
	const struct target_ops *ops;
	int32_t pid;      /* 0: none */
	const char *name; /* "process 123" */
	const char *exe;  /* path of the program */

	struct mapping *mappings;
	size_t nmappings;
	struct target_thread *threads;
	size_t nthreads;
	int64_t stopping_at; /* monotonic ns when the first thread was told to stop; 0: not yet */
	int64_t stopped_at;  /* monotonic ns when the last thread had stopped; 0: not stopped yet */
	int64_t paused_ns;   /* from stopping_at until it was resumed; 0: it was not */
	bool moved_on;       /* has gone on since: what is read now may be out of date */
	bool gone;           /* ended while we read it: nothing more can be read */
	struct regs caller;  /* of target_stop: rip, rsp and rbp; for a target that is ourselves */
	int64_t now;         /* of a file: monotonic ns when the program stopped; 0: unknown */
	const struct target_signal *signal; /* of a file: why it exists; NULL: unknown */
	const char **notes;                 /* what the reader must know: one sentence each */
	size_t nnotes;

	bool recording;        /* what is read is noted in `recorded` */
	struct table recorded; /* numbers of the pages of which something was read */
	bool keeping;          /* since target_keep: what was read stays in the cache */
	size_t nmissed;        /* reads of pages that had not been kept when the target went on */
	const char *
		partial; /* of a file: why memory is missing in it; NULL: it is all there, as far as is known */

	struct table pages;       /* page number -> page, or the mark of an unreadable one */
	struct arena page_memory; /* those pages, but for those in room */
	unsigned char *room;      /* target_keep_room; NULL: none */
	size_t room_size, room_used;
	uint64_t window_lo, window_hi; /* the stack being decoded: its bytes are at window */
	const unsigned char *window;
	/* A copy of memory that was made while it was stopped; see target_set_copy.  NULL: there is none. */
	const unsigned char *(*copy)(void *arg, uint64_t addr, size_t *ret_n);
	void *copy_arg;
	struct arena arena; /* mappings, threads, names: live until the target is closed */
};

/* For kinds: a zeroed struct of `size` bytes that begins with a struct target.  target_close frees it. */
void *target_new(const struct target_ops *ops, size_t size);

/* ---- kinds ---------------------------------------------------------------------------------------------- */

/* A process.  Needs the right to ptrace it. */
int target_open_live(struct target **ret, int32_t pid, struct error *e);

/*
 * A process that waits for us to decode its death.  The threads of its runtime sleep already, others are
 * stopped like those of a live one.  Where ptrace is refused (a debugger has it), nothing is stopped: threads
 * come from /proc without registers, which are then to be had from the runtime's records.
 */
int target_open_frozen(struct target **ret, int32_t pid, struct error *e);

/* Our own process, for tests and for checks from inside.  Nothing is stopped: target_stop lists the threads, and
 * of the calling one only it knows rip, rsp and rbp, as they are when target_stop returns. */
int target_open_self(struct target **ret, struct error *e);

/* Memory laid out by a test.  Spans are copied. */
int target_open_fake(struct target **ret, const struct span *memory, size_t n,
		     const struct target_thread *threads, size_t nthreads);

struct core_options {
	const char *sysroot;     /* folder below which the program's files are; NULL: / */
	const char *search_path; /* folders with its libraries, separated by colons; NULL: none */
	const char *exe;         /* the program; NULL: where the core says it was */
};

/* A core of the kernel's, of gdb's, or a snapshot.  o may be NULL. */
int target_open_core(struct target **ret, const char *path, const struct core_options *o, struct error *e);

/* Lets the target go on if it was stopped, and frees everything. */
void target_close(struct target *t);

/* ---- reading -------------------------------------------------------------------------------------------- */

/* All n bytes; else -EFAULT, or -ESRCH once the process is gone.  Through the window and the cache. */
int target_read(struct target *t, uint64_t addr, void *buf, size_t n);

/* As many as there are from the front. */
size_t target_read_some(struct target *t, uint64_t addr, void *buf, size_t n);

/* A string without its zero byte, at most max bytes: its length, or as target_read if the first byte cannot be read.
 * *ret_truncated: there was no zero byte within max, or memory ended. */
ssize_t target_read_str(struct target *t, uint64_t addr, char *buf, size_t max, bool *ret_truncated);

static inline int target_read_u64(struct target *t, uint64_t addr, uint64_t *ret)
{
	return target_read(t, addr, ret, sizeof *ret);
}

/* Past the window and, unless pages are kept, the cache, for bulk: each span says whether it was read. */
void target_read_spans(struct target *t, struct span *spans, size_t n);

/* What is in n pages from addr on: 0 nothing that was ever touched, 1 a page of a file, or shared, 2 memory of the
 * process's own; false if that cannot be told.  addr is a multiple of TARGET_PAGE. */
bool target_resident(struct target *t, uint64_t addr, size_t n, unsigned char *ret_present);

void target_set_window(struct target *t, uint64_t lo, uint64_t hi, const void *bytes);

/* Forgets cached pages, kept ones too. */
void target_forget(struct target *t);

/*
 * Copies the pages that n pieces of memory lie in (buf is not used, ok not set), so that they can be read after the
 * target has gone on, as they are now.  Then a page that can be written to and is not among them cannot be read: it is
 * counted in nmissed, and recorded.  For targets that stand still until target_resume; does nothing on others.
 */
void target_keep(struct target *t, const struct span *pieces, size_t n);

/* Makes ready memory for that many bytes of kept pages, while nobody waits for it. */
void target_keep_room(struct target *t, size_t n);

/* Would reading the page that addr is in be such a miss? */
bool target_lacks(const struct target *t, uint64_t addr);

/*
 * The same for who copies all memory anyway: from here on memory is read as it was when it was copied.  copy() says where the
 * bytes of an address are, and how many follow in a row; NULL: they were not copied.  copy NULL: there is no copy any more.
 */
void target_set_copy(struct target *t, const unsigned char *(*copy)(void *arg, uint64_t addr, size_t *ret_n),
		     void *arg);

/* May what is read now be out of date? */
static inline bool target_is_late(const struct target *t)
{
	return t->moved_on && !t->keeping && !t->copy;
}

/* ---- the rest -------------------------------------------------------------------------------------------- */

/* Does nothing if it is stopped.  On failure it runs on as it was.  A target that was resumed may be stopped again:
 * threads and mappings are new ones then. */
int target_stop(struct target *t, struct error *e);
void target_resume(struct target *t);

int64_t target_now(void); /* monotonic ns */

/* For kinds: a sentence that belongs into every report about this target. */
void target_note(struct target *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The mapping that addr is in; NULL if none. */
const struct mapping *target_mapping(const struct target *t, uint64_t addr);

const struct target_thread *target_thread(const struct target *t, int32_t tid);

/* The name of a system call of x86-64 Linux; NULL if the number is none. */
const char *target_syscall_name(int nr);

#endif
