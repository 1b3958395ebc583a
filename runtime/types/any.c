/* SPDX-License-Identifier: MIT */
/*
 * What: gor_any (see <gorgon/any.h>): boxing, comparing, and the text that a panic prints.
 *
 * How: small values are stored as their bytes, so that a reader from outside needs only the type's
 * size and kind.  Types are compared by name, size and kind, not by address, because a descriptor
 * is defined once in every source file and library that mentions it; equal addresses are the short
 * way.  Texts are made by hand rather than by snprintf, for two reasons: Go's format of floats is
 * not among printf's, and a panic may have to be printed where the C library's locks are held.
 *
 * Invariants: unused bytes of data are zero.  type->size > 16 implies that data.heap is a block of
 * that size.
 *
 * Locking: none; values are the caller's.
 *
 * Context: goroutine, or any thread before main; gor_any_format: any, unless the type has a
 * to_text.
 */
#include <stdlib.h>
#include <string.h>

#include <gorgon/any.h>

#include "abi/types_abi.h"
#include "types/hash.h"
#include "types/panic_decl.h"

_Static_assert(sizeof(gor_type) == sizeof(struct gori_abi_type), "abi");
_Static_assert(offsetof(gor_type, kind) == offsetof(struct gori_abi_type, kind), "abi");
_Static_assert(offsetof(gor_type, size) == offsetof(struct gori_abi_type, size), "abi");
_Static_assert(offsetof(gor_type, to_text) == offsetof(struct gori_abi_type, to_text), "abi");
_Static_assert(sizeof(gor_any) == sizeof(struct gori_abi_any), "abi");
_Static_assert(offsetof(gor_any, data) == offsetof(struct gori_abi_any, data), "abi");

#define BASIC_TYPE(suffix, T, kind) GOR_API const gor_type gor_type_##suffix = {#T, kind, 0, sizeof(T), NULL};
GORI_ANY_BASICS(BASIC_TYPE)
GOR_API const gor_type gor_type_cstring = {"char *", GOR_KIND_CSTRING, 0, sizeof(char *), NULL};
GOR_API const gor_type gor_type_pointer = {"void *", GOR_KIND_POINTER, 0, sizeof(void *), NULL};

/* ---- values --------------------------------------------------------------------------------- */

static bool is_inline(const gor_type *type)
{
	return type->size <= GORI_ANY_INLINE;
}

static void *copy_to_heap(const void *value, size_t size)
{
	void *p = malloc(size);

	if (GOR_UNLIKELY(p == NULL))
		gor_fatal("runtime: out of memory");
	return memcpy(p, value, size);
}

GOR_API gor_any gor_any_box(const gor_type *type, const void *value)
{
	gor_any a;

	memset(&a, 0, sizeof(a));
	a.type = type;
	if (is_inline(type))
		memcpy(a.data.bytes, value, type->size);
	else
		a.data.heap = copy_to_heap(value, type->size);
	return a;
}

GOR_API const void *gor_any_data(const gor_any *a)
{
	if (a->type == NULL)
		return NULL;
	return is_inline(a->type) ? a->data.bytes : a->data.heap;
}

GOR_API bool gor_type_same(const gor_type *a, const gor_type *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL)
		return false;
	return a->size == b->size && a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

GOR_API bool gor_any_load(gor_any a, const gor_type *type, void *ret_value)
{
	if (a.type == NULL || !gor_type_same(a.type, type))
		return false;
	memcpy(ret_value, gor_any_data(&a), type->size);
	return true;
}

GOR_API gor_any gor_any_clone(gor_any a)
{
	if (a.type != NULL && !is_inline(a.type))
		a.data.heap = copy_to_heap(a.data.heap, a.type->size);
	return a;
}

GOR_API void gor_any_free(gor_any *a)
{
	if (a->type != NULL && !is_inline(a->type))
		free(a->data.heap);
	memset(a, 0, sizeof(*a));
}

