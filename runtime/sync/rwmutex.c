/* SPDX-License-Identifier: MIT */
/*
 * What: gor_rwmutex, a lock for many readers or one writer that knows who they are.
 *
 * How: one word has the number of readers, WRITER, QUEUED, and one bit for each slot of readers[] that is
 * in use, so that one compare and swap lets a reader in and gives it a slot to write its name into.
 * Newcomers of both kinds queue up as soon as anybody waits.  Locks are handed over: a writer that unlocks
 * lets in all readers that wait, else the first writer; the last reader to leave lets in the first writer.
 * So readers and writers take turns and neither starves, as in Go.
 *
 *	0 -> readers, readers -> readers   [reader_enters]
 *	readers -> readers, readers -> 0   [gori_rwmutex_runlock]
 *	0 -> WRITER -> 0                   [writer_enters, gori_rwmutex_unlock]
 *	readers -> readers, QUEUED         [wait_for: a writer waits]
 *	WRITER -> WRITER, QUEUED           [wait_for]
 *	readers, QUEUED -> WRITER          [let_writer_in, by the last reader]
 *	WRITER, QUEUED -> readers          [let_readers_in, by the writer]
 *	WRITER, QUEUED -> WRITER           [let_writer_in, by the writer]
 *
 * Rejected: a list of held locks in each goroutine: exact for any number of readers, but when a goroutine
 * ends with a lock held its entry would have to move into the lock, which may be gone by then.  Rejected:
 * an allocated list of all readers: a read lock must not cost an allocation.
 *
 * Invariants: QUEUED if and only if a queue is not empty, as seen under rw->lock.  QUEUED without WRITER
 * implies that a writer waits.  A slot whose bit is clear has goid 0.  g->nlocks_held counts the locks that
 * name g.
 *
 * Locking: rw->lock guards the queues and QUEUED; fast paths keep QUEUED's value.
 *
 * Context: public functions: anywhere.  gori_*: G, inside the runtime.
 */
#define GOR_NO_KEYWORDS
#include "sync/sync.h"

#define ONE_READER ((uint64_t)1 << GORI_RW_SHIFT)
#define SLOT_BIT(slot) ((uint64_t)1 << (slot))

_Static_assert(GORI_RW_SLOT_MASK == (1 << GORI_RW_SLOTS) - 1, "one bit for each slot");

static inline uint32_t readers(uint64_t word)
{
	return (uint32_t)(word >> GORI_RW_SHIFT);
}

/* ---- names ------------------------------------------------------------------------------------------- */

/* The slot that has a read lock of this goroutine; -1 if there is none. */
static int find_slot(const gor_rwmutex *rw, int64_t goid)
{
	for (int i = 0; i < GORI_RW_SLOTS; i++) {
		if (gori_load(&rw->readers[i].goid) == goid)
			return i;
	}
	return -1;
}

/* Context here and in name_writer: g is the caller, or parked. */
static void name_reader(gor_rwmutex *rw, int slot, struct gori_g *g, void *pc)
{
	struct gori_reader *r = &rw->readers[slot];

	gori_store(&r->since, gori_coarse_now());
	gori_store(&r->pc, pc);
	gori_store_rel(&r->goid, g->goid); /* pairs with a dump's acquire: the name comes last */
	g->nlocks_held++;
}

static void name_writer(gor_rwmutex *rw, struct gori_g *g, void *pc)
{
	gori_store(&rw->last, g->goid);
	gori_store(&rw->since, gori_coarse_now());
	gori_store(&rw->pc, pc);
	gori_store_rel(&rw->owner, g->goid); /* pairs with a dump's acquire: the name comes last */
	g->nlocks_held++;
}

/* ---- without waiting --------------------------------------------------------------------------------- */

/* A read lock for g if nobody writes or waits. */
static bool reader_enters(gor_rwmutex *rw, struct gori_g *g, void *pc)
{
	for (;;) {
		uint64_t old = gori_load(&rw->word);
		uint64_t unused = ~old & GORI_RW_SLOT_MASK, bit = unused & -unused;

		if (old & (GORI_RW_WRITER | GORI_RW_QUEUED))
			return false;
		if (!gori_sync_cas(&rw->word, old, (old + ONE_READER) | bit))
			continue;
		if (bit)
			name_reader(rw, __builtin_ctzll(bit), g, pc);
		return true;
	}
}

