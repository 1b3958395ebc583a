/* SPDX-License-Identifier: MIT */
/*
 * What: tests of processes as targets: stopping, reading, resuming, and all that can get in the way.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "target/process.h"
#include "target_victim.h"

enum { NTHREADS = 100, SIGNALS = 30 };

static struct error e;

static struct target *opened(pid_t pid)
{
	struct target *t = NULL;

	ck_assert_msg(target_open_live(&t, pid, &e) == 0, "%s", e.text);
	return t;
}

static struct target *stopped(pid_t pid)
{
	struct target *t = opened(pid);

	ck_assert_msg(target_stop(t, &e) == 0, "%s", e.text);
	return t;
}

/* That it runs: its counter goes up. */
static void check_runs(void)
{
	long seen = shared->counter;

	AWAIT(shared->counter > seen + 2);
}

/* ---- what victims do ------------------------------------------------------------------------------------ */

static void sleep_forever(void)
{
	for (;;)
		syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void *sleeper(void *arg)
{
	char name[16];

	snprintf(name, sizeof name, "sleeper %d", (int)(intptr_t)arg);
	prctl(PR_SET_NAME, name);
	shared->counter++;
	sleep_forever();
	return NULL;
}

static void start_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, fn, arg) != 0)
		exit(97);
	pthread_attr_destroy(&attr);
}

static void be_asleep(void)
{
	shared->ready = 1;
	sleep_forever();
}

static void be_counting(void)
{
	shared->ready = 1;
	for (;;) {
		shared->counter++;
		usleep(100);
	}
}

static void be_many(void)
{
	for (intptr_t i = 0; i < NTHREADS - 1; i++)
		start_thread(sleeper, (void *)i);
	while (shared->counter < NTHREADS - 1)
		usleep(1000);
	shared->ready = 1;
	sleep_forever();
}

/* Registers with known values, and no way out. */
static void be_spinning(void)
{
	static const uint64_t lanes[2] = {0x1111222233334444, 0x5555666677778888};

	shared->self = (uintptr_t)pthread_self();
	shared->addr = (uintptr_t)lanes;
	__asm__ volatile("movdqu (%[lanes]), %%xmm5\n\t"
			 "mov $0xb0b0, %%rbx\n\t"
			 "mov $0xc0c0, %%r12\n\t"
			 "mov $0xd0d0, %%r15\n\t"
			 "mov $0xa0a0, %%rdi\n\t"
			 "movl $1, (%[ready])\n"
			 "1:\tlock incq (%[counter])\n\t"
			 "jmp 1b"
			 :
			 : [lanes] "r"(lanes), [ready] "r"(&shared->ready), [counter] "r"(&shared->counter)
			 : "rbx", "r12", "r15", "rdi", "xmm5", "memory");
}

/* Threads that come and go for ever; each counts. */
static void *mayfly(void *arg)
{
	for (int i = 0; i < 50; i++)
		shared->counter++;
	start_thread(mayfly, arg);
	return NULL;
}

static void be_restless(void)
{
	for (int i = 0; i < 4; i++)
		start_thread(mayfly, NULL);
	be_asleep();
}

static void count_signal(int sig)
{
	(void)sig;
	shared->handled++;
}

static void be_signalled(void)
{
	struct sigaction sa = {.sa_handler = count_signal};

	sigaction(SIGRTMIN, &sa, NULL);
	be_counting();
}

/* The main thread ends, another lives on. */
static void *survivor(void *arg)
{
	(void)arg;
	while (victim_state(getpid(), getpid()) != 'Z')
		usleep(1000);
	be_counting();
	return NULL;
}

static void be_headless(void)
{
	shared->addr = (uintptr_t)&e;
	start_thread(survivor, NULL);
	pthread_exit(NULL);
}

/* One thread cannot be stopped: it waits for a child made by vfork.  Another one counts. */
static void *count_on(void *arg)
{
	(void)arg;
	be_counting();
	return NULL;
}

