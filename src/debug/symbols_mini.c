/* SPDX-License-Identifier: MIT */
/*
 * What: the symbols of a stripped file's .gnu_debugdata: a compressed ELF file with the symbol table of its functions,
 * as some distributions put it into all programs ("minidebuginfo").
 *
 * How: libdwfl unpacks it, if it was built with liblzma, so that we need no library of our own for it.  That is all it
 * is asked: it may not go and look for other files.
 */
#include <elfutils/libdwfl.h>
#include <string.h>
#include <unistd.h>

#include "debug/files.h"

static int no_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **ret_name)
{
	(void)mod, (void)userdata, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)ret_name;
	return -1;
}

static bool has_section(Elf *elf, const char *wanted)
{
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (name && strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

static void add_all(struct symbol_list *l, struct module *m, Dwfl_Module *mod, uint64_t bias)
{
	int n = dwfl_module_getsymtab(mod);

	for (int i = 1; i < n; i++) {
		GElf_Sym sym;
		GElf_Addr addr;
		GElf_Word section;
		const char *name = dwfl_module_getsym_info(mod, i, &sym, &addr, &section, NULL, NULL);
		struct symbol s = {.size = sym.st_size, .is_function = true};

		if (!name || !*name || section == SHN_UNDEF || GELF_ST_TYPE(sym.st_info) != STT_FUNC)
			continue;
		s.addr = sym.st_value + bias;
		s.name = arena_str(&m->owner->arena, name);
		if (s.addr >= m->lo && s.addr < m->hi && s.size <= m->hi - s.addr)
			symbols_add(l, &s, 0, m->hi);
	}
}

void symbols_mini(struct symbol_list *l, struct module *m, Elf *elf)
{
	static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
						 .find_debuginfo = no_debuginfo,
						 .section_address = dwfl_offline_section_address};
	Dwfl_Module *mod = NULL;
	Dwfl *dwfl;
	int fd;

	if (!has_section(elf, ".gnu_debugdata"))
		return;
	fd = files_open_main(m, NULL);
	dwfl = fd >= 0 ? dwfl_begin(&callbacks) : NULL;
	if (dwfl) {
		dwfl_report_begin(dwfl);
		mod = dwfl_report_offline(dwfl, "module", "module", fd);
		dwfl_report_end(dwfl, NULL, NULL);
	}
	if (mod)
		add_all(l, m, mod, files_bias(m, elf));
	else if (fd >= 0)
		close(fd);
	dwfl_end(dwfl);
}
