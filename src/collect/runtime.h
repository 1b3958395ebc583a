/* SPDX-License-Identifier: MIT */
#ifndef COLLECT_RUNTIME_H
#define COLLECT_RUNTIME_H
/*
 * What: the runtime inside the target: where its roots are and how its structs are laid out.
 *
 * How: the table that the runtime publishes (abi/table.h) is found by its symbol, else by its cookie in the
 * writable mappings of files.  Offsets come from it and not from this program's own structs, so that a reader of
 * another version, or of a stripped program, reads right.
 *
 * Invariants: everything in the target can be wrong: pointers that lead nowhere, lists without end, the table
 * itself.  Lists are walked with a limit; fields lie within the structs that they are of.
 */
#include "base/table.h"
#include "debug/debug.h"
#include "target/target.h"

/* Fields that are used, as STRUCT, FIELD in the names of the published table. */
/* clang-format off */
#define RT_FIELDS(X) \
	X(g, sp) X(g, m) X(g, status) X(g, wait) X(g, flags) X(g, fresh) X(g, wait_obj) X(g, since) \
	X(g, goid) X(g, parent_goid) X(g, locked_m) X(g, nlocks_held) X(g, stack_lo) X(g, stack_hi) \
	X(g, labels) X(g, call) X(g, all_next) X(g, waiters) X(g, nwaiters) \
	X(m, curg) X(m, p) X(m, tid) X(m, id) X(m, all_next) X(m, crash_frozen) X(m, crash_regs) X(m, g0) \
	X(p, nspawned) X(p, nended) X(p, timers) X(p, timers_cap) X(p, ntimers) X(p, ended) \
	X(ended, goid) X(ended, site) X(ended, when) \
	X(timer_slot, timer) \
	X(timer, arg) \
	X(call, fn) X(call, site) X(call, stack) X(call, nstack) X(call, regs) \
	X(regs, gpr) X(regs, sse) \
	X(switch, r15) X(switch, r14) X(switch, r13) X(switch, r12) X(switch, rbx) X(switch, rbp) \
	X(switch, rip) \
	X(waiter, next) X(waiter, obj) X(waiter, g) X(waiter, is_send) \
	X(label, next) X(label, key) X(label, value) \
	X(site, file) X(site, func) X(site, what) X(site, line) \
	X(arena, base) X(arena, nslots) X(arena, used) \
	X(chan, elem_size) X(chan, len) X(chan, cap) X(chan, recvq) X(chan, sendq) X(chan, closed) \
	X(chan, cookie) X(chan, site) X(chan, maker) X(chan, last_sender) X(chan, last_receiver) \
	X(chan, closer) \
	X(mutex, word) X(mutex, last) X(mutex, since) X(mutex, pc) X(mutex, waiters) \
	X(rwmutex, word) X(rwmutex, owner) X(rwmutex, last) X(rwmutex, since) X(rwmutex, pc) X(rwmutex, readq) \
	X(rwmutex, writeq) X(rwmutex, readers) \
	X(wg, word) X(wg, waiters) X(wg, last_adder) X(wg, last_doner) \
	X(once, state) X(once, owner) X(once, since) X(once, pc) X(once, waiters) \
	X(cond, waiters) X(cond, last_waker) \
	X(sem, size) X(sem, held) X(sem, waiters) X(sem, last_acquirer) X(sem, last_releaser) \
	X(flight, waiters) X(flight, owner) \
	X(ctx, cookie) X(ctx, deadline) X(ctx, done) X(ctx, err) \
	X(map, count) X(map, type) X(map, old_buckets) X(map, flags) \
	X(maptype, name) \
	X(type, name) X(type, kind) X(type, flags) X(type, size) \
	X(death, kind) X(death, tid) X(death, g) X(death, regs) X(death, sse) X(death, has_sse) \
	X(death, exact) X(death, message_printed) X(death, print_registers) X(death, is_blameless) \
	X(death, sig) X(death, code) X(death, addr) X(death, pc) X(death, traceback) X(death, nawake) \
	X(death, flags) X(death, message_len) X(death, deadline) X(death, path) X(death, message) X(death, when) \
	X(death, sender_pid) X(death, sender_uid) \
	X(options, args) X(options, color) X(options, group) X(options, why) X(options, threads) \
	X(options, stuck_ns) X(options, suppressions) X(options, report) X(options, baseline) \
	X(options, fail_on) X(options, junit) X(options, sarif) X(options, json) X(options, html) X(options, snapshot)
