/* SPDX-License-Identifier: MIT */
/*
 * What: the torture program: many small workloads that check themselves, one after the other and then all at
 * once.  It is made for GORGON_OPTIONS=torture=SEED, where goroutines yield at random entries into the
 * runtime and are readied in random order, and for tiny stacks (stack=16k).
 *
 * How: `torture SEED` draws sizes and order from the seed; run.sh runs many seeds.  Every workload keeps books
 * (what was sent is what was received, nothing twice) and ends all its goroutines.  Exit status 0 if all is
 * well; otherwise a line on stderr names the condition, and the process aborts, which dumps all goroutines.
 * A hang is ended by run.sh with SIGQUIT, which does the same.
 */
#define _GNU_SOURCE
#include <gorgon.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)

/* Little stack: goroutines have 12 KiB here. */
static _Noreturn void fail(const char *what, const char *func)
{
	static const char *parts[] = {"torture: not true in ", NULL, ": ", NULL, "\n"};

	parts[1] = func;
	parts[3] = what;
	for (int i = 0; i < 5; i++)
		if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
			break;
	abort();
}

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			fail(#cond, __func__);                                                               \
	} while (0)

static uint32_t draw(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

static uint32_t seeded(uint32_t seed, int i)
{
	return (seed + (uint32_t)i * 40503u) * 2654435761u | 1;
}

static void await(chan(gor_unit) done, int n)
{
	for (int i = 0; i < n; i++)
		chan_recv(done, NULL);
}

static void say_done(chan(gor_unit) done)
{
	chan_send(done, {0});
}

/* ---- a mesh of channels ------------------------------------------------------------------------------------------ */

enum { NODES = 6, MESSAGES = 60 };

struct mesh {
	chan(int) inbox[NODES];
	chan(gor_unit) stop, done;
	int received;                   /* atomic */
	int64_t sent_sum, received_sum; /* atomic */
};

static void mesh_node(struct mesh *m, int me, uint32_t rand)
{
	int left = MESSAGES, value, got;
	chan(int) to;

	for (;;) {
		to = left ? m->inbox[((uint32_t)me + 1 + draw(&rand) % (NODES - 1)) % NODES] : NULL;
		value = (int)(draw(&rand) & 0xffff);
		switch (chan_select(send_case(to, value), recv_case(m->inbox[me], &got),
				    recv_case(m->stop, NULL))) {
		case 0:
			add(&m->sent_sum, value);
			left--;
			break;
		case 1:
			add(&m->received_sum, got);
			if (add(&m->received, 1) == NODES * MESSAGES)
				chan_close(m->stop);
			break;
		default:
			CHECK(left == 0);
			say_done(m->done);
			return;
		}
	}
}

static void mesh(uint32_t seed)
{
	struct mesh *m = calloc(1, sizeof *m);

	m->stop = chan_make(gor_unit, 0);
	m->done = chan_make(gor_unit, 0);
	for (int i = 0; i < NODES; i++)
		m->inbox[i] = chan_make(int, draw(&seed) % 3);
	for (int i = 0; i < NODES; i++)
		go(mesh_node, m, i, seeded(seed, i));
	await(m->done, NODES);
	CHECK(m->sent_sum == m->received_sum);
	for (int i = 0; i < NODES; i++)
		CHECK(chan_len(m->inbox[i]) == 0);
	for (int i = 0; i < NODES; i++)
		chan_free(m->inbox[i]);
	chan_free(m->stop);
	chan_free(m->done);
	free(m);
}

/* ---- selects against selects, with timeouts and defaults -------------------------------------------------------------- */

enum { STORM_CHANNELS = 4, STORM_SIDE = 4, STORM_EACH = 50 };

struct storm {
	chan(int) c[STORM_CHANNELS];
	chan(gor_unit) stop, sent, done;
	unsigned char seen[STORM_SIDE * STORM_EACH]; /* atomic */
};

static void storm_send(struct storm *s, int from, uint32_t rand)
{
	for (int i = 0; i < STORM_EACH;) {
		int v = from + i, k;

		switch (draw(&rand) % 3) {
		case 0:
			k = chan_select(send_case(s->c[0], v), send_case(s->c[1], v), send_case(s->c[2], v),
					send_case(s->c[3], v));
			break;
		case 1:
			k = chan_select(timeout_case(draw(&rand) % 20 * GOR_US), send_case(s->c[3], v),
					send_case(s->c[2], v)) -
			    1;
			break;
		default:
			k = chan_select(send_case(s->c[1], v), default_case()) ? -1 : 0;
			if (k < 0)
				gor_yield();
		}
		i += k >= 0;
	}
	say_done(s->sent);
}

static void storm_recv(struct storm *s, uint32_t rand)
{
	for (;;) {
		bool ok = true;
		int v = -1, k;

		if (draw(&rand) % 4 == 0)
			k = chan_select(recv_case(s->c[1], &v, &ok), timeout_case(draw(&rand) % 20 * GOR_US))
				    ? 9
				    : 0;
		else
			k = chan_select(recv_case(s->c[3], &v, &ok), recv_case(s->c[2], &v, &ok),
					recv_case(s->c[1], &v, &ok), recv_case(s->c[0], &v, &ok),
					recv_case(s->stop, NULL));
		if (k == 4)
			break;
		if (k == 9)
			continue;
		CHECK(ok && v >= 0 && v < STORM_SIDE * STORM_EACH);
		CHECK(add(&s->seen[v], 1) == 1);
	}
	say_done(s->done);
}

static void storm(uint32_t seed)
{
	struct storm *s = calloc(1, sizeof *s);

	s->stop = chan_make(gor_unit, 0);
	s->sent = chan_make(gor_unit, 0);
	s->done = chan_make(gor_unit, 0);
	for (int i = 0; i < STORM_CHANNELS; i++)
		s->c[i] = chan_make(int, draw(&seed) % 2 ? 0 : draw(&seed) % 4);
	for (int i = 0; i < STORM_SIDE; i++) {
		go(storm_send, s, i * STORM_EACH, seeded(seed, i));
		go(storm_recv, s, seeded(seed, i + 100));
	}
	await(s->sent, STORM_SIDE);
	for (int i = 0; i < STORM_CHANNELS; i++)
		while (chan_len(s->c[i]))
			gor_yield();
	chan_close(s->stop);
	await(s->done, STORM_SIDE);
	for (int i = 0; i < STORM_SIDE * STORM_EACH; i++)
		CHECK(s->seen[i] == 1);
	for (int i = 0; i < STORM_CHANNELS; i++)
		chan_free(s->c[i]); /* panics if a loser was left in a queue */
	chan_free(s->stop);
	chan_free(s->sent);
	chan_free(s->done);
	free(s);
}

/* ---- close against everybody -------------------------------------------------------------------------------------------- */

struct closing {
	chan(int) a, b;
	chan(gor_unit) done;
	int received, panicked, sent; /* atomic */
};

static void closing_recv(struct closing *c, uint32_t rand)
{
	chan(int) a = c->a, b = c->b, nil = NULL;

	while (a || b) {
		bool ok = false;
		int v = 7, k = chan_select(recv_case(a, &v, &ok), recv_case(b, &v, &ok));

		CHECK(ok || v == 0);
		if (ok)
			add(&c->received, 1);
		else if (k == 0)
			a = nil;
		else
			b = nil;
		if (draw(&rand) % 8 == 0)
			gor_yield();
	}
	say_done(c->done);
}

static void catch_closed(struct closing *c)
{
	gor_any r = recover();

	if (r.type)
		add(&c->panicked, 1);
	say_done(c->done);
}

/* Sends until somebody closes under it. */
static void closing_send(struct closing *c, int n)
{
	defer(catch_closed, c);
	for (int i = 0; i < n; i++) {
		if (i % 2)
			chan_send(c->b, i);
		else
			chan_select(send_case(c->a, i), send_case(c->b, i));
		add(&c->sent, 1);
	}
}

static void close_it(chan(int) c, chan(gor_unit) done)
{
	gor_yield();
	chan_close(c);
	say_done(done);
}

static void closing(uint32_t seed)
{
	for (int round = 0; round < 6; round++) {
		struct closing *c = calloc(1, sizeof *c);

		c->a = chan_make(int, draw(&seed) % 3);
		c->b = chan_make(int, draw(&seed) % 3);
		c->done = chan_make(gor_unit, 0);
		for (int i = 0; i < 3; i++) {
			go(closing_recv, c, seeded(seed, i));
			go(closing_send, c, 40);
		}
		for (int i = (int)(draw(&seed) % 30); i > 0; i--)
			gor_yield();
		go(close_it, c->a, c->done);
		go(close_it, c->b, c->done);
		await(c->done, 8);
		CHECK(c->sent == c->received);
		chan_free(c->a);
		chan_free(c->b);
		chan_free(c->done);
		free(c);
	}
}

/* ---- trees of goroutines -------------------------------------------------------------------------------------------------- */

/* Some stack, so that a neighbour that writes over it is found out. */
static __attribute__((noinline)) unsigned fill_stack(unsigned seed)
{
	volatile unsigned char here[3000];
	unsigned sum = 0;

	for (unsigned i = 0; i < sizeof here; i++)
		here[i] = (unsigned char)(seed + i);
	gor_yield();
	for (unsigned i = 0; i < sizeof here; i++)
		sum += here[i] != (unsigned char)(seed + i);
	return sum;
}

static void grow(int depth, uint32_t seed, chan(int) result)
{
	int a = 0, b = 0;
	chan(int) below;

	if (depth == 0) {
		CHECK(fill_stack(seed) == 0);
		chan_send(result, 1);
		return;
	}
	below = chan_make(int, seed % 2);
	go(grow, depth - 1, seed * 3 + 1, below);
	if (seed % 3 == 0)
		gor_yield();
	go(grow, depth - 1, seed * 5 + 2, below);
	chan_recv(below, &a);
	chan_recv(below, &b);
	chan_free(below);
	chan_send(result, a + b);
}

static void tree(uint32_t seed)
{
	chan(int) result = chan_make(int, 0);
	int sum;

	go(grow, 7, seed, result);
	chan_recv(result, &sum);
	CHECK(sum == 1 << 7);
	chan_free(result);
}

/* ---- timers ------------------------------------------------------------------------------------------------------------------ */

static void sleep_often(uint32_t rand, chan(gor_unit) done)
{
	for (int i = 0; i < 10; i++) {
		int64_t ns = draw(&rand) % 200 * GOR_US, before = gor_now();

		gor_sleep(ns);
		CHECK(gor_now() - before >= ns);
	}
	say_done(done);
}

static void stop_and_reset(uint32_t rand, chan(gor_unit) done)
{
	gor_timer *t = gor_timer_new(GOR_MINUTE);
	chan(int64_t) c = gor_timer_chan(t);

	CHECK(gor_timer_stop(t));
	for (int i = 0; i < 10; i++) {
		gor_timer_reset(t, draw(&rand) % 50 * GOR_US);
		if (draw(&rand) % 2)
			gor_yield();
		if (gor_timer_stop(t))
			CHECK(!chan_try_recv(c, NULL)); /* nothing from before */
	}
	gor_timer_reset(t, GOR_US);
	chan_recv(c, NULL);
	CHECK(!gor_timer_stop(t));
	gor_timer_free(t);
	say_done(done);
}

static void timers(uint32_t seed)
{
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 6; i++) {
		go(sleep_often, seeded(seed, i), done);
		go(stop_and_reset, seeded(seed, i + 10), done);
	}
	await(done, 12);
	chan_free(done);
}

