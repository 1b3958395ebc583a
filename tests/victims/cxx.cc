// SPDX-License-Identifier: MIT
/*
 * C++: methods and this, references, templates, namespaces, overloads, inheritance, objects by value.
 *
 * variant: -O2 -gdwarf-4 dwz
 */
#include "victim.h"
#include <string>
#include <utility>

namespace shop
{
namespace detail
{
// expect: shop::detail::count(n=3)
static NOINLINE void count(int n)
{
	hold();
	KEEP(n);
}
} // namespace detail

enum class level : unsigned char { low = 1, high = 9 };

struct item {
	int id;
	double price;
};

class cart
{
      public:
	int size = 2;
	item first{5, 2.5};

	// expect: shop::cart::add(this=0x*..., what=&const shop::item{id: 1, price: 2}, n=3)
	NOINLINE void add(const item &what, int n)
	{
		hold();
		KEEP(this);
		KEEP(&what);
		KEEP(n);
	}

	// expect: shop::cart::total(factor=1.5)
	static NOINLINE void total(double factor)
	{
		hold();
		KEEP_FLOAT(factor);
	}
};

struct base {
	long id = 1;
	virtual ~base() = default;
	virtual void visit(int depth) = 0;
};

struct derived : base {
	long extra = 2;
	// expect: shop::derived::visit(this=0x*..., depth=4)
	NOINLINE void visit(int depth) override
	{
		hold();
		KEEP(this);
		KEEP(depth);
	}
};

// expect: shop::by_value(i=shop::item{id: 7, price: 0.75}, l=shop::level::high)
// expect-O2: shop::by_value(i=<shop::item{id: <7|_>, price: <0.75|_>}|_>, <l|l@entry>=<shop::level::high|_>)
static NOINLINE void by_value(item i, level l)
{
	hold();
	KEEP(i.id);
	KEEP_FLOAT(i.price);
	KEEP((int)l);
}

// expect: shop::overloaded(i=1)
// expect: shop::overloaded(d=1.5)
static NOINLINE void overloaded(int i)
{
	hold();
	KEEP(i);
}

static NOINLINE void overloaded(double d)
{
	hold();
	KEEP_FLOAT(d);
}
} // namespace shop

// expect: biggest<int>(a=3, b=4)
// expect: biggest<double>(a=0.5, b=1.5)
template <typename T> static NOINLINE T biggest(T a, T b)
{
	hold();
	KEEP_MEMORY(a);
	KEEP_MEMORY(b);
	return a < b ? b : a;
}

// expect: references(a=&5, b=&6, c=&shop::item{id: 1, price: 2})
static NOINLINE void references(int &a, int &&b, shop::item &c)
{
	hold();
	KEEP(&a);
	KEEP(&b);
	KEEP(&c);
}

// An object that is not trivially copyable is passed by its address.
// expect: object(s=...)
static NOINLINE void object(std::string s)
{
	hold();
	KEEP(&s);
}

static void run_count()
{
	shop::detail::count(number(3));
}

static void run_add()
{
	shop::cart c;
	shop::item i{1, 2};

	c.add(i, number(3));
}

static void run_total()
{
	shop::cart::total(number(3) / 2.0);
}

static void run_visit()
{
	shop::derived d;
	shop::base *b = &d;

	KEEP_MEMORY(b);
	b->visit(number(4));
}

static void run_by_value()
{
	shop::by_value(shop::item{number(7), 0.75}, (shop::level)number(9));
}

static void run_int()
{
	shop::overloaded(number(1));
}

static void run_double()
{
	shop::overloaded(number(3) / 2.0);
}

static void run_biggest_int()
{
	biggest(number(3), 4);
}

static void run_biggest_double()
{
	biggest(number(1) / 2.0, 1.5);
}

static void run_references()
{
	int a = 5;
	shop::item i{1, 2};

	references(a, number(6), i);
}

static void run_object()
{
	object(std::string("a text that is too long for the object itself"));
}

int main()
{
	victim_begin();
	go(run_count);
	go(run_add);
	go(run_total);
	go(run_visit);
	go(run_by_value);
	go(run_int);
	go(run_double);
	go(run_biggest_int);
	go(run_biggest_double);
	go(run_references);
	go(run_object);
	victim_end();
}