static bool writer_enters(gor_rwmutex *rw, struct gori_g *g, void *pc)
{
	if (!gori_sync_cas(&rw->word, 0, GORI_RW_WRITER))
		return false;
	name_writer(rw, g, pc);
	return true;
}

/* ---- waiting ----------------------------------------------------------------------------------------- */

/* Sets QUEUED; false if the lock has become free for this kind meanwhile.  Locking: rw->lock. */
static bool announce(gor_rwmutex *rw, bool write)
{
	uint64_t old;

	do {
		old = gori_load(&rw->word);
		if (old & GORI_RW_QUEUED)
			return true;
		if (write ? old == 0 : !(old & GORI_RW_WRITER))
			return false;
	} while (!gori_sync_cas(&rw->word, old, old | GORI_RW_QUEUED));
	return true;
}

/* Takes the lock, waiting for it if need be. */
static __attribute__((noinline)) void wait_for(gor_rwmutex *rw, struct gori_g *g, void *pc, bool write)
{
	struct gori_waiter w = {.g = g, .obj = rw, .elem = pc};

	gori_plock(&rw->lock);
	while (!announce(rw, write)) {
		if (write ? writer_enters(rw, g, pc) : reader_enters(rw, g, pc)) {
			gori_punlock(&rw->lock);
			return;
		}
	}
	gori_sync_push(write ? &rw->writeq : &rw->readq, &w);
	gori_sync_park(g, &w, &rw->lock, write ? GORI_WAIT_RWMUTEX_LOCK : GORI_WAIT_RWMUTEX_RLOCK);
	/* Whoever woke g has handed over the lock. */
}

/* ---- handing over: nobody holds the lock, QUEUED keeps newcomers out --------------------------------------
 *
 * Locking: rw->lock.  Plain stores: no compare and swap of a fast path can succeed meanwhile, except that
 * of nobody. */

static struct gori_waiter *let_writer_in(gor_rwmutex *rw)
{
	struct gori_waiter *w = gori_sync_pop(&rw->writeq);
	uint64_t queued = rw->writeq.first || rw->readq.first ? GORI_RW_QUEUED : 0;

	gori_store_rel(&rw->word, GORI_RW_WRITER | queued); /* pairs with the compare and swaps */
	name_writer(rw, w->g, w->elem);
	return w;
}

static struct gori_waiter *let_readers_in(gor_rwmutex *rw)
{
	struct gori_waiter *list = gori_sync_take_all(&rw->readq);
	uint64_t word = rw->writeq.first ? GORI_RW_QUEUED : 0;
	int slot = 0;

	for (struct gori_waiter *w = list; w; w = w->next) {
		word += ONE_READER;
		if (slot == GORI_RW_SLOTS)
			continue;
		word |= SLOT_BIT(slot);
		name_reader(rw, slot++, w->g, w->elem);
	}
	gori_store_rel(&rw->word, word); /* pairs with the compare and swaps */
	return list;
}

/* ---- leaving ------------------------------------------------------------------------------------------ */

void gori_rwmutex_unlock(gor_rwmutex *rw)
{
	struct gori_g *g = gori_g();
	int64_t owner = gori_load(&rw->owner);
	struct gori_waiter *list;

	if (!(gori_load(&rw->word) & GORI_RW_WRITER))
		gori_fatal("sync: Unlock of unlocked RWMutex");
	if (owner && owner != g->goid)
		gori_sync_fatal_held("sync: Unlock of RWMutex held by goroutine ", owner);
	if (owner)
		g->nlocks_held--;
	gori_store(&rw->owner, 0);
	if (gori_likely(gori_sync_cas(&rw->word, GORI_RW_WRITER, 0)))
		return;
	gori_plock(&rw->lock);
	list = rw->readq.first ? let_readers_in(rw) : let_writer_in(rw);
	gori_punlock(&rw->lock);
	gori_sync_wake_list(list, 0);
}

