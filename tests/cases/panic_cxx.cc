/* SPDX-License-Identifier: MIT */
/*
 * C++: deferred calls come first, destructors of what a recovered panic leaves after that; for one that is
 * not recovered no destructor runs.
 *
 * Prints:
 *	recovered
 *	~inner
 *	~outer
 *	panic: nobody catches this
 *
 *	goroutine 1 [running]:
 *	...
 *	main(...)
 *	...
 * Exits with: 2
 */
#include <cstdio>
#include <gorgon.h>

namespace
{
struct object {
	const char *name;
	~object()
	{
		std::printf("~%s\n", name);
		std::fflush(stdout);
	}
};
} // namespace

static void catch_it()
{
	if (recover().type)
		std::puts("recovered");
}

static void inner(const char *why)
{
	object o{"inner"};

	panic("%s", why);
}

static void outer()
{
	object o{"outer"};
	defer(catch_it);

	inner("somebody catches this");
}

int main()
{
	outer();
	inner("nobody catches this");
}
