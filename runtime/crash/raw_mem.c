/* SPDX-License-Identifier: MIT */
/*
 * What: reading memory that may not be there; raw_mem.h says for whom.
 *
 * How: process_vm_readv on oneself, one page at a time, into a small direct-mapped cache.  The frames of a
 * parked goroutine and its G share a page, so a goroutine costs one system call.  Where that call is
 * forbidden (seccomp filters of old container runtimes), each page is probed first with
 * rt_sigprocmask(-1, addr): the kernel copies the mask from addr before it finds `how` invalid, so EFAULT
 * means unreadable and EINVAL readable, with no descriptor and no side effect; then it is copied directly.
 * Between probe and copy another thread could unmap the page; the threads of the runtime are frozen then,
 * and the handler survives one fault of its own.
 * One page at a time can be declared trusted and is then read in place: that of a G in a stack slot, which
 * the scheduler's own enumeration has dereferenced just before.  It holds the innermost frames of most
 * goroutines too, so a dump of many makes few system calls.
 * Rejected: plain dereference under a SIGSEGV handler with siglongjmp (memcpy faulted in handlers of others;
 * not usable while the fault handler itself runs), /proc/self/mem (needs a descriptor), a pipe (two).
 *
 * Invariants: no page is cached across raw_mem_reset.
 * Context: any.
 */
#define _GNU_SOURCE
#include "crash/raw_mem.h"

#include <errno.h>
#include <sys/uio.h>

#include "crash/raw_sys.h"

#include "crash/safe.h"

/* Pages in place are other people's stacks: what a sanitizer thinks of them is not of interest here. */
#define NO_SANITIZE __attribute__((no_sanitize("address"), no_sanitize("thread")))

enum { HOW_UNKNOWN, HOW_VM, HOW_PROBE };

/* Context: any. */
void raw_mem_reset(struct raw_mem *mem)
{
	for (int i = 0; i < RAW_NPAGES; i++)
		mem->tag[i] = 0;
	mem->trusted = 1;
}

/* Context: any. */
void raw_mem_use_fallback(struct raw_mem *mem)
{
	mem->how = HOW_PROBE;
}

/* Context: any. */
static bool fetch_vm(struct raw_mem *mem, uint64_t page, unsigned char *to)
{
	struct iovec local = {to, RAW_PAGE};
	struct iovec remote = {(void *)(uintptr_t)page, RAW_PAGE};
	long pid = raw_sys0(SYS_getpid);
	long n = raw_sys6(SYS_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 0);

	if (mem->how == HOW_UNKNOWN && (n == -EPERM || n == -ENOSYS))
		mem->how = HOW_PROBE;
	else if (n == RAW_PAGE)
		mem->how = HOW_VM;
	return n == RAW_PAGE;
}

/* Context: any. */
static bool fetch_probe(uint64_t page, unsigned char *to)
{
	if (raw_sys4(SYS_rt_sigprocmask, -1, page, 0, sizeof(uint64_t)) != -EINVAL)
		return false;
	raw_copy(to, (const void *)(uintptr_t)page, RAW_PAGE);
	return true;
}

/* The cached page, or NULL.  Context: any. */
static const unsigned char *get_page(struct raw_mem *mem, uint64_t page)
{
	uint32_t i = (uint32_t)((page >> 12) * 0x9e3779b97f4a7c15ULL >> 58) % RAW_NPAGES;
	bool ok = false;

	if (mem->trusted == page)
		return (const unsigned char *)(uintptr_t)page;
	if (mem->tag[i] == page + 1)
		return mem->data[i];
	if (mem->tag[i] == page + 2)
		return NULL;
	if (mem->how != HOW_PROBE)
		ok = fetch_vm(mem, page, mem->data[i]);
	if (mem->how == HOW_PROBE)
		ok = fetch_probe(page, mem->data[i]);
	mem->tag[i] = page + (ok ? 1 : 2);
	return ok ? mem->data[i] : NULL;
}

/* Context: any. */
NO_SANITIZE bool raw_read(struct raw_mem *mem, uint64_t addr, void *ret, size_t n)
{
	unsigned char *to = ret;

	if (addr + n < addr)
		return false;
	while (n) {
		uint64_t page = addr & ~(uint64_t)(RAW_PAGE - 1);
		size_t off = addr - page, piece = RAW_PAGE - off < n ? RAW_PAGE - off : n;
		const unsigned char *from = get_page(mem, page);

		if (!from)
			return false;
		if (n == sizeof(uint64_t) && piece == n)
			__builtin_memcpy(to, from + off, sizeof(uint64_t));
		else
			raw_copy(to, from + off, piece);
		to += piece;
		addr += piece;
		n -= piece;
	}
	return true;
}

/* Context: any. */
NO_SANITIZE int raw_read_text(struct raw_mem *mem, uint64_t addr, char *ret, size_t cap)
{
	for (size_t i = 0; i + 1 < cap; i++) {
		uint64_t at = addr + i;
		const unsigned char *from = get_page(mem, at & ~(uint64_t)(RAW_PAGE - 1));

		if (!from)
			return -1;
		ret[i] = (char)from[at & (RAW_PAGE - 1)];
		if (!ret[i])
			return (int)i;
	}
	ret[cap - 1] = '\0';
	return (int)cap - 1;
}
