/* SPDX-License-Identifier: MIT */
/* skynet: every inner node waits for its children: too many threads. */
#include "../bench.h"

int main(void)
{
	bench_report_none("skynet", "pthread", "1.1 million threads at once");
	return 0;
}
