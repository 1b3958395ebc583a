/* SPDX-License-Identifier: MIT */
#ifndef TARGET_CORE_OWN_H
#define TARGET_CORE_OWN_H
/*
 * What: the notes that a snapshot, or a core that was converted, has of ours: what a process shows to a reader and
 * a core file has no place for.
 *
 * How: the owner is "GORGON"; debuggers pass over notes whose owner they do not know.  All are optional, all stand
 * before the NT_PRSTATUS notes, numbers are of the machine's byte order.
 *
 *	type  name     desc
 *	1     INFO     struct own_info, then the program's path, ended by a zero byte
 *	2     THREADS  struct own_thread of every kernel thread: in such a file NT_PRSTATUS are goroutines and threads
 *	               under numbers that may be made up, so readers that know this note do not look at them
 *	3     MAPS     the text of /proc/PID/maps
 *
 * Invariants: a field never changes its meaning.  New ones are added at the end, and `size` says how many bytes of
 * a struct its writer knew; `version` changes when old readers would misunderstand the file.
 */
#include <stdint.h>

#include "model/regs.h"

#define OWN_NOTE "GORGON"

enum { OWN_VERSION = 1 };

enum own_type {
	OWN_INFO = 1,
	OWN_THREADS = 2,
	OWN_MAPS = 3,
};

enum own_flags {
	OWN_CONVERTED = 1, /* from a core; otherwise it is a snapshot of a process */
	OWN_MINIMAL = 2,   /* of its memory only what a report needs */
};

struct own_info {
	uint32_t version;     /* OWN_VERSION */
	uint32_t size;        /* of this struct */
	uint32_t thread_size; /* of struct own_thread */
	uint32_t flags;       /* enum own_flags */
	int32_t pid;
	int32_t reserved;
	int64_t now; /* monotonic ns when the process stopped; 0: unknown */
	/* OWN_CONVERTED: what the core told of the signal; signo 0: nothing */
	int32_t signo, code, signal_tid, sender_pid;
	uint32_t sender_uid, reserved2;
	uint64_t signal_addr, signal_pc;
};

struct own_thread {
	int32_t tid;
	int32_t syscall; /* as in struct target_thread */
	uint32_t state;  /* enum thread_state */
	uint32_t known;  /* bit i: gpr[i]; 0: it has no registers */
	char name[32];
	uint64_t gpr[REG_NGPR]; /* DWARF order */
	uint64_t fs_base;
	uint32_t xmm_known;
	uint32_t reserved;
	uint64_t xmm[REG_NXMM][2];
};

#endif
