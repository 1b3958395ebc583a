/* SPDX-License-Identifier: MIT */
/*
 * pt.h - a channel over a mutex and conditions, and threads with small stacks
 *
 * What a C programmer without a runtime would write: correct, plain, and not
 * tuned with futexes or spinning.
 */
#ifndef GORGON_BENCH_PT_H
#define GORGON_BENCH_PT_H

#include <pthread.h>

#include "../bench.h"

/* Threads are slow enough that a part of the work tells their speed as well. */
enum pt_divisors {
	PT_YIELD_DIV = 10,
	PT_PINGPONG_DIV = 50,
	PT_BUFFERED_DIV = 4,
	PT_SPAWN_DIV = 50,
};

#define PT_STACK_SIZE (16 * 1024) /* the least that glibc takes; the fastest, too */
#define PT_CHAN_MAX 128

struct pt_chan {
	pthread_mutex_t mu;
	pthread_cond_t can_send; /* a place is free */
	pthread_cond_t can_recv; /* an item is there */
	pthread_cond_t taken;    /* cap 0: received has grown */
	int items[PT_CHAN_MAX];  /* ring, under mu like all below */
	int cap;                 /* 0 = rendezvous, which uses one place */
	uint64_t sent;
	uint64_t received;
};

static BENCH_UNUSED void pt_chan_init(struct pt_chan *c, int cap)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->mu, NULL);
	pthread_cond_init(&c->can_send, NULL);
	pthread_cond_init(&c->can_recv, NULL);
	pthread_cond_init(&c->taken, NULL);
	c->cap = cap;
}

static BENCH_UNUSED void pt_chan_send(struct pt_chan *c, int v)
{
	uint64_t places = c->cap ? (uint64_t)c->cap : 1, ticket;

	pthread_mutex_lock(&c->mu);
	while (c->sent - c->received == places)
		pthread_cond_wait(&c->can_send, &c->mu);
	ticket = c->sent++;
	c->items[ticket % places] = v;
	pthread_cond_signal(&c->can_recv);
	while (c->cap == 0 && c->received <= ticket)
		pthread_cond_wait(&c->taken, &c->mu);
	pthread_mutex_unlock(&c->mu);
}

static BENCH_UNUSED int pt_chan_recv(struct pt_chan *c)
{
	uint64_t places = c->cap ? (uint64_t)c->cap : 1;
	int v;

	pthread_mutex_lock(&c->mu);
	while (c->sent == c->received)
		pthread_cond_wait(&c->can_recv, &c->mu);
	v = c->items[c->received++ % places];
	pthread_cond_signal(&c->can_send);
	if (c->cap == 0)
		pthread_cond_broadcast(&c->taken);
	pthread_mutex_unlock(&c->mu);
	return v;
}

/* 0 when started, an errno value when the machine has no room for one more. */
static BENCH_UNUSED int pt_try_spawn(pthread_t *ret_thread, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PT_STACK_SIZE);
	err = pthread_create(ret_thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return err;
}

static BENCH_UNUSED pthread_t pt_spawn(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pt_try_spawn(&t, fn, arg) != 0)
		bench_fail("pthread_create failed");
	return t;
}

#endif
