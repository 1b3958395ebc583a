/* SPDX-License-Identifier: MIT */
/*
 * What: the file that elf_fuzz damages: small, and with a bit of everything that debug/ looks at.
 *
 * How: compiled with -O2 and without libraries, so that there are location lists, entry values, call sites, tail
 * calls, inlined functions and pieces.  It never runs.
 */
typedef struct point {
	long x, y;
} point;

enum color { RED, GREEN = 5 };

union number {
	int i;
	float f;
	char c[8];
};

struct node {
	struct node *next;
	const char *name;
	enum color color : 3;
	unsigned flags : 5;
	union number number;
	point at[2];
	int (*visit)(struct node *, void *);
};

volatile long sink;
struct node root = {0, "root", RED, 3, {.i = 7}, {{1, 2}, {3, 4}}, 0};
static __thread volatile int depth;

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

NOINLINE static long leaf(long a, int b, double c)
{
	sink += a + b;
	__asm__ volatile("" ::: "memory");
	return sink + (long)c;
}

static inline long inlined(point p, long scale)
{
	long product = p.x * scale;

	sink = product;
	return leaf(product, (int)p.y, 1.5) + product;
}

NOINLINE static long by_value(point p, char tag, float weight)
{
	long r = inlined(p, tag);

	leaf(r, tag, weight);
	return r + p.x;
}

NOINLINE static long in_memory(struct node n, long unused, long double wide)
{
	(void)unused;
	leaf(n.at[1].y, (int)n.color, (double)wide);
	return n.flags;
}

NOINLINE static long many(long a, long b, long c, long d, long e, long f, long g, short h, ...)
{
	leaf(a, (int)b, (double)c);
	leaf(g, h, (double)f);
	return d + e;
}

NOINLINE static long recursive(struct node *n, int level)
{
	point p = {level, (long)n};
	long r = by_value(p, (char)level, (float)level);

	depth = level;
	if (level > 0)
		r += recursive(n->next, level - 1);
	return r + many(1, 2, 3, 4, 5, r, 7, (short)level, 9);
}

NOINLINE static long tail(struct node *n, unsigned long count)
{
	sink = (long)count;
	return recursive(n, (int)count & 3);
}

void _start(void)
{
	long array[4] = {1, 2, 3, 4};

	for (long i = 0; i < array[sink & 3]; i++)
		sink += tail(&root, (unsigned long)i) + in_memory(root, i, 2.5L);
	if (root.visit)
		root.visit(&root, array);
}
