/* SPDX-License-Identifier: MIT */
/*
 * The values and objects of <gorgon.h> as arguments: what they are, who holds them, who waits.
 */
#include "victim.h"
#include <gorgon/sync.h>
#include <gorgon/map.h>
#include <gorgon/context.h>

GOR_SLICE_TYPE(int);
GOR_SLICE_TYPE_NAMED(text, gor_string);
GOR_MAP_TYPE(int, double);

typedef struct {
	int x, y;
} point;
GOR_TYPE_DEFINE(point);

typedef struct {
	const char *name;
	point from, to;
} line;
GOR_TYPE_DEFINE(line);

typedef enum { RED = 1, GREEN } colour;
GOR_TYPE_DEFINE(colour);

static gor_mutex held;
static gor_rwmutex rw;
static gor_waitgroup group;
static gor_sem *units;

/* expect-O2: channels(<in|in@entry>=<chan int 0x*... len 2 cap 8, made at ...values.c:...|chan int _...|_>, <out|out@entry>=<chan int 0x*... len 0 cap 0 closed, made at ...values.c:...|chan int _...|_>, <none|none@entry>=<NULL|_>) */
/* expect: channels(in=chan int 0x*... len 2 cap 8, made at ...values.c:..., out=chan int 0x*... len 0 cap 0 closed, made at ...values.c:..., none=NULL) */
static NOINLINE void channels(chan(int) in, chan(int) out, chan(int) none)
{
	hold();
	KEEP(in);
	KEEP(out);
	KEEP(none);
}

/* Go's way to name what it waits on is the header; here it is an argument as well. */
/* expect-O2: waits_on_channel(<c|c@entry>=<chan double 0x*... len 0 cap 0, made at ...values.c:...|_>) */
/* expect: waits_on_channel(c=chan double 0x*... len 0 cap 0, made at ...values.c:...) */
static NOINLINE void waits_on_channel(chan(double) c)
{
	chan_recv(c, NULL);
	KEEP(c);
}

/* expect: holds_mutex(mu=&held -> sync.Mutex{held by goroutine 2 since ...values.c:..., 1 waiting}) */
static NOINLINE void holds_mutex(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	hold();
	KEEP(mu);
}

/* expect: wants_mutex(mu=&held -> sync.Mutex{held by goroutine 2 since ...values.c:..., 1 waiting}) */
static NOINLINE void wants_mutex(gor_mutex *mu)
{
	gor_mutex_lock(mu);
	KEEP(mu);
}

/* expect: reads(lock=&rw -> sync.RWMutex{read by ...}) */
static NOINLINE void reads(gor_rwmutex *lock)
{
	gor_rwmutex_rlock(lock);
	hold();
	KEEP(lock);
}

/* expect: waits_for_group(wg=&group -> sync.WaitGroup{counter 2, 1 waiting}) */
static NOINLINE void waits_for_group(gor_waitgroup *wg)
{
	gor_waitgroup_wait(wg);
	KEEP(wg);
}

/* expect: acquires(s=0x*... -> sync.Semaphore{0 of 1 taken...}, n=2) */
static NOINLINE void acquires(gor_sem *s, int64_t n)
{
	gor_sem_acquire(s, n);
	KEEP(s);
	KEEP(n);
}

/* expect: maps(m=map[int]double 0x*... len 2, none=NULL) */
static NOINLINE void maps(gor_map(int, double) m, gor_map(int, double) none)
{
	hold();
	KEEP(m);
	KEEP(none);
}

/* expect-O2: anys(i=<any(int <42|_>)|_>, s=<any(<"text"|_>)|_>, p=<any(point{x: <3|_>, y: <4|_>})|_>, nil=<nil|_>) */
/* expect: anys(i=any(int 42), s=any("text"), p=any(point{x: 3, y: 4}), nil=nil) */
static NOINLINE void anys(gor_any i, gor_any s, gor_any p, gor_any nil)
{
	hold();
	KEEP_MEMORY(i);
	KEEP_MEMORY(s);
	KEEP_MEMORY(p);
	KEEP_MEMORY(nil);
}

