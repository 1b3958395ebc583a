/* SPDX-License-Identifier: MIT */
/*
 * What: a fuzzer of everything that debug/ reads from files: ELF headers, symbols, call frame information, DWARF.
 *
 * How: an input is a list of changes to a small ELF file (elf_victim.c): which one, which part of it, where, which
 * bytes.  The damaged file is loaded in a target of its own, file and memory alike, with a stack full of return
 * addresses; then a dump is made of every function.  Inputs that are files themselves would spend their time on
 * being an ELF file at all.
 *
 * What must hold: it ends, and values keep their word: unknown bytes are zero, what is known has bytes.
 */
#define _GNU_SOURCE
#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debug/debug.h"
#include "debug/expr.h"
#include "fuzz.h"

const uint8_t fuzz_words[] = {
	0,
	1,
	2,
	3,
	4,
	5,
	7,
	8,
	0x0b,
	0x11,
	0x1d,
	0x24,
	0x2e,
	0x34,
	0x3f,
	0x48,
	0x49,
	0x55,
	0x7d,
	0x7f,
	0x80,
	0xff,
	DW_OP_entry_value,
	DW_OP_piece,
	DW_OP_fbreg,
	DW_OP_stack_value,
	DW_OP_implicit_pointer,
	DW_OP_call4,
};
const size_t fuzz_nwords = sizeof fuzz_words;
const unsigned long fuzz_runs = 1500;

enum {
	VICTIMS = 2,
	MAX_PARTS = 48,
	MAX_FUNCTIONS = 16,
	MAX_LOADS = 4,
	MAX_RETURNS = 64,
	BIAS = 0x10000000,
	STACK_AT = 0x70000000,
	STACK_WORDS = 512,
	MAX_FRAMES = 64,
};

struct part {
	size_t offset, size;
};

/* A file as it is before it is damaged. */
static struct victim {
	unsigned char *bytes;
	size_t size;
	struct part parts[MAX_PARTS]; /* headers, then sections */
	size_t nparts;
	struct part functions[MAX_FUNCTIONS];
	size_t nfunctions;
	uint64_t returns[MAX_RETURNS]; /* behind calls of these */
	size_t nreturns;
	Elf64_Phdr loads[MAX_LOADS]; /* cut to pages */
	unsigned nloads;
} victims[VICTIMS];

static unsigned char *image; /* the damaged file */
static const struct victim *loaded;
static int image_fd = -1;
static uint64_t stack[STACK_WORDS];
static struct {
	unsigned known, unknown, named;
} seen; /* in one dump */

/* ---- the victims ------------------------------------------------------------------------------------------- */

static void read_victim(struct victim *v, unsigned number)
{
	const char *dir = getenv("FUZZ_VICTIMS");
	char path[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof path, "%s/elf_victim%u", dir ? dir : "tests/fuzz", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		exit(1);
	}
	v->size = (size_t)st.st_size;
	v->bytes = malloc(v->size);
	MUST(v->bytes && read(fd, v->bytes, v->size) == (ssize_t)v->size);
	close(fd);
}

static void add_functions(struct victim *v, const Elf64_Shdr *sh)
{
	for (size_t at = 0; at + sizeof(Elf64_Sym) <= sh->sh_size; at += sizeof(Elf64_Sym)) {
		Elf64_Sym sym;

		memcpy(&sym, v->bytes + sh->sh_offset + at, sizeof sym);
		if (ELF64_ST_TYPE(sym.st_info) == STT_FUNC && v->nfunctions < MAX_FUNCTIONS)
			v->functions[v->nfunctions++] = (struct part){sym.st_value, sym.st_size};
	}
}

/* Calls of a function by another one: what a stack is made of. */
static void add_returns(struct victim *v, const struct part *f)
{
	for (size_t end = f->offset + 5; end < f->offset + f->size; end++) {
		int32_t to;

		memcpy(&to, v->bytes + end - 4, sizeof to);
		for (size_t i = 0; v->bytes[end - 5] == 0xe8 && i < v->nfunctions; i++)
			if (end + (size_t)to == v->functions[i].offset && v->nreturns < MAX_RETURNS)
				v->returns[v->nreturns++] = end;
	}
}

static void add_loads(struct victim *v, const Elf64_Ehdr *eh)
{
	for (unsigned i = 0; i < eh->e_phnum && v->nloads < MAX_LOADS; i++) {
		Elf64_Phdr ph;
		uint64_t lead;

		memcpy(&ph, v->bytes + eh->e_phoff + i * sizeof ph, sizeof ph);
		lead = ph.p_vaddr % TARGET_PAGE;
		ph.p_vaddr -= lead;
		ph.p_offset -= lead;
		ph.p_memsz = (ph.p_memsz + lead + TARGET_PAGE - 1) / TARGET_PAGE * TARGET_PAGE;
		if (ph.p_type == PT_LOAD)
			v->loads[v->nloads++] = ph;
	}
}