static void be_uninterruptible(void)
{
	volatile pid_t pid;

	start_thread(count_on, NULL);
	pid = vfork();
	if (pid == 0) {
		while (!shared->go)
			usleep(1000);
		_exit(0);
	}
	shared->done = pid > 0;
	sleep_forever();
}

/* Pages that can be read and pages that cannot, by turns. */
enum { PAGES = 3000 };

static void be_chequered(void)
{
	char *p = mmap(NULL, PAGES * TARGET_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < PAGES; i++)
		memcpy(p + i * TARGET_PAGE, &i, sizeof i);
	for (int i = 0; i < PAGES; i += 7)
		munmap(p + i * TARGET_PAGE, TARGET_PAGE);
	shared->addr = (uintptr_t)p;
	be_asleep();
}

/* A file that is mapped and then replaced by another of the same name. */
static void be_replaced(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/tmp/target_live_test.%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "old", 3) != 3)
		exit(96);
	shared->addr = (uintptr_t)mmap(NULL, TARGET_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "new", 3) != 3)
		exit(95);
	be_asleep();
}

static const struct role roles[] = {
	{"asleep", be_asleep},
	{"counting", be_counting},
	{"many", be_many},
	{"spinning", be_spinning},
	{"restless", be_restless},
	{"signalled", be_signalled},
	{"headless", be_headless},
	{"uninterruptible", be_uninterruptible},
	{"chequered", be_chequered},
	{"replaced", be_replaced},
	{0},
};

/* ---- stopping and going on ------------------------------------------------------------------------------ */

START_TEST(registers_of_a_running_thread_are_its_own)
{
	pid_t pid = victim_start("spinning");
	struct target *t = stopped(pid);
	const struct target_thread *th = target_thread(t, pid);
	uint64_t lanes[2];

	ck_assert(th && th->has_regs);
	ck_assert_int_eq(th->state, THREAD_RUNNING);
	ck_assert_int_eq(th->syscall, -1);
	ck_assert_uint_eq(th->regs.known, REGS_ALL);
	ck_assert_uint_eq(th->regs.gpr[REG_RBX], 0xb0b0);
	ck_assert_uint_eq(th->regs.gpr[REG_R12], 0xc0c0);
	ck_assert_uint_eq(th->regs.gpr[REG_R15], 0xd0d0);
	ck_assert_uint_eq(th->regs.gpr[REG_RDI], 0xa0a0);
	ck_assert_uint_eq(th->fs_base, shared->self);
	ck_assert_int_eq(target_read(t, shared->addr, lanes, sizeof lanes), 0);
	ck_assert_uint_eq(lanes[0], 0x1111222233334444);
	ck_assert_ptr_nonnull(th->regs.xmm);
	ck_assert_mem_eq(th->regs.xmm->lane[5], lanes, sizeof lanes);
	ck_assert(target_mapping(t, th->regs.gpr[REG_RIP])->executable);
	ck_assert_str_eq(target_mapping(t, th->regs.gpr[REG_RIP])->path, t->exe);
	target_close(t);
	check_runs();
	victim_end(pid);
}
END_TEST

