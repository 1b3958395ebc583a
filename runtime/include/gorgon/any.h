/* SPDX-License-Identifier: MIT */
#ifndef GORGON_ANY_H
#define GORGON_ANY_H
/*
 * What: gor_any, a value together with its type, as Go's `any`.  Panic values are of this type.
 *
 *	gor_any a = gor_any_of(42);
 *	int n;
 *	if (gor_any_as(a, int, &n)) ...
 *
 * gor_any_of takes integers, bool, floats, gor_string, char * (the text of a C string), and other
 * pointers (whose target type is forgotten).  Your own types get a descriptor first:
 *
 *	typedef struct { int x, y; } point;
 *	GOR_TYPE_DEFINE(point);                   at file scope; or with a text of its own:
 *	GOR_TYPE_DEFINE_TEXT(point, point_text);  size_t point_text(const point *, char *, size_t)
 *	GOR_TYPE_DEFINE_NAMED(node, struct node); for types of several words
 *
 *	gor_any a = gor_any_make(point, p);       the descriptor's name, any type
 *	gor_any a = gor_any_of(p);                C++; in C after #define GOR_ANY_TYPES(X) X(point)
 *	gor_any_as(a, point, &p);
 *
 * Two types are the same when name, size and kind are, wherever they were defined.  A typedef of a
 * basic type is a type of its own only through gor_any_make and gor_any_as_named.
 *
 * Memory: values of up to 16 bytes are inside the gor_any.  Larger ones are copied to the heap; the
 * copy belongs to the gor_any and to all plain copies of it together, and gor_any_free on one of
 * them gives it back.  Texts are not copied: a gor_string or char * must outlive the gor_any.
 *
 * Blocking: nothing here blocks.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gorgon/string.h>

GOR_BEGIN_DECLS

/* How the bytes of a value are to be read. */
enum gor_kind {
	GOR_KIND_STRUCT = 0, /* anything not below */
	GOR_KIND_BOOL = 1,
	GOR_KIND_INT = 2,     /* signed, 1 to 8 bytes */
	GOR_KIND_UINT = 3,    /* unsigned, 1 to 8 bytes */
	GOR_KIND_FLOAT = 4,   /* 4, 8 or 16 bytes */
	GOR_KIND_POINTER = 5, /* to anything */
	GOR_KIND_CSTRING = 6, /* char *, NUL-terminated text */
	GOR_KIND_STRING = 7   /* gor_string */
};

/* Describes a type.  Constant; must outlive every value described by it. */
typedef struct gor_type {
	const char *name; /* as written in C */
	uint32_t kind;    /* enum gor_kind */
	uint32_t flags;   /* 1: declared by the user */
	size_t size;      /* bytes */
	/*
	 * How a value prints itself, or NULL.  As snprintf: writes at most `size` bytes with a NUL,
	 * returns the length of the whole text.
	 */
	size_t (*to_text)(const void *value, char *ret_buf, size_t size);
} gor_type;

typedef struct gor_any {
	const gor_type *type; /* NULL: Go's nil */
	union {
		bool b;
		int64_t i; /* integers of fewer bytes use the first ones */
		uint64_t u;
		double f;
		const void *p;
		gor_string s;
		unsigned char bytes[16];
		void *heap; /* when type->size > 16 */
	} data;
} gor_any;

/* The basic types: X(suffix, type, kind). */
#define GORI_ANY_BASICS(X)                                                                         \
	X(bool, bool, GOR_KIND_BOOL)                                                               \
	X(char, char, (char)-1 < 0 ? GOR_KIND_INT : GOR_KIND_UINT)                                 \
	X(schar, signed char, GOR_KIND_INT)                                                        \
	X(uchar, unsigned char, GOR_KIND_UINT)                                                     \
	X(short, short, GOR_KIND_INT)                                                              \
	X(ushort, unsigned short, GOR_KIND_UINT)                                                   \
	X(int, int, GOR_KIND_INT)                                                                  \
	X(uint, unsigned int, GOR_KIND_UINT)                                                       \
	X(long, long, GOR_KIND_INT)                                                                \
	X(ulong, unsigned long, GOR_KIND_UINT)                                                     \
	X(llong, long long, GOR_KIND_INT)                                                          \
	X(ullong, unsigned long long, GOR_KIND_UINT)                                               \
	X(float, float, GOR_KIND_FLOAT)                                                            \
	X(double, double, GOR_KIND_FLOAT)                                                          \
	X(ldouble, long double, GOR_KIND_FLOAT)                                                    \
	X(string, gor_string, GOR_KIND_STRING)

#define GORI_ANY_EXTERN(suffix, T, kind) GOR_API extern const gor_type gor_type_##suffix;
GORI_ANY_BASICS(GORI_ANY_EXTERN)
GOR_API extern const gor_type gor_type_cstring; /* "char *" */
GOR_API extern const gor_type gor_type_pointer; /* "void *" */
#undef GORI_ANY_EXTERN

