/* SPDX-License-Identifier: MIT */
/*
 * Pointers: to text, to nothing, to functions, to what is incomplete, to pointers; arrays as C passes them.
 */
#include "victim.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct node {
	int id;
	struct node *next;
};
struct opaque;
typedef int (*order_fn)(const void *, const void *);

static int global_table[4] = {1, 2, 3, 4};
static struct node last = {2, NULL};

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* expect: texts(a="plain", b="", c=NULL, d="tab\there \"quoted\" \\ \x01") */
static NOINLINE void texts(const char *a, char *b, const char *c, const char *d)
{
	hold();
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
}

/* A terminal must not be touched by what a program has in its memory. */
/* expect: escapes(a="\x1b[31mred...", b="<gr\xc3\xbcn|grün>") */
static NOINLINE void escapes(const char *a, const char *b)
{
	hold();
	KEEP(a);
	KEEP(b);
}

/* expect: long_text(a="0123456789012345678901234567890123456789012345678901234567890123"...) */
static NOINLINE void long_text(const char *a)
{
	hold();
	KEEP(a);
}

/* Text that runs into memory that is not there, and pointers to nothing. */
/* expect: wild(a="edge"..., b=0x7*..., c=0xdeadbeef...) */
static NOINLINE void wild(const char *a, const char *b, struct node *c)
{
	hold();
	KEEP(a);
	KEEP(b);
	KEEP(c);
}

/* expect: functions(f=&by_value, g=NULL, h=0x* -> &by_value) */
static NOINLINE void functions(order_fn f, void (*g)(int), int (**h)(const void *, const void *))
{
	hold();
	KEEP(f);
	KEEP(g);
	KEEP(h);
}

/* expect: structs(n=0x*... -> struct node{id: 1, next: &last}, o=0x*..., v=0x*...) */
static NOINLINE void structs(struct node *n, struct opaque *o, void *v)
{
	hold();
	KEEP(n);
	KEEP(o);
	KEEP(v);
}

/* expect: levels(argv=0x*... -> "a", p=0x*... -> 0x*..., table=&global_table -> 1) */
static NOINLINE void levels(char **argv, int ***p, int *table)
{
	hold();
	KEEP(argv);
	KEEP(p);
	KEEP(table);
}

/* expect: arrays(a=0x*... -> 1, m=0x*... -> [3]double{1, 0, 0}, v=0x*... -> 7) */
static NOINLINE void arrays(int a[4], double m[2][3], const short v[static 2])
{
	hold();
	KEEP(a);
	KEEP(m);
	KEEP(v);
}

/* expect: qualified(p=0x*... -> 3, q=0x*... -> 3, s="restrict", x=5) */
static NOINLINE void qualified(const volatile int *p, int *const q, const char *restrict s, const int x)
{
	hold();
	KEEP(p);
	KEEP(q);
	KEEP(s);
	KEEP(x);
}

static void run_texts(void)
{
	char empty[1] = "";

	texts("plain", empty, NULL, "tab\there \"quoted\" \\ \x01");
}

static void run_escapes(void)
{
	escapes("\x1b[31mred", "gr\xc3\xbcn");
}

static void run_long(void)
{
	char text[501];

	for (int i = 0; i < 500; i++)
		text[i] = (char)('0' + i % 10);
	text[500] = 0;
	long_text(text);
}

static void run_wild(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(pages + 4096, 4096, PROT_NONE);
	for (int i = 0; i < 4; i++)
		pages[4092 + i] = "edge"[i];
	wild(pages + 4092, pages + 4096, (struct node *)0xdeadbeef);
}

static void run_functions(void)
{
	order_fn f = by_value;

	functions(f, NULL, &f);
}

static void run_structs(void)
{
	struct node n = {1, &last};

	structs(&n, (struct opaque *)&n, &n);
}

static void run_levels(void)
{
	char *argv[] = {"a", "b", NULL};
	int *p = &global_table[0], **pp = &p;

	levels(argv, &pp, global_table);
}

static void run_arrays(void)
{
	int a[4] = {1, 2, 3, 4};
	double m[2][3] = {{1}};
	short v[2] = {7, 8};

	arrays(a, m, v);
}

static void run_qualified(void)
{
	int i = 3;

	qualified(&i, &i, "restrict", number(5));
}

int main(void)
{
	victim_begin();
	go(run_texts);
	go(run_escapes);
	go(run_long);
	go(run_wild);
	go(run_functions);
	go(run_structs);
	go(run_levels);
	go(run_arrays);
	go(run_qualified);
	victim_end();
}
