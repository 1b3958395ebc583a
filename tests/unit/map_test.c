/* SPDX-License-Identifier: MIT */
/*
 * What: tests of gor_map: Go's semantics, a walk over the internal layout, and a comparison with a
 * naive model under random operations, inside and outside iterations, for each class of key.
 *
 * How: the model is an array indexed by key number, so each class only needs a way to make its key
 * from a number.  One class hashes to seven values only, which makes long chains.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gorgon/map.h>

#include "abi/types_abi.h"

typedef struct {
	int16_t group;
	int16_t number;
} pair;

typedef struct {
	char small;
	int large;
} padded;

typedef struct {
	_Alignas(16) int64_t words[20];
} aligned;

static inline uint64_t pair_hash(const pair *p, uint64_t seed)
{
	(void)seed;
	return (uint64_t)(p->number % 7);
}

static inline bool pair_equal(const pair *a, const pair *b)
{
	return a->group == b->group && a->number == b->number;
}

GOR_MAP_TYPE(int32_t, int);
GOR_MAP_TYPE(int64_t, int);
GOR_MAP_TYPE(gor_string, int);
GOR_MAP_TYPE(double, int);
GOR_MAP_TYPE(int, aligned);
GOR_MAP_TYPE(bool, char);
GOR_MAP_TYPE_NAMED(by_pointer, const void *, int);
GOR_MAP_TYPE_HASHED(by_pair, pair, int, pair_hash, pair_equal);
GOR_MAP_TYPE_BYTES(by_bytes, pair, int);
GOR_MAP_TYPE_BYTES(by_padded, padded, int);

/* ---- helpers -------------------------------------------------------------------------------- */

/* For hot loops: ck_assert writes to a file each time, even when all is well. */
#define must(cond)                                                                                           \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			ck_abort_msg("not so: %s", #cond);                                                   \
	} while (0)

/* Runs fn in a child, which must die with status 2 and say `text`. */
static void expect_death(void (*fn)(void), const char *text)
{
	char said[4096];
	size_t len = 0;
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	/* after the first 2 KiB: read on, so that the child can write on, and overwrite */
	while ((n = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len = len + (size_t)n < 2048 ? len + (size_t)n : 2048;
	said[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %#x", status);
	ck_assert_msg(strstr(said, text) != NULL, "said: %s", said);
}

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % n;
}

/* Counts the entries of a chain and checks what types_abi.h promises about its states. */
static uint64_t check_chain(const struct gori_abi_map *m, const unsigned char *bucket)
{
	bool ended = false;
	uint64_t used = 0;

	while (bucket != NULL) {
		for (int i = 0; i < GORI_MAP_SLOTS; i++) {
			must(!ended || bucket[i] == GORI_MAP_TOP_EMPTY_REST);
			ended |= bucket[i] == GORI_MAP_TOP_EMPTY_REST;
			used += bucket[i] >= GORI_MAP_TOP_MIN;
		}
		memcpy(&bucket, bucket + m->type->overflow_offset, sizeof(bucket));
	}
	return used;
}

/* Walks a map as a reader from outside would. */
static void check_layout(const void *map)
{
	const struct gori_abi_map *m = map;
	uint64_t used = 0, n = 1ULL << m->log2_buckets;

	if (m->buckets == NULL) {
		ck_assert_uint_eq(m->count, 0);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		used += check_chain(m, (unsigned char *)m->buckets + i * m->bucket_size);
	n = m->old_buckets == NULL ? 0 : m->flags & GORI_MAP_SAME_SIZE ? n : n / 2;
	for (uint64_t i = 0; i < n; i++)
		used += check_chain(m, (unsigned char *)m->old_buckets + i * m->bucket_size);
	ck_assert_uint_eq(used, m->count);
}

/* ---- basics --------------------------------------------------------------------------------- */

START_TEST(get_from_empty_map_returns_zero_value)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);
	int v = 99;

	ck_assert(!gor_map_get(m, 1, &v));
	ck_assert_int_eq(v, 0);
	ck_assert_int_eq(gor_map_at(m, 1), 0);
	ck_assert(!gor_map_has(m, 1));
	ck_assert_ptr_null(gor_map_find(m, 1));
	gor_map_free(m);
}
END_TEST

START_TEST(nil_map_reads_as_empty)
{
	gor_map(int32_t, int) m = NULL;
	int v = 99, turns = 0;

	ck_assert(!gor_map_get(m, 1, &v) && v == 0);
	ck_assert_uint_eq(gor_map_len(m), 0);
	ck_assert(!gor_map_delete(m, 1));
	gor_map_each(it, m) turns += it.value + 1;
	ck_assert_int_eq(turns, 0);
	gor_map_clear(m);
	gor_map_free(m);
}
END_TEST

static void write_to_nil(void)
{
	gor_map_set((gor_map(int32_t, int))NULL, 1, 1);
}

START_TEST(write_to_nil_map_panics)
{
	expect_death(write_to_nil, "panic: assignment to entry in nil map");
}
END_TEST

START_TEST(set_entry_is_found_until_deleted)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);
	int v;

	gor_map_set(m, 7, 70);
	gor_map_set(m, -7, 71);
	ck_assert(gor_map_get(m, 7, &v) && v == 70);
	gor_map_set(m, 7, 72);
	ck_assert_uint_eq(gor_map_len(m), 2);
	ck_assert(gor_map_delete(m, 7));
	ck_assert(!gor_map_delete(m, 7));
	ck_assert(!gor_map_has(m, 7));
	ck_assert_int_eq(gor_map_at(m, -7), 71);
	gor_map_free(m);
}
END_TEST

