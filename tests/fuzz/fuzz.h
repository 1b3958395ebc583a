/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_H
#define FUZZ_H
/*
 * What: what fuzzers share.
 *
 * How: a fuzzer is LLVMFuzzerTestOneInput and nothing else.  `make fuzz` links it with clang's libFuzzer, which
 * looks for inputs that reach new code; `make check` links it with fuzz.c, which runs the corpus and a fixed
 * number of mutated inputs, the same ones every time, with any compiler.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that are likely to mean something in the middle of an input; defined by the fuzzer. */
extern const uint8_t fuzz_words[];
extern const size_t fuzz_nwords;

/* How many changed inputs a run tries if it is not told: a second or two. */
extern const unsigned long fuzz_runs;

/* What must be true of every input. */
#define MUST(x)                                                                                              \
	do {                                                                                                 \
		if (!(x)) {                                                                                  \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* Takes inputs apart: zeros when there is nothing left. */
struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++) {
		v |= in->n ? (uint64_t)in->p[0] << (8 * i) : 0;
		in->p += in->n > 0;
		in->n -= in->n > 0;
	}
	return v;
}

#endif
