/* SPDX-License-Identifier: MIT */
/*
 * What the runtime itself holds for the program: captured arguments, timers, contexts, panics, groups; and its
 * containers.  A living one is a way to what it holds, a dead one is not.
 */
#include "leaks.h"

/* Where a living goroutine finds the only way to an object. */
static void *volatile kept;

/* ---- captured arguments ------------------------------------------------------------------------------- */

/* Not yet started when the detector looks, at least with one P. */
LEAK_CASE(arguments_of_go, "any stuck")
{
	chan(int) c = blocked();

	settle();
	leak_busy = true;
	go(sender, c);
}

static NOINLINE void close_later(chan(int) c)
{
	chan_close(c);
}

static NOINLINE void defer_and_sleep(chan(int) c)
{
	defer(close_later, c);
	c = NULL;
	KEEP(c);
	leak_scrub();
	sleep_for_ever();
}

LEAK_CASE(arguments_of_defer, "1 stuck [chan receive]")
{
	go(defer_and_sleep, blocked());
}

static NOINLINE void defer_done(gor_waitgroup *wg)
{
	defer(gor_waitgroup_done, wg);
	wg = NULL;
	KEEP(wg);
	leak_scrub();
	sleep_for_ever();
}

LEAK_CASE(deferred_done, "1 stuck [sync.WaitGroup.Wait]")
{
	gor_waitgroup *wg = NEW(gor_waitgroup);

	gor_waitgroup_add(wg, 1);
	go(defer_done, wg);
	go(waiter, wg);
}

static NOINLINE void defer_and_get_lost(chan(int) c, chan(int) lost)
{
	defer(close_later, c);
	chan_recv(lost, NULL);
}

LEAK_CASE(deferred_by_a_leaked_one, "2 leaked [chan receive]")
{
	go(defer_and_get_lost, blocked(), chan_make(int, 0));
}

/* The value of a panic that is going on: a recover would find it. */
static NOINLINE void sleep_then_recover(void)
{
	leak_scrub();
	sleep_for_ever();
	recover();
}

static NOINLINE void panic_with(chan(int) c)
{
	defer(sleep_then_recover);
	panic_any(gor_any_of_pointer((void *)c));
}

LEAK_CASE(value_of_a_panic, "1 stuck [chan receive]")
{
	go(panic_with, blocked());
}

static NOINLINE void goexit_slowly(chan(int) c)
{
	defer(close_later, c);
	defer(sleep_for_ever);
	gor_goexit();
}

LEAK_CASE(deferred_beyond_a_goexit, "1 stuck [chan receive]")
{
	go(goexit_slowly, blocked());
}

/* ---- waiting with a way out --------------------------------------------------------------------------- */

static NOINLINE void wait_a_while(chan(int) own, chan(int) other)
{
	chan_select(recv_case(own, NULL), timeout_case(FOREVER));
	chan_send(other, 1);
}

LEAK_CASE(select_with_a_timeout, "any stuck")
{
	go(wait_a_while, chan_make(int, 0), blocked());
}

static NOINLINE void send_value(chan(chan(int)) out, chan(int) value)
{
	chan_send(out, value);
}

static chan(chan(int)) volatile known;

/* The value of a send that somebody may yet receive. */
LEAK_CASE(value_of_a_pending_send, "1 stuck [chan receive]; 1 stuck [chan send]")
{
	known = chan_make(chan(int), 0);
	go(send_value, known, blocked());
}

LEAK_CASE(value_of_a_lost_send, "1 leaked [chan receive]; 1 leaked [chan send]")
{
	go(send_value, chan_make(chan(int), 0), blocked());
}

LEAK_CASE(value_in_a_buffer, "1 stuck [chan receive]")
{
	known = chan_make(chan(int), 4);
	chan_send(known, blocked());
}

LEAK_CASE(value_in_a_lost_buffer, "1 leaked [chan receive]")
{
	chan(chan(int)) c = chan_make(chan(int), 4);

	chan_send(c, blocked());
}

/* What was received is no longer in the buffer. */
LEAK_CASE(value_out_of_a_buffer, "1 leaked [chan receive]")
{
	known = chan_make(chan(int), 4);
	chan_send(known, blocked());
	chan_recv(known, NULL);
}

