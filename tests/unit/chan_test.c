/* SPDX-License-Identifier: MIT */
/*
 * What: tests of channels: rendezvous, buffers, nil, close, try, elements of all kinds, order, stress.
 *
 * How: "blocks" is shown by letting every goroutine come to rest (settle) and looking at what it has not
 * done.  The queues and the bookkeeping are read through struct gor_chan.
 */
#include "sched_test.h"

#include <limits.h>

static int progress; /* atomic */

/* ---- unbuffered ----------------------------------------------------------------------------------------------- */

static void send_and_tell(chan(int) c, int v, chan(gor_unit) done)
{
	chan_send(c, v);
	increment(&progress);
	say_done(done);
}

static void recv_and_tell(chan(int) c, int *ret, chan(gor_unit) done)
{
	chan_recv(c, ret);
	increment(&progress);
	say_done(done);
}

START_TEST(unbuffered_send_waits_for_a_receiver)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v = 0;

	go(send_and_tell, c, 42, done);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	ck_assert(chan_recv(c, &v));
	ck_assert_int_eq(v, 42);
	await(done, 1);
	ck_assert_int_eq(load(&progress), 1);
	ck_assert(nobody_waits(c));
}
END_TEST

START_TEST(unbuffered_recv_waits_for_a_sender)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v = 0;

	go(recv_and_tell, c, &v, done);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	chan_send(c, 43);
	await(done, 1);
	ck_assert_int_eq(v, 43);
	ck_assert(nobody_waits(c));
}
END_TEST

START_TEST(unbuffered_has_neither_length_nor_capacity)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);

	ck_assert_uint_eq(chan_cap(c), 0);
	ck_assert_uint_eq(chan_len(c), 0);
	go(send_and_tell, c, 1, done);
	settle();
	ck_assert_uint_eq(chan_len(c), 0);
	chan_recv(c, NULL);
	await(done, 1);
}
END_TEST

static void count_up(chan(int) c, int n)
{
	for (int i = 0; i < n; i++)
		chan_send(c, i);
	chan_close(c);
}

START_TEST(one_sender_and_one_receiver_keep_the_order)
{
	WITH_PROCS();
	for (int cap = 0; cap < 4; cap++) {
		chan(int) c = chan_make(int, cap);
		int v, n = 0;

		go(count_up, c, 20000);
		while (chan_recv(c, &v)) {
			REQUIRE(v == n);
			n++;
		}
		ck_assert_int_eq(n, 20000);
		chan_free(c);
	}
}
END_TEST

/* ---- buffered -------------------------------------------------------------------------------------------------- */

START_TEST(buffered_send_waits_only_when_the_buffer_is_full)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 3);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v;

	for (int i = 0; i < 3; i++)
		chan_send(c, i);
	ck_assert_uint_eq(chan_len(c), 3);
	go(send_and_tell, c, 3, done);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	chan_recv(c, &v);
	ck_assert_int_eq(v, 0);
	await(done, 1);
	ck_assert_uint_eq(chan_len(c), 3);
	for (int i = 1; i < 4; i++) {
		chan_recv(c, &v);
		ck_assert_int_eq(v, i);
	}
	ck_assert(nobody_waits(c));
}
END_TEST

START_TEST(buffered_recv_waits_only_when_the_buffer_is_empty)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 3);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v = 0;

	chan_send(c, 7);
	chan_recv(c, &v);
	ck_assert_int_eq(v, 7);
	go(recv_and_tell, c, &v, done);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	chan_send(c, 8);
	ck_assert_uint_eq(chan_len(c), 0); /* handed over, not buffered */
	await(done, 1);
	ck_assert_int_eq(v, 8);
}
END_TEST

START_TEST(buffered_is_first_in_first_out_however_it_wraps)
{
	WITH_PROCS();
	for (size_t cap = 1; cap < 10; cap++) {
		chan(int) c = chan_make(int, cap);
		int in = 0, out = 0, v;

		for (int round = 0; round < 100; round++) {
			size_t k = 1 + (size_t)round * 7 % cap;

			for (size_t i = 0; i < k; i++)
				chan_send(c, in++);
			REQUIRE(chan_len(c) == k);
			for (size_t i = 0; i < k; i++) {
				REQUIRE(chan_recv(c, &v));
				REQUIRE(v == out);
				out++;
			}
		}
		chan_free(c);
	}
}
END_TEST

