/* SPDX-License-Identifier: MIT */
/*
 * What: values of the types of <gorgon.h>: channels, locks, maps, interface values.
 *
 * How: by the class of the type and the fact about the object's address.  Channels, maps and contexts are pointers
 * to objects nobody else sees, so their address stands with them; locks are named by what surrounds them.
 *
 *	chan int 0xc000 len 0 cap 8, made at f.c:12     sync.Mutex{held by goroutine 7}     any(int 7)
 */
#include <string.h>

#include "emit/style.h"

static void put_text(struct sink *s, const char *text)
{
	sink_clean(s, text, strlen(text), 0);
}

static void put_count(struct sink *s, const char *before, uint64_t n, const char *after)
{
	if (!n)
		return;
	sink_str(s, before);
	sink_udec(s, n);
	sink_str(s, after);
}

static int fact_kind_of(enum type_class class)
{
	static const int kinds[] = {
		[CLASS_CHAN] = FACT_CHAN,       [CLASS_MAP] = FACT_MAP,   [CLASS_MUTEX] = FACT_MUTEX,
		[CLASS_RWMUTEX] = FACT_RWMUTEX, [CLASS_ONCE] = FACT_ONCE, [CLASS_WAITGROUP] = FACT_WAITGROUP,
		[CLASS_COND] = FACT_COND,       [CLASS_SEM] = FACT_SEM,   [CLASS_CONTEXT] = FACT_CONTEXT,
		[CLASS_LIST] = FACT_LIST,
	};

	return (size_t) class < sizeof kinds / sizeof kinds[0] ? kinds[class] : 0;
}

const struct fact *runtime_fact(const struct world *w, const struct type *type, uint64_t addr)
{
	int kind = fact_kind_of(type->class);
	const struct fact *f = kind && addr ? world_fact(w, (enum fact_kind)kind, addr) : NULL;

	return f && !f->bad ? f : NULL;
}

/* ---- channels, maps, contexts: pointers -------------------------------------------------------------------- */

static void put_chan(struct typed *t, const struct fact *f)
{
	sink_str(t->s, " len ");
	sink_udec(t->s, f->u.chan.len);
	sink_str(t->s, " cap ");
	sink_udec(t->s, f->u.chan.cap);
	if (f->u.chan.closed)
		sink_str(t->s, " closed");
	if (f->u.chan.file && t->depth == 0) {
		sink_str(t->s, ", made at ");
		put_text(t->s, f->u.chan.file);
		sink_char(t->s, ':');
		sink_dec(t->s, f->u.chan.line);
	}
}

static void put_map(struct typed *t, const struct fact *f)
{
	sink_str(t->s, " len ");
	sink_udec(t->s, f->u.map.count);
	sink_str(t->s, f->u.map.writing ? " (being written)" : f->u.map.growing ? " (growing)" : "");
}

static void put_context(struct typed *t, const struct fact *f)
{
	if (f->u.context.err) {
		sink_str(t->s, " (cancelled: ");
		put_text(t->s, f->u.context.err);
		sink_char(t->s, ')');
	} else if (f->u.context.deadline_in != INT64_MAX) {
		sink_str(t->s, " (deadline in ");
		put_duration(t->s, f->u.context.deadline_in);
		sink_char(t->s, ')');
	}
}

/* chan int, map[int]string, context */
static void put_handle_name(struct typed *t, const struct type *type, const struct fact *f)
{
	if (type->class == CLASS_CONTEXT) {
		sink_str(t->s, "context");
	} else if (type->class == CLASS_MAP && f && f->u.map.name) {
		put_text(t->s, f->u.map.name);
	} else if (type->class == CLASS_MAP) {
		sink_str(t->s, "map[");
		typed_name(t->s, type->key);
		sink_char(t->s, ']');
		typed_name(t->s, type->elem);
	} else {
		sink_str(t->s, "chan ");
		if (f && f->u.chan.elem)
			put_text(t->s, f->u.chan.elem);
		else
			typed_name(t->s, type->elem);
	}
}

static void put_handle(struct typed *t, const struct part *p)
{
	enum value_status status = part_status(p);
	uint64_t addr = status == VALUE_UNKNOWN ? 0 : part_uint(p);
	const struct fact *f = runtime_fact(t->w, p->type, addr), *object;

	if (status == VALUE_UNKNOWN) {
		sink_char(t->s, '_');
		return;
	}
	if (!addr) {
		sink_str(t->s, status == VALUE_STALE ? "NULL?" : "NULL");
		return;
	}
	put_handle_name(t, p->type, f);
	sink_char(t->s, ' ');
	sink_hex(t->s, addr);
	if (status == VALUE_STALE) {
		sink_char(t->s, '?');
		return;
	}
	object = world_fact(t->w, FACT_BYTES, addr);
	put_count(t->s, " #", object ? object->id : 0, "");
	if (!f)
		return;
	if (p->type->class == CLASS_CHAN)
		put_chan(t, f);
	else if (p->type->class == CLASS_MAP)
		put_map(t, f);
	else
		put_context(t, f);
	put_stale(t->s, f->stale);
}