LEAK_CASE(value_in_a_wrapped_buffer, "3 stuck [chan receive]; 2 leaked [chan receive]")
{
	known = chan_make(chan(int), 3);
	for (int i = 0; i < 3; i++)
		chan_send(known, blocked());
	for (int i = 0; i < 2; i++) {
		chan_recv(known, NULL);
		chan_send(known, blocked());
	}
}

/* ---- timers ------------------------------------------------------------------------------------------- */

LEAK_CASE(pending_after_func, "1 stuck [chan receive]")
{
	gor_after_func(FOREVER, close_later, blocked());
}

LEAK_CASE(stopped_after_func, "1 leaked [chan receive]")
{
	gor_timer *t = gor_after_func(FOREVER, close_later, blocked());

	gor_timer_stop(t);
}

LEAK_CASE(freed_after_func, "1 leaked [chan receive]")
{
	gor_timer_free(gor_after_func(FOREVER, close_later, blocked()));
}

/* It could be started again. */
LEAK_CASE(stopped_after_func_that_is_kept, "1 stuck [chan receive]")
{
	gor_timer *t = gor_after_func(FOREVER, close_later, blocked());

	gor_timer_stop(t);
	kept = t;
}

static NOINLINE void receive_time(chan(int64_t) c)
{
	while (chan_recv(c, NULL))
		;
}

LEAK_CASE(pending_after, "any stuck")
{
	go(receive_time, gor_after(FOREVER));
}

/* It has fired, and never will again. */
static volatile bool fired;

static NOINLINE void receive_two_times(chan(int64_t) c)
{
	chan_recv(c, NULL);
	fired = true;
	chan_recv(c, NULL);
}

LEAK_CASE(fired_after, "1 leaked [chan receive]")
{
	go(receive_two_times, gor_after(0));
	while (!fired)
		gor_sleep(GOR_MS);
}

LEAK_CASE(pending_timer, "any stuck")
{
	go(receive_time, gor_timer_chan(gor_timer_new(FOREVER)));
}

LEAK_CASE(stopped_timer, "1 leaked [chan receive]")
{
	gor_timer *t = gor_timer_new(FOREVER);

	go(receive_time, gor_timer_chan(t));
	gor_timer_stop(t);
}

LEAK_CASE(stopped_timer_that_is_kept, "1 stuck [chan receive]")
{
	gor_timer *t = gor_timer_new(FOREVER);

	go(receive_time, gor_timer_chan(t));
	gor_timer_stop(t);
	kept = t;
}

LEAK_CASE(ticker, "any stuck")
{
	go(receive_time, gor_ticker_chan(gor_ticker_new(GOR_MINUTE)));
}

LEAK_CASE(fast_ticker, "any stuck")
{
	leak_busy = true;
	go(receive_time, gor_ticker_chan(gor_ticker_new(GOR_MS)));
}

LEAK_CASE(stopped_ticker, "1 leaked [chan receive]")
{
	gor_ticker *t = gor_ticker_new(GOR_MINUTE);

	go(receive_time, gor_ticker_chan(t));
	gor_ticker_stop(t);
}

/* Whoever waits for the tick holds another one's channel. */
static NOINLINE void tick_then_send(chan(int64_t) c, chan(int) other)
{
	chan_recv(c, NULL);
	chan_send(other, 1);
}

LEAK_CASE(held_by_who_waits_for_a_timer, "any stuck")
{
	go(tick_then_send, gor_after(FOREVER), blocked());
}

/* ---- contexts ----------------------------------------------------------------------------------------- */

static NOINLINE void until_cancelled(gor_context *ctx)
{
	chan_recv(gor_ctx_done(ctx), NULL);
}

LEAK_CASE(context_whose_parent_is_kept, "1 stuck [chan receive]")
{
	gor_context *parent = gor_ctx_with_cancel(gor_ctx_background());

	go(until_cancelled, gor_ctx_with_cancel(gor_ctx_with_cancel(parent)));
	go(sleeper, (void *)parent);
}