START_TEST(len_counts_what_is_buffered_and_cap_never_changes)
{
	WITH_PROCS();
	chan(int64_t) c = chan_make(int64_t, 5);

	for (size_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(chan_len(c), i);
		chan_send(c, (int64_t)i);
	}
	chan_close(c);
	for (size_t i = 5; i > 0; i--) {
		ck_assert_uint_eq(chan_len(c), i);
		ck_assert_uint_eq(chan_cap(c), 5);
		chan_recv(c, NULL);
	}
	ck_assert_uint_eq(chan_len(c), 0);
}
END_TEST

/* ---- order among waiters ----------------------------------------------------------------------------------------- */

enum { WAITERS = 50 };

static void recv_into(chan(int) c, int *ret, chan(gor_unit) done)
{
	chan_recv(c, ret);
	say_done(done);
}

START_TEST(waiting_receivers_are_served_in_the_order_of_their_coming)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, WAITERS);
	int got[WAITERS];

	for (int i = 0; i < WAITERS; i++) {
		go(recv_into, c, &got[i], done);
		settle();
	}
	for (int i = 0; i < WAITERS; i++)
		chan_send(c, i);
	await(done, WAITERS);
	for (int i = 0; i < WAITERS; i++)
		ck_assert_int_eq(got[i], i);
}
END_TEST

static void send_one(chan(int) c, int v, chan(gor_unit) done)
{
	chan_send(c, v);
	say_done(done);
}

START_TEST(waiting_senders_are_served_in_the_order_of_their_coming)
{
	WITH_PROCS();
	for (int cap = 0; cap < 4; cap++) {
		chan(int) c = chan_make(int, cap);
		chan(gor_unit) done = chan_make(gor_unit, WAITERS);
		int v;

		for (int i = 0; i < WAITERS; i++) { /* the first ones fill the buffer */
			go(send_one, c, i, done);
			settle();
		}
		for (int i = 0; i < WAITERS; i++) {
			chan_recv(c, &v);
			ck_assert_int_eq(v, i);
		}
		await(done, WAITERS);
		ck_assert(nobody_waits(c));
	}
}
END_TEST

/* ---- nil ----------------------------------------------------------------------------------------------------------- */

static int64_t goid_of_waiter; /* atomic */

static void send_on_nil(void)
{
	chan(int) c = NULL;

	store(&goid_of_waiter, gor_goid());
	chan_send(c, 1);
	increment(&progress);
}

static void recv_on_nil(void)
{
	chan(int) c = NULL;

	store(&goid_of_waiter, gor_goid());
	chan_recv(c, NULL);
	increment(&progress);
}

START_TEST(send_on_a_nil_channel_blocks_for_ever)
{
	WITH_PROCS();
	go(send_on_nil);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	ck_assert(is_parked(load(&goid_of_waiter), GORI_WAIT_CHAN_SEND_NIL, NULL));
}
END_TEST

START_TEST(recv_from_a_nil_channel_blocks_for_ever)
{
	WITH_PROCS();
	go(recv_on_nil);
	settle();
	ck_assert_int_eq(load(&progress), 0);
	ck_assert(is_parked(load(&goid_of_waiter), GORI_WAIT_CHAN_RECV_NIL, NULL));
}
END_TEST

START_TEST(nil_channel_has_no_length_and_is_never_ready)
{
	WITH_PROCS();
	chan(int) c = NULL;
	int v = 5;
	bool ok = true;

	ck_assert_uint_eq(chan_len(c), 0);
	ck_assert_uint_eq(chan_cap(c), 0);
	ck_assert(!chan_try_send(c, 1));
	ck_assert(!chan_try_recv(c, &v, &ok));
	ck_assert(!ok);
	ck_assert_int_eq(v, 5);
	chan_free(c);
}
END_TEST

static void close_nil(void)
{
	chan(int) c = NULL;

	chan_close(c);
}

START_TEST(close_of_a_nil_channel_panics)
{
	WITH_PROCS();
	expect_panic(close_nil, "close of nil channel");
}
END_TEST

/* ---- close ----------------------------------------------------------------------------------------------------------- */