/* ---- reading a value by its kind ------------------------------------------------------------ */

static uint64_t read_uint(const gor_any *a)
{
	uint64_t v = 0;

	memcpy(&v, a->data.bytes, a->type->size < sizeof(v) ? a->type->size : sizeof(v));
	return v;
}

static int64_t read_int(const gor_any *a)
{
	unsigned unused = a->type->size < 8 ? 64 - 8 * (unsigned)a->type->size : 0;

	return (int64_t)(read_uint(a) << unused) >> unused;
}

static double read_float(const gor_any *a)
{
	long double ld;
	double d;
	float f;

	switch (a->type->size) {
	case sizeof(f):
		memcpy(&f, a->data.bytes, sizeof(f));
		return (double)f;
	case sizeof(d):
		memcpy(&d, a->data.bytes, sizeof(d));
		return d;
	default:
		memcpy(&ld, a->data.bytes, sizeof(ld));
		return (double)ld;
	}
}

static gor_string read_text(const gor_any *a)
{
	if (a->type->kind == GOR_KIND_STRING)
		return a->data.s;
	return gor_string_of((const char *)a->data.p);
}

/* ---- comparing ------------------------------------------------------------------------------ */

GOR_API bool gor_any_key_equal(const gor_any *a, const gor_any *b)
{
	if (!gor_type_same(a->type, b->type))
		return false;
	if (a->type == NULL)
		return true;
	switch (a->type->kind) {
	case GOR_KIND_STRING:
	case GOR_KIND_CSTRING:
		return gor_string_equal(read_text(a), read_text(b));
	case GOR_KIND_FLOAT:
		return read_float(a) == read_float(b);
	case GOR_KIND_STRUCT:
		/* padding has no value, so bytes cannot decide */
		gori_panic_runtime_error("comparing uncomparable type %s", a->type->name);
	default:
		return read_uint(a) == read_uint(b);
	}
}

GOR_API bool gor_any_equal(gor_any a, gor_any b)
{
	return gor_any_key_equal(&a, &b);
}

GOR_API uint64_t gor_any_key_hash(const gor_any *a, uint64_t seed)
{
	double d;

	if (a->type == NULL)
		return seed;
	switch (a->type->kind) {
	case GOR_KIND_STRING:
	case GOR_KIND_CSTRING:
		return gor_string_hash(read_text(a), seed);
	case GOR_KIND_FLOAT:
		d = read_float(a);
		/* adding zero makes -0 the same as +0; a NaN equals nothing and goes anywhere */
		d += 0.0;
		return __builtin_isnan(d) ? gori_hash_random() : gori_hash_mem(&d, sizeof(d), seed);
	case GOR_KIND_STRUCT:
		gori_panic_runtime_error("hash of unhashable type %s", a->type->name);
	default:
		return gori_hash_word(read_uint(a), seed);
	}
}

/* ---- text ----------------------------------------------------------------------------------- */

/* Counts what does not fit, as snprintf does. */
struct text_out {
	char *buf;
	size_t size;
	size_t len;
};

