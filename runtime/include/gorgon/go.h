/* SPDX-License-Identifier: MIT */
#ifndef GORGON_GO_H
#define GORGON_GO_H
/*
 * What: go(fn, args...): calls fn(args...) in a new goroutine and returns at once.  A statement.
 *
 *	go(worker, jobs, 3);
 *
 * fn is any expression for a function or a pointer to one that returns void; in C++ also a lambda without
 * captures (in parentheses if it has commas outside of others).  fn and the arguments are evaluated here,
 * once, checked and converted against fn's prototype, and copied; what a pointer points to is not.  In C++
 * parameters are of trivially copyable types and no references.  More than GOR_CALL_STACK_MAX bytes of
 * arguments on the stack are an error: of the compiler in C++, a panic in C ("too many bytes of arguments").
 *
 * The goroutine ends when fn returns, or calls gor_goexit.  What the creator did before go happens before
 * what fn does (Go memory model, "Goroutine creation").
 *
 * Memory: the copy of the arguments belongs to the goroutine.
 * Blocking: none.  Errors: fn NULL is a fatal error, and so is a lack of memory for a stack.
 * Semantics: Go specification, "Go statements".
 */
#include <gorgon/call.h>

#define GORI_GO(...) GORI_CAT(GORI_GO_, GORI_ARITY(__VA_ARGS__))(__COUNTER__, __VA_ARGS__)

#ifndef __cplusplus

#define GORI_GO_0(id, func) GORI_GO_CALL(id, #func, func, ())
#define GORI_GO_1(id, func, ...) GORI_GO_CALL(id, #func, func, (__VA_ARGS__))
#define GORI_GO_CALL(id, text, func, args)                                                                   \
	do {                                                                                                 \
		GORI_ASSERT_VOID("go", func, args);                                                          \
		static struct gor_site GORI_CAT(gori_site_, id) = GORI_SITE(text, 0);                        \
		GORI_CAPTURE(id, gori_go_stub, &GORI_CAT(gori_site_, id), NULL, func, args);                 \
	} while (0)

#else

#define GORI_GO_0(id, func) GORI_GO_CALL(id, #func, +(func))
#define GORI_GO_1(id, func, ...) GORI_GO_CALL(id, #func, +(func), __VA_ARGS__)
#define GORI_GO_CALL(id, text, ...)                                                                          \
	do {                                                                                                 \
		static struct gor_site GORI_CAT(gori_site_, id) = GORI_SITE(text, 0);                        \
		gori_go(&GORI_CAT(gori_site_, id), __VA_ARGS__);                                             \
	} while (0)

#endif

#ifndef GOR_NO_KEYWORDS
#define go(...) GORI_GO(__VA_ARGS__)
#endif

#endif
