/* SPDX-License-Identifier: MIT */
/* What, how: core_seeds.h. */
#include "core_seeds.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/runtime.h"
#include "fuzz.h"
#include "snapshot/notes.h"
#include "snapshot/snapshot.h"
#include "target/core.h"

enum { NOTE_PART = 4096, ROOT_PART = 128, OBJECT_PART = 256, STACK_PART = 2048, MAX_LIST = 64 };

/* ---- the program ------------------------------------------------------------------------------------------- */

static void run_victim(int out)
{
	const char *dir = getenv("FUZZ_VICTIMS");
	char path[4096];

	snprintf(path, sizeof path, "%s/core_victim", dir ? dir : "tests/fuzz");
	setenv("GOMAXPROCS", "2", 1);
	setenv("GORGON_OPTIONS", "helper=off", 1);
	dup2(out, STDOUT_FILENO);
	close(out);
	execl(path, path, (char *)NULL);
	perror(path);
	_exit(1);
}

/* Its number, once it waits. */
static pid_t start_victim(void)
{
	char ready[5];
	int ends[2];
	pid_t pid;

	MUST(pipe(ends) == 0);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		run_victim(ends[1]);
	}
	close(ends[1]);
	MUST(read(ends[0], ready, sizeof ready) == (ssize_t)sizeof ready);
	close(ends[0]);
	return pid;
}

static void load(struct seed *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	MUST(fd >= 0 && fstat(fd, &st) == 0);
	s->size = (size_t)st.st_size;
	s->bytes = malloc(s->size);
	MUST(s->bytes && read(fd, s->bytes, s->size) == (ssize_t)s->size);
	close(fd);
}

static bool take_snapshot(pid_t pid, bool full, const char *path)
{
	struct snapshot_options o = {.full = full};
	struct snapshot_stats stats;
	struct error e;

	if (snapshot_write(pid, path, &o, &stats, &e) == 0)
		return true;
	fprintf(stderr, "%s\n", e.text);
	return false;
}

static bool take_snapshots(const char *full, const char *minimal)
{
	pid_t pid = start_victim();
	bool done = take_snapshot(pid, true, full) && take_snapshot(pid, false, minimal);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return done;
}

/* ---- notes of a kernel ------------------------------------------------------------------------------------- */

static void put_thread(struct sink *s, const struct target_thread *th, int signo)
{
	struct user_regs_struct r = {.rip = th->regs.gpr[REG_RIP],
				     .rsp = th->regs.gpr[REG_RSP],
				     .rbp = th->regs.gpr[REG_RBP],
				     .rbx = th->regs.gpr[REG_RBX],
				     .orig_rax = (unsigned long)th->syscall,
				     .fs_base = th->fs_base};
	struct elf_prstatus st = {.pr_pid = th->tid, .pr_cursig = (short)signo};
	siginfo_t si = {.si_signo = SIGSEGV, .si_code = 1};
	struct user_fpregs_struct fp = {.cwd = 0x37f};

	memcpy(st.pr_reg, &r, sizeof r);
	notes_put(s, "CORE", NT_PRSTATUS, &st, sizeof st);
	if (signo)
		notes_put(s, "CORE", NT_SIGINFO, &si, sizeof si);
	notes_put(s, "CORE", NT_FPREGSET, &fp, sizeof fp);
}

/* Of the notes that a snapshot has, those that a kernel would write. */
static void keep_notes(struct sink *s, const struct seed *from, const Elf64_Phdr *ph)
{
	uint64_t at = ph->p_offset;

	while (at + sizeof(Elf64_Nhdr) <= ph->p_offset + ph->p_filesz) {
		Elf64_Nhdr h;
		uint64_t desc;

		memcpy(&h, from->bytes + at, sizeof h);
		desc = at + sizeof h + ((h.n_namesz + 3) & ~3u);
		if (h.n_type == NT_PRPSINFO || h.n_type == NT_AUXV || h.n_type == NT_FILE)
			if (!memcmp(from->bytes + at + sizeof h, "CORE", 5))
				notes_put(s, "CORE", h.n_type, from->bytes + desc, h.n_descsz);
		at = desc + ((h.n_descsz + 3) & ~3u);
	}
}

