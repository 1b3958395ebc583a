/* SPDX-License-Identifier: MIT */
/*
 * What: go, defer, panic and recover from C++: parameters, lambdas, destructors, exceptions.
 *
 * How: each call and destructor appends to `trace`.
 */
#include <check.h>
#include <gorgon.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

static std::string trace;

static void note(const char *text)
{
	trace += text;
}

#define EXPECT_TRACE(want)                                                                                   \
	do {                                                                                                 \
		ck_assert_str_eq(trace.c_str(), want);                                                       \
		trace.clear();                                                                               \
	} while (0)

namespace
{
struct noisy {
	const char *name;
	explicit noisy(const char *n) : name(n)
	{
	}
	noisy(const noisy &) = delete;
	~noisy()
	{
		trace += "~";
		trace += name;
	}
};
} // namespace

static void catch_it()
{
	gor_any v = recover();
	gor_string s = gor_any_string(v);

	trace += "<" + std::string(s.ptr, s.len) + ">";
	gor_string_free(s);
}

/* ---- go and defer ---------------------------------------------------------------------------------------------- */

namespace
{
struct three {
	long a, b, c;
};
struct alignas(64) aligned {
	long v[8];
};
enum class colour { red, green };
struct from_int {
	int v;
	operator double() const
	{
		go(note, "conversion "); /* a go while the arguments of another are made */
		return v;
	}
};
} // namespace

static std::atomic<int> done;

static void take_all(int i, double d, const char *s, three t, colour c, bool b, aligned a, float f,
		     long double l)
{
	if (i == 1 && d == 2.5 && !strcmp(s, "text") && t.a == 1 && t.c == 3 && c == colour::green && b &&
	    a.v[7] == 8 && (reinterpret_cast<uintptr_t>(&a) & 63) == 0 && f == 4 && l == 5)
		done++;
}

static void take_noexcept(int i) noexcept
{
	done += i;
}

static void take_double(double d)
{
	done += static_cast<int>(d);
}

template <class T> static void take_template(T v)
{
	done += static_cast<int>(v);
}

START_TEST(arguments_arrive_as_in_a_call)
{
	const aligned a = {{1, 2, 3, 4, 5, 6, 7, 8}};

	{
		defer(take_all, 1, 2.5f, "text", (three{1, 2, 3}), colour::green, true, a, 4, 5);
	}
	ck_assert_int_eq(done, 1);
	go(take_all, 1, 2.5f, "text", (three{1, 2, 3}), colour::green, true, a, 4, 5);
	ck_assert(gor_settle(GOR_MINUTE));
	ck_assert_int_eq(done, 2);
}
END_TEST

START_TEST(functions_of_all_kinds_can_be_started)
{
	done = 0;
	go(take_noexcept, 1);
	go(take_template<int>, 10);
	go(take_template<long>, 100);
	go([](int v) { done += v; }, 1000);
	go([] { done += 10000; });
	go(&take_noexcept, 100000);
	{
		defer([](int v) { done += v; }, 1000000);
		defer(take_noexcept, 10000000);
	}
	ck_assert(gor_settle(GOR_MINUTE));
	ck_assert_int_eq(done, 11111111);
}
END_TEST

START_TEST(conversions_may_run_code)
{
	done = 0;
	go(take_double, from_int{5});
	ck_assert(gor_settle(GOR_MINUTE));
	ck_assert_int_eq(done, 5);
	EXPECT_TRACE("conversion ");
}
END_TEST

/* ---- destructors ------------------------------------------------------------------------------------------------- */

static void panic_with_object(const char *what)
{
	noisy n("inner");

	panic("%s", what);
}

GOR_RECOVERS static int recover_with_objects(bool bad)
{
	noisy first("first");
	defer(note, "d");
	defer(catch_it);
	noisy second("second");

	if (bad)
		panic_with_object("bad");
	return 1;
}

START_TEST(destructors_run_after_a_recover_and_deferred_calls_before)
{
	ck_assert_int_eq(recover_with_objects(false), 1);
	EXPECT_TRACE("~second<nil>d~first");
	ck_assert_int_eq(recover_with_objects(true), 0);
	EXPECT_TRACE("<bad>d~inner~second~first");
}
END_TEST

