/* SPDX-License-Identifier: MIT */
/* select_ready: threads have nothing of the kind. */
#include "../bench.h"

int main(void)
{
	bench_report_none("select_ready", "pthread", "no select over channels");
	return 0;
}
