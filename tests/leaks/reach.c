/* SPDX-License-Identifier: MIT */
/*
 * A goroutine waits, and somebody who lives can still reach what it waits on, in one way only.  Nothing here is
 * leaked: each case is a kind of root, or a way from a root, that a detector must know.
 */
#include "leaks.h"
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

/* ---- globals ------------------------------------------------------------------------------------------ */

static chan(int) volatile in_bss;

LEAK_CASE(global, "1 stuck [chan receive]")
{
	in_bss = blocked();
}

static volatile struct {
	int n;
	chan(int) c;
} in_data = {1, NULL};

LEAK_CASE(global_struct, "1 stuck [chan receive]")
{
	in_data.c = blocked();
}

static NOINLINE void *library_symbol(const char *symbol)
{
	char name[4096];
	ssize_t n = readlink("/proc/self/exe", name, sizeof(name) - 4);
	void *library;

	if (n < 0)
		n = 0;
	memcpy(name + n, ".so", sizeof(".so"));
	library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		_exit(2);
	}
	return dlsym(library, symbol);
}

LEAK_CASE(global_of_a_loaded_library, "1 stuck [chan receive]")
{
	chan(int) *there = library_symbol("library_word");

	*there = blocked();
}

/* ---- stacks of the living ----------------------------------------------------------------------------- */

LEAK_CASE(frame_of_main, "1 stuck [chan receive]")
{
	chan(int) c = blocked();

	leak_done();
	KEEP(c);
}

LEAK_CASE(memory_from_alloca, "1 stuck [chan receive]")
{
	chan(int) *room = __builtin_alloca(4096);

	memset(room, 0, 4096);
	room[300] = blocked();
	leak_done();
	KEEP(room);
}

struct holder {
	long before[5];
	chan(int) c;
};

/* The struct is on a living goroutine's stack, and only it knows the channel. */
static NOINLINE void hold_in_frame(chan(int) c)
{
	struct holder h = {{1, 2, 3, 4, 5}, c};

	KEEP(&h);
	sleep_for_ever();
	KEEP(&h);
}

LEAK_CASE(frame_of_a_sleeper, "1 stuck [chan receive]")
{
	go(hold_in_frame, blocked());
}

static NOINLINE void hold_deep(chan(int) c, int depth)
{
	volatile char room[200];

	room[0] = (char)depth;
	if (depth > 0)
		hold_deep(c, depth - 1);
	else
		sleeper((void *)c);
	room[1] = room[0];
}

LEAK_CASE(frames_of_a_sleeper_on_many_pages, "1 stuck [chan receive]")
{
	go(hold_deep, blocked(), 200);
}

/* The only copy is in a register that a callee preserves. */
void hold_in_r12(chan(int) c);
__asm__(".text\n.type hold_in_r12, @function\nhold_in_r12:\n"
	"	.cfi_startproc\n"
	"	pushq %r12\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset %r12, 0\n"
	"	movq %rdi, %r12\n	movabsq $36000000000000, %rdi\n	call gor_sleep@PLT\n"
	"	movq %r12, %rax\n	popq %r12\n	.cfi_adjust_cfa_offset -8\n	ret\n"
	"	.cfi_endproc\n.size hold_in_r12, .-hold_in_r12\n");

LEAK_CASE(register_of_a_sleeper, "1 stuck [chan receive]")
{
	go(hold_in_r12, blocked());
}

/* It spins without a look at memory: in a general register, in a vector register, below its stack pointer. */
static volatile int spinning;
void spin_r8(void *c);
void spin_xmm(void *c);
void spin_red_zone(void *c);
__asm__(".text\n.type spin_r8, @function\nspin_r8:\n	.cfi_startproc\n"
	"	movq %rdi, %r8\n	xorl %edi, %edi\n	movl $1, spinning(%rip)\n"
	"1:	pause\n	jmp 1b\n	.cfi_endproc\n.size spin_r8, .-spin_r8\n"
	".type spin_xmm, @function\nspin_xmm:\n	.cfi_startproc\n"
	"	movq %rdi, %xmm13\n	pslldq $8, %xmm13\n	xorl %edi, %edi\n	movl $1, spinning(%rip)\n"
	"1:	pause\n	jmp 1b\n	.cfi_endproc\n.size spin_xmm, .-spin_xmm\n"
	".type spin_red_zone, @function\nspin_red_zone:\n	.cfi_startproc\n"
	"	movq %rdi, -120(%rsp)\n	xorl %edi, %edi\n	movl $1, spinning(%rip)\n"
	"1:	pause\n	jmp 1b\n	.cfi_endproc\n.size spin_red_zone, .-spin_red_zone\n");

static NOINLINE void wait_for_spinner(void)
{
	leak_busy = true;
	while (!spinning)
		gor_yield();
}

LEAK_CASE(register_of_a_spinner, "1 stuck [chan receive]")
{
	chan(int) c = blocked();

	settle();
	go(spin_r8, (void *)c);
	wait_for_spinner();
}

LEAK_CASE(vector_register_of_a_spinner, "1 stuck [chan receive]")
{
	chan(int) c = blocked();

	settle();
	go(spin_xmm, (void *)c);
	wait_for_spinner();
}

