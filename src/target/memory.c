/* SPDX-License-Identifier: MIT */
/*
 * What: memory of a process, one piece at a time or a thousand.
 *
 * How: process_vm_readv, and where a sandbox forbids that, /proc/PID/mem, which is slower (a call for each
 * piece) and also reads what the process itself may not.  Never by dereferencing, not even our own.
 *
 * The kernel copies what it can from the front of a batch: everything up to the first page that it could not
 * read.  So the span in which it stopped has failed, and the next batch begins behind it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "target/process.h"

enum {
	BATCH = IOV_MAX,
	BATCH_MIN = 8,
	BATCH_BYTES = 1 << 28, /* well below what one call can count */
};

/* Whether it is worth trying again, after process_vm_readv has failed with err.  Gone is for ever: threads that end
 * one after the other must not bring it back. */
static bool go_on(struct process *p, int err)
{
	if (err == ESRCH && !p->t.gone) {
		p->t.gone = process_find_memory(p, p->memory_tid) < 0;
		return !p->t.gone;
	}
	if (err != ENOSYS && err != EPERM)
		return false;
	p->use_mem = true;
	return true;
}

static ssize_t read_once(struct process *p, uint64_t addr, void *buf, size_t n)
{
	struct iovec here = {buf, n}, there = {(void *)(uintptr_t)addr, n};
	ssize_t r;

	if (p->t.gone)
		return -1;
	if (n > BATCH_BYTES)
		here.iov_len = there.iov_len = n = BATCH_BYTES;
	while (!p->use_mem) {
		r = process_vm_readv(p->memory_tid, &here, 1, &there, 1, 0);
		if (r >= 0 || !go_on(p, errno))
			return r;
	}
	r = pread(p->mem, buf, n, (off_t)addr);
	if (r == 0 && n) { /* the address space is no more: another thread's may be */
		p->t.gone = process_find_memory(p, p->memory_tid) < 0;
		r = p->t.gone ? 0 : pread(p->mem, buf, n, (off_t)addr);
	}
	return r;
}

size_t process_read(struct target *t, uint64_t addr, void *buf, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		r = read_once((struct process *)t, addr + got, (char *)buf + got, n - got);
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	return got;
}

struct batch {
	struct iovec here[BATCH], there[BATCH];
	size_t n;
};

static void fill(struct batch *b, const struct span *spans, size_t n, size_t most)
{
	size_t bytes = 0;

	for (b->n = 0; b->n < n && b->n < most; b->n++) {
		const struct span *s = &spans[b->n];

		if (s->len > BATCH_BYTES - bytes)
			break;
		bytes += s->len;
		b->here[b->n] = (struct iovec){s->buf, s->len};
		b->there[b->n] = (struct iovec){(void *)(uintptr_t)s->addr, s->len};
	}
}

/* Of a batch of n, of which `got` bytes were read: how many spans that is. */
static size_t settle(struct span *spans, size_t n, size_t got)
{
	size_t i;

	for (i = 0; i < n && spans[i].len <= got; i++) {
		spans[i].ok = true;
		got -= spans[i].len;
	}
	return i;
}

void process_read_spans(struct target *t, struct span *spans, size_t n)
{
	struct process *p = (struct process *)t;
	size_t most = BATCH, done;
	struct batch b;
	ssize_t r;

	while (n) {
		fill(&b, spans, n, p->use_mem ? 0 : most);
		r = b.n ? process_vm_readv(p->memory_tid, b.here, b.n, b.there, b.n, 0) : 0;
		done = r < 0 ? 0 : settle(spans, b.n, (size_t)r);
		if (r < 0 && errno != EFAULT && go_on(p, errno))
			continue;
		if (done < b.n) {
			spans[done++].ok = false;
			most = most / 2 > BATCH_MIN ? most / 2 : BATCH_MIN;
		} else if (b.n == 0) {
			spans[0].ok = process_read(t, spans[0].addr, spans[0].buf, spans[0].len) ==
				      spans[0].len;
			done = 1;
		} else {
			most = most * 2 < BATCH ? most * 2 : BATCH;
		}
		spans += done;
		n -= done;
	}
}

/* One word per page (Documentation/admin-guide/mm/pagemap.rst): bit 63 present, bit 62 swapped out,
 * bit 61 of a file or shared. */
bool process_resident(struct target *t, uint64_t addr, size_t n, unsigned char *ret_present)
{
	struct process *p = (struct process *)t;
	int fd = openat(p->dir, "pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t words[512];
	size_t done = 0;

	if (fd < 0)
		return false;
	while (done < n) {
		size_t k = n - done < 512 ? n - done : 512;
		ssize_t got = pread(fd, words, k * 8, (off_t)((addr / TARGET_PAGE + done) * 8));

		if (got <= 0 || got % 8)
			break;
		for (size_t i = 0; i < (size_t)got / 8; i++)
			ret_present[done + i] = words[i] >> 62 == 0 ? 0 : words[i] >> 61 & 1 ? 1 : 2;
		done += (size_t)got / 8;
	}
	close(fd);
	return done == n;
}
