/* SPDX-License-Identifier: MIT */
/* What, how: snapshot/notes.h. */
#include "snapshot/notes.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/sysmacros.h>

#include "target/core_own.h"
#include "target/process.h"

enum { FIRST_MADE_UP = 1 << 30, EFLAGS = 0x202, CODE_SEGMENT = 0x33, STACK_SEGMENT = 0x2b };

void notes_put(struct sink *s, const char *owner, uint32_t type, const void *desc, size_t n)
{
	static const char zeros[4];
	size_t len = strlen(owner) + 1;
	Elf64_Nhdr h = {.n_namesz = (Elf64_Word)len, .n_descsz = (Elf64_Word)n, .n_type = type};

	sink_put(s, (const char *)&h, sizeof h);
	sink_put(s, owner, len);
	sink_put(s, zeros, -len & 3);
	sink_put(s, desc, n);
	sink_put(s, zeros, -n & 3);
}

/* ---- threads ------------------------------------------------------------------------------------------------ */

struct thread_notes {
	struct sink *s;
	const struct notes_source *from;
	struct table taken; /* pr_pid -> something */
	int32_t next;       /* number to make up */
	size_t n;
};

static int32_t choose_pid(struct thread_notes *tn, int64_t wanted)
{
	void **slot;

	if (wanted < 1 || wanted >= FIRST_MADE_UP || table_get(&tn->taken, (uint64_t)wanted))
		wanted = tn->next++;
	slot = table_slot(&tn->taken, (uint64_t)wanted);
	*slot = tn;
	return (int32_t)wanted;
}

static void put_sse(struct sink *s, const struct regs_xmm *xmm)
{
	struct user_fpregs_struct fp = {.cwd = 0x37f, .mxcsr = 0x1f80};

	memcpy(fp.xmm_space, xmm->lane, sizeof fp.xmm_space);
	notes_put(s, "CORE", NT_FPREGSET, &fp, sizeof fp);
}

static void put_thread(struct thread_notes *tn, int32_t pid, const struct regs *regs, uint64_t fs_base)
{
	const struct world *w = tn->from->world;
	const uint64_t *g = regs->gpr;
	struct user_regs_struct r = {
		.rax = g[REG_RAX],
		.rdx = g[REG_RDX],
		.rcx = g[REG_RCX],
		.rbx = g[REG_RBX],
		.rsi = g[REG_RSI],
		.rdi = g[REG_RDI],
		.rbp = g[REG_RBP],
		.rsp = g[REG_RSP],
		.r8 = g[REG_R8],
		.r9 = g[REG_R9],
		.r10 = g[REG_R10],
		.r11 = g[REG_R11],
		.r12 = g[REG_R12],
		.r13 = g[REG_R13],
		.r14 = g[REG_R14],
		.r15 = g[REG_R15],
		.rip = g[REG_RIP],
		.orig_rax = ~0ull,
		.eflags = EFLAGS,
		.cs = CODE_SEGMENT,
		.ss = STACK_SEGMENT,
		.fs_base = fs_base,
	};
	struct elf_prstatus st = {.pr_pid = pid, .pr_ppid = 1, .pr_pgrp = w->pid, .pr_sid = w->pid};

	memcpy(st.pr_reg, &r, sizeof r);
	if (tn->n == 0) {
		st.pr_cursig = (short)w->signal;
		st.pr_info.si_signo = w->signal;
		st.pr_info.si_code = w->signal_code;
	}
	st.pr_fpvalid = regs->xmm != NULL;
	notes_put(tn->s, "CORE", NT_PRSTATUS, &st, sizeof st);
	if (regs->xmm)
		put_sse(tn->s, regs->xmm);
	if (tn->n++ == 0)
		sink_put(tn->s, tn->from->rest, tn->from->rest_len);
}

static uint64_t fs_base_of(const struct notes_source *from, int32_t tid)
{
	const struct target_thread *th = tid ? target_thread(from->target, tid) : NULL;

	return th ? th->fs_base : 0;
}

static void put_kernel_thread(struct thread_notes *tn, const struct target_thread *th)
{
	put_thread(tn, choose_pid(tn, th->tid), &th->regs, th->fs_base);
}

/* The thread that crashed, if it was not a goroutine that did; 0: none. */
static int32_t culprit_of(const struct world *w)
{
	for (size_t i = 0; i < w->nthreads; i++)
		if (w->threads[i].is_culprit)
			return w->threads[i].tid;
	return 0;
}

static void put_all_threads(struct thread_notes *tn)
{
	const struct target *t = tn->from->target;
	const struct world *w = tn->from->world;
	int32_t first = culprit_of(w);
	static const struct regs none;

	for (size_t i = 0; i < t->nthreads && first; i++)
		if (t->threads[i].tid == first)
			put_kernel_thread(tn, &t->threads[i]);
	for (size_t i = 0; i < w->ngoroutines; i++) {
		const struct goroutine *g = &w->goroutines[i];

		put_thread(tn, choose_pid(tn, g->id), g->stack.regs ? g->stack.regs : &none,
			   fs_base_of(tn->from, g->tid));
	}
	for (size_t i = 0; i < t->nthreads; i++)
		if (t->threads[i].tid != first)
			put_kernel_thread(tn, &t->threads[i]);
}

/* ---- ours --------------------------------------------------------------------------------------------------- */