START_TEST(recv_from_closed_channel_returns_zero_value)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);

	chan_close(c);
	for (int i = 0; i < 3; i++) {
		int v = 77;

		ck_assert(!chan_recv(c, &v));
		ck_assert_int_eq(v, 0);
	}
	ck_assert(!chan_recv(c, NULL));
}
END_TEST

START_TEST(closed_channel_gives_what_is_buffered_first)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 4);
	int v;

	chan_send(c, 1);
	chan_send(c, 2);
	chan_close(c);
	ck_assert(chan_recv(c, &v));
	ck_assert_int_eq(v, 1);
	ck_assert(chan_recv(c, &v));
	ck_assert_int_eq(v, 2);
	ck_assert(!chan_recv(c, &v));
	ck_assert_int_eq(v, 0);
	ck_assert_uint_eq(chan_cap(c), 4);
}
END_TEST

static void recv_closed(chan(int) c, chan(gor_unit) done)
{
	int v = 99;
	bool ok = chan_recv(c, &v);

	REQUIRE(!ok);
	REQUIRE(v == 0);
	say_done(done);
}

START_TEST(close_wakes_all_receivers)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);

	for (int i = 0; i < 1000; i++)
		go(recv_closed, c, done);
	settle();
	chan_close(c);
	ck_assert(nobody_waits(c));
	await(done, 1000);
}
END_TEST

static void close_twice(void)
{
	chan(int) c = chan_make(int, 1);

	chan_close(c);
	chan_close(c);
}

START_TEST(close_of_a_closed_channel_panics)
{
	WITH_PROCS();
	expect_panic(close_twice, "close of closed channel");
}
END_TEST

static void send_on_closed(void)
{
	chan(int) c = chan_make(int, 1);

	chan_close(c);
	chan_send(c, 1);
}

static void try_send_on_closed(void)
{
	chan(int) c = chan_make(int, 1);

	chan_close(c);
	chan_try_send(c, 1);
}

static void send_on_full_and_closed(void)
{
	chan(int) c = chan_make(int, 1);

	chan_send(c, 1);
	chan_close(c);
	chan_send(c, 2);
}

START_TEST(send_on_closed_channel_panics)
{
	WITH_PROCS();
	expect_panic(send_on_closed, "send on closed channel");
	expect_panic(try_send_on_closed, "send on closed channel");
	expect_panic(send_on_full_and_closed, "send on closed channel");
}
END_TEST

static void send_for_ever(chan(int) c)
{
	chan_send(c, 1);
}

static void close_under_a_sender(void)
{
	chan(int) c = chan_make(int, 0);

	go(send_for_ever, c);
	settle();
	chan_close(c);
	gor_sleep(30 * GOR_SECOND);
}

static void close_under_a_sender_to_a_full_buffer(void)
{
	chan(int) c = chan_make(int, 2);

	chan_send(c, 1);
	chan_send(c, 2);
	go(send_for_ever, c);
	settle();
	chan_close(c);
	gor_sleep(30 * GOR_SECOND);
}

START_TEST(close_makes_blocked_senders_panic)
{
	WITH_PROCS();
	expect_panic(close_under_a_sender, "send on closed channel");
	expect_panic(close_under_a_sender_to_a_full_buffer, "send on closed channel");
}
END_TEST

/* ---- try -------------------------------------------------------------------------------------------------------------- */

START_TEST(try_send_succeeds_only_if_it_need_not_wait)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0), b = chan_make(int, 1);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v = 0;

	ck_assert(!chan_try_send(c, 1));
	go(recv_and_tell, c, &v, done);
	settle();
	ck_assert(chan_try_send(c, 2));
	await(done, 1);
	ck_assert_int_eq(v, 2);
	ck_assert(!chan_try_send(c, 3));
	ck_assert(chan_try_send(b, 1));
	ck_assert(!chan_try_send(b, 2));
	ck_assert_uint_eq(chan_len(b), 1);
}
END_TEST

