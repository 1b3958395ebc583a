/* SPDX-License-Identifier: MIT */
/*
 * What: the subject of mini-test that has nothing but structs and unions passed by value, of many shapes.
 *
 * How: each shape goes through functions that do not use it any more when they stop (dead), all of it (live), its
 * first member only (half), and that pass it on (through); each of them is called with constants, with what the caller
 * needs again, and with what nobody has but the callee.  Each case stops in a thread of its own, so that one look
 * has all of them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

volatile int sink;
static volatile long seed = 12345;

static NOINLINE long any(void)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) & 0xffff;
}

static __thread int turn; /* the stop at which this thread stays */
static atomic_int stopped;

static NOINLINE void stop(void)
{
	sink++;
	if (--turn > 0)
		return;
	stopped++;
	for (;;)
		pause();
}

struct one {
	int a;
};
struct ints {
	int a, b;
};
struct three {
	int a, b, c;
};
struct bytes {
	char a, b, c, d[4];
};
struct pair {
	long a, b;
};
struct text {
	const char *a;
	unsigned long b;
};
struct slice {
	const int *a;
	unsigned long b, c;
};
struct floats {
	float a, b;
};
struct doubles {
	double a, b;
};
struct mixed {
	double a;
	int b;
};
struct turned {
	int a;
	double b;
};
struct bits {
	unsigned a : 3, b : 13;
	int c : 16;
	unsigned char d;
};
struct inner {
	struct ints a;
	short b, c;
};
struct flagged {
	long a;
	bool b;
};
struct big {
	long a, b[4];
};
union word {
	long a;
	double d;
	char text[8];
};
struct call {
	long (*a)(void);
	int b;
};

static const int numbers[] = {1, 2, 3};

/* For a shape: an expression of all its members, of the first, and how one is made of three numbers. */
#define SHAPE(T, NAME, ALL, FIRST, ...)                                                                      \
	static NOINLINE long NAME##_dead(T s)                                                                \
	{                                                                                                    \
		sink += (int)(ALL);                                                                          \
		stop();                                                                                      \
		return sink;                                                                                 \
	}                                                                                                    \
	static NOINLINE long NAME##_live(T s)                                                                \
	{                                                                                                    \
		stop();                                                                                      \
		return sink + (long)(ALL);                                                                   \
	}                                                                                                    \
	static NOINLINE long NAME##_half(T s, int n)                                                         \
	{                                                                                                    \
		sink += (int)(ALL);                                                                          \
		stop();                                                                                      \
		return sink + n + (long)(FIRST);                                                             \
	}                                                                                                    \
	static NOINLINE long NAME##_through(int n, T s)                                                      \
	{                                                                                                    \
		return NAME##_dead(s) + n;                                                                   \
	}                                                                                                    \
	static NOINLINE long NAME##_calls(long x, long y, long z)                                            \
	{                                                                                                    \
		T constant, kept, given;                                                                     \
		long r;                                                                                      \
                                                                                                             \
		{                                                                                            \
			const long p = 7, q = 8, t = 9;                                                      \
			constant = (T)__VA_ARGS__;                                                           \
			r = NAME##_dead(constant) + NAME##_half(constant, 5) + p + q + t;                    \
		}                                                                                            \
		{                                                                                            \
			const long p = x, q = y, t = z;                                                      \
			kept = (T)__VA_ARGS__;                                                               \
			r += NAME##_dead(kept) + NAME##_live(kept) + NAME##_half(kept, 3) +                  \
			     NAME##_through(2, kept) + p + q + t;                                            \
		}                                                                                            \
		{                                                                                            \
			const long p = any(), q = any(), t = any();                                          \
			given = (T)__VA_ARGS__;                                                              \
			r += NAME##_live(given) + (q & t & 0);                                               \
		}                                                                                            \
		return r;                                                                                    \
	}

SHAPE(struct one, one, s.a, s.a, {(int)p})
SHAPE(struct ints, ints, s.a + s.b, s.a, {(int)p, (int)q})
SHAPE(struct three, three, s.a + s.b + s.c, s.a, {(int)p, (int)q, (int)t})
SHAPE(struct bytes, bytes, s.a + s.b + s.c + s.d[3], s.a, {(char)p, (char)q, (char)t, {1, 2, 3, 4}})
SHAPE(struct pair, pair, s.a + s.b, s.a, {p, q})
SHAPE(struct text, text, s.a[0] + (long)s.b, s.a[1], {&"a text of some length"[p & 7], (unsigned long)q})
SHAPE(struct slice, slice, s.a[0] + (long)s.b + (long)s.c, s.a[0],
      {&numbers[p & 1], (unsigned long)q, (unsigned long)t})
SHAPE(struct floats, floats, s.a + s.b, s.a, {(float)p, (float)q})
SHAPE(struct doubles, doubles, s.a + s.b, s.a, {(double)p, (double)q})
SHAPE(struct mixed, mixed, s.a + s.b, s.a, {(double)p, (int)q})
SHAPE(struct turned, turned, s.a + s.b, s.a, {(int)p, (double)q})
SHAPE(struct bits, bits, s.a + s.b + s.c + s.d, s.a, {p & 7, q & 0x1fff, (short)t, (unsigned char)t})
SHAPE(struct inner, inner, s.a.a + s.a.b + s.b + s.c, s.a.a, {{(int)p, (int)q}, (short)q, (short)t})
SHAPE(struct flagged, flagged, s.a + s.b, s.a, {p, q & 1})
SHAPE(struct big, big, s.a + s.b[3], s.a, {p, {q, t, p, q}})
SHAPE(union word, word, s.a, s.a, {p + (0 & q & t)})
SHAPE(struct call, call, s.b + (s.a == any), s.b, {p & 1 ? any : 0, (int)q})

enum { STOPS = 7 }; /* of each shape */

static long (*const calls[])(long, long, long) = {
	one_calls,   ints_calls,    three_calls,   bytes_calls, pair_calls,   text_calls,
	slice_calls, floats_calls,  doubles_calls, mixed_calls, turned_calls, bits_calls,
	inner_calls, flagged_calls, big_calls,     word_calls,  call_calls,
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static void *thread(void *arg)
{
	size_t n = (size_t)arg;

	turn = (int)(n % STOPS) + 1;
	calls[n / STOPS]((long)n + 40, (long)n + 50, (long)n + 60);
	return NULL;
}

int main(void)
{
	pthread_t id;

	for (size_t i = 0; i < (size_t)CALLS * STOPS; i++)
		if (pthread_create(&id, NULL, thread, (void *)i) != 0)
			return 1;
	while (stopped < CALLS * STOPS)
		usleep(1000);
	raise(SIGSTOP);
	return 0;
}
