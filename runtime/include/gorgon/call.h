/* SPDX-License-Identifier: MIT */
#ifndef GORGON_CALL_H
#define GORGON_CALL_H
/*
 * What: how go() and defer() freeze a call: the function and its arguments now, the call itself later.
 * Nothing here is for direct use.
 *
 * How: the macros call an assembly stub exactly as they would call the function: the stub's address is cast
 * to the function's own type, so the compiler checks, converts and places the arguments as the psABI says.
 * The stub stores the argument registers and the arguments on the stack.  Calling the function later with
 * the same registers and the same stack words is calling it with the same arguments, and a dump can decode
 * them like those of any other frame.
 *
 * What belongs to the call (struct gori_request) reaches the stub
 *	in C    through the static chain register, r10, with a builtin that gcc and clang have;
 *	in C++  through a thread-local, set right before the call: g++ has no such builtin.
 *
 * How many bytes of arguments are on the stack
 *	in C++  is computed from the parameters' types, and too many are an error at compile time;
 *	in C    is measured, because a macro cannot take a list of arguments apart in which a compound literal
 *	        may have commas.  The request is put into a variable-length array, so it is the lowest object
 *	        of the frame: between it and the stack pointer at the call there are only the arguments.  Any
 *	        other object would be a correct bound too, but not a tight one.  The site keeps the largest
 *	        number seen.
 *
 * Rejected: calling the function by name on the new stack, as libmill does (evaluates the arguments on one
 * stack out of the frame of another, which may be gone); packing arguments with _Generic (needs a case for
 * each type, and clang's callees assume extended shorts).
 *
 * Limits: clang 14 does not align an argument that needs more than 16 bytes of alignment in a function with a
 * variable-length array, and with -mavx its own code may fault there: pass such structs by pointer.  A vector
 * parameter wider than 16 bytes (__m256) is refused in C++ and must not be used in C: only xmm registers are
 * kept.  At most GOR_CALL_STACK_MAX bytes of arguments may be on the stack, and 60 commas
 * in the list; beyond that pass a pointer.
 */
#include <stddef.h>
#include <stdint.h>

#include <gorgon/base.h>
#include <gorgon/site.h>

/* Bytes of arguments that may be on the stack: those that the psABI does not pass in registers. */
#define GOR_CALL_STACK_MAX 1024

GOR_BEGIN_DECLS

/* What a stub has to know beside the arguments; begins as struct gor_call_req of the runtime. */
struct gori_request {
	void (*fn)(void);
	const struct gor_site *site;
	void *arg; /* defer: its record; go: NULL */
};

/* Addresses of the stubs: in variables, because gcc refuses to call a cast function. */
GOR_API extern void (*const gori_go_stub)(void);
GOR_API extern void (*const gori_defer_stub)(void);

#if defined(__clang__)
/* Never called; LLVM inlines no function in which such a call stands. */
GOR_API void gori_own_frame(void) __attribute__((__returns_twice__));
#endif

GOR_END_DECLS

/*
 * Keeps the function in which it stands from being inlined, at the cost of a branch that is never taken:
 * its frame must be its own if "the deferring function returns" and "called by a deferred function" are to
 * mean something.  gcc never inlines a function that uses __builtin_return, and says so for one that is
 * always_inline.  Rejected: returns_twice with gcc too (-Wclobbered on the user's variables); the address of
 * a label in a static variable (breaks inline functions of C++).
 */
#if defined(__clang__)
#define GORI_OWN_FRAME() (GOR_UNLIKELY(!gori_defer_stub) ? gori_own_frame() : (void)0)
#else
#define GORI_OWN_FRAME()                                                                                     \
	(GOR_UNLIKELY(!gori_defer_stub) ? __builtin_return(__builtin_frame_address(0)) : (void)0)
#endif

/*
 * The same, and a way out that the compiler sees: a function that recovers returns though it may end in an
 * endless loop or a panic, and its callers must not be compiled as if it did not.  For gcc __builtin_return is
 * one.  clang gets a return without a value, which it accepts in all functions, but not in those of C++
 * whose type is deduced: there lambdas go without.
 */