/* The memory of a snapshot with other notes, which stand at the end. */
static void make_kernels(struct seed *ret, const struct seed *from, const struct target *t)
{
	size_t at = (from->size + 3) & ~(size_t)3;
	struct sink notes;
	Elf64_Phdr ph;

	memcpy(&ph, from->bytes + sizeof(Elf64_Ehdr), sizeof ph);
	MUST(ph.p_type == PT_NOTE);
	sink_init_memory(&notes);
	for (size_t i = 0; i < t->nthreads; i++) {
		put_thread(&notes, &t->threads[i], i ? 0 : SIGSEGV);
		if (i == 0)
			keep_notes(&notes, from, &ph);
	}
	ret->size = at + notes.len;
	ret->bytes = calloc(1, ret->size);
	MUST(ret->bytes);
	memcpy(ret->bytes, from->bytes, from->size);
	memcpy(ret->bytes + at, notes.buf, notes.len);
	ph.p_offset = at;
	ph.p_filesz = notes.len;
	memcpy(ret->bytes + sizeof(Elf64_Ehdr), &ph, sizeof ph);
	sink_deinit(&notes);
}

/* ---- parts ------------------------------------------------------------------------------------------------- */

static void add_part(struct seed *s, size_t offset, size_t size, uint64_t addr)
{
	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].offset == offset)
			return;
	if (offset < s->size && size && s->nparts < SEED_MAX_PARTS)
		s->parts[s->nparts++] =
			(struct seed_part){offset, size < s->size - offset ? size : s->size - offset, addr};
}

static void add_notes(struct seed *s, const Elf64_Phdr *ph)
{
	uint64_t at = ph->p_offset;

	while (at + sizeof(Elf64_Nhdr) <= ph->p_offset + ph->p_filesz) {
		Elf64_Nhdr h;
		size_t size;

		memcpy(&h, s->bytes + at, sizeof h);
		size = ((h.n_namesz + 3) & ~3u) + ((h.n_descsz + 3) & ~3u);
		add_part(s, at, sizeof h + (size < NOTE_PART ? size : NOTE_PART), 0);
		at += sizeof h + size;
	}
}

static void add_headers(struct seed *s)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memcpy(&eh, s->bytes, sizeof eh);
	add_part(s, 0, sizeof eh, 0);
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		add_part(s, eh.e_phoff + i * sizeof ph, sizeof ph, 0);
		memcpy(&ph, s->bytes + eh.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_NOTE)
			add_notes(s, &ph);
	}
}

static void add_memory(struct seed *s, uint64_t addr, size_t size)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memcpy(&eh, s->bytes, sizeof eh);
	for (unsigned i = 0; addr && i < eh.e_phnum; i++) {
		memcpy(&ph, s->bytes + eh.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_LOAD && addr >= ph.p_vaddr && addr - ph.p_vaddr < ph.p_filesz)
			add_part(s, ph.p_offset + (addr - ph.p_vaddr), size, addr);
	}
}

static void add_list(struct seed *s, struct rt *rt, uint64_t at, uint32_t next, size_t size)
{
	for (unsigned i = 0; at && i < MAX_LIST; i++) {
		add_memory(s, at, size);
		at = rt_read_u64(rt, at, next);
	}
}

