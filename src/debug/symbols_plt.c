/* SPDX-License-Identifier: MIT */
/*
 * What: symbols that stand in no symbol table: PLT entries, and the dynamic symbols of a file that is only in
 * memory.
 *
 * How: a PLT entry jumps through a word of the GOT, and the relocation of that word has the name, whatever the
 * layout of the PLT (.plt, .plt.sec, .plt.got).  In memory, .dynamic leads to the symbol and string tables; glibc
 * has put addresses there where the file has offsets, so both are understood.
 *
 * Invariants: see files.h.
 */
#include <stdlib.h>
#include <string.h>

#include "debug/files.h"

enum { MAX_DYNAMIC_SYMBOLS = 1 << 20, MAX_DYNAMIC_STRINGS = 64 << 20, PLT_ENTRY = 16 };

/* ---- PLT --------------------------------------------------------------------------------------------------- */

/* Slots of the GOT -> names: those that a relocation of a function fills. */
static void add_slots(struct table *slots, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *rels = elf_getdata(scn, NULL), *syms;
	Elf_Scn *symscn = elf_getscn(elf, sh->sh_link);
	size_t n = rels ? rels->d_size / sizeof(Elf64_Rela) : 0;
	GElf_Shdr symsh;

	if (!symscn || !gelf_getshdr(symscn, &symsh) || symsh.sh_type != SHT_DYNSYM)
		return;
	syms = elf_getdata(symscn, NULL);
	for (size_t i = 0; syms && i < n; i++) {
		const char *name;
		GElf_Rela rel;
		GElf_Sym sym;

		if (!gelf_getrela(rels, (int)i, &rel))
			break;
		if (GELF_R_TYPE(rel.r_info) != R_X86_64_JUMP_SLOT &&
		    GELF_R_TYPE(rel.r_info) != R_X86_64_GLOB_DAT)
			continue;
		if (!gelf_getsym(syms, (int)GELF_R_SYM(rel.r_info), &sym))
			continue;
		name = elf_strptr(elf, symsh.sh_link, sym.st_name);
		if (name && *name)
			table_put(slots, rel.r_offset, (void *)(uintptr_t)name);
	}
}

/* The slot that the entry at p jumps through; 0: it does not. */
static uint64_t slot_of(const unsigned char *p, size_t n, uint64_t addr)
{
	for (size_t i = 0; i + 6 <= n; i++) {
		int32_t disp;

		if (p[i] != 0xff || p[i + 1] != 0x25)
			continue;
		memcpy(&disp, p + i + 2, sizeof disp);
		return addr + i + 6 + (uint64_t)(int64_t)disp;
	}
	return 0;
}

static void add_entries(struct symbol_list *l, struct module *m, const struct table *slots, Elf_Scn *scn,
			const GElf_Shdr *sh, uint64_t bias)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t step = sh->sh_entsize == 8 ? 8 : PLT_ENTRY;
	size_t n = data && data->d_buf ? data->d_size : 0;

	for (size_t at = 0; at + step <= n; at += step) {
		uint64_t addr = sh->sh_addr + at;
		uint64_t slot = slot_of((const unsigned char *)data->d_buf + at, step, addr);
		const char *name = slot ? table_get(slots, slot) : NULL;
		struct symbol s = {addr + bias, step, NULL, true};

		if (!name || s.addr < m->lo || s.addr >= m->hi)
			continue;
		s.name = arena_printf(&m->owner->arena, "%s@plt", name);
		symbols_add(l, &s, 0, s.addr + step);
	}
}

void symbols_plt(struct symbol_list *l, struct module *m, Elf *elf)
{
	uint64_t bias = files_bias(m, elf);
	struct table slots = {0};
	Elf_Scn *scn = NULL;
	size_t strndx;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA && (sh.sh_flags & SHF_ALLOC))
			add_slots(&slots, elf, scn, &sh);
	while (!elf_getshdrstrndx(elf, &strndx) && (scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, strndx, sh.sh_name) : NULL;

		if (name && !strncmp(name, ".plt", 4) && sh.sh_type == SHT_PROGBITS)
			add_entries(l, m, &slots, scn, &sh, bias);
	}
	table_deinit(&slots);
}

