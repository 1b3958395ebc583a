// SPDX-License-Identifier: MIT
/*
 * How C++ names things: namespaces and classes around types and functions, templates, lambdas, operators, constructors,
 * what has no name.
 *
 * variant: -O2 -gdwarf-4 dwz
 */
#include "victim.h"

namespace geo
{
struct point {
	int x, y;
	// expect: geo::point::shifted(this=0x* -> const geo::point{x: 1, y: 2}, by=4)
	NOINLINE void shifted(int by) const
	{
		hold();
		KEEP(this);
		KEEP(by);
	}
	// expect: geo::point::operator+(this=0x* -> geo::point{x: 1, y: 2}, o=&const geo::point{x: 5, y: 6})
	NOINLINE void operator+(const point &o)
	{
		hold();
		KEEP(this);
		KEEP(&o);
	}
};

enum class shade { dark = 1, light };
enum size { SMALL = 1, LARGE };

class shape
{
      public:
	struct corner {
		point at;
		double angle;
	};
	enum class kind { round, square };
	using id = unsigned long;

	// expect: geo::shape::shape(this=0x*..., k=geo::shape::kind::square)
	NOINLINE explicit shape(kind k)
	{
		hold();
		KEEP(this);
		KEEP((int)k);
	}
	// expect: geo::shape::~shape(this=0x*...)
	NOINLINE ~shape()
	{
		hold();
		KEEP(this);
	}
	// expect: geo::shape::cut(c=0x* -> geo::shape::corner{at: {x: 7, y: 8}, angle: 0.5}, i=9)
	static NOINLINE void cut(corner *c, id i)
	{
		hold();
		KEEP(c);
		KEEP(i);
	}

      private:
	long area = 10;
};

inline namespace v2
{
// expect: geo::v2::versioned(p=&global -> geo::point{x: 1, y: 2}, s=geo::shade::light, z=LARGE)
static NOINLINE void versioned(point *p, shade s, size z)
{
	hold();
	KEEP(p);
	KEEP((int)s);
	KEEP((int)z);
}
} // namespace v2

template <typename T, int N> struct ring {
	T items[N];
	// expect: geo::ring<geo::point, 2>::turn(this=0x* -> geo::ring<geo::point, 2>{items: {{x: 1, y: 2}, {x: 3, y: 4}}}, steps=5)
	NOINLINE void turn(int steps)
	{
		hold();
		KEEP(this);
		KEEP(steps);
	}
};

// expect: geo::apply<geo::point>(t=&geo::point{x: 1, y: 2}, n=6)
template <typename T> static NOINLINE void apply(T &t, int n)
{
	hold();
	KEEP(&t);
	KEEP(n);
}
} // namespace geo

namespace
{
struct hidden {
	int n;
};

// expect: (anonymous)::secret(h=0x* -> (anonymous)::hidden{n: 3})
NOINLINE void secret(hidden *h)
{
	hold();
	KEEP(h);
}
} // namespace

// Another type of the same name.
struct point {
	double r;
};

// expect: polar(p=0x* -> point{r: 2.5}, q=&global -> geo::point{x: 1, y: 2})
static NOINLINE void polar(point *p, geo::point *q)
{
	hold();
	KEEP(p);
	KEEP(q);
}

// expect: pointers(r=&&global..., f=&use)
static NOINLINE void pointers(geo::point *const &r, int (*f)(geo::point *))
{
	hold();
	KEEP(&r);
	KEEP(f);
}

static int use(geo::point *p)
{
	return p->x;
}

static geo::point global = {1, 2};
static geo::point other = {5, 6};

static void run_method()
{
	geo::point p = {1, 2};

	p.shifted(number(4));
}

static void run_operator()
{
	geo::point p = {1, 2};

	p + other;
}

static void run_constructor()
{
	geo::shape s((geo::shape::kind)number(1));
}

static void run_destructor()
{
	alignas(geo::shape) char room[sizeof(geo::shape)];

	KEEP_MEMORY(room);
	((geo::shape *)room)->~shape();
}

static void run_cut()
{
	geo::shape::corner c = {{7, 8}, 0.5};

	geo::shape::cut(&c, number(9));
}

static void run_versioned()
{
	geo::versioned(&global, (geo::shade)number(2), (geo::size)number(2));
}

static void run_ring()
{
	geo::ring<geo::point, 2> r = {{{1, 2}, {3, 4}}};

	r.turn(number(5));
}

static void run_apply()
{
	geo::apply(global, number(6));
}

static void run_secret()
{
	hidden h = {number(3)};

	secret(&h);
}

static void run_polar()
{
	point p = {2.5};

	polar(&p, &global);
}

static void run_pointers()
{
	geo::point *p = &global;

	pointers(p, use);
}

static void run_lambda()
{
	int n = number(3);
	// expect: run_lambda::(lambda)::operator()(<this|__closure>=0x* -> const run_lambda::(lambda){<n|__n>: 3}, a=4)
	auto f = [n](int a) NOINLINE {
		hold();
		KEEP(n);
		KEEP(a);
	};

	f(number(4));
}

int main()
{
	victim_begin();
	go(run_method);
	go(run_operator);
	go(run_constructor);
	go(run_destructor);
	go(run_cut);
	go(run_versioned);
	go(run_ring);
	go(run_apply);
	go(run_secret);
	go(run_polar);
	go(run_pointers);
	go(run_lambda);
	victim_end();
}
