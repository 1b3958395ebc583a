/* SPDX-License-Identifier: MIT */
/*
 * What: types of values on the stack of DWARF expressions, and arithmetic (DWARF 5, 2.5.1 and 2.5.1.4).
 *
 * How: the generic type has 8 bytes and no signedness of its own: each operator says what it takes it for (div,
 * shra and relations: signed; mod, shr: unsigned).  Other integers compute in 64 bits and are cut to their size.
 * Floating point computes in its own precision: double by way of long double would round twice.
 *
 * Operands must be of one type, by kind and size: compilers refer to equal types by different DIEs.  Beyond that
 * clang mixes constants of the generic type with integers of 8 bytes; those mix here where signedness changes
 * nothing, or is that of the generic type.
 *
 * Invariants: what C leaves undefined, or DWARF open, is WHY_EXPRESSION: division by zero, floating point that does
 * not fit the integer, a generic value with its highest bit set as floating point.
 */
#include <math.h>

#include "debug/expr_machine.h"

/* ---- types ---------------------------------------------------------------------------------------------- */

/* Kind of a type that is not floating point of 16 bytes, of which there are two. */
static enum val_kind kind_of(unsigned encoding, uint64_t size)
{
	switch (encoding) {
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		return size <= 8 ? VAL_SIGNED : VAL_OPAQUE;
	case DW_ATE_address:
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
	case DW_ATE_UCS:
	case DW_ATE_ASCII:
		return size <= 8 ? VAL_UNSIGNED : VAL_OPAQUE;
	case DW_ATE_boolean:
		return size <= 8 ? VAL_BOOL : VAL_OPAQUE;
	case DW_ATE_float:
		return size == 4 || size == 8 ? VAL_FLOAT : VAL_OPAQUE;
	default:
		return VAL_OPAQUE;
	}
}

static enum value_why make_type(unsigned encoding, uint64_t size, struct val_type *ret)
{
	if (size == 0)
		return WHY_EXPRESSION;
	if (size > 16)
		return WHY_LIMIT;
	*ret = (struct val_type){kind_of(encoding, size), size};
	return WHY_NONE;
}

/* What libdw says of the DIE that an operator refers to. */
static enum value_why die_type(struct machine *m, const Dwarf_Op *op, struct val_type *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding;
	enum value_why why;
	const char *name;
	Dwarf_Die die;
	int size;

	if (dwarf_getlocation_die(m->attr, op, &die) != 0 || dwarf_tag(&die) != DW_TAG_base_type)
		return WHY_EXPRESSION;
	size = dwarf_bytesize(&die);
	if (size <= 0 || dwarf_formudata(dwarf_attr(&die, DW_AT_encoding, &attr), &encoding) != 0)
		return WHY_EXPRESSION;
	why = make_type(encoding > UINT8_MAX ? 0 : encoding, size, ret);
	if (why || encoding != DW_ATE_float || size != 16)
		return why;
	/* 16 bytes are x87's extended format or IEEE's quadruple: DWARF does not say, but by the name in C. */
	name = dwarf_diename(&die);
	if (name && strcmp(name, "long double") == 0)
		ret->kind = VAL_X87;
	return WHY_NONE;
}

enum value_why type_of(struct machine *m, const Dwarf_Op *op, uint64_t die, bool may_be_generic,
		       struct val_type *ret)
{
	const struct expr_env *env = m->env;
	unsigned size, encoding;
	enum value_why why;

	if (die == 0) {
		*ret = (struct val_type){VAL_GENERIC, 8};
		return may_be_generic ? WHY_NONE : WHY_EXPRESSION;
	}
	if (!env->base_type)
		return die_type(m, op, ret);
	why = env->base_type(env->arg, die, &size, &encoding);
	return why ? why : make_type(encoding, size, ret);
}

enum value_why const_type_bytes(struct machine *m, const Dwarf_Op *op, Dwarf_Block *ret)
{
	Dwarf_Attribute attr;

	if (dwarf_getlocation_attr(m->code, op, &attr) != 0 || dwarf_formblock(&attr, ret) != 0)
		return WHY_EXPRESSION;
	return WHY_NONE;
}

/* ---- values ---------------------------------------------------------------------------------------------- */

static struct val integer(struct val_type type, uint64_t n)
{
	unsigned unused = 64 - 8 * type.size;

	if (type.kind == VAL_SIGNED)
		n = (uint64_t)((int64_t)(n << unused) >> unused);
	else
		n = n << unused >> unused;
	return (struct val){.lo = n, .type = type};
}