/* ---- the dynamic section in memory --------------------------------------------------------------------------- */

struct dynamic {
	uint64_t symtab, strtab, strsz, gnu_hash, hash;
};

static uint64_t in_memory(struct module *m, uint64_t ptr)
{
	return ptr >= m->lo && ptr < m->hi ? ptr : ptr + m->bias;
}

static bool read_dynamic(struct module *m, struct dynamic *d)
{
	const struct elf_headers *h = &m->files->headers;
	uint64_t at = 0;
	Elf64_Dyn dyn;

	for (unsigned i = 0; i < h->nph; i++)
		if (h->ph[i].p_type == PT_DYNAMIC)
			at = m->bias + h->ph[i].p_vaddr;
	for (unsigned i = 0; at && i < 512; i++) {
		if (target_read(m->owner->target, at + i * sizeof dyn, &dyn, sizeof dyn) < 0 ||
		    dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_SYMTAB)
			d->symtab = in_memory(m, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_STRTAB)
			d->strtab = in_memory(m, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_STRSZ)
			d->strsz = dyn.d_un.d_val;
		else if (dyn.d_tag == DT_GNU_HASH)
			d->gnu_hash = in_memory(m, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_HASH)
			d->hash = in_memory(m, dyn.d_un.d_ptr);
	}
	return d->symtab && d->strtab && d->strsz > 0 && d->strsz <= MAX_DYNAMIC_STRINGS;
}

/* A GNU hash table does not say how many symbols there are: the last chain ends with the last of them. */
static size_t count_gnu_hash(struct target *t, uint64_t at)
{
	uint32_t head[4], last = 0, word;
	uint64_t buckets;

	if (target_read(t, at, head, sizeof head) < 0 || head[0] > MAX_DYNAMIC_SYMBOLS ||
	    head[2] > MAX_DYNAMIC_SYMBOLS)
		return 0;
	buckets = at + sizeof head + head[2] * sizeof(uint64_t);
	for (uint32_t i = 0; i < head[0]; i++) {
		if (target_read(t, buckets + i * sizeof word, &word, sizeof word) < 0)
			return 0;
		if (word > last)
			last = word;
	}
	if (last < head[1])
		return head[1];
	for (; last < MAX_DYNAMIC_SYMBOLS; last++) {
		uint64_t chain = buckets + (head[0] + (uint64_t)last - head[1]) * sizeof word;

		if (target_read(t, chain, &word, sizeof word) < 0 || (word & 1))
			break;
	}
	return (size_t)last + 1;
}

static size_t count_symbols(struct target *t, const struct dynamic *d)
{
	uint32_t head[2];

	if (d->hash && target_read(t, d->hash, head, sizeof head) == 0)
		return head[1] <= MAX_DYNAMIC_SYMBOLS ? head[1] : 0;
	return d->gnu_hash ? count_gnu_hash(t, d->gnu_hash) : 0;
}

void symbols_dynamic(struct symbol_list *l, struct module *m)
{
	struct target *t = m->owner->target;
	struct dynamic d = {0};
	size_t n;
	char *strings;

	if (!read_dynamic(m, &d))
		return;
	n = count_symbols(t, &d);
	strings = arena_alloc(&m->owner->arena, d.strsz + 1);
	strings[target_read_some(t, d.strtab, strings, d.strsz)] = 0;
	for (size_t i = 1; i < n; i++) {
		struct symbol s = {0};
		unsigned type;
		Elf64_Sym sym;

		if (target_read(t, d.symtab + i * sizeof sym, &sym, sizeof sym) < 0)
			break;
		type = ELF64_ST_TYPE(sym.st_info);
		if (sym.st_shndx == SHN_UNDEF || sym.st_shndx == SHN_ABS || sym.st_name >= d.strsz)
			continue;
		s.addr = sym.st_value + m->bias;
		s.size = sym.st_size;
		s.name = strings + sym.st_name;
		s.is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
		if ((s.is_function || type == STT_OBJECT) && *s.name && s.addr >= m->lo && s.addr < m->hi &&
		    s.size <= m->hi - s.addr)
			symbols_add(l, &s, 1, s.addr + s.size);
	}
}
