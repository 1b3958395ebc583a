/* SPDX-License-Identifier: MIT */
/*
 * What: tests of what a panic that nobody recovers, a fault or a fatal error prints.
 *
 * How: each runs in a child whose stderr is compared from its first byte on.
 */
#include "panic_test.h"

#include <sys/mman.h>

static const gor_type *again; /* of a value that panics with itself */

/* ---- what is printed --------------------------------------------------------------------------------------------------- */

/* The child's stderr must begin with `text`. */
static void expect_message(void (*fn)(void), const char *text)
{
	char said[8192];
	int fd[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		be_child(fd);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (n < sizeof said - 1 && (got = read(fd[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	while (read(fd[0], &status, 1) > 0)
		;
	close(fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "wait status %#x, said: %s",
		      (unsigned)status, said);
	ck_assert_msg(strncmp(said, text, strlen(text)) == 0, "expected:\n%s\ngot:\n%s", text, said);
}

#define THE_DUMP "\ngoroutine 1 [running]:\n"

static void say_string(void)
{
	panic("temperature %d", 451);
}

static void say_lines(void)
{
	panic("one\ntwo\npanic: fake");
}

static void say_int(void)
{
	panic_any(gor_any_of(-42));
}

static void say_c_string(void)
{
	panic_any(gor_any_of("c string"));
}

static void say_double(void)
{
	panic_any(gor_any_of(1.5));
}

static void say_nil(void)
{
	panic_any((gor_any){0});
}

static void say_closed(void)
{
	chan(int) c = chan_make(int, 1);

	chan_close(c);
	chan_send(c, 1);
}

START_TEST(values_are_printed_as_go_prints_them)
{
	expect_message(say_string, "panic: temperature 451\n" THE_DUMP);
	expect_message(say_lines, "panic: one\n\ttwo\n\tpanic: fake\n" THE_DUMP);
	expect_message(say_int, "panic: -42\n" THE_DUMP);
	expect_message(say_c_string, "panic: c string\n" THE_DUMP);
	expect_message(say_double, "panic: +1.500000e+000\n" THE_DUMP);
	expect_message(
		say_nil,
		"panic: panic called with nil argument (use GODEBUG=panicnil=1 to disable)\n" THE_DUMP);
	expect_message(say_closed, "panic: send on closed channel\n" THE_DUMP);
}
END_TEST

static void say_chain(void)
{
	defer(throw_it, "third");
	{
		defer(recover_and_panic); /* "again" */
		panic("first");
	}
}

static void repanic(void)
{
	panic_any(recover());
}

static void say_repanicked(void)
{
	defer(repanic);
	panic("same");
}

static void say_repanicked_int(void)
{
	defer(repanic);
	panic_any(gor_any_of(17));
}

static void say_aborted_and_recovered(void)
{
	defer(throw_it, "last");
	defer(catch_it);
	defer(replace);
	panic("first");
}

static void say_goexit(void)
{
	defer(throw_it, "in goexit");
	gor_goexit();
}

START_TEST(panics_in_progress_are_printed_oldest_first)
{
	expect_message(say_chain, "panic: first [recovered]\n\tpanic: again\n\tpanic: third\n" THE_DUMP);
	expect_message(say_repanicked, "panic: same [recovered, repanicked]\n" THE_DUMP);
	expect_message(say_repanicked_int, "panic: 17 [recovered, repanicked]\n" THE_DUMP);
	expect_message(say_aborted_and_recovered, "panic: last\n" THE_DUMP);
	expect_message(say_goexit, "panic: in goexit\n" THE_DUMP);
}
END_TEST

static void say_null(void)
{
	*null_int = 1;
}

static void say_division(void)
{
	zero = divide(1, zero);
}

static void say_wild(void)
{
	*(volatile int *)0x123456789000 = 1;
}

static void say_bus(void)
{
	FILE *f = tmpfile();
	volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);

	*p = 1;
}

static void say_fault_in_chain(void)
{
	defer(say_null);
	panic("before");
}

START_TEST(faults_are_printed_with_their_signal)
{
	expect_message(say_null, "panic: runtime error: invalid memory address or nil pointer dereference\n"
				 "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x");
	expect_message(say_division, "panic: runtime error: integer divide by zero\n"
				     "[signal SIGFPE: floating-point exception code=0x1 addr=0x");
	expect_message(say_wild,
		       "unexpected fault address 0x123456789000\nfatal error: fault\n"
		       "[signal SIGSEGV: segmentation violation code=0x1 addr=0x123456789000 pc=0x");
	expect_message(say_bus, "unexpected fault address 0x");
	expect_message(say_fault_in_chain,
		       "panic: before\n"
		       "\tpanic: runtime error: invalid memory address or nil pointer dereference\n"
		       "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x");
}
END_TEST

static void say_fatal(void)
{
	defer(note, "never");
	defer(catch_it);
	gor_fatal("the end");
}

START_TEST(a_fatal_error_calls_nothing)
{
	expect_message(say_fatal, "fatal error: the end\n" THE_DUMP);
}
END_TEST

typedef struct {
	int how;
} rude;

static size_t rude_text(const rude *r, char *ret_buf, size_t size)
{
	if (r->how == 1)
		panic("while printing");
	if (r->how == 2)
		*null_int = 1;
	if (r->how == 3)
		panic_any(gor_any_box(again, r)); /* the same again */
	if (r->how == 4)
		panic_always();
	return (size_t)snprintf(ret_buf, size, "rude %d", r->how);
}
GOR_TYPE_DEFINE_TEXT(rude, rude_text);

static void say_rude(int how)
{
	again = &gor_type_rude;
	panic_any(gor_any_make(rude, (rude){how}));
}

static void say_rude_0(void)
{
	say_rude(0);
}

static void say_rude_1(void)
{
	say_rude(1);
}

static void say_rude_2(void)
{
	say_rude(2);
}

static void say_rude_3(void)
{
	say_rude(3);
}

static void say_rude_4(void)
{
	say_rude(4);
}

static void say_bad_string(void)
{
	panic_any(gor_any_of(gor_strn((const char *)16, 100)));
}

START_TEST(a_value_that_panics_while_it_is_printed_is_printed_raw)
{
	expect_message(say_rude_0, "panic: rude 0\n" THE_DUMP);
	expect_message(
		say_rude_1,
		"panic: (rude) 0x1 [panicked while it was printed]\n\tpanic: while printing\n" THE_DUMP);
	if (HAVE_FAULTS)
		expect_message(say_rude_2,
			       "panic: (rude) 0x2 [panicked while it was printed]\n\tpanic: runtime error: ");
	expect_message(say_rude_3, "panic: (rude) 0x3 [panicked while it was printed]\n"
				   "\tpanic: (rude) 0x3 [panicked while it was printed]\n"
				   "\tpanic: (rude) 0x3 [panicked while it was printed]\n"
				   "\tpanic: (rude) 0x3\n" THE_DUMP);
	expect_message(say_rude_4, "panic: rude 4\n" THE_DUMP);
	if (HAVE_FAULTS)
		expect_message(say_bad_string,
			       "panic: (gor_string) 0x10 [panicked while it was printed]\n\tpanic: runtime");
}
END_TEST

static void panic_at_once(int *gate, int n)
{
	increment(gate);
	while (load(gate) < 4)
		;
	panic("goroutine %d says this", n);
}

static void panic_together(void)
{
	int gate = 0;

	gor_maxprocs(4);
	for (int i = 0; i < 3; i++)
		go(panic_at_once, &gate, i);
	panic_at_once(&gate, 3);
}

START_TEST(two_that_panic_at_once_do_not_mix)
{
	for (int i = 0; i < 5; i++) {
		expect_message(panic_together, "panic: goroutine ");
		expect_exit(panic_together, 2, " says this\n\ngoroutine ");
	}
}
END_TEST

static void say_in_goroutine(void)
{
	go(throw_it, "in a goroutine");
	gor_sleep(10 * GOR_SECOND);
}

START_TEST(a_panic_in_a_goroutine_ends_the_program)
{
	expect_message(say_in_goroutine, "panic: in a goroutine\n\ngoroutine ");
	expect_exit(say_in_goroutine, 2, "goroutine 1 [sleep]:\n");
}
END_TEST

static void add_tests(TCase *tc)
{
	ADD_ONCE(tc, values_are_printed_as_go_prints_them);
	ADD_ONCE(tc, panics_in_progress_are_printed_oldest_first);
	if (HAVE_FAULTS)
		ADD_ONCE(tc, faults_are_printed_with_their_signal);
	ADD_ONCE(tc, a_fatal_error_calls_nothing);
	ADD_ONCE(tc, a_value_that_panics_while_it_is_printed_is_printed_raw);
	ADD_ONCE(tc, two_that_panic_at_once_do_not_mix);
	ADD_ONCE(tc, a_panic_in_a_goroutine_ends_the_program);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "message", add_tests, NULL);
}