/* ---- locks and friends: structs --------------------------------------------------------------------------- */

static void put_goroutine(struct sink *s, int64_t id)
{
	sink_str(s, "goroutine ");
	sink_dec(s, id);
}

static void put_where(struct sink *s, const struct place *at)
{
	if (!at || !at->file)
		return;
	sink_str(s, " since ");
	put_text(s, at->file);
	sink_char(s, ':');
	sink_dec(s, at->line);
}

static void put_mutex(struct sink *s, const struct fact *f)
{
	if (!f->u.sync.locked) {
		sink_str(s, "unlocked");
	} else if (!f->u.sync.holder) {
		sink_str(s, "locked, holder unknown");
	} else {
		sink_str(s, "held by ");
		put_goroutine(s, f->u.sync.holder);
		put_where(s, f->u.sync.where);
	}
	put_count(s, ", ", f->u.sync.nwaiters, " waiting");
}

static void put_readers(struct sink *s, const struct fact *f)
{
	sink_str(s, "read by ");
	if (f->u.sync.nholders == 1 && f->u.sync.nreaders == 1) {
		put_goroutine(s, f->u.sync.holders[0].goid);
		return;
	}
	sink_udec(s, f->u.sync.nreaders);
	for (uint32_t i = 0; i < f->u.sync.nholders && i < DEFAULT_ITEMS; i++) {
		sink_str(s, i ? " " : ": goroutines ");
		sink_dec(s, f->u.sync.holders[i].goid);
	}
	if (f->u.sync.nholders < f->u.sync.nreaders || f->u.sync.nholders > DEFAULT_ITEMS)
		sink_str(s, f->u.sync.nholders ? " ..." : "");
}

static void put_rwmutex(struct sink *s, const struct fact *f)
{
	if (f->u.sync.nreaders)
		put_readers(s, f);
	else
		put_mutex(s, f);
	if (f->u.sync.nreaders)
		put_count(s, ", ", f->u.sync.nwaiters, " waiting");
	put_count(s, ", ", f->u.sync.nwriters_waiting, " waiting to write");
}

static void put_sync(struct typed *t, enum type_class class, const struct fact *f)
{
	static const char *const once[] = {"new", "running", "done"};
	struct sink *s = t->s;

	switch (class) {
	case CLASS_MUTEX:
		put_mutex(s, f);
		return;
	case CLASS_RWMUTEX:
		put_rwmutex(s, f);
		return;
	case CLASS_WAITGROUP:
		sink_str(s, "counter ");
		sink_dec(s, f->u.sync.count);
		break;
	case CLASS_SEM:
		sink_dec(s, f->u.sync.count);
		sink_str(s, " of ");
		sink_dec(s, f->u.sync.size);
		sink_str(s, " taken");
		break;
	case CLASS_ONCE:
		sink_str(s, f->u.sync.state < 3 ? once[f->u.sync.state] : "?");
		if (f->u.sync.state == 1 && f->u.sync.holder) {
			sink_str(s, " in ");
			put_goroutine(s, f->u.sync.holder);
		}
		break;
	case CLASS_LIST:
		sink_str(s, "len ");
		sink_udec(s, f->u.map.count);
		return;
	default: /* COND */
		if (!f->u.sync.nwaiters)
			sink_str(s, "nobody waiting");
		put_count(s, "", f->u.sync.nwaiters, " waiting");
		return;
	}
	put_count(s, ", ", f->u.sync.nwaiters, " waiting");
}

static bool put_object(struct typed *t, const struct part *p)
{
	static const char *const names[] = {
		[CLASS_MUTEX] = "sync.Mutex{",         [CLASS_RWMUTEX] = "sync.RWMutex{",
		[CLASS_ONCE] = "sync.Once{",           [CLASS_COND] = "sync.Cond{",
		[CLASS_SEM] = "sync.Semaphore{",       [CLASS_LIST] = "list{",
		[CLASS_WAITGROUP] = "sync.WaitGroup{",
	};
	const struct fact *f = runtime_fact(t->w, p->type, p->addr);

	if (!f)
		return false;
	sink_str(t->s, names[p->type->class]);
	put_sync(t, p->type->class, f);
	sink_char(t->s, '}');
	put_stale(t->s, f->stale);
	return true;
}

/* ---- interface values --------------------------------------------------------------------------------------- */

/* The numbers of enum gor_kind in <gorgon/any.h>: part of the target's layout, as is that of gor_any: its type, then
 * sixteen bytes that hold the value if it fits, else the address of a copy. */
