/* SPDX-License-Identifier: MIT */
/* What: the asymmetric barrier; see barrier.h. */
#define _GNU_SOURCE
#include "sys/barrier.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/futex.h"
#include "sys/sanitize.h"

#if __has_include(<sys/rseq.h>) && !defined(GORI_TSAN) /* which does not see what assembly does */
#include <sys/rseq.h>
#define HAVE_RSEQ
#endif

static bool use_mprotect, can_restart;
static void *page;
static uint32_t page_lock;

static long membarrier(int cmd)
{
	return syscall(SYS_membarrier, cmd, 0, 0);
}

void gori_barrier_init(void)
{
	can_restart = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ) == 0;
	if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0)
		return;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		abort();
	use_mprotect = true;
}

/* The page must be present and writable when it becomes read-only, or no TLB has to be flushed. */
static void tlb_shootdown(void)
{
	gori_lock(&page_lock);
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0)
		abort();
	++*(volatile char *)page;
	if (mprotect(page, 4096, PROT_READ) != 0)
		abort();
	gori_unlock(&page_lock);
}

void gori_barrier_all_threads(void)
{
	if (use_mprotect || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
		tlb_shootdown();
}

bool gori_barrier_is_fallback(void)
{
	return use_mprotect;
}

/* glibc registers its threads; one where that failed has a negative processor number. */
uint64_t *gori_barrier_restart_slot(void)
{
#ifdef HAVE_RSEQ
	struct rseq *area;
	char *thread;

	__asm__("movq %%fs:0, %0" : "=r"(thread)); /* clang 14 has no __builtin_thread_pointer */
	area = (struct rseq *)(thread + __rseq_offset);
	if (can_restart && __rseq_size && (int32_t)area->cpu_id >= 0)
		return (uint64_t *)&area->rseq_cs;
#endif
	return NULL;
}

void gori_barrier_restart_all(void)
{
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) != 0)
		abort();
}
