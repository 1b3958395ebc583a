/* SPDX-License-Identifier: MIT */
/*
 * Mistakes that programs make again and again.  Everything is in locals and on the heap.
 */
#include "leaks.h"

/* ---- channels that nobody serves any more ------------------------------------------------------------- */

static NOINLINE void range_over(chan(int) c)
{
	while (chan_recv(c, NULL))
		;
}

LEAK_CASE(range_without_close, "3 leaked [chan receive]")
{
	chan(int) jobs = chan_make(int, 4);

	for (int i = 0; i < 3; i++)
		go(range_over, jobs);
	for (int i = 0; i < 9; i++)
		chan_send(jobs, i);
}

struct service {
	chan(int) work;
	chan(gor_unit) stop;
};

static NOINLINE void serve(struct service *s)
{
	while (chan_select(recv_case(s->work, NULL), recv_case(s->stop, NULL)) == 0)
		;
}

LEAK_CASE(stop_is_never_called, "1 leaked [select]")
{
	struct service *s = NEW(struct service);

	s->work = chan_make(int, 0);
	s->stop = chan_make(gor_unit, 0);
	go(serve, s);
	chan_send(s->work, 1);
}

LEAK_CASE(stop_is_called, "0 leaked")
{
	struct service *s = NEW(struct service);

	s->work = chan_make(int, 0);
	s->stop = chan_make(gor_unit, 0);
	go(serve, s);
	chan_close(s->stop);
}

static NOINLINE void send_twice(chan(int) c)
{
	chan_send(c, 1);
	chan_send(c, 2);
}

LEAK_CASE(two_sends_one_receive, "1 leaked [chan send]")
{
	chan(int) c = chan_make(int, 0);

	go(send_twice, c);
	chan_recv(c, NULL);
}

static NOINLINE void give_up(chan(int) result, bool error)
{
	if (error)
		return;
	chan_recv(result, NULL);
}

LEAK_CASE(early_return_before_the_receive, "1 leaked [chan send]")
{
	chan(int) result = chan_make(int, 0);

	go(sender, result);
	give_up(result, true);
}

LEAK_CASE(first_answer_wins, "4 leaked [chan send]")
{
	chan(int) c = chan_make(int, 0);

	for (int i = 0; i < 5; i++)
		go(sender, c);
	chan_recv(c, NULL);
}

static NOINLINE void send_when_told(chan(int) c, chan(int) go_on)
{
	chan_recv(go_on, NULL);
	chan_send(c, 1);
}

LEAK_CASE(timeout_while_the_worker_works, "1 leaked [chan send]")
{
	chan(int) c = chan_make(int, 0), go_on = chan_make(int, 0);

	go(send_when_told, c, go_on);
	if (chan_select(recv_case(c, NULL), timeout_case(GOR_MS)) == 1)
		chan_send(go_on, 1);
}

/* With room for one answer the worker can leave. */
LEAK_CASE(timeout_with_a_buffer, "0 leaked")
{
	chan(int) c = chan_make(int, 1), go_on = chan_make(int, 0);

	go(send_when_told, c, go_on);
	if (chan_select(recv_case(c, NULL), timeout_case(GOR_MS)) == 1)
		chan_send(go_on, 1);
}

static NOINLINE void generate(chan(int) out)
{
	for (int i = 0;; i++)
		chan_send(out, i);
}

static NOINLINE void filter(chan(int) in, chan(int) out)
{
	int n;

	while (chan_recv(in, &n))
		chan_send(out, n * 2);
}

LEAK_CASE(abandoned_pipeline, "4 leaked [chan send]")
{
	chan(int) stage[4];

	for (int i = 0; i < 4; i++)
		stage[i] = chan_make(int, 0);
	go(generate, stage[0]);
	for (int i = 0; i < 3; i++)
		go(filter, stage[i], stage[i + 1]);
	for (int i = 0; i < 5; i++)
		chan_recv(stage[3], NULL);
}

