/* SPDX-License-Identifier: MIT */
/*
 * What: the notes of a core: threads, the signal, the auxiliary vector, the names of mappings, and ours.
 *
 * How: note by note, and of each only what is needed: a snapshot has one NT_PRSTATUS for each goroutine, and of
 * these none is looked at, because our own note about threads stands before them (core_own.h).
 *
 *	NT_PRSTATUS    begins a thread: its number and registers; the kernel's first one is that which crashed
 *	NT_FPREGSET    SSE registers of the thread begun last
 *	NT_SIGINFO     of the thread begun last; gdb writes one for every thread, the kernel for the first
 *	NT_PRPSINFO    number and name of the process
 *	NT_AUXV        pairs of words
 *	NT_FILE        count, page size, then start, end, offset in pages of each, then as many strings
 *
 * Which signal is the reason: that of the thread that has one, if it is one that ends a process.  gcore stops
 * the process with SIGSTOP, and writes that as its signal.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include "target/calls.h"
#include "target/core.h"
#include "target/core_own.h"

struct note {
	uint32_t type;
	char owner[8];
	uint64_t offset, size; /* of what it says, in the file */
};

static int damaged(const struct core *c, const struct note *n, const char *what, struct error *e)
{
	return error_set(e, -EILSEQ, "%s is damaged: %s, in the note at offset %" PRIu64, c->path, what,
			 n->offset);
}

/* The first bytes of a note; zeros behind its end. */
static void read_struct(struct core *c, const struct note *n, void *buf, size_t size)
{
	memset(buf, 0, size);
	core_pread(c, n->offset, buf, n->size < size ? n->size : size);
}

/* All of it, for the caller to free; NULL if it is too long or the file too short. */
static char *read_all(struct core *c, const struct note *n)
{
	char *bytes;

	if (n->size > CORE_MAX_NOTE || n->offset > c->size || n->size > c->size - n->offset)
		return NULL;
	bytes = base_malloc(n->size + 1);
	if (core_pread(c, n->offset, bytes, n->size) != n->size) {
		free(bytes);
		return NULL;
	}
	bytes[n->size] = '\0';
	return bytes;
}

/* ---- threads ---------------------------------------------------------------------------------------------- */

static struct target_thread *last_thread(struct core *c)
{
	return c->threads.n ? &c->threads.items[c->threads.n - 1] : NULL;
}

static bool is_deadly(int signo)
{
	switch (signo) {
	case 0:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGCONT:
	case SIGCHLD:
		return false;
	}
	return signo > 0 && signo <= SIGRTMAX;
}

static void take_status(struct core *c, const struct note *n)
{
	struct target_thread *th;
	struct user_regs_struct r;
	struct elf_prstatus s;

	if (n->size < sizeof s || c->has_own || c->threads.n >= CORE_MAX_THREADS)
		return;
	read_struct(c, n, &s, sizeof s);
	_Static_assert(sizeof s.pr_reg == sizeof r, "the kernel has one layout for both");
	memcpy(&r, s.pr_reg, sizeof r);
	th = VEC_PUSH(&c->threads);
	*th = (struct target_thread){.tid = s.pr_pid, .syscall = (int)(int64_t)r.orig_rax};
	call_registers(th, &r);
	if (!c->t.pid)
		c->t.pid = s.pr_pid;
	if (!c->signal.signo && is_deadly(s.pr_cursig))
		c->signal = (struct target_signal){
			.tid = s.pr_pid, .signo = s.pr_cursig, .pc = th->regs.gpr[REG_RIP]};
}

static void take_sse(struct core *c, const struct note *n)
{
	struct target_thread *th = last_thread(c);
	struct user_fpregs_struct fp;

	if (!th || n->size < sizeof fp)
		return;
	read_struct(c, n, &fp, sizeof fp);
	memcpy(th->xmm.lane, fp.xmm_space, sizeof th->xmm.lane);
	th->xmm.known = (1u << REG_NXMM) - 1;
}

static void take_siginfo(struct core *c, const struct note *n)
{
	const struct target_thread *th = last_thread(c);
	struct target_signal *s = &c->signal;
	siginfo_t si;

	if (!th || th->tid != s->tid || n->size < sizeof si)
		return;
	read_struct(c, n, &si, sizeof si);
	if (si.si_signo != s->signo)
		return;
	s->code = si.si_code;
	if (si.si_code <= 0) {
		s->sender_pid = si.si_pid;
		s->sender_uid = si.si_uid;
	} else {
		s->addr = (uint64_t)(uintptr_t)si.si_addr;
	}
}

/* ---- the process ------------------------------------------------------------------------------------------ */