#if !defined(__clang__)
#define GORI_WAY_OUT() GORI_OWN_FRAME()
#else
#if __has_warning("-Wreturn-mismatch")
#define GORI_ALLOW_RETURN                                                                                    \
	_Pragma("clang diagnostic ignored \"-Wreturn-type\"")                                                \
	_Pragma("clang diagnostic ignored \"-Wreturn-mismatch\"")
#else
#define GORI_ALLOW_RETURN _Pragma("clang diagnostic ignored \"-Wreturn-type\"")
#endif
#ifdef __cplusplus
#define GORI_UNLESS_LAMBDA                                                                                   \
	if constexpr (__builtin_strcmp(__func__, "operator()") != 0)
#else
#define GORI_UNLESS_LAMBDA
#endif
#define GORI_WAY_OUT()                                                                                       \
	do {                                                                                                 \
		_Pragma("clang diagnostic push") GORI_ALLOW_RETURN                                           \
		if (GOR_UNLIKELY(!gori_defer_stub)) {                                                        \
			gori_own_frame();                                                                    \
			GORI_UNLESS_LAMBDA return;                                                           \
		}                                                                                            \
		_Pragma("clang diagnostic pop")                                                              \
	} while (0)
#endif

#define GORI_CAT(a, b) GORI_CAT_(a, b)
#define GORI_CAT_(a, b) a##b

/* GORI_CAT(m, GORI_ARITY(fn, ...)): m0 for the function alone, m1 if there are arguments. */
#define GORI_ARITY(...)                                                                                      \
	GORI_ARITY_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,                 \
		    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,      \
		    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, )
#define GORI_ARITY_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19,    \
		    a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, a33, a34, a35, a36,     \
		    a37, a38, a39, a40, a41, a42, a43, a44, a45, a46, a47, a48, a49, a50, a51, a52, a53,     \
		    a54, a55, a56, a57, a58, a59, a60, a61, a62, n, ...)                                     \
	n

#ifndef __cplusplus

/* ---- C ---------------------------------------------------------------------------------------------- */

/* sizeof(struct gori_request) in a way that the compiler cannot see through, so that the array is lowest. */
#define GORI_REQUEST_SIZE(id)                                                                                \
	__extension__({                                                                                      \
		size_t GORI_CAT(gori_size_, id) = sizeof(struct gori_request);                               \
		__asm__("" : "+r"(GORI_CAT(gori_size_, id)));                                                \
		GORI_CAT(gori_size_, id);                                                                    \
	})

#define GORI_REQUEST_ROOM(id)                                                                                \
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wvla\"")                           \
	unsigned char GORI_CAT(gori_room_, id)[GORI_REQUEST_SIZE(id)] __attribute__((__aligned__(16)));      \
	_Pragma("GCC diagnostic pop")

/* Calls the stub as if it were fn(args).  In a block of its own: the array goes when it ends. */
#define GORI_CAPTURE(id, stub_, site_, arg_, func, args)                                                     \
	GORI_REQUEST_ROOM(id)                                                                                \
	struct gori_request *GORI_CAT(gori_req_, id) = (struct gori_request *)(void *)GORI_CAT(gori_room_, id); \
	GORI_CAT(gori_req_, id)->fn = (void (*)(void))(func);                                                \
	GORI_CAT(gori_req_, id)->site = (site_);                                                             \
	GORI_CAT(gori_req_, id)->arg = (arg_);                                                               \
	__builtin_call_with_static_chain(((__typeof__(&*(func)))(stub_)) args, GORI_CAT(gori_req_, id))

#define GORI_ASSERT_VOID(macro, func, args)                                                                  \
	_Static_assert(__builtin_types_compatible_p(__typeof__((func) args), void),                          \
		       macro ": the function must return void")

#else

/* ---- C++ -------------------------------------------------------------------------------------------- */

