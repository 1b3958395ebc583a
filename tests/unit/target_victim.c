/* SPDX-License-Identifier: MIT */
/* What, how: target_victim.h. */
#define _GNU_SOURCE
#include "target_victim.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct shared *shared;

static int share(void)
{
	int fd = memfd_create("shared", 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof *shared), 0);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	ck_assert_int_eq(pipe(shared->pipe), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, shared->socket), 0);
	shared->file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	shared->semaphore = -1;
	return fd;
}

pid_t victim_start(const char *role)
{
	int fd = share();
	char number[16];
	pid_t pid;

	snprintf(number, sizeof number, "%d", fd);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/proc/self/exe", "victim", "victim", role, number, (char *)NULL);
		_exit(99);
	}
	close(fd);
	AWAIT(shared->ready);
	return pid;
}

void victim_end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	victim_forget();
}

void victim_forget(void)
{
	for (int i = 0; i < 2; i++) {
		close(shared->pipe[i]);
		close(shared->socket[i]);
	}
	close(shared->file);
	if (shared->semaphore >= 0)
		semctl(shared->semaphore, 0, IPC_RMID);
	munmap(shared, sizeof *shared);
	shared = NULL;
}

void victim_main(int argc, char **argv, const struct role *roles)
{
	if (argc != 4 || strcmp(argv[1], "victim") != 0)
		return;
	alarm(60); /* in case everything goes wrong */
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
	close(atoi(argv[3]));
	for (const struct role *r = roles; r->name; r++)
		if (!strcmp(r->name, argv[2]))
			r->fn();
	exit(98);
}

static bool task_file(pid_t pid, pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

char victim_state(pid_t pid, pid_t tid)
{
	char text[512];

	return task_file(pid, tid, "stat", text, sizeof text) && strrchr(text, ')') ? strrchr(text, ')')[2]
										    : '\0';
}

bool victim_is_in(pid_t pid, pid_t tid, int nr)
{
	char text[512];

	return task_file(pid, tid, "syscall", text, sizeof text) && text[0] >= '0' && text[0] <= '9' &&
	       atoi(text) == nr;
}