struct val val_load(struct val_type type, const void *bytes)
{
	struct val v = {.type = type};
	unsigned char buf[16] = {0};

	memcpy(buf, bytes, type.size);
	memcpy(&v.lo, buf, 8);
	memcpy(&v.hi, buf + 8, 8);
	return type.kind <= VAL_BOOL ? integer(type, v.lo) : v;
}

static float to_float(const struct val *v)
{
	uint32_t bits = v->lo;
	float x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

static double to_double(const struct val *v)
{
	double x;

	memcpy(&x, &v->lo, sizeof x);
	return x;
}

static long double to_long_double(const struct val *v)
{
	unsigned char buf[16];
	long double x;

	memcpy(buf, &v->lo, 8);
	memcpy(buf + 8, &v->hi, 8);
	memcpy(&x, buf, sizeof x);
	return x;
}

static struct val from_float(float x)
{
	return val_load((struct val_type){VAL_FLOAT, 4}, &x);
}

static struct val from_double(double x)
{
	return val_load((struct val_type){VAL_FLOAT, 8}, &x);
}

static struct val from_long_double(long double x)
{
	struct val v = {.type = {VAL_X87, 16}};
	uint16_t high;

	memcpy(&v.lo, &x, 8);
	memcpy(&high, (const char *)&x + 8, 2);
	v.hi = high;
	return v;
}

static bool is_floating(const struct val *v)
{
	return v->type.kind == VAL_FLOAT || v->type.kind == VAL_X87;
}

static bool same_type(struct val_type a, struct val_type b)
{
	return a.kind == b.kind && a.size == b.size;
}

/* Every float and double is a long double too. */
static long double widen(const struct val *v)
{
	if (v->type.kind == VAL_X87)
		return to_long_double(v);
	return v->type.size == 4 ? to_float(v) : to_double(v);
}

/* ---- conversions ------------------------------------------------------------------------------------------ */

/* Towards zero, as C does it. */
static enum value_why floating_to_integer(const struct val *a, struct val_type to, struct val *ret)
{
	long double x = truncl(widen(a));
	int bits = 8 * to.size;
	long double lowest = to.kind == VAL_UNSIGNED ? 0 : -ldexpl(1, bits - 1);
	long double highest = ldexpl(1, to.kind == VAL_SIGNED ? bits - 1 : bits);

	if (to.kind == VAL_BOOL) {
		*ret = integer(to, widen(a) != 0);
		return isnan(x) ? WHY_EXPRESSION : WHY_NONE;
	}
	if (!(x >= lowest && x < highest))
		return WHY_EXPRESSION;
	*ret = integer(to, x < 0 ? (uint64_t)(int64_t)x : (uint64_t)x);
	return WHY_NONE;
}

static struct val floating(struct val_type to, long double x)
{
	if (to.kind == VAL_X87)
		return from_long_double(x);
	return to.size == 4 ? from_float(x) : from_double(x);
}

static enum value_why integer_to_floating(const struct val *a, struct val_type to, struct val *ret)
{
	bool negative = (int64_t)a->lo < 0;

	if (negative && a->type.kind == VAL_GENERIC)
		return WHY_EXPRESSION;
	/* 64 bits fit a long double, so this rounds once. */
	*ret = floating(to, negative && a->type.kind == VAL_SIGNED ? (long double)(int64_t)a->lo
								   : (long double)a->lo);
	return WHY_NONE;
}

enum value_why val_convert(const struct val *a, struct val_type to, struct val *ret)
{
	bool floating_to = to.kind == VAL_FLOAT || to.kind == VAL_X87;

	if (same_type(a->type, to)) {
		*ret = *a;
		return WHY_NONE;
	}
	if (a->type.kind == VAL_OPAQUE || to.kind == VAL_OPAQUE)
		return WHY_LIMIT;
	if (is_floating(a) && floating_to)
		*ret = floating(to, widen(a));
	else if (is_floating(a))
		return floating_to_integer(a, to, ret);
	else if (floating_to)
		return integer_to_floating(a, to, ret);
	else
		*ret = integer(to, to.kind == VAL_BOOL ? a->lo != 0 : a->lo);
	return WHY_NONE;
}

enum value_why val_reinterpret(const struct val *a, struct val_type to, struct val *ret)
{
	uint64_t bits[2] = {a->lo, a->hi};

	if (a->type.size != to.size)
		return WHY_EXPRESSION;
	*ret = val_load(to, bits);
	return WHY_NONE;
}

/* ---- one operand ------------------------------------------------------------------------------------------ */

static enum value_why unary_floating(unsigned atom, const struct val *a, struct val *ret)
{
	struct val v = *a;
	uint64_t *word = v.type.kind == VAL_X87 ? &v.hi : &v.lo;
	uint64_t sign = 1ULL << (v.type.kind == VAL_X87 ? 15 : 8 * v.type.size - 1);

	if (atom == DW_OP_not)
		return WHY_EXPRESSION;
	*word = atom == DW_OP_neg ? *word ^ sign : *word & ~sign;
	*ret = v;
	return WHY_NONE;
}

enum value_why val_unary(unsigned atom, const struct val *a, struct val *ret)
{
	bool negative = (int64_t)a->lo < 0 && (a->type.kind == VAL_GENERIC || a->type.kind == VAL_SIGNED);

	if (is_floating(a))
		return unary_floating(atom, a, ret);
	if (!val_is_integer(a))
		return WHY_LIMIT;
	if (atom == DW_OP_not)
		*ret = integer(a->type, ~a->lo);
	else
		*ret = integer(a->type, atom == DW_OP_neg || negative ? -a->lo : a->lo);
	return WHY_NONE;
}

enum value_why val_add(const struct val *a, uint64_t n, struct val *ret)
{
	if (!val_is_integer(a))
		return a->type.kind == VAL_OPAQUE ? WHY_LIMIT : WHY_EXPRESSION;
	*ret = integer(a->type, a->lo + n);
	return WHY_NONE;
}

/* ---- two operands ----------------------------------------------------------------------------------------- */

/* The type in which two values compute; `signs`: the operator cares for signedness. */
static enum value_why common_type(const struct val *a, const struct val *b, bool signs, struct val_type *ret)
{
	struct val_type typed = a->type.kind == VAL_GENERIC ? b->type : a->type;

	if (a->type.kind == VAL_OPAQUE || b->type.kind == VAL_OPAQUE)
		return WHY_LIMIT;
	*ret = typed;
	if (same_type(a->type, b->type))
		return WHY_NONE;
	if ((a->type.kind != VAL_GENERIC && b->type.kind != VAL_GENERIC) || typed.size != 8)
		return WHY_EXPRESSION;
	if (typed.kind == VAL_SIGNED || (typed.kind == VAL_UNSIGNED && !signs))
		return WHY_NONE;
	return WHY_EXPRESSION;
}

static enum value_why divide(struct val_type type, uint64_t a, uint64_t b, uint64_t *ret)
{
	if (b == 0)
		return WHY_EXPRESSION;
	if (type.kind == VAL_UNSIGNED || type.kind == VAL_BOOL)
		*ret = a / b;
	else if (b == (uint64_t)-1) /* of the lowest number: wraps */
		*ret = -a;
	else
		*ret = (uint64_t)((int64_t)a / (int64_t)b);
	return WHY_NONE;
}

static enum value_why modulo(struct val_type type, uint64_t a, uint64_t b, uint64_t *ret)
{
	if (b == 0)
		return WHY_EXPRESSION;
	if (type.kind != VAL_SIGNED)
		*ret = a % b;
	else if (b == (uint64_t)-1)
		*ret = 0;
	else
		*ret = (uint64_t)((int64_t)a % (int64_t)b);
	return WHY_NONE;
}

static enum value_why binary_integer(unsigned atom, struct val_type type, uint64_t a, uint64_t b,
				     uint64_t *ret)
{
	switch (atom) {
	case DW_OP_and:
		*ret = a & b;
		return WHY_NONE;
	case DW_OP_or:
		*ret = a | b;
		return WHY_NONE;
	case DW_OP_xor:
		*ret = a ^ b;
		return WHY_NONE;
	case DW_OP_plus:
		*ret = a + b;
		return WHY_NONE;
	case DW_OP_minus:
		*ret = a - b;
		return WHY_NONE;
	case DW_OP_mul:
		*ret = a * b;
		return WHY_NONE;
	case DW_OP_div:
		return divide(type, a, b, ret);
	case DW_OP_mod:
		return modulo(type, a, b, ret);
	default:
		return WHY_EXPRESSION;
	}
}

#define BINARY_FLOATING(NAME, T, FROM)                                                                       \
	static enum value_why NAME(unsigned atom, T a, T b, struct val *ret)                                 \
	{                                                                                                    \
		switch (atom) {                                                                              \
		case DW_OP_plus:                                                                             \
			*ret = FROM(a + b);                                                                  \
			return WHY_NONE;                                                                     \
		case DW_OP_minus:                                                                            \
			*ret = FROM(a - b);                                                                  \
			return WHY_NONE;                                                                     \
		case DW_OP_mul:                                                                              \
			*ret = FROM(a * b);                                                                  \
			return WHY_NONE;                                                                     \
		case DW_OP_div:                                                                              \
			*ret = FROM(a / b);                                                                  \
			return WHY_NONE;                                                                     \
		default:                                                                                     \
			return WHY_EXPRESSION;                                                               \
		}                                                                                            \
	}

BINARY_FLOATING(binary_float, float, from_float)
BINARY_FLOATING(binary_double, double, from_double)
BINARY_FLOATING(binary_long_double, long double, from_long_double)

enum value_why val_binary(unsigned atom, const struct val *a, const struct val *b, struct val *ret)
{
	struct val_type type;
	enum value_why why;
	uint64_t n;

	why = common_type(a, b, atom == DW_OP_div || atom == DW_OP_mod, &type);
	if (why)
		return why;
	if (type.kind == VAL_X87)
		return binary_long_double(atom, to_long_double(a), to_long_double(b), ret);
	if (type.kind == VAL_FLOAT && type.size == 8)
		return binary_double(atom, to_double(a), to_double(b), ret);
	if (type.kind == VAL_FLOAT)
		return binary_float(atom, to_float(a), to_float(b), ret);
	/* Of a generic and a signed one, the remainder has two meanings. */
	if (atom == DW_OP_mod && !same_type(a->type, b->type) && (int64_t)(a->lo | b->lo) < 0)
		return WHY_EXPRESSION;
	why = binary_integer(atom, type, a->lo, b->lo, &n);
	if (!why)
		*ret = integer(type, n);
	return why;
}

enum value_why val_shift(unsigned atom, const struct val *a, const struct val *b, struct val *ret)
{
	unsigned bits = 8 * a->type.size;
	struct val_type type = a->type;
	uint64_t n;

	if (!val_is_integer(a) || !val_is_integer(b))
		return a->type.kind == VAL_OPAQUE || b->type.kind == VAL_OPAQUE ? WHY_LIMIT : WHY_EXPRESSION;
	if (b->type.kind == VAL_SIGNED && (int64_t)b->lo < 0)
		return WHY_EXPRESSION;
	if (atom == DW_OP_shra) {
		n = integer((struct val_type){VAL_SIGNED, type.size}, a->lo).lo;
		n = (uint64_t)((int64_t)n >> (b->lo < bits ? b->lo : 63));
	} else {
		n = integer((struct val_type){VAL_UNSIGNED, type.size}, a->lo).lo;
		n = b->lo >= bits ? 0 : atom == DW_OP_shl ? n << b->lo : n >> b->lo;
	}
	*ret = integer(type, n);
	return WHY_NONE;
}

/* -1, 0, 1; 2: not ordered. */
static int order(struct val_type type, const struct val *a, const struct val *b)
{
	if (type.kind == VAL_FLOAT || type.kind == VAL_X87) {
		long double x = widen(a), y = widen(b);

		return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
	}
	if (type.kind == VAL_GENERIC || type.kind == VAL_SIGNED)
		return (int64_t)a->lo < (int64_t)b->lo ? -1 : (int64_t)a->lo > (int64_t)b->lo;
	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

enum value_why val_compare(unsigned atom, const struct val *a, const struct val *b, struct val *ret)
{
	bool equality = atom == DW_OP_eq || atom == DW_OP_ne;
	struct val_type type;
	enum value_why why = common_type(a, b, !equality, &type);
	bool truth;
	int o;

	if (why)
		return why;
	o = order(type, a, b);
	switch (atom) {
	case DW_OP_eq:
		truth = o == 0;
		break;
	case DW_OP_ne:
		truth = o != 0;
		break;
	case DW_OP_lt:
		truth = o == -1;
		break;
	case DW_OP_le:
		truth = o == -1 || o == 0;
		break;
	case DW_OP_gt:
		truth = o == 1;
		break;
	default:
		truth = o == 1 || o == 0;
	}
	*ret = val_generic(truth);
	return WHY_NONE;
}