static NOINLINE void ping(chan(int) mine, chan(int) yours)
{
	chan_recv(mine, NULL);
	chan_send(yours, 1);
}

LEAK_CASE(both_wait_for_the_other_to_begin, "2 leaked [chan receive]")
{
	chan(int) a = chan_make(int, 0), b = chan_make(int, 0);

	go(ping, a, b);
	go(ping, b, a);
}

/* A reply channel travels in the request; the server forgets to answer. */
struct question {
	int id;
	chan(int) reply;
};

static NOINLINE void answer_some(chan(struct question) in)
{
	struct question q;

	while (chan_recv(in, &q)) {
		if (q.id != 2)
			chan_send(q.reply, q.id);
		memset(&q, 0, sizeof(q));
		leak_scrub();
	}
}

static NOINLINE void ask(chan(struct question) server, int id)
{
	struct question q = {id, chan_make(int, 0)};

	chan_send(server, q);
	chan_recv(q.reply, NULL);
}

LEAK_CASE(forgotten_reply, "1 leaked [chan receive]")
{
	chan(struct question) server = chan_make(struct question, 0);

	go(answer_some, server);
	for (int i = 1; i <= 3; i++)
		go(ask, server, i);
	settle();
	chan_close(server);
}

/* The server is alive and idle, but has forgotten the question. */
static NOINLINE void answer_for_ever(chan(struct question) in)
{
	answer_some(in);
}

static chan(struct question) volatile known_server;

LEAK_CASE(forgotten_reply_of_a_living_server, "1 leaked [chan receive]; 1 stuck [chan receive]")
{
	known_server = chan_make(struct question, 0);
	go(answer_for_ever, known_server);
	for (int i = 1; i <= 3; i++)
		go(ask, known_server, i);
}

/* ---- contexts and timers ------------------------------------------------------------------------------ */

static NOINLINE void until_cancelled(gor_context *ctx)
{
	chan_recv(gor_ctx_done(ctx), NULL);
}

LEAK_CASE(context_nobody_cancels, "1 leaked [chan receive]")
{
	go(until_cancelled, gor_ctx_with_cancel(gor_ctx_background()));
}

LEAK_CASE(child_of_a_context_nobody_cancels, "2 leaked [chan receive]")
{
	gor_context *parent = gor_ctx_with_cancel(gor_ctx_background());
	gor_context *child = gor_ctx_with_cancel(parent);

	go(until_cancelled, child);
	go(until_cancelled, gor_ctx_with_cancel(child));
}

LEAK_CASE(context_with_a_deadline, "any stuck")
{
	go(until_cancelled, gor_ctx_with_timeout(gor_ctx_background(), FOREVER));
}

LEAK_CASE(child_of_a_context_with_a_deadline, "any stuck")
{
	gor_context *parent = gor_ctx_with_timeout(gor_ctx_background(), FOREVER);

	go(until_cancelled, gor_ctx_with_cancel(gor_ctx_with_cancel(parent)));
}

LEAK_CASE(context_cancelled, "0 leaked")
{
	gor_context *ctx = gor_ctx_with_timeout(gor_ctx_background(), FOREVER);

	go(until_cancelled, ctx);
	settle();
	gor_ctx_cancel(ctx);
}

/* ---- counters and locks ------------------------------------------------------------------------------- */

struct team {
	gor_waitgroup wg;
	gor_mutex mu;
	gor_cond cond;
	int ready;
};

static NOINLINE void work_without_done(struct team *t, bool error)
{
	if (error)
		return;
	gor_waitgroup_done(&t->wg);
}

static NOINLINE void wait_for_team(struct team *t)
{
	gor_waitgroup_wait(&t->wg);
}

LEAK_CASE(done_is_forgotten, "1 leaked [sync.WaitGroup.Wait]")
{
	struct team *t = NEW(struct team);

	gor_waitgroup_add(&t->wg, 3);
	for (int i = 0; i < 3; i++)
		go(work_without_done, t, i == 1);
	settle();
	go(wait_for_team, t);
}

