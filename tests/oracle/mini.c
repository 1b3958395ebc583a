/* SPDX-License-Identifier: MIT */
/*
 * What: the program that every check compares with gdb: a few stops (raise(SIGSTOP)) under calls whose arguments are
 * of many kinds, in registers, on the stack, in pieces, changed, dead, inlined.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

struct pair {
	long a, b;
};

struct mixed {
	double d;
	int i;
};

struct big {
	long v[5];
	char name[8];
};

struct bits {
	unsigned low : 3, mid : 13;
	int high : 16;
	unsigned char tail;
};

union word {
	unsigned long u;
	double d;
	char text[8];
};

enum colour { RED = 1, GREEN = 2, BLUE = 4 };

volatile int sink;
static volatile unsigned seed = 12345;

static NOINLINE unsigned any(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

static NOINLINE void stop(int where)
{
	raise(SIGSTOP);
	sink += where;
}

static NOINLINE int leaf(int a, unsigned char b, short c, long d, bool e, enum colour f, char g,
			 const char *h)
{
	stop(a);
	return sink + a + b + c + (int)d + e + (int)f + g + h[0];
}

/* Its parameters are dead when it stops: at -O2 there is nothing left but what the caller knows. */
static NOINLINE int dead(int a, const char *text, long c)
{
	sink += a + (int)strlen(text) + (int)c;
	stop(2);
	return sink;
}

static NOINLINE int changed(unsigned n, long sum)
{
	while (n > 3) {
		sum += n;
		n /= 2;
	}
	stop(3);
	return sink + (int)n + (int)sum;
}

static NOINLINE long structs(struct pair p, struct mixed m, struct big b, struct bits f, union word w)
{
	stop(4);
	return sink + p.a + p.b + (long)m.d + m.i + b.v[4] + f.low + f.high + (long)w.u;
}

static NOINLINE double floats(float a, double b, long double c, int d, float e)
{
	stop(5);
	return sink + (double)a + b + (double)c + d + (double)e;
}

static NOINLINE int many(int a, int b, int c, int d, int e, int f, int g, long h, char i, short j, int k)
{
	stop(6);
	return sink + a + b + c + d + e + f + g + (int)h + i + j + k;
}

__attribute__((always_inline)) static inline int folded(int x, const char *s, struct pair *p)
{
	int r = leaf(x + 1, (unsigned char)s[0], -3, p->a, true, GREEN, s[1], s);

	return r + x;
}

static NOINLINE int compare(const void *a, const void *b)
{
	static int n;

	if (n++ == 5)
		stop(7);
	return *(const int *)a - *(const int *)b;
}

static NOINLINE int recursive(int depth, struct pair *p)
{
	int r;

	p->a += depth;
	if (depth == 0) {
		stop(8);
		return sink;
	}
	r = recursive(depth - 1, p);
	return r + depth;
}

static NOINLINE int through(int (*fn)(int, const char *, long), int a, const char *s)
{
	return fn(a * 2, s + 1, 7L * a) + 1;
}

static NOINLINE int outer(int argc, char **argv, struct pair p)
{
	int items[] = {5, 3, 9, 1, 7, 2, 8}, r = 0;
	struct big b = {{1, 2, 3, 4, argc}, "big"};
	struct bits f = {5, 4000, -7, 200};
	union word w = {0x4142434445464748};

	r += folded(argc + 41, argv[0] ? "folded" : "", &p);
	r += through(dead, argc + 10, "through");
	r += changed(100 + any(50), p.b);
	r += (int)structs(p, (struct mixed){2.5 * argc, 6}, b, f, w);
	r += (int)floats(1.5f, -2.25 * argc, 3.125L, 4, (float)argc);
	r += many(argc, 2, -3, 4, argc + 5, 6, 7, -8, 'i', 10, 11);
	qsort(items, 7, sizeof items[0], compare);
	r += recursive(4, &p);
	return r + items[0];
}

/* Stopped wherever it is: its registers are what they are. */
static NOINLINE void spin(long n, struct pair *p, double scale)
{
	while (n) {
		sink += (int)n;
		p->a += (long)scale;
		__asm__ volatile("" : "+r"(n) : "r"(p), "x"(scale));
	}
}

static void *thread(void *arg)
{
	spin(77, arg, 1.5);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct pair mine;
	struct pair p = {11 * argc, -22};
	pthread_t id;

	pthread_create(&id, NULL, thread, &mine);
	printf("%d\n", outer(argc, argv, p));
	return 0;
}
