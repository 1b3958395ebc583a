/* SPDX-License-Identifier: MIT */
/* select2: Boost.Fiber has nothing of the kind. */
#include "../bench.h"

int main(void)
{
	bench_report_none("select2", "boost", "no select over channels");
	return 0;
}
