/* SPDX-License-Identifier: MIT */
/*
 * What: the program whose memory core_fuzz damages: a goroutine for each kind of thing that a reader follows.
 *
 * How: all wait; then main says "ready" and waits too, to be read from outside.  Its addresses are the same in every
 * run, so that an input means the same damage tomorrow.
 */
#include <gorgon.h>
#include <gorgon/context.h>
#include <gorgon/map.h>
#include <gorgon/sync.h>
#include <sys/personality.h>
#include <unistd.h>

GOR_SLICE_TYPE_NAMED(text, gor_string);
GOR_MAP_TYPE(int, double);

struct node {
	struct node *next;
	const char *name;
	double numbers[3];
};

typedef struct {
	long x, y, z;
} point;
GOR_TYPE_DEFINE(point);

static gor_mutex first, second;
static gor_rwmutex rw;
static gor_waitgroup group, both_hold;
static gor_cond cond;
static gor_once once;
static struct node nodes[2] = {{&nodes[1], "one", {1, 2, 3}}, {&nodes[0], "two", {4, 5, 6}}};

static void wait_for(chan(int) c)
{
	chan_recv(c, NULL);
}

static void receiver(chan(int) c, const char *why, struct node *n)
{
	gor_label("kind", why);
	wait_for(c);
	(void)n;
}

static void sender(chan(int) c, int v)
{
	chan_send(c, v);
}

static void chooser(chan(int) a, chan(point) b)
{
	point p;

	chan_select(recv_case(a, NULL), recv_case(b, &p), timeout_case(1000 * GOR_SECOND));
}

static void locker(gor_mutex *mine, gor_mutex *other)
{
	gor_mutex_lock(mine);
	gor_waitgroup_done(&both_hold);
	gor_waitgroup_wait(&both_hold);
	gor_mutex_lock(other);
}

static void writer(gor_rwmutex *lock)
{
	gor_rwmutex_lock(lock);
}

static void counter(gor_waitgroup *wg, gor_sem *s)
{
	gor_waitgroup_add(wg, 2);
	gor_waitgroup_wait(wg);
	gor_sem_acquire(s, 1);
}

static void taker(gor_sem *s)
{
	gor_sem_acquire(s, 2);
}

static void listener(gor_cond *c, gor_mutex *mu)
{
	gor_mutex_lock(mu);
	gor_cond_wait(c, mu);
}

static void initialise(void *arg)
{
	wait_for(arg);
}

static void only_once(gor_once *o, void *arg)
{
	gor_once_do(o, initialise, arg);
}

static void values(gor_map(int, double) m, gor_slice(text) texts, gor_string s, gor_any any, gor_any big)
{
	gor_sleep(1000 * GOR_SECOND);
	(void)m, (void)texts, (void)s, (void)any, (void)big;
}

static void listens(gor_context *ctx)
{
	chan_recv(gor_ctx_done(ctx), NULL);
}

static void ends(void)
{
}

static void deep(int n, struct node *at)
{
	if (n)
		deep(n - 1, at->next);
	else
		gor_sleep(1000 * GOR_SECOND);
}

static void begin_locks(void)
{
	static gor_mutex mu;
	gor_sem *units = gor_sem_new(1);

	gor_rwmutex_rlock(&rw);
	gor_waitgroup_add(&both_hold, 2);
	go(locker, &first, &second);
	go(locker, &second, &first);
	go(writer, &rw);
	go(counter, &group, units);
	go(taker, units);
	go(listener, &cond, &mu);
	go(only_once, &once, NULL);
	go(only_once, &once, NULL);
}

static void begin_values(void)
{
	gor_slice(text) texts = gor_slice_make(text, 2, 4);
	gor_map(int, double) m = gor_map_make(int, double);

	for (int i = 0; i < 20; i++)
		gor_map_set(m, i, i / 2.0);
	texts.ptr[0] = gor_str("one");
	texts.ptr[1] = gor_str("another");
	go(values, m, texts, gor_str("a string"), gor_any_of(42), gor_any_make(point, ((point){3, 4, 5})));
	go(listens, gor_ctx_with_timeout(gor_ctx_background(), 1000 * GOR_SECOND));
}

int main(int argc, char **argv)
{
	chan(int) c = chan_make(int, 2);

	(void)argc;
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		execv("/proc/self/exe", argv);
	}
	go(receiver, c, "lives", &nodes[0]);
	go(receiver, chan_make(int, 0), "leaked", &nodes[1]);
	go(sender, chan_make(int, 0), 7);
	go(chooser, c, chan_make(point, 1));
	go(deep, 20, &nodes[0]);
	go(ends);
	begin_locks();
	begin_values();
	if (!gor_settle(10 * GOR_SECOND) || write(1, "ready", 5) != 5)
		return 1;
	wait_for(c);
	return 0;
}
