/* SPDX-License-Identifier: MIT */
/*
 * What: a fuzzer of `gorgon parse --binary`: the words of a traceback that was read as text become values, by the debug
 * information of a program.
 *
 * How: the program is one of those that elf_fuzz damages (elf_victim.c), as it is, or said to be written in Go, whose
 * types are read in another way.  An input is
 *
 *	which program, in which language (1); how many changes of its debug information (1); each: where (2), to what (1)
 *	the text
 *
 * What must hold: values keep their word: unknown bytes are zero, what is known has bytes.
 */
#define _GNU_SOURCE
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emit/emit.h"
#include "fuzz.h"
#include "parse/binary.h"
#include "text_world.h"

const uint8_t fuzz_words[] = {'\n', '\t', ' ', '(', ')', '{', '}', ',', '.', '0',  'x',  '9',
			      '+',  '?',  '_', '[', ']', 'f', ':', 0,   1,   0x13, 0x34, 0xff};
const size_t fuzz_nwords = sizeof fuzz_words;
const unsigned long fuzz_runs = 2000;

enum { VICTIMS = 2, LANGUAGES = 2, MAX_CHANGES = 8 };

/* A program, and where its debug information is in it. */
static struct victim {
	unsigned char *bytes;
	size_t size, info, ninfo;
} victims[VICTIMS][LANGUAGES];

/* ---- programs ---------------------------------------------------------------------------------------------- */

static int open_victim(unsigned number)
{
	const char *dir = getenv("FUZZ_VICTIMS");
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/elf_victim%u", dir ? dir : "tests/fuzz", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* Where .debug_info is, and in it the number of the language. */
static size_t find_info(struct victim *v, int fd)
{
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	Elf_Scn *scn = NULL;
	Dwarf_Attribute attr;
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	GElf_Shdr sh;
	size_t names, at = 0;

	MUST(dwarf && elf_getshdrstrndx(dwarf_getelf(dwarf), &names) == 0);
	MUST(dwarf_get_units(dwarf, NULL, &cu, NULL, NULL, &unit, NULL) == 0);
	MUST(dwarf_attr(&unit, DW_AT_language, &attr));
	while ((scn = elf_nextscn(dwarf_getelf(dwarf), scn))) {
		MUST(gelf_getshdr(scn, &sh));
		if (strcmp(elf_strptr(dwarf_getelf(dwarf), names, sh.sh_name), ".debug_info") != 0)
			continue;
		v->info = sh.sh_offset;
		v->ninfo = sh.sh_size;
		at = sh.sh_offset + (size_t)(attr.valp - (unsigned char *)elf_getdata(scn, NULL)->d_buf);
	}
	dwarf_end(dwarf);
	MUST(at && at < v->size);
	return at;
}

static void load_victims(void)
{
	for (unsigned i = 0; i < VICTIMS; i++)
		for (unsigned go = 0; go < LANGUAGES; go++) {
			struct victim *v = &victims[i][go];
			int fd = open_victim(4 + i);
			struct stat st;
			size_t at;

			MUST(fstat(fd, &st) == 0);
			v->size = (size_t)st.st_size;
			v->bytes = malloc(v->size);
			MUST(v->bytes && read(fd, v->bytes, v->size) == (ssize_t)v->size);
			at = find_info(v, fd);
			if (go)
				v->bytes[at] = DW_LANG_Go;
			close(fd);
		}
}

/* The program, damaged, in a file without a name. */
static int damage(struct fuzz_input *in)
{
	uint64_t which = fuzz_take(in, 1), n = fuzz_take(in, 1) % MAX_CHANGES;
	const struct victim *v = &victims[which % VICTIMS][which / VICTIMS % LANGUAGES];
	int fd = memfd_create("program", MFD_CLOEXEC);

	MUST(fd >= 0 && write(fd, v->bytes, v->size) == (ssize_t)v->size);
	for (; n && in->n; n--) {
		off_t at = (off_t)(v->info + fuzz_take(in, 2) % v->ninfo);
		unsigned char to = (unsigned char)fuzz_take(in, 1);

		MUST(pwrite(fd, &to, 1, at) == 1);
	}
	return fd;
}

/* ---- values ------------------------------------------------------------------------------------------------ */

static void check_value(const struct value *v)
{
	MUST(v->type && v->status <= VALUE_UNKNOWN);
	if (v->status == VALUE_KNOWN && v->type->size)
		MUST(v->bytes);
	for (uint64_t i = 0; v->bytes && v->mask && i < v->type->size; i++)
		MUST(v->mask[i] != VALUE_UNKNOWN || v->bytes[i] == 0);
}

static void check_world(const struct world *w)
{
	for (size_t i = 0; i < w->ngoroutines; i++)
		for (uint32_t k = 0; k < w->goroutines[i].stack.nframes; k++) {
			const struct frame *f = &w->goroutines[i].stack.frames[k];

			for (uint16_t j = 0; j < f->nargs; j++)
				check_value(&f->args[j]);
		}
}

static void put_forms(struct world *w)
{
	struct emit_options o = {.threads = true, .why = true};
	struct sink s;

	sink_init_memory(&s);
	analyse_ids(w);
	for (int style = ARGS_TYPED; style <= ARGS_NONE; style++) {
		o.args = (enum args_style)style;
		emit_text(w, &o, &s);
	}
	emit_json(w, &o, true, &s);
	sink_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct world w = {0};
	struct error e = {0};
	struct binary *b;
	char path[64];
	int fd;

	if (!victims[0][0].bytes)
		load_victims();
	fd = damage(&in);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (binary_open(&b, path, &e) != 0) {
		MUST(*e.text);
	} else {
		if (text_world(in.p, in.n, &w)) {
			binary_decode(b, &w);
			check_world(&w);
			put_forms(&w);
			world_deinit(&w);
		}
		binary_close(b);
	}
	close(fd);
	return 0;
}