START_TEST(try_recv_tells_received_closed_and_would_wait_apart)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 1);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v = 9;
	bool ok = true;

	ck_assert(!chan_try_recv(c, &v));
	ck_assert(!chan_try_recv(c, &v, &ok));
	ck_assert(!ok);
	ck_assert_int_eq(v, 9);
	chan_send(c, 1);
	go(send_and_tell, c, 2, done);
	settle();
	ck_assert(chan_try_recv(c, &v, &ok));
	ck_assert(ok);
	ck_assert_int_eq(v, 1);
	await(done, 1);
	ck_assert(chan_try_recv(c, NULL)); /* discards 2 */
	chan_close(c);
	ok = true;
	ck_assert(chan_try_recv(c, &v, &ok));
	ck_assert(!ok);
	ck_assert_int_eq(v, 0);
}
END_TEST

START_TEST(try_recv_takes_from_a_waiting_sender)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v = 0;

	go(send_and_tell, c, 5, done);
	settle();
	ck_assert(chan_try_recv(c, &v));
	ck_assert_int_eq(v, 5);
	await(done, 1);
	ck_assert(!chan_try_recv(c, &v));
}
END_TEST

/* ---- elements ------------------------------------------------------------------------------------------------------------ */

enum { BIGGEST = 4096, FENCE = 64 };

static void fill(unsigned char *p, size_t size, int seed)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (unsigned char)((size_t)seed * 31 + i * 7 + 1);
}

static bool is_filled(const unsigned char *p, size_t size, int seed)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != (unsigned char)((size_t)seed * 31 + i * 7 + 1))
			return false;
	return true;
}

static void send_patterns(void *c, size_t size, int n)
{
	unsigned char buf[BIGGEST];

	for (int i = 0; i < n; i++) {
		fill(buf, size, i);
		gor_chan_send(c, buf);
	}
	chan_close(c);
}

/* Receives all patterns between two fences that nothing may touch. */
static void recv_patterns(void *c, size_t size, int n)
{
	static unsigned char buf[BIGGEST + 2 * FENCE];
	unsigned char fence[FENCE];

	memset(fence, 0xee, sizeof fence);
	for (int i = 0; i <= n; i++) {
		memset(buf, 0xee, sizeof buf);
		REQUIRE(gor_chan_recv(c, buf + FENCE) == (i < n));
		REQUIRE(!memcmp(buf, fence, FENCE));
		REQUIRE(!memcmp(buf + FENCE + size, fence, FENCE));
		if (i < n)
			REQUIRE(is_filled(buf + FENCE, size, i));
		else
			for (size_t k = 0; k < size; k++)
				REQUIRE(buf[FENCE + k] == 0);
	}
}

START_TEST(elements_of_every_size_arrive_whole)
{
	static const size_t sizes[] = {0,  1,  2,  3,  4,  5,   6,    7,    8,      9,
				       12, 15, 16, 17, 24, 100, 1000, 4095, BIGGEST};
	static const struct gor_site site = GORI_SITE("bytes", 0);

	WITH_PROCS();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (size_t cap = 0; cap <= 5; cap += 5) {
			void *c = gor_chan_make(sizes[i], cap, &site);

			go(send_patterns, c, sizes[i], 40);
			recv_patterns(c, sizes[i], 40);
			chan_free(c);
		}
}
END_TEST

struct point {
	double x, y;
	const char *name;
};

static void send_points(chan(struct point) c)
{
	struct point p = {1.5, -2.5, "first"};

	chan_send(c, p);
	chan_send(c, {3.0, 4.0, "second"});
	chan_send(c, {.name = "third"});
}

START_TEST(structs_are_sent_by_value)
{
	WITH_PROCS();
	chan(struct point) c = chan_make(struct point, 1);
	struct point p;

	go(send_points, c);
	chan_recv(c, &p);
	ck_assert(p.x == 1.5 && p.y == -2.5);
	ck_assert_str_eq(p.name, "first");
	chan_recv(c, &p);
	ck_assert(p.x == 3.0 && p.y == 4.0);
	chan_recv(c, &p);
	ck_assert(p.x == 0 && p.y == 0);
	ck_assert_str_eq(p.name, "third");
}
END_TEST

static void send_scalars(chan(double) d, chan(bool) b, chan(const char *) s, chan(signed char) t)
{
	chan_send(d, 0.1);
	chan_send(b, 7); /* converted to the element's type, as an assignment */
	chan_send(s, "text");
	chan_send(t, -1);
}