LEAK_CASE(context_that_a_sleeper_keeps, "1 stuck [chan receive]")
{
	gor_context *ctx = gor_ctx_with_cancel(gor_ctx_background());

	go(until_cancelled, ctx);
	go(sleeper, (void *)ctx);
}

static char key;

LEAK_CASE(value_of_a_context, "1 stuck [chan receive]")
{
	gor_context *ctx = gor_ctx_with_value(gor_ctx_background(), &key, (void *)blocked());

	go(sleeper, (void *)gor_ctx_with_cancel(ctx));
}

LEAK_CASE(value_of_a_lost_context, "1 leaked [chan receive]")
{
	gor_context *ctx = gor_ctx_with_value(gor_ctx_background(), &key, (void *)blocked());

	KEEP(ctx);
}

/* Its deadline comes and closes the channel: nobody needs to hold it. */
LEAK_CASE(deadline_of_a_parent, "any stuck")
{
	gor_context *parent = gor_ctx_with_deadline(gor_ctx_background(), gor_now() + FOREVER);

	go(until_cancelled, gor_ctx_with_value(gor_ctx_with_cancel(parent), &key, NULL));
}

/* The deadline is over: what is waited for now is something else. */
static NOINLINE void cancelled_then_receive(gor_context *ctx, chan(int) c)
{
	chan_recv(gor_ctx_done(ctx), NULL);
	chan_recv(c, NULL);
}

LEAK_CASE(after_a_deadline, "1 leaked [chan receive]")
{
	gor_context *ctx = gor_ctx_with_timeout(gor_ctx_background(), GOR_MS);

	go(cancelled_then_receive, ctx, chan_make(int, 0));
	chan_recv(gor_ctx_done(ctx), NULL);
}

LEAK_CASE(value_of_a_context_with_a_deadline_cancelled, "1 leaked [chan receive]")
{
	gor_context *ctx = gor_ctx_with_value(gor_ctx_background(), &key, (void *)blocked());
	gor_context *child = gor_ctx_with_timeout(ctx, FOREVER);

	gor_ctx_cancel(child);
}

/* ---- groups ------------------------------------------------------------------------------------------- */

static int sleep_in_group(void *arg)
{
	(void)arg;
	leak_scrub();
	sleep_for_ever();
	return 0;
}

static NOINLINE void group_wait(gor_errgroup *eg)
{
	gor_errgroup_wait(eg);
}

LEAK_CASE(errgroup_with_a_living_member, "1 stuck [sync.WaitGroup.Wait]")
{
	gor_errgroup *eg = NEW(gor_errgroup);

	gor_errgroup_go(eg, sleep_in_group, NULL);
	settle();
	go(group_wait, eg);
}

static int sleep_in_flight(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	leak_scrub();
	sleep_for_ever();
	return 0;
}

static NOINLINE void fly(gor_singleflight *sf)
{
	gor_singleflight_do(sf, "key", sleep_in_flight, NULL, NULL, NULL);
}

LEAK_CASE(singleflight_with_a_living_leader, "2 stuck [singleflight.Do]")
{
	gor_singleflight *sf = NEW(gor_singleflight);

	for (int i = 0; i < 3; i++)
		go(fly, sf);
}

static void sleep_in_once(void *arg)
{
	(void)arg;
	leak_scrub();
	sleep_for_ever();
}

static NOINLINE void call_once(gor_once *o)
{
	gor_once_do(o, sleep_in_once, NULL);
}

LEAK_CASE(once_with_a_living_leader, "2 stuck [sync.Once.Do]")
{
	gor_once *o = NEW(gor_once);

	for (int i = 0; i < 3; i++)
		go(call_once, o);
}

static NOINLINE void borrow_and_sleep(gor_sem *s)
{
	gor_sem_acquire(s, 1);
	gor_sleep(FOREVER);
	gor_sem_release(s, 1);
}

static NOINLINE void borrow(gor_sem *s)
{
	gor_sem_acquire(s, 1);
}

LEAK_CASE(semaphore_with_a_living_borrower, "2 stuck [semacquire]")
{
	gor_sem *s = gor_sem_new(1);

	go(borrow_and_sleep, s);
	settle();
	go(borrow, s);
	go(borrow, s);
}

