/* SPDX-License-Identifier: MIT */
#ifndef EXPR_UNIT_H
#define EXPR_UNIT_H
/*
 * What: an ELF file with DWARF, made in memory around the bytes of an expression, for tests and the fuzzer.
 *
 * How: the bytes go through libdw, as those of a real file do, in four ways: as DW_FORM_exprloc and in a location
 * list, of DWARF 4 and 5.  The unit has base types, and DIEs that expressions can call.  .debug_info is the last thing
 * in the allocation and the expression the last thing in it: AddressSanitizer sees whoever reads on.
 */
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- a unit ------------------------------------------------------------------------------------------------ */

enum base_type {
	T_S8,
	T_U8,
	T_S16,
	T_U16,
	T_S24,
	T_S32,
	T_U32,
	T_S64,
	T_U64,
	T_BOOL,
	T_FLOAT,
	T_DOUBLE,
	T_LDOUBLE,
	T_S128,
	T_F128,
	T_COMPLEX,
	T_WIDE, /* 32 bytes */
	T_COUNT
};

static const struct {
	const char *name;
	unsigned char size, encoding;
} base_types[T_COUNT] = {
	{"signed char", 1, DW_ATE_signed_char},
	{"unsigned char", 1, DW_ATE_unsigned_char},
	{"short", 2, DW_ATE_signed},
	{"unsigned short", 2, DW_ATE_unsigned},
	{"_BitInt(24)", 3, DW_ATE_signed},
	{"int", 4, DW_ATE_signed},
	{"unsigned int", 4, DW_ATE_unsigned},
	{"long", 8, DW_ATE_signed},
	{"unsigned long", 8, DW_ATE_unsigned},
	{"_Bool", 1, DW_ATE_boolean},
	{"float", 4, DW_ATE_float},
	{"double", 8, DW_ATE_float},
	{"long double", 16, DW_ATE_float},
	{"__int128", 16, DW_ATE_signed},
	{"_Float128", 16, DW_ATE_float},
	{"complex float", 8, DW_ATE_complex_float},
	{"wide", 32, DW_ATE_unsigned},
};

/* Where DIEs are, from the beginning of their unit; the same in all units.  unit_layout() fills them. */
static unsigned type_die[T_COUNT]; /* base types */
static unsigned die_struct;        /* a type that is not a base type */
static unsigned die_empty;         /* a variable without location */
static unsigned die_list;          /* one whose location is a list */
static unsigned die_callee;        /* one with the location given to unit_open */

enum { DEBUG_ADDR_WORDS = 3 };
static const uint64_t debug_addr_words[DEBUG_ADDR_WORDS] = {0x1111, 0x2222, 0xfffffffffffffff0};

struct bytes {
	unsigned char p[1 << 17];
	size_t n;
};

