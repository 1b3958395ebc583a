/* SPDX-License-Identifier: MIT */
/*
 * What: libgorgon-preload.so: crash reports for programs that do not use the runtime.
 *
 *	LD_PRELOAD=libgorgon-preload.so ./prog
 *
 * How: crash/ with what it stands on, and this file in the place of the scheduler: there are no Ms and no goroutines,
 * and every fatal signal is message, report by the helper (which stops and reads the threads itself), and then
 * the signal again, so the program dies as it would have died.  At load it costs some system calls and
 * some address space; no thread, no heap, no descriptor.
 *
 * If the runtime is in the program anyway, linked or shared, this library does nothing at all: the runtime has
 * handlers of its own and knows more.  Every copy of the runtime carries a note (crash/table.c), and all that
 * is loaded at the start is looked through for one.
 *
 * Rejected: the whole runtime, preloaded (it exports names like chan_close, and would take their place in a program
 * that has its own; it has atfork handlers and starts threads), a preloaded library that loads it
 * (the same), interposing sigaction (handlers that the program installs replace ours, as is its right;
 * hiding ours from those of Java and Go, which hand over to them rather than report a fault themselves, would need it, and
 * Go does not even call it).
 *
 * Invariants: exports nothing (preload.map).  A copy that has stood aside has a table without entries, so that no
 * reader takes it for the one that counts.
 * Context: the constructor, on the program's first thread; the stand-ins: any.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <string.h>

#include "abi/table.h"
#include "crash/crash.h"
#include "sys/options.h"
#include "sys/tool.h"

/* ---- in the place of the scheduler: crash.h lists what crash/ imports --------------------------------------- */

__thread struct gori_m *gori_tls_m __attribute__((tls_model("initial-exec")));

struct gori_m *gori_allm(void)
{
	return NULL;
}

void gori_foreach_g(bool (*fn)(struct gori_g *, void *), void *arg)
{
	(void)fn;
	(void)arg;
}

bool gori_stack_is_guard(uintptr_t addr, struct gori_g **ret_g)
{
	(void)addr;
	(void)ret_g;
	return false;
}

void gori_sigpanic(int sig, int code, uint64_t addr, uint64_t pc)
{
	(void)sig;
	(void)code;
	(void)addr;
	(void)pc;
	gori_crash_fatal("a fault became a panic where there are none");
}

/* ---- is the runtime here already? --------------------------------------------------------------------------- */

static size_t aligned(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static bool has_runtime_note(const char *at, size_t left, size_t align)
{
	while (left >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *n = (const void *)at;
		size_t desc = aligned(sizeof *n + n->n_namesz, align);
		size_t size = aligned(desc + n->n_descsz, align);

		if (n->n_namesz == sizeof GORI_NOTE_NAME && n->n_type == GORI_NOTE_TABLE &&
		    memcmp(n + 1, GORI_NOTE_NAME, sizeof GORI_NOTE_NAME) == 0)
			return true;
		if (size > left)
			return false;
		at += size;
		left -= size;
	}
	return false;
}

/* Stops at a module other than our own that has the note. */
static int look_at_module(struct dl_phdr_info *info, size_t size, void *found)
{
	bool has_note = false, is_ours = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_NOTE)
			has_note |=
				has_runtime_note((const char *)start, ph->p_memsz, ph->p_align == 8 ? 8 : 4);
		else if (ph->p_type == PT_LOAD)
			is_ours |= (uintptr_t)&gori_crash_is_plain - start < ph->p_memsz;
	}
	*(bool *)found = has_note && !is_ours;
	return *(bool *)found;
}

/* Before the constructors of the program and of all its libraries. */
static __attribute__((constructor(101))) void on_load(void)
{
	static struct gori_m first_thread;
	bool found = false;

	dl_iterate_phdr(look_at_module, &found);
	if (found) {
		gori_table_withdraw();
		return;
	}
	gori_options_init();
	gori_tool_init();
	gori_crash_is_plain = true;
	gori_crash_init();
	gori_crash_thread_init(&first_thread);
}
