// SPDX-License-Identifier: MIT
// Every form of new and delete, exceptions for want of memory included; prints what was caught.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <vector>

struct alignas(128) wide {
	char c[256];
};

int main()
{
	int caught = 0;

	for (int i = 1; i < 2000; i++) {
		std::vector<std::string> v(static_cast<size_t>(i % 50),
					   std::string(static_cast<size_t>(i), 'x'));
		std::unique_ptr<wide> w(new wide);
		std::unique_ptr<wide[]> many(new wide[static_cast<size_t>(i % 7 + 1)]);
		std::shared_ptr<int> s = std::make_shared<int>(i);
		int *n = new (std::nothrow) int[static_cast<size_t>(i)];

		caught += reinterpret_cast<uintptr_t>(w.get()) % 128 != 0;
		delete[] n;
		v.emplace_back("y");
	}
	try {
		volatile size_t huge = SIZE_MAX / 2 - 64;
		operator delete(operator new(huge));
	} catch (const std::bad_alloc &) {
		caught += 100;
	}
	std::printf("%d\n", caught);
	return 0;
}