START_TEST(values_are_converted_to_the_type_of_the_element)
{
	WITH_PROCS();
	chan(double) d = chan_make(double, 0);
	chan(bool) b = chan_make(bool, 0);
	chan(const char *) s = chan_make(const char *, 0);
	chan(signed char) t = chan_make(signed char, 0);
	double vd;
	bool vb;
	const char *vs;
	signed char vt;

	go(send_scalars, d, b, s, t);
	chan_recv(d, &vd);
	chan_recv(b, &vb);
	chan_recv(s, &vs);
	chan_recv(t, &vt);
	ck_assert(vd == 0.1);
	ck_assert(vb == true);
	ck_assert_str_eq(vs, "text");
	ck_assert_int_eq(vt, -1);
}
END_TEST

START_TEST(recv_without_a_destination_discards_one_element)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 2), u = chan_make(int, 0);
	chan(gor_unit) done = chan_make(gor_unit, 0);
	int v;

	chan_send(c, 1);
	chan_send(c, 2);
	ck_assert(chan_recv(c, NULL));
	chan_recv(c, &v);
	ck_assert_int_eq(v, 2);
	go(recv_and_tell, u, NULL, done); /* the receiver waits */
	settle();
	chan_send(u, 3);
	await(done, 1);
	go(send_and_tell, u, 4, done); /* the sender waits */
	settle();
	ck_assert(chan_recv(u, NULL));
	await(done, 1);
}
END_TEST

/* ---- channels of channels ---------------------------------------------------------------------------------------------------- */

struct request {
	int n;
	chan(int) reply;
};

static void square(chan(struct request) requests)
{
	struct request r;

	while (chan_recv(requests, &r))
		chan_send(r.reply, r.n * r.n);
}

static void ask(chan(struct request) requests, int n, chan(gor_unit) done)
{
	chan(int) reply = chan_make(int, 0);

	for (int i = 0; i < 50; i++) {
		int v;

		chan_send(requests, {n + i, reply});
		chan_recv(reply, &v);
		REQUIRE(v == (n + i) * (n + i));
	}
	chan_free(reply);
	say_done(done);
}

START_TEST(channels_travel_through_channels)
{
	WITH_PROCS();
	chan(struct request) requests = chan_make(struct request, 2);
	chan(gor_unit) done = chan_make(gor_unit, 0);

	go(square, requests);
	go(square, requests);
	for (int i = 0; i < 20; i++)
		go(ask, requests, i, done);
	await(done, 20);
	chan_close(requests);
	settle();
}
END_TEST

static void send_on_the_channel_received(chan(chan(chan(int))) ccc)
{
	chan(chan(int)) cc;
	chan(int) c;

	chan_recv(ccc, &cc);
	chan_recv(cc, &c);
	chan_send(c, 17);
}

START_TEST(channel_types_nest)
{
	WITH_PROCS();
	chan(chan(chan(int))) ccc = chan_make(chan(chan(int)), 0);
	chan(chan(int)) cc = chan_make(chan(int), 1);
	chan(int) c = chan_make(int, 0);
	int v;

	go(send_on_the_channel_received, ccc);
	chan_send(ccc, cc);
	chan_send(cc, c);
	chan_recv(c, &v);
	ck_assert_int_eq(v, 17);
}
END_TEST

/* ---- make, free, bookkeeping ------------------------------------------------------------------------------------------------------ */

static void make_huge(void)
{
	(void)chan_make(int, SIZE_MAX);
}

static void make_overflowing(void)
{
	(void)chan_make(int64_t, SIZE_MAX / 8 + 2);
}

START_TEST(make_with_an_impossible_size_panics)
{
	WITH_PROCS();
	expect_panic(make_huge, "makechan: size out of range");
	expect_panic(make_overflowing, "makechan: size out of range");
}
END_TEST

static void free_under_a_waiter(void)
{
	chan(int) c = chan_make(int, 0);

	go(send_for_ever, c);
	settle();
	chan_free(c);
}

START_TEST(free_with_waiters_panics)
{
	WITH_PROCS();
	expect_panic(free_under_a_waiter, "chan_free: goroutines wait on the channel");
}
END_TEST

