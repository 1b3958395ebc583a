/* SPDX-License-Identifier: MIT */
#ifndef GORGON_DEFER_H
#define GORGON_DEFER_H
/*
 * What: defer(fn, args...): calls fn(args...) when the enclosing block is left, and recover().
 *
 *	FILE *f = fopen(path, "r");
 *	defer(close_it, f);
 *
 * The block is left by its end, return, break, continue or goto, by a panic, by gor_goexit, and in C++ by an
 * exception.  What was deferred last is called first.  Go calls at the end of the function; this is the end
 * of the block, as in the defer of C's TS 25755.  What is said about fn and the arguments in <gorgon/go.h>
 * holds here: they are evaluated and copied where the defer stands.
 *
 * defer is a declaration: it stands in a block, not as the branch of an if, not right after a label.  Do not
 * jump over it into its block (a case below it).
 *
 * Cost: some 350 bytes of the function's frame each, no heap unless more than 64 bytes of arguments are on
 * the stack.  A function that defers, or calls recover, is never inlined.  In C++ its return type must not be deduced (auto).
 *
 * Not called are deferred functions of frames that longjmp, _exit or exit leave.  longjmp out of a deferred
 * function during a panic is undefined.  In C++: during a panic the deferred functions are called first, with
 * all frames still there; destructors of what is left run after a recover.  So a function that defers and
 * recovers, and those that it calls, must not be noexcept (destructors are, unless they say otherwise), and
 * a catch (...) on the way must rethrow; either would end the program.
 *
 * Semantics: Go specification, "Defer statements", "Handling panics".
 */
#include <gorgon/any.h>
#include <gorgon/call.h>

GOR_BEGIN_DECLS

/* A deferred call, in the frame of the function that defers it.  Begins as struct gori_defer of the runtime. */
struct gor_defer {
	void *link;
	uint64_t check; /* tells whether it is waiting to be called; the runtime's */
	void *frame;    /* of the deferring function */
	uint64_t room[40];
};

/* What `cleanup` calls at the end of the block; takes a struct gor_defer. */
GOR_API void gori_defer_leave(void *record);

/* The function under recover(); `frame` is its caller's. */
GOR_API gor_any gori_recover(void *frame);

GOR_END_DECLS

/* An attribute for functions whose result is of use after a recover: see recover(). */
#if defined(__clang__)
#define GOR_RECOVERS __attribute__((__noinline__, __optnone__))
#else
#define GOR_RECOVERS __attribute__((__noipa__))
#endif

#define GORI_DEFER(...) GORI_CAT(GORI_DEFER_, GORI_ARITY(__VA_ARGS__))(__COUNTER__, __VA_ARGS__)

/* Begins with a declaration, so that `if (x) defer(...);` does not compile. */
#define GORI_DEFER_RECORD(id, text)                                                                          \
	struct gor_defer GORI_CAT(gori_defer_, id) __attribute__((__cleanup__(gori_defer_leave)));           \
	static struct gor_site GORI_CAT(gori_site_, id) = GORI_SITE(text, 0);                                \
	GORI_CAT(gori_defer_, id).check = 0;                                                                 \
	GORI_CAT(gori_defer_, id).frame = __builtin_frame_address(0);                                        \
	GORI_WAY_OUT()

#ifndef __cplusplus

#define GORI_DEFER_0(id, func) GORI_DEFER_CALL(id, #func, func, ())
#define GORI_DEFER_1(id, func, ...) GORI_DEFER_CALL(id, #func, func, (__VA_ARGS__))
#define GORI_DEFER_CALL(id, text, func, args)                                                                \
	GORI_DEFER_RECORD(id, text);                                                                         \
	do {                                                                                                 \
		GORI_ASSERT_VOID("defer", func, args);                                                       \
		GORI_CAPTURE(id, gori_defer_stub, &GORI_CAT(gori_site_, id), &GORI_CAT(gori_defer_, id), func, \
			     args);                                                                          \
	} while (0)

#else

#define GORI_DEFER_0(id, func) GORI_DEFER_CALL(id, #func, +(func))
#define GORI_DEFER_1(id, func, ...) GORI_DEFER_CALL(id, #func, +(func), __VA_ARGS__)
#define GORI_DEFER_CALL(id, text, ...)                                                                       \
	GORI_DEFER_RECORD(id, text);                                                                         \
	gori_defer(&GORI_CAT(gori_site_, id), &GORI_CAT(gori_defer_, id), __VA_ARGS__)

#endif

/*
 * gor_any recover(void): ends the panic that is going on.  Returns its value; and once the caller has
 * returned, the function that deferred it makes the other calls that it has deferred and returns to its own
 * caller, as if by a return statement.  Variables of the functions that are left are gone as after any
 * return; none needs to be volatile.
 *
 * The function then returns zero (a pointer NULL, a long double NaN, a struct of more than 16 bytes whatever
 * was there).  But a compiler that sees a function whose return statements all return the same constant may
 * have replaced its result by that in its callers: clang does, and gcc from 14 on may.  Write GOR_RECOVERS
 * before such a function, or report through a pointer:
 *
 *	GOR_RECOVERS static bool try_it(void) { defer(catch_it); risky(); return true; }
 *
 * .type is NULL, and nothing happens, if no panic is going on or the caller was not called directly by defer:
 * if it was called by a deferred function, or by one deferred by such a function.  (A deferred function that
 * does nothing after calling another may be compiled so that the other takes its place: then that one counts.)
 *
 * Memory: the text of a panic("...") stays good until the goroutine has recovered eight more, or ends; keep
 * it longer with gor_string_clone.  A value given to panic_any is returned as it was given.
 * Errors: a function on the way that was compiled without unwind tables (-fno-asynchronous-unwind-tables) is
 * a fatal error.
 */
#define GORI_RECOVER()                                                                                       \
	(__extension__({                                                                                     \
		GORI_OWN_FRAME();                                                                            \
		gori_recover(__builtin_frame_address(0));                                                    \
	}))

#ifndef GOR_NO_KEYWORDS
#define defer(...) GORI_DEFER(__VA_ARGS__)
#define recover() GORI_RECOVER()
#endif

#endif
