/* SPDX-License-Identifier: MIT */
#ifndef WORLD_BUILDER_H
#define WORLD_BUILDER_H
/*
 * What: worlds made by hand, for tests of what looks at worlds and writes them.
 *
 * How: one world per process, since Check forks for each test.  Memory is the world's arena.  V makes a value from
 * a C expression, ARGS hands a list of them to a frame, EMITTED compares what an emitter wrote.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/sink.h"
#include "emit/emit.h"
#include "model/world.h"

static struct world W;

/* ---- types ------------------------------------------------------------------------------------------------ */

/* The sizes are constants of their own, since clang takes none out of a constant struct. */
#define SCALAR(id, k, text, n)                                                                               \
	enum { id##_size = (n) };                                                                            \
	__attribute__((unused)) static const struct type id = {.kind = (k), .name = (text), .size = (n)}

SCALAR(t_bool, TYPE_BOOL, "bool", 1);
SCALAR(t_char, TYPE_CHAR, "char", 1);
SCALAR(t_u8, TYPE_CHAR, "uint8_t", 1);
SCALAR(t_i8, TYPE_CHAR, "signed char", 1);
SCALAR(t_short, TYPE_INT, "short", 2);
SCALAR(t_int, TYPE_INT, "int", 4);
SCALAR(t_uint, TYPE_UINT, "unsigned int", 4);
SCALAR(t_long, TYPE_INT, "long", 8);
SCALAR(t_ulong, TYPE_UINT, "unsigned long", 8);
SCALAR(t_i128, TYPE_INT, "__int128", 16);
SCALAR(t_u128, TYPE_UINT, "unsigned __int128", 16);
SCALAR(t_float, TYPE_FLOAT, "float", 4);
SCALAR(t_double, TYPE_FLOAT, "double", 8);
SCALAR(t_ldouble, TYPE_FLOAT, "long double", 16);
SCALAR(t_complex, TYPE_COMPLEX, "double _Complex", 16);
SCALAR(t_void, TYPE_VOID, "void", 0);
SCALAR(t_fn, TYPE_FUNCTION, "void (void)", 0);

#define POINTER(id, to, text)                                                                                \
	__attribute__((unused)) static const struct type id = {                                              \
		.kind = TYPE_POINTER, .name = (text), .size = 8, .elem = &(to)}

POINTER(t_ptr, t_void, "void *");
POINTER(t_cstring, t_char, "char *");
POINTER(t_intp, t_int, "int *");
POINTER(t_fnp, t_fn, "void (*)(void)");

#define RUNTIME(id, k, c, text, n, of)                                                                       \
	__attribute__((unused)) static const struct type id = {                                              \
		.kind = (k), .class = (c), .name = (text), .size = (n), .elem = (of)}

RUNTIME(t_string, TYPE_STRUCT, CLASS_STRING, "gor_string", 16, NULL);
RUNTIME(t_strings, TYPE_STRUCT, CLASS_SLICE, "gor_slice(gor_string)", 24, &t_string);
RUNTIME(t_ints, TYPE_STRUCT, CLASS_SLICE, "gor_slice(int)", 24, &t_int);
RUNTIME(t_any, TYPE_STRUCT, CLASS_ANY, "gor_any", 24, NULL);
RUNTIME(t_chan, TYPE_POINTER, CLASS_CHAN, "chan(int)", 8, &t_int);
RUNTIME(t_context, TYPE_POINTER, CLASS_CONTEXT, "gor_context *", 8, NULL);
RUNTIME(t_mutex, TYPE_STRUCT, CLASS_MUTEX, "gor_mutex", 16, NULL);
RUNTIME(t_rwmutex, TYPE_STRUCT, CLASS_RWMUTEX, "gor_rwmutex", 16, NULL);
RUNTIME(t_waitgroup, TYPE_STRUCT, CLASS_WAITGROUP, "gor_waitgroup", 16, NULL);
RUNTIME(t_once, TYPE_STRUCT, CLASS_ONCE, "gor_once", 16, NULL);
RUNTIME(t_cond, TYPE_STRUCT, CLASS_COND, "gor_cond", 16, NULL);
RUNTIME(t_sem, TYPE_STRUCT, CLASS_SEM, "gor_sem", 16, NULL);
RUNTIME(t_list, TYPE_STRUCT, CLASS_LIST, "gor_list", 32, NULL);
POINTER(t_mutexp, t_mutex, "gor_mutex *");
__attribute__((unused)) static const struct type t_map = {.kind = TYPE_POINTER,
							  .class = CLASS_MAP,
							  .name = "gor_map(int, long)",
							  .size = 8,
							  .key = &t_int,
							  .elem = &t_long};

#define ARRAY(id, of, n, text)                                                                               \
	enum { id##_size = of##_size * (n) };                                                                \
	__attribute__((unused)) static const struct type id = {                                              \
		.kind = TYPE_ARRAY, .name = (text), .size = id##_size, .elem = &(of), .count = (n)}

#define MEMBERS(id, k, text, n, ...)                                                                         \
	static const struct type_member id##_members[] = {__VA_ARGS__};                                      \
	__attribute__((unused)) static const struct type id = {.kind = (k),                                  \
							       .name = (text),                               \
							       .size = (n),                                  \
							       .members = id##_members,                      \
							       .nmembers = sizeof id##_members /             \
									   sizeof id##_members[0]}
#define STRUCT(id, text, n, ...) MEMBERS(id, TYPE_STRUCT, text, n, __VA_ARGS__)
#define MEMBER(n, t, at)                                                                                     \
	{                                                                                                    \
		.name = (n), .type = &(t), .offset = (at)                                                    \
	}
#define BITS(n, t, at, bit, width)                                                                           \
	{                                                                                                    \
		.name = (n), .type = &(t), .offset = (at), .bit_size = (width), .bit_offset = (bit)          \
	}

/* ---- values ----------------------------------------------------------------------------------------------- */

static inline struct value wb_value(const char *name, const struct type *t, const void *p, size_t n)
{
	unsigned char *bytes = arena_alloc(&W.arena, t->size + 1);

	memcpy(bytes, p, n < t->size ? n : t->size);
	return (struct value){.name = name, .type = t, .bytes = bytes};
}

/* V("i", t_int, int, 10) */
#define V(name, t, ctype, ...) wb_value((name), &(t), &(ctype){__VA_ARGS__}, sizeof(ctype))

static inline struct value wb_with(struct value v, enum value_status status, enum value_why why)
{
	v.status = (uint8_t)status;
	v.why = (uint8_t)why;
	if (status == VALUE_UNKNOWN)
		v.bytes = NULL;
	return v;
}

#define STALE(v) wb_with((v), VALUE_STALE, WHY_REGISTER_LOST)
#define UNKNOWN(v) wb_with((v), VALUE_UNKNOWN, WHY_OPTIMIZED_OUT)

/* A value known in part: one character per byte, '.' known, '?' stale, '_' unknown. */
static inline struct value wb_masked(struct value v, const char *mask)
{
	unsigned char *bytes = arena_copy(&W.arena, v.bytes, v.type->size);
	unsigned char *m = arena_alloc(&W.arena, v.type->size);

	for (size_t i = 0; i < v.type->size && mask[i]; i++) {
		m[i] = mask[i] == '.' ? VALUE_KNOWN : mask[i] == '?' ? VALUE_STALE : VALUE_UNKNOWN;
		if (m[i] == VALUE_UNKNOWN)
			bytes[i] = 0;
		if (m[i] > v.status)
			v.status = m[i];
	}
	v.bytes = bytes;
	v.mask = m;
	return v;
}

/* ---- facts ------------------------------------------------------------------------------------------------ */

static inline struct fact *wb_fact(enum fact_kind kind, uint64_t addr)
{
	bool is_new;

	return world_fact_add(&W, kind, addr, &is_new);
}

static inline struct fact *wb_text(uint64_t addr, const char *text)
{
	struct fact *f = wb_fact(FACT_TEXT, addr);

	f->u.text.p = text;
	f->u.text.len = (uint32_t)strlen(text);
	return f;
}

static inline struct fact *wb_bytes(uint64_t addr, const void *p, size_t n)
{
	struct fact *f = wb_fact(FACT_BYTES, addr);

	f->u.bytes.p = arena_copy(&W.arena, p, n);
	f->u.bytes.len = n;
	return f;
}

static inline struct fact *wb_symbol(uint64_t addr, const char *name, uint64_t offset)
{
	struct fact *f = wb_fact(FACT_SYMBOL, addr);

	f->u.symbol.name = name;
	f->u.symbol.offset = offset;
	return f;
}

/* ---- frames, goroutines ----------------------------------------------------------------------------------- */

static inline const struct place *wb_place(const char *function, const char *file, int line, uint64_t entry)
{
	struct place *p = arena_new(&W.arena, struct place);

	p->function = function;
	p->file = file;
	p->line = line;
	p->entry = entry;
	p->module = "/bin/prog";
	p->module_base = 0x400000;
	p->has_debug_info = file != NULL;
	return p;
}

static inline struct frame wb_frame(const struct place *at, uint64_t pc, const struct value *args,
				    size_t nargs)
{
	struct frame f = {.place = at, .pc = pc, .nargs = (uint16_t)nargs};

	f.args = arena_copy(&W.arena, args, nargs * sizeof args[0]);
	return f;
}

#define ARGS(...)                                                                                            \
	(const struct value[]){__VA_ARGS__}, sizeof((struct value[]){__VA_ARGS__}) / sizeof(struct value)
#define NO_ARGS NULL, 0

static inline struct stack wb_stack(const struct frame *frames, size_t n)
{
	return (struct stack){.frames = arena_copy(&W.arena, frames, n * sizeof frames[0]),
			      .nframes = (uint32_t)n};
}

#define STACK(...)                                                                                           \
	wb_stack((const struct frame[]){__VA_ARGS__},                                                        \
		 sizeof((struct frame[]){__VA_ARGS__}) / sizeof(struct frame))

static inline void wb_goroutines(const struct goroutine *g, size_t n)
{
	W.goroutines = arena_copy(&W.arena, g, n * sizeof g[0]);
	W.ngoroutines = n;
	W.has_runtime = true;
}

#define GOROUTINES(...)                                                                                      \
	wb_goroutines((const struct goroutine[]){__VA_ARGS__},                                               \
		      sizeof((struct goroutine[]){__VA_ARGS__}) / sizeof(struct goroutine))

/* ---- what is written -------------------------------------------------------------------------------------- */

static inline const char *wb_args(enum args_style style, const struct value *args, size_t n)
{
	struct emit_options o = {.args = style};
	struct sink *s = arena_new(&W.arena, struct sink);
	struct frame f = wb_frame(wb_place("Example", "/src/example.c", 7, 0x401000), 0x401004, args, n);

	sink_init_memory(s);
	emit_args(&W, &f, &o, s);
	return sink_text(s);
}

#define TYPED(text, ...) ck_assert_str_eq(wb_args(ARGS_TYPED, ARGS(__VA_ARGS__)), (text))
#define GO(text, ...) ck_assert_str_eq(wb_args(ARGS_GO, ARGS(__VA_ARGS__)), (text))
#define WORDS(text, ...) ck_assert_str_eq(wb_args(ARGS_WORDS, ARGS(__VA_ARGS__)), (text))

static inline const char *wb_text_of(const struct emit_options *o)
{
	struct sink *s = arena_new(&W.arena, struct sink);

	sink_init_memory(s);
	emit_text(&W, o, s);
	return sink_text(s);
}

#endif
