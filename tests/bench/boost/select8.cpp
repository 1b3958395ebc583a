/* SPDX-License-Identifier: MIT */
/* select8: Boost.Fiber has nothing of the kind. */
#include "../bench.h"

int main(void)
{
	bench_report_none("select8", "boost", "no select over channels");
	return 0;
}
