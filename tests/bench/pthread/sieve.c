/* SPDX-License-Identifier: MIT */
/*
 * sieve: the chain of filters up to the 2,000th prime; seconds for the whole.
 * Threads take half a minute for it, so they only do it with BENCH_SLOW set.
 */
#include "pt.h"

struct filter {
	struct pt_chan *in;
	struct pt_chan *out;
	int prime;
};

/* Never freed: the chain is left parked when the last prime has come. */
static void *alloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		bench_fail("sieve: out of memory");
	return p;
}

static struct pt_chan *chan_new(void)
{
	struct pt_chan *c = (struct pt_chan *)alloc(sizeof(*c));

	pt_chan_init(c, 0);
	return c;
}

static void *generate(void *out)
{
	for (int i = 2;; i++)
		pt_chan_send((struct pt_chan *)out, i);
	return NULL;
}

static void *filter(void *arg)
{
	struct filter *f = (struct filter *)arg;

	for (;;) {
		int i = pt_chan_recv(f->in);

		if (i % f->prime != 0)
			pt_chan_send(f->out, i);
	}
	return NULL;
}

static uint64_t run(int n, int *ret_prime)
{
	uint64_t start = bench_now();
	struct pt_chan *in = chan_new();

	pt_spawn(generate, in);
	for (int i = 0; i < n; i++) {
		struct filter *f = (struct filter *)alloc(sizeof(*f));

		f->in = in;
		f->out = in = chan_new();
		f->prime = *ret_prime = pt_chan_recv(f->in);
		pt_spawn(filter, f);
	}
	return bench_now() - start;
}

int main(void)
{
	uint64_t elapsed;
	int prime;

	if (!getenv("BENCH_SLOW")) {
		bench_report_none("sieve", "pthread", "20 to 30 s; BENCH_SLOW=1 runs it");
		return 0;
	}
	run(BENCH_PRIMES / BENCH_WARMUP, &prime);
	elapsed = run(BENCH_PRIMES, &prime);
	if (prime != BENCH_LAST_PRIME)
		bench_fail("sieve: wrong prime");
	bench_report("sieve", "pthread", "s", (double)elapsed / 1e9, BENCH_PRIMES);
	return 0;
}
