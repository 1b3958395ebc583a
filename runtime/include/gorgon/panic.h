/* SPDX-License-Identifier: MIT */
#ifndef GORGON_PANIC_H
#define GORGON_PANIC_H
/*
 * What: panic, and the other ways to end: a fatal error, the end of a goroutine.
 *
 * A panic calls what the goroutine has deferred, innermost first.  If one of the functions called recovers
 * (<gorgon/defer.h>), the goroutine goes on; otherwise the message and all goroutines are printed to stderr,
 * this one first, and the process exits with status 2.  GOTRACEBACK=none, single, all (the default), system
 * or crash says how much is printed; crash ends in SIGABRT.
 *
 * The runtime's own panics have values of the type gor_type_runtime_error: "send on closed channel", or with
 * the prefix "runtime error: " the text of an invalid memory address, a division by zero, an index out of
 * range.  gor_any_string gives the text.
 *
 * Semantics: Go specification, "Handling panics", "Run-time panics"; messages are Go's.
 */
#include <gorgon/any.h>
#include <gorgon/base.h>

GOR_BEGIN_DECLS

/* The type of the values of the runtime's own panics; its data is a gor_string with the whole text. */
GOR_API extern const gor_type gor_type_runtime_error;

/*
 * Panics with a gor_string, formatted as printf does.  NULL is Go's panic(nil): a runtime error that says so.
 * The text belongs to the panic; see recover() about how long it lives.  Never blocks by itself.
 */
GOR_NORETURN GOR_API void gor_panic(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2), __cold__));

/* Panics with any value.  A heap block of the value stays the caller's; nil is a runtime error that says so. */
GOR_NORETURN GOR_API void gor_panic_any(gor_any value) __attribute__((__cold__));

/*
 * Prints "fatal error: MSG" and all goroutines, and exits with status 2.  Deferred functions are not called,
 * and nobody can recover.
 */
GOR_NORETURN GOR_API void gor_fatal(const char *msg) __attribute__((__cold__));

/*
 * Ends the calling goroutine after calling what it has deferred; other goroutines go on.  recover() returns
 * nil in these calls; a panic in one of them that another recovers does not keep the goroutine from ending.
 * In C++ destructors of the frames that are left run after that.  In main it ends goroutine 1 only: when all
 * others have ended, that is a fatal error, "no goroutines (main called runtime.Goexit) - deadlock!".  As
 * runtime.Goexit.
 */
GOR_NORETURN GOR_API void gor_goexit(void) __attribute__((__cold__));

GOR_END_DECLS

#define GORI_PANIC(...) gor_panic(__VA_ARGS__)
#define GORI_PANIC_ANY(v) gor_panic_any(v)

#ifndef GOR_NO_KEYWORDS
#define panic(...) GORI_PANIC(__VA_ARGS__)
#define panic_any(v) GORI_PANIC_ANY(v)
#endif

#endif
