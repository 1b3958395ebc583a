/* SPDX-License-Identifier: MIT */
/*
 * What: what the arguments lead to: texts, elements, pointees, names of functions, the runtime's objects.
 *
 * How: walks each value by its type.  Pointers are followed once (MAX_FOLLOW), and only as far as the emitters
 * may print; what has been looked at is a fact of its address and is not read again for the next goroutine.
 *
 * Invariants: only bytes that are KNOWN are followed.  Memory that cannot be read makes a fact that is bad, not an
 * error.
 */
#include <string.h>
#include <time.h>

#include "abi/sync_abi.h"
#include "collect/inside.h"

enum {
	MAX_FOLLOW = 1,
	MAX_DEPTH = 8,
	MAX_TEXT = 64,
	MAX_ITEMS = 8,
	MAX_POINTEE = 512,
	MAX_BYTES = 1 << 16,
	MAX_QUEUE = 64, /* waiters that are looked at one by one: each lies on another stack */
	MAX_HOLDERS = 8,
	MAX_CHAN = 512, /* bytes of its struct */
};

/* A piece of a value: type->size bytes, where they are in the target (0: nowhere). */
struct piece {
	const struct type *type;
	const unsigned char *bytes, *mask; /* mask NULL: all known */
	uint64_t addr;
	unsigned depth, follow;
};

static void look(struct collector *c, const struct piece *p);

/* ---- plain memory ------------------------------------------------------------------------------------------------ */

static uint64_t word_at(const unsigned char *bytes, uint64_t offset, uint64_t size)
{
	uint64_t v = 0;

	memcpy(&v, bytes + offset, size < 8 ? size : 8);
	return v;
}

static bool is_known(const struct piece *p, uint64_t offset, uint64_t size)
{
	for (uint64_t i = 0; p->mask && i < size; i++)
		if (p->mask[offset + i] != VALUE_KNOWN)
			return false;
	return true;
}

/* Memory at addr as a fact; more of it if it was read before with less. */
static const struct fact *bytes_at(struct collector *c, uint64_t addr, uint64_t n)
{
	bool is_new;
	struct fact *f = world_fact_add(c->world, FACT_BYTES, addr, &is_new);
	unsigned char *buf;
	size_t got;

	if (n > MAX_BYTES)
		n = MAX_BYTES;
	if (!is_new && (f->u.bytes.len >= n || (f->bad && n)))
		return f;
	buf = arena_take(&c->world->arena, n);
	got = n ? target_read_some(c->target, addr, buf, n) : 0;
	f->u.bytes.p = buf;
	f->u.bytes.len = got;
	f->bad = n && !got;
	f->stale = target_is_late(c->target);
	return f;
}

static void text_at(struct collector *c, uint64_t addr)
{
	uint32_t max = or_default(c->options->max_text, MAX_TEXT);
	bool is_new, cut = false;
	struct fact *f = world_fact_add(c->world, FACT_TEXT, addr, &is_new);
	char *buf;
	ssize_t n;

	if (!is_new)
		return;
	buf = arena_take(&c->world->arena, max + 1);
	n = target_read_str(c->target, addr, buf, max, &cut);
	f->bad = n < 0;
	f->stale = target_is_late(c->target);
	f->u.text.p = buf;
	f->u.text.len = n > 0 ? (uint32_t)n : 0;
	f->u.text.truncated = cut;
}

static bool symbol_at(struct collector *c, uint64_t addr)
{
	const struct fact *known = world_fact(c->world, FACT_SYMBOL, addr);
	const struct mapping *m;
	struct fact *f;
	bool is_new;

	if (known)
		return !known->bad;
	m = target_mapping(c->target, addr);
	if (!m || m->path[0] != '/')
		return false;
	f = world_fact_add(c->world, FACT_SYMBOL, addr, &is_new);
	f->bad = !debug_symbol(c->debug, addr, &f->u.symbol.name, &f->u.symbol.offset,
			       &f->u.symbol.is_function);
	return !f->bad;
}