START_TEST(ref_adds_a_zero_value_even_where_an_entry_was_deleted)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);

	for (int i = 0; i < 8; i++)
		gor_map_set(m, i, -1);
	for (int i = 0; i < 8; i++)
		gor_map_delete(m, i);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq((*gor_map_ref(m, i))++, 0);
	ck_assert_int_eq(gor_map_at(m, 3), 1);
	gor_map_free(m);
}
END_TEST

START_TEST(arguments_are_evaluated_once_and_calls_nest)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);
	int k = 0, v = 0;

	gor_map_set(m, k++, v++);
	gor_map_set(m, k++, v++);
	ck_assert_int_eq(k, 2);
	ck_assert_int_eq(v, 2);
	ck_assert_int_eq(gor_map_at(m, gor_map_at(m, gor_map_at(m, 1))), 1);
	gor_map_set(m, gor_map_at(m, 1) + 1, gor_map_delete(m, 0));
	ck_assert(gor_map_get(m, gor_map_at(m, 1) + 1, &v) && v == 1);
	gor_map_free(m);
}
END_TEST

START_TEST(map_grows_and_keeps_every_entry)
{
	gor_map(int64_t, int) m = gor_map_make(int64_t, int);
	gor_map(int64_t, int) hinted = gor_map_make_hint(int64_t, int, 100000);
	uint8_t log2_buckets = hinted->log2_buckets;

	for (int i = 0; i < 100000; i++) {
		gor_map_set(m, (int64_t)i << 20, i);
		gor_map_set(hinted, i, i);
		if (i % 10007 == 0)
			check_layout(m);
	}
	ck_assert_int_eq(hinted->log2_buckets, log2_buckets);
	for (int i = 0; i < 100000; i++)
		must(gor_map_at(m, (int64_t)i << 20) == i);
	ck_assert_uint_eq(gor_map_len(m), 100000);
	check_layout(m);
	gor_map_free(m);
	gor_map_free(hinted);
	m = gor_map_make_hint(int64_t, int, SIZE_MAX);
	gor_map_set(m, 1, 1);
	ck_assert_int_eq(gor_map_at(m, 1), 1);
	gor_map_free(m);
}
END_TEST

START_TEST(churn_regrows_at_the_same_size)
{
	gor_map(int64_t, int) m = gor_map_make(int64_t, int);
	bool same_size_seen = false;

	/* a sliding window of keys fills new chains while old ones keep their overflow buckets */
	for (int64_t i = 0; i < 2000000; i++) {
		gor_map_set(m, i, 1);
		if (i >= 400)
			gor_map_delete(m, i - 400);
		same_size_seen |= (m->flags & GORI_MAP_SAME_SIZE) != 0;
	}
	ck_assert(same_size_seen);
	ck_assert_uint_eq(gor_map_len(m), 400);
	ck_assert_int_le(m->log2_buckets, 7);
	check_layout(m);
	gor_map_free(m);
}
END_TEST