static void destructor_that_recovers();

namespace
{
struct recovers_inside {
	~recovers_inside()
	{
		destructor_that_recovers();
	}
};
} // namespace

static void destructor_that_recovers()
{
	recover_with_objects(true);
}

static void nested_recovery()
{
	defer(catch_it);
	recovers_inside r;

	panic("outside");
}

START_TEST(a_destructor_may_panic_and_recover_while_frames_are_left)
{
	nested_recovery();
	EXPECT_TRACE("<outside><bad>d~inner~second~first");
}
END_TEST

static void rethrow_all()
{
	try {
		noisy n("try");

		panic_with_object("through catch");
	} catch (...) {
		note("c");
		throw;
	}
}

static void recover_through_catch()
{
	defer(catch_it);
	rethrow_all();
}

START_TEST(a_catch_all_that_rethrows_is_passed)
{
	recover_through_catch();
	EXPECT_TRACE("<through catch>~inner~tryc");
}
END_TEST

static void in_a_catch_block()
{
	defer(catch_it);
	try {
		throw std::runtime_error("x");
	} catch (std::exception &) {
		panic("in catch");
	}
}

START_TEST(a_panic_in_a_catch_block_leaves_it)
{
	in_a_catch_block();
	EXPECT_TRACE("<in catch>");
	ck_assert(std::current_exception() == nullptr);
	try {
		throw 5;
	} catch (int v) {
		ck_assert_int_eq(v, 5);
	}
}
END_TEST

/* ---- faults: no landing pad is where the compiler expects no exception ------------------------------------------------ */

static void store(volatile int *p)
{
	*p = 1;
}

GOR_RECOVERS static int fault_below(volatile int *p)
{
	noisy n("n");
	defer(catch_it);

	store(p);
	return 1;
}

GOR_RECOVERS static int fault_here(volatile int *p)
{
	noisy n("n");
	defer(catch_it);

	*p = 1;
	return 1;
}

static void quiet_middle(volatile int *p) noexcept
{
	noisy n("q");

	store(p);
	note("q");
}

GOR_RECOVERS static int fault_in_noexcept(volatile int *p)
{
	defer(catch_it);

	quiet_middle(p);
	return 1;
}

START_TEST(faults_can_be_recovered)
{
	const char *expected = "<runtime error: invalid memory address or nil pointer dereference>";

	for (auto f : {fault_below, fault_here, fault_in_noexcept}) {
		ck_assert_int_eq(f(nullptr), 0);
		ck_assert_int_eq(strncmp(trace.c_str(), expected, strlen(expected)), 0);
		trace.clear();
	}
}
END_TEST

/* ---- exceptions ------------------------------------------------------------------------------------------------------- */

static void throw_with_defer()
{
	defer(note, "d");
	noisy n("n");

	throw std::runtime_error("thrown");
}

START_TEST(an_exception_makes_deferred_calls)
{
	try {
		throw_with_defer();
	} catch (std::exception &e) {
		note(e.what());
	}
	EXPECT_TRACE("~ndthrown");
}
END_TEST

static void throw_it()
{
	throw std::runtime_error("from defer");
}

static void exception_ends_a_panic()
{
	try {
		defer(throw_it);
		panic("lost");
	} catch (std::exception &e) {
		note(e.what());
	}
}

START_TEST(an_exception_out_of_a_deferred_function_ends_the_panic)
{
	exception_ends_a_panic();
	EXPECT_TRACE("from defer");
	recover_with_objects(true);
	EXPECT_TRACE("<bad>d~inner~second~first");
}
END_TEST

static void catch_while_switching(std::atomic<int> *ok)
{
	for (int i = 0; i < 20; i++) {
		try {
			gor_yield();
			throw i;
		} catch (int v) {
			gor_yield();
			gor_sleep(GOR_MS / 10);
			try {
				throw std::to_string(v);
			} catch (std::string &s) {
				gor_yield();
				if (std::stoi(s) == v && v == i)
					++*ok;
			}
		}
	}
}

