/* SPDX-License-Identifier: MIT */
/*
 * parked: not for threads. Each takes two map entries, so that the stock limit
 * of 65,530 stops them near 32,000; nor would VmRSS show their kernel stacks.
 */
#include "../bench.h"

int main(int argc, char **argv)
{
	bench_report_none(bench_parked_row(bench_arg(argc, argv, BENCH_PARKED_N)), "pthread",
			  "stops near 32,000 threads");
	return 0;
}
