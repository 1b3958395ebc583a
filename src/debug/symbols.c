/* SPDX-License-Identifier: MIT */
/*
 * What: the symbols of a module: by address, and by name.
 *
 * How: .symtab and .dynsym of the loaded file, .symtab of the debug file where the loaded one was stripped, PLT
 * entries by the name of what they jump to; of an image from memory, the dynamic symbols that its .dynamic leads
 * to.  All in one array sorted by address, with what several names at one address are worth: the last one is
 * the best.  A symbol without a size reaches to the next one or to the end of its section, and is a mere label if
 * it stands inside another.  Since symbols may lie inside each other, `reach` says for each place of the array how
 * far back a search can succeed.
 *
 * Invariants: names point into the files' string tables, which live as long as the module; elf_strptr has seen
 * their end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "base/vec.h"
#include "debug/files.h"

struct raw_symbol {
	struct symbol s;
	uint64_t limit; /* end of its section */
	unsigned rank;  /* more is better */
};

struct symbol_list {
	VEC(struct raw_symbol) v;
};

enum { RANK_TYPED = 64, RANK_GLOBAL = 32, RANK_UNDERSCORES = 3 };

void symbols_add(struct symbol_list *l, const struct symbol *s, unsigned rank, uint64_t limit)
{
	struct raw_symbol *r = VEC_PUSH(&l->v);

	r->s = *s;
	r->rank = rank;
	r->limit = limit;
}

/* ---- tables of a file -------------------------------------------------------------------------------------- */

/* A section as far as symbols depend on it. */
struct section {
	uint64_t end;
	bool allocated, code;
};

struct sections {
	struct section *items;
	size_t n;
};

static struct sections sections_of(Elf *elf)
{
	struct sections all = {0};
	Elf_Scn *scn = NULL;

	if (elf_getshdrnum(elf, &all.n) || all.n > 1 << 20)
		all.n = 0;
	all.items = base_malloc((all.n + 1) * sizeof all.items[0]);
	memset(all.items, 0, (all.n + 1) * sizeof all.items[0]);
	while ((scn = elf_nextscn(elf, scn))) {
		size_t i = elf_ndxscn(scn);
		GElf_Shdr sh;

		if (i >= all.n || !gelf_getshdr(scn, &sh))
			continue;
		all.items[i].end = sh.sh_addr + sh.sh_size;
		all.items[i].allocated = sh.sh_flags & SHF_ALLOC;
		all.items[i].code = sh.sh_flags & SHF_EXECINSTR;
	}
	return all;
}

static unsigned rank_of(const GElf_Sym *sym, const char *name)
{
	unsigned rank = 0, n = 0;

	if (GELF_ST_TYPE(sym->st_info) != STT_NOTYPE)
		rank += RANK_TYPED;
	if (GELF_ST_BIND(sym->st_info) != STB_LOCAL)
		rank += RANK_GLOBAL;
	/* read rather than __read: the public names are what people know. */
	while (name[n] == '_' && n < RANK_UNDERSCORES)
		n++;
	return rank + RANK_UNDERSCORES - n;
}

/* "read@@GLIBC_2.2.5", as linkers write into .symtab, without the version. */
static const char *plain_name(struct module *m, const char *name)
{
	const char *at = strchr(name, '@');

	return at && at > name ? arena_strn(&m->owner->arena, name, (size_t)(at - name)) : name;
}

static void add_symbol(struct symbol_list *l, struct module *m, const struct sections *sections,
		       uint64_t bias, const GElf_Sym *sym, const char *name)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);
	const struct section *in = NULL;
	struct symbol s = {0};

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || sym->st_shndx == SHN_COMMON)
		return;
	if (sym->st_shndx < sections->n)
		in = &sections->items[sym->st_shndx];
	s.is_function = type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && in && in->code);
	if (!s.is_function && type != STT_OBJECT)
		return;
	if (in && !in->allocated)
		return;
	s.addr = sym->st_value + bias;
	s.size = sym->st_size;
	s.name = plain_name(m, name);
	if (s.addr < m->lo || s.addr >= m->hi || s.size > m->hi - s.addr || (!s.size && !s.is_function))
		return;
	symbols_add(l, &s, rank_of(sym, name), in ? in->end + bias : m->hi);
}

static void add_table(struct symbol_list *l, struct module *m, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh,
		      const struct sections *sections)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	uint64_t bias = files_bias(m, elf);
	size_t n = data ? data->d_size / sizeof(Elf64_Sym) : 0;

	for (size_t i = 1; i < n; i++) {
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		name = sym.st_name ? elf_strptr(elf, sh->sh_link, sym.st_name) : NULL;
		if (name && *name)
			add_symbol(l, m, sections, bias, &sym, name);
	}
}

/* All symbol tables of a file of this type; false if it has none. */
static bool add_tables(struct symbol_list *l, struct module *m, Elf *elf, unsigned type)
{
	struct sections sections;
	Elf_Scn *scn = NULL;
	bool found = false;

	if (!elf)
		return false;
	sections = sections_of(elf);
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != type)
			continue;
		add_table(l, m, elf, scn, &sh, &sections);
		found = true;
	}
	free(sections.items);
	return found;
}

