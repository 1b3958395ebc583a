/* SPDX-License-Identifier: MIT */
/*
 * What: files that mean harm to whoever reads them, on standard output: hostile KIND
 *
 *	plain     a core with one thread, as small as can be
 *	threads   a core of many threads: memory
 *	bomb      zstd: 2 MB that unpack to 64 GiB: time
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>

enum { THREADS = 400000, BLOCKS = 1 << 19, BLOCK = 128 << 10 };

static void put(const void *p, size_t n)
{
	fwrite(p, 1, n, stdout);
}

static void put_thread(int pid)
{
	static const char owner[8] = "CORE";
	Elf64_Nhdr h = {.n_namesz = 5, .n_descsz = sizeof(struct elf_prstatus), .n_type = NT_PRSTATUS};
	struct elf_prstatus st = {.pr_pid = pid};

	put(&h, sizeof h);
	put(owner, sizeof owner);
	put(&st, sizeof st);
}

static void put_core(int nthreads)
{
	Elf64_Ehdr eh = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			 .e_type = ET_CORE,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_phoff = sizeof eh,
			 .e_ehsize = sizeof eh,
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1};
	Elf64_Phdr ph = {.p_type = PT_NOTE, .p_offset = sizeof eh + sizeof ph};

	ph.p_filesz = (Elf64_Xword)nthreads * (sizeof(Elf64_Nhdr) + 8 + sizeof(struct elf_prstatus));
	put(&eh, sizeof eh);
	put(&ph, sizeof ph);
	for (int i = 1; i <= nthreads; i++)
		put_thread(i);
}

/* A frame without a size, and blocks that say: this byte, so many times. */
static void put_bomb(void)
{
	static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x58}; /* window: 2 MiB */

	put(frame, sizeof frame);
	for (int i = 1; i <= BLOCKS; i++) {
		unsigned long head = (unsigned long)BLOCK << 3 | 1 << 1 | (i == BLOCKS);
		unsigned char block[4] = {head & 0xff, head >> 8 & 0xff, head >> 16 & 0xff, 0};

		put(block, sizeof block);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";

	if (strcmp(kind, "plain") == 0)
		put_core(1);
	else if (strcmp(kind, "threads") == 0)
		put_core(THREADS);
	else if (strcmp(kind, "bomb") == 0)
		put_bomb();
	else
		return 64;
	return fflush(stdout) != 0;
}