static inline void put(struct bytes *b, const void *p, size_t n)
{
	if (n > sizeof b->p - b->n)
		abort();
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void put_int(struct bytes *b, uint64_t v, size_t n)
{
	put(b, &v, n);
}

static inline void put_uleb(struct bytes *b, uint64_t v)
{
	do {
		put_int(b, (v & 0x7f) | (v > 0x7f ? 0x80 : 0), 1);
		v >>= 7;
	} while (v);
}

static inline void put_abbrev(struct bytes *b, unsigned code, unsigned tag, bool children,
			      const unsigned *attrs)
{
	put_uleb(b, code);
	put_uleb(b, tag);
	put_int(b, children, 1);
	for (; *attrs; attrs++)
		put_uleb(b, *attrs);
	put_int(b, 0, 2);
}

static inline void put_abbrevs(struct bytes *b, unsigned version)
{
	unsigned base = version >= 5 ? DW_AT_addr_base : DW_AT_GNU_addr_base;

	put_abbrev(b, 1, DW_TAG_compile_unit, true,
		   (const unsigned[]){DW_AT_name, DW_FORM_string, base, DW_FORM_sec_offset, DW_AT_low_pc,
				      DW_FORM_addr, 0});
	put_abbrev(b, 2, DW_TAG_base_type, false,
		   (const unsigned[]){DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data1,
				      DW_AT_encoding, DW_FORM_data1, 0});
	put_abbrev(b, 3, DW_TAG_structure_type, false, (const unsigned[]){DW_AT_byte_size, DW_FORM_data1, 0});
	put_abbrev(b, 4, DW_TAG_variable, false, (const unsigned[]){0});
	put_abbrev(b, 5, DW_TAG_variable, false, (const unsigned[]){DW_AT_location, DW_FORM_sec_offset, 0});
	put_abbrev(b, 6, DW_TAG_variable, false, (const unsigned[]){DW_AT_location, DW_FORM_exprloc, 0});
	put_int(b, 0, 1);
}

/* The header of a unit of .debug_info, its DIE, types and what can be called.  DWARF 5 has a byte more before the
 * DIE, DWARF 4 in the name. */
static inline void put_unit(struct bytes *b, unsigned version)
{
	unsigned i;

	put_int(b, 0, 4); /* length, known later */
	put_int(b, version, 2);
	if (version >= 5)
		put_int(b, DW_UT_compile | 8 << 8, 2);
	put_int(b, 0, 4); /* of the abbreviations */
	if (version < 5)
		put_int(b, 8, 1);
	put_int(b, 1, 1);
	put(b, version >= 5 ? "u" : "u4", version >= 5 ? 2 : 3);
	put_int(b, 8, 4); /* addr_base */
	put_int(b, 0, 8);
	for (i = 0; i < T_COUNT; i++) {
		type_die[i] = b->n;
		put_int(b, 2, 1);
		put(b, base_types[i].name, strlen(base_types[i].name) + 1);
		put_int(b, base_types[i].size, 1);
		put_int(b, base_types[i].encoding, 1);
	}
	die_struct = b->n;
	put_int(b, 3 | 4 << 8, 2);
	die_empty = b->n;
	put_int(b, 4, 1);
	die_list = b->n;
	put_int(b, 5, 1);
	put_int(b, 0, 4);
	die_callee = b->n;
}

static inline void put_exprloc_die(struct bytes *b, const unsigned char *p, size_t n)
{
	put_int(b, 6, 1);
	put_uleb(b, n);
	put(b, p, n);
}

/* DIE offsets, before there is any unit: expressions contain them. */
static inline void unit_layout(void)
{
	static struct bytes b;

	b.n = 0;
	put_unit(&b, 5);
}

enum unit_form { EXPRLOC_4, EXPRLOC_5, LIST_4, LIST_5, UNIT_FORMS };

struct unit {
	Elf *elf;
	Dwarf *dwarf;
	unsigned char *image;
	Dwarf_Attribute attr;
	Dwarf_Op *ops; /* NULL: libdw refused */
	size_t n;
};

/* A list of one location, for addresses 0x100 to 0x1ff.  Returns its offset in the section. */
static inline size_t put_list(struct bytes *b, unsigned version, const unsigned char *p, size_t n)
{
	uint32_t length;
	size_t at;

	if (version >= 5) {
		put_int(b, 0, 4); /* length, known later */
		put_int(b, 5 | 8 << 16, 4);
		put_int(b, 0, 4);
		at = b->n;
		put_int(b, DW_LLE_start_end, 1);
	} else {
		at = b->n;
	}
	put_int(b, 0x100, 8);
	put_int(b, 0x200, 8);
	if (version >= 5)
		put_uleb(b, n);
	else
		put_int(b, n, 2);
	put(b, p, n);
	if (version >= 5)
		put_int(b, DW_LLE_end_of_list, 1);
	else
		put(b, (char[16]){0}, 16);
	length = b->n - 4;
	if (version >= 5)
		memcpy(b->p, &length, 4);
	return at;
}

static inline void put_section(struct bytes *b, unsigned i, unsigned name, const struct bytes *content)
{
	Elf64_Shdr *sh = (Elf64_Shdr *)(void *)(b->p + sizeof(Elf64_Ehdr)) + i;

	*sh = (Elf64_Shdr){.sh_name = name,
			   .sh_type = i == 1 ? SHT_STRTAB : SHT_PROGBITS,
			   .sh_offset = b->n,
			   .sh_size = content->n,
			   .sh_addralign = 1};
	put(b, content->p, content->n);
}

enum { SECTIONS = 6 };

static inline unsigned char *make_image(struct bytes content[SECTIONS], unsigned version, size_t *ret_n)
{
	static const unsigned names[SECTIONS] = {0, 1, 11, 25, 37, 0};
	static const char strings[] = "\0.shstrtab\0.debug_abbrev\0.debug_addr\0.debug_loclists\0.debug_loc\0"
				      ".debug_info";
	static struct bytes b;
	unsigned char *image;
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)b.p;
	struct bytes *shstrtab = &content[1];
	unsigned i;

	shstrtab->n = 0;
	put(shstrtab, strings, sizeof strings);
	memset(b.p, 0, sizeof(Elf64_Ehdr) + SECTIONS * sizeof(Elf64_Shdr));
	*eh = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_shoff = sizeof *eh,
			   .e_ehsize = sizeof *eh,
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = SECTIONS,
			   .e_shstrndx = 1};
	b.n = sizeof *eh + SECTIONS * sizeof(Elf64_Shdr);
	for (i = 1; i < SECTIONS; i++)
		put_section(&b, i, i == 4 ? (version >= 5 ? 37 : 53) : i == 5 ? 64 : names[i], &content[i]);
	image = malloc(b.n);
	if (!image)
		abort();
	*ret_n = b.n;
	return memcpy(image, b.p, b.n);
}