static void take_psinfo(struct core *c, const struct note *n)
{
	struct elf_prpsinfo ps;

	if (n->size < sizeof ps || c->has_own)
		return;
	read_struct(c, n, &ps, sizeof ps);
	c->t.pid = ps.pr_pid;
	c->command = arena_strn(&c->t.arena, ps.pr_fname, strnlen(ps.pr_fname, sizeof ps.pr_fname));
}

static void take_auxv(struct core *c, const struct note *n)
{
	size_t count = n->size / 16 < 256 ? n->size / 16 : 256;

	if (c->auxv)
		return;
	c->auxv = arena_alloc(&c->t.arena, count * 16);
	c->nauxv = core_pread(c, n->offset, c->auxv, count * 16) / 16;
}

uint64_t core_aux(const struct core *c, uint64_t type)
{
	for (size_t i = 0; i < c->nauxv && c->auxv[i][0]; i++)
		if (c->auxv[i][0] == type)
			return c->auxv[i][1];
	return 0;
}

static const char *without_mark(struct core *c, const char *path)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(path), len = sizeof mark - 1;

	return n > len && !strcmp(path + n - len, mark) ? arena_strn(&c->t.arena, path, n - len)
							: arena_strn(&c->t.arena, path, n);
}

static void add_range(struct core *c, const uint64_t *entry, uint64_t page, const char *path)
{
	const struct core_range *last = c->ranges.n ? &c->ranges.items[c->ranges.n - 1] : NULL;
	uint64_t offset;

	if (entry[0] >= entry[1] || (last && entry[0] < last->hi) ||
	    __builtin_mul_overflow(entry[2], page, &offset))
		return;
	if (last && !strcmp(last->path, path))
		path = last->path;
	else
		path = without_mark(c, path);
	*VEC_PUSH(&c->ranges) = (struct core_range){entry[0], entry[1], offset, path};
}

/* As many entries as there are names for. */
static void parse_files(struct core *c, const char *bytes, size_t size)
{
	uint64_t head[2], entry[3];
	const char *name, *end = bytes + size;

	if (size < sizeof head)
		return;
	memcpy(head, bytes, sizeof head);
	if (head[0] > CORE_MAX_RANGES || head[0] > (size - sizeof head) / sizeof entry)
		return;
	name = bytes + sizeof head + head[0] * sizeof entry;
	for (uint64_t i = 0; i < head[0] && name < end; i++) {
		memcpy(entry, bytes + sizeof head + i * sizeof entry, sizeof entry);
		add_range(c, entry, head[1], name);
		name += strlen(name) + 1; /* a zero byte stands behind everything */
	}
}

static void take_files(struct core *c, const struct note *n)
{
	char *bytes = c->ranges.n ? NULL : read_all(c, n);

	if (bytes)
		parse_files(c, bytes, n->size);
	else if (!c->ranges.n)
		target_note(&c->t, "%s: the list of mapped files is not complete", c->path);
	free(bytes);
}

/* ---- ours ------------------------------------------------------------------------------------------------- */

static int take_info(struct core *c, const struct note *n, struct error *e)
{
	struct own_info info;
	char path[4097] = "";

	read_struct(c, n, &info, sizeof info);
	if (info.version != OWN_VERSION)
		return error_set(e, -ENOTSUP, "%s is a snapshot of version %u; this tool reads version %d",
				 c->path, info.version, OWN_VERSION);
	if (info.size < sizeof info || info.size > n->size)
		return damaged(c, n, "it is too short", e);
	core_pread(c, n->offset + info.size, path,
		   n->size - info.size < sizeof path - 1 ? n->size - info.size : sizeof path - 1);
	if (*path) {
		c->t.exe = arena_str(&c->t.arena, path);
		c->has_program = true;
	}
	c->t.pid = info.pid;
	c->t.now = info.now;
	c->own_flags = info.flags;
	if (info.flags & OWN_MINIMAL)
		c->t.partial =
			"it is a snapshot of what a report needs (gorgon snapshot --full keeps all memory)";
	c->signal = (struct target_signal){info.signal_tid, info.signo,      info.code,      info.signal_addr,
					   info.signal_pc,  info.sender_pid, info.sender_uid};
	return 0;
}

static void add_own_thread(struct core *c, const struct own_thread *from)
{
	struct target_thread *th = VEC_PUSH(&c->own_threads);

	*th = (struct target_thread){.tid = from->tid, .syscall = from->syscall, .fs_base = from->fs_base};
	memcpy(th->name, from->name, sizeof th->name - 1);
	th->state = from->state <= THREAD_STOPPED ? (enum thread_state)from->state : THREAD_STOPPED;
	memcpy(th->regs.gpr, from->gpr, sizeof th->regs.gpr);
	th->regs.known = from->known & REGS_ALL;
	th->has_regs = th->regs.known != 0;
	memcpy(th->xmm.lane, from->xmm, sizeof th->xmm.lane);
	th->xmm.known = from->xmm_known;
}

