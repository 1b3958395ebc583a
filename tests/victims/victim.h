/* SPDX-License-Identifier: MIT */
#ifndef VICTIM_H
#define VICTIM_H
/*
 * What: what the victims share.  A victim is a program whose source says what a dump of it looks like; victims-test
 * compiles it in many ways and compares.
 *
 * How: each case is a function that waits for ever in a goroutine of its own, with arguments of some kind.  When
 * all wait, victim_end panics, and the dump of all goroutines has every case (or, with VICTIM_WAIT in the
 * environment, says "ready" and waits to be read from outside).  KEEP after the wait keeps
 * an argument alive across it, so that it has to be known at every level of optimisation.
 *
 * The lines, in comments:
 *
 *	expect: LINE		some line of the dump is like this
 *	expect-O2: LINE		the same, but in place of the others of this function wherever the compiler optimises
 *	expect-O1: LINE		and in place of those where it is told to do little of that: -O1, -Og
 *	expect-words: LINE	the same with args=words
 *	expect-go: LINE		the same with args=go
 *	never: LINE		no line is like this
 *	compile: FLAGS		compiled with these too
 *	variant: FLAGS		compiled once more, with these instead of -O0 and -O2; see victims-test for its words
 *
 * In a LINE, 0x* is any hexadecimal number, ... any text, <A|B> is A or B.  Every line of the dump that
 * begins with the function of an expected line must be like one of that function's lines: a wrong value is a
 * failure even if the right one is there, too.
 */
#include <gorgon.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define KEEP(x) __asm__ volatile("" : : "r"(x))
#define KEEP_FLOAT(x) __asm__ volatile("" : : "x"(x))
/* Its address is known elsewhere, so it is in memory. */
#define KEEP_MEMORY(x) __asm__ volatile("" : : "r"(&(x)) : "memory")

static chan(char) victim_never;
static volatile int victim_sink;

/* Numbers that the compiler does not know. */
static inline __attribute__((unused)) int number(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static NOINLINE __attribute__((unused)) void hold(void)
{
	chan_recv(victim_never, NULL);
	victim_sink++;
}

static inline void victim_begin(void)
{
	victim_never = chan_make(char, 0);
}

static NOINLINE __attribute__((unused)) void victim_end(void)
{
	if (!gor_settle(20 * GOR_SECOND))
		panic("the victim is not ready");
	if (getenv("VICTIM_WAIT") && *getenv("VICTIM_WAIT")) {
		puts("ready");
		fflush(stdout);
		pause();
	}
	panic("as planned");
}

#endif
