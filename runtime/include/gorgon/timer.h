/* SPDX-License-Identifier: MIT */
#ifndef GORGON_TIMER_H
#define GORGON_TIMER_H
/*
 * What: timers and tickers that send the time on a channel, and functions called later.
 *
 * How: the channel of a timer has room for one time and nobody waits for a reader: a time that finds the
 * channel full is dropped.  Times are CLOCK_MONOTONIC nanoseconds, as gor_now counts.
 *
 * Semantics: Go's package time (Timer, Ticker, After, AfterFunc) as of Go 1.23: once stop or reset has
 * returned, no time from before can be received any more.
 *
 * Blocking: nothing here blocks.  Errors: panics with "out of memory" when there is none, and as each
 * function says.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gorgon/base.h>
#include <gorgon/chan.h>
#include <gorgon/defer.h>

GOR_BEGIN_DECLS

typedef struct gor_timer gor_timer;
typedef struct gor_ticker gor_ticker;

/* A channel on which the time comes once, `ns` from now.  It may be given back with chan_free at any
 * moment, which also drops the timer. */
GOR_API GORI_CHAN_TYPE(int64_t) gor_after(int64_t ns);

/* A timer that fires once, `ns` from now.  The caller gives it back with gor_timer_free. */
GOR_API gor_timer *gor_timer_new(int64_t ns);
/* Its channel, which lives as long as the timer; NULL for one of gor_after_func. */
GOR_API GORI_CHAN_TYPE(int64_t) gor_timer_chan(gor_timer *t);
/* Keeps it from firing; false if it has fired and its time was received, or was stopped already.  A function
 * that has been started goes on. */
GOR_API bool gor_timer_stop(gor_timer *t);
/* Lets it fire (again) `ns` from now; the result is that of stop. */
GOR_API bool gor_timer_reset(gor_timer *t, int64_t ns);
/* Stops it and gives it back, with its channel; NULL is ignored.  Panics if goroutines wait on the channel. */
GOR_API void gor_timer_free(gor_timer *t);

/* A ticker sends the time every `ns`; a slow reader misses ticks.  Panics: "non-positive interval for
 * NewTicker".  The caller gives it back with gor_ticker_free. */
GOR_API gor_ticker *gor_ticker_new(int64_t ns);
GOR_API GORI_CHAN_TYPE(int64_t) gor_ticker_chan(gor_ticker *t);
/* No more ticks; the channel is not closed, so that nobody takes that for a tick. */
GOR_API void gor_ticker_stop(gor_ticker *t);
/* A new period, which starts now.  Panics: "non-positive interval for Ticker.Reset". */
GOR_API void gor_ticker_reset(gor_ticker *t, int64_t ns);
GOR_API void gor_ticker_free(gor_ticker *t);

/* The function under gor_after_func; takes the struct gor_defer that the macro has captured the call in. */
GOR_API gor_timer *gor_after_captured(int64_t ns, void *record);

GOR_END_DECLS

/*
 * gor_timer *gor_after_func(int64_t ns, fn, args...): calls fn(args...) in a new goroutine, `ns` from now.
 * What <gorgon/go.h> says of fn and the arguments holds here: they are evaluated, checked and copied now.
 * gor_timer_stop keeps the function from being called, if it returns true; gor_timer_reset has it called
 * (again) with the same arguments.  The caller gives the timer back with gor_timer_free, at any time: a
 * function that was started goes on.  A macro; NULL for fn panics.  As time.AfterFunc.
 */
#define gor_after_func(ns, ...)                                                                              \
	GORI_CAT(GORI_AFTER_FUNC_, GORI_ARITY(__VA_ARGS__))(__COUNTER__, ns, __VA_ARGS__)

/* The call is captured as by defer, and taken out of the record before anything else can see it there. */
#define GORI_AFTER_FUNC_BEGIN(id, ns, text)                                                                  \
	int64_t GORI_CAT(gori_ns_, id) = (ns);                                                               \
	struct gor_defer GORI_CAT(gori_defer_, id);                                                          \
	static struct gor_site GORI_CAT(gori_site_, id) = GORI_SITE(text, 0);                                \
	GORI_CAT(gori_defer_, id).check = 0;                                                                 \
	GORI_CAT(gori_defer_, id).frame = __builtin_frame_address(0)
#define GORI_AFTER_FUNC_END(id) gor_after_captured(GORI_CAT(gori_ns_, id), &GORI_CAT(gori_defer_, id))

#ifndef __cplusplus

#define GORI_AFTER_FUNC_0(id, ns, func) GORI_AFTER_FUNC_CALL(id, ns, #func, func, ())
#define GORI_AFTER_FUNC_1(id, ns, func, ...) GORI_AFTER_FUNC_CALL(id, ns, #func, func, (__VA_ARGS__))
#define GORI_AFTER_FUNC_CALL(id, ns, text, func, args)                                                       \
	(__extension__({                                                                                     \
		GORI_ASSERT_VOID("gor_after_func", func, args);                                              \
		GORI_AFTER_FUNC_BEGIN(id, ns, text);                                                         \
		do {                                                                                         \
			GORI_CAPTURE(id, gori_defer_stub, &GORI_CAT(gori_site_, id),                         \
				     &GORI_CAT(gori_defer_, id), func, args);                                \
		} while (0);                                                                                 \
		GORI_AFTER_FUNC_END(id);                                                                     \
	}))

#else

#define GORI_AFTER_FUNC_0(id, ns, func) GORI_AFTER_FUNC_CALL(id, ns, #func, +(func))
#define GORI_AFTER_FUNC_1(id, ns, func, ...) GORI_AFTER_FUNC_CALL(id, ns, #func, +(func), __VA_ARGS__)
#define GORI_AFTER_FUNC_CALL(id, ns, text, ...)                                                              \
	(__extension__({                                                                                     \
		GORI_AFTER_FUNC_BEGIN(id, ns, text);                                                         \
		gori_defer(&GORI_CAT(gori_site_, id), &GORI_CAT(gori_defer_, id), __VA_ARGS__);              \
		GORI_AFTER_FUNC_END(id);                                                                     \
	}))

#endif

#endif