LEAK_CASE(semaphore_whose_borrower_has_ended, "2 leaked [semacquire]")
{
	gor_sem *s = gor_sem_new(1);

	for (int i = 0; i < 3; i++)
		go(borrow, s);
}

/* The lock is known, the condition is not: nobody can signal it. */
struct split {
	gor_mutex *mu;
	gor_cond *cond;
};

static NOINLINE void wait_split(struct split s)
{
	gor_mutex_lock(s.mu);
	gor_cond_wait(s.cond, s.mu);
	gor_mutex_unlock(s.mu);
}

LEAK_CASE(lost_cond_of_a_kept_mutex, "1 leaked [sync.Cond.Wait]")
{
	struct split s = {NEW(gor_mutex), NEW(gor_cond)};

	kept = s.mu;
	go(wait_split, s);
}

LEAK_CASE(kept_cond_of_a_lost_mutex, "1 stuck [sync.Cond.Wait]")
{
	struct split s = {NEW(gor_mutex), NEW(gor_cond)};

	kept = s.cond;
	go(wait_split, s);
}

/* ---- containers --------------------------------------------------------------------------------------- */

typedef void *word;
GOR_MAP_TYPE(int, word);
GOR_SLICE_TYPE(word);

struct big {
	long before[4];
	chan(int) c;
};
GOR_TYPE_DEFINE_NAMED(big, struct big);

LEAK_CASE(value_of_a_map, "60 stuck [chan receive]")
{
	gor_map(int, word) m = gor_map_make(int, word);

	for (int i = 0; i < 60; i++)
		gor_map_set(m, i, (void *)blocked());
	kept = m;
}

LEAK_CASE(value_of_a_lost_map, "60 leaked [chan receive]")
{
	gor_map(int, word) m = gor_map_make(int, word);

	for (int i = 0; i < 60; i++)
		gor_map_set(m, i, (void *)blocked());
}

LEAK_CASE(element_of_a_slice, "20 stuck [chan receive]")
{
	gor_slice(word) s = gor_slice_make(word, 0, 1);

	for (int i = 0; i < 20; i++)
		s = gor_slice_append(s, (void *)blocked());
	kept = &gor_slice_at(s, 19);
}

LEAK_CASE(element_of_a_lost_slice, "20 leaked [chan receive]")
{
	gor_slice(word) s = gor_slice_make(word, 0, 1);

	for (int i = 0; i < 20; i++)
		s = gor_slice_append(s, (void *)blocked());
	KEEP(s.ptr);
}

static gor_list known_list;

LEAK_CASE(value_in_a_list, "5 stuck [chan receive]")
{
	for (int i = 0; i < 5; i++)
		gor_list_push_back_value(&known_list, gor_any_of_pointer((void *)blocked()));
}

struct linked {
	chan(int) c;
	gor_list_node node;
};

/* Links lead to the middle of the blocks. */
LEAK_CASE(node_in_a_list, "5 stuck [chan receive]")
{
	for (int i = 0; i < 5; i++) {
		struct linked *l = calloc(1, sizeof(*l));
		l->c = blocked();
		gor_list_push_front(&known_list, &l->node);
	}
}

LEAK_CASE(node_in_a_lost_list, "5 leaked [chan receive]")
{
	gor_list *list = calloc(1, sizeof(*list));

	for (int i = 0; i < 5; i++) {
		struct linked *l = calloc(1, sizeof(*l));
		l->c = blocked();
		gor_list_push_front(list, &l->node);
	}
}

static volatile gor_any known_any;

LEAK_CASE(small_any, "1 stuck [chan receive]")
{
	known_any = gor_any_of_pointer((void *)blocked());
}

LEAK_CASE(big_any, "1 stuck [chan receive]")
{
	struct big b = {{1, 2, 3, 4}, blocked()};

	known_any = gor_any_make(big, b);
}

LEAK_CASE(big_any_that_is_lost, "1 leaked [chan receive]")
{
	struct big b = {{1, 2, 3, 4}, blocked()};
	gor_any a = gor_any_make(big, b);

	KEEP(a.data.heap);
}