enum {
	ANY_STRUCT = 0,
	ANY_BOOL,
	ANY_INT,
	ANY_UINT,
	ANY_FLOAT,
	ANY_POINTER,
	ANY_CSTRING,
	ANY_STRING,
	ANY_DATA = 8,
	ANY_INLINE = 16,
};

/* A type to read the value with; false if its descriptor does not say enough. */
static bool any_type(const struct fact *f, struct type *ret)
{
	static const struct type text = {.kind = TYPE_CHAR, .name = "char", .size = 1};
	static const enum type_kind kinds[] = {
		[ANY_STRUCT] = TYPE_OTHER,    [ANY_BOOL] = TYPE_BOOL,     [ANY_INT] = TYPE_INT,
		[ANY_UINT] = TYPE_UINT,       [ANY_FLOAT] = TYPE_FLOAT,   [ANY_POINTER] = TYPE_POINTER,
		[ANY_CSTRING] = TYPE_POINTER, [ANY_STRING] = TYPE_STRUCT,
	};
	uint32_t kind = f->u.type.kind;

	if (kind == ANY_STRUCT || kind > ANY_STRING || f->u.type.size > ANY_INLINE || !f->u.type.size)
		return false;
	*ret = (struct type){.kind = kinds[kind], .name = f->u.type.name, .size = f->u.type.size};
	if (kind == ANY_CSTRING)
		ret->elem = &text;
	if (kind == ANY_STRING)
		ret->class = CLASS_STRING;
	return true;
}

/* A value of a type that has members or enumerators; false: they are not known. */
static bool put_described(struct typed *t, const struct part *p, const struct fact *f)
{
	const struct type *layout = f->u.type.layout;
	struct part value = part_at(p, ANY_DATA, layout ? layout : &part_u64);
	const struct fact *heap;

	if (!layout || (f->u.type.kind != ANY_STRUCT && layout->kind != TYPE_ENUM))
		return false;
	if (layout->size > ANY_INLINE) {
		struct part data = part_at(p, ANY_DATA, &part_u64);

		heap = part_status(&data) == VALUE_KNOWN ? world_fact(t->w, FACT_BYTES, part_uint(&data))
							 : NULL;
		if (!heap || heap->bad || heap->u.bytes.len < layout->size)
			return false;
		value = part_of_bytes(layout, heap->u.bytes.p, heap->u.bytes.len, heap->addr,
				      heap->stale ? VALUE_STALE : VALUE_KNOWN);
	}
	if (layout->kind == TYPE_ENUM) {
		put_text(t->s, f->u.type.name);
		sink_char(t->s, ' ');
	}
	typed_part(t, &value, true);
	return true;
}

/* Of the others the descriptor says how to read them, if they are no structs. */
static void put_undescribed(struct typed *t, const struct part *p, const struct fact *f)
{
	struct type dynamic;
	struct part data;

	if (!any_type(f, &dynamic)) {
		put_text(t->s, f->u.type.name ? f->u.type.name : "struct");
		sink_str(t->s, "{...}");
		return;
	}
	if (f->u.type.kind < ANY_CSTRING || f->u.type.named) {
		put_text(t->s, f->u.type.name);
		sink_char(t->s, ' ');
	}
	data = part_at(p, ANY_DATA, &dynamic);
	typed_part(t, &data, false);
}

static void put_any(struct typed *t, const struct part *p)
{
	struct part type = part_at(p, 0, &part_u64), data = part_at(p, ANY_DATA, &part_u64);
	enum value_status status = part_status(&type);
	const struct fact *f = status == VALUE_UNKNOWN ? NULL : world_fact(t->w, FACT_TYPE, part_uint(&type));

	if (status != VALUE_UNKNOWN && !part_uint(&type)) {
		sink_str(t->s, status == VALUE_STALE ? "nil?" : "nil");
		return;
	}
	sink_str(t->s, "any(");
	if (!f || f->bad) {
		typed_part(t, &data, false);
		sink_str(t->s, " of unknown type");
	} else if (!put_described(t, p, f)) {
		put_undescribed(t, p, f);
	}
	sink_char(t->s, ')');
	put_stale(t->s, status == VALUE_STALE);
}

bool typed_runtime(struct typed *t, const struct part *p)
{
	switch (p->type->class) {
	case CLASS_NONE:
		return false;
	case CLASS_STRING:
		typed_string(t, p);
		return true;
	case CLASS_SLICE:
		typed_slice(t, p);
		return true;
	case CLASS_ANY:
		put_any(t, p);
		return true;
	case CLASS_CHAN:
	case CLASS_MAP:
	case CLASS_CONTEXT:
		put_handle(t, p);
		return true;
	default:
		return put_object(t, p);
	}
}
