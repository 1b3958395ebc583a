/* SPDX-License-Identifier: MIT */
/* What: tests/unit/core_file.h. */
#include "core_file.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

void core_file_init(struct core_file *f)
{
	memset(f, 0, sizeof *f);
	f->eh = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof f->eh,
		.e_ehsize = sizeof f->eh,
		.e_phentsize = sizeof f->ph[0],
	};
	f->ph[f->nph++] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = CORE_NOTES_AT};
}

void core_file_note(struct core_file *f, const char *owner, unsigned type, const void *desc, size_t n)
{
	size_t name = strlen(owner) + 1;
	Elf64_Nhdr h = {.n_namesz = (Elf64_Word)name, .n_descsz = (Elf64_Word)n, .n_type = type};

	ck_assert_uint_lt(f->notes_len + sizeof h + name + n + 8, sizeof f->notes);
	memcpy(f->notes + f->notes_len, &h, sizeof h);
	f->notes_len += sizeof h;
	memcpy(f->notes + f->notes_len, owner, name);
	f->notes_len += (name + 3) & ~(size_t)3;
	memcpy(f->notes + f->notes_len, desc, n);
	f->notes_len += (n + 3) & ~(size_t)3;
}

Elf64_Phdr *core_file_load(struct core_file *f, uint64_t vaddr, uint64_t memsz, const void *bytes,
			   size_t filesz, unsigned flags)
{
	Elf64_Phdr *ph = &f->ph[f->nph++];

	ck_assert_uint_le(f->nph, MAX_HEADERS);
	ck_assert_uint_le(f->data_len + filesz, sizeof f->data);
	*ph = (Elf64_Phdr){.p_type = PT_LOAD,
			   .p_flags = flags,
			   .p_vaddr = vaddr,
			   .p_memsz = memsz,
			   .p_filesz = filesz,
			   .p_offset = CORE_DATA_AT + f->data_len};
	if (filesz)
		memcpy(f->data + f->data_len, bytes, filesz);
	f->data_len += filesz;
	return ph;
}

void core_file_thread(struct core_file *f, int pid, int signo, uint64_t rip, uint64_t rsp)
{
	struct user_regs_struct r = {.rip = rip, .rsp = rsp, .orig_rax = ~0ull, .fs_base = 0x1234};
	struct elf_prstatus s = {.pr_pid = pid, .pr_cursig = (short)signo};

	memcpy(s.pr_reg, &r, sizeof r);
	core_file_note(f, "CORE", NT_PRSTATUS, &s, sizeof s);
}

void core_file_write(struct core_file *f, size_t size)
{
	size_t all = CORE_DATA_AT + f->data_len;
	unsigned char *image = calloc(1, all);
	int fd;

	f->ph[0].p_filesz = f->notes_len;
	if (!f->eh.e_phnum)
		f->eh.e_phnum = (Elf64_Half)f->nph;
	memcpy(image, &f->eh, sizeof f->eh);
	memcpy(image + sizeof f->eh, f->ph, f->nph * sizeof f->ph[0]);
	memcpy(image + CORE_NOTES_AT, f->notes, f->notes_len);
	memcpy(image + CORE_DATA_AT, f->data, f->data_len);
	strcpy(f->path, "/tmp/core_test.XXXXXX");
	fd = mkstemp(f->path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, image, size ? size : all), (ssize_t)(size ? size : all));
	close(fd);
	free(image);
}

void core_file_remove(struct core_file *f)
{
	unlink(f->path);
}