/* ---- threads of the program's ----------------------------------------------------------------------------------------------- */

struct threads {
	chan(int) in, out;
};

static void *thread_echo(void *arg)
{
	struct threads *t = arg;
	int v;

	while (chan_recv(t->in, &v)) {
		if (v % 5 == 0)
			gor_yield();
		chan_select(send_case(t->out, v + 1));
	}
	return NULL;
}

static void threads(uint32_t seed)
{
	struct threads t = {chan_make(int, seed % 2), chan_make(int, 0)};
	int64_t sum = 0;
	pthread_t thread[3];
	int v;

	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&thread[i], NULL, thread_echo, &t) == 0);
	for (int sent = 0, received = 0; received < 60;) {
		chan(int) in = sent < 60 ? t.in : NULL;

		if (chan_select(send_case(in, sent), recv_case(t.out, &v)) == 0) {
			sent++;
		} else {
			received++;
			sum += v;
		}
	}
	CHECK(sum == 60 * 61 / 2);
	chan_close(t.in);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	chan_free(t.in);
	chan_free(t.out);
}

/* ---- locks --------------------------------------------------------------------------------------------------------------------- */

struct locks {
	gor_mutex mu;
	gor_rwmutex rw;
	gor_cond cond;
	gor_waitgroup wg;
	gor_sem sem;
	int64_t a, b; /* under rw: always equal outside */
	int count;    /* under mu */
	int queued;   /* under mu */
	int holders;  /* atomic: of the semaphore */
};