static void look_at_items(struct collector *c, const struct type *elem, const struct fact *f, uint64_t addr,
			  const struct piece *from)
{
	uint64_t max = or_default(c->options->max_items, MAX_ITEMS);

	if (f->bad || !elem || !elem->size)
		return;
	for (uint64_t i = 0; i < max && (i + 1) * elem->size <= f->u.bytes.len; i++)
		look(c, &(struct piece){elem, f->u.bytes.p + i * elem->size, NULL, addr + i * elem->size,
					from->depth + 1, from->follow + 1});
}

/* ---- the runtime's objects ------------------------------------------------------------------------------------------ */

/*
 * The number of waiters in a queue, those of selects included.  A long queue is not walked to its end: the goroutines
 * that wait on nothing but this object have been counted, and at least these are there.
 */
static uint32_t queue_length(struct collector *c, uint64_t obj, uint64_t first, bool *ret_bad)
{
	uint32_t n = 0, counted;

	for (uint64_t at = first; at && n < MAX_QUEUE; n++)
		if (target_read_u64(c->target, at + c->rt.waiter_next, &at) != 0) {
			*ret_bad = true;
			break;
		}
	counted = n < MAX_QUEUE ? 0 : (uint32_t)(uintptr_t)table_get(&c->waiting, obj);
	return counted > n ? counted : n;
}

static const char *file_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static void read_chan(struct collector *c, uint64_t addr, struct fact *f)
{
	const struct rt *rt = &c->rt;
	unsigned char copy[MAX_CHAN + RT_SLACK];
	const struct site *site;

	f->bad = rt->sizeof_chan > MAX_CHAN || target_read(c->target, addr, copy, rt->sizeof_chan) != 0 ||
		 rt_u64(copy, rt->chan_cookie) != rt_number(rt, "const.CHAN_COOKIE");
	if (f->bad)
		return;
	f->u.chan.len = rt_u64(copy, rt->chan_len);
	f->u.chan.cap = rt_u64(copy, rt->chan_cap);
	f->u.chan.elem_size = rt_u32(copy, rt->chan_elem_size);
	f->u.chan.closed = rt_u32(copy, rt->chan_closed) != 0;
	f->u.chan.maker = (int64_t)rt_u64(copy, rt->chan_maker);
	f->u.chan.last_sender = (int64_t)rt_u64(copy, rt->chan_last_sender);
	f->u.chan.last_receiver = (int64_t)rt_u64(copy, rt->chan_last_receiver);
	f->u.chan.closer = (int64_t)rt_u64(copy, rt->chan_closer);
	f->u.chan.nreceivers =
		queue_length(c, addr, rt_u64(copy, rt->chan_recvq), &f->u.chan.queues_unreadable);
	f->u.chan.nsenders =
		queue_length(c, addr, rt_u64(copy, rt->chan_sendq), &f->u.chan.queues_unreadable);
	site = collect_site(c, rt_u64(copy, rt->chan_site));
	if (!site)
		return;
	f->u.chan.elem = site->what;
	f->u.chan.func = site->func;
	f->u.chan.file = file_name(site->file);
	f->u.chan.path = site->file;
	f->u.chan.line = site->line;
}

static const struct place *place_at(struct collector *c, uint64_t ret)
{
	unsigned n;

	return ret ? debug_places(c->debug, ret - 1, &n) : NULL;
}

/* How long ago something was, of which the runtime has kept the time. */
static int64_t ago(struct collector *c, uint64_t addr, uint32_t field)
{
	int64_t when = (int64_t)rt_read_u64(&c->rt, addr, field);

	return when > 0 && c->world->now > when ? c->world->now - when : 0;
}