/* A gor_any of the type->size bytes at value. */
GOR_API gor_any gor_any_box(const gor_type *type, const void *value);

/* Copies the value to *ret_value if it is of that type. */
GOR_API bool gor_any_load(gor_any a, const gor_type *type, void *ret_value);

/* Whether both describe the same type; NULL is the type of nil. */
GOR_API bool gor_type_same(const gor_type *a, const gor_type *b);

/* The value itself: inside *a, or its copy on the heap; NULL for nil. */
GOR_API const void *gor_any_data(const gor_any *a);

/*
 * The text that Go's panic prints: integers and bools plainly, floats as +1.500000e+000, texts as
 * they are, pointers as 0x..., types with a to_text by it, named types as NAME(value), nil as nil,
 * and everything else as (NAME) 0xADDRESS.  gor_any_string is new: gor_string_free gives it back.
 * gor_any_format is like snprintf, takes no memory and calls nothing of libc (but to_text might).
 */
GOR_API gor_string gor_any_string(gor_any a);
GOR_API size_t gor_any_format(const gor_any *a, char *ret_buf, size_t size);

/* Go's ==: same type and equal values; panics for structs. */
GOR_API bool gor_any_equal(gor_any a, gor_any b);

/* For GOR_MAP_TYPE_HASHED(name, gor_any, V, gor_any_key_hash, gor_any_key_equal). */
GOR_API uint64_t gor_any_key_hash(const gor_any *a, uint64_t seed);
GOR_API bool gor_any_key_equal(const gor_any *a, const gor_any *b);

/* A copy with a heap block of its own, if it needs one; and the end of the block.  Frees to nil. */
GOR_API gor_any gor_any_clone(gor_any a);
GOR_API void gor_any_free(gor_any *a);

GOR_END_DECLS

static inline bool gor_any_is_nil(gor_any a)
{
	return a.type == NULL;
}

static inline gor_any gor_any_of_cstring(const char *v)
{
	return gor_any_box(&gor_type_cstring, &v);
}

static inline gor_any gor_any_of_pointer(const volatile void *v)
{
	return gor_any_box(&gor_type_pointer, &v);
}

static inline gor_any gor_any_of_any(gor_any v)
{
	return v;
}