START_TEST(clear_empties_and_keeps_the_map_usable)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 1000 + round; i++)
			gor_map_set(m, i, i);
		gor_map_clear(m);
		ck_assert_uint_eq(gor_map_len(m), 0);
		ck_assert(!gor_map_has(m, 5));
		check_layout(m);
	}
	gor_map_free(m);
}
END_TEST

/* ---- keys and values of all kinds ----------------------------------------------------------- */

START_TEST(nan_keys_are_never_found_but_iterated_once_while_the_map_grows)
{
	for (int round = 0; round < 200; round++) {
		gor_map(double, int) m = gor_map_make(double, int);
		int start = (int)random_below(120), seen[120] = {0};

		for (int i = 0; i < start; i++)
			gor_map_set(m, (double)NAN, i);
		gor_map_each(it, m)
		{
			if (it.value < start)
				seen[it.value]++;
			for (int i = 0; i < 12 && gor_map_len(m) < 4000; i++)
				gor_map_set(m, (double)NAN, 1000 + i);
		}
		for (int i = 0; i < start; i++)
			must(seen[i] == 1);
		must(!gor_map_has(m, (double)NAN) && !gor_map_delete(m, (double)NAN));
		check_layout(m);
		gor_map_clear(m);
		must(gor_map_len(m) == 0);
		gor_map_free(m);
	}
}
END_TEST

START_TEST(positive_and_negative_zero_are_one_key)
{
	gor_map(double, int) d = gor_map_make(double, int);

	gor_map_set(d, 0.0, 1);
	gor_map_set(d, -0.0, 2);
	ck_assert_uint_eq(gor_map_len(d), 1);
	ck_assert_int_eq(gor_map_at(d, 0.0), 2);
	gor_map_free(d);
}
END_TEST

START_TEST(pointer_bool_and_struct_keys_work)
{
	gor_map_named(by_pointer) p = gor_map_make_named(by_pointer);
	gor_map(bool, char) b = gor_map_make(bool, char);
	gor_map_named(by_bytes) s = gor_map_make_named(by_bytes);
	pair one = {1, 2};

	gor_map_set(p, &one, 5);
	ck_assert_int_eq(gor_map_at(p, &one), 5);
	ck_assert(!gor_map_has(p, NULL));
	gor_map_set(b, true, 't');
	gor_map_set(b, false, 'f');
	ck_assert_int_eq(gor_map_at(b, true), 't');
	gor_map_set(s, one, 6);
	ck_assert_int_eq(gor_map_at(s, ((pair){1, 2})), 6);
	gor_map_free(p);
	gor_map_free(b);
	gor_map_free(s);
}
END_TEST

START_TEST(wide_and_aligned_values_survive_growth)
{
	gor_map(int, aligned) m = gor_map_make(int, aligned);

	for (int i = 0; i < 1000; i++)
		gor_map_set(m, i, {{i, 0, [19] = -i}});
	for (int i = 0; i < 1000; i++)
		must(gor_map_at(m, i).words[0] == i && gor_map_at(m, i).words[19] == -i);
	ck_assert_uint_eq((uintptr_t)gor_map_find(m, 3) % 16, 0);
	gor_map_free(m);
}
END_TEST

#if defined(__GNUC__) && !defined(__clang__)
static void make_with_padded_key(void)
{
	gor_map_make_named(by_padded);
}

START_TEST(key_with_padding_is_refused)
{
	expect_death(make_with_padded_key, "runtime error: hash of unhashable type padded");
}
END_TEST
#endif

/* ---- misuse --------------------------------------------------------------------------------- */

/* A map that another goroutine seems to be writing to. */
static gor_map(int32_t, int) busy_map(void)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);

	gor_map_set(m, 1, 1);
	m->flags |= GORI_MAP_WRITING;
	return m;
}

#define VICTIM(name, use)                                                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		(void)use;                                                                                   \
	}
