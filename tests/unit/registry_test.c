/* SPDX-License-Identifier: MIT */
/*
 * What: the allocation registry, from both sides: blocks are added and removed as libgorgon-malloc.so does it, and read
 * as the leak detector does.
 *
 * How: addresses are invented; only marks are memory.  Each test has regions of its own.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "leak/inside.h"
#include "registry/registry.h"

#define REGION ((uint64_t)1 << GORI_REGISTRY_REGION_BITS)
#define BASE(n) (0x7f0000000000 + (n)*16 * REGION)

static blocks found;

/* Reads the registry of [lo, hi). */
static size_t read_blocks(uint64_t lo, uint64_t hi)
{
	struct mapping m = {.lo = lo, .hi = hi};
	struct registry r = {.is_there = true, .region = REGION, .granule = 8};

	for (uint64_t at = lo & -REGION; at < hi; at += REGION)
		if (gori_registry[at / REGION])
			*VEC_PUSH(&r.regions) = (struct registry_region){at, 0, gori_registry[at / REGION]};
	found.n = 0;
	registry_blocks(&r, &m, &found);
	VEC_FREE(&r.regions);
	return found.n;
}

START_TEST(every_size_is_read_as_it_was_added)
{
	static const size_t more[] = {495, 496, 497, 4096, 1 << 20, 1 << 24, (1 << 24) + 1, (size_t)1 << 30};
	uint64_t at = BASE(1);

	for (size_t i = 0; i < 600 + sizeof more / sizeof more[0]; i++) {
		size_t n = i < 600 ? i : more[i - 600], rounded = n ? (n + 7) & ~(size_t)7 : 8;

		ck_assert(gori_registry_add(at, n));
		ck_assert_uint_eq(read_blocks(BASE(1), BASE(1) + (4 << 20) + rounded), 1);
		ck_assert_uint_eq(found.items[0].lo, at);
		ck_assert_uint_eq(found.items[0].hi, at + rounded);
		ck_assert_int_ge(gori_registry_remove(at), (intptr_t)n);
		ck_assert_uint_eq(read_blocks(BASE(1), BASE(1) + REGION), 0);
		at += 8;
	}
}
END_TEST

START_TEST(a_removed_block_that_is_added_again_is_the_same)
{
	for (size_t n = 0; n < 3000; n++) {
		intptr_t first, second;

		gori_registry_add(BASE(2), n);
		first = gori_registry_remove(BASE(2));
		gori_registry_add(BASE(2), (size_t)first);
		second = gori_registry_remove(BASE(2));
		ck_assert_int_eq(first, second);
		/* What may be erased is never more than there was. */
		ck_assert_uint_le((size_t)first & ~(size_t)7, n);
	}
}
END_TEST

START_TEST(what_was_never_added_is_not_removed)
{
	ck_assert_int_eq(gori_registry_remove(BASE(3)), GORI_NOT_REGISTERED);
	gori_registry_add(BASE(3) + 64, 1000);
	for (uint64_t i = 1; i < 1000; i++)
		ck_assert_int_eq(gori_registry_remove(BASE(3) + 64 + i), GORI_NOT_REGISTERED);
	ck_assert_int_eq(gori_registry_remove(BASE(3) + 64), 1000);
	ck_assert_int_eq(gori_registry_remove(BASE(3) + 64), GORI_NOT_REGISTERED);
	ck_assert_int_eq(gori_registry_remove((uintptr_t)1 << 63), GORI_NOT_REGISTERED);
}
END_TEST

START_TEST(neighbours_do_not_disturb_each_other)
{
	for (uint64_t i = 0; i < 1000; i++)
		gori_registry_add(BASE(4) + i * 8, 8);
	ck_assert_uint_eq(read_blocks(BASE(4), BASE(4) + REGION), 1000);
	for (uint64_t i = 0; i < 1000; i += 2)
		ck_assert_int_eq(gori_registry_remove(BASE(4) + i * 8), 8);
	ck_assert_uint_eq(read_blocks(BASE(4), BASE(4) + REGION), 500);
	ck_assert_uint_eq(found.items[499].lo, BASE(4) + 999 * 8);
}
END_TEST

START_TEST(digits_alone_are_no_block)
{
	unsigned char *mark;

	gori_registry_add(BASE(5), 5000);
	mark = gori_registry_mark(BASE(5));
	*mark = GORI_MARK_NONE; /* as it is between the two stores of removing it, or of adding it */
	ck_assert_uint_eq(read_blocks(BASE(5), BASE(5) + REGION), 0);
	*mark = GORI_MARK_LONG;
	mark[3] = GORI_MARK_NONE; /* damaged */
	ck_assert_uint_eq(read_blocks(BASE(5), BASE(5) + REGION), 0);
}
END_TEST

START_TEST(blocks_that_overlap_are_one)
{
	gori_registry_add(BASE(6), 5000);
	gori_registry_add(BASE(6) + 4000, 64);
	gori_registry_add(BASE(6) + 4096, 2000);
	gori_registry_add(BASE(6) + 6096, 8);
	ck_assert_uint_eq(read_blocks(BASE(6), BASE(6) + REGION), 2);
	ck_assert_uint_eq(found.items[0].hi, BASE(6) + 6096);
}
END_TEST

START_TEST(a_block_that_leaves_its_mapping_is_not_believed)
{
	gori_registry_add(BASE(7), 64);
	gori_registry_add(BASE(7) + 4096, 8192);
	ck_assert_uint_eq(read_blocks(BASE(7), BASE(7) + 8192), 1);
	ck_assert_uint_eq(read_blocks(BASE(7), BASE(7) + 12288), 2);
	ck_assert_uint_eq(read_blocks(BASE(7) + 4096, BASE(7) + 12288), 1);
}
END_TEST

START_TEST(a_block_may_go_over_to_the_next_region)
{
	uint64_t end = BASE(8) + REGION;

	ck_assert(gori_registry_add(end - 64, 3 * REGION));
	ck_assert_uint_eq(read_blocks(BASE(8), BASE(8) + 8 * REGION), 1);
	ck_assert_uint_eq(found.items[0].hi, end - 64 + 3 * REGION);
	/* Its digits may not. */
	ck_assert(!gori_registry_add(end - 48, 1000));
	ck_assert(gori_registry_add(end - 8, 100));
	ck_assert_int_ge(gori_registry_remove(end - 8), 100);
}
END_TEST

START_TEST(what_cannot_be_registered_is_not)
{
	ck_assert(!gori_registry_add(BASE(9) + 4, 100));
	ck_assert(!gori_registry_add((uintptr_t)1 << 60, 100));
	ck_assert(!gori_registry_add(BASE(9), (size_t)1 << 43));
	gori_registry_bypass();
	ck_assert(!gori_registry_add(BASE(20), 100));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("registry");
	TCase *tc = tcase_create("registry");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_size_is_read_as_it_was_added);
	tcase_add_test(tc, a_removed_block_that_is_added_again_is_the_same);
	tcase_add_test(tc, what_was_never_added_is_not_removed);
	tcase_add_test(tc, neighbours_do_not_disturb_each_other);
	tcase_add_test(tc, digits_alone_are_no_block);
	tcase_add_test(tc, blocks_that_overlap_are_one);
	tcase_add_test(tc, a_block_that_leaves_its_mapping_is_not_believed);
	tcase_add_test(tc, a_block_may_go_over_to_the_next_region);
	tcase_add_test(tc, what_cannot_be_registered_is_not);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
