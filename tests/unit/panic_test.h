/* SPDX-License-Identifier: MIT */
#ifndef PANIC_TEST_H
#define PANIC_TEST_H
/*
 * What: what the tests of defer, panic, recover and goexit share.
 *
 * How: each deferred call appends to `trace`.
 */
#include "sched_test.h"

#include "abi/panic_abi.h"

/* Under AddressSanitizer faults are its own, and so is their report. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HAVE_FAULTS 0
#else
#define HAVE_FAULTS 1
#endif

static char trace[4096];

static UNUSED void note(const char *text)
{
	strcat(trace, text);
}

#define EXPECT_TRACE(want)                                                                                   \
	do {                                                                                                 \
		ck_assert_str_eq(trace, want);                                                               \
		trace[0] = 0;                                                                                \
	} while (0)

static UNUSED void note_value(gor_any v)
{
	gor_string s = gor_any_string(v);
	char buf[512];

	snprintf(buf, sizeof buf, "<%.*s>", GOR_STRING_ARGS(s));
	note(buf);
	gor_string_free(s);
}

/* Recovers and says what. */
static UNUSED void catch_it(void)
{
	note_value(recover());
}

/* Fails unless there is nothing to recover. */
static UNUSED void expect_nothing(void)
{
	REQUIRE(!recover().type);
	note("-");
}

static UNUSED void rest_must_be_clean(void)
{
	ck_assert_ptr_null(gori_m()->curg->panics);
	ck_assert_ptr_null(gori_m()->curg->defers);
}

static UNUSED void throw_it(const char *what)
{
	panic("%s", what);
}

static UNUSED void say(chan(int) c)
{
	chan_send(c, 1);
}

/* A panic and a recover with nothing left over. */
static UNUSED void panic_always(void)
{
	defer(catch_it);
	panic("always");
}

static UNUSED void panic_and_recover_inside(void)
{
	{
		defer(note, "x");
	}
	panic_always();
	note("y");
}

static UNUSED void replace(void)
{
	panic("second");
}

static UNUSED void recover_and_panic(void)
{
	note_value(recover());
	panic("again");
}

static UNUSED void recover_simply(void)
{
	defer(note, "z");
	defer(catch_it);
	defer(note, "a");
	panic("p%d", 1);
}

/* ---- faults ---------------------------------------------------------------------------------------------- */

static UNUSED volatile int zero;
static UNUSED int *volatile null_int;

static UNUSED __attribute__((noinline)) int divide(volatile int a, volatile int b)
{
	return a / b;
}

#endif
