/* SPDX-License-Identifier: MIT */
/*
 * What: names of functions; raw_symbols.h says what for.
 *
 * How: the symbol table of each module that occurs in the report is copied once into pages of our own and
 * sorted; after that a name is a binary search, and a repeated pc one look into a cache.
 *   1. the module's file: .symtab, or .dynsym where it is stripped.  The file is used only if it is the one
 *      that was loaded: equal build ids, or, without these, equal ELF and program headers.  A binary that
 *      was replaced on disk must not give wrong names.  The main program is opened as /proc/self/exe, which
 *      works after it was deleted.
 *   2. otherwise the dynamic symbols in memory, found through PT_DYNAMIC: the vdso, deleted libraries.
 * Files are read with pread, not mapped: a file that is truncated meanwhile would raise SIGBUS.
 *
 * Rejected: dladdr (locks, and knows no static functions); symbols read linearly per pc (1 s for a million
 * symbols and a hundred places).
 *
 * Invariants: nothing read is trusted; each size is bounded, each offset checked.
 * Context: any.
 */
#define _GNU_SOURCE
#include "crash/raw_symbols.h"

#include <elf.h>
#include <fcntl.h>

#include "crash/raw_sys.h"

#include "crash/safe.h"

enum { TABLE_MAX = 1 << 30, PHDRS_MAX = 64, ID_MAX = 64, NOTE_MAX = 4096, GNU_CHAIN_MAX = 1 << 22 };