/* ---- the array --------------------------------------------------------------------------------------------- */

static int compare(const void *pa, const void *pb)
{
	const struct raw_symbol *a = pa, *b = pb;

	if (a->s.addr != b->s.addr)
		return a->s.addr < b->s.addr ? -1 : 1;
	if (!a->s.size != !b->s.size)
		return a->s.size ? 1 : -1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(b->s.name, a->s.name);
}

/* Takes out what is there twice, in .dynsym and .symtab. */
static size_t unique(struct raw_symbol *v, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		bool again = i + 1 < n && v[i].s.addr == v[i + 1].s.addr && v[i].s.size == v[i + 1].s.size &&
			     !strcmp(v[i].s.name, v[i + 1].s.name);

		if (!again)
			v[k++] = v[i];
	}
	return k;
}

/* Sizes for symbols without: up to the next address, unless they stand in another symbol. */
static void give_sizes(struct raw_symbol *v, size_t n)
{
	uint64_t reach = 0, next = 0;

	for (size_t i = n; i-- > 0;) {
		uint64_t end = next && next < v[i].limit ? next : v[i].limit;

		if (i + 1 < n && v[i].s.addr == v[i + 1].s.addr)
			end = v[i].s.addr + v[i + 1].s.size;
		if (!v[i].s.size && end > v[i].s.addr)
			v[i].s.size = end - v[i].s.addr;
		else if (v[i].s.size)
			v[i].limit = 0; /* had one */
		if (i == 0 || v[i - 1].s.addr != v[i].s.addr)
			next = v[i].s.addr;
	}
	for (size_t i = 0; i < n; i++) {
		if (v[i].limit && v[i].s.addr < reach)
			v[i].s.size = 0;
		else if (v[i].s.addr + v[i].s.size > reach)
			reach = v[i].s.addr + v[i].s.size;
	}
}

static void keep(struct module *m, struct symbol_list *l)
{
	uint64_t reach = 0;
	size_t n;

	if (l->v.n)
		qsort(l->v.items, l->v.n, sizeof l->v.items[0], compare);
	n = unique(l->v.items, l->v.n);
	give_sizes(l->v.items, n);
	m->symbols = base_malloc((n + 1) * sizeof m->symbols[0]);
	m->files->reach = base_malloc((n + 1) * sizeof m->files->reach[0]);
	for (size_t i = 0; i < n; i++) {
		m->symbols[i] = l->v.items[i].s;
		if (m->symbols[i].addr + m->symbols[i].size > reach)
			reach = m->symbols[i].addr + m->symbols[i].size;
		m->files->reach[i] = reach;
	}
	m->nsymbols = n;
}

void symbols_load(struct module *m)
{
	struct symbol_list l = {0};
	Elf *elf = files_elf(m);

	if (m->files->is_image && !add_tables(&l, m, elf, SHT_DYNSYM)) {
		symbols_dynamic(&l, m);
		/* The debug file's build id fits what is in memory, so its symbols do. */
		add_tables(&l, m, files_debug(m), SHT_SYMTAB);
	} else if (elf) {
		add_tables(&l, m, elf, SHT_DYNSYM);
		if (!add_tables(&l, m, elf, SHT_SYMTAB) && !add_tables(&l, m, files_debug(m), SHT_SYMTAB))
			symbols_mini(&l, m, elf);
		symbols_plt(&l, m, elf);
	}
	keep(m, &l);
	VEC_FREE(&l.v);
}

static void need_symbols(struct module *m)
{
	if (!m->tried_symbols) {
		m->tried_symbols = true;
		symbols_load(m);
	}
}

const struct symbol *module_symbol(struct module *m, uint64_t addr, bool functions_only)
{
	size_t i;

	need_symbols(m);
	i = SEARCH_UPTO(m->symbols, m->nsymbols, addr, addr);
	while (i-- > 0 && m->files->reach[i] > addr) {
		const struct symbol *s = &m->symbols[i];

		if (addr - s->addr < s->size && (s->is_function || !functions_only))
			return s;
	}
	return NULL;
}

/* ---- by name ----------------------------------------------------------------------------------------------- */

static uint64_t hash_name(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 0x100000001b3ull;
	return h;
}

static void need_names(struct module *m)
{
	need_symbols(m);
	if (m->files->named)
		return;
	m->files->named = true;
	for (size_t i = 0; i < m->nsymbols; i++)
		table_put(&m->files->names, hash_name(m->symbols[i].name), &m->symbols[i]);
}

uint64_t modules_lookup(struct modules *ms, const char *name)
{
	uint64_t h = hash_name(name);

	for (size_t i = 0; i < ms->n; i++) {
		const struct symbol *s;

		need_names(&ms->items[i]);
		s = table_get(&ms->items[i].files->names, h);
		if (s && !strcmp(s->name, name))
			return s->addr;
	}
	return 0;
}