/* Finds the DIE that was written last, and decodes its location. */
static inline void unit_decode(struct unit *u, Dwarf_Off main_die, bool in_list)
{
	Dwarf_Die die;

	u->ops = NULL;
	u->n = 0;
	if (!dwarf_offdie(u->dwarf, main_die, &die) || !dwarf_attr(&die, DW_AT_location, &u->attr))
		abort();
	if (in_list) {
		if (dwarf_getlocation_addr(&u->attr, 0x100, &u->ops, &u->n, 1) != 1)
			u->ops = NULL;
	} else if (dwarf_getlocation(&u->attr, &u->ops, &u->n) != 0) {
		u->ops = NULL;
	}
}

/* A file whose last DIE has the location p[0..n); die_callee has the location called[0..ncalled). */
static inline void unit_open(struct unit *u, enum unit_form form, const unsigned char *p, size_t n,
			     const unsigned char *called, size_t ncalled)
{
	static struct bytes content[SECTIONS];
	unsigned version = form == EXPRLOC_4 || form == LIST_4 ? 4 : 5;
	bool in_list = form >= LIST_4;
	struct bytes *info = &content[5];
	Dwarf_Off main_die;
	size_t size, i;
	uint32_t length;

	for (i = 0; i < SECTIONS; i++)
		content[i].n = 0;
	put_abbrevs(&content[2], version);
	put_int(&content[3], 0x0000080500000000 | (4 + sizeof debug_addr_words), 8);
	put(&content[3], debug_addr_words, sizeof debug_addr_words);
	put_unit(info, version);
	put_exprloc_die(info, called, ncalled);
	main_die = info->n;
	if (in_list) {
		put_int(info, 5, 1);
		put_int(info, put_list(&content[4], version, p, n), 4);
	} else {
		put_exprloc_die(info, p, n);
	}
	length = info->n - 4;
	memcpy(info->p, &length, 4);

	u->image = make_image(content, version, &size);
	u->elf = elf_memory((char *)u->image, size);
	u->dwarf = u->elf ? dwarf_begin_elf(u->elf, DWARF_C_READ, NULL) : NULL;
	if (!u->dwarf)
		abort();
	unit_decode(u, main_die, in_list);
}

static inline void unit_close(struct unit *u)
{
	dwarf_end(u->dwarf);
	elf_end(u->elf);
	free(u->image);
}

#endif