LEAK_CASE(red_zone_of_a_spinner, "1 stuck [chan receive]")
{
	chan(int) c = blocked();

	settle();
	go(spin_red_zone, (void *)c);
	wait_for_spinner();
}

/* In a system call, with and without saying so. */
static NOINLINE void hold_in_read(chan(int) c, int fd, bool said)
{
	char byte;

	if (said)
		gor_blocking_begin();
	if (read(fd, &byte, 1) < 0)
		byte = 0;
	if (said)
		gor_blocking_end();
	KEEP(c);
}

static NOINLINE void start_reader(bool said)
{
	int fds[2];
	chan(int) c = blocked();

	settle();
	if (pipe(fds) != 0)
		abort();
	go(hold_in_read, c, fds[0], said);
	for (int i = 0; i < 20; i++)
		gor_yield();
	leak_busy = true;
}

LEAK_CASE(frame_in_a_system_call, "1 stuck [chan receive]")
{
	start_reader(true);
}

LEAK_CASE(frame_in_an_undeclared_system_call, "1 stuck [chan receive]")
{
	start_reader(false);
}

/* ---- threads ------------------------------------------------------------------------------------------ */

static __thread chan(int) volatile thread_local;

LEAK_CASE(thread_local_of_main, "1 stuck [chan receive]")
{
	thread_local = blocked();
}

LEAK_CASE(thread_local_of_a_loaded_library, "1 stuck [chan receive]")
{
	void (*keep)(chan(int)) = (void (*)(chan(int)))library_symbol("library_keep");

	keep(blocked());
}

/* A thread of the program's own, which never calls the runtime. */
struct thread {
	sem_t ready;
	int fds[2];
	chan(int) c;
	pthread_key_t key;
	void (*run)(struct thread *t);
};

static NOINLINE void wait_in_thread(struct thread *t)
{
	int fd = t->fds[0];
	char byte;

	sem_post(&t->ready);
	while (read(fd, &byte, 1) != 0)
		;
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	t->run(t);
	return NULL;
}

static NOINLINE void start_thread(void (*run)(struct thread *t), chan(int) c)
{
	struct thread *t = NEW(struct thread);
	pthread_t id;

	t->run = run;
	t->c = c;
	sem_init(&t->ready, 0, 0);
	if (pipe(t->fds) != 0 || pthread_key_create(&t->key, NULL) != 0 ||
	    pthread_create(&id, NULL, thread_main, t) != 0)
		abort();
	while (sem_trywait(&t->ready) != 0)
		gor_sleep(GOR_MS);
}

/* What the thread shall hold, and the struct no longer does. */
static NOINLINE chan(int) take(struct thread *t)
{
	chan(int) c = t->c;

	t->c = NULL;
	return c;
}

static void run_with_frame(struct thread *t)
{
	chan(int) c = take(t);

	wait_in_thread(t);
	KEEP(c);
}

LEAK_CASE(frame_of_a_foreign_thread, "1 stuck [chan receive]")
{
	start_thread(run_with_frame, blocked());
}

static void run_with_local(struct thread *t)
{
	thread_local = take(t);
	leak_scrub();
	wait_in_thread(t);
}

LEAK_CASE(thread_local_of_a_foreign_thread, "1 stuck [chan receive]")
{
	start_thread(run_with_local, blocked());
}

static void run_with_specific(struct thread *t)
{
	pthread_setspecific(t->key, (void *)take(t));
	leak_scrub();
	wait_in_thread(t);
}

LEAK_CASE(thread_specific_data, "1 stuck [chan receive]")
{
	start_thread(run_with_specific, blocked());
}

static void run_with_library(struct thread *t)
{
	void (*keep)(chan(int)) = (void (*)(chan(int)))library_symbol("library_keep");

	keep(take(t));
	leak_scrub();
	wait_in_thread(t);
}

LEAK_CASE(library_local_of_a_foreign_thread, "1 stuck [chan receive]")
{
	start_thread(run_with_library, blocked());
}

static void run_spinning(struct thread *t)
{
	sem_post(&t->ready);
	spin_r8((void *)take(t));
}

LEAK_CASE(register_of_a_foreign_thread, "1 stuck [chan receive]")
{
	chan(int) c = blocked();

	settle();
	start_thread(run_spinning, c);
	wait_for_spinner();
}

/* An adopted thread waits for something else, and holds the channel meanwhile. */
static chan(int) volatile never;

static void run_adopted(struct thread *t)
{
	chan(int) c = take(t);

	sem_post(&t->ready);
	chan_recv(never, NULL);
	KEEP(c);
}

LEAK_CASE(frame_of_an_adopted_thread, "any stuck")
{
	never = chan_make(int, 0);
	start_thread(run_adopted, blocked());
}

/* An adopted thread can leak like any goroutine; but its stack is libc's, so it may be called alive. */
static void run_leaked(struct thread *t)
{
	sem_post(&t->ready);
	chan_recv(take(t), NULL);
}

