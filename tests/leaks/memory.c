/* SPDX-License-Identifier: MIT */
/*
 * Where C programs keep pointers: every kind of memory, and every shape of pointer.  And what a program tells the
 * detector about itself.
 */
#include "leaks.h"
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* What the block holds: the only way to a channel in which a goroutine waits, and locks of its own. */
struct object {
	chan(int) c;
	gor_waitgroup wg;
	char more[40];
};

static void *volatile kept;

/* Two goroutines depend on the object: by what it holds, and by what is in it. */
static NOINLINE void fill(struct object *o)
{
	memset(o, 0, sizeof(*o));
	o->c = blocked();
	gor_waitgroup_add(&o->wg, 1);
	go(waiter, &o->wg);
}

#define BOTH_STUCK "2 stuck [chan receive, sync.WaitGroup.Wait]"
#define BOTH_LEAKED "2 leaked [chan receive, sync.WaitGroup.Wait]"

/* A case for memory that somebody knows, and one for memory that nobody knows. */
#define HEAP_CASES(name, memory)                                                                             \
	LEAK_CASE(name##_kept, BOTH_STUCK)                                                                   \
	{                                                                                                    \
		struct object *o = (memory);                                                                 \
		fill(o);                                                                                     \
		kept = o;                                                                                    \
	}                                                                                                    \
	LEAK_CASE(name##_lost, BOTH_LEAKED)                                                                  \
	{                                                                                                    \
		fill(memory);                                                                                \
	}

/* ---- heaps -------------------------------------------------------------------------------------------- */

HEAP_CASES(malloc_block, malloc(sizeof(struct object)))
HEAP_CASES(calloc_block, calloc(3, sizeof(struct object)))
HEAP_CASES(realloc_block, realloc(malloc(16), 4000))
HEAP_CASES(aligned_block, aligned_alloc(256, 1024))
HEAP_CASES(valloc_block, valloc(sizeof(struct object)))
HEAP_CASES(large_block, malloc(1 << 20))
HEAP_CASES(large_aligned_block, aligned_alloc(1 << 16, 1 << 20))
HEAP_CASES(large_realloc_block, realloc(malloc(1 << 18), 1 << 22))

static NOINLINE void *posix_block(void)
{
	void *p = NULL;

	return posix_memalign(&p, 64, sizeof(struct object)) == 0 ? p : NULL;
}

HEAP_CASES(posix_block, posix_block())

/* A large block, used at its end. */
LEAK_CASE(end_of_large_block_kept, BOTH_STUCK)
{
	char *p = malloc(1 << 22);

	fill((struct object *)(p + (1 << 22) - 1024));
	kept = p;
}

/* Blocks of another thread's arena. */
static void *allocate(void *ret)
{
	void **all = ret;

	for (int i = 0; i < 100; i++)
		all[i] = calloc(1, sizeof(struct object));
	return NULL;
}

static NOINLINE struct object *of_another_arena(void)
{
	void *all[100];
	pthread_t id;

	if (pthread_create(&id, NULL, allocate, all) != 0)
		abort();
	pthread_join(id, NULL);
	return all[50];
}

HEAP_CASES(block_of_another_arena, of_another_arena())

/* A block that moved, with what it holds. */
LEAK_CASE(moved_block, "1 stuck [chan receive]")
{
	chan(int) *p = malloc(sizeof(*p));

	*p = blocked();
	KEEP(malloc(100));
	kept = realloc(p, 1 << 17);
}

/* A block that grew where it was, over one that was freed behind it. */
LEAK_CASE(grown_block, "1 stuck [chan receive]")
{
	chan(int) *p = malloc(2000);
	void *behind = malloc(4000), *wall = malloc(100);

	KEEP(wall);
	p[100] = blocked();
	free(behind);
	kept = realloc(p, 5000);
}

/* What a freed block held is not reachable through it any more, wherever malloc keeps it. */
static NOINLINE void free_what_is_kept(size_t size, size_t at)
{
	char *o = calloc(1, size), *wall = malloc(size);

	*(chan(int) volatile *)(o + at) = blocked();
	kept = o;
	KEEP(wall);
	free(o);
}

LEAK_CASE(freed_block, "1 leaked [chan receive]")
{
	free_what_is_kept(2000, 1000);
}

LEAK_CASE(freed_block_in_a_threads_cache, "1 leaked [chan receive]")
{
	free_what_is_kept(200, 120);
}

/* The cache is full, and the block small enough for a list of the arena's. */
LEAK_CASE(freed_block_behind_a_full_cache, "1 leaked [chan receive]")
{
	void *others[7];

	for (int i = 0; i < 7; i++)
		others[i] = malloc(100);
	KEEP(others);
	char *o = calloc(1, 100);
	*(chan(int) volatile *)(o + 40) = blocked();
	kept = o;
	for (int i = 0; i < 7; i++)
		free(others[i]);
	free(o);
}

static void *free_many(void *ret)
{
	char *all[20];

	for (int i = 0; i < 20; i++)
		all[i] = calloc(1, 300);
	for (int i = 0; i < 20; i++)
		*(chan(int) volatile *)(all[i] + 200) = *(chan(int) *)ret;
	for (int i = 0; i < 20; i++)
		free(all[i]);
	*(void **)ret = all[19];
	leak_scrub();
	while (pause() != 0)
		;
	return NULL;
}

/* In the lists of a thread that is still there. */
LEAK_CASE(freed_block_of_another_arena, "1 leaked [chan receive]")
{
	void *volatile word = (void *)blocked(), *before = word;
	pthread_t id;

	if (pthread_create(&id, NULL, free_many, (void *)&word) != 0)
		abort();
	while (word == before)
		gor_sleep(GOR_MS);
	kept = word;
	before = word = NULL;
}

LEAK_CASE(freed_block_that_was_taken_again, BOTH_STUCK)
{
	struct object *first = calloc(1, sizeof(*first)), *again;

	KEEP(first);
	free(first);
	again = malloc(sizeof(*again));
	fill(again);
	kept = again;
}

/* A mistake of the program's; but it may still do it. */
LEAK_CASE(object_in_a_freed_block, "1 stuck [sync.WaitGroup.Wait]")
{
	char *o = calloc(1, 2000), *wall = malloc(100);
	gor_waitgroup *wg = (gor_waitgroup *)(o + 1000);

	KEEP(wall);
	gor_waitgroup_add(wg, 1);
	go(waiter, wg);
	settle();
	kept = o;
	free(o);
}

/* ---- memory that the program got from the kernel ------------------------------------------------------ */

static NOINLINE void *mapped(int flags, int fd)
{
	void *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		abort();
	return (char *)p + 8192;
}

/* The detector cannot know who uses it. */
LEAK_CASE(private_mapping, BOTH_STUCK)
{
	fill(mapped(MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

LEAK_CASE(shared_mapping, BOTH_STUCK)
{
	fill(mapped(MAP_SHARED | MAP_ANONYMOUS, -1));
}

LEAK_CASE(mapping_of_a_memfd, BOTH_STUCK)
{
	int fd = memfd_create("leaks", 0);

	if (fd < 0 || ftruncate(fd, 1 << 16) != 0)
		abort();
	fill(mapped(MAP_SHARED, fd));
	close(fd);
}

LEAK_CASE(mapping_of_a_file, BOTH_STUCK)
{
	FILE *f = tmpfile();

	if (f == NULL || ftruncate(fileno(f), 1 << 16) != 0)
		abort();
	fill(mapped(MAP_PRIVATE, fileno(f)));
}

/* Nobody writes there now, but the pointer can be read, and used. */
LEAK_CASE(read_only_mapping, "1 stuck [chan receive]")
{
	chan(int) *p = mapped(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	*p = blocked();
	if (mprotect((char *)p - 8192, 1 << 16, PROT_READ) != 0)
		abort();
}

LEAK_CASE(memory_from_sbrk, BOTH_STUCK)
{
	char *p = sbrk(1 << 16);

	if (p == (char *)-1)
		abort();
	fill((struct object *)(((uintptr_t)p + 4095) & ~(uintptr_t)4095));
	KEEP(malloc(1 << 15));
}

/* ---- shapes of pointers ------------------------------------------------------------------------------- */

/* Both objects and their parts are found by such a pointer. */
#define POINTER_CASE(name, expression)                                                                       \
	LEAK_CASE(name, BOTH_STUCK)                                                                          \
	{                                                                                                    \
		struct object *o = calloc(1, sizeof(*o));                                                    \
		fill(o);                                                                                     \
		kept = (void *)(expression);                                                                 \
	}

POINTER_CASE(pointer_to_the_beginning, o)
POINTER_CASE(pointer_to_the_inside, o->more + 17)
POINTER_CASE(pointer_to_the_last_byte, (char *)(o + 1) - 1)
POINTER_CASE(pointer_with_a_tag, (uintptr_t)o | 7)
POINTER_CASE(pointer_beyond_the_end, o + 1)

LEAK_CASE(channel_with_a_tag, "1 stuck [chan receive]")
{
	kept = (void *)((uintptr_t)blocked() | 1);
}

/* Not even aligned. */
struct __attribute__((packed)) packed {
	char tag;
	chan(int) c;
	char kind[3];
};

static volatile struct packed known_packed;

LEAK_CASE(pointer_that_is_not_aligned, "1 stuck [chan receive]")
{
	known_packed.c = blocked();
}

LEAK_CASE(pointers_that_are_not_aligned_in_a_block, "7 stuck [chan receive]")
{
	unsigned char *block = malloc(4096);

	for (unsigned i = 0; i < 7; i++) {
		chan(int) c = blocked();

		memcpy(block + 100 * (i + 1) + i + 1, &c, sizeof c);
	}
	kept = block;
}

/* Pointers that are found only by who knows where to look: gor_leak_root is for those. */
static volatile uintptr_t hidden;

LEAK_LIMIT(pointer_under_a_mask, "1 stuck [chan receive]")
{
	hidden = ~(uintptr_t)blocked();
}

LEAK_LIMIT(pointer_in_a_pipe, "1 stuck [chan receive]")
{
	chan(int) c = blocked();
	int fds[2];

	if (pipe(fds) != 0 || write(fds[1], &c, sizeof(c)) != sizeof(c))
		abort();
}

/* ---- what libc holds ---------------------------------------------------------------------------------- */

static void at_exit(int status, void *c)
{
	(void)status;
	chan_close(c);
}

LEAK_CASE(argument_of_on_exit, "1 stuck [chan receive]")
{
	on_exit(at_exit, (void *)blocked());
}

static ssize_t write_nothing(void *cookie, const char *text, size_t n)
{
	(void)cookie;
	(void)text;
	return (ssize_t)n;
}

/* All open files are in a list of libc's. */
LEAK_CASE(cookie_of_a_file, "1 stuck [chan receive]")
{
	cookie_io_functions_t calls = {.write = write_nothing};

	if (fopencookie((void *)blocked(), "w", calls) == NULL)
		abort();
}

static void *start_with_argument(void *c)
{
	char byte;

	c = NULL;
	KEEP(c);
	leak_scrub();
	while (read(hidden & 0xffff, &byte, 1) != 0)
		;
	return NULL;
}

/* libc keeps the argument of a thread, but the thread has dropped it: either answer can be defended. */
LEAK_LIMIT(dropped_argument_of_a_thread, "any stuck")
{
	pthread_t id;
	int fds[2];

	if (pipe(fds) != 0)
		abort();
	hidden = (uintptr_t)fds[0];
	if (pthread_create(&id, NULL, start_with_argument, (void *)blocked()) != 0)
		abort();
}

/* ---- what the program says ---------------------------------------------------------------------------- */

/* The block is known to the kernel only, as epoll's data is. */
LEAK_CASE(root_that_the_program_names, BOTH_STUCK)
{
	struct object *o = calloc(1, sizeof(*o));

	fill(o);
	gor_leak_root(o, sizeof(*o));
	hidden = ~(uintptr_t)o;
}

static NOINLINE void daemon_receive(chan(int) c)
{
	gor_leak_ignore();
	chan_recv(c, NULL);
}

LEAK_CASE(ignored_goroutine, "any stuck")
{
	go(daemon_receive, chan_make(int, 0));
}

LEAK_CASE(ignored_one_beside_another, "1 leaked [chan receive]; any stuck")
{
	go(daemon_receive, chan_make(int, 0));
	go(receiver, chan_make(int, 0));
}

/* ---- processes ---------------------------------------------------------------------------------------- */

/* The child has its own copy of all goroutines, and one thread. */
LEAK_CASE(child_of_fork, "1 leaked [chan receive]; 1 stuck [chan receive]")
{
	int status = 0;

	kept = (void *)blocked();
	go(receiver, chan_make(int, 0));
	settle();
	pid_t child = fork();
	if (child == 0)
		return;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

static NOINLINE void lose(void)
{
	go(receiver, chan_make(int, 0));
}

/* The program goes on in between, finds what it had kept, and loses something else. */
LEAK_CASE(asked_twice, "2 leaked [chan receive]; 2 stuck [chan receive]")
{
	chan(int) c = blocked();

	kept = (void *)blocked();
	lose();
	settle();
	leak_scrub();
	if (gor_leaks(-1, 0) > 1)
		_exit(1);
	chan_send(c, 1);
	kept = (void *)blocked();
	go(sleeper, (void *)blocked());
}
