/* SPDX-License-Identifier: MIT */
/*
 * What: threads that sleep in system calls are shown to do so, and notice nothing of having been stopped.
 *
 * How: for each call a victim that makes it once.  It is stopped and resumed a few times while it sleeps; then the
 * call is brought to its end, and must have returned what it returns undisturbed.
 */
#include <check.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "target/target.h"
#include "target_victim.h"

enum { NAP_MS = 400 };

/* ---- the calls, as the victim makes them ---------------------------------------------------------------- */

/* The call in one piece, so that its number stands right in front of it. */
#define CALL2(nr, a, b)                                                                                      \
	({                                                                                                   \
		long ret_;                                                                                   \
		__asm__ volatile("mov %1, %%eax\n\tsyscall"                                                  \
				 : "=a"(ret_)                                                                \
				 : "i"(nr), "D"(a), "S"(b)                                                   \
				 : "rcx", "r11", "memory");                                                  \
		ret_ < 0 ? (errno = (int)-ret_, -1) : ret_;                                                  \
	})

static long do_read(void)
{
	char c;

	return read(shared->pipe[0], &c, 1);
}

static long do_receive(void)
{
	struct timeval limit = {.tv_sec = 60};
	char c;

	/* with a timeout, the kernel does not begin it again by itself */
	setsockopt(shared->socket[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return recv(shared->socket[0], &c, 1, 0);
}

static int epoll_of_pipe(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, shared->pipe[0], &ev);
	return ep;
}

static long do_epoll_wait(void)
{
	struct epoll_event ev;

	return syscall(SYS_epoll_wait, epoll_of_pipe(), &ev, 1, -1);
}

static long do_epoll_pwait(void)
{
	struct epoll_event ev;

	return syscall(SYS_epoll_pwait, epoll_of_pipe(), &ev, 1, 60000, NULL, 8);
}

static long do_poll(void)
{
	struct pollfd fd = {.fd = shared->pipe[0], .events = POLLIN};

	return syscall(SYS_poll, &fd, 1, -1);
}

static long do_poll_with_timeout(void)
{
	struct pollfd fd = {.fd = shared->pipe[0], .events = POLLIN};

	return syscall(SYS_poll, &fd, 1, 60000);
}

/* Woken before it slept, as can happen after any restart: users of futexes look at the word. */
static long or_woken(long ret)
{
	return ret < 0 && errno == EAGAIN && shared->word ? 0 : ret;
}

static long do_futex(void)
{
	return or_woken(syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

static long do_futex_with_timeout(void)
{
	struct timespec ts = {.tv_sec = 60};

	return or_woken(syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, &ts, NULL, 0));
}

static long do_nanosleep(void)
{
	struct timespec ts = {.tv_nsec = NAP_MS * 1000000}, left = {0}, begin, end;
	long r;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	r = CALL2(SYS_nanosleep, &ts, &left);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if ((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 < NAP_MS - 1)
		return -2; /* woken too early */
	return r;
}

static long do_inotify(void)
{
	char path[64], event[sizeof(struct inotify_event) + 256];
	int fd = inotify_init1(0);

	snprintf(path, sizeof path, "/proc/self/fd/%d", shared->file);
	inotify_add_watch(fd, path, IN_MODIFY);
	return read(fd, event, sizeof event) > 0;
}

static long do_semop(void)
{
	struct sembuf op = {.sem_num = 0, .sem_op = -1};

	shared->semaphore = semget(IPC_PRIVATE, 1, 0600);
	return syscall(SYS_semop, shared->semaphore, &op, 1);
}

static long do_sigwait(void)
{
	siginfo_t si;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sigwaitinfo(&set, &si);
}

static long do_wait(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		while (!shared->go)
			usleep(1000);
		_exit(7);
	}
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7;
}

/* ---- how they are ended --------------------------------------------------------------------------------- */

static void wake_pipe(pid_t pid)
{
	(void)pid;
	ck_assert_int_eq(write(shared->pipe[1], "x", 1), 1);
}

static void wake_socket(pid_t pid)
{
	(void)pid;
	ck_assert_int_eq(write(shared->socket[1], "x", 1), 1);
}

static void wake_futex(pid_t pid)
{
	(void)pid;
	shared->word = 1;
	syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void wake_nothing(pid_t pid)
{
	(void)pid;
}

static void wake_file(pid_t pid)
{
	(void)pid;
	ck_assert_int_eq(write(shared->file, "x", 1), 1);
}

static void wake_semaphore(pid_t pid)
{
	struct sembuf op = {.sem_num = 0, .sem_op = 1};

	(void)pid;
	ck_assert_int_eq(semop(shared->semaphore, &op, 1), 0);
}

static void wake_signal(pid_t pid)
{
	kill(pid, SIGUSR1);
}

static void wake_child(pid_t pid)
{
	(void)pid;
	shared->go = 1;
}

static const struct call {
	const char *name;
	long (*enter)(void);
	void (*wake)(pid_t pid);
	int nr;
	int expected;
	enum thread_state state;
} calls[] = {
	{"read", do_read, wake_pipe, SYS_read, 1, THREAD_SYSCALL},
	{"receive", do_receive, wake_socket, SYS_recvfrom, 1, THREAD_SYSCALL},
	{"epoll_wait", do_epoll_wait, wake_pipe, SYS_epoll_wait, 1, THREAD_SYSCALL},
	{"epoll_pwait", do_epoll_pwait, wake_pipe, SYS_epoll_pwait, 1, THREAD_SYSCALL},
	{"poll", do_poll, wake_pipe, SYS_poll, 1, THREAD_SYSCALL},
	{"poll_with_timeout", do_poll_with_timeout, wake_pipe, SYS_poll, 1, THREAD_SYSCALL},
	{"futex", do_futex, wake_futex, SYS_futex, 0, THREAD_FUTEX},
	{"futex_with_timeout", do_futex_with_timeout, wake_futex, SYS_futex, 0, THREAD_FUTEX},
	{"nanosleep", do_nanosleep, wake_nothing, SYS_nanosleep, 0, THREAD_SYSCALL},
	{"inotify", do_inotify, wake_file, SYS_read, 1, THREAD_SYSCALL},
	{"semop", do_semop, wake_semaphore, SYS_semop, 0, THREAD_SYSCALL},
	{"sigwait", do_sigwait, wake_signal, SYS_rt_sigtimedwait, SIGUSR1, THREAD_SYSCALL},
	{"wait", do_wait, wake_child, SYS_wait4, 1, THREAD_SYSCALL},
};

enum { NCALLS = sizeof calls / sizeof calls[0] };

static const struct call *chosen;

static void make_call(void)
{
	shared->tid = getpid();
	shared->ready = 1;
	shared->ret = (int)chosen->enter();
	shared->err = errno;
	shared->done = 1;
	for (;;)
		pause();
}

/* ---- the tests ------------------------------------------------------------------------------------------ */

/* After a stop the kernel begins some calls again under another name. */
static bool sleeps(const struct call *c, pid_t pid)
{
	return victim_is_in(pid, pid, c->nr) || victim_is_in(pid, pid, SYS_restart_syscall);
}

/* The number as shown, where the instruction in front tells it; else restart_syscall after the first stop. */
static void check_shown(const struct call *c, const struct target_thread *th, bool first)
{
	ck_assert(th->has_regs);
	if (!first && th->syscall == SYS_restart_syscall && c->nr != SYS_nanosleep)
		return;
	ck_assert_msg(th->syscall == c->nr, "%s is shown as %s", c->name, target_syscall_name(th->syscall));
	ck_assert_int_eq(th->state, c->state);
}

START_TEST(a_call_is_shown_and_not_disturbed)
{
	const struct call *c = &calls[_i];
	pid_t pid = victim_start(c->name);
	struct error e = {0};
	struct target *t;

	for (int i = 0; i < 5; i++) {
		AWAIT(shared->done || sleeps(c, pid));
		if (shared->done)
			break;
		ck_assert_msg(target_open_live(&t, pid, &e) == 0, "%s", e.text);
		ck_assert_msg(target_stop(t, &e) == 0, "%s", e.text);
		ck_assert_uint_eq(t->nthreads, 1);
		if (!shared->done)
			check_shown(c, &t->threads[0], i == 0);
		target_resume(t);
		target_close(t);
	}
	AWAIT(shared->done || sleeps(c, pid));
	c->wake(pid);
	AWAIT(shared->done);
	ck_assert_msg(shared->ret == c->expected, "%s returned %d, errno %d", c->name, shared->ret,
		      shared->err);
	victim_end(pid);
}
END_TEST

/* A reader that stops a victim and is killed before it lets it go. */
static void be_killed(pid_t victim)
{
	struct target *t;
	int fds[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		if (target_open_live(&t, victim, NULL) == 0 && target_stop(t, NULL) == 0 &&
		    write(fds[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &c, 1), 1);
	close(fds[0]);
	ck_assert_int_eq(victim_state(victim, victim), 't');
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_victim_goes_on_when_its_reader_is_killed)
{
	const struct call *c = &calls[_i];
	pid_t pid = victim_start(c->name);

	AWAIT(sleeps(c, pid));
	be_killed(pid);
	AWAIT(shared->done || sleeps(c, pid));
	c->wake(pid);
	AWAIT(shared->done);
	ck_assert_msg(shared->ret == c->expected, "%s returned %d, errno %d", c->name, shared->ret,
		      shared->err);
	victim_end(pid);
}
END_TEST

static struct role roles[NCALLS + 1];

static void choose(int argc, char **argv)
{
	for (int i = 0; i < NCALLS; i++) {
		roles[i] = (struct role){calls[i].name, make_call};
		if (argc == 4 && !strcmp(argv[2], calls[i].name))
			chosen = &calls[i];
	}
}

int main(int argc, char **argv)
{
	Suite *s = suite_create("target_calls");
	TCase *tc = tcase_create("calls");
	SRunner *sr;
	int failed;

	choose(argc, argv);
	victim_main(argc, argv, roles);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_call_is_shown_and_not_disturbed, 0, NCALLS);
	tcase_add_loop_test(tc, a_victim_goes_on_when_its_reader_is_killed, 0, NCALLS);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
