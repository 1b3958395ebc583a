/* SPDX-License-Identifier: MIT */
#ifndef RAW_SYS_H
#define RAW_SYS_H
/*
 * What: system calls for crash code, made directly.
 *
 * How: libc's wrappers set errno, some are cancellation points, some take locks in some versions (sigaction
 * for SIGABRT), and sanitizers replace many.  Each function returns what the kernel does: a value, or a
 * negative errno.
 *
 * Context: any.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long raw_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define raw_sys4(nr, a, b, c, d) raw_sys6((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define raw_sys3(nr, a, b, c) raw_sys6((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define raw_sys2(nr, a, b) raw_sys6((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define raw_sys1(nr, a) raw_sys6((nr), (long)(a), 0, 0, 0, 0, 0)
#define raw_sys0(nr) raw_sys6((nr), 0, 0, 0, 0, 0, 0)

/* Fresh zero pages, or NULL. */
static inline void *raw_map(size_t size)
{
	enum { READ_WRITE = 3, PRIVATE_ANON_NORESERVE = 0x4022 };
	long p = raw_sys6(SYS_mmap, 0, (long)size, READ_WRITE, PRIVATE_ANON_NORESERVE, -1, 0);

	return p < 0 && p > -4096 ? NULL : (void *)p;
}

static inline void raw_unmap(void *p, size_t size)
{
	raw_sys2(SYS_munmap, p, size);
}

/* rt_sigaction's own struct, which is not libc's. */
struct raw_sigaction {
	void *handler;
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

static inline int raw_sigaction(int sig, const struct raw_sigaction *set, struct raw_sigaction *ret_old)
{
	return (int)raw_sys4(SYS_rt_sigaction, sig, set, ret_old, sizeof(uint64_t));
}

/* how: SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK. */
static inline int raw_sigprocmask(int how, uint64_t set, uint64_t *ret_old)
{
	return (int)raw_sys4(SYS_rt_sigprocmask, how, &set, ret_old, sizeof set);
}

#define RAW_SIGBIT(sig) ((uint64_t)1 << ((sig)-1))

static inline void raw_copy(void *to, const void *from, size_t n)
{
	/* Not memcpy: under a sanitizer that would be a checked call, and these bytes are nobody's objects. */
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

static inline size_t raw_strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

#endif