static void read_mutex(struct collector *c, uint64_t addr, struct fact *f)
{
	struct rt *rt = &c->rt;
	uint64_t word;

	f->bad = target_read_u64(c->target, addr + rt->mutex_word, &word) != 0;
	if (f->bad)
		return;
	f->u.sync.locked = word & GORI_MU_LOCKED;
	f->u.sync.starving = word & GORI_MU_STARVING;
	f->u.sync.holder = f->u.sync.locked ? (int64_t)(word >> GORI_MU_SHIFT) : 0;
	f->u.sync.nwaiters = queue_length(c, addr, rt_read_u64(rt, addr, rt->mutex_waiters), &f->bad);
	if (f->u.sync.locked && (int64_t)rt_read_u64(rt, addr, rt->mutex_last) == f->u.sync.holder) {
		f->u.sync.where = place_at(c, rt_read_u64(rt, addr, rt->mutex_pc));
		f->u.sync.held_ns = ago(c, addr, rt->mutex_since);
	}
}

static void read_rwmutex(struct collector *c, uint64_t addr, struct fact *f)
{
	struct fact_holder holders[MAX_HOLDERS];
	struct rt *rt = &c->rt;
	uint64_t word, stride = rt_number(rt, "sizeof.reader");
	uint32_t n = 0;

	f->bad = target_read_u64(c->target, addr + rt->rwmutex_word, &word) != 0;
	if (f->bad)
		return;
	f->u.sync.locked = word & GORI_RW_WRITER || word >> GORI_RW_SHIFT;
	f->u.sync.nreaders = (uint32_t)(word >> GORI_RW_SHIFT);
	f->u.sync.nwaiters = queue_length(c, addr, rt_read_u64(rt, addr, rt->rwmutex_readq), &f->bad);
	f->u.sync.nwriters_waiting =
		queue_length(c, addr, rt_read_u64(rt, addr, rt->rwmutex_writeq), &f->bad);
	if (word & GORI_RW_WRITER) {
		f->u.sync.holder = (int64_t)rt_read_u64(rt, addr, rt->rwmutex_owner);
		holders[n++] = (struct fact_holder){f->u.sync.holder, true};
		if ((int64_t)rt_read_u64(rt, addr, rt->rwmutex_last) == f->u.sync.holder) {
			f->u.sync.where = place_at(c, rt_read_u64(rt, addr, rt->rwmutex_pc));
			f->u.sync.held_ns = ago(c, addr, rt->rwmutex_since);
		}
	}
	for (unsigned i = 0; stride && i < 4 && n < MAX_HOLDERS; i++) {
		uint64_t goid = word >> i & 1 ? rt_read_u64(rt, addr + i * stride, rt->rwmutex_readers) : 0;

		if (goid)
			holders[n++] = (struct fact_holder){(int64_t)goid, false};
	}
	f->u.sync.holders = arena_copy(&c->world->arena, holders, n * sizeof holders[0]);
	f->u.sync.nholders = n;
}

static void read_waitgroup(struct collector *c, uint64_t addr, struct fact *f)
{
	uint64_t word;

	f->bad = target_read_u64(c->target, addr + c->rt.wg_word, &word) != 0;
	f->u.sync.count = f->bad ? 0 : (int32_t)(word >> GORI_WG_SHIFT);
	f->u.sync.nwaiters = f->bad ? 0 : (uint32_t)word;
	f->u.sync.last_taker = (int64_t)rt_read_u64(&c->rt, addr, c->rt.wg_last_adder);
	f->u.sync.last_giver = (int64_t)rt_read_u64(&c->rt, addr, c->rt.wg_last_doner);
}

static void read_once(struct collector *c, uint64_t addr, struct fact *f)
{
	uint32_t state;

	f->bad = target_read(c->target, addr + c->rt.once_state, &state, sizeof state) != 0;
	f->u.sync.state = f->bad ? 0 : state;
	f->u.sync.holder = (int64_t)rt_read_u64(&c->rt, addr, c->rt.once_owner);
	if (!f->bad && state == GORI_ONCE_RUNNING) {
		f->u.sync.where = place_at(c, rt_read_u64(&c->rt, addr, c->rt.once_pc));
		f->u.sync.held_ns = ago(c, addr, c->rt.once_since);
	}
}

static void read_cond(struct collector *c, uint64_t addr, struct fact *f)
{
	uint64_t first;

	f->bad = target_read_u64(c->target, addr + c->rt.cond_waiters, &first) != 0;
	if (!f->bad)
		f->u.sync.nwaiters = queue_length(c, addr, first, &f->bad);
	f->u.sync.last_giver = (int64_t)rt_read_u64(&c->rt, addr, c->rt.cond_last_waker);
}

