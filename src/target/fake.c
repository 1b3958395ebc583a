/* SPDX-License-Identifier: MIT */
/*
 * What: a target whose memory and threads a test has laid out.
 *
 * How: spans are searched one after the other, the first that has the address wins.  Each is also a mapping,
 * anonymous and writable.
 */
#include <stdlib.h>
#include <string.h>

#include "target/target.h"

struct fake {
	struct target t;
	struct span *memory; /* sorted by address */
	size_t n;
};

static size_t fake_read(struct target *t, uint64_t addr, void *buf, size_t n)
{
	const struct fake *f = (const struct fake *)t;

	for (size_t i = 0; i < f->n; i++) {
		const struct span *s = &f->memory[i];

		if (addr < s->addr || addr - s->addr >= s->len)
			continue;
		if (n > s->len - (addr - s->addr))
			n = s->len - (addr - s->addr);
		memcpy(buf, (const char *)s->buf + (addr - s->addr), n);
		return n;
	}
	return 0;
}

static void fake_read_spans(struct target *t, struct span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t got = 0, piece;

		while (got < spans[i].len) {
			piece = fake_read(t, spans[i].addr + got, (char *)spans[i].buf + got,
					  spans[i].len - got);
			if (!piece)
				break;
			got += piece;
		}
		spans[i].ok = got == spans[i].len;
	}
}

static const struct target_ops fake_ops = {
	.kind = "fake target",
	.uncached = true,
	.read = fake_read,
	.read_spans = fake_read_spans,
};

static int by_address(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void take_memory(struct fake *f, const struct span *memory, size_t n)
{
	struct target *t = &f->t;

	f->memory = arena_array(&t->arena, struct span, n);
	f->n = n;
	for (size_t i = 0; i < n; i++) {
		f->memory[i] = memory[i];
		f->memory[i].buf = arena_copy(&t->arena, memory[i].buf, memory[i].len);
	}
	qsort(f->memory, n, sizeof f->memory[0], by_address);
	t->mappings = arena_array(&t->arena, struct mapping, n);
	t->nmappings = n;
	for (size_t i = 0; i < n; i++)
		t->mappings[i] = (struct mapping){.lo = f->memory[i].addr,
						  .hi = f->memory[i].addr + f->memory[i].len,
						  .path = "",
						  .readable = true,
						  .writable = true};
}

int target_open_fake(struct target **ret, const struct span *memory, size_t n,
		     const struct target_thread *threads, size_t nthreads)
{
	struct fake *f = target_new(&fake_ops, sizeof *f);
	struct target *t = &f->t;

	if (n)
		take_memory(f, memory, n);
	t->threads = arena_array(&t->arena, struct target_thread, nthreads);
	t->nthreads = nthreads;
	for (size_t i = 0; i < nthreads; i++) {
		t->threads[i] = threads[i];
		if (threads[i].regs.xmm)
			t->threads[i].regs.xmm = &t->threads[i].xmm;
	}
	*ret = t;
	return 0;
}