static void put_info(struct sink *s, const struct notes_source *from)
{
	const struct target *t = from->target;
	const char *exe = t->exe ? t->exe : "";
	size_t n = strlen(exe) + 1;
	struct own_info info = {
		.version = OWN_VERSION,
		.size = sizeof info,
		.thread_size = sizeof(struct own_thread),
		.flags = from->flags,
		.pid = t->pid,
		.now = from->world->now,
	};
	const struct target_signal *sig = t->signal;
	char *desc = base_malloc(sizeof info + n);

	if (sig) {
		info.signo = sig->signo;
		info.code = sig->code;
		info.signal_tid = sig->tid;
		info.sender_pid = sig->sender_pid;
		info.sender_uid = sig->sender_uid;
		info.signal_addr = sig->addr;
		info.signal_pc = sig->pc;
	}
	memcpy(desc, &info, sizeof info);
	memcpy(desc + sizeof info, exe, n);
	notes_put(s, OWN_NOTE, OWN_INFO, desc, sizeof info + n);
	free(desc);
}

static void put_own_threads(struct sink *s, const struct target *t)
{
	struct own_thread *all = base_malloc((t->nthreads + 1) * sizeof *all);

	memset(all, 0, t->nthreads * sizeof *all);
	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];
		struct own_thread *o = &all[i];

		o->tid = th->tid;
		o->syscall = th->syscall;
		o->state = th->state;
		o->known = th->has_regs ? th->regs.known : 0;
		o->fs_base = th->fs_base;
		memcpy(o->name, th->name, sizeof o->name);
		memcpy(o->gpr, th->regs.gpr, sizeof o->gpr);
		if (!th->regs.xmm)
			continue;
		o->xmm_known = th->regs.xmm->known;
		memcpy(o->xmm, th->regs.xmm->lane, sizeof o->xmm);
	}
	notes_put(s, OWN_NOTE, OWN_THREADS, all, t->nthreads * sizeof *all);
	free(all);
}

void notes_maps_text(struct sink *s, const struct target *t)
{
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *m = &t->mappings[i];

		sink_printf(s, "%llx-%llx %c%c%c%c %llx %02x:%02x %llu ", (unsigned long long)m->lo,
			    (unsigned long long)m->hi, m->readable ? 'r' : '-', m->writable ? 'w' : '-',
			    m->executable ? 'x' : '-', m->shared ? 's' : 'p', (unsigned long long)m->offset,
			    major(m->dev), minor(m->dev), (unsigned long long)m->inode);
		for (const char *p = m->path; *p; p++) {
			if (*p == '\n')
				sink_str(s, "\\012");
			else
				sink_char(s, *p);
		}
		sink_str(s, m->deleted ? " (deleted)\n" : "\n");
	}
}

static void put_maps(struct sink *s, const struct target *t)
{
	struct sink text;

	sink_init_memory(&text);
	notes_maps_text(&text, t);
	notes_put(s, OWN_NOTE, OWN_MAPS, text.buf, text.len);
	sink_deinit(&text);
}

/* ---- a process ---------------------------------------------------------------------------------------------- */

static void put_psinfo(struct sink *s, struct target *t)
{
	struct elf_prpsinfo ps = {.pr_sname = 'R', .pr_pid = t->pid};
	const char *slash = t->exe ? strrchr(t->exe, '/') : NULL;
	char args[4096];
	ssize_t n = process_file((struct process *)t, "cmdline", args, sizeof args);

	snprintf(ps.pr_fname, sizeof ps.pr_fname, "%.*s", (int)sizeof ps.pr_fname - 1,
		 slash    ? slash + 1
		 : t->exe ? t->exe
			  : "");
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!args[i])
			args[i] = ' ';
	snprintf(ps.pr_psargs, sizeof ps.pr_psargs, "%.*s", (int)sizeof ps.pr_psargs - 1, n > 0 ? args : "");
	notes_put(s, "CORE", NT_PRPSINFO, &ps, sizeof ps);
}

static void put_files(struct sink *s, const struct target *t)
{
	struct sink head, names;
	uint64_t n[2] = {0, TARGET_PAGE};

	sink_init_memory(&head);
	sink_init_memory(&names);
	sink_put(&head, (const char *)n, sizeof n);
	for (size_t i = 0; i < t->nmappings; i++) {
		const struct mapping *m = &t->mappings[i];
		uint64_t entry[3] = {m->lo, m->hi, m->offset / TARGET_PAGE};

		if (m->path[0] != '/')
			continue;
		n[0]++;
		sink_put(&head, (const char *)entry, sizeof entry);
		sink_put(&names, m->path, strlen(m->path) + 1);
	}
	memcpy(head.buf, n, sizeof n);
	sink_put(&head, names.buf, names.len);
	notes_put(s, "CORE", NT_FILE, head.buf, head.len);
	sink_deinit(&head);
	sink_deinit(&names);
}

void notes_of_process(struct sink *s, struct target *t)
{
	char auxv[4096];
	ssize_t n = process_file((struct process *)t, "auxv", auxv, sizeof auxv);

	put_psinfo(s, t);
	if (n > 0)
		notes_put(s, "CORE", NT_AUXV, auxv, (size_t)n);
	put_files(s, t);
}

/* ---- all ---------------------------------------------------------------------------------------------------- */

size_t notes_build(struct sink *s, const struct notes_source *from)
{
	struct thread_notes tn = {.s = s, .from = from, .next = FIRST_MADE_UP};

	put_info(s, from);
	put_own_threads(s, from->target);
	if (from->maps)
		put_maps(s, from->target);
	put_all_threads(&tn);
	table_deinit(&tn.taken);
	return tn.n;
}