static void read_sem(struct collector *c, uint64_t addr, struct fact *f)
{
	uint64_t size;

	f->bad = target_read_u64(c->target, addr + c->rt.sem_size, &size) != 0;
	f->u.sync.size = f->bad ? 0 : (int64_t)size;
	f->u.sync.count = (int64_t)rt_read_u64(&c->rt, addr, c->rt.sem_held);
	f->u.sync.last_taker = (int64_t)rt_read_u64(&c->rt, addr, c->rt.sem_last_acquirer);
	f->u.sync.last_giver = (int64_t)rt_read_u64(&c->rt, addr, c->rt.sem_last_releaser);
	if (!f->bad)
		f->u.sync.nwaiters =
			queue_length(c, addr, rt_read_u64(&c->rt, addr, c->rt.sem_waiters), &f->bad);
}

static void read_map(struct collector *c, uint64_t addr, struct fact *f)
{
	struct rt *rt = &c->rt;

	f->bad = target_read_u64(c->target, addr + rt->map_count, &f->u.map.count) != 0;
	if (f->bad)
		return;
	f->u.map.name = rt_string(c->target,
				  rt_read_u64(rt, rt_read_u64(rt, addr, rt->map_type), rt->maptype_name),
				  &c->world->arena);
	f->u.map.growing = rt_read_u64(rt, addr, rt->map_old_buckets) != 0;
	f->u.map.writing = rt_read_u32(rt, addr, rt->map_flags) & 1;
	f->bad = !f->u.map.name;
}

static void read_context(struct collector *c, uint64_t addr, struct fact *f)
{
	struct rt *rt = &c->rt;
	int64_t deadline;

	f->bad = rt_read_u64(rt, addr, rt->ctx_cookie) != rt_number(rt, "const.CTX_COOKIE");
	if (f->bad)
		return;
	deadline = (int64_t)rt_read_u64(rt, addr, rt->ctx_deadline);
	f->u.context.err = rt_string(c->target, rt_read_u64(rt, addr, rt->ctx_err), &c->world->arena);
	/* When a core was written is not always known. */
	f->u.context.deadline_in =
		deadline == INT64_MAX || !deadline || !c->world->now ? INT64_MAX : deadline - c->world->now;
	f->u.context.done = rt_read_u64(rt, addr, rt->ctx_done);
}

static void read_type(struct collector *c, uint64_t addr, struct fact *f)
{
	struct rt *rt = &c->rt;

	f->u.type.name = rt_string(c->target, rt_read_u64(rt, addr, rt->type_name), &c->world->arena);
	f->u.type.kind = rt_read_u32(rt, addr, rt->type_kind);
	f->u.type.size = rt_read_u64(rt, addr, rt->type_size);
	f->u.type.named = rt_read_u32(rt, addr, rt->type_flags) & 1;
	f->bad = !f->u.type.name;
	if (f->u.type.named && !f->bad)
		f->u.type.layout = debug_described(c->debug, addr, f->u.type.size);
}

static void object_at(struct collector *c, enum fact_kind kind, uint64_t addr)
{
	static void (*const readers[])(struct collector *, uint64_t, struct fact *) = {
		[FACT_CHAN] = read_chan,       [FACT_MUTEX] = read_mutex,
		[FACT_RWMUTEX] = read_rwmutex, [FACT_WAITGROUP] = read_waitgroup,
		[FACT_ONCE] = read_once,       [FACT_COND] = read_cond,
		[FACT_SEM] = read_sem,         [FACT_MAP] = read_map,
		[FACT_CONTEXT] = read_context, [FACT_TYPE] = read_type,
	};
	struct fact *f;
	bool is_new;

	if (!addr || !c->rt.addr || (size_t)kind >= sizeof readers / sizeof readers[0] || !readers[kind])
		return;
	f = world_fact_add(c->world, kind, addr, &is_new);
	if (!is_new)
		return;
	f->stale = target_is_late(c->target);
	readers[kind](c, addr, f);
}