START_TEST(all_threads_are_stopped_and_go_on)
{
	pid_t pid = victim_start("many");
	struct target *t = stopped(pid);
	bool named[NTHREADS] = {false};

	ck_assert_uint_eq(t->nthreads, NTHREADS);
	for (size_t i = 0; i < t->nthreads; i++) {
		const struct target_thread *th = &t->threads[i];
		int number;

		ck_assert(th->has_regs);
		ck_assert_int_eq(victim_state(pid, th->tid), 't');
		if (sscanf(th->name, "sleeper %d", &number) == 1)
			named[number] = true;
	}
	for (int i = 0; i < NTHREADS - 1; i++)
		ck_assert_msg(named[i], "thread %d is missing", i);
	target_resume(t);
	ck_assert_int_gt(t->paused_ns, 0);
	for (size_t i = 0; i < t->nthreads; i++)
		AWAIT(victim_is_in(pid, t->threads[i].tid, SYS_futex));
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(a_thread_in_a_futex_is_shown_so)
{
	pid_t pid = victim_start("asleep");
	struct target *t;

	AWAIT(victim_is_in(pid, pid, SYS_futex));
	t = stopped(pid);
	ck_assert_int_eq(t->threads[0].state, THREAD_FUTEX);
	ck_assert_int_eq(t->threads[0].syscall, SYS_futex);
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(threads_that_come_and_go_are_all_stopped)
{
	pid_t pid = victim_start("restless");
	struct target *t = opened(pid);
	long seen;

	for (int i = 0; i < 30; i++) {
		check_runs();
		ck_assert_msg(target_stop(t, &e) == 0, "%s", e.text);
		seen = shared->counter;
		ck_assert_uint_ge(t->nthreads, 2);
		for (int k = 0; k < 100; k++)
			sched_yield();
		ck_assert_int_eq(shared->counter, seen);
		target_resume(t);
	}
	check_runs();
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(signals_that_come_meanwhile_arrive_afterwards)
{
	pid_t pid = victim_start("signalled");
	struct target *t = opened(pid);

	for (int i = 0; i < SIGNALS; i++) {
		kill(pid, SIGRTMIN); /* just before, meanwhile, and just after */
		ck_assert_msg(target_stop(t, &e) == 0, "%s", e.text);
		kill(pid, SIGRTMIN);
		target_resume(t);
		kill(pid, SIGRTMIN);
	}
	target_close(t);
	AWAIT(shared->handled >= 3 * SIGNALS);
	check_runs();
	ck_assert_int_eq(shared->handled, 3 * SIGNALS);
	victim_end(pid);
}
END_TEST

START_TEST(a_stopped_process_stays_stopped)
{
	pid_t pid = victim_start("counting");
	struct target *t;
	long seen;

	kill(pid, SIGSTOP);
	AWAIT(victim_state(pid, pid) == 'T');
	for (int i = 0; i < 3; i++) {
		t = stopped(pid);
		ck_assert(t->threads[0].has_regs);
		ck_assert_int_eq(victim_state(pid, pid), 't');
		target_close(t);
		AWAIT(victim_state(pid, pid) == 'T');
	}
	seen = shared->counter;
	usleep(1000);
	ck_assert_int_eq(shared->counter, seen);
	kill(pid, SIGCONT);
	check_runs();
	victim_end(pid);
}
END_TEST

START_TEST(a_process_continued_meanwhile_runs_afterwards)
{
	pid_t pid = victim_start("counting");
	struct target *t;

	kill(pid, SIGSTOP);
	AWAIT(victim_state(pid, pid) == 'T');
	t = stopped(pid);
	kill(pid, SIGCONT);
	target_close(t);
	check_runs();
	victim_end(pid);
}
END_TEST

START_TEST(a_process_stopped_meanwhile_is_stopped_afterwards)
{
	pid_t pid = victim_start("counting");
	struct target *t = stopped(pid);

	kill(pid, SIGSTOP);
	target_close(t);
	AWAIT(victim_state(pid, pid) == 'T');
	kill(pid, SIGCONT);
	check_runs();
	victim_end(pid);
}
END_TEST

/* The kernel's tracer is a thread, so what cannot be detached is let go by the end of it. */
static void *stop_and_resume(void *arg)
{
	pid_t pid = *(pid_t *)arg;
	struct target *t = stopped(pid);
	const struct target_thread *th = target_thread(t, pid);

	ck_assert_uint_eq(t->nthreads, 2);
	ck_assert(th && !th->has_regs);
	ck_assert_int_eq(th->state, THREAD_STOPPED);
	ck_assert(t->threads[1].has_regs);
	target_close(t);
	check_runs();
	return NULL;
}

START_TEST(a_thread_that_cannot_stop_does_not_hold_up_the_others)
{
	pid_t pid = victim_start("uninterruptible");
	pthread_t thread;

	AWAIT(victim_state(pid, pid) == 'D');
	pthread_create(&thread, NULL, stop_and_resume, &pid);
	pthread_join(thread, NULL);
	shared->go = 1;
	AWAIT(shared->done);
	victim_end(pid);
}
END_TEST

/* ---- reading -------------------------------------------------------------------------------------------- */

START_TEST(spans_behind_an_unreadable_one_are_read)
{
	pid_t pid = victim_start("chequered");
	struct target *t = stopped(pid);
	static struct span spans[PAGES];
	static int numbers[PAGES][2];

	for (int i = 0; i < PAGES; i++)
		spans[i] = (struct span){.addr = shared->addr + (uint64_t)i * TARGET_PAGE,
					 .buf = numbers[i],
					 .len = i % 5 ? sizeof(int) : 0};
	target_read_spans(t, spans, PAGES);
	for (int i = 0; i < PAGES; i++) {
		ck_assert_msg(spans[i].ok == (i % 7 != 0 || i % 5 == 0), "span %d", i);
		ck_assert_int_eq(numbers[i][0], i % 7 && i % 5 ? i : 0);
		ck_assert_int_eq(numbers[i][1], 0);
	}
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(reading_ends_where_memory_ends)
{
	pid_t pid = victim_start("chequered");
	struct target *t = stopped(pid);
	static char buf[10 * TARGET_PAGE];

	ck_assert_uint_eq(target_read_some(t, shared->addr + TARGET_PAGE + 8, buf, sizeof buf),
			  6 * TARGET_PAGE - 8);
	ck_assert_uint_eq(t->ops->read(t, shared->addr + TARGET_PAGE + 8, buf, sizeof buf),
			  6 * TARGET_PAGE - 8);
	ck_assert_int_eq(target_read(t, shared->addr, buf, 1), -EFAULT);
	ck_assert_int_eq(target_read(t, 0, buf, 1), -EFAULT);
	ck_assert_int_eq(target_read(t, 0xffffffff80000000, buf, 1), -EFAULT);
	ck_assert(!t->gone);
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(a_sandbox_without_process_vm_readv_is_no_obstacle)
{
	pid_t pid = victim_start("chequered");
	struct target *t = stopped(pid);
	uint64_t page = shared->addr + TARGET_PAGE;
	int number = 0, other = 0;
	struct span spans[] = {{.addr = page, .buf = &number, .len = sizeof number},
			       {.addr = shared->addr, .buf = &other, .len = sizeof other},
			       {.addr = page + TARGET_PAGE, .buf = &other, .len = sizeof other}};

	((struct process *)t)->use_mem = true;
	target_read_spans(t, spans, 3);
	ck_assert(spans[0].ok && !spans[1].ok && spans[2].ok);
	ck_assert_int_eq(number, 1);
	ck_assert_int_eq(other, 2);
	ck_assert_int_eq(target_read(t, page, &number, sizeof number), 0);
	kill(pid, SIGKILL);
	AWAIT((target_forget(t), target_read(t, page, &number, 1)) == -ESRCH);
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(a_child_reads_its_parent_that_waits_for_it)
{
	volatile int secret = 4711;
	struct target *t;
	int status, seen = 0;
	pid_t pid = fork();

	if (pid == 0) {
		secret = 0;
		if (target_open_frozen(&t, getppid(), NULL) < 0 || target_stop(t, NULL) < 0 ||
		    target_read(t, (uintptr_t)&secret, &seen, sizeof seen) < 0)
			_exit(1);
		target_close(t);
		_exit(seen == 4711 ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_process_without_its_main_thread_is_read)
{
	pid_t pid = victim_start("headless");
	struct target *t = stopped(pid);
	int code = 1;

	ck_assert_uint_eq(t->nthreads, 1);
	ck_assert(t->threads[0].has_regs && t->threads[0].tid != pid);
	ck_assert_uint_gt(t->nmappings, 0);
	ck_assert_int_eq(target_read(t, shared->addr, &code, sizeof code), 0);
	ck_assert_int_eq(code, 0);
	ck_assert_ptr_nonnull(t->exe);
	target_close(t);
	check_runs();
	victim_end(pid);
}
END_TEST

/* ---- files ---------------------------------------------------------------------------------------------- */

START_TEST(the_file_behind_a_mapping_is_the_program)
{
	pid_t pid = victim_start("asleep");
	struct target *t = stopped(pid);
	const struct mapping *m = target_mapping(t, t->threads[0].regs.gpr[REG_RSP]);
	int files = 0, fd;
	char magic[4];

	ck_assert_str_eq(m->path, "[stack]");
	ck_assert_int_eq(t->ops->open_file(t, m, &e), -ENOENT);
	for (size_t i = 0; i < t->nmappings; i++) {
		if (strcmp(t->mappings[i].path, t->exe) != 0)
			continue;
		fd = t->ops->open_file(t, &t->mappings[i], &e);
		ck_assert_msg(fd >= 0, "%s", e.text);
		ck_assert_int_eq(read(fd, magic, 4), 4);
		ck_assert_mem_eq(magic, "\177ELF", 4);
		close(fd);
		files++;
	}
	ck_assert_int_gt(files, 0);
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(a_replaced_file_is_never_taken_for_the_mapped_one)
{
	pid_t pid = victim_start("replaced");
	struct target *t = stopped(pid);
	struct mapping m = *target_mapping(t, shared->addr);
	char text[4] = "";
	int fd;

	ck_assert(m.deleted);
	fd = t->ops->open_file(t, &m, &e);
	if (fd >= 0) { /* root: through map_files */
		ck_assert_int_eq(read(fd, text, 3), 3);
		ck_assert_str_eq(text, "old");
		close(fd);
	}
	m.hi += TARGET_PAGE; /* no such entry in map_files */
	ck_assert_int_eq(t->ops->open_file(t, &m, &e), -ESTALE);
	ck_assert_ptr_nonnull(strstr(e.text, "was replaced"));
	unlink(m.path);
	ck_assert_int_eq(t->ops->open_file(t, &m, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "was deleted"));
	target_close(t);
	victim_end(pid);
}
END_TEST

/* ---- those that cannot be read -------------------------------------------------------------------------- */

static void expect_refusal(pid_t pid, int code, const char *why)
{
	struct target *t;
	int r = target_open_live(&t, pid, &e);

	if (r == 0) {
		r = target_stop(t, &e);
		target_close(t);
	}
	ck_assert_int_eq(r, code);
	ck_assert_int_eq(e.code, code);
	ck_assert_msg(strstr(e.text, why) != NULL, "said: %s", e.text);
}

START_TEST(what_is_no_process_is_refused)
{
	expect_refusal(0, -EINVAL, "not the number of a process");
	expect_refusal(-5, -EINVAL, "not the number of a process");
	expect_refusal(0x7fffffff, -ESRCH, "there is no process");
	expect_refusal(getpid(), -EINVAL, "cannot stop itself");
	if (victim_state(2, 2) && getsid(2) == 0)
		expect_refusal(2, -EINVAL, "thread of the kernel");
}
END_TEST

START_TEST(a_thread_is_not_a_process)
{
	pid_t pid = victim_start("many");
	struct target *t = stopped(pid);
	pid_t tid = t->threads[1].tid;

	target_close(t);
	expect_refusal(tid, -EINVAL, "is a thread of process");
	victim_end(pid);
}
END_TEST

START_TEST(a_zombie_has_ended)
{
	pid_t pid = victim_start("asleep");

	kill(pid, SIGKILL);
	AWAIT(victim_state(pid, pid) == 'Z');
	expect_refusal(pid, -ESRCH, "zombie");
	victim_end(pid);
}
END_TEST

START_TEST(a_process_that_ends_before_it_is_stopped_is_gone)
{
	pid_t pid = victim_start("asleep");
	struct target *t = opened(pid);

	kill(pid, SIGKILL);
	AWAIT(victim_state(pid, pid) == 'Z');
	ck_assert_int_eq(target_stop(t, &e), -ESRCH);
	ck_assert_ptr_nonnull(strstr(e.text, "ended"));
	ck_assert(t->gone);
	target_close(t);
	victim_end(pid);
}
END_TEST

START_TEST(a_process_that_dies_while_it_is_read_is_gone)
{
	pid_t pid = victim_start("many");
	struct target *t = stopped(pid);
	uint64_t rsp = t->threads[0].regs.gpr[REG_RSP], word;
	struct span s = {.addr = rsp, .buf = &word, .len = sizeof word};
	int status;

	ck_assert_int_eq(target_read_u64(t, rsp, &word), 0);
	kill(pid, SIGKILL);
	AWAIT((target_forget(t), target_read_u64(t, rsp, &word)) == -ESRCH);
	target_read_spans(t, &s, 1);
	ck_assert(t->gone && !s.ok);
	target_close(t);
	/* all its threads were let go, so that its end can be seen */
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	victim_forget();
}
END_TEST

/* A process that traces the victim until it is killed. */
static pid_t start_tracer(pid_t victim)
{
	pid_t pid = fork();

	if (pid == 0) {
		shared->go = ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0 ? 1 : 2;
		for (;;)
			pause();
	}
	AWAIT(shared->go);
	ck_assert_int_eq(shared->go, 1);
	return pid;
}

START_TEST(a_process_that_is_traced_says_by_whom)
{
	pid_t pid = victim_start("asleep"), tracer = start_tracer(pid);
	char who[64];

	snprintf(who, sizeof who, "is being traced by process %d (", tracer);
	expect_refusal(pid, -EBUSY, who);
	kill(tracer, SIGKILL);
	ck_assert_int_eq(waitpid(tracer, NULL, 0), tracer);
	target_close(stopped(pid));
	victim_end(pid);
}
END_TEST

START_TEST(a_frozen_process_that_is_traced_is_read_without_registers)
{
	pid_t pid = victim_start("asleep"), tracer = start_tracer(pid);
	struct target *t;
	char c;

	AWAIT(victim_is_in(pid, pid, SYS_futex));
	ck_assert_int_eq(target_open_frozen(&t, pid, &e), 0);
	ck_assert_msg(target_stop(t, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(t->nthreads, 1);
	ck_assert(!t->threads[0].has_regs);
	ck_assert_int_eq(t->threads[0].state, THREAD_FUTEX);
	ck_assert_int_eq(t->threads[0].syscall, SYS_futex);
	ck_assert_int_eq(target_read(t, t->mappings[0].lo, &c, 1), 0);
	target_close(t);
	kill(tracer, SIGKILL);
	ck_assert_int_eq(waitpid(tracer, NULL, 0), tracer);
	victim_end(pid);
}
END_TEST

START_TEST(a_frozen_process_is_stopped_where_that_is_allowed)
{
	pid_t pid = victim_start("counting");
	struct target *t;

	ck_assert_int_eq(target_open_frozen(&t, pid, &e), 0);
	ck_assert_int_eq(target_stop(t, &e), 0);
	ck_assert(t->threads[0].has_regs);
	target_close(t);
	check_runs();
	victim_end(pid);
}
END_TEST

START_TEST(the_process_of_another_user_is_refused)
{
	pid_t pid = victim_start("asleep"), other;
	struct target *t;
	int status;

	other = fork();
	if (other == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(0); /* only root can be somebody else */
		_exit(target_open_live(&t, pid, &e) == -EPERM && strstr(e.text, "belongs to user 0") ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(status, 0);
	victim_end(pid);
}
END_TEST

/* ---- ourselves ------------------------------------------------------------------------------------------ */

START_TEST(our_own_process_is_read_and_not_stopped)
{
	struct target *t;
	const struct target_thread *th;
	uint64_t secret = 0x5ec1e7, word = 0;

	ck_assert_int_eq(target_open_self(&t, &e), 0);
	ck_assert_int_eq(target_read_u64(t, (uintptr_t)&secret, &word), 0);
	ck_assert_uint_eq(word, secret);
	ck_assert_int_eq(target_read_u64(t, 8, &word), -EFAULT);
	ck_assert_int_eq(target_stop(t, &e), 0);
	th = target_thread(t, (int32_t)syscall(SYS_gettid));
	ck_assert(th && th->has_regs);
	ck_assert_uint_eq(th->fs_base, (uintptr_t)pthread_self());
	ck_assert_uint_eq(th->regs.known, 1u << REG_RIP | 1u << REG_RSP | 1u << REG_RBP);
	/* in this very function: its locals are above the stack pointer, its code around rip */
	ck_assert(th->regs.gpr[REG_RSP] <= (uintptr_t)&secret &&
		  (uintptr_t)&secret < th->regs.gpr[REG_RSP] + 65536);
	ck_assert(target_mapping(t, th->regs.gpr[REG_RIP])->executable);
	target_close(t);
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------------------ */

static void add_stopping(TCase *tc)
{
	tcase_add_test(tc, registers_of_a_running_thread_are_its_own);
	tcase_add_test(tc, all_threads_are_stopped_and_go_on);
	tcase_add_test(tc, a_thread_in_a_futex_is_shown_so);
	tcase_add_test(tc, threads_that_come_and_go_are_all_stopped);
	tcase_add_test(tc, signals_that_come_meanwhile_arrive_afterwards);
	tcase_add_test(tc, a_stopped_process_stays_stopped);
	tcase_add_test(tc, a_process_continued_meanwhile_runs_afterwards);
	tcase_add_test(tc, a_process_stopped_meanwhile_is_stopped_afterwards);
	tcase_add_test(tc, a_thread_that_cannot_stop_does_not_hold_up_the_others);
}

static void add_reading(TCase *tc)
{
	tcase_add_test(tc, spans_behind_an_unreadable_one_are_read);
	tcase_add_test(tc, reading_ends_where_memory_ends);
	tcase_add_test(tc, a_sandbox_without_process_vm_readv_is_no_obstacle);
	tcase_add_test(tc, a_child_reads_its_parent_that_waits_for_it);
	tcase_add_test(tc, a_process_without_its_main_thread_is_read);
	tcase_add_test(tc, the_file_behind_a_mapping_is_the_program);
	tcase_add_test(tc, a_replaced_file_is_never_taken_for_the_mapped_one);
	tcase_add_test(tc, our_own_process_is_read_and_not_stopped);
}

static void add_refusals(TCase *tc)
{
	tcase_add_test(tc, what_is_no_process_is_refused);
	tcase_add_test(tc, a_thread_is_not_a_process);
	tcase_add_test(tc, a_zombie_has_ended);
	tcase_add_test(tc, a_process_that_ends_before_it_is_stopped_is_gone);
	tcase_add_test(tc, a_process_that_dies_while_it_is_read_is_gone);
	tcase_add_test(tc, a_process_that_is_traced_says_by_whom);
	tcase_add_test(tc, a_frozen_process_that_is_traced_is_read_without_registers);
	tcase_add_test(tc, a_frozen_process_is_stopped_where_that_is_allowed);
	tcase_add_test(tc, the_process_of_another_user_is_refused);
}

int main(int argc, char **argv)
{
	Suite *s = suite_create("target_live");
	TCase *tc = tcase_create("live");
	SRunner *sr;
	int failed;

	victim_main(argc, argv, roles);
	tcase_set_timeout(tc, 60);
	add_stopping(tc);
	add_reading(tc);
	add_refusals(tc);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
