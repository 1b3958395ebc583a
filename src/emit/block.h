/* SPDX-License-Identifier: MIT */
#ifndef EMIT_BLOCK_H
#define EMIT_BLOCK_H
/*
 * What: what a block of a dump is made of.  Private to emit/; frame.c has the lines of stacks, crowd.c the stack of a
 * group, text.c the rest.
 */
#include "emit/style.h"

#define COLOR_DIM "\033[2m"
#define COLOR_BOLD "\033[1m"
#define COLOR_RED "\033[1;31m"
#define COLOR_YELLOW "\033[1;33m"
#define COLOR_OFF "\033[0m"

/* color, or nothing where colours are not wanted. */
const char *paint(const struct sink *s, const char *color);

/* Whether it is shown: not if it has ended, is the runtime's own, or was not asked for. */
bool shows_goroutine(const struct goroutine *g, const struct emit_options *o);
bool shows_thread(const struct world *w, const struct thread *t, const struct emit_options *o);

/* Whether frames of the runtime are left out: unless they are asked for, or are all there is. */
bool hides_runtime(const struct stack *st, const struct emit_options *o);

/* Why frames are missing at the outer end, or all of them. */
void put_stack_end(const struct stack *st, bool is_goroutine, const struct emit_options *o, struct sink *s);

/* FILE:LINE as the style has it. */
void put_file(const char *file, int line, const struct emit_options *o, struct sink *s);

/* Two lines.  sp: the stack pointer in the frame, 0 if it is not known. */
void put_frame(const struct world *w, const struct frame *f, uint64_t sp, const struct emit_options *o,
	       struct sink *s);

/* All frames, and a line for each gap. */
void put_stack(const struct world *w, const struct stack *st, bool is_goroutine, const struct emit_options *o,
	       struct sink *s);

/* The stack of the first member, without the arguments in which the others differ.  Memory of the world. */
struct stack crowd_stack(struct world *w, const struct group *gr);

#endif