START_TEST(exceptions_are_the_goroutines_own)
{
	std::atomic<int> ok{0};

	gor_maxprocs(4);
	for (int i = 0; i < 30; i++)
		go(catch_while_switching, &ok);
	ck_assert(gor_settle(GOR_SECOND) || true);
	while (gor_num_goroutine() > 1)
		gor_sleep(GOR_MS);
	ck_assert_int_eq(ok, 600);
}
END_TEST

/* ---- goexit --------------------------------------------------------------------------------------------------------------- */

static void leave_deeply(int n)
{
	noisy x("x");

	if (n > 0)
		leave_deeply(n - 1);
	else if (n == 0)
		gor_goexit();
	note("never");
}

static void goexit_with_objects()
{
	noisy a("a");
	defer(note, "d");

	leave_deeply(2);
}

START_TEST(goexit_runs_destructors_after_deferred_calls)
{
	go(goexit_with_objects);
	ck_assert(gor_settle(GOR_MINUTE));
	EXPECT_TRACE("d~x~x~x~a");
	ck_assert_int_eq(gor_num_goroutine(), 1);
}
END_TEST

/* ---- what ends the program ---------------------------------------------------------------------------------------------------- */

static void expect_death(void (*fn)(), int want, const char *text)
{
	static char said[65536];
	int fd[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		alarm(40);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (n < sizeof said - 1 && (got = read(fd[0], said + n, sizeof said - 1 - n)) > 0)
		n += static_cast<size_t>(got);
	said[n] = 0;
	close(fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == want, "wait status %#x, said: %s", status,
		      said);
	ck_assert_msg(strstr(said, text) != nullptr, "expected \"%s\", got: %s", text, said);
}

static void swallow()
{
	defer(catch_it);
	try {
		panic_with_object("swallowed");
	} catch (...) {
		note("c");
	}
}

START_TEST(a_catch_all_that_swallows_is_a_fatal_error)
{
	expect_death(swallow, 2, "fatal error: a catch (...) has stopped a recovered panic");
}
END_TEST

static void throw_uncaught()
{
	go(throw_it);
	gor_sleep(10 * GOR_SECOND);
}

START_TEST(an_uncaught_exception_ends_in_terminate)
{
	expect_death(throw_uncaught, 2,
		     "terminate called after throwing an instance of 'std::runtime_error'");
}
END_TEST

static void panic_uncaught()
{
	noisy n("n");

	panic_with_object("uncaught");
}

START_TEST(a_panic_that_nobody_recovers_is_printed)
{
	expect_death(panic_uncaught, 2, "panic: uncaught\n\ngoroutine 1 [running]:\n");
}
END_TEST

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

int main()
{
	Suite *s = suite_create("panic_cxx");
	TCase *tc = tcase_create("panic_cxx");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, arguments_arrive_as_in_a_call);
	tcase_add_test(tc, functions_of_all_kinds_can_be_started);
	tcase_add_test(tc, conversions_may_run_code);
	tcase_add_test(tc, destructors_run_after_a_recover_and_deferred_calls_before);
	tcase_add_test(tc, a_destructor_may_panic_and_recover_while_frames_are_left);
	tcase_add_test(tc, a_catch_all_that_rethrows_is_passed);
	tcase_add_test(tc, a_panic_in_a_catch_block_leaves_it);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(tc, faults_can_be_recovered);
#endif
	tcase_add_test(tc, an_exception_makes_deferred_calls);
	tcase_add_test(tc, an_exception_out_of_a_deferred_function_ends_the_panic);
	tcase_add_test(tc, exceptions_are_the_goroutines_own);
	tcase_add_test(tc, goexit_runs_destructors_after_deferred_calls);
	tcase_add_test(tc, a_catch_all_that_swallows_is_a_fatal_error);
	tcase_add_test(tc, an_uncaught_exception_ends_in_terminate);
	tcase_add_test(tc, a_panic_that_nobody_recovers_is_printed);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