START_TEST(a_channel_remembers_who_made_and_used_it)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	int line = __LINE__ - 1;
	chan(gor_unit) done = chan_make(gor_unit, 0);
	struct gor_chan *in = inside(c);

	ck_assert_int_eq(in->maker, 1);
	ck_assert_int_eq((int)in->site->line, line);
	ck_assert_str_eq(in->site->what, "int");
	ck_assert_int_eq(in->last_sender, 0);
	go(send_and_tell, c, 1, done);
	chan_recv(c, NULL);
	await(done, 1);
	ck_assert_int_gt(in->last_sender, 1);
	ck_assert_int_eq(in->last_receiver, 1);
	ck_assert_int_eq(in->closer, 0);
	chan_close(c);
	ck_assert_int_eq(in->closer, 1);
}
END_TEST

START_TEST(a_waiting_goroutine_tells_reason_and_channel)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0), d = chan_make(int, 1);
	chan(gor_unit) done = chan_make(gor_unit, 0);

	chan_send(d, 1);
	go(recv_and_tell, c, NULL, done);
	go(send_and_tell, d, 2, done);
	settle();
	ck_assert_ptr_nonnull(inside(c)->recvq.first);
	ck_assert_ptr_nonnull(inside(d)->sendq.first);
	ck_assert(is_parked(inside(c)->recvq.first->g->goid, GORI_WAIT_CHAN_RECV, c));
	ck_assert(is_parked(inside(d)->sendq.first->g->goid, GORI_WAIT_CHAN_SEND, d));
	chan_send(c, 1);
	chan_recv(d, NULL);
	await(done, 2);
}
END_TEST

/* ---- many at once ------------------------------------------------------------------------------------------------------------------- */

enum { SENDERS = 8, RECEIVERS = 8, EACH = 3000 };

static unsigned char seen[SENDERS * EACH]; /* atomic */

static void send_range(chan(int) c, int from, chan(gor_unit) done)
{
	for (int i = 0; i < EACH; i++)
		chan_send(c, from + i);
	say_done(done);
}

/* What comes from one sender comes in its order, also if others take some of it. */
static void recv_all(chan(int) c, chan(gor_unit) done)
{
	int last[SENDERS], v;

	memset(last, 0xff, sizeof last);
	while (chan_recv(c, &v)) {
		REQUIRE(v >= 0 && v < SENDERS * EACH);
		REQUIRE(v % EACH > last[v / EACH]);
		last[v / EACH] = v % EACH;
		REQUIRE(__atomic_fetch_add(&seen[v], 1, __ATOMIC_SEQ_CST) == 0);
	}
	say_done(done);
}

START_TEST(every_value_arrives_exactly_once)
{
	static const size_t caps[] = {0, 1, 3, 64, 1000};

	WITH_PROCS();
	for (size_t k = 0; k < sizeof caps / sizeof caps[0]; k++) {
		chan(int) c = chan_make(int, caps[k]);
		chan(gor_unit) sent = chan_make(gor_unit, 0), received = chan_make(gor_unit, 0);

		memset(seen, 0, sizeof seen);
		for (int i = 0; i < SENDERS; i++)
			go(send_range, c, i * EACH, sent);
		for (int i = 0; i < RECEIVERS; i++)
			go(recv_all, c, received);
		await(sent, SENDERS);
		chan_close(c);
		await(received, RECEIVERS);
		for (int i = 0; i < SENDERS * EACH; i++)
			REQUIRE(seen[i] == 1);
		ck_assert(nobody_waits(c));
		settle();
		chan_free(c);
	}
}
END_TEST

static void try_to_send_range(chan(int) c, int from, chan(gor_unit) done)
{
	for (int i = 0; i < EACH; i++)
		while (!chan_try_send(c, from + i))
			gor_yield();
	say_done(done);
}

static void try_to_recv_all(chan(int) c, chan(gor_unit) done)
{
	bool ok;
	int v;

	for (;;) {
		if (!chan_try_recv(c, &v, &ok)) {
			gor_yield();
			continue;
		}
		if (!ok)
			break;
		REQUIRE(__atomic_fetch_add(&seen[v], 1, __ATOMIC_SEQ_CST) == 0);
	}
	say_done(done);
}

