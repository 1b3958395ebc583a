/* SPDX-License-Identifier: MIT */
/*
 * What: what all targets share: cached reading, the window, stopping and going on, looking things up.
 *
 * How: a read is served piece by piece, each from the window, else from a page of the cache, else by the kind.
 * Pages that cannot be read are remembered too: a bad pointer is often followed more than once.
 *
 * Invariants: the cache is emptied by target_stop, so that it never mixes what was read before with what is
 * read while the target stands still; and when it has MAX_PAGES, which bounds what a walk over a large heap costs, but
 * not while pages are kept.
 */
#include "target/target.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/search.h"

enum { MAX_PAGES = 1 << 15 };

/* Stands in the table for a page that cannot be read. */
static unsigned char unreadable[1];

int64_t target_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void *target_new(const struct target_ops *ops, size_t size)
{
	struct target *t = base_malloc(size);

	memset(t, 0, size);
	t->ops = ops;
	t->name = ops->kind;
	return t;
}

void target_close(struct target *t)
{
	if (!t)
		return;
	target_resume(t);
	if (t->ops->close)
		t->ops->close(t);
	target_forget(t);
	table_deinit(&t->recorded);
	arena_deinit(&t->arena);
	free(t->room);
	free(t);
}

void target_note(struct target *t, const char *fmt, ...)
{
	const char **notes = arena_array(&t->arena, const char *, t->nnotes + 1);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < t->nnotes; i++)
		notes[i] = t->notes[i];
	notes[t->nnotes++] = arena_str(&t->arena, text);
	t->notes = notes;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

void target_forget(struct target *t)
{
	table_deinit(&t->pages);
	arena_deinit(&t->page_memory);
	t->room_used = t->nmissed = 0;
	t->keeping = false;
}

void target_set_window(struct target *t, uint64_t lo, uint64_t hi, const void *bytes)
{
	t->window_lo = bytes ? lo : 0;
	t->window_hi = bytes ? hi : 0;
	t->window = bytes;
}

void target_set_copy(struct target *t, const unsigned char *(*copy)(void *arg, uint64_t addr, size_t *ret_n),
		     void *arg)
{
	t->copy = copy;
	t->copy_arg = arg;
}

static void record(struct target *t, uint64_t addr, size_t n)
{
	if (n)
		for (uint64_t page = addr / TARGET_PAGE; page <= (addr + n - 1) / TARGET_PAGE; page++)
			table_put(&t->recorded, page, t);
}

/* Was it to be kept, to be read now?  What nobody can write to may be read at any time. */
static bool is_lost(const struct target *t, uint64_t addr)
{
	const struct mapping *m;

	if (!t->copy && (!t->keeping || !t->moved_on))
		return false;
	m = target_mapping(t, addr);
	return m && (m->writable || m->shared);
}

/* The page with this number; NULL if it cannot be read. */
static const unsigned char *page_of(struct target *t, uint64_t number)
{
	unsigned char bytes[TARGET_PAGE], *page = table_get(&t->pages, number);

	if (page)
		return page == unreadable ? NULL : page;
	if (is_lost(t, number * TARGET_PAGE)) {
		t->nmissed++;
		if (t->recording)
			record(t, number * TARGET_PAGE, TARGET_PAGE);
		return NULL;
	}
	if (t->pages.n >= MAX_PAGES && !t->keeping)
		target_forget(t);
	page = unreadable;
	if (t->ops->read(t, number * TARGET_PAGE, bytes, sizeof bytes) == sizeof bytes)
		page = arena_copy(&t->page_memory, bytes, sizeof bytes);
	table_put(&t->pages, number, page);
	return page == unreadable ? NULL : page;
}

static size_t read_copy(struct target *t, uint64_t addr, void *buf, size_t n)
{
	size_t there = 0;
	const unsigned char *bytes = t->copy(t->copy_arg, addr, &there);

	if (!bytes)
		return 0;
	n = n < there ? n : there;
	memcpy(buf, bytes, n);
	return n;
}

