/* SPDX-License-Identifier: MIT */
/* debug/mangled.c */
#include <check.h>
#include <stdlib.h>

#include "debug/mangled.h"

static const struct {
	const char *symbol, *name;
} cases[] = {
	{"main", "main"},
	{"_ZL6global", "global"},
	{"_Z3usei", "use"},
	{"_ZL3usePN3geo5pointE", "use"},
	{"_ZN3geo5countE", "geo::count"},
	{"_ZNK3geo5point7shiftedEi", "geo::point::shifted"},
	{"_ZN3geo5shapeC2ENS0_4kindE", "geo::shape::shape"},
	{"_ZN3geo5shapeD1Ev", "geo::shape::~shape"},
	{"_ZNSt6thread4joinEv", "std::thread::join"},
	{"_ZN12_GLOBAL__N_16secretEi", "(anonymous)::secret"},
	{"_ZN3geo4ringINS_5pointELi2EE4turnEi", "geo::ring<geo::point, 2>::turn"},
	{"_Z7biggestIiET_S0_S0_", "biggest<int>"},
	{"_ZZL14run_destructorvE4room", "run_destructor()::room"},
	{"_ZN3geoplERKS_", "geo::operator+"},
	{"_ZN3geo5pointcvbEv", "geo::point::operator bool"},
	{"_ZN3geo5pointcvmEv", "geo::point::operator unsigned long"},
	{"_ZN3geo5pointclEi", "geo::point::operator()"},
	{"_ZlsIcERSoS0_T_", "operator<< <char>"},
	{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()"},
	{"_ZTV5point", "vtable for point"},
	{"_Z3usei.cold", "use.cold"},
	{"_ZNKRSt8optionalIiE5valueEv", "std::optional<int>::value"},
	/* What is no such name stays. */
	{"_Z9short", "_Z9short"},
	{"_Z99999999999999999999x", "_Z99999999999999999999x"},
	{"_ZN", "_ZN"},
	{"_ZNE", "_ZNE"},
	{"_ZN3geo", "_ZN3geo"},
	{"_Z", "_Z"},
};

START_TEST(names_come_out_of_symbols)
{
	struct arena a = {0};

#ifdef HAVE_CXA_DEMANGLE
	ck_assert_str_eq(mangled_name(&a, cases[_i].symbol), cases[_i].name);
#else
	ck_assert_str_eq(mangled_name(&a, cases[_i].symbol), cases[_i].symbol);
#endif
	arena_deinit(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mangled");
	TCase *tc = tcase_create("mangled");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, names_come_out_of_symbols, 0, sizeof cases / sizeof cases[0]);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
