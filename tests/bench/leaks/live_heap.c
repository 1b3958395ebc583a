/* SPDX-License-Identifier: MIT */
/*
 * live_heap GOROUTINES MIB BLOCK ORDER LOST: a program for the leak detector to look at.  It has so many goroutines, each
 * waiting for a channel of its own; a heap of so many MiB in blocks of BLOCK bytes, all reachable; and LOST more
 * goroutines whose channels nobody knows.
 *
 *	ORDER  inorder	lists, in the order in which the blocks were allocated
 *	       shuffled	one tree over all blocks, in random order: a block is near none that leads to it
 *	       chain	the goroutines' channels are known only by the next goroutine each
 *
 * It says "ready" when all of that is there, together with how fast the processor reads the heap, and waits for the end of
 * its input.
 */
#include <gorgon.h>

#include <unistd.h>

#include "../bench.h"

struct node {
	struct node *left, *right;
};

static struct node **nodes;
static size_t nnodes;
static chan(int) volatile *channels;
static long goroutines;

static void wait_one(chan(int) c)
{
	chan_recv(c, NULL);
}

static void wait_link(chan(int) own, chan(int) next)
{
	chan_recv(own, NULL);
	chan_send(next, 1);
}

static __attribute__((noinline)) void make_goroutines(bool in_chain)
{
	chan(int) last = chan_make(int, 0);

	channels = calloc((size_t)goroutines + 1, sizeof(*channels));
	for (long i = 0; i < goroutines; i++) {
		chan(int) c = chan_make(int, 0);
		if (in_chain) {
			go(wait_link, c, last);
			last = c;
		} else {
			go(wait_one, c);
			channels[i] = c;
		}
	}
	channels[goroutines] = last;
}

static __attribute__((noinline)) void make_lost(long n)
{
	for (long i = 0; i < n; i++)
		go(wait_one, chan_make(int, 0));
}

static void shuffle(void)
{
	uint64_t x = 88172645463325252u;

	for (size_t i = nnodes - 1; i > 0; i--) {
		struct node *n = nodes[i];
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		nodes[i] = nodes[x % (i + 1)];
		nodes[x % (i + 1)] = n;
	}
}

static __attribute__((noinline)) struct node *make_heap(size_t bytes, size_t block, bool shuffled)
{
	struct node *root;

	nnodes = bytes / ((block + 8 + 15) & ~(size_t)15);
	nodes = malloc((nnodes + 1) * sizeof(*nodes));
	for (size_t i = 0; i < nnodes; i++)
		nodes[i] = memset(malloc(block), 0, block);
	if (shuffled)
		shuffle();
	for (size_t i = 0; i < nnodes; i++) {
		nodes[i]->left = shuffled ? (2 * i + 1 < nnodes ? nodes[2 * i + 1] : NULL)
					  : (i + 1 < nnodes && (i + 1) % 1024 ? nodes[i + 1] : NULL);
		nodes[i]->right = shuffled && 2 * i + 2 < nnodes ? nodes[2 * i + 2] : NULL;
	}
	root = malloc(sizeof(*root) * (nnodes / 1024 + 2));
	for (size_t i = 0; i <= nnodes / 1024; i++)
		root[i].left = shuffled ? nodes[0] : nodes[i * 1024 < nnodes ? i * 1024 : 0];
	free(nodes);
	return root;
}

static struct node *volatile kept;

/* Seconds to add up as many bytes, which lie in a row. */
static double plain_read(size_t bytes)
{
	uint64_t *p = malloc(bytes), sum = 0, start;

	memset(p, 1, bytes);
	start = bench_now();
	for (size_t i = 0; i < bytes / 8; i += 4)
		sum += p[i] + p[i + 1] + p[i + 2] + p[i + 3];
	start = bench_now() - start;
	__asm__ volatile("" : : "r"(sum));
	free(p);
	return (double)start / 1e9;
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) << 20 : 0;
	size_t block = argc > 3 ? strtoul(argv[3], NULL, 10) : 48;
	const char *order = argc > 4 ? argv[4] : "inorder";
	long lost = argc > 5 ? atol(argv[5]) : 0;
	char byte;

	goroutines = bench_arg(argc, argv, 1000);
	make_goroutines(strcmp(order, "chain") == 0);
	if (bytes)
		kept = make_heap(bytes, block, strcmp(order, "shuffled") == 0);
	make_lost(lost);
	gor_settle(60 * GOR_SECOND);
	printf("ready, plain read of %zu MiB: %.1f ms\n", bytes >> 20, bytes ? plain_read(bytes) * 1e3 : 0);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