static int take_own_threads(struct core *c, const struct note *n, struct error *e)
{
	struct own_thread from;

	if (n->size % sizeof from || n->size / sizeof from > CORE_MAX_THREADS || c->own_threads.n)
		return damaged(c, n, "this is no list of threads", e);
	for (uint64_t at = 0; at < n->size; at += sizeof from) {
		if (core_pread(c, n->offset + at, &from, sizeof from) != sizeof from)
			break;
		add_own_thread(c, &from);
	}
	c->has_own = true;
	return 0;
}

static int take_maps(struct core *c, const struct note *n, struct error *e)
{
	char *text = c->maps ? NULL : read_all(c, n);

	if (!text)
		return damaged(c, n, "the list of mappings cannot be read", e);
	c->maps = arena_copy(&c->t.arena, text, n->size);
	c->maps_len = n->size;
	free(text);
	return 0;
}

static int take_own(struct core *c, const struct note *n, struct error *e)
{
	switch (n->type) {
	case OWN_INFO:
		return take_info(c, n, e);
	case OWN_THREADS:
		return take_own_threads(c, n, e);
	case OWN_MAPS:
		return take_maps(c, n, e);
	}
	return 0;
}

/* ---- all -------------------------------------------------------------------------------------------------- */

static int take(struct core *c, const struct note *n, struct error *e)
{
	if (!strcmp(n->owner, OWN_NOTE))
		return take_own(c, n, e);
	if (strcmp(n->owner, "CORE"))
		return 0;
	switch (n->type) {
	case NT_PRSTATUS:
		take_status(c, n);
		break;
	case NT_FPREGSET:
		take_sse(c, n);
		break;
	case NT_SIGINFO:
		take_siginfo(c, n);
		break;
	case NT_PRPSINFO:
		take_psinfo(c, n);
		break;
	case NT_AUXV:
		take_auxv(c, n);
		break;
	case NT_FILE:
		take_files(c, n);
		break;
	}
	return 0;
}

/* The note at `at`, and where the next one is; false: there is none before `end`. */
static bool next_note(struct core *c, uint64_t *at, uint64_t end, struct note *ret)
{
	Elf64_Nhdr h;
	uint64_t name;

	if (end - *at < sizeof h || core_pread(c, *at, &h, sizeof h) != sizeof h)
		return false;
	name = ((uint64_t)h.n_namesz + 3) & ~3ull;
	if (name > end - *at - sizeof h)
		return false;
	memset(ret, 0, sizeof *ret);
	ret->type = h.n_type;
	ret->offset = *at + sizeof h + name;
	ret->size = h.n_descsz;
	if (h.n_namesz <= sizeof ret->owner)
		core_pread(c, *at + sizeof h, ret->owner, h.n_namesz);
	ret->owner[sizeof ret->owner - 1] = '\0';
	if (ret->size > end - ret->offset)
		return false;
	*at = ret->offset + ((ret->size + 3) & ~3ull);
	if (*at > end)
		*at = end;
	return true;
}

static int read_segment(struct core *c, const Elf64_Phdr *ph, struct error *e)
{
	uint64_t at = ph->p_offset, end;
	struct note n;
	int r = 0;

	if (at > c->size)
		return 0;
	end = ph->p_filesz < c->size - at ? at + ph->p_filesz : c->size;
	while (r == 0 && next_note(c, &at, end, &n))
		r = take(c, &n, e);
	return r;
}

/* What a process would be asked for comes from registers: whether a thread was in a system call.  Of names there is
 * one: the process's, which is that of its main thread. */
static void set_state(struct core *c, struct target_thread *th)
{
	struct user_regs_struct r = {0};
	bool again;

	r.orig_rax = (uint64_t)(int64_t)th->syscall;
	r.rax = th->regs.gpr[REG_RAX];
	r.rip = th->regs.gpr[REG_RIP];
	th->syscall = call_interrupted(&c->t, &r, &again);
	th->state = call_state(th->syscall, th->regs.gpr[REG_RSI]);
	if (th->tid == c->t.pid && c->command)
		memcpy(th->name, c->command, strlen(c->command)); /* 16 bytes at most, of 32 */
}

int core_read_notes(struct core *c, struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < c->nnotes && r == 0; i++)
		r = read_segment(c, &c->notes[i], e);
	for (size_t i = 0; i < c->threads.n && r == 0; i++)
		set_state(c, &c->threads.items[i]);
	return r;
}