VICTIM(write_while_writing, gor_map_ref(busy_map(), 1))
VICTIM(delete_while_writing, gor_map_delete(busy_map(), 1))
VICTIM(clear_while_writing, (gor_map_clear(busy_map()), 0))
VICTIM(read_while_writing, gor_map_has(busy_map(), 1))
VICTIM(iterate_while_writing, gor_map_iter_begin(busy_map()))

START_TEST(concurrent_misuse_is_fatal_with_the_words_of_go)
{
	expect_death(write_while_writing, "fatal error: concurrent map writes");
	expect_death(delete_while_writing, "fatal error: concurrent map writes");
	expect_death(clear_while_writing, "fatal error: concurrent map writes");
	expect_death(read_while_writing, "fatal error: concurrent map read and map write");
	expect_death(iterate_while_writing, "fatal error: concurrent map iteration and map write");
}
END_TEST

/* ---- iteration ------------------------------------------------------------------------------ */

START_TEST(iteration_starts_anywhere)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);
	int first[8] = {0};

	for (int i = 0; i < 8; i++)
		gor_map_set(m, i, i);
	for (int round = 0; round < 1000; round++) {
		gor_map_each(it, m)
		{
			first[it.key]++;
			break;
		}
	}
	for (int i = 0; i < 8; i++)
		ck_assert_int_gt(first[i], 50);
	gor_map_free(m);
}
END_TEST

START_TEST(iteration_left_early_gives_its_table_back)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);

	gor_map_set(m, -1, 0);
	gor_map_each(it, m)
	{
		for (int i = 0; i < 1000; i++)
			gor_map_set(m, i, i);
		if (it.key == -1)
			break;
	}
	ck_assert_uint_eq(((struct gori_abi_map_table *)(void *)m->buckets)[-1].refs, 1);
	gor_map_iter(int32_t, int) it = gor_map_iter_begin(m);
	ck_assert(gor_map_iter_next(&it));
	ck_assert_uint_eq(((struct gori_abi_map_table *)(void *)m->buckets)[-1].refs, 2);
	gor_map_iter_end(&it);
	gor_map_iter_end(&it);
	ck_assert(!gor_map_iter_next(&it));
	ck_assert_uint_eq(((struct gori_abi_map_table *)(void *)m->buckets)[-1].refs, 1);
	gor_map_free(m);
}
END_TEST

START_TEST(clear_during_iteration_ends_it)
{
	gor_map(double, int) m = gor_map_make(double, int);
	int turns = 0;

	for (int i = 0; i < 500; i++)
		gor_map_set(m, i % 2 ? (double)NAN : i, i);
	gor_map_each(it, m)
	{
		turns++;
		gor_map_clear(m);
	}
	ck_assert_int_eq(turns, 1);
	gor_map_free(m);
}
END_TEST

START_TEST(map_can_be_freed_inside_its_last_iteration)
{
	gor_map(int32_t, int) m = gor_map_make(int32_t, int);

	gor_map_set(m, 1, 1);
	gor_map_each(it, m)
	{
		ck_assert_int_eq(it.key, 1);
		gor_map_free(m);
		break;
	}
}
END_TEST

/* ---- model ---------------------------------------------------------------------------------- */

#define NKEYS 3000

/* What the model knows of one key.  An incarnation lasts from being added to being deleted. */
struct model_key {
	bool present;
	int value;
	int incarnation;
	int seen;     /* incarnation that the current iteration has shown; 0: none */
	int at_start; /* incarnation at the start of the iteration; 0: absent */
};

static struct model_key model[NKEYS];
static gor_string key_texts[NKEYS];
static int incarnations;
static size_t model_count;

#define KEY_INT(i) ((int64_t)(i)*4096)
#define KEY_INT32(i) ((int32_t)(i)*65536)
#define KEY_TEXT(i) (key_texts[i])
#define KEY_PAIR(i) ((pair){(int16_t)((i) / 100), (int16_t)((i) % 100)})
#define KEY_DOUBLE(i) ((double)(i) / 8)
#define NUMBER_INT(k) ((int)((k) / 4096))
#define NUMBER_INT32(k) ((int)((k) / 65536))
#define NUMBER_TEXT(k) atoi((k).ptr + 4)
#define NUMBER_PAIR(k) ((k).group * 100 + (k).number)
#define NUMBER_DOUBLE(k) ((int)((k)*8))