static void lock_often(struct locks *l, uint32_t rand)
{
	for (int i = 0; i < 30; i++) {
		switch (draw(&rand) % 5) {
		case 0:
			gor_rwmutex_lock(&l->rw);
			l->a++;
			gor_yield();
			l->b++;
			gor_rwmutex_unlock(&l->rw);
			break;
		case 1:
			gor_rwmutex_rlock(&l->rw);
			CHECK(l->a == l->b);
			gor_yield();
			CHECK(l->a == l->b);
			gor_rwmutex_runlock(&l->rw);
			break;
		case 2:
			gor_sem_acquire(&l->sem, 2);
			CHECK(add(&l->holders, 2) <= 5);
			gor_yield();
			add(&l->holders, -2);
			gor_sem_release(&l->sem, 2);
			break;
		default:
			gor_mutex_lock(&l->mu);
			l->count++;
			gor_mutex_unlock(&l->mu);
			continue;
		}
		gor_mutex_lock(&l->mu);
		l->count++;
		gor_mutex_unlock(&l->mu);
	}
	gor_waitgroup_done(&l->wg);
}

static void produce(struct locks *l, int n)
{
	for (int i = 0; i < n; i++) {
		gor_mutex_lock(&l->mu);
		l->queued++;
		gor_cond_signal(&l->cond);
		gor_mutex_unlock(&l->mu);
	}
	gor_waitgroup_done(&l->wg);
}