/* Up to n bytes at addr that lie in one place: how many, 0 if there are none. */
static size_t read_piece(struct target *t, uint64_t addr, void *buf, size_t n)
{
	const unsigned char *page;
	size_t copied;

	if (addr >= t->window_lo && addr < t->window_hi) {
		if (n > t->window_hi - addr)
			n = t->window_hi - addr;
		memcpy(buf, t->window + (addr - t->window_lo), n);
		return n;
	}
	if (addr < t->window_lo && n > t->window_lo - addr)
		n = t->window_lo - addr;
	if (t->copy && ((copied = read_copy(t, addr, buf, n)) > 0 || is_lost(t, addr)))
		return copied;
	if (t->ops->uncached) {
		n = t->ops->read(t, addr, buf, n);
		if (t->recording)
			record(t, addr, n);
		return n;
	}
	if (n > TARGET_PAGE - addr % TARGET_PAGE)
		n = TARGET_PAGE - addr % TARGET_PAGE;
	page = page_of(t, addr / TARGET_PAGE);
	if (!page)
		return 0;
	memcpy(buf, page + addr % TARGET_PAGE, n);
	if (t->recording)
		record(t, addr, n);
	return n;
}

size_t target_read_some(struct target *t, uint64_t addr, void *buf, size_t n)
{
	size_t got = 0, piece;

	if (n && addr + (n - 1) < addr)
		n = (size_t)-addr; /* up to the end of the address space */
	while (got < n) {
		piece = read_piece(t, addr + got, (char *)buf + got, n - got);
		if (!piece)
			break;
		got += piece;
	}
	return got;
}

static int unread(const struct target *t)
{
	return t->gone ? -ESRCH : -EFAULT;
}

int target_read(struct target *t, uint64_t addr, void *buf, size_t n)
{
	return target_read_some(t, addr, buf, n) == n ? 0 : unread(t);
}

ssize_t target_read_str(struct target *t, uint64_t addr, char *buf, size_t max, bool *ret_truncated)
{
	size_t len = 0, step = 64, got;
	const char *zero;

	*ret_truncated = true;
	while (len < max) {
		got = target_read_some(t, addr + len, buf + len, step < max - len ? step : max - len);
		zero = memchr(buf + len, 0, got);
		if (zero) {
			*ret_truncated = false;
			return zero - buf;
		}
		if (!got)
			break;
		len += got;
		step *= 2;
	}
	if (len || max)
		return len ? (ssize_t)len : unread(t);
	return 0;
}

/* Straight from the target. */
static void fetch_spans(struct target *t, struct span *spans, size_t n)
{
	if (t->ops->read_spans)
		t->ops->read_spans(t, spans, n);
	else
		for (size_t i = 0; i < n; i++)
			spans[i].ok = t->ops->read(t, spans[i].addr, spans[i].buf, spans[i].len) ==
				      spans[i].len;
}

void target_read_spans(struct target *t, struct span *spans, size_t n)
{
	if (t->keeping || t->copy) {
		if (t->keeping && !t->moved_on)
			target_keep(t, spans, n);
		for (size_t i = 0; i < n; i++)
			spans[i].ok = target_read(t, spans[i].addr, spans[i].buf, spans[i].len) == 0;
		return;
	}
	fetch_spans(t, spans, n);
	for (size_t i = 0; i < n && t->recording; i++)
		if (spans[i].ok)
			record(t, spans[i].addr, spans[i].len);
}

/* ---- keeping -------------------------------------------------------------------------------------------- */

enum { KEEP_BATCH = 256, KEEP_SPAN = 1 << 20 };

/* Pages that are being copied into the cache: pieces of as many as lie side by side, here and there. */
struct keeper {
	struct target *t;
	struct span spans[KEEP_BATCH];
	size_t n;
};

static void keep_fetched(struct keeper *k)
{
	struct target *t = k->t;

	fetch_spans(t, k->spans, k->n);
	for (size_t i = 0; i < k->n; i++)
		for (size_t at = 0; at < k->spans[i].len; at += TARGET_PAGE) {
			uint64_t addr = k->spans[i].addr + at;
			unsigned char *page = (unsigned char *)k->spans[i].buf + at;

			/* One page that cannot be read does not take the others with it. */
			if (!k->spans[i].ok && t->ops->read(t, addr, page, TARGET_PAGE) != TARGET_PAGE)
				page = unreadable;
			table_put(&t->pages, addr / TARGET_PAGE, page);
		}
	k->n = 0;
}