static void model_reset(void)
{
	memset(model, 0, sizeof(model));
	model_count = 0;
	for (int i = 0; i < NKEYS; i++)
		if (key_texts[i].ptr == NULL)
			key_texts[i] = gor_string_printf("key-%d", i);
}

static void model_set(int i, int value)
{
	if (!model[i].present) {
		model[i].incarnation = ++incarnations;
		model_count++;
	}
	model[i].present = true;
	model[i].value = value;
}

static void model_start_iteration(void)
{
	for (int i = 0; i < NKEYS; i++) {
		model[i].seen = 0;
		model[i].at_start = model[i].present ? model[i].incarnation : 0;
	}
}

static void model_see(int i, int value)
{
	must(i >= 0 && i < NKEYS && model[i].present);
	must(model[i].value == value);
	must(model[i].seen != model[i].incarnation);
	model[i].seen = model[i].incarnation;
}

/* Whatever was there all the time must have been shown. */
static void model_end_iteration(void)
{
	for (int i = 0; i < NKEYS; i++)
		if (model[i].at_start != 0 && model[i].present)
			must(model[i].at_start != model[i].incarnation ||
			     model[i].seen == model[i].incarnation);
}

static void model_clear(void)
{
	for (int i = 0; i < NKEYS; i++)
		model[i].present = false;
	model_count = 0;
}

/* One random write and one random read; bias is the share of sets among the writes. */
#define DEFINE_MODEL_STEP(name, map_t, KEY)                                                                  \
	static void name##_step(map_t m, uint64_t bias, uint64_t nkeys)                                      \
	{                                                                                                    \
		int i = (int)random_below(nkeys), v = (int)random_below(1000000);                            \
		if (random_below(100) < bias) {                                                              \
			gor_map_set(m, KEY(i), v);                                                           \
			model_set(i, v);                                                                     \
		} else {                                                                                     \
			must(gor_map_delete(m, KEY(i)) == model[i].present);                                 \
			model_count -= model[i].present;                                                     \
			model[i].present = false;                                                            \
		}                                                                                            \
		i = (int)random_below(nkeys);                                                                \
		must(gor_map_get(m, KEY(i), &v) == model[i].present);                                        \
		must(v == (model[i].present ? model[i].value : 0));                                          \
	}

/* Iterates, writing `writes` times a turn; every fourth time it may stop or clear on the way. */
#define DEFINE_MODEL_ITERATE(name, map_t, NUMBER)                                                            \
	static void name##_iterate(map_t m, int writes, uint64_t nkeys)                                      \
	{                                                                                                    \
		uint64_t bias = random_below(101);                                                           \
		bool disturb = random_below(4) == 0, complete = true;                                        \
		model_start_iteration();                                                                     \
		gor_map_each(it, m)                                                                          \
		{                                                                                            \
			model_see(NUMBER(it.key), it.value);                                                 \
			for (int s = 0; s < writes; s++)                                                     \
				name##_step(m, bias, nkeys);                                                 \
			if (disturb && random_below(nkeys) == 0) {                                           \
				gor_map_clear(m);                                                            \
				model_clear();                                                               \
			}                                                                                    \
			complete = !(disturb && random_below(nkeys) == 0);                                   \
			if (!complete)                                                                       \
				break;                                                                       \
		}                                                                                            \
		if (complete)                                                                                \
			model_end_iteration();                                                               \
	}