static void consume(struct locks *l, int n)
{
	for (int i = 0; i < n; i++) {
		gor_mutex_lock(&l->mu);
		while (!l->queued)
			gor_cond_wait(&l->cond, gor_mutex_locker(&l->mu));
		l->queued--;
		gor_mutex_unlock(&l->mu);
	}
	gor_waitgroup_done(&l->wg);
}

static void locks(uint32_t seed)
{
	struct locks *l = calloc(1, sizeof *l);

	gor_sem_init(&l->sem, 5);
	gor_waitgroup_add(&l->wg, 12);
	for (int i = 0; i < 6; i++)
		go(lock_often, l, seeded(seed, i));
	for (int i = 0; i < 3; i++) {
		go(consume, l, 20);
		go(produce, l, 20);
	}
	gor_waitgroup_wait(&l->wg);
	CHECK(l->a == l->b && l->count == 6 * 30 && l->queued == 0 && l->holders == 0);
	free(l);
}

/* ---- Ps, Ms, what belongs to a goroutine ---------------------------------------------------------------------------------------- */

static void keep_own(int mine, uint32_t rand, chan(gor_unit) done)
{
	long tid = 0;

	errno = mine;
	if (mine % 3 == 0) {
		gor_lock_thread();
		tid = syscall(SYS_gettid);
	}
	for (int i = 0; i < 20; i++) {
		switch (draw(&rand) % 4) {
		case 0:
			gor_yield();
			break;
		case 1:
			gor_sleep(draw(&rand) % 20 * GOR_US);
			break;
		case 2:
			gor_blocking_begin();
			sched_yield();
			gor_blocking_end();
			break;
		default:
			gor_label("turn", i % 2 ? "odd" : NULL);
		}
		CHECK(errno == mine);
		CHECK(!tid || tid == syscall(SYS_gettid));
	}
	say_done(done); /* some end bound to their thread */
}