/* On a channel without a buffer two that only try never meet, so one side waits. */
START_TEST(trying_and_waiting_mix)
{
	WITH_PROCS();
	for (int round = 0; round < 3; round++) {
		chan(int) c = chan_make(int, round == 0 ? 2 : 0);
		chan(gor_unit) sent = chan_make(gor_unit, 0), received = chan_make(gor_unit, 0);

		memset(seen, 0, sizeof seen);
		for (int i = 0; i < SENDERS; i++) {
			if (round == 2)
				go(send_range, c, i * EACH, sent);
			else
				go(try_to_send_range, c, i * EACH, sent);
		}
		for (int i = 0; i < RECEIVERS; i++) {
			if (round == 1)
				go(recv_all, c, received);
			else
				go(try_to_recv_all, c, received);
		}
		await(sent, SENDERS);
		chan_close(c);
		await(received, RECEIVERS);
		for (int i = 0; i < SENDERS * EACH; i++)
			REQUIRE(seen[i] == 1);
	}
}
END_TEST

static void recv_until_closed(chan(int) c, int *ret_n, chan(gor_unit) done)
{
	int n = 0;

	while (chan_recv(c, NULL))
		n++;
	*ret_n = n;
	say_done(done);
}

START_TEST(close_races_with_receivers_and_loses_nothing)
{
	WITH_PROCS();
	for (int round = 0; round < 200; round++) {
		chan(int) c = chan_make(int, round % 4);
		chan(gor_unit) done = chan_make(gor_unit, 0);
		int n[4], total = 0;

		for (int i = 0; i < 4; i++)
			go(recv_until_closed, c, &n[i], done);
		for (int i = 0; i < 20; i++)
			chan_send(c, i);
		chan_close(c);
		await(done, 4);
		for (int i = 0; i < 4; i++)
			total += n[i];
		REQUIRE(total == 20);
		REQUIRE(nobody_waits(c));
		settle();
		chan_free(c);
		chan_free(done);
	}
}
END_TEST

static void filter(chan(int) in, chan(int) out, int prime)
{
	int v;

	while (chan_recv(in, &v))
		if (v % prime)
			chan_send(out, v);
	chan_close(out);
}

static void numbers_from_two(chan(int) out)
{
	for (int i = 2; i < 2000; i++)
		chan_send(out, i);
	chan_close(out);
}

START_TEST(a_chain_of_filters_finds_the_primes)
{
	WITH_PROCS();
	chan(int) c = chan_make(int, 0);
	int v, n = 0;

	go(numbers_from_two, c);
	while (chan_recv(c, &v)) {
		chan(int) next = chan_make(int, 0);

		for (int d = 2; d * d <= v; d++)
			REQUIRE(v % d);
		go(filter, c, next, v);
		c = next;
		n++;
	}
	ck_assert_int_eq(n, 303);
}
END_TEST

static void pass_on(chan(int) in, chan(int) out)
{
	int v;

	while (chan_recv(in, &v))
		chan_send(out, v + 1);
	chan_close(out);
}

START_TEST(a_token_goes_round_a_ring_of_goroutines)
{
	enum { NODES = 1000, ROUNDS = 20 };

	WITH_PROCS();
	chan(int) first = chan_make(int, 0), at = first;
	int v = 0;

	for (int i = 0; i < NODES; i++) {
		chan(int) next = chan_make(int, 0);

		go(pass_on, at, next);
		at = next;
	}
	for (int i = 0; i < ROUNDS; i++) {
		chan_send(first, v);
		chan_recv(at, &v);
	}
	ck_assert_int_eq(v, NODES * ROUNDS);
	chan_close(first);
	ck_assert(!chan_recv(at, NULL));
}
END_TEST

struct message {
	long words[16];
};

static void publish(chan(struct message *) c, chan(struct message *) back, int n)
{
	for (int i = 0; i < n; i++) {
		struct message *m;

		chan_recv(back, &m);
		for (int k = 0; k < 16; k++)
			m->words[k] = i; /* plain stores: the send publishes them */
		chan_send(c, m);
	}
	chan_close(c);
}

START_TEST(what_was_written_before_a_send_is_seen_after_its_recv)
{
	static struct message pool[3];

	WITH_PROCS();
	chan(struct message *) c = chan_make(struct message *, 1), back = chan_make(struct message *, 3);
	struct message *m;
	long n = 0;

	for (int i = 0; i < 3; i++)
		chan_send(back, &pool[i]);
	go(publish, c, back, 20000);
	while (chan_recv(c, &m)) {
		for (int k = 0; k < 16; k++)
			REQUIRE(m->words[k] == n);
		n++;
		chan_send(back, m);
	}
	ck_assert_int_eq(n, 20000);
}
END_TEST

