/* SPDX-License-Identifier: MIT */
/*
 * What: which functions of a program are the runtime's, where libgorgon.a was linked into it.  (In a shared
 * library it is simply its address range.)  Reports hide them.
 *
 * How: names say it for functions that other files see: gor_*, gori_*, and four chan_*.  Static functions
 * have names of all kinds, but two facts of linking tell:
 *   - the members of an archive are laid out one after the other.  Among the functions sorted by address, a
 *     stretch from one of ours to another of ours, with no foreign global function in between, is ours.
 *     (There are several: hot and cold parts of functions go to places of their own.  _start and main are
 *     global and lie between these.)
 *   - the symbol table lists the static functions of one object file together, after a symbol for the file.
 *     Where one of them is ours, all are.
 * After link-time optimisation neither holds: there, only names count.
 *
 * Rejected: a text section of our own (compilers cannot rename .text, and objcopy on archives is nobody's
 * idea of a build), marker symbols in every file.
 *
 * Invariants: a function is never hidden for lack of information.
 * Context: any.
 */
#include <elf.h>

#include "crash/raw_symbols.h"
#include "crash/raw_sys.h"

#include "crash/safe.h"

struct marks {
	struct raw_symtab *tab;
	const Elf64_Sym *syms;
	uint32_t nsyms;
	uint64_t *ours; /* bit i: symbol i is ours */
	size_t size;
};

/* Context: any. */
static bool starts_with(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

/* Context: any. */
static bool is_our_name(const char *s)
{
	static const char *const others[] = {"chan_close", "chan_free", "chan_len", "chan_cap"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (starts_with(s, others[i]) && s[raw_strlen(others[i])] == '\0')
			return true;
	return starts_with(s, "gori_") || starts_with(s, "gor_");
}

/* Context: any. */
static const char *name_of(const struct marks *k, const Elf64_Sym *sym)
{
	return sym->st_name < k->tab->names_size ? k->tab->names + sym->st_name : "";
}

/* Context: any. */
static void set_mark(struct marks *k, uint64_t i)
{
	k->ours[i / 64] |= (uint64_t)1 << i % 64;
}

/* Context: any. */
static bool has_mark(const struct marks *k, uint64_t i)
{
	return k->ours[i / 64] >> i % 64 & 1;
}

/* Stretches by address.  Context: any. */
static void mark_stretches(struct marks *k)
{
	const struct raw_pair *order = k->tab->order;
	uint32_t first = k->tab->norder, last = 0; /* ours in the present stretch; first > last: none yet */

	for (uint32_t i = 0; i <= k->tab->norder; i++) {
		const Elf64_Sym *sym = i < k->tab->norder ? &k->syms[order[i].value] : NULL;
		bool ours = sym && is_our_name(name_of(k, sym));

		if (ours) {
			first = first > last ? i : first;
			last = i;
		} else if (!sym || ELF64_ST_BIND(sym->st_info) != STB_LOCAL) {
			for (; first <= last && first < k->tab->norder; first++)
				set_mark(k, order[first].value);
			first = k->tab->norder;
			last = 0;
		}
	}
}

/* All static functions of files of which one is ours.  Context: any. */
static void mark_files(struct marks *k)
{
	uint32_t start = k->nsyms; /* first symbol of the present file */
	bool ours = false;

	for (uint32_t i = 0; i <= k->nsyms; i++) {
		bool ends = i == k->nsyms || ELF64_ST_TYPE(k->syms[i].st_info) == STT_FILE ||
			    ELF64_ST_BIND(k->syms[i].st_info) != STB_LOCAL;

		if (!ends) {
			ours |= has_mark(k, i);
			continue;
		}
		for (; ours && start < i; start++)
			set_mark(k, start);
		/* Hidden functions of all files stand after a file without a name. */
		start = i < k->nsyms && *name_of(k, &k->syms[i]) ? i + 1 : k->nsyms;
		ours = false;
	}
}

/* Context: any. */
static bool is_lto(const struct marks *k)
{
	for (uint32_t i = 0; i < k->nsyms; i++)
		if (ELF64_ST_TYPE(k->syms[i].st_info) == STT_FILE &&
		    (*name_of(k, &k->syms[i]) == '<' || starts_with(name_of(k, &k->syms[i]), "ld-temp")))
			return true;
	return false;
}

/* Context: any. */
void raw_own_mark(struct raw_symtab *tab)
{
	struct marks k = {.tab = tab, .syms = (const void *)tab->syms};

	tab->marked = true;
	if (!tab->syms || !tab->norder)
		return;
	k.nsyms = (uint32_t)((tab->syms_size - 1) / sizeof(Elf64_Sym));
	k.size = (k.nsyms / 64 + 1) * sizeof k.ours[0];
	k.ours = raw_map(k.size);
	if (!k.ours)
		return;
	if (!is_lto(&k)) {
		mark_stretches(&k);
		mark_files(&k);
	}
	for (uint32_t i = 0; i < tab->norder; i++) {
		uint64_t sym = tab->order[i].value;

		if (has_mark(&k, sym) || is_our_name(name_of(&k, &k.syms[sym])))
			tab->order[i].value |= RAW_SYM_RUNTIME;
	}
	raw_unmap(k.ours, k.size);
}
