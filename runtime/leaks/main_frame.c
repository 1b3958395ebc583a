/* SPDX-License-Identifier: MIT */
/*
 * What: keeps the frame of main as it was when main has returned, for the search for leaks at the end.
 *
 * How: what only main could have released is lingering, not leaked, and main's frame tells what that is.  But exit puts
 * its own frames over it.  So main is called by a function of ours, which does not return but calls exit from further
 * down: between both lies main's frame, untouched.  The reader finds it by root.main_left, and its size by main's code.
 *
 * To come between, the program's pointer to __libc_start_main is replaced, in the global offset table of its file.
 * Only where leaks are looked for at the end.  A static program has no such table: there the frame is lost.
 *
 * Rejected: an own __libc_start_main (its version is libc's; programs would be bound to it when they are linked).
 * Rejected: saving the frame in an exit handler (exit's own frames are there already).
 *
 * Context: while the library is loaded; then user code, on the main thread.
 */
#define _GNU_SOURCE
#include "leaks/main_frame.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sched/sched.h"

enum { ROOM = 64 * 1024, MIN_STACK = 16 * ROOM };

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void),
			   void *);

/* What the reader finds; all 0 until main has returned. */
static struct {
	uintptr_t main;   /* its address */
	uintptr_t lo, hi; /* what lies between: nothing was written there since main returned */
} left;

static main_function *users_main;
static start_function *users_start;

/* In main's place. */
static __attribute__((noinline)) int gori_leak_main(int argc, char **argv, char **envp)
{
	size_t n = ROOM;
	char *top, *room;
	int status = users_main(argc, argv, envp);

	__asm__ volatile("movq %%rsp, %0"
			 : "=r"(top), "+r"(n)); /* and so n is not a constant, nor room part of this frame */
	room = __builtin_alloca(n);
	left.lo = (uintptr_t)room;
	left.hi = (uintptr_t)top;
	left.main = (uintptr_t)users_main;
	__asm__ volatile("" : : "r"(room) : "memory");
	exit(status);
}

static int gori_leak_start(main_function *fn, int argc, char **argv, void (*init)(void), void (*fini)(void),
			   void (*rtld_fini)(void), void *stack_end)
{
	users_main = fn;
	return users_start(gori_leak_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* ---- the program's table ---------------------------------------------------------------------------------------- */

struct dynamic {
	const ElfW(Sym) * symbols;
	const char *names;
	const ElfW(Rela) * relocations[2];
	size_t n[2];
};

static const void *pointer(const struct dl_phdr_info *info, ElfW(Addr) p)
{
	return (const void *)(p < info->dlpi_addr ? info->dlpi_addr + p : p);
}

static bool read_dynamic(const struct dl_phdr_info *info, struct dynamic *ret)
{
	const ElfW(Dyn) *d = NULL;

	memset(ret, 0, sizeof *ret);
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			ret->symbols = pointer(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			ret->names = pointer(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_RELA)
			ret->relocations[0] = pointer(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_RELASZ)
			ret->n[0] = d->d_un.d_val / sizeof(ElfW(Rela));
		else if (d->d_tag == DT_JMPREL)
			ret->relocations[1] = pointer(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_PLTRELSZ)
			ret->n[1] = d->d_un.d_val / sizeof(ElfW(Rela));
	}
	return ret->symbols && ret->names;
}

/* Where the program keeps the address of libc's start; NULL: nowhere. */
static start_function **find_slot(const struct dl_phdr_info *info)
{
	struct dynamic d;

	if (!read_dynamic(info, &d))
		return NULL;
	for (unsigned k = 0; k < 2; k++)
		for (size_t i = 0; d.relocations[k] && i < d.n[k]; i++) {
			const ElfW(Rela) *r = &d.relocations[k][i];
			const ElfW(Sym) *s = &d.symbols[ELF64_R_SYM(r->r_info)];
			unsigned type = ELF64_R_TYPE(r->r_info);

			if ((type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT) &&
			    strcmp(d.names + s->st_name, "__libc_start_main") == 0)
				return (start_function **)(info->dlpi_addr + r->r_offset);
		}
	return NULL;
}

/* After relocation the table is read-only, mostly. */
static bool is_protected(const struct dl_phdr_info *info, uintptr_t at)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_GNU_RELRO && at - (info->dlpi_addr + ph->p_vaddr) < ph->p_memsz)
			return true;
	}
	return false;
}

/* The first one is the program itself. */
static int come_between(struct dl_phdr_info *info, size_t size, void *arg)
{
	start_function **slot = find_slot(info);
	uintptr_t page = (uintptr_t)slot & ~(uintptr_t)(getpagesize() - 1);

	(void)size;
	(void)arg;
	if (!slot || !*slot || mprotect((void *)page, (size_t)getpagesize(), PROT_READ | PROT_WRITE) != 0)
		return 1;
	users_start = *slot;
	*slot = gori_leak_start;
	if (is_protected(info, (uintptr_t)slot))
		mprotect((void *)page, (size_t)getpagesize(), PROT_READ);
	return 1;
}

void gori_leak_keep_main_frame(void)
{
	struct rlimit stack;

	if (getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur < MIN_STACK)
		return;
	gori_table_add("root.main_left", (uintptr_t)&left);
	dl_iterate_phdr(come_between, NULL);
}