static NOINLINE void send_and_done(struct team *t, chan(int) results)
{
	chan_send(results, 1);
	gor_waitgroup_done(&t->wg);
}

static NOINLINE void wait_then_receive(struct team *t, chan(int) results)
{
	gor_waitgroup_wait(&t->wg);
	while (chan_recv(results, NULL))
		;
}

LEAK_CASE(wait_before_the_receive, "4 leaked [chan send, chan send, chan send, sync.WaitGroup.Wait]")
{
	struct team *t = NEW(struct team);
	chan(int) results = chan_make(int, 0);

	gor_waitgroup_add(&t->wg, 3);
	for (int i = 0; i < 3; i++)
		go(send_and_done, t, results);
	go(wait_then_receive, t, results);
}

static NOINLINE void until_ready(struct team *t)
{
	gor_mutex_lock(&t->mu);
	while (!t->ready)
		gor_cond_wait(&t->cond, &t->mu);
	gor_mutex_unlock(&t->mu);
}

LEAK_CASE(signal_where_broadcast_was_meant, "2 leaked [sync.Cond.Wait]")
{
	struct team *t = NEW(struct team);

	for (int i = 0; i < 3; i++)
		go(until_ready, t);
	settle();
	gor_mutex_lock(&t->mu);
	t->ready = 1;
	gor_cond_signal(&t->cond);
	gor_mutex_unlock(&t->mu);
}

static NOINLINE void fail_with_lock(struct team *t)
{
	gor_mutex_lock(&t->mu);
	panic("no unlock on this path");
}

static NOINLINE void catch_it(void)
{
	recover();
}

static NOINLINE void recovered(struct team *t)
{
	defer(catch_it);
	fail_with_lock(t);
}

LEAK_CASE(panic_with_a_lock, "1 deadlocked [sync.Mutex.Lock]")
{
	struct team *t = NEW(struct team);

	go(recovered, t);
	settle();
	go(locker, &t->mu);
}

static NOINLINE void goexit_with_lock(struct team *t)
{
	gor_mutex_lock(&t->mu);
	gor_goexit();
}

LEAK_CASE(goexit_with_a_lock, "1 deadlocked [sync.Mutex.Lock]")
{
	struct team *t = NEW(struct team);

	go(goexit_with_lock, t);
	settle();
	go(locker, &t->mu);
}

static NOINLINE void acquire(gor_sem *s)
{
	gor_sem_acquire(s, 1);
}

LEAK_CASE(release_is_forgotten, "2 leaked [semacquire]")
{
	gor_sem *s = gor_sem_new(2);

	for (int i = 0; i < 4; i++)
		go(acquire, s);
}

/* A bounded channel as a semaphore, whose owner keeps its slot. */
static NOINLINE void take_slot(chan(gor_unit) slots)
{
	chan_send(slots, {0});
}

LEAK_CASE(slot_is_kept, "3 leaked [chan send]")
{
	chan(gor_unit) slots = chan_make(gor_unit, 2);

	for (int i = 0; i < 5; i++)
		go(take_slot, slots);
}

static NOINLINE void double_receive(chan(int) done)
{
	chan_recv(done, NULL);
	chan_recv(done, NULL);
}

LEAK_CASE(one_done_for_two_receives, "1 leaked [chan receive]")
{
	chan(int) done = chan_make(int, 0);

	go(double_receive, done);
	chan_send(done, 1);
}

/* The child of a leaked goroutine leaks with it. */
static NOINLINE void parent_of_receiver(chan(int) c)
{
	chan(int) own = chan_make(int, 0);

	go(receiver, own);
	chan_recv(c, NULL);
	chan_send(own, 1);
}

LEAK_CASE(family, "2 leaked [chan receive]")
{
	go(parent_of_receiver, chan_make(int, 0));
}
