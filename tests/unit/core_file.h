/* SPDX-License-Identifier: MIT */
#ifndef CORE_FILE_H
#define CORE_FILE_H
/* What: core files made by a test, byte by byte. */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_CORE = 1 << 20, MAX_HEADERS = 64 };

/* All zero is a core without anything. */
struct core_file {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MAX_HEADERS];
	unsigned nph;
	unsigned char notes[1 << 16];
	size_t notes_len;
	unsigned char data[1 << 16];
	size_t data_len;
	char path[64]; /* after core_file_write */
};

#define CORE_NOTES_AT 0x2000ull
#define CORE_DATA_AT 0x20000ull

void core_file_init(struct core_file *f);

void core_file_note(struct core_file *f, const char *owner, unsigned type, const void *desc, size_t n);

/* A segment; its bytes (filesz of them) are added to the data. */
Elf64_Phdr *core_file_load(struct core_file *f, uint64_t vaddr, uint64_t memsz, const void *bytes,
			   size_t filesz, unsigned flags);

/* NT_PRSTATUS with these registers. */
void core_file_thread(struct core_file *f, int pid, int signo, uint64_t rip, uint64_t rsp);

/* Writes it to f->path, cut off after `size` bytes if that is not 0. */
void core_file_write(struct core_file *f, size_t size);

void core_file_remove(struct core_file *f);

#endif
