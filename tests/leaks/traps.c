/* SPDX-License-Identifier: MIT */
/*
 * Not lost, though it looks so to a detector that takes a short cut: memory of odd kinds, stacks in odd places,
 * goroutines between two waits.  Every false alarm that was ever found belongs here.
 */
#include "leaks.h"
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

enum { REGION = 1 << 16 };

static NOINLINE void *region(int flags, int fd)
{
	void *p = mmap(NULL, REGION, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* The pointer at p, without a copy of it anywhere else. */
static NOINLINE void put(void *p)
{
	*(chan(int) volatile *)p = blocked();
}

/* ---- memory ------------------------------------------------------------------------------------------- */

static NOINLINE int new_memfd(void)
{
	int fd = memfd_create("leaks", 0);

	if (fd < 0 || ftruncate(fd, REGION) != 0)
		abort();
	return fd;
}

/* Its name begins with /dev, but it is memory. */
LEAK_CASE(memory_of_shm_open, "1 stuck [chan receive]")
{
	char name[40];

	snprintf(name, sizeof(name), "/gorgon-leaks-%d", (int)getpid());
	int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
	if (fd < 0 || shm_unlink(name) != 0 || ftruncate(fd, REGION) != 0)
		abort();
	put(region(MAP_SHARED, fd));
}

/* Written through one mapping, to be read through another, of which no page has been touched yet. */
LEAK_CASE(shared_memory_not_yet_touched, "1 stuck [chan receive]")
{
	int fd = new_memfd();
	void *first = region(MAP_SHARED, fd);

	put((char *)first + 8192);
	region(MAP_SHARED, fd);
	munmap(first, REGION);
}

/* The same through a private mapping, which shows what is in the file. */
LEAK_CASE(private_memory_not_yet_touched, "1 stuck [chan receive]")
{
	int fd = new_memfd();
	void *first = region(MAP_SHARED, fd);

	put((char *)first + 8192);
	region(MAP_PRIVATE, fd);
	munmap(first, REGION);
}

/* After a fork the child has the mapping, but none of its pages. */
LEAK_CASE(shared_memory_of_a_child, "1 stuck [chan receive]")
{
	int status = 0;

	put(region(MAP_SHARED, new_memfd()));
	leak_scrub();
	settle();
	pid_t child = fork();
	if (child == 0)
		return;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

/* Somebody's own allocator, with the headers that malloc has. */
LEAK_CASE(memory_that_looks_like_a_block, "1 stuck [chan receive]")
{
	size_t *p = region(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	p[0] = 0;
	p[1] = REGION | 2;
	put(p + 100);
}

/* Memory that is protected for a while. */
LEAK_CASE(private_data_that_is_frozen, "1 stuck [chan receive]")
{
	static _Alignas(4096) char page[4096];

	put(page + 64);
	if (mprotect(page, sizeof(page), PROT_READ) != 0)
		abort();
}

/* ---- stacks of threads -------------------------------------------------------------------------------- */

static sem_t ready;
static int stop[2];

static NOINLINE void wait_here(void)
{
	char byte;
	int fd = stop[0];

	sem_post(&ready);
	while (read(fd, &byte, 1) != 0)
		;
}

static NOINLINE void start_thread(void *(*run)(void *), void *arg, const pthread_attr_t *attr)
{
	pthread_t id;

	sem_init(&ready, 0, 0);
	if (pipe(stop) != 0 || pthread_create(&id, attr, run, arg) != 0)
		abort();
	while (sem_trywait(&ready) != 0)
		gor_sleep(GOR_MS);
}

static void on_signal(int number)
{
	(void)number;
	wait_here();
}

static NOINLINE void hold_below(void)
{
	chan(int) volatile c = blocked();

	leak_scrub();
	raise(SIGUSR1);
	KEEP(&c);
}

/* The signal's stack is a variable of an outer function, so it lies above the frames that it has interrupted. */
static void *run_with_signal_stack(void *arg)
{
	char room[1 << 15];
	stack_t alternate = {.ss_sp = room, .ss_size = sizeof(room)};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

	if (sigaltstack(&alternate, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
		abort();
	hold_below();
	KEEP(room);
	return arg;
}

LEAK_CASE(frames_below_a_signal_stack, "1 stuck [chan receive]")
{
	start_thread(run_with_signal_stack, NULL, NULL);
}

static void *run_and_wait(void *arg)
{
	wait_here();
	return arg;
}

/* One mapping with a guard below: the lower half is data, the upper half was given to a thread. */
LEAK_CASE(data_below_a_threads_stack, "1 stuck [chan receive]")
{
	size_t half = 1 << 18;
	char *p = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;

	if (p == MAP_FAILED || mprotect(p, 4096, PROT_NONE) != 0)
		abort();
	put(p + 8192);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, p + half, half);
	start_thread(run_and_wait, NULL, &attr);
}

/* A thread on a stack from malloc. */
static void *run_and_hold(void *arg)
{
	chan(int) volatile c = blocked();

	leak_scrub();
	wait_here();
	KEEP(&c);
	return arg;
}

LEAK_CASE(thread_on_a_block, "1 stuck [chan receive]")
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, aligned_alloc(4096, 1 << 17), 1 << 17);
	start_thread(run_and_hold, NULL, &attr);
}

/* The upper half of a wide vector register. */
static volatile int spinning;
void spin_ymm(void *c);
__asm__(".text\n.type spin_ymm, @function\nspin_ymm:\n	.cfi_startproc\n"
	"	vmovq %rdi, %xmm13\n	vinsertf128 $1, %xmm13, %ymm13, %ymm13\n"
	"	vxorps %xmm12, %xmm12, %xmm12\n	vinsertf128 $0, %xmm12, %ymm13, %ymm13\n"
	"	xorl %edi, %edi\n	movl $1, spinning(%rip)\n"
	"1:	pause\n	jmp 1b\n	.cfi_endproc\n.size spin_ymm, .-spin_ymm\n");

LEAK_CASE(upper_half_of_a_vector_register, "1 stuck [chan receive]")
{
	chan(int) c = blocked();

	settle();
	if (!__builtin_cpu_supports("avx")) {
		go(sleeper, (void *)c);
		return;
	}
	leak_busy = true;
	go(spin_ymm, (void *)c);
	while (!spinning)
		gor_yield();
}

/* ---- what libc calls back ----------------------------------------------------------------------------- */

static void on_timer(union sigval v)
{
	chan_close(v.sival_ptr);
}

LEAK_CASE(value_of_a_posix_timer, "1 stuck [chan receive]")
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
	struct itimerspec in_an_hour = {.it_value = {.tv_sec = 3600}};
	timer_t timer;

	event.sigev_value.sival_ptr = (void *)blocked();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
	    timer_settime(timer, 0, &in_an_hour, NULL) != 0)
		abort();
}

/* ---- between two waits -------------------------------------------------------------------------------- */

static NOINLINE void wait_split(gor_mutex *mu, gor_cond *cond)
{
	gor_mutex_lock(mu);
	gor_cond_wait(cond, mu);
	gor_mutex_unlock(mu);
}

static NOINLINE void signal_and_sleep(gor_mutex *mu, gor_cond *cond)
{
	gor_mutex_lock(mu);
	gor_cond_signal(cond);
	gor_sleep(FOREVER);
	gor_mutex_unlock(mu);
}

/* The condition is lost, but it has been signalled: what is waited for is the lock. */
LEAK_CASE(signalled_and_waiting_for_the_lock, "any stuck")
{
	gor_mutex *mu = NEW(gor_mutex);
	gor_cond *cond = NEW(gor_cond);

	go(wait_split, mu, cond);
	settle();
	go(signal_and_sleep, mu, cond);
}

static NOINLINE void signal_and_end(gor_mutex *mu, gor_cond *cond)
{
	gor_mutex_lock(mu);
	gor_cond_signal(cond);
}

LEAK_CASE(signalled_by_one_that_kept_the_lock, "1 deadlocked [sync.Mutex.Lock]")
{
	gor_mutex *mu = NEW(gor_mutex);
	gor_cond *cond = NEW(gor_cond);

	go(wait_split, mu, cond);
	settle();
	go(signal_and_end, mu, cond);
}

/* Unlocked by the one that has it now, after another one disowned it and ended. */
static NOINLINE void disown(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_mutex_disown(mu);
}

static NOINLINE void take_over(gor_mutex *mu)
{
	gor_sleep(FOREVER);
	gor_mutex_unlock(mu);
}

LEAK_CASE(disowned_and_handed_over, "1 stuck [sync.Mutex.Lock]")
{
	gor_mutex *mu = NEW(gor_mutex);

	go(disown, mu);
	settle();
	go(take_over, mu);
	go(locker, mu);
}

/* Its holder is a thread that the runtime knows, in a system call. */
static gor_mutex known_mutex;

static void *run_with_lock(void *arg)
{
	gor_mutex_lock(&known_mutex);
	wait_here();
	gor_mutex_unlock(&known_mutex);
	return arg;
}

LEAK_CASE(lock_of_a_thread, "1 stuck [sync.Mutex.Lock]")
{
	start_thread(run_with_lock, NULL, NULL);
	go(locker, &known_mutex);
}

static void *run_and_end_with_lock(void *arg)
{
	gor_mutex_lock(&known_mutex);
	sem_post(&ready);
	return arg;
}

LEAK_CASE(lock_of_a_thread_that_has_ended, "1 deadlocked [sync.Mutex.Lock]")
{
	start_thread(run_and_end_with_lock, NULL, NULL);
	while (gor_num_goroutine() > 1)
		gor_sleep(GOR_MS);
	go(locker, &known_mutex);
}