/* clang-format on */

enum {
	RT_NO_FIELD = UINT32_MAX,
	/* A field begins within its struct, but may end behind it, in a damaged table: so much more has every buffer that
	 * rt_u64 reads from. */
	RT_SLACK = 8,
};

struct rt {
	struct target *target;
	uint64_t addr;        /* of the table; 0: there is no runtime in the target */
	struct table entries; /* hash of the name -> its value */
#define X(s, f) uint32_t s##_##f;
	RT_FIELDS(X)
#undef X
	uint32_t sizeof_g, sizeof_m, sizeof_call, sizeof_switch, sizeof_arena, sizeof_chan, sizeof_death,
		sizeof_site, sizeof_p, sizeof_timer_slot, sizeof_ended;
	const char **wait_texts;
	uint32_t nwaits;
	struct arena arena;
};

/* 0 also if there is no runtime: then rt->addr is 0.  Fails if there is one that cannot be understood. */
int rt_open(struct rt *rt, struct target *t, struct debug *d, struct error *e);
void rt_close(struct rt *rt);

/*
 * Adds the entries of another table of the same form and with this cookie, out of a library in whose path `path` is.
 * False: there is none that could be read.
 */
bool rt_add_table(struct rt *rt, const char *path, const char cookie[8]);

/* A name of the table that is no field: "root.allm"; 0 if it is not there. */
uint64_t rt_number(const struct rt *rt, const char *name);

/* The slots of one arena of goroutines. */
struct rt_slots {
	uint64_t base, size, n, used;
	uint64_t skews, step;
};

/* Of the arena with this number; false: there are no more. */
bool rt_slots(struct rt *rt, uint32_t arena, struct rt_slots *ret);

/* Where the G of a slot is: at its end, but for a skew. */
static inline uint64_t rt_slot_g(const struct rt *rt, const struct rt_slots *s, uint64_t i)
{
	uint64_t slot = s->base + i * s->size;

	return slot + s->size - s->step * (1 + slot / s->size % s->skews) - rt->sizeof_g;
}

/* A field of a copy of a struct, with RT_SLACK behind it; 0 if this runtime has no such field. */
static inline uint64_t rt_u64(const void *copy, uint32_t field)
{
	uint64_t v;

	if (field == RT_NO_FIELD)
		return 0;
	__builtin_memcpy(&v, (const char *)copy + field, sizeof v);
	return v;
}

static inline uint32_t rt_u32(const void *copy, uint32_t field)
{
	uint32_t v;

	if (field == RT_NO_FIELD)
		return 0;
	__builtin_memcpy(&v, (const char *)copy + field, sizeof v);
	return v;
}

static inline uint8_t rt_u8(const void *copy, uint32_t field)
{
	return field == RT_NO_FIELD ? 0 : ((const uint8_t *)copy)[field];
}

/* Are the n bytes from a field on within its struct, of this size? */
static inline bool rt_fits(uint32_t field, uint32_t n, uint32_t size)
{
	return field != RT_NO_FIELD && size != RT_NO_FIELD && (uint64_t)field + n <= size;
}

/* The same from the target's memory; 0 if it cannot be read. */
uint64_t rt_read_u64(struct rt *rt, uint64_t addr, uint32_t field);
uint32_t rt_read_u32(struct rt *rt, uint64_t addr, uint32_t field);

/* The registers of a goroutine that is parked, out of its stack. */
bool collect_parked_regs(struct target *t, const struct rt *rt, const struct goroutine *g, struct regs *ret);

/* A string of the target, bounded, in `a`; NULL if it cannot be read. */
const char *rt_string(struct target *t, uint64_t addr, struct arena *a);

#endif