#define DEFINE_MODEL_TEST(name, map_t, make, KEY, NUMBER)                                                    \
	DEFINE_MODEL_STEP(name, map_t, KEY)                                                                  \
	DEFINE_MODEL_ITERATE(name, map_t, NUMBER)                                                            \
	static void name##_round(uint64_t nkeys, uint64_t steps, int writes)                                 \
	{                                                                                                    \
		map_t m = make;                                                                              \
		model_reset();                                                                               \
		for (int phase = 0; phase < 24; phase++) {                                                   \
			for (uint64_t s = steps; s > 0; s--)                                                 \
				name##_step(m, phase % 3 == 2 ? 20 : 80, nkeys);                             \
			check_layout(m);                                                                     \
			must(gor_map_len(m) == model_count);                                                 \
			name##_iterate(m, writes, nkeys);                                                    \
			check_layout(m);                                                                     \
		}                                                                                            \
		gor_map_free(m);                                                                             \
	}                                                                                                    \
	START_TEST(name)                                                                                     \
	{                                                                                                    \
		random_state += (uint64_t)_i * 7919 + 1;                                                     \
		for (int round = 0; round < 8; round++) {                                                    \
			name##_round(20, 60, 3);                                                             \
			name##_round(150, 400, 1);                                                           \
			name##_round(150, 400, 10);                                                          \
			name##_round(1000, 1500, 2);                                                         \
			name##_round(NKEYS, 6000, 1);                                                        \
			name##_round(NKEYS, 1000, 0);                                                        \
		}                                                                                            \
	}                                                                                                    \
	END_TEST

DEFINE_MODEL_TEST(random_operations_on_int64_keys_match_the_model, gor_map(int64_t, int),
		  gor_map_make(int64_t, int), KEY_INT, NUMBER_INT)
DEFINE_MODEL_TEST(random_operations_on_int32_keys_match_the_model, gor_map(int32_t, int),
		  gor_map_make(int32_t, int), KEY_INT32, NUMBER_INT32)
DEFINE_MODEL_TEST(random_operations_on_string_keys_match_the_model, gor_map(gor_string, int),
		  gor_map_make(gor_string, int), KEY_TEXT, NUMBER_TEXT)
DEFINE_MODEL_TEST(random_operations_on_double_keys_match_the_model, gor_map(double, int),
		  gor_map_make(double, int), KEY_DOUBLE, NUMBER_DOUBLE)
DEFINE_MODEL_TEST(random_operations_on_badly_hashed_keys_match_the_model, gor_map_named(by_pair),
		  gor_map_make_named(by_pair), KEY_PAIR, NUMBER_PAIR)

/* ---- suite ---------------------------------------------------------------------------------- */

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, get_from_empty_map_returns_zero_value);
	tcase_add_test(tcase, nil_map_reads_as_empty);
	tcase_add_test(tcase, write_to_nil_map_panics);
	tcase_add_test(tcase, set_entry_is_found_until_deleted);
	tcase_add_test(tcase, ref_adds_a_zero_value_even_where_an_entry_was_deleted);
	tcase_add_test(tcase, arguments_are_evaluated_once_and_calls_nest);
	tcase_add_test(tcase, map_grows_and_keeps_every_entry);
	tcase_add_test(tcase, churn_regrows_at_the_same_size);
	tcase_add_test(tcase, clear_empties_and_keeps_the_map_usable);
	tcase_add_test(tcase, nan_keys_are_never_found_but_iterated_once_while_the_map_grows);
	tcase_add_test(tcase, positive_and_negative_zero_are_one_key);
	tcase_add_test(tcase, pointer_bool_and_struct_keys_work);
	tcase_add_test(tcase, wide_and_aligned_values_survive_growth);
	tcase_add_test(tcase, concurrent_misuse_is_fatal_with_the_words_of_go);
	tcase_add_test(tcase, iteration_starts_anywhere);
	tcase_add_test(tcase, iteration_left_early_gives_its_table_back);
	tcase_add_test(tcase, clear_during_iteration_ends_it);
	tcase_add_test(tcase, map_can_be_freed_inside_its_last_iteration);
#if defined(__GNUC__) && !defined(__clang__)
	tcase_add_test(tcase, key_with_padding_is_refused);
#endif
	tcase_add_loop_test(tcase, random_operations_on_int64_keys_match_the_model, 0, 2);
	tcase_add_loop_test(tcase, random_operations_on_int32_keys_match_the_model, 0, 2);
	tcase_add_loop_test(tcase, random_operations_on_string_keys_match_the_model, 0, 2);
	tcase_add_loop_test(tcase, random_operations_on_double_keys_match_the_model, 0, 2);
	tcase_add_loop_test(tcase, random_operations_on_badly_hashed_keys_match_the_model, 0, 2);
}

int main(void)
{
	Suite *suite = suite_create("map");
	TCase *tcase = tcase_create("map");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_tests(tcase);
	tcase_set_timeout(tcase, 240);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
