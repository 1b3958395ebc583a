/* SPDX-License-Identifier: MIT */
/* pingpong: a value goes to and fro over two unbuffered channels; ns per round trip. */
#include "fibers.hpp"

using channel = bench::fibers::unbuffered_channel<int>;

static void echo(channel &ping, channel &pong)
{
	int v;

	while (ping.pop(v) == bench::fibers::channel_op_status::success)
		pong.push(v);
}

static std::uint64_t run(long n)
{
	channel ping, pong;
	auto f = bench::spawn(echo, std::ref(ping), std::ref(pong));
	std::uint64_t start = bench_now(), elapsed;

	for (int i = 0; i < n; i++) {
		ping.push(i);
		if (pong.value_pop() != i)
			bench_fail("pingpong: wrong value");
	}
	elapsed = bench_now() - start;
	ping.close();
	f.join();
	return elapsed;
}

int main()
{
	bench::per_op("pingpong", BENCH_PINGPONG_N, run);
}