static void add_runtime(struct seed *s, struct rt *rt)
{
	static const char *const roots[] = {"root.arenas",     "root.narenas",    "root.all_extra",
					    "root.allm",       "root.allp",       "root.nprocs",
					    "root.wait_texts", "root.leak_roots", "root.death"};
	uint64_t allp = rt_number(rt, "root.allp");

	add_memory(s, rt->addr, UINT16_MAX);
	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
		add_memory(s, rt_number(rt, roots[i]), ROOT_PART);
	add_list(s, rt, rt_read_u64(rt, rt_number(rt, "root.all_extra"), 0), rt->g_all_next, rt->sizeof_g);
	add_list(s, rt, rt_read_u64(rt, rt_number(rt, "root.allm"), 0), rt->m_all_next, rt->sizeof_m);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t p = rt_read_u64(rt, allp + i * 8, 0);

		add_memory(s, p, rt->sizeof_p);
		add_memory(s, rt_read_u64(rt, p, rt->p_timers), ROOT_PART);
	}
}

static void add_goroutine(struct seed *s, struct rt *rt, const struct goroutine *g)
{
	add_memory(s, g->addr, rt->sizeof_g);
	add_memory(s, g->call, rt->sizeof_call);
	add_memory(s, g->waiters, OBJECT_PART);
	add_memory(s, g->wait_obj, OBJECT_PART);
	if (g->sp && g->addr > g->sp)
		add_memory(s, g->sp, g->addr - g->sp < STACK_PART ? g->addr - g->sp : STACK_PART);
}

/* In the order of addresses: that of the table of facts changes. */
static int by_address(const void *a, const void *b)
{
	const struct fact *const *x = a, *const *y = b;

	return (*x)->addr < (*y)->addr ? -1 : (*x)->addr > (*y)->addr;
}

static void add_facts(struct seed *s, const struct world *w)
{
	VEC(const struct fact *) list = {0};

	for (size_t i = 0; w->facts.entries && i <= w->facts.mask; i++)
		if (w->facts.entries[i].value)
			*VEC_PUSH(&list) = w->facts.entries[i].value;
	VEC_SORT(&list, by_address);
	for (size_t i = 0; i < list.n; i++)
		add_memory(s, list.items[i]->addr, OBJECT_PART);
	VEC_FREE(&list);
}

static void find_parts(struct seed *s, struct rt *rt, const struct world *w)
{
	add_headers(s);
	add_runtime(s, rt);
	for (size_t i = 0; i < w->ngoroutines; i++)
		add_goroutine(s, rt, &w->goroutines[i]);
	add_facts(s, w);
	MUST(s->nparts > 100);
}

/* ---- all --------------------------------------------------------------------------------------------------- */

static void divide(struct seed seeds[NSEEDS], const char *full)
{
	struct world w = {0};
	struct target *t;
	struct debug *d;
	struct rt rt;

	MUST(target_open_core(&t, full, NULL, NULL) == 0 && debug_open(&d, t, NULL) == 0);
	MUST(collect(&w, t, d, &snapshot_collect, NULL) == 0 && rt_open(&rt, t, d, NULL) == 0 && rt.addr);
	make_kernels(&seeds[SEED_KERNEL], &seeds[SEED_FULL], t);
	for (unsigned i = 0; i < NSEEDS; i++)
		find_parts(&seeds[i], &rt, &w);
	rt_close(&rt);
	world_deinit(&w);
	debug_close(d);
	target_close(t);
}

bool seeds_make(struct seed seeds[NSEEDS])
{
	char temporary[] = "/tmp/core_fuzz.XXXXXX", full[4096], minimal[4096];
	const char *kept = getenv("FUZZ_SEEDS"), *dir = kept ? kept : mkdtemp(temporary);
	bool done;

	MUST(dir);
	snprintf(full, sizeof full, "%s/full", dir);
	snprintf(minimal, sizeof minimal, "%s/minimal", dir);
	done = access(minimal, R_OK) == 0 || take_snapshots(full, minimal);
	if (done) {
		load(&seeds[SEED_FULL], full);
		load(&seeds[SEED_MINIMAL], minimal);
		divide(seeds, full);
	}
	if (!kept) {
		unlink(full);
		unlink(minimal);
		rmdir(dir);
	}
	return done;
}
