/* SPDX-License-Identifier: MIT */
/* worst_delay: fibers are cooperative: the sleeper never gets its thread back. */
#include "../bench.h"

int main(void)
{
	bench_report_none("worst_delay", "boost", "cooperative: never comes back");
	return 0;
}
