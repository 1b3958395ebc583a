/* SPDX-License-Identifier: MIT */
/* select_ready: Boost.Fiber has nothing of the kind. */
#include "../bench.h"

int main(void)
{
	bench_report_none("select_ready", "boost", "no select over channels");
	return 0;
}