static enum fact_kind fact_of_class(enum type_class class)
{
	switch (class) {
	case CLASS_CHAN:
		return FACT_CHAN;
	case CLASS_MAP:
		return FACT_MAP;
	case CLASS_MUTEX:
		return FACT_MUTEX;
	case CLASS_RWMUTEX:
		return FACT_RWMUTEX;
	case CLASS_WAITGROUP:
		return FACT_WAITGROUP;
	case CLASS_ONCE:
		return FACT_ONCE;
	case CLASS_COND:
		return FACT_COND;
	case CLASS_SEM:
		return FACT_SEM;
	case CLASS_CONTEXT:
		return FACT_CONTEXT;
	default:
		return FACT_BYTES;
	}
}

void collect_object(struct collector *c, uint64_t addr, const char *reason)
{
	static const struct {
		const char *reason;
		enum fact_kind kind;
	} known[] = {
		{"chan receive", FACT_CHAN},         {"chan send", FACT_CHAN},
		{"sync.Mutex.Lock", FACT_MUTEX},     {"sync.RWMutex.RLock", FACT_RWMUTEX},
		{"sync.RWMutex.Lock", FACT_RWMUTEX}, {"sync.WaitGroup.Wait", FACT_WAITGROUP},
		{"sync.Cond.Wait", FACT_COND},       {"semacquire", FACT_SEM},
		{"sync.Once.Do", FACT_ONCE},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(reason, known[i].reason) == 0 && !world_fact(c->world, known[i].kind, addr)) {
			object_at(c, known[i].kind, addr);
			if (known[i].kind != FACT_CHAN)
				symbol_at(c, addr);
		}
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static void look_at_members(struct collector *c, const struct piece *p)
{
	for (uint32_t i = 0; i < p->type->nmembers; i++) {
		const struct type_member *m = &p->type->members[i];

		if (m->bit_size || m->offset + m->type->size > p->type->size)
			continue;
		look(c, &(struct piece){m->type, p->bytes + m->offset, p->mask ? p->mask + m->offset : NULL,
					p->addr ? p->addr + m->offset : 0, p->depth + 1, p->follow});
	}
}

static void look_at_array(struct collector *c, const struct piece *p)
{
	uint64_t max = or_default(c->options->max_items, MAX_ITEMS), size = p->type->elem->size;

	if (p->type->elem->kind == TYPE_CHAR)
		return;
	for (uint64_t i = 0; i < max && size && (i + 1) * size <= p->type->size; i++)
		look(c,
		     &(struct piece){p->type->elem, p->bytes + i * size, p->mask ? p->mask + i * size : NULL,
				     p->addr ? p->addr + i * size : 0, p->depth + 1, p->follow});
}

static void look_at_slice(struct collector *c, const struct piece *p)
{
	uint64_t ptr = word_at(p->bytes, 0, 8), len = word_at(p->bytes, 8, 8);
	uint64_t max = or_default(c->options->max_items, MAX_ITEMS);
	const struct type *elem = p->type->elem;
	const struct fact *f;

	if (!ptr || !len || !elem || !elem->size || p->follow > MAX_FOLLOW)
		return;
	if (elem->kind == TYPE_CHAR)
		max = or_default(c->options->max_text, MAX_TEXT);
	if (len > max)
		len = max;
	f = bytes_at(c, ptr, elem->size > MAX_BYTES / len ? elem->size : len * elem->size);
	look_at_items(c, elem, f, ptr, p);
}

static void look_at_string(struct collector *c, const struct piece *p)
{
	uint64_t ptr = word_at(p->bytes, 0, 8), len = word_at(p->bytes, 8, 8);
	uint32_t max = or_default(c->options->max_text, MAX_TEXT);

	if (ptr && len)
		bytes_at(c, ptr, len < max ? len : max);
}

/* A value whose type is known by its descriptor. */
static void look_at_described(struct collector *c, const struct piece *p, const struct type *layout)
{
	uint64_t data = word_at(p->bytes, 8, 8);
	const struct fact *heap;

	if (layout->size <= rt_number(&c->rt, "const.ANY_INLINE")) {
		look(c, &(struct piece){layout, p->bytes + 8, NULL, p->addr ? p->addr + 8 : 0, p->depth + 1,
					p->follow});
		return;
	}
	heap = bytes_at(c, data, layout->size < MAX_POINTEE ? layout->size : MAX_POINTEE);
	if (!heap->bad && heap->u.bytes.len >= layout->size)
		look(c, &(struct piece){layout, heap->u.bytes.p, NULL, data, p->depth + 1, p->follow + 1});
}

static void look_at_any(struct collector *c, const struct piece *p)
{
	uint64_t type = word_at(p->bytes, 0, 8), data = word_at(p->bytes, 8, 8);
	const struct fact *f;

	if (!type)
		return;
	object_at(c, FACT_TYPE, type);
	f = world_fact(c->world, FACT_TYPE, type);
	if (!f || f->bad)
		return;
	if (f->u.type.layout)
		look_at_described(c, p, f->u.type.layout);
	else if (f->u.type.size > rt_number(&c->rt, "const.ANY_INLINE"))
		bytes_at(c, data, f->u.type.size < MAX_POINTEE ? f->u.type.size : MAX_POINTEE);
	else if (strcmp(f->u.type.name, "string") == 0)
		bytes_at(c, data, word_at(p->bytes, 16, 8) < MAX_TEXT ? word_at(p->bytes, 16, 8) : MAX_TEXT);
	else if (strstr(f->u.type.name, "char") && strchr(f->u.type.name, '*'))
		text_at(c, data);
}

static void look_at_pointer(struct collector *c, const struct piece *p)
{
	uint64_t addr = word_at(p->bytes, 0, 8);
	const struct type *to = p->type->elem;
	enum fact_kind kind;
	const struct fact *f;

	if (!addr)
		return;
	if (p->type->class != CLASS_NONE) {
		object_at(c, fact_of_class(p->type->class), addr);
		bytes_at(c, addr, 0); /* carries its id */
		return;
	}
	if (to && to->kind == TYPE_CHAR)
		return text_at(c, addr);
	if (symbol_at(c, addr) && (!to || to->kind == TYPE_FUNCTION))
		return;
	kind = to ? fact_of_class(to->class) : FACT_BYTES;
	if (kind != FACT_BYTES)
		object_at(c, kind, addr);
	if (!to || !to->size || p->follow >= MAX_FOLLOW) {
		bytes_at(c, addr, 0);
		return;
	}
	f = bytes_at(c, addr, to->size < MAX_POINTEE ? to->size : MAX_POINTEE);
	if (!f->bad && f->u.bytes.len >= to->size)
		look(c, &(struct piece){to, f->u.bytes.p, NULL, addr, p->depth + 1, p->follow + 1});
}

static void look(struct collector *c, const struct piece *p)
{
	if (p->depth > MAX_DEPTH)
		return;
	switch (p->type->kind) {
	case TYPE_POINTER:
		if (is_known(p, 0, p->type->size))
			look_at_pointer(c, p);
		return;
	case TYPE_ARRAY:
		return look_at_array(c, p);
	case TYPE_STRUCT:
	case TYPE_UNION:
		break;
	default:
		return;
	}
	switch (p->type->class) {
	case CLASS_STRING:
		if (is_known(p, 0, 16))
			look_at_string(c, p);
		return;
	case CLASS_SLICE:
		if (is_known(p, 0, 16))
			look_at_slice(c, p);
		return;
	case CLASS_ANY:
		if (is_known(p, 0, p->type->size))
			look_at_any(c, p);
		return;
	case CLASS_NONE:
	case CLASS_LIST:
		return look_at_members(c, p);
	default:
		object_at(c, fact_of_class(p->type->class), p->addr);
	}
}

void collect_facts(struct collector *c, const struct value *args, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (args[i].bytes && args[i].type->size)
			look(c,
			     &(struct piece){args[i].type, args[i].bytes, args[i].mask, args[i].addr, 0, 0});
}