static void open_victim(struct victim *v, unsigned number)
{
	Elf64_Ehdr eh;

	read_victim(v, number);
	memcpy(&eh, v->bytes, sizeof eh);
	v->parts[v->nparts++] = (struct part){0, sizeof eh};
	v->parts[v->nparts++] = (struct part){eh.e_phoff, eh.e_phnum * sizeof(Elf64_Phdr)};
	v->parts[v->nparts++] = (struct part){eh.e_shoff, eh.e_shnum * sizeof(Elf64_Shdr)};
	for (unsigned i = 1; i < eh.e_shnum && v->nparts < MAX_PARTS; i++) {
		Elf64_Shdr sh;

		memcpy(&sh, v->bytes + eh.e_shoff + i * sizeof sh, sizeof sh);
		if (sh.sh_type == SHT_SYMTAB)
			add_functions(v, &sh);
		if (sh.sh_type != SHT_NOBITS && sh.sh_size)
			v->parts[v->nparts++] = (struct part){sh.sh_offset, sh.sh_size};
	}
	add_loads(v, &eh);
	for (size_t i = 0; i < v->nfunctions; i++)
		add_returns(v, &v->functions[i]);
	MUST(v->nfunctions > 4 && v->nloads > 1 && v->nreturns > 4);
}

/* ---- damage ------------------------------------------------------------------------------------------------ */

static void damage(struct fuzz_input *in)
{
	loaded = &victims[fuzz_take(in, 1) % VICTIMS];
	image = malloc(loaded->size);
	MUST(image);
	memcpy(image, loaded->bytes, loaded->size);
	while (in->n >= 4) {
		const struct part *p = &loaded->parts[fuzz_take(in, 1) % loaded->nparts];
		size_t at = fuzz_take(in, 2) % p->size, n = 1 + fuzz_take(in, 1) % 8;

		for (; n && in->n && p->offset + at < loaded->size; n--)
			image[p->offset + at++] = (unsigned char)fuzz_take(in, 1);
	}
	image_fd = memfd_create("victim", MFD_CLOEXEC);
	MUST(image_fd >= 0 && write(image_fd, image, loaded->size) == (ssize_t)loaded->size);
}

/* ---- the target -------------------------------------------------------------------------------------------- */

/* What is loaded at addr, and how much of it; NULL if nothing is. */
static const unsigned char *at(uint64_t addr, size_t *ret_n)
{
	if (addr >= STACK_AT && addr - STACK_AT < sizeof stack) {
		*ret_n = sizeof stack - (addr - STACK_AT);
		return (unsigned char *)stack + (addr - STACK_AT);
	}
	for (unsigned i = 0; i < loaded->nloads; i++) {
		const Elf64_Phdr *ph = &loaded->loads[i];
		uint64_t from = addr - BIAS - ph->p_vaddr;

		if (addr < BIAS + ph->p_vaddr || from >= ph->p_memsz || ph->p_offset + from >= loaded->size)
			continue;
		*ret_n = ph->p_memsz - from;
		if (*ret_n > loaded->size - ph->p_offset - from)
			*ret_n = loaded->size - ph->p_offset - from;
		return image + ph->p_offset + from;
	}
	return NULL;
}

static size_t damaged_read(struct target *t, uint64_t addr, void *buf, size_t n)
{
	size_t have = 0;
	const unsigned char *from = at(addr, &have);

	(void)t;
	n = n < have ? n : have;
	if (n)
		memcpy(buf, from, n);
	return n;
}

static int damaged_open(struct target *t, const struct mapping *m, struct error *e)
{
	int fd = fcntl(image_fd, F_DUPFD_CLOEXEC, 3);

	(void)t, (void)m;
	return fd >= 0 ? fd : error_sys(e, -errno, "victim");
}

static const struct target_ops damaged_ops = {
	.kind = "damaged file",
	.uncached = true,
	.read = damaged_read,
	.open_file = damaged_open,
};

static struct target *make_target(void)
{
	struct target *t = target_new(&damaged_ops, sizeof *t);

	t->mappings = arena_array(&t->arena, struct mapping, MAX_LOADS + 1);
	for (unsigned i = 0; i < loaded->nloads; i++) {
		const Elf64_Phdr *ph = &loaded->loads[i];

		t->mappings[t->nmappings++] = (struct mapping){.lo = BIAS + ph->p_vaddr,
							       .hi = BIAS + ph->p_vaddr + ph->p_memsz,
							       .offset = ph->p_offset,
							       .path = "/victim",
							       .readable = true,
							       .writable = ph->p_flags & PF_W,
							       .executable = ph->p_flags & PF_X};
	}
	t->mappings[t->nmappings++] = (struct mapping){.lo = STACK_AT,
						       .hi = STACK_AT + sizeof stack,
						       .path = "",
						       .readable = true,
						       .writable = true};
	return t;
}