static __attribute__((noinline)) void last_reader_left(gor_rwmutex *rw)
{
	struct gori_waiter *w;

	gori_plock(&rw->lock);
	w = let_writer_in(rw);
	gori_punlock(&rw->lock);
	gori_sync_wake(w, 0);
}

/* The slot bit of a read lock that g may release, its name wiped; 0 for a lock without a slot. */
static uint64_t unname_reader(gor_rwmutex *rw, struct gori_g *g)
{
	uint64_t word = gori_load(&rw->word);
	int slot = find_slot(rw, g->goid);

	if (!readers(word))
		gori_fatal("sync: RUnlock of unlocked RWMutex");
	if (slot >= 0) {
		g->nlocks_held--;
		gori_store(&rw->readers[slot].goid, 0);
		return SLOT_BIT(slot);
	}
	if (readers(word) == (uint32_t)__builtin_popcountll(word & GORI_RW_SLOT_MASK))
		gori_sync_fatal_held("sync: RUnlock of RWMutex not held by goroutine ", g->goid);
	return 0;
}

void gori_rwmutex_runlock(gor_rwmutex *rw)
{
	uint64_t bit = unname_reader(rw, gori_g()), old, now;

	do {
		old = gori_load(&rw->word);
		if (!readers(old))
			gori_fatal("sync: RUnlock of unlocked RWMutex");
		now = (old - ONE_READER) & ~bit;
	} while (!gori_sync_cas(&rw->word, old, now));
	if (gori_unlikely(!readers(now) && (now & GORI_RW_QUEUED)))
		last_reader_left(rw);
}

/* ---- entering ----------------------------------------------------------------------------------------- */

void gori_rwmutex_rlock(gor_rwmutex *rw, void *pc)
{
	struct gori_g *g = gori_g();

	if (!gori_likely(reader_enters(rw, g, pc)))
		wait_for(rw, g, pc, false);
}

void gori_rwmutex_lock(gor_rwmutex *rw, void *pc)
{
	struct gori_g *g = gori_g();

	if (!gori_likely(writer_enters(rw, g, pc)))
		wait_for(rw, g, pc, true);
}

/* ---- public ------------------------------------------------------------------------------------------ */

void gor_rwmutex_rlock(gor_rwmutex *rw)
{
	gori_enter();
	gori_rwmutex_rlock(rw, gori_caller_pc());
	gori_exit();
}

void gor_rwmutex_runlock(gor_rwmutex *rw)
{
	gori_enter();
	gori_rwmutex_runlock(rw);
	gori_exit();
}

void gor_rwmutex_lock(gor_rwmutex *rw)
{
	gori_enter();
	gori_rwmutex_lock(rw, gori_caller_pc());
	gori_exit();
}

void gor_rwmutex_unlock(gor_rwmutex *rw)
{
	gori_enter();
	gori_rwmutex_unlock(rw);
	gori_exit();
}

bool gor_rwmutex_try_rlock(gor_rwmutex *rw)
{
	struct gori_m *m = gori_enter();
	bool taken = reader_enters(rw, m->curg, gori_caller_pc());

	gori_sync_exit(m);
	return taken;
}

bool gor_rwmutex_try_lock(gor_rwmutex *rw)
{
	struct gori_m *m = gori_enter();
	bool taken = writer_enters(rw, m->curg, gori_caller_pc());

	gori_sync_exit(m);
	return taken;
}

/* A disowned read lock is one without a slot; a disowned write lock is one without an owner. */
void gor_rwmutex_disown(gor_rwmutex *rw)
{
	struct gori_m *m = gori_enter();
	struct gori_g *g = m->curg;
	int slot = find_slot(rw, g->goid);
	uint64_t old;

	if (gori_load(&rw->owner) == g->goid) {
		gori_store(&rw->owner, 0);
	} else if (slot >= 0) {
		gori_store(&rw->readers[slot].goid, 0);
		do
			old = gori_load(&rw->word);
		while (!gori_sync_cas(&rw->word, old, old & ~SLOT_BIT(slot)));
	} else {
		gori_fatal("sync: disown of RWMutex not held by this goroutine");
	}
	g->nlocks_held--;
	gori_sync_exit(m);
}