static void change_procs(uint32_t rand, chan(gor_unit) done)
{
	for (int i = 0; i < 10; i++) {
		gor_maxprocs(1 + (int)(draw(&rand) % 4));
		gor_sleep(20 * GOR_US);
	}
	say_done(done);
}

static void machine(uint32_t seed)
{
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int procs = gor_maxprocs(0);

	for (int i = 0; i < 8; i++)
		go(keep_own, i + 1, seeded(seed, i), done);
	go(change_procs, seed, done);
	await(done, 9);
	gor_maxprocs(procs);
	chan_free(done);
}

static int all_at_once; /* atomic */

/* ---- fork ------------------------------------------------------------------------------------------------------------------------- */

static void fork_echo(chan(int) in, chan(int) out)
{
	int v;

	while (chan_recv(in, &v))
		chan_send(out, v);
	chan_close(out);
}

static void forks(uint32_t seed)
{
	chan(int) in = chan_make(int, seed % 2), out = chan_make(int, 0);
	int status = 0, v;
	pid_t pid;

	go(fork_echo, in, out);
	gor_yield();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (load(&all_at_once))
			_exit(0); /* the other workloads are here too, but not their threads */
		/* The goroutine may have been on another thread just then: it is not here. */
		go(fork_echo, in, out);
		for (int i = 0; i < 20; i++) {
			chan_send(in, i);
			chan_recv(out, &v);
		}
		_exit(0);
	}
	chan_send(in, 1);
	chan_recv(out, &v);
	chan_close(in);
	CHECK(!chan_recv(out, NULL));
	gor_blocking_begin();
	pid = waitpid(pid, &status, 0);
	gor_blocking_end();
	CHECK(pid > 0 && status == 0);
	chan_free(in);
	chan_free(out);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*run)(uint32_t seed);
} workloads[] = {
	{"mesh", mesh},       {"storm", storm}, {"closing", closing}, {"tree", tree},   {"timers", timers},
	{"threads", threads}, {"locks", locks}, {"machine", machine}, {"forks", forks},
};
enum { N = sizeof workloads / sizeof workloads[0] };

static void run_one(int i, uint32_t seed, chan(gor_unit) done)
{
	workloads[i].run(seed);
	say_done(done);
}

static void expect_to_be_alone(void)
{
	for (int i = 0; gor_num_goroutine() > 1; i++) {
		CHECK(i < 20000);
		gor_sleep(GOR_MS / 2);
	}
}

int main(int argc, char **argv)
{
	uint32_t seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1, rand = seeded(seed, 7);
	const char *only = argc > 2 ? argv[2] : NULL;
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int first = (int)(draw(&rand) % N), n = 0;

	for (int i = 0; i < N; i++) {
		int k = (first + i) % N;

		if (only && strcmp(only, workloads[k].name))
			continue;
		workloads[k].run(seeded(seed, i));
		expect_to_be_alone();
	}
	store(&all_at_once, 1);
	for (int i = 0; i < N; i++) {
		if (only && strcmp(only, workloads[i].name))
			continue;
		go(run_one, i, seeded(seed, i + 50), done);
		n++;
	}
	await(done, n);
	expect_to_be_alone();
	return 0;
}
