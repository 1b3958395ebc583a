/* SPDX-License-Identifier: MIT */
/*
 * What: threads that allocate and free each other's blocks, and a parent that stops them at random instants and compares
 * what the registry says with what they had.
 *
 * How: blocks that are known to be there stand in slots in shared memory: size, then address; taken out before the block
 * is touched in any way that could make it another one.  So at any instant each block in a slot must be registered
 * with its size, and none may begin inside it.  The marks are read from the stopped child's memory, as a reader does.
 *
 *	stress ROUNDS		prints "N blocks in ROUNDS stops"; fails with a sentence otherwise
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/registry_abi.h"
#include "abi/table.h"

enum { THREADS = 4, SLOTS = 512, CHECKED = 1 << 16 };

struct slot {
	int lock;
	size_t size;
	char *p; /* NULL: nothing is there for certain */
	char *held;
};

static struct slot *slots; /* shared */
static uint64_t directory;
static pid_t child;

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static char *allocate(uint64_t r, size_t size)
{
	void *p = NULL;

	switch (r % 8) {
	case 0:
		return calloc(1, size);
	case 1:
		return aligned_alloc(64, (size + 63) & ~(size_t)63);
	case 2:
		return posix_memalign(&p, 4096, size) ? NULL : p;
	default:
		return malloc(size);
	}
}

static void one(struct slot *s, uint64_t *state)
{
	uint64_t r = next_random(state);
	size_t size = r % 64 == 0 ? r % 300000 : r % 8 ? r % 200 : r % 3000;

	if (__atomic_exchange_n(&s->lock, 1, __ATOMIC_ACQUIRE))
		return;
	__atomic_store_n(&s->p, NULL, __ATOMIC_SEQ_CST);
	r = next_random(state);
	if (s->held && r % 4 == 0) {
		s->held = realloc(s->held, size + 1);
		s->size = size + 1;
	} else {
		free(s->held);
		s->held = allocate(r / 4, size);
		s->size = r / 4 % 8 == 1 ? (size + 63) & ~(size_t)63 : size;
	}
	__atomic_store_n(&s->p, s->held, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->lock, 0, __ATOMIC_RELEASE);
}

static void *work(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg * 977;

	for (unsigned n = 0;; n++) {
		one(&slots[next_random(&state) % SLOTS], &state);
		if (n % 5000 == 0 && (uintptr_t)arg >= THREADS)
			return NULL; /* threads that end, too */
	}
}

static void *start_others(void *arg)
{
	for (uintptr_t i = THREADS;; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, work, (void *)i) == 0)
			pthread_join(t, NULL);
	}
	return arg;
}

/* ---- the reader ------------------------------------------------------------------------------------------------ */

static size_t peek(uint64_t addr, void *buf, size_t n)
{
	struct iovec mine = {buf, n}, theirs = {(void *)(uintptr_t)addr, n};
	ssize_t got = process_vm_readv(child, &mine, 1, &theirs, 1, 0);

	return got < 0 ? 0 : (size_t)got;
}

static uint64_t entry(const char *name)
{
	const struct gori_table_head *head = dlsym(RTLD_DEFAULT, "gori_registry_table");
	const struct gori_table_entry *e = (const void *)(head + 1);

	for (uint32_t i = 0; head && i < head->nentries; i++)
		if (strcmp(e[i].name, name) == 0)
			return e[i].value;
	fprintf(stderr, "no %s\n", name);
	exit(2);
}

/* Size as registered: exact, or rounded up to 8 if inexact. */
static size_t size_of(const unsigned char *marks)
{
	size_t size = 0;

	if (marks[0] != GORI_MARK_LONG)
		return (size_t)(marks[0] & GORI_MARK_GRANULES) * 8;
	for (int i = GORI_MARK_DIGITS; i > 0; i--)
		size = size << GORI_MARK_DIGIT_BITS | marks[i] % GORI_MARK_DIGIT;
	return size;
}

static void check(const char *p, size_t size)
{
	static unsigned char marks[CHECKED];
	uint64_t addr = (uintptr_t)p, region = addr >> GORI_REGISTRY_REGION_BITS, at = 0;
	size_t n = (size + 7) / 8 ? (size + 7) / 8 : 1, known, first;

	peek(directory + region * 8, &at, 8);
	first = (addr >> GORI_REGISTRY_GRANULE_BITS) % GORI_REGISTRY_MARKS;
	at += first;
	n = n < sizeof marks - 8 ? n : sizeof marks - 8;
	n = n < GORI_REGISTRY_MARKS - first ? n : GORI_REGISTRY_MARKS - first;
	peek(at, marks, n < 8 ? 8 : n);
	known = marks[0] && marks[0] < GORI_MARK_DIGIT ? size_of(marks) : 0;
	if ((known + 7) / 8 != (size ? (size + 7) / 8 : 1)) {
		fprintf(stderr, "%p has %zu bytes, and is registered with %zu\n", (const void *)p, size,
			known);
		exit(1);
	}
	for (size_t i = 1; i < n; i++)
		if (marks[i] && marks[i] < GORI_MARK_DIGIT) {
			fprintf(stderr, "a block begins %zu bytes into %p, which has %zu: mark 0x%x\n", i * 8,
				(const void *)p, size, marks[i]);
			exit(1);
		}
}

static unsigned check_all(void)
{
	unsigned n = 0;

	for (int i = 0; i < SLOTS; i++)
		if (slots[i].p) {
			check(slots[i].p, slots[i].size);
			n++;
		}
	return n;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 100, status;
	struct timespec pause = {0, 300000};
	unsigned long n = 0;
	pthread_t t;

	directory = entry("root.registry");
	slots = mmap(NULL, SLOTS * sizeof *slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* What was there before the fork is there after it. */
	for (int i = 0; i < SLOTS; i += 2) {
		slots[i].size = (size_t)i * 7;
		slots[i].held = slots[i].p = malloc(slots[i].size);
	}
	child = fork();
	if (child == 0) {
		for (uintptr_t i = 1; i < THREADS; i++)
			pthread_create(&t, NULL, work, (void *)i);
		start_others(NULL);
	}
	for (int i = 0; i < rounds; i++) {
		nanosleep(&pause, NULL);
		kill(child, SIGSTOP);
		waitpid(child, &status, WUNTRACED);
		n += check_all();
		kill(child, SIGCONT);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	printf("%s in %d stops\n", n > 0 ? "blocks" : "nothing", rounds);
	return 0;
}