#define GORI_ANY_OF(suffix, T, kind)                                                               \
	static inline gor_any gor_any_of_##suffix(T v)                                             \
	{                                                                                          \
		return gor_any_box(&gor_type_##suffix, &v);                                        \
	}
GORI_ANY_BASICS(GORI_ANY_OF)
#undef GORI_ANY_OF

/* ---- your own types ------------------------------------------------------------------------- */

#define GOR_TYPE_DEFINE(T) GORI_TYPE_DECLARE(T, T, #T, NULL)
#define GOR_TYPE_DEFINE_NAMED(name, T) GORI_TYPE_DECLARE(name, T, #T, NULL)
#define GOR_TYPE_DEFINE_TEXT(T, text_fn) GOR_TYPE_DEFINE_NAMED_TEXT(T, T, text_fn)
#define GOR_TYPE_DEFINE_NAMED_TEXT(name, T, text_fn)                                               \
	__attribute__((unused)) static inline size_t gor_type_text_##name(                         \
		const void *v, char *ret_buf, size_t size)                                         \
	{                                                                                          \
		return text_fn((const __typeof__(T) *)v, ret_buf, size);                           \
	}                                                                                          \
	GORI_TYPE_DECLARE(name, T, #T, gor_type_text_##name)

#define GORI_TYPE_DECLARE(name, T, label, text_fn)                                                 \
	__attribute__((unused)) static const gor_type gor_type_##name = {                          \
		label, (uint32_t)GORI_KIND(T), 1, sizeof(__typeof__(T)), text_fn};                 \
	__attribute__((unused)) static inline gor_any gor_any_of_##name(__typeof__(T) v)           \
	{                                                                                          \
		return gor_any_box(&gor_type_##name, &v);                                          \
	}                                                                                          \
	GORI_TYPE_OVERLOAD(name, T)                                                                \
	struct gor_type_declared_##name

#define gor_any_make(name, v) GORI_VALUE_CAT(gor_any_of_, name)(v)
#define gor_any_as_named(a, name, ret_value)                                                       \
	gor_any_load((a), &GORI_VALUE_CAT(gor_type_, name), (ret_value))

/* ---- types to descriptors ------------------------------------------------------------------- */

#ifdef __cplusplus

template <class T> struct gori_any_kind {
	enum { value = __is_enum(T) ? GOR_KIND_INT : GOR_KIND_STRUCT };
};
template <class T> struct gori_any_kind<T *> {
	enum { value = GOR_KIND_POINTER };
};
template <bool yes, class T, class F> struct gori_any_pick {
	typedef T type;
};
template <class T, class F> struct gori_any_pick<false, T, F> {
	typedef F type;
};
template <class T> inline const gor_type *gori_any_basic(T *)
{
	return NULL;
}
template <class T> inline const gor_type *gori_any_basic(T **)
{
	return &gor_type_pointer;
}
inline const gor_type *gori_any_basic(char **)
{
	return &gor_type_cstring;
}
inline const gor_type *gori_any_basic(const char **)
{
	return &gor_type_cstring;
}
template <class T> inline gor_any gor_any_of(T *v)
{
	return gor_any_of_pointer(v);
}
inline gor_any gor_any_of(const char *v)
{
	return gor_any_of_cstring(v);
}
inline gor_any gor_any_of(char *v)
{
	return gor_any_of_cstring(v);
}
inline gor_any gor_any_of(gor_any v)
{
	return v;
}

#define GORI_ANY_OVERLOAD(suffix, T, kind_of)                                                      \
	template <> struct gori_any_kind<T> {                                                      \
		enum { value = (kind_of) };                                                        \
	};                                                                                         \
	inline const gor_type *gori_any_basic(T *)                                                 \
	{                                                                                          \
		return &gor_type_##suffix;                                                         \
	}                                                                                          \
	inline gor_any gor_any_of(T v)                                                             \
	{                                                                                          \
		return gor_any_of_##suffix(v);                                                     \
	}
GORI_ANY_BASICS(GORI_ANY_OVERLOAD)
#undef GORI_ANY_OVERLOAD

template <class T> inline bool gori_any_as(const gor_any &a, const char *name, T *ret_value)
{
	const gor_type *basic = gori_any_basic(ret_value);
	gor_type own = {name, (uint32_t)gori_any_kind<T>::value, 1, sizeof(T), NULL};

	return gor_any_load(a, basic != NULL ? basic : &own, (void *)ret_value);
}
#define gor_any_as(a, T, ret_value) gori_any_as<__typeof__(T)>((a), #T, (ret_value))

#define GORI_KIND(T) gori_any_kind<__typeof__(T)>::value
/* A typedef of a basic type is already taken: then the overload is for a type nobody has. */
#define GORI_TYPE_OVERLOAD(name, T)                                                                \
	struct gor_type_nobody_##name;                                                             \
	inline gor_any gor_any_of(                                                                 \
		const gori_any_pick<__is_class(__typeof__(T)) || __is_union(__typeof__(T)) ||      \
					    __is_enum(__typeof__(T)),                              \
				    __typeof__(T), gor_type_nobody_##name>::type &v)               \
	{                                                                                          \
		return gor_any_box(&gor_type_##name, (const void *)&v);                            \
	}

#else

/* X(name) for every type of yours that gor_any_of should know; its GOR_TYPE_DEFINE must be seen. */
#ifndef GOR_ANY_TYPES
#define GOR_ANY_TYPES(X)
#endif

/* clang-format off: it takes the associations of _Generic for labels */
#define GORI_ANY_FN(suffix, T, kind) T: gor_any_of_##suffix,
#define GORI_ANY_USER_FN(T) T: gor_any_of_##T,
#define gor_any_of(v) \
	_Generic((v), GORI_ANY_BASICS(GORI_ANY_FN) GOR_ANY_TYPES(GORI_ANY_USER_FN) \
		 char *: gor_any_of_cstring, \
		 const char *: gor_any_of_cstring, \
		 gor_any: gor_any_of_any, \
		 default: gor_any_of_pointer)(v)

#define GORI_KIND_CASE(suffix, T, kind) T: (kind),
#define GORI_KIND(T) \
	_Generic(*(__typeof__(T) *)0, GORI_ANY_BASICS(GORI_KIND_CASE) \
		 char *: GOR_KIND_CSTRING, \
		 const char *: GOR_KIND_CSTRING, \
		 default: __builtin_classify_type(*(__typeof__(T) *)0) == 5 \
			  ? GOR_KIND_POINTER : GOR_KIND_STRUCT)

#define GORI_TYPE_CASE(suffix, T, kind) T: &gor_type_##suffix,
#define GORI_TYPE_OF(T, label) \
	_Generic(*(__typeof__(T) *)0, GORI_ANY_BASICS(GORI_TYPE_CASE) \
		 char *: &gor_type_cstring, \
		 const char *: &gor_type_cstring, \
		 default: GORI_KIND(T) == GOR_KIND_POINTER \
			  ? &gor_type_pointer \
			  : &(const gor_type){ label, GOR_KIND_STRUCT, 1, \
					       sizeof(__typeof__(T)), NULL })
/* clang-format on */

#define gor_any_as(a, T, ret_value)                                                                \
	gor_any_load((a), GORI_TYPE_OF(T, #T), 1 ? (ret_value) : (__typeof__(T) *)0)
#define GORI_TYPE_OVERLOAD(name, T)

#endif
#endif
