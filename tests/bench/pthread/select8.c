/* SPDX-License-Identifier: MIT */
/* select8: threads have nothing of the kind. */
#include "../bench.h"

int main(void)
{
	bench_report_none("select8", "pthread", "no select over channels");
	return 0;
}
