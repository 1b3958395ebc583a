/* SPDX-License-Identifier: MIT */
/*
 * fibers.hpp - Boost.Fiber on one or two threads
 *
 * One thread keeps the default algorithm, round_robin. More share their fibers
 * by work_stealing with idle threads asleep, which beat both its spinning form
 * and shared_work by far on most rows. Stacks are 64 KiB from malloc: the
 * pooled allocator is faster yet, but not safe with several threads. malloc is
 * told to keep what is freed, or every batch of fibers would fault its stacks
 * in anew.
 */
#ifndef GORGON_BENCH_FIBERS_HPP
#define GORGON_BENCH_FIBERS_HPP

#include <malloc.h>

#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/fiber/all.hpp>

#include "../bench.h"

namespace bench
{

namespace fibers = boost::fibers;

constexpr std::size_t stack_size = 64 * 1024;

/* Starts a fiber behind those that are ready, as go does. */
template <typename Fn, typename... Args> fibers::fiber spawn(Fn &&fn, Args &&...args)
{
	return fibers::fiber(fibers::launch::post, std::allocator_arg, fibers::fixedsize_stack(stack_size),
			     std::forward<Fn>(fn), std::forward<Args>(args)...);
}

/* The calling thread becomes one of procs; true lets it sleep when idle. */
inline void join_scheduler(std::uint32_t procs)
{
	fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(procs, true);
}

/* Runs body in a fiber, with bench_procs() threads serving all its fibers. */
template <typename Fn> void with_procs(Fn body)
{
	std::uint32_t procs = static_cast<std::uint32_t>(bench_procs());
	std::vector<std::thread> threads;
	fibers::condition_variable_any cond;
	std::mutex mu;
	bool done = false;

	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (std::uint32_t i = 1; i < procs; i++) {
		threads.emplace_back([&] {
			join_scheduler(procs);
			std::unique_lock<std::mutex> lock(mu);
			cond.wait(lock, [&] { return done; });
		});
	}
	if (procs > 1)
		join_scheduler(procs);
	spawn(body).join();
	{
		std::lock_guard<std::mutex> lock(mu);
		done = true;
	}
	cond.notify_all();
	for (std::thread &t : threads)
		t.join();
}

/* As bench_per_op, in a fiber. */
inline void per_op(const char *row, long n, std::uint64_t (*run)(long n))
{
	with_procs([=] { bench_per_op(row, "boost", n, run); });
}

} /* namespace bench */

#endif