LEAK_LIMIT(adopted_thread_leaks, "1 leaked [chan receive]")
{
	start_thread(run_leaked, chan_make(int, 0));
	while (gor_num_goroutine() < 2)
		gor_sleep(GOR_MS);
	gor_sleep(100 * GOR_MS);
}

/* ---- objects on a stack that lives -------------------------------------------------------------------- */

/* Nothing points to the object: its owner finds it from its stack pointer. */
static NOINLINE void own_waitgroup(chan(gor_waitgroup *) out)
{
	gor_waitgroup wg = {0};

	gor_waitgroup_add(&wg, 1);
	chan_send(out, &wg);
	leak_scrub();
	sleep_for_ever();
	gor_waitgroup_done(&wg);
}

static NOINLINE void wait_for_sent(chan(gor_waitgroup *) in)
{
	gor_waitgroup *wg;

	chan_recv(in, &wg);
	gor_waitgroup_wait(wg);
}

LEAK_CASE(waitgroup_on_a_sleepers_stack, "1 stuck [sync.WaitGroup.Wait]")
{
	chan(gor_waitgroup *) c = chan_make(gor_waitgroup *, 0);

	go(own_waitgroup, c);
	go(wait_for_sent, c);
}

LEAK_CASE(waitgroup_on_mains_stack, "1 stuck [sync.WaitGroup.Wait]")
{
	gor_waitgroup wg = {0};

	gor_waitgroup_add(&wg, 1);
	go(waiter, &wg);
	leak_done();
	gor_waitgroup_done(&wg);
}

static void run_with_waitgroup(struct thread *t)
{
	gor_waitgroup wg = {0};

	gor_waitgroup_add(&wg, 1);
	go(waiter, &wg);
	leak_scrub();
	wait_in_thread(t);
	gor_waitgroup_done(&wg);
}

LEAK_CASE(waitgroup_on_a_threads_stack, "1 stuck [sync.WaitGroup.Wait]")
{
	start_thread(run_with_waitgroup, NULL);
}

/* The owner of the stack is lost itself. */
static NOINLINE void own_and_get_lost(chan(gor_waitgroup *) out, chan(int) lost)
{
	gor_waitgroup wg = {0};

	gor_waitgroup_add(&wg, 1);
	chan_send(out, &wg);
	chan_recv(lost, NULL);
	gor_waitgroup_done(&wg);
}

LEAK_CASE(waitgroup_on_a_lost_stack, "2 leaked [sync.WaitGroup.Wait, chan receive]")
{
	chan(gor_waitgroup *) c = chan_make(gor_waitgroup *, 0);

	go(own_and_get_lost, c, chan_make(int, 0));
	go(wait_for_sent, c);
}

LEAK_CASE(waitgroup_on_a_stuck_stack, "2 stuck [sync.WaitGroup.Wait, chan receive]")
{
	chan(gor_waitgroup *) c = chan_make(gor_waitgroup *, 0);

	never = chan_make(int, 0);
	go(own_and_get_lost, c, never);
	go(wait_for_sent, c);
}

/* ---- ways --------------------------------------------------------------------------------------------- */

struct hop {
	struct hop *next;
	chan(int) c;
};
static struct hop *volatile first_hop;

static NOINLINE struct hop *ten_hops(chan(int) c)
{
	struct hop *h = NULL;

	for (int i = 0; i < 10; i++) {
		struct hop *before = calloc(1, sizeof(*before));
		before->next = h;
		before->c = i == 0 ? c : NULL;
		h = before;
	}
	return h;
}

LEAK_CASE(ten_hops_from_a_global, "1 stuck [chan receive]")
{
	first_hop = ten_hops(blocked());
}

LEAK_CASE(ten_hops_from_a_sleeper, "1 stuck [chan receive]")
{
	go(sleeper, ten_hops(blocked()));
}

LEAK_CASE(ten_hops_from_nowhere, "1 leaked [chan receive]")
{
	KEEP(ten_hops(blocked()));
}

/* Each waits for its own channel and knows the next one's, so one more is proved alive in every round. */
static NOINLINE void link_of_chain(chan(int) own, chan(int) next)
{
	chan_recv(own, NULL);
	chan_send(next, 1);
}

static NOINLINE chan(int) chain(int n)
{
	chan(int) next = blocked();

	for (int i = 1; i < n; i++) {
		chan(int) own = chan_make(int, 0);
		go(link_of_chain, own, next);
		next = own;
	}
	return next;
}

LEAK_CASE(chain_of_1000, "1000 stuck [chan receive]")
{
	in_bss = chain(1000);
}

LEAK_CASE(chain_of_1000_from_nowhere, "1000 leaked [chan receive]")
{
	KEEP(chain(1000));
}

/* A goroutine that is stuck holds what another one waits on. */
LEAK_CASE(held_by_a_stuck_one, "2 stuck [chan receive]")
{
	in_bss = chan_make(int, 0);
	go(link_of_chain, in_bss, blocked());
}

/* A goroutine that is leaked holds it. */
LEAK_CASE(held_by_a_leaked_one, "2 leaked [chan receive]")
{
	go(link_of_chain, chan_make(int, 0), blocked());
}