/* Of a type of the program's own: on the heap, if it is large; with its enumerators. */
/* expect: boxed(l=0x* -> any(line{name: "diagonal", from: {x: 1, y: 2}, to: {x: 30, y: 40}}), c=0x* -> any(colour GREEN)) */
static NOINLINE void boxed(const gor_any *l, const gor_any *c)
{
	hold();
	KEEP(l);
	KEEP(c);
}

/* expect-O2: slices(ints=[]int{<0x*...|_> len <3|_> cap <6|_>< [1 2 3]|>}, texts=[]string{<0x*...|_> len <1|_> cap <1|_>< ["one"]|>}, empty=[]int{<NULL|_> len <0|_> cap <0|_>}) */
/* expect: slices(ints=[]int{0x*... len 3 cap 6 [1 2 3]}, texts=[]string{0x*... len 1 cap 1 ["one"]}, empty=[]int{NULL len 0 cap 0}) */
static NOINLINE void slices(gor_slice(int) ints, gor_slice(text) texts, gor_slice(int) empty)
{
	hold();
	KEEP_MEMORY(ints);
	KEEP_MEMORY(texts);
	KEEP_MEMORY(empty);
}

/* expect: strings(a="text", b="", c="with\x00zero") */
static NOINLINE void strings(gor_string a, gor_string b, gor_string c)
{
	hold();
	KEEP(a.ptr);
	KEEP(a.len);
	KEEP(b.ptr);
	KEEP(b.len);
	KEEP(c.ptr);
	KEEP(c.len);
}

/* expect: contexts(ctx=context 0x*...) */
static NOINLINE void contexts(gor_context *ctx)
{
	hold();
	KEEP(ctx);
}

static void run_channels(void)
{
	chan(int) in = chan_make(int, 8);
	chan(int) out = chan_make(int, 0);

	chan_send(in, 1);
	chan_send(in, 2);
	chan_close(out);
	channels(in, out, NULL);
}

static void run_wait(void)
{
	waits_on_channel(chan_make(double, 0));
}

static void run_wants(void)
{
	wants_mutex(&held);
}

static void run_reads(void)
{
	reads(&rw);
}

static void run_group(void)
{
	gor_waitgroup_add(&group, 2);
	waits_for_group(&group);
}

static void run_sem(void)
{
	units = gor_sem_new(1);
	acquires(units, number(2));
}

static void run_maps(void)
{
	gor_map(int, double) m = gor_map_make(int, double);

	gor_map_set(m, 1, 0.5);
	gor_map_set(m, 2, 1.5);
	maps(m, NULL);
}

static void run_anys(void)
{
	anys(gor_any_of(number(42)), gor_any_of("text"), gor_any_make(point, ((point){3, 4})), (gor_any){0});
}

static void run_boxed(void)
{
	gor_any l = gor_any_make(line, ((line){"diagonal", {1, 2}, {30, 40}}));
	gor_any c = gor_any_make(colour, GREEN);

	boxed(&l, &c);
}

static void run_slices(void)
{
	gor_slice(int) ints = gor_slice_make(int, 3, 6);
	gor_slice(text) texts = gor_slice_make(text, 1, 1);
	gor_slice(int) empty = {0};

	for (int i = 0; i < 3; i++)
		ints.ptr[i] = i + 1;
	texts.ptr[0] = gor_str("one");
	slices(ints, texts, empty);
}

static void run_strings(void)
{
	strings(gor_str("text"), gor_str(""), gor_strn("with\0zero", 9));
}

static void run_contexts(void)
{
	contexts(gor_ctx_background());
}

static void run_holds(void)
{
	holds_mutex(&held);
}

int main(void)
{
	victim_begin();
	go(run_holds);
	gor_settle(10 * GOR_SECOND);
	go(run_channels);
	go(run_wait);
	go(run_wants);
	go(run_reads);
	go(run_group);
	go(run_sem);
	go(run_maps);
	go(run_anys);
	go(run_boxed);
	go(run_slices);
	go(run_strings);
	go(run_contexts);
	victim_end();
}