static void swap_for_ever(chan(int) in, chan(int) out, int n, chan(gor_unit) done)
{
	int v;

	for (int i = 0; i < n; i++) {
		chan_recv(in, &v);
		chan_send(out, v + 1);
	}
	say_done(done);
}

START_TEST(many_pairs_play_ping_pong_at_once)
{
	enum { PAIRS = 50, TURNS = 500 };

	WITH_PROCS();
	chan(gor_unit) done = chan_make(gor_unit, 0);
	chan(int) ping[PAIRS], pong[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		ping[i] = chan_make(int, i % 2);
		pong[i] = chan_make(int, i % 2 + 1); /* the last ball stays in it */
		go(swap_for_ever, ping[i], pong[i], TURNS, done);
		go(swap_for_ever, pong[i], ping[i], TURNS - 1, done);
	}
	for (int i = 0; i < PAIRS; i++)
		chan_send(ping[i], i);
	await(done, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		int v;

		chan_recv(pong[i], &v);
		ck_assert_int_eq(v, i + 2 * TURNS - 1);
	}
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------------------------------------------------ */

static void add_tests(TCase *tc)
{
	ADD(tc, unbuffered_send_waits_for_a_receiver);
	ADD(tc, unbuffered_recv_waits_for_a_sender);
	ADD(tc, unbuffered_has_neither_length_nor_capacity);
	ADD(tc, one_sender_and_one_receiver_keep_the_order);
	ADD(tc, buffered_send_waits_only_when_the_buffer_is_full);
	ADD(tc, buffered_recv_waits_only_when_the_buffer_is_empty);
	ADD(tc, buffered_is_first_in_first_out_however_it_wraps);
	ADD(tc, len_counts_what_is_buffered_and_cap_never_changes);
	ADD(tc, waiting_receivers_are_served_in_the_order_of_their_coming);
	ADD(tc, waiting_senders_are_served_in_the_order_of_their_coming);
	ADD(tc, send_on_a_nil_channel_blocks_for_ever);
	ADD(tc, recv_from_a_nil_channel_blocks_for_ever);
	ADD(tc, nil_channel_has_no_length_and_is_never_ready);
	ADD(tc, close_of_a_nil_channel_panics);
	ADD(tc, recv_from_closed_channel_returns_zero_value);
	ADD(tc, closed_channel_gives_what_is_buffered_first);
	ADD(tc, close_wakes_all_receivers);
	ADD(tc, close_of_a_closed_channel_panics);
	ADD(tc, send_on_closed_channel_panics);
	ADD(tc, close_makes_blocked_senders_panic);
	ADD(tc, try_send_succeeds_only_if_it_need_not_wait);
	ADD(tc, try_recv_tells_received_closed_and_would_wait_apart);
	ADD(tc, try_recv_takes_from_a_waiting_sender);
	ADD(tc, elements_of_every_size_arrive_whole);
	ADD(tc, structs_are_sent_by_value);
	ADD(tc, values_are_converted_to_the_type_of_the_element);
	ADD(tc, recv_without_a_destination_discards_one_element);
	ADD(tc, channels_travel_through_channels);
	ADD(tc, channel_types_nest);
	ADD_ONCE(tc, make_with_an_impossible_size_panics);
	ADD(tc, free_with_waiters_panics);
	ADD(tc, a_channel_remembers_who_made_and_used_it);
	ADD(tc, a_waiting_goroutine_tells_reason_and_channel);
	ADD(tc, every_value_arrives_exactly_once);
	ADD(tc, trying_and_waiting_mix);
	ADD(tc, close_races_with_receivers_and_loses_nothing);
	ADD(tc, a_chain_of_filters_finds_the_primes);
	ADD(tc, a_token_goes_round_a_ring_of_goroutines);
	ADD(tc, what_was_written_before_a_send_is_seen_after_its_recv);
	ADD(tc, many_pairs_play_ping_pong_at_once);
}

int main(int argc, char **argv)
{
	return run_suite(argc, argv, "chan", add_tests, NULL);
}