static void keep_page(struct keeper *k, uint64_t addr)
{
	struct target *t = k->t;
	struct span *last = k->n ? &k->spans[k->n - 1] : NULL;
	unsigned char *page;

	if (t->room_size - t->room_used >= TARGET_PAGE) {
		page = t->room + t->room_used;
		t->room_used += TARGET_PAGE;
	} else {
		page = arena_take(&t->page_memory, TARGET_PAGE);
	}
	if (last && last->addr + last->len == addr && (unsigned char *)last->buf + last->len == page &&
	    last->len < KEEP_SPAN) {
		last->len += TARGET_PAGE;
		return;
	}
	if (k->n == KEEP_BATCH)
		keep_fetched(k);
	k->spans[k->n++] = (struct span){addr, page, TARGET_PAGE, false};
}

void target_keep(struct target *t, const struct span *pieces, size_t n)
{
	struct keeper k;

	if (t->ops->uncached)
		return;
	k.t = t;
	k.n = 0;
	t->keeping = true;
	for (size_t i = 0; i < n; i++) {
		uint64_t first = pieces[i].addr / TARGET_PAGE,
			 last = (pieces[i].addr + pieces[i].len - 1) / TARGET_PAGE;

		for (uint64_t page = first; pieces[i].len && page <= last; page++)
			if (!table_get(&t->pages, page))
				keep_page(&k, page * TARGET_PAGE);
	}
	keep_fetched(&k);
}

void target_keep_room(struct target *t, size_t n)
{
	free(t->room);
	t->room = base_malloc(n);
	t->room_size = n;
	for (size_t i = 0; i < n; i += TARGET_PAGE)
		t->room[i] = 0;
}

bool target_lacks(const struct target *t, uint64_t addr)
{
	return !table_get(&t->pages, addr / TARGET_PAGE) && is_lost(t, addr);
}

/* ---- stopping ------------------------------------------------------------------------------------------- */

/* The frame that target_stop returns to, as it will be then.  Both builtins are about target_stop, so this is
 * part of it; they make the compiler keep a frame pointer there, behind which lie the saved rbp and the return
 * address. */
#define NOTE_CALLER(r)                                                                                       \
	do {                                                                                                 \
		const uint64_t *frame_ = __builtin_frame_address(0);                                         \
		memset((r), 0, sizeof *(r));                                                                 \
		regs_set((r), REG_RBP, frame_[0]);                                                           \
		regs_set((r), REG_RIP, (uint64_t)(uintptr_t)__builtin_return_address(0));                    \
		regs_set((r), REG_RSP, (uint64_t)(uintptr_t)(frame_ + 2));                                   \
	} while (0)

__attribute__((noinline)) int target_stop(struct target *t, struct error *e)
{
	int r = 0;

	if (t->stopped_at && !t->moved_on)
		return 0;
	NOTE_CALLER(&t->caller);
	t->stopping_at = target_now();
	t->stopped_at = t->paused_ns = 0;
	if (t->ops->stop)
		r = t->ops->stop(t, e);
	if (r < 0) {
		t->stopping_at = t->stopped_at = 0;
		return r;
	}
	if (!t->stopped_at)
		t->stopped_at = target_now();
	t->moved_on = false;
	target_forget(t);
	if (t->ops->load_mappings && (r = t->ops->load_mappings(t, e)) < 0) {
		target_resume(t);
		return r;
	}
	return 0;
}

void target_resume(struct target *t)
{
	if (!t->stopped_at || t->moved_on)
		return;
	if (t->ops->resume)
		t->ops->resume(t);
	t->paused_ns = target_now() - t->stopping_at;
	t->moved_on = true;
}

/* ---- looking up ----------------------------------------------------------------------------------------- */

const struct mapping *target_mapping(const struct target *t, uint64_t addr)
{
	size_t i = SEARCH_UPTO(t->mappings, t->nmappings, hi, addr);

	return i < t->nmappings && t->mappings[i].lo <= addr ? &t->mappings[i] : NULL;
}

const struct target_thread *target_thread(const struct target *t, int32_t tid)
{
	for (size_t i = 0; i < t->nthreads; i++)
		if (t->threads[i].tid == tid)
			return &t->threads[i];
	return NULL;
}

bool target_resident(struct target *t, uint64_t addr, size_t n, unsigned char *ret_present)
{
	return t->ops->resident && t->ops->resident(t, addr, n, ret_present);
}
