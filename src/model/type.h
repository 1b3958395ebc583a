/* SPDX-License-Identifier: MIT */
#ifndef MODEL_TYPE_H
#define MODEL_TYPE_H
/*
 * What: a type of the program being read, as plain data.
 *
 * How: one object per distinct type of a module, made by debug/type.c from DWARF and shared by everything that
 * has it.  Typedefs and qualifiers are resolved: `name` is how the source spells it, everything else
 * describes what it is.  `class` marks the types of <gorgon.h>, which have contents worth showing.
 *
 * Invariants: size is in bytes, 0 where the program does not know it (void, incomplete, functions).  Types can
 * be cyclic through pointers.  An incomplete struct has no members and size 0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_kind {
	TYPE_VOID,
	TYPE_BOOL,
	TYPE_CHAR, /* one byte that is text: char, signed char, unsigned char */
	TYPE_INT,  /* signed; also char16_t and so on */
	TYPE_UINT,
	TYPE_FLOAT, /* size 4, 8, 16 (long double: 80 bits) */
	TYPE_COMPLEX,
	TYPE_ENUM,
	TYPE_POINTER, /* also C++ references */
	TYPE_FUNCTION,
	TYPE_STRUCT, /* also C++ classes */
	TYPE_UNION,
	TYPE_ARRAY,
	TYPE_OTHER,   /* known size, nothing else */
	TYPE_WRITTEN, /* of what was read as text: how it is written is `name`; see parse/args.c */
};

/* What the runtime's own types are.  CHAN, MAP and CONTEXT are pointers, the others structs. */
enum type_class {
	CLASS_NONE,
	CLASS_STRING,
	CLASS_SLICE,
	CLASS_ANY,
	CLASS_CHAN,
	CLASS_MAP,
	CLASS_MUTEX,
	CLASS_RWMUTEX,
	CLASS_WAITGROUP,
	CLASS_ONCE,
	CLASS_COND,
	CLASS_SEM,
	CLASS_CONTEXT,
	CLASS_LIST,
};

struct type;

struct type_member {
	const char *name; /* NULL: anonymous */
	const struct type *type;
	uint64_t offset;     /* bytes */
	uint16_t bit_size;   /* 0: no bit-field */
	uint16_t bit_offset; /* of a bit-field: first bit, counted from the lowest of the byte at `offset` */
	bool is_base;        /* C++ base class */
};

struct type_enumerator {
	const char *name;
	int64_t value;
};

struct type {
	enum type_kind kind;
	enum type_class class;
	bool is_reference; /* POINTER: C++ & */
	bool is_scoped;    /* ENUM: C++ enum class */
	const char *name;  /* "unsigned int", "struct job", "job_t", "char *"; never NULL */
	uint64_t size;
	const struct type
		*elem; /* POINTER, ARRAY: of what; CHAN, SLICE: element; FUNCTION: result; ENUM: base */
	const struct type *key; /* MAP: key, elem being the value */
	uint64_t count; /* ARRAY: items; 0 = flexible or unknown; WRITTEN: length up to behind the address */
	const struct type_member *members;
	uint32_t nmembers;
	uint32_t nenumerators;
	const struct type_enumerator *enumerators;
};

#endif