static void put_char(struct text_out *out, char c)
{
	if (out->len + 1 < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void put_bytes(struct text_out *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_char(out, p[i]);
}

static void put_text(struct text_out *out, const char *text)
{
	for (; *text != '\0'; text++)
		put_char(out, *text);
}

static void put_uint(struct text_out *out, uint64_t v, unsigned base)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while (n > 0)
		put_char(out, digits[--n]);
}

static void put_int(struct text_out *out, int64_t v)
{
	if (v < 0)
		put_char(out, '-');
	put_uint(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

static void put_address(struct text_out *out, const void *p)
{
	put_text(out, "0x");
	put_uint(out, (uint64_t)(uintptr_t)p, 16);
}

#define FLOAT_DIGITS 7

/* Scales a positive number to 1 <= v < 10, rounded to FLOAT_DIGITS digits; returns the exponent. */
static int scale_float(double *io_v)
{
	double v = *io_v, half = 5;
	int exponent = 0;

	for (; v >= 10; v /= 10)
		exponent++;
	for (; v < 1; v *= 10)
		exponent--;
	for (int i = 0; i < FLOAT_DIGITS; i++)
		half /= 10;
	v += half;
	if (v >= 10) {
		exponent++;
		v /= 10;
	}
	*io_v = v;
	return exponent;
}

/* Always sign, seven digits, and a signed exponent of three digits: +1.500000e+000. */
static void put_float(struct text_out *out, double v)
{
	int exponent = 0;

	if (__builtin_isnan(v)) {
		put_text(out, "NaN");
		return;
	}
	put_char(out, __builtin_signbit(v) ? '-' : '+');
	if (__builtin_isinf(v)) {
		put_text(out, "Inf");
		return;
	}
	v = __builtin_fabs(v);
	if (v != 0)
		exponent = scale_float(&v);
	for (int i = 0; i < FLOAT_DIGITS; i++) {
		int digit = (int)v;

		put_char(out, (char)('0' + digit));
		if (i == 0)
			put_char(out, '.');
		v = (v - digit) * 10;
	}
	put_text(out, exponent < 0 ? "e-" : "e+");
	exponent = exponent < 0 ? -exponent : exponent;
	put_char(out, (char)('0' + exponent / 100));
	put_char(out, (char)('0' + exponent / 10 % 10));
	put_char(out, (char)('0' + exponent % 10));
}

static void put_basic(struct text_out *out, const gor_any *a)
{
	gor_string text;

	switch (a->type->kind) {
	case GOR_KIND_BOOL:
		put_text(out, read_uint(a) != 0 ? "true" : "false");
		break;
	case GOR_KIND_INT:
		put_int(out, read_int(a));
		break;
	case GOR_KIND_UINT:
		put_uint(out, read_uint(a), 10);
		break;
	case GOR_KIND_FLOAT:
		put_float(out, read_float(a));
		break;
	case GOR_KIND_POINTER:
		put_address(out, a->data.p);
		break;
	default:
		text = read_text(a);
		put_bytes(out, text.ptr, text.len);
	}
}

/* A named type of a basic kind: NAME(value), with texts in quotes. */
static void put_named(struct text_out *out, const gor_any *a)
{
	bool quoted = a->type->kind == GOR_KIND_STRING || a->type->kind == GOR_KIND_CSTRING;

	put_text(out, a->type->name);
	put_text(out, quoted ? "(\"" : "(");
	put_basic(out, a);
	put_text(out, quoted ? "\")" : ")");
}

GOR_API size_t gor_any_format(const gor_any *a, char *ret_buf, size_t size)
{
	struct text_out out = {ret_buf, size, 0};

	if (a->type != NULL && a->type->to_text != NULL)
		return a->type->to_text(gor_any_data(a), ret_buf, size);
	if (a->type == NULL) {
		put_text(&out, "nil");
	} else if (a->type->kind == GOR_KIND_STRUCT) {
		put_char(&out, '(');
		put_text(&out, a->type->name);
		put_text(&out, ") ");
		put_address(&out, gor_any_data(a));
	} else if (a->type->flags & GORI_TYPE_NAMED) {
		put_named(&out, a);
	} else {
		put_basic(&out, a);
	}
	if (size > 0)
		ret_buf[out.len < size ? out.len : size - 1] = '\0';
	return out.len;
}

GOR_API gor_string gor_any_string(gor_any a)
{
	size_t len = gor_any_format(&a, NULL, 0), again;
	char *p = malloc(len + 1);

	if (GOR_UNLIKELY(p == NULL))
		gor_fatal("runtime: out of memory");
	again = gor_any_format(&a, p, len + 1);
	/* a to_text whose answer changed in between must not make us read what it did not write */
	return gor_strn(p, again < len ? again : len);
}