/* Context: any. */
const char *raw_basename(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

/* ---- bytes of a module: in its file, or in memory --------------------------------------------------------- */

/* Where ELF structures are read from. */
struct image {
	struct raw_mem *mem;
	int fd;        /* -1: memory */
	uint64_t base; /* memory: where offset 0 is */
};

/* Context: any. */
static bool image_read(const struct image *im, uint64_t off, void *ret, size_t n)
{
	char *to = ret;

	if (im->fd < 0)
		return raw_read(im->mem, im->base + off, ret, n);
	while (n) {
		long done = raw_sys4(SYS_pread64, im->fd, to, n, off);

		if (done <= 0)
			return false;
		to += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return true;
}

/* A copy in pages of our own, with a zero byte after it; NULL if it cannot be had.  Context: any. */
static void *image_copy(const struct image *im, uint64_t off, uint64_t n, size_t *ret_size)
{
	char *p = n && n <= TABLE_MAX ? raw_map(n + 1) : NULL;

	if (!p)
		return NULL;
	if (!image_read(im, off, p, n)) {
		raw_unmap(p, n + 1);
		return NULL;
	}
	*ret_size = n + 1;
	return p;
}

/* ---- is the file the one in memory? ----------------------------------------------------------------------- */

struct headers {
	Elf64_Ehdr eh;
	uint32_t nph;
	Elf64_Phdr ph[PHDRS_MAX];
	unsigned char id[ID_MAX]; /* build id */
	uint32_t id_len;          /* 0: none */
};

/* The build id in one segment of notes, if it is there.  Context: any. */
static void find_build_id(const struct image *im, uint64_t off, uint64_t size, struct headers *ret)
{
	Elf64_Nhdr n;

	if (size > NOTE_MAX)
		size = NOTE_MAX;
	for (uint64_t at = 0; at + sizeof n <= size;) {
		char name[4];
		uint64_t desc;

		if (!image_read(im, off + at, &n, sizeof n))
			return;
		desc = at + sizeof n + (((uint64_t)n.n_namesz + 3) & ~(uint64_t)3);
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && n.n_descsz && n.n_descsz <= ID_MAX &&
		    image_read(im, off + at + sizeof n, name, 4) && name[0] == 'G' && name[1] == 'N' &&
		    image_read(im, off + desc, ret->id, n.n_descsz)) {
			ret->id_len = n.n_descsz;
			return;
		}
		at = desc + (((uint64_t)n.n_descsz + 3) & ~(uint64_t)3);
	}
}

/* Context: any. */
static bool read_headers(const struct image *im, struct headers *ret)
{
	*ret = (struct headers){.nph = 0};
	if (!image_read(im, 0, &ret->eh, sizeof ret->eh) || ret->eh.e_ident[EI_MAG0] != ELFMAG0 ||
	    ret->eh.e_ident[EI_MAG1] != 'E' || ret->eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ret->eh.e_phentsize != sizeof(Elf64_Phdr) || ret->eh.e_phnum > PHDRS_MAX)
		return false;
	ret->nph = ret->eh.e_phnum;
	if (!image_read(im, ret->eh.e_phoff, ret->ph, ret->nph * sizeof(Elf64_Phdr)))
		return false;
	for (uint32_t i = 0; i < ret->nph && !ret->id_len; i++)
		if (ret->ph[i].p_type == PT_NOTE)
			find_build_id(im, ret->ph[i].p_offset, ret->ph[i].p_filesz, ret);
	return true;
}

/* Context: any. */
static bool bytes_equal(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return false;
	return true;
}

/* Context: any. */
static bool same_module(const struct headers *mem, const struct headers *file)
{
	if (mem->id_len || file->id_len)
		return mem->id_len == file->id_len && bytes_equal(mem->id, file->id, mem->id_len);
	return bytes_equal(&mem->eh, &file->eh, sizeof mem->eh) &&
	       bytes_equal(mem->ph, file->ph, mem->nph * sizeof mem->ph[0]);
}

/* ---- loading ------------------------------------------------------------------------------------------------ */

/* The better of .symtab and .dynsym.  Context: any. */
static bool load_sections(struct raw_symtab *tab, const struct image *im, const Elf64_Ehdr *eh)
{
	Elf64_Shdr sym = {0}, str;

	if (eh->e_shentsize != sizeof(Elf64_Shdr))
		return false;
	for (uint32_t i = 0; i < eh->e_shnum; i++) {
		Elf64_Shdr sh;

		if (!image_read(im, eh->e_shoff + i * sizeof sh, &sh, sizeof sh))
			return false;
		if (sh.sh_type == SHT_SYMTAB || (sh.sh_type == SHT_DYNSYM && sym.sh_type != SHT_SYMTAB))
			sym = sh;
	}
	if (!sym.sh_type || sym.sh_entsize != sizeof(Elf64_Sym) || sym.sh_link >= eh->e_shnum ||
	    !image_read(im, eh->e_shoff + sym.sh_link * sizeof str, &str, sizeof str))
		return false;
	tab->syms = image_copy(im, sym.sh_offset, sym.sh_size, &tab->syms_size);
	tab->names = image_copy(im, str.sh_offset, str.sh_size, &tab->names_size);
	return tab->syms && tab->names;
}

/* How many symbols a GNU hash table at this address covers.  Context: any. */
static uint64_t gnu_hash_count(struct raw_mem *mem, uint64_t at)
{
	uint32_t head[4], last = 0, word = 0; /* buckets, first symbol, filter words, shift */
	uint64_t buckets, chains;

	if (!raw_read(mem, at, head, sizeof head) || head[0] > GNU_CHAIN_MAX || head[2] > GNU_CHAIN_MAX)
		return 0;
	buckets = at + sizeof head + 8 * (uint64_t)head[2];
	chains = buckets + 4 * (uint64_t)head[0];
	for (uint32_t i = 0; i < head[0]; i++)
		if (raw_read(mem, buckets + 4 * (uint64_t)i, &word, 4) && word > last)
			last = word;
	if (last < head[1])
		return head[1];
	for (int i = 0; i < GNU_CHAIN_MAX; i++, last++)
		if (!raw_read(mem, chains + 4 * (uint64_t)(last - head[1]), &word, 4) || word & 1)
			break;
	return (uint64_t)last + 1;
}

/* From the dynamic section in memory.  Context: any. */
static bool load_dynamic(struct raw_symtab *tab, struct raw_mem *mem, const struct headers *h)
{
	uint64_t d[2], symtab = 0, strtab = 0, strsz = 0, hash = 0, n = 0;
	struct image im = {mem, -1, 0};
	uint64_t at = 0, bias = tab->mod.bias;

	for (uint32_t i = 0; i < h->nph; i++)
		if (h->ph[i].p_type == PT_DYNAMIC)
			at = bias + h->ph[i].p_vaddr;
	for (int i = 0; at && i < 256 && raw_read(mem, at, d, sizeof d) && d[0] != DT_NULL;
	     i++, at += sizeof d) {
		uint64_t p = d[1] < tab->mod.start ? d[1] + bias : d[1]; /* ld.so has relocated most */

		if (d[0] == DT_SYMTAB)
			symtab = p;
		else if (d[0] == DT_STRTAB)
			strtab = p;
		else if (d[0] == DT_STRSZ)
			strsz = d[1];
		else if (d[0] == DT_GNU_HASH)
			n = gnu_hash_count(mem, p);
		else if (d[0] == DT_HASH)
			hash = p;
	}
	if (hash && !n) {
		uint32_t words[2] = {0, 0};

		n = raw_read(mem, hash, words, sizeof words) ? words[1] : 0;
	}
	tab->syms = image_copy(&im, symtab, n * sizeof(Elf64_Sym), &tab->syms_size);
	tab->names = image_copy(&im, strtab, strsz, &tab->names_size);
	return tab->syms && tab->names;
}

/* Context: any. */
static void drop_copies(struct raw_symtab *tab)
{
	if (tab->syms)
		raw_unmap(tab->syms, tab->syms_size);
	if (tab->names)
		raw_unmap(tab->names, tab->names_size);
	tab->syms = NULL;
	tab->names = NULL;
}

/* Makes tab->order.  Context: any. */
static void index_functions(struct raw_symtab *tab)
{
	const Elf64_Sym *sym = (const void *)tab->syms;
	uint32_t n = (uint32_t)((tab->syms_size - 1) / sizeof *sym);

	tab->order_size = n * sizeof tab->order[0];
	tab->order = n ? raw_map(tab->order_size) : NULL;
	for (uint32_t i = 0; tab->order && i < n; i++) {
		unsigned type = ELF64_ST_TYPE(sym[i].st_info);
		uint64_t off = sym[i].st_value + tab->mod.bias - tab->mod.start;

		if ((type == STT_FUNC || type == STT_GNU_IFUNC) && sym[i].st_shndx != SHN_UNDEF &&
		    sym[i].st_name < tab->names_size - 1 && off < tab->mod.end - tab->mod.start)
			tab->order[tab->norder++] = (struct raw_pair){off, i};
	}
	raw_sort(tab->order, tab->norder);
}

/* Context: any. */
static void read_path(struct raw_symtab *tab, struct raw_mem *mem)
{
	long n;

	if (tab->mod.name && raw_read_text(mem, tab->mod.name, tab->path, sizeof tab->path) > 0)
		return;
	tab->is_main = tab->mod.name != 0;
	n = tab->is_main ? raw_sys3(SYS_readlink, "/proc/self/exe", tab->path, sizeof tab->path - 1) : 0;
	tab->path[n > 0 ? n : 0] = '\0';
}

/* Fills what can be had; a table without symbols is an answer too.  Context: any. */
static void load(struct raw_symtab *tab, struct raw_mem *mem)
{
	struct image memory = {mem, -1, tab->mod.start};
	struct image file = {mem, -1, 0};
	struct headers in_mem, in_file;
	bool ok = false;
	long fd;

	read_path(tab, mem);
	if (!read_headers(&memory, &in_mem))
		return;
	fd = raw_sys4(SYS_openat, AT_FDCWD, tab->is_main ? "/proc/self/exe" : tab->path,
		      O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (fd >= 0) {
		file.fd = (int)fd;
		ok = read_headers(&file, &in_file) && same_module(&in_mem, &in_file) &&
		     load_sections(tab, &file, &in_file.eh);
		raw_sys1(SYS_close, fd);
	}
	if (!ok) {
		drop_copies(tab);
		ok = load_dynamic(tab, mem, &in_mem);
	}
	if (ok)
		index_functions(tab);
	else
		drop_copies(tab);
}

/* ---- looking up ----------------------------------------------------------------------------------------------- */

/* Context: any. */
struct raw_symtab *raw_symbols_table(struct raw_symbols *s, uint64_t pc)
{
	struct raw_symtab *tab;

	for (uint32_t i = 0; i < s->ntabs; i++)
		if (pc - s->tabs[i].mod.start < s->tabs[i].mod.end - s->tabs[i].mod.start)
			return &s->tabs[i];
	if (s->ntabs == RAW_NSYMTABS)
		return NULL;
	tab = &s->tabs[s->ntabs];
	*tab = (struct raw_symtab){.norder = 0};
	if (!raw_module_find(pc, &tab->mod))
		return NULL;
	s->ntabs++; /* first: a crash in here must not come back for the same module */
	load(tab, s->mem);
	return tab;
}

/* How good a name a symbol is, among those at one address.  Context: any. */
static int rank(const Elf64_Sym *sym, const char *name)
{
	static const int by_binding[] = {[STB_LOCAL] = 1, [STB_GLOBAL] = 3, [STB_WEAK] = 2};
	unsigned bind = ELF64_ST_BIND(sym->st_info);
	int r = (bind < 3 ? by_binding[bind] : 0) * 4;

	if (sym->st_size)
		r += 100;
	for (int i = 0; i < 3 && name[i] == '_'; i++)
		r--;
	return r;
}

/* The symbol that covers `off`, or NULL.  Context: any. */
static const Elf64_Sym *search(const struct raw_symtab *tab, uint64_t off, bool *ret_runtime)
{
	enum {
		BACK_MAX = 16,  /* symbols that may lie inside another */
		LAST_MAX = 256, /* what the last symbol covers if it has no size */
	};
	const Elf64_Sym *syms = (const void *)tab->syms, *best = NULL;
	uint32_t lo = 0, hi = tab->norder;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (tab->order[mid].key <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (uint32_t i = lo; i > 0 && lo - i < BACK_MAX; i--) {
		const Elf64_Sym *sym = &syms[tab->order[i - 1].value & ~RAW_SYM_RUNTIME];
		uint64_t start = tab->order[i - 1].key;

		if (best && best->st_value != sym->st_value)
			break; /* an outer one is no better */
		bool open_end = !sym->st_size && i == lo && (lo < tab->norder || off - start < LAST_MAX);

		if (off - start >= sym->st_size && !open_end)
			continue;
		*ret_runtime |= tab->order[i - 1].value >> 63;
		if (!best || rank(sym, tab->names + sym->st_name) > rank(best, tab->names + best->st_name))
			best = sym;
	}
	return best;
}

/* Context: any. */
const struct raw_symbol *raw_symbols_find(struct raw_symbols *s, uint64_t pc)
{
	uint32_t slot = (uint32_t)(pc * 0x9e3779b97f4a7c15ULL >> 48) % RAW_NNAMES;
	struct raw_symbol *ret = &s->cache[slot].sym;
	const Elf64_Sym *sym;

	if (s->cache[slot].pc == pc && pc)
		return ret;
	s->cache[slot].pc = pc;
	*ret = (struct raw_symbol){.tab = raw_symbols_table(s, pc)};
	if (!ret->tab)
		return ret;
	ret->start = ret->tab->mod.start;
	sym = search(ret->tab, pc - ret->tab->mod.start, &ret->runtime);
	if (!sym)
		return ret;
	ret->name = ret->tab->names + sym->st_name;
	while (ret->name[ret->name_len] && ret->name[ret->name_len] != '@') /* version */
		ret->name_len++;
	ret->start = sym->st_value + ret->tab->mod.bias;
	return ret;
}

/* Context: any. */
void raw_symbols_reset(struct raw_symbols *s)
{
	for (uint32_t i = 0; i < s->ntabs; i++) {
		drop_copies(&s->tabs[i]);
		if (s->tabs[i].order)
			raw_unmap(s->tabs[i].order, s->tabs[i].order_size);
	}
	s->ntabs = 0;
	for (int i = 0; i < RAW_NNAMES; i++)
		s->cache[i].pc = 0;
}