GOR_BEGIN_DECLS
/* Stores what the stub has to know and returns the stub.  The very next call must be that of the stub. */
GOR_API void (*gori_go_begin(void (*fn)(void), struct gor_site *site, uint32_t nstack))(void);
GOR_API void (*gori_defer_begin(void (*fn)(void), struct gor_site *site, uint32_t nstack, void *rec))(void);
GOR_END_DECLS

template <class T> struct gori_as_is {
	typedef T type;
};

#ifdef __AVX__
#define GORI_WIDE_VECTORS 1
#else
#define GORI_WIDE_VECTORS 0
#endif

/* What the capture has to know of one parameter type. */
template <class T> struct gori_param {
	static constexpr bool trivial = __is_trivially_copyable(T);
	static constexpr bool scalar = !__is_class(T) && !__is_union(T);
	/* No vector of more than 16 bytes; a struct that may be one in disguise counts where there are any. */
	static constexpr bool narrow = sizeof(T) <= 16 || (scalar ? alignof(T) <= 16 : !GORI_WIDE_VECTORS ||
							   alignof(T) < 32 || sizeof(T) != alignof(T));
	static constexpr bool in_register = scalar && sizeof(T) <= 8;
	/* With the most padding that there can be before it. */
	static constexpr size_t bytes = (sizeof(T) + 7) / 8 * 8 + (alignof(T) > 8 ? alignof(T) - 8 : 0);
	static constexpr bool aligned = alignof(T) <= 64;
};
/* References and decayed types have no size of their own. */
template <class T> struct gori_param<T &> {
	static constexpr bool trivial = false, narrow = true, in_register = true, aligned = true;
	static constexpr size_t bytes = 8;
};
template <class T> struct gori_param<T &&> : gori_param<T &> {
};

template <class R> struct gori_is_void {
	static constexpr bool value = false;
};
template <> struct gori_is_void<void> {
	static constexpr bool value = true;
};

/* Bytes of arguments on the stack, at most; 0 where all are certainly in registers. */
template <class... P> constexpr size_t gori_stack_bytes()
{
	if constexpr (sizeof...(P) <= 6 && (gori_param<P>::in_register && ... && true))
		return 0;
	else
		return (gori_param<P>::bytes + ... + 0);
}

template <class R, class... P> constexpr uint32_t gori_check_call()
{
	static_assert(gori_is_void<R>::value, "go, defer: the function must return void");
	static_assert((gori_param<P>::trivial && ... && true),
		      "go, defer: parameters must be trivially copyable and no references: pass a pointer");
	static_assert((gori_param<P>::narrow && ... && true),
		      "go, defer: vectors wider than 16 bytes are not kept: pass a pointer");
	static_assert((gori_param<P>::aligned && ... && true),
		      "go, defer: a parameter is aligned to more than 64 bytes: pass a pointer");
	static_assert(gori_stack_bytes<P...>() <= GOR_CALL_STACK_MAX,
		      "go, defer: too many bytes of arguments (GOR_CALL_STACK_MAX): pass a pointer");
	return (uint32_t)gori_stack_bytes<P...>();
}

/* The arguments are converted to the parameters' types when these templates are called, and not later. */
template <class R, class... P>
inline void gori_go(struct gor_site *site, R (*fn)(P...), typename gori_as_is<P>::type... args)
{
	constexpr uint32_t nstack = gori_check_call<R, P...>();

	reinterpret_cast<void (*)(P...)>(gori_go_begin(reinterpret_cast<void (*)(void)>(fn), site, nstack))(args...);
}

template <class R, class... P>
inline void gori_defer(struct gor_site *site, void *rec, R (*fn)(P...), typename gori_as_is<P>::type... args)
{
	constexpr uint32_t nstack = gori_check_call<R, P...>();

	reinterpret_cast<void (*)(P...)>(
		gori_defer_begin(reinterpret_cast<void (*)(void)>(fn), site, nstack, rec))(args...);
}

#endif
#endif