/* Return addresses, and pointers to other places of the stack. */
static void fill_stack(void)
{
	for (size_t i = 0; i < STACK_WORDS; i++)
		stack[i] = i % 4 ? BIAS + loaded->returns[i * 5 % loaded->nreturns] : STACK_AT + 8 * (i + 6);
}

/* ---- a dump ------------------------------------------------------------------------------------------------ */

static void check_value(const struct value *v)
{
	MUST(v->type && v->type->name);
	MUST(v->name == NULL || strlen(v->name) < 100000);
	MUST(v->status <= VALUE_UNKNOWN);
	if (v->status == VALUE_KNOWN && v->type->size)
		MUST(v->bytes);
	seen.known += v->status == VALUE_KNOWN;
	seen.unknown += v->status == VALUE_UNKNOWN;
	for (uint64_t i = 0; v->bytes && v->mask && i < v->type->size; i++)
		MUST(v->mask[i] != VALUE_UNKNOWN || v->bytes[i] == 0);
}

static void dump_frame(struct debug *d, const struct ustack *st, size_t i, struct arena *a)
{
	const struct value *values;
	const struct place *places;
	const struct place **tails;
	unsigned nplaces, n;
	bool variadic;

	places = debug_places(d, st->frames[i].lookup, &nplaces);
	MUST(nplaces > 0);
	for (unsigned level = 0; level < nplaces; level++) {
		MUST(!places[level].function || strlen(places[level].function) < 100000);
		seen.named += places[level].function && places[level].line > 0;
		MUST(!places[level].file || strlen(places[level].file) < 100000);
		n = debug_args(d, st, i, level, a, &values, &variadic);
		for (unsigned k = 0; k < n; k++)
			check_value(&values[k]);
	}
	debug_tail_calls(d, st, i, &tails);
}

static void dump_stack(struct debug *d, uint64_t pc, struct arena *a)
{
	struct uframe frames[MAX_FRAMES];
	struct regs regs = {0};
	struct ustack st = {.frames = frames};
	enum stack_end end;

	for (unsigned i = 0; i < REG_NGPR; i++)
		regs_set(&regs, i, STACK_AT + 64 + 8 * i);
	regs_set(&regs, REG_RIP, pc);
	st.n = unwind(debug_unwinder(d), &regs, true, frames, MAX_FRAMES, &end);
	MUST(st.n <= MAX_FRAMES);
	for (size_t i = 0; i < st.n; i++)
		dump_frame(d, &st, i, a);
}

static void dump_function(struct debug *d, const struct part *f, struct arena *a)
{
	struct module *m = module_of(debug_modules(d), BIAS + f->offset);
	const struct value *values;
	struct regs regs = {0};
	const char *name;
	uint64_t offset;
	bool flag;
	unsigned n;

	regs_set(&regs, REG_RSP, STACK_AT + 128);
	regs_set(&regs, REG_RDI, 1);
	regs_set(&regs, REG_RIP, BIAS + f->offset);
	n = debug_entry_args(d, BIAS + f->offset, &regs, a, &values, &flag);
	for (unsigned i = 0; i < n; i++)
		check_value(&values[i]);
	dump_stack(d, BIAS + f->offset, a);
	dump_stack(d, BIAS + f->offset + f->size / 2, a);
	debug_symbol(d, BIAS + f->offset + 1, &name, &offset, &flag);
	if (m)
		module_tls(m, STACK_AT, &offset);
}

static void dump_all(struct debug *d)
{
	struct arena a = {0};

	for (size_t i = 0; i < loaded->nfunctions; i++)
		dump_function(d, &loaded->functions[i], &a);
	modules_lookup(debug_modules(d), "root");
	arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct target *t;
	struct debug *d;

	if (!victims[0].bytes)
		for (unsigned i = 0; i < VICTIMS; i++)
			open_victim(&victims[i], 4 + i);
	damage(&in);
	fill_stack();
	t = make_target();
	memset(&seen, 0, sizeof seen);
	if (debug_open(&d, t, NULL) == 0) {
		dump_all(d);
		debug_close(d);
	}
	/* The control: of the whole file much is known. */
	if (size < 6)
		MUST(seen.named > 20 && seen.known > 20 && seen.unknown > 20);
	target_close(t);
	close(image_fd);
	free(image);
	return 0;
}
