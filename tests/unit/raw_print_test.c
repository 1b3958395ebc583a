/* SPDX-License-Identifier: MIT */
/*
 * What: sys/print.c: numbers, buffering, and writing to descriptors that do not take everything at once.
 */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sys/print.h"

#define SECOND ((int64_t)1000000000)

START_TEST(numbers_print_as_printf_prints_them)
{
	static const int64_t cases[] = {0, 1, -1, 9, 10, 255, -256, 1234567890123, INT64_MAX, INT64_MIN};
	char buf[100], want[100];
	struct gori_print out;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		gori_print_init(&out, -1, buf, sizeof buf, 0);
		gori_print_dec(&out, cases[i]);
		gori_print_char(&out, ' ');
		gori_print_udec(&out, (uint64_t)cases[i]);
		gori_print_char(&out, ' ');
		gori_print_hex(&out, (uint64_t)cases[i]);
		gori_print_char(&out, 0);
		snprintf(want, sizeof want, "%lld %llu 0x%llx", (long long)cases[i],
			 (unsigned long long)cases[i], (unsigned long long)cases[i]);
		ck_assert_str_eq(buf, want);
	}
}
END_TEST

START_TEST(foreign_text_has_no_control_characters)
{
	char buf[100];
	struct gori_print out;

	gori_print_init(&out, -1, buf, sizeof buf, 0);
	gori_print_foreign(&out, "a\033[31m\n\x7f\xc3\xa4", 10);
	gori_print_char(&out, 0);
	ck_assert_str_eq(buf, "a?[31m??\xc3\xa4");
}
END_TEST

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

struct reader {
	int fd;
	useconds_t pause;
	size_t got;
	uint64_t sum;
};

static void *read_slowly(void *arg)
{
	struct reader *r = arg;
	unsigned char buf[700];
	ssize_t n;

	while ((n = read(r->fd, buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			r->sum = r->sum * 31 + buf[i];
		r->got += (size_t)n;
		usleep(r->pause);
	}
	return NULL;
}

static void check_all_arrives(int write_end, int read_end)
{
	enum { LINES = 20000 };
	struct reader r = {.fd = read_end, .pause = 50};
	struct gori_print out;
	char buf[10000];
	uint64_t sum = 0;
	pthread_t t;

	pthread_create(&t, NULL, read_slowly, &r);
	gori_print_init(&out, write_end, buf, sizeof buf, gori_print_now() + 60 * SECOND);
	for (int i = 0; i < LINES; i++) {
		char line[32];
		int n = snprintf(line, sizeof line, "line %d\n", i);

		gori_print_text(&out, "line ");
		gori_print_dec(&out, i);
		gori_print_char(&out, '\n');
		for (int k = 0; k < n; k++)
			sum = sum * 31 + (unsigned char)line[k];
	}
	ck_assert_int_eq(gori_print_flush(&out), 0);
	close(write_end);
	pthread_join(t, NULL);
	ck_assert_uint_eq(r.got, out.written);
	ck_assert_uint_eq(r.sum, sum);
}

START_TEST(slow_readers_get_everything)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	check_all_arrives(fd[1], fd[0]);
	ck_assert_int_eq(pipe2(fd, O_NONBLOCK), 0);
	fcntl(fd[0], F_SETFL, 0); /* only the writer does not block */
	check_all_arrives(fd[1], fd[0]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	check_all_arrives(fd[1], fd[0]);
}
END_TEST

static int64_t write_large(int fd, int *ret_err)
{
	static char text[1 << 20];
	int64_t start = gori_print_now();
	uint64_t written = 0;

	*ret_err = gori_print_write(fd, text, sizeof text, start + SECOND / 5, &written);
	return gori_print_now() - start;
}

static void ignore(int sig)
{
	(void)sig;
}

START_TEST(nobody_reads_and_the_deadline_holds)
{
	struct sigaction sa = {.sa_handler = ignore}; /* without SA_RESTART: calls are interrupted */
	struct timespec every = {0, 5000000};
	struct itimerspec when = {every, every};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	timer_t timer;
	int fd[2], err;
	int64_t took;

	sigaction(SIGALRM, &sa, NULL);
	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &when, NULL);
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		ck_assert_int_eq(pipe2(fd, flags), 0);
		took = write_large(fd[1], &err);
		ck_assert_int_eq(err, -ETIMEDOUT);
		ck_assert_int_lt(took, SECOND);
		ck_assert_int_ge(took, SECOND / 5);
	}
	timer_delete(timer);
}
END_TEST

START_TEST(errors_are_told_and_errno_is_left_alone)
{
	struct gori_print out;
	char buf[16];
	int fd[2], err;

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fd), 0);
	close(fd[0]);
	errno = 12345;
	write_large(fd[1], &err);
	ck_assert_int_eq(err, -EPIPE);
	write_large(open("/dev/full", O_WRONLY), &err);
	ck_assert_int_eq(err, -ENOSPC);
	write_large(99, &err);
	ck_assert_int_eq(err, -EBADF);
	ck_assert_int_eq(errno, 12345);
	gori_print_init(&out, 99, buf, sizeof buf, 0);
	for (int i = 0; i < 100; i++)
		gori_print_text(&out, "dropped, and no harm done\n");
	ck_assert_int_eq(gori_print_flush(&out), -EBADF);
	ck_assert_uint_eq(out.written, 0);
}
END_TEST

START_TEST(a_message_is_one_write)
{
	char text[PIPE_BUF], got[2 * PIPE_BUF];
	uint64_t written = 0;
	int fd[2];

	memset(text, 'm', sizeof text);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0); /* keeps writes apart */
	ck_assert_int_eq(gori_print_write(fd[1], text, sizeof text, 0, &written), 0);
	ck_assert_int_eq(read(fd[0], got, sizeof got), PIPE_BUF);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("raw_print");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, numbers_print_as_printf_prints_them);
	tcase_add_test(t, foreign_text_has_no_control_characters);
	tcase_add_test(t, slow_readers_get_everything);
	tcase_add_test(t, nobody_reads_and_the_deadline_holds);
	tcase_add_test(t, errors_are_told_and_errno_is_left_alone);
	tcase_add_test(t, a_message_is_one_write);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
